"""The coverage table lists tests, and nothing that stands beside them."""

from __future__ import annotations

import ast
import difflib
from textwrap import dedent

import pytest

from tests.coverage_table import marks, render

MODULE = """
    import pytest

    pytestmark = [pytest.mark.connected, pytest.mark.rule(4)]

    @pytest.fixture
    def town(): ...

    def helper(): ...

    def test_one(): ...

    @pytest.mark.rule(7, 8)
    async def test_other(): ...

    @pytest.mark.rule(1, *range(10, 13))
    def test_of_a_range(): ...

    class Steps:
        def test_of_no_class_that_is_collected(self): ...

    @pytest.mark.rule(9)
    class TestSteps:
        def prepared(self): ...
        def test_a_step(self): ...

    TestMachine = pytest.mark.rule(22)(Machine.TestCase)
"""


def test_only_tests_are_listed_each_with_its_own_its_class_s_and_its_module_s_rules() -> None:
    assert dict(marks(ast.parse(dedent(MODULE)))) == {
        "test_one": {4},
        "test_other": {4, 7, 8},
        "test_of_a_range": {1, 4, 10, 11, 12},
        "TestSteps::test_a_step": {4, 9},
        "TestMachine": {4, 22},
    }


def test_a_test_more_is_a_line_more_and_changes_no_other() -> None:
    """So that two branches that each have one more are merged; a table with all tests of a rule in one line is not."""
    some = {4: {"tests/unit/test_a.py::test_one", "tests/unit/test_a.py::test_two"}}
    more = {4: {*some[4], "tests/unit/test_a.py::test_three"}, 5: {"tests/unit/test_a.py::test_four"}}
    where = {4: {"services/cases/a.py"}}
    before, after = render(where, some).splitlines(), render({**where, 6: {"shared/b.py"}}, more).splitlines()
    added = [line[2:] for line in difflib.ndiff(before, after) if line[0] != " "]
    assert sorted(added) == [
        "- `shared/b.py`",
        "- shown: `unit/test_a.py::test_four`",
        "- shown: `unit/test_a.py::test_three`",
    ]


def test_a_mark_that_cannot_be_read_is_no_mark_that_is_passed_by() -> None:
    with pytest.raises(ValueError, match=r"RULES"):
        list(
            marks(
                ast.parse(
                    dedent("""
            @pytest.mark.rule(1, *RULES)
            def test_it(): ...
        """)
                )
            )
        )


def test_without_a_mark_nothing_is_listed() -> None:
    assert not list(marks(ast.parse("def test_it(): ...")))
