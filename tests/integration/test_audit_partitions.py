"""Entries by month: made ahead, whatever the clocks say; found by index in all of them; old data stays where it was."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import pytest
from asyncpg.connection import LoggedQuery

from services.audit import growth, store
from services.audit.domain.entry import LogName
from services.audit.domain.tiles import Slice
from services.audit.partitions import AGAIN_SECONDS, Partitions, months_from
from services.audit.queries import Reader, Search
from shared import db
from shared.merkle import leaf_hash, root_of
from shared.testing.plugin import Migrated, NewDatabase
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, Publisher, World, as_role, open_world

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@dataclass
class MovedClock:
    """A machine's clock that somebody sets, also back."""

    moment: datetime = NOON

    def now(self) -> datetime:
        return self.moment


async def held_by(world: World) -> dict[str, list[int]]:
    """Which positions stand in which partition, as the owner sees it."""
    owner = await asyncpg.connect(world.dsn)
    try:
        rows = await owner.fetch(
            "SELECT tableoid::regclass::text AS partition, array_agg(position ORDER BY position) AS positions"
            " FROM entries GROUP BY 1"
        )
    finally:
        await owner.close()
    return {row["partition"]: row["positions"] for row in rows}


async def partitions_of(dsn: str) -> set[str]:
    owner = await asyncpg.connect(dsn)
    try:
        rows = await owner.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'entries'::regclass"
        )
    finally:
        await owner.close()
    return {row[0] for row in rows}


def test_months_are_those_of_utc() -> None:
    """Also over the turn of the year, and for a moment that is another day in Oslo."""
    assert months_from(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == [
        datetime(2026, 12, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        datetime(2027, 2, 1, tzinfo=UTC),
    ]
    oslo = datetime.fromisoformat("2027-01-01T00:30:00+01:00")
    assert months_from(oslo, 0) == [datetime(2026, 12, 1, tzinfo=UTC)]


async def test_each_month_has_its_partition_whatever_the_clock_does(migrated: Migrated) -> None:
    """A clock that jumps by years and back: entries stand in their months, and nothing is taken twice over the border."""
    cases = Publisher()
    clock = MovedClock()
    async with open_world(await migrated("audit", MIGRATIONS), clock=clock) as world:
        records = cases.reads(6)
        for record, moment in zip(
            records,
            ("2026-09-07", "2026-09-30T23:59:59", "2026-10-01", "2035-12-31T23:59:59", "2027-02-01", "2026-08-01"),
            strict=True,
        ):
            clock.moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
            await world.take(record)
        assert await held_by(world) == {
            "entries_2026_09": [0, 1],
            "entries_2026_10": [2],
            "entries_2035_12": [3],
            "entries_2027_02": [4],
            "entries_2026_08": [5],
        }
        assert {"entries_2026_11", "entries_2026_12", "entries_2036_02", "entries_2027_04"} <= await partitions_of(
            world.dsn
        )
        assert await world.keeper.partitions.strays() == 0
        assert await world.take(*records) == 0  # each is known, in whichever month it stands
        rows = await world.pool.fetch("SELECT leaf FROM entries ORDER BY position")
        assert [row["leaf"] for row in rows] == records


async def test_without_a_partition_the_log_goes_on_and_puts_right_later(migrated: Migrated) -> None:
    """The default partition takes what no month is there for, is counted, and is emptied into the month once it is made."""
    cases = Publisher()
    clock = MovedClock()
    async with open_world(await migrated("audit", MIGRATIONS), clock=clock) as world:
        await world.take(cases.read())
        reader = await asyncpg.connect(world.dsn)
        try:
            async with reader.transaction():
                await reader.execute("LOCK TABLE entries_default IN ACCESS SHARE MODE")  # somebody reads, and reads
                clock.moment = datetime(2031, 5, 5, tzinfo=UTC)
                records = cases.reads(300)
                await world.take(*records)
                assert (await held_by(world))["entries_default"] == list(range(1, 301))
                assert await world.keeper.partitions.strays() == 300
        finally:
            await reader.close()
        again = Partitions(world.pool)
        assert await again.prepare(clock.now(), AGAIN_SECONDS) == [
            "entries_2031_05",
            "entries_2031_06",
            "entries_2031_07",
        ]
        assert await again.strays() == 0
        assert await held_by(world) == {"entries_2026_09": [0], "entries_2031_05": list(range(1, 301))}
        await world.take(cases.read())
        leaves = [row["leaf"] for row in await world.pool.fetch("SELECT leaf FROM entries ORDER BY position")]
        root = await world.pool.fetchval("SELECT root FROM checkpoints ORDER BY size DESC LIMIT 1")
        assert root_of([leaf_hash(leaf) for leaf in leaves]) == root


async def test_a_month_that_failed_is_not_tried_again_at_once(migrated: Migrated) -> None:
    """Or every batch would wait for the lock."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        owner = await asyncpg.connect(world.dsn)
        try:
            await owner.execute("REVOKE EXECUTE ON FUNCTION make_entries_partition FROM lagspill_audit_writer")
            made = Partitions(world.pool)
            assert await made.prepare(NOON, 0.0) == []
            await owner.execute("GRANT EXECUTE ON FUNCTION make_entries_partition TO lagspill_audit_writer")
            assert await made.prepare(NOON, AGAIN_SECONDS - 1) == []
            assert len(await made.prepare(NOON, AGAIN_SECONDS)) == 3
        finally:
            await owner.close()


async def test_instances_make_a_month_once(migrated: Migrated) -> None:
    """However many begin at the same moment."""
    async with open_world(await migrated("audit", MIGRATIONS), pools=8) as world:
        made = await asyncio.gather(*(Partitions(world.pool).prepare(NOON, 0.0) for _ in range(8)))
        assert sorted(name for names in made for name in names) == [
            "entries_2026_09",
            "entries_2026_10",
            "entries_2026_11",
        ]


async def test_the_function_makes_months_and_nothing_else(migrated: Migrated) -> None:
    """No month outside the calendar of a log, and no catalogue full of empty ones."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        for moment in (datetime(2019, 12, 31, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)):
            with pytest.raises(asyncpg.InvalidParameterValueError):
                await world.pool.execute("SELECT make_entries_partition($1)", moment)
        with pytest.raises(asyncpg.InvalidParameterValueError):
            await world.pool.execute("SELECT make_entries_partition(NULL)")
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await world.pool.executemany(
                "SELECT make_entries_partition($1)", [(each,) for each in months_from(NOON, 60)]
            )
        for month in months_from(NOON, 35):
            await world.pool.execute("SELECT make_entries_partition($1)", month)
        with pytest.raises(asyncpg.ProgramLimitExceededError):
            await world.pool.execute("SELECT make_entries_partition($1)", months_from(NOON, 36)[-1])
        assert len(await partitions_of(world.dsn)) == 37
        # Months that retention has emptied are no reason not to make the next one.
        await world.pool.execute(
            "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind)"
            " VALUES ('4005', 0, $1, 'x', 't', 0, 0, now(), 'event')",
            months_from(NOON, 35)[-1],
        )
        await world.pool.execute("SELECT make_entries_partition($1)", months_from(NOON, 36)[-1])


async def test_what_stands_in_one_table_stays_there(new_database: NewDatabase, tmp_path: Path) -> None:
    """A log from before the months: its table becomes the partition of everything up to the end of its last month."""
    dsn = await new_database()
    shutil.copy(MIGRATIONS / "0001_audit.sql", tmp_path)
    await db.migrate(dsn, "audit", tmp_path)
    owner = await asyncpg.connect(dsn)
    try:
        await owner.execute(
            "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind)"
            " SELECT '4005', n, timestamptz '2026-08-01Z' + n * interval '1 day', 'x', 't', 0, n, now(), 'event'"
            " FROM generate_series(0, 50) n"
        )
        file = await owner.fetchval("SELECT relfilenode FROM pg_class WHERE relname = 'entries_all'")
        await db.migrate(dsn, "audit", MIGRATIONS)
        assert file == await owner.fetchval("SELECT relfilenode FROM pg_class WHERE relname = 'entries_earlier'")
        assert await owner.fetchval("SELECT count(*) FROM entries") == 51
        for moment, name in (
            (datetime(2020, 3, 1, tzinfo=UTC), None),
            (datetime(2026, 9, 30, tzinfo=UTC), None),
            (datetime(2026, 10, 1, tzinfo=UTC), "entries_2026_10"),
        ):
            made = await owner.fetchval("SELECT make_entries_partition($1)", moment)
            assert made == name
        for statement in (
            "DELETE FROM entries_earlier",
            "UPDATE entries_earlier SET kind = 'x'",
            "TRUNCATE entries_earlier",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(statement)
    finally:
        await owner.close()


@asynccontextmanager
async def listening(dsn: str, role: str) -> AsyncIterator[tuple[db.Pool, list[LoggedQuery]]]:
    """A pool of one connection, and every statement that it is asked to run."""
    heard: list[LoggedQuery] = []

    async def init(connection: asyncpg.Connection[asyncpg.Record]) -> None:
        connection.add_query_logger(heard.append)

    pool = await asyncpg.create_pool(as_role(dsn, role), min_size=1, max_size=1, init=init)
    try:
        yield pool, heard
    finally:
        await pool.close()


def scans(plan: object) -> list[tuple[str, str]]:
    """Every scan in a plan: its kind, and of what."""
    if isinstance(plan, list):
        return [found for part in plan for found in scans(part)]
    if not isinstance(plan, dict):
        return []
    here = [(str(plan["Node Type"]), str(plan["Relation Name"]))] if "Relation Name" in plan else []
    return here + [found for value in plan.values() for found in scans(value)]


async def explain(dsn: str, statements: Sequence[LoggedQuery]) -> list[tuple[str, str]]:
    """Every scan of `entries` in the plans of the statements."""
    owner = await asyncpg.connect(dsn, server_settings={"enable_seqscan": "off", "jit": "off"})
    try:
        found = []
        for statement in [each for each in statements if " entries" in each.query]:
            plan = await owner.fetchval(f"EXPLAIN (FORMAT JSON) {statement.query}", *statement.args)
            found += scans(json.loads(plan))
    finally:
        await owner.close()
    return [(kind, relation) for kind, relation in found if relation.startswith("entries")]


@pytest.mark.slow
async def test_ten_years_are_read_by_index(migrated: Migrated) -> None:
    """Every statement of intake and search that looks for entries uses an index in each of 120 months."""
    dsn = await migrated("audit", MIGRATIONS)
    owner = await asyncpg.connect(dsn)
    for month in months_from(datetime(2026, 1, 1, tzinfo=UTC), 119):
        await owner.execute("SELECT make_entries_partition($1)", month)
        await owner.execute(
            "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind)"
            " VALUES ('4005', $2, $1, 'x', 't', 0, 0, $1, 'event')",
            month,
            month.year * 12 + month.month,
        )
    await owner.execute("ANALYZE entries")
    await owner.execute("INSERT INTO checkpoints VALUES ('4005', 2036 * 12, sha256('none'), '', now())")
    await owner.close()
    log, cases = LogName(NOTODDEN), Publisher()
    event = cases.ids.event_id()
    async with listening(dsn, "lagspill_audit_writer") as (pool, heard), pool.acquire() as connection:
        heard.clear()
        await growth.known_events(connection, [growth.Event(log, "/services/cases", str(event))])
        await store.numbered_leaves(connection, log, "/services/cases", 1, 5)
    async with listening(dsn, "lagspill_audit_reader") as (pool, asked):
        reader = Reader(pool)
        await pool.fetchval("SELECT 1")
        asked.clear()
        for search in (Search(case="cas_abcdefghijklmnopqrstuvwxyz"), Search(actor="act_nurse-in-tinnes"), Search()):
            await reader.find(log, search, before=None, limit=100)
        await reader.bundle(log, Slice(95, 256))
        await reader.entry(log, 2026 * 12 + 3)
    found = await explain(dsn, [*heard, *asked])
    assert {relation for _, relation in found} >= {
        f"entries_{year}_{month:02}" for year in range(2026, 2036) for month in range(1, 13)
    }
    assert {kind for kind, _ in found} <= {"Index Scan", "Index Only Scan", "Bitmap Heap Scan"}, set(found)


async def test_a_period_is_looked_for_in_its_months_only(migrated: Migrated) -> None:
    """The other partitions are not even opened."""
    dsn = await migrated("audit", MIGRATIONS)
    owner = await asyncpg.connect(dsn)
    try:
        for month in months_from(datetime(2026, 1, 1, tzinfo=UTC), 11):
            await owner.execute("SELECT make_entries_partition($1)", month)
        plan = await owner.fetchval(
            "EXPLAIN (FORMAT JSON) SELECT position FROM entries WHERE log = '4005' AND logged_at >= $1 AND logged_at < $2",
            datetime(2026, 3, 10, tzinfo=UTC),
            datetime(2026, 3, 10, tzinfo=UTC) + timedelta(days=31),
        )
    finally:
        await owner.close()
    assert {relation for _, relation in scans(json.loads(plan))} <= {
        "entries_2026_03",
        "entries_2026_04",
        "entries_default",
    }
