"""Meetings around children against counting days: when there was a group, for whom a meeting is due, and which are missing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.around_child import (
    Standing,
    Told,
    asked,
    conformity_around,
    deviations_around,
    due_meetings,
    to_be_told,
)
from services.meetings.domain.child_facts import Brought, Child, ChildFact, FactKind, Said
from services.meetings.domain.conformity import HELD, View, conformity
from services.meetings.domain.deviating import NOTICE_DAYS, to_tell
from services.meetings.domain.meeting import ItemStatus, Status
from services.meetings.domain.profile import Profile
from services.meetings.domain.year import SchoolYear
from services.meetings.settings import MeetingsSettings
from shared.calendar import at_oslo
from shared.clock import OSLO
from shared.refs import CaseRef, LogScope, MeetingRef

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
NOTODDEN: Final = read_profiles(FOLDER)[LogScope("4005")]
ALL: Final = View(everything=True)
YEARS: Final = (2026, 2027, 2028)
"""The middle one has a leap day."""
GROUP, TRANSITION = "ansvarsgruppe", "overgang-barnehage-skole"
FIRST: Final = date(2026, 8, 1)
DAYS: Final = st.integers(0, 3 * 365)
CASE: Final = CaseRef("cas_" + "b" * 26)
NEWS: Final = st.lists(st.tuples(DAYS, st.integers(0, 23), st.sampled_from(FactKind)), max_size=8)
MEETINGS: Final = st.lists(
    st.tuples(DAYS, st.sampled_from(Status), st.sampled_from(ItemStatus), st.sampled_from((GROUP, TRANSITION))),
    max_size=6,
)


def moment(days: int, hour: int = 12) -> datetime:
    """Return an hour of that day in Norway, in UTC as events have it."""
    return at_oslo(FIRST + timedelta(days=days), time(hour)).astimezone(UTC)


def child(
    news: Iterable[tuple[int, int, FactKind]],
    meetings: Iterable[tuple[int, Status, ItemStatus, str]] = (),
    forms: Iterable[tuple[int, int, int]] = (),
) -> Child:
    """Return a case about which these things were said, that was brought to these meetings, and has these forms to school."""
    facts = [
        (days, hour, ChildFact(kind=kind, school_start=2028 if kind is FactKind.STARTS_SCHOOL else None))
        for days, hour, kind in sorted(news)
    ]
    facts += [(days, hour, ChildFact(kind=FactKind.STARTS_SCHOOL, school_start=start)) for days, hour, start in forms]
    facts.sort(key=lambda fact: fact[:2])
    said = [Said(number, moment(days, hour), fact) for number, (days, hour, fact) in enumerate(facts, start=1)]
    brought = [
        Brought(MeetingRef(f"mtg_{number}"), arena_type, moment(days), status, item)
        for number, (days, status, item, arena_type) in enumerate(meetings)
    ]
    return Child(CASE, tuple(said), tuple(brought))


def had_group(of: Child, day: date) -> bool:
    """Return whether there was a group at the end of that day: everything told again from the beginning."""
    told: list[tuple[datetime, int, str]] = [(each.at, each.sequence, each.fact.kind.value) for each in of.said]
    told += [
        (each.starts_at, 0, "met")
        for each in of.brought
        if each.arena_type == GROUP
        and each.status in HELD
        and each.item in {ItemStatus.DISCUSSED, ItemStatus.OUTCOME_RECORDED}
    ]
    led = plan = met = False
    for at, _, what in sorted(told):
        if at.astimezone(OSLO).date() > day:
            break
        if what == "shut":
            led = plan = met = False
        led = led if what not in {"coordinated", "uncoordinated"} else what == "coordinated"
        plan = plan if what not in {"plan-begun", "plan-ended"} else what == "plan-begun"
        met = (met or what == "met") and what not in {"uncoordinated", "plan-ended"}
    return led or plan or met


@lru_cache
def last_open(first: date, last: date, year: SchoolYear) -> date:
    """Return the last day of them on which one can meet."""
    return max(day for day in NOTODDEN.calendar.open_days(year) if first <= day <= last)


@pytest.mark.rule(23, 29)
@settings(max_examples=150, deadline=None)
@given(NEWS, MEETINGS, st.sampled_from(YEARS), DAYS)
def test_a_group_is_to_meet_in_each_term_in_which_it_was_there_in_time(
    news: list[tuple[int, int, FactKind]],
    meetings: list[tuple[int, Status, ItemStatus, str]],
    begins: int,
    now: int,
) -> None:
    of, today = child(news, meetings), FIRST + timedelta(days=now)
    year = NOTODDEN.calendar.school_year(begins)
    terms = [(name.name, first, last) for name, first, last in NOTODDEN.calendar.terms_of(year)]
    expected = []
    for name, first, last in terms:
        until = last_open(first, last, year)
        days = [until - timedelta(days=back) for back in range(NOTICE_DAYS + 1)]
        if not all(had_group(of, day) for day in days):
            continue
        mine = [each for each in of.brought if each.arena_type == GROUP and first <= each.day <= last]
        held = [each for each in mine if each.was_spoken_of]
        ahead = [each for each in mine if each.is_ahead(today)]
        standing = Standing.HELD if held else Standing.CALLED if ahead else Standing.MISSING
        expected.append((name, len(held), len(ahead), standing))
    lines = [each for each in due_meetings(NOTODDEN, year, [of], today) if each.arena_type == GROUP]
    assert [(each.period, each.held, each.ahead, each.standing) for each in lines] == expected
    assert {each.due for each in lines} <= {1}
    lacking = {name for name, _, _, standing in expected if standing is Standing.MISSING}
    rows = conformity_around(NOTODDEN, year, [of], today, ALL)
    assert {row.period for row in rows if row.arena_type == GROUP and not row.conforms} == lacking


@pytest.mark.rule(29)
@pytest.mark.parametrize("begins", YEARS)
def test_twice_a_year_in_spring_and_in_autumn_also_when_there_is_a_leap_day(begins: int) -> None:
    year = NOTODDEN.calendar.school_year(begins)
    of = child([(0, 8, FactKind.COORDINATED)])
    lines = [each for each in due_meetings(NOTODDEN, year, [of], year.first) if each.arena_type == GROUP]
    assert [(each.period, each.first, each.last, each.rule) for each in lines] == [
        ("autumn", date(begins, 8, 1), date(begins, 12, 31), 29),
        ("spring", date(begins + 1, 1, 1), date(begins + 1, 7, 31), 29),
    ]
    assert {each.standing for each in lines} == {Standing.MISSING}


@pytest.mark.rule(29)
@pytest.mark.parametrize(
    ("back", "due"), [(NOTICE_DAYS + 1, True), (NOTICE_DAYS, True), (NOTICE_DAYS - 1, False), (0, False)]
)
def test_a_group_that_begins_late_in_a_term_has_not_met_before_it_was_there(back: int, due: bool) -> None:
    year = NOTODDEN.calendar.school_year(2026)
    until = last_open(date(2026, 8, 1), date(2026, 12, 31), year)
    of = child([((until - timedelta(days=back) - FIRST).days, 9, FactKind.COORDINATED)])
    lines = [each for each in due_meetings(NOTODDEN, year, [of], until) if each.arena_type == GROUP]
    assert [each.period for each in lines] == (["autumn", "spring"] if due else ["spring"])


@pytest.mark.rule(10, 11)
@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2 * 365),
    st.none() | st.integers(1, 400),
    st.lists(st.tuples(DAYS, st.integers(2027, 2029)), max_size=3, unique_by=lambda form: form[0]),
    st.sampled_from(YEARS),
)
def test_a_transition_is_due_in_the_window_before_the_child_starts_school(
    opened: int, closed_after: int | None, forms: list[tuple[int, int]], begins: int
) -> None:
    news = [(opened, 8, FactKind.HELD)]
    news += [] if closed_after is None else [(opened + closed_after, 8, FactKind.SHUT)]
    year = NOTODDEN.calendar.school_year(begins)
    until = last_open(date(begins, 10, 1), date(begins, 11, 30), year)
    since = FIRST + timedelta(days=opened)
    still = closed_after is None or since + timedelta(days=closed_after) > until
    # A start that is put off is put off: the latest form counts.
    starts = max(forms)[1] if forms else None
    due = starts == begins + 1 and since <= until - timedelta(days=NOTICE_DAYS) and still
    of = child(news, forms=[(days, 9, start) for days, start in forms])
    lines = [each for each in due_meetings(NOTODDEN, year, [of], until) if each.arena_type == TRANSITION]
    assert [(each.first, each.last, each.rule) for each in lines] == (
        [(date(begins, 10, 1), date(begins, 11, 30), 10)] if due else []
    )


@pytest.mark.rule(29, 95)
@settings(max_examples=50, deadline=None)
@given(st.integers(0, 8), st.integers(0, 8))
def test_how_many_is_told_without_what_is_small(met: int, missing: int) -> None:
    year = NOTODDEN.calendar.school_year(2026)
    coordinated = [(0, 8, FactKind.COORDINATED)]
    held = [(60, Status.HELD, ItemStatus.DISCUSSED, GROUP)]
    children = [child(coordinated, held)] * met + [child(coordinated)] * missing
    over = date(2027, 1, 7)
    found = to_be_told(NOTODDEN, year, children, over, after=7, within=60)
    assert set(found) == {(GROUP, "2026-08-01")}
    told = found[GROUP, "2026-08-01"]
    both = met >= 5 and missing >= 5
    assert (told.children, told.held, told.missing) == ((met + missing, met, missing) if both else (None,) * 3), (
        "beside `conforms`, which says whether none is missing, a total of five would leave no six numbers that had theirs"
    )
    assert not to_be_told(NOTODDEN, year, children, over - timedelta(days=1), after=7, within=60)


@pytest.mark.rule(10, 11, 13)
def test_who_starts_school_is_known_in_spring_and_then_it_is_told_that_they_had_no_meeting() -> None:
    year = NOTODDEN.calendar.school_year(2027)
    opened, written, starting = date(2027, 8, 20), date(2028, 4, 28), []
    for met in (False,) * 5 + (True,) * 6:
        news = [((opened - FIRST).days, 8, FactKind.HELD), ((written - FIRST).days, 8, FactKind.STARTS_SCHOOL)]
        held = [((date(2027, 11, 9) - FIRST).days, Status.HELD, ItemStatus.DISCUSSED, TRANSITION)]
        starting.append(child(news, held if met else ()))

    def told(today: date) -> list[date]:
        missing = deviations_around(conformity_around(NOTODDEN, year, starting, today, ALL), today)
        found = [each for _, each in to_tell(NOTODDEN, year, [], today, missing)]
        return [each.day for each in found if (each.arena_type, each.unit) == (TRANSITION, None)]

    for today in (date(2028, 5, 1), date(2028, 7, 31), date(2028, 9, 29)):
        assert told(today) == [date(2027, 11, 30)]
    assert told(date(2028, 9, 30)) == []
    key = (TRANSITION, "2027-10-01")
    assert key not in to_be_told(NOTODDEN, year, starting, date(2027, 12, 13), after=7, within=60)
    assert key not in to_be_told(NOTODDEN, year, starting, date(2028, 8, 6), after=7, within=60)
    counted = to_be_told(NOTODDEN, year, starting, date(2028, 8, 7), after=7, within=60)[key]
    assert (counted.children, counted.held, counted.missing) == (11, 6, 5)


@pytest.mark.rule(29, 95)
def test_a_total_that_was_told_without_its_parts_before_is_told_no_more() -> None:
    year, view = NOTODDEN.calendar.school_year(2026), View(everything=True)
    before = {(GROUP, "2026-08-01"): Told(children=5, held=None, missing=None)}
    rows = conformity_around(NOTODDEN, year, [], date(2027, 1, 7), view, before)
    assert [row.told for row in rows if row.told is not None] == [Told(children=None, held=None, missing=None)]
    whole = {(GROUP, "2026-08-01"): Told(children=11, held=6, missing=5)}
    rows = conformity_around(NOTODDEN, year, [], date(2027, 1, 7), view, whole)
    assert [row.told for row in rows if row.told is not None] == list(whole.values())


def test_each_part_of_the_year_has_a_name_of_its_own() -> None:
    for begins in YEARS:
        keys = [each.key for each in asked(NOTODDEN, NOTODDEN.calendar.school_year(begins))]
        assert len(set(keys)) == len(keys) == 3


@pytest.mark.rule(10, 29, 148)
@pytest.mark.parametrize("profile", read_profiles(FOLDER).values(), ids=lambda profile: profile.scope)
def test_an_arena_says_whether_its_meetings_are_counted(profile: Profile) -> None:
    begins = next(each for each in YEARS if profile.calendar.knows_holidays_of(profile.calendar.school_year(each)))
    year = profile.calendar.school_year(begins)
    found = {row.arena_type for row in conformity(profile, year, [], year.first, ALL)}
    found |= {row.arena_type for row in conformity_around(profile, year, [], year.first, ALL)}
    for rules in profile.arenas:
        if rules.begins is None and rules.retired is None:
            assert rules.counted == (rules.type in found), rules.type
    if (contact := profile.arena("foreldrekontakt")) is not None:
        assert not contact.counted
