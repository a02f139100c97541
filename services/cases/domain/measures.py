"""Measures (tiltak): owner, goal, indicator, evaluation date. What has no effect does not just go on (seed rules 88-90)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from services.cases.domain import access, lifecycles
from services.cases.domain.access import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.consent import require_consent
from services.cases.domain.course import ref_of
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, MeasureState, MeasureStatus, Stage
from services.cases.errors import (
    CaseNotOpenError,
    EvaluationDateError,
    HighestLevelError,
    MeasureStoppedError,
    MustChangeError,
    NoEffectBeforeError,
    NotPermittedError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    CaseLevelChanged,
    Effect,
    EvaluationOutcome,
    LevelReason,
    MeasureEvaluated,
    MeasurePlanned,
    MeasureStopped,
    NewReason,
    TeamMemberAdded,
    TeamMemberRemoved,
)
from shared.contracts.codes import Service
from shared.refs import GoalRef, ItemRef, MeasureRef, MeetingRef, UnitId

HIGHEST_LEVEL = 3


class NewMeasure(Model):
    """One measure to plan; its goal's words are in the vault, or in the minutes of the meeting that decided it."""

    measure: MeasureRef
    goal: GoalRef
    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    owner: Service
    owner_unit: UnitId | None = None
    indicator: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: AwareDatetime
    new_reason: NewReason | None = None


class PlanMeasure(Model):
    """Put in a measure."""

    by: Acting
    what: NewMeasure


class MeetingOutcome(Model):
    """What a meeting decided on a named item: nobody types it twice (seed rules 26, 88, 141)."""

    meeting: MeetingRef
    item: ItemRef
    measures: tuple[NewMeasure, ...]
    join_team: frozenset[Service]


class EvaluateMeasure(Model):
    """What the indicator showed, and what follows."""

    by: Acting
    measure: MeasureRef
    effect: Effect
    outcome: EvaluationOutcome
    evaluate_by: AwareDatetime | None = None
    """The next evaluation, when the measure goes on."""


def decide_plan(state: CaseState, command: PlanMeasure, now: datetime) -> list[CaseEvent]:
    """Plan a measure; a service that is to carry it out joins the team, inside the consent (seed rules 26, 87, 88, 141).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        EvaluationDateError: it would be evaluated in the past.
        NoEffectBeforeError: it had no effect before, and no new reason is given (seed rule 90).
        ConsentMissingError: no consent covers its owner.
    """
    access.require(state, Action.PLAN_MEASURE, command.by, now)
    what = command.what
    if not _is_home(state, what.owner):
        require_consent(state, service=what.owner, categories=frozenset(), purpose=None, now=now)
    return [_planned(state, what, now), *_joined(state, [(what.owner, what.measure)], now)]


def decide_outcome(state: CaseState, outcome: MeetingOutcome, now: datetime) -> list[CaseEvent]:
    """Plan what a meeting decided, from its event alone; a measure that is known already is left as it is.

    A service that no consent covers does not join: the meeting's word is not a basis.

    Raises:
        CaseNotOpenError: the case is not open.
        EvaluationDateError, NoEffectBeforeError: as `decide_plan`.
    """
    if state.stage is not Stage.OPEN:
        raise CaseNotOpenError
    new = [what for what in outcome.measures if what.measure not in state.measures]
    happened: list[CaseEvent] = [_planned(state, what, now, meeting=outcome.meeting, item=outcome.item) for what in new]
    because = {what.owner: what.measure for what in reversed(new)}
    first = new[0].measure if new else None
    joining = [*because.items(), *((one, first) for one in sorted(outcome.join_team) if one not in because)]
    return [*happened, *_joined(state, joining, now)]


def decide_evaluate(state: CaseState, command: EvaluateMeasure, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Evaluate a measure; without effect it is stopped, changed or stepped up, never just continued (seed rules 89, 90).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; a team member evaluates its own measures only.
        UnknownPartError, MeasureStoppedError: there is no such measure, or it has ended.
        MustChangeError: no effect, and it would just go on.
        EvaluationDateError: it goes on without a next date, or with one in the past.
        HighestLevelError: there is no higher level to step up to.
    """
    allowed = access.require(state, Action.EVALUATE_MEASURE, command.by, now)
    measure = state.measures.get(command.measure)
    if measure is None:
        raise UnknownPartError
    if allowed.relation is Relation.TEAM_MEMBER and measure.owner is not command.by.service:
        raise NotPermittedError("not-own-measure")
    if not lifecycles.MEASURE.allows(measure.status, MeasureEvaluated):
        raise MeasureStoppedError
    if command.effect is Effect.NONE and command.outcome is EvaluationOutcome.CONTINUE:
        raise MustChangeError
    if command.outcome is EvaluationOutcome.ESCALATE and state.level >= HIGHEST_LEVEL:
        raise HighestLevelError
    stopped = _stop_reason(command)
    if stopped is None and (command.evaluate_by is None or command.evaluate_by <= now):
        raise EvaluationDateError
    case = ref_of(state)
    happened: list[CaseEvent] = [
        MeasureEvaluated(
            case=case,
            measure=measure.ref,
            effect=command.effect,
            outcome=command.outcome,
            evaluate_by=command.evaluate_by if stopped is None else None,
        )
    ]
    if stopped is not None:
        happened.append(MeasureStopped(case=case, measure=measure.ref, reason=stopped))
        happened.extend(_left(state, measure))
    if command.outcome is EvaluationOutcome.ESCALATE:
        happened.append(
            CaseLevelChanged(
                case=case,
                from_level=state.level,
                to_level=state.level + 1,
                reason=LevelReason.NO_EFFECT if command.effect is Effect.NONE else LevelReason.ASSESSMENT,
                meeting_by=add_days(now, rules.meet_within_days),
            )
        )
    return happened


def _planned(
    state: CaseState, what: NewMeasure, now: datetime, meeting: MeetingRef | None = None, item: ItemRef | None = None
) -> MeasurePlanned:
    if what.evaluate_by <= now:
        raise EvaluationDateError
    fruitless = [one for one in state.measures.values() if one.code == what.code and one.effect is Effect.NONE]
    if fruitless and what.new_reason is None:
        raise NoEffectBeforeError(extensions={"measures": [one.ref for one in fruitless]})
    return MeasurePlanned(
        case=ref_of(state),
        measure=what.measure,
        code=what.code,
        level=state.level,
        owner=what.owner,
        owner_unit=None if state.address_protected else what.owner_unit,
        goal=what.goal,
        indicator=what.indicator,
        evaluate_by=what.evaluate_by,
        meeting=meeting,
        item=item,
        new_reason=what.new_reason,
    )


def _joined(
    state: CaseState, joining: Sequence[tuple[Service, MeasureRef | None]], now: datetime
) -> list[TeamMemberAdded]:
    added = []
    for service, because_of in joining:
        consent = state.consent_covering(now, service)
        if consent is None or _is_home(state, service) or service in state.team:
            continue
        added.append(TeamMemberAdded(case=ref_of(state), service=service, because_of=because_of, consent=consent.ref))
    return added


def _is_home(state: CaseState, service: Service) -> bool:
    return state.holder is not None and state.holder.service is service


def _stop_reason(command: EvaluateMeasure) -> Literal["no-effect", "goal-reached", "withdrawn"] | None:
    if command.effect is Effect.NONE:
        return "no-effect"
    if command.outcome is EvaluationOutcome.STOP:
        return "goal-reached" if command.effect is Effect.REACHED else "withdrawn"
    if command.outcome is EvaluationOutcome.OTHER:
        return "withdrawn"
    return None


def _left(state: CaseState, stopped: MeasureState) -> list[TeamMemberRemoved]:
    """Membership follows measures (seed rule 26): a service without another open measure leaves."""
    member = state.team.get(stopped.owner)
    others = [one for one in state.measures.values() if one.owner is stopped.owner and one.ref != stopped.ref]
    if member is None or any(one.status is MeasureStatus.OPEN for one in others):
        return []
    return [TeamMemberRemoved(case=ref_of(state), service=stopped.owner, reason="measure-ended")]
