"""A log read straight from its database, for `lagspill verify --database`: the fastest way, for who has the database anyway.

Nothing of what is read is trusted: `lagspill_verify` hashes it and compares it with what was signed, as it does with what a
service sends.
"""

from __future__ import annotations

import asyncio
import os
import struct
import sys
from collections.abc import Coroutine, Iterator, Sequence
from typing import Final, TypeVar

import asyncpg
import lagspill_verify
from lagspill_verify import Demands, UnreadableError, shown

from services.audit.domain.entry import LOG_NAME, LogName
from services.audit.domain.tiles import WIDTH, Slice, read_path
from services.audit.errors import EntriesPrunedError, NoSuchLogError
from services.audit.queries import Reader
from shared.db import Connection, Pool, create_pool
from shared.errors import LagspillError

HEADER: Final = 19
"""Bytes before the first row of a COPY in PostgreSQL's binary format: a signature, flags, and no extension."""
_ROW: Final = struct.Struct(">hiqi")
"""Two columns: eight bytes of position, and the length of the leaf behind it."""
READ_SECONDS: Final = 60.0
_T = TypeVar("_T")


class Database:
    """A log in PostgreSQL, as `lagspill_verify` reads it; each process that it is given to connects by itself."""

    def __init__(self, dsn: str, log: LogName, note: str | None = None) -> None:
        """Read `log` over a connection to `dsn`.

        Args:
            dsn: the audit service's database, as a role that may read it.
            log: the log's name.
            note: the checkpoint that it is compared with; its newest one if left out.
        """
        self._dsn = dsn
        self._log = log
        self._note = note
        self._loop: asyncio.AbstractEventLoop | None = None
        self._pool: Pool | None = None

    def __getstate__(self) -> tuple[str, LogName, str | None]:
        """Return what another process needs."""
        return self._dsn, self._log, self._note

    def __setstate__(self, state: tuple[str, LogName, str | None]) -> None:
        """Begin anew in another process, without a connection."""
        self._dsn, self._log, self._note = state
        self._loop = self._pool = None

    def get(self, path: str) -> bytes | None:
        """Return a piece of the log as its service would send it; None if there is none.

        Raises:
            UnreadableError: the database cannot be read.
        """
        return self._run(self._get(path))

    def many(self, numbers: range, size: int) -> Iterator[tuple[int, list[bytes] | None, bytes | None]]:
        """Yield (number, entries, tile of leaf hashes) for these bundles of a log of this size; None for what is not there.

        Raises:
            UnreadableError: the database cannot be read.
        """
        rows, tiles = self._run(self._read(numbers, size))
        found: dict[int, list[bytes]] = {}
        for position, leaf in rows_of(rows):
            found.setdefault(position // WIDTH, []).append(leaf)
        for number in numbers:
            yield number, found.get(number), tiles.get(number)

    def close(self) -> None:
        """Let the connection go, if there is one."""
        if self._loop is not None:
            if self._pool is not None:
                self._loop.run_until_complete(self._pool.close())
            self._loop.close()
        self._loop = self._pool = None

    def _run(self, work: Coroutine[object, object, _T]) -> _T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(work)
        except (LagspillError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError, struct.error) as error:
            raise UnreadableError(f"the database cannot be read: {error}") from error

    async def _reader(self) -> tuple[Pool, Reader]:
        if self._pool is None:
            self._pool = await create_pool(
                self._dsn, min_size=1, max_size=1, application_name="audit-verify", statement_seconds=READ_SECONDS
            )
        return self._pool, Reader(self._pool)

    async def _get(self, path: str) -> bytes | None:
        _, reader = await self._reader()
        if path == "checkpoint":
            return (self._note or (await reader.head(self._log)).note).encode()
        _, kind, rest = path.split("/", 2)
        if kind != "entries":
            return await reader.tile(self._log, int(kind), read_path(rest))
        try:
            return await reader.bundle(self._log, read_path(rest))
        except EntriesPrunedError:
            return None

    async def _read(self, numbers: range, size: int) -> tuple[bytes, dict[int, bytes]]:
        pool, reader = await self._reader()
        end = min(numbers.stop * WIDTH, size)
        async with pool.acquire() as connection:
            rows = await copy_rows(connection, self._log, numbers.start * WIDTH, end)
            full = await connection.fetch(
                "SELECT tile, hashes FROM tiles WHERE log = $1 AND level = 0 AND tile >= $2 AND tile < $3",
                self._log,
                numbers.start,
                end // WIDTH,
            )
        tiles: dict[int, bytes] = {row["tile"]: row["hashes"] for row in full}
        if end % WIDTH:
            partial = await reader.tile(self._log, 0, Slice(end // WIDTH, end % WIDTH))
            if partial is not None:
                tiles[end // WIDTH] = partial
        return rows, tiles


async def copy_rows(conn: Connection, log: LogName, first: int, end: int) -> bytes:
    """Return the positions and leaves from `first` to before `end` as PostgreSQL's binary COPY writes them, by position."""
    parts: list[bytes] = []

    async def take(part: bytes) -> None:
        parts.append(part)

    await conn.copy_from_query(
        "SELECT position, leaf FROM entries WHERE log = $1 AND position >= $2 AND position < $3 ORDER BY position",
        log,
        first,
        end,
        output=take,
        format="binary",
    )
    return b"".join(parts)


def rows_of(copied: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield (position, leaf) for each row of a binary COPY.

    Raises:
        struct.error: it ends within a row.
    """
    at = HEADER
    read, head = _ROW.unpack_from, _ROW.size
    while copied[at : at + 2] == b"\x00\x02":
        _, _, position, length = read(copied, at)
        at += head + length
        yield position, copied[at - length : at]
    if copied[at : at + 2] != b"\xff\xff":
        raise struct.error("the rows do not end where they should")


async def newest_note(dsn: str, log: LogName, *, witnessed: bool) -> str:
    """Return the log's newest checkpoint with the cosignatures on it; with `witnessed`, the newest that was served as such.

    Raises:
        NoSuchLogError: there is none.
    """
    pool = await create_pool(dsn, min_size=1, max_size=1, application_name="audit-verify")
    try:
        note: str | None = await pool.fetchval(
            "SELECT c.note || coalesce((SELECT string_agg(s.line, '' ORDER BY s.vkey) FROM cosignatures s"
            " WHERE (s.log, s.size) = (c.log, c.size)), '') FROM checkpoints c WHERE c.log = $1"
            " ORDER BY ($2 AND EXISTS (SELECT FROM witnessed_checkpoints w WHERE (w.log, w.size) = (c.log, c.size))) DESC,"
            " c.size DESC LIMIT 1",
            log,
            witnessed,
        )
    finally:
        await pool.close()
    if note is None:
        raise NoSuchLogError
    return note


def main(arguments: Sequence[str]) -> int:
    """Verify a log of the database in DATABASE_URL; everything else is as in `lagspill-verify`."""

    def open_log(name: str, demands: Demands) -> Database:
        dsn = os.environ.get("DATABASE_URL")
        if dsn is None or LOG_NAME.fullmatch(name) is None:
            raise UnreadableError(f"{shown(name)} is no log's name" if dsn else "DATABASE_URL names no database")
        try:
            witnessed = demands.policy is not None and demands.policy.quorum is not None
            return Database(dsn, LogName(name), asyncio.run(newest_note(dsn, LogName(name), witnessed=witnessed)))
        except (LagspillError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnreadableError(f"the database cannot be read: {error}") from error

    return lagspill_verify.main(arguments, program="lagspill verify --database", opener=open_log)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
