"""HTTP for the year: the wheel as data and as a page, conformity, deviations."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.domain import around_child, conformity, laid_out
from services.meetings.domain.around_child import ConformityAround, DueMeeting
from services.meetings.domain.conformity import Conformity, Deviation
from services.meetings.domain.laid_out import Entry
from services.meetings.handlers import around_children, year
from services.meetings.handlers.desk import Desk
from services.meetings.pages.year_page import PAGE, render_year
from shared.contracts.base import Moment
from shared.web import AskedPage, Collection, Page, Reading, Tongue

router = APIRouter(tags=["the year"])

CONFORMITY: Final = Collection("conformity", tuple[str, str, str])
DUE: Final = Collection("due-meetings", tuple[str, str, str])
DEVIATIONS: Final = Collection("deviations", tuple[str, str, str, str, str])
WHEEL: Final = Collection("year-wheel", tuple[Moment, str, str])
_PRIVATE: Final = {"Cache-Control": "private, no-store", "Vary": "Accept-Language, Authorization"}

Begins = Annotated[
    int | None,
    Query(
        ge=2000,
        le=2100,
        description="The year in which the school year begins; left out, the present one.",
        examples=[2026],
    ),
]


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.get("/conformity", summary="How often each arena meets, against how often it is to")
async def list_conformity(
    desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None
) -> Page[Conformity | ConformityAround]:
    """Per arena, unit and term. For the coordinator the municipality's, for leaders their unit's and the arenas they sit in.

    Of an arena around a child it says whether any child lacks a meeting and, once, how many; never of which unit.
    """
    rows = await year.list_conformity(desk, ctx, school_year, CONFORMITY.after(asked.cursor), asked.limit + 1)
    return CONFORMITY.page(rows, asked.limit, year.conformity_key)


@router.get("/due-meetings", summary="The meetings that are due around children of whom the actor knows")
async def list_due(desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None) -> Page[DueMeeting]:
    """For who holds the case, coordinates its group or leads the unit that has it: held, called, or missing in this term."""
    rows = await around_children.list_due(desk, ctx, school_year, DUE.after(asked.cursor), asked.limit + 1)
    return DUE.page(rows, asked.limit, around_child.key_of)


@router.get("/deviations", summary="What was not as the arenas' rules say")
async def list_deviations(desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None) -> Page[Deviation]:
    """Too few meetings, a duty to attend that was not met, a meeting that was too short, ... Seen by whom sees `/conformity`."""
    rows = await year.list_deviations(desk, ctx, school_year, DEVIATIONS.after(asked.cursor), asked.limit + 1)
    return DEVIATIONS.page(rows, asked.limit, conformity.key_of)


@router.get("/year-wheel", summary="The school year: what was called, and where the rest is proposed")
async def list_wheel(desk: Means, ctx: Reading, asked: AskedPage, school_year: Begins = None) -> Page[Entry]:
    """For everybody who works for the municipality. Nothing around a child is in it, but what two units meet for."""
    rows = await year.list_wheel(desk, ctx, school_year, WHEEL.after(asked.cursor), asked.limit + 1)
    return WHEEL.page(rows, asked.limit, laid_out.key_of)


@router.get(
    "/year-wheel/page",
    response_class=Response,
    summary="The school year as one page: the wheel as a picture, coming meetings, deviations",
    responses={200: {"content": {"text/html": {}}}},
)
async def show_year(
    desk: Means,
    ctx: Reading,
    tongue: Tongue,
    school_year: Begins = None,
) -> Response:
    """Deviations stand on it for those who may see them."""
    shown = await year.show_year(desk, ctx, school_year)
    page = render_year(shown, ctx.now, tongue)
    headers = {**_PRIVATE, **PAGE.headers, "Content-Language": tongue.value}
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)
