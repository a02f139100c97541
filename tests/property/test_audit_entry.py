"""Whatever bytes arrive, there is an entry for them, and its leaf is those bytes."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Iterator, Sequence
from datetime import datetime
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import to_json

from services.audit.batch import Batch, Reading
from services.audit.domain import entry as entry_module
from services.audit.domain.entry import (
    MAX_NUMBER,
    UNPARSABLE,
    Entry,
    Received,
    index_record,
    oversize_leaf,
    read_written,
)
from services.audit.domain.intake import Noted, Placeable, sort_out
from services.audit.domain.tiles import MAX_ENTRY
from services.audit.domain.written import ACCESS
from services.audit.reading import COMPILED, Gathering, gathering
from shared.contracts import EVENTS
from shared.contracts.access import AccessRecorded
from shared.contracts.examples import example
from shared.contracts.journal import LANE_LENGTH
from shared.contracts.journal import CasesJournalSealed as Sealed
from shared.contracts.schemas import event_schema
from shared.envelope import MAX_BYTES, MalformedEnvelopeError, number, parse, read, seal
from shared.merkle import leaf_hash
from tests.integration.audit_world import NOTODDEN, Publisher

RECORD = Publisher().read()
Result = TypeVar("Result")


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


# --- the fast way -----------------------------------------------------------------------------------------------------


def read_both_ways(value: bytes) -> Entry | None:
    """The entry that the fast way makes, which the general one makes too; None where the fast one leaves it to that.

    So does the compiled reader, where it is installed, and the row with it.
    """
    received = Received("t", 0, 0, value)
    fast = read_written(value, received)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(entry_module, "read_written", lambda *_: None)
        general = index_record(received)
    assert fast in (None, general)
    assert index_record(received) == general
    assert told([received], gathering()) == told([received], None)
    return fast


def told(received: list[Received], reader: Gathering | None) -> list[tuple[object, ...]]:
    """All that a batch of these records says, log by log, as `reader` and Python read it, or Python alone."""
    reading = Reading(reader)
    places = sorted({each[:2] for each in received})
    batches = {place: [each for each in received if each[:2] == place] for place in places}
    at_once(reading.read({place: Batch(0, len(each), each) for place, each in batches.items()}))
    indexed = at_once(reading.finish())
    return [(indexed.steps, indexed.asked)] + [
        (
            name, group.received, list(map(index_record, group.received)) == group.entries(), group.agree,
            b"".join(piece for at, rows in positioned(group.rows) for piece in rows.placed(at, 2**50)),
            *(getattr(group.noted, said) for said in ("hashes", "others", "oversize", "seals", "sequences", "lanes")),
            group.noted.numbers(),
        )
        for name, group in indexed.groups.items()
    ]  # fmt: skip


def positioned(rows: Sequence[Placeable]) -> Iterator[tuple[int, Placeable]]:
    """Rows with the position of their first, from an odd one on."""
    at = 2**40 + 1
    for each in rows:
        yield at, each
        at += len(each)


def at_once(work: Coroutine[object, object, Result]) -> Result:
    """What it returns; it waits for nothing, it only gives way."""
    while True:
        try:
            work.send(None)
        except StopIteration as done:
            result: Result = done.value
            return result


def written(attributes: dict[str, object], data: object, lane: object = None) -> bytes:
    """The record as a service would write it, with these attributes and this data in it."""
    document = json.loads(RECORD)
    number_of = document.pop("sourcesequence")
    document |= attributes
    document["data"] = data
    if lane is not None:
        document["lane"] = lane
    document["sourcesequence"] = attributes.get("sourcesequence", number_of)
    return json.dumps(document, separators=(",", ":")).encode()


odd_attributes = st.dictionaries(
    st.sampled_from(
        ["id", "time", "recordedtime", "sourcesequence", "subject", "partitionkey", "correlationid", "municipality", "type"]
    ),
    json_values
    | st.sampled_from(
        [
            "01A0792A24017149947BC648FE43C49E", "2026-02-30T00:00:00Z", "2026-02-28T24:00:00Z", "2026-02-28T23:59:60Z", "0" * 20,
            "9" * 20, "\u0661" * 20, 1.5, "mtg_" + "b" * 26, "cas_" + "b" * 26, "cas_" + "b" * 25, "4003", "2026-02-28T23:59:59.5Z",
            "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "no.lagspill.cases.case.opened.v1", Sealed.TYPE,
        ]
    ),
    max_size=2,
)  # fmt: skip


LANE = "b" * LANE_LENGTH
lanes = st.sampled_from(
    [None, f"{LANE}/1", f"{LANE}/9223372036854775807", f"{LANE}/0", f"{LANE}/{'9' * 19}", LANE, 1, f'{LANE}/1"']
)


@given(st.dictionaries(fields, json_values, max_size=8), odd_attributes, lanes, st.booleans())
def test_the_fast_way_finds_what_the_general_one_finds(
    data: dict[str, object], attributes: dict[str, object], lane: object, infinite: bool
) -> None:
    """What it accepts, that accepts too, and both make the same entry of it."""
    said = json.loads(RECORD)["data"] | data | ({"extra": float("inf")} if infinite else {})
    read_both_ways(written(attributes, said, lane))


pieces = st.binary(max_size=3) | st.sampled_from(
    [
        b'"', b"\\", b'","id":"', b"}", b"{", b"]", b"],[", b",", b"null", b"1", b'{"a":1}', b'"case":1,', b',"case":true', b',"kind":"list"', b',"new":"x"', b"\n", b" ", b"NaN", b"Infinity",
        b"\xc3\xa5", b"\xff", b"\\ud800", b"\\u0041", b'"data":{},', f',"lane":"{LANE}/2"'.encode(), b',"sourcesequence":"00000000000000000009"', b'"type":"',
    ]
)  # fmt: skip


LANED = written({}, json.loads(RECORD)["data"], f"{LANE}/17")


@given(st.booleans(), st.lists(st.tuples(st.integers(0, len(LANED)), st.integers(0, 40), pieces), max_size=3))
def test_the_fast_way_reads_nothing_else_in_a_record_that_was_changed(
    laned: bool, cuts: list[tuple[int, int, bytes]]
) -> None:
    """Members twice, values in place of others, bytes that are no text: whatever stands there in place of what stood there."""
    value = LANED if laned else RECORD
    for at, length, other in cuts:
        value = value[:at] + other + value[at + length :]
    read_both_ways(value)


@pytest.mark.parametrize("depth", range(190, 205))
def test_the_fast_way_reads_as_deep(depth: int) -> None:
    """Nested as deep as the general way reads, and no deeper."""
    value = written({"type": "no.lagspill.cases.case.opened.v1"}, {"a": None})
    read_both_ways(value.replace(b'"a":null', b'"a":' + b"[" * depth + b"]" * depth))


def test_what_the_services_write_is_read_the_fast_way() -> None:
    """Events of every type with their examples' data, access records in full: else nobody would notice how slow it has become."""
    for name, model in EVENTS.items():
        document = example(event_schema(model))
        assert isinstance(document, dict)
        envelope, data = read(to_json(document))
        sealed = seal(model.model_validate(data), envelope.model_copy(update={"sourcesequence": None, "lane": None}))
        laned = sealed[:-1] + f',"lane":"{LANE}/{2**40}"}}'.encode()
        assert (read_both_ways(number(laned, 7)) is None) == name.endswith(".journal.sealed.v1"), name
        assert (read_both_ways(number(sealed, 7)) is None) == name.endswith(".journal.sealed.v1"), name
        if model is AccessRecorded:
            assert ACCESS.fullmatch(to_json(model.model_validate(data), exclude_none=True).decode())
    assert ACCESS.fullmatch(to_json(Publisher().access(), exclude_none=True).decode())


# --- the compiled reader ----------------------------------------------------------------------------------------------


needs_compiled = pytest.mark.skipif(COMPILED is None, reason="the compiled reader is not installed (`make fast`)")


@needs_compiled
def test_what_the_services_write_is_read_by_the_compiled_reader() -> None:
    """Access records, and the events that say nothing more that an entry is found by than their case, consent or meeting."""
    left = set()
    for name, model in EVENTS.items():
        document = example(event_schema(model))
        assert isinstance(document, dict)
        envelope, data = read(to_json(document))
        sealed = seal(model.model_validate(data), envelope.model_copy(update={"sourcesequence": None, "lane": None}))
        for value in (number(sealed, 7), number(sealed[:-1] + f',"lane":"{LANE}/{2**40}"}}'.encode(), 7)):
            received = Received("t", 3, 2**40, value)
            assert told([received], gathering()) == told([received], None), name
            reader = gathering()
            assert reader is not None
            if not reader.take("t", 3, [received], 0):
                left.add(name)
    assert AccessRecorded.TYPE not in left
    assert len(left) < len(EVENTS) / 4, left


@needs_compiled
@given(moments=st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)))  # noqa: DTZ001 - said to be UTC below
def test_every_moment_is_the_same_moment_in_a_row(moments: datetime) -> None:
    """From the calendar's first day to its last one."""
    said = f"{moments.isoformat()}Z"
    received = Received("t", 0, 0, written({"time": said, "recordedtime": said}, json.loads(RECORD)["data"]))
    assert told([received], gathering()) == told([received], None)


@pytest.mark.parametrize("code", ["x", "xy", "x" * 60, "x" * 61, ""])
def test_a_code_has_its_length(code: str) -> None:
    """What a look is called, and its basis: what does not have a code's form is not indexed, whoever reads it."""
    data = json.loads(RECORD)["data"]
    for said in (
        {"kind": code},
        {"basis": {"code": code, "version": "1"}},
        {"actor": data["actor"] | {"unit": f"unit:{code}"}},
    ):
        read_both_ways(written({}, data | said))


@pytest.mark.parametrize("value", [None, b"", b"{}", b"a" * (MAX_ENTRY + 1), RECORD[:-1]])
def test_whatever_the_compiled_reader_leaves_is_read(value: bytes | None) -> None:
    """An entry in any case, in its place among the others."""
    received = [Received("t", 0, at, each) for at, each in enumerate([RECORD, value, RECORD, value, value, RECORD])]
    assert told(received, gathering()) == told(received, None)


@needs_compiled
def test_more_kinds_than_any_batch_has_are_noted_the_general_way() -> None:
    """Somebody invents them; looking for one among thousands would take its time."""
    values = [
        written({"type": f"no.lagspill.cases.k{nth}.v1", "sourcesequence": f"{nth + 1:020}"}, {}) for nth in range(400)
    ]
    received = [Received("t", 0, at, value) for at, value in enumerate([*values, *values])]
    assert told(received, gathering()) == told(received, None)
    reader = gathering()
    assert reader is not None
    assert reader.take("t", 0, received, 0) == 256


somebody = st.builds(
    lambda scope, source, nth, subject, sequence, lane, event: written(
        {
            "id": f"01a0792a-2401-7149-947b-c648fe43c49{event}", "municipality": scope, "source": f"/services/{source}",
            "sourcesequence": f"{nth:020d}", "subject": subject, **({"sequence": f"{sequence:020d}"} if sequence else {}),
        },
        {},
        lane,
    ),
    st.sampled_from(["4005", "3403", "prt_" + "b" * 26]), st.sampled_from(["cases", "audit", "meetings"]), st.integers(0, 5),
    st.sampled_from(["cas_" + "b" * 26, "mtg_" + "c" * 26, "x"]), st.integers(0, 3), lanes, st.integers(0, 9),
)  # fmt: skip


@given(
    st.lists(st.tuples(somebody | st.sampled_from([b"", b"no event", RECORD]), st.integers(0, 1)), max_size=12),
)
def test_a_batch_says_the_same_however_it_is_read(drawn: list[tuple[bytes, int]]) -> None:
    """Of one log and of several, by one service and by several, ids and numbers once and again, in every order."""
    received = [Received("t", partition, at, value) for at, (value, partition) in enumerate(drawn)]
    assert told(received, gathering()) == told(received, None)


# --- a batch that contradicts nothing ---------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 8), st.booleans()), max_size=6))
def test_what_agrees_is_taken_as_it_is(drawn: list[tuple[int, int, int, bool]]) -> None:
    """Ids, numbers and subjects' numbers used again, no number, another's topic, no event: then it is looked at one by one."""
    values = []
    for event, sourcesequence, sequence, foreign in drawn:
        attributes: dict[str, object] = {
            "id": f"01a0792a-2401-7149-947b-c648fe43c49{event}",
            "sourcesequence": f"{sourcesequence:020d}",
            "sequence": f"{sequence:020d}",
        }
        values.append(
            (b"no event" if sequence == 8 else written(attributes, {}), "lagspill.audit.v1" if foreign else "t")
        )
    read_in = [index_record(Received(topic, 0, at, value)) for at, (value, topic) in enumerate(values)]
    found = sort_out(read_in, 3, {}, set())
    noted = Noted()
    for entry in read_in:
        noted.add(entry)
    assert noted.agree() == (found.entries == tuple(read_in) and not found.findings)
