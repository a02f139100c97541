"""What is answered of the work around the child without opening the vault: references, codes and times."""

from __future__ import annotations

from datetime import datetime

from services.cases.domain.acting import Acting
from services.cases.domain.around import ContributionState, PlanState, PlanStatus, ReportState
from services.cases.domain.coordination import in_charge
from services.cases.domain.shown import as_shown
from services.cases.domain.state import CaseState
from services.cases.domain.team_profile import TeamProfile
from services.cases.errors import UnknownPartError
from shared.contracts.base import Model
from shared.contracts.cases import CoordinatorKind
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Role, Service
from shared.contracts.team import ContributionReason
from shared.refs import (
    CaseRef,
    ConcernReportRef,
    ConsentRef,
    ContributionRef,
    DocumentRef,
    GoalRef,
    MeasureRef,
    MeetingRef,
    PlanRef,
)
from shared.small_numbers import Counts


class GoalView(Model):
    """What all in the team work for; its words are in the vault."""

    goal: GoalRef
    version: int


class CoordinatorView(Model):
    """Who coordinates: a role in a service, never a name."""

    kind: CoordinatorKind
    service: Service | None
    role: Role
    by_rule: bool
    """Nobody is appointed: the municipality's rule says which service it is."""


class PlanView(Model):
    """The individual plan: where it stands, in which version."""

    plan: PlanRef
    status: str
    version: int
    goals: tuple[GoalRef, ...]
    meeting: MeetingRef | None
    document: DocumentRef | None
    """The approved minutes that this version is; none for the first."""

    @classmethod
    def of(cls, plan: PlanState) -> PlanView:
        """Return `plan`."""
        return cls(
            plan=plan.ref,
            status=plan.status,
            version=plan.version,
            goals=plan.goals,
            meeting=plan.meeting,
            document=plan.document,
        )


class AroundView(Model):
    """The work around the child, as everybody with a part in the case may know it."""

    goal: GoalView | None
    coordinators: tuple[CoordinatorView, ...]
    coordinator_wanted: tuple[CoordinatorKind, ...]
    plan: PlanView | None
    interpreter: bool
    """Somebody in the family needs an interpreter: think of it when you meet."""

    @classmethod
    def of(cls, state: CaseState) -> AroundView:
        """Return what `state` says."""
        around = state.around
        plan = around.plan
        return cls(
            goal=None if around.goal is None else GoalView(goal=around.goal.goal, version=around.goal.version),
            coordinators=tuple(_coordinators(state)),
            coordinator_wanted=tuple(sorted(around.coordinator_wanted)),
            plan=None if plan is None or plan.status is PlanStatus.CLOSED else PlanView.of(plan),
            interpreter=state.interpreter,
        )


class MemberView(Model):
    """A service around the child, and what it carries out."""

    service: Service
    role: Role | None
    measures: tuple[MeasureRef, ...]


class InChargeView(Model):
    """Who coordinates the services for this child: a role in a service, never a name (seed rule 122)."""

    kind: CoordinatorKind | None
    """As what; none: as the holder of the baton."""
    service: Service | None
    role: Role


class UsualMemberView(Model):
    """A service that usually belongs to the group, and is not in it (seed rule 25)."""

    service: Service
    covered: bool
    """A consent lets it join now."""


class TeamView(Model):
    """Who is around the child and answers for what (seed rules 87, 100, 122, 153)."""

    case: CaseRef
    holder: Service | None
    goal: GoalView | None
    members: tuple[MemberView, ...]
    coordinators: tuple[CoordinatorView, ...]
    coordinated_by: InChargeView | None
    """One, as long as the case goes on; none when it is closed."""
    contact_person: MemberView | None
    """Whom the guardians turn to; they may turn to anybody else too."""
    usual: tuple[UsualMemberView, ...]

    @classmethod
    def seen(cls, state: CaseState, acting: Acting, profile: TeamProfile, now: datetime) -> TeamView:
        """Return the team of `state` as `acting` sees it at `now`: with the measures that are to be shown."""
        return cls.of(as_shown(state, acting, now), profile, now)

    @classmethod
    def of(cls, state: CaseState, profile: TeamProfile, now: datetime) -> TeamView:
        """Return the team of `state`."""
        if state.case is None:
            raise UnknownPartError
        running = [one for one in state.measures.values() if one.runs]

        def member(service: Service, role: Role | None) -> MemberView:
            carried = tuple(one.ref for one in running if one.owner is service)
            return MemberView(service=service, role=role, measures=carried)

        home = None if state.holder is None else state.holder.service
        there = {*state.team, *({home} if home else set())}
        goal, charged = state.around.goal, in_charge(state, now)
        return cls(
            case=state.case,
            holder=home,
            goal=None if goal is None else GoalView(goal=goal.goal, version=goal.version),
            members=tuple(member(one.service, one.role) for one in state.team.values()),
            coordinators=tuple(_coordinators(state)),
            coordinated_by=None
            if charged is None
            else InChargeView(kind=charged.kind, service=charged.party.service, role=charged.party.role),
            contact_person=None if state.contact is None else member(state.contact.service, state.contact.role),
            usual=tuple(
                UsualMemberView(service=one.service, covered=state.consent_covering(now, one.service) is not None)
                for one in profile.usual_members
                if one.service not in there
            ),
        )


class ContributionView(Model):
    """A request to contribute, as the asker sees it."""

    contribution: ContributionRef
    case: CaseRef
    service: Service
    anonymous: bool
    reason: ContributionReason
    status: str
    respond_by: datetime
    categories: tuple[InformationCategory, ...]
    purpose: Purpose | None
    consent: ConsentRef | None
    declined_because: str | None

    @classmethod
    def of(cls, state: CaseState, ref: ContributionRef) -> ContributionView:
        """Return the request `ref`.

        Raises:
            UnknownPartError: there is none.
        """
        one = state.around.contributions.get(ref)
        if one is None or state.case is None:
            raise UnknownPartError
        return cls(
            contribution=one.ref,
            case=state.case,
            service=one.service,
            anonymous=one.anonymous,
            reason=one.reason,
            status=one.status,
            respond_by=one.respond_by,
            categories=tuple(sorted(one.categories)),
            purpose=one.purpose,
            consent=one.consent,
            declined_because=one.declined_because,
        )


class AskedView(Model):
    """A request to contribute, as the service sees it that is asked: by name with the case, anonymously without."""

    contribution: ContributionRef
    case: CaseRef | None
    anonymous: bool
    reason: ContributionReason
    status: str
    respond_by: datetime
    asked_by: Service | None
    categories: tuple[InformationCategory, ...]
    purpose: Purpose | None
    meeting: MeetingRef | None
    """The meeting that decided it; what is asked in words stands in its minutes."""

    @classmethod
    def of(cls, state: CaseState, one: ContributionState) -> AskedView:
        """Return the request."""
        return cls(
            contribution=one.ref,
            case=None if one.anonymous else state.case,
            anonymous=one.anonymous,
            reason=one.reason,
            status=one.status,
            respond_by=one.respond_by,
            asked_by=one.asked_by.service,
            categories=tuple(sorted(one.categories)),
            purpose=one.purpose,
            meeting=one.meeting,
        )


class ReportView(Model):
    """A concern report: how far it has come. Neither ground nor words."""

    report: ConcernReportRef
    case: CaseRef
    status: str
    sent_at: datetime
    feedback_by: datetime
    feedback: tuple[str, ...]
    unanswered: bool
    guardians_informed: bool

    @classmethod
    def of(cls, case: CaseRef | None, one: ReportState) -> ReportView:
        """Return the report."""
        if case is None:
            raise UnknownPartError
        return cls(
            report=one.ref,
            case=case,
            status=one.status,
            sent_at=one.sent_at,
            feedback_by=one.feedback_by,
            feedback=one.feedback,
            unanswered=one.unanswered,
            guardians_informed=one.guardians_informed,
        )


class NeedView(Model):
    """That a need was recorded; the language itself is in the vault."""

    person: GrantorClass
    ordinal: int
    interpreter: bool


class NotHeardView(Model):
    """That the child is not heard before a decision, and why."""

    before: str
    reason: str


class ResponseFigure(Model):
    """How quickly one service answered when it was asked to contribute; nothing that a few people could be told by."""

    service: Service
    asked: Counts
    """What it was asked for in the term: answered in time, answered late, or unanswered when the term was over."""
    median_days: float | None
    """From being asked to the first response."""


class ResponseFigures(Model):
    """How quickly services answered in a term (seed rule 102). What is not shown is under five, or would give such a count away."""

    period: str
    figures: tuple[ResponseFigure, ...]


def _coordinators(state: CaseState) -> list[CoordinatorView]:
    around = state.around
    found = [
        CoordinatorView(kind=kind, service=one.party.service, role=one.party.role, by_rule=False)
        for kind, one in around.coordinators.items()
    ]
    plan = around.plan
    if (
        plan is not None
        and plan.status is not PlanStatus.CLOSED
        and CoordinatorKind.ANSVARSGRUPPE not in around.coordinators
    ):
        party = plan.coordinator
        found.append(
            CoordinatorView(
                kind=CoordinatorKind.ANSVARSGRUPPE,
                service=plan.coordinated_by if party is None else party.service,
                role=plan.coordinator_role if party is None else party.role,
                by_rule=party is None,
            )
        )
    return found
