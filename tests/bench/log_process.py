"""A process of the log's measurement: it gets ready, waits for `go` on its standard input, works, and says what it did.

`python -m tests.bench.log_process '<Orders>'`: as an instance of the audit service's intake, as the bare COPY beside it, or as what
no intake can be faster than: a consumer that only fetches, and COPYs rows that were ready before.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final, Literal

import structlog
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import BaseModel, ConfigDict

from services.audit.batch import Indexed
from services.audit.consumers import FETCH_BYTES, MAX_RECORDS, Consumption
from services.audit.domain.entry import Entry, LogName, Received, index_record
from services.audit.keeper import Keeper
from services.audit.signing import Signing
from shared.clock import SystemClock
from shared.db import create_pool
from shared.journal import Journal
from shared.memory import settle
from shared.records import read_every_record
from shared.refs import RandomIds
from tests.bench.ground import PARTITIONS
from tests.integration.audit_world import ORIGIN, SIGNER


class Orders(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True)

    role: Literal["log", "copy", "floor"]
    dsn: str
    kafka: str
    topic: str
    group: str
    share: tuple[int, int] = (0, 1)
    """Which part of the partitions, and of how many; the group says which is the log's."""
    batch: int = MAX_RECORDS


class Seen(BaseModel):
    """What was taken at one moment (CLOCK_MONOTONIC, which all processes share), after `cpu` seconds of this one's."""

    at: float
    cpu: float
    count: int
    """How many records."""
    steps: list[tuple[int, int, int]] = []
    """Which: of a partition, those from one offset to before another."""


def say(line: str) -> None:
    """Write a line to the parent."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


async def told() -> None:
    """Wait for the parent's word."""
    await asyncio.to_thread(sys.stdin.readline)


class Watched(Keeper):
    """A keeper that says what it has taken."""

    async def add(self, indexed: Indexed) -> int:
        """Add, and say so."""
        added = await super().add(indexed)
        steps = [(partition, first, past) for (_, partition), (first, past) in indexed.steps.items()]
        count = sum(group.count for group in indexed.groups.values())
        say(Seen(at=time.monotonic(), cpu=time.process_time(), count=count, steps=steps).model_dump_json())
        return added


class Held(Consumption):
    """A consumption that takes its place in the group, and nothing else before the word."""

    go: asyncio.Event
    placed_anew: asyncio.Event

    async def joined(self, share: int) -> None:
        """Wait until so many partitions are its own."""
        while self._consumer is None or len(self._consumer.assignment()) != share:
            self.placed_anew.clear()
            await self.placed_anew.wait()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Take note of them."""
        await super().on_partitions_assigned(assigned)
        self.placed_anew.set()

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        await self.go.wait()
        await super()._step(consumer)


async def keep(orders: Orders) -> None:
    """Take in what comes, until killed."""
    pool = await create_pool(orders.dsn, application_name="bench log")
    clock, ids = SystemClock(), RandomIds()
    journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
    keeper = Watched(pool, signing=Signing.held(SIGNER), origin=ORIGIN, journal=journal, clock=clock, ids=ids)
    consumption = Held(orders.kafka, keeper, topics=[orders.topic], group=orders.group)
    consumption.go, consumption.placed_anew = asyncio.Event(), asyncio.Event()
    await consumption.start()
    await consumption.joined(PARTITIONS // orders.share[1])
    say("ready")
    await told()
    consumption.go.set()
    await asyncio.Event().wait()


async def copy(orders: Orders) -> None:
    """COPY the same rows, in batches as large, each in a transaction of its own."""
    pool = await create_pool(orders.dsn, application_name="bench copy")
    batches = await _rows(orders)
    say("ready")
    await told()
    began, cpu = time.monotonic(), time.process_time()
    async with pool.acquire() as connection:
        for rows in batches:
            await connection.copy_records_to_table("entries", columns=COLUMNS, records=rows)
    seen = Seen(at=time.monotonic(), cpu=time.process_time() - cpu, count=sum(map(len, batches)))
    say(seen.model_dump_json())
    say(str(seen.at - began))
    await pool.close()


async def floor(orders: Orders) -> None:
    """Fetch, and COPY as many rows as were fetched, a batch while the next one is fetched. The rows were ready before."""
    pool = await create_pool(orders.dsn, application_name="bench floor")
    batches = await _rows(orders)
    async with _reading(orders) as (consumer, _):
        say("ready")
        await told()
        cpu = time.process_time()
        copying: asyncio.Task[object] | None = None
        async with pool.acquire() as connection:
            for rows in batches:
                fetched = 0
                while fetched < len(rows):
                    taken = await consumer.getmany(timeout_ms=1000, max_records=len(rows) - fetched)
                    fetched += sum(map(len, taken.values()))
                if copying is not None:
                    await copying
                copying = asyncio.create_task(
                    connection.copy_records_to_table("entries", columns=COLUMNS, records=rows)
                )
            if copying is not None:
                await copying
        seen = Seen(at=time.monotonic(), cpu=time.process_time() - cpu, count=sum(map(len, batches)))
        say(seen.model_dump_json())
        say("")
    await pool.close()


COLUMNS: Final = (
    "log", "position", "logged_at", "leaf", "topic", "partition", "record_offset", "happened_at", "kind", "type", "source",
    "event_id", "number", "case_ref", "actor", "organisation", "unit", "basis", "consent", "meeting", "permitted",
)  # fmt: skip


def entry_rows(log: LogName, first: int, entries: Iterable[Entry], now: datetime) -> list[tuple[object, ...]]:
    """Return the rows of `entries` at the positions from `first` on, in the order of `COLUMNS`."""
    return [
        (
            log, position, now, entry.leaf, *entry.received[:3], entry.happened or now, entry.kind, entry.type,
            entry.source, entry.event_id, entry.number, entry.case, entry.actor, entry.organisation, entry.unit,
            entry.basis, entry.consent, entry.meeting, entry.permitted,
        )
        for position, entry in enumerate(entries, start=first)
    ]  # fmt: skip


@asynccontextmanager
async def _reading(orders: Orders) -> AsyncIterator[tuple[AIOKafkaConsumer, int]]:
    """Give a consumer at the beginning of this process's part of the topic, and how many records that has."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=orders.kafka, enable_auto_commit=False, max_partition_fetch_bytes=FETCH_BYTES
    )
    await consumer.start()
    try:
        consumer.subscribe([orders.topic])
        await consumer._client.force_metadata_update()
        part, parts = orders.share
        mine = [
            TopicPartition(orders.topic, number)
            for number in sorted(consumer.partitions_for_topic(orders.topic) or ())
            if number % parts == part
        ]
        consumer.unsubscribe()
        consumer.assign(mine)
        await consumer.seek_to_beginning(*mine)
        yield consumer, sum((await consumer.end_offsets(mine)).values())
    finally:
        await consumer.stop()


async def _rows(orders: Orders) -> list[list[tuple[object, ...]]]:
    """Return the rows that the log's entries would be, batch by batch."""
    received: list[Received] = []
    async with _reading(orders) as (consumer, count):
        while len(received) < count:
            fetched: Mapping[TopicPartition, list[object]] = await consumer.getmany(
                timeout_ms=1000, max_records=orders.batch
            )
            received += [
                Received(each.topic, each.partition, each.offset, each.value)  # type: ignore[attr-defined]
                for records in fetched.values()
                for each in records
            ]
    part = orders.share[0]
    now = SystemClock().now()
    sizes: dict[LogName, int] = {}
    batches = []
    for at in range(0, len(received), orders.batch):
        rows: list[tuple[object, ...]] = []
        entries = [index_record(each) for each in received[at : at + orders.batch]]
        for log in sorted({entry.log for entry in entries}):
            of_log = [entry for entry in entries if entry.log == log]
            # Parts of a log that are copied by several begin far from each other: the positions are unique.
            first = sizes.get(log, part << 40)
            rows += entry_rows(log, first, of_log, now)
            sizes[log] = first + len(of_log)
        batches.append(rows)
    return batches


async def main(orders: Orders) -> None:
    """Do what was told."""
    await {"log": keep, "copy": copy, "floor": floor}[orders.role](orders)


if __name__ == "__main__":
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(40), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    read_every_record()
    settle()
    uvloop.run(main(Orders.model_validate_json(sys.argv[1])))
