"""A witness that is killed (SIGKILL) within a request: what it has cosigned it never contradicts, before or after."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from deploy.local.process import HOST, free_port
from services.audit.domain.policy import Policy
from shared.merkle import root_of
from shared.testing.plugin import Migrated
from tests.chaos.witness_process import Orders
from tests.integration.audit_world import MIGRATIONS
from tests.integration.witness_world import OURS, Town, cosigner, open_witness

pytestmark = [pytest.mark.connected, pytest.mark.slow]

POLICY = Policy.parse(f"log {OURS.verifier.vkey}\nwitness skien {cosigner('skien').key.vkey}\nquorum skien\n")


@asynccontextmanager
async def process(orders: Orders) -> AsyncIterator[tuple[Process, httpx.AsyncClient]]:
    """A witness process that answers."""
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.chaos.witness_process", orders.model_dump_json()
    )
    try:
        async with httpx.AsyncClient(base_url=f"http://{HOST}:{orders.port}/witness", timeout=20) as http:
            while True:
                try:
                    await http.get("/unknown")
                    break
                except httpx.TransportError:
                    assert running.returncode is None
            yield running, http
    finally:
        if running.returncode is None:
            running.kill()
        await running.wait()


def pasts() -> tuple[Town, Town]:
    """Two logs of one key that begin alike and go on differently."""
    true, other = Town(), Town()
    for town, word in ((true, "true"), (other, "another")):
        town.grow(100)
        town.grow(400, word)
    return true, other


@pytest.mark.parametrize("dies", ["written", "committed"])
async def test_killed_within_a_request(migrated: Migrated, dies: str) -> None:
    """Before the commit nobody has the cosignature, and it is as if nobody had asked; after it, it is remembered."""
    dsn = await migrated("audit", MIGRATIONS)
    true, other = pasts()
    async with process(Orders(dsn=dsn, port=free_port(), dies=dies, at=200)) as (running, http):
        assert (await http.post("/add-checkpoint", content=true.request(0, 100))).status_code == 200
        with pytest.raises(httpx.TransportError):
            await http.post("/add-checkpoint", content=true.request(100, 200))
        assert await running.wait() == -9
    async with open_witness(dsn) as again:
        answer = await again.add(other.request(100, 200))
        if dies == "committed":
            assert (answer.status_code, answer.text) == (409, "200\n")
            assert (await again.add(other.request(200, 300))).status_code == 422
            assert (await again.add(true.request(200, 300))).status_code == 200
        else:
            # Nothing of the first was given away: the other past is as good, and from now on the only one.
            assert answer.status_code == 200
            assert (await again.add(true.request(200, 300))).status_code == 422


@pytest.mark.parametrize("after", [1, 4, 9])
async def test_killed_while_two_pasts_are_asked_for_at_once(migrated: Migrated, after: int) -> None:
    """Whatever was answered is of one past, and the database knows it."""
    dsn = await migrated("audit", MIGRATIONS)
    true, other = pasts()
    got: list[tuple[int, bytes]] = []
    enough = asyncio.Event()

    async def ask(http: httpx.AsyncClient, town: Town) -> None:
        old = 0
        for size in range(90, 400, 7):
            try:
                answer = await http.post("/add-checkpoint", content=town.request(old, size))
                if answer.status_code == 409 and int(answer.text) <= size:
                    answer = await http.post("/add-checkpoint", content=town.request(int(answer.text), size))
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                verdict = POLICY.evaluate((town.note(size) + answer.text).encode())
                got.append((size, verdict.checkpoint.root))
                old = size
                if len(got) >= after:
                    enough.set()
        enough.set()

    async with process(Orders(dsn=dsn, port=free_port())) as (running, http):
        asking = [asyncio.create_task(ask(http, town)) for town in (true, other)]
        await asyncio.wait_for(enough.wait(), 60)
        running.kill()
        await asyncio.gather(*asking)
    async with open_witness(dsn) as again:
        row = await again.pool.fetchrow("SELECT size, root FROM witnessed_logs")
    assert row is not None
    (winner,) = [town for town in (true, other) if root_of(town.leaves[: row["size"]]) == row["root"]][:1]
    assert len(got) >= after
    for size, root in got:
        assert size <= row["size"]
        assert root == root_of(winner.leaves[:size])
