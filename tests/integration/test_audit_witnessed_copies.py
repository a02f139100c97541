"""What leaves the log to prove something with is made of a witnessed checkpoint, where the witnesses answer in time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import httpx
import lagspill_verify
import pytest

from services.audit.domain.policy import Policy
from services.audit.exports.desk import ExportDesk
from services.audit.handlers import Desk
from services.audit.queries import Reader
from services.audit.witnesses import Witnesses
from shared.aggregate import Context
from shared.auth import Actor
from shared.clock import SimulatedClock
from shared.contracts.audit import ExportFilter, ExportFormat
from shared.contracts.codes import Language, Role
from shared.journal import Journal
from shared.refs import ActorId, ExportRef, LogScope
from shared.testing.ids import SeededIds
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, ORIGIN, SIGNER, Publisher, World, open_world
from tests.integration.witness_world import asking, open_witness

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The client's connections."""
    async with httpx.AsyncClient() as client:
        yield client


VKEY = SIGNER.named(f"{ORIGIN}/{NOTODDEN}").verifier.vkey


def looking() -> Context:
    """Notodden's auditor."""
    actor = Actor(
        id=ActorId("act_the-auditor"),
        kind="user",
        roles=frozenset({Role.AUDITOR}),
        service=None,
        unit=None,
        organisation=None,
        municipality=LogScope(NOTODDEN),
        client="a-test",
        acr=None,
    )
    return Context(actor=actor, scope=LogScope(NOTODDEN), now=NOON, correlation=uuid4())


def exports(world: World, policy: Policy, patience: float = 20.0) -> ExportDesk:
    """Where they are ordered, with that much patience for witnesses."""
    clock, ids, reader = SimulatedClock(NOON), SeededIds(5), Reader(world.pool)
    journal = Journal(world.pool, source="/services/audit", clock=clock, ids=ids)
    witnesses = Witnesses(world.pool, reader, clock, policy, patience)
    return ExportDesk(Desk(reader, journal, origin=ORIGIN), reader, journal, clock, ids, witnesses)


async def order(desk: ExportDesk, case: str) -> tuple[ExportRef, int]:
    """Order everything about a case; the export's reference, and the size of its checkpoint."""
    asked = ExportFilter.model_validate({"case": case})
    made = await desk.order(looking(), NOTODDEN, ExportFormat.NDJSON, asked, Language.NB)
    assert made.state.ordered is not None
    return made.state.ordered.export, made.state.ordered.size


async def fetched(desk: ExportDesk, export: ExportRef, folder: Path) -> tuple[Path, bool]:
    """Fetch a file; where it is, and whether it says that its checkpoint is witnessed."""
    ctx = looking()

    async def again() -> Actor:
        assert ctx.actor is not None
        return ctx.actor

    file = await desk.fetch(ctx, export, again)
    path = folder / file.name
    path.write_bytes(b"".join([piece async for piece in file.pieces]))
    return path, json.loads(path.read_text().partition("\n")[0])["witnessed"]


async def test_an_export_waits_for_the_witnesses_and_carries_their_word(
    migrated: Migrated, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(publisher.read(case))
        policy = tmp_path / "policy"
        policy.write_text((await asked.witnesses.policy(NOTODDEN)).text())
        assert await asked.ask() == {"skien": None}
        await world.take(publisher.read(case))
        desk = exports(world, asked.policy)
        ordering = asyncio.create_task(order(desk, case))
        await asked.ask()
        export, size = await ordering
        assert size == 2
        path, witnessed = await fetched(desk, export, tmp_path)
        assert witnessed
        report = await asyncio.to_thread(lagspill_verify.verify, str(path), VKEY, policy=str(policy))
        assert (report.findings, report.entries) == ([], 2), report


async def test_an_export_without_their_word_says_so_and_gets_it_later(
    migrated: Migrated, http: httpx.AsyncClient, tmp_path: Path
) -> None:
    """A witness that is away holds nobody up for long: the file carries the signed checkpoint, and says that it is no more."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(publisher.read(case))
        desk = exports(world, asked.policy, patience=0.0)
        export, size = await order(desk, case)
        path, witnessed = await fetched(desk, export, tmp_path)
        assert (size, witnessed) == (1, False)
        report = await asyncio.to_thread(lagspill_verify.verify, str(path), VKEY)
        assert (report.findings, report.entries) == ([], 1), report
        await asked.ask()
        _, witnessed = await fetched(desk, export, tmp_path)
        assert witnessed
