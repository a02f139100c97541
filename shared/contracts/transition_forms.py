"""What the cases service publishes of the times of transition forms (overgangsskjema; seed rules 13, 14)."""

from __future__ import annotations

from typing import ClassVar

from shared.contracts.base import Moment
from shared.contracts.cases import CaseEvent, FormEvent, Party


class TransitionFormApprovalWaits(FormEvent):
    """Not all who must have approved this version: they are reminded (seed rule 14)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.approval-waits.v1"

    ordinals: tuple[int, ...]
    """Which guardians have not approved it; never who."""


class TransitionFormDue(FormEvent):
    """The time to send it has begun (seed rule 13)."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.due.v1"

    due: Moment
    holder: Party


class TransitionFormOverdue(FormEvent):
    """The time to send it is over, and it has not been sent."""

    TYPE: ClassVar[str] = "no.lagspill.cases.transition-form.overdue.v1"

    holder: Party


EVENTS: tuple[type[CaseEvent], ...] = (TransitionFormApprovalWaits, TransitionFormDue, TransitionFormOverdue)
