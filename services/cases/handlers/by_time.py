"""What time changes in a case, inside the transaction in which its deadline is removed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from services.cases import store
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import CASE, Desk, Latest, follow
from shared.aggregate import Context, Decision
from shared.arrivals import Tx
from shared.contracts.cases import CaseEvent
from shared.refs import CaseRef


async def change_by_time(
    desk: Desk, tx: Tx, case: CaseRef, decide: Callable[[CaseState], Sequence[CaseEvent]]
) -> Latest:
    """Decide on a case in the system's own name, and write what follows; return what was decided."""
    latest = Latest()
    located = await store.locate(tx.conn, case)
    if located is None:
        return latest
    loaded = await tx.journal.load(CASE, case, conn=tx.conn)
    ctx = Context(actor=None, scope=loaded.scope or located.municipality, now=tx.now, correlation=tx.ids.event_id())
    await tx.journal.change(CASE, case, ctx, lambda state: Decision(latest.take(state, decide(state))), conn=tx.conn)
    if latest.events:
        await follow(desk, tx.conn, case, latest, tx.now)
    return latest
