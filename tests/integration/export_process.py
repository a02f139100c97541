"""An export in a process of its own, which says how much memory it took: `python -m tests.integration.export_process DSN FORMAT`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from time import perf_counter
from typing import Final

import psutil

from services.audit.domain.entry import LogName
from services.audit.exports.desk import ExportDesk
from services.audit.handlers import Desk
from services.audit.queries import Reader
from shared.aggregate import Context, IdempotencyKey
from shared.auth import Actor
from shared.clock import SystemClock
from shared.contracts.audit import ExportFilter, ExportFormat
from shared.contracts.codes import Language, Role
from shared.db import create_pool
from shared.journal import Journal
from shared.memory import settle
from shared.refs import ActorId, ExportRef, LogScope, RandomIds
from tests.bench.query import FIRST_MONTH
from tests.integration.audit_world import NOTODDEN, ORIGIN

WARM: Final = 40
"""Chunks after which everything that is made once is made."""


async def run(dsn: str, wanted: ExportFormat) -> dict[str, float]:
    """Export a log as a whole and return the bytes written, the seconds taken, and resident memory (bytes) warmed up and at its highest."""
    pool = await create_pool(dsn, application_name="export-process", min_size=1, max_size=2)
    ids, clock = RandomIds(), SystemClock()
    journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
    reader = Reader(pool)
    desk = ExportDesk(Desk(reader, journal, origin=ORIGIN), reader, journal, clock, ids)
    auditor = Actor(
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
    ctx = Context(
        actor=auditor,
        scope=LogScope(NOTODDEN),
        now=clock.now(),
        correlation=ids.event_id(),
        idempotency=IdempotencyKey(auditor.id, str(ids.event_id()), bytes(32)),
    )
    year = ExportFilter(since=FIRST_MONTH, until=FIRST_MONTH.replace(year=FIRST_MONTH.year + 1))
    made = await desk.order(ctx, LogName(NOTODDEN), wanted, year, Language.NB)
    ordered = made.state.ordered
    assert ordered is not None
    ctx = replace(ctx, idempotency=None)  # a key belongs to one command

    async def again() -> Actor:
        return auditor

    file = await desk.fetch(ctx, ExportRef(ordered.export), again)
    process, begun = psutil.Process(), perf_counter()
    written = chunks = warm = highest = 0
    async for piece in file.pieces:
        written += len(piece)
        chunks += 1
        rss = process.memory_info().rss
        if chunks == WARM:
            warm = highest = rss
        highest = max(highest, rss)
    seconds = perf_counter() - begun
    state = (await desk.show(ctx, ExportRef(ordered.export))).state
    await pool.close()
    return {
        "written": written,
        "count": state.delivered.count if state.delivered is not None else -1,
        "warm": warm,
        "highest": highest,
        "seconds": seconds,
    }


if __name__ == "__main__":
    settle()
    sys.stdout.write(json.dumps(asyncio.run(run(sys.argv[1], ExportFormat(sys.argv[2])))))
