"""Reading record batches, also those that aiokafka cannot read.

aiokafka 0.14 takes a header's name for UTF-8 and fails on the record where it is not. Nothing that comes after it in its
partition is ever read then, and nobody is told. A broker takes any bytes there, so one such record would stop every consumer.
Here the record arrives like any other: what is not UTF-8 in a name comes as lone surrogates (`surrogateescape`), which give
the exact bytes back.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any, Final

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords

_OVERHEAD: Final = 12
"""Bytes before those that a batch's length counts: its base offset (8) and the length itself (4)."""
_LENGTH_AT: Final = 8


class _Escaped(bytearray):
    """Bytes that any text can be read from."""

    def __getitem__(self, place: Any) -> Any:
        part = super().__getitem__(place)
        return _Escaped(part) if isinstance(place, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "surrogateescape") -> str:
        return super().decode(encoding, errors)


class _EscapedBatch(_DefaultRecordBatchPy):  # type: ignore[misc]  # aiokafka is untyped
    """A batch read by aiokafka's own slower reader, names of headers as they come."""

    _buffer: bytearray

    def __init__(self, buffer: memoryview) -> None:
        super().__init__(buffer)
        self._maybe_uncompress()
        self._buffer = _Escaped(self._buffer)


class _Batch:
    """One batch, read by the fast reader where that can."""

    def __init__(self, fast: Any, buffer: memoryview) -> None:
        self._fast = fast
        self._buffer = buffer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fast, name)

    def __next__(self) -> Any:
        return next(self._fast)

    def __iter__(self) -> Iterator[Any]:
        """Read all of them at once, in half the time that asking for one after the other takes."""
        try:
            return iter(list(self._fast))
        except UnicodeDecodeError:
            return iter(list(_EscapedBatch(self._buffer)))


class EveryRecord:
    """What the broker sent for one partition, as the fetcher goes through it: batch after batch."""

    def __init__(self, data: bytes) -> None:
        self._fast = MemoryRecords(data)
        self._data = memoryview(data)
        self._at = 0

    def size_in_bytes(self) -> int:
        """Return the bytes of all batches."""
        size: int = self._fast.size_in_bytes()
        return size

    def has_next(self) -> bool:
        """Return whether there is another whole batch."""
        more: bool = self._fast.has_next()
        return more

    def next_batch(self) -> _Batch | None:
        """Return the next batch."""
        batch = self._fast.next_batch()
        if batch is None:
            return None
        begin = self._at
        self._at += _OVERHEAD + struct.unpack_from(">i", self._data, begin + _LENGTH_AT)[0]
        return _Batch(batch, self._data[begin : self._at])


def read_every_record() -> None:
    """Let every consumer of this process read with `EveryRecord`."""
    fetcher.MemoryRecords = EveryRecord
