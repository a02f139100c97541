"""Address protection during a case's life."""

from __future__ import annotations

from fastapi import APIRouter
from pydantic import ConfigDict
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.contents import WatchView
from services.cases.handlers import protecting
from services.cases.views import ProtectionView
from shared.contracts.safekeeping import ProtectionKind
from shared.refs import CaseRefField
from shared.web import GivenDay, GuardedCommand, Reading, RequestModel, represent, respond

router = APIRouter(tags=["address protection"])


class ProtectionBody(RequestModel):
    """What the population register says."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "strictly-confidential", "valid_to": "2027-09-01"}]}
    )

    kind: ProtectionKind
    valid_to: GivenDay | None = None
    """The last day, if there is one. It is not lifted by itself then."""


@router.post(
    "/cases/{case}/address-protection", status_code=201, response_model=ProtectionView, summary="Protect the address"
)
async def protect(case: CaseRefField, body: ProtectionBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Set it from this moment. An ordinary case goes on under the reference in the answer; the old one leads nowhere."""
    return respond(await protecting.protect(desk, ctx, case, body.kind, body.valid_to))


@router.post(
    "/cases/{case}/address-protection-lifting",
    status_code=201,
    response_model=ProtectionView,
    summary="Lift the protection",
)
async def lift(case: CaseRefField, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Let the child be found again by those who have a part. The case's events name no place, now as before."""
    return respond(await protecting.lift(desk, ctx, case))


@router.get("/cases/{case}/watch", response_model=WatchView, summary="Whose duty an address-protected case is")
async def read_watch(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """For the notify service's account only: no event of the case says whose leaders to tell. Each answer is recorded."""
    view, version = await protecting.read_watch(desk, ctx, case)
    return represent(view, version=version)
