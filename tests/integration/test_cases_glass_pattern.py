"""From an emergency access in the cases service to the log's finding that nobody reviewed it, over the records as published."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import SimulatedClock
from shared.contracts.audit import Pattern
from shared.envelope import number
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import cases_world
from tests.integration.audit_world import MIGRATIONS, open_world
from tests.integration.patterns_town import OwnBus, examine_all, examiner, feed, found

pytestmark = [pytest.mark.connected, pytest.mark.story(18, 19)]

EMERGENCY = {"reason": "danger-to-life", "text": "Bevisstløs.", "categories": ["health"], "hours": 2}


@pytest.mark.parametrize("reviewed", [True, False])
async def test_an_emergency_that_nobody_reviews_becomes_a_finding(
    migrated: Migrated, issuer: LocalIssuer, *, reviewed: bool
) -> None:
    clock = SimulatedClock(datetime(2026, 9, 7, 8, 0, tzinfo=UTC))
    async with (
        cases_world(migrated, issuer, clock) as cases,
        open_world(await migrated("audit", MIGRATIONS), clock=clock) as log,
    ):
        case = await cases.opened()
        glass = (await cases.must("nurse", f"/cases/{case}/break-glass", EMERGENCY))["glass"]
        await cases.see("nurse", f"/cases/{case}/child")
        clock.set(clock.now() + timedelta(hours=1))
        if reviewed:
            await cases.must("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
        rows = await cases.pool.fetch("SELECT body FROM outbox ORDER BY id")
        await feed(log, [number(row["body"], nth) for nth, row in enumerate(rows, start=1)])
        instance = examiner(log.pool, clock)
        await examine_all(instance)
        clock.set(clock.now() + timedelta(days=5))
        bus = OwnBus()
        for _ in range(2):  # the date has passed; and what might be told late was waited for
            await instance.let_time_pass()
            await bus.pump(log.pool, log)
            await examine_all(instance)
            clock.set(clock.now() + timedelta(minutes=6))
        nurse = (await cases.see("nurse", "/me"))["actor"]
        unreviewed = [row for row in await found(log.pool) if row[1] == Pattern.BREAK_GLASS_UNREVIEWED]
        assert {row[3] for row in unreviewed} == (set() if reviewed else {nurse})
        assert len(unreviewed) == (0 if reviewed else 2), "the opening, and the look"
        assert not [row for row in await found(log.pool) if row[1] == Pattern.WITHOUT_RELATION]
