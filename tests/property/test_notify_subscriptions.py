"""Who gets an event, and what becomes of a subscription: over all of them, not over examples."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.subscription import (
    SUBSCRIPTION,
    TYPES,
    Allowed,
    Passing,
    Status,
    SubscriptionState,
    decide_change,
    decide_end,
    decide_new_secret,
    decide_open,
    decide_replay,
    decide_resume,
    decide_stop,
    gets,
    narrowed,
    owned,
)
from services.notify.errors import (
    EventTypeUnknownError,
    NotClearedError,
    NotifyError,
    OtherMunicipalityError,
    SubscriberUnknownError,
    SubscriptionNotFoundError,
)
from shared.contracts.access import AccessRecorded
from shared.contracts.audit import EVENTS as AUDIT_EVENTS
from shared.contracts.base import EventData
from shared.contracts.notify import Wanted
from shared.refs import ActorId, LogScope, SubscriptionRef, UnitId

REF = SubscriptionRef("sub_" + "b" * 26)
OWNER, OTHER = ActorId("act_" + "b" * 26), ActorId("act_" + "c" * 26)
OPEN, PROTECTED = [LogScope("4005"), LogScope("0301")], LogScope("prt_" + "b" * 26)
UNITS = [UnitId("unit:lia-barnehage"), UnitId("unit:tinnes-skole")]
A_TYPE, B_TYPE = sorted(TYPES)[:2]
NOW = datetime(2026, 9, 7, 8, tzinfo=UTC)

wanteds = st.builds(
    Wanted,
    types=st.frozensets(st.sampled_from([A_TYPE, B_TYPE])),
    municipalities=st.frozensets(st.sampled_from(OPEN)),
    units=st.frozensets(st.sampled_from(UNITS)),
    protected=st.booleans(),
)
alloweds = st.builds(Allowed, subscribes=st.booleans(), everywhere=st.booleans(), protected=st.booleans())
passings = st.builds(
    Passing,
    type=st.sampled_from([A_TYPE, B_TYPE]),
    scope=st.sampled_from([*OPEN, PROTECTED]),
    units=st.frozensets(st.sampled_from(UNITS)),
)


@given(wanteds, alloweds, st.sampled_from(OPEN), passings)
def test_an_event_of_a_protected_case_goes_to_nobody_who_is_not_cleared(
    wanted: Wanted, allowed: Allowed, own: LogScope, passing: Passing
) -> None:
    """Whatever was asked for, and however it was allowed then."""
    if passing.scope == PROTECTED and gets(wanted, allowed, own, passing):
        assert allowed.protected
        assert wanted.protected


@given(wanteds, alloweds, st.sampled_from(OPEN), passings)
def test_nobody_gets_what_was_not_asked_for_or_is_not_allowed(
    wanted: Wanted, allowed: Allowed, own: LogScope, passing: Passing
) -> None:
    """Nor another municipality's, when that was asked for while every one's was allowed, and is so no longer."""
    if not gets(wanted, allowed, own, passing):
        return
    assert allowed.subscribes
    assert not wanted.types or passing.type in wanted.types
    assert not wanted.units or wanted.units & passing.units
    if passing.scope != PROTECTED:
        assert passing.scope in wanted.municipalities or (allowed.everywhere and not wanted.municipalities)
        assert passing.scope == own or allowed.everywhere


@given(wanteds, alloweds, st.sampled_from(OPEN), st.booleans(), passings)
def test_what_a_client_may_ask_for_is_what_it_then_gets(
    wanted: Wanted, allowed: Allowed, own: LogScope, cleared: bool, passing: Passing
) -> None:
    """And without everywhere, it gets no municipality's events but its own."""
    try:
        given_ = narrowed(wanted, allowed, own, cleared=cleared)
    except NotifyError:
        return
    if gets(given_, allowed, own, passing):
        assert passing.scope in {own, PROTECTED} or allowed.everywhere
        assert passing.scope != PROTECTED or (cleared and allowed.protected)
    plain = Passing(type=A_TYPE, scope=own, units=frozenset(UNITS))
    if (not given_.types or A_TYPE in given_.types) and (not wanted.municipalities or own in wanted.municipalities):
        assert gets(given_, allowed, own, plain)


@pytest.mark.parametrize(
    ("wanted", "allowed", "cleared", "refused"),
    [
        (Wanted(), Allowed(), True, SubscriberUnknownError),
        (Wanted(types=frozenset({"no.lagspill.cases.nothing.happened.v1"})), Allowed(subscribes=True), True, EventTypeUnknownError),
        (Wanted(types=frozenset({AccessRecorded.TYPE})), Allowed(subscribes=True), True, EventTypeUnknownError),
        (Wanted(types=frozenset({AUDIT_EVENTS[0].TYPE})), Allowed(subscribes=True), True, EventTypeUnknownError),
        (Wanted(municipalities=frozenset({OPEN[1]})), Allowed(subscribes=True), True, OtherMunicipalityError),
        (Wanted(protected=True), Allowed(subscribes=True, protected=True), False, NotClearedError),
        (Wanted(protected=True), Allowed(subscribes=True, everywhere=True), True, NotClearedError),
    ],
)  # fmt: skip
def test_what_may_not_be_had_cannot_be_asked_for(
    wanted: Wanted, allowed: Allowed, cleared: bool, refused: type[NotifyError]
) -> None:
    with pytest.raises(refused):
        narrowed(wanted, allowed, OPEN[0], cleared=cleared)


commands = st.sampled_from(["change", "secret", "replay", "resume", "stop", "end", "gone"])


def step(state: SubscriptionState, command: str) -> list[EventData]:
    """Return what a command does; a refusal does nothing."""
    try:
        match command:
            case "change":
                return decide_change(state, OWNER, Wanted(types=frozenset({A_TYPE})), moved=False)
            case "secret":
                return decide_new_secret(state, OWNER, NOW)
            case "replay":
                return decide_replay(state, OWNER, 3)
            case "resume":
                return decide_resume(state, OWNER)
            case "stop":
                return decide_stop(state, NOW)
        return decide_end(state, "gone" if command == "gone" else "ended")
    except NotifyError:
        return []


@given(st.lists(commands, max_size=12))
def test_a_subscription_is_what_its_events_make_it_and_stays_ended(played: list[str]) -> None:
    events: list[EventData] = []
    events += decide_open(SubscriptionState(), ref=REF, owner=OWNER, client="school-system", wanted=Wanted())
    state = SUBSCRIPTION.replay(events)
    for command in played:
        done = step(state, command)
        assert not done or state.status is not Status.ENDED
        events += done
        state = SUBSCRIPTION.fold(state, done)
    assert SUBSCRIPTION.replay(events) == state
    assert decide_open(state, ref=REF, owner=OTHER, client="other-system", wanted=Wanted()) == []
    assert state.secrets == 1 + sum(".secret-changed." in event.TYPE for event in events)
    with pytest.raises(SubscriptionNotFoundError):
        owned(state, OTHER)
