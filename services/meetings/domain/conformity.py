"""How the meetings of a school year keep to the rules: per arena, unit and term, and each deviation with its rule.

How many meetings around a child a unit has is in none of these reports: it would tell how many such children it has. Where the
units themselves meet, whoever the children are (seed rules 15, 16), they are counted as any other; of those around one child
`around_child` says whether any is missing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final, Literal

from services.meetings.domain.arena_rules import ArenaRules, ArenaType, Children
from services.meetings.domain.calling import CHILDRENS
from services.meetings.domain.meeting import MeetingState, Status
from services.meetings.domain.organisation import Unit
from services.meetings.domain.profile import Profile
from services.meetings.domain.rhythm import AtLeastPerTerm, AtLeastPerYear, EveryWeeks, Monthly
from services.meetings.domain.wheel import Period, hosts, open_days_of, periods_of
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import ReportsForbiddenError
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import Role, Service
from shared.contracts.deviations import DeviationKind
from shared.contracts.meetings import ArenaLevel, ItemKind
from shared.refs import MeetingRef, UnitId

AbsenceReason = Literal["ill", "double-booked", "vacant", "not-notified", "other"]
HELD: Final = frozenset({Status.HELD, Status.MINUTES_APPROVED, Status.CLOSED})
AHEAD: Final = frozenset({Status.PLANNED, Status.CALLED})


class Absent(Model):
    """A service that nobody came from, or a barnehage or school."""

    service: Service
    reason: AbsenceReason | None
    unit: UnitId | None = None
    """Of a barnehage or school that takes part by name: which."""


class HeldFacts(Model):
    """What a held meeting was like, as far as rules speak of it."""

    minutes: int
    chair: Role
    absent: tuple[Absent, ...]
    kinds: frozenset[ItemKind]


def facts_of(state: MeetingState) -> HeldFacts | None:
    """Return what the meeting was like; None before it was held."""
    if state.started_at is None or state.ended_at is None or state.chair is None:
        return None
    # Where all barnehager or schools have the seat as one, it is empty when nobody came from any.
    named = {(seat.service, seat.unit) for seat in state.seats}
    own = [(seat, seat.unit if (seat.service, seat.unit) in named else None) for seat in state.attendance]
    came = {(seat.service, unit) for seat, unit in own if seat.present}
    reasons = {(seat.service, unit): seat.absence_reason for seat, unit in own if not seat.present}
    empty = sorted(reasons.keys() - came, key=lambda each: (each[0], each[1] or ""))
    return HeldFacts(
        minutes=int((state.ended_at - state.started_at).total_seconds() // 60),
        chair=state.chair,
        absent=tuple(Absent(service=service, unit=unit, reason=reasons[service, unit]) for service, unit in empty),
        kinds=state.kinds_covered,
    )


@dataclass(frozen=True, slots=True)
class KnownMeeting:
    """A meeting, as the reports look at it."""

    meeting: MeetingRef
    arena_type: str
    unit: UnitId | None
    """Whose arena it is, at unit level."""
    starts_at: datetime
    status: Status
    extra: bool
    held: HeldFacts | None = None
    minutes: int | None = None
    """How long it was called for; None where the arena's rules say it."""
    units: frozenset[UnitId] = frozenset()
    """The barnehager and schools that take part; none means all."""

    @property
    def day(self) -> date:
        """Return its day in Norway."""
        return oslo_day(self.starts_at)


class Conformity(Model):
    """How many meetings an arena had in a part of the school year, against how many it is to have."""

    arena_type: ArenaType
    name: str
    unit: UnitId | None
    """Whose arena it is, or to whom the children of other units go on; null: the municipality's."""
    period: str
    """The term's name, or `year`."""
    first: date
    last: date
    due: int
    held: int
    ahead: int
    """Planned or called, and still to come."""
    not_held: int
    """Their day is over, and neither were they held nor cancelled."""
    cancelled: int
    conforms: bool
    """Whether those held and those ahead are as many as are due."""
    rule: int


class Deviation(Model):
    """One thing that was not as the rules say."""

    kind: DeviationKind
    arena_type: ArenaType
    unit: UnitId | None
    period: str
    day: date
    """The meeting's day; of a period its last one; of a unit without an arena the day of the report."""
    meeting: MeetingRef | None = None
    due: int | None = None
    """Meetings, or minutes."""
    found: int | None = None
    absent: tuple[Absent, ...] = ()
    missing: tuple[ItemKind, ...] = ()
    rule: int


@dataclass(frozen=True, slots=True)
class View:
    """Of which arenas somebody sees how they keep to the rules."""

    everything: bool
    unit: UnitId | None = None
    service: Service | None = None

    def shows(self, rules: ArenaRules, unit: UnitId | None) -> bool:
        """Return whether the arena, of this unit or of the municipality, is among them."""
        if self.everything:
            return True
        if unit is not None:
            return unit == self.unit
        return self.service in rules.fixed | rules.at_need


def decide_view(*, staff: bool, roles: frozenset[Role], service: Service | None, unit: UnitId | None) -> View:
    """Return what somebody in these roles, of this service and unit, sees of the reports (seed rule 95).

    | Who | Sees |
    |---|---|
    | coordinator | every arena of the municipality |
    | leader of a barnehage or school | the unit's own arenas, and the municipality's in which barnehager or schools have a seat |
    | leader of another unit | the municipality's arenas in which its service has a seat |
    | anybody else | nothing |

    Raises:
        ReportsForbiddenError: anybody else.
    """
    if staff and Role.COORDINATOR in roles:
        return View(everything=True)
    if staff and Role.LEADER in roles and service is not None:
        return View(everything=False, unit=unit if service in CHILDRENS else None, service=service)
    raise ReportsForbiddenError


def conformity(
    profile: Profile, year: SchoolYear, meetings: Iterable[KnownMeeting], today: date, view: View
) -> list[Conformity]:
    """Return how each arena keeps to how often it is to meet, per unit and term.

    Raises:
        HolidaysUnknownError: what is due in that school year is not known.
    """
    known = list(meetings)
    return [_counted(asked, known, today) for asked in _asked(profile, year) if view.shows(asked.rules, asked.unit)]


def deviations(
    profile: Profile,
    year: SchoolYear,
    meetings: Iterable[KnownMeeting],
    today: date,
    view: View,
    around: Iterable[Deviation] = (),
) -> list[Deviation]:
    """Return what was not as the rules say, by arena, unit and day; `around` is what is missing around children.

    Raises:
        HolidaysUnknownError: what is due in that school year is not known.
    """
    known = list(meetings)
    found = [*around, *_without_arena(profile, today)]
    for asked in _asked(profile, year):
        found += _too_few(_counted(asked, known, today), today)
    for meeting in known:
        of = profile.arena(meeting.arena_type)
        if of is not None and of.level is not ArenaLevel.CHILD:
            found += _of_meeting(profile, of, meeting, today)
    shown = (each for each in found if view.shows(_there(profile, each.arena_type), each.unit))
    return sorted(shown, key=key_of)


def key_of(deviation: Deviation) -> tuple[str, str, str, str, str]:
    """Return by what deviations are ordered; no two have the same."""
    return (
        deviation.arena_type,
        deviation.unit or "",
        deviation.day.isoformat(),
        deviation.kind,
        f"{deviation.period} {deviation.meeting or ''}",
    )


@dataclass(frozen=True, slots=True)
class _Asked:
    """A part of the year in which so many meetings of an arena are due."""

    rules: ArenaRules
    unit: UnitId | None
    period: Period
    senders: frozenset[UnitId] = frozenset()
    """Where units meet because children go on from one to the other: those from which they come to `unit`."""


def _asked(profile: Profile, year: SchoolYear) -> Iterator[_Asked]:
    """Yield every period of every arena; of a unit that is not there, and of an arena that is not there, none.

    Of an arena with days of its own that begins or is retired in mid-term those within its time are due; what was to be had
    somewhere in the whole term is not, unless the arena is there on every day of it that is open.
    """
    open_days = open_days_of(profile, year)
    for rules in profile.arenas:
        if rules.level is ArenaLevel.CHILD:
            yield from _between_units(profile, rules, year, open_days)
            continue
        units: Sequence[Unit | None] = profile.units_with(rules) if rules.level is ArenaLevel.UNIT else (None,)
        for unit in units:
            for period in periods_of(profile, rules, unit.size if unit else None, year, open_days):
                if not _there_in(profile, rules, period, year, open_days):
                    continue
                if unit is None or (unit.there_on(period.first) and unit.there_on(period.last)):
                    yield _Asked(rules, unit.id if unit else None, period)


def _between_units(
    profile: Profile, rules: ArenaRules, year: SchoolYear, open_days: frozenset[date]
) -> Iterator[_Asked]:
    """Yield what is due, in the arena's window, of each unit with those whose children go on to it (seed rules 15, 16).

    Nobody's child is in it: each pair of units meets once a year, whoever the children are.
    """
    if rules.due_for is None or rules.due_for.children is not Children.OF_THE_UNITS:
        return
    pairs = hosts(profile, rules, year)
    spans = [profile.calendar.occurrences(window, year) for window in rules.windows]
    for period in periods_of(profile, rules, None, year, open_days):
        first, last = (min(spans)[0], max(last for _, last in spans)) if spans else (period.first, period.last)
        if not _there_in(profile, rules, period, year, open_days):
            continue
        for unit in sorted({receiver.id for _, receiver in pairs}):
            of_it = [pair for pair in pairs if pair[1].id == unit]
            there = [
                sender.id
                for sender, to in of_it
                if all(each.there_on(first) and each.there_on(last) for each in (sender, to))
            ]
            due = replace(period, first=first, last=last, due=period.due * len(there))
            if due.due:
                yield _Asked(rules, unit, due, frozenset(there))


def _there_in(
    profile: Profile, rules: ArenaRules, period: Period, year: SchoolYear, open_days: Collection[date]
) -> bool:
    """Return whether the arena is there long enough in the period for that something is due in it (seed rule 75)."""
    if rules.begins is None and rules.retired is None:
        return True
    usable = [day for day in open_days if period.first <= day <= period.last]
    if rules.windows:
        spans = [profile.calendar.occurrences(window, year) for window in rules.windows]
        usable = [day for day in usable if any(first <= day <= last for first, last in spans)]
    there = [rules.meets_on(day) for day in usable]
    return any(there) if isinstance(rules.frequency, EveryWeeks | Monthly) else bool(there) and all(there)


def _counted(asked: _Asked, meetings: Iterable[KnownMeeting], today: date) -> Conformity:
    rules, period = asked.rules, asked.period
    # "At least so many" counts whatever was held; "one in each term" counts the ordinary ones, extra ones are beside them.
    any_counts = isinstance(rules.frequency, AtLeastPerTerm | AtLeastPerYear)
    mine = [
        each
        for each in meetings
        if each.arena_type == rules.type
        and (each.unit == asked.unit or asked.senders)
        and period.first <= each.day <= period.last
        and (any_counts or not each.extra)
    ]

    def so_many(those: Iterable[KnownMeeting]) -> int:
        if not asked.senders or asked.unit is None:
            return sum(1 for _ in those)
        # As many as are due of each pair, and no more: what they call beside that is around a child.
        with_it = Counter(each.units - {asked.unit} for each in those if asked.unit in each.units)
        each_pair = period.due // len(asked.senders)
        return sum(min(each_pair, with_it[frozenset({sender})]) for sender in asked.senders)

    held = so_many(each for each in mine if each.status in HELD)
    both = so_many(each for each in mine if each.status in HELD or (each.status in AHEAD and each.day >= today))
    return Conformity(
        arena_type=rules.type,
        name=rules.name,
        unit=asked.unit,
        period=period.name,
        first=period.first,
        last=period.last,
        due=period.due,
        held=held,
        ahead=both - held,
        not_held=so_many(each for each in mine if each.status in AHEAD and each.day < today),
        cancelled=so_many(each for each in mine if each.status is Status.CANCELLED),
        conforms=both >= period.due,
        rule=rules.frequency.rule,
    )


def _too_few(counted: Conformity, today: date) -> Iterator[Deviation]:
    if counted.conforms:
        return
    over = counted.last < today
    yield Deviation(
        kind=DeviationKind.TOO_FEW_HELD if over else DeviationKind.TOO_FEW_PLANNED,
        arena_type=counted.arena_type,
        unit=counted.unit,
        period=counted.period,
        day=counted.last,
        due=counted.due,
        found=counted.held + counted.ahead,
        rule=counted.rule,
    )


def _without_arena(profile: Profile, today: date) -> Iterator[Deviation]:
    for rules in profile.arenas:
        for unit in rules.everywhere.not_yet if rules.everywhere and rules.meets_on(today) else ():
            known = profile.unit(unit)
            if rules.everywhere is not None and known is not None and known.there_on(today):
                yield Deviation(
                    kind=DeviationKind.UNIT_WITHOUT_ARENA,
                    arena_type=rules.type,
                    unit=unit,
                    period="year",
                    day=today,
                    rule=rules.everywhere.rule,
                )


def _of_meeting(profile: Profile, rules: ArenaRules, meeting: KnownMeeting, today: date) -> Iterator[Deviation]:
    term = profile.calendar.term(meeting.day)
    about = Deviation(
        kind=DeviationKind.NOT_HELD,
        arena_type=rules.type,
        unit=meeting.unit,
        period=term.name if term else "year",
        day=meeting.day,
        meeting=meeting.meeting,
        rule=rules.frequency.rule,
    )
    if meeting.status in AHEAD and meeting.day < today:
        yield about
    if meeting.status not in HELD or meeting.held is None:
        return
    held = meeting.held
    duties = [(each, duty) for each in held.absent if (duty := rules.duty_of(each.service, each.unit)) is not None]
    if duties:
        yield about.model_copy(
            update={
                "kind": DeviationKind.DUTY_BREACHED,
                "absent": tuple(each for each, _ in duties),
                "rule": duties[0][1].rule,
            }
        )
    if rules.shortest is not None and held.minutes < rules.shortest.minutes:
        yield about.model_copy(
            update={
                "kind": DeviationKind.TOO_SHORT,
                "due": rules.shortest.minutes,
                "found": held.minutes,
                "rule": rules.shortest.rule,
            }
        )
    if rules.template is not None and (missing := set(rules.template.elements) - held.kinds):
        yield about.model_copy(
            update={
                "kind": DeviationKind.ELEMENT_MISSING,
                "missing": tuple(each for each in rules.template.elements if each in missing),
                "rule": rules.template.rules[0],
            }
        )
    if rules.chair is not None and held.chair not in rules.chair.roles:
        yield about.model_copy(update={"kind": DeviationKind.CHAIR_NOT_ENTITLED, "rule": rules.chair.rules[0]})


def _there(profile: Profile, arena_type: str) -> ArenaRules:
    rules = profile.arena(arena_type)
    assert rules is not None
    return rules
