"""What the meetings service publishes of the reports that a municipality owes: which, by when, and that it was delivered.

As everything on the bus: references, codes, days. What stands in a report is read with the service, by those who may.
"""

from __future__ import annotations

from datetime import date
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import TOPIC
from shared.refs import ReportDutyRefField, UnitIdField


class ReportDutyEvent(EventData):
    """An event of one report that is owed by one day (seed rules 123, 127, 128, 135)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "duty"

    duty: ReportDutyRefField
    report: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """Which of the profile's reports it is."""
    due: date
    """The last day in Norway on which it is in time."""


class ReportExpected(ReportDutyEvent):
    """The municipality owes a report by that day."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.expected.v1"

    owed_by: Role
    """In which role of the municipality it is owed. Said again with another one, it is owed by that one from then on."""
    owing_unit: UnitIdField | None = None
    """By those of this unit only; absent: whoever has the role in the municipality."""
    unit: UnitIdField | None = None
    """Whose leaders are told when it does not come; absent where the municipality has no such unit."""


class ReportDelivered(ReportDutyEvent):
    """Whoever owes it, or the leader, said that it was delivered; to whom it goes stands in the profile."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.delivered.v1"

    on: date


class ReportDropped(ReportDutyEvent):
    """The municipality's profile no longer asks for it by that day: nobody waits for it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.report.dropped.v1"


EVENTS: tuple[type[EventData], ...] = (ReportExpected, ReportDelivered, ReportDropped)
