"""The child is heard before what is decided about it, or a reason that counts says why not (barnevernsloven § 1-4).

Which decisions that are, how long a conversation counts, and which reasons there are, is one dated table
(`deploy/codelists/hearing-the-child.yaml`). It is asked of *what was decided*, the events, so that no command comes past it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Literal

from pydantic import Field

from services.cases.domain import access
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.course import Decisions, ref_of
from services.cases.domain.state import CaseState
from services.cases.errors import ChildViewMissingError, NoLegalBasisError, NotHeardReasonError
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, HandoverSent, MeasurePlanned, ViewOfChildRecorded
from shared.contracts.reports import ConcernReportSent
from shared.contracts.team import ChildNotHeard, PlanStarted

NotHeardReason = Literal["too-young", "does-not-wish", "not-able", "danger"]


class HearingRow(Model):
    """One decision, from a day and until another."""

    decision: Decisions
    valid_from: date
    valid_to: date | None = None
    """The last day, or none."""
    only: Literal["always", "other-service", "leaves-unit"]
    counts: frozenset[Decisions] = Field(min_length=1)
    within_days: int | None = Field(default=None, ge=1)
    heard_from_age: int = Field(ge=0)
    below_age: int | None = Field(default=None, ge=1)
    """From this age on nobody is heard before it: they decide on it themselves. None: at every age."""
    exceptions: frozenset[NotHeardReason]
    source: str


class Hearing(Model):
    """The table."""

    rows: tuple[HearingRow, ...]

    def row(self, decision: Decisions, day: date) -> HearingRow:
        """Return what holds for `decision` on `day` in Norway.

        Raises:
            NoLegalBasisError: the code list has no such row on that day.
        """
        for row in self.rows:
            if row.decision == decision and row.valid_from <= day and (row.valid_to is None or day <= row.valid_to):
                return row
        raise NoLegalBasisError

    def asks_before_consent(self, age: int, day: date) -> bool:
        """Return whether a child of this age is heard before a consent; who is of age gives it, and says by that what they think.

        Raises:
            NoLegalBasisError: see `row`.
        """
        below = self.row("consent", day).below_age
        return below is None or age < below


class NoteNotHeard(Model):
    """Say why the child is not heard before a decision."""

    by: Acting
    before: Decisions
    reason: NotHeardReason
    age: int
    """In whole years, from the vault; it goes no further than this decision."""


def decide_not_heard(state: CaseState, command: NoteNotHeard, now: datetime, hearing: Hearing) -> list[CaseEvent]:
    """Note why the child is not heard; only a reason that the table has for that decision counts.

    Raises:
        DeniedError, CaseNotOpenError: see `access.require`.
        NotHeardReasonError: the reason does not count for this decision, or not for a child of this age.
    """
    access.require(state, Action.RECORD_CHILD_VIEW, command.by, now)
    return [not_heard(state, command.before, command.reason, command.age, now, hearing)]


def not_heard(
    state: CaseState, before: Decisions, reason: NotHeardReason, age: int, now: datetime, hearing: Hearing
) -> ChildNotHeard:
    """Return the note.

    Raises:
        NotHeardReasonError: see `decide_not_heard`.
    """
    row = hearing.row(before, oslo_day(now))
    if reason not in row.exceptions or (reason == "too-young" and age >= row.heard_from_age):
        allowed = sorted(row.exceptions - ({"too-young"} if age >= row.heard_from_age else set()))
        raise NotHeardReasonError(extensions={"before": before, "reasons": [*allowed]})
    return ChildNotHeard(case=ref_of(state), before=before, reason=reason, noted_at=now)


def require_heard(
    state: CaseState, decided: Sequence[CaseEvent], now: datetime, hearing: Hearing
) -> Sequence[CaseEvent]:
    """Return `decided` when the child was heard before each of it that asks for it (seed rules 73, 99, 189).

    A consent asks for it by itself (`consent.decide_request`), once for each.

    Raises:
        ChildViewMissingError: it was not; the error names the decision, and the reasons that would count instead.
    """
    noted = {event.before for event in decided if isinstance(event, ChildNotHeard | ViewOfChildRecorded)}
    for decision in _asking(state, decided, hearing, now):
        row = hearing.row(decision, oslo_day(now))
        if not (noted & row.counts or heard(state, row, now)):
            raise ChildViewMissingError(
                extensions={"before": decision, "counts": [*sorted(row.counts)], "reasons": [*sorted(row.exceptions)]}
            )
    return decided


def heard(state: CaseState, row: HearingRow, now: datetime) -> bool:
    """Return whether the child was heard, or a reason noted, recently enough for the row's decision."""
    since = None if row.within_days is None else now - timedelta(days=row.within_days)
    return any(
        one.before in row.counts and (since is None or one.at is None or one.at >= since) for one in state.around.heard
    )


def _asking(state: CaseState, decided: Sequence[CaseEvent], hearing: Hearing, now: datetime) -> Iterable[Decisions]:
    for event in decided:
        match event:
            case MeasurePlanned():
                holder = state.holder
                other = holder is None or holder.service is not event.owner
                if other or hearing.row("measure", oslo_day(now)).only == "always":
                    yield "measure"
            case HandoverSent():
                if event.consent is not None or hearing.row("handover", oslo_day(now)).only == "always":
                    yield "handover"
            case PlanStarted():
                yield "plan"
            case ConcernReportSent():
                yield "concern-report"
            case _:
                continue
