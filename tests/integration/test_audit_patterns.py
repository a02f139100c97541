"""Examining real logs in PostgreSQL: each entry once, whatever is killed or runs twice, and time only as the log has it."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
import pytest_asyncio

from services.audit.domain.entry import LogName
from services.audit.patterns.watch import Watch
from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind
from shared.contracts.audit import FindingExtended, FindingRaised, Pattern, PatternsExamined
from shared.contracts.codes import Role, Service
from shared.db import Pool, create_pool
from shared.observability import Metrics
from shared.testing.plugin import Migrated
from tests.chaos.examiner_process import Orders
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SKIEN, World, as_role, open_world, put_behind
from tests.integration.patterns_town import MONDAY, Employee, OwnBus, Town, examine_all, examiner, feed, found

pytestmark = [pytest.mark.connected, pytest.mark.story(18)]


@pytest.fixture
def clock() -> SimulatedClock:
    """Stands where the town's year begins."""
    return SimulatedClock(MONDAY)


@pytest_asyncio.fixture
async def world(migrated: Migrated, clock: SimulatedClock) -> AsyncIterator[World]:
    """A keeper on an empty log."""
    async with open_world(await migrated("audit", MIGRATIONS), clock=clock) as opened:
        yield opened


def planted(town: Town) -> Iterator[bytes]:
    """Ordinary work, and one person of each kind of misuse."""
    yield from town.ordinary_work()
    curious = curious_employee(town)
    for child in town.children[:3]:
        yield town.look(curious, child, reason="no-relation")
    reader = town.employee(Role.PPT_ADVISER, Service.PPT, "ppt")
    for _ in range(45):
        yield from town.opens(reader, reader)
    for child in town.children[-45:]:
        yield town.look(reader, child)
    for child in town.children[-6:]:
        yield town.look(reader, child, town.evening + timedelta(minutes=town.chance.randrange(30)))


def curious_employee(town: Town) -> Employee:
    """Somebody of another barnehage than any child's."""
    return town.employee(Role.TEACHER, Service.BARNEHAGE, "tinnes-barnehage")


async def test_ordinary_work_raises_nothing(world: World, clock: SimulatedClock) -> None:
    town = Town()
    await feed(world, town.ordinary_work(days=20))
    assert await examine_all(examiner(world.pool, clock)) == 0
    assert await found(world.pool) == []


async def test_the_same_behaviour_extends_one_finding(world: World, clock: SimulatedClock) -> None:
    """A hundred looks of one person are one finding, published when it is raised and when another child or day comes."""
    town, bus, instance = Town(), OwnBus(), examiner(world.pool, clock)
    await feed(world, town.ordinary_work(days=1, looks=5))
    curious = curious_employee(town)
    for _ in range(100):
        await feed(world, [town.look(curious, town.children[0], reason="no-relation")])
    assert await examine_all(instance) == 2, "without a relation, and refused again and again"
    await feed(world, [town.look(curious, town.children[1], reason="no-relation")])
    assert await examine_all(instance) == 0
    events = await bus.pump(world.pool, world)
    raised = {event.pattern: event for event in events if isinstance(event, FindingRaised)}
    assert set(raised) == {Pattern.WITHOUT_RELATION, Pattern.REPEATED_DENIALS}
    extended = [event for event in events if isinstance(event, FindingExtended)]
    assert {event.finding for event in extended} == {event.finding for event in raised.values()}
    assert len(extended) == 2, "not a hundred"
    ((_, _, _, actor, status, _, _, entries, cases, positions),) = [
        row for row in await found(world.pool) if row[1] == "without-relation"
    ]
    assert (actor, status, entries, cases) == (curious.id, "open", 101, 2)
    assert len(set(positions)) == 101  # type: ignore[call-overload]


async def test_an_examination_from_the_beginning_finds_the_same_and_says_nothing_twice(
    world: World, clock: SimulatedClock
) -> None:
    await feed(world, planted(Town()))
    assert await examine_all(examiner(world.pool, clock, batch=37)) == 3
    before = await found(world.pool)
    published = await world.pool.fetchval("SELECT count(*) FROM outbox")
    assert [(row[1], row[8]) for row in before] == [
        ("many-children", 45),
        ("outside-hours", 6),
        ("without-relation", 3),
    ]
    owner = await asyncpg.connect(world.dsn)
    try:
        await owner.execute(
            "DELETE FROM pattern_states; UPDATE pattern_cursors SET position = 0, moment = to_timestamp(0)"
        )
    finally:
        await owner.close()
    assert await examine_all(examiner(world.pool, clock, batch=500, seed=6)) == 0
    assert await found(world.pool) == before
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == published


async def test_a_row_that_nobody_signed_is_examined_by_nobody(world: World, clock: SimulatedClock) -> None:
    """Who may only add rows could else have the detectors pass over all that is logged from then on."""
    records = list(planted(Town()))
    await feed(world, records[:10])
    await put_behind(world.pool, 10**12, "cas_bcdfghjklmnpqrstvwxzbcdfgh", "act_somebody-innocent")
    assert await examine_all(examiner(world.pool, clock)) == 0
    assert await world.pool.fetchval("SELECT position FROM pattern_cursors") == 10
    await feed(world, records[10:])
    assert await examine_all(examiner(world.pool, clock)) == 3


async def test_several_instances_examine_each_entry_once(world: World, clock: SimulatedClock) -> None:
    await feed(world, planted(Town()))
    instances = [examiner(world.pool, clock, batch=11, seed=seed) for seed in range(4)]
    raised = await asyncio.gather(*(examine_all(instance) for instance in instances))
    assert sum(raised) == 3
    assert [row[1] for row in await found(world.pool)] == ["many-children", "outside-hours", "without-relation"]


STEPS = ["lock_cursor", "next_entries", "untold", "add_finding", "extend_finding", "save_states", "move_cursor"]


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_killed_at_any_step_it_goes_on_where_it_was(
    migrated: Migrated, world: World, clock: SimulatedClock
) -> None:
    """SIGKILL just after each step, several times each, one process after the other on one log; then it is finished."""
    records = list(planted(Town()))
    await feed(world, records)
    statuses = []
    for nth, step in enumerate(STEPS * 2):
        times = 1 + nth % 5 if step in {"lock_cursor", "next_entries", "save_states", "move_cursor"} else 1
        orders = Orders(dsn=world.dsn, step=step, times=times, batch=17)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.chaos.examiner_process", orders.model_dump_json()
        )
        statuses.append(await process.wait())
    assert set(statuses) <= {-signal.SIGKILL, 0}
    assert statuses.count(-signal.SIGKILL) >= len(STEPS)
    await examine_all(examiner(world.pool, clock, batch=17))
    interrupted = await found(world.pool)
    async with open_world(await migrated("audit", MIGRATIONS), clock=SimulatedClock(MONDAY)) as other:
        await feed(other, records)
        await examine_all(examiner(other.pool, clock))
        assert interrupted == await found(other.pool)
    raised = [event.finding for event in await OwnBus().pump(world.pool, world) if isinstance(event, FindingRaised)]
    assert len(raised) == len(set(raised)) == len(interrupted) == 3


async def test_time_passes_by_an_entry_of_the_log_itself(world: World, clock: SimulatedClock) -> None:
    """Glass was broken and nobody reviews it. Nothing else happens: the examination that is published moves the log on."""
    town, bus, instance = Town(), OwnBus(), examiner(world.pool, clock)
    nurse = town.employee(Role.HEALTH_NURSE, Service.HELSESTASJON, "helsestasjon")
    await feed(world, town.ordinary_work(days=1, looks=1))
    await feed(world, [town.look(nurse, town.children[0], MONDAY, kind=AccessKind.BREAK_GLASS)])
    await examine_all(instance)
    assert await instance.let_time_pass() == 0
    clock.set(MONDAY + timedelta(days=3, hours=16))
    assert await examine_all(instance) == 0
    assert await instance.let_time_pass() == 1
    assert await instance.let_time_pass() == 0, "asked for once"
    (examination,) = await bus.pump(world.pool, world)
    assert isinstance(examination, PatternsExamined)
    assert await examine_all(instance) == 0, "the log may have been away until now: what is told late is waited for"
    assert await instance.let_time_pass() == 0
    clock.set(clock.now() + timedelta(minutes=6))
    assert await instance.let_time_pass() == 1
    await bus.pump(world.pool, world)
    assert await examine_all(instance) == 1
    assert [(row[1], row[3]) for row in await found(world.pool)] == [("break-glass-unreviewed", nurse.id)]
    assert await instance.let_time_pass() == 0


async def test_an_examination_that_never_arrived_is_published_again(world: World, clock: SimulatedClock) -> None:
    town, instance = Town(), examiner(world.pool, clock)
    nurse = town.employee(Role.HEALTH_NURSE, Service.HELSESTASJON, "helsestasjon")
    await feed(world, town.opens(nurse, nurse))
    await feed(world, [town.look(nurse, town.children[0], MONDAY, kind=AccessKind.BREAK_GLASS)])
    await examine_all(instance)
    clock.set(MONDAY + timedelta(days=5))
    assert await instance.let_time_pass() == 1
    clock.set(MONDAY + timedelta(days=5, minutes=11))
    assert await instance.let_time_pass() == 1


async def test_what_the_detectors_cannot_read_stops_nothing(world: World, clock: SimulatedClock) -> None:
    """Records that break the form of their type, and bytes that are nothing, stand in the log; the next misuse is found."""
    town = Town()
    await feed(world, town.ordinary_work(days=1, looks=3))
    look = town.look(town.children[0].holder, town.children[0])
    await world.take(
        look.replace(b'"kind":"read"', b'"kind":"stare"'),
        b"\x00\xff",
        None,
        town.look(town.children[0].holder, town.children[0]).replace(b'"actor":{', b'"actor":[],"other":{'),
    )
    curious = curious_employee(town)
    await feed(world, [town.look(curious, town.children[0], reason="no-relation")])
    clock.set(clock.now() + timedelta(hours=1))
    await feed(world, [town.look(town.children[0].holder, town.children[0])])
    assert await examine_all(examiner(world.pool, clock)) == 1


async def test_the_roles_reach_no_more_than_they_need(world: World, clock: SimulatedClock) -> None:
    await feed(world, planted(Town()))
    await examine_all(examiner(world.pool, clock))
    reader: Pool = await create_pool(
        as_role(world.dsn, "lagspill_audit_reader"), min_size=1, max_size=1, application_name="audit-reader-test"
    )
    try:
        for table in ("data_keys", "vault_records", "lookups"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.fetch(f"SELECT * FROM {table}")
        assert await reader.fetch("SELECT * FROM pattern_findings")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await reader.execute("UPDATE pattern_findings SET status = 'explained', closed_at = now()")
    finally:
        await reader.close()
    for statement in (
        "DELETE FROM pattern_findings",
        "DELETE FROM pattern_cursors",
        "DELETE FROM pattern_finding_entries",
        "UPDATE pattern_finding_entries SET position = position + 1000",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await world.pool.execute(statement)


async def test_each_log_is_examined_by_itself(world: World, clock: SimulatedClock) -> None:
    protected = LogName("prt_" + "b" * 26)
    one, other = Town(seed=1), Town(seed=2, scope=protected)
    for town in (one, other):
        await feed(world, town.ordinary_work(days=1, looks=2))
        await feed(world, [town.look(curious_employee(town), town.children[0], reason="no-relation")])
    instance = examiner(world.pool, clock)
    assert await examine_all(instance) == 1
    assert await examine_all(instance, protected) == 1
    assert [row[0] for row in await found(world.pool)] == [NOTODDEN, protected]


@pytest.mark.parametrize("year", [1, 9999])
async def test_a_record_of_an_impossible_day_stops_nothing(world: World, clock: SimulatedClock, year: int) -> None:
    """Whatever it says of a moment with no day before or after it: the control goes on behind it."""
    town = Town()
    await feed(world, town.ordinary_work(days=1, looks=2))
    curious, child, now = curious_employee(town), town.children[0], town.now
    extreme = datetime(year, 12, 31, 23, 30, tzinfo=UTC) if year > 1 else datetime(year, 1, 1, tzinfo=UTC)
    endless = town.consent(child, Service.PPT).model_copy(update={"valid_to": extreme.date()})
    await feed(
        world,
        [
            *(town.look(curious, child, extreme, kind=kind) for kind in (AccessKind.READ, AccessKind.BREAK_GLASS)),
            town.look(curious, child, extreme, reason="no-relation"),
            town.say(endless, extreme),
            town.say(endless, now),
            town.look(curious, child, now + timedelta(minutes=1), reason="no-relation"),
        ],
    )
    assert await examine_all(examiner(world.pool, clock)) == 1


@pytest.mark.parametrize("days", [1, 30, 365 * 100])
async def test_a_look_that_is_dated_ahead_blinds_no_control(world: World, clock: SimulatedClock, days: int) -> None:
    """One record of a service whose clock is wrong, or that somebody forged, and the real looks around it count as before."""
    town = Town()
    await feed(world, town.ordinary_work(days=1, looks=2))
    reader = town.employee(Role.PPT_ADVISER, Service.PPT, "ppt")
    for _ in range(45):
        await feed(world, town.opens(reader, reader))
    far = clock.now() + timedelta(days=days)
    looks = [town.look(reader, child) for child in town.children[-45:]]
    await feed(world, [town.look(reader, town.children[0], far), *looks])
    await examine_all(examiner(world.pool, clock))
    assert "many-children" in {row[1] for row in await found(world.pool)}


async def test_what_is_wrong_with_one_log_holds_up_no_other(world: World, clock: SimulatedClock) -> None:
    one, other = Town(seed=1), Town(seed=2, scope=SKIEN)
    for town in (one, other):
        await feed(world, town.ordinary_work(days=1, looks=2))
    instance = examiner(world.pool, clock)
    watch = Watch(instance, world.pool, Metrics())
    await watch.look()
    await world.pool.execute("UPDATE pattern_states SET state = '[]' WHERE log = $1", SKIEN)
    for town in (one, other):
        await feed(world, [town.look(curious_employee(town), town.children[0], reason="no-relation")])
    await watch.look()
    assert set(await instance.behind()) == {SKIEN}, "the one after it is examined to its end"
    assert [row[0] for row in await found(world.pool)] == [NOTODDEN]
