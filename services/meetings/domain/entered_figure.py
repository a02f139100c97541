"""A figure that people enter: of an indicator of the profile, a period, and the municipality or one of its units.

(Seed rules 132, 150, 151, 155, 164, 190.) What happened elsewhere is in no event of ours: it is entered by whoever answers for it,
with its source, and corrected by a further entry. None is ever changed or taken away, and one that nobody has entered is missing,
not nought.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final

from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.stretch import Stretch, before, ended_in, stretch
from services.meetings.domain.undertakings import Better, Entry, Indicator, Owner, Quantity
from services.meetings.errors import (
    FigureEnteredError,
    FigureNotYoursError,
    FigurePeriodError,
    FigureUnitError,
    FigureValueError,
    IndicatorUnknownError,
    PeriodNotOverError,
)
from shared.aggregate import Aggregate
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Role
from shared.contracts.entered_figures import (
    FigureCorrected,
    FigureCorrection,
    FigureDropped,
    FigureEntered,
    FigureExpected,
)
from shared.profiles import Text
from shared.refs import ActorId, EnteredFigureRef, UnitId
from shared.small_numbers import THRESHOLD
from shared.terms import Period

TENTHS: Final = 10
LOOKED_BACK: Final = timedelta(days=400)
"""For how long after its period a figure that nobody has entered is asked for."""


class FigureSource(StrEnum):
    """Where a number was read (seed rule 132)."""

    OWN_COUNT = "own-count"
    """Counted by the unit or the municipality itself."""
    CASE_SYSTEM = "case-system"
    """Of the service that decides: child welfare's, PPT's."""
    WEB_STATISTICS = "web-statistics"
    """Of the municipality's own pages or telephone exchange."""
    KOSTRA = "kostra"
    GSI = "gsi"
    UDIR = "udir"
    """Analysebrettet, and other statistics of Utdanningsdirektoratet."""
    UNGDATA = "ungdata"
    OPPVEKSTBAROMETERET = "oppvekstbarometeret"
    OTHER = "other"


class Number(Model):
    """A number as it was entered."""

    tenths: int
    of: int | None
    """Of a percentage: of how many."""
    source: FigureSource

    @property
    def value(self) -> float:
        """Return the number itself."""
        return self.tenths / TENTHS


@dataclass(frozen=True, slots=True)
class Place:
    """Which figure it is."""

    indicator: str
    period: str
    unit: UnitId | None


@dataclass(frozen=True, slots=True)
class Version:
    """One entry of a figure: the first, or a correction."""

    number: int
    content: Number
    reason: FigureCorrection | None
    actor: ActorId
    role: Role
    at: datetime


class FigureState(Model):
    """A figure as it stands; what its numbers are stands beside it, and on no bus."""

    figure: EnteredFigureRef | None = None
    """None: nobody has entered it, or waits for it."""
    indicator: str = ""
    period: str = ""
    unit: UnitId | None = None
    entries: int = 0
    """Nought: nobody has entered it."""
    due: date | None = None
    """By when it is waited for; None: it is not."""
    owner: Owner = Owner()
    """Who is to enter it, while it is waited for."""
    led_by: UnitId | None = None

    @property
    def place(self) -> Place:
        """Return which it is."""
        return Place(self.indicator, self.period, self.unit)


def evolve(state: FigureState, event: EventData) -> FigureState:
    """Return `state` after `event`."""
    match event:
        case FigureExpected():
            return FigureState(
                figure=event.figure,
                indicator=event.indicator,
                period=event.period,
                unit=event.unit,
                due=event.due,
                owner=Owner(role=event.owed_by, unit=event.owing_unit),
                led_by=event.led_by,
            )
        case FigureDropped():
            return state.model_copy(update={"due": None})
        case FigureEntered():
            return FigureState(
                figure=event.figure, indicator=event.indicator, period=event.period, unit=event.unit, entries=1
            )
        case FigureCorrected():
            return state.model_copy(update={"entries": event.number})
        case _:
            return state


FIGURE: Final = Aggregate("entered-figure", FigureState, FigureState(), evolve)


# --- what the profile asks for, and of whom -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Asked:
    """An indicator whose figures are entered."""

    indicator: Indicator
    entry: Entry


def asked(profile: Profile, code: str) -> Asked:
    """Return the indicator.

    Raises:
        IndicatorUnknownError: the profile has none such, or nobody enters it.
    """
    indicator = profile.indicator(code)
    if indicator is None or indicator.entry is None:
        raise IndicatorUnknownError
    return Asked(indicator, indicator.entry)


def enters_as(entry: Entry, unit: UnitId | None, actor: Actor) -> Role:
    """Return in which role the actor enters the figure of that unit, or of the municipality.

    Raises:
        FigureNotYoursError: in none.
    """
    role = entering_role(entry, unit, actor)
    if role is None:
        raise FigureNotYoursError
    return role


def entering_role(entry: Entry, unit: UnitId | None, actor: Actor) -> Role | None:
    """Return in which role the actor enters the figure of that unit, or of the municipality; None: others enter it."""
    if not actor.staff:
        return None
    if entry.by.role in actor.roles and entry.by.unit in {None, actor.unit}:
        return entry.by.role
    return Role.LEADER if unit is not None and actor.unit == unit and Role.LEADER in actor.roles else None


def check_enters_some(profile: Profile, actor: Actor) -> None:
    """Refuse whoever enters no figure at all: what there is to enter is not for them to ask either.

    Raises:
        FigureNotYoursError: the actor does not.
    """
    for indicator in profile.indicators:
        if indicator.entry is not None and any(
            entering_role(indicator.entry, unit, actor)
            for unit in (None, *(unit.id for unit in units_of(profile, indicator.entry)))
        ):
            return
    raise FigureNotYoursError


def places(profile: Profile, entry: Entry, period: Stretch) -> Sequence[UnitId | None]:
    """Return whose figures of that period there are to be: of each unit that was there on its last day, or the municipality's."""
    if not entry.unit_kinds:
        return [None]
    return [unit.id for unit in units_of(profile, entry) if unit.there_on(period.last)]


def units_of(profile: Profile, entry: Entry) -> Sequence[Unit]:
    """Return the units that have a figure of their own."""
    return [unit for unit in profile.units if unit.kind in entry.unit_kinds]


def period_of(profile: Profile, entry: Entry, code: str, unit: UnitId | None, today: date) -> Stretch:
    """Return the period, of which the unit or the municipality is to have a figure.

    Raises:
        FigurePeriodError: it is none of the kind that the profile says.
        PeriodNotOverError: it is not over.
        FigureUnitError: there is no figure of that unit then, or of the municipality.
    """
    period = stretch(entry.every, code)
    if period is None:
        raise FigurePeriodError
    if period.last >= today:
        raise PeriodNotOverError
    if unit not in places(profile, entry, period):
        raise FigureUnitError
    return period


def number_of(entry: Entry, value: float, of: int | None, source: FigureSource) -> Number:
    """Return the number.

    Raises:
        FigureValueError: it cannot be one of this kind.
    """
    tenths = round(value * TENTHS)
    whole = tenths % TENTHS == 0
    if value < 0 or abs(tenths - value * TENTHS) > 1e-6:
        raise FigureValueError
    match entry.quantity:
        case Quantity.COUNT if not whole or of is not None:
            raise FigureValueError
        case Quantity.PERCENT if tenths > 100 * TENTHS or (of is None and entry.of_children):
            raise FigureValueError
        case _:
            return Number(tenths=tenths, of=of, source=source)


# --- entering and correcting --------------------------------------------------------------------------------------------


def decide_enter(state: FigureState, figure: EnteredFigureRef, place: Place) -> list[EventData]:
    """Enter it.

    Raises:
        FigureEnteredError: it is entered already; the error names it.
    """
    if state.entries:
        raise FigureEnteredError(extensions={"figure": state.figure, "entries": state.entries})
    return [FigureEntered(figure=figure, indicator=place.indicator, period=place.period, unit=place.unit)]


def decide_correct(state: FigureState, now: Number, new: Number, reason: FigureCorrection) -> list[EventData]:
    """Put another number in its place; the same again changes nothing."""
    if state.figure is None or now == new:
        return []
    return [
        FigureCorrected(
            figure=state.figure,
            indicator=state.indicator,
            period=state.period,
            unit=state.unit,
            number=state.entries + 1,
            reason=reason,
        )
    ]


# --- what is still to be entered ----------------------------------------------------------------------------------------


class Line(Model):
    """A figure that is, or is to be, entered."""

    indicator: str
    text: Text
    what: Text
    quantity: Quantity
    of_children: bool
    period: str
    first: date
    last: date
    unit: UnitId | None
    """Null: the municipality's."""
    figure: EnteredFigureRef | None
    """Null: nobody has entered it."""
    value: float | None
    of: int | None
    source: FigureSource | None
    entries: int
    due_by: date | None
    """The last day on which it is in time; null: the profile says none."""
    overdue: bool
    rules: tuple[int, ...]


Kept = Mapping[Place, tuple[EnteredFigureRef, Number, int]]
"""What was entered: each figure with its last number, and how many entries it has."""


def lines_for(profile: Profile, actor: Actor, kept: Kept, today: date) -> list[Line]:
    """Return the figures that the actor enters: of the last year's periods and a little more, and those entered of earlier ones."""
    found = []
    for indicator in profile.indicators:
        if indicator.entry is None:
            continue
        recent = ended_in(indicator.entry.every, today - LOOKED_BACK, today - timedelta(days=1))
        known = {place.period for place in kept if place.indicator == indicator.code}
        older = [each for code in known if (each := stretch(indicator.entry.every, code)) is not None]
        for period in {each.code: each for each in (*recent, *older)}.values():
            found += [
                _line(indicator, indicator.entry, period, unit, kept, today)
                for unit in places(profile, indicator.entry, period)
                if entering_role(indicator.entry, unit, actor)
            ]
    return sorted(found, key=line_key)


def line_key(line: Line) -> tuple[str, str, str]:
    """Return by what they are ordered."""
    return line.indicator, line.first.isoformat(), line.unit or ""


def _line(indicator: Indicator, entry: Entry, period: Stretch, unit: UnitId | None, kept: Kept, today: date) -> Line:
    entered = kept.get(Place(indicator.code, period.code, unit))
    due_by = entry.due_by(period.last)
    figure, number, entries = entered or (None, None, 0)
    return Line(
        indicator=indicator.code,
        text=indicator.text,
        what=entry.what,
        quantity=entry.quantity,
        of_children=entry.of_children,
        period=period.code,
        first=period.first,
        last=period.last,
        unit=unit,
        figure=figure,
        value=None if number is None else number.value,
        of=None if number is None else number.of,
        source=None if number is None else number.source,
        entries=entries,
        due_by=due_by,
        overdue=figure is None and due_by is not None and due_by < today,
        rules=indicator.rules,
    )


# --- in a report --------------------------------------------------------------------------------------------------------


class Shown(StrEnum):
    """How it stands with a number."""

    SHOWN = "shown"
    HIDDEN = "hidden"
    """It counts children, and is small."""
    MISSING = "missing"
    """Nobody has entered it; that is not nought."""


class Cell(Model):
    """A number, or that there is none to show."""

    period: str
    unit: UnitId | None
    standing: Shown
    number: float | None
    of: int | None
    """Of a percentage: of how many, when that was entered and may be shown."""
    source: FigureSource | None
    entries: int
    """More than one: it was corrected."""


class EnteredTold(Model):
    """An indicator's figures in a report: of the periods that ended in its term, and of the one before."""

    indicator: str
    text: Text
    what: Text
    quantity: Quantity
    better: Better
    of_children: bool
    periods: tuple[str, ...]
    units: tuple[UnitId, ...]
    """None: the figures are the municipality's."""
    cells: tuple[Cell, ...]
    """By unit, then by period."""
    totals: tuple[Cell, ...]
    """Of all units, by period; none where the municipality has one figure, of a percentage, and where children are counted."""
    rules: tuple[int, ...]


def told_of(
    profile: Profile, code: str, kept: Kept, period: Period, only: UnitId | None, *, all_units: bool
) -> EnteredTold:
    """Return the indicator's figures as they may be shown.

    Args:
        profile: the municipality's.
        code: of an indicator that is entered.
        kept: what was entered.
        period: the report's term.
        only: whose row is shown, where rows are units and not all are.
        all_units: whether all are.
    """
    about = asked(profile, code)
    entry = about.entry
    last = oslo_day(period.ends) - timedelta(days=1)
    stretches = ended_in(entry.every, oslo_day(period.begins), last)
    earliest = stretches[0] if stretches else ended_in(entry.every, last - LOOKED_BACK, last)[-1]
    # Whether it goes the right way is seen beside the one before.
    stretches = [before(entry.every, earliest), *stretches] if stretches else [earliest]
    by_period = {each.code: _of_period(code, entry, each, places(profile, entry, each), kept) for each in stretches}
    units = [unit.id for unit in units_of(profile, entry) if all_units or unit.id == only]
    rows: Sequence[UnitId | None] = units if entry.unit_kinds else [None]
    return EnteredTold(
        indicator=code,
        text=about.indicator.text,
        what=entry.what,
        quantity=entry.quantity,
        better=about.indicator.better,
        of_children=entry.of_children,
        periods=tuple(by_period),
        units=tuple(units) if entry.unit_kinds else (),
        cells=tuple(cells[unit] for unit in rows for cells, _ in by_period.values() if unit in cells),
        totals=tuple(total for _, total in by_period.values() if total is not None),
        rules=about.indicator.rules,
    )


def _of_period(
    code: str, entry: Entry, period: Stretch, rows: Sequence[UnitId | None], kept: Kept
) -> tuple[Mapping[UnitId | None, Cell], Cell | None]:
    cells = {}
    for unit in rows:
        entered = kept.get(Place(code, period.code, unit))
        number, entries = (None, 0) if entered is None else entered[1:]
        cells[unit] = _cell(period, unit, number, entries, hide=number is not None and _hidden(entry, number))
    # Of children there is no sum: units enter one after the other, are added to the profile and correct, and the sum before and
    # after would give away the one number that is hidden.
    if not entry.unit_kinds or entry.quantity is not Quantity.COUNT or entry.of_children:
        return cells, None
    counts = [cell.number for cell in cells.values() if cell.number is not None]
    if len(counts) < len(cells) or not counts:
        return cells, _cell(period, None, None, 0, hide=False)
    total = Cell(
        period=period.code, unit=None, standing=Shown.SHOWN, number=sum(counts), of=None, source=None, entries=0
    )
    return cells, total


def _hidden(entry: Entry, number: Number) -> bool:
    """Return whether it is not shown: a small count of children, nought too, or a part of them that few are in."""
    if not entry.of_children:
        return False
    return _few(number) if entry.quantity is Quantity.PERCENT else number.tenths < THRESHOLD * TENTHS


def _few(number: Number) -> bool:
    """Return whether so few are in, or outside, that the part says something of them: nobody is like one."""
    of = number.of or 0
    inside = of * number.tenths / (100 * TENTHS)
    return round(inside) < THRESHOLD or of - round(inside) < THRESHOLD


def _cell(period: Stretch, unit: UnitId | None, number: Number | None, entries: int, *, hide: bool) -> Cell:
    standing = Shown.MISSING if number is None else Shown.HIDDEN if hide else Shown.SHOWN
    shown = number if standing is Shown.SHOWN else None
    return Cell(
        period=period.code,
        unit=unit,
        standing=standing,
        number=None if shown is None else shown.value,
        of=None if shown is None else shown.of,
        source=None if number is None else number.source,
        entries=entries,
    )
