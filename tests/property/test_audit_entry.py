"""Whatever bytes arrive, there is an entry for them, and its leaf is those bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.audit.domain import entry as entry_module
from services.audit.domain.entry import MAX_NUMBER, UNPARSABLE, Received, index_record, oversize_leaf
from services.audit.domain.tiles import MAX_ENTRY
from shared.envelope import MAX_BYTES, MalformedEnvelopeError, number, parse
from shared.merkle import leaf_hash
from tests.integration.audit_world import NOTODDEN, Publisher

RECORD = Publisher().read()


def check(value: bytes) -> None:
    """The leaf is the bytes; the log is the event's, or the one of what is no event."""
    entry = index_record(Received("t", 0, 0, value))
    assert entry.leaf == value
    assert entry.hash == leaf_hash(value)
    try:
        envelope = parse(value).envelope
    except MalformedEnvelopeError:
        assert (entry.log, entry.kind, entry.event_id, entry.number) == (UNPARSABLE, "unparsable", None, None)
        return
    assert (str(entry.log), entry.event_id) == (str(envelope.municipality), str(envelope.id))
    assert entry.number is None or 0 < entry.number <= MAX_NUMBER
    for text in (entry.kind, entry.type, entry.source, entry.case, entry.actor, entry.unit, entry.basis, entry.consent):
        assert text is None or (text.isascii() and text.isprintable())


@given(st.binary(max_size=400))
def test_any_bytes(value: bytes) -> None:
    """Noise."""
    check(value)


@given(st.lists(st.tuples(st.integers(0, len(RECORD) - 1), st.binary(max_size=3)), min_size=1, max_size=4))
def test_a_record_with_anything_done_to_it(cuts: list[tuple[int, bytes]]) -> None:
    """A true record with other bytes put in its place here and there."""
    value = RECORD
    for at, other in cuts:
        value = value[:at] + other + value[at + len(other) :]
    check(value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
fields = st.sampled_from(["case", "actor", "basis", "consent", "meeting", "permitted", "kind", "unit"])


@given(st.dictionaries(fields, json_values, max_size=8))
def test_data_of_any_shape(data: dict[str, object]) -> None:
    """Fields that are not what they should be are not indexed."""
    document = json.loads(RECORD)
    document["data"] = data
    check(json.dumps(document).encode())


def test_a_true_record() -> None:
    """It is indexed."""
    entry = index_record(Received("t", 0, 0, RECORD))
    assert (entry.log, entry.kind, entry.actor, entry.number) == (NOTODDEN, "read", "act_nurse-in-tinnes", 1)


def test_a_record_without_a_value_and_one_too_long() -> None:
    """Nothing is nothing; what is too long is stated."""
    assert index_record(Received("t", 0, 0, None)).leaf == b""
    fits = index_record(Received("t", 0, 0, b"a" * MAX_ENTRY))
    assert (fits.oversize, len(fits.leaf)) == (None, MAX_ENTRY)
    long = b"a" * (MAX_ENTRY + 1)
    entry = index_record(Received("t", 0, 0, long))
    assert (entry.oversize, entry.leaf, entry.log) == (long, oversize_leaf(long), UNPARSABLE)
    assert entry.leaf.startswith(b"lagspill.no/oversize@v1\nsize 65536\nsha256 ")


def test_the_longest_event_fits_an_entry() -> None:
    """With its number written in; or a service could publish what its own log cannot hold."""
    assert len(number(b"a" * (MAX_BYTES - 1) + b"}", 10**19)) <= MAX_ENTRY


@given(
    st.dictionaries(fields, json_values, max_size=8),
    st.dictionaries(
        st.sampled_from(
            ["id", "time", "sequence", "sourcesequence", "subject", "correlationid", "authid", "municipality"]
        ),
        json_values | st.sampled_from(["01A0792A24017149947BC648FE43C49E", "2026-02-30T00:00:00Z", "0" * 20, 1.5]),
        max_size=2,
    ),
    st.booleans(),
)
def test_the_fast_reader_finds_what_the_general_one_finds(
    data: dict[str, object], attributes: dict[str, object], infinite: bool
) -> None:
    """What it accepts, that accepts too, and both make the same entry of it."""
    document = json.loads(RECORD) | attributes
    document["data"] |= data
    if infinite:
        document["extra"] = float("inf")
    value = json.dumps(document).encode()
    received = Received("t", 0, 0, value)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entry_module, "read_written", lambda _: None)
        general = index_record(received)
    assert index_record(received) == general
