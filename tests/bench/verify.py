"""Verifying a whole log, from a folder and straight from the database, beside nothing but SHA-256 over the same entries."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from hashlib import sha256
from pathlib import Path

import asyncpg
from lagspill_verify import Folder as Files
from lagspill_verify import Kind, Report, Source, read_demands, verify_log

from services.audit.direct import open_database
from services.audit.domain.tiles import WIDTH, Slice, read_bundle, write_path
from services.audit.export import export
from services.audit.queries import Reader
from shared.db import migrate
from tests.bench.ground import Ground
from tests.bench.measure import Measure
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, Publisher, open_world

FOLDER = "verify a log from a folder"
DATABASE = "verify a log from its database"
BESIDE = "SHA-256 of its entries, one core"
ENTRIES = 960_000
BATCH = 4_000
ROUNDS = 5
LEAST = 250_000.0
"""Entries a second."""
VKEY = SIGNER.named("lagspill.no/logs/4005").verifier.vkey


async def measure_verify(ground: Ground) -> list[Measure]:
    """Return how many entries a second are verified; void where a true log is not verified, or a tampered one is."""
    with tempfile.TemporaryDirectory(prefix="lagspill-bench-") as place:
        folder = Path(place)
        dsn = await _log(ground, folder)
        leaves = [leaf for path in sorted(_bundles(folder)) for leaf in read_bundle(path.read_bytes())]
        sources: dict[str, Source] = {
            FOLDER: Files(folder),
            DATABASE: await asyncio.to_thread(open_database, dsn, NOTODDEN),
        }
        rates: dict[str, list[float]] = {FOLDER: [], DATABASE: []}
        costs: dict[str, list[float]] = {FOLDER: [], DATABASE: []}
        base: list[float] = []
        void = dict.fromkeys(sources, "")
        for _ in range(ROUNDS):
            base.append(_hash(leaves))
            for what, source in sources.items():
                begun, spent = time.perf_counter(), _spent()
                report = await asyncio.to_thread(_verify, source)
                rates[what].append(ENTRIES / (time.perf_counter() - begun))
                costs[what].append((_spent() - spent) / ENTRIES * 1e6)
                if report.findings or report.entries != ENTRIES:
                    void[what] = f"a true log is not verified: {report}"
        position = ENTRIES // 2 + 17
        await _tamper(dsn, folder, position)
        for what, source in sources.items():
            found = (await asyncio.to_thread(_verify, source)).findings
            if [(each.kind, each.position) for each in found] != [(Kind.CHANGED, position)]:
                void[what] = f"one changed byte in entry {position} is reported as {found}"
    return [
        Measure(
            what,
            tuple(rates[what]),
            BESIDE,
            tuple(base),
            least=LEAST,
            void=void[what],
            notes=(
                f"{ENTRIES:,} entries of {sum(map(len, leaves)) // len(leaves)} bytes,"
                f" {sorted(costs[what])[ROUNDS // 2]:.1f} µs of processor time each in the verifier's processes",
            ),
        )
        for what in sources
    ]


def _verify(source: Source) -> Report:
    return verify_log(source, read_demands([VKEY]), workers=os.cpu_count() or 1)


def _hash(leaves: list[bytes]) -> float:
    begun = time.perf_counter()
    for leaf in leaves:
        sha256(b"\x00" + leaf).digest()
    return len(leaves) / (time.perf_counter() - begun)


def _spent() -> float:
    """Return the seconds of processor time that this process and its children have used."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


async def _log(ground: Ground, folder: Path) -> str:
    """Make a log, copy it into the folder, and return its database's address."""
    dsn = await ground.database()
    await migrate(dsn, "audit", MIGRATIONS)
    async with open_world(dsn) as world:
        publisher = Publisher()
        for _ in range(ENTRIES // BATCH):
            await world.take(*publisher.reads(BATCH - 1), publisher.seal())
        await export(Reader(world.pool), NOTODDEN, folder)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return dsn


def _bundles(folder: Path) -> list[Path]:
    return [path for path in (folder / "tile" / "entries").rglob("*") if path.is_file()]


async def _tamper(dsn: str, folder: Path, position: int) -> None:
    """Change one byte of an entry, in the database and in the copy."""
    bundle = folder / "tile" / "entries" / write_path(Slice(position // WIDTH, WIDTH))
    entries = read_bundle(bundle.read_bytes())
    content = bytearray(bundle.read_bytes())
    content[sum(len(entry) + 2 for entry in entries[: position % WIDTH]) + 100] ^= 1
    bundle.write_bytes(content)
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(
            "UPDATE entries SET leaf = set_byte(leaf, 98, get_byte(leaf, 98) # 1) WHERE log = $1 AND position = $2",
            NOTODDEN,
            position,
        )
    finally:
        await connection.close()
