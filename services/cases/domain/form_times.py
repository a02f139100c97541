"""What time does to a transition form: those who must approve are reminded, and in its window it is due (seed rules 13, 14)."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState, FormState, FormStatus, Stage
from shared.contracts.cases import CaseEvent
from shared.contracts.transition_forms import (
    TransitionFormApprovalWaits,
    TransitionFormDue,
    TransitionFormOverdue,
)
from shared.refs import FormRef


def decide_approval_waits(state: CaseState, ref: FormRef, version: int) -> list[CaseEvent]:
    """Say who has not approved that version; nothing when it is approved, has gone, or is no longer the present one."""
    form = _unsent(state, ref)
    if form is None or form.version != version or form.status is not FormStatus.DRAFTED:
        return []
    waiting = tuple(sorted(state.responsible - form.approved_by))
    return [TransitionFormApprovalWaits(case=ref_of(state), form=ref, version=version, ordinals=waiting)]


def decide_due(state: CaseState, ref: FormRef, due: datetime) -> list[CaseEvent]:
    """Say that its window is open, and until when it is to be sent; nothing when it has gone."""
    form, holder = _unsent(state, ref), state.holder
    if form is None or holder is None:
        return []
    return [TransitionFormDue(case=ref_of(state), form=ref, version=form.version, due=due, holder=holder)]


def decide_overdue(state: CaseState, ref: FormRef) -> list[CaseEvent]:
    """Say that the window is over, and it has not been sent; nothing when it has."""
    form, holder = _unsent(state, ref), state.holder
    if form is None or holder is None:
        return []
    return [TransitionFormOverdue(case=ref_of(state), form=ref, version=form.version, holder=holder)]


def _unsent(state: CaseState, ref: FormRef) -> FormState | None:
    form = state.forms.get(ref)
    gone = {FormStatus.SENT, FormStatus.RECEIVED}
    return None if form is None or state.stage is not Stage.OPEN or form.status in gone else form
