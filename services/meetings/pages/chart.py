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
class Value:
    """A number, and what is said of it; of one that is not shown, why."""

    word: str
    number: float | None
    said: str
    missing: bool = False
    """There is none: nothing is drawn, not even the box of a hidden one."""


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


def chart(title: str, desc: str, rows: Sequence[tuple[str, Sequence[Value]]]) -> Chart:
    """Return the picture of `rows`: each its name, and its numbers with their words."""
    numbers = [value.number for _, values in rows for value in values if value.number is not None]
    largest = max([*numbers, 1])
    groups, y = [], 0
    for name, values in rows:
        top = y
        y += _GROUP
        drawn = []
        for series, value in enumerate(values):
            width = None if value.number is None else round(LONGEST * value.number / largest, 1)
            label = f"{value.word}: {value.said}" if value.word else value.said
            drawn.append(Bar(y, 0 if value.missing else width, series % SERIES, label))
            y += _BAR
        groups.append(Group(name, top + 15, drawn))
    return Chart(title, desc, WIDTH, max(y, 1), groups)
