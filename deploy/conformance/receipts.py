"""Where a subscriber under trial gets a token and sends receipts: in place of issuer and notify service, with nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from deploy.conformance.faults import Fault, Held
from deploy.conformance.made import Made
from deploy.local.errors import LocalError

MAX_BYTES: Final = 64 * 1024
PATH: Final = "/receipts"
ISSUER: Final = "/token"
GIVEN: Final = (200, b'{"access_token": "trial", "token_type": "Bearer", "expires_in": 3600}')
TAKEN: Final = (201, b"{}")
AWAY: Final = (503, b'{"code": "unavailable"}')
NOT_OURS: Final = (404, b'{"code": "not-found"}')
MALFORMED: Final = (422, b'{"code": "input-invalid"}')
UNSIGNED: Final = (401, b'{"code": "token-missing"}')


class Sent(BaseModel):
    """A receipt, as it is posted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    consent: str
    consent_version: int = Field(ge=1)
    items_removed: int = Field(ge=0)


@dataclass
class Receipts:
    """What has been sent so far. A receipt that is judged is answered with 503 the first time: it must come again."""

    refused: bool = False
    """Whether something came that the service would not take: no token, no idempotency key, another body."""
    _judged: set[str] = field(default_factory=set)
    _seen: defaultdict[str, list[tuple[str, Sent]]] = field(default_factory=lambda: defaultdict(list))
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Return status and body of the answer to a post."""
        if path == ISSUER:
            return GIVEN
        if not path.endswith(PATH):
            return NOT_OURS
        self._arrived.set()
        key = headers.get("idempotency-key", "")
        if not headers.get("authorization", "").startswith("Bearer "):
            self.refused = True
            return UNSIGNED
        try:
            sent = Sent.model_validate_json(body)
        except ValidationError:
            self.refused = True
            return MALFORMED
        if not key:
            self.refused = True
            return MALFORMED
        seen = self._seen[sent.consent]
        seen.append((key, sent))
        return AWAY if len(seen) == 1 and sent.consent in self._judged else TAKEN

    def judge(self, consent: str) -> None:
        """Take note, before it ends, that the receipt of this consent will be judged."""
        self._judged.add(consent)

    async def judged(self, consent: str, version: int, within: float) -> Fault | Held:
        """Return whether the receipt of a consent's end has come as it should, as soon as it is taken, or when the time is out."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self._seen[consent]) < 2 and not self.refused:
                    self._arrived.clear()
                    await self._arrived.wait()
        seen = self._seen[consent]
        if self.refused or any(sent.consent_version != version for _, sent in seen):
            return Fault.RECEIPT_SENT_WRONG
        if len(seen) < 2:
            return Fault.RECEIPT_NOT_SENT if not seen else Fault.RECEIPT_GIVEN_UP
        return Held.HELD if len(set(seen)) == 1 else Fault.RECEIPT_SENT_WRONG

    async def acknowledged(self, ended: Sequence[Made], version: int, within: float) -> Fault | Held:
        """Return whether a receipt of each of these ends has come, as soon as all have, or when the time is out."""
        consents = {made.consent for made in ended}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not (consents <= self._seen.keys() or self.refused):
                    self._arrived.clear()
                    await self._arrived.wait()
        if self.refused or any(sent.consent_version != version for each in consents for _, sent in self._seen[each]):
            return Fault.RECEIPT_SENT_WRONG
        return Held.HELD if all(self._seen[each] for each in consents) else Fault.ENDING_NOT_ACKNOWLEDGED


@asynccontextmanager
async def listening(address: str | None) -> AsyncIterator[Receipts | None]:
    """Take receipts at an address (`127.0.0.1:9200`), one request a connection; None where none is given.

    Raises:
        LocalError: nothing can listen there.
    """
    if address is None:
        yield None
        return
    receipts, (host, _, port) = Receipts(), address.rpartition(":")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, ValueError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            status, body = await _asked(reader, receipts)
            head = f"HTTP/1.1 {status} Said\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close"
            writer.write(f"{head}\r\n\r\n".encode() + body)
            await writer.drain()
        writer.close()

    try:
        server = await asyncio.start_server(answer, host or "127.0.0.1", int(port))
    except (OSError, ValueError) as error:
        raise LocalError(f"Receipts cannot be taken at {address} ({type(error).__name__}).") from error
    try:
        yield receipts
    finally:
        server.close()


async def _asked(reader: asyncio.StreamReader, receipts: Receipts) -> tuple[int, bytes]:
    """Read one request, and return the answer."""
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}
    length = int(headers.get("content-length", "0"))
    if not first.startswith("POST ") or length > MAX_BYTES:
        return NOT_OURS
    return receipts.take(first.split(" ")[1], headers, await reader.readexactly(length))
