"""How each event changes a case's state: total, pure, and the same at every replay (invariant 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from services.cases.domain.state import (
    CaseState,
    ChildViewState,
    ConcernState,
    ConsentState,
    ConsentStatus,
    ContactPerson,
    FormState,
    FormStatus,
    HandoverState,
    HandoverStatus,
    Holding,
    MeasureState,
    MeasureStatus,
    Stage,
    TeamMember,
)
from shared.contracts import cases as events
from shared.contracts.base import EventData, Model
from shared.contracts.codes import InformationCategory

Key = TypeVar("Key", bound=str)
Part = TypeVar("Part", bound=Model)


def evolve(state: CaseState, event: EventData) -> CaseState:  # noqa: PLR0911, PLR0912 -- one line per event type
    """Return the state after `event`; an event of a later version that is not known here changes nothing."""
    match event:
        case events.ConcernRegistered():
            return _registered(event)
        case events.ConcernResolvedLocally():
            concern = None if state.concern is None else _with(state.concern, outcome=event.outcome)
            return _with(state, stage=Stage.RESOLVED, concern=concern)
        case events.CaseOpened():
            holding = Holding(party=event.holder)
            return _with(
                state, stage=Stage.OPEN, level=event.level, mode=event.mode, holding=holding, decide_by=event.decide_by
            )
        case events.CaseLevelChanged():
            return _with(state, level=event.to_level, meeting_by=event.meeting_by)
        case events.CaseIdentified():
            return _with(state, mode=events.Mode.IDENTIFIED)
        case events.CaseAnonymised():
            return _with(state, mode=events.Mode.ANONYMOUS)
        case events.TeamMemberAdded():
            member = TeamMember(
                service=event.service, role=event.role, because_of=event.because_of, consent=event.consent
            )
            return _with(state, team={**state.team, event.service: member})
        case events.TeamMemberRemoved():
            return _with(state, team={name: one for name, one in state.team.items() if name is not event.service})
        case events.ContactPersonChosen():
            return _with(state, contact=ContactPerson(service=event.service, role=event.role))
        case events.ViewOfChildRecorded():
            view = ChildViewState(ref=event.view, method=event.method, before=event.before)
            return _with(state, views=(*state.views, view), heard_before=state.heard_before | {event.before})
        case events.CaseClosed():
            return _with(state, stage=Stage.CLOSED, outcome=event.outcome)
        case events.CaseReopened():
            return _reopened(state, event)
        case events.ConsentEvent():
            return _consent(state, event)
        case events.MeasureEvent():
            return _measure(state, event)
        case events.HandoverEvent():
            return _handover(state, event)
        case events.FormEvent():
            return _form(state, event)
        case _:
            return state


def fold(state: CaseState, happened: Iterable[EventData]) -> CaseState:
    """Return the state after all of `happened`, in order."""
    for event in happened:
        state = evolve(state, event)
    return state


def _registered(event: events.ConcernRegistered) -> CaseState:
    return CaseState(
        case=event.case,
        stage=Stage.CONCERN,
        address_protected=event.address_protected,
        guardians=event.guardians,
        concern=ConcernState(
            ref=event.concern,
            area=event.area,
            for_whom=event.for_whom,
            registered_by=event.registered_by,
            act_by=event.act_by,
        ),
        holding=Holding(party=event.registered_by),
    )


def _reopened(state: CaseState, event: events.CaseReopened) -> CaseState:
    """The unit that had the case has what it had; who reopens it from elsewhere knows whom it is about, and no more."""
    before = state.holding
    same_unit = before is not None and before.party.unit == event.holder.unit
    categories = before.categories if before is not None and same_unit else frozenset[InformationCategory]()
    return _with(state, stage=Stage.OPEN, outcome=None, holding=Holding(party=event.holder, categories=categories))


def _consent(state: CaseState, event: events.ConsentEvent) -> CaseState:
    if isinstance(event, events.ConsentRequested):
        requested = ConsentState(
            ref=event.consent,
            version=event.version,
            status=ConsentStatus.REQUESTED,
            scope=event.scope,
            valid_from=event.valid_from,
            valid_to=event.valid_to,
            needed=event.needed,
        )
        consents = {**state.consents, event.consent: requested}
        return _with(state, consents=consents, heard_before=state.heard_before - {"consent"})
    present = state.consents.get(event.consent)
    if present is None:
        return state
    match event:
        case events.ConsentGranted():
            status = ConsentStatus.ACTIVE if event.active else present.status
            changed = _with(present, status=status, given=present.given | {(event.grantor, event.ordinal)})
        case events.ConsentRefused():
            changed = _with(present, status=ConsentStatus.REFUSED)
        case events.ConsentNarrowed():
            ended = present.ended | (present.scope.services - event.scope.services)
            changed = _with(present, version=event.version, scope=event.scope, ended=ended)
        case events.ConsentWithdrawn():
            ended = present.ended | present.scope.services
            changed = _with(present, version=event.version, status=ConsentStatus.WITHDRAWN, ended=ended)
        case events.ConsentExpired():
            changed = _with(present, status=ConsentStatus.EXPIRED)
        case _:
            return state
    return _with(state, consents=_put(state.consents, event.consent, changed))


def _measure(state: CaseState, event: events.MeasureEvent) -> CaseState:
    if isinstance(event, events.MeasurePlanned):
        planned = MeasureState(
            ref=event.measure,
            code=event.code,
            level=event.level,
            owner=event.owner,
            owner_unit=event.owner_unit,
            goal=event.goal,
            indicator=event.indicator,
            evaluate_by=event.evaluate_by,
        )
        return _with(state, measures={**state.measures, event.measure: planned})
    present = state.measures.get(event.measure)
    if present is None:
        return state
    match event:
        case events.MeasureEvaluated():
            changed = _with(present, effect=event.effect, evaluate_by=event.evaluate_by or present.evaluate_by)
        case events.MeasureStopped():
            changed = _with(present, status=MeasureStatus.STOPPED)
        case _:
            return state
    return _with(state, measures=_put(state.measures, event.measure, changed))


def _handover(state: CaseState, event: events.HandoverEvent) -> CaseState:
    if isinstance(event, events.HandoverSent):
        sent = HandoverState(
            ref=event.handover,
            kind=event.kind,
            sender=event.sender,
            receiver=event.receiver,
            basis=event.basis,
            consent=event.consent,
            package=event.package,
            form=event.form,
            respond_by=event.respond_by,
        )
        return _with(state, handovers={**state.handovers, event.handover: sent})
    present = state.handovers.get(event.handover)
    if present is None:
        return state
    match event:
        case events.HandoverReceived():
            # A receipt after the time was out does not make it less overdue.
            status = HandoverStatus.RECEIVED if present.status is HandoverStatus.SENT else present.status
            changed = _with(present, status=status, received=True)
        case events.HandoverAccepted():
            accepted = _with(present, status=HandoverStatus.ACCEPTED, received=True)
            holding = _holding_after(state, present, event.holder)
            return _with(state, handovers=_put(state.handovers, event.handover, accepted), holding=holding)
        case events.HandoverRejected() | events.HandoverWithdrawn() | events.HandoverCancelled():
            ended = {
                events.HandoverRejected: HandoverStatus.REJECTED,
                events.HandoverWithdrawn: HandoverStatus.WITHDRAWN,
                events.HandoverCancelled: HandoverStatus.CANCELLED,
            }
            changed = _with(present, status=ended[type(event)])
            state = _free_form(state, present)
        case events.HandoverOverdue():
            changed = _with(present, status=HandoverStatus.OVERDUE)
        case _:
            return state
    return _with(state, handovers=_put(state.handovers, event.handover, changed))


def _holding_after(state: CaseState, handover: HandoverState, holder: events.Party) -> Holding:
    """Say what came with the baton: all within a unit or back home, otherwise the package that was handed over."""
    if handover.consent is None:
        return Holding(party=holder, categories=None if state.holding is None else state.holding.categories)
    if holder.unit is not None and holder.unit == state.home_unit:
        return Holding(party=holder)
    return Holding(party=holder, categories=handover.package.categories)


def _free_form(state: CaseState, handover: HandoverState) -> CaseState:
    """A form whose sending came to nothing is still approved, and may be sent again."""
    form = None if handover.form is None else state.forms.get(handover.form)
    if form is None:
        return state
    return _with(state, forms=_put(state.forms, form.ref, _with(form, status=FormStatus.APPROVED, handover=None)))


def _form(state: CaseState, event: events.FormEvent) -> CaseState:
    if isinstance(event, events.TransitionFormDrafted):
        drafted = FormState(
            ref=event.form,
            version=event.version,
            document=event.document,
            form_type=event.form_type,
            school_start=event.school_start,
            categories=event.categories,
        )
        return _with(state, forms={**state.forms, event.form: drafted})
    present = state.forms.get(event.form)
    if present is None:
        return state
    match event:
        case events.TransitionFormApproved():
            status = FormStatus.APPROVED if event.complete else present.status
            changed = _with(present, status=status, approved_by=present.approved_by | {event.ordinal})
        case events.TransitionFormSent():
            changed = _with(present, status=FormStatus.SENT, handover=event.handover)
        case events.TransitionFormReceived():
            changed = _with(present, status=FormStatus.RECEIVED)
        case _:
            return state
    return _with(state, forms=_put(state.forms, event.form, changed))


def _with(part: Part, **changes: object) -> Part:
    return part.model_copy(update=changes)


def _put(parts: Mapping[Key, Part], key: Key, part: Part) -> dict[Key, Part]:
    return {**parts, key: part}
