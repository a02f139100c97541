"""The audit service composed for HTTP; its logs are fed directly."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import httpx
from pydantic import SecretStr
from starlette.types import ASGIApp

from services.audit.app import SERVICE, Pools
from services.audit.patterns.watch import Watch
from services.audit.settings import AuditSettings
from shared import db
from shared.auth import Authenticator
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.journal import Journal
from shared.kafka import create_broker
from shared.lifecycle import Kit
from shared.observability import Metrics
from shared.refs import RandomIds
from shared.testing.issuer import Claim, LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.integration.audit_world import NOTODDEN, SIGNER, World, open_world
from tests.tally_app import served

PID_KEY: Final = "a key for people of thirty-two b"
VAULT_KEY: Final = "test-1:" + "a2" * 21 + "a="


@dataclass
class Machine:
    """The machine's clock, for what tokens say of time."""

    ahead: float = 0.0
    """Seconds, which a test adds."""

    def wall(self) -> float:
        """Return the seconds since 1970."""
        return time.time() + self.ahead


@dataclass(repr=False)
class Served:
    """The service, and whoever asks it."""

    world: World
    http: httpx.AsyncClient
    issuer: LocalIssuer
    pool: db.Pool
    app: ASGIApp
    address: str
    watch: Watch
    """Examines the logs when a test says `look()`; nothing starts it here."""
    deadlines: Deadlines
    """The same of due dates: `fire_due()`."""
    machine: Machine

    def token(self, role: str = "auditor", municipality: str = NOTODDEN, sub: str = "auditor-1") -> str:
        """An access token of somebody in that role."""
        claims: dict[str, Claim] = {
            "sub": sub,
            "lagspill_roles": [role],
            "lagspill_service": None,
            "lagspill_unit": "unit:kommune",
            "municipality": municipality,
        }
        return self.issuer.token(claims)

    async def get(self, path: str, token: str | None = None, **query: str | int) -> httpx.Response:
        """Ask."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return await self.http.get(path, params=query or None, headers=headers)

    async def see(self, path: str, **query: str | int) -> Any:
        """Ask as the auditor for something that must be shown."""
        answer = await self.get(path, self.token(), **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def recorded(self) -> list[dict[str, Any]]:
        """The access records that were committed, in order."""
        rows = await self.pool.fetch("SELECT body FROM outbox ORDER BY id")
        events = [json.loads(row["body"]) for row in rows]
        return [event["data"] for event in events if event["type"] == "no.lagspill.access.recorded.v1"]


@asynccontextmanager
async def audit_service(
    migrated: Migrated,
    issuer: LocalIssuer,
    clock: SimulatedClock,
    *,
    pid_key: str = PID_KEY,
    port: int = 0,
    oidc_issuer: str | None = None,
    told: Mapping[str, object] | None = None,
) -> AsyncIterator[Served]:
    """Compose the real service on a database of its own, and serve it, on a free port unless one is given.

    Args:
        oidc_issuer: another issuer than `issuer`.
        told: more of its settings.
    """
    named = oidc_issuer or issuer.issuer
    dsn = await migrated("audit", SERVICE.migrations)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(open_world(dsn, clock=clock))
        pool = await db.create_pool(dsn, application_name="audit-e2e")
        stack.push_async_callback(pool.close)
        outgoing = await stack.enter_async_context(httpx.AsyncClient(verify=TRUST))
        settings = AuditSettings(
            database_url=SecretStr(dsn),
            kafka_bootstrap_servers="127.0.0.1:9",
            oidc_issuer=named,
            pid_key=SecretStr(pid_key),
            audit_signing_key=SecretStr(SIGNER.skey()),
            vault_key=SecretStr(VAULT_KEY),
            lookup_key=SecretStr(PID_KEY),
        ).model_copy(update=told)
        ids, metrics, machine = RandomIds(), Metrics(), Machine()

        async def ready() -> list[str]:
            return []

        kit = Kit(
            name="audit",
            settings=settings,
            pool=pool,
            journal=Journal(pool, source=SERVICE.source, clock=clock, ids=ids),
            clock=clock,
            ids=ids,
            metrics=metrics,
            http=outgoing,
            authenticator=Authenticator(
                named, "lagspill", pid_key.encode(), outgoing, metrics=metrics, wall=machine.wall
            ),
            broker=create_broker("127.0.0.1:9", client="audit-test"),
            not_ready=ready,
        )
        parts = await SERVICE.compose(kit)
        pools = parts.runners[0]
        assert isinstance(pools, Pools)
        stack.push_async_callback(pools.stop)
        host, port = await stack.enter_async_context(served(parts.app, port))
        address = f"http://{host}:{port}"
        client = await stack.enter_async_context(httpx.AsyncClient(verify=TRUST, base_url=address))
        watch = next(runner for runner in parts.runners if isinstance(runner, Watch))
        deadlines = Deadlines(pool, parts.deadlines, journal=kit.journal, clock=clock, ids=ids, metrics=metrics)
        yield Served(world, client, issuer, pool, parts.app, address, watch, deadlines, machine)


@asynccontextmanager
async def slowly_read(served: Served, path: str, **headers: str) -> AsyncIterator[asyncio.StreamReader]:
    """Ask for something large, and read no more of it than is read here: what the service has not sent yet, it has not read yet."""
    host, port = served.address.removeprefix("http://").split(":")
    asking = socket.socket()
    asking.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
    asking.setblocking(False)
    await asyncio.get_running_loop().sock_connect(asking, (host, int(port)))
    reader, writer = await asyncio.open_connection(sock=asking, limit=4096)
    said = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"GET {path} HTTP/1.1\r\nhost: {host}:{port}\r\n{said}\r\n".encode())
    try:
        assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
        yield reader
    finally:
        writer.transport.abort()
