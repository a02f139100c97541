"""Where each meeting of a year goes: nobody in two meetings at once, few days of travel, near where it belongs.

When something has changed, as little as possible moves. What counts, in this order: minutes for which a unit has more meetings
than it can be in; meetings that are elsewhere than before; and then days of travel, and places between which somebody would have
to go on the same day, against days away from the ideal.
Small groups of meetings that share units are planned exactly; larger ones one after the other, then bettered until no single
meeting can be put better. The same wishes give the same plan, in whatever order they come.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import pairwise
from types import MappingProxyType
from typing import Final

from services.meetings.domain.profile import Profile
from services.meetings.domain.wheel import Wish, WishKey
from shared.calendar import at_oslo
from shared.refs import UnitId

OVERBOOKED: Final = 10**12
"""What a minute costs for which a unit has one meeting too many."""
MOVED: Final = 10**6
"""What a meeting costs that is elsewhere than before."""
TRAVEL: Final = 20
"""What a unit's day at another place costs, in days away from the ideal."""
HURRY: Final = 10
"""What it costs when a unit is in one more place on a day than it can be in at once: somebody goes from one to the next."""
EXACT: Final = 5_000
"""Up to so many plans of a group are all looked at."""
ROUNDS: Final = 12
"""How often every meeting is tried elsewhere, at most."""
NOTHING: Final[Mapping[WishKey, Slot]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A day, and what clocks in Norway show."""

    day: date
    at: time

    @property
    def moment(self) -> datetime:
        """Return it as a moment in UTC."""
        return at_oslo(self.day, self.at)


@dataclass(frozen=True, slots=True)
class Staff:
    """What is known of the units that take seats."""

    at_once: Mapping[UnitId, int]
    """In how many meetings each can be; left out, in one."""
    bases: Mapping[UnitId, str]
    """Where each is."""


def staff_of(profiles: Iterable[Profile]) -> Staff:
    """Return the units of the profiles; one that several share is one."""
    units = {unit.id: unit for profile in profiles for unit in profile.units}
    return Staff(
        {unit.id: unit.meetings_at_once for unit in units.values()},
        {unit.id: unit.place for unit in units.values() if unit.place is not None},
    )


def plan(wishes: Sequence[Wish], staff: Staff, before: Mapping[WishKey, Slot] = NOTHING) -> Mapping[WishKey, Slot]:
    """Return where each meeting goes.

    Args:
        wishes: the meetings; one that cannot move any more has one day and one time.
        staff: the units.
        before: where meetings were, if they had been planned already.
    """
    placed: dict[WishKey, Slot] = {}
    for group in _groups(wishes):
        board = _Board(staff, before)
        _one_by_one(board, group)
        for _ in range(ROUNDS):
            if not _bettered(board, group):
                break
        if _possibilities(group, before) <= EXACT:
            placed.update(_best(staff, before, group, board))
        else:
            placed.update(board.placed)
    return MappingProxyType(placed)


def cost(wishes: Iterable[Wish], placed: Mapping[WishKey, Slot], staff: Staff, before: Mapping[WishKey, Slot]) -> int:
    """Return what a plan costs."""
    board = _Board(staff, before)
    return sum(board.put(wish, placed[wish.key]) for wish in wishes)


def double_booked(
    wishes: Iterable[Wish], placed: Mapping[WishKey, Slot], staff: Staff
) -> Mapping[WishKey, tuple[UnitId, ...]]:
    """Return the units that would have to be in more meetings than they can at some moment of each meeting; none where all can."""
    busy: dict[tuple[UnitId, date], list[tuple[tuple[int, int], WishKey]]] = defaultdict(list)
    for wish in wishes:
        slot = placed[wish.key]
        for unit in wish.seats:
            busy[unit, slot.day].append((_minutes(wish, slot), wish.key))
    found: dict[WishKey, set[UnitId]] = defaultdict(set)
    for (unit, _), meetings in busy.items():
        limit = staff.at_once.get(unit, 1)
        for (moment, _), _ in meetings if len(meetings) > limit else ():
            going = [key for (begins, ends), key in meetings if begins <= moment < ends]
            for key in going if len(going) > limit else ():
                found[key].add(unit)
    return {key: tuple(sorted(units)) for key, units in found.items()}


class _Board:
    """A plan in the making, and what it costs to put a meeting somewhere."""

    def __init__(self, staff: Staff, before: Mapping[WishKey, Slot]) -> None:
        self.placed: dict[WishKey, Slot] = {}
        self._staff = staff
        self._before = before
        self._busy: dict[tuple[UnitId, date], list[tuple[int, int]]] = defaultdict(list)
        self._visits: dict[tuple[UnitId, date], dict[str, int]] = defaultdict(dict)

    def price(self, wish: Wish, slot: Slot) -> int:
        """Return what it costs more with `wish` at `slot`."""
        total = abs((slot.day - wish.ideal).days)
        if wish.key in self._before and self._before[wish.key] != slot:
            total += MOVED
        begins, ends = _minutes(wish, slot)
        for unit in wish.seats:
            busy = self._busy.get((unit, slot.day))
            limit = self._staff.at_once.get(unit, 1)
            if busy:
                total += OVERBOOKED * (_excess([*busy, (begins, ends)], limit) - _excess(busy, limit))
            base = self._staff.bases.get(unit)
            if wish.place is None or base is None:
                continue
            visited = self._visits.get((unit, slot.day), {})
            if wish.place not in visited:
                total += TRAVEL * (base != wish.place) + HURRY * (len(visited) >= limit)
        return total

    def put(self, wish: Wish, slot: Slot) -> int:
        """Put `wish` there, and return what that costs."""
        price = self.price(wish, slot)
        self.placed[wish.key] = slot
        for unit in wish.seats:
            self._busy[unit, slot.day].append(_minutes(wish, slot))
            if wish.place is not None:
                visited = self._visits[unit, slot.day]
                visited[wish.place] = visited.get(wish.place, 0) + 1
        return price

    def take(self, wish: Wish) -> Slot:
        """Take `wish` away, and return where it was."""
        slot = self.placed.pop(wish.key)
        for unit in wish.seats:
            self._busy[unit, slot.day].remove(_minutes(wish, slot))
            if wish.place is not None:
                visited = self._visits[unit, slot.day]
                visited[wish.place] -= 1
                if not visited[wish.place]:
                    del visited[wish.place]
        return slot

    def best(self, wish: Wish) -> Slot:
        """Return where `wish` costs least; the nearest to its ideal of those that cost the same."""
        found: Slot | None = None
        least = 0
        earlier = self.stay(wish)
        if earlier is not None and self.price(wish, earlier) < MOVED:
            # Anywhere else it would have moved.
            return earlier
        # Also at another time of the day on which it was: its own may be none that is offered any more.
        days = sorted(_days(wish, self._before), key=lambda day: (abs((day - wish.ideal).days), day))
        if earlier is not None:
            days = [earlier.day, *(day for day in days if day != earlier.day)]
        for day in days:
            if found is not None and least <= abs((day - wish.ideal).days):
                # No day is cheaper than it is far.
                break
            for start in wish.starts:
                slot = Slot(day, start)
                price = self.price(wish, slot)
                if found is None or price < least:
                    found, least = slot, price
        assert found is not None
        return found

    def stay(self, wish: Wish) -> Slot | None:
        """Return where it was planned before, if that is still a time of its own."""
        slot = self._before.get(wish.key)
        stays = slot is not None and slot.at in wish.starts and (slot.day in wish.days or slot.day in wish.may_stay)
        return slot if stays else None


def _minutes(wish: Wish, slot: Slot) -> tuple[int, int]:
    begins = slot.at.hour * 60 + slot.at.minute
    return begins, begins + wish.minutes


def _excess(busy: Sequence[tuple[int, int]], limit: int) -> int:
    """Return for how many minutes there are more meetings than `limit`, each one too many counted."""
    if len(busy) <= limit:
        return 0
    steps = sorted([(begins, 1) for begins, _ in busy] + [(ends, -1) for _, ends in busy])
    going = total = 0
    for (at, change), (then, _) in pairwise(steps):
        going += change
        total += max(0, going - limit) * (then - at)
    return total


def _groups(wishes: Sequence[Wish]) -> list[list[Wish]]:
    """Return the meetings in groups that share no unit, each from the one with the least choice on."""
    leader: dict[UnitId, UnitId] = {}

    def find(unit: UnitId) -> UnitId:
        while leader.setdefault(unit, unit) != unit:
            leader[unit] = leader[leader[unit]]
            unit = leader[unit]
        return unit

    for wish in wishes:
        for one, other in pairwise(wish.seats):
            leader[find(one)] = find(other)
    groups: dict[UnitId | WishKey, list[Wish]] = defaultdict(list)
    for wish in sorted(wishes, key=lambda each: (len(each.days) * len(each.starts), each.key)):
        groups[find(wish.seats[0]) if wish.seats else wish.key].append(wish)
    return list(groups.values())


def _one_by_one(board: _Board, group: Sequence[Wish]) -> None:
    """Put each where it was if it can stay, and then the others where each costs least by then."""
    # Those that can stay all do so at first, also where two clash: with half of them on the board, the place of one that is not
    # there yet looks free, and a plan that nothing is wrong with would move.
    for wish in group:
        if (stays := board.stay(wish)) is not None:
            board.put(wish, stays)
    for wish in group:
        if wish.key not in board.placed:
            board.put(wish, board.best(wish))


def _bettered(board: _Board, group: Sequence[Wish]) -> bool:
    """Try every meeting elsewhere; return whether one went to where it costs less."""
    better = False
    for wish in group:
        there = board.take(wish)
        best = board.best(wish)
        if board.price(wish, best) < board.price(wish, there):
            there, better = best, True
        board.put(wish, there)
    return better


def _days(wish: Wish, before: Mapping[WishKey, Slot]) -> tuple[date, ...]:
    """Return the days on which it can be: its own, and the one on which it was when it may stay there."""
    earlier = before.get(wish.key)
    stays = earlier is not None and earlier.day in wish.may_stay and earlier.day not in wish.days
    return (*wish.days, earlier.day) if earlier is not None and stays else wish.days


def _possibilities(group: Sequence[Wish], before: Mapping[WishKey, Slot]) -> int:
    count = 1
    for wish in group:
        count *= len(_days(wish, before)) * len(wish.starts)
        if count > EXACT:
            break
    return count


def _best(staff: Staff, before: Mapping[WishKey, Slot], group: Sequence[Wish], known: _Board) -> Mapping[WishKey, Slot]:
    """Return the cheapest of all plans; of several, the one that was `known`, else the first."""
    board = _Board(staff, before)
    best = dict(known.placed)
    least = cost(group, best, staff, before)

    def search(index: int, spent: int) -> None:
        nonlocal best, least
        if index == len(group):
            best, least = dict(board.placed), spent
            return
        wish = group[index]
        for day in _days(wish, before):
            for start in wish.starts:
                slot = Slot(day, start)
                # What is put later only adds: a part that costs as much as a whole plan leads to none that is better.
                if spent + board.price(wish, slot) >= least:
                    continue
                price = board.put(wish, slot)
                search(index + 1, spent + price)
                board.take(wish)

    search(0, 0)
    return best
