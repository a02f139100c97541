"""Lanes: a record taken out of the outbox before it was numbered is missed, and nothing else ever is."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace

import asyncpg
import lagspill_verify
import pytest
import pytest_asyncio
from lagspill_verify import Report

from services.audit.direct import open_database
from shared.clock import SystemClock
from shared.contracts.audit import IrregularityFound
from shared.contracts.journal import JournalSealed
from shared.db import Connection, Pool, create_pool
from shared.envelope import Envelope, parse
from shared.errors import ConflictError, StaleVersionError
from shared.journal import IdempotencyKey, Journal
from shared.lanes import Lanes, split
from shared.outbox import LOCK
from shared.refs import LogScope
from shared.relay import Step
from shared.testing.plugin import Migrated
from shared.testing.signals import TopicReader, Watch
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, open_world
from tests.relay_world import NewTopic, Steps, World, new_world
from tests.tally import CONTRACTS, NO_MIGRATIONS, RANDOM, SOURCE, TALLY, adding, context, looked_at, somebody

pytestmark = [pytest.mark.connected, pytest.mark.story(24)]

ORIGIN = "lagspill.no/logs/4005"
VKEY = SIGNER.named(ORIGIN).verifier.vkey
PROTECTED = LogScope("prt_bcdfghjklmnpqrstvwxzbcdfgh")


@dataclass
class Desk:
    """A service's database, and its journal."""

    dsn: str
    pool: Pool
    lanes: Lanes = field(default_factory=Lanes)

    @property
    def journal(self) -> Journal:
        """A journal that remembers nothing: what it decides rests on what it has read."""
        return Journal(self.pool, source=SOURCE, clock=SystemClock(), ids=RANDOM, contracts=CONTRACTS, lanes=self.lanes)

    async def look(self, count: int = 1, conn: Connection | None = None) -> None:
        """Record so many looks, one by one."""
        for _ in range(count):
            await self.journal.record_access(context(), [looked_at(RANDOM.ref("cas"))], conn=conn)

    async def written(self) -> dict[tuple[str, str], list[int]]:
        """Return the counts in the outbox, of each log and lane, in the order of the rows."""
        counts: dict[tuple[str, str], list[int]] = defaultdict(list)
        for row in await self.pool.fetch("SELECT scope, body FROM outbox ORDER BY id"):
            envelope = parse(row["body"]).envelope
            assert envelope.lane is not None
            name, count = split(envelope.lane)
            counts[row["scope"], name].append(count)
        return counts

    async def check(self) -> None:
        """Every lane counts from 1 without a hole, and what the seals would say of it is there."""
        written = await self.written()
        for lane, counts in written.items():
            assert counts == list(range(1, len(counts) + 1)), lane
        for scope in {scope for scope, _ in written}:
            for end in self.lanes.ends(LogScope(scope)):
                assert len(written[scope, end.lane]) >= end.last


@pytest_asyncio.fixture
async def desk(migrated: Migrated) -> AsyncIterator[Desk]:
    """An empty database."""
    dsn = await migrated("cases", NO_MIGRATIONS)
    pool = await create_pool(dsn, application_name="test", max_size=4)
    yield Desk(dsn, pool)
    await pool.close()


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A service with its relay."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


async def published(world: World) -> list[bytes]:
    """Let a relay publish what the outbox has and seal it, and return all that was ever published, in the order of its numbers."""
    steps = Steps()
    async with world.relay(observer=steps):
        await steps.until(lambda seen: Step.DRAINED in seen)
    async with TopicReader(world.broker, world.events, world.topics["lagspill.access.v1"]) as reader:
        records = [record.value for record in await reader.rest() if record.value is not None]
    return sorted(records, key=lambda value: parse(value).envelope.number)


async def found(migrated: Migrated, records: Sequence[bytes]) -> tuple[list[IrregularityFound], Report]:
    """Return what the log's own service finds when it has taken `records`, and what an outsider's verifier does."""
    async with open_world(await migrated("audit", MIGRATIONS), grace=30.0) as log:
        await log.take(*records[::2])
        await log.keeper.find_gaps(100.0)  # half of them is not here yet: that is no finding
        await log.take(*records[1::2])
        for moment in (120.0, 140.0, 160.0, 200.0):
            await log.keeper.find_gaps(moment)
        rows = await log.pool.fetch("SELECT body FROM outbox ORDER BY id")
        told = [parse(row["body"]) for row in rows]
        counted = await log.keeper.count_findings()

        def verify() -> Report:
            database = open_database(log.dsn, NOTODDEN, witnessed=False)
            try:
                return lagspill_verify.verify_log(database, lagspill_verify.read_demands([VKEY], None, []))
            finally:
                database.close()

        report = await asyncio.to_thread(verify)
    events = [IrregularityFound.model_validate_json(each.data) for each in told]
    assert sum(counted.values()) == len(events)
    return events, report


async def delete(pool: Pool, nth: int) -> str:
    """As the database's administrator, delete the outbox's row with that index, and return the lane that it stood in."""
    body = await pool.fetchval(
        "DELETE FROM outbox WHERE id = (SELECT id FROM outbox ORDER BY id OFFSET $1 LIMIT 1) RETURNING body", nth
    )
    lane = parse(body).envelope.lane
    assert lane is not None
    return lane


async def test_what_nobody_touched_is_complete(migrated: Migrated, world: World) -> None:
    desk = Desk(world.dsn, world.pool, world.lanes)
    await desk.look(3)
    async with world.pool.acquire() as conn, conn.transaction():
        await desk.look(2, conn)
    await desk.journal.change(TALLY, tally := RANDOM.ref("cas"), context(), adding(tally, 1, 2))
    events, report = await found(migrated, await published(world))
    assert (events, report.findings) == ([], []), report


@pytest.mark.parametrize(
    ("transaction", "nth"),
    [(False, 0), (False, 4), (True, 2), (True, 4)],
    ids=["alone-the-first", "alone-the-last", "in-a-transaction-in-the-midst", "in-a-transaction-the-last"],
)
async def test_a_look_deleted_before_it_was_numbered_is_found(
    migrated: Migrated, world: World, nth: int, *, transaction: bool
) -> None:
    """By the log's own service, and by whoever verifies the log: which record of which lane, and an entry that shows it."""
    desk = Desk(world.dsn, world.pool, world.lanes)
    if transaction:
        async with world.pool.acquire() as conn, conn.transaction():
            await desk.look(5, conn)
    else:
        await desk.look(5)
    lane, count = split(await delete(world.pool, nth))
    assert count == nth + 1
    records = await published(world)
    assert len(records) == 4 + 1, "the numbers of the service show nothing: four looks and the seal"
    events, report = await found(migrated, records)
    assert events == [
        IrregularityFound(
            log=ORIGIN, kind="lane-gap", source=SOURCE, subject_ref=f"lane:{lane}", first=count, last=count
        )
    ]
    if nth == 4:
        # Only the seal says that it was written, and nothing but a later one that it is not on its way.
        assert report.findings == []
        await desk.look()
        _, report = await found(migrated, await published(world))
    [finding] = report.findings
    assert finding.kind is lagspill_verify.Kind.INCOMPLETE
    assert f"record {count} of lane {lane} of {SOURCE} is not in the log" in finding.detail


async def test_a_relay_that_does_not_lead_says_how_far_its_own_process_has_written(world: World) -> None:
    """Else the end of a lane of that process could be cut off."""
    desk = Desk(world.dsn, world.pool, world.lanes)
    await desk.look(2)
    await published(world)
    another = Desk(world.dsn, world.pool, Lanes())
    await another.look(3)
    [end] = another.lanes.ends(LogScope(NOTODDEN))
    assert end.last == 3
    leader = await asyncpg.connect(world.dsn)
    try:
        assert await leader.fetchval("SELECT pg_try_advisory_lock($1)", LOCK)
        async with (
            Watch(world.dsn, "outbox") as watch,
            replace(world, lanes=another.lanes).relay(seal_every=0.0, poll=0.01),
        ):
            await watch.until("SELECT EXISTS (SELECT FROM outbox WHERE NOT counted)")
    finally:
        await leader.close()
    seals = [parse(row["body"]) for row in await world.pool.fetch("SELECT body FROM outbox WHERE NOT counted")]
    [seal] = [JournalSealed.model_validate_json(each.data) for each in seals]
    assert (seal.last_number, seal.lanes) == (3, (end,))
    assert another.lanes.untold() == set()
    await published(world)
    await world.published()


async def test_an_anonymous_record_stands_in_a_lane_of_its_own(desk: Desk) -> None:
    """One count over it and over what else the session wrote would lead from one to the other."""
    anonymous = replace(context(), anonymous=True)
    async with desk.pool.acquire() as conn:
        for _ in range(2):
            await desk.journal.record_access(context(), [looked_at(RANDOM.ref("cas"))], conn=conn)
            await desk.journal.record_access(anonymous, [looked_at(RANDOM.ref("cas"))], conn=conn)
        async with conn.transaction():
            await desk.journal.record_access(context(), [looked_at(RANDOM.ref("cas"))], conn=conn)
            await desk.journal.record_access(anonymous, [looked_at(RANDOM.ref("cas"))], conn=conn)
    await desk.check()
    by_lane: dict[str, set[str]] = defaultdict(set)
    for row in await desk.pool.fetch("SELECT body FROM outbox"):
        envelope: Envelope = parse(row["body"]).envelope
        assert envelope.lane is not None
        by_lane[split(envelope.lane)[0]].add(envelope.authtype)
    assert sorted(map(sorted, by_lane.values())) == [["system"], ["system"], ["unknown"], ["unknown"]]


async def test_each_log_has_lanes_of_its_own(desk: Desk) -> None:
    """A lane over two logs would have holes in both, and would lead from a protected case's log to a municipality's."""
    for _ in range(3):
        for scope in (LogScope(NOTODDEN), PROTECTED):
            await desk.journal.record_access(context(scope=scope), [looked_at(RANDOM.ref("cas"))])
    await desk.check()
    assert [len(counts) for counts in (await desk.written()).values()] == [3, 3]


class _GivenUpError(ConflictError):
    """The rest of the transaction went wrong."""

    code = "given-up"


_EXPECTED = (
    ConflictError,
    StaleVersionError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)


async def _fails(conn: Connection) -> None:
    await conn.execute("SELECT 1")
    raise _GivenUpError


class Storm:
    """Does one thing after another to a journal, by chance, of all that can happen to a record on its way into the outbox."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk = desk
        self.chance = random.Random(seed)
        self.tallies = [RANDOM.ref("cas") for _ in range(3)]
        self.done: set[str] = set()

    async def run(self, count: int) -> None:
        """Do so many things."""
        journal = self.desk.journal
        steps: list[Callable[[Journal, str], Awaitable[object]]] = [
            getattr(self, name) for name in dir(self) if name.startswith("step_")
        ]
        for _ in range(count):
            step = self.chance.choice(steps)
            self.done.add(step.__name__)
            with contextlib.suppress(
                ConflictError,
                StaleVersionError,
                asyncpg.PostgresError,
                asyncpg.InterfaceError,
                asyncpg.InternalClientError,
                OSError,
                TimeoutError,
            ):
                # Now a journal that remembers, now one that does not.
                await step(
                    journal if self.chance.random() < 0.6 else self.desk.journal, self.chance.choice(self.tallies)
                )

    async def step_change(self, journal: Journal, tally: str) -> None:
        await journal.change(TALLY, tally, context(), adding(tally, *[1] * self.chance.randint(1, 3)))

    async def step_look(self, journal: Journal, tally: str) -> None:
        await journal.record_access(context(), [looked_at(tally)] * self.chance.randint(1, 3))

    async def step_refused(self, journal: Journal, tally: str) -> None:
        await journal.change(TALLY, tally, context(), adding(tally, -10_000))

    async def step_stale(self, journal: Journal, tally: str) -> None:
        await journal.change(TALLY, tally, replace(context(), if_match=10_000), adding(tally, 1))

    async def step_told_again(self, journal: Journal, tally: str) -> None:
        key = IdempotencyKey(somebody().id, "the same", b"request")
        for _ in range(2):
            await journal.change(TALLY, tally, replace(context(), idempotency=key), adding(tally, 1))

    async def step_told_at_once(self, journal: Journal, tally: str) -> None:
        key = IdempotencyKey(somebody().id, str(self.chance.random()), b"request")
        asked = [replace(context(), idempotency=key) for _ in range(2)]
        new = [RANDOM.ref("cas") for _ in asked]
        await asyncio.gather(
            *(
                self.desk.journal.change(TALLY, each, ctx, adding(each, 1))
                for each, ctx in zip(new, asked, strict=True)
            ),
            return_exceptions=True,
        )

    async def step_both_at_once(self, journal: Journal, tally: str) -> None:
        await asyncio.gather(
            *(each.change(TALLY, tally, context(), adding(tally, 1)) for each in (journal, self.desk.journal))
        )

    async def step_also_fails(self, journal: Journal, tally: str) -> None:
        await journal.change(TALLY, tally, context(), adding(tally, 1), also=_fails)

    async def step_also_looks(self, journal: Journal, tally: str) -> None:
        async def look(conn: Connection) -> None:
            await journal.record_access(context(), [looked_at(tally)], conn=conn)

        await journal.change(TALLY, tally, context(), adding(tally, 1), also=look)

    async def step_transaction(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn, conn.transaction():
            await journal.change(TALLY, tally, context(), adding(tally, 1, 1), conn=conn)
            await journal.record_access(context(), [looked_at(tally)], conn=conn)

    async def step_rolled_back(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn, conn.transaction():
            await journal.change(TALLY, tally, context(), adding(tally, 1, 1), conn=conn)
            raise _GivenUpError

    async def step_savepoints(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn, conn.transaction():
            for _ in range(3):
                with contextlib.suppress(_GivenUpError):
                    async with conn.transaction():
                        await journal.change(TALLY, tally, context(), adding(tally, 1), conn=conn)
                        if self.chance.random() < 0.5:
                            raise _GivenUpError

    async def step_left_open(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn:
            await conn.execute("BEGIN")
            await journal.record_access(context(), [looked_at(tally)], conn=conn)

    async def step_reset(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn:
            await conn.execute("RESET ALL")

    async def step_cancelled(self, journal: Journal, tally: str) -> None:
        asked = asyncio.create_task(journal.record_access(context(), [looked_at(tally)]))
        for _ in range(self.chance.randint(0, 6)):
            await asyncio.sleep(0)
        asked.cancel()
        await asyncio.gather(asked, return_exceptions=True)

    async def step_killed(self, journal: Journal, tally: str) -> None:
        """The session ends while it writes, or just before or after."""
        async with self.desk.pool.acquire() as conn:
            session = await conn.fetchval("SELECT pg_backend_pid()")
            work = [self.desk.look(3, conn), self._kill(session)]
            self.chance.shuffle(work)
            await asyncio.gather(*work, return_exceptions=True)

    async def step_killed_in_a_transaction(self, journal: Journal, tally: str) -> None:
        async with self.desk.pool.acquire() as conn, conn.transaction():
            await journal.change(TALLY, tally, context(), adding(tally, 1), conn=conn)
            await self._kill(await conn.fetchval("SELECT pg_backend_pid()"))

    async def _kill(self, session: int) -> None:
        connection = await asyncpg.connect(self.desk.dsn)
        try:
            await connection.execute("SELECT pg_terminate_backend($1)", session)
        finally:
            await connection.close()


@pytest.mark.parametrize("seed", range(2))
async def test_whatever_happens_on_the_way_leaves_no_hole(desk: Desk, seed: int) -> None:
    """Rolled back, refused, retried, cancelled, killed: nothing of it is ever missed, and no seal says too much."""
    storm = Storm(desk, seed)
    await storm.run(120)
    await desk.check()
    assert len(storm.done) >= 14
    written = await desk.written()
    assert sum(map(len, written.values())) > 50


async def test_a_process_knows_how_far_it_has_written(desk: Desk) -> None:
    """What was committed, alone or in a transaction; not what was rolled back, nor what was told."""
    scope = LogScope(NOTODDEN)
    await desk.look(3)
    assert [end.last for end in desk.lanes.ends(scope)] == [3]
    async with desk.pool.acquire() as conn:
        async with conn.transaction():
            await desk.look(2, conn)
        with contextlib.suppress(_GivenUpError):
            async with conn.transaction():
                await desk.look(5, conn)
                raise _GivenUpError
    assert [end.last for end in desk.lanes.ends(scope)] == [3, 2]
    desk.lanes.told(scope, desk.lanes.ends(scope)[:1])
    assert desk.lanes.untold() == {scope}
    assert [end.last for end in desk.lanes.ends(scope)] == [2]
    desk.lanes.told(scope, desk.lanes.ends(scope))
    assert desk.lanes.untold() == set()
    await desk.check()
