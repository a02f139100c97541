"""Signals to wait on. A test never sleeps: it is told when a record arrives, when a row changes, when something happened."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Generic, TypeAlias, TypeVar

import asyncpg
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

T = TypeVar("T")
Record: TypeAlias = ConsumerRecord

WITHIN: Final = 30.0
"""Seconds after which a wait has failed; generous, because it only matters when the code is broken."""
CHANNEL: Final = "a_test_watches"


class Probe(Generic[T]):
    """Collects what the code under test reports, and lets the test wait for it."""

    def __init__(self) -> None:
        self.seen: list[T] = []
        self._changed = asyncio.Event()

    def __call__(self, value: T) -> None:
        """Report `value`; to be called on the event loop's thread."""
        self.seen.append(value)
        self._changed.set()

    async def until(self, holds: Callable[[list[T]], bool], within: float = WITHIN) -> list[T]:
        """Return everything seen so far, as soon as `holds` of it.

        Raises:
            TimeoutError: that does not happen in `within` seconds.
        """
        async with asyncio.timeout(within):
            while not holds(self.seen):
                self._changed.clear()
                await self._changed.wait()
        return list(self.seen)

    async def take(self, count: int, within: float = WITHIN) -> list[T]:
        """Return the first `count` values, as soon as there are so many."""
        return (await self.until(lambda seen: len(seen) >= count, within))[:count]


class TopicReader:
    """Reads a topic from its beginning, outside any consumer group.

    Args:
        broker: bootstrap servers.
        topics: what to read; they exist already.
    """

    def __init__(self, broker: str, *topics: str) -> None:
        self._broker = broker
        self._topics = topics
        self._consumer: AIOKafkaConsumer | None = None
        self.records: list[Record] = []
        """Everything read so far; in order within a partition."""

    async def __aenter__(self) -> TopicReader:
        """Assign every partition of the topics."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._broker,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=100,
        )
        await consumer.start()
        self._consumer = consumer
        partitions = []
        for topic in self._topics:
            known = await _partitions(consumer, topic)
            partitions += [TopicPartition(topic, number) for number in known]
        consumer.assign(partitions)
        await consumer.seek_to_beginning(*partitions)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop reading."""
        if self._consumer is not None:
            await self._consumer.stop()

    async def until(self, holds: Callable[[list[Record]], bool], within: float = WITHIN) -> list[Record]:
        """Return everything read so far, as soon as `holds` of it.

        Raises:
            TimeoutError: that does not happen in `within` seconds.
        """
        assert self._consumer is not None, "a reader is used inside `async with`"
        async with asyncio.timeout(within):
            while not holds(self.records):
                self.records.append(await self._consumer.getone())
        return list(self.records)

    async def take(self, count: int, within: float = WITHIN) -> list[Record]:
        """Return the first `count` records, as soon as there are so many."""
        return (await self.until(lambda records: len(records) >= count, within))[:count]

    async def rest(self, within: float = WITHIN) -> list[Record]:
        """Return everything up to what is now each partition's end."""
        assert self._consumer is not None, "a reader is used inside `async with`"
        ends = await self._consumer.end_offsets(self._consumer.assignment())
        async with asyncio.timeout(within):
            for partition, end in ends.items():
                while await self._consumer.position(partition) < end:
                    self.records.append(await self._consumer.getone())
        return list(self.records)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    consumer.subscribe([topic])
    found = consumer.partitions_for_topic(topic) or set()
    if not found:
        await consumer._client.force_metadata_update()
        found = consumer.partitions_for_topic(topic) or set()
    consumer.unsubscribe()
    return found


class Watch:
    """Waits for what is in a database's tables: statement triggers tell it when to look again.

    Args:
        dsn: the database.
        tables: those whose changes are worth a look.
    """

    def __init__(self, dsn: str, *tables: str) -> None:
        self._dsn = dsn
        self._tables = tables
        self._changed = asyncio.Event()
        self._connection: asyncpg.Connection | None = None

    async def __aenter__(self) -> Watch:
        """Set the triggers and listen."""
        self._connection = await asyncpg.connect(self._dsn)
        await self._connection.execute(
            f"""create or replace function tell_{CHANNEL}() returns trigger language plpgsql as
                $$ begin perform pg_notify('{CHANNEL}', tg_table_name); return null; end $$"""
        )
        for table in self._tables:
            await self._connection.execute(
                f"""create or replace trigger {CHANNEL} after insert or update or delete on {table}
                    for each statement execute function tell_{CHANNEL}()"""
            )
        await self._connection.add_listener(CHANNEL, lambda *_: self._changed.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening."""
        if self._connection is not None:
            await self._connection.close()

    async def until(self, query: str, *args: object, gives: object = True, within: float = WITHIN) -> None:
        """Wait until the first value of `query` is `gives`.

        Raises:
            TimeoutError: that does not happen in `within` seconds; the message tells the value it had.
        """
        assert self._connection is not None, "a watch is used inside `async with`"
        found: object = None
        try:
            async with asyncio.timeout(within):
                while True:
                    self._changed.clear()
                    found = await self._connection.fetchval(query, *args)
                    if found == gives:
                        return
                    await self._changed.wait()
        except TimeoutError as error:
            raise TimeoutError(f"{query} gave {found!r} to the end, not {gives!r}") from error
