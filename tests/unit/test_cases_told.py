"""What one of the family is told of a case: the same whatever the others answer, until it shows in what is shared."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from itertools import product
from typing import Literal

import pytest

from services.cases.domain import (
    access,
    carrying_out,
    consent,
    consent_ending,
    coordination,
    course,
    handover,
    measures,
    override,
    overview,
    sharing,
)
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.grantors import Standing
from services.cases.domain.relations import relations
from services.cases.domain.shown import grounds
from services.cases.domain.state import ConsentStatus, RenewalState
from services.cases.domain.told import as_told, kept_goals, told_of
from services.cases.errors import ConsentNotOpenError, NotInTeamError, UnknownPartError
from services.cases.store import Disclosure
from services.cases.views import CaseView
from shared.contracts.cases import (
    CoordinatorKind,
    EvidenceForm,
    HandoverKind,
    HandoverRoute,
    HandoverSent,
    NotHeardReason,
    OverrideReason,
    Package,
)
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Role, Service
from shared.contracts.team import CoordinatorAppointed, PlanRequested, PlanStarted
from shared.refs import ConsentRef, GoalRef, HandoverRef, MeasureRef, PlanRef, UnitId
from tests.unit.cases_town import (
    BARNEVERN,
    CHILD,
    COORDINATOR,
    NURSE,
    RULES,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
    party,
    scope,
)

Said = Literal["nothing", "yes", "no"]
SAID: tuple[Said, ...] = ("nothing", "yes", "no")
HEALTH, LANGUAGE, IDENTITY = InformationCategory.HEALTH, InformationCategory.LANGUAGE, InformationCategory.IDENTITY
OF_CARE = {GrantorClass.CHILD: 1, GrantorClass.CHILD_WELFARE: 1}
OF_SIXTEEN = guardian(1).model_copy(update={"withheld": frozenset({HEALTH})})

pytestmark = pytest.mark.rule(4)


def telling(
    town: Town,
    kinds: tuple[InformationCategory, ...],
    by: ConsentRef | None = None,
    to: Service = Service.BARNEVERN,
) -> Disclosure:
    """Return that a service read these kinds, by a consent or, without one, by law."""
    return Disclosure(
        at=town.now,
        way="read",
        service=to,
        role=None,
        organisation=None,
        categories=frozenset(kinds),
        consent=by,
        consent_version=None if by is None else 1,
    )


def answered(first: Said, second: Said, later: timedelta = timedelta(0)) -> tuple[Town, ConsentRef]:
    """A consent that the second guardian answers before the first, and some time after that."""
    town = Town().lift()
    ref = town.asked()
    for ordinal, said in ((2, second), (1, first)):
        answer = consent.Answer(by=guardian(ordinal), consent=ref)
        if said == "yes":
            town.take(consent.decide_grant(town.state, answer, town.now, RULES))
        elif said == "no":
            town.take(consent.decide_refuse(town.state, answer, town.now))
    town.now += later
    return town, ref


def told(town: Town, who: Acting, age: int = 5) -> tuple[CaseView, overview.Overview]:
    state = as_told(town.state, who, town.now)
    relation = Relation.CHILD if who.child else Relation.GUARDIAN
    row = RULES.insight_row(age, town.now.date())
    seen = overview.decide_overview(state, who, relation, row, town.now)
    return CaseView.of(state, relations(state, who, town.now)), seen


@pytest.mark.parametrize("later", [timedelta(0), timedelta(days=29), timedelta(days=301)], ids=str)
@pytest.mark.parametrize("first", SAID)
def test_what_the_other_guardian_answers_is_not_told(first: Said, later: timedelta) -> None:
    """Only both saying yes shows, by what is shared then."""
    of_each = {second: told(answered(first, second, later)[0], guardian(1)) for second in SAID}
    silent = of_each.pop("nothing")
    if first == "yes":
        assert of_each.pop("yes") != silent
    assert all(one == silent for one in of_each.values())


def test_the_child_is_not_told_either_who_said_no() -> None:
    views = {
        told(answered(*both)[0], CHILD, age=14)[0].model_dump_json()
        for both in product(SAID, SAID)
        if both != ("yes", "yes")
    }
    assert len(views) == 1


def test_ones_own_answer_is_told() -> None:
    own: tuple[tuple[Said, str, int], ...] = (
        ("no", "refused", 2),
        ("yes", "requested", 1),
        ("nothing", "requested", 2),
    )
    for first, status, outstanding in own:
        [view] = told(answered(first, "no")[0], guardian(1))[0].consents
        assert (view.status, view.outstanding) == (status, {GrantorClass.GUARDIAN: outstanding})
        assert view.refused == ({GrantorClass.GUARDIAN: 1} if first == "no" else {})
    [waiting] = told(answered("nothing", "no")[0], guardian(1))[1].to_answer
    assert waiting.services == (Service.HELSESTASJON, Service.PPT)


def test_a_refusal_does_not_say_it() -> None:
    town, ref = answered("nothing", "no")
    with pytest.raises(ConsentNotOpenError) as refused:
        town.withdraw(ref, by=guardian(1))
    assert refused.value.extensions == {"status": "requested"}


@pytest.mark.parametrize("decide", [partial(consent.decide_grant, rules=RULES), consent.decide_refuse])
@pytest.mark.parametrize("second", SAID[::2])
def test_after_the_time_to_answer_nobody_learns_by_answering_what_the_others_said(
    second: Said, decide: Callable[..., object]
) -> None:
    town, ref = answered("nothing", second, timedelta(days=29))
    town.take(consent_ending.decide_lapse(town.state, ref, town.now))
    with pytest.raises(ConsentNotOpenError) as refused:
        decide(town.state, consent.Answer(by=guardian(1), consent=ref), town.now)
    assert refused.value.extensions == {"status": "lapsed"}


def test_a_no_that_becomes_a_yes_too_late_for_the_others_ends_the_question() -> None:
    town, ref = answered("nothing", "no", timedelta(days=29))
    town.grant(ref, 2)
    assert town.state.consents[ref].status is ConsentStatus.LAPSED


@pytest.mark.rule(106)
@pytest.mark.parametrize(("first", "second"), [("nothing", "nothing"), ("nothing", "no"), ("yes", "no"), ("no", "no")])
def test_nobody_is_said_to_be_able_to_grant_when_the_time_is_out(first: Said, second: Said) -> None:
    town, ref = answered(first, second, timedelta(days=29))
    ask = sharing.Ask(service=Service.PPT, categories=frozenset({LANGUAGE}), purpose=Purpose.ASSESSMENT)
    steps = sharing.judge(town.state, ask, town.now, lambda _: {GrantorClass.GUARDIAN: 2}).steps
    assert (ref in {step.consent for step in steps}) is (first != "nothing")


def test_who_is_no_family_is_told_the_state_as_it_is() -> None:
    town, _ = answered("yes", "no")
    for who in (TEACHER, NURSE):
        assert as_told(town.state, who, town.now) is town.state


def test_what_the_child_decides_over_alone_is_not_told_to_a_guardian() -> None:
    town = Town().lift()
    theirs = town.by_the_child(scope((Service.BUP,), (HEALTH,), (Purpose.FOLLOW_UP,)))
    named = town.by_the_child(scope((Service.BUP,), (HEALTH, IDENTITY), (Purpose.FOLLOW_UP,)))
    town.hear()
    mixed = town.ask(scope((Service.PPT,), (HEALTH, LANGUAGE)), needed=OF_CARE)
    state = as_told(town.state, OF_SIXTEEN, town.now)
    assert set(state.consents) == {mixed}
    assert state.consents[mixed].scope.categories == {LANGUAGE}
    assert set(as_told(town.state, CHILD, town.now).consents) == {theirs, named, mixed}
    for ref in (theirs, named):
        with pytest.raises(UnknownPartError):
            town.withdraw(ref, by=OF_SIXTEEN)
        assert told_of(state, telling(town, (IDENTITY,), ref), OF_SIXTEEN) is None
    assert told_of(state, telling(town, (IDENTITY, HEALTH), mixed), OF_SIXTEEN) is None
    assert told_of(state, telling(town, (HEALTH, LANGUAGE), mixed), OF_SIXTEEN) == frozenset({LANGUAGE})
    assert told_of(town.state, telling(town, (HEALTH,), theirs), CHILD) == frozenset({HEALTH})


@pytest.mark.rule(4)
@pytest.mark.parametrize("kinds", [(HEALTH,), (HEALTH, LANGUAGE)], ids=str)
def test_what_guardians_too_must_sign_is_told_them_whole(kinds: tuple[InformationCategory, ...]) -> None:
    """PPT and health at sixteen: by law both guardians and the child, so no one may be kept from what they sign."""
    town = Town().lift()
    town.hear()
    asked = scope((Service.PPT,), kinds)
    sixteen = town.now.date().replace(year=town.now.year - 16)
    needed = RULES.consent.needed(born=sixteen, day=town.now.date(), scope=asked, standing=Standing.of({1, 2}))
    assert needed == {GrantorClass.GUARDIAN: 2, GrantorClass.CHILD: 1}
    ref = town.ask(asked, needed=needed)
    view, seen = told(town, OF_SIXTEEN, age=16)
    assert [one.scope.categories for one in view.consents] == [tuple(sorted(kinds))]
    assert [one.categories for one in seen.to_answer] == [tuple(sorted(kinds))]
    for who in (OF_SIXTEEN, OF_SIXTEEN.model_copy(update={"guardian": 2}), CHILD):
        town.take(consent.decide_grant(town.state, consent.Answer(by=who, consent=ref), town.now, RULES))
    assert [one.status for one in told(town, OF_SIXTEEN, age=16)[0].consents] == ["active"]
    town.withdraw(ref, by=OF_SIXTEEN)


def test_a_next_period_that_the_child_alone_is_asked_for_is_not_told_though_the_present_one_was_the_guardians_too() -> (
    None
):
    town = Town().lift()
    ref = town.consented(scope((Service.BUP,), (HEALTH,)))
    before = told_names(town)
    renewal = RenewalState(
        valid_to=town.now.date() + timedelta(days=400),
        needed={GrantorClass.CHILD: 1},
        guardians=frozenset(),
        answer_by=town.now + timedelta(days=28),
    )
    asked = town.state.consents[ref].model_copy(update={"renewal": renewal})
    town.state = town.state.model_copy(update={"consents": {ref: asked}})
    assert told_names(town) == before
    assert as_told(town.state, CHILD, town.now).consents[ref].renewal == renewal


def test_a_service_in_the_team_by_what_the_child_decides_alone_is_not_told_of_by_its_measures_either() -> None:
    town = Town().lift()
    theirs = town.by_the_child(scope((Service.BUP,), (HEALTH,), (Purpose.FOLLOW_UP,)))
    town.consented(scope((Service.PPT,), (LANGUAGE,)))
    bup, ppt = MeasureRef(town.ids.ref("mea")), MeasureRef(town.ids.ref("mea"))
    for ref, owner in ((bup, Service.BUP), (ppt, Service.PPT)):
        new = measures.NewMeasure(
            measure=ref,
            goal=GoalRef(town.ids.ref("goa")),
            code="sprakgruppe",
            owner=owner,
            indicator="words",
            evaluate_by=town.now + timedelta(days=60),
        )
        town.take(measures.decide_plan(town.state, measures.PlanMeasure(by=TEACHER, what=new), town.now, RULES))
    assert town.state.team[Service.BUP].consent == theirs
    assert {ref: one.others for ref, one in town.state.overlaps.items()} == {ppt: (bup,)}
    told = as_told(town.state, OF_SIXTEEN, town.now)
    assert Service.BUP not in told.team
    assert (set(told.measures), told.overlaps) == ({ppt}, {})
    assert set(as_told(town.state, CHILD, town.now).measures) == {bup, ppt}
    # When the guardians have consented to the same service for something else, they know that it helps.
    town.consented(scope((Service.BUP,), (LANGUAGE,), (Purpose.FOLLOW_UP,)))
    assert set(as_told(town.state, OF_SIXTEEN, town.now).measures) == {bup, ppt}


# --- what is done by the child's own consent alone ----------------------------------------------------------------------

THEIRS = scope((Service.BUP,), (HEALTH,), (Purpose.FOLLOW_UP, Purpose.TRANSITION))


def put_in(town: Town, owner: Service = Service.BUP) -> MeasureRef:
    """A measure that a service carries out."""
    ref = MeasureRef(town.ids.ref("mea"))
    new = measures.NewMeasure(
        measure=ref,
        goal=GoalRef(town.ids.ref("goa")),
        code="sprakgruppe",
        owner=owner,
        indicator="words",
        evaluate_by=town.now + timedelta(days=60),
    )
    town.take(measures.decide_plan(town.state, measures.PlanMeasure(by=TEACHER, what=new), town.now, RULES))
    return ref


def told_names(town: Town) -> str:
    return told(town, OF_SIXTEEN, age=16)[0].model_dump_json()


def alone(town: Town) -> None:
    """Only the child's own consent has let the service be here."""


def refused_by_a_guardian(town: Town) -> None:
    town.hear()
    asked = town.ask(scope((Service.BUP,), (LANGUAGE,)))
    town.take(consent.decide_refuse(town.state, consent.Answer(by=guardian(1), consent=asked), town.now))


def withdrawn_by_a_guardian(town: Town) -> None:
    town.withdraw(town.consented(scope((Service.BUP,), (LANGUAGE,))))


def expired(town: Town) -> None:
    """What the guardians had consented to is over; what the child has goes on."""
    town.hear()
    short = town.ask(scope((Service.BUP,), (LANGUAGE,)), days=2)
    for ordinal in (1, 2):
        town.grant(short, ordinal)
    town.later(days=3)
    town.take(consent_ending.decide_expire(town.state, short, town.now))


@pytest.mark.parametrize("before", [alone, refused_by_a_guardian, withdrawn_by_a_guardian, expired])
@pytest.mark.parametrize("after", ["runs", "stopped", "withdrawn"])
def test_what_is_done_by_the_childs_consent_alone_is_told_neither_while_it_runs_nor_afterwards(
    before: Callable[[Town], None], after: str
) -> None:
    town = Town().lift()
    before(town)
    silent = told_names(town)
    theirs = town.by_the_child(THEIRS)
    ref = put_in(town)
    goal = town.state.measures[ref].goal
    new = GoalRef(town.ids.ref("goa"))
    change = carrying_out.ChangeMeasure(by=TEACHER, measure=ref, goal=new)
    town.take(carrying_out.decide_change(town.state, change, town.now, RULES))
    if after == "stopped":
        stop = carrying_out.StopMeasure(by=TEACHER, measure=ref, reason="withdrawn")
        town.take(carrying_out.decide_stop(town.state, stop, town.now))
    if after == "withdrawn":
        town.withdraw(theirs, by=CHILD)
    assert told_names(town) == silent
    assert kept_goals(town.state, OF_SIXTEEN, town.now) == {goal, new}
    assert kept_goals(town.state, CHILD, town.now) == kept_goals(town.state, guardian(1), town.now) == frozenset()


@pytest.mark.rule(33, 35)
def test_whom_a_guardian_may_choose_does_not_say_who_is_there() -> None:
    town = Town().lift()
    town.by_the_child(THEIRS)
    put_in(town)
    choose = course.ChooseContactPerson(by=OF_SIXTEEN, service=Service.BUP, role=Role.BUP_CLINICIAN)
    with pytest.raises(NotInTeamError):
        course.decide_contact_person(town.state, choose, town.now)
    for by in (TEACHER, guardian(1)):
        noted = choose.model_copy(update={"by": by, "evidence": EvidenceForm.ORAL_MINUTED, "has_note": True})
        assert course.decide_contact_person(town.state, noted, town.now)


@pytest.mark.rule(107)
def test_to_whom_the_baton_is_offered_by_the_childs_consent_alone_is_told_when_it_is_there() -> None:
    town = Town().lift()
    silent = told_names(town)
    town.by_the_child(THEIRS)
    bup = employee("bup", Role.BUP_CLINICIAN, Service.BUP, UnitId("unit:bup"))
    ref = HandoverRef(town.ids.ref("hdo"))
    offer = handover.SendHandover(
        by=TEACHER,
        handover=ref,
        kind=HandoverRoute.TO_SPECIALIST,
        receiver=party(bup),
        package=Package(categories=frozenset({HEALTH})),
    )
    town.take(handover.decide_send(town.state, offer, town.now, RULES))
    view, seen = told(town, OF_SIXTEEN, age=16)
    assert (view.model_dump_json(), seen.taking_over) == (silent, None)
    assert told(town, CHILD, age=16)[1].taking_over is not None
    town.take(handover.decide_answer(town.state, handover.AnswerHandover(by=bup, handover=ref), town.now))
    view, seen = told(town, OF_SIXTEEN, age=16)
    assert [(one.status, one.consent, one.categories) for one in view.handovers] == [("completed", None, ())]
    assert seen.holder is not None
    assert seen.holder.service is Service.BUP


@pytest.mark.rule(97)
def test_who_coordinates_by_the_childs_consent_alone_is_not_told() -> None:
    town = Town().lift()
    silent = told_names(town)
    theirs = town.by_the_child(scope((Service.HELSESTASJON,), (HEALTH,), (Purpose.COORDINATION,)))
    kind = CoordinatorKind.BARNEKOORDINATOR
    town.take([CoordinatorAppointed(case=town.case, kind=kind, coordinator=party(NURSE))])
    ref = HandoverRef(town.ids.ref("hdo"))
    offered = HandoverSent(
        case=town.case,
        handover=ref,
        kind=HandoverKind.COORDINATOR,
        sender=party(NURSE),
        receiver=party(COORDINATOR),
        basis=RULES.basis("consent", town.now),
        consent=theirs,
        consent_version=1,
        package=Package(),
        respond_by=town.now + timedelta(days=3),
        route=HandoverRoute.COORDINATOR,
        coordination=kind,
    )
    town.take([offered])
    assert told_names(town) == silent
    town.take(coordination.taken(town.case, ref, kind, party(COORDINATOR), on_behalf=False))
    assert told_names(town) == silent
    assert set(as_told(town.state, CHILD, town.now).around.coordinators) == {kind}
    town.consented(scope((Service.HELSESTASJON,), (LANGUAGE,)))
    assert set(as_told(town.state, OF_SIXTEEN, town.now).around.coordinators) == {kind}


def test_who_began_the_groups_plan_by_the_childs_consent_alone_is_told_as_the_rule_says() -> None:
    """That there is a plan is known to who asked for it; who coordinates it is then no more than the municipality's rule."""
    town = Town().lift()
    plan = PlanRef(town.ids.ref("pln"))
    asked = PlanRequested(
        case=town.case,
        plan=plan,
        requested_by=GrantorClass.GUARDIAN,
        evidence=EvidenceForm.E_ID,
        coordinated_by=Service.HELSESTASJON,
        coordinator_role=Role.COORDINATOR,
    )
    town.take([asked])
    by_rule = told(town, OF_SIXTEEN, age=16)[1].plan
    town.by_the_child(scope((Service.PPT,), (HEALTH,), (Purpose.COORDINATION,)))
    began = employee("began", Role.PPT_ADVISER, Service.PPT, UnitId("unit:ppt"))
    town.take([PlanStarted(case=town.case, plan=plan, coordinator=party(began), goals=(GoalRef(town.ids.ref("goa")),))])
    view, seen = told(town, OF_SIXTEEN, age=16)
    assert by_rule is not None
    assert seen.plan is not None
    assert (seen.plan.coordinator, seen.plan.status) == (by_rule.coordinator, "started")
    assert [(one.service, one.by_rule) for one in view.around.coordinators] == [(Service.HELSESTASJON, True)]
    childs = as_told(town.state, CHILD, town.now).around.plan
    assert childs is not None
    assert childs.coordinator == party(began)
    town.consented(scope((Service.PPT,), (LANGUAGE,)))
    assert [one.service for one in told(town, OF_SIXTEEN, age=16)[0].around.coordinators] == [Service.PPT]


# --- what is shared by law ------------------------------------------------------------------------------------------------

CONCERN = InformationCategory.CONCERN
BY_LAW = sharing.Ask(service=Service.BARNEVERN, categories=frozenset({CONCERN}), purpose=Purpose.ASSESSMENT)


def asked_by_a_guardian(town: Town) -> tuple[str, sharing.Sharing, frozenset[InformationCategory] | None]:
    """What a guardian is told of the case, of what may be shared with child welfare, and of what it read there."""
    told = as_told(town.state, guardian(1), town.now)
    view = CaseView.of(told, relations(told, guardian(1), town.now)).model_dump_json()
    judged = sharing.judge(told, BY_LAW, town.now, lambda _: {GrantorClass.GUARDIAN: 2})
    return view, judged, told_of(told, telling(town, (CONCERN, IDENTITY)), guardian(1))


@pytest.mark.rule(93, 106, 192)
@pytest.mark.parametrize("heard", [True, False])
def test_what_is_shared_by_law_for_danger_from_the_guardians_is_not_told_them_until_they_have_been(heard: bool) -> None:
    town = Town().lift()
    if heard:
        town.hear()
    silent = asked_by_a_guardian(town)
    ref = town.override()
    assert silent[1].permitted is False
    assert asked_by_a_guardian(town) == silent
    assert town.state.overrides[ref].not_for_guardians
    ours = access.permit(town.state, Action.READ_CHILD, BARNEVERN, town.now)
    assert [one.not_for_guardians for one in grounds(town.state, ours, ours.categories, town.now)] == [True]
    for who in (TEACHER, CHILD):
        assert sharing.judge(as_told(town.state, who, town.now), BY_LAW, town.now, lambda _: {}).override == ref
    review = override.ReviewOverride(by=STYRER, override=ref, justified=True, guardians_informed=True)
    town.take(override.decide_review(town.state, review, town.now))
    _, judged, read = asked_by_a_guardian(town)
    assert (judged.override, read) == (ref, frozenset({CONCERN, IDENTITY}))
    ours = access.permit(town.state, Action.READ_CHILD, BARNEVERN, town.now)
    assert [one.not_for_guardians for one in grounds(town.state, ours, ours.categories, town.now)] == [False]


@pytest.mark.rule(99, 192)
def test_what_the_child_was_heard_about_is_taken_by_the_next_request_also_for_guardians() -> None:
    town = Town().lift()
    town.hear()
    town.override()
    town.asked()
    assert as_told(town.state, guardian(1), town.now).heard_before == frozenset()


@pytest.mark.rule(93, 192)
@pytest.mark.parametrize("reason", OverrideReason)
@pytest.mark.parametrize("not_heard", [None, *NotHeardReason])
def test_only_danger_that_may_come_from_the_guardians_is_kept_from_them(
    reason: OverrideReason, not_heard: NotHeardReason | None
) -> None:
    town = Town().lift()
    made = town.override()
    one = town.state.overrides[made].model_copy(update={"reason": reason, "not_heard": not_heard})
    harmless = {OverrideReason.SERIOUS_BEHAVIOUR, OverrideReason.OWN_TASK_OF_RECEIVER}
    kept = reason not in harmless or not_heard is NotHeardReason.WOULD_ENDANGER_CHILD
    assert one.not_for_guardians is kept
    assert not one.model_copy(update={"guardians_informed": True}).not_for_guardians
