"""On Mondays what was not as the arenas' rules say is published, once of each, whatever is restarted and however late (rule 95)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.meetings.app import create_desk
from services.meetings.handlers.deviations import LOOK, promise_looks
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town

pytestmark = pytest.mark.connected

LIA = "unit:lia-barnehage"
MONDAY = datetime(2027, 5, 10, 6, 0, tzinfo=UTC)
"""Eight in Norway, and within six weeks of the last open day of the spring term."""


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def looked(lia: Town, moment: datetime) -> list[dict[str, Any]]:
    """Let it be that time; return what has been found in Notodden so far."""
    lia.clock.set(moment)
    kit = lia.kit
    await Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()
    return [each["data"] for each in await lia.published("deviation.found.v1") if each["municipality"] == "4005"]


@pytest.mark.rule(8, 95)
async def test_a_term_without_its_meeting_is_told_once_to_its_unit_and_no_more_once_it_is_called(lia: Town) -> None:
    arena = await lia.arena("ressursteam", LIA)
    await lia.pool.execute("UPDATE deadlines SET due = $2 WHERE kind = $1", LOOK, MONDAY)
    found = await looked(lia, MONDAY)
    about_lia = [each for each in found if each.get("unit") == LIA]
    assert [(each["kind"], each["arena_type"], each["led_by"], each["rule"]) for each in about_lia] == [
        ("too-few-planned", "ressursteam", [LIA], 8)
    ]
    # Nobody is told of what was to be in the autumn: it is old, and in the list. The 7th step's meeting was to be by April (16).
    assert [(each["unit"], each["rule"]) for each in found if each["kind"] != "too-few-planned"] == [
        ("unit:notodden-ungdomsskole", 16)
    ]
    assert await looked(lia, MONDAY + timedelta(days=7)) == found, "once"
    called = {"arena": arena, "starts_at": "2027-06-08T12:00:00+02:00"}
    await lia.must("styrer", "/meetings", called)
    weeks = [MONDAY + timedelta(weeks=number) for number in (2, 3, 4, 5, 6)]
    for monday in weeks:
        later = [each for each in await looked(lia, monday) if each.get("unit") == LIA]
    assert [each["kind"] for each in later] == ["too-few-planned", "not-held"]
    assert later[1]["day"] == "2027-06-08"
    assert "meeting" in later[1]


@pytest.mark.rule(95)
async def test_a_look_that_was_missed_is_made_up_for_and_a_start_puts_none_off(lia: Town) -> None:
    await lia.pool.execute("UPDATE deadlines SET due = $2 WHERE kind = $1", LOOK, MONDAY)
    lia.clock.set(MONDAY + timedelta(days=2))
    await promise_looks(create_desk(lia.kit), lia.clock.now())
    assert await lia.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = $1 AND due = $2", LOOK, MONDAY) > 1
    assert await looked(lia, MONDAY + timedelta(days=2))
    assert await lia.pool.fetchval("SELECT DISTINCT due FROM deadlines WHERE kind = $1", LOOK) == MONDAY + timedelta(
        days=7
    )
