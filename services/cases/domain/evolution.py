"""How each event changes a case's state: total, pure, and the same at every replay (invariant 5).

What becomes of a status stands in the tables of `lifecycles.py` and nowhere else: an event that a table does not allow from the
present status changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeVar

from services.cases.domain.around_evolution import evolve_around
from services.cases.domain.consent_evolution import consents, overrides
from services.cases.domain.course_lifecycles import CASE, CONCERN, MODE
from services.cases.domain.ended import evolve_ended
from services.cases.domain.handover_lifecycles import FORM, HANDOVER
from services.cases.domain.keeping import begun_anew, evolve_kept
from services.cases.domain.kinds import KINDS
from services.cases.domain.measure_lifecycles import MEASURE, OVERLAP
from services.cases.domain.moved import evolve_moved
from services.cases.domain.state import (
    CaseState,
    ChildViewState,
    ConcernState,
    ConsentStatus,
    ContactPerson,
    FormState,
    HandoverState,
    Holding,
    MeasureState,
    OverlapState,
    RefusedOutcome,
    TeamMember,
)
from shared.contracts import cases as events
from shared.contracts.base import EventData, Model
from shared.contracts.codes import InformationCategory, Service
from shared.contracts.safekeeping import GuardiansChanged, RecordWritten
from shared.contracts.team import ChildNotHeard
from shared.refs import ConsentRef

Key = TypeVar("Key", bound=str)
Part = TypeVar("Part", bound=Model)


def evolve(state: CaseState, event: EventData) -> CaseState:
    """Return the state after `event`; an event of a later version that is not known here changes nothing.

    Whom the guardians turn to is in the team or in the holder's service at every moment: who leaves is it no more (seed rule 33).
    Nor does anybody coordinate a group that is over (seed rule 24), also where no event says so: until it was a rule, none did.
    """
    state = _evolved(state, event)
    coordinators, group = state.around.coordinators, events.CoordinatorKind.ANSVARSGRUPPE
    if state.group_over and group in coordinators:
        left = {kind: one for kind, one in coordinators.items() if kind is not group}
        state = _with(state, around=state.around.model_copy(update={"coordinators": left}))
    if state.contact is None or state.contact.service in state.around_the_child:
        return state
    return _with(state, contact=None)


def _evolved(state: CaseState, event: EventData) -> CaseState:  # noqa: PLR0911, PLR0912 -- one line per event type
    state = _around(state, event)
    match event:
        case events.ConcernRegistered():
            return _registered(state, event)
        case events.ConcernJoined() | events.ConcernResolvedLocally() | events.ConcernEscalated():
            return _concern(state, event)
        case events.CaseOpened():
            holding = Holding(party=event.holder)
            return _in_mode(
                _at_stage(
                    state,
                    event,
                    level=event.level,
                    holding=holding,
                    decide_by=event.decide_by,
                    meeting_by=event.meeting_by,
                ),
                event,
            )
        case events.CaseLevelChanged():
            below = state.meeting_by if event.to_level > event.from_level else None
            return _with(state, level=event.to_level, meeting_by=event.meeting_by, meeting_below_by=below)
        case events.CaseMeetingHeld():
            return _with(state, meeting_by=None, meeting_below_by=None)
        case events.CaseIdentified() | events.CaseAnonymised():
            return _in_mode(state, event)
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
            state = recorded(state, event.view)
            return _with(state, views=(*state.views, view), heard_before=state.heard_before | {event.before})
        case events.CaseClosed():
            return _at_stage(state, event, outcome=event.outcome)
        case events.CaseReopened():
            return _reopened(state, event)
        case events.ConsentEvent():
            return consents(state, event)
        case events.CareOrderRecorded():
            return _with(state, care_order=event.in_force)
        case events.OverrideEvent():
            return overrides(state, event)
        case events.MeasureEvent():
            return _measure(state, event)
        case events.OverlapEvent():
            return _overlap(state, event)
        case events.MeasureOverlapElsewhereSuspected():
            return _with(state, elsewhere=state.elsewhere | {event.measure})
        case events.OutcomeRefused():
            return _with(state, refused_outcomes=(*state.refused_outcomes, RefusedOutcome.of(event)))
        case events.HandoverEvent():
            return _handover(state, event)
        case events.FormEvent():
            return _form(state, event)
        case _:
            kept = evolve_moved(evolve_ended(evolve_kept(state, event), event), event)
            return recorded(kept, event.record) if isinstance(event, RecordWritten) else kept


def recorded(state: CaseState, ref: str) -> CaseState:
    """Return `state` with `ref` as recorded by the unit that has the case; of an address-protected case it is not known which."""
    unit = None if state.holding is None else state.holding.party.unit
    others = {known: by for known, by in state.recorded_by.items() if known != ref}
    return _with(state, recorded_by=others if unit is None else {**others, ref: unit})


def fold(state: CaseState, happened: Iterable[EventData]) -> CaseState:
    """Return the state after all of `happened`, in order."""
    for event in happened:
        state = evolve(state, event)
    return state


def _around(state: CaseState, event: EventData) -> CaseState:
    around = evolve_around(state.around, event)
    if around is not state.around:
        state = _with(state, around=around)
    if isinstance(event, ChildNotHeard):
        # A reason that counts is as good as having been heard, for the one decision that it was given for.
        state = _with(state, heard_before=state.heard_before | {event.before})
    return state


def _at_stage(state: CaseState, event: EventData, **changes: object) -> CaseState:
    """Return the state at the stage to which `event` leads, with what else it changes."""
    stage = CASE.after(state.stage, event)
    return state if stage is None else _with(state, stage=stage, **changes)


def _in_mode(state: CaseState, event: EventData) -> CaseState:
    mode = MODE.after(state.mode, event)
    return state if mode is None else _with(state, mode=mode)


def _registered(state: CaseState, event: events.ConcernRegistered) -> CaseState:
    stage, status = CASE.after(state.stage, event), CONCERN.after(None, event)
    if stage is None or status is None:
        return state
    unit = event.registered_by.unit
    return _with(
        state,
        case=event.case,
        recorded_by={} if unit is None else {event.concern: unit},
        stage=stage,
        address_protected=event.address_protected,
        guardians=event.guardians,
        concern=ConcernState.of(event, event.registered_by, status),
        holding=Holding(party=event.registered_by),
    )


def _concern(
    state: CaseState, event: events.ConcernJoined | events.ConcernResolvedLocally | events.ConcernEscalated
) -> CaseState:
    """The first concern, or one that joined it; when the last that waited is solved, so is the whole."""
    first = state.concern
    if first is None:
        return state
    present = first if first.ref == event.concern else state.further.get(event.concern)
    status = CONCERN.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.ConcernJoined):
        joined = ConcernState.of(event, event.registered_by, status)
        return _with(state, further=_put(state.further, event.concern, joined))
    if present is None:
        return state
    solved = event.outcome if isinstance(event, events.ConcernResolvedLocally) else None
    changed = _with(present, status=status, outcome=solved)
    state = (
        _with(state, concern=changed)
        if present is first
        else _with(state, further=_put(state.further, event.concern, changed))
    )
    return state if state.waiting_concerns else _at_stage(state, event)


def _reopened(state: CaseState, event: events.CaseReopened) -> CaseState:
    """The unit that had the case has what it had; who reopens it from elsewhere knows whom it is about, and no more."""
    before = state.holding
    same_unit = before is not None and before.party.unit == event.holder.unit
    categories = before.categories if before is not None and same_unit else frozenset[InformationCategory]()
    return _at_stage(
        state,
        event,
        outcome=None,
        holding=Holding(party=event.holder, categories=categories),
        decide_by=event.decide_by,
        before_reopening=frozenset(state.measures),
        meeting_by=event.meeting_by,
        meeting_below_by=None if state.meeting_below_by is None else event.meeting_by,
        end_by=event.end_by,
    )


def _measure(state: CaseState, event: events.MeasureEvent) -> CaseState:
    present = state.measures.get(event.measure)
    status = MEASURE.after(None if present is None else present.status, event)
    if status is None:
        return state
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
            evaluate_before=event.evaluate_before,
            status=status,
            consents=_granted_to(state, event.owner),
        )
        return recorded(_with(state, measures=_put(state.measures, event.measure, planned)), event.goal)
    if present is None:
        return state
    changed = _with(present, status=status)
    match event:
        case events.MeasureEvaluated():
            changed = _with(
                changed,
                effect=event.effect,
                evaluate_by=event.evaluate_by or present.evaluate_by,
                evaluate_before=event.evaluate_before or present.evaluate_before,
            )
        case events.MeasureStarted():
            changed = _with(changed, evaluate_before=event.evaluate_before or present.evaluate_before)
        case events.MeasureChanged():
            same_owner = event.owner is present.owner
            changed = _with(
                changed,
                consents=present.consents if same_owner else _granted_to(state, event.owner),
                goals_before=(present.goals_before | {present.goal}) - {event.goal},
                owner=event.owner,
                owner_unit=event.owner_unit,
                goal=event.goal,
                indicator=event.indicator,
                evaluate_by=event.evaluate_by,
            )
        case events.MeasureStopped():
            state = _no_longer_overlapping(state, event)
        case _:
            pass
    return _with(state, measures=_put(state.measures, event.measure, changed))


def _granted_to(state: CaseState, service: Service) -> frozenset[ConsentRef]:
    """Return the consents by which `service` may carry something out; none for the holder's own, which needs none."""
    if state.holder is not None and state.holder.service is service:
        return frozenset()
    active = ConsentStatus.ACTIVE
    return frozenset(one.ref for one in state.consents.values() if one.status is active and one.covers(service))


def _overlap(state: CaseState, event: events.OverlapEvent) -> CaseState:
    present = state.overlaps.get(event.measure)
    status = OVERLAP.after(None if present is None else present.status, event)
    if status is None:
        return state
    match event:
        case events.MeasureOverlapSuspected():
            overlap = OverlapState(measure=event.measure, others=event.others, code=event.overlap, status=status)
        case events.MeasureOverlapExplained() if present is not None:
            overlap = _with(present, status=status, explained_by=present.explained_by | {event.explained_for})
        case _:
            return state
    return _with(state, overlaps=_put(state.overlaps, event.measure, overlap))


def _no_longer_overlapping(state: CaseState, stopped: events.MeasureStopped) -> CaseState:
    """Two do the same only while both run."""
    overlaps = dict(state.overlaps)
    for key, one in state.overlaps.items():
        left = tuple(other for other in one.others if other != stopped.measure)
        status = OVERLAP.after(one.status, stopped)
        if status is not None and (one.measure == stopped.measure or not left):
            overlaps[key] = _with(one, status=status)
        elif left != one.others:
            overlaps[key] = _with(one, others=left)
    return _with(state, overlaps=overlaps)


def _handover(state: CaseState, event: events.HandoverEvent) -> CaseState:
    present = state.handovers.get(event.handover)
    status = HANDOVER.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.HandoverProposed):
        proposed = HandoverState(
            ref=event.handover,
            kind=KINDS[event.route].wire,
            sender=event.sender,
            receiver=event.receiver,
            basis=None,
            consent=None,
            package=event.package,
            form=None,
            respond_by=event.respond_by,
            status=status,
            route=event.route,
            to_municipality=event.to_municipality,
        )
        return _with(state, handovers={**state.handovers, event.handover: proposed})
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
            status=status,
            route=event.route,
            on_behalf=event.on_behalf,
            to_municipality=event.to_municipality,
            coordination=event.coordination,
        )
        return _with(state, handovers=_put(state.handovers, event.handover, sent))
    if present is None:
        return state
    changed = _with(present, status=status)
    match event:
        case events.HandoverReceived():
            documents = present.received_documents | frozenset(event.documents)
            changed = _with(changed, received=True, received_documents=documents)
        case events.HandoverCoordinationAccepted():
            changed = _with(changed, received=True)
        case events.HandoverAccepted():
            changed = _with(changed, received=True)
            state = _with(state, holding=_holding_after(state, present, event.holder))
        case _:
            state = _form_of(state, present, event)
    return _with(state, handovers=_put(state.handovers, event.handover, changed))


def _holding_after(state: CaseState, handover: HandoverState, holder: events.Party) -> Holding:
    """Say what came with the baton: all within a unit, otherwise the package that was handed over, back home too.

    What a unit recorded itself it reads wherever the baton has been since (`CaseState.own_records`); what a later unit recorded
    does not open to an earlier one because the baton came back.
    """
    if handover.consent is None:
        return Holding(party=holder, categories=None if state.holding is None else state.holding.categories)
    return Holding(party=holder, categories=handover.package.categories)


def _form_of(state: CaseState, handover: HandoverState, event: events.HandoverEvent) -> CaseState:
    """A form whose sending came to nothing is still approved, and may be sent again: unless others must approve it by now."""
    form = None if handover.form is None else state.forms.get(handover.form)
    status = None if form is None else FORM.after(form.status, event)
    if form is None or status is None:
        return state
    back = _with(form, status=status, handover=None)
    if not back.stands(state.responsible):
        # Who has the say changed while it was away: that counts now.
        present = tuple(sorted(state.responsible))
        back = begun_anew(back, GuardiansChanged(case=event.case, guardians=len(present), ordinals=present))
    return _with(state, forms=_put(state.forms, form.ref, back))


def _form(state: CaseState, event: events.FormEvent) -> CaseState:
    present = state.forms.get(event.form)
    status = FORM.after(None if present is None else present.status, event)
    if status is None:
        return state
    if isinstance(event, events.TransitionFormDrafted):
        drafted = FormState(
            ref=event.form,
            version=event.version,
            document=event.document,
            form_type=event.form_type,
            school_start=event.school_start,
            categories=event.categories,
            status=status,
            one_is_enough=event.approval == "one-guardian",
        )
        return recorded(_with(state, forms=_put(state.forms, event.form, drafted)), event.form)
    if present is None:
        return state
    changed = _with(present, status=status)
    match event:
        case events.TransitionFormApproved():
            changed = _with(changed, approved_by=present.approved_by | {event.ordinal})
        case events.TransitionFormSent():
            changed = _with(changed, handover=event.handover)
        case _:
            pass
    return _with(state, forms=_put(state.forms, event.form, changed))


def _with(part: Part, **changes: object) -> Part:
    return part.model_copy(update=changes)


def _put(parts: Mapping[Key, Part], key: Key, part: Part) -> dict[Key, Part]:
    return {**parts, key: part}
