"""One example of a record, made from its JSON Schema: the same each time, and valid by construction.

A field may bring its own with `Field(examples=[...])`; otherwise the example follows from its constants, codes, formats and
patterns. All of it is invented, and a reference in an example refers to nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Final

from pydantic import JsonValue

from shared.contracts.compatibility import JsonObject

PREFERRED: Final = ("named", "identified", "case")
"""Codes that make an example hang together: only what is named has a case."""
MOMENTS: Final = {
    "ended_at": "2026-09-22T13:00:00Z",
    "recordedtime": "2026-09-22T08:00:01Z",
    "valid_to": "2027-06-18T22:00:00Z",
}
MOMENT: Final = "2026-09-22T08:00:00Z"
LATER: Final = "2026-10-06T22:00:00Z"
"""For what must be done by then."""
DAYS: Final = {"valid_from": "2026-09-24", "valid_to": "2027-06-18"}
DAY: Final = "2026-09-22"
UUIDS: Final = {
    "id": "01995a3e-7d00-7000-8000-000000000001",
    "correlationid": "01995a3e-7d00-7000-8000-000000000002",
    "causationid": "01995a3e-7d00-7000-8000-000000000003",
}
WORDS: Final = {"languages": "nb", "to_municipality": "0301", "root": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
LEFT_OUT: Final = ("scope.municipality", "ended.municipality")
"""A consent names a municipality only when it is another, for the transition there; the example is of one for services here."""
TEXTS: Final = (
    "2026-07-01",
    "4005",
    "nb",
    "00000000000000000001",
    "unit:lia-barnehage",
    "999000001",
    "act_bcdfghjklmnpqrstvwxz",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "lagspill.no/log/4005",
)
"""Tried in turn for a pattern that the field's own name does not match."""
Writer = Callable[[], str]
QUANTIFIER: Final = re.compile(r"\{(?P<exactly>\d+)\}|\{(?P<least>\d+),(?P<most>\d*)\}|[?*+]")


def example(schema: JsonObject) -> JsonValue:
    """Return a document that `schema` describes, with every optional field present that fits the others.

    Raises:
        ValueError: a pattern or keyword that this module cannot read; the message names the field and says what to do.
    """
    return _value(schema, schema, "", 0)


def _value(document: JsonObject, schema: JsonValue, path: str, depth: int) -> JsonValue:
    schema = _follow(document, schema)
    given = schema.get("examples")
    if depth and isinstance(given, list) and given:
        return given[0]
    if "const" in schema:
        return schema["const"]
    if isinstance(values := schema.get("enum"), list):
        return next((value for value in values if value in PREFERRED), values[0])
    for keyword in ("anyOf", "oneOf", "allOf"):
        if isinstance(choices := schema.get(keyword), list):
            return _value(document, choices[0], path, depth + 1)
    return _typed(document, schema, path, depth)


def _typed(document: JsonObject, schema: JsonObject, path: str, depth: int) -> JsonValue:
    match schema.get("type"):
        case "object":
            return _fields(document, schema, path, depth)
        case "array":
            return _items(document, schema, path, depth)
        case "string":
            return _text(schema, path)
        case "integer" | "number":
            return _number(schema)
        case "boolean":
            return schema.get("default", True)
        case other:
            raise ValueError(f"{path}: no example for type {other!r}; give the field one: Field(examples=[...])")


def _fields(document: JsonObject, schema: JsonObject, path: str, depth: int) -> JsonObject:
    properties = schema.get("properties")
    if isinstance(properties, dict):
        places = {name: f"{path}.{name}" if path else name for name in properties}
        return {
            name: _value(document, part, places[name], depth + 1)
            for name, part in properties.items()
            if not places[name].endswith(LEFT_OUT)
        }
    extra = schema.get("additionalProperties")
    if not isinstance(extra, dict):
        return {}
    names = schema.get("propertyNames")
    key = _value(document, names, path, depth + 1) if isinstance(names, dict) else "key"
    return {str(key): _value(document, extra, path, depth + 1)}


def _items(document: JsonObject, schema: JsonObject, path: str, depth: int) -> list[JsonValue]:
    if isinstance(fixed := schema.get("prefixItems"), list):
        return [_value(document, part, f"{path}[{index}]", depth + 1) for index, part in enumerate(fixed)]
    if "items" not in schema:
        return []
    least = schema.get("minItems")
    wanted = max(1, least) if isinstance(least, int) else 1
    items = _follow(document, schema["items"])
    if schema.get("uniqueItems") and isinstance(codes := items.get("enum"), list):
        return codes[:wanted]
    return [_value(document, items, f"{path}[{index}]" if index else path, depth + 1) for index in range(wanted)]


def _number(schema: JsonObject) -> JsonValue:
    least, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    if isinstance(least, int | float):
        return max(least, 1) if schema.get("maximum", 1) != 0 else least
    return above + 1 if isinstance(above, int | float) else 1


def _text(schema: JsonObject, path: str) -> str:
    name = re.sub(r"\[\d+\]", "", path).rsplit(".", 1)[-1]
    match schema.get("format"):
        case "date-time":
            return MOMENTS.get(name, LATER if name.endswith("_by") or name == "due" else MOMENT)
        case "date":
            return DAYS.get(name, DAY)
        case "uuid":
            return UUIDS.get(name, UUIDS["id"])
        case None:
            pass
        case other:
            raise ValueError(f"{path}: no example for format {other!r}; give the field one: Field(examples=[...])")
    longest = schema.get("maxLength")
    slug = WORDS.get(name, name.replace("_", "-"))
    pattern = schema.get("pattern")
    if pattern is None:
        return slug if not isinstance(longest, int) else slug[:longest]
    try:
        expression = re.compile(str(pattern))
        tried = (slug, *TEXTS, Sample(str(pattern)).text())
        return next(text for text in tried if expression.fullmatch(text))
    except (re.error, ValueError, StopIteration) as error:
        reason = f"{path}: no example for pattern {pattern}; give the field one: Field(examples=[...])"
        raise ValueError(reason) from error


def _follow(document: JsonObject, schema: JsonValue) -> JsonObject:
    while isinstance(schema, dict) and isinstance(reference := schema.get("$ref"), str):
        target: JsonValue = document
        for step in reference.removeprefix("#/").split("/"):
            target = target.get(step) if isinstance(target, dict) else None
        schema = target
    if not isinstance(schema, dict):
        raise ValueError("a reference leads nowhere")  # noqa: TRY004
    return schema


class Sample:
    """A text that a simple regular expression matches: literals, classes, groups, alternatives, counted repetition.

    Among a class's characters the choice is spread by a digest of the pattern, so that references look like references,
    and the same kind of reference is the same throughout an example.
    """

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._drawn = 0

    def text(self) -> str:
        """Return the sample.

        Raises:
            ValueError: the pattern uses something else.
        """
        write = self._alternatives()
        if self._at < len(self._pattern):
            raise ValueError(f"pattern {self._pattern}: more than this module reads")
        return write()

    def _alternatives(self) -> Writer:
        first = self._sequence()
        while self._next() == "|":
            self._at += 1
            self._sequence()
        return first

    def _sequence(self) -> Writer:
        parts: list[Writer] = []
        while self._next() not in {"", "|", ")"}:
            atom, times = self._atom(), self._times()
            parts += [atom] * times
        return lambda: "".join(part() for part in parts)

    def _times(self) -> int:
        """Read a quantifier, if one stands here: the least that it allows, but once rather than never."""
        counted = QUANTIFIER.match(self._pattern, self._at)
        if counted is None:
            return 1
        self._at = counted.end()
        if "0" in {counted["most"], counted["exactly"]}:
            return 0
        return max(1, int(counted["least"] or counted["exactly"] or "1"))

    def _atom(self) -> Writer:
        sign = self._pattern[self._at]
        self._at += 1
        match sign:
            case "^" | "$":
                return str
            case "(":
                self._at += 2 if self._pattern.startswith("?:", self._at) else 0
                inner = self._alternatives()
                self._at += 1
                return inner
            case "[":
                end = self._pattern.index("]", self._at + 1)
                allowed = _members(self._pattern[self._at : end])
                self._at = end + 1
                return lambda: self._draw(allowed)
            case "\\":
                escaped = self._pattern[self._at]
                self._at += 1
                return lambda: {"d": "1", "w": "a", "s": " "}.get(escaped, escaped)
            case _:
                return lambda: "a" if sign == "." else sign

    def _draw(self, allowed: str) -> str:
        self._drawn += 1
        digest = hashlib.sha256(f"{self._pattern}/{self._drawn}".encode()).digest()
        return allowed[digest[0] % len(allowed)]

    def _next(self) -> str:
        return self._pattern[self._at : self._at + 1]


def _members(inside: str) -> str:
    ranges = re.findall(r"([0-9A-Za-z])-([0-9A-Za-z])", inside)
    return "".join(chr(code) for low, high in ranges for code in range(ord(low), ord(high) + 1)) or inside
