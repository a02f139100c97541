"""What may be shared, and if not, exactly what would make it so (seed rule 106).

Confidentiality is experienced as an obstacle when it only says no. Each `Step` here is something that somebody can do, and
doing it is enough: the property tests do what is said, and ask again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from services.cases.domain.access_table import WORKING_PURPOSES
from services.cases.domain.rules import ANONYMISED, CONSENT, OWN_TASK
from services.cases.domain.state import CaseState, ConsentState, ConsentStatus, Stage, missing_of
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import ConsentRef, LogScope, OverrideRef

IDENTIFYING = frozenset({InformationCategory.IDENTITY, InformationCategory.CONTACT})
"""What says whom it is about: never a part of what is shared anonymously."""
_USED = frozenset({ConsentStatus.ACTIVE, ConsentStatus.SUSPENDED})
Needed = Callable[[Scope], dict[GrantorClass, int]]
"""Whose consent a scope would take now: the dated rules, with the child's age inside."""


class Ask(Model):
    """What somebody wants to share."""

    service: Service
    categories: frozenset[InformationCategory]
    purpose: Purpose
    anonymous: bool = False
    """Without anything that says whom it is about."""
    municipality: LogScope | None = None
    """The service's, when it is another than the case's."""

    @property
    def scope(self) -> Scope:
        """Return the smallest consent that would cover it."""
        return Scope(
            services=frozenset({self.service}),
            categories=self.categories,
            purposes=frozenset({self.purpose}),
            municipality=self.municipality,
        )


class StepKind(StrEnum):
    """What can be done."""

    GRANT = "grant"
    """Those who have not answered grant what was asked for."""
    AGREE = "agree"
    """Whoever refused changes their mind, and whoever has not answered grants."""
    CONFIRM = "confirm"
    """Those who must consent now confirm a consent that others gave."""
    RENEW = "renew"
    """A consent whose last day has passed is renewed."""
    REQUEST = "request"
    """A new consent is asked for, and granted."""
    APPOINT = "appoint"
    """Nobody can be asked: a guardian must be appointed first."""
    ANONYMISE = "anonymise"
    """It is shared without anything that says whom it is about."""


class Outside(Model):
    """What of it a consent does not hold, dimension by dimension."""

    services: frozenset[Service] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()
    purposes: frozenset[Purpose] = frozenset()
    period: bool = False
    """Its last day has passed."""


class Step(Model):
    """Something that makes it a yes; any one of them does."""

    kind: StepKind
    consent: ConsentRef | None = None
    from_whom: dict[GrantorClass, int] = Field(default_factory=dict)
    """How many of each class must say yes."""
    hear_child: bool = False
    """The child is to be heard first (seed rule 99)."""


class Sharing(Model):
    """What may be shared with a service, why, and otherwise what is missing and from whom."""

    permitted: bool
    basis: str | None = None
    """A code of the list of legal bases."""
    consent: ConsentRef | None = None
    consent_version: int | None = None
    override: OverrideRef | None = None
    valid_to: date | None = None
    missing: frozenset[InformationCategory] = frozenset()
    """Categories that no consent in force covers for this service and purpose."""
    waiting: dict[ConsentRef, dict[GrantorClass, int]] = Field(default_factory=dict)
    """Consents already asked for that would cover it, and how many of each class have not answered."""
    outside: dict[ConsentRef, Outside] = Field(default_factory=dict)
    """What of it each consent does not hold that is in use, or was until its last day."""
    steps: tuple[Step, ...] = ()


def judge(state: CaseState, ask: Ask, now: datetime, needed: Needed, *, hears: bool = True) -> Sharing:
    """Return whether it may be shared at `now`, and what would make it so if not; `hears`: the child is heard before a consent."""
    return _permitted(state, ask, now) or Sharing(
        permitted=False,
        missing=_missing(state, ask, now),
        waiting={
            consent.ref: consent.outstanding
            for consent in state.consents.values()
            if consent.status is ConsentStatus.REQUESTED and _covers(consent, ask)
        },
        outside={
            consent.ref: _outside(consent, ask, now)
            for consent in state.consents.values()
            if consent.status in {ConsentStatus.ACTIVE, ConsentStatus.SUSPENDED, ConsentStatus.EXPIRED}
            and consent.scope.municipality == ask.municipality
        },
        steps=tuple(_steps(state, ask, now, needed, hears=hears)),
    )


def may_be_asked(state: CaseState, ask: Ask) -> bool:
    """Return whether a consent to it may be asked for (`consent.decide_request`).

    To services of another municipality only for the transition there, and of no protected child, whose consent would say where.
    """
    return ask.municipality is None or (ask.purpose is Purpose.TRANSITION and not state.address_protected)


def _permitted(state: CaseState, ask: Ask, now: datetime) -> Sharing | None:
    holding = state.holding
    if state.stage is not Stage.OPEN or holding is None:
        return None
    here = ask.municipality is None
    own = here and holding.party.service is ask.service and holding.categories is None
    if own and ask.purpose in WORKING_PURPOSES:
        # The unit that recorded it uses it for what it was given for.
        return Sharing(permitted=True, basis=OWN_TASK)
    consent = state.consent_covering(now, ask.service, ask.categories, ask.purpose, ask.municipality)
    if consent is not None:
        return Sharing(
            permitted=True,
            basis=CONSENT,
            consent=consent.ref,
            consent_version=consent.version,
            valid_to=consent.valid_to,
        )
    override = state.override_covering(now, ask.service, ask.categories, ask.purpose) if here else None
    if override is not None:
        return Sharing(permitted=True, basis=override.basis.code, override=override.ref, valid_to=override.valid_to)
    if ask.anonymous and not ask.categories & IDENTIFYING:
        return Sharing(permitted=True, basis=ANONYMISED)
    return None


def _missing(state: CaseState, ask: Ask, now: datetime) -> frozenset[InformationCategory]:
    shared = frozenset[InformationCategory]().union(
        *(
            consent.scope.categories | {InformationCategory.IDENTITY}
            for consent in state.consents_in_force(now)
            if consent.covers(ask.service, (), ask.purpose, ask.municipality)
        )
    )
    # Each may be covered, by different consents: then it is all of them together that no one consent covers.
    return ask.categories - shared or ask.categories


def _covers(consent: ConsentState, ask: Ask) -> bool:
    return consent.covers(ask.service, ask.categories, ask.purpose, ask.municipality)


def _outside(consent: ConsentState, ask: Ask, now: datetime) -> Outside:
    scope = consent.scope
    return Outside(
        services=frozenset({ask.service}) - scope.services,
        categories=ask.categories - scope.categories - {InformationCategory.IDENTITY},
        purposes=frozenset({ask.purpose}) - scope.purposes,
        period=not consent.valid_from <= oslo_day(now) <= consent.valid_to,
    )


def _steps(state: CaseState, ask: Ask, now: datetime, needed: Needed, *, hears: bool) -> Iterator[Step]:
    if state.stage is not Stage.OPEN:
        # Of a case that is not open nothing is shared, whatever anybody grants.
        return
    hear = hears and "consent" not in state.heard_before
    for consent in state.consents.values():
        if _covers(consent, ask):
            step = _of_consent(consent, now, needed, hear=hear)
            if step is not None:
                yield step
    if may_be_asked(state, ask):
        from_whom = needed(ask.scope)
        appointed = from_whom.get(GrantorClass.GUARDIAN, 0) <= state.guardians and from_whom
        yield Step(
            kind=StepKind.REQUEST if appointed else StepKind.APPOINT,
            from_whom=from_whom,
            hear_child=hear and bool(appointed),
        )
    if not ask.anonymous and not ask.categories & IDENTIFYING:
        yield Step(kind=StepKind.ANONYMISE)


def _of_consent(consent: ConsentState, now: datetime, needed: Needed, *, hear: bool) -> Step | None:
    """Return what would make this consent, which covers it, permit it; none when it is gone for good."""
    today, renewal = oslo_day(now), consent.renewal
    if renewal is not None:
        if today > renewal.valid_to or now >= renewal.answer_by:
            return None
        return Step(kind=StepKind.GRANT, consent=consent.ref, from_whom=renewal.outstanding)
    if consent.status is ConsentStatus.EXPIRED or (today > consent.valid_to and consent.status in _USED):
        return Step(kind=StepKind.RENEW, consent=consent.ref, from_whom=needed(consent.scope), hear_child=hear)
    kind = _BY_ANSWERS.get(consent.status)
    # Who refused before refusals were told apart cannot be asked to change their mind, and what is complete waits for nobody.
    gone = consent.status is ConsentStatus.REFUSED and not consent.refused
    if kind is None or gone or _too_late(consent, now) or today > consent.valid_to or not consent.outstanding:
        return None
    return Step(kind=kind, consent=consent.ref, from_whom=consent.outstanding)


def _too_late(consent: ConsentState, now: datetime) -> bool:
    """Return whether the time to answer is out and somebody never answered: only who said no may still change their mind."""
    if consent.status in _USED or consent.answer_by is None or now < consent.answer_by:
        return False
    return bool(missing_of(consent.needed, consent.given | consent.refused))


_BY_ANSWERS: Mapping[ConsentStatus, StepKind] = MappingProxyType(
    {
        ConsentStatus.REQUESTED: StepKind.GRANT,
        ConsentStatus.DISAGREED: StepKind.AGREE,
        ConsentStatus.REFUSED: StepKind.AGREE,
        ConsentStatus.ACTIVE: StepKind.CONFIRM,
        ConsentStatus.SUSPENDED: StepKind.CONFIRM,
    }
)
"""What the answers of those who are outstanding do, in each status."""
