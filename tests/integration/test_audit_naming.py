"""What the logs are called: those of address-protected cases by names that name no municipality."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from services.audit.domain.entry import LogName
from services.audit.domain.note import Note
from services.audit.handlers import Desk
from services.audit.keeper import Keeper
from services.audit.naming import NEUTRAL, Naming
from services.audit.queries import Reader
from services.audit.settings import LONGEST_ORIGIN, AuditSettings
from services.audit.signing import Signing
from shared.aggregate import Context
from shared.auth import Actor, Clearance
from shared.clock import SimulatedClock
from shared.contracts.access import AccessKind
from shared.contracts.audit import LogQueried
from shared.contracts.codes import Role
from shared.journal import Journal
from shared.refs import ActorId, LogScope
from shared.testing.ids import SeededIds
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, SIGNER, Publisher, World, open_world

SKIEN = "skien.example/logs"


def keep(world: World, *, protected_origin: str = NEUTRAL) -> Journal:
    """Let the world's logs be kept by a deployment whose origin is its municipality's own domain."""
    clock, ids = SimulatedClock(NOON), SeededIds(42)
    journal = Journal(world.pool, source="/services/audit", clock=clock, ids=ids)
    world.keeper = Keeper(
        world.pool,
        signing=Signing.held(SIGNER),
        origin=SKIEN,
        protected_origin=protected_origin,
        journal=journal,
        clock=clock,
        ids=ids,
    )
    return journal


async def names(world: World, log: str) -> set[str]:
    """By every name the log has: in its table, its checkpoints and their signatures, and in what was published."""
    notes = [
        Note.parse(row["note"].encode())
        for row in await world.pool.fetch("SELECT note FROM checkpoints WHERE log = $1", log)
    ]
    told = await world.pool.fetch(
        "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'log' AS log FROM outbox WHERE scope = $1", log
    )
    return (
        {await world.pool.fetchval("SELECT origin FROM logs WHERE log = $1", log)}
        | {note.text.partition("\n")[0] for note in notes}
        | {line.name for note in notes for line in note.lines}
        | {row["log"] for row in told if row["log"] is not None}
    )


@pytest.mark.connected
async def test_the_log_of_a_protected_case_names_no_municipality(migrated: Migrated) -> None:
    publisher = Publisher()
    protected = LogName(publisher.ids.ref("prt"))
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        journal = keep(world)
        await world.take(*publisher.reads(2), *publisher.reads(2, scope=protected))
        assert await world.keeper.announce() == 2
        desk, ctx = Desk(Reader(world.pool), journal, origin=SKIEN), looking(protected)
        await desk.record(ctx, protected, Role.AUDITOR, AccessKind.LOG_READ, results=1, about=None)
        assert await names(world, protected) == {f"lagspill.no/logs/{protected}"}
        assert await names(world, NOTODDEN) == {f"{SKIEN}/{NOTODDEN}"}


@pytest.mark.connected
async def test_a_log_keeps_the_name_with_which_it_began(migrated: Migrated) -> None:
    """Its checkpoints are signed under it: under another name it would be another log."""
    publisher = Publisher()
    protected = LogName(publisher.ids.ref("prt"))
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        keep(world, protected_origin=SKIEN)
        await world.take(*publisher.reads(2, scope=protected))
        journal = keep(world)
        await world.take(*publisher.reads(2, scope=protected))
        assert await world.keeper.announce() == 1
        desk, ctx = Desk(Reader(world.pool), journal, origin=SKIEN), looking(protected)
        await desk.record(ctx, protected, Role.AUDITOR, AccessKind.LOG_READ, results=1, about=None)
        assert await names(world, protected) == {f"{SKIEN}/{protected}"}


def looking(log: LogName) -> Context:
    """An auditor who is cleared for protected logs."""
    actor = Actor(
        id=ActorId("act_nurse-in-tinnes"),
        kind="user",
        roles=frozenset({Role.AUDITOR}),
        service=None,
        unit=None,
        organisation=None,
        municipality=LogScope("4003"),
        client="test",
        acr=None,
        clearances=frozenset({Clearance.PROTECTED_LOG_READER}),
    )
    return Context(actor=actor, scope=LogScope(log), now=NOON, correlation=SeededIds(3).event_id())


# --- settings ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name, value in (
        ("DATABASE_URL", "postgresql://x"),
        ("KAFKA_BOOTSTRAP_SERVERS", "x:1"),
        ("OIDC_ISSUER", "http://x"),
        ("PID_KEY", "x" * 32),
        ("AUDIT_SIGNING_KEY", SIGNER.skey()),
    ):
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize("setting", ["AUDIT_ORIGIN", "AUDIT_PROTECTED_ORIGIN"])
def test_an_origin_can_begin_the_names_in_events(environment: pytest.MonkeyPatch, setting: str) -> None:
    """What the contracts do not take is refused when the service starts, and not at every look."""
    logs = [NOTODDEN, LogName("unparsable"), LogName(SeededIds(1).ref("prt"))]
    for good in ("lagspill.no/logs", "4003.example", "a", "x" * LONGEST_ORIGIN):
        environment.setenv(setting, good)
        settings = AuditSettings()
        naming = Naming(settings.audit_origin, settings.audit_protected_origin)
        for log in logs:
            LogQueried(log=naming.new(log), at=NOON, results=0)
    bad = (
        "audit.example:8443/logs", "https://audit.example", "Skien.example", "-a", ".a", "a/", "/a", "a//b", "a b", "a/logs?x",
        "x" * (LONGEST_ORIGIN + 1),
    )  # fmt: skip
    for wrong in bad:
        environment.setenv(setting, wrong)
        with pytest.raises(ValidationError, match="without scheme and port"):
            AuditSettings()
