"""The planner against every plan there is, on small cases; and what holds for any of its plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from itertools import product
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.meetings.domain.arena_rules import ArenaType
from services.meetings.domain.planning import EXACT, HURRY, MOVED, NOTHING, OVERBOOKED, TRAVEL, Slot, Staff, plan
from services.meetings.domain.wheel import Wish, WishKey, pinned
from shared.refs import LogScope, UnitId

MONDAY: Final = date(2026, 9, 7)
DAYS: Final = tuple(MONDAY + timedelta(days=number) for number in range(4))
TIMES: Final = (time(9), time(10), time(12))
UNITS: Final = tuple(UnitId(f"unit:{name}") for name in ("ppt", "barnevern", "nav"))
PLACES: Final = ("Tynset", "Folldal", "Tolga")


def key(number: int) -> WishKey:
    """Return the name of a meeting."""
    return WishKey(LogScope("3427"), ArenaType("tst"), (), "autumn", number)


@st.composite
def wished(draw: st.DrawFn, number: int) -> Wish:
    """Return a meeting with up to four days and two times."""
    days = tuple(sorted(draw(st.sets(st.sampled_from(DAYS), min_size=1, max_size=3))))
    starts = tuple(draw(st.lists(st.sampled_from(TIMES), min_size=1, max_size=2, unique=True)))
    return Wish(
        key=key(number),
        days=days,
        ideal=draw(st.sampled_from(days)),
        starts=starts,
        minutes=draw(st.sampled_from((60, 90, 180))),
        seats=tuple(sorted(draw(st.sets(st.sampled_from(UNITS), max_size=3)))),
        place=draw(st.sampled_from((None, *PLACES))),
        may_stay=draw(st.frozensets(st.sampled_from(DAYS), max_size=2)),
    )


def several(least: int, most: int) -> st.SearchStrategy[list[Wish]]:
    """Return some meetings."""
    return st.integers(least, most).flatmap(lambda count: st.tuples(*map(wished, range(count))).map(list))


STAFF: Final = st.builds(
    Staff,
    at_once=st.dictionaries(st.sampled_from(UNITS), st.integers(1, 2)),
    bases=st.dictionaries(st.sampled_from(UNITS), st.sampled_from(PLACES)),
)
BEFORE: Final = st.dictionaries(
    st.integers(0, 3).map(key), st.builds(Slot, st.sampled_from(DAYS), st.sampled_from(TIMES)), max_size=4
)


def oracle(wishes: Sequence[Wish], placed: Mapping[WishKey, Slot], staff: Staff, before: Mapping[WishKey, Slot]) -> int:
    """Return what a plan costs, counted another way: minute by minute."""
    total = sum(abs((placed[wish.key].day - wish.ideal).days) for wish in wishes)
    total += MOVED * sum(1 for wish in wishes if wish.key in before and before[wish.key] != placed[wish.key])
    for unit in UNITS:
        mine = [(wish, placed[wish.key]) for wish in wishes if unit in wish.seats]
        away = {
            (slot.day, wish.place)
            for wish, slot in mine
            if wish.place and staff.bases.get(unit, wish.place) != wish.place
        }
        total += TRAVEL * len(away)
        if unit in staff.bases:
            for day in DAYS:
                places = {wish.place for wish, slot in mine if slot.day == day and wish.place}
                total += HURRY * max(0, len(places) - staff.at_once.get(unit, 1))
        going: dict[tuple[date, int], int] = {}
        for wish, slot in mine:
            for minute in range(slot.at.hour * 60, slot.at.hour * 60 + wish.minutes):
                going[slot.day, minute] = going.get((slot.day, minute), 0) + 1
        total += OVERBOOKED * sum(max(0, count - staff.at_once.get(unit, 1)) for count in going.values())
    return total


def options(wish: Wish, before: Mapping[WishKey, Slot]) -> list[Slot]:
    """Return everywhere that a meeting can be."""
    earlier = before.get(wish.key)
    days = {*wish.days, *({earlier.day} & wish.may_stay if earlier else set())}
    return [Slot(day, at) for day in sorted(days) for at in wish.starts]


@settings(deadline=None)
@given(several(1, 4), STAFF, BEFORE)
def test_of_all_plans_it_finds_the_cheapest(wishes: list[Wish], staff: Staff, before: dict[WishKey, Slot]) -> None:
    everything = product(*(options(wish, before) for wish in wishes))
    least = min(
        oracle(wishes, {wish.key: slot for wish, slot in zip(wishes, one, strict=True)}, staff, before)
        for one in everything
    )
    assert oracle(wishes, plan(wishes, staff, before), staff, before) == least


@settings(deadline=None)
@given(several(5, 9), STAFF, BEFORE)
def test_in_a_larger_group_no_meeting_can_be_put_better_alone(
    wishes: list[Wish], staff: Staff, before: dict[WishKey, Slot]
) -> None:
    placed = plan(wishes, staff, before)
    cost = oracle(wishes, placed, staff, before)
    assert placed.keys() == {wish.key for wish in wishes}
    for wish in wishes:
        assert placed[wish.key] in options(wish, before)
        for slot in options(wish, before):
            assert oracle(wishes, {**placed, wish.key: slot}, staff, before) >= cost


@settings(deadline=None)
@given(several(1, 9), STAFF, st.randoms(use_true_random=False))
def test_the_same_meetings_in_any_order_have_the_same_plan(wishes: list[Wish], staff: Staff, random: object) -> None:
    shuffled = list(wishes)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert plan(shuffled, staff) == plan(wishes, staff)


@settings(deadline=None)
@given(several(1, 9), STAFF)
def test_planned_again_nothing_moves(wishes: list[Wish], staff: Staff) -> None:
    first = plan(wishes, staff)
    assert plan(wishes, staff, first) == first


def apart(count: int, days: int) -> list[Wish]:
    """Return meetings of one unit that fit beside each other, two a day."""
    spread = tuple(MONDAY + timedelta(days=number) for number in range(days))
    return [
        Wish(key(number), spread, spread[days // 2], (time(9), time(12)), 120, (UNITS[0],), None)
        for number in range(count)
    ]


def test_a_group_too_large_to_look_at_every_plan_has_no_clash_where_there_is_room() -> None:
    wishes = apart(16, 10)
    assert EXACT < 20**16
    placed = plan(wishes, Staff({}, {}))
    assert len(set(placed.values())) == 16


@pytest.mark.rule(64, 77)
def test_when_one_meeting_moves_only_those_in_its_way_move() -> None:
    wishes = apart(12, 10)
    first = plan(wishes, Staff({}, {}))
    there = first[key(3)]
    # Somebody moves the fourth meeting to where the eighth is.
    moved = [pinned(wish, first[key(7)].day, first[key(7)].at) if wish.key == key(3) else wish for wish in wishes]
    again = plan(moved, Staff({}, {}), first)
    assert {name for name in first if again[name] != first[name]} == {key(3), key(7)}
    assert len(set(again.values())) == 12
    # A day that is closed moves its two meetings, and no others.
    closed = [replace(wish, days=tuple(day for day in wish.days if day != there.day)) for wish in wishes]
    again = plan(closed, Staff({}, {}), first)
    assert {name for name in first if again[name] != first[name]} == {
        name for name, slot in first.items() if slot.day == there.day
    }


@pytest.mark.rule(77)
def test_nobody_hurries_from_place_to_place_where_another_day_is_near() -> None:
    units = (UNITS[0],)
    wishes = [
        Wish(
            key=key(number),
            days=DAYS,
            ideal=DAYS[1],
            starts=(at,),
            minutes=60,
            seats=units,
            place=place,
        )
        for number, (at, place) in enumerate(((time(9), "Folldal"), (time(12), "Tolga"), (time(12), "Tynset")))
    ]
    for at_once, days in ((1, 3), (2, 2), (3, 1)):
        placed = plan(wishes, Staff({UNITS[0]: at_once}, {UNITS[0]: "Tynset"}))
        assert len({slot.day for slot in placed.values()}) == days, at_once


@pytest.mark.rule(77)
def test_who_travels_has_the_meetings_of_a_place_on_one_day() -> None:
    week = tuple(MONDAY + timedelta(days=number) for number in range(5))
    wishes = [
        Wish(key(number), week, week[number], (time(9), time(12)), 150, (UNITS[0],), PLACES[1])
        for number in (0, 1, 2, 3)
    ]
    placed = plan(wishes, Staff({}, {UNITS[0]: PLACES[0]}))
    assert len({slot.day for slot in placed.values()}) == 2
    at_home = plan(wishes, Staff({}, {UNITS[0]: PLACES[1]}))
    assert [at_home[key(number)].day for number in range(4)] == list(week[:4])


def test_meetings_that_share_nobody_do_not_touch_each_other() -> None:
    one = Wish(key(0), DAYS, DAYS[1], TIMES, 60, (UNITS[0],), None)
    other = Wish(key(1), DAYS, DAYS[1], TIMES, 60, (UNITS[1],), None)
    assert len({*plan([one, other], Staff({}, {}), NOTHING).values()}) == 1
