"""Transition forms: written, approved, sent, read (seed rules 13, 14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.cases import form_store
from services.cases.contents import FormContent
from services.cases.domain import forms
from services.cases.domain.access_terms import Action
from services.cases.domain.form_profile import FormTemplate
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError, UnknownPartError
from services.cases.handlers.consents import Given, said_by
from services.cases.handlers.desk import CASE, Desk, Keep, actor_of, change, deny, look, meet, permit_there, record
from services.cases.handlers.handovers import attendance, destined, given_to, note_receipt
from services.cases.records import approval_step
from services.cases.views import FormView
from shared.aggregate import Answer, Changed, Context
from shared.contracts.cases import EvidenceForm, Party
from shared.contracts.codes import InformationCategory, Purpose
from shared.db import Connection
from shared.refs import CaseRef, DocumentRef, FormRef, HandoverRef, LogScope
from shared.web import answer

Content = dict[InformationCategory, str]


@dataclass(frozen=True)
class Written:
    """What a version says: a text for each category, or an answer for each field of the municipality's template."""

    content: Content
    answers: dict[str, str]


async def draft_form(
    desk: Desk, ctx: Context, case: CaseRef, *, form_type: forms.FormType, school_start: int, written: Written
) -> Changed[CaseState]:
    """Write the first version of a form; its words go to the vault, a record for each category or field."""
    located, acting = await meet(desk, ctx, case)
    form = FormRef(desk.ids.ref("frm"))
    template = template_of(desk, located.municipality, form_type)
    command = forms.DraftForm(
        by=acting,
        form=form,
        document=DocumentRef(desk.ids.ref("doc")),
        form_type=form_type,
        school_start=school_start,
        categories=frozenset(written.content),
        fields=frozenset(written.answers),
        template=template,
        approval="all-guardians" if template is None else template.approval,
    )
    latest: list[CaseState] = []

    def view(state: CaseState, version: int) -> Answer:
        latest[:] = [state]
        return answer(FormView.of(state, form), status=201, version=version, location=f"/transition-forms/{form}")

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_draft(state, command, ctx.now),
        view,
        lambda conn: _keep(desk, conn, latest[0], form, written, template, ctx),
    )


async def revise_form(desk: Desk, ctx: Context, form: FormRef, written: Written) -> Changed[CaseState]:
    """Write the next version; approvals begin anew (seed rule 14)."""
    located, acting = await meet(desk, ctx, form)
    known = (await desk.journal.load(CASE, located.case)).state.forms.get(form)
    template = None if known is None else template_of(desk, located.municipality, known.form_type)
    command = forms.ReviseForm(
        by=acting,
        form=form,
        document=DocumentRef(desk.ids.ref("doc")),
        categories=frozenset(written.content),
        fields=frozenset(written.answers),
        template=template,
    )
    latest: list[CaseState] = []

    def view(state: CaseState, version: int) -> Answer:
        latest[:] = [state]
        return answer(FormView.of(state, form), status=201, version=version)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_revise(state, command, ctx.now),
        view,
        lambda conn: _keep(desk, conn, latest[0], form, written, template, ctx),
    )


async def approve_form(desk: Desk, ctx: Context, form: FormRef, version: int, given: Given) -> Changed[CaseState]:
    """Approve exactly one version (seed rule 14)."""
    located, acting = await meet(desk, ctx, form)
    signed_in = acting.guardian is not None
    command = forms.ApproveForm(
        by=acting,
        form=form,
        version=version,
        ordinal=given.ordinal,
        evidence=EvidenceForm.E_ID if signed_in else given.evidence,
        has_note=bool(given.note),
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_approve(state, command, ctx.now),
        lambda state, now_at: answer(FormView.of(state, form), status=201, version=now_at),
        _evidence(desk, located.case, command, given, ctx.now),
    )


async def send_form(
    desk: Desk,
    ctx: Context,
    form: FormRef,
    *,
    receiver: Party,
    respond_by: datetime | None,
    outside_window: forms.OutsideWindow | None = None,
    to_municipality: LogScope | None = None,
) -> Changed[CaseState]:
    """Send the approved version, and offer the baton with it (seed rule 13)."""
    located, acting = await meet(desk, ctx, form)
    handover = HandoverRef(desk.ids.ref("hdo"))
    _, receiver_away = await attendance(desk, ctx, located, receiver, to_municipality)
    known = (await desk.journal.load(CASE, located.case)).state.forms.get(form)
    template = None if known is None else template_of(desk, located.municipality, known.form_type)
    window = None if template is None or known is None else template.window.days(known.school_start)
    command = forms.SendForm(
        by=acting,
        form=form,
        handover=handover,
        receiver=receiver,
        respond_by=respond_by,
        receiver_away=receiver_away,
        window=window,
        outside_window=outside_window,
        to_municipality=None if to_municipality == located.municipality else to_municipality,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_send_form(state, command, ctx.now, desk.rules),
        lambda state, version: answer(FormView.of(state, form), status=201, version=version),
        given_to(
            ctx,
            located,
            to_municipality or located.municipality,
            receiver.actor,
            receiver.unit,
            destined(desk, located.case, handover, receiver),
        ),
    )


async def read_form(desk: Desk, ctx: Context, form: FormRef) -> tuple[FormContent, int]:
    """Return a form with the parts of its present version that the reader may see, recorded before they are answered."""
    located, acting = await meet(desk, ctx, form)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            before = (await desk.journal.load(CASE, located.case, conn=conn)).state
            sent = before.forms.get(form)
            if sent is not None and sent.handover is not None:
                may = await permit_there(desk, ctx, conn, before, acting, Action.READ_FORM)
                shown = may.categories & sent.categories
                documents = (sent.document,) if shown else ()
                await note_receipt(desk, ctx, conn, located.case, sent.handover, documents)
            looked = await look(desk, ctx, conn, located, acting, Action.READ_FORM)
            present = looked.state.forms.get(form)
            if present is None:
                raise UnknownPartError
            allowed = looked.permit.categories
            # A form that this unit wrote is its own, wherever the baton has been since.
            reach = allowed | present.categories if form in looked.permit.own else allowed
            content = await desk.records.form(conn, located.case, form, present.version, reach)
            fields = await desk.records.answers(conn, located.case, form, present.version, reach)
            told = frozenset(content) | {one.category for one in fields.values()}
            await record(
                desk,
                ctx,
                conn,
                looked,
                shown=told & allowed,
                own=told - allowed,
                documents=[present.document] if told else [],
                purpose=Purpose.TRANSITION,
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    view = FormView.of(looked.state, form)
    answers = {code: one.text for code, one in fields.items()}
    return FormContent(**dict(view), basis=looked.permit.basis, content=content, fields=answers), looked.version


def template_of(desk: Desk, municipality: LogScope, form_type: str) -> FormTemplate | None:
    """Return the municipality's template for that form, if its profile has one."""
    profile = desk.profiles.get(municipality)
    return None if profile is None else profile.cases.form(form_type)


async def list_templates(desk: Desk, ctx: Context) -> list[FormTemplate]:
    """Return the forms of the actor's municipality, with their fields in every language."""
    profile = desk.profiles.get(actor_of(ctx).municipality)
    return [] if profile is None else [*profile.cases.forms]


async def _keep(
    desk: Desk,
    conn: Connection,
    state: CaseState,
    form: FormRef,
    written: Written,
    template: FormTemplate | None,
    ctx: Context,
) -> None:
    present = state.forms[form]
    if state.case is None:
        return
    await desk.records.keep_form(conn, state.case, form, present.version, written.content)
    if template is not None:
        await desk.records.keep_answers(conn, state.case, form, present.version, template.placed(written.answers))
        await form_store.expect(conn, present, template, ctx.now)


def _evidence(desk: Desk, case: CaseRef, command: forms.ApproveForm, given: Given, at: datetime) -> Keep | None:
    note = given.note
    if not note:
        return None
    said = said_by(command.by, given, at, signed_in=False)
    step = approval_step(command.version, said.ordinal)
    return lambda conn: desk.records.keep_evidence(conn, case, command.form, step, note, said)
