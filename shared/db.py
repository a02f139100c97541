"""PostgreSQL: a pool without a round trip of its own, and migrations that only go forward.

Nothing may leave state behind on a connection that goes back to the pool (the counts of `shared.lanes` apart): no `SET` outside
a transaction, no `LISTEN`, no session advisory lock. Whoever needs one of those (the relay does) opens a connection with `connect`.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import asyncpg

from shared import lanes
from shared.errors import UnavailableError

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy
    from asyncpg.transaction import Transaction as _Transaction

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
    Transaction: TypeAlias = _Transaction
else:
    Pool: TypeAlias = asyncpg.Pool
    Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy
    Transaction: TypeAlias = asyncpg.transaction.Transaction

KIT_MIGRATIONS: Final = Path(__file__).with_name("migrations")
STATEMENT_SECONDS: Final = 30.0
"""How long one statement may take before the connection gives it up."""
CONNECT_SECONDS: Final = 10.0
IDLE_SECONDS: Final = 60.0
MIGRATION_LOCK: Final = 0x1A65_9111
"""The advisory lock that instances which start together migrate under, one after the other."""

_KEEPALIVE: Final = {"tcp_keepalives_idle": "6", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3"}

_SURROUNDINGS: Final = ("08", "53", "57", "58")
"""SQLSTATE classes: connection, resources, operator intervention, system (PostgreSQL documentation, appendix A)."""
_WAITED_OUT: Final = frozenset(
    {
        "40001",  # serialization_failure
        "40P01",  # deadlock_detected
        "55P03",  # lock_not_available
        "25006",  # read_only_sql_transaction: a standby, just before it is promoted
        "42501",  # insufficient_privilege: a deployment's fault, not an event's
        "42P01",  # undefined_table: a migration that has not run yet
    }
)

_HISTORY: Final = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name       text        PRIMARY KEY,
    sha256     text        NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
)
"""


class MigrationError(Exception):
    """The database and the migrations in the code do not agree."""


@dataclass(frozen=True)
class Migration:
    """One SQL file; `name` is unique across the kit and the service (`kit/0001_kit.sql`)."""

    name: str
    sql: str

    @property
    def sha256(self) -> str:
        """The hash of the file as it stands; an applied migration never changes."""
        return sha256(self.sql.encode()).hexdigest()


async def create_pool(
    dsn: str,
    *,
    min_size: int = 2,
    max_size: int = 10,
    application_name: str,
    statement_seconds: float = STATEMENT_SECONDS,
    idle_seconds: float = IDLE_SECONDS,
) -> Pool:
    """Return an open pool whose connections go back without a round trip. JSON goes in and out as text.

    A transaction in which nothing is asked for `idle_seconds` is given up by the server: its instance is frozen.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached, or refuses.
    """
    return await _Pool(
        dsn,
        min_size=min_size,
        max_size=max_size,
        command_timeout=statement_seconds,
        timeout=CONNECT_SECONDS,
        max_queries=50_000,
        max_inactive_connection_lifetime=0,  # else every command sets a timer and unsets it
        reset=_give_back,
        loop=None,
        connection_class=lanes.Session,
        record_class=asyncpg.Record,
        server_settings=_settings(application_name)
        | {"idle_in_transaction_session_timeout": _milliseconds(idle_seconds)},
    )


class _Pool(Pool):
    """A pool that gives a connection that is free at once, and takes it back without starting a task."""

    async def _acquire(self, timeout: float | None) -> Any:  # noqa: ASYNC109 - asyncpg's own
        """Give a connection."""
        pool: Any = self
        above: Any = super()
        if timeout is not None or pool._closing or not pool._initialized or pool._queue.empty():
            return await above._acquire(timeout)
        holder = pool._queue.get_nowait()
        try:
            connection = await holder.acquire()
        except BaseException:
            pool._queue.put_nowait(holder)
            pool._schedule_min_size_maintenance()
            raise
        holder._timeout = None
        return connection

    async def release(self, connection: Any, *, timeout: float | None = None) -> None:  # noqa: ASYNC109 - asyncpg's own
        """Take `connection` back.

        asyncpg shields this from cancellation with a task of its own. Nothing is waited for here unless something was left
        open; whoever is cancelled in that loses the connection, which asyncpg then closes and replaces.
        """
        session, holder = connection._con, connection._holder
        if session is None:  # it was given back already
            return
        session._on_release()
        if self._left_open(session, holder):
            await holder.release(timeout)
        else:
            holder._release()

    @staticmethod
    def _left_open(session: Any, holder: Any) -> bool:
        """Return whether there is anything to do before somebody else may have the connection: asyncpg's own questions."""
        protocol = session._protocol
        return (
            session.is_closed()
            or protocol._is_cancelling()
            or protocol.queries_count >= holder._max_queries
            or holder._generation != holder._pool._generation
            or protocol.is_in_transaction()
            or session._top_xact is not None
            or bool(session._listeners or session._log_listeners)
            or bool(session.unsettled)
        )


async def connect(
    dsn: str,
    *,
    application_name: str,
    statement_seconds: float = STATEMENT_SECONDS,
    idle_seconds: float | None = None,
) -> asyncpg.Connection[asyncpg.Record]:
    """Return a connection of its own, for what a pooled one may not do, such as to hold a session's lock.

    The server gives it up, and its locks, within about twelve seconds after the client's machine has vanished, and after
    `idle_seconds` in which the client asked nothing (None: never), as one does that is frozen.

    Raises:
        OSError, asyncpg.PostgresError: the database cannot be reached, or refuses.
    """
    return await asyncpg.connect(
        dsn,
        command_timeout=statement_seconds,
        timeout=min(CONNECT_SECONDS, statement_seconds),
        connection_class=lanes.Session,
        server_settings=_settings(application_name)
        | _KEEPALIVE
        | ({} if idle_seconds is None else {"idle_session_timeout": _milliseconds(idle_seconds)}),
    )


def read_migrations(service: str, folder: Path) -> list[Migration]:
    """Return the kit's migrations, then those in `folder`, each group by file name.

    Raises:
        MigrationError: `folder` does not exist.
    """
    if not folder.is_dir():
        raise MigrationError(f"there is no folder of migrations at {folder}")
    return [
        Migration(f"{owner}/{file.name}", file.read_text(encoding="utf-8"))
        for owner, place in (("kit", KIT_MIGRATIONS), (service, folder))
        for file in sorted(place.glob("*.sql"))
    ]


async def migrate(dsn: str, service: str, folder: Path) -> list[str]:
    """Bring the database up to date and return the names of what was applied now; again and in parallel is safe.

    Each migration commits on its own, together with its row in `schema_migrations`.

    Raises:
        MigrationError: an applied migration was changed afterwards, or the database is ahead of this code.
        OSError, asyncpg.PostgresError: the database cannot be reached, or a migration failed.
    """
    migrations = read_migrations(service, folder)
    # A migration may rewrite a table, and instances wait here for each other: no limit on a statement.
    connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS, server_settings=_settings(f"{service}-migrate"))
    try:
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await connection.execute(_HISTORY)
        rows = await connection.fetch("SELECT name, sha256 FROM schema_migrations")
        applied: dict[str, str] = {row["name"]: row["sha256"] for row in rows}
        _agree(migrations, applied)
        pending = [migration for migration in migrations if migration.name not in applied]
        for migration in pending:
            async with connection.transaction():
                await connection.execute(migration.sql)
                await connection.execute(
                    "INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", migration.name, migration.sha256
                )
        return [migration.name for migration in pending]
    finally:
        await connection.close()


def is_surroundings(error: Exception) -> bool:
    """Return whether `error` says that something around the work is wrong, so that it is waited out, not counted."""
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state in _WAITED_OUT or state.startswith(_SURROUNDINGS)
    return isinstance(error, (OSError, UnavailableError))


def is_unavailable(error: Exception) -> bool:
    """Return whether the database, or what else was needed, did not answer: whoever asked should ask again.

    A connection that is lost in the midst of a commit leaves it open whether that took place; the idempotency key settles it.
    """
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # "the connection is closed"; a wrong argument is a ValueError too
    return isinstance(error, asyncpg.InternalClientError) or is_surroundings(error)


def _agree(migrations: list[Migration], applied: dict[str, str]) -> None:
    for migration in migrations:
        if applied.get(migration.name, migration.sha256) != migration.sha256:
            raise MigrationError(f"{migration.name} was changed after it had been applied; write a new migration")
    if unknown := applied.keys() - {migration.name for migration in migrations}:
        raise MigrationError(f"the database is ahead of this code: it has {', '.join(sorted(unknown))}")


def _settings(application_name: str) -> dict[str, str]:
    # Our statements are short: compiling them costs more than it gives.
    return {"application_name": application_name, "jit": "off", "timezone": "UTC"}


def _milliseconds(seconds: float) -> str:
    return str(int(seconds * 1000))


async def _give_back(connection: Connection) -> None:
    """Undo only what was left open: asyncpg's own reset is a round trip for every command."""
    if connection.is_in_transaction():
        await connection.reset()
    await lanes.settle(connection)
