"""Consent (samtykke): asked for, given by all who must, withdrawn at once and as finely as it was given (seed rules 4, 5, 14).

A use is always judged against the version in force at that moment; so nothing here waits for anybody when a consent ends.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Literal

from pydantic import Field, JsonValue

from services.cases.domain import access, lifecycles
from services.cases.domain.access import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.lapse import without_basis
from services.cases.domain.rules import CONSENT, Rules
from services.cases.domain.state import CaseState, ConsentState, ConsentStatus, HandoverState
from services.cases.errors import (
    AlreadyAnsweredError,
    ChildViewMissingError,
    ConsentMissingError,
    ConsentNotOpenError,
    ConsentPeriodError,
    EvidenceMissingError,
    NotAGrantorError,
    NothingToWithdrawError,
    UnknownPartError,
    WithdrawalTooFineError,
)
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseAnonymised,
    CaseEvent,
    CaseIdentified,
    ConsentExpired,
    ConsentGranted,
    ConsentNarrowed,
    ConsentReceiptMissing,
    ConsentRefused,
    ConsentRequested,
    ConsentWithdrawn,
    EvidenceForm,
    HandoverCancelled,
    Mode,
    TeamMemberRemoved,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import ConsentRef

RECEIPTS_FROM = frozenset({"meetings", "notify"})
"""The services that must say that they have acted when a consent ends, wholly or in part."""


class RequestConsent(Model):
    """Ask for consent. `needed` comes from the dated rules and the child's age; the scope is for services, never persons."""

    by: Acting
    consent: ConsentRef
    scope: Scope
    valid_to: date
    needed: dict[GrantorClass, int]
    languages: frozenset[str]


class Answer(Model):
    """A grantor's yes or no: given by the grantor, signed in, or recorded by the holder with evidence."""

    by: Acting
    consent: ConsentRef
    grantor: GrantorClass = GrantorClass.GUARDIAN
    ordinal: int | None = None
    """Which of that class, when recorded for somebody; signed in, the vault knows."""
    evidence: EvidenceForm = EvidenceForm.E_ID
    has_note: bool = False
    """Whether a note of how it was given stands in the vault."""


class Part(Model):
    """What of a consent is withdrawn: services, categories or purposes, one kind at a time; nothing named is all of it."""

    services: frozenset[Service] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()
    purposes: frozenset[Purpose] = frozenset()


class WithdrawConsent(Answer):
    """End the consent, or a part of it."""

    part: Part = Part()


def decide_request(state: CaseState, command: RequestConsent, now: datetime) -> list[CaseEvent]:
    """Ask for consent, after the child was heard (seed rules 4, 5, 99).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`. Only the unit that holds the baton holds consents.
        ConsentPeriodError: the last day lies behind.
        ChildViewMissingError: the child's view before this consent has not been recorded.
        NotAGrantorError: nobody can give it: no guardian with parental responsibility is known.
    """
    access.require(state, Action.REQUEST_CONSENT, command.by, now)
    today = oslo_day(now)
    if command.valid_to < today:
        raise ConsentPeriodError
    if "consent" not in state.heard_before:
        raise ChildViewMissingError(extensions={"before": "consent"})
    if not any(command.needed.values()):
        raise NotAGrantorError("Nobody who could grant it is known: no guardian with parental responsibility.")
    holder = command.by.party(address_protected=state.address_protected)
    return [
        ConsentRequested(
            case=ref_of(state),
            consent=command.consent,
            version=1,
            scope=command.scope,
            valid_from=today,
            valid_to=command.valid_to,
            held_by_unit=holder.unit,
            needed=command.needed,
            languages=command.languages,
        )
    ]


def decide_grant(state: CaseState, command: Answer, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Take one grant; the consent is active when none is missing, and the case may be spoken of by name (seed rules 2, 4).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        ConsentNotOpenError: it was refused or has ended.
        AlreadyAnsweredError: this grantor has granted.
        NotAGrantorError, EvidenceMissingError: see `_grantor`.
    """
    consent, grantor = _answering(state, command, now)
    if grantor in consent.given:
        raise AlreadyAnsweredError
    if not lifecycles.CONSENT.allows(consent.status, ConsentGranted) or oslo_day(now) > consent.valid_to:
        raise ConsentNotOpenError(extensions={"status": consent.status})
    given = consent.given | {grantor}
    active = all(_count(given, kind) >= count for kind, count in consent.needed.items())
    happened: list[CaseEvent] = [
        ConsentGranted(
            case=ref_of(state),
            consent=consent.ref,
            version=consent.version,
            grantor=grantor[0],
            ordinal=grantor[1],
            evidence=command.evidence,
            active=active,
            scope=consent.scope,
            valid_from=consent.valid_from,
            valid_to=consent.valid_to,
        )
    ]
    if active and state.mode is Mode.ANONYMOUS:
        basis = rules.basis(CONSENT, now)
        happened.append(
            CaseIdentified(case=ref_of(state), basis=basis, consent=consent.ref, consent_version=consent.version)
        )
    return happened


def decide_refuse(state: CaseState, command: Answer, now: datetime) -> list[CaseEvent]:
    """Take a no. It ends this request, and nobody is asked twice.

    Raises:
        DeniedError, CaseNotOpenError, ConsentNotOpenError, NotAGrantorError, EvidenceMissingError: as `decide_grant`.
    """
    consent, grantor = _answering(state, command, now)
    if not lifecycles.CONSENT.allows(consent.status, ConsentRefused):
        raise ConsentNotOpenError(extensions={"status": consent.status})
    return [
        ConsentRefused(
            case=ref_of(state),
            consent=consent.ref,
            version=consent.version,
            grantor=grantor[0],
            ordinal=grantor[1],
        )
    ]


def decide_withdraw(state: CaseState, command: WithdrawConsent, now: datetime) -> list[CaseEvent]:
    """End the consent or a part of it, with everything that rested on it, in one append (pbrl § 4-1, GDPR art. 7).

    Any one of those who granted is enough. Handovers without a basis are cancelled, services that nothing covers any more leave
    the team, and without a consent the case is anonymous again.

    Raises:
        DeniedError: see `access.permit`. A consent can be withdrawn whatever the case's stage.
        ConsentNotOpenError: it has ended already, or is not in force yet and only a part is to be withdrawn.
        NothingToWithdrawError: the scope holds none of it.
        WithdrawalTooFineError: more than one of services, categories, purposes is named.
        NotAGrantorError, EvidenceMissingError: see `_grantor`.
    """
    consent, grantor = _answering(state, command, now, at_any_stage=True)
    _ = grantor
    if not lifecycles.CONSENT.allows(consent.status, ConsentWithdrawn):
        raise ConsentNotOpenError(extensions={"status": consent.status})
    left, ended = _narrowed(consent.scope, command.part)
    version = consent.version + 1
    first: CaseEvent
    if left is None:
        first = ConsentWithdrawn(
            case=ref_of(state), consent=consent.ref, version=version, ended=ended, effective_at=now
        )
    elif not lifecycles.CONSENT.allows(consent.status, ConsentNarrowed):
        raise ConsentNotOpenError("It has not been granted by all yet: refuse it, or withdraw it as a whole.")
    else:
        first = ConsentNarrowed(
            case=ref_of(state), consent=consent.ref, version=version, scope=left, ended=ended, effective_at=now
        )
    return [first, *_what_rested_on_it(state, first, now, reason="consent-withdrawn")]


def decide_expire(state: CaseState, consent: ConsentRef, now: datetime) -> list[CaseEvent]:
    """End a consent whose last day has passed; nothing to do when it ended before, or that day is not over."""
    present = state.consents.get(consent)
    if present is None or not lifecycles.CONSENT.allows(present.status, ConsentExpired):
        return []
    if oslo_day(now) <= present.valid_to:
        return []
    first = ConsentExpired(case=ref_of(state), consent=consent, version=present.version)
    return [first, *_what_rested_on_it(state, first, now, reason="consent-expired")]


def decide_receipt_missing(
    state: CaseState, consent: ConsentRef, version: int, received: frozenset[str]
) -> list[CaseEvent]:
    """Raise an alarm for each service that must act on an ended consent and has not said that it did."""
    if consent not in state.consents:
        return []
    return [
        ConsentReceiptMissing(case=ref_of(state), consent=consent, version=version, consumer=consumer)
        for consumer in sorted(RECEIPTS_FROM - received)
    ]


class Sharing(Model):
    """What may be shared with a service, why, and otherwise what is missing and from whom (seed rule 106)."""

    permitted: bool
    consent: ConsentRef | None = None
    consent_version: int | None = None
    valid_to: date | None = None
    missing: frozenset[InformationCategory] = frozenset()
    """Categories that no consent in force covers for this service and purpose."""
    waiting: dict[ConsentRef, dict[GrantorClass, int]] = Field(default_factory=dict)
    """Consents already asked for that would cover it, and how many of each class have not answered."""


def sharing(
    state: CaseState,
    *,
    service: Service,
    categories: frozenset[InformationCategory],
    purpose: Purpose,
    now: datetime,
) -> Sharing:
    """Return whether `categories` may be shared with `service` for `purpose` at `now`, and what is missing if not."""
    covering = state.consent_covering(now, service, categories, purpose)
    if covering is not None:
        return Sharing(
            permitted=True, consent=covering.ref, consent_version=covering.version, valid_to=covering.valid_to
        )
    shared = frozenset[InformationCategory]().union(
        *(
            consent.scope.categories | {InformationCategory.IDENTITY}
            for consent in state.consents_in_force(now)
            if consent.covers(service, (), purpose)
        )
    )
    waiting = {
        consent.ref: outstanding(consent)
        for consent in state.consents.values()
        if consent.status is ConsentStatus.REQUESTED and consent.covers(service, categories, purpose)
    }
    return Sharing(permitted=False, missing=categories - shared or categories, waiting=waiting)


def require_consent(
    state: CaseState,
    *,
    service: Service,
    categories: frozenset[InformationCategory],
    purpose: Purpose | None,
    now: datetime,
) -> ConsentState:
    """Return a consent in force that covers this.

    Raises:
        ConsentMissingError: there is none; the error says what would be needed and from whom (seed rule 106).
    """
    covering = state.consent_covering(now, service, categories, purpose)
    if covering is not None:
        return covering
    wanted: list[JsonValue] = [category.value for category in sorted(categories)]
    raise ConsentMissingError(
        extensions={
            "services": [service.value],
            "categories": wanted,
            "purposes": [] if purpose is None else [purpose.value],
            "grantors": {GrantorClass.GUARDIAN.value: state.guardians},
        }
    )


def outstanding(consent: ConsentState) -> dict[GrantorClass, int]:
    """Return how many of each class have not granted yet."""
    missing = {kind: count - _count(consent.given, kind) for kind, count in consent.needed.items()}
    return {kind: count for kind, count in missing.items() if count > 0}


def _count(given: frozenset[tuple[GrantorClass, int]], kind: GrantorClass) -> int:
    return sum(1 for grantor, _ in given if grantor is kind)


def _answering(
    state: CaseState, command: Answer, now: datetime, *, at_any_stage: bool = False
) -> tuple[ConsentState, tuple[GrantorClass, int]]:
    ask: Callable[[CaseState, Action, Acting, datetime], object] = access.permit if at_any_stage else access.require
    signed_in = command.by.guardian is not None or command.by.child
    ask(state, Action.ANSWER_CONSENT if signed_in else Action.RECORD_ANSWER, command.by, now)
    consent = state.consents.get(command.consent)
    if consent is None:
        raise UnknownPartError
    return consent, _grantor(state, consent, command)


def _grantor(state: CaseState, consent: ConsentState, command: Answer) -> tuple[GrantorClass, int]:
    """Say who it was: the vault's answer for somebody signed in, otherwise what the record says, with its evidence."""
    if command.by.guardian is not None:
        grantor = (GrantorClass.GUARDIAN, command.by.guardian)
    elif command.by.child:
        grantor = (GrantorClass.CHILD, 1)
    else:
        if command.evidence is EvidenceForm.E_ID or command.ordinal is None or not command.has_note:
            raise EvidenceMissingError
        grantor = (command.grantor, command.ordinal)
    known = state.responsible if grantor[0] is GrantorClass.GUARDIAN else frozenset({1})
    if consent.needed.get(grantor[0], 0) == 0 or grantor[1] not in known:
        raise NotAGrantorError
    return grantor


def _narrowed(scope: Scope, part: Part) -> tuple[Scope | None, Scope]:
    """Return what is left, or none, and what ends. Both are products of three sets, as every scope is."""
    named = [bool(part.services), bool(part.categories), bool(part.purposes)]
    if sum(named) > 1:
        raise WithdrawalTooFineError
    if not any(named):
        return None, scope
    left = Scope(
        services=scope.services - part.services,
        categories=scope.categories - part.categories,
        purposes=scope.purposes - part.purposes,
    )
    ended = Scope(
        services=scope.services & part.services if part.services else scope.services,
        categories=scope.categories & part.categories if part.categories else scope.categories,
        purposes=scope.purposes & part.purposes if part.purposes else scope.purposes,
    )
    if left == scope:
        raise NothingToWithdrawError
    return (left if left.services and left.categories and left.purposes else None), ended


def _what_rested_on_it(
    state: CaseState, first: CaseEvent, now: datetime, *, reason: Literal["consent-withdrawn", "consent-expired"]
) -> list[CaseEvent]:
    case = ref_of(state)
    after = fold(state, [first])
    happened: list[CaseEvent] = []
    handover = after.open_handover
    if handover is not None and not still_covered(after, handover, now):
        happened.append(HandoverCancelled(case=case, handover=handover.ref, reason="basis-lapsed"))
    happened.extend(
        TeamMemberRemoved(case=case, service=member.service, reason=reason)
        for member in after.team.values()
        if member.consent is not None and after.consent_covering(now, member.service) is None
    )
    happened.extend(without_basis(after, case, now))
    if state.mode is Mode.IDENTIFIED and not after.consents_in_force(now):
        happened.append(CaseAnonymised(case=case))
    return happened


def still_covered(state: CaseState, handover: HandoverState, now: datetime) -> bool:
    """Return whether what a handover rests on still stands at `now`; one within a unit rests on no consent."""
    if handover.consent is None:
        return True
    consent, service = state.consents.get(handover.consent), handover.receiver.service
    if consent is None or service is None:
        return False
    return consent.in_force(oslo_day(now)) and consent.covers(service, handover.package.categories, Purpose.TRANSITION)
