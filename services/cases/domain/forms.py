"""Transition forms (overgangsskjema): approved by the guardians in exactly the version that is sent (seed rules 13, 14)."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.form_profile import FormTemplate, written_of
from services.cases.domain.handover import SendHandover, offer
from services.cases.domain.handover_lifecycles import FORM
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, FormState
from services.cases.errors import (
    AlreadyAnsweredError,
    EvidenceMissingError,
    FormNotApprovedError,
    FormOutsideWindowError,
    FormSentError,
    FormVersionError,
    NotAGrantorError,
    UnknownPartError,
)
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    EvidenceForm,
    HandoverRoute,
    Package,
    Party,
    TransitionFormApproved,
    TransitionFormDrafted,
    TransitionFormSent,
)
from shared.contracts.codes import InformationCategory
from shared.refs import DocumentRef, FormRef, HandoverRef, LogScope

FormType = Literal["barnehage-to-school", "school-to-school"]
Approval = Literal["all-guardians", "one-guardian"]
OutsideWindow = Literal["late-placement", "moved", "guardians-wish", "school-asks"]
"""Why a form is sent outside its window."""


class DraftForm(Model):
    """Write a form, or its next version; the text is in the vault, one record for each category of information."""

    by: Acting
    form: FormRef
    document: DocumentRef
    form_type: FormType
    school_start: int = Field(ge=2000, le=2200)
    categories: frozenset[InformationCategory] = frozenset()
    """What its free content is of, where the municipality has no template."""
    fields: frozenset[str] = frozenset()
    """Which fields of the template have an answer."""
    template: FormTemplate | None = None
    approval: Approval = "all-guardians"


class ReviseForm(Model):
    """Write the next version. What was approved of an older one counts no more."""

    by: Acting
    form: FormRef
    document: DocumentRef
    categories: frozenset[InformationCategory] = frozenset()
    """What its free content is of, where the municipality has no template."""
    fields: frozenset[str] = frozenset()
    """Which fields of the template have an answer."""
    template: FormTemplate | None = None


class ApproveForm(Model):
    """One guardian approves exactly this version: signed in, or recorded by the holder with evidence."""

    by: Acting
    form: FormRef
    version: int
    ordinal: int | None = None
    evidence: EvidenceForm = EvidenceForm.E_ID
    has_note: bool = False


class SendForm(Model):
    """Send the approved version to a named receiver at the school; with it goes the baton."""

    by: Acting
    form: FormRef
    handover: HandoverRef
    receiver: Party
    respond_by: AwareDatetime | None = None
    receiver_away: bool = False
    to_municipality: LogScope | None = None
    """Where the school is, when that is another municipality."""
    window: tuple[date, date] | None = None
    """The days on which the municipality sends such a form; none: whenever it is approved."""
    outside_window: OutsideWindow | None = None


def decide_draft(state: CaseState, command: DraftForm, now: datetime) -> list[CaseEvent]:
    """Write the first version of a form (seed rules 13, 85).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        FormTemplateMissingError, FormByTemplateError, FormFieldUnknownError, FormFieldMissingError: see `written_of`.
    """
    access.require(state, Action.DRAFT_FORM, command.by, now)
    return [
        TransitionFormDrafted(
            case=ref_of(state),
            form=command.form,
            version=1,
            document=command.document,
            form_type=command.form_type,
            school_start=command.school_start,
            categories=written_of(command.template, command.categories, command.fields),
            approval=command.approval,
        )
    ]


def decide_revise(state: CaseState, command: ReviseForm, now: datetime) -> list[CaseEvent]:
    """Write the next version of a form; approvals begin anew.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, FormSentError: there is no such form, or it has gone.
        FormTemplateMissingError, FormByTemplateError, FormFieldUnknownError, FormFieldMissingError: see `written_of`.
    """
    access.require(state, Action.DRAFT_FORM, command.by, now)
    form = _form(state, command.form)
    if not FORM.allows(form.status, TransitionFormDrafted):
        raise FormSentError
    return [
        TransitionFormDrafted(
            case=ref_of(state),
            form=form.ref,
            version=form.version + 1,
            document=command.document,
            form_type="school-to-school" if form.form_type == "school-to-school" else "barnehage-to-school",
            school_start=form.school_start,
            categories=written_of(command.template, command.categories, command.fields),
            approval="one-guardian" if form.one_is_enough else "all-guardians",
        )
    ]


def decide_approve(state: CaseState, command: ApproveForm, now: datetime) -> list[CaseEvent]:
    """Approve exactly one version; complete when all guardians have (seed rule 14).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, FormSentError: there is no such form, or it has gone.
        FormVersionError: another version is the present one.
        AlreadyAnsweredError: this guardian has approved it.
        EvidenceMissingError, NotAGrantorError: recorded for somebody without evidence, or for nobody known.
    """
    signed_in = command.by.guardian is not None
    access.require(state, Action.APPROVE_FORM if signed_in else Action.RECORD_ANSWER, command.by, now)
    form = _form(state, command.form)
    ordinal = command.by.guardian if signed_in else command.ordinal
    if ordinal is None or (not signed_in and (command.evidence is EvidenceForm.E_ID or not command.has_note)):
        raise EvidenceMissingError
    if ordinal not in state.responsible:
        raise NotAGrantorError
    if not FORM.allows(form.status, TransitionFormDrafted):
        raise FormSentError
    if command.version != form.version:
        raise FormVersionError(extensions={"version": form.version})
    if ordinal in form.approved_by:
        raise AlreadyAnsweredError
    approved = form.model_copy(update={"approved_by": form.approved_by | {ordinal}})
    complete = approved.missing(state.guardians) == 0
    return [
        TransitionFormApproved(
            case=ref_of(state),
            form=form.ref,
            version=form.version,
            ordinal=ordinal,
            complete=complete,
            evidence=EvidenceForm.E_ID if signed_in else command.evidence,
        )
    ]


def decide_send_form(state: CaseState, command: SendForm, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Send the approved form and offer the baton with it, on the guardians' consent for the transition (seed rules 13, 14).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError, FormSentError: there is no such form, or it has gone already.
        FormOutsideWindowError: it is not the time of year, and no reason is given (seed rule 13).
        FormNotApprovedError: not all guardians have approved this version; the error says how many are missing.
        HandoverOpenError, ReceiverIsSenderError, AnswerTimeError, OutsideHoldingError, ConsentMissingError: see `handover.offer`.
    """
    access.require(state, Action.SEND_FORM, command.by, now)
    form = _form(state, command.form)
    if not FORM.allows(form.status, TransitionFormDrafted):
        raise FormSentError
    if not FORM.allows(form.status, TransitionFormSent):
        missing = form.missing(state.guardians)
        raise FormNotApprovedError(extensions={"version": form.version, "missing": {"guardian": missing}})
    within = command.window is None or command.window[0] <= oslo_day(now) <= command.window[1]
    if not within and command.outside_window is None and command.window is not None:
        first, last = (day.isoformat() for day in command.window)
        raise FormOutsideWindowError(extensions={"first": first, "last": last})
    to_school = form.form_type == "barnehage-to-school"
    kind = HandoverRoute.BARNEHAGE_TO_SCHOOL if to_school else HandoverRoute.SCHOOL_TO_SCHOOL
    sent = offer(
        state,
        SendHandover(
            by=command.by,
            handover=command.handover,
            kind=HandoverRoute.MUNICIPALITY if command.to_municipality is not None else kind,
            receiver=command.receiver,
            package=Package(categories=form.categories, documents=(form.document,)),
            respond_by=command.respond_by,
            receiver_away=command.receiver_away,
            to_municipality=command.to_municipality,
        ),
        now,
        rules,
        form=form.ref,
    )
    gone = TransitionFormSent(
        case=ref_of(state),
        form=form.ref,
        version=form.version,
        handover=command.handover,
        outside_window=None if within else command.outside_window,
    )
    return [sent, gone]


def _form(state: CaseState, ref: FormRef) -> FormState:
    form = state.forms.get(ref)
    if form is None:
        raise UnknownPartError
    return form
