"""Placing and lifting legal holds: a row that pruning asks, and an entry of the log that everybody can, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.audit import retention
from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.holds import decide_tell
from services.audit.domain.log import LOG
from shared.aggregate import Context
from shared.db import Connection
from shared.journal import Journal
from shared.refs import Ids, LogScope


@dataclass(frozen=True, slots=True)
class Holding:
    """Places holds as the service's writer, and lifts them as the pruner: neither can do the other's part."""

    journal: Journal
    ids: Ids

    async def place(self, conn: Connection, name: str, log: LogName, case: str | None, now: datetime) -> None:
        """Keep everything in the log, or about one case, from being pruned until it is lifted, and say so in the log.

        Raises:
            HoldRefusedError: there is a hold of this name, or was.
        """
        async with conn.transaction():
            await retention.hold(conn, name, log, case, now)
            await self._tell(conn, log, now)

    async def release(self, conn: Connection, name: str, now: datetime) -> None:
        """Let a hold go, and say so in the log.

        Raises:
            HoldRefusedError: there is no such hold, or it was released.
        """
        async with conn.transaction():
            log = await retention.release(conn, name, now)
            await self._tell(conn, log, now)

    async def _tell(self, conn: Connection, log: LogName, now: datetime) -> None:
        """Tell the log. One without entries is told before anything of it is pruned; `unparsable`, of which nothing is, never."""
        origin: str | None = await conn.fetchval("SELECT origin FROM logs WHERE log = $1", log)
        if origin is None or log == UNPARSABLE:
            return
        standing = await retention.standing_holds(conn, log)
        context = Context(actor=None, scope=LogScope(log), now=now, correlation=self.ids.event_id())
        await self.journal.change(LOG, origin, context, lambda state: decide_tell(state, origin, standing), conn=conn)
