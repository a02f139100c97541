"""Pictures as numbers: where a timeline's marks stand, and how a proof leads from an entry to the root. Templates draw them as SVG.

Nothing here is drawn for the eye alone: each picture stands beside a list that says the same.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Protocol

from shared.clock import oslo_time
from shared.merkle import node_hash

Shape = Literal["dot", "square", "triangle", "cross"]
"""A mark is told from others by its form, not by its colour alone (WCAG 1.4.1)."""

WIDTH: Final = 760
LEFT: Final = 170
"""Where the time begins; the lanes' names stand before it."""
RIGHT: Final = 24
TOP: Final = 34
LANE: Final = 34
LANES: Final = 9
"""More lanes than these are drawn as one."""
TICKS: Final = 5
_LATEST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(minutes=1)
"""Where a picture begins at the latest: it is a minute wide at least."""

_SHAPES: Final[dict[str, Shape]] = {
    **dict.fromkeys(("read", "search", "list", "log-read"), "dot"),
    **dict.fromkeys(("write", "event", "seal", "unparsable"), "square"),
    **dict.fromkeys(("disclose", "export", "print", "break-glass"), "triangle"),
    "deny": "cross",
}


_ANCHORS: Final[dict[int, Literal["start", "end"]]] = {0: "start", TICKS - 1: "end"}


class Drawn(Protocol):
    """What a timeline shows of an entry."""

    @property
    def position(self) -> int:
        """Its number in the log."""

    @property
    def happened_at(self) -> datetime:
        """When it happened."""

    @property
    def kind(self) -> str:
        """What was done."""

    @property
    def permitted(self) -> bool | None:
        """Whether it was allowed, where that was asked."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One entry in a timeline."""

    x: float
    y: float
    shape: Shape


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of a timeline."""

    name: str | None
    """None for the lane of all the rest."""
    y: float
    count: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A moment on the axis."""

    x: float
    at: datetime
    anchor: Literal["start", "middle", "end"]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Entries along time, one lane for each of whatever they are told apart by."""

    width: int
    height: int
    left: int
    lanes: Sequence[Lane]
    ticks: Sequence[Tick]
    marks: Sequence[Mark]
    shapes: Sequence[Shape]
    """Those that occur, for the legend."""


def shape_of(kind: str, *, permitted: bool | None) -> Shape:
    """Return the form of an entry's mark: what was refused looks alike, whatever was asked."""
    return "cross" if permitted is False else _SHAPES.get(kind, "square")


def timeline(entries: Sequence[Drawn], lane: Callable[[int], str | None]) -> Timeline | None:
    """Return the picture of `entries`; None where there is none to draw.

    Args:
        entries: in any order.
        lane: the lane of the entry at this index; the fullest lanes are drawn apart, the rest together.
    """
    if not entries:
        return None
    names = [lane(index) for index in range(len(entries))]
    counted = Counter(name for name in names if name is not None).most_common(LANES - 1)
    shown = sorted(name for name, _ in counted)
    rest = any(name not in shown for name in names)
    rows: list[str | None] = [*shown, *([None] if rest else [])]
    place = {name: TOP + LANE * (index + 0.5) for index, name in enumerate(rows)}
    first = min(*(entry.happened_at for entry in entries), _LATEST)
    last = max(*(entry.happened_at for entry in entries), first + timedelta(minutes=1))
    span = (last - first).total_seconds()
    room = WIDTH - LEFT - RIGHT

    def across(moment: datetime) -> float:
        return round(LEFT + room * (moment - first).total_seconds() / span, 1)

    marks = [
        Mark(
            across(entry.happened_at),
            place[name if name in shown else None],
            shape_of(entry.kind, permitted=entry.permitted),
        )
        for entry, name in zip(entries, names, strict=True)
    ]
    moments = [first + timedelta(seconds=span * index / (TICKS - 1)) for index in range(TICKS)]
    return Timeline(
        width=WIDTH,
        height=TOP + LANE * len(rows) + 12,
        left=LEFT,
        lanes=[
            Lane(name, place[name], sum(1 for one in names if (one if one in shown else None) == name)) for name in rows
        ],
        ticks=[Tick(across(at), oslo_time(at), _ANCHORS.get(index, "middle")) for index, at in enumerate(moments)],
        marks=marks,
        shapes=sorted({mark.shape for mark in marks}),
    )


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof: this hash and its neighbour's make the next one."""

    number: int
    own: bytes
    neighbour: bytes
    side: Literal["left", "right"]
    """Where the neighbour stands."""
    made: bytes
    y: int
    """Where its own hash is drawn."""


@dataclass(frozen=True, slots=True)
class ProofPath:
    """The way from an entry to the root."""

    leaf: bytes
    steps: Sequence[Step]
    root: bytes
    """Where the way ends."""
    height: int
    root_y: int


STEP: Final = 74
PROOF_TOP: Final = 16


def proof_path(leaf: bytes, index: int, size: int, hashes: Sequence[bytes]) -> ProofPath:
    """Return how `hashes` lead from the hash of leaf number `index` upwards (RFC 9162 § 2.1.3.2).

    Raises:
        ValueError: so many hashes do not lead to the root of `size` entries.
    """
    at, last = index, size - 1
    reached = leaf
    found: list[tuple[bytes, bytes, Literal["left", "right"], bytes]] = []
    for neighbour in hashes:
        if last == 0:
            raise ValueError("the proof has more hashes than the tree has levels")
        own = reached
        side: Literal["left", "right"] = "right"
        if at & 1 or at == last:
            side = "left"
            reached = node_hash(neighbour, own)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            reached = node_hash(own, neighbour)
        at, last = at >> 1, last >> 1
        found.append((own, neighbour, side, reached))
    if last:
        raise ValueError("the proof ends below the root")
    bottom = PROOF_TOP + STEP * len(found)
    steps = [
        Step(number, own, neighbour, side, made, bottom - STEP * (number - 1))
        for number, (own, neighbour, side, made) in enumerate(found, 1)
    ]
    return ProofPath(leaf, steps, reached, height=bottom + 52, root_y=PROOF_TOP)
