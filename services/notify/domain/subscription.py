"""A subscription by webhook: opened by another system, changed, stopped when its receiver fails for too long, resumed, ended."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from pydantic import AwareDatetime

from services.notify.domain.acknowledgement import ENDINGS
from services.notify.errors import (
    EndingsNotWantedError,
    EventTypeUnknownError,
    NotClearedError,
    OtherMunicipalityError,
    SubscriberUnknownError,
    SubscriptionNotFoundError,
    SubscriptionRunsError,
)
from shared.aggregate import Aggregate
from shared.contracts import EVENTS, cases, meetings, notify
from shared.contracts.base import EventData, Model
from shared.contracts.notify import (
    SubscriptionBarred,
    SubscriptionChanged,
    SubscriptionEnded,
    SubscriptionOpened,
    SubscriptionReplayed,
    SubscriptionResumed,
    SubscriptionSecretChanged,
    SubscriptionStopped,
    Wanted,
)
from shared.refs import ActorId, LogScope, SubscriptionRef, UnitId, is_protected

TOPICS: Final = frozenset({cases.TOPIC, meetings.TOPIC, notify.TOPIC})
"""What a subscriber can get: not who has looked at what, and not what the auditors find."""
TYPES: Final = frozenset(name for name, event in EVENTS.items() if event.TOPIC in TOPICS)


class Status(StrEnum):
    """How it stands."""

    UNOPENED = "unopened"
    ACTIVE = "active"
    STOPPED = "stopped"
    """Its receiver failed for too long, or its client may not subscribe; it waits for its owner."""
    ENDED = "ended"


OPEN: Final = frozenset({Status.ACTIVE, Status.STOPPED})


_LEADS_TO: Final[Mapping[type[EventData], Status]] = MappingProxyType(
    {
        SubscriptionStopped: Status.STOPPED,
        SubscriptionBarred: Status.STOPPED,
        SubscriptionResumed: Status.ACTIVE,
        SubscriptionReplayed: Status.ACTIVE,
        SubscriptionEnded: Status.ENDED,
    }
)


class SubscriptionState(Model):
    """One subscription; the fold of its events. Where it is delivered to and how far it has come is no part of it."""

    ref: SubscriptionRef | None = None
    owner: ActorId | None = None
    client: str = ""
    wanted: Wanted = Wanted()
    acknowledges: bool = False
    """Whether it says that it has acted when a consent ends."""
    status: Status = Status.UNOPENED
    secrets: int = 0
    """How many it has had."""
    both_until: AwareDatetime | None = None
    """Until when what is sent is signed with the secret before the present one too."""


class Passing(Model):
    """An event that passes by, as far as it decides who gets it."""

    type: str
    scope: LogScope
    units: frozenset[UnitId] = frozenset()
    """Those that it names."""


class Allowed(Model):
    """What the installation lets one client have, at this moment."""

    subscribes: bool = False
    everywhere: bool = False
    """Every municipality's log."""
    protected: bool = False
    """The logs of address-protected cases."""


def gets(wanted: Wanted, allowed: Allowed, own: LogScope, passing: Passing) -> bool:
    """Return whether a subscription gets an event: what it asked for, and may have now, whatever it could have when it asked.

    `own` is the municipality of the client that has opened it; another's it gets only as long as it may have every one's.
    The log of an address-protected case says no municipality and no unit, so it is for those alone who have the clearance.
    """
    if not allowed.subscribes or (wanted.types and passing.type not in wanted.types):
        return False
    if wanted.units and not wanted.units & passing.units:
        return False
    if is_protected(passing.scope):
        return wanted.protected and allowed.protected
    if passing.scope != own and not allowed.everywhere:
        return False
    return passing.scope in wanted.municipalities if wanted.municipalities else allowed.everywhere


def acknowledges(state: SubscriptionState, allowed: Allowed, own: LogScope, passing: Passing) -> bool:
    """Return whether it is to say that it has acted on an event: one that gets it, also while it is stopped."""
    return state.acknowledges and state.status in OPEN and gets(state.wanted, allowed, own, passing)


def evolve(state: SubscriptionState, event: EventData) -> SubscriptionState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    match event:
        case SubscriptionOpened():
            return SubscriptionState(
                ref=event.subscription,
                owner=event.owner,
                client=event.client,
                wanted=event.wanted,
                acknowledges=event.acknowledges,
                status=Status.ACTIVE,
                secrets=1,
            )
        case SubscriptionChanged():
            return state.model_copy(update={"wanted": event.wanted, "acknowledges": event.acknowledges})
        case SubscriptionSecretChanged():
            return state.model_copy(update={"secrets": state.secrets + 1, "both_until": event.both_until})
    status = _LEADS_TO.get(type(event))
    return state if status is None else state.model_copy(update={"status": status})


SUBSCRIPTION: Final = Aggregate("subscription", SubscriptionState, SubscriptionState(), evolve)


def check_endings(wanted: Wanted, *, acknowledges: bool) -> None:
    """Refuse a subscription that is to acknowledge what it does not get: nobody would await anything of it, and nobody know.

    Events that end a consent name no unit, so a filter on units leaves them all out.

    Raises:
        EndingsNotWantedError: it leaves out one of the events that end a consent.
    """
    if acknowledges and (wanted.units or (wanted.types and not ENDINGS.keys() <= wanted.types)):
        raise EndingsNotWantedError(extensions={"types": [*sorted(ENDINGS)]})


def decide_open(
    state: SubscriptionState,
    *,
    ref: SubscriptionRef,
    owner: ActorId,
    client: str,
    wanted: Wanted,
    acknowledges: bool = False,
) -> list[EventData]:
    """Open it.

    Raises:
        EndingsNotWantedError: see `check_endings`.
    """
    if state.status is not Status.UNOPENED:
        return []
    check_endings(wanted, acknowledges=acknowledges)
    return [SubscriptionOpened(subscription=ref, owner=owner, client=client, wanted=wanted, acknowledges=acknowledges)]


def owned(state: SubscriptionState, owner: ActorId) -> SubscriptionRef:
    """Return the reference of a subscription that `owner` has.

    Raises:
        SubscriptionNotFoundError: there is none, it has ended, or it is somebody else's: told alike.
    """
    if state.ref is None or state.status not in OPEN or state.owner != owner:
        raise SubscriptionNotFoundError
    return state.ref


def decide_change(
    state: SubscriptionState, owner: ActorId, wanted: Wanted, *, moved: bool, acknowledges: bool | None = None
) -> list[EventData]:
    """Let it get other events, or elsewhere, or acknowledge or not (None: as before); the same again changes nothing.

    Raises:
        EndingsNotWantedError: what is changed would leave it to acknowledge what it does not get.
    """
    ref = owned(state, owner)
    says = state.acknowledges if acknowledges is None else acknowledges
    if (wanted, says) == (state.wanted, state.acknowledges) and not moved:
        return []
    if (wanted, says) != (state.wanted, state.acknowledges):
        check_endings(wanted, acknowledges=says)
    return [SubscriptionChanged(subscription=ref, wanted=wanted, moved=moved, acknowledges=says)]


def decide_new_secret(state: SubscriptionState, owner: ActorId, both_until: datetime) -> list[EventData]:
    """Give it another secret, the one before beside it until then."""
    return [SubscriptionSecretChanged(subscription=owned(state, owner), both_until=both_until)]


def decide_replay(state: SubscriptionState, owner: ActorId, after: int) -> list[EventData]:
    """Send what comes after a position again; one that was stopped goes on with that."""
    return [SubscriptionReplayed(subscription=owned(state, owner), after=after)]


def decide_resume(state: SubscriptionState, owner: ActorId) -> list[EventData]:
    """Go on where it was stopped.

    Raises:
        SubscriptionRunsError: it was not stopped.
    """
    ref = owned(state, owner)
    if state.status is not Status.STOPPED:
        raise SubscriptionRunsError
    return [SubscriptionResumed(subscription=ref)]


def decide_stop(state: SubscriptionState, failing_since: datetime) -> list[EventData]:
    """Stop it because its receiver has failed since then."""
    if state.ref is None or state.status is not Status.ACTIVE:
        return []
    return [SubscriptionStopped(subscription=state.ref, failing_since=failing_since)]


def decide_bar(state: SubscriptionState) -> list[EventData]:
    """Stop it because the installation no longer lets its client subscribe."""
    if state.ref is None or state.status is not Status.ACTIVE:
        return []
    return [SubscriptionBarred(subscription=state.ref)]


def decide_end(state: SubscriptionState, reason: Literal["ended", "gone"]) -> list[EventData]:
    """End it; nothing when it has ended."""
    if state.ref is None or state.status not in OPEN:
        return []
    return [SubscriptionEnded(subscription=state.ref, reason=reason)]


# --- what may be asked for --------------------------------------------------------------------------------------------


def narrowed(wanted: Wanted, allowed: Allowed, own: LogScope, *, cleared: bool) -> Wanted:
    """Return what a client of the municipality `own` asks for, with its own municipality where it names none.

    Args:
        wanted: What it asks for.
        allowed: What the installation lets the client have.
        own: The municipality in its token.
        cleared: Whether its token has the clearance for the logs of address-protected cases.

    Raises:
        SubscriberUnknownError: the installation lets it have nothing.
        EventTypeUnknownError: a type is none that a subscriber can get.
        OtherMunicipalityError: a municipality is not its own, and it may not have every municipality's log.
        NotClearedError: it asks for the logs of address-protected cases, and the installation or its token does not allow it.
    """
    if not allowed.subscribes:
        raise SubscriberUnknownError
    if wanted.types - TYPES:
        raise EventTypeUnknownError
    if wanted.protected and not (allowed.protected and cleared):
        raise NotClearedError
    if allowed.everywhere:
        return wanted
    if wanted.municipalities - {own}:
        raise OtherMunicipalityError
    return wanted.model_copy(update={"municipalities": frozenset({own})})
