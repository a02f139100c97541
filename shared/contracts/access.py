"""Access records: what was looked at or shared, by whom, on which basis. Every service publishes these on one topic.

Together the fields are the union of what pasientjournalloven § 22 a, Normen and C-579/21 ask of a log.
"""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.codes import InformationCategory, LegalBasis, Purpose, Role, Service
from shared.refs import (
    ActorIdField,
    CaseRefField,
    ConsentRefField,
    DocumentRefField,
    ItemRefField,
    MeetingRefField,
    OrganisationNumberField,
    UnitIdField,
)

TOPIC = "lagspill.access.v1"


class AccessKind(StrEnum):
    """What was done."""

    READ = "read"
    WRITE = "write"
    SEARCH = "search"
    LIST = "list"
    EXPORT = "export"
    PRINT = "print"
    DISCLOSE = "disclose"
    DENY = "deny"
    BREAK_GLASS = "break-glass"
    LOG_READ = "log-read"


class AccessActor(Model):
    """Who looked: an opaque actor and its organisational affiliation."""

    id: ActorIdField
    role: Role | None = None
    service: Service | None = None
    unit: UnitIdField | None = None
    organisation: OrganisationNumberField | None = None
    client: str | None = Field(default=None, pattern=r"^[ -~]{1,100}$")
    on_behalf_of: ActorIdField | None = None


class Recipient(Model):
    """To whom it was disclosed: a role in a service and its organisation, not a name."""

    service: Service
    role: Role | None = None
    organisation: OrganisationNumberField | None = None


class AccessRecorded(EventData):
    """One user action. For content actually shown, denials apart; committed before the content leaves."""

    TYPE: ClassVar[str] = "no.lagspill.access.recorded.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "subject_ref"

    subject_ref: str = Field(pattern=r"^[a-z]{3}_[0-9A-Za-z_-]{8,64}$")
    """The case; for a search or a list the actor; where somebody's absence was asked for in vain, that."""
    kind: AccessKind
    actor: AccessActor
    case: CaseRefField | None = None
    categories: frozenset[InformationCategory] = frozenset()
    documents: tuple[DocumentRefField, ...] = ()
    purpose: Purpose | None = None
    basis: LegalBasis | None = None
    consent: ConsentRefField | None = None
    consent_version: int | None = None
    meeting: MeetingRefField | None = None
    item: ItemRefField | None = None
    recipients: tuple[Recipient, ...] = ()
    permitted: bool
    reason: str | None = Field(default=None, pattern=r"^[a-z0-9-]{2,60}$")
    """A code: why it was denied, or why glass was broken."""
    address_protected: bool = False
    not_for_guardians: bool = False
    """Telling the guardians would endanger the child: a report on who has seen it leaves this out for them."""
    valid_to: Moment | None = None
    """The end of the period for which it was shared (pasientjournalloven § 22 a)."""


EVENTS: tuple[type[EventData], ...] = (AccessRecorded,)
