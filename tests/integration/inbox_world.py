"""What the inbox suites share: an event type of a topic of the test's own, handlers that leave a row, and a running consumer."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from aiokafka import AIOKafkaProducer
from pydantic_core import from_json, to_json

from shared.arrivals import Handler
from shared.clock import Clock, SimulatedClock
from shared.contracts.base import EventData
from shared.db import Pool, create_pool
from shared.dead_letters import DeadLetter, StoredRecord, list_dead_letters
from shared.envelope import Envelope, describe, number, seal
from shared.inbox import Inbox, Intake, Subscription, Tx, subscribe
from shared.journal import Journal
from shared.kafka import create_broker
from shared.observability import Metrics
from shared.refs import Ids, LogScope
from shared.testing.ids import SeededIds

MIGRATIONS = Path(__file__).with_name("inbox_migrations")
NOON = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
CONSUMER = "readers"
SOURCE = "/services/cases"


class Noted(EventData):
    """An event of these suites."""

    TYPE = "no.lagspill.cases.thing.noted.v1"
    TOPIC = "lagspill.cases.v1"
    SUBJECT = "case"

    case: str
    n: int


class Withdrawn(Noted):
    """Another event of these suites."""

    TYPE = "no.lagspill.cases.thing.withdrawn.v1"


def on_topic(topic: str) -> tuple[type[Noted], type[Withdrawn]]:
    """Return the two event types as published on `topic`."""
    return type("Noted", (Noted,), {"TOPIC": topic}), type("Withdrawn", (Withdrawn,), {"TOPIC": topic})


async def leave_a_row(tx: Tx, event: Noted, envelope: Envelope) -> None:
    """Have an effect that can be counted."""
    await tx.conn.execute(
        "INSERT INTO effects (event_id, key, n) VALUES ($1, $2, $3)", envelope.id, event.case, event.n
    )


@dataclass
class Notes:
    """Makes records of events as the relay would publish them."""

    topic: str = Noted.TOPIC
    ids: Ids = field(default_factory=SeededIds)
    offsets: Counter[int] = field(default_factory=Counter)
    sequences: Counter[str] = field(default_factory=Counter)

    def event(self, n: int, key: str = "case-a", *, withdrawn: bool = False, **changes: object) -> bytes:
        """Return an event's bytes, numbered; `changes` replace attributes of the envelope (None removes one)."""
        noted, withdrawal = on_topic(self.topic)
        data = (withdrawal if withdrawn else noted)(case=key, n=n)
        self.sequences[key] += 1
        envelope = describe(
            data,
            event_id=self.ids.event_id(),
            source=SOURCE,
            happened=NOON,
            recorded=NOON,
            scope=LogScope("4005"),
            correlation=self.ids.event_id(),
            sequence=self.sequences[key],
        )
        body = number(seal(data, envelope), n + 1)
        if not changes:
            return body
        document = {**from_json(body), **changes}
        return to_json({name: value for name, value in document.items() if value is not None})

    def record(self, value: bytes | None, key: str | None = "case-a", *, partition: int = 0) -> StoredRecord:
        """Return a record at the next offset of its partition."""
        offset = self.offsets[partition]
        self.offsets[partition] += 1
        return StoredRecord(
            self.topic, partition, offset, None if key is None else key.encode(), value, (("content-type", b"x"),)
        )

    def noted(self, n: int, key: str = "case-a", *, partition: int = 0, withdrawn: bool = False) -> StoredRecord:
        """Return the record of a sound event."""
        return self.record(self.event(n, key, withdrawn=withdrawn), key, partition=partition)


def event_id(record: StoredRecord) -> UUID:
    """Return the id of the event in a record."""
    return UUID(from_json(record.value or b"")["id"])


@dataclass(repr=False)
class World:
    """One database with an inbox on it."""

    dsn: str
    pool: Pool
    clock: Clock
    ids: Ids
    metrics: Metrics

    @property
    def journal(self) -> Journal:
        """The journal that handlers get."""
        return Journal(self.pool, source="/services/meetings", clock=self.clock, ids=self.ids)

    def intake(self, inbox: Inbox, pool: Pool | None = None) -> Intake:
        """Return an intake for `inbox`."""
        return Intake(
            pool or self.pool, inbox, journal=self.journal, clock=self.clock, ids=self.ids, metrics=self.metrics
        )

    async def effects(self, key: str | None = None) -> list[int]:
        """Return the numbers of the events that had an effect, in the order of their effects."""
        rows = await self.pool.fetch("SELECT n FROM effects WHERE $1::text IS NULL OR key = $1 ORDER BY nth", key)
        return [row["n"] for row in rows]

    async def letters(self, *, settled: bool = False) -> list[DeadLetter]:
        """Return the dead letters."""
        async with self.pool.acquire() as conn:
            return await list_dead_letters(conn, settled=settled)

    def outcomes(self, consumer: str = CONSUMER) -> Mapping[str, int]:
        """Return what the metrics counted, by outcome."""
        return {
            sample.labels["outcome"]: int(sample.value)
            for family in self.metrics.inbox_events.collect()
            for sample in family.samples
            if sample.name.endswith("_total") and sample.labels["consumer"] == consumer and sample.value
        }


@asynccontextmanager
async def world_on(dsn: str, *, application_name: str = "inbox-suite", max_size: int = 6) -> AsyncIterator[World]:
    """Open a world on a migrated database."""
    pool = await create_pool(dsn, application_name=application_name, max_size=max_size)
    try:
        yield World(dsn, pool, SimulatedClock(NOON), SeededIds(7), Metrics())
    finally:
        await pool.close()


def inbox_of(topic: str = Noted.TOPIC, handler: Handler = leave_a_row, **knobs: object) -> Inbox:
    """Return an inbox that hands both event types of `topic` to `handler`."""
    noted, withdrawn = on_topic(topic)
    return replace(Inbox(CONSUMER, {noted: handler, withdrawn: handler}), **knobs)  # type: ignore[arg-type]


@asynccontextmanager
async def consuming(
    world: World,
    bootstrap: str,
    inbox: Inbox,
    *,
    session_timeout: float = 6.0,
    drain_timeout: float = 25.0,
    max_records: int = 500,
) -> AsyncIterator[Subscription]:
    """Let `inbox` take in from Kafka."""
    broker = create_broker(bootstrap, client="inbox-suite")
    subscription = subscribe(
        broker,
        world.pool,
        inbox,
        journal=world.journal,
        clock=world.clock,
        ids=world.ids,
        metrics=world.metrics,
        session_timeout=session_timeout,
        drain_timeout=drain_timeout,
        max_records=max_records,
    )
    await subscription.start()
    try:
        yield subscription
    finally:
        await subscription.stop()
        await broker.stop()


@dataclass
class Bus:
    """Topics of one test, and who publishes on them."""

    bootstrap: str
    topic: str
    watermarks: str
    group: str
    producer: AIOKafkaProducer
    notes: Notes

    def inbox(self, handler: Handler = leave_a_row) -> Inbox:
        """Return an inbox on these topics."""
        return inbox_of(self.topic, handler, consumer=self.group, watermarks=self.watermarks)

    async def drained(self, at: datetime) -> None:
        """Say, as the source's relay does, that its outbox was drained at `at`."""
        await self.producer.send_and_wait(
            self.watermarks, to_json({"source": SOURCE, "drained_at": at}), key=SOURCE.encode()
        )


@asynccontextmanager
async def producing(bootstrap: str, *, max_bytes: int = 4 * 1024 * 1024) -> AsyncIterator[AIOKafkaProducer]:
    """Publish as the relay does: acknowledged by all."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_request_size=max_bytes
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def publish(producer: AIOKafkaProducer, records: Sequence[StoredRecord]) -> None:
    """Send `records` to their partitions, in order, and wait until all are acknowledged."""
    futures = [
        await producer.send(
            record.topic, record.value, key=record.key, partition=record.partition, headers=list(record.headers)
        )
        for record in records
    ]
    for future in futures:
        await future
