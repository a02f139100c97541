"""What operators see holds no personal data, even where a developer was careless."""

from __future__ import annotations

import ast
import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from prometheus_client import generate_latest

from shared.errors import NotFoundError
from shared.observability import (
    MASKED,
    SAFE_KEYS,
    WITHHELD,
    Metrics,
    configure_logging,
    following,
    mask,
    span,
    start_tracing,
    stop_tracing,
    traceparent,
    valid_traceparent,
)
from shared.refs import RandomIds
from shared.testing.people import People

ROOT = Path(__file__).parents[2]
CHILD = People(1).child()
NUMBER = CHILD.national_number


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("cases", "DEBUG", stream)
    yield stream
    structlog.reset_defaults()
    root.handlers[:] = handlers
    root.setLevel(level)


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def last(stream: io.StringIO) -> dict[str, object]:
    return lines(stream)[-1]


log = structlog.get_logger()


def test_a_line_is_json_with_what_every_line_has(stream: io.StringIO) -> None:
    log.info("relay started", topic="lagspill.cases.v1", count=3, lag=timedelta(seconds=2))
    line = last(stream)
    assert datetime.fromisoformat(str(line.pop("time"))).tzinfo is not None
    assert line == {
        "event": "relay started",
        "level": "info",
        "service": "cases",
        "topic": "lagspill.cases.v1",
        "count": 3,
        "lag": 2.0,
    }


def test_ids_of_the_work_stand_on_every_line_inside_it(stream: io.StringIO) -> None:
    correlation, causation, inner = uuid4(), uuid4(), uuid4()
    with following(correlation, causation):
        log.info("one")
        with following(inner):
            log.info("two")
        log.info("three")
    log.info("four")
    ids = [(line.get("correlation_id"), line.get("causation_id")) for line in lines(stream)]
    assert ids == [
        (str(correlation), str(causation)),
        (str(inner), None),
        (str(correlation), str(causation)),
        (None, None),
    ]


def test_an_id_that_happens_to_be_all_digits_is_not_masked(stream: io.StringIO) -> None:
    digits = UUID("01234567-8901-7345-8789-012345678901")
    with following(digits):
        log.info("one", event_id=digits)
    assert last(stream)["correlation_id"] == last(stream)["event_id"] == str(digits)


def test_the_name_of_an_address_protected_cases_log_is_masked(stream: io.StringIO) -> None:
    """When something happens in such a case, and in which, is nothing for an operator to know."""
    name = RandomIds().ref("prt")
    log.error("finding in the log", scope=name, source=f"lagspill.no/logs/{name}", where=[f"{name}+abc"])
    line = last(stream)
    assert name[4:] not in stream.getvalue()
    assert (line["scope"], line["source"]) == ("prt_…", "lagspill.no/logs/prt_…")
    log.info("one", scope="4005")
    assert last(stream)["scope"] == "4005"


def test_unknown_keys_are_dropped_and_named(stream: io.StringIO) -> None:
    log.info("one", child=CHILD.name, text="some text", count=1)
    line = last(stream)
    assert line["dropped"] == ["child", "text"]
    assert CHILD.name not in stream.getvalue()
    log.info("two", **{CHILD.name: 1, f"x{NUMBER}": 2})
    assert last(stream)["dropped"] == [WITHHELD, WITHHELD]
    assert NUMBER not in stream.getvalue()


class Kind(StrEnum):
    """A code."""

    ONE = "one-of-them"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("lagspill.cases.v1", "lagspill.cases.v1"),
        (Kind.ONE, "one-of-them"),
        (True, True),
        (7, 7),
        (0.25, 0.25),
        (date(2026, 9, 7), "2026-09-07"),
        (datetime(2026, 9, 7, 8, tzinfo=UTC), "2026-09-07T08:00:00+00:00"),
        (("a", "b"), ["a", "b"]),
        (RuntimeError, "builtins.RuntimeError"),
        (f"{CHILD.name}", WITHHELD),
        ("two words", WITHHELD),
        ("ærlig", WITHHELD),
        ("line\nbreak", WITHHELD),
        ({"name": CHILD.name}, WITHHELD),
        (b"bytes", WITHHELD),
        (RuntimeError(CHILD.name), WITHHELD),
        (CHILD, WITHHELD),
        (NUMBER, MASKED),
        (int(NUMBER) + 10**10, MASKED),
        (f"case-{NUMBER}-x", f"case-{MASKED}-x"),
        ([NUMBER], [MASKED]),
        ("x" * 400, WITHHELD),
    ],
)
def test_values(stream: io.StringIO, value: object, shown: object) -> None:
    log.info("one", reason=value)
    assert last(stream)["reason"] == shown


def test_a_reference_is_shown(stream: io.StringIO) -> None:
    ref = RandomIds().ref("cas")
    log.info("one", subject=ref)
    assert last(stream)["subject"] == ref


def test_what_happened_is_a_plain_sentence(stream: io.StringIO) -> None:
    log.info(f"child {NUMBER} seen")  # noqa: G004 - the carelessness that this is about
    assert last(stream)["event"] == f"child {MASKED} seen"
    log.info("Ærlig talt")
    assert last(stream)["event"] == WITHHELD


numbers = st.from_regex(r"[0-9]{6}[ \-.]?[0-9]{5}", fullmatch=True)


@given(st.text(max_size=20), numbers, st.text(max_size=20))
def test_national_numbers_are_masked_wherever_they_stand(before: str, number: str, after: str) -> None:
    assert number not in mask(before + number + after)


@given(
    st.dictionaries(
        st.sampled_from(sorted(SAFE_KEYS - {"event"})) | st.text(max_size=9), numbers | st.text(max_size=20), max_size=6
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_line_ever_holds_a_national_number(stream: io.StringIO, fields: dict[str, str]) -> None:
    stream.seek(0)
    stream.truncate()
    log.bind(**{key: value for key, value in fields.items() if key not in ("event", "level", "exc_info")}).info("one")
    line = last(stream)
    line.pop("time")
    shown = json.dumps(line)
    for number in fields.values():
        if len(number) >= 11 and number[:6].isdigit() and number[-5:].isdigit() and number.isascii():
            assert number not in shown


def test_an_exception_is_told_by_type_and_place_only(stream: io.StringIO) -> None:
    def read_child() -> None:
        name = CHILD.name
        try:
            find_child(name)
        except ValueError as error:
            raise NotFoundError(f"{name} ({NUMBER})") from error

    def find_child(name: str) -> None:
        raise ValueError(f"no such child: {name}")

    try:
        read_child()
    except NotFoundError:
        log.exception("it failed")
    line = last(stream)
    assert line["error"] == "shared.errors.NotFoundError"
    assert line["causes"] == ["builtins.ValueError"]
    assert line["code"] == "not-found"
    where = line["where"]
    assert isinstance(where, list)
    assert where[-1].endswith(":read_child")
    for secret in (CHILD.name, NUMBER, "no such child"):
        assert secret not in stream.getvalue()


def test_libraries_are_shown_by_their_template_never_their_arguments(stream: io.StringIO) -> None:
    logging.getLogger("aiokafka.consumer").warning("Heartbeat failed for %s", CHILD.given_name)
    assert last(stream)["event"] == "Heartbeat failed for %s"
    assert last(stream)["logger"] == "aiokafka.consumer"
    failed = OSError(CHILD.name)
    logging.getLogger("uvicorn.error").error("Exception in ASGI application", exc_info=failed)
    assert last(stream)["error"] == "builtins.OSError"
    logging.getLogger("somebody.unknown").warning(f"saw {CHILD.given_name}")  # noqa: G004
    assert last(stream)["event"] == "a library wrote a line"
    logging.getLogger("httpx").info("HTTP Request: %s", f"http://x/{NUMBER}")
    assert last(stream)["logger"] == "somebody.unknown", "the chatter of libraries is left out"
    for secret in (CHILD.given_name, CHILD.name, NUMBER):
        assert secret not in stream.getvalue()


def test_levels(stream: io.StringIO) -> None:
    configure_logging("cases", "WARNING", stream)
    log.info("quiet")
    log.warning("loud")
    assert [line["event"] for line in lines(stream)] == ["loud"]


def _log_calls() -> Iterator[tuple[str, ast.Call]]:
    for folder in ("services", "shared", "deploy"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if (
                    isinstance(node, ast.Call)
                    and isinstance(node.func, ast.Attribute)
                    and node.func.attr in ("debug", "info", "warning", "error", "exception", "critical")
                    and isinstance(node.func.value, ast.Name)
                    and node.func.value.id in ("log", "logger", "_log", "_logger")
                ):
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", node


def test_every_line_in_the_code_is_a_fixed_sentence_with_known_keys() -> None:
    found = list(_log_calls())
    assert len(found) > 3
    for where, call in found:
        sentence = call.args[0]
        choices = (sentence.body, sentence.orelse) if isinstance(sentence, ast.IfExp) else (sentence,)
        assert all(isinstance(one, ast.Constant) for one in choices), f"{where}: what happened must be a literal"
        assert len(call.args) == 1, f"{where}: values are given by key"
        unknown = {keyword.arg for keyword in call.keywords if keyword.arg is not None} - SAFE_KEYS - {"exc_info"}
        assert not unknown, f"{where}: {unknown} would be dropped; is it safe? then add it to SAFE_KEYS"


# -- metrics -----------------------------------------------------------------------------------------------------------


def test_every_process_has_its_own_series() -> None:
    one, other = Metrics(), Metrics()
    one.published.labels("lagspill.cases.v1").inc(3)
    assert one.registry.get_sample_value("lagspill_events_published_total", {"topic": "lagspill.cases.v1"}) == 3
    assert b"lagspill.cases.v1" not in generate_latest(other.registry)


def test_names_follow_the_conventions() -> None:
    for family in Metrics().registry.collect():
        assert family.name.startswith("lagspill_")
        assert family.documentation.endswith((".", "parked."))
        if family.type == "histogram":
            assert family.name.endswith("_seconds")


# -- traces ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    start_tracing("cases", None, exporter=exporter)
    yield exporter
    stop_tracing()


def test_nothing_is_traced_unless_it_was_started() -> None:
    start_tracing("cases", None)
    with span("work") as current:
        assert current is None
        assert traceparent() is None


def test_a_trace_goes_on_in_another_process(spans: InMemorySpanExporter) -> None:
    with span("request", kind="server", attributes={"http.route": "/cases/{id}"}):
        carried = traceparent()
    assert valid_traceparent(carried) == carried
    with span("consume", kind="consumer", parent=carried), span("inner"):
        pass
    request, inner, consume = spans.get_finished_spans()
    assert request.context is not None
    assert consume.parent is not None
    assert inner.parent is not None
    assert consume.context is not None
    assert consume.parent.span_id == request.context.span_id
    assert consume.context.trace_id == request.context.trace_id
    assert inner.parent.span_id == consume.context.span_id


def test_a_failed_span_tells_the_type_and_nothing_else(spans: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=CHILD.name), span("work"):
        raise ValueError(CHILD.name)
    (failed,) = spans.get_finished_spans()
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "builtins.ValueError"
    assert not failed.status.is_ok
    assert CHILD.name not in failed.to_json()


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "00-" + "0" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "0" * 16 + "-01",
        "ff-" + "1" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "A" * 32 + "-" + "1" * 16 + "-01",
        "00-" + "1" * 32 + "-" + "1" * 16 + "-01\n",
        CHILD.name,
    ],
)
def test_a_wrong_traceparent_is_ignored(spans: InMemorySpanExporter, text: str | None) -> None:
    assert valid_traceparent(text) is None
    with span("work", parent=text):
        pass
    (alone,) = spans.get_finished_spans()
    assert alone.parent is None


def test_lines_carry_the_trace(spans: InMemorySpanExporter, stream: io.StringIO) -> None:
    with span("work") as current:
        assert current is not None
        log.info("one")
        context = current.get_span_context()
    assert last(stream)["trace_id"] == f"{context.trace_id:032x}"
    assert last(stream)["span_id"] == f"{context.span_id:016x}"
