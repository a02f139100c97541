"""Draining an outbox, numbering and tree included, beside sending the same records with aiokafka's `send`."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import asyncpg
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from shared.clock import SystemClock
from shared.envelope import number, parse
from shared.kafka import WATERMARKS_TOPIC
from shared.observability import Metrics
from shared.publisher import BATCH_BYTES, HEADERS, producers
from shared.refs import RandomIds
from shared.relay import Relay, Step
from shared.testing.signals import TopicReader
from tests.bench.ground import Ground, Waiting, fill_outbox, waiting_events
from tests.bench.measure import Measure
from tests.tally import SOURCE, Added

RELAY = "relay: numbered, hashed, drained"
EVENTS = 60_000
ROUNDS = 5
WARM_UP = 1
"""Rounds before that: a broker's first batches are slower, whoever sends them."""


class Drained:
    """Waits until the relay has told the world that nothing waits."""

    def __init__(self) -> None:
        self.event = asyncio.Event()

    def reached(self, step: Step) -> None:
        """Take note."""
        if step is Step.DRAINED:
            self.event.set()


@dataclass(frozen=True)
class Run:
    """One round: events a second, and what was lost or doubled."""

    rate: float
    void: str


async def measure_relay(ground: Ground) -> list[Measure]:
    """Return what the relay reaches of raw `send`, with the producer's settings that suit `send` best."""
    events = waiting_events(EVENTS)
    relayed, small, large = [], [], []
    for _ in range(WARM_UP + ROUNDS):
        small.append(await _send(ground, events, batch_bytes=16_384))
        relayed.append(await _relay(ground, events))
        large.append(await _send(ground, events, batch_bytes=BATCH_BYTES))
    small, relayed, large = small[WARM_UP:], relayed[WARM_UP:], large[WARM_UP:]
    best = max((small, large), key=lambda runs: sum(run.rate for run in runs))
    name = "aiokafka send, same records" + ("" if best is small else f", batches of {BATCH_BYTES // 1024} KiB")
    return [
        Measure(
            RELAY,
            tuple(run.rate for run in relayed),
            name,
            tuple(run.rate for run in best),
            target=0.8,
            void=next((run.void for run in (*relayed, *best) if run.void), ""),
        )
    ]


async def _relay(ground: Ground, events: list[Waiting]) -> Run:
    dsn, topic = await ground.database(), await ground.topic("relay")
    await fill_outbox(dsn, topic, events)
    drained = Drained()
    relay = Relay(
        dsn,
        producers(ground.servers.kafka, client="bench"),
        source=SOURCE,
        clock=SystemClock(),
        ids=RandomIds(),
        metrics=Metrics(),
        observer=drained,
        topics={
            WATERMARKS_TOPIC: await ground.topic("watermarks", partitions=1),
            Added.TOPIC: await ground.topic("seals"),  # the seal at the stop: not among what is counted
        },
    )
    began = time.perf_counter()
    await relay.start()
    await drained.event.wait()
    seconds = time.perf_counter() - began
    size = await _size(dsn)
    await relay.stop()
    void = "" if size == len(events) else f"the relay's journal has {size} of {len(events)} events"
    return Run(len(events) / seconds, void or await _wrong(ground, topic, events))


async def _send(ground: Ground, events: list[Waiting], *, batch_bytes: int) -> Run:
    topic = await ground.topic("send")
    records = [(event.key.encode(), number(event.body, nth)) for nth, event in enumerate(events, start=1)]
    producer = AIOKafkaProducer(
        bootstrap_servers=ground.servers.kafka,
        acks="all",
        enable_idempotence=True,
        max_batch_size=batch_bytes,
        max_request_size=BATCH_BYTES * 2,
    )
    await producer.start()
    try:
        began = time.perf_counter()
        sent = [await producer.send(topic, value, key=key, headers=HEADERS) for key, value in records]
        await producer.flush()
        seconds = time.perf_counter() - began
        failed = sum(isinstance(future.exception(), KafkaError) for future in sent)
    finally:
        await producer.stop()
    void = f"raw send lost {failed}" if failed else await _wrong(ground, topic, events)
    return Run(len(events) / seconds, void)


async def _wrong(ground: Ground, topic: str, events: list[Waiting]) -> str:
    """Return what is not as it must be: every event once, each number once, a key's events in order."""
    async with TopicReader(ground.servers.kafka, topic) as reader:
        envelopes = [parse(record.value or b"").envelope for record in await reader.rest(within=120.0)]
    if sorted(envelope.id for envelope in envelopes) != sorted(event.id for event in events):
        return f"{topic}: {len(envelopes)} records for {len(events)} events"
    if sorted(envelope.number for envelope in envelopes) != list(range(1, len(events) + 1)):
        return f"{topic}: the numbers have holes or repeat"
    newest: dict[str, int] = {}
    for envelope in envelopes:
        sequence = int(envelope.sequence or "0")
        if sequence != newest.get(envelope.subject, 0) + 1:
            return f"{topic}: a key's events are out of order"
        newest[envelope.subject] = sequence
    return ""


async def _size(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    try:
        return int(await connection.fetchval("SELECT coalesce(sum(size), 0) FROM journal_heads"))
    finally:
        await connection.close()
