"""What is made of a record when it comes: its entry and its row. By the compiled reader where it is installed, else in Python.

Reading is most of what an entry costs. `packages/lagspill-reader` reads what the services write, as they write it, in a third of
the time; what it leaves, and everything where it is not installed, is read in Python. Both find the same in every record: a
property test holds them together. See docs/decisions/0022-speed-of-the-log.md.
"""

from __future__ import annotations

from importlib import import_module
from typing import Final, Protocol, cast

from services.audit.domain.entry import Entry, Received, index_record
from services.audit.rows import row


class ReadsRecords(Protocol):
    """Reads one record: its entry, and that entry's row (`rows.row`)."""

    def __call__(self, received: Received, /) -> tuple[Entry, bytes | None]:
        """Return both: never fails, whatever the bytes are."""
        ...


class ReadsWritten(Protocol):
    """Reads one record as the services write them, and no other."""

    def __call__(self, received: Received, /) -> tuple[Entry, bytes] | None:
        """Return its entry and its row; None for one that is left to the general way."""
        ...


def read_in_python(received: Received) -> tuple[Entry, bytes | None]:
    """Return the record's entry and its row, read in Python."""
    entry = index_record(received)
    return entry, row(entry)


def compiled() -> ReadsWritten | None:
    """Return the compiled reader; None where it is not installed."""
    try:
        module = import_module("lagspill_reader")
    except ModuleNotFoundError:
        return None
    return cast("ReadsWritten", module.Reader(Entry).read)


def choose(fast: ReadsWritten | None) -> ReadsRecords:
    """Return what reads by `fast` what that can read, and the rest in Python."""
    if fast is None:
        return read_in_python
    return lambda received: fast(received) or read_in_python(received)


COMPILED: Final = compiled()
READER: Final = "python" if COMPILED is None else "compiled"
"""What reads here, for the service's log."""
read_record: Final = choose(COMPILED)
