"""The relay: from the outbox to Kafka, numbered once, in order per key, by one leader.

    tx 1  take the oldest rows, number them, write ONE batch row {ids, first number per log}
    send  keyed, in order, until every record is acknowledged; meanwhile look at what comes next
    tx 2  delete the rows and the batch row, advance the numbers and the tree; together with tx 1 of the next batch

A relay that starts and finds a batch row sends exactly that batch again: the same numbers, the same bytes. Every error is
handled as a crash would be: let go of the lock, the connection and the producer, wait a little, start over. So there is one
way to recover, and it is always the same one.

The leader holds a session advisory lock on the connection that it does everything on: who has lost the lock has lost the
connection too, and cannot advance anything. It may still have a batch on its way to Kafka; that is the batch which the next
leader sends again before anything else, so every key's first occurrences stay in order.
"""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

import asyncpg
import structlog
from pydantic_core import to_json

from shared import db
from shared.clock import Clock
from shared.contracts import journal as contracts
from shared.envelope import describe, seal
from shared.kafka import WATERMARKS_TOPIC
from shared.lanes import Lanes
from shared.merkle import leaf_hash
from shared.observability import Metrics, describe_exception
from shared.outbox import Batch, Heads, Outbox, Picked, Seal, advanced, following_numbers, numbered
from shared.publisher import Outgoing, ProducerFactory, Publisher, Target
from shared.refs import Ids, LogScope
from shared.together import together

_FIRST_PAUSE: Final = 0.1
_LONGEST_PAUSE: Final = 2.0
_HASHES_AT_ONCE: Final = 128

log = structlog.get_logger(__name__)


class Step(StrEnum):
    """Where the relay is: at each it may die, and nothing is lost or renumbered, and no key's order changes."""

    LEADING = "leading"
    PICKED = "picked"
    """Before transaction 1."""
    TAKEN = "taken"
    """After transaction 1."""
    ACKNOWLEDGED = "acknowledged"
    """The broker has a part of the batch."""
    SENT = "sent"
    """The broker has all of it; before transaction 2."""
    SETTLED = "settled"
    """After transaction 2."""
    SEALING = "sealing"
    """Before the seals are put into the outbox."""
    SEALED = "sealed"
    """After that."""
    DRAINED = "drained"
    """The broker knows that the outbox was empty."""
    FAILED = "failed"
    """Something went wrong; it has let go of everything and will start over."""


class Observer(Protocol):
    """Is told each step at the moment it is reached. For tests: they wait for a step, or stop the process at it."""

    def reached(self, step: Step) -> None:
        """Take note of `step`."""


class Nobody:
    """Takes note of nothing."""

    def reached(self, step: Step) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A batch that is written down, and its leaf hashes in the making: while the database settles the one before."""

    batch: Batch
    leaves: asyncio.Task[list[bytes]]


class Relay:
    """Publishes one service's outbox. Any number may run; one of them leads."""

    def __init__(
        self,
        dsn: str,
        producer_factory: ProducerFactory,
        *,
        source: str,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
        seal_every: float = 60.0,
        heartbeat_every: float = 1.0,
        poll: float = 0.2,
        batch: int = 2000,
        patience: float = 30.0,
        observer: Observer | None = None,
        topics: Mapping[str, str] | None = None,
        lanes: Lanes | None = None,
    ) -> None:
        """Prepare; nothing connects before `start`. All durations are in seconds of the machine's time.

        Args:
            dsn: The service's database, not through a pooler: the leader's lock lives in the session.
            producer_factory: Makes producers: `shared.publisher.producers(...)`.
            source: The CloudEvents source, `/services/cases`.
            clock: The rules' clock, for the seals' time.
            ids: Where the seals' ids come from.
            metrics: The process's series.
            seal_every: How long between two seals of a log with traffic.
            heartbeat_every: How long between two watermarks.
            poll: How long at most until an event is seen that nobody nudged for.
            batch: The largest number of events numbered at once.
            patience: How long the broker may take to acknowledge a batch, and the database for a statement. A leader that asks
                the database nothing for twice as long is frozen, and loses the lead.
            observer: Is told every step.
            topics: Other names of topics, where a broker is shared with others.
            lanes: How far this process's journal has written: what the seals say of it.
        """
        self._dsn = dsn
        self._producer_factory = producer_factory
        self._source = source
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._seal_every = seal_every
        self._heartbeat_every = heartbeat_every
        self._poll = poll
        self._limit = batch
        self._patience = patience
        self._observer = observer or Nobody()
        self._topics = topics or {}
        self._lanes = Lanes() if lanes is None else lanes
        self._watermarks_topic = self._topics.get(WATERMARKS_TOPIC, WATERMARKS_TOPIC)
        self._seal_type = _seal_type(source)
        self._nudged = asyncio.Event()
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._hashing: asyncio.Task[list[bytes]] | None = None
        self._leading = False
        self._oldest: datetime | None = None
        metrics.outbox_age_seconds.set_function(self._age)

    @property
    def leading(self) -> bool:
        """Whether this process is the one that publishes."""
        return self._leading

    def nudge(self) -> None:
        """Say that something was committed; on the event loop's thread. Without it the poll finds it a little later."""
        self._nudged.set()

    async def start(self) -> None:
        """Begin to publish, or to wait for one's turn. It connects by itself, as soon as it can."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name=f"relay of {self._source}")

    async def stop(self, within: float = 10.0) -> None:
        """Publish what is committed, seal every log with traffic, and let go; after `within` seconds let go anyway.

        May be called before `start`. What was not published stays in the outbox for the next leader.
        """
        self._stopping.set()
        self._nudged.set()
        task, self._task = self._task, None
        if task is None:
            return
        done, _ = await asyncio.wait([task], timeout=within)
        if not done:
            log.warning("relay_stopped_undrained", source=self._source, waited_seconds=within)
            task.cancel()
            await asyncio.wait([task])
        if not task.cancelled():
            task.result()

    async def _run(self) -> None:
        pause = _FIRST_PAUSE
        while not self._stopping.is_set():
            began = time.monotonic()
            try:
                await self._serve()
            except Exception as error:  # noqa: BLE001 - an outbox that nobody empties is worse than any error
                if time.monotonic() - began > _LONGEST_PAUSE:
                    pause = _FIRST_PAUSE
                log.warning("relay_starts_over", source=self._source, pause_seconds=pause, **describe_exception(error))
                self._observer.reached(Step.FAILED)
                await _wait(self._stopping, pause)
                pause = min(pause * 2, _LONGEST_PAUSE)

    async def _serve(self) -> None:
        """Wait for the lead and publish until stopped; on the way out let go of everything."""
        publisher = Publisher(
            self._producer_factory, seconds=self._patience, acknowledged=self._acknowledged, topics=self._topics
        )
        connection: asyncpg.Connection[asyncpg.Record] | None = None
        try:
            # First the broker: who cannot reach it must not keep the lead from somebody who can.
            await publisher.start()
            connection = await db.connect(
                self._dsn,
                application_name=f"relay of {self._source}",
                statement_seconds=self._patience,
                idle_seconds=2 * self._patience,
            )
            outbox = Outbox(connection)
            next_seal = time.monotonic() + self._seal_every
            while not await outbox.lead():
                await _wait(self._stopping, self._poll)
                if time.monotonic() >= next_seal or self._stopping.is_set():
                    next_seal = time.monotonic() + self._seal_every
                    await self._tell_lanes(outbox)
                if self._stopping.is_set():
                    return
            self._set_leading(leading=True)
            await self._work(outbox, publisher)
        finally:
            self._set_leading(leading=False)
            if self._hashing is not None:
                self._hashing.cancel()
            if connection is not None:
                # Not close(): it would wait for a server that may be gone. The lock goes with the connection.
                connection.terminate()
            await publisher.close()

    async def _work(self, outbox: Outbox, publisher: Publisher) -> None:
        """Publish batch after batch, seal, and tell how far it is, until stopped and drained."""
        heads = await outbox.heads()
        unfinished = await outbox.unfinished()
        taken = None if unfinished is None else self._hashed(unfinished)
        picked: Picked | None = None
        drained_at: datetime | None = None
        next_seal = time.monotonic() + self._seal_every
        next_heartbeat = 0.0
        while True:
            stopping = self._stopping.is_set()
            if taken is None:
                self._nudged.clear()
                picked = await outbox.pick(self._limit)
                taken = await self._take(picked, heads, outbox)
            idle = taken is None
            if taken is not None:
                taken, following = await self._pass_on(taken, heads, outbox, publisher)
                if picked is not None and picked.all:
                    drained_at = picked.at
                picked = following
            if taken is None and picked is not None:
                drained_at = picked.at
            now = time.monotonic()
            if drained_at is not None and (now >= next_heartbeat or stopping):
                next_heartbeat = now + self._heartbeat_every
                await self._heartbeat(drained_at, outbox, publisher)
            if now >= next_seal or (stopping and idle):
                next_seal = now + self._seal_every
                if await self._queue_seals(heads, outbox):
                    continue
            if stopping and idle:
                return
            if taken is None and not self._stopping.is_set():
                await _wait(self._nudged, self._poll)

    async def _pass_on(
        self, taken: _Taken, heads: Heads, outbox: Outbox, publisher: Publisher
    ) -> tuple[_Taken | None, Picked]:
        """Send a batch that is taken, and settle it; return the next one, taken too, if something more waits."""
        began = time.perf_counter()
        batch = taken.batch
        self._nudged.clear()
        publishing = publisher.publish(batch.records)
        picking = asyncio.create_task(outbox.pick(self._limit, beside=batch.ids))
        await together(asyncio.create_task(publishing), picking, taken.leaves)
        self._observer.reached(Step.SENT)
        picked = picking.result()
        after = advanced(heads, batch, taken.leaves.result())
        heads.update(after)
        following = self._hashed(self._number(picked, heads)) if picked.rows else None
        await outbox.settle(batch, after, None if following is None else following.batch)
        self._observer.reached(Step.SETTLED)
        if following is not None:
            self._observer.reached(Step.TAKEN)
        self._oldest = picked.oldest
        self._metrics.relay_batch_seconds.observe(time.perf_counter() - began)
        self._metrics.seals.inc(batch.seals)
        return following, picked

    async def _take(self, picked: Picked, heads: Heads, outbox: Outbox) -> _Taken | None:
        self._oldest = picked.oldest
        if not picked.rows:
            return None
        batch = self._number(picked, heads)
        await outbox.take(batch)
        self._observer.reached(Step.TAKEN)
        return self._hashed(batch)

    def _hashed(self, batch: Batch) -> _Taken:
        """Begin to hash `batch`."""
        self._hashing = asyncio.create_task(_leaves(batch))
        return _Taken(batch, self._hashing)

    def _number(self, picked: Picked, heads: Heads) -> Batch:
        batch = numbered(picked.rows, following_numbers(heads, {row.scope for row in picked.rows}))
        self._observer.reached(Step.PICKED)
        return batch

    async def _queue_seals(self, heads: Heads, outbox: Outbox) -> bool:
        """Put a seal for every log with traffic into the outbox; return whether there was any."""
        untold = self._lanes.untold()
        with_traffic = {
            scope: head
            for scope, head in heads.items()
            if head.unsealed or (head.frontier.size and LogScope(scope) in untold)
        }
        if not with_traffic:
            return False
        self._observer.reached(Step.SEALING)
        await self._queue([self._seal(LogScope(scope), heads) for scope in with_traffic], outbox, leading=True)
        self._observer.reached(Step.SEALED)
        for scope, head in with_traffic.items():
            heads[scope] = head.sealed()
        return True

    async def _tell_lanes(self, outbox: Outbox) -> None:
        """Say how far this process has written, though another one leads: in seals as far as that one has come."""
        untold = self._lanes.untold()
        heads = await outbox.heads() if untold else {}
        seals = [self._seal(scope, heads) for scope in sorted(untold) if scope in heads and heads[scope].frontier.size]
        if seals:
            await self._queue(seals, outbox, leading=False)

    async def _queue(self, seals: Sequence[Seal], outbox: Outbox, *, leading: bool) -> None:
        reached = await outbox.queue_seals(seals, leading=leading)
        for queued in seals:
            self._lanes.told(queued.scope, queued.ends)
        for scope, lane in reached:
            self._lanes.committed(scope, lane, calls=False)

    def _seal(self, scope: LogScope, heads: Heads) -> Seal:
        frontier = heads[scope].frontier
        ends = self._lanes.ends(scope)
        root = base64.b64encode(frontier.root()).decode()
        data = self._seal_type(scope=scope, last_number=frontier.size, root=root, lanes=ends)
        event_id = self._ids.event_id()
        envelope = describe(
            data,
            event_id=event_id,
            source=self._source,
            happened=self._clock.now(),
            recorded=self._clock.now(),
            scope=scope,
            correlation=event_id,
        )
        return Seal(event_id, scope, data.TOPIC, envelope.partitionkey, seal(data, envelope), ends)

    async def _heartbeat(self, drained_at: datetime, outbox: Outbox, publisher: Publisher) -> None:
        """Say that everything committed before `drained_at` is on the bus."""
        value = to_json({"source": self._source, "drained_at": drained_at})
        await publisher.publish([Outgoing(WATERMARKS_TOPIC, self._source.encode(), value)])
        self._metrics.outbox_rows.set(await outbox.count())
        self._observer.reached(Step.DRAINED)

    def _acknowledged(self, target: Target, records: int) -> None:
        if target.topic != self._watermarks_topic:
            self._metrics.published.labels(target.topic).inc(records)
            self._observer.reached(Step.ACKNOWLEDGED)

    def _set_leading(self, *, leading: bool) -> None:
        if leading != self._leading:
            log.info("relay_leads" if leading else "relay_no_longer_leads", source=self._source)
        self._leading = leading
        self._metrics.relay_leader.set(int(leading))
        if leading:
            self._observer.reached(Step.LEADING)

    def _age(self) -> float:
        """Return the age of the oldest event that waits, as the leader last saw it; it grows while nothing is published."""
        return 0.0 if self._oldest is None else max(0.0, time.time() - self._oldest.timestamp())


async def _leaves(batch: Batch) -> list[bytes]:
    """Return the leaf hash of each record, giving way to the sending all the while."""
    leaves = []
    for nth, record in enumerate(batch.records):
        if nth % _HASHES_AT_ONCE == 0:
            await asyncio.sleep(0)
        leaves.append(leaf_hash(record.value))
    return leaves


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Return when `event` is set, or after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return


def _seal_type(source: str) -> type[contracts.JournalSealed]:
    prefix = f"no.lagspill.{source.rpartition('/')[2]}."
    for event in contracts.EVENTS:
        if event.TYPE.startswith(prefix):
            return event
    raise ValueError(f"{source} has no seal in the published language")
