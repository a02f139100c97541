"""None is orphaned: whatever is done with somebody's cases before the last day, none rests with who is not there (seed rule 107)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.cases.domain import absence, concern, handover, waiting
from services.cases.domain.absence import ABSENCE_LIFE, AbsenceState, AbsenceStatus
from services.cases.domain.acting import Acting
from services.cases.domain.state import OPEN_HANDOVER, Stage
from services.cases.errors import (
    AbsenceFallsToError,
    AbsenceOfOthersError,
    AbsenceOverError,
    AbsencePeriodError,
    CaseError,
    NotInvolvedError,
)
from shared.contracts.base import EventData
from shared.contracts.cases import AbsenceReason, HandoverAccepted, HandoverRoute, LocalOutcome, Package, Party
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.refs import AbsenceRef, HandoverRef
from tests.unit.cases_town import (
    COLLEAGUE,
    CURIOUS,
    LIA,
    NOTIFY,
    PPT,
    RULES,
    START,
    STYRER,
    TEACHER,
    Town,
    employee,
    guardian,
    party,
    scope,
)

pytestmark = pytest.mark.rule(107)

TODAY = date(2026, 9, 7)
STEPS = (
    "offer",
    "offer-out",
    "accept",
    "reject",
    "withdraw",
    "solve",
    "lift",
    "leader-offers",
    "to-the-leaver",
    "later",
)


def attempt(town: Town, decide: Callable[[], list[EventData]]) -> None:
    try:
        town.take(decide())
    except CaseError:
        return


def step(town: Town, name: str) -> None:
    """Do one of the things that may be done with a case, if it can be done now."""
    state, now = town.state, town.now
    waits, holder = state.open_handover, town.holder()
    ref = HandoverRef(town.ids.ref("hdo"))

    def send(by: Acting, to: Acting, kind: HandoverRoute) -> list[EventData]:
        categories = frozenset({InformationCategory.LANGUAGE}) if to is PPT else frozenset[InformationCategory]()
        command = handover.SendHandover(
            by=by,
            handover=ref,
            kind=kind,
            receiver=party(to),
            package=Package(categories=categories),
            holder_away=True,
        )
        return [*handover.decide_send(state, command, now, RULES)]

    def answered(reject: handover.RejectReason | None) -> list[EventData]:
        if waits is None:
            return []
        by = {one.actor: one for one in (TEACHER, COLLEAGUE, PPT, STYRER)}[waits.receiver.actor]
        command = handover.AnswerHandover(by=by, handover=waits.ref, reject=reject)
        return [*handover.decide_answer(state, command, now)]

    ways: dict[str, Callable[[], list[EventData]]] = {
        "offer": lambda: send(holder, COLLEAGUE, HandoverRoute.STAFF_LEAVES),
        "offer-out": lambda: send(holder, PPT, HandoverRoute.UNIT),
        "leader-offers": lambda: send(STYRER, COLLEAGUE, HandoverRoute.STAFF_LEAVES),
        "to-the-leaver": lambda: send(holder, TEACHER, HandoverRoute.BATON),
        "accept": lambda: answered(None),
        "reject": lambda: answered("capacity"),
        "withdraw": lambda: (
            []
            if waits is None
            else [*handover.decide_withdraw(state, handover.WithdrawHandover(by=holder, handover=waits.ref), now)]
        ),
        "solve": lambda: [
            *concern.decide_resolve(
                state, concern.ResolveConcern(by=holder, outcome=LocalOutcome.UNFOUNDED), now, RULES
            )
        ],
        "lift": lambda: [*concern.decide_resolve(state, concern.ResolveConcern(by=holder), now, RULES)],
    }
    if name == "later":
        town.later(days=2)
        if waits is not None:
            town.take(waiting.decide_escalate(town.state, waits.ref, town.now))
        return
    attempt(town, ways[name])


@given(histories=st.lists(st.lists(st.sampled_from(STEPS), max_size=8), min_size=1, max_size=3), lifted=st.booleans())
@settings(max_examples=150, deadline=None)
def test_after_the_last_day_nothing_rests_with_whoever_is_gone(histories: list[list[str]], lifted: bool) -> None:
    for seed, steps in enumerate(histories, start=1):
        town = Town(seed=seed)
        if lifted:
            town.lift()
            town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.TRANSITION,)))
        for name in steps:
            step(town, name)
        before = town.state.holder
        ref = HandoverRef(town.ids.ref("hdo"))
        town.take(absence.decide_fall(town.state, TEACHER.actor, party(STYRER), ref, town.now, RULES))
        town.take(waiting.decide_receiver_gone(town.state, TEACHER.actor, LIA))
        holder = town.state.holder
        assert (holder is None) == (before is None)
        assert holder is None or holder.actor != TEACHER.actor
        if before is not None:
            assert holder == (party(STYRER) if before.actor == TEACHER.actor else before)
        waits = [one for one in town.state.handovers.values() if one.status in OPEN_HANDOVER]
        assert len(waits) <= 1
        assert all(one.receiver.actor != TEACHER.actor for one in waits)
        assert absence.decide_fall(town.state, TEACHER.actor, party(STYRER), ref, town.now, RULES) == []


@given(
    by=st.sampled_from((TEACHER, STYRER, COLLEAGUE, CURIOUS, PPT, guardian(1), None)),
    to=st.sampled_from((STYRER, STYRER, COLLEAGUE, CURIOUS)),
    person=st.sampled_from((TEACHER, TEACHER, STYRER)),
    reason=st.sampled_from(AbsenceReason),
    last=st.integers(min_value=-3, max_value=40),
    back=st.none() | st.integers(min_value=-3, max_value=60),
    falls_back=st.sampled_from((False, False, True)),
    then=st.lists(st.sampled_from(("begin", *(TEACHER, STYRER, COLLEAGUE, PPT))), max_size=4),
)
def test_an_absence_is_registered_by_whose_it_is_falls_to_a_leader_and_is_over_once(
    by: Acting | None,
    to: Acting,
    person: Acting,
    reason: AbsenceReason,
    last: int,
    back: int | None,
    falls_back: bool,
    then: list[str | Acting],
) -> None:
    command = register(
        by or DIRECTORY,
        directory=by is None,
        person=person.actor,
        falls_to=party(to),
        reason=reason,
        last_day=TODAY + timedelta(days=last),
        back_on=None if back is None else TODAY + timedelta(days=back),
        falls_back=falls_back,
    )
    may = by is None or by in (person, STYRER)
    falls = to == STYRER != person and not falls_back
    in_order = (back is None or back > last) and (last >= 0 or reason is not AbsenceReason.AWAY)
    try:
        registered = absence.decide_register(command, START)
    except CaseError:
        assert not (may and falls and in_order)
        return
    assert may
    assert falls
    assert in_order
    history = [*registered]
    over = False
    for step in then:
        state = fold(*history)
        if step == "begin":
            happened = absence.decide_begin(state, fell=1, cancelled=0)
            assert bool(happened) is not over
        else:
            assert isinstance(step, Acting)
            try:
                happened = absence.decide_withdraw(state, step)
            except CaseError:
                assert over or step not in {person, STYRER}
                continue
            assert not over
            assert step in (person, STYRER)
        history += happened
        over = over or bool(happened)
    assert len(history) == 1 + over


def test_what_falls_by_rule_says_so_and_an_offer_out_of_the_unit_goes_on() -> None:
    town = Town().lift()
    town.consented(scope((Service.PPT,), (InformationCategory.LANGUAGE,), (Purpose.TRANSITION,)))
    step(town, "offer-out")
    town.take(
        absence.decide_fall(town.state, TEACHER.actor, party(STYRER), HandoverRef("hdo_" + "b" * 26), town.now, RULES)
    )
    [accepted] = [one for one in town.history if isinstance(one, HandoverAccepted)]
    assert (accepted.by_rule, accepted.on_behalf) == (True, True)
    assert town.state.open_handover is not None
    step(town, "accept")
    assert (town.state.stage, town.holder()) == (Stage.OPEN, PPT)


# --- who may register it ----------------------------------------------------------------------------------------------

OTHER_LEADER = employee("leader", Role.LEADER, Service.BARNEHAGE, LIA)
DIRECTORY = NOTIFY.model_copy(update={"reaches_guardians": False})


def register(by: Acting, **changes: object) -> absence.RegisterAbsence:
    return absence.RegisterAbsence(
        by=by,
        absence=AbsenceRef("abs_" + "b" * 26),
        person=TEACHER.actor,
        unit=LIA,
        reason=AbsenceReason.AWAY,
        last_day=TODAY,
        falls_to=party(STYRER),
        cases=1,
    ).model_copy(update=changes)


def test_the_employee_the_leader_and_the_directory_say_who_is_away_and_nobody_else() -> None:
    for command in (register(TEACHER), register(STYRER), register(DIRECTORY, directory=True)):
        assert len(absence.decide_register(command, START)) == 1
    for other in (COLLEAGUE, CURIOUS, PPT, guardian(1), DIRECTORY):
        with pytest.raises(AbsenceOfOthersError):
            absence.decide_register(register(other), START)
    moved = TEACHER.model_copy(update={"unit": CURIOUS.unit})
    with pytest.raises(AbsenceOfOthersError):
        absence.decide_register(register(moved), START)


@pytest.mark.parametrize("to", [party(COLLEAGUE), party(CURIOUS), party(STYRER).model_copy(update={"unit": None})])
def test_it_falls_to_a_leader_of_the_unit(to: Party) -> None:
    with pytest.raises(AbsenceFallsToError):
        absence.decide_register(register(TEACHER, falls_to=to), START)


def test_a_leader_who_leaves_names_another() -> None:
    own = register(STYRER, person=STYRER.actor)
    with pytest.raises(AbsenceFallsToError):
        absence.decide_register(own, START)
    assert absence.decide_register(own.model_copy(update={"falls_to": party(OTHER_LEADER)}), START)


@pytest.mark.parametrize(
    ("last", "back", "reason", "right"),
    [
        (0, None, AbsenceReason.AWAY, True),
        (-1, None, AbsenceReason.AWAY, False),
        (-1, None, AbsenceReason.LEFT, True),
        (5, 6, AbsenceReason.AWAY, True),
        (5, 5, AbsenceReason.AWAY, False),
    ],
)
def test_the_last_day_and_the_day_back(last: int, back: int | None, reason: AbsenceReason, right: bool) -> None:
    command = register(
        TEACHER,
        last_day=TODAY + timedelta(days=last),
        back_on=None if back is None else TODAY + timedelta(days=back),
        reason=reason,
    )
    if right:
        assert absence.decide_register(command, START)
    else:
        with pytest.raises(AbsencePeriodError):
            absence.decide_register(command, START)


def fold(*events: EventData) -> AbsenceState:
    state = AbsenceState()
    for event in events:
        state = absence.evolve(state, event)
    return state


def test_an_absence_begins_or_is_taken_back_once() -> None:
    [registered] = absence.decide_register(register(TEACHER), START)
    state = fold(registered)
    with pytest.raises(NotInvolvedError):
        absence.decide_withdraw(state, COLLEAGUE)
    [withdrawn] = absence.decide_withdraw(state, STYRER)
    assert absence.decide_begin(fold(registered, withdrawn), fell=1, cancelled=0) == []
    [began] = absence.decide_begin(state, fell=2, cancelled=1)
    begun = fold(registered, began)
    assert (begun.status, begun.fell, begun.cancelled) == (AbsenceStatus.BEGUN, 2, 1)
    assert fold(registered, began, withdrawn) == begun
    with pytest.raises(AbsenceOverError):
        absence.decide_withdraw(begun, TEACHER)
    assert set(ABSENCE_LIFE.every_status) == set(AbsenceStatus)
