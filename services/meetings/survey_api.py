"""HTTP for surveys after meetings: which there are, what they ask, the answer, and what a term gave."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import SurveyAnswers
from services.meetings.handlers import surveys
from services.meetings.handlers.desk import Desk
from services.meetings.views import AnsweredView, SurveyLine, SurveyResultView, SurveyView, TicketsView
from shared.contracts.base import Moment
from shared.refs import SurveyRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["surveys"])

SURVEYS: Final = Collection("surveys", tuple[Moment, str])
RESULTS: Final = Collection("survey-results", tuple[date, str])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.get("/surveys", summary="The surveys after meetings at which a seat like mine was taken")
async def list_surveys(desk: Means, ctx: Reading, asked: AskedPage) -> Page[SurveyLine]:
    """The first to close first."""
    rows = await surveys.list_surveys(desk, ctx, SURVEYS.after(asked.cursor), asked.limit + 1)
    return SURVEYS.page(rows, asked.limit, lambda row: (row.closes_at, row.survey))


@router.get("/surveys/{survey}", response_model=SurveyView, summary="What a survey asks")
async def show_survey(desk: Means, ctx: Reading, survey: SurveyRefField) -> Response:
    """For whoever was there; 404 for others. Which meeting it was after is not told to guardians and children: they know."""
    view, version = await surveys.show_survey(desk, ctx, survey)
    return represent(view, version=version)


@router.get(
    "/surveys/{survey}/tickets",
    response_model=TicketsView,
    summary="The tickets, to be handed out to all who were there",
)
async def show_tickets(desk: Means, ctx: Reading, survey: SurveyRefField) -> Response:
    """One for each seat that was taken, each guardian and each child, for whoever calls the meeting.

    Whether one was used is told to nobody.
    """
    return represent(await surveys.show_tickets(desk, ctx, survey))


@router.post("/surveys/{survey}/answers", status_code=201, response_model=AnsweredView, summary="Answer a survey")
async def give_answers(desk: Means, ctx: Command, survey: SurveyRefField, body: SurveyAnswers) -> Response:
    """Once for each who was there, with the ticket that they were handed.

    It is added to the term's sums, and kept nowhere else: it can be neither seen nor changed.
    """
    return respond(await surveys.give_answers(desk, ctx, survey, body.answers, body.ticket))


@router.get("/survey-results", summary="What the surveys gave, term by term")
async def list_results(desk: Means, ctx: Reading, asked: AskedPage) -> Page[SurveyResultView]:
    """Of all of the municipality's meetings in a term that is over; of fewer than five answers only that they are too few."""
    rows = await surveys.list_results(desk, ctx, RESULTS.after(asked.cursor), asked.limit + 1)
    return RESULTS.page(rows, asked.limit, lambda row: (row.first, row.round))
