"""Draws a life cycle as SVG: a line for each status, a column for each event, an arrow from where it may happen to where it leads.

Nothing is placed by hand, so a table of any size can be read: no arrow crosses a word. No script, nothing from elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, Final

from shared.contracts.base import EventData
from shared.machines import Lifecycle, Step

PREFIX: Final = re.compile(r"^no\.lagspill\.[a-z]+\.")
MARGIN: Final = 24
STATUS_WIDTH: Final = 150
COLUMN: Final = 104
ROW: Final = 56
LINE: Final = 15
"""Pixels: the page's margin, the width of a status, of an event's column, the height of a status' row, of a line of text."""
NOTHING_YET: Final = "nothing yet"
STYLE: Final = (
    "text{font-family:system-ui,sans-serif;fill:#1c1c1c}.s{font-size:14px;font-weight:600}.e{font-size:12.5px}"
    ".x{font-size:11.5px;fill:#555}.r{stroke:#c4c4c4;stroke-width:1;stroke-dasharray:2 4}"
    ".a{stroke:#24487f;stroke-width:2;fill:none}.d{fill:#24487f}"
)


@dataclass(frozen=True)
class Column:
    """One event, in one of its cases: where it may happen, and where it leads."""

    event: type[EventData]
    says: str | None
    starts: tuple[str | None, ...]
    end: str


def short(event: type[EventData]) -> str:
    """Return an event's name as readers know it: `handover.sent`."""
    return PREFIX.sub("", event.TYPE).removesuffix(".v1")


def columns(lifecycle: Lifecycle[Any]) -> list[Column]:
    """Return the columns in the order of the table; steps of one event to one status are one column."""
    found: dict[tuple[type[EventData], str | None, str], list[str | None]] = {}
    for step in lifecycle.steps:
        says = None if step.when is None else step.when.says
        # A step that stays where it is has a loop of its own, not an arrow.
        end = step.end.value
        key = (step.event, says, f"={end}" if step.start is step.end else end)
        found.setdefault(key, []).append(_value(step))
    return [Column(event, says, tuple(starts), end.removeprefix("=")) for (event, says, end), starts in found.items()]


def in_words(lifecycle: Lifecycle[Any]) -> str:
    """Return every transition as a sentence, for who cannot see the picture."""
    told = []
    for one in columns(lifecycle):
        starts = ", ".join(NOTHING_YET if start is None else start for start in one.starts)
        says = f" ({one.says})" if one.says else ""
        told.append(f"{short(one.event)}{says}: from {starts} to {one.end}")
    ends = ", ".join(sorted(lifecycle.terminal))
    return "; ".join(told) + "." + (f" Nothing leaves {ends}." if ends else "")


def draw(lifecycle: Lifecycle[Any]) -> str:
    """Return the picture, the same for the same table."""
    rows: list[str | None] = [status.value for status in lifecycle.every_status]
    if any(step.start is None for step in lifecycle.steps):
        rows.insert(0, None)
    drawn = columns(lifecycle)
    width = 2 * MARGIN + STATUS_WIDTH + COLUMN * len(drawn)
    head = 10 + LINE * max(len(_lines(lifecycle, one)) for one in drawn)
    height = 2 * MARGIN + head + ROW * len(rows)
    at = {status: MARGIN + head + ROW * number + ROW // 2 for number, status in enumerate(rows)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{escape(lifecycle.title)}: its states, and what leads from one to another</title>',
        f'<desc id="desc">{escape(in_words(lifecycle))}</desc>',
        '<defs><marker id="m" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L10,5 L0,10 z" class="d"/></marker></defs>',
        f"<style>{STYLE}</style>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for status in rows:
        parts += _row(lifecycle, status, at[status], width)
    for number, column in enumerate(drawn):
        x = MARGIN + STATUS_WIDTH + COLUMN * number + COLUMN // 2
        parts += _head(_lines(lifecycle, column), x, MARGIN + head - 10)
        parts += _arrows(column, x, at)
    return "\n".join([*parts, "</svg>"]) + "\n"


def _value(step: Step[Any]) -> str | None:
    return None if step.start is None else str(step.start.value)


def _row(lifecycle: Lifecycle[Any], status: str | None, y: int, width: int) -> Iterator[str]:
    middle = MARGIN + (STATUS_WIDTH - 16) // 2
    left, top, wide, high = MARGIN, y - 17, STATUS_WIDTH - 16, 34
    yield f'<line x1="{left + wide}" y1="{y}" x2="{width - MARGIN}" y2="{y}" class="r"/>'
    begins = status is None or status == lifecycle.initial
    ends = status in lifecycle.terminal
    fill = "#f3f3f3" if begins else "#fff7e8" if ends else "#eef4ff"
    stroke = "#6a6a6a" if begins else "#a3752a" if ends else "#24487f"
    dashes = ' stroke-dasharray="4 3"' if status is None else ""
    yield (
        f'<rect x="{left}" y="{top}" width="{wide}" height="{high}" rx="{17 if not ends else 4}" fill="{fill}"'
        f' stroke="{stroke}" stroke-width="1.5"{dashes}/>'
    )
    if ends:
        yield (
            f'<rect x="{left + 4}" y="{top + 4}" width="{wide - 8}" height="{high - 8}" rx="2" fill="none"'
            f' stroke="{stroke}" stroke-width="1"/>'
        )
    text = NOTHING_YET if status is None else status
    yield f'<text x="{middle}" y="{y + 5}" text-anchor="middle" class="{"x" if status is None else "s"}">{escape(text)}</text>'


def _lines(lifecycle: Lifecycle[Any], column: Column) -> list[tuple[str, str]]:
    """Return what stands above a column, each line with its style."""
    thing, _, happened = short(column.event).rpartition(".")
    words = happened if thing == lifecycle.name else f"{thing} {happened}"
    by_itself = "by itself" if column.event in lifecycle.deadline_events else ""
    small = [*_wrapped(column.says or ""), *_wrapped(by_itself)]
    return [*((line, "e") for line in _wrapped(words.replace("-", " "))), *((line, "x") for line in small)]


def _head(lines: Sequence[tuple[str, str]], x: int, bottom: int) -> Iterator[str]:
    top = bottom - LINE * (len(lines) - 1)
    for number, (line, kind) in enumerate(lines):
        yield f'<text x="{x}" y="{top + LINE * number}" text-anchor="middle" class="{kind}">{escape(line)}</text>'


def _arrows(column: Column, x: int, at: Mapping[str | None, int]) -> Iterator[str]:
    end, starts = at[column.end], [at[start] for start in column.starts]
    if column.starts == (column.end,):
        yield f'<circle cx="{x - 12}" cy="{end}" r="4.5" class="d"/>'
        path = f"M{x - 12},{end} C{x - 12},{end - 30} {x + 14},{end - 30} {x + 14},{end - 2}"
        yield f'<path d="{path}" class="a" marker-end="url(#m)"/>'
        return
    for start in starts:
        yield f'<circle cx="{x}" cy="{start}" r="4.5" class="d"/>'
    above, below = [one for one in starts if one < end], [one for one in starts if one > end]
    arrows = [(min(above), end - 3)] if above else []
    arrows += [(max(below), end + 3)] if below else []
    for farthest, tip in arrows:
        yield f'<line x1="{x}" y1="{farthest}" x2="{x}" y2="{tip}" class="a" marker-end="url(#m)"/>'


def _wrapped(text: str, at_most: int = 15) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + 1 + len(word) <= at_most:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
