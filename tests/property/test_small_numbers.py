"""What a table shows, against somebody who subtracts, who tries every number, and who knows the rule by which it hides."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from shared.small_numbers import THRESHOLD, Counts, Table, publish, suppress, suppress_within

Grid = tuple[tuple[int, ...], ...]


def published(grid: Grid) -> Table:
    """Return what is shown of the counts."""
    rows = [f"row-{row}" for row in range(len(grid))]
    columns = [f"column-{column}" for column in range(len(grid[0]))]
    counts = {(rows[r], columns[c]): count for r, line in enumerate(grid) for c, count in enumerate(line)}
    return publish(rows, columns, counts)


def numbers(table: Table) -> list[int | None]:
    """Return everything that stands in it."""
    return [*(cell for row in table.cells for cell in row), *table.row_totals, *table.column_totals, table.total]


def truth(grid: Grid) -> list[int]:
    """Return what would stand in it if all were shown: worked out here anew, and not by the code that hides."""
    return [
        *(count for row in grid for count in row),
        *(sum(row) for row in grid),
        *(sum(row[column] for row in grid) for column in range(len(grid[0]))),
        sum(sum(row) for row in grid),
    ]


def grids(height: int, width: int, *, most: int = 12) -> st.SearchStrategy[Grid]:
    """Return tables of counts, most of them small."""
    count = st.one_of(st.integers(0, 6), st.integers(0, most))
    return st.tuples(*[st.tuples(*[count] * width)] * height)


@st.composite
def tables(draw: st.DrawFn, height: int, width: int) -> Grid:
    """Return a table of at most so many rows and columns."""
    return draw(grids(draw(st.integers(1, height)), draw(st.integers(1, width))))


def possible(table: Table, most: int) -> Iterator[Grid]:
    """Yield every table of counts up to `most` that nothing shown contradicts: tried one by one, row for row."""
    shown = table.column_totals

    def lines(row: int) -> list[tuple[int, ...]]:
        """Return what the row could be by itself."""
        choices = [range(most + 1) if cell is None else (cell,) for cell in table.cells[row]]
        total = table.row_totals[row]
        return [line for line in product(*choices) if total is None or sum(line) == total]

    options = [lines(row) for row in range(len(table.rows))]

    def further(row: int, sums: tuple[int, ...], chosen: Grid) -> Iterator[Grid]:
        if any(known is not None and so_far > known for known, so_far in zip(shown, sums, strict=True)):
            return
        if table.total is not None and sum(sums) > table.total:
            return
        if row == len(options):
            exact = all(known in {None, so_far} for known, so_far in zip(shown, sums, strict=True))
            if exact and table.total in {None, sum(sums)}:
                yield chosen
            return
        for line in options[row]:
            yield from further(row + 1, tuple(a + b for a, b in zip(sums, line, strict=True)), (*chosen, line))

    yield from further(0, (0,) * len(table.columns), ())


@pytest.mark.rule(89, 154, 179)
@settings(max_examples=120, deadline=None)
@given(grid=tables(5, 4))
def test_nothing_under_five_is_shown_and_what_is_shown_is_true(grid: Grid) -> None:
    for shown, true in zip(numbers(published(grid)), truth(grid), strict=True):
        assert shown is None or shown == true >= THRESHOLD
    if min(truth(grid)) >= THRESHOLD:
        assert None not in numbers(published(grid)), "nothing is hidden without need"


@pytest.mark.rule(89, 154, 179)
@settings(max_examples=80, deadline=None)
@given(grid=st.one_of(grids(2, 2), grids(1, 3), grids(3, 1), grids(2, 3, most=8), grids(3, 2, most=8)))
def test_whoever_tries_every_number_finds_two_for_each_that_is_hidden(grid: Grid) -> None:
    table = published(grid)
    hidden = [index for index, shown in enumerate(numbers(table)) if shown is None]
    open_ = set(hidden)
    # A number that is not shown may be larger than any here: up to the largest is enough to find a second one.
    for other in possible(table, max(*truth(grid)[: sum(map(len, grid))], THRESHOLD) + 1):
        open_ -= {index for index in open_ if truth(other)[index] != truth(grid)[index]}
        if not open_:
            return
    assert not open_, f"{table} gives away {open_}"


@pytest.mark.rule(89, 154, 179)
@pytest.mark.parametrize("total", [5, 9, 20])
def test_whoever_knows_the_rule_as_well_still_finds_two(total: int) -> None:
    """Every table of two by two with that total, by what is shown of it: to know how it was hidden does not help either."""
    behind: dict[Table, list[Grid]] = defaultdict(list)
    for a, b, c in product(range(total + 1), repeat=3):
        if a + b + c <= total:
            grid = ((a, b), (c, total - a - b - c))
            behind[published(grid)].append(grid)
    for table, all_of_them in behind.items():
        for index, shown in enumerate(numbers(table)):
            if shown is None:
                assert len({truth(grid)[index] for grid in all_of_them}) > 1, table


@pytest.mark.rule(89, 179)
@settings(max_examples=60, deadline=None)
@given(grid=tables(4, 4))
def test_a_line_of_the_same_count_shows_no_total_that_the_table_hides_for_its_size(grid: Grid) -> None:
    """Two services tell of the same count: the one as a line by unit, the other as a table of units and more."""
    table = published(grid)
    line = suppress({str(row): sum(counts) for row, counts in enumerate(grid)})
    for row, total in enumerate(table.row_totals):
        shown = line.parts[str(row)]
        assert total is None or total == shown, "a table shows no total that the line hides"


@st.composite
def bounded(draw: st.DrawFn) -> tuple[tuple[int, ...], tuple[int | None, ...]]:
    """Return counts with what each can be at most, many of them nearly all that they can be; None: nothing is known."""
    counts, most = [], []
    for bound in draw(st.lists(st.one_of(st.integers(0, 7), st.none()), min_size=1, max_size=4)):
        top = 9 if bound is None else bound
        counts.append(draw(st.one_of(st.integers(0, top), st.integers(max(0, top - 2), top))))
        most.append(bound)
    return tuple(counts), tuple(most)


def line_of(counts: tuple[int, ...], most: tuple[int | None, ...]) -> Counts:
    """Return what is shown of them."""
    bounds = {str(at): bound for at, bound in enumerate(most) if bound is not None}
    return suppress_within({str(at): count for at, count in enumerate(counts)}, bounds)


@pytest.mark.rule(112, 117)
@settings(max_examples=150, deadline=None)
@given(line=bounded())
@example(line=((4, 6, 6, 6), (5, 6, 6, 6)))
def test_who_knows_what_each_count_can_be_at_most_finds_six_for_each_hidden_one_or_all_that_it_can_be(
    line: tuple[tuple[int, ...], tuple[int | None, ...]],
) -> None:
    counts, most = line
    told = line_of(counts, most)
    shown = list(told.parts.values())
    assert all(one is None or one == counts[at] >= THRESHOLD for at, one in enumerate(shown))
    assert told.total in {None, sum(counts)}
    if min(counts) >= THRESHOLD:
        assert None not in shown, "nothing is hidden without need"
    # A count without a bound is tried as far as the total lets it go.
    top = sum(counts) if told.total is not None else max(*counts, THRESHOLD) + 1
    tried = [
        (known,) if known is not None else range((top if bound is None else bound) + 1)
        for known, bound in zip(shown, most, strict=True)
    ]
    fit = [each for each in product(*tried) if told.total in {None, sum(each)}]
    assert counts in fit
    for at, known in enumerate(shown):
        bound = most[at]
        if known is None:
            enough = THRESHOLD if bound is None else min(THRESHOLD, bound)
            assert len({each[at] for each in fit}) > enough, f"{told} gives away {counts[at]} of {bound}"


@pytest.mark.rule(112, 117)
def test_who_knows_that_rule_as_well_still_finds_two() -> None:
    most = (5, 6, 6)
    behind: dict[str, list[tuple[int, ...]]] = defaultdict(list)
    for counts in product(*(range(bound + 1) for bound in most)):
        behind[line_of(counts, most).model_dump_json()].append(counts)
    for told, all_of_them in behind.items():
        for at, known in Counts.model_validate_json(told).parts.items():
            assert known is not None or len({each[int(at)] for each in all_of_them}) > 1, told


@pytest.mark.rule(179)
@settings(max_examples=40, deadline=None)
@given(first=grids(2, 3), second=grids(2, 3))
def test_the_term_before_gives_nothing_away(first: Grid, second: Grid) -> None:
    """No number of one term is in another's, and no sum over terms is shown: what is known of the one stays possible with all of the other."""
    before, after = published(first), published(second)
    # What a reader of both knows are the shown numbers of both: no equation has a number of each. So whatever is possible of the
    # one alone is possible beside everything that is possible of the other.
    assert published(second) == after, "and what is shown of a term does not depend on what was shown of another"
    assert published(first) == before


def test_a_large_municipality_is_told_in_time() -> None:
    grid = tuple(tuple((row * 7 + column * 5) % 23 for column in range(6)) for row in range(40))
    shown = numbers(published(grid))
    assert any(cell is not None for cell in shown[: 40 * 6])
    assert all(cell is None or cell >= THRESHOLD for cell in shown)
