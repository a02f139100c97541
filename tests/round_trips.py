"""Counts PostgreSQL round trips on the wire: every one ends with the server's ReadyForQuery ('Z')."""

from __future__ import annotations

import asyncio
import struct
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit


class RoundTrips:
    """A pass-through proxy in front of `dsn` that counts how often the server said it was ready for the next query."""

    def __init__(self, dsn: str) -> None:
        self._upstream = urlsplit(dsn)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.count = 0

    @property
    def dsn(self) -> str:
        """The address that leads through the counter; without TLS, so that it can be read."""
        assert self._server is not None, "it is used inside `async with`"
        login = self._upstream.netloc.rpartition("@")[0]
        port = self._server.sockets[0].getsockname()[1]
        return urlunsplit(self._upstream._replace(netloc=f"{login}@127.0.0.1:{port}", query="sslmode=disable"))

    async def __aenter__(self) -> RoundTrips:
        """Listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection(self._upstream.hostname, self._upstream.port)
        pumps = [
            asyncio.create_task(_forward(reader, up_writer)),
            asyncio.create_task(self._answers(up_reader, writer)),
        ]
        self._tasks.update(pumps)
        await asyncio.wait(pumps)

    async def _answers(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readexactly(5)
                (length,) = struct.unpack(">I", head[1:])
                body = await reader.readexactly(length - 4)
                self.count += head[:1] == b"Z"
                writer.write(head + body)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65_536):
        writer.write(piece)
    writer.close()
