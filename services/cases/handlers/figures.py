"""Figures for leaders and the coordinator."""

from __future__ import annotations

from collections import Counter

from services.cases import figure_store
from services.cases.domain.figures import decide_view, median, period_of
from services.cases.handlers.desk import Desk, actor_of, as_seen
from shared.aggregate import Context
from shared.contracts.base import Model
from shared.contracts.cases import Effect, ForWhom
from shared.contracts.codes import Service
from shared.refs import UnitId
from shared.small_numbers import Counts, suppress


class Figures(Model):
    """What happened in a term. A count that is null is not shown: it, or another that it would give away, is under five."""

    period: str
    unit: UnitId | None
    """Whose figures they are; null: the whole municipality's."""
    concerns: Counts
    """Concerns registered; for the municipality by unit."""
    for_whom: Counts
    """The same concerns, by whose burden raised them (seed rule 180)."""
    to_action: Counts
    """Concerns acted on in the term: within seven days, within the time to act, later (seed rules 79, 179)."""
    median_days_to_action: float | None
    """From the first concern to the first action (seed rules 102, 179)."""
    measures_by_level: Counts
    """Measures put in, by level (seed rule 155)."""
    measures_with_ppt: Counts
    """Measures put in, by whether PPT owns them (seed rule 154)."""
    evaluations: Counts
    """Evaluations, in time or late (seed rules 88, 89)."""
    effects: Counts
    """What the same evaluations showed (seed rules 90, 92)."""


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
        told = await figure_store.told_of(conn, actor.municipality, view.unit, period)
    act = desk.rules_of(actor.municipality).act_within_days
    waited = Counter(
        "within-7-days" if days <= 7 else "in-time" if days <= act else "late" for days in told.days_to_action
    )
    return Figures(
        period=period.code,
        unit=view.unit,
        concerns=suppress(told.concerns).shown_only(),
        for_whom=suppress({one.value: told.for_whom[one] for one in ForWhom}),
        to_action=suppress({part: waited[part] for part in ("within-7-days", "in-time", "late")}),
        median_days_to_action=median(told.days_to_action),
        measures_by_level=suppress({f"level-{level}": told.planned[level] for level in range(4)}),
        measures_with_ppt=suppress(
            {"ppt": told.owners[Service.PPT], "others": told.owners.total() - told.owners[Service.PPT]}
        ),
        evaluations=suppress({"in-time": told.in_time[True], "late": told.in_time[False]}),
        effects=suppress({one.value: told.effects[one] for one in Effect}),
    )
