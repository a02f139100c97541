"""Writes `docs/coverage.md`: seed rule -> where it is enforced -> which tests show it.

Nothing in it is typed by hand. "Where" is every mention of the rule in the code (`seed rule 4`, `seed rules 88-90`) and every
`rule: 4` of a profile; "tests" are those that carry `@pytest.mark.rule(4)`, themselves, by their class or by their module: what
stands beside them in the module, fixtures and helpers, is no test. Run as `python -m tests.coverage_table`;
with `--check` it writes nothing and fails when the file is out of date.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

import yaml

ROOT: Final = Path(__file__).resolve().parent.parent
TABLE: Final = ROOT / "docs" / "coverage.md"
MENTION: Final = re.compile(r"[Ss]eed rules?\s+(\d+(?:\s*(?:,|-|–|and)\s*\d+|\s+(?=\d)\d+)*)")
PROFILE_LINE: Final = re.compile(r"\brules?:\s*\[?\s*(\d+(?:\s*,\s*\d+)*)")


def numbers(text: str) -> set[int]:
    """Return the numbers that `text` names; `88-90` is three of them."""
    found: set[int] = set()
    for first, last in re.findall(r"(\d+)(?:\s*[-–]\s*(\d+))?", text):
        found.update(range(int(first), int(last or first) + 1))
    return found


def titles() -> dict[int, tuple[str, str]]:
    """Return rule number -> (heading, title)."""
    headings = yaml.safe_load((ROOT / "docs" / "seed-rules.yaml").read_text(encoding="utf-8"))
    return {number: (heading, title) for heading, rules in headings.items() for number, title in rules.items()}


def enforced() -> dict[int, set[str]]:
    """Return rule number -> the files that say they enforce it."""
    where: dict[int, set[str]] = defaultdict(set)
    for folder in ("services", "shared", "deploy"):
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix not in {".py", ".sql", ".yaml"} or "node_modules" in path.parts:
                continue
            text = path.read_text(encoding="utf-8")
            named = [match.group(1) for match in MENTION.finditer(text)]
            if path.suffix == ".yaml":
                named += [match.group(1) for match in PROFILE_LINE.finditer(text)]
            for number in {number for part in named for number in numbers(part)}:
                where[number].add(path.relative_to(ROOT).as_posix())
    return where


def marks(tree: ast.AST) -> Iterator[tuple[str, set[int]]]:
    """Yield (test name, rules) for each test that carries the marker: a function, or a method of a class, as pytest collects them."""

    def visit(node: ast.AST, prefix: str, inherited: set[int]) -> Iterator[tuple[str, set[int]]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Assign) and isinstance(child.value, ast.Call) and _is_rule(child.value.func):
                # A state machine's test case: `TestCases = pytest.mark.rule(4)(Machine.TestCase)`.
                names = [target.id for target in child.targets if isinstance(target, ast.Name)]
                yield from (
                    (name, inherited | set(_arguments(child.value.func))) for name in names if name.startswith("Test")
                )
            if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                continue
            own = inherited | {
                number for decorator in child.decorator_list if _is_rule(decorator) for number in _arguments(decorator)
            }
            if isinstance(child, ast.ClassDef):
                if child.name.startswith("Test"):
                    yield from visit(child, f"{prefix}{child.name}::", own)
            elif own and child.name.startswith("test"):
                yield f"{prefix}{child.name}", own

    yield from visit(tree, "", _module_marks(tree))


def _module_marks(tree: ast.AST) -> set[int]:
    return {
        number
        for node in ast.iter_child_nodes(tree)
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)
        for call in ast.walk(node.value)
        if _is_rule(call)
        for number in _arguments(call)
    }


def _is_rule(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule"


def _arguments(node: ast.AST) -> list[int]:
    if not isinstance(node, ast.Call):
        return []
    return [number for argument in node.args for number in _numbers(argument)]


def _numbers(argument: ast.expr) -> list[int]:
    """Return the rules that one argument names: a number, or all of a range.

    Raises:
        ValueError: it is neither, and the table would pass it by.
    """
    match argument:
        case ast.Constant(value=int(number)):
            return [number]
        case ast.Starred(
            value=ast.Call(func=ast.Name(id="range"), args=[ast.Constant(value=int(a)), ast.Constant(value=int(b))])
        ):
            return [*range(a, b)]
    raise ValueError(f"not a rule's number: {ast.unparse(argument)}")


def tested() -> dict[int, set[str]]:
    """Return rule number -> the tests that show it."""
    tests: dict[int, set[str]] = defaultdict(set)
    for folder in ("tests", "packages"):
        for path in sorted((ROOT / folder).rglob("test_*.py")):
            for name, rules in marks(ast.parse(path.read_text(encoding="utf-8"))):
                for rule in rules:
                    tests[rule].add(f"{path.relative_to(ROOT).as_posix()}::{name}")
    return tests


def render(where: Mapping[int, set[str]], tests: Mapping[int, set[str]]) -> str:
    """Return the list as Markdown: one line for each file and each test, and nothing that counts them.

    Two branches that each add a test to the same rule so change lines of their own, and Git merges them.
    """
    rules = titles()
    lines = [
        "# Seed rules: where each is enforced, and which tests show it",
        "",
        "Generated by `make coverage` from the code and from the tests' markers; `make check` fails when it is out of date.",
        "Below each rule stand the files that enforce it, and then the tests that show it.",
    ]
    heading = ""
    for number in sorted(rules):
        part, title = rules[number]
        if part != heading:
            heading = part
            lines += ["", f"## {part}"]
        lines += ["", f"### {number}. {title}", ""]
        lines += [f"- `{name}`" for name in sorted(where.get(number, ()))]
        lines += [f"- shown: `{name.removeprefix('tests/')}`" for name in sorted(tests.get(number, ()))]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table, or with `--check` compare it."""
    text = render(enforced(), tested())
    if "--check" in sys.argv[1:]:
        if not TABLE.exists() or TABLE.read_text(encoding="utf-8") != text:
            sys.stderr.write("docs/coverage.md is out of date: run `make coverage`.\n")
            return 1
        return 0
    TABLE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
