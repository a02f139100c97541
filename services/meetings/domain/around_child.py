"""The meetings around one child that rules ask for: for which children, in which part of the year, and which are missing.

(Seed rules 10, 11, 23, 29.)

Who of the staff knows of a case is told which meetings it lacks; all that is told of all children together is whether any lacks
one, and, once, when the time is over, how many, with small numbers hidden.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from services.meetings.domain.arena_rules import ArenaRules, ArenaType, Children
from services.meetings.domain.child_facts import Child, Stretch, stretches
from services.meetings.domain.conformity import Deviation, View
from services.meetings.domain.deviating import NOTICE_DAYS, FoundState
from services.meetings.domain.profile import Profile
from services.meetings.domain.wheel import Period, open_days_of, periods_of
from services.meetings.domain.year import SchoolYear
from shared.contracts.base import EventData, Model
from shared.contracts.deviations import ChildMeetingMissing, DeviationKind
from shared.refs import ActorId, CaseRef, DeviationRef, UnitId
from shared.small_numbers import suppress

_AROUND: Final = frozenset({Children.WITH_A_GROUP, Children.STARTING_SCHOOL})


class Standing(StrEnum):
    """How it stands with the meetings of one child in one part of the year."""

    HELD = "held"
    CALLED = "called"
    """Not all are held; for the others there is a meeting in the calendar, and the child was brought to it. As in `conformity`, one
    that nobody is invited to yet is enough, and an item that nobody has accepted."""
    MISSING = "missing"


class DueMeeting(Model):
    """The meetings of an arena that are due for one child in a part of the school year."""

    case: CaseRef
    arena_type: ArenaType
    name: str
    period: str
    """The term's name, or `year`."""
    first: date
    last: date
    """Of the term or the arena's window; both included."""
    due: int
    held: int
    """In which the child was spoken of by name."""
    ahead: int
    """Planned or called, still to come, and with the child proposed for its agenda or accepted."""
    standing: Standing
    rule: int
    """The seed rule that asks for so many."""


class Told(Model):
    """How many children a rule asked a meeting for, told once when the time is over; null: hidden, for one of them is small."""

    children: int | None
    held: int | None
    missing: int | None

    def beside_conforms(self) -> Told:
        """Return it as it may be shown: all three or none.

        `conforms` says whether any child lacks its meeting. Of five children whose parts are hidden it would say that all had
        theirs, or that one of five numbers had.
        """
        return self if self.held is not None else Told(children=None, held=None, missing=None)


class ConformityAround(Model):
    """How an arena around a child keeps to its rule in a part of the school year, all children of the municipality together."""

    arena_type: ArenaType
    name: str
    unit: UnitId | None = None
    """Always null: how many a unit has would tell how many such children it has."""
    period: str
    first: date
    last: date
    conforms: bool
    """Whether no child lacks a meeting; also when there is no such child."""
    told: Told | None = None
    """Null until a week after the last day; for those who start school, of the school year."""
    rule: int


@dataclass(frozen=True, slots=True)
class Asked:
    """One part of the year in which an arena's meetings are due for some children."""

    rules: ArenaRules
    period: Period
    last_open: date
    """The last day of it on which one can meet."""
    school_start: int | None
    """For those who start school in the autumn of that year; None: for those with a group."""

    @property
    def key(self) -> tuple[str, str]:
        """Return by what it is known: the arena's type, and its first day."""
        return self.rules.type, self.period.first.isoformat()

    def is_due(self, child: Child, times: Iterable[Stretch]) -> bool:
        """Return whether so many meetings are due for that child in it, for whom the arena's are due at these times.

        Nobody is to have met before there was a group: it is due for those who have one from `NOTICE_DAYS` before the last open
        day until then; of a term that is not over, for those who have one now.
        """
        if self.school_start is not None and child.starts_school != self.school_start:
            return False
        by = self.last_open - timedelta(days=NOTICE_DAYS)
        return any(each.lasts(by, self.last_open) for each in times)

    def line(self, child: Child, today: date) -> DueMeeting:
        """Return how it stands with that child's meetings."""
        mine = [
            each
            for each in child.brought
            if each.arena_type == self.rules.type and self.period.first <= each.day <= self.period.last
        ]
        held = len({each.meeting for each in mine if each.was_spoken_of})
        ahead = len({each.meeting for each in mine if each.is_ahead(today)})
        enough = Standing.CALLED if held + ahead >= self.period.due else Standing.MISSING
        return DueMeeting(
            case=child.case,
            arena_type=self.rules.type,
            name=self.rules.name,
            period=self.period.name,
            first=self.period.first,
            last=self.period.last,
            due=self.period.due,
            held=held,
            ahead=ahead,
            standing=Standing.HELD if held >= self.period.due else enough,
            rule=self.rules.frequency.rule,
        )


def around(profile: Profile) -> tuple[ArenaRules, ...]:
    """Return the arenas whose meetings are due for certain children."""
    return tuple(rules for rules in profile.arenas if rules.due_for is not None and rules.due_for.children in _AROUND)


def asked(profile: Profile, year: SchoolYear) -> list[Asked]:
    """Return in which parts of the school year meetings around children are due; where an arena cannot meet, none are.

    Raises:
        HolidaysUnknownError: the profile does not say when the schools are closed in that year.
    """
    open_days, found = open_days_of(profile, year), []
    for rules in around(profile):
        spans = [profile.calendar.occurrences(window, year) for window in rules.windows]
        starts = [profile.calendar.starts_school_in(window, year) for window in rules.windows]
        for period in periods_of(profile, rules, None, year, open_days):
            whole = replace(period, first=min(spans)[0], last=max(last for _, last in spans)) if spans else period
            usable = [
                day
                for day in open_days
                if whole.first <= day <= whole.last
                and rules.meets_on(day)
                and (not spans or any(first <= day <= last for first, last in spans))
            ]
            if usable and whole.due:
                start = next((each for each in starts if each is not None), None)
                found.append(Asked(rules, whole, max(usable), start))
    return found


def due_meetings(profile: Profile, year: SchoolYear, children: Iterable[Child], today: date) -> list[DueMeeting]:
    """Return every meeting that is due for one of the children in that school year, by arena, time and case.

    Raises:
        HolidaysUnknownError: see `asked`.
    """
    parts = asked(profile, year)
    arenas = {part.rules.type: part.rules for part in parts}
    lines: list[DueMeeting] = []
    for child in children:
        times = {arena_type: stretches(child, rules) for arena_type, rules in arenas.items()}
        lines += [part.line(child, today) for part in parts if part.is_due(child, times[part.rules.type])]
    return sorted(lines, key=key_of)


def to_be_called(
    profile: Profile, year: SchoolYear, children: Iterable[Child], today: date
) -> list[tuple[DueMeeting, Child]]:
    """Return which children's meetings are missing and can still be called, from six weeks before the last open day on.

    Beside each, the child.

    Raises:
        HolidaysUnknownError: see `asked`.
    """
    known = {child.case: child for child in children}
    last_open = {part.key: part.last_open for part in asked(profile, year)}
    found = []
    for line in due_meetings(profile, year, known.values(), today):
        until = last_open[line.arena_type, line.first.isoformat()]
        if line.standing is Standing.MISSING and until - timedelta(days=NOTICE_DAYS) <= today <= until:
            found.append((line, known[line.case]))
    return found


def decide_missing(
    state: FoundState, deviation: DeviationRef, line: DueMeeting, coordinator: ActorId | None
) -> list[EventData]:
    """Say of the child's meeting that it is missing, once (seed rules 10, 29)."""
    if state.deviation is not None:
        return []
    return [
        ChildMeetingMissing(
            deviation=deviation,
            case=line.case,
            arena_type=line.arena_type,
            day=line.last,
            rule=line.rule,
            coordinator=coordinator,
        )
    ]


def key_of(line: DueMeeting) -> tuple[str, str, str]:
    """Return by what they are ordered; no two have the same."""
    return line.arena_type, line.first.isoformat(), line.case


def conformity_around(
    profile: Profile,
    year: SchoolYear,
    children: Iterable[Child],
    today: date,
    view: View,
    told: Mapping[tuple[str, str], Told] | None = None,
) -> list[ConformityAround]:
    """Return whether any child lacks a meeting, per arena and part of the year, for who sees the arena's conformity (rule 95).

    Raises:
        HolidaysUnknownError: see `asked`.
    """
    lines = due_meetings(profile, year, children, today)
    lacking = {(line.arena_type, line.first) for line in lines if line.standing is Standing.MISSING}
    return [
        ConformityAround(
            arena_type=part.rules.type,
            name=part.rules.name,
            period=part.period.name,
            first=part.period.first,
            last=part.period.last,
            conforms=(part.rules.type, part.period.first) not in lacking,
            told=known.beside_conforms() if (known := (told or {}).get(part.key)) is not None else None,
            rule=part.rules.frequency.rule,
        )
        for part in asked(profile, year)
        if view.shows(part.rules, None)
    ]


def deviations_around(rows: Iterable[ConformityAround], today: date) -> list[Deviation]:
    """Return of which arenas some child lacks a meeting: neither which child, nor how many, nor of which unit."""
    return [
        Deviation(
            kind=DeviationKind.TOO_FEW_HELD if row.last < today else DeviationKind.TOO_FEW_PLANNED,
            arena_type=row.arena_type,
            unit=None,
            period=row.period,
            day=row.last,
            rule=row.rule,
        )
        for row in rows
        if not row.conforms
    ]


def to_be_told(
    profile: Profile, year: SchoolYear, children: Sequence[Child], today: date, *, after: int, within: int
) -> dict[tuple[str, str], Told]:
    """Return how many children had their meetings in each part that is over since `after` to `within` days.

    Who starts school is known by forms that are written in the spring after the window (seed rules 10, 13): of these it is told
    when the school year is over.
    """
    found = {}
    lines = due_meetings(profile, year, children, today)
    for part in asked(profile, year):
        known = part.period.last if part.school_start is None else year.last
        if timedelta(days=after) <= today - known <= timedelta(days=within):
            mine = [line for line in lines if (line.arena_type, line.first) == (part.rules.type, part.period.first)]
            held = sum(1 for line in mine if line.standing is Standing.HELD)
            shown = suppress({"held": held, "missing": len(mine) - held})
            counts = Told(children=shown.total, held=shown.parts["held"], missing=shown.parts["missing"])
            found[part.key] = counts.beside_conforms()
    return found
