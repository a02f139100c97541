"""How the events of the vault's keeping change a case's state; `evolution.py` asks here for what it does not know."""

from __future__ import annotations

from services.cases.domain.course_lifecycles import CASE, CONCERN
from services.cases.domain.glass_lifecycles import GLASS
from services.cases.domain.handover_lifecycles import FORM
from services.cases.domain.kept import DocumentState, GlassState, ProtectionState, RecordState
from services.cases.domain.state import CaseState, ConcernState, FormState, Holding
from shared.contracts import safekeeping as events
from shared.contracts.base import EventData


def evolve_kept(state: CaseState, event: EventData) -> CaseState:  # noqa: PLR0911 -- one line per event type
    """Return the state after `event`; an event that is not known here either changes nothing."""
    match event:
        case events.GlassEvent():
            return _glass(state, event)
        case events.GuardiansChanged():
            return _guardians(state, event)
        case events.CaseContinued():
            return _continued(state, event)
        case events.AddressProtectionSet():
            protection = ProtectionState(kind=event.kind, valid_to=event.valid_to)
            return state.model_copy(
                update={"address_protected": True, "protection": protection, "protection_lifted": False}
            )
        case events.AddressProtectionLifted():
            return state.model_copy(update={"protection": None, "protection_lifted": True})
        case events.RecordWritten():
            record = RecordState(ref=event.record, category=event.category, version=event.version, by=event.by)
            before = state.records.get(event.record)
            author = None if before is None or before.by is None else before.by.service
            update: dict[str, object] = {"records": {**state.records, event.record: record}}
            if author is not None and (event.by is None or event.by.service is not author):
                update["corrected_of"] = state.corrected_of | {author}
            return state.model_copy(update=update)
        case events.DocumentAdded():
            document = DocumentState(
                ref=event.document, category=event.category, media=event.media, size=event.size, by=event.by
            )
            return state.model_copy(update={"documents": {**state.documents, event.document: document}})
        case events.CaseErased():
            stage = CASE.after(state.stage, event)
            return state if stage is None else state.model_copy(update={"stage": stage})
        case events.IdentityCorrected():
            return state.model_copy(update={"identity_version": event.version})
        case _:
            return state


def _glass(state: CaseState, event: events.GlassEvent) -> CaseState:
    present = state.glass.get(event.glass)
    status = GLASS.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.BreakGlassOpened):
        changed = GlassState(
            ref=event.glass,
            by=event.by,
            reason=event.reason,
            basis=event.basis.code,
            categories=event.categories,
            until=event.until,
            review_by=event.review_by,
            status=status,
        )
    elif present is not None:
        outcome = event.outcome if isinstance(event, events.BreakGlassReviewed) else present.outcome
        changed = present.model_copy(update={"status": status, "outcome": outcome})
    else:
        return state
    return state.model_copy(update={"glass": {**state.glass, event.glass: changed}})


def _guardians(state: CaseState, event: events.GuardiansChanged) -> CaseState:
    """Approvals of a form that has not been sent begin anew: somebody else must approve it now."""
    forms = {ref: begun_anew(form, event) for ref, form in state.forms.items()}
    present = frozenset(event.ordinals)
    return state.model_copy(update={"guardians": event.guardians, "guardian_ordinals": present, "forms": forms})


def begun_anew(form: FormState, event: events.GuardiansChanged) -> FormState:
    """Return the form without its approvals, if it can lose them: what has been sent has them until it comes back."""
    status = FORM.after(form.status, event)
    return form if status is None else form.model_copy(update={"status": status, "approved_by": frozenset[int]()})


def _continued(state: CaseState, event: events.CaseContinued) -> CaseState:
    stage, concern = (
        CASE.after(state.stage, event),
        CONCERN.after(None if state.concern is None else state.concern.status, event),
    )
    if stage is None or concern is None:
        return state
    begun = {
        "case": event.case,
        "stage": stage,
        "address_protected": True,
        "guardians": event.guardians,
        "guardian_ordinals": frozenset(event.ordinals),
        "concern": ConcernState.of(event, event.holder, concern),
        "level": event.level,
        "holding": Holding(party=event.holder),
        "decide_by": event.decide_by,
        "meeting_by": event.meeting_by,
        "meeting_below_by": event.meeting_below_by,
    }
    return state.model_copy(update=begun)
