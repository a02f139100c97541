"""The OpenAPI document: what FastAPI makes of the code, with the refusals and headers that every service has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeAlias

from fastapi import FastAPI

from shared.web import problems

Document: TypeAlias = dict[str, Any]
"""OpenAPI is JSON of JSON; FastAPI makes it so, and there is no narrower type for it."""

_PROBLEM: Final = "#/components/schemas/Problem"
_TEXTS: Final[Mapping[int, str]] = {
    400: "The request cannot be read, or lacks a header that it must have.",
    401: "There is no valid access token.",
    403: "The actor may not do this.",
    404: "There is nothing here that the actor may see.",
    409: "The present state does not allow this.",
    412: "There is a newer version than the one in If-Match.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "The input breaks a rule of the interface, or the Idempotency-Key belongs to another request.",
    428: "If-Match is missing.",
    503: "It cannot be decided just now; Retry-After tells when to ask again.",
}
REFUSALS: Final[dict[int | str, Document]] = {
    status: {"description": text, "content": {problems.MEDIA_TYPE: {"schema": {"$ref": _PROBLEM}}}}
    for status, text in _TEXTS.items()
}
"""The responses of a router of ours; `describe_app` takes away those that an operation cannot give."""
_HEADERS: Final[Mapping[str, Document]] = {
    "ETag": {"description": "The version after the command, for If-Match.", "schema": {"type": "string"}},
    "Location": {"description": "Where what was made is.", "schema": {"type": "string"}},
    "Idempotency-Replayed": {
        "description": "`true` when this answer was given before and nothing has happened now.",
        "schema": {"type": "string", "enum": ["true"]},
    },
}
_KEY: Final[Document] = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A new one for each command, the same one to repeat it: the answer is then the first one's.",
    "schema": {
        "type": "string",
        "pattern": "^[A-Za-z0-9._:~+/=-]{1,255}$",
        "examples": ["5f0c3c1e-8d4b-4b52-9a36-9c3f6f1f9b1d"],
    },
}
_MATCH: Final[Document] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that this changes; refused with 412 when there is a newer one.",
    "schema": {"type": "string", "pattern": '^"v[1-9][0-9]{0,17}"$', "examples": ['"v3"']},
}
_WRITES: Final = frozenset({"post", "put", "patch", "delete"})


def describe_app(app: FastAPI, commands: Mapping[tuple[str, str], bool]) -> None:
    """Make the application's OpenAPI document say what the edge and the dependencies do.

    `commands` are the operations that are commands, by path and method, and whether each must name the version it changes.
    """
    make = app.openapi
    made: list[Document] = []

    def openapi() -> Document:
        if not made:
            document = make()
            schemas = document.setdefault("components", {}).setdefault("schemas", {})
            problem = problems.Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(problem.pop("$defs", {}))
            schemas["Problem"] = problem
            for replaced in ("HTTPValidationError", "ValidationError"):
                schemas.pop(replaced, None)
            for path, operations in document.get("paths", {}).items():
                for method, operation in operations.items():
                    guarded = commands.get((path, method.upper()))
                    if guarded is not None:
                        operation.setdefault("parameters", []).extend((_KEY, {**_MATCH, "required": guarded}))
                    _describe(method, operation)
            made.append(document)
        return made[0]

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI's documentation has it


def _describe(method: str, operation: Document) -> None:
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    responses: Document = operation["responses"]
    required = {parameter["name"]: bool(parameter.get("required")) for parameter in operation.get("parameters", ())}
    impossible = set()
    if method not in _WRITES:
        impossible |= {409, 413, 415} if required else {409, 413, 415, 422}
    if "If-Match" not in required:
        impossible |= {412}
    if not required.get("If-Match"):
        impossible |= {428}
    if "security" not in operation:
        impossible |= {401, 403, 503}
        if not any(parameter["in"] == "path" for parameter in operation.get("parameters", ())):
            impossible |= {404}
    for status in impossible:
        if responses.get(str(status), {}).get("content") == REFUSALS[status]["content"]:
            del responses[str(status)]
    if "Idempotency-Key" in required:
        for code, answer in responses.items():
            if code.startswith("2"):
                answer["headers"] = {
                    name: header for name, header in _HEADERS.items() if name != "Location" or code == "201"
                }


def _without_null(schema: Document) -> Document:
    """Return the schema of an optional parameter: it may be left out, but there is no null in a header or an address."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {**choices[0], **{name: value for name, value in schema.items() if name != "anyOf"}}


def names_in(document: object) -> Iterator[str]:
    """Return every name of a field or parameter in an OpenAPI document."""
    if isinstance(document, Mapping):
        properties = document.get("properties")
        if isinstance(properties, Mapping):
            yield from properties
        if "in" in document and isinstance(document.get("name"), str):
            yield document["name"]
        for part in document.values():
            yield from names_in(part)
    elif isinstance(document, list):
        for part in document:
            yield from names_in(part)
