"""HTTP for what units record of themselves: competence and its gaps, guidance of parents by age, hours of guidance."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import CompetenceCount, GuidanceGiven, GuidanceHours, GuidanceWithdrawn
from services.meetings.domain.unit_register import CompetenceLine, CompetenceOverview, GuidanceLine, HoursLine
from services.meetings.handlers import registers
from services.meetings.handlers.desk import Desk
from services.meetings.views import RecordedView
from services.meetings.year_api import Begins
from shared.web import AskedPage, Collection, Command, Page, Reading, respond

router = APIRouter(tags=["registers"])

COMPETENCE: Final = Collection("competence", tuple[str, str])
OVERVIEW: Final = Collection("competence-overview", tuple[str])
GUIDANCE: Final = Collection("parent-guidance", tuple[int, str, str])
HOURS: Final = Collection("guidance-hours", tuple[str, str, str])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.post("/competence", status_code=201, response_model=RecordedView, summary="Count who has a competence")
async def record_competence(desk: Means, ctx: Command, body: CompetenceCount) -> Response:
    """Of the own unit, by its leader: how many, and never who."""
    return respond(await registers.record_competence(desk, ctx, body.competence, body.staff, body.having, body.on))


@router.get("/competence", summary="Competence that is to be there, unit by unit, and what is missing")
async def list_competence(desk: Means, ctx: Reading, asked: AskedPage) -> Page[CompetenceLine]:
    """A leader's own unit; the coordinator's are all."""
    rows = await registers.list_competence(desk, ctx, COMPETENCE.after(asked.cursor), asked.limit + 1)
    return COMPETENCE.page(rows, asked.limit, lambda row: (row.unit, row.competence))


@router.get("/competence-overview", summary="Competence in the municipality: where it is missing, where it can be got")
async def show_overview(desk: Means, ctx: Reading, asked: AskedPage) -> Page[CompetenceOverview]:
    """For leaders and the coordinator."""
    after = OVERVIEW.after(asked.cursor)
    rows = await registers.show_overview(desk, ctx, None if after is None else after[0], asked.limit + 1)
    return OVERVIEW.page(rows, asked.limit, lambda row: (row.competence,))


@router.post("/parent-guidance", status_code=201, response_model=RecordedView, summary="Guidance of parents was given")
async def record_guidance(desk: Means, ctx: Command, body: GuidanceGiven) -> Response:
    """By the own unit, where the plan lets it give that step's."""
    return respond(await registers.record_guidance(desk, ctx, body.step, body.on))


@router.post(
    "/parent-guidance/withdrawals",
    status_code=201,
    response_model=RecordedView,
    summary="Guidance of parents was recorded by mistake",
)
async def withdraw_guidance(desk: Means, ctx: Command, body: GuidanceWithdrawn) -> Response:
    """By the own unit. It counts no more; that it was recorded and taken back, and why, stays known."""
    return respond(await registers.withdraw_guidance(desk, ctx, body.step, body.on, body.reason))


@router.get("/parent-guidance", summary="The plan for the guidance of all parents, by the child's age")
async def list_guidance(desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None) -> Page[GuidanceLine]:
    """Who gives which step's, and when it was given in that school year."""
    rows = await registers.list_guidance(desk, ctx, school_year, GUIDANCE.after(asked.cursor), asked.limit + 1)
    return GUIDANCE.page(rows, asked.limit, registers.guidance_key)


@router.post("/guidance-hours", status_code=201, response_model=RecordedView, summary="Hours of guidance in a week")
async def record_hours(desk: Means, ctx: Command, body: GuidanceHours) -> Response:
    """Of the own unit; recorded again, it is this that counts."""
    return respond(await registers.record_hours(desk, ctx, body.code, body.week, body.minutes))


@router.get("/guidance-hours", summary="Hours of guidance, by term and unit, with what they come to")
async def list_hours(desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None) -> Page[HoursLine]:
    """Against the hours a week that are to be given, for the school weeks that are over."""
    rows = await registers.list_hours(desk, ctx, school_year, HOURS.after(asked.cursor), asked.limit + 1)
    return HOURS.page(rows, asked.limit, registers.hours_key)
