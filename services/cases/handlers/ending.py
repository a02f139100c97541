"""The end of a case: legal holds, coming of age, and erasure when the time to keep it is over."""

from __future__ import annotations

from services.cases import ending_store
from services.cases.domain import ending
from services.cases.domain.kept import GlassStatus
from services.cases.domain.state import CaseState, OverrideStatus
from services.cases.handlers.answers import case_for
from services.cases.handlers.desk import CASE, Desk, change, meet
from services.cases.handlers.unattended import change_by_time
from shared.aggregate import Changed, Context
from shared.arrivals import Tx
from shared.contracts.endings import HoldReason
from shared.db import Connection
from shared.refs import CaseRef


async def hold_case(desk: Desk, ctx: Context, case: CaseRef, reason: HoldReason | None) -> Changed[CaseState]:
    """Let nothing of the case be erased; without a reason, let it be erased again (GDPR art. 17 (3))."""
    located, acting = await meet(desk, ctx, case)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: ending.decide_hold(state, acting, reason, ctx.now),
        case_for(acting, ctx.now),
        looks=acting,
    )


async def erase_content(desk: Desk, conn: Connection, case: CaseRef) -> None:
    """Destroy the case's key and what it is found by, in the transaction that decided it. It cannot be undone."""
    await desk.records.shred(conn, case)
    await desk.documents.forget(conn, case)
    await ending_store.forget(conn, case)


async def keep_reasons(desk: Desk, conn: Connection, case: CaseRef, state: CaseState) -> None:
    """Keep why something was shared by law or opened in an emergency for who must still judge it: the case's key is about to go.

    Each has a reference and a key of its own, under which it is judged. What was judged is over.
    """
    for override in state.overrides.values():
        if override.status in {OverrideStatus.AWAITS_REVIEW, OverrideStatus.REVIEW_OVERDUE}:
            await desk.records.keep_reason_apart(conn, case, override.ref, "override")
    for glass in state.glass.values():
        if glass.status is not GlassStatus.REVIEWED:
            await desk.records.keep_reason_apart(conn, case, glass.ref, "glass")


async def erase_apart(desk: Desk, conn: Connection, state: CaseState) -> None:
    """Destroy what was kept apart of the case, its reports and reasons: they are erased when what is left of the case is."""
    for report in state.around.reports:
        await desk.team.records.shred_report(conn, report)
    for override in state.overrides:
        await desk.records.shred_reason(conn, override)
    for glass in state.glass:
        await desk.records.shred_reason(conn, glass)


async def retention_over(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """The time to keep an ended case is over: it is erased, unless it is held or goes on."""
    latest = await change_by_time(desk, tx, case, ending.decide_retention_over)
    if latest.events:
        await erase_content(desk, tx.conn, case)
        await erase_apart(desk, tx.conn, latest.state)


async def adulthood_approaching(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """Soon the child is of age: the holder is told."""
    await change_by_time(desk, tx, case, ending.decide_adulthood_approaching)


async def adulthood_reached(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """The child is of age: the guardians' part ends at this moment, and an open case has a time to end."""
    state = (await tx.journal.load(CASE, case, conn=tx.conn)).state
    if not ending.decide_adulthood(state, tx.now, desk.rules):
        return
    await change_by_time(desk, tx, case, lambda now_of_age: ending.decide_adulthood(now_of_age, tx.now, desk.rules))
    await ending_store.end_guardianships(tx.conn, case, tx.now)


async def adulthood_overdue(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """A grown-up's case is still open: the leader is told."""
    await change_by_time(desk, tx, case, lambda state: ending.decide_adulthood_overdue(state, tx.now))
