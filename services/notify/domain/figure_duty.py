"""When who hears of a figure that is to be entered by a day (seed rules 150, 151, 155, 164, 190)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.notify.domain import policy
from services.notify.domain.report_duty import AT
from shared.calendar import at_oslo


class Step(StrEnum):
    """What a moment brings. The values are the kinds of the durable deadlines."""

    REMIND = "figure-remind"
    DUE = "figure-due"
    OVERDUE = "figure-overdue"
    ESCALATE = "figure-escalate"
    """The leaders are told, and no longer whoever enters it."""


DAYS: Final[Mapping[Step, int]] = MappingProxyType({Step.REMIND: -7, Step.DUE: 0, Step.OVERDUE: 1, Step.ESCALATE: 7})
"""Days after the last one on which it is in time. A figure is looked up, and not written: a week is enough; the leader knows as
late as of a report."""
SAYS: Final[Mapping[Step, str]] = MappingProxyType(
    {
        Step.REMIND: policy.FIGURE_REMINDER,
        Step.DUE: policy.FIGURE_DUE,
        Step.OVERDUE: policy.FIGURE_OVERDUE,
        Step.ESCALATE: policy.FIGURE_ESCALATED,
    }
)


def moments(due: date) -> dict[Step, datetime]:
    """Return when each step comes, in UTC, in order, of a figure whose last day is `due` in Norway."""
    return {step: at_oslo(due + timedelta(days=days), AT) for step, days in DAYS.items()}


def last_of(due: date, now: datetime) -> Step | None:
    """Return the step that has come last; None when none has. The ones before it are said no more: it says more than they."""
    return next((step for step, moment in reversed(moments(due).items()) if moment <= now), None)
