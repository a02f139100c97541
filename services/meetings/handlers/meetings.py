"""Arenas defined, meetings planned, called, moved, cancelled, closed and found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.meetings import lifted_store, store
from services.meetings.configuration import profile_of
from services.meetings.domain.answering import own_standing
from services.meetings.domain.arena import ARENA, decide_define, wanted_arenas
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import (
    CHILDRENS,
    check_caller,
    check_time,
    counted_span,
    invited_services,
    length,
    participating_units,
    seats,
    with_duty,
)
from services.meetings.domain.conformity import KnownMeeting
from services.meetings.domain.invitation import Standing
from services.meetings.domain.laid_out import Sitting
from services.meetings.domain.meeting import (
    MEETING,
    CancelReason,
    MeetingState,
    NewMeeting,
    Status,
    decide_call,
    decide_cancel,
    decide_close,
    decide_plan,
    decide_reschedule,
)
from services.meetings.domain.profile import Profile
from services.meetings.domain.seating import Office, asked_by, closed_arenas
from services.meetings.errors import MayNotCallError, UnknownError
from services.meetings.handlers import lifting
from services.meetings.handlers.desk import Desk, Found, acting, find, office_of, rules_of
from services.meetings.views import ArenaView, MeetingLine, MeetingView, arena_view, called_view, meeting_view, there
from shared.aggregate import Answer, Changed, Context
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.codes import Role, Service
from shared.db import Connection
from shared.refs import ArenaRef, MeetingRef, UnitId
from shared.web import answer


async def define_arenas(desk: Desk, now: datetime) -> int:
    """Define every arena of every profile that is not defined so already, and return how many were.

    Run at every start; instances that start together do it one after the other.
    """
    correlation = desk.ids.event_id()

    async def define(conn: Connection) -> int:
        await store.lock_definitions(conn)
        return sum(
            [
                await _define(desk, conn, now, correlation, profile, rules, unit)
                for profile in desk.profiles.values()
                for rules, unit in wanted_arenas(profile, oslo_day(now))
            ]
        )

    changes = await desk.transaction(define)
    if changes:
        desk.journal.nudge()
    return changes


async def _define(
    desk: Desk,
    conn: Connection,
    now: datetime,
    correlation: UUID,
    profile: Profile,
    rules: ArenaRules,
    unit: UnitId | None,
) -> int:
    arena = await store.arena_ref(conn, profile.scope, rules.type, unit, ArenaRef(desk.ids.ref("arn")))
    ctx = Context(actor=None, scope=profile.scope, now=now, correlation=correlation)
    changed = await desk.journal.change(
        ARENA, arena, ctx, lambda state: decide_define(state, arena, profile, rules, unit), conn=conn
    )
    return len(changed.events)


async def list_arenas(desk: Desk, ctx: Context, after: tuple[str, str] | None, limit: int) -> Sequence[ArenaView]:
    """Return the arenas of the actor's municipality that its profile has, by type."""
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    async with desk.pool.acquire() as conn:
        # Those that the profile has no more are not read: a page that lacked one would look like the last.
        types = [rules.type for rules in profile.arenas]
        known = await store.arenas(conn, actor.municipality, types, after=after, limit=limit)
    shown = []
    for arena in known:
        rules = profile.arena(arena.arena_type)
        if rules is not None:
            units = [arena.unit] if arena.unit else []
            shown.append(
                arena_view(arena.arena, arena.unit, rules, invited_services(profile, rules, units, frozenset()))
            )
    return shown


@dataclass(frozen=True, slots=True)
class CallMeeting:
    """A meeting to be called, or only given its place in the year."""

    arena: ArenaRef
    starts_at: datetime
    minutes: int | None
    units: frozenset[UnitId]
    services: frozenset[Service]
    extra: bool
    interpreters: frozenset[str]
    invite: bool


async def call_meeting(desk: Desk, ctx: Context, command: CallMeeting) -> Changed[MeetingState]:
    """Call a meeting of an arena (seed rules 6, 8, 9, 10, 20).

    Raises:
        UnknownError: no such arena, or another municipality's.
        MeetingsError: see `domain.calling`.
    """
    actor = acting(ctx)
    loaded = await desk.journal.load(ARENA, command.arena)
    defined = loaded.state.defined
    if defined is None or loaded.scope != actor.municipality:
        raise UnknownError
    profile = profile_of(desk.profiles, actor.municipality)
    rules = rules_of(profile, defined.arena_type)
    units = participating_units(profile, rules, defined.unit, command.units)
    check_caller(rules, units, actor.roles, actor.service, actor.unit)
    invited = invited_services(profile, rules, units, command.services)
    taking = seats(profile, invited, units)
    new = NewMeeting(
        meeting=MeetingRef(desk.ids.ref("mtg")),
        arena=command.arena,
        arena_type=rules.type,
        unit=defined.unit,
        units=units,
        starts_at=command.starts_at,
        minutes=length(rules, command.minutes),
        place=rules.place.at,
        invited=invited,
        extra=command.extra,
        interpreters=command.interpreters,
        seats=taking,
        with_duty=with_duty(rules, taking),
    )
    return await _call(desk, ctx, new, new.meeting, invite=command.invite)


async def invite(desk: Desk, ctx: Context, meeting: MeetingRef, services: frozenset[Service]) -> Changed[MeetingState]:
    """Call a meeting that was planned.

    Raises:
        MeetingsError: see `domain.calling`; `UnknownError`.
    """
    found = await _for_callers(desk, ctx, meeting)
    state, rules = found.state, found.rules
    invited = invited_services(found.profile, rules, state.units, services)
    taking = seats(found.profile, invited, state.units)
    new = NewMeeting(
        meeting=meeting,
        arena=there(state.arena),
        arena_type=state.arena_type,
        unit=state.unit,
        units=state.units,
        starts_at=there(state.starts_at),
        minutes=state.minutes,
        place=rules.place.at,
        invited=invited,
        extra=state.extra,
        interpreters=state.interpreters,
        seats=taking,
        with_duty=with_duty(rules, taking),
    )
    return await _call(desk, ctx, new, meeting, invite=True)


async def _call(
    desk: Desk, ctx: Context, new: NewMeeting, meeting: MeetingRef, *, invite: bool
) -> Changed[MeetingState]:
    profile = profile_of(desk.profiles, acting(ctx).municipality)
    rules = rules_of(profile, new.arena_type)

    async def call(conn: Connection) -> Changed[MeetingState]:
        if invite:
            await lifting.promise_if_lifted(conn, profile, new.arena, ctx.now)
        await store.lock_arena(conn, new.arena)
        span = counted_span(rules, profile.calendar, oslo_day(new.starts_at))
        ordinary = await store.ordinary_meetings(conn, new.arena, *span, beside=meeting) if span else 0

        planned = KnownMeeting(
            meeting, new.arena_type, new.unit, new.starts_at, Status.PLANNED, new.extra, None, new.minutes
        )
        busy = await _double_booked(desk, conn, Sitting(profile, planned, new.units))

        def decide(state: MeetingState) -> list[EventData]:
            check_time(rules, profile.calendar, new.starts_at, ctx.now, extra=new.extra, ordinary_in_term=ordinary)
            return decide_call(state, new) if invite else decide_plan(state, new)

        def called(state: MeetingState, version: int) -> Answer:
            view = called_view(state, busy)
            return answer(view, status=201, version=version, location=f"/meetings/{view.meeting}")

        changed = await desk.journal.change(MEETING, meeting, ctx, decide, called, conn=conn)
        return await _saved(conn, ctx, changed)

    return await desk.change(call)


async def reschedule(desk: Desk, ctx: Context, meeting: MeetingRef, starts_at: datetime) -> Changed[MeetingState]:
    """Move a meeting, within what its arena allows.

    Raises:
        MeetingsError: see `domain.calling`; `UnknownError`.
    """
    found = await _for_callers(desk, ctx, meeting)
    rules, calendar, known = found.rules, found.profile.calendar, found.state
    there_then = KnownMeeting(
        meeting, known.arena_type, known.unit, starts_at, known.status, known.extra, None, known.minutes
    )

    async def move(conn: Connection) -> Changed[MeetingState]:
        arena = there(known.arena)
        await store.lock_arena(conn, arena)
        span = counted_span(rules, calendar, oslo_day(starts_at))
        ordinary = await store.ordinary_meetings(conn, arena, *span, beside=meeting) if span else 0

        busy = await _double_booked(desk, conn, Sitting(found.profile, there_then, known.units))

        def decide(state: MeetingState) -> list[EventData]:
            events = decide_reschedule(state, starts_at, ctx.now)
            check_time(rules, calendar, starts_at, ctx.now, extra=state.extra, ordinary_in_term=ordinary)
            return events

        def moved(state: MeetingState, version: int) -> Answer:
            return answer(called_view(state, busy), version=version)

        changed = await desk.journal.change(MEETING, meeting, ctx, decide, moved, conn=conn)
        return await _saved(conn, ctx, changed)

    return await desk.change(move)


async def cancel(desk: Desk, ctx: Context, meeting: MeetingRef, reason: CancelReason) -> Changed[MeetingState]:
    """Cancel a meeting.

    Raises:
        MeetingsError: it has come too far; `UnknownError`.
    """
    found = await _for_callers(desk, ctx, meeting)

    async def work(conn: Connection) -> Changed[MeetingState]:
        await lifting.promise_if_lifted(conn, found.profile, there(found.state.arena), ctx.now)
        changed = await desk.journal.change(
            MEETING, meeting, ctx, lambda state: decide_cancel(state, reason), _shown, conn=conn
        )
        if not changed.replayed:
            # What was lifted to it comes to the next one.
            await lifted_store.wait_again_after(conn, meeting)
        return await _saved(conn, ctx, changed)

    return await desk.change(work)


async def close(desk: Desk, ctx: Context, meeting: MeetingRef) -> Changed[MeetingState]:
    """Close a meeting whose minutes are approved.

    Raises:
        MeetingsError: it has not come so far; `UnknownError`.
    """
    await _for_callers(desk, ctx, meeting)

    async def work(conn: Connection) -> Changed[MeetingState]:
        changed = await desk.journal.change(MEETING, meeting, ctx, decide_close, _shown, conn=conn)
        return await _saved(conn, ctx, changed)

    return await desk.change(work)


async def show(desk: Desk, ctx: Context, meeting: MeetingRef) -> tuple[MeetingView, int]:
    """Return the meeting and its version.

    Raises:
        UnknownError: there is none that the actor may know of.
    """
    found = await find(desk, ctx, meeting)
    return meeting_view(found.state), found.version


async def list_meetings(desk: Desk, ctx: Context, after: tuple[datetime, str] | None, limit: int) -> list[MeetingLine]:
    """Return the meetings in which the actor has a part, by time; a coordinator's are all of the municipality's."""
    actor = acting(ctx)
    profile, office = desk.profiles.get(actor.municipality), office_of(actor)
    viewer = store.Viewer(
        municipality=actor.municipality,
        service=actor.service if actor.staff else None,
        unit=actor.unit,
        of_unit=actor.service in CHILDRENS,
        all_meetings=Role.COORDINATOR in actor.roles,
        roles=actor.roles,
        closed=tuple(closed_arenas(profile, office)) if profile else (),
    )
    async with desk.pool.acquire() as conn:
        listed = await store.meetings(conn, viewer, after=after, limit=limit)
    return [
        MeetingLine(
            meeting=each.meeting,
            arena=each.arena,
            arena_type=each.arena_type,
            units=each.units,
            starts_at=each.starts_at,
            status=each.status,
            extra=each.extra,
            standing=_standing(profile, each, office) if actor.staff else None,
        )
        for each in listed
    ]


def _standing(profile: Profile | None, listed: store.Listed, office: Office) -> Standing | None:
    rules = profile.arena(listed.arena_type) if profile else None
    if profile is None or rules is None or listed.status is not Status.CALLED:
        return None
    return own_standing(rules, asked_by(profile, listed.invited, listed.units, listed.answers), office)


async def _double_booked(desk: Desk, conn: Connection, sitting: Sitting) -> tuple[UnitId, ...]:
    day = sitting.meeting.day
    known = await store.known_meetings(conn, sitting.scopes(desk.profiles), day, day)
    return sitting.double_booked(desk.profiles, known)


async def _for_callers(desk: Desk, ctx: Context, meeting: MeetingRef) -> Found:
    found = await find(desk, ctx, meeting)
    if not found.decides:
        raise MayNotCallError
    return found


async def _saved(conn: Connection, ctx: Context, changed: Changed[MeetingState]) -> Changed[MeetingState]:
    if not changed.replayed:
        await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
    return changed


def _shown(state: MeetingState, version: int) -> Answer:
    return answer(meeting_view(state), version=version)
