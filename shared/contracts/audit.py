"""What the audit service publishes about its log: positions and hashes, never content."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from shared.contracts.base import EventData, Moment

TOPIC = "lagspill.audit.v1"


class LogEvent(EventData):
    """An event of one log."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "log"

    log: str = Field(pattern=r"^[a-z0-9./_-]{1,120}$")
    """The log's origin (C2SP tlog-checkpoint)."""


class CheckpointSigned(LogEvent):
    """A tree head was signed (RFC 6962 § 3.5 in C2SP's form). Published now and then, not for every one that is signed."""

    TYPE: ClassVar[str] = "no.lagspill.audit.checkpoint.signed.v1"

    size: int = Field(ge=0)
    root: str
    """Base64 of the 32-byte root."""
    note: str
    """The whole signed note."""


class GapFound(LogEvent):
    """A service's numbers have a hole: something it published is not in the log."""

    TYPE: ClassVar[str] = "no.lagspill.audit.gap.found.v1"

    source: str
    first_missing: int = Field(ge=0)
    last_missing: int = Field(ge=0)


class ChainBroken(LogEvent):
    """What the log holds contradicts itself or a service's seal."""

    TYPE: ClassVar[str] = "no.lagspill.audit.chain.broken.v1"

    kind: Literal["seal-contradicted", "number-reused", "id-reused", "tree-damaged"]
    source: str | None = None
    """The service whose records contradict each other."""
    position: int | None = None
    """The entry that shows it."""


class LogQueried(LogEvent):
    """Somebody entitled looked into the log; who and for what is in the access record committed with it."""

    TYPE: ClassVar[str] = "no.lagspill.audit.log.queried.v1"

    at: Moment
    results: int = Field(ge=0)


EVENTS: tuple[type[LogEvent], ...] = (CheckpointSigned, GapFound, ChainBroken, LogQueried)
