"""Entries as rows in PostgreSQL's binary COPY format, made before the database is asked for anything.

What a row says is known when its record was read; only its position in the log and the moment are not. So a batch's transaction,
which others wait for, only puts those two before what is there. (PostgreSQL documentation, COPY § Binary Format.)

What has the same length in nearly every row stands together in it, so that it is written in one piece.
"""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from services.audit.domain.entry import Entry

COLUMNS: Final = (
    "position", "logged_at", "happened_at", "partition", "record_offset", "event_id", "number", "leaf",
    "log", "topic", "kind", "type", "source", "actor", "organisation", "unit", "basis",
    "case_ref", "consent", "meeting", "permitted",
)  # fmt: skip

_SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # no flags, no extension
_TRAILER: Final = b"\xff\xff"
_CHUNK: Final = 256
"""Rows in one message."""
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_NULL: Final = b"\xff\xff\xff\xff"
_TRUE, _FALSE = b"\0\0\0\1\1", b"\0\0\0\1\0"
_length = struct.Struct(">i").pack
_begin = struct.Struct(">hiqiqi").pack
"""The number of columns; position, logged_at and the length of happened_at."""
_event = struct.Struct(">qiiiqi16siqi").pack
"""happened_at, partition, offset, event id and number, and the length of the leaf."""
_moment = struct.Struct(">q").pack
_place = struct.Struct(">iiiq").pack
"""Partition and offset."""
_number = struct.Struct(">iq").pack


def row(entry: Entry) -> bytes | None:
    """Return the entry's row from `happened_at`'s value on; None where it does not say when it happened."""
    return None if entry.happened is None else _rest(entry, microseconds(entry.happened))


class Made:
    """Rows that are made in Python, one by one."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Make those of `entries`, to begin with."""
        self._rows: list[bytes | Entry] = []
        for entry in entries:
            self.add(entry)

    def add(self, entry: Entry) -> None:
        """Make one more."""
        self._rows.append(row(entry) or entry)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._rows)

    def placed(self, first: int, logged: int) -> Iterable[bytes]:
        """Yield the whole rows, pieces of many.

        Args:
            first: the position of the first one.
            logged: when they are logged (`microseconds`); and when something happened that does not say so.
        """
        columns = len(COLUMNS)
        for at in range(0, len(self._rows), _CHUNK):
            pieces = []
            for position, made in enumerate(self._rows[at : at + _CHUNK], start=first + at):
                pieces.append(_begin(columns, 8, position, 8, logged, 8))
                pieces.append(made if isinstance(made, bytes) else _rest(made, logged))
            yield b"".join(pieces)


async def stream(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    """Yield what COPY is to be sent: the rows, between the format's own beginning and end."""
    yield _SIGNATURE
    for piece in pieces:
        yield piece
    yield _TRAILER


def _rest(entry: Entry, happened: int) -> bytes:
    """Return the row from `happened_at`'s value on."""
    (
        log, leaf, _, (topic, partition, offset, _), kind, event_type, source, event_id, number, _, _, _, case, actor, organisation,
        unit, basis, consent, meeting, permitted, _, _, _,
    ) = entry  # fmt: skip
    if event_id is None or number is None:
        places = b"".join(
            (
                _moment(happened),
                _place(4, partition, 8, offset),
                _NULL if event_id is None else b"\0\0\0\x10" + bytes.fromhex(event_id.replace("-", "")),
                _NULL if number is None else _number(8, number),
                _length(len(leaf)),
            )
        )
    else:
        identity = bytes.fromhex(event_id.replace("-", ""))
        places = _event(happened, 4, partition, 8, offset, 16, identity, 8, number, len(leaf))
    return b"".join(
        (
            places,
            leaf,
            _words(log, topic, kind, event_type, source),
            _words(actor, organisation, unit, basis),
            _NULL if case is None else _text(case),
            _NULL if consent is None else _text(consent),
            _NULL if meeting is None else _text(meeting),
            _NULL if permitted is None else _TRUE if permitted else _FALSE,
        )
    )


def _text(value: str | None) -> bytes:
    if value is None:
        return _NULL
    written = value.encode()
    return _length(len(written)) + written


@lru_cache(maxsize=16_384)
def _words(*values: str | None) -> bytes:
    """Return the columns that occur together again and again."""
    return b"".join(map(_text, values))


def microseconds(moment: datetime) -> int:
    """Return what a timestamptz is made of: microseconds since the year 2000."""
    return (moment - _EPOCH) // _MICROSECOND
