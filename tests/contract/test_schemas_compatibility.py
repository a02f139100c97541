"""Additive only: what the comparison lets pass is readable both ways, and each kind of breach is refused by name."""

from __future__ import annotations

import copy
import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import JsonValue

from shared.contracts import EVENTS
from shared.contracts.compatibility import Break, JsonObject, broken_promises
from shared.contracts.schemas import committed, event_schema, main, promises_broken_since
from tests.contract.json_documents import documents

NAME = "no.lagspill.cases.thing.happened.v1"


def small() -> JsonObject:
    return {
        "type": "object",
        "properties": {
            "ref": {"type": "string", "pattern": "^cas_[a-c]{3}$"},
            "code": {"$ref": "#/$defs/Code"},
            "level": {"type": "integer", "minimum": 1, "maximum": 3},
            "note": {"type": "string", "maxLength": 5},
            "kind": {"const": "a"},
            "codes": {"type": "array", "items": {"$ref": "#/$defs/Code"}, "uniqueItems": True},
            "needed": {"type": "object", "additionalProperties": {"type": "integer"}},
        },
        "required": ["ref", "code", "kind"],
        "$defs": {"Code": {"enum": ["one", "two"], "type": "string"}},
        "x-kafka-topic": "lagspill.cases.v1",
    }


def at(schema: JsonObject, *path: str) -> JsonObject:
    for step in path:
        inner = schema[step]
        assert isinstance(inner, dict)
        schema = inner
    return schema


def required(schema: JsonObject) -> list[JsonValue]:
    names = schema["required"]
    assert isinstance(names, list)
    return names


def reasons(new: JsonObject, old: JsonObject | None = None) -> list[str]:
    return [f"{item.path}: {item.reason}" for item in broken_promises(NAME, old or small(), new)]


def test_an_optional_field_may_be_added() -> None:
    new = small()
    at(new, "properties")["added"] = {"type": "string"}
    assert reasons(new) == []


def test_words_for_people_may_change() -> None:
    new = small()
    new |= {"title": "T", "description": "D", "examples": [{}]}
    at(new, "properties", "level")["description"] = "Now with words"
    assert reasons(new) == []


def test_a_definition_may_be_renamed() -> None:
    new = json.loads(json.dumps(small()).replace("Code", "ThingCode"))
    assert reasons(new) == []


BREACHES: list[tuple[str, list[str], JsonValue, str]] = [
    ("removed", ["properties", "note"], None, "note: the field was removed"),
    ("narrowed-enum", ["$defs", "Code", "enum"], ["one"], 'code: narrowed: "two" no longer allowed'),
    ("widened-enum", ["$defs", "Code", "enum"], ["one", "two", "six"], 'code: widened: "six" is unknown'),
    ("const", ["properties", "kind", "const"], "b", 'kind: the constant "a" became "b"'),
    ("const-type", ["properties", "kind", "const"], True, 'kind: the constant "a" became true'),
    ("pattern", ["properties", "ref", "pattern"], "^cas_[a-z]{3}$", "ref: pattern changed"),
    ("no-pattern", ["properties", "ref", "pattern"], None, "ref: pattern changed"),
    ("minimum", ["properties", "level", "minimum"], 2, "level: minimum narrowed: 1 became 2"),
    ("minimum-wider", ["properties", "level", "minimum"], 0, "level: minimum widened: 1 became 0"),
    ("maximum", ["properties", "level", "maximum"], 2, "level: maximum narrowed: 3 became 2"),
    ("no-maximum", ["properties", "level", "maximum"], None, "level: maximum widened: 3 became None"),
    ("new-bound", ["properties", "note", "minLength"], 1, "note: minLength narrowed: None became 1"),
    ("type", ["properties", "level", "type"], "number", "level: type changed: 'integer' became 'number'"),
    ("format", ["properties", "note", "format"], "date", "note: format changed"),
    ("list-or-set", ["properties", "codes", "uniqueItems"], None, "codes: uniqueItems changed"),
    (
        "map-values",
        ["properties", "needed", "additionalProperties"],
        {"type": "string"},
        "needed/additionalProperties: type",
    ),
    ("closed", ["additionalProperties"], False, ": additionalProperties changed"),
    ("new-required", ["required"], ["ref", "code", "kind", "new"], "new: a new field must be optional"),
    ("now-required", ["required"], ["ref", "code", "kind", "note"], "note: was optional and is now required"),
    ("now-optional", ["required"], ["ref", "code"], "kind: was required and is now optional"),
    ("topic", ["x-kafka-topic"], "lagspill.other.v1", ": x-kafka-topic changed"),
    ("unknown-keyword", ["if"], {"required": ["note"]}, ": if changed"),
    ("default", ["properties", "note", "default"], "x", "note: default changed"),
]


@pytest.mark.parametrize(
    ("path", "value", "reason"), [case[1:] for case in BREACHES], ids=[case[0] for case in BREACHES]
)
def test_a_breach_is_refused_with_its_place_and_reason(path: list[str], value: JsonValue, reason: str) -> None:
    new = small()
    place = at(new, *path[:-1])
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    found = reasons(new)
    assert any(line.startswith(reason) for line in found), found


def test_one_and_true_are_not_the_same_code() -> None:
    old, new = small(), small()
    at(old, "properties")["kind"] = {"const": 1}
    at(new, "properties")["kind"] = {"const": True}
    assert reasons(new, old) == ["kind: the constant 1 became true"]


def test_a_field_cannot_be_added_where_no_others_are_allowed() -> None:
    old, new = small(), small()
    old["additionalProperties"] = new["additionalProperties"] = False
    at(new, "properties")["added"] = {"type": "string"}
    assert reasons(new, old) == ["added: a field was added where the old schema allows no others"]


def test_a_removed_type_is_refused_and_a_new_one_is_welcome() -> None:
    assert list(promises_broken_since({}, {NAME: small()})) == []
    assert list(promises_broken_since({NAME: small()}, {})) == [Break(NAME, "", "the event type was removed")]


def test_a_schema_that_refers_to_itself_is_not_guessed_at() -> None:
    old = small()
    at(old, "$defs")["Code"] = {"$ref": "#/$defs/Code"}
    with pytest.raises(ValueError, match="leads to itself"):
        reasons(small(), old)
    at(old, "$defs")["Code"] = {"$ref": "#/$defs/Nowhere"}
    with pytest.raises(ValueError, match="leads nowhere"):
        reasons(small(), old)


# --- the promise itself, by chance ------------------------------------------------------------------------------------

FORMS: list[JsonObject] = [
    {"type": "string", "pattern": "^[a-c]{1,2}$"},
    {"type": "string", "maxLength": 3},
    {"type": "integer", "minimum": 0, "maximum": 3},
    {"type": "integer"},
    {"type": "boolean"},
    {"enum": ["x", "y"]},
    {"enum": ["x", "y", "z"]},
    {"const": "x"},
    {"$ref": "#/$defs/D"},
    {"type": "string", "format": "date"},
]
LEAVES = st.sampled_from(FORMS)
DEFINITIONS = st.sampled_from([form for form in FORMS if "$ref" not in form])


@st.composite
def objects(draw: st.DrawFn, depth: int = 1) -> JsonObject:
    names = draw(st.lists(st.sampled_from("abcd"), unique=True, max_size=4))
    lists: st.SearchStrategy[JsonObject] = LEAVES.map(lambda leaf: {"type": "array", "items": leaf})
    inner = st.one_of(LEAVES, objects(depth - 1), lists) if depth else LEAVES
    fields: JsonObject = {name: draw(inner) for name in names}
    found: JsonObject = {"type": "object", "properties": fields}
    if chosen := draw(st.lists(st.sampled_from(names), unique=True)) if names else []:
        found["required"] = [*sorted(chosen)]
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[JsonObject, JsonObject]:
    """An old schema, and one that was made from it by a few random changes anywhere."""
    old = draw(objects())
    old["$defs"] = {"D": draw(DEFINITIONS)}
    new = copy.deepcopy(old)
    for _ in range(draw(st.integers(0, 3))):
        _change(draw, draw(st.sampled_from(_objects_in(new))))
    return old, new


def _objects_in(schema: JsonObject) -> list[JsonObject]:
    found = [schema]
    properties = schema.get("properties")
    if isinstance(properties, dict):
        for part in properties.values():
            if isinstance(part, dict) and part.get("type") == "object":
                found += _objects_in(part)
    return found


def _change(draw: st.DrawFn, schema: JsonObject) -> None:
    properties = at(schema, "properties")
    name = draw(st.sampled_from("abcdef"))
    match draw(st.sampled_from(["set", "remove", "require", "allow", "definition"])):
        case "set":
            properties[name] = draw(LEAVES)
        case "remove":
            properties.pop(name, None)
        case "require":
            schema["required"] = [*sorted({*map(str, required(schema) if "required" in schema else []), name})]
        case "allow" if "required" in schema:
            schema["required"] = [left for left in required(schema) if left != name]
        case "definition" if "$defs" in schema:
            schema["$defs"] = {"D": draw(DEFINITIONS)}


@settings(max_examples=400, suppress_health_check=list(HealthCheck), deadline=None)
@given(pairs(), st.data())
def test_what_is_let_pass_is_readable_both_ways(pair: tuple[JsonObject, JsonObject], choice: st.DataObject) -> None:
    """Every new event is valid for yesterday's subscriber, every old event in the log for tomorrow's."""
    old, new = pair
    assume(not broken_promises(NAME, old, new))
    Draft202012Validator(old).validate(choice.draw(documents(new)))
    Draft202012Validator(new).validate(choice.draw(documents(old)))


@settings(max_examples=200, suppress_health_check=list(HealthCheck), deadline=None)
@given(pairs())
def test_nothing_is_broken_by_what_did_not_change(pair: tuple[JsonObject, JsonObject]) -> None:
    assert broken_promises(NAME, pair[1], copy.deepcopy(pair[1])) == []


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(pairs(), st.data())
def test_an_event_that_one_side_refuses_was_a_breach(
    pair: tuple[JsonObject, JsonObject], choice: st.DataObject
) -> None:
    old, new = pair
    record = choice.draw(documents(new))
    if not Draft202012Validator(old).is_valid(record):
        assert broken_promises(NAME, old, new)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_every_real_schema_can_be_compared(name: str) -> None:
    schema = event_schema(EVENTS[name])
    assert broken_promises(name, schema, copy.deepcopy(schema)) == []
    for field in at(schema, "properties"):
        poorer = copy.deepcopy(schema)
        del at(poorer, "properties")[field]
        assert Break(name, field, "the field was removed") in broken_promises(name, schema, poorer)


# --- against git ------------------------------------------------------------------------------------------------------


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository of its own with one committed schema: that of a real event type."""
    name = "no.lagspill.cases.case.closed.v1"
    folder = tmp_path / "contracts" / "schemas"
    folder.mkdir(parents=True)
    (folder / f"{name}.json").write_text(json.dumps(event_schema(EVENTS[name])))
    monkeypatch.setattr("shared.contracts.schemas.HERE", tmp_path / "contracts")
    _git(tmp_path, "init", "--quiet", "--initial-branch=main")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "--message=first")
    return tmp_path


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_base_is_read_from_git(repository: Path) -> None:
    assert committed("HEAD") == {
        "no.lagspill.cases.case.closed.v1": event_schema(EVENTS["no.lagspill.cases.case.closed.v1"])
    }


def test_a_breach_against_the_base_fails_the_check(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = repository / "contracts" / "schemas" / "no.lagspill.cases.case.closed.v1.json"
    wider = json.loads(path.read_text())
    wider["$defs"]["CaseClosed"]["properties"]["reason"] = {"type": "string"}
    path.write_text(json.dumps(wider))
    _git(repository, "commit", "--quiet", "--all", "--message=a field that is gone now")
    assert main(["--check"]) == 1
    assert "no.lagspill.cases.case.closed.v1: data.reason: the field was removed" in capsys.readouterr().out
    assert main(["--check", "--base", "HEAD~1"]) == 0
