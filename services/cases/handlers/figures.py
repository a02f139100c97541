"""Figures for leaders and the coordinator."""

from __future__ import annotations

from services.cases import figure_store
from services.cases.domain.figures import Figures, decide_view, figures_of, period_of
from services.cases.handlers.desk import Desk, actor_of, as_seen
from shared.aggregate import Context


async def read_figures(desk: Desk, ctx: Context, code: str) -> Figures:
    """Return the figures of a term that is over, as far as the actor may see them.

    Raises:
        FiguresForbiddenError: the actor neither leads a unit nor is the municipality's coordinator.
        PeriodUnknownError, PeriodNotOverError: there are no figures of that period, or not yet.
    """
    actor = actor_of(ctx)
    async with desk.pool.acquire() as conn:
        view = decide_view(await as_seen(desk, ctx, conn, None))
        period = period_of(code, ctx.now)
        told = await figure_store.told_of(conn, actor.municipality, period)
    return figures_of(told, period, view.unit, desk.rules_of(actor.municipality).act_within_days)
