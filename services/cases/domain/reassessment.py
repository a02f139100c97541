"""Asking anew who may consent: at 12, 15, 16 and 18, and when guardians, care or address protection change (law-and-standards 3.3).

Who must consent now has a time to confirm what others granted before; until then it stands, after that it is suspended, and nothing
may be shared on it. Where the table gives no time, it is suspended at once. Events say the reason's code, never a birth date.
"""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.consent import disagreement
from services.cases.domain.consent_ending import GRANTED, UNANSWERED, named_again, what_rested_on_it
from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, ConsentState, ConsentStatus
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    ConsentConfirmed,
    ConsentReassessmentDue,
    ConsentSuspended,
    ReassessmentReason,
)
from shared.contracts.codes import GrantorClass
from shared.refs import ConsentRef


class Reassess(Model):
    """Who may consent has changed."""

    reason: ReassessmentReason
    needed: dict[ConsentRef, dict[GrantorClass, int]]
    """For each consent that may be concerned (`concerned`), how many of each class must consent now."""
    guardians: frozenset[int]
    """The ordinals of those who have parental responsibility now."""


def concerned(state: CaseState) -> list[ConsentState]:
    """Return the consents for which it matters who may consent: those in use, and those that wait for answers."""
    return [one for one in state.consents.values() if one.status in UNANSWERED | GRANTED]


def not_asked_before(state: CaseState, command: Reassess) -> Reassess:
    """Return the command without the consents that were reassessed for its reason already."""
    left = {
        ref: needed for ref, needed in command.needed.items() if command.reason not in state.consents[ref].asked_for
    }
    return command.model_copy(update={"needed": left})


def not_asked_by_age(state: CaseState, command: Reassess) -> Reassess:
    """Return the command without what coming of age has asked already: that nobody is a guardian any more asks nothing more."""
    if command.reason is not ReassessmentReason.GUARDIAN_CHANGE or not state.of_age:
        return command
    left = {ref: needed for ref, needed in command.needed.items() if state.consents[ref].needed != needed}
    return command.model_copy(update={"needed": left})


def decide_reassess(state: CaseState, command: Reassess, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Let those who may consent now be asked, consent by consent.

    A request that nobody is missing from any more comes into force; a consent that somebody is missing from has until
    `confirm_by`, or is suspended at once. A question about the next period is to be asked anew.

    Raises:
        NoLegalBasisError: the code list has no row for the reason on that day.
    """
    row = rules.consent.reassessment(command.reason, oslo_day(now))
    happened: list[CaseEvent] = []
    for consent in concerned(state):
        needed = command.needed.get(consent.ref)
        if needed is None:
            continue
        confirm_by = add_days(now, row.within_days) if row.within_days else now
        due = ConsentReassessmentDue(
            case=ref_of(state),
            consent=consent.ref,
            version=consent.version,
            reason=command.reason,
            needed=needed,
            guardians=tuple(sorted(command.guardians)),
            anew=row.anew,
            confirm_by=confirm_by,
        )
        if not fold(state, [due]).consents[consent.ref].outstanding or consent.status not in GRANTED:
            due = due.model_copy(update={"confirm_by": None})
        following = [due, *_after(fold(state, [due]), consent.ref, now, rules)]
        happened += following
        state = fold(state, following)
    return happened


def decide_suspend(state: CaseState, consent: ConsentRef, now: datetime) -> list[CaseEvent]:
    """Suspend a consent that was not confirmed in time, with everything that rested on it; nothing otherwise."""
    present = state.consents.get(consent)
    if present is None or present.status is not ConsentStatus.ACTIVE or present.reassessing is None:
        return []
    if present.confirm_by is None or now < present.confirm_by or not present.outstanding:
        return []
    suspended = ConsentSuspended(
        case=ref_of(state),
        consent=consent,
        version=present.version + 1,
        reason=present.reassessing,
        ended=present.scope,
        effective_at=now,
    )
    return [suspended, *what_rested_on_it(state, suspended, now, reason="consent-withdrawn")]


def _after(state: CaseState, ref: ConsentRef, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Return what follows at once from who may consent now."""
    consent = state.consents[ref]
    if consent.outstanding or consent.reassessing is None:
        if consent.status in UNANSWERED:
            return disagreement(ref_of(state), consent, consent.given, consent.refused)
        return decide_suspend(state, ref, now)
    if consent.status is ConsentStatus.ACTIVE:
        return []
    version = consent.version if consent.status in UNANSWERED else consent.version + 1
    confirmed = ConsentConfirmed(
        case=ref_of(state),
        consent=ref,
        version=version,
        reason=consent.reassessing,
        scope=consent.scope,
        valid_from=consent.valid_from,
        valid_to=consent.valid_to,
    )
    return [confirmed, *named_again(state, consent, version, now, rules)]
