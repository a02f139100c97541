"""Deadlines under any order of moments and commands: each step once a round, in order, and nothing after it is closed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain import policy
from services.notify.domain.deadline import (
    DEADLINE,
    DeadlineState,
    Status,
    Step,
    consent_of,
    deadline_of,
    decide_close,
    decide_reassign,
    decide_set,
    decide_step,
)
from services.notify.domain.message import (
    MESSAGE,
    MessageState,
    Reachable,
    choose_language,
    decide_cancel,
    decide_failed,
    decide_queue,
    decide_read,
    decide_sent,
)
from services.notify.domain.receipts import RECEIPTS, ReceiptsState, decide_receipt, ended_services
from services.notify.errors import MessageNotFoundError, MessageWithdrawnError
from shared.calendar import add_days
from shared.clock import OSLO
from shared.contracts.base import EventData
from shared.contracts.codes import InformationCategory, Language, Purpose, Role, Scope, Service
from shared.contracts.notify import (
    Channel,
    DeadlineApproaching,
    DeadlineClosed,
    DeadlineKind,
    DeadlineMissed,
    DeadlineSet,
    EscalationRaised,
    NotificationQueued,
    Responsible,
)
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, MessageRef, UnitId

pytestmark = pytest.mark.rule(79, 82, 88, 95, 107)

CASE = CaseRef("cas_" + "b" * 26)
REF = deadline_of("con_" + "c" * 26)
START = datetime(2026, 9, 7, 8, tzinfo=UTC)
TEACHER = Responsible(actor=ActorId("act_teacher00"), role=Role.TEACHER, unit=UnitId("unit:lia-barnehage"))
COLLEAGUE = Responsible(actor=ActorId("act_colleague"), role=Role.TEACHER, unit=UnitId("unit:lia-barnehage"))

KINDS = st.sampled_from(DeadlineKind)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=40)).map(lambda passed: START + passed)
COMMANDS = st.lists(st.tuples(st.sampled_from([*Step, "set", "close", "cancel", "reassign"]), MOMENTS), max_size=25)


def new(kind: DeadlineKind, due: datetime, now: datetime = START, state: DeadlineState | None = None) -> DeadlineState:
    start = state or DeadlineState()
    return DEADLINE.fold(
        start, decide_set(start, ref=REF, kind=kind, case=CASE, due=due, responsible=TEACHER, since=now)
    )


def obey(state: DeadlineState, command: str, now: datetime, kind: DeadlineKind) -> Sequence[EventData]:
    match command:
        case "set":
            due = add_days(now, 14)
            return decide_set(state, ref=REF, kind=kind, case=CASE, due=due, responsible=TEACHER, since=now)
        case "close":
            return decide_close(state, "done")
        case "cancel":
            return decide_close(state, "cancelled")
        case "reassign":
            return decide_reassign(state, COLLEAGUE if state.responsible == TEACHER else TEACHER)
        case _:
            return decide_step(state, Step(command), now)


@given(KINDS, COMMANDS)
def test_each_step_is_taken_once_a_round_and_in_order(kind: DeadlineKind, commands: list[tuple[str, datetime]]) -> None:
    state, history = DeadlineState(), list[EventData]()
    ranks = {DeadlineSet: 0, DeadlineApproaching: 1, DeadlineMissed: 2, EscalationRaised: 3, DeadlineClosed: 4}
    rank, rounds = 5, 0
    for command, now in sorted(commands, key=lambda each: each[1]):
        for event in obey(state, command, now, kind):
            history.append(event)
            state = DEADLINE.evolve(state, event)
            if type(event) not in ranks:
                continue
            if isinstance(event, DeadlineSet):
                rank, rounds = 0, rounds + 1
                continue
            assert rank < ranks[type(event)], "a step came twice, out of order, or after the end"
            rank = ranks[type(event)]
            match event:
                case DeadlineApproaching():
                    assert now < event.due
                case DeadlineMissed():
                    assert now >= event.due
                case EscalationRaised():
                    assert state.escalate_at is not None
                    assert now >= state.escalate_at
    assert state.round == rounds
    assert DEADLINE.replay(history) == state
    assert DeadlineState.model_validate_json(state.model_dump_json()) == state


@given(KINDS, st.integers(0, 60), st.lists(st.sampled_from(Step), max_size=9))
def test_what_is_done_is_quiet(kind: DeadlineKind, days: int, steps: list[Step]) -> None:
    state = new(kind, START + timedelta(days=14))
    closed = DEADLINE.fold(state, decide_close(state, "done"))
    assert closed.status is Status.CLOSED
    assert closed.steps() == []
    assert decide_close(closed, "done") == []
    for step in steps:
        assert decide_step(closed, step, START + timedelta(days=days)) == []
        assert decide_step(DeadlineState(), step, START) == []


@given(KINDS, st.integers(1, 400), st.permutations(list(Step)))
def test_every_moment_leads_to_its_step_whatever_order_they_come_in(
    kind: DeadlineKind, days: int, order: list[Step]
) -> None:
    """After all moments have passed: missed, and escalated where that is somebody's business; a late reminder is left out."""
    state = new(kind, add_days(START, days))
    happened: list[EventData] = []
    later = add_days(START, days + 30)
    for step in [*order, *order]:
        events = decide_step(state, step, later)
        happened += events
        state = DEADLINE.fold(state, events)
    kinds = [type(event) for event in happened]
    escalates = policy.POLICIES[kind].escalate_days is not None
    assert kinds == [DeadlineMissed, EscalationRaised] if escalates else [DeadlineMissed]
    assert [event.unit for event in happened if isinstance(event, EscalationRaised)] == (
        [TEACHER.unit] if escalates else []
    )


@given(KINDS, st.integers(0, 400), st.sampled_from(Step))
def test_nothing_comes_too_early(kind: DeadlineKind, days: int, step: Step) -> None:
    state = new(kind, add_days(START, days))
    for planned, moment in state.steps():
        if planned is step:
            assert decide_step(state, step, moment - timedelta(microseconds=1)) == []
            assert decide_step(state, step, moment)


@given(KINDS, st.integers(0, 400))
def test_a_reminder_comes_days_before_at_the_same_time_of_day_in_norway(kind: DeadlineKind, days: int) -> None:
    due = add_days(START, days)
    before = policy.POLICIES[kind].remind_days
    remind = policy.remind_at(kind, due, START)
    if days <= before:
        assert remind is None
    else:
        assert remind is not None
        assert remind.astimezone(OSLO).time() == due.astimezone(OSLO).time()
        assert (due.astimezone(OSLO).date() - remind.astimezone(OSLO).date()).days == before


@pytest.mark.story(3)
def test_a_concern_of_7_september_is_reminded_of_on_17_september() -> None:
    state = new(DeadlineKind.ACT_ON_CONCERN, datetime(2026, 9, 21, 8, tzinfo=UTC))
    assert dict(state.steps())[Step.REMIND] == datetime(2026, 9, 17, 8, tzinfo=UTC)


def test_the_same_again_changes_nothing_and_a_new_time_is_a_new_round() -> None:
    state = new(DeadlineKind.EVALUATE_MEASURE, START + timedelta(days=60))
    again = new(DeadlineKind.EVALUATE_MEASURE, START + timedelta(days=60), state=state)
    assert again is state
    assert new(DeadlineKind.EVALUATE_MEASURE, START + timedelta(days=90), state=state).round == 2


def test_a_guardian_may_leave_a_question_unanswered_and_no_leader_hears_of_it() -> None:
    due = START + timedelta(days=14)
    ref = deadline_of("cst_" + "d" * 26)
    events = decide_set(
        DeadlineState(),
        ref=ref,
        kind=DeadlineKind.ANSWER_CONSENT,
        case=CASE,
        due=due,
        responsible=TEACHER,
        since=START,
    )
    state = DEADLINE.replay(events)
    assert consent_of(state) == "cst_" + "d" * 26
    assert Step.ESCALATE not in dict(state.steps())
    assert decide_step(state, Step.ESCALATE, due + timedelta(days=365)) == []


# --- messages ---------------------------------------------------------------------------------------------------------

MESSAGE_REF = MessageRef("msg_" + "f" * 26)
READER = ActorId("act_reader000")


def _tell(state: MessageState, command: str, to: Reachable) -> list[EventData]:
    match command:
        case "queue":
            return decide_queue(state, ref=MESSAGE_REF, to=to, template="escalation", template_version=1)
        case "sent":
            return decide_sent(state)
        case "failed":
            return decide_failed(state, "rejected")
        case "cancel":
            return decide_cancel(state, "done")
        case _:
            return decide_read(state, READER)


@given(st.booleans(), st.lists(st.sampled_from(["queue", "sent", "failed", "cancel", "read"]), max_size=12))
def test_a_message_is_sent_failed_or_cancelled_once(email: bool, commands: list[str]) -> None:
    state, history = MessageState(), list[EventData]()
    to = Reachable(recipient=READER, role=Role.TEACHER, language=Language.NN, email=email)
    for command in commands:
        try:
            events = _tell(state, command, to)
        except (MessageNotFoundError, MessageWithdrawnError):
            events = []
        history += events
        state = MESSAGE.fold(state, events)
    types = [event.TYPE.split(".")[-2] for event in history]
    assert len(set(types)) == len(types)
    assert len({"sent", "failed", "cancelled"} & set(types)) <= 1
    assert MESSAGE.replay(history) == state
    queued = [event for event in history if isinstance(event, NotificationQueued)]
    assert [event.channel for event in queued] == ([Channel.EMAIL if email else Channel.IN_APP] if queued else [])


def test_nobody_reads_anothers_message() -> None:
    to = Reachable(recipient=READER, role=Role.TEACHER, language=Language.NB, email=False)
    state = MESSAGE.replay(
        decide_queue(MessageState(), ref=MESSAGE_REF, to=to, template="escalation", template_version=1)
    )
    with pytest.raises(MessageNotFoundError):
        decide_read(state, ActorId("act_stranger0"))
    with pytest.raises(MessageNotFoundError):
        decide_read(MessageState(), READER)


@pytest.mark.rule(101, 146)
@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        (("nb",), Language.NB),
        (("nn-NO",), Language.NN),
        (("EN-gb",), Language.EN),
        (("no",), Language.NB),
        (("se",), Language.NB),
        (("uk",), Language.EN),
        (("ar", "nn"), Language.NN),
        ((None, "nn"), Language.NN),
        (("nn", "en"), Language.NN),
        ((None,), Language.NB),
        ((), Language.NB),
    ],
)
def test_the_language_is_the_readers_own_or_the_nearest(wanted: tuple[str | None, ...], chosen: Language) -> None:
    assert choose_language(*wanted) is chosen


# --- receipts ---------------------------------------------------------------------------------------------------------

CONSENT = ConsentRef("cst_" + "g" * 26)


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), max_size=12))
def test_each_change_of_a_consent_is_acknowledged_once(changes: list[tuple[int, int]]) -> None:
    state, seen = ReceiptsState(), list[int]()
    for version, cancelled in changes:
        events = decide_receipt(state, case=CASE, consent=CONSENT, version=version, cancelled=cancelled)
        assert bool(events) == (version > max(seen, default=0))
        seen += [version] if events else []
        state = RECEIPTS.fold(state, events)
    assert seen == sorted(set(seen))


@given(st.frozensets(st.sampled_from(Service)), st.frozensets(st.sampled_from(Service)))
def test_who_still_has_a_part_in_the_consent_is_not_cut_off(
    before: frozenset[Service], left: frozenset[Service]
) -> None:
    scope = Scope(services=before, categories=frozenset(InformationCategory), purposes=frozenset(Purpose))
    assert ended_services(scope, None) == before
    assert ended_services(scope, scope.model_copy(update={"services": left})) == before - left
    # Nobody of the services of another municipality is told anything from here: nothing is taken back from those here.
    assert ended_services(scope.model_copy(update={"municipality": LogScope("0301")}), None) == frozenset()
