"""The journal: a command in two round trips at most, all of it or nothing, and nothing lost between two writers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared.aggregate import Answer, Decision, IdempotencyKey
from shared.clock import SimulatedClock
from shared.contracts.base import EventData
from shared.db import Connection, Pool, create_pool
from shared.envelope import Envelope, numeral, parse
from shared.errors import IdempotencyConflictError, StaleVersionError
from shared.journal import ATTEMPTS, ContendedError, HistoryError, Journal
from shared.refs import LogScope
from tests.round_trips import RoundTrips
from tests.tally import (
    CONTRACTS,
    NO_MIGRATIONS,
    NOON,
    NOTODDEN,
    RANDOM,
    SOURCE,
    TALLY,
    Added,
    BelowNothingError,
    Cleared,
    Tally,
    adding,
    context,
    decide_add,
    journal_on,
    looked_at,
    somebody,
)

pytestmark = pytest.mark.connected

Migrated = Callable[[str, Path], Awaitable[str]]


@pytest_asyncio.fixture
async def dsn(migrated: Migrated) -> str:
    """A database with the kit's tables."""
    return await migrated("cases", NO_MIGRATIONS)


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """A pool on it."""
    pool = await create_pool(dsn, application_name="test")
    yield pool
    await pool.close()


@pytest.fixture
def journal(pool: Pool) -> Journal:
    """A journal that knows tallies."""
    return journal_on(pool)


@pytest.fixture
def tally() -> str:
    """The reference of a new tally."""
    return RANDOM.ref("cas")


async def outbox(pool: Pool) -> list[Envelope]:
    return [parse(row["body"]).envelope for row in await pool.fetch("SELECT body FROM outbox ORDER BY id")]


async def rows(pool: Pool) -> dict[str, int]:
    """Return how many rows each of the journal's tables has."""
    tables = ("aggregates", "events", "outbox", "idempotency_keys")
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in tables}


# --- what one command writes ------------------------------------------------------------------------------------------


async def test_state_events_outbox_access_and_answer_become_true_together(
    pool: Pool, journal: Journal, tally: str
) -> None:
    key = IdempotencyKey(somebody().id, "k", b"hash")
    changed = await journal.change(
        TALLY,
        tally,
        replace(context(), idempotency=key),
        lambda state: Decision(decide_add(state, tally, 2, 3), [looked_at(tally)]),
        lambda state, version: Answer(201, b'{"total":%d}' % state.total, version, f"/tallies/{tally}"),
    )
    assert (changed.state.total, changed.version, changed.replayed) == (5, 2, False)
    assert changed.events == (Added(tally=tally, amount=2), Added(tally=tally, amount=3))
    loaded = await journal.load(TALLY, tally)
    assert (loaded.state, loaded.version, loaded.scope) == (changed.state, 2, NOTODDEN)
    assert await rows(pool) == {"aggregates": 1, "events": 2, "outbox": 3, "idempotency_keys": 1}
    assert [(event.type, event.sequence) for event in await outbox(pool)] == [
        (Added.TYPE, numeral(1)),
        (Added.TYPE, numeral(2)),
        ("no.lagspill.access.recorded.v1", None),
    ]
    topics = await pool.fetch("SELECT topic, key, scope FROM outbox ORDER BY id")
    assert [tuple(row) for row in topics] == [
        ("lagspill.cases.v1", tally, NOTODDEN),
        ("lagspill.cases.v1", tally, NOTODDEN),
        ("lagspill.access.v1", tally, NOTODDEN),
    ]


async def test_an_envelope_says_who_when_and_why(pool: Pool, clock: SimulatedClock, tally: str) -> None:
    actor, cause = somebody(), uuid4()
    ctx = replace(context(actor=actor), causation=cause, traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01")
    journal = Journal(pool, source=SOURCE, clock=clock, ids=RANDOM, contracts=CONTRACTS)
    await journal.change(TALLY, tally, ctx, adding(tally, 1))
    [event] = await outbox(pool)
    assert (event.source, event.subject, event.partitionkey, event.municipality) == (SOURCE, tally, tally, NOTODDEN)
    assert (event.time, event.recordedtime) == (NOON, clock.now())
    assert (event.correlationid, event.causationid, event.traceparent) == (ctx.correlation, cause, ctx.traceparent)
    assert (event.authtype, event.authid, event.sourcesequence) == ("user", actor.id, None)


@pytest.mark.parametrize(
    ("kind", "expected"), [("service_account", "service_account"), ("guardian", "user"), (None, "system")]
)
async def test_an_envelope_says_what_kind_of_actor_it_was(
    pool: Pool, journal: Journal, tally: str, kind: str | None, expected: str
) -> None:
    actor = None if kind is None else replace(somebody(), kind=kind)  # type: ignore[arg-type]  # from the table above
    await journal.change(TALLY, tally, context(actor=actor), adding(tally, 1))
    assert (await outbox(pool))[0].authtype == expected


async def test_what_is_anonymous_leads_nowhere(pool: Pool, journal: Journal, tally: str) -> None:
    ctx = replace(
        context(actor=somebody()), anonymous=True, causation=uuid4(), traceparent=f"00-{'ab' * 16}-{'cd' * 8}-01"
    )
    for _ in range(2):
        await journal.change(TALLY, tally, ctx, adding(tally, 1))
    first, second = await outbox(pool)
    assert (first.authtype, first.authid, first.causationid, first.traceparent) == ("unknown", None, None, None)
    assert len({first.correlationid, second.correlationid, ctx.correlation}) == 3
    with pytest.raises(ValueError, match="would lead to each other"):
        await journal.change(
            TALLY,
            tally,
            ctx,
            lambda state: Decision(decide_add(state, tally, 1), [looked_at(tally, case=RANDOM.ref("cas"))]),
        )


async def test_an_aggregate_keeps_the_scope_it_was_created_in(pool: Pool, journal: Journal, tally: str) -> None:
    protected = LogScope(RANDOM.ref("prt"))
    await journal.change(TALLY, tally, context(scope=protected), adding(tally, 1))
    changed = await journal.change(
        TALLY, tally, context(), lambda state: Decision(decide_add(state, tally, 1), [looked_at(tally)])
    )
    assert changed.scope == protected
    assert {event.municipality for event in await outbox(pool)} == {protected}
    assert await pool.fetchval("SELECT array_agg(DISTINCT scope) FROM outbox") == [protected]


async def test_an_access_record_commits_alone_and_before_anything_is_answered(
    pool: Pool, journal: Journal, tally: str
) -> None:
    await journal.record_access(context(), [looked_at(tally), looked_at(tally)])
    assert [event.sequence for event in await outbox(pool)] == [None, None]
    await journal.record_access(context(), [])
    assert (await rows(pool))["outbox"] == 2


async def test_a_decision_without_events_still_records_who_looked(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    changed = await journal.change(TALLY, tally, context(), lambda state: Decision(access=[looked_at(tally)]))
    assert (changed.version, changed.events) == (1, ())
    assert await rows(pool) == {"aggregates": 1, "events": 1, "outbox": 2, "idempotency_keys": 0}


async def test_the_relay_is_nudged_once_something_has_been_committed(
    pool: Pool, tally: str, clock: SimulatedClock
) -> None:
    nudges: list[int] = []
    journal = Journal(pool, source=SOURCE, clock=clock, ids=RANDOM, contracts=CONTRACTS, nudge=lambda: nudges.append(1))
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    await journal.record_access(context(), [looked_at(tally)])
    assert len(nudges) == 2
    async with pool.acquire() as connection, connection.transaction():
        await journal.change(TALLY, tally, context(), adding(tally, 1), conn=connection)
    assert len(nudges) == 2, "whoever owns the transaction knows when it has committed"


# --- round trips ------------------------------------------------------------------------------------------------------


async def test_a_command_is_two_round_trips_or_one_and_a_look_is_one(dsn: str, tally: str) -> None:
    async with RoundTrips(dsn) as wire:
        pool = await create_pool(wire.dsn, min_size=1, max_size=1, application_name="test")
        journal, other = journal_on(pool), journal_on(pool)

        async def add(nth: int, by: Journal) -> None:
            key = IdempotencyKey(somebody().id, f"k{nth}", b"hash")
            await by.change(
                TALLY,
                tally,
                replace(context(), idempotency=key),
                lambda state: Decision(decide_add(state, tally, 1, 2), [looked_at(tally)]),
            )

        for nth in range(2):  # statements are prepared at their first use, one for creation and one for change
            await add(nth, journal)
        await journal.record_access(context(), [looked_at(tally)])
        before = wire.count
        await add(2, other)
        assert wire.count - before == 2, "the one reads what it has not written"
        await add(3, other)
        assert wire.count - before == 3, "and remembers what it has"
        await journal.record_access(context(), [looked_at(tally)])
        assert wire.count - before == 4
        await journal.load(TALLY, tally)
        await journal.load(TALLY, tally)
        loads = wire.count
        await journal.load(TALLY, tally)
        assert wire.count - loads == 1
        await pool.close()


# --- all or nothing ---------------------------------------------------------------------------------------------------


async def test_a_refusal_writes_nothing(pool: Pool, journal: Journal, tally: str) -> None:
    with pytest.raises(BelowNothingError):
        await journal.change(TALLY, tally, context(), adding(tally, -1))
    assert not any((await rows(pool)).values())


async def test_other_rows_of_the_transaction_fail_with_it_and_commit_with_it(
    pool: Pool, journal: Journal, tally: str
) -> None:
    await pool.execute("CREATE TABLE secrets (id int PRIMARY KEY)")

    async def write(connection: Connection) -> None:
        await connection.execute("INSERT INTO secrets VALUES (1)")

    await journal.change(TALLY, tally, context(), adding(tally, 1), also=write)
    with pytest.raises(asyncpg.UniqueViolationError):
        await journal.change(TALLY, tally, context(), adding(tally, 1), also=write)
    assert await rows(pool) == {"aggregates": 1, "events": 1, "outbox": 1, "idempotency_keys": 0}
    assert (await journal.load(TALLY, tally)).version == 1


async def test_inside_the_callers_transaction_it_commits_and_rolls_back_with_it(
    pool: Pool, journal: Journal, tally: str
) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        for amount in (1, 2):
            changed = await journal.change(TALLY, tally, context(), adding(tally, amount), conn=connection)
        assert (changed.version, changed.state.amounts) == (2, (1, 2))
        assert (await journal.load(TALLY, tally)).version == 0
        await transaction.rollback()
        assert not any((await rows(pool)).values())


async def test_an_event_about_something_else_is_refused(pool: Pool, journal: Journal, tally: str) -> None:
    with pytest.raises(ValueError, match="is not about this tally"):
        await journal.change(TALLY, tally, context(), lambda _: [Added(tally=RANDOM.ref("cas"), amount=1)])
    assert not any((await rows(pool)).values())


async def test_an_event_that_is_too_large_never_reaches_the_outbox(pool: Pool, journal: Journal, tally: str) -> None:
    with pytest.raises(ValueError, match="64 KiB"):
        await journal.change(TALLY, tally, context(), lambda _: [Added(tally=tally, amount=1, note="x" * 65_536)])
    assert not any((await rows(pool)).values())
    with pytest.raises(
        asyncpg.CheckViolationError
    ):  # nor past the journal: the relay must never meet what it cannot send
        await pool.execute(
            "INSERT INTO outbox (event_id, scope, topic, key, body) VALUES ($1, '4005', 't', 'k', $2)",
            uuid4(),
            b"x" * 65_537,
        )


async def test_the_outbox_alone_cannot_be_had_without_an_aggregate(journal: Journal, tally: str) -> None:
    with pytest.raises(ValueError, match="has no event yet"):
        await journal.change(TALLY, tally, context(), lambda _: Decision(access=[looked_at(tally)]))


# --- two at once ------------------------------------------------------------------------------------------------------


async def test_two_writers_on_one_aggregate_a_thousand_times_lose_nothing(
    pool: Pool, journal: Journal, tally: str
) -> None:
    first, second = range(1, 501), range(1001, 1501)

    async def write(amounts: range) -> None:
        for amount in amounts:
            await journal.change(TALLY, tally, context(), adding(tally, amount))

    await asyncio.gather(write(first), write(second))
    loaded = await journal.load(TALLY, tally)
    assert (loaded.version, loaded.state.total) == (1000, sum(first) + sum(second))
    assert [amount for amount in loaded.state.amounts if amount in first] == list(first)
    assert [amount for amount in loaded.state.amounts if amount in second] == list(second)
    assert [event.sequence for event in await outbox(pool)] == [numeral(n) for n in range(1, 1001)]
    history = await journal.history(TALLY, tally)
    assert [event.sequence for event, _ in history] == [numeral(n) for n in range(1, 1001)]
    assert TALLY.replay(event for _, event in history) == loaded.state


async def test_many_writers_that_create_and_change_in_long_transactions_keep_the_outbox_in_order(
    pool: Pool, journal: Journal
) -> None:
    tallies = [RANDOM.ref("cas") for _ in range(3)]

    async def write(writer: int) -> None:
        for nth in range(20):
            tally = tallies[(writer + nth) % 3]
            if (writer + nth) % 2:
                await journal.change(TALLY, tally, context(), adding(tally, 1, 1))
            else:
                async with pool.acquire() as connection, connection.transaction():
                    await journal.change(TALLY, tally, context(), adding(tally, 1), conn=connection)
                    await connection.execute("SELECT count(*) FROM outbox")

    await asyncio.gather(*(write(writer) for writer in range(8)))
    events = await outbox(pool)
    for tally in tallies:
        mine = [event.sequence for event in events if event.subject == tally]
        assert mine == [numeral(n) for n in range(1, len(mine) + 1)]
        assert (await journal.load(TALLY, tally)).version == len(mine)
    assert len(events) == 8 * 20 * 3 // 2


async def test_the_loser_decides_again_on_what_the_winner_left(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 5))
    seen: list[int] = []

    def take_three(state: Tally) -> Sequence[EventData]:
        seen.append(state.total)
        return decide_add(state, tally, -3)

    async with pool.acquire() as connection, connection.transaction():
        # The winner holds the row; the loser, which read 5, waits for it.
        await journal.change(TALLY, tally, context(), adding(tally, -4), conn=connection)
        loser = asyncio.create_task(journal.change(TALLY, tally, context(), take_three))
        await waiting_for_a_lock(pool)
    with pytest.raises(BelowNothingError):
        await loser
    assert seen == [5, 1]


async def waiting_for_a_lock(pool: Pool) -> None:
    """Return when somebody in this database waits for a row that somebody else holds."""
    while not await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    ):
        pass


async def test_a_stale_version_is_refused_and_never_decided_on_again(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1, 1))
    with pytest.raises(StaleVersionError):
        await journal.change(TALLY, tally, replace(context(), if_match=1), adding(tally, 1))
    await journal.change(TALLY, tally, replace(context(), if_match=2), adding(tally, 1))
    async with pool.acquire() as connection, connection.transaction():
        await journal.change(TALLY, tally, context(), adding(tally, 1), conn=connection)
        loser = asyncio.create_task(journal.change(TALLY, tally, replace(context(), if_match=3), adding(tally, 1)))
        await waiting_for_a_lock(pool)
    with pytest.raises(StaleVersionError):
        await loser
    assert (await journal.load(TALLY, tally)).version == 4


async def test_who_may_not_do_it_is_not_told_that_it_has_changed(journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1, 1))
    with pytest.raises(BelowNothingError):
        await journal.change(TALLY, tally, replace(context(), if_match=1), adding(tally, -9))


async def test_it_gives_up_when_somebody_is_always_faster(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    # Whatever is read, the row has moved on by the time it is taken: a trigger keeps every conditional update from it.
    await pool.execute("""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
        CREATE TRIGGER faster BEFORE UPDATE ON aggregates FOR EACH ROW EXECUTE FUNCTION refuse();
    """)
    with pytest.raises(ContendedError) as refused:
        await journal.change(TALLY, tally, context(), adding(tally, 1))
    assert refused.value.status == 503
    assert (await rows(pool))["outbox"] == 1


@pytest.mark.parametrize("within", [False, True], ids=["by itself", "in the caller's transaction"])
async def test_the_last_attempt_counts_as_much_as_the_first(
    pool: Pool, journal: Journal, tally: str, within: bool
) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    # The row escapes as often as can be borne; how often is counted by a sequence, which no transaction takes back.
    await pool.execute("CREATE SEQUENCE tries")
    await pool.execute(f"""
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF nextval('tries') <= {ATTEMPTS} THEN RETURN NULL; END IF; RETURN NEW; END $$;
        CREATE TRIGGER faster BEFORE UPDATE ON aggregates FOR EACH ROW EXECUTE FUNCTION refuse();
    """)
    # A journal that remembers nothing: one attempt as it is, and then those that queue.
    fresh = journal_on(pool)
    if within:
        async with pool.acquire() as connection, connection.transaction():
            changed = await fresh.change(TALLY, tally, context(), adding(tally, 1), conn=connection)
    else:
        changed = await fresh.change(TALLY, tally, context(), adding(tally, 1))
    assert await pool.fetchval("SELECT last_value FROM tries") == ATTEMPTS + 1
    assert (changed.version, (await journal.load(TALLY, tally)).version) == (2, 2)
    assert (await rows(pool))["outbox"] == 2


# --- idempotency ------------------------------------------------------------------------------------------------------


async def test_the_same_request_gets_the_same_answer_and_happens_once(pool: Pool, journal: Journal, tally: str) -> None:
    ctx = replace(context(), idempotency=IdempotencyKey(somebody().id, "k", b"hash"))

    async def ask() -> tuple[Answer | None, bool]:
        changed = await journal.change(
            TALLY,
            tally,
            ctx,
            adding(tally, 1),
            lambda state, version: Answer(201, b'{"total":%d}' % state.total, version, "/tallies/1"),
        )
        return changed.answer, changed.replayed

    first, second = await ask(), await ask()
    assert first == (Answer(201, b'{"total":1}', 1, "/tallies/1"), False)
    assert second == (first[0], True)
    assert (await rows(pool))["events"] == 1


async def test_a_key_used_for_another_request_is_refused(journal: Journal, tally: str) -> None:
    actor = somebody().id
    for request_hash in (b"one", b"other"):
        ctx = replace(context(), idempotency=IdempotencyKey(actor, "k", request_hash))
        if request_hash == b"one":
            await journal.change(TALLY, tally, ctx, adding(tally, 1))
        else:
            with pytest.raises(IdempotencyConflictError):
                await journal.change(TALLY, tally, ctx, adding(tally, 1))
    elsewhere = replace(context(), idempotency=IdempotencyKey(somebody().id, "k", b"other"))
    assert not (await journal.change(TALLY, tally, elsewhere, adding(tally, 1))).replayed


async def test_the_same_request_many_times_at_once_creates_one(pool: Pool, journal: Journal) -> None:
    ctx = replace(context(), idempotency=IdempotencyKey(somebody().id, "k", b"hash"))

    async def create() -> bytes:
        tally = RANDOM.ref("cas")  # each attempt would make another one
        changed = await journal.change(
            TALLY,
            tally,
            ctx,
            adding(tally, 1),
            lambda _, version: Answer(201, tally.encode(), version),
        )
        assert changed.answer is not None
        return changed.answer.body

    answers = await asyncio.gather(*(create() for _ in range(10)))
    assert len(set(answers)) == 1
    assert await rows(pool) == {"aggregates": 1, "events": 1, "outbox": 1, "idempotency_keys": 1}


async def test_a_refused_request_may_be_repeated(journal: Journal, tally: str) -> None:
    ctx = replace(context(), idempotency=IdempotencyKey(somebody().id, "k", b"hash"))
    with pytest.raises(BelowNothingError):
        await journal.change(TALLY, tally, ctx, adding(tally, -1))
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    assert (await journal.change(TALLY, tally, ctx, adding(tally, -1))).state.total == 0


async def test_answers_are_forgotten_by_age(pool: Pool, clock: SimulatedClock) -> None:
    journal = Journal(pool, source=SOURCE, clock=clock, ids=RANDOM, contracts=CONTRACTS)
    tally, began = RANDOM.ref("cas"), clock.now()
    for day in range(3):
        clock.set(began + timedelta(days=day))
        key = IdempotencyKey(somebody().id, f"k{day}", b"hash")
        await journal.change(TALLY, tally, replace(context(), idempotency=key), adding(tally, 1))
    assert await journal.forget_answers(began + timedelta(days=1)) == 1
    assert (await rows(pool))["idempotency_keys"] == 2


# --- history and heads ------------------------------------------------------------------------------------------------


async def test_history_gives_the_state_again(journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1, 2))
    await journal.change(TALLY, tally, context(), lambda _: [Cleared(tally=tally, at=NOON)])
    changed = await journal.change(TALLY, tally, context(), adding(tally, 7))
    history = await journal.history(TALLY, tally)
    assert [type(event) for _, event in history] == [Added, Added, Cleared, Added]
    assert TALLY.replay(event for _, event in history) == changed.state == Tally(total=7, amounts=(7,), cleared_at=NOON)
    assert await journal.history(TALLY, RANDOM.ref("cas")) == []


async def test_history_that_this_code_does_not_know_is_not_skipped(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    older = Journal(pool, source=SOURCE, clock=SimulatedClock(NOON), ids=RANDOM, contracts={})
    with pytest.raises(HistoryError, match=Added.TYPE):
        await older.history(TALLY, tally)


async def test_heads_tell_what_waits(journal: Journal, tally: str) -> None:
    assert await journal.heads() == []
    await journal.change(TALLY, tally, context(), adding(tally, 1, 2))
    [head] = await journal.heads()
    assert (head.scope, head.last_number, head.unpublished) == (NOTODDEN, 0, 2)
