"""What of the work around the child ends by itself: with the consent that it rested on, and with the case."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.around import RUNNING, PlanStatus
from services.cases.domain.evolution import fold
from services.cases.domain.state import CaseState
from shared.contracts.cases import CaseEvent, HandoverCancelled
from shared.contracts.team import ContributionEnded, CoordinatorEnded, PlanClosed
from shared.refs import CaseRef


def without_basis(state: CaseState, case: CaseRef, now: datetime) -> list[CaseEvent]:
    """Return what must end because no consent in force covers it any more (invariant 4).

    A request by name whose scope is no longer covered is taken back; a coordinator outside every consent coordinates no more.
    """
    around = state.around
    ended: list[CaseEvent] = [
        ContributionEnded(case=case, contribution=one.ref, reason="basis-lapsed")
        for one in around.contributions.values()
        if one.status in RUNNING
        and not one.anonymous
        and state.consent_covering(now, one.service, one.categories, one.purpose) is None
    ]
    for kind, one in around.coordinators.items():
        service = one.party.service
        at_home = state.holder is not None and state.holder.service is service
        if service is None or (not at_home and state.consent_covering(now, service) is None):
            ended.append(CoordinatorEnded(case=case, kind=kind, reason="basis-lapsed"))
    return ended


def with_its_sender(state: CaseState, case: CaseRef, happened: list[CaseEvent]) -> list[CaseEvent]:
    """Return `happened`, and that an offer of the coordination is void when its sender does not coordinate any more after it."""
    waits = state.open_handover
    if waits is None or waits.coordination is None:
        return happened
    after = fold(state, happened)
    present = after.around.coordinator_of(waits.coordination)
    if after.open_handover is None or (present is not None and present.actor == waits.sender.actor):
        return happened
    return [*happened, HandoverCancelled(case=case, handover=waits.ref, reason="basis-lapsed")]


def with_the_case(state: CaseState, case: CaseRef) -> list[CaseEvent]:
    """Return what ends when the case is closed. A concern report does not: child welfare still owes an answer."""
    around = state.around
    ended: list[CaseEvent] = [
        ContributionEnded(case=case, contribution=one.ref, reason="case-closed")
        for one in around.contributions.values()
        if one.status in RUNNING
    ]
    if around.plan is not None and around.plan.status is not PlanStatus.CLOSED:
        ended.append(PlanClosed(case=case, plan=around.plan.ref, reason="case-closed"))
    ended.extend(CoordinatorEnded(case=case, kind=kind, reason="case-closed") for kind in around.coordinators)
    return ended
