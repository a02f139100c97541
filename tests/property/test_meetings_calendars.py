"""Calendars: read back by a calendar library they are the meetings, and nothing leads from them to a child or to a matter."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import icalendar
import pytest
import recurring_ical_events
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena_rules import ArenaRules, ArenaType
from services.meetings.domain.calendar import (
    Appointment,
    KnownDate,
    Reader,
    Standing,
    appointments,
    check_arena,
    decide_reader,
)
from services.meetings.domain.calendar_address import (
    CALENDAR,
    READS_AN_HOUR,
    AddressState,
    check_reads,
    decide_make,
    decide_withdraw,
)
from services.meetings.domain.calling import CHILDRENS, is_seated, seat_of
from services.meetings.domain.invitation import SeatAnswer
from services.meetings.domain.meeting import (
    MEETING,
    MeetingState,
    NewMeeting,
    Status,
    decide_call,
    decide_cancel,
    decide_plan,
    decide_reschedule,
)
from services.meetings.domain.profile import Profile
from services.meetings.domain.seating import sent_as_deputy
from services.meetings.errors import (
    CalendarBusyError,
    CalendarForbiddenError,
    MeetingsError,
    NoAddressError,
    NoArenaCalendarError,
)
from services.meetings.feed import CALLER, READER, render_feed
from services.meetings.settings import MeetingsSettings
from services.notify.domain.appointment import Appointment as Mailed
from services.notify.domain.appointment import cancelled, moved, planned
from shared.clock import OSLO
from shared.contracts.base import EventData
from shared.contracts.codes import Language, Role, Service
from shared.contracts.meetings import (
    AgendaItemAdded,
    ArenaLevel,
    Deputy,
    InvitationAnswer,
    ItemKind,
    ItemMode,
    MeetingCalled,
    MeetingCancelled,
    MeetingPlanned,
    MeetingRescheduled,
    ModePolicy,
    Seat,
    calendar_uid,
)
from shared.refs import ArenaRef, CalendarRef, ItemRef, LogScope, MeetingRef, UnitId
from shared.testing.ids import SeededIds

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILES: Final[Mapping[LogScope, Profile]] = read_profiles(FOLDER)
NOTODDEN: Final = PROFILES[LogScope("4005")]
FIRST, LAST = datetime(2026, 1, 1), datetime(2028, 12, 31)  # noqa: DTZ001 - hypothesis adds the zone
MOMENTS: Final = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(
    lambda each: each.replace(second=0, microsecond=0)
)
NEAR_SUMMER_TIME: Final = st.sampled_from(
    [
        datetime(2026, 10, 25, 1, 0, tzinfo=UTC),
        datetime(2027, 3, 28, 1, 0, tzinfo=UTC),
        datetime(2027, 10, 31, 1, 0, tzinfo=UTC),
        datetime(2028, 3, 26, 1, 0, tzinfo=UTC),
    ]
).flatmap(lambda change: st.integers(-6, 6).map(lambda quarters: change + timedelta(minutes=15 * quarters)))
TITLES: Final = {
    Language.NB: {"Møte", "Avlyst: Møte"},
    Language.NN: {"Møte", "Avlyst: Møte"},
    Language.EN: {"Meeting", "Cancelled: Meeting"},
}
NOBODYS_WORDS: Final = (
    "mtg_",
    "arn_",
    "cas_",
    "itm_",
    "unit:",
    "barnehage:",
    "ATTENDEE",
    "ORGANIZER",
    "DESCRIPTION",
    "COMMENT",
)
LEADS, TEACHES = frozenset({Role.LEADER}), frozenset({Role.TEACHER})
CALENDAR_REF: Final = CalendarRef("cal_" + "b" * 26)


def answers(reader: Reader) -> st.SearchStrategy[tuple[SeatAnswer, ...]]:
    """Return what was answered for seats, the reader's own often among them."""
    others = st.builds(Seat, service=st.sampled_from(Service), unit=st.sampled_from([None, NOTODDEN.units[0].id]))
    own = others if reader.service is None else st.just(seat_of(reader.service, reader.unit))
    return st.lists(
        st.builds(SeatAnswer, seat=own | others, answer=st.sampled_from(InvitationAnswer), at=MOMENTS)
        | st.builds(
            SeatAnswer,
            seat=own | others,
            answer=st.just(InvitationAnswer.DECLINED),
            deputy=st.builds(Deputy, role=st.sampled_from([Role.LEADER, Role.TEACHER, Role.PPT_ADVISER])),
            at=MOMENTS,
        ),
        max_size=3,
        unique_by=lambda each: (each.seat.service, each.seat.unit),
    ).map(tuple)


@st.composite
def known_dates(draw: st.DrawFn, profile: Profile, reader: Reader) -> list[KnownDate]:
    """Return meetings of any of the profile's arenas, and of one that it no longer has; to many the reader is invited."""
    made = []
    ids = SeededIds(draw(st.integers(0, 10**6)))
    for _ in range(draw(st.integers(0, 6))):
        rules = draw(st.sampled_from([*profile.arenas, None]))
        own = frozenset[Service]() if reader.service is None else frozenset({reader.service})
        here = frozenset[UnitId]() if reader.unit is None else frozenset({reader.unit})
        some = st.frozensets(st.sampled_from([unit.id for unit in profile.units]), max_size=2)
        made.append(
            KnownDate(
                meeting=MeetingRef(ids.ref("mtg")),
                arena_type=rules.type if rules else "no-longer",
                units=draw(some) | draw(st.sampled_from([frozenset(), here])),
                invited=draw(st.frozensets(st.sampled_from(Service), max_size=5))
                | draw(st.sampled_from([frozenset(), own])),
                starts_at=draw(MOMENTS | NEAR_SUMMER_TIME),
                minutes=draw(st.integers(15, 600)),
                status=draw(st.sampled_from(Status)),
                changes=draw(st.integers(0, 20)),
                changed_at=draw(MOMENTS),
                answers=draw(answers(reader)),
            )
        )
    return made


@st.composite
def places(draw: st.DrawFn) -> tuple[Profile, list[KnownDate], Reader]:
    """Return a municipality, its meetings, and somebody who reads a calendar there."""
    profile = draw(st.just(NOTODDEN) | st.sampled_from(list(PROFILES.values())))
    reader = Reader(
        service=draw(st.sampled_from([None, *Service, *CHILDRENS])),
        unit=draw(st.sampled_from([None, *(unit.id for unit in profile.units)])),
        coordinator=draw(st.booleans()),
        roles=draw(
            st.frozensets(st.sampled_from([Role.LEADER, Role.HEALTH_NURSE, Role.CONTACT_TEACHER, Role.TEACHER]))
        ),
    )
    return profile, draw(known_dates(profile, reader)), reader


PLACES: Final = places()


def read(feed: bytes) -> icalendar.Calendar:
    """Return the calendar as the library reads it."""
    calendar = icalendar.Calendar.from_ical(feed)
    assert isinstance(calendar, icalendar.Calendar)
    assert not calendar.errors
    return calendar


def events_in(feed: bytes) -> dict[str, Any]:
    """Return its meetings by their UIDs; what each property is, the library does not tell the type checker."""
    return {str(event["uid"]): event for event in read(feed).walk("VEVENT")}


@given(PLACES, st.sampled_from(Language), st.booleans())
@settings(max_examples=40, deadline=None)
def test_what_is_read_back_are_the_meetings(
    place: tuple[Profile, list[KnownDate], Reader], language: Language, signed_in: bool
) -> None:
    profile, meetings, reader = place
    shown = appointments(profile, meetings, reader, signed_in=signed_in)
    feed = render_feed(shown, language)
    found = events_in(feed)
    assert len(found) == len(shown)
    for each in shown:
        event = found[str(each.uid)]
        assert event["dtstart"].dt.astimezone(UTC) == each.starts_at
        assert event["dtstart"].params.get("TZID") == (None if each.starts_at.astimezone(OSLO).fold else "Europe/Oslo")
        assert event["duration"].dt == timedelta(minutes=each.minutes)
        assert (int(event["sequence"]), str(event["status"])) == (each.changes, each.standing.value)
        assert event["dtstamp"].dt == each.changed_at
        assert str(event["summary"]).startswith("Avlyst: " if language is not Language.EN else "Cancelled: ") is (
            each.standing is Standing.CANCELLED
        )
    again = appointments(profile, sorted(meetings, key=lambda one: one.meeting), reader, signed_in=signed_in)
    assert render_feed(again, language) == feed


@given(PLACES, st.sampled_from(Language))
@settings(max_examples=40, deadline=None)
def test_without_signing_in_there_are_times_and_places_and_never_more(
    place: tuple[Profile, list[KnownDate], Reader], language: Language
) -> None:
    profile, meetings, reader = place
    shown = appointments(profile, meetings, reader, signed_in=False)
    feed = render_feed(shown, language)
    places = {unit.name for unit in profile.units} | {profile.name}
    for event in read(feed).walk("VEVENT"):
        assert str(event["summary"]) in TITLES[language]
        assert str(event.get("location", profile.name)) in places
        assert set(event) <= {
            *("UID", "DTSTAMP", "SEQUENCE", "DTSTART", "DURATION", "SUMMARY", "LOCATION", "STATUS", "CLASS")
        }
    text = feed.decode()
    assert not [word for word in NOBODYS_WORDS if word in text]


@given(PLACES, st.sampled_from(Language))
@settings(max_examples=40, deadline=None)
def test_signed_in_one_sees_whether_ones_own_seat_is_taken_and_nothing_of_anybody_elses(
    place: tuple[Profile, list[KnownDate], Reader], language: Language
) -> None:
    profile, meetings, reader = place
    feed = render_feed(appointments(profile, meetings, reader, signed_in=True), language)
    mine = None
    if reader.service is not None:
        mine = Seat(service=reader.service, unit=reader.unit if reader.service in CHILDRENS else None)
    for each in meetings:
        event = events_in(feed).get(str(calendar_uid(each.meeting)))
        seated = is_seated(each.invited, each.units, reader.service, reader.unit)
        rules, leads = profile.arena(each.arena_type), Role.LEADER in reader.roles
        if rules is not None and reader.service is not None:
            wanted = rules.roles_of(reader.service, reader.unit, profile.receiving(each.units))
            seated = seated and (leads or not wanted or bool(wanted & reader.roles))
        if event is None:
            continue
        asked = seated and each.status not in {Status.PLANNED, Status.CANCELLED}
        said = next((answer for answer in each.answers if answer.seat == mine), None) if asked else None
        attendee = event.get("attendee")
        assert (attendee is not None) == (event.get("organizer") is not None) == asked
        if asked:
            deputised = said is not None and said.deputy is not None
            answered = "NEEDS-ACTION" if said is None else said.answer.value.upper()
            assert attendee.params["PARTSTAT"] == ("DELEGATED" if deputised else answered)
            # Whose it is stands there of nobody: of every meeting in every calendar the addresses are the same.
            assert (str(attendee), str(event["organizer"])) == (READER, CALLER)
        assert event["dtstamp"].dt == max(each.changed_at, each.changed_at if said is None else said.at)
        # But whoever is sent as a deputy knows of the meeting by that alone (seed rules 71, 72).
        own = tuple(answer for answer in each.answers if answer.seat == mine or sent_as_deputy([answer], reader.office))
        alone = appointments(profile, [replace(each, answers=own)], reader, signed_in=True)
        assert alone == appointments(profile, [each], reader, signed_in=True)
    assert "METHOD" not in feed.decode()


@pytest.mark.parametrize("signed_in", [True, False])
@pytest.mark.parametrize("coordinator", [True, False])
@pytest.mark.parametrize("seated", [True, False])
def test_around_a_child_there_is_no_place_no_name_and_nothing_without_a_seat(
    seated: bool, coordinator: bool, signed_in: bool
) -> None:
    """Every arena of every profile, and one that is no more."""
    around_a_child = 0
    for profile in PROFILES.values():
        for rules in (*profile.arenas, None):
            meeting = KnownDate(
                meeting=MeetingRef("mtg_" + "b" * 26),
                arena_type=rules.type if rules else "no-longer",
                units=frozenset({profile.units[0].id}),
                invited=frozenset({Service.PPT}),
                starts_at=datetime(2026, 9, 22, 10, tzinfo=UTC),
                minutes=90,
                status=Status.CALLED,
                changes=0,
                changed_at=datetime(2026, 9, 1, 10, tzinfo=UTC),
            )
            reader = Reader(Service.PPT if seated else Service.BUP, None, coordinator, LEADS)
            shown = appointments(profile, [meeting], reader, signed_in=signed_in)
            hidden = rules is None or rules.level is ArenaLevel.CHILD
            around_a_child += hidden
            assert bool(shown) == (seated or (coordinator and not hidden))
            for each in shown:
                assert not hidden or (each.place, each.title) == (None, None)
                assert each.title is None or (
                    signed_in and rules is not None and rules.mode.policy is ModePolicy.SYSTEM_ONLY
                )
    assert around_a_child > len(PROFILES)


@given(NEAR_SUMMER_TIME)
def test_the_zone_in_the_calendar_is_norways_also_over_summer_time(moment: datetime) -> None:
    [zone] = read(render_feed([], Language.NB)).walk("VTIMEZONE")
    assert isinstance(zone, icalendar.Timezone)
    theirs = moment.astimezone(zone.to_tz(lookup_tzid=False))
    ours = moment.astimezone(OSLO)
    assert theirs.utcoffset() == ours.utcoffset()


def test_a_calendar_program_finds_each_meeting_on_its_day_and_hour_in_summer_and_winter() -> None:
    starts = [datetime(2026, 10, 20, 12, tzinfo=OSLO), datetime(2026, 10, 27, 12, tzinfo=OSLO)]
    feed = render_feed([appointment(each.astimezone(UTC)) for each in starts], Language.NN)
    found = recurring_ical_events.of(read(feed)).between(datetime(2026, 10, 1), datetime(2026, 11, 1))  # noqa: DTZ001
    assert [each["dtstart"].dt.isoformat() for each in found] == [
        "2026-10-20T12:00:00+02:00",
        "2026-10-27T12:00:00+01:00",
    ]


def appointment(starts_at: datetime) -> Appointment:
    """Return a meeting in a calendar."""
    [made] = appointments(
        NOTODDEN,
        [
            KnownDate(
                meeting=MeetingRef(SeededIds(int(starts_at.timestamp())).ref("mtg")),
                arena_type="lederforum",
                units=frozenset(),
                invited=frozenset({Service.LEDELSE}),
                starts_at=starts_at,
                minutes=60,
                status=Status.CALLED,
                changes=0,
                changed_at=starts_at,
            )
        ],
        Reader(Service.LEDELSE, None, coordinator=False, roles=frozenset({Role.LEADER})),
        signed_in=True,
    )
    return made


@given(st.lists(st.sampled_from(["plan", "call", "move", "cancel", "item"]), max_size=12))
def test_the_sequence_grows_with_every_change_that_calendars_show_and_with_nothing_else(ways: list[str]) -> None:
    start = datetime(2026, 9, 22, 10, tzinfo=UTC)
    new = NewMeeting(
        meeting=MeetingRef("mtg_" + "b" * 26),
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="ressursteam",
        unit=None,
        units=frozenset(),
        starts_at=start,
        minutes=90,
        invited=frozenset({Service.PPT}),
        extra=False,
    )
    state, mailed = MEETING.initial, None
    for number, way in enumerate(ways):
        try:
            events = tried(state, new, way, start + timedelta(days=number // 2))
        except MeetingsError:
            continue
        before, state = state, MEETING.fold(state, events)
        for event in events:
            mailed = in_a_mail(mailed, event, start)
        # Whoever has both, the calendar and the mail of the notify service, has one meeting.
        assert mailed is None or (mailed.changes, mailed.starts_at) == (state.changes, state.starts_at)
        same = seen(before) == seen(state)
        assert state.changes == before.changes + (0 if same or before.meeting is None else 1)


def tried(state: MeetingState, new: NewMeeting, way: str, starts_at: datetime) -> list[EventData]:
    """Return what comes of something that is tried with the meeting."""
    match way:
        case "plan":
            return decide_plan(state, new)
        case "call":
            return decide_call(state, new)
        case "move":
            return decide_reschedule(state, starts_at, datetime(2026, 9, 1, tzinfo=UTC))
        case "cancel":
            return decide_cancel(state, "other")
        case _:
            item = ItemRef("itm_" + "b" * 26)
            return [AgendaItemAdded(meeting=new.meeting, item=item, kind=ItemKind.CASE, mode=ItemMode.ANONYMOUS)]


def in_a_mail(before: Mailed | None, event: EventData, now: datetime) -> Mailed | None:
    """Return the meeting as the notify service's mails have it after the event."""
    match event:
        case MeetingPlanned() | MeetingCalled():
            return planned(before, event, now)
        case MeetingRescheduled() if before is not None:
            return moved(before, event.starts_at, now)
        case MeetingCancelled() if before is not None:
            return cancelled(before, now)
        case _:
            return before


def seen(state: MeetingState) -> tuple[object, ...]:
    """Return what calendars show of the meeting."""
    return state.starts_at, state.minutes, state.invited, state.status


@pytest.mark.parametrize(
    ("roles", "service", "allowed"),
    [
        ({Role.COORDINATOR}, None, True),
        ({Role.TEACHER}, Service.BARNEHAGE, True),
        ({Role.HEALTH_NURSE}, Service.HELSESTASJON, True),
        ({Role.TEACHER}, None, False),
    ],
)
def test_who_has_a_calendar(roles: set[Role], service: Service | None, allowed: bool) -> None:
    def decide(*, staff: bool) -> Reader:
        return decide_reader(staff=staff, roles=frozenset(roles), service=service, unit=None)

    with pytest.raises(CalendarForbiddenError):
        decide(staff=False)
    if allowed:
        assert decide(staff=True) == Reader(service, None, Role.COORDINATOR in roles, frozenset(roles))
    else:
        with pytest.raises(CalendarForbiddenError):
            decide(staff=True)


LIA, HAUGEN = UnitId("unit:lia-barnehage"), UnitId("unit:haugen-barnehage")


@pytest.mark.parametrize(
    ("arena", "unit", "reader", "refused"),
    [
        ("ressursteam", LIA, Reader(Service.BARNEHAGE, LIA, coordinator=False), None),
        ("ressursteam", LIA, Reader(Service.PPT, None, coordinator=False), None),
        ("ressursteam", LIA, Reader(None, None, coordinator=True), None),
        ("ressursteam", LIA, Reader(Service.BARNEHAGE, HAUGEN, coordinator=False), CalendarForbiddenError),
        ("ressursteam", LIA, Reader(Service.BARNEHAGE, None, coordinator=False), CalendarForbiddenError),
        ("ressursteam", LIA, Reader(Service.BUP, None, coordinator=False), CalendarForbiddenError),
        ("lederforum", None, Reader(Service.LEDELSE, None, False, LEADS), None),
        ("lederforum", None, Reader(Service.LEDELSE, None, False, TEACHES), CalendarForbiddenError),
        ("lederforum", None, Reader(Service.LEDELSE, None, coordinator=False), CalendarForbiddenError),
        ("lederforum", None, Reader(Service.POLITI, None, coordinator=False), CalendarForbiddenError),
        ("ansvarsgruppe", None, Reader(None, None, coordinator=True), NoArenaCalendarError),
        ("ansvarsgruppe", None, Reader(Service.PPT, None, coordinator=False), NoArenaCalendarError),
        ("overgang-barnehage-skole", None, Reader(Service.SKOLE, None, coordinator=True), NoArenaCalendarError),
    ],
)
def test_who_has_an_arenas_calendar(
    arena: str, unit: UnitId | None, reader: Reader, refused: type[MeetingsError] | None
) -> None:
    rules: ArenaRules | None = NOTODDEN.arena(ArenaType(arena))
    assert rules is not None
    own = None if unit is None else NOTODDEN.own_service(unit)
    if refused is None:
        check_arena(rules, unit, own, reader)
    else:
        with pytest.raises(refused):
            check_arena(rules, unit, own, reader)


@given(st.lists(st.booleans(), max_size=20))
def test_no_address_is_ever_given_again(ways: list[bool]) -> None:
    """True: made. False: withdrawn."""
    state, given_out, works = CALENDAR.initial, list[int](), False
    now = datetime(2026, 9, 1, tzinfo=UTC)
    for makes in ways:
        if makes:
            state = CALENDAR.fold(state, decide_make(state, CALENDAR_REF, now))
            given_out.append(state.number)
            works = True
        elif works:
            state = CALENDAR.fold(state, decide_withdraw(state, CALENDAR_REF))
            works = False
        else:
            with pytest.raises(NoAddressError):
                decide_withdraw(state, CALENDAR_REF)
        assert (state.until is not None) == works
    assert len(set(given_out)) == len(given_out)
    assert isinstance(state, AddressState)


def test_the_read_that_is_one_too_many_waits_for_the_hour_to_end() -> None:
    now = datetime(2026, 9, 1, 8, 59, 30, tzinfo=UTC)
    check_reads(READS_AN_HOUR, now)
    with pytest.raises(CalendarBusyError) as refused:
        check_reads(READS_AN_HOUR + 1, now)
    assert refused.value.retry_after == 30
