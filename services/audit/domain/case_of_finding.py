"""One finding about behaviour, from the day it is raised until it is explained or reported.

    open --explanation (lawful, mistake)--> explained
    open --judged a breach--> open, 72 hours --reporting--> reported

A judgement can be taken back by an explanation until it is reported. Nothing leaves `explained` or `reported`: the same behaviour
afterwards is a new finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256

from services.audit.domain.entry import LogName
from services.audit.domain.pattern_policy import REPORT_WITHIN
from services.audit.errors import (
    AlreadyJudgedError,
    DelayReasonMissingError,
    FindingAboutYouError,
    FindingClosedError,
    NoSuchFindingError,
    ReportedLaterError,
)
from shared.aggregate import Aggregate
from shared.contracts.audit import (
    FindingEvent,
    FindingExplained,
    FindingExtended,
    FindingJudged,
    FindingOutcome,
    FindingOverdue,
    FindingRaised,
    FindingReported,
    Pattern,
)
from shared.contracts.base import EventData, Model
from shared.refs import ALPHABET, LENGTH, ActorId, FindingRef


class FindingStatus(StrEnum):
    """Where a finding stands."""

    OPEN = "open"
    EXPLAINED = "explained"
    REPORTED = "reported"


class Missing(StrEnum):
    """What has a due date."""

    EXPLANATION = "explanation"
    REPORTING = "reporting"


class FindingState(Model):
    """A finding: the fold of its events."""

    finding: FindingRef | None = None
    """None before it is raised."""
    log: str = ""
    """The log's origin."""
    pattern: Pattern | None = None
    about: ActorId | None = None
    status: FindingStatus = FindingStatus.OPEN
    entries: int = 0
    last_position: int = -1
    explain_by: datetime | None = None
    judged_at: datetime | None = None
    report_by: datetime | None = None
    outcome: FindingOutcome | None = None
    closed_at: datetime | None = None
    overdue: frozenset[Missing] = frozenset()

    @property
    def awaited(self) -> tuple[Missing, datetime] | None:
        """Return what has to be done next and until when; None when nothing has."""
        if self.finding is None or self.status is not FindingStatus.OPEN:
            return None
        if self.report_by is not None:
            return Missing.REPORTING, self.report_by
        return None if self.explain_by is None else (Missing.EXPLANATION, self.explain_by)


def evolve(state: FindingState, event: EventData) -> FindingState:
    """Return the state after `event`."""
    changes: dict[str, object]
    match event:
        case FindingRaised():
            return FindingState(
                finding=event.finding,
                log=event.log,
                pattern=event.pattern,
                about=event.about,
                entries=event.entries,
                last_position=event.last_position,
                explain_by=event.explain_by,
            )
        case FindingExtended():
            changes = {"entries": event.entries, "last_position": event.last_position}
        case FindingJudged():
            changes = {"judged_at": event.at, "report_by": event.report_by}
        case FindingExplained():
            changes = {"status": FindingStatus.EXPLAINED, "outcome": event.outcome, "closed_at": event.at}
        case FindingReported():
            changes = {"status": FindingStatus.REPORTED, "closed_at": event.at}
        case FindingOverdue():
            changes = {"overdue": state.overdue | {Missing(event.missing)}}
        case _:
            return state
    return state.model_copy(update=changes)


FINDING = Aggregate("finding", FindingState, FindingState(), evolve)


def finding_ref(log: LogName, pattern: Pattern, position: int) -> FindingRef:
    """Return the reference of the finding that begins with that entry: the same whenever the log is examined again."""
    number = int.from_bytes(sha256(f"finding\0{log}\0{pattern}\0{position}".encode()).digest())
    letters = []
    for _ in range(LENGTH):
        number, rest = divmod(number, len(ALPHABET))
        letters.append(ALPHABET[rest])
    return FindingRef("fnd_" + "".join(letters))


@dataclass(frozen=True, slots=True)
class Reporting:
    """What the officer says of the report to the supervisory authority."""

    at: datetime
    delay_explained: bool
    """The report gives the reasons why it comes after 72 hours."""


def decide_raise(state: FindingState, raised: FindingRaised) -> list[FindingEvent]:
    """Raise it, once."""
    return [raised] if state.finding is None else []


def decide_extend(state: FindingState, entries: int, last_position: int) -> list[FindingEvent]:
    """Say that the same behaviour went on; of a closed finding nothing more is said."""
    if state.finding is None or state.status is not FindingStatus.OPEN or entries <= state.entries:
        return []
    return [FindingExtended(finding=state.finding, entries=entries, last_position=last_position)]


def decide_explain(state: FindingState, actor: ActorId, outcome: FindingOutcome, now: datetime) -> list[FindingEvent]:
    """Close it: there was a lawful reason, or a mistake without risk.

    Raises:
        NoSuchFindingError, FindingClosedError, FindingAboutYouError.
    """
    return [FindingExplained(finding=_open(state, actor), outcome=outcome, at=now)]


def decide_judge(state: FindingState, actor: ActorId, now: datetime) -> list[FindingEvent]:
    """Judge it a breach: from now the 72 hours are counted (GDPR art. 33(1)).

    Raises:
        NoSuchFindingError, FindingClosedError, FindingAboutYouError.
        AlreadyJudgedError: it was judged before; a second judgement gives no new 72 hours.
    """
    finding = _open(state, actor)
    if state.judged_at is not None:
        raise AlreadyJudgedError
    return [FindingJudged(finding=finding, at=now, report_by=now + REPORT_WITHIN)]


def decide_report(state: FindingState, actor: ActorId, reporting: Reporting, now: datetime) -> list[FindingEvent]:
    """Record that it was reported; who reports without having judged has judged it with that.

    Raises:
        NoSuchFindingError, FindingClosedError, FindingAboutYouError.
        ReportedLaterError: it is said to be reported in the future.
        DelayReasonMissingError: after 72 hours, without saying that the report gives the reasons (GDPR art. 33(1)).
    """
    finding = _open(state, actor)
    if reporting.at > now:
        raise ReportedLaterError
    judged = [] if state.judged_at is not None else decide_judge(state, actor, reporting.at)
    due = state.report_by if state.report_by is not None else reporting.at + REPORT_WITHIN
    late = reporting.at > due
    if late and not reporting.delay_explained:
        raise DelayReasonMissingError
    return [*judged, FindingReported(finding=finding, at=reporting.at, late=late)]


def decide_overdue(state: FindingState, missing: Missing, now: datetime) -> list[FindingEvent]:
    """Say once that a due date has passed, if it still counts and has."""
    awaited = state.awaited
    if state.finding is None or awaited is None or awaited[0] is not missing or missing in state.overdue:
        return []
    if now < awaited[1]:
        return []
    return [FindingOverdue(finding=state.finding, missing=missing.value, due=awaited[1])]


def _open(state: FindingState, actor: ActorId) -> FindingRef:
    """Return which finding it is, open, and about somebody else."""
    if state.finding is None:
        raise NoSuchFindingError
    if state.about == actor:
        raise FindingAboutYouError
    if state.status is not FindingStatus.OPEN:
        raise FindingClosedError
    return state.finding
