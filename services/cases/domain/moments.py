"""What time will bring for a consent or an override: the moments to come back to it, as durable deadlines."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from services.cases.domain.grantors import ConsentRules
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.cases import (
    CareOrderRecorded,
    CaseEvent,
    ConsentConfirmed,
    ConsentEvent,
    ConsentExpired,
    ConsentGranted,
    ConsentNarrowed,
    ConsentOverridden,
    ConsentReassessmentDue,
    ConsentRenewalRequested,
    ConsentRequested,
    ConsentSuspended,
    ConsentWithdrawn,
    OverrideEvent,
    ReassessmentReason,
)
from shared.contracts.safekeeping import AddressProtectionSet, CaseContinued, GuardiansChanged, IdentityCorrected

CONSENT_EXPIRY: Final = "consent-expiry"
CONSENT_WARNING: Final = "consent-warning"
CONSENT_LAPSE: Final = "consent-lapse"
CONSENT_CONFIRMATION: Final = "consent-confirmation"
CONSENT_RECEIPTS: Final = "consent-receipts"
OVERRIDE_END: Final = "override-end"
OVERRIDE_REVIEW: Final = "override-review"
CHILD_AGES: Final = "child-ages"
"""Every day, for all cases together: a deadline at a birthday would be the birthday, in the clear."""
CHILD_AGE: Final = "child-age"
"""A child's age has brought something since the last look; due at once, never ahead."""
CHILD_BORN: Final = "child-born"
"""The birth date is new here, or was corrected: what lies behind is acted on at once."""
CONSENT_REASSESSMENT: Final = "consent-reassessment"
"""Who has the say over the child has changed."""


@dataclass(frozen=True, slots=True)
class Due:
    """A moment to come back at; one of the same kind and key replaces it."""

    kind: str
    key: str
    due: datetime


def moments_of(  # noqa: PLR0911 -- one case per event type
    event: ConsentEvent | OverrideEvent, now: datetime, rules: ConsentRules, receipt_within: timedelta
) -> list[Due]:
    """Return what is to be come back to because of `event`, which happens now.

    Whatever takes something away is to be acknowledged by those who act on consents, within `receipt_within`.
    """
    match event:
        case ConsentRequested():
            lapse = [] if event.answer_by is None else [Due(CONSENT_LAPSE, event.consent, event.answer_by)]
            return [Due(CONSENT_EXPIRY, event.consent, _over(event.valid_to)), *lapse]
        case ConsentRenewalRequested():
            return [Due(CONSENT_LAPSE, event.consent, event.answer_by)]
        case ConsentGranted(active=True) | ConsentConfirmed():
            warn_before = timedelta(days=rules.time(oslo_day(now)).warn_before_days)
            return [
                Due(CONSENT_EXPIRY, event.consent, _over(event.valid_to)),
                Due(CONSENT_WARNING, event.consent, start_of_day(event.valid_to - warn_before)),
            ]
        case ConsentReassessmentDue(confirm_by=datetime() as confirm_by):
            return [Due(CONSENT_CONFIRMATION, event.consent, confirm_by)]
        case ConsentNarrowed() | ConsentWithdrawn() | ConsentExpired() | ConsentSuspended():
            return [Due(CONSENT_RECEIPTS, f"{event.consent}:{event.version}", now + receipt_within)]
        case ConsentOverridden():
            return [
                Due(OVERRIDE_END, event.override, _over(event.valid_to)),
                Due(OVERRIDE_REVIEW, event.override, event.review_by),
            ]
        case _:
            return []


def moments_of_family(event: CaseEvent, now: datetime) -> list[Due]:
    """Return what is to be done at once about consents because the family's standing has changed: who may consent is asked anew."""
    match event:
        case GuardiansChanged():
            reason = ReassessmentReason.GUARDIAN_CHANGE
        case CareOrderRecorded():
            reason = ReassessmentReason.CARE_ORDER
        case AddressProtectionSet():
            reason = ReassessmentReason.ADDRESS_PROTECTION
        case CaseContinued() | IdentityCorrected():
            return [Due(CHILD_BORN, event.case, now)]
        case _:
            return []
    return [Due(CONSENT_REASSESSMENT, f"{event.case}:{reason}", now)]


def _over(last_day: date) -> datetime:
    return start_of_day(last_day + timedelta(days=1))
