"""Exports of a large log: constant memory, no connection held while a client reads, nothing left behind when it goes away."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from services.audit.app import SERVICE
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.tiles import EMPTY_HEAD, WIDTH, edges_needed, grow
from services.audit.exports.ndjson import NdjsonWriter
from services.audit.exports.proofs import Prover
from services.audit.exports.writing import Told
from services.audit.queries import Reader, Search
from shared.contracts.audit import ExportFormat
from shared.contracts.codes import Language
from shared.db import Pool, create_pool
from shared.merkle import leaf_hash, verify_inclusion
from shared.testing.plugin import Migrated
from tests.bench.query import filler, look
from tests.integration.audit_world import NOTODDEN, ORIGIN, SIGNER

pytestmark = pytest.mark.connected

MANY: Final = 30_000
MOST_GROWTH: Final = 24 * 1024 * 1024
"""A few chunks of 256 entries; the whole is some hundred megabytes."""


@pytest_asyncio.fixture
async def dsn(migrated: Migrated) -> str:
    """A database with an empty log."""
    return await migrated("audit", SERVICE.migrations)


@pytest_asyncio.fixture
async def pool(dsn: str) -> AsyncIterator[Pool]:
    """Connections to it."""
    made = await create_pool(dsn, application_name="audit-stream", statement_seconds=300)
    yield made
    await made.close()


async def sealed(pool: Pool, entries: int) -> Checkpoint:
    """Fill the log, and give it the tree, the tiles and the signed checkpoint that a keeper would have made."""
    await filler(pool, entries=entries, months=11, cases=500, actors=50, leaf=look())
    rows = await pool.fetch(
        "SELECT sha256('\\x00'::bytea || leaf) AS hash FROM entries WHERE log = $1 ORDER BY position",
        NOTODDEN,
        timeout=300,
    )
    hashes = [row["hash"] for row in rows]
    head, tiles = grow(EMPTY_HEAD, hashes, [() for _ in edges_needed(0, entries)])
    checkpoint = Checkpoint(f"{ORIGIN}/{NOTODDEN}", entries, head.frontier.root())
    note = SIGNER.named(checkpoint.origin).sign(checkpoint.text())
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO logs (log, origin, size, frontier, edge) VALUES ($1, $2, $3, $4, $5)",
            NOTODDEN,
            checkpoint.origin,
            entries,
            head.frontier.pack(),
            b"".join(head.edge),
        )
        await connection.executemany(
            "INSERT INTO tiles (log, level, tile, hashes, root) VALUES ($1, $2, $3, $4, $5)",
            [(NOTODDEN, tile.address.level, tile.address.number, tile.hashes, tile.root) for tile in tiles],
        )
        await connection.execute(
            "INSERT INTO checkpoints (log, size, root, note, signed_at) VALUES ($1, $2, $3, $4, now())",
            NOTODDEN,
            entries,
            checkpoint.root,
            note,
        )
    return checkpoint


@pytest.mark.slow
async def test_memory_is_constant(dsn: str, pool: Pool) -> None:
    """In processes of their own: what an export holds after ten thousand entries is what it holds after all of them."""
    await sealed(pool, MANY)
    for wanted in ExportFormat:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.integration.export_process", dsn, wanted.value, stdout=asyncio.subprocess.PIPE
        )
        told, _ = await process.communicate()
        assert process.returncode == 0
        said = json.loads(told)
        assert said["count"] == MANY
        assert said["written"] > 7_500_000
        assert said["warm"] > 0
        assert said["highest"] - said["warm"] < MOST_GROWTH, said


@pytest.mark.parametrize("entries", [1, WIDTH - 1, WIDTH, WIDTH + 1, WIDTH * WIDTH + 3])
async def test_a_batchs_proofs_are_the_proofs_one_by_one(pool: Pool, entries: int) -> None:
    """At the edges of tiles and of levels of tiles, in the log's newest tree and in an older one."""
    checkpoint = await sealed(pool, entries)
    reader = Reader(pool)
    wanted = sorted(
        {0, 1, entries // 3, entries // 2, WIDTH - 1, WIDTH, entries - 2, entries - 1} & set(range(entries))
    )
    found = [
        each
        for position in wanted
        for each in await reader.walk(NOTODDEN, Search(), first=position, after=entries, limit=1)
    ]
    proofs = await Prover(reader, NOTODDEN, entries).prove(wanted)
    for entry, proof in zip(found, proofs, strict=True):
        verify_inclusion(leaf_hash(entry.leaf), entry.position, entries, proof, checkpoint.root)
        assert proof == (await reader.proof(NOTODDEN, entry.position, entry.leaf)).hashes
    older = entries - entries // 4
    writer = NdjsonWriter(Told(checkpoint, "", Language.NB), Prover(reader, NOTODDEN, older))
    before = [entry for entry in found if entry.position < older]
    assert len(await writer.write(before)) == len(before)


async def test_nothing_is_held_while_a_client_reads(pool: Pool) -> None:
    """Between two chunks no connection is in use, so a slow client or one that goes away holds no lock and no snapshot."""
    await sealed(pool, 1_000)
    reader = Reader(pool)
    walked = await reader.walk(NOTODDEN, Search(), first=0, after=1_000, limit=256)
    assert len(walked) == 256
    held = await pool.fetchval(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        " AND backend_type = 'client backend' AND state <> 'idle'"
    )
    assert held == 0
    assert pool.get_idle_size() == pool.get_size()
