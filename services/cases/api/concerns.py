"""Concerns, cases, the child."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Query
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.contents import ChildDossier, ConcernContent, Contacts
from services.cases.handlers import concerns, reading
from services.cases.handlers.concerns import NamedGuardian, NewConcern
from services.cases.views import CaseSummary, CaseView, ChildViewReceipt, ConcernView, InsightRightView, Me
from shared.contracts.base import Moment
from shared.contracts.codes import Purpose
from shared.refs import CaseRefField, ConcernRefField
from shared.web import AskedPage, Collection, Command, CurrentActor, GuardedCommand, Page, Reading, represent, respond

router = APIRouter(tags=["cases"])
CASES: Final = Collection("cases", tuple[Moment, str])


@router.get("/me", response_model=Me, summary="Who you are here")
async def read_me(actor: CurrentActor) -> Response:
    """Tell the opaque reference by which a colleague can hand the baton over."""
    roles = tuple(sorted(actor.roles))
    return represent(Me(actor=actor.id, roles=roles, service=actor.service, unit=actor.unit))


@router.post("/concerns", status_code=201, response_model=ConcernView, summary="Register a concern")
async def register_concern(body: bodies.ConcernBody, ctx: Command, desk: AtDesk) -> Response:
    """Register a concern (uro); it must be acted on within fourteen days. The receipt names no child.

    About a child whose case you may know of, it becomes part of that case; otherwise it is a concern of its own.
    """
    new = NewConcern(
        area=body.area,
        for_whom=body.for_whom,
        child_name=body.child.name,
        child_number=body.child.national_number,
        guardians=tuple(
            NamedGuardian(
                name=one.name,
                national_number=one.national_number,
                language=one.language,
                email=one.email,
                phone=one.phone,
            )
            for one in body.guardians
        ),
        text=body.text,
        observations=body.observations,
        criteria=body.criteria,
        family_frame=body.family_frame,
        address_protected=body.address_protected,
    )
    return respond(await concerns.register_concern(desk, ctx, new))


@router.get("/concerns/{concern}", response_model=ConcernContent, summary="Read a concern")
async def read_concern(concern: ConcernRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the concern with its words, to whoever holds it."""
    view, version = await reading.read_concern(desk, ctx, concern)
    return represent(view, version=version)


@router.post("/concerns/{concern}/resolution", status_code=201, response_model=ConcernView, summary="Act on a concern")
async def resolve_concern(
    concern: ConcernRefField, body: bodies.ResolutionBody, ctx: Command, desk: AtDesk
) -> Response:
    """Solve it locally, or lift it: then a case is open where the right competence is; who registered it holds the baton."""
    return respond(
        await concerns.resolve_concern(desk, ctx, concern, outcome=body.local_outcome, competence=body.competence)
    )


@router.get("/cases", response_model=Page[CaseSummary], summary="Your cases")
async def list_cases(page: AskedPage, ctx: Reading, desk: AtDesk) -> Response:
    """Return the cases in which you have a part, newest first."""
    rows = await reading.list_cases(desk, ctx, after=CASES.after(page.cursor), limit=page.limit)
    return represent(CASES.page(rows, page.limit, lambda row: (row.registered_at, row.case)))


@router.get("/cases/{case}", response_model=CaseView, summary="A case without identity")
async def read_case(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return where the case stands, who does what, and what is due; no name."""
    view, version = await reading.read_case(desk, ctx, case)
    return represent(view, version=version)


@router.get("/cases/{case}/child", response_model=ChildDossier, summary="The child, as far as the basis reaches")
async def read_child(
    case: CaseRefField,
    ctx: Reading,
    desk: AtDesk,
    purpose: Annotated[
        Purpose | None,
        Query(
            description="What you look for. Consent is given for purposes, and another one is refused with what is missing. "
            "Unsaid, it is what is usual for your part in the case, if the consent covers that. Guardians and the child need none."
        ),
    ] = None,
) -> Response:
    """Return what the vault holds in the categories that you may see at this moment. The look is recorded first."""
    view, version = await reading.read_child(desk, ctx, case, purpose)
    return represent(view, version=version)


@router.get("/cases/{case}/contacts", response_model=Contacts, summary="Where the guardians are reached")
async def read_contacts(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """For the notify service's account only; each answer is recorded as a disclosure."""
    view, version = await reading.read_contacts(desk, ctx, case)
    return represent(view, version=version)


@router.get(
    "/cases/{case}/insight-right",
    response_model=InsightRightView,
    summary="What a report on who has seen the case may tell you",
)
async def read_insight_right(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """For a guardian, and for a child that is old enough; the report itself is the audit service's `/innsyn-reports`."""
    view, version = await reading.read_insight_right(desk, ctx, case)
    return represent(view, version=version)


@router.post(
    "/cases/{case}/child-views", status_code=201, response_model=ChildViewReceipt, summary="Record the child's view"
)
async def record_child_view(case: CaseRefField, body: bodies.ChildViewBody, ctx: Command, desk: AtDesk) -> Response:
    """Record that the child was heard before a decision; a consent is not asked for without it."""
    changed = await concerns.record_child_view(
        desk,
        ctx,
        case,
        method=body.method,
        before=body.before,
        text=body.text,
        trusted_person=body.trusted_person,
    )
    return respond(changed)


@router.post(
    "/cases/{case}/contact-person", status_code=201, response_model=CaseView, summary="Choose the contact person"
)
async def choose_contact_person(
    case: CaseRefField, body: bodies.ContactPersonBody, ctx: Command, desk: AtDesk
) -> Response:
    """Note whom in the team the guardians chose to turn to."""
    changed = await concerns.choose_contact_person(
        desk, ctx, case, service=body.service, role=body.role, evidence=body.evidence, note=body.note
    )
    return respond(changed)


@router.post("/cases/{case}/closure", status_code=201, response_model=CaseView, summary="Close the case")
async def close_case(case: CaseRefField, body: bodies.ClosureBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Close the case; nothing may be left open in it."""
    return respond(await concerns.close_case(desk, ctx, case, body.outcome))


@router.post("/cases/{case}/reopening", status_code=201, response_model=CaseView, summary="Reopen the case")
async def reopen_case(case: CaseRefField, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Reopen a closed case; whoever does holds the baton."""
    return respond(await concerns.reopen_case(desk, ctx, case))
