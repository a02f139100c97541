"""The inbox against the real PostgreSQL: effects once, in order, and only the poison parked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import asyncpg
import pytest
import pytest_asyncio
from pydantic_core import to_json

from shared.clock import real_pause
from shared.contracts.base import EventData, Model
from shared.dead_letters import Reason, StoredRecord
from shared.envelope import Envelope
from shared.errors import UnavailableError
from shared.inbox import ATTEMPTS, Tx, caused_by
from shared.journal import Aggregate
from shared.refs import LogScope
from shared.testing.plugin import Migrated, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import Probe
from tests.integration.inbox_world import (
    CONSUMER,
    MIGRATIONS,
    NOON,
    Noted,
    Notes,
    World,
    event_id,
    inbox_of,
    leave_a_row,
    world_on,
)

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A database of this test."""
    async with world_on(await migrated("inbox-suite", MIGRATIONS)) as opened:
        yield opened


@pytest.fixture
def notes() -> Notes:
    """Records, with offsets and sequence numbers of their own."""
    return Notes()


def failing_on(*numbers: int, error: Callable[[], Exception] = lambda: ValueError("n is poison")) -> FailsOn:
    """Return a handler that fails on these events, after having written."""
    return FailsOn(set(numbers), error)


class FailsOn:
    """A handler that fails on some events until it is mended."""

    def __init__(self, numbers: set[int], error: Callable[[], Exception]) -> None:
        self.numbers = numbers
        self.error = error
        self.tried: list[int] = []

    async def __call__(self, tx: Tx, event: Noted, envelope: Envelope) -> None:
        self.tried.append(event.n)
        await leave_a_row(tx, event, envelope)
        if event.n in self.numbers:
            raise self.error()


async def test_a_batch_has_its_effects_once_in_order(world: World, notes: Notes) -> None:
    batch = [notes.noted(n, key=f"case-{n % 3}", partition=n % 3) for n in range(30)]
    await world.intake(inbox_of()).process(batch)
    assert await world.effects() == list(range(30))
    assert world.outcomes() == {"effect": 30}


async def test_the_same_event_again_has_no_effect(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of())
    batch = [notes.noted(n) for n in range(5)]
    await intake.process(batch)
    await intake.process(batch)
    await intake.process([notes.record(batch[2].value), notes.noted(5)])
    assert await world.effects() == [0, 1, 2, 3, 4, 5]
    assert world.outcomes() == {"effect": 6, "duplicate": 6}


async def test_an_event_twice_in_one_batch_has_one_effect(world: World, notes: Notes) -> None:
    first = notes.noted(1)
    await world.intake(inbox_of()).process([first, notes.record(first.value), notes.noted(2), first])
    assert await world.effects() == [1, 2]
    assert world.outcomes() == {"effect": 2, "duplicate": 2}


async def test_two_consumers_of_one_database_each_have_their_effect(world: World, notes: Notes) -> None:
    record = notes.noted(1)
    await world.intake(inbox_of()).process([record])
    await world.intake(inbox_of(consumer="others")).process([record])
    assert await world.effects() == [1, 1]


async def test_an_id_counts_per_source(world: World, notes: Notes) -> None:
    """(source, id) is what CloudEvents says an event is recognised by; the access topic is written by every service."""
    one = notes.noted(1)
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO inbox (consumer, source, event_id) VALUES ($1, '/services/meetings', $2)",
            CONSUMER,
            event_id(one),
        )
    await world.intake(inbox_of()).process([one])
    assert await world.effects() == [1]


async def test_unknown_types_and_types_without_a_handler_are_passed_by(world: World, notes: Notes) -> None:
    unknown = notes.record(notes.event(1, type="no.lagspill.cases.thing.invented.v1"))
    unhandled = notes.record(notes.event(2, type="no.lagspill.cases.journal.sealed.v1"))
    await world.intake(inbox_of()).process([unknown, unhandled, notes.noted(3)])
    assert await world.effects() == [3]
    assert world.outcomes() == {"unknown": 1, "ignored": 1, "effect": 1}
    assert await world.letters() == []


async def test_an_unknown_field_is_passed_by(world: World, notes: Notes) -> None:
    """Within v1 only optional fields are added: yesterday's reader reads tomorrow's event."""
    value = notes.event(1, data={"case": "case-a", "n": 1, "added_later": True}, addedlater="attribute")
    await world.intake(inbox_of()).process([notes.record(value)])
    assert await world.effects() == [1]


UNFIT: dict[str, tuple[Callable[[Notes], bytes | None], Reason]] = {
    "a tombstone": (lambda notes: None, Reason.NO_VALUE),
    "no bytes": (lambda notes: b"", Reason.MALFORMED),
    "not UTF-8": (lambda notes: b"\xff\xfe\x00{", Reason.MALFORMED),
    "not JSON": (lambda notes: b"{'id': 1}", Reason.MALFORMED),
    "NaN": (lambda notes: b'{"n": NaN}', Reason.MALFORMED),
    "half a surrogate": (lambda notes: b'{"n": "\\ud800"}', Reason.MALFORMED),
    "deeply nested": (lambda notes: b"[" * 50_000, Reason.MALFORMED),
    "JSON, but no object": (lambda notes: b"[1, 2]", Reason.MALFORMED),
    "no CloudEvent": (lambda notes: b'{"hello": "world"}', Reason.MALFORMED),
    "another version of CloudEvents": (lambda notes: notes.event(1, specversion="0.3"), Reason.MALFORMED),
    "an id that is no UUID": (lambda notes: notes.event(1, id="1"), Reason.MALFORMED),
    "no time zone": (lambda notes: notes.event(1, time="2026-09-07T10:00:00"), Reason.MALFORMED),
    "2 MB": (lambda notes: notes.event(1, data={"case": "case-a", "n": 1, "x": "y" * 2_000_000}), Reason.TOO_LARGE),
    "a foreign source": (lambda notes: notes.event(1, source="/services/meetings"), Reason.WRONG_SOURCE),
    "a foreign partition key": (lambda notes: notes.event(1, partitionkey="case-b"), Reason.WRONG_KEY),
    "no data": (lambda notes: notes.event(1, data=None), Reason.WRONG_SCHEMA),
    "a field missing": (lambda notes: notes.event(1, data={"case": "case-a"}), Reason.WRONG_SCHEMA),
    "a field of another type": (lambda notes: notes.event(1, data={"case": "case-a", "n": "x"}), Reason.WRONG_SCHEMA),
    "data about another subject": (lambda notes: notes.event(1, data={"case": "case-b", "n": 1}), Reason.WRONG_SCHEMA),
}


@pytest.mark.parametrize("kind", UNFIT)
async def test_what_cannot_be_handled_is_parked_with_its_bytes_and_the_rest_goes_on(
    world: World, notes: Notes, kind: str
) -> None:
    make, reason = UNFIT[kind]
    bad = notes.record(make(notes))
    intake = world.intake(inbox_of())
    batch = [notes.noted(10, "case-b"), bad, notes.noted(11, "case-b")]
    await intake.process(batch)
    await intake.process(batch)  # as after a crash before the offsets were committed
    assert await world.effects() == [10, 11]
    (letter,) = await world.letters()
    assert (letter.reason, letter.topic, letter.partition, letter.offset) == (reason, bad.topic, 0, bad.offset)
    row = await world.pool.fetchrow("SELECT value, key, header_names, header_values FROM dead_letters")
    assert row is not None
    assert (row["value"], row["key"]) == (bad.value, b"case-a")
    kept = zip(row["header_names"], row["header_values"], strict=True)
    assert list(kept) == [(name.encode(), value) for name, value in bad.headers]


@pytest.mark.parametrize("kind", ["a field of another type", "no CloudEvent", "data about another subject"])
async def test_neither_a_letter_nor_a_log_line_quotes_content(
    world: World, notes: Notes, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = "Ola-Nordmanns-hemmelighet"
    values = {
        "a field of another type": notes.event(1, data={"case": "case-a", "n": secret, secret: 1}),
        "no CloudEvent": to_json({secret: secret, "id": secret, "type": secret}),
        "data about another subject": notes.event(1, data={"case": secret, "n": 1}),
    }

    async def fail_with_content(tx: Tx, event: Noted, envelope: Envelope) -> None:
        raise ValueError(secret)

    intake = world.intake(inbox_of(handler=fail_with_content))
    await intake.process([notes.record(values[kind]), notes.noted(2, "case-b")])
    told = await world.letters()
    assert len(told) == 2
    output = capsys.readouterr()
    assert secret not in repr(told) + output.out + output.err


async def test_a_poison_event_is_parked_after_bounded_attempts_and_the_rest_goes_on(world: World, notes: Notes) -> None:
    handler = failing_on(2)
    batch = [notes.noted(n, key=f"case-{n}") for n in range(5)]
    await world.intake(inbox_of(handler=handler)).process(batch)
    assert await world.effects() == [0, 1, 3, 4]
    # Once in the batch, then by itself.
    assert handler.tried.count(2) == 1 + ATTEMPTS
    (letter,) = await world.letters()
    assert (letter.reason, letter.attempts, letter.event_id) == (Reason.HANDLER_FAILED, ATTEMPTS, event_id(batch[2]))
    assert letter.detail.startswith("builtins.ValueError at ")
    assert "test_inbox.py" in letter.detail
    assert world.outcomes() == {"effect": 4, "parked": 1}


async def test_what_fails_for_a_moment_is_not_parked(world: World, notes: Notes) -> None:
    failures = iter([True, True])

    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if next(failures, False):
            raise RuntimeError("not yet")

    await world.intake(inbox_of(handler=handler)).process([notes.noted(1), notes.noted(2)])
    assert await world.effects() == [1, 2]
    assert await world.letters() == []


async def test_an_error_of_postgresql_in_a_handler_is_the_events_own(world: World, notes: Notes) -> None:
    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        await tx.conn.fetchval("SELECT 1 / $1::int", event.n)

    await world.intake(inbox_of(handler=handler)).process([notes.noted(n, key=f"case-{n}") for n in (1, 0, 2)])
    assert await world.effects() == [1, 2]
    (letter,) = await world.letters()
    assert letter.detail.startswith("asyncpg.exceptions.DivisionByZeroError at ")


@pytest.mark.rule(4)
async def test_later_events_of_a_parked_key_wait_behind_it(world: World, notes: Notes) -> None:
    """A withdrawal that cannot be handled is not overtaken: what its case's projection is told stays in order."""
    handler = failing_on(2)
    intake = world.intake(inbox_of(handler=handler))
    await intake.process([notes.noted(1), notes.noted(2, withdrawn=True), notes.noted(3), notes.noted(4, "case-b")])
    await intake.process([notes.noted(5), notes.noted(6, "case-b")])
    assert await world.effects() == [1, 4, 6]
    assert [(letter.reason, letter.event_type) for letter in await world.letters()] == [
        (Reason.HANDLER_FAILED, "no.lagspill.cases.thing.withdrawn.v1"),
        (Reason.BEHIND_PARKED, "no.lagspill.cases.thing.noted.v1"),
        (Reason.BEHIND_PARKED, "no.lagspill.cases.thing.noted.v1"),
    ]


async def test_a_record_that_cannot_be_read_holds_its_key_back_too(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of())
    await intake.process([notes.record(b"garbage"), notes.noted(1), notes.record(b"no key", key=None), notes.noted(2)])
    await intake.process([notes.noted(3, "case-b")])
    assert await world.effects() == [3]
    assert [letter.reason for letter in await world.letters()] == [
        Reason.MALFORMED,
        Reason.BEHIND_PARKED,
        Reason.MALFORMED,
        Reason.BEHIND_PARKED,
    ]


async def test_an_inbox_whose_events_stand_alone_goes_on(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of(handler=failing_on(2), parks_key=False))
    await intake.process([notes.noted(n) for n in range(5)])
    assert await world.effects() == [0, 1, 3, 4]


async def test_a_forged_record_does_not_take_the_place_of_the_real_event(world: World, notes: Notes) -> None:
    """Whoever may write another topic could name the id of a withdrawal before it arrives."""
    real = notes.noted(1)
    forged = StoredRecord("lagspill.notify.v1", 0, 0, b"somebody", real.value, ())
    misplaced = StoredRecord(notes.topic, 0, 99, b"somebody", real.value, ())
    intake = world.intake(inbox_of())
    await intake.process([forged, misplaced])
    await intake.process([real])
    assert await world.effects() == [1]
    assert [letter.reason for letter in await world.letters()] == [Reason.WRONG_TOPIC, Reason.WRONG_KEY]


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError,
        asyncpg.DeadlockDetectedError,
        asyncpg.AdminShutdownError,
        asyncpg.InsufficientPrivilegeError,
        UnavailableError,
        ConnectionResetError,
        TimeoutError,
    ],
)
async def test_what_is_wrong_around_the_event_is_never_the_events_fault(
    world: World, notes: Notes, error: type[Exception]
) -> None:
    handler = failing_on(2, error=lambda: error("around"))
    intake = world.intake(inbox_of(handler=handler))
    batch = [notes.noted(n, key=f"case-{n}") for n in range(4)]
    for _ in range(ATTEMPTS + 2):
        with pytest.raises(error):
            await intake.process(batch)
    assert await world.effects() == []
    assert await world.letters() == []
    handler.numbers.clear()
    await intake.process(batch)
    assert await world.effects() == [0, 1, 2, 3]


async def test_a_service_names_further_errors_to_wait_for(world: World, notes: Notes) -> None:
    class DirectoryAwayError(Exception):
        """A test's own error."""

    intake = world.intake(inbox_of(handler=failing_on(1, error=DirectoryAwayError), waits_for=(DirectoryAwayError,)))
    with pytest.raises(DirectoryAwayError):
        await intake.process([notes.noted(1)])
    assert await world.letters() == []


async def test_a_lost_connection_loses_nothing(world: World, notes: Notes, postgres_proxy: FaultProxy) -> None:
    async def cut(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 1 and postgres_proxy.cut():
            await tx.conn.fetchval("SELECT 1")

    async with world_on(through(postgres_proxy, world.dsn)) as behind:
        batch = [notes.noted(n) for n in range(3)]
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await behind.intake(inbox_of(handler=cut)).process(batch)
        assert await world.effects() == []
        await behind.intake(inbox_of()).process(batch)
    assert await world.effects() == [0, 1, 2]
    assert await world.letters() == []


async def test_a_lost_answer_to_the_commit_doubles_nothing(
    world: World, notes: Notes, postgres_proxy: FaultProxy
) -> None:
    """The commit is done and nobody knows: the batch is given again, and the inbox rows say so."""
    batch = [notes.noted(n) for n in range(3)]
    lost: list[asyncio.Future[None]] = []

    async def last_word(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 2 and not lost:
            lost.append(postgres_proxy.lose_next_answer())

    async with world_on(through(postgres_proxy, world.dsn)) as behind:
        intake = behind.intake(inbox_of(handler=last_word))
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await intake.process(batch)
        await postgres_proxy.resume()
        await intake.process(batch)
    assert lost[0].done()
    assert await world.effects() == [0, 1, 2]


async def test_two_owners_of_one_batch_have_one_effect(world: World, notes: Notes) -> None:
    """A rebalance that did not wait: both hold the same records, in overlapping batches, at the same time."""
    batch = [notes.noted(n, key=f"case-{n % 4}") for n in range(40)]
    first_is_in = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 5:
            first_is_in(5)
            await go_on.wait()

    async with world_on(world.dsn) as other:
        first = asyncio.create_task(world.intake(inbox_of(handler=slow)).process(batch[:30]))
        await first_is_in.take(1)
        second = asyncio.create_task(other.intake(inbox_of()).process(batch[3:]))
        await _until_a_lock_is_waited_for(world)
        go_on.set()
        await asyncio.gather(first, second)
    assert await world.effects() == list(range(40))


async def test_when_the_first_owner_gives_up_the_second_does_it(world: World, notes: Notes) -> None:
    batch = [notes.noted(n) for n in range(10)]
    first_is_in = Probe[int]()
    give_up = asyncio.Event()

    async def doomed(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 5:
            first_is_in(5)
            await give_up.wait()
            raise ConnectionResetError

    async with world_on(world.dsn) as other:
        first = asyncio.create_task(world.intake(inbox_of(handler=doomed)).process(batch))
        await first_is_in.take(1)
        second = asyncio.create_task(other.intake(inbox_of()).process(batch))
        await _until_a_lock_is_waited_for(world)
        give_up.set()
        with pytest.raises(ConnectionResetError):
            await first
        await second
    assert await world.effects() == list(range(10))


async def test_a_key_that_another_owner_has_just_parked_holds_back_its_next_event(world: World, notes: Notes) -> None:
    """The second owner waits for the first one's claim, and must then see the letter that the first one wrote."""
    poison, after = notes.noted(1), notes.noted(2)
    async with world_on(world.dsn) as other:
        holder = await asyncpg.connect(world.dsn)
        # Stop the first owner inside the transaction that parks: it must lock this row's table first.
        transaction = holder.transaction()
        await transaction.start()
        await holder.execute("LOCK TABLE dead_letters IN SHARE MODE")
        first = asyncio.create_task(world.intake(inbox_of(handler=failing_on(1))).process([poison]))
        await _until_a_lock_is_waited_for(world, on="INSERT INTO dead_letters")
        second = asyncio.create_task(other.intake(inbox_of()).process([poison, after]))
        await _until_a_lock_is_waited_for(world, on="INSERT INTO inbox")
        await transaction.rollback()
        await asyncio.gather(first, second)
        await holder.close()
    assert await world.effects() == []
    assert [letter.reason for letter in await world.letters()] == [Reason.HANDLER_FAILED, Reason.BEHIND_PARKED]


async def _until_a_lock_is_waited_for(world: World, on: str = "INSERT INTO inbox") -> None:
    """Return when a statement of this database waits for another transaction."""
    async with asyncio.timeout(30), world.pool.acquire() as conn:
        while not await conn.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
            " AND strpos(query, $1) > 0",
            on,
        ):
            await real_pause(0)


# --- what a handler works with ----------------------------------------------------------------------------------------


class Counted(Model):
    """How often something happened."""

    times: int = 0


class Counting(EventData):
    """Something was counted."""

    TYPE = "no.lagspill.meetings.thing.counted.v1"
    TOPIC = "lagspill.meetings.v1"
    SUBJECT = "thing"

    thing: str


COUNTER = Aggregate("counter", Counted, Counted(), lambda state, _: Counted(times=state.times + 1))


async def test_a_handlers_events_commit_with_the_inbox_row_and_carry_what_caused_them(
    world: World, notes: Notes
) -> None:
    async def count(tx: Tx, event: Noted, envelope: Envelope) -> None:
        context = caused_by(envelope, tx.now)
        await tx.journal.change(COUNTER, "thing-1", context, lambda _: [Counting(thing="thing-1")], conn=tx.conn)
        if event.n == 2:
            raise ValueError

    records = [notes.noted(1), notes.noted(2, "case-b"), notes.noted(3, "case-c")]
    intake = world.intake(inbox_of(handler=count))
    await intake.process(records)
    await intake.process(records)
    assert (await world.journal.load(COUNTER, "thing-1")).state == Counted(times=2)
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 2
    bodies = [row["body"] for row in await world.pool.fetch("SELECT body FROM outbox ORDER BY id")]
    for body, record in zip(bodies, (records[0], records[2]), strict=True):
        envelope = Envelope.model_validate_json(body)
        assert envelope.causationid == event_id(record)
        assert envelope.correlationid == Envelope.model_validate_json(record.value or b"").correlationid
        assert (envelope.municipality, envelope.authtype, envelope.authid) == ("4005", "system", None)
        assert envelope.time == NOON


async def test_writes_put_off_are_done_in_order_and_only_with_the_rest(world: World, notes: Notes) -> None:
    insert = "INSERT INTO effects (event_id, key, n) VALUES ($1, $2, $3)"

    async def project(tx: Tx, event: Noted, envelope: Envelope) -> None:
        tx.write(insert, envelope.id, event.case, event.n)
        if event.n == 3:
            await tx.flush()
            assert await tx.conn.fetchval("SELECT count(*) FROM effects WHERE n <= 3") == 3
        if event.n == 4:
            tx.write("UPDATE effects SET n = n + 100 WHERE n = $1", 2)
        if event.n == 5:
            raise ValueError

    await world.intake(inbox_of(handler=project, parks_key=False)).process([notes.noted(n) for n in range(1, 7)])
    assert sorted(await world.effects()) == [1, 3, 4, 6, 102]


async def test_inserts_and_writes_keep_their_order(world: World, notes: Notes) -> None:
    async def project(tx: Tx, event: Noted, envelope: Envelope) -> None:
        tx.insert("effects", event_id=envelope.id, key=event.case, n=event.n)
        if event.n == 2:
            await tx.flush()
            assert await tx.conn.fetchval("SELECT count(*) FROM effects") == 2
        if event.n == 3:
            tx.write("UPDATE effects SET n = n + 100 WHERE n = ANY($1::bigint[])", [3, 4])
        if event.n == 5:
            tx.insert("effects", n=50, event_id=uuid4(), key=event.case)

    await world.intake(inbox_of(handler=project)).process([notes.noted(n) for n in range(1, 6)])
    assert sorted(await world.effects()) == [1, 2, 4, 5, 50, 103]


async def test_an_insert_that_cannot_be_done_is_parked_with_its_own_event(world: World, notes: Notes) -> None:
    async def project(tx: Tx, event: Noted, envelope: Envelope) -> None:
        tx.insert("effects", event_id=envelope.id, key=event.case, n=event.n if event.n else None)

    await world.intake(inbox_of(handler=project)).process([notes.noted(n, f"case-{n}") for n in (1, 0, 5)])
    assert await world.effects() == [1, 5]
    (letter,) = await world.letters()
    assert letter.reason is Reason.HANDLER_FAILED


async def test_a_write_that_cannot_be_done_is_parked_with_its_own_event(world: World, notes: Notes) -> None:
    async def project(tx: Tx, event: Noted, envelope: Envelope) -> None:
        tx.write("INSERT INTO effects (event_id, key, n) VALUES ($1, $2, 10 / $3::bigint)", envelope.id, "k", event.n)

    await world.intake(inbox_of(handler=project)).process([notes.noted(n, f"case-{n}") for n in (1, 0, 5)])
    assert await world.effects() == [10, 2]
    (letter,) = await world.letters()
    assert letter.reason is Reason.HANDLER_FAILED


async def test_caused_by_carries_log_process_and_cause(notes: Notes) -> None:
    envelope = Envelope.model_validate_json(notes.event(1))
    context = caused_by(envelope, NOON)
    assert (context.actor, context.scope, context.now) == (None, LogScope("4005"), NOON)
    assert (context.correlation, context.causation) == (envelope.correlationid, envelope.id)


async def test_nothing_is_written_for_a_batch_that_is_none_of_its_business(world: World, notes: Notes) -> None:
    batch = [notes.record(notes.event(n, type="no.lagspill.cases.thing.invented.v1")) for n in range(3)]
    await world.intake(inbox_of()).process(batch)
    assert await world.pool.fetchval("SELECT count(*) FROM inbox") == 0
