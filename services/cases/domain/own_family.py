"""What is said of who is of a child's family: nobody has to do with their own child's case at work (forvaltningsloven § 6).

Who they are stays in the vault. What is said is a mark of each, of this case alone: see `shared.contracts.cases.FamilyMark`.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.cases.domain.course import ref_of
from services.cases.domain.state import CaseState, Stage
from shared.contracts.cases import CaseEvent, ConcernRegistered, FamilyMark
from shared.contracts.moved import CaseReceived
from shared.contracts.safekeeping import (
    CaseContinued,
    FamilyMarked,
    GuardianshipRecorded,
    IdentityCorrected,
    never_was,
)


def with_family(events: Sequence[CaseEvent], family: Sequence[FamilyMark]) -> list[CaseEvent]:
    """Return `events`, of which those that begin the case or change its family say who is of it.

    Whose parental responsibility was recorded wrongly never was of the family, and is not said to be.
    """
    return [event.model_copy(update={"family": tuple(family)}) if _says(event) else event for event in events]


def _says(event: CaseEvent) -> bool:
    match event:
        case ConcernRegistered() | CaseReceived() | CaseContinued():
            return True
        case GuardianshipRecorded():
            return not never_was(event.change, event.ground)
        case IdentityCorrected():
            return "national-number" in event.parts
        case _:
            return False


def decide_mark_anew(state: CaseState, family: Sequence[FamilyMark]) -> list[CaseEvent]:
    """Say anew who is of the family; of a case of which nothing is left there is nothing to say."""
    if not family or state.stage in {Stage.UNKNOWN, Stage.ERASED}:
        return []
    return [FamilyMarked(case=ref_of(state), family=tuple(family))]
