"""What every format has in common: an opening, something for each entry, and a last line with count and SHA-256."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.sentences import access_of
from services.audit.queries import StoredEntry
from shared.contracts.access import AccessRecorded
from shared.contracts.codes import Language
from shared.envelope import MalformedEnvelopeError, parse


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says of itself."""

    checkpoint: Checkpoint
    note: str
    """The same, signed; and cosigned, if it is `witnessed`."""
    language: Language
    witnessed: bool = False
    """Enough witnesses have cosigned the checkpoint."""


@dataclass(frozen=True, slots=True)
class Looked:
    """An entry that is an access record."""

    entry: StoredEntry
    record: AccessRecorded
    correlation: UUID


def looked(entry: StoredEntry) -> Looked | None:
    """Return the access record in an entry; None where there is none of the agreed form."""
    if entry.type != AccessRecorded.TYPE:
        return None
    record = access_of(entry.leaf)
    if record is None:
        return None
    try:
        return Looked(entry, record, parse(entry.leaf).envelope.correlationid)
    except MalformedEnvelopeError:
        return None


def unreadable(entries: Sequence[StoredEntry]) -> int:
    """Return how many of the entries call themselves access records and are not of the agreed form."""
    return sum(1 for entry in entries if entry.type == AccessRecorded.TYPE and looked(entry) is None)


class Writer(Protocol):
    """Writes one file."""

    media_type: str
    suffix: str
    unreadable: int
    """How many access records so far the format has nothing for: they are not of the agreed form."""

    def opening(self) -> bytes:
        """Return what stands before the first entry."""

    async def write(self, entries: Sequence[StoredEntry]) -> Sequence[bytes]:
        """Return what stands for these entries, one piece for each that the format has."""

    def closing(self, count: int, digest: bytes) -> bytes:
        """Return the last line; `digest` is the SHA-256 of everything before it, `count` how many pieces that is."""
