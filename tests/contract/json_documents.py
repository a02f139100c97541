"""Documents that a JSON Schema describes, as hypothesis draws them: what a published record may look like at its oddest."""

from __future__ import annotations

from datetime import UTC
from functools import partial
from typing import Final

from hypothesis import strategies as st
from pydantic import JsonValue

from shared.contracts.compatibility import JsonObject

ANYTHING: Final = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.text(max_size=3))


def documents(schema: JsonObject) -> st.SearchStrategy[JsonValue]:
    """Return a strategy for the documents that `schema` describes."""
    return _of(schema, schema)


def _of(root: JsonObject, schema: JsonValue) -> st.SearchStrategy[JsonValue]:
    assert isinstance(schema, dict)
    if isinstance(reference := schema.get("$ref"), str):
        target: JsonValue = root
        for step in reference.removeprefix("#/").split("/"):
            assert isinstance(target, dict)
            target = target[step]
        return _of(root, target)
    if "const" in schema:
        return st.just(schema["const"])
    if isinstance(values := schema.get("enum"), list):
        return st.sampled_from(values)
    if isinstance(choices := schema.get("anyOf"), list):
        return st.one_of([_of(root, choice) for choice in choices])
    match schema.get("type"):
        case "object":
            return _objects(root, schema)
        case "array":
            return _arrays(root, schema)
        case "string":
            return _texts(schema)
        case "integer":
            least, most = schema.get("minimum"), schema.get("maximum")
            assert least is None or isinstance(least, int)
            assert most is None or isinstance(most, int)
            return st.integers(least, most if most is not None else 2**31)
        case "boolean":
            return st.booleans()
        case None:
            return ANYTHING
        case other:
            raise AssertionError(f"teach this module to draw a {other}")


def _objects(root: JsonObject, schema: JsonObject) -> st.SearchStrategy[JsonValue]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    assert isinstance(properties, dict)
    assert isinstance(required, list)
    if not properties and isinstance(extra := schema.get("additionalProperties"), dict):
        names = _of(root, schema.get("propertyNames", {"type": "string"})).map(str)
        return st.dictionaries(names, _of(root, extra), max_size=3).map(dict)
    return st.fixed_dictionaries(
        {name: _of(root, part) for name, part in properties.items() if name in required},
        optional={name: _of(root, part) for name, part in properties.items() if name not in required},
    ).map(dict)


def _arrays(root: JsonObject, schema: JsonObject) -> st.SearchStrategy[JsonValue]:
    least, most = schema.get("minItems", 0), schema.get("maxItems", 3)
    assert isinstance(least, int)
    assert isinstance(most, int)
    unique = repr if schema.get("uniqueItems") else None
    return st.lists(_of(root, schema.get("items", {})), min_size=least, max_size=max(least, most), unique_by=unique)


def _texts(schema: JsonObject) -> st.SearchStrategy[JsonValue]:
    match schema.get("format"):
        case "date-time":
            return st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat())
        case "date":
            return st.dates().map(lambda day: day.isoformat())
        case "uuid":
            return st.uuids().map(str)
    least, longest, most = schema.get("minLength", 0), schema.get("maxLength", 2**16), schema.get("maxLength", 20)
    assert isinstance(longest, int)
    assert isinstance(least, int)
    assert isinstance(most, int)
    if isinstance(pattern := schema.get("pattern"), str):
        inside = st.from_regex(pattern.removesuffix("$") + r"\Z")
        return inside.filter(partial(_fits, least, longest))
    return st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=least, max_size=most)


def _fits(least: int, most: int, text: str) -> bool:
    return least <= len(text) <= most
