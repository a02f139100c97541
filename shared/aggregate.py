"""What a command is made of: an aggregate, the circumstances, a decision, its outcome. Values only; no IO."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from shared.auth import Actor
from shared.contracts.access import AccessRecorded
from shared.contracts.base import EventData, Model
from shared.refs import ActorId, LogScope

S = TypeVar("S", bound=Model)


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """What the journal must know about one kind of aggregate: one constant per kind, in the service's domain."""

    kind: str
    state_type: type[S]
    initial: S
    """The state before the first event."""
    evolve: Callable[[S, EventData], S]

    def fold(self, state: S, events: Iterable[EventData]) -> S:
        """Return `state` after `events`."""
        for event in events:
            state = self.evolve(state, event)
        return state

    def replay(self, events: Iterable[EventData]) -> S:
        """Return the state that the whole history `events` gives: always the stored one."""
        return self.fold(self.initial, events)


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's key for one command of its own, with the hash of what it asked for."""

    actor: ActorId
    key: str
    request_hash: bytes
    """A keyed hash over method, path, query and body (`KnownActors.of_request`)."""


@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances of one command."""

    actor: Actor | None
    """None for what the system does by itself: a consumer, a deadline."""
    scope: LogScope
    """Whose log a *new* aggregate belongs to; an existing one keeps the scope it was created in."""
    now: datetime
    """When it happened, by the rules' clock."""
    correlation: UUID
    causation: UUID | None = None
    idempotency: IdempotencyKey | None = None
    if_match: int | None = None
    """The version that the client saw; a newer one is refused instead of decided on."""
    traceparent: str | None = None
    anonymous: bool = False
    """Nothing on the events may lead back to who acted or to what else was done (invariant 3)."""


class Loaded(NamedTuple, Generic[S]):
    """An aggregate as it stands; version 0, no scope and the initial state when it does not exist."""

    state: S
    version: int
    scope: LogScope | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the client is told; stored under its idempotency key and told again when it repeats itself."""

    status: int
    body: bytes
    """JSON. No personal data: it is kept as it is."""
    version: int | None
    location: str | None = None


class Decision(NamedTuple):
    """What a command decided: the events, and the access records that commit with them."""

    events: Sequence[EventData] = ()
    access: Sequence[AccessRecorded] = ()


class Changed(NamedTuple, Generic[S]):
    """The outcome of a command."""

    state: S
    version: int
    scope: LogScope
    answer: Answer | None
    replayed: bool = False
    """True when the answer was given before and nothing has happened now."""
    events: tuple[EventData, ...] = ()
