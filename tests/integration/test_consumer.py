"""Consumers against the real Kafka: raw records, nothing skipped, and an honest word about how far behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic_core import to_json

from shared.dead_letters import Reason
from shared.envelope import Envelope
from shared.freshness import freshness
from shared.inbox import Tx
from shared.kafka import WATERMARKS_TOPIC, missing_topics
from shared.publisher import producers
from shared.relay import Relay
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Probe, TopicReader, Watch
from tests.integration.inbox_world import (
    MIGRATIONS,
    SOURCE,
    Bus,
    Noted,
    Notes,
    World,
    consuming,
    leave_a_row,
    producing,
    publish,
    world_on,
)

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A database of this test."""
    async with world_on(await migrated("inbox-suite", MIGRATIONS)) as opened:
        yield opened


@pytest_asyncio.fixture
async def bus(broker: str, new_topic: NewTopicName, group: str) -> AsyncIterator[Bus]:
    """A topic with three partitions that takes records of 4 MB, as deploy/topics.yaml has it."""
    topic = await new_topic(partitions=3, config={"max.message.bytes": "4194304"})
    watermarks = await new_topic("watermarks")
    async with producing(broker) as producer:
        yield Bus(broker, topic, watermarks, group, producer, Notes(topic))


async def test_what_was_published_before_and_after_the_start_has_its_effect(world: World, bus: Bus) -> None:
    await publish(bus.producer, [bus.notes.noted(n, f"case-{n % 7}", partition=n % 3) for n in range(300)])
    async with (
        Watch(world.dsn, "effects") as watch,
        # On a machine that has no time for a heartbeat it would be away for a moment, and that is no part of this.
        consuming(world, bus.bootstrap, bus.inbox(), max_records=50, session_timeout=60.0) as subscription,
    ):
        await watch.until("SELECT count(*) FROM effects", gives=300)
        await publish(bus.producer, [bus.notes.noted(n, f"case-{n % 7}", partition=n % 3) for n in range(300, 350)])
        await watch.until("SELECT count(*) FROM effects", gives=350)
        state = [(subscription.consumer.assigned, subscription.consumer.waiting)]
    state.append((subscription.consumer.assigned, subscription.consumer.waiting))
    assert state == [(True, False), (False, False)]
    for partition in range(3):
        done = [n for n in await world.effects() if n % 3 == partition]
        assert done == sorted(done)


async def test_a_restart_goes_on_where_it_was(world: World, bus: Bus) -> None:
    seen = Probe[int]()

    async def tell(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        seen(event.n)

    async with Watch(world.dsn, "effects") as watch:
        for round_ in range(2):
            await publish(bus.producer, [bus.notes.noted(n) for n in range(round_ * 10, round_ * 10 + 10)])
            async with consuming(world, bus.bootstrap, bus.inbox(tell)):
                await watch.until("SELECT count(*) FROM effects", gives=10 * (round_ + 1))
    assert await world.effects() == list(range(20))
    # The offsets were committed on the way out: nothing was given again.
    assert world.outcomes(bus.group) == {"effect": 20}


async def test_no_record_can_stop_the_ones_behind_it(world: World, bus: Bus) -> None:
    notes, topic = bus.notes, bus.topic
    headers = (("content-type", b"\xff\xfe"), ("reply_to", topic.encode()), ("correlation_id", b"\x80"))
    large = notes.event(1, data={"case": "case-a", "n": 1, "x": "y" * 2_000_000})
    await publish(
        bus.producer,
        [
            replace(notes.noted(0, "case-b"), headers=headers),
            notes.record(b"\xff\x00 no json"),
            notes.record(b'{"no": "event"}', "case-c"),
            notes.record(large, "case-d"),
            notes.record(None, "case-e"),
            notes.record(notes.event(2, type="no.lagspill.cases.thing.invented.v1")),
            notes.record(notes.event(3, "case-f", data={"case": "case-f", "n": "three"}), "case-f"),
            replace(notes.noted(4, "case-b"), headers=headers),
        ],
    )
    async with Watch(world.dsn, "effects") as watch, consuming(world, bus.bootstrap, bus.inbox()):
        await watch.until("SELECT max(n) FROM effects", gives=4)
    assert await world.effects() == [0, 4]
    assert [(letter.offset, letter.reason) for letter in await world.letters()] == [
        (1, Reason.MALFORMED),
        (2, Reason.MALFORMED),
        (3, Reason.TOO_LARGE),
        (4, Reason.NO_VALUE),
        (6, Reason.WRONG_SCHEMA),
    ]
    sizes = await world.pool.fetch("SELECT value FROM dead_letters WHERE reason = 'too-large'")
    assert sizes[0]["value"] == large
    async with TopicReader(bus.bootstrap, topic) as reader:
        # A header that asks for a reply is obeyed by FastStream unless it is told otherwise.
        assert len(await reader.rest()) == 8


async def test_a_failing_batch_is_given_again_until_it_is_done(world: World, bus: Bus) -> None:
    """Two partitions in one batch: both are rewound, neither is committed past."""
    failures = iter(range(3))

    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if event.n == 7 and next(failures, None) is not None:
            raise ConnectionResetError

    await publish(bus.producer, [bus.notes.noted(n, f"case-{n % 3}", partition=n % 3) for n in range(12)])
    async with Watch(world.dsn, "effects") as watch, consuming(world, bus.bootstrap, bus.inbox(handler)):
        await watch.until("SELECT count(*) FROM effects", gives=12)
    assert next(failures, "none left") == "none left"
    assert sorted(await world.effects()) == list(range(12))
    assert await world.letters() == []


async def test_offsets_are_committed_only_after_the_work(world: World, bus: Bus) -> None:
    working = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        working(event.n)
        await go_on.wait()

    await publish(bus.producer, [bus.notes.noted(1)])
    async with Watch(world.dsn, "effects") as watch, consuming(world, bus.bootstrap, bus.inbox(slow)):
        await working.take(1)
        assert await _committed(bus) is None
        go_on.set()
        await watch.until("SELECT count(*) FROM effects", gives=1)
    assert await _committed(bus) == 1


async def test_a_stop_finishes_the_batch_in_hand(world: World, bus: Bus) -> None:
    working = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        working(event.n)
        await go_on.wait()

    await publish(bus.producer, [bus.notes.noted(n) for n in range(5)])
    async with consuming(world, bus.bootstrap, bus.inbox(slow)) as subscription:
        await working.take(1)
        stopping = asyncio.create_task(subscription.stop())
        go_on.set()
        await stopping
        assert await world.effects() == [0, 1, 2, 3, 4]
    assert await _committed(bus) == 5


async def test_freshness_follows_the_consumer_and_the_source(world: World, bus: Bus) -> None:
    async with (
        Watch(world.dsn, "consumer_progress", "source_watermarks") as watch,
        consuming(world, bus.bootstrap, bus.inbox()),
    ):
        # Caught up, but the source has not said a word.
        await watch.until("SELECT count(*) FROM consumer_progress WHERE topic = $1", bus.topic, gives=3)
        assert await _age(world, bus) is None
        await bus.drained(await _now(world))
        await watch.until(
            "SELECT min(caught_up_at) >= (SELECT max(received_at) FROM source_watermarks) FROM consumer_progress"
        )
        age = await _age(world, bus)
        assert age is not None
        assert age < timedelta(minutes=1)
        # The source's relay stood still for an hour: the picture is as old as its last word.
        await world.pool.execute("UPDATE source_watermarks SET drained_at = drained_at - interval '1 hour'")
        old = await _age(world, bus)
        assert old is not None
        assert old >= timedelta(hours=1)


async def test_a_real_relay_and_a_real_consumer_keep_a_projection_fresh(world: World, bus: Bus) -> None:
    relay = Relay(
        world.dsn,
        producers(bus.bootstrap, client="inbox-suite"),
        source=SOURCE,
        clock=world.clock,
        ids=world.ids,
        metrics=world.metrics,
        topics={WATERMARKS_TOPIC: bus.watermarks},
    )
    async with (
        Watch(world.dsn, "consumer_progress") as watch,
        consuming(world, bus.bootstrap, bus.inbox()),
    ):
        await relay.start()
        fresh = (
            "SELECT clock_timestamp() - max(drained_at) < interval '5 s' FROM source_watermarks WHERE received_at <="
            " (SELECT min(caught_up_at) FROM consumer_progress HAVING count(*) = 4)"
        )
        await watch.until(fresh)
        await relay.stop()


async def test_a_consumer_that_is_behind_does_not_say_that_it_has_caught_up(world: World, bus: Bus) -> None:
    blocked = Probe[int]()
    go_on = asyncio.Event()

    async def slow(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        blocked(event.n)
        await go_on.wait()

    async with Watch(world.dsn, "consumer_progress") as watch:
        await publish(bus.producer, [bus.notes.noted(1, partition=2)])
        async with consuming(world, bus.bootstrap, bus.inbox(slow)):
            await blocked.take(1)
            of_topic = "SELECT count(*) FROM consumer_progress WHERE topic = $1"
            await watch.until(of_topic, bus.topic, gives=2)
            now = await _now(world)
            await watch.until(f"{of_topic} AND caught_up_at > $2", bus.topic, now, gives=2)
            assert await world.pool.fetchval("SELECT 2 = ANY(array_agg(partition)) FROM consumer_progress") is False
            go_on.set()
            await watch.until(of_topic, bus.topic, gives=3)


async def test_a_watermark_that_cannot_be_read_or_is_not_its_sources_own_is_passed_by(world: World, bus: Bus) -> None:
    now = datetime.now(UTC)
    sound = to_json({"source": SOURCE, "drained_at": now})
    for value, key in [(b"garbage", b"x"), (sound, b"/services/notify"), (b'{"source": 1}', b"1"), (None, b"x")]:
        await bus.producer.send_and_wait(bus.watermarks, value, key=key)
    await bus.drained(now)
    async with Watch(world.dsn, "source_watermarks") as watch, consuming(world, bus.bootstrap, bus.inbox()):
        await watch.until("SELECT count(*) FROM source_watermarks", gives=1)
    assert await world.pool.fetchval("SELECT drained_at FROM source_watermarks") == now
    assert world.outcomes(bus.group)["malformed-watermark"] == 4
    assert await world.letters() == []


async def test_lag_and_letters_are_metrics(world: World, bus: Bus) -> None:
    await publish(bus.producer, [bus.notes.record(b"garbage"), bus.notes.noted(1, "case-b", partition=1)])
    async with Watch(world.dsn, "consumer_progress") as watch, consuming(world, bus.bootstrap, bus.inbox()) as running:
        await watch.until("SELECT count(*) FROM consumer_progress WHERE topic = $1", bus.topic, gives=3)
        await running.reporter.report()
    sample = world.metrics.registry.get_sample_value
    assert sample("lagspill_consumer_lag_records", {"consumer": bus.group, "topic": bus.topic}) == 0
    assert sample("lagspill_dead_letters", {"consumer": bus.group}) == 1
    assert sample("lagspill_records_parked_total", {"consumer": bus.group, "reason": "malformed"}) == 1
    assert sample("lagspill_consumer_lag_seconds", {"consumer": bus.group, "source": SOURCE}) is None


async def test_missing_topics_are_named_and_not_made(broker: str, topic: str) -> None:
    assert await missing_topics(broker, [topic, f"{topic}-not-there"]) == {f"{topic}-not-there"}
    assert await missing_topics(broker, [f"{topic}-not-there"]) == {f"{topic}-not-there"}


async def _committed(bus: Bus) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bus.bootstrap, group_id=bus.group, enable_auto_commit=False)
    consumer.assign([TopicPartition(bus.topic, 0)])
    await consumer.start()
    try:
        found: int | None = await consumer.committed(TopicPartition(bus.topic, 0))
        return found
    finally:
        await consumer.stop()


async def _age(world: World, bus: Bus) -> timedelta | None:
    async with world.pool.acquire() as conn:
        return await freshness(conn, bus.group, bus.topic, SOURCE)


async def _now(world: World) -> datetime:
    now: datetime = await world.pool.fetchval("SELECT clock_timestamp()")
    return now
