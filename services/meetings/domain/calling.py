"""Whether a meeting may be called: by whom, with whom, and when in the year."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date, datetime, time
from typing import Final

from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.organisation import OWN_SERVICE
from services.meetings.domain.profile import Profile
from services.meetings.domain.rhythm import PerTerm
from services.meetings.domain.year import Calendar
from services.meetings.errors import (
    ArenaNotBegunError,
    ArenaRetiredError,
    CalledTooShortError,
    HolidaysUnknownError,
    MayNotCallError,
    NoExtraMeetingsError,
    OutsideWindowError,
    PublicHolidayError,
    ServiceNotMemberError,
    StartsAtNightError,
    StartsInThePastError,
    TermHasMeetingError,
    UnitsWrongError,
)
from shared.calendar import public_holidays
from shared.clock import oslo_day, oslo_time
from shared.contracts.codes import Role, Service
from shared.contracts.meetings import ArenaLevel, Seat
from shared.refs import UnitId

CHILDRENS: Final = frozenset(OWN_SERVICE.values())
"""The services of which there are many units, so that a seat is the unit's, not the service's."""
MORNING: Final = time(6)
NIGHT: Final = time(22)
"""From then to `MORNING`, as clocks in Norway show it, no meeting begins."""


def participating_units(
    profile: Profile, rules: ArenaRules, arena_unit: UnitId | None, wanted: frozenset[UnitId]
) -> frozenset[UnitId]:
    """Return the barnehager and schools that take part.

    Raises:
        UnitsWrongError: a meeting around a child names no unit, or any names one that has no seat in it.
    """
    if rules.level is ArenaLevel.UNIT:
        if arena_unit is None or not wanted <= {arena_unit}:
            raise UnitsWrongError
        return frozenset({arena_unit})
    seats = rules.fixed | rules.at_need
    if any(profile.own_service(unit) not in seats for unit in wanted):
        raise UnitsWrongError
    if rules.level is ArenaLevel.CHILD and not wanted:
        raise UnitsWrongError
    return wanted


def invited_services(
    profile: Profile, rules: ArenaRules, units: Iterable[UnitId], extra: frozenset[Service]
) -> frozenset[Service]:
    """Return who is invited: the fixed services, the units' own, and of the others those asked for.

    Raises:
        ServiceNotMemberError: a service without a seat was asked for (seed rule 20).
    """
    own = frozenset(service for unit in units if (service := profile.own_service(unit)) is not None)
    if strangers := extra - rules.at_need - rules.fixed - own:
        raise ServiceNotMemberError(extensions={"services": [*sorted(strangers)]})
    return rules.fixed | own | extra


def check_caller(
    rules: ArenaRules, units: frozenset[UnitId], roles: frozenset[Role], service: Service | None, unit: UnitId | None
) -> None:
    """Refuse whoever does not call the meetings of this arena (seed rules 6, 9, 23).

    Raises:
        MayNotCallError: not the role for it, or of a unit or service that has no part in it.
    """
    if not may_call(rules, units, roles, service, unit):
        raise MayNotCallError


def may_call(
    rules: ArenaRules, units: frozenset[UnitId], roles: frozenset[Role], service: Service | None, unit: UnitId | None
) -> bool:
    """Return whether somebody in these roles, of this service and unit, calls this arena's meetings and decides the agenda."""
    acting = roles & rules.called_by.roles
    if not acting:
        return False
    if Role.COORDINATOR in acting:
        return True
    if rules.called_by.services and service not in rules.called_by.services:
        return False
    if service in CHILDRENS:
        return unit in units or (not units and service in rules.fixed)
    return service in rules.fixed


def is_seated(
    invited: Collection[Service], units: Collection[UnitId], service: Service | None, unit: UnitId | None
) -> bool:
    """Return whether somebody of this service and unit is among the invited, where these units take part (none means all)."""
    if service is None or service not in invited:
        return False
    return service not in CHILDRENS or not units or unit in units


def seat_of(service: Service, unit: UnitId | None) -> Seat:
    """Return whose seat somebody of this service and unit has: of barnehager and schools it is the unit's."""
    return Seat(service=service, unit=unit if service in CHILDRENS else None)


def seats(profile: Profile, invited: Iterable[Service], units: Iterable[UnitId]) -> tuple[Seat, ...]:
    """Return the seats of the invited, in order; where no unit is named, all barnehager or schools stand as one."""
    here = sorted(units)
    found: list[Seat] = []
    for service in sorted(invited):
        own = [unit for unit in here if service in CHILDRENS and profile.own_service(unit) is service]
        found += [Seat(service=service, unit=unit) for unit in own] or [Seat(service=service)]
    return tuple(found)


def with_duty(rules: ArenaRules, among: Iterable[Seat]) -> tuple[Seat, ...]:
    """Return those of the seats that have a duty to attend (seed rule 54)."""
    return tuple(seat for seat in among if rules.has_duty(seat))


def check_time(
    rules: ArenaRules, calendar: Calendar, starts_at: datetime, now: datetime, *, extra: bool, ordinary_in_term: int
) -> None:
    """Refuse a time that the arena's rules do not allow.

    What belongs to the year wheel (which weekday, how many weeks apart, school holidays) is planned there; a meeting called by
    hand may deviate from that, but not from what the arena is. An urgent one may be on any day that is no public holiday; in the
    night, or in a year for which nobody has said when the schools are closed, it is a mistake.

    Args:
        rules: the arena's.
        calendar: the municipality's.
        starts_at: when the meeting is to begin.
        now: the present moment.
        extra: whether it is asked for beside the ordinary ones (seed rule 9).
        ordinary_in_term: how many ordinary meetings the arena has in that term already, cancelled ones not counted.

    Raises:
        StartsInThePastError: it would begin before now.
        ArenaNotBegunError, ArenaRetiredError: the arena is not yet, or no longer, on that day (seed rule 75).
        PublicHolidayError: it is a public holiday in Norway.
        StartsAtNightError: it would begin between `NIGHT` and `MORNING`.
        HolidaysUnknownError: it lies beyond the next school year, in one that the profile does not know (see `wheel`).
        OutsideWindowError: the arena meets in another part of the year (seed rules 10, 15, 16).
        NoExtraMeetingsError: the arena has none.
        TermHasMeetingError: the term has its ordinary meetings (seed rule 8).
    """
    if starts_at <= now:
        raise StartsInThePastError
    day = oslo_day(starts_at)
    if rules.is_over_on(day):
        successor = rules.retired.successor if rules.retired else None
        raise ArenaRetiredError(extensions={"successor": successor})
    if rules.begins is not None and not rules.meets_on(day):
        raise ArenaNotBegunError(extensions={"begins": rules.begins.from_day.isoformat()})
    if is_public_holiday(day):
        raise PublicHolidayError
    if not MORNING <= oslo_time(starts_at).time() < NIGHT:
        raise StartsAtNightError
    year = calendar.school_year_of(day)
    if year.first.year > calendar.school_year_of(oslo_day(now)).first.year + 1 and not calendar.knows_holidays_of(year):
        raise HolidaysUnknownError(extensions={"school_year": year.first.year})
    if rules.windows and not any(window.holds(day) for window in rules.windows):
        raise OutsideWindowError(extensions={"windows": [f"{window.first}/{window.last}" for window in rules.windows]})
    if extra:
        if rules.extra is None:
            raise NoExtraMeetingsError
        return
    counted = counted_span(rules, calendar, day)
    if counted is not None and isinstance(rules.frequency, PerTerm) and ordinary_in_term >= rules.frequency.times:
        raise TermHasMeetingError(extensions={"extra_allowed": rules.extra is not None})


def length(rules: ArenaRules, minutes: int | None) -> int:
    """Return for how long a meeting is called: `minutes`, or as long as it usually is.

    Raises:
        CalledTooShortError: its members set aside more than that (seed rule 59).
    """
    if minutes is not None and rules.shortest is not None and minutes < rules.shortest.minutes:
        raise CalledTooShortError(extensions={"shortest": rules.shortest.minutes})
    return minutes or rules.minutes


def counted_span(rules: ArenaRules, calendar: Calendar, day: date) -> tuple[date, date] | None:
    """Return the term within which the arena's meetings are counted; None where they are not counted by hand.

    Meetings around a child are counted per child, which an arena does not know.
    """
    if rules.level is ArenaLevel.CHILD or not isinstance(rules.frequency, PerTerm):
        return None
    term = calendar.term(day)
    return term.around(day) if term else None


def is_public_holiday(day: date) -> bool:
    """Return whether `day` is a public holiday in Norway; an ordinary Sunday is none."""
    return day in public_holidays(day.year)
