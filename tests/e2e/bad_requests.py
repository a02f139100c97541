"""Every way to send a request that must be refused, made from what a service's OpenAPI document says of an operation."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias
from urllib.parse import quote, urlencode

from shared.refs import ALPHABET, LENGTH
from shared.web.app import MAX_BODY

Document: TypeAlias = dict[str, Any]
Headers: TypeAlias = tuple[tuple[str, bytes], ...]

CANARY: Final = "Kanarifuglen7Qx"
"""Stands in whatever is sent: it must come back in no answer, and be in no log and no table."""
NOBODY: Final = ALPHABET[0] * LENGTH
"""The random part of references that refer to nothing."""
WRITES: Final = frozenset({"post", "put", "patch", "delete"})
JSON: Final = ("content-type", b"application/json")


@dataclass(frozen=True)
class Request:
    """A request, byte by byte."""

    method: str
    target: str
    headers: Headers = ()
    content: bytes = b""
    chunked: bool = False
    """Without saying beforehand how long it is."""

    def without(self, name: str) -> Request:
        """Return it without a header."""
        return replace(self, headers=tuple(header for header in self.headers if header[0] != name))

    def having(self, name: str, value: str | bytes) -> Request:
        """Return it with another value in a header."""
        return self.without(name).having_too(name, value)

    def having_too(self, name: str, value: str | bytes) -> Request:
        """Return it with one header more."""
        return replace(
            self, headers=(*self.headers, (name, value.encode("latin-1") if isinstance(value, str) else value))
        )


@dataclass(frozen=True)
class Bad:
    """A request that must be refused, and how."""

    what: str
    request: Request
    refusals: frozenset[tuple[int, str]]
    """Statuses and codes; any code where that is empty."""

    @classmethod
    def of(cls, what: str, request: Request, *refusals: tuple[int, str]) -> Bad:
        """Return a request that must be refused with one of `refusals`."""
        return cls(what, request, frozenset(refusals))


@dataclass(frozen=True)
class Operation:
    """One operation as the document has it."""

    method: str
    path: str
    parameters: Sequence[Document]
    schema: Document | None
    """The body's, with every reference in it resolved."""
    protected: bool
    example: Any = field(default=None, compare=False)

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method in WRITES and self.parameter("Idempotency-Key") is not None

    def parameter(self, name: str) -> Document | None:
        """Return what the document says of a parameter."""
        return next((one for one in self.parameters if one["name"] == name), None)

    def request(self, token: str, key: str, known: Mapping[str, str]) -> Request:
        """Return a request that fits the document, about what is `known`, or else about nothing that exists."""
        path = self.path
        query = {}
        for one in self.parameters:
            if one["in"] == "path":
                value = known.get(one["name"]) or well_formed(one)
                path = path.replace(f"{{{one['name']}}}", value)
            elif one["in"] == "query" and one.get("required"):
                query[one["name"]] = well_formed(one)
        made = Request(self.method.upper(), path + (f"?{urlencode(query)}" if query else ""))
        if self.protected:
            made = made.having("authorization", f"Bearer {token}")
        if self.writes:
            made = made.having("idempotency-key", key)
            if (match := self.parameter("If-Match")) is not None and match["required"]:
                made = made.having("if-match", '"v1"')
        if self.schema is not None:
            made = replace(made, content=json.dumps(self.example).encode()).having(*JSON)
        return made


def operations(document: Document) -> list[Operation]:
    """Return every operation of a service, but those that every service has."""
    found = []
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            if {"service", "development"} & set(said.get("tags", ())):
                continue
            content = said.get("requestBody", {}).get("content", {})
            if content and "application/json" not in content:
                continue  # a stream of bytes has tests of its own
            schema = resolved(document, content["application/json"]["schema"]) if content else None
            found.append(
                Operation(
                    method,
                    path,
                    resolved(document, said.get("parameters", [])),
                    schema,
                    protected="security" in said,
                    example=None if schema is None else example_of(schema),
                )
            )
    return found


def resolved(document: Document, schema: Any) -> Any:
    """Return a schema with what it refers to in it."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            target: Any = document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            return resolved(document, {**target, **{name: part for name, part in schema.items() if name != "$ref"}})
        return {name: resolved(document, part) for name, part in schema.items()}
    return [resolved(document, part) for part in schema] if isinstance(schema, list) else schema


def example_of(schema: Document) -> Any:
    """Return the document's own example of a value; of an object, one put together from its members' examples.

    Raises:
        AssertionError: the document gives none, so that nobody who reads it knows what to send.
    """
    if "examples" in schema:
        return schema["examples"][0]
    for one in ("const", "default"):
        if one in schema:
            return schema[one]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            return {name: example_of(schema["properties"][name]) for name in schema.get("required", ())}
        case "string" if "pattern" not in schema:
            return "a" * max(1, schema.get("minLength", 1))
        case "boolean":
            return True
        case "array":
            return [example_of(schema["items"])] * schema.get("minItems", 0)
    raise AssertionError(f"no example of {schema}")


def well_formed(parameter: Document) -> str:
    """Return a value that fits a parameter's schema and refers to nothing."""
    schema = parameter["schema"]
    if reference := re.match(r"\^([a-z]{3})_\[", schema.get("pattern", "")):
        return f"{reference[1]}_{NOBODY}"
    if schema.get("type") == "integer":
        return str(2**40)
    return str((parameter.get("examples") or schema.get("examples") or schema.get("enum") or ["9999"])[0])


# --- what can be wrong --------------------------------------------------------------------------------------------------


def bad_tokens(good: Request, tokens: Mapping[str, tuple[str, str]]) -> Iterator[Bad]:
    """Say badly who asks. `tokens` are the refused ones, with the code of the refusal."""
    missing = (401, "token-missing")
    yield Bad.of("no token", good.without("authorization"), missing)
    for scheme in ("", "Bearer", "Bearer ", f"Basic {CANARY}", CANARY):
        yield Bad.of(f"authorization {scheme!r}", good.having("authorization", scheme), missing)
    yield Bad.of("two tokens", good.having_too("authorization", f"Bearer {CANARY}"), (400, "header-repeated"))
    for what, (token, code) in tokens.items():
        yield Bad.of(what, good.having("authorization", f"Bearer {token}"), (401, code))


PASSED_ON = {"/guides/{municipality}"}
"""Pages whose address people pass on: it comes back with others' marks on it, and is the same page."""


def bad_addresses(operation: Operation, good: Request) -> Iterator[Bad]:
    """Ask for what cannot exist, and for what does not."""
    none = ((404, "not-found"), (404, "log-unknown"), (404, "entry-unknown"))
    malformed = (400, "address-malformed")
    for one in operation.parameters:
        if one["in"] == "path":
            for wrong in (
                CANARY, f"{CANARY}' OR 1=1 --", "..", "%2e%2e%2f", "{x}", "cas_", f"cas_{'B' * LENGTH}", f"xyz_{NOBODY}",
                f"cas_{NOBODY}b", "-1", "1e9", "æøå", "\U0001f600", f"{CANARY}/{CANARY}",
            ):  # fmt: skip
                yield Bad.of(f"{one['name']} {wrong!r}", _at(operation, good, one["name"], wrong), *none)
            for control in ("\0", f"{CANARY}\n", "\x7f"):
                yield Bad.of(f"{one['name']} {control!r}", _at(operation, good, one["name"], control), malformed)
            yield Bad.of("no UTF-8", _at(operation, good, one["name"], b"\xff\xfe"), malformed)
            yield Bad.of("far too long", _at(operation, good, one["name"], CANARY * 400), (414, "address-too-long"))
    joint = "&" if "?" in good.target else "?"
    invalid = (422, "input-invalid")
    if operation.path not in PASSED_ON:
        yield Bad.of("unknown parameter", replace(good, target=f"{good.target}{joint}{CANARY}={CANARY}"), invalid)
    yield Bad.of("NUL", replace(good, target=f"{good.target}{joint}a=%00{CANARY}"), malformed)
    for one in operation.parameters:
        if one["in"] == "query":
            wrong = f"{one['name']}={quote(CANARY + ' <>')}"
            codes = (invalid, (400, "cursor-invalid"), (404, "log-unknown"), (422, "parameter-value"))
            path = good.target.partition("?")[0]
            yield Bad.of(wrong, replace(good, target=f"{path}?{wrong}"), *codes)
            twice = f"{wrong}&{wrong}"
            yield Bad.of(twice, replace(good, target=f"{path}?{twice}"), *codes)


def bad_conditions(operation: Operation, good: Request) -> Iterator[Bad]:
    """Leave the two headers of a command out, or write them wrongly."""
    malformed = (400, "idempotency-key-malformed")
    yield Bad.of("no key", good.without("idempotency-key"), (400, "idempotency-key-missing"))
    for key in (
        "",
        " ",
        '"',
        '""',
        f"{CANARY} {CANARY}",
        f'"{CANARY}',
        CANARY * 20,
        f"{CANARY}\t{CANARY}",
        f"æ{CANARY}",
        '"a\\"',
    ):
        yield Bad.of(f"key {key!r}", good.having("idempotency-key", key), malformed)
    twice = good.having_too("idempotency-key", CANARY)
    yield Bad.of("two keys", twice, (400, "header-repeated"))
    for match in (CANARY, '"', "*", '"v1", "v2"', f'"{CANARY}', '"v1"x', f'"{"9" * 200}"', "v1", '"æ"'):
        yield Bad.of(f"If-Match {match!r}", good.having("if-match", match), (400, "if-match-malformed"))
    for match in (f'"{CANARY}"', 'W/"v1"', '"v0"', '"v-1"', f'"v{"9" * 19}"', '""'):
        yield Bad.of(f"If-Match {match!r}", good.having("if-match", match), (412, "version-stale"))
    if (said := operation.parameter("If-Match")) is not None and said["required"]:
        yield Bad.of("no If-Match", good.without("if-match"), (428, "if-match-missing"))


def bad_bodies(operation: Operation, good: Request) -> Iterator[Bad]:
    """Send what is no JSON, no JSON that can be kept, too much, or of another type."""
    said = json.dumps({"a": CANARY}).encode()
    for what, code, bodies in (
        ("malformed", "json-malformed", (b"{", b"}", b" ", said[:-1], said + b"}", said + said, said.replace(b'"', b"'"),
            b"\xef\xbb\xbf" + said, b"{a:1}", b'{"a":01}', b'{"a":"\n"}', b'{"a":1,}', b"/**/{}")),
        ("not UTF-8", "json-not-utf-8", (said + b"\xff", '{"a":"æ"}'.encode("latin-1"), b'{"a":"\xed\xa0\x80"}', b'{"a":"\xc0\x80"}')),
        ("a key twice", "json-duplicate-key", (b'{"a":1,"a":1}', b'{"a":{"b":1,"b":2}}', b'[{"a":1,"\\u0061":2}]')),
        ("no number", "json-number-not-exact", (b'{"a":NaN}', b'[Infinity]', b'{"a":-Infinity}', b'{"a":1e999}', b'{"a":9007199254740993}')),
        ("not storable", "json-text-not-storable", (b'{"a":"\\u0000"}', b'{"\\u0000":1}', b'{"a":"\\ud800"}', b'["\\udc00\\ud800"]')),
        ("too deep", "json-too-deep", (b"[" * 40 + b"]" * 40, b'{"a":' * 20_000 + b"1" + b"}" * 20_000)),
    ):  # fmt: skip
        for body in bodies:
            yield Bad.of(f"{what}: {body[:40]!r}", replace(good, content=body).having(*JSON), (400, code))
    large = b'{"a":"' + CANARY.encode() * (MAX_BODY // len(CANARY)) + b'"}'
    for chunked in (False, True):
        request = replace(good, content=large, chunked=chunked).having(*JSON)
        yield Bad.of(f"oversize, {chunked=}", request, (413, "body-too-large"))
    typed = replace(good, content=good.content or said)
    unsupported = (415, "content-type-unsupported")
    yield Bad.of("no type", typed.without("content-type"), unsupported)
    for kind in (
        CANARY, "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/json",
        "application/json; charset=latin-1", "application/problem+json", "application/json, text/plain",
    ):  # fmt: skip
        yield Bad.of(f"type {kind}", typed.having("content-type", kind), unsupported)
    yield Bad.of("two types", typed.having(*JSON).having_too(*JSON), (400, "header-repeated"))
    yield Bad.of("compressed", typed.having(*JSON).having("content-encoding", "gzip"), unsupported)
    for value in ([], None, CANARY, 1, True, [operation.example], {CANARY: CANARY}):
        wrong = replace(good, content=json.dumps(value).encode()).having(*JSON)
        yield Bad.of(f"a body of {value!r}", wrong, (422, "input-invalid"))


def bad_fields(operation: Operation, good: Request) -> Iterator[Bad]:
    """Change one member of the example at a time: gone, of another type, with a companion that the interface does not know."""
    for what, body in mutated(operation.schema or {}, operation.example):
        yield Bad.of(what, replace(good, content=json.dumps(body).encode()), (422, "input-invalid"))


def mutated(schema: Document, whole: Any) -> Iterator[tuple[str, Any]]:
    """Give variants of `whole`, a value that fits `schema`, that do not fit it."""
    for place, part in _parts(schema, whole, ()):
        value = _look_up(whole, place)
        shown = "/".join(map(str, place))
        if isinstance(value, dict):
            yield f"{shown}: unknown field", _with(whole, place, {**value, CANARY: CANARY})
            for name in part.get("required", ()):
                yield f"{shown}: no {name}", _with(whole, place, {key: value[key] for key in value if key != name})
        wrong: list[Any] = [{CANARY: CANARY}, [[CANARY]]]
        wrong += [] if part.get("type") == "number" else [0.5]
        wrong += [CANARY + " <>"] if not _takes_words(part) else [f"{CANARY}" * 1_500]
        for other in wrong:
            if place:
                yield f"{shown}: {str(other)[:40]}", _with(whole, place, other)


def _parts(
    schema: Document, value: Any, place: tuple[str | int, ...]
) -> Iterator[tuple[tuple[str | int, ...], Document]]:
    schema = next((one for one in schema.get("anyOf", ()) if one.get("type") != "null"), schema)
    yield place, schema
    if isinstance(value, dict):
        for name, part in value.items():
            inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties")
            if isinstance(inner, dict):
                yield from _parts(inner, part, (*place, name))
    elif isinstance(value, list):
        for number, part in enumerate(value):
            yield from _parts(schema["items"], part, (*place, number))


def _takes_words(schema: Document) -> bool:
    free = schema.get("pattern", r"\S") == r"\S" and not {"enum", "format", "const"} & schema.keys()
    return schema.get("type") == "string" and free


def _look_up(whole: Any, place: Sequence[str | int]) -> Any:
    for step in place:
        whole = whole[step]
    return whole


def _with(whole: Any, place: Sequence[str | int], value: Any) -> Any:
    if not place:
        return value
    changed = copy.deepcopy(whole)
    _look_up(changed, place[:-1])[place[-1]] = value
    return changed


def _at(operation: Operation, good: Request, name: str, value: str | bytes) -> Request:
    """Return `good` with another value in a part of its path."""
    steps = operation.path.split("/")
    here = next(number for number, step in enumerate(steps) if f"{{{name}}}" in step)
    path, mark, query = good.target.partition("?")
    parts = path.split("/")
    parts[here] = ".." if value == ".." else steps[here].replace(f"{{{name}}}", quote(value, safe=""))
    return replace(good, target="/".join(parts) + mark + query)
