"""The finding's one state machine: whatever is asked in whatever order, by whom and when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.audit.domain.case_of_finding import (
    FINDING,
    FindingState,
    FindingStatus,
    Missing,
    Reporting,
    decide_explain,
    decide_extend,
    decide_judge,
    decide_overdue,
    decide_raise,
    decide_report,
    finding_ref,
)
from services.audit.domain.entry import LogName
from services.audit.errors import (
    AlreadyJudgedError,
    AuditError,
    DelayReasonMissingError,
    FindingAboutYouError,
    FindingClosedError,
    NoSuchFindingError,
    ReportedLaterError,
)
from shared.contracts.audit import FindingEvent, FindingOutcome, FindingRaised, FindingReported, Pattern
from shared.contracts.base import EventData
from shared.refs import ActorId

ABOUT = ActorId("act_bcdfghjklmnpqrstvwxz")
OFFICER = ActorId("act_zxwvtsrqpnmlkjhgfdcb")
WHO = st.sampled_from([ABOUT, OFFICER])
BEGIN = datetime(2026, 9, 7, 10, tzinfo=UTC)


class FindingMachine(RuleBasedStateMachine):
    """Asks for anything; remembers by itself what must have come of it."""

    def __init__(self) -> None:
        super().__init__()
        self.state = FindingState()
        self.history: list[EventData] = []
        self.now = BEGIN
        self.closed: FindingStatus | None = None
        self.judged: datetime | None = None
        self.overdue: list[str] = []

    def did(self, events: list[FindingEvent]) -> list[FindingEvent]:
        self.history += events
        self.state = FINDING.fold(self.state, events)
        return events

    def refused(self, who: ActorId) -> type[AuditError] | None:
        """The refusal that comes before any other."""
        if not self.history:
            return NoSuchFindingError
        if who == ABOUT:
            return FindingAboutYouError
        return FindingClosedError if self.closed is not None else None

    @initialize(raised=st.booleans())
    def begin(self, raised: bool) -> None:
        if raised:
            self.raise_it()

    @rule()
    def raise_it(self) -> None:
        event = FindingRaised(
            finding=finding_ref(LogName("4005"), Pattern.MANY_CHILDREN, 3),
            log="lagspill.no/logs/4005",
            pattern=Pattern.MANY_CHILDREN,
            about=ABOUT,
            first_position=3,
            last_position=9,
            entries=4,
            explain_by=BEGIN + timedelta(days=14),
        )
        first = not self.history
        assert bool(self.did(decide_raise(self.state, event))) is first

    @rule(hours=st.integers(1, 200))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(entries=st.integers(1, 12))
    def it_goes_on(self, entries: int) -> None:
        grown = bool(self.history) and self.closed is None and entries > self.state.entries
        assert bool(self.did(decide_extend(self.state, entries, 20))) is grown

    def asked(
        self, refused: type[AuditError] | None, decide: Callable[[], list[FindingEvent]]
    ) -> list[FindingEvent] | None:
        """What comes of it; None when it is refused, which it must be with exactly that error."""
        if refused is None:
            return self.did(decide())
        with pytest.raises(refused) as error:
            decide()
        assert error.type is refused
        return None

    @rule(who=WHO, outcome=st.sampled_from(FindingOutcome))
    def explain(self, who: ActorId, outcome: FindingOutcome) -> None:
        if self.asked(self.refused(who), lambda: decide_explain(self.state, who, outcome, self.now)):
            self.closed = FindingStatus.EXPLAINED
            assert self.state.outcome is outcome

    @rule(who=WHO)
    def judge(self, who: ActorId) -> None:
        expected = self.refused(who) or (AlreadyJudgedError if self.judged else None)
        if self.asked(expected, lambda: decide_judge(self.state, who, self.now)):
            self.judged = self.now
            assert self.state.report_by == self.now + timedelta(hours=72)

    @rule(who=WHO, ago=st.integers(-2, 100), delay_explained=st.booleans())
    def report(self, who: ActorId, ago: int, delay_explained: bool) -> None:
        at = self.now - timedelta(hours=ago)
        late = self.judged is not None and at > self.judged + timedelta(hours=72)
        expected = self.refused(who)
        if expected is None and ago < 0:
            expected = ReportedLaterError
        if expected is None and late and not delay_explained:
            expected = DelayReasonMissingError
        reporting = Reporting(at, delay_explained)
        events = self.asked(expected, lambda: decide_report(self.state, who, reporting, self.now))
        if events:
            self.closed = FindingStatus.REPORTED
            assert isinstance(events[-1], FindingReported)
            assert events[-1].late is late
            assert len(events) == (1 if self.judged else 2)

    @rule(missing=st.sampled_from(Missing))
    def due_date_passes(self, missing: Missing) -> None:
        awaited = Missing.REPORTING if self.judged else Missing.EXPLANATION
        due = self.judged + timedelta(hours=72) if self.judged else BEGIN + timedelta(days=14)
        says = (
            bool(self.history)
            and self.closed is None
            and missing is awaited
            and self.now >= due
            and missing.value not in self.overdue
        )
        events = self.did(decide_overdue(self.state, missing, self.now))
        assert bool(events) is says
        self.overdue += [missing.value for _ in events]

    @invariant()
    def it_stands_where_it_should(self) -> None:
        assert self.state.status is (self.closed or FindingStatus.OPEN)
        assert (self.state.closed_at is None) is (self.closed is None)
        assert len(self.overdue) == len(set(self.overdue))

    @invariant()
    def the_state_is_the_fold_of_its_events(self) -> None:
        assert FINDING.replay(self.history) == self.state


FindingMachine.TestCase.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
TestFinding = FindingMachine.TestCase


def test_a_finding_has_the_same_name_whenever_the_log_is_examined_and_another_for_another_entry() -> None:
    names = {
        finding_ref(LogName(log), pattern, position)
        for log in ("4005", "4003")
        for pattern in Pattern
        for position in (0, 1, 2)
    }
    assert len(names) == 2 * len(Pattern) * 3
    assert finding_ref(LogName("4005"), Pattern.LEAVING, 7) == finding_ref(LogName("4005"), Pattern.LEAVING, 7)


def test_in_the_very_hour_in_which_the_72_end_a_report_is_in_time() -> None:
    raised = FindingState(finding=finding_ref(LogName("4005"), Pattern.LEAVING, 1), about=ABOUT)
    judged = FINDING.fold(raised, decide_judge(raised, OFFICER, BEGIN))
    end = BEGIN + timedelta(hours=72)
    (event,) = decide_report(judged, OFFICER, Reporting(end, delay_explained=False), end)
    assert isinstance(event, FindingReported)
    assert not event.late
    with pytest.raises(DelayReasonMissingError):
        decide_report(judged, OFFICER, Reporting(end + timedelta(seconds=1), delay_explained=False), end + timedelta(1))
