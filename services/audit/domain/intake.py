"""What of a batch is new to a log, and what in it contradicts what the log holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from services.audit.domain.entry import Entry, is_own
from services.audit.domain.log import OWN_SOURCE, Finding, FindingKind
from shared.contracts import access, journal

_PUBLISHERS: Final = {sealed.TOPIC: f"/services/{sealed.TYPE.split('.')[2]}" for sealed in journal.EVENTS}
"""Whose each topic is."""
_SHARED: Final = frozenset({access.TOPIC})
"""Topics on which every service publishes."""
_NAMES: Final = "lagspill."
"""How every topic's declared name begins."""
_SERVICES: Final = frozenset(_PUBLISHERS.values())


@dataclass(frozen=True, slots=True)
class Intake:
    """The entries to add, in order, and what they show to be wrong."""

    entries: tuple[Entry, ...]
    findings: tuple[Finding, ...]

    def heard(self, first: int, before: int) -> int:
        """Return the log's size just after the last entry that another service caused; `before` is what it was."""
        for behind, entry in enumerate(reversed(self.entries)):
            if entry.source != OWN_SOURCE:
                return first + len(self.entries) - behind
        return before


def sort_out(
    entries: Iterable[Entry],
    first: int,
    known: Mapping[tuple[str, str], AbstractSet[bytes]],
    held: AbstractSet[tuple[str, int]],
    counted: AbstractSet[tuple[str, str, int]] = frozenset(),
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
        counted: those of the batch's (source, subject, sequence) that the log has.
    """
    batch: dict[tuple[str, str], bytes | set[bytes]] = {key: set(hashes) for key, hashes in known.items()}
    numbers = set(held)
    sequences = set(counted)
    fresh: list[Entry] = []
    findings = _Findings()
    for entry in entries:
        source, event_id = entry.source, entry.event_id
        if source is None or event_id is None:
            fresh.append(entry)
            continue
        position = first + len(fresh)
        same = batch.get((source, event_id))
        if same is None:
            batch[source, event_id] = entry.hash
        else:
            seen = {same} if isinstance(same, bytes) else same
            if entry.hash in seen:
                continue
            findings.add(FindingKind.ID_REUSED, entry, position)
            batch[source, event_id] = seen | {entry.hash}
        number = entry.number
        if number is None:
            findings.add(FindingKind.UNNUMBERED, entry, position)
        else:
            if (source, number) in numbers:
                findings.add(FindingKind.NUMBER_REUSED, entry, position)
            numbers.add((source, number))
            if entry.sequence is not None and entry.subject is not None:
                if (source, entry.subject, entry.sequence) in sequences:
                    findings.add_reused(entry.subject, entry.sequence, entry, position)
                sequences.add((source, entry.subject, entry.sequence))
        if _is_foreign(entry.received.topic, entry.type or "", source):
            findings.add(FindingKind.FOREIGN_SOURCE, entry, position)
        fresh.append(entry)
    return Intake(tuple(fresh), tuple(findings.all))


class Noted:
    """What is noted of one log's part of a batch while it is read: an entry is looked at while it is at hand, and only then."""

    __slots__ = ("_events", "_ids", "_kinds", "sequences")

    def __init__(self) -> None:
        self._events = 0
        self._ids: set[str] = set()
        self._kinds: dict[tuple[str, str | None, str], list[int]] = {}
        self.sequences: dict[tuple[str, str], list[int]] = {}
        """The `sequence` numbers of each (source, subject); an event that nothing says was published counts for nothing."""

    def add(self, entry: Entry) -> None:
        """Note an entry."""
        source, event_id = entry.source, entry.event_id
        if source is None or event_id is None:
            return
        self._events += 1
        self._ids.add(event_id)
        kind = entry.received[0], entry.type, source
        numbers = self._kinds.get(kind)
        if numbers is None:
            numbers = self._kinds[kind] = []
        number = entry.number
        if number is None:
            return
        numbers.append(number)
        sequence, subject = entry.sequence, entry.subject
        if sequence is not None and subject is not None:
            counted = self.sequences.get((source, subject))
            if counted is None:
                self.sequences[source, subject] = [sequence]
            else:
                counted.append(sequence)

    def numbers(self) -> dict[str, list[int]]:
        """Return each source's `sourcesequence` numbers."""
        found: dict[str, list[int]] = {}
        for (_, _, source), numbers in self._kinds.items():
            if numbers:
                found.setdefault(source, []).extend(numbers)
        return found

    def agree(self) -> bool:
        """Return whether `sort_out` takes all of the entries and finds nothing, in a log that has none of their numbers.

        It may be too cautious: two services could use one id without a contradiction. Then `sort_out` is asked.
        """
        numbers = self.numbers().values()
        return (
            len(self._ids) == self._events == sum(map(len, numbers))
            and all(map(once, numbers))
            and all(map(once, self.sequences.values()))
            and not any(_is_foreign(topic, event_type or "", source) for topic, event_type, source in self._kinds)
        )


def once(numbers: Sequence[int]) -> bool:
    """Return whether none of them occurs twice."""
    return len(numbers) == 1 or len(set(numbers)) == len(numbers)


@lru_cache(maxsize=1024)
def _is_foreign(topic: str, event_type: str, source: str) -> bool:
    """Return whether the topic, or an event of this type, is not this source's."""
    topic = topic[topic.find(_NAMES) :]  # a deployment may have put something before it
    if source not in _SERVICES if topic in _SHARED else source != _PUBLISHERS.get(topic, source):
        return True
    return not is_own(event_type, source)


class _Findings:
    """Findings in the order of their entries; numbers that follow each other are one finding.

    A service restored from a backup gives thousands of numbers again, one by one. And whoever floods the log with records that
    have no number, or are on a wrong topic, is found once in a batch.
    """

    def __init__(self) -> None:
        self.all: list[Finding] = []
        self._latest: dict[tuple[FindingKind, str, str | None], int] = {}

    def add(self, kind: FindingKind, entry: Entry, position: int) -> None:
        """Add what the entry at `position` shows of its service's numbers."""
        self._add(kind, entry.source or "", None, entry.number or 0, position, anyway=kind in _ONCE)

    def add_reused(self, subject: str, sequence: int, entry: Entry, position: int) -> None:
        """Add that the entry at `position` uses a number of its subject's own again."""
        self._add(FindingKind.SUBJECT_REUSED, entry.source or "", subject, sequence, position)

    def _add(
        self, kind: FindingKind, source: str, subject: str | None, number: int, position: int, *, anyway: bool = False
    ) -> None:
        at = self._latest.get((kind, source, subject))
        if at is not None and (anyway or self.all[at].last + 1 == number):
            self.all[at] = self.all[at].model_copy(update={"last": max(number, self.all[at].last)})
            return
        self._latest[kind, source, subject] = len(self.all)
        self.all.append(
            Finding(kind=kind, source=source, first=number, last=number, position=position, subject=subject)
        )


_ONCE: Final = frozenset({FindingKind.UNNUMBERED, FindingKind.FOREIGN_SOURCE})
