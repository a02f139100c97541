"""The smallest aggregate: a number that events add to. What the kit promises, it promises for any aggregate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Final
from uuid import uuid4

from shared.aggregate import Aggregate, Context
from shared.auth import Actor
from shared.clock import SystemClock
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.base import EventData, Model
from shared.db import Pool
from shared.errors import ConflictError
from shared.journal import Journal
from shared.refs import ActorId, CaseRef, LogScope, RandomIds

SOURCE: Final = "/services/cases"
NOTODDEN: Final = LogScope("4005")
NO_MIGRATIONS: Final = Path(__file__).with_name("no_migrations")
NOON: Final = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
RANDOM: Final = RandomIds()


class Added(EventData):
    """Something was added."""

    TYPE: ClassVar[str] = "no.lagspill.cases.tally.added.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"
    SUBJECT: ClassVar[str] = "tally"

    tally: str
    amount: int
    note: str = ""


class Cleared(EventData):
    """It begins at nothing again."""

    TYPE: ClassVar[str] = "no.lagspill.cases.tally.cleared.v1"
    TOPIC: ClassVar[str] = "lagspill.cases.v1"
    SUBJECT: ClassVar[str] = "tally"

    tally: str
    at: datetime


class Tally(Model):
    """The state: the order of the events shows in it."""

    total: int = 0
    amounts: tuple[int, ...] = ()
    cleared_at: datetime | None = None


class BelowNothingError(ConflictError):
    """A tally cannot go below nothing."""

    code = "below-nothing"


def evolve(state: Tally, event: EventData) -> Tally:
    """Return the state after `event`."""
    match event:
        case Added(amount=amount):
            return state.model_copy(update={"total": state.total + amount, "amounts": (*state.amounts, amount)})
        case Cleared(at=at):
            return Tally(cleared_at=at)
    raise TypeError(f"{type(event).__name__} is no event of a tally")


def decide_add(state: Tally, tally: str, *amounts: int) -> Sequence[EventData]:
    """Return one event per amount.

    Raises:
        BelowNothingError: the total would be negative.
    """
    if state.total + sum(amounts) < 0:
        raise BelowNothingError
    return [Added(tally=tally, amount=amount) for amount in amounts]


def adding(tally: str, *amounts: int) -> Callable[[Tally], Sequence[EventData]]:
    """Return the decision to add `amounts`."""
    return lambda state: decide_add(state, tally, *amounts)


TALLY: Final = Aggregate("tally", Tally, Tally(), evolve)
CONTRACTS: Final[dict[str, type[EventData]]] = {event.TYPE: event for event in (Added, Cleared)}


def context(*, scope: LogScope = NOTODDEN, actor: Actor | None = None) -> Context:
    """Return the circumstances of a command at noon, in a correlation of its own."""
    return Context(actor=actor, scope=scope, now=NOON, correlation=uuid4())


def journal_on(pool: Pool) -> Journal:
    """Return a journal that knows tallies."""
    return Journal(pool, source=SOURCE, clock=SystemClock(), ids=RANDOM, contracts=CONTRACTS)


def somebody() -> Actor:
    """Return an invented employee."""
    return Actor(
        id=ActorId(RANDOM.ref("act")),
        kind="user",
        roles=frozenset(),
        service=None,
        unit=None,
        organisation=None,
        municipality=NOTODDEN,
        client="tests",
        acr=None,
    )


def looked_at(tally: str, *, case: str | None = None) -> AccessRecorded:
    """Return the record of a look at `tally`."""
    return AccessRecorded(
        subject_ref=tally,
        kind=AccessKind.READ,
        actor=AccessActor(id=ActorId(RANDOM.ref("act"))),
        case=None if case is None else CaseRef(case),
        permitted=True,
    )
