"""Double work across the cases of one child: looked for when a measure or a consent changes, and shown to who may see both."""

from __future__ import annotations

from dataclasses import replace

from services.cases import store
from services.cases.domain import elsewhere
from services.cases.domain.access_terms import Action
from services.cases.domain.state import CaseState
from services.cases.domain.told import as_told
from services.cases.errors import DeniedError
from services.cases.handlers.desk import Desk, Looked, actor_of, as_seen, deny, fitting_as_seen, look, meet, record
from services.cases.handlers.unattended import change_by_time
from services.cases.store import Fitting, Located
from services.cases.views import OverlapElsewhereView
from shared.aggregate import Context
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.inbox import Tx
from shared.refs import ActorId, CaseRef
from shared.vault import ShreddedError

_NOBODY = ActorId("")


async def compare_cases(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """Compare the case with the others about the same child, and tell in each what the others let it know (seed rules 49, 161).

    Others are held against writers: a consent withdrawn a moment ago tells nothing.
    """
    located = await store.locate(tx.conn, case)
    if located is None:
        return
    profile = desk.rules_of(located.municipality).municipal
    try:
        found = await _of_the_child(desk, tx.conn, located, _NOBODY, tx)
    except ShreddedError:
        # It goes on under another reference, or was erased: there is no child to compare by.
        return
    every = {one.state.case: one.state for one in found if one.state.case}
    for told in sorted(every):
        others = [state for ref, state in every.items() if ref != told]

        def decide(state: CaseState, others: list[CaseState] = others) -> list[CaseEvent]:
            return elsewhere.decide_tell(state, others, tx.now, profile)

        await change_by_time(desk, tx, told, decide)


async def list_overlaps(desk: Desk, ctx: Context, case: CaseRef) -> tuple[list[OverlapElsewhereView], int]:
    """Return what this case and others about the same child do twice, as far as the actor may see both; recorded in each.

    Of a case that the actor may not see there is neither an answer nor a record: nobody asked for it.

    Raises:
        DeniedError: the actor may not see this case; the denial is recorded.
    """
    located, acting = await meet(desk, ctx, case)
    actor = actor_of(ctx)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            mine = await look(desk, ctx, conn, located, acting, Action.SEE_OVERLAP)
            looks: list[tuple[Looked, bool]] = [(mine, False)]
            views: list[OverlapElsewhereView] = []
            if elsewhere.may_see(mine.state, acting, ctx.now) is not None:
                stranger = await as_seen(desk, ctx, conn, None)
                for one in await _of_the_child(desk, conn, located, actor.id, ctx):
                    seen = await fitting_as_seen(desk, ctx, conn, one, stranger)
                    permit = elsewhere.may_see(seen.state, seen.acting, ctx.now) if seen.same_municipality else None
                    # A guardian is told no more of a case by another one than by itself.
                    theirs = as_told(seen.state, seen.acting, ctx.now)
                    pairs = _pairs(desk, located, mine.state, theirs)
                    if permit is not None and pairs:
                        looks.append((Looked(theirs, one.version, one.scope, permit), True))
                        views += pairs
            await _record(desk, ctx, conn, looks)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return views, mine.version


async def _record(desk: Desk, ctx: Context, conn: Connection, looks: list[tuple[Looked, bool]]) -> None:
    """Record each look by itself: one correlation over two cases would say to every subscriber that they are one child's."""
    for looked, content in looks:
        alone = replace(ctx, correlation=desk.ids.event_id(), causation=None, traceparent=None) if content else ctx
        shown = elsewhere.MEASURES & looked.permit.categories if content else frozenset[InformationCategory]()
        await record(desk, alone, conn, looked, shown=shown)


def _pairs(desk: Desk, located: Located, mine: CaseState, other: CaseState) -> list[OverlapElsewhereView]:
    profile = desk.rules_of(located.municipality).municipal
    return [OverlapElsewhereView.of(pair, other) for pair in elsewhere.alike(mine, other, profile)]


async def _of_the_child(
    desk: Desk, conn: Connection, located: Located, actor: ActorId, at: Context | Tx
) -> list[Fitting]:
    """Return the cases of this case's child in its municipality, held against writers: found by the keyed hash of its number."""
    child = await desk.records.child(conn, located.case)
    cases = await desk.records.cases_of(conn, child.national_number)
    found = await store.candidates(conn, cases, actor, at.now)
    return [one for one in found if one.municipality == located.municipality]
