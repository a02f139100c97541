"""What a case's state keeps of the work around the child: goal, coordinator, plan, contributions, reports, who was heard.

One part of the case's state, folded from events of its own (`shared/contracts/team.py`, `reports.py`): the rules that span it
and the rest of the case are decided on the whole state, like every other.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from shared.contracts.base import Model
from shared.contracts.cases import CoordinatorKind, Party
from shared.contracts.codes import GrantorClass, InformationCategory, LegalBasis, Purpose, Role, Service
from shared.contracts.team import ContributionReason, LanguageNeedRecorded
from shared.refs import (
    ConcernReportRef,
    ConsentRef,
    ContributionRef,
    DocumentRef,
    GoalRef,
    MeetingRef,
    PlanRef,
    UnitId,
)


class TeamGoal(Model):
    """What all in the team work for; the words are in the vault (seed rule 87)."""

    goal: GoalRef
    version: int


class Coordinator(Model):
    """Who coordinates, appointed."""

    kind: CoordinatorKind
    party: Party


class PlanStatus(StrEnum):
    """The states of an individual plan."""

    REQUESTED = "requested"
    STARTED = "started"
    CLOSED = "closed"


class PlanState(Model):
    """The individual plan (individuell plan; seed rules 36-38)."""

    ref: PlanRef
    nth: int = 0
    """Of the plans that were asked for in the case, from 0: what keeps them keeps no order of its own."""
    status: PlanStatus
    coordinated_by: Service
    coordinator_role: Role
    coordinator: Party | None = None
    version: int = 0
    goals: tuple[GoalRef, ...] = ()
    meeting: MeetingRef | None = None
    document: DocumentRef | None = None
    """The minutes that its present version is; none for the first."""


class ContributionStatus(StrEnum):
    """The states of a request to contribute; the first three wait for an answer."""

    REQUESTED = "requested"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    ENDED = "ended"


UNANSWERED = frozenset({ContributionStatus.REQUESTED, ContributionStatus.OVERDUE, ContributionStatus.ESCALATED})
RUNNING = UNANSWERED | {ContributionStatus.ACCEPTED}
"""What still concerns the service that was asked."""


class ContributionState(Model):
    """A service was asked to contribute (seed rules 82, 96, 98, 116)."""

    ref: ContributionRef
    service: Service
    unit: UnitId | None
    anonymous: bool
    reason: ContributionReason
    asked_by: Party
    respond_by: AwareDatetime
    categories: frozenset[InformationCategory]
    purpose: Purpose | None
    consent: ConsentRef | None
    meeting: MeetingRef | None = None
    """That decided it; None: whoever has the case asked."""
    status: ContributionStatus
    answered_by: Party | None = None
    declined_because: str | None = None


class ReportStatus(StrEnum):
    """The states of a concern report. Only child welfare's answer ends it."""

    SENT = "sent"
    TO_POST = "to-post"
    """By letter: there is no digital channel, or it failed."""
    POSTED = "posted"
    RECEIVED = "received"
    ANSWERED = "answered"
    CONCLUDED = "concluded"
    """Child welfare dismissed it, or its investigation has ended."""


class ReportState(Model):
    """A concern report (bekymringsmelding). Ground, words and child are in the vault (seed rule 93)."""

    ref: ConcernReportRef
    reporter: Party
    basis: LegalBasis
    sent_at: AwareDatetime
    deliver_by: AwareDatetime
    feedback_by: AwareDatetime
    guardians_informed: bool
    status: ReportStatus
    feedback: tuple[str, ...] = ()
    unanswered: bool = False
    """Three weeks passed without an answer."""


class Heard(Model):
    """That the child was heard before a decision, or why not; what it said is in the vault (barnevernsloven § 1-4)."""

    before: str
    at: AwareDatetime | None
    """Nothing is said of it in what was recorded before it was asked for."""
    not_heard: str | None = None


class LanguageNeed(Model):
    """How one of the family is spoken with (seed rule 146)."""

    person: GrantorClass
    ordinal: int
    interpreter: bool
    language: str | None

    @classmethod
    def of(cls, event: LanguageNeedRecorded) -> LanguageNeed:
        """Return the need as it was told."""
        return cls(person=event.person, ordinal=event.ordinal, interpreter=event.interpreter, language=event.language)


class Around(Model):
    """The work around the child."""

    goal: TeamGoal | None = None
    coordinator_wanted: frozenset[CoordinatorKind] = frozenset()
    """Asked for by the guardians or the child."""
    coordinators: dict[CoordinatorKind, Coordinator] = Field(default_factory=dict)
    plans: dict[PlanRef, PlanState] = Field(default_factory=dict)
    """One that has ended may be followed by another."""
    contributions: dict[ContributionRef, ContributionState] = Field(default_factory=dict)
    reports: dict[ConcernReportRef, ReportState] = Field(default_factory=dict)
    heard: tuple[Heard, ...] = ()
    languages: tuple[LanguageNeed, ...] = ()

    @property
    def plan(self) -> PlanState | None:
        """Return the plan that was asked for last; it may have ended. One that has not is the last: another waits for its end."""
        return max(self.plans.values(), key=lambda one: (one.status is not PlanStatus.CLOSED, one.nth), default=None)

    def coordinator_of(self, kind: CoordinatorKind) -> Party | None:
        """Return who coordinates, as one person: appointed, or whoever began the group's plan; none by the rule alone."""
        appointed, plan = self.coordinators.get(kind), self.plan
        if appointed is not None:
            return appointed.party
        if kind is not CoordinatorKind.ANSVARSGRUPPE or plan is None or plan.status is PlanStatus.CLOSED:
            return None
        return plan.coordinator

    @property
    def on_their_way(self) -> list[ConcernReportRef]:
        """Return the reports that child welfare has not been given yet: their words are still needed (seed rule 93)."""
        waits = {ReportStatus.SENT, ReportStatus.TO_POST}
        return [one.ref for one in self.reports.values() if one.status in waits]

    @property
    def secret(self) -> bool:
        """Return whether there is a report that the guardians may not be told of."""
        return any(not report.guardians_informed for report in self.reports.values())
