"""The subscriber: handlers by event type, an inbox under them, FastStream or webhooks in front.

FastStream's own defaults acknowledge before the work is done and begin at the end of a topic. Here a batch's offsets are
committed after its effects are, a failure is followed by a pause and the same batch again, and a rebalance waits for the
batch in hand. Offsets are a hint all the same: what keeps an effect from happening twice is the inbox.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final, TypeVar, overload

import asyncpg
from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.abc import ConsumerRebalanceListener
from faststream import AckPolicy
from faststream.exceptions import NackMessage
from faststream.kafka import KafkaBroker, KafkaMessage

from lagspill_client.batches import read_every_record
from lagspill_client.events import EVENTS, AccessRecorded, EventData
from lagspill_client.inbox import DDL, Connection, Inbox, Loss, Place, Pool, found_loss, known_by, place_of
from lagspill_client.receipts import ENDINGS, Acknowledging, NotTakenError
from lagspill_client.records import Envelope, Event, Record, UnreadableError, read_data, read_envelope
from lagspill_client.state import Asgi, State, serve_state
from lagspill_client.webhooks import SignatureRefusedError, verify

D = TypeVar("D", bound=EventData)
D2 = TypeVar("D2", bound=EventData)
D3 = TypeVar("D3", bound=EventData)
D4 = TypeVar("D4", bound=EventData)
Handler = Callable[[Connection, Event[D]], Awaitable[int | None]]
"""`async def stop_sharing(tx: Connection, event: Event[ConsentWithdrawn]) -> int | None`: in the transaction of the inbox.

A number is how many things were taken back because a consent ended: it is kept as the receipt. Of another event it says nothing.
"""

FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 5.0
SETTLE_SECONDS: Final = 30.0
"""After so long a hole in `sourcesequence` is a loss: topics and partitions run at their own pace."""
DRAIN_SECONDS: Final = 25.0
STATEMENT_SECONDS: Final = 30.0
"""After so long a database that says nothing is away."""
RECEIPTS_AT_ONCE: Final = 50
LONGEST_PAUSE_OF_RECEIPTS: Final = 60.0
_IS_MADE: Final = """
SELECT true FROM pg_attribute WHERE attrelid = to_regclass('lagspill_inbox') AND attname = 'receipt_sent' AND NOT attisdropped
"""
"""The table is there, and is not of a version before this one."""
_WAITED_OUT: Final = ("08", "40", "53", "57", "58")
"""SQLSTATE classes: connection, concurrency, resources, operator intervention, system (PostgreSQL, appendix A)."""

log: Final = logging.getLogger("lagspill_client")


class StoppedError(Exception):
    """The subscriber has stopped: to go on would be to go on with a wrong picture."""


class LostError(StoppedError):
    """Something that was published has not come."""

    def __init__(self, loss: Loss) -> None:
        self.loss = loss
        super().__init__(f"lost: {loss}")


class UnreadableStopError(StoppedError):
    """A record that cannot be read; there is nowhere to set it aside."""


class HandlerFailedError(StoppedError):
    """A handler failed too often at one event; there is nowhere to set it aside."""


class Reason(StrEnum):
    """Why a record was set aside."""

    UNREADABLE = "unreadable"
    HANDLER_FAILED = "handler-failed"
    BEHIND = "behind"
    """Nothing is wrong with it, but an earlier one of its key is set aside."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that is set aside."""

    record: Record
    reason: Reason
    detail: str = ""


DeadLetter = Callable[[Connection, Letter], Awaitable[None]]
"""Keeps a letter, in the transaction in which its place is taken."""
OnLoss = Callable[[Loss], Awaitable[None]]
"""Is told of a loss before the subscriber stops."""


@dataclass(frozen=True, slots=True)
class _Arrival:
    record: Record
    place: Place
    event: Event[EventData] | None = None
    unreadable: str = ""


class _FailedError(Exception):
    """A handler failed, and its transaction was rolled back."""

    def __init__(self, cause: Exception) -> None:
        self.cause = cause
        super().__init__(type(cause).__name__)


class Subscriber:
    """Takes events in, each with its effect once."""

    def __init__(
        self,
        name: str,
        *,
        topics: Iterable[str] | None = None,
        whole: bool = False,
        counted: bool = True,
        attempts: int = 3,
        dead_letter: DeadLetter | None = None,
        on_loss: OnLoss | None = None,
        settle: float = SETTLE_SECONDS,
        acknowledging: Acknowledging | None = None,
    ) -> None:
        """Prepare; nothing happens before `run`, `subscribe` or the first webhook.

        Args:
            name: The consumer group, and whose rows those in the inbox are. Another name begins anew, from the beginning.
            topics: What is read; those of the handled types when None.
            whole: Read the access topic too, which needs a right of its own, and take a hole in `sourcesequence` for a loss
                when it has not closed after `settle` seconds. `topics` must then hold all that its services publish.
            counted: Whether every event of a subject comes: false where a webhook has a filter on types or units.
            attempts: How often a handler is tried before its event is set aside.
            dead_letter: Keeps what is set aside. Without it the subscriber stops, which is as safe.
            on_loss: Is told before the subscriber stops.
            settle: Seconds.
            acknowledging: Where receipts are sent; what the environment says when None (`Acknowledging.from_environment`).
        """
        self.name: Final = name
        self.inbox: Final = Inbox(name)
        self.stopped: StoppedError | None = None
        self._given_topics = None if topics is None else tuple(topics)
        self._whole = whole
        self._counted = counted
        self._attempts = attempts
        self._dead_letter = dead_letter
        self._on_loss = on_loss
        self._settle = settle
        self._acknowledging = acknowledging
        self._to_send = asyncio.Event()
        self._not_taken = 0
        self._handlers: dict[str, Handler[Any]] = {}
        self._pool: Pool | None = None
        self._owned = False
        self._failures = 0
        self._ended = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._interrupt = asyncio.Event()

    @overload
    def on(self, kind: type[D], /) -> Callable[[Handler[D]], Handler[D]]: ...
    @overload
    def on(self, kind: type[D], kind2: type[D2], /) -> Callable[[Handler[D | D2]], Handler[D | D2]]: ...
    @overload
    def on(
        self, kind: type[D], kind2: type[D2], kind3: type[D3], /
    ) -> Callable[[Handler[D | D2 | D3]], Handler[D | D2 | D3]]: ...
    @overload
    def on(
        self, kind: type[D], kind2: type[D2], kind3: type[D3], kind4: type[D4], /
    ) -> Callable[[Handler[D | D2 | D3 | D4]], Handler[D | D2 | D3 | D4]]: ...
    def on(self, *kinds: type[EventData]) -> Callable[[Handler[Any]], Handler[Any]]:
        """Register a handler of these types: it runs in the transaction of the inbox, once for each event.

        Raises:
            ValueError: a type has a handler already.
        """

        def register(handler: Handler[Any]) -> Handler[Any]:
            for kind in kinds:
                if kind.TYPE in self._handlers:
                    raise ValueError(f"{kind.TYPE} has a handler already")
                self._handlers[kind.TYPE] = handler
            return handler

        return register

    @property
    def topics(self) -> tuple[str, ...]:
        """What is read: as given, else the topics of the handled types, the access topic too if the whole is counted."""
        wanted = self._given_topics or sorted({EVENTS[each].TOPIC for each in self._handlers})
        if self._whole and AccessRecorded.TOPIC not in wanted:
            wanted = [*wanted, AccessRecorded.TOPIC]
        return tuple(wanted)

    # --- the database -------------------------------------------------------------------------------------------------

    async def open(self, database: str | Pool | None = None) -> None:
        """Use this database (an address, a pool of yours, or DATABASE_URL), and make the inbox's table if it is not there."""
        if self._pool is not None:
            return
        if database is None or isinstance(database, str):
            self._pool = await asyncpg.create_pool(
                database or os.environ["DATABASE_URL"], min_size=1, max_size=4, command_timeout=STATEMENT_SECONDS
            )
            self._owned = True
        else:
            self._pool = database
        async with self._pool.acquire() as conn, conn.transaction():
            # Instances that start together make the table one after the other.
            await conn.execute("SELECT pg_advisory_xact_lock(hashtext('lagspill_inbox'))")
            if await conn.fetchval(_IS_MADE) is None:
                await conn.execute(DDL)
            await self.inbox.know_logs(conn)

    async def close(self) -> None:
        """Give the database back. May be called before `open`."""
        pool, self._pool = self._pool, None
        if pool is not None and self._owned:
            await pool.close()

    # --- taking in ----------------------------------------------------------------------------------------------------

    async def take(self, records: Sequence[Record], *, again: bool = False) -> None:
        """Let every event of a batch have its effect, once. Returns when all of it is durable.

        Args:
            records: As they came, those of one subject in their order.
            again: Whether the sender tries again, in order, until they are taken: then nothing stops, or is set aside.

        Raises:
            StoppedError: nothing more is taken in before somebody has looked.
            Exception: something around the events is wrong; nothing was skipped, and the batch must be given again.
        """
        if self.stopped is not None:
            raise self.stopped
        arrivals = [self._judge(record) for record in records]
        try:
            await self._together(arrivals, again=again)
        except _FailedError as failed:
            if again:
                raise HandlerFailedError(f"a handler failed: {type(failed.cause).__name__}") from failed.cause
            # Something in it failed, and it is not known what. One by one, only the poison is set aside.
            for arrival in arrivals:
                await self._alone(arrival)

    async def replay(self, records: Sequence[Record]) -> int:
        """Handle what was set aside again, in order, one transaction each; return how many had their effect.

        Raises:
            UnreadableError: one cannot be read still.
            Exception: what a handler raised; this one and those behind it are set aside still.
        """
        done = 0
        for record in records:
            arrival = self._judge(record)
            if arrival.unreadable:
                raise UnreadableError(arrival.unreadable)
            async with self._database.acquire() as conn, conn.transaction():
                if not await self.inbox.take_back(conn, arrival.place.known):
                    continue
                await self.inbox.mark(conn, arrival.place.known, arrival.place.outcome)
                await self._handle(conn, arrival)
                done += 1
        return done

    async def release(self, record: Record) -> None:
        """Give up on a record that was set aside for good, which frees its key."""
        arrival = self._judge(record)
        async with self._database.acquire() as conn:
            await self.inbox.mark(conn, arrival.place.known, "passed-by")

    async def accept_loss(self, loss: Loss) -> None:
        """Count on behind a loss: somebody has looked at it, and decided to live with it."""
        async with self._database.acquire() as conn:
            await self.inbox.accept_loss(conn, loss)
        self.stopped = None

    @property
    def _database(self) -> Pool:
        if self._pool is None:
            raise RuntimeError("the subscriber has no database yet: `await subscriber.open()`")
        return self._pool

    def _judge(self, record: Record) -> _Arrival:
        envelope: Envelope | None = None
        try:
            envelope, data = read_envelope(record.value)
            key = envelope.partitionkey
            if record.key is not None and record.key != key.encode():
                envelope = None  # what lies under a foreign key may claim the id of an event that has yet to come
                raise UnreadableError("not under its own key")  # noqa: TRY301 - unreadable is unreadable, wherever it shows
            handled = envelope.type in self._handlers
            event = read_data(envelope, data) if handled else None
        except UnreadableError as error:
            at = place_of(record) if envelope is None else known_by(envelope)
            found = record.key.decode("utf-8", "replace") if record.key is not None else None
            return _Arrival(record, Place(at, "set-aside", found, envelope), unreadable=str(error))
        place = Place(known_by(envelope), "taken" if handled else "passed-by", key, envelope)
        return _Arrival(record, place, event)

    async def _together(self, arrivals: Sequence[_Arrival], *, again: bool = False) -> None:
        async with self._database.acquire() as conn:
            try:
                async with conn.transaction():
                    await self._apply(conn, arrivals, set_aside=self._dead_letter is not None and not again)
            except StoppedError as stop:
                if not again:
                    await self._stop(stop)
                raise
            except Exception as error:
                if conn.is_closed() or _is_surroundings(error):
                    raise
                raise _FailedError(error) from error
        self.inbox.heard(arrival.place.envelope for arrival in arrivals if arrival.place.envelope is not None)
        self._to_send.set()

    async def _alone(self, arrival: _Arrival) -> None:
        for attempt in range(1, self._attempts + 1):
            try:
                await self._together([arrival])
            except _FailedError as failed:
                # Its kind and no word of it: the text of an error may quote content.
                log.warning("handler failed: %s, attempt %d", type(failed.cause).__name__, attempt)
                if attempt == self._attempts:
                    await self._give_up(arrival, failed.cause)
                else:
                    await asyncio.sleep(FIRST_PAUSE * 2 ** (attempt - 1))
            else:
                return

    async def _give_up(self, arrival: _Arrival, cause: Exception) -> None:
        if self._dead_letter is None:
            stop = HandlerFailedError(f"a handler failed: {type(cause).__name__}")
            await self._stop(stop)
            raise stop from cause
        await self._together(
            [replace(arrival, event=None, unreadable=f"{Reason.HANDLER_FAILED}: {type(cause).__name__}")]
        )

    async def _apply(self, tx: Connection, arrivals: Sequence[_Arrival], *, set_aside: bool) -> None:
        if not set_aside:
            for arrival in arrivals:
                if arrival.unreadable:
                    raise UnreadableStopError(f"cannot be read: {arrival.unreadable}")
        new = await self.inbox.claim(tx, (arrival.place for arrival in arrivals))
        envelopes = [arrival.place.envelope for arrival in arrivals if arrival.place.envelope is not None]
        lasts = await self.inbox.lasts(tx, envelopes, new) if self._counted else {}
        keys = {arrival.place.key for arrival in arrivals if arrival.place.key is not None}
        blocked = await self.inbox.blocked(tx, keys) if set_aside else set()
        # What this very batch has set aside by its claim is no reason to hold back what came before it.
        blocked -= {a.place.key for a in arrivals if a.unreadable and a.place.known in new and a.place.key is not None}
        for arrival in arrivals:
            place = arrival.place
            if place.known not in new:
                continue  # a duplicate; the same event may stand twice in one batch, too
            new.discard(place.known)
            self._count(place.envelope, lasts)
            if place.key in blocked and not arrival.unreadable:
                await self._set_aside(tx, arrival, Reason.BEHIND)
            elif arrival.unreadable:
                failed = arrival.unreadable.startswith(Reason.HANDLER_FAILED)
                await self._set_aside(tx, arrival, Reason.HANDLER_FAILED if failed else Reason.UNREADABLE)
                if place.key is not None:
                    blocked.add(place.key)
            else:
                await self._handle(tx, arrival)

    def _count(self, envelope: Envelope | None, lasts: dict[tuple[str, str], int]) -> None:
        if envelope is None or not self._counted:
            return
        counted = (envelope.source, envelope.subject)
        loss = found_loss(envelope, lasts.get(counted, 0))
        if loss is not None:
            raise LostError(loss)
        lasts[counted] = max(envelope.count or 0, lasts.get(counted, 0))

    async def _set_aside(self, tx: Connection, arrival: _Arrival, reason: Reason) -> None:
        assert self._dead_letter is not None, "without it nothing is set aside"
        await self.inbox.mark(tx, arrival.place.known, "set-aside")
        await self._dead_letter(tx, Letter(arrival.record, reason, arrival.unreadable))

    async def _handle(self, tx: Connection, arrival: _Arrival) -> None:
        event = arrival.event
        if event is None:
            return
        taken_back = await self._handlers[event.envelope.type](tx, event)
        ended = event.data
        if taken_back is not None and isinstance(ended, ENDINGS):
            receipt: dict[str, str | int] = {
                "consent": ended.consent,
                "consent_version": ended.version,
                "items_removed": taken_back,
            }
            await self.inbox.keep_receipt(tx, arrival.place.known, receipt)

    async def _stop(self, stop: StoppedError) -> None:
        if self.stopped is not None:
            return
        if isinstance(stop, LostError):
            async with self._database.acquire() as conn:
                await self.inbox.keep_loss(conn, stop.loss)
            if self._on_loss is not None:
                await self._on_loss(stop.loss)
        self.stopped = stop
        log.error("stopped: %s", stop)
        self._ended.set()

    # --- receipts -----------------------------------------------------------------------------------------------------

    async def send_receipts(self) -> int:
        """Send every receipt that was not sent yet, and return how many those were; none when there is nowhere to send them.

        `run` and `asgi` do it by themselves. Call it where you call `take` or `receive`, and once at the start.

        Raises:
            NotTakenError: it is not taken; this one and those behind it are sent the next time.
        """
        to = self._acknowledging = self._acknowledging or Acknowledging.from_environment()
        sent = 0
        while to is not None:
            async with self._database.acquire() as conn:
                waiting = await self.inbox.receipts_to_send(conn, RECEIPTS_AT_ONCE)
            for known, receipt in waiting:
                refused = await to.send(known.id, receipt)
                if refused:
                    log.warning("a receipt is of no use: %s", refused)
                async with self._database.acquire() as conn:
                    await self.inbox.receipt_was_sent(conn, known)
                sent += 1
                self._not_taken = 0
            if len(waiting) < RECEIPTS_AT_ONCE:
                break
        return sent

    @contextlib.asynccontextmanager
    async def sending(self) -> AsyncIterator[None]:
        """Keep sending receipts as they come, and what was left of them before."""
        task = asyncio.create_task(self._keep_sending(), name="receipts")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep_sending(self) -> None:
        while True:
            self._to_send.clear()
            try:
                await self.send_receipts()
            except Exception as error:  # noqa: BLE001 - whatever it was, they are still to be sent
                pause = min(2.0 ** min(self._not_taken, 9), LONGEST_PAUSE_OF_RECEIPTS)
                self._not_taken += 1
                told = str(error) if isinstance(error, NotTakenError) else type(error).__name__
                log.warning("receipts are sent again in %.1f s: %s", pause, told)
                await asyncio.sleep(pause)
            else:
                await self._to_send.wait()

    # --- webhooks -----------------------------------------------------------------------------------------------------

    async def receive(self, secrets: str | Iterable[str], headers: Mapping[str, str], body: bytes) -> int:
        """Take a webhook in and return the status to answer with: 204 once its effect is stored, and not before.

        401: not signed just now. 400: cannot be read. 409: an earlier one of its subject has not come; it is sent again, and
        taken when the earlier one is there. 503: the database is away. 500: its handler failed. All are tried again by the
        sender, in order, so nothing is set aside.
        """
        try:
            verify(secrets, headers, body)
        except SignatureRefusedError:
            return 401
        try:
            await self.take([Record(body)], again=True)
        except LostError:
            status = 409
        except UnreadableStopError:
            status = 400
        except HandlerFailedError:
            status = 500
        except Exception as error:  # noqa: BLE001 - whatever it was, the event is not taken
            log.warning("not taken: %s", type(error).__name__)
            status = 503
        else:
            status = 204
        return status

    def asgi(self, secrets: str | Iterable[str], *, show_state: bool = False) -> Asgi:
        """Return an ASGI application that takes webhooks in at `POST`; with `show_state` it answers `GET` with the state.

        The state tells ids and counts of what was taken in: for trying out, and not for the outside.
        """
        known = [secrets] if isinstance(secrets, str) else list(secrets)

        async def receive(headers: Mapping[str, str], body: bytes) -> int:
            return await self.receive(known, headers, body)

        return Asgi(receive, self.state if show_state else None, self._serving)

    @contextlib.asynccontextmanager
    async def _serving(self) -> AsyncIterator[None]:
        await self.open()
        try:
            async with self.sending():
                yield
        finally:
            await self.close()

    async def state(self) -> State:
        """Return what this subscriber did with the last thousand events, as `lagspill conformance` asks for it."""
        async with self._database.acquire() as conn:
            rows = await conn.fetch(
                "SELECT source, id, subject, outcome, receipt #>> '{}' AS receipt FROM lagspill_inbox"
                " WHERE consumer = $1 ORDER BY stored_at DESC LIMIT 1000",
                self.name,
            )
        return State.of([tuple(row) for row in rows])

    # --- Kafka --------------------------------------------------------------------------------------------------------

    def subscribe(self, broker: KafkaBroker, *, names: Mapping[str, str] | None = None, max_records: int = 500) -> None:
        """Read the topics through your own FastStream broker, in the consumer group `name`.

        `open` must have been awaited when the broker starts. A stop is `stopped` and `until_stopped`.

        Args:
            broker: Yours; made with `allow_auto_create_topics=False`.
            names: What topics are called at this broker, where that is something else.
            max_records: The largest batch.
        """
        read_every_record()  # of a header whose name is no text, aiokafka says nothing, and reads no further
        handle = broker.subscriber(
            *[(names or {}).get(topic, topic) for topic in self.topics],
            batch=True,
            group_id=self.name,
            auto_offset_reset="earliest",
            ack_policy=AckPolicy.NACK_ON_ERROR,
            no_reply=True,
            max_records=max_records,
            batch_timeout_ms=5,
            rebalance_timeout_ms=int((DRAIN_SECONDS + 5) * 1000),
            listener=_Drain(self),
            parser=_parse_nothing,
            decoder=_undecoded,
        )
        handle(self._receive_batch)

    async def until_stopped(self) -> None:
        """Wait, and watch the holes in `sourcesequence` if the whole is counted.

        Raises:
            StoppedError: the subscriber has stopped.
        """
        seen: dict[Loss, float] = {}
        clock = asyncio.get_running_loop()
        while self.stopped is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(min(5.0, self._settle / 2) if self._whole else None):
                    await self._ended.wait()
            if self._whole and self.stopped is None:
                now = clock.time()
                async with self._database.acquire() as conn:
                    holes = await self.inbox.holes(conn)
                seen = {hole: seen.get(hole, now) for hole in holes}
                old = next((hole for hole, since in seen.items() if now - since >= self._settle), None)
                if old is not None:
                    await self._stop(LostError(old))
        raise self.stopped

    async def run(self) -> None:
        """Read and handle until it is cancelled or stops: DATABASE_URL and KAFKA_BOOTSTRAP_SERVERS say where.

        LAGSPILL_TOPICS gives topics other names (`lagspill.cases.v1=trial.cases`, with commas between). LAGSPILL_STATE
        (`127.0.0.1:9100`) answers `GET` there with the state, and then keeps answering after a stop: for trying out.

        Raises:
            StoppedError: going on would be to go on with a wrong picture.
        """
        names = dict(pair.split("=", 1) for pair in os.environ.get("LAGSPILL_TOPICS", "").split(",") if pair)
        shown = os.environ.get("LAGSPILL_STATE")
        await self.open()
        broker = KafkaBroker(
            os.environ["KAFKA_BOOTSTRAP_SERVERS"].split(","),
            client_id=self.name,
            allow_auto_create_topics=False,
            apply_types=False,
            metadata_max_age_ms=30_000,
            logger=None,  # FastStream would log an exception's text, and a text may quote content
        )
        self.subscribe(broker, names=names)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.close)
            await stack.enter_async_context(self.sending())
            if shown:
                await stack.enter_async_context(serve_state(shown, self.state))
            try:
                await broker.start()
                await self.until_stopped()
            except StoppedError:
                if shown:
                    await asyncio.Event().wait()
                raise
            finally:
                self._interrupt.set()
                await broker.stop()

    def main(self) -> None:
        """Run until SIGTERM, Ctrl-C or a stop; a stop is one sentence on standard error, and exit status 1."""
        logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
        try:
            asyncio.run(self._until_terminated())
        except StoppedError as stop:
            sys.exit(f"{self.name}: stopped, {stop}")
        except KeyboardInterrupt:
            sys.exit(130)

    async def _until_terminated(self) -> None:
        running = asyncio.ensure_future(self.run())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
        try:
            await running
        except asyncio.CancelledError:
            if not running.cancelled():
                raise

    async def _receive_batch(self, message: KafkaMessage) -> None:
        raw = message.raw_message
        records = [
            Record(each.value, each.key, each.topic, each.partition, each.offset)
            for each in (raw if isinstance(raw, tuple) else (raw,))
        ]
        self._idle.clear()
        try:
            await self.take(records)
        except StoppedError:
            self._idle.set()
            await self._interrupt.wait()  # nothing more is read, and nothing is committed
            raise NackMessage from None
        except Exception as error:  # noqa: BLE001 - whatever it was, the batch is not done
            self._failures += 1
            pause = min(FIRST_PAUSE * 2.0 ** (self._failures - 1), LONGEST_PAUSE)
            log.warning("the batch is given again in %.1f s: %s", pause, type(error).__name__)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await self._interrupt.wait()
            raise NackMessage from None
        else:
            self._failures = 0
            await message.ack()  # now, not when FastStream would: a rebalance waits for the batch and for this
        finally:
            self._idle.set()

    async def _drained(self) -> None:
        self._interrupt.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                await self._idle.wait()

    def _assigned(self) -> None:
        self._interrupt.clear()


class _Drain(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """Lets a rebalance wait for the batch in hand, which aiokafka by itself does not."""

    def __init__(self, subscriber: Subscriber) -> None:
        self._subscriber = subscriber

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:  # noqa: ARG002
        await self._subscriber._drained()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:  # noqa: ARG002
        self._subscriber._assigned()


async def _parse_nothing(
    records: tuple[ConsumerRecord[bytes, bytes], ...],
    original: Callable[[tuple[ConsumerRecord[bytes, bytes], ...]], Awaitable[KafkaMessage]],
) -> KafkaMessage:
    """Wrap a batch without looking into it: FastStream's parser fails on a header that is not UTF-8, and so on the batch."""
    message = await original((replace(records[0], headers=(), value=b""),))
    message.raw_message = records
    return message


async def _undecoded(message: KafkaMessage) -> KafkaMessage:
    return message


def _is_surroundings(error: Exception) -> bool:
    """Whether it is nothing of the event's own: wait, and try again."""
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "").startswith(_WAITED_OUT)
    return isinstance(error, OSError | TimeoutError)
