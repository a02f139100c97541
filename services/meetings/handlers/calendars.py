"""Calendars: one's own, an arena's, and the address at which a program that cannot sign in reads one's own.

Nothing of a child is in any of them, so a read leaves no access record; that an address was made or withdrawn is in the log.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from datetime import datetime, time, timedelta
from functools import partial
from typing import Final
from uuid import UUID

from services.meetings import calendar_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.arena import ARENA
from services.meetings.domain.calendar import (
    AHEAD,
    BACK,
    Appointment,
    Reader,
    appointments,
    by_time,
    check_arena,
    decide_reader,
    read_in,
)
from services.meetings.domain.calendar_address import (
    CALENDAR,
    AddressState,
    check_reads,
    decide_make,
    decide_withdraw,
    hour_of,
)
from services.meetings.errors import UnknownError
from services.meetings.feed import render_feed
from services.meetings.handlers.desk import Desk, acting, rules_of
from services.meetings.views import AddressTermView, AddressView, there
from shared.aggregate import Answer, Changed, Context
from shared.arrivals import Tx
from shared.calendar import at_oslo
from shared.contracts.base import Model
from shared.contracts.cases import AbsenceRegistered
from shared.contracts.codes import Language
from shared.db import Connection
from shared.deadlines import Deadline, set_deadline
from shared.refs import ALPHABET, ActorId, ArenaRef, CalendarRef, LogScope, UnitId
from shared.web import answer

LEFT: Final = "calendar-left"
"""The kind of the durable deadline, of an absence from which nobody comes back."""
_LETTERS: Final = str.maketrans("0123456789abcdef", ALPHABET[:16])


async def show_own(desk: Desk, ctx: Context, language: Language) -> bytes:
    """Return the actor's own calendar (RFC 5545).

    Raises:
        CalendarForbiddenError: the actor does not work for the municipality.
        ArenaRetiredError: the municipality has no profile here.
    """
    return await _feed(desk, acting(ctx).municipality, _reader(ctx), language, ctx.now, signed_in=True)


async def show_arena(desk: Desk, ctx: Context, arena: ArenaRef, language: Language) -> bytes:
    """Return an arena's calendar, as far as the actor has a seat in its meetings.

    Raises:
        UnknownError: no such arena, or another municipality's.
        NoArenaCalendarError, CalendarForbiddenError: see `domain.calendar.check_arena`.
        ArenaRetiredError: the profile no longer has it.
    """
    reader, municipality = _reader(ctx), acting(ctx).municipality
    loaded = await desk.journal.load(ARENA, arena)
    defined = loaded.state.defined
    if defined is None or loaded.scope != municipality:
        raise UnknownError
    profile = profile_of(desk.profiles, municipality)
    own = None if defined.unit is None else profile.own_service(defined.unit)
    check_arena(rules_of(profile, defined.arena_type), defined.unit, own, reader)
    return await _feed(desk, municipality, reader, language, ctx.now, signed_in=True, arena=arena)


async def show_by_address(desk: Desk, token: str, now: datetime) -> bytes:
    """Return the calendar that is read at the address with that token: times and places, and nothing else.

    Raises:
        UnknownError: no such address works; whether one ever did is not told.
        CalendarBusyError: it was read too often in this hour.
    """
    async with desk.pool.acquire() as conn:
        found = await store.read_address(conn, _hash(token), now, hour_of(now))
    if found is None:
        raise UnknownError
    check_reads(found.reads, now)
    return await _feed(desk, found.municipality, found.reader, found.language, now, signed_in=False)


async def make_address(desk: Desk, ctx: Context, language: Language) -> Changed[AddressState]:
    """Make the actor an address, in place of the one before.

    What makes it work is told by `show_address` only: a command's answer is kept as it is, and a hash is all that is kept of that.

    Raises:
        CalendarForbiddenError: the actor does not work for the municipality.
    """
    actor, reader = acting(ctx), _reader(ctx)

    async def make(conn: Connection) -> Changed[AddressState]:
        new = CalendarRef(desk.ids.ref("cal"))
        calendar = await store.calendar_ref(conn, actor.id, actor.municipality, new)
        changed = await desk.journal.change(
            CALENDAR, calendar, ctx, lambda state: decide_make(state, calendar, ctx.now), _made, conn=conn
        )
        if not changed.replayed:
            token = _token(desk, calendar, changed.state.number)
            await store.save_address(conn, calendar, _hash(token), there(changed.state.until), reader, language)
        return changed

    return await desk.change(make)


async def show_address(desk: Desk, ctx: Context) -> AddressView:
    """Return the actor's address.

    Raises:
        UnknownError: there is none that works.
    """
    actor = acting(ctx)
    async with desk.pool.acquire() as conn:
        kept = await store.own_address(conn, actor.id, actor.municipality)
    if kept is None or kept.until is None or kept.until <= ctx.now:
        raise UnknownError
    number = (await desk.journal.load(CALENDAR, kept.calendar)).state.number
    token = _token(desk, kept.calendar, number)
    # Under another key it was another one: it works, but nobody can tell which it is.
    known = kept.token_hash == _hash(token)
    return AddressView(until=kept.until, path=f"/calendars/{token}.ics" if known else None)


async def withdraw_address(desk: Desk, ctx: Context) -> Changed[AddressState]:
    """Let the actor's address work no longer; also for somebody who no longer works for the municipality.

    Raises:
        UnknownError: there never was one.
        NoAddressError: it is withdrawn already.
    """
    actor = acting(ctx)

    async def withdraw(conn: Connection) -> Changed[AddressState]:
        kept = await store.own_address(conn, actor.id, actor.municipality)
        if kept is None:
            raise UnknownError
        changed = await desk.journal.change(
            CALENDAR, kept.calendar, ctx, lambda state: decide_withdraw(state, kept.calendar), _withdrawn, conn=conn
        )
        if not changed.replayed:
            await store.forget_address(conn, kept.calendar)
        return changed

    return await desk.change(withdraw)


# --- who leaves -----------------------------------------------------------------------------------------------------------


class _Leaver(Model):
    """What the deadline remembers."""

    scope: LogScope
    """Where it was registered."""
    correlation: UUID
    person: ActorId
    unit: UnitId


async def promise_leaving(tx: Tx, event: AbsenceRegistered, scope: LogScope, correlation: UUID) -> None:
    """Let the address of whoever leaves a unit be withdrawn when their last day is over (seed rule 107)."""
    payload = _Leaver(scope=scope, correlation=correlation, person=event.person, unit=event.unit).model_dump_json()
    over = at_oslo(event.last_day + timedelta(days=1), time(0))
    await set_deadline(tx.conn, kind=LEFT, key=event.absence, due=over, payload=payload)


async def on_left(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The last day is over: as whom they were when it was made, they are no longer; at work elsewhere they make another."""
    leaver = _Leaver.model_validate_json(deadline.payload)
    # In a unit that municipalities share it was made in one of them, and the absence was registered in whichever (seed rule 77).
    for calendar, scope in await store.addresses_in(tx.conn, leaver.person, leaver.unit):
        if _is_another(desk, leaver, scope):
            continue
        ctx = Context(actor=None, scope=scope, now=tx.now, correlation=leaver.correlation)
        await tx.journal.change(CALENDAR, calendar, ctx, partial(decide_withdraw, calendar=calendar), conn=tx.conn)
        await store.forget_address(tx.conn, calendar)


def _is_another(desk: Desk, leaver: _Leaver, municipality: LogScope) -> bool:
    """Return whether the unit of that name in the municipality is known to be another one than was left."""
    here, other = desk.profiles.get(leaver.scope), desk.profiles.get(municipality)
    if here is None or other is None or here is other:
        return False
    return leaver.unit not in here.shared_with(other)


async def _feed(
    desk: Desk,
    municipality: LogScope,
    reader: Reader,
    language: Language,
    now: datetime,
    *,
    signed_in: bool,
    arena: ArenaRef | None = None,
) -> bytes:
    profile = profile_of(desk.profiles, municipality)
    of = read_in(desk.profiles, municipality, reader) if arena is None else [(profile, reader)]
    shown: list[Appointment] = []
    async with desk.pool.acquire() as conn:
        for each, as_whom in of:
            known = await store.dates(conn, each.scope, as_whom, now - BACK, now + AHEAD, arena)
            shown += appointments(each, known, as_whom, signed_in=signed_in)
    # A large municipality's year takes longer to write than others should wait for.
    return await asyncio.to_thread(render_feed, sorted(shown, key=by_time), language)


def _reader(ctx: Context) -> Reader:
    actor = acting(ctx)
    return decide_reader(
        staff=actor.staff, roles=actor.roles, service=actor.service, unit=actor.unit, functions=actor.functions
    )


def _token(desk: Desk, calendar: CalendarRef, number: int) -> str:
    """Return what nobody without the key can guess: 256 bits, in letters so that no number is in it (invariant 8)."""
    return hmac.digest(desk.calendar_key, f"{calendar}/{number}".encode(), hashlib.sha256).hex().translate(_LETTERS)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _made(state: AddressState, version: int) -> Answer:
    return answer(AddressTermView(until=state.until), status=201, version=version, location="/calendar/address")


def _withdrawn(state: AddressState, version: int) -> Answer:
    return answer(AddressTermView(until=state.until), version=version)
