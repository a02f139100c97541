"""The case as its family may know it: nobody's answers but the reader's own, and nothing of what the child decides over alone.

Everything that a guardian or the child is answered is made of this state (`handlers/desk.py`), so no view has to remember it. Who
is no family is told the state as it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from services.cases.domain.acting import Acting
from services.cases.domain.around import PlanState
from services.cases.domain.state import (
    CaseState,
    ConsentState,
    ConsentStatus,
    FormState,
    FormStatus,
    Grantor,
    HandoverState,
    HandoverStatus,
    MeasureState,
    OverrideState,
    RenewalState,
)
from shared.clock import oslo_day
from shared.contracts.cases import Mode
from shared.contracts.codes import GrantorClass, InformationCategory, Service
from shared.refs import ConsentRef, DocumentRef, GoalRef

_WHOM = frozenset({InformationCategory.IDENTITY})
_ANSWERED = frozenset({ConsentStatus.REQUESTED, ConsentStatus.REFUSED, ConsentStatus.DISAGREED, ConsentStatus.LAPSED})
"""Not in force, by what was answered or was not: which of these it is tells what others said."""


_TAKEN = frozenset({HandoverStatus.ACCEPTED, HandoverStatus.COMPLETED})


def mine(acting: Acting) -> Grantor:
    """Return which of the family somebody answers as."""
    return (GrantorClass.CHILD, 1) if acting.guardian is None else (GrantorClass.GUARDIAN, acting.guardian)


def kept_from(categories: Iterable[InformationCategory], acting: Acting) -> bool:
    """Return whether something is about nothing else than what the child decides over alone, beside whom it is about."""
    every = frozenset(categories)
    return bool(every & acting.withheld) and not every - acting.withheld - _WHOM


def childs_alone(consent: ConsentState, acting: Acting) -> bool:
    """Return whether a consent is the child's alone: about nothing else than what the child decides over, and asked of no guardian.

    Whoever must consent is told to what, whatever the child's age: no one can sign what is not there (seed rule 4).
    """
    return kept_from(consent.scope.categories, acting) and not asked_of_guardians(consent)


def asked_of_guardians(consent: ConsentState) -> bool:
    """Return whether a guardian is among those who must grant it, or its next period."""
    needed = [consent.needed, {} if consent.renewal is None else consent.renewal.needed]
    return any(one.get(GrantorClass.GUARDIAN, 0) for one in needed)


def as_told(state: CaseState, acting: Acting, now: datetime) -> CaseState:
    """Return the case as this guardian, or the child, may know it at `now`; for anybody else as it is."""
    if acting.guardian is None and not acting.child:
        return state
    around, withheld = state.around, acting.withheld
    hidden, unspoken = _hidden(state, acting), _unspoken(state, acting, now)
    consents = {ref: one for ref, one in state.consents.items() if ref not in hidden}
    gone = {one.ref for one in _measures_kept(state, acting, now)}
    goals = kept_goals(state, acting, now)
    # Who coordinates by the child's own consent alone is not told of (seed rule 97); in the holder's service it takes none.
    alone, home = _alone(state, hidden, now), None if state.holder is None else state.holder.service
    by_name = not hidden or any(one.in_force(now) and one.is_here for one in consents.values())
    kept = frozenset(ref for ref, one in state.documents.items() if one.category in withheld)
    return state.model_copy(
        update={
            # With whom a consent lets the case be spoken of by name is not told of one that is not.
            "mode": state.mode if by_name else Mode.ANONYMOUS,
            "consents": {ref: _consent(one, acting, now) for ref, one in consents.items()},
            # What was shared by law is not told either by what the child has been heard about since.
            "heard_before": state.heard_before | (state.heard_by_law if _unspoken_law(state, acting) else frozenset()),
            "overrides": {
                ref: _override(one, acting)
                for ref, one in state.overrides.items()
                if not (kept_from(one.scope.categories, acting) or _endangers(one, acting))
            },
            "team": {service: member for service, member in state.team.items() if service not in unspoken},
            "measures": {ref: one for ref, one in state.measures.items() if ref not in gone},
            "overlaps": {ref: one for ref, one in state.overlaps.items() if gone.isdisjoint({ref, *one.others})},
            "handovers": {
                ref: _handover(one, acting, hidden, kept)
                for ref, one in state.handovers.items()
                # To whom the baton goes is told when it has gone there: until then it is only what the consent is for.
                # Of the coordination that is no more told then: the baton stays where it is.
                if one.consent not in hidden or (one.coordination is None and one.status in _TAKEN)
            },
            "forms": {ref: _form(one, acting) for ref, one in state.forms.items()},
            "records": {ref: one for ref, one in state.records.items() if one.category not in withheld},
            "documents": {ref: one for ref, one in state.documents.items() if ref not in kept},
            "around": around.model_copy(
                update={
                    # How the other guardian is spoken with is the other's.
                    "languages": tuple(one for one in around.languages if (one.person, one.ordinal) == mine(acting)),
                    "contributions": {
                        ref: one for ref, one in around.contributions.items() if one.consent not in hidden
                    },
                    "coordinators": {
                        kind: one
                        for kind, one in around.coordinators.items()
                        if one.party.service not in alone or one.party.service is home
                    },
                    "plans": {ref: _plan(one, goals, alone - {home}) for ref, one in around.plans.items()},
                }
            ),
        }
    )


def kept_goals(state: CaseState, acting: Acting, now: datetime) -> frozenset[GoalRef]:
    """Return the goals whose words are not for this guardian: of what is done by the child's own consent alone.

    `state` is the case as it is.
    """
    kept = _measures_kept(state, acting, now)
    return frozenset(goal for one in kept for goal in {one.goal, *one.goals_before})


def _hidden(state: CaseState, acting: Acting) -> frozenset[ConsentRef]:
    """Return the consents that are not spoken of to this guardian."""
    return frozenset(ref for ref, one in state.consents.items() if childs_alone(one, acting))


def _unspoken(state: CaseState, acting: Acting, now: datetime) -> frozenset[Service]:
    """Return the services that are here by such a consent alone, and so neither as members nor by what they do.

    What once let them be here, or was refused, does not count: that it has ended is known.
    """
    hidden = _hidden(state, acting)
    alone = _alone(state, hidden, now)
    members = {service for service, member in state.team.items() if member.consent in hidden or service in alone}
    return frozenset(members) - _known(state, hidden, now)


def _alone(state: CaseState, hidden: frozenset[ConsentRef], now: datetime) -> frozenset[Service]:
    """Return the services that only a consent lets be here which is not spoken of."""
    consents = [state.consents[ref] for ref in hidden]
    unspoken = [one.scope.services for one in consents if one.in_force(now) and one.is_here]
    return frozenset[Service]().union(*unspoken) - _known(state, hidden, now)


def _known(state: CaseState, hidden: frozenset[ConsentRef], now: datetime) -> frozenset[Service]:
    """Return the services that a consent lets be here which is spoken of."""
    spoken = [one for one in state.consents_in_force(now) if one.ref not in hidden and one.is_here]
    return frozenset(service for one in spoken for service in one.scope.services)


def _measures_kept(state: CaseState, acting: Acting, now: datetime) -> list[MeasureState]:
    """Return the measures that are not spoken of: put in on such a consent alone, ended or not, or such a service's."""
    hidden, unspoken = _hidden(state, acting), _unspoken(state, acting, now)
    # When a consent that is spoken of lets the same service help, it is known that it does.
    unknown = [one for one in state.measures.values() if one.owner not in _known(state, hidden, now)]
    return [one for one in unknown if one.owner in unspoken or (one.consents and one.consents <= hidden)]


def own_status(consent: ConsentState, acting: Acting, now: datetime) -> ConsentStatus:
    """Return how a consent stands as far as one of the family may know.

    What is in force, suspended, withdrawn or over shows in what is shared. Before that a consent is refused by whose own no it is;
    for the others it waits, until the time to answer is out.
    """
    family = acting.guardian is not None or acting.child
    if not family or consent.status not in _ANSWERED or not consent.outstanding:
        return consent.status
    if mine(acting) in consent.refused:
        return ConsentStatus.REFUSED
    if consent.status is ConsentStatus.REFUSED and not consent.refused:
        # Refused before refusals were told apart: it is gone for everybody.
        return consent.status
    over = oslo_day(now) > consent.valid_to or (consent.answer_by is not None and now >= consent.answer_by)
    return ConsentStatus.LAPSED if over else ConsentStatus.REQUESTED


class Telling(Protocol):
    """That a service was told something: by a consent, or, where it read without one, by law."""

    @property
    def at(self) -> datetime: ...
    @property
    def way(self) -> str: ...
    @property
    def service(self) -> Service: ...
    @property
    def categories(self) -> frozenset[InformationCategory]: ...
    @property
    def consent(self) -> ConsentRef | None: ...


def told_of(state: CaseState, telling: Telling, acting: Acting) -> frozenset[InformationCategory] | None:
    """Return of which kinds somebody may know that a service was told of them; none when of nothing.

    `state` is the case as it is told to the reader: a consent or an override that is not in it is not spoken of.
    """
    if acting.guardian is None and not acting.child:
        return telling.categories
    categories = telling.categories
    if telling.consent is None and telling.way == "read":
        categories &= _by_law(state, telling)
        if not categories:
            return None
    by_another = telling.consent is not None and telling.consent not in state.consents
    return None if by_another or kept_from(categories, acting) else categories - acting.withheld


def _by_law(state: CaseState, telling: Telling) -> frozenset[InformationCategory]:
    """Return what overrides that are spoken of let the service be told on that day."""
    day = oslo_day(telling.at)
    spoken = [one for one in state.overrides.values() if one.covers(telling.service)]
    inside = [one.scope.categories for one in spoken if one.valid_from <= day <= one.valid_to]
    return frozenset[InformationCategory]().union(*(one | _WHOM for one in inside))


def _endangers(override: OverrideState, acting: Acting) -> bool:
    """Return whether telling this guardian of an override could endanger the child (seed rules 93, 192)."""
    return acting.guardian is not None and override.not_for_guardians


def _unspoken_law(state: CaseState, acting: Acting) -> bool:
    return any(_endangers(one, acting) for one in state.overrides.values())


def _consent(consent: ConsentState, acting: Acting, now: datetime) -> ConsentState:
    own = frozenset({mine(acting)})
    # To what a guardian is asked to consent is told whole; of what is asked of others, not what the child decides over.
    scope, left_out = consent.scope, frozenset() if asked_of_guardians(consent) else acting.withheld
    return consent.model_copy(
        update={
            "status": own_status(consent, acting, now),
            "scope": scope.model_copy(update={"categories": scope.categories - left_out}),
            # When all have granted there is nothing to keep.
            "given": consent.given & own if consent.outstanding else consent.given,
            "refused": consent.refused & own,
            "renewal": _renewal(consent, acting),
        }
    )


def _renewal(consent: ConsentState, acting: Acting) -> RenewalState | None:
    """Return the question about the next period; none when that is the child's alone, though the present one was not."""
    renewal = consent.renewal
    if renewal is None:
        return None
    if kept_from(consent.scope.categories, acting) and not renewal.needed.get(GrantorClass.GUARDIAN, 0):
        return None
    return renewal.model_copy(update={"given": renewal.given & {mine(acting)}})


def _override(override: OverrideState, acting: Acting) -> OverrideState:
    left = override.scope.model_copy(update={"categories": override.scope.categories - acting.withheld})
    return override.model_copy(update={"scope": left})


def _handover(
    handover: HandoverState, acting: Acting, hidden: frozenset[ConsentRef], kept: frozenset[DocumentRef]
) -> HandoverState:
    package = handover.package
    left = {
        "categories": package.categories - acting.withheld,
        "documents": tuple(one for one in package.documents if one not in kept),
    }
    return handover.model_copy(
        update={
            "package": package.model_copy(update=left),
            "consent": None if handover.consent in hidden else handover.consent,
            "received_documents": handover.received_documents - kept,
        }
    )


def _plan(plan: PlanState, kept: frozenset[GoalRef], unspoken: frozenset[Service | None]) -> PlanState:
    """Return the plan; who began it by a consent that is not spoken of is told as before: by the municipality's rule."""
    by = plan.coordinator
    return plan.model_copy(
        update={
            "goals": tuple(goal for goal in plan.goals if goal not in kept),
            "coordinator": None if by is not None and by.service in unspoken else by,
        }
    )


def _form(form: FormState, acting: Acting) -> FormState:
    own = frozenset[int]() if acting.guardian is None else frozenset({acting.guardian})
    return form.model_copy(
        update={
            "categories": form.categories - acting.withheld,
            "approved_by": form.approved_by & own if form.status is FormStatus.DRAFTED else form.approved_by,
        }
    )
