"""Levels (tiltakstrapp): from 0, what everybody gets, to 3, with specialist help, child welfare or BUP (seed rules 68, 86, 181).

A step up calls for a meeting within the municipality's time, in the team that takes cases at that level; a step down for none
but the one that the level stepped down to should have had and never had. A step to the highest level says which specialist
service comes in.
"""

from __future__ import annotations

from datetime import datetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent import require_consent
from services.cases.domain.course import ref_of
from services.cases.domain.profile import HIGHEST_LEVEL
from services.cases.domain.rules import MEETS_FROM, Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import (
    CompetenceMissingError,
    EvaluationMissingError,
    HighestLevelError,
    LevelReasonError,
    LevelStepError,
    SameLevelError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, CaseLevelChanged, CaseMeetingHeld, Effect, LevelReason
from shared.contracts.codes import Service
from shared.refs import ItemRef, MeasureRef, MeetingRef

UP = frozenset({LevelReason.NO_EFFECT, LevelReason.ASSESSMENT, LevelReason.GUARDIAN_REQUEST})
DOWN = frozenset({LevelReason.IMPROVED, LevelReason.ASSESSMENT, LevelReason.GUARDIAN_REQUEST})
SHOWN_BY = {
    LevelReason.NO_EFFECT: frozenset({Effect.NONE}),
    LevelReason.IMPROVED: frozenset({Effect.SOME, Effect.REACHED}),
}
"""Reasons that rest on an evaluation, and what it must have shown (seed rule 89)."""


class ChangeLevel(Model):
    """Step the effort up or down."""

    by: Acting
    to_level: int
    reason: LevelReason
    evaluation: MeasureRef | None = None
    """The measure whose evaluation it rests on."""
    with_service: Service | None = None
    """At the highest level: the specialist service that comes in."""


def decide_level(state: CaseState, command: ChangeLevel, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Step up by one, or down to any lower level, for a reason (seed rules 68, 89, 181).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        SameLevelError, HighestLevelError, LevelStepError: there is no such step.
        LevelReasonError: the reason leads the other way.
        UnknownPartError, EvaluationMissingError: the reason rests on an evaluation that there is not.
        CompetenceMissingError, ConsentMissingError: as `step_up`.
    """
    access.require(state, Action.CHANGE_LEVEL, command.by, now)
    if command.to_level == state.level:
        raise SameLevelError
    up = command.to_level > state.level
    if command.reason not in (UP if up else DOWN):
        raise LevelReasonError(extensions={"allowed": [*sorted(UP if up else DOWN)]})
    _require_evaluation(state, command)
    if up:
        if command.to_level > state.level + 1 and state.level < HIGHEST_LEVEL:
            raise LevelStepError(extensions={"next_level": state.level + 1})
        return [
            step_up(state, command.reason, now, rules, evaluation=command.evaluation, with_service=command.with_service)
        ]
    team = rules.municipal.team_at(command.to_level)
    return [
        CaseLevelChanged(
            case=ref_of(state),
            from_level=state.level,
            to_level=command.to_level,
            reason=command.reason,
            # What a lower level's team should have met about, it still should: only what lies above needs no meeting any more.
            meeting_by=state.meeting_below_by if command.to_level >= MEETS_FROM else None,
            evaluation=command.evaluation,
            team=None if team is None else team.code,
        )
    ]


def step_up(
    state: CaseState,
    reason: LevelReason,
    now: datetime,
    rules: Rules,
    *,
    evaluation: MeasureRef | None,
    with_service: Service | None,
) -> CaseLevelChanged:
    """Return the step to the next level, with the meeting that it calls for and the team that takes it (seed rules 68, 86).

    Raises:
        HighestLevelError: there is none.
        CompetenceMissingError: at the highest level, no specialist service comes in, or one that does not belong there.
        ConsentMissingError: no consent covers that service.
    """
    level = state.level + 1
    if level > HIGHEST_LEVEL:
        raise HighestLevelError
    profile = rules.municipal
    if level == HIGHEST_LEVEL:
        specialists = profile.services_at(HIGHEST_LEVEL)
        if with_service not in specialists:
            raise CompetenceMissingError(extensions={"services": [*sorted(specialists)]})
        if with_service is not None and with_service not in state.team:
            require_consent(state, service=with_service, categories=frozenset(), purpose=None, now=now)
    team = profile.team_at(level)
    return CaseLevelChanged(
        case=ref_of(state),
        from_level=state.level,
        to_level=level,
        reason=reason,
        meeting_by=add_days(now, rules.meet_within_days) if level >= MEETS_FROM else None,
        evaluation=evaluation,
        with_service=with_service if level == HIGHEST_LEVEL else None,
        team=None if team is None else team.code,
    )


def decide_meeting_held(
    state: CaseState, *, meeting: MeetingRef, item: ItemRef, discussed_at: datetime, rules: Rules
) -> list[CaseEvent]:
    """Note that the meeting which a step up called for was held; one from before that step is none (seed rule 68)."""
    if state.meeting_by is None or state.stage is not Stage.OPEN:
        return []
    if discussed_at < add_days(state.meeting_by, -rules.meet_within_days):
        return []
    return [CaseMeetingHeld(case=ref_of(state), meeting=meeting, item=item)]


def _require_evaluation(state: CaseState, command: ChangeLevel) -> None:
    if command.evaluation is not None and command.evaluation not in state.measures:
        raise UnknownPartError
    shown = SHOWN_BY.get(command.reason)
    if shown is None:
        return
    measure = None if command.evaluation is None else state.measures[command.evaluation]
    if measure is None or measure.effect not in shown:
        fitting = [one.ref for one in state.measures.values() if one.effect in shown]
        raise EvaluationMissingError(extensions={"measures": [*fitting]})
