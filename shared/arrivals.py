"""Arrivals: what a record from the bus is, judged before anything is done with it.

"Not for us" is not "malformed": a type that nobody here handles is passed by (tolerant reader), and a record that claims to be
of a handled type but does not keep its contract is unfit, whatever it claims. No reason or detail quotes a value.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.contracts import EVENTS
from shared.contracts.access import AccessRecorded
from shared.contracts.base import EventData, Moment
from shared.db import Connection
from shared.dead_letters import Reason
from shared.envelope import MAX_BYTES, Envelope, MalformedEnvelopeError, parse
from shared.journal import Journal
from shared.kafka import RawRecord
from shared.refs import Ids

_NUMBERED: Final = 64
"""Bytes that the relay adds to an event when it numbers it."""
_UNBELIEVED: Final = frozenset({Reason.WRONG_TOPIC, Reason.WRONG_SOURCE, Reason.WRONG_KEY})
_FIELD: Final = re.compile(r"[a-z_]{1,40}")


_Kind = str | tuple[str, tuple[str, ...]]
"""What writes must share to be done together: the statement, or the table and its columns."""


@dataclass(frozen=True)
class Tx:
    """What a handler works with: everything it does is one transaction with the event's inbox row."""

    conn: Connection
    journal: Journal
    """Give it `conn=tx.conn`."""
    now: datetime
    """By the rules' clock."""
    ids: Ids
    _later: list[tuple[_Kind, tuple[object, ...]]] = field(default_factory=list)

    def write(self, statement: str, *arguments: object) -> None:
        """Do `statement` at the end of this transaction, together with its like in one round trip.

        For a write that no handler of the same batch reads: a projection's row. Writes and inserts keep their order.
        """
        self._later.append((statement, arguments))

    def insert(self, table: str, **row: object) -> None:
        """Put a row into `table` at the end of this transaction, together with its like by one COPY.

        Where nothing but a new row is to be written, this costs a fraction of `write`. A row that is there already is an
        error, as with INSERT.
        """
        self._later.append(((table, tuple(row)), tuple(row.values())))

    async def flush(self) -> None:
        """Do what was put off by `write` and `insert`; for a handler that is about to read it."""
        later = self._later[:]
        self._later.clear()
        for kind, alike in groupby(later, key=itemgetter(0)):
            rows = [arguments for _, arguments in alike]
            if isinstance(kind, str):
                await self.conn.executemany(kind, rows)
            else:
                table, columns = kind
                await self.conn.copy_records_to_table(table, columns=columns, records=rows)


Handler = Callable[[Tx, Any, Envelope], Awaitable[None]]
"""`async def on_meeting_held(tx: Tx, event: MeetingHeld, envelope: Envelope) -> None`: idempotence is not its concern."""
Types = Mapping[str, tuple[type[EventData], Handler]]
"""What is handled, by the CloudEvents `type`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """An event to handle."""

    record: RawRecord
    envelope: Envelope
    data: EventData
    handler: Handler


@dataclass(frozen=True, slots=True)
class Unfit:
    """A record that can never be handled as it is."""

    record: RawRecord
    reason: Reason
    detail: str = ""
    envelope: Envelope | None = None


@dataclass(frozen=True, slots=True)
class NotForUs:
    """A record that is none of this inbox's business."""

    known: bool
    """Whether its type is in the contracts at all."""


class _Watermark(BaseModel):
    """A relay's word that its outbox is drained."""

    model_config = ConfigDict(extra="ignore")

    source: str = Field(pattern=r"^/services/[a-z][a-z0-9-]{1,30}$")
    drained_at: Moment


def judge(record: RawRecord, types: Types) -> Fit | Unfit | NotForUs:  # noqa: PLR0911
    """Say what `record` is to an inbox that handles `types`."""
    if record.value is None:
        return Unfit(record, Reason.NO_VALUE)
    if len(record.value) > MAX_BYTES + _NUMBERED:
        return Unfit(record, Reason.TOO_LARGE)
    try:
        parsed = parse(record.value)
    except MalformedEnvelopeError as error:
        return Unfit(record, Reason.MALFORMED, str(error))
    envelope = parsed.envelope
    known = types.get(envelope.type)
    if known is None:
        return NotForUs(known=envelope.type in EVENTS)
    event, handler = known
    if record.topic != event.TOPIC:
        return Unfit(record, Reason.WRONG_TOPIC, envelope=envelope)
    if event is not AccessRecorded and envelope.source != _source_of(event):
        return Unfit(record, Reason.WRONG_SOURCE, envelope=envelope)
    if record.key != envelope.partitionkey.encode():
        return Unfit(record, Reason.WRONG_KEY, envelope=envelope)
    try:
        data = event.model_validate_json(parsed.data)
    except ValidationError as error:
        return Unfit(record, Reason.WRONG_SCHEMA, _fields(error), envelope)
    if data.subject != envelope.subject:
        return Unfit(record, Reason.WRONG_SCHEMA, "the data is about another subject", envelope)
    return Fit(record, envelope, data, handler)


@cache
def _source_of(event: type[EventData]) -> str:
    """Return the only service whose word an event of this type is."""
    return f"/services/{event.TYPE.split('.')[2]}"


def identity(arrival: Fit | Unfit) -> tuple[str, UUID] | None:
    """Return what an event is recognised by: its source and id; None when they cannot be read, or not be believed.

    A record on a foreign topic could name the id of an event that has yet to come: were it claimed, the real one would pass
    for a duplicate.
    """
    if arrival.envelope is None or (isinstance(arrival, Unfit) and arrival.reason in _UNBELIEVED):
        return None
    return arrival.envelope.source, arrival.envelope.id


def watermarks(records: Iterable[RawRecord]) -> tuple[dict[str, datetime], int]:
    """Return the latest watermark of each source in `records`, and how many of them could not be read."""
    drained: dict[str, datetime] = {}
    unread = 0
    for record in records:
        try:
            found = _Watermark.model_validate_json(record.value or b"")
        except ValidationError:
            unread += 1
            continue
        if record.key == found.source.encode():
            drained[found.source] = max(found.drained_at, drained.get(found.source, found.drained_at))
        else:
            unread += 1
    return drained, unread


def _fields(error: ValidationError) -> str:
    """Return which fields are wrong and how, in names of ours: a name that came with the data could say anything."""
    told = []
    for part in error.errors(include_input=False, include_url=False, include_context=False):
        place = ".".join(str(step) if isinstance(step, int) or _FIELD.fullmatch(step) else "?" for step in part["loc"])
        told.append(f"{place}: {part['type']}")
    return ", ".join(sorted(told))
