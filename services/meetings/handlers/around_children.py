"""Which meetings around children are due, for whom knows of the child anyhow; and for all together whether any is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from services.meetings import around_child_store
from services.meetings.configuration import profile_of
from services.meetings.domain.around_child import (
    ConformityAround,
    DueMeeting,
    Told,
    around,
    conformity_around,
    due_meetings,
    key_of,
    to_be_told,
)
from services.meetings.domain.child_facts import Child, Worker
from services.meetings.domain.conformity import View
from services.meetings.domain.deviating import BACK_DAYS, RECORD_DAYS
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import present
from services.meetings.domain.year import SchoolYear
from services.meetings.errors import ReportsForbiddenError
from services.meetings.handlers.desk import Desk, Reads, acting, consents_now, families_of
from shared.aggregate import Context
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.codes import NOT_PUBLIC
from shared.db import Connection
from shared.dead_letters import count_open
from shared.freshness import BlockedKeyError, require_fresh

READS: Final = Reads(consumer="meetings-around-children")
_A_MINUTE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Around:
    """What is known of the municipality's children in a school year."""

    children: Sequence[Child]
    told: Mapping[tuple[str, str], Told]

    async def rows(self, profile: Profile, year: SchoolYear, today: date, view: View) -> list[ConformityAround]:
        """Return whether any child lacks a meeting, per arena and part of the year (seed rules 10, 29).

        Raises:
            HolidaysUnknownError: what is due in that school year is not known.
        """
        # Those of a large municipality take longer than others should wait for.
        return await asyncio.to_thread(conformity_around, profile, year, self.children, today, view, self.told)


async def known(conn: Connection, profile: Profile, year: SchoolYear) -> Around:
    """Return what is known of the municipality's children; nothing is read where its profile asks for no such meetings.

    Raises:
        UnavailableError: not all is known that there is by now; nothing is said of children on a guess.
    """
    types = [rules.type for rules in around(profile)]
    if not types:
        return Around((), {})
    await require_fresh(conn, READS.consumer, READS.topic, READS.source)
    if await count_open(conn, READS.consumer):
        raise BlockedKeyError(retry_after=_A_MINUTE)
    found = await around_child_store.children(conn, profile.scope, types)
    return Around(found, await around_child_store.told(conn, profile.scope, year.first, year.last))


async def tell(conn: Connection, profile: Profile, year: SchoolYear, of: Around, today: date) -> None:
    """Tell how many children had the meetings of each part of the year that is over by a week, once, small numbers hidden."""
    due = to_be_told(profile, year, of.children, today, after=RECORD_DAYS, within=BACK_DAYS)
    await around_child_store.tell(conn, profile.scope, due)


async def list_due(
    desk: Desk, ctx: Context, begins: int | None, after: tuple[str, str, str] | None, limit: int
) -> Sequence[DueMeeting]:
    """Return the meetings that are due around children of whom the actor knows: held, called or missing. The look is recorded.

    Whoever holds the case, coordinates the group or leads the unit that has it, and still works there; from outside that unit only
    while a consent covers it (invariant 4). Nobody of the child's own family.

    Raises:
        ReportsForbiddenError: the actor does not work for the municipality.
        ArenaRetiredError: the municipality has no profile here.
        HolidaysUnknownError: what is due in that school year is not known.
        UnavailableError: it is not known whose the cases are now; nothing is shown on a guess.
    """
    actor = acting(ctx)
    if not actor.staff:
        raise ReportsForbiddenError
    profile, today = profile_of(desk.profiles, actor.municipality), oslo_day(ctx.now)
    calendar = profile.calendar
    year = calendar.school_year_of(today) if begins is None else calendar.school_year(begins)
    async with desk.pool.acquire() as conn, conn.transaction():
        await require_fresh(conn, desk.reads.consumer, desk.reads.topic, desk.reads.source)
        found = (await known(conn, profile, year)).children
        # Business and voluntary organisations have to do with no child by name, whatever unit they say (seed rule 45).
        public = actor.service not in NOT_PUBLIC
        theirs = await _known_to(desk, conn, actor, found, ctx.now) if public else []
        families = await families_of(desk, conn, [child.case for child in theirs])
        shown = [child for child in theirs if not families.has(child.case, actor.id)]
        lines = due_meetings(profile, year, shown, today)
        part = [line for line in lines if after is None or key_of(line) > after][:limit]
        entry = AccessRecorded(subject_ref=actor.id, kind=AccessKind.LIST, actor=actor.access_actor(), permitted=True)
        await desk.journal.record_access(ctx, [entry], conn=conn)
    desk.journal.nudge()
    return part


async def _known_to(
    desk: Desk, conn: Connection, actor: Actor, children: Sequence[Child], now: datetime
) -> list[Child]:
    """Return of which children the actor knows anyhow; whoever coordinates from outside, for as long as a consent covers it."""
    if actor.service is None:
        return []
    worker = Worker(actor.id, actor.roles, actor.service, actor.unit)
    own = [child for child in children if child.is_at_home_with(worker)]
    known = {child.case for child in own}
    outside = [child for child in children if child.case not in known and child.is_coordinated_by(worker)]
    histories = await consents_now(desk, conn, [child.case for child in outside])
    at = present(histories, now)
    return own + [child for child in outside if child.coordinates(histories, at) is not None]
