"""What a life cycle is: one frozen table, status x event type -> next status. `make machines` draws those of every service."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Generic, TypeVar

from shared.contracts.base import EventData
from shared.errors import LagspillError

S = TypeVar("S", bound=StrEnum)


@dataclass(frozen=True)
class When:
    """A step that only an event takes whose `field` has `value`; `says` is how a reader is told."""

    field: str
    value: object
    says: str

    def holds(self, event: EventData) -> bool:
        """Return whether `event` is such a one."""
        return bool(getattr(event, self.field) == self.value)


@dataclass(frozen=True)
class Guard:
    """What must hold before a decision lets the event happen; otherwise it is refused as `error`."""

    says: str
    error: type[LagspillError]
    rules: tuple[int, ...] = ()
    """Seed rules that ask for it."""


@dataclass(frozen=True)
class Step(Generic[S]):
    """One arrow: in `start`, `event` leads to `end`. `start` is None where there was nothing yet."""

    start: S | None
    event: type[EventData]
    end: S
    when: When | None = None
    guards: tuple[Guard, ...] = ()
    rules: tuple[int, ...] = ()
    """Seed rules that the step itself comes from."""

    def taken_by(self, event: EventData) -> bool:
        """Return whether `event` takes this step, if the status is where it starts."""
        return type(event) is self.event and (self.when is None or self.when.holds(event))


@dataclass(frozen=True)
class Deadline(Generic[S]):
    """A time that runs while the status is one of `during`."""

    during: tuple[S, ...]
    says: str
    within: str | None = None
    """The field of the service's rules that says how many days; none when something else says it."""
    then: type[EventData] | None = None
    """What happens by itself when it is out; none when only people are told."""
    rules: tuple[int, ...] = ()


def steps(
    start: Iterable[S | None],
    event: type[EventData],
    end: S,
    *,
    when: When | None = None,
    guards: tuple[Guard, ...] = (),
    rules: tuple[int, ...] = (),
) -> tuple[Step[S], ...]:
    """Return the same step from each of several statuses."""
    return tuple(Step(one, event, end, when, guards, rules) for one in start)


@dataclass(frozen=True)
class Lifecycle(Generic[S]):
    """The states of one thing, as of one part of a case: everything that may happen to its status, and nothing that is not here.

    Whoever folds its events asks `after` and changes the status in no other way; decisions ask `allows`. Its picture and its
    section in the documentation are made from it.

    Raises:
        ValueError: when it is declared with an event that could take two steps, or a condition on a field that the event has not.
    """

    name: str
    """In one word or two with hyphens, as in file names."""
    title: str
    """As a heading, with the Norwegian term."""
    about: str
    """One or two sentences for readers."""
    statuses: type[S]
    steps: tuple[Step[S], ...]
    terminal: frozenset[S] = frozenset()
    """Where nothing more happens to it."""
    initial: S | None = None
    """The status of what has not begun; None when until then there is no such part."""
    deadlines: tuple[Deadline[S], ...] = ()

    def __post_init__(self) -> None:
        """Refuse a table in which an event could lead two ways."""
        for step in self.steps:
            if step.when is not None and step.when.field not in step.event.model_fields:
                raise ValueError(f"{self.name}: {step.event.__name__} has no field {step.when.field}")
        for found in self._index.values():
            conditions = [(step.when.field, step.when.value) if step.when else None for step in found]
            fields = {None if one is None else one[0] for one in conditions}
            if len(set(conditions)) < len(found) or len(fields) > 1:
                raise ValueError(f"{self.name}: {found[0].event.__name__} from {found[0].start} leads two ways")

    @property
    def every_status(self) -> tuple[S, ...]:
        """Return the statuses, in their order."""
        return tuple(self.statuses)

    @property
    def events(self) -> frozenset[type[EventData]]:
        """Return the event types that can change the status, or confirm it."""
        return frozenset(step.event for step in self.steps)

    @property
    def deadline_events(self) -> frozenset[type[EventData]]:
        """Return the event types that happen by themselves when a time is out."""
        return frozenset(one.then for one in self.deadlines if one.then is not None)

    def allows(self, status: S | None, event: type[EventData]) -> bool:
        """Return whether an event of this type has a place here while the status is `status`."""
        return (status, event) in self._index

    def after(self, status: S | None, event: EventData) -> S | None:
        """Return the status after `event`, or None when the table does not allow it from `status`: then nothing changes."""
        step = self.step(status, event)
        return None if step is None else step.end

    def step(self, status: S | None, event: EventData) -> Step[S] | None:
        """Return the step that `event` takes from `status`, if the table has one."""
        return next((step for step in self._index.get((status, type(event)), ()) if step.taken_by(event)), None)

    @cached_property
    def _index(self) -> Mapping[tuple[S | None, type[EventData]], tuple[Step[S], ...]]:
        found: dict[tuple[S | None, type[EventData]], tuple[Step[S], ...]] = {}
        for step in self.steps:
            found[step.start, step.event] = (*found.get((step.start, step.event), ()), step)
        return MappingProxyType(found)
