"""Norwegian days: local time kept over summer time, and working days that skip every public holiday."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

import pytest
from dateutil.easter import easter
from hypothesis import given
from hypothesis import strategies as st

from shared.calendar import (
    add_days,
    add_working_days,
    at_oslo,
    end_of_day,
    is_working_day,
    next_working_day,
    on_working_day,
    public_holidays,
    start_of_day,
)
from shared.clock import OSLO, oslo_day

days = st.dates(min_value=date(2000, 1, 1), max_value=date(2060, 12, 31))
moments = st.datetimes(min_value=datetime(2000, 1, 2), max_value=datetime(2060, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001
counts = st.integers(min_value=-400, max_value=400)
HOUR = timedelta(hours=1)


def changes(day: date) -> bool:
    """Whether clocks in Norway change on `day`, told by the length of the day."""
    return start_of_day(day + timedelta(days=1)) - start_of_day(day) != timedelta(days=1)


@given(moments, counts)
def test_the_time_of_day_is_kept_and_the_day_is_counted(moment: datetime, count: int) -> None:
    found = add_days(moment, count)
    assert oslo_day(found) == oslo_day(moment) + timedelta(days=count)
    kept = found.astimezone(OSLO).time() == moment.astimezone(OSLO).time()
    # Only an hour that does not exist that day is shown differently.
    assert kept or changes(oslo_day(found))


@given(moments, counts)
def test_days_added_are_whole_days_but_for_the_hour_of_summer_time(moment: datetime, count: int) -> None:
    exact = add_days(moment, count) - moment - timedelta(days=count)
    assert abs(exact) <= HOUR


@given(moments)
def test_no_days_change_nothing(moment: datetime) -> None:
    assert add_days(moment, 0) == moment


@given(moments, st.integers(min_value=0, max_value=60), st.integers(min_value=0, max_value=60))
def test_later_stays_later(moment: datetime, fewer: int, more: int) -> None:
    if fewer < more:
        assert add_days(moment, fewer) < add_days(moment, more)


@given(days)
def test_a_day_lasts_from_its_first_to_its_last_second(day: date) -> None:
    first, last = start_of_day(day), end_of_day(day)
    assert oslo_day(first) == oslo_day(last) == day
    assert oslo_day(first - timedelta(seconds=1)) == day - timedelta(days=1)
    assert last + timedelta(seconds=1) == start_of_day(day + timedelta(days=1))


@given(days)
def test_the_next_working_day_is_the_first_one(day: date) -> None:
    found = next_working_day(day)
    assert is_working_day(found)
    assert found >= day
    assert not any(is_working_day(day + timedelta(days=n)) for n in range((found - day).days))
    # The longest closed stretch: from the Thursday before Easter to the Monday after.
    assert (found - day).days <= 5


@given(days, st.integers(min_value=1, max_value=40))
def test_working_days_are_counted(day: date, count: int) -> None:
    found = add_working_days(day, count)
    passed = [day + timedelta(days=n) for n in range(1, (found - day).days + 1)]
    assert sum(map(is_working_day, passed)) == count
    assert is_working_day(found)


@given(days, st.frozensets(days, max_size=3))
def test_a_municipality_may_close_further_days(day: date, closed: frozenset[date]) -> None:
    assert next_working_day(day, closed) not in closed
    assert next_working_day(day, frozenset({day})) > day


@given(moments)
def test_a_moment_on_a_working_day_stays(moment: datetime) -> None:
    moved = on_working_day(moment)
    assert is_working_day(oslo_day(moved))
    assert moved == moment or not is_working_day(oslo_day(moment))


@given(st.integers(min_value=1970, max_value=2080))
def test_the_movable_holidays_follow_easter(year: int) -> None:
    """Lov om helligdager og helligdagsfred § 2, by an Easter computed elsewhere."""
    sunday = easter(year)
    movable = {sunday + timedelta(days=n) for n in (-3, -2, 0, 1, 39, 49, 50)}
    fixed = {date(year, 1, 1), date(year, 5, 1), date(year, 5, 17), date(year, 12, 25), date(year, 12, 26)}
    assert public_holidays(year) == movable | fixed


@pytest.mark.parametrize(
    ("before", "count", "after"),
    [
        # 29 March 2026: 02:00 becomes 03:00. 25 October 2026: 03:00 becomes 02:00.
        pytest.param("2026-03-28T10:00+01:00", 1, "2026-03-29T10:00+02:00", id="into summer time"),
        pytest.param("2026-03-15T12:00+01:00", 14, "2026-03-29T12:00+02:00", id="fourteen days into summer time"),
        pytest.param("2026-10-24T10:00+02:00", 1, "2026-10-25T10:00+01:00", id="out of summer time"),
        pytest.param("2026-03-28T02:30+01:00", 1, "2026-03-29T03:30+02:00", id="an hour that does not exist"),
        pytest.param("2026-10-24T02:30+02:00", 1, "2026-10-25T02:30+02:00", id="an hour that is there twice"),
        pytest.param("2026-10-26T02:30+01:00", -1, "2026-10-25T02:30+02:00", id="the same, backwards"),
        pytest.param("2028-02-28T23:59+01:00", 1, "2028-02-29T23:59+01:00", id="leap day"),
        pytest.param("2026-12-31T23:59:59+01:00", 1, "2027-01-01T23:59:59+01:00", id="new year"),
    ],
)
@pytest.mark.rule(79)
def test_days_over_a_change_of_the_clocks(before: str, count: int, after: str) -> None:
    assert add_days(datetime.fromisoformat(before), count) == datetime.fromisoformat(after)


@pytest.mark.parametrize(
    ("day", "working"),
    [
        pytest.param(date(2026, 4, 1), date(2026, 4, 1), id="Wednesday before Easter"),
        pytest.param(date(2026, 4, 2), date(2026, 4, 7), id="Maundy Thursday to Easter Monday"),
        pytest.param(date(2026, 5, 1), date(2026, 5, 4), id="1 May on a Friday"),
        pytest.param(date(2026, 5, 14), date(2026, 5, 15), id="Ascension Day"),
        pytest.param(date(2027, 5, 17), date(2027, 5, 18), id="17 May, with Whit Monday on it"),
        pytest.param(date(2026, 12, 24), date(2026, 12, 24), id="24 December is no public holiday"),
        pytest.param(date(2026, 12, 25), date(2026, 12, 28), id="Christmas, then a week-end"),
    ],
)
def test_known_days(day: date, working: date) -> None:
    assert next_working_day(day) == working


def test_a_moment_without_a_zone_is_refused() -> None:
    naive = datetime(2026, 9, 7, 10)  # noqa: DTZ001
    with pytest.raises(ValueError, match="zone"):
        add_days(naive, 1)
    with pytest.raises(ValueError, match="zone"):
        on_working_day(naive)
    with pytest.raises(ValueError, match="forward"):
        add_working_days(date(2026, 9, 7), -1)


def test_counting_no_working_days_from_a_sunday_gives_the_monday() -> None:
    assert add_working_days(date(2026, 9, 6), 0) == date(2026, 9, 7)
    assert at_oslo(date(2026, 9, 7), time(10)) == datetime(2026, 9, 7, 8, tzinfo=UTC)
