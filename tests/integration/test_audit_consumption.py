"""From Kafka into the logs, with a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from services.audit.batch import Indexed
from services.audit.consumers import Consumption
from services.audit.domain.entry import UNPARSABLE, oversize_leaf
from services.audit.keeper import Keeper
from shared.testing.plugin import Migrated, NewTopicName, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import WITHIN, Probe, Watch
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SKIEN, Publisher, open_world
from tests.integration.test_audit_keeper import check_log, leaves

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest_asyncio.fixture
async def topics(new_topic: NewTopicName) -> list[str]:
    """Two topics of this test alone, that take a record of 2 MB."""
    config = {"max.message.bytes": str(4 * 1024 * 1024)}
    return [await new_topic("audit", partitions=3, config=config) for _ in range(2)]


@pytest_asyncio.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for every acknowledgement."""
    made = AIOKafkaProducer(bootstrap_servers=broker, acks="all", max_request_size=4 * 1024 * 1024)
    await made.start()
    yield made
    await made.stop()


async def send(
    producer: AIOKafkaProducer, topic: str, values: list[bytes | None], partition: int | None = None
) -> None:
    """Send the records; one after the other onto a partition, or spread over all."""
    sent = [
        await producer.send(topic, value, key=str(at).encode(), partition=partition) for at, value in enumerate(values)
    ]
    await asyncio.gather(*sent)


@asynccontextmanager
async def consuming(
    broker: str, keeper: Keeper, topics: list[str], group: str, max_records: int = 50
) -> AsyncIterator[Probe[int]]:
    """One instance, whose probe is told the number of new entries of each batch."""
    probe: Probe[int] = Probe()
    member = Consumption(broker, keeper, topics=topics, group=group, max_records=max_records, taken=probe)
    await member.start()
    try:
        async with asyncio.timeout(WITHIN):
            await member.placed.wait()
        assert member.assigned
        yield probe
    finally:
        await member.stop()


async def test_everything_sent_becomes_an_entry(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """From both topics and every partition, bad input and 2 MB included; a restart takes nothing twice."""
    cases = Publisher()
    records = cases.reads(300)
    bad: list[bytes | None] = [b"not JSON", b"\0", None, b"\0" * (2 * 1024 * 1024)]
    await send(producer, topics[0], [*records[:150]])
    await send(producer, topics[1], [*bad, *records[100:]])
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        async with consuming(broker, world.keeper, topics, group) as probe:
            await probe.until(lambda seen: sum(seen) == 304)
        more = cases.reads(20)
        await send(producer, topics[0], [*more])
        async with consuming(broker, world.keeper, topics, group) as probe:
            await probe.until(lambda seen: sum(seen) == 20)
        held = await leaves(world)
        assert sorted(held) == sorted([*records, *more])
        await check_log(world, held)
        assert sorted(await leaves(world, UNPARSABLE)) == sorted(
            [b"not JSON", b"\0", b"", oversize_leaf(b"\0" * (2 * 1024 * 1024))]
        )


async def test_partitions_are_read_evenly(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """However much one partition holds, the others' records come in the same batches; and nothing is left out."""
    cases = Publisher()
    for partition, count in enumerate((60, 9, 30)):
        await send(producer, topics[0], [*cases.reads(count)], partition=partition)
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        async with consuming(broker, world.keeper, topics[:1], group, max_records=9) as probe:
            await probe.until(lambda seen: sum(seen) == 99)
        taken = await world.pool.fetch("SELECT partition, record_offset FROM entries ORDER BY position")
        logged = await world.pool.fetch("SELECT size FROM checkpoints ORDER BY size")
    begins = [0, *(row["size"] for row in logged)]
    batches = [[row["partition"] for row in taken[first:end]] for first, end in pairwise(begins)]
    assert max(map(len, batches)) == 9
    # At first all may not have arrived yet; as long as each has records, and more have arrived than a batch takes, each has its share.
    whole = [batch for batch in batches if len(batch) == 9 and len(set(batch)) == 3]
    assert whole
    assert all(Counter(batch)[1] == 3 for batch in whole[:2])


@asynccontextmanager
async def held_up(
    broker: str, keeper: Keeper, topics: list[str], group: str, probe: Probe[int]
) -> AsyncIterator[tuple[Consumption, Probe[int], asyncio.Event]]:
    """One instance, a probe that is told how many records it got each time, and what lets its batches into the database."""
    read: Probe[int] = Probe()
    free = asyncio.Event()
    add = keeper.add

    async def added(indexed: Indexed) -> int:
        await free.wait()
        return await add(indexed)

    keeper.add = added  # type: ignore[method-assign]
    member = Consumption(broker, keeper, topics=topics, group=group, max_records=50, taken=probe)
    await member.start()
    try:
        assert member._consumer is not None
        getmany = member._consumer.getmany

        async def got(*partitions: TopicPartition, **limits: int) -> dict[TopicPartition, list[object]]:
            records: dict[TopicPartition, list[object]] = await getmany(*partitions, **limits)
            read(sum(map(len, records.values())))
            return records

        member._consumer.getmany = got
        async with asyncio.timeout(WITHIN):
            await member.placed.wait()
        yield member, read, free
    finally:
        free.set()
        await member.stop()


async def test_what_arrives_while_a_batch_is_on_its_way_is_read_into_one(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """Not a small batch after each large one; and never more in one than a batch may have."""
    records = Publisher().reads(105)
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        probe: Probe[int] = Probe()
        async with held_up(broker, world.keeper, topics, group, probe) as (_, read, free):
            end = 0
            for count in (1, 5, 20, 79):
                await send(producer, topics[0], [*records[end : end + count]], partition=0)
                end += count
                goal = min(end, 1 + 50)
                await read.until(lambda seen, goal=goal: sum(seen) >= goal)  # type: ignore[misc]
            free.set()
            await probe.until(lambda seen: sum(seen) == len(records))
            assert probe.seen[:2] == [1, 50]
        await check_log(world, records)


async def test_what_was_read_and_not_given_over_is_lost_to_nobody(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """A second instance joins while a batch is on its way and the next is being read: each record is an entry, once."""
    records = Publisher().reads(60)
    dsn = await migrated("audit", MIGRATIONS)
    async with open_world(dsn) as one, open_world(dsn) as two, Watch(dsn, "logs") as watch:
        async with held_up(broker, one.keeper, topics, group, Probe()) as (first, read, free):
            await send(producer, topics[0], [*records[:30]])
            await read.until(lambda seen: sum(seen) >= 30)
            await send(producer, topics[1], [*records[30:]])
            await read.until(lambda seen: sum(seen) >= 60)
            began = await first._keeper.positions((topics[0], number) for number in range(3))
            assert set(began.values()) == {0}
            second = Consumption(broker, two.keeper, topics=topics, group=group, max_records=50)
            await second.start()
            try:
                free.set()
                async with asyncio.timeout(WITHIN):
                    await second.placed.wait()
                await watch.until("SELECT sum(size)::int FROM logs", gives=60)
            finally:
                await second.stop()
        await check_log(one, await leaves(one))
        assert sorted(await leaves(one)) == sorted(records)


async def test_the_brokers_offsets_are_only_hints(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """Committed too far ahead, or lost: what is taken is what the database says is next."""
    records = Publisher().reads(30)
    await send(producer, topics[0], [*records], partition=1)
    place = TopicPartition(topics[0], 1)
    other = AIOKafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False)
    await other.start()
    other.assign([place])
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await other.commit({place: OffsetAndMetadata(25, "")})
        async with consuming(broker, world.keeper, topics, group) as probe:
            await probe.until(lambda seen: sum(seen) == 30)
        await other.commit({place: OffsetAndMetadata(0, "")})
        again = Publisher(seed=7, source="/services/meetings").reads(5)
        await send(producer, topics[0], [*again], partition=1)
        async with consuming(broker, world.keeper, topics, group) as probe:
            seen = await probe.until(lambda seen: sum(seen) == 5)
            assert 0 not in seen
        await check_log(world, [*records, *again])
    await other.stop()


async def test_two_instances_share_and_a_third_takes_over(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """Members come and go while records arrive: none is lost or doubled, and no log forks."""
    publishers = [Publisher(seed=seed, source=f"/services/{name}") for seed, name in enumerate(("cases", "meetings"))]
    records = [p.read(scope=(NOTODDEN, SKIEN)[at % 2]) for at in range(200) for p in publishers]
    dsn = await migrated("audit", MIGRATIONS)
    async with open_world(dsn) as one, open_world(dsn) as two, Watch(dsn, "logs") as watch:
        async with consuming(broker, one.keeper, topics, group, 20) as first:
            await send(producer, topics[0], [*records[:150]])
            await first.until(lambda seen: sum(seen) >= 50)
            async with consuming(broker, two.keeper, topics, group, 20) as second:
                await send(producer, topics[1], [*records[150:300]])
                await second.until(lambda seen: sum(seen) >= 20)
            await send(producer, topics[0], [*records[300:]])
            await watch.until("SELECT sum(size)::int FROM logs", gives=len(records))
        for log, parity in ((NOTODDEN, 0), (SKIEN, 1)):
            held = await leaves(one, log)
            expected = [record for at, record in enumerate(records) if at // 2 % 2 == parity]
            assert sorted(held) == sorted(expected)
            await check_log(one, held, log)


async def test_the_database_goes_away_and_comes_back(
    migrated: Migrated,
    broker: str,
    topics: list[str],
    group: str,
    producer: AIOKafkaProducer,
    postgres_proxy: FaultProxy,
) -> None:
    """Connections cut in the middle of batches: it waits, and goes on where the database says."""
    records = Publisher().reads(400)
    await send(producer, topics[0], [*records], partition=0)
    dsn = await migrated("audit", MIGRATIONS)
    async with open_world(through(postgres_proxy, dsn)) as world, open_world(dsn) as direct:
        async with consuming(broker, world.keeper, topics, group, 20), Watch(dsn, "logs") as watch:
            for goal in (40, 140, 240, 340):
                await watch.until("SELECT size >= $1 FROM logs", goal)
                postgres_proxy.cut()
            await watch.until("SELECT size FROM logs", gives=400)
        await check_log(direct, records)


async def test_a_lost_commit_answer_is_no_loss_and_no_double(
    migrated: Migrated,
    broker: str,
    topics: list[str],
    group: str,
    producer: AIOKafkaProducer,
    postgres_proxy: FaultProxy,
) -> None:
    """The batch is in, but the instance was not told: it begins again where the database says."""
    records = Publisher().reads(100)
    dsn = await migrated("audit", MIGRATIONS)
    async with open_world(through(postgres_proxy, dsn), pools=1) as world, open_world(dsn) as direct:
        async with consuming(broker, world.keeper, topics, group), Watch(dsn, "logs") as watch:
            for at in range(0, 100, 20):
                lost = postgres_proxy.lose_next_answer()
                await send(producer, topics[0], [*records[at : at + 20]], partition=2)
                await lost
                await watch.until("SELECT size FROM logs", gives=at + 20)
        await check_log(direct, records)


async def test_a_consumer_that_stands_still_in_silence_begins_anew(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """Its client gives it nothing more, or its loop has ended: records wait, so it is not ready, and joins the group again."""
    records = Publisher().reads(30)
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        probe: Probe[int] = Probe()
        member = Consumption(broker, world.keeper, topics=topics, group=group, stall_seconds=0.2, taken=probe)
        await member.start()
        try:
            await send(producer, topics[0], [*records[:10]], partition=0)
            await probe.until(lambda seen: sum(seen) == 10)
            assert member.assigned
            before = member.begun
            silent = member._consumer
            assert silent is not None
            silent.pause(*silent.assignment())
            await send(producer, topics[0], [*records[10:20]], partition=0)
            await probe.until(lambda seen: sum(seen) == 20)
            assert not member.stalled
            assert member.begun > before
            before = member.begun
            assert member._task is not None
            member._task.cancel()
            await send(producer, topics[0], [*records[20:]], partition=0)
            await probe.until(lambda seen: sum(seen) == 30)
            assert member.begun > before
        finally:
            await member.stop()
        await check_log(world, records)


async def test_a_quiet_bus_is_no_standstill(
    migrated: Migrated, broker: str, topics: list[str], group: str, producer: AIOKafkaProducer
) -> None:
    """Nothing waits, so it keeps its place, however often it looks."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        looked: Probe[int] = Probe()
        positions = world.keeper.positions

        async def counted(partitions: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
            looked(1)
            return await positions(partitions)

        world.keeper.positions = counted  # type: ignore[method-assign]
        member = Consumption(broker, world.keeper, topics=topics, group=group, stall_seconds=0.05)
        await member.start()
        try:
            await looked.take(5)
            assert (member.stalled, member.begun) == (False, 1)
        finally:
            await member.stop()
