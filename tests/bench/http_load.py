"""A load generator that costs little beside the server it measures: HTTP/1.1 over kept-alive sockets, one request at a time each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """What a run of requests gave."""

    answered: int
    seconds: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.answered / self.seconds


class RefusedError(Exception):
    """The server answered something other than 201."""


async def run_for(seconds: float, port: int, request: Callable[[], bytes], *, connections: int = 16) -> Load:
    """Send requests over `connections` sockets for that long; return how many were answered with 201.

    Raises:
        RefusedError: one was not.
    """
    began = time.perf_counter()
    answered = await asyncio.gather(*(_one(port, request, began + seconds) for _ in range(connections)))
    return Load(sum(answered), time.perf_counter() - began)


async def _one(port: int, request: Callable[[], bytes], until: float) -> int:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answered = 0
    while time.perf_counter() < until:
        writer.write(request())
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 201"):
            raise RefusedError(f"{head[:30]!r} {body[:200]!r}")
        answered += 1
    writer.close()
    return answered


def post(path: str, body: bytes, *headers: str) -> bytes:
    """Return the bytes of one POST request."""
    lines = [f"POST {path} HTTP/1.1", "host: bench", "content-type: application/json", f"content-length: {len(body)}"]
    return "\r\n".join([*lines, *headers, "", ""]).encode() + body
