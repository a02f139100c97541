"""How a consent ends by itself, and what ends with it: in one append, so that nothing that rested on it is left standing."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.lapse import with_its_sender, without_basis
from services.cases.domain.rules import CONSENT, Rules
from services.cases.domain.state import CaseState, ConsentState, ConsentStatus, HandoverState
from shared.clock import oslo_day
from shared.contracts.cases import (
    CaseAnonymised,
    CaseEvent,
    CaseIdentified,
    ConsentExpired,
    ConsentExpiring,
    ConsentLapsed,
    ConsentReceiptMissing,
    HandoverCancelled,
    Mode,
    TeamMemberRemoved,
)
from shared.contracts.codes import Purpose
from shared.refs import ConsentRef

RECEIPTS_FROM = frozenset({"meetings", "notify"})
"""The services that must say that they have acted when a consent ends, wholly or in part."""
UNANSWERED = frozenset({ConsentStatus.REQUESTED, ConsentStatus.DISAGREED})
GRANTED = frozenset({ConsentStatus.ACTIVE, ConsentStatus.SUSPENDED})


def decide_expire(state: CaseState, consent: ConsentRef, now: datetime) -> list[CaseEvent]:
    """End a consent whose last day has passed; nothing to do when it ended before, or that day is not over."""
    present = state.consents.get(consent)
    if present is None or present.status not in UNANSWERED | GRANTED or oslo_day(now) <= present.valid_to:
        return []
    case = ref_of(state)
    if present.status in UNANSWERED:
        return [ConsentLapsed(case=case, consent=consent, version=present.version)]
    first = ConsentExpired(case=case, consent=consent, version=present.version + 1, ended=present.scope)
    return [first, *what_rested_on_it(state, first, now, reason="consent-expired")]


def decide_lapse(state: CaseState, consent: ConsentRef, now: datetime) -> list[CaseEvent]:
    """End a question that was never answered by all, about a consent or its next period (seed rule 4).

    A disagreement was answered: it stays visible, and open for whoever changes their mind, until its last day.
    """
    present = state.consents.get(consent)
    if present is None:
        return []
    renewal, case = present.renewal, ref_of(state)
    if renewal is not None and now >= renewal.answer_by:
        return [ConsentLapsed(case=case, consent=consent, version=present.version, renewal=True)]
    waits = present.status is ConsentStatus.REQUESTED and present.answer_by is not None
    if waits and present.answer_by is not None and now >= present.answer_by:
        return [ConsentLapsed(case=case, consent=consent, version=present.version)]
    return []


def decide_warn(state: CaseState, consent: ConsentRef, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Warn that a consent's last day comes near; once for each last day, and not of what does not permit anything.

    Raises:
        NoLegalBasisError: the code list does not say how long before.
    """
    present, today = state.consents.get(consent), oslo_day(now)
    if present is None or present.status not in GRANTED or present.warned_of == present.valid_to:
        return []
    left = (present.valid_to - today).days
    if not 0 <= left <= rules.consent.time(today).warn_before_days:
        return []
    return [
        ConsentExpiring(
            case=ref_of(state),
            consent=consent,
            version=present.version,
            days_left=left,
            valid_to=present.valid_to,
        )
    ]


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


def what_rested_on_it(
    state: CaseState, first: CaseEvent, now: datetime, *, reason: Literal["consent-withdrawn", "consent-expired"]
) -> list[CaseEvent]:
    """Return what ends because `first` takes a consent, or a part of one, away."""
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
    if state.mode is Mode.IDENTIFIED and not after.is_named_at(now):
        happened.append(CaseAnonymised(case=case))
    return with_its_sender(after, case, happened)


def named_again(state: CaseState, consent: ConsentState, version: int, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Return that the case may be spoken of by name, if it was not, now that `consent` is in force (seed rules 2, 4).

    One for services of another municipality lets nobody here speak of it by name.
    """
    if state.mode is not Mode.ANONYMOUS or not consent.is_here:
        return []
    basis = rules.basis(CONSENT, now)
    return [CaseIdentified(case=ref_of(state), basis=basis, consent=consent.ref, consent_version=version)]


def still_covered(state: CaseState, handover: HandoverState, now: datetime) -> bool:
    """Return whether what a handover rests on still stands at `now`; one within a unit rests on no consent."""
    if handover.consent is None:
        return True
    consent, service = state.consents.get(handover.consent), handover.receiver.service
    if consent is None or service is None:
        return False
    purpose = Purpose.TRANSITION if handover.coordination is None else None
    covered = consent.covers(service, handover.package.categories, purpose, handover.to_municipality)
    return consent.in_force(now) and covered
