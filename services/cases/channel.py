"""The digital way to child welfare: a port that takes a concern report and answers with a receipt.

The document is posted as JSON to one address, with the report's own reference as its idempotency key: whoever is asked twice has
one report. Every answer but a receipt is a failure, and a failure is tried again until the report goes by letter.
"""

from __future__ import annotations

import asyncio
from datetime import date, datetime
from typing import Final, Literal, Protocol

import httpx
from pydantic import SecretStr, ValidationError

from shared.contracts.base import Model
from shared.contracts.codes import Role, Service
from shared.refs import ConcernReportRef, OrganisationNumber

TIMEOUT_SECONDS: Final = 10.0
FIRST_REFUSAL: Final = 400
FIRST_FAILURE: Final = 500
_TRY_AGAIN: Final = frozenset({408, 409, 425, 429})


class ReportedChild(Model):
    """Whom the report is about."""

    name: str
    national_number: str
    born: date


class ReportedGuardian(Model):
    """One with parental responsibility."""

    name: str
    national_number: str
    phone: str | None
    language: str


class ReportDocument(Model):
    """A concern report as child welfare gets it: the one place where all of it stands together."""

    report: ConcernReportRef
    sent_at: datetime
    municipality: str
    reporter_role: Role
    reporter_service: Service | None
    reporter_organisation: OrganisationNumber | None
    ground: str
    ground_letter: str
    ground_text: str
    section: str
    child: ReportedChild
    guardians: tuple[ReportedGuardian, ...]
    guardians_informed: bool
    not_informed_because: str | None
    child_heard_by: str | None
    child_said: str | None
    not_heard_because: str | None
    text: str


class Receipt(Model):
    """The channel's receipt."""

    receipt: str


class ChannelError(Exception):
    """The channel did not take the report. Nothing of what was sent or answered is in the message."""

    def __init__(self, reason: Literal["refused", "unreachable"], *, final: bool) -> None:
        """Say why; `final` when it would be answered the same again."""
        super().__init__(reason)
        self.reason: Final = reason
        self.final: Final = final


class ReportChannel(Protocol):
    """A way by which a concern report comes to child welfare."""

    async def deliver(self, document: ReportDocument) -> Receipt:
        """Deliver it and return the receipt; the same report again gives the same.

        Raises:
            ChannelError: there is no receipt.
        """


class HttpChannel:
    """Posts reports to one address."""

    def __init__(
        self, http: httpx.AsyncClient, url: str, token: SecretStr | None, *, timeout: float = TIMEOUT_SECONDS
    ) -> None:
        """Post to `url`, with `token` as a bearer if there is one; the caller closes `http`."""
        self._http = http
        self._url = url
        self._token = token
        self._timeout = timeout

    async def deliver(self, document: ReportDocument) -> Receipt:
        """Deliver it; see `ReportChannel`.

        Raises:
            ChannelError: no answer in time, an answer that is no receipt, or a refusal.
        """
        headers = {"content-type": "application/json", "idempotency-key": document.report}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            # httpx counts the time of each step for itself, and an answer that drips would take for ever.
            async with asyncio.timeout(self._timeout):
                answer = await self._http.post(
                    self._url, content=document.model_dump_json().encode(), headers=headers, timeout=self._timeout
                )
        except (httpx.HTTPError, TimeoutError):
            raise ChannelError("unreachable", final=False) from None
        if answer.status_code >= FIRST_FAILURE or answer.status_code in _TRY_AGAIN:
            raise ChannelError("unreachable", final=False)
        if answer.status_code >= FIRST_REFUSAL:
            raise ChannelError("refused", final=True)
        try:
            return Receipt.model_validate_json(answer.content)
        except ValidationError:
            # Something answered, but it is not the channel: a proxy's page is no receipt.
            raise ChannelError("unreachable", final=False) from None
