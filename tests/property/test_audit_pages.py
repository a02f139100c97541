"""The pictures and the small readers of the auditors' pages, over whatever they may be given."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from services.audit.handlers import LONGEST_PERIOD
from services.audit.pages.drawing import LANES, LEFT, RIGHT, WIDTH, proof_path, timeline
from services.audit.pages.entries import read_search, readable
from services.audit.pages.rendering import oslo, visible
from services.audit.pages.visits import HOME, safe_back
from shared.merkle import inclusion_path, leaf_hash, root_of

NOON = datetime(2026, 9, 7, 10, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(codec=None))


@dataclass(frozen=True)
class Entry:
    position: int
    happened_at: datetime
    kind: str
    permitted: bool | None


entries = st.lists(
    st.builds(
        Entry,
        st.integers(0, 10**9),
        st.timedeltas(timedelta(-700_000), timedelta(2_900_000)).map(NOON.__add__),
        st.sampled_from(["read", "disclose", "deny", "event", "something-new"]),
        st.sampled_from([None, True, False]),
    ),
    max_size=40,
)


@given(st.integers(1, 300), st.data())
def test_the_drawn_path_is_the_proofs(size: int, data: st.DataObject) -> None:
    """It ends in the root that all leaves make, whichever leaf; each step's own hash is what the step before made."""
    hashes = [leaf_hash(str(n).encode()) for n in range(size)]
    index = data.draw(st.integers(0, size - 1))
    proof = [root_of(hashes[span.start : span.end]) for span in inclusion_path(index, size)]
    path = proof_path(hashes[index], index, size, proof)
    assert path.root == root_of(hashes)
    assert [step.neighbour for step in path.steps] == proof
    reached = path.leaf
    for step in path.steps:
        assert step.own == reached
        reached = step.made
    assert reached == path.root
    assert [step.y for step in path.steps] == sorted((step.y for step in path.steps), reverse=True)
    for wrong in ([*proof, b"x" * 32], proof[:-1] if proof else [b"x" * 32]):
        with pytest.raises(ValueError, match="proof"):
            proof_path(hashes[index], index, size, wrong)


@given(entries, st.lists(st.none() | st.sampled_from([f"unit:{n}" for n in range(15)]), min_size=40, max_size=40))
def test_every_entry_has_its_mark_inside_the_picture(given_entries: list[Entry], lanes: list[str | None]) -> None:
    """In its lane, at its time; no more lanes than there is room for; what was refused is a cross, whatever it was."""
    drawn = timeline(given_entries, lambda at: lanes[at])
    if drawn is None:
        assert given_entries == []
        return
    assert len(drawn.lanes) <= LANES
    assert sum(lane.count for lane in drawn.lanes) == len(drawn.marks) == len(given_entries)
    for entry, mark in zip(given_entries, drawn.marks, strict=True):
        assert LEFT <= mark.x <= WIDTH - RIGHT
        assert mark.y in {lane.y for lane in drawn.lanes}
        assert 0 < mark.y < drawn.height
        assert (mark.shape == "cross") == (entry.permitted is False or entry.kind == "deny")
    in_time = sorted(zip(given_entries, drawn.marks, strict=True), key=lambda pair: pair[0].happened_at)
    assert [mark.x for _, mark in in_time] == sorted(mark.x for mark in drawn.marks)
    assert set(drawn.shapes) == {mark.shape for mark in drawn.marks}


@given(ANY_TEXT)
def test_nothing_invisible_is_left(text: str) -> None:
    """No control, no direction mark, no lone surrogate; and the text can be encoded."""
    seen = visible(text)
    seen.encode()
    assert all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs") for letter in seen)
    assert visible("Åse sa «hei» – 日本") == "Åse sa «hei» – 日本"


@given(st.binary(max_size=400))
def test_any_bytes_can_be_looked_at(leaf: bytes) -> None:
    text, _ = readable(leaf)
    visible(text).encode()


def test_what_is_nested_too_deep_is_shown_as_it_is() -> None:
    text, whole = readable(b"[" * 60_000)
    assert text.startswith("[[[")
    assert not whole


@given(st.one_of(ANY_TEXT, st.from_regex(r"\A(/|//|/\\|/pages/|http:|javascript:)[a-z/.:?=&%\\]{0,20}\Z")))
def test_one_comes_back_only_to_a_page_of_ours(address: str) -> None:
    """Never to a host, whatever a browser makes of slashes, back slashes and controls (WHATWG URL)."""
    back = safe_back(address)
    assert back in (HOME, address)
    assert back == "/" or back.startswith(("/pages/", "/?"))
    assert not any(letter in back for letter in "\\\r\n\t ")
    assert "//" not in back


@given(
    st.dictionaries(
        st.sampled_from(["case", "actor", "since", "until", "unit", "kind", "permitted"]),
        ANY_TEXT | st.dates().map(str),
    )
)
@example({"since": "0001-01-01", "until": "0001-01-02"})
@example({"case": "cas_bcdfghjklmnpqrstvwxzbcdfgh", "until": "9999-12-31"})
def test_a_search_that_passes_is_bounded(query: dict[str, str]) -> None:
    """Whatever stands in the form: an error beside a field, or a search that the desk takes."""
    asked = read_search(
        QueryParams({name: text.encode(errors="replace").decode() for name, text in query.items()}), NOON
    )
    if asked.search is None:
        assert asked.errors or not query
        return
    search = asked.search
    if search.case is None and search.actor is None:
        assert search.since is not None
        assert search.until is not None
        assert timedelta() < LONGEST_PERIOD
        assert search.until - search.since <= LONGEST_PERIOD


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_moment_can_be_shown(moment: datetime) -> None:
    """Also where the calendar ends before Norway's time: what anybody put on the bus makes no page fail."""
    assert oslo(moment).removesuffix(" UTC")[-8:].count(":") == 2
    drawn = timeline([Entry(0, moment, "read", permitted=True)], lambda _: "one")
    assert drawn is not None
    assert all(LEFT <= mark.x <= WIDTH - RIGHT for mark in drawn.marks)


def test_the_calendar_s_last_hour_is_told_in_utc() -> None:
    last = datetime.max.replace(tzinfo=UTC)
    assert oslo(last) == "31.12.9999 23:59:59 UTC"
    assert oslo(NOON) == "07.09.2026 12:00:00"
    assert timeline([Entry(0, last, "read", permitted=True)], lambda _: "one") is not None
