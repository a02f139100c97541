"""The commands beside the service, as processes with their own logins; and what HTTP then says of keys and pruned entries."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import lagspill_verify
import pytest
import pytest_asyncio

from services.audit import retention
from services.audit.domain.retention import read_policy
from services.audit.domain.tiles import WIDTH
from services.audit.operate import main as operate
from services.audit.retention import PRUNER, Pruner
from shared.clock import SimulatedClock
from shared.contracts.audit import EntriesPruned
from shared.db import create_pool
from shared.envelope import parse
from shared.journal import Journal
from shared.merkle import leaf_hash, split
from shared.testing.ids import SeededIds
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import Served, audit_service
from tests.integration.audit_world import NOTODDEN, SIGNER, Publisher, as_role
from tests.integration.test_audit_retention import SHORT, YEAR

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest_asyncio.fixture
async def audit(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Served]:
    """The composed service; its logs are fed directly."""
    async with audit_service(migrated, issuer, clock) as made:
        yield made


class Desk:
    """Runs `python -m services.audit ...` in this process, with a login."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        monkeypatch.setenv("LAGSPILL_DEVELOPMENT", "1")
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    async def run(self, dsn: str, *arguments: str) -> tuple[int, str, str]:
        """Return its exit status and what it said."""
        self._monkeypatch.setenv("DATABASE_URL", dsn)
        self._capsys.readouterr()
        code = await asyncio.to_thread(operate, arguments)
        told = self._capsys.readouterr()
        return code, "".join(line for line in told.out.splitlines(keepends=True) if "[info" not in line), told.err


async def process(dsn: str | None, *arguments: str) -> tuple[int, str, str]:
    """Run `lagspill audit ...` as a process of its own, with this login."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"LAGSPILL_DEVELOPMENT": "1", "LAGSPILL_HOME": "/nonexistent", "NO_COLOR": "1"}
    if dsn is not None:
        environment["DATABASE_URL"] = dsn
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "deploy", "audit", *arguments],
        env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.slow
async def test_a_policy_is_installed_and_applied_by_commands(
    audit: Served,
    clock: SimulatedClock,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Each with its own login and with no other; pruned bundles answer 410, their tiles are served as before."""
    owner, run = audit.world.dsn, Desk(monkeypatch, capsys).run
    service, pruner = (as_role(owner, role) for role in ("lagspill_audit_writer", "lagspill_audit_pruner"))
    cases = Publisher()
    records = [cases.read(), *[cases.seal() for _ in range(2 * WIDTH)]]
    await audit.world.take(*records)
    clock.set(clock.now() + 2.1 * YEAR)
    await audit.world.take(cases.seal())
    policy = tmp_path / "retention.yaml"
    policy.write_text(SHORT)
    for dsn, arguments, told in (
        (pruner, ("prune",), "No retention policy is installed"),
        (service, ("retention", str(policy)), "permission denied"),
        (pruner, ("retention", str(policy)), "permission denied"),
        (service, ("prune", "--dry-run"), "permission denied|No retention policy"),
    ):
        code, _, error = await run(dsn, *arguments)
        assert code == 2, arguments
        assert any(part in error for part in told.split("|")), error
    code, _, error = await process(None, "prune")
    assert (code, "Nothing runs here" in error) == (2, True)
    code, out, _ = await process(None, "retention", str(policy), "--check")
    assert (code, out.endswith("can be installed\n")) == (0, True)
    code, out, error = await run(owner, "retention", str(policy))
    assert (code, out.endswith("is in force\n")) == (0, True), error
    code, out, error = await process(pruner, "prune", "--dry-run")
    assert (code, out) == (0, "4005 256-511 the-rest\n256 entries could be pruned\n"), error
    code, out, error = await run(service, "hold", "place", "a-complaint", "--log", "4005")
    assert (code, out) == (0, "a-complaint placed\n"), error
    assert (await run(pruner, "prune"))[:2] == (0, "0 entries were pruned\n")
    assert (await run(service, "hold", "release", "a-complaint"))[0] == 2
    assert (await run(pruner, "hold", "release", "a-complaint"))[:2] == (0, "a-complaint released\n")
    assert "released" in (await run(service, "hold", "list"))[1]
    assert (await run(pruner, "prune", "--log", "4005"))[:2] == (0, "4005 256-511 the-rest\n256 entries were pruned\n")
    token = audit.token()
    for path in ("/logs/4005/tile/entries/001", "/entries/300", "/entries/300/proof"):
        answer = await audit.get(path, token)
        assert answer.status_code == 410, path
        problem = answer.json()
        assert problem["code"] == "entries-pruned"
        assert (problem["first"], problem["last"], problem["rule"]) == (256, 511, "the-rest")
    assert (await audit.get("/logs/4005/tile/entries/000", token)).status_code == 200
    tile = await audit.get("/logs/4005/tile/0/001")
    assert split(tile.content) == tuple(leaf_hash(record) for record in records[WIDTH : 2 * WIDTH])


async def test_a_copy_is_an_entry_of_the_log_before_it_is_a_folder(
    audit: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Made with the service's own login, given as a file as containers do, and with no other setting of the service."""
    run, folder = Desk(monkeypatch, capsys).run, tmp_path / "copy"
    service, pruner = (as_role(audit.world.dsn, role) for role in ("lagspill_audit_writer", "lagspill_audit_pruner"))
    await audit.world.take(*Publisher().reads(300))
    for dsn, log, told in (
        (pruner, "4005", "permission denied"),
        (service, "4003", "no such log"),
        (service, "../4005", "municipality number"),
    ):
        code, _, error = await process(dsn, "export", log, str(folder))
        assert (code, told in error, folder.exists()) == (2, True, False), error
    assert (await process(None, "export", "4005", str(folder)))[0] == 2
    assert await audit.recorded() == []

    secret = tmp_path / "database"
    secret.write_text(f"{service}\n")
    monkeypatch.setenv("DATABASE_URL_FILE", str(secret))
    code, out, error = await run("", "export", "4005", str(folder), "--actor", "act_who-keeps-it-running")
    assert (code, out) == (0, "8 files\n"), error
    [look] = await audit.recorded()
    assert (look["kind"], look["actor"]) == ("export", {"id": "act_who-keeps-it-running", "role": "operator"})
    vkey = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
    report = await asyncio.to_thread(lagspill_verify.verify, str(folder), vkey)
    assert (report.exit_status, report.size) == (0, 300)


async def test_the_keys_of_a_log_are_public(audit: Served) -> None:
    """With when each signs."""
    await audit.world.take(Publisher().read())
    answer = await audit.get("/logs/4005/keys")
    assert answer.status_code == 200
    [key] = answer.json()
    assert key["vkey"] == SIGNER.named("lagspill.no/logs/4005").verifier.vkey
    assert key["valid_to"] is None
    assert (await audit.get("/logs/4003/keys")).status_code == 404


@pytest.mark.parametrize("scattered", [False, True])
async def test_the_verifier_tells_pruned_from_missing(audit: Served, clock: SimulatedClock, scattered: bool) -> None:
    """Over HTTP and with the public key alone: pruned by policy is not missing; removed past the policy is."""
    owner = await asyncpg.connect(audit.world.dsn)
    pruners = await create_pool(as_role(audit.world.dsn, PRUNER), min_size=1, max_size=2, application_name="prune")
    try:
        await retention.install(owner, read_policy(SHORT), clock.now(), simulated=True)
        cases, own = Publisher(), Publisher(source="/services/audit", seed=3)
        if scattered:  # so that what went is told in several events
            pairs = [(cases.read(), cases.seal()) for _ in range(4 * WIDTH)]
            await audit.world.take(*[seal for _, seal in pairs], *[read for read, _ in pairs])
        else:
            await audit.world.take(cases.read(), *[cases.seal() for _ in range(3 * WIDTH)])
        clock.set(clock.now() + 2.1 * YEAR)
        await audit.world.take(cases.seal())
        ids = SeededIds(8)
        pruner = Pruner(pruners, Journal(pruners, source="/services/audit", clock=clock, ids=ids), ids=ids)
        [done] = await pruner.prune(clock.now(), only=NOTODDEN)
        assert [(span.first, span.last) for span in done.spans] == [(0, 1023) if scattered else (256, 767)]

        async def verified() -> lagspill_verify.Report:
            return await asyncio.to_thread(
                lagspill_verify.verify,
                f"{audit.address}/logs/4005",
                SIGNER.named("lagspill.no/logs/4005").verifier.vkey,
                token=audit.token(),
            )

        # Until its own entry has come through Kafka, nothing in the log says why these are gone.
        assert (await verified()).exit_status != 0
        rows = await owner.fetch("SELECT body FROM outbox ORDER BY id")
        told = [parse(row[0]) for row in rows]
        events = [
            EntriesPruned.model_validate_json(each.data) for each in told if each.envelope.type == EntriesPruned.TYPE
        ]
        assert len(events) == (3 if scattered else 1)
        await audit.world.take(*map(own.publish, events))
        report = await verified()
        assert (report.exit_status, report.pruned, report.size) == (0, *((1024, 2052) if scattered else (512, 771))), (
            report
        )
        async with owner.transaction():
            await owner.execute("SET LOCAL session_replication_role = replica")
            await owner.execute("DELETE FROM entries WHERE position = (SELECT min(position) + 3 FROM entries)")
        assert (await verified()).exit_status != 0
    finally:
        await pruners.close()
        await owner.close()
