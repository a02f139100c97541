"""Who the child is, who has the say over it, what is kept of it and until when, under any interleaving of anybody's attempts.

Each attempt says, by an oracle that reads the history and not the state, whether it may succeed. A refusal changes nothing, and the
same decision on the same state is the same twice.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.cases.domain import (
    care,
    concern,
    course,
    ending,
    erasure,
    guardianship,
    handover,
    measures,
    moved,
    own_family,
    protection,
    recording,
    reports,
)
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.retention import HEALTH_SERVICES
from services.cases.domain.state import CaseState, ConsentStatus, Stage
from services.cases.domain.team_profile import USUAL
from services.cases.errors import CaseError, NotProtectedError, NotStaffError, ReportOnItsWayError
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts import cases as events
from shared.contracts import safekeeping as kept
from shared.contracts.base import EventData
from shared.contracts.cases import FamilyMark, ForWhom, HandoverRoute, LocalOutcome, Package
from shared.contracts.codes import Area, InformationCategory, Purpose, Role, Service
from shared.contracts.endings import (
    AdulthoodApproaching,
    AdulthoodOverdue,
    AdulthoodReached,
    HoldReason,
    LegalHoldReleased,
    LegalHoldSet,
)
from shared.contracts.reports import ConcernReportReceived, ConcernReportSent
from shared.contracts.safekeeping import ErasureReason, GuardianGround, MediaType, ProtectionKind
from shared.errors import StaleVersionError
from shared.refs import (
    CaseRef,
    ConcernRef,
    ConcernReportRef,
    DocumentRef,
    GoalRef,
    HandoverRef,
    MeasureRef,
    RecordRef,
)
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import (
    CHILD,
    COLLEAGUE,
    EMPLOYEES,
    GROUNDS,
    HEARING,
    NOTIFY,
    NURSE,
    ON_DUTY,
    PPT,
    RULES,
    STRANGER,
    STYRER,
    TEACHER,
    Town,
    guardian,
    party,
    scope,
)

PEOPLE: Final = (*EMPLOYEES, ON_DUTY, NOTIFY, guardian(1), guardian(2), CHILD, STRANGER)
anybody = st.one_of(st.none(), st.none(), st.sampled_from(PEOPLE))
"""Who tries; none is whoever has, or had, the baton."""
pick = st.integers(min_value=0, max_value=3)
ordinals = st.frozensets(st.integers(min_value=1, max_value=3), max_size=3)
dates = st.dates(date(2026, 1, 1), date(2027, 12, 31))
categories = st.sampled_from(InformationCategory)
REFERENCE: Final = re.compile(r"\b(?!act)[a-z]{3}_[0-9A-Za-z]{8,}")
MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT[^\"]+")
NEVER_KEPT: Final = {InformationCategory.IDENTITY, InformationCategory.CONTACT}
CONSENTED: Final = {InformationCategory.DEVELOPMENT, InformationCategory.LANGUAGE}


class KeepingMachine(RuleBasedStateMachine):
    """One case, everybody's attempts at what the vault keeps of it, and the whole history."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.protected = False
        """Whether it has a log of its own, and so names no place, ever."""
        self.long_enough = 0
        """How much is to happen before it may be erased: that is the end of all other attempts."""

    # --- attempts -----------------------------------------------------------------------------------------------------

    def attempt(self, decide: Callable[[CaseState], Sequence[EventData]], *, may: bool = True) -> Sequence[EventData]:
        """Try; what succeeds must have been allowed by the oracle, and is decided alike twice."""
        before = self.town.state.model_dump_json()
        try:
            happened = decide(self.town.state)
        except CaseError:
            happened = []
        else:
            assert may, "refused by the oracle, and not by the rules"
            assert list(decide(self.town.state)) == list(happened)
        assert self.town.state.model_dump_json() == before, "a decision only decides"
        return self.town.take(happened)

    @initialize(
        protected=st.booleans(),
        stage=st.sampled_from(("concern", "open", "open", "consented", "consented")),
        long_enough=st.integers(min_value=1, max_value=25),
    )
    def begin(self, protected: bool, stage: str, long_enough: int) -> None:
        self.long_enough = long_enough
        self.protected = protected
        self.town = Town(address_protected=protected)
        if stage != "concern":
            self.town.lift()
        if stage == "consented":
            self.town.consented(scope(purposes=(Purpose.FOLLOW_UP, Purpose.TRANSITION)))
            # Something of everything, so that other attempts have what to interfere with.
            self.plan(Service.HELSESTASJON)
            for category in (InformationCategory.FAMILY, InformationCategory.LANGUAGE):
                self.write(None, category)

    def baton(self) -> Acting:
        """Return who has the baton, or had it last."""
        for event in reversed(self.town.history):
            match event:
                case events.ConcernRegistered():
                    actor = event.registered_by.actor
                case events.CaseReopened():
                    actor = event.holder.actor
                case events.HandoverAccepted():
                    actor = event.holder.actor
                case _:
                    continue
            return next(one for one in EMPLOYEES if one.actor == actor)
        raise AssertionError("every case begins with somebody")

    def who(self, by: Acting | None) -> Acting:
        """Return who tries."""
        return by or self.baton()

    def stage(self) -> str:
        """Return where the course stands, by the history."""
        stage = "concern"
        for event in self.town.history:
            match event:
                case events.CaseOpened() | events.CaseReopened():
                    stage = "open"
                case events.ConcernResolvedLocally() if stage == "concern":
                    stage = "resolved"
                case events.CaseClosed():
                    stage = "closed"
                case kept.CaseErased():
                    stage = "erased"
                case _:
                    pass
        return stage

    def holds(self, by: Acting, *stages: str) -> bool:
        """Return whether the oracle lets `by` do what whoever has the baton does at one of these stages."""
        return by == self.baton() and self.stage() in stages

    def held(self) -> str | None:
        """Return why nothing may be erased, by the history."""
        reason = None
        for event in self.town.history:
            if isinstance(event, LegalHoldSet):
                reason = event.reason
            elif isinstance(event, LegalHoldReleased):
                reason = None
        return reason

    def is_hidden(self) -> bool:
        """Return whether the child's address is protected now, by the history."""
        hidden = self.protected
        for event in self.town.history:
            if isinstance(event, kept.AddressProtectionSet):
                hidden = True
            elif isinstance(event, kept.AddressProtectionLifted):
                hidden = False
        return hidden

    def unsent(self) -> bool:
        """Return whether a report to child welfare has not gone yet, by the history."""
        return any(isinstance(one, ConcernReportSent) for one in self.town.history) and not any(
            isinstance(one, ConcernReportReceived) for one in self.town.history
        )

    @rule(hours=st.integers(min_value=1, max_value=24 * 40))
    def time_passes(self, hours: int) -> None:
        self.town.later(hours=hours)

    # --- who has the say ----------------------------------------------------------------------------------------------

    @rule(by=anybody, in_force=st.booleans())
    def care_order(self, by: Acting | None, in_force: bool) -> None:
        decision = DocumentRef(self.town.ids.ref("doc"))
        command = care.RecordCareOrder(by=self.who(by), in_force=in_force, decision=decision)
        may = self.holds(self.who(by), "open")
        happened = self.attempt(lambda state: care.decide_care_order(state, command, self.town.now), may=may)
        assert self.town.state.care_order is in_force if happened else True

    @rule(
        by=anybody,
        ordinal=st.integers(min_value=1, max_value=9),
        change=st.sampled_from(("begins", "ends")),
        ground=st.sampled_from(GuardianGround),
        effective_on=dates,
        since=st.none() | dates,
        responsible=ordinals,
    )
    def parental_responsibility(
        self,
        by: Acting | None,
        ordinal: int,
        change: kept.GuardianshipChange,
        ground: GuardianGround,
        effective_on: date,
        since: date | None,
        responsible: frozenset[int],
    ) -> None:
        command = guardianship.RecordGuardianship(
            by=self.who(by),
            ordinal=ordinal,
            change=change,
            ground=ground,
            effective_on=effective_on,
            since=since,
            responsible=responsible,
        )
        ends_first = change == "ends" and since is not None and effective_on < since
        begins_by_death = change == "begins" and ground is GuardianGround.DEATH
        may = self.holds(self.who(by), "concern", "open", "closed")
        may = may and ordinal <= 8 and not ends_first and not begins_by_death
        grown = self.town.state.of_age
        happened = self.attempt(lambda state: guardianship.decide_guardianship(state, command, self.town.now), may=may)
        if happened and not grown:
            assert self.town.state.responsible == responsible
            assert self.town.state.guardians == len(responsible)

    @rule(responsible=ordinals)
    def a_day_comes(self, responsible: frozenset[int]) -> None:
        """What the dates in the vault say of today is said once, and of a grown-up not at all."""
        over = self.town.state.of_age or self.stage() in {"resolved", "erased"}
        happened = self.attempt(lambda state: guardianship.decide_responsible(state, responsible))
        assert not (over and happened)
        assert over or self.town.state.responsible == responsible
        assert not guardianship.decide_responsible(self.town.state, responsible)

    @rule(
        by=anybody,
        parts=st.frozensets(st.sampled_from(("name", "national-number", "born"))),
        responsible=ordinals,
    )
    def correct(
        self, by: Acting | None, parts: frozenset[guardianship.PART_OF_IDENTITY], responsible: frozenset[int]
    ) -> None:
        """A birth date that was wrong gives back what was lost by it, and nothing else does (seed rule 4)."""
        command = guardianship.CorrectIdentity(by=self.who(by), parts=parts, responsible=responsible)
        before = self.town.state
        may = self.holds(self.who(by), "concern", "open", "closed")
        happened = self.attempt(
            lambda state: guardianship.decide_correct_identity(state, command, self.town.now), may=may
        )
        assert bool(happened) <= bool(parts)
        again = before.of_age and bool(happened) and "born" in parts
        assert self.town.state.of_age == (before.of_age and not again)
        assert self.town.state.responsible == (responsible if again else before.responsible)

    @rule(count=st.integers(min_value=0, max_value=2))
    def mark_the_family_anew(self, count: int) -> None:
        family = [
            FamilyMark(person="guardian", ordinal=number, marks=(f"{number:064x}",)) for number in range(1, count + 1)
        ]
        before = self.town.state
        happened = self.attempt(lambda state: own_family.decide_mark_anew(state, family))
        assert bool(happened) == (bool(family) and self.stage() != "erased")
        assert self.town.state == before, "who they are is nothing that a rule asks the state"
        for event in (*self.town.history[:1], *happened):
            assert isinstance(event, events.ConcernRegistered | kept.FamilyMarked)
            [said] = own_family.with_family([event], family)
            assert said == event.model_copy(update={"family": tuple(family)})

    # --- what is written down -----------------------------------------------------------------------------------------

    def writes(self, by: Acting, category: InformationCategory) -> bool:
        """Return whether the oracle lets `by` record something of this category: the task is the holder's unit's."""
        return category not in NEVER_KEPT and self.holds(by, "open")

    @rule(by=anybody, category=categories)
    def write(self, by: Acting | None, category: InformationCategory) -> None:
        record = RecordRef(self.town.ids.ref("rec"))
        command = recording.WriteRecord(by=self.who(by), record=record, category=category)
        carries_out = {one.owner for one in self.town.state.measures.values()}
        of_team = self.who(by).service in carries_out and self.who(by).role not in {None, Role.LEADER}
        may = self.writes(self.who(by), category) or (of_team and category in CONSENTED)
        self.attempt(lambda state: recording.decide_record(state, command, self.town.now), may=may)

    @rule(by=anybody | st.sampled_from((NURSE, NURSE, PPT)), which=pick)
    def correct_a_record(self, by: Acting | None, which: int) -> None:
        known = [*self.town.state.records, RecordRef("rec_" + "b" * 26)]
        ref = known[-1 - which % len(known)]
        command = recording.CorrectRecord(by=self.who(by), record=ref)
        before = self.town.state.records.get(ref)
        happened = self.attempt(
            lambda state: recording.decide_correction(state, command, self.town.now), may=before is not None
        )
        if happened and before is not None:
            present = self.town.state.records[ref]
            assert (present.version, present.category) == (before.version + 1, before.category)
            assert self.who(by) == self.baton() or before.category in CONSENTED

    @precondition(lambda self: self.town.state.team)
    @rule()
    def the_team_corrects_what_it_may_read_and_nothing_else(self) -> None:
        for which in range(len(self.town.state.records) + 1):
            self.correct_a_record(NURSE, which)

    @rule(by=anybody, category=categories, size=st.integers(min_value=1, max_value=10**7))
    def add_a_document(self, by: Acting | None, category: InformationCategory, size: int) -> None:
        command = recording.AddDocument(
            by=self.who(by),
            document=DocumentRef(self.town.ids.ref("doc")),
            category=category,
            media=MediaType.PDF,
            size=size,
        )
        carries_out = {one.owner for one in self.town.state.measures.values()}
        may = self.writes(self.who(by), category) or (self.who(by).service in carries_out and category in CONSENTED)
        self.attempt(lambda state: recording.decide_document(state, command, self.town.now), may=may)

    # --- what else there is in a case ---------------------------------------------------------------------------------

    @rule(owner=st.sampled_from((Service.PPT, Service.HELSESTASJON, Service.BARNEHAGE)))
    def plan(self, owner: Service) -> None:
        what = measures.NewMeasure(
            measure=MeasureRef(self.town.ids.ref("mea")),
            goal=GoalRef(self.town.ids.ref("goa")),
            code="sprakgruppe",
            owner=owner,
            indicator="seen",
            evaluate_by=self.town.now + timedelta(days=30),
        )
        command = measures.PlanMeasure(by=self.baton(), what=what)
        self.attempt(lambda state: measures.decide_plan(state, command, self.town.now, RULES))

    @rule(
        receiver=st.sampled_from((COLLEAGUE, TEACHER, PPT)),
        of=st.frozensets(st.sampled_from(sorted(CONSENTED)), min_size=1),
        answered=st.sampled_from(("yes", "yes", "no", "not")),
    )
    def offer(self, receiver: Acting, of: frozenset[InformationCategory], answered: str) -> None:
        """The baton is offered, in the unit or out of it, and perhaps answered."""
        same = receiver.unit == self.baton().unit
        command = handover.SendHandover(
            by=self.baton(),
            handover=HandoverRef(self.town.ids.ref("hdo")),
            kind=HandoverRoute.BATON if same else HandoverRoute.UNIT,
            receiver=party(receiver),
            package=Package() if same else Package(categories=of),
        )
        self.attempt(lambda state: handover.decide_send(state, command, self.town.now, RULES))
        waits = self.town.state.open_handover
        if waits is not None and answered != "not":
            by = next(one for one in EMPLOYEES if one.actor == waits.receiver.actor)
            answer = handover.AnswerHandover(
                by=by, handover=waits.ref, reject="capacity" if answered == "no" else None, sent_to=by.unit
            )
            self.attempt(lambda state: handover.decide_answer(state, answer, self.town.now))

    @precondition(lambda self: self.stage() != "erased")
    @rule(received=st.booleans())
    def report(self, received: bool) -> None:
        """A report to child welfare is sent, and perhaps received. Of an erased case the vault has no child to report."""
        command = reports.ReportConcern(
            by=self.baton(),
            report=ConcernReportRef(self.town.ids.ref("rpt")),
            ground="trafficking",
            guardians_informed=True,
            not_heard="danger",
            age=5,
            digital=True,
        )
        if not any(isinstance(one, ConcernReportSent) for one in self.town.history):
            self.attempt(
                lambda state: reports.decide_report(
                    state, command, self.town.now, rules=RULES, hearing=HEARING, grounds=GROUNDS, rule=USUAL.reports
                )
            )
        for ref in list(self.town.state.around.reports) if received else ():
            self.attempt(partial(reports.decide_received, report=ref, now=self.town.now))

    @rule(solved=st.booleans())
    def act_on_the_concern(self, solved: bool) -> None:
        outcome = LocalOutcome.GUIDANCE_GIVEN if solved else None
        command = concern.ResolveConcern(by=self.baton(), outcome=outcome)
        self.attempt(lambda state: concern.decide_resolve(state, command, self.town.now, RULES))

    @rule(stop=st.booleans())
    def close(self, stop: bool) -> None:
        if stop:
            case = self.town.case
            self.town.take(
                [
                    events.MeasureStopped(case=case, measure=one.ref, reason="withdrawn")
                    for one in self.town.state.measures.values()
                    if one.runs
                ]
            )
        command = course.CloseCase(by=self.baton(), outcome="goal-reached")
        self.attempt(lambda state: course.decide_close(state, command, self.town.now))

    @rule(by=st.sampled_from((None, STYRER)))
    def reopen(self, by: Acting | None) -> None:
        command = course.ReopenCase(by=self.who(by))
        self.attempt(lambda state: course.decide_reopen(state, command, self.town.now, RULES))

    # --- protection ---------------------------------------------------------------------------------------------------

    @rule(by=anybody, kind=st.sampled_from(ProtectionKind), valid_to=st.none() | dates)
    def protect(self, by: Acting | None, kind: ProtectionKind, valid_to: date | None) -> None:
        """A case with a log of its own is protected anew there; an ordinary one goes on elsewhere (`goes_on`)."""
        wanted = protection.Protection(by=self.who(by), kind=kind, valid_to=valid_to)
        may = self.holds(self.who(by), "concern", "open")
        if not self.protected:
            self.goes_on(wanted, may=may)
            return
        happened = self.attempt(lambda state: protection.decide_protect(state, wanted, self.town.now), may=may)
        if happened:
            known = self.town.state.protection
            assert known is not None
            assert (known.kind, known.valid_to) == (kind, valid_to)

    def goes_on(self, wanted: protection.Protection, *, may: bool) -> None:
        """Play how it would go on under another reference, and what would be left under this one."""
        state, now = self.town.state, self.town.now
        old = [] if state.concern is None else [state.concern.ref, *state.further]
        names = protection.Continuation(
            case=CaseRef(self.town.ids.ref("cas")),
            concerns={one: ConcernRef(self.town.ids.ref("con")) for one in old},
            records={one: RecordRef(self.town.ids.ref("rec")) for one in state.records},
            documents={one: DocumentRef(self.town.ids.ref("doc")) for one in state.documents},
        )
        try:
            happened = protection.decide_continue(state, wanted, names, now, RULES)
        except ReportOnItsWayError:
            assert self.unsent(), "nothing else holds it back from whoever may"
            return
        except CaseError:
            assert not may
            return
        assert may
        assert not self.unsent(), "a report would never reach child welfare (seed rule 93)"
        there = fold(CaseState(), happened)
        self.leads_nowhere(happened)
        assert there.hidden
        assert (there.stage, there.responsible) == (state.stage, state.responsible)
        assert there.holder is not None
        assert state.holder is not None
        assert there.holder.actor == state.holder.actor
        assert sorted(one.category for one in there.records.values()) == sorted(
            one.category for one in state.records.values()
        )
        assert len(there.documents) == len(state.documents)
        assert not any((there.consents, there.measures, there.handovers, there.forms, there.team))
        self.closed_quietly()

    def leads_nowhere(self, happened: Sequence[EventData]) -> None:
        """Assert that nothing there leads back: no reference, no place, no size, no moment of before."""
        here = "".join(event.model_dump_json() for event in self.town.history)
        there = "".join(event.model_dump_json() for event in happened)
        assert not set(REFERENCE.findall(here)) & set(REFERENCE.findall(there))
        assert "unit:" not in there
        assert "310001015" not in there
        assert all(datetime.fromisoformat(moment) > self.town.now for moment in MOMENT.findall(there))
        sizes = [event.size for event in happened if isinstance(event, kept.DocumentAdded)]
        assert all(size & (size - 1) == 0 for size in sizes)

    def closed_quietly(self) -> None:
        """Assert that what is left ends, wholly, once, and as any case that moved."""
        state = self.town.state
        happened = protection.decide_close_quietly(state, self.town.now, RULES)
        left = fold(state, happened)
        assert bool(happened) == (state.stage in {Stage.CONCERN, Stage.OPEN})
        if happened:
            assert (left.stage, left.outcome, left.holder) == (Stage.CLOSED, course.MOVED, None)
        assert left.open_handover is None
        assert not any(one.runs for one in left.measures.values())
        if happened:
            assert not any(
                one.status in {ConsentStatus.ACTIVE, ConsentStatus.REQUESTED} for one in left.consents.values()
            )
        assert not left.waiting_concerns
        assert not any("rotect" in type(event).__name__ for event in happened)
        assert protection.decide_close_quietly(left, self.town.now, RULES) == []

    @rule()
    def it_would_be_closed_quietly(self) -> None:
        self.closed_quietly()

    @rule(by=anybody)
    def lift(self, by: Acting | None) -> None:
        hidden, may = self.is_hidden(), self.holds(self.who(by), "concern", "open")
        happened = self.attempt(
            lambda state: protection.decide_lift(state, self.who(by), self.town.now), may=may and hidden
        )
        assert bool(happened) == (may and hidden)
        if may and not hidden:
            with pytest.raises(NotProtectedError):
                protection.decide_lift(self.town.state, self.who(by), self.town.now)

    @rule(kind=st.sampled_from(ProtectionKind), valid_to=st.none() | dates, lifted=st.booleans())
    def another_case_of_the_child_says(self, kind: ProtectionKind, valid_to: date | None, lifted: bool) -> None:
        """It follows in every case of the child that has a log of its own, closed ones too, and is said once."""
        register = protection.Register(kind=kind, valid_to=valid_to, lifted=lifted)
        happened = self.attempt(lambda state: protection.decide_with_child(state, register))
        follows = self.protected and self.stage() != "erased"
        assert follows or not happened
        if follows:
            assert self.town.state.hidden is not lifted
            assert lifted or protection.register_of(self.town.state) == register
        assert protection.decide_with_child(self.town.state, register) == []
        assert protection.goes_on(self.town.state, register) == (
            not lifted and not self.protected and self.stage() in {"concern", "open"}
        )

    @rule(day=dates)
    def the_registers_last_day_is_over(self, day: date) -> None:
        """Fail safe: it holds until somebody has found out."""
        before = self.town.state
        happened = self.attempt(lambda state: protection.decide_due(state, self.town.now, day))
        last: date | None = None
        for event in self.town.history:
            if isinstance(event, kept.AddressProtectionSet):
                last = event.valid_to
            elif isinstance(event, kept.AddressProtectionLifted):
                last = None
        assert bool(happened) == (last is not None and last < day and self.stage() != "erased")
        assert self.town.state.hidden is before.hidden is self.is_hidden()

    # --- 18 years, and what is kept -----------------------------------------------------------------------------------

    @rule()
    def soon_of_age(self) -> None:
        happened = self.attempt(ending.decide_adulthood_approaching)
        open_ = self.stage() in {"concern", "open"}
        assert not happened or open_
        assert ending.decide_adulthood_approaching(self.town.state) == []

    @rule()
    def of_age(self) -> None:
        """Once; from then on the guardians have no part, and an open case has a day to end by."""
        before = self.town.state
        happened = self.attempt(lambda state: ending.decide_adulthood(state, self.town.now, RULES))
        assert bool(happened) == (not before.of_age and self.stage() != "erased")
        if happened:
            assert (self.town.state.of_age, self.town.state.responsible) == (True, frozenset())
            ends = self.town.state.end_by
            assert (ends is not None) == (self.stage() in {"concern", "open"})
            assert ends is None or ends == add_days(self.town.now, RULES.end_within_days_of_age)
        assert ending.decide_adulthood(self.town.state, self.town.now, RULES) == []

    @precondition(lambda self: self.town.state.end_by is not None)
    @rule()
    def a_grown_ups_case_is_still_open(self) -> None:
        happened = self.attempt(lambda state: ending.decide_adulthood_overdue(state, self.town.now))
        ends = self.town.state.end_by
        late = ends is not None and ends <= self.town.now and self.stage() in {"concern", "open"}
        assert bool(happened) == late

    @rule(by=anybody | st.sampled_from((STYRER, ON_DUTY)), reason=st.none() | st.sampled_from(HoldReason))
    def hold(self, by: Acting | None, reason: HoldReason | None) -> None:
        who, held = self.who(by), self.held()
        leads = who == STYRER and self.baton().unit == STYRER.unit
        may = (who == ON_DUTY if self.protected else leads) and self.stage() != "erased"
        happened = self.attempt(
            lambda state: ending.decide_hold(state, who, reason, self.town.now),
            may=may and not (reason is None and held is None),
        )
        assert self.held() == self.town.state.hold == (reason if happened else held)

    @precondition(lambda self: self.stage() in {"resolved", "closed"})
    @rule(reason=st.sampled_from(HoldReason))
    def what_is_held_outlives_its_time(self, reason: HoldReason) -> None:
        self.hold(ON_DUTY if self.protected else STYRER, reason)
        if self.held() is not None:
            assert ending.decide_retention_over(self.town.state) == []
            self.hold(ON_DUTY if self.protected else STYRER, None)

    @precondition(lambda self: len(self.town.history) > self.long_enough)
    @rule()
    def its_time_is_over(self) -> None:
        may = self.stage() in {"resolved", "closed"} and self.held() is None and not self.unsent()
        happened = ending.decide_retention_over(self.town.state)
        assert bool(happened) == may, "by time nothing is refused: it is done, or left"
        self.town.take(happened)

    @precondition(lambda self: len(self.town.history) > self.long_enough)
    @rule(by=st.sampled_from((*PEOPLE, STYRER, STYRER, STYRER)))
    def erase_on_request(self, by: Acting) -> None:
        """GDPR art. 17: of what has ended, and nothing that a law demands to keep, that is held, or that is on its way."""
        may = by == STYRER and self.baton().unit == STYRER.unit and not self.protected
        may = may and self.stage() in {"resolved", "closed"} and self.held() is None
        may = may and not self.unsent() and not (self.stage() == "closed" and self.of_a_health_service())
        happened = self.attempt(lambda state: erasure.decide_erase_on_request(state, by, self.town.now, RULES), may=may)
        assert bool(happened) == may or self.team_of_health()

    def team_of_health(self) -> bool:
        """Return whether a health service is in the team, whatever it has done there."""
        return any(service in HEALTH_SERVICES for service in self.town.state.team)

    def of_a_health_service(self) -> bool:
        """Return whether a health service carried something out here, or wrote it, by the history."""
        return any(
            (isinstance(event, events.MeasurePlanned) and event.owner in HEALTH_SERVICES)
            or (
                isinstance(event, kept.RecordWritten | kept.DocumentAdded)
                and event.by is not None
                and event.by.service in HEALTH_SERVICES
            )
            for event in self.town.history
        )

    @rule(reason=st.sampled_from(ErasureReason))
    def what_may_be_erased_is_erased_with_nothing_else(self, reason: ErasureReason) -> None:
        """Not kept, only looked at: erasing is the end of all other attempts."""
        may = self.stage() in {"resolved", "closed"} and self.held() is None
        try:
            [erased] = ending.decide_erase(self.town.state, reason)
        except CaseError:
            assert not may
            return
        assert may
        left = fold(self.town.state, [erased])
        assert left.stage is Stage.ERASED
        for again in ErasureReason:
            with pytest.raises(CaseError):
                ending.decide_erase(left, again)

    # --- moving to another municipality -------------------------------------------------------------------------------

    @rule(of=st.frozensets(categories), left_behind=st.booleans())
    def it_goes_on_in_another_municipality(self, of: frozenset[InformationCategory], left_behind: bool) -> None:
        """Nothing goes with it but what was handed over, and that whole (seed rule 18)."""
        old = self.town.state
        for one in list(old.handovers.values())[-1:]:
            sent = one.model_copy(update={"package": Package(categories=of)})
            # Whom the baton reached by a handover hands on of what came with it, and of nothing else (seed rule 18).
            came = of if old.holding is None or old.holding.categories is None else of & old.holding.categories
            going = [ref for ref, document in old.documents.items() if document.category in came]
            renamed = {ref: DocumentRef(self.town.ids.ref("doc")) for ref in (going[1:] if left_behind else going)}
            case, new = CaseRef(self.town.ids.ref("cas")), ConcernRef(self.town.ids.ref("con"))
            try:
                happened = moved.decide_received(old, sent, party(PPT), case, new, renamed, self.town.now, RULES)
            except StaleVersionError:
                assert left_behind
                assert going
                return
            assert not (left_behind and going)
            there = fold(CaseState(), happened)
            here = "".join(event.model_dump_json() for event in self.town.history)
            led = set(REFERENCE.findall(here)) & set(REFERENCE.findall("".join(e.model_dump_json() for e in happened)))
            assert led <= {one.ref}, "of before, the handover alone is named"
            assert there.holder == party(PPT)
            assert (there.stage, there.responsible) == (Stage.OPEN, old.responsible)
            assert there.mode is events.Mode.ANONYMOUS
            assert set(there.documents) == set(renamed.values())
            assert {document.category for document in there.documents.values()} <= came
            assert not any((there.consents, there.measures, there.handovers, there.records))

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def what_was_erased_is_the_end(self) -> None:
        erased = [place for place, event in enumerate(self.town.history) if isinstance(event, kept.CaseErased)]
        assert erased in ([], [len(self.town.history) - 1])

    @invariant()
    def a_protected_case_names_no_place_and_an_ordinary_one_no_protection(self) -> None:
        if not self.town.history:
            return
        last = self.town.history[-1]
        if self.protected:
            assert "unit:" not in last.model_dump_json().replace(f'"{PPT.unit}"', "")
        else:
            assert "rotection" not in type(last).__name__
        assert self.town.state.address_protected == self.protected

    @invariant()
    def versions_count_and_care_is_taken_and_given_back_in_turn(self) -> None:
        records: dict[RecordRef, tuple[int, InformationCategory]] = {}
        identity, in_care, told, ended = 1, False, False, False
        for event in self.town.history:
            match event:
                case kept.RecordWritten():
                    before = records.get(event.record, (0, event.category))
                    assert (event.version, event.category) == (before[0] + 1, before[1])
                    assert event.category not in NEVER_KEPT
                    records[event.record] = (event.version, event.category)
                case kept.DocumentAdded():
                    assert event.category not in NEVER_KEPT
                case kept.IdentityCorrected():
                    assert event.version == identity + 1
                    identity = event.version
                    if "born" in event.parts:
                        told = ended = False
                case events.CareOrderRecorded():
                    assert event.in_force is not in_care
                    in_care = event.in_force
                case AdulthoodApproaching():
                    assert not told
                    told = True
                case AdulthoodReached():
                    assert not ended
                    ended = True
                case AdulthoodOverdue():
                    assert ended
                case _:
                    pass
        assert self.town.state.identity_version == identity
        assert self.town.state.care_order is in_care
        assert self.town.state.of_age is ended

    @invariant()
    def a_report_that_has_not_gone_is_not_erased_with_its_case(self) -> None:
        """Seed rule 93: looked at in the case as it is, and as it would be if it were closed quietly now."""
        if self.town.history and self.unsent():
            left = fold(self.town.state, protection.decide_close_quietly(self.town.state, self.town.now, RULES))
            assert ending.decide_retention_over(left) == []

    @invariant()
    def there_is_exactly_one_holder_while_it_goes_on(self) -> None:
        """Invariant 1, whatever is done with the vault's keeping."""
        held = self.town.state.holder
        assert (held is not None) == (self.stage() in {"concern", "open"})
        assert held is None or held.actor == self.baton().actor

    def teardown(self) -> None:
        """Invariant 5: replay, through the events' JSON, gives the same state; every status moved by its table."""
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert_by_the_tables(self.town.history)


TestCase = pytest.mark.rule(4, 18, 93, 107)(KeepingMachine.TestCase)
TestCase.settings = settings(max_examples=100, stateful_step_count=50, deadline=None)


@given(
    by=st.sampled_from(PEOPLE),
    area=st.sampled_from(Area),
    guardians=st.integers(min_value=0, max_value=8),
    protected=st.booleans(),
    criteria=st.frozensets(st.sampled_from([*(one.code for one in RULES.municipal.criteria), "own-word"]), max_size=2),
)
@pytest.mark.rule(78, 79, 83, 103)
def test_whoever_registers_a_concern_holds_it_and_has_fourteen_days(
    by: Acting, area: Area, guardians: int, protected: bool, criteria: frozenset[str]
) -> None:
    town = Town()
    command = concern.RegisterConcern(
        by=by,
        case=CaseRef(town.ids.ref("cas")),
        concern=ConcernRef(town.ids.ref("con")),
        area=area,
        for_whom=ForWhom.CHILD,
        guardians=guardians,
        address_protected=protected,
        criteria=criteria,
    )
    usual = {one.code for one in RULES.municipal.criteria if area in one.areas}
    try:
        happened = concern.decide_register(command, town.now, RULES)
    except NotStaffError:
        assert by.role is None
        return
    except CaseError:
        assert not criteria <= usual
        return
    assert by.role is not None
    assert criteria <= usual
    state = fold(CaseState(), happened)
    assert state.holder is not None
    assert state.holder.actor == by.actor
    assert (state.stage, state.guardians, state.hidden) == (Stage.CONCERN, guardians, protected)
    [waits] = state.waiting_concerns
    assert oslo_day(waits.act_by) - oslo_day(town.now) == timedelta(days=14)
    assert ("unit:" in happened[0].model_dump_json()) is not protected
    assert "own-word" not in happened[0].model_dump_json(), "by which words it was noticed stays in the vault"
