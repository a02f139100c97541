"""From commit to consumer, at a steady rate, with the relay nudged in process."""

from __future__ import annotations

import asyncio
import time
from statistics import quantiles

from aiokafka import AIOKafkaConsumer

from shared.aggregate import Context
from shared.clock import SystemClock
from shared.db import create_pool
from shared.envelope import parse
from shared.journal import Journal
from shared.kafka import WATERMARKS_TOPIC
from shared.observability import Metrics
from shared.publisher import producers
from shared.refs import RandomIds
from shared.relay import Relay
from tests.bench.command_app import SUM
from tests.bench.ground import Ground
from tests.bench.measure import Latency
from tests.tally import CONTRACTS, NOTODDEN, SOURCE, Added

PER_SECOND = 200
SECONDS = 10


async def measure_latency(ground: Ground) -> list[Latency]:
    """Return the time from the commit's return to the record's arrival at a consumer."""
    dsn, topic = await ground.database(), await ground.topic("latency")
    ids, clock = RandomIds(), SystemClock()
    pool = await create_pool(dsn, application_name="bench latency")
    relay = Relay(
        dsn,
        producers(ground.servers.kafka, client="bench"),
        source=SOURCE,
        clock=clock,
        ids=ids,
        metrics=Metrics(),
        topics={Added.TOPIC: topic, WATERMARKS_TOPIC: await ground.topic("watermarks", partitions=1)},
    )
    journal = Journal(pool, source=SOURCE, clock=clock, ids=ids, contracts=CONTRACTS, nudge=relay.nudge)
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=ground.servers.kafka, auto_offset_reset="earliest")
    await consumer.start()
    await relay.start()
    committed: dict[int, float] = {}
    arrived: dict[int, list[float]] = {}
    count = PER_SECOND * SECONDS

    async def consume() -> None:
        while len(arrived) < count:
            record = await consumer.getone()
            now = time.perf_counter()
            if b".added." in record.value:
                amount = Added.model_validate_json(parse(record.value).data).amount
                arrived.setdefault(amount, []).append(now)

    async def commit(nth: int) -> None:
        case = cases[nth % len(cases)]
        ctx = Context(actor=None, scope=NOTODDEN, now=clock.now(), correlation=ids.event_id())
        await journal.change(SUM, case, ctx, lambda _: [Added(tally=case, amount=nth)])
        committed[nth] = time.perf_counter()

    cases = [ids.ref("cas") for _ in range(100)]
    consuming = asyncio.create_task(consume())
    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for nth in range(count):
            await asyncio.sleep(max(0.0, began + nth / PER_SECOND - time.perf_counter()))
            group.create_task(commit(nth))
    try:
        async with asyncio.timeout(30):
            await consuming
    except TimeoutError:
        return [Latency("commit to consumer", 0, 0, void=f"{count - len(arrived)} of {count} events did not arrive")]
    finally:
        await relay.stop()
        await consumer.stop()
        await pool.close()
    doubled = sum(len(times) > 1 for times in arrived.values())
    waits = quantiles(((arrived[nth][0] - committed[nth]) * 1000 for nth in committed), n=100)
    return [
        Latency(
            f"commit to consumer, {PER_SECOND} a second",
            waits[49],
            waits[98],
            void=f"{doubled} events arrived twice" if doubled else "",
        )
    ]
