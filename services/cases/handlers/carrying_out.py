"""Beginning, changing and stopping measures; explaining suspected overlaps."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.cases.domain import carrying_out
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import Desk, Keep, change, meet
from services.cases.views import MeasureView
from shared.aggregate import Answer, Changed, Context
from shared.contracts.cases import CaseEvent, OverlapExplanation
from shared.contracts.codes import Service
from shared.db import Connection
from shared.refs import GoalRef, MeasureRef, UnitId
from shared.web import answer


@dataclass(frozen=True)
class Change:
    """What is new about a measure, with the words of a new goal and of what it builds on; None stays as it is."""

    owner: Service | None
    owner_unit: UnitId | None
    goal: str | None
    strengths: str | None
    indicator: str | None
    evaluate_by: datetime | None


async def start_measure(desk: Desk, ctx: Context, measure: MeasureRef) -> Changed[CaseState]:
    """Begin a measure (seed rule 88)."""
    located, acting = await meet(desk, ctx, measure)
    rules = desk.rules_of(located.municipality)
    command = carrying_out.StartMeasure(by=acting, measure=measure)

    def decide(state: CaseState) -> Sequence[CaseEvent]:
        return carrying_out.decide_start(state, command, ctx.now, rules)

    return await change(desk, ctx, located.case, decide, _measure(measure))


async def change_measure(desk: Desk, ctx: Context, measure: MeasureRef, new: Change) -> Changed[CaseState]:
    """Change a measure; a new goal's words go to the vault (seed rules 31, 89)."""
    located, acting = await meet(desk, ctx, measure)
    rules = desk.rules_of(located.municipality)
    goal = None if new.goal is None else GoalRef(desk.ids.ref("goa"))
    command = carrying_out.ChangeMeasure(
        by=acting,
        measure=measure,
        owner=new.owner,
        owner_unit=new.owner_unit,
        goal=goal,
        indicator=new.indicator,
        evaluate_by=new.evaluate_by,
    )
    keep: Keep | None = None
    if goal is not None and new.goal is not None:
        ref, words = goal, new.goal

        async def keep_goal(conn: Connection) -> None:
            await desk.records.keep_goal(conn, located.case, ref, words, new.strengths)

        keep = keep_goal

    def decide(state: CaseState) -> Sequence[CaseEvent]:
        return carrying_out.decide_change(state, command, ctx.now, rules)

    return await change(desk, ctx, located.case, decide, _measure(measure), keep)


async def stop_measure(
    desk: Desk, ctx: Context, measure: MeasureRef, reason: Literal["no-effect", "goal-reached", "withdrawn"]
) -> Changed[CaseState]:
    """Stop a measure (seed rules 88-90)."""
    located, acting = await meet(desk, ctx, measure)
    command = carrying_out.StopMeasure(by=acting, measure=measure, reason=reason)

    def decide(state: CaseState) -> Sequence[CaseEvent]:
        return carrying_out.decide_stop(state, command, ctx.now)

    return await change(desk, ctx, located.case, decide, _measure(measure))


async def explain_overlap(
    desk: Desk, ctx: Context, measure: MeasureRef, explanation: OverlapExplanation
) -> Changed[CaseState]:
    """Explain a suspected overlap (seed rules 49, 161)."""
    located, acting = await meet(desk, ctx, measure)
    command = carrying_out.ExplainOverlap(by=acting, measure=measure, explanation=explanation)

    def decide(state: CaseState) -> Sequence[CaseEvent]:
        return carrying_out.decide_explain(state, command, ctx.now)

    return await change(desk, ctx, located.case, decide, _measure(measure))


def _measure(measure: MeasureRef) -> Callable[[CaseState, int], Answer]:
    return lambda state, version: answer(MeasureView.of(state, measure), status=201, version=version)
