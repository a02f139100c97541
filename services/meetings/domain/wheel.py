"""The year wheel: which meetings a school year asks for, and on which days each can be.

(Seed rules 8-19, 29, 40, 64, 65, 119, 174, 183.)

`recurrence` says a frequency as RFC 5545 does; days that are closed are moved by the arena's rule; what may lie anywhere in a
term is a share of its open days. Where each meeting then goes is `planning`'s choice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import Final

from dateutil.rrule import MONTHLY, WEEKLY, rrule, weekday

from services.meetings.domain.arena_rules import ArenaRules, ArenaType
from services.meetings.domain.organisation import OWN_SERVICE, Unit, UnitKind
from services.meetings.domain.profile import Profile
from services.meetings.domain.rhythm import (
    AtLeastPerTerm,
    AtLeastPerYear,
    EveryWeeks,
    Larger,
    Monthly,
    Moved,
    PerTerm,
    Regularly,
    Yearly,
)
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import HolidaysUnknownError
from shared.contracts.codes import Service
from shared.contracts.meetings import ArenaLevel, Place
from shared.refs import LogScope, UnitId

_NTH: Final = {"first": 1, "second": 2, "third": 3, "fourth": 4, "last": -1}
_CHILDRENS: Final = frozenset(OWN_SERVICE.values())


@dataclass(frozen=True, slots=True, order=True)
class WishKey:
    """Which meeting of the school year it is."""

    municipality: LogScope
    arena_type: ArenaType
    units: tuple[UnitId, ...]
    """The barnehager and schools that take part; none for a municipal arena."""
    period: str
    """The term's name, `year`, the month, or for what has a day of its own that day, wherever it is moved.

    Of a meeting beside those that are due its reference.
    """
    nth: int
    """From 1, within the period."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A meeting that is to get its place in the year."""

    key: WishKey
    days: tuple[date, ...]
    """On which it can be, in order; at least one."""
    ideal: date
    """Where it would be if nothing else was planned."""
    starts: tuple[time, ...]
    """What clocks in Norway may show when it begins, the usual time first."""
    minutes: int
    seats: tuple[UnitId, ...]
    """The units that must be there."""
    place: str | None
    """Where it is held, where that is known."""
    may_stay: frozenset[date] = frozenset()
    """Where else it is left when it was planned there: its share of the term is only where it is put at first."""


def pinned(wish: Wish, day: date, at: time, minutes: int | None = None) -> Wish:
    """Return the meeting as one that cannot move any more: it was called, for so long, or somebody moved it there."""
    taken = wish.minutes if minutes is None else minutes
    return replace(wish, days=(day,), ideal=day, starts=(at,), minutes=taken, may_stay=frozenset())


@dataclass(frozen=True, slots=True)
class Period:
    """A part of a school year in which so many meetings of an arena are due."""

    name: str
    first: date
    last: date
    due: int


def recurrence(frequency: EveryWeeks | Monthly, year: SchoolYear) -> rrule:
    """Return the days that a frequency names in a school year, holidays or not, as an RFC 5545 recurrence."""
    if isinstance(frequency, Monthly):
        of_month = weekday(frequency.weekday.number)(_NTH[frequency.which])
        return rrule(MONTHLY, byweekday=of_month, dtstart=_midnight(year.first), until=_midnight(year.last))
    begins = frequency.from_day or year.first + timedelta(days=(frequency.weekday.number - year.first.weekday()) % 7)
    return rrule(WEEKLY, interval=frequency.weeks, dtstart=_midnight(begins), until=_midnight(year.last))


def fixed_days(rules: ArenaRules, year: SchoolYear, open_days: frozenset[date]) -> dict[date, date]:
    """Return the days of an arena that meets on a certain weekday, and where each goes, by the arena's rule, when it is closed.

    A monthly meeting stays in its month. One every so many weeks goes no further than half the way to the next. One that finds
    no open day there is left out.
    """
    frequency = rules.frequency
    if not isinstance(frequency, EveryWeeks | Monthly):
        return {}
    found: dict[date, date] = {}
    for moment in recurrence(frequency, year).between(_midnight(year.first), _midnight(year.last), inc=True):
        day = moment.date()
        if isinstance(frequency, Monthly):
            first = day.replace(day=1)
            last = (first + timedelta(days=31)).replace(day=1) - timedelta(days=1)
        else:
            reach = timedelta(days=(7 * frequency.weeks - 1) // 2)
            first, last = day - reach, day + reach
        moved = moved_day(day, rules.moved, (max(first, year.first), min(last, year.last)), open_days)
        if moved is not None and rules.meets_on(moved):
            found[day] = moved
    return found


def moved_day(day: date, by: Moved, within: tuple[date, date], open_days: frozenset[date]) -> date | None:
    """Return `day` when it is open, else where the rule moves it; None where that is nowhere.

    Args:
        day: as the frequency names it.
        by: the arena's rule.
        within: the first and last day to which it may go.
        open_days: on which one can meet.
    """
    if day in open_days:
        return day
    if by is Moved.LEFT_OUT:
        return None
    first, last = within
    reach = max((day - first).days, (last - day).days)
    if by is not Moved.NEAREST_DAY:
        ahead = -7 if by is Moved.WEEK_BEFORE else 7
        for direction in (ahead, -ahead):
            for step in range(1, reach // 7 + 1):
                moved = day + timedelta(days=direction * step)
                if first <= moved <= last and moved in open_days:
                    return moved
    steps = (sign * step for step in range(1, reach + 1) for sign in (-1, 1))
    near = (day + timedelta(days=step) for step in steps)
    return next((moved for moved in near if first <= moved <= last and moved in open_days), None)


def periods_of(
    profile: Profile, rules: ArenaRules, size: int | None, year: SchoolYear, open_days: frozenset[date]
) -> list[Period]:
    """Return in which parts of the school year how many of the arena's meetings are due.

    For an arena with days of its own and for one that meets monthly these are the terms, with as many as fall into each.
    """
    terms = [(term.name, first, last) for term, first, last in profile.calendar.terms_of(year)]
    frequency = rules.frequency
    if isinstance(frequency, AtLeastPerTerm):
        said = frequency.for_size(size)
        if isinstance(said, Larger) and said.monthly:
            return _counted(terms, [days[0] for days in _by_month(open_days)])
        times = {each.term: each.times for each in said.terms}
        return [Period(name, first, last, times.get(name, 0)) for name, first, last in terms]
    match frequency:
        case PerTerm():
            return [Period(name, first, last, frequency.times) for name, first, last in terms]
        case Yearly() | AtLeastPerYear():
            return [Period("year", year.first, year.last, frequency.times)]
        case EveryWeeks() | Monthly():
            return _counted(terms, list(fixed_days(rules, year, open_days).values()))
        case Regularly():
            return []


def open_days_of(profile: Profile, year: SchoolYear) -> frozenset[date]:
    """Return the days of the school year on which an arena can meet.

    Raises:
        HolidaysUnknownError: the profile does not say when the schools are closed in that year.
    """
    if not profile.calendar.knows_holidays_of(year):
        raise HolidaysUnknownError(extensions={"school_year": year.first.year})
    return profile.calendar.open_days(year)


def wishes(profile: Profile, begins: int) -> list[Wish]:
    """Return every meeting that the profile asks for in the school year that begins in the year `begins`.

    Meetings around one child are not among them, except those between the units through which children go on: for these one is
    set aside in the arena's window (seed rules 10, 15, 16).

    Raises:
        HolidaysUnknownError: the profile does not say when the schools are closed in that year.
    """
    year = profile.calendar.school_year(begins)
    open_days = open_days_of(profile, year)
    found: list[Wish] = []
    for rules in profile.arenas:
        for units in hosts(profile, rules, year):
            found += _wishes_of(profile, rules, units, year, open_days)
    return found


def hosts(profile: Profile, rules: ArenaRules, year: SchoolYear) -> list[tuple[Unit, ...]]:
    """Return for whom the arena's meetings are planned: nobody in particular, each unit, or each pair that children go through."""
    there = [unit for unit in profile.units if unit.there_within(year.first, year.last)]
    match rules.level:
        case ArenaLevel.MUNICIPALITY:
            return [()]
        case ArenaLevel.UNIT:
            return [(unit,) for unit in profile.units_with(rules) if unit in there]
        case ArenaLevel.CHILD:
            if not isinstance(rules.frequency, Yearly):
                return []
            passed = rules.fixed & _CHILDRENS
            known = {unit.id: unit for unit in there}
            pairs = [(unit, known[school]) for unit in there for school in unit.sends_to if school in known]
            return [pair for pair in pairs if {unit.seated_as for unit in pair} == passed]


def _wishes_of(
    profile: Profile, rules: ArenaRules, units: tuple[Unit, ...], year: SchoolYear, open_days: frozenset[date]
) -> Iterator[Wish]:
    def wish(period: str, nth: int, days: Sequence[date], may_stay: frozenset[date] = frozenset()) -> Wish:
        return Wish(
            key=WishKey(profile.scope, rules.type, tuple(unit.id for unit in units), period, nth),
            days=tuple(days),
            ideal=days[(len(days) - 1) // 2],
            starts=rules.clock_times,
            minutes=rules.minutes,
            seats=seats(profile, rules, units),
            place=place_in(profile, rules, units),
            may_stay=may_stay,
        )

    if isinstance(rules.frequency, EveryWeeks | Monthly):
        for day, moved in fixed_days(rules, year, open_days).items():
            yield wish(day.isoformat(), 1, [moved])
        return
    usable = sorted(day for day in open_days if rules.meets_on(day) and all(unit.there_on(day) for unit in units))
    if rules.windows:
        spans = [profile.calendar.occurrences(window, year) for window in rules.windows]
        usable = [day for day in usable if any(first <= day <= last for first, last in spans)]
    frequency = rules.frequency
    said = frequency.for_size(units[0].size if units else None) if isinstance(frequency, AtLeastPerTerm) else None
    if isinstance(said, Larger) and said.monthly:
        for days in _by_month(usable):
            yield wish(f"{days[0]:%Y-%m}", 1, days)
        return
    for period in periods_of(profile, rules, units[0].size if units else None, year, open_days):
        days = [day for day in usable if period.first <= day <= period.last]
        all_days = frozenset(days)
        for nth in range(period.due):
            share = days[nth * len(days) // period.due : (nth + 1) * len(days) // period.due]
            if share:
                yield wish(period.name, nth + 1, share, all_days)


def seats(profile: Profile, rules: ArenaRules, units: Sequence[Unit]) -> tuple[UnitId, ...]:
    """Return the units that must be there: those that take part, and of every other fixed service the one that takes its seat.

    The municipality's own goes before one that it shares. In a municipal arena every barnehage or school of its kind is there.
    """
    taken = [unit.id for unit in units]
    for service in sorted(rules.fixed - {unit.seated_as for unit in units}):
        member = rules.member(service)
        wanted = None if member is None else member.unit
        able = [unit for unit in profile.units if unit.seated_as is service and wanted in {None, unit.id}]
        if service in _CHILDRENS:
            taken += [unit.id for unit in able if not units]
        else:
            taken += [unit.id for unit in sorted(able, key=lambda each: each.municipality is None)[:1]]
    return tuple(taken)


def place_in(profile: Profile, rules: ArenaRules, units: Sequence[Unit]) -> str | None:
    """Return in which place the arena meets, where that is known: what services travel to."""
    match rules.place.at:
        case Place.AT_THE_UNIT:
            # Where two units take part, the one that receives the children.
            return units[-1].place if units else None
        case Place.MUNICIPALITY:
            return next((unit.place for unit in profile.units if unit.kind is UnitKind.ADMINISTRATION), None)
        case Place.HOSPITAL:
            return next((unit.place for unit in profile.units if unit.seated_as is Service.BUP), None)
        case Place.BY_AGREEMENT:
            return None


def _by_month(days: Sequence[date] | frozenset[date]) -> list[list[date]]:
    months: dict[tuple[int, int], list[date]] = {}
    for day in sorted(days):
        months.setdefault((day.year, day.month), []).append(day)
    return list(months.values())


def _counted(terms: Sequence[tuple[str, date, date]], days: Sequence[date]) -> list[Period]:
    return [Period(name, first, last, sum(1 for day in days if first <= day <= last)) for name, first, last in terms]


def _midnight(day: date) -> datetime:
    # A recurrence is of days here: it has no zone, and the clocks' changes do not touch it.
    return datetime.combine(day, time.min)
