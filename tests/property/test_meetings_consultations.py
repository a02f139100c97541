"""Hearings under any order of answers, corrections and moments: each body answers once, and nothing is answered after the end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.meetings.configuration import read_profiles
from services.meetings.domain.consultation import (
    CONSULTATION,
    ESCALATE_DAYS,
    WITH_WORDS,
    ConsultationState,
    NewConsultation,
    Part,
    Status,
    bodies_of,
    check_answerer,
    check_opener,
    decide_answer,
    decide_close,
    decide_correct,
    decide_escalate,
    decide_open,
    decide_overdue,
    hearing_of,
    may_read_answer,
    parts_of,
)
from services.meetings.errors import (
    ConsultationBodiesError,
    ConsultationKindError,
    ConsultationOpenError,
    ConsultationTimeError,
    MayNotAnswerError,
    MayNotConsultError,
    MeetingsError,
)
from services.meetings.settings import MeetingsSettings
from shared.auth import Actor
from shared.contracts.base import EventData
from shared.contracts.cases import Party
from shared.contracts.codes import Role, Service
from shared.contracts.consultations import (
    Body,
    ConsultationAnswered,
    ConsultationClosed,
    ConsultationEscalated,
    ConsultationOpened,
    ConsultationOverdue,
    Position,
)
from shared.refs import ActorId, ConsultationRef, LogScope, UnitId

pytestmark = pytest.mark.rule(173)

RENNESOY = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)[LogScope("1142")]
HEARING = hearing_of(RENNESOY, "matters-on-children")
START = datetime(2026, 9, 7, 8, tzinfo=UTC)
REF = ConsultationRef("hrg_" + "b" * 26)
OPENER = Party(actor=ActorId("act_coordinator"), role=Role.COORDINATOR, unit=UnitId("unit:rennesoy-kommune"))
BODIES = bodies_of(RENNESOY, HEARING, (), date(2026, 9, 7))[:3]
UNITS = [body.unit for body in BODIES]


def opened() -> ConsultationState:
    new = NewConsultation(REF, HEARING.code, OPENER, frozenset(UNITS), None)
    return CONSULTATION.replay(decide_open(ConsultationState(), new, HEARING, BODIES, START))


def actor(unit: str | None, *roles: Role, who: str = "act_somebody0", service: Service | None = None) -> Actor:
    return Actor(
        id=ActorId(who),
        kind="user",
        roles=frozenset(roles),
        service=service,
        unit=None if unit is None else UnitId(unit),
        organisation=None,
        municipality=LogScope("1142"),
        client="tests",
        acr=None,
    )


COMMANDS = st.lists(
    st.tuples(
        st.timedeltas(timedelta(0), timedelta(days=40)),
        st.sampled_from(["answer", "correct", "overdue", "escalate", "completed", "withdrawn"]),
        st.sampled_from(BODIES),
        st.sampled_from(Position),
        st.booleans(),
    ),
    max_size=30,
)


def obey(
    state: ConsultationState, command: str, body: Body, position: Position, now: datetime, *, words: bool
) -> Sequence[EventData]:
    match command:
        case "answer":
            return decide_answer(state, body, position, now, words=words)
        case "correct":
            return decide_correct(state, body, position, now, words=words)
        case "overdue":
            return decide_overdue(state, now)
        case "escalate":
            return decide_escalate(state, now)
        case "completed":
            return decide_close(state, "completed", now)
        case _:
            return decide_close(state, "withdrawn", now)


@given(COMMANDS)
def test_each_body_answers_once_and_nothing_comes_after_the_end(
    commands: list[tuple[timedelta, str, Body, Position, bool]],
) -> None:
    state, due = opened(), START + timedelta(days=HEARING.days)
    assert state.answer_by == due
    history: list[EventData] = []
    first: dict[UnitId, datetime] = {}
    for passed, command, body, position, words in sorted(commands, key=lambda each: each[0]):
        now, before = START + passed, state
        try:
            events = obey(state, command, body, position, now, words=words)
        except MeetingsError:
            continue
        for event in events:
            # Nothing happens to a hearing that is closed.
            assert before.status not in {Status.COMPLETED, Status.WITHDRAWN}
            history.append(event)
            state = CONSULTATION.evolve(state, event)
            match event:
                case ConsultationAnswered():
                    given_before = before.answer(event.unit)
                    assert event.version == (1 if given_before is None else given_before.version + 1)
                    assert (event.version == 1) == (command == "answer")
                    assert words or position not in WITH_WORDS
                    assert event.answered_at == now
                    if event.version == 1:
                        assert (event.late, event.corrected_late) == (now >= due, False)
                        first[event.unit] = now
                    else:
                        # What was in time stays so, and what stands now is said to be from afterwards.
                        assert given_before is not None
                        assert (event.late, event.corrected_late) == (given_before.late, now >= due)
                    stands = state.answer(event.unit)
                    assert stands is not None
                    assert (stands.answered_at, stands.late) == (first[event.unit], first[event.unit] >= due)
                    assert stands.corrected_at == (None if event.version == 1 else now)
                    assert stands.corrected_late == (event.version > 1 and now >= due)
                case ConsultationOverdue():
                    assert now >= due
                    assert event.bodies == before.unanswered
                case ConsultationEscalated():
                    assert now >= due + timedelta(days=ESCALATE_DAYS)
                    assert event.bodies == before.unanswered
                case ConsultationClosed(reason="completed"):
                    assert not before.unanswered or now >= due
        assert sorted((*state.answered, *state.unanswered), key=str) == sorted(BODIES, key=str)
    kinds = [type(event) for event in history]
    for once in (ConsultationOverdue, ConsultationEscalated, ConsultationClosed):
        assert kinds.count(once) <= 1
    if ConsultationEscalated in kinds:
        assert kinds.index(ConsultationOverdue) < kinds.index(ConsultationEscalated)
    begins = ConsultationOpened(
        consultation=REF,
        kind=HEARING.code,
        arena_type=HEARING.arena,
        opened_by=OPENER,
        bodies=BODIES,
        answer_by=due,
    )
    assert CONSULTATION.replay([begins, *history]) == state


@pytest.mark.parametrize("beside", [timedelta(microseconds=-1), timedelta(0), timedelta(microseconds=1)])
def test_the_time_is_out_from_its_very_moment(beside: timedelta) -> None:
    """For a first answer and for a correction alike; nobody draws that microsecond by chance."""
    due = START + timedelta(days=HEARING.days)
    position = next(each for each in Position if each not in WITH_WORDS)
    first = decide_answer(opened(), BODIES[0], position, due + beside, words=False)
    state = opened()
    for event in decide_answer(state, BODIES[0], position, START, words=False):
        state = CONSULTATION.evolve(state, event)
    again = decide_correct(state, BODIES[0], position, due + beside, words=False)
    is_out = beside >= timedelta(0)
    assert [(each.late, each.corrected_late) for each in first if isinstance(each, ConsultationAnswered)] == [
        (is_out, False)
    ]
    assert [(each.late, each.corrected_late) for each in again if isinstance(each, ConsultationAnswered)] == [
        (False, is_out)
    ]


@given(st.timedeltas(timedelta(days=-5), timedelta(days=300)))
def test_the_bodies_have_the_days_that_the_profile_gives_and_at_most_half_a_year(passed: timedelta) -> None:
    new = NewConsultation(REF, HEARING.code, OPENER, frozenset(), START + passed)
    if timedelta(days=HEARING.days) <= passed <= timedelta(days=179):
        [event] = decide_open(ConsultationState(), new, HEARING, BODIES, START)
        assert isinstance(event, ConsultationOpened)
        assert event.answer_by == START + passed
    elif passed < timedelta(days=HEARING.days) or passed > timedelta(days=181):
        with pytest.raises(ConsultationTimeError):
            decide_open(ConsultationState(), new, HEARING, BODIES, START)


def test_heard_are_units_of_the_services_that_the_profile_names() -> None:
    day = date(2026, 9, 7)
    everybody = bodies_of(RENNESOY, HEARING, (), day)
    assert {body.service for body in everybody} == set(HEARING.bodies)
    assert [body.unit for body in everybody] == sorted(body.unit for body in everybody)
    assert bodies_of(RENNESOY, HEARING, [UNITS[1]], day) == (BODIES[1],)
    for strange in ("unit:rennesoy-kommune", "unit:nowhere"):
        with pytest.raises(ConsultationBodiesError):
            bodies_of(RENNESOY, HEARING, [UnitId(strange)], day)
    with pytest.raises(ConsultationBodiesError):
        bodies_of(RENNESOY.model_copy(update={"units": ()}), HEARING, (), day)
    with pytest.raises(ConsultationKindError):
        hearing_of(RENNESOY, "something-else")


STRANGERS = [
    actor("unit:vikevag-skole", Role.LEADER, service=Service.SKOLE),
    actor("unit:rennesoy-kommune", Role.TEACHER),
    actor(None, Role.COORDINATOR, who="act_another00"),
    actor(UNITS[0], Role.AUDITOR),
    actor(UNITS[0]),
]


@pytest.mark.parametrize("stranger", STRANGERS)
def test_to_whoever_has_no_part_there_is_no_hearing(stranger: Actor) -> None:
    assert stranger.unit not in UNITS or not stranger.staff
    assert not parts_of(opened(), stranger)
    assert not any(may_read_answer(opened(), unit, stranger) for unit in UNITS)


@pytest.mark.rule(72)
def test_who_has_which_part() -> None:
    state = opened()
    same = actor(None, Role.COORDINATOR, who="act_coordinator")
    colleague = actor("unit:rennesoy-kommune", Role.LEADER, who="act_another00")
    member = actor(UNITS[0], Role.TEACHER)
    assert parts_of(state, same) == parts_of(state, colleague) == {Part.OPENER}
    assert parts_of(state, member) == {Part.BODY}
    assert all(may_read_answer(state, unit, same) for unit in UNITS)
    assert [may_read_answer(state, unit, member) for unit in UNITS] == [True, False, False]
    # The bodies read each other's answers when it is completed, and never when it was withdrawn.
    for status, shown in ((Status.COMPLETED, True), (Status.WITHDRAWN, False), (Status.ESCALATED, False)):
        closed = state.model_copy(update={"status": status})
        assert [may_read_answer(closed, unit, member) for unit in UNITS] == [True, shown, shown]
    for body in bodies_of(RENNESOY, HEARING, (), date(2026, 9, 7)):
        whole = state.model_copy(update={"bodies": (body,)})
        leader = actor(body.unit, Role.LEADER, service=body.service)
        other = actor(body.unit, Role.TEACHER, service=body.service)
        assert check_answerer(whole, leader) == body
        if body.service in {Service.BARNEHAGE, Service.SKOLE}:
            with pytest.raises(MayNotAnswerError):
                check_answerer(whole, other)
        else:
            assert check_answerer(whole, other) == body
    with pytest.raises(MayNotAnswerError):
        check_answerer(state, same)


def test_who_opens_one() -> None:
    for may in (actor(None, Role.COORDINATOR), actor("unit:vikevag-skole", Role.LEADER)):
        check_opener(RENNESOY, may)
    for no in (
        actor("unit:vikevag-skole", Role.TEACHER),
        actor("unit:nowhere", Role.LEADER),
        actor(None, Role.LEADER),
        actor(None, Role.AUDITOR),
    ):
        with pytest.raises(MayNotConsultError):
            check_opener(RENNESOY, no)


def test_it_is_not_completed_while_there_is_time_and_somebody_has_not_answered() -> None:
    state = opened()
    assert state.answer_by is not None
    with pytest.raises(ConsultationOpenError):
        decide_close(state, "completed", state.answer_by - timedelta(seconds=1))
    assert decide_close(state, "completed", state.answer_by)
    assert decide_close(state, "withdrawn", START)
