"""A measure under way: it begins, is changed, is stopped; two units that do much the same say why (seed rules 31, 49, 88-90)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent import require_consent
from services.cases.domain.course import ref_of
from services.cases.domain.measure_lifecycles import MEASURE, OVERLAP
from services.cases.domain.measures import (
    evaluate_before,
    is_home,
    joined,
    left,
    overlapping,
    own_measure,
    require_evaluation_date,
)
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, MeasureState
from services.cases.errors import (
    MeasureStartedError,
    MeasureStoppedError,
    NotEvaluatedError,
    NothingChangedError,
    OverlapSettledError,
)
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    Effect,
    MeasureChanged,
    MeasureOverlapExplained,
    MeasureStarted,
    MeasureStopped,
    OverlapExplanation,
)
from shared.contracts.codes import Service
from shared.refs import GoalRef, MeasureRef, UnitId

Changeable = Literal["owner", "goal", "indicator", "evaluate-by"]
_SHOWN_BY = {"no-effect": Effect.NONE, "goal-reached": Effect.REACHED}
"""Reasons to stop that an evaluation must have shown (seed rules 89, 90)."""


class StartMeasure(Model):
    """What was planned has begun."""

    by: Acting
    measure: MeasureRef


class ChangeMeasure(Model):
    """It goes on in another way; what is None stays as it is. A new goal's words are in the vault."""

    by: Acting
    measure: MeasureRef
    owner: Service | None = None
    owner_unit: UnitId | None = None
    goal: GoalRef | None = None
    indicator: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: AwareDatetime | None = None


class StopMeasure(Model):
    """It ends: because it has been evaluated, or before it began."""

    by: Acting
    measure: MeasureRef
    reason: Literal["no-effect", "goal-reached", "withdrawn"]


class ExplainOverlap(Model):
    """The owner of one of the measures says what was found out."""

    by: Acting
    measure: MeasureRef
    """One's own: the later or one of the others."""
    explanation: OverlapExplanation


def decide_start(state: CaseState, command: StartMeasure, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Begin a measure; how long it may go on without an evaluation is counted from here (seed rules 88, 89).

    Raises:
        DeniedError, CaseNotOpenError, UnknownPartError: see `access.require` and `own_measure`.
        MeasureStoppedError, MeasureStartedError: it has ended, or begun.
    """
    measure = _running(state, Action.CARRY_OUT_MEASURE, command.by, command.measure, now)
    if not MEASURE.allows(measure.status, MeasureStarted):
        raise MeasureStartedError
    return [MeasureStarted(case=ref_of(state), measure=measure.ref, evaluate_before=evaluate_before(now, rules))]


def decide_change(state: CaseState, command: ChangeMeasure, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Change a measure; everybody in the team is told (seed rules 31, 89). A new owner joins the team, the old one may
    leave, and whoever does much the same elsewhere is told of it (seed rules 49, 161).

    Raises:
        DeniedError, CaseNotOpenError, UnknownPartError: see `access.require` and `own_measure`.
        MeasureStoppedError: it has ended.
        NothingChangedError: it would be as it was.
        EvaluationDateError, EvaluationTooLateError: a new date that is past, or too late: counted from when the measure began or
            was evaluated last, so that an evaluation is not put off time and again.
        ConsentMissingError: no consent covers the new owner.
    """
    measure = _running(state, Action.CARRY_OUT_MEASURE, command.by, command.measure, now)
    owner = command.owner or measure.owner
    unit = command.owner_unit if command.owner_unit or owner is not measure.owner else measure.owner_unit
    after = MeasureChanged(
        case=ref_of(state),
        measure=measure.ref,
        owner=owner,
        owner_unit=None if state.address_protected else unit,
        goal=command.goal or measure.goal,
        indicator=command.indicator or measure.indicator,
        evaluate_by=command.evaluate_by or measure.evaluate_by,
        changed=frozenset(),
    )
    changed = _differences(measure, after)
    if not changed:
        raise NothingChangedError
    if "evaluate-by" in changed:
        require_evaluation_date(after.evaluate_by, now, measure.evaluate_before or evaluate_before(now, rules))
    happened: list[CaseEvent] = [after.model_copy(update={"changed": changed})]
    if owner is not measure.owner:
        if not is_home(state, owner):
            require_consent(state, service=owner, categories=frozenset(), purpose=None, now=now)
        happened.extend(joined(state, [(owner, measure.ref)], now))
        happened.extend(left(state, measure.ref, measure.owner))
    if "owner" in changed:
        happened.extend(overlapping(state, after, measure.code, rules.municipal))
    return happened


def decide_stop(state: CaseState, command: StopMeasure, now: datetime) -> list[CaseEvent]:
    """Stop a measure; one that has begun was evaluated first, so that something was learnt (seed rules 88-90).

    Raises:
        DeniedError, CaseNotOpenError, UnknownPartError: see `access.require` and `own_measure`.
        MeasureStoppedError: it has ended.
        NotEvaluatedError: it has begun and was never evaluated, or the reason is one that its last evaluation has not shown.
    """
    measure = _running(state, Action.CARRY_OUT_MEASURE, command.by, command.measure, now)
    begun = not MEASURE.allows(measure.status, MeasureStarted)
    # Or the same could be put in again as if it had never been without effect (seed rule 90).
    shown = measure.effect is _SHOWN_BY[command.reason] if command.reason in _SHOWN_BY else measure.effect is not None
    if not shown and (begun or command.reason != "withdrawn"):
        raise NotEvaluatedError
    return [
        MeasureStopped(case=ref_of(state), measure=measure.ref, reason=command.reason),
        *left(state, measure.ref, measure.owner),
    ]


def decide_explain(state: CaseState, command: ExplainOverlap, now: datetime) -> list[CaseEvent]:
    """Say what was found out about a suspected overlap, for one's own measure (seed rules 49, 161).

    Raises:
        DeniedError, CaseNotOpenError, UnknownPartError: see `access.require` and `own_measure`.
        OverlapSettledError: no overlap waits for this measure's owner.
    """
    allowed = access.require(state, Action.CARRY_OUT_MEASURE, command.by, now)
    measure = own_measure(state, command.measure, command.by, allowed)
    happened: list[CaseEvent] = []
    for overlap in state.overlaps.values():
        parts = {overlap.measure, *overlap.others}
        waits = OVERLAP.allows(overlap.status, MeasureOverlapExplained)
        if not waits or measure.ref not in parts - overlap.explained_by:
            continue
        happened.append(
            MeasureOverlapExplained(
                case=ref_of(state),
                measure=overlap.measure,
                explained_for=measure.ref,
                explanation=command.explanation,
                settled=parts <= overlap.explained_by | {measure.ref},
            )
        )
    if not happened:
        raise OverlapSettledError
    return happened


def _running(state: CaseState, action: Action, by: Acting, ref: MeasureRef, now: datetime) -> MeasureState:
    allowed = access.require(state, action, by, now)
    measure = own_measure(state, ref, by, allowed)
    if not measure.runs:
        raise MeasureStoppedError
    return measure


def _differences(before: MeasureState, after: MeasureChanged) -> frozenset[Changeable]:
    pairs: dict[Changeable, bool] = {
        "owner": (before.owner, before.owner_unit) != (after.owner, after.owner_unit),
        "goal": before.goal != after.goal,
        "indicator": before.indicator != after.indicator,
        "evaluate-by": before.evaluate_by != after.evaluate_by,
    }
    return frozenset(name for name, differs in pairs.items() if differs)
