"""The generated schemas say what the models do: each accepts what the other writes, and refuses what the other refuses."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import ConfigDict, Field, JsonValue
from pydantic_core import to_json

from shared.contracts import EVENTS, TOPICS
from shared.contracts.base import EventData
from shared.contracts.compatibility import JsonObject
from shared.contracts.examples import Sample, example
from shared.contracts.schemas import (
    ASYNCAPI,
    FOLDER,
    ContractError,
    asyncapi,
    drift,
    event_schema,
    files,
    main,
    producers,
    tidy,
)
from shared.envelope import parse, schema_url, seal
from tests.contract.json_documents import documents

SCHEMAS = {name: event_schema(event) for name, event in EVENTS.items()}
EVERY_TYPE = pytest.mark.parametrize("name", sorted(EVENTS))


def validator(schema: JsonObject) -> Draft202012Validator:
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@cache
def validator_of(name: str) -> Draft202012Validator:
    """What checks an event's whole record: made once, since checking the schema itself takes longer than using it."""
    return validator(SCHEMAS[name])


@cache
def data_of(name: str) -> tuple[Draft202012Validator, st.SearchStrategy[JsonValue]]:
    """What checks an event's data, and all the data that the schema describes."""
    whole: JsonObject = {"$defs": SCHEMAS[name]["$defs"], **_part(_part(SCHEMAS[name]["properties"])["data"])}
    return validator(whole), documents(whole)


def record_of(name: str) -> JsonObject:
    record = example(SCHEMAS[name])
    assert isinstance(record, dict)
    return record


@EVERY_TYPE
def test_an_example_is_valid_by_schema_and_by_model(name: str) -> None:
    examples = SCHEMAS[name]["examples"]
    assert isinstance(examples, list)
    for record in examples:
        validator_of(name).validate(record)
        parsed = parse(to_json(record))
        data = EVENTS[name].model_validate_json(parsed.data)
        assert data.subject == parsed.envelope.subject == parsed.envelope.partitionkey


@EVERY_TYPE
@pytest.mark.rule(18)
def test_an_example_goes_elsewhere_only_where_the_service_lets_it(name: str) -> None:
    """A consent to services of another municipality is for the transition there alone; nothing goes there that is here already."""
    record = record_of(name)
    data = _part(record["data"])
    for part in ("scope", "ended"):
        scope = data.get(part)
        if isinstance(scope, dict) and "municipality" in scope:
            assert scope["purposes"] == ["transition"]
    assert data.get("to_municipality") != record.get("municipality")


@EVERY_TYPE
def test_the_committed_example_comes_back_unchanged_from_the_models(name: str) -> None:
    """Golden round trip: committed bytes -> envelope and model -> the same document, nothing lost and nothing added."""
    golden = json.loads((FOLDER / f"{name}.json").read_bytes())["examples"][0]
    parsed = parse(to_json(golden))
    data = EVENTS[name].model_validate_json(parsed.data)
    again = parsed.envelope.model_dump(mode="json", exclude_none=True)
    again["data"] = data.model_dump(mode="json", exclude_none=True)
    assert again == golden
    added = dict.fromkeys(("lane", "sourcesequence"))
    sealed = json.loads(seal(data, parsed.envelope.model_copy(update=added)))
    assert sealed == {key: golden[key] for key in golden if key not in added}


@EVERY_TYPE
@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much], deadline=None)
@given(choice=st.data())
def test_what_the_schema_describes_the_model_reads_and_writes(name: str, choice: st.DataObject) -> None:
    check, described = data_of(name)
    drawn = choice.draw(described)
    data = EVENTS[name].model_validate_json(to_json(drawn))
    check.validate(drawn)
    check.validate(data.model_dump(mode="json", exclude_none=True))
    assert EVENTS[name].model_validate_json(data.model_dump_json(exclude_none=True)) == data


@EVERY_TYPE
def test_every_field_that_the_model_requires_the_schema_requires(name: str) -> None:
    record = record_of(name)
    assert isinstance(record["data"], dict)
    for field, info in EVENTS[name].model_fields.items():
        without = {**record, "data": {key: value for key, value in record["data"].items() if key != field}}
        assert validator_of(name).is_valid(without) is not info.is_required()


@EVERY_TYPE
@pytest.mark.parametrize(
    ("attribute", "wrong"),
    [
        ("type", "no.lagspill.something.else.v1"),
        ("source", "/services/stranger"),
        ("subject", "Kari"),
        ("dataschema", "https://example.org/"),
        ("municipality", "Notodden"),
        ("specversion", "0.3"),
        ("sourcesequence", "1"),
        ("data", None),
    ],
)
def test_a_wrong_attribute_is_refused(name: str, attribute: str, wrong: JsonValue) -> None:
    if attribute == "subject" and "pattern" not in _part(_part(SCHEMAS[name]["properties"])["subject"]):
        wrong = ""
    assert not validator_of(name).is_valid({**record_of(name), attribute: wrong})


@EVERY_TYPE
def test_what_is_absent_is_left_out_and_what_is_unknown_is_let_pass(name: str) -> None:
    """On the wire there is no null; a subscriber built yesterday reads what is published tomorrow."""
    check = validator_of(name)
    record = record_of(name)
    assert not check.is_valid({**record, "causationid": None})
    assert check.is_valid({**record, "addedlater": "x", "data": {**_part(record["data"]), "added_later": "x"}})
    assert '"null"' not in json.dumps(SCHEMAS[name])


@EVERY_TYPE
def test_a_schema_is_found_where_the_envelope_says(name: str) -> None:
    assert SCHEMAS[name]["$id"] == schema_url(name)
    assert SCHEMAS[name]["x-kafka-topic"] in TOPICS
    assert producers(EVENTS[name])


@pytest.mark.parametrize("field", sorted({field for event in EVENTS.values() for field in event.model_fields}))
def test_no_event_has_a_field_for_what_belongs_in_the_vault(field: str) -> None:
    """No name, number, birth date, address, contact or free text has a place to stand (invariant 8)."""
    forbidden = {
        "name",
        "fnr",
        "pid",
        "birth",
        "born",
        "address",
        "email",
        "phone",
        "text",
        "statement",
        "diagnosis",
        "school_class",
    }
    words = set(field.split("_"))
    assert not words & forbidden or field in {"address_protected"}, f"{field} does not belong on the bus"


def test_the_same_models_give_the_same_bytes() -> None:
    assert files() == files()


def test_drift_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.contracts.schemas.FOLDER", tmp_path)
    wanted = {tmp_path / "a.json": b"1", tmp_path / "b.json": b"2", tmp_path / "c.json": b"3"}
    (tmp_path / "a.json").write_bytes(b"1")
    (tmp_path / "b.json").write_bytes(b"old")
    (tmp_path / "z.json").write_bytes(b"gone")
    assert drift(wanted) == ["b.json: out of date", "c.json: missing", "z.json: no such event type"]


def test_the_committed_files_are_up_to_date() -> None:
    assert drift(files()) == [], "run: python -m shared.contracts.schemas"


def test_an_unknown_base_is_one_clear_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", "--base", "no-such-reference"]) == 1
    assert capsys.readouterr().out.count("\n") == 1


def test_a_model_added_later_needs_nothing_but_itself() -> None:
    class Later(EventData):
        """Something that a later issue adds."""

        model_config = ConfigDict(title="Later")
        TYPE = "no.lagspill.cases.later.happened.v1"
        TOPIC = "lagspill.cases.v1"
        SUBJECT = "case"

        case: str = Field(pattern=r"^cas_[bcd]{26}$")
        shape: str = Field(pattern=r"^(?:x|y)z?[0-9]{3,5}(-[a-f]+)*$")
        title: str | None = None
        count: int | float | None = Field(default=None, ge=3)
        pairs: tuple[int, str] = (1, "a")
        nested: dict[str, tuple[bool, ...]] = Field(default_factory=dict)
        own: str = Field(pattern=r"^X\b!$", examples=["X!"])

    schema = event_schema(Later)
    assert isinstance(schema["examples"], list)
    validator(schema).validate(schema["examples"][0])
    properties = _part(_part(_part(schema["$defs"])["Later"])["properties"])
    assert set(properties) == {"case", "shape", "title", "count", "pairs", "nested", "own"}


def test_a_form_without_an_example_names_the_field() -> None:
    class Odd(EventData):
        """Has a field with a pattern that only a person can fill."""

        TYPE = "no.lagspill.cases.odd.happened.v1"
        TOPIC = "lagspill.cases.v1"
        SUBJECT = "case"

        case: str = Field(pattern=r"^X\b!$")

    with pytest.raises(ContractError, match=r"Odd: subject: .*Field\(examples"):
        event_schema(Odd)


@given(
    st.sampled_from([r"^a{3}$", r"^[a-c]{2,4}x?$", r"^(ab|cd)+$", r"^\d{4}-\d{2}$", r"^x{0}y*$", r"^(?:p(q|r)){2}\.s$"])
)
def test_a_sample_matches_its_pattern(pattern: str) -> None:
    assert re.fullmatch(pattern, Sample(pattern).text())


def test_a_field_may_be_called_like_a_keyword() -> None:
    fields: JsonObject = {"title": {"type": "string", "title": "Title"}, "default": {"type": "null", "default": None}}
    assert tidy({"type": "object", "title": "Thing", "properties": fields}) == {
        "type": "object",
        "title": "Thing",
        "properties": {"title": {"type": "string"}, "default": {"type": "null"}},
    }


def test_the_asyncapi_document_holds_every_type_once_and_refers_to_nothing_that_is_missing() -> None:
    whole = asyncapi(EVENTS.values())
    assert json.loads(ASYNCAPI.read_bytes()) == whole
    channels = _part(whole["channels"])
    carried = [name for channel in channels.values() for name in _part(_part(channel)["messages"])]
    assert sorted(carried) == sorted(EVENTS)
    assert {_part(channel)["address"] for channel in channels.values()} == set(TOPICS)
    for reference in _references(whole):
        target: JsonValue = whole
        for step in reference.removeprefix("#/").split("/"):
            target = _part(target)[step]


def _references(part: JsonValue) -> list[str]:
    if isinstance(part, list):
        return [reference for item in part for reference in _references(item)]
    if isinstance(part, dict):
        own = [part["$ref"]] if isinstance(part.get("$ref"), str) else []
        return [str(reference) for reference in own] + [ref for value in part.values() for ref in _references(value)]
    return []


def _part(value: JsonValue) -> JsonObject:
    assert isinstance(value, dict)
    return value
