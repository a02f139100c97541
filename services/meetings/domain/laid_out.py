"""The year as it stands: what was called, and where what is still to be called is proposed.

Nothing of a proposal is kept: it is made anew from the profile as the year began, from what has been called since, and from the
day that it is, so that it moves no more than it must. Meetings around a child are not shown; for those between units one is
set aside and, where the units are to meet whoever the children are, shown once it is called (seed rules 15, 16).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.meetings.domain.arena_rules import ArenaType, Children
from services.meetings.domain.conformity import AHEAD, KnownMeeting
from services.meetings.domain.meeting import Status
from services.meetings.domain.planning import Slot, double_booked, plan, staff_of
from services.meetings.domain.profile import Profile
from services.meetings.domain.wheel import Wish, WishKey, pinned, place_in, seats, wishes
from shared.clock import oslo_time
from shared.contracts.base import Model
from shared.contracts.meetings import ArenaLevel
from shared.refs import LogScope, MeetingRef, UnitId


class Entry(Model):
    """A meeting in the year wheel."""

    arena_type: ArenaType
    name: str
    units: tuple[UnitId, ...]
    """The barnehager and schools that take part; none for a municipal arena."""
    starts_at: datetime
    minutes: int
    period: str | None
    """Which of the arena's meetings it is; null for one beside those that are due."""
    meeting: MeetingRef | None
    """Null: it is proposed, and nobody has planned or called it."""
    status: Status | None
    double_booked: tuple[UnitId, ...] = ()
    """The units with a seat in it that would have to be in more meetings at once than they can (seed rules 54, 77)."""


@dataclass(frozen=True, slots=True)
class Sitting:
    """A meeting that is called by hand, or moved, and who must be there."""

    profile: Profile
    """The municipality's whose it is."""
    meeting: KnownMeeting
    """Where it is to be."""
    units: Collection[UnitId]
    """The barnehager and schools that take part."""

    def scopes(self, profiles: Mapping[LogScope, Profile]) -> list[LogScope]:
        """Return the municipalities whose own meetings some of its units may be in (seed rule 77)."""
        seated = frozenset(self._as_planned().seats)
        sharing_some = {scope for scope, each in profiles.items() if seated & self.profile.shared_with(each)}
        return sorted({self.profile.scope, *sharing_some})

    def double_booked(
        self, profiles: Mapping[LogScope, Profile], known: Mapping[LogScope, Sequence[KnownMeeting]]
    ) -> tuple[UnitId, ...]:
        """Return the units that would have to be in more meetings than they can while it lasts (seed rules 54, 77).

        As in the year wheel, which everybody who calls meetings reads: nothing that is around a child counts, so that nobody
        learns of it when a service sits in one. What is only proposed does not count either: it gives way to what is called.

        Args:
            profiles: everybody's.
            known: the meetings of that day, by municipality, of each of `scopes`; this one may be among them, where it was.
        """
        ours = self._as_planned()
        others = [
            _beside(profiles[scope], each, _of_unit(each))
            for scope, meetings in known.items()
            for each in meetings
            if each.meeting != self.meeting.meeting
            and each.status is not Status.CANCELLED
            and _shown(profiles[scope], each)
        ]
        asked = [ours, *others]
        placed = {wish.key: Slot(wish.ideal, wish.starts[0]) for wish in asked}
        return double_booked(asked, placed, staff_of(profiles[scope] for scope in known)).get(ours.key, ())

    def _as_planned(self) -> Wish:
        return _beside(self.profile, self.meeting, self.units)


class FirstPlans:
    """Where everything would be as a school year begins, before anything is called: made once, for it follows from the profiles."""

    def __init__(self) -> None:
        """Know none yet."""
        self._made: dict[tuple[int, tuple[LogScope, ...]], Mapping[WishKey, Slot]] = {}

    def of(self, profiles: Sequence[Profile], begins: int, asked: Sequence[Wish]) -> Mapping[WishKey, Slot]:
        """Return the plan of what the profiles, which do not change, ask for in that year."""
        key = (begins, tuple(profile.scope for profile in profiles))
        if key not in self._made:
            self._made[key] = plan(asked, staff_of(profiles))
        return self._made[key]


_Pair = tuple[LogScope, str, frozenset[UnitId]]
"""A municipality, the type of an arena, and the units that take part in a meeting."""
_Whose = tuple[LogScope, str, tuple[UnitId, ...]]
"""A municipality, the type of an arena, and whose it is."""


def sharing(profiles: Mapping[LogScope, Profile], municipality: LogScope) -> list[Profile]:
    """Return the municipality's profile and those of every other one with which it shares a unit, itself or over others."""
    reached, wanted = {municipality: profiles[municipality]}, [municipality]
    while wanted:
        known = reached[wanted.pop()]
        for scope, profile in profiles.items():
            if scope not in reached and known.shared_with(profile):
                reached[scope] = profile
                wanted.append(scope)
    return list(reached.values())


def laid_out(
    profiles: Sequence[Profile],
    begins: int,
    meetings: Mapping[LogScope, Sequence[KnownMeeting]],
    municipality: LogScope,
    today: date,
    first_plans: FirstPlans,
) -> list[Entry]:
    """Return one municipality's school year, by time.

    Args:
        profiles: the municipality's, and of those it shares units with: whoever sits in one meeting can be in no other.
        begins: the year in which the school year begins.
        meetings: those of that school year, by municipality.
        municipality: whose year is asked for.
        today: the day in Norway; what is proposed comes after it.
        first_plans: those made before.

    Raises:
        HolidaysUnknownError: a profile does not say when the schools are closed in that year.
    """
    asked = [wish for profile in profiles for wish in wishes(profile, begins)]
    ours = {profile.scope: profile for profile in profiles}
    pairs = _pairs(asked, ours)
    shown = {
        scope: [each for each in known if _shown(ours[scope], each) or _pair(scope, each) in pairs]
        for scope, known in meetings.items()
        if scope in ours
    }
    real = {scope: [each for each in known if each.status is not Status.CANCELLED] for scope, known in shown.items()}
    off: dict[_Whose, set[date]] = defaultdict(set)
    for scope, known in shown.items():
        for each in known:
            if each.status is Status.CANCELLED:
                off[_whose(scope, each, pairs)].add(each.day)
    matched = _matched(asked, real, pairs)
    open_now = [_as_it_is(wish, matched.get(wish.key), today, off) for wish in asked]
    due = {known.meeting for known in matched.values()}
    # What two units call beside the meeting that is due is around a child.
    real = {
        scope: [each for each in known if each.meeting in due or _shown(ours[scope], each)]
        for scope, known in real.items()
    }
    beside = [
        _beside(ours[scope], each, _of_unit(each))
        for scope, known in real.items()
        for each in known
        if each.meeting not in due
    ]
    first = first_plans.of(profiles, begins, asked)
    to_place, staff = [*(wish for wish in open_now if wish is not None), *beside], staff_of(profiles)
    placed = plan(to_place, staff, first)
    clashes = double_booked(to_place, placed, staff)
    profile = ours[municipality]
    due_as = {known.meeting: key for key, known in matched.items()}
    key_as = due_as | {MeetingRef(wish.key.period): wish.key for wish in beside}
    entries = [
        _entry(profile, due_as.get(known.meeting), known, known.starts_at, clashes.get(key_as[known.meeting], ()))
        for known in real.get(municipality, ())
    ]
    called = set(key_as.values())
    entries += [
        _entry(profile, key, None, slot.moment, clashes.get(key, ()))
        for key, slot in placed.items()
        if key.municipality == municipality and key not in called
    ]
    return sorted(entries, key=key_of)


def key_of(entry: Entry) -> tuple[datetime, str, str]:
    """Return by what the year is ordered; no two meetings have the same."""
    return entry.starts_at, entry.arena_type, f"{','.join(entry.units)} {entry.period or ''} {entry.meeting or ''}"


def _entry(
    profile: Profile,
    key: WishKey | None,
    known: KnownMeeting | None,
    starts_at: datetime,
    double_booked: tuple[UnitId, ...],
) -> Entry:
    """Return a meeting that was called, one that is due, or one that was called for what is due."""
    rules = profile.arena(known.arena_type if known else key.arena_type if key else "")
    assert rules is not None
    units = key.units if key else (known.unit,) if known and known.unit else ()
    return Entry(
        arena_type=rules.type,
        name=rules.name,
        units=units,
        starts_at=starts_at,
        minutes=rules.minutes if known is None or known.minutes is None else known.minutes,
        period=key.period if key else None,
        meeting=known.meeting if known else None,
        status=known.status if known else None,
        # Where a meeting was held is no longer to be mended.
        double_booked=double_booked if known is None or known.status in AHEAD else (),
    )


def _shown(profile: Profile, meeting: KnownMeeting) -> bool:
    rules = profile.arena(meeting.arena_type)
    return rules is not None and rules.level is not ArenaLevel.CHILD


def _pairs(asked: Iterable[Wish], profiles: Mapping[LogScope, Profile]) -> dict[_Pair, tuple[UnitId, ...]]:
    """Return the units that are to meet whoever their children are, each pair as the wheel names it."""
    found: dict[_Pair, tuple[UnitId, ...]] = {}
    for wish in asked:
        rules = profiles[wish.key.municipality].arena(wish.key.arena_type)
        due_for = None if rules is None else rules.due_for
        if due_for is not None and due_for.children is Children.OF_THE_UNITS:
            found[wish.key.municipality, wish.key.arena_type, frozenset(wish.key.units)] = wish.key.units
    return found


def _pair(scope: LogScope, meeting: KnownMeeting) -> _Pair:
    return scope, meeting.arena_type, meeting.units


def _matched(
    asked: Iterable[Wish],
    real: Mapping[LogScope, Sequence[KnownMeeting]],
    pairs: Mapping[_Pair, tuple[UnitId, ...]],
) -> dict[WishKey, KnownMeeting]:
    """Return which ordinary meeting was called for which one that is due: each for the nearest that none was called for yet."""
    due: dict[_Whose, list[Wish]] = defaultdict(list)
    for wish in asked:
        due[wish.key.municipality, wish.key.arena_type, wish.key.units].append(wish)
    found: dict[WishKey, KnownMeeting] = {}
    for scope, known in real.items():
        for meeting in known:
            left = [wish for wish in due[_whose(scope, meeting, pairs)] if wish.key not in found]
            if left and not meeting.extra:
                nearest = min(left, key=lambda wish: (abs((wish.ideal - meeting.day).days), wish.key))
                found[nearest.key] = meeting
    return found


def _whose(scope: LogScope, meeting: KnownMeeting, pairs: Mapping[_Pair, tuple[UnitId, ...]]) -> _Whose:
    return scope, meeting.arena_type, pairs.get(_pair(scope, meeting), _of_unit(meeting))


def _of_unit(meeting: KnownMeeting) -> tuple[UnitId, ...]:
    return () if meeting.unit is None else (meeting.unit,)


def _as_it_is(
    wish: Wish, known: KnownMeeting | None, today: date, off: Mapping[_Whose, Collection[date]]
) -> Wish | None:
    """Return the meeting with the days that it still has; None when none is left, and nobody called it in time.

    The day that it is, is none: nobody comes to what is called for the same day. Nor is one on which it was called off.
    """
    if known is not None:
        local = oslo_time(known.starts_at)
        return pinned(wish, local.date(), local.time(), known.minutes)
    gone = off.get((wish.key.municipality, wish.key.arena_type, wish.key.units), ())
    left = frozenset(day for day in wish.may_stay if day > today and day not in gone)
    # Its share of the term may be over while the term is not.
    days = tuple(day for day in wish.days if day > today and day not in gone) or tuple(sorted(left))
    return replace(wish, days=days, may_stay=left) if days else None


def _beside(profile: Profile, known: KnownMeeting, of: Collection[UnitId]) -> Wish:
    """Return a meeting beside those that are due: where it was called its services are busy (seed rules 9, 77)."""
    rules = profile.arena(known.arena_type)
    assert rules is not None
    units = [unit for unit in profile.units if unit.id in of]
    local = oslo_time(known.starts_at)
    return Wish(
        key=WishKey(profile.scope, rules.type, tuple(unit.id for unit in units), known.meeting, 1),
        days=(local.date(),),
        ideal=local.date(),
        starts=(local.time(),),
        minutes=rules.minutes if known.minutes is None else known.minutes,
        seats=seats(profile, rules, units),
        place=place_in(profile, rules, units),
    )
