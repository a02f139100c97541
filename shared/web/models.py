"""The bodies of requests: what is not in the model is refused, and nothing is bent into shape."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Final

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, GetCoreSchemaHandler, JsonValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema, to_json

YEARS: Final = range(1900, 2200)
"""What is asked for lies in these years: whatever is counted from a day inside them, the calendar has it."""


def _near(day: date) -> None:
    if day.year not in YEARS:
        raise PydanticCustomError(
            "out_of_range", "Lies outside the years {first} to {last}", {"first": YEARS[0], "last": YEARS[-1]}
        )


def _near_moment(moment: datetime) -> datetime:
    _near(moment)
    return moment.astimezone(UTC)


def _near_day(day: date) -> date:
    _near(day)
    return day


_DOCUMENTED: Final = Field(json_schema_extra={"pattern": "^(19|20|21)[0-9]{2}-"})
GivenMoment = Annotated[AwareDatetime, AfterValidator(_near_moment), _DOCUMENTED]
"""A moment with a zone, as a client gives it; in UTC from here on, for PostgreSQL does not take every offset that Python takes."""
GivenDay = Annotated[date, AfterValidator(_near_day), _DOCUMENTED]
"""A calendar day, as a client gives it."""


def _whole(value: Any) -> Any:
    """Return `value` with 3.0 as 3: one number in JSON, and an integer by JSON Schema, but not the same thing in Python."""
    if isinstance(value, dict):
        return {name: _whole(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_whole(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _as_json(model: type[RequestModel]) -> core_schema.NoInfoWrapValidatorFunction:
    def read(value: Any, read_python: core_schema.ValidatorFunctionWrapHandler) -> RequestModel:
        if isinstance(value, dict):
            parsed = model.model_validate_json(to_json(_whole(value)))
            # Through the model's own validator again, which fills the instance that is being made when it is made in code.
            value = {name: getattr(parsed, name) for name in parsed.model_fields_set}
        made: RequestModel = read_python(value)
        return made

    return read


class RequestPart(BaseModel):
    """The base of what stands inside a request body, where it must be a variant of a discriminated union; else `RequestModel`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        hide_input_in_errors=True,
        use_attribute_docstrings=True,
        validate_by_name=True,
    )


class RequestModel(RequestPart):
    """The base of every request body: unknown fields are refused, and each value must have the JSON type it is declared with.

    Raise `PydanticCustomError` from a validator to say what is wrong in your own words; the text of a `ValueError` is not shown.
    """

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the model's schema, by JSON's rules for what FastAPI has parsed.

        FastAPI validates Python objects, where strict means that a date must be a `date`. What came is JSON, so JSON's rules hold:
        a date is a text, a set is an array, and "7" is no number.
        """
        model = handler(source)
        return core_schema.json_or_python_schema(
            json_schema=model, python_schema=core_schema.no_info_wrap_validator_function(_as_json(cls), model)
        )


def example(**fields: JsonValue) -> ConfigDict:
    """Return the configuration of a body that looks like this: the example is in the OpenAPI document, and tests play it."""
    return ConfigDict(json_schema_extra={"examples": [fields]})
