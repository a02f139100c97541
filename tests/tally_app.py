"""A whole small service around the tally: what `create_app` promises is shown on it, over HTTP and on the real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from contextlib import asynccontextmanager
from typing import Annotated

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from shared.auth import Authenticator
from shared.clock import Clock
from shared.db import Pool
from shared.errors import NotFoundError
from shared.journal import Journal
from shared.observability import Metrics
from shared.refs import ALPHABET, LENGTH, Ids
from shared.settings import ServiceSettings
from shared.testing.issuer import LocalIssuer
from shared.web import (
    AskedPage,
    Collection,
    Command,
    GuardedCommand,
    Page,
    Reading,
    RequestModel,
    answer,
    create_app,
    represent,
    respond,
)
from tests.tally import CONTRACTS, SOURCE, TALLY, Cleared, Tally, adding

PID_KEY = "a key for people of thirty-two b"
TallyRef = Annotated[str, Path(pattern=rf"^tal_[{ALPHABET}]{{{LENGTH}}}$", examples=["tal_bcdfghjklmnpqrstvwxzbcdfgh"])]

router = APIRouter(tags=["tallies"])


class Addition(RequestModel):
    """What is added."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"amount": 3}]})

    amount: int = Field(ge=-1000, le=1000)
    note: str = Field(default="", max_length=100)


class TallyShown(BaseModel):
    """A tally."""

    id: str = Field(examples=["tal_bcdfghjklmnpqrstvwxzbcdfgh"])
    total: int = Field(examples=[3])


ALL: Collection[str] = Collection("tallies", str)


@router.post("/tallies", status_code=201, response_model=TallyShown)
async def begin(body: Addition, ctx: Command, request: Request) -> Response:
    """Begin a tally."""
    journal, ids = _kit(request)
    return await _add(journal, ids.ref("tal"), body, ctx, status=201)


@router.post("/tallies/{id}/additions", response_model=TallyShown)
async def add(id: TallyRef, body: Addition, ctx: Command, request: Request) -> Response:  # noqa: A002
    """Add to a tally."""
    journal, _ = _kit(request)
    await _existing(journal, id)
    return await _add(journal, id, body, ctx, status=200)


@router.post("/tallies/{id}/clearings", response_model=TallyShown)
async def clear(id: TallyRef, ctx: GuardedCommand, request: Request) -> Response:  # noqa: A002
    """Begin at nothing again."""
    journal, _ = _kit(request)
    await _existing(journal, id)
    return respond(
        await journal.change(
            TALLY,
            id,
            ctx,
            lambda _: [Cleared(tally=id, at=ctx.now)],
            lambda state, version: answer(TallyShown(id=id, total=state.total), version=version),
        )
    )


@router.get("/tallies/{id}", response_model=TallyShown)
async def read(id: TallyRef, ctx: Reading, request: Request) -> Response:  # noqa: A002
    """Read a tally."""
    journal, _ = _kit(request)
    state, version = await _existing(journal, id)
    return represent(TallyShown(id=id, total=state.total), version=version)


@router.get("/tallies")
async def read_all(ctx: Reading, page: AskedPage, request: Request) -> Page[TallyShown]:
    """Read all tallies, by reference."""
    pool: Pool = request.app.state.pool
    rows = await pool.fetch(
        "select id, (state->>'total')::int as total from aggregates where id > $1 order by id limit $2",
        ALL.after(page.cursor) or "",
        page.limit + 1,
    )
    tallies = [TallyShown(id=row["id"], total=row["total"]) for row in rows]
    return ALL.page(tallies, page.limit, lambda tally: tally.id)


@router.get("/failure", include_in_schema=False)
async def fail(ctx: Reading, said: str = "") -> None:
    """Break, with content in the message of the exception and in a local variable."""
    secret = f"content: {said}"
    raise RuntimeError(secret)


@router.get("/page", include_in_schema=False)
async def page() -> Response:
    """Return a page for everybody, with rules of its own."""
    return Response(
        "<p>", media_type="text/html", headers={"Cache-Control": "max-age=60", "Content-Security-Policy": "x"}
    )


async def _add(journal: Journal, id: str, body: Addition, ctx: Command, *, status: int) -> Response:  # noqa: A002
    return respond(
        await journal.change(
            TALLY,
            id,
            ctx,
            adding(id, body.amount),
            lambda state, version: answer(
                TallyShown(id=id, total=state.total), status=status, version=version, location=f"/tallies/{id}"
            ),
        )
    )


async def _existing(journal: Journal, id: str) -> tuple[Tally, int]:  # noqa: A002
    loaded = await journal.load(TALLY, id)
    if loaded.version == 0:
        raise NotFoundError
    return loaded.state, loaded.version


def _kit(request: Request) -> tuple[Journal, Ids]:
    journal: Journal = request.app.state.journal
    ids: Ids = request.app.state.ids
    return journal, ids


async def _always_ready() -> Sequence[str]:
    return []


def tally_app(
    pool: Pool,
    issuer: LocalIssuer,
    http: httpx.AsyncClient,
    clock: Clock,
    ids: Ids,
    *,
    metrics: Metrics | None = None,
    development: bool = False,
    ready: Callable[[], Awaitable[Sequence[str]]] = _always_ready,
    nudge: Callable[[], None] = lambda: None,
    routers: Sequence[APIRouter] = (router,),
    public: AbstractSet[str] = frozenset({"/page"}),
) -> FastAPI:
    """Return the service's application."""
    journal = Journal(pool, source=SOURCE, clock=clock, ids=ids, contracts=CONTRACTS, nudge=nudge)
    metrics = metrics or Metrics()
    app = create_app(
        ServiceSettings.model_validate(
            {
                "database_url": "postgresql:///unused",
                "kafka_bootstrap_servers": "unused:9092",
                "oidc_issuer": issuer.issuer,
                "pid_key": PID_KEY,
                "lagspill_development": development,
            }
        ),
        title="Tallies",
        version="1.0.0",
        routers=routers,
        clock=clock,
        ids=ids,
        authenticator=Authenticator(issuer.issuer, "lagspill", PID_KEY.encode(), http, metrics=metrics),
        metrics=metrics,
        ready=ready,
        source=SOURCE,
        heads=journal.heads,
        public=public,
    )
    app.state.journal = journal
    app.state.ids = ids
    app.state.pool = pool
    return app


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        self.listening.set()


@asynccontextmanager
async def served(app: ASGIApp, port: int = 0) -> AsyncIterator[tuple[str, int]]:
    """Serve `app` over real HTTP/1.1, as the services are, on a free port unless one is given; gives host and port."""
    server = _Server(
        uvicorn.Config(
            app, port=port, http="httptools", lifespan="off", access_log=False, log_config=None, server_header=False
        )
    )
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        await serving
