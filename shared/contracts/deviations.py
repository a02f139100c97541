"""What the meetings service publishes of what was not as the rules say: which rule, in which arena, whose leaders are told.

Of meetings around one child there is no more in `deviation.found` than that some child of the municipality lacks one: neither
which, nor how many, nor of which unit, for how many a unit has would tell how many such children it has.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import EventData
from shared.contracts.codes import Service
from shared.contracts.meetings import TOPIC
from shared.refs import ActorIdField, CaseRefField, DeviationRefField, MeetingRefField, UnitIdField


class DeviationKind(StrEnum):
    """What was not as the rules say."""

    UNIT_WITHOUT_ARENA = "unit-without-arena"
    """Every unit is to have one, and this one has none yet (seed rule 52)."""
    TOO_FEW_PLANNED = "too-few-planned"
    """The period is not over, and those held and ahead are fewer than due."""
    TOO_FEW_HELD = "too-few-held"
    """The period is over (seed rules 8, 29, 40, 64, 183)."""
    NOT_HELD = "not-held"
    """A meeting's day is over, and it was neither held nor cancelled."""
    DUTY_BREACHED = "duty-breached"
    """Somebody with a duty to attend was not there (seed rule 54)."""
    TOO_SHORT = "too-short"
    """(Seed rule 59.)"""
    ELEMENT_MISSING = "element-missing"
    """An element of the common template was not there (seed rule 60)."""
    CHAIR_NOT_ENTITLED = "chair-not-entitled"
    """It was led by somebody in a role that does not lead it (seed rules 61, 70)."""


class DeviationFound(EventData):
    """Something was not as the rules of an arena say, and leaders are to know it (seed rules 8, 40, 54, 64, 95); once of each."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.deviation.found.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "deviation"

    deviation: DeviationRefField
    kind: DeviationKind
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    unit: UnitIdField | None = None
    """Whose arena it is, at unit level; or to whom the children of the units that are to meet go on (seed rules 15, 16)."""
    meeting: MeetingRefField | None = None
    """Which meeting was not as it should; absent when it is one that was not called."""
    day: date
    """The meeting's; of a period its last one; of a unit without an arena the day on which it was found."""
    rule: int = Field(ge=1, le=193)
    """The seed rule that it departs from."""
    led_by: frozenset[UnitIdField] = frozenset()
    """The units whose leaders are told: whose arena it is, or the municipality's administration."""
    absent: frozenset[Service] = frozenset()
    """Of which services nobody came, with a duty to attend: their leaders are told too (seed rule 54)."""


class ChildMeetingMissing(EventData):
    """A child's meeting is neither held nor called, while it still can be: who is to call it hears so, once (seed rules 10, 29)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.child-meeting.missing.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "deviation"

    deviation: DeviationRefField
    case: CaseRefField
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    day: date
    """The last one of the term, or of the arena's window."""
    rule: int = Field(ge=1, le=193)
    """The seed rule that asks for the meeting."""
    coordinator: ActorIdField | None = None
    """Who coordinates the group or the plan; absent where nobody does, and it lies with whoever holds the case (seed rule 23)."""


EVENTS: tuple[type[EventData], ...] = (DeviationFound, ChildMeetingMissing)
