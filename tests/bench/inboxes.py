"""Inbox to effect, beside consuming the same records and copying them into a table."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from pydantic_core import from_json

from shared.arrivals import Tx
from shared.clock import SystemClock
from shared.db import create_pool
from shared.envelope import Envelope, number
from shared.inbox import Inbox, subscribe
from shared.journal import Journal
from shared.kafka import create_broker
from shared.observability import Metrics
from shared.publisher import Outgoing, Publisher, producers
from shared.refs import RandomIds
from tests.bench.ground import Ground, Waiting, waiting_events
from tests.bench.measure import Measure
from tests.tally import SOURCE, Added

EVENTS = 30_000
ROUNDS = 3
BATCH = 500
"""Both take in so many records at a time."""
_EFFECTS = "CREATE TABLE effects (event_id uuid PRIMARY KEY, tally text NOT NULL, amount int NOT NULL)"


@dataclass(frozen=True)
class Run:
    """One round: events a second, and what was lost or doubled."""

    rate: float
    void: str


async def measure_inbox(ground: Ground) -> list[Measure]:
    """Return what the inbox reaches of raw consuming and COPY."""
    topic = await ground.topic("inbox")
    await _publish(ground, topic, waiting_events(EVENTS))
    ours, raw = [], []
    for _ in range(ROUNDS):
        raw.append(await _copy(ground, topic))
        ours.append(await _inbox(ground, topic))
    return [
        Measure(
            "inbox: each effect once",
            tuple(run.rate for run in ours),
            "consume and COPY",
            tuple(run.rate for run in raw),
            target=0.5,
            void=next((run.void for run in (*ours, *raw) if run.void), ""),
        )
    ]


async def _publish(ground: Ground, topic: str, events: list[Waiting]) -> None:
    publisher = Publisher(producers(ground.servers.kafka, client="bench"), seconds=60.0)
    await publisher.start()
    await publisher.publish(
        Outgoing(topic, event.key.encode(), number(event.body, nth)) for nth, event in enumerate(events, start=1)
    )
    await publisher.close()


async def _copy(ground: Ground, topic: str) -> Run:
    """Consume, copy the parsed fields into the table, commit the offsets: batch by batch, and nothing kept from doubling."""
    dsn = await ground.database()
    connection = await asyncpg.connect(dsn)
    await connection.execute(_EFFECTS)
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=ground.servers.kafka,
        group_id=secrets.token_hex(8),
        auto_offset_reset="earliest",
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        first = await consumer.getmany(timeout_ms=30_000, max_records=BATCH)
        began = time.perf_counter()
        taken = await _copy_batch(connection, consumer, first)
        while taken < EVENTS:
            taken += await _copy_batch(connection, consumer, await consumer.getmany(timeout_ms=1000, max_records=BATCH))
        seconds = time.perf_counter() - began
    finally:
        await consumer.stop()
    count = await connection.fetchval("SELECT count(*) FROM effects")
    await connection.close()
    return Run(EVENTS / seconds, "" if count == EVENTS else f"COPY made {count} rows of {EVENTS}")


async def _copy_batch(
    connection: asyncpg.Connection[asyncpg.Record],
    consumer: AIOKafkaConsumer,
    batches: dict[TopicPartition, list[ConsumerRecord]],
) -> int:
    records = [record for batch in batches.values() for record in batch]
    if records:
        documents = [from_json(record.value) for record in records]
        await connection.copy_records_to_table(
            "effects",
            columns=["event_id", "tally", "amount"],
            records=[(UUID(each["id"]), each["data"]["tally"], each["data"]["amount"]) for each in documents],
        )
        await consumer.commit()
    return len(records)


async def _inbox(ground: Ground, topic: str) -> Run:
    dsn = await ground.database()
    pool = await create_pool(dsn, application_name="bench inbox")
    await pool.execute(_EFFECTS)
    clock, ids, metrics = SystemClock(), RandomIds(), Metrics()
    done = asyncio.Event()
    first: list[float] = []
    handled = 0

    async def take(tx: Tx, event: Added, envelope: Envelope) -> None:
        nonlocal handled
        if not first:
            first.append(time.perf_counter())
        tx.insert("effects", event_id=envelope.id, tally=event.tally, amount=event.amount)
        handled += 1

    def committed() -> None:
        if handled >= EVENTS:
            done.set()

    journal = Journal(pool, source=SOURCE, clock=clock, ids=ids, nudge=committed)
    published: type[Added] = type("Added", (Added,), {"TOPIC": topic})
    inbox = Inbox(secrets.token_hex(8), {published: take}, watermarks=await ground.topic("watermarks", partitions=1))
    broker = create_broker(ground.servers.kafka, client="bench")
    subscription = subscribe(
        broker, pool, inbox, journal=journal, clock=clock, ids=ids, metrics=metrics, max_records=BATCH
    )
    await subscription.start()
    await done.wait()
    seconds = time.perf_counter() - first[0]
    await subscription.stop()
    await broker.stop()
    count = await pool.fetchval("SELECT count(*) FROM effects")
    await pool.close()
    return Run(EVENTS / seconds, "" if count == EVENTS == handled else f"the inbox had {count} effects of {EVENTS}")
