"""The outermost layer: limits, strict JSON, the correlation id, headers, one log line and one measurement for every request.

Plain ASGI: it costs microseconds and copies no stream. Whatever goes wrong inside ends here as a problem document; neither the
content nor an exception's message ever reaches a log.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Collection
from dataclasses import dataclass
from time import perf_counter
from typing import Final, Protocol, TypeAlias
from uuid import UUID

import structlog
from starlette.requests import Request
from starlette.routing import compile_path
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.db import is_unavailable
from shared.errors import LagspillError, MalformedRequestError, UnavailableError
from shared.observability import Metrics, describe_exception, following, span, valid_traceparent
from shared.refs import Ids
from shared.web import problems, strictjson

log = structlog.get_logger()

Headers: TypeAlias = list[tuple[bytes, bytes]]

MAX_HEADERS: Final = 64
MAX_HEADER_BYTES: Final = 16 * 1024
MAX_TARGET_BYTES: Final = 4 * 1024
BODY_SECONDS: Final = 20.0
"""How long a client may take to send its body."""

_EXCHANGE: Final = "lagspill"
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_METHODS: Final = _WRITES | {"GET", "HEAD", "OPTIONS"}
_QUIET: Final = frozenset({"/health/live", "/health/ready", "/metrics"})
_SINGLE: Final = frozenset(
    {b"authorization", b"content-length", b"content-type", b"idempotency-key", b"if-match", b"x-correlation-id"}
)
_UUID: Final = re.compile(
    rb"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\Z"
)

SECURITY_HEADERS: Final[Headers] = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
]
_NO_STORE: Final = (b"cache-control", b"no-store")
_NOTHING_ACTIVE: Final = (
    b"content-security-policy",
    b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
)


class BodyTooLargeError(LagspillError):
    """The body is larger than the service takes."""

    code = "body-too-large"
    status = 413


class BodyTooSlowError(LagspillError):
    """The body did not arrive in time."""

    code = "body-too-slow"
    status = 408


class BodyCutError(MalformedRequestError):
    """The body ended before its declared length."""

    code = "body-cut"


class MediaTypeError(LagspillError):
    """The body must be application/json in UTF-8, not encoded otherwise."""

    code = "content-type-unsupported"
    status = 415

    def headers(self) -> dict[str, str]:
        """Say what is taken (RFC 9110 § 15.5.16)."""
        return {"Accept": "application/json"}


class TooManyHeadersError(LagspillError):
    """The request has too many headers, or too large ones."""

    code = "headers-too-large"
    status = 431


class TargetTooLongError(LagspillError):
    """The request's address is too long."""

    code = "address-too-long"
    status = 414


class TargetTextError(MalformedRequestError):
    """The request's address holds a control character, or is not UTF-8."""

    code = "address-malformed"


class RepeatedHeaderError(MalformedRequestError):
    """A header that has one value is there twice."""

    code = "header-repeated"


@dataclass(slots=True)
class Exchange:
    """What the edge knows of a request, for the layers inside."""

    correlation: UUID
    traceparent: str | None
    body: bytes = b""
    bodiless: bool = False
    """Whether only the headers of the answer are asked for (HEAD)."""


def exchange(request: Request) -> Exchange:
    """Return what the edge knows of `request`."""
    known = request.scope[_EXCHANGE]
    if not isinstance(known, Exchange):
        raise TypeError("the application is not behind the edge")
    return known


class Dialect(Protocol):
    """How bodies come in and refusals go out: `JSON`, unless the application is one of pages for people."""

    def check(self, media_type: bytes | None, body: bytes) -> None:
        """Refuse a body that the application does not read.

        Raises:
            LagspillError: it is of another type, or is not written as that type is.
        """

    def refusal(self, error: LagspillError, correlation: UUID, scope: Scope) -> tuple[Headers, bytes]:
        """Return what tells of `error`: its content type and what else its headers need, and its body."""


class _Json:
    """JSON in, problem documents out."""

    def check(self, media_type: bytes | None, body: bytes) -> None:
        """Refuse what is not strict JSON."""
        if not _is_json(media_type):
            raise MediaTypeError
        strictjson.check(body)

    def refusal(self, error: LagspillError, correlation: UUID, scope: Scope) -> tuple[Headers, bytes]:  # noqa: ARG002
        """Return the problem document."""
        return [(b"content-type", problems.MEDIA_TYPE.encode())], problems.render(error, correlation)


JSON: Final[Dialect] = _Json()


@dataclass(slots=True)
class _Facts:
    """What the headers say, read once."""

    length: int | None = None
    media_type: bytes | None = None
    encoding: bytes | None = None
    correlation: bytes | None = None
    traceparent: bytes | None = None
    broken: LagspillError | None = None


class Edge:
    """The middleware around one service's application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        ids: Ids,
        metrics: Metrics,
        max_body: int,
        streams: Collection[str] = (),
        unlinked: bool = False,
        dialect: Dialect = JSON,
    ) -> None:
        """Let bodies of at most `max_body` bytes through to `app`; for `streams` and `unlinked` see `create_app`."""
        self._app = app
        self._dialect = dialect
        self._unlinked = unlinked
        self._ids = ids
        self._metrics = metrics
        self._max_body = max_body
        self._streams = [compile_path(path)[0] for path in streams]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = perf_counter()
        facts = _read_headers(scope)
        if self._unlinked:
            facts.correlation = facts.traceparent = None
        method = scope["method"]
        known = Exchange(
            self._correlation(facts),
            valid_traceparent((facts.traceparent or b"").decode("latin-1")),
            bodiless=method == "HEAD",
        )
        answer = _Answer(send, known.correlation, bodiless=known.bodiless)
        # RFC 9110 § 9.3.2: what can be got can be asked for without its content.
        scope = {**scope, _EXCHANGE: known, "method": "GET" if method == "HEAD" else method}
        label = method if method in _METHODS else "OTHER"
        with (
            following(known.correlation),
            span(
                f"HTTP {label}", kind="server", parent=known.traceparent, attributes={"http.request.method": label}
            ) as traced,
        ):
            await self._answer(scope, receive, answer, facts, known)
            route = _route(scope)
            if traced is not None:
                traced.update_name(f"{label} {route}")
                traced.set_attributes({"http.route": route, "http.response.status_code": answer.status})
            self._account(label, route, answer.status, perf_counter() - started)

    async def _answer(self, scope: Scope, receive: Receive, answer: _Answer, facts: _Facts, known: Exchange) -> None:
        try:
            _check_head(scope, facts)
            if scope["method"] == "POST" and any(pattern.match(scope["path"]) for pattern in self._streams):
                _check_encoding(facts)
                receive = _in_time(receive)
            elif scope["method"] in _WRITES:
                known.body = await self._read_body(receive, facts)
                receive = _replay(known.body, receive)
            await self._app(scope, receive, answer.send)
        except _ClientGoneError:
            answer.status = 499
        except Exception as error:
            # The last resort: nothing may reach the server's own log, which prints messages.
            refusal = _refusal(error)
            if refusal.status == 500:
                log.exception("request failed", exc_info=error, route=_route(scope))
            elif refusal is not error:
                log.warning("request not decided", route=_route(scope), **describe_exception(error))
            if answer.started:
                raise ResponseCutError from None
            self._metrics.refusals.labels(refusal.code).inc()
            await answer.refuse(refusal, self._dialect, scope)

    async def _read_body(self, receive: Receive, facts: _Facts) -> bytes:
        """Return the whole body, checked.

        Raises:
            LagspillError: too large, too slow, cut, of another type, or not JSON that can be stored.
        """
        if facts.length is not None and facts.length > self._max_body:
            raise BodyTooLargeError
        body = bytearray()
        try:
            async with asyncio.timeout(BODY_SECONDS):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise _ClientGoneError
                    body += message.get("body", b"")
                    if len(body) > self._max_body:
                        raise BodyTooLargeError
                    if not message.get("more_body", False):
                        break
        except TimeoutError:
            raise BodyTooSlowError from None
        if not body:
            return b""
        if facts.length is not None and facts.length != len(body):
            raise BodyCutError
        _check_encoding(facts)
        whole = bytes(body)
        self._dialect.check(facts.media_type, whole)
        return whole

    def _correlation(self, facts: _Facts) -> UUID:
        if facts.correlation is not None and _UUID.match(facts.correlation):
            return UUID(facts.correlation.decode("ascii"))
        return self._ids.event_id()

    def _account(self, method: str, route: str, status: int, seconds: float) -> None:
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.request_seconds.labels(method, route).observe(seconds)
        if route not in _QUIET:
            log.info(
                "request answered", method=method, route=route, status=status, duration_ms=round(seconds * 1000, 2)
            )


class ResponseCutError(RuntimeError):
    """A response failed after it had begun; the connection is closed, and the reason is in the log."""


class _ClientGoneError(Exception):
    """The client closed the connection before it had sent its request."""


class _Answer:
    """The way out: adds the headers that every answer has."""

    __slots__ = ("_bodiless", "_correlation", "_send", "started", "status")

    def __init__(self, send: Send, correlation: UUID, *, bodiless: bool) -> None:
        self._send = send
        self._correlation = correlation
        self._bodiless = bodiless
        self.started = False
        self.status = 500

    async def send(self, message: Message) -> None:
        """Send `message`, completed."""
        if message["type"] == "http.response.start":
            self.started = True
            self.status = message["status"]
            headers: Headers = list(message.get("headers", ()))
            names = {name.lower() for name, _ in headers}
            headers += [header for header in SECURITY_HEADERS if header[0] not in names]
            # Whoever lets an answer be kept, or sends a page with parts, says so itself.
            headers += [header for header in (_NO_STORE, _NOTHING_ACTIVE) if header[0] not in names]
            headers.append((b"x-correlation-id", str(self._correlation).encode()))
            message = {**message, "headers": headers}
        elif self._bodiless and message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await self._send(message)

    async def refuse(self, error: LagspillError, dialect: Dialect, scope: Scope) -> None:
        """Answer with what tells of `error`."""
        told, body = dialect.refusal(error, self._correlation, scope)
        headers: Headers = [
            *told,
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in error.headers().items()),
        ]
        if error.status in (408, 413):
            # The rest of the body may still be on its way; nobody is going to read it.
            headers.append((b"connection", b"close"))
        await self.send({"type": "http.response.start", "status": error.status, "headers": headers})
        await self.send({"type": "http.response.body", "body": body})


def _refusal(error: Exception) -> LagspillError:
    """Return how `error` is answered: with 503 when something that the service needs is away, so that the client asks again."""
    if isinstance(error, LagspillError):
        return error
    return UnavailableError() if is_unavailable(error) else LagspillError()


def _read_headers(scope: Scope) -> _Facts:
    facts = _Facts()
    size = 0
    seen: set[bytes] = set()
    headers: Headers = scope["headers"]
    if len(headers) > MAX_HEADERS:
        facts.broken = TooManyHeadersError()
        return facts
    for name, value in headers:
        size += len(name) + len(value)
        if name in _SINGLE:
            if name in seen:
                facts.broken = RepeatedHeaderError()
            seen.add(name)
        match name:
            case b"content-length":
                facts.length = int(value) if value.isdigit() else None
            case b"content-type":
                facts.media_type = value
            case b"content-encoding":
                facts.encoding = value.strip().lower()
            case b"x-correlation-id":
                facts.correlation = value
            case b"traceparent":
                facts.traceparent = value
    if size > MAX_HEADER_BYTES:
        facts.broken = TooManyHeadersError()
    return facts


def _check_head(scope: Scope, facts: _Facts) -> None:
    path, query = scope["path"], scope["query_string"]
    if len(scope.get("raw_path") or path) + len(query) > MAX_TARGET_BYTES:
        raise TargetTooLongError
    # An escape that is not UTF-8 has become U+FFFD by now; neither that nor a control character is in any address of ours.
    if any(letter < " " or letter in "\x7f\ufffd" for letter in path) or b"%00" in query:
        raise TargetTextError
    if facts.broken is not None:
        raise facts.broken


def _check_encoding(facts: _Facts) -> None:
    if facts.encoding not in (None, b"identity"):
        raise MediaTypeError


def _is_json(media_type: bytes | None) -> bool:
    main, *parameters = (media_type or b"").lower().split(b";")
    if main.strip() != b"application/json":
        return False
    return all(parameter.strip().replace(b'"', b"") in (b"", b"charset=utf-8") for parameter in parameters)


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


def _in_time(receive: Receive) -> Receive:
    """Return how a stream is received: each part in time."""

    async def next_part() -> Message:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                message = await receive()
        except TimeoutError:
            raise BodyTooSlowError from None
        if message["type"] == "http.disconnect":
            raise _ClientGoneError
        return message

    return next_part


def _route(scope: Scope) -> str:
    """Return the route's template: a path would hold references."""
    return str(getattr(scope.get("route"), "path", "unmatched"))
