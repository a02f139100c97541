"""Several instances that each believe they are alone: killed at every step, frozen, started twice. No log ever forks.

Every checkpoint that was ever committed is compared with RFC 6962's definition over the entries that the log holds in the end:
where each is the root of a prefix of the same entries, any two of them are consistent.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import asyncpg
import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import open_note
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Watch
from tests.chaos.audit_process import Orders
from tests.chaos.test_audit_killed import ANNOUNCING, STEPS, instance
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, ORIGIN, SIGNER, SKIEN, Publisher, open_world
from tests.integration.test_audit_consumption import send
from tests.integration.test_audit_faults import tree_hash

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.story(23, 24)]

WITHIN = 120.0
PARTITIONS = 3


@pytest_asyncio.fixture
async def producer(broker: str) -> AsyncIterator[AIOKafkaProducer]:
    """A producer that waits for every acknowledgement."""
    made = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    await made.start()
    yield made
    await made.stop()


class Waves:
    """Publishes two municipalities' records, a few at a time, over every partition."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._cases = Publisher()
        self.sent: dict[str, list[bytes]] = {NOTODDEN: [], SKIEN: []}

    async def another(self, count: int = 12) -> None:
        """Publish so many records more, a seal among them."""
        for log in self.sent:
            records = [*self._cases.reads(count // 2, scope=log), self._cases.seal(log)]
            self.sent[log] += records
            for partition in range(PARTITIONS):
                await send(self._producer, self._topic, [*records[partition::PARTITIONS]], partition=partition)

    @property
    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self.sent.values()))


async def check_every_checkpoint(dsn: str, sent: dict[str, list[bytes]]) -> int:
    """Check that each log holds what was sent, once, and that all its checkpoints are of one history; return how many."""
    connection = await asyncpg.connect(dsn)
    checked = 0
    try:
        for log, records in sent.items():
            rows = await connection.fetch("SELECT position, leaf FROM entries WHERE log = $1 ORDER BY position", log)
            leaves = [row["leaf"] for row in rows]
            assert [row["position"] for row in rows] == list(range(len(rows)))
            assert sorted(leaves) == sorted(records)
            verifier = SIGNER.named(f"{ORIGIN}/{log}").verifier
            for row in await connection.fetch("SELECT note FROM checkpoints WHERE log = $1 ORDER BY size", log):
                signed = Checkpoint.parse(open_note(row["note"].encode(), [verifier]))
                assert signed.root == tree_hash(leaves[: signed.size]), f"{log} forked at {signed.size}"
                checked += 1
            assert signed.size == len(leaves)
        assert await connection.fetchval("SELECT count(*) FROM findings") == 0
    finally:
        await connection.close()
    return checked


async def test_one_dies_at_every_step_while_another_works(
    migrated: Migrated, broker: str, new_topic: NewTopicName, group: str, producer: AIOKafkaProducer
) -> None:
    """The rival, which has the same partitions, goes on; each victim dies in a batch that it was allowed to begin."""
    topic = await new_topic("rivals", partitions=PARTITIONS)
    dsn = await migrated("audit", MIGRATIONS)
    waves = Waves(producer, topic)
    orders = Orders(dsn=dsn, broker=broker, topics=[topic], group=group, batch=8)
    async with instance(orders), Watch(dsn, "logs") as watch:
        # A log's key is announced once, by whoever comes first: nobody who comes later reaches that step.
        for nth, step in enumerate(dict.fromkeys(step for step, _ in STEPS if step != ANNOUNCING)):
            dying = orders.model_copy(update={"group": f"{group}.{nth}", "step": step, "before": False})
            async with instance(dying) as victim:
                dead = asyncio.create_task(victim.wait())
                async with asyncio.timeout(WITHIN):
                    while not dead.done():
                        await waves.another()
                        await watch.until("SELECT sum(size)::int FROM logs", gives=waves.count, within=WITHIN)
                        await asyncio.wait({dead}, timeout=0.3)
                assert victim.returncode == -signal.SIGKILL, step
    assert await check_every_checkpoint(dsn, waves.sent) > len(STEPS)


async def test_frozen_and_woken_by_turns(
    migrated: Migrated, broker: str, new_topic: NewTopicName, group: str, producer: AIOKafkaProducer
) -> None:
    """Three instances of the same partitions; one after the other is stopped wherever it is, and wakes when others went on."""
    topic = await new_topic("frozen", partitions=PARTITIONS)
    dsn = await migrated("audit", MIGRATIONS)
    waves = Waves(producer, topic)
    orders = Orders(dsn=dsn, broker=broker, topics=[topic], group=group, batch=8)
    async with AsyncExitStack() as stack, Watch(dsn, "logs") as watch:
        processes = [
            await stack.enter_async_context(instance(orders.model_copy(update={"group": f"{group}.{nth}"})))
            for nth in range(3)
        ]
        for frozen in itertools.islice(itertools.cycle(processes), 9):
            await waves.another(30)
            frozen.send_signal(signal.SIGSTOP)
            await waves.another(30)
            await watch.until("SELECT sum(size)::int FROM logs", gives=waves.count, within=WITHIN)
            frozen.send_signal(signal.SIGCONT)
        await waves.another()
        await watch.until("SELECT sum(size)::int FROM logs", gives=waves.count, within=WITHIN)
        assert [process.returncode for process in processes] == [None] * 3
    async with open_world(dsn) as world:
        assert await world.keeper.compare_seals() == 38
        assert await world.pool.fetchval("SELECT bool_and(agrees) FROM seal_checks")
    assert await check_every_checkpoint(dsn, waves.sent) > 38
