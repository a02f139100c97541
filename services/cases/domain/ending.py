"""How a case ends: the child comes of age, the time to keep it is over, it is erased (law-and-standards 3.3, 3.4; GDPR art. 5, 17).

`decide_erase` is the one decision to erase, for a request as for a time that is over. What it decides the caller makes true with
`handlers/ending.py`, in the same transaction: the key is destroyed, and what is left is noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from services.cases.domain.access import require
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import ref_of
from services.cases.domain.course_lifecycles import CASE
from services.cases.domain.evolution import fold
from services.cases.domain.lapse import with_its_sender
from services.cases.domain.retention import class_of
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import CaseNotClosedError, LegalHoldError, NoLegalHoldError
from shared.calendar import add_days, start_of_day
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, CoordinatorKind
from shared.contracts.endings import (
    AdulthoodApproaching,
    AdulthoodOverdue,
    AdulthoodReached,
    HoldReason,
    LegalHoldReleased,
    LegalHoldSet,
)
from shared.contracts.safekeeping import CaseErased, ErasureReason, GuardiansChanged
from shared.contracts.team import CoordinatorEnded
from shared.refs import CaseRef

OF_AGE: Final = 18
MONTHS_BEFORE: Final = 3
"""How long, at least, before the day the holder is told."""


def years_after(day: date, years: int) -> date:
    """Return the same day `years` later; from 29 February, 1 March where there is no such day."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def of_age_at(born: date) -> datetime:
    """Return the moment in which somebody born on that day is of age: the first of the 18th birthday in Norway."""
    return start_of_day(years_after(born, OF_AGE))


def told_at(born: date) -> datetime:
    """Return when the holder is told that the day comes: three months before, and then from the first of that month.

    Told on the day itself, it would say when the child was born to whoever sees only that it was told, and when.
    """
    day = years_after(born, OF_AGE)
    month = day.month - MONTHS_BEFORE
    return start_of_day(date(day.year if month > 0 else day.year - 1, month if month > 0 else month + 12, 1))


def erase_at(ended: datetime, years: int) -> datetime:
    """Return when what is kept `years` from `ended` is erased: the first moment of that day in Norway."""
    from_day = start_of_day(oslo_day(ended) + timedelta(days=1))
    return start_of_day(years_after(oslo_day(from_day), years))


# --- 18 years ---------------------------------------------------------------------------------------------------------


def decide_adulthood_approaching(state: CaseState) -> list[CaseEvent]:
    """Tell who holds the case that the child is soon of age; nothing when nobody does, or it was told before."""
    holder = state.holder
    return (
        []
        if holder is None or state.of_age or state.soon_of_age
        else [AdulthoodApproaching(case=ref_of(state), holder=holder)]
    )


def decide_adulthood(state: CaseState, now: datetime, rules: Rules) -> list[CaseEvent]:
    """The child is of age: the guardians have no part any more, and an open case is to end or be handed on in time.

    The group around the child (ansvarsgruppe) is for children from 0 to 18 years (seed rule 24): nobody coordinates it any more.
    Who coordinates an individual plan goes on, as the plan does: it has no age (helse- og omsorgstjenesteloven § 7-1).
    """
    if state.of_age or state.stage in {Stage.UNKNOWN, Stage.ERASED}:
        return []
    holder = state.holder
    end_by = None if holder is None else add_days(now, rules.end_within_days_of_age)
    case = ref_of(state)
    reached = AdulthoodReached(case=case, end_by=end_by, holder=holder)
    guardians = [GuardiansChanged(case=case, guardians=0, ordinals=())] if state.guardians else []
    happened: list[CaseEvent] = [reached, *guardians]
    return with_its_sender(state, case, [*happened, *group_ended(state, case, happened)])


def group_ended(state: CaseState, case: CaseRef, happened: Sequence[CaseEvent]) -> list[CaseEvent]:
    """Return that nobody coordinates the group any more, when it is over after `happened`, and somebody did (seed rule 24)."""
    group = CoordinatorKind.ANSVARSGRUPPE
    over = group in state.around.coordinators and fold(state, happened).group_over
    return [CoordinatorEnded(case=case, kind=group, reason="adult")] if over else []


def decide_adulthood_overdue(state: CaseState, now: datetime) -> list[CaseEvent]:
    """Say that a grown-up's case is still open; nothing when it has ended, or there is time left."""
    holder = state.holder
    if holder is None or state.end_by is None or now < state.end_by:
        return []
    return [AdulthoodOverdue(case=ref_of(state), holder=holder)]


# --- what is kept and what is erased ----------------------------------------------------------------------------------


def decide_hold(state: CaseState, by: Acting, reason: HoldReason | None, now: datetime) -> list[CaseEvent]:
    """Let nothing of the case be erased, or, without a reason, let it be erased again.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NoLegalHoldError: there is none to release.
    """
    require(state, Action.HOLD_CASE, by, now)
    if reason is None:
        if state.hold is None:
            raise NoLegalHoldError
        return [LegalHoldReleased(case=ref_of(state))]
    return [] if state.hold == reason else [LegalHoldSet(case=ref_of(state), reason=reason)]


def decide_erase(state: CaseState, reason: ErasureReason) -> list[CaseEvent]:
    """Erase a case that has ended: for a request that was granted, or because the time to keep it is over.

    Raises:
        CaseNotClosedError: it has not ended, or is erased already.
        LegalHoldError: it is held.
    """
    if not CASE.allows(state.stage, CaseErased):
        raise CaseNotClosedError
    if state.hold is not None:
        raise LegalHoldError(extensions={"reason": state.hold})
    return [CaseErased(case=ref_of(state), reason=reason)]


def decide_retention_over(state: CaseState) -> list[CaseEvent]:
    """Erase what need not be kept any more; nothing when it is held, goes on, is erased, or a report to child welfare waits to go.

    That report cannot vanish (seed rule 93): when it has gone, the case is erased after all (`ending_store.follow`).
    """
    if state.hold is not None or state.around.on_their_way or not CASE.allows(state.stage, CaseErased):
        return []
    return decide_erase(state, ErasureReason.RETENTION)


def erase_after(state: CaseState, ended: datetime, rules: Rules) -> datetime:
    """Return when a case that ended then is erased, by the class it belongs to.

    Raises:
        NoLegalBasisError: the code list has no row for the class on that day.
    """
    return erase_at(ended, rules.retention_row(class_of(state), ended).years)
