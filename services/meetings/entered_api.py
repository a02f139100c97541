"""HTTP for figures that people enter: those of indicators of which no event of ours tells."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import FigureCorrected, NewFigure
from services.meetings.domain.entered_figure import Line, Place, line_key
from services.meetings.handlers import entered_figures
from services.meetings.handlers.desk import Desk
from services.meetings.handlers.entered_figures import Given
from services.meetings.views import EnteredFigureView, EnteredView
from shared.refs import EnteredFigureRefField
from shared.web import AskedPage, Collection, Command, GuardedCommand, Page, Reading, represent, respond

router = APIRouter(tags=["entered figures"])

FIGURES: Final = Collection("entered-figures", tuple[str, str, str])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.get("/entered-figures", summary="The figures that I enter, with those that are missing")
async def list_figures(desk: Means, ctx: Reading, asked: AskedPage) -> Page[Line]:
    """Of each indicator and period that is over. One that nobody has entered has no number, which is not nought."""
    rows = await entered_figures.list_figures(desk, ctx, FIGURES.after(asked.cursor), asked.limit + 1)
    return FIGURES.page(rows, asked.limit, line_key)


@router.post("/entered-figures", status_code=201, response_model=EnteredView, summary="Enter a figure")
async def enter_figure(desk: Means, ctx: Command, body: NewFigure) -> Response:
    """By whom the profile names, and of a unit by its leader; once. The number itself is in no event."""
    place = Place(body.indicator, body.period, body.unit)
    return respond(await entered_figures.enter(desk, ctx, place, Given(body.value, body.of, body.source)))


@router.get(
    "/entered-figures/{figure}",
    response_model=EnteredFigureView,
    summary="A figure with every entry of it: number, source, by whom, when",
)
async def show_figure(desk: Means, ctx: Reading, figure: EnteredFigureRefField) -> Response:
    """For those who enter it; 404 for others."""
    view, version = await entered_figures.show(desk, ctx, figure)
    return represent(view, version=version)


@router.post(
    "/entered-figures/{figure}/corrections",
    status_code=201,
    response_model=EnteredView,
    summary="Correct a figure",
)
async def correct_figure(
    desk: Means, ctx: GuardedCommand, figure: EnteredFigureRefField, body: FigureCorrected
) -> Response:
    """Another number stands there from now on; those before are kept, with who entered them and when."""
    given = Given(body.value, body.of, body.source)
    return respond(await entered_figures.correct(desk, ctx, figure, given, body.reason))
