"""Invariant 12: break-glass always has a review deadline. A machine that opens, looks, reviews, forgets and comes too late.

Deadlines fire late, twice, out of their order, or long after a stop; the case is closed, reopened and erased meanwhile. What is
promised is what `handlers/kept.py` promises; who may review, and what may be seen, is read from the history by an oracle.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain import access, course, glass
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.kept import GlassStatus
from services.cases.domain.relations import relations
from services.cases.domain.state import CaseState, Stage
from services.cases.errors import CaseError, DeniedError, GlassOpenError, GlassUnneededError
from shared.calendar import add_days
from shared.contracts.codes import InformationCategory, Role, Service
from shared.contracts.safekeeping import (
    BreakGlassOpened,
    BreakGlassReviewed,
    BreakGlassReviewEscalated,
    BreakGlassReviewOverdue,
    CaseErased,
    ErasureReason,
    GlassEvent,
    GlassOutcome,
    GlassReason,
)
from shared.refs import GlassRef, UnitId
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import (
    BARNEVERN,
    CURIOUS,
    EMPLOYEES,
    GLASS_RULES,
    NURSE,
    NURSES_LEADER,
    ON_DUTY,
    RULES,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
)

LEADING_NURSE: Final = employee("leadingnurse", Role.HEALTH_NURSE, Service.HELSESTASJON, UnitId("unit:helsestasjon"))
BOTH: Final = LEADING_NURSE.model_copy(update={"roles": LEADING_NURSE.roles | {Role.LEADER}})
"""Opens as a nurse, and leads the unit: the review is another one's."""
OVERSEER: Final = employee("overseer", Role.PRIVACY_OFFICER, Service.LEDELSE, UnitId("unit:radhuset"))
OPENERS: Final = (NURSE, BOTH, BARNEVERN, CURIOUS, STYRER, TEACHER, OVERSEER, guardian(1))
REVIEWERS: Final = (NURSES_LEADER, BOTH, OVERSEER, ON_DUTY, STYRER, NURSE, BARNEVERN, guardian(1))
HEALTH: Final = frozenset({InformationCategory.HEALTH})
pick = st.integers(min_value=0, max_value=3)
REVIEW_WITHIN: Final = timedelta(days=GLASS_RULES.review_within_days + 1)
"""Days in Norway: at most an hour of summer time more than so many times 24."""


@dataclass(frozen=True, slots=True)
class Promise:
    """A durable deadline: one of the same kind and key replaces it (`shared.deadlines`)."""

    kind: str
    key: GlassRef
    due: datetime


class GlassMachine(RuleBasedStateMachine):
    """One case, everybody's emergencies, and the deadlines that they leave behind."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.cleared = False
        self.promised: dict[tuple[str, GlassRef], Promise] = {}
        self.opened_at: dict[GlassRef, datetime] = {}
        self.by: dict[GlassRef, Acting] = {}
        self.reviewed_by: dict[GlassRef, Acting] = {}

    def take(self, events: list[GlassEvent]) -> None:
        """Let it have happened, with what it promises."""
        self.town.take(events)
        for event in events:
            if isinstance(event, BreakGlassOpened):
                self.promised["review", event.glass] = Promise("review", event.glass, event.review_by)
            elif isinstance(event, BreakGlassReviewOverdue):
                self.promised["escalation", event.glass] = Promise("escalation", event.glass, event.escalates_at)

    @initialize(protected=st.sampled_from((False, False, True)), cleared=st.booleans())
    def begin(self, protected: bool, cleared: bool) -> None:
        self.town, self.cleared = Town(address_protected=protected).lift(), cleared
        self.an_emergency(NURSE, 2)

    def as_is(self, who: Acting) -> Acting:
        """Return somebody with the clearance, where this municipality gives it."""
        return who.model_copy(update={"cleared": self.cleared or who.cleared})

    def of(self, ref: GlassRef, kind: type[GlassEvent]) -> list[GlassEvent]:
        """Return what the history says of that kind of this access."""
        return [one for one in self.town.history if isinstance(one, kind) and one.glass == ref]

    def ref(self, which: int) -> GlassRef | None:
        """Return one of the accesses there are, the latest first."""
        known = list(self.opened_at)
        return known[-1 - which % len(known)] if known else None

    # --- attempts -----------------------------------------------------------------------------------------------------

    @rule(hours=st.integers(min_value=1, max_value=120))
    def time_passes(self, hours: int) -> None:
        self.town.later(hours=hours)

    @rule(days=st.sampled_from((8, 40, 400)))
    def nothing_runs_for_long(self, days: int) -> None:
        self.town.later(days=days)

    @rule(
        by=st.sampled_from(OPENERS),
        reason=st.sampled_from(GlassReason),
        categories=st.just(HEALTH) | st.frozensets(st.sampled_from(InformationCategory), min_size=1, max_size=4),
        hours=st.integers(min_value=1, max_value=24) | st.integers(min_value=-1, max_value=80),
    )
    def open(self, by: Acting, reason: GlassReason, categories: frozenset[InformationCategory], hours: int) -> None:
        """Only inside the code list, read a second time here; never without an end, and never without a review."""
        who, state, now = self.as_is(by), self.town.state, self.town.now
        ref = GlassRef(self.town.ids.ref("brk"))
        command = glass.BreakGlass(by=who, glass=ref, reason=reason, categories=categories, hours=hours)
        rows = [row for row in GLASS_RULES.openers if row.role is who.role]
        inside = any(reason in row.reasons and categories <= row.categories and 1 <= hours <= row.hours for row in rows)
        there = state.stage is not Stage.ERASED and (self.cleared or not state.hidden)
        try:
            happened = glass.decide_open(state, command, now, RULES, GLASS_RULES)
        except GlassOpenError:
            assert inside
            assert any(opener.actor == who.actor and self.lets_look(one) for one, opener in self.by.items())
            return
        except GlassUnneededError:
            assert inside
            assert who.actor == TEACHER.actor
            return
        except CaseError:
            assert not (inside and there)
            return
        assert inside
        assert there
        [event] = happened
        assert isinstance(event, BreakGlassOpened)
        assert now < event.until <= now + timedelta(hours=24)
        assert event.until < event.review_by <= now + REVIEW_WITHIN
        assert event.categories == categories | {InformationCategory.IDENTITY}
        self.opened_at[ref], self.by[ref] = now, who
        self.take([event])

    @rule(by=st.sampled_from((NURSE, BOTH, BARNEVERN)), hours=st.integers(min_value=1, max_value=24))
    def an_emergency(self, by: Acting, hours: int) -> None:
        """As it should be: what everything else then interferes with."""
        self.open(by, GlassReason.DANGER_TO_LIFE, HEALTH, hours)

    @rule(which=pick)
    def the_leader_reviews(self, which: int) -> None:
        self.review(NURSES_LEADER, which, GlassOutcome.NOT_JUSTIFIED)

    @rule(by=st.sampled_from(REVIEWERS), which=pick, outcome=st.sampled_from(GlassOutcome))
    def review(self, by: Acting, which: int, outcome: GlassOutcome) -> None:
        """By a leader of the opener's unit or whoever has the duty; once escalated by the overseer; by the opener never; once."""
        ref = self.ref(which)
        if ref is None:
            return
        who, opener = self.as_is(by), self.by[ref]
        command = glass.ReviewGlass(by=who, glass=ref, outcome=outcome, unit=opener.unit)
        leads = who.kind == "user" and Role.LEADER in who.roles and who.unit == opener.unit
        watches = who.watches and self.town.state.address_protected
        oversees = Role.PRIVACY_OFFICER in who.roles and bool(self.of(ref, BreakGlassReviewEscalated))
        near = who.cleared or not self.town.state.hidden
        may = near and (leads or watches or oversees) and who.actor != opener.actor and ref not in self.reviewed_by
        try:
            happened = glass.decide_review(self.town.state, command, self.town.now)
        except CaseError:
            assert not may
            return
        assert may
        self.reviewed_by[ref] = who
        self.take([*happened])  # type: ignore[list-item]

    @rule(which=st.lists(pick, max_size=4), twice=st.booleans())
    def deadlines_fire(self, which: list[int], twice: bool) -> None:
        """Those that are due, in any order; what fired and was not noted fires once more, and says nothing then."""
        for place in which:
            due = [one for one in self.promised.values() if one.due <= self.town.now]
            if due:
                self.fire(due[place % len(due)], twice=twice)

    @precondition(lambda self: self.promised)
    @rule()
    def every_deadline_that_is_due_has_fired(self) -> None:
        """However late: afterwards none waits unseen, for a leader or for the overseer (the service has caught up)."""
        while due := [one for one in self.promised.values() if one.due <= self.town.now]:
            self.fire(due[0], twice=False)
        now = self.town.now
        for ref, one in self.town.state.glass.items():
            late = now >= one.review_by
            later = now >= add_days(one.review_by, GLASS_RULES.escalate_after_days)
            if ref not in self.reviewed_by:
                expected = GlassStatus.ESCALATED if later else GlassStatus.OVERDUE if late else GlassStatus.AWAITED
                assert one.status is expected

    def fire(self, promise: Promise, *, twice: bool) -> None:
        del self.promised[promise.kind, promise.key]
        for _ in range(2 if twice else 1):
            state, now, ref = self.town.state, self.town.now, promise.key
            if promise.kind == "review":
                happened = glass.decide_overdue(state, ref, now, GLASS_RULES)
            else:
                happened = glass.decide_escalate(state, ref, now, GLASS_RULES)
            self.take([*happened])  # type: ignore[list-item]

    @rule(which=pick, early=st.booleans())
    def a_stray_deadline_fires(self, which: int, early: bool) -> None:
        """Before its moment, or one that was there already: nobody is late before the time is over."""
        ref = self.ref(which)
        if ref is None:
            return
        one = self.town.state.glass[ref]
        moment = min(self.town.now, one.review_by - timedelta(seconds=1)) if early else self.town.now
        overdue = glass.decide_overdue(self.town.state, ref, moment, GLASS_RULES)
        assert bool(overdue) == (one.status is GlassStatus.AWAITED and moment >= one.review_by)
        escalated = glass.decide_escalate(self.town.state, ref, moment, GLASS_RULES)
        assert not escalated or (one.status is GlassStatus.OVERDUE and moment >= one.review_by + timedelta(days=1))

    @precondition(lambda self: self.opened_at)
    @rule()
    def close_or_reopen(self) -> None:
        """What was opened is to be reviewed whatever becomes of the case."""
        state, now = self.town.state, self.town.now
        if state.stage is Stage.OPEN:
            closing = course.CloseCase(by=TEACHER, outcome="goal-reached")
            self.town.take(course.decide_close(state, closing, now))
        elif state.stage is Stage.CLOSED:
            self.town.take(course.decide_reopen(state, course.ReopenCase(by=TEACHER), now, RULES))

    @precondition(lambda self: self.town.state.stage is Stage.CLOSED and len(self.town.history) > 12)
    @rule()
    def erase(self) -> None:
        self.town.take([CaseErased(case=self.town.case, reason=ErasureReason.RETENTION)])

    # --- what always holds --------------------------------------------------------------------------------------------

    def lets_look(self, ref: GlassRef) -> bool:
        """Return whether the oracle lets its opener look by it now."""
        [opened] = self.of(ref, BreakGlassOpened)
        assert isinstance(opened, BreakGlassOpened)
        there = self.town.state.stage is not Stage.ERASED and (self.cleared or not self.town.state.hidden)
        return there and ref not in self.reviewed_by and self.opened_at[ref] <= self.town.now < opened.until

    @invariant()
    def every_access_has_an_end_and_is_reviewed_or_somebody_will_be_asked(self) -> None:
        """Invariant 12: an unreviewed one has a deadline ahead or behind that is promised, or lies with the overseer."""
        assert set(self.town.state.glass) == set(self.opened_at)
        for ref, one in self.town.state.glass.items():
            assert self.opened_at[ref] < one.until < one.review_by
            assert one.review_by <= self.opened_at[ref] + REVIEW_WITHIN
            said = [
                len(self.of(ref, kind))
                for kind in (BreakGlassReviewed, BreakGlassReviewOverdue, BreakGlassReviewEscalated)
            ]
            assert max(said) <= 1
            assert bool(said[0]) == (ref in self.reviewed_by) == (one.status is GlassStatus.REVIEWED)
            if ref in self.reviewed_by:
                continue
            match one.status:
                case GlassStatus.AWAITED:
                    assert self.promised["review", ref].due == one.review_by
                case GlassStatus.OVERDUE:
                    assert self.promised["escalation", ref].due > one.review_by
                case _:
                    assert said[2] == 1

    @invariant()
    def somebody_else_may_always_review_in_the_end(self) -> None:
        """Nobody's access is such that it can be reviewed by none: a leader's own waits for the overseer."""
        watch = ON_DUTY if self.town.state.address_protected else OVERSEER.model_copy(update={"cleared": True})
        for ref in self.town.state.glass.keys() - self.reviewed_by.keys():
            escalated = bool(self.of(ref, BreakGlassReviewEscalated))
            opener = self.by[ref]
            leader = employee(
                "another", Role.LEADER, opener.service or Service.LEDELSE, opener.unit or TEACHER.unit or UnitId("x")
            )
            for who in (leader.model_copy(update={"cleared": True}), *((watch,) if escalated or watch.watches else ())):
                assert glass.reviewer(self.town.state, who, ref, opener.unit)

    @invariant()
    def nobody_looks_by_an_access_that_is_over_or_that_is_somebody_elses(self) -> None:
        for who in (NURSE, BOTH, BARNEVERN, CURIOUS, *EMPLOYEES[3:5]):
            acting = self.as_is(who)
            mine = {ref for ref, opener in self.by.items() if opener.actor == who.actor and self.lets_look(ref)}
            assert (Relation.BROKE_GLASS in relations(self.town.state, acting, self.town.now)) == bool(mine)
            try:
                permit = access.permit(self.town.state, Action.READ_CHILD, acting, self.town.now)
            except DeniedError:
                assert not mine
                continue
            assert permit.glass is not None
            assert permit.glass.ref in mine
            assert permit.categories == permit.glass.categories

    def teardown(self) -> None:
        """Invariant 5: replay, through the events' JSON, gives the same state; every status moved by its table."""
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert_by_the_tables(self.town.history)


TestCase = pytest.mark.story(19)(GlassMachine.TestCase)
TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
