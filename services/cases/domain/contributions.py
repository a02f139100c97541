"""The duty to contribute: a service is asked, and takes part; only its leader can say no, with a reason (seed rules 82, 96).

By name inside a consent, or anonymously without one: then the service is told what is asked, and not in which case. Silence is no
answer: a time that passes makes the request overdue, and then the leader's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.around import UNANSWERED, ContributionState, ContributionStatus
from services.cases.domain.consent import require_consent
from services.cases.domain.course import ref_of
from services.cases.domain.relations import is_asked
from services.cases.domain.state import SERVICES_WITH_MANY_UNITS, CaseState, Stage
from services.cases.domain.team_profile import ContributionRule
from services.cases.errors import (
    AnswerTimeError,
    AsksItselfError,
    CaseNotOpenError,
    ContributionNotOpenError,
    ContributionOpenError,
    LeaderMustDeclineError,
    UnitMissingError,
    UnitUntellableError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, Party
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.contracts.team import (
    ContributionAccepted,
    ContributionDeclined,
    ContributionEnded,
    ContributionEscalated,
    ContributionOverdue,
    ContributionReason,
    ContributionRequested,
)
from shared.refs import ContributionRef, MeetingRef, UnitId

DeclineReason = Literal["wrong-service", "no-capacity", "already-contributing", "not-lawful"]
_WORD = re.compile(r"[^\W\d_]{2,}")
_LONG_NUMBER = re.compile(r"\d(?:[ .\-/]?\d){5,}")
_REFERENCE = re.compile(r"\b[a-z]{3}_[0-9A-Za-z_-]{8,64}")


class AskToContribute(Model):
    """Ask a service. What is asked, in words, goes to the vault."""

    by: Acting
    contribution: ContributionRef
    service: Service
    unit: UnitId | None = None
    reason: ContributionReason
    anonymous: bool = False
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    respond_by: AwareDatetime | None = None
    """The municipality's usual time when nothing is said."""


class DecidedContribution(Model):
    """What a meeting decided to ask a service for, by name (seed rules 62, 72, 82)."""

    contribution: ContributionRef
    service: Service
    unit: UnitId | None = None
    reason: ContributionReason
    categories: frozenset[InformationCategory]
    purpose: Purpose
    respond_by: AwareDatetime | None = None


class AnswerContribution(Model):
    """Yes (no reason), or the leader's no."""

    by: Acting
    contribution: ContributionRef
    decline: DeclineReason | None = None


class EndContribution(Model):
    """The asker has what was asked for, or takes it back."""

    by: Acting
    contribution: ContributionRef
    reason: Literal["given", "withdrawn"]


def decide_ask(state: CaseState, command: AskToContribute, now: datetime, rule: ContributionRule) -> list[CaseEvent]:
    """Ask a service to contribute, within what may be shared with it (seed rules 82, 86, 106, 116).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        AsksItselfError: it is the holder's own unit.
        UnitMissingError: a barnehage or school must be named.
        UnitUntellableError: the child's address is protected; no event says which unit is asked, so it could never answer.
        ContributionOpenError: it has been asked, and that is not settled.
        AnswerTimeError: the time to answer is not ahead, or too far away.
        ConsentMissingError: by name, and no consent in force covers service, categories and purpose.
    """
    access.require(state, Action.ASK_CONTRIBUTION, command.by, now)
    asked_by = command.by.party(address_protected=state.address_protected)
    return [_requested(state, command, asked_by, now, rule)]


def decide_ask_there(
    state: CaseState, what: DecidedContribution, meeting: MeetingRef, now: datetime, rule: ContributionRule
) -> list[CaseEvent]:
    """Ask a service for what a meeting decided, in the name of whoever has the case; nothing when it was asked already.

    Raises:
        CaseNotOpenError: the case is not open.
        AsksItselfError, ConsentMissingError and so on: as `decide_ask`.
    """
    if what.contribution in state.around.contributions:
        return []
    if state.stage is not Stage.OPEN or state.holder is None:
        raise CaseNotOpenError
    return [_requested(state, what, state.holder, now, rule, meeting)]


def _requested(
    state: CaseState,
    command: AskToContribute | DecidedContribution,
    asked_by: Party,
    now: datetime,
    rule: ContributionRule,
    meeting: MeetingRef | None = None,
) -> ContributionRequested:
    many = command.service in SERVICES_WITH_MANY_UNITS
    holder = state.holder
    if holder is not None and holder.service is command.service and (not many or holder.unit in {None, command.unit}):
        raise AsksItselfError
    if many and command.unit is None:
        raise UnitMissingError
    if many and state.address_protected:
        raise UnitUntellableError
    for one in state.around.contributions.values():
        if one.status in UNANSWERED and (one.service, one.unit) == (command.service, _unit(state, command)):
            raise ContributionOpenError(extensions={"contribution": one.ref})
    respond_by = command.respond_by or add_days(now, rule.respond_days)
    if not now < respond_by <= add_days(now, rule.respond_days_at_most):
        raise AnswerTimeError
    consent = None
    anonymous = isinstance(command, AskToContribute) and command.anonymous
    if not anonymous:
        consent = require_consent(
            state, service=command.service, categories=command.categories, purpose=command.purpose, now=now
        )
    return ContributionRequested(
        case=ref_of(state),
        contribution=command.contribution,
        service=command.service,
        unit=_unit(state, command),
        anonymous=anonymous,
        reason=command.reason,
        asked_by=asked_by,
        respond_by=respond_by,
        categories=frozenset() if anonymous else command.categories,
        purpose=None if anonymous else command.purpose,
        consent=None if consent is None else consent.ref,
        consent_version=None if consent is None else consent.version,
        meeting=meeting,
    )


def decide_answer(state: CaseState, command: AnswerContribution, now: datetime) -> list[CaseEvent]:
    """Accept, on behalf of the service (seed rules 71, 72); or, as its leader, decline with a reason (seed rule 82).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError: there is no such request to this actor's service.
        LeaderMustDeclineError: somebody else than the service's leader declines; the denial is recorded.
        ContributionNotOpenError: it was answered or ended.
    """
    access.require(state, Action.ANSWER_CONTRIBUTION, command.by, now)
    present = asked(state, command.contribution, command.by)
    if command.decline is not None and Role.LEADER not in command.by.roles:
        raise LeaderMustDeclineError("leader-must-decline")
    if present.status not in UNANSWERED:
        raise ContributionNotOpenError(extensions={"status": present.status})
    by = command.by.party(address_protected=state.address_protected)
    case, late = ref_of(state), now > present.respond_by
    if command.decline is not None:
        return [ContributionDeclined(case=case, contribution=present.ref, by=by, reason=command.decline, late=late)]
    return [ContributionAccepted(case=case, contribution=present.ref, by=by, late=late)]


def decide_end(state: CaseState, command: EndContribution, now: datetime) -> list[CaseEvent]:
    """Say that it was given, or take it back.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError: there is no such request.
        ContributionNotOpenError: it was declined or has ended; or it is said to be given and was never accepted.
    """
    access.require(state, Action.ASK_CONTRIBUTION, command.by, now)
    present = state.around.contributions.get(command.contribution)
    if present is None:
        raise UnknownPartError
    ends = {ContributionStatus.ACCEPTED} if command.reason == "given" else UNANSWERED | {ContributionStatus.ACCEPTED}
    if present.status not in ends:
        raise ContributionNotOpenError(extensions={"status": present.status})
    return [ContributionEnded(case=ref_of(state), contribution=present.ref, reason=command.reason)]


def decide_overdue(state: CaseState, contribution: ContributionRef, now: datetime) -> list[CaseEvent]:
    """Note that the service has not answered in time; nothing when it has, or there is time left."""
    present = state.around.contributions.get(contribution)
    if present is None or state.stage is not Stage.OPEN or now < present.respond_by:
        return []
    if present.status is not ContributionStatus.REQUESTED:
        return []
    return [
        ContributionOverdue(case=ref_of(state), contribution=contribution, service=present.service, unit=present.unit)
    ]


def decide_escalate(
    state: CaseState, contribution: ContributionRef, now: datetime, rule: ContributionRule
) -> list[CaseEvent]:
    """Leave it to the service's leader (seed rules 82, 95); nothing when it was answered meanwhile."""
    present = state.around.contributions.get(contribution)
    if present is None or state.stage is not Stage.OPEN or now < add_days(present.respond_by, rule.escalate_days):
        return []
    if present.status not in {ContributionStatus.REQUESTED, ContributionStatus.OVERDUE}:
        return []
    return [
        *decide_overdue(state, contribution, now),
        ContributionEscalated(
            case=ref_of(state), contribution=contribution, service=present.service, unit=present.unit
        ),
    ]


def asked(state: CaseState, contribution: ContributionRef, acting: Acting) -> ContributionState:
    """Return the request when it is to the actor's service.

    Raises:
        UnknownPartError: it is not, or there is none.
    """
    present = state.around.contributions.get(contribution)
    if present is None or not is_asked(present, acting):
        raise UnknownPartError
    return present


def traces(text: str, names: Iterable[str]) -> list[str]:
    """Return what in `text` could lead to a person of the family: a part of a name, a long number, a reference of the system's.

    It answers with kinds, never with the words.
    """
    said = {_plain(word) for word in _WORD.findall(text)}
    known = {_plain(part) for name in names for part in _WORD.findall(name)}
    # In Norwegian the genitive has no apostrophe.
    genitives = {f"{one}s" for one in known}
    found = ["name"] if said & (known | genitives) else []
    if _LONG_NUMBER.search(text):
        found.append("number")
    if _REFERENCE.search(text):
        found.append("reference")
    return found


def _plain(word: str) -> str:
    return unicodedata.normalize("NFC", word).casefold()


def _unit(state: CaseState, command: AskToContribute | DecidedContribution) -> UnitId | None:
    return None if state.address_protected else command.unit
