"""Who may be told: the cases service decides, asked with the person's own token. No answer from it is a no."""

from __future__ import annotations

from typing import Final
from uuid import UUID

import httpx
from pydantic import ValidationError

from services.audit.innsyn.domain import Right
from services.audit.innsyn.errors import NoInsightRightError, NoSuchReportError, RightUnknownError
from shared.errors import TokenRefusedError
from shared.refs import ActorId, CaseRef

PATIENCE_SECONDS: Final = 10.0


class Rights:
    """Asks the cases service."""

    def __init__(self, http: httpx.AsyncClient, cases_url: str | None) -> None:
        """Ask with `http` at `cases_url`; without an address nobody is told anything."""
        self._http = http
        self._address = None if cases_url is None else cases_url.rstrip("/")

    async def of(self, actor: ActorId, case: CaseRef, authorization: str, correlation: UUID) -> Right:
        """Return what a report on `case` may tell `actor`, whose request carried `authorization`. A refusal is recorded there.

        Raises:
            NoSuchReportError: the case is nothing to this person, or does not exist.
            NoInsightRightError: this person has a part in the case, but not this right.
            RightUnknownError: the cases service did not answer, or not as it should.
        """
        if self._address is None:
            raise RightUnknownError
        try:
            answer = await self._http.get(
                f"{self._address}/cases/{case}/insight-right",
                headers={"authorization": authorization, "x-correlation-id": str(correlation)},
                timeout=PATIENCE_SECONDS,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise RightUnknownError from error
        match answer.status_code:
            case 200:
                return _right(answer.content, actor, case)
            case 401:
                raise TokenRefusedError("The cases service does not accept the access token.")
            case 403:
                raise NoInsightRightError
            case 404:
                raise NoSuchReportError
            case _:
                raise RightUnknownError


def _right(content: bytes, actor: ActorId, case: CaseRef) -> Right:
    try:
        right = Right.model_validate_json(content)
    except ValidationError as error:
        raise RightUnknownError from error
    # Another actor for the same token: the services have different keys, and no look could be told from another's.
    if (right.actor, right.case) != (actor, case):
        raise RightUnknownError
    return right
