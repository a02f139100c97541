"""Who may ask who has seen what of a child: every age on every boundary, for guardian and child (story row 22)."""

from __future__ import annotations

from datetime import date

import pytest

from services.cases.domain.access_terms import Relation
from services.cases.domain.grantors import age_on
from services.cases.domain.insight import decide_right, in_family
from services.cases.errors import NoLegalBasisError, NotPermittedError
from shared.contracts.codes import InformationCategory
from tests.unit.cases_town import CHILD, RULES, guardian

BORN = date(2010, 3, 15)
FAMILY = (CHILD.actor, guardian(1).actor, guardian(2).actor)

TABLE = """
day          guardian  child
2018-07-20   all       -
2022-03-14   all       -
2022-03-15   all       all
2025-03-14   all       all
2025-03-15   all       all
2026-03-14   all       all
2026-03-15   health    all
2028-03-14   health    all
2028-03-15   -         all
2040-01-01   -         all
"""
"""`-`: refused; `all`: everything; a category: everything but that."""
CELLS = [
    (date.fromisoformat(day), relation, cell)
    for day, *cells in (line.split() for line in TABLE.strip().splitlines()[1:])
    for relation, cell in zip((Relation.GUARDIAN, Relation.CHILD), cells, strict=True)
]


@pytest.mark.story(22)
@pytest.mark.parametrize(("day", "relation", "cell"), CELLS, ids=str)
def test_cell(day: date, relation: Relation, cell: str) -> None:
    """The boundaries 12, 16 and 18 fall on the birthday (law-and-standards 3.3)."""
    acting = guardian(1) if relation is Relation.GUARDIAN else CHILD
    row = RULES.insight_row(age_on(BORN, day), day)
    seen = in_family(acting, row)
    assert seen.barred_by_age is (cell == "-")
    assert (seen.guardian is not None or seen.child) is (cell != "-")
    assert seen.withheld == (frozenset() if cell in {"-", "all"} else {InformationCategory(cell)})
    if cell == "-":
        with pytest.raises(NotPermittedError):
            decide_right(acting, relation, row, FAMILY)
        return
    right = decide_right(acting, relation, row, FAMILY)
    assert right.relation == relation.value
    assert right.withheld == (frozenset() if cell == "all" else {InformationCategory(cell)})


@pytest.mark.parametrize("relation", [one for one in Relation if one not in {Relation.GUARDIAN, Relation.CHILD}])
def test_nobody_else(relation: Relation) -> None:
    for age in (0, 12, 15, 16, 18):
        with pytest.raises(NotPermittedError):
            decide_right(guardian(1), relation, RULES.insight_row(age, date(2026, 9, 7)), FAMILY)


@pytest.mark.story(22)
def test_a_guardian_is_not_told_when_the_others_of_the_family_looked_and_the_child_is_told_all() -> None:
    row = RULES.insight_row(13, date(2026, 9, 7))
    of_second = decide_right(guardian(2), Relation.GUARDIAN, row, FAMILY)
    assert set(of_second.left_out) == {CHILD.actor, guardian(1).actor}
    assert decide_right(CHILD, Relation.CHILD, row, FAMILY).left_out == ()


def test_before_the_list_begins_there_is_no_row() -> None:
    with pytest.raises(NoLegalBasisError):
        RULES.insight_row(5, date(2018, 7, 19))
