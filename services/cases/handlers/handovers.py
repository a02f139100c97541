"""Handing the baton over, and answering."""

from __future__ import annotations

from datetime import datetime

from services.cases.contents import HandoverContent
from services.cases.domain import handover as handovers
from services.cases.domain.access import Action, Relation
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError
from services.cases.handlers.desk import CASE, Desk, Keep, Latest, change, deny, follow, look, meet, record
from services.cases.views import HandoverView
from shared.aggregate import Changed, Context, Decision
from shared.contracts.cases import HandoverKind, Package, Party
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.refs import CaseRef, HandoverRef
from shared.web import answer


async def send_handover(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    *,
    kind: HandoverKind,
    receiver: Party,
    categories: frozenset[InformationCategory],
    respond_by: datetime | None,
) -> Changed[CaseState]:
    """Offer the baton to a named receiver (seed rule 107)."""
    located, acting = await meet(desk, ctx, case)
    handover = HandoverRef(desk.ids.ref("hdo"))
    command = handovers.SendHandover(
        by=acting,
        handover=handover,
        kind=kind,
        receiver=receiver,
        package=Package(categories=categories),
        respond_by=respond_by,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: handovers.decide_send(state, command, ctx.now, desk.rules),
        lambda state, version: answer(
            HandoverView.of(state, handover), status=201, version=version, location=f"/handovers/{handover}"
        ),
        destined(desk, located.case, handover, receiver),
    )


def destined(desk: Desk, case: CaseRef, handover: HandoverRef, receiver: Party) -> Keep | None:
    """Return what keeps the unit a handover goes to, for the acceptance: in an address-protected case no event says it."""
    unit = receiver.unit
    return None if unit is None else lambda conn: desk.records.keep_destination(conn, case, handover, unit)


async def answer_handover(
    desk: Desk, ctx: Context, handover: HandoverRef, reject: handovers.RejectReason | None, text: str | None
) -> Changed[CaseState]:
    """Accept, or reject with a reason; on behalf of the receiver when its leader answers (seed rule 107)."""
    located, acting = await meet(desk, ctx, handover)
    async with desk.pool.acquire() as conn:
        sent_to = await desk.records.destination(conn, located.case, handover)
    command = handovers.AnswerHandover(by=acting, handover=handover, reject=reject, sent_to=sent_to)

    async def keep(conn: Connection) -> None:
        if text is not None:
            await desk.records.keep_rejection(conn, located.case, handover, text)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: handovers.decide_answer(state, command, ctx.now),
        lambda state, version: answer(HandoverView.of(state, handover), status=201, version=version),
        keep,
    )


async def withdraw_handover(desk: Desk, ctx: Context, handover: HandoverRef) -> Changed[CaseState]:
    """Take the offer back."""
    located, acting = await meet(desk, ctx, handover)
    command = handovers.WithdrawHandover(by=acting, handover=handover)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: handovers.decide_withdraw(state, command, ctx.now),
        lambda state, version: answer(HandoverView.of(state, handover), status=201, version=version),
    )


async def read_handover(desk: Desk, ctx: Context, handover: HandoverRef) -> tuple[HandoverContent, int]:
    """Return a handover. The receiver's first look is the receipt: the sender sees that it has arrived."""
    located, acting = await meet(desk, ctx, handover)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            await note_receipt(desk, ctx, conn, located.case, handover)
            looked = await look(desk, ctx, conn, located, acting, Action.SEE_HANDOVER)
            view = HandoverView.of(looked.state, handover)
            rejection = None
            # The words are for whoever sent it, and holds on: not for the next who has the baton.
            if looked.permit.relation is Relation.HOLDER and view.sender.actor == acting.actor:
                rejection = await desk.records.rejection(conn, located.case, handover)
            shown = frozenset() if rejection is None else frozenset({InformationCategory.PLAN})
            await record(desk, ctx, conn, looked, shown=shown, purpose=None)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return HandoverContent(**dict(view), rejection=rejection), looked.version


async def note_receipt(desk: Desk, ctx: Context, conn: Connection, case: CaseRef, handover: HandoverRef) -> None:
    """Note that the receiver has opened the handover, if it is the receiver and the first time; in the look's transaction."""
    actor = ctx.actor
    loaded = await desk.journal.load(CASE, case, conn=conn)
    present = loaded.state.handovers.get(handover)
    if actor is None or present is None or present.received or present.receiver.actor != actor.id:
        return
    latest = Latest()
    await desk.journal.change(
        CASE,
        case,
        ctx,
        lambda state: Decision(latest.take(state, handovers.decide_receive(state, handover, actor.id))),
        conn=conn,
    )
    await follow(desk, conn, case, latest, ctx.now)
