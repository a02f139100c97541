"""Rows 23 and 24: the auditor asks the log and verifies it with public keys only; an attacker is found whatever he does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from lagspill_verify import Report, verify

from deploy.demo import tamper
from deploy.demo.people import AUDITOR, TEACHER
from deploy.demo.stage import Stage, StoryError
from services.audit.domain.note import Signer
from shared import db
from shared.db import Connection

LOG: Final = "4005"
"""Notodden's."""


async def row_23(stage: Stage) -> None:
    """20 June: the log holds every event of every service, and an outsider can prove it (story row 23)."""
    await stage.at(6, 20)
    case = stage.facts["case"]
    await stage.must_not(
        TEACHER,
        "asks the log:",
        "GET",
        "audit",
        f"/entries?case={case}&since=2026-08-01T00:00:00Z&until=2027-07-01T00:00:00Z",
        code="log-forbidden",
        status=403,
    )
    found = await stage.does(
        AUDITOR,
        "asks the log who has seen what of this case",
        "GET",
        "audit",
        f"/entries?case={case}&since=2026-08-01T00:00:00Z&until=2027-07-01T00:00:00Z&limit=100",
    )
    entries = found.at("items")
    stage.check(isinstance(entries, list) and len(entries) > 20, "the case has a history in the log")
    kinds = sorted({str(one["kind"]) for one in entries if isinstance(one, dict)}) if isinstance(entries, list) else []
    stage.check("deny" in kinds, "the refused look is in the log")
    stage.narrator.happened(
        f"{len(entries) if isinstance(entries, list) else 0} entries, of kinds {', '.join(kinds)}; the question itself is one more"
    )
    await stage.bus.wait("access.recorded", lambda e: e.data["kind"] == "log-read")
    report = await verified(stage)
    stage.check(not report.findings, f"the log verifies: {report}")
    stage.narrator.happened(
        f"verified with the public key alone: {report.size} entries, root recomputed, signature good"
    )
    for journal in report.journals:
        stage.narrator.happened(f"complete: {journal}")


async def row_24(stage: Stage) -> None:
    """20 June: an attacker with the database's password; each tampering is found and named (story row 24)."""
    if stage.attackers_database is None:
        raise StoryError("there is no database to attack")
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.checkpoint"
        async with attacker(stage.attackers_database) as conn, _nothing_logged(stage.attackers_database):
            head = await stage.call(None, "GET", "audit", f"/logs/{LOG}/checkpoint")
            kept.write_bytes(head.content)
            size = int(head.content.decode().split("\n")[1])
            for attack in _attacks(size):
                async with tamper.undone(conn):
                    await _found(stage, await attack(conn), ())
            older = await conn.fetchval(
                "SELECT size FROM checkpoints WHERE log = $1 AND size < $2 ORDER BY size DESC LIMIT 1", LOG, size // 2
            )
            stage.check(older is not None, "there is an older checkpoint to go back to")
            async with tamper.undone(conn):
                await _found(stage, await tamper.restore_a_backup(conn, LOG, older), (str(kept),))
    report = await verified(stage)
    stage.check(not report.findings, f"everything is back as it was: {report}")
    stage.narrator.happened("put back as it was, the log verifies again")


def _attacks(size: int) -> tuple[Callable[[Connection], Awaitable[tamper.Tampering]], ...]:
    middle, forger = size // 2, Signer("lagspill.no/forger", b"\7" * 32)
    return (
        lambda conn: tamper.change_one_byte(conn, LOG, middle),
        lambda conn: tamper.delete_a_row(conn, LOG, middle),
        lambda conn: tamper.delete_and_close_up(conn, LOG, middle),
        lambda conn: tamper.insert_a_row(conn, LOG, middle),
        lambda conn: tamper.swap_two(conn, LOG, middle, middle + 3),
        lambda conn: tamper.cut_the_tail(conn, LOG, size - 10),
        lambda conn: tamper.rewrite_everything(conn, LOG, middle, forger),
    )


@asynccontextmanager
async def _nothing_logged(dsn: str) -> AsyncIterator[None]:
    """Keep the audit service from logging meanwhile: what is put back afterwards must be all there is."""
    async with attacker(dsn) as conn, conn.transaction():
        await conn.execute("LOCK TABLE positions IN SHARE ROW EXCLUSIVE MODE")
        yield


@asynccontextmanager
async def attacker(dsn: str) -> AsyncIterator[Connection]:
    """Connect as somebody who has the superuser's password."""
    conn = await db.connect(dsn, application_name="attacker")
    try:
        yield conn
    finally:
        await conn.close()


async def _found(stage: Stage, done: tamper.Tampering, since: Sequence[str]) -> None:
    report = await verified(stage, since=since)
    stage.check(bool(report.findings), f"found: {done.what}")
    finding = report.findings[0]
    stage.check(finding.kind.value == done.kind, f"{done.what}: called {finding}, not {done.kind}")
    if done.position is not None:
        stage.check(finding.position == done.position, f"{done.what}: {finding}")
    stage.narrator.found(done.what, done.kind, str(finding))


async def verified(stage: Stage, *, since: Sequence[str] = ()) -> Report:
    """Verify a log over HTTP, as anyone with the public key and an auditor's token may.

    Raises:
        StoryError: the key cannot be had.
    """
    answer = await stage.call(None, "GET", "audit", f"/logs/{LOG}/vkey")
    if answer.status != 200:
        raise StoryError(f"the log's key cannot be had: {answer.status}")
    token = await stage.token(AUDITOR)
    address = f"{stage.settings.audit_url}/logs/{LOG}"
    return await asyncio.to_thread(verify, address, answer.content.decode().strip(), since=since, token=token)
