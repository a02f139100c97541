"""Figures for leaders and the coordinator."""

from __future__ import annotations

from services.cases import figure_store
from services.cases.domain.figures import Figures, count_first_help, decide_view, period_of, published
from services.cases.errors import FiguresUnreadableError
from services.cases.handlers.ages import births_of
from services.cases.handlers.desk import Desk, actor_of, as_seen
from shared.aggregate import Context


async def read_figures(desk: Desk, ctx: Context, code: str) -> Figures:
    """Return the figures of a term that is over, as far as the actor may see them. Whoever asks first publishes them.

    Raises:
        FiguresForbiddenError: the actor neither leads a unit nor is the municipality's coordinator.
        PeriodUnknownError, PeriodNotOverError: there are no figures of that period, or not yet.
        FiguresUnreadableError: a child of whom nothing is published yet cannot be read; of an erased case nothing is read.
    """
    actor = actor_of(ctx)
    async with desk.pool.acquire() as conn:
        view = decide_view(await as_seen(desk, ctx, conn, None))
        period = period_of(code, ctx.now)
        known = await figure_store.published_of(conn, actor.municipality, period)
        if known is None:
            told = await figure_store.told_of(conn, actor.municipality, period)
            first = await figure_store.first_helped(conn, actor.municipality, period)
            births, erased = await births_of(desk, conn, [one.case for one in first])
            if len(births) + len(erased) < len(first):
                # Counted without them, the term would stand so for good.
                raise FiguresUnreadableError
            told = count_first_help(told, first, births)
            figures = published(told, period, desk.rules_of(actor.municipality).act_within_days)
            known = await figure_store.publish(conn, actor.municipality, period, figures)
    return known.seen_by(view)
