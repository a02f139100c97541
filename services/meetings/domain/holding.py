"""What happened in a meeting: who came, what was discussed, and whether they might hear it (seed rules 4, 12, 54, 59-61)."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from services.meetings.domain.agenda import matter_of_item, require_item
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.attendance import check_how_many, check_seats_said, taken
from services.meetings.domain.family_part import NOTHING_SAID, FamilyPart, parts
from services.meetings.domain.meeting import Item, ItemStatus, MeetingState, Status, require
from services.meetings.domain.modes import NamedBasis, judge_named
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import ConsentHistory, KnownCase
from services.meetings.errors import (
    AttendanceError,
    CaseElsewhereError,
    ChairMissingError,
    GuardiansMissingError,
    HeldFarOffError,
    HoldingTimesError,
    ItemNotNamedError,
    MustLeaveItemError,
)
from shared.contracts.base import EventData
from shared.contracts.codes import LegalBasis, Role, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemLeftOpen,
    AgendaItemRemoved,
    Attendance,
    CaseDiscussed,
    Guardians,
    ItemMode,
    MeetingCalled,
    MeetingHeld,
    MeetingRescheduled,
)
from shared.refs import CaseRef, ItemRef, MeetingRef

_TAKEN_OFF_BY_ITSELF: Final = frozenset({"consent-withdrawn", "consent-expired", "basis-lapsed"})
"""Why an item left the agenda without anybody asking: it may have been discussed before that."""


MOVED_AT_MOST: Final = timedelta(days=183)
"""How far from its time a meeting can have been held, moved by word of mouth: half a year, so that a wrong year is found."""
WHERE_CALLED: Final = timedelta(days=1)
"""Nearer to its time than this it was not moved: what was added to its agenda afterwards may be what was spoken of unprepared."""
_SPOKEN_OF: Final = frozenset({ItemStatus.DISCUSSED, ItemStatus.OUTCOME_RECORDED})
NOBODY_LEFT: Final[Mapping[ItemRef, frozenset[Service]]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Since:
    """Since when there is what is recorded, as the meeting's own log has it."""

    called: datetime | None = None
    """When it was called first; None: that is not known, and nothing is judged by it."""
    called_for: datetime | None = None
    """The time for which it was called last."""
    brought: Mapping[ItemRef, datetime] = field(default_factory=dict)
    """When each of its items by name was."""
    left: Mapping[ItemRef, datetime] = field(default_factory=dict)
    """When each item that was accepted left the agenda, if it did without anybody asking."""

    def moved(self, started_at: datetime) -> bool:
        """Return whether a meeting that began then was moved by word of mouth."""
        return self.called_for is not None and abs(started_at - self.called_for) > WHERE_CALLED


NOT_KNOWN: Final = Since()


def since_when(history: Iterable[tuple[datetime, EventData]]) -> Since:
    """Return since when there is what is recorded.

    Args:
        history: the meeting's events with when they happened, oldest first.
    """
    called: datetime | None = None
    called_for: datetime | None = None
    brought: dict[ItemRef, datetime] = {}
    left: dict[ItemRef, datetime] = {}
    accepted: set[ItemRef] = set()
    for at, event in history:
        match event:
            case MeetingCalled():
                called, called_for = called or at, event.starts_at
            case MeetingRescheduled():
                called_for = event.starts_at
            case AgendaItemAdded(mode=ItemMode.NAMED):
                brought[event.item] = at
            case AgendaItemAccepted():
                accepted.add(event.item)
            case AgendaItemRemoved() if event.item in accepted and event.reason in _TAKEN_OFF_BY_ITSELF:
                left[event.item] = at
            case _:
                pass
    return Since(called, called_for, brought, left)


@dataclass(frozen=True, slots=True)
class Discussion:
    """One item that was discussed."""

    item: ItemRef
    at: datetime | None = None
    """When; left out, the end of the meeting."""
    stayed: frozenset[Service] | None = None
    """Named: who stayed; left out, everyone present whom the consent covers."""
    family: FamilyPart = NOTHING_SAID
    """Named: which part the child and its guardians had."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is recorded of a meeting that was held."""

    started_at: datetime
    ended_at: datetime
    chair: Role
    attendance: tuple[Attendance, ...]
    guardians_present: int
    discussed: tuple[Discussion, ...]


def check_attendance(
    state: MeetingState, profile: Profile, rules: ArenaRules, holding: Holding
) -> tuple[Attendance, ...]:
    """Return who came and who did not, each with its seat.

    Raises:
        MeetingsError: see `attendance.taken`, `attendance.check_seats_said` and `attendance.check_how_many`.
        ChairMissingError: the chair was not there, and is none of those who call the meeting (seed rule 61).
        GuardiansMissingError: it cannot be held without them (seed rule 12).
    """
    found = taken(state, profile, rules, holding.attendance)
    check_seats_said(state, profile, rules, found)
    recorded = tuple(each for rows in found.values() for each in rows)
    present = [each for each in recorded if each.present]
    check_how_many(rules, present)
    if holding.chair not in {each.role for each in present} | rules.called_by.roles:
        raise ChairMissingError
    if rules.guardians_part is Guardians.REQUIRED and not holding.guardians_present:
        raise GuardiansMissingError
    return recorded


def check_times(state: MeetingState, holding: Holding, now: datetime, since: Since = NOT_KNOWN) -> None:
    """Refuse times that cannot be.

    Raises:
        HoldingTimesError: not in the order start, discussion, end, now; or moved to a time before anybody had called it.
        HeldFarOffError: too long before or after the time for which it was called.
    """
    if not holding.started_at <= holding.ended_at <= now:
        raise HoldingTimesError
    for each in holding.discussed:
        if each.at is not None and not holding.started_at <= each.at <= holding.ended_at:
            raise HoldingTimesError
    called_for = state.starts_at
    assert called_for is not None
    if abs(holding.started_at - called_for) > MOVED_AT_MOST:
        raise HeldFarOffError(extensions={"called_for": called_for.isoformat()})
    if since.called is not None and since.moved(holding.started_at) and holding.started_at < since.called:
        raise HoldingTimesError
    if len({each.item for each in holding.discussed}) != len(holding.discussed):
        raise HoldingTimesError


def _check_brought(since: Since, started_at: datetime, item: ItemRef, at: datetime) -> None:
    """Refuse that an item was discussed before it was brought, on a day of its own: by a consent that was, and is no more.

    Raises:
        HoldingTimesError: it was not brought yet.
    """
    brought = since.brought.get(item)
    if brought is not None and since.moved(started_at) and at < brought:
        raise HoldingTimesError(extensions={"item": item})


def decide_hold(
    state: MeetingState,
    profile: Profile,
    rules: ArenaRules,
    holding: Holding,
    now: datetime,
    *,
    histories: Sequence[ConsentHistory],
    cases: Mapping[CaseRef, KnownCase],
    basis: LegalBasis,
    left: Mapping[ItemRef, frozenset[Service]] = NOBODY_LEFT,
    since: Since = NOT_KNOWN,
) -> list[EventData]:
    """Record that the meeting was held, with its items without a child and its named ones.

    Every named item is judged for the moment in which it was discussed, and for exactly those who stayed. One that was taken off
    because its consent ended, its case was closed or another unit got it, all after that moment, was rightly discussed and is
    recorded too. Items that were discussed anonymously are recorded by `decide_discussed_anonymously`, apart: nothing may tie
    them to who wrote this down. `left` are services whose seat is taken by somebody of the child's own family (forvaltningsloven
    § 6): where nobody says that they stayed, they did not. `cases` are those of all items by name. `since` says when the
    meeting was called, and each of these brought, or taken off by itself.

    Raises:
        MeetingsError: see `check_attendance`, `check_times` and `_check_brought`.
        ItemStateError: an item was not on the agenda.
        MeetingsError: see `family_part.parts`.
        CaseElsewhereError: the case was closed, or another unit's, at that moment.
        ConsentMissingError: an item was not to be discussed by name at that moment.
        MustLeaveItemError: somebody stayed who is outside the consent.
    """
    meeting = require(state, Status.CALLED)
    check_times(state, holding, now, since)
    attendance = check_attendance(state, profile, rules, holding)
    present = frozenset(each.service for each in attendance if each.present)
    items = [state.item(each.item) for each in holding.discussed]
    arena = state.arena
    assert arena is not None
    family = parts(
        rules,
        holding.guardians_present,
        [(item, each.family) for each, item in zip(holding.discussed, items, strict=True)],
    )
    named: list[EventData] = []
    for each, item in zip(holding.discussed, items, strict=True):
        if item.mode is not ItemMode.NAMED:
            require_item(item, ItemStatus.ACCEPTED)
            continue
        part = NOTHING_SAID if item.case is None else family[item.case]
        there = present - left.get(item.item, frozenset()) if each.stayed is None else present
        at = each.at or holding.ended_at
        _check_brought(since, holding.started_at, item.item, at)
        named.append(_named(state, meeting, item, each, there, at, part, histories=histories, cases=cases, basis=basis))
    held = MeetingHeld(
        meeting=meeting,
        arena=arena,
        arena_type=state.arena_type,
        started_at=holding.started_at,
        ended_at=holding.ended_at,
        chair=holding.chair,
        attendance=attendance,
        kinds_covered=frozenset(item.kind for item in items),
        guardians_present=holding.guardians_present,
        items=tuple(item.item for item in items if item.mode is ItemMode.NO_CHILD),
    )
    return [held, *named, *_left_open(state, meeting, holding, {item.item for item in items}, cases, since)]


def decide_discussed_later(
    state: MeetingState,
    rules: ArenaRules,
    discussion: Discussion,
    *,
    histories: Sequence[ConsentHistory],
    cases: Mapping[CaseRef, KnownCase],
    basis: LegalBasis,
    left: Mapping[ItemRef, frozenset[Service]] = NOBODY_LEFT,
    since: Since = NOT_KNOWN,
) -> list[EventData]:
    """Record that an item by name was discussed in a meeting that is recorded as held already, judged as if it had been said then.

    Whoever recorded the meeting may not have been shown the item: it is none of theirs, or names their own child
    (forvaltningsloven § 6). What was said of the child is a disclosure all the same. What comes of it is recorded after that, also
    where the minutes are approved.

    Raises:
        MeetingStateError: the meeting is not held, or closed.
        ItemStateError: the item was not on the agenda, or is recorded as discussed already.
        ItemNotNamedError: the item names no child: whoever recorded the meeting was shown it.
        HoldingTimesError: it was not during the meeting, or the meeting was moved to before it was brought.
        MeetingsError: see `family_part.parts`, and what `decide_hold` says of a named item.
    """
    meeting = require(state, Status.HELD, Status.MINUTES_APPROVED)
    item = state.item(discussion.item)
    if item.mode is not ItemMode.NAMED or item.case is None:
        raise ItemNotNamedError
    assert state.started_at is not None
    assert state.ended_at is not None
    at = discussion.at or state.ended_at
    if not state.started_at <= at <= state.ended_at:
        raise HoldingTimesError
    _check_brought(since, state.started_at, item.item, at)
    before = [
        (each, FamilyPart(each.guardians_present, each.child, each.child_absence))
        for each in state.items
        if each.mode is ItemMode.NAMED and each.status in _SPOKEN_OF
    ]
    part = parts(rules, state.guardians_present, [(item, discussion.family)], before)[item.case]
    there = state.present - left.get(item.item, frozenset()) if discussion.stayed is None else state.present
    return [
        _named(state, meeting, item, discussion, there, at, part, histories=histories, cases=cases, basis=basis),
    ]


def _named(
    state: MeetingState,
    meeting: MeetingRef,
    item: Item,
    discussion: Discussion,
    there: frozenset[Service],
    at: datetime,
    part: FamilyPart,
    *,
    histories: Sequence[ConsentHistory],
    cases: Mapping[CaseRef, KnownCase],
    basis: LegalBasis,
) -> CaseDiscussed:
    """Return that an item was discussed by name at that moment, with those who were there for it."""
    known = None if item.case is None else cases.get(item.case)
    if item.removed_for not in _TAKEN_OFF_BY_ITSELF:
        require_item(item, ItemStatus.ACCEPTED)
    if known is None or not known.was_with(item.held_by_unit, at):
        raise CaseElsewhereError(extensions={"item": item.item})
    judged = _who_stayed(state, item, discussion, there, histories, at, known.guardians)
    return CaseDiscussed(
        meeting=meeting,
        item=item.item,
        mode=item.mode,
        case=item.case,
        basis=basis,
        consent=judged.consent,
        consent_version=judged.version,
        attended_by=judged.covered,
        categories=item.categories,
        purpose=item.purpose,
        discussed_at=at,
        guardians_present=part.guardians,
        child=part.child,
        child_absence=part.absence,
    )


def _left_open(
    state: MeetingState,
    meeting: MeetingRef,
    holding: Holding,
    named: Collection[ItemRef],
    cases: Mapping[CaseRef, KnownCase],
    since: Since,
) -> list[EventData]:
    """Return which items by name were on the agenda when the meeting began, and were not said to be discussed.

    One that has left by itself since then may have been: it is told where the unit that brought it has the case, or closed it.
    What another arena lifted comes to the next meeting by itself, and the unit may have no seat here (seed rules 68, 69).
    """
    return [
        AgendaItemLeftOpen(meeting=meeting, item=item.item, case=item.case)
        for item in state.items
        if item.case is not None
        and item.item not in named
        and not item.lifted
        and (item.status is ItemStatus.ACCEPTED or _left_since(item, holding.started_at, cases.get(item.case), since))
    ]


def _left_since(item: Item, started_at: datetime, known: KnownCase | None, since: Since) -> bool:
    left = since.left.get(item.item)
    return left is not None and started_at < left and known is not None and known.is_with(item.held_by_unit)


def _who_stayed(
    state: MeetingState,
    item: Item,
    discussion: Discussion,
    present: frozenset[Service],
    histories: Sequence[ConsentHistory],
    at: datetime,
    guardians: int,
) -> NamedBasis:
    """Return the basis for the item: the services it covers are those who stayed."""
    stayed = present if discussion.stayed is None else discussion.stayed
    if absent := stayed - present:
        raise AttendanceError(extensions={"missing": [*sorted(absent)]})
    matter = matter_of_item(state, item)
    basis = judge_named(matter, stayed, histories, at, guardians=guardians)
    if discussion.stayed is not None and basis.leaves:
        raise MustLeaveItemError(extensions={"item": item.item, "services": [*sorted(basis.leaves)]})
    return basis


def decide_discussed_anonymously(state: MeetingState, items: Sequence[ItemRef]) -> list[EventData]:
    """Record that items were discussed anonymously: neither case nor consent, and by nobody (invariant 3; seed rules 2, 22)."""
    meeting = require(state, Status.HELD)
    events: list[EventData] = []
    for each in items:
        item = state.item(each)
        require_item(item, ItemStatus.ACCEPTED)
        events.append(CaseDiscussed(meeting=meeting, item=item.item, mode=ItemMode.ANONYMOUS))
    return events
