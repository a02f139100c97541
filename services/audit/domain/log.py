"""What the audit service publishes of one log, and when: findings once each, checkpoints on a time basis."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final

from services.audit.domain.checkpoint import Checkpoint
from shared.aggregate import Aggregate
from shared.contracts.audit import (
    ChainBroken,
    CheckpointSigned,
    GapFound,
    HoldLifted,
    HoldPlaced,
    IndexDamaged,
    IrregularityFound,
    LogEvent,
    LogQueried,
)
from shared.contracts.base import EventData, Model

OWN_SOURCE: Final = "/services/audit"
LANE: Final = "lane:"
"""What the name of a lane stands behind where it is told as a finding's subject. No subject begins so."""
COLUMN: Final = "column:"
"""The same of a column of the entries' table."""


class FindingKind(StrEnum):
    """What can be wrong with what the log was given."""

    GAP = "gap"
    """A service's numbers have a hole that did not close in time."""
    SEAL_CONTRADICTED = "seal-contradicted"
    """A service's seal names another root than the log has for the same records."""
    NUMBER_REUSED = "number-reused"
    """Two different records of one service carry one number."""
    ID_REUSED = "id-reused"
    """Two different records of one service carry one event id."""
    SUBJECT_GAP = "subject-gap"
    """An event of a subject (its own `sequence` has a hole) did not come in time."""
    SUBJECT_REUSED = "subject-reused"
    """Two different events of one subject carry one `sequence`."""
    LANE_GAP = "lane-gap"
    """A record of a lane did not come in time: it was taken away before its service had numbered it."""
    UNNUMBERED = "unnumbered"
    """An event in the name of a service has no `sourcesequence`: nothing says that the service published it."""
    FOREIGN_SOURCE = "foreign-source"
    """A record stands on a topic, or is of a type, that is not its service's, or in the name of one that does not exist."""
    TREE_DAMAGED = "tree-damaged"
    """The stored head of the log is not what was signed last: nothing more is signed."""
    INDEX_DAMAGED = "index-damaged"
    """A column by which an entry is found is not what its leaf says: searches and reports may leave it out, or show it wrongly."""


class Finding(Model):
    """One thing found wrong: with a service's numbers `first` to `last`, shown by the entry at `position` if there is one.

    With a `subject`, the numbers are those of the subject's own `sequence`, or of the lane (`lane:` and its name); where it is a
    column (`column:` and its name) that is not what the entry says, they are the entry's. Zero stands for no number.
    """

    kind: FindingKind
    source: str
    """Empty where it is about the log itself."""
    first: int = 0
    last: int = 0
    position: int | None = None
    subject: str | None = None


class LogState(Model):
    """What has been published of a log: the fold of its events."""

    published_size: int = 0
    """The size of the last checkpoint that was published as an event."""
    findings: int = 0
    queries: int = 0
    holds: tuple[str, ...] = ()
    """The legal holds that are in force, as far as the log was told."""


def evolve(state: LogState, event: EventData) -> LogState:
    """Return the state after `event`; one of another kind changes nothing."""
    match event:
        case CheckpointSigned():
            return state.model_copy(update={"published_size": event.size})
        case GapFound() | ChainBroken() | IrregularityFound() | IndexDamaged():
            return state.model_copy(update={"findings": state.findings + 1})
        case HoldPlaced():
            return state.model_copy(update={"holds": (*state.holds, event.hold)})
        case HoldLifted():
            return state.model_copy(update={"holds": tuple(name for name in state.holds if name != event.hold)})
        case LogQueried():
            return state.model_copy(update={"queries": state.queries + 1})
        case _:
            return state


def decide_announcement(state: LogState, checkpoint: Checkpoint, note: str, heard: int) -> list[LogEvent]:
    """Return the event that publishes `checkpoint`, if it is news.

    Args:
        state: what has been published.
        checkpoint: the newest one.
        note: the same, signed.
        heard: the size of the log just after the last entry that another service caused. The event becomes an entry of the
            log itself; were it news, the log would grow for ever by announcing that it grew.
    """
    if heard <= state.published_size or checkpoint.size <= state.published_size:
        return []
    root = base64.b64encode(checkpoint.root).decode()
    return [CheckpointSigned(log=checkpoint.origin, size=checkpoint.size, root=root, note=note)]


def announce_findings(origin: str, findings: Iterable[Finding]) -> list[LogEvent]:
    """Return one event for each finding in the log called `origin`."""
    return [_announce_finding(origin, found) for found in findings]


def _announce_finding(origin: str, found: Finding) -> LogEvent:
    if found.kind is FindingKind.GAP:
        return GapFound(log=origin, source=found.source, first_missing=found.first, last_missing=found.last)
    if found.kind in _IRREGULAR:
        return IrregularityFound(
            log=origin,
            kind=found.kind.value,
            source=found.source,
            subject_ref=found.subject,
            first=found.first or None,
            last=found.last or None,
            position=found.position,
        )
    if found.kind is FindingKind.INDEX_DAMAGED:
        column = (found.subject or "").removeprefix(COLUMN)
        return IndexDamaged(log=origin, position=found.position or 0, column=column, source=found.source or None)
    return ChainBroken(log=origin, kind=found.kind.value, source=found.source or None, position=found.position)


_IRREGULAR: Final = frozenset(
    {
        FindingKind.LANE_GAP,
        FindingKind.SUBJECT_GAP,
        FindingKind.SUBJECT_REUSED,
        FindingKind.UNNUMBERED,
        FindingKind.FOREIGN_SOURCE,
    }
)


def holes(seen: Sequence[tuple[int, int]], until: int = 0) -> list[tuple[int, int]]:
    """Return the numbers missing below the highest seen, and up to `until`, as (first, last) pairs.

    Args:
        seen: the numbers seen, as disjoint ranges (first, last), ascending. Numbers begin at 1.
        until: the highest number that there is to be.
    """
    missing = []
    expected = 1
    for first, last in seen:
        if first > expected:
            missing.append((expected, first - 1))
        expected = last + 1
    if until >= expected:
        missing.append((expected, until))
    return missing


def runs(numbers: Iterable[int]) -> list[tuple[int, int]]:
    """Return the numbers as disjoint ranges (first, last), ascending."""
    found: list[tuple[int, int]] = []
    for number in sorted(set(numbers)):
        if found and found[-1][1] + 1 == number:
            found[-1] = found[-1][0], number
        else:
            found.append((number, number))
    return found


LOG = Aggregate("log", LogState, LogState(), evolve)
"""What has been published of one log; its id is the log's origin."""
