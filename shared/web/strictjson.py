"""JSON as RFC 7493 (I-JSON) narrows it, so that every reader of a body reads the same thing."""

from __future__ import annotations

import json
import math
from typing import Final, NoReturn

from pydantic import JsonValue

from shared.errors import MalformedRequestError

MAX_DEPTH: Final = 32
MAX_INTEGER: Final = 2**53 - 1
"""RFC 7493 § 2.2: beyond this, readers disagree on an integer's value."""


class MalformedJsonError(MalformedRequestError):
    """The body is not JSON."""

    code = "json-malformed"


class JsonNotUtf8Error(MalformedRequestError):
    """The body is not UTF-8."""

    code = "json-not-utf-8"


class JsonDuplicateKeyError(MalformedRequestError):
    """An object in the body names the same member twice."""

    code = "json-duplicate-key"


class JsonNumberError(MalformedRequestError):
    """A number in the body is not finite, or too large to be exact."""

    code = "json-number-not-exact"


class JsonTextError(MalformedRequestError):
    """A text in the body holds a NUL or half a surrogate pair."""

    code = "json-text-not-storable"


class JsonTooDeepError(MalformedRequestError):
    """The body is nested too deeply."""

    code = "json-too-deep"


def check(body: bytes) -> None:
    """Refuse `body` unless it is one I-JSON value, nested at most 32 deep, that PostgreSQL can store as it stands.

    Raises:
        MalformedRequestError: one of this module's refusals. None of them tells anything of the content.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError:
        raise JsonNotUtf8Error from None
    try:
        value = _decoder.decode(text)
    except RecursionError:
        raise JsonTooDeepError from None
    except ValueError:
        # Python's own limit on the digits of an integer is a ValueError too; both are refused alike.
        raise MalformedJsonError from None
    _check_depth(value)
    # Only an escape can bring in what UTF-8 and the decoder have not refused already.
    if "\\u" in text:
        _check_texts(value)


def _object(pairs: list[tuple[str, JsonValue]]) -> JsonValue:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise JsonDuplicateKeyError
    return members


def _integer(digits: str) -> int:
    number = int(digits)
    if abs(number) > MAX_INTEGER:
        raise JsonNumberError
    return number


def _float(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise JsonNumberError
    return number


def _constant(name: str) -> NoReturn:
    raise JsonNumberError(f"{name} is no number in JSON.")


_decoder: Final = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_float=_float, parse_constant=_constant
)


def _check_depth(value: JsonValue) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[JsonValue] = []
        for part in level:
            if isinstance(part, dict):
                below.extend(part.values())
            elif isinstance(part, list):
                below.extend(part)
        if not below:
            return
        level = below
    if any(isinstance(part, dict | list) for part in level):
        raise JsonTooDeepError


def _check_texts(value: JsonValue) -> None:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            _check_text(part)
        elif isinstance(part, dict):
            for name in part:
                _check_text(name)
            waiting.extend(part.values())
        elif isinstance(part, list):
            waiting.extend(part)


def _check_text(text: str) -> None:
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise JsonTextError
