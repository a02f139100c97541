"""The envelope is validated from the parsed document, not from the bytes: both must take, and refuse, the same."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from pydantic_core import from_json, to_json

from shared.contracts.base import EventData
from shared.envelope import Envelope, MalformedEnvelopeError, describe, number, parse, seal
from shared.refs import ActorId, LogScope, RandomIds
from tests.tally import Added

IDS = RandomIds()
NOON = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=40)
    | st.datetimes().map(datetime.isoformat)
    | st.sampled_from(["2026-09-07", "2026-09-07T10:00:00+25:00", "1757239200", "1", "true", "restricted", "4005 "])
    | st.uuids().map(lambda made: made.urn),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def record() -> dict[str, object]:
    """Return an event with every attribute, as a document."""
    data: EventData = Added(tally=IDS.ref("cas"), amount=1)
    envelope = describe(
        data,
        event_id=IDS.event_id(),
        source="/services/cases",
        happened=NOON,
        recorded=NOON,
        scope=LogScope("4005"),
        correlation=IDS.event_id(),
        causation=IDS.event_id(),
        sequence=1,
        authid=ActorId(IDS.ref("act")),
        traceparent=f"00-{'a' * 32}-{'b' * 16}-01",
    )
    document: dict[str, object] = from_json(number(seal(data, envelope), 7))
    return document


DOCUMENT = record()


@given(st.sampled_from(sorted(Envelope.model_fields)), JSON)
def test_a_document_is_taken_as_its_bytes_would_be(attribute: str, value: object) -> None:
    body = to_json(DOCUMENT | {attribute: value})
    try:
        expected = Envelope.model_validate_json(body)
    except ValidationError:
        with pytest.raises(MalformedEnvelopeError, match=attribute):
            parse(body)
    else:
        assert parse(body).envelope == expected


@pytest.mark.parametrize("attribute", sorted(Envelope.model_fields))
def test_an_attribute_that_is_needed_is_missed_by_name(attribute: str) -> None:
    body = to_json({name: value for name, value in DOCUMENT.items() if name != attribute})
    if Envelope.model_fields[attribute].is_required():
        with pytest.raises(MalformedEnvelopeError, match=attribute):
            parse(body)
    else:
        assert parse(body).envelope == Envelope.model_validate_json(body)


def test_what_is_no_json_number_is_no_json() -> None:
    body = to_json(DOCUMENT)
    with pytest.raises(MalformedEnvelopeError, match="not JSON"):
        parse(body[:-1] + b',"other":NaN}')
