"""How each event changes the work around the child; what becomes of a status stands in `team_lifecycles.py` and nowhere else."""

from __future__ import annotations

from typing import TypeVar

from services.cases.domain.around import (
    Around,
    ContributionState,
    Coordinator,
    Heard,
    LanguageNeed,
    PlanState,
    ReportState,
    TeamGoal,
)
from services.cases.domain.team_lifecycles import CONCERN_REPORT, CONTRIBUTION, PLAN
from shared.contracts import reports as told
from shared.contracts import team as events
from shared.contracts.base import EventData, Model
from shared.contracts.cases import ViewOfChildRecorded

Part = TypeVar("Part", bound=Model)


def evolve_around(around: Around, event: EventData) -> Around:  # noqa: PLR0911 -- one line per event type
    """Return the work around the child after `event`; an event of something else changes nothing."""
    match event:
        case events.TeamGoalSet():
            return _with(around, goal=TeamGoal(goal=event.goal, version=event.version))
        case events.CoordinatorRequested():
            return _with(around, coordinator_wanted=around.coordinator_wanted | {event.kind})
        case events.CoordinatorAppointed():
            appointed = Coordinator(kind=event.kind, party=event.coordinator)
            return _with(around, coordinators={**around.coordinators, event.kind: appointed})
        case events.CoordinatorEnded():
            left = {kind: one for kind, one in around.coordinators.items() if kind is not event.kind}
            # That the basis has ended changes nothing in what the family wants: with a new one somebody can be appointed.
            wished_for = event.reason == "basis-lapsed"
            wanted = around.coordinator_wanted if wished_for else around.coordinator_wanted - {event.kind}
            return _with(around, coordinators=left, coordinator_wanted=wanted)
        case ViewOfChildRecorded():
            return _with(around, heard=(*around.heard, Heard(before=event.before, at=event.heard_at)))
        case events.ChildNotHeard():
            noted = Heard(before=event.before, at=event.noted_at, not_heard=event.reason)
            return _with(around, heard=(*around.heard, noted))
        case events.LanguageNeedRecorded():
            return _language(around, event)
        case events.ContributionEvent():
            return _contribution(around, event)
        case events.PlanEvent():
            return _plan(around, event)
        case told.ConcernReportEvent():
            return _report(around, event)
        case _:
            return around


def _language(around: Around, event: events.LanguageNeedRecorded) -> Around:
    others = [one for one in around.languages if (one.person, one.ordinal) != (event.person, event.ordinal)]
    return _with(around, languages=(*others, LanguageNeed.of(event)))


def _contribution(around: Around, event: events.ContributionEvent) -> Around:
    present = around.contributions.get(event.contribution)
    status = CONTRIBUTION.after(None if present is None else present.status, event)
    if status is None:
        return around
    if isinstance(event, events.ContributionRequested):
        asked = ContributionState(
            ref=event.contribution,
            service=event.service,
            unit=event.unit,
            anonymous=event.anonymous,
            reason=event.reason,
            asked_by=event.asked_by,
            respond_by=event.respond_by,
            categories=event.categories,
            purpose=event.purpose,
            consent=event.consent,
            meeting=event.meeting,
            status=status,
        )
        return _with(around, contributions={**around.contributions, event.contribution: asked})
    if present is None:
        return around
    changed = _with(present, status=status)
    if isinstance(event, events.ContributionAccepted | events.ContributionDeclined):
        changed = _with(changed, answered_by=event.by)
    if isinstance(event, events.ContributionDeclined):
        changed = _with(changed, declined_because=event.reason)
    return _with(around, contributions={**around.contributions, event.contribution: changed})


def _plan(around: Around, event: events.PlanEvent) -> Around:
    present = around.plans.get(event.plan)
    status = PLAN.after(None if present is None else present.status, event)
    if status is None:
        return around
    if isinstance(event, events.PlanRequested):
        asked = PlanState(
            ref=event.plan,
            nth=len(around.plans),
            status=status,
            coordinated_by=event.coordinated_by,
            coordinator_role=event.coordinator_role,
        )
        return _with(around, plans={**around.plans, event.plan: asked})
    if present is None:
        return around
    changed = _with(present, status=status)
    match event:
        case events.PlanStarted():
            changed = _with(changed, coordinator=event.coordinator, version=event.version, goals=event.goals)
        case events.PlanUpdated():
            changed = _with(
                changed, version=event.version, goals=event.goals, meeting=event.meeting, document=event.document
            )
        case _:
            pass
    return _with(around, plans={**around.plans, event.plan: changed})


def _report(around: Around, event: told.ConcernReportEvent) -> Around:
    present = around.reports.get(event.report)
    if isinstance(event, told.ConcernReportGuardiansInformed) and present is not None:
        # They may be told at any time, also when child welfare has said its last word: it is no step of its life.
        return _with(around, reports={**around.reports, event.report: _with(present, guardians_informed=True)})
    status = CONCERN_REPORT.after(None if present is None else present.status, event)
    if status is None:
        return around
    if isinstance(event, told.ConcernReportSent):
        sent = ReportState(
            ref=event.report,
            reporter=event.reporter,
            basis=event.basis,
            sent_at=event.sent_at,
            deliver_by=event.deliver_by,
            feedback_by=event.feedback_by,
            guardians_informed=event.guardians_informed,
            status=status,
        )
        return _with(around, reports={**around.reports, event.report: sent})
    if present is None:
        return around
    changed = _with(present, status=status)
    match event:
        case told.ConcernReportFeedback():
            changed = _with(changed, feedback=(*present.feedback, event.kind))
        case told.ConcernReportUnanswered():
            changed = _with(changed, unanswered=True)
        case _:
            pass
    return _with(around, reports={**around.reports, event.report: changed})


def _with(part: Part, **changes: object) -> Part:
    return part.model_copy(update=changes)
