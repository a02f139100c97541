"""What a subscriber did, for `lagspill conformance` and for whoever tries one out; and the HTTP that a subscriber needs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Final

from pydantic import BaseModel, ConfigDict

MAX_BYTES: Final = 256 * 1024
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class Effect(_Told):
    """How many times an event had its effect."""

    source: str
    id: str
    times: int


class Receipt(_Told):
    """How many times a consent's end was acted on, at one version of it."""

    consent: str
    consent_version: int
    times: int = 1


class Lost(_Told):
    """What the subscriber says it has not been given: of a subject, or of a municipality."""

    source: str
    about: str


class State(_Told):
    """What a subscriber did, as it tells it."""

    effects: tuple[Effect, ...]
    receipts: tuple[Receipt, ...] = ()
    losses: tuple[Lost, ...] = ()

    @classmethod
    def of(cls, rows: Sequence[tuple[Any, ...]]) -> State:
        """Return what rows of the inbox say: source, id, subject, outcome, receipt."""
        receipts: defaultdict[tuple[str, int], int] = defaultdict(int)
        for *_, receipt in rows:
            if receipt is not None:
                told = json.loads(receipt)
                receipts[told["consent"], told["consent_version"]] += 1
        return cls(
            effects=tuple(Effect(source=row[0], id=row[1], times=1) for row in rows if row[3] == "taken"),
            receipts=tuple(Receipt(consent=key[0], consent_version=key[1], times=n) for key, n in receipts.items()),
            losses=tuple(Lost(source=row[0], about=row[2] or row[1]) for row in rows if row[3] == "lost"),
        )


class Asgi:
    """An ASGI application: `POST` takes a webhook in, anywhere; `GET` shows the state, if it may."""

    def __init__(
        self,
        receive: Callable[[dict[str, str], bytes], Awaitable[int]],
        state: Callable[[], Awaitable[State]] | None,
        serving: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:
        self._receive = receive
        self._state = state
        self._serving = serving
        self._stack = contextlib.AsyncExitStack()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve (ASGI 3.0: `http` and `lifespan`)."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http" and scope["method"] == "POST":
            body, more = b"", True
            while more and len(body) <= MAX_BYTES:
                message = await receive()
                body += message.get("body", b"")
                more = message.get("more_body", False)
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            await _answer(send, 413 if more else await self._receive(headers, body))
        elif scope["type"] == "http" and scope["method"] == "GET" and self._state is not None:
            await _answer(send, 200, (await self._state()).model_dump_json().encode())
        elif scope["type"] == "http":
            await _answer(send, 405)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await self._stack.enter_async_context(self._serving())
                await send({"type": "lifespan.startup.complete"})
            elif message["type"] == "lifespan.shutdown":
                await self._stack.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return


async def _answer(send: Send, status: int, body: bytes = b"") -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers if body else headers[1:]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serve_state(address: str, state: Callable[[], Awaitable[State]]) -> AsyncIterator[None]:
    """Answer every request at `address` (`127.0.0.1:9100`) with the state, one request a connection."""
    host, _, port = address.rpartition(":")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
            body = (await state()).model_dump_json().encode()
            head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, host or "127.0.0.1", int(port))
    try:
        yield
    finally:
        server.close()
