"""What an attacker with the database's password would do to the log (story row 24), for the demo and the tests.

Each takes a connection of a superuser, because everybody else is stopped by rights and triggers, and returns what it did. None of
them has the signing key: that is outside the database. `undone` puts everything back.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import Signer
from services.audit.domain.tiles import EMPTY_HEAD, WIDTH, FullTile, edges_needed, grow
from shared.merkle import leaf_hash, root_of

if TYPE_CHECKING:
    from shared.db import Connection


@dataclass(frozen=True, slots=True)
class Tampering:
    """What was done, and what the verifier must say of it."""

    what: str
    kind: str
    """The kind that `lagspill-verify` must name."""
    position: int | None
    """The entry that it must name; None where no single one can be."""


@asynccontextmanager
async def undone(conn: Connection) -> AsyncIterator[None]:
    """Keep a copy of the logs' tables, and put it back at the end. What is logged meanwhile would be lost: let nothing be."""
    async with _unhindered(conn):
        for table in _TABLES:
            await conn.execute(f"CREATE TABLE before_tampering_{table} AS TABLE {table}")
    try:
        yield
    finally:
        async with _unhindered(conn):
            for table in _TABLES:
                await conn.execute(f"DELETE FROM {table}")  # noqa: S608
                await conn.execute(f"INSERT INTO {table} SELECT * FROM before_tampering_{table}")  # noqa: S608
                await conn.execute(f"DROP TABLE before_tampering_{table}")


async def change_one_byte(conn: Connection, log: str, position: int) -> Tampering:
    """Change one byte of one entry."""
    async with _unhindered(conn):
        await conn.execute(
            "UPDATE entries SET leaf = set_byte(leaf, octet_length(leaf) / 2, (get_byte(leaf, octet_length(leaf) / 2) + 1) % 256)"
            " WHERE log = $1 AND position = $2",
            log,
            position,
        )
    return Tampering(f"one byte of entry {position} was changed", "changed", position)


async def hide_from_searches(conn: Connection, log: str, position: int) -> Tampering:
    """Take an entry's case out of the column that it is found by: no search and no report has it, and its bytes are as signed."""
    async with _unhindered(conn):
        await conn.execute("UPDATE entries SET case_ref = NULL WHERE log = $1 AND position = $2", log, position)
    return Tampering(f"entry {position} was hidden from the case's searches", "changed", position)


async def delete_a_row(conn: Connection, log: str, position: int) -> Tampering:
    """Delete one entry and leave the hole."""
    async with _unhindered(conn):
        await conn.execute("DELETE FROM entries WHERE log = $1 AND position = $2", log, position)
    return Tampering(f"entry {position} was deleted", "missing", position)


async def delete_and_close_up(conn: Connection, log: str, position: int) -> Tampering:
    """Delete one entry and renumber those after it, so that no hole is seen."""
    async with _unhindered(conn):
        await conn.execute("DELETE FROM entries WHERE log = $1 AND position = $2", log, position)
        await _renumber(conn, log, position + 1, -1)
    return Tampering(f"entry {position} was deleted and the rest moved up", "missing", position)


async def insert_a_row(conn: Connection, log: str, position: int) -> Tampering:
    """Put an entry in that never happened, and renumber those after it."""
    async with _unhindered(conn):
        await _renumber(conn, log, position, 1)
        await conn.execute(
            "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind)"
            " SELECT log, $2::bigint, logged_at, convert_to('it never happened', 'UTF8'), topic, partition, record_offset,"
            " happened_at, kind FROM entries WHERE log = $1 AND position = $2::bigint + 1",
            log,
            position,
        )
    return Tampering(f"an entry was put in at {position}", "inserted", position)


async def swap_two(conn: Connection, log: str, first: int, second: int) -> Tampering:
    """Let two entries change places."""
    async with _unhindered(conn):
        for source, target in ((first, _FAR), (second, first), (_FAR, second)):
            await conn.execute("UPDATE entries SET position = $3 WHERE log = $1 AND position = $2", log, source, target)
    return Tampering(f"entries {first} and {second} were swapped", "reordered", min(first, second))


async def cut_the_tail(conn: Connection, log: str, size: int) -> Tampering:
    """Delete every entry from `size` on, and set the head and the tiles back; the signed checkpoint cannot be."""
    async with _unhindered(conn):
        await conn.execute("DELETE FROM entries WHERE log = $1 AND position >= $2", log, size)
        await _rebuild(conn, log)
    return Tampering(f"everything from entry {size} on was deleted", "truncated", size)


async def rewrite_everything(conn: Connection, log: str, position: int, forger: Signer) -> Tampering:
    """Change one entry and compute every hash anew, all tiles, every checkpoint; sign with another key."""
    await change_one_byte(conn, log, position)
    async with _unhindered(conn):
        await _rebuild(conn, log)
        hashes = await _leaf_hashes(conn, log)
        origin = await conn.fetchval("SELECT origin FROM logs WHERE log = $1", log)
        for row in await conn.fetch("SELECT size FROM checkpoints WHERE log = $1", log):
            checkpoint = Checkpoint(origin, row["size"], root_of(hashes[: row["size"]]))
            await conn.execute(
                "UPDATE checkpoints SET root = $3, note = $4 WHERE log = $1 AND size = $2",
                log,
                row["size"],
                checkpoint.root,
                forger.named(origin).sign(checkpoint.text()),
            )
    return Tampering(f"entry {position} was changed and every hash computed anew", "rewritten", None)


async def restore_a_backup(conn: Connection, log: str, size: int) -> Tampering:
    """Set the whole log back to how it was at a checkpoint of `size`, that checkpoint and its true signature included."""
    async with _unhindered(conn):
        await conn.execute("DELETE FROM entries WHERE log = $1 AND position >= $2", log, size)
        await conn.execute("DELETE FROM checkpoints WHERE log = $1 AND size > $2", log, size)
        await _rebuild(conn, log)
    return Tampering(f"a backup of size {size} was restored", "rolled back", size)


# --- how --------------------------------------------------------------------------------------------------------------

_TABLES: Final = ("entries", "tiles", "checkpoints", "logs")
_FAR: Final = 10**15
"""Where entries wait while they change places: two may not stand in one."""


@asynccontextmanager
async def _unhindered(conn: Connection) -> AsyncIterator[None]:
    """Set the triggers aside, as a superuser can; all of it or nothing."""
    async with conn.transaction():
        await conn.execute("SET LOCAL session_replication_role = replica")
        yield


async def _renumber(conn: Connection, log: str, first: int, by: int) -> None:
    """Move every entry from `first` on by that many places."""
    move = "UPDATE entries SET position = position + $3 WHERE log = $1 AND position >= $2"
    await conn.execute(move, log, first, _FAR)
    await conn.execute(move, log, _FAR, by - _FAR)


async def _leaf_hashes(conn: Connection, log: str) -> list[bytes]:
    rows = await conn.fetch("SELECT leaf FROM entries WHERE log = $1 ORDER BY position", log)
    return [leaf_hash(row["leaf"]) for row in rows]


async def _rebuild(conn: Connection, log: str) -> None:
    """Compute the tiles and the head from the entries that are there."""
    hashes = await _leaf_hashes(conn, log)
    head, tiles = EMPTY_HEAD, list[FullTile]()
    for at in range(0, len(hashes), WIDTH):
        part = hashes[at : at + WIDTH]
        size = head.frontier.size
        roots = {tile.address: tile.root for tile in tiles}
        edges = [
            [root for address, root in sorted(roots.items()) if address.level == level][
                edge.number * WIDTH : edge.number * WIDTH + edge.width
            ]
            for level, edge in enumerate(edges_needed(size, size + len(part)))
        ]
        head, full = grow(head, part, edges)
        tiles += full
    await conn.execute("DELETE FROM tiles WHERE log = $1", log)
    await conn.executemany(
        "INSERT INTO tiles (log, level, tile, hashes, root) VALUES ($1, $2, $3, $4, $5)",
        [(log, tile.address.level, tile.address.number, tile.hashes, tile.root) for tile in tiles],
    )
    await conn.execute(
        "UPDATE logs SET size = $2, frontier = $3, edge = $4 WHERE log = $1",
        log,
        head.frontier.size,
        head.frontier.pack(),
        b"".join(head.edge),
    )
