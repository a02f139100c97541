"""The figures of a report: what happened in a term that is over, counted from the facts of events, and how it may be shown.

Every count of what happened is protected (`shared.small_numbers`): no count under five, and none that follows from others. A
report leaves the house, and one meeting that nobody entitled led is somebody. How many meetings and minutes are asked for, how
many meeting places there are, how many minutes were given and how often a public page was opened is no such count, and is shown
in full. A term has no day in common with another, and no sum over terms is told; so no term gives another's away. And a term is
told once: what was published of it stands, whatever the profile says afterwards, for two tables of the same term with other rows
would be subtracted from each other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, get_args

from services.meetings.domain.arena_rules import TAKES_NO_SEAT
from services.meetings.domain.figure_facts import (
    Attended,
    BodyAnswered,
    BodyCorrected,
    CaseHeld,
    CaseShut,
    ConcernCame,
    ConcernMet,
    ConsentAsked,
    ConsentCame,
    ConsentOutcome,
    ConsentWaiting,
    ConsentWaits,
    FormLate,
    FormSent,
    HandoverAnswered,
    HandoverOff,
    HandoverOffered,
    Happened,
    HearingShut,
    LevelIs,
    MeasureDue,
    MeasureEnd,
    MeasureIn,
    MeasureJudged,
    MeasureOver,
    OverlapSeen,
    OverlapSettled,
    ReportAnswered,
    ReportUnanswered,
)
from shared.contracts.base import Model
from shared.contracts.cases import Effect, ForWhom, OverlapExplanation
from shared.contracts.codes import Role, Service
from shared.refs import UnitId
from shared.small_numbers import THRESHOLD, Table, publish, suppress, suppress_within
from shared.terms import Period

OTHER: Final = "other"
"""Units and offers that the profile does not have (any more)."""
SOON: Final = timedelta(days=7)


class FigureCode(StrEnum):
    """What a report can tell in numbers."""

    MEETINGS = "meetings"
    """Due, held, neither, cancelled, by arena (seed rules 8, 64, 183)."""
    ARENAS = "arenas"
    """How many meeting places there are (seed rule 158)."""
    DEVIATIONS = "deviations"
    GUIDANCE_HOURS = "guidance-hours"
    """Guidance that units have recorded against what is asked of them, in minutes (seed rules 163, 177)."""
    HEARINGS = "hearings"
    """Bodies that answered, in time or late, or had not when the hearing was closed; and of those in time how many put another
    answer in its place after that (seed rule 173)."""
    ATTENDANCE = "attendance"
    """Seats taken and empty, by arena (seed rule 156)."""
    ATTENDANCE_BY_ROLE = "attendance-by-role"
    """The same seats, by the role of who had them (seed rules 54, 156)."""
    PARENT_CONTACT = "parent-contact"
    """Meetings around a child to which guardians belong, with and without them, along the course (seed rule 148)."""
    CONCERNS_BY_UNIT = "concerns-by-unit"
    CONCERNS_FOR_WHOM = "concerns-for-whom"
    """(Seed rule 180.)"""
    TIME_TO_ACT = "time-to-act"
    """From the concern to the first act (seed rules 102, 179)."""
    TIME_TO_ANSWER = "time-to-answer"
    """From the offer of the baton to the answer (seed rule 107)."""
    CASES_BY_LEVEL = "cases-by-level"
    """Open when the term ended, by unit and level (seed rule 181)."""
    MEASURES_BY_LEVEL = "measures-by-level"
    """(Seed rule 155.)"""
    MEASURES_WITH_PPT = "measures-with-ppt"
    """(Seed rule 154.)"""
    OFFERS_USED = "offers-used"
    """(Seed rule 157.)"""
    EVALUATIONS = "evaluations"
    """By effect, in time or late (seed rules 89, 90)."""
    MEASURES_ENDED = "measures-ended"
    """Measures that ended, by why: among them those stopped for no effect (seed rules 89, 90, 166)."""
    DOUBLE_WORK = "double-work"
    """Measures that much the same is done beside, by what came of that (seed rules 49, 161)."""
    TRANSITION_FORMS = "transition-forms"
    """Sent within their window, outside it, or not when it was over (seed rules 13, 14)."""
    CHILD_WELFARE_ANSWERS = "child-welfare-answers"
    """To whoever reported a concern: within three weeks, later, not (seed rule 93; barnevernsloven § 13-3)."""
    CONSENTS_WAITING = "consents-waiting"
    """Consents that were to be said again when the term ended (seed rules 4, 5)."""
    COMPETENCE_GAPS = "competence-gaps"
    """Units that lack a competence, against how many are to have it (seed rules 112, 117)."""
    CONSENTS = "consents"
    """What consents came to, by the unit that holds them (seed rules 4, 5)."""
    PAGE_VISITS = "page-visits"
    """Visits to the municipality's public page, by month (seed rule 150)."""


OF_UNITS: Final = frozenset({FigureCode.CONCERNS_BY_UNIT, FigureCode.CASES_BY_LEVEL, FigureCode.CONSENTS})
"""Whose rows are units: a leader sees the own unit's."""
OF_THE_WHEEL: Final = frozenset(
    {
        FigureCode.MEETINGS,
        FigureCode.ARENAS,
        FigureCode.DEVIATIONS,
        FigureCode.GUIDANCE_HOURS,
        FigureCode.COMPETENCE_GAPS,
    }
)
"""Told of the year wheel, and of what units recorded, as it stands: both are shown to whoever reads this themselves."""
IN_FULL: Final = frozenset({FigureCode.ARENAS, FigureCode.GUIDANCE_HOURS, FigureCode.PAGE_VISITS})
"""Shown in full: what the profile says there is, minutes, and visits of nobody knows whom. None is a count of anybody."""
COUNTED: Final = frozenset(FigureCode) - OF_THE_WHEEL - {FigureCode.PAGE_VISITS}
"""Counted from facts, and published once for each term."""
COMPARED: Final = COUNTED - {FigureCode.HEARINGS}
"""Set beside other municipalities': of the others each has its own arenas, bodies and months."""
COUNT: Final = "count"
LEVELS: Final = ("level-0", "level-1", "level-2", "level-3")
OUTCOMES: Final[tuple[str, ...]] = get_args(ConsentOutcome)
WAITING: Final[tuple[str, ...]] = get_args(ConsentWaiting)
ENDS: Final[tuple[str, ...]] = get_args(MeasureEnd)
DOUBLED: Final = (*(each.value for each in OverlapExplanation), "unexplained")
FORMS: Final = ("in-window", "outside-window", "not-sent")
GAPS: Final = ("to-have", "lacking")
WAITED: Final = ("within-7-days", "in-time", "late")
TIMELY: Final = ("in-time", "late")
GUIDANCE: Final = ("minutes-due", "minutes-given")
REPLIED: Final = (*TIMELY, "unanswered")
ANSWERED: Final = (*TIMELY, "corrected-late", "unanswered")
DUE: Final = "due"
MET: Final = ("held", "not-held", "cancelled")
"""What became of meetings."""
STAGES: Final = ("in-barnehage", "on-the-way", "in-school", OTHER)
"""Where in its course the child is: with the barnehage at the table, with barnehage and school, with the school, with neither."""
WITH_GUARDIANS: Final = ("with-guardians", "without-guardians")
SEATS: Final = ("present", "absent")
SEATED: Final = (*(role.value for role in Role if role not in TAKES_NO_SEAT), OTHER)
"""The roles whose seats are told; of a meeting that was read before roles were counted the role is `other`."""


class Figure(Model):
    """One figure: a table, or a line that is a table of one column; without totals where none is told."""

    code: FigureCode
    table: Table
    protected: bool
    """Whether small counts are hidden in it."""


class Numbers(Model):
    """What was counted, with nothing hidden: never shown, never kept."""

    concerns: dict[str, int]
    for_whom: dict[str, int]
    waited: dict[str, int]
    offered: dict[str, int]
    open_cases: dict[tuple[str, str], int]
    by_level: dict[str, int]
    with_ppt: dict[str, int]
    offers: dict[str, int]
    evaluations: dict[tuple[str, str], int]
    consents: dict[tuple[str, str], int]
    ended: dict[str, int]
    doubled: dict[str, int]
    forms: dict[str, int]
    replies: dict[str, int]
    waiting: dict[str, int]
    seats: dict[tuple[str, str], int]
    roles: dict[tuple[str, str], int]
    contact: dict[tuple[str, str], int]
    bodies: dict[str, int]


@dataclass
class _Case:
    """What is known of one case so far."""

    unit: UnitId | None = None
    level: int = 1
    open: bool = False
    concerns: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """When each that nobody has acted on yet came, and by when one is to act."""
    offers: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    """When the baton was offered, while nobody has answered, and by when one is to."""
    due: dict[str, datetime] = field(default_factory=dict)
    overlaps: dict[str, set[str]] = field(default_factory=dict)
    """Measures that much the same is done beside, by which others, as long as nobody has said what is to become of it."""
    sent: dict[str, tuple[datetime, FormSent]] = field(default_factory=dict)
    """When each transition form was sent, and how, unless that came to nothing."""
    late: dict[str, datetime] = field(default_factory=dict)
    """Since when a transition form is, or was, late."""
    unanswered: dict[str, datetime] = field(default_factory=dict)
    """Since when a report to child welfare is without the answer that was due."""
    waits: dict[str, str] = field(default_factory=dict)
    """How it stands with each consent that those who must consent now are to confirm."""
    renewals: set[str] = field(default_factory=set)
    """Consents whose next period is asked for."""
    asked_by: dict[str, UnitId | None] = field(default_factory=dict)
    told: set[tuple[str, str]] = field(default_factory=set)
    """Which outcome of which consent, and which body's correction, was counted: each once, however often it comes."""


@dataclass(frozen=True, slots=True)
class _Tally:
    """What was counted so far, and what there is."""

    units: frozenset[UnitId]
    offers: frozenset[str]
    families: frozenset[str]
    """The arenas around a child to which guardians belong."""
    arenas: frozenset[str]
    """Those whose seats are told."""
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    def place(self, unit: UnitId | None) -> str:
        return unit if unit is not None and unit in self.units else OTHER

    def add(self, what: str, row: str, column: str = "", number: int = 1) -> None:
        if number:
            self.counts[what, row, column] += number


def count(
    facts: Iterable[Happened],
    period: Period,
    units: Sequence[UnitId],
    offers: Sequence[str],
    families: Iterable[str] = (),
    arenas: Iterable[str] = (),
) -> Numbers:
    """Return what was in the term: what happened in it, and which cases were open at its end. How the facts lie is no matter.

    `families` are the arenas around a child to which guardians belong, `arenas` those whose seats are told by role.
    """
    tally = _Tally(frozenset(units), frozenset(offers), frozenset(families), frozenset(arenas))
    cases: dict[str, _Case] = {}
    for happened in sorted(facts, key=lambda one: (one.subject, one.sequence)):
        if happened.at < period.ends:
            case = cases.setdefault(happened.subject, _Case())
            # What was before the term is known of the case, and not counted.
            counted = tally if happened.at >= period.begins else replace(tally, counts=Counter())
            _of_concerns(case, happened, counted)
            _of_handovers(case, happened, counted)
            _of_the_case(case, happened)
            _of_measures(case, happened, counted)
            _of_ends(case, happened, counted)
            _of_replies(case, happened, counted)
            _of_consents(case, happened, counted)
            _of_the_rest(case, happened, counted)
    for each in cases.values():
        _at_the_end(each, period, tally)
    return _numbers(tally.counts)


def _at_the_end(case: _Case, period: Period, tally: _Tally) -> None:
    """Count how it stood when the term ended."""
    if case.open:
        tally.add("open_cases", tally.place(case.unit), LEVELS[case.level])
    tally.add("doubled", DOUBLED[-1], number=len(case.overlaps))
    for at, form in case.sent.values():
        tally.add("forms", FORMS[form.outside], number=at >= period.begins)
    unsent = [since for form, since in case.late.items() if form not in case.sent]
    tally.add("forms", FORMS[-1], number=sum(since >= period.begins for since in unsent))
    tally.add("replies", REPLIED[-1], number=sum(since >= period.begins for since in case.unanswered.values()))
    # Each consent once: of one that is suspended, or to be confirmed, that is what matters.
    for waits in (dict.fromkeys(case.renewals, WAITING[2]) | case.waits).values():
        tally.add("waiting", waits)


def _of_concerns(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case ConcernCame() as fact:
            case.concerns[fact.concern] = (happened.at, fact.act_by)
            tally.add("concerns", tally.place(fact.unit))
            tally.add("for_whom", fact.for_whom)
        case ConcernMet(concern=concern) if concern in case.concerns:
            tally.add("waited", _waited(*case.concerns.pop(concern), happened.at))
        case _:
            return


def _of_handovers(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case HandoverOffered() as fact:
            case.offers[fact.handover] = (happened.at, fact.respond_by)
        case CaseHeld(handover=str() as handover) | HandoverAnswered(handover=handover) if handover in case.offers:
            tally.add("offered", _waited(*case.offers.pop(handover), happened.at))
        case _:
            return


def _waited(since: datetime, by: datetime, at: datetime) -> str:
    return WAITED[0] if at - since <= SOON else WAITED[1] if at <= by else WAITED[2]


def _of_the_case(case: _Case, happened: Happened) -> None:
    match happened.fact:
        case CaseHeld() as fact:
            case.unit = fact.unit
            case.level = case.level if fact.level is None else fact.level
            case.open = case.open or fact.opens
        case LevelIs(level=level):
            case.level = level
        case CaseShut():
            case.open = False
        case _:
            return


def _of_measures(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case MeasureIn() as fact:
            case.due[fact.measure] = fact.evaluate_by
            tally.add("by_level", LEVELS[fact.level])
            tally.add("with_ppt", "ppt" if fact.owner is Service.PPT else "others")
            tally.add("offers", fact.code if fact.code in tally.offers else OTHER)
        case MeasureDue() as fact:
            case.due[fact.measure] = fact.evaluate_by
        case MeasureJudged() as fact:
            due = case.due.get(fact.measure)
            tally.add("evaluations", fact.effect, TIMELY[due is not None and happened.at > due])
            if fact.evaluate_by is not None:
                case.due[fact.measure] = fact.evaluate_by
        case _:
            return


def _of_ends(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case MeasureOver(measure=measure, reason=reason):
            case.overlaps = _without(case.overlaps, measure)
            tally.add("ended", reason)
        case OverlapSeen(measure=measure, others=others):
            case.overlaps[measure] = set(others)
        case OverlapSettled(measure=measure, explanation=explanation) if measure in case.overlaps:
            del case.overlaps[measure]
            tally.add("doubled", explanation)
        case CaseShut():
            case.overlaps.clear()
            case.late.clear()
            case.waits.clear()
            case.renewals.clear()
        case _:
            return


def _without(overlaps: Mapping[str, set[str]], ended: str) -> dict[str, set[str]]:
    """Return them without a measure that ended: two do the same only while both run."""
    return {measure: others - {ended} for measure, others in overlaps.items() if measure != ended and others != {ended}}


def _of_replies(case: _Case, happened: Happened, tally: _Tally) -> None:
    """Count what was to be sent to a school, and answered by child welfare: a form, or an answer, once each."""
    match happened.fact:
        case FormSent(form=form) as fact:
            case.sent.setdefault(form, (happened.at, fact))
        case HandoverOff(handover=handover) | HandoverAnswered(handover=handover, refused=True):
            case.sent = {form: sent for form, sent in case.sent.items() if sent[1].handover != handover}
        case FormLate(form=form):
            case.late.setdefault(form, happened.at)
        case ReportAnswered(report=report, late=late) if ("report", report) not in case.told:
            case.told.add(("report", report))
            case.unanswered.pop(report, None)
            tally.add("replies", TIMELY[late])
        case ReportUnanswered(report=report) if ("report", report) not in case.told:
            case.unanswered.setdefault(report, happened.at)
        case _:
            return


def _of_consents(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case ConsentAsked() as fact:
            case.asked_by[fact.consent] = fact.unit
        case ConsentWaits() as fact:
            _of_waiting(case, fact)
        case ConsentCame() as fact:
            # A no leaves one that is suspended so; one that has expired may still be renewed.
            if fact.outcome in {"granted", "withdrawn", "expired", "renewed"}:
                case.waits.pop(fact.consent, None)
            if fact.outcome in {"granted", "withdrawn", "renewed"}:
                case.renewals.discard(fact.consent)
            if (fact.consent, fact.outcome) not in case.told:
                case.told.add((fact.consent, fact.outcome))
                tally.add("consents", tally.place(case.asked_by.get(fact.consent)), fact.outcome)
        case _:
            return


def _of_waiting(case: _Case, fact: ConsentWaits) -> None:
    """Know what a consent waits for: to be confirmed, and to be renewed, are two questions."""
    match fact.waits:
        case "renewal-asked":
            case.renewals.add(fact.consent)
        case "suspended":
            case.waits[fact.consent] = fact.waits
        case "to-confirm":
            # One that is suspended stays so until it is confirmed; and the next period is to be asked for anew.
            case.waits.setdefault(fact.consent, fact.waits)
            case.renewals.discard(fact.consent)
        case None:
            if fact.answered != "renewal":
                case.waits.pop(fact.consent, None)
            if fact.answered != "confirmation":
                case.renewals.discard(fact.consent)


def _of_the_rest(case: _Case, happened: Happened, tally: _Tally) -> None:
    match happened.fact:
        case Attended() as fact:
            tally.add("seats", fact.arena_type, "present", fact.present)
            tally.add("seats", fact.arena_type, "absent", fact.absent)
            if fact.arena_type in tally.arenas:
                _of_roles(fact, tally)
            if fact.arena_type in tally.families and fact.guardians is not None:
                tally.add("contact", _stage(fact), WITH_GUARDIANS[not fact.guardians])
        case BodyAnswered(late=late):
            tally.add("bodies", TIMELY[late])
        case BodyCorrected(unit=body) if ("corrected-late", body) not in case.told:
            case.told.add(("corrected-late", body))
            tally.add("bodies", ANSWERED[2])
        case HearingShut(unanswered=unanswered):
            tally.add("bodies", ANSWERED[3], number=unanswered)
        case _:
            return


def _of_roles(fact: Attended, tally: _Tally) -> None:
    """Count the seats by role: the very seats that are counted by arena, so that the one's sums are the other's."""
    left = {"present": fact.present, "absent": fact.absent}
    for seats in fact.roles:
        for column, number in (("present", seats.present), ("absent", seats.absent)):
            tally.add("roles", seats.role if seats.role in SEATED else OTHER, column, number)
            left[column] -= number
    for column, number in left.items():
        tally.add("roles", OTHER, column, number)


def _stage(fact: Attended) -> str:
    barnehage, on_the_way, school, other = STAGES
    if fact.barnehage:
        return on_the_way if fact.skole else barnehage
    return school if fact.skole else other


def _numbers(tally: Counter[tuple[str, str, str]]) -> Numbers:
    def lines(name: str) -> dict[str, int]:
        return {row: number for (of, row, _), number in tally.items() if of == name}

    def cells(name: str) -> dict[tuple[str, str], int]:
        return {(row, column): number for (of, row, column), number in tally.items() if of == name}

    return Numbers(
        concerns=lines("concerns"),
        for_whom=lines("for_whom"),
        waited=lines("waited"),
        offered=lines("offered"),
        open_cases=cells("open_cases"),
        by_level=lines("by_level"),
        with_ppt=lines("with_ppt"),
        offers=lines("offers"),
        evaluations=cells("evaluations"),
        consents=cells("consents"),
        ended=lines("ended"),
        doubled=lines("doubled"),
        forms=lines("forms"),
        replies=lines("replies"),
        waiting=lines("waiting"),
        seats=cells("seats"),
        roles=cells("roles"),
        contact=cells("contact"),
        bodies=lines("bodies"),
    )


def shown(
    numbers: Numbers, units: Sequence[UnitId], offers: Sequence[str], arenas: Sequence[str]
) -> dict[FigureCode, Figure]:
    """Return the figures that are counted from facts, as they may be shown: those about people without what is small.

    Args:
        numbers: what was counted.
        units: every unit that there could be a number of; one that is left out would be known to have none.
        offers: every offer, likewise.
        arenas: those whose seats are told. One without a held meeting is left out: that there was none is told anyhow.
    """
    places = (*units, OTHER)
    line, table = FigureCode, FigureCode
    return {
        one.code: one
        for one in (
            as_line(line.CONCERNS_BY_UNIT, places, numbers.concerns),
            as_line(line.CONCERNS_FOR_WHOM, tuple(ForWhom), numbers.for_whom),
            as_line(line.TIME_TO_ACT, WAITED, numbers.waited),
            as_line(line.TIME_TO_ANSWER, WAITED, numbers.offered),
            _table(table.CASES_BY_LEVEL, places, LEVELS, numbers.open_cases),
            as_line(line.MEASURES_ENDED, ENDS, numbers.ended),
            as_line(line.DOUBLE_WORK, DOUBLED, numbers.doubled),
            as_line(line.TRANSITION_FORMS, FORMS, numbers.forms),
            as_line(line.CHILD_WELFARE_ANSWERS, REPLIED, numbers.replies),
            as_line(line.CONSENTS_WAITING, WAITING, numbers.waiting),
            as_line(line.MEASURES_BY_LEVEL, LEVELS, numbers.by_level),
            as_line(line.MEASURES_WITH_PPT, ("ppt", "others"), numbers.with_ppt),
            as_line(line.OFFERS_USED, (*offers, OTHER), numbers.offers),
            _table(table.EVALUATIONS, tuple(Effect), TIMELY, numbers.evaluations),
            _table(table.CONSENTS, places, OUTCOMES, numbers.consents),
            _table(table.PARENT_CONTACT, STAGES, WITH_GUARDIANS, numbers.contact),
            _hearings(numbers.bodies),
            _table(
                table.ATTENDANCE,
                [arena for arena in arenas if any(row == arena for row, _ in numbers.seats)],
                SEATS,
                numbers.seats,
            ),
            _table(table.ATTENDANCE_BY_ROLE, SEATED, SEATS, numbers.roles),
        )
    }


def as_line(code: FigureCode, rows: Sequence[str], counts: Mapping[str, int]) -> Figure:
    """Return a figure that is a count and its parts, as it may be shown."""
    shown = suppress({row: counts.get(row, 0) for row in rows})
    return Figure(
        code=code,
        protected=True,
        table=Table(
            rows=tuple(map(str, rows)),
            columns=(COUNT,),
            cells=tuple((shown.parts[row],) for row in rows),
            row_totals=(),
            column_totals=(shown.total,),
            total=shown.total,
        ),
    )


def _hearings(bodies: Mapping[str, int]) -> Figure:
    """Return how bodies answered. Those that corrected theirs are some of those in time: both they and the rest must be five."""
    in_time, late, corrected, unanswered = ANSWERED
    line = as_line(FigureCode.HEARINGS, (in_time, late, unanswered), bodies)
    told = dict(zip(line.table.rows, line.table.cells, strict=True))
    [of_them] = told[in_time]
    number = bodies.get(corrected, 0)
    shown = of_them is not None and min(number, of_them - number) >= THRESHOLD
    told[corrected] = (number if shown else None,)
    cells = tuple(told[part] for part in ANSWERED)
    return line.model_copy(update={"table": line.table.model_copy(update={"rows": ANSWERED, "cells": cells})})


def of_meetings(
    rows: Sequence[str],
    due: Mapping[str, int],
    met: Mapping[tuple[str, str], int],
    no_more_than_due: frozenset[str] = frozenset(),
) -> Figure:
    """Return what became of the meetings of each arena, against how many were due (seed rules 8, 64, 183).

    In `no_more_than_due` are the arenas of which more than are due are never counted.
    """
    return _against(FigureCode.MEETINGS, rows, DUE, due, MET, met, no_more_than_due)


def of_gaps(to_have: Mapping[str, int], lacking: Mapping[str, int]) -> Figure:
    """Return how many units lack each competence, against how many are to have it (seed rules 112, 117)."""
    wanted, gap = GAPS
    cells = {(row, gap): number for row, number in lacking.items()}
    return _against(FigureCode.COMPETENCE_GAPS, tuple(to_have), wanted, to_have, (gap,), cells, frozenset(to_have))


def _against(
    code: FigureCode,
    rows: Sequence[str],
    asked: str,
    due: Mapping[str, int],
    columns: Sequence[str],
    met: Mapping[tuple[str, str], int],
    within: frozenset[str],
) -> Figure:
    """Return a figure of what was, against what the profile asks for.

    What is asked for is a rule, and is told. What was is no sum of it: each column is a line of its own, as it may be shown. In the
    rows `within` it is never more than what is asked for, as whoever reads it knows.
    """
    most = {row: due.get(row, 0) for row in rows if row in within}
    lines = [suppress_within({row: met.get((row, column), 0) for row in rows}, most) for column in columns]
    return Figure(
        code=code,
        protected=True,
        table=Table(
            rows=tuple(rows),
            columns=(asked, *columns),
            cells=tuple((due.get(row, 0), *(line.parts[row] for line in lines)) for row in rows),
            row_totals=(),
            column_totals=(sum(due.get(row, 0) for row in rows), *(line.total for line in lines)),
            total=None,
        ),
    )


def _table(
    code: FigureCode, rows: Sequence[str], columns: Sequence[str], counts: Mapping[tuple[str, str], int]
) -> Figure:
    return Figure(code=code, protected=True, table=publish(tuple(map(str, rows)), tuple(map(str, columns)), counts))


def in_full(code: FigureCode, columns: Sequence[str], rows: Mapping[str, Sequence[int]]) -> Figure:
    """Return a figure that is shown as it is, without totals."""
    return Figure(
        code=code,
        protected=False,
        table=Table(
            rows=tuple(rows),
            columns=tuple(columns),
            cells=tuple(tuple(counts) for counts in rows.values()),
            row_totals=(),
            column_totals=(),
            total=None,
        ),
    )


def only(figure: Figure, rows: frozenset[str]) -> Figure:
    """Return it with these of its rows. What stands in them, and the totals, are as they were: nothing is hidden anew."""
    table = figure.table
    kept = [index for index, row in enumerate(table.rows) if row in rows]
    return figure.model_copy(
        update={
            "table": table.model_copy(
                update={
                    "rows": tuple(table.rows[index] for index in kept),
                    "cells": tuple(table.cells[index] for index in kept),
                    "row_totals": tuple(table.row_totals[index] for index in kept) if table.row_totals else (),
                }
            )
        }
    )
