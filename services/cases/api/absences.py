"""Absences: an employee leaves or is away, and no case stays behind."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.handlers import absences
from services.cases.views import AbsenceView
from shared.contracts.base import Moment
from shared.refs import AbsenceRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["absences"])
ABSENCES: Final = Collection("absences", tuple[Moment, str])


@router.post("/absences", status_code=201, response_model=AbsenceView, summary="Somebody leaves or is away")
async def register_absence(body: bodies.AbsenceBody, ctx: Command, desk: AtDesk) -> Response:
    """Register your own absence, or, as the leader of the unit, an employee's. Offer the cases as `staff-leaves` handovers."""
    new = absences.NewAbsence(
        person=body.person,
        unit=body.unit,
        reason=body.reason,
        last_day=body.last_day,
        back_on=body.back_on,
        falls_to=None if body.falls_to is None else body.falls_to.party(),
    )
    return respond(await absences.register_absence(desk, ctx, new))


@router.get("/absences", response_model=Page[AbsenceView], summary="Your own absences, and your unit's")
async def list_absences(page: AskedPage, ctx: Reading, desk: AtDesk) -> Response:
    """Return them without their cases, the newest first."""
    rows = await absences.list_absences(desk, ctx, after=ABSENCES.after(page.cursor), limit=page.limit)
    shown = ABSENCES.page(rows, page.limit, lambda row: (row[0], row[1].absence))
    return represent(Page[AbsenceView](items=[view for _, view in shown.items], next=shown.next))


@router.get("/absences/{absence}", response_model=AbsenceView, summary="An absence, and what rests with the employee")
async def read_absence(absence: AbsenceRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return each case that the employee still holds in the unit, and to whom it is offered; the rest falls to the leader."""
    view, version = await absences.read_absence(desk, ctx, absence)
    return represent(view, version=version)


@router.post("/absences/{absence}/withdrawal", status_code=201, response_model=AbsenceView, summary="Take it back")
async def withdraw_absence(absence: AbsenceRefField, ctx: Command, desk: AtDesk) -> Response:
    """Take the absence back before it has begun."""
    return respond(await absences.withdraw_absence(desk, ctx, absence))
