"""Kafka as every consumer here uses it: FastStream batch subscribers with defaults that lose nothing.

FastStream's own defaults acknowledge before the work is done and begin at the end of a topic. Here a batch is handed over
as the raw records (nothing is decoded before us, so a record that cannot be decoded still arrives), its offsets are
committed only after the work is done, a failure is followed by a pause and the same batch again, and a rebalance waits for
the batch in hand. Offsets are a hint all the same: what keeps an effect from happening twice is the inbox.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.message import AckStatus

from shared.bus import Bus
from shared.observability import describe_exception
from shared.records import read_every_record

WATERMARKS_TOPIC: Final = "lagspill.watermarks.v1"
"""Where each service's relay says up to when its outbox is drained. Compacted, and no part of the log."""

_POLL_MILLISECONDS: Final = 5
"""FastStream sleeps this long after an empty poll, deaf to what arrives: long enough to idle cheaply, too short to notice."""
_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 5.0
_ASK_SECONDS: Final = 5.0
"""How long the broker may take to say where a partition ends, or to take note of an offset."""
_BATCH_SECONDS: Final = 20.0
"""How long a stop waits for the batch in hand."""
_LEAVE_SECONDS: Final = _BATCH_SECONDS + 10.0

log = structlog.get_logger(__name__)

read_every_record()


class RawRecord(Protocol):
    """One record as it came from the broker, nothing decoded."""

    @property
    def topic(self) -> str:
        """The topic it was read from."""

    @property
    def partition(self) -> int:
        """The partition of that topic."""

    @property
    def offset(self) -> int:
        """Its offset in that partition."""

    @property
    def key(self) -> bytes | None:
        """The Kafka key."""

    @property
    def value(self) -> bytes | None:
        """The exact bytes; None is a tombstone."""

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """Header names and their raw bytes."""


Process = Callable[[Sequence[RawRecord]], Awaitable[None]]
"""Does all the work of one batch, durably, before it returns; raises to be given the batch again."""


class Partition(NamedTuple):
    """One partition of a topic."""

    topic: str
    number: int


class Ends(NamedTuple):
    """Where the partitions of a consumer end, and how far it has come."""

    ends: dict[Partition, int]
    """The offset that the next record of each assigned partition will get."""
    done: dict[Partition, int]
    """The offset up to which each partition's records have had their effect."""
    partitions: dict[str, int]
    """How many partitions each topic has."""


def create_broker(bus: Bus | str, *, client: str) -> KafkaBroker:
    """Return a FastStream broker for consumers; it connects when the first of them starts.

    Args:
        bus: The broker; a text is its addresses, and stands for one without TLS and login.
        client: The name that the broker's own logs and quotas know this process by.
    """
    bus = Bus.at(bus)
    return KafkaBroker(
        bus.addresses,
        security=bus.security(),
        client_id=client,
        consumer_only=True,
        allow_auto_create_topics=False,
        apply_types=False,
        serializer=None,
        metadata_max_age_ms=30_000,
        # FastStream would log an exception's text, and a text may quote content. What happens is logged here, by code.
        logger=None,
        graceful_timeout=_BATCH_SECONDS,
    )


async def missing_topics(bus: Bus | str, topics: Iterable[str]) -> frozenset[str]:
    """Return those of `topics` that the broker does not have.

    Raises:
        KafkaError: no broker answers.
    """
    probe = AIOKafkaConsumer(**Bus.at(bus).options(), request_timeout_ms=5_000)
    try:
        await probe.start()
        return frozenset(topics) - frozenset(await probe.topics())
    finally:
        await probe.stop()


class BatchConsumer:
    """A member of a consumer group that gives every batch to one function until the function has done its work."""

    def __init__(
        self,
        broker: KafkaBroker,
        *,
        group: str,
        topics: Sequence[str],
        process: Process,
        max_records: int = 500,
        session_timeout: float = 10.0,
        drain_timeout: float = 25.0,
    ) -> None:
        """Register with `broker`; nothing is read before `start`.

        Args:
            broker: Made by `create_broker`.
            group: The consumer group; its members share the partitions.
            topics: What is read. They must exist: topics are made from `deploy/topics.yaml`, never by a consumer.
            process: Called with one batch at a time, records of a partition in order.
            max_records: The largest batch.
            session_timeout: Seconds after which the group goes on without a member that went silent.
            drain_timeout: Seconds that a rebalance waits for the batch in hand. One that takes longer is safe, and slower.
        """
        self.group = group
        self.topics = tuple(topics)
        self._broker = broker
        self._process = process
        self._drain_timeout = drain_timeout
        self._done: dict[Partition, int] = {}
        self._assigned = False
        self._failures = 0
        self._interrupt = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._subscriber = broker.subscriber(
            *self.topics,
            batch=True,
            group_id=group,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            no_reply=True,
            max_records=max_records,
            batch_timeout_ms=_POLL_MILLISECONDS,
            session_timeout_ms=int(session_timeout * 1000),
            heartbeat_interval_ms=1_000,
            rebalance_timeout_ms=int((drain_timeout + 5.0) * 1000),
            listener=_DrainListener(self),
            parser=_parse_nothing,
            decoder=_undecoded,
        )
        self._subscriber(self._receive)

    @property
    def assigned(self) -> bool:
        """Whether this member has its place in the group; false while partitions are being moved."""
        return self._assigned

    @property
    def waiting(self) -> bool:
        """Whether the last batch failed and is being tried again."""
        return self._failures > 0

    async def start(self) -> None:
        """Join the group and begin to read.

        Raises:
            KafkaError: no broker answers.
        """
        self._interrupt.clear()
        await self._broker.connect()
        try:
            await self._subscriber.start()
        except BaseException:
            await self._leave()
            raise

    async def stop(self) -> None:
        """Finish the batch in hand, commit its offsets and leave the group. May be called before `start`."""
        self._assigned = False
        self._interrupt.set()
        await self._leave()

    async def ends(self) -> Ends:
        """Ask the broker where the assigned partitions end now.

        Raises:
            KafkaError: the broker does not answer.
            TimeoutError: the same.
        """
        consumer = self._subscriber.consumer
        if consumer is None:
            return Ends({}, {}, {})
        assigned = consumer.assignment()
        async with asyncio.timeout(_ASK_SECONDS):
            found: dict[TopicPartition, int] = await consumer.end_offsets(list(assigned)) if assigned else {}
            for unseen in [tp for tp in assigned if Partition(*tp) not in self._done]:
                start = await consumer.committed(unseen)
                if start is None:
                    start = (await consumer.beginning_offsets([unseen]))[unseen]
                self._done.setdefault(Partition(*unseen), start)
        return Ends(
            ends={Partition(*tp): offset for tp, offset in found.items()},
            done={Partition(*tp): self._done[Partition(*tp)] for tp in assigned},
            partitions={topic: len(consumer.partitions_for_topic(topic) or ()) for topic in self.topics},
        )

    async def _leave(self) -> None:
        """Leave the group, also when the broker is away: then it finds out by the session's time-out."""
        leaving = asyncio.create_task(self._subscriber.stop(), name=f"{self.group} leaves")
        await asyncio.wait({leaving}, timeout=_LEAVE_SECONDS)
        if leaving.done() and not leaving.cancelled() and leaving.exception() is None:
            return
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        log.warning("left_without_goodbye", consumer=self.group)
        # aiokafka 0.14 stops half-way when a fetch waits for a broker that is away: its close cancels the fetch and then
        # fails with that very cancellation, before it closes its connections.
        if self._subscriber.consumer is not None:
            await self._subscriber.consumer._client.close()
            self._subscriber.consumer = None

    async def _receive(self, message: KafkaMessage) -> None:
        records = _records(message)
        self._idle.clear()
        try:
            await self._process(records)
        except Exception as error:  # noqa: BLE001  # whatever it was, the batch is not done
            self._failures += 1
            await self._pause(error)
            # From None: FastStream need not see what went wrong, only that the batch must be given again.
            raise NackMessage from None
        else:
            self._failures = 0
            ends = {(record.topic, record.partition): record.offset + 1 for record in records}
            self._done.update({Partition(*tp): end for tp, end in ends.items()})
            await self._commit(message)
        finally:
            self._idle.set()

    async def _commit(self, message: KafkaMessage) -> None:
        """Commit the offsets now, not when FastStream would: a rebalance waits for the batch and for this."""
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await message.ack()
        except (KafkaError, IllegalStateError, TimeoutError) as error:
            # The broker is away, or the group has moved on: the next owner is given the batch again, and finds it done.
            log.info("offsets_not_committed", consumer=self.group, **describe_exception(error))
            # aiokafka would try for ever, and FastStream would ask it to once more.
            message.committed = AckStatus.ACKED

    async def _pause(self, error: Exception) -> None:
        """Wait before the batch is given again; a rebalance or a stop does not wait for the whole pause."""
        pause = min(_FIRST_PAUSE * 2.0 ** (self._failures - 1), _LONGEST_PAUSE)
        log.warning(
            "batch_will_be_given_again",
            consumer=self.group,
            attempt=self._failures,
            retry_in=pause,
            **describe_exception(error),
        )
        try:
            async with asyncio.timeout(pause):
                await self._interrupt.wait()
        except TimeoutError:
            return

    async def _revoked(self) -> None:
        self._assigned = False
        self._interrupt.set()
        try:
            async with asyncio.timeout(self._drain_timeout):
                await self._idle.wait()
        except TimeoutError:
            # The next owner waits for this one's inbox rows, so nothing is doubled; it only takes longer.
            log.warning("rebalance_did_not_wait_for_batch", consumer=self.group, waited=self._drain_timeout)

    def _reassigned(self, count: int) -> None:
        self._interrupt.clear()
        self._assigned = True
        log.info("partitions_assigned", consumer=self.group, count=count)


class _DrainListener(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Lets a rebalance wait for the batch in hand, which aiokafka by itself does not."""

    def __init__(self, consumer: BatchConsumer) -> None:
        self._consumer = consumer

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002
        await self._consumer._revoked()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._consumer._reassigned(len(assigned))


async def _parse_nothing(
    records: tuple[ConsumerRecord[bytes, bytes], ...],
    original: Callable[[tuple[ConsumerRecord[bytes, bytes], ...]], Awaitable[KafkaMessage]],
) -> KafkaMessage:
    """Wrap a batch without looking into it: FastStream's parser fails on a header that is not UTF-8, and so on the batch."""
    message = await original((replace(records[0], headers=(), value=b""),))
    message.raw_message = records
    return message


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    """Give the handler the message itself: no record is undecodable when nothing is decoded."""
    return message


def _records(message: KafkaMessage) -> tuple[RawRecord, ...]:
    records = message.raw_message
    return records if isinstance(records, tuple) else (records,)


__all__ = [
    "WATERMARKS_TOPIC",
    "BatchConsumer",
    "Ends",
    "KafkaError",
    "Partition",
    "Process",
    "RawRecord",
    "create_broker",
    "missing_topics",
]
