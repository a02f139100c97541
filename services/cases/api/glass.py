"""Emergency access (nødtilgang), and its review."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter
from pydantic import ConfigDict, Field
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.api.bodies import Number, Words
from services.cases.contents import GlassContent
from services.cases.handlers import glass as glasses
from services.cases.handlers import glass_by_number
from services.cases.handlers.glass import Emergency
from services.cases.views import GlassView
from shared.contracts.base import Moment
from shared.contracts.codes import InformationCategory
from shared.contracts.safekeeping import GlassOutcome, GlassReason
from shared.refs import CaseRefField, GlassRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, RequestModel, represent, respond

router = APIRouter(tags=["emergency access"])
GLASS: Final = Collection("break-glass", tuple[Moment, str])


class BreakGlassBody(RequestModel):
    """Why the case must be opened, how much of it, and for how long. The words go to the vault."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "reason": "danger-to-life",
                    "text": "Brought in unconscious; we must know of allergies and illness.",
                    "categories": ["contact", "health"],
                    "hours": 2,
                }
            ]
        }
    )

    reason: GlassReason
    text: Words
    categories: Annotated[frozenset[InformationCategory], Field(min_length=1)]
    """Whom it is about is always shown."""
    hours: Annotated[int, Field(ge=1, le=72)] = 4


class NumberedGlassBody(BreakGlassBody):
    """The same by the child's national number: for whoever has the child in front of them, and no reference."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "national_number": "15912156831",
                    "reason": "danger-to-life",
                    "text": "Brought in unconscious; we must know of allergies and illness.",
                    "categories": ["contact", "health"],
                    "hours": 2,
                }
            ]
        }
    )

    national_number: Number


class GlassReviewBody(RequestModel):
    """What the review came to."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "justified"}]})

    outcome: GlassOutcome


@router.post("/cases/{case}/break-glass", status_code=201, response_model=GlassView, summary="Open in an emergency")
async def break_glass(case: CaseRefField, body: BreakGlassBody, ctx: Command, desk: AtDesk) -> Response:
    """Open a case that you have no part in, with a reason and for a time. Every look is recorded, and a leader reviews it."""
    return respond(await glasses.break_glass(desk, ctx, case, _emergency(body)))


@router.post(
    "/break-glass", status_code=201, response_model=Page[GlassView], summary="Open in an emergency, by national number"
)
async def break_glass_by_number(body: NumberedGlassBody, ctx: Command, desk: AtDesk) -> Response:
    """Open every case of the child in your municipality, on the same terms. Nothing is found without being opened and reviewed."""
    emergency = _emergency(body)
    return respond(await glass_by_number.break_glass_by_number(desk, ctx, body.national_number, emergency))


@router.get("/break-glass", response_model=Page[GlassView], summary="Emergency accesses that you review")
async def list_glass(page: AskedPage, ctx: Reading, desk: AtDesk) -> Response:
    """Return those of the unit that you lead; for a privacy officer, those that nobody reviewed in time. Newest first."""
    rows = await glasses.list_glass(desk, ctx, after=GLASS.after(page.cursor), limit=page.limit)
    shown = GLASS.page(rows, page.limit, lambda row: (row[0], row[1].glass))
    return represent(Page[GlassView](items=[view for _, view in shown.items], next=shown.next))


@router.get("/break-glass/{glass}", response_model=GlassContent, summary="An emergency access")
async def read_glass(glass: GlassRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return why it was opened and what was looked at, to whoever reviews it and whoever opened it."""
    view, version = await glasses.read_glass(desk, ctx, glass)
    return represent(view, version=version)


@router.post("/break-glass/{glass}/review", status_code=201, response_model=GlassView, summary="Review it")
async def review_glass(glass: GlassRefField, body: GlassReviewBody, ctx: Command, desk: AtDesk) -> Response:
    """Say whether it was justified. It closes with that, whatever the outcome."""
    return respond(await glasses.review_glass(desk, ctx, glass, body.outcome))


def _emergency(body: BreakGlassBody) -> Emergency:
    return Emergency(reason=body.reason, text=body.text, categories=body.categories, hours=body.hours)
