"""What units record of themselves: gaps follow from the profile and the counts alone, and sums from their parts."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.profile import Profile
from services.meetings.domain.unit_register import (
    BACK_DAYS,
    REGISTER,
    Counted,
    RegisterState,
    Standing,
    check_leader,
    competence_lines,
    competence_of,
    competence_overview,
    decide_count,
    decide_give,
    decide_hours,
    decide_take_back,
    guidance_lines,
    hours_lines,
    hours_of,
    monday,
    renew_by,
    school_weeks,
    standing_of,
    steps_of,
    unit_of,
    units_seen,
)
from services.meetings.domain.year import Calendar, SchoolHoliday, Term
from services.meetings.errors import (
    CompetenceCountError,
    GuidanceNotRecordedError,
    NotYoursToRecordError,
    RecordedDayError,
    RegisterForbiddenError,
)
from services.meetings.settings import MeetingsSettings
from shared.auth import Actor
from shared.contracts.base import EventData
from shared.contracts.codes import Role, Service
from shared.refs import ActorId, LogScope, UnitId, UnitRegisterRef

PROFILES = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)
TYNSET, SKIEN, RENNESOY = (PROFILES[LogScope(number)] for number in ("3427", "4003", "1142"))
REF = UnitRegisterRef("reg_" + "b" * 26)
TODAY = date(2026, 11, 20)
COUNTS = st.builds(
    Counted,
    staff=st.integers(1, 60),
    having=st.integers(0, 70),
    on=st.dates(TODAY - timedelta(days=BACK_DAYS + 40), TODAY + timedelta(days=40)),
)


def actor(unit: str | None, *roles: Role, service: Service | None = None) -> Actor:
    return Actor(
        id=ActorId("act_somebody0"),
        kind="user",
        roles=frozenset(roles),
        service=service,
        unit=None if unit is None else UnitId(unit),
        organisation=None,
        municipality=LogScope("3427"),
        client="tests",
        acr=None,
    )


@pytest.mark.rule(112, 115, 117, 118, 119)
@given(
    st.lists(
        st.tuples(st.sampled_from(["leading-meetings", "participation", "own-field", "another"]), COUNTS), max_size=12
    )
)
def test_the_last_count_that_is_taken_stands_and_gaps_follow_from_it(counts: list[tuple[str, Counted]]) -> None:
    unit = next(each for each in TYNSET.units if each.id == "unit:tynset-barnehage")
    asked = {each.code: each for each in competence_of(TYNSET, unit)}
    state, history = RegisterState(), list[EventData]()
    expected: dict[str, Counted] = {}
    for code, counted in counts:
        before = expected.get(code)
        in_time = TODAY - timedelta(days=BACK_DAYS) <= counted.on <= TODAY
        right = counted.having <= counted.staff
        try:
            events = decide_count(state, REF, TYNSET, unit, code, counted, TODAY)
        except NotYoursToRecordError:
            assert code not in asked
        except RecordedDayError:
            assert not in_time
        except CompetenceCountError:
            assert not right
        else:
            assert code in asked
            assert in_time
            assert right
            assert bool(events) == (counted != before)
            expected[code] = counted
            history += events
            state = REGISTER.fold(state, events)
    assert dict(state.competence) == expected
    assert REGISTER.replay(history) == state
    lines = competence_lines(TYNSET, TYNSET.units, {unit.id: state}, TODAY)
    own = {line.competence: line for line in lines if line.unit == unit.id}
    assert own.keys() == asked.keys()
    for code, line in own.items():
        counted_so = expected.get(code)
        assert line.gap == (counted_so is None or counted_so.having == 0 or line.standing is Standing.OUT_OF_DATE)
    for each in competence_overview(TYNSET, lines):
        assert each.units == len(each.gaps) + len(each.held_by)
        assert not set(each.gaps) & set(each.held_by)
        assert set(each.held_by) <= {unit.id}


@pytest.mark.rule(119)
@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(0, 900))
def test_what_is_to_be_renewed_every_year_is_out_of_date_after_its_day_a_year_on(on: date, passed: int) -> None:
    [line] = SKIEN.competence
    assert line.renewed_months == 12
    counted, today = Counted(staff=4, having=3, on=on), on + timedelta(days=passed)
    due = renew_by(line, counted)
    assert due is not None
    assert (due.year, due.month) == (on.year + 1, on.month)
    assert due.day == (28 if (on.month, on.day) == (2, 29) else on.day)
    assert (standing_of(line, counted, today) is Standing.OUT_OF_DATE) == (today > due)
    assert standing_of(line, None, today) is Standing.NOT_RECORDED
    assert standing_of(line, Counted(staff=4, having=0, on=on), on) is Standing.MISSING
    assert standing_of(line, Counted(staff=4, having=4, on=on), on) is Standing.ALL
    assert standing_of(line, counted, on) is Standing.SOME


@pytest.mark.rule(108, 109)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["newborn", "barnehage", "school-start", "youth"]),
            st.integers(0, 500) | st.integers(0, 2),
            st.booleans(),
        ),
        max_size=8,
    )
)
def test_guidance_is_given_by_whom_the_plan_names_and_counts_in_its_school_year_until_it_is_taken_back(
    given_: list[tuple[str, int, bool]],
) -> None:
    unit = next(each for each in TYNSET.units if each.id == "unit:tynset-barnehage")
    year = TYNSET.calendar.school_year_of(TODAY)
    state = RegisterState()
    days: dict[str, set[date]] = {}
    for step, ago, back in given_:
        on = TODAY - timedelta(days=ago)
        if back:
            there = on in days.get(step, set())
            with nullcontext() if there else pytest.raises(GuidanceNotRecordedError):
                state = REGISTER.fold(state, decide_take_back(state, REF, unit, step, on, "wrong-day"))
                days[step].remove(on)
            continue
        try:
            events = decide_give(state, REF, TYNSET, unit, step, on, TODAY)
        except NotYoursToRecordError:
            assert step not in {each.code for each in steps_of(TYNSET, unit)}
            continue
        except RecordedDayError:
            assert ago > BACK_DAYS
            continue
        assert bool(events) == (on not in days.get(step, set()))
        days.setdefault(step, set()).add(on)
        state = REGISTER.fold(state, events)
    lines = guidance_lines(TYNSET, {unit.id: state}, year, TODAY)
    assert [line.from_months for line in lines] == sorted(line.from_months for line in lines)
    for line in lines:
        in_year = [day for day in days.get(line.step, set()) if year.holds(day)] if line.unit == unit.id else []
        assert line.given_on == max(in_year, default=None)
    # Every step of the plan is somebody's at every age up to eighteen.
    assert {line.step for line in lines} == {step.code for step in TYNSET.parent_guidance}
    assert all(
        any(step.from_months <= month < step.to_months for step in TYNSET.parent_guidance) for month in range(216)
    )


UNITS = [unit for unit in RENNESOY.units if hours_of(RENNESOY, unit)]


@pytest.mark.rule(163)
@given(st.lists(st.tuples(st.sampled_from(UNITS), st.integers(0, 150), st.integers(0, 300)), max_size=25))
def test_hours_are_the_sum_of_the_weeks_each_counted_once(recorded: list[tuple[object, int, int]]) -> None:
    year = RENNESOY.calendar.school_year_of(TODAY)
    states = {unit.id: RegisterState() for unit in UNITS}
    expected: dict[tuple[UnitId, date], int] = {}
    for chosen, ago, minutes in recorded:
        unit = next(each for each in UNITS if each is chosen)
        day = TODAY - timedelta(days=ago)
        events = decide_hours(states[unit.id], REF, RENNESOY, unit, "cos", day, minutes, TODAY)
        assert bool(events) == (expected.get((unit.id, monday(day))) != minutes)
        expected[unit.id, monday(day)] = minutes
        states[unit.id] = REGISTER.fold(states[unit.id], events)
    lines = hours_lines(RENNESOY, UNITS, states, year, TODAY)
    for term in {line.term for line in lines}:
        of_term = [line for line in lines if line.term == term]
        [total] = [line for line in of_term if line.unit is None]
        for name in ("minutes", "recorded", "due_minutes"):
            assert getattr(total, name) == sum(getattr(line, name) for line in of_term if line.unit is not None)
        for line in of_term:
            assert line.weeks == len(school_weeks(RENNESOY.calendar, year, line.first, line.last, TODAY))
            if line.unit is not None:
                assert line.due_minutes == 120 * line.weeks
                assert line.minutes == sum(
                    minutes
                    for (unit_id, week), minutes in expected.items()
                    if unit_id == line.unit and line.first <= week <= line.last
                )


@pytest.mark.rule(163)
def test_holidays_take_no_hours_and_a_week_is_due_when_it_is_over() -> None:
    year = RENNESOY.calendar.school_year(2027)
    weeks = school_weeks(RENNESOY.calendar, year, date(2027, 8, 1), date(2027, 12, 31), date(2027, 11, 19))
    # From school start on 17 August to the week that ended on 14 November, without the week of the autumn holiday.
    assert weeks[0] == date(2027, 8, 16)
    assert weeks[-1] == date(2027, 11, 8)
    assert date(2027, 10, 11) not in weeks
    assert len(weeks) == 12
    school = next(unit for unit in RENNESOY.units if unit.id == "unit:vikevag-skole")
    ppt = next(unit for unit in RENNESOY.units if unit.id == "unit:rennesoy-ppt")
    for unit, code, day in ((ppt, "cos", TODAY), (school, "another", TODAY)):
        with pytest.raises(NotYoursToRecordError):
            decide_hours(RegisterState(), REF, RENNESOY, unit, code, day, 60, TODAY)
    with pytest.raises(RecordedDayError):
        decide_hours(RegisterState(), REF, RENNESOY, school, "cos", TODAY + timedelta(days=7), 60, TODAY)


@pytest.mark.rule(163)
def test_a_week_over_new_year_is_due_in_the_term_in_which_its_minutes_count() -> None:
    """School begins on Friday 2 January 2026, in a week that began in December: it is due once, where it is recorded."""
    christmas = SchoolHoliday(name="juleferie", first=date(2025, 12, 20), last=date(2026, 1, 1))
    calendar = RENNESOY.calendar.model_copy(update={"school_holidays": (christmas,)})
    profile = RENNESOY.model_copy(update={"calendar": calendar})
    unit, week = UNITS[0], date(2025, 12, 29)
    events = decide_hours(RegisterState(), REF, profile, unit, "cos", date(2026, 1, 2), 120, date(2026, 2, 1))
    state = REGISTER.fold(RegisterState(), events)
    year = calendar.school_year(2025)
    lines = [
        line
        for line in hours_lines(profile, [unit], {unit.id: state}, year, date(2026, 2, 1))
        if week in school_weeks(calendar, year, line.first, line.last, date(2026, 2, 1))
    ]
    assert [(line.minutes, line.recorded) for line in lines] == [(120, 1)], "where it is due it is counted, and once"


@pytest.mark.rule(163)
def test_the_week_in_which_school_begins_counts_also_where_the_term_begins_in_the_middle_of_it() -> None:
    """Terms as long as school is: the first begins on Tuesday 17 August 2027, and Monday 16 August is in none."""
    terms = (Term(name="autumn", first="08-17", last="12-17"), Term(name="spring", first="01-03", last="06-16"))
    calendar = Calendar(terms=terms, school_holidays=())
    profile, unit = RENNESOY.model_copy(update={"calendar": calendar}), UNITS[0]
    year, today, week = calendar.school_year(2027), date(2028, 7, 1), date(2027, 8, 16)
    events = decide_hours(RegisterState(), REF, profile, unit, "cos", date(2027, 8, 19), 120, date(2027, 9, 1))
    lines = hours_lines(profile, [unit], {unit.id: REGISTER.fold(RegisterState(), events)}, year, today)
    assert [(line.term, line.minutes, line.recorded) for line in lines] == [("autumn", 120, 1), ("spring", 0, 0)]
    mondays = {line.term: school_weeks(calendar, year, line.first, line.last, today) for line in lines}
    assert (mondays["autumn"][0], mondays["autumn"][-1]) == (week, date(2027, 12, 13))
    assert (mondays["spring"][0], mondays["spring"][-1]) == (date(2028, 1, 3), date(2028, 6, 12))
    assert week not in school_weeks(calendar, calendar.school_year(2026), date(2027, 1, 3), date(2027, 6, 16), today)


@pytest.mark.rule(163)
def test_a_unit_owes_no_hours_of_weeks_in_which_it_is_not_there() -> None:
    """One opened on Thursday 15 October, another closed a year before, and a third is always there."""
    year, today = RENNESOY.calendar.school_year(2026), date(2027, 1, 20)
    always, opened, closed = UNITS[0], UNITS[1], UNITS[2]
    opened = opened.model_copy(update={"first_day": date(2026, 10, 15)})
    closed = closed.model_copy(update={"last_day": date(2025, 6, 20)})
    lines = hours_lines(RENNESOY, [always, opened, closed], {}, year, today)
    autumn = {line.unit: line for line in lines if line.term == "autumn"}
    assert autumn.keys() == {None, always.id, opened.id}, "of one that was never there nothing is said"
    weeks = school_weeks(RENNESOY.calendar, year, date(2026, 8, 1), date(2026, 12, 31), today)
    assert autumn[always.id].weeks == len(weeks)
    assert autumn[opened.id].weeks == len([week for week in weeks if week >= date(2026, 10, 12)]) < len(weeks)
    assert autumn[opened.id].due_minutes == 120 * autumn[opened.id].weeks
    total = autumn[None]
    assert (total.weeks, total.due_minutes) == (len(weeks), 120 * (len(weeks) + autumn[opened.id].weeks))


@pytest.mark.rule(117)
def test_who_records_and_who_reads() -> None:
    leader = actor("unit:tynset-barnehage", Role.LEADER, service=Service.BARNEHAGE)
    teacher = actor("unit:tynset-barnehage", Role.TEACHER, service=Service.BARNEHAGE)
    coordinator = actor("unit:tynset-kommune", Role.COORDINATOR)
    auditor = actor("unit:tynset-barnehage", Role.AUDITOR)
    elsewhere = actor("unit:vikevag-skole", Role.LEADER)
    assert unit_of(TYNSET, teacher, TODAY).id == "unit:tynset-barnehage"
    for no in (auditor, elsewhere, actor(None, Role.LEADER)):
        with pytest.raises(RegisterForbiddenError):
            unit_of(TYNSET, no, TODAY)
    check_leader(leader)
    for no in (teacher, coordinator):
        with pytest.raises(RegisterForbiddenError):
            check_leader(no)
    assert [unit.id for unit in units_seen(TYNSET, leader, TODAY)] == ["unit:tynset-barnehage"]
    assert units_seen(TYNSET, coordinator, TODAY) == list(TYNSET.units)
    for no in (teacher, auditor, elsewhere):
        with pytest.raises(RegisterForbiddenError):
            units_seen(TYNSET, no, TODAY)
    closed = _without(TYNSET, "unit:tynset-barnehage")
    with pytest.raises(RegisterForbiddenError):
        unit_of(closed, leader, TODAY)


def _without(profile: Profile, unit: str) -> Profile:
    """Return the profile with the unit closed."""
    units = tuple(
        each.model_copy(update={"last_day": date(2025, 6, 30)}) if each.id == unit else each for each in profile.units
    )
    return profile.model_copy(update={"units": units})
