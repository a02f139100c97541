"""Where an opaque actor has a name: the municipality's own directory, if it has opened one for this. The log holds no names."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Final, Protocol

import httpx
import structlog
from pydantic import SecretStr, StringConstraints, ValidationError

from shared.contracts.base import Model
from shared.refs import ActorId

PATIENCE_SECONDS: Final = 5.0
AT_ONCE: Final = 500
"""How many actors are asked for in one question."""

log = structlog.get_logger(__name__)


class NameDirectory(Protocol):
    """Knows what employees are called."""

    async def names(self, actors: Collection[ActorId]) -> Mapping[ActorId, str]:
        """Return the names of those of `actors` that it knows. A report without a name tells how to ask for it."""


class NoDirectory:
    """The default: nobody's name is known here."""

    async def names(self, actors: Collection[ActorId]) -> Mapping[ActorId, str]:  # noqa: ARG002
        """Return nothing."""
        return {}


class _Answer(Model):
    names: dict[ActorId, Annotated[str, StringConstraints(max_length=200, strip_whitespace=True)]]


class HttpDirectory:
    """A directory over HTTP: `POST {"actors": [...]}` is answered with `{"names": {actor: name}}`."""

    def __init__(self, http: httpx.AsyncClient, url: str, token: SecretStr | None) -> None:
        """Ask at `url`, with `token` as the bearer if there is one."""
        self._http = http
        self._url = url
        self._token = token

    async def names(self, actors: Collection[ActorId]) -> Mapping[ActorId, str]:
        """Return the names that it knows; none when it does not answer: the report is owed also then."""
        wanted = sorted(set(actors))
        known: dict[ActorId, str] = {}
        headers = {} if self._token is None else {"authorization": f"Bearer {self._token.get_secret_value()}"}
        for start in range(0, len(wanted), AT_ONCE):
            asked = wanted[start : start + AT_ONCE]
            try:
                answer = await self._http.post(
                    self._url, json={"actors": asked}, headers=headers, timeout=PATIENCE_SECONDS
                )
                answer.raise_for_status()
                found = _Answer.model_validate_json(answer.content).names
            except (httpx.HTTPError, ValidationError) as error:
                log.warning("the name directory does not answer as it should", kind=type(error).__name__)
                return known
            known |= {actor: name for actor, name in found.items() if actor in asked and name}
        return known
