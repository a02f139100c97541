"""Invitations answered: whatever is answered, moved and cancelled in whatever order, what stands is the last answer of each."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.meetings.configuration import read_profiles
from services.meetings.domain.answering import (
    Given,
    decide_answer,
    decide_family_answer,
    family_item,
    invited_family,
    own_seat,
    own_standing,
    place_for_family,
)
from services.meetings.domain.arena_rules import TAKES_NO_SEAT, Where
from services.meetings.domain.calling import invited_services, seats, with_duty
from services.meetings.domain.conformity import facts_of
from services.meetings.domain.invitation import INVITATION, Standing
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
from services.meetings.domain.seating import Asked, Office
from services.meetings.errors import (
    AnswerUnclearError,
    DeputyOrReasonMissingError,
    DeputyWrongError,
    MeetingHasBegunError,
    MeetingsError,
    MeetingStateError,
    NoSeatError,
    UnknownError,
)
from services.meetings.settings import MeetingsSettings
from services.meetings.views import invitation_view, meeting_view
from shared.contracts.base import EventData
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemRemoved,
    Attendance,
    Deputy,
    InvitationAnswer,
    InvitationAnswered,
    ItemKind,
    ItemMode,
    MeetingHeld,
    Place,
    Seat,
)
from shared.refs import ArenaRef, CaseRef, ItemRef, LogScope, MeetingRef, UnitId

TYNSET: Final[Profile] = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)[LogScope("3427")]
TST: Final = next(arena for arena in TYNSET.arenas if arena.type == "tst")
UNIT: Final = UnitId("unit:tynset-barnehage")
ELSEWHERE: Final = UnitId("unit:ppt-nord-osterdal")
MEETING_REF: Final = MeetingRef("mtg_" + "b" * 26)
CALLED_AT: Final = datetime(2026, 9, 1, 8, tzinfo=UTC)
BEGINS: Final = datetime(2026, 9, 22, 7, tzinfo=UTC)
CASE, OTHER_CASE = (CaseRef("cas_" + letter * 26) for letter in "bc")
ITEMS: Final = tuple(ItemRef("itm_" + letter * 26) for letter in "bcd")
INVITED: Final = invited_services(TYNSET, TST, [UNIT], frozenset())
SEATS: Final = seats(TYNSET, INVITED, [UNIT])
DUTY: Final = {Service.PPT, Service.HELSESTASJON, Service.BARNEVERN}
YES: Final = Given(InvitationAnswer.ACCEPTED)
NO: Final = Given(InvitationAnswer.DECLINED)
ILL: Final = Given(InvitationAnswer.DECLINED, reason="ill")

GIVEN: Final = st.builds(
    Given,
    st.sampled_from(InvitationAnswer),
    st.none() | st.builds(Deputy, role=st.sampled_from(Role), unit=st.sampled_from([None, UNIT, ELSEWHERE])),
    st.none() | st.sampled_from(["ill", "double-booked", "vacant", "other"]),
)


def new(**changes: object) -> NewMeeting:
    """Return a meeting of the TST."""
    said = {
        "meeting": MEETING_REF,
        "arena": ArenaRef("arn_" + "b" * 26),
        "arena_type": "tst",
        "unit": UNIT,
        "units": frozenset({UNIT}),
        "starts_at": BEGINS,
        "minutes": 150,
        "invited": INVITED,
        "extra": False,
        "seats": SEATS,
        "with_duty": with_duty(TST, SEATS),
    }
    return NewMeeting(**{**said, **changes})  # type: ignore[arg-type]


def after(*events: EventData) -> MeetingState:
    """Return a called meeting after these events too."""
    return MEETING.fold(MEETING.initial, [*decide_call(MEETING.initial, new()), *events])


def named(item: ItemRef, case: CaseRef) -> list[EventData]:
    """Return the events of an item about a child."""
    added = AgendaItemAdded(meeting=MEETING_REF, item=item, kind=ItemKind.CASE, mode=ItemMode.NAMED, case=case)
    return [added, AgendaItemAccepted(meeting=MEETING_REF, item=item)]


def answer(state: MeetingState, seat: Seat, said: Given, now: datetime = CALLED_AT) -> list[EventData]:
    """Answer for a seat."""
    return decide_answer(state, TYNSET, TST, seat, Role.PPT_ADVISER, said, now)


def test_the_profile_says_whose_seats_there_are_and_which_have_a_duty() -> None:
    assert set(SEATS) == {Seat(service=Service.BARNEHAGE, unit=UNIT), *(Seat(service=service) for service in DUTY)}
    view = meeting_view(after())
    assert {each.service for each in view.answers if each.duty} == DUTY | {Service.BARNEHAGE}
    assert {each.standing for each in view.answers} == {Standing.ASKED}


class Invitations(RuleBasedStateMachine):
    """One meeting whose seats and guardians answer at random; beside it a dictionary of what each said last."""

    @initialize()
    def begin(self) -> None:
        self.state = after(*named(ITEMS[0], CASE), *named(ITEMS[1], OTHER_CASE))
        self.now = CALLED_AT
        self.last: dict[Seat, tuple[InvitationAnswer, bool]] = {}
        self.kin: dict[tuple[ItemRef, int], InvitationAnswer] = {}
        self.by_the_table = dict.fromkeys(SEATS, Standing.ASKED)

    def do(self, events: list[EventData]) -> None:
        self.state = MEETING.fold(self.state, events)
        for event in events:
            for seat, stands in self.by_the_table.items():
                if not isinstance(event, InvitationAnswered) or event.seat == seat:
                    self.by_the_table[seat] = INVITATION.after(stands, event) or stands

    @rule(hours=st.integers(1, 200))
    def time_goes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(seat=st.sampled_from(SEATS), said=GIVEN)
    def a_seat_answers(self, seat: Seat, said: Given) -> None:
        before = self.state
        assert before.starts_at is not None
        try:
            events = answer(before, seat, said, self.now)
        except MeetingStateError:
            assert before.status is not Status.CALLED
        except MeetingHasBegunError:
            assert self.now >= before.starts_at
        except AnswerUnclearError:
            assert said.answer is InvitationAnswer.ACCEPTED
        except DeputyOrReasonMissingError:
            assert (said.deputy, said.reason) == (None, None)
        except DeputyWrongError:
            assert said.deputy is not None
            own = {seat.unit, None} | ({ELSEWHERE} if seat.service is Service.PPT else set())
            assert said.deputy.role in TAKES_NO_SEAT or said.deputy.unit not in own
        else:
            assert before.status is Status.CALLED
            assert self.now < before.starts_at
            self.do(events)
            self.last[seat] = (said.answer, said.deputy is not None)
            # The same again is no news.
            assert answer(self.state, seat, said, self.now) == []

    @rule(which=st.sampled_from(ITEMS[:2]), ordinal=st.integers(1, 3), said=GIVEN)
    def one_of_the_family_answers(self, which: ItemRef, ordinal: int, said: Given) -> None:
        try:
            events = decide_family_answer(self.state, which, Role.GUARDIAN, ordinal, said, self.now)
        except MeetingsError:
            return
        assert (said.deputy, said.reason) == (None, None)
        self.do(events)
        self.kin[which, ordinal] = said.answer
        assert decide_family_answer(self.state, which, Role.GUARDIAN, ordinal, said, self.now) == []

    @rule(days=st.integers(-3, 20))
    def it_is_moved(self, days: int) -> None:
        assert self.state.starts_at is not None
        try:
            events = decide_reschedule(self.state, self.state.starts_at + timedelta(days=days), self.now)
        except MeetingsError:
            return
        self.do(events)
        if events:
            self.last, self.kin = {}, {}

    @rule()
    def it_is_cancelled(self) -> None:
        try:
            self.do(decide_cancel(self.state, "other"))
        except MeetingsError:
            return

    @invariant()
    def what_stands_is_what_each_said_last(self) -> None:
        shown = {Seat(service=each.service, unit=each.unit): each for each in meeting_view(self.state).answers}
        assert shown.keys() == set(SEATS)
        for seat, view in shown.items():
            said = self.last.get(seat)
            assert view.standing.value == ("asked" if said is None else said[0].value)
            assert view.standing is self.by_the_table[seat], "the table that is drawn says the same"
            assert (view.deputy is not None) == (said is not None and said[1])
            assert view.duty, "everybody in a TST has one, the unit itself too"
        for item in ITEMS[:2]:
            found = {(item, each.ordinal): each.answer for each in self.state.answers.for_item(item)}
            assert found == {key: said for key, said in self.kin.items() if key[0] == item}

    @invariant()
    def it_moves_no_calendars_sequence(self) -> None:
        assert self.state.changes == self.state.model_copy(update={"answers": MEETING.initial.answers}).changes


Invitations.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestInvitations = pytest.mark.rule(54, 71, 72, 73)(Invitations.TestCase)


@pytest.mark.rule(54, 71, 72)
def test_a_duty_is_declined_with_a_deputy_of_the_service_or_a_reason() -> None:
    state, ppt = after(), Seat(service=Service.PPT)
    with pytest.raises(DeputyOrReasonMissingError):
        answer(state, ppt, NO)
    [event] = answer(state, ppt, ILL)
    assert isinstance(event, InvitationAnswered)
    assert (event.duty, event.reason, event.seat) == (True, "ill", ppt)
    for deputy in (Deputy(role=Role.PPT_ADVISER), Deputy(role=Role.LEADER, unit=ELSEWHERE)):
        [event] = answer(state, ppt, Given(InvitationAnswer.DECLINED, deputy))
        assert isinstance(event, InvitationAnswered)
        assert event.deputy == deputy
    stranger = Deputy(role=Role.LEADER, unit=UNIT)
    for wrong in (stranger, Deputy(role=Role.GUARDIAN), Deputy(role=Role.LEADER, unit=UnitId("unit:nowhere"))):
        with pytest.raises(DeputyWrongError):
            answer(state, ppt, Given(InvitationAnswer.DECLINED, wrong))
    # Without a duty nothing need be said.
    [event] = answer(state, Seat(service=Service.NAV), NO)
    assert isinstance(event, InvitationAnswered)
    assert (event.duty, event.deputy, event.reason) == (False, None, None)


@pytest.mark.parametrize(("said", "late"), [(YES, timedelta(0)), (ILL, timedelta(hours=1))])
def test_from_the_moment_that_it_begins_nothing_is_answered(said: Given, late: timedelta) -> None:
    state = after(*named(ITEMS[0], CASE))
    assert answer(state, SEATS[0], said, BEGINS - timedelta(seconds=1))
    with pytest.raises(MeetingHasBegunError):
        answer(state, SEATS[0], said, BEGINS + late)
    with pytest.raises(MeetingHasBegunError):
        decide_family_answer(state, ITEMS[0], Role.GUARDIAN, 1, YES, BEGINS + late)


def test_only_what_is_called_is_answered() -> None:
    planned = MEETING.fold(MEETING.initial, decide_plan(MEETING.initial, new()))
    called = after()
    cancelled = MEETING.fold(called, decide_cancel(called, "other"))
    for state in (planned, cancelled):
        with pytest.raises(MeetingStateError):
            answer(state, SEATS[0], YES)


@pytest.mark.rule(53, 54, 71, 72)
@given(
    st.sampled_from(Service),
    st.sampled_from([None, UNIT, UnitId("unit:tynset-skole")]),
    st.frozensets(st.sampled_from([Role.LEADER, Role.HEALTH_NURSE, Role.PPT_ADVISER, Role.TEACHER])),
)
def test_a_seat_is_for_the_service_and_of_a_barnehage_for_the_unit_and_in_the_role_that_the_profile_names(
    service: Service, unit: UnitId | None, roles: frozenset[Role]
) -> None:
    state = after()
    seated = service in DUTY or (service is Service.BARNEHAGE and unit == UNIT)
    # Of helsestasjon it is the health nurse's; whoever leads it says who comes.
    seated = seated and (service is not Service.HELSESTASJON or bool(roles & {Role.LEADER, Role.HEALTH_NURSE}))
    office = Office(service, unit, roles)
    try:
        seat = own_seat(TYNSET, TST, state, office)
    except NoSeatError:
        assert not seated
    else:
        assert seated
        assert seat in SEATS
    standing = own_standing(TST, Asked(state.invited, state.units), office)
    assert standing == (Standing.ASKED if seated else None)
    with pytest.raises(NoSeatError):
        own_seat(TYNSET, TST, state, Office(None, unit, roles))


@pytest.mark.rule(73)
def test_the_family_is_invited_for_its_own_child_only_and_while_it_is_spoken_of() -> None:
    state = after(*named(ITEMS[0], CASE))
    assert family_item(state, TST, CASE, Role.CHILD).item == ITEMS[0]
    with pytest.raises(UnknownError):
        family_item(state, TST, OTHER_CASE, Role.GUARDIAN)
    assert invited_family(TST) == {Role.GUARDIAN, Role.CHILD}
    for part in ("guardians", "child"):
        alone = TST.model_copy(update={part: None})
        role = Role.GUARDIAN if part == "guardians" else Role.CHILD
        assert invited_family(alone) == {Role.GUARDIAN, Role.CHILD} - {role}
        with pytest.raises(UnknownError):
            family_item(state, alone, CASE, role)
    gone = MEETING.fold(state, [AgendaItemRemoved(meeting=MEETING_REF, item=ITEMS[0], reason="by-request")])
    with pytest.raises(UnknownError):
        family_item(gone, TST, CASE, Role.GUARDIAN)
    # Brought again, it is the same child: the family is not asked twice.
    again = MEETING.fold(gone, named(ITEMS[2], CASE))
    assert family_item(again, TST, CASE, Role.GUARDIAN).item == ITEMS[0]


@pytest.mark.rule(73, 146)
def test_the_family_is_told_where_it_is_and_of_its_own_interpreter_only() -> None:
    items = [
        each.model_copy(update={"interpreters": frozenset({language})}) if isinstance(each, AgendaItemAdded) else each
        for item, case, language in ((ITEMS[0], CASE, "ti"), (ITEMS[1], OTHER_CASE, "so"))
        for each in named(item, case)
    ]
    state = after(*items)
    assert place_for_family(TYNSET, TST, state.units) == "Tynset barnehage"
    assert place_for_family(TYNSET, TST, state.units | {UnitId("unit:kvikne-barnehage")}) is None
    assert place_for_family(TYNSET, TST, state.units | {UnitId("unit:tynset-barneskole")}) == "Tynset barneskole"
    elsewhere = {place: TST.model_copy(update={"place": Where(at=place)}) for place in Place}
    assert place_for_family(TYNSET, elsewhere[Place.MUNICIPALITY], state.units) == TYNSET.name
    for place in (Place.HOSPITAL, Place.BY_AGREEMENT):
        assert place_for_family(TYNSET, elsewhere[place], state.units) is None
    view = invitation_view(state, TST, "Tynset barnehage", family_item(state, TST, CASE, Role.GUARDIAN), None)
    assert (view.interpreters, view.standing) == (("ti",), Standing.ASKED)


@pytest.mark.rule(54)
def test_who_was_there_is_what_counts_whatever_was_answered() -> None:
    """A held meeting's facts, of which conformity and deviations are made, are the same after any answer."""
    held = MeetingHeld(
        meeting=MEETING_REF,
        arena=ArenaRef("arn_" + "b" * 26),
        arena_type="tst",
        started_at=BEGINS,
        ended_at=BEGINS + timedelta(minutes=150),
        chair=Role.LEADER,
        attendance=(
            Attendance(service=Service.PPT, role=Role.PPT_ADVISER, present=True),
            Attendance(service=Service.BARNEVERN, role=Role.CHILD_WELFARE_OFFICER, present=False, absence_reason="ill"),
        ),
        kinds_covered=frozenset(ItemKind),
    )
    silent = after()
    answered = silent
    for seat, said in ((Seat(service=Service.PPT), ILL), (Seat(service=Service.BARNEVERN), YES)):
        answered = MEETING.fold(answered, answer(answered, seat, said))
    assert answered != silent
    assert facts_of(MEETING.fold(answered, [held])) == facts_of(MEETING.fold(silent, [held])) is not None
