"""A batch: the records taken from partitions, and what is read in them before the database sees any of it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.audit.claims import Asked, ask
from services.audit.domain.entry import Entry, LogName, Received, index_record
from services.audit.domain.intake import Gist, Noted, Placeable
from services.audit.reading import Gathering, gathering
from services.audit.rows import Made
from services.audit.store import Partition

_READ_AT_ONCE: Final = 32
_GATHERED_AT_ONCE: Final = 128
"""The same by the compiled reader, a quarter of a millisecond: giving way costs something, too."""


@dataclass(frozen=True, slots=True)
class Batch:
    """The records taken from one partition: they begin where the log's position is expected, and end before `then`."""

    expected: int
    then: int
    records: Sequence[Received]


@dataclass(frozen=True, slots=True)
class Group:
    """What a batch has for one log."""

    received: Sequence[Received]
    rows: Sequence[Placeable]
    """Those of its entries, in order."""
    noted: Noted
    agree: bool
    """Whether nothing in it contradicts anything else in it."""

    @property
    def count(self) -> int:
        """How many entries it has."""
        return len(self.received)

    def entries(self) -> list[Entry]:
        """Return them, read once more: they are asked for only where something is in doubt."""
        return [index_record(each) for each in self.received]


def group_of(entries: Sequence[Entry]) -> Group:
    """Return what these entries are for their log."""
    noted = Noted()
    for entry in entries:
        noted.add(entry)
    return Group([entry.received for entry in entries], [Made(entries)], noted, noted.agree())


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

    def __init__(self, reader: Gathering | None = None) -> None:
        """Begin; with `reader`, what the compiled reader can read is read by that."""
        self.count = 0
        """How many records were read."""
        self._steps: dict[Partition, tuple[int, int]] = {}
        self._parts: dict[LogName, _Part] = {}
        self._gathering = reader

    async def read(self, batches: Mapping[Partition, Batch]) -> None:
        """Read more records, giving way all the while: the batch before is on its way into the database.

        Raises:
            ValueError: they do not follow those of their partition that were read before.
        """
        for partition, batch in sorted(batches.items()):
            first, then = self._steps.get(partition, (batch.expected, batch.expected))
            if batch.expected != then:
                raise ValueError("records were left out")
            count = _READ_AT_ONCE if self._gathering is None else _GATHERED_AT_ONCE
            for at in range(0, len(batch.records), count):
                await asyncio.sleep(0)
                self._take(partition, list(batch.records[at : at + count]))
            self.count += len(batch.records)
            self._steps[partition] = first, batch.then

    def _take(self, partition: Partition, records: list[Received]) -> None:
        """Read these records: by the compiled reader what that can read, one by one what it leaves."""
        at = 0
        while at < len(records):
            if self._gathering is not None:
                at = self._gathering.take(*partition, records, at)
            if at < len(records):
                entry = index_record(records[at])
                self._gathered(entry.log).add(entry)
                at += 1

    def _gathered(self, log: LogName) -> _Part:
        """Return the log's part, with what the compiled reader has for it by now."""
        part = self._parts.get(log)
        if part is None:
            part = self._parts[log] = _Part()
        gist = self._gathering.drain(log) if self._gathering is not None else None
        if gist is not None:
            part.add_all(Gist(*gist))
        return part

    def continues(self, expected: Mapping[Partition, int]) -> bool:
        """Return whether each of its partitions is expected to go on where it ends."""
        return all(expected.get(partition) == then for partition, (_, then) in self._steps.items())

    async def finish(self) -> Indexed:
        """Return what was read."""
        for log in self._gathering.logs() if self._gathering is not None else ():
            self._gathered(LogName(log))
        groups = {}
        for log, part in sorted(self._parts.items()):
            await asyncio.sleep(0)
            groups[log] = Group(part.received, part.rows, part.noted, part.noted.agree())
        await asyncio.sleep(0)
        return Indexed(self._steps, groups, ask({log: group.noted for log, group in groups.items()}))


async def index(batches: Mapping[Partition, Batch]) -> Indexed:
    """Read a batch's records, all at once."""
    reading = Reading(gathering())
    await reading.read(batches)
    return await reading.finish()


class _Part:
    """One log's part of a batch that is being read."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.rows: list[Placeable] = []
        self.noted = Noted()
        self._made: Made | None = None
        """The last of the rows, where that can take in more."""

    def add(self, entry: Entry) -> None:
        """Take in an entry."""
        self.received.append(entry.received)
        self.noted.add(entry)
        if self._made is None:
            self._made = Made()
            self.rows.append(self._made)
        self._made.add(entry)

    def add_all(self, gist: Gist) -> None:
        """Take in what the compiled reader has read."""
        self.received += gist.received
        self.noted.add_all(gist)
        self.rows.append(gist.rows)
        self._made = None
