"""A ZIP that is made while it is sent: never more of it in memory than one piece of one document."""

from __future__ import annotations

import zipfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from datetime import datetime
from io import RawIOBase
from typing import TYPE_CHECKING

from shared.clock import OSLO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True)
class Entry:
    """A file of the archive."""

    name: str
    content: AsyncIterator[bytes]


class _Sink(RawIOBase):
    """Takes what the archive writes; it cannot be sought in, so the archive writes sizes after each file."""

    def __init__(self) -> None:
        super().__init__()
        self._waiting = bytearray()

    def writable(self) -> bool:
        """Say so."""
        return True

    def write(self, content: ReadableBuffer, /) -> int:
        """Take `content`."""
        taken = bytes(content)
        self._waiting += taken
        return len(taken)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken


async def archive(entries: Iterable[Entry], made_at: datetime) -> AsyncIterator[bytes]:
    """Return the archive's bytes. Documents are packed already, so nothing is compressed."""
    sink = _Sink()
    local = made_at.astimezone(OSLO)
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as file:
        for entry in entries:
            about = zipfile.ZipInfo(entry.name, local.timetuple()[:6])
            with file.open(about, "w") as part:
                async for piece in entry.content:
                    part.write(piece)
                    yield sink.taken()
            yield sink.taken()
    yield sink.taken()


async def whole(content: bytes) -> AsyncIterator[bytes]:
    """Return a content that is there already as a stream of one piece."""
    yield content
