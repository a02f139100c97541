"""What subscriptions acknowledge, over whole histories: nothing is told twice, nothing that came is missing, nothing is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import from_json

from services.cases.domain.moments import CONSENT_RECEIPTS, moments_of
from services.notify.domain.acknowledgement import (
    ACKNOWLEDGEMENT,
    ENDINGS,
    AcknowledgementState,
    Standing,
    decide_await,
    decide_due,
    decide_receipt,
    decide_release,
)
from services.notify.domain.subscription import (
    SUBSCRIPTION,
    Allowed,
    Passing,
    Status,
    SubscriptionState,
    acknowledges,
    decide_change,
    decide_end,
    decide_open,
    decide_stop,
)
from services.notify.errors import EndingsNotWantedError, NotifyError, ReceiptDiffersError, ReceiptNotAwaitedError
from shared.contracts import EVENTS
from shared.contracts.base import EventData
from shared.contracts.cases import ConsentEvent, ConsentExpired, ConsentRefused, ConsentWithdrawn
from shared.contracts.notify import (
    SubscriptionReceiptAwaited,
    SubscriptionReceiptMissing,
    SubscriptionReceiptRecorded,
    Wanted,
)
from shared.contracts.schemas import FOLDER as SCHEMAS
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, ReceiptRef, SubscriptionRef, UnitId
from tests.unit.cases_town import RULES

RECEIPT, SUB = ReceiptRef("rct_" + "b" * 26), SubscriptionRef("sub_" + "b" * 26)
CASE, CONSENT = CaseRef("cas_" + "b" * 26), ConsentRef("cst_" + "b" * 26)
OWNER = ActorId("act_" + "b" * 26)
NOON = datetime(2026, 9, 7, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)

commands = st.one_of(
    st.tuples(st.just("end"), st.integers(1, 4), st.just(0)),
    st.tuples(st.just("receipt"), st.integers(1, 4), st.integers(0, 1)),
    st.tuples(st.just("due"), st.integers(1, 4), st.integers(0, 2)),
    st.tuples(st.just("release"), st.just(1), st.just(0)),
)


def ended(version: int) -> ConsentExpired:
    return ConsentExpired(case=CASE, consent=CONSENT, version=version)


def awaited(state: AcknowledgementState, version: int) -> list[EventData]:
    return decide_await(state, ref=RECEIPT, subscription=SUB, ended=ended(version), due=NOON + HOUR)


def step(state: AcknowledgementState, command: tuple[str, int, int]) -> list[EventData]:
    """Return what a command does; a refusal does nothing."""
    what, version, number = command
    try:
        match what:
            case "end":
                return awaited(state, version)
            case "receipt":
                return decide_receipt(state, version, number)
            case "due":
                return decide_due(state, version, NOON + number * HOUR)
        return decide_release(state, "ended")
    except NotifyError:
        return []


def histories(played: list[tuple[str, int, int]]) -> Iterator[tuple[AcknowledgementState, list[EventData]]]:
    """Return each state, and what was done then."""
    state = AcknowledgementState()
    for command in played:
        done = step(state, command)
        yield state, done
        state = ACKNOWLEDGEMENT.fold(state, done)


@given(st.lists(commands, max_size=14))
def test_in_every_history_each_version_is_awaited_once_alarmed_once_and_never_after_it_came(
    played: list[tuple[str, int, int]],
) -> None:
    told: list[EventData] = []
    for state, done in histories(played):
        for event in done:
            match event:
                case SubscriptionReceiptAwaited(consent_version=version):
                    assert version not in state.versions
                case SubscriptionReceiptMissing(consent_version=version):
                    assert state.versions[version].standing is Standing.AWAITED
                    covered = [e for e in told if isinstance(e, SubscriptionReceiptRecorded)]
                    assert not [e for e in covered if e.consent_version >= version]
                case SubscriptionReceiptRecorded(consent_version=version):
                    assert state.versions[version].standing is not Standing.RECEIVED
        told += done
    state = ACKNOWLEDGEMENT.replay(told)
    assert AcknowledgementState.model_validate_json(state.model_dump_json()) == state, "as it is stored"
    again = [(type(event), getattr(event, "consent_version", 0)) for event in told]
    assert len(again) == len(set(again)), "nothing is said twice"


@given(st.lists(commands, max_size=14), st.integers(1, 4), st.integers(0, 1))
def test_the_same_receipt_again_changes_nothing_and_settles_what_came_before(
    played: list[tuple[str, int, int]], version: int, items: int
) -> None:
    state = ACKNOWLEDGEMENT.replay([event for _, done in histories(played) for event in done])
    try:
        state = ACKNOWLEDGEMENT.fold(state, decide_receipt(state, version, items))
    except ReceiptNotAwaitedError:
        assert version not in state.versions
        return
    except ReceiptDiffersError:
        assert state.versions[version].items_removed not in {None, items}
        return
    assert decide_receipt(state, version, items) == []
    assert not [each for each in state.outstanding() if each <= version]
    assert decide_due(state, version, NOON + 9 * HOUR) == []
    assert awaited(state, version) == [], "an event that comes again awaits nothing"


@pytest.mark.parametrize(("hours", "alarms"), [(0, 0), (0.99, 0), (1, 1), (30, 1)])
def test_the_alarm_is_raised_when_the_time_is_out_and_a_late_receipt_ends_it(hours: float, alarms: int) -> None:
    state = ACKNOWLEDGEMENT.replay(awaited(AcknowledgementState(), 2))
    due = decide_due(state, 2, NOON + hours * HOUR)
    assert [event.TYPE.split(".")[-2] for event in due] == ["receipt-missing"] * alarms
    state = ACKNOWLEDGEMENT.fold(state, due)
    assert state.outstanding() == [2], "it is still to come"
    late = ACKNOWLEDGEMENT.fold(state, decide_receipt(state, 2, 3))
    assert (late.outstanding(), late.versions[2].items_removed) == ([], 3)
    released = ACKNOWLEDGEMENT.fold(state, decide_release(state, "ended"))
    assert (released.outstanding(), decide_due(released, 2, NOON + 99 * HOUR)) == ([], [])
    assert decide_receipt(released, 2, 3), "that it has acted is taken down all the same"
    assert decide_due(AcknowledgementState(), 2, NOON) == []


def test_a_receipt_is_awaited_of_the_very_events_of_which_the_services_owe_one() -> None:
    """What the cases service waits for is in its own table of moments: over the example of each type, no more and no fewer."""
    counted = set()
    for name, event in EVENTS.items():
        if issubclass(event, ConsentEvent):
            [record] = from_json((SCHEMAS / f"{name}.json").read_bytes())["examples"]
            moments = moments_of(event.model_validate(record["data"]), NOON, RULES.consent, HOUR)
            counted |= {name} if CONSENT_RECEIPTS in {each.kind for each in moments} else set()
    assert counted == set(ENDINGS)


@given(st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["4005", "0301", "prt_" + "b" * 26]))
def test_who_does_not_get_an_event_or_has_ended_owes_nothing_for_it_and_who_is_stopped_does(
    says: bool, ends: bool, stops: bool, scope: str
) -> None:
    own = LogScope("4005")
    wanted = Wanted(municipalities=frozenset({own}))
    opened = decide_open(SubscriptionState(), ref=SUB, owner=OWNER, client="x", wanted=wanted, acknowledges=says)
    state = SUBSCRIPTION.replay(opened)
    if stops:
        state = SUBSCRIPTION.fold(state, decide_stop(state, NOON))
    if ends:
        state = SUBSCRIPTION.fold(state, decide_end(state, "ended"))
    passing = Passing(type=ConsentExpired.TYPE, scope=LogScope(scope))
    assert acknowledges(state, Allowed(subscribes=True), own, passing) is (says and not ends and scope == "4005")
    assert not acknowledges(state, Allowed(), own, passing), "who may no longer subscribe gets nothing"


@given(
    st.frozensets(st.sampled_from([*ENDINGS, ConsentRefused.TYPE])),
    st.frozensets(st.just(UnitId("unit:lia-barnehage"))),
    st.booleans(),
)
def test_who_is_to_acknowledge_gets_every_end_of_a_consent_or_is_refused(
    types: frozenset[str], units: frozenset[UnitId], begins: bool
) -> None:
    """Whether it is opened so or changed to it: what is accepted gets each of the four, which name no unit."""
    own = LogScope("4005")
    wanted = Wanted(types=types, units=units, municipalities=frozenset({own}))
    opened = decide_open(SubscriptionState(), ref=SUB, owner=OWNER, client="x", wanted=Wanted())
    plain = SUBSCRIPTION.replay(opened)
    try:
        if begins:
            made = decide_open(SubscriptionState(), ref=SUB, owner=OWNER, client="x", wanted=wanted, acknowledges=True)
            state = SUBSCRIPTION.replay(made)
        else:
            state = SUBSCRIPTION.fold(plain, decide_change(plain, OWNER, wanted, moved=False, acknowledges=True))
    except EndingsNotWantedError:
        assert units or (types and not set(ENDINGS) <= types)
        return
    for ending in ENDINGS:
        assert acknowledges(state, Allowed(subscribes=True), own, Passing(type=ending, scope=own))


def test_one_that_was_opened_so_before_can_still_be_moved_and_mended() -> None:
    """Its contact and address are its own to change; its filter, only to one that gets what it is to acknowledge."""
    wrong = Wanted(types=frozenset({ConsentExpired.TYPE}))
    before = SubscriptionState(ref=SUB, owner=OWNER, client="x", wanted=wrong, acknowledges=True, status=Status.ACTIVE)
    assert len(decide_change(before, OWNER, wrong, moved=True)) == 1
    with pytest.raises(EndingsNotWantedError):
        decide_change(before, OWNER, Wanted(types=frozenset({ConsentExpired.TYPE, ConsentWithdrawn.TYPE})), moved=False)
    assert len(decide_change(before, OWNER, wrong, moved=False, acknowledges=False)) == 1
    assert len(decide_change(before, OWNER, Wanted(types=frozenset(ENDINGS)), moved=False)) == 1


def test_whether_it_acknowledges_stays_until_it_is_changed() -> None:
    opened = decide_open(SubscriptionState(), ref=SUB, owner=OWNER, client="x", wanted=Wanted(), acknowledges=True)
    state = SUBSCRIPTION.replay(opened)
    moved = SUBSCRIPTION.fold(state, decide_change(state, OWNER, state.wanted, moved=True))
    assert moved.acknowledges
    off = decide_change(moved, OWNER, state.wanted, moved=False, acknowledges=False)
    assert not SUBSCRIPTION.fold(moved, off).acknowledges
    assert decide_change(moved, OWNER, state.wanted, moved=False, acknowledges=True) == []
