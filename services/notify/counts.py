"""How many messages and subscriptions stand how, for whoever runs the service: numbers only."""

from __future__ import annotations

from typing import Final

import structlog

from services.notify.store import STAFF
from shared.db import Pool
from shared.observability import Metrics
from shared.rounds import Rounds

EVERY: Final = 5.0
"""Seconds between two counts."""

log = structlog.get_logger(__name__)

_MESSAGES: Final = """
SELECT channel, status, count(*), coalesce(extract(epoch FROM clock_timestamp()
       - min(greatest(retry_at, not_before)) FILTER (WHERE channel <> 'letter')), 0) AS late
  FROM messages WHERE status IN ('pending', 'failed') GROUP BY channel, status
"""
_SUBSCRIPTIONS: Final = """
SELECT CASE WHEN NOT active THEN 'stopped' WHEN failing_since IS NOT NULL THEN 'failing' ELSE 'delivering' END, count(*)
  FROM subscriptions GROUP BY 1
"""
_NOBODY_KNOWN: Final = """
SELECT roles[1], count(*) FROM errands WHERE roles <@ $1::text[] AND attempts > 0 GROUP BY 1
"""
_RECEIPTS: Final = """
SELECT standing, count(*) FROM acknowledgements JOIN subscriptions USING (subscription)
 WHERE standing IN ('awaited', 'missing') AND client = ANY($1::text[]) GROUP BY standing
"""


class Counts(Rounds):
    """Keeps the gauges of what waits to be delivered and of what could not be."""

    def __init__(self, pool: Pool, metrics: Metrics, *, clients: frozenset[str]) -> None:
        """Count in `pool`, into `metrics`; receipts of these clients, for no other can send one."""
        super().__init__(
            self.count,
            name="counts of messages",
            every=EVERY,
            interrupted=lambda error: log.error("counts_interrupted", exc_info=error),
        )
        self._pool = pool
        self._clients = sorted(clients)
        self._messages = metrics.gauge(
            "messages", "Messages by status: pending, or failed for good.", "channel", "status"
        )
        self._late = metrics.gauge(
            "messages_late_seconds", "How long ago the message that waits longest was to be tried.", "channel"
        )
        self._subscriptions = metrics.gauge(
            "subscriptions", "Webhooks by state: delivering, failing (tried again) or stopped.", "state"
        )
        self._nobody_known = metrics.gauge(
            "messages_for_nobody_known",
            "What waits for somebody with this role, and nobody is known who has it.",
            "role",
        )
        self._receipts = metrics.gauge(
            "subscription_receipts", "Receipts of ended consents by state: awaited, or missing.", "state"
        )

    async def count(self) -> None:
        """Count once."""
        async with self._pool.acquire() as conn:
            messages = await conn.fetch(_MESSAGES)
            subscriptions = await conn.fetch(_SUBSCRIPTIONS)
            nobody_known = await conn.fetch(_NOBODY_KNOWN, sorted(STAFF))
            receipts = await conn.fetch(_RECEIPTS, self._clients)
        # What is no longer there has no row: without this its last number would stay.
        for gauge in (self._messages, self._late, self._subscriptions, self._receipts, self._nobody_known):
            gauge.clear()
        for channel, status, count, late in messages:
            self._messages.labels(channel, status).set(count)
            if status == "pending":
                self._late.labels(channel).set(max(0.0, late))
        for state, count in subscriptions:
            self._subscriptions.labels(state).set(count)
        for role, count in nobody_known:
            self._nobody_known.labels(role).set(count)
        for standing, count in receipts:
            self._receipts.labels(standing).set(count)
