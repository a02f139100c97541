"""Handing the coordination over; it is answered, read and taken back as every handover (`handovers.py`)."""

from __future__ import annotations

from datetime import datetime

from services.cases import absence_store
from services.cases.domain import coordination
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import Desk, change, meet
from services.cases.handlers.handovers import destined, given_to
from services.cases.views import HandoverView
from shared.aggregate import Changed, Context
from shared.clock import oslo_day
from shared.contracts.cases import CoordinatorKind, Party
from shared.refs import CaseRef, HandoverRef
from shared.web import answer


async def offer(
    desk: Desk, ctx: Context, case: CaseRef, *, kind: CoordinatorKind, receiver: Party, respond_by: datetime | None
) -> Changed[CaseState]:
    """Offer the coordination to a named receiver (seed rules 23, 37, 97, 107)."""
    located, acting = await meet(desk, ctx, case)
    handover = HandoverRef(desk.ids.ref("hdo"))
    async with desk.pool.acquire() as conn:
        away = await absence_store.away(conn, located.municipality, receiver.actor, oslo_day(ctx.now), receiver.unit)
    command = coordination.OfferCoordination(
        by=acting,
        handover=handover,
        kind=kind,
        receiver=receiver,
        respond_by=respond_by,
        receiver_away=away is not None,
    )
    profile = desk.team_of(located.municipality)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: coordination.decide_offer(state, command, ctx.now, desk.rules, profile),
        lambda state, version: answer(
            HandoverView.of(state, handover), status=201, version=version, location=f"/handovers/{handover}"
        ),
        given_to(
            ctx,
            located,
            located.municipality,
            receiver.actor,
            receiver.unit,
            destined(desk, located.case, handover, receiver),
        ),
    )
