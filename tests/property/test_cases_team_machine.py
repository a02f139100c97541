"""The work around the child under any interleaving of what anybody may try, against oracles that read the whole history.

No member outside the scope of a consent at any moment; nothing declined but by a leader; nothing begun that nobody in the family
wanted; nobody decided over without being heard; and a concern report that was sent is never gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.cases.domain import (
    absence,
    consent,
    contributions,
    coordination,
    course,
    ending,
    handover,
    hearing,
    plan,
    reports,
    team,
    waiting,
)
from services.cases.domain.access_terms import Relation
from services.cases.domain.acting import Acting
from services.cases.domain.around import RUNNING, PlanStatus
from services.cases.domain.evolution import fold
from services.cases.domain.relations import relations
from services.cases.domain.state import CaseState, Stage
from services.cases.domain.team_profile import USUAL
from services.cases.errors import CaseError
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.cases import (
    ChildHeardBy,
    ContactPersonChosen,
    CoordinatorKind,
    EvidenceForm,
    HandoverAccepted,
    HandoverCancelled,
    HandoverCoordinationAccepted,
    HandoverRejected,
    HandoverRoute,
    HandoverSent,
    HandoverWithdrawn,
    ViewOfChildRecorded,
)
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.contracts.reports import ConcernReportFeedback, ConcernReportSent, ConcernReportUnanswered
from shared.contracts.team import (
    ChildNotHeard,
    ContributionAccepted,
    ContributionDeclined,
    ContributionEnded,
    ContributionReason,
    ContributionRequested,
    CoordinatorAppointed,
    CoordinatorEnded,
    CoordinatorRequested,
    PlanClosed,
    PlanRequested,
    PlanStarted,
    PlanUpdated,
)
from shared.refs import (
    ChildViewRef,
    ConcernReportRef,
    ContributionRef,
    DocumentRef,
    GoalRef,
    HandoverRef,
    MeetingRef,
    PlanRef,
)
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import (
    CHILD,
    COLLEAGUE,
    COORDINATOR,
    CURIOUS,
    EMPLOYEES,
    GROUNDS,
    HEARING,
    NURSE,
    NURSES_LEADER,
    PPT,
    PPT_LEADER,
    RULES,
    TEACHER,
    Town,
    guardian,
    party,
    scope,
)

SERVICES: Final = (Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)
PEOPLE: Final = (*EMPLOYEES, PPT_LEADER, NURSES_LEADER, guardian(1), guardian(2), CHILD)
anybody = st.one_of(st.none(), st.sampled_from(PEOPLE))
"""Who tries; none is the holder at that moment."""
pick = st.integers(min_value=0, max_value=3)
decisions = st.sampled_from(["consent", "measure", "plan", "concern-report"])
part_withdrawn = st.sampled_from(
    [
        consent.Part(),
        consent.Part(services=frozenset({Service.PPT})),
        consent.Part(services=frozenset({Service.HELSESTASJON})),
        consent.Part(categories=frozenset({InformationCategory.LANGUAGE})),
    ]
)
R = TypeVar("R", bound=str)


class TeamMachine(RuleBasedStateMachine):
    """One case, everybody's attempts at the work around the child, and the whole history."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.moments: list[object] = []
        self.refused: list[str] = []

    def attempt(self, decide: Callable[[CaseState], Sequence[EventData]]) -> None:
        """Try, past the table of hearing the child as every command is; a refusal has a code and changes nothing."""
        before = len(self.town.history)
        try:
            decided = list(decide(self.town.state))
            self.town.take(hearing.require_heard(self.town.state, decided, self.town.now, HEARING))  # type: ignore[arg-type]
        except CaseError as refused:
            self.refused.append(refused.code)
        self.moments.extend([self.town.now] * (len(self.town.history) - before))

    def try_on(
        self, parts: Mapping[R, object], which: int, decide: Callable[[CaseState, R], Sequence[EventData]]
    ) -> None:
        """Try on one of the parts there are, if there is any."""
        known = list(parts)
        if known:
            self.attempt(lambda state: decide(state, known[-1 - which % len(known)]))

    def who(self, by: Acting | None) -> Acting:
        """Return who tries."""
        return by or self.town.holder()

    @initialize()
    def begin(self) -> None:
        """An open case with a consent for two services."""
        self.town.lift()
        self.town.consented(scope(purposes=(Purpose.ASSESSMENT, Purpose.COORDINATION)))
        self.moments = [self.town.now] * len(self.town.history)
        # Something of everything, so that other attempts have what to interfere with.
        self.ask(None, Service.PPT, True)
        self.ask(None, Service.HELSESTASJON, False)
        self.wish(guardian(1), False, True)
        self.hear(None, "plan")
        self.report(None, False, True, True)
        self.appoint(None, CoordinatorKind.ANSVARSGRUPPE, NURSE)

    @rule(hours=st.integers(min_value=1, max_value=24 * 60))
    def time_passes(self, hours: int) -> None:
        self.town.later(hours=hours)

    @rule(by=st.sampled_from((guardian(1), guardian(2))), which=pick, part=part_withdrawn)
    def withdraw(self, by: Acting, which: int, part: consent.Part) -> None:
        self.try_on(
            self.town.state.consents,
            which,
            lambda state, ref: consent.decide_withdraw(
                state, consent.WithdrawConsent(by=by, consent=ref, part=part), self.town.now
            ),
        )

    @rule()
    def consent_again(self) -> None:
        if self.town.state.stage is Stage.OPEN and not self.town.state.of_age:
            before = len(self.town.history)
            self.town.consented()
            self.moments.extend([self.town.now] * (len(self.town.history) - before))

    @rule(by=anybody, service=st.sampled_from(SERVICES))
    def ask_in(self, by: Acting | None, service: Service) -> None:
        command = team.AskIn(by=self.who(by), service=service)
        self.attempt(lambda state: team.decide_ask_in(state, command, self.town.now))

    @rule(by=anybody, service=st.sampled_from(SERVICES))
    def release(self, by: Acting | None, service: Service) -> None:
        command = team.Release(by=self.who(by), service=service, reason="no-longer-needed")
        self.attempt(lambda state: team.decide_release(state, command, self.town.now))

    @rule(by=anybody, kind=st.sampled_from(CoordinatorKind), chosen=st.sampled_from((NURSE, COORDINATOR, PPT)))
    def appoint(self, by: Acting | None, kind: CoordinatorKind, chosen: Acting) -> None:
        command = team.Appoint(
            by=self.who(by), kind=kind, coordinator=party(chosen), age=18 if self.town.state.of_age else 5
        )
        self.attempt(lambda state: team.decide_appoint(state, command, self.town.now, USUAL))

    @rule(
        by=st.one_of(st.sampled_from((NURSE, COORDINATOR)), anybody),
        kind=st.sampled_from(CoordinatorKind),
        receiver=st.sampled_from((NURSE, COORDINATOR, PPT)),
    )
    def offer_the_coordination(self, by: Acting | None, kind: CoordinatorKind, receiver: Acting) -> None:
        command = coordination.OfferCoordination(
            by=self.who(by), handover=HandoverRef(self.town.ids.ref("hdo")), kind=kind, receiver=party(receiver)
        )
        self.attempt(lambda state: coordination.decide_offer(state, command, self.town.now, RULES, USUAL))

    @rule(by=anybody)
    def offer_the_baton(self, by: Acting | None) -> None:
        command = handover.SendHandover(
            by=self.who(by),
            handover=HandoverRef(self.town.ids.ref("hdo")),
            kind=HandoverRoute.BATON,
            receiver=party(COLLEAGUE if self.town.holder() == TEACHER else TEACHER),
        )
        self.attempt(lambda state: handover.decide_send(state, command, self.town.now, RULES))

    @rule(by=st.one_of(st.sampled_from((NURSE, COORDINATOR, NURSES_LEADER)), anybody), which=pick, no=st.booleans())
    def answer_an_offer(self, by: Acting | None, which: int, no: bool) -> None:
        self.try_on(
            self.town.state.handovers,
            which,
            lambda state, ref: handover.decide_answer(
                state,
                handover.AnswerHandover(by=self.who(by), handover=ref, reject="other" if no else None),
                self.town.now,
            ),
        )

    @rule(by=st.one_of(st.sampled_from((NURSE, COORDINATOR)), anybody), which=pick)
    def take_an_offer_back(self, by: Acting | None, which: int) -> None:
        self.try_on(
            self.town.state.handovers,
            which,
            lambda state, ref: handover.decide_withdraw(
                state, handover.WithdrawHandover(by=self.who(by), handover=ref), self.town.now
            ),
        )

    @rule(which=pick)
    def an_offer_lies(self, which: int) -> None:
        handovers = self.town.state.handovers
        self.try_on(handovers, which, lambda state, ref: waiting.decide_overdue(state, ref, self.town.now))
        self.try_on(handovers, which, lambda state, ref: waiting.decide_escalate(state, ref, self.town.now))

    @rule(kind=st.sampled_from(CoordinatorKind), wish=st.booleans(), of_age=st.booleans())
    def end_the_coordination(self, kind: CoordinatorKind, wish: bool, of_age: bool) -> None:
        command = team.EndCoordination(by=guardian(1) if wish else self.town.holder(), kind=kind)
        self.attempt(lambda state: team.decide_end_coordination(state, command, self.town.now))
        if of_age:
            self.attempt(lambda state: team.decide_of_age(state, 18, USUAL))

    @rule(
        gone=st.sampled_from((NURSE, COORDINATOR, PPT)),
        to=st.sampled_from((NURSES_LEADER, NURSES_LEADER, NURSE)),
        kind=st.sampled_from(CoordinatorKind),
    )
    def the_coordination_falls(self, gone: Acting, to: Acting, kind: CoordinatorKind) -> None:
        """To the leader, once, by rule, and the baton stays where it is; where another coordinates nothing happens (rules 97, 107)."""
        assert gone.unit is not None
        absent, before = (gone.actor, gone.unit), self.town.state
        had = before.around.coordinator_of(kind)

        def decide(state: CaseState) -> Sequence[EventData]:
            ref = HandoverRef(self.town.ids.ref("hdo"))
            return absence.decide_coordination_falls(state, kind, absent, party(to), ref, self.town.now, RULES)

        falls = had is not None and had.actor == gone.actor != to.actor and before.stage is Stage.OPEN
        self.attempt(decide)
        present = self.town.state.around.coordinator_of(kind)
        assert present == (party(to) if falls else had)
        assert falls or self.town.state == before
        assert self.town.state.holder == before.holder
        assert decide(self.town.state) == []

    @rule(gone=st.sampled_from((NURSE, COORDINATOR)))
    def somebody_is_gone(self, gone: Acting) -> None:
        assert gone.unit is not None
        unit = gone.unit
        self.attempt(lambda state: waiting.decide_receiver_gone(state, gone.actor, unit))

    @rule(by=anybody, note=st.booleans(), want_plan=st.booleans())
    def wish(self, by: Acting | None, note: bool, want_plan: bool) -> None:
        evidence = EvidenceForm.ORAL_MINUTED
        if want_plan:
            wanted = plan.RequestPlan(
                by=self.who(by), evidence=evidence, has_note=note, plan=PlanRef(self.town.ids.ref("pln"))
            )
            self.attempt(lambda state: plan.decide_request(state, wanted, self.town.now, RULES, USUAL))
        else:
            wish = team.Wish(by=self.who(by), evidence=evidence, has_note=note)
            self.attempt(lambda state: team.decide_request_coordinator(state, wish, self.town.now))

    @rule(by=st.sampled_from((NURSE, NURSE, NURSE, COORDINATOR, guardian(1))))
    def start_plan(self, by: Acting) -> None:
        command = plan.StartPlan(by=by, goals=(GoalRef(self.town.ids.ref("goa")),))
        self.attempt(lambda state: plan.decide_start(state, command, self.town.now))

    @rule(same=st.booleans())
    def minutes(self, same: bool) -> None:
        present = self.town.state.around.plan
        document = present.document if same and present is not None else DocumentRef(self.town.ids.ref("doc"))
        approved = plan.Minutes(meeting=MeetingRef(self.town.ids.ref("mtg")), document=document)
        self.attempt(lambda state: plan.decide_minutes(state, approved))
        if present is not None and document is not None and document == present.document:
            assert self.town.state.around.plan == present

    @rule(by=anybody)
    def close_plan(self, by: Acting | None) -> None:
        command = plan.ClosePlan(by=self.who(by), reason="goals-reached")
        self.attempt(lambda state: plan.decide_close(state, command, self.town.now))

    @rule(by=anybody, before=decisions)
    def hear(self, by: Acting | None, before: course.Decisions) -> None:
        command = course.RecordChildView(
            by=self.who(by),
            view=ChildViewRef(self.town.ids.ref("cvw")),
            method=ChildHeardBy.CONVERSATION,
            before=before,
        )
        self.attempt(lambda state: course.decide_child_view(state, command, self.town.now))

    @rule(
        before=decisions,
        reason=st.sampled_from(["too-young", "does-not-wish", "not-able", "danger"]),
        age=st.integers(min_value=0, max_value=17),
    )
    def not_heard(self, before: course.Decisions, reason: hearing.NotHeardReason, age: int) -> None:
        command = hearing.NoteNotHeard(by=self.town.holder(), before=before, reason=reason, age=age)
        self.attempt(lambda state: hearing.decide_not_heard(state, command, self.town.now, HEARING))

    @rule(by=anybody, service=st.sampled_from(SERVICES), anonymous=st.booleans())
    def ask(self, by: Acting | None, service: Service, anonymous: bool) -> None:
        command = contributions.AskToContribute(
            by=self.who(by),
            contribution=ContributionRef(self.town.ids.ref("ctb")),
            service=service,
            reason=ContributionReason.ASSESSMENT,
            anonymous=anonymous,
            categories=frozenset() if anonymous else frozenset({InformationCategory.LANGUAGE}),
            purpose=None if anonymous else Purpose.ASSESSMENT,
        )
        self.attempt(lambda state: contributions.decide_ask(state, command, self.town.now, USUAL.contributions))

    @rule(by=st.sampled_from((None, None, CURIOUS, TEACHER)), leads=st.booleans(), which=pick, no=st.booleans())
    def answer(self, by: Acting | None, leads: bool, which: int, no: bool) -> None:
        def decide(state: CaseState, ref: ContributionRef) -> Sequence[EventData]:
            of_ppt = state.around.contributions[ref].service is Service.PPT
            asked = (PPT_LEADER if of_ppt else NURSES_LEADER) if leads else (PPT if of_ppt else NURSE)
            command = contributions.AnswerContribution(
                by=by or asked, contribution=ref, decline="no-capacity" if no else None
            )
            return contributions.decide_answer(state, command, self.town.now)

        self.try_on(self.town.state.around.contributions, which, decide)

    @rule(by=st.sampled_from((None, None, CURIOUS, NURSE)), which=pick, given=st.booleans())
    def end_what_was_asked(self, by: Acting | None, which: int, given: bool) -> None:
        """It is given only by whom said yes; whoever asked may take it back as long as it runs (seed rule 82)."""

        def decide(state: CaseState, ref: ContributionRef) -> Sequence[EventData]:
            command = contributions.EndContribution(
                by=self.who(by), contribution=ref, reason="given" if given else "withdrawn"
            )
            happened = contributions.decide_end(state, command, self.town.now)
            said = [type(one) for one in self.town.history if getattr(one, "contribution", None) == ref]
            assert {ContributionDeclined, ContributionEnded}.isdisjoint(said)
            assert not given or ContributionAccepted in said
            return happened

        self.try_on(self.town.state.around.contributions, which, decide)

    @rule(service=st.sampled_from(SERVICES), days=st.integers(min_value=-1, max_value=40), again=st.booleans())
    def a_meeting_decides_to_ask(self, service: Service, days: int, again: bool) -> None:
        """In the name of whoever has the case, inside a consent, ahead of time, and once for each decision (seed rules 62, 72, 82)."""
        for one in list(self.town.state.around.contributions.values()) if days % 2 else ():
            taken_back = contributions.EndContribution(by=self.who(None), contribution=one.ref, reason="withdrawn")
            self.attempt(partial(contributions.decide_end, command=taken_back, now=self.town.now))
        known = list(self.town.state.around.contributions)
        what = contributions.DecidedContribution(
            contribution=known[-1] if again and known else ContributionRef(self.town.ids.ref("ctb")),
            service=service,
            reason=ContributionReason.ASSESSMENT,
            categories=frozenset({InformationCategory.LANGUAGE}),
            purpose=Purpose.ASSESSMENT,
            respond_by=self.town.now + timedelta(days=days) if days else None,
        )
        meeting = MeetingRef(self.town.ids.ref("mtg"))
        before = self.town.state

        def decide(state: CaseState) -> Sequence[EventData]:
            return contributions.decide_ask_there(state, what, meeting, self.town.now, USUAL.contributions)

        self.attempt(decide)
        if self.town.state == before:
            return
        assert what.contribution not in known
        asked = self.town.history[-1]
        assert isinstance(asked, ContributionRequested)
        assert (asked.asked_by, asked.meeting) == (before.holder, meeting)
        assert asked.respond_by > self.town.now
        [basis] = [one for one in before.consents.values() if one.ref == asked.consent]
        assert basis.status == "active"
        assert service in basis.scope.services
        assert asked.categories <= basis.scope.categories
        assert decide(self.town.state) == [], "a meeting's word that comes twice asks nobody twice"

    @rule(by=anybody)
    def set_the_goal(self, by: Acting | None) -> None:
        """By whoever holds the case or coordinates it; each wording has the next number (seed rule 87)."""
        command = team.SetGoal(by=self.who(by), goal=GoalRef(self.town.ids.ref("goa")))
        before = self.town.state.around.goal
        held = set(relations(self.town.state, self.who(by), self.town.now))
        self.attempt(lambda state: team.decide_goal(state, command, self.town.now))
        present = self.town.state.around.goal
        if present != before:
            assert held & {Relation.HOLDER, Relation.COORDINATOR}
            assert present is not None
            assert (present.goal, present.version) == (command.goal, 1 if before is None else before.version + 1)

    @rule(
        by=st.sampled_from((guardian(1), CHILD)) | anybody,
        service=st.sampled_from((*SERVICES, Service.BARNEHAGE, Service.BARNEHAGE)),
        note=st.booleans(),
        of_age=st.booleans(),
    )
    def choose_the_contact(self, by: Acting | None, service: Service, note: bool, of_age: bool) -> None:
        """Somebody who is there, by the family's word or with a note of it; never by a child under age (seed rules 33-35)."""
        who = self.who(by)
        command = course.ChooseContactPerson(
            by=who,
            service=service,
            role=Role.TEACHER,
            evidence=EvidenceForm.ORAL_MINUTED,
            has_note=note,
            of_age=of_age,
        )
        before, history = self.town.state, len(self.town.history)
        self.attempt(lambda state: course.decide_contact_person(state, command, self.town.now))
        for event in self.town.history[history:]:
            assert isinstance(event, ContactPersonChosen)
            assert service in {*before.team, None if before.holder is None else before.holder.service}
            family = who.guardian is not None or who.child
            assert (event.evidence is EvidenceForm.E_ID) == family
            assert family or note
            assert not who.child or of_age

    @rule(which=pick)
    def let_lie(self, which: int) -> None:
        self.try_on(
            self.town.state.around.contributions,
            which,
            lambda state, ref: contributions.decide_overdue(state, ref, self.town.now),
        )
        self.try_on(
            self.town.state.around.contributions,
            which,
            lambda state, ref: contributions.decide_escalate(state, ref, self.town.now, USUAL.contributions),
        )

    @rule(
        by=anybody,
        informed=st.booleans(),
        heard=st.booleans(),
        digital=st.booleans(),
    )
    def report(self, by: Acting | None, informed: bool, heard: bool, digital: bool) -> None:
        command = reports.ReportConcern(
            by=self.who(by),
            report=ConcernReportRef(self.town.ids.ref("rpt")),
            ground="trafficking",
            guardians_informed=informed,
            not_informed_because=None if informed else "danger-to-child",
            heard=reports.HeardNow(view=ChildViewRef(self.town.ids.ref("cvw")), method=ChildHeardBy.WRITTEN)
            if heard
            else None,
            age=9,
            digital=digital,
        )
        self.attempt(
            lambda state: reports.decide_report(
                state, command, self.town.now, rules=RULES, hearing=HEARING, grounds=GROUNDS, rule=USUAL.reports
            )
        )

    @rule(
        which=pick,
        step=st.sampled_from(["received", "failed", "posted", "unanswered", "dismissed", "investigating", "informed"]),
    )
    def follow(self, which: int, step: str) -> None:
        def decide(state: CaseState, ref: ConcernReportRef) -> Sequence[EventData]:
            reporter = state.around.reports[ref].reporter
            by = next(one for one in (*EMPLOYEES, PPT_LEADER, NURSES_LEADER) if one.actor == reporter.actor)
            match step:
                case "received":
                    return reports.decide_received(state, ref, self.town.now)
                case "failed":
                    return reports.decide_failed(state, ref, "unreachable", 3)
                case "posted":
                    return reports.decide_posted(state, reports.FollowReport(by=by, report=ref), self.town.now)
                case "unanswered":
                    return reports.decide_unanswered(state, ref, self.town.now)
                case "informed":
                    follow = reports.FollowReport(by=by, report=ref)
                    happened = reports.decide_informed(state, follow, self.town.now)
                    assert bool(happened) != state.around.reports[ref].guardians_informed
                    told = fold(state, happened)
                    assert told.around.reports[ref].guardians_informed
                    assert reports.decide_informed(told, follow, self.town.now) == [], "once (seed rules 101, 192)"
                    return happened
                case "dismissed" | "investigating":
                    command = reports.RecordFeedback(by=by, report=ref, kind=step)
                    return reports.decide_feedback(state, command, self.town.now)
            raise AssertionError(step)

        self.try_on(self.town.state.around.reports, which, decide)

    @rule(soon=st.integers(min_value=0, max_value=2))
    def be_of_age(self, soon: int) -> None:
        """Seldom: the guardians have no part any more, and much of the rest is refused."""
        if soon == 0 and len(self.town.history) > 18:
            self.attempt(lambda state: ending.decide_adulthood(state, self.town.now, RULES))

    @rule(by=anybody, outcome=st.sampled_from(("goal-reached", "goal-reached", "no-longer-wanted", "moved")))
    def close(self, by: Acting | None, outcome: course.Outcomes) -> None:
        if len(self.town.history) > 25:
            command = course.CloseCase(by=self.who(by), outcome=outcome)
            self.attempt(lambda state: course.decide_close(state, command, self.town.now))

    @rule(by=anybody)
    def reopen(self, by: Acting | None) -> None:
        command = course.ReopenCase(by=self.who(by))
        self.attempt(lambda state: course.decide_reopen(state, command, self.town.now, RULES))

    # --- what always holds --------------------------------------------------------------------------------------------

    @invariant()
    def nobody_is_a_member_asked_by_name_or_a_coordinator_outside_every_scope(self) -> None:
        """Invariant 4: what an expiry has not ended yet permits nothing either, because a basis is judged at the moment."""
        state = self.town.state
        unexpired = [
            one for one in state.consents.values() if one.status == "active" and oslo_day(self.town.now) <= one.valid_to
        ]
        active = [one for one in state.consents.values() if one.status == "active"]
        if state.stage is Stage.OPEN:
            assert all(any(member in one.scope.services for one in active) for member in state.team)
            for asked in state.around.contributions.values():
                if asked.status in RUNNING and not asked.anonymous:
                    assert any(asked.service in one.scope.services for one in active)
                    assert any(asked.categories <= one.scope.categories for one in active)
        covered = {service for one in unexpired for service in one.scope.services}
        for by in EMPLOYEES:
            held = relations(state, by, self.town.now)
            by_consent = {Relation.COORDINATOR, Relation.TEAM_MEMBER, Relation.SERVICE_IN_SCOPE} & set(held)
            assert not by_consent or by.service in covered or by.unit == TEACHER.unit

    @invariant()
    def of_somebody_of_age_nothing_but_a_plan_is_coordinated(self) -> None:
        """Seed rule 24: a group is for children from 0 to 18 years; and somebody has charge of every case that goes on (122)."""
        state = self.town.state
        plan = state.around.plan
        runs = plan is not None and plan.status is not PlanStatus.CLOSED
        assert not state.of_age or runs or CoordinatorKind.ANSVARSGRUPPE not in state.around.coordinators
        charged = coordination.in_charge(state, self.town.now)
        assert (charged is None) == (state.holder is None)

    @invariant()
    def the_coordination_moves_by_appointment_and_acceptance_alone_and_never_the_baton(self) -> None:
        """Seed rules 23, 97, 107, from the history alone: never nobody while an offer waits, never two, and the baton apart."""
        holds: dict[CoordinatorKind, str] = {}
        began: str | None = None
        offers: dict[str, HandoverSent] = {}
        held = TEACHER.actor
        for event in self.town.history:
            match event:
                case CoordinatorAppointed():
                    holds[event.kind] = event.coordinator.actor
                case CoordinatorEnded():
                    del holds[event.kind]
                case PlanStarted():
                    began = event.coordinator.actor
                case PlanClosed():
                    began = None
                case HandoverSent(coordination=CoordinatorKind() as kind):
                    sender = holds.get(kind) or (began if kind is CoordinatorKind.ANSVARSGRUPPE else None)
                    assert sender == event.sender.actor != event.receiver.actor
                    # What falls by rule does not wait for an offer that nobody has answered: that is void with it.
                    assert event.on_behalf or not offers
                    offers[event.handover] = event
                case HandoverSent():
                    assert not offers
                    offers[event.handover] = event
                case HandoverCoordinationAccepted():
                    assert holds[event.coordination] == offers.pop(event.handover).receiver.actor
                case HandoverAccepted():
                    assert offers.pop(event.handover).coordination is None
                    held = event.holder.actor
                case HandoverRejected() | HandoverWithdrawn() | HandoverCancelled():
                    offers.pop(event.handover)
                case _:
                    pass
        state = self.town.state
        assert {kind: one.party.actor for kind, one in state.around.coordinators.items()} == holds
        assert state.holder is None or state.holder.actor == held
        assert set(offers) == ({state.open_handover.ref} if state.open_handover else set())
        for offer in offers.values():
            if offer.coordination is not None:
                present = state.around.coordinator_of(offer.coordination)
                assert present is not None
                assert present.actor == offer.sender.actor

    @invariant()
    def only_a_leader_of_that_service_declined(self) -> None:
        """Seed rule 82."""
        for event in self.town.history[-3:]:
            if isinstance(event, ContributionDeclined):
                asked = self.town.state.around.contributions[event.contribution]
                assert event.by.role is Role.LEADER
                assert event.by.service is asked.service

    @invariant()
    def nothing_was_begun_that_nobody_in_the_family_wanted(self) -> None:
        """Seed rules 36, 97: a wish stands before every plan and every child coordinator."""
        wanted, child_coordinator, version = set(), False, {}
        for event in self.town.history:
            match event:
                case PlanRequested():
                    wanted.add(event.plan)
                case PlanStarted():
                    assert event.plan in wanted
                    version[event.plan] = 1
                case PlanUpdated():
                    assert event.version == version[event.plan] + 1
                    version[event.plan] = event.version
                case CoordinatorRequested():
                    child_coordinator = True
                case CoordinatorAppointed(kind=CoordinatorKind.BARNEKOORDINATOR):
                    assert child_coordinator
                case _:
                    pass

    @invariant()
    def before_a_plan_and_a_report_the_child_was_heard_or_a_reason_noted(self) -> None:
        """Barnevernsloven § 1-4, from the history with its moments."""
        last: dict[str, object] = {}
        for event, moment in zip(self.town.history, self.moments, strict=True):
            match event:
                case ViewOfChildRecorded() | ChildNotHeard():
                    last[event.before] = moment
                case PlanStarted():
                    assert moment - last["plan"] <= timedelta(days=90)  # type: ignore[operator]
                case ConcernReportSent():
                    assert moment - last["concern-report"] <= timedelta(days=30)  # type: ignore[operator]
                case _:
                    pass

    @invariant()
    def a_report_that_was_sent_is_answered_or_somebody_will_be_told(self) -> None:
        """Seed rule 93: whatever became of consents, channel and case."""
        sent, answered, told = set(), set(), set()
        for event in self.town.history:
            match event:
                case ConcernReportSent():
                    sent.add(event.report)
                case ConcernReportFeedback():
                    answered.add(event.report)
                case ConcernReportUnanswered():
                    told.add(event.report)
                case _:
                    pass
        state = self.town.state
        assert set(state.around.reports) == sent
        for report in sent - answered - told:
            due = state.around.reports[report].feedback_by
            assert reports.decide_unanswered(state, report, due)

    @invariant()
    def guardians_see_no_report_that_would_endanger(self) -> None:
        """Seed rule 192."""
        for by in (guardian(1), guardian(2), CHILD):
            for report in reports.visible(self.town.state, by, self.town.now):
                assert report.guardians_informed

    def teardown(self) -> None:
        """Replay gives the same state, and every status moved by its table."""
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert CaseState.model_validate_json(self.town.state.model_dump_json()) == self.town.state
        assert_by_the_tables(read_back)


TestCase = pytest.mark.rule(24, 36, 82, 87, 93, 97, 99, 122, 192)(TeamMachine.TestCase)
TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
