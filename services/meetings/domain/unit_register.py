"""What a unit records of itself, against what the profile asks for: competence, guidance of parents by age, hours of guidance.

(Seed rules 108, 112-119, 163.) Counts and days; nobody's name, and nothing of anybody's health. What is missing is worked out anew
from the profile whenever it is asked for, so that a profile that asks for more shows more gaps at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.undertakings import Competence, GuidanceStep, Hours
from services.meetings.domain.year import Calendar, SchoolYear
from services.meetings.errors import (
    CompetenceCountError,
    GuidanceNotRecordedError,
    NotYoursToRecordError,
    RecordedDayError,
    RegisterForbiddenError,
)
from shared.aggregate import Aggregate
from shared.auth import Actor
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role, Service
from shared.contracts.unit_registers import (
    CompetenceRecorded,
    GuidanceHoursRecorded,
    GuidanceWithdrawal,
    ParentGuidanceGiven,
    ParentGuidanceWithdrawn,
)
from shared.profiles import Text
from shared.refs import UnitId, UnitRegisterRef

BACK_DAYS: Final = 400
"""For how long after it something can be recorded: a school year and its holidays."""


class Counted(Model):
    """How many have a competence."""

    staff: int
    having: int
    on: date


class Week(Model):
    """How long guidance was given in a week."""

    code: str
    week: date
    minutes: int


class Given(Model):
    """A step's guidance, given."""

    step: str
    on: date


class RegisterState(Model):
    """A unit's register as it stands."""

    competence: Mapping[str, Counted] = {}
    given: tuple[Given, ...] = ()
    weeks: tuple[Week, ...] = ()


def evolve(state: RegisterState, event: EventData) -> RegisterState:
    """Return `state` after `event`."""
    match event:
        case CompetenceRecorded():
            counted = Counted(staff=event.staff, having=event.having, on=event.on)
            return state.model_copy(update={"competence": {**state.competence, event.competence: counted}})
        case ParentGuidanceGiven():
            return state.model_copy(update={"given": (*state.given, Given(step=event.step, on=event.on))})
        case ParentGuidanceWithdrawn():
            mistaken = Given(step=event.step, on=event.on)
            return state.model_copy(update={"given": tuple(each for each in state.given if each != mistaken)})
        case GuidanceHoursRecorded():
            others = [each for each in state.weeks if (each.code, each.week) != (event.code, event.week)]
            new = Week(code=event.code, week=event.week, minutes=event.minutes)
            return state.model_copy(update={"weeks": tuple(sorted([*others, new], key=lambda each: each.week))})
        case _:
            return state


REGISTER: Final = Aggregate("unit-register", RegisterState, RegisterState(), evolve)


# --- who ----------------------------------------------------------------------------------------------------------------


def unit_of(profile: Profile, actor: Actor, day: date) -> Unit:
    """Return the actor's unit, for which they record.

    Raises:
        RegisterForbiddenError: the actor works for no unit of the municipality.
    """
    unit = profile.unit(actor.unit) if actor.staff and actor.unit is not None else None
    if unit is None or not unit.there_on(day):
        raise RegisterForbiddenError
    return unit


def check_leader(actor: Actor) -> None:
    """Refuse whoever does not lead the unit: the leadership sees to it that the competence is there (seed rule 117).

    Raises:
        RegisterForbiddenError: somebody else does.
    """
    if Role.LEADER not in actor.roles:
        raise RegisterForbiddenError


def units_seen(profile: Profile, actor: Actor, day: date) -> list[Unit]:
    """Return the units whose registers the actor reads: the coordinator all, a leader the own unit.

    Raises:
        RegisterForbiddenError: the actor is neither.
    """
    if actor.staff and Role.COORDINATOR in actor.roles:
        return [unit for unit in profile.units if unit.there_on(day)]
    unit = unit_of(profile, actor, day)
    check_leader(actor)
    return [unit]


# --- recording ----------------------------------------------------------------------------------------------------------


def _check_day(on: date, today: date) -> None:
    if not today - timedelta(days=BACK_DAYS) <= on <= today:
        raise RecordedDayError


def decide_count(
    state: RegisterState,
    register: UnitRegisterRef,
    profile: Profile,
    unit: Unit,
    competence: str,
    counted: Counted,
    today: date,
) -> list[EventData]:
    """Record how many have a competence, in place of what was said of it before; the same again changes nothing.

    What was said last stands, also for an earlier day: a count that was dated too late could not be put right otherwise, and what
    is to be renewed every year would be asked for too late (seed rules 112, 119).

    Raises:
        NotYoursToRecordError: the profile does not ask for it at such a unit.
        CompetenceCountError: more have it than there are.
        RecordedDayError: the day is to come, or too long ago.
    """
    if not any(each.code == competence for each in competence_of(profile, unit)):
        raise NotYoursToRecordError
    _check_day(counted.on, today)
    if counted.having > counted.staff:
        raise CompetenceCountError
    if counted == state.competence.get(competence):
        return []
    return [
        CompetenceRecorded(
            unit_register=register,
            unit=unit.id,
            competence=competence,
            staff=counted.staff,
            having=counted.having,
            on=counted.on,
        )
    ]


def decide_give(
    state: RegisterState, register: UnitRegisterRef, profile: Profile, unit: Unit, step: str, on: date, today: date
) -> list[EventData]:
    """Record that the guidance of an age step was given that day; the same again changes nothing.

    Raises:
        NotYoursToRecordError: the profile lets others give it.
        RecordedDayError: the day is to come, or too long ago.
    """
    if not any(each.code == step for each in steps_of(profile, unit)):
        raise NotYoursToRecordError
    _check_day(on, today)
    if Given(step=step, on=on) in state.given:
        return []
    return [ParentGuidanceGiven(unit_register=register, unit=unit.id, step=step, on=on)]


def decide_take_back(
    state: RegisterState, register: UnitRegisterRef, unit: Unit, step: str, on: date, reason: GuidanceWithdrawal
) -> list[EventData]:
    """Take back that the guidance of an age step was given that day: it was recorded by mistake (seed rule 108).

    However long ago that was, and also where the profile asks for the step no more: what is not true is not left standing.

    Raises:
        GuidanceNotRecordedError: it was not recorded for that day, or is taken back already.
    """
    if Given(step=step, on=on) not in state.given:
        raise GuidanceNotRecordedError
    return [ParentGuidanceWithdrawn(unit_register=register, unit=unit.id, step=step, on=on, reason=reason)]


def decide_hours(
    state: RegisterState,
    register: UnitRegisterRef,
    profile: Profile,
    unit: Unit,
    code: str,
    day: date,
    minutes: int,
    today: date,
) -> list[EventData]:
    """Record how long guidance was given in the week that holds `day`, in place of what was recorded for it.

    Raises:
        NotYoursToRecordError: the profile asks for no such hours at such a unit.
        RecordedDayError: the week is to come, or too long ago.
    """
    if not any(each.code == code for each in hours_of(profile, unit)):
        raise NotYoursToRecordError
    week = monday(day)
    _check_day(week, today)
    if Week(code=code, week=week, minutes=minutes) in state.weeks:
        return []
    return [GuidanceHoursRecorded(unit_register=register, unit=unit.id, code=code, week=week, minutes=minutes)]


def monday(day: date) -> date:
    """Return the Monday of the week that holds `day`."""
    return day - timedelta(days=day.weekday())


# --- what the profile asks for ------------------------------------------------------------------------------------------


def competence_of(profile: Profile, unit: Unit) -> list[Competence]:
    """Return the competence that is to be at the unit (seed rules 112, 118, 119)."""
    return [each for each in profile.competence if unit.seated_as in each.services]


def steps_of(profile: Profile, unit: Unit) -> list[GuidanceStep]:
    """Return the age steps whose guidance the unit gives (seed rules 108, 109)."""
    return [each for each in profile.parent_guidance if unit.seated_as in each.done_by]


def hours_of(profile: Profile, unit: Unit) -> list[Hours]:
    """Return the hours of guidance that are to be given at the unit (seed rule 163)."""
    return [each for each in profile.guidance_hours if unit.kind in each.unit_kinds]


# --- competence and its gaps --------------------------------------------------------------------------------------------


class Standing(StrEnum):
    """How it stands with a competence at a unit."""

    NOT_RECORDED = "not-recorded"
    MISSING = "missing"
    """Nobody has it."""
    OUT_OF_DATE = "out-of-date"
    """It was to be renewed since."""
    SOME = "some"
    ALL = "all"


GAPS: Final = frozenset({Standing.NOT_RECORDED, Standing.MISSING, Standing.OUT_OF_DATE})


class CompetenceLine(Model):
    """A competence at a unit."""

    unit: UnitId
    competence: str
    standing: Standing
    gap: bool
    staff: int | None
    having: int | None
    on: date | None
    renew_by: date | None
    rules: tuple[int, ...]


class CompetenceOverview(Model):
    """A competence in the municipality: where it is missing, and where it can be got (seed rules 112, 113, 116)."""

    competence: str
    text: Text
    units: int
    """That are to have it."""
    gaps: tuple[UnitId, ...]
    held_by: tuple[UnitId, ...]
    """Where somebody has it, and up to date."""
    arena: str | None
    """Where it is raised and shared."""
    rules: tuple[int, ...]


def standing_of(line: Competence, counted: Counted | None, today: date) -> Standing:
    """Return how it stands."""
    if counted is None:
        return Standing.NOT_RECORDED
    if counted.having == 0:
        return Standing.MISSING
    due = renew_by(line, counted)
    if due is not None and due < today:
        return Standing.OUT_OF_DATE
    return Standing.ALL if counted.having == counted.staff else Standing.SOME


def renew_by(line: Competence, counted: Counted) -> date | None:
    """Return the last day on which it is up to date; None where it is never renewed."""
    if line.renewed_months is None:
        return None
    months = counted.on.year * 12 + counted.on.month - 1 + line.renewed_months
    year, month = divmod(months, 12)
    last_of_month = (date(year + month // 11, (month + 1) % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month + 1, min(counted.on.day, last_of_month))


def competence_lines(
    profile: Profile, units: Iterable[Unit], registers: Mapping[UnitId, RegisterState], today: date
) -> list[CompetenceLine]:
    """Return each competence that is to be at each of the units, by unit and competence."""
    found = []
    for unit in units:
        known = registers.get(unit.id, RegisterState()).competence
        for line in competence_of(profile, unit):
            counted = known.get(line.code)
            standing = standing_of(line, counted, today)
            found.append(
                CompetenceLine(
                    unit=unit.id,
                    competence=line.code,
                    standing=standing,
                    gap=standing in GAPS,
                    staff=None if counted is None else counted.staff,
                    having=None if counted is None else counted.having,
                    on=None if counted is None else counted.on,
                    renew_by=None if counted is None else renew_by(line, counted),
                    rules=tuple(line.rules),
                )
            )
    return sorted(found, key=lambda each: (each.unit, each.competence))


def competence_overview(profile: Profile, lines: Sequence[CompetenceLine]) -> list[CompetenceOverview]:
    """Return the municipality's competence, of the lines of all its units, by competence."""
    return [
        CompetenceOverview(
            competence=each.code,
            text=each.text,
            units=sum(line.competence == each.code for line in lines),
            gaps=tuple(line.unit for line in lines if line.competence == each.code and line.gap),
            held_by=tuple(line.unit for line in lines if line.competence == each.code and not line.gap),
            arena=each.arena,
            rules=tuple(each.rules),
        )
        for each in sorted(profile.competence, key=lambda each: each.code)
    ]


# --- guidance by age ----------------------------------------------------------------------------------------------------


class GuidanceLine(Model):
    """An age step at a unit that gives its guidance."""

    step: str
    from_months: int
    to_months: int
    unit: UnitId
    service: Service
    themes: tuple[Text, ...]
    given_on: date | None
    """In that school year; the last time, when it was more than once."""
    rules: tuple[int, ...]


def guidance_lines(
    profile: Profile, registers: Mapping[UnitId, RegisterState], year: SchoolYear, day: date
) -> list[GuidanceLine]:
    """Return who gives which guidance, and when they have in that school year; by the child's age, and unit."""
    found = []
    for unit in profile.units:
        if unit.seated_as is None or not unit.there_on(day):
            continue
        given = registers.get(unit.id, RegisterState()).given
        for step in steps_of(profile, unit):
            days = [each.on for each in given if each.step == step.code and year.holds(each.on)]
            found.append(
                GuidanceLine(
                    step=step.code,
                    from_months=step.from_months,
                    to_months=step.to_months,
                    unit=unit.id,
                    service=unit.seated_as,
                    themes=step.themes,
                    given_on=max(days, default=None),
                    rules=tuple(step.rules),
                )
            )
    return sorted(found, key=lambda each: (each.from_months, each.step, each.unit))


# --- hours of guidance --------------------------------------------------------------------------------------------------


class HoursLine(Model):
    """Hours of guidance at a unit, or (without unit) in all that the reader sees, in a term."""

    code: str
    unit: UnitId | None
    term: str
    first: date
    last: date
    weeks: int
    """School weeks of the term that are over, and in which the unit was there."""
    recorded: int
    """Weeks for which something is recorded."""
    minutes: int
    due_minutes: int
    """As many weeks as are over, by the profile's hours a week."""
    rule: int | None


def school_weeks(calendar: Calendar, year: SchoolYear, first: date, last: date, today: date) -> list[date]:
    """Return the Mondays of the term's weeks that have an open day and are over.

    Args:
        calendar: the municipality's.
        year: the school year.
        first: the term's first day.
        last: the term's last day.
        today: the day in Norway.
    """
    mondays = {monday(day) for day in calendar.open_days(year)}
    over = (week for week in mondays if week + timedelta(days=7) <= today)
    return sorted(week for week in over if _is_of(calendar, week, first, last))


def _is_of(calendar: Calendar, week: date, first: date, last: date) -> bool:
    """Return whether the week that begins on that Monday is the term's: its first day in any term is in it."""
    days = (week + timedelta(days=number) for number in range(7))
    begins = next((day for day in days if calendar.term(day) is not None), None)
    return begins is not None and first <= begins <= last


def hours_lines(
    profile: Profile,
    units: Sequence[Unit],
    registers: Mapping[UnitId, RegisterState],
    year: SchoolYear,
    today: date,
) -> list[HoursLine]:
    """Return the hours of each unit and term, with a line for all of these units where there are several."""
    found = []
    for term, first, last in profile.calendar.terms_of(year):
        weeks = school_weeks(profile.calendar, year, first, last, today)
        for line in profile.guidance_hours:
            own = []
            for unit in units:
                if line not in hours_of(profile, unit) or not unit.there_within(first, last):
                    continue
                # Of weeks before it was there, or after it was closed, it owes nothing.
                there = [week for week in weeks if unit.there_within(week, week + timedelta(days=6))]
                known = [
                    each
                    for each in registers.get(unit.id, RegisterState()).weeks
                    if each.code == line.code and _is_of(profile.calendar, each.week, first, last)
                ]
                own.append(
                    HoursLine(
                        code=line.code,
                        unit=unit.id,
                        term=term.name,
                        first=first,
                        last=last,
                        weeks=len(there),
                        recorded=len(known),
                        minutes=sum(each.minutes for each in known),
                        due_minutes=round(line.hours_a_week * 60) * len(there),
                        rule=line.rule,
                    )
                )
            if len(own) > 1:
                sums = {
                    name: sum(getattr(each, name) for each in own) for name in ("recorded", "minutes", "due_minutes")
                }
                found.append(own[0].model_copy(update={"unit": None, "weeks": len(weeks), **sums}))
            found += own
    return sorted(found, key=lambda each: (each.first, each.code, each.unit or ""))
