"""What the operators' gauges say of messages and webhooks is what stands in the database, also when nothing stands there any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from services.notify.counts import Counts
from shared.clock import SimulatedClock
from shared.observability import Metrics
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import notify_world

pytestmark = pytest.mark.connected

_MESSAGE = """
INSERT INTO messages (message, step, recipient, recipient_role, scope, template, template_version, language, channel, status,
                      queued_at, correlation, retry_at)
SELECT 'msg_' || n, 'step-' || n, 'act_x', 'teacher', '4005', 't', 1, 'nb', 'email', $1, now(), gen_random_uuid(), now() - $2::interval
  FROM generate_series($3::int, $4::int) n
"""


_WAITING = """
INSERT INTO errands (step, scope, template, roles, correlation, units)
VALUES ('a', '4005', 'emergency-review', '{leader}', gen_random_uuid(), '{unit:lia-barnehage}'),
       ('b', '4005', 'emergency-review', '{leader}', gen_random_uuid(), '{unit:haugen-barnehage}'),
       ('c', '4005', 'emergency-escalated', '{privacy-officer}', gen_random_uuid(), '{}')
"""


async def test_the_gauges_follow_the_tables(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> None:
    async with notify_world(migrated, issuer, clock) as world:
        metrics = Metrics()
        counts = Counts(world.pool, metrics, clients=frozenset())

        def told(name: str, **labels: str) -> float | None:
            return metrics.registry.get_sample_value(f"lagspill_{name}", labels)

        await world.pool.execute(_MESSAGE, "pending", timedelta(minutes=20), 1, 2)
        await world.pool.execute(_MESSAGE, "failed", timedelta(0), 3, 5)
        await world.pool.execute(_MESSAGE, "sent", timedelta(0), 6, 9)
        await counts.count()
        assert told("messages", channel="email", status="pending") == 2
        assert told("messages", channel="email", status="failed") == 3
        assert told("messages", channel="email", status="sent") is None
        late = told("messages_late_seconds", channel="email")
        assert late is not None
        assert late >= 1200
        await world.pool.execute("DELETE FROM messages")
        await counts.count()
        assert told("messages", channel="email", status="failed") is None
        assert told("messages_late_seconds", channel="email") is None
        await world.pool.execute(_WAITING)
        assert await world.deliver() == []
        await counts.count()
        assert told("messages_for_nobody_known", role="leader") == 2
        assert told("messages_for_nobody_known", role="privacy-officer") == 1
        for who in ("styrer", "privacy-officer"):
            await world.prefer(who)
        await world.deliver()
        await counts.count()
        assert told("messages_for_nobody_known", role="leader") == 1, "of another unit nobody knows yet who leads it"
        assert told("messages_for_nobody_known", role="privacy-officer") is None
