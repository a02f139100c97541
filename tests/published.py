"""What must hold of everything that a relay published, however often it died on the way."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from aiokafka import ConsumerRecord
from pydantic_core import from_json

from shared.contracts.journal import JournalSealed
from shared.envelope import CONTENT_TYPE, Envelope, number, numeral, parse
from shared.lanes import split
from shared.merkle import EMPTY, leaf_hash


@dataclass(frozen=True)
class Committed:
    """One event that the service committed: what the relay owes the world."""

    id: UUID
    key: bytes
    body: bytes


async def committed(dsn: str) -> list[Committed]:
    """Return every event in the history, in the order of each aggregate."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT event_id, aggregate, body FROM events ORDER BY aggregate, version")
    finally:
        await connection.close()
    return [Committed(UUID(int=row[0].int), row[1].encode(), row[2]) for row in rows]


@dataclass(frozen=True)
class Published:
    """The first occurrence of each event on the bus, and how often any was repeated."""

    firsts: dict[UUID, tuple[Envelope, ConsumerRecord]]
    repeats: int

    @property
    def seals(self) -> list[tuple[Envelope, JournalSealed]]:
        """The journal's seals."""
        return [
            (envelope, JournalSealed.model_validate(from_json(record.value)["data"]))
            for envelope, record in self.firsts.values()
            if ".journal.sealed." in envelope.type
        ]

    def by_scope(self) -> dict[str, list[tuple[Envelope, ConsumerRecord]]]:
        """Return each log's records by their number."""
        scopes: defaultdict[str, list[tuple[Envelope, ConsumerRecord]]] = defaultdict(list)
        for envelope, record in self.firsts.values():
            scopes[envelope.municipality].append((envelope, record))
        return {scope: sorted(records, key=lambda each: each[0].number) for scope, records in scopes.items()}


def examine(records: Sequence[ConsumerRecord], owed: Sequence[Committed]) -> Published:
    """Check everything that must hold of `records`, a topic read to its end, given all that was committed."""
    published = _one_number_one_event(records)
    _nothing_missing(published, owed)
    _numbers_without_a_hole(published)
    _order_per_key(records)
    _seals_hold(published)
    _lanes_without_a_hole(published)
    return published


def _one_number_one_event(records: Sequence[ConsumerRecord]) -> Published:
    firsts: dict[UUID, tuple[Envelope, ConsumerRecord]] = {}
    meaning: dict[tuple[str, int], UUID] = {}
    for record in records:
        assert record.value is not None
        assert record.headers == (("content-type", CONTENT_TYPE.encode()),)
        envelope = parse(record.value).envelope
        assert record.key == envelope.partitionkey.encode()
        event = meaning.setdefault((envelope.municipality, envelope.number), envelope.id)
        assert event == envelope.id, "a number changed its meaning"
        _, first = firsts.setdefault(envelope.id, (envelope, record))
        assert first.value == record.value, "an event changed its bytes"
        assert first.partition == record.partition
    return Published(firsts, repeats=len(records) - len(firsts))


def _nothing_missing(published: Published, owed: Sequence[Committed]) -> None:
    for event in owed:
        assert event.id in published.firsts, "an event was lost"
        envelope, record = published.firsts[event.id]
        assert record.value == number(event.body, envelope.number)


def _numbers_without_a_hole(published: Published) -> None:
    for records in published.by_scope().values():
        assert [envelope.number for envelope, _ in records] == list(range(1, len(records) + 1))


def _order_per_key(records: Sequence[ConsumerRecord]) -> None:
    """Check that first occurrences keep each subject's order; a topic's records are in order within a partition."""
    newest: dict[str, int] = defaultdict(int)
    for record in records:
        assert record.value is not None
        envelope = parse(record.value).envelope
        if envelope.sequence is None:
            continue
        sequence = int(envelope.sequence)
        assert sequence <= newest[envelope.subject] + 1, f"{numeral(sequence)} overtook another"
        newest[envelope.subject] = max(newest[envelope.subject], sequence)


def _seals_hold(published: Published) -> None:
    scopes = published.by_scope()
    for envelope, seal in published.seals:
        records = scopes[seal.scope][: seal.last_number]
        assert seal.last_number < envelope.number
        leaves = [leaf_hash(record.value) for _, record in records if record.value is not None]
        assert base64.b64decode(seal.root) == EMPTY.append(leaves).root()


def _lanes_without_a_hole(published: Published) -> None:
    """Check that each lane counts from 1 in the order of the numbers, and goes at least as far as the seals before have said."""
    for records in published.by_scope().values():
        reached: dict[str, int] = {}
        for envelope, record in records:
            assert envelope.lane is not None
            name, count = split(envelope.lane)
            assert count == reached.get(name, 0) + 1, f"lane {name} goes from {reached.get(name, 0)} to {count}"
            reached[name] = count
            if ".journal.sealed." in envelope.type:
                for end in JournalSealed.model_validate(from_json(record.value)["data"]).lanes:
                    assert reached.get(end.lane, 0) >= end.last, "a seal names records that nobody has published"
