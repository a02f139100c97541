"""A receiver of webhooks over real HTTP and TLS, which can fail in every way."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from pydantic_core import from_json

from shared.testing.signals import Probe

OK: Final = b"HTTP/1.1 204 No Content\r\n\r\n"
NOTHING: Final = b""
"""Instead of an answer: none, until the other side gives up."""
ENDLESS: Final = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
"""Followed by more than anybody wants to read."""
TRICKLE: Final = b"HTTP/1.1 200 OK\r\nX-Slow: "
"""Followed by a byte now and then, until the other side gives up: it never stops coming, and never ends."""
HUNG_UP: Final = b"\0"
"""Instead of an answer: the end of the connection."""
RESET: Final = b"\1"
"""Instead of an answer: the connection broken off."""
HALF: Final = b"HTTP/1.1 200 OK\r\nContent-"
"""The beginning of an answer, and the end of the connection."""


async def _break_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes) -> None:
    """Answer in a way after which nothing can come on this connection any more."""
    if answer == RESET:
        writer.transport.abort()
        return
    if answer != HUNG_UP:
        writer.write(answer)
    gone = asyncio.ensure_future(reader.read())
    while answer == TRICKLE and not gone.done():
        writer.write(b"y")
        await asyncio.wait({gone}, timeout=0.02)
    gone.cancel()


def status(code: int, *headers: str) -> bytes:
    """Return an answer with this status and no body."""
    lines = [f"HTTP/1.1 {code} As Said", "Content-Length: 0", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


@dataclass(frozen=True)
class Webhook:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """The event's id, as the body has it."""
        return str(from_json(self.body)["id"])

    @property
    def position(self) -> int:
        """Where it stands in the feed."""
        return int(self.headers["lagspill-position"])

    def signed_with(self, secret: str) -> bool:
        """Return whether one of the signatures is made with this secret, by the specification's words."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + self.body
        made = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return f"v1,{made}" in self.headers["webhook-signature"].split(" ")


@dataclass
class Receiver:
    """What listens; it answers what the test says next, and else that all is well."""

    port: int
    arrived: Probe[Webhook] = field(default_factory=Probe)
    answers: list[bytes] = field(default_factory=list)
    connected: Probe[int] = field(default_factory=Probe)

    @property
    def connections(self) -> int:
        """How many have been made."""
        return len(self.connected.seen)

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://localhost:{self.port}/hook"

    @property
    def ids(self) -> list[str]:
        """The ids of what has come, in order."""
        return [webhook.id for webhook in self.arrived.seen]


@asynccontextmanager
async def receiver(tls: ssl.SSLContext | None) -> AsyncIterator[Receiver]:
    """Listen on a free port of this machine."""
    made = Receiver(0)
    writers: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connected(made.connections + 1)
        writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.split("\r\n")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines if line)}
                body = await reader.readexactly(int(headers["content-length"]))
                made.arrived(Webhook(first.split(" ")[1], headers, body))
                answer = made.answers.pop(0) if made.answers else OK
                if answer == NOTHING:
                    await reader.read()
                    break
                if answer in {TRICKLE, HUNG_UP, RESET, HALF}:
                    await _break_off(reader, writer, answer)
                    break
                writer.write(answer)
                while answer == ENDLESS:
                    writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                    await writer.drain()
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        for writer in writers:
            # Python 3.11.2 fails where the connection is gone already (mended in 3.11.3).
            with contextlib.suppress(AttributeError):
                writer.transport.abort()
        for writer in writers:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
