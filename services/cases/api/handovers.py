"""Handovers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.contents import HandoverContent
from services.cases.handlers import handovers
from services.cases.views import HandoverView
from shared.refs import CaseRefField, HandoverRefField
from shared.web import Command, Reading, represent, respond

router = APIRouter(tags=["handovers"])


@router.post("/cases/{case}/handovers", status_code=201, response_model=HandoverView, summary="Offer the baton")
async def send_handover(case: CaseRefField, body: bodies.HandoverBody, ctx: Command, desk: AtDesk) -> Response:
    """Offer the baton to a named receiver. You hold on until it is accepted."""
    changed = await handovers.send_handover(
        desk,
        ctx,
        case,
        kind=body.kind,
        receiver=body.receiver.party(),
        categories=body.categories,
        respond_by=body.respond_by,
    )
    return respond(changed)


@router.get("/handovers/{handover}", response_model=HandoverContent, summary="A handover")
async def read_handover(handover: HandoverRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return it; the receiver's first look is the receipt."""
    view, version = await handovers.read_handover(desk, ctx, handover)
    return represent(view, version=version)


@router.post("/handovers/{handover}/acceptance", status_code=201, response_model=HandoverView, summary="Take the baton")
async def accept_handover(handover: HandoverRefField, ctx: Command, desk: AtDesk) -> Response:
    """Accept, as the receiver or on behalf as the receiver's leader: from here the receiver holds the baton."""
    return respond(await handovers.answer_handover(desk, ctx, handover, None, None))


@router.post("/handovers/{handover}/rejection", status_code=201, response_model=HandoverView, summary="Say no")
async def reject_handover(
    handover: HandoverRefField, body: bodies.RejectionBody, ctx: Command, desk: AtDesk
) -> Response:
    """Reject with a reason; the sender holds on."""
    return respond(await handovers.answer_handover(desk, ctx, handover, body.reason, body.text))


@router.post(
    "/handovers/{handover}/withdrawal", status_code=201, response_model=HandoverView, summary="Take the offer back"
)
async def withdraw_handover(handover: HandoverRefField, ctx: Command, desk: AtDesk) -> Response:
    """Withdraw the offer."""
    return respond(await handovers.withdraw_handover(desk, ctx, handover))
