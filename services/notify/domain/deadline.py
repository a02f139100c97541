"""A deadline as a state machine: set, approaching, missed, escalated; closed by an event at any time, and quiet from then on."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from pydantic import AwareDatetime

from services.notify.domain import policy
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.cases import CoordinatorKind
from shared.contracts.notify import (
    DeadlineApproaching,
    DeadlineClosed,
    DeadlineKind,
    DeadlineMissed,
    DeadlineReassigned,
    DeadlineSet,
    EscalationRaised,
    Responsible,
)
from shared.machines import Deadline, Lifecycle, steps
from shared.refs import ALPHABET, CaseRef, ConsentRef, DeadlineRef


class Status(StrEnum):
    """How far it has come."""

    UNSET = "unset"
    WAITING = "waiting"
    APPROACHING = "approaching"
    MISSED = "missed"
    ESCALATED = "escalated"
    CLOSED = "closed"


OPEN: Final = frozenset({Status.WAITING, Status.APPROACHING, Status.MISSED, Status.ESCALATED})


LIFE: Final = Lifecycle(
    name="deadline",
    title="A deadline (frist)",
    about="Something is to be done by a day. Whoever is responsible is reminded, and the leader is told when nobody has done it. "
    "Set again it begins anew, wherever it stood; once it is closed nobody hears of it.",
    statuses=Status,
    initial=Status.UNSET,
    steps=(
        *steps(Status, DeadlineSet, Status.WAITING, rules=(79,)),
        *steps((Status.WAITING,), DeadlineApproaching, Status.APPROACHING),
        *steps((Status.WAITING, Status.APPROACHING), DeadlineMissed, Status.MISSED),
        *steps((Status.MISSED,), EscalationRaised, Status.ESCALATED, rules=(95,)),
        *steps((one for one in Status if one in OPEN), DeadlineClosed, Status.CLOSED),
    ),
    deadlines=(
        Deadline((Status.WAITING,), "until the day to remind on", then=DeadlineApproaching),
        Deadline((Status.WAITING, Status.APPROACHING), "until its own day", then=DeadlineMissed),
        Deadline((Status.MISSED,), "until the day on which the leader is told", then=EscalationRaised),
    ),
)
"""Who is responsible is no part of it: that changes nothing of where it stands."""


class Step(StrEnum):
    """What a moment in time makes of it. The values are the kinds of the durable deadlines."""

    REMIND = "deadline-remind"
    DUE = "deadline-due"
    ESCALATE = "deadline-escalate"


class DeadlineState(Model):
    """One deadline; the fold of its events."""

    ref: DeadlineRef | None = None
    kind: DeadlineKind = DeadlineKind.ACT_ON_CONCERN
    case: CaseRef | None = None
    due: AwareDatetime | None = None
    remind_at: AwareDatetime | None = None
    escalate_at: AwareDatetime | None = None
    responsible: Responsible = Responsible()
    matter: Literal["meeting"] | None = None
    coordination: CoordinatorKind | None = None
    status: Status = Status.UNSET
    round: int = 0
    """Counts how often it was set: each round has steps of its own."""

    @property
    def policy(self) -> policy.Policy:
        """Return when who is told of it, and in which words."""
        meeting, coordination = self.matter == "meeting", self.coordination is not None
        return policy.policy_of(self.kind, meeting=meeting, coordination=coordination)

    def steps(self) -> list[tuple[Step, datetime]]:
        """Return what is still to happen, and when; nothing when it is not open."""
        if self.due is None or self.status not in OPEN:
            return []
        ahead: list[tuple[Step, datetime]] = []
        if self.status is Status.WAITING and self.remind_at is not None:
            ahead.append((Step.REMIND, self.remind_at))
        if self.status in {Status.WAITING, Status.APPROACHING}:
            ahead.append((Step.DUE, self.due))
        if self.status is not Status.ESCALATED and self.escalate_at is not None:
            ahead.append((Step.ESCALATE, self.escalate_at))
        return ahead


_TEN_ON: Final = str.maketrans(ALPHABET, ALPHABET[10:] + ALPHABET[:10])


def deadline_of(reference: str) -> DeadlineRef:
    """Return the deadline of a concern, case, measure, handover or consent: the same letters, so there is nothing to look up."""
    return DeadlineRef("ddl_" + reference.partition("_")[2])


def meeting_of(case: CaseRef) -> DeadlineRef:
    """Return the deadline of the meeting that a case's step up called for: the case's letters, each ten further on."""
    return DeadlineRef("ddl_" + case.partition("_")[2].translate(_TEN_ON))


def consent_of(state: DeadlineState) -> ConsentRef | None:
    """Return the consent that is waited for; none when it is another kind of deadline."""
    if state.ref is None or state.kind is not DeadlineKind.ANSWER_CONSENT:
        return None
    return ConsentRef("cst_" + state.ref.partition("_")[2])


def evolve(state: DeadlineState, event: EventData) -> DeadlineState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    match event:
        case DeadlineSet():
            return DeadlineState(
                ref=event.deadline,
                kind=event.kind,
                case=event.case,
                due=event.due,
                remind_at=event.remind_at,
                escalate_at=event.escalate_at,
                responsible=event.responsible,
                matter=event.matter,
                coordination=event.coordination,
                status=LIFE.after(state.status, event) or state.status,
                round=state.round + 1,
            )
        case DeadlineReassigned():
            return state.model_copy(update={"responsible": event.responsible})
    status = LIFE.after(state.status, event)
    return state if status is None else state.model_copy(update={"status": status})


DEADLINE: Final = Aggregate("deadline", DeadlineState, DeadlineState(), evolve)


def decide_set(
    state: DeadlineState,
    *,
    ref: DeadlineRef,
    kind: DeadlineKind,
    case: CaseRef,
    due: datetime,
    responsible: Responsible,
    since: datetime,
    matter: Literal["meeting"] | None = None,
    coordination: CoordinatorKind | None = None,
) -> list[EventData]:
    """Set it, or begin the next round; `since` is when it happened that it must be done. The same again changes nothing."""
    if state.status in OPEN and (state.due, state.responsible) == (due, responsible):
        return []
    return [
        DeadlineSet(
            deadline=ref,
            kind=kind,
            case=case,
            due=due,
            responsible=responsible,
            matter=matter,
            coordination=coordination,
            remind_at=policy.remind_at(kind, due, since),
            escalate_at=policy.escalate_at(kind, due),
        )
    ]


def decide_step(state: DeadlineState, step: Step, now: datetime) -> list[EventData]:
    """Return what the moment brings; nothing when it is closed, when the step was taken, or when it is too early for it.

    A reminder that comes when the time is already out is left out: being told that it is missed follows at once.
    """
    if state.ref is None or state.due is None or state.status not in OPEN:
        return []
    fields = {"deadline": state.ref, "kind": state.kind, "case": state.case, "due": state.due}
    before_due = {Status.WAITING, Status.APPROACHING}
    match step:
        case Step.REMIND if state.status is Status.WAITING and state.remind_at is not None:
            return [DeadlineApproaching.model_validate(fields)] if state.remind_at <= now < state.due else []
        case Step.DUE if state.status in before_due and now >= state.due:
            return [DeadlineMissed.model_validate(fields)]
        case Step.ESCALATE if state.status is not Status.ESCALATED and state.escalate_at is not None:
            if now < state.escalate_at:
                return []
            missed = [DeadlineMissed.model_validate(fields)] if state.status in before_due else []
            whose = {"unit": state.responsible.unit, "municipality": state.responsible.municipality}
            return [*missed, EscalationRaised.model_validate({**fields, **whose})]
    return []


def decide_close(state: DeadlineState, reason: Literal["done", "cancelled"]) -> list[EventData]:
    """Close it; nothing when it was never set, or is closed."""
    if state.ref is None or state.due is None or state.status not in OPEN:
        return []
    return [DeadlineClosed(deadline=state.ref, kind=state.kind, case=state.case, due=state.due, reason=reason)]


def decide_reassign(state: DeadlineState, responsible: Responsible) -> list[EventData]:
    """Let somebody else be responsible for what is left of it."""
    if state.ref is None or state.due is None or state.status not in OPEN or state.responsible == responsible:
        return []
    return [
        DeadlineReassigned(deadline=state.ref, kind=state.kind, case=state.case, due=state.due, responsible=responsible)
    ]
