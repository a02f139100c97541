"""A figure as bars, in numbers: where each bar lies and how long it is. The template draws them as SVG.

Nothing is drawn for the eye alone: each bar says its number in words, and a table with the same numbers stands below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

WIDTH: Final = 640
LONGEST: Final = 380
_GROUP: Final = 22
_BAR: Final = 16
SERIES: Final = 4
"""Looks that bars have; their words tell them apart."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One number."""

    y: int
    width: float | None
    """None: the number is hidden."""
    series: int
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """The bars of a row."""

    label: str
    y: int
    bars: Sequence[Bar]


@dataclass(frozen=True, slots=True)
class Chart:
    """The picture."""

    title: str
    desc: str
    width: int
    height: int
    groups: Sequence[Group]


def chart(title: str, desc: str, rows: Sequence[tuple[str, Sequence[tuple[str, int | None]]]], hidden: str) -> Chart:
    """Return the picture of `rows`: each its name, and its numbers with their words; `hidden` is said of one that is not shown."""
    numbers = [number for _, bars in rows for _, number in bars if number is not None]
    largest = max([*numbers, 1])
    groups, y = [], 0
    for name, bars in rows:
        top = y
        y += _GROUP
        drawn = []
        for series, (word, number) in enumerate(bars):
            said = hidden if number is None else str(number)
            width = None if number is None else round(LONGEST * number / largest, 1)
            drawn.append(Bar(y, width, series % SERIES, f"{word}: {said}" if word else said))
            y += _BAR
        groups.append(Group(name, top + 15, drawn))
    return Chart(title, desc, WIDTH, max(y, 1), groups)
