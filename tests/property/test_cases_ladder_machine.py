"""Concerns, levels and measures under any interleaving of what anybody may try, against oracles that only read the history."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.cases.domain import carrying_out, concern, contributions, course, elsewhere, levels, measures
from services.cases.domain.acting import Acting
from services.cases.domain.evolution import fold
from services.cases.domain.state import CaseState, Stage
from services.cases.domain.team_profile import USUAL
from services.cases.errors import CaseError
from shared.calendar import add_days
from shared.clock import oslo_day
from shared.contracts import cases as events
from shared.contracts.base import EventData
from shared.contracts.cases import Effect, EvaluationOutcome, ForWhom, LevelReason, LocalOutcome, OverlapExplanation
from shared.contracts.codes import Area, InformationCategory, Purpose, Service
from shared.contracts.team import ContributionReason, ContributionRequested
from shared.refs import ConcernRef, ContributionRef, GoalRef, ItemRef, MeasureRef, MeetingRef, UnitId
from tests.property.by_the_tables import assert_by_the_tables
from tests.unit.cases_town import CURIOUS, HEARING, NURSE, PPT, PROFILE, RULES, STYRER, TEACHER, Town, scope

SERVICES: Final = (Service.BARNEHAGE, Service.PPT, Service.HELSESTASJON)
CODES: Final = (
    "sprakgruppe",
    "ekstratimer",
    "art",
    "pmto",
    "familieveiledning",
    "stottekontakt",
    "avlastningshjem",
    "atferdsgruppe",
)
UNITS: Final = (None, UnitId("unit:ppt"), UnitId("unit:lia-barnehage"))
INSIDE: Final = scope((Service.PPT, Service.HELSESTASJON, Service.BUP))
anybody = st.sampled_from((TEACHER, TEACHER, TEACHER, PPT, NURSE, STYRER, CURIOUS))
pick = st.integers(min_value=0, max_value=3)
weeks = st.sampled_from((-1, 4, 26, 27))
outcomes: st.SearchStrategy[course.Outcomes] = st.sampled_from(
    ("goal-reached", "goal-reached", "no-longer-wanted", "moved")
)


class LadderMachine(RuleBasedStateMachine):
    """One child's case, everybody's attempts, and when each event happened."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town()
        self.at: list[datetime] = [self.town.now]
        self.refused: set[str] = set()

    def attempt(self, decide: Callable[[CaseState, datetime], Sequence[EventData]]) -> None:
        """Try; a refusal changes nothing."""
        try:
            self.town.take(decide(self.town.state, self.town.now))
        except CaseError as refused:
            self.refused.add(refused.code)
        self.at += [self.town.now] * (len(self.town.history) - len(self.at))

    def measure(self, which: int) -> MeasureRef:
        """Return one of the measures there are, the latest first; one that there is not, if there is none."""
        known = list(self.town.state.measures)
        return known[-1 - which % len(known)] if known else MeasureRef("mea_" + "b" * 26)

    @initialize(lifted=st.sampled_from((True, True, True, False)), consented=st.sampled_from((True, True, False)))
    def begin(self, lifted: bool, consented: bool) -> None:
        if lifted:
            self.town.lift()
        if lifted and consented:
            self.town.consented(INSIDE)
        self.at += [self.town.now] * (len(self.town.history) - len(self.at))

    # --- attempts -----------------------------------------------------------------------------------------------------

    @rule(days=st.integers(min_value=0, max_value=40))
    def time_passes(self, days: int) -> None:
        self.town.later(days=days)

    @rule(by=anybody)
    def another_concern(self, by: Acting) -> None:
        command = concern.RegisterConcern(
            by=by,
            case=self.town.case,
            concern=ConcernRef(self.town.ids.ref("con")),
            area=Area.FAMILY,
            for_whom=ForWhom.CHILD,
            guardians=2,
        )
        self.attempt(lambda state, now: concern.decide_join(state, command, now, RULES))

    @rule(
        by=anybody,
        which=pick,
        outcome=st.sampled_from((None, *LocalOutcome)),
        competence=st.sampled_from((None, Service.PPT, Service.NAV, Service.BUP, Service.POLITI)),
    )
    def act_on_a_concern(
        self, by: Acting, which: int, outcome: LocalOutcome | None, competence: Service | None
    ) -> None:
        waiting = [one.ref for one in self.town.state.waiting_concerns]
        ref = waiting[which % len(waiting)] if waiting else None
        command = concern.ResolveConcern(by=by, concern=ref, outcome=outcome, competence=competence)
        self.attempt(lambda state, now: concern.decide_resolve(state, command, now, RULES))

    @rule(
        by=anybody,
        to_level=st.integers(min_value=0, max_value=3),
        reason=st.sampled_from(LevelReason),
        which=st.none() | pick,
        with_service=st.sampled_from((None, Service.BUP, Service.PPT)),
    )
    def change_level(
        self, by: Acting, to_level: int, reason: LevelReason, which: int | None, with_service: Service | None
    ) -> None:
        evaluation = None if which is None else self.measure(which)
        command = levels.ChangeLevel(
            by=by, to_level=to_level, reason=reason, evaluation=evaluation, with_service=with_service
        )
        self.attempt(lambda state, now: levels.decide_level(state, command, now, RULES))

    @rule(days_ago=st.integers(min_value=0, max_value=30))
    def hear_of_a_meeting(self, days_ago: int) -> None:
        self.attempt(
            lambda state, now: levels.decide_meeting_held(
                state,
                meeting=MeetingRef("mtg_" + "b" * 26),
                item=ItemRef("itm_" + "b" * 26),
                discussed_at=now - timedelta(days=days_ago),
                rules=RULES,
            )
        )

    @rule(
        by=anybody,
        code=st.sampled_from(CODES),
        owner=st.sampled_from(SERVICES),
        unit=st.sampled_from(UNITS),
        ahead=weeks,
        reason=st.sampled_from((None, None, events.NewReason.OTHER_FORM)),
    )
    def plan(
        self,
        by: Acting,
        code: str,
        owner: Service,
        unit: UnitId | None,
        ahead: int,
        reason: events.NewReason | None,
    ) -> None:
        what = measures.NewMeasure(
            measure=MeasureRef(self.town.ids.ref("mea")),
            goal=GoalRef(self.town.ids.ref("goa")),
            code=code,
            owner=owner,
            owner_unit=unit,
            indicator="seen",
            evaluate_by=add_days(self.town.now, 7 * ahead),
            new_reason=reason,
        )
        self.attempt(lambda state, now: measures.decide_plan(state, measures.PlanMeasure(by=by, what=what), now, RULES))

    @rule(
        code=st.sampled_from(("sprakgruppe", "ekstratimer", "art")),
        owner=st.sampled_from(SERVICES),
        unit=st.sampled_from(UNITS),
    )
    def the_holder_plans(self, code: str, owner: Service, unit: UnitId | None) -> None:
        """As it should be: what other attempts then interfere with, and what may overlap."""
        self.plan(TEACHER, code, owner, unit, 8, None)

    @rule(
        codes=st.lists(st.sampled_from((*CODES, "own-idea")), max_size=3),
        owner=st.sampled_from(SERVICES),
        ahead=weeks,
        join_team=st.frozensets(st.sampled_from((*SERVICES, Service.BARNEVERN)), max_size=2),
        asks=st.booleans(),
        hurries=st.booleans(),
    )
    def a_meeting_decides(
        self, codes: list[str], owner: Service, ahead: int, join_team: frozenset[Service], asks: bool, hurries: bool
    ) -> None:
        """What the rules let happen happens, the rest is said with its reason, nothing is refused whole, and twice is once (rule 26)."""
        due = add_days(self.town.now, 7 * ahead)
        decided = tuple(
            measures.NewMeasure(
                measure=MeasureRef(self.town.ids.ref("mea")),
                goal=GoalRef(self.town.ids.ref("goa")),
                code=code,
                owner=owner,
                indicator="seen",
                evaluate_by=due,
            )
            for code in codes
        )
        asked = contributions.DecidedContribution(
            contribution=ContributionRef(self.town.ids.ref("ctb")),
            service=Service.PPT,
            reason=ContributionReason.ASSESSMENT,
            categories=frozenset({InformationCategory.LANGUAGE}),
            purpose=Purpose.ASSESSMENT,
            respond_by=self.town.now if hurries else None,
        )
        outcome = measures.MeetingOutcome(
            meeting=MeetingRef(self.town.ids.ref("mtg")),
            item=ItemRef(self.town.ids.ref("itm")),
            measures=decided,
            join_team=join_team,
            contributions=(asked,) if asks else (),
        )

        def decide(state: CaseState) -> Sequence[EventData]:
            return measures.decide_outcome(
                state, outcome, self.town.now, RULES, HEARING, USUAL.contributions if asks else None
            )

        before = self.town.state
        happened = decide(before)
        planned = {one.measure for one in happened if isinstance(one, events.MeasurePlanned)}
        refused = [one for one in happened if isinstance(one, events.OutcomeRefused)]
        assert len(refused) <= 1
        not_put_in = {one.measure: one.reason for said in refused for one in said.measures}
        assert planned | set(not_put_in) == {one.measure for one in decided}, "each is put in, or it is said why not"
        assert planned.isdisjoint(not_put_in)
        assert all(not_put_in.values())
        called = [one for one in happened if isinstance(one, ContributionRequested)]
        assert len(called) + sum(len(one.contributions) for one in refused) == int(asks)
        assert not (hurries and called)
        for joined in (one.service for one in happened if isinstance(one, events.TeamMemberAdded)):
            assert before.consent_covering(self.town.now, joined) is not None, "a meeting's word is no basis"
        if before.stage is not Stage.OPEN:
            assert not planned
            assert not called
        self.attempt(lambda _, __: happened)
        assert not any(
            isinstance(one, events.MeasurePlanned | ContributionRequested) for one in decide(self.town.state)
        )
        assert not any(isinstance(one, events.OutcomeRefused) for one in decide(self.town.state))

    @rule(
        code=st.sampled_from(("sprakgruppe", "ekstratimer", "art")),
        lets=st.sampled_from(("nobody", "measures", "measures", "something-else", "withdrawn")),
        protected=st.sampled_from((False, False, False, True)),
    )
    def the_child_has_another_case(self, code: str, lets: str, protected: bool) -> None:
        """Whoever carries a measure out is told once, where the other case's consent lets it, and never of which (rules 49, 161)."""
        other = Town(seed=99, by=NURSE, address_protected=protected).lift()
        what = measures.NewMeasure(
            measure=MeasureRef(other.ids.ref("mea")),
            goal=GoalRef(other.ids.ref("goa")),
            code=code,
            owner=Service.HELSESTASJON,
            indicator="seen",
            evaluate_by=other.now + timedelta(days=60),
        )
        other.take(measures.decide_plan(other.state, measures.PlanMeasure(by=NURSE, what=what), other.now, RULES))
        if lets != "nobody":
            category = InformationCategory.LANGUAGE if lets == "something-else" else InformationCategory.MEASURES
            ref = other.consented(scope((Service.PPT, Service.BARNEHAGE), (category,)))
            if lets == "withdrawn":
                other.withdraw(ref)
        there, now = other.state, self.town.now
        in_time = any(oslo_day(now) <= one.valid_to for one in there.consents.values())
        happened = elsewhere.decide_tell(self.town.state, [there, self.town.state], now, PROFILE)
        for event in happened:
            assert isinstance(event, events.MeasureOverlapElsewhereSuspected)
            assert (lets, protected, in_time) == ("measures", False, True)
            mine = self.town.state.measures[event.measure]
            assert mine.runs
            # Of its own service the other one's measures are no secret to the helsestasjon, and no double work of two units.
            assert mine.owner in {Service.PPT, Service.BARNEHAGE}
            assert PROFILE.overlapping(mine.code, code)
            said = event.model_dump_json()
            assert not any(secret in said for secret in (other.case, what.measure, "helsestasjon"))
        self.attempt(lambda _, __: happened)
        assert elsewhere.decide_tell(self.town.state, [there], now, PROFILE) == [], "once"

    @rule(which=pick)
    def nothing_came_of_it(self, which: int) -> None:
        self.evaluate(TEACHER, which, Effect.NONE, EvaluationOutcome.STOP, 4, None)

    @rule(by=anybody, which=pick)
    def start(self, by: Acting, which: int) -> None:
        command = carrying_out.StartMeasure(by=by, measure=self.measure(which))
        self.attempt(lambda state, now: carrying_out.decide_start(state, command, now, RULES))

    @rule(
        by=anybody,
        which=pick,
        owner=st.sampled_from((None, *SERVICES)),
        indicator=st.sampled_from((None, "seen", "heard")),
        ahead=st.none() | weeks,
    )
    def change(self, by: Acting, which: int, owner: Service | None, indicator: str | None, ahead: int | None) -> None:
        command = carrying_out.ChangeMeasure(
            by=by,
            measure=self.measure(which),
            owner=owner,
            indicator=indicator,
            evaluate_by=None if ahead is None else add_days(self.town.now, 7 * ahead),
        )
        self.attempt(lambda state, now: carrying_out.decide_change(state, command, now, RULES))

    @rule(
        by=anybody,
        which=pick,
        effect=st.sampled_from(Effect),
        outcome=st.sampled_from(EvaluationOutcome),
        ahead=weeks,
        with_service=st.sampled_from((None, Service.BUP)),
    )
    def evaluate(
        self,
        by: Acting,
        which: int,
        effect: Effect,
        outcome: EvaluationOutcome,
        ahead: int,
        with_service: Service | None,
    ) -> None:
        command = measures.EvaluateMeasure(
            by=by,
            measure=self.measure(which),
            effect=effect,
            outcome=outcome,
            evaluate_by=add_days(self.town.now, 7 * ahead),
            with_service=with_service,
        )
        self.attempt(lambda state, now: measures.decide_evaluate(state, command, now, RULES))

    @rule(by=anybody, which=pick, reason=st.sampled_from(("no-effect", "goal-reached", "withdrawn")))
    def stop(self, by: Acting, which: int, reason: str) -> None:
        command = carrying_out.StopMeasure.model_validate({"by": by, "measure": self.measure(which), "reason": reason})
        self.attempt(lambda state, now: carrying_out.decide_stop(state, command, now))

    @rule(by=anybody, which=pick)
    def explain(self, by: Acting, which: int) -> None:
        command = carrying_out.ExplainOverlap(
            by=by, measure=self.measure(which), explanation=OverlapExplanation.DIFFERENT_PURPOSE
        )
        self.attempt(lambda state, now: carrying_out.decide_explain(state, command, now))

    @rule(by=anybody, outcome=outcomes)
    def close(self, by: Acting, outcome: course.Outcomes) -> None:
        self.attempt(lambda state, now: course.decide_close(state, course.CloseCase(by=by, outcome=outcome), now))

    @rule(outcome=outcomes)
    def close_and_reopen(self, outcome: course.Outcomes) -> None:
        """As it should be: what there is to do in a closed case, and in one that began again."""
        self.close(TEACHER, outcome)
        self.reopen(TEACHER)

    @rule(by=anybody)
    def reopen(self, by: Acting) -> None:
        self.attempt(lambda state, now: course.decide_reopen(state, course.ReopenCase(by=by), now, RULES))

    # --- what always holds, from the history alone --------------------------------------------------------------------

    @invariant()
    def what_is_closed_begins_again_by_a_day_and_what_moved_does_not(self) -> None:
        closed: str | None = None
        for event, now in zip(self.town.history, self.at, strict=True):
            match event:
                case events.CaseClosed():
                    assert closed is None
                    closed = event.outcome
                case events.CaseReopened():
                    assert closed not in {None, course.MOVED}
                    assert event.decide_by is not None
                    assert event.decide_by > now, "it may not rest"
                    closed = None
                case events.OutcomeRefused():
                    pass  # What a meeting decided all the same, and why it did not happen.
                case _:
                    assert closed is None, "nothing of a ladder happens in a closed case"
        assert (self.town.state.stage is Stage.CLOSED) == (closed is not None)

    @invariant()
    def the_level_moves_a_step_up_or_any_down_and_a_step_up_calls_a_meeting(self) -> None:
        level, due, below = 0, None, None
        for event, now in zip(self.town.history, self.at, strict=True):
            match event:
                case events.CaseOpened():
                    level, due = event.level, event.meeting_by
                    assert (due is not None) == (level > 1)
                case events.CaseLevelChanged():
                    assert event.from_level == level != event.to_level <= level + 1
                    up = event.to_level > level
                    called = add_days(now, 14) if up else below
                    assert event.meeting_by == (called if event.to_level > 1 else None)
                    level, due, below = event.to_level, event.meeting_by, due if up else None
                case events.CaseMeetingHeld():
                    assert due is not None
                    due = below = None
                case events.CaseReopened():
                    assert event.meeting_by == (None if due is None else add_days(now, 14))
                    due, below = event.meeting_by, below and event.meeting_by
                case _:
                    pass
        assert (self.town.state.level, self.town.state.meeting_by) == (level, due)

    @invariant()
    def a_measure_is_offered_where_it_is_put_in_and_evaluated_before_too_long(self) -> None:
        level = 0
        for event, now in zip(self.town.history, self.at, strict=True):
            match event:
                case events.CaseOpened():
                    level = event.level
                case events.CaseLevelChanged():
                    level = event.to_level
                case events.MeasurePlanned():
                    offer = PROFILE.offer(event.code)
                    assert offer is not None
                    assert offer.level <= level == event.level
                    assert offer.offered_on(oslo_day(now))
                    assert now < event.evaluate_by <= add_days(now, 182)
                case events.MeasureChanged() if "evaluate-by" in event.changed:
                    assert now < event.evaluate_by <= add_days(now, 182)
                case events.MeasureEvaluated() if event.evaluate_by is not None:
                    assert now < event.evaluate_by <= add_days(now, 182)
                case _:
                    pass

    @invariant()
    def what_began_is_evaluated_before_it_ends_and_nothing_runs_in_a_closed_case(self) -> None:
        begun: set[MeasureRef] = set()
        runs: dict[MeasureRef, str] = {}
        fruitless: set[str] = set()
        waiting: set[ConcernRef] = set()
        for event in self.town.history:
            match event:
                case events.ConcernRegistered() | events.ConcernJoined():
                    waiting.add(event.concern)
                case events.ConcernResolvedLocally() | events.ConcernEscalated():
                    waiting.remove(event.concern)
                case events.MeasurePlanned():
                    assert event.code not in fruitless or event.new_reason is not None
                    runs[event.measure] = event.code
                case events.MeasureStarted():
                    assert event.measure in runs
                    begun.add(event.measure)
                case events.MeasureChanged():
                    assert event.measure in runs
                    assert event.changed
                case events.MeasureEvaluated():
                    begun.discard(event.measure)
                    if event.effect is Effect.NONE:
                        assert event.outcome is not EvaluationOutcome.CONTINUE
                        fruitless.add(runs[event.measure])
                case events.MeasureStopped():
                    assert event.measure not in begun, "nobody knows whether it worked"
                    del runs[event.measure]
                case events.CaseClosed():
                    assert not runs
                    assert not waiting
                case _:
                    pass
        assert {one.ref for one in self.town.state.waiting_concerns} == waiting
        assert {ref for ref, one in self.town.state.measures.items() if one.runs} == set(runs)
        assert (self.town.state.stage is Stage.CONCERN) <= bool(waiting)

    @invariant()
    def two_units_never_do_the_same_without_being_told(self) -> None:
        """At every planning: what other units do alike is named right after it, and nothing else is."""
        runs: dict[MeasureRef, tuple[str, Service, UnitId | None]] = {}
        history = self.town.history
        for place, event in enumerate(history):
            match event:
                case events.MeasurePlanned():
                    where = self.where(event.owner, event.owner_unit)
                    alike = [
                        ref
                        for ref, (code, owner, unit) in runs.items()
                        if PROFILE.overlapping(code, event.code) and self.where(owner, unit) != where
                    ]
                    told = history[place + 1] if place + 1 < len(history) else None
                    named = list(told.others) if isinstance(told, events.MeasureOverlapSuspected) else []
                    assert named == alike
                    runs[event.measure] = (event.code, event.owner, event.owner_unit)
                case events.MeasureChanged():
                    runs[event.measure] = (runs[event.measure][0], event.owner, event.owner_unit)
                case events.MeasureStopped():
                    del runs[event.measure]
                case events.MeasureOverlapExplained():
                    assert event.explained_for in runs
                case _:
                    pass

    def where(self, owner: Service, unit: UnitId | None) -> tuple[Service, UnitId | None]:
        """Return where a measure is carried out; the baton never leaves Lia here."""
        return owner, unit or (TEACHER.unit if owner is Service.BARNEHAGE else None)

    def teardown(self) -> None:
        """Replay gives the same state, through JSON too, and every status moved as the tables say."""
        read_back = [type(event).model_validate_json(event.model_dump_json()) for event in self.town.history]
        assert fold(CaseState(), read_back) == self.town.state
        assert CaseState.model_validate_json(self.town.state.model_dump_json()) == self.town.state
        assert_by_the_tables(self.town.history)


TestCase = pytest.mark.rule(49, 68, 79, 80, 81, 88, 89, 90, 161, 166, 181)(LadderMachine.TestCase)
TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
