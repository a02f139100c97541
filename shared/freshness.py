"""How fresh a projection is, so that a decision that reads one can refuse to guess.

Two facts together answer it. A consumer writes, per partition, a moment as of which its effects held all that the partition
had (`consumer_progress`): it takes the time first, then asks the broker where the partition ends, then waits until it is
there. A source's relay publishes, once a second, a moment before which everything that the source had committed is on the bus
by now (`source_watermarks`). So with the latest word of the source that had been received when the consumer took its time, the
projection holds all that the source had committed before the moment in that word: a consumer that stands still, a relay that is
stuck and a broker that is away all make it stale, and stale means 503, never a guess.

Receipt and progress are read off one clock, this database's. Only the age compares it with the source's database: between two
servers they may differ by what their time service allows (NTP keeps well within a tenth of the five seconds). A word that dates
itself later than it was received counts from then: a source whose clock is ahead makes nothing fresh for as long as that is.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from shared.dead_letters import blocked_keys, count_open
from shared.errors import UnavailableError
from shared.kafka import BatchConsumer, Partition
from shared.observability import Metrics

if TYPE_CHECKING:
    from shared.db import Connection, Pool

LIMIT: Final = timedelta(seconds=5)
"""How far behind a projection may be and still be decided on."""
TICK: Final = 0.5
"""Seconds between two reports of a consumer's progress: well within the limit, with the relay's second on top."""
_KEPT: Final = timedelta(minutes=5)

log = structlog.get_logger(__name__)

_FRESHNESS: Final = """
SELECT clock_timestamp() - max(least(drained_at, received_at))
FROM source_watermarks
WHERE source = $3 AND received_at <= (
    SELECT min(caught_up_at) FROM consumer_progress
    WHERE consumer = $1 AND topic = $2
    HAVING count(*) >= max(partitions)
)
"""

_PROGRESS: Final = """
INSERT INTO consumer_progress (consumer, topic, partition, partitions, caught_up_at)
SELECT $1, topic, partition, partitions, caught_up_at
FROM unnest($2::text[], $3::int[], $4::int[], $5::timestamptz[]) AS t (topic, partition, partitions, caught_up_at)
ORDER BY topic, partition
ON CONFLICT (consumer, topic, partition) DO UPDATE SET
    partitions = excluded.partitions,
    caught_up_at = greatest(consumer_progress.caught_up_at, excluded.caught_up_at)
"""

_WATERMARKS: Final = """
WITH given AS (SELECT * FROM unnest($1::text[], $2::timestamptz[]) AS t (source, drained_at)),
old AS (
    DELETE FROM source_watermarks w USING given g WHERE w.source = g.source AND w.drained_at < g.drained_at - $3::interval
)
INSERT INTO source_watermarks (source, drained_at) SELECT source, drained_at FROM given
ON CONFLICT DO NOTHING
"""


class StaleProjectionError(UnavailableError):
    """What was decided elsewhere in the last seconds is not known here yet, so nothing was done; ask again in a moment."""

    code = "projection-stale"


class BlockedKeyError(UnavailableError):
    """An event about this could not be handled yet, so nothing is decided on it."""

    code = "projection-blocked"


async def freshness(conn: Connection, consumer: str, topic: str, source: str) -> timedelta | None:
    """Return how old the picture is that `consumer` has of `source` by `topic`; None when that is unknown.

    Args:
        conn: The consumer's database.
        consumer: The inbox's name.
        topic: What the source publishes on.
        source: The CloudEvents source, `/services/cases`.
    """
    found: timedelta | None = await conn.fetchval(_FRESHNESS, consumer, topic, source)
    return found


async def require_fresh(
    conn: Connection, consumer: str, topic: str, source: str, *, key: str | None = None, limit: timedelta = LIMIT
) -> None:
    """Refuse unless the projection is at most `limit` old and nothing of `key` is parked.

    Raises:
        StaleProjectionError: it is older, or nobody knows how old it is.
        BlockedKeyError: an event with that key (the case's reference) is a dead letter.
    """
    age = await freshness(conn, consumer, topic, source)
    if age is None or age > limit:
        raise StaleProjectionError(retry_after=limit.total_seconds())
    if key is not None and await blocked_keys(conn, consumer, [key.encode()]):
        raise BlockedKeyError(retry_after=60.0)


async def record_watermarks(conn: Connection, drained: dict[str, datetime]) -> None:
    """Keep what the relays said, by source, and forget what is minutes old."""
    if drained:
        await conn.execute(_WATERMARKS, list(drained), list(drained.values()), _KEPT)


class ProgressReporter:
    """Writes how far a consumer has come, twice a second, for as long as the broker and the database answer."""

    def __init__(
        self, pool: Pool, consumer: BatchConsumer, sources: Sequence[tuple[str, str]], metrics: Metrics
    ) -> None:
        """Report on `consumer`; `sources` are the (topic, source) pairs whose freshness is kept as a metric."""
        self._pool = pool
        self._sources = tuple(sources)
        self._metrics = metrics
        self._consumer = consumer
        self._targets: dict[Partition, tuple[datetime, int]] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to report."""
        self._task = asyncio.create_task(self._run(), name=f"progress of {self._consumer.group}")

    async def stop(self) -> None:
        """Stop reporting. May be called before `start`."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def report(self) -> None:
        """Write what the consumer has caught up with; normally called by the reporter itself.

        Raises:
            KafkaError, OSError, PostgresError, InterfaceError, TimeoutError: the broker or the database does not answer.
        """
        group = self._consumer.group
        async with self._pool.acquire() as conn:
            # The time first: whatever was in a partition by then lies before the end that the broker names next.
            asked: datetime = await conn.fetchval("SELECT clock_timestamp()")
            self._metrics.dead_letters.labels(group).set(await count_open(conn, group))
        state = await self._consumer.ends()
        self._targets = {key: target for key, target in self._targets.items() if key in state.ends}
        caught: dict[Partition, datetime] = {}
        lag = dict.fromkeys(self._consumer.topics, 0)
        for partition, end in state.ends.items():
            done = state.done[partition]
            lag[partition.topic] += max(0, end - done)
            if done >= end:
                caught[partition] = asked
                self._targets.pop(partition, None)
                continue
            moment, target = self._targets.setdefault(partition, (asked, end))
            if done >= target:
                caught[partition] = moment
                self._targets[partition] = (asked, end)
        for topic, records in lag.items():
            self._metrics.consumer_lag_records.labels(group, topic).set(records)
        async with self._pool.acquire() as conn:
            if caught:
                await conn.execute(
                    _PROGRESS,
                    group,
                    [partition.topic for partition in caught],
                    [partition.number for partition in caught],
                    [state.partitions[partition.topic] for partition in caught],
                    list(caught.values()),
                )
            for topic, source in self._sources:
                age = await freshness(conn, group, topic, source)
                # Unknown is as far behind as can be: an alarm on the number covers both.
                seconds = math.inf if age is None else age.total_seconds()
                self._metrics.consumer_lag_seconds.labels(group, source).set(seconds)

    async def _run(self) -> None:
        failing = False
        while True:
            try:
                await self.report()
            except Exception:
                # The broker or the database is away. Not to report is to become stale, which is what is true.
                if not failing:
                    log.exception("progress_unknown", consumer=self._consumer.group)
                failing = True
            else:
                failing = False
            await asyncio.sleep(TICK)
