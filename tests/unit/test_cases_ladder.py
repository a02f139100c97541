"""Concerns, levels and measures: what is decided, and every refusal with what would be allowed instead."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from services.cases.domain import carrying_out, concern, course, levels, measures
from services.cases.domain.acting import Acting
from services.cases.domain.profile import CasesProfile
from services.cases.domain.state import ConcernStatus, MeasureStatus, OverlapStatus, Stage
from services.cases.errors import (
    CaseError,
    CompetenceUnknownError,
    ConcernOpenError,
    ConcernSettledError,
    CriterionUnknownError,
    FamilyFrameUnknownError,
    MeasureUnfinishedError,
    NoProfileError,
    NotInvolvedError,
    NotStaffError,
    OfferAboveLevelError,
    OfferRetiredError,
    OfferUnknownError,
)
from shared.calendar import add_days
from shared.contracts.cases import (
    CaseLevelChanged,
    CaseOpened,
    Effect,
    EvaluationOutcome,
    ForWhom,
    LevelReason,
    LocalOutcome,
    MeasureChanged,
    MeasureOverlapSuspected,
    OverlapExplanation,
)
from shared.contracts.codes import Area, Role, Service
from shared.refs import ConcernRef, GoalRef, ItemRef, MeasureRef, MeetingRef, UnitId
from tests.unit.cases_town import (
    COLLEAGUE,
    CURIOUS,
    NURSE,
    PPT,
    PROFILE,
    RULES,
    START,
    STYRER,
    TEACHER,
    Town,
    guardian,
    scope,
)

ALL = (Service.PPT, Service.HELSESTASJON, Service.BARNEVERN)
INSIDE = scope(ALL)


def a_concern(town: Town, by: Acting = TEACHER, **changes: Any) -> concern.RegisterConcern:
    told: dict[str, Any] = {
        "by": by,
        "case": town.case,
        "concern": ConcernRef(town.ids.ref("con")),
        "area": Area.MENTAL_HEALTH,
        "for_whom": ForWhom.UNIT,
        "guardians": 2,
        **changes,
    }
    return concern.RegisterConcern(**told)


def joined(town: Town, by: Acting = TEACHER) -> ConcernRef:
    command = a_concern(town, by)
    town.take(concern.decide_join(town.state, command, town.now, RULES))
    return command.concern


def plan(
    town: Town, code: str = "sprakgruppe", owner: Service = Service.PPT, weeks: int = 8, **more: Any
) -> MeasureRef:
    ref = MeasureRef(town.ids.ref("mea"))
    what = measures.NewMeasure(
        measure=ref,
        goal=GoalRef(town.ids.ref("goa")),
        code=code,
        owner=owner,
        indicator="seen",
        evaluate_by=town.now + timedelta(weeks=weeks),
        **more,
    )
    town.take(measures.decide_plan(town.state, measures.PlanMeasure(by=town.holder(), what=what), town.now, RULES))
    return ref


def start(town: Town, ref: MeasureRef, by: Acting = TEACHER) -> None:
    town.take(carrying_out.decide_start(town.state, carrying_out.StartMeasure(by=by, measure=ref), town.now, RULES))


def evaluate(town: Town, ref: MeasureRef, effect: Effect, outcome: EvaluationOutcome, **more: Any) -> None:
    command = measures.EvaluateMeasure(
        by=more.pop("by", TEACHER),
        measure=ref,
        effect=effect,
        outcome=outcome,
        evaluate_by=town.now + timedelta(weeks=4),
        **more,
    )
    town.take(measures.decide_evaluate(town.state, command, town.now, RULES))


def stop(town: Town, ref: MeasureRef, reason: Any = "withdrawn", by: Acting = TEACHER) -> None:
    command = carrying_out.StopMeasure(by=by, measure=ref, reason=reason)
    town.take(carrying_out.decide_stop(town.state, command, town.now))


def alter(town: Town, ref: MeasureRef, by: Acting = TEACHER, **new: Any) -> None:
    command = carrying_out.ChangeMeasure(by=by, measure=ref, **new)
    town.take(carrying_out.decide_change(town.state, command, town.now, RULES))


def explain(town: Town, ref: MeasureRef, by: Acting = TEACHER) -> None:
    command = carrying_out.ExplainOverlap(by=by, measure=ref, explanation=OverlapExplanation.COORDINATED)
    town.take(carrying_out.decide_explain(town.state, command, town.now))


def to_level(town: Town, level: int, reason: LevelReason = LevelReason.ASSESSMENT, **more: Any) -> CaseLevelChanged:
    command = levels.ChangeLevel(by=more.pop("by", TEACHER), to_level=level, reason=reason, **more)
    [event] = town.take(levels.decide_level(town.state, command, town.now, RULES))
    assert isinstance(event, CaseLevelChanged)
    return event


def refused(code: str) -> Any:
    return pytest.raises(CaseError, check=lambda error: error.code == code)


# --- concerns ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(78, 83, 103, 105)
@pytest.mark.story(2)
def test_a_concern_is_in_the_municipalitys_words() -> None:
    town = Town()
    with pytest.raises(CriterionUnknownError) as unknown:
        concern.decide_register(a_concern(town, criteria=frozenset({"language-late"})), town.now, RULES)
    assert unknown.value.extensions == {
        "unknown": ["language-late"],
        "allowed": ["absence", "outside-play", "withdrawn-or-sad"],
    }, "a criterion belongs to areas"
    with pytest.raises(FamilyFrameUnknownError) as frame:
        concern.decide_register(a_concern(town, family_frame=frozenset({"car"})), town.now, RULES)
    assert frame.value.extensions == {"unknown": ["car"], "allowed": ["housing", "income", "leisure"]}
    told = a_concern(town, criteria=frozenset({"absence"}), family_frame=frozenset({"income"}))
    [registered] = concern.decide_register(told, town.now, RULES)
    said = registered.model_dump_json()
    assert "absence" not in said, "what somebody saw of a child is not on the bus"
    assert "income" not in said
    with pytest.raises(NoProfileError):
        concern.decide_register(told, town.now, RULES.model_copy(update={"profile": None}))


@pytest.mark.rule(78)
def test_whoever_works_at_no_unit_registers_nothing() -> None:
    town = Town()
    for by in (
        guardian(1),
        TEACHER.model_copy(update={"unit": None}),
        TEACHER.model_copy(update={"roles": frozenset()}),
    ):
        with pytest.raises(NotStaffError):
            concern.decide_register(a_concern(town, by), town.now, RULES)


@pytest.mark.rule(80, 81, 86)
@pytest.mark.story(4)
@pytest.mark.parametrize(
    ("competence", "level", "team"),
    [
        (None, 1, "ressursteam"),
        (Service.PPT, 1, "ressursteam"),
        (Service.NAV, 2, "ansvarsgruppe"),
        (Service.BUP, 3, "ansvarsgruppe"),
    ],
)
def test_a_concern_is_lifted_to_where_the_competence_is_and_no_higher(
    competence: Service | None, level: int, team: str
) -> None:
    town = Town()
    command = concern.ResolveConcern(by=TEACHER, competence=competence)
    lifted, opened = town.take(concern.decide_resolve(town.state, command, town.now, RULES))
    assert isinstance(opened, CaseOpened)
    assert (opened.level, opened.team, lifted.model_dump()["next_level"]) == (level, team, level)
    assert opened.meeting_by == (town.now + timedelta(days=14) if level > 1 else None)
    assert town.state.meeting_by == opened.meeting_by


def test_a_service_that_takes_part_nowhere_lifts_nothing() -> None:
    town = Town()
    with pytest.raises(CompetenceUnknownError):
        concern.decide_resolve(
            town.state, concern.ResolveConcern(by=TEACHER, competence=Service.POLITI), town.now, RULES
        )


@pytest.mark.rule(49, 79, 161)
def test_a_further_concern_joins_only_for_those_who_may_know_of_the_case() -> None:
    town = Town().lift()
    for stranger in (CURIOUS, COLLEAGUE, PPT, guardian(1), STYRER):
        with pytest.raises(CaseError) as kept_out:
            concern.decide_join(town.state, a_concern(town, stranger), town.now, RULES)
        assert isinstance(kept_out.value, NotInvolvedError) or kept_out.value.code == "not-permitted"
    first = joined(town)
    town.consented(INSIDE)
    second = joined(town, NURSE)
    both = sorted((first, second))
    assert [one.ref for one in town.state.waiting_concerns] == both
    with pytest.raises(ConcernOpenError) as waits:
        course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now)
    assert waits.value.extensions == {"concerns": [*both]}
    for ref, outcome in ((first, LocalOutcome.GUIDANCE_GIVEN), (second, None)):
        command = concern.ResolveConcern(by=TEACHER, concern=ref, outcome=outcome)
        town.take(concern.decide_resolve(town.state, command, town.now, RULES))
        with pytest.raises(ConcernSettledError):
            concern.decide_resolve(town.state, command, town.now, RULES)
    assert {one.status for one in town.state.further.values()} == {ConcernStatus.RESOLVED, ConcernStatus.LIFTED}
    assert town.state.stage is Stage.OPEN, "what is solved inside a case does not end it"
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now))
    with refused("not-permitted"):
        concern.decide_join(town.state, a_concern(town), town.now, RULES)


@pytest.mark.rule(79)
def test_a_concern_rests_as_long_as_one_of_them_does() -> None:
    town = Town()
    second = joined(town)
    town.take(
        concern.decide_resolve(
            town.state, concern.ResolveConcern(by=TEACHER, outcome=LocalOutcome.UNFOUNDED), town.now, RULES
        )
    )
    stages = [town.state.stage]
    town.take(concern.decide_resolve(town.state, concern.ResolveConcern(by=TEACHER, concern=second), town.now, RULES))
    assert [*stages, town.state.stage] == [Stage.CONCERN, Stage.OPEN]


# --- levels -----------------------------------------------------------------------------------------------------------


@pytest.mark.rule(68, 86, 181)
def test_up_by_one_down_by_any_and_each_for_a_reason() -> None:
    town = Town().lift()
    ref = plan(town, "art", Service.BARNEHAGE)
    with refused("level-same"):
        to_level(town, 1)
    with refused("level-step"):
        to_level(town, 3)
    with refused("level-reason"):
        to_level(town, 2, LevelReason.IMPROVED)
    with refused("level-reason"):
        to_level(town, 0, LevelReason.NO_EFFECT)
    with refused("evaluation-missing"):
        to_level(town, 2, LevelReason.NO_EFFECT, evaluation=ref)
    with refused("not-found"):
        to_level(town, 2, evaluation=MeasureRef("mea_" + "b" * 26))
    with refused("not-permitted"):
        to_level(town, 2, by=STYRER)
    evaluate(town, ref, Effect.NONE, EvaluationOutcome.STOP)
    up = to_level(town, 2, LevelReason.NO_EFFECT, evaluation=ref)
    assert (up.meeting_by, up.team, up.evaluation) == (town.now + timedelta(days=14), "ansvarsgruppe", ref)
    with refused("competence-missing"):
        to_level(town, 3)
    with refused("competence-missing"):
        to_level(town, 3, with_service=Service.PPT)
    with refused("consent-missing"):
        to_level(town, 3, with_service=Service.BARNEVERN)
    town.consented(INSIDE)
    assert to_level(town, 3, with_service=Service.BARNEVERN).with_service is Service.BARNEVERN
    with refused("evaluation-missing"):
        to_level(town, 0, LevelReason.IMPROVED)
    better = plan(town, "stottekontakt", Service.BARNEHAGE)
    evaluate(town, better, Effect.REACHED, EvaluationOutcome.STOP)
    down = to_level(town, 0, LevelReason.IMPROVED, evaluation=better)
    assert (down.from_level, down.to_level, down.meeting_by, down.team) == (3, 0, None, None)
    assert town.state.meeting_by is None


@pytest.mark.rule(68)
def test_the_meeting_that_a_step_up_called_for_is_one_after_it() -> None:
    town = Town().lift()
    meeting, item = MeetingRef(town.ids.ref("mtg")), ItemRef(town.ids.ref("itm"))

    def held(days: float) -> list[Any]:
        at = town.now + timedelta(days=days)
        return levels.decide_meeting_held(town.state, meeting=meeting, item=item, discussed_at=at, rules=RULES)

    assert held(1) == [], "none was called for"
    to_level(town, 2)
    assert held(-1) == []
    town.take(held(20))
    assert town.state.meeting_by is None
    assert held(20) == [], "once"


@pytest.mark.rule(68)
@pytest.mark.parametrize(("held_at", "still"), [(None, True), (2, False), (3, False)])
def test_a_meeting_that_was_never_held_is_still_to_be_held_after_a_step_further_and_back(
    held_at: int | None, still: bool
) -> None:
    town = Town().lift()
    town.consented(INSIDE)
    meeting, item = MeetingRef(town.ids.ref("mtg")), ItemRef(town.ids.ref("itm"))
    first = None
    for level in (2, 3):
        up = to_level(town, level, with_service=Service.BARNEVERN if level == 3 else None)
        first = first or up.meeting_by
        town.now += timedelta(days=1)
        if held_at == level:
            town.take(
                levels.decide_meeting_held(town.state, meeting=meeting, item=item, discussed_at=town.now, rules=RULES)
            )
    assert to_level(town, 2).meeting_by == town.state.meeting_by == (first if still else None)
    assert to_level(town, 1).meeting_by is None
    assert to_level(town, 2).meeting_by == town.now + timedelta(days=14)


# --- measures ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(28, 166, 181, 182)
@pytest.mark.parametrize("level", range(4))
def test_what_is_put_in_belongs_to_the_level_or_below(level: int) -> None:
    """Every offer of the profile at every level: planned exactly when it is offered there, otherwise with what is."""
    for offer in PROFILE.offers:
        town = Town().lift()
        town.state = town.state.model_copy(update={"level": level})
        if offer.retired is not None:
            with pytest.raises(OfferRetiredError):
                plan(town, offer.code, Service.BARNEHAGE)
        elif offer.level <= level:
            plan(town, offer.code, Service.BARNEHAGE)
        else:
            with pytest.raises(OfferAboveLevelError) as above:
                plan(town, offer.code, Service.BARNEHAGE)
            allowed = above.value.extensions["allowed"]
            assert isinstance(allowed, list)
            assert "info-foreldre" in allowed
            assert offer.code not in allowed
    with pytest.raises(OfferUnknownError):
        plan(Town().lift(), "dans", Service.BARNEHAGE)


@pytest.mark.rule(88, 89)
def test_evaluation_is_never_further_off_than_the_municipality_lets_it_be() -> None:
    town = Town().lift()
    with refused("evaluate-by-too-late"):
        plan(town, owner=Service.BARNEHAGE, weeks=27)
    ref = plan(town, owner=Service.BARNEHAGE, weeks=26)
    for weeks, code in ((27, "evaluate-by-too-late"), (-1, "evaluate-by-past")):
        with refused(code):
            alter(town, ref, evaluate_by=town.now + timedelta(weeks=weeks))
        late = measures.EvaluateMeasure(
            by=TEACHER,
            measure=ref,
            effect=Effect.SOME,
            outcome=EvaluationOutcome.CONTINUE,
            evaluate_by=town.now + timedelta(weeks=weeks),
        )
        with refused(code):
            measures.decide_evaluate(town.state, late, town.now, RULES)


@pytest.mark.rule(88, 89)
def test_an_evaluation_is_not_put_off_time_and_again_but_made() -> None:
    """From a measure's beginning, or its last evaluation, to the next: not from the day on which its date is changed."""
    town = Town().lift()
    ref = plan(town, owner=Service.BARNEHAGE, weeks=20)
    town.later(weeks=4)
    with refused("evaluate-by-too-late") as told:
        alter(town, ref, evaluate_by=town.now + timedelta(weeks=26))
    latest = datetime.fromisoformat(str(told.value.extensions["latest"]))
    alter(town, ref, evaluate_by=latest)
    assert latest == add_days(START, 26 * 7)
    # It begins later than it was planned, and counts from there.
    start(town, ref)
    began = town.now
    alter(town, ref, evaluate_by=add_days(began, 26 * 7))
    town.later(weeks=25)
    with refused("evaluate-by-too-late"):
        alter(town, ref, evaluate_by=town.now + timedelta(weeks=2))
    evaluate(town, ref, Effect.SOME, EvaluationOutcome.CONTINUE)
    alter(town, ref, evaluate_by=add_days(town.now, 26 * 7))
    # What was planned before this was counted is bounded from the day of the change, as it was.
    [measure] = town.state.measures.values()
    before = town.state.model_copy(update={"measures": {ref: measure.model_copy(update={"evaluate_before": None})}})
    later = carrying_out.ChangeMeasure(by=TEACHER, measure=ref, evaluate_by=town.now + timedelta(weeks=25))
    assert carrying_out.decide_change(before, later, town.now, RULES)


@pytest.mark.rule(31, 88, 89, 90)
def test_a_measure_begins_changes_and_stops_after_it_was_evaluated() -> None:
    town = Town().lift()
    town.consented(INSIDE)
    ref = plan(town)
    start(town, ref, by=PPT)
    with refused("measure-started"):
        start(town, ref)
    with refused("not-permitted"):
        alter(town, plan(town, "art", Service.BARNEHAGE), by=PPT, indicator="other")
    with refused("nothing-changed"):
        alter(town, ref, indicator="seen")
    alter(town, ref, by=PPT, indicator="heard", goal=GoalRef(town.ids.ref("goa")))
    changed = town.history[-1]
    assert isinstance(changed, MeasureChanged)
    assert changed.changed == {"indicator", "goal"}
    with refused("consent-missing"):
        alter(town, ref, owner=Service.BUP)
    alter(town, ref, owner=Service.HELSESTASJON)
    assert town.types()[-3:] == ["measure.changed", "case.team-member-added", "case.team-member-removed"]
    assert set(town.state.team) == {Service.HELSESTASJON}
    with refused("measure-not-evaluated"):
        stop(town, ref)
    with pytest.raises(MeasureUnfinishedError):
        course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now)
    evaluate(town, ref, Effect.SOME, EvaluationOutcome.CONTINUE)
    stop(town, ref, by=NURSE)
    assert town.state.measures[ref].status is MeasureStatus.STOPPED
    assert town.state.team == {}
    for again in (partial(stop, town, ref), partial(start, town, ref), partial(alter, town, ref, indicator="x-y")):
        with refused("measure-stopped"):
            again()


@pytest.mark.rule(88)
def test_what_never_began_may_be_withdrawn_and_shows_nothing() -> None:
    town = Town().lift()
    ref = plan(town, owner=Service.BARNEHAGE)
    with refused("measure-not-evaluated"):
        stop(town, ref, "goal-reached")
    stop(town, ref)
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="moved"), town.now))


@pytest.mark.rule(88, 89, 90)
@pytest.mark.parametrize(
    ("effect", "reason", "stops"),
    [
        (Effect.SOME, "no-effect", False),
        (Effect.SOME, "goal-reached", False),
        (Effect.SOME, "withdrawn", True),
        (Effect.REACHED, "no-effect", False),
        (Effect.REACHED, "goal-reached", True),
    ],
)
def test_it_is_stopped_for_what_its_evaluation_showed(effect: Effect, reason: str, stops: bool) -> None:
    """What had no effect is evaluated as such: otherwise the same could be put in again as if nothing had been learnt."""
    town = Town().lift()
    ref = plan(town, owner=Service.BARNEHAGE)
    evaluate(town, ref, effect, EvaluationOutcome.CONTINUE)
    if stops:
        stop(town, ref, reason)
        return
    with refused("measure-not-evaluated"):
        stop(town, ref, reason)
    evaluate(town, ref, Effect.NONE, EvaluationOutcome.STOP)
    with refused("measure-had-no-effect"):
        plan(town, owner=Service.BARNEHAGE)


@pytest.mark.rule(49, 161)
@pytest.mark.story(15)
def test_two_units_that_do_the_same_are_told_and_say_why() -> None:
    town = Town().lift()
    town.consented(INSIDE)
    first = plan(town, "sprakgruppe", Service.PPT, owner_unit=UnitId("unit:ppt"))
    own = plan(town, "art", Service.BARNEHAGE)
    assert town.state.overlaps == {}
    second = plan(town, "ekstratimer", Service.BARNEHAGE)
    suspected = town.history[-1]
    assert isinstance(suspected, MeasureOverlapSuspected)
    assert (suspected.measure, suspected.others, suspected.overlap) == (second, (first,), "language")
    plan(town, "ekstratimer", Service.BARNEHAGE, owner_unit=TEACHER.unit)
    assert town.state.overlaps[second].others == (first,), "a unit does not overlap with itself"
    with refused("overlap-not-open"):
        explain(town, own)
    with refused("not-permitted"):
        explain(town, second, by=PPT)
    explain(town, second)
    assert town.state.overlaps[second].status is OverlapStatus.SUSPECTED
    with refused("overlap-not-open"):
        explain(town, second)
    for ref in [one for one in town.state.overlaps if one != second]:
        explain(town, ref)
    explain(town, first, by=PPT)
    assert {one.status for one in town.state.overlaps.values()} == {OverlapStatus.EXPLAINED}
    evaluate(town, first, Effect.REACHED, EvaluationOutcome.STOP)
    assert {one.status for one in town.state.overlaps.values()} == {OverlapStatus.ENDED}


@pytest.mark.rule(49, 161)
def test_two_units_come_to_do_the_same_when_a_measure_is_given_to_another() -> None:
    town = Town().lift()
    town.consented(INSIDE)
    first = plan(town, "sprakgruppe", Service.BARNEHAGE)
    second = plan(town, "ekstratimer", Service.BARNEHAGE)
    alter(town, second, indicator="said")
    assert town.state.overlaps == {}
    alter(town, second, owner=Service.PPT)
    suspected = town.history[-1]
    assert isinstance(suspected, MeasureOverlapSuspected)
    assert (suspected.measure, suspected.others) == (second, (first,))
    # They are told once, whichever of them moves on.
    for ref, owner in ((second, Service.HELSESTASJON), (first, Service.PPT)):
        alter(town, ref, owner=owner)
    assert [one for one in town.types() if "overlap" in one] == ["measure.overlap-suspected"]


@pytest.mark.rule(90, 166)
def test_the_ladder_is_each_municipalitys_own() -> None:
    town = Town().lift()
    other: CasesProfile = PROFILE.model_copy(
        update={"offers": tuple(one for one in PROFILE.offers if one.code != "art")}
    )
    command = measures.PlanMeasure(
        by=TEACHER,
        what=measures.NewMeasure(
            measure=MeasureRef(town.ids.ref("mea")),
            goal=GoalRef(town.ids.ref("goa")),
            code="art",
            owner=Service.BARNEHAGE,
            indicator="seen",
            evaluate_by=town.now + timedelta(weeks=8),
        ),
    )
    assert measures.decide_plan(town.state, command, town.now, RULES)
    with pytest.raises(OfferUnknownError):
        measures.decide_plan(town.state, command, town.now, RULES.of(other))


def test_a_leader_only_leads() -> None:
    assert Role.LEADER in STYRER.roles
    town = Town().lift()
    with refused("not-permitted"):
        start(town, plan(town, owner=Service.BARNEHAGE), by=STYRER)
