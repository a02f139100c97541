"""What "additive only" means, as a pure comparison of two JSON Schemas of the same event type.

The promise of v1 goes both ways: a subscriber built on the old schema reads every new event, and one built on the new
schema reads every old event in the log. So between the two only an optional field may be added; a wider enumeration
breaks the one, a narrower the other. Whatever this module does not know how to compare must be equal.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

JsonObject = dict[str, JsonValue]

ANNOTATIONS: Final = frozenset(
    {"title", "description", "examples", "$comment", "deprecated", "$defs", "definitions", "$schema"}
)
"""Keywords that say nothing about what a record means. Definitions are compared where they are referred to; a default
is compared, because it says what a missing field means."""
LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
SINGLE: Final = frozenset({"items", "additionalProperties", "propertyNames", "contains", "not"})
DEEPEST: Final = 40


@dataclass(frozen=True)
class Break:
    """One broken promise."""

    event_type: str
    path: str
    """Where in the record, as a dotted path; empty for the record itself."""
    reason: str

    def __str__(self) -> str:
        """Return the break as a line: type, place, reason."""
        return f"{self.event_type}: {self.path + ': ' if self.path else ''}{self.reason}"


def broken_promises(event_type: str, old: JsonObject, new: JsonObject) -> list[Break]:
    """Return why `new` may not replace `old`; empty when a subscriber to either can read both.

    Raises:
        ValueError: a `$ref` leads nowhere, or a schema is nested deeper than any of ours (a cycle).
    """
    return [Break(event_type, path, reason) for path, reason in _Comparison(old, new).schemas("", old, new, 0)]


class _Comparison:
    """Two documents, for resolving what their parts refer to."""

    def __init__(self, old: JsonObject, new: JsonObject) -> None:
        self._old = old
        self._new = new

    def schemas(self, path: str, old: JsonValue, new: JsonValue, depth: int) -> Iterator[tuple[str, str]]:
        if depth > DEEPEST:
            raise ValueError(f"{path}: schemas that refer to themselves are not compared")
        old, new = _resolved(self._old, old), _resolved(self._new, new)
        if not isinstance(old, dict) or not isinstance(new, dict):
            if old != new:
                yield path, "was replaced"
            return
        for keyword in sorted((old.keys() | new.keys()) - ANNOTATIONS):
            yield from self._keyword(path, keyword, old, new, depth)

    def _keyword(
        self, path: str, keyword: str, old: JsonObject, new: JsonObject, depth: int
    ) -> Iterator[tuple[str, str]]:
        before, after = old.get(keyword), new.get(keyword)
        if keyword == "properties":
            yield from self._properties(path, old, new, depth)
        elif keyword == "required":
            yield from _required(path, old, new)
        elif keyword in {"enum", "const"}:
            if keyword == "enum" or "enum" not in old.keys() | new.keys():
                yield from _choices(path, old, new)
        elif keyword in LISTS and isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
            for index, (one, other) in enumerate(zip(before, after, strict=True)):
                yield from self.schemas(f"{path}/{keyword}[{index}]", one, other, depth + 1)
        elif keyword in SINGLE and keyword in old and keyword in new:
            yield from self.schemas(
                f"{path}[]" if keyword == "items" else f"{path}/{keyword}", before, after, depth + 1
            )
        elif before != after:
            yield path, _changed(keyword, before, after)

    def _properties(self, path: str, old: JsonObject, new: JsonObject, depth: int) -> Iterator[tuple[str, str]]:
        before, after = _map(old), _map(new)
        for name in sorted(before):
            place = f"{path}.{name}" if path else name
            if name not in after:
                yield place, "the field was removed"
            else:
                yield from self.schemas(place, before[name], after[name], depth + 1)
        if old.get("additionalProperties", True) is not True:
            for name in sorted(after.keys() - before.keys()):
                yield (f"{path}.{name}" if path else name), "a field was added where the old schema allows no others"


def _required(path: str, old: JsonObject, new: JsonObject) -> Iterator[tuple[str, str]]:
    before, after = _names(old), _names(new)
    for name in sorted(after - before):
        place = f"{path}.{name}" if path else name
        yield place, "a new field must be optional" if name not in _map(old) else "was optional and is now required"
    for name in sorted(before - after):
        if name in _map(new) or name not in _map(old):
            yield (f"{path}.{name}" if path else name), "was required and is now optional"


def _choices(path: str, old: JsonObject, new: JsonObject) -> Iterator[tuple[str, str]]:
    before, after = _allowed(old), _allowed(new)
    if before is None or after is None:
        yield (
            path,
            "any value was allowed and only some are now" if before is None else "the values are no longer fixed",
        )
        return
    if "const" in old and "const" in new and before != after:
        yield path, f"the constant {_shown(before)} became {_shown(after)}"
        return
    if before - after:
        yield path, f"narrowed: {_shown(before - after)} no longer allowed"
    if after - before:
        yield path, f"widened: {_shown(after - before)} is unknown to subscribers built on the old schema"


def _changed(keyword: str, before: JsonValue, after: JsonValue) -> str:
    if keyword in LOWER | UPPER:
        lowest, highest = float("-inf"), float("inf")
        open_end = lowest if keyword in LOWER else highest
        was = before if isinstance(before, int | float) else open_end
        became = after if isinstance(after, int | float) else open_end
        narrowed = became > was if keyword in LOWER else became < was
        return f"{keyword} {'narrowed' if narrowed else 'widened'}: {before} became {after}"
    return f"{keyword} changed: {before!r} became {after!r}"


def _resolved(document: JsonObject, schema: JsonValue) -> JsonValue:
    """Follow `$ref` (into this document only); what stands beside it holds too (2020-12), annotations apart."""
    for _ in range(DEEPEST):
        if not isinstance(schema, dict) or "$ref" not in schema:
            return schema
        reference = schema["$ref"]
        beside = {key: value for key, value in schema.items() if key != "$ref" and key not in ANNOTATIONS}
        target: JsonValue = document
        for step in str(reference).removeprefix("#/").split("/"):
            target = target.get(step) if isinstance(target, dict) else None
        if not isinstance(target, dict):
            raise ValueError(f"{reference} leads nowhere")  # noqa: TRY004
        schema = {"allOf": [target, beside]} if target.keys() & beside.keys() else {**target, **beside}
    raise ValueError("a reference that leads to itself")


def _map(schema: JsonObject) -> JsonObject:
    properties = schema.get("properties")
    return properties if isinstance(properties, dict) else {}


def _names(schema: JsonObject) -> frozenset[str]:
    required = schema.get("required")
    return frozenset(str(name) for name in required) if isinstance(required, list) else frozenset()


def _allowed(schema: JsonObject) -> frozenset[str] | None:
    """Return the allowed values as JSON texts, which keep `1`, `1.0` and `true` apart; `None` when any is."""
    if "const" in schema:
        return frozenset({json.dumps(schema["const"], sort_keys=True)})
    values = schema.get("enum")
    return frozenset(json.dumps(value, sort_keys=True) for value in values) if isinstance(values, list) else None


def _shown(values: frozenset[str]) -> str:
    return ", ".join(sorted(values))
