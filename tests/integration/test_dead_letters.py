"""Dead letters: looked at without content, replayed once and in order, discarded with a reason."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.arrivals import Handler
from shared.dead_letter_desk import describe_dead_letters, settle_dead_letters
from shared.dead_letters import (
    DeadLetterNotFoundError,
    DeadLetterSettledError,
    Status,
    dead_letter,
    discard_dead_letter,
    list_dead_letters,
)
from shared.envelope import Envelope
from shared.freshness import BlockedKeyError, StaleProjectionError, require_fresh
from shared.inbox import Replayed, Tx
from shared.testing.plugin import Migrated
from shared.testing.signals import Probe
from tests.integration.inbox_world import (
    CONSUMER,
    MIGRATIONS,
    SOURCE,
    Noted,
    Notes,
    World,
    inbox_of,
    leave_a_row,
    world_on,
)
from tests.integration.test_inbox import failing_on

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


async def ask(world: World, *words: str, handler: Handler = leave_a_row) -> tuple[int, list[dict[str, object]]]:
    """Give an operator's command and return its exit status and what it said."""
    parser = argparse.ArgumentParser()
    describe_dead_letters(parser)
    output = io.StringIO()
    intakes = [world.intake(inbox_of(handler=handler))]
    status = await settle_dead_letters(world.pool, intakes, parser.parse_args(words), output)
    return status, [json.loads(line) for line in output.getvalue().splitlines()]


async def test_a_mended_handler_gets_the_event_once(world: World, notes: Notes) -> None:
    handler = failing_on(1)
    intake = world.intake(inbox_of(handler=handler))
    await intake.process([notes.noted(1)])
    (letter,) = await world.letters()
    handler.numbers.clear()
    assert await intake.replay(letter.id) == [Replayed(letter.id, "effect")]
    assert await world.effects() == [1]
    with pytest.raises(DeadLetterSettledError):
        await intake.replay(letter.id)
    assert await world.effects() == [1]
    (settled,) = await world.letters(settled=True)
    assert (settled.status, settled.settled_reason) == (Status.REPLAYED, "effect")


async def test_a_replay_takes_the_whole_key_in_order(world: World, notes: Notes) -> None:
    handler = failing_on(1)
    intake = world.intake(inbox_of(handler=handler))
    await intake.process([notes.noted(n) for n in (1, 2, 3)])
    await intake.process([notes.noted(9, "case-b")])
    handler.numbers.clear()
    last = (await world.letters())[-1]
    assert [each.outcome for each in await intake.replay(last.id)] == ["effect"] * 3
    assert await world.effects("case-a") == [1, 2, 3]
    await intake.process([notes.noted(4)])
    assert await world.effects("case-a") == [1, 2, 3, 4]


async def test_a_replay_that_fails_again_leaves_the_rest_parked(world: World, notes: Notes) -> None:
    handler = failing_on(1)
    intake = world.intake(inbox_of(handler=handler))
    await intake.process([notes.noted(n) for n in (1, 2)])
    handler.numbers = {2}
    first, second = await world.letters()
    told = await intake.replay(first.id)
    assert [(each.letter, each.outcome) for each in told] == [(first.id, "effect"), (second.id, "failed")]
    assert [letter.id for letter in await world.letters()] == [second.id]
    assert await world.effects() == [1]


async def test_a_record_that_could_not_be_read_is_replayed_by_a_version_that_can(world: World, notes: Notes) -> None:
    """Parked without an inbox row, so the replay claims one; a copy that arrived meanwhile makes it a duplicate."""
    sound = notes.noted(1)
    intake = world.intake(inbox_of())
    await intake.process([notes.record(b"garbage", key="case-b"), sound])
    (letter,) = await world.letters()
    told = await intake.replay(letter.id)
    assert [(each.outcome, each.detail) for each in told] == [("failed", "malformed: the record is not JSON")]
    # As a later version would: what it reads now is an event; here the very one that has been handled already.
    await world.pool.execute("UPDATE dead_letters SET value = $1, key = 'case-a', topic = $2", sound.value, notes.topic)
    assert [each.outcome for each in await intake.replay(letter.id)] == ["duplicate"]
    assert await world.effects() == [1]


async def test_a_type_that_is_no_longer_handled_is_settled_without_effect(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of(handler=failing_on(1)))
    await intake.process([notes.noted(1)])
    (letter,) = await world.letters()
    inbox = inbox_of()
    fewer = world.intake(type(inbox)(CONSUMER, {}, topics=inbox.topics))
    assert [each.outcome for each in await fewer.replay(letter.id)] == ["ignored"]


async def test_arrivals_and_a_replay_of_one_key_never_pass_each_other(world: World, notes: Notes) -> None:
    """While the last letter is being replayed, its key's next event arrives: it waits, and is then handled, not parked."""
    handler = failing_on(1)
    await world.intake(inbox_of(handler=handler)).process([notes.noted(1)])
    (letter,) = await world.letters()
    replaying = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        replaying(event.n)
        await go_on.wait()

    replay = asyncio.create_task(world.intake(inbox_of(handler=slow)).replay(letter.id))
    await replaying.take(1)
    async with world_on(world.dsn) as other:
        arrival = asyncio.create_task(other.intake(inbox_of()).process([notes.noted(2)]))
        async with asyncio.timeout(30), world.pool.acquire() as conn:
            while not await conn.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"):
                pass
        go_on.set()
        await asyncio.gather(replay, arrival)
    assert await world.effects() == [1, 2]
    assert await world.letters() == []


async def test_two_replays_of_one_letter_have_one_effect(world: World, notes: Notes) -> None:
    handler = failing_on(1)
    intake = world.intake(inbox_of(handler=handler))
    await intake.process([notes.noted(1)])
    handler.numbers.clear()
    (letter,) = await world.letters()
    async with world_on(world.dsn) as other:
        outcomes = await asyncio.gather(
            intake.replay(letter.id), other.intake(inbox_of()).replay(letter.id), return_exceptions=True
        )
    assert await world.effects() == [1]
    assert sum(isinstance(outcome, DeadLetterSettledError) for outcome in outcomes) == 1


async def test_a_discarded_letter_frees_its_key_and_never_has_its_effect(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of(handler=failing_on(1)))
    await intake.process([notes.noted(1)])
    (letter,) = await world.letters()
    async with world.pool.acquire() as conn:
        with pytest.raises(ValueError, match="code"):
            await discard_dead_letter(conn, letter.id, "Because I said so")
        settled = await discard_dead_letter(conn, letter.id, "withdrawn-by-hand")
        assert (settled.status, settled.settled_reason) == (Status.DISCARDED, "withdrawn-by-hand")
        with pytest.raises(DeadLetterSettledError):
            await discard_dead_letter(conn, letter.id, "twice")
        with pytest.raises(DeadLetterNotFoundError):
            await dead_letter(conn, letter.id + 1)
    await intake.process([notes.noted(2)])
    assert await world.effects() == [2]


async def test_the_same_record_delivered_again_is_one_letter_and_stays_settled(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of())
    bad = notes.record(b"garbage")
    await intake.process([bad])
    await intake.process([bad])
    (letter,) = await world.letters()
    async with world.pool.acquire() as conn:
        await discard_dead_letter(conn, letter.id, "not-ours")
    await intake.process([bad, notes.noted(1)])
    assert await world.letters() == []
    assert await world.effects() == [1]


async def test_letters_of_another_inbox_are_not_replayed_here(world: World, notes: Notes) -> None:
    await world.intake(inbox_of(handler=failing_on(1))).process([notes.noted(1)])
    (letter,) = await world.letters()
    with pytest.raises(DeadLetterNotFoundError):
        await world.intake(inbox_of(consumer="others")).replay(letter.id)


async def test_the_list_pages_and_filters(world: World, notes: Notes) -> None:
    intake = world.intake(inbox_of())
    await intake.process([notes.record(b"%d" % n, key=f"case-{n}") for n in range(5)])
    async with world.pool.acquire() as conn:
        first = await list_dead_letters(conn, consumer=CONSUMER, limit=2)
        rest = await list_dead_letters(conn, consumer=CONSUMER, after=first[-1].id)
        assert [letter.offset for letter in [*first, *rest]] == [0, 1, 2, 3, 4]
        assert await list_dead_letters(conn, consumer="others") == []


async def test_an_operator_lists_shows_replays_and_discards_without_seeing_content(world: World, notes: Notes) -> None:
    handler = failing_on(1, 2)
    await world.intake(inbox_of(handler=handler)).process([notes.noted(1), notes.noted(2, "case-b")])
    status, told = await ask(world, "list")
    assert status == 0
    assert [line["reason"] for line in told] == ["handler-failed", "handler-failed"]
    assert not {"value", "key", "headers"} & set(told[0])
    one, two = (str(line["id"]) for line in told)
    assert (await ask(world, "show", one))[1] == told[:1]
    status, again = await ask(world, "replay", one, handler=handler)
    assert (status, again[0]["outcome"]) == (1, "failed")
    status, mended = await ask(world, "replay", one)
    assert (status, mended[0]["outcome"]) == (0, "effect")
    status, discarded = await ask(world, "discard", two, "--reason", "test-record")
    assert (status, discarded[0]["status"]) == (0, "discarded")
    assert (await ask(world, "list"))[1] == []
    assert len((await ask(world, "list", "--settled"))[1]) == 2
    with pytest.raises(DeadLetterNotFoundError):
        await ask(world, "replay", "4711")


@pytest.mark.rule(4)
async def test_nothing_is_decided_about_a_key_that_has_a_letter(world: World, notes: Notes) -> None:
    """A consent's withdrawal is parked: whoever asks about that case is told to come back, about others is answered."""
    async with world.pool.acquire() as conn:
        await conn.execute(
            "INSERT INTO consumer_progress VALUES ($1, $2, 0, 1, clock_timestamp())", CONSUMER, notes.topic
        )
        await conn.execute(
            "INSERT INTO source_watermarks VALUES ($1, clock_timestamp() - interval '1 s', clock_timestamp() - interval '1 s')",
            SOURCE,
        )
        await require_fresh(conn, CONSUMER, notes.topic, SOURCE, key="case-a")
    intake = world.intake(inbox_of(handler=failing_on(1)))
    await intake.process([notes.noted(1, withdrawn=True)])
    (letter,) = await world.letters()
    async with world.pool.acquire() as conn:
        with pytest.raises(BlockedKeyError) as refused:
            await require_fresh(conn, CONSUMER, notes.topic, SOURCE, key="case-a")
        assert (refused.value.status, "Retry-After" in refused.value.headers()) == (503, True)
        await require_fresh(conn, CONSUMER, notes.topic, SOURCE, key="case-b")
        await discard_dead_letter(conn, letter.id, "withdrawn-by-hand")
        await require_fresh(conn, CONSUMER, notes.topic, SOURCE, key="case-a")


@pytest.mark.parametrize(
    ("progress", "watermark"),
    [
        pytest.param(None, (1, 1), id="a consumer that never reported"),
        pytest.param([1], None, id="a source that never reported"),
        pytest.param([6, 1], (2, 2), id="one partition of two is behind"),
        pytest.param([1], (6, 6), id="the source's relay is stuck"),
        pytest.param([1], (6, 2), id="the source's word came late"),
        pytest.param([1], (-600, 6), id="the source's clock is ten minutes ahead, and its relay is stuck"),
        pytest.param([9], (-600, 9), id="the source's clock is ten minutes ahead, and the consumer is stuck"),
        pytest.param([9], (1, 1), id="the consumer is stuck"),
        pytest.param([2], (3, 1), id="the consumer has not looked since the source's word came"),
        pytest.param([1, None], (2, 2), id="one partition of two is unknown"),
    ],
)
async def test_unknown_or_stale_is_refused(
    world: World, progress: list[int | None] | None, watermark: tuple[int, int] | None
) -> None:
    async with world.pool.acquire() as conn:
        for number, age in enumerate(progress or []):
            if age is not None:
                await conn.execute(
                    "INSERT INTO consumer_progress VALUES ($1, 't', $2, $3, clock_timestamp() - make_interval(secs => $4))",
                    CONSUMER,
                    number,
                    len(progress or []),
                    float(age),
                )
        if watermark is not None:
            await conn.execute(
                "INSERT INTO source_watermarks VALUES"
                " ($1, clock_timestamp() - make_interval(secs => $2), clock_timestamp() - make_interval(secs => $3))",
                SOURCE,
                *map(float, watermark),
            )
        with pytest.raises(StaleProjectionError) as refused:
            await require_fresh(conn, CONSUMER, "t", SOURCE)
    assert refused.value.headers() == {"Retry-After": "5"}
