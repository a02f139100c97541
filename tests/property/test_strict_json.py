"""Strict JSON: what every reader reads alike is taken, all else is refused with a code, and nothing breaks the reader."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from shared.errors import MalformedRequestError
from shared.web import strictjson

texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4), max_leaves=20
)


@given(values, st.booleans())
def test_good_json_is_taken(value: JsonValue, escaped: bool) -> None:
    strictjson.check(json.dumps(value, ensure_ascii=escaped).encode())


@given(st.binary(max_size=200) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_taken_or_refused_with_a_code(body: bytes) -> None:
    code = _refusal(body)
    assert code is None or code.startswith("json-")
    if code is None:
        json.loads(body)


def _refusal(body: bytes) -> str | None:
    try:
        strictjson.check(body)
    except MalformedRequestError as refused:
        return refused.code
    return None


@given(values, texts, values, values)
def test_a_key_that_is_there_twice_is_refused_wherever_it_is(
    outer: JsonValue, key: str, one: JsonValue, two: JsonValue
) -> None:
    name = json.dumps(key)
    inner = f"{{{name}: {json.dumps(one)}, {name}: {json.dumps(two)}}}"
    with pytest.raises(strictjson.JsonDuplicateKeyError):
        strictjson.check(f"[{json.dumps(outer)}, {inner}]".encode())


@given(values, st.sampled_from(["\\u0000", "\\ud800", "\\udc00", "\\uDBFF\\u0041", "\\udfff\\ud800"]), texts)
def test_text_that_cannot_be_stored_is_refused_wherever_it_is(outer: JsonValue, bad: str, text: str) -> None:
    dirty = json.dumps(text)[:-1] + bad + '"'
    for body in (f"[{json.dumps(outer)}, {dirty}]", f'{{"a": [{{{dirty}: 1}}]}}'):
        with pytest.raises(strictjson.JsonTextError):
            strictjson.check(body.encode())


def test_a_surrogate_pair_is_one_good_letter() -> None:
    strictjson.check(b'"\\ud83d\\ude00"')


@given(st.integers(min_value=2**53) | st.integers(max_value=-(2**53)))
def test_integers_that_readers_disagree_on_are_refused(number: int) -> None:
    with pytest.raises(strictjson.JsonNumberError):
        strictjson.check(str(number).encode())


@given(st.integers(1, 200), st.sampled_from(["[{}]", '{{"a": {}}}']))
def test_depth(levels: int, form: str) -> None:
    body = "1"
    for _ in range(levels):
        body = form.format(body)
    if levels <= strictjson.MAX_DEPTH:
        strictjson.check(body.encode())
    else:
        with pytest.raises(strictjson.JsonTooDeepError):
            strictjson.check(body.encode())
