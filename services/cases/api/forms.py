"""Transition forms."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import bodies
from services.cases.api.at_desk import AtDesk
from services.cases.contents import FormContent
from services.cases.domain.form_profile import FormTemplate
from services.cases.handlers import forms
from services.cases.handlers.consents import Given
from services.cases.views import FormView
from shared.contracts.codes import GrantorClass
from shared.refs import CaseRefField, FormRefField
from shared.web import Command, GuardedCommand, Page, Reading, represent, respond

router = APIRouter(tags=["transition forms"])


@router.get("/transition-form-templates", response_model=Page[FormTemplate], summary="The forms of your municipality")
async def list_templates(ctx: Reading, desk: AtDesk) -> Response:
    """Return each form's fields with their texts in every language, when it is sent, and who must approve it."""
    return represent(Page[FormTemplate](items=await forms.list_templates(desk, ctx)))


@router.post(
    "/cases/{case}/transition-forms", status_code=201, response_model=FormView, summary="Write a transition form"
)
async def draft_form(case: CaseRefField, body: bodies.FormBody, ctx: Command, desk: AtDesk) -> Response:
    """Write the first version of a transition form (overgangsskjema)."""
    changed = await forms.draft_form(
        desk,
        ctx,
        case,
        form_type=body.form_type,
        school_start=body.school_start,
        written=forms.Written(body.content, body.fields),
    )
    return respond(changed)


@router.get("/transition-forms/{form}", response_model=FormContent, summary="A transition form")
async def read_form(form: FormRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the present version with the categories that you may see; the receiver's first look is the receipt."""
    view, version = await forms.read_form(desk, ctx, form)
    return represent(view, version=version)


@router.post(
    "/transition-forms/{form}/versions", status_code=201, response_model=FormView, summary="Write the next version"
)
async def revise_form(form: FormRefField, body: bodies.FormVersionBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Write the next version; what was approved of an older one counts no more."""
    return respond(await forms.revise_form(desk, ctx, form, forms.Written(body.content, body.fields)))


@router.post(
    "/transition-forms/{form}/approvals", status_code=201, response_model=FormView, summary="Approve a version"
)
async def approve_form(form: FormRefField, body: bodies.ApprovalBody, ctx: Command, desk: AtDesk) -> Response:
    """Approve exactly this version: as a guardian, signed in, or recorded for one with evidence."""
    given = Given(grantor=GrantorClass.GUARDIAN, ordinal=body.ordinal, evidence=body.evidence, note=body.note)
    return respond(await forms.approve_form(desk, ctx, form, body.version, given))


@router.post(
    "/transition-forms/{form}/sending", status_code=201, response_model=FormView, summary="Send the approved form"
)
async def send_form(form: FormRefField, body: bodies.SendingBody, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Send it to a named receiver at the school, and offer the baton with it."""
    return respond(
        await forms.send_form(
            desk,
            ctx,
            form,
            receiver=body.receiver.party(),
            respond_by=body.respond_by,
            outside_window=body.outside_window,
            to_municipality=body.receiver.municipality,
        )
    )
