"""Kafka as the relay uses it: batches built per partition, sent in order, acknowledged by every replica, or an error.

aiokafka's `send` costs a task switch and a future per record; a batch built with `create_batch` costs them per partition. An
idempotent aiokafka producer never gives up by itself while the broker is away, and after some errors it never works again:
so every wait here has its own end, and whoever gets an error throws the publisher away and makes a new one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, ProducerClosed
from aiokafka.partitioner import murmur2

from shared.bus import Bus
from shared.envelope import CONTENT_TYPE
from shared.together import together

HEADERS: Final = [("content-type", CONTENT_TYPE.encode())]
BATCH_BYTES: Final = 768 * 1024
"""The largest batch for one partition. Kafka's own limit (`max.message.bytes`) is 1 MiB unless somebody changed it."""
REQUEST_SECONDS: Final = 10.0
_CLOSE_SECONDS: Final = 2.0

ProducerFactory = Callable[[], AIOKafkaProducer]
"""Makes a producer that is not started yet; called again after every error."""

log = structlog.get_logger(__name__)


class Sendable(Protocol):
    """One record, as it goes to Kafka."""

    @property
    def topic(self) -> str:
        """Where it belongs."""

    @property
    def key(self) -> bytes:
        """What decides on its partition."""

    @property
    def value(self) -> bytes:
        """Its bytes."""


class Outgoing(NamedTuple):
    """A record and nothing else."""

    topic: str
    key: bytes
    value: bytes


class Target(NamedTuple):
    """One partition of a topic."""

    topic: str
    partition: int


def producers(bus: Bus | str, *, client: str, batch_bytes: int = BATCH_BYTES) -> ProducerFactory:
    """Return what makes the relay's producers: every replica acknowledges, retries of one producer are not doubled.

    Args:
        bus: The broker; a text is its addresses, and stands for one without TLS and login.
        client: The name that the broker's own logs and quotas know this process by.
        batch_bytes: The largest batch for one partition.
    """

    def make() -> AIOKafkaProducer:
        return AIOKafkaProducer(
            **Bus.at(bus).options(),
            client_id=client,
            acks="all",
            enable_idempotence=True,
            max_batch_size=batch_bytes,
            max_request_size=batch_bytes + 64 * 1024,
            request_timeout_ms=int(REQUEST_SECONDS * 1000),
            metadata_max_age_ms=30_000,
        )

    return make


class Publisher:
    """Sends records, in order within each partition. Any error it raises ends its life."""

    def __init__(
        self,
        factory: ProducerFactory,
        *,
        seconds: float,
        acknowledged: Callable[[Target, int], None] = lambda *_: None,
        topics: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare; nothing connects before `start`.

        Args:
            factory: Makes the producer.
            seconds: How long any one operation may take.
            acknowledged: Called with each partition and number of records as soon as the broker has them.
            topics: Other names of topics, where a broker is shared with others.
        """
        self._producer = factory()
        self._seconds = seconds
        self._acknowledged = acknowledged
        self._topics = topics or {}
        self._targets: dict[str, list[Target]] = {}

    async def start(self) -> None:
        """Connect.

        Raises:
            KafkaError, TimeoutError: no broker answers.
        """
        async with asyncio.timeout(self._seconds):
            await self._producer.start()

    async def publish(self, records: Iterable[Sendable]) -> None:
        """Return when every record is acknowledged.

        Raises:
            KafkaError, TimeoutError: some are not; which ones is not known.
        """
        async with asyncio.timeout(self._seconds):
            queues: defaultdict[Target, list[Sendable]] = defaultdict(list)
            for record in records:
                targets = self._targets.get(record.topic) or await self._look_up(record.topic)
                queues[targets[_hash(record.key) % len(targets)]].append(record)
            await together(*(asyncio.create_task(self._in_order(target, queue)) for target, queue in queues.items()))

    async def close(self) -> None:
        """Let the producer go, within bounded time, whatever state it is in."""
        # What is still unacknowledged is given up here: whoever closes after an error sends it again with a new producer.
        # Without this, stop() would wait for the broker to come back; aiokafka has no public way to say so.
        self._producer._message_accumulator.fail_all(ProducerClosed())
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._producer.stop()
        except (KafkaError, TimeoutError) as error:
            log.warning("producer_abandoned", error=type(error).__name__)
        finally:
            await self._producer.client.close()

    async def _look_up(self, topic: str) -> list[Target]:
        name = self._topics.get(topic, topic)
        self._targets[topic] = [Target(name, each) for each in sorted(await self._producer.partitions_for(name))]
        return self._targets[topic]

    async def _in_order(self, target: Target, records: Sequence[Sendable]) -> None:
        """Send one partition's records. The next batch waits for the last one's acknowledgement: none overtakes another."""
        at = 0
        most = len(records)
        while at < len(records):
            batch = self._producer.create_batch()
            end = at
            for record in records[at : at + most]:
                if batch.append(key=record.key, value=record.value, timestamp=None, headers=HEADERS) is None:
                    break
                end += 1
            try:
                await (await self._producer.send_batch(batch, target.topic, partition=target.partition))
            except MessageSizeTooLargeError:
                # Nothing of the batch was stored. The topic takes less than we thought; an event itself has at most 64 KiB.
                if end == at + 1:
                    log.error("topic_refuses_an_event", topic=target.topic, size=len(records[at].value))  # noqa: TRY400
                    raise
                most = 1
                continue
            self._acknowledged(target, end - at)
            at = end


@lru_cache(maxsize=65_536)
def _hash(key: bytes) -> int:
    """Return Kafka's own hash of `key`, so that a record lands where any client's default partitioner would put it."""
    return int(murmur2(key)) & 0x7FFF_FFFF
