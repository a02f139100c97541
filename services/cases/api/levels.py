"""The level of a case."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.handlers import levels
from services.cases.views import CaseView
from shared.contracts.cases import LevelReason
from shared.contracts.codes import Service
from shared.refs import CaseRefField, MeasureRefField
from shared.web import GuardedCommand, RequestModel, respond

router = APIRouter(tags=["cases"])


class LevelChangeBody(RequestModel):
    """Up by one, or down to any lower level, and why (seed rules 68, 181)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"to_level": 2, "reason": "assessment"}]})

    to_level: Annotated[int, Field(ge=0, le=3)]
    reason: LevelReason
    evaluation: MeasureRefField | None = None
    """The measure whose evaluation it rests on; needed when that is the reason (no effect, improved)."""
    with_service: Service | None = None
    """At level 3: the specialist service, child welfare or BUP, that comes in (seed rule 86)."""


@router.post("/cases/{case}/level-changes", status_code=201, response_model=CaseView, summary="Change the level")
async def change_level(case: CaseRefField, body: LevelChangeBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Step the effort up or down. A step up to level 2 or 3 calls for a meeting within two weeks."""
    changed = await levels.change_level(
        desk,
        ctx,
        case,
        to_level=body.to_level,
        reason=body.reason,
        evaluation=body.evaluation,
        with_service=body.with_service,
    )
    return respond(changed)
