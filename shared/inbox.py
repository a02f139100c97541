"""The inbox: every event has its effect once, in order, however often it is delivered.

    HANDLERS = {MeetingHeld: on_meeting_held}
    subscription = subscribe(broker, pool, Inbox("cases", HANDLERS), journal=journal, clock=clock, ids=ids, metrics=metrics)

A batch is one transaction: its events' inbox rows are claimed in one statement, and the handlers of those that were new run
in order. When one fails, the batch is rolled back and its events are taken one by one, so that only the poison one is parked
(`shared.dead_letters`), after a few attempts, and the later ones of its key behind it. What is wrong with the surroundings
(the database away, a conflict, a missing right) is not the event's fault: it is waited out, and nothing is skipped.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import structlog
from faststream.kafka import KafkaBroker

from shared.aggregate import Context
from shared.arrivals import Fit, Handler, NotForUs, Tx, Unfit, identity, judge, watermarks
from shared.clock import Clock, real_pause
from shared.contracts.access import TOPIC as ACCESS_TOPIC
from shared.contracts.base import EventData
from shared.db import Connection, Pool, is_surroundings
from shared.dead_letters import (
    DeadLetter,
    DeadLetterNotFoundError,
    Reason,
    Status,
    blocked_keys,
    dead_letter,
    discard_dead_letter,
    list_dead_letters,
    lock_key,
    next_of_key,
    park,
    settle,
    take_letter,
)
from shared.envelope import Envelope
from shared.freshness import ProgressReporter, freshness, record_watermarks, require_fresh
from shared.journal import Journal
from shared.kafka import WATERMARKS_TOPIC, BatchConsumer, RawRecord
from shared.observability import Metrics, describe_exception, following, span, traceparent
from shared.refs import Ids

ATTEMPTS: Final = 3
"""How often a handler may fail on one event before the event is parked."""
_FIRST_PAUSE: Final = 0.1

_CLAIM: Final = """
WITH claimed AS (
    INSERT INTO inbox (consumer, source, event_id)
    SELECT $1, source, event_id FROM unnest($2::text[], $3::uuid[]) AS t (source, event_id)
    ON CONFLICT DO NOTHING
    RETURNING source, event_id
), counted AS (SELECT count(*) = cardinality($2::text[]) AS all_new FROM claimed)
SELECT all_new,
       CASE WHEN NOT all_new THEN (SELECT array_agg(source) FROM claimed) END AS sources,
       CASE WHEN NOT all_new THEN (SELECT array_agg(event_id) FROM claimed) END AS event_ids
FROM counted
"""
"""Names the events that nobody had taken only when some had been: nearly always all of them are new."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Inbox:
    """What one service takes in, and with which functions."""

    consumer: str
    """The consumer group, and the name in the inbox table. Never renamed: a new name takes everything in again."""
    handlers: Mapping[type[EventData], Handler]
    topics: tuple[str, ...] = ()
    """What is read; by default the topics of the handlers' events."""
    parks_key: bool = True
    """Whether a parked event holds back the later ones of its key (in order, fail closed). False only where each event
    stands alone."""
    waits_for: tuple[type[Exception], ...] = ()
    """Further exceptions of handlers that are waited out instead of counted against the event."""
    watermarks: str = WATERMARKS_TOPIC
    """Where the relays say how far they are."""
    as_they_came: bool = False
    """Whether handlers get the record as it came, in place of its data: for who passes the very bytes on."""

    @property
    def subscribed(self) -> tuple[str, ...]:
        """The topics to read, the relays' watermarks among them."""
        topics = self.topics or tuple(sorted({event.TOPIC for event in self.handlers}))
        return (*topics, self.watermarks)

    @property
    def sources(self) -> tuple[tuple[str, str], ...]:
        """The (topic, source) pairs whose freshness is reported: each service's own topic."""
        return tuple(
            (topic, f"/services/{topic.split('.')[1]}")
            for topic in self.subscribed
            if topic not in {self.watermarks, ACCESS_TOPIC}
        )


def caused_by(envelope: Envelope, now: datetime) -> Context:
    """Return the context of what a consumer does because of an event: the system acts, in the event's log and process."""
    return Context(
        actor=None,
        scope=envelope.municipality,
        now=now,
        correlation=envelope.correlationid,
        causation=envelope.id,
        traceparent=traceparent() or envelope.traceparent,
    )


@dataclass(frozen=True)
class Replayed:
    """What became of one letter in a replay."""

    letter: int
    outcome: str
    """`effect`, `duplicate`, `ignored`, or `failed`: then the letters behind it were left alone."""
    detail: str = ""


class _EventError(Exception):
    """A handler failed, and its transaction was rolled back."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(type(cause).__name__)


class Intake:
    """Takes batches in for one inbox."""

    def __init__(self, pool: Pool, inbox: Inbox, *, journal: Journal, clock: Clock, ids: Ids, metrics: Metrics) -> None:
        self.inbox: Final = inbox
        self._pool = pool
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._types = {event.TYPE: (event, handler) for event, handler in inbox.handlers.items()}

    async def process(self, records: Sequence[RawRecord]) -> None:
        """Let every event of a batch have its effect, once. Returns when all of it is durable.

        Raises:
            Exception: something around the events is wrong; nothing was skipped, and the batch must be given again.
        """
        started = time.monotonic()
        tally: Counter[str] = Counter()
        drained, tally["malformed-watermark"] = watermarks(
            record for record in records if record.topic == self.inbox.watermarks
        )
        arrivals: list[Fit | Unfit] = []
        for record in records:
            if record.topic == self.inbox.watermarks:
                continue
            arrival = judge(record, self._types)
            if isinstance(arrival, NotForUs):
                tally["ignored" if arrival.known else "unknown"] += 1
            else:
                arrivals.append(arrival)
        try:
            await self._together(arrivals, drained, tally)
        except _EventError:
            # Something in it failed, and it is not known what. One by one, only the poison is parked.
            for arrival in arrivals:
                await self._alone(arrival, tally)
            await self._together([], drained, tally)
        if tally["effect"]:
            self._journal.nudge()
        for outcome, count in tally.items():
            self._metrics.inbox_events.labels(self.inbox.consumer, outcome).inc(count)
        self._metrics.inbox_batch_seconds.labels(self.inbox.consumer).observe(time.monotonic() - started)

    async def replay(self, letter: int) -> list[Replayed]:
        """Handle a dead letter again: first those of its key that came before it, and then those behind it, in order.

        Each is a transaction of its own with the letter's status, so that its effect happens once; the first that fails
        again ends the replay, and its key stays blocked.

        Raises:
            DeadLetterNotFoundError: this inbox has no such letter.
            DeadLetterSettledError: it was replayed or discarded already.
        """
        async with self._pool.acquire() as conn:
            asked = await dead_letter(conn, letter)
        if asked.consumer != self.inbox.consumer:
            raise DeadLetterNotFoundError
        outcomes: list[Replayed] = []
        while not outcomes or outcomes[-1].outcome != "failed":
            replayed = await self._replay_next(letter, first=not outcomes)
            if replayed is None:
                break
            outcomes.append(replayed)
        self._journal.nudge()
        return outcomes

    # --- a transaction ------------------------------------------------------------------------------------------------

    async def _together(
        self, arrivals: Sequence[Fit | Unfit], drained: dict[str, datetime], tally: Counter[str]
    ) -> None:
        """Take `arrivals` in, in one transaction.

        Raises:
            _EventError: a handler failed, and nothing has happened.
            Exception: something around the events is wrong, and nothing has happened.
        """
        if not arrivals and not drained:
            return
        outcomes: Counter[str] = Counter()
        async with self._pool.acquire() as conn:
            try:
                async with conn.transaction():
                    if arrivals:
                        await self._apply(conn, arrivals, outcomes)
                    await record_watermarks(conn, drained)
            except Exception as error:
                if conn.is_closed() or self._is_surroundings(error):
                    raise
                raise _EventError(error) from error
        tally.update(outcomes)

    async def _alone(self, arrival: Fit | Unfit, tally: Counter[str]) -> None:
        """Take one record in by itself; park it when its handler has failed too often."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                await self._together([arrival], {}, tally)
            except _EventError as failed:
                told = describe_exception(failed.cause)
                envelope = arrival.envelope
                log.warning(
                    "event_failed",
                    consumer=self.inbox.consumer,
                    attempt=attempt,
                    event_type=envelope and envelope.type,
                    event_id=envelope and envelope.id,
                    **told,
                )
                if attempt == ATTEMPTS:
                    detail = f"{told['error']} at {told['where'][-1] if told['where'] else 'an unknown place'}"
                    poison = Unfit(arrival.record, Reason.HANDLER_FAILED, detail, envelope)
                    # That it cannot be parked is never the event's fault: the batch is given again.
                    await self._together([poison], {}, tally)
                else:
                    await real_pause(_FIRST_PAUSE * 2 ** (attempt - 1))
            else:
                return

    async def _apply(self, conn: Connection, arrivals: Sequence[Fit | Unfit], outcomes: Counter[str]) -> None:
        new = await self._claim(conn, arrivals)
        # A statement of its own: it sees what the claim has waited for.
        blocked = await self._blocked(conn, arrivals)
        tx = self._transaction(conn)
        for arrival in arrivals:
            known_as = identity(arrival)
            if known_as is not None:
                if known_as not in new:
                    outcomes["duplicate"] += 1
                    continue
                new.discard(known_as)  # the same event may stand twice in one batch
            key = arrival.record.key
            if isinstance(arrival, Fit) and key not in blocked:
                await self._handle(tx, arrival)
                outcomes["effect"] += 1
                continue
            unfit = arrival if isinstance(arrival, Unfit) else _behind(arrival)
            if await self._park(conn, unfit):
                outcomes["parked"] += 1
                if self.inbox.parks_key and key is not None:
                    blocked.add(key)
        await tx.flush()

    async def _claim(self, conn: Connection, arrivals: Sequence[Fit | Unfit]) -> set[tuple[str, UUID]]:
        """Return the events that nobody has taken; from now on they are this transaction's.

        A second owner of the same events waits here until the first has committed or given up. Sorted, so that two of them
        never wait for each other.
        """
        wanted = sorted({known_as for arrival in arrivals if (known_as := identity(arrival)) is not None}, key=_order)
        if not wanted:
            return set()
        row = await conn.fetchrow(
            _CLAIM,
            self.inbox.consumer,
            [source for source, _ in wanted],
            [event_id for _, event_id in wanted],
        )
        assert row is not None, "a count is always one row"
        if row["all_new"]:
            return set(wanted)
        return set(zip(row["sources"] or (), row["event_ids"] or (), strict=True))

    async def _blocked(self, conn: Connection, arrivals: Sequence[Fit | Unfit]) -> set[bytes]:
        """Return which of the batch's keys have an open letter."""
        if not self.inbox.parks_key:
            return set()
        keys = {arrival.record.key for arrival in arrivals if arrival.record.key is not None}
        blocked = await blocked_keys(conn, self.inbox.consumer, keys)
        if not blocked:
            return blocked
        # A replay may be emptying one of these keys just now: wait for it, and look again.
        for key in sorted(blocked):
            await lock_key(conn, self.inbox.consumer, key)
        return await blocked_keys(conn, self.inbox.consumer, blocked)

    async def _park(self, conn: Connection, unfit: Unfit) -> bool:
        consumer, record, envelope = self.inbox.consumer, unfit.record, unfit.envelope
        parked = await park(
            conn,
            consumer,
            record,
            reason=unfit.reason,
            detail=unfit.detail,
            envelope=envelope,
            claimed=identity(unfit) is not None,
            attempts=ATTEMPTS if unfit.reason is Reason.HANDLER_FAILED else 0,
        )
        if parked:
            self._metrics.parked.labels(consumer, unfit.reason.value).inc()
            log.error(
                "record_parked",
                consumer=consumer,
                reason=unfit.reason,
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
                event_type=envelope and envelope.type,
                event_id=envelope and envelope.id,
            )
        return parked

    async def _replay_next(self, asked: int, *, first: bool) -> Replayed | None:
        """Replay the oldest open letter of the key that the letter `asked` has; None when none is left."""
        async with self._pool.acquire() as conn:
            letter: int | None = None
            try:
                async with conn.transaction():
                    letter = await next_of_key(conn, asked, whole_key=self.inbox.parks_key, first=first)
                    if letter is None:
                        return None
                    outcome = await self._again(conn, letter)
                    await settle(conn, letter, Status.REPLAYED, outcome)
            except _UnfitStillError as still:
                return Replayed(asked if letter is None else letter, "failed", still.detail)
            except Exception as error:
                if letter is None or conn.is_closed() or self._is_surroundings(error):
                    raise
                told = describe_exception(error)
                log.warning("replay_failed", consumer=self.inbox.consumer, **told)
                return Replayed(letter, "failed", str(told["error"]))
        return Replayed(letter, outcome)

    async def _again(self, conn: Connection, letter: int) -> str:
        stored, claimed = await take_letter(conn, letter)
        arrival = judge(stored, self._types)
        if isinstance(arrival, NotForUs):
            return "ignored"
        if isinstance(arrival, Unfit):
            raise _UnfitStillError(f"{arrival.reason}: {arrival.detail}")
        if not claimed and not await self._claim(conn, [arrival]):
            return "duplicate"
        tx = self._transaction(conn)
        await self._handle(tx, arrival)
        await tx.flush()
        return "effect"

    async def _handle(self, tx: Tx, fit: Fit) -> None:
        envelope = fit.envelope
        with (
            following(envelope.correlationid, envelope.id),
            span("handle", kind="consumer", parent=envelope.traceparent, attributes={"event.type": envelope.type}),
        ):
            await fit.handler(tx, fit.record if self.inbox.as_they_came else fit.data, envelope)

    def _transaction(self, conn: Connection) -> Tx:
        return Tx(conn, self._journal, self._clock.now(), self._ids)

    def _is_surroundings(self, error: Exception) -> bool:
        return is_surroundings(error) or isinstance(error, self.inbox.waits_for)


class _UnfitStillError(Exception):
    """The record still cannot be handled."""

    def __init__(self, detail: str) -> None:
        self.detail = detail
        super().__init__(detail)


class Subscription:
    """An inbox at work: its place in the consumer group, and its reports of how far it has come."""

    def __init__(self, intake: Intake, consumer: BatchConsumer, reporter: ProgressReporter) -> None:
        self.intake: Final = intake
        self.consumer: Final = consumer
        self.reporter: Final = reporter

    async def start(self) -> None:
        """Join the group and begin to take in.

        Raises:
            KafkaError: no broker answers.
        """
        await self.consumer.start()
        await self.reporter.start()

    async def stop(self) -> None:
        """Finish the batch in hand and leave the group. May be called before `start`."""
        await self.consumer.stop()
        await self.reporter.stop()


def subscribe(
    broker: KafkaBroker,
    pool: Pool,
    inbox: Inbox,
    *,
    journal: Journal,
    clock: Clock,
    ids: Ids,
    metrics: Metrics,
    max_records: int = 500,
    session_timeout: float = 10.0,
    drain_timeout: float = 25.0,
) -> Subscription:
    """Register `inbox` with `broker`; nothing is read before `start`. For the rest see `BatchConsumer`."""
    intake = Intake(pool, inbox, journal=journal, clock=clock, ids=ids, metrics=metrics)
    consumer = BatchConsumer(
        broker,
        group=inbox.consumer,
        topics=inbox.subscribed,
        process=intake.process,
        max_records=max_records,
        session_timeout=session_timeout,
        drain_timeout=drain_timeout,
    )
    return Subscription(intake, consumer, ProgressReporter(pool, consumer, inbox.sources, metrics))


def _order(known_as: tuple[str, UUID]) -> tuple[str, int]:
    source, event_id = known_as
    return source, event_id.int  # numbers compare several times faster than UUIDs, and in the same order


def _behind(fit: Fit) -> Unfit:
    return Unfit(fit.record, Reason.BEHIND_PARKED, envelope=fit.envelope)


__all__ = [
    "DeadLetter",
    "Handler",
    "Inbox",
    "Intake",
    "Replayed",
    "Subscription",
    "Tx",
    "caused_by",
    "dead_letter",
    "discard_dead_letter",
    "freshness",
    "list_dead_letters",
    "require_fresh",
    "subscribe",
]
