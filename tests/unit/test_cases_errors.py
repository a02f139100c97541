"""Every refusal of the cases service is one that an HTTP test shows, by status and code."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cases import errors
from services.cases.errors import CaseError

E2E = Path(__file__).resolve().parents[1] / "e2e"
TESTS = ("test_cases_*.py", "test_bad_*.py", "bad_*.py")
"""Where refusals of this service are shown over HTTP; other services have codes of the same name."""
NEVER_ANSWERED = {
    errors.CaseError: "the root: what is raised is always one of its kinds",
    errors.DeniedError: "what the denials have in common: what is raised says which",
}


def kinds() -> list[type[CaseError]]:
    """Return the errors of `errors.py`, the root first."""
    return [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, CaseError)]


def shown() -> Iterator[tuple[int, str]]:
    """Yield (status, code) wherever the two stand beside each other in a test."""
    for pattern in TESTS:
        for path in E2E.glob(pattern):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                beside = node.elts if isinstance(node, ast.Tuple) else node.args if isinstance(node, ast.Call) else []
                told = [one.value if isinstance(one, ast.Constant) else None for one in beside]
                for status, code in itertools.pairwise(told):
                    if isinstance(status, int) and isinstance(code, str):
                        yield status, code


SHOWN = frozenset(shown())


@pytest.mark.parametrize("error", [one for one in kinds() if one not in NEVER_ANSWERED], ids=lambda one: one.__name__)
def test_each_refusal_is_shown_over_http(error: type[CaseError]) -> None:
    assert (error.status, error.code) in SHOWN, f"no HTTP test is refused with {error.status} {error.code}"


@pytest.mark.parametrize("error", NEVER_ANSWERED, ids=lambda one: one.__name__)
def test_what_is_never_answered_is_never_raised(error: type[CaseError]) -> None:
    """In no module of the service."""
    assert (error.status, error.code) not in SHOWN
    for path in Path(errors.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and node.exc is not None:
                raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
                assert ast.unparse(raised).rpartition(".")[2] != error.__name__, path


def test_two_kinds_with_one_code_answer_alike() -> None:
    """What is told apart inside is not told apart outside: nothing here, or nothing that you may see."""
    by_code: dict[str, set[type[CaseError]]] = {}
    for one in kinds():
        by_code.setdefault(one.code, set()).add(one)
    alike = [found for found in by_code.values() if len(found) > 1]
    assert alike == [{errors.NotInvolvedError, errors.UnknownPartError}]
    assert errors.NotInvolvedError.__doc__ == errors.UnknownPartError.__doc__
    assert errors.NotInvolvedError.status == errors.UnknownPartError.status
