"""Renewing a consent: the same scope until a later day, asked for and granted like the first time.

What is valid stays valid until all have granted the next period, or it expires; a no, or silence, changes nothing before that.
"""

from __future__ import annotations

from datetime import date, datetime

from pydantic import AwareDatetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent import require_grantors
from services.cases.domain.consent_ending import GRANTED
from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState, ConsentStatus
from services.cases.errors import (
    ChildViewMissingError,
    ConsentNotRenewableError,
    ConsentPeriodError,
    RenewalOpenError,
    UnknownPartError,
)
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, ConsentRenewalRequested
from shared.contracts.codes import GrantorClass
from shared.refs import ConsentRef

RENEWABLE = GRANTED | {ConsentStatus.EXPIRED}


class RenewConsent(Model):
    """Ask for the same until a later day; `needed` comes from the dated rules and the child's age now."""

    by: Acting
    consent: ConsentRef
    valid_to: date
    needed: dict[GrantorClass, int]
    guardians: frozenset[int]
    languages: frozenset[str]
    answer_by: AwareDatetime
    hears: bool = True
    """Whether the child is heard before it; not who is of age, and gives it."""


def decide_renew(state: CaseState, command: RenewConsent, now: datetime) -> list[CaseEvent]:
    """Ask for the next period, after the child was heard anew (seed rules 4, 5, 99).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        UnknownPartError: there is no such consent.
        ConsentNotRenewableError: it was refused, lapsed or withdrawn: what is gone is asked for from the beginning.
        RenewalOpenError: the next period is asked for already.
        ConsentPeriodError: the new last day lies behind, or not after the present one.
        ChildViewMissingError: the child's view before this has not been recorded.
        NotAGrantorError: fewer guardians are known than must grant.
    """
    access.require(state, Action.REQUEST_CONSENT, command.by, now)
    consent = state.consents.get(command.consent)
    if consent is None:
        raise UnknownPartError
    if consent.status not in RENEWABLE:
        raise ConsentNotRenewableError(extensions={"status": consent.status})
    if consent.renewal is not None:
        raise RenewalOpenError
    if command.valid_to < oslo_day(now) or command.valid_to <= consent.valid_to:
        raise ConsentPeriodError("The new last day must lie ahead, and after the present one.")
    if command.hears and "consent" not in state.heard_before:
        raise ChildViewMissingError(extensions={"before": "consent"})
    require_grantors(state, command.needed, command.guardians)
    return [
        ConsentRenewalRequested(
            case=ref_of(state),
            consent=consent.ref,
            version=consent.version,
            scope=consent.scope,
            valid_to=command.valid_to,
            needed=command.needed,
            guardians=tuple(sorted(command.guardians)),
            languages=command.languages,
            answer_by=command.answer_by,
            held_by_unit=state.held_in,
        )
    ]
