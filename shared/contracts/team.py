"""What the cases service publishes of the team around the child: its goal, coordinator, plan, what services are asked for.

As everything on the bus: references, codes, times, counts. Goals, questions and reasons in words are in the vault.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, CoordinatorKind, EvidenceForm, LanguageTag, Party
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Role, Service
from shared.refs import (
    ConsentRefField,
    ContributionRefField,
    DocumentRefField,
    GoalRefField,
    MeetingRefField,
    PlanRefField,
    UnitIdField,
)

ReasonCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
"""A row of a code list, never words."""


class TeamWorkEvent(CaseEvent):
    """An event of how people work together around the child."""


# --- the team's goal and coordinator ----------------------------------------------------------------------------------


class TeamGoalSet(TeamWorkEvent):
    """The team has one goal that all work for; its words are in the vault (seed rule 87)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.team-goal-set.v1"

    goal: GoalRefField
    version: int = Field(ge=1)


class CoordinatorRequested(TeamWorkEvent):
    """The guardians or the child asked for a child coordinator (barnekoordinator)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-requested.v1"

    kind: CoordinatorKind
    requested_by: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD]
    evidence: EvidenceForm


class CoordinatorAppointed(TeamWorkEvent):
    """Somebody coordinates from here on; whoever did before does no more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-appointed.v1"

    kind: CoordinatorKind
    coordinator: Party


class CoordinatorEnded(TeamWorkEvent):
    """Nobody is appointed any more."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.coordinator-ended.v1"

    kind: CoordinatorKind
    reason: Literal["guardians-wish", "no-longer-needed", "adult", "basis-lapsed", "case-closed"]


# --- the child's voice ------------------------------------------------------------------------------------------------


class ChildNotHeard(TeamWorkEvent):
    """The child was not heard before a decision, for a reason that the code list allows (barnevernsloven § 1-4; seed rule 99)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.child-not-heard.v1"

    before: Literal["consent", "measure", "handover", "plan", "concern-report"]
    reason: Literal["too-young", "does-not-wish", "not-able", "danger"]
    noted_at: Moment


class LanguageNeedRecorded(TeamWorkEvent):
    """In which language one of the family is spoken with, and whether it takes an interpreter (seed rule 146)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.language-need-recorded.v1"

    person: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD]
    ordinal: int = Field(ge=1, le=8)
    """Which guardian, as in the events of the consent."""
    interpreter: bool
    language: LanguageTag | None = None
    """Absent for an address-protected case: a rare language can tell where somebody is."""


# --- contributions ----------------------------------------------------------------------------------------------------


class ContributionEvent(TeamWorkEvent):
    """An event of one request to a service to contribute (seed rules 82, 96, 98, 116)."""

    contribution: ContributionRefField


class ContributionReason(StrEnum):
    """Why a service is asked."""

    COMPETENCE_MISSING = "competence-missing"
    """The asker's own competence is not sufficient (seed rule 116)."""
    ASSESSMENT = "assessment"
    MEASURE = "measure"
    COORDINATION = "coordination"


class ContributionRequested(ContributionEvent):
    """A service was asked to contribute; it must, and answers in time (seed rules 82, 102)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.requested.v1"

    service: Service
    unit: UnitIdField | None = None
    """The barnehage or school asked; absent for an address-protected case."""
    anonymous: bool
    """Without the child's name, and so without consent; the service is not told which case it is."""
    reason: ContributionReason
    asked_by: Party
    respond_by: Moment
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    meeting: MeetingRefField | None = None
    """The meeting that decided it: what is asked in words stands in its minutes."""


class ContributionAccepted(ContributionEvent):
    """Somebody who may decide for the service takes part (seed rules 71, 72)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.accepted.v1"

    by: Party
    late: bool = False


class ContributionDeclined(ContributionEvent):
    """The service's leader said no, with a reason; nobody else can (seed rule 82)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.declined.v1"

    by: Party
    reason: Literal["wrong-service", "no-capacity", "already-contributing", "not-lawful"]
    late: bool = False


class ContributionOverdue(ContributionEvent):
    """The service has not answered in time."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.overdue.v1"

    service: Service
    unit: UnitIdField | None = None


class ContributionEscalated(ContributionEvent):
    """It still has not: the service's leader must answer (seed rules 82, 95)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.escalated.v1"

    service: Service
    unit: UnitIdField | None = None


class ContributionEnded(ContributionEvent):
    """Nothing more is asked: it was given, taken back, or may no longer be asked for."""

    TYPE: ClassVar[str] = "no.lagspill.cases.contribution.ended.v1"

    reason: Literal["given", "withdrawn", "basis-lapsed", "case-closed"]


# --- the individual plan ----------------------------------------------------------------------------------------------


class PlanEvent(TeamWorkEvent):
    """An event of the individual plan (individuell plan; seed rules 36-38)."""

    plan: PlanRefField


class PlanRequested(PlanEvent):
    """The guardians or the child want a plan; nobody else can begin one (seed rule 36)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.requested.v1"

    requested_by: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD]
    evidence: EvidenceForm
    coordinated_by: Service
    """The service that coordinates it by the municipality's rule, until somebody is appointed (seed rules 23, 37)."""
    coordinator_role: Role


class PlanStarted(PlanEvent):
    """The plan has a coordinator and its first version (seed rule 37)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.started.v1"

    coordinator: Party
    version: Literal[1] = 1
    goals: tuple[GoalRefField, ...]


class PlanUpdated(PlanEvent):
    """The plan has a next version: the approved minutes of its group's meeting (seed rule 38)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.updated.v1"

    version: int = Field(ge=2)
    goals: tuple[GoalRefField, ...]
    meeting: MeetingRefField
    document: DocumentRefField | None = None
    """The minutes, in the meetings service's vault."""


class PlanClosed(PlanEvent):
    """The plan ended."""

    TYPE: ClassVar[str] = "no.lagspill.cases.plan.closed.v1"

    reason: Literal["goals-reached", "no-longer-wanted", "adult", "case-closed"]


EVENTS: tuple[type[CaseEvent], ...] = (
    TeamGoalSet,
    CoordinatorRequested,
    CoordinatorAppointed,
    CoordinatorEnded,
    ChildNotHeard,
    LanguageNeedRecorded,
    ContributionRequested,
    ContributionAccepted,
    ContributionDeclined,
    ContributionOverdue,
    ContributionEscalated,
    ContributionEnded,
    PlanRequested,
    PlanStarted,
    PlanUpdated,
    PlanClosed,
)
