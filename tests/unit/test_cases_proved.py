"""Every decision of the cases' domain stands in a property test: one that is added without fails here, with its name.

Found is what a test of Hypothesis really reaches: `module.decide_something`, named in a function that `@given`, or a machine's
`@rule`, `@initialize`, `@invariant` or end leads to in its own file. A mention elsewhere in the file, or in an import, is none.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOMAIN: Final = "services.cases.domain"
PROPERTY_TESTS: Final = ROOT / "tests" / "property"
BEGINS: Final = frozenset({"given", "rule", "initialize", "invariant"})
Decision = tuple[str, str]
"""(module, function): several modules have a `decide_close`."""


def decisions() -> set[Decision]:
    """Return every decision that there is."""
    return {
        (path.stem, one.name)
        for path in (ROOT / DOMAIN.replace(".", "/")).glob("*.py")
        for one in ast.parse(path.read_text()).body
        if isinstance(one, ast.FunctionDef) and one.name.startswith("decide_")
    }


def tried(source: str) -> set[Decision]:
    """Return the decisions that the property tests in a file reach."""
    tree = ast.parse(source)
    modules, by_name = dict[str, str](), dict[str, Decision]()
    for statement in (one for one in tree.body if isinstance(one, ast.ImportFrom)):
        module = statement.module or ""
        for one in statement.names:
            if module == DOMAIN:
                modules[one.asname or one.name] = one.name
            elif module.startswith(f"{DOMAIN}."):
                by_name[one.asname or one.name] = (module.rpartition(".")[2], one.name)
    functions = [one for one in ast.walk(tree) if isinstance(one, ast.FunctionDef)]
    reached, found, waiting = set[ast.FunctionDef](), set[Decision](), [one for one in functions if begins(one)]
    if not waiting:
        return found
    waiting += [one for one in functions if one.name == "teardown"]
    while waiting:
        function = waiting.pop()
        if function in reached:
            continue
        reached.add(function)
        named = set(names(function))
        found |= {(modules[owner], name) for owner, name in named if owner in modules}
        found |= {by_name[name] for owner, name in named if not owner and name in by_name}
        waiting += [one for one in functions if one.name in {name for _, name in named}]
    return found


def begins(function: ast.FunctionDef) -> bool:
    """Return whether Hypothesis calls it."""
    called = [one.func if isinstance(one, ast.Call) else one for one in function.decorator_list]
    return any(isinstance(one, ast.Name) and one.id in BEGINS for one in called)


def names(function: ast.FunctionDef) -> Iterator[tuple[str, str]]:
    """Yield every name in it, with what it is asked of: ("", name) when of nothing."""
    for one in ast.walk(function):
        if isinstance(one, ast.Attribute):
            yield one.value.id if isinstance(one.value, ast.Name) else "", one.attr
        elif isinstance(one, ast.Name):
            yield "", one.id


def test_every_decision_stands_in_a_property_test() -> None:
    reached = set[Decision]().union(*(tried(path.read_text()) for path in PROPERTY_TESTS.glob("test_cases_*.py")))
    assert len(decisions()) > 100
    missing = sorted(".".join(one) for one in decisions() - reached)
    assert missing == [], "decided, and in no property test (tests/property/test_cases_*.py)"


def test_a_mention_is_no_property_test() -> None:
    """The finder itself: what is only imported, or named in an ordinary test, is not found; what a rule leads to is."""
    source = """
from services.cases.domain import care, course as way, handover
from services.cases.domain.glass import decide_open
from services.cases.domain.team import decide_goal
def test_it(): handover.decide_send(1)
def helper(): return way.decide_close, decide_goal
class Machine:
    @rule(by=1)
    def tries(self): self.then()
    def then(self): helper()
"""
    assert tried(source) == {("course", "decide_close"), ("team", "decide_goal")}
    assert tried(source.replace("@rule(by=1)", "")) == set()
