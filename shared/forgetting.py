"""What is kept for a while only: answers stored under idempotency keys name who asked, and nobody asks again after a month."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from shared.clock import Clock
from shared.db import is_unavailable
from shared.journal import Journal
from shared.observability import describe_exception

ANSWERS_KEPT: Final = timedelta(days=30)
"""By the rules' clock. A client repeats a request within minutes; a queue that was down over a holiday, within weeks."""
EVERY: Final = 3600.0
"""Seconds of the machine's time between two rounds."""

log = structlog.get_logger(__name__)


class Forgetting:
    """Deletes what has been kept long enough; any number of instances may."""

    def __init__(self, journal: Journal, clock: Clock, *, every: float = EVERY) -> None:
        """Prepare; the first round begins with `start`."""
        self._journal = journal
        self._clock = clock
        self._every = every
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="forgetting")

    async def stop(self) -> None:
        """End; a round under way is finished first. Also before `start`."""
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                count = await self._journal.forget_answers(self._clock.now() - ANSWERS_KEPT)
            except Exception as error:
                if not is_unavailable(error):
                    raise
                log.warning("forgetting_waits", error=describe_exception(error))
            else:
                if count:
                    log.info("answers_forgotten", count=count)
            try:
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()
            except TimeoutError:
                continue
