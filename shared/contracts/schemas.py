"""The published language as files: one JSON Schema (2020-12) per event type and one AsyncAPI document, from the models.

    python -m shared.contracts.schemas            writes them
    python -m shared.contracts.schemas --check    says whether they are up to date, and whether they still keep the promise
                                                  of v1 towards the schemas committed at a base (`--base`, a git reference)

A schema describes a whole published record (envelope and data), so that a subscriber in any language can check what it
receives. On the wire an absent field is left out, never `null`, and the schemas say so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from pydantic import JsonValue
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from shared.contracts import EVENTS
from shared.contracts.access import TOPIC as ACCESS_TOPIC
from shared.contracts.asyncapi import document
from shared.contracts.base import EventData
from shared.contracts.compatibility import Break, JsonObject, broken_promises
from shared.contracts.examples import example
from shared.envelope import Envelope, schema_url

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
HERE: Final = Path(__file__).resolve().parent
FOLDER: Final = HERE / "schemas"
ASYNCAPI: Final = HERE / "asyncapi.json"
SERVICES: Final = ("cases", "meetings", "notify", "audit")
MODE: Final[JsonSchemaMode] = "validation"
"""What a reader must accept. What has a default may be missing: the log holds events older than the field."""


class ContractError(RuntimeError):
    """The published language cannot be generated or compared; the message says why."""


def producers(event: type[EventData]) -> tuple[str, ...]:
    """Return the names of the services that publish `event`: the topic's, or every service for access records."""
    if event.TOPIC == ACCESS_TOPIC:
        return SERVICES
    return tuple(service for service in SERVICES if event.TOPIC.split(".")[1] == service)


def event_schema(event: type[EventData]) -> JsonObject:
    """Return the JSON Schema of a published record of this type, with one example.

    Raises:
        ContractError: a field has a form of which no example can be made; the message names the field.
    """
    references, definitions = _definitions([Envelope, event], "#/$defs/{model}")
    envelope = definitions.pop(references[Envelope])
    properties = _object(envelope["properties"])
    required = {
        name for name, field in Envelope.model_fields.items() if field.is_required() or field.default is not None
    } | {"data", "sourcesequence"}
    sources: list[JsonValue] = [f"/services/{name}" for name in producers(event)]
    properties["source"] = {"const": sources[0]} if len(sources) == 1 else {"enum": sources}
    properties["type"] = {"const": event.TYPE}
    properties["dataschema"] = {"const": schema_url(event.TYPE)}
    properties["data"] = {"$ref": f"#/$defs/{references[event]}"}
    subject = _object(_object(definitions[references[event]]["properties"])[event.SUBJECT])
    for attribute in ("subject", "partitionkey"):
        narrowed = {key: value for key, value in subject.items() if key in {"pattern", "$ref", "type", "examples"}}
        properties[attribute] = {**_object(properties[attribute]), **narrowed}
    schema: JsonObject = {
        "$schema": DIALECT,
        "$id": schema_url(event.TYPE),
        "title": event.TYPE,
        "description": definitions[references[event]].get("description", ""),
        "type": "object",
        "properties": properties,
        "required": [*sorted(required)],
        "x-kafka-topic": event.TOPIC,
        "x-kafka-key": f"data.{event.SUBJECT}",
        "$defs": {name: cast(JsonValue, definition) for name, definition in definitions.items()},
    }
    try:
        record = _object(example(schema))
    except ValueError as error:
        raise ContractError(f"{event.__module__}.{event.__name__}: {error}") from error
    record["subject"] = record["partitionkey"] = _object(record["data"])[event.SUBJECT]
    schema["examples"] = [record]
    return schema


def asyncapi(events: Iterable[type[EventData]]) -> JsonObject:
    """Return the AsyncAPI 3.0 document of `events`, self-contained."""
    events = sorted(events, key=lambda event: event.TYPE)
    references, definitions = _definitions([Envelope, *events], "#/components/schemas/{model}")
    schemas = {event: event_schema(event) for event in events}
    return document(
        [(event, references[event], schemas[event], producers(event)) for event in events],
        definitions,
        envelope=references[Envelope],
    )


def files(events: Mapping[str, type[EventData]] = EVENTS) -> dict[Path, bytes]:
    """Return every generated file by its path: the same bytes for the same models, always."""
    written = {FOLDER / f"{name}.json": _text(event_schema(event)) for name, event in events.items()}
    written[ASYNCAPI] = _text(asyncapi(events.values()))
    return written


def drift(wanted: Mapping[Path, bytes]) -> list[str]:
    """Return a sentence for each file that is missing, differs, or has no event type any more."""
    found = []
    for path, body in sorted(wanted.items()):
        if not path.exists():
            found.append(f"{path.name}: missing")
        elif path.read_bytes() != body:
            found.append(f"{path.name}: out of date")
    found += [f"{path.name}: no such event type" for path in sorted(FOLDER.glob("*.json")) if path not in wanted]
    return found


def committed(reference: str) -> dict[str, JsonObject]:
    """Return the schemas committed at the git reference, by event type; empty when there were none.

    Raises:
        ContractError: git is not there, or does not know the reference.
    """
    commit = _git("rev-parse", "--verify", "--quiet", f"{reference}^{{commit}}")
    names = _git("ls-tree", "-r", "--name-only", commit, "--", ".").splitlines()
    return {
        Path(name).stem: _object(json.loads(_git("show", f"{commit}:./{name}")))
        for name in names
        if name.startswith("schemas/") and name.endswith(".json")
    }


def default_base() -> str:
    """Return the commit where this branch left `origin/main` (or `main`): what others may have built upon."""
    for branch in ("origin/main", "main"):
        if _git("rev-parse", "--verify", "--quiet", f"{branch}^{{commit}}", may_fail=True):
            return _git("merge-base", "HEAD", branch)
    return "HEAD"


def _git(*arguments: str, may_fail: bool = False) -> str:
    try:
        answer = subprocess.run(  # noqa: S603
            ["git", *arguments],  # noqa: S607
            cwd=HERE,
            capture_output=True,
            check=False,
            encoding="utf-8",
        )
    except OSError as error:
        raise ContractError("git is needed to compare the published language with its past") from error
    if answer.returncode != 0 and not may_fail:
        raise ContractError(f"git {' '.join(arguments)}: {answer.stderr.strip() or 'unknown reference'}")
    return answer.stdout.strip()


def _definitions(
    models: Sequence[type[EventData] | type[Envelope]], reference: str
) -> tuple[dict[type[EventData] | type[Envelope], str], dict[str, JsonObject]]:
    """Return each model's name among the definitions, and the definitions, tidied."""
    prefix = reference.format(model="")
    named, schema = models_json_schema([(model, MODE) for model in models], ref_template=reference)
    names = {model: str(named[model, MODE]["$ref"]).removeprefix(prefix) for model in models}
    return names, {name: tidy(definition) for name, definition in schema["$defs"].items()}


_ONE: Final = frozenset({"items", "additionalProperties", "propertyNames", "not", "contains"})
_MANY: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_NAMED: Final = frozenset({"properties", "$defs", "patternProperties"})


def tidy(schema: Mapping[str, JsonValue], *, field: bool = False) -> JsonObject:
    """Return `schema` as it holds on the wire: no `null`, and no title that only repeats a field's name."""
    tidied: JsonObject = {}
    for keyword, value in schema.items():
        if (keyword == "title" and field) or (keyword == "default" and value is None):
            continue
        if keyword in _NAMED and isinstance(value, dict):
            tidied[keyword] = {name: tidy(_object(part), field=True) for name, part in value.items()}
        elif keyword in _MANY and isinstance(value, list):
            tidied[keyword] = [tidy(_object(part), field=True) for part in value]
        elif keyword in _ONE and isinstance(value, dict):
            tidied[keyword] = tidy(value, field=True)
        else:
            tidied[keyword] = value
    choices = tidied.get("anyOf")
    if isinstance(choices, list) and {"type": "null"} in choices:
        left = [choice for choice in choices if choice != {"type": "null"}]
        del tidied["anyOf"]
        tidied = {**(_object(left[0]) if len(left) == 1 else {"anyOf": left}), **tidied}
    return tidied


def _object(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise ContractError("a schema is a JSON object")
    return value


def _text(schema: JsonObject) -> bytes:
    return (json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n").encode()


def complaints(base: str) -> Iterator[str]:
    """Yield a sentence for everything that is wrong with the generated files, as compared with the base.

    Raises:
        ContractError: a schema cannot be generated, or the base cannot be read.
    """
    yield from (f"{line} (run: python -m shared.contracts.schemas)" for line in drift(files()))
    now = {name: event_schema(event) for name, event in EVENTS.items()}
    yield from (str(promise) for promise in promises_broken_since(committed(base), now))


def promises_broken_since(old: Mapping[str, JsonObject], new: Mapping[str, JsonObject]) -> Iterator[Break]:
    """Yield what a subscriber that was built on `old` could not live with in `new`; a new type is never in the way."""
    for name, schema in sorted(old.items()):
        if name in new:
            yield from broken_promises(name, schema, new[name])
        else:
            yield Break(name, "", "the event type was removed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the files; return the exit status (1: something is wrong, each on a line of its own)."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.schemas", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail on drift and on a broken promise")
    parser.add_argument("--base", metavar="REF", help="git reference to compare with (default: where main stands)")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            base = str(options.base or default_base())
            found = list(complaints(base))
            sys.stdout.writelines(f"{line}\n" for line in found)
            if not found:
                sys.stdout.write(f"{len(EVENTS)} event types: up to date, and additive since {base[:12]}\n")
            return 1 if found else 0
        wanted = files()
    except ContractError as error:
        sys.stdout.write(f"{error}\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        if path not in wanted:
            path.unlink()
    for path, body in wanted.items():
        path.write_bytes(body)
    sys.stdout.write(f"{len(wanted) - 1} schemas and {ASYNCAPI.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
