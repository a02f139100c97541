"""A cases service and an audit service over HTTP, with the same people: what the innsyn report needs."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from shared.clock import SimulatedClock
from shared.envelope import number
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service
from tests.e2e.cases_world import KEY, World, cases_world
from tests.tally_app import served


@dataclass(repr=False)
class Town:
    """A cases service and an audit service with the same people; what the first published, the second's log takes."""

    cases: World
    audit: Served
    _taken: int = 0
    _numbers: dict[str, itertools.count[int]] = field(default_factory=dict)
    _keys: itertools.count[int] = field(default_factory=itertools.count)

    async def log(self) -> None:
        """Let the log take what the cases service has committed since the last time, as the relay would send it."""
        rows = await self.cases.pool.fetch("SELECT id, scope, body FROM outbox WHERE id > $1 ORDER BY id", self._taken)
        bodies = [number(row["body"], next(self._numbers.setdefault(row["scope"], itertools.count(1)))) for row in rows]
        self._taken = rows[-1]["id"] if rows else self._taken
        await self.audit.world.take(*bodies)

    async def ask(self, who: str, case: str, key: str | None = None, **claims: Any) -> httpx.Response:
        """Ask for a report."""
        headers = self.headers(who, **claims) | {"idempotency-key": key or f"key-{next(self._keys)}"}
        return await self.audit.http.post("/innsyn-reports", json={"case": case}, headers=headers)

    async def report(self, who: str, case: str) -> dict[str, Any]:
        """Ask for a report that must be made, and read it as data."""
        made = await self.ask(who, case)
        assert made.status_code == 201, made.text
        answer = await self.read(who, made.json()["report"])
        assert answer.status_code == 200, answer.text
        read: dict[str, Any] = answer.json()
        return read

    async def read(self, who: str, report: str, accept: str = "application/json", **query: str) -> httpx.Response:
        """Read a report."""
        headers = self.headers(who) | {"accept": accept}
        return await self.audit.http.get(f"/innsyn-reports/{report}", params=query, headers=headers)

    def headers(self, who: str, **claims: Any) -> dict[str, str]:
        """Who asks."""
        return {"authorization": f"Bearer {self.cases.token(who, **claims)}"}

    async def looked_at(self) -> str:
        """A case that nurse and PPT have read on consent, that the teacher reads, and strangers have tried to open."""
        case = await self.cases.opened()
        consent = await self.cases.requested(case)
        await self.cases.must("guardian-a", f"/consents/{consent}/grants")
        await self.cases.must("guardian-b", f"/consents/{consent}/grants")
        for who in ("nurse", "nurse", "ppt", "teacher", "guardian-b"):
            await self.cases.see(who, f"/cases/{case}/child")
        for who in ("curious", "barnevern"):
            assert (await self.cases.get(who, f"/cases/{case}/child")).status_code == 404
        await self.log()
        return case


@asynccontextmanager
async def running(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, **told: Any) -> AsyncIterator[Town]:
    """Run both services."""
    async with AsyncExitStack() as stack:
        cases = await stack.enter_async_context(cases_world(migrated, issuer, clock))
        host, port = await stack.enter_async_context(served(cases.parts.app))
        settings = {"cases_url": f"http://{host}:{port}", **told}
        audit = await stack.enter_async_context(audit_service(migrated, issuer, clock, pid_key=KEY, told=settings))
        yield Town(cases, audit)
