"""Erasure on request."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.handlers import erasure
from services.cases.views import CaseView
from shared.refs import CaseRefField
from shared.web import GuardedCommand, respond

router = APIRouter(tags=["the end of a case"])


@router.post("/cases/{case}/erasure", status_code=201, response_model=CaseView, summary="Erase an ended case")
async def erase_case(case: CaseRefField, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Destroy for good what the vault holds, because somebody asked and the unit's leader grants it; the log stays."""
    return respond(await erasure.erase_case(desk, ctx, case))
