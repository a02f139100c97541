"""Receipts over HTTP: Lagspill is told what was acted on when a consent ended, as often as it takes.

They are sent from the table, after their events were taken; whoever dies in between sends them when it is back. The standard
library's HTTP client is enough for that.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from lagspill_client.events import ConsentExpired, ConsentNarrowed, ConsentSuspended, ConsentWithdrawn

Token = Callable[[], Awaitable[str]]
"""Gives an access token for the subscription's owner."""
SECONDS: Final = 15.0
"""After so long nobody answers."""
BEFORE_ITS_END: Final = 30.0
"""Seconds before its end from which a token is not used any more."""
ENDINGS: Final = (ConsentWithdrawn, ConsentNarrowed, ConsentSuspended, ConsentExpired)
"""What ends a consent, wholly or in part: of these a receipt is awaited, and of no other event that names a consent."""
Ended = ConsentWithdrawn | ConsentNarrowed | ConsentSuspended | ConsentExpired
SETTLED: Final = frozenset({"receipt-not-awaited", "receipt-differs"})
"""Refusals that stay: of an event from before the subscription acknowledged, say. There is nothing to be sent again."""


class NotTakenError(Exception):
    """Lagspill, or its token issuer, does not answer as it should. What was not taken is sent again."""


class ClientCredentials:
    """A token by client credentials, as every service account gets one; the same until shortly before its end."""

    def __init__(self, url: str, client: str, secret: str) -> None:
        self._url = url
        self._basic = base64.b64encode(f"{urllib.parse.quote(client)}:{urllib.parse.quote(secret)}".encode()).decode()
        self._token = ""
        self._until = 0.0

    async def __call__(self) -> str:
        """Return the token.

        Raises:
            NotTakenError: the issuer gives none.
        """
        if time.monotonic() >= self._until:
            headers = {
                "authorization": f"Basic {self._basic}",
                "content-type": "application/x-www-form-urlencoded",
            }
            status, answer = await post(self._url, b"grant_type=client_credentials", headers)
            token = answer.get("access_token")
            if status != HTTPStatus.OK or not isinstance(token, str):
                raise NotTakenError(f"no token: {status}")
            self._token, lasts = token, answer.get("expires_in")
            self._until = time.monotonic() + (lasts if isinstance(lasts, int | float) else 0.0) - BEFORE_ITS_END
        return self._token


@dataclass(frozen=True, slots=True)
class Acknowledging:
    """Where receipts go: a subscription that acknowledges, and who it belongs to."""

    subscription: str
    """Its address: `https://.../subscriptions/sub_...`."""
    token: Token

    @classmethod
    def from_environment(cls) -> Acknowledging | None:
        """Return what LAGSPILL_SUBSCRIPTION, _TOKEN_URL, _CLIENT_ID and _CLIENT_SECRET say; None without the first.

        Raises:
            KeyError: one of the others is missing.
        """
        subscription = os.environ.get("LAGSPILL_SUBSCRIPTION")
        if not subscription:
            return None
        token = ClientCredentials(
            os.environ["LAGSPILL_TOKEN_URL"], os.environ["LAGSPILL_CLIENT_ID"], os.environ["LAGSPILL_CLIENT_SECRET"]
        )
        return cls(subscription, token)

    async def send(self, key: str, receipt: Mapping[str, str | int]) -> str:
        """Tell of one receipt and return an empty text, or the code of a refusal that stays.

        Args:
            key: What it is recognised by when it is sent again.
            receipt: `consent`, `consent_version`, `items_removed`.

        Raises:
            NotTakenError: it is to be sent again.
        """
        headers = {
            "authorization": f"Bearer {await self.token()}",
            "content-type": "application/json",
            "idempotency-key": key,
        }
        status, answer = await post(f"{self.subscription}/receipts", json.dumps(receipt).encode(), headers)
        if 200 <= status < 300:
            return ""
        code = str(answer.get("code", ""))
        if code in SETTLED:
            return code
        raise NotTakenError(f"not taken: {status} {code}".rstrip())


class _Nowhere(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a token is for whom it was meant."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER: Final = urllib.request.build_opener(_Nowhere)


async def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
    """Post, and return the status and the JSON object that is answered, empty where none is.

    Raises:
        NotTakenError: nobody answers.
    """
    if not url.startswith(("https://", "http://")):
        raise NotTakenError("an address is https")
    return await asyncio.to_thread(_post, urllib.request.Request(url, body, dict(headers)))  # noqa: S310 - looked at above


def _post(request: urllib.request.Request) -> tuple[int, dict[str, Any]]:
    try:
        with _OPENER.open(request, timeout=SECONDS) as answer:
            return answer.status, _object(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, _object(error.read())
    except OSError as error:
        raise NotTakenError(f"nobody answers: {type(error).__name__}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
