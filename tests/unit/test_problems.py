"""Validation errors become problems that repeat nothing of the input, whatever pydantic puts into them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

import pytest
from fastapi.exceptions import RequestValidationError
from pydantic import Discriminator, Field, TypeAdapter, ValidationError, field_validator
from pydantic_core import PydanticCustomError

from shared.errors import InvalidInputError
from shared.testing.people import People
from shared.web import RequestModel, RequestPart
from shared.web.problems import from_validation

CHILD = People(2).child()
NAMES = frozenset({"by_name", "part", "kind", "day", "ref", "goal", "period"})


class One(RequestPart):
    """A variant."""

    kind: Literal["one"]


class Two(RequestPart):
    """Another."""

    kind: Literal["two"]


class Body(RequestModel):
    """Everything whose errors might tell of the input."""

    by_name: dict[str, int] = Field(default_factory=dict)
    part: Annotated[One | Two, Discriminator("kind")] | None = None
    day: date | None = None
    ref: UUID | None = None
    goal: str = ""
    period: int = 0

    @field_validator("goal")
    @classmethod
    def _no_names(cls, goal: str) -> str:
        if goal:
            raise ValueError(f"{goal} is not allowed")
        return goal

    @field_validator("period")
    @classmethod
    def _forward(cls, period: int) -> int:
        if period < 0:
            raise PydanticCustomError("period-backwards", "The period must not end before it begins")
        return period


def refusal(body: object) -> InvalidInputError:
    with pytest.raises(ValidationError) as refused:
        TypeAdapter(Body).validate_python(body)
    errors = [{**part, "loc": ("body", *part["loc"])} for part in refused.value.errors()]
    error = from_validation(RequestValidationError(errors), NAMES)
    assert isinstance(error, InvalidInputError)
    return error


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"by_name": {CHILD.name: "x"}}, "#/by_name/*"),
        ({"part": {"kind": CHILD.name}}, "#/part"),
        ({"day": CHILD.name}, "#/day"),
        ({"ref": CHILD.name}, "#/ref"),
        ({"goal": CHILD.name}, "#/goal"),
        ({CHILD.name: 1}, "#"),
        (CHILD.name, "#"),
    ],
)
def test_nothing_of_the_input_is_repeated(body: object, pointer: str) -> None:
    error = refusal(body)
    assert error.errors[0].pointer == pointer
    told = repr(error.errors) + repr(dict(error.extensions)) + error.message
    assert CHILD.given_name not in told
    assert CHILD.family_name not in told


def test_our_own_sentences_are_told() -> None:
    (problem,) = refusal({"period": -1}).errors
    assert (problem.code, problem.detail) == ("period-backwards", "The period must not end before it begins")


def test_a_flood_of_mistakes_is_cut_short() -> None:
    assert len(refusal({"by_name": {str(number): "x" for number in range(500)}}).errors) == 20


def test_a_good_body_is_read_by_jsons_rules() -> None:
    body = TypeAdapter(Body).validate_python({"part": {"kind": "two"}, "day": "2026-09-07", "by_name": {"a": 1.0}})
    assert (body.part, body.day, body.by_name) == (Two(kind="two"), date(2026, 9, 7), {"a": 1})
    assert body == Body(part=Two(kind="two"), day=date(2026, 9, 7), by_name={"a": 1}), "and made in code it is the same"
