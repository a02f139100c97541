"""The months that entries are kept by: their partitions are made ahead, by whatever the clock says.

A clock that jumps, also by years, meets a month without a partition: it is made before the next batch, and where that does not
succeed at once the default partition takes the entries, which move to their month when it is made.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import asyncpg
import structlog

from shared.db import Pool
from shared.observability import describe_exception

AHEAD: Final = 2
"""How many months beyond the present one are made."""
AGAIN_SECONDS: Final = 30.0
"""How long after a failure none is tried again, by the machine's time."""

log = structlog.get_logger(__name__)


def months_from(moment: datetime, ahead: int = AHEAD) -> list[datetime]:
    """Return the first moments (UTC) of the month of `moment` and of the next ones."""
    utc = moment.astimezone(UTC)
    first = utc.year * 12 + utc.month - 1
    return [datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC) for number in range(first, first + ahead + 1)]


class Partitions:
    """Makes the partitions of the months that are needed, once each."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._made: set[datetime] = set()
        self._again = -AGAIN_SECONDS

    async def prepare(self, now: datetime, machine: float) -> list[str]:
        """Make what is missing of the months from `now` on, and return the names of what was made.

        It never fails: the log goes on without.

        Args:
            now: the rules' clock.
            machine: the machine's monotonic time in seconds.
        """
        missing = [month for month in months_from(now) if month not in self._made]
        if not missing or machine < self._again:
            return []
        made = []
        for month in missing:
            try:
                name: str | None = await self._pool.fetchval("SELECT make_entries_partition($1)", month)
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
                self._again = machine + AGAIN_SECONDS
                log.warning("partition not made", kind=month.strftime("%Y-%m"), **describe_exception(error))
                break  # the next one would wait for the same lock
            self._made.add(month)
            if name is not None:
                made.append(name)
        return made

    async def strays(self) -> int:
        """Return how many entries stand in the default partition, because their month had none."""
        found: int = await self._pool.fetchval("SELECT count_stray_entries()")
        return found
