"""What the meetings service publishes. An anonymous item's events hold no case, no actor and nothing to find them by."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Final, Literal
from uuid import UUID, uuid5

from pydantic import Field

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.cases import LanguageTag
from shared.contracts.codes import Function, InformationCategory, LegalBasis, Purpose, Role, Service
from shared.contracts.team import ContributionReason
from shared.refs import (
    ArenaRefField,
    CalendarRefField,
    CaseRefField,
    ConsentRefField,
    ContributionRefField,
    DocumentRefField,
    ItemRefField,
    MeasureRefField,
    MeetingRef,
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


class ArenaLevel(StrEnum):
    """Whose arena it is."""

    UNIT = "unit"
    """One for each barnehage or school of the kinds that the profile names."""
    CHILD = "child"
    """Around one child, hosted by the units that have it: ansvarsgruppe, transition meetings."""
    MUNICIPALITY = "municipality"


class Guardians(StrEnum):
    """Whether guardians take part in an arena's meetings (seed rules 12, 32, 73)."""

    REQUIRED = "required"
    """Without them it cannot be held."""
    INVITED = "invited"
    NONE = "none"


class ChildPart(StrEnum):
    """Which part a child had in what was said of it by name (seed rules 73, 99)."""

    PRESENT = "present"
    REPRESENTED = "represented"
    """Somebody spoke for it, or what it had said before was told."""
    NOT_PRESENT = "not-present"


ChildAbsence = Literal["did-not-wish", "too-young", "ill", "not-asked", "other"]
"""Why a child was not there."""


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


class Place(StrEnum):
    """Where an arena meets (seed rule 56); never an address."""

    AT_THE_UNIT = "at-the-unit"
    MUNICIPALITY = "municipality"
    HOSPITAL = "hospital"
    BY_AGREEMENT = "by-agreement"


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
    """Whose arena it is, at unit level."""
    level: ArenaLevel = ArenaLevel.MUNICIPALITY
    policy: ModePolicy
    fixed_services: frozenset[Service]
    """Always invited; at unit level the unit's own service too."""
    at_need: frozenset[Service] = frozenset()
    """May be invited; no other service may (seed rules 20, 55)."""
    guardians: Guardians = Guardians.NONE
    duty_to_attend: bool = False
    seats_per_organisation: int | None = None
    minutes: int = Field(ge=15, le=600)
    profile_version: str
    """The hash of this arena's definition in the profile."""


class MeetingEvent(EventData):
    """An event of one meeting with its agenda."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "meeting"

    meeting: MeetingRefField


class MeetingPlanned(MeetingEvent):
    """A meeting has a place in the year wheel; nobody is invited yet."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.planned.v1"

    arena: ArenaRefField
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    unit: UnitIdField | None = None
    units: frozenset[UnitIdField] = frozenset()
    """The barnehager and schools that take part; other units of the same kind do not."""
    starts_at: Moment
    minutes: int = Field(ge=15, le=600)
    place: Place | None = None
    """Where; absent in an event of before it was said."""
    extra: bool = False
    """Asked for beside the fixed ones (seed rule 9)."""
    interpreters: frozenset[LanguageTag] = frozenset()
    """Languages (BCP 47) for which whoever plans wants an interpreter (seed rule 146)."""


class Seat(Model):
    """Whose a seat is: a service's, or of a barnehage or school the unit's."""

    service: Service
    unit: UnitIdField | None = None


_CALENDARS: Final = UUID("5d5a4e0a-6f0e-5c43-9d6f-0d7a3d4f8a11")


def calendar_uid(meeting: MeetingRef) -> UUID:
    """Return by which UID every calendar knows a meeting (RFC 9562 § 5.5): a reference that the log knows stands in none."""
    return uuid5(_CALENDARS, meeting)


class MeetingCalled(MeetingEvent):
    """A meeting was called; services are invited, not people (seed rules 8, 9)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.called.v1"

    arena: ArenaRefField
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    unit: UnitIdField | None = None
    units: frozenset[UnitIdField] = frozenset()
    """The barnehager and schools that take part; other units of the same kind do not."""
    starts_at: Moment
    minutes: int = Field(ge=15, le=600)
    invited: frozenset[Service]
    place: Place | None = None
    """Where; absent in an event of before it was said."""
    extra: bool = False
    """Asked for beside the fixed ones (seed rule 9)."""
    interpreters: frozenset[LanguageTag] = frozenset()
    """Languages (BCP 47) for which whoever calls wants an interpreter (seed rule 146)."""
    seats: tuple[Seat, ...] = ()
    """Whose seats are invited; where no unit takes part by name, those of all barnehager or schools stand as one."""
    with_duty: tuple[Seat, ...] = ()
    """Those of them with a duty to attend (seed rule 54)."""


class InvitationAnswer(StrEnum):
    """What somebody who was invited answers. Whoever has not answered has done neither."""

    ACCEPTED = "accepted"
    DECLINED = "declined"


DeclineReason = Literal["ill", "double-booked", "vacant", "other"]
"""Why a seat is declined. Guardians and children give none."""


class Deputy(Model):
    """Who comes in a seat's place: a role of the same service, never a person (seed rules 71, 72)."""

    role: Role
    unit: UnitIdField | None = None
    """From which unit, when it is another than the seat's."""


class InvitationAnswered(MeetingEvent):
    """Somebody who was invited accepted or declined; it counts until the meeting begins, is moved, or they answer again.

    Who was there in the end is said when the meeting is held (seed rules 54, 71-73, 82).
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.invitation.answered.v1"

    answer: InvitationAnswer
    role: Role | None = None
    """In which they answered; absent when they have several."""
    seat: Seat | None = None
    """A service's or unit's; absent for a guardian or child."""
    duty: bool = False
    """The seat has a duty to attend."""
    deputy: Deputy | None = None
    reason: DeclineReason | None = None
    item: ItemRefField | None = None
    """Guardian or child: the named item for which they are invited."""
    ordinal: int | None = Field(default=None, ge=1)
    """Guardian or child: which of those who have answered; not who."""
    answered_at: Moment


class MeetingRescheduled(MeetingEvent):
    """The meeting was moved."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.rescheduled.v1"

    starts_at: Moment


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
    """The attending services inside the scope; the others leave the item and are shown neither item nor case. The unit that
    brings it is not among them: it needs no consent."""
    covered_seats: tuple[Seat, ...] = ()
    """Named: of the covered services, the barnehager and schools that take part, each by its unit."""
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    held_by_unit: UnitIdField | None = None
    """Named: the barnehage or school that holds the consent and brings the item (seed rule 5)."""
    held_by: Service | None = None
    """Named: that unit's service."""
    interpreters: frozenset[LanguageTag] = frozenset()
    """Named: languages (BCP 47) in which the family is spoken with through an interpreter (seed rule 146)."""
    family: frozenset[Role] = frozenset()
    """Named: as whom the child's family is invited, guardians and the child itself; never who (seed rules 12, 32, 73)."""
    lifted: bool = False
    """Another arena lifted it to this one: nobody brought it here (seed rules 68, 69)."""


class AgendaItemAccepted(MeetingEvent):
    """Whoever calls the meeting took the item on; only then can it be discussed."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.accepted.v1"

    item: ItemRefField


class AgendaItemRemoved(MeetingEvent):
    """An item was taken off."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.removed.v1"

    item: ItemRefField
    reason: Literal["consent-withdrawn", "consent-expired", "basis-lapsed", "by-request"]


class Attendance(Model):
    """One seat at the meeting: a service and a role, not a person."""

    service: Service
    role: Role
    function: Function | None = None
    """What they are beside their role, where the seat is for that (seed rule 15)."""
    unit: UnitIdField | None = None
    """Whose seat it is, where it is a barnehage's or school's; elsewhere from which of the service's units they came, if said."""
    organisation: OrganisationNumberField | None = None
    present: bool
    deputy: bool = False
    """Whether it was taken by a deputy, to whom the authority to decide was delegated (seed rules 54, 71, 72)."""
    absence_reason: Literal["ill", "double-booked", "vacant", "not-notified", "other"] | None = None


class MeetingHeld(MeetingEvent):
    """The meeting was held (seed rules 54, 59, 60, 156)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.held.v1"

    arena: ArenaRefField
    arena_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    started_at: Moment
    ended_at: Moment
    chair: Role
    attendance: tuple[Attendance, ...]
    kinds_covered: frozenset[ItemKind]
    guardians_present: int = Field(default=0, ge=0, le=8)
    items: tuple[ItemRefField, ...] = ()
    """The items without a child that were discussed; those about a child have an event of their own."""


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
    """Named: the services that stayed for the item, each inside the scope; the unit that brought it apart."""
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    discussed_at: Moment | None = None
    """Named: the moment for which the basis was judged."""
    guardians_present: int | None = Field(default=None, ge=0, le=8)
    """Named: how many of the child's guardians heard it, if it was said (seed rule 12)."""
    child: ChildPart | None = None
    """Named: whether the child was there, or somebody for it, if it was said (seed rules 73, 99)."""
    child_absence: ChildAbsence | None = None


class PlannedMeasure(Model):
    """A measure that the meeting decided; the cases service plans it from this event alone (seed rules 88, 141)."""

    measure: MeasureRefField
    code: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    owner: Service
    owner_unit: UnitIdField | None = None
    indicator: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    evaluate_by: Moment


class AskedContribution(Model):
    """What the meeting asks a service for; the cases service asks it from this event alone (seed rules 82, 96, 116)."""

    contribution: ContributionRefField
    service: Service
    unit: UnitIdField | None = None
    """Which barnehage or school."""
    reason: ContributionReason
    categories: frozenset[InformationCategory]
    """Those of the item: what may be shared for it."""
    purpose: Purpose
    respond_by: Moment | None = None
    """Absent: within the municipality's usual time."""


class AgendaItemLeftOpen(MeetingEvent):
    """A meeting was recorded as held, and not whether an item by name on its agenda was discussed (seed rules 4, 5).

    Whoever recorded it may not have been shown the item: what was said of the child is to be recorded, or the item brought again.
    """

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.left-open.v1"

    item: ItemRefField
    case: CaseRefField


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
    contributions: tuple[AskedContribution, ...] = ()


class AgendaItemLifted(MeetingEvent):
    """What the arena does not solve itself goes on to the next meeting of the one that it lifts to (seed rules 68, 69)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.lifted.v1"

    item: ItemRefField
    mode: ItemMode
    to: ArenaRefField
    to_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    called_by: frozenset[Role] = frozenset()
    """In which roles the meetings of that arena are called: these are told that something waits."""
    led_by: UnitIdField | None = None
    """Of which unit, when it is leaders who call them; absent where the municipality has no such unit."""


LiftWithdrawal = Literal["solved-here", "no-longer-needed", "taken-up-elsewhere", "by-mistake"]
"""Why what was lifted is taken back."""


class AgendaItemLiftWithdrawn(MeetingEvent):
    """What was lifted, and waited for a meeting of the other arena, was taken back by those who lifted it (seed rules 68, 69)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.agenda-item.lift-withdrawn.v1"

    item: ItemRefField
    """As it stood where it was lifted from."""
    mode: ItemMode
    to_type: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    reason: LiftWithdrawal


class MinutesApproved(MeetingEvent):
    """The minutes were approved in this version (seed rule 38)."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.minutes.approved.v1"

    version: int = Field(ge=1)
    document: DocumentRefField | None = None


class MeetingClosed(MeetingEvent):
    """Nothing more is added to the meeting."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.meeting.closed.v1"


class CalendarEvent(EventData):
    """An event of one employee's calendar; `authid` says whose."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "calendar"

    calendar: CalendarRefField


class CalendarAddressMade(CalendarEvent):
    """The calendar can be read without signing in, at an address that only its owner is shown; an earlier one no longer works."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.calendar.address-made.v1"

    number: int = Field(ge=1)
    """Which of the calendar's addresses it is."""
    until: Moment


class CalendarAddressWithdrawn(CalendarEvent):
    """The calendar can be read signed in only."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.calendar.address-withdrawn.v1"

    number: int = Field(ge=1)


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
    MeetingPlanned,
    MeetingCalled,
    MeetingRescheduled,
    MeetingCancelled,
    InvitationAnswered,
    AgendaItemAdded,
    AgendaItemAccepted,
    AgendaItemRemoved,
    MeetingHeld,
    CaseDiscussed,
    OutcomeRecorded,
    AgendaItemLifted,
    AgendaItemLeftOpen,
    AgendaItemLiftWithdrawn,
    MinutesApproved,
    MeetingClosed,
    CalendarAddressMade,
    CalendarAddressWithdrawn,
    ConsentReceiptRecorded,
)
