"""Ordinary events are read quickly, everything else as any JSON: both must say the same of whatever both can read."""

from __future__ import annotations

import json

import lagspill_verify
from hypothesis import given, settings
from hypothesis import strategies as st
from lagspill_verify import read_entry, read_plainly

from tests.integration.audit_world import NOTODDEN, Publisher

PUBLISHER = Publisher()
EVENTS = [*PUBLISHER.reads(3), PUBLISHER.seal()]
EVENTS[1] = EVENTS[1].replace(b',"sourcesequence"', b',"lane":"bcdfghjklmnpqrs/17","sourcesequence"')
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def agree(entry: bytes) -> None:
    """What is read quickly is read the same as any JSON."""
    plain = read_plainly(entry, NOTODDEN)
    slow = lagspill_verify._read_slowly(entry, NOTODDEN)
    if plain is None:
        return
    assert slow is not None
    source, number, nth, subject, lane = plain
    assert (slow.source, slow.number) == (source, number)
    assert slow.nth == ((subject, nth) if nth is not None else None)
    assert slow.lane == (None if lane is None else lagspill_verify._read_lane(lane))
    assert (slow.seal, slow.note, slow.pruned) == (None, None, None)
    assert read_entry(entry, NOTODDEN) == slow


def test_real_events_are_ordinary() -> None:
    """Else nothing would be gained. A seal is not: what it says matters."""
    plain = [read_plainly(entry, NOTODDEN) is not None for entry in EVENTS]
    assert plain == [True, True, True, False]
    assert read_plainly(EVENTS[0], "4003") is None
    for entry in EVENTS:
        agree(entry)


@settings(max_examples=1500, deadline=None)
@given(st.sampled_from(EVENTS), st.data())
def test_changed_bytes(entry: bytes, draw: st.DataObject) -> None:
    """A byte changed, put in, taken out, a part doubled: it is no ordinary event, or it is the one that JSON reads."""
    at = draw.draw(st.integers(0, len(entry) - 1))
    until = draw.draw(st.integers(at, min(len(entry), at + 60)))
    agree(
        entry[:at]
        + draw.draw(st.sampled_from([b"\\", b'"', b"{", b"}", b",", b"\0", b"\xc3", b"0", b"", b" "]))
        + entry[at + 1 :]
    )
    agree(entry[:until] + entry[at:])
    agree(entry[:at] + entry[until:])
    agree(entry[:at] + draw.draw(st.binary(max_size=3)) + entry[at:])


@settings(max_examples=600, deadline=None)
@given(values, st.booleans())
def test_any_data(data: object, ascii_only: bool) -> None:
    """Whatever stands in the data, as deep as it likes."""
    said = json.loads(EVENTS[0])
    number = said.pop("sourcesequence")
    said.pop("data")
    whole = {**said, "data": {"a": data}, "sourcesequence": number}
    agree(json.dumps(whole, separators=(",", ":"), ensure_ascii=ascii_only).encode(errors="surrogatepass"))
    agree(json.dumps({**whole, "data": data}, separators=(",", ":")).encode())


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='0123456789.eE+-truefalsnN"\\[]{}, ', max_size=12))
def test_what_is_almost_json(data: str) -> None:
    """Numbers and words that are none."""
    head, _, tail = EVENTS[0].partition(b'"kind":"read"')
    agree(head + b'"kind":' + data.encode() + tail)
    agree(head + b'"kind":"' + data.encode() + b'"' + tail)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(["source", "type", "subject", "municipality", "sequence", "sourcesequence", "data", "x"]),
    st.one_of(
        values, st.sampled_from(["4005", "/services/cases", "٣", "00000000000000000007", "\ud800", "\x01", "a\u0000"])
    ),
    st.booleans(),
)
def test_a_member_of_another_kind_or_twice(name: str, value: object, first: bool) -> None:
    """The same member twice, or one that is no text."""
    member = json.dumps(name).encode() + b":" + json.dumps(value).encode()
    entry = EVENTS[0]
    agree(b"{" + member + b"," + entry[1:] if first else entry[:-1] + b"," + member + b"}")
    changed = json.loads(entry)
    changed[name] = value
    agree(json.dumps(changed).encode())
    changed.pop(name)
    agree(json.dumps(changed).encode())
