"""Changing a case inside the transaction of an event or of a moment that has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from services.cases import store
from services.cases.domain.hearing import require_heard
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import CASE, Desk, Latest, follow
from shared.aggregate import Context, Decision
from shared.contracts.cases import CaseEvent
from shared.inbox import Tx
from shared.refs import CaseRef

log = structlog.get_logger(__name__)

Decide = Callable[[CaseState], Sequence[CaseEvent]]


async def change_in(desk: Desk, tx: Tx, case: CaseRef, ctx: Context, decide: Decide) -> Sequence[CaseEvent]:
    """Decide on the case and write what follows, in the transaction that is open; return what happened."""
    return (await _change(desk, tx, case, ctx, decide)).events


async def change_by_time(desk: Desk, tx: Tx, part: str, decide: Decide) -> Latest:
    """Decide on the case that `part` is or belongs to, because a moment has come; nobody acts. Return what was decided."""
    located = await store.locate(tx.conn, part)
    if located is None:
        log.warning("time_of_unknown_part")
        return Latest()
    ctx = Context(actor=None, scope=located.municipality, now=tx.now, correlation=tx.ids.event_id())
    return await _change(desk, tx, located.case, ctx, decide)


async def _change(desk: Desk, tx: Tx, case: CaseRef, ctx: Context, decide: Decide) -> Latest:
    latest = Latest()

    def decide_now(state: CaseState) -> Decision:
        return Decision(latest.take(state, require_heard(state, decide(state), tx.now, desk.team.hearing)))

    await tx.journal.change(CASE, case, ctx, decide_now, conn=tx.conn)
    if latest.events:
        await follow(desk, tx.conn, case, latest, tx.now)
    return latest
