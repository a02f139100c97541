"""Norwegian days: deadlines in Europe/Oslo that keep their time of day over a change of the clocks, and working days.

A deadline that ends on a Saturday or a public holiday is extended to the next working day (forvaltningsloven § 30, by
domstolloven § 149). That is the rule's choice: a duty to act on a concern does not wait for Monday.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final

from holidays.countries.norway import Norway

from shared.clock import OSLO

_DAY: Final = timedelta(days=1)
_LAST_SECOND: Final = time(23, 59, 59)
_SATURDAY: Final = 5
NONE: Final[frozenset[date]] = frozenset()


@lru_cache(maxsize=64)
def public_holidays(year: int) -> frozenset[date]:
    """Return the public holidays of `year` in Norway, ordinary Sundays apart (lov om helligdager; 1 and 17 May)."""
    return frozenset(Norway(include_sundays=False, years=year))


def is_working_day(day: date, also_closed: frozenset[date] = NONE) -> bool:
    """Return whether `day` is a Monday to Friday, not a public holiday, and not among the municipality's `also_closed`."""
    return day.weekday() < _SATURDAY and day not in public_holidays(day.year) and day not in also_closed


def next_working_day(day: date, also_closed: frozenset[date] = NONE) -> date:
    """Return `day` itself when it is a working day, else the first one after it (domstolloven § 149)."""
    while not is_working_day(day, also_closed):
        day += _DAY
    return day


def add_working_days(day: date, count: int, also_closed: frozenset[date] = NONE) -> date:
    """Return the `count`-th working day after `day`; with 0, `day` or the first working day after it.

    Raises:
        ValueError: `count` is negative.
    """
    if count < 0:
        raise ValueError("working days are counted forward")
    if count == 0:
        return next_working_day(day, also_closed)
    for _ in range(count):
        day = next_working_day(day + _DAY, also_closed)
    return day


def at_oslo(day: date, clock_time: time) -> datetime:
    """Return the moment, in UTC, at which clocks in Norway show `clock_time` on `day`.

    When clocks go forward over it, the moment that the clocks would have shown it; when they show it twice, the first time
    (RFC 5545 § 3.3.5).
    """
    return datetime.combine(day, clock_time.replace(tzinfo=None, fold=0), tzinfo=OSLO).astimezone(UTC)


def add_days(moment: datetime, days: int) -> datetime:
    """Return the moment, in UTC, when it is the same time of day in Norway `days` days after `moment` (or before: negative).

    Raises:
        ValueError: `moment` has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    if days == 0:
        return moment.astimezone(UTC)
    local = moment.astimezone(OSLO)
    return at_oslo(local.date() + timedelta(days=days), local.time())


def on_working_day(moment: datetime, also_closed: frozenset[date] = NONE) -> datetime:
    """Return `moment`, moved to the same time of day on the next working day when its day is not one (in UTC).

    Raises:
        ValueError: `moment` has no zone.
    """
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    day = moment.astimezone(OSLO).date()
    return add_days(moment, (next_working_day(day, also_closed) - day).days)


def start_of_day(day: date) -> datetime:
    """Return the moment, in UTC, when `day` begins in Norway."""
    return at_oslo(day, time(0))


def end_of_day(day: date) -> datetime:
    """Return the last whole second, in UTC, of `day` in Norway: until then something due that day is in time."""
    return at_oslo(day, _LAST_SECOND)
