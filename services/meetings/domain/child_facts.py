"""What is known of a case, for the meetings that are due around the child: who leads, when there was a group, where it was brought.

(Seed rules 13, 23, 29, 36, 37.)

Codes and moments of the cases service's events: no birthday, and nobody's name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import groupby
from typing import Final

from services.meetings.domain.arena_rules import ArenaRules, Children
from services.meetings.domain.conformity import AHEAD, HELD
from services.meetings.domain.meeting import ItemStatus, Status
from services.meetings.domain.organisation import OWN_SERVICE
from services.meetings.domain.projection import ConsentHistory, covers
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.cases import (
    CaseClosed,
    CaseOpened,
    CaseReopened,
    CoordinatorKind,
    HandoverAccepted,
    Party,
    TransitionFormDrafted,
)
from shared.contracts.codes import Role, Service
from shared.contracts.team import CoordinatorAppointed, CoordinatorEnded, PlanClosed, PlanStarted
from shared.refs import ActorId, CaseRef, MeetingRef, UnitId

_SPOKEN_OF: Final = frozenset({ItemStatus.DISCUSSED, ItemStatus.OUTCOME_RECORDED})
_ON_THE_AGENDA: Final = frozenset({ItemStatus.PROPOSED, ItemStatus.ACCEPTED})


class FactKind(StrEnum):
    """What was said of a case."""

    HELD = "held"
    """Somebody holds it, open, from now on."""
    SHUT = "shut"
    COORDINATED = "coordinated"
    """Somebody coordinates the group around the child (seed rule 23)."""
    UNCOORDINATED = "uncoordinated"
    PLAN_BEGUN = "plan-begun"
    """There is an individual plan, and its group with it (seed rules 36, 37)."""
    PLAN_ENDED = "plan-ended"
    STARTS_SCHOOL = "starts-school"
    """A transition form to school was written (seed rule 13)."""


class ChildFact(Model):
    """One thing that an event of the cases service says."""

    kind: FactKind
    actor: ActorId | None = None
    """Who holds the case, or coordinates the group."""
    service: Service | None = None
    unit: UnitId | None = None
    """In which service and unit that is."""
    school_start: int | None = None
    """In the autumn of which year the child starts school."""


def fact_of(event: EventData) -> ChildFact | None:
    """Return what the event says of its case; None: nothing that is due by it."""
    fact: ChildFact | None = None
    match event:
        case CaseOpened() | CaseReopened() | HandoverAccepted():
            fact = _of(FactKind.HELD, event.holder)
        case CaseClosed():
            fact = ChildFact(kind=FactKind.SHUT)
        # A child coordinator alone makes no group (seed rules 23, 97).
        case CoordinatorAppointed(kind=CoordinatorKind.ANSVARSGRUPPE):
            fact = _of(FactKind.COORDINATED, event.coordinator)
        case CoordinatorEnded(kind=CoordinatorKind.ANSVARSGRUPPE):
            fact = ChildFact(kind=FactKind.UNCOORDINATED)
        # There is a plan, and whoever works by it meets (seed rules 36-38).
        case PlanStarted():
            fact = _of(FactKind.PLAN_BEGUN, event.coordinator)
        case PlanClosed():
            fact = ChildFact(kind=FactKind.PLAN_ENDED)
        case TransitionFormDrafted(form_type="barnehage-to-school"):
            fact = ChildFact(kind=FactKind.STARTS_SCHOOL, school_start=event.school_start)
        case _:
            pass
    return fact


def _of(kind: FactKind, party: Party) -> ChildFact:
    return ChildFact(kind=kind, actor=party.actor, service=party.service, unit=party.unit)


@dataclass(frozen=True, slots=True)
class Said:
    """A fact, as its case's which event, and when."""

    sequence: int
    at: datetime
    fact: ChildFact


@dataclass(frozen=True, slots=True)
class Brought:
    """An item by name in a meeting around a child."""

    meeting: MeetingRef
    arena_type: str
    starts_at: datetime
    status: Status
    item: ItemStatus

    @property
    def day(self) -> date:
        """Return the meeting's day in Norway."""
        return oslo_day(self.starts_at)

    @property
    def was_spoken_of(self) -> bool:
        """Return whether the child was spoken of in a meeting that was held."""
        return self.status in HELD and self.item in _SPOKEN_OF

    def is_ahead(self, today: date) -> bool:
        """Return whether the child was brought to a meeting that is planned or called, and to come; nobody need have accepted."""
        return self.status in AHEAD and self.item in _ON_THE_AGENDA and self.day >= today


@dataclass(frozen=True, slots=True)
class Child:
    """What is known of one case."""

    case: CaseRef
    said: tuple[Said, ...] = ()
    brought: tuple[Brought, ...] = ()

    def is_at_home_with(self, worker: Worker) -> bool:
        """Return whether somebody knows of the case without a consent: its holder, and who leads or coordinates in its unit."""
        people = self._people()
        leads = Role.LEADER in worker.roles and worker.unit is not None and worker.unit == people.unit
        return leads or worker.is_one(people.holder) or (self.coordinated_at_home and self.is_coordinated_by(worker))

    def is_coordinated_by(self, worker: Worker) -> bool:
        """Return whether somebody coordinates it, at work where they were appointed; of others a consent must cover the service."""
        people = self._people()
        # To a leader falls what somebody was appointed to, not a plan that somebody began (seed rule 107).
        one = people.group or (people.plan if worker.roles - {Role.LEADER} else None)
        return worker.is_one(one)

    @property
    def starts_school(self) -> int | None:
        """Return in the autumn of which year the child starts school, by the latest form: a start may be put off (seed rule 13)."""
        forms = [
            (each.sequence, each.fact.school_start) for each in self.said if each.fact.kind is FactKind.STARTS_SCHOOL
        ]
        return max(forms, key=lambda form: form[0])[1] if forms else None

    @property
    def coordinator(self) -> Place | None:
        """Return who is appointed to coordinate the group, else who began the plan; None: nobody did (seed rules 23, 37)."""
        people = self._people()
        return people.group or people.plan

    @property
    def coordinated_at_home(self) -> bool:
        """Return whether who coordinates works in the unit that has the case."""
        one, unit = self.coordinator, self._people().unit
        return one is not None and unit is not None and one.unit == unit

    def coordinates(self, histories: Iterable[ConsentHistory], at: datetime) -> Place | None:
        """Return who coordinates at the moment `at`: nobody from outside, unless a consent covers their service (seed rule 23).

        Of another barnehage or school than the one that has the case nobody does: which others have a part is not known here.
        """
        one = self.coordinator
        if one is None or self.coordinated_at_home:
            return one
        if one.service is None or one.service in OWN_SERVICE.values():
            return None
        return one if covers(histories, self.case, one.service, at) else None

    def _people(self) -> _People:
        people = _People()
        for said in sorted(self.said, key=lambda each: each.sequence):
            people = people.after(said.fact)
        return people


@dataclass(frozen=True, slots=True)
class Place:
    """Somebody, and where they work."""

    actor: ActorId
    service: Service | None
    unit: UnitId | None


@dataclass(frozen=True, slots=True)
class Worker:
    """Whoever asks, as the directory has them now."""

    actor: ActorId
    roles: frozenset[Role]
    service: Service
    unit: UnitId | None

    def is_one(self, place: Place | None) -> bool:
        """Return whether it is they, and they still work there (cases: `works_there`)."""
        return (
            place is not None
            and (place.actor, place.service) == (self.actor, self.service)
            and place.unit in {None, self.unit}
        )


@dataclass(frozen=True, slots=True)
class _People:
    holder: Place | None = None
    group: Place | None = None
    plan: Place | None = None
    """Who began it: of no account while somebody is appointed."""

    @property
    def unit(self) -> UnitId | None:
        """Return which unit has the case."""
        return None if self.holder is None else self.holder.unit

    def after(self, fact: ChildFact) -> _People:
        place = None if fact.actor is None else Place(fact.actor, fact.service, fact.unit)
        match fact.kind:
            case FactKind.HELD:
                return replace(self, holder=place)
            case FactKind.SHUT:
                return _People()
            case FactKind.COORDINATED | FactKind.UNCOORDINATED:
                return replace(self, group=place)
            case FactKind.PLAN_BEGUN | FactKind.PLAN_ENDED:
                return replace(self, plan=place)
            case FactKind.STARTS_SCHOOL:
                return self


@dataclass(frozen=True, slots=True)
class Stretch:
    """Days in Norway from `since` on, as they end, and no more from `until` on; None: it still is."""

    since: date
    until: date | None = None

    def lasts(self, first: date, last: date) -> bool:
        """Return whether it is there at the end of each of these days."""
        return self.since <= first and (self.until is None or self.until > last)


_Step = tuple[datetime, int, FactKind | None]
"""When, in which order of what happened in the same moment, and what; None: its group met."""


def stretches(child: Child, rules: ArenaRules) -> tuple[Stretch, ...]:
    """Return when the arena's meetings are due for the child at all, whatever the year.

    With a group: from the day on which somebody coordinated one, a plan began, or one met by name, until nobody does, there is
    no plan, or the case is closed. Starting school: as long as the case is open.
    """
    steps: list[_Step] = [(each.at, each.sequence, each.fact.kind) for each in child.said]
    group = rules.due_for is not None and rules.due_for.children is Children.WITH_A_GROUP
    if group:
        met = (each for each in child.brought if each.arena_type == rules.type and each.was_spoken_of)
        steps += [(each.starts_at, 0, None) for each in met]
    return tuple(_stretches(sorted(steps, key=lambda step: step[:2]), _group_after if group else _open_after))


def _stretches(
    steps: Iterable[_Step], after: Callable[[frozenset[str], FactKind | None], frozenset[str]]
) -> Iterator[Stretch]:
    held: frozenset[str] = frozenset()
    since: date | None = None
    for day, of_day in groupby(steps, key=lambda step: oslo_day(step[0])):
        for _, _, kind in of_day:
            held = after(held, kind)
        if held and since is None:
            since = day
        elif not held and since is not None:
            yield Stretch(since, day)
            since = None
    if since is not None:
        yield Stretch(since)


def _group_after(held: frozenset[str], kind: FactKind | None) -> frozenset[str]:
    """Return by what there is a group: `coordinated`, `plan`, `met`.

    Once whoever led it has ended it, that it has met holds no longer.
    """
    if kind is FactKind.SHUT:
        return frozenset()
    begins = {None: "met", FactKind.COORDINATED: "coordinated", FactKind.PLAN_BEGUN: "plan"}.get(kind)
    ends = {FactKind.UNCOORDINATED: "coordinated", FactKind.PLAN_ENDED: "plan"}.get(kind) if kind else None
    if begins is not None:
        return held | {begins}
    return held if ends is None else held - {ends, "met"}


def _open_after(held: frozenset[str], kind: FactKind | None) -> frozenset[str]:
    match kind:
        case FactKind.HELD:
            return frozenset({"open"})
        case FactKind.SHUT:
            return frozenset()
        case _:
            return held
