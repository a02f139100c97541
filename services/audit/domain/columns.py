"""What an entry is found by must be what its leaf says: the tree is over the leaves alone, and vouches for no other column.

`index_record` decided the columns when the entry came; they are decided again here, from the leaf that the tree vouches for, and
compared. What is the service's own and stands in no leaf cannot be: `position` (that the tree has), `logged_at`, `topic`,
`partition` and `record_offset`. Of `logged_at`, retention believes no more than the checkpoints do (migration 0009).

An entry that an older version of the service has taken in is no exception. All these columns are there since the first migration,
and what they are read from has not changed since: a NULL where the leaf says something is not age, and it is just what hides an
entry. Whoever adds a column, or reads one from more than before, has honest rows that differ, and must say here up to which
position of each log they may. Only the log of what could not be read (`unparsable`) keeps what was said when it came: a later
version may read what an earlier one could not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final, NamedTuple

from services.audit.domain.entry import UNPARSABLE, UNPARSABLE_KIND, Entry, LogName, Received, index_record


class Columns(NamedTuple):
    """What a row says of its entry beside the leaf; the fields are named as the columns are."""

    log: LogName
    happened_at: datetime | None
    """UTC; None for a record that does not say when, whose row has the moment at which it was logged."""
    kind: str
    type: str | None
    source: str | None
    event_id: str | None
    """A UUID, as text in its one form."""
    number: int | None
    case_ref: str | None
    actor: str | None
    organisation: str | None
    unit: str | None
    basis: str | None
    consent: str | None
    meeting: str | None
    permitted: bool | None


NAMES: Final = Columns._fields
"""The columns that are compared."""


def columns_of(log: LogName, leaf: bytes) -> Columns:
    """Return what the row of this leaf in this log must say: never fails, whatever the bytes are."""
    if log == UNPARSABLE:
        return _of(Entry(UNPARSABLE, leaf, b"", _NOWHERE, UNPARSABLE_KIND))
    return _of(index_record(Received("", 0, 0, leaf)))


def differing(held: Columns, leaf: bytes, *, as_logged: bool) -> list[str]:
    """Return the names of the columns that are not what the leaf says, in their order.

    Args:
        held: the row. A moment that Python has no date for stands in it as None.
        leaf: the row's leaf.
        as_logged: whether `happened_at` is the moment at which the entry was logged.
    """
    said = columns_of(held.log, leaf)
    if said.happened_at is None and as_logged:
        held = held._replace(happened_at=None)
    elif said.happened_at is None:
        return [name for name in NAMES if name == "happened_at" or getattr(held, name) != getattr(said, name)]
    if held == said:
        return []
    return [name for name, has, says in zip(NAMES, held, said, strict=True) if has != says]


def _of(entry: Entry) -> Columns:
    return Columns(
        entry.log,
        entry.happened,
        entry.kind,
        entry.type,
        entry.source,
        entry.event_id,
        entry.number,
        entry.case,
        entry.actor,
        entry.organisation,
        entry.unit,
        entry.basis,
        entry.consent,
        entry.meeting,
        entry.permitted,
    )


_NOWHERE: Final = Received("", 0, 0, b"")
