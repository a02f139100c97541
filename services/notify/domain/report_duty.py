"""When who hears of a report that the municipality owes (seed rules 66, 123, 127, 128, 135)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.notify.domain import policy
from shared.calendar import at_oslo

AT: Final = time(8)
"""When in the day, in Norway: at the beginning of work."""


class Step(StrEnum):
    """What a moment brings. The values are the kinds of the durable deadlines."""

    REMIND = "report-remind"
    DUE = "report-due"
    OVERDUE = "report-overdue"
    ESCALATE = "report-escalate"
    """The leaders are told, and no longer whoever owes it."""


DAYS: Final[Mapping[Step, int]] = MappingProxyType({Step.REMIND: -14, Step.DUE: 0, Step.OVERDUE: 1, Step.ESCALATE: 7})
"""Days after the last one on which it is in time. Much of a report is written by people, and people must be asked: two weeks. A
report that is late is no emergency: the leader knows a week later, as of a hearing or an evaluation."""
SAYS: Final[Mapping[Step, str]] = MappingProxyType(
    {
        Step.REMIND: policy.REPORT_REMINDER,
        Step.DUE: policy.REPORT_DUE,
        Step.OVERDUE: policy.REPORT_OVERDUE,
        Step.ESCALATE: policy.REPORT_ESCALATED,
    }
)


def moments(due: date) -> dict[Step, datetime]:
    """Return when each step comes, in UTC, in order, of a report whose last day is `due` in Norway."""
    return {step: at_oslo(due + timedelta(days=days), AT) for step, days in DAYS.items()}


def last_of(due: date, now: datetime) -> Step | None:
    """Return the step that has come last; None when none has. The ones before it are said no more: it says more than they."""
    return next((step for step, moment in reversed(moments(due).items()) if moment <= now), None)
