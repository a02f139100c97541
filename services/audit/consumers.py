"""Takes every topic's records, as the raw bytes they are, into the logs.

The position in the database says what is taken; it moves in the transaction that takes. So a partition is always read from
there, whatever the broker remembers, and of two instances that both believe they have a partition one is fenced. The offsets
committed to the broker are for whoever looks at the consumer group's lag.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Final

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import KafkaError

from services.audit.domain.entry import Received
from services.audit.errors import AuditError, FencedError, HeadDamagedError, PositionLostError
from services.audit.keeper import Batch, Keeper
from shared.observability import describe_exception
from shared.records import read_every_record

GROUP: Final = "audit"
MAX_RECORDS: Final = 2000
"""Records in one transaction at most."""
POLL_SECONDS: Final = 0.2
HINT_SECONDS: Final = 1.0
"""How often at most the offsets are committed to the broker."""
LONGEST_PAUSE: Final = 5.0

_LASTING: Final = frozenset({HeadDamagedError.code, PositionLostError.code})
"""Trouble that does not go away by waiting: somebody has to look."""

log = structlog.get_logger(__name__)

read_every_record()


class Consumption(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Reads the topics as one member of the consumer group, and gives what it reads to the keeper."""

    def __init__(
        self,
        bootstrap_servers: str,
        keeper: Keeper,
        *,
        topics: Sequence[str],
        group: str = GROUP,
        max_records: int = MAX_RECORDS,
        taken: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Read `topics`; `taken` is called after each batch with the number of new entries."""
        self._bootstrap_servers = bootstrap_servers
        self._keeper = keeper
        self._topics = tuple(topics)
        self.group = group
        self._max_records = max_records
        self._taken = taken
        self._consumer: AIOKafkaConsumer | None = None
        self._expected: dict[TopicPartition, int] = {}
        self._hinted = 0.0
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._idle = asyncio.Lock()
        self.placed = asyncio.Event()
        """Set while it has partitions and knows where the logs stand in them."""
        self.trouble: str | None = None
        """The code of what keeps it from taking records at present."""

    @property
    def assigned(self) -> bool:
        """Whether it has its place in the group, knows where the logs stand, and nothing is wrong with them."""
        return self.placed.is_set() and self.trouble not in _LASTING

    @property
    def waiting(self) -> bool:
        """Whether the last batch failed and is being tried again."""
        return self.trouble is not None

    async def start(self) -> None:
        """Join the group and begin to read.

        Raises:
            KafkaError: the broker cannot be reached, or refuses.
        """
        self._stopping.clear()
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap_servers,
            group_id=self.group,
            client_id=f"lagspill-{self.group}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            metadata_max_age_ms=30_000,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        consumer.subscribe(topics=list(self._topics), listener=self)
        self._consumer = consumer
        self._task = asyncio.create_task(self._run(consumer), name="audit-consumption")

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group; stopping what was not started does nothing."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None
        self._expected.clear()
        self.placed.clear()

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Let the batch in hand finish before another instance begins."""
        self.placed.clear()
        async with self._idle:
            for partition in revoked:
                self._expected.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Forget where they stood; the loop asks the database."""
        async with self._idle:
            for partition in assigned:
                self._expected.pop(partition, None)

    async def _run(self, consumer: AIOKafkaConsumer) -> None:
        pause = 0.0
        while not self._stopping.is_set():
            try:
                await self._step(consumer)
            except FencedError:
                log.info("fenced by another instance", consumer=self.group)
                self._expected.clear()
            except Exception as error:  # noqa: BLE001  # whatever it is: a loop that ended in silence would look like a quiet bus
                self.trouble = error.code if isinstance(error, AuditError) else type(error).__name__
                log.error("batch not taken", consumer=self.group, code=self.trouble, **describe_exception(error))  # noqa: TRY400
                self._expected.clear()
                pause = min(LONGEST_PAUSE, pause * 2 or 0.1)
                await self._rest(pause)
            else:
                self.trouble = None
                pause = 0.0

    async def _rest(self, seconds: float) -> None:
        """Pause, unless it is time to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        fetched: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            timeout_ms=int(POLL_SECONDS * 1000), max_records=self._max_records
        )
        async with self._idle:
            unplaced = set(consumer.assignment()) - self._expected.keys()
            if unplaced:
                await self._place(consumer, unplaced)
            batches = {
                partition: self._batch(partition, records)
                for partition, records in fetched.items()
                if partition in self._expected and partition not in unplaced and records
            }
            if batches:
                await self._take(consumer, batches)

    async def _place(self, consumer: AIOKafkaConsumer, partitions: set[TopicPartition]) -> None:
        """Go to where the logs stand; what was fetched from elsewhere in the meantime is not looked at.

        Raises:
            PositionLostError: a partition ends before that.
        """
        positions = await self._keeper.positions((partition.topic, partition.partition) for partition in partitions)
        ends = await consumer.end_offsets(list(partitions))
        for partition in partitions:
            position = positions[partition.topic, partition.partition]
            if ends[partition] < position:
                raise PositionLostError
            if partition in consumer.assignment():
                consumer.seek(partition, position)
                self._expected[partition] = position
        self.placed.set()

    def _batch(self, partition: TopicPartition, records: Sequence[ConsumerRecord]) -> Batch:
        expected = self._expected[partition]
        if records[0].offset < expected:
            raise PositionLostError  # the broker has gone back by itself: the offset that was asked for is not there
        received = [Received(record.topic, record.partition, record.offset, record.value) for record in records]
        return Batch(expected, records[-1].offset + 1, received)

    async def _take(self, consumer: AIOKafkaConsumer, batches: Mapping[TopicPartition, Batch]) -> None:
        added = await self._keeper.take(
            {(partition.topic, partition.partition): batch for partition, batch in batches.items()}
        )
        for partition, batch in batches.items():
            self._expected[partition] = batch.then
        self._taken(added)
        if monotonic() - self._hinted >= HINT_SECONDS:
            self._hinted = monotonic()
            try:
                await consumer.commit({p: at for p, at in self._expected.items() if p in consumer.assignment()})
            except KafkaError as error:
                log.info("offsets not committed", consumer=self.group, **describe_exception(error))

    def lag(self) -> dict[tuple[str, int], int]:
        """Return how many records each assigned partition holds that are not in the logs, as far as is known."""
        if self._consumer is None:
            return {}
        behind = {}
        for partition, expected in self._expected.items():
            end = self._consumer.highwater(partition)
            if end is not None:
                behind[partition.topic, partition.partition] = max(0, end - expected)
        return behind
