"""What the cases service publishes of how a case ends: the child comes of age, what must be kept is kept, the rest is erased.

These are events of one case, as those of `shared.contracts.cases` are. That an event comes on a birthday tells, once that
is past, when somebody was born; no event says it in words, nor of a birthday to come, and the log is read by those who may know.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, Party

# --- 18 years ---------------------------------------------------------------------------------------------------------


class AdulthoodApproaching(CaseEvent):
    """Within four months the child is of age: who holds the case plans how it ends, or who goes on with it."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-approaching.v1"

    holder: Party


class AdulthoodReached(CaseEvent):
    """The child is of age and decides alone; the guardians' part ends the same day (law-and-standards 3.3)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-reached.v1"

    end_by: Moment | None = None
    """Until when an open case must be closed or handed on; none when it is closed."""
    holder: Party | None = None


class AdulthoodOverdue(CaseEvent):
    """The grown-up's case is still open after the time for ending it: it lies with the leader of the unit."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.adulthood-overdue.v1"

    holder: Party


# --- what is kept -----------------------------------------------------------------------------------------------------


class HoldReason(StrEnum):
    """Why nothing of a case may be erased."""

    ARCHIVE = "archive"
    LEGAL_CLAIM = "legal-claim"
    SUPERVISION = "supervision"


class LegalHoldSet(CaseEvent):
    """Nothing of the case may be erased until this is released, whatever the time or anybody's request (GDPR art. 17 (3))."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.legal-hold-set.v1"

    reason: HoldReason


class LegalHoldReleased(CaseEvent):
    """The case may be erased again when its time is over, or when somebody asks."""

    TYPE: ClassVar[str] = "no.lagspill.cases.case.legal-hold-released.v1"


EVENTS: tuple[type[CaseEvent], ...] = (
    AdulthoodApproaching,
    AdulthoodReached,
    AdulthoodOverdue,
    LegalHoldSet,
    LegalHoldReleased,
)
