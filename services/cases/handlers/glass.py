"""Emergency access (nødtilgang): opened with a reason, looked at under a record of its own, reviewed by a leader."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.cases import glass_store, store
from services.cases.contents import GlassContent, GlassLookView
from services.cases.domain import glass as glasses
from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.rules import OWN_TASK
from services.cases.domain.shown import Permit
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError, NotInvolvedError, NotStaffError, UnknownPartError
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Looked,
    actor_of,
    as_seen,
    change,
    deny,
    meet,
    record,
    record_listing,
)
from services.cases.store import Located
from services.cases.tags import version_for
from services.cases.views import GlassView
from shared.aggregate import Changed, Context
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory, Role
from shared.contracts.safekeeping import GlassOutcome, GlassReason
from shared.db import Connection
from shared.refs import CaseRef, GlassRef, UnitId
from shared.web import answer

WORDS = frozenset({InformationCategory.CONCERN})
"""What the reason in words is of."""


@dataclass(frozen=True)
class Emergency:
    """What is asked for, and why; the words go to the vault."""

    reason: GlassReason
    text: str
    categories: frozenset[InformationCategory]
    hours: int


async def break_glass(desk: Desk, ctx: Context, case: CaseRef, emergency: Emergency) -> Changed[CaseState]:
    """Open a case in an emergency. What the code list forbids is refused before any case is looked for.

    Raises:
        GlassNotAllowedError: see `glass.check_request`.
        CaseError: see `glass.decide_open`.
    """
    await check(desk, ctx, emergency)
    located, acting = await meet(desk, ctx, case)
    return await open_case(desk, ctx, located, acting, emergency)


async def check(desk: Desk, ctx: Context, emergency: Emergency) -> Acting:
    """Return whoever asks, as a stranger to any case, if the code list lets them ask for so much.

    Raises:
        GlassNotAllowedError: see `glass.check_request`.
        NotStaffError: they work at no unit, so that nobody could review it.
    """
    async with desk.pool.acquire() as conn:
        stranger = await as_seen(desk, ctx, conn, None)
    glasses.check_request(_command(desk, stranger, emergency), ctx.now, desk.glass)
    if stranger.unit is None:
        raise NotStaffError
    return stranger


async def open_case(
    desk: Desk, ctx: Context, located: Located, acting: Acting, emergency: Emergency
) -> Changed[CaseState]:
    """Open this case to `acting`, with the review that is owed for it.

    Raises:
        NotStaffError: they work at no unit.
        CaseError: see `glass.decide_open`.
    """
    command, unit = _command(desk, acting, emergency), acting.unit
    if unit is None:
        raise NotStaffError
    glass, protected = command.glass, False

    def decide(state: CaseState) -> list[CaseEvent]:
        nonlocal protected
        protected = state.address_protected
        return glasses.decide_open(state, command, ctx.now, desk.rules, desk.glass)

    async def keep(conn: Connection) -> None:
        shown = None if protected else unit
        await glass_store.opened(conn, glass, located.case, located.municipality, shown, ctx.now)
        await desk.records.keep_glass(conn, located.case, glass, unit, emergency.text)

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: answer(
            GlassView.of(state, glass), status=201, version=version, location=f"/break-glass/{glass}"
        ),
        keep,
    )


def _command(desk: Desk, by: Acting, emergency: Emergency) -> glasses.BreakGlass:
    return glasses.BreakGlass(
        by=by,
        glass=GlassRef(desk.ids.ref("brk")),
        reason=emergency.reason,
        categories=emergency.categories,
        hours=emergency.hours,
    )


async def list_glass(
    desk: Desk, ctx: Context, *, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, GlassView]]:
    """Return one more than `limit` of the emergency accesses that the actor may review, newest first; the look is recorded."""
    actor = actor_of(ctx)
    leads = actor.unit if actor.kind == "user" and Role.LEADER in actor.roles else None
    oversees = actor.kind == "user" and Role.PRIVACY_OFFICER in actor.roles
    watches = actor.kind == "user" and desk.watch_of(actor.municipality).is_kept_by(actor.roles, actor.unit)
    found: list[tuple[datetime, GlassView]] = []
    async with desk.pool.acquire() as conn, conn.transaction():
        while len(found) <= limit:
            rows = await glass_store.to_review(
                conn,
                actor.municipality,
                unit=leads,
                protected_too=watches,
                escalated_too=oversees,
                after=after,
                limit=limit + 1,
            )
            if not rows:
                break
            for row in rows:
                after = (row.opened_at, row.glass)
                state = (await desk.journal.load(CASE, row.case, conn=conn)).state
                acting = await as_seen(desk, ctx, conn, row.case)
                if await _may_review(desk, conn, state, acting, row.glass) and len(found) <= limit:
                    found.append((row.opened_at, GlassView.of(state, row.glass)))
        await record_listing(desk, ctx, conn)
    desk.journal.nudge()
    return found


async def read_glass(desk: Desk, ctx: Context, glass: GlassRef) -> tuple[GlassContent, int]:
    """Return an emergency access with its reason in words and what was looked at: to its reviewer, and to whoever opened it."""
    located, acting = await meet(desk, ctx, glass)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await _look(desk, ctx, conn, located, acting, glass)
            words = await desk.records.glass_words(conn, located.case, glass)
            looks = await glass_store.looks(conn, glass)
            shown = WORDS if words is not None else frozenset[InformationCategory]()
            await record(desk, ctx, conn, looked, shown=shown)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    view = GlassView.of(looked.state, glass)
    seen = tuple(GlassLookView(at=one.at, categories=tuple(sorted(one.categories))) for one in looks)
    return GlassContent(**dict(view), text=words, looks=seen), looked.version


async def review_glass(desk: Desk, ctx: Context, glass: GlassRef, outcome: GlassOutcome) -> Changed[CaseState]:
    """Judge an emergency access; it closes with that."""
    located, acting = await meet(desk, ctx, glass)
    async with desk.pool.acquire() as conn:
        state = (await desk.journal.load(CASE, located.case, conn=conn)).state
        unit = await _unit(desk, conn, state, glass)
    command = glasses.ReviewGlass(by=acting, glass=glass, outcome=outcome, unit=unit)
    return await change(
        desk,
        ctx,
        located.case,
        lambda present: glasses.decide_review(present, command, ctx.now),
        lambda present, version: answer(GlassView.of(present, glass), status=201, version=version),
        lambda conn: glass_store.reviewed(conn, glass, ctx.now),
    )


async def _look(
    desk: Desk, ctx: Context, conn: Connection, located: Located, acting: Acting, glass: GlassRef
) -> Looked:
    await store.await_writers(conn, located.case)
    loaded = await desk.journal.load(CASE, located.case, conn=conn)
    present = loaded.state.glass.get(glass)
    if present is None:
        raise UnknownPartError
    opener = acting.kind == "user" and present.by.actor == acting.actor
    if not opener:
        glasses.reviewer(loaded.state, acting, glass, await _unit(desk, conn, loaded.state, glass))
    permit = Permit(relation=Relation.LEADER, basis=OWN_TASK, categories=WORDS)
    version = version_for(loaded.state, loaded.version, acting, ctx.now)
    return Looked(loaded.state, version, loaded.scope or ctx.scope, permit)


async def _may_review(desk: Desk, conn: Connection, state: CaseState, acting: Acting, glass: GlassRef) -> bool:
    try:
        glasses.reviewer(state, acting, glass, await _unit(desk, conn, state, glass))
    except (NotInvolvedError, UnknownPartError):
        return False
    return True


async def _unit(desk: Desk, conn: Connection, state: CaseState, glass: GlassRef) -> UnitId | None:
    """Return where whoever opened it works: by the event, or, where no event says it, by the vault."""
    present = state.glass.get(glass)
    if present is None or present.by.unit is not None:
        return None if present is None else present.by.unit
    return None if state.case is None else await desk.records.glass_unit(conn, state.case, glass)
