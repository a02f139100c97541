"""HTTP for hearings (høringer): opened, answered, corrected, closed, read."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from services.meetings.bodies import ConsultationAnswer, ConsultationClosure, NewConsultation
from services.meetings.handlers import consultations
from services.meetings.handlers.desk import Desk
from services.meetings.views import ConsultationLine, ConsultationTextView, ConsultationView
from shared.contracts.base import Moment
from shared.refs import ConsultationRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["hearings"])

CONSULTATIONS: Final = Collection("consultations", tuple[Moment, str])


async def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


Means = Annotated[Desk, Depends(_desk)]


@router.post("/consultations", status_code=201, response_model=ConsultationView, summary="Open a hearing")
async def open_consultation(desk: Means, ctx: Command, body: NewConsultation) -> Response:
    """Of one of the kinds in the municipality's profile. The text names nobody: `text-not-anonymous`."""
    changed = await consultations.open_consultation(
        desk, ctx, kind=body.kind, text=body.text, units=body.units, answer_by=body.answer_by
    )
    return respond(changed)


@router.get("/consultations", summary="The hearings that I opened, or in which my unit is heard")
async def list_consultations(desk: Means, ctx: Reading, asked: AskedPage) -> Page[ConsultationLine]:
    """The first due first; without texts."""
    rows = await consultations.list_consultations(desk, ctx, CONSULTATIONS.after(asked.cursor), asked.limit + 1)
    return CONSULTATIONS.page(rows, asked.limit, lambda row: (row.answer_by, row.consultation))


@router.get("/consultations/{consultation}", response_model=ConsultationTextView, summary="One hearing")
async def show_consultation(desk: Means, ctx: Reading, consultation: ConsultationRefField) -> Response:
    """A body reads its own answer, and the others' when the hearing is completed; whoever opened it reads all. 404 for others."""
    view, version = await consultations.show_consultation(desk, ctx, consultation)
    return represent(view, version=version)


@router.post(
    "/consultations/{consultation}/answers", status_code=201, response_model=ConsultationView, summary="Answer"
)
async def give_answer(
    desk: Means, ctx: Command, consultation: ConsultationRefField, body: ConsultationAnswer
) -> Response:
    """Once for each body; late is better than never."""
    return respond(await consultations.give_answer(desk, ctx, consultation, body.position, body.text))


@router.post(
    "/consultations/{consultation}/corrections", response_model=ConsultationView, summary="Correct one's answer"
)
async def correct_answer(
    desk: Means, ctx: Command, consultation: ConsultationRefField, body: ConsultationAnswer
) -> Response:
    """Until the hearing is closed."""
    return respond(await consultations.correct_answer(desk, ctx, consultation, body.position, body.text))


@router.post("/consultations/{consultation}/closure", response_model=ConsultationView, summary="Close a hearing")
async def close_consultation(
    desk: Means, ctx: Command, consultation: ConsultationRefField, body: ConsultationClosure
) -> Response:
    """Completed when all have answered or the time is out; withdrawn at any time."""
    return respond(await consultations.close_consultation(desk, ctx, consultation, body.reason))
