"""Refusals as RFC 9457 problem details. They name the rule, the place and the code; they never repeat what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final, get_args
from uuid import UUID

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from pydantic_core import core_schema, to_json

from shared.errors import (
    FieldProblem,
    InvalidInputError,
    LagspillError,
    MalformedRequestError,
    NotFoundError,
)

MEDIA_TYPE: Final = "application/problem+json"
MAX_ERRORS: Final = 20


class Problem(BaseModel):
    """A refusal (RFC 9457). Decide on `code`; `detail` is for people and may be reworded."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "examples": [
                {
                    "type": "https://lagspill.no/problems/version-stale",
                    "title": "It has been changed since the version that the request names.",
                    "status": 412,
                    "code": "version-stale",
                    "detail": "It has been changed since the version that the request names.",
                    "instance": "urn:uuid:019a9c3e-5d2e-7c40-9c55-0a1b2c3d4e5f",
                }
            ]
        },
    )

    type: str = Field(description="A URL that names the kind of problem; stable.")
    title: str = Field(description="The kind of problem in one sentence; the same for every occurrence.")
    status: int = Field(description="The HTTP status.", ge=400, le=599)
    code: str = Field(description="The last part of `type`: what programs decide on.", pattern=r"^[a-z0-9-]{2,60}$")
    detail: str = Field(description="This occurrence, in words.")
    instance: str = Field(description="The request's correlation id as a URN: quote it when asking for help.")
    errors: list[FieldProblem] | None = Field(default=None, description="Each part of the input that is wrong.")


class MethodNotAllowedError(LagspillError):
    """The method is not one of those that the resource has."""

    code = "method-not-allowed"
    status = 405

    def __init__(self, allowed: Sequence[str]) -> None:
        """Name the methods that the resource has (RFC 9110 § 15.5.6)."""
        self._allowed = tuple(allowed)
        super().__init__()

    def headers(self) -> dict[str, str]:
        """Return `Allow`."""
        return {"Allow": ", ".join(self._allowed)}


class IdempotencyKeyMissingError(MalformedRequestError):
    """A request that changes something must carry an Idempotency-Key."""

    code = "idempotency-key-missing"


class UnknownPathError(NotFoundError):
    """There is no such resource."""


class HttpError(LagspillError):
    """The request was refused."""

    code = "request-refused"
    status: ClassVar[int] = 400


def render(error: LagspillError, correlation: UUID) -> bytes:
    """Return the problem document of `error`."""
    document: dict[str, JsonValue] = {
        **error.extensions,
        "type": error.problem_type(),
        "title": error.title(),
        "status": error.status,
        "code": error.code,
        "detail": error.message,
        "instance": f"urn:uuid:{correlation}",
    }
    return to_json(document)


_BUILT_IN: Final = frozenset(get_args(core_schema.ErrorType))
_TELLING: Final = frozenset(
    {
        *(
            "missing",
            "literal_error",
            "enum",
            "timezone_aware",
            "frozen_set_type",
            "set_type",
            "list_type",
            "tuple_type",
        ),
        *("string_type", "string_too_short", "string_too_long", "string_pattern_mismatch", "bool_type", "bool_parsing"),
        *("int_type", "int_parsing", "int_from_float", "float_type", "float_parsing", "finite_number", "dict_type"),
        *("greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_short", "too_long", "model_type"),
        *("date_type", "datetime_type", "time_type", "uuid_type", "date_future", "date_past", "model_attributes_type"),
    }
)
"""Pydantic's messages that speak of the rule only. Others may repeat a part of the input (`union_tag_invalid`, `uuid_parsing`,
`value_error`), so their words are replaced. A `PydanticCustomError` of our own speaks for itself."""


def from_validation(error: RequestValidationError, names: frozenset[str]) -> LagspillError:
    """Return the refusal for input that does not fit; `names` are all field and parameter names of the interface.

    A path that does not fit is a resource that does not exist: 404, so that nobody can probe the form of references.
    """
    problems = []
    for part in error.errors():
        location: Sequence[str | int] = part["loc"]
        place, inner = str(location[0]), location[1:]
        kind = str(part["type"])
        if place == "path":
            return UnknownPathError()
        problems.append(_field_problem(place, inner, kind, str(part["msg"]), names))
    return InvalidInputError(errors=problems[:MAX_ERRORS])


def _field_problem(
    place: str, inner: Sequence[str | int], kind: str, message: str, names: frozenset[str]
) -> FieldProblem:
    if kind == "extra_forbidden":
        # The name of an unknown field is content: somebody may have sent a person's name as a key.
        inner = inner[:-1]
        message = "Holds a field that is not part of the interface"
    elif kind in _BUILT_IN and kind not in _TELLING:
        message = "Is not in the right form"
    # A location may hold what was sent as a key, so a name that is not the interface's own is left out.
    shown = [str(part) if isinstance(part, int) or part in names else "*" for part in inner]
    return FieldProblem(
        pointer="#" + "".join(f"/{part}" for part in shown) if place == "body" else f"{place}:{'.'.join(shown)}",
        code=kind.replace("_", "-"),
        detail=message,
    )
