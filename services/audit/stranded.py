"""Ends transactions whose instance has stopped in the midst of a COPY, where no timeout of the server's reaches.

An instance that is frozen between two statements is given up by `idle_in_transaction_session_timeout`. One that is frozen
while it sends rows is not idle to the server: it waits for the rows, with everything locked, for as long as the machine that
should send them acknowledges the packets; `statement_timeout` and `transaction_timeout` are not looked at while it waits
(PostgreSQL, `ProcessClientReadInterrupt`). Only `pg_terminate_backend` ends it, so whoever waits for its locks asks for that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
import structlog

from shared.db import Connection, Pool

log = structlog.get_logger(__name__)

_END: Final = """
SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND usename = session_user AND pid <> pg_backend_pid()
  AND state = 'active' AND wait_event = 'ClientRead'
  AND state_change < clock_timestamp() - $1::interval
"""


@asynccontextmanager
async def connected(pool: Pool) -> AsyncIterator[Connection]:
    """Yield a connection; if it waits for a lock in vain, what holds it is ended where it has stopped.

    What an ended transaction did is undone, and its instance, should it ever wake, begins anew where the logs stand then.

    Raises:
        asyncpg.LockNotAvailableError: the lock was not given; where its holder had stopped, the next attempt gets it.
    """
    try:
        async with pool.acquire() as connection:
            yield connection
    except asyncpg.LockNotAvailableError:
        if ended := await _end_stranded(pool):
            log.warning("ended transactions of instances that have stopped", count=ended)
        raise


async def _end_stranded(pool: Pool) -> int:
    """End this login's transactions that have waited for their client as long as an idle one may; return how many those were."""
    async with pool.acquire() as connection, connection.transaction():
        patience = await connection.fetchval(
            "SELECT setting::int * interval '1 millisecond' FROM pg_settings"
            " WHERE name = 'idle_in_transaction_session_timeout'"
        )
        if not patience:
            return 0
        # A session belongs to who signed in, and only that role may end it: not the one that adds to the logs.
        await connection.execute("SET LOCAL ROLE NONE")
        ended: int = await connection.fetchval(_END, patience)
        return ended
