"""Transition forms: written, approved, sent, read (seed rules 13, 14)."""

from __future__ import annotations

from datetime import datetime

from services.cases.contents import FormContent
from services.cases.domain import access, forms
from services.cases.domain.access import Action
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError, UnknownPartError
from services.cases.handlers.consents import Given
from services.cases.handlers.desk import CASE, Desk, Keep, change, deny, look, meet, record
from services.cases.handlers.handovers import attendance, destined, note_receipt
from services.cases.views import FormView
from shared.aggregate import Answer, Changed, Context
from shared.contracts.cases import EvidenceForm, Party
from shared.contracts.codes import InformationCategory, Purpose
from shared.refs import CaseRef, DocumentRef, FormRef, HandoverRef
from shared.web import answer

Content = dict[InformationCategory, str]


async def draft_form(
    desk: Desk, ctx: Context, case: CaseRef, *, form_type: forms.FormType, school_start: int, content: Content
) -> Changed[CaseState]:
    """Write the first version of a form; its text goes to the vault, a record for each category."""
    located, acting = await meet(desk, ctx, case)
    form = FormRef(desk.ids.ref("frm"))
    command = forms.DraftForm(
        by=acting,
        form=form,
        document=DocumentRef(desk.ids.ref("doc")),
        form_type=form_type,
        school_start=school_start,
        categories=frozenset(content),
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_draft(state, command, ctx.now),
        lambda state, version: answer(
            FormView.of(state, form), status=201, version=version, location=f"/transition-forms/{form}"
        ),
        lambda conn: desk.records.keep_form(conn, located.case, form, 1, content),
    )


async def revise_form(desk: Desk, ctx: Context, form: FormRef, content: Content) -> Changed[CaseState]:
    """Write the next version; approvals begin anew (seed rule 14)."""
    located, acting = await meet(desk, ctx, form)
    command = forms.ReviseForm(
        by=acting, form=form, document=DocumentRef(desk.ids.ref("doc")), categories=frozenset(content)
    )
    written = 0

    def view(state: CaseState, version: int) -> Answer:
        nonlocal written
        revised = FormView.of(state, form)
        written = revised.version
        return answer(revised, status=201, version=version)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_revise(state, command, ctx.now),
        view,
        lambda conn: desk.records.keep_form(conn, located.case, form, written, content),
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
        _evidence(desk, located.case, form, version, given),
    )


async def send_form(
    desk: Desk, ctx: Context, form: FormRef, *, receiver: Party, respond_by: datetime | None
) -> Changed[CaseState]:
    """Send the approved version, and offer the baton with it (seed rule 13)."""
    located, acting = await meet(desk, ctx, form)
    handover = HandoverRef(desk.ids.ref("hdo"))
    _, receiver_away = await attendance(desk, ctx, located, receiver)
    command = forms.SendForm(
        by=acting,
        form=form,
        handover=handover,
        receiver=receiver,
        respond_by=respond_by,
        receiver_away=receiver_away,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: forms.decide_send_form(state, command, ctx.now, desk.rules),
        lambda state, version: answer(FormView.of(state, form), status=201, version=version),
        destined(desk, located.case, handover, receiver),
    )


async def read_form(desk: Desk, ctx: Context, form: FormRef) -> tuple[FormContent, int]:
    """Return a form with the parts of its present version that the reader may see, recorded before they are answered."""
    located, acting = await meet(desk, ctx, form)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            before = (await desk.journal.load(CASE, located.case, conn=conn)).state
            sent = before.forms.get(form)
            if sent is not None and sent.handover is not None:
                shown = access.permit(before, Action.READ_FORM, acting, ctx.now).categories & sent.categories
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
            await record(
                desk,
                ctx,
                conn,
                looked,
                shown=frozenset(content) & allowed,
                own=frozenset(content) - allowed,
                documents=[present.document] if content else [],
                purpose=Purpose.TRANSITION,
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    view = FormView.of(looked.state, form)
    return FormContent(**dict(view), basis=looked.permit.basis, content=content), looked.version


def _evidence(desk: Desk, case: CaseRef, form: FormRef, version: int, given: Given) -> Keep | None:
    note = given.note
    if not note:
        return None
    return lambda conn: desk.records.keep_evidence(conn, case, form, f"approval-{version}-{given.ordinal or 0}", note)
