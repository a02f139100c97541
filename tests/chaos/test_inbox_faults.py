"""The inbox when things go away: a killed process, the broker, the database, and its place in the group."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from structlog.typing import EventDict, WrappedLogger

from shared.envelope import Envelope
from shared.inbox import Tx
from shared.testing.plugin import Migrated, NewTopicName, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import Probe, Watch
from tests.integration.inbox_world import (
    MIGRATIONS,
    Bus,
    Noted,
    Notes,
    World,
    consuming,
    leave_a_row,
    producing,
    publish,
    world_on,
)

pytestmark = pytest.mark.connected

ALL = "SELECT count(*) FROM effects"
DISTINCT = "SELECT count(DISTINCT n) FROM effects"


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A database of this test."""
    async with world_on(await migrated("inbox-suite", MIGRATIONS)) as opened:
        yield opened


@pytest_asyncio.fixture
async def bus(broker: str, new_topic: NewTopicName, group: str) -> AsyncIterator[Bus]:
    """A topic with three partitions."""
    topic = await new_topic(partitions=3)
    watermarks = await new_topic("watermarks")
    async with producing(broker) as producer:
        yield Bus(broker, topic, watermarks, group, producer, Notes(topic))


@pytest.fixture
def lines() -> Iterator[Probe[EventDict]]:
    """The log's lines, as they are written."""
    seen = Probe[EventDict]()

    def report(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        seen(line)
        raise structlog.DropEvent

    structlog.configure(processors=[report])
    yield seen
    structlog.reset_defaults()


async def publish_some(bus: Bus, numbers: range) -> None:
    """Publish these events, spread over the three partitions."""
    await publish(bus.producer, [bus.notes.noted(n, f"case-{n % 3}", partition=n % 3) for n in numbers])


async def assert_once_and_in_order(world: World, count: int) -> None:
    """Every event had one effect, those of a key in order, and none was parked."""
    effects = await world.effects()
    assert Counter(effects) == Counter(range(count))
    for partition in range(3):
        of_key = await world.effects(f"case-{partition}")
        assert of_key == sorted(of_key)
    assert await world.letters() == []


@asynccontextmanager
async def process(world: World, bus: Bus, where: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a consumer in a process of its own, and kill it with SIGKILL at the end."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.inbox_process"),
        *(world.dsn, bus.bootstrap, bus.topic, bus.watermarks, bus.group, where),
        stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


async def until_said(running: asyncio.subprocess.Process, word: str) -> None:
    """Return when the process has said `word`."""
    assert running.stdout is not None
    async with asyncio.timeout(60):
        async for line in running.stdout:
            if line.decode().strip() == word:
                return
    raise AssertionError(f"the process ended without having said {word}")


@pytest.mark.slow
@pytest.mark.parametrize("where", ["handler:0", "handler:31", "committed"])
async def test_a_process_killed_in_the_middle_of_a_batch_loses_and_doubles_nothing(
    world: World, bus: Bus, where: str
) -> None:
    await publish_some(bus, range(60))
    async with process(world, bus, where) as killed:
        await until_said(killed, "there")
        killed.kill()
        await killed.wait()
    async with Watch(world.dsn, "effects") as watch, process(world, bus, "-"):
        await watch.until(DISTINCT, gives=60)
    await assert_once_and_in_order(world, 60)


@pytest.mark.slow
async def test_a_database_that_goes_away_is_waited_for(
    world: World, bus: Bus, postgres_proxy: FaultProxy, lines: Probe[EventDict]
) -> None:
    refused = Probe[int]()

    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 25 and not refused.seen:
            refused(event.n)
            await postgres_proxy.refuse()

    await publish_some(bus, range(30))
    async with (
        world_on(through(postgres_proxy, world.dsn)) as behind,
        Watch(world.dsn, "effects") as watch,
        consuming(behind, bus.bootstrap, bus.inbox(handler), max_records=10),
    ):
        await refused.take(1)
        await publish_some(bus, range(30, 60))
        # Given again and again meanwhile, nothing is skipped.
        await lines.until(lambda seen: sum(line["event"] == "batch_will_be_given_again" for line in seen) >= 4)
        await postgres_proxy.resume()
        await watch.until(ALL, gives=60)
    await assert_once_and_in_order(world, 60)


@pytest.mark.slow
async def test_a_database_that_swallows_every_byte_is_waited_for(
    world: World, bus: Bus, postgres_proxy: FaultProxy
) -> None:
    stalled = Probe[int]()

    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        if event.n == 5 and not stalled.seen:
            postgres_proxy.stall()
            stalled(event.n)
        await leave_a_row(tx, event, envelope)

    await publish_some(bus, range(9))
    async with (
        world_on(through(postgres_proxy, world.dsn)) as behind,
        Watch(world.dsn, "effects") as watch,
        consuming(behind, bus.bootstrap, bus.inbox(handler)),
    ):
        await stalled.take(1)
        postgres_proxy.cut()
        await postgres_proxy.resume()
        await watch.until(ALL, gives=9)
    await assert_once_and_in_order(world, 9)


@pytest.mark.slow
async def test_a_broker_that_goes_away_is_waited_for(world: World, bus: Bus, kafka_proxy: FaultProxy) -> None:
    await publish_some(bus, range(30))
    async with (
        Watch(world.dsn, "effects") as watch,
        consuming(world, kafka_proxy.address, bus.inbox(), max_records=10),
    ):
        await watch.until(ALL, gives=30)
        await kafka_proxy.refuse()
        await publish_some(bus, range(30, 60))
        before = kafka_proxy.accepted
        await kafka_proxy.resume()
        await kafka_proxy.until_accepted(before + 1)
        kafka_proxy.cut()
        await watch.until(ALL, gives=60)
        # In the middle of a batch too.
        in_hand = asyncio.create_task(publish_some(bus, range(60, 90)))
        await watch.until("SELECT count(*) > 60 FROM effects")
        kafka_proxy.cut()
        await in_hand
        await watch.until(ALL, gives=90)
    await assert_once_and_in_order(world, 90)


@pytest.mark.slow
async def test_it_stops_also_while_the_broker_is_away(world: World, bus: Bus, kafka_proxy: FaultProxy) -> None:
    await publish_some(bus, range(9))
    async with Watch(world.dsn, "effects") as watch:
        async with consuming(world, kafka_proxy.address, bus.inbox()):
            await watch.until(ALL, gives=9)
            await kafka_proxy.refuse()
        # What it could not say to the broker is given again, and is known.
        async with consuming(world, bus.bootstrap, bus.inbox()):
            await publish_some(bus, range(9, 18))
            await watch.until(DISTINCT, gives=18)
    await assert_once_and_in_order(world, 18)


@pytest.mark.slow
async def test_a_rebalance_waits_for_the_batch_in_hand(world: World, bus: Bus) -> None:
    working = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 5:
            working(event.n)
            await go_on.wait()

    await publish_some(bus, range(30))
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(Watch(world.dsn, "effects"))
        other = await stack.enter_async_context(world_on(world.dsn, application_name="second"))
        await stack.enter_async_context(consuming(world, bus.bootstrap, bus.inbox(slow)))
        await working.take(1)
        joining = asyncio.create_task(stack.enter_async_context(consuming(other, bus.bootstrap, bus.inbox())))
        await until_rebalancing(bus)
        assert not joining.done()
        go_on.set()
        await joining
        await watch.until(ALL, gives=30)
        await publish_some(bus, range(30, 60))
        await watch.until(ALL, gives=60)
    await assert_once_and_in_order(world, 60)
    # The first one's offsets were committed before it let go: the second was given nothing again.
    assert "duplicate" not in {**world.outcomes(bus.group), **other.outcomes(bus.group)}


@pytest.mark.slow
async def test_a_batch_that_outlasts_the_rebalance_has_its_effects_once(world: World, bus: Bus) -> None:
    """The group does not wait for ever: the next owner is given the same records while the first is still at them."""
    working = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 5:
            working(event.n)
            await go_on.wait()

    await publish_some(bus, range(30))
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(Watch(world.dsn, "effects"))
        other = await stack.enter_async_context(world_on(world.dsn, application_name="second"))
        await stack.enter_async_context(consuming(world, bus.bootstrap, bus.inbox(slow), drain_timeout=0.5))
        await working.take(1)
        joining = asyncio.create_task(
            stack.enter_async_context(consuming(other, bus.bootstrap, bus.inbox(), drain_timeout=0.5))
        )
        await until_second_waits_for_first(world)
        go_on.set()
        await joining
        await watch.until(DISTINCT, gives=30)
        await publish_some(bus, range(30, 60))
        await watch.until(DISTINCT, gives=60)
    await assert_once_and_in_order(world, 60)


@pytest.mark.slow
async def test_members_that_come_and_go_lose_and_double_nothing(world: World, bus: Bus) -> None:
    await publish_some(bus, range(60))
    async with AsyncExitStack() as stack:
        watch = await stack.enter_async_context(Watch(world.dsn, "effects"))
        await stack.enter_async_context(consuming(world, bus.bootstrap, bus.inbox(), max_records=5))
        for round_ in range(3):
            async with (
                world_on(world.dsn, application_name=f"guest-{round_}") as guest,
                consuming(guest, bus.bootstrap, bus.inbox(), max_records=5),
            ):
                await publish_some(bus, range(60 + round_ * 60, 120 + round_ * 60))
                await watch.until(f"SELECT count(DISTINCT n) >= {60 + round_ * 60} FROM effects")
        await watch.until(DISTINCT, gives=240)
    await assert_once_and_in_order(world, 240)


async def until_rebalancing(bus: Bus) -> None:
    """Return when the broker moves the group's partitions and waits for its members."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bus.bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(30):
            while "PreparingRebalance" not in str(await admin.describe_consumer_groups([bus.group])):
                pass
    finally:
        await admin.close()


async def until_second_waits_for_first(world: World) -> None:
    """Return when the second owner's claim waits for the transaction of the first."""
    async with asyncio.timeout(60), world.pool.acquire() as conn:
        while not await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND application_name = 'second'"
        ):
            pass
