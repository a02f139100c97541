"""What every service publishes about its own journal, so that nothing it published can be hidden afterwards."""

from __future__ import annotations

from typing import ClassVar

from pydantic import Field

from shared.contracts.base import EventData, Model
from shared.refs import ALPHABET, LogScopeField

LANE_LENGTH = 15
LANE_NAME = rf"[{ALPHABET}]{{{LANE_LENGTH}}}"
"""The form of a lane's name: random letters."""
LANES_AT_ONCE = 500
"""How many lanes one seal names at most."""


class LaneEnd(Model):
    """How far a lane goes: what one database session has written into this log, counted from 1 (`lane` in the envelope)."""

    lane: str = Field(pattern=f"^{LANE_NAME}$")
    last: int = Field(ge=1)


class JournalSealed(EventData):
    """Once a minute, and at every stop: how far this service has published for one municipality, and a root over it.

    The root is the RFC 6962 tree hash over the published records (leaf = the record's exact bytes) with `sourcesequence`
    1 to `last_number`. A service that hid its tail or rewrote its journal contradicts a seal that the log already holds.
    Published on the service's own topic, as the subclass for that service.
    """

    SUBJECT: ClassVar[str] = "scope"

    scope: LogScopeField
    last_number: int = Field(ge=1)
    root: str
    """Base64 of the 32-byte RFC 6962 root."""
    lanes: tuple[LaneEnd, ...] = Field(default=(), max_length=LANES_AT_ONCE)
    """Lanes of the process that seals, of which no seal had said how far they go: everything up to there was committed before
    this seal, and has a lower `sourcesequence` than it."""


class CasesJournalSealed(JournalSealed):
    """The seal of the cases service."""

    TYPE: ClassVar[str] = "no.lagspill.cases.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"


class MeetingsJournalSealed(JournalSealed):
    """The seal of the meetings service."""

    TYPE: ClassVar[str] = "no.lagspill.meetings.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.meetings.v1"


class NotifyJournalSealed(JournalSealed):
    """The seal of the notify service."""

    TYPE: ClassVar[str] = "no.lagspill.notify.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.notify.v1"


class AuditJournalSealed(JournalSealed):
    """The seal of the audit service."""

    TYPE: ClassVar[str] = "no.lagspill.audit.journal.sealed.v1"
    TOPIC: ClassVar[str] = "lagspill.audit.v1"


EVENTS: tuple[type[JournalSealed], ...] = (
    CasesJournalSealed,
    MeetingsJournalSealed,
    NotifyJournalSealed,
    AuditJournalSealed,
)
