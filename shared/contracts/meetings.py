"""What the meetings service publishes. An anonymous item's events hold no case, no actor and nothing to find them by."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from shared.contracts.base import EventData, Model
from shared.contracts.codes import InformationCategory, LegalBasis, Role, Service
from shared.refs import (
    ArenaRefField,
    CaseRefField,
    ConsentRefField,
    ItemRefField,
    MeasureRefField,
    MeetingRefField,
    OrganisationNumberField,
    UnitIdField,
)

TOPIC = "lagspill.meetings.v1"


class ModePolicy(StrEnum):
    """How children may be spoken of in an arena (seed rules 2, 4, 22, 172)."""

    SYSTEM_ONLY = "system-only"
    """No child at all."""
    ANONYMOUS_ONLY = "anonymous-only"
    """By name never, whatever the consent says."""
    ANONYMOUS_BY_DEFAULT = "anonymous-by-default"
    """By name with a basis valid at that moment for every attending service."""
    NAMED = "named"


class ItemKind(StrEnum):
    """What an agenda item is (seed rules 7, 60)."""

    GENERAL = "general"
    GUIDANCE = "guidance"
    OBSERVATION = "observation"
    CASE = "case"


class ItemMode(StrEnum):
    """Whether an item is about somebody, and how."""

    NO_CHILD = "no-child"
    ANONYMOUS = "anonymous"
    NAMED = "named"


class ArenaEvent(EventData):
    """An event of one arena (seed rules 1-22, 39-77, 171-175, 183)."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "arena"

    arena: ArenaRefField


class ArenaDefined(ArenaEvent):
    """The municipality's profile defines this arena; published again when the profile changes it."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.arena.defined.v1"

    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    unit: UnitIdField | None = None
    policy: ModePolicy
    fixed_services: frozenset[Service]
    duty_to_attend: bool = False
    seats_per_organisation: int | None = None
    minutes: int = Field(ge=15, le=600)
    profile_version: str


class MeetingEvent(EventData):
    """An event of one meeting with its agenda."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "meeting"

    meeting: MeetingRefField


class MeetingCalled(MeetingEvent):
    """A meeting was called; services are invited, not people (seed rules 8, 9)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.called.v1"

    arena: ArenaRefField
    arena_type: str
    unit: UnitIdField | None = None
    starts_at: AwareDatetime
    minutes: int = Field(ge=15, le=600)
    invited: frozenset[Service]
    extra: bool = False
    """Asked for beside the fixed ones (seed rule 9)."""


class MeetingRescheduled(MeetingEvent):
    """The meeting was moved."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.rescheduled.v1"

    starts_at: AwareDatetime


class MeetingCancelled(MeetingEvent):
    """The meeting will not be held."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.cancelled.v1"

    reason: Literal["no-items", "not-enough-members", "replaced", "other"]


class AgendaItemAdded(MeetingEvent):
    """An item is on the agenda. `case` stands here only for a named item (seed rules 2, 4, 7)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.added.v1"

    item: ItemRefField
    kind: ItemKind
    mode: ItemMode
    case: CaseRefField | None = None
    basis: LegalBasis | None = None
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    covered: frozenset[Service] = frozenset()
    """The attending services inside the scope; the others leave the item and are shown neither item nor case."""
    categories: frozenset[InformationCategory] = frozenset()


class AgendaItemRemoved(MeetingEvent):
    """An item was taken off."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.removed.v1"

    item: ItemRefField
    reason: Literal["consent-withdrawn", "consent-expired", "basis-lapsed", "by-request"]


class Attendance(Model):
    """One seat at the meeting: a service and a role, not a person."""

    service: Service
    role: Role
    organisation: OrganisationNumberField | None = None
    present: bool
    absence_reason: Literal["ill", "double-booked", "vacant", "not-notified", "other"] | None = None


class MeetingHeld(MeetingEvent):
    """The meeting was held (seed rules 54, 59, 60, 156)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.held.v1"

    arena: ArenaRefField
    arena_type: str
    started_at: AwareDatetime
    ended_at: AwareDatetime
    chair: Role
    attendance: tuple[Attendance, ...]
    kinds_covered: frozenset[ItemKind]


class CaseDiscussed(MeetingEvent):
    """An item about a child was discussed. Anonymous: neither case, nor consent, nor actor (invariant 3; seed rules 2, 4, 22)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.case-discussed.v1"

    item: ItemRefField
    mode: ItemMode
    case: CaseRefField | None = None
    basis: LegalBasis | None = None
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    attended_by: frozenset[Service] = frozenset()
    """Named: the services that stayed for the item, each inside the scope."""
    categories: frozenset[InformationCategory] = frozenset()


class PlannedMeasure(Model):
    """A measure that the meeting decided; the cases service plans it from this event alone (seed rules 88, 141)."""

    measure: MeasureRefField
    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    owner: Service
    owner_unit: UnitIdField | None = None
    indicator: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: AwareDatetime


class OutcomeRecorded(MeetingEvent):
    """What was decided on a named item, as codes (seed rules 38, 62, 71). For an anonymous item: guidance only, no case."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.outcome.recorded.v1"

    item: ItemRefField
    mode: ItemMode
    decision: Literal["guidance-given", "measure-planned", "refer", "ask-consent", "follow-up", "no-action"]
    case: CaseRefField | None = None
    measures: tuple[PlannedMeasure, ...] = ()
    join_team: frozenset[Service] = frozenset()
    """Services that join the team around the child because of a measure (seed rule 26)."""


class MinutesApproved(MeetingEvent):
    """The minutes were approved in this version (seed rule 38)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.minutes.approved.v1"

    version: int = Field(ge=1)


class ConsentReceiptRecorded(EventData):
    """This service has acted on a change of consent: its projection denies, its agenda is cleared."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.consent-receipt.recorded.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "case"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: int = Field(ge=1)
    items_removed: int = Field(ge=0)


EVENTS: tuple[type[EventData], ...] = (
    ArenaDefined,
    MeetingCalled,
    MeetingRescheduled,
    MeetingCancelled,
    AgendaItemAdded,
    AgendaItemRemoved,
    MeetingHeld,
    CaseDiscussed,
    OutcomeRecorded,
    MinutesApproved,
    ConsentReceiptRecorded,
)
