"""An event is written from a form that others have in common: always the bytes that its envelope would give, or the same refusal."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.base import EventData
from shared.envelope import describe, parse, seal, sealed
from shared.refs import ALPHABET, ActorId, LogScope
from tests.tally import Added, Cleared

REFS = st.text(ALPHABET, min_size=26, max_size=26).map("cas_{}".format) | st.text(min_size=1, max_size=120)
"""Opaque references, and whatever else a text can hold."""
NOTES = st.text(max_size=30) | st.sampled_from(
    ['"id":"1"', '","time":"now"', "%b%%", "100 %", '{"sequence":"2"}', "\\", "æøå", "\x00"]
)
DATA: st.SearchStrategy[EventData] = st.builds(
    Added, tally=REFS, amount=st.integers(-(2**40), 2**40), note=NOTES
) | st.builds(Cleared, tally=REFS)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-3, minutes=-30))])
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9998, 1, 1), timezones=ZONES)  # noqa: DTZ001
TRACES = st.from_regex(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", fullmatch=True)
ABOUT = st.fixed_dictionaries(
    {
        "event_id": st.uuids(),
        "source": st.sampled_from(["/services/cases", "/services/notify"]),
        "happened": MOMENTS,
        "recorded": MOMENTS,
        "scope": st.sampled_from([LogScope("4005"), LogScope("prt_" + "b" * 26)]),
        "correlation": st.uuids(),
        "causation": st.none() | st.uuids(),
        "sequence": st.none() | st.integers(1, 10**19),
        "authtype": st.sampled_from(["user", "service_account", "unknown", "system"]),
        "authid": st.none() | st.sampled_from([ActorId("act_" + "b" * 26), ActorId("act_" + "c" * 26)]),
        "traceparent": st.none() | TRACES,
    }
)
WRONG = {
    "source": ["/services/Cases", "cases", ""],
    "scope": ["40", "4005 ", "prt_" + "a" * 26],
    "authtype": ["nobody"],
    "authid": ["x", "act_" + "æ" * 26],
    "traceparent": ["", "00-" + "a" * 32 + "-" + "b" * 16 + "-01\n", '00","authid":"x'],
    "happened": [datetime(2026, 9, 7, 10, 0)],  # noqa: DTZ001
    "recorded": [datetime(2026, 9, 7, 10, 0)],  # noqa: DTZ001
}


@given(DATA, ABOUT)
def test_the_bytes_are_those_of_the_envelope(data: EventData, about: dict[str, object]) -> None:
    body = sealed(data, **about)  # type: ignore[arg-type]
    envelope = describe(data, **about)  # type: ignore[arg-type]
    assert body == seal(data, envelope)
    assert parse(body).envelope == envelope


@given(DATA, ABOUT, st.sampled_from([(field, value) for field, values in WRONG.items() for value in values]))  # type: ignore[attr-defined]
def test_what_no_envelope_takes_is_refused(
    data: EventData, about: dict[str, object], wrong: tuple[str, object]
) -> None:
    field, value = wrong
    for make in (describe, sealed):
        with pytest.raises(ValueError):
            make(data, **(about | {field: value}))  # type: ignore[arg-type]


@pytest.mark.parametrize("tally", ["", "b" * 121, "cas_\ud800"])
def test_what_is_no_subject_is_refused(tally: str) -> None:
    data = Added.model_construct(tally=tally, amount=1)
    now = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
    about = {"event_id": UUID(int=7), "correlation": UUID(int=8), "happened": now, "recorded": now}
    for make in (describe, sealed):
        with pytest.raises(ValueError):
            make(data, source="/services/cases", scope=LogScope("4005"), **about)  # type: ignore[arg-type]


def test_a_large_event_is_refused() -> None:
    data = Added(tally="cas_" + "b" * 26, amount=1, note="n" * 70_000)
    now = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)
    about = {"event_id": UUID(int=7), "correlation": UUID(int=8), "happened": now, "recorded": now}
    with pytest.raises(ValueError, match="64 KiB"):
        sealed(data, source="/services/cases", scope=LogScope("4005"), **about)  # type: ignore[arg-type]
