"""Measures."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.handlers import measures
from services.cases.handlers.measures import Evaluated, Wanted
from services.cases.views import MeasureView
from shared.refs import CaseRefField, MeasureRefField
from shared.web import Command, respond

router = APIRouter(tags=["measures"])


@router.post("/cases/{case}/measures", status_code=201, response_model=MeasureView, summary="Put in a measure")
async def plan_measure(case: CaseRefField, body: bodies.MeasureBody, ctx: Command, desk: AtDesk) -> Response:
    """Plan a measure; a service that is to carry it out joins the team, inside the consent."""
    wanted = Wanted(
        code=body.code,
        owner=body.owner,
        owner_unit=body.owner_unit,
        goal=body.goal,
        strengths=body.strengths,
        indicator=body.indicator,
        evaluate_by=body.evaluate_by,
        new_reason=body.new_reason,
    )
    return respond(await measures.plan_measure(desk, ctx, case, wanted))


@router.post(
    "/measures/{measure}/evaluations", status_code=201, response_model=MeasureView, summary="Evaluate a measure"
)
async def evaluate_measure(
    measure: MeasureRefField, body: bodies.EvaluationBody, ctx: Command, desk: AtDesk
) -> Response:
    """Evaluate; without effect it is stopped, changed or stepped up."""
    changed = await measures.evaluate_measure(
        desk,
        ctx,
        measure,
        Evaluated(
            effect=body.effect,
            outcome=body.outcome,
            evaluate_by=body.evaluate_by,
            with_service=body.with_service,
        ),
    )
    return respond(changed)
