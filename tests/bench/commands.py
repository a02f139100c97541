"""Command to commit: a FastAPI endpoint that runs a command through the journal, beside one that inserts a row."""

from __future__ import annotations

import asyncio
import itertools
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import asyncpg

from deploy.local.process import free_port
from tests.bench.ground import Ground
from tests.bench.http_load import Load, post, run_for
from tests.bench.measure import Measure
from tests.tally import RANDOM

ROUNDS = 25
SECONDS = 0.4
CASES = 1000


@dataclass
class Server:
    """One endpoint in a process of its own."""

    kind: str
    port: int
    answered: int = 0

    async def load(self, seconds: float) -> Load:
        """Let requests in for that long."""
        load = await run_for(seconds, self.port, self._requests.__next__)
        self.answered += load.answered
        return load

    def __post_init__(self) -> None:
        self._requests = _requests()


def _requests() -> Iterator[bytes]:
    cases = [RANDOM.ref("cas") for _ in range(CASES)]
    for nth in itertools.count():
        yield post(
            f"/tallies/{cases[nth % CASES]}/additions",
            b'{"amount": 1, "note": "a goal in a few words"}',
            f"idempotency-key: {nth}",
        )


@asynccontextmanager
async def _serving(kind: str, dsn: str) -> AsyncIterator[Server]:
    server = Server(kind, free_port())
    process: Process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.bench.command_app", kind, dsn, str(server.port)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            await process.stdout.readuntil(b"ready\n")
        yield server
    finally:
        process.terminate()
        await process.wait()


async def measure_commands(ground: Ground) -> list[Measure]:
    """Return what the journal's command reaches of a bare insert, and what the whole of a command does."""
    databases = {kind: await ground.database() for kind in ("default", "bare", "command", "full")}
    for kind in ("default", "bare"):
        await _execute(
            databases[kind],
            "CREATE TABLE bare (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tally text, amount int, note text)",
        )
    async with AsyncExitStack() as stack:
        servers = [await stack.enter_async_context(_serving(kind, dsn)) for kind, dsn in databases.items()]
        rates: dict[str, list[float]] = {server.kind: [] for server in servers}
        for server in servers:
            await server.load(1.0)
        for _ in range(ROUNDS):
            for server in servers:
                rates[server.kind].append((await server.load(SECONDS)).rate)
    void = {server.kind: await _wrong(databases[server.kind], server) for server in servers}
    made = {kind: tuple(values) for kind, values in rates.items()}
    pool = "bare insert, the kit's pool"
    return [
        Measure(
            "command: state, event, outbox",
            made["command"],
            "bare insert, asyncpg's own pool",
            made["default"],
            target=0.8,
            void=void["command"] or void["default"],
        ),
        Measure("command: state, event, outbox", made["command"], pool, made["bare"], void=void["bare"]),
        Measure("… and access record, idempotent answer", made["full"], pool, made["bare"], void=void["full"]),
    ]


async def _wrong(dsn: str, server: Server) -> str:
    """Return what does not add up between the answers and the tables."""
    if server.kind in {"bare", "default"}:
        checks = {"rows": "SELECT count(*) FROM bare"}
    else:
        checks = {
            "events": "SELECT count(*) FROM events",
            "versions": "SELECT sum(version) FROM aggregates",
            "totals": "SELECT sum((state ->> 'total')::int) FROM aggregates",
            "outbox": "SELECT count(*) FROM outbox WHERE topic = 'lagspill.cases.v1'",
        }
    for what, query in checks.items():
        found = await _execute(dsn, query)
        if found != server.answered:
            return f"{server.kind}: {server.answered} answers, {found} {what}"
    return ""


async def _execute(dsn: str, query: str) -> int | None:
    connection = await asyncpg.connect(dsn)
    try:
        value: int | None = await connection.fetchval(query)
    finally:
        await connection.close()
    return value
