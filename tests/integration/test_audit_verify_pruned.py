"""A log of which a policy has let entries go: verified, and what is not there told from what was taken away."""

from __future__ import annotations

import asyncio
from pathlib import Path

import lagspill_verify
import pytest
from lagspill_verify import Kind, Report

from services.audit.domain.retention import Span, read_policy
from services.audit.export import export
from services.audit.queries import Reader
from shared.envelope import number
from shared.testing.plugin import Migrated
from tests.integration.audit_world import NOTODDEN, SIGNER
from tests.integration.test_audit_retention import SHORT, Kept, kept

pytestmark = [pytest.mark.connected, pytest.mark.story(24)]

VKEY = SIGNER.named("lagspill.no/logs/4005").verifier.vkey


async def verified(log: Kept, folder: Path) -> Report:
    """Copy the log, and verify the copy."""
    await export(Reader(log.everything), NOTODDEN, folder)
    return await asyncio.to_thread(lagspill_verify.verify, str(folder), VKEY)


async def pruned(log: Kept) -> None:
    """Two bundles go, and the log hears of it as it hears of everything: the relay publishes it."""
    records = [log.cases.seal() if nth else log.cases.read() for nth in range(600)]
    await log.world.take(*records[1:], records[0])
    await log.later(2.1)
    assert await log.prune() == [Span(0, 511, "the-rest")]
    bodies = [row[0] for row in await log.owner.fetch("SELECT body FROM outbox ORDER BY id")]
    await log.world.take(*[number(bytes(body), nth) for nth, body in enumerate(bodies, start=1)])


async def test_pruned_by_policy_is_no_finding(migrated: Migrated, tmp_path: Path) -> None:
    """It says what went, by which rule, and that the rest is as it was signed."""
    async with kept(migrated) as log:
        await pruned(log)
        report = await verified(log, tmp_path)
        assert (report.findings, report.verdict) == ([], "VERIFIED"), report
        assert (report.pruned, report.entries) == (512, report.size - 512)
        told = "\n".join(report.notes)
        assert (
            f"entries 0 to 511 were pruned, as entry {report.size - 1} says: rule the-rest, policy {read_policy(SHORT).digest}"
            in told
        )
        assert "/services/cases 2 to 513: pruned" in told
        assert "seals could not be compared" in told
        command = [str(tmp_path), "--key", VKEY, "--quiet", "--retention", "1" * 64]
        assert await asyncio.to_thread(lagspill_verify.main, command) == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
        command += ["--retention", read_policy(SHORT).digest]
        assert await asyncio.to_thread(lagspill_verify.main, command) == lagspill_verify.EXIT_VERIFIED


async def test_what_goes_beyond_the_pruning_is_missing(migrated: Migrated, tmp_path: Path) -> None:
    """An attacker who deletes more, or the word of the pruning, or numbers in its shadow, is found."""
    async with kept(migrated) as log:
        await pruned(log)
        first = await verified(log, tmp_path / "first")
        bundle = tmp_path / "first" / "tile" / "entries" / f"{first.size // 256:03}.p" / f"{first.size % 256}"
        held = bundle.read_bytes()
        bundle.unlink()
        cut = await asyncio.to_thread(lagspill_verify.verify, str(tmp_path / "first"), VKEY)
        assert [(found.kind, found.position) for found in cut.findings] == [(Kind.TRUNCATED, 0)]
        bundle.write_bytes(held.replace(b'"first":0,"last":511', b'"first":0,"last":255'))
        changed = await asyncio.to_thread(lagspill_verify.verify, str(tmp_path / "first"), VKEY)
        assert [(found.kind, found.position) for found in changed.findings] == [(Kind.CHANGED, first.size - 1)]


async def test_a_number_that_no_pruning_lists_is_missing(migrated: Migrated, tmp_path: Path) -> None:
    """A service that published one more than the log ever held cannot hide it among what was pruned."""
    async with kept(migrated) as log:
        records = [log.cases.seal() if nth else log.cases.read() for nth in range(600)]
        await log.world.take(*records[1:100], *records[101:], records[0])
        await log.later(2.1)
        assert await log.prune() == [Span(0, 511, "the-rest")]
        bodies = [row[0] for row in await log.owner.fetch("SELECT body FROM outbox ORDER BY id")]
        told = [bytes(body) for body in bodies if b"entries.pruned" in bytes(body)]
        await log.world.take(*[number(body, nth) for nth, body in enumerate(told, start=1)])
        report = await verified(log, tmp_path)
        assert report.verdict == "NOT COMPLETE", report
        assert "/services/cases are not in the log" in str(report)
