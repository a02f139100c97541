"""Writes what the services' tables say into `docs/cases.md` and the pages `BESIDE` it, and draws each life cycle.

python -m deploy.machines            writes pages and pictures
python -m deploy.machines --check    writes nothing, and fails when they are out of date

The pages' prose is written by hand; what stands between `<!-- name -->` and `<!-- /name -->` is made from
the life cycles (of cases: `services/cases/domain/lifecycles.py`) and the access table (`services/cases/domain/access_table.py`).
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, Final

from deploy.machine_drawing import NOTHING_YET, draw, short
from services.cases.domain.access_table import IMPLIED, MOMENTS, TABLE
from services.cases.domain.access_terms import Action, Reach, Relation
from services.cases.domain.lifecycles import LIFECYCLES
from services.cases.domain.rules import Rules
from services.cases.domain.state import Stage
from services.meetings.domain.invitation import INVITATION
from services.notify.domain.acknowledgement import RECEIPT
from services.notify.domain.deadline import LIFE as DEADLINE
from shared.machines import Deadline, Lifecycle, Step

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "cases.md"
BESIDE: Final[Mapping[str, tuple[Lifecycle[Any], ...]]] = {
    "meetings.md": (INVITATION,),
    "messages.md": (DEADLINE,),
    "subscribing.md": (RECEIPT,),
}
"""The pages of other services, and their life cycles."""
PICTURES: Final = ROOT / "docs" / "pictures"
PICTURE: Final = "machine-{}.svg"
MARKED: Final = re.compile(r"(?P<open><!-- (?P<name>[a-z]+) -->\n).*?(?P<close><!-- /(?P=name) -->)", re.DOTALL)
MARKS: Final[Mapping[Reach, str]] = {Reach.NO_CONTENT: "•"}


def machines(lifecycles: Sequence[Lifecycle[Any]]) -> str:
    """Return a section for each life cycle."""
    return "\n".join(line for lifecycle in lifecycles for line in _section(lifecycle))


def relations() -> str:
    """Return what gives each relation, on which basis it acts, and what a look by it is for when nobody says."""
    said = described(Relation)
    lines = ["| Relation | What gives it, while when, and the basis | A look is for, if unsaid |", "|---|---|---|"]
    for relation in Relation:
        implied = IMPLIED.get(relation)
        lines.append(f"| {relation} | {said.get(relation, '')} | {implied or ''} |")
    return "\n".join(lines)


def reaches() -> str:
    """Return how much of the vault each mark of the table reaches."""
    said = described(Reach)
    lines = ["| Mark | What is shown |", "|---|---|"]
    return "\n".join([*lines, *(f"| {MARKS.get(reach, reach)} | {said.get(reach, '')} |" for reach in Reach)])


def table() -> str:
    """Return the authorisation table: a line for each action, a column for each relation, and the moment."""
    heads = [relation.replace("-", " ") for relation in Relation]
    lines = [f"| | {' | '.join(heads)} | when |", "|---" * (len(heads) + 2) + "|"]
    for action in Action:
        cells = [_mark(TABLE.get(relation, {}).get(action)) for relation in Relation]
        lines.append(f"| {action} | {' | '.join(cells)} | {_moment(action)} |")
    notes = [f"`{action}`: {said}" for action, said in described(Action).items()]
    return "\n".join([*lines, "", *(f"- {note}" for note in notes)])


def described(codes: type[StrEnum]) -> dict[Any, str]:
    """Return what the source says below each member of `codes`."""
    [definition] = ast.parse(inspect.getsource(codes)).body
    assert isinstance(definition, ast.ClassDef)
    found: dict[Any, str] = {}
    for node, below in zip(definition.body, definition.body[1:], strict=False):
        if not (isinstance(node, ast.Assign) and isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)):
            continue
        [name] = node.targets
        found[codes[ast.unparse(name)]] = " ".join(inspect.cleandoc(str(below.value.value)).split())
    return found


def render(page: str, lifecycles: Sequence[Lifecycle[Any]] = ()) -> str:
    """Return the page with every marked part made anew.

    Raises:
        KeyError: a mark that nothing is made for.
    """
    made: dict[str, Callable[[], str]] = {
        "machines": partial(machines, lifecycles),
        "relations": relations,
        "reaches": reaches,
        "access": table,
    }
    return MARKED.sub(lambda found: f"{found['open']}\n{made[found['name']]()}\n\n{found['close']}", page)


def pictures() -> dict[str, str]:
    """Return file name -> picture."""
    drawn = (*LIFECYCLES, *(lifecycle for beside in BESIDE.values() for lifecycle in beside))
    return {PICTURE.format(lifecycle.name): draw(lifecycle) for lifecycle in drawn}


def pages() -> dict[Path, str]:
    """Return page -> what it is to say."""
    found = {PAGE: LIFECYCLES, **{PAGE.with_name(name): lifecycles for name, lifecycles in BESIDE.items()}}
    return {page: render(page.read_text(encoding="utf-8"), lifecycles) for page, lifecycles in found.items()}


def _section(lifecycle: Lifecycle[Any]) -> Iterator[str]:
    yield f"### {lifecycle.title}\n\n{lifecycle.about}\n"
    yield f"![The states of the {lifecycle.name}](pictures/{PICTURE.format(lifecycle.name)})\n"
    yield "| What happens | From | To | Only if; refused as | Rules |\n|---|---|---|---|---|"
    for steps in _alike(lifecycle.steps):
        first = steps[0]
        says = f", {first.when.says}" if first.when else ""
        starts = ", ".join(NOTHING_YET if one.start is None else one.start.value for one in steps)
        guards = "<br>".join(
            f"{guard.says} (`{guard.error.code}`{_rules(guard.rules, ', rule ')})" for guard in first.guards
        )
        yield f"| `{short(first.event)}`{says} | {starts} | {first.end.value} | {guards} | {_rules(first.rules)} |"
    if lifecycle.deadlines:
        yield "\nTimes that run:\n"
        yield from (f"- {_deadline(one)}" for one in lifecycle.deadlines)
    yield ""


def _alike(steps: Sequence[Step[Any]]) -> list[list[Step[Any]]]:
    """Return the steps in their order, those together that differ only in where they start."""
    found: dict[tuple[object, ...], list[Step[Any]]] = {}
    for step in steps:
        found.setdefault((step.event, step.when, step.end, step.guards, step.rules), []).append(step)
    return list(found.values())


def _deadline(deadline: Deadline[Any]) -> str:
    """Return a line of the list: while when, what is to be done, how long, what happens otherwise."""
    while_ = ", ".join(status.value for status in deadline.during)
    long = f", within {_days(deadline.within)} (`{deadline.within}`)" if deadline.within else ""
    then = f"; then `{short(deadline.then)}`" if deadline.then else ""
    return f"while {while_}: {deadline.says}{long}{then}{_rules(deadline.rules, ' (rule ', ')')}"


def _days(field: str) -> str:
    return f"{Rules.model_fields[field].default} days"


def _rules(numbers: tuple[int, ...], before: str = "", after: str = "") -> str:
    return f"{before}{', '.join(map(str, numbers))}{after}" if numbers else ""


def _mark(reach: Reach | None) -> str:
    return "" if reach is None else MARKS.get(reach, reach.value)


def _moment(action: Action) -> str:
    moments = MOMENTS.get(action)
    if moments is None:
        return "open"
    return "any time" if moments == frozenset(Stage) - {Stage.UNKNOWN} else ", ".join(sorted(moments))


def main(arguments: Sequence[str] | None = None) -> int:
    """Write pages and pictures, or with `--check` compare them."""
    parser = argparse.ArgumentParser(description="Write the pages' marked parts and the pictures from the tables.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail when they are out of date")
    asked = parser.parse_args(arguments)
    made = pages()
    wanted = {**made, **{PICTURES / name: drawn for name, drawn in pictures().items()}}
    there = {*made, *PICTURES.glob(PICTURE.format("*"))}
    changed = [path for path, text in wanted.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    left_over = sorted(there - wanted.keys())
    if asked.check:
        for path in [*changed, *left_over]:
            sys.stderr.write(f"{path.relative_to(ROOT)} is out of date: run `make machines`.\n")
        return 1 if changed or left_over else 0
    for path in changed:
        path.write_text(wanted[path], encoding="utf-8")
    for path in left_over:
        path.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
