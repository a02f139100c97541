"""PEERS=1: what others would use in the relay's place, in the same run, with the same records.

faststream-outbox comes with the dependency group `peers` (`uv sync --group peers`), Debezium by `debezium.lock`.
"""

from __future__ import annotations

import asyncio
import importlib.util
import time
from collections.abc import Sequence

from faststream import Context, StreamMessage
from faststream.kafka import KafkaBroker

from deploy.local.errors import LocalError
from shared.envelope import parse
from shared.testing.signals import TopicReader
from tests.bench.debezium import debezium_rate
from tests.bench.ground import Ground, Waiting, waiting_events
from tests.bench.measure import Latency, Measure
from tests.bench.relays import RELAY

EVENTS = 3000
KEY = "key"
MESSAGE = Context("message")


async def measure_peers(ground: Ground, results: Sequence[Measure | Latency]) -> list[Measure]:
    """Return the relay's rate, as `results` have it, beside each peer's."""
    ours = next((result for result in results if isinstance(result, Measure) and result.what == RELAY), None)
    if ours is None:
        raise ValueError("the peers are measured beside the relay: measure it in the same run")
    measures = []
    if importlib.util.find_spec("faststream_outbox") is None:
        measures.append(
            Measure(RELAY, ours.rates, "faststream-outbox", notes=("not installed: uv sync --group peers",))
        )
    else:
        events = waiting_events(EVENTS, keys=300)
        for tuned in (False, True):
            rate, void = await _faststream_outbox(ground, events, tuned=tuned)
            name = f"faststream-outbox, {'eight workers, batches of 500' if tuned else 'its defaults, fetching without pause'}"
            # With several workers it does another task: a key's events no longer leave in their order.
            target = None if tuned else 40.0
            measures.append(
                Measure(RELAY, ours.rates, name, (rate,) * len(ours.rates), target=target, void=ours.void or void)
            )
    for tuned in (False, True):
        name = f"Debezium, {'tuned' if tuned else 'its defaults'}"
        try:
            rate, void = await debezium_rate(ground.servers.kafka, tuned=tuned)
        except LocalError as error:
            measures.append(Measure(RELAY, ours.rates, name, notes=(str(error),)))
        else:
            measures.append(
                Measure(RELAY, ours.rates, name, (rate,) * len(ours.rates), target=2.0, void=ours.void or void)
            )
    return measures


async def _faststream_outbox(ground: Ground, events: list[Waiting], *, tuned: bool) -> tuple[float, str]:
    """Return its rate, and what was lost or doubled. That it keeps no order per key is known, and not held against it here."""
    from faststream_outbox import OutboxBroker, make_outbox_table
    from sqlalchemy import MetaData
    from sqlalchemy.ext.asyncio import create_async_engine

    dsn, topic = await ground.database(), await ground.topic("faststream")
    metadata = MetaData()
    table = make_outbox_table(metadata, table_name="their_outbox")
    engine = create_async_engine(dsn.replace("postgresql://", "postgresql+asyncpg://"), pool_size=10)
    outbox = OutboxBroker(engine, outbox_table=table, logger=None)
    kafka = KafkaBroker(ground.servers.kafka, acks="all", logger=None)
    done = asyncio.Event()
    passed = 0
    began = 0.0
    options = (
        {"max_workers": 8, "fetch_batch_size": 500, "terminal_flush_batch_size": 500, "min_fetch_interval": 0.001}
        if tuned
        else {"min_fetch_interval": 0.001}
    )

    async def relay(message: StreamMessage[object] = MESSAGE) -> None:
        nonlocal passed, began
        began = began or time.perf_counter()
        await kafka.publish(message.body, topic=topic, key=message.headers[KEY].encode())
        passed += 1
        if passed >= len(events):
            done.set()

    outbox.subscriber("events", **options)(relay)
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
        for event in events:
            await outbox.publish(event.body, queue="events", session=connection, headers={KEY: event.key})
    await kafka.connect()
    await outbox.start()
    try:
        async with asyncio.timeout(120):
            await done.wait()
        seconds = time.perf_counter() - began
    except TimeoutError:
        return 0.0, f"faststream-outbox passed on {passed} of {len(events)}"
    finally:
        await outbox.stop()
        await kafka.stop()
        await engine.dispose()
    async with TopicReader(ground.servers.kafka, topic) as reader:
        ids = [parse(record.value or b"").envelope.id for record in await reader.rest(within=60.0)]
    void = "" if sorted(ids) == sorted(event.id for event in events) else f"{len(ids)} records for {len(events)} events"
    return len(events) / seconds, void
