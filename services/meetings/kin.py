"""Who may answer for a child's family: the cases service decides, asked with the person's own token. No answer from it is a no."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from services.meetings.errors import KinUnknownError, UnknownError
from shared.contracts.codes import InformationCategory, LegalBasis, Role
from shared.errors import TokenRefusedError
from shared.refs import ActorId, ActorIdField, CaseRef, CaseRefField

PATIENCE_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class FamilyRight:
    """As whom somebody is of a child's family, and what of it is theirs to read."""

    role: Role
    withheld: frozenset[InformationCategory]
    """Kinds of information that the child decides over alone."""
    basis: LegalBasis


class _Right(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    case: CaseRefField
    actor: ActorIdField
    relation: Literal["guardian", "child"]
    address_protected: bool
    withheld: frozenset[InformationCategory]
    basis: LegalBasis


class Kin:
    """Asks the cases service, which knows who a child's guardians are, and from which age a child speaks for itself."""

    def __init__(self, http: httpx.AsyncClient, cases_url: str | None) -> None:
        """Ask with `http` at `cases_url`; without an address nobody answers for a family."""
        self._http = http
        self._address = None if cases_url is None else cases_url.rstrip("/")

    async def role_of(self, actor: ActorId, case: CaseRef, authorization: str, correlation: UUID) -> Role:
        """Return as whom `actor`, whose request carried `authorization`, is of the child's family. A refusal is recorded there.

        It is the right to know who has seen the child that is asked for: whoever has it may say whether they come.

        Raises:
            UnknownError, KinUnknownError, TokenRefusedError: see `right_of`.
        """
        return (await self.right_of(actor, case, authorization, correlation)).role

    async def right_of(self, actor: ActorId, case: CaseRef, authorization: str, correlation: UUID) -> FamilyRight:
        """Return as whom `actor` is of the child's family, and what of it is theirs to read.

        Raises:
            UnknownError: the case is nothing to this person, or is none; or where the child is may be known to nobody here.
            KinUnknownError: the cases service did not answer, or not as it should.
            TokenRefusedError: it does not accept the token.
        """
        if self._address is None:
            raise KinUnknownError
        try:
            answer = await self._http.get(
                f"{self._address}/cases/{case}/insight-right",
                headers={"authorization": authorization, "x-correlation-id": str(correlation)},
                timeout=PATIENCE_SECONDS,
                follow_redirects=False,
            )
        except httpx.HTTPError as error:
            raise KinUnknownError from error
        match answer.status_code:
            case 200:
                return _right(answer.content, actor, case)
            case 401:
                raise TokenRefusedError("The cases service does not accept the access token.")
            case 403 | 404:
                raise UnknownError
            case _:
                raise KinUnknownError


def _right(content: bytes, actor: ActorId, case: CaseRef) -> FamilyRight:
    try:
        right = _Right.model_validate_json(content)
    except ValidationError:
        # From None: what came back may hold what must not be logged.
        raise KinUnknownError from None
    if (right.actor, right.case) != (actor, case):
        raise KinUnknownError
    if right.address_protected:
        raise UnknownError
    return FamilyRight(Role(right.relation), right.withheld, right.basis)
