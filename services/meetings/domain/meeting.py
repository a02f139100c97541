"""A meeting with its agenda: one aggregate, because the rules span them (who is there decides what may be spoken of).

planned -> called (-> moved) -> held -> minutes approved -> closed;  planned or called -> cancelled
item: proposed -> accepted -> discussed -> outcome recorded;  proposed or accepted -> removed
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime

from services.meetings.domain.invitation import Answers
from services.meetings.errors import MeetingStateError, StartsInThePastError, UnknownError, UnknownItemError
from shared.aggregate import Aggregate
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.contracts.meetings import (
    AgendaItemAccepted,
    AgendaItemAdded,
    AgendaItemLifted,
    AgendaItemLiftWithdrawn,
    AgendaItemRemoved,
    AskedContribution,
    Attendance,
    CaseDiscussed,
    ChildAbsence,
    ChildPart,
    InvitationAnswered,
    ItemKind,
    ItemMode,
    LiftWithdrawal,
    MeetingCalled,
    MeetingCancelled,
    MeetingClosed,
    MeetingHeld,
    MeetingPlanned,
    MeetingRescheduled,
    MinutesApproved,
    OutcomeRecorded,
    Place,
    PlannedMeasure,
    Seat,
)
from shared.refs import ArenaRef, CaseRef, ConsentRef, DocumentRef, ItemRef, MeetingRef, UnitId


class Status(StrEnum):
    """How far a meeting has come."""

    PLANNED = "planned"
    CALLED = "called"
    HELD = "held"
    MINUTES_APPROVED = "minutes-approved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class ItemStatus(StrEnum):
    """How far an item has come."""

    PROPOSED = "proposed"
    ACCEPTED = "accepted"
    DISCUSSED = "discussed"
    OUTCOME_RECORDED = "outcome-recorded"
    REMOVED = "removed"


RemovalReason = Literal["consent-withdrawn", "consent-expired", "basis-lapsed", "by-request"]
CancelReason = Literal["no-items", "not-enough-members", "replaced", "other"]


class Item(Model):
    """One agenda item. Only a named one knows a case."""

    item: ItemRef
    kind: ItemKind
    mode: ItemMode
    status: ItemStatus = ItemStatus.PROPOSED
    case: CaseRef | None = None
    consent: ConsentRef | None = None
    consent_version: int | None = None
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    held_by_unit: UnitId | None = None
    held_by: Service | None = None
    interpreters: frozenset[str] = frozenset()
    """Languages in which the family is spoken with through an interpreter."""
    covered: frozenset[Service] = frozenset()
    attended_by: frozenset[Service] = frozenset()
    guardians_present: int | None = None
    child: ChildPart | None = None
    child_absence: ChildAbsence | None = None
    removed_for: RemovalReason | None = None
    after_minutes: bool = False
    """It was recorded as discussed when the minutes were approved already: what comes of it is recorded still."""
    decision: str | None = None
    measures: tuple[PlannedMeasure, ...] = ()
    join_team: frozenset[Service] = frozenset()
    contributions: tuple[AskedContribution, ...] = ()
    lifted: bool = False
    """Another arena lifted it to this one."""
    lifted_to: str | None = None
    """The type of the arena that it was lifted to (seed rules 68, 69)."""
    lift_withdrawn: LiftWithdrawal | None = None
    """Why it was taken back before a meeting of that arena had it on its agenda; None: it was not."""


class MeetingState(Model):
    """A meeting as it stands."""

    meeting: MeetingRef | None = None
    """None: there is none."""
    arena: ArenaRef | None = None
    arena_type: str = ""
    unit: UnitId | None = None
    units: frozenset[UnitId] = frozenset()
    starts_at: AwareDatetime | None = None
    minutes: int = 0
    place: Place | None = None
    """None: of a meeting called before that was said."""
    invited: frozenset[Service] = frozenset()
    extra: bool = False
    interpreters: frozenset[str] = frozenset()
    """Languages for which whoever called wants an interpreter."""
    status: Status = Status.PLANNED
    changes: int = 0
    """How often its time, who is invited, or whether it is on was changed: the SEQUENCE of RFC 5545 § 3.8.7.4."""
    seats: tuple[Seat, ...] = ()
    with_duty: tuple[Seat, ...] = ()
    """Those of the seats with a duty to attend."""
    answers: Answers = Answers()
    """To the invitation, as long as nobody has come."""
    items: tuple[Item, ...] = ()
    present: frozenset[Service] = frozenset()
    attendance: tuple[Attendance, ...] = ()
    kinds_covered: frozenset[ItemKind] = frozenset()
    """Items of which kinds were discussed, whether about a child or not, and whether recorded with the meeting or afterwards."""
    chair: Role | None = None
    guardians_present: int | None = None
    """How many guardians the meeting had, of all children together; None: it is not held, or was before that was kept."""
    started_at: AwareDatetime | None = None
    ended_at: AwareDatetime | None = None
    minutes_version: int = 0
    minutes_document: DocumentRef | None = None

    def item(self, item: ItemRef) -> Item:
        """Return the item.

        Raises:
            UnknownItemError: the meeting has none such.
        """
        for each in self.items:
            if each.item == item:
                return each
        raise UnknownItemError


def evolve(state: MeetingState, event: EventData) -> MeetingState:
    """Return `state` after `event`."""
    apply = _APPLY.get(type(event))
    return state if apply is None else state.model_copy(update=apply(state, event))


Changes = dict[str, object]
"""Fields of the state with their new values, as `model_copy` takes them."""


def _planned(_: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, MeetingPlanned)
    return _place(event) | {"status": Status.PLANNED}


def _called(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, MeetingCalled)
    return _place(event) | {
        "changes": state.changes if state.meeting is None else state.changes + 1,
        "status": Status.CALLED,
        "invited": event.invited,
        "seats": event.seats,
        "with_duty": event.with_duty,
        "answers": state.answers.after(event),
    }


def _place(event: MeetingPlanned | MeetingCalled) -> Changes:
    return {
        "meeting": event.meeting,
        "arena": event.arena,
        "arena_type": event.arena_type,
        "unit": event.unit,
        "units": event.units,
        "starts_at": event.starts_at,
        "minutes": event.minutes,
        "place": event.place,
        "extra": event.extra,
        "interpreters": event.interpreters,
    }


def _rescheduled(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, MeetingRescheduled)
    return {"starts_at": event.starts_at, "changes": state.changes + 1, "answers": state.answers.after(event)}


def _answered(state: MeetingState, event: EventData) -> Changes:
    return {"answers": state.answers.after(event)}


def _cancelled(state: MeetingState, _: EventData) -> Changes:
    return {"status": Status.CANCELLED, "changes": state.changes + 1}


def _closed(_: MeetingState, __: EventData) -> Changes:
    return {"status": Status.CLOSED}


def _item_added(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, AgendaItemAdded)
    added = Item(
        item=event.item,
        kind=event.kind,
        mode=event.mode,
        case=event.case,
        consent=event.consent,
        consent_version=event.consent_version,
        categories=event.categories,
        purpose=event.purpose,
        held_by_unit=event.held_by_unit,
        held_by=event.held_by,
        interpreters=event.interpreters,
        covered=event.covered,
        lifted=event.lifted,
    )
    return {"items": (*state.items, added)}


def _with_item(state: MeetingState, item: ItemRef, changes: Changes) -> Changes:
    return {
        "items": tuple(each.model_copy(update=changes) if each.item == item else each for each in state.items),
    }


def _item_accepted(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, AgendaItemAccepted)
    return _with_item(state, event.item, {"status": ItemStatus.ACCEPTED})


def _item_removed(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, AgendaItemRemoved)
    return _with_item(state, event.item, {"status": ItemStatus.REMOVED, "removed_for": event.reason})


def _held(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, MeetingHeld)
    # Moved by word of mouth: it stands, and counts, on the day on which it was held.
    elsewhere = state.starts_at is None or oslo_day(state.starts_at) != oslo_day(event.started_at)
    moved = {"starts_at": event.started_at, "changes": state.changes + 1} if elsewhere else {}
    return moved | {
        "status": Status.HELD,
        "present": frozenset(seat.service for seat in event.attendance if seat.present),
        "attendance": event.attendance,
        "kinds_covered": event.kinds_covered,
        "chair": event.chair,
        "guardians_present": event.guardians_present,
        "started_at": event.started_at,
        "ended_at": event.ended_at,
        "items": tuple(
            each.model_copy(update={"status": ItemStatus.DISCUSSED}) if each.item in event.items else each
            for each in state.items
        ),
    }


def _discussed(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, CaseDiscussed)
    changes: Changes = {"status": ItemStatus.DISCUSSED, "attended_by": event.attended_by, "removed_for": None}
    changes |= {"after_minutes": state.status is Status.MINUTES_APPROVED}
    if event.mode is ItemMode.NAMED:
        changes |= {"consent": event.consent, "consent_version": event.consent_version, "covered": event.attended_by}
        changes |= {
            "guardians_present": event.guardians_present,
            "child": event.child,
            "child_absence": event.child_absence,
        }
    # What is recorded afterwards was an element of the meeting as much as what was recorded with it (seed rules 60, 143).
    covered = state.kinds_covered | {each.kind for each in state.items if each.item == event.item}
    return _with_item(state, event.item, changes) | {"kinds_covered": covered}


def _outcome_recorded(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, OutcomeRecorded)
    decided: Changes = {
        "status": ItemStatus.OUTCOME_RECORDED,
        "decision": event.decision,
        "measures": event.measures,
        "join_team": event.join_team,
        "contributions": event.contributions,
    }
    return _with_item(state, event.item, decided)


def _item_lifted(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, AgendaItemLifted)
    return _with_item(state, event.item, {"lifted_to": event.to_type})


def _lift_withdrawn(state: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, AgendaItemLiftWithdrawn)
    return _with_item(state, event.item, {"lift_withdrawn": event.reason})


def _minutes_approved(_: MeetingState, event: EventData) -> Changes:
    assert isinstance(event, MinutesApproved)
    return {
        "status": Status.MINUTES_APPROVED,
        "minutes_version": event.version,
        "minutes_document": event.document,
    }


_APPLY: Final[dict[type[EventData], Callable[[MeetingState, EventData], Changes]]] = {
    MeetingPlanned: _planned,
    MeetingCalled: _called,
    MeetingRescheduled: _rescheduled,
    InvitationAnswered: _answered,
    MeetingCancelled: _cancelled,
    MeetingClosed: _closed,
    AgendaItemAdded: _item_added,
    AgendaItemAccepted: _item_accepted,
    AgendaItemRemoved: _item_removed,
    MeetingHeld: _held,
    CaseDiscussed: _discussed,
    OutcomeRecorded: _outcome_recorded,
    AgendaItemLifted: _item_lifted,
    AgendaItemLiftWithdrawn: _lift_withdrawn,
    MinutesApproved: _minutes_approved,
}

MEETING: Final = Aggregate("meeting", MeetingState, MeetingState(), evolve)


# --- decisions on the meeting itself ------------------------------------------------------------------------------------


def require(state: MeetingState, *allowed: Status) -> MeetingRef:
    """Return the meeting's reference when it is in one of these states.

    Raises:
        UnknownError: there is no such meeting.
        MeetingStateError: it is in another state.
    """
    if state.meeting is None:
        raise UnknownError
    if state.status not in allowed:
        raise MeetingStateError(extensions={"state": state.status, "allowed": [*allowed]})
    return state.meeting


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """A meeting to be, already checked against its arena's rules (`calling`)."""

    meeting: MeetingRef
    arena: ArenaRef
    arena_type: str
    unit: UnitId | None
    units: frozenset[UnitId]
    starts_at: datetime
    minutes: int
    invited: frozenset[Service]
    extra: bool
    interpreters: frozenset[str] = frozenset()
    place: Place | None = None
    seats: tuple[Seat, ...] = ()
    """Whose seats are invited."""
    with_duty: tuple[Seat, ...] = ()
    """Those of them with a duty to attend."""


def decide_plan(state: MeetingState, new: NewMeeting) -> list[EventData]:
    """Give the meeting a place in the year; nobody is invited yet."""
    if state.meeting is not None:
        raise MeetingStateError
    return [
        MeetingPlanned(
            meeting=new.meeting,
            arena=new.arena,
            arena_type=new.arena_type,
            unit=new.unit,
            units=new.units,
            starts_at=new.starts_at,
            minutes=new.minutes,
            place=new.place,
            extra=new.extra,
            interpreters=new.interpreters,
        )
    ]


def decide_call(state: MeetingState, new: NewMeeting) -> list[EventData]:
    """Call the meeting: services are invited, never people (seed rules 8, 9)."""
    if state.meeting is not None:
        require(state, Status.PLANNED)
    return [
        MeetingCalled(
            meeting=new.meeting,
            arena=new.arena,
            arena_type=new.arena_type,
            unit=new.unit,
            units=new.units,
            starts_at=new.starts_at,
            minutes=new.minutes,
            place=new.place,
            invited=new.invited,
            extra=new.extra,
            interpreters=new.interpreters,
            seats=new.seats,
            with_duty=new.with_duty,
        )
    ]


def decide_reschedule(state: MeetingState, starts_at: datetime, now: datetime) -> list[EventData]:
    """Move the meeting; to the time it has is no change."""
    meeting = require(state, Status.PLANNED, Status.CALLED)
    if starts_at <= now:
        raise StartsInThePastError
    return [] if starts_at == state.starts_at else [MeetingRescheduled(meeting=meeting, starts_at=starts_at)]


def decide_cancel(state: MeetingState, reason: CancelReason) -> list[EventData]:
    """Cancel the meeting."""
    return [MeetingCancelled(meeting=require(state, Status.PLANNED, Status.CALLED), reason=reason)]


def decide_approve_minutes(state: MeetingState, document: DocumentRef) -> list[EventData]:
    """Approve the minutes; a correction is the next version (seed rule 38)."""
    meeting = require(state, Status.HELD, Status.MINUTES_APPROVED)
    return [MinutesApproved(meeting=meeting, version=state.minutes_version + 1, document=document)]


def decide_close(state: MeetingState) -> list[EventData]:
    """Close the meeting: nothing more is added."""
    return [MeetingClosed(meeting=require(state, Status.MINUTES_APPROVED))]
