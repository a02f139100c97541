"""Consents: asked for, answered, renewed, withdrawn."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.api.sharing_bodies import RenewalBody
from services.cases.domain.consent import Part
from services.cases.domain.grantors import Care
from services.cases.handlers import consents
from services.cases.handlers.consents import Given
from services.cases.views import ConsentView, ReceiptsView
from shared.contracts.codes import Scope
from shared.refs import CaseRefField, ConsentRefField
from shared.web import Command, Page, Reading, represent, respond

router = APIRouter(tags=["consents"])


@router.post("/cases/{case}/consents", status_code=201, response_model=ConsentView, summary="Ask for consent")
async def request_consent(case: CaseRefField, body: bodies.ConsentBody, ctx: Command, desk: AtDesk) -> Response:
    """Ask for consent to services, never to persons. Who must grant follows from the child's age."""
    scope = Scope(
        services=body.services, categories=body.categories, purposes=body.purposes, municipality=body.municipality
    )
    care = Care.DAILY if body.daily_care else Care.ORDINARY
    return respond(await consents.request_consent(desk, ctx, case, scope=scope, valid_to=body.valid_to, care=care))


@router.get("/cases/{case}/consents", response_model=Page[ConsentView], summary="The consents of a case")
async def list_consents(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return all of them, ended ones too; a case has few, so there is one page."""
    views, version = await consents.list_consents(desk, ctx, case)
    return represent(Page[ConsentView](items=views), version=version)


@router.get("/consents/{consent}", response_model=ConsentView, summary="A consent")
async def read_consent(consent: ConsentRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return what it covers, until when, and how many have not answered."""
    view, version = await consents.read_consent(desk, ctx, consent)
    return represent(view, version=version)


@router.post("/consents/{consent}/grants", status_code=201, response_model=ConsentView, summary="Grant a consent")
async def grant_consent(consent: ConsentRefField, body: bodies.AnswerBody, ctx: Command, desk: AtDesk) -> Response:
    """Grant, signed in; or record a grant given orally or in writing. Active when all who must have granted."""
    return respond(await consents.grant_consent(desk, ctx, consent, _given(body)))


@router.post("/consents/{consent}/refusals", status_code=201, response_model=ConsentView, summary="Refuse a consent")
async def refuse_consent(consent: ConsentRefField, body: bodies.AnswerBody, ctx: Command, desk: AtDesk) -> Response:
    """Refuse; nobody is asked again. Whoever refused may grant later: that is how a disagreement ends."""
    return respond(await consents.refuse_consent(desk, ctx, consent, _given(body)))


@router.post(
    "/consents/{consent}/withdrawals",
    status_code=201,
    response_model=ConsentView,
    summary="Withdraw a consent or a part of it",
)
async def withdraw_consent(
    consent: ConsentRefField, body: bodies.WithdrawalBody, ctx: Command, desk: AtDesk
) -> Response:
    """Withdraw, effective at once: no look, handover or membership that rested on it remains."""
    part = Part(services=body.services, categories=body.categories, purposes=body.purposes)
    return respond(await consents.withdraw_consent(desk, ctx, consent, _given(body), part))


@router.post(
    "/consents/{consent}/renewals", status_code=201, response_model=ConsentView, summary="Ask for the next period"
)
async def renew_consent(consent: ConsentRefField, body: RenewalBody, ctx: Command, desk: AtDesk) -> Response:
    """Ask for the same until a later day. What is valid stays valid until all have granted it, or it expires."""
    return respond(await consents.renew_consent(desk, ctx, consent, valid_to=body.valid_to))


@router.get("/consents/{consent}/receipts", response_model=ReceiptsView, summary="What became of a withdrawal")
async def read_receipts(consent: ConsentRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return which services have acted on a change, which have not, and who had been told what before."""
    view, version = await consents.read_receipts(desk, ctx, consent)
    return represent(view, version=version)


def _given(body: bodies.AnswerBody) -> Given:
    return Given(grantor=body.grantor, ordinal=body.ordinal, evidence=body.evidence, note=body.note)
