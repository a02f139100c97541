"""What may be shared, and what is shared by law without consent."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.cases.api.at_desk import AtDesk
from services.cases.api.sharing_bodies import CareOrderBody, OverrideBody, ReviewBody
from services.cases.domain.sharing import Ask
from services.cases.handlers import care, overrides, sharing
from services.cases.handlers.overrides import NewOverride
from services.cases.sharing_views import CareView, OverrideContent, OverrideView, SharingView
from shared.contracts.codes import InformationCategory, Purpose, Service
from shared.refs import CaseRefField, MunicipalityField, OverrideRefField
from shared.web import Command, Page, Reading, represent, respond

_CATEGORY: Final = "|".join(InformationCategory)

router = APIRouter(tags=["sharing"])


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
    anonymous: Annotated[bool, Query(description="Without anything that says whom it is about.")] = False,
    municipality: Annotated[
        MunicipalityField | None, Query(description="The service's, when it is another one.")
    ] = None,
) -> Response:
    """Say whether these categories may be shared with the service, why, and otherwise what would make it so."""
    categories = frozenset(map(InformationCategory, category.split(",")))
    ask = Ask(service=service, categories=categories, purpose=purpose, anonymous=anonymous, municipality=municipality)
    view, version = await sharing.ask_sharing(desk, ctx, case, ask)
    return represent(view, version=version)


@router.post("/cases/{case}/care-orders", status_code=201, response_model=CareView, summary="Who has the care")
async def record_care_order(case: CaseRefField, body: CareOrderBody, ctx: Command, desk: AtDesk) -> Response:
    """Record that the child welfare service has taken over care, or given it back. Consents are judged anew at once."""
    return respond(await care.record_care_order(desk, ctx, case, in_force=body.in_force, note=body.note))


@router.post("/cases/{case}/overrides", status_code=201, response_model=OverrideView, summary="Share by law")
async def override_confidentiality(case: CaseRefField, body: OverrideBody, ctx: Command, desk: AtDesk) -> Response:
    """Override confidentiality on a section that carries it, for a time; a leader judges it afterwards."""
    new = NewOverride(
        section=body.section,
        reason=body.reason,
        text=body.text,
        scope=body.scope,
        valid_to=body.valid_to,
        review_by=body.review_by,
        not_heard=body.not_heard,
        guardians_informed=body.guardians_informed,
    )
    return respond(await overrides.override_confidentiality(desk, ctx, case, new))


@router.get("/cases/{case}/overrides", response_model=Page[OverrideView], summary="What is shared by law")
async def list_overrides(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return all of them, ended ones too; a case has few, so there is one page."""
    views, version = await overrides.list_overrides(desk, ctx, case)
    return represent(Page[OverrideView](items=views), version=version)


@router.get("/overrides/{override}", response_model=OverrideContent, summary="An override, with its reason")
async def read_override(override: OverrideRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return it with the words of its reason."""
    view, version = await overrides.read_override(desk, ctx, override)
    return represent(view, version=version)


@router.post("/overrides/{override}/review", status_code=201, response_model=OverrideView, summary="Review an override")
async def review_override(override: OverrideRefField, body: ReviewBody, ctx: Command, desk: AtDesk) -> Response:
    """Judge it, as the leader of the unit that made it; what was not justified ends at once."""
    return respond(
        await overrides.review_override(
            desk, ctx, override, justified=body.justified, guardians_informed=body.guardians_informed
        )
    )


@router.post(
    "/overrides/{override}/guardians-informed",
    status_code=201,
    response_model=OverrideView,
    summary="The guardians have been told",
)
async def note_guardians_informed(override: OverrideRefField, ctx: Command, desk: AtDesk) -> Response:
    """Note that the guardians have been told that something was shared by law; from then on it is shown to them."""
    return respond(await overrides.note_guardians_informed(desk, ctx, override))
