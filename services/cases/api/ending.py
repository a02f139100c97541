"""Legal holds: what must be kept is kept, whatever the time or anybody's request."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.handlers import ending
from services.cases.views import CaseView
from shared.refs import CaseRefField
from shared.web import Command, respond

router = APIRouter(tags=["the end of a case"])


@router.post("/cases/{case}/legal-holds", status_code=201, response_model=CaseView, summary="Hold a case")
async def hold_case(case: CaseRefField, body: bodies.HoldBody, ctx: Command, desk: AtDesk) -> Response:
    """Let nothing of the case be erased, as the leader of its unit, until the hold is released."""
    return respond(await ending.hold_case(desk, ctx, case, body.reason))


@router.post(
    "/cases/{case}/legal-hold-releases", status_code=201, response_model=CaseView, summary="Release a held case"
)
async def release_case(case: CaseRefField, ctx: Command, desk: AtDesk) -> Response:
    """Release it: what should have been erased meanwhile is erased now."""
    return respond(await ending.hold_case(desk, ctx, case, None))
