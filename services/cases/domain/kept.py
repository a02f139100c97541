"""What a case's state knows of the vault's keeping: emergency access, records, documents, protection. Never their content."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import AwareDatetime

from shared.contracts.base import Model
from shared.contracts.cases import Party
from shared.contracts.codes import InformationCategory
from shared.contracts.safekeeping import GlassOutcome, GlassReason, MediaType, ProtectionKind
from shared.refs import DocumentRef, GlassRef, RecordRef


class GlassStatus(StrEnum):
    """How far the review of an emergency access has come."""

    AWAITED = "awaited"
    OVERDUE = "overdue"
    ESCALATED = "escalated"
    REVIEWED = "reviewed"


class GlassState(Model):
    """One emergency access (nødtilgang): who, why, how much, until when, and what became of its review."""

    ref: GlassRef
    by: Party
    reason: GlassReason
    basis: str
    """A code of the list of legal bases."""
    categories: frozenset[InformationCategory]
    until: AwareDatetime
    review_by: AwareDatetime
    status: GlassStatus = GlassStatus.AWAITED
    outcome: GlassOutcome | None = None

    def is_open(self, now: datetime) -> bool:
        """Return whether it lets anybody read at `now`: it closes by itself, and with its review."""
        return self.status is not GlassStatus.REVIEWED and now < self.until


class RecordState(Model):
    """Something that was recorded about the child, in its present version."""

    ref: RecordRef
    category: InformationCategory
    version: int
    by: Party | None = None


class DocumentState(Model):
    """A document in the vault."""

    ref: DocumentRef
    category: InformationCategory
    media: MediaType
    size: int
    by: Party | None = None


class ProtectionState(Model):
    """The child's address protection, as the population register has it."""

    kind: ProtectionKind
    valid_to: date | None = None


def rough(size: int) -> int:
    """Return the power of two at or above `size`: how large it is, about, in bytes."""
    return 1 << (size - 1).bit_length()
