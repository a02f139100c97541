"""Answers under idempotency keys are forgotten after a month of the rules' clock, and not before."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from shared import db
from shared.clock import SimulatedClock
from shared.forgetting import ANSWERS_KEPT, Forgetting
from shared.journal import Journal
from shared.refs import Ids
from shared.testing.signals import Watch
from tests.tally import NO_MIGRATIONS, SOURCE

pytestmark = pytest.mark.connected


async def test_an_answer_is_kept_a_month_and_then_forgotten(
    migrated: Callable[..., Awaitable[str]], clock: SimulatedClock, ids: Ids
) -> None:
    dsn = await migrated("cases", NO_MIGRATIONS)
    pool = await db.create_pool(dsn, application_name="test")
    async with pool:
        for key, age in (("old", ANSWERS_KEPT + timedelta(seconds=1)), ("young", ANSWERS_KEPT - timedelta(seconds=1))):
            await pool.execute(
                "INSERT INTO idempotency_keys (actor, key, request_hash, status, body, created_at)"
                " VALUES ('act_x', $1, '', 200, '', $2)",
                key,
                clock.now() - age,
            )
        forgetting = Forgetting(Journal(pool, source=SOURCE, clock=clock, ids=ids), clock)
        await forgetting.start()
        async with Watch(dsn, "idempotency_keys") as watch:
            await watch.until("SELECT count(*) FROM idempotency_keys", gives=1)
        await forgetting.stop()
        assert await pool.fetchval("SELECT key FROM idempotency_keys") == "young"
