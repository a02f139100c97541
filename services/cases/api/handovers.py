"""Handovers."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.contents import HandoverContent
from services.cases.handlers import handovers
from services.cases.views import HandoverReceiptsView, HandoverView
from shared.contracts.cases import HandoverRoute
from shared.refs import CaseRefField, HandoverRefField
from shared.web import Command, Reading, represent, respond

router = APIRouter(tags=["handovers"])


@router.post("/cases/{case}/handovers", status_code=201, response_model=HandoverView, summary="Offer the baton")
async def send_handover(case: CaseRefField, body: bodies.HandoverBody, ctx: Command, desk: AtDesk) -> Response:
    """Offer the baton to a named receiver, or draft the offer. You hold on until it is accepted."""
    new = handovers.NewHandover(
        kind=HandoverRoute(body.kind),
        receiver=body.receiver.party(),
        categories=body.categories,
        respond_by=body.respond_by,
        draft=body.draft,
        to_municipality=body.receiver.municipality,
    )
    return respond(await handovers.send_handover(desk, ctx, case, new))


@router.get("/handovers/{handover}", response_model=HandoverContent, summary="A handover")
async def read_handover(handover: HandoverRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return it; the receiver's first look is the receipt."""
    view, version = await handovers.read_handover(desk, ctx, handover)
    return represent(view, version=version)


@router.get("/handovers/{handover}/receipts", response_model=HandoverReceiptsView, summary="What has been received")
async def read_receipts(handover: HandoverRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return for each document of the package whether and when the receiver opened it."""
    view, version = await handovers.read_receipts(desk, ctx, handover)
    return represent(view, version=version)


@router.post("/handovers/{handover}/sending", status_code=201, response_model=HandoverView, summary="Send a draft")
async def send_proposed(handover: HandoverRefField, ctx: Command, desk: AtDesk) -> Response:
    """Send the offer that was drafted; the receiver is told of it now."""
    return respond(await handovers.send_proposed(desk, ctx, handover))


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
