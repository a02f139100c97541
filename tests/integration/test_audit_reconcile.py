"""`lagspill audit reconcile`: the log beside live journals, over real HTTP, from the outbox to the exit status."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import pytest
import pytest_asyncio

from deploy.audit_cli import AGREES, CANNOT_TELL, CONTRADICTED, INCOMPLETE
from shared.clock import SimulatedClock
from shared.refs import LogScope
from shared.relay import Step
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import TopicReader
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import SKIEN
from tests.relay_world import World, fill, new_world
from tests.tally import RANDOM
from tests.tally_app import served, tally_app

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@dataclass(repr=False)
class Beside:
    """The audit service beside another one, whose relay has published twenty events and a seal."""

    audit: Served
    cases: World
    records: list[bytes]

    async def reconcile(self, *more: str, token: str | None = None) -> tuple[int, str]:
        """Run the command; return its status, and all that it says."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy.cli", "audit", "reconcile", "--url", self.audit.address, "--wait", "0", *more,
            env=os.environ | {"LAGSPILL_TOKEN": token or self.audit.token(), "COLUMNS": "160", "NO_COLOR": "1"},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()


@pytest_asyncio.fixture
async def beside(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, broker: str, new_topic: NewTopicName
) -> AsyncIterator[Beside]:
    """Two live services, and what the one has published, not yet in the other's log."""
    async with AsyncExitStack() as stack:
        cases = await stack.enter_async_context(new_world(migrated, broker, new_topic))
        await fill(cases.journal(), [RANDOM.ref("cas") for _ in range(5)], 2)
        await fill(cases.journal(), [RANDOM.ref("cas")], 1, scope=LogScope(SKIEN))
        async with cases.relay():
            await cases.steps.until(lambda seen: Step.DRAINED in seen)
        async with TopicReader(broker, cases.events) as reader:
            published = [record.value for record in await reader.rest() if record.value is not None]
        http = await stack.enter_async_context(httpx.AsyncClient())
        app = tally_app(cases.pool, issuer, http, clock, RANDOM)
        host, port = await stack.enter_async_context(served(app))
        told = {"cases_url": f"http://{host}:{port}"}
        audit = await stack.enter_async_context(audit_service(migrated, issuer, clock, told=told))
        yield Beside(audit, cases, published)


async def test_all_that_was_published_is_there_and_has_the_same_root(beside: Beside) -> None:
    """What the service's `/journal/head` says is what the log computes from its entries."""
    await beside.audit.world.take(*beside.records)
    status, said = await beside.reconcile()
    assert (status, "The log holds everything" in said) == (AGREES, True), said
    assert all(part in said for part in ("log 4005, 21 entries", "/services/cases", "agrees", "none")), said
    found = await beside.audit.see("/reconciliation")
    cases = next(each for each in found["sources"] if each["source"] == "/services/cases")
    assert (cases["published"], cases["held"], cases["missing"], cases["agrees"]) == (21, 21, [], True)


async def test_what_is_missing_is_named(beside: Beside) -> None:
    """In the middle, and at the end; something missing comes before somebody who does not answer."""
    await beside.audit.world.take(*(r for r in beside.records if not any(n in r for n in (b'0007"}', b'0021"}'))))
    status, said = await beside.reconcile()
    assert (status, "7, 21" in said, "NOT COMPLETE" in said) == (INCOMPLETE, True, True), said


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE journal_heads SET frontier = overlay(frontier PLACING '\\x00000000' FROM 3)",
        "UPDATE journal_heads SET size = 16, frontier = substring(frontier FOR 32)",
    ],
    ids=["another root", "less than the log has"],
)
async def test_a_service_that_says_something_else_is_contradicted(beside: Beside, tampering: str) -> None:
    """It has rewritten its journal, or cut off its end."""
    await beside.audit.world.take(*beside.records)
    await beside.cases.pool.execute(tampering)
    status, said = await beside.reconcile()
    assert (status, "CONTRADICTED" in said) == (CONTRADICTED, True), said


async def test_who_does_not_answer_leaves_it_open(beside: Beside) -> None:
    """The service, the audit service, or one who is not entitled."""
    await beside.audit.world.take(*beside.records)
    await beside.cases.pool.execute("ALTER TABLE journal_heads RENAME TO gone")
    status, said = await beside.reconcile()
    assert (status, "no answer" in said) == (CANNOT_TELL, True), said
    status, said = await beside.reconcile(token=beside.audit.token(role="teacher"))
    assert (status, "answered with 403" in said) == (CANNOT_TELL, True), said
    status, said = await beside.reconcile("--url", "http://127.0.0.1:9")
    assert (status, "does not answer" in said) == (CANNOT_TELL, True), said
