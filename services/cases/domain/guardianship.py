"""Parental responsibility (foreldreansvar) by its dates: who has it today, who must grant, who the child is.

Whose responsibility ended yesterday sees nothing today, and one that begins tomorrow nothing yet: that is judged on the dates
themselves (`access.py`, the vault's kin). How many must grant is part of the state, and follows when the day comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from typing import Literal

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.evolution import fold
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import GuardianDatesError, GuardianGroundError, TooManyGuardiansError
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent
from shared.contracts.safekeeping import (
    GuardianGround,
    GuardiansChanged,
    GuardianshipChange,
    GuardianshipRecorded,
    IdentityCorrected,
)

MOST_GUARDIANS = 8
BEGINS_BY = frozenset(
    {
        GuardianGround.AGREEMENT,
        GuardianGround.COURT_DECISION,
        GuardianGround.CHILD_WELFARE_DECISION,
        GuardianGround.REGISTERED_WRONG,
    }
)
"""Nobody gets parental responsibility by a death that is not decided on."""
PART_OF_IDENTITY = Literal["name", "national-number", "born"]


class RecordGuardianship(Model):
    """Parental responsibility begins or ends on a day. Whose it is, and the decision's words, go to the vault."""

    by: Acting
    ordinal: int
    change: GuardianshipChange
    ground: GuardianGround
    effective_on: date
    """The first day with it, or the last."""
    since: date | None = None
    """When it ends: the day on which it began, if the vault knows."""
    responsible: frozenset[int]
    """Who has it today, with this change."""


class CorrectIdentity(Model):
    """What the vault has of who the child is was wrong."""

    by: Acting
    parts: frozenset[PART_OF_IDENTITY]
    responsible: frozenset[int] = frozenset()
    """Who has parental responsibility today, by the dates in the vault; nobody when the child is of age by what is right."""


def decide_guardianship(state: CaseState, command: RecordGuardianship, now: datetime) -> list[CaseEvent]:
    """Record that parental responsibility begins or ends.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        TooManyGuardiansError: a child has at most eight.
        GuardianGroundError: nobody gets it in this way.
        GuardianDatesError: it would end before it began.
    """
    access.require(state, Action.MANAGE_GUARDIANS, command.by, now)
    if command.ordinal > MOST_GUARDIANS:
        raise TooManyGuardiansError
    if command.change == "begins" and command.ground not in BEGINS_BY:
        raise GuardianGroundError
    if command.change == "ends" and command.since is not None and command.effective_on < command.since:
        raise GuardianDatesError
    recorded = GuardianshipRecorded(
        case=ref_of(state),
        ordinal=command.ordinal,
        change=command.change,
        ground=command.ground,
        effective_on=command.effective_on,
    )
    return [recorded, *decide_responsible(state, command.responsible)]


def decide_responsible(state: CaseState, responsible: Iterable[int]) -> list[CaseEvent]:
    """Say who has parental responsibility from now on; nothing when that is as before, the case is over, or the child is of age."""
    now = frozenset(responsible)
    over = state.of_age or state.stage in {Stage.UNKNOWN, Stage.RESOLVED, Stage.ERASED}
    if over or now == state.responsible:
        return []
    return [GuardiansChanged(case=ref_of(state), guardians=len(now), ordinals=tuple(sorted(now)))]


def decide_correct_identity(state: CaseState, command: CorrectIdentity, now: datetime) -> list[CaseEvent]:
    """Correct who the child is (GDPR art. 16); nothing when nothing was wrong.

    Who lost parental responsibility because the child was of age on the wrong date has it again (seed rule 4).

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
    """
    access.require(state, Action.MANAGE_GUARDIANS, command.by, now)
    if not command.parts:
        return []
    corrected = IdentityCorrected(case=ref_of(state), parts=command.parts, version=state.identity_version + 1)
    after = fold(state, [corrected])
    back = decide_responsible(after, command.responsible) if state.of_age and not after.of_age else []
    return [corrected, *back]
