"""What was not as the arenas' rules say is looked for once a week, and told to leaders (seed rules 8, 40, 54, 64, 95)."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from services.meetings import deviation_store, store
from services.meetings.domain.around_child import decide_missing, deviations_around, to_be_called
from services.meetings.domain.conformity import Deviation, View
from services.meetings.domain.deviating import AGAIN, FOUND, decide_found, next_look, to_tell, years_seen
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import present
from services.meetings.domain.year import SchoolYear
from services.meetings.handlers import around_children
from services.meetings.handlers.around_children import Around
from services.meetings.handlers.desk import Desk
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.db import Connection
from shared.deadlines import Deadline, DeadlineHandler, set_deadline, set_once
from shared.errors import UnavailableError
from shared.refs import DeviationRef, LogScope

LOOK: Final = "deviations-look"
"""The kind of the durable deadline, one for each municipality."""
_EVERYTHING: Final = View(everything=True)


async def promise_looks(desk: Desk, now: datetime) -> None:
    """Promise for every profile to look on the next Monday; one that was promised and missed stands. Run at every start."""

    async def promise(conn: Connection) -> None:
        for scope in desk.profiles:
            await set_once(conn, kind=LOOK, key=scope, due=next_look(now))

    await desk.transaction(promise)


def deadlines(profiles: Mapping[LogScope, Profile]) -> Mapping[str, DeadlineHandler]:
    """Return what happens on a Monday."""

    async def on_look(tx: Tx, deadline: Deadline) -> None:
        profile = profiles.get(LogScope(deadline.key))
        if profile is None:
            return
        again = next_look(tx.now) if await look(tx, profile) else tx.now + AGAIN
        await set_deadline(tx.conn, kind=LOOK, key=deadline.key, due=again)

    return {LOOK: on_look}


async def look(tx: Tx, profile: Profile) -> bool:
    """Say of each deviation whose time has come that it was found, all in one process.

    Return whether that was all: what is missing around children is not said, and how many had their meetings not told for good,
    before everything is read by which it is known (seed rules 10, 29).
    """
    today, all_known = oslo_day(tx.now), True
    ctx = Context(actor=None, scope=profile.scope, now=tx.now, correlation=tx.ids.event_id())
    for year in years_seen(profile, today):
        known = await store.known_meetings(tx.conn, [profile.scope], year.first, year.last)
        missing: Sequence[Deviation] = ()
        try:
            around = await around_children.known(tx.conn, profile, year)
        except UnavailableError:
            all_known = False
        else:
            await around_children.tell(tx.conn, profile, year, around, today)
            missing = deviations_around(await around.rows(profile, year, today, _EVERYTHING), today)
            await _tell_of_children(tx, profile, year, around)
        for key, found in to_tell(profile, year, known[profile.scope], today, missing):
            ref = await deviation_store.deviation_ref(tx.conn, profile.scope, key, DeviationRef(tx.ids.ref("dev")))
            decide = partial(decide_found, deviation=ref, found=found, profile=profile, today=today)
            await tx.journal.change(FOUND, ref, ctx, decide, conn=tx.conn)
    return all_known


async def _tell_of_children(tx: Tx, profile: Profile, year: SchoolYear, around: Around) -> None:
    """Say of each child whose meeting is missing that it is to be called, each in a process of its own (seed rules 10, 29)."""
    today = oslo_day(tx.now)
    lines = await asyncio.to_thread(to_be_called, profile, year, around.children, today)
    histories = await store.hold_consents(tx.conn, [child.case for _, child in lines])
    at = present(histories, tx.now)
    for line, child in lines:
        ctx = Context(actor=None, scope=profile.scope, now=tx.now, correlation=tx.ids.event_id())
        key = f"{line.case} {line.arena_type} {line.first}"
        ref = await deviation_store.deviation_ref(tx.conn, profile.scope, key, DeviationRef(tx.ids.ref("dev")))
        one = child.coordinates(histories, at)
        decide = partial(decide_missing, deviation=ref, line=line, coordinator=None if one is None else one.actor)
        await tx.journal.change(FOUND, ref, ctx, decide, conn=tx.conn)
