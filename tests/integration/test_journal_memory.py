"""What the journal remembers of its own last writing saves a round trip, and never decides anything by itself."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio

from shared.aggregate import Answer, IdempotencyKey
from shared.contracts.base import EventData
from shared.db import Connection, Pool, create_pool
from shared.errors import IdempotencyConflictError, StaleVersionError
from shared.journal import Journal
from shared.recent import Recent
from tests.tally import NO_MIGRATIONS, RANDOM, TALLY, BelowNothingError, Tally, adding, context, journal_on, somebody

pytestmark = pytest.mark.connected

Migrated = Callable[[str, Path], Awaitable[str]]


@pytest_asyncio.fixture
async def pool(migrated: Migrated) -> AsyncIterator[Pool]:
    """A pool on a database with the kit's tables."""
    pool = await create_pool(await migrated("cases", NO_MIGRATIONS), max_size=8, application_name="test")
    yield pool
    await pool.close()


@pytest.fixture
def journal(pool: Pool) -> Journal:
    """The journal of one process."""
    return journal_on(pool)


@pytest.fixture
def other(pool: Pool) -> Journal:
    """The journal of another."""
    return journal_on(pool)


@pytest.fixture
def tally() -> str:
    """The reference of a new tally."""
    return RANDOM.ref("cas")


async def replayed(journal: Journal, tally: str) -> Tally:
    return TALLY.replay(data for _, data in await journal.history(TALLY, tally))


async def test_what_another_process_has_done_is_decided_on(journal: Journal, other: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 5))
    for _ in range(2):
        await other.change(TALLY, tally, context(), adding(tally, -1))
        changed = await journal.change(TALLY, tally, context(), adding(tally, 3))
    assert (changed.state.amounts, changed.version) == ((5, -1, 3, -1, 3), 5)
    assert await replayed(journal, tally) == changed.state == (await journal.load(TALLY, tally)).state


async def test_a_refusal_is_told_from_what_is_there_now(journal: Journal, other: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    await other.change(TALLY, tally, context(), adding(tally, 9))
    changed = await journal.change(TALLY, tally, context(), adding(tally, -9))
    assert changed.state.total == 1
    with pytest.raises(BelowNothingError):
        await journal.change(TALLY, tally, context(), adding(tally, -9))


async def test_nothing_to_do_is_told_from_what_is_there_now(journal: Journal, other: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    await other.change(TALLY, tally, context(), adding(tally, 1))

    def make_two(state: Tally) -> Sequence[EventData]:
        return adding(tally, 1)(state) if state.total < 2 else []

    def leave_it(_: Tally) -> Sequence[EventData]:
        return []

    changed = await journal.change(TALLY, tally, context(), make_two)
    assert (changed.version, changed.events) == (2, ())
    changed = await journal.change(TALLY, tally, context(), leave_it)
    assert (changed.version, changed.state.total) == (2, 2)


async def test_a_version_is_stale_by_what_is_there_now(journal: Journal, other: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    await other.change(TALLY, tally, context(), adding(tally, 1))
    with pytest.raises(StaleVersionError):
        await journal.change(TALLY, tally, replace(context(), if_match=1), adding(tally, 1))
    changed = await journal.change(TALLY, tally, replace(context(), if_match=2), adding(tally, 1))
    assert changed.version == 3


async def test_a_key_that_was_used_gives_its_answer_though_more_could_be_done(journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    asked = replace(context(), idempotency=IdempotencyKey(somebody().id, "k", b"hash"))

    def answer(state: Tally, version: int) -> Answer:
        return Answer(201, b"%d" % state.total, version)

    first = await journal.change(TALLY, tally, asked, adding(tally, 2), answer)
    again = await journal.change(TALLY, tally, asked, adding(tally, 2), answer)
    assert (again.answer, again.replayed, again.version) == (first.answer, True, 2)
    changed = replace(asked, idempotency=replace(asked.idempotency, request_hash=b"other"))  # type: ignore[type-var]  # it is there
    with pytest.raises(IdempotencyConflictError):
        await journal.change(TALLY, tally, changed, adding(tally, 2), answer)
    assert (await journal.load(TALLY, tally)).version == 2


async def test_what_was_rolled_back_was_never_there(pool: Pool, journal: Journal, tally: str) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))

    async def fail(connection: Connection) -> None:
        await connection.execute("SELECT 1 / 0")

    with pytest.raises(asyncpg.DivisionByZeroError):
        await journal.change(TALLY, tally, context(), adding(tally, 2), also=fail)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await journal.change(TALLY, tally, context(), adding(tally, 4), conn=connection)
        await transaction.rollback()
    changed = await journal.change(TALLY, tally, context(), adding(tally, 8))
    assert changed.state.amounts == (1, 8)
    assert await replayed(journal, tally) == changed.state


async def test_a_version_that_a_failover_gave_to_another_event_is_not_built_on(
    pool: Pool, journal: Journal, other: Journal, tally: str
) -> None:
    await journal.change(TALLY, tally, context(), adding(tally, 1))
    before = await pool.fetchrow("SELECT state, tail FROM aggregates")
    await journal.change(TALLY, tally, context(), adding(tally, 100))
    assert before is not None
    # The last commit is lost, and somebody else has been given its version.
    await pool.execute("UPDATE aggregates SET version = 1, state = $1, tail = $2", *before.values())
    await pool.execute("DELETE FROM events WHERE version = 2")
    await other.change(TALLY, tally, context(), adding(tally, 2))
    changed = await journal.change(TALLY, tally, context(), adding(tally, 3))
    assert changed.state.amounts == (1, 2, 3)
    assert await replayed(journal, tally) == changed.state


async def test_it_forgets_what_was_not_used_the_longest() -> None:
    recent: Recent[int, str] = Recent(2)
    for key in (1, 2):
        recent.put(key, str(key))
    assert recent.get(1) == "1"
    recent.put(3, "3")
    assert [recent.get(key) for key in (1, 2, 3)] == ["1", None, "3"]
    recent.drop(3)
    recent.drop(uuid4().int)
    assert recent.get(3) is None
