"""An intake that is killed or paused at every step of a batch: no record lost or doubled, and no log ever forked."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from services.audit.domain.entry import UNPARSABLE
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Watch
from tests.chaos.audit_process import Orders
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SKIEN, Publisher, open_world
from tests.integration.test_audit_consumption import send
from tests.integration.test_audit_keeper import check_log, leaves

pytestmark = [pytest.mark.connected, pytest.mark.story(23, 24)]

WITHIN = 60.0
ANNOUNCING = "add_key"
STEPS = [
    (step, before)
    for step in (
        "advance", "lock_logs", "claim_numbers", "claim_sequences", "known_events", "tile_roots", "add_entries", "copying", "add_tiles", "save_heads",
        ANNOUNCING, "sign", "add_checkpoints", "add_numbers", "add_sequences", "add_seals", "add_lanes",
    )
    for before in (True, False)
] + [("taken", True)]  # fmt: skip


@pytest_asyncio.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for every acknowledgement."""
    made = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await made.start()
    yield made
    await made.stop()


@asynccontextmanager
async def instance(orders: Orders) -> AsyncIterator[asyncio.subprocess.Process]:
    """One instance in a process of its own, killed at the end if it lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.audit_process", orders.model_dump_json(), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def killed(orders: Orders) -> None:
    """Run an instance until it has killed itself."""
    async with instance(orders) as process, asyncio.timeout(WITHIN):
        assert await process.wait() == -signal.SIGKILL


@pytest.mark.slow
@pytest.mark.parametrize(("step", "before"), STEPS)
async def test_killed_within_a_batch(
    migrated: Migrated,
    broker: str,
    new_topic: NewTopicName,
    group: str,
    producer: AIOKafkaProducer,
    step: str,
    before: bool,
) -> None:
    """The batch is in as a whole or not at all; the next instance goes on from there. Two logs and bad input in it."""
    topic = await new_topic("killed")
    cases = Publisher()
    records = [cases.read(scope=(NOTODDEN, SKIEN)[at % 2]) for at in range(118)]
    records += [cases.seal(NOTODDEN), cases.seal(SKIEN)]
    await send(producer, topic, [*records, b"bad input"], partition=0)
    dsn = await migrated("audit", MIGRATIONS)
    orders = Orders(dsn=dsn, broker=broker, topics=[topic], group=group)
    times = 2 if step == ANNOUNCING else 3  # a key is announced once for each log
    await killed(orders.model_copy(update={"step": step, "before": before, "times": times}))
    # In a group of its own, or it would wait until the broker has given up the dead one: the position is the truth anyway.
    async with (
        instance(orders.model_copy(update={"group": f"{group}.next"})),
        Watch(dsn, "positions") as watch,
    ):
        await watch.until("SELECT next_offset FROM positions", gives=121)
    async with open_world(dsn) as world:
        await check_log(world, [r for r in records if b'"municipality":"4005"' in r])
        await check_log(world, [r for r in records if b'"municipality":"4003"' in r], SKIEN)
        assert await leaves(world, UNPARSABLE) == [b"bad input"]
        assert await world.keeper.compare_seals() == 2
        assert await world.pool.fetchval("SELECT bool_and(agrees) FROM seal_checks")


@pytest.mark.slow
@pytest.mark.parametrize("step", ["advance", "copying", "add_entries", "add_checkpoints", "taken"])
async def test_paused_within_a_batch_while_another_goes_on(
    migrated: Migrated, broker: str, new_topic: NewTopicName, group: str, producer: AIOKafkaProducer, step: str
) -> None:
    """Stopped in the middle, resumed when everything was taken by one that believes it is alone: it is fenced, and no log forks."""
    topic = await new_topic("paused")
    records = Publisher().reads(100)
    await send(producer, topic, [*records], partition=0)
    dsn = await migrated("audit", MIGRATIONS)
    paused = Orders(dsn=dsn, broker=broker, topics=[topic], group=group, step=step, times=2, pause=True)
    async with instance(paused) as first, Watch(dsn, "positions") as watch:
        await watch.until("SELECT next_offset >= 20 FROM positions")
        async with instance(Orders(dsn=dsn, broker=broker, topics=[topic], group=f"{group}.other")):
            await watch.until("SELECT next_offset FROM positions", gives=100)
            first.send_signal(signal.SIGCONT)
            more = Publisher(source="/services/meetings", seed=8).reads(60)
            await send(producer, topic, [*more], partition=0)
            await watch.until("SELECT next_offset FROM positions", gives=160)
        last = Publisher(source="/services/notify", seed=9).reads(5)
        await send(producer, topic, [*last], partition=0)
        await watch.until("SELECT next_offset FROM positions", gives=165)
        assert first.returncode is None, "it lives, and works again"
    async with open_world(dsn) as world:
        await check_log(world, [*records, *more, *last])
