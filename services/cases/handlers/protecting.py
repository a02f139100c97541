"""Address protection during a case's life: an ordinary case goes on under a new reference, and the old one falls silent."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, timedelta

from services.cases import ages_store, kin_store, store
from services.cases.contents import WatchView
from services.cases.domain import protection
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.protection import Continuation, Protection
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError, NotProtectedError
from services.cases.handlers.desk import CASE, Desk, Latest, change, deny, follow, glance, meet
from services.cases.handlers.ending import erase_content
from services.cases.handlers.kept import QUIET_CLOSING
from services.cases.handlers.resealing import reseal
from services.cases.handlers.unattended import change_by_time
from services.cases.store import Located
from services.cases.views import ProtectionView
from shared.aggregate import Changed, Context, Decision
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.contracts.safekeeping import ProtectionKind
from shared.db import Connection
from shared.deadlines import set_deadline
from shared.errors import StaleVersionError
from shared.refs import PROTECTED_LOG, CaseRef, ConcernRef, DocumentRef, LogScope, RecordRef
from shared.web import answer


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
        )
    try:
        protection.require_continuable(state, given, ctx.now)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    return await _continue(desk, ctx, located, acting, given, state)


async def _continue(
    desk: Desk, ctx: Context, located: Located, acting: Acting, given: Protection, state: CaseState
) -> Changed[CaseState]:
    """Let the case go on under a new reference, in one transaction; documents are sealed anew before it."""
    names = Continuation(
        case=CaseRef(desk.ids.ref("cas")),
        concern=ConcernRef(desk.ids.ref("con")),
        records={ref: RecordRef(desk.ids.ref("rec")) for ref in state.records},
        documents={ref: DocumentRef(desk.ids.ref("doc")) for ref in state.documents},
    )
    rules = desk.rules_of(located.municipality) if located.municipality in desk.profiles else desk.rules
    written = await reseal(desk, names.case, names.documents)
    latest = Latest()
    # Nothing that both logs hold may lead from one to the other: not the correlation, nor a trace.
    apart = replace(
        ctx,
        scope=LogScope(desk.ids.ref(PROTECTED_LOG)),
        correlation=desk.ids.event_id(),
        causation=None,
        traceparent=None,
        if_match=None,
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", located.case)
        old = await desk.journal.load(CASE, located.case, conn=conn)
        if ctx.if_match is not None and old.version != ctx.if_match:
            raise StaleVersionError
        within = rules.decide_within_days
        decided = protection.decide_continue(old.state, given, names, ctx.now, decide_within_days=within)
        changed = await desk.journal.change(
            CASE,
            names.case,
            apart,
            lambda new: Decision(latest.take(new, decided)),
            lambda new, version: answer(
                ProtectionView.of(new), status=201, version=version, location=f"/cases/{names.case}"
            ),
            conn=conn,
        )
        if not changed.replayed:
            await store.register(conn, names.case, located.municipality, ctx.now)
            await follow(desk, conn, names.case, latest, ctx.now)
            await _carry_over(desk, ctx, conn, located, acting, names)
            for each in written:
                await desk.documents.finish(conn, each, None)
            await erase_content(desk, conn, located.case)
            await _fall_silent_later(conn, ctx, located.case)
    desk.journal.nudge()
    return changed


async def _carry_over(
    desk: Desk, ctx: Context, conn: Connection, located: Located, acting: Acting, names: Continuation
) -> None:
    renamed: dict[str, str] = {**_plain(names.records), **_plain(names.documents)}

    def rename(ref: str) -> str:
        return renamed.setdefault(ref, desk.ids.ref(ref.partition("_")[0]))

    await desk.records.carry_over(conn, located.case, names.case, rename)
    await kin_store.carry_over(conn, located.case, names.case)
    child = await desk.records.child(conn, names.case)
    await ages_store.watch(conn, names.case, child.born, ctx.now)
    if acting.unit is not None:
        await desk.records.keep_place(conn, names.case, acting.unit)


def _plain(names: Mapping[RecordRef, RecordRef] | Mapping[DocumentRef, DocumentRef]) -> dict[str, str]:
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
    await change_by_time(desk, tx, case, lambda state: protection.decide_close_quietly(state, tx.now))


async def protection_due(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """The register's last day is over: somebody must find out."""
    await change_by_time(desk, tx, case, lambda state: protection.decide_due(state, tx.now, oslo_day(tx.now)))
