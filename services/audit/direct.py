"""A log read straight from its database, for `lagspill verify --database`: the fastest way, for who has the database anyway.

Nothing of what is read is trusted: `lagspill_verify` hashes it and compares it with what was signed, as it does with what a
service sends.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg
import lagspill_verify
from lagspill_verify import WIDTH, Demands, Kind, Report, Source, UnreadableError

if TYPE_CHECKING:
    from services.audit.columns import Row
    from shared.db import Connection

READ_SECONDS: Final = 60.0
_SETTINGS: Final = {
    "application_name": "audit-verify",
    "default_transaction_read_only": "on",
    # Entries are read in their order, which the index has; gathering and sorting them takes twice as long.
    "enable_bitmapscan": "off",
    "enable_seqscan": "off",
}
STRAY: Final = (
    # The end is the smaller of what head and checkpoint say: each alone could be set forward by who put the row in.
    "SELECT position FROM entries WHERE log = $1 AND position >= (SELECT least("
    "(SELECT size FROM logs WHERE log = $1), (SELECT max(size) FROM checkpoints WHERE log = $1))) ORDER BY position LIMIT 1"
)
_ROWS_AT_ONCE: Final = 5000
_T = TypeVar("_T")


class Database:
    """A log in PostgreSQL, as `lagspill_verify` reads it; each process that it is given to connects by itself."""

    def __init__(self, dsn: str, log: str, note: str) -> None:
        """Read `log` over a connection to `dsn`.

        Args:
            dsn: the audit service's database, as a role that may read it.
            log: the log's name.
            note: the checkpoint that it is compared with.
        """
        self._dsn = dsn
        self._log = log
        self._note = note
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connection: Connection | None = None

    def __getstate__(self) -> tuple[str, str, str]:
        """Return what another process needs."""
        return self._dsn, self._log, self._note

    def __setstate__(self, state: tuple[str, str, str]) -> None:
        """Begin anew in another process, without a connection."""
        self._dsn, self._log, self._note = state
        self._loop = self._connection = None

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
        bundles, tiles = self._run(self._read(numbers, size))
        for number in numbers:
            yield number, bundles.get(number), tiles.get(number)

    def stray(self) -> int | None:
        """Return the first position behind the log's end at which a row stands; None if none does.

        Raises:
            UnreadableError: the database cannot be read.
        """
        return self._run(self._stray())

    def changed_columns(self, size: int, progress: Callable[[int, int], None]) -> Iterator[tuple[int, str]]:
        """Yield (position, column) of each column that is not what the entry says, of a log of this size, in order.

        Args:
            size: entries of the log.
            progress: called with the number of entries compared and how many there are.

        Raises:
            UnreadableError: the database cannot be read.
        """
        for first in range(0, size, _ROWS_AT_ONCE):
            end = min(first + _ROWS_AT_ONCE, size)
            for row in self._run(self._rows(first, end)):
                for name in row.differing():
                    yield row.position, name
            progress(end, size)

    def close(self) -> None:
        """Let the connection go, if there is one."""
        if self._loop is not None:
            if self._connection is not None:
                self._loop.run_until_complete(self._connection.close())
            self._loop.close()
        self._loop = self._connection = None

    def _run(self, work: Coroutine[object, object, _T]) -> _T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
        try:
            return self._loop.run_until_complete(work)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnreadableError(f"the database cannot be read: {error}") from error

    async def _connect(self) -> Connection:
        if self._connection is None:
            self._connection = await asyncpg.connect(self._dsn, command_timeout=READ_SECONDS, server_settings=_SETTINGS)
        return self._connection

    async def _rows(self, first: int, end: int) -> list[Row]:
        # Not before it is asked for: what reads columns takes a second to load, and every process that verifies would.
        from services.audit.columns import read_rows
        from services.audit.domain.entry import LogName

        return await read_rows(await self._connect(), LogName(self._log), first, end)

    async def _get(self, path: str) -> bytes | None:
        connection = await self._connect()
        if path == "checkpoint":
            return self._note.encode()
        _, kind, rest = path.split("/", 2)
        number, _, width = rest.partition(".p/")
        part = int(number.replace("x", "").replace("/", "")), int(width or WIDTH)
        if kind == "entries":
            bundle, count = part
            entries = await read_entries(connection, self._log, range(bundle, bundle + 1), bundle * WIDTH + count)
            return b"".join(len(each).to_bytes(2, "big") + each for each in entries[bundle]) if entries else None
        tile = await read_tile(connection, self._log, int(kind), part[0])
        return tile[: part[1] * 32] if len(tile) >= part[1] * 32 else None

    async def _stray(self) -> int | None:
        return await read_stray(await self._connect(), self._log)

    async def _read(self, numbers: range, size: int) -> tuple[dict[int, list[bytes]], dict[int, bytes]]:
        connection = await self._connect()
        end = min(numbers.stop * WIDTH, size)
        bundles = await read_entries(connection, self._log, numbers, end)
        full = await connection.fetch(
            "SELECT tile, hashes FROM tiles WHERE log = $1 AND level = 0 AND tile >= $2 AND tile < $3",
            self._log,
            numbers.start,
            end // WIDTH,
        )
        tiles: dict[int, bytes] = {row["tile"]: row["hashes"] for row in full}
        last, width = divmod(end, WIDTH)
        if width:
            partial = (await read_tile(connection, self._log, 0, last))[: width * 32]
            if len(partial) == width * 32:
                tiles[last] = partial
        return bundles, tiles


async def read_tile(conn: Connection, log: str, level: int, number: int) -> bytes:
    """Return a tile's hashes, as many as there are: a full one as stored, else the roots of those below it, or the edge.

    In one statement: a tile that fills up meanwhile is still at the edge, or stored, and never neither.
    """
    found: bytes | None = await conn.fetchval(
        "SELECT coalesce((SELECT hashes FROM tiles WHERE log = $1 AND level = $2 AND tile = $3), CASE WHEN $2 = 0"
        " THEN (SELECT edge FROM logs WHERE log = $1 AND size / 256 = $3)"
        " ELSE (SELECT string_agg(root, ''::bytea ORDER BY tile) FROM tiles"
        " WHERE log = $1 AND level = $2 - 1 AND tile >= $3 * 256 AND tile < ($3 + 1) * 256) END)",
        log,
        level,
        number,
    )
    return found or b""


async def read_entries(conn: Connection, log: str, numbers: range, size: int) -> dict[int, list[bytes]]:
    """Return the entries of these bundles (tlog-tiles) of a log of this size, by the bundle's number.

    The database puts them together: a row for each entry would cost more than hashing it does. Each bundle is looked up by
    itself, in order as the index has it, so that nothing is sorted.
    """
    rows = await conn.fetch(
        "SELECT bundle, ARRAY(SELECT leaf FROM entries WHERE log = $1"
        " AND position >= bundle * 256 AND position < least((bundle + 1) * 256, $4) ORDER BY position) AS entries"
        " FROM generate_series($2::bigint, $3::bigint) AS bundle",
        log,
        numbers.start,
        numbers.stop - 1,
        size,
    )
    return {row["bundle"]: row["entries"] for row in rows if row["entries"]}


async def read_stray(conn: Connection, log: str) -> int | None:
    """Return the first position behind the log's end at which a row stands, which nothing signs; None if none does.

    A batch's rows, its head and its checkpoint are committed together. So one statement, which sees either all of a batch or
    nothing of it, sees none of an honest log there, however fast it grows.
    """
    found: int | None = await conn.fetchval(STRAY, log)
    return found


async def newest_note(dsn: str, log: str, *, witnessed: bool) -> str | None:
    """Return the log's newest checkpoint with the cosignatures on it; with `witnessed`, the newest that was served as such."""
    connection = await asyncpg.connect(dsn)
    try:
        note: str | None = await connection.fetchval(
            "SELECT c.note || coalesce((SELECT string_agg(s.line, '' ORDER BY s.vkey) FROM cosignatures s"
            " WHERE (s.log, s.size) = (c.log, c.size)), '') FROM checkpoints c WHERE c.log = $1"
            " ORDER BY ($2 AND EXISTS (SELECT FROM witnessed_checkpoints w WHERE (w.log, w.size) = (c.log, c.size))) DESC,"
            " c.size DESC LIMIT 1",
            log,
            witnessed,
        )
    finally:
        await connection.close()
    return note


def open_database(dsn: str, log: str, *, witnessed: bool = False) -> Database:
    """Return the log as it is in the database, to be compared with its newest checkpoint.

    Raises:
        UnreadableError: there is no such log, or no such database.
    """
    try:
        note = asyncio.run(newest_note(dsn, log, witnessed=witnessed))
    except (OSError, ValueError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise UnreadableError(f"the database cannot be read: {error}") from error
    if note is None:
        raise UnreadableError(f"there is no log {log}")
    return Database(dsn, log, note)


def compare_columns(log: Source, report: Report, progress: Callable[[int, int], None]) -> None:
    """Add to the report which columns are not what their entries say.

    The tree is over the entries alone: who changes a column hides an entry from searches and reports, and every hash is as before.

    Raises:
        UnreadableError: the database cannot be read.
    """
    assert isinstance(log, Database)
    for position, name in log.changed_columns(report.size, progress):
        report.found(Kind.CHANGED, position, f"the column {name} is not what the entry says")


def main(arguments: Sequence[str]) -> int:
    """Verify a log of the database in DATABASE_URL; everything else is as in `lagspill-verify`, but for `--columns`."""

    opened: list[Database] = []

    def open_log(name: str, demands: Demands) -> Database:
        dsn = os.environ.get("DATABASE_URL")
        if dsn is None:
            raise UnreadableError("DATABASE_URL names no database")
        opened.append(
            open_database(dsn, name, witnessed=demands.policy is not None and demands.policy.quorum is not None)
        )
        return opened[0]

    try:
        return lagspill_verify.main(
            arguments, program="lagspill verify --database", opener=open_log, comparer=compare_columns
        )
    finally:
        for log in opened:
            log.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
