"""The individual plan (individuell plan): wished for by the family, coordinated, written by its group's minutes (seed rules 36-38).

It is made in the same case: nobody changes tool, and what the group decides is typed once, in the minutes.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.around import PlanStatus
from services.cases.domain.course import ref_of
from services.cases.domain.ending import group_ended
from services.cases.domain.lapse import with_its_sender
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.domain.team import Wish, wished
from services.cases.domain.team_profile import TeamProfile
from services.cases.errors import PlanExistsError, PlanNotOpenError, PlanNotRequestedError
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, CaseLevelChanged, LevelReason
from shared.contracts.team import PlanClosed, PlanRequested, PlanStarted, PlanUpdated
from shared.refs import DocumentRef, GoalRef, MeasureRef, MeetingRef, PlanRef

GROUP_LEVEL = 2
"""A group around the child meets from level 2 of the ladder on (seed rule 181)."""


class RequestPlan(Wish):
    """The guardians or the child want a plan."""

    plan: PlanRef


class StartPlan(Model):
    """Begin it with its first goals; their words are in the vault."""

    by: Acting
    goals: tuple[GoalRef, ...]


class Minutes(Model):
    """A meeting of the group has approved its minutes; it decided these measures in this case."""

    meeting: MeetingRef
    document: DocumentRef | None
    measures: tuple[MeasureRef, ...] = ()


class ClosePlan(Model):
    """End it."""

    by: Acting
    reason: Literal["goals-reached", "no-longer-wanted"]


def decide_request(
    state: CaseState, command: RequestPlan, now: datetime, rules: Rules, profile: TeamProfile
) -> list[CaseEvent]:
    """Note that the family wants a plan; the case comes to the level at which a group meets (seed rule 36).

    Raises:
        DeniedError, CaseNotOpenError, EvidenceMissingError: see `team.wished`.
        PlanExistsError: there is one, or it has been asked for.
    """
    grantor, evidence = wished(state, command, now)
    if state.around.plan is not None and state.around.plan.status is not PlanStatus.CLOSED:
        raise PlanExistsError
    case = ref_of(state)
    happened: list[CaseEvent] = [
        PlanRequested(
            case=case,
            plan=command.plan,
            requested_by=grantor,
            evidence=evidence,
            coordinated_by=profile.coordinator.service,
            coordinator_role=profile.coordinator.role,
        )
    ]
    if state.level < GROUP_LEVEL:
        happened.append(
            CaseLevelChanged(
                case=case,
                from_level=state.level,
                to_level=GROUP_LEVEL,
                reason=LevelReason.GUARDIAN_REQUEST,
                meeting_by=add_days(now, rules.meet_within_days),
            )
        )
    return happened


def decide_start(state: CaseState, command: StartPlan, now: datetime) -> list[CaseEvent]:
    """Begin the plan, as whoever coordinates it (seed rule 37).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        PlanNotRequestedError: nobody in the family asked for one (seed rule 36).
        PlanExistsError: it has begun.
    """
    access.require(state, Action.START_PLAN, command.by, now)
    plan = state.around.plan
    if plan is None or plan.status is PlanStatus.CLOSED:
        raise PlanNotRequestedError
    if plan.status is PlanStatus.STARTED:
        raise PlanExistsError
    coordinator = command.by.party(address_protected=state.address_protected)
    return [PlanStarted(case=ref_of(state), plan=plan.ref, coordinator=coordinator, goals=command.goals)]


def decide_minutes(state: CaseState, minutes: Minutes) -> list[CaseEvent]:
    """Let approved minutes be the plan's next version (seed rule 38); nothing when there is no plan that runs.

    The goals are those that it had, and those of the measures that the meeting decided. The same document makes no version twice.
    """
    plan = state.around.plan
    if plan is None or plan.status is not PlanStatus.STARTED or state.stage is not Stage.OPEN:
        return []
    if minutes.document is not None and minutes.document == plan.document:
        return []
    decided = [state.measures[one].goal for one in minutes.measures if one in state.measures]
    goals = (*plan.goals, *(goal for goal in decided if goal not in plan.goals))
    return [
        PlanUpdated(
            case=ref_of(state),
            plan=plan.ref,
            version=plan.version + 1,
            goals=goals,
            meeting=minutes.meeting,
            document=minutes.document,
        )
    ]


def decide_close(state: CaseState, command: ClosePlan, now: datetime) -> list[CaseEvent]:
    """End the plan: the coordinator when its goals are reached, the family whenever they no longer want it.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        PlanNotOpenError: there is none that could end.
    """
    wish = command.by.guardian is not None or command.by.child
    access.require(state, Action.STATE_WISH if wish else Action.CLOSE_PLAN, command.by, now)
    plan = state.around.plan
    if plan is None or plan.status is PlanStatus.CLOSED:
        raise PlanNotOpenError
    reason = "no-longer-wanted" if wish else command.reason
    case = ref_of(state)
    closed: list[CaseEvent] = [PlanClosed(case=case, plan=plan.ref, reason=reason)]
    # Of somebody of age it was for the plan's sake that anybody still coordinated (seed rule 24).
    return with_its_sender(state, case, [*closed, *group_ended(state, case, closed)])
