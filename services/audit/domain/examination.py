"""One log's entries, in order, through every detector: what each remembers, and what they find."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple, TypeVar

from services.audit.domain import patterns
from services.audit.domain.observed import Look, Observed
from services.audit.domain.pattern_policy import Rules
from services.audit.domain.patterns import CASES, CaseWatch, Departure, GlassWatch, Heard, Hit, Marks
from shared.contracts.access import AccessKind
from shared.contracts.base import Model
from shared.contracts.cases import CaseEvent, HandoverKind, HandoverSent
from shared.contracts.meetings import AgendaItemAdded
from shared.contracts.safekeeping import BreakGlassReviewed

M = TypeVar("M", bound=Model)

NUMBERS: Final = "numbers"
CASE: Final = "case"
GLASS: Final = "glass"
STRANGER: Final = "stranger"
MANY: Final = "many-children"
HOURS: Final = "outside-hours"
LEAVING: Final = "leaving"
DENIALS: Final = "denials"
REMEMBERED: Final[Mapping[str, type[Model]]] = {
    NUMBERS: Heard,
    CASE: CaseWatch,
    GLASS: GlassWatch,
    STRANGER: Marks,
    MANY: Marks,
    HOURS: Marks,
    LEAVING: Departure,
    DENIALS: Marks,
}
"""What is remembered, by the name under which it is stored. A name is never given to another form."""
BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Place(NamedTuple):
    """Where one detector keeps what it remembers of one case, person or service."""

    detector: str
    key: str


def places(seen: Observed) -> list[Place]:
    """Return what must be at hand when this entry is examined."""
    found = [] if seen.source is None or seen.number is None else [Place(NUMBERS, seen.source)]
    if seen.look is not None:
        found += [Place(name, seen.look.actor) for name in (STRANGER, MANY, HOURS, LEAVING, DENIALS)]
        if seen.look.case is not None:
            found += [Place(CASE, seen.look.case), Place(GLASS, seen.look.case)]
    match seen.fact:
        case BreakGlassReviewed(case=case):
            found.append(Place(GLASS, case))
        case CaseEvent() as event:
            found.append(Place(CASE, event.case))
            if isinstance(event, HandoverSent) and event.kind is HandoverKind.STAFF_LEAVES:
                found.append(Place(LEAVING, event.sender.actor))
        case AgendaItemAdded(case=case) if case is not None:
            found.append(Place(CASE, case))
        case _:
            pass
    return found


def also_needed(states: Iterable[Model]) -> set[Place]:
    """Return what must be at hand beside these: the counts of those whose looks wait."""
    waiting = (look for state in states if isinstance(state, CaseWatch) for look in state.waiting)
    return {Place(STRANGER, look.actor) for look in waiting}


class Examination:
    """Examines entries in order. Everything they need (`places`) and everything due by then must be given before."""

    def __init__(self, rules: Rules, states: Mapping[Place, Model], moment: datetime = BEGINNING) -> None:
        """Begin with what was remembered when the log had come to `moment`."""
        self._rules = rules
        self._states = dict(states)
        self._dues = {place: due for place, state in states.items() if (due := self.due(state)) is not None}
        self.moment = moment
        """How far the log's own time has come."""
        self.changed: dict[Place, Model] = {}

    def due(self, state: Model) -> datetime | None:
        """Return the moment at which something that waits is settled; None if nothing waits."""
        return state.due(self._rules) if isinstance(state, CaseWatch | GlassWatch) else None

    def take(self, seen: Observed) -> list[Hit]:
        """Return what the next entry shows, and what the time that has passed until it shows."""
        self.moment = max(self.moment, seen.logged_at)
        hits = self._settle()
        # Before this entry's own number is counted: was everything heard that came before it?
        heard_before = False
        if seen.source is not None and seen.number is not None:
            heard = self._get(NUMBERS, seen.source, Heard)
            heard_before = seen.source == CASES and heard.all_to(seen.number - 1)
            self._put(NUMBERS, seen.source, heard.after(seen.number))
        if seen.fact is not None:
            hits += self._learn(seen)
        if seen.look is not None:
            hits += self._look(seen.look, heard_before=heard_before)
        return hits

    def _learn(self, seen: Observed) -> list[Hit]:
        for detector, key in places(seen):
            if detector == CASE:
                self._put(CASE, key, self._get(CASE, key, CaseWatch).learn(seen))
            elif detector == GLASS:
                self._put(GLASS, key, self._get(GLASS, key, GlassWatch).learn(seen))
            elif detector == LEAVING:
                self._put(LEAVING, key, self._get(LEAVING, key, Departure).learn(seen, self._rules))
        return patterns.receipt_missing(seen, self._rules)

    def _look(self, look: Look, *, heard_before: bool) -> list[Hit]:
        hits: list[Hit] = []
        holds = False
        if look.case is not None and look.kind is not AccessKind.LOG_READ:
            watch, strangers = self._get(CASE, look.case, CaseWatch).look(look, self._rules, heard_before=heard_before)
            self._put(CASE, look.case, watch)
            holds = watch.ties.holds(look)
            hits += self._strangers(strangers)
            self._put(GLASS, look.case, self._get(GLASS, look.case, GlassWatch).look(look, self._rules))
        for name, count in (
            (MANY, patterns.many_children),
            (HOURS, patterns.outside_hours),
            (DENIALS, patterns.repeated_denials),
        ):
            marks, found = count(self._get(name, look.actor, Marks), look, self._rules)
            self._put(name, look.actor, marks)
            hits += found
        departure, found = self._get(LEAVING, look.actor, Departure).look(look, self._rules, holds=holds)
        self._put(LEAVING, look.actor, departure)
        return hits + found

    def _strangers(self, looks: Iterable[Look]) -> list[Hit]:
        hits: list[Hit] = []
        for look in looks:
            marks, found = patterns.stranger(self._get(STRANGER, look.actor, Marks), look, self._rules)
            self._put(STRANGER, look.actor, marks)
            hits += found
        return hits

    def _settle(self) -> list[Hit]:
        hits: list[Hit] = []
        for _, place in sorted((due, place) for place, due in self._dues.items() if due <= self.moment):
            state = self._states[place]
            match state:
                case CaseWatch():
                    watch, strangers = state.settle(self.moment, self._rules)
                    self._put(*place, watch)
                    hits += self._strangers(strangers)
                case GlassWatch():
                    glass, found = state.settle(self.moment, self._rules)
                    self._put(*place, glass)
                    hits += found
                case _:
                    continue
        return hits

    def _get(self, detector: str, key: str, form: type[M]) -> M:
        state = self._states.get(Place(detector, key))
        return state if isinstance(state, form) else form()

    def _put(self, detector: str, key: str, state: Model) -> None:
        place = Place(detector, key)
        if self._states.get(place, type(state)()) == state:
            return
        self._states[place] = self.changed[place] = state
        due = self.due(state)
        if due is None:
            self._dues.pop(place, None)
        else:
            self._dues[place] = due
