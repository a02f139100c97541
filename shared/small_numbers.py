"""Figures in which no child can be found: no count under five is shown, and none that follows from others that are.

A line is a count and its parts; a table has rows, columns and the totals of both. What is published is judged as somebody
would who subtracts: the numbers that are not shown can be exactly those that no row, column or total contradicts. Each of
them must have at least six possible values.

A table's numbers are a flow round a circle: from one node to the rows (the rows' totals), from the rows to the columns (the
cells), from the columns to a second node (their totals), and back (the total). What may still be is then how far the flow
through each hidden number can be moved through other hidden ones, which is a matter of paths and needs no solver.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from shared.contracts.base import Model

THRESHOLD: Final = 5
"""No count under this is shown, and none that follows from others."""

K = TypeVar("K", bound=str)


class Counts(Model):
    """A count and its parts; what is None is not shown."""

    total: int | None
    parts: dict[str, int | None]

    def shown_only(self) -> Counts:
        """Return it without the parts that are not shown: that there is such a part would say that it is not zero."""
        return Counts(total=self.total, parts={key: count for key, count in self.parts.items() if count is not None})


def suppress(parts: Mapping[K, int]) -> Counts:
    """Return the counts that may be shown: none under five, and no single one that the total and the others give away.

    Where one is hidden, all that are as small as the smallest shown one are hidden with it, so that who knows this rule does not
    know which of them is the small one; and so on until together they are at least five. Zero is hidden like one.
    """
    total = sum(parts.values())
    if total < THRESHOLD:
        return Counts(total=None, parts=dict.fromkeys(parts))
    limit = THRESHOLD
    hidden = {key for key, count in parts.items() if count < limit}
    left = sorted({count for count in parts.values() if count >= limit})
    while hidden and left and (limit == THRESHOLD or sum(parts[key] for key in hidden) < THRESHOLD):
        limit = left.pop(0) + 1
        hidden = {key for key, count in parts.items() if count < limit}
    return Counts(total=total, parts={key: None if key in hidden else count for key, count in parts.items()})


def suppress_within(parts: Mapping[K, int], most: Mapping[K, int]) -> Counts:
    """Return the counts that may be shown beside what each can be at most, which everybody knows.

    As `suppress`, until each hidden count can be six different ones, or as many as its own bound leaves. Four of five, beside three
    rows of six of six, would follow from the total: 22 of 23. Where hiding all parts will not do, the total is hidden too.

    Args:
        parts: what was counted.
        most: what each can be at most; of those that are left out nothing is known. Of what can be nought only nobody learns
            anything: it is hidden, and hides nothing.
    """
    free = {key: count for key, count in parts.items() if most.get(key) != 0}
    bounds = {key: max(most[key], count) for key, count in free.items() if key in most}
    least = suppress(free)
    if least.total is None:
        return Counts(total=None, parts=dict.fromkeys(parts))
    hidden = {key for key in free if least.parts[key] is None}
    tried = hidden
    for limit in sorted({count for key, count in free.items() if key not in hidden} | {0}):
        tried = hidden | {key for key, count in free.items() if hidden and count <= limit}
        if all(_stays_open(key, tried, free, bounds) for key in tried):
            return Counts(total=least.total, parts={key: None if key in tried else free.get(key) for key in parts})
    return Counts(total=None, parts={key: None if key in hidden else free.get(key) for key in parts})


def _stays_open(key: K, hidden: Iterable[K], counts: Mapping[K, int], bounds: Mapping[K, int]) -> bool:
    """Return whether the hidden count can be six different ones, or all that its bound leaves, when all but the hidden is shown."""
    others = [other for other in hidden if other != key]
    together = counts[key] + sum(counts[other] for other in others)
    highest = min(together, bounds.get(key, together))
    elsewhere = sum(bounds[other] for other in others) if bounds.keys() >= set(others) else together
    return highest - max(0, together - elsewhere) >= min(THRESHOLD, bounds.get(key, THRESHOLD))


class Table(Model):
    """A table of counts with its totals; what is None is not shown."""

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[tuple[int | None, ...], ...]
    """By row, then by column."""
    row_totals: tuple[int | None, ...]
    column_totals: tuple[int | None, ...]
    total: int | None


def publish(rows: Sequence[K], columns: Sequence[K], counts: Mapping[tuple[K, K], int]) -> Table:
    """Return the table as it may be shown.

    Totals are hidden as a line of their own would be, so that a table and a line of the same count never show together what
    neither does, and a cell with one of its totals. Of the other cells all up to a size are hidden, those under five at least,
    and as far up as is needed: so nobody who knows this rule can tell the small ones from those that are hidden beside them. Where
    no size will do, only totals are left; and where they would tell too much, only the total.

    Args:
        rows: all that there could be: that one is left out would say that it is zero.
        columns: all that there could be.
        counts: what was counted; left out is zero.
    """
    grid = [[counts.get((row, column), 0) for column in columns] for row in rows]
    flow = _Flow(grid, len(columns))
    for hidden in _ways_to_hide(flow):
        if all(flow.range_of(index, hidden) >= THRESHOLD for index in hidden):
            break
    else:
        hidden = frozenset(range(len(flow.edges)))
    return _table(tuple(rows), tuple(columns), flow, hidden)


class _Edge(NamedTuple):
    """A number of the table, as what flows from one node to another."""

    tail: int
    head: int
    amount: int


class _Flow:
    """A table as a flow: first the cells, then the rows' totals, the columns' totals, and the total."""

    def __init__(self, grid: Sequence[Sequence[int]], width: int) -> None:
        height = len(grid)
        self.height, self.width = height, width
        self.cells: Final = height * width
        source, sink = height + width, height + width + 1
        row_totals = [sum(row) for row in grid]
        column_totals = [sum(row[column] for row in grid) for column in range(width)]
        self.edges: Final[tuple[_Edge, ...]] = (
            *(_Edge(row, height + column, grid[row][column]) for row in range(height) for column in range(width)),
            *(_Edge(source, row, row_totals[row]) for row in range(height)),
            *(_Edge(height + column, sink, column_totals[column]) for column in range(width)),
            _Edge(sink, source, sum(row_totals)),
        )
        self.nodes: Final = height + width + 2
        self.at: Final[list[list[int]]] = [[] for _ in range(self.nodes)]
        """Which numbers begin or end at each node."""
        for index, edge in enumerate(self.edges):
            self.at[edge.tail].append(index)
            self.at[edge.head].append(index)

    @property
    def row_totals(self) -> range:
        return range(self.cells, self.cells + self.height)

    @property
    def column_totals(self) -> range:
        return range(self.cells + self.height, len(self.edges) - 1)

    @property
    def total(self) -> int:
        return len(self.edges) - 1

    def range_of(self, index: int, hidden: frozenset[int]) -> int:
        """Return by how much the hidden number can vary when those in `hidden` are not known; no further than is asked for."""
        edge = self.edges[index]
        more = self._pushed(edge.head, edge.tail, hidden, index, THRESHOLD)
        if more >= THRESHOLD:
            return more
        return more + self._pushed(edge.tail, edge.head, hidden, index, min(THRESHOLD, edge.amount))

    def _pushed(self, start: int, goal: int, hidden: frozenset[int], without: int, most: int) -> int:
        """Return how much more can flow from `start` to `goal` through the hidden numbers, at most `most` (augmenting paths)."""
        moved: dict[int, int] = {}
        pushed = 0
        while pushed < most:
            path = self._path(start, goal, hidden, without, moved)
            if path is None:
                break
            # Forward there is no end; backward no more can go than flows.
            room = (self.edges[index].amount + moved.get(index, 0) for index, way in path if way < 0)
            by = min(most - pushed, *room, most)
            for index, way in path:
                moved[index] = moved.get(index, 0) + way * by
            pushed += by
        return pushed

    def _path(
        self, start: int, goal: int, hidden: frozenset[int], without: int, moved: Mapping[int, int]
    ) -> list[tuple[int, int]] | None:
        """Return the shortest path by which something more can flow, each number with its way through it; None: there is none."""
        before: dict[int, tuple[int, int, int]] = {start: (start, -1, 0)}
        queue = [start]
        for node in queue:
            for index in self.at[node]:
                if index == without or index not in hidden:
                    continue
                edge = self.edges[index]
                way = 1 if edge.tail == node else -1
                other = edge.head if way == 1 else edge.tail
                if other in before or (way < 0 and edge.amount + moved.get(index, 0) <= 0):
                    continue
                before[other] = (node, index, way)
                if other == goal:
                    return self._back(goal, start, before)
                queue.append(other)
        return None

    @staticmethod
    def _back(node: int, start: int, before: Mapping[int, tuple[int, int, int]]) -> list[tuple[int, int]]:
        path = []
        while node != start:
            node, index, way = before[node]
            path.append((index, way))
        return path


def _hide_totals(flow: _Flow) -> Iterator[int]:
    """Yield the totals that a line of their own would hide."""
    for totals in (flow.row_totals, flow.column_totals):
        shown = suppress({str(index): flow.edges[index].amount for index in totals})
        yield from (index for index in totals if shown.parts[str(index)] is None)
    if flow.edges[flow.total].amount < THRESHOLD:
        yield flow.total


def _ways_to_hide(flow: _Flow) -> Iterator[frozenset[int]]:
    """Yield what could be hidden, from the least that might do to all but the total."""
    totals = frozenset(_hide_totals(flow))
    beside = {
        index
        for index in range(flow.cells)
        if {flow.row_totals[index // flow.width], flow.column_totals[index % flow.width]} & totals
    }
    sizes = sorted({flow.edges[index].amount for index in range(flow.cells)} | {THRESHOLD - 1})
    for limit in sizes[sizes.index(THRESHOLD - 1) :]:
        yield totals.union(beside, (index for index in range(flow.cells) if flow.edges[index].amount <= limit))
    yield totals.union(range(flow.cells))
    if flow.edges[flow.total].amount >= THRESHOLD:
        yield frozenset(range(flow.total))


def _table(rows: tuple[str, ...], columns: tuple[str, ...], flow: _Flow, hidden: frozenset[int]) -> Table:
    def shown(indexes: Iterable[int]) -> tuple[int | None, ...]:
        return tuple(None if index in hidden else flow.edges[index].amount for index in indexes)

    return Table(
        rows=rows,
        columns=columns,
        cells=tuple(shown(range(row * flow.width, (row + 1) * flow.width)) for row in range(flow.height)),
        row_totals=shown(flow.row_totals),
        column_totals=shown(flow.column_totals),
        total=shown([flow.total])[0],
    )
