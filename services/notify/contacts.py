"""Where those around a child can be reached, and whose duty a protected case is: asked of the cases service at the moment of
sending, with this service's own token.

Each look is a disclosure that the cases service records. Nothing of the answer is stored or logged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, TypeVar

import httpx
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, ValidationError

from services.notify.addresses import Addresses
from shared.contracts.codes import Role
from shared.errors import UnavailableError
from shared.refs import ActorIdField, CaseRef, LogScopeField, UnitIdField

M = TypeVar("M", bound=BaseModel)

_EARLY: Final = 30.0
"""Seconds before its end at which a token is no longer used."""


class Contact(BaseModel):
    """One of those around the child."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    recipient: ActorIdField
    role: Role
    ordinal: int | None = Field(default=None, ge=1)
    """Which guardian; as in the events of the consent."""
    language: str | None = Field(default=None, max_length=35)
    """BCP 47."""
    email: str | None = Field(default=None, max_length=254, repr=False)
    phone: str | None = Field(default=None, max_length=40, repr=False)

    @property
    def addresses(self) -> Addresses:
        """Where they are reached."""
        return Addresses(self.email, self.phone)


class Watch(BaseModel):
    """Whose duty an address-protected case is: a role in the municipality, or the leaders of a unit of its own."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    municipality: LogScopeField
    role: Role
    unit: UnitIdField | None = None


class _Contacts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    contacts: tuple[Contact, ...]


class _Token(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    access_token: SecretStr
    expires_in: float = Field(default=60.0, gt=0)


class _Metadata(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    token_endpoint: AnyHttpUrl


class ContactsUnavailableError(UnavailableError):
    """Where the guardians can be reached, or whose duty a protected case is, is not known just now."""

    code = "contacts-unavailable"


class Contacts:
    """Asks the cases service."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        cases_url: str,
        issuer: str,
        token_url: str | None,
        client_id: str,
        client_secret: SecretStr,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Ask at `cases_url`; `token_url` is looked up in the issuer's metadata when it is not given."""
        self._http = http
        self._cases = cases_url.rstrip("/")
        self._issuer = issuer.rstrip("/")
        self._token_url = token_url
        self._client = (client_id, client_secret)
        self._monotonic = monotonic
        self._token: tuple[SecretStr, float] | None = None

    async def of_case(self, case: CaseRef) -> tuple[Contact, ...]:
        """Return whom to reach about a case, and how; nobody when the cases service knows no such case any more.

        Raises:
            ContactsUnavailableError: the cases service or the token issuer does not answer as it should.
        """
        found = await self._found(_Contacts, f"/cases/{case}/contacts")
        return () if found is None else found.contacts

    async def watch_of(self, case: CaseRef) -> Watch | None:
        """Return whose duty an address-protected case is; nobody's when the cases service knows no such case any more.

        Raises:
            ContactsUnavailableError: as `of_case`.
        """
        return await self._found(Watch, f"/cases/{case}/watch")

    async def _found(self, model: type[M], path: str) -> M | None:
        try:
            answer = await self._ask(path)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = None
                answer = await self._ask(path)
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            answer.raise_for_status()
            return model.model_validate_json(answer.content)
        except (httpx.HTTPError, ValidationError):
            # From None: what came back may hold what must not be logged.
            raise ContactsUnavailableError from None

    async def _ask(self, path: str) -> httpx.Response:
        token = await self._access_token()
        headers = {"authorization": f"Bearer {token.get_secret_value()}"}
        return await self._http.get(f"{self._cases}{path}", headers=headers)

    async def _access_token(self) -> SecretStr:
        """Return a token by client credentials (RFC 6749 § 4.4)."""
        if self._token is not None and self._monotonic() < self._token[1]:
            return self._token[0]
        name, secret = self._client
        form = {
            "grant_type": "client_credentials",
            "client_id": name,
            "client_secret": secret.get_secret_value(),
            "scope": "lagspill",
        }
        answer = await self._http.post(await self._token_endpoint(), data=form)
        answer.raise_for_status()
        token = _Token.model_validate_json(answer.content)
        self._token = token.access_token, self._monotonic() + token.expires_in - _EARLY
        return token.access_token

    async def _token_endpoint(self) -> str:
        if self._token_url is None:
            answer = await self._http.get(f"{self._issuer}/.well-known/openid-configuration")
            answer.raise_for_status()
            self._token_url = str(_Metadata.model_validate_json(answer.content).token_endpoint)
        return self._token_url
