"""Address protection during a case's life: an ordinary case goes on under a new reference, and the old one falls silent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from services.cases import ages_store, kin_store, store
from services.cases.contents import WatchView
from services.cases.document_store import Writing
from services.cases.domain import protection
from services.cases.domain.access_terms import Action
from services.cases.domain.own_family import with_family
from services.cases.domain.protection import Continuation, Protection, Register
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError, NotProtectedError
from services.cases.handlers.child_protection import follow_later, hold_child_of, tell_the_others
from services.cases.handlers.desk import CASE, Desk, Latest, change, deny, follow, glance, meet
from services.cases.handlers.ending import erase_content, keep_reasons
from services.cases.handlers.kept import QUIET_CLOSING, promise_guardianships
from services.cases.handlers.noted import keep_whose
from services.cases.handlers.own_family import marked
from services.cases.handlers.reports import keep_reports
from services.cases.handlers.resealing import reseal
from services.cases.handlers.unattended import change_by_time
from services.cases.store import Located
from services.cases.team_records import REPORT_SENT
from services.cases.views import ProtectionView
from shared.aggregate import Changed, Context, Decision
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent
from shared.contracts.safekeeping import ProtectionKind
from shared.db import Connection
from shared.deadlines import Deadline, set_deadline
from shared.errors import StaleVersionError
from shared.refs import PROTECTED_LOG, CaseRef, ConcernRef, DocumentRef, LogScope, RecordRef
from shared.web import answer

REPORT_PAUSE: Final = timedelta(minutes=15)
"""How often it is looked whether a report to child welfare has gone, behind which a case waits to go on."""


@dataclass(frozen=True)
class Going:
    """A case that goes on elsewhere: as it stands, its new names, its documents as they were sealed for it."""

    located: Located
    state: CaseState
    names: Continuation
    written: Sequence[Writing]


async def protect(
    desk: Desk, ctx: Context, case: CaseRef, kind: ProtectionKind, valid_to: date | None
) -> Changed[CaseState]:
    """Set the child's address protection. The answer says under which reference the case goes on.

    Raises:
        DeniedError, CaseNotOpenError: after a denial was recorded.
        ReportOnItsWayError: a report to child welfare has not gone yet.
        StaleVersionError: the case has changed since the version that the client saw.
    """
    located, acting = await meet(desk, ctx, case)
    given = Protection(by=acting, kind=kind, valid_to=valid_to)
    state = (await desk.journal.load(CASE, located.case)).state
    if state.address_protected:
        return await change(
            desk,
            ctx,
            located.case,
            lambda present: protection.decide_protect(present, given, ctx.now),
            lambda present, version: answer(ProtectionView.of(present), status=201, version=version),
            lambda conn: tell_the_others(desk, conn, located.case, given.register, ctx.now),
        )
    try:
        protection.require_continuable(state, given, ctx.now)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    return await _continue(desk, ctx, located, given, state)


async def _continue(
    desk: Desk, ctx: Context, located: Located, given: Protection, state: CaseState
) -> Changed[CaseState]:
    """Let the case go on under a new reference, in one transaction; documents are sealed anew before it."""
    names = _new_names(desk, state)
    written = await reseal(desk, names.case, names.documents)
    async with desk.pool.acquire() as conn, conn.transaction():
        await hold_child_of(desk, conn, located.case)
        await conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", located.case)
        old = await desk.journal.load(CASE, located.case, conn=conn)
        if ctx.if_match is not None and old.version != ctx.if_match:
            raise StaleVersionError
        decided = protection.decide_continue(old.state, given, names, ctx.now, _rules(desk, located))
        changed = await _begin(desk, conn, ctx, Going(located, old.state, names, written), decided)
        if not changed.replayed:
            await tell_the_others(desk, conn, names.case, given.register, ctx.now)
    desk.journal.nudge()
    return changed


async def with_the_child(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The child's address became protected in another of its cases, or no longer is: this one follows.

    A report to child welfare goes first (seed rule 93); until then the case stays as it is.
    """
    case, register = CaseRef(deadline.key), Register.model_validate_json(deadline.payload)
    located = await store.locate(tx.conn, case)
    if located is None:
        return
    await tx.conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", case)
    state = (await desk.journal.load(CASE, case, conn=tx.conn)).state
    if not protection.goes_on(state, register):
        await change_by_time(desk, tx, case, lambda present: protection.decide_with_child(present, register))
    elif protection.must_wait(state):
        await follow_later(tx.conn, case, register, tx.now + REPORT_PAUSE)
    else:
        names = _new_names(desk, state)
        written = await reseal(desk, names.case, names.documents)
        decided = protection.going_on(state, register, names, tx.now, _rules(desk, located))
        ctx = Context(actor=None, scope=located.municipality, now=tx.now, correlation=tx.ids.event_id())
        await _begin(desk, tx.conn, ctx, Going(located, state, names, written), decided)


def _new_names(desk: Desk, state: CaseState) -> Continuation:
    concerns = [*([] if state.concern is None else [state.concern.ref]), *state.further]
    return Continuation(
        case=CaseRef(desk.ids.ref("cas")),
        concerns={ref: ConcernRef(desk.ids.ref("con")) for ref in concerns},
        records={ref: RecordRef(desk.ids.ref("rec")) for ref in state.records},
        documents={ref: DocumentRef(desk.ids.ref("doc")) for ref in state.documents},
    )


def _rules(desk: Desk, located: Located) -> Rules:
    return desk.rules_of(located.municipality) if located.municipality in desk.profiles else desk.rules


async def _begin(
    desk: Desk, conn: Connection, ctx: Context, going: Going, decided: Sequence[CaseEvent]
) -> Changed[CaseState]:
    """Write the case that goes on, and let nothing but its silence be left of the old one."""
    latest, names, old = Latest(), going.names, going.located
    told = with_family(decided, marked(desk, names.case, await kin_store.members(conn, old.case)))
    # Nothing that both logs hold may lead from one to the other: not the correlation, nor a trace.
    apart = replace(
        ctx,
        scope=LogScope(desk.ids.ref(PROTECTED_LOG)),
        correlation=desk.ids.event_id(),
        causation=None,
        traceparent=None,
        if_match=None,
    )
    changed = await desk.journal.change(
        CASE,
        names.case,
        apart,
        lambda new: Decision(latest.take(new, told)),
        lambda new, version: answer(
            ProtectionView.of(new), status=201, version=version, location=f"/cases/{names.case}"
        ),
        conn=conn,
    )
    if not changed.replayed:
        await store.register(conn, names.case, old.municipality, ctx.now)
        await follow(desk, conn, names.case, latest, ctx.now)
        await _carry_over(desk, ctx, conn, going)
        for each in going.written:
            await desk.documents.finish(conn, each, None)
        await keep_reports(desk, conn, old, going.state)
        await keep_reasons(desk, conn, old.case, going.state)
        await erase_content(desk, conn, old.case)
        await _fall_silent_later(conn, ctx, old.case)
    return changed


async def _carry_over(desk: Desk, ctx: Context, conn: Connection, going: Going) -> None:
    located, names, holding = going.located, going.names, going.state.holding
    renamed: dict[str, str] = {**_plain(names.concerns), **_plain(names.records), **_plain(names.documents)}

    def rename(ref: str) -> str:
        return renamed.setdefault(ref, desk.ids.ref(ref.partition("_")[0]))

    await keep_whose(desk, conn, located.case)
    await desk.records.carry_over(conn, located.case, names.case, rename, but=REPORT_SENT)
    await kin_store.carry_over(conn, located.case, names.case, desk.known.names.mark)
    await promise_guardianships(conn, names.case, await desk.records.guardians(conn, names.case), ctx.now)
    child = await desk.records.child(conn, names.case)
    await ages_store.watch(conn, names.case, child.born, ctx.now)
    if holding is not None and holding.party.unit is not None:
        await desk.records.keep_place(conn, names.case, holding.party.unit)


def _plain(
    names: Mapping[ConcernRef, ConcernRef] | Mapping[RecordRef, RecordRef] | Mapping[DocumentRef, DocumentRef],
) -> dict[str, str]:
    return {str(old): str(new) for old, new in names.items()}


async def _fall_silent_later(conn: Connection, ctx: Context, case: CaseRef) -> None:
    """Close the old reference at a moment that nobody can foresee: a closing in the same second would say what it was for."""
    seconds = (protection.LAST_HOUR - protection.FIRST_HOUR) * 3600
    due = ctx.now + timedelta(hours=protection.FIRST_HOUR, seconds=secrets.randbelow(seconds))
    await set_deadline(conn, kind=QUIET_CLOSING, key=case, due=due)


async def lift(desk: Desk, ctx: Context, case: CaseRef) -> Changed[CaseState]:
    """Lift the protection; the case stays in its own log, which names no place."""
    located, acting = await meet(desk, ctx, case)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: protection.decide_lift(state, acting, ctx.now),
        lambda state, version: answer(ProtectionView.of(state), status=201, version=version),
        lambda conn: tell_the_others(desk, conn, located.case, Register(lifted=True), ctx.now),
    )


async def read_watch(desk: Desk, ctx: Context, case: CaseRef) -> tuple[WatchView, int]:
    """Return whose duty the case is, to a service account that tells people; recorded as a look without content.

    Raises:
        NotProtectedError: it is an ordinary case, with a unit and its leaders.
    """
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.READ_WATCH)
    if not looked.state.address_protected:
        raise NotProtectedError
    watch = desk.watch_of(located.municipality)
    view = WatchView(case=located.case, municipality=located.municipality, role=watch.role, unit=watch.unit)
    return view, looked.version


async def close_quietly(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """The case goes on elsewhere: what is left under this reference ends as a case that moved does."""
    located = await store.locate(tx.conn, case)
    rules = desk.rules if located is None else _rules(desk, located)
    await change_by_time(desk, tx, case, lambda state: protection.decide_close_quietly(state, tx.now, rules))


async def protection_due(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """The register's last day is over: somebody must find out."""
    await change_by_time(desk, tx, case, lambda state: protection.decide_due(state, tx.now, oslo_day(tx.now)))
