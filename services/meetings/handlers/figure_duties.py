"""The figures that are to be entered by a day: waited for from when their period is over (seed rules 150, 151, 155, 164, 190)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Final

from services.meetings import entered_store
from services.meetings.domain.entered_figure import FIGURE
from services.meetings.domain.figure_duty import (
    OwedFigure,
    decide_drop,
    decide_expect,
    owed_figures,
    owed_still,
    stands,
)
from services.meetings.domain.profile import Profile
from services.meetings.handlers.desk import Desk
from services.meetings.store import lock_definitions
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.calendar import at_oslo
from shared.clock import oslo_day
from shared.deadlines import Deadline, DeadlineHandler, set_deadline, set_once
from shared.refs import EnteredFigureRef, LogScope

NEXT: Final = "figures-next"
"""The kind of the durable deadline, of a municipality: at the beginning of each day is looked which periods are over."""


async def expect_figures(desk: Desk, now: datetime) -> int:
    """Say of every profile which figures are waited for now, and promise to look tomorrow; return how many events that took.

    Run at every start, as arenas are defined. A day that was missed stands, and is made up for.
    """

    async def expect(tx: Tx) -> int:
        await lock_definitions(tx.conn)
        changes = 0
        for profile in desk.profiles.values():
            changes += await _expect(tx, profile, oslo_day(now))
            await set_once(tx.conn, kind=NEXT, key=profile.scope, due=_tomorrow(now))
        return changes

    changes = await desk.transaction(lambda conn: expect(Tx(conn, desk.journal, now, desk.ids)))
    if changes:
        desk.journal.nudge()
    return changes


def deadlines(profiles: Mapping[LogScope, Profile]) -> Mapping[str, DeadlineHandler]:
    """Return what happens at the beginning of a day."""

    async def on_next(tx: Tx, deadline: Deadline) -> None:
        profile = profiles.get(LogScope(deadline.key))
        if profile is None:
            return
        await _expect(tx, profile, oslo_day(deadline.due))
        await set_deadline(tx.conn, kind=NEXT, key=deadline.key, due=_tomorrow(tx.now))

    return {NEXT: on_next}


async def _expect(tx: Tx, profile: Profile, since: date) -> int:
    ctx = Context(actor=None, scope=profile.scope, now=tx.now, correlation=tx.ids.event_id())
    today, changes = oslo_day(tx.now), 0
    wanted = {owed.place: owed for owed in owed_figures(profile, since, today)}
    for state in await entered_store.expected(tx.conn, profile.scope):
        place, due, figure = state.place, state.due, state.figure
        if due is None or figure is None:
            continue
        owed = wanted.get(place) or owed_still(profile, place, due, today)
        if owed is None:
            dropped = await tx.journal.change(FIGURE, figure, ctx, decide_drop, conn=tx.conn)
            changes += len(dropped.events)
        elif stands(state, owed):
            wanted.pop(place, None)
        else:
            # One that nobody entered in time is waited for still, of whoever the profile names now.
            wanted[place] = owed
    entered = await entered_store.kept(tx.conn, profile.scope)
    for place, owed in wanted.items():
        if place not in entered:
            changes += await _expect_one(tx, ctx, owed)
    return changes


async def _expect_one(tx: Tx, ctx: Context, owed: OwedFigure) -> int:
    figure = await entered_store.figure_ref(tx.conn, ctx.scope, owed.place, EnteredFigureRef(tx.ids.ref("enf")))
    decide = partial(decide_expect, figure=figure, owed=owed)
    return len((await tx.journal.change(FIGURE, figure, ctx, decide, conn=tx.conn)).events)


def _tomorrow(now: datetime) -> datetime:
    return at_oslo(oslo_day(now) + timedelta(days=1), time(0))
