"""Exports of a large log, in each format: entries a second, and what memory grows by once everything that is made once is made."""

from __future__ import annotations

import asyncio
import json
import sys
from time import perf_counter
from typing import Final

from services.audit.app import SERVICE
from services.audit.queries import Reader, Search
from shared.contracts.audit import ExportFormat
from shared.db import Pool, create_pool, migrate
from tests.bench.ground import Ground
from tests.bench.measure import Measure
from tests.integration.audit_world import NOTODDEN
from tests.integration.test_audit_export_stream import MOST_GROWTH, sealed

DEFAULT_ENTRIES: Final = 1_000_000
BESIDE: Final = "reading the same entries"
_CHUNK: Final = 256
_MEBIBYTE: Final = 1024 * 1024


async def measure_exports(ground: Ground, entries: int) -> list[Measure]:
    """Return how many entries a second each format's export writes; void where one is lost, or memory grows with the log."""
    dsn = await ground.database()
    await migrate(dsn, "audit", SERVICE.migrations)
    pool = await create_pool(dsn, application_name="bench-exports", min_size=1, max_size=2, statement_seconds=600)
    try:
        await sealed(pool, entries)
        return [await _measure(dsn, pool, entries, wanted) for wanted in ExportFormat]
    finally:
        await pool.close()


async def _measure(dsn: str, pool: Pool, entries: int, wanted: ExportFormat) -> Measure:
    base = await _read(pool, entries)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.export_process", dsn, wanted.value, stdout=asyncio.subprocess.PIPE
    )
    told, _ = await process.communicate()
    what = f"export {entries:,} entries as {wanted.value}"
    if process.returncode != 0:
        return Measure(what, (), BESIDE, (base,), void=f"the export ended with {process.returncode}")
    said = json.loads(told)
    growth = said["highest"] - said["warm"]
    void = "" if said["count"] == entries else f"{said['count']} entries were written"
    if growth >= MOST_GROWTH:
        void = f"memory grew by {growth / _MEBIBYTE:.0f} MiB"
    return Measure(
        what,
        (entries / said["seconds"],),
        BESIDE,
        (base,),
        void=void,
        notes=(
            f"{said['written'] / _MEBIBYTE:,.0f} MiB written; {said['warm'] / _MEBIBYTE:.0f} MiB of memory after 10,000 entries,"
            f" {growth / _MEBIBYTE:.1f} MiB more at its highest",
        ),
    )


async def _read(pool: Pool, entries: int) -> float:
    """Return how many entries a second are read, a chunk at a time, with nothing done with them."""
    reader, begun, after = Reader(pool), perf_counter(), entries
    first = 0
    while first < entries:
        first += len(await reader.walk(NOTODDEN, Search(), first=first, after=after, limit=_CHUNK))
    return entries / (perf_counter() - begun)
