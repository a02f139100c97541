"""The relay when nothing goes wrong: numbers, order, partitions, seals, watermarks, one leader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from datetime import datetime
from threading import Thread
from typing import TypeVar

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError
from asyncpg.pool import PoolConnectionProxy
from pydantic_core import from_json

from shared.db import Transaction, create_pool
from shared.kafka import WATERMARKS_TOPIC
from shared.publisher import Outgoing, Publisher, producers
from shared.refs import LogScope
from shared.relay import Step
from shared.testing.signals import TopicReader
from tests.relay_world import Migrated, NewTopic, Steps, World, fill, new_world
from tests.tally import NOTODDEN, RANDOM, SOURCE, TALLY, adding, context, journal_on, looked_at

T = TypeVar("T")

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A migrated database and topics of this test alone."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


async def test_everything_arrives_numbered_in_order_and_sealed(world: World) -> None:
    journal = world.journal()
    tallies = [RANDOM.ref("cas") for _ in range(7)]
    await fill(journal, tallies, 5)
    async with world.relay(batch=16):
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    published = await world.published()
    assert (len(published.firsts), published.repeats) == (7 * 5 * 2 + 1, 0)
    [(envelope, seal)] = published.seals
    assert (seal.last_number, envelope.number, seal.scope) == (70, 71, NOTODDEN)
    assert (envelope.authtype, envelope.sequence, envelope.subject) == ("system", None, NOTODDEN)
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM relay_batch") == 0
    [head] = await journal.heads()
    assert (head.last_number, head.unpublished) == (71, 0)


async def test_a_record_lands_where_any_client_would_put_it(world: World) -> None:
    tallies = [RANDOM.ref("cas") for _ in range(30)]
    await fill(world.journal(), tallies, 1)
    async with world.relay():
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    async with TopicReader(world.broker, world.events) as reader:
        ours = {record.key: record.partition for record in await reader.rest()}
    async with AIOKafkaProducer(bootstrap_servers=world.broker) as producer:
        for tally in tallies:
            sent = await producer.send_and_wait(world.events, b"x", key=tally.encode())
            assert sent.partition == ours[tally.encode()]


async def test_each_log_has_its_own_numbers_and_seal(world: World) -> None:
    protected = LogScope(RANDOM.ref("prt"))
    journal = world.journal()
    await fill(journal, [RANDOM.ref("cas")], 2)
    await fill(journal, [RANDOM.ref("cas")], 1, scope=protected)
    await journal.record_access(context(), [looked_at(RANDOM.ref("cas"))])
    async with world.relay():
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    published = await world.published()
    assert {scope: len(records) for scope, records in published.by_scope().items()} == {NOTODDEN: 6, protected: 3}
    assert {seal.scope: seal.last_number for _, seal in published.seals} == {NOTODDEN: 5, protected: 2}


async def test_a_nudge_is_enough_and_an_event_without_one_is_found_by_the_poll(world: World) -> None:
    async with world.relay() as relay, TopicReader(world.broker, world.events) as reader:
        await world.steps.until(lambda seen: Step.DRAINED in seen)
        await fill(world.journal(relay), [RANDOM.ref("cas")], 1)
        await reader.take(2)
    async with world.relay(poll=0.01), TopicReader(world.broker, world.events) as reader:
        await fill(world.journal(), [RANDOM.ref("cas")], 1)
        await reader.until(lambda records: sum(".added." in str(record.value) for record in records) == 4)


async def test_a_seal_comes_by_time_and_only_where_something_happened(world: World) -> None:
    async with (
        world.relay(seal_every=0.05, poll=0.02, heartbeat_every=0.0) as relay,
        TopicReader(world.broker, world.events) as reader,
    ):
        journal = world.journal(relay)
        await fill(journal, [RANDOM.ref("cas")], 1)
        await reader.take(3)
        for _ in range(5):
            await world.steps.another(Step.DRAINED)
        await fill(journal, [RANDOM.ref("cas")], 1)
        await reader.take(6)
    published = await world.published()
    counts = [seal.last_number for _, seal in published.seals]
    assert counts[0] in (1, 2)
    assert counts[-1] == 5 if len(counts) == 2 else counts[-1] >= 5
    assert len(counts) <= 4, "a seal does not call for another"


async def test_the_numbers_go_on_after_a_restart(world: World) -> None:
    for _ in range(3):
        async with world.relay():
            await world.steps.another(Step.DRAINED)
            await fill(world.journal(), [RANDOM.ref("cas")], 2)
    published = await world.published()
    assert [seal.last_number for _, seal in published.seals] == [4, 9, 14]


async def test_a_watermark_says_since_when_nothing_is_missing(world: World) -> None:
    async with world.relay(heartbeat_every=0.0) as relay:
        await world.steps.until(lambda seen: Step.DRAINED in seen)
        before: datetime = await world.pool.fetchval("SELECT clock_timestamp()")
        relay.nudge()
        await world.steps.another(Step.DRAINED)
    async with TopicReader(world.broker, world.topics[WATERMARKS_TOPIC]) as reader:
        records = await reader.rest()
    assert {record.key for record in records} == {SOURCE.encode()}
    marks = [from_json(record.value or b"") for record in records]
    assert {mark["source"] for mark in marks} == {SOURCE}
    moments = [datetime.fromisoformat(mark["drained_at"]) for mark in marks]
    assert moments == sorted(moments)
    assert moments[-1] >= before


async def test_metrics_tell_who_leads_and_what_was_published(world: World) -> None:
    async with world.relay() as relay:
        await world.steps.until(lambda seen: Step.LEADING in seen)
        assert relay.leading
        assert world.metrics.registry.get_sample_value("lagspill_relay_leader") == 1
        await fill(world.journal(relay), [RANDOM.ref("cas")], 3)
        await world.steps.another(Step.SETTLED)
    value = world.metrics.registry.get_sample_value
    assert value("lagspill_events_published_total", {"topic": world.events}) == 7
    assert value("lagspill_journal_seals_total") == 1
    assert value("lagspill_outbox_rows") == 0
    assert value("lagspill_outbox_age_seconds") == 0
    assert value("lagspill_relay_leader") == 0
    assert not relay.leading


class Failing(Steps):
    """Lets the relay fail whenever it is about to number something."""

    def reached(self, step: Step) -> None:
        """Take note, or fail."""
        super().reached(step)
        if step is Step.PICKED:
            raise RuntimeError("the test says so")


async def test_while_nothing_gets_out_no_watermark_is_published_and_the_outbox_ages(world: World) -> None:
    await fill(world.journal(), [RANDOM.ref("cas")], 1)
    await world.pool.execute("UPDATE outbox SET recorded_at = recorded_at - interval '1 hour'")
    steps = Failing()
    relay = world.make(observer=steps, heartbeat_every=0.0)
    await relay.start()
    await steps.until(lambda seen: seen.count(Step.PICKED) >= 3)
    age = world.metrics.registry.get_sample_value("lagspill_outbox_age_seconds")
    await relay.stop()
    assert age is not None
    assert 3600 <= age < 3700
    assert Step.DRAINED not in steps.seen
    async with TopicReader(world.broker, *world.topics.values()) as reader:
        assert await reader.rest() == []


async def test_stop_before_start_and_twice_is_fine(world: World) -> None:
    relay = world.make()
    await relay.stop()
    await relay.start()
    await relay.stop()
    await relay.stop()


async def test_one_of_two_leads_and_the_other_takes_over(world: World) -> None:
    first, second = world.make(poll=0.02), world.make(poll=0.02)
    await first.start()
    await world.steps.another(Step.LEADING)
    await second.start()
    await fill(world.journal(first), [RANDOM.ref("cas")], 2)
    await world.steps.another(Step.SETTLED)
    assert (first.leading, second.leading) == (True, False)
    await first.stop()
    await world.steps.until(lambda seen: seen.count(Step.LEADING) == 2)
    assert (first.leading, second.leading) == (False, True)
    await fill(world.journal(second), [RANDOM.ref("cas")], 2)
    await second.stop()
    published = await world.published()
    assert (published.repeats, len(published.seals)) == (0, 2)


async def test_a_topic_that_takes_less_per_request_gets_smaller_batches(world: World, new_topic: NewTopic) -> None:
    world.topics["lagspill.cases.v1"] = await new_topic("small", config={"max.message.bytes": "3000"})
    await fill(world.journal(), [RANDOM.ref("cas")], 10)
    async with world.relay():
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    published = await world.published()
    assert (len(published.firsts), published.repeats) == (21, 0)


async def test_an_event_that_a_topic_refuses_is_said_and_kept(world: World, new_topic: NewTopic) -> None:
    refusing = await new_topic("tiny", config={"max.message.bytes": "100"})
    publisher = Publisher(producers(world.broker, client="test"), seconds=30.0)
    await publisher.start()
    with pytest.raises(MessageSizeTooLargeError):
        await publisher.publish([Outgoing(refusing, b"key", b"x" * 500)])
    await publisher.close()


async def test_a_batch_row_that_contradicts_the_outbox_stops_the_relay_aloud(world: World) -> None:
    await fill(world.journal(), [RANDOM.ref("cas")], 1)
    await world.pool.execute("INSERT INTO relay_batch VALUES (true, '{4711}', '{4005}', '{1}')")
    relay = world.make()
    await relay.start()
    await world.steps.until(lambda seen: seen.count(Step.LEADING) >= 2)
    await relay.stop()
    assert Step.ACKNOWLEDGED not in world.steps.seen
    assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 2


class Elsewhere:
    """Another service instance, on a thread of its own: it can commit while the relay's event loop stands still."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = asyncio.new_event_loop()
        self._thread = Thread(target=self._loop.run_forever)

    def do(self, work: Coroutine[None, None, T]) -> T:
        """Return what `work` returns; the caller stands still until then."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    def __enter__(self) -> Elsewhere:
        """Connect."""
        self._thread.start()
        self.pool = self.do(create_pool(self._dsn, application_name="elsewhere"))
        return self

    def __exit__(self, *_: object) -> None:
        """Disconnect."""
        self.do(self.pool.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def test_an_event_that_commits_late_is_not_overtaken_by_the_next_of_its_case(world: World) -> None:
    """Its outbox id lies below those of the batch in hand; the case's next event's lies above."""
    late = RANDOM.ref("cas")
    with Elsewhere(world.dsn) as elsewhere:
        journal = journal_on(elsewhere.pool)

        async def begin() -> tuple[PoolConnectionProxy[asyncpg.Record], Transaction]:
            connection = await elsewhere.pool.acquire()
            transaction = connection.transaction()
            await transaction.start()
            await journal.change(TALLY, late, context(), adding(late, 1), conn=connection)
            return connection, transaction

        async def commit_and_go_on() -> None:
            await transaction.commit()
            await elsewhere.pool.release(connection)
            await journal.change(TALLY, late, context(), adding(late, 2))

        connection, transaction = elsewhere.do(begin())
        await fill(world.journal(), [RANDOM.ref("cas")], 1)

        class WhenTaken(Steps):
            def reached(self, step: Step) -> None:
                """Commit between the relay's first look and its next."""
                super().reached(step)
                if step is Step.TAKEN and self.seen.count(step) == 1:
                    elsewhere.do(commit_and_go_on())

        steps = WhenTaken()
        async with world.relay(observer=steps):
            await steps.until(lambda seen: Step.DRAINED in seen)
    assert len((await world.published()).firsts) == 5
