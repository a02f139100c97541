"""The team around the child: members, a common goal, who coordinates (seed rules 23-26, 87, 97, 100).

A member is a service, inside the scope of a consent at every moment; membership follows measures, and the holder may ask a service
in without one. Guardians may turn to anybody: neither contact person nor coordinator is a gate (seed rule 35).
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting, named
from services.cases.domain.around import PlanStatus
from services.cases.domain.consent import require_consent
from services.cases.domain.coordination import fits, is_home
from services.cases.domain.course import ref_of, said_by
from services.cases.domain.ending import OF_AGE
from services.cases.domain.lapse import with_its_sender
from services.cases.domain.state import CaseState
from services.cases.domain.team_profile import TeamProfile
from services.cases.errors import (
    AlreadyMemberError,
    ChildOfAgeError,
    CoordinatorNotRequestedError,
    CoordinatorUnfitError,
    MemberHasMeasureError,
    NoCoordinatorError,
    NotAMemberError,
    ReceiverAwayError,
)
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, CoordinatorKind, EvidenceForm, Party, TeamMemberAdded, TeamMemberRemoved
from shared.contracts.codes import GrantorClass, Role, Service
from shared.contracts.team import (
    CoordinatorAppointed,
    CoordinatorEnded,
    CoordinatorRequested,
    TeamGoalSet,
)
from shared.refs import GoalRef

Released = Literal["no-longer-needed", "guardians-wish", "other-service"]


class AskIn(Model):
    """Let a service join the team without a measure; the consent decides whether it may."""

    by: Acting
    service: Service
    role: Role | None = None


class Release(Model):
    """Let a service leave the team."""

    by: Acting
    service: Service
    reason: Released


class SetGoal(Model):
    """Say what all in the team work for; the words go to the vault."""

    by: Acting
    goal: GoalRef


class Wish(Model):
    """What the guardians or the child want: said by one of them, signed in, or recorded for one with a note."""

    by: Acting
    grantor: Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD] = GrantorClass.GUARDIAN
    evidence: EvidenceForm = EvidenceForm.E_ID
    has_note: bool = False


class Appoint(Model):
    """Let somebody coordinate."""

    by: Acting
    kind: CoordinatorKind
    coordinator: Party
    age: int
    """The child's, in whole years, from the vault; it goes no further than this decision."""
    away: bool = False
    """Whether whoever is to coordinate is registered as away by now."""


class EndCoordination(Model):
    """Nobody is to coordinate any more."""

    by: Acting
    kind: CoordinatorKind


def decide_ask_in(state: CaseState, command: AskIn, now: datetime) -> list[CaseEvent]:
    """Let a service join, inside the consent (seed rules 25, 87).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        AlreadyMemberError: it is a member, or holds the case.
        ConsentMissingError: no consent in force covers it; the error says what is missing and from whom (seed rule 106).
    """
    access.require(state, Action.CHANGE_TEAM, command.by, now)
    if command.service in state.team or is_home(state, command.service):
        raise AlreadyMemberError
    consent = require_consent(state, service=command.service, categories=frozenset(), purpose=None, now=now)
    return [
        TeamMemberAdded(case=ref_of(state), service=command.service, role=command.role, consent=consent.ref),
    ]


def decide_release(state: CaseState, command: Release, now: datetime) -> list[CaseEvent]:
    """Let a service leave; one that carries out a measure stays as long as that runs (seed rule 26).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NotAMemberError: it is none.
        MemberHasMeasureError: it has an open measure.
    """
    access.require(state, Action.CHANGE_TEAM, command.by, now)
    if command.service not in state.team:
        raise NotAMemberError
    running = [one.ref for one in state.measures.values() if one.owner is command.service and one.runs]
    if running:
        raise MemberHasMeasureError(extensions={"measures": [*running]})
    return [
        TeamMemberRemoved(case=ref_of(state), service=command.service, reason="replaced", released=command.reason),
    ]


def decide_goal(state: CaseState, command: SetGoal, now: datetime) -> list[CaseEvent]:
    """Give the team its goal, or the next wording of it (seed rule 87).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
    """
    access.require(state, Action.SET_TEAM_GOAL, command.by, now)
    before = state.around.goal
    version = 1 if before is None else before.version + 1
    return [TeamGoalSet(case=ref_of(state), goal=command.goal, version=version)]


def decide_request_coordinator(state: CaseState, command: Wish, now: datetime) -> list[CaseEvent]:
    """Note that the guardians or the child want a child coordinator (barnekoordinator; seed rule 97); a wish is noted once.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        EvidenceMissingError: it is recorded for somebody without a note of how it was said.
    """
    grantor, evidence = wished(state, command, now)
    kind = CoordinatorKind.BARNEKOORDINATOR
    if kind in state.around.coordinator_wanted:
        return []
    return [CoordinatorRequested(case=ref_of(state), kind=kind, requested_by=grantor, evidence=evidence)]


def wished(
    state: CaseState, command: Wish, now: datetime
) -> tuple[Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD], EvidenceForm]:
    """Return who wants it and how that is known.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        EvidenceMissingError: it is recorded for somebody without a note of how it was said.
    """
    signed_in = command.by.guardian is not None or command.by.child
    access.require(state, Action.STATE_WISH if signed_in else Action.RECORD_WISH, command.by, now)
    evidence = said_by(command.by, command.evidence, has_note=command.has_note)
    if signed_in:
        return (GrantorClass.CHILD if command.by.child else GrantorClass.GUARDIAN), evidence
    return command.grantor, evidence


def decide_appoint(state: CaseState, command: Appoint, now: datetime, profile: TeamProfile) -> list[CaseEvent]:
    """Appoint a coordinator; whoever was before is replaced (seed rules 23, 37, 97).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        CoordinatorNotRequestedError: a child coordinator that nobody in the family asked for.
        ChildOfAgeError: a child coordinator, or one of the group without a plan, for somebody of 18 (seed rule 24).
        CoordinatorUnfitError: not of the service or the profession that coordinates.
        ReceiverAwayError: away, or has left: nothing rests with who is not there (seed rule 107).
        ConsentMissingError: no consent covers the coordinator's service.
    """
    access.require(state, Action.APPOINT_COORDINATOR, command.by, now)
    rule, party = profile.coordinator, command.coordinator
    if command.kind is CoordinatorKind.BARNEKOORDINATOR:
        if command.kind not in state.around.coordinator_wanted:
            raise CoordinatorNotRequestedError
        if command.age >= rule.until_age:
            raise ChildOfAgeError
    elif command.age >= OF_AGE and (state.around.plan is None or state.around.plan.status is PlanStatus.CLOSED):
        raise ChildOfAgeError
    if not fits(party, rule):
        raise CoordinatorUnfitError
    if command.away:
        raise ReceiverAwayError
    if not is_home(state, rule.service):
        require_consent(state, service=rule.service, categories=frozenset(), purpose=None, now=now)
    chosen = named(party, address_protected=state.address_protected)
    appointed = CoordinatorAppointed(case=ref_of(state), kind=command.kind, coordinator=chosen)
    return with_its_sender(state, ref_of(state), [appointed])


def decide_end_coordination(state: CaseState, command: EndCoordination, now: datetime) -> list[CaseEvent]:
    """End it: by the holder, or because the guardians or the child no longer want it (seed rule 97).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NoCoordinatorError: nobody is appointed.
    """
    wish = command.by.guardian is not None or command.by.child
    access.require(state, Action.STATE_WISH if wish else Action.APPOINT_COORDINATOR, command.by, now)
    if command.kind not in state.around.coordinators:
        raise NoCoordinatorError
    reason: Literal["guardians-wish", "no-longer-needed"] = "guardians-wish" if wish else "no-longer-needed"
    ended = CoordinatorEnded(case=ref_of(state), kind=command.kind, reason=reason)
    return with_its_sender(state, ref_of(state), [ended])


def decide_of_age(state: CaseState, age: int, profile: TeamProfile) -> list[CaseEvent]:
    """End the child coordination when the child is of age; nothing when it is not, or nobody coordinates."""
    kind = CoordinatorKind.BARNEKOORDINATOR
    if age < profile.coordinator.until_age or kind not in state.around.coordinators:
        return []
    return with_its_sender(state, ref_of(state), [CoordinatorEnded(case=ref_of(state), kind=kind, reason="adult")])
