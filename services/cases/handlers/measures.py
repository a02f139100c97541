"""Putting in measures and evaluating them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.cases.domain import measures
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import Desk, change, meet
from services.cases.views import MeasureView
from shared.aggregate import Changed, Context
from shared.contracts.cases import Effect, EvaluationOutcome, NewReason
from shared.contracts.codes import Service
from shared.refs import CaseRef, GoalRef, MeasureRef, UnitId
from shared.web import answer


@dataclass(frozen=True)
class Wanted:
    """A measure as it is asked for, with the words of its goal and of what it builds on."""

    code: str
    owner: Service
    owner_unit: UnitId | None
    goal: str
    strengths: str | None
    indicator: str
    evaluate_by: datetime
    new_reason: NewReason | None


@dataclass(frozen=True)
class Evaluated:
    """What an evaluation showed, and what follows."""

    effect: Effect
    outcome: EvaluationOutcome
    evaluate_by: datetime | None
    with_service: Service | None


async def plan_measure(desk: Desk, ctx: Context, case: CaseRef, wanted: Wanted) -> Changed[CaseState]:
    """Put in a measure; the words of its goal, and of what it builds on, go to the vault (seed rules 88, 92, 141)."""
    located, acting = await meet(desk, ctx, case)
    rules = desk.rules_of(located.municipality)
    measure, goal = MeasureRef(desk.ids.ref("mea")), GoalRef(desk.ids.ref("goa"))
    command = measures.PlanMeasure(
        by=acting,
        what=measures.NewMeasure(
            measure=measure,
            goal=goal,
            code=wanted.code,
            owner=wanted.owner,
            owner_unit=wanted.owner_unit,
            indicator=wanted.indicator,
            evaluate_by=wanted.evaluate_by,
            new_reason=wanted.new_reason,
        ),
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: measures.decide_plan(state, command, ctx.now, rules),
        lambda state, version: answer(
            MeasureView.of(state, measure), status=201, version=version, location=f"/cases/{located.case}"
        ),
        lambda conn: desk.records.keep_goal(conn, located.case, goal, wanted.goal, wanted.strengths),
    )


async def evaluate_measure(
    desk: Desk,
    ctx: Context,
    measure: MeasureRef,
    seen: Evaluated,
) -> Changed[CaseState]:
    """Evaluate a measure (seed rules 89, 90)."""
    located, acting = await meet(desk, ctx, measure)
    command = measures.EvaluateMeasure(
        by=acting,
        measure=measure,
        effect=seen.effect,
        outcome=seen.outcome,
        evaluate_by=seen.evaluate_by,
        with_service=seen.with_service,
    )
    rules = desk.rules_of(located.municipality)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: measures.decide_evaluate(state, command, ctx.now, rules),
        lambda state, version: answer(MeasureView.of(state, measure), status=201, version=version),
    )
