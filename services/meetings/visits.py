"""Counts visits to public pages (seed rule 150), beside the answers: no page waits for the database, or fails because of it."""

from __future__ import annotations

from collections import Counter
from typing import Final

import structlog

from services.meetings import visit_store as store
from services.meetings.domain.visiting import Visited
from shared.db import Pool
from shared.rounds import Rounds

EVERY: Final = 5.0
"""Seconds between two times that what was counted is kept."""

log = structlog.get_logger(__name__)


class Visits(Rounds):
    """Counts in memory, a number for each municipality, page and month, and adds them to what is kept, a few seconds later.

    So visitors, however many, cost the database one statement in a while. A process that is killed takes the visits of the last
    seconds with it.
    """

    def __init__(self, pool: Pool) -> None:
        """Keep the numbers in `pool`."""
        super().__init__(
            self.keep,
            name="visits of public pages",
            every=EVERY,
            interrupted=lambda error: log.error("visits_interrupted", exc_info=error),
        )
        self._pool = pool
        self._counted: Counter[Visited] = Counter()

    def count(self, visited: Visited) -> None:
        """Count one more."""
        self._counted[visited] += 1

    async def keep(self) -> None:
        """Add what was counted to what is kept; what cannot be kept now is counted still."""
        taken, self._counted = self._counted, Counter()
        if not taken:
            return
        try:
            await store.add(self._pool, taken)
        except BaseException:
            self._counted.update(taken)
            raise

    async def stop(self) -> None:
        """End, and keep what was counted since the last time."""
        await super().stop()
        await self.keep()
