"""What of a batch is new to a log, and what in it contradicts what the log holds."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from services.audit.domain.entry import Entry, Received, Seal, is_own
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


class Sealed(NamedTuple):
    """What a service says of its journal in the `at`-th entry."""

    at: int
    source: str
    seal: Seal
    numbered: bool
    """Whether something says that it was published."""


class Gist(NamedTuple):
    """Ordinary events of one log, none of them a seal, as the compiled reader has read them; in the order of the records."""

    received: Sequence[Received]
    hashes: Sequence[bytes]
    rows: Placeable
    ids: bytes
    """Of each event the 16 bytes of its id."""
    kinds: Sequence[tuple[tuple[str, str, str], Sequence[int]]]
    """The numbers of each (topic, type, source)."""
    sequences: Sequence[tuple[tuple[str, str], Sequence[int]]]
    """The `sequence` numbers of each (source, subject)."""
    lanes: Sequence[tuple[tuple[str, str], Sequence[int]]]
    """The counts of each (source, lane)."""
    others: int
    """How many there are up to the last one that another service caused."""


class Placeable(Protocol):
    """Rows of entries that follow each other in a log, without their positions."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def placed(self, first: int, logged: int) -> Iterable[bytes]:
        """Yield them in pieces, at the positions from `first` on, logged at `logged` (microseconds since the year 2000)."""
        ...


class Noted:
    """What is noted of one log's part of a batch while it is read: an entry is looked at while it is at hand, and only then."""

    __slots__ = ("_ids", "_kinds", "_packed", "hashes", "lanes", "others", "oversize", "seals", "sequences")

    def __init__(self) -> None:
        self.hashes: list[bytes] = []
        """Those of the leaves, in order."""
        self.others = 0
        """How many entries there are up to the last one that another service caused."""
        self.oversize: list[bytes] = []
        """The records that are longer than an entry may be."""
        self.seals: list[Sealed] = []
        self.sequences: dict[tuple[str, str], list[int]] = {}
        """The `sequence` numbers of each (source, subject); an event that nothing says was published counts for nothing."""
        self.lanes: dict[tuple[str, str], list[int]] = {}
        """The same of the counts in each (source, lane)."""
        self._ids: list[str] = []
        self._packed: list[bytes] = []
        """Ids of 16 bytes one after the other, of the events that `add_all` noted."""
        self._kinds: dict[tuple[str, str | None, str], list[int]] = {}

    def add(self, entry: Entry) -> None:
        """Note an entry."""
        self.hashes.append(entry.hash)
        source, event_id = entry.source, entry.event_id
        if source != OWN_SOURCE:
            self.others = len(self.hashes)
        if entry.oversize is not None:
            self.oversize.append(entry.oversize)
        if source is None or event_id is None:
            return
        self._ids.append(event_id)
        if entry.seal is not None:
            self.seals.append(Sealed(len(self.hashes) - 1, source, entry.seal, numbered=entry.number is not None))
        kind = entry.received[0], entry.type, source
        numbers = self._kinds.get(kind)
        if numbers is None:
            numbers = self._kinds[kind] = []
        number = entry.number
        if number is None:
            return
        numbers.append(number)
        if entry.lane is not None:
            self._count(self.lanes, (source, entry.lane[0]), entry.lane[1])
        sequence, subject = entry.sequence, entry.subject
        if sequence is not None and subject is not None:
            self._count(self.sequences, (source, subject), sequence)

    def add_all(self, gist: Gist) -> None:
        """Note entries that the compiled reader has read."""
        if gist.others:
            self.others = len(self.hashes) + gist.others
        self.hashes += gist.hashes
        self._packed.append(gist.ids)
        for kind, numbers in gist.kinds:
            self._kinds.setdefault(kind, []).extend(numbers)
        for subject, numbers in gist.sequences:
            self.sequences.setdefault(subject, []).extend(numbers)
        for lane, numbers in gist.lanes:
            self.lanes.setdefault(lane, []).extend(numbers)

    @staticmethod
    def _count(counts: dict[tuple[str, str], list[int]], key: tuple[str, str], number: int) -> None:
        counted = counts.get(key)
        if counted is None:
            counts[key] = [number]
        else:
            counted.append(number)

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
        ids: set[str | bytes] = {*self._ids}
        events = len(self._ids)
        if self._packed:
            packed = b"".join([*self._packed, *(bytes.fromhex(each.replace("-", "")) for each in self._ids)])
            events = len(packed) // 16
            ids = {*struct.unpack("16s" * events, packed)}
        return (
            len(ids) == events == sum(map(len, numbers))
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
