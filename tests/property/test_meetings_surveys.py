"""Surveys: whatever is answered in whatever order, the sums are the same bytes long, and of too few answers nothing is said."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.meeting import Item
from services.meetings.domain.survey import (
    ROUND,
    SCALE,
    SURVEY,
    RoundState,
    Sat,
    SurveyState,
    Term,
    check_answers,
    completed_at,
    counted,
    decide_close,
    decide_complete,
    decide_open,
    empty_tally,
    family_there,
    family_ticket,
    mark_of,
    mark_of_ticket,
    seat_ticket,
    seats_taken,
    surveys_after,
    term_of,
    unpacked,
    was_there,
)
from services.meetings.domain.undertakings import LEAST_SHOWN
from services.meetings.errors import AnswersWrongError, SurveyClosedError, UnknownError
from services.meetings.settings import MeetingsSettings
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import Attendance, ChildPart, ItemKind, ItemMode
from shared.contracts.surveys import SurveyRoundCompleted
from shared.refs import ActorId, CaseRef, ItemRef, LogScope, MeetingRef, SurveyRef, SurveyRoundRef, UnitId

pytestmark = pytest.mark.rule(74, 152, 153)

PROFILES = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)
TYNSET = PROFILES[LogScope("3427")]
[FORM] = surveys_after(TYNSET, "tst")
ONE, OTHER = SurveyRef("srv_" + "b" * 26), SurveyRef("srv_" + "c" * 26)
MEETING, ROUND_REF = MeetingRef("mtg_" + "b" * 26), SurveyRoundRef("srd_" + "b" * 26)
NOW = datetime(2026, 9, 8, 12, tzinfo=UTC)
SECRET = bytes(range(32))
TERM = Term(date(2026, 8, 1), date(2026, 12, 31))
QUESTIONS = [question.code for question in FORM.questions]
ANSWERS = st.lists(st.tuples(*(st.sampled_from(SCALE) for _ in QUESTIONS)), max_size=40)


def somebody(service: Service | None, unit: str, role: Role) -> Actor:
    return Actor(
        id=ActorId("act_somebody0"),
        kind="user",
        roles=frozenset({role}),
        service=service,
        unit=UnitId(unit),
        organisation=None,
        municipality=LogScope("3427"),
        client="tests",
        acr=None,
    )


def opened() -> SurveyState:
    services = frozenset({Service.BARNEHAGE, Service.PPT})
    units = frozenset({UnitId("unit:tynset-barnehage")})
    return SURVEY.replay(decide_open(SurveyState(), ONE, MEETING, FORM, ROUND_REF, services, units, NOW))


@given(ANSWERS, st.randoms(use_true_random=False), st.integers(LEAST_SHOWN, 20))
def test_only_what_all_answers_come_to_is_known_and_of_too_few_nothing(
    answers: list[tuple[int, ...]], random: object, least: int
) -> None:
    shuffled = list(answers)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one = another = empty_tally(SECRET, len(QUESTIONS))
    sizes = {len(one.packed())}
    for first, second in zip(answers, shuffled, strict=True):
        one, another = counted(one, first), counted(another, second)
        sizes.add(len(one.packed()))
        assert unpacked(one.packed()) == one
    # In whatever order they came, the same bytes are left, and always as many.
    assert one.packed() == another.packed()
    assert len(sizes) == 1
    [event] = decide_complete(RoundState(), ROUND_REF, FORM.code, TERM, QUESTIONS, one, least)
    assert isinstance(event, SurveyRoundCompleted)
    if len(answers) < least:
        assert (event.answers, event.results) == (None, ())
    else:
        assert event.answers == len(answers)
        for place, result in enumerate(event.results):
            mean = sum(each[place] for each in answers) / len(answers)
            assert result.question == QUESTIONS[place]
            assert abs(result.mean_tenths - 10 * mean) <= 0.5 + 1e-9
    assert decide_complete(ROUND.replay([event]), ROUND_REF, FORM.code, TERM, QUESTIONS, one, least) == []


@given(st.integers(0, 4))
def test_no_profile_shows_fewer_than_five(least: int) -> None:
    tally = empty_tally(SECRET, 1)
    for _ in range(4):
        tally = counted(tally, [5])
    [event] = decide_complete(RoundState(), ROUND_REF, "x1", TERM, ["q1"], tally, least)
    assert isinstance(event, SurveyRoundCompleted)
    assert event.answers is None
    assert all(form.least >= LEAST_SHOWN for profile in PROFILES.values() for form in profile.surveys)


@given(st.dictionaries(st.sampled_from([*QUESTIONS, "another"]), st.integers(-1, 7), max_size=3))
def test_every_question_is_answered_once_on_the_scale(answers: dict[str, int]) -> None:
    state = opened()
    right = set(answers) == set(QUESTIONS) and all(value in SCALE for value in answers.values())
    if right:
        assert check_answers(state, answers, NOW) == [answers[question] for question in QUESTIONS]
    else:
        with pytest.raises(AnswersWrongError):
            check_answers(state, answers, NOW)


@given(st.timedeltas(timedelta(0), timedelta(days=40)))
def test_it_is_open_for_the_days_of_the_profile_and_closed_once(passed: timedelta) -> None:
    state, now = opened(), NOW + passed
    good = dict.fromkeys(QUESTIONS, 3)
    if now < NOW + timedelta(days=FORM.days):
        assert check_answers(state, good, now)
        assert decide_close(state, now) == []
    else:
        with pytest.raises(SurveyClosedError):
            check_answers(state, good, now)
        closed = SURVEY.fold(state, decide_close(state, now))
        assert closed.closed
        assert decide_close(closed, now) == []
        with pytest.raises(SurveyClosedError):
            check_answers(closed, good, NOW)
    with pytest.raises(UnknownError):
        check_answers(SurveyState(), good, now)


@given(st.dates(date(2026, 1, 1), date(2030, 12, 31)), st.sampled_from(sorted(PROFILES)))
def test_every_day_is_in_one_term_and_a_round_ends_when_its_last_survey_has(day: date, scope: LogScope) -> None:
    calendar = PROFILES[scope].calendar
    term = term_of(calendar, day)
    assert term.first <= day <= term.last
    assert term_of(calendar, term.first) == term_of(calendar, term.last) == term
    assert oslo_day(completed_at(term, FORM.days)) > term.last + timedelta(days=FORM.days)


SEATS = st.builds(
    Attendance,
    service=st.sampled_from([Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON]),
    role=st.sampled_from([Role.LEADER, Role.TEACHER, Role.PPT_ADVISER]),
    present=st.booleans(),
    unit=st.sampled_from([None, UnitId("unit:tynset-barnehage"), UnitId("unit:kvikne-barnehage")]),
    deputy=st.booleans(),
)
CASES = [CaseRef("cas_" + letter * 26) for letter in "bcd"]
ITEMS = st.builds(
    Item,
    item=st.just(ItemRef("itm_" + "b" * 26)),
    kind=st.just(ItemKind.CASE),
    mode=st.sampled_from(ItemMode),
    case=st.sampled_from([None, *CASES]),
    child=st.sampled_from([None, *ChildPart]),
)


@given(st.lists(SEATS, max_size=8))
def test_there_is_a_ticket_for_each_who_was_there_and_nobody_else_can_use_it(attendance: list[Attendance]) -> None:
    taken = seats_taken(attendance)
    assert len(taken) == sum(seat.present for seat in attendance)
    for seat, sat in zip((each for each in attendance if each.present), taken, strict=True):
        for service in (Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON):
            for role in (Role.LEADER, Role.TEACHER, Role.PPT_ADVISER, Role.AUDITOR):
                for unit in ("unit:tynset-barnehage", "unit:kvikne-barnehage"):
                    like = (service, role) == (seat.service, seat.role)
                    # A deputy may be of another unit of the service's than whose seat it is (seed rules 71, 72).
                    from_there = seat.deputy or seat.unit in {None, unit}
                    assert sat.may_be(somebody(service, unit, role)) == (like and from_there)


@pytest.mark.rule(73, 189)
@given(st.lists(ITEMS, max_size=6), st.integers(0, 8))
def test_a_family_has_a_ticket_for_each_guardian_and_each_child_that_was_there(
    items: list[Item], guardians: int
) -> None:
    children = {case for case in CASES if any(i.case == case and i.child is ChildPart.PRESENT for i in items)}
    assert family_there(items, guardians) == guardians + len(children)


def test_what_is_given_by_hand_and_what_marks_somebody_cannot_be_guessed_or_told_apart() -> None:
    tally = empty_tally(SECRET, 2)
    ways = (family_ticket, seat_ticket)
    tickets = {way(tally, survey, number) for way in ways for survey in (ONE, OTHER) for number in range(4)}
    assert len(tickets) == 16
    marks = {mark_of_ticket(tally, survey, ticket) for survey in (ONE, OTHER) for ticket in tickets}
    assert len(marks) == 32
    assert not marks & {mark_of(tally, survey, ticket) for survey in (ONE, OTHER) for ticket in tickets}
    assert all(len(ticket) == 64 and ticket.isalpha() for ticket in tickets)
    assert mark_of(tally, ONE, "act_a") != mark_of(tally, OTHER, "act_a") != mark_of(tally, OTHER, "act_b")
    assert mark_of(tally, ONE, "act_a") != mark_of(empty_tally(bytes(32), 2), ONE, "act_a")
    with pytest.raises(ValueError, match="32 bytes"):
        empty_tally(b"short", 1)


@pytest.mark.parametrize(
    ("service", "unit", "role", "there"),
    [
        (Service.BARNEHAGE, "unit:tynset-barnehage", Role.LEADER, True),
        (Service.BARNEHAGE, "unit:kvikne-barnehage", Role.LEADER, False),
        (Service.BARNEHAGE, "unit:tynset-barnehage", Role.TEACHER, False),
        (Service.PPT, "unit:ppt-nord-osterdal", Role.PPT_ADVISER, True),
        (Service.BUP, "unit:bup", Role.BUP_CLINICIAN, False),
        (None, "unit:tynset-barnehage", Role.LEADER, False),
        (Service.BARNEHAGE, "unit:tynset-barnehage", Role.AUDITOR, False),
    ],
)
def test_who_was_there(service: Service | None, unit: str, role: Role, there: bool) -> None:
    seats = {"barnehage/leader", "ppt/ppt-adviser", "barnehage/auditor"}
    assert was_there(seats, {UnitId("unit:tynset-barnehage")}, somebody(service, unit, role)) is there
    alike = [Sat(Service.BARNEHAGE, Role.LEADER, UnitId("unit:tynset-barnehage")), Sat(Service.PPT, Role.PPT_ADVISER)]
    assert any(sat.may_be(somebody(service, unit, role)) for sat in alike) is there
