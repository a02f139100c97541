"""Who leaves or is away, what they hold, and what becomes of it on the last day (seed rule 107)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final, NoReturn

from services.cases import absence_store
from services.cases.domain import absence as absences
from services.cases.domain import waiting
from services.cases.domain.absence import AbsenceState, AbsenceStatus
from services.cases.domain.acting import Acting
from services.cases.domain.state import CaseState
from services.cases.errors import AbsenceFallsToError, DeniedError, NotInvolvedError, UnknownPartError
from services.cases.handlers.desk import CASE, Desk, actor_of, as_seen, record_listing
from services.cases.handlers.unattended import change_by_time
from services.cases.views import AbsenceCaseView, AbsenceView
from shared.aggregate import Aggregate, Changed, Context
from shared.arrivals import Tx
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.cases import AbsenceReason, CaseEvent, CoordinatorKind, Party
from shared.contracts.codes import Role
from shared.db import Connection
from shared.deadlines import cancel, set_deadline
from shared.refs import AbsenceRef, ActorId, CaseRef, HandoverRef, LogScope, UnitId
from shared.web import answer

ABSENCE: Final = Aggregate("absence", AbsenceState, AbsenceState(), absences.evolve)
ABSENCE_LAST_DAY: Final = "absence-last-day"


@dataclass(frozen=True)
class NewAbsence:
    """Who, from when, and to whom falls what is left."""

    person: ActorId | None
    """None: whoever registers it."""
    unit: UnitId | None
    reason: AbsenceReason
    last_day: date
    back_on: date | None
    falls_to: Party | None
    """None: the leader who registers it."""


async def register_absence(desk: Desk, ctx: Context, new: NewAbsence) -> Changed[AbsenceState]:
    """Register that somebody leaves or is away; their cases are listed in the answer of `read_absence`.

    Raises:
        AbsenceOfOthersError, AbsenceFallsToError, AbsencePeriodError: see `absence.decide_register`.
    """
    actor = actor_of(ctx)
    person, unit = new.person or actor.id, new.unit or actor.unit
    async with desk.pool.acquire() as conn:
        acting = await as_seen(desk, ctx, conn, None)
        held = await absence_store.resting_with(conn, actor.municipality, person)
        falls_to = new.falls_to or _leader(acting)
        if unit is None or falls_to is None:
            raise AbsenceFallsToError
        days = (new.last_day, new.back_on)
        falls_back = await absence_store.falls_back(conn, actor.municipality, unit, person, falls_to.actor, days)
    command = absences.RegisterAbsence(
        by=acting,
        absence=AbsenceRef(desk.ids.ref("abs")),
        person=person,
        unit=unit,
        reason=new.reason,
        last_day=new.last_day,
        back_on=new.back_on,
        falls_to=falls_to,
        cases=len(held),
        falls_back=falls_back,
        directory=actor.kind == "service_account" and actor.client in desk.directory_clients,
    )

    async def also(conn: Connection) -> None:
        state = ABSENCE.fold(AbsenceState(), absences.decide_register(command, ctx.now))
        await absence_store.add(conn, state, actor.municipality, ctx.now)
        due = start_of_day(new.last_day + timedelta(days=1))
        await set_deadline(conn, kind=ABSENCE_LAST_DAY, key=command.absence, due=due)

    return await desk.journal.change(
        ABSENCE,
        command.absence,
        ctx,
        lambda _: absences.decide_register(command, ctx.now),
        lambda state, version: answer(
            AbsenceView.of(state), status=201, version=version, location=f"/absences/{command.absence}"
        ),
        also=also,
    )


async def withdraw_absence(desk: Desk, ctx: Context, absence: AbsenceRef) -> Changed[AbsenceState]:
    """Take it back: nothing falls to anybody; what was handed over stays where it is."""
    acting = await _meet(desk, ctx, absence)

    async def also(conn: Connection) -> None:
        await absence_store.take_back(conn, absence)
        await cancel(conn, kind=ABSENCE_LAST_DAY, key=absence)

    try:
        return await desk.journal.change(
            ABSENCE,
            absence,
            ctx,
            lambda state: absences.decide_withdraw(state, acting),
            lambda state, version: answer(AbsenceView.of(state), status=201, version=version),
            also=also,
        )
    except DeniedError as denied:
        await _deny(desk, ctx, absence, actor_of(ctx).municipality, denied)


async def list_absences(
    desk: Desk, ctx: Context, *, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, AbsenceView]]:
    """Return one more than `limit` of the actor's own absences, and a leader's unit's, newest first; one record for the look."""
    actor = actor_of(ctx)
    found: list[tuple[datetime, AbsenceView]] = []
    async with desk.pool.acquire() as conn, conn.transaction():
        acting = await as_seen(desk, ctx, conn, None)
        leads = acting.unit if acting.kind == "user" and Role.LEADER in acting.roles else None
        while len(found) <= limit:
            rows = await absence_store.seen_by(conn, actor.municipality, actor.id, leads, after=after, limit=limit + 1)
            if not rows:
                break
            for at, ref in rows:
                after = (at, ref)
                state = (await desk.journal.load(ABSENCE, ref, conn=conn)).state
                if state.person is None or state.unit is None:
                    continue
                if absences.concerns(acting, state.person, state.unit) and len(found) <= limit:
                    found.append((at, AbsenceView.of(state)))
        await record_listing(desk, replace(ctx, scope=actor.municipality), conn)
    desk.journal.nudge()
    return found


async def read_absence(desk: Desk, ctx: Context, absence: AbsenceRef) -> tuple[AbsenceView, int]:
    """Return an absence with every case that still rests with the employee in that unit; recorded as a look at a list.

    Raises:
        UnknownPartError: there is none.
        NotInvolvedError: it is not the actor's business; the denial is recorded.
    """
    acting = await _meet(desk, ctx, absence)
    try:
        view, version = await _read(desk, ctx, absence, acting)
    except DeniedError as denied:
        await _deny(desk, ctx, absence, actor_of(ctx).municipality, denied)
    desk.journal.nudge()
    return view, version


async def _read(desk: Desk, ctx: Context, absence: AbsenceRef, acting: Acting) -> tuple[AbsenceView, int]:
    actor = actor_of(ctx)
    async with desk.pool.acquire() as conn, conn.transaction():
        loaded = await desk.journal.load(ABSENCE, absence, conn=conn)
        state = loaded.state
        if state.person is None or state.unit is None:
            raise UnknownPartError
        if not absences.concerns(acting, state.person, state.unit):
            raise NotInvolvedError("no-relation")
        shown: list[AbsenceCaseView] = []
        for case in await absence_store.resting_with(conn, actor.municipality, state.person):
            held = (await desk.journal.load(CASE, case, conn=conn)).state
            protected = held.holding is not None and held.holding.party.unit is None
            # That there is a protected child in the unit is told to whoever holds the case, and to nobody on the way.
            if protected and acting.actor != state.person:
                continue
            holds = await _holds_in(desk, conn, case, held, state.person, state.unit)
            kinds = await _coordinated(desk, conn, case, held, state.person, state.unit)
            if holds or kinds:
                shown.append(AbsenceCaseView.of(held, holds=holds, coordinates=kinds))
        await record_listing(desk, replace(ctx, scope=actor.municipality), conn)
    return AbsenceView.of(state, shown), loaded.version


async def begin_absence(desk: Desk, tx: Tx, absence: AbsenceRef) -> None:
    """The last day is over: what nobody has taken falls to the leader, and what waits for an answer is cancelled."""
    loaded = await tx.journal.load(ABSENCE, absence, conn=tx.conn)
    state = loaded.state
    municipality = await absence_store.municipality_of(tx.conn, absence)
    if state.status is not AbsenceStatus.REGISTERED or municipality is None:
        return
    if state.person is None or state.unit is None or state.falls_to is None:
        return
    person, unit = state.person, state.unit
    await absence_store.begin(tx.conn, absence, person)
    leader = await _present(tx, municipality, state.falls_to, person)
    cancelled = 0
    for case in await absence_store.waiting_for(tx.conn, person):
        if await _awaits_there(desk, tx, case, unit):
            ended = await change_by_time(
                desk, tx, case, lambda waits: waiting.decide_receiver_gone(waits, person, unit)
            )
            cancelled += bool(ended.events)
    # After it: what was accepted before its offer could be cancelled is found here.
    fell = 0
    for case in await absence_store.resting_with(tx.conn, municipality, person):
        fell += await _fall(desk, tx, case, person, unit, leader)
    ctx = Context(actor=None, scope=loaded.scope or municipality, now=tx.now, correlation=tx.ids.event_id())
    await tx.journal.change(
        ABSENCE,
        absence,
        ctx,
        lambda begun: absences.decide_begin(begun, fell=fell, cancelled=cancelled),
        conn=tx.conn,
    )


async def _fall(desk: Desk, tx: Tx, case: CaseRef, person: ActorId, unit: UnitId, leader: Party) -> bool:
    """Let what rests with somebody in this case fall to the leader: the baton, each coordination; return whether anything did."""
    held = (await tx.journal.load(CASE, case, conn=tx.conn)).state
    coordinated = await _coordinated(desk, tx.conn, case, held, person, unit)
    decisions: list[Callable[[CaseState], list[CaseEvent]]] = [
        partial(
            absences.decide_coordination_falls,
            kind=kind,
            absent=(person, unit),
            leader=leader,
            handover=HandoverRef(tx.ids.ref("hdo")),
            now=tx.now,
            rules=desk.rules,
        )
        for kind in coordinated
    ]
    if await _holds_in(desk, tx.conn, case, held, person, unit):
        decisions.append(
            partial(
                absences.decide_fall,
                person=person,
                leader=leader,
                handover=HandoverRef(tx.ids.ref("hdo")),
                now=tx.now,
                rules=desk.rules,
            )
        )
    fell = [bool((await change_by_time(desk, tx, case, decide)).events) for decide in decisions]
    if held.address_protected and leader.unit is not None and coordinated:
        # No event of such a case says where it is coordinated.
        await desk.records.keep_coordinates_from(tx.conn, case, leader.actor, leader.unit)
    return any(fell)


async def _coordinated(
    desk: Desk, conn: Connection, case: CaseRef, held: CaseState, person: ActorId, unit: UnitId
) -> tuple[CoordinatorKind, ...]:
    """Return what somebody coordinates from that unit; of an address-protected case the vault says from where, if anybody does."""
    kinds = tuple(kind for kind in CoordinatorKind if absences.coordinates(held, kind, person, unit))
    if not held.address_protected or not kinds:
        return kinds
    return kinds if await desk.records.coordinates_from(conn, case, person) in {None, unit} else ()


async def _awaits_there(desk: Desk, tx: Tx, case: CaseRef, unit: UnitId) -> bool:
    """Return whether the offer that waits went to that unit; of an address-protected case the vault says where it went."""
    waits = (await tx.journal.load(CASE, case, conn=tx.conn)).state.open_handover
    if waits is None or waits.receiver.unit is not None:
        return waits is not None
    return await desk.records.destination(tx.conn, case, waits.ref) in {None, unit}


async def _holds_in(
    desk: Desk, conn: Connection, case: CaseRef, held: CaseState, person: ActorId, unit: UnitId
) -> bool:
    holds = held.holding is not None and held.holding.party.actor == person
    return holds and await _unit_of(desk, conn, case, held) == unit


async def _present(tx: Tx, municipality: LogScope, leader: Party, person: ActorId) -> Party:
    """Return the leader, or, when that one is away too, whoever what is left falls to then; never `person`, who leaves it.

    It stays in the unit: who stands in for the leader in another, which they have left or work in too, is nobody here. Two who
    were registered as standing in for each other: then it is the leader's who was named first.
    """
    first, seen = leader, {person}
    while leader.actor not in seen:
        seen.add(leader.actor)
        absence = await absence_store.away_for_good(tx.conn, municipality, leader.actor, oslo_day(tx.now), leader.unit)
        further = None if absence is None else (await tx.journal.load(ABSENCE, absence, conn=tx.conn)).state.falls_to
        if further is None:
            return leader
        leader = further
    return first


async def _unit_of(desk: Desk, conn: Connection, case: CaseRef, held: CaseState) -> UnitId | None:
    """Return the unit that has the case; of an address-protected one the vault knows it, and its events do not."""
    if held.holding is None:
        return None
    return held.holding.party.unit or await desk.records.place(conn, case)


async def _meet(desk: Desk, ctx: Context, absence: AbsenceRef) -> Acting:
    """Return how the rules see the actor.

    Raises:
        UnknownPartError: there is no such absence.
        NotInvolvedError: it belongs to another municipality; the denial is recorded.
    """
    async with desk.pool.acquire() as conn:
        municipality = await absence_store.municipality_of(conn, absence)
        acting = await as_seen(desk, ctx, conn, None)
    if municipality is None:
        raise UnknownPartError
    if municipality != actor_of(ctx).municipality:
        await _deny(desk, ctx, absence, municipality, NotInvolvedError("other-municipality"))
    return acting


async def _deny(desk: Desk, ctx: Context, absence: AbsenceRef, municipality: LogScope, denied: DeniedError) -> NoReturn:
    """Record the denial in the municipality's log, and raise it.

    Raises:
        DeniedError: always `denied`.
    """
    entry = AccessRecorded(
        subject_ref=absence,
        kind=AccessKind.DENY,
        actor=actor_of(ctx).access_actor(),
        permitted=False,
        reason=denied.reason,
    )
    await desk.journal.record_access(replace(ctx, scope=municipality), [entry])
    raise denied


def _leader(acting: Acting) -> Party | None:
    if acting.kind != "user" or Role.LEADER not in acting.roles or acting.unit is None or acting.service is None:
        return None
    return Party(
        actor=acting.actor,
        role=Role.LEADER,
        service=acting.service,
        unit=acting.unit,
        organisation=acting.organisation,
    )
