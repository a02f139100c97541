"""The relay while its broker, its database, or its lead goes away and comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio

from shared.relay import Relay, Step
from shared.testing.plugin import through
from shared.testing.proxy import FaultProxy
from tests.relay_world import Migrated, NewTopic, Steps, World, fill, new_world
from tests.tally import RANDOM

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A migrated database and topics of this test alone."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


class Interrupting(Steps):
    """Does something to the world when a step is reached for the nth time."""

    def __init__(self, step: Step, act: Callable[[], object], nth: int = 1) -> None:
        super().__init__()
        self._step, self._act, self._nth = step, act, nth

    def reached(self, step: Step) -> None:
        """Take note, and act when it is time."""
        super().reached(step)
        if step is self._step and self.seen.count(step) == self._nth:
            self._act()


async def drain(world: World, relay: Relay, steps: Steps) -> None:
    """Stop `relay` as soon as it has told the world that nothing waits."""
    await steps.another(Step.DRAINED)
    await relay.stop(within=30.0)


@pytest.mark.parametrize("step", [Step.LEADING, Step.TAKEN, Step.ACKNOWLEDGED, Step.SENT, Step.SETTLED])
@pytest.mark.parametrize("server", ["broker", "database"])
async def test_connections_that_break_at_any_step(
    world: World, kafka_proxy: FaultProxy, postgres_proxy: FaultProxy, step: Step, server: str
) -> None:
    await fill(world.journal(), [RANDOM.ref("cas") for _ in range(5)], 10)
    proxy = kafka_proxy if server == "broker" else postgres_proxy
    steps = Interrupting(step, proxy.cut)
    relay = world.make(
        dsn=through(postgres_proxy, world.dsn), broker=kafka_proxy.address, observer=steps, batch=30, poll=0.02
    )
    await relay.start()
    await drain(world, relay, steps)
    published = await world.published()
    assert len(published.firsts) == 101


@pytest.mark.parametrize("server", ["broker", "database"])
async def test_an_answer_that_is_lost_after_the_work_was_done(
    world: World, kafka_proxy: FaultProxy, postgres_proxy: FaultProxy, server: str
) -> None:
    """The broker stored the batch, or the database committed, and the relay cannot know."""
    await fill(world.journal(), [RANDOM.ref("cas") for _ in range(5)], 10)
    proxy = kafka_proxy if server == "broker" else postgres_proxy
    lost: list[asyncio.Future[None]] = []
    # The second time: by then the statement is prepared, and its answer is the commit's.
    step = Step.TAKEN if server == "broker" else Step.SENT
    steps = Interrupting(step, lambda: lost.append(proxy.lose_next_answer()), nth=2)
    relay = world.make(
        dsn=through(postgres_proxy, world.dsn), broker=kafka_proxy.address, observer=steps, batch=30, poll=0.02
    )
    await relay.start()
    await drain(world, relay, steps)
    assert lost[0].done()
    published = await world.published()
    assert (len(published.firsts), published.repeats) == (101, 0)


@pytest.mark.parametrize("gone", ["refuse", "stall"])
@pytest.mark.parametrize("server", ["broker", "database"])
async def test_a_server_that_is_gone_for_a_while(
    world: World, kafka_proxy: FaultProxy, postgres_proxy: FaultProxy, server: str, gone: str
) -> None:
    journal = world.journal()
    tallies = [RANDOM.ref("cas") for _ in range(5)]
    await fill(journal, tallies, 5)
    proxy = kafka_proxy if server == "broker" else postgres_proxy
    tasks: list[asyncio.Task[None]] = []

    def go_away() -> None:
        if gone == "stall":
            proxy.stall()
        else:
            tasks.append(asyncio.create_task(proxy.refuse()))

    steps = Interrupting(Step.TAKEN, go_away)
    relay = world.make(
        dsn=through(postgres_proxy, world.dsn),
        broker=kafka_proxy.address,
        observer=steps,
        batch=30,
        poll=0.02,
        patience=0.5,
    )
    await relay.start()
    await steps.another(Step.FAILED)
    await asyncio.gather(*tasks)
    await fill(journal, tallies, 5)
    await steps.another(Step.FAILED)
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 100
    await proxy.resume()
    await drain(world, relay, steps)
    assert len((await world.published()).firsts) == 101


async def test_a_leader_that_lost_its_lead_while_sending_changes_nothing(
    world: World, kafka_proxy: FaultProxy, postgres_proxy: FaultProxy
) -> None:
    """Its batch is on its way when its session dies; another leads; then the old batch arrives after all."""
    await fill(world.journal(), [RANDOM.ref("cas") for _ in range(5)], 10)
    old_steps = Interrupting(Step.TAKEN, kafka_proxy.stall)
    old = world.make(
        dsn=through(postgres_proxy, world.dsn), broker=kafka_proxy.address, observer=old_steps, batch=30, poll=0.02
    )
    await old.start()
    await old_steps.another(Step.TAKEN)
    await postgres_proxy.refuse()

    new = world.make(batch=30, poll=0.02)
    await new.start()
    await drain(world, new, world.steps)

    await kafka_proxy.resume()
    await postgres_proxy.resume()
    await drain(world, old, old_steps)
    published = await world.published()
    assert len(published.firsts) == 100 + len(published.seals)


async def test_two_relays_that_take_the_lead_from_each_other(world: World, postgres_proxy: FaultProxy) -> None:
    """Every few batches the leader's session is ended by the database, under a steady stream of events."""
    journal = world.journal()
    tallies = [RANDOM.ref("cas") for _ in range(5)]
    relays = [world.make(poll=0.01, batch=10) for _ in range(2)]
    led = asyncio.ensure_future(world.steps.another(Step.LEADING))
    for relay in relays:
        await relay.start()
    await led
    for _ in range(6):
        await fill(journal, tallies, 6)
        led = asyncio.ensure_future(world.steps.another(Step.LEADING))
        await world.pool.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        await led
    for relay in relays:
        await relay.stop(within=30.0)
    published = await world.published()
    assert len(published.firsts) == 6 * 6 * 5 * 2 + len(published.seals)


async def test_stop_ends_in_time_though_nothing_answers(
    world: World, kafka_proxy: FaultProxy, postgres_proxy: FaultProxy
) -> None:
    await fill(world.journal(), [RANDOM.ref("cas")], 10)

    def nothing_answers() -> None:
        kafka_proxy.stall()
        postgres_proxy.stall()

    steps = Interrupting(Step.TAKEN, nothing_answers)
    relay = world.make(dsn=through(postgres_proxy, world.dsn), broker=kafka_proxy.address, observer=steps)
    await relay.start()
    await steps.another(Step.TAKEN)
    async with asyncio.timeout(10):
        await relay.stop(within=0.1)
    await kafka_proxy.resume()
    await postgres_proxy.resume()
    async with world.relay():
        await world.steps.another(Step.DRAINED)
    assert len((await world.published()).firsts) == 21
