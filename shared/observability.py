"""What an operator sees: JSON log lines, Prometheus metrics, OpenTelemetry traces. None of it may hold personal data.

Log lines pass an allow-list: a key that is not in `SAFE_KEYS` is dropped, a value that is not a plain code, number, moment or
opaque reference is withheld, an exception is told by its type and place and never by its message, and what looks like a national
number, or is the name of an address-protected case's log, is masked. So a line stays harmless even where a developer was careless.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from datetime import date, datetime, timedelta
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, NamedTuple, TextIO
from uuid import UUID

import structlog
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic_core import to_json
from structlog.typing import EventDict, WrappedLogger

from shared.errors import LagspillError

# -- logging -----------------------------------------------------------------------------------------------------------

SAFE_KEYS: Final = frozenset(
    """
    event level time service logger correlation_id causation_id trace_id span_id dropped
    error causes where code reason attempt retry_in waited waited_seconds pause_seconds count
    method route status duration_ms host port version
    source event_id event_type topic partition offset first last batch lag size consumer handler subject scope
    sequence root leader duplicates unknown parked
    database deadline due key_id kind language migration part started state stopped
    """.split()  # noqa: SIM905 - a table of words
)
"""The only keys that a log line may carry. Add one here when what it holds can never be about a person."""

WITHHELD: Final = "[withheld]"
MASKED: Final = "[masked]"
_NATIONAL_NUMBER: Final = re.compile(r"\d{6}[\s.\-–]?\d{5}\d*")
_PROTECTED: Final = re.compile(r"prt_[A-Za-z0-9]+")
"""The name of an address-protected case's log: with the time of a line it would tell when something happens in the case."""
_PROTECTED_MARK: Final = "prt_…"
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:/+=*,{}<>\[\]-]{0,300}\Z")
_SENTENCE: Final = re.compile(r"[A-Za-z0-9_.:;,/'()%+= -]{0,200}\Z")
_HEXADECIMAL_ID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z|[0-9a-f]{16}\Z|[0-9a-f]{32}\Z"
)
_ID_KEYS: Final = frozenset({"correlation_id", "causation_id", "event_id", "trace_id", "span_id"})
_FOREIGN: Final = ("uvicorn", "aiokafka", "asyncpg", "faststream", "httpx", "httpcore", "asyncio", "opentelemetry")
_FRAMES: Final = 8


def mask(text: str) -> str:
    """Return `text` without national numbers and without names of address-protected cases' logs.

    What looks like a number is every run of eleven or more digits, also with a sign or space after the first six.
    """
    return _NATIONAL_NUMBER.sub(MASKED, _PROTECTED.sub(_PROTECTED_MARK, text))


class Trail(NamedTuple):
    """What the present piece of work belongs to."""

    correlation: UUID
    causation: UUID | None = None


_trail: ContextVar[Trail | None] = ContextVar("lagspill_trail", default=None)


class following:  # noqa: N801 - it is used like a function; a class costs every event a third of what a generator does
    """Put these ids on every log line that is written inside: a request's, or those of the event being handled."""

    __slots__ = ("_token", "_trail")

    def __init__(self, correlation: UUID, causation: UUID | None = None) -> None:
        self._trail = Trail(correlation, causation)

    def __enter__(self) -> None:
        self._token = _trail.set(self._trail)

    def __exit__(self, *raised: object) -> None:
        _trail.reset(self._token)


def configure_logging(service: str, level: str = "INFO", stream: TextIO | None = None) -> None:
    """Write JSON lines to `stream` (standard error), for this code and for the libraries below it."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[structlog.stdlib.add_log_level, _Describe(service), _only_safe, _render],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(file=stream or sys.stderr),
        cache_logger_on_first_use=False,
    )
    root = logging.getLogger()
    root.handlers[:] = [_Libraries()]
    root.setLevel(max(number, logging.INFO))
    for name in _FOREIGN:
        logging.getLogger(name).setLevel(max(number, logging.WARNING))


class _Describe:
    """Adds what every line has, and turns an exception into its type and place."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __call__(self, logger: WrappedLogger, method: str, line: EventDict) -> EventDict:  # noqa: ARG002
        trail = _trail.get()
        line["service"] = self._service
        line["time"] = datetime.now().astimezone().isoformat(timespec="milliseconds")
        if trail is not None:
            line.setdefault("correlation_id", trail.correlation)
            line.setdefault("causation_id", trail.causation)
        context = trace.get_current_span().get_span_context()
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        raised = line.pop("exc_info", None)
        if raised is True or (raised is None and method == "exception"):
            raised = sys.exc_info()[1]
        if isinstance(raised, tuple):
            raised = raised[1]
        if isinstance(raised, BaseException):
            line.update(describe_exception(raised))
        return line


def describe_exception(error: BaseException) -> dict[str, str | list[str]]:
    """Return what may be told of `error`: its type and code, the types of its causes, and where it came from. No message."""
    told: dict[str, str | list[str]] = {"error": _type_name(error), "where": _places(error.__traceback__)}
    if isinstance(error, LagspillError):
        told["code"] = error.code
    causes: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(causes) < _FRAMES:
        causes.append(_type_name(cause))
        cause = cause.__cause__ or cause.__context__
    if causes:
        told["causes"] = causes
    return told


def _type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".replace("<locals>.", "")


def _places(traceback: TracebackType | None) -> list[str]:
    places = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        file = "/".join(Path(code.co_filename).parts[-2:])
        places.append(f"{file}:{traceback.tb_lineno}:{code.co_name}")
        traceback = traceback.tb_next
    return places[-_FRAMES:]


def _only_safe(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:  # noqa: ARG001
    safe: EventDict = {}
    dropped = sorted(key for key in line if key not in SAFE_KEYS)
    for key, value in line.items():
        if key not in SAFE_KEYS or value is None:
            continue
        if key == "event":
            safe[key] = mask(value) if isinstance(value, str) and _SENTENCE.match(value) else WITHHELD
        elif key in _ID_KEYS and _HEXADECIMAL_ID.match(str(value)):
            safe[key] = str(value)
        else:
            safe[key] = _safe_value(value)
    if dropped:
        # Keys come from the code, but a careless `**mapping` can make them anything.
        safe["dropped"] = [key if re.fullmatch(r"[a-z_]{1,40}", key) else WITHHELD for key in dropped]
    return safe


def _safe_value(value: object) -> object:  # noqa: PLR0911
    if isinstance(value, Enum):
        return _safe_value(value.value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return MASKED if abs(value) >= 10**10 else value
    if isinstance(value, float):
        return round(value, 6)
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str | UUID):
        text = str(value)
        return mask(text) if _PLAIN.match(text) else WITHHELD
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe_value(part) for part in list(value)[:20]]
    if isinstance(value, type):
        return f"{value.__module__}.{value.__qualname__}"
    return WITHHELD


def _render(logger: WrappedLogger, method: str, line: EventDict) -> str:  # noqa: ARG001
    return to_json(line).decode()


class _Libraries(logging.Handler):
    """Takes over what libraries log: the template of a known library, never its arguments; of an unknown one, only its name."""

    def emit(self, record: logging.LogRecord) -> None:
        known = record.name.split(".", 1)[0] in _FOREIGN
        event = record.msg if known and isinstance(record.msg, str) else "a library wrote a line"
        log = structlog.get_logger()
        log.log(record.levelno, event, logger=record.name, exc_info=record.exc_info[1] if record.exc_info else None)


# -- metrics -----------------------------------------------------------------------------------------------------------

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every series that the kit keeps. One per process, with its own registry, so that tests do not see each other's.

    Labels are route templates, topics, consumers, codes: never a reference, never a path with one in it.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        """Register the series with `registry`, or a new one."""
        self.registry = registry or CollectorRegistry()
        self.requests = self.counter("http_requests", "Answered requests.", "method", "route", "status")
        self.request_seconds = self.histogram("http_request_seconds", "Time to answer a request.", "method", "route")
        self.refusals = self.counter("refusals", "Refused requests by problem code.", "code")
        self.outbox_rows = self.gauge("outbox_rows", "Committed events that are not published yet.")
        self.outbox_age_seconds = self.gauge("outbox_age_seconds", "Age of the oldest event that is not published yet.")
        self.relay_leader = self.gauge("relay_leader", "One while this process is the relay's leader.")
        self.relay_batch_seconds = self.histogram(
            "relay_batch_seconds", "Time to publish a batch, from sending to settled."
        )
        self.published = self.counter("events_published", "Events acknowledged by the broker.", "topic")
        self.seals = self.counter("journal_seals", "Journal seals published.")
        self.inbox_events = self.counter(
            "inbox_events", "Received events by outcome: effect, duplicate, unknown or parked.", "consumer", "outcome"
        )
        self.inbox_batch_seconds = self.histogram("inbox_batch_seconds", "Time to handle a batch.", "consumer")
        self.consumer_lag_seconds = self.gauge(
            "consumer_lag_seconds", "How far behind its source a consumer is.", "consumer", "source"
        )
        self.consumer_lag_records = self.gauge(
            "consumer_lag_records", "Records published and not handled yet.", "consumer", "topic"
        )
        self.dead_letters = self.gauge("dead_letters", "Parked records that nobody has replayed.", "consumer")
        self.parked = self.counter("records_parked", "Records parked as dead letters, by reason.", "consumer", "reason")
        self.deadlines = self.counter("deadlines", "Deadlines by outcome: fired or failed.", "kind", "outcome")
        self.deadlines_overdue = self.gauge(
            "deadlines_overdue", "Deadlines that are due and have not had their effect."
        )
        self.deadlines_parked = self.gauge("deadlines_parked", "Deadlines whose handler failed too often.")
        self.deadline_delay_seconds = self.histogram("deadline_delay_seconds", "From due to fired.", "kind")
        self.tokens = self.counter(
            "tokens", "Access tokens by outcome: the code of the refusal, verified or cached.", "outcome"
        )
        self.staff_tokens = self.counter(
            "staff_tokens",
            "Verified tokens of employees by whether their national number is known, or missing.",
            "national_number",
        )
        self.key_fetches = self.counter("key_fetches", "Fetches of the issuer's keys.", "outcome")

    def counter(self, name: str, text: str, *labels: str) -> Counter:
        """Return a new counter `lagspill_<name>_total`."""
        return Counter(f"lagspill_{name}", text, labels, registry=self.registry)

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """Return a new gauge `lagspill_<name>`."""
        return Gauge(f"lagspill_{name}", text, labels, registry=self.registry)

    def histogram(self, name: str, text: str, *labels: str) -> Histogram:
        """Return a new histogram `lagspill_<name>`, in seconds."""
        return Histogram(f"lagspill_{name}", text, labels, registry=self.registry, buckets=_SECONDS)


# -- traces ------------------------------------------------------------------------------------------------------------

_KINDS: Final[Mapping[str, SpanKind]] = {
    "server": SpanKind.SERVER,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
    "internal": SpanKind.INTERNAL,
}
_W3C: Final = TraceContextTextMapPropagator()
_TRACEPARENT: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}\Z")


class _Tracing:
    """The process's tracer, while tracing is on."""

    provider: TracerProvider | None = None
    tracer: trace.Tracer | None = None


def start_tracing(service: str, endpoint: str | None, *, exporter: SpanExporter | None = None) -> None:
    """Trace to the OTLP collector at `endpoint` (its base URL), or to `exporter` at once; with neither, trace nothing."""
    if endpoint is None and exporter is None:
        return
    stop_tracing()
    provider = TracerProvider(resource=Resource.create({"service.name": f"lagspill-{service}"}))
    if exporter is not None:
        provider.add_span_processor(SimpleSpanProcessor(exporter))
    else:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{str(endpoint).rstrip('/')}/v1/traces")))
    _Tracing.provider = provider
    _Tracing.tracer = provider.get_tracer("lagspill")


def stop_tracing() -> None:
    """Send what is left, and trace no more."""
    provider, _Tracing.provider, _Tracing.tracer = _Tracing.provider, None, None
    if provider is not None:
        provider.shutdown()


def valid_traceparent(text: str | None) -> str | None:
    """Return `text` when it is a W3C Trace Context `traceparent` (version 00), else None: a wrong one is ignored (§ 3.2.2.6)."""
    return text if text is not None and _TRACEPARENT.match(text) else None


def traceparent() -> str | None:
    """Return the present span as a W3C `traceparent`: for the envelope of an event, or the headers of a request."""
    carrier: dict[str, str] = {}
    _W3C.inject(carrier)
    return carrier.get("traceparent")


def span(
    name: str,
    *,
    kind: Literal["server", "producer", "consumer", "internal"] = "internal",
    parent: str | None = None,
    attributes: Mapping[str, str | int] | None = None,
) -> AbstractContextManager[Span | None]:
    """Trace what happens inside as one span, below `parent` (a `traceparent`) or the present span; None while tracing is off.

    Attributes hold codes and names of our own, never content; an exception leaves its type on the span, and no message.
    """
    if _Tracing.tracer is None:
        return _UNTRACED
    return _traced(_Tracing.tracer, name, kind, parent, attributes)


_UNTRACED: Final = nullcontext(None)


@contextmanager
def _traced(
    tracer: Tracer,
    name: str,
    kind: Literal["server", "producer", "consumer", "internal"],
    parent: str | None,
    attributes: Mapping[str, str | int] | None,
) -> Iterator[Span]:
    context = _W3C.extract({"traceparent": parent}) if valid_traceparent(parent) else None
    with tracer.start_as_current_span(
        name,
        context=context,
        kind=_KINDS[kind],
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as current:
        try:
            yield current
        except BaseException as error:
            current.set_status(StatusCode.ERROR)
            current.set_attribute("error.type", _type_name(error))
            raise
