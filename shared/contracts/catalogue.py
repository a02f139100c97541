"""The published language for people: every event type with its fields, as `docs/event-catalogue.md`, from the models.

python -m shared.contracts.catalogue            writes it
python -m shared.contracts.catalogue --check    writes nothing, and fails when it is out of date
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, get_args

from pydantic import JsonValue, StringConstraints

from shared import refs
from shared.contracts import EVENTS, TOPICS
from shared.contracts.access import AccessRecorded
from shared.contracts.base import EventData
from shared.contracts.compatibility import JsonObject
from shared.contracts.journal import JournalSealed
from shared.contracts.schemas import event_schema, producers

CATALOGUE: Final = Path(__file__).resolve().parents[2] / "docs" / "event-catalogue.md"
HEAD: Final = """# Event catalogue

Generated from the models by `python -m shared.contracts.catalogue`; do not edit. How to read what is published is in
[events.md](events.md). Each type also has a JSON Schema of the whole record, envelope and data:
`shared/contracts/schemas/<type>.json`.

A field that is not required may be missing, and a missing field is never `null`. A set is a JSON array whose order means
nothing. A moment is RFC 3339 with an offset; a day is a day in Norway.
"""
OPAQUE: Final = re.compile(r"\^[a-z]{3}_\[")
MEANINGS: Final = {
    "ActorId": "opaque and stable: who acted, never a name or a national number",
    "UnitId": "a unit in the municipality's directory",
    "OrganisationNumber": "from the national register of organisations",
    "LogScope": "a municipality number, or an opaque name for an address-protected case",
}


def _kinds() -> dict[str, str]:
    """Return the kinds of references by the pattern that each matches."""
    return {
        str(constraint.pattern): name.removesuffix("Field")
        for name, annotated in vars(refs).items()
        if name.endswith("Field")
        for constraint in get_args(annotated)
        if isinstance(constraint, StringConstraints)
    }


KINDS: Final = _kinds()


class Catalogue:
    """The document, and the definitions that its events have in common."""

    def __init__(self, events: Mapping[str, type[EventData]] = EVENTS) -> None:
        self._events = events
        self._structures: dict[str, JsonObject] = {}
        self._codes: dict[str, JsonObject] = {}
        self._tables = {event: self._table(event) for event in events.values()}

    def text(self) -> str:
        """Return the document."""
        parts = [HEAD, "\n".join(self._contents())]
        for topic in TOPICS:
            parts.append(f"## Topic `{topic}`\n")
            parts += [self._event(event) for event in self._of(topic)]
        parts.append("## Structures\n")
        parts += [_structure(name, self._structures[name]) for name in sorted(self._structures)]
        parts.append("## Code lists\n")
        parts += [_code_list(name, self._codes[name]) for name in sorted(self._codes)]
        parts.append(_references())
        return "\n".join(parts).rstrip() + "\n"

    def _of(self, topic: str) -> Iterator[type[EventData]]:
        """Yield a topic's events as their module lists them, the seal last."""
        yield from (event for event in self._events.values() if topic == event.TOPIC)

    def _contents(self) -> Iterator[str]:
        for topic in TOPICS:
            yield f"- [`{topic}`](#topic-{_anchor(topic)})"
            yield from (f"  - [`{event.TYPE}`](#{_anchor(event.TYPE)})" for event in self._of(topic))
        yield "- [Structures](#structures), [code lists](#code-lists), [references](#references)\n"

    def _event(self, event: type[EventData]) -> str:
        sources = ", ".join(f"`/services/{name}`" for name in producers(event))
        counted = "none" if issubclass(event, AccessRecorded | JournalSealed) else f"per `{event.SUBJECT}`"
        told = f"Published by {sources}. Subject and key: `{event.SUBJECT}`. `sequence`: {counted}.\n"
        return "\n".join([f"### `{event.TYPE}`\n", f"{_docstring(event)}\n", told, *self._tables[event], ""])

    def _table(self, event: type[EventData]) -> list[str]:
        schema = event_schema(event)
        definitions = _object(schema["$defs"])
        name = _name(_object(_object(schema["properties"])["data"]))
        for other, definition in definitions.items():
            if other != name:
                found = self._codes if "enum" in _object(definition) else self._structures
                found.setdefault(other, _object(definition))
        return list(_rows(_object(definitions[name])))


def _structure(name: str, definition: JsonObject) -> str:
    return "\n".join([f"### {name}\n", f"{_paragraph(definition)}\n", *_rows(definition), ""])


def _rows(definition: JsonObject) -> Iterator[str]:
    required = definition.get("required")
    names = required if isinstance(required, list) else []
    yield "| field | what it is | required | |"
    yield "|---|---|---|---|"
    for field, part in _object(definition["properties"]).items():
        what = _object(part)
        yield f"| `{field}` | {_words(what)} | {'yes' if field in names else _otherwise(what)} | {_cell(what)} |"


def _otherwise(part: JsonObject) -> str:
    """Return what it means that an optional field is missing."""
    default = part.get("default")
    return "no" if default is None or default == [] else f"no: `{str(default).lower()}`"


def _words(part: JsonObject) -> str:  # noqa: PLR0911 - one line for each form a field may have
    """Return what a field holds, in a few words."""
    if "$ref" in part:
        return _link(_name(part))
    if "const" in part:
        return f"`{part['const']}`"
    if isinstance(values := part.get("enum"), list):
        return " or ".join(f"`{value}`" for value in values)
    match part.get("type"), part.get("format"):
        case "array", _:
            kind = "set" if part.get("uniqueItems") else "list"
            return f"{kind} of {_words(_object(part['items']))}"
        case "object", _:
            return f"{_words(_object(part['propertyNames']))} to {_words(_object(part['additionalProperties']))}"
        case "string", "date-time":
            return "moment"
        case "string", "date":
            return "day"
        case "string", _:
            return _string(part)
        case "integer", _:
            return _number(part)
        case "boolean", _:
            return "true or false"
    raise ValueError(f"the catalogue has no words for {part}")


def _string(part: JsonObject) -> str:
    pattern = part.get("pattern")
    if pattern is None:
        return "text"
    kind = KINDS.get(str(pattern))
    return f"code {_code(str(pattern))}" if kind is None else f"[{kind}](#references)"


def _number(part: JsonObject) -> str:
    least, most = part.get("minimum"), part.get("maximum")
    if least is not None and most is not None:
        return f"number, {least} to {most}"
    return "number" if least is None else f"number, {least} or more"


def _code_list(name: str, definition: JsonObject) -> str:
    values = definition["enum"]
    codes = ", ".join(f"`{value}`" for value in values) if isinstance(values, list) else ""
    return "\n".join([f"### {name}\n", f"{_paragraph(definition)}\n", f"{codes}.\n"])


def _references() -> str:
    rows = ["## References\n", "| name | pattern | |", "|---|---|---|"]
    for pattern, kind in KINDS.items():
        opaque = "random letters, made from nothing" if OPAQUE.match(pattern) else ""
        rows.append(f"| {kind} | {_code(pattern)} | {MEANINGS.get(kind, opaque)} |")
    return "\n".join(rows)


def _docstring(event: type[EventData]) -> str:
    return " ".join((event.__doc__ or "").split())


def _paragraph(definition: JsonObject) -> str:
    return " ".join(str(definition.get("description", "")).split())


def _cell(part: JsonObject) -> str:
    return _paragraph(part).replace("|", "\\|")


def _code(text: str) -> str:
    """Return `text` as code inside a table."""
    return f"`{text.replace('|', chr(92) + '|')}`"


def _name(part: JsonObject) -> str:
    return str(part["$ref"]).rpartition("/")[2]


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def _anchor(heading: str) -> str:
    """Return the anchor that a heading with this code in it gets."""
    return heading.replace(".", "").lower()


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise TypeError("a schema is a JSON object")
    return value


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the document; return the exit status (1: it is out of date)."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.catalogue", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the document is out of date")
    asked = parser.parse_args(arguments)
    text = Catalogue().text()
    if not asked.check:
        CATALOGUE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{CATALOGUE.name}: {len(EVENTS)} event types\n")
        return 0
    if not CATALOGUE.exists() or CATALOGUE.read_text(encoding="utf-8") != text:
        sys.stdout.write(f"{CATALOGUE.name}: out of date (run: python -m shared.contracts.catalogue)\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
