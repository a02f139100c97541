"""What somebody is shown who has a relation to a case, on which basis, and how a look is divided among the consents it rests on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from services.cases.domain import rules
from services.cases.domain.access_table import IMPLIED, TABLE, WORKING_PURPOSES
from services.cases.domain.access_terms import Action, Reach, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.kept import GlassState
from services.cases.domain.relations import broken, relations, works_there
from services.cases.domain.state import (
    ALL_CATEGORIES,
    SERVICES_WITH_MANY_UNITS,
    CaseState,
    ConsentState,
    HandoverState,
    HandoverStatus,
    MeasureState,
)
from services.cases.errors import NotPermittedError
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, Purpose, Service
from shared.refs import ConsentRef, OverrideRef

_MEASURES = frozenset({InformationCategory.MEASURES})


class Permit(Model):
    """What was allowed, on which basis, and how much of the vault it reaches. It goes into the access record."""

    relation: Relation
    basis: str
    """A code of the list of legal bases."""
    consent: ConsentRef | None = None
    consent_version: int | None = None
    service: Service | None = None
    """To which service the consent was given."""
    purpose: Purpose | None = None
    """What the look is for; none for a guardian, for the child, and where nothing is shown."""
    override: OverrideRef | None = None
    categories: frozenset[InformationCategory] = frozenset()
    glass: GlassState | None = None
    """The emergency access that it rests on: the look is recorded as such."""
    own: frozenset[str] = frozenset()
    """References of what the actor's unit recorded itself and still has the task for, in whatever category."""


class Ground(Model):
    """One consent that a look rests on, and what was shown by it; none when it rests on another basis."""

    basis: str | None = None
    """A code of the list of legal bases, where it is another than the look's."""
    by_law: bool = False
    """It rests on an override of confidentiality: somebody outside the unit was told."""
    not_for_guardians: bool = False
    """On one that the guardians are not told of."""
    consent: ConsentRef | None = None
    version: int | None = None
    valid_to: date | None = None
    purposes: frozenset[Purpose] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()


def permitted(  # noqa: PLR0911 -- one line per reach
    state: CaseState, relation: Relation, reach: Reach, acting: Acting, now: datetime, asked: Purpose | None
) -> Permit:
    """Return what the table's `reach` comes to at `now` for `acting` in `relation` to the case; `asked` is the purpose, if said."""
    match reach:
        case Reach.OWN_CHILD:
            basis = rules.ACCESS_BY_CHILD if relation is Relation.CHILD else rules.PARENTAL_RESPONSIBILITY
            # How the other parent is reached is not part of the child's case, and what the child decides over is the child's.
            own = ALL_CATEGORIES - {InformationCategory.CONTACT} - acting.withheld
            return Permit(relation=relation, basis=basis, categories=own)
        case Reach.CONTACT:
            contact = frozenset({InformationCategory.CONTACT})
            purpose = Purpose.NOTIFICATION
            return Permit(relation=relation, basis=rules.REACH_GUARDIANS, categories=contact, purpose=purpose)
        case Reach.REPORTED:
            content = {InformationCategory.IDENTITY, InformationCategory.CONCERN, InformationCategory.CHILD_VIEW}
            return Permit(relation=relation, basis=rules.OWN_TASK, categories=frozenset(content))
        case Reach.HELD:
            return _held(state, relation, acting, now, asked)
        case Reach.CONSENTED if acting.service is not None:
            return _consented(state, relation, acting.service, now, asked)
        case Reach.BY_LAW if acting.service is not None:
            return _shared_by_law(state, relation, acting.service, now, asked)
        case Reach.REASON:
            reason = frozenset({InformationCategory.CONCERN})
            return Permit(relation=relation, basis=rules.OWN_TASK, categories=reason, purpose=Purpose.OVERSIGHT)
        case Reach.OFFERED:
            return _offered(state, relation, acting, now, asked)
        case Reach.EMERGENCY:
            return _emergency(state, relation, acting, now)
        case _:
            return _no_content(state, relation, acting, now)


def united(permits: Sequence[Permit]) -> list[Permit]:
    """Return what a service is shown by consent and by law together, for the same purpose; nothing when it is not both.

    What is shared by law is shared beside what was consented to, and not in its place.
    """
    by_law = next((one for one in permits if one.override is not None and one.categories), None)
    by_consent = max(
        (one for one in permits if one.consent is not None), key=lambda one: len(one.categories), default=None
    )
    if by_law is None or by_consent is None or by_law.purpose is not by_consent.purpose:
        return []
    every = by_consent.categories | by_law.categories
    return [by_consent.model_copy(update={"override": by_law.override, "categories": every})]


def reached(state: CaseState, acting: Acting, now: datetime) -> frozenset[InformationCategory]:
    """Return of which categories `acting` may be shown something of the child at `now`, for one purpose or another."""
    every = frozenset[InformationCategory]()
    for relation in relations(state, acting, now):
        for action in TABLE[relation].keys() & {Action.READ_CHILD, Action.READ_DOCUMENT, Action.READ_FORM}:
            reach = TABLE[relation][action]
            for purpose in (None, *sorted(WORKING_PURPOSES)):
                every |= permitted(state, relation, reach, acting, now, purpose).categories
    return every


def grounds(state: CaseState, allowed: Permit, shown: frozenset[InformationCategory], now: datetime) -> list[Ground]:
    """Divide what is shown among the consents it rests on: each look is recorded under the very consent that allowed it.

    Together they are all of what is shown, and there is always one. What no consent covers is shown for the actor's own task: how
    the family is spoken with, to whoever coordinates.

    Raises:
        NotPermittedError: what it was allowed by is not in force. Without a record nothing is answered.
    """
    if allowed.service is None or (allowed.consent is None and allowed.override is None):
        return [Ground(categories=shown)]
    divided: list[Ground] = []
    # Whom it is about is known by the first of them.
    left, first = shown, frozenset({InformationCategory.IDENTITY})
    resting_on = _resting_on(state, allowed, allowed.service, now)
    by_consent = allowed.consent is None or any(one.consent == allowed.consent for one in resting_on)
    by_law = allowed.override is None or any(one.by_law for one in resting_on)
    if not (by_consent and by_law):
        raise NotPermittedError("consent-expired")
    for one in resting_on:
        part = left & (one.categories | first)
        if part or not (shown or divided):
            divided.append(one.model_copy(update={"categories": part}))
        left, first = left - part, frozenset()
    return [*divided, Ground(basis=rules.OWN_TASK, categories=left)] if left else divided


def _resting_on(state: CaseState, allowed: Permit, service: Service, now: datetime) -> list[Ground]:
    """Return the consents and the overrides that a look may rest on, with all that each covers: consent first, the widest first.

    A consent is for the services of one municipality: beside one for another there are none but for that.
    """
    in_force = state.consents_in_force(now)
    there = next((one.scope.municipality for one in in_force if one.ref == allowed.consent), None)
    consents = [one for one in in_force if one.covers(service, (), allowed.purpose, there)]
    consents.sort(key=lambda consent: consent.ref != allowed.consent)
    by_consent = [
        Ground(
            consent=one.ref,
            version=one.version,
            valid_to=one.valid_to,
            purposes=one.scope.purposes,
            categories=one.scope.categories,
        )
        for one in consents
    ]
    overrides = [one for one in state.overrides_in_force(now) if one.covers(service, (), allowed.purpose)]
    overrides.sort(key=lambda override: override.ref != allowed.override)
    by_law = [
        Ground(
            basis=one.basis.code,
            valid_to=one.valid_to,
            purposes=one.scope.purposes,
            categories=one.scope.categories,
            by_law=True,
            not_for_guardians=one.not_for_guardians,
        )
        for one in overrides
    ]
    return [*(by_consent if allowed.consent is not None else ()), *(by_law if allowed.override is not None else ())]


def sees_handover(one: HandoverState, held: Iterable[Relation]) -> bool:
    """Return whether somebody with the relations `held` is shown that handover, of those that the table lets them see."""
    seeing = {relation for relation in held if Action.SEE_HANDOVER in TABLE[relation]}
    # A draft is its sender's alone.
    if one.status is HandoverStatus.PROPOSED:
        return not seeing.isdisjoint({Relation.HOLDER, Relation.HOLDER_ELSEWHERE})
    # Whoever coordinates sees what becomes of the coordination; to whom the baton is offered is for those two.
    return bool(seeing) if one.coordination is not None else bool(seeing - {Relation.COORDINATOR})


def as_shown(state: CaseState, acting: Acting, now: datetime) -> CaseState:
    """Return the case with the measures that `acting` may be told of at `now`: their codes, owners, and what was refused.

    Who sees measures by the unit's own task, or is family, is told of every one; by consent, where it covers information on
    measures. Otherwise a service knows of what it carries out itself and of nothing else (seed rules 31, 88, 106); and that another
    does the same, because both must find out why (seed rules 49, 161).
    """
    reaches = {TABLE[one][Action.SEE_MEASURES] for one in relations(state, acting, now) if _lists_measures(one)}
    service = acting.service
    covered = service is not None and state.consent_covering(now, service, _MEASURES) is not None
    home = state.holding is not None and works_there(acting, state.holding.party)
    if reaches - {Reach.CONSENTED} or (reaches and (home or covered)):
        return state
    own = frozenset(ref for ref, one in state.measures.items() if reaches and _carries_out(acting, one))
    return state.model_copy(
        update={
            "measures": {ref: one for ref, one in state.measures.items() if ref in own},
            "overlaps": {ref: one for ref, one in state.overlaps.items() if not own.isdisjoint({ref, *one.others})},
            "refused_outcomes": (),
            "team": {
                service: one if one.because_of in own else one.model_copy(update={"because_of": None})
                for service, one in state.team.items()
            },
        }
    )


def with_own_overrides(state: CaseState, acting: Acting, now: datetime) -> CaseState:
    """Return the case with the overrides by law that `acting` may know of: of others' it would learn that there is a danger.

    Who may read an override knows of all; the family of those that it is told of (`told.py`); a service of what is shared with
    itself (seed rules 93, 106, 192).
    """
    family = acting.guardian is not None or acting.child
    if family or any(Action.READ_OVERRIDE in TABLE[one] for one in relations(state, acting, now)):
        return state
    service = acting.service
    own = {ref: one for ref, one in state.overrides.items() if service is not None and one.covers(service)}
    if own == state.overrides:
        return state
    # What the child has been heard about since an override took it would say that there was one.
    heard = state.heard_before | state.heard_by_law
    return state.model_copy(update={"overrides": own, "heard_before": heard})


def _lists_measures(relation: Relation) -> bool:
    return Action.SEE_MEASURES in TABLE[relation]


def _carries_out(acting: Acting, measure: MeasureState) -> bool:
    one_of_many = acting.service in SERVICES_WITH_MANY_UNITS
    return measure.owner is acting.service and (not one_of_many or measure.owner_unit in {None, acting.unit})


def _no_content(state: CaseState, relation: Relation, acting: Acting, now: datetime) -> Permit:
    """Say on which basis somebody acts who is shown nothing of the vault."""
    if relation is Relation.GUARDIAN:
        return Permit(relation=relation, basis=rules.PARENTAL_RESPONSIBILITY)
    if relation is Relation.CHILD:
        return Permit(relation=relation, basis=rules.ACCESS_BY_CHILD)
    if relation is Relation.SERVICE_BY_LAW and acting.service is not None:
        told = _shared_by_law(state, relation, acting.service, now, None)
        return told.model_copy(update={"categories": frozenset(), "purpose": None})
    by_consent = {Relation.COORDINATOR, Relation.TEAM_MEMBER, Relation.SERVICE_IN_SCOPE}
    if relation in by_consent and acting.service is not None:
        return _by(state.consent_covering(now, acting.service), relation, frozenset(), acting.service)
    return Permit(relation=relation, basis=rules.OWN_TASK)


def _consented(state: CaseState, relation: Relation, service: Service, now: datetime, asked: Purpose | None) -> Permit:
    purpose = _purpose(relation, state.consented_purposes(now, service), asked)
    consent = state.consent_covering(now, service, (), purpose)
    return _by(consent, relation, state.consented_categories(now, service, purpose), service, purpose)


def _shared_by_law(
    state: CaseState, relation: Relation, service: Service, now: datetime, asked: Purpose | None
) -> Permit:
    shared = [one.scope.purposes for one in state.overrides_in_force(now) if one.covers(service)]
    purpose = _purpose(relation, frozenset[Purpose]().union(*shared), asked)
    override = state.override_covering(now, service, (), purpose)
    if override is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, purpose=purpose)
    return Permit(
        relation=relation,
        basis=override.basis.code,
        service=service,
        override=override.ref,
        categories=state.categories_by_law(now, service, purpose),
        purpose=purpose,
    )


def _held(state: CaseState, relation: Relation, acting: Acting, now: datetime, asked: Purpose | None) -> Permit:
    holding = state.holding
    own_task = _purpose(relation, WORKING_PURPOSES, asked)
    if holding is None or not works_there(acting, holding.party):
        # The task is the unit's. Who has moved may still hand the baton over, and reads nothing.
        return Permit(relation=relation, basis=rules.OWN_TASK)
    if holding.categories is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, categories=ALL_CATEGORIES, purpose=own_task)
    identity = frozenset({InformationCategory.IDENTITY})
    service = holding.party.service
    covered = frozenset[Purpose]() if service is None else state.consented_purposes(now, service)
    if service is None or not covered:
        return Permit(
            relation=relation, basis=rules.OWN_TASK, categories=identity, purpose=own_task, own=state.own_records
        )
    # What came with the baton was given for the transition, and is used for that unless the consent says more.
    came_for = Purpose.TRANSITION if asked is None and Purpose.TRANSITION in covered else asked
    by_consent = _consented(state, relation, service, now, came_for)
    reached = (holding.categories & by_consent.categories) | identity
    return by_consent.model_copy(update={"categories": reached, "own": state.own_records})


def _offered(state: CaseState, relation: Relation, acting: Acting, now: datetime, asked: Purpose | None) -> Permit:
    handover = state.open_handover
    if handover is None or handover.consent is None or not works_there(acting, handover.receiver):
        return Permit(relation=relation, basis=rules.OWN_TASK)
    consent = state.consents.get(handover.consent)
    service = handover.receiver.service
    there = handover.to_municipality
    if consent is None or service is None or not (consent.in_force(now) and consent.covers(service, (), None, there)):
        return Permit(relation=relation, basis=rules.OWN_TASK)
    identity = frozenset({InformationCategory.IDENTITY})
    offered = (handover.package.categories & consent.scope.categories) | identity
    return _by(consent, relation, offered, service, _purpose(relation, consent.scope.purposes, asked))


def _emergency(state: CaseState, relation: Relation, acting: Acting, now: datetime) -> Permit:
    glass = max(broken(state, acting, now), key=lambda one: (len(one.categories), one.ref))
    categories = glass.categories | {InformationCategory.IDENTITY}
    return Permit(relation=relation, basis=glass.basis, categories=categories, glass=glass)


def _by(
    consent: ConsentState | None,
    relation: Relation,
    categories: frozenset[InformationCategory],
    service: Service | None,
    purpose: Purpose | None = None,
) -> Permit:
    if consent is None:
        return Permit(relation=relation, basis=rules.OWN_TASK, categories=categories)
    return Permit(
        relation=relation,
        basis=rules.CONSENT,
        consent=consent.ref,
        consent_version=consent.version,
        service=service,
        purpose=purpose,
        categories=categories,
    )


def _purpose(relation: Relation, covered: frozenset[Purpose], asked: Purpose | None) -> Purpose | None:
    """Return what a look is for: as asked if that is covered, else what is usual if that is, else what is covered at all."""
    wanted = IMPLIED.get(relation) if asked is None else asked
    return wanted if wanted in covered else min(covered, default=None)
