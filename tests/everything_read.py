"""What consumers and relays say of themselves all the time where they run: that nothing is on its way."""

from __future__ import annotations

from shared.db import Pool


async def everything_read(pool: Pool, consumer: str, *read: tuple[str, str]) -> None:
    """Say it of these topics and their sources, for an hour: a test whose machine is busy for seconds is no stale projection."""
    for topic, source in read:
        await pool.execute(
            "WITH t AS (SELECT clock_timestamp() + interval '1 hour' AS later), c AS ("
            " INSERT INTO consumer_progress (consumer, topic, partition, partitions, caught_up_at)"
            "  SELECT $1, $2, 0, 1, later FROM t"
            "  ON CONFLICT (consumer, topic, partition) DO UPDATE SET caught_up_at = excluded.caught_up_at)"
            " INSERT INTO source_watermarks (source, drained_at, received_at) SELECT $3, later, later FROM t"
            " ON CONFLICT DO NOTHING",
            consumer,
            topic,
            source,
        )
