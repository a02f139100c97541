"""When who hears of what is owed by a day: a report, or a figure that is to be entered.

Seed rules 66, 123, 127, 128, 135 (reports), 150, 151, 155, 164, 190 (figures).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from services.notify.domain import policy
from shared.calendar import at_oslo
from shared.contracts.codes import Role
from shared.refs import UnitId

AT: Final = time(8)
"""When in the day, in Norway: at the beginning of work."""


class Step(StrEnum):
    """What a moment brings, in order."""

    REMIND = "remind"
    DUE = "due"
    OVERDUE = "overdue"
    ESCALATE = "escalate"
    """The leaders are told, and no longer whoever owes it."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When who hears of one sort of what is owed."""

    sort: str
    """What the kinds of its durable deadlines begin with: `<sort>-<step>`."""
    days: Mapping[Step, int]
    """Days after the last one on which it is in time."""
    says: Mapping[Step, str]
    """The template of each step."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """Return the kinds of its durable deadlines."""
        return tuple(map(self.kind, Step))

    def kind(self, step: Step) -> str:
        """Return the kind of the step's durable deadline."""
        return f"{self.sort}-{step}"

    def step(self, kind: str) -> Step:
        """Return the step that a durable deadline of this kind brings."""
        return Step(kind.removeprefix(f"{self.sort}-"))

    def moments(self, due: date) -> dict[Step, datetime]:
        """Return when each step comes, in UTC, in order, of what has `due` as its last day in Norway."""
        return {step: at_oslo(due + timedelta(days=self.days[step]), AT) for step in Step}

    def last_of(self, due: date, now: datetime) -> Step | None:
        """Return the step that has come last; None when none has. The ones before it are said no more: it says more than they."""
        return next((step for step, moment in reversed(self.moments(due).items()) if moment <= now), None)


REPORTS: Final = Schedule(
    "report",
    # Much of a report is written by people, and people must be asked: two weeks. A report that is late is no emergency: the leader
    # knows a week later, as of a hearing or an evaluation.
    MappingProxyType({Step.REMIND: -14, Step.DUE: 0, Step.OVERDUE: 1, Step.ESCALATE: 7}),
    MappingProxyType(
        {
            Step.REMIND: policy.REPORT_REMINDER,
            Step.DUE: policy.REPORT_DUE,
            Step.OVERDUE: policy.REPORT_OVERDUE,
            Step.ESCALATE: policy.REPORT_ESCALATED,
        }
    ),
)
FIGURES: Final = Schedule(
    "figure",
    # A figure is looked up, and not written: a week is enough; the leader knows as late as of a report.
    MappingProxyType({Step.REMIND: -7, Step.DUE: 0, Step.OVERDUE: 1, Step.ESCALATE: 7}),
    MappingProxyType(
        {
            Step.REMIND: policy.FIGURE_REMINDER,
            Step.DUE: policy.FIGURE_DUE,
            Step.OVERDUE: policy.FIGURE_OVERDUE,
            Step.ESCALATE: policy.FIGURE_ESCALATED,
        }
    ),
)


@dataclass(frozen=True, slots=True)
class Owed:
    """Something that is owed by a day."""

    by: Role
    unit: UnitId | None
    """Of which unit they are who owe it; None: whoever has the role in the municipality."""
    led_by: UnitId | None
    """Whose leaders are told when it does not come."""
    due: date
    told_as: str
    """What people are told of together: of each step of it they hear once."""
