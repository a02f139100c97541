"""Concerns (uro): registered, then solved by those nearest the child or lifted. None may rest (seed rules 78-81)."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from services.cases.domain import access, lifecycles
from services.cases.domain.access import Action
from services.cases.domain.acting import Acting
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState
from services.cases.errors import ConcernSettledError
from shared.calendar import add_days
from shared.contracts.base import Model
from shared.contracts.cases import (
    CaseEvent,
    CaseOpened,
    ConcernEscalated,
    ConcernRegistered,
    ConcernResolvedLocally,
    ForWhom,
    HandoverCancelled,
    LocalOutcome,
    Mode,
)
from shared.contracts.codes import Area
from shared.refs import CaseRef, ConcernRef

FIRST_LEVEL: Literal[1] = 1
"""A concern is lifted to the lowest level of the ladder, never past it (seed rules 80, 181)."""


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


class ResolveConcern(Model):
    """What those nearest the child do about it: solve it (`outcome`), or lift it to a case (none)."""

    by: Acting
    outcome: LocalOutcome | None = None


def decide_register(command: RegisterConcern, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Register a concern; it must be acted on within fourteen days (seed rules 78, 79, 103).

    Raises:
        NotStaffError: the actor is not an employee of a unit.
    """
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


def decide_resolve(state: CaseState, command: ResolveConcern, now: datetime, rules: Rules) -> list[CaseEvent]:
    """Solve the concern locally, or lift it: then a case is open at level 1 and whoever registered it holds the baton.

    Raises:
        DeniedError: it is not the actor's concern.
        ConcernSettledError: it has been acted on before.
    """
    access.permit(state, Action.SEE_CASE, command.by, now)
    if (
        state.case is None
        or state.concern is None
        or state.holding is None
        or not lifecycles.CASE.allows(state.stage, CaseOpened)
    ):
        raise ConcernSettledError
    access.permit(state, Action.RESOLVE_CONCERN, command.by, now)
    if command.outcome is not None:
        waits = state.open_handover
        ended = [] if waits is None else [HandoverCancelled(case=state.case, handover=waits.ref, reason="case-closed")]
        return [*ended, ConcernResolvedLocally(case=state.case, concern=state.concern.ref, outcome=command.outcome)]
    return [
        ConcernEscalated(case=state.case, concern=state.concern.ref, next_level=FIRST_LEVEL),
        CaseOpened(
            case=state.case,
            level=FIRST_LEVEL,
            mode=Mode.ANONYMOUS,
            holder=state.holding.party,
            decide_by=add_days(now, rules.decide_within_days),
        ),
    ]
