"""What the meetings service publishes of what units record of themselves: competence, guidance, hours; nobody by name."""

from __future__ import annotations

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import EventData
from shared.contracts.meetings import TOPIC
from shared.refs import UnitIdField, UnitRegisterRefField

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{2,60}$")]
"""Of a line of the municipality's profile."""


class UnitRegisterEvent(EventData):
    """An event of one unit's register (seed rules 108, 112, 163)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "unit_register"

    unit_register: UnitRegisterRefField
    unit: UnitIdField


class CompetenceRecorded(UnitRegisterEvent):
    """How many of a unit's staff have a competence: counts, and never who (seed rules 112, 115, 117)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.competence.recorded.v1"

    competence: Code
    staff: int = Field(ge=1, le=2000)
    having: int = Field(ge=0, le=2000)
    on: date
    """The day for which it was counted."""


class ParentGuidanceGiven(UnitRegisterEvent):
    """A unit has given all parents the guidance of an age step (seed rule 108)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.parent-guidance.given.v1"

    step: Code
    on: date


GuidanceWithdrawal = Literal["not-given", "wrong-step", "wrong-day"]
"""Why what was recorded as given is taken back."""


class ParentGuidanceWithdrawn(UnitRegisterEvent):
    """That a unit had given the guidance of an age step that day was recorded by mistake, and is taken back (seed rule 108)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.parent-guidance.withdrawn.v1"

    step: Code
    on: date
    """The day for which it was recorded."""
    reason: GuidanceWithdrawal


class GuidanceHoursRecorded(UnitRegisterEvent):
    """How long a unit gave guidance in a week; recorded again, it is this that counts (seed rule 163)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.guidance-hours.recorded.v1"

    code: Code
    week: date
    """Its Monday."""
    minutes: int = Field(ge=0, le=2400)


EVENTS: tuple[type[EventData], ...] = (
    CompetenceRecorded,
    ParentGuidanceGiven,
    ParentGuidanceWithdrawn,
    GuidanceHoursRecorded,
)
