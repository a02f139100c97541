"""Concerns (uro): registered, then solved by those nearest the child or lifted. None may rest (seed rules 78-81)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.profile import CasesProfile
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import (
    CaseNotOpenError,
    CompetenceUnknownError,
    ConcernSettledError,
    CriterionUnknownError,
    FamilyFrameUnknownError,
)
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    CaseOpened,
    ConcernEscalated,
    ConcernJoined,
    ConcernRegistered,
    ConcernResolvedLocally,
    ForWhom,
    HandoverCancelled,
    LocalOutcome,
    Mode,
)
from shared.contracts.codes import Area, Service
from shared.refs import CaseRef, ConcernRef

FIRST_LEVEL: Literal[1] = 1
"""A concern is lifted to the lowest level of the ladder, unless its competence is higher (seed rules 80, 81)."""


class RegisterConcern(Model):
    """An employee is worried about a child. Who the child is, and what was seen, goes to the vault and not through here."""

    by: Acting
    case: CaseRef
    concern: ConcernRef
    area: Area
    for_whom: ForWhom
    guardians: int = Field(ge=0, le=8)
    """How many hold parental responsibility."""
    address_protected: bool = False
    criteria: frozenset[str] = frozenset()
    """By which of the municipality's criteria somebody became concerned (seed rule 83); kept in the vault."""
    family_frame: frozenset[str] = frozenset()
    """What of the family's overall frame matters here (seed rule 105); kept in the vault."""


class ResolveConcern(Model):
    """What those nearest the child do about it: solve it (`outcome`), or lift it to a case (none)."""

    by: Acting
    outcome: LocalOutcome | None = None
    concern: ConcernRef | None = None
    """Which of the case's concerns; none: the one that has waited longest."""
    competence: Service | None = None
    """Whose competence it needs: it is lifted to the lowest level at which that service takes part (seed rules 80, 81)."""


def decide_register(command: RegisterConcern, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Register a concern; it must be acted on within fourteen days (seed rules 78, 79, 103).

    Raises:
        NotStaffError: the actor is not an employee of a unit.
        CriterionUnknownError, FamilyFrameUnknownError: a code is not in the municipality's vocabulary.
    """
    _require_vocabulary(command, rules.municipal)
    return [
        ConcernRegistered(
            case=command.case,
            concern=command.concern,
            area=command.area,
            for_whom=command.for_whom,
            registered_by=command.by.party(address_protected=command.address_protected),
            act_by=add_days(now, rules.act_within_days),
            guardians=command.guardians,
            address_protected=command.address_protected,
        )
    ]


def decide_join(state: CaseState, command: RegisterConcern, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Let a further concern about the same child become part of the case there is: nobody does the same twice (seed rule 49).

    Raises:
        DeniedError: the actor may not know of this case; the concern then begins one of its own.
        CaseNotOpenError: the case is over.
        NotStaffError, CriterionUnknownError, FamilyFrameUnknownError: as `decide_register`.
    """
    access.permit(state, Action.ADD_CONCERN, command.by, now)
    if state.case is None or state.stage not in {Stage.CONCERN, Stage.OPEN}:
        raise CaseNotOpenError
    _require_vocabulary(command, rules.municipal)
    return [
        ConcernJoined(
            case=state.case,
            concern=command.concern,
            area=command.area,
            for_whom=command.for_whom,
            registered_by=command.by.party(address_protected=state.address_protected),
            act_by=add_days(now, rules.act_within_days),
        )
    ]


def decide_resolve(state: CaseState, command: ResolveConcern, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Solve the concern locally, or lift it: then a case is open, and whoever registered it holds the baton.

    It opens at level 1, or where the competence that it needs comes in. Whatever else waited is lifted with it. One that
    joined an open case is taken up there.

    Raises:
        DeniedError: it is not the actor's concern.
        ConcernSettledError: it has been acted on before.
        CompetenceUnknownError: the municipality has not said where that service takes part.
    """
    access.permit(state, Action.SEE_CASE, command.by, now)
    waiting = state.waiting_concerns
    concern = next((one for one in waiting if command.concern in {None, one.ref}), None)
    if state.case is None or state.holding is None or concern is None:
        raise ConcernSettledError
    access.permit(state, Action.RESOLVE_CONCERN, command.by, now)
    if command.outcome is not None:
        waits = state.open_handover if len(waiting) == 1 and state.stage is Stage.CONCERN else None
        ended = [] if waits is None else [HandoverCancelled(case=state.case, handover=waits.ref, reason="case-closed")]
        return [*ended, ConcernResolvedLocally(case=state.case, concern=concern.ref, outcome=command.outcome)]
    if not CASE.allows(state.stage, CaseOpened):
        return [
            ConcernEscalated(case=state.case, concern=concern.ref, next_level=_as_level(max(state.level, FIRST_LEVEL)))
        ]
    level = _level_of(command.competence, rules.municipal)
    team = rules.municipal.team_at(level)
    return [
        *(ConcernEscalated(case=state.case, concern=one.ref, next_level=level) for one in waiting),
        CaseOpened(
            case=state.case,
            level=level,
            mode=Mode.ANONYMOUS,
            holder=state.holding.party,
            decide_by=add_days(now, rules.decide_within_days),
            meeting_by=add_days(now, rules.meet_within_days) if level > FIRST_LEVEL else None,
            team=None if team is None else team.code,
        ),
    ]


def _level_of(competence: Service | None, profile: CasesProfile) -> Literal[1, 2, 3]:
    if competence is None:
        return FIRST_LEVEL
    level = profile.level_of(competence)
    if level is None:
        raise CompetenceUnknownError(extensions={"services": [*sorted({one.service for one in profile.competence})]})
    return _as_level(level)


def _as_level(level: int) -> Literal[1, 2, 3]:
    match level:
        case 2:
            return 2
        case 3:
            return 3
        case _:
            return FIRST_LEVEL


def _require_vocabulary(command: RegisterConcern, profile: CasesProfile) -> None:
    """The words by which people become concerned are the same for all children (seed rules 83, 85, 105, 170)."""
    fitting = {one.code for one in profile.criteria if command.area in one.areas}
    if not command.criteria <= fitting:
        raise CriterionUnknownError(
            extensions={"unknown": [*sorted(command.criteria - fitting)], "allowed": [*sorted(fitting)]}
        )
    frame = {one.code for one in profile.family_frame}
    if not command.family_frame <= frame:
        raise FamilyFrameUnknownError(
            extensions={"unknown": [*sorted(command.family_frame - frame)], "allowed": [*sorted(frame)]}
        )
