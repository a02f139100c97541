"""A TCP proxy that fails on demand, between a service and its PostgreSQL or Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import Callable
from typing import Final

HOST: Final = "127.0.0.1"
CHUNK: Final = 64 * 1024


class _Rewriter:
    """Replaces one byte string by another of the same length in a stream, also across its pieces."""

    def __init__(self, old: bytes, new: bytes) -> None:
        if len(old) != len(new):
            raise ValueError("a stream can only be rewritten to the same length")
        self._old, self._new, self._held = old, new, b""

    def feed(self, piece: bytes) -> bytes:
        data = (self._held + piece).replace(self._old, self._new)
        keep = next((size for size in range(len(self._old) - 1, 0, -1) if data.endswith(self._old[:size])), 0)
        self._held = data[len(data) - keep :]
        return data[: len(data) - keep]


class FaultProxy:
    """Forwards connections to one server, until told otherwise.

    Args:
        host: the server's host.
        port: the server's port.
        kafka: rewrite the address that the broker advertises, or clients would go round the proxy after their first answer.
    """

    def __init__(self, host: str, port: int, *, kafka: bool = False) -> None:
        self._upstream = (host, port)
        self._kafka = kafka
        self._server: asyncio.Server | None = None
        self.port = 0
        """Where it listens; the same after `refuse` and `resume`."""
        self.accepted = 0
        """Connections accepted so far."""
        self._pairs: set[tuple[asyncio.StreamWriter, asyncio.StreamWriter]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._delay = 0.0
        self._lose_next_answer: asyncio.Future[None] | None = None
        self._changed = asyncio.Condition()

    @property
    def address(self) -> str:
        """`host:port` of the proxy."""
        return f"{HOST}:{self.port}"

    async def start(self) -> None:
        """Listen; on the same port as before, if it listened before."""
        if self._server is None:
            self._server = await asyncio.start_server(self._serve, HOST, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, end every connection."""
        await self.refuse()
        self._flowing.set()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def __aenter__(self) -> FaultProxy:
        """Start."""
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        await self.stop()

    def cut(self) -> int:
        """Reset every connection there is now (new ones are served); return how many."""
        pairs = list(self._pairs)
        for pair in pairs:
            _reset(pair)
        return len(pairs)

    async def refuse(self) -> None:
        """Reset every connection and refuse new ones, as a server does that is not there."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()

    def stall(self) -> None:
        """Keep connections, accept new ones, and let no byte through, as a network does that swallows packets."""
        self._flowing.clear()

    def delay(self, seconds: float) -> None:
        """Hold back what the server answers by `seconds`."""
        self._delay = seconds

    def lose_next_answer(self) -> asyncio.Future[None]:
        """Let the next request reach the server, drop its answer, and reset that connection: done, and the client cannot know.

        The returned future is done when that has happened.
        """
        self._lose_next_answer = asyncio.get_running_loop().create_future()
        return self._lose_next_answer

    async def resume(self) -> None:
        """Be a perfect network again."""
        self._delay = 0.0
        self._lose_next_answer = None
        self._flowing.set()
        await self.start()

    async def until_accepted(self, count: int, within: float = 30.0) -> None:
        """Wait until `count` connections in all have been accepted.

        Raises:
            TimeoutError: that does not happen in `within` seconds.
        """
        async with asyncio.timeout(within), self._changed:
            await self._changed.wait_for(lambda: self.accepted >= count)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._changed:
            self.accepted += 1
            self._changed.notify_all()
        try:
            up_reader, up_writer = await asyncio.open_connection(*self._upstream)
        except OSError:
            writer.transport.abort()
            return
        pair = (writer, up_writer)
        self._pairs.add(pair)
        if self._server is None:  # refused while the connection was being made
            _reset(pair)
        request = asyncio.ensure_future(self._requests(reader, up_writer))
        answer = asyncio.ensure_future(self._answers(up_reader, writer, pair))
        self._tasks |= {request, answer}
        try:
            await asyncio.gather(request, answer)
        finally:
            self._tasks -= {request, answer}
            self._pairs.discard(pair)
            _reset(pair)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._pump(reader, writer, lambda piece: piece)

    async def _answers(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter],
    ) -> None:
        rewrite: Callable[[bytes], bytes] = lambda piece: piece  # noqa: E731
        if self._kafka:
            host, port = self._upstream
            advertised = host.encode()
            rewrite = _Rewriter(advertised + struct.pack(">i", port), advertised + struct.pack(">i", self.port)).feed

        def change(piece: bytes) -> bytes:
            lose = self._lose_next_answer
            if lose is None:
                return rewrite(piece)
            self._lose_next_answer = None
            _reset(pair)
            lose.set_result(None)
            return b""

        await self._pump(reader, writer, change, answers=True)

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        change: Callable[[bytes], bytes],
        *,
        answers: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):  # a reset is what this proxy is for
            while piece := await reader.read(CHUNK):
                await self._flowing.wait()
                changed = change(piece)
                if answers and self._delay:
                    await _after(self._delay)
                writer.write(changed)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


async def _after(seconds: float) -> None:
    """Pass when `seconds` have passed: the fault itself is a delay, no test waits by it."""
    passed = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, passed.set)
    await passed.wait()


def _reset(pair: tuple[asyncio.StreamWriter, asyncio.StreamWriter]) -> None:
    for writer in pair:
        writer.transport.abort()
