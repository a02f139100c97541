"""Figures that people enter: once, corrected by a further entry, read by those who enter them (seed rules 150, 151, 155, 164, 190).

Nothing of it is about a child that somebody could name, so a read leaves no access record; that one was entered or corrected is in
the log.
"""

from __future__ import annotations

from dataclasses import dataclass

from services.meetings import entered_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.entered_figure import (
    FIGURE,
    FigureSource,
    FigureState,
    Line,
    Place,
    Version,
    asked,
    check_enters_some,
    decide_correct,
    decide_enter,
    entering_role,
    enters_as,
    line_key,
    lines_for,
    number_of,
    period_of,
)
from services.meetings.domain.undertakings import Entry
from services.meetings.errors import UnknownError
from services.meetings.handlers.desk import Desk, acting
from services.meetings.views import EnteredEntryView, EnteredFigureView, EnteredView, there
from shared.aggregate import Answer, Changed, Context
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.entered_figures import FigureCorrection
from shared.db import Connection
from shared.refs import EnteredFigureRef
from shared.web import answer


@dataclass(frozen=True, slots=True)
class Given:
    """A number as it was sent."""

    value: float
    of: int | None
    source: FigureSource


async def enter(desk: Desk, ctx: Context, place: Place, given: Given) -> Changed[FigureState]:
    """Enter a figure that nobody has entered.

    Raises:
        IndicatorUnknownError, FigureNotYoursError: no such indicator is entered, or others enter it.
        FigurePeriodError, PeriodNotOverError, FigureUnitError, FigureValueError: there is no such figure.
        FigureEnteredError: it is entered already.
        ArenaRetiredError: the municipality has no profile here.
    """
    actor, today = acting(ctx), oslo_day(ctx.now)
    profile = profile_of(desk.profiles, actor.municipality)
    check_enters_some(profile, actor)
    entry = asked(profile, place.indicator).entry
    role = enters_as(entry, place.unit, actor)
    period_of(profile, entry, place.period, place.unit, today)
    number = number_of(entry, given.value, given.of, given.source)

    async def work(conn: Connection) -> Changed[FigureState]:
        new = EnteredFigureRef(desk.ids.ref("enf"))
        figure = await store.figure_ref(conn, profile.scope, place, new)

        def decide(state: FigureState) -> list[EventData]:
            return decide_enter(state, figure, place)

        changed = await desk.journal.change(FIGURE, figure, ctx, decide, _entered, conn=conn)
        if changed.events:
            await store.add(conn, figure, Version(1, number, None, actor.id, role, ctx.now))
        return changed

    return await desk.change(work)


async def correct(
    desk: Desk, ctx: Context, figure: EnteredFigureRef, given: Given, reason: FigureCorrection
) -> Changed[FigureState]:
    """Put another number in the place of the one that stands there, and keep that.

    Raises:
        UnknownError: there is no such figure that the actor enters.
        FigureValueError: the number cannot be one of this kind.
        StaleVersionError: somebody has corrected it since.
    """
    found = await _found(desk, ctx, figure)
    number = number_of(found.entry, given.value, given.of, given.source)

    async def work(conn: Connection) -> Changed[FigureState]:
        now = (await store.entries(conn, figure))[-1].content

        def decide(state: FigureState) -> list[EventData]:
            return decide_correct(state, now, number, reason)

        changed = await desk.journal.change(FIGURE, figure, ctx, decide, _entered, conn=conn)
        if changed.events:
            version = Version(changed.state.entries, number, reason, acting(ctx).id, found.role, ctx.now)
            await store.add(conn, figure, version)
        return changed

    return await desk.change(work)


async def list_figures(desk: Desk, ctx: Context, after: tuple[str, str, str] | None, limit: int) -> list[Line]:
    """Return the figures that the actor enters, those that nobody has entered yet too.

    Raises:
        FigureNotYoursError: the actor enters none.
        ArenaRetiredError: the municipality has no profile here.
    """
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    check_enters_some(profile, actor)
    async with desk.pool.acquire() as conn:
        kept = await store.kept(conn, profile.scope)
    lines = lines_for(profile, actor, kept, oslo_day(ctx.now))
    return [line for line in lines if after is None or line_key(line) > after][:limit]


async def show(desk: Desk, ctx: Context, figure: EnteredFigureRef) -> tuple[EnteredFigureView, int]:
    """Return a figure with every entry of it: which number, by whom, when, and why it was corrected.

    Raises:
        UnknownError: there is no such figure that the actor enters.
    """
    found = await _found(desk, ctx, figure)
    async with desk.pool.acquire() as conn:
        entries = await store.entries(conn, figure)
    shown = EnteredFigureView(
        figure=figure,
        indicator=found.state.indicator,
        period=found.state.period,
        unit=found.state.unit,
        entries=tuple(
            EnteredEntryView(
                number=each.number,
                value=each.content.value,
                of=each.content.of,
                source=each.content.source,
                reason=each.reason,
                entered_by=each.actor,
                role=each.role,
                entered_at=each.at,
            )
            for each in entries
        ),
    )
    return shown, found.version


@dataclass(frozen=True, slots=True)
class Found:
    """A figure, for somebody who enters it."""

    state: FigureState
    version: int
    entry: Entry
    role: Role
    """In which they enter it."""


async def _found(desk: Desk, ctx: Context, figure: EnteredFigureRef) -> Found:
    """Return the figure, for somebody who enters it; others are not told that it is there."""
    actor = acting(ctx)
    loaded = await desk.journal.load(FIGURE, figure)
    profile = desk.profiles.get(actor.municipality)
    indicator = None if profile is None else profile.indicator(loaded.state.indicator)
    if loaded.scope != actor.municipality or indicator is None or indicator.entry is None:
        raise UnknownError
    role = entering_role(indicator.entry, loaded.state.unit, actor)
    if role is None or not loaded.state.entries:
        raise UnknownError
    return Found(loaded.state, loaded.version, indicator.entry, role)


def _entered(state: FigureState, version: int) -> Answer:
    view = EnteredView(
        figure=there(state.figure),
        indicator=state.indicator,
        period=state.period,
        unit=state.unit,
        entries=state.entries,
    )
    return answer(view, status=201, version=version, location=f"/entered-figures/{view.figure}")
