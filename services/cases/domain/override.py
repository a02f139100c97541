"""Overriding confidentiality by law: on a section that binds or entitles, for a reason, until a day, judged by a leader afterwards.

Which sections, who may use them, with whom and how long, is the dated code list `deploy/codelists/legal-bases.yaml`
(barnevernsloven § 13-2, forvaltningsloven § 13 b, helsepersonelloven §§ 23, 25, 33). The reason's words are in the vault.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from pydantic import AwareDatetime

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.consent_lifecycles import OVERRIDE
from services.cases.domain.course import ref_of
from services.cases.domain.rules import BasisRow, Rules
from services.cases.domain.state import CaseState, OverrideState, OverrideStatus
from services.cases.domain.watch import judges_as
from services.cases.errors import (
    BasisNoOverrideError,
    BasisNotOpenError,
    ChildHeardAndNotError,
    ChildViewMissingError,
    NoLegalBasisError,
    OverridePeriodError,
    OverrideReviewedError,
    OwnOverrideError,
    ReviewTimeError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    ConsentOverridden,
    ConsentOverrideEnded,
    ConsentOverrideGuardiansInformed,
    ConsentOverrideReviewed,
    ConsentOverrideReviewOverdue,
    NotHeardReason,
    OverrideReason,
)
from shared.contracts.codes import LegalBasis, Role, Scope
from shared.refs import OverrideRef

HEARD_ABOUT = frozenset({"consent", "concern-report"})
"""Before which decision the child is heard whose outcome is that information is shared (barnevernsloven § 1-4)."""


class OverrideConfidentiality(Model):
    """Share by law, without consent."""

    by: Acting
    override: OverrideRef
    section: str
    """A code of the list of legal bases."""
    reason: OverrideReason
    scope: Scope
    valid_to: date
    review_by: AwareDatetime
    not_heard: NotHeardReason | None = None
    """Why the child was not heard before; none: it was."""
    guardians_informed: bool = False
    watch: Role = Role.LEADER
    """As what the municipality's duty for address-protected cases is kept: there it is that one who judges it."""


class ReviewOverride(Model):
    """A leader's judgement afterwards."""

    by: Acting
    override: OverrideRef
    justified: bool
    guardians_informed: bool = False


def decide_override(state: CaseState, command: OverrideConfidentiality, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Override confidentiality, by law and for a time.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; only the holder decides on it.
        BasisNoOverrideError: the section is not in the list on that day, or does not carry it.
        BasisNotOpenError: it is not for the holder's service, or not open to one of the services.
        OverridePeriodError: the last day lies behind, or further ahead than the section allows.
        ReviewTimeError: the review lies behind, or too far ahead.
        ChildViewMissingError: the child was not heard, and no reason is given (barnevernsloven § 1-4; seed rule 99).
        ChildHeardAndNotError: it was heard, and a reason why not is given.
    """
    access.require(state, Action.OVERRIDE, command.by, now)
    row, today = _row(command, now, rules), oslo_day(now)
    if not today <= command.valid_to < today + timedelta(days=row.at_most_days):
        raise OverridePeriodError(extensions={"at_most_days": row.at_most_days})
    within = rules.consent.time(today).review_within_days
    if not now < command.review_by <= add_days(now, within):
        raise ReviewTimeError(extensions={"at_most_days": within})
    heard = bool(state.heard_before & HEARD_ABOUT)
    if command.not_heard is None and not heard:
        raise ChildViewMissingError(extensions={"before": [*sorted(HEARD_ABOUT)]})
    if command.not_heard is not None and heard:
        raise ChildHeardAndNotError
    return [
        ConsentOverridden(
            case=ref_of(state),
            override=command.override,
            basis=LegalBasis(code=row.code, version=row.valid_from.isoformat()),
            reason=command.reason,
            scope=command.scope,
            valid_from=today,
            valid_to=command.valid_to,
            made_by=command.by.party(address_protected=state.address_protected),
            not_heard=command.not_heard,
            reviewer=command.watch if state.address_protected else Role.LEADER,
            review_by=command.review_by,
            guardians_informed=command.guardians_informed,
        )
    ]


def decide_review(state: CaseState, command: ReviewOverride, now: datetime) -> list[CaseEvent]:
    """Judge it; what was not justified ends at once.

    Raises:
        DeniedError: see `access.permit`; the leader of the unit reviews, whatever the case's stage, and of an address-protected
            case whoever has the municipality's duty for it.
        UnknownPartError: there is no such override.
        OwnOverrideError: the leader made it.
        OverrideReviewedError: it was judged before.
    """
    access.permit(state, Action.REVIEW_OVERRIDE, command.by, now)
    present = state.overrides.get(command.override)
    if present is None:
        raise UnknownPartError
    if present.made_by.actor == command.by.actor:
        raise OwnOverrideError
    if not OVERRIDE.allows(present.status, ConsentOverrideReviewed):
        raise OverrideReviewedError
    case = ref_of(state)
    happened: list[CaseEvent] = [
        ConsentOverrideReviewed(
            case=case,
            override=present.ref,
            justified=command.justified,
            reviewer=judges_as(command.by),
            guardians_informed=command.guardians_informed,
        )
    ]
    if not command.justified and not present.ended:
        happened.append(ConsentOverrideEnded(case=case, override=present.ref, reason="not-justified"))
    return happened


def decide_informed(state: CaseState, by: Acting, override: OverrideRef, now: datetime) -> list[CaseEvent]:
    """Note that the guardians have been told; nothing when that was noted before (seed rules 101, 192).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`; whoever has or had the baton, and who judges it.
        UnknownPartError: there is no such override.
    """
    access.require(state, Action.TELL_OF_OVERRIDE, by, now)
    present = override_of(state, override)
    if present.guardians_informed:
        return []
    return [ConsentOverrideGuardiansInformed(case=ref_of(state), override=present.ref)]


def decide_review_overdue(state: CaseState, override: OverrideRef, now: datetime) -> list[CaseEvent]:
    """Say that nobody has judged it in time; nothing when somebody has, or there is time."""
    present = state.overrides.get(override)
    if present is None or present.status is not OverrideStatus.AWAITS_REVIEW or now < present.review_by:
        return []
    unit = None if state.holding is None else state.holding.party.unit
    return [ConsentOverrideReviewOverdue(case=ref_of(state), override=override, unit=unit)]


def decide_override_end(state: CaseState, override: OverrideRef, now: datetime) -> list[CaseEvent]:
    """End it when its last day has passed; nothing when it ended before, or that day is not over."""
    present = state.overrides.get(override)
    if present is None or present.ended or oslo_day(now) <= present.valid_to:
        return []
    return [ConsentOverrideEnded(case=ref_of(state), override=override, reason="last-day-passed")]


def override_of(state: CaseState, ref: OverrideRef) -> OverrideState:
    """Return an override of this case.

    Raises:
        UnknownPartError: there is none.
    """
    present = state.overrides.get(ref)
    if present is None:
        raise UnknownPartError
    return present


def _row(command: OverrideConfidentiality, now: datetime, rules: Rules) -> BasisRow:
    try:
        row = rules.basis_row(command.section, now)
    except NoLegalBasisError:
        raise BasisNoOverrideError from None
    if not row.overrides:
        raise BasisNoOverrideError
    outside = command.scope.services - row.open_to if row.open_to else frozenset()
    if outside or (row.used_by and command.by.service not in row.used_by):
        raise BasisNotOpenError(extensions={"services": [one.value for one in sorted(outside)]})
    return row
