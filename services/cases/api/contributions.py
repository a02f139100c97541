"""Requests to contribute: asked by a case, answered by a service."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import team_bodies as bodies
from services.cases.api.at_desk import AtDesk
from services.cases.api.figures import Term
from services.cases.handlers import contributions
from services.cases.handlers.contributions import Asking
from services.cases.team_contents import AskedContent
from services.cases.views_team import AskedView, ContributionView, ResponseFigures
from shared.contracts.base import Moment
from shared.refs import CaseRefField, ContributionRef, ContributionRefField
from shared.web import AskedPage, Collection, Command, Page, Reading, represent, respond

router = APIRouter(tags=["contributions"])
ASKED: Final = Collection("contributions", tuple[Moment, str])


@router.post(
    "/cases/{case}/contributions",
    status_code=201,
    response_model=ContributionView,
    summary="Ask a service to contribute",
)
async def ask(case: CaseRefField, body: bodies.ContributionBody, ctx: Command, desk: AtDesk) -> Response:
    """Ask a service; by name inside a consent, or anonymously without one. It must answer in time."""
    asking = Asking(
        service=body.service,
        unit=body.unit,
        reason=body.reason,
        text=body.text,
        anonymous=body.anonymous,
        categories=body.categories,
        purpose=body.purpose,
        respond_by=body.respond_by,
    )
    return respond(await contributions.ask(desk, ctx, case, asking))


@router.get(
    "/cases/{case}/contributions", response_model=Page[ContributionView], summary="What services were asked for"
)
async def list_of_case(page: AskedPage, case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return what services were asked for in the case, in the order of the references, to whoever asks."""
    collection = Collection(f"contributions of {case}", ContributionRef)
    after = collection.after(page.cursor)
    rows, version = await contributions.list_of_case(desk, ctx, case, after=after, limit=page.limit)
    return represent(collection.page(rows, page.limit, lambda row: row.contribution), version=version)


@router.get("/contributions", response_model=Page[AskedView], summary="What your service is asked for")
async def list_asked(page: AskedPage, ctx: Reading, desk: AtDesk) -> Response:
    """Return what your service is asked for and has not settled, newest first."""
    rows = await contributions.list_asked(desk, ctx, after=ASKED.after(page.cursor), limit=page.limit)
    shown = ASKED.page(rows, page.limit, lambda row: (row[0], row[1].contribution))
    return represent(Page[AskedView](items=[view for _, view in shown.items], next=shown.next))


@router.get("/contributions/{contribution}", response_model=AskedContent, summary="What is asked, in words")
async def read_asked(contribution: ContributionRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return what is asked; by name with the case, anonymously without it."""
    view, version = await contributions.read_asked(desk, ctx, contribution)
    return represent(view, version=version)


@router.post("/contributions/{contribution}/acceptance", status_code=201, response_model=AskedView, summary="Take part")
async def accept(contribution: ContributionRefField, ctx: Command, desk: AtDesk) -> Response:
    """Say yes for the service: anybody of it who acts for it can."""
    return respond(await contributions.answer_contribution(desk, ctx, contribution, decline=None, text=None))


@router.post(
    "/contributions/{contribution}/declination", status_code=201, response_model=AskedView, summary="Decline, as leader"
)
async def decline(
    contribution: ContributionRefField, body: bodies.DeclinationBody, ctx: Command, desk: AtDesk
) -> Response:
    """Say no, with a reason: only the service's leader can."""
    changed = await contributions.answer_contribution(desk, ctx, contribution, decline=body.reason, text=body.text)
    return respond(changed)


@router.post(
    "/contributions/{contribution}/ending",
    status_code=201,
    response_model=ContributionView,
    summary="Given, or taken back",
)
async def end(
    contribution: ContributionRefField, body: bodies.ContributionEndBody, ctx: Command, desk: AtDesk
) -> Response:
    """Say that it was given, or take it back."""
    return respond(await contributions.end_contribution(desk, ctx, contribution, body.reason))


@router.get("/contribution-figures", response_model=ResponseFigures, summary="How quickly services answer")
async def response_figures(ctx: Reading, desk: AtDesk, period: Term) -> Response:
    """Return, for leaders, how quickly each service answered what it was asked for in a term that is over."""
    return represent(await contributions.response_figures(desk, ctx, period))
