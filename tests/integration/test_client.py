"""The subscribers' kit against a real PostgreSQL and what a real relay published: effects once, and loss noticed."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from lagspill_client import (
    DDL,
    Acknowledging,
    ClientCredentials,
    Connection,
    Event,
    HandlerFailedError,
    Letter,
    Loss,
    LostError,
    NotTakenError,
    Record,
    Subscriber,
    UnreadableStopError,
    events,
)
from pydantic_core import from_json, to_json

from deploy.conformance.faults import Held
from deploy.conformance.receipts import listening
from deploy.local.process import free_port
from services.notify.domain.acknowledgement import ENDINGS
from services.notify.signatures import headers, new_secret, written
from shared.contracts import EVENTS, cases
from shared.contracts.schemas import FOLDER as SCHEMAS
from shared.refs import ConsentRef
from shared.relay import Step
from shared.testing.plugin import NewDatabase, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import WITHIN, TopicReader
from tests.e2e.test_docs_examples import publish
from tests.integration.client_world import TABLES, Maker, Place, add_handler, subscriber_place
from tests.relay_world import Migrated, NewTopic, World, new_world

pytestmark = pytest.mark.connected


@pytest.fixture
def make() -> Maker:
    """Events."""
    return Maker()


@pytest_asyncio.fixture
async def place(database: str) -> AsyncIterator[Place]:
    """A subscriber that acts on withdrawals, and stops at whatever is wrong."""
    subscriber = Subscriber("school")
    add_handler(subscriber)
    async with subscriber_place(database, subscriber) as made:
        yield made


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A service's database, topics and relay."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


def consent_of(record: Record) -> str:
    """The consent that a record is about."""
    assert record.value is not None
    return str(from_json(record.value)["data"]["consent"])


def changed(record: Record, change: Callable[[dict[str, Any]], object]) -> Record:
    """The record with something in its JSON changed."""
    assert record.value is not None
    document = from_json(record.value)
    change(document)
    return replace(record, value=to_json(document))


async def keep(tx: Connection, letter: Letter) -> None:
    """Set a letter aside."""
    await tx.execute("INSERT INTO letters VALUES ($1, $2)", str(letter.record.offset), letter.reason)


async def letters(place: Place) -> list[tuple[str, str]]:
    """What is set aside, by place and reason."""
    return [tuple(row) for row in await place.pool.fetch("SELECT id, reason FROM letters ORDER BY id::int")]


# --- once -------------------------------------------------------------------------------------------------------------


async def test_the_relay_sends_twice_and_two_members_share_the_topic(
    world: World, group: str, new_database: NewDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each withdrawal has its effect once; and the whole is counted, seals and all, without a hole."""
    subscriber = Subscriber(group, topics=["lagspill.cases.v1"], whole=True, settle=2.0)
    other = Subscriber(group, topics=["lagspill.cases.v1"], whole=True, settle=2.0)
    for each in (subscriber, other):
        add_handler(each)
    dsn = await new_database()
    expected = await publish(world)
    monkeypatch.setenv("DATABASE_URL", dsn)
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", world.broker)
    monkeypatch.setenv("LAGSPILL_TOPICS", ",".join(f"{name}={real}" for name, real in world.topics.items()))
    async with subscriber_place(dsn, subscriber) as seen:
        running = [asyncio.create_task(each.run()) for each in (subscriber, other)]
        await seen.until({"taken": 1, "passed-by": 7})  # a seal among them
        assert await seen.effects() == {list(expected)[1]: 1}
        async with seen.pool.acquire() as conn:
            await subscriber.inbox.know_logs(conn)
            assert await subscriber.inbox.holes(conn) == []
        for task in running:
            assert not task.done()
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        # The group has lost its place, and everything comes again.
        again = Subscriber(group)
        add_handler(again)
        async with TopicReader(world.broker, world.events) as reader:
            await again.open(seen.pool)
            await again.take([Record(r.value, r.key, r.topic, r.partition, r.offset) for r in await reader.rest()])
        assert await seen.effects() == {list(expected)[1]: 1}
    assert Step.FAILED in world.steps.seen, "the relay failed in the middle, and sent a batch twice"


async def test_a_batch_with_a_duplicate_in_it_and_again(place: Place, make: Maker) -> None:
    case = make.case()
    batch = [make.withdrawn(case), make.anonymised(case), make.withdrawn(case)]
    await place.subscriber.take([batch[0], batch[0]])
    await place.subscriber.take([*batch, *batch])
    assert await place.effects() == {consent_of(batch[0]): 1, consent_of(batch[2]): 1}
    receipts = await place.pool.fetch("SELECT receipt #>> '{}' FROM lagspill_inbox WHERE receipt IS NOT NULL")
    wanted = {"consent": consent_of(batch[0]), "consent_version": 1, "items_removed": 0}
    assert wanted in [from_json(row[0]) for row in receipts]
    state = await place.subscriber.state()
    assert sorted(each.consent for each in state.receipts) == sorted([consent_of(batch[0]), consent_of(batch[2])])
    assert {each.times for each in state.effects} == {1}


async def test_receipts_are_sent_until_they_are_taken_and_then_no_more(database: str, make: Maker) -> None:
    """What takes them answers 503 the first time that one comes."""
    async with listening(address := f"127.0.0.1:{free_port()}") as taken:
        assert taken is not None
        token = ClientCredentials(f"http://{address}/token", "school-system", "x")
        to = Acknowledging(f"http://{address}/subscriptions/sub_x", token)
        subscriber = Subscriber("sends", acknowledging=to)
        add_handler(subscriber)
        async with subscriber_place(database, subscriber):
            records = [make.withdrawn(make.case()) for _ in range(2)]
            for record in records:
                taken.judge(consent_of(record))
            await subscriber.take(records)
            with pytest.raises(NotTakenError, match="503 unavailable"):
                await subscriber.send_receipts()
            async with subscriber.sending():
                for record in records:
                    assert await taken.judged(consent_of(record), 1, WITHIN) is Held.HELD
            # Whoever is stopped between the answer and the note of it sends once more, and that is the end of it.
            assert await subscriber.send_receipts() <= 1
            assert await subscriber.send_receipts() == 0
    gone = Subscriber("sends", acknowledging=to)
    async with subscriber_place(database, gone, tables="SELECT") as place:
        assert await gone.send_receipts() == 0, "nothing is left"
        await place.pool.execute("UPDATE lagspill_inbox SET receipt_sent = NULL")
        with pytest.raises(NotTakenError, match="nobody answers"):
            await gone.send_receipts()


async def test_there_is_a_receipt_of_what_ends_a_consent_and_of_nothing_else_that_names_one(
    database: str, make: Maker
) -> None:
    """Over the example of every type with a consent and its version: what is acknowledged is what the services await."""
    naming = {
        name: event
        for name, event in EVENTS.items()
        if event.TOPIC == cases.TOPIC and {"consent", "version"} <= event.model_fields.keys()
    }
    assert naming.keys() > ENDINGS.keys()
    subscriber, records = Subscriber("names"), []
    for name, event in naming.items():
        subscriber.on(getattr(events, event.__name__))(one_thing)
        [example] = from_json((SCHEMAS / f"{name}.json").read_bytes())["examples"]
        records.append(make.record(event.model_validate(example["data"])))
    async with subscriber_place(database, subscriber) as place:
        await subscriber.take(records)
        kept = await place.pool.fetch("SELECT type FROM lagspill_inbox WHERE receipt IS NOT NULL")
    assert {row["type"] for row in kept} == set(ENDINGS)


async def one_thing(tx: Connection, event: Event[Any]) -> int:
    _ = tx, event
    return 1


async def test_an_inbox_of_before_receipts_were_sent_is_used_on(database: str, make: Maker) -> None:
    """Its table gets the column; what it holds is as it was."""
    conn = await asyncpg.connect(database)
    await conn.execute(re.sub(r"(?m)^.*receipt_sent.*$|^CREATE INDEX IF NOT EXISTS lagspill_inbox_to_send.*$", "", DDL))
    await conn.close()
    subscriber = Subscriber("sends")
    add_handler(subscriber)
    async with subscriber_place(database, subscriber, tables=TABLES) as place:
        await subscriber.take([make.withdrawn(make.case())])
        assert await place.pool.fetchval("SELECT count(*) FROM lagspill_inbox WHERE receipt_sent IS NULL") == 1


async def test_the_effect_and_its_row_commit_together_or_not_at_all(place: Place, make: Maker) -> None:
    case = make.case()
    records = [make.withdrawn(case), make.withdrawn(case)]
    fails = True

    @place.subscriber.on(events.CaseAnonymised)
    async def fail(tx: Connection, event: Event[events.CaseAnonymised]) -> None:
        await tx.execute("INSERT INTO effects VALUES ('half')")
        if fails:
            raise RuntimeError

    poison = make.anonymised(case)
    with pytest.raises(HandlerFailedError):
        await place.subscriber.take([*records, poison])
    assert await place.effects() == {consent_of(each): 1 for each in records}, "and those before it are taken"
    assert await place.outcomes() == {"taken": 2}
    fails = False
    place.subscriber.stopped = None  # as after a restart
    await place.subscriber.take([*records, poison])
    assert (await place.effects())["half"] == 1


async def test_a_database_that_goes_away_is_waited_for(database: str, postgres_proxy: FaultProxy, make: Maker) -> None:
    """In the midst of a handler, and in the midst of a commit, when nobody knows what became of it."""
    subscriber = Subscriber("school")
    faults = [postgres_proxy.cut, postgres_proxy.lose_next_answer]

    @subscriber.on(events.ConsentWithdrawn)
    async def stop_sharing(tx: Connection, event: Event[events.ConsentWithdrawn]) -> None:
        await tx.execute("INSERT INTO effects VALUES ($1)", event.data.consent)
        if faults:
            faults.pop(0)()

    async with subscriber_place(database, Subscriber("nobody")) as place:
        await subscriber.open(through(postgres_proxy, database))
        record = make.withdrawn(make.case())
        for _ in range(2):
            with pytest.raises((OSError, asyncpg.InterfaceError, asyncpg.PostgresConnectionError)):
                await subscriber.take([record])
            assert subscriber.stopped is None
        await subscriber.take([record])
        assert await place.effects() == {consent_of(record): 1}
        await subscriber.close()


async def test_a_statement_that_is_wrong_is_the_handlers_fault(database: str, make: Maker) -> None:
    """Waiting would not mend it."""
    subscriber = Subscriber("school", attempts=1)

    @subscriber.on(events.ConsentWithdrawn)
    async def stop_sharing(tx: Connection, event: Event[events.ConsentWithdrawn]) -> None:
        await tx.execute("INSERT INTO effects VALUES ($1)", 1, 2)

    async with subscriber_place(database, subscriber):
        with pytest.raises(HandlerFailedError, match="InterfaceError"):
            await subscriber.take([make.withdrawn(make.case())])


async def test_what_is_not_known_is_passed_by_and_counted(place: Place, make: Maker) -> None:
    case = make.case()
    tomorrow = changed(
        make.anonymised(case), lambda e: e.update(type="no.lagspill.cases.case.folded.v1", data={"a": 1})
    )
    grown = changed(make.withdrawn(case), lambda e: (e.update(folded="x"), e["data"].update(folded=[1])))
    await place.subscriber.take([tomorrow, grown])
    assert await place.outcomes() == {"passed-by": 1, "taken": 1}
    await place.subscriber.take([make.withdrawn(case)])
    assert await place.outcomes() == {"passed-by": 1, "taken": 2}


# --- loss -------------------------------------------------------------------------------------------------------------


async def test_a_gap_stops_it_before_the_event_behind_the_gap(place: Place, make: Maker) -> None:
    """Written down, told, and nothing more is taken; until somebody says that it may go on."""
    told: list[Loss] = []

    async def tell(loss: Loss) -> None:
        told.append(loss)

    place.subscriber._on_loss = tell
    case, elsewhere = make.case(), make.case()
    first, lost, behind, other = (make.withdrawn(each) for each in (case, case, case, elsewhere))
    with pytest.raises(LostError, match="sequence 2 to 2"):
        await place.subscriber.take([first, other, behind])
    assert told == [Loss("/services/cases", 2, 2, subject=case)]
    assert [(each.source, each.about) for each in (await place.subscriber.state()).losses] == [
        ("/services/cases", case)
    ]
    with pytest.raises(LostError):
        await place.subscriber.take([other])
    assert await place.effects() == {}
    await place.subscriber.accept_loss(told[0])
    await place.subscriber.take([first, other, behind])
    assert set(await place.effects()) == {consent_of(each) for each in (first, other, behind)}
    # Found after all, it is no duplicate.
    await place.subscriber.take([lost])
    assert (await place.effects())[consent_of(lost)] == 1


async def test_holes_in_sourcesequence_are_those_that_are_not_there(place: Place, make: Maker) -> None:
    """In any order, also from where the last look ended; and a loss that is accepted is no hole."""
    rng = random.Random(7)
    records = [make.withdrawn(make.case()) for _ in range(40)]
    taken: set[int] = set()
    async with place.pool.acquire() as conn:
        for _ in range(6):
            chosen = rng.sample(range(40), 6)
            await place.subscriber.take([records[number] for number in chosen])
            taken |= {number + 1 for number in chosen}
            missing = {number for number in range(1, max(taken)) if number not in taken}
            found = await place.subscriber.inbox.holes(conn)
            assert {number for hole in found for number in range(hole.first, hole.last + 1)} == missing
        for hole in found:
            await place.subscriber.accept_loss(hole)
        assert await place.subscriber.inbox.holes(conn) == []


async def test_a_hole_that_does_not_close_stops_it(database: str, make: Maker) -> None:
    subscriber = Subscriber("school", topics=["lagspill.cases.v1"], whole=True, settle=0.2)
    add_handler(subscriber)
    async with subscriber_place(database, subscriber) as place:
        records = [make.withdrawn(make.case()) for _ in range(4)]
        await subscriber.take([records[0], records[3]])
        with pytest.raises(LostError, match="4005: sourcesequence 2 to 3"):
            await asyncio.wait_for(subscriber.until_stopped(), 30)
        assert await place.outcomes() == {"taken": 2, "lost": 1}


# --- what cannot be taken ---------------------------------------------------------------------------------------------


async def test_what_cannot_be_read_stops_it(place: Place, make: Maker) -> None:
    for value in (b"{", None):
        with pytest.raises(UnreadableStopError):
            await place.subscriber.take([make.withdrawn(make.case()), make.placed(Record(value, b"cas_x"))])
        place.subscriber.stopped = None
    foreign = replace(make.withdrawn(make.case()), key=b"another")
    with pytest.raises(UnreadableStopError, match="key"):
        await place.subscriber.take([foreign])
    assert await place.outcomes() == {}


async def test_what_is_set_aside_keeps_what_comes_behind_it(database: str, make: Maker) -> None:
    """Once, however often it comes; it is handled in order when it can be, and another key goes on meanwhile."""
    subscriber = Subscriber("school", dead_letter=keep, attempts=1)
    add_handler(subscriber)
    fails = True

    @subscriber.on(events.CaseAnonymised)
    async def fail(tx: Connection, event: Event[events.CaseAnonymised]) -> None:
        if fails:
            raise RuntimeError
        await tx.execute("INSERT INTO effects VALUES ('mended')")

    async with subscriber_place(database, subscriber) as place:
        case, elsewhere = make.case(), make.case()
        before, poison, behind, other = (
            make.withdrawn(case),
            make.anonymised(case),
            make.withdrawn(case),
            make.withdrawn(elsewhere),
        )
        for _ in range(2):
            await subscriber.take([before, poison, behind, other])
        assert await letters(place) == [(str(poison.offset), "handler-failed"), (str(behind.offset), "behind")]
        assert await place.effects() == {consent_of(before): 1, consent_of(other): 1}
        broken = make.placed(replace(make.withdrawn(elsewhere), value=b"{"))
        for _ in range(2):
            await subscriber.take([broken])
        assert (str(broken.offset), "unreadable") in await letters(place)
        with pytest.raises(RuntimeError):
            await subscriber.replay([poison, behind])
        fails = False
        assert await subscriber.replay([poison, behind]) == 2
        assert await subscriber.replay([poison, behind]) == 0
        assert await place.effects() == {
            consent_of(before): 1,
            consent_of(other): 1,
            "mended": 1,
            consent_of(behind): 1,
        }
        await subscriber.take([make.withdrawn(case)])
        assert (await place.outcomes())["set-aside"] == 1, "its key is free again; the broken one's is not"


# --- webhooks ---------------------------------------------------------------------------------------------------------


async def test_webhooks_go_into_the_same_inbox(place: Place, make: Maker) -> None:
    """And what comes too early is taken when what was before it has come."""
    secret, case = new_secret(), make.case()
    first, second = make.withdrawn(case), make.withdrawn(case, ConsentRef(make.ids.ref("cst")))

    async def post(record: Record, key: bytes = secret, late: int = 0) -> int:
        assert record.value is not None
        signed = headers([key], "1", int(time.time()) - late, record.value)
        return await place.subscriber.receive(written(secret), signed, record.value)

    assert await post(first, new_secret()) == 401
    assert await post(first, late=301) == 401
    assert await post(second) == 409
    assert await place.effects() == {}
    assert [await post(each) for each in (first, first, second, first)] == [204] * 4
    assert await place.effects() == {consent_of(first): 1, consent_of(second): 1}
    assert await post(replace(first, value=b"{}")) == 400
    assert await place.outcomes() == {"taken": 2}, "what came in the end was never lost"


async def test_the_asgi_application_answers_as_told(place: Place, make: Maker) -> None:
    secret, record = new_secret(), make.withdrawn(make.case())
    assert record.value is not None
    app = place.subscriber.asgi(written(secret), show_state=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://school.example") as client:
        assert (await client.post("/", content=record.value)).status_code == 401
        signed = headers([secret], "1", int(time.time()), record.value)
        assert (await client.post("/", content=record.value, headers=signed)).status_code == 204
        assert (await client.post("/", content=b"x" * 300_000, headers=signed)).status_code == 413
        state = (await client.get("/")).json()
        assert [each["times"] for each in state["effects"]] == [1]
        assert (await client.put("/")).status_code == 405
    hidden = place.subscriber.asgi(written(secret))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(hidden), base_url="http://school.example") as client:
        assert (await client.get("/")).status_code == 405
