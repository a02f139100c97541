"""An escalation reaches somebody who is at work: not a leader who is away, nor one who has left (seed rules 95, 107)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock, oslo_day
from shared.contracts import cases
from shared.contracts.codes import Area, Service
from shared.contracts.meetings import MeetingCalled, MeetingCancelled, MeetingRescheduled
from shared.refs import AbsenceRef, ArenaRef, CaseRef, ConcernRef, LogScope, MeetingRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world

pytestmark = pytest.mark.connected

PROTECTED = LogScope("prt_" + "b" * 26)
MEETING, STARTS = MeetingRef("mtg_" + "b" * 26), datetime(2026, 10, 20, 10, tzinfo=UTC)
AWAY, GONE = AbsenceRef("abs_" + "b" * 26), AbsenceRef("abs_" + "c" * 26)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, a leader, and whoever the leader's work falls to."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "styrer", "director", "rektor"):
            await made.prefer(who)
        yield made


def absent(
    world: World, who: str, falls_to: str, *, ref: AbsenceRef = AWAY, last: date, back: date | None = None
) -> cases.AbsenceRegistered:
    reason = cases.AbsenceReason.LEFT if back is None else cases.AbsenceReason.AWAY
    return cases.AbsenceRegistered(
        absence=ref,
        person=world.actor(who),
        unit=LIA,
        reason=reason,
        last_day=last,
        back_on=back,
        falls_to=world.party(falls_to),
        cases=0,
    )


async def escalated(world: World, letter: str) -> dict[str, int]:
    """Let a concern of the teacher's rest too long; return how many escalations each has had."""
    due = world.clock.now() + timedelta(days=14)
    await world.take(
        cases.ConcernRegistered(
            case=CaseRef("cas_" + letter * 26),
            concern=ConcernRef("con_" + letter * 26),
            area=Area.LEARNING,
            for_whom=cases.ForWhom.CHILD,
            registered_by=world.party("teacher"),
            act_by=due,
            guardians=1,
        )
    )
    await world.move_to(due + timedelta(days=1))
    found = {}
    for who in ("styrer", "director", "rektor"):
        items = (await world.get(who, "/messages")).json()["items"]
        found[who] = sum(item["template"] == "escalation" for item in items)
    return found


@pytest.mark.rule(95, 107)
async def test_while_a_leader_is_away_whoever_it_falls_to_is_told_and_then_the_leader_again(world: World) -> None:
    today = oslo_day(world.clock.now())
    gone = absent(world, "styrer", "director", last=today + timedelta(days=7), back=today + timedelta(days=20))
    await world.take(gone, times=2)
    assert await escalated(world, "b") == {"styrer": 0, "director": 1, "rektor": 0}
    assert await escalated(world, "c") == {"styrer": 1, "director": 1, "rektor": 0}


@pytest.mark.rule(95, 107)
async def test_who_has_left_is_told_nothing_and_who_stays_after_all_or_comes_back_is(world: World) -> None:
    today = oslo_day(world.clock.now())
    await world.take(absent(world, "styrer", "director", last=today))
    # Who stands in may be away too.
    await world.take(absent(world, "director", "rektor", ref=GONE, last=today, back=today + timedelta(days=20)))
    assert await escalated(world, "b") == {"styrer": 0, "director": 0, "rektor": 1}
    await world.take(cases.AbsenceWithdrawn(absence=GONE))
    assert await escalated(world, "c") == {"styrer": 0, "director": 1, "rektor": 1}
    await world.prefer("styrer", "nn")
    # Who leads again hears of what is still open, too.
    assert await escalated(world, "d") == {"styrer": 3, "director": 1, "rektor": 1}


@pytest.mark.rule(107)
async def test_a_member_of_staff_who_is_away_for_a_time_finds_what_was_said_and_who_has_left_is_told_no_more(
    world: World,
) -> None:
    today = oslo_day(world.clock.now())
    await world.take(absent(world, "teacher", "styrer", last=today, back=today + timedelta(days=60)))
    await escalated(world, "b")
    told = [item["template"] for item in (await world.get("teacher", "/messages")).json()["items"]]
    assert told == ["concern-overdue"]
    await world.take(absent(world, "teacher", "styrer", ref=GONE, last=today))
    await escalated(world, "c")
    assert len((await world.get("teacher", "/messages")).json()["items"]) == 1
    assert "concern-overdue" in {item["template"] for item in (await world.get("styrer", "/messages")).json()["items"]}


def called() -> MeetingCalled:
    return MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        unit=LIA,
        units=frozenset({LIA}),
        starts_at=STARTS,
        minutes=60,
        invited=frozenset({Service.BARNEHAGE}),
    )


async def of_the_meeting(world: World, who: str) -> list[str]:
    """Return what somebody was told of the meeting."""
    items = (await world.get(who, "/messages")).json()["items"]
    return sorted(item["template"].removeprefix("meeting-") for item in items)


@pytest.mark.rule(6, 54, 107)
async def test_who_has_a_meeting_in_the_calendar_hears_that_it_is_moved_or_off_also_while_away(world: World) -> None:
    """They are back when it would have been; whoever stands in hears of the new time, and has nothing of it before that."""
    await world.take(called())
    today = oslo_day(world.clock.now())
    await world.take(absent(world, "styrer", "rektor", last=today - timedelta(days=1), back=today + timedelta(days=7)))
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=STARTS + timedelta(days=1)), times=2)
    assert (await of_the_meeting(world, "styrer"), await of_the_meeting(world, "rektor")) == (
        ["invitation", "moved"],
        ["moved"],
    )
    await world.take(MeetingCancelled(meeting=MEETING, reason="no-items"), times=2)
    assert (await of_the_meeting(world, "styrer"), await of_the_meeting(world, "rektor")) == (
        ["cancelled", "invitation", "moved"],
        ["cancelled", "moved"],
    )


@pytest.mark.rule(107)
async def test_who_was_invited_and_has_left_hears_nothing_and_who_stands_in_does(world: World) -> None:
    await world.take(called())
    today = oslo_day(world.clock.now())
    await world.take(absent(world, "styrer", "rektor", last=today - timedelta(days=1)))
    await world.take(MeetingCancelled(meeting=MEETING, reason="no-items"))
    assert (await of_the_meeting(world, "styrer"), await of_the_meeting(world, "rektor")) == (
        ["invitation"],
        ["cancelled"],
    )


@pytest.mark.rule(95, 107)
async def test_who_has_left_another_unit_is_told_of_what_rests_in_this_one(world: World) -> None:
    """Whoever stands in for them there has nothing to do with the cases of this unit, and hears of none."""
    today = oslo_day(world.clock.now())
    before = absent(world, "styrer", "rektor", last=today).model_copy(update={"unit": UnitId("unit:tinnes-skole")})
    await world.take(before)
    assert await escalated(world, "b") == {"styrer": 1, "director": 0, "rektor": 0}
