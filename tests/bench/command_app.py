"""HTTP servers to compare: a bare insert, and a command through the journal. `python -m tests.bench.command_app KIND DSN PORT`.

All are FastAPI under uvicorn with ten connections. `default` and `bare` insert a row, with asyncpg's own pool and with the
kit's; `command` changes an aggregate, `full` does so with an access record and an idempotency key.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from hashlib import sha256

import asyncpg
import uvicorn
from fastapi import FastAPI, Header
from pydantic import BaseModel, ConfigDict

from shared.aggregate import Aggregate, Answer, Context, Decision, IdempotencyKey
from shared.clock import SystemClock
from shared.contracts.base import EventData, Model
from shared.db import Pool, create_pool
from shared.journal import Journal
from shared.memory import settle
from shared.refs import RandomIds
from tests.tally import CONTRACTS, NOTODDEN, SOURCE, Added, looked_at, somebody


class Addition(BaseModel):
    """The request."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    amount: int
    note: str


class Outcome(BaseModel):
    """The answer."""

    version: int


class Sum(Model):
    """A state that does not grow, as a case's hardly does."""

    total: int = 0
    latest: str = ""


def evolve(state: Sum, event: EventData) -> Sum:
    """Return the state after `event`."""
    if isinstance(event, Added):
        return Sum(total=state.total + event.amount, latest=event.note)
    raise TypeError(f"{type(event).__name__} is no event of a sum")


SUM = Aggregate("sum", Sum, Sum(), evolve)
Handle = Callable[[Pool], Callable[..., Awaitable[Outcome]]]


def bare(pool: Pool) -> Callable[..., Awaitable[Outcome]]:
    """Return the endpoint that inserts one row."""

    async def add(tally: str, body: Addition) -> Outcome:
        row = await pool.fetchval(
            "INSERT INTO bare (tally, amount, note) VALUES ($1, $2, $3) RETURNING id", tally, body.amount, body.note
        )
        return Outcome(version=row)

    return add


def command(pool: Pool) -> Callable[..., Awaitable[Outcome]]:
    """Return the endpoint that makes state, event and outbox row true."""
    journal = _journal(pool)
    actor, clock, ids = somebody(), SystemClock(), RandomIds()

    async def add(tally: str, body: Addition) -> Outcome:
        ctx = Context(actor=actor, scope=NOTODDEN, now=clock.now(), correlation=ids.event_id())
        event = Added(tally=tally, amount=body.amount, note=body.note)
        changed = await journal.change(SUM, tally, ctx, lambda _: [event])
        return Outcome(version=changed.version)

    return add


def full_command(pool: Pool) -> Callable[..., Awaitable[Outcome]]:
    """Return the endpoint that also keeps the answer under an idempotency key and records the access."""
    journal = _journal(pool)
    actor, clock, ids = somebody(), SystemClock(), RandomIds()
    looked = looked_at(ids.ref("cas"))

    async def add(tally: str, body: Addition, idempotency_key: str = Header()) -> Outcome:
        key = IdempotencyKey(actor.id, idempotency_key, sha256(body.model_dump_json().encode()).digest())
        ctx = Context(actor=actor, scope=NOTODDEN, now=clock.now(), correlation=ids.event_id(), idempotency=key)
        event = Added(tally=tally, amount=body.amount, note=body.note)
        changed = await journal.change(
            SUM,
            tally,
            ctx,
            lambda _: Decision([event], [looked]),
            lambda _, version: Answer(201, b'{"version":%d}' % version, version),
        )
        return Outcome(version=changed.version)

    return add


KINDS: dict[str, Handle] = {"default": bare, "bare": bare, "command": command, "full": full_command}


def _journal(pool: Pool) -> Journal:
    return Journal(pool, source=SOURCE, clock=SystemClock(), ids=RandomIds(), contracts=CONTRACTS)


def create_app(kind: str, dsn: str) -> FastAPI:
    """Return the application of `kind`."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if kind == "default":
            pool = await asyncpg.create_pool(dsn, min_size=10, max_size=10)
        else:
            pool = await create_pool(dsn, min_size=10, max_size=10, application_name=f"bench {kind}")
        app.post("/tallies/{tally}/additions", status_code=201)(KINDS[kind](pool))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        yield
        await pool.close()

    return FastAPI(lifespan=lifespan)


if __name__ == "__main__":
    _, chosen, address, port = sys.argv
    # Bound before "ready" is said: whoever hears it can connect.
    listening = socket.create_server(("127.0.0.1", int(port)))
    server = uvicorn.Server(uvicorn.Config(create_app(chosen, address), log_level="warning", access_log=False))
    settle()  # as every service does, and here every one of the kinds
    server.run(sockets=[listening])
