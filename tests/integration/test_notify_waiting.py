"""What waits, for the morning or for somebody to say where a guardian is reached, is judged again when it goes out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from icalendar import Calendar

from shared.clock import SimulatedClock
from shared.contracts import cases, transition_forms
from shared.contracts.codes import InformationCategory, Role, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    ItemKind,
    ItemMode,
    MeetingCalled,
    MeetingCancelled,
    MeetingRescheduled,
)
from shared.refs import ArenaRef, DocumentRef, FormRef, ItemRef, MeetingRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import LIA, World, notify_world
from tests.integration.test_notify_flow import CASE, granted, guardians, requested

pytestmark = pytest.mark.connected

EVENING = datetime(2026, 9, 7, 20, tzinfo=UTC)
MORNING = datetime(2026, 9, 8, 5, tzinfo=UTC)
"""Ten in the evening in Norway, and seven the next morning."""
MEETING, ITEM, FORM = MeetingRef("mtg_" + "b" * 26), ItemRef("itm_" + "b" * 26), FormRef("frm_" + "g" * 26)
FIRST, LATER = datetime(2026, 9, 20, 10, tzinfo=UTC), datetime(2026, 9, 22, 10, tzinfo=UTC)
AFTER = datetime(2026, 9, 24, 10, tzinfo=UTC)
A, B = "a@guardian.example", "b@guardian.example"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """A case with two guardians, and a leader who is mailed."""
    async with notify_world(migrated, issuer, clock) as made:
        await made.prefer("styrer", "nb", "styrer@lia.example")
        guardians(made)
        made.clock.set(EVENING)
        yield made


def called() -> MeetingCalled:
    return MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=FIRST,
        minutes=90,
        invited=frozenset({Service.BARNEHAGE}),
    )


def moved(starts_at: datetime) -> MeetingRescheduled:
    return MeetingRescheduled(meeting=MEETING, starts_at=starts_at)


OFF = MeetingCancelled(meeting=MEETING, reason="other")


def taken_on() -> list[Any]:
    item = AgendaItemAdded(
        meeting=MEETING,
        item=ITEM,
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        case=CASE,
        family=frozenset({Role.GUARDIAN}),
    )
    return [item, AgendaItemAccepted(meeting=MEETING, item=ITEM)]


def written(version: int) -> cases.TransitionFormDrafted:
    return cases.TransitionFormDrafted(
        case=CASE,
        form=FORM,
        version=version,
        document=DocumentRef("doc_" + "g" * 26),
        form_type="barnehage-to-school",
        school_start=2027,
        categories=frozenset({InformationCategory.LANGUAGE}),
    )


def approved(version: int, ordinal: int, *, complete: bool = False) -> cases.TransitionFormApproved:
    return cases.TransitionFormApproved(case=CASE, form=FORM, version=version, ordinal=ordinal, complete=complete)


async def mailed(world: World, moment: datetime | None = None) -> list[str]:
    """Let everything go that may by then; return to whom mails have gone so far."""
    if moment is not None:
        world.clock.set(moment)
    await world.let_time_pass()
    return sorted(str(mail["To"]) for mail in await world.deliver())


async def templates(world: World, role: str = "leader") -> list[str]:
    """Return what was told and stands, oldest first."""
    rows = await world.pool.fetch(
        "SELECT template FROM messages WHERE recipient_role = $1 AND status <> 'cancelled' ORDER BY queued_at, recorded_at",
        role,
    )
    return [row["template"] for row in rows]


def entries(world: World) -> list[tuple[str, datetime]]:
    """Return what went into calendars."""
    found = []
    for mail in world.smtp.mails:
        _, entry = mail.iter_parts()
        [event] = Calendar.from_ical(entry.get_content()).walk("VEVENT")
        found.append((str(entry.get_param("method")), event.decoded("DTSTART")))
    return found


# --- meetings ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(8, 9)
async def test_whoever_is_to_be_mailed_in_the_morning_gets_one_mail_with_the_time_that_the_meeting_has_by_then(
    world: World,
) -> None:
    """In the application they could read the invitation at once, so that it has moved is what they are told."""
    await world.take(called())
    assert await mailed(world) == []
    await world.take(moved(LATER), times=2)
    await world.take(moved(AFTER))
    assert await templates(world) == ["meeting-moved"]
    assert await mailed(world, MORNING) == ["styrer@lia.example"]
    assert entries(world) == [("REQUEST", AFTER)]


@pytest.mark.rule(8, 9)
async def test_of_a_meeting_that_is_off_only_that_is_mailed(world: World) -> None:
    await world.take(called(), moved(LATER), OFF, times=2)
    assert await templates(world) == ["meeting-cancelled"]
    assert await mailed(world, MORNING) == ["styrer@lia.example"]
    assert entries(world) == [("CANCEL", LATER)]


@pytest.mark.rule(12, 73)
@pytest.mark.parametrize("off", [False, True])
async def test_a_family_gets_one_mail_too_and_none_of_what_was_before(world: World, off: bool) -> None:
    await world.take(called(), *taken_on())
    assert await mailed(world) == []
    await world.take(OFF if off else moved(LATER), times=2)
    await mailed(world, MORNING)
    assert await templates(world, "guardian") == ["family-cancelled" if off else "family-moved"] * 2
    assert sorted(str(mail["To"]) for mail in world.smtp.mails if "guardian" in mail["To"]) == [A, B]


async def test_nobody_is_invited_to_a_meeting_that_has_begun(world: World) -> None:
    await world.take(called())
    assert await mailed(world, FIRST + timedelta(hours=1)) == []
    assert await templates(world) == []


# --- forms ------------------------------------------------------------------------------------------------------------


@pytest.mark.rule(14)
async def test_a_guardian_who_approves_while_it_waits_is_not_asked_and_the_other_is(world: World) -> None:
    world.neighbours.failing = True
    await world.take(written(1))
    assert await mailed(world, MORNING) == []
    await world.take(
        approved(1, 1), transition_forms.TransitionFormApprovalWaits(case=CASE, form=FORM, version=1, ordinals=(1, 2))
    )
    world.neighbours.failing = False
    assert await mailed(world) == [B, B], "asked, and reminded"


@pytest.mark.rule(14)
@pytest.mark.parametrize("failing", [False, True])
async def test_of_two_versions_the_guardians_are_asked_to_approve_the_later(world: World, failing: bool) -> None:
    world.neighbours.failing = failing
    await world.take(written(1))
    assert await mailed(world) == [], "nobody says where they are reached, or it is night"
    await world.take(written(2), times=2)
    world.neighbours.failing = False
    assert await mailed(world, MORNING) == [A, B]
    assert await templates(world, "guardian") == ["form-request"] * 2


@pytest.mark.rule(14)
@pytest.mark.parametrize("failing", [False, True])
async def test_when_the_case_is_closed_meanwhile_nobody_is_asked_anything(world: World, failing: bool) -> None:
    world.neighbours.failing = failing
    await world.take(written(1), requested())
    assert await mailed(world) == []
    await world.take(cases.CaseClosed(case=CASE, outcome="goal-reached"))
    world.neighbours.failing = False
    assert await mailed(world, MORNING) == []
    await world.take(cases.CaseReopened(case=CASE, holder=world.party("teacher")), written(2))
    assert await mailed(world) == [A, B], "of the reopened case the next version"


# --- consents ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(4)
async def test_who_answers_while_the_mail_waits_is_not_asked_any_more(world: World) -> None:
    await world.take(requested())
    assert await mailed(world) == []
    await world.take(granted(1, active=False))
    assert await mailed(world, MORNING) == [B]
