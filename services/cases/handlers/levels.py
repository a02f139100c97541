"""Stepping a case's level up or down."""

from __future__ import annotations

from services.cases.domain import levels
from services.cases.domain.state import CaseState
from services.cases.handlers.answers import case_for
from services.cases.handlers.desk import Desk, change, meet
from shared.aggregate import Changed, Context
from shared.contracts.cases import LevelReason
from shared.contracts.codes import Service
from shared.refs import CaseRef, MeasureRef


async def change_level(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    *,
    to_level: int,
    reason: LevelReason,
    evaluation: MeasureRef | None,
    with_service: Service | None,
) -> Changed[CaseState]:
    """Step up or down the ladder (seed rules 68, 181)."""
    located, acting = await meet(desk, ctx, case)
    rules = desk.rules_of(located.municipality)
    command = levels.ChangeLevel(
        by=acting, to_level=to_level, reason=reason, evaluation=evaluation, with_service=with_service
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: levels.decide_level(state, command, ctx.now, rules),
        case_for(acting, ctx.now),
    )
