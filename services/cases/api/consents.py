"""Consents, and what may be shared."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.domain.consent import Part
from services.cases.handlers import consents
from services.cases.handlers.consents import Given
from services.cases.views import ConsentView, ReceiptsView, SharingView
from shared.contracts.codes import InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRefField, ConsentRefField
from shared.web import Command, Page, Reading, represent, respond

_CATEGORY: Final = "|".join(InformationCategory)

router = APIRouter(tags=["consents"])


@router.post("/cases/{case}/consents", status_code=201, response_model=ConsentView, summary="Ask for consent")
async def request_consent(case: CaseRefField, body: bodies.ConsentBody, ctx: Command, desk: AtDesk) -> Response:
    """Ask for consent to services, never to persons. Who must grant follows from the child's age."""
    scope = Scope(services=body.services, categories=body.categories, purposes=body.purposes)
    return respond(await consents.request_consent(desk, ctx, case, scope=scope, valid_to=body.valid_to))


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
    """Refuse; the request ends, and nobody is asked again."""
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


@router.get("/consents/{consent}/receipts", response_model=ReceiptsView, summary="What became of a withdrawal")
async def read_receipts(consent: ConsentRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return which services have acted on a change, which have not, and who had been told what before."""
    view, version = await consents.read_receipts(desk, ctx, consent)
    return represent(view, version=version)


@router.get("/cases/{case}/sharing", response_model=SharingView, summary="What may be shared, and what is missing")
async def ask_sharing(
    case: CaseRefField,
    service: Service,
    category: Annotated[
        str,
        Query(
            pattern=f"^({_CATEGORY})(,({_CATEGORY})){{0,20}}$",
            description="One category of information, or several by comma.",
            examples=["development,language"],
        ),
    ],
    purpose: Purpose,
    ctx: Reading,
    desk: AtDesk,
) -> Response:
    """Say whether these categories may be shared with the service, why, and otherwise what it would take."""
    categories = frozenset(map(InformationCategory, category.split(",")))
    view, version = await consents.ask_sharing(desk, ctx, case, service=service, categories=categories, purpose=purpose)
    return represent(view, version=version)


def _given(body: bodies.AnswerBody) -> Given:
    return Given(grantor=body.grantor, ordinal=body.ordinal, evidence=body.evidence, note=body.note)
