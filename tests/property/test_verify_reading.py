"""Ordinary events are read quickly, everything else as any JSON: both must say the same of whatever both can read."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import lagspill_verify
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lagspill_verify import Examiner, Folder, Log, Numbered, Span, read_entry, read_plainly, read_together

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


LANES = st.sampled_from(
    [
        "bcdfghjklmnpqrs",
        "tvwxzbcdfghjklm",
        "bcdfghjklmnpqr",
        "bcdfghjklmn/qrs",
        "bcdfghjklmnpqr5",
        "æcdfghjklmnpqrs",
        "",
    ]
)
COUNTS = st.integers(0, 6).map(str) | st.sampled_from(
    ["", "/1", "1/1", "٣", "01", "9" * 21, "99999999999999999999", "-1", "1_0"]
)


@st.composite
def written(draw: st.DrawFn) -> bytes:
    """An event that a service may have written, or somebody in its name."""
    event = json.loads(draw(st.sampled_from(EVENTS)))
    for name, value in {
        "source": st.sampled_from(["/services/cases", "/services/meetings", "s" * 130]),
        "sourcesequence": st.integers(1, 9).map(lambda nth: f"{nth:020}") | st.sampled_from(["0", "", "x", "9" * 21]),
        "subject": st.sampled_from(["cas_1", "cas_2"]),
        "sequence": COUNTS,
        "lane": st.builds("{}/{}".format, LANES, st.just("1") | COUNTS) | LANES,
        "municipality": st.sampled_from([NOTODDEN, "3403"]),
        "note": st.sampled_from(["æ", "a"]),
    }.items():
        if draw(st.integers(0, 3)) == 0:
            event[name] = draw(value)
    return json.dumps(event, separators=(",", ":"), ensure_ascii=draw(st.booleans())).encode()


def ordinarily(nth: int, source: int, lane: int, count: int, sequence: int) -> bytes:
    """An event as services write them, of one of a few of everything."""
    event = json.loads(EVENTS[0])
    event |= {
        "source": f"/services/{'cm'[source]}x",
        "lane": f"{'bc'[lane] * 15}/{count}",
        "sourcesequence": f"{nth:020}",
    }
    return json.dumps(event | ({"sequence": f"{sequence}"} if sequence else {}), separators=(",", ":")).encode()


ordinary = st.builds(
    ordinarily, st.integers(1, 9), st.integers(0, 1), st.integers(0, 1), st.integers(1, 6), st.integers(0, 4)
)


def heard(bundles: list[list[bytes]], *, each: bool) -> tuple[object, ...]:
    """Return what the bundles come to."""
    examiner = Examiner(Log(Folder(Path()), 512), NOTODDEN, [], hashes_only=False)
    hear = examiner._hear_each if each else examiner._hear
    span, numbered = Span([], None, [], [], {}, {}), dict[str, Numbered]()
    at = 7
    for entries in bundles:
        hear(entries, [f"{at + nth:032}".encode() for nth in range(len(entries))], at, numbered, span)
        at += len(entries)
    lanes = {key: (one.runs, one.highest, one.number, one.at, one.reused, one.since) for key, one in span.lanes.items()}
    return numbered, span.words, span.subjects, lanes, span.strange


@settings(max_examples=400, deadline=None)
@given(st.lists(st.lists(ordinary, max_size=8) | st.lists(ordinary | written(), max_size=4), max_size=3))
def test_a_bundle_says_what_its_entries_say_one_by_one(bundles: list[list[bytes]]) -> None:
    """Whether it is taken in at once, because nothing in it is out of the ordinary, or not."""
    assert heard(bundles, each=False) == heard(bundles, each=True)


@pytest.mark.parametrize(
    "lane", ["bcdfghjklmn/qrs/5", "bcdfghjklmnpqr5/1", "\u00e6cdfghjklmnpqrs/1", "bcdfghjklmnpqrs/0", "b/1", ""]
)
def test_what_is_no_lane_counts_for_nothing(lane: str) -> None:
    """In whatever company."""
    event = json.dumps(json.loads(EVENTS[0]) | {"lane": lane}).encode()
    bundle = [ordinarily(1, 0, 0, 1, 0), event]
    assert heard([bundle], each=False) == heard([bundle], each=True) == heard([[bundle[0], EVENTS[0]]], each=True)


@settings(max_examples=200, deadline=None)
@given(st.lists(ordinary, min_size=1, max_size=8), written())
def test_only_a_bundle_of_ordinary_events_is_taken_in_at_once(entries: list[bytes], other: bytes) -> None:
    """And every such bundle is: else nothing would be gained."""
    assert read_together(entries, NOTODDEN) is not None
    both = read_together([*entries, other], NOTODDEN)
    assert both is None or read_plainly(other, NOTODDEN) is not None


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 30), st.integers(0, 4)), max_size=20))
def test_a_lane_knows_which_counts_it_has_seen(seen: list[tuple[int, int]]) -> None:
    """In whatever order they come, and whether one of them came twice."""
    lane, counts, twice = lagspill_verify.Lane(0), set[int](), False
    for first, more in seen:
        lane.add(first, first + more)
        twice = twice or not counts.isdisjoint(range(first, first + more + 1))
        counts.update(range(first, first + more + 1))
    assert lane.reused == twice
    assert [count for first, last in lane.runs for count in range(first, last + 1)] == sorted(counts)
    assert all(left[1] + 1 < right[0] for left, right in pairwise(lane.runs))
