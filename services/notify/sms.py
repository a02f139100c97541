"""SMS: the port, the one text that is sent by it, and an adapter that posts each message to a gateway over HTTPS.

What an adapter must do: hand one message over, and say one of three things. It returns: the gateway has it. It raises
`SmsRejectedError`: the gateway will never take it for this number. It raises `SmsUnavailableError`: it may work later. The
message's reference goes along, so that a gateway which knows it already can leave the second one out.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from dataclasses import dataclass, field
from typing import Final, Protocol

import httpx

from services.notify.domain import sms
from services.notify.mail import DigestRef
from services.notify.settings import NotifySettings
from services.notify.texts import SMS, TextError, Texts
from shared.contracts.codes import Language
from shared.errors import LagspillError, UnavailableError
from shared.refs import MessageRef

MAX_ANSWER: Final = 64 * 1024
"""Bytes of an answer that are read, so that the connection can be used again; of a longer one no more."""
_DRAIN_SECONDS: Final = 1.0
_OURS: Final = frozenset({401, 403, 404, 405, 407, 408, 421, 425, 426, 429})
"""Answers that say nothing of this recipient: our login, our address, our pace. They are tried again."""
_LONGEST_WAIT: Final = 3600.0
_OF_ONE_STEP: Final = 0.8
"""Of the whole time, for connecting and each other step: httpx closes what it gives up itself, not what is given up around it."""


@dataclass(frozen=True)
class Sms:
    """One message, and where it goes."""

    message: MessageRef | DigestRef
    to: str = field(repr=False)
    """E.164."""
    text: str


class SmsRejectedError(LagspillError):
    """The gateway refuses this SMS for good."""

    code = "sms-rejected"

    def __init__(self, answered: int | None = None) -> None:
        """`answered` is the status of HTTP."""
        super().__init__()
        self.answered = answered


class SmsUnavailableError(UnavailableError):
    """The gateway cannot take an SMS just now."""

    code = "sms-unavailable"

    def __init__(self, answered: int | None = None, *, retry_after: float | None = None) -> None:
        """`answered` is the status of HTTP, if there was one; `retry_after`, in seconds, what the gateway asks for."""
        super().__init__(retry_after=retry_after or 1.0)
        self.answered = answered


class SmsPort(Protocol):
    """Sends SMS."""

    async def close(self) -> None:
        """Let go of what is held; it may be used again."""

    async def send(self, message: Sms) -> None:
        """Hand it over.

        Raises:
            SmsRejectedError: it will never be taken for this number.
            SmsUnavailableError: everything else; it may work later.
        """


class Wording:
    """The text of an SMS: that there is a message, and where to sign in. It fits into one, in every language."""

    def __init__(self, texts: Texts, app_url: str) -> None:
        """Take the texts, and where people sign in.

        Raises:
            TextError: with this address the text is longer than one SMS.
        """
        self._texts = texts
        self._link = app_url
        for language in Language:
            if not sms.fits(self.text(language)):
                raise TextError(f"the SMS in {language} does not fit into one: APP_URL is too long")

    def text(self, language: Language) -> str:
        """Return the text: the same for every message, so that it tells nothing of any."""
        return self._texts.text(SMS, self._texts.latest(SMS), language, link=self._link).body


class HttpSms:
    """A gateway that takes an SMS as JSON: `{"id", "from", "to", "text"}`, with a bearer token and an `Idempotency-Key`."""

    def __init__(self, settings: NotifySettings) -> None:
        """Take the settings; nothing connects before an SMS is sent.

        Raises:
            ValueError: no gateway is set.
            OSError: the file of certificates cannot be read.
        """
        if settings.sms_url is None:
            raise ValueError("no SMS gateway is set")
        self._tls = ssl.create_default_context()
        if settings.sms_ca_file is not None:
            self._tls.load_verify_locations(settings.sms_ca_file)
        self._url = str(settings.sms_url)
        self._sender = settings.sms_sender
        self._token = settings.sms_token
        self._seconds = settings.sms_timeout
        self._http: httpx.AsyncClient | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def _client(self) -> httpx.AsyncClient:
        if self._http is None:
            # No proxy and no netrc of the machine's: the address that is set is the one that gets the number.
            self._http = httpx.AsyncClient(
                verify=self._tls, trust_env=False, follow_redirects=False, timeout=self._seconds * _OF_ONE_STEP
            )
        return self._http

    async def send(self, message: Sms) -> None:
        """Hand it over; see `SmsPort`."""
        body: dict[str, str] = {"id": message.message, "from": self._sender, "to": message.to, "text": message.text}
        headers: dict[str, str] = {"idempotency-key": message.message}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token.get_secret_value()}"
        try:
            async with (
                asyncio.timeout(self._seconds),
                self._client().stream("POST", self._url, json=body, headers=headers) as answer,
            ):
                status, wait = answer.status_code, _seconds(answer.headers.get("retry-after", ""))
                await _drain(answer)
        except (httpx.HTTPError, TimeoutError, OSError, ValueError):
            # From None: what went wrong may quote what was sent.
            raise SmsUnavailableError from None
        if 200 <= status < 300:
            return
        if 400 <= status < 500 and status not in _OURS:
            raise SmsRejectedError(status)
        raise SmsUnavailableError(status, retry_after=wait)


async def _drain(answer: httpx.Response) -> None:
    """Read what else it says, within bounds, and keep nothing: the status stands, however the rest ends."""
    with contextlib.suppress(TimeoutError, httpx.HTTPError, OSError):
        async with asyncio.timeout(_DRAIN_SECONDS):
            read = 0
            async for part in answer.aiter_raw():
                read += len(part)
                if read > MAX_ANSWER:
                    break


def _seconds(retry_after: str) -> float | None:
    """Return the seconds of a Retry-After header; a date is passed over, our own pauses do as well."""
    return min(float(retry_after), _LONGEST_WAIT) if retry_after.isascii() and retry_after.isdigit() else None
