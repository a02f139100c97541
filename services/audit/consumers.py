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

from services.audit import store
from services.audit.batch import Batch, Indexed, Reading
from services.audit.domain.entry import Received
from services.audit.errors import AuditError, FencedError, HeadDamagedError, PositionLostError, RetiredKeyError
from services.audit.keeper import Keeper
from services.audit.reading import READER, gathering
from shared.bus import Bus
from shared.observability import describe_exception
from shared.records import read_every_record

GROUP: Final = "audit"
MAX_RECORDS: Final = 8000
"""Records in one transaction at most: a tenth of a second of the database's time. Each log in it is signed once, however many they
are."""
FETCH_BYTES: Final = 2 * 1024 * 1024
"""Of each partition at once. Partitions read evenly run dry together: what comes next is there before the batch in hand is in."""
FETCH_WAIT_MS: Final = 100
"""How long the broker may keep a request for partitions that have nothing. While it does, the client asks for no other partition
of the same broker: with the client's own half second, a partition that has thousands waits for its neighbours that have none.
"""
POLL_SECONDS: Final = 0.2
FETCH_RECORDS: Final = 512
"""Taken from the client at once. It unpacks them in one go, and what is on its way into the database waits for that."""
TOP_UP_SECONDS: Final = 0.005
"""How often it looks for what else has arrived, while the batch before is on its way."""
HINT_SECONDS: Final = 1.0
"""How often at most the offsets are committed to the broker."""
LONGEST_PAUSE: Final = 5.0
STALL_SECONDS: Final = 30.0
"""How long records may wait untouched before the consumer is taken for dead."""
LONGEST_STALL: Final = 300.0
PROBE_SECONDS: Final = 20.0
LEAVE_SECONDS: Final = 10.0

_LASTING: Final = frozenset({HeadDamagedError.code, PositionLostError.code, RetiredKeyError.code})
"""Trouble that does not go away by waiting: somebody has to look."""

log = structlog.get_logger(__name__)

read_every_record()


class Consumption(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Reads the topics as one member of the consumer group, and gives what it reads to the keeper."""

    def __init__(
        self,
        bus: Bus | str,
        keeper: Keeper,
        *,
        topics: Sequence[str],
        group: str = GROUP,
        max_records: int = MAX_RECORDS,
        stall_seconds: float = STALL_SECONDS,
        taken: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Read `topics`; `taken` is called after each batch with the number of new entries.

        When records wait and none is taken for `stall_seconds`, it leaves the group and begins anew with another client.
        """
        self._bus = Bus.at(bus)
        self._keeper = keeper
        self._topics = tuple(topics)
        self.group = group
        self._max_records = max_records
        self._stall_seconds = stall_seconds
        self._taken = taken
        self._consumer: AIOKafkaConsumer | None = None
        self._expected: dict[TopicPartition, int] = {}
        self._hinted = 0.0
        self._unhinted: dict[TopicPartition, int] = {}
        self._batches = 0
        self._task: asyncio.Task[None] | None = None
        self._adding: asyncio.Task[None] | None = None
        self._spent: Indexed | None = None
        """The last batch that is in. Its thousands of objects are let go while the database is busy with the next."""
        self._watching: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._idle = asyncio.Lock()
        self.placed = asyncio.Event()
        """Set while it has partitions and knows where the logs stand in them."""
        self.trouble: str | None = None
        """The code of what keeps it from taking records at present."""
        self.stalled = False
        """Whether records wait and none was taken for a while, with no other trouble known."""
        self.begun = 0
        """How often it has begun to read: once, and once more for each time that it stood still."""

    @property
    def assigned(self) -> bool:
        """Whether it has its place in the group, knows where the logs stand, and nothing is wrong with them."""
        return self.placed.is_set() and self.trouble not in _LASTING and not self.stalled

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
        log.info("records are read", consumer=self.group, kind=READER)
        await self._begin()
        self._watching = asyncio.create_task(self._watch(), name="audit-consumption-watch")

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group; stopping what was not started does nothing."""
        self._stopping.set()
        if self._watching is not None:
            await asyncio.gather(self._watching, return_exceptions=True)
            self._watching = None
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self._leave()

    async def _begin(self) -> None:
        consumer = AIOKafkaConsumer(
            **self._bus.options(),
            group_id=self.group,
            client_id=f"lagspill-{self.group}",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=FETCH_BYTES,
            fetch_max_wait_ms=FETCH_WAIT_MS,
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
        self.begun += 1

    async def _leave(self) -> None:
        """Let go of the consumer, whatever state it is in."""
        consumer, self._consumer = self._consumer, None
        self._expected.clear()
        self.placed.clear()
        if consumer is not None:
            try:
                async with asyncio.timeout(LEAVE_SECONDS):
                    await consumer.stop()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("the group was not left", consumer=self.group, **describe_exception(error))

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Let the batch in hand finish before another instance begins."""
        self.placed.clear()
        async with self._idle:
            await self._until_added()
            for partition in revoked:
                self._expected.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Forget where they stood; the loop asks the database."""
        async with self._idle:
            await self._until_added()
            for partition in assigned:
                self._expected.pop(partition, None)

    async def _run(self, consumer: AIOKafkaConsumer) -> None:
        pause = 0.0
        try:
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
        finally:
            await self._until_added()

    async def _rest(self, seconds: float) -> None:
        """Pause, unless it is time to stop."""
        try:
            await asyncio.wait_for(self._stopping.wait(), seconds)
        except TimeoutError:
            return

    # --- standing still -----------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        """Begin anew when records wait and none is taken, whatever the reason is: a client can lose its place in silence."""
        before: dict[store.Partition, int] = {}
        seen = 0
        patience = self._stall_seconds
        while not self._stopping.is_set():
            await self._rest(patience)
            ended = self._task is None or self._task.done()
            at_work = self._batches != seen or self._adding is not None or self.trouble in _LASTING
            patience = patience if self._batches == seen else self._stall_seconds
            seen = self._batches
            if self._stopping.is_set() or (at_work and not ended):
                continue
            try:
                behind = await self._behind()
                # Others may take what waits: then it moves.
                stuck = {partition for partition, position in behind.items() if before.get(partition) == position}
                before = behind
                self.stalled = bool(stuck)
                if stuck or ended:
                    log.error("stands still; begins anew", consumer=self.group, count=len(stuck))
                    await self._begin_anew()
                    before = {}
                    patience = min(LONGEST_STALL, patience * 2)  # joining takes its time, too
            except Exception as error:  # noqa: BLE001  # this watches over everything else, so nothing may end it
                log.warning("cannot tell whether it stands still", consumer=self.group, **describe_exception(error))

    async def _behind(self) -> dict[store.Partition, int]:
        """Return where the logs stand in each partition that has more, as a client of its own sees it."""
        other = AIOKafkaConsumer(**self._bus.options(), client_id=f"lagspill-{self.group}-watch")
        async with asyncio.timeout(PROBE_SECONDS):
            try:
                await other.start()
                other.subscribe(list(self._topics))
                await other._client.force_metadata_update()  # else it knows the topics in five minutes
                partitions = [
                    TopicPartition(topic, number)
                    for topic in self._topics
                    for number in other.partitions_for_topic(topic) or ()
                ]
                ends = await other.end_offsets(partitions)
            finally:
                await other.stop()
        positions = await self._keeper.positions((each.topic, each.partition) for each in partitions)
        return {
            (each.topic, each.partition): position
            for each in partitions
            if (position := positions[each.topic, each.partition]) < ends[each]
        }

    async def _begin_anew(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._leave()
        await self._begin()

    # --- a batch ------------------------------------------------------------------------------------------------------

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        """Read a batch while the one before is on its way into the database; give it over when that one is in.

        Until then it takes in what arrives. A small batch would be in at once, and the large one after it read while the
        database has nothing to do.
        """
        reading = Reading(gathering())
        given = False
        while not given:
            asked = min(FETCH_RECORDS, self._max_records - reading.count)
            fetched = await self._fetch(consumer, asked, wait=self._adding is None and not reading.count)
            dry = sum(map(len, fetched.values())) < asked
            if not fetched and self._adding is not None:
                await asyncio.wait({self._adding}, timeout=TOP_UP_SECONDS)
            async with self._idle:
                reading = await self._read(consumer, reading, fetched)
                free = self._adding is None or self._adding.done()
                given = (dry and free) or reading.count >= self._max_records or self._stopping.is_set()
                if given:
                    await self._give_over(reading)
        await self._hint(consumer)

    async def _read(
        self, consumer: AIOKafkaConsumer, reading: Reading, fetched: Mapping[TopicPartition, Sequence[ConsumerRecord]]
    ) -> Reading:
        """Read what was fetched, too, and return the batch; a new one where this instance has lost what it was reading."""
        if not reading.continues({(each.topic, each.partition): at for each, at in self._expected.items()}):
            self._expected.clear()
            reading = Reading(gathering())
        unplaced = set(consumer.assignment()) - self._expected.keys()
        if unplaced:
            await self._added()
            await self._place(consumer, unplaced)
        batches = {
            partition: self._batch(partition, records)
            for partition, records in fetched.items()
            if partition in self._expected and partition not in unplaced and records
        }
        await reading.read({(each.topic, each.partition): batch for each, batch in batches.items()})
        self._spent = None
        self._expected |= {partition: batch.then for partition, batch in batches.items()}
        return reading

    async def _give_over(self, reading: Reading) -> None:
        indexed = await reading.finish()
        await self._added()
        if reading.count:
            self._adding = asyncio.create_task(self._add(indexed), name="audit-batch")

    async def _fetch(
        self, consumer: AIOKafkaConsumer, count: int, *, wait: bool
    ) -> dict[TopicPartition, list[ConsumerRecord]]:
        """Return the next records, at most `count`, of each partition about as many; `wait` a while if there are none.

        By itself the client empties one partition after the other. But each service's numbers run over all of them, and what is
        read unevenly leaves the log with thousands of short-lived holes to remember.
        """
        share = max(1, count // max(1, len(consumer.assignment())))
        taken: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            timeout_ms=int(POLL_SECONDS * 1000) if wait else 0, max_records=share
        )
        if taken:
            for partition in sorted(consumer.assignment()):
                left = count - sum(map(len, taken.values()))
                await _take(consumer, taken, min(left, share - len(taken.get(partition, ()))), partition)
            await _take(consumer, taken, count - sum(map(len, taken.values())))
        return taken

    async def _add(self, indexed: Indexed) -> None:
        added = await self._keeper.add(indexed)
        self._spent = indexed
        self._batches += 1
        self.stalled = False
        self._unhinted |= {TopicPartition(*partition): then for partition, (_, then) in indexed.steps.items()}
        self._taken(added)

    async def _added(self) -> None:
        """Wait until the batch on its way is in.

        Raises:
            Exception: whatever kept it out; then nothing of it is in.
        """
        adding = self._adding
        if adding is not None:
            try:
                await adding
            finally:
                self._adding = None

    async def _until_added(self) -> None:
        """Wait until no batch is on its way; what kept it out is for the loop to see."""
        if self._adding is not None:
            await asyncio.wait({self._adding})

    async def _hint(self, consumer: AIOKafkaConsumer) -> None:
        """Tell the broker now and then how far the logs are."""
        if self._unhinted and monotonic() - self._hinted >= HINT_SECONDS:
            self._hinted = monotonic()
            hints = {p: at for p, at in self._unhinted.items() if p in consumer.assignment()}
            self._unhinted = {}
            try:
                if hints:
                    await consumer.commit(hints)
            except KafkaError as error:
                log.info("offsets not committed", consumer=self.group, **describe_exception(error))

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


async def _take(
    consumer: AIOKafkaConsumer,
    taken: dict[TopicPartition, list[ConsumerRecord]],
    count: int,
    *partitions: TopicPartition,
) -> None:
    """Add at most so many of the records that have arrived (from these partitions, or from any) to those taken."""
    if count > 0:
        more: dict[TopicPartition, list[ConsumerRecord]] = await consumer.getmany(
            *partitions, timeout_ms=0, max_records=count
        )
        for partition, records in more.items():
            taken.setdefault(partition, []).extend(records)
