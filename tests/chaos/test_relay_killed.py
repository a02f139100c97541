"""A relay that is killed at every step of its work, and what is on the bus in the end."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from shared.refs import LogScope
from shared.relay import Step
from tests.chaos.relay_process import Orders
from tests.relay_world import Migrated, NewTopic, World, fill, new_world
from tests.tally import RANDOM, TALLY, adding, context, looked_at

pytestmark = pytest.mark.connected

WITHIN = 60.0


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A migrated database and topics of this test alone."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


@asynccontextmanager
async def relay_process(orders: Orders) -> AsyncIterator[asyncio.subprocess.Process]:
    """A relay in a process of its own, killed at the end if it lives."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.relay_process", orders.model_dump_json(), stdout=asyncio.subprocess.DEVNULL
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def run_until_it_dies(world: World, step: Step, after: int) -> int:
    """Run a relay in a process of its own until it has killed itself; return its return code."""
    orders = Orders(dsn=world.dsn, broker=world.broker, topics=world.topics, die_at=step, die_after=after)
    async with relay_process(orders) as process, asyncio.timeout(WITHIN):
        return await process.wait()


async def stopped(process: asyncio.subprocess.Process) -> None:
    """Wait until the process has stopped itself."""
    await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WSTOPPED)


@asynccontextmanager
async def late_commit(world: World) -> AsyncIterator[None]:
    """Append an event first and commit it last: numbering by the outbox alone would change the others' numbers."""
    tally = RANDOM.ref("cas")
    async with world.pool.acquire() as connection, connection.transaction():
        await world.journal().change(TALLY, tally, context(), adding(tally, 1), conn=connection)
        yield


async def commit_some(world: World, tallies: list[str], protected: list[str]) -> None:
    """Commit 48 events in two logs, and two access records."""
    journal = world.journal()
    await fill(journal, tallies, 4)
    await fill(journal, protected, 4, scope=LogScope(RANDOM.ref("prt")))
    await journal.record_access(context(), [looked_at(RANDOM.ref("cas")) for _ in range(2)])


@pytest.mark.parametrize(
    ("step", "after", "repeats"),
    [
        (Step.LEADING, 1, False),
        (Step.PICKED, 1, False),
        (Step.PICKED, 2, True),
        (Step.TAKEN, 1, False),
        (Step.TAKEN, 2, False),
        (Step.ACKNOWLEDGED, 1, True),
        (Step.ACKNOWLEDGED, 2, True),
        (Step.ACKNOWLEDGED, 5, True),
        (Step.SENT, 1, True),
        (Step.SENT, 2, True),
        (Step.SETTLED, 1, False),
        (Step.SETTLED, 2, False),
        (Step.SEALING, 1, False),
        (Step.SEALED, 1, False),
        (Step.DRAINED, 1, False),
    ],
)
async def test_killed_at_any_step_nothing_is_lost_reordered_or_renumbered(
    world: World, step: Step, after: int, *, repeats: bool
) -> None:
    """`repeats`: whether it has to send again what it cannot know to have arrived; otherwise nothing is sent twice."""
    tallies, protected = [RANDOM.ref("cas") for _ in range(5)], [RANDOM.ref("cas")]
    async with late_commit(world):
        await commit_some(world, tallies, protected)
        assert await run_until_it_dies(world, step, after) == -signal.SIGKILL
    await commit_some(world, tallies, protected)
    async with world.relay(batch=20):
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    published = await world.published()
    assert len(published.firsts) == 2 * (48 + 2) + 1 + len(published.seals)
    assert len(published.seals) >= 2, "both logs were sealed when the relay stopped"
    assert (published.repeats > 0) == repeats


@pytest.mark.parametrize("step", [Step.TAKEN, Step.ACKNOWLEDGED, Step.SENT, Step.DRAINED])
async def test_a_leader_that_is_frozen_loses_the_lead_and_wakes_to_change_nothing(world: World, step: Step) -> None:
    """It keeps its lock only as long as it asks the database something; what it was sending is sent by the next leader."""
    tallies = [RANDOM.ref("cas") for _ in range(5)]
    await commit_some(world, tallies, [])
    orders = Orders(dsn=world.dsn, broker=world.broker, topics=world.topics, die_at=step, pause=True, patience=2.0)
    async with relay_process(orders) as frozen:
        await stopped(frozen)
        async with world.relay(batch=20, poll=0.05):
            await world.steps.until(lambda seen: Step.DRAINED in seen)
            frozen.send_signal(signal.SIGCONT)
            await commit_some(world, tallies, [])
            await world.steps.until(lambda seen: seen.count(Step.DRAINED) > 1)
    published = await world.published()
    assert len(published.firsts) == 2 * (40 + 2) + len(published.seals)


@pytest.mark.slow
async def test_killed_again_and_again_while_others_write(world: World) -> None:
    fate = random.Random(8128)
    tallies = [RANDOM.ref("cas") for _ in range(5)]
    steps = [Step.PICKED, Step.TAKEN, Step.ACKNOWLEDGED, Step.SENT, Step.SETTLED, Step.SEALED]
    journal = world.journal()
    done = asyncio.Event()

    async def write() -> int:
        rounds = 0
        while not done.is_set():
            await fill(journal, tallies, 1)
            rounds += 1
        return rounds

    writer = asyncio.create_task(write())
    for _ in range(6):
        assert await run_until_it_dies(world, fate.choice(steps), fate.randint(1, 12)) == -signal.SIGKILL
    done.set()
    rounds = await writer
    async with world.relay():
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    published = await world.published()
    assert len(published.firsts) == rounds * 5 * 2 + len(published.seals)
