"""Looking for malware in what is put into the vault: a port, and clamd behind it (its INSTREAM command over TCP).

Content streams through; nothing of it is kept here or on any disk. A scanner that cannot be asked means that nothing is let in.
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Final, Protocol

from shared.errors import UnavailableError

MOST_ANSWER: Final = 4096


class ScannerUnavailableError(UnavailableError):
    """Documents cannot be checked for malware just now; try again."""

    code = "scanner-unavailable"


class Scan(Protocol):
    """One content on its way through the scanner."""

    async def feed(self, content: bytes) -> None:
        """Give the next part.

        Raises:
            ScannerUnavailableError: the scanner does not take it.
        """

    async def is_clean(self) -> bool:
        """Say that it was the last part, and return whether nothing was found.

        Raises:
            ScannerUnavailableError: the scanner gives no verdict.
        """


class Scanner(Protocol):
    """Looks for malware."""

    def scan(self) -> _Entered:
        """Begin with a content: `async with scanner.scan() as scan`."""


class _Entered(Protocol):
    async def __aenter__(self) -> Scan: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class Clamd:
    """clamd at `host:port`: ClamAV's daemon, or anything that speaks its protocol (clamd(8), INSTREAM)."""

    def __init__(self, address: str, *, seconds: float = 20.0) -> None:
        """Ask the one at `address`; each step may take `seconds`.

        Raises:
            ValueError: it is not `host:port`.
        """
        host, _, port = address.rpartition(":")
        if not host or not port.isdigit():
            raise ValueError("the scanner's address is written host:port")
        self._host, self._port, self._seconds = host.strip("[]"), int(port), seconds

    def scan(self) -> ClamdScan:
        """Begin with a content."""
        return ClamdScan(self._host, self._port, self._seconds)


class ClamdScan:
    """One INSTREAM conversation."""

    def __init__(self, host: str, port: int, seconds: float) -> None:
        """Prepare; nothing is said before the context is entered."""
        self._host, self._port, self._seconds = host, port, seconds
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> ClamdScan:
        """Connect, and begin.

        Raises:
            ScannerUnavailableError: nobody answers.
        """
        try:
            async with asyncio.timeout(self._seconds):
                self._reader, self._writer = await asyncio.open_connection(self._host, self._port)
                self._writer.write(b"zINSTREAM\0")
                await self._writer.drain()
        except (OSError, TimeoutError):
            raise ScannerUnavailableError from None
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Hang up."""
        if self._writer is not None:
            self._writer.close()

    async def feed(self, content: bytes) -> None:
        """Give the next part, with its length before it."""
        if not content:
            return  # a length of zero would end it
        await self._say(len(content).to_bytes(4) + content)

    async def is_clean(self) -> bool:
        """End with a length of zero, and read the verdict: only `OK` is one that nothing was found."""
        await self._say(bytes(4))
        if self._reader is None:
            raise ScannerUnavailableError
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._reader.readuntil(b"\0")
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise ScannerUnavailableError from None
        verdict = answer.rstrip(b"\0\n")
        if verdict.endswith(b" FOUND"):
            return False
        if verdict == b"stream: OK":
            return True
        raise ScannerUnavailableError

    async def _say(self, said: bytes) -> None:
        if self._writer is None:
            raise ScannerUnavailableError
        try:
            async with asyncio.timeout(self._seconds):
                self._writer.write(said)
                await self._writer.drain()
        except (OSError, TimeoutError):
            raise ScannerUnavailableError from None
