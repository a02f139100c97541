"""What of a batch is new to a log, and what in it contradicts what the log holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from uuid import UUID

from services.audit.domain.entry import Entry
from services.audit.domain.log import OWN_SOURCE, Finding, FindingKind


@dataclass(frozen=True, slots=True)
class Intake:
    """The entries to add, in order, and what they show to be wrong."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]

    def heard(self, first: int, before: int) -> int:
        """Return the log's size just after the last entry that another service caused; `before` is what it was."""
        for position, entry in reversed(list(enumerate(self.entries, start=first))):
            if entry.source != OWN_SOURCE:
                return position + 1
        return before


def sort_out(
    entries: Iterable[Entry],
    first: int,
    known: Mapping[tuple[str, UUID], AbstractSet[bytes]],
    held: AbstractSet[tuple[str, int]],
) -> Intake:
    """Return what of `entries` the log does not have.

    Delivery is at least once, so the same bytes under the same id are dropped in silence. Other bytes under a known id, or
    under a known number, are evidence: they become an entry, and a finding. What is no event has no id and is always new:
    the position in its partition is never taken twice.

    Args:
        entries: one log's part of a batch, in order.
        first: the position that the first new entry will have.
        known: for each (source, event id) of the batch that the log has, the hashes of its entries.
        held: those of the batch's (source, sourcesequence) that the log has.
    """
    hashes = {key: set(value) for key, value in known.items()}
    numbers = set(held)
    fresh: list[Entry] = []
    findings = _Findings()
    for entry in entries:
        position = first + len(fresh)
        if entry.source is not None and entry.event_id is not None:
            same = hashes.setdefault((entry.source, entry.event_id), set())
            if entry.hash in same:
                continue
            if same:
                findings.add(FindingKind.ID_REUSED, entry, position)
            same.add(entry.hash)
            if entry.number is not None:
                if (entry.source, entry.number) in numbers:
                    findings.add(FindingKind.NUMBER_REUSED, entry, position)
                numbers.add((entry.source, entry.number))
        fresh.append(entry)
    return Intake(tuple(fresh), tuple(findings.all))


class _Findings:
    """Findings in the order of their entries; numbers that follow each other are one finding.

    A service restored from a backup gives thousands of numbers again, one by one.
    """

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._latest: dict[tuple[FindingKind, str], int] = {}

    def add(self, kind: FindingKind, entry: Entry, position: int) -> None:
        source, number = entry.source or "", entry.number or 0
        at = self._latest.get((kind, source))
        if at is not None and self.all[at].last + 1 == number:
            self.all[at] = self.all[at].model_copy(update={"last": number})
            return
        self._latest[kind, source] = len(self.all)
        self.all.append(Finding(kind=kind, source=source, first=number, last=number, position=position))
