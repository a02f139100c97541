"""The published language for Python subscribers: the models of `lagspill_client.events`, from the committed JSON Schemas.

python -m shared.contracts.client_models            writes them
python -m shared.contracts.client_models --check    writes nothing, and fails when they are out of date

Only what stands in the schemas goes into the client: it never sees the services' own models.
"""

from __future__ import annotations

import argparse
import json
import keyword
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from pydantic import JsonValue

from shared.contracts.catalogue import KINDS
from shared.contracts.compatibility import JsonObject
from shared.contracts.schemas import FOLDER, ContractError

MODELS: Final = Path(__file__).resolve().parents[2] / "packages" / "lagspill-client" / "lagspill_client" / "events.py"
WIDTH: Final = 112
HEAD: Final = '''"""Every event type that Lagspill publishes, as models.

Generated from the JSON Schemas by `make schemas`; do not edit. A field that a model does not know is passed by.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, ClassVar, Final, Literal, NewType

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field


class Model(BaseModel):
    """What is said once and never changed; unknown fields are left out."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class EventData(Model):
    """The data of an event."""

    TYPE: ClassVar[str]
    """The CloudEvents `type`."""
    TOPIC: ClassVar[str]
    """Where it is published."""
'''


class Definitions:
    """What the schemas define, each under a name of its own."""

    def __init__(self, schemas: Mapping[str, JsonObject]) -> None:
        """Collect the definitions of `schemas`, which are by event type."""
        self._schemas = schemas
        self._shared: dict[str, JsonObject] = {}
        self._events: dict[str, JsonObject] = {}
        self._types: dict[str, tuple[str, str]] = {}
        bodies: dict[str, list[str]] = {}
        for event_type, schema in schemas.items():
            bodies.setdefault(_body(schema), []).append(event_type)
        for event_type, schema in schemas.items():
            name = _body(schema)
            if len(bodies[name]) > 1:  # four services seal, two record receipts: each says so under its own type
                name = f"{event_type.split('.')[2].capitalize()}{name}"
            for other, definition in _object(schema["$defs"]).items():
                if other == _body(schema):
                    self._events[name] = _object(definition)
                elif self._shared.setdefault(other, _object(definition)) != definition:
                    raise ContractError(f"{other} is defined in two ways: the client would need two names for it")
            self._types[name] = (event_type, str(schema["x-kafka-topic"]))

    def text(self) -> str:
        """Return the module."""
        parts = [HEAD, "\n".join(_references())]
        parts += ["\n".join(self._definition(name)) for name in self._in_order()]
        parts += ["\n".join(self._event(name)) for name in sorted(self._events)]
        listed = "\n".join(f"    {name}.TYPE: {name}," for name in sorted(self._events))
        parts.append(f'EVENTS: Final[Mapping[str, type[EventData]]] = {{\n{listed}\n}}\n"""By `type`."""')
        return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"

    def _in_order(self) -> list[str]:
        """Return the shared definitions' names, each after what it is made of."""
        done: list[str] = []

        def place(name: str) -> None:
            if name not in done:
                for used in sorted(set(_used(self._shared[name]))):
                    place(used)
                done.append(name)

        for name in sorted(self._shared):
            place(name)
        return done

    def _definition(self, name: str) -> Iterator[str]:
        definition = self._shared[name]
        values = definition.get("enum")
        if isinstance(values, list) and all(isinstance(value, str) for value in values):
            yield f"class {name}(StrEnum):"
            yield from _docstring(definition, name)
            yield ""
            yield from (f"    {_member(str(value))} = {json.dumps(value)}" for value in values)
        elif isinstance(values, list):
            yield f"{name} = Literal[{', '.join(repr(value) for value in values)}]"
        elif "properties" in definition:
            yield f"class {name}(Model):"
            yield from _docstring(definition, name)
            yield ""
            yield from _fields(definition)
        else:
            yield f"{name} = {_type(definition)}"

    def _event(self, name: str) -> Iterator[str]:
        event_type, topic = self._types[name]
        yield f"class {name}(EventData):"
        yield from _docstring(self._events[name], name)
        yield ""
        yield f'    TYPE: ClassVar[str] = "{event_type}"'
        yield f'    TOPIC: ClassVar[str] = "{topic}"'
        yield ""
        yield from _fields(self._events[name])


def _references() -> Iterator[str]:
    for pattern, kind in sorted(KINDS.items(), key=lambda each: each[1]):
        yield f'{kind} = NewType("{kind}", str)'
        yield f"{kind}Field = Annotated[{kind}, Field(pattern={_raw(pattern)})]"


def _fields(definition: JsonObject) -> Iterator[str]:
    required = definition.get("required")
    names = required if isinstance(required, list) else []
    for field, part in _object(definition["properties"]).items():
        if keyword.iskeyword(field) or field.startswith("_"):
            raise ContractError(f"{field} cannot be a field's name in Python")
        what = _object(part)
        kind = _type(what)
        if field in names:
            yield f"    {field}: {kind}"
        elif "default" in what:
            yield f"    {field}: {kind} = {_default(what)}"
        else:
            yield f"    {field}: {kind} | None = None"
        if "description" in what and "$ref" not in what:
            yield from _quoted(str(what["description"]))


def _default(what: JsonObject) -> str:
    value = what["default"]
    if "$ref" in what:
        return f"{_reference(what)}.{_member(str(value))}"
    if value == []:
        return "frozenset()" if what.get("uniqueItems") else "()"
    return json.dumps(value) if isinstance(value, str) else repr(value)


def _type(what: JsonObject) -> str:  # noqa: PLR0911
    if "$ref" in what:
        return _reference(what)
    if "const" in what:
        return f"Literal[{json.dumps(what['const'])}]"
    if isinstance(values := what.get("enum"), list):
        return f"Literal[{', '.join(json.dumps(value) for value in values)}]"
    match what.get("type"), what.get("format"):
        case "string", "date-time":
            return "AwareDatetime"
        case "string", "date":
            return "date"
        case "string", None:
            pattern = what.get("pattern")
            if isinstance(pattern, str) and pattern in KINDS:
                return f"{KINDS[pattern]}Field"
            return _constrained("str", {"pattern": _raw(pattern) if isinstance(pattern, str) else None})
        case ("integer" | "number") as number, None:
            bounds = {"ge": what.get("minimum"), "le": what.get("maximum"), "gt": what.get("exclusiveMinimum")}
            return _constrained("int" if number == "integer" else "float", bounds)
        case "boolean", None:
            return "bool"
        case "array", None:
            items = _type(_object(what["items"]))
            held = f"frozenset[{items}]" if what.get("uniqueItems") else f"tuple[{items}, ...]"
            return _constrained(held, {"min_length": what.get("minItems"), "max_length": what.get("maxItems")})
        case "object", None if isinstance(what.get("additionalProperties"), dict):
            names = what.get("propertyNames")
            key = _type(_object(names)) if isinstance(names, dict) else "str"
            return f"dict[{key}, {_type(_object(what['additionalProperties']))}]"
        case _:
            raise ContractError(f"the client's models cannot say what this is: {json.dumps(what)}")


def _constrained(kind: str, bounds: Mapping[str, object]) -> str:
    told = ", ".join(f"{name}={bound}" for name, bound in bounds.items() if bound is not None)
    return f"Annotated[{kind}, Field({told})]" if told else kind


def _member(code: str) -> str:
    name = re.sub(r"\W", "_", code).upper()
    return f"_{name}" if name[0].isdigit() else name


def _raw(pattern: str) -> str:
    if '"' in pattern or pattern.endswith("\\"):
        raise ContractError(f"a pattern that cannot be written plainly: {pattern}")
    return f'r"{pattern}"'


def _docstring(definition: JsonObject, name: str) -> Iterator[str]:
    yield from _quoted(str(definition.get("description") or f"{name}."))


def _quoted(told: str) -> Iterator[str]:
    paragraphs = [textwrap.wrap(" ".join(part.split()), WIDTH) for part in told.split("\n\n")]
    lines = [line for paragraph in paragraphs for line in [*paragraph, ""]][:-1]
    text = "\n".join(f"    {line}" if line else "" for line in lines).replace("\\", "\\\\").replace('"""', "'''")
    closing = '"""' if len(lines) == 1 else '\n    """'
    yield f'    """{text.lstrip()}{closing}'


def _used(schema: JsonValue) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield _reference(schema)
        for part in schema.values():
            yield from _used(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from _used(part)


def _body(schema: JsonObject) -> str:
    return _reference(_object(_object(schema["properties"])["data"]))


def _reference(schema: JsonObject) -> str:
    return str(schema["$ref"]).rpartition("/")[2]


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise ContractError("a schema is a JSON object")
    return value


def document() -> str:
    """Return the module as it should be.

    Raises:
        ContractError: a schema says what the client's models cannot.
    """
    schemas = {path.name.removesuffix(".json"): json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}
    return Definitions(schemas).text()


def main(arguments: Sequence[str] | None = None) -> int:
    """Write or check the models; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m shared.contracts.client_models", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail when they are out of date")
    options = parser.parse_args(arguments)
    wanted = document()
    if options.check:
        if not MODELS.exists() or MODELS.read_text(encoding="utf-8") != wanted:
            sys.stdout.write(f"{MODELS.name} is out of date (run: make schemas)\n")
            return 1
        sys.stdout.write(f"{MODELS.name}: up to date\n")
        return 0
    MODELS.write_text(wanted, encoding="utf-8")
    sys.stdout.write(f"{MODELS.name} written\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
