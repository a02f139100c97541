"""Emergency access (nødtilgang, break-glass): opened by whom the code list lets, for a time, and always reviewed by somebody else.

Pasientjournalloven § 22 asks for subsequent control; invariant 12: there is no emergency access without a review deadline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from pydantic import Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.glass_lifecycles import GLASS
from services.cases.domain.kept import GlassStatus
from services.cases.domain.relations import watches
from services.cases.domain.rules import Rules
from services.cases.domain.search import Candidate
from services.cases.domain.state import CaseState, Stage
from services.cases.domain.watch import judges_as
from services.cases.errors import (
    DeniedError,
    GlassNotAllowedError,
    GlassOpenError,
    GlassReviewedError,
    GlassUnneededError,
    NotInvolvedError,
    OwnReviewError,
    UnknownPartError,
)
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory, Role
from shared.contracts.safekeeping import (
    BreakGlassOpened,
    BreakGlassReviewed,
    BreakGlassReviewEscalated,
    BreakGlassReviewOverdue,
    GlassOutcome,
    GlassReason,
)
from shared.refs import GlassRef, UnitId


class ReasonRow(Model):
    """A reason, and the legal basis that it rests on."""

    code: GlassReason
    basis: str


class OpenerRow(Model):
    """Who may open in an emergency, from a day and until another: a row of `deploy/codelists/break-glass.yaml`."""

    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    valid_from: date
    valid_to: date | None = None
    role: Role
    reasons: frozenset[GlassReason]
    categories: frozenset[InformationCategory]
    """The most that may be opened."""
    hours: int = Field(ge=1, le=72)
    """The longest that it may be open."""
    source: str


class GlassRules(Model):
    """The code list, and how long a review may take."""

    reasons: tuple[ReasonRow, ...]
    openers: tuple[OpenerRow, ...]
    review_within_days: int = 3
    """From the opening; the log's own pattern gives three working days, and so never comes first."""
    escalate_after_days: int = 2
    """From the missed review until the privacy officer may do it."""

    def basis(self, reason: GlassReason) -> str:
        """Return the code of the legal basis that `reason` rests on."""
        return next(row.basis for row in self.reasons if row.code is reason)

    def opener(self, role: Role, day: date) -> OpenerRow | None:
        """Return the row that lets this role open on `day` in Norway, if one does."""
        for row in self.openers:
            if row.role is role and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return row
        return None


class BreakGlass(Model):
    """Open a case in an emergency. Why, in words, goes to the vault."""

    by: Acting
    glass: GlassRef
    reason: GlassReason
    categories: frozenset[InformationCategory]
    hours: int


class Hidden(Model):
    """A case that is not opened to whoever asked for it by its child's number, and why, for the record only."""

    candidate: Candidate
    reason: str


class Found(Model):
    """What a child's number leads to in an emergency."""

    there: tuple[Candidate, ...]
    hidden: tuple[Hidden, ...]


class ReviewGlass(Model):
    """Judge an emergency access."""

    by: Acting
    glass: GlassRef
    outcome: GlassOutcome
    unit: UnitId | None = None
    """Where whoever opened it works: the vault's word, for the events of an address-protected case do not say it."""


class Reviewer(StrEnum):
    """As what somebody may review an emergency access."""

    LEADER = "leader"
    WATCH = "watch"
    """Has the municipality's duty for address-protected cases: no event says whose leader it is."""
    PRIVACY_OFFICER = "privacy-officer"


REVIEWERS: Mapping[Reviewer, frozenset[GlassStatus]] = MappingProxyType(
    {
        Reviewer.LEADER: frozenset(GlassStatus),
        Reviewer.WATCH: frozenset(GlassStatus),
        # The overseer steps in where the line has failed, and not before.
        Reviewer.PRIVACY_OFFICER: frozenset({GlassStatus.ESCALATED, GlassStatus.REVIEWED}),
    }
)
"""When who may look at an emergency access to review it. A cell that is not here is denied, and the denial is recorded."""


def check_request(command: BreakGlass, now: datetime, rules: GlassRules) -> None:
    """Refuse what the code list does not let this employee ask for; nothing of any case is looked at for it.

    Raises:
        GlassNotAllowedError: the role, the reason, the categories or the hours are outside the code list's row.
    """
    row = None if command.by.role is None else rules.opener(command.by.role, oslo_day(now))
    if row is None:
        raise GlassNotAllowedError
    allowed = command.reason in row.reasons and command.categories <= row.categories and 1 <= command.hours <= row.hours
    if not allowed:
        raise GlassNotAllowedError(
            "Your role may not open this much, for this long, or for this reason.",
            extensions={
                "reasons": [*sorted(row.reasons)],
                "categories": [*sorted(row.categories)],
                "hours": row.hours,
            },
        )


def decide_open(
    state: CaseState, command: BreakGlass, now: datetime, rules: Rules, glass: GlassRules
) -> list[CaseEvent]:
    """Open the case in an emergency, for a time, with its review deadline (invariant 12).

    Raises:
        GlassNotAllowedError: see `check_request`.
        NotInvolvedError: the child's address is protected, and the actor has not the clearance; or the case is erased.
        GlassOpenError: the actor has it open already.
        GlassUnneededError: the actor's part in the case gives all of it without.
    """
    check_request(command, now, glass)
    hidden = _hidden(state, command.by)
    if hidden is not None:
        raise NotInvolvedError(hidden)
    if any(one.is_open(now) and one.by.actor == command.by.actor for one in state.glass.values()):
        raise GlassOpenError
    if _has_already(state, command, now):
        raise GlassUnneededError
    return [
        BreakGlassOpened(
            case=ref_of(state),
            glass=command.glass,
            by=command.by.party(address_protected=state.address_protected),
            reason=command.reason,
            basis=rules.basis(glass.basis(command.reason), now),
            categories=command.categories | {InformationCategory.IDENTITY},
            until=now + timedelta(hours=command.hours),
            review_by=add_days(now, glass.review_within_days),
        )
    ]


def sort_out(candidates: Sequence[Candidate]) -> Found:
    """Return which of a child's cases may be opened, and which stay hidden: each is judged alike, whatever comes of it."""
    there: list[Candidate] = []
    hidden: list[Hidden] = []
    for one in candidates:
        reason = _hidden(one.state, one.acting) if one.same_municipality else "other-municipality"
        if reason is None:
            there.append(one)
        else:
            hidden.append(Hidden(candidate=one, reason=reason))
    return Found(there=tuple(there), hidden=tuple(hidden))


def reviewer(state: CaseState, acting: Acting, ref: GlassRef, unit: UnitId | None) -> Reviewer:
    """Return as what `acting` may look at this emergency access to review it.

    Raises:
        UnknownPartError: there is none.
        NotInvolvedError: it is none of the actor's business, or not yet.
    """
    glass = state.glass.get(ref)
    if glass is None:
        raise UnknownPartError
    as_what = None
    if acting.kind == "user" and Role.LEADER in acting.roles and unit is not None and acting.unit == unit:
        as_what = Reviewer.LEADER
    elif watches(state, acting):
        as_what = Reviewer.WATCH
    elif acting.kind == "user" and Role.PRIVACY_OFFICER in acting.roles:
        as_what = Reviewer.PRIVACY_OFFICER
    if as_what is None or (state.hidden and not acting.cleared):
        raise NotInvolvedError("no-relation")
    if glass.status not in REVIEWERS[as_what]:
        raise NotInvolvedError("not-yet-escalated")
    return as_what


def decide_review(state: CaseState, command: ReviewGlass, now: datetime) -> list[CaseEvent]:
    """Judge an emergency access. Whatever the outcome, it closes: what is looked at afterwards would be reviewed by nobody.

    Raises:
        UnknownPartError, NotInvolvedError: see `reviewer`.
        OwnReviewError: nobody reviews what they opened themselves.
        GlassReviewedError: it was reviewed before.
    """
    _ = now
    as_what = reviewer(state, command.by, command.glass, command.unit)
    glass = state.glass[command.glass]
    if glass.by.actor == command.by.actor:
        raise OwnReviewError
    if not GLASS.allows(glass.status, BreakGlassReviewed):
        raise GlassReviewedError
    role = Role.PRIVACY_OFFICER if as_what is Reviewer.PRIVACY_OFFICER else judges_as(command.by)
    return [BreakGlassReviewed(case=ref_of(state), glass=command.glass, outcome=command.outcome, reviewer_role=role)]


def decide_overdue(state: CaseState, ref: GlassRef, now: datetime, rules: GlassRules) -> list[CaseEvent]:
    """Say that nobody has reviewed it in time; nothing when somebody has, or it has been said."""
    glass = state.glass.get(ref)
    if glass is None or not GLASS.allows(glass.status, BreakGlassReviewOverdue) or now < glass.review_by:
        return []
    escalates_at = add_days(glass.review_by, rules.escalate_after_days)
    return [BreakGlassReviewOverdue(case=ref_of(state), glass=ref, by=glass.by, escalates_at=escalates_at)]


def decide_escalate(state: CaseState, ref: GlassRef, now: datetime, rules: GlassRules) -> list[CaseEvent]:
    """Let the privacy officer review it; nothing when somebody has, or when that has been said."""
    glass = state.glass.get(ref)
    if glass is None or not GLASS.allows(glass.status, BreakGlassReviewEscalated):
        return []
    if now < add_days(glass.review_by, rules.escalate_after_days):
        return []
    return [BreakGlassReviewEscalated(case=ref_of(state), glass=ref)]


def _hidden(state: CaseState, by: Acting) -> str | None:
    """Return why the case cannot be opened in an emergency, for the record only; none when it can."""
    if state.hidden and not by.cleared:
        return "address-protected"
    return "nothing-there" if state.case is None or state.stage in {Stage.UNKNOWN, Stage.ERASED} else None


def _has_already(state: CaseState, command: BreakGlass, now: datetime) -> bool:
    try:
        allowed = access.permit(state, Action.READ_CHILD, command.by, now)
    except DeniedError:
        return False
    return command.categories <= allowed.categories
