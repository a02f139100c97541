"""A report as the profile lays it out: its headings, the figures under each, and what the profile itself states.

The same events give the same report, whenever it is asked for: nothing in it comes from a clock.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict, ValidationError

from services.meetings.domain import conformity as conform
from services.meetings.domain.arena_rules import ArenaRules, Children
from services.meetings.domain.conformity import KnownMeeting, View
from services.meetings.domain.entered_figure import Cell, EnteredTold, Kept, asked
from services.meetings.domain.entered_figure import told_of as entered_told
from services.meetings.domain.figure_facts import Happened
from services.meetings.domain.figures import (
    COMPARED,
    COUNT,
    COUNTED,
    GUIDANCE,
    MET,
    OF_UNITS,
    Figure,
    FigureCode,
    as_line,
    count,
    in_full,
    of_gaps,
    of_meetings,
    only,
    shown,
)
from services.meetings.domain.organisation import UnitKind
from services.meetings.domain.profile import Profile
from services.meetings.domain.survey_results import SurveyTold, told_of
from services.meetings.domain.undertakings import Better, Entry, Quantity, Report, Resources, Source, Stated
from services.meetings.domain.unit_register import RegisterState, competence_lines, hours_lines
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import HolidaysUnknownError, PeriodNotOverError, PeriodUnknownError, ReportUnknownError
from shared.clock import oslo_day
from shared.contracts.base import Model, Moment
from shared.contracts.deviations import DeviationKind
from shared.contracts.meetings import ArenaLevel, Guardians
from shared.contracts.surveys import SurveyRoundCompleted
from shared.profiles import Text
from shared.refs import LogScope, UnitId
from shared.terms import Period, term

_DAY: Final = timedelta(days=1)
SHOWN_KINDS: Final = tuple(kind for kind in DeviationKind if kind is not DeviationKind.DUTY_BREACHED)
"""A duty that was not met is somebody's absence: it is told as seats, and protected (seed rule 156)."""


class StatedLine(Model):
    """Something that the profile states."""

    text: Text
    goal: Text | None = None
    owners: tuple[Text, ...] = ()
    anchored_in: tuple[Text, ...] = ()
    starts: date | None = None
    takes: tuple[StatedLine, ...] = ()
    """Of a measure: what it takes (seed rule 138)."""
    shown_by: tuple[Text, ...] = ()
    """Of a measure: the indicators that show its effect (seed rule 141)."""
    kroner: int | None = None
    hours_a_week: float | None = None
    for_each: UnitKind | None = None
    """The hours are for each unit of this kind (seed rule 177)."""
    measure: Text | None = None
    """Where what all measures take is listed: which of them takes it (seed rule 138)."""
    post_percent: int | None = None
    better: Better | None = None
    source: Source | None = None
    figure: FigureCode | None = None
    rules: tuple[int, ...]


class StatedPart(Model):
    """A part of the profile, line for line."""

    part: Stated
    lines: tuple[StatedLine, ...]


class Section(Model):
    """What stands under one heading. Where there is nothing, people write it."""

    heading: Text
    figures: tuple[Figure, ...]
    untold: tuple[FigureCode, ...]
    """Figures that were not there when the term was told: they are not counted of it afterwards."""
    surveys: tuple[SurveyTold, ...]
    entered: tuple[EnteredTold, ...]
    """What people have entered, and what is missing of it."""
    stated: tuple[StatedPart, ...]


class Beside(Model):
    """Another municipality's totals of a figure, as it shows them itself (seed rule 135)."""

    municipality: LogScope
    name: str
    column_totals: tuple[int | None, ...]


class Comparison(Model):
    """A figure of several municipalities with the same template. They are never added up."""

    figure: FigureCode
    columns: tuple[str, ...]
    municipalities: tuple[Beside, ...]


class BesideEntered(Model):
    """What another municipality's people have entered, as its own report shows it (seed rule 135)."""

    municipality: LogScope
    name: str
    cells: tuple[Cell, ...]
    """By period."""


class ComparedIndicator(Model):
    """An indicator that people enter in several municipalities with the same template. They are never added up."""

    indicator: str
    text: Text
    what: Text
    quantity: Quantity
    better: Better
    periods: tuple[str, ...]
    municipalities: tuple[BesideEntered, ...]


class Content(Model):
    """A report."""

    report: str
    title: Text
    municipality: LogScope
    name: str
    period: str
    begins: Moment
    ends: Moment
    """Before this moment."""
    due: date | None
    """The first day by which it is due after the term; null: none."""
    unit: UnitId | None
    """Whose rows it has where rows are units; null: everybody's, or nobody's."""
    sections: tuple[Section, ...]
    compared: tuple[Comparison, ...]
    compared_indicators: tuple[ComparedIndicator, ...]
    rules: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a municipality, for its report."""

    profile: Profile
    facts: Sequence[Happened]
    results: Sequence[SurveyRoundCompleted] = ()
    """What its surveys gave, of every term."""
    registers: Mapping[UnitId, RegisterState] = field(default_factory=dict)
    """What its units have recorded of themselves."""
    published: Mapping[FigureCode, Figure] = field(default_factory=dict)
    """The term's figures that somebody was shown before."""
    visits: Mapping[date, int] = field(default_factory=dict)
    """To its public page, by the first day of the month; a month before all that are there was not counted."""
    entered: Kept = field(default_factory=dict)
    """The figures that its people have entered."""

    @property
    def is_published(self) -> bool:
        """Return whether nothing of the term is left to count: a figure that was not there when it was told is not counted of it.

        What is known now is not what was known then. A meeting that was recorded since would be the difference of two sums.
        """
        return bool(self.published.keys() & COUNTED)


def period_of(code: str, today: date) -> Period:
    """Return the term, when it is over.

    Raises:
        PeriodUnknownError: it is no term.
        PeriodNotOverError: it is not over: its figures could still change, and two of them tell one child's story.
    """
    period = term(code)
    if period is None:
        raise PeriodUnknownError
    if today < oslo_day(period.ends):
        raise PeriodNotOverError
    return period


def report_of(profile: Profile, code: str) -> Report:
    """Return the report that the municipality uses.

    Raises:
        ReportUnknownError: it uses none such.
    """
    found = next((report for report in profile.reports if report.code == code), None)
    if found is None:
        raise ReportUnknownError
    return found


def compared_with(report: Report, profile: Profile, profiles: Mapping[LogScope, Profile]) -> list[Profile]:
    """Return those to compare with: both must name each other in a report of the same template (seed rule 135)."""
    found = []
    for number in report.compared_with:
        other = profiles.get(LogScope(number))
        if other is None or other.scope == profile.scope:
            continue
        same = next((each for each in other.reports if each.code == report.code), None)
        if same is not None and profile.scope in same.compared_with:
            found.append(other)
    return sorted(found, key=lambda one: one.scope)


def content_of(
    report: Report,
    known: Known,
    others: Sequence[Known],
    meetings: Iterable[KnownMeeting],
    period: Period,
    view: View,
) -> Content:
    """Return the report.

    Args:
        report: as the profile lays it out.
        known: the municipality, with every fact until the term's end, or with what was published of the term.
        others: those that it is compared with.
        meetings: the municipality's, of the term's school year.
        period: a term that is over.
        view: what the reader sees of arenas and units (seed rule 95).

    Raises:
        HolidaysUnknownError: it has figures of meetings, and what was due in that school year is not known.
    """
    profile = known.profile
    over = oslo_day(period.ends)
    due = report.due_after(over)
    wanted = {code for heading in report.headings for code in heading.figures}
    figures = counted(known, period)
    for code, figure in figures.items():
        if code in OF_UNITS and not view.everything:
            figures[code] = only(figure, frozenset({view.unit} if view.unit is not None else ()))
    if wanted & {FigureCode.MEETINGS, FigureCode.DEVIATIONS}:
        figures |= _of_meetings(profile, list(meetings), period, view)
    if FigureCode.GUIDANCE_HOURS in wanted:
        figures[FigureCode.GUIDANCE_HOURS] = _guidance(known, period, view)
    if FigureCode.COMPETENCE_GAPS in wanted:
        figures[FigureCode.COMPETENCE_GAPS] = _gaps(known, period)
    figures[FigureCode.ARENAS] = _arenas(profile, period, view)
    figures[FigureCode.PAGE_VISITS] = _visits(known.visits, period)
    return Content(
        report=report.code,
        title=report.text,
        municipality=profile.scope,
        name=profile.name,
        period=period.code,
        begins=period.begins,
        ends=period.ends,
        due=due if due is not None and due >= over else None,
        unit=view.unit,
        sections=tuple(
            Section(
                heading=Text(nb=heading.nb, nn=heading.nn, en=heading.en),
                figures=tuple(figures[code] for code in heading.figures if code in figures),
                untold=tuple(code for code in heading.figures if code not in figures),
                surveys=tuple(
                    told_of(survey, known.results, period)
                    for survey in profile.surveys
                    if survey.code in heading.surveys
                ),
                entered=tuple(
                    entered_told(profile, code, known.entered, period, view.unit, all_units=view.everything)
                    for code in heading.entered
                ),
                stated=tuple(StatedPart(part=part, lines=_stated(profile, part)) for part in heading.stated),
            )
            for heading in report.headings
        ),
        compared=_compared(report, known, others, period),
        compared_indicators=_compared_indicators(report, known, others, period),
        rules=report.rules,
    )


def school_years_of(profile: Profile, period: Period) -> tuple[SchoolYear, ...]:
    """Return the school years that the half-year has days of, by time.

    One that ended in it is left out when the profile does not say when its schools were closed: the profile begins after it.
    """
    last = profile.calendar.school_year_of(oslo_day(period.ends) - _DAY)
    before = profile.calendar.school_year_of(oslo_day(period.begins))
    return (before, last) if before != last and profile.calendar.knows_holidays_of(before) else (last,)


# --- the figures ------------------------------------------------------------------------------------------------------


def counted(known: Known, period: Period) -> dict[FigureCode, Figure]:
    """Return the term's figures as they may be shown: those that were published, as they were then; where none was, all.

    A profile that gains a unit or an offer has other rows. The same term with other rows, beside what was told of it before, is
    one more sum that small counts can be taken from.
    """
    if known.is_published:
        return dict(known.published)
    profile = known.profile
    units = [unit.id for unit in profile.units]
    offers = offers_of(profile)
    arenas = [rules.type for rules in profile.arenas if rules.level is not ArenaLevel.CHILD]
    families = [
        rules.type
        for rules in profile.arenas
        if rules.level is ArenaLevel.CHILD and rules.guardians_part is not Guardians.NONE
    ]
    numbers = count(known.facts, period, units, list(offers), families, arenas)
    return shown(numbers, units, list(offers), arenas)


def _of_meetings(
    profile: Profile, meetings: list[KnownMeeting], period: Period, view: View
) -> dict[FigureCode, Figure]:
    """Return what was met, and what was not as it should be, in the whole municipality; rows for the arenas that the reader sees.

    A leader's own numbers are no table of their own here: its sums, set beside everybody's, would give small ones away. They stand
    in `GET /conformity`, each meeting exactly.
    """
    first, after = oslo_day(period.begins), oslo_day(period.ends)
    years = school_years_of(profile, period)
    due, met = Counter[str](), Counter[tuple[str, str]]()
    whole = View(everything=True)
    counted = [row for year in years for row in conform.conformity(profile, year, meetings, after, whole)]
    # Units that are to meet whoever their children are have a row in both terms, also in that in which they are not to.
    rows = list(
        dict.fromkeys([*(rules.type for rules in _shown(profile, whole)), *(row.arena_type for row in counted)])
    )
    for row in counted:
        if first <= row.last < after:
            due[row.arena_type] += row.due
            for column, number in zip(MET, (row.held, row.not_held, row.cancelled), strict=True):
                met[row.arena_type, column] += number
    kinds = Counter[str]()
    # What was not as it should be in a meeting is found with each of the years, and is one.
    found = {
        conform.key_of(each): each
        for year in years
        for each in conform.deviations(profile, year, meetings, after, whole)
    }
    for deviation in found.values():
        if deviation.kind in SHOWN_KINDS and first <= deviation.day <= after:
            kinds[deviation.kind] += 1
    met_in = of_meetings(rows, due, met, _capped(profile))
    if not view.everything:
        met_in = only(met_in, frozenset(rules.type for rules in profile.arenas if _sees(rules, view)))
    return {
        FigureCode.MEETINGS: met_in,
        FigureCode.DEVIATIONS: as_line(FigureCode.DEVIATIONS, SHOWN_KINDS, kinds),
    }


def _capped(profile: Profile) -> frozenset[str]:
    """Return the arenas of which no more meetings are counted than are due: what units call beside that is around a child."""
    return frozenset(
        rules.type
        for rules in profile.arenas
        if rules.due_for is not None and rules.due_for.children is Children.OF_THE_UNITS
    )


def _guidance(known: Known, period: Period, view: View) -> Figure:
    """Return the minutes of guidance that each unit recorded, against what is asked of it in the school weeks of the term (163).

    Raises:
        HolidaysUnknownError: it is not known in which weeks there was school.
    """
    profile, first, after = known.profile, oslo_day(period.begins), oslo_day(period.ends)
    *_, year = school_years_of(profile, period)
    if not profile.calendar.knows_holidays_of(year):
        raise HolidaysUnknownError(extensions={"school_year": year.first.year})
    units = [unit for unit in profile.units if view.everything or unit.id == view.unit]
    rows: dict[str, tuple[int, ...]] = {}
    # A week that began in the term is told with it, also where it ended after it.
    for line in hours_lines(profile, units, known.registers, year, after + 7 * _DAY):
        if line.unit is not None and first <= line.first < after:
            due, given = rows.get(line.unit, (0, 0))
            rows[line.unit] = (due + line.due_minutes, given + line.minutes)
    return in_full(FigureCode.GUIDANCE_HOURS, GUIDANCE, rows)


def _gaps(known: Known, period: Period) -> Figure:
    """Return how many units lack each competence by what they have recorded until now, up to date when the term ended (112).

    Of the whole municipality, whoever reads: a leader's own gaps stand in the unit's register.
    """
    last = oslo_day(period.ends) - _DAY
    units = [unit for unit in known.profile.units if unit.there_on(last)]
    lines = competence_lines(known.profile, units, known.registers, last)
    wanted = {each.code: sum(line.competence == each.code for line in lines) for each in known.profile.competence}
    return of_gaps(wanted, Counter(line.competence for line in lines if line.gap))


def _arenas(profile: Profile, period: Period, view: View) -> Figure:
    last = oslo_day(period.ends) - _DAY
    rows: dict[str, tuple[int]] = {
        rules.type: (len(profile.units_with(rules, last)) if rules.level is ArenaLevel.UNIT else 1,)
        for rules in _shown(profile, view)
        if rules.meets_on(last)
    }
    return in_full(FigureCode.ARENAS, (COUNT,), rows)


def _visits(visits: Mapping[date, int], period: Period) -> Figure:
    """Return the visits of each month of the term from the first that was ever counted: of those before nothing is known."""
    rows: dict[str, tuple[int]] = {}
    month, after = oslo_day(period.begins), oslo_day(period.ends)
    while month < after:
        if visits and month >= min(visits):
            rows[f"{month:%Y-%m}"] = (visits.get(month, 0),)
        month = (month + 31 * _DAY).replace(day=1)
    return in_full(FigureCode.PAGE_VISITS, (COUNT,), rows)


def _shown(profile: Profile, view: View) -> list[ArenaRules]:
    return [rules for rules in profile.arenas if rules.level is not ArenaLevel.CHILD and _sees(rules, view)]


def _sees(rules: ArenaRules, view: View) -> bool:
    """Return whether the reader is shown a row of the arena: one of units is seen by whoever leads a unit that has it."""
    return view.shows(rules, view.unit if rules.level is ArenaLevel.UNIT else None)


def _compared(report: Report, known: Known, others: Sequence[Known], period: Period) -> tuple[Comparison, ...]:
    """Return the totals side by side, each as its municipality shows it: of a figure about people whose columns are its words."""
    if not others:
        return ()
    told = [(each.profile, counted(each, period)) for each in (known, *others)]
    asked = dict.fromkeys(code for heading in report.headings for code in heading.figures)
    return tuple(
        Comparison(
            figure=code,
            columns=next(figures[code].table.columns for _, figures in told if code in figures),
            municipalities=tuple(
                Beside(municipality=profile.scope, name=profile.name, column_totals=figures[code].table.column_totals)
                for profile, figures in told
                if code in figures
            ),
        )
        for code in asked
        if code in COMPARED and any(code in figures for _, figures in told)
    )


def _compared_indicators(
    report: Report, known: Known, others: Sequence[Known], period: Period
) -> tuple[ComparedIndicator, ...]:
    """Return what was entered side by side, of the municipalities that enter the same as often (seed rules 135, 150, 151, 155)."""
    found = []
    for code in dict.fromkeys(code for heading in report.headings for code in heading.entered):
        asked_here = asked(known.profile, code)
        told = [
            (
                each.profile,
                _of_municipality(entered_told(each.profile, code, each.entered, period, None, all_units=True)),
            )
            for each in (known, *others)
            if _enters_the_same(each.profile, code, asked_here.entry)
        ]
        # Of what units enter of children there is no sum, and so nothing to stand beside another one's.
        if len(told) < 2 or not any(cells for _, cells in told):
            continue
        found.append(
            ComparedIndicator(
                indicator=code,
                text=asked_here.indicator.text,
                what=asked_here.entry.what,
                quantity=asked_here.entry.quantity,
                better=asked_here.indicator.better,
                periods=tuple(cell.period for cell in told[0][1]),
                municipalities=tuple(
                    BesideEntered(municipality=profile.scope, name=profile.name, cells=cells) for profile, cells in told
                ),
            )
        )
    return tuple(found)


def _enters_the_same(profile: Profile, code: str, entry: Entry) -> bool:
    indicator = profile.indicator(code)
    own = None if indicator is None else indicator.entry
    if own is None:
        return False
    return (own.quantity, own.every, own.unit_kinds, own.of_children) == (
        entry.quantity,
        entry.every,
        entry.unit_kinds,
        entry.of_children,
    )


def _of_municipality(told: EnteredTold) -> tuple[Cell, ...]:
    return told.totals if told.units else tuple(cell for cell in told.cells if cell.unit is None)


# --- what the profile states ------------------------------------------------------------------------------------------


class _Offer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    code: str
    text: Text


class _Offers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    offers: tuple[_Offer, ...] = ()


def offers_of(profile: Profile) -> dict[str, Text]:
    """Return the municipality's offers with their names; none when its profile states none that can be read here."""
    try:
        read = _Offers.model_validate(profile.cases or {})
    except ValidationError:
        return {}
    return {offer.code: offer.text for offer in read.offers}


def _stated(profile: Profile, part: Stated) -> tuple[StatedLine, ...]:
    match part:
        case Stated.UNDERTAKINGS:
            called = {indicator.code: indicator.text for indicator in profile.indicators}
            return tuple(
                StatedLine(
                    text=one.text,
                    goal=one.goal,
                    owners=one.owners,
                    anchored_in=one.anchored_in,
                    starts=one.starts,
                    takes=tuple(_resources(line) for line in one.resources),
                    shown_by=tuple(called[code] for code in one.indicators),
                    rules=one.rules,
                )
                for one in profile.undertakings
            )
        case Stated.RESOURCES:
            own = tuple(_resources(line) for line in profile.resources)
            return own + tuple(_resources(line, one.text) for one in profile.undertakings for line in one.resources)
        case Stated.INDICATORS:
            return tuple(
                StatedLine(text=one.text, better=one.better, source=one.source, figure=one.figure, rules=one.rules)
                for one in profile.indicators
            )


def _resources(line: Resources, measure: Text | None = None) -> StatedLine:
    return StatedLine(
        text=line.text,
        kroner=line.kroner,
        hours_a_week=line.hours_a_week,
        for_each=line.for_each,
        measure=measure,
        post_percent=line.post_percent,
        rules=line.rules,
    )
