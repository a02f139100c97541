"""The year wheel as numbers: where months, holidays and meetings stand on it. The template draws them as SVG.

Nothing is drawn for the eye alone: the page lists the same meetings beside the picture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Literal

from services.meetings.domain.conformity import HELD
from services.meetings.domain.laid_out import Entry
from services.meetings.domain.year import Calendar, SchoolYear
from shared.clock import oslo_day

Shape = Literal["ring", "dot", "square"]
"""Proposed, called, held: told apart by form, not by colour alone (WCAG 1.4.1)."""

SIZE: Final = 640
MIDDLE: Final = SIZE / 2
OUTER: Final = 292
"""Where the months' names stand."""
RIM: Final = 272
INNER: Final = 84
RINGS: Final = 9
"""More arenas than these share the innermost ring."""


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the picture."""

    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Month:
    """A month: its name's place, and the line at which it begins."""

    number: int
    name_at: Point
    begins: Point


@dataclass(frozen=True, slots=True)
class Closed:
    """School holidays, as an arc along the rim."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Ring:
    """The circle of an arena, or of several."""

    names: tuple[str, ...]
    radius: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A meeting."""

    at: Point
    shape: Shape
    name: str


@dataclass(frozen=True, slots=True)
class Wheel:
    """The picture."""

    size: int
    middle: float
    rim: int
    months: Sequence[Month]
    closed: Sequence[Closed]
    rings: Sequence[Ring]
    marks: Sequence[Mark]
    today: Point | None


def wheel(entries: Sequence[Entry], calendar: Calendar, year: SchoolYear, today: date) -> Wheel:
    """Return the picture of a school year; it begins at the top and goes round with the clock."""

    def at(day: date, radius: float) -> Point:
        share = (day - year.first).days / ((year.last - year.first).days + 1)
        angle = 2 * math.pi * share
        return Point(round(MIDDLE + radius * math.sin(angle), 1), round(MIDDLE - radius * math.cos(angle), 1))

    rings, radius = _rings(entries)
    firsts = [day for day in year.days() if day.day == 1]
    closed = [
        (holiday.name, max(holiday.first, year.first), min(holiday.last, year.last))
        for holiday in calendar.school_holidays
        if holiday.last >= year.first and holiday.first <= year.last
    ]
    return Wheel(
        size=SIZE,
        middle=MIDDLE,
        rim=RIM,
        months=[Month(day.month, at(day + timedelta(days=15), OUTER), at(day, RIM)) for day in firsts],
        closed=[Closed(name, _arc(at(first, RIM), at(last + timedelta(days=1), RIM))) for name, first, last in closed],
        rings=rings,
        marks=[
            Mark(at(oslo_day(entry.starts_at), radius[entry.arena_type]), _shape(entry), entry.name)
            for entry in entries
        ],
        today=at(today, RIM) if year.holds(today) else None,
    )


def _rings(entries: Sequence[Entry]) -> tuple[list[Ring], Mapping[str, float]]:
    """Return a circle for each arena, those that meet most outermost, and each arena's radius."""
    names: dict[str, str] = {}
    counts: dict[str, int] = {}
    for entry in entries:
        names[entry.arena_type] = entry.name
        counts[entry.arena_type] = counts.get(entry.arena_type, 0) + 1
    types = sorted(counts, key=lambda each: (-counts[each], each))
    groups = [[each] for each in types[: RINGS - 1]] + ([types[RINGS - 1 :]] if len(types) >= RINGS else [])
    step = (RIM - 18 - INNER) / max(1, len(groups) - 1) if len(groups) > 1 else 0
    radius = {each: round(RIM - 18 - step * index, 1) for index, group in enumerate(groups) for each in group}
    return [Ring(tuple(names[each] for each in group), radius[group[0]]) for group in groups], radius


def _arc(begins: Point, ends: Point) -> str:
    # No school holiday is half a year long: the short way round is the right one.
    return f"M {begins.x} {begins.y} A {RIM} {RIM} 0 0 1 {ends.x} {ends.y}"


def _shape(entry: Entry) -> Shape:
    if entry.status is None:
        return "ring"
    return "square" if entry.status in HELD else "dot"
