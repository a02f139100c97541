"""What the notify service publishes: that somebody was told, never what about whom."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import EventData
from shared.contracts.codes import Language, Role
from shared.refs import (
    ActorIdField,
    CaseRefField,
    ConsentRefField,
    DeadlineRefField,
    MessageRefField,
    UnitIdField,
)

TOPIC = "lagspill.notify.v1"


class Channel(StrEnum):
    """How a message reaches somebody."""

    EMAIL = "email"
    IN_APP = "in-app"


class MessageEvent(EventData):
    """An event of one message to one recipient."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "message"

    message: MessageRefField


class NotificationQueued(MessageEvent):
    """A message was written; its text says that there is something to read, and nothing more (seed rule 101)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.queued.v1"

    template: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    template_version: int = Field(ge=1)
    channel: Channel
    recipient: ActorIdField
    recipient_role: Role
    language: Language


class NotificationSent(MessageEvent):
    """The channel took the message."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.sent.v1"

    channel: Channel


class NotificationFailed(MessageEvent):
    """The channel refused the message for good."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.failed.v1"

    channel: Channel
    reason: Literal["rejected", "unreachable", "no-address"]


class DeadlineKind(StrEnum):
    """What must be done in time (seed rules 79, 88, 107)."""

    ACT_ON_CONCERN = "act-on-concern"
    DECIDE_CASE = "decide-case"
    EVALUATE_MEASURE = "evaluate-measure"
    ANSWER_HANDOVER = "answer-handover"
    ANSWER_CONSENT = "answer-consent"


class DeadlineEvent(EventData):
    """An event of one deadline."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "deadline"

    deadline: DeadlineRefField
    kind: DeadlineKind
    case: CaseRefField | None = None
    due: AwareDatetime


class DeadlineApproaching(DeadlineEvent):
    """There is still time, but not much (seed rule 79)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.approaching.v1"


class DeadlineMissed(DeadlineEvent):
    """The time has passed."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.missed.v1"


class EscalationRaised(DeadlineEvent):
    """The unit's leader was told (seed rule 95)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.escalation.raised.v1"

    unit: UnitIdField | None = None


class ConsentReceiptRecorded(EventData):
    """This service has acted on a change of consent: what was pending for the ended services will not be sent."""

    TYPE: ClassVar[str] = "no.lagspill.notify.consent-receipt.recorded.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "case"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: int = Field(ge=1)
    messages_cancelled: int = Field(ge=0)


EVENTS: tuple[type[EventData], ...] = (
    NotificationQueued,
    NotificationSent,
    NotificationFailed,
    DeadlineApproaching,
    DeadlineMissed,
    EscalationRaised,
    ConsentReceiptRecorded,
)
