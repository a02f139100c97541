"""Figures for leaders: counts of a term that is over, none under five, and none that subtraction would reveal.

A term is told once: what was published of it stands, also when the time to act becomes another, so that nobody learns one
child's story from what two askings differ by. And a unit's figures are its row of the municipality's: by themselves they would
say, with the municipality's, what the others' are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Final

from services.cases.domain.acting import Acting
from services.cases.domain.grantors import age_on
from services.cases.errors import FiguresForbiddenError, PeriodNotOverError, PeriodUnknownError
from shared.contracts.base import Model
from shared.contracts.cases import Effect, ForWhom
from shared.contracts.codes import Role
from shared.refs import CaseRef, UnitId
from shared.small_numbers import THRESHOLD, Counts, publish, suppress
from shared.terms import Period, term

NO_UNIT: Final = "no-unit"
WAITED: Final = ("within-7-days", "in-time", "late")
LEVELS: Final = ("level-0", "level-1", "level-2", "level-3")
AGES: Final = {"0-5": 0, "6-12": 6, "13-15": 13, "16-17": 16, "from-18": 18}
"""Ages in which a child is first helped, and the first whole year of each: before school, at school, and after."""
UNKNOWN_AGE: Final = "unknown"
"""Of a case that has been erased since."""

_NOT_COUNTED: Final = UnitId("")
"""Stands in every table for the units of which nothing is counted."""

_NOT_TOLD: Final = Counts(total=None, parts={})
"""Of a term that was published before it was counted."""

ByUnit = Counter[tuple[str, str]]
"""Counts of parts, by unit."""


@dataclass(frozen=True)
class Told:
    """What happened in a term, with nothing hidden: never shown, never kept."""

    for_whom: ByUnit = field(default_factory=Counter)
    """Concerns registered."""
    days_to_action: dict[str, list[float]] = field(default_factory=dict)
    """Of the concerns acted on, by unit."""
    planned: ByUnit = field(default_factory=Counter)
    """Measures put in, by level."""
    owners: ByUnit = field(default_factory=Counter)
    """Measures put in, by whether PPT owns them."""
    in_time: ByUnit = field(default_factory=Counter)
    """Evaluations."""
    effects: ByUnit = field(default_factory=Counter)
    first_levels: ByUnit = field(default_factory=Counter)
    """Cases in which help was put in for the first time, by the level of that measure."""
    first_ages: ByUnit = field(default_factory=Counter)
    """The same cases, by the child's age on that day."""


@dataclass(frozen=True, slots=True)
class FirstHelp:
    """The first measure that was put in in a case."""

    case: CaseRef
    unit: UnitId | None
    level: int
    day: date
    """In Norway."""


class Figures(Model):
    """What happened in a term. A count that is null is not shown: it, or another that it would give away, is under five."""

    period: str
    unit: UnitId | None
    """Whose figures they are; null: the whole municipality's."""
    concerns: Counts
    """Concerns registered; for the municipality by unit."""
    for_whom: Counts
    """The same concerns, by whose burden raised them (seed rule 180)."""
    to_action: Counts
    """Concerns acted on in the term: within seven days, within the time to act, later (seed rules 79, 179)."""
    median_days_to_action: float | None
    """From the first concern to the first action (seed rules 102, 179)."""
    measures_by_level: Counts
    """Measures put in, by level (seed rule 155)."""
    measures_with_ppt: Counts
    """Measures put in, by whether PPT owns them (seed rule 154)."""
    evaluations: Counts
    """Evaluations, in time or late (seed rules 88, 89)."""
    effects: Counts
    """What the same evaluations showed (seed rules 90, 92)."""
    first_help_by_level: Counts = _NOT_TOLD
    """Cases in which help was put in for the first time, by its level: whether it comes while little is enough (seed rule 131)."""
    first_help_by_age: Counts = _NOT_TOLD
    """The same cases, by the child's age then: whether more are helped early in life (seed rule 131)."""


class View(Model):
    """Whose figures somebody sees: one unit's, or the municipality's with each unit's."""

    unit: UnitId | None


class Published(Model):
    """All that is told of a municipality's term, as it was when somebody first asked."""

    municipality: Figures
    units: dict[UnitId, Figures]
    others: Figures
    """Of a unit of which nothing was counted."""

    def seen_by(self, view: View) -> Figures:
        """Return what is seen of it."""
        if view.unit is None:
            return self.municipality
        return self.units.get(view.unit, self.others.model_copy(update={"unit": view.unit}))


def published(told: Told, period: Period, act_within_days: int) -> Published:
    """Return what is to be told of a term that is over, to everybody and for good (seed rules 157, 177)."""
    named = {
        of
        for counts in (told.for_whom, told.planned, told.owners, told.in_time, told.effects, told.first_levels)
        for of, _ in counts
    }
    units = sorted(UnitId(of) for of in (named | told.days_to_action.keys()) - {NO_UNIT})
    return Published(
        municipality=figures_of(told, period, None, act_within_days),
        units={unit: figures_of(told, period, unit, act_within_days) for unit in units},
        others=figures_of(told, period, _NOT_COUNTED, act_within_days),
    )


def figures_of(told: Told, period: Period, unit: UnitId | None, act_within_days: int) -> Figures:
    """Return the figures as they may be shown: the municipality's, or those of one of its units."""
    to_action: ByUnit = Counter(
        (of, WAITED[0] if days <= 7 else WAITED[1] if days <= act_within_days else WAITED[2])
        for of, all_days in told.days_to_action.items()
        for days in all_days
    )
    waited = _shown(to_action, WAITED, unit)
    known = [days for of, all_days in told.days_to_action.items() if unit in {None, of} for days in all_days]
    return Figures(
        period=period.code,
        unit=unit,
        concerns=_by_unit(told.for_whom, unit),
        for_whom=_shown(told.for_whom, tuple(ForWhom), unit),
        to_action=waited,
        median_days_to_action=None if waited.total is None else median(known),
        measures_by_level=_shown(told.planned, LEVELS, unit),
        measures_with_ppt=_shown(told.owners, ("ppt", "others"), unit),
        evaluations=_shown(told.in_time, ("in-time", "late"), unit),
        effects=_shown(told.effects, tuple(Effect), unit),
        first_help_by_level=_shown(told.first_levels, LEVELS, unit),
        first_help_by_age=_shown(told.first_ages, (*AGES, UNKNOWN_AGE), unit),
    )


def count_first_help(told: Told, first: Iterable[FirstHelp], born: Mapping[CaseRef, date]) -> Told:
    """Return `told` with the cases first helped in the term counted by level and by age (seed rule 131).

    Args:
        told: what else happened; it is not changed.
        first: the first measure of each of these cases.
        born: when the children were born, but of erased cases. It goes no further than the band that it is counted in.
    """
    levels, ages = Counter(told.first_levels), Counter(told.first_ages)
    for one in first:
        unit = one.unit or NO_UNIT
        levels[unit, f"level-{one.level}"] += 1
        ages[unit, age_band(born[one.case], one.day) if one.case in born else UNKNOWN_AGE] += 1
    return replace(told, first_levels=levels, first_ages=ages)


def age_band(born: date, day: date) -> str:
    """Return in which of `AGES` somebody born then is on `day`, both days in Norway; before birth in the first."""
    age = age_on(born, day)
    return next((band for band, begins in reversed(AGES.items()) if age >= begins), "0-5")


def _by_unit(counts: ByUnit, unit: UnitId | None) -> Counts:
    """Return how many there are in each unit, or in the one."""
    of_each = Counter[str]()
    for (of, _), count in counts.items():
        of_each[of] += count
    # With one that has none: the reports of the meetings service name every unit, and hide the smallest beside those with none.
    line = suppress({**of_each, "": 0})
    if unit is None:
        return line.shown_only()
    own = line.parts.get(unit)
    return Counts(total=own, parts={} if own is None else {unit: own})


def _shown(counts: ByUnit, parts: Sequence[str], unit: UnitId | None) -> Counts:
    """Return the municipality's parts; or the unit's, as they stand in a table of all units that is published whole."""
    if unit is None:
        return suppress(_summed(counts, parts))
    units = sorted({unit, "", *(of for of, _ in counts)})
    table = publish(units, [*parts], counts)
    row = units.index(unit)
    return Counts(total=table.row_totals[row], parts=dict(zip(map(str, parts), table.cells[row], strict=True)))


def _summed(counts: Mapping[tuple[str, str], int], parts: Sequence[str]) -> dict[str, int]:
    return {str(part): sum(count for (_, of), count in counts.items() if of == part) for part in parts}


def decide_view(by: Acting) -> View:
    """Return whose figures `by` may see (seed rules 95, 179): the coordinator all, a leader the unit's.

    Raises:
        FiguresForbiddenError: neither.
    """
    if by.kind == "user" and Role.COORDINATOR in by.roles:
        return View(unit=None)
    if by.kind == "user" and Role.LEADER in by.roles and by.unit is not None:
        return View(unit=by.unit)
    raise FiguresForbiddenError


def period_of(code: str, now: datetime) -> Period:
    """Return the term `code`, for example `2026-autumn`: August to December, or January to July, in Norway.

    Raises:
        PeriodUnknownError: it is no term.
        PeriodNotOverError: it is not over.
    """
    period = term(code)
    if period is None:
        raise PeriodUnknownError
    if now < period.ends:
        raise PeriodNotOverError
    return period


def median(values: list[float]) -> float | None:
    """Return the middle of `values`, rounded to whole days; None under five of them."""
    if len(values) < THRESHOLD:
        return None
    ordered = sorted(values)
    middle = len(ordered) // 2
    both = ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2
    return float(round(both))
