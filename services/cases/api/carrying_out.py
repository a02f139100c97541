"""A measure under way: it begins, is changed, is stopped; suspected overlaps are explained."""

from __future__ import annotations

from typing import Literal, Self

from fastapi import APIRouter
from pydantic import ConfigDict, model_validator
from pydantic_core import PydanticCustomError
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.api.bodies import Code, Words
from services.cases.handlers import carrying_out, elsewhere
from services.cases.handlers.carrying_out import Change
from services.cases.views import MeasureView, OverlapElsewhereView
from shared.contracts.base import Model
from shared.contracts.cases import OverlapExplanation
from shared.contracts.codes import Service
from shared.refs import CaseRefField, MeasureRefField, UnitIdField
from shared.web import Command, GivenMoment, Reading, RequestModel, represent, respond

router = APIRouter(tags=["measures"])


class OverlapsElsewhere(Model):
    """What other cases about the same child have that is much the same (seed rules 49, 161)."""

    overlaps: tuple[OverlapElsewhereView, ...]


class ChangeBody(RequestModel):
    """What is new about a measure; what is not named stays as it is (seed rules 31, 89)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"evaluate_by": "2026-12-15T11:00:00Z"}]})

    owner: Service | None = None
    owner_unit: UnitIdField | None = None
    goal: Words | None = None
    strengths: Words | None = None
    """What the new goal builds on (seed rule 92)."""
    indicator: Code | None = None
    evaluate_by: GivenMoment | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.model_fields_set:
            raise PydanticCustomError("nothing_changed", "Say what is to be changed")
        if self.strengths is not None and self.goal is None:
            raise PydanticCustomError("strengths_of_no_goal", "Say the goal that builds on it, too")
        return self


class StopBody(RequestModel):
    """Why it ends: what its evaluation showed, or that it never began (seed rules 88-90)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "withdrawn"}]})

    reason: Literal["no-effect", "goal-reached", "withdrawn"]


class ExplanationBody(RequestModel):
    """What the owners of two measures that do much the same have found out (seed rules 49, 161)."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"explanation": "coordinated"}]})

    explanation: OverlapExplanation


@router.post("/measures/{measure}/start", status_code=201, response_model=MeasureView, summary="Begin a measure")
async def start_measure(measure: MeasureRefField, ctx: Command, desk: AtDesk) -> Response:
    """Say that what was planned is under way."""
    return respond(await carrying_out.start_measure(desk, ctx, measure))


@router.post("/measures/{measure}/changes", status_code=201, response_model=MeasureView, summary="Change a measure")
async def change_measure(measure: MeasureRefField, body: ChangeBody, ctx: Command, desk: AtDesk) -> Response:
    """Let another own it, towards another goal, seen by another indicator or evaluated on another day. The team is told."""
    change = Change(
        owner=body.owner,
        owner_unit=body.owner_unit,
        goal=body.goal,
        strengths=body.strengths,
        indicator=body.indicator,
        evaluate_by=body.evaluate_by,
    )
    return respond(await carrying_out.change_measure(desk, ctx, measure, change))


@router.post("/measures/{measure}/stop", status_code=201, response_model=MeasureView, summary="Stop a measure")
async def stop_measure(measure: MeasureRefField, body: StopBody, ctx: Command, desk: AtDesk) -> Response:
    """End it: after its evaluation, or before it began."""
    return respond(await carrying_out.stop_measure(desk, ctx, measure, body.reason))


@router.post(
    "/measures/{measure}/overlap-explanations",
    status_code=201,
    response_model=MeasureView,
    summary="Explain a suspected overlap",
)
async def explain_overlap(measure: MeasureRefField, body: ExplanationBody, ctx: Command, desk: AtDesk) -> Response:
    """Say for one's own measure why it is no double work, or that one of them will stop."""
    return respond(await carrying_out.explain_overlap(desk, ctx, measure, body.explanation))


@router.get(
    "/cases/{case}/overlaps-elsewhere",
    response_model=OverlapsElsewhere,
    summary="Double work in other cases of the child",
)
async def list_overlaps(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return measures of other cases about the same child that are much the same, as far as you may see both cases."""
    rows, version = await elsewhere.list_overlaps(desk, ctx, case)
    return represent(OverlapsElsewhere(overlaps=tuple(rows)), version=version)
