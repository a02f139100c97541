"""Durable deadlines against the real PostgreSQL: each fires once, whoever runs, whatever fails."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from shared.aggregate import Context
from shared.arrivals import Tx
from shared.calendar import add_days
from shared.clock import SimulatedClock
from shared.deadline_desk import describe_deadlines, settle_deadlines
from shared.deadlines import (
    ATTEMPTS,
    MOST_ERRANDS,
    Deadline,
    DeadlineHandler,
    DeadlineNotParkedError,
    Deadlines,
    Errand,
    Settle,
    cancel,
    list_parked_deadlines,
    retry_deadline,
    set_deadline,
)
from shared.errors import UnavailableError
from shared.refs import LogScope
from shared.testing.plugin import Migrated, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import Probe, Watch
from tests.integration.inbox_world import MIGRATIONS, NOON, World, world_on
from tests.integration.test_inbox import COUNTER, Counted, Counting

pytestmark = [pytest.mark.connected, pytest.mark.rule(79)]

FIRED = "SELECT count(*) FROM effects"


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A database of this test."""
    async with world_on(await migrated("inbox-suite", MIGRATIONS)) as opened:
        yield opened


async def leave_a_row(tx: Tx, deadline: Deadline) -> None:
    """Have an effect that can be counted."""
    await tx.conn.execute(
        "INSERT INTO effects (event_id, key, n) VALUES (gen_random_uuid(), $1, $2)",
        deadline.key,
        int((tx.now - deadline.due).total_seconds()),
    )


def deadlines(world: World, handlers: Mapping[str, DeadlineHandler] | None = None, *, poll: float = 0.05) -> Deadlines:
    """Return a runner that looks often."""
    return Deadlines(
        world.pool,
        handlers or {"act-on-concern": leave_a_row},
        journal=world.journal,
        clock=world.clock,
        ids=world.ids,
        metrics=world.metrics,
        poll=poll,
    )


async def promise(world: World, key: str, due: datetime, kind: str = "act-on-concern", payload: str = "{}") -> None:
    """Set a deadline."""
    async with world.pool.acquire() as conn:
        await set_deadline(conn, kind=kind, key=key, due=due, payload=payload)


def clock_of(world: World) -> SimulatedClock:
    """Return the clock that the test moves."""
    assert isinstance(world.clock, SimulatedClock)
    return world.clock


async def keys(world: World) -> list[str]:
    """Return whose deadlines fired, in order."""
    return [row["key"] for row in await world.pool.fetch("SELECT key FROM effects ORDER BY nth")]


async def test_only_what_is_due_fires_and_the_oldest_first(world: World) -> None:
    await promise(world, "in-time", NOON + timedelta(seconds=1))
    await promise(world, "second", NOON)
    await promise(world, "first", NOON - timedelta(days=1))
    runner = deadlines(world)
    assert await runner.fire_due() == 2
    assert await runner.fire_due() == 0
    assert await keys(world) == ["first", "second"]


async def test_it_fires_when_the_clock_is_moved(world: World) -> None:
    """Fourteen days over the end of summer time: the same hour in Norway, an hour later in UTC."""
    clock = clock_of(world)
    clock.set(datetime(2026, 10, 12, 8, tzinfo=UTC))
    due = add_days(clock.now(), 14)
    assert due == datetime(2026, 10, 26, 9, tzinfo=UTC)
    await promise(world, "case-a", due)
    runner = deadlines(world, poll=3600.0)
    await runner.start()
    async with Watch(world.dsn, "effects") as watch:
        clock.set(due - timedelta(seconds=1))
        clock.set(due)
        await watch.until(FIRED, gives=1)
    await runner.stop()
    assert await world.effects() == [0]
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0


async def test_what_became_due_while_nothing_ran_fires_once_at_the_next_start(world: World) -> None:
    await promise(world, "case-a", NOON)
    clock_of(world).set(NOON + timedelta(days=3))
    async with Watch(world.dsn, "effects") as watch:
        for _ in range(2):
            runner = deadlines(world)
            await runner.start()
            await watch.until(FIRED, gives=1)
            await runner.stop()
    assert await world.effects() == [3 * 24 * 3600]


async def test_an_errand_is_out_while_other_deadlines_fire_and_its_outcome_is_committed_after(world: World) -> None:
    """Nothing is held meanwhile; whoever stops sees it through."""
    out, back = asyncio.Event(), asyncio.Event()

    async def on_errand(tx: Tx, deadline: Deadline) -> Errand:
        await leave_a_row(tx, deadline)

        async def settle(tx: Tx) -> None:
            await leave_a_row(tx, replace(deadline, key="settled"))

        async def ask() -> Settle:
            out.set()
            await back.wait()
            return settle

        return ask

    await promise(world, "asked", NOON - timedelta(days=1), kind="errand")
    runner = deadlines(world, {"errand": on_errand, "act-on-concern": leave_a_row})
    await runner.start()
    await out.wait()
    async with Watch(world.dsn, "effects") as watch:
        await promise(world, "other", NOON)
        await watch.until(FIRED, gives=2)
    stopping = asyncio.create_task(runner.stop())
    assert await keys(world) == ["asked", "other"]
    back.set()
    await stopping
    assert await keys(world) == ["asked", "other", "settled"]


async def test_an_errand_that_fails_is_brought_back_by_its_promise(world: World) -> None:
    """Neither what went wrong outside nor what went wrong with the outcome loses it."""
    faults = ["outside", "outcome", ""]

    async def on_errand(tx: Tx, deadline: Deadline) -> Errand:
        await set_deadline(tx.conn, kind=deadline.kind, key=deadline.key, due=tx.now + timedelta(minutes=1))
        fault = faults.pop(0)

        async def settle(tx: Tx) -> None:
            await cancel(tx.conn, kind=deadline.kind, key=deadline.key)
            await leave_a_row(tx, deadline)
            if fault == "outcome":
                raise RuntimeError

        async def ask() -> Settle:
            if fault == "outside":
                raise RuntimeError
            return settle

        return ask

    await promise(world, "asked", NOON, kind="errand")
    runner = deadlines(world, {"errand": on_errand})
    for minutes in range(3):
        clock_of(world).set(NOON + timedelta(minutes=minutes))
        assert await runner.fire_due() == 1
        assert await keys(world) == (["asked"] if minutes == 2 else [])
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 0


async def test_no_more_errands_are_out_than_may_be(world: World) -> None:
    out: list[str] = []
    back = asyncio.Event()

    async def on_errand(tx: Tx, deadline: Deadline) -> Errand:
        async def ask() -> Settle:
            out.append(deadline.key)
            full.set() if len(out) == MOST_ERRANDS else None
            await back.wait()
            return partial(leave_a_row, deadline=deadline)

        return ask

    full = asyncio.Event()
    for n in range(MOST_ERRANDS + 3):
        await promise(world, f"case-{n:02}", NOON, kind="errand")
    runner = deadlines(world, {"errand": on_errand})
    firing = asyncio.create_task(runner.fire_due())
    await full.wait()
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 3
    back.set()
    assert await firing == MOST_ERRANDS + 3
    assert len(await keys(world)) == MOST_ERRANDS + 3


async def test_two_instances_fire_each_deadline_once(world: World) -> None:
    for n in range(60):
        await promise(world, f"case-{n}", NOON - timedelta(seconds=n))
    async with world_on(world.dsn, application_name="second") as other:
        fired = await asyncio.gather(deadlines(world).fire_due(), deadlines(other).fire_due())
    assert sum(fired) == 60
    assert sorted(await keys(world)) == sorted(f"case-{n}" for n in range(60))


async def test_a_deadline_in_hand_is_not_given_to_another(world: World) -> None:
    in_hand = Probe[str]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, deadline: Deadline) -> None:
        await leave_a_row(tx, deadline)
        in_hand(deadline.key)
        await go_on.wait()

    await promise(world, "case-a", NOON)
    first = asyncio.create_task(deadlines(world, {"act-on-concern": slow}).fire_due())
    await in_hand.take(1)
    async with world_on(world.dsn) as other:
        assert await deadlines(other).fire_due() == 0
    go_on.set()
    assert await first == 1
    assert await keys(world) == ["case-a"]


async def test_effect_and_promise_go_together(world: World) -> None:
    """The handler's event commits with the row's end; when it fails neither is there."""
    failing = [True]

    async def count(tx: Tx, deadline: Deadline) -> None:
        context = Context(actor=None, scope=LogScope("4005"), now=tx.now, correlation=tx.ids.event_id())
        await tx.journal.change(COUNTER, deadline.key, context, lambda _: [Counting(thing=deadline.key)], conn=tx.conn)
        if failing:
            failing.clear()
            raise ValueError

    await promise(world, "thing-1", NOON)
    runner = deadlines(world, {"act-on-concern": count})
    assert await runner.fire_due() == 0
    assert (await world.journal.load(COUNTER, "thing-1")).state == Counted(times=0)
    await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
    assert await runner.fire_due() == 1
    assert (await world.journal.load(COUNTER, "thing-1")).state == Counted(times=1)
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 1


async def test_a_poison_deadline_is_parked_and_the_others_go_on(world: World) -> None:
    async def poison(tx: Tx, deadline: Deadline) -> None:
        await leave_a_row(tx, deadline)
        if deadline.key == "poison":
            raise ValueError("a name that must not be logged")

    await promise(world, "poison", NOON - timedelta(days=1))
    await promise(world, "sound", NOON)
    runner = deadlines(world, {"act-on-concern": poison})
    assert await runner.fire_due() == 1
    for _ in range(ATTEMPTS):
        await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
        await runner.fire_due()
    assert await keys(world) == ["sound"]
    async with world.pool.acquire() as conn:
        (parked,) = await list_parked_deadlines(conn)
        assert (parked.deadline.key, parked.attempts) == ("poison", ATTEMPTS)
        assert parked.detail.startswith("builtins.ValueError at ")
        assert "name" not in parked.detail
        with pytest.raises(DeadlineNotParkedError):
            await retry_deadline(conn, kind="act-on-concern", key="sound")
        await retry_deadline(conn, kind="act-on-concern", key="poison")
    assert await deadlines(world).fire_due() == 1
    assert await keys(world) == ["sound", "poison"]


async def test_an_operator_looks_at_what_is_parked_and_lets_it_be_tried_again(world: World) -> None:
    async def told(*words: str) -> str:
        parser = argparse.ArgumentParser()
        describe_deadlines(parser)
        output = io.StringIO()
        assert await settle_deadlines(world.pool, parser.parse_args(words), output) == 0
        return output.getvalue()

    for key in ("one", "two", "three"):
        await promise(world, key, NOON)
    await world.pool.execute("UPDATE deadlines SET parked = true, attempts = 5, detail = 'ValueError at x'")
    assert await deadlines(world).fire_due() == 0
    shown = [json.loads(line) for line in (await told("list")).splitlines()]
    assert [(each["key"], each["attempts"], each["detail"]) for each in shown] == [
        (key, 5, "ValueError at x") for key in ("one", "three", "two")
    ]
    assert all("payload" not in each for each in shown)
    with pytest.raises(ValueError, match="belong together"):
        await told("retry", "--key", "one")
    with pytest.raises(DeadlineNotParkedError):
        await told("retry", "--kind", "act-on-concern", "--key", "four")
    assert await told("retry", "--kind", "act-on-concern", "--key", "two") == "1 will be tried again\n"
    assert await deadlines(world).fire_due() == 1
    assert await told("retry") == "2 will be tried again\n"
    assert await deadlines(world).fire_due() == 2
    assert (await told("list"), await told("retry")) == ("", "0 will be tried again\n")


@pytest.mark.parametrize("error", [UnavailableError, asyncpg.SerializationError, ConnectionResetError])
async def test_what_is_only_unavailable_is_tried_for_ever(world: World, error: type[Exception]) -> None:
    async def unavailable(tx: Tx, deadline: Deadline) -> None:
        raise error("not now")

    await promise(world, "case-a", NOON)
    runner = deadlines(world, {"act-on-concern": unavailable})
    for _ in range(ATTEMPTS + 3):
        await runner.fire_due()
        await world.pool.execute("UPDATE deadlines SET retry_at = NULL")
    async with world.pool.acquire() as conn:
        assert await list_parked_deadlines(conn) == []
    assert await deadlines(world).fire_due() == 1


async def test_a_failure_is_followed_by_a_pause(world: World) -> None:
    async def poison(tx: Tx, deadline: Deadline) -> None:
        raise ValueError

    await promise(world, "case-a", NOON)
    runner = deadlines(world, {"act-on-concern": poison})
    await runner.fire_due()
    await runner.fire_due()
    assert await world.pool.fetchval("SELECT attempts FROM deadlines WHERE retry_at > clock_timestamp()") == 1


async def test_a_database_whose_clock_is_set_back_holds_up_no_deadline(world: World) -> None:
    """What was put off before lies as far ahead as the clock went back: no pause is as long. A pause that is one stays."""
    await promise(world, "case-a", NOON)
    for minutes, fired in ((4, 0), (24 * 60, 1)):
        await world.pool.execute(
            "UPDATE deadlines SET attempts = 9, retry_at = clock_timestamp() + make_interval(mins => $1)", minutes
        )
        assert await deadlines(world).fire_due() == fired
    assert await keys(world) == ["case-a"]


async def test_set_again_replaces_and_cancel_takes_back(world: World) -> None:
    await promise(world, "case-a", NOON - timedelta(days=1))
    await promise(world, "case-a", NOON + timedelta(days=1))
    await promise(world, "case-b", NOON)
    async with world.pool.acquire() as conn:
        assert await cancel(conn, kind="act-on-concern", key="case-b")
        assert not await cancel(conn, kind="act-on-concern", key="case-b")
        with pytest.raises(ValueError, match="zone"):
            await set_deadline(conn, kind="act-on-concern", key="case-c", due=datetime(2026, 9, 7))  # noqa: DTZ001
    runner = deadlines(world)
    assert await runner.fire_due() == 0
    clock_of(world).set(NOON + timedelta(days=1))
    assert await runner.fire_due() == 1
    await promise(world, "case-a", NOON)
    assert await runner.fire_due() == 1


async def test_a_promise_that_is_rolled_back_was_never_made(world: World) -> None:
    async with world.pool.acquire() as conn:
        transaction = conn.transaction()
        await transaction.start()
        await set_deadline(conn, kind="act-on-concern", key="case-a", due=NOON)
        await transaction.rollback()
    assert await deadlines(world).fire_due() == 0


async def test_kinds_of_another_version_are_left_alone(world: World) -> None:
    await promise(world, "case-a", NOON, kind="from-the-future")
    assert await deadlines(world).fire_due() == 0
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines") == 1


async def test_a_handler_gets_its_payload_and_may_set_the_next(world: World) -> None:
    seen = Probe[Deadline]()

    async def repeat(tx: Tx, deadline: Deadline) -> None:
        seen(deadline)
        if deadline.payload == '{"round": 1}':
            await set_deadline(tx.conn, kind=deadline.kind, key=deadline.key, due=tx.now, payload='{"round": 2}')

    await promise(world, "case-a", NOON, payload='{"round": 1}')
    assert await deadlines(world, {"act-on-concern": repeat}).fire_due() == 2
    assert [deadline.payload for deadline in seen.seen] == ['{"round": 1}', '{"round": 2}']


async def test_the_runner_outlives_its_database(world: World, postgres_proxy: FaultProxy) -> None:
    async with world_on(through(postgres_proxy, world.dsn)) as behind, Watch(world.dsn, "effects") as watch:
        runner = deadlines(behind)
        await runner.start()
        await postgres_proxy.refuse()
        await promise(world, "case-a", NOON)
        await postgres_proxy.resume()
        await watch.until(FIRED, gives=1)
        await runner.stop()


async def test_a_stop_finishes_the_deadline_in_hand(world: World) -> None:
    in_hand = Probe[str]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, deadline: Deadline) -> None:
        in_hand(deadline.key)
        await go_on.wait()
        await leave_a_row(tx, deadline)

    await promise(world, "case-a", NOON)
    await promise(world, "case-b", NOON)
    runner = deadlines(world, {"act-on-concern": slow})
    await runner.stop()
    await runner.start()
    await in_hand.take(1)
    stopping = asyncio.create_task(runner.stop())
    go_on.set()
    await stopping
    assert await keys(world) == ["case-a"]


async def test_late_and_parked_deadlines_are_metrics(world: World) -> None:
    await promise(world, "case-a", NOON - timedelta(seconds=90))
    await promise(world, "case-b", NOON, kind="unknown-here")
    await deadlines(world).fire_due()
    sample = world.metrics.registry.get_sample_value
    assert sample("lagspill_deadlines_total", {"kind": "act-on-concern", "outcome": "fired"}) == 1
    assert sample("lagspill_deadline_delay_seconds_sum", {"kind": "act-on-concern"}) == 90
    assert sample("lagspill_deadlines_overdue") == 1
    assert sample("lagspill_deadlines_parked") == 0
