"""What is looked at again and again: what is compared, holes that last, checkpoints to announce, how far behind the logs are."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic
from typing import Final

import structlog

from services.audit.consumers import Consumption
from services.audit.keeper import Keeper
from shared.observability import Metrics, describe_exception

EVERY_SECONDS: Final = 1.0

log = structlog.get_logger(__name__)


class Overseer:
    """Looks once a second, and announces checkpoints less often."""

    def __init__(
        self,
        keeper: Keeper,
        consumption: Consumption,
        metrics: Metrics,
        *,
        announce_seconds: float,
        every: float = EVERY_SECONDS,
    ) -> None:
        """Look every `every` seconds of the machine's time; announce every `announce_seconds`."""
        self._keeper = keeper
        self._consumption = consumption
        self._metrics = metrics
        self._announce_seconds = announce_seconds
        self._every = every
        self._announced = monotonic()
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._compared = metrics.counter("log_seals_compared", "Seals compared with what the log holds.")
        self._columns = metrics.counter(
            "log_columns_compared", "Entries whose columns were compared with what the entries say."
        )
        self._findings = metrics.gauge("log_findings", "What was ever found wrong with what the logs hold.", "kind")
        self._strays = metrics.gauge("log_stray_entries", "Entries whose month had no partition when they came.")
        self._taking = metrics.gauge("log_taking", "One while what is published comes into the logs.")
        self._begun = metrics.gauge(
            "log_consumer_begun", "How often the consumer began: once, and after each standstill."
        )

    async def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="audit-overseer")

    async def stop(self) -> None:
        """Finish what is in hand and end; also before `start`."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001  # a look that ended in silence would look like a log without findings
                log.warning("not looked", **describe_exception(error))
            try:
                await asyncio.wait_for(self._stopping.wait(), self._every)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Look once."""
        self._taking.set(int(self._consumption.assigned and not self._consumption.waiting))
        self._begun.set(self._consumption.begun)
        self._compared.inc(await self._keeper.compare_seals())
        await self._keeper.find_gaps(monotonic())
        await self._keeper.find_reused_ids()
        self._columns.inc(await self._keeper.compare_columns())
        for kind, count in (await self._keeper.count_findings()).items():
            self._findings.labels(kind.value).set(count)
        await self._keeper.prepare_partitions()
        self._strays.set(await self._keeper.partitions.strays())
        behind: Counter[str] = Counter()
        for (topic, _), records in self._consumption.lag().items():
            behind[topic] += records
        for topic, records in behind.items():
            self._metrics.consumer_lag_records.labels(self._consumption.group, topic).set(records)
        if monotonic() - self._announced >= self._announce_seconds:
            self._announced = monotonic()
            await self._keeper.announce()
