"""A handover that waits: what time does to it, and what happens when its receiver is gone (seed rules 82, 107)."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.course import ref_of
from services.cases.domain.handover_lifecycles import HANDOVER
from services.cases.domain.kinds import KINDS
from services.cases.domain.state import OPEN_HANDOVER, CaseState, HandoverState, HandoverStatus, Stage
from shared.calendar import add_days
from shared.contracts.cases import CaseEvent, HandoverCancelled, HandoverEscalated, HandoverOverdue, HandoverRoute
from shared.refs import ActorId, HandoverRef, UnitId


def escalate_at(route: HandoverRoute, respond_by: datetime) -> datetime:
    """Return when an unanswered handover lies with the leader of the receiver's unit."""
    return add_days(respond_by, KINDS[route].escalate_after_days)


def decide_overdue(state: CaseState, handover: HandoverRef, now: datetime) -> list[CaseEvent]:
    """Note that nobody has answered in time; nothing when somebody has, or there is time left (seed rule 107)."""
    present = _waiting(state, handover)
    if present is None or present.respond_by is None or now < present.respond_by:
        return []
    return [_overdue(state, present)] if HANDOVER.allows(present.status, HandoverOverdue) else []


def decide_escalate(state: CaseState, handover: HandoverRef, now: datetime) -> list[CaseEvent]:
    """Say that it lies with the receiver's leader now; nothing when it was answered, or has been said (seed rule 107)."""
    present = _waiting(state, handover)
    if present is None or present.respond_by is None or present.status is HandoverStatus.ESCALATED:
        return []
    if now < escalate_at(present.way, present.respond_by):
        return []
    first = [_overdue(state, present)] if HANDOVER.allows(present.status, HandoverOverdue) else []
    receiver = present.receiver
    return [
        *first,
        HandoverEscalated(case=ref_of(state), handover=handover, service=receiver.service, unit=receiver.unit),
    ]


def decide_receiver_gone(state: CaseState, actor: ActorId, unit: UnitId) -> list[CaseEvent]:
    """Cancel what waits for an answer of somebody who is away or has left; the sender holds on."""
    present = state.open_handover
    if present is None or present.receiver.actor != actor or present.receiver.unit not in {None, unit}:
        return []
    return [HandoverCancelled(case=ref_of(state), handover=present.ref, reason="receiver-gone")]


def _waiting(state: CaseState, handover: HandoverRef) -> HandoverState | None:
    present = state.handovers.get(handover)
    if state.stage not in {Stage.CONCERN, Stage.OPEN} or present is None or present.status not in OPEN_HANDOVER:
        return None
    return present


def _overdue(state: CaseState, present: HandoverState) -> HandoverOverdue:
    return HandoverOverdue(case=ref_of(state), handover=present.ref, receiver=present.receiver)
