"""A batch: the records taken from partitions, and what is read in them before the database sees any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.audit.claims import Asked, ask
from services.audit.domain.entry import Entry, LogName, Received
from services.audit.domain.intake import Noted
from services.audit.reading import read_record
from services.audit.store import Partition

_READ_AT_ONCE: Final = 32


@dataclass(frozen=True, slots=True)
class Batch:
    """The records taken from one partition: they begin where the log's position is expected, and end before `then`."""

    expected: int
    then: int
    records: Sequence[Received]


@dataclass(frozen=True, slots=True)
class Group:
    """What a batch has for one log."""

    entries: Sequence[Entry]
    rows: Sequence[bytes | None]
    """Of each entry, its row (`rows.row`)."""
    agree: bool
    """Whether nothing in it contradicts anything else in it."""


@dataclass(frozen=True, slots=True)
class Indexed:
    """A batch whose records were read: how far each partition goes, each log's entries in order, and the numbers they have."""

    steps: Mapping[Partition, tuple[int, int]]
    groups: Mapping[LogName, Group]
    asked: Asked


class Reading:
    """A batch that is being read: it takes in what arrives until it is given over.

    All that can be said of a batch without the database is said here, so that its transaction is short: others wait for it.
    """

    def __init__(self) -> None:
        self.count = 0
        """How many records were read."""
        self._steps: dict[Partition, tuple[int, int]] = {}
        self._parts: dict[LogName, _Part] = {}

    async def read(self, batches: Mapping[Partition, Batch]) -> None:
        """Read more records, giving way all the while: the batch before is on its way into the database.

        Raises:
            ValueError: they do not follow those of their partition that were read before.
        """
        for partition, batch in sorted(batches.items()):
            first, then = self._steps.get(partition, (batch.expected, batch.expected))
            if batch.expected != then:
                raise ValueError("records were left out")
            for at in range(0, len(batch.records), _READ_AT_ONCE):
                await asyncio.sleep(0)
                for record in batch.records[at : at + _READ_AT_ONCE]:
                    entry, made = read_record(record)
                    part = self._parts.get(entry.log)
                    if part is None:
                        part = self._parts[entry.log] = _Part([], [], Noted())
                    part.entries.append(entry)
                    part.rows.append(made)
                    part.noted.add(entry)
            self.count += len(batch.records)
            self._steps[partition] = first, batch.then

    def continues(self, expected: Mapping[Partition, int]) -> bool:
        """Return whether each of its partitions is expected to go on where it ends."""
        return all(expected.get(partition) == then for partition, (_, then) in self._steps.items())

    async def finish(self) -> Indexed:
        """Return what was read."""
        groups = {}
        for log, part in sorted(self._parts.items()):
            await asyncio.sleep(0)
            groups[log] = Group(part.entries, part.rows, part.noted.agree())
        await asyncio.sleep(0)
        return Indexed(self._steps, groups, ask({log: self._parts[log].noted for log in groups}))


async def index(batches: Mapping[Partition, Batch]) -> Indexed:
    """Read a batch's records, all at once."""
    reading = Reading()
    await reading.read(batches)
    return await reading.finish()


class _Part(NamedTuple):
    """One log's part of a batch that is being read."""

    entries: list[Entry]
    rows: list[bytes | None]
    noted: Noted
