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
from deploy.demo.people import NEIGHBOURS_AUDITOR
from deploy.demo.stage import PATIENCE, Stage, StoryError
from services.audit.direct import compare_columns, open_database
from services.audit.domain.note import Signer
from services.audit.domain.policy import Policy
from shared import db
from shared.db import Connection

NEIGHBOURS_LOG: Final = "4003"
"""Skien's."""


async def row_23(stage: Stage) -> None:
    """20 June: the log holds every event of every service, and an outsider can prove it (story row 23)."""
    await stage.at(6, 20)
    kinds = await _asked(stage, more_than=20)
    stage.check("deny" in kinds, "the refused look is in the log")
    await _proved(stage)


async def asked_and_verified(stage: Stage) -> None:
    """The same of a shorter history."""
    await _asked(stage, more_than=4)
    await _proved(stage)


async def _asked(stage: Stage, *, more_than: int) -> list[str]:
    """Let the auditor ask the log of the case, and somebody else in vain; return the kinds of entries that there are."""
    year = stage.school_year
    query = (
        f"/entries?case={stage.facts['case']}&since={year}-08-01T00:00:00Z&until={year + 1}-07-01T00:00:00Z&limit=100"
    )
    await stage.must_not(stage.log.outsider, "asks the log:", "GET", "audit", query, code="log-forbidden", status=403)
    since = len(stage.bus.events)
    found = await stage.does(stage.log.auditor, "asks the log who has seen what of this case", "GET", "audit", query)
    items = found.at("items")
    entries = items if isinstance(items, list) else []
    stage.check(len(entries) > more_than, "the case has a history in the log")
    kinds = sorted({str(one["kind"]) for one in entries if isinstance(one, dict)})
    stage.narrator.happened(f"{len(entries)} entries, of kinds {', '.join(kinds)}; the question itself is one more")
    await stage.bus.wait("access.recorded", lambda e: e.data["kind"] == "log-read", after=since)
    return kinds


async def _proved(stage: Stage) -> None:
    """Verify the log with public keys alone."""
    if not stage.witnessed:
        report = await verified(stage)
        told = "signature good"
    else:
        with TemporaryDirectory() as folder:
            policy = Path(folder) / "policy"
            policy.write_bytes(await witnessed(stage, "audit", stage.log.name))
            report = await verified(stage, policy=str(policy))
        told = "signature and the neighbour's cosignature good"
    stage.check(not report.findings, f"the log verifies: {report}")
    stage.narrator.happened(f"verified with public keys alone: {report.size} entries, root recomputed, {told}")
    for journal in report.journals:
        stage.narrator.happened(f"complete: {journal}")
    if stage.witnessed:
        await _neighbour(stage)


async def _neighbour(stage: Stage) -> None:
    """The other way round: the neighbour's log grows by a question of its own auditor, and this log's service is its witness."""
    await stage.does(
        NEIGHBOURS_AUDITOR,
        "asks the log of the neighbouring municipality",
        "GET",
        "neighbour",
        f"/entries?since={stage.school_year + 1}-06-01T00:00:00Z&until={stage.school_year + 1}-07-01T00:00:00Z",
    )
    await witnessed(stage, "neighbour", NEIGHBOURS_LOG)
    stage.narrator.happened(f"{stage.log.called}'s witness has cosigned the neighbour's log, and learned hashes only")


async def witnessed(stage: Stage, service: str, log: str) -> bytes:
    """Return a log's policy, once its newest signed checkpoint is served with the cosignatures that the policy asks for.

    Raises:
        StoryError: it was not, in time.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        newest = await stage.call(None, "GET", service, f"/logs/{log}/checkpoint/latest")
        shown = await stage.call(None, "GET", service, f"/logs/{log}/checkpoint")
        if newest.status == shown.status == 200 and shown.content.startswith(newest.content):
            answer = await stage.call(None, "GET", service, f"/logs/{log}/policy")
            verdict = Policy.parse(answer.content).evaluate(shown.content)
            stage.check(verdict.met and bool(verdict.cosigned), f"the checkpoint of {log} satisfies its policy")
            return answer.content
        await asyncio.sleep(0.2)
    raise StoryError(f"the newest checkpoint of {log} was not witnessed within {PATIENCE:.0f} s")


async def row_24(stage: Stage) -> None:
    """20 June: an attacker with the database's password; each tampering is found and named (story row 24)."""
    if stage.attackers_database is None:
        raise StoryError("there is no database to attack")
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.checkpoint"
        async with attacker(stage.attackers_database) as conn, _nothing_logged(stage.attackers_database):
            head = await stage.call(None, "GET", "audit", f"/logs/{stage.log.name}/checkpoint")
            kept.write_bytes(head.content)
            size = int(head.content.decode().split("\n")[1])
            for attack in _attacks(stage.log.name, size):
                async with tamper.undone(conn):
                    await _found(stage, await attack(conn), ())
            await _hidden_is_found(stage, conn, stage.attackers_database, size)
            older = await conn.fetchval(
                "SELECT coalesce((SELECT max(size) FROM witnessed_checkpoints WHERE log = $1 AND size < $2),"
                " (SELECT max(size) FROM checkpoints WHERE log = $1 AND size < $2))",
                stage.log.name,
                size // 2,
            )
            stage.check(older is not None, "there is an older checkpoint to go back to")
            async with tamper.undone(conn):
                await _found(stage, await tamper.restore_a_backup(conn, stage.log.name, older), (str(kept),))
                if stage.witnessed:
                    refused = await stage.bus.wait("audit.witness.refused", lambda e: e.data["kind"] == "rolled-back")
                    stage.narrator.happened(f"the witness {refused.data['witness']} has refused as well: rolled-back")
    report = await verified(stage)
    stage.check(not report.findings, f"everything is back as it was: {report}")
    stage.narrator.happened("put back as it was, the log verifies again")


async def _hidden_is_found(stage: Stage, conn: Connection, dsn: str, size: int) -> None:
    """Hide the case's newest entry from whoever searches: the tree is as it was, so the columns are compared with the entries."""
    position = await conn.fetchval(
        "SELECT max(position) FROM entries WHERE log = $1 AND position < $2 AND case_ref = $3",
        stage.log.name,
        size,
        str(stage.facts["case"]),
    )
    async with tamper.undone(conn):
        done = await tamper.hide_from_searches(conn, stage.log.name, position)
        report = await asyncio.to_thread(_compared, dsn, stage.log.name, size)
        said = [str(found) for found in report.findings]
        stage.check(len(said) == 1, f"found, and nothing else: {done.what}: {said}")
        finding = report.findings[0]
        stage.check((finding.kind.value, finding.position) == (done.kind, done.position), f"{done.what}: {finding}")
        stage.narrator.found(done.what, done.kind, said[0])


def _compared(dsn: str, log: str, size: int) -> Report:
    """Return what is wrong with the columns, as `lagspill verify --database LOG --columns` tells it."""
    report = Report(size=size)
    database = open_database(dsn, log)
    try:
        compare_columns(database, report, lambda _done, _size: None)
    finally:
        database.close()
    return report


def _attacks(log: str, size: int) -> tuple[Callable[[Connection], Awaitable[tamper.Tampering]], ...]:
    middle, forger = size // 2, Signer("lagspill.no/forger", b"\7" * 32)
    return (
        lambda conn: tamper.change_one_byte(conn, log, middle),
        lambda conn: tamper.delete_a_row(conn, log, middle),
        lambda conn: tamper.delete_and_close_up(conn, log, middle),
        lambda conn: tamper.insert_a_row(conn, log, middle),
        lambda conn: tamper.swap_two(conn, log, middle, middle + 3),
        lambda conn: tamper.cut_the_tail(conn, log, size - 10),
        lambda conn: tamper.rewrite_everything(conn, log, middle, forger),
    )


@asynccontextmanager
async def _nothing_logged(dsn: str) -> AsyncIterator[None]:
    """Keep the audit service from logging meanwhile, and from finding anything: what is put back must be all there is."""
    async with attacker(dsn) as conn, conn.transaction():
        await conn.execute("LOCK TABLE positions, column_checks IN SHARE ROW EXCLUSIVE MODE")
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


async def verified(stage: Stage, *, since: Sequence[str] = (), policy: str | None = None) -> Report:
    """Verify a log over HTTP, as anyone with the public key and an auditor's token may.

    Raises:
        StoryError: the key cannot be had.
    """
    answer = await stage.call(None, "GET", "audit", f"/logs/{stage.log.name}/vkey")
    if answer.status != 200:
        raise StoryError(f"the log's key cannot be had: {answer.status}")
    token = await stage.token(stage.log.auditor)
    address = f"{stage.settings.audit_url}/logs/{stage.log.name}"
    return await asyncio.to_thread(
        verify, address, answer.content.decode().strip(), policy=policy, since=since, token=token
    )
