"""The year wheel: recurrences against counting days, closed days moved by rule, and every profile's school year three years in a row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.planning import NOTHING, OVERBOOKED, Slot, cost, plan, staff_of
from services.meetings.domain.profile import Profile
from services.meetings.domain.rhythm import EveryWeeks, Monthly, Moved, Weekday
from services.meetings.domain.wheel import Wish, WishKey, fixed_days, hosts, moved_day, periods_of, recurrence, wishes
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import HolidaysUnknownError
from services.meetings.settings import MeetingsSettings
from shared.calendar import public_holidays
from shared.clock import OSLO
from shared.contracts.codes import Service
from shared.refs import LogScope

FOLDER: Final[Path] = MeetingsSettings.model_fields["municipalities_folder"].default
PROFILES: Final[Mapping[LogScope, Profile]] = read_profiles(FOLDER)
NOTODDEN, TONSBERG, RENNESOY, SKIEN, TYNSET = (
    PROFILES[LogScope(number)] for number in ("4005", "3905", "1142", "4003", "3427")
)
YEARS: Final = (2026, 2027, 2028)
OPENED: Final = st.frozensets(st.integers(-30, 30)) | st.frozensets(st.integers(-25, 25), max_size=12).map(
    lambda closed: frozenset(range(-30, 31)) - closed - {0}
)
"""Few days or most of them, as distances from the day."""
WHICH: Final = ("first", "second", "third", "fourth", "last")
ONE_DAY: Final = timedelta(days=1)


def year_from(day: date) -> SchoolYear:
    """Return a year that begins on that day."""
    return SchoolYear(day, day + timedelta(days=364))


@lru_cache
def planned(begins: int) -> tuple[list[Wish], Mapping[WishKey, Slot]]:
    """Return all the municipalities' meetings of a school year, and where they go: services that are shared are shared."""
    asked = [wish for profile in PROFILES.values() for wish in wishes(profile, begins)]
    return asked, plan(asked, staff_of(PROFILES.values()))


def slots(profile: Profile, begins: int, arena_type: str) -> list[Slot]:
    """Return when the municipality's meetings of an arena are."""
    placed = planned(begins)[1]
    return sorted(
        slot for key, slot in placed.items() if (key.municipality, key.arena_type) == (profile.scope, arena_type)
    )


@pytest.mark.rule(40, 174, 183)
@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.sampled_from(WHICH), st.sampled_from(Weekday))
def test_a_weekday_of_every_month_is_the_one_that_counting_finds(first: date, which: str, weekday: Weekday) -> None:
    year = year_from(first)
    said = [
        moment.date()
        for moment in recurrence(
            Monthly.model_validate({"kind": "monthly", "which": which, "weekday": weekday, "rule": 40}), year
        )
    ]
    months: dict[tuple[int, int], list[date]] = {}
    day = year.first.replace(day=1)
    while day <= year.last + timedelta(days=31):
        if day.weekday() == weekday.number:
            months.setdefault((day.year, day.month), []).append(day)
        day += ONE_DAY
    chosen = [days[-1 if which == "last" else WHICH.index(which)] for days in months.values() if len(days) >= 4]
    assert said == [day for day in chosen if year.holds(day)]


@pytest.mark.rule(19)
@settings(deadline=None)
@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(1, 26), st.sampled_from(Weekday), st.booleans())
def test_every_so_many_weeks_is_counted_from_its_day(
    first: date, weeks: int, weekday: Weekday, given_day: bool
) -> None:
    year = year_from(first)
    from_day = year.first - timedelta(days=40)
    from_day += timedelta(days=(weekday.number - from_day.weekday()) % 7)
    frequency = EveryWeeks(
        kind="every-weeks", weeks=weeks, weekday=weekday, from_day=from_day if given_day else None, rule=19
    )
    said = [moment.date() for moment in recurrence(frequency, year) if year.holds(moment.date())]
    expected = [
        day
        for day in year.days()
        if day.weekday() == weekday.number
        and (
            day - (from_day if given_day else year.first + timedelta(days=(weekday.number - year.first.weekday()) % 7))
        ).days
        % (7 * weeks)
        == 0
    ]
    assert said == expected


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(Moved),
    st.integers(-20, 20),
    st.integers(0, 25),
    st.integers(0, 25),
    OPENED,
)
def test_a_closed_day_is_moved_by_its_rule_and_no_further_than_it_may(
    by: Moved, start: int, back: int, ahead: int, opened: frozenset[int]
) -> None:
    day = date(2027, 3, 25) + timedelta(days=start)
    open_days = frozenset(day + timedelta(days=number) for number in opened)
    within = (day - timedelta(days=back), day + timedelta(days=ahead))
    moved = moved_day(day, by, within, open_days)
    if day in open_days:
        assert moved == day
        return
    reachable = [each for each in open_days if within[0] <= each <= within[1]]
    if by is Moved.LEFT_OUT or not reachable:
        assert moved is None
        return
    assert moved in reachable
    same = [each for each in reachable if each.weekday() == day.weekday()]
    if by is Moved.NEAREST_DAY or not same:
        nearest = min(abs((each - day).days) for each in reachable)
        assert moved == min(each for each in reachable if abs((each - day).days) == nearest)
        return
    sign = -1 if by is Moved.WEEK_BEFORE else 1
    wanted = [each for each in same if (each - day).days * sign > 0] or same
    assert abs((moved - day).days) == min(abs((each - day).days) for each in wanted)
    assert moved in wanted


@pytest.mark.parametrize("begins", YEARS)
@pytest.mark.rule(8, 10, 15, 16, 19, 29, 40, 64, 65, 77, 119, 174, 183)
@pytest.mark.story(1)
def test_a_school_year_of_all_profiles(begins: int) -> None:
    asked, placed = planned(begins)
    assert placed.keys() == {wish.key for wish in asked}
    for wish in asked:
        profile = PROFILES[wish.key.municipality]
        year = profile.calendar.school_year(begins)
        slot = placed[wish.key]
        assert year.holds(slot.day)
        assert slot.day.weekday() < 5
        assert slot.day not in public_holidays(slot.day.year)
        assert not any(each.first <= slot.day <= each.last for each in profile.calendar.school_holidays)
        # On either side of a change of the clocks they show the time that was asked for.
        assert slot.moment.astimezone(OSLO).timetz().replace(tzinfo=None) == slot.at
        assert slot.at in wish.starts
    # Nobody is in two meetings at once, the shared services of five municipalities neither.
    assert cost(asked, placed, staff_of(PROFILES.values()), NOTHING) < OVERBOOKED
    shared = {wish.key.municipality for wish in asked if "unit:barnevern-nord-osterdal" in wish.seats}
    assert len(shared) == 5
    # Nor do they hurry from one municipality to the next between two meetings of a day.
    places: dict[tuple[str, date], set[str]] = {}
    for wish in asked:
        for unit in {"unit:barnevern-nord-osterdal", "unit:ppt-nord-osterdal"} & set(wish.seats):
            places.setdefault((unit, placed[wish.key].day), set()).add(str(wish.place))
    assert max(len(there) for there in places.values()) == 2


@pytest.mark.parametrize("begins", YEARS)
@pytest.mark.rule(8, 29, 40, 64, 65, 119, 174, 183)
def test_what_is_asked_for_is_what_is_due(begins: int) -> None:
    asked = planned(begins)[0]
    for profile in PROFILES.values():
        year = profile.calendar.school_year(begins)
        open_days = profile.calendar.open_days(year)
        for rules in profile.arenas:
            mine = [
                wish for wish in asked if (wish.key.municipality, wish.key.arena_type) == (profile.scope, rules.type)
            ]
            for units, count in Counter(wish.key.units for wish in mine).items():
                unit = profile.unit(units[0]) if units else None
                due = periods_of(profile, rules, unit.size if unit else None, year, open_days)
                assert count == sum(period.due for period in due), (profile.name, rules.type, units)


@pytest.mark.parametrize("begins", YEARS)
@pytest.mark.rule(8, 10)
def test_notoddens_ressursteam_and_transitions(begins: int) -> None:
    teams = [key for key in planned(begins)[1] if key.arena_type == "ressursteam"]
    assert Counter((key.units, key.period) for key in teams) == {
        ((unit.id,), term): 1
        for unit in NOTODDEN.units
        if unit.kind in {"barnehage", "skole"}
        for term in ("autumn", "spring")
    }
    to_school = slots(NOTODDEN, begins, "overgang-barnehage-skole")
    assert len(to_school) == 2
    assert all((slot.day.year, slot.day.month) in {(begins, 10), (begins, 11)} for slot in to_school)
    arena = NOTODDEN.arena("overgang-barnehage-skole")
    assert arena is not None
    year = NOTODDEN.calendar.school_year(begins)
    assert NOTODDEN.calendar.starts_school_in(arena.windows[0], year) == begins + 1


@pytest.mark.rule(19, 40)
def test_bup_and_lederforum_through_the_first_winter() -> None:
    bup = [slot.day for slot in slots(NOTODDEN, 2026, "bup-samarbeid")]
    # The sixth Tuesdays are 29 December and 23 March, in the holidays: each goes a week on. 27 July has nowhere to go.
    assert bup == [
        date(2026, 8, 25),
        date(2026, 10, 6),
        date(2026, 11, 17),
        date(2027, 1, 5),
        date(2027, 2, 9),
        date(2027, 3, 30),
        date(2027, 5, 4),
        date(2027, 6, 15),
    ]
    assert all(
        day.weekday() == 1
        for begins in YEARS
        for day in (slot.day for slot in slots(NOTODDEN, begins, "bup-samarbeid"))
    )
    forum = [slot.day for slot in slots(NOTODDEN, 2026, "lederforum")]
    assert len(forum) == 11  # no open day in July
    assert {day.weekday() for day in forum} == {3}
    # New Year's Eve, the winter holiday and Maundy Thursday: a week before.
    assert {date(2026, 12, 17), date(2027, 2, 18), date(2027, 3, 18), date(2027, 6, 17)} <= set(forum)


@pytest.mark.rule(64, 65)
@pytest.mark.parametrize("begins", YEARS)
def test_tst_by_size(begins: int) -> None:
    counted = Counter(str(key.units[0]) for key in planned(begins)[1] if key.arena_type == "tst")
    months = {(day.year, day.month) for day in TYNSET.calendar.open_days(TYNSET.calendar.school_year(begins))}
    assert counted["unit:kvikne-skole"] == 5
    assert counted["unit:tynset-ungdomsskole"] == 7
    assert counted["unit:tynset-barneskole"] == len(months) == 11
    large = {
        key.period: slot.day
        for key, slot in planned(begins)[1].items()
        if key.units == ("unit:tynset-barneskole",) and key.arena_type == "tst"
    }
    assert large.keys() == {f"{year}-{month:02}" for year, month in months}
    assert all(f"{day:%Y-%m}" == period for period, day in large.items())


@pytest.mark.rule(183)
def test_tonsberg_meets_weekly_also_on_the_leap_day() -> None:
    weekly = [slot.day for slot in slots(TONSBERG, 2027, "ledermote-bou")]
    assert date(2028, 2, 29) in weekly
    open_days = TONSBERG.calendar.open_days(TONSBERG.calendar.school_year(2027))
    assert weekly == sorted(day for day in open_days if day.weekday() == 1)
    gathered = [slot.day for slot in slots(TONSBERG, 2027, "oppvekstledersamling")]
    assert len(gathered) == 4
    assert all((later - earlier).days > 35 for earlier, later in pairwise(gathered))


@pytest.mark.rule(119, 174)
def test_rennesoy_monthly_and_skien_yearly() -> None:
    assert len(slots(RENNESOY, 2026, "fagsenter")) == 11
    assert Counter(key.units[0] for key in planned(2026)[1] if key.arena_type == "kompetanseheving") == {
        unit.id: 1 for unit in SKIEN.units if unit.seated_as in {Service.BARNEHAGE, Service.SKOLE}
    }


def test_a_year_whose_holidays_nobody_has_stated_is_not_planned() -> None:
    with pytest.raises(HolidaysUnknownError):
        wishes(NOTODDEN, 2029)


@pytest.mark.rule(75)
@settings(deadline=None)
@given(st.dates(date(2026, 8, 1), date(2027, 7, 31)))
def test_a_retired_arena_is_planned_until_its_day(from_day: date) -> None:
    forum = NOTODDEN.arena("lederforum")
    assert forum is not None
    retired = ArenaRules.model_validate({**forum.model_dump(), "retired": {"from_day": from_day, "rule": 75}})
    year = NOTODDEN.calendar.school_year(2026)
    days = fixed_days(retired, year, NOTODDEN.calendar.open_days(year)).values()
    everything = fixed_days(forum, year, NOTODDEN.calendar.open_days(year)).values()
    assume(everything)
    assert list(days) == [day for day in everything if day < from_day]


@pytest.mark.rule(75)
@settings(max_examples=40, deadline=None)
@given(st.dates(date(2026, 8, 1), date(2027, 7, 31)))
def test_an_arena_is_planned_from_its_first_day_on(from_day: date) -> None:
    began = {"begins": {"from_day": from_day, "rule": 75}}
    arenas = tuple(ArenaRules.model_validate({**arena.model_dump(), **began}) for arena in NOTODDEN.arenas)
    asked = wishes(NOTODDEN.model_copy(update={"arenas": arenas}), 2026)
    assert all(day >= from_day for wish in asked for day in (*wish.days, *wish.may_stay))
    everything = [wish for wish in wishes(NOTODDEN, 2026) if wish.key.arena_type == "lederforum"]
    forum = [wish for wish in asked if wish.key.arena_type == "lederforum"]
    assert forum == [wish for wish in everything if wish.days[0] >= from_day]


@pytest.mark.rule(41)
@settings(max_examples=60, deadline=None)
@given(first=st.integers(-200, 560), days=st.integers(0, 500))
def test_a_unit_has_meetings_on_the_days_on_which_it_is_there_also_if_that_is_in_mid_year_only(
    first: int, days: int
) -> None:
    year = NOTODDEN.calendar.school_year(2026)
    begins = year.first + first * ONE_DAY
    ends = begins + days * ONE_DAY
    units = tuple(
        unit.model_copy(update={"first_day": begins, "last_day": ends}) if unit.id == "unit:lia-barnehage" else unit
        for unit in NOTODDEN.units
    )
    changed = NOTODDEN.model_copy(update={"units": units})
    rules = changed.arena("ressursteam")
    assert rules is not None
    there = begins <= year.last and year.first <= ends
    assert any(host.id == "unit:lia-barnehage" for [host] in hosts(changed, rules, year)) is there
    own = [wish for wish in wishes(changed, 2026) if "unit:lia-barnehage" in wish.key.units]
    open_days = [day for day in changed.calendar.open_days(year) if begins <= day <= ends]
    assert bool(open_days) <= any(wish.key.arena_type == "ressursteam" for wish in own)
    assert all(begins <= day <= ends for wish in own for day in wish.days)
