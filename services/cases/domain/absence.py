"""An employee leaves or is away (seed rule 107): from the last day on, nothing rests with somebody who is not there.

Until then the employee, or the leader of the unit, offers each case to a colleague (`staff-leaves`, see `kinds.py`), and whoever
coordinates offers the coordination (`coordination.py`). What nobody has taken when the last day is over falls to the leader of the
unit. What waits for the employee's own answer is cancelled.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Final

from services.cases.domain.acting import Acting, named
from services.cases.domain.coordination import taken
from services.cases.domain.course import ref_of
from services.cases.domain.kinds import KINDS
from services.cases.domain.lapse import with_its_sender
from services.cases.domain.rules import OWN_TASK, Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import (
    AbsenceFallsToError,
    AbsenceOfOthersError,
    AbsenceOverError,
    AbsencePeriodError,
    NotInvolvedError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.cases import (
    AbsenceBegan,
    AbsenceReason,
    AbsenceRegistered,
    AbsenceWithdrawn,
    CaseEvent,
    CoordinatorKind,
    HandoverAccepted,
    HandoverCompleted,
    HandoverRoute,
    HandoverSent,
    HandoverWithdrawn,
    Package,
    Party,
)
from shared.contracts.codes import Role
from shared.machines import Deadline, Guard, Lifecycle, Step
from shared.refs import AbsenceRef, ActorId, HandoverRef, UnitId


class AbsenceStatus(StrEnum):
    """How far it has come."""

    REGISTERED = "registered"
    WITHDRAWN = "withdrawn"
    BEGUN = "begun"


ABSENCE_LIFE: Final = Lifecycle(
    name="absence",
    title="The absence (fravær)",
    about="An employee leaves, or is away: what nobody has taken over by the last day, the baton or the coordination, falls to the "
    "leader of the unit.",
    statuses=AbsenceStatus,
    steps=(
        Step(
            None,
            AbsenceRegistered,
            AbsenceStatus.REGISTERED,
            guards=(
                Guard("the employee does it, the leader of the unit, or the directory", AbsenceOfOthersError, (107,)),
                Guard("it falls to the unit's leader, who is somebody else", AbsenceFallsToError, (107,)),
                Guard("the last day lies ahead, and the day back after it", AbsencePeriodError),
            ),
            rules=(107,),
        ),
        Step(AbsenceStatus.REGISTERED, AbsenceWithdrawn, AbsenceStatus.WITHDRAWN),
        Step(AbsenceStatus.REGISTERED, AbsenceBegan, AbsenceStatus.BEGUN, rules=(107,)),
    ),
    terminal=frozenset({AbsenceStatus.WITHDRAWN, AbsenceStatus.BEGUN}),
    deadlines=(Deadline((AbsenceStatus.REGISTERED,), "the last day is over", then=AbsenceBegan, rules=(107,)),),
)


class AbsenceState(Model):
    """One absence; the fold of its events."""

    ref: AbsenceRef | None = None
    person: ActorId | None = None
    unit: UnitId | None = None
    last_day: date | None = None
    back_on: date | None = None
    reason: AbsenceReason = AbsenceReason.AWAY
    falls_to: Party | None = None
    status: AbsenceStatus | None = None
    fell: int = 0
    cancelled: int = 0


class RegisterAbsence(Model):
    """Somebody will not be there after a last day, and it is said to whom falls what is left."""

    by: Acting
    absence: AbsenceRef
    person: ActorId
    unit: UnitId
    reason: AbsenceReason
    last_day: date
    back_on: date | None = None
    falls_to: Party
    cases: int
    falls_back: bool = False
    """Whether whoever it falls to is away then too, and what is left would fall back to the person."""
    directory: bool = False
    """Whether a program speaks that is entitled to say who is in the organisation's directory."""


def evolve(state: AbsenceState, event: EventData) -> AbsenceState:
    """Return `state` after `event`; what the table does not allow changes nothing."""
    status = ABSENCE_LIFE.after(state.status, event)
    if status is None:
        return state
    match event:
        case AbsenceRegistered():
            return AbsenceState(
                ref=event.absence,
                person=event.person,
                unit=event.unit,
                last_day=event.last_day,
                back_on=event.back_on,
                reason=event.reason,
                falls_to=event.falls_to,
                status=status,
            )
        case AbsenceBegan():
            return state.model_copy(update={"status": status, "fell": event.fell, "cancelled": event.cancelled})
        case _:
            return state.model_copy(update={"status": status})


def concerns(by: Acting, person: ActorId, unit: UnitId) -> bool:
    """Return whether an absence is the business of `by`: of whoever is away, or of the leader of the unit."""
    return by.kind == "user" and (by.actor == person or (Role.LEADER in by.roles and by.unit == unit))


def decide_register(command: RegisterAbsence, now: datetime) -> list[EventData]:
    """Register that somebody leaves or is away.

    Raises:
        AbsenceOfOthersError: neither the employee, nor the leader of the unit, nor the directory says so.
        AbsenceFallsToError: what is left would fall to nobody who leads the unit, or to whoever is away, at once or in a circle.
        AbsencePeriodError: who is only away has a last day ahead; who comes back does so after it.
    """
    by, today = command.by, oslo_day(now)
    own = by.actor == command.person and by.unit == command.unit
    if not (command.directory or (concerns(by, command.person, command.unit) and (own or Role.LEADER in by.roles))):
        raise AbsenceOfOthersError
    to = command.falls_to
    if to.role is not Role.LEADER or to.unit != command.unit or to.actor == command.person or command.falls_back:
        raise AbsenceFallsToError
    if command.back_on is not None and command.back_on <= command.last_day:
        raise AbsencePeriodError
    if command.reason is AbsenceReason.AWAY and command.last_day < today:
        raise AbsencePeriodError
    return [
        AbsenceRegistered(
            absence=command.absence,
            person=command.person,
            unit=command.unit,
            reason=command.reason,
            last_day=command.last_day,
            back_on=command.back_on,
            falls_to=to,
            cases=command.cases,
        )
    ]


def decide_withdraw(state: AbsenceState, by: Acting) -> list[EventData]:
    """Take it back: the employee stays after all.

    Raises:
        UnknownPartError: there is none.
        NotInvolvedError: it is not the actor's business.
        AbsenceOverError: it has begun, or was taken back before.
    """
    if state.ref is None or state.person is None or state.unit is None:
        raise UnknownPartError
    if not concerns(by, state.person, state.unit):
        raise NotInvolvedError("no-relation")
    if not ABSENCE_LIFE.allows(state.status, AbsenceWithdrawn):
        raise AbsenceOverError
    return [AbsenceWithdrawn(absence=state.ref)]


def decide_begin(state: AbsenceState, *, fell: int, cancelled: int) -> list[EventData]:
    """Note that the last day is over, and what became of it; nothing when it was taken back or has been noted."""
    if state.ref is None or not ABSENCE_LIFE.allows(state.status, AbsenceBegan):
        return []
    return [AbsenceBegan(absence=state.ref, fell=fell, cancelled=cancelled)]


def decide_fall(
    state: CaseState,
    person: ActorId,
    leader: Party,
    handover: HandoverRef,
    now: datetime,
    rules: Rules,
) -> list[CaseEvent]:
    """Let a case fall to the leader of the unit, because nobody has taken it; nothing when somebody has (seed rule 107).

    An offer inside the unit that nobody has answered is void. One out of the unit goes on: its consent still stands, and whoever
    holds the baton may take it back.
    """
    holder = state.holder
    if holder is None or holder.actor != person or leader.actor == person:
        return []
    case = ref_of(state)
    waits = state.open_handover
    happened: list[CaseEvent] = []
    if waits is not None and waits.consent is None and waits.coordination is None:
        happened.append(HandoverWithdrawn(case=case, handover=waits.ref))
    sent = HandoverSent(
        case=case,
        handover=handover,
        kind=KINDS[HandoverRoute.STAFF_LEAVES].wire,
        sender=holder,
        receiver=named(leader, address_protected=state.address_protected),
        basis=rules.basis(OWN_TASK, now),
        package=Package(),
        respond_by=add_days(now, KINDS[HandoverRoute.STAFF_LEAVES].answer_within_days),
        route=HandoverRoute.STAFF_LEAVES,
        on_behalf=True,
    )
    fallen = HandoverAccepted(case=case, handover=handover, holder=sent.receiver, on_behalf=True, by_rule=True)
    return [*happened, sent, fallen, HandoverCompleted(case=case, handover=handover)]


def coordinates(state: CaseState, kind: CoordinatorKind, person: ActorId, unit: UnitId) -> bool:
    """Return whether somebody coordinates from that unit; of an address-protected case the events do not say from which."""
    present = state.around.coordinator_of(kind)
    return (
        state.stage is Stage.OPEN and present is not None and present.actor == person and present.unit in {None, unit}
    )


def decide_coordination_falls(
    state: CaseState,
    kind: CoordinatorKind,
    absent: tuple[ActorId, UnitId],
    leader: Party,
    handover: HandoverRef,
    now: datetime,
    rules: Rules,
) -> list[CaseEvent]:
    """Let a coordination fall to the leader of the coordinator's unit; nothing when somebody else has it (seed rules 97, 107).

    It stays in the service, and what is read there rests on the consent that covers it, as before. An offer of it that nobody has
    answered is void: the leader offers it anew.
    """
    present = state.around.coordinator_of(kind)
    if present is None or not coordinates(state, kind, *absent) or leader.actor == present.actor:
        return []
    case = ref_of(state)
    row = KINDS[HandoverRoute.COORDINATOR]
    sent = HandoverSent(
        case=case,
        handover=handover,
        kind=row.wire,
        sender=present,
        receiver=named(leader, address_protected=state.address_protected),
        basis=rules.basis(OWN_TASK, now),
        package=Package(),
        respond_by=add_days(now, row.answer_within_days),
        route=HandoverRoute.COORDINATOR,
        on_behalf=True,
        coordination=kind,
    )
    fallen = taken(case, handover, kind, sent.receiver, on_behalf=True, by_rule=True)
    return with_its_sender(state, case, [sent, *fallen])
