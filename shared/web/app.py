"""One service's HTTP application: its routers, and what every service answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import cached_property
from typing import Any, Final, NamedTuple, NoReturn, get_args, get_origin

from fastapi import APIRouter, Depends, FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, compile_path

from shared.auth import Authenticator
from shared.clock import Clock, SimulatedClock
from shared.errors import ConflictError, FieldProblem, InvalidInputError
from shared.journal import JournalHead
from shared.observability import Metrics
from shared.recent import Recent
from shared.refs import Ids
from shared.settings import ServiceSettings
from shared.web import problems
from shared.web.bearer import current_actor
from shared.web.commands import command, guarded_command
from shared.web.description import REFUSALS, describe_app, names_in
from shared.web.edge import Edge, exchange
from shared.web.models import GivenMoment, RequestModel

MAX_BODY: Final = 256 * 1024
_WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
_UNTRACED: Final[Mapping[str, bool]] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}

Readiness = Callable[[], Awaitable[Sequence[str]]]
"""Gives the reasons why the service is not ready; none when it is. They are shown to anybody, so they name parts, not data."""
Heads = Callable[[], Awaitable[Sequence[JournalHead]]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


async def passes_over_more() -> None:
    """What a public page's route depends on when it passes over query parameters that it does not read.

    A link that people pass on comes back with others' marks on it (`fbclid`, `utm_source`), and is the same page still.
    """


class UnguardedRouteError(Exception):
    """A route is not guarded as every route must be: the service does not start with it."""


class ClockSetBackError(ConflictError):
    """The simulated clock cannot be set back."""

    code = "clock-set-back"


class Health(BaseModel):
    """Whether the service works, and if not, why."""

    status: str = Field(examples=["ready"])
    reasons: list[str] = Field(default=[], examples=[["the database is not migrated"]])


class JournalHeads(BaseModel):
    """How far a service has published, for each log: what a reader of the log compares its own count and root with."""

    source: str = Field(examples=["/services/cases"])
    heads: list[Head]


class Head(BaseModel):
    """How far a service has published for one log."""

    scope: str = Field(examples=["4005"])
    last_number: int = Field(description="`sourcesequence` of the last published event.", examples=[1289])
    root: str = Field(description="Base64 of the RFC 6962 root over the published records.")
    unpublished: int = Field(description="Committed events that are not published yet.", examples=[0])


class ClockSetting(RequestModel):
    """What time it is for the rules."""

    now: GivenMoment


def create_app(
    settings: ServiceSettings,
    *,
    title: str,
    version: str,
    routers: Sequence[APIRouter],
    clock: Clock,
    ids: Ids,
    authenticator: Authenticator,
    metrics: Metrics,
    ready: Readiness,
    source: str = "",
    heads: Heads | None = None,
    description: str = "",
    public: Collection[str] = (),
    max_body: int = MAX_BODY,
    streams: Collection[str] = (),
    unlinked: bool = False,
    lifespan: Lifespan | None = None,
) -> FastAPI:
    """Return the application of one service.

    Args:
        ready: see `Readiness`.
        source: the service's CloudEvents source, for `/journal/head`.
        heads: the journal's heads, if the service has a journal.
        public: the path templates that anybody may read without a token; every other route must depend on `CurrentActor`.
        max_body: bytes.
        streams: the path templates whose POST takes a stream of bytes; the route reads it itself, and says how much it takes.
        unlinked: take over no correlation id and no trace from a request. What is done here anonymously must not be found, in
            any log or trace, beside what the same client did elsewhere under the same id (invariant 3).

    Raises:
        UnguardedRouteError: a route takes no token and is not public, or takes a body that is no `RequestModel`.
    """
    app = FastAPI(
        title=title,
        version=version,
        description=description,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        # FastAPI's own telemetry would put exceptions and inputs, and so content, on spans and logs.
        telemetry=_UNTRACED,  # type: ignore[arg-type]
        middleware=[Middleware(Edge, ids=ids, metrics=metrics, max_body=max_body, streams=streams, unlinked=unlinked)],
    )
    app.state.clock = clock
    app.state.authenticator = authenticator
    guarded = [_guarded(router) for router in routers]
    for each in guarded:
        app.router.routes.extend(each.routes)
    app.state.read = {id(one.original_route): _Read.of(one.dependant) for one in _api_routes(app)}
    _check_guards(app, frozenset(public))
    count = len(app.router.routes)
    app.include_router(_service_routes(ready, metrics, source, heads))
    if settings.lagspill_development and isinstance(clock, SimulatedClock):
        app.include_router(_development_routes(clock), responses=REFUSALS)
    others = app.router.routes[count:]
    _refuse_as_problems(app, lambda: _names_in(others).union(*(each.names for each in guarded)))
    describe_app(app, _commands(app))
    return app


class _Guarded:
    """A router as every service has it."""

    def __init__(self, router: APIRouter) -> None:
        self._router = router  # kept: no other may have its place in memory
        whole = APIRouter()
        whole.include_router(router, responses=REFUSALS, dependencies=[Depends(_refuse_what_is_not_read)])
        self.routes: Final[Sequence[BaseRoute]] = whole.routes

    @cached_property
    def names(self) -> frozenset[str]:
        """Every name of a field or parameter in its description."""
        return _names_in(self.routes)


_GUARDED: Final[Recent[int, _Guarded]] = Recent(100)


def _guarded(router: APIRouter) -> _Guarded:
    """Return `router` as every service has it: made once in a process, however many applications it makes."""
    made = _GUARDED.get(id(router))
    if made is None:
        made = _Guarded(router)
        _GUARDED.put(id(router), made)
    return made


def _names_in(routes: Sequence[BaseRoute]) -> frozenset[str]:
    return frozenset(names_in(get_openapi(title="names", version="1", routes=routes)))


def _service_routes(ready: Readiness, metrics: Metrics, source: str, heads: Heads | None) -> APIRouter:
    router = APIRouter(tags=["service"])

    @router.get("/health/live", summary="The process answers")
    async def live() -> Health:
        return Health(status="live")

    @router.get("/health/ready", summary="The service can do its work", responses={503: {"model": Health}})
    async def is_ready(response: Response) -> Health:
        reasons = await ready()
        if reasons:
            response.status_code = 503
            return Health(status="not-ready", reasons=list(reasons))
        return Health(status="ready")

    @router.get("/metrics", include_in_schema=False)
    async def read_metrics() -> Response:
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    if heads is not None:
        journal_heads = heads

        @router.get("/journal/head", summary="How far this service has published")
        async def head() -> JournalHeads:
            return JournalHeads(
                source=source,
                heads=[
                    Head(scope=one.scope, last_number=one.last_number, root=one.root, unpublished=one.unpublished)
                    for one in await journal_heads()
                ],
            )

    return router


def _development_routes(clock: SimulatedClock) -> APIRouter:
    router = APIRouter(tags=["development"])

    @router.get("/development/clock", summary="What time it is for the rules")
    async def read_clock() -> ClockSetting:
        return ClockSetting(now=clock.now())

    @router.put("/development/clock", summary="Move the simulated clock forward")
    async def set_clock(setting: ClockSetting) -> ClockSetting:
        try:
            clock.set(setting.now)
        except ValueError:
            raise ClockSetBackError from None
        return ClockSetting(now=clock.now())

    return router


# -- guards ------------------------------------------------------------------------------------------------------------


def _check_guards(app: FastAPI, public: frozenset[str]) -> None:
    for context in _api_routes(app):
        dependant: Dependant = context.dependant
        where = f"{', '.join(sorted(context.methods or ()))} {context.path}"
        calls = {one.call for one in _all_dependants(dependant)}
        if context.path in public:
            if (context.methods or set()) & _WRITES:
                raise UnguardedRouteError(f"{where} is public and changes something")
        elif current_actor not in calls:
            raise UnguardedRouteError(f"{where} takes no access token and is not declared public")
        for body in (parameter for one in _all_dependants(dependant) for parameter in one.body_params):
            kind = body.field_info.annotation
            if not (isinstance(kind, type) and issubclass(kind, RequestModel)):
                raise UnguardedRouteError(f"{where} takes a body that is no RequestModel")


def _commands(app: FastAPI) -> dict[tuple[str, str], bool]:
    """Return the operations that are commands, and whether each must name the version it changes."""
    found: dict[tuple[str, str], bool] = {}
    for context in _api_routes(app):
        calls = {one.call for one in _all_dependants(context.dependant)}
        if calls & {command, guarded_command}:
            found |= {(str(context.path), method): guarded_command in calls for method in context.methods or ()}
    return found


def _all_dependants(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all_dependants(inner)


def _api_routes(app: FastAPI) -> Iterator[RouteContext]:
    return (one for one in iter_route_contexts(app.routes) if isinstance(one.original_route, APIRoute))


class _Read(NamedTuple):
    """What a route reads of a request."""

    query: frozenset[str]
    several: frozenset[str]
    """Those that may be given more than once."""
    body: bool
    passes_over: bool
    """Whether it may be asked more than it reads: see `passes_over_more`."""

    @classmethod
    def of(cls, dependant: Dependant) -> _Read:
        """Return what a route with these dependencies reads."""
        parts = list(_all_dependants(dependant))
        asked = [parameter for part in parts for parameter in part.query_params]
        several = frozenset(one.alias for one in asked if _is_list(one.field_info.annotation))
        query = frozenset(parameter.alias for parameter in asked)
        passes_over = any(part.call is passes_over_more for part in parts)
        return cls(query, several, body=any(part.body_params for part in parts), passes_over=passes_over)


def _is_list(annotation: object) -> bool:
    return get_origin(annotation) is list or any(get_origin(part) is list for part in get_args(annotation))


async def _refuse_what_is_not_read(request: Request) -> None:
    """A misspelt filter must not silently show everything, nor a body be sent in vain; what is there twice has no one meaning."""
    read: _Read = request.app.state.read[id(request.scope["route"])]
    if not read.body and b"".join(exchange(request).body.split()) not in (b"", b"{}"):
        raise InvalidInputError(
            errors=[
                FieldProblem(pointer="#", code="extra-forbidden", detail="Nothing is read here but an empty object")
            ]
        )
    known = read.query
    asked = [name for name, _ in request.query_params.multi_items()]
    problem_places = {
        name if name in known else "*"
        for name in asked
        if (name not in known and not read.passes_over)
        or (name in known and asked.count(name) > 1 and name not in read.several)
    }
    if problem_places:
        raise InvalidInputError(
            errors=[
                FieldProblem(
                    pointer=f"query:{name}",
                    code="extra-forbidden" if name == "*" else "repeated",
                    detail="Is not a parameter of the interface" if name == "*" else "Is given more than once",
                )
                for name in sorted(problem_places)
            ]
        )


# -- refusals ----------------------------------------------------------------------------------------------------------


def _refuse_as_problems(app: FastAPI, known: Callable[[], frozenset[str]]) -> None:
    """Turn the framework's own exceptions into ours; the edge makes the problem document of every one of them.

    `known` gives the names of fields and parameters that may be said again.
    """
    paths = [
        (compile_path(str(one.path))[0], frozenset(one.methods or ()))
        for one in iter_route_contexts(app.routes)
        if one.path is not None
    ]
    names: list[frozenset[str]] = []

    def refuse_http(request: Request, error: HTTPException) -> NoReturn:
        if error.status_code == 404:
            raise problems.UnknownPathError
        if error.status_code == 405:
            allowed = {method for pattern, methods in paths if pattern.match(request.url.path) for method in methods}
            raise problems.MethodNotAllowedError(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        raise problems.HttpError

    def refuse_input(request: Request, error: RequestValidationError) -> NoReturn:  # noqa: ARG001
        if not names:
            names.append(known())
        raise problems.from_validation(error, names[0])

    app.add_exception_handler(HTTPException, _awaited(refuse_http))
    app.add_exception_handler(RequestValidationError, _awaited(refuse_input))


def _awaited(refuse: Callable[[Request, Any], NoReturn]) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def handle(request: Request, error: Exception) -> Response:
        refuse(request, error)

    return handle
