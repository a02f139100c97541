"""The coordination handed over: whoever coordinates does so until the receiver has accepted; never nobody, never two."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import pytest

from services.cases.domain import absence, access, coordination, course, ending, handover, plan, team, waiting
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.acting import Acting
from services.cases.domain.relations import relations
from services.cases.domain.state import CaseState, HandoverStatus
from services.cases.domain.team_profile import USUAL
from services.cases.errors import (
    AnswerTimeError,
    CaseError,
    ChildOfAgeError,
    ConsentMissingError,
    CoordinatorUnfitError,
    HandoverNotOpenError,
    HandoverOpenError,
    NotInvolvedError,
    NotPermittedError,
    PlanExistsError,
    ReceiverAwayError,
    ReceiverElsewhereError,
    ReceiverIsSenderError,
    SenderCannotAcceptError,
)
from shared.calendar import add_days
from shared.contracts.cases import CoordinatorKind, HandoverCoordinationAccepted
from shared.contracts.codes import Purpose, Role, Service
from shared.refs import GoalRef, HandoverRef, PlanRef, UnitId
from tests.unit.cases_town import (
    CHILD,
    COLLEAGUE,
    COORDINATOR,
    LIA,
    NURSE,
    NURSES_LEADER,
    PPT,
    RULES,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
    party,
    scope,
)
from tests.unit.test_cases_decisions import offer as offer_baton

GROUP, OF_CHILD = CoordinatorKind.ANSVARSGRUPPE, CoordinatorKind.BARNEKOORDINATOR


def appoint(town: Town, whom: Acting, kind: CoordinatorKind = GROUP) -> None:
    command = team.Appoint(by=town.holder(), kind=kind, coordinator=party(whom), age=5)
    town.take(team.decide_appoint(town.state, command, town.now, USUAL))


def coordinated(kind: CoordinatorKind = GROUP) -> Town:
    """The nurse coordinates, inside a consent."""
    town = Town().lift()
    town.consented(scope(purposes=(Purpose.COORDINATION,)))
    if kind is OF_CHILD:
        town.take(team.decide_request_coordinator(town.state, team.Wish(by=guardian(1)), town.now))
    appoint(town, NURSE, kind)
    return town


def offer(town: Town, by: Acting = NURSE, **changes: object) -> HandoverRef:
    command = coordination.OfferCoordination(
        by=by, handover=HandoverRef(town.ids.ref("hdo")), kind=GROUP, receiver=party(COORDINATOR)
    ).model_copy(update=changes)
    town.take(coordination.decide_offer(town.state, command, town.now, RULES, USUAL))
    return command.handover


def answer(town: Town, ref: HandoverRef, by: Acting = COORDINATOR, *, no: bool = False) -> None:
    command = handover.AnswerHandover(by=by, handover=ref, reject="capacity" if no else None)
    town.take(handover.decide_answer(town.state, command, town.now))


def coordinator(town: Town, kind: CoordinatorKind = GROUP) -> str | None:
    held = town.state.around.coordinator_of(kind)
    return None if held is None else held.actor


def refused(error: type[CaseError], tried: Callable[[], object], town: Town) -> None:
    before = town.state
    with pytest.raises(error):
        tried()
    assert town.state == before


@pytest.mark.rule(23, 37, 97, 107)
@pytest.mark.parametrize("kind", CoordinatorKind)
def test_the_sender_coordinates_until_the_receiver_has_accepted_and_the_baton_stays(kind: CoordinatorKind) -> None:
    town = coordinated(kind)
    ref = offer(town, kind=kind)
    sent = town.state.handovers[ref]
    assert (sent.way, sent.coordination) == ("coordinator", kind)
    assert sent.basis is not None
    assert sent.basis.code == "consent"
    assert access.allows(town.state, Action.ANSWER_HANDOVER, COORDINATOR, town.now)
    assert coordinator(town, kind) == NURSE.actor
    refused(SenderCannotAcceptError, lambda: answer(town, ref, NURSE), town)
    answer(town, ref)
    assert town.types()[-3:] == ["handover.received", "case.coordinator-appointed", "handover.coordination-accepted"]
    assert coordinator(town, kind) == COORDINATOR.actor
    assert town.state.handovers[ref].status is HandoverStatus.COMPLETED
    assert (town.holder(), town.state.open_handover) == (TEACHER, None)
    assert not access.allows(town.state, Action.HAND_OVER_COORDINATION, NURSE, town.now)
    refused(HandoverNotOpenError, lambda: answer(town, ref), town)
    # And back again, by whoever has it now.
    answer(town, offer(town, COORDINATOR, kind=kind, receiver=party(NURSE)), NURSE)
    assert coordinator(town, kind) == NURSE.actor


@pytest.mark.rule(23, 107)
def test_whoever_began_the_plan_coordinates_its_group_and_hands_that_over() -> None:
    town = Town().lift()
    town.consented()
    town.hear("plan")
    wish = plan.RequestPlan(by=guardian(1), plan=PlanRef(town.ids.ref("pln")))
    town.take(plan.decide_request(town.state, wish, town.now, RULES, USUAL))
    # By the rule alone it is whoever has that profession, and nobody's to hand over.
    refused(NotPermittedError, lambda: offer(town), town)
    start = plan.StartPlan(by=NURSE, goals=(GoalRef(town.ids.ref("goa")),))
    town.take(plan.decide_start(town.state, start, town.now))
    answer(town, offer(town))
    assert coordinator(town) == COORDINATOR.actor
    other = offer(town, COORDINATOR, receiver=party(NURSE))
    town.take(team.decide_end_coordination(town.state, team.EndCoordination(by=TEACHER, kind=GROUP), town.now))
    assert town.state.handovers[other].status is HandoverStatus.CANCELLED
    # The plan's own coordinator is the group's again; with the plan an offer of that ends.
    last = offer(town)
    close = plan.ClosePlan(by=guardian(1), reason="no-longer-wanted")
    town.take(plan.decide_close(town.state, close, town.now))
    assert (town.state.handovers[last].status, coordinator(town)) == (HandoverStatus.CANCELLED, None)


@pytest.mark.rule(36)
@pytest.mark.parametrize("letters", ["bz", "zb"])
def test_the_plan_is_the_one_that_was_asked_for_last_in_whatever_order_it_was_kept(letters: str) -> None:
    """The database keeps no order: by a random reference an ended plan came before the one that runs, or after it."""
    town = Town().lift()
    town.consented()
    first, second = (PlanRef(f"pln_{letter * 26}") for letter in letters)
    for ref in (first, second):
        wish = plan.RequestPlan(by=guardian(1), plan=ref)
        town.take(plan.decide_request(town.state, wish, town.now, RULES, USUAL))
        kept = json.dumps(town.state.model_dump(mode="json"), sort_keys=True)
        town.state = CaseState.model_validate_json(kept)
        present = town.state.around.plan
        assert present is not None
        assert (present.ref, present.status) == (ref, "requested")
        again = plan.RequestPlan(by=guardian(1), plan=PlanRef(town.ids.ref("pln")))
        refused(PlanExistsError, partial(plan.decide_request, town.state, again, town.now, RULES, USUAL), town)
        close = plan.ClosePlan(by=guardian(1), reason="no-longer-wanted")
        town.take(plan.decide_close(town.state, close, town.now))
    kept = json.dumps(town.state.model_dump(mode="json"), sort_keys=True)
    last = CaseState.model_validate_json(kept).around.plan
    assert last is not None
    assert last.ref == second


@pytest.mark.rule(4, 23, 106, 107)
def test_what_is_refused() -> None:
    town = coordinated()
    for by, error in (
        (TEACHER, NotPermittedError),
        (PPT, NotPermittedError),
        (guardian(1), NotPermittedError),
        (COLLEAGUE, NotInvolvedError),
    ):
        refused(error, lambda by=by: offer(town, by), town)  # type: ignore[misc]
    refused(NotPermittedError, lambda: offer(town, kind=OF_CHILD), town)
    refused(ReceiverIsSenderError, lambda: offer(town, receiver=party(NURSE)), town)
    refused(CoordinatorUnfitError, lambda: offer(town, receiver=party(PPT)), town)
    nobody = party(COORDINATOR).model_copy(update={"service": None})
    refused(CoordinatorUnfitError, lambda: offer(town, receiver=nobody), town)
    refused(ReceiverAwayError, lambda: offer(town, receiver_away=True), town)
    refused(AnswerTimeError, lambda: offer(town, respond_by=town.now), town)
    ref = offer(town)
    refused(HandoverOpenError, lambda: offer(town), town)
    refused(HandoverOpenError, lambda: offer_baton(town), town)
    close = course.CloseCase(by=TEACHER, outcome="goal-reached")
    refused(HandoverOpenError, lambda: course.decide_close(town.state, close, town.now), town)
    moved = COORDINATOR.model_copy(update={"unit": UnitId("unit:elsewhere")})
    refused(ReceiverElsewhereError, lambda: answer(town, ref, moved), town)
    town.take(handover.decide_withdraw(town.state, handover.WithdrawHandover(by=NURSE, handover=ref), town.now))
    offer_baton(town)
    refused(HandoverOpenError, lambda: offer(town), town)


@pytest.mark.rule(107)
def test_no_withdrawal_time_and_the_leader_as_for_every_handover() -> None:
    town = coordinated()
    answer(town, offer(town), no=True)
    ref = offer(town)
    back = handover.WithdrawHandover(by=TEACHER, handover=ref)
    refused(NotPermittedError, lambda: handover.decide_withdraw(town.state, back, town.now), town)
    town.take(handover.decide_withdraw(town.state, back.model_copy(update={"by": NURSE}), town.now))
    assert coordinator(town) == NURSE.actor
    ref = offer(town)
    town.later(days=7)
    town.take(waiting.decide_overdue(town.state, ref, town.now))
    town.take(waiting.decide_escalate(town.state, ref, town.now))
    assert town.types()[-2:] == ["handover.overdue", "handover.escalated"]
    assert coordinator(town) == NURSE.actor
    answer(town, ref, NURSES_LEADER)
    assert (coordinator(town), town.history[-1].model_dump()["on_behalf"]) == (COORDINATOR.actor, True)


@pytest.mark.rule(97, 107)
def test_the_coordinator_of_another_thing_takes_nothing_back() -> None:
    town = coordinated(OF_CHILD)
    appoint(town, COORDINATOR)
    ref = offer(town, kind=OF_CHILD)
    back = handover.WithdrawHandover(by=COORDINATOR, handover=ref)
    refused(NotPermittedError, lambda: handover.decide_withdraw(town.state, back, town.now), town)
    answer(town, ref)
    assert (coordinator(town), coordinator(town, OF_CHILD)) == (COORDINATOR.actor, COORDINATOR.actor)


@pytest.mark.rule(4, 97, 107)
def test_it_is_cancelled_when_its_basis_lapses_or_somebody_is_gone() -> None:
    town = coordinated()
    ref = offer(town)
    [consent] = town.state.consents
    town.withdraw(consent)
    assert (town.state.handovers[ref].status, coordinator(town)) == (HandoverStatus.CANCELLED, None)
    again = coordinated()
    ref = offer(again)
    assert COORDINATOR.unit is not None
    again.take(waiting.decide_receiver_gone(again.state, COORDINATOR.actor, COORDINATOR.unit))
    assert (again.state.handovers[ref].status, coordinator(again)) == (HandoverStatus.CANCELLED, NURSE.actor)
    # Another is appointed meanwhile: who had offered it has nothing to offer.
    ref = offer(again)
    other = employee("othernurse", Role.HEALTH_NURSE, Service.HELSESTASJON, COORDINATOR.unit)
    appoint(again, other)
    assert (again.state.handovers[ref].status, coordinator(again)) == (HandoverStatus.CANCELLED, other.actor)
    # Appointed once more is no other.
    ref = offer(again, other)
    appoint(again, other)
    assert again.state.handovers[ref].status is HandoverStatus.SENT
    of_age = coordinated(OF_CHILD)
    ref = offer(of_age, kind=OF_CHILD)
    of_age.take(team.decide_of_age(of_age.state, 18, USUAL))
    assert (of_age.state.handovers[ref].status, coordinator(of_age, OF_CHILD)) == (HandoverStatus.CANCELLED, None)


def charged(town: Town) -> tuple[str, CoordinatorKind | None] | None:
    held = coordination.in_charge(town.state, town.now)
    return None if held is None else (held.party.actor, held.kind)


@pytest.mark.rule(97, 100, 122)
def test_somebody_coordinates_the_services_at_every_moment_until_the_case_is_closed() -> None:
    town = Town()
    assert charged(town) == (TEACHER.actor, None)
    town.lift()
    assert charged(town) == (TEACHER.actor, None)
    town.consented(scope(purposes=(Purpose.COORDINATION,)))
    appoint(town, NURSE)
    assert charged(town) == (NURSE.actor, GROUP)
    town.take(team.decide_request_coordinator(town.state, team.Wish(by=guardian(1)), town.now))
    appoint(town, COORDINATOR, OF_CHILD)
    assert charged(town) == (COORDINATOR.actor, OF_CHILD), "who has the whole, by law"
    town.take(team.decide_of_age(town.state, 18, USUAL))
    assert charged(town) == (NURSE.actor, GROUP)
    # While an offer waits it is whoever offers, and then whoever has accepted.
    ref = offer(town)
    assert charged(town) == (NURSE.actor, GROUP)
    answer(town, ref)
    assert charged(town) == (COORDINATOR.actor, GROUP)
    # The holder has it again when the basis is gone, withdrawn or over by the clock alone.
    [consent] = town.state.consents
    late = coordination.in_charge(town.state, add_days(town.now, 400))
    assert late is not None
    assert late.party == town.state.holder
    town.withdraw(consent)
    assert charged(town) == (TEACHER.actor, None)
    town.take(course.decide_close(town.state, course.CloseCase(by=TEACHER, outcome="goal-reached"), town.now))
    assert charged(town) is None


@pytest.mark.rule(24)
def test_a_group_is_coordinated_until_the_child_is_18_and_nobody_is_appointed_for_it_then() -> None:
    town = coordinated()
    ref = offer(town)
    town.take(ending.decide_adulthood(town.state, town.now, RULES))
    assert town.types()[-4:] == [
        "case.adulthood-reached",
        "case.guardians-changed",
        "case.coordinator-ended",
        "handover.cancelled",
    ]
    assert (coordinator(town), town.state.handovers[ref].status) == (None, HandoverStatus.CANCELLED)
    assert town.state.holder == party(TEACHER), "somebody answers for the case all the same, until it has ended"
    command = team.Appoint(by=TEACHER, kind=GROUP, coordinator=party(NURSE), age=18)
    refused(ChildOfAgeError, lambda: team.decide_appoint(town.state, command, town.now, USUAL), town)
    # On the day before there was nothing to refuse.
    day_before = coordinated()
    day_before.take(team.decide_appoint(day_before.state, command.model_copy(update={"age": 17}), town.now, USUAL))
    assert coordinator(day_before) == NURSE.actor


@pytest.mark.rule(24)
def test_who_came_of_age_before_it_was_said_that_the_group_ends_has_no_coordinator_of_it_either() -> None:
    """No event said then that nobody coordinates it any more, and none is needed."""
    town = coordinated()
    ref = offer(town)
    town.take(ending.decide_adulthood(town.state, town.now, RULES)[:2])
    assert town.types()[-2:] == ["case.adulthood-reached", "case.guardians-changed"]
    assert (coordinator(town), charged(town)) == (None, (TEACHER.actor, None))
    assert Relation.COORDINATOR not in relations(town.state, NURSE, town.now)
    refused(ChildOfAgeError, lambda: answer(town, ref, COORDINATOR), town)
    # Who wants a plan then has somebody appointed for it, who may have been the group's.
    wish = plan.RequestPlan(by=CHILD, plan=PlanRef(town.ids.ref("pln")))
    town.take(plan.decide_request(town.state, wish, town.now, RULES, USUAL))
    assert charged(town) == (TEACHER.actor, None)
    command = team.Appoint(by=TEACHER, kind=GROUP, coordinator=party(NURSE), age=18)
    town.take(team.decide_appoint(town.state, command, town.now, USUAL))
    assert charged(town) == (NURSE.actor, GROUP)
    # The plan too may have ended before it was said.
    close = plan.ClosePlan(by=CHILD, reason="no-longer-wanted")
    town.take(plan.decide_close(town.state, close, town.now)[:1])
    assert (town.types()[-1], charged(town)) == ("plan.closed", (TEACHER.actor, None))


@pytest.mark.rule(24, 36, 37)
def test_a_plan_has_no_age_and_is_coordinated_beyond_it_until_it_ends() -> None:
    town = coordinated()
    wish = plan.RequestPlan(by=guardian(1), plan=PlanRef(town.ids.ref("pln")))
    town.take(plan.decide_request(town.state, wish, town.now, RULES, USUAL))
    town.take(ending.decide_adulthood(town.state, town.now, RULES))
    assert coordinator(town) == NURSE.actor
    # Somebody else may still be appointed for it, as long as it runs.
    command = team.Appoint(by=TEACHER, kind=GROUP, coordinator=party(COORDINATOR), age=18)
    town.take(team.decide_appoint(town.state, command, town.now, USUAL))
    assert coordinator(town) == COORDINATOR.actor
    close = plan.ClosePlan(by=CHILD, reason="no-longer-wanted")
    town.take(plan.decide_close(town.state, close, town.now))
    assert town.types()[-2:] == ["plan.closed", "case.coordinator-ended"]
    assert coordinator(town) is None
    refused(ChildOfAgeError, lambda: team.decide_appoint(town.state, command, town.now, USUAL), town)
    # Of a child the group goes on when its plan does not.
    young = coordinated()
    young.take(plan.decide_request(young.state, wish, young.now, RULES, USUAL))
    young.take(plan.decide_close(young.state, plan.ClosePlan(by=NURSE, reason="goals-reached"), young.now))
    assert coordinator(young) == NURSE.actor


@pytest.mark.rule(4, 107)
def test_a_consent_that_is_over_before_anybody_noticed_carries_no_acceptance() -> None:
    town = coordinated()
    ref = offer(town)
    town.later(days=400)
    refused(ConsentMissingError, lambda: answer(town, ref, NURSES_LEADER), town)


@pytest.mark.rule(107)
def test_a_baton_that_falls_to_the_leader_leaves_the_offer_of_the_coordination_alone() -> None:
    town = coordinated()
    ref = offer(town)
    fallen = absence.decide_fall(
        town.state, TEACHER.actor, party(STYRER), HandoverRef(town.ids.ref("hdo")), town.now, RULES
    )
    town.take(fallen)
    assert town.state.holder == party(STYRER)
    assert STYRER.unit == LIA
    assert town.state.handovers[ref].status is HandoverStatus.SENT
    answer(town, ref)
    assert (coordinator(town), town.state.holder) == (COORDINATOR.actor, party(STYRER))


def fall(town: Town, kind: CoordinatorKind = GROUP, *, absent: Acting = NURSE, leader: Acting = NURSES_LEADER) -> None:
    """The last day of whoever is absent is over."""
    assert absent.unit is not None
    ref = HandoverRef(town.ids.ref("hdo"))
    who = (absent.actor, absent.unit)
    town.take(absence.decide_coordination_falls(town.state, kind, who, party(leader), ref, town.now, RULES))


@pytest.mark.rule(23, 97, 107)
@pytest.mark.parametrize("kind", CoordinatorKind)
def test_a_coordination_falls_to_the_leader_of_the_unit_who_hands_it_on(kind: CoordinatorKind) -> None:
    town = coordinated(kind)
    waits = offer(town, kind=kind)
    assert not access.allows(town.state, Action.HAND_OVER_COORDINATION, NURSES_LEADER, town.now)
    fall(town, kind)
    fall(town, kind)
    assert (coordinator(town, kind), town.holder()) == (NURSES_LEADER.actor, TEACHER)
    assert town.state.handovers[waits].status is HandoverStatus.CANCELLED
    [fallen] = [one for one in town.history if isinstance(one, HandoverCoordinationAccepted)]
    assert (fallen.by_rule, fallen.on_behalf, town.state.open_handover) == (True, True, None)
    assert not access.allows(town.state, Action.HAND_OVER_COORDINATION, NURSE, town.now)
    answer(town, offer(town, NURSES_LEADER, kind=kind))
    assert coordinator(town, kind) == COORDINATOR.actor
    assert not access.allows(town.state, Action.HAND_OVER_COORDINATION, NURSES_LEADER, town.now)


@pytest.mark.rule(23, 107)
def test_what_somebody_else_coordinates_or_in_another_unit_does_not_fall() -> None:
    town = coordinated()
    before = len(town.history)
    fall(town, OF_CHILD)
    fall(town, absent=COORDINATOR)
    fall(town, absent=NURSE.model_copy(update={"unit": LIA}))
    fall(town, leader=NURSE)
    assert len(town.history) == before
    fall(town)
    [consent] = town.state.consents
    town.withdraw(consent)
    # To lead is no basis: with the consent it is over, for a leader too.
    assert (coordinator(town), access.allows(town.state, Action.SEE_CASE, NURSES_LEADER, town.now)) == (None, False)
