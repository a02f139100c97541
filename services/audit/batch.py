"""A batch: the records taken from partitions, and what is read in them before the database sees any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.audit.domain.entry import Entry, LogName, Received, index_record
from services.audit.store import Partition

_READ_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """The records taken from one partition: they begin where the log's position is expected, and end before `then`."""

    expected: int
    then: int
    records: Sequence[Received]


@dataclass(frozen=True, slots=True)
class Indexed:
    """A batch whose records were read: how far each partition goes, and each log's entries in order."""

    steps: Mapping[Partition, tuple[int, int]]
    groups: Mapping[LogName, Sequence[Entry]]


async def index(batches: Mapping[Partition, Batch]) -> Indexed:
    """Read a batch's records, giving way all the while: the batch before is on its way into the database."""
    groups: dict[LogName, list[Entry]] = {}
    for _, batch in sorted(batches.items()):
        for nth, record in enumerate(batch.records):
            if nth % _READ_AT_ONCE == 0:
                await asyncio.sleep(0)
            entry = index_record(record)
            groups.setdefault(entry.log, []).append(entry)
    steps = {partition: (batch.expected, batch.then) for partition, batch in batches.items()}
    return Indexed(steps, dict(sorted(groups.items())))
