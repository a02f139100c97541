"""Consent (samtykke): asked for, given by all who must, withdrawn at once and as finely as it was given (seed rules 4, 5, 14).

A use is always judged against the version in force at that moment; so nothing here waits for anybody when a consent ends.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date, datetime

from pydantic import AwareDatetime, JsonValue

from services.cases.domain import access, transfer
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.consent_ending import GRANTED, UNANSWERED, named_again, what_rested_on_it
from services.cases.domain.consent_evolution import entitled
from services.cases.domain.consent_lifecycles import CONSENT
from services.cases.domain.course import ref_of
from services.cases.domain.relations import answers_for_itself
from services.cases.domain.rules import Rules
from services.cases.domain.shown import Permit
from services.cases.domain.state import CaseState, ConsentState, ConsentStatus, Grantor, missing_of
from services.cases.domain.told import childs_alone, own_status
from services.cases.errors import (
    AlreadyAnsweredError,
    AlreadyRefusedError,
    ChildViewMissingError,
    ConsentElsewhereError,
    ConsentMissingError,
    ConsentNotOpenError,
    ConsentPeriodError,
    EvidenceMissingError,
    NotAGrantorError,
    NothingToWithdrawError,
    NotPermittedError,
    UnknownPartError,
    WithdrawalTooFineError,
)
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    ConsentConfirmed,
    ConsentDisagreed,
    ConsentGranted,
    ConsentLapsed,
    ConsentNarrowed,
    ConsentRefused,
    ConsentRenewed,
    ConsentRequested,
    ConsentSuspended,
    ConsentWithdrawn,
    EvidenceForm,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRef, ConsentRef, DocumentRef, LogScope


class RequestConsent(Model):
    """Ask for consent. `needed` comes from the dated rules and the child's age; the scope is for services, never persons."""

    by: Acting
    consent: ConsentRef
    scope: Scope
    valid_to: date
    needed: dict[GrantorClass, int]
    languages: frozenset[str]
    guardians: frozenset[int] | None = None
    """Which guardians may answer; none: all that the case began with."""
    answer_by: AwareDatetime | None = None
    """When it lapses; none: on its last day only."""
    daily_care: bool = False
    hears: bool = True
    """Whether the child is heard before it; not who is of age, and gives it."""


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
    note: DocumentRef | None = None
    """Where it stands."""


class Part(Model):
    """What of a consent is withdrawn: services, categories or purposes, one kind at a time; nothing named is all of it."""

    services: frozenset[Service] = frozenset()
    categories: frozenset[InformationCategory] = frozenset()
    purposes: frozenset[Purpose] = frozenset()


class WithdrawConsent(Answer):
    """End the consent, or a part of it."""

    part: Part = Part()


def decide_request(state: CaseState, command: RequestConsent, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Ask for consent, after the child was heard; of who is of age, for themselves (seed rules 4, 5, 99).

    To services of another municipality it is asked for where a child moves there, and for that alone.

    Raises:
        ConsentElsewhereError: to services of another municipality, for something else than a transition (seed rules 10-18).
        MunicipalityUnknownError: there is no municipality with that number.
        MoveProtectedError: it would say where a protected child moves.
        DeniedError, CaseNotOpenError: see `access.require`. Only the unit that holds the baton holds consents.
        ConsentPeriodError: the last day lies behind.
        ChildViewMissingError: the child's view before this consent has not been recorded.
        NotAGrantorError: nobody can give it: no guardian with parental responsibility is known.
    """
    access.require(state, Action.REQUEST_CONSENT, command.by, now)
    today, there = oslo_day(now), command.scope.municipality
    if there is not None:
        if command.scope.purposes != {Purpose.TRANSITION}:
            raise ConsentElsewhereError
        transfer.require_unprotected(state)
        rules.require_municipality(there, now)
    if command.valid_to < today:
        raise ConsentPeriodError
    if command.hears and "consent" not in state.heard_before:
        raise ChildViewMissingError(extensions={"before": "consent"})
    require_grantors(state, command.needed, command.guardians)
    return [
        ConsentRequested(
            case=ref_of(state),
            consent=command.consent,
            version=1,
            scope=command.scope,
            valid_from=today,
            valid_to=command.valid_to,
            held_by_unit=state.held_in,
            needed=command.needed,
            languages=command.languages,
            answer_by=command.answer_by,
            guardians=tuple(sorted(command.guardians or ())),
            daily_care=command.daily_care,
        )
    ]


def require_grantors(state: CaseState, needed: dict[GrantorClass, int], guardians: frozenset[int] | None) -> None:
    """Refuse to ask when those who must grant are not known: a guardian must be appointed first.

    Raises:
        NotAGrantorError: fewer guardians are known than must grant.
    """
    known = state.guardians if guardians is None else len(guardians)
    if not any(needed.values()) or needed.get(GrantorClass.GUARDIAN, 0) > known:
        raise NotAGrantorError("Nobody who could grant it is known: no guardian with parental responsibility.")


def decide_grant(state: CaseState, command: Answer, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Take one grant; the consent is active when none is missing, and the case may be spoken of by name (seed rules 2, 4).

    Whoever said no may say yes later: that is how a disagreement ends. When the next period is asked for, it is granted for that;
    a consent that has to be confirmed is confirmed by the grants of those who must consent now.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        ConsentNotOpenError: nothing is asked: it was never, or it has ended.
        AlreadyAnsweredError: this grantor has granted.
        NotAGrantorError, EvidenceMissingError: see `_grantor`.
    """
    consent, grantor = _answering(state, command, now)
    renewal = consent.renewal
    given = consent.given if renewal is None else renewal.given
    if grantor in given:
        raise AlreadyAnsweredError
    if oslo_day(now) > (consent.valid_to if renewal is None else renewal.valid_to) or not is_asked(consent):
        raise ConsentNotOpenError(extensions={"status": own_status(consent, command.by, now)})
    complete = not missing_of(consent.needed if renewal is None else renewal.needed, given | {grantor})
    # What was in force is confirmed as it stands; anything else that comes into force now is the next version.
    stands = renewal is None and consent.status in {ConsentStatus.ACTIVE, *UNANSWERED, ConsentStatus.REFUSED}
    version = consent.version if stands or not complete else consent.version + 1
    granted = ConsentGranted(
        case=ref_of(state),
        consent=consent.ref,
        version=version,
        grantor=grantor[0],
        ordinal=grantor[1],
        evidence=command.evidence,
        active=complete,
        scope=consent.scope,
        valid_from=consent.valid_from if renewal is None else oslo_day(now),
        valid_to=consent.valid_to if renewal is None else renewal.valid_to,
        renewal=renewal is not None,
        evidence_ref=command.note,
    )
    if not complete:
        return [granted, *(_disagreement(consent, granted) or _too_late(consent, granted, now))]
    return [granted, *_in_force_by(consent, granted), *named_again(state, consent, version, now, rules)]


def decide_refuse(state: CaseState, command: Answer, now: datetime) -> list[CaseEvent]:
    """Take a no. Nobody is asked twice; whoever said it may say yes later.

    A no to the next period leaves what is valid until it expires. A no from somebody who must consent now, to what others had
    granted, suspends it at once.

    Raises:
        DeniedError, CaseNotOpenError, ConsentNotOpenError, NotAGrantorError, EvidenceMissingError: as `decide_grant`.
        AlreadyRefusedError: this grantor has refused.
    """
    consent, grantor = _answering(state, command, now)
    renewal = consent.renewal is not None
    if grantor in consent.refused and not renewal:
        raise AlreadyRefusedError
    in_use = not renewal and consent.status in GRANTED
    if not is_asked(consent) or (in_use and grantor in consent.given):
        raise ConsentNotOpenError(extensions={"status": own_status(consent, command.by, now)})
    refused = ConsentRefused(
        case=ref_of(state),
        consent=consent.ref,
        version=consent.version,
        grantor=grantor[0],
        ordinal=grantor[1],
        renewal=renewal,
        evidence_ref=command.note,
    )
    if not in_use:
        return [refused, *([] if renewal else _disagreement(consent, refused))]
    if consent.status is ConsentStatus.SUSPENDED or consent.reassessing is None:
        return [refused]
    suspended = ConsentSuspended(
        case=ref_of(state),
        consent=consent.ref,
        version=consent.version + 1,
        reason=consent.reassessing,
        refused=True,
        ended=consent.scope,
        effective_at=now,
    )
    return [refused, suspended, *what_rested_on_it(state, suspended, now, reason="consent-withdrawn")]


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
    if not CONSENT.allows(consent.status, ConsentWithdrawn):
        raise ConsentNotOpenError(extensions={"status": own_status(consent, command.by, now)})
    left, ended = _narrowed(consent.scope, command.part)
    version = consent.version + 1
    first: CaseEvent
    if left is None:
        first = ConsentWithdrawn(
            case=ref_of(state),
            consent=consent.ref,
            version=version,
            ended=ended,
            effective_at=now,
            evidence_ref=command.note,
        )
    elif not CONSENT.allows(consent.status, ConsentNarrowed):
        raise ConsentNotOpenError("It has not been granted by all yet: refuse it, or withdraw it as a whole.")
    else:
        first = ConsentNarrowed(
            case=ref_of(state),
            consent=consent.ref,
            version=version,
            scope=left,
            ended=ended,
            effective_at=now,
            evidence_ref=command.note,
        )
    return [first, *what_rested_on_it(state, first, now, reason="consent-withdrawn")]


def require_consent(
    state: CaseState,
    *,
    service: Service,
    categories: frozenset[InformationCategory],
    purpose: Purpose | None,
    now: datetime,
    municipality: LogScope | None = None,
) -> ConsentState:
    """Return a consent in force that covers this; `municipality` is the service's, when it is another than the case's.

    Raises:
        ConsentMissingError: there is none; the error says what would be needed and from whom (seed rule 106).
    """
    covering = state.consent_covering(now, service, categories, purpose, municipality)
    if covering is not None:
        return covering
    wanted: list[JsonValue] = [category.value for category in sorted(categories)]
    raise ConsentMissingError(
        extensions={
            "services": [service.value],
            "categories": wanted,
            "purposes": [] if purpose is None else [purpose.value],
            "grantors": {GrantorClass.GUARDIAN.value: state.guardians},
            **({} if municipality is None else {"municipality": municipality}),
        }
    )


def is_asked(consent: ConsentState) -> bool:
    """Return whether somebody's answer is waited for, or may still change something: a request, a next period, a confirmation."""
    if consent.renewal is not None or consent.status in UNANSWERED:
        return True
    if consent.status is ConsentStatus.REFUSED:
        return bool(consent.refused)
    return consent.status in GRANTED and bool(consent.outstanding)


def _in_force_by(consent: ConsentState, granted: ConsentGranted) -> list[CaseEvent]:
    """Return what the last grant means, beside that the consent is in force."""
    if granted.renewal:
        return [
            ConsentRenewed(
                case=granted.case,
                consent=consent.ref,
                version=granted.version,
                superseded=consent.version,
                scope=granted.scope,
                valid_from=granted.valid_from,
                valid_to=granted.valid_to,
                held_by_unit=None if consent.renewal is None else consent.renewal.held_by_unit,
            )
        ]
    if consent.status not in GRANTED or consent.reassessing is None:
        return []
    return [
        ConsentConfirmed(
            case=granted.case,
            consent=consent.ref,
            version=granted.version,
            reason=consent.reassessing,
            scope=granted.scope,
            valid_from=granted.valid_from,
            valid_to=granted.valid_to,
        )
    ]


def _disagreement(consent: ConsentState, answer: ConsentGranted | ConsentRefused) -> list[CaseEvent]:
    """Return that the grantors disagree, when this answer to a request makes them."""
    if answer.renewal or consent.status in GRANTED:
        return []
    grantor, yes = (answer.grantor, answer.ordinal), isinstance(answer, ConsentGranted)
    given = consent.given | {grantor} if yes else consent.given - {grantor}
    refused = consent.refused - {grantor} if yes else consent.refused | {grantor}
    return disagreement(answer.case, consent, given, refused)


def _too_late(consent: ConsentState, granted: ConsentGranted, now: datetime) -> list[CaseEvent]:
    """Return that the question is over, when a no became a yes after the time to answer and somebody never answered."""
    refused = consent.refused - {(granted.grantor, granted.ordinal)}
    waits = consent.status is ConsentStatus.REFUSED and not refused
    if not waits or consent.answer_by is None or now < consent.answer_by:
        return []
    return [ConsentLapsed(case=granted.case, consent=consent.ref, version=consent.version)]


def disagreement(
    case: CaseRef, consent: ConsentState, given: frozenset[Grantor], refused: frozenset[Grantor]
) -> list[CaseEvent]:
    """Return that there is a yes beside a no to a request that is not in force: no consent, until they agree."""
    if not given or not refused:
        return []
    granted_by, refused_by = Counter(kind for kind, _ in given), Counter(kind for kind, _ in refused)
    return [
        ConsentDisagreed(
            case=case,
            consent=consent.ref,
            version=consent.version,
            granted=dict(sorted(granted_by.items())),
            refused=dict(sorted(refused_by.items())),
        )
    ]


def _answering(
    state: CaseState, command: Answer, now: datetime, *, at_any_stage: bool = False
) -> tuple[ConsentState, Grantor]:
    ask: Callable[[CaseState, Action, Acting, datetime], Permit] = access.permit if at_any_stage else access.require
    signed_in = answers_for_itself(state, command.by)
    allowed = ask(state, Action.ANSWER_CONSENT if signed_in else Action.RECORD_ANSWER, command.by, now)
    if allowed.relation is Relation.HOLDER_ELSEWHERE and not at_any_stage:
        # That a consent ends does not wait for the handover; that one is given does.
        raise NotPermittedError("works-elsewhere")
    consent = state.consents.get(command.consent)
    if consent is None or childs_alone(consent, command.by):
        raise UnknownPartError
    grantor = _grantor(state, consent, command, ends=at_any_stage)
    # Whoever is told that the time is out is answered so, whatever the others said; what was granted may always be taken back.
    if signed_in and not at_any_stage and own_status(consent, command.by, now) is ConsentStatus.LAPSED:
        raise ConsentNotOpenError(extensions={"status": ConsentStatus.LAPSED})
    return consent, grantor


def _grantor(state: CaseState, consent: ConsentState, command: Answer, *, ends: bool) -> Grantor:
    """Say who it was: the vault's answer for somebody signed in, otherwise what the record says, with its evidence."""
    if command.by.guardian is not None:
        grantor = (GrantorClass.GUARDIAN, command.by.guardian)
    elif command.by.child:
        grantor = (GrantorClass.CHILD, 1)
    elif answers_for_itself(state, command.by):
        grantor = (GrantorClass.CHILD_WELFARE, 1)
    else:
        if command.evidence is EvidenceForm.E_ID or command.ordinal is None or not command.has_note:
            raise EvidenceMissingError
        grantor = (command.grantor, command.ordinal)
    guardians = state.responsible if consent.guardians is None else consent.guardians
    renewal = consent.renewal
    next_period = renewal is not None and entitled(grantor, renewal.needed, renewal.guardians)
    # Whoever may answer the present consent may end it; the next period is answered by those who may answer that.
    if not next_period and not (entitled(grantor, consent.needed, guardians) and (renewal is None or ends)):
        raise NotAGrantorError
    if grantor[0] is not GrantorClass.GUARDIAN and grantor[1] != 1:
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
        municipality=scope.municipality,
    )
    ended = Scope(
        services=scope.services & part.services if part.services else scope.services,
        categories=scope.categories & part.categories if part.categories else scope.categories,
        purposes=scope.purposes & part.purposes if part.purposes else scope.purposes,
        municipality=scope.municipality,
    )
    if left == scope:
        raise NothingToWithdrawError
    return (left if left.services and left.categories and left.purposes else None), ended
