"""What the meetings service publishes of hearings (høringer): who is heard, by when, and who has answered; never any words.

As everything on the bus: references, codes, times. A body is a unit of the municipality's directory; nobody in it is named.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.cases import Party
from shared.contracts.codes import Service
from shared.contracts.meetings import TOPIC
from shared.refs import ConsultationRefField, UnitIdField


class Position(StrEnum):
    """What a body answers."""

    SUPPORTS = "supports"
    WITH_REMARKS = "supports-with-remarks"
    OPPOSES = "opposes"
    NO_REMARKS = "no-remarks"


class Body(Model):
    """A body that is heard: a unit, and whose seats it takes."""

    unit: UnitIdField
    service: Service


class ConsultationEvent(EventData):
    """An event of one hearing (seed rule 173)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "consultation"

    consultation: ConsultationRefField


class ConsultationOpened(ConsultationEvent):
    """Bodies are heard in a matter; what it is they read with the service."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.opened.v1"

    kind: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """Which of the profile's hearings it is."""
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    """Where the matter is taken up."""
    opened_by: Party
    bodies: tuple[Body, ...] = Field(min_length=1)
    answer_by: Moment


class ConsultationAnswered(ConsultationEvent):
    """A body has answered; version 2 and later are corrections before the hearing was closed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.answered.v1"

    unit: UnitIdField
    service: Service
    position: Position
    version: int = Field(ge=1)
    late: bool = False
    """The first answer came after the time was out; no correction changes that."""
    answered_at: Moment | None = None
    """When this version was given; absent in an event of before that was said."""
    corrected_late: bool = False
    """It is a correction, and came after the time was out: what stands now is not what stood then."""


class ConsultationOverdue(ConsultationEvent):
    """The time is out, and these bodies have not answered."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.overdue.v1"

    bodies: tuple[Body, ...] = Field(min_length=1)
    answer_by: Moment


class ConsultationEscalated(ConsultationEvent):
    """A week after the time was out these bodies still have not answered: whoever opened the hearing is told."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.escalated.v1"

    bodies: tuple[Body, ...] = Field(min_length=1)
    answer_by: Moment


class ConsultationClosed(ConsultationEvent):
    """Nobody answers any more; who did and who did not."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consultation.closed.v1"

    reason: Literal["completed", "withdrawn"]
    answered: tuple[Body, ...]
    unanswered: tuple[Body, ...]


EVENTS: tuple[type[EventData], ...] = (
    ConsultationOpened,
    ConsultationAnswered,
    ConsultationOverdue,
    ConsultationEscalated,
    ConsultationClosed,
)
