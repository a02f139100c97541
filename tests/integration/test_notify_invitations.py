"""Who hears of an answer to an invitation: the leaders of seats with a duty to attend, and nobody of anything a family said.

And which families hear of a meeting: those of the children that are on its agenda by name, for as long as they are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from icalendar import Calendar

from services.notify.domain.policy import ANSWER_DAYS
from services.notify.invitations import REMINDER
from services.notify.letters import DAYS
from shared.clock import SimulatedClock
from shared.contracts.codes import GrantorClass, Role, Service
from shared.contracts.meetings import (
    TOPIC,
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemRemoved,
    Deputy,
    InvitationAnswer,
    InvitationAnswered,
    ItemKind,
    ItemMode,
    MeetingCalled,
    MeetingCancelled,
    MeetingRescheduled,
    Seat,
)
from shared.contracts.team import LanguageNeedRecorded
from shared.refs import ArenaRef, CaseRef, ItemRef, MeetingRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.everything_read import everything_read
from tests.integration.notify_world import LIA, World, notify_world
from tests.integration.test_notify_flow import CASE, guardians

pytestmark = [pytest.mark.connected, pytest.mark.rule(54)]

MEETING = MeetingRef("mtg_" + "b" * 26)
STARTS = datetime(2026, 10, 20, 10, tzinfo=UTC)
REMINDED = STARTS - timedelta(days=ANSWER_DAYS)
PPT, HEALTH = Seat(service=Service.PPT), Seat(service=Service.HELSESTASJON)
LEADERS = ("ppt-leader", "health-leader", "styrer")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """A notify service that knows its leaders."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in LEADERS:
            await made.prefer(who)
        await made.take(called())
        yield made


def called() -> MeetingCalled:
    return MeetingCalled(
        meeting=MEETING,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        unit=LIA,
        units=frozenset({LIA}),
        starts_at=STARTS,
        minutes=150,
        invited=frozenset({Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON}),
        seats=(Seat(service=Service.BARNEHAGE, unit=LIA), HEALTH, PPT),
        with_duty=(HEALTH, PPT),
    )


def answered(seat: Seat | None, *, yes: bool = False, deputy: Role | None = None) -> InvitationAnswered:
    return InvitationAnswered(
        meeting=MEETING,
        answer=InvitationAnswer.ACCEPTED if yes else InvitationAnswer.DECLINED,
        seat=seat,
        duty=seat in {PPT, HEALTH},
        deputy=None if deputy is None else Deputy(role=deputy),
        reason=None if yes or deputy is not None or seat is None else "ill",
        item=None if seat is not None else ItemRef("itm_" + "b" * 26),
        ordinal=None if seat is not None else 1,
        role=Role.GUARDIAN if seat is None else None,
        answered_at=STARTS - timedelta(days=10),
    )


async def move_to(world: World, moment: datetime) -> None:
    """Set the clock and let what is due fire, with nothing of the meetings on its way."""
    await everything_read(world.pool, "notify", (TOPIC, "/services/meetings"))
    await world.move_to(moment)


async def told(world: World, who: str) -> list[str]:
    """Return the templates of somebody's messages after the invitation, oldest first."""
    items = (await world.get(who, "/messages")).json()["items"]
    templates = [item["template"] for item in reversed(items)]
    templates.remove("meeting-invitation")
    return templates


@pytest.mark.rule(71, 72, 95)
async def test_the_leader_hears_who_comes_instead_or_that_nobody_does_and_nothing_of_others(world: World) -> None:
    await world.take(answered(PPT), times=2)
    assert await told(world, "ppt-leader") == ["meeting-duty-declined"]
    await world.take(answered(PPT, deputy=Role.PPT_ADVISER))
    assert sorted(await told(world, "ppt-leader")) == ["meeting-deputy-named", "meeting-duty-declined"]
    # No duty, no news; and what a guardian says is told to nobody.
    await world.take(answered(Seat(service=Service.BARNEHAGE, unit=LIA)), answered(None), answered(HEALTH, yes=True))
    assert (await told(world, "health-leader"), await told(world, "styrer")) == ([], [])
    messages = (await world.get("ppt-leader", "/messages")).json()["items"]
    assert all("20. oktober 2026 klokken 12:00" in each["text"] for each in messages)
    await move_to(world, STARTS)
    for who in LEADERS:
        assert "meeting-answer-reminder" not in await told(world, who)


async def test_who_has_a_duty_and_has_not_answered_is_reminded_once_and_anew_when_the_meeting_is_moved(
    world: World,
) -> None:
    await world.take(answered(PPT, yes=True))
    await move_to(world, REMINDED - timedelta(minutes=1))
    assert await told(world, "health-leader") == []
    await move_to(world, REMINDED)
    await move_to(world, REMINDED + timedelta(days=1))
    assert await told(world, "health-leader") == ["meeting-answer-reminder"]
    assert (await told(world, "ppt-leader"), await told(world, "styrer")) == ([], [])
    later = STARTS + timedelta(days=14)
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later))
    await move_to(world, later - timedelta(days=ANSWER_DAYS))
    for who in ("ppt-leader", "health-leader"):
        assert (await told(world, who))[-2:] == ["meeting-moved", "meeting-answer-reminder"]
    # Moved to a day that is too near there is nothing to remind of, nor when it is cancelled.
    count = "SELECT count(*) FROM deadlines WHERE kind = $1"
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=world.clock.now() + timedelta(days=ANSWER_DAYS)))
    assert await world.pool.fetchval(count, REMINDER) == 0
    # Moved back to a day of which they were told before, they are told again: what they heard last was another.
    moves = (await told(world, "ppt-leader")).count("meeting-moved")
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later), times=2)
    assert (await told(world, "ppt-leader")).count("meeting-moved") == moves + 1
    assert await world.pool.fetchval(count, REMINDER) == 0, "the day to remind on was reached before"
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later + timedelta(days=7)))
    assert await world.pool.fetchval(count, REMINDER) == 1
    await world.take(MeetingCancelled(meeting=MEETING, reason="no-items"))
    assert await world.pool.fetchval(count, REMINDER) == 0
    assert await world.pool.fetchval("SELECT count(*) FROM awaited_seats") == 0


async def test_nobody_is_reminded_while_it_is_not_known_what_was_answered(world: World) -> None:
    """What is known of the meetings is not fresh: the promise stays."""
    await world.move_to(REMINDED)
    assert await told(world, "ppt-leader") == []
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = $1", REMINDER) == 1


# --- families -----------------------------------------------------------------------------------------------------------

FIRST, SECOND = ItemRef("itm_" + "c" * 26), ItemRef("itm_" + "d" * 26)
CHILD = {"recipient": "act_grownchild", "role": "child", "ordinal": 1, "language": "nb"}


def brought(item: ItemRef, *family: Role) -> AgendaItemAdded:
    """Return that an item about the case's child was brought, to a meeting that takes in these of the family."""
    return AgendaItemAdded(
        meeting=MEETING,
        item=item,
        kind=ItemKind.CASE,
        mode=ItemMode.NAMED,
        case=CASE,
        interpreters=frozenset({"ti"}),
        family=frozenset(family),
    )


def taken_on(item: ItemRef) -> AgendaItemAccepted:
    return AgendaItemAccepted(meeting=MEETING, item=item)


def taken_off(item: ItemRef) -> AgendaItemRemoved:
    return AgendaItemRemoved(meeting=MEETING, item=item, reason="consent-withdrawn")


async def family_told(world: World) -> list[tuple[str, str, str, str | None]]:
    """Return what those around a child were told: as whom, the language, the template, and what stands below; oldest first."""
    await world.deliver()
    rows = await world.pool.fetch(
        "SELECT recipient, language, template, note FROM messages WHERE recipient_role IN ('guardian', 'child')"
        " ORDER BY recorded_at, recipient"
    )
    return [(row["recipient"].removeprefix("act_"), row["language"], row["template"], row["note"]) for row in rows]


@pytest.mark.rule(12, 32, 73, 101, 146)
async def test_the_family_is_invited_when_its_child_is_taken_on_and_told_when_the_meeting_is_moved_and_taken_off(
    world: World,
) -> None:
    guardians(world)
    world.neighbours.contacts[CASE].append(CHILD)
    need = LanguageNeedRecorded(case=CASE, person=GrantorClass.GUARDIAN, ordinal=2, interpreter=True, language="ti")
    # Where the arena takes no family in nobody is told, nor before the item is taken on.
    await world.take(need, brought(SECOND), taken_on(SECOND), brought(FIRST, Role.GUARDIAN), times=2)
    assert await family_told(world) == []
    await world.take(taken_on(FIRST), times=2)
    invited = [
        ("guardiana", "nb", "family-invited", None),
        ("guardianb", "en", "family-invited", "interpreter-expected"),
    ]
    assert await family_told(world) == invited
    # A second item about the same child is no second invitation, and when one of the two is taken off they come all the same.
    again = ItemRef("itm_" + "f" * 26)
    await world.take(brought(again, Role.GUARDIAN), taken_on(again), taken_off(again))
    assert await family_told(world) == invited
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=STARTS + timedelta(days=1)))
    moved = [("guardiana", "nb", "family-moved", None), ("guardianb", "en", "family-moved", "interpreter-expected")]
    assert await family_told(world) == invited + moved
    await world.take(taken_off(FIRST), taken_on(FIRST), times=2)
    off = [
        ("guardiana", "nb", "family-cancelled", None),
        ("guardianb", "en", "family-cancelled", "interpreter-offered"),
    ]
    assert await family_told(world) == invited + moved + off
    await world.take(MeetingCancelled(meeting=MEETING, reason="other"))
    assert await family_told(world) == invited + moved + off, "they are not invited any more"
    # The calendar's entry is the meeting's own; the mail says nothing of the child, the unit or the arena.
    entries = []
    for mail in world.smtp.mails:
        if mail["To"] == "a@guardian.example":
            _, entry = mail.iter_parts()
            [event] = Calendar.from_ical(entry.get_content()).walk("VEVENT")
            entries.append((entry.get_param("method"), event["SEQUENCE"], event.decoded("DTSTART")))
        assert not [word for word in (CASE, MEETING, LIA, "barn") if word in mail.as_string().lower()]
    later = STARTS + timedelta(days=1)
    assert entries == [("REQUEST", 0, STARTS), ("REQUEST", 1, later), ("CANCEL", 2, later)]
    # The leaders of the services heard of the meeting and not of the family.
    assert sorted(await told(world, "styrer")) == ["meeting-cancelled", "meeting-moved"]


@pytest.mark.rule(12, 32, 73)
async def test_a_calendar_program_that_keeps_what_has_the_larger_number_has_the_meeting_as_it_is(world: World) -> None:
    """The child is taken off, and on again; the meeting is moved, and cancelled (RFC 5546 § 2.1.4, 2.1.5, 3.2.5)."""
    guardians(world)
    again, day = ItemRef("itm_" + "f" * 26), timedelta(days=1)
    for event in (
        brought(FIRST, Role.GUARDIAN),
        taken_on(FIRST),
        taken_off(FIRST),
        brought(again, Role.GUARDIAN),
        taken_on(again),
        MeetingRescheduled(meeting=MEETING, starts_at=STARTS + day),
        taken_off(again),
        brought(SECOND, Role.GUARDIAN),
        taken_on(SECOND),
        MeetingCancelled(meeting=MEETING, reason="other"),
    ):
        world.clock.set(world.clock.now() + timedelta(minutes=1))
        await world.take(event)
        await family_told(world)
    kept: list[tuple[str, int, datetime, datetime]] = []
    for mail in world.smtp.mails:
        if mail["To"] == "a@guardian.example":
            _, entry = mail.iter_parts()
            [event_] = Calendar.from_ical(entry.get_content()).walk("VEVENT")
            numbers = (int(str(event_["SEQUENCE"])), event_.decoded("DTSTAMP"), event_.decoded("DTSTART"))
            kept.append((str(entry.get_param("method")), *numbers))
    assert [method for method, *_ in kept] == ["REQUEST", "CANCEL", "REQUEST", "REQUEST", "CANCEL", "REQUEST", "CANCEL"]
    assert [sequence for _, sequence, *_ in kept] == sorted({sequence for _, sequence, *_ in kept})
    assert [stamp for _, _, stamp, _ in kept] == sorted(stamp for _, _, stamp, _ in kept)
    assert [starts for *_, starts in kept] == [STARTS] * 3 + [STARTS + day] * 4
    assert await world.pool.fetchval("SELECT count(*) FROM family_changes") == 0


@pytest.mark.rule(12, 73, 101)
async def test_whoever_has_two_children_in_a_meeting_keeps_it_in_the_calendar_until_the_last_is_taken_off(
    world: World,
) -> None:
    guardians(world)
    sibling, its_item = CaseRef("cas_" + "s" * 26), ItemRef("itm_" + "g" * 26)
    # Guardian A has both children, guardian B the first one only.
    world.neighbours.contacts[sibling] = [{**world.neighbours.contacts[CASE][0], "ordinal": 2}]
    theirs = brought(its_item, Role.GUARDIAN).model_copy(update={"case": sibling})
    await world.take(brought(FIRST, Role.GUARDIAN), taken_on(FIRST), theirs, taken_on(its_item))
    await family_told(world)
    await world.take(taken_off(FIRST), times=2)
    await family_told(world)

    def methods(address: str) -> list[str | None]:
        """Return what each mail asks the calendar to do; None: nothing."""
        found = []
        for mail in world.smtp.mails:
            if mail["To"] == address:
                entries = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
                found.append(str(entries[0].get_param("method")) if entries else None)
        return found

    assert methods("a@guardian.example") == ["REQUEST", "REQUEST", None]
    assert methods("b@guardian.example") == ["REQUEST", "CANCEL"]
    told_of = [template for who, _, template, _ in await family_told(world) if who == "guardiana"]
    assert told_of == ["family-invited", "family-invited", "family-cancelled"], (
        "they hear which child is off all the same"
    )
    await world.take(taken_off(its_item))
    await family_told(world)
    assert methods("a@guardian.example")[3:] == ["CANCEL"]


@pytest.mark.rule(12, 73, 101)
async def test_a_meeting_that_is_called_off_leaves_the_calendar_of_whoever_has_two_children_in_it(world: World) -> None:
    guardians(world)
    sibling, its_item = CaseRef("cas_" + "s" * 26), ItemRef("itm_" + "g" * 26)
    world.neighbours.contacts[sibling] = [world.neighbours.contacts[CASE][0]]
    theirs = brought(its_item, Role.GUARDIAN).model_copy(update={"case": sibling})
    await world.take(brought(FIRST, Role.GUARDIAN), taken_on(FIRST), theirs, taken_on(its_item))
    await family_told(world)
    await world.take(MeetingCancelled(meeting=MEETING, reason="other"))
    await family_told(world)
    cancels = [
        mail["To"]
        for mail in world.smtp.mails
        if any(
            part.get_param("method") == "CANCEL" for part in mail.walk() if part.get_content_type() == "text/calendar"
        )
    ]
    assert sorted(cancels) == ["a@guardian.example", "a@guardian.example", "b@guardian.example"]


@pytest.mark.rule(12, 73, 101)
@pytest.mark.parametrize("off", [False, True])
async def test_who_is_not_reached_has_a_letter_while_they_are_invited_and_a_grown_child_is_invited_itself(
    world: World, off: bool
) -> None:
    guardians(world)
    del world.neighbours.contacts[CASE][1]["email"]
    world.neighbours.contacts[CASE].append(CHILD)
    world.neighbours.failing = True
    await world.take(brought(FIRST, Role.GUARDIAN, Role.CHILD), taken_on(FIRST))
    assert await family_told(world) == []
    # Moved before anybody could be told, it is told once, with the time that it has.
    later = STARTS + timedelta(days=1)
    await world.take(MeetingRescheduled(meeting=MEETING, starts_at=later))
    world.neighbours.failing = False
    await world.let_time_pass()
    assert {(who, template) for who, _, template, _ in await family_told(world)} == {
        (who, "family-invited") for who in ("grownchild", "guardiana", "guardianb")
    }
    assert await world.pool.fetchval("SELECT count(DISTINCT due) FROM messages WHERE due = $1", later) == 1
    if off:
        await world.take(taken_off(FIRST))
    await move_to(world, world.clock.now() + timedelta(days=DAYS))
    letters = await world.pool.fetch("SELECT recipient FROM messages WHERE channel = 'letter'")
    assert [row["recipient"] for row in letters] == ([] if off else ["act_guardianb"])
