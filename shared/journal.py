"""The journal: one read, a pure decision, one statement that makes state, events, outbox, access records and answer true.

    changed = await journal.change(CASE, case, context, lambda state: decide_open(state, command, context.now))

Two round trips a command. The statement takes the aggregate's row first, on the condition that its version is the one that
was read; everything else in it draws from the row that this returned. So the row's lock comes before the outbox rows' ids,
and their order is the true order of an aggregate's events. Whoever comes second gets no row, and decides again.

One round trip, when this process was the last to change the aggregate: it decides on the state that it wrote, and the
statement finds out whether that is still the state. Only a success may rest on what is remembered: a refusal, an answer that
was given before, or nothing to do is always told from what the database says.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Generic, NamedTuple, TypeVar, cast
from uuid import UUID

import asyncpg
from pydantic_core import to_json

from shared.aggregate import Aggregate, Answer, Changed, Context, Decision, IdempotencyKey, Loaded
from shared.clock import Clock
from shared.contracts import EVENTS
from shared.contracts.access import AccessRecorded
from shared.contracts.base import EventData, Model
from shared.db import Connection, Pool
from shared.envelope import AuthType, Envelope, parse, sealed
from shared.errors import IdempotencyConflictError, StaleVersionError, UnavailableError
from shared.lanes import Lanes, advanced, marked, session_of, setting_of
from shared.merkle import Frontier
from shared.recent import Recent
from shared.refs import Ids, LogScope, is_protected

__all__ = [
    "Aggregate",
    "Answer",
    "Changed",
    "ContendedError",
    "Context",
    "Decision",
    "HistoryError",
    "IdempotencyKey",
    "Journal",
    "JournalHead",
    "Loaded",
    "public_heads",
]

S = TypeVar("S", bound=Model)
Decide = Callable[[S], Decision | Sequence[EventData]]
Also = Callable[[Connection], Awaitable[None]]

REMEMBERED: Final = 1000
"""How many aggregates' states a process remembers."""
ATTEMPTS: Final = 10
"""How often a command is decided again because somebody was faster, before it gives up."""


class HistoryError(Exception):
    """The stored history cannot be read by this code."""


class ContendedError(UnavailableError):
    """Others keep changing it at the same time."""

    code = "contended"


@dataclass(frozen=True, slots=True)
class JournalHead:
    """How far this service has published for one log."""

    scope: LogScope
    last_number: int
    root: str
    """Base64 of the RFC 6962 root over the records 1 to `last_number`."""
    unpublished: int


class _Command(NamedTuple, Generic[S]):
    """One command, as it is tried until nobody was faster."""

    aggregate: Aggregate[S]
    id: str
    ctx: Context
    decide: Decide[S]
    answer: Callable[[S, int], Answer] | None
    also: Also | None


class _Written(NamedTuple):
    """A state as this process wrote it, and the event that it ends with."""

    loaded: Loaded[Model]
    tail: UUID


class _Prepared(NamedTuple, Generic[S]):
    """What a decision comes to, before it is true."""

    changed: Changed[S]
    sealed: Sequence[_Sealed]


class _Sealed(NamedTuple):
    """One record for the outbox."""

    event_id: UUID
    topic: str
    key: str
    body: bytes


class _Records(NamedTuple):
    """What one statement puts into the outbox."""

    scope: LogScope
    sealed: Sequence[_Sealed]
    anonymous: bool
    """They are about an anonymous discussion."""


@dataclass(frozen=True, slots=True)
class _Statement:
    """One statement in two forms: the records' lane is counted here, or (within a transaction) by the session."""

    alone: str
    within: str
    """Its last argument is the setting that counts."""
    one: bool = False
    """It takes one event alone, as four values; else any number of records, as four columns."""


class Journal:
    """Loads and changes the aggregates of one service in its own database."""

    def __init__(
        self,
        pool: Pool,
        *,
        source: str,
        clock: Clock,
        ids: Ids,
        nudge: Callable[[], None] = lambda: None,
        contracts: Mapping[str, type[EventData]] = EVENTS,
        lanes: Lanes | None = None,
    ) -> None:
        """Write as `source` (`/services/cases`); `nudge` is called when something was committed for the relay.

        `lanes` knows how far this process has written, for the relay's seals.
        """
        self.source: Final = source
        self.nudge: Final = nudge
        self._pool = pool
        self._clock = clock
        self._ids = ids
        self._contracts = contracts
        self._lanes = Lanes() if lanes is None else lanes
        self._recent: Recent[tuple[str, str], _Written] = Recent(REMEMBERED)

    async def load(self, aggregate: Aggregate[S], id: str, *, conn: Connection | None = None) -> Loaded[S]:  # noqa: A002
        """Return the aggregate as it stands, without a lock."""
        async with self._connection(conn) as connection:
            return _loaded(aggregate, await connection.fetchrow(_LOAD, id, aggregate.kind))

    async def change(
        self,
        aggregate: Aggregate[S],
        id: str,  # noqa: A002
        ctx: Context,
        decide: Decide[S],
        answer: Callable[[S, int], Answer] | None = None,
        *,
        conn: Connection | None = None,
        also: Also | None = None,
    ) -> Changed[S]:
        """Decide on the present state and make the outcome true; decide again when somebody was faster.

        `decide` and `answer` are pure and may run more than once. With `conn` it happens inside the caller's transaction, and
        the caller nudges after its commit. `also` writes other rows of the same transaction, with the aggregate's row locked.

        Raises:
            StaleVersionError: the aggregate is no longer at `ctx.if_match`. Refusals of `decide` come first: who may not see it
                is not told that it has changed.
            IdempotencyConflictError: the key belongs to another request.
            ContendedError: ten times in a row somebody was faster, though it queued for the row, or it gave way to who waited for
                that row and held another of its.
            ValueError: an event belongs to another subject, or is larger than an event may be.
        """
        command = _Command(aggregate, id, ctx, decide, answer, also)
        async with self._connection(conn) as connection:
            changed: Changed[S] | None = None
            for attempt in range(1 + ATTEMPTS):
                try:
                    changed = await self._try(connection, command, again=attempt > 0, inside=conn is not None)
                except asyncpg.DeadlockDetectedError:
                    # Another holds what `also` writes, and waits for the row: this one gave way, and nothing of it is left.
                    if conn is not None:
                        raise
                    continue
                if changed is not None:
                    break
                if ctx.if_match is not None:
                    raise StaleVersionError
            if changed is None:
                raise ContendedError
        if conn is None and not changed.replayed:
            self.nudge()
        return changed

    async def record_access(
        self, ctx: Context, records: Sequence[AccessRecorded], *, conn: Connection | None = None
    ) -> None:
        """Commit `records` to the log `ctx.scope`. Only after this may the content leave (fail closed)."""
        if not records:
            return
        sealed = [self._envelop(record, ctx, ctx.scope, sequence=None) for record in records]
        async with self._connection(conn) as connection:
            await self._execute(connection, _QUEUE, _Records(ctx.scope, sealed, ctx.anonymous), (ctx.scope,))
        if conn is None:
            self.nudge()

    async def record_each(
        self, ctx: Context, records: Sequence[tuple[LogScope, AccessRecorded]], *, conn: Connection
    ) -> None:
        """Commit `records`, each to its own log, in one statement however many they are; as `record_access` otherwise.

        The caller nudges after its commit.
        """
        sealed = [self._envelop(record, ctx, scope, sequence=None) for scope, record in records]
        await conn.execute(
            _QUEUE_EACH, [scope for scope, _ in records], *_columns(sealed, [each.body for each in sealed])
        )

    async def history(
        self,
        aggregate: Aggregate[S],
        id: str,  # noqa: A002
        *,
        conn: Connection | None = None,
    ) -> list[tuple[Envelope, EventData]]:
        """Return every event of the aggregate, oldest first: `aggregate.replay` makes the state of them.

        Raises:
            HistoryError: an event's type is unknown to this code.
        """
        async with self._connection(conn) as connection:
            rows = await connection.fetch(_HISTORY, id, aggregate.kind)
        records = [parse(row["body"]) for row in rows]
        if unknown := {record.envelope.type for record in records} - self._contracts.keys():
            raise HistoryError(f"the history of a {aggregate.kind} holds {', '.join(sorted(unknown))}, unknown here")
        return [
            (record.envelope, self._contracts[record.envelope.type].model_validate_json(record.data))
            for record in records
        ]

    async def heads(self) -> list[JournalHead]:
        """Return how far this service has published, per log, in the order of their names."""
        rows = await self._pool.fetch(_HEADS)
        return [
            JournalHead(
                scope=LogScope(row["scope"]),
                last_number=row["size"],
                root=base64.b64encode(Frontier.unpack(row["size"], row["frontier"]).root()).decode(),
                unpublished=row["unpublished"],
            )
            for row in rows
        ]

    async def forget_answers(self, before: datetime) -> int:
        """Delete the answers stored before that moment (by the rules' clock) and return how many they were."""
        result = await self._pool.execute("DELETE FROM idempotency_keys WHERE created_at < $1", before)
        return int(result.rsplit(" ", 1)[-1])

    async def _try(
        self, connection: Connection, command: _Command[S], *, again: bool, inside: bool
    ) -> Changed[S] | None:
        """Return the outcome of the first attempt or, `again`, of the next; None when somebody was faster."""
        if not again:
            changed = None if inside else await self._attempt_from_memory(connection, command)
            return await self._attempt(connection, command, inside=inside) if changed is None else changed
        # Losing once is chance; now queue for the row, or a writer in a tight loop could win for ever.
        async with nullcontext() if inside else connection.transaction():
            await connection.execute(_LOCK, command.id)
            return await self._attempt(connection, command, inside=True)

    # --- one attempt --------------------------------------------------------------------------------------------------

    async def _attempt(self, connection: Connection, command: _Command[S], *, inside: bool) -> Changed[S] | None:
        """Return the outcome, or None when somebody was faster."""
        ctx = command.ctx
        loaded, told = await _read(connection, command.aggregate, command.id, ctx.idempotency)
        if told is not None:
            scope = ctx.scope if loaded.scope is None else loaded.scope
            return Changed(loaded.state, loaded.version, scope, told, replayed=True)
        prepared = self._prepare(command, loaded)
        if not prepared.sealed and ctx.idempotency is None and command.also is None:
            return prepared.changed
        return await self._write(connection, command, loaded, prepared, inside=inside)

    async def _attempt_from_memory(self, connection: Connection, command: _Command[S]) -> Changed[S] | None:
        """Return the outcome, or None when it takes what is in the database to tell."""
        key = (command.aggregate.kind, command.id)
        written = self._recent.get(key)
        if written is None:
            return None
        loaded = cast("Loaded[S]", written.loaded)
        try:
            prepared = self._prepare(command, loaded)
        except Exception:  # noqa: BLE001 - whatever it is that `decide` refuses, it refuses it again on what is read
            return None
        if not prepared.changed.events:
            return None
        changed = await self._write(connection, command, loaded, prepared, tail=written.tail, inside=False)
        if changed is None and self._recent.get(key) is written:
            self._recent.drop(key)
        return changed

    def _prepare(self, command: _Command[S], loaded: Loaded[S]) -> _Prepared[S]:
        """Return what `command` comes to on this state."""
        ctx = command.ctx
        decided = command.decide(loaded.state)
        decision = decided if isinstance(decided, Decision) else Decision(decided)
        if ctx.if_match is not None and ctx.if_match != loaded.version:
            raise StaleVersionError
        scope = ctx.scope if loaded.scope is None else loaded.scope
        state = command.aggregate.fold(loaded.state, decision.events)
        version = loaded.version + len(decision.events)
        answer = command.answer(state, version) if command.answer is not None else None
        changed = Changed(state, version, scope, answer, events=tuple(decision.events))
        return _Prepared(changed, self._seal(command, scope, loaded.version, decision))

    async def _write(
        self,
        connection: Connection,
        command: _Command[S],
        loaded: Loaded[S],
        prepared: _Prepared[S],
        *,
        tail: UUID | None = None,
        inside: bool,
    ) -> Changed[S] | None:
        """Make it true if the aggregate is still at that version (and, given `tail`, ends with that event); else None."""
        changed, sealed = prepared.changed, prepared.sealed
        records = _Records(changed.scope, sealed, command.ctx.anonymous)
        if changed.version == 0:
            raise ValueError(f"nothing can be stored about a {command.aggregate.kind} that has no event yet")
        latest = sealed[len(changed.events) - 1].event_id if changed.events else None
        before = (
            command.id,
            command.aggregate.kind,
            loaded.version,
            len(changed.events),
            changed.scope,
            to_json(changed.state).decode(),
        )
        after: tuple[object, ...] = (latest, tail)
        key = command.ctx.idempotency
        if key is not None:
            answer = changed.answer or Answer(status=204, body=b"", version=changed.version)
            after += _told(key, answer, self._clock.now())
        statement = _STATEMENTS[loaded.version > 0, key is not None, len(sealed) == 1 == len(changed.events)]
        try:
            taken = await self._execute(connection, statement, records, before, after, command.also)
        except asyncpg.UniqueViolationError as error:
            # The same key at the same time, for another new aggregate, or again: the answer that won is stored. Inside the
            # caller's transaction nothing can follow an error; the caller runs again.
            if inside or error.constraint_name != "idempotency_keys_pkey":
                raise
            return None
        if not taken:
            return None
        if latest is not None and not inside:
            # Inside a transaction it is not known yet whether it will be true.
            now: Loaded[Model] = Loaded(changed.state, changed.version, changed.scope)
            self._recent.put((command.aggregate.kind, command.id), _Written(now, latest))
        return changed

    async def _execute(
        self,
        connection: Connection,
        statement: _Statement,
        records: _Records,
        before: tuple[object, ...],
        after: tuple[object, ...] = (),
        also: Also | None = None,
    ) -> bool:
        """Run `statement` with these arguments around the records' columns, and `also` in one transaction with it.

        Returns:
            Whether what it depends on was taken; only then anything was written.
        """
        columns = _values if statement.one else _columns
        bodies = [each.body for each in records.sealed]
        session = session_of(connection)  # what a pool gives out asks at each call whether it was given back
        if session.is_in_transaction():
            setting = setting_of(records.scope, anonymous=records.anonymous)
            arguments = (*before, *columns(records.sealed, bodies), *after, setting)
            taken = bool(await session.fetchval(statement.within, *arguments))
            if taken:
                self._lanes.written(session, records.scope, setting)
                if also is not None:
                    await also(connection)
            return taken
        lane = self._lanes.take(session, records.scope, anonymous=records.anonymous)
        arguments = (*before, *columns(records.sealed, lane.mark(bodies)), *after)
        if also is None:
            taken = bool(await session.fetchval(statement.alone, *arguments))
        else:
            async with connection.transaction():
                taken = bool(await session.fetchval(statement.alone, *arguments))
                if taken:
                    await also(connection)
        self._lanes.give_back(lane, len(records.sealed) if taken else 0)
        return taken

    def _seal(self, command: _Command[S], scope: LogScope, version: int, decision: Decision) -> list[_Sealed]:
        """Return the outbox records of `decision`: the events, then the access records."""
        ctx = command.ctx
        for event in decision.events:
            if event.subject != command.id:
                raise ValueError(f"{event.TYPE} is not about this {command.aggregate.kind}: its `sequence` would break")
        if ctx.anonymous and any(record.case for record in decision.access):
            raise ValueError("an anonymous event and an access record that names a case would lead to each other")
        events = [
            self._envelop(event, ctx, scope, sequence)
            for sequence, event in enumerate(decision.events, start=version + 1)
        ]
        # What an access record is about has no history of its own in it, so it carries no `sequence`.
        return events + [self._envelop(record, ctx, scope, sequence=None) for record in decision.access]

    def _envelop(self, data: EventData, ctx: Context, scope: LogScope, sequence: int | None) -> _Sealed:
        event_id = self._ids.event_id()
        body = sealed(
            data,
            event_id=event_id,
            source=self.source,
            happened=ctx.now,
            recorded=self._clock.now(),
            scope=scope,
            # One correlation or trace over an anonymous event and anything else would say whose case it was.
            correlation=self._ids.event_id() if ctx.anonymous else ctx.correlation,
            causation=None if ctx.anonymous else ctx.causation,
            sequence=sequence,
            authtype=_authtype(ctx),
            authid=None if ctx.actor is None or ctx.anonymous else ctx.actor.id,
            traceparent=None if ctx.anonymous else ctx.traceparent,
        )
        return _Sealed(event_id, data.TOPIC, data.subject, body)

    def _connection(self, conn: Connection | None) -> AbstractAsyncContextManager[Connection]:
        if conn is not None:
            return nullcontext(conn)
        return cast("AbstractAsyncContextManager[Connection]", self._pool.acquire())


async def public_heads(journal: Journal) -> list[JournalHead]:
    """Return what may be told to anybody: that there are address-protected cases, and when they move, is nobody's business."""
    return [head for head in await journal.heads() if not is_protected(head.scope)]


def _authtype(ctx: Context) -> AuthType:
    if ctx.anonymous:
        return "unknown"
    if ctx.actor is None:
        return "system"
    return "service_account" if ctx.actor.kind == "service_account" else "user"


def _loaded(aggregate: Aggregate[S], row: asyncpg.Record | None) -> Loaded[S]:
    if row is None or row["version"] is None:
        return Loaded(aggregate.initial, 0, None)
    state = aggregate.state_type.model_validate_json(row["state"])
    return Loaded(state, row["version"], LogScope(row["scope"]))


async def _read(
    connection: Connection,
    aggregate: Aggregate[S],
    id: str,  # noqa: A002
    key: IdempotencyKey | None,
) -> tuple[Loaded[S], Answer | None]:
    """Return the aggregate, and the answer that is already stored under `key`."""
    if key is None:
        return _loaded(aggregate, await connection.fetchrow(_LOAD, id, aggregate.kind)), None
    row = await connection.fetchrow(_LOAD_WITH_ANSWER, id, aggregate.kind, key.actor, key.key)
    loaded = _loaded(aggregate, row)
    if row is None or row["request_hash"] is None:
        return loaded, None
    if row["request_hash"] != key.request_hash:
        raise IdempotencyConflictError
    return loaded, Answer(row["status"], row["body"], row["answer_version"], row["answer_location"])


def _columns(
    sealed: Sequence[_Sealed], bodies: Sequence[bytes]
) -> tuple[list[UUID], list[str], list[str], Sequence[bytes]]:
    return [each.event_id for each in sealed], [each.topic for each in sealed], [each.key for each in sealed], bodies


def _values(sealed: Sequence[_Sealed], bodies: Sequence[bytes]) -> tuple[UUID, str, str, bytes]:
    [each], [body] = sealed, bodies
    return each.event_id, each.topic, each.key, body


def _told(key: IdempotencyKey, answer: Answer, now: datetime) -> tuple[object, ...]:
    told = (answer.status, answer.body, answer.version, answer.location)
    return (key.actor, key.key, key.request_hash, *told, now)


_LOAD: Final = "SELECT version, scope, state FROM aggregates WHERE id = $1 AND kind = $2"

_LOAD_WITH_ANSWER: Final = """
SELECT a.version, a.scope, a.state,
       k.request_hash, k.status, k.body, k.version AS answer_version, k.location AS answer_location
FROM (VALUES (1)) AS one
LEFT JOIN aggregates a ON a.id = $1 AND a.kind = $2
LEFT JOIN idempotency_keys k ON k.actor = $3 AND k.key = $4
"""

_LOCK: Final = "SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE"

_HISTORY: Final = """
SELECT e.body FROM events e JOIN aggregates a ON a.id = e.aggregate
WHERE e.aggregate = $1 AND a.kind = $2 ORDER BY e.version
"""

_HEADS: Final = """
SELECT scope, coalesce(h.size, 0) AS size, coalesce(h.frontier, ''::bytea) AS frontier,
       coalesce(o.unpublished, 0) AS unpublished
FROM journal_heads h
FULL JOIN (SELECT scope, count(*) AS unpublished FROM outbox GROUP BY scope) o USING (scope)
ORDER BY scope
"""

_QUEUE: Final = _Statement(
    """
INSERT INTO outbox (event_id, scope, topic, key, body)
SELECT r.event_id, $1, r.topic, r.key, r.body
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY AS r (event_id, topic, key, body, nth)
ORDER BY r.nth
RETURNING true
""",
    f"""
WITH lane AS (SELECT {advanced("$6::text", "cardinality($2::uuid[])")} AS reached)
INSERT INTO outbox (event_id, scope, topic, key, body)
SELECT r.event_id, $1, r.topic, r.key, {marked("r.body", "lane.reached", "cardinality($2::uuid[]) - r.nth")}
FROM lane,
     unnest($2::uuid[], $3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY AS r (event_id, topic, key, body, nth)
ORDER BY r.nth
RETURNING true
""",  # noqa: S608
)

_QUEUE_EACH: Final = """
INSERT INTO outbox (event_id, scope, topic, key, body)
SELECT r.event_id, r.scope, r.topic, r.key, r.body
FROM unnest($2::uuid[], $1::text[], $3::text[], $4::text[], $5::bytea[]) WITH ORDINALITY
    AS r (event_id, scope, topic, key, body, nth)
ORDER BY r.nth
"""

_TAKE_NEW: Final = """
    INSERT INTO aggregates (id, kind, version, scope, state, tail)
    SELECT $1, $2, $3::bigint + $4::bigint, $5, $6::jsonb, $11::uuid WHERE $12::uuid IS NULL
    ON CONFLICT (id) DO NOTHING
    RETURNING id, scope
"""

_TAKE: Final = """
    UPDATE aggregates
    SET version = $3::bigint + $4::bigint, state = $6::jsonb, changed_at = now(), tail = coalesce($11::uuid, tail)
    WHERE id = $1 AND kind = $2 AND version = $3 AND scope = $5 AND ($12::uuid IS NULL OR tail = $12)
    RETURNING id, scope
"""

_TELL: Final = """,
answered AS (
    INSERT INTO idempotency_keys (actor, key, request_hash, status, body, version, location, created_at)
    SELECT $13::text, $14::text, $15::bytea, $16::smallint, $17::bytea, $18::bigint, $19::text, $20::timestamptz
    FROM taken
)
"""

_APPEND: Final = """
WITH taken AS ({take}),
{lane}history AS (
    INSERT INTO events (aggregate, version, event_id, body)
    SELECT taken.id, $3 + r.nth, r.event_id, {body}
    FROM {taken}, {rows}
    WHERE r.nth <= $4
),
queued AS (
    INSERT INTO outbox (event_id, scope, topic, key, body)
    SELECT r.event_id, taken.scope, r.topic, r.key, {body}
    FROM {taken}, {rows}
    ORDER BY r.nth
){tell}
SELECT true FROM taken
"""

_ROWS: Final = (
    "unnest($7::uuid[], $8::text[], $9::text[], $10::bytea[]) WITH ORDINALITY AS r (event_id, topic, key, body, nth)"
)

_APPEND_ONE: Final = """
WITH taken AS ({take}),
{lane}history AS (
    INSERT INTO events (aggregate, version, event_id, body)
    SELECT taken.id, $3::bigint + $4::bigint, $7::uuid, {body} FROM {taken}
    RETURNING event_id, body
){tell}
INSERT INTO outbox (event_id, scope, topic, key, body)
SELECT event_id, $5, $8::text, $9::text, body FROM history
RETURNING true
"""
"""The same of a single event, as most commands have: nothing to encode as an array, to unfold, to sort or to read twice."""


def _append(*, exists: bool, told: bool, one: bool) -> _Statement:
    """Return the statement for an aggregate that `exists`, with its answer kept under a key, for `one` event alone, or not."""
    # Counted only where a row was taken: what writes nothing must leave no hole.
    count, nth = ("1", "1") if one else ("cardinality($7::uuid[])", "r.nth")
    body = "$10::bytea" if one else "r.body"
    lane = f"lane AS (SELECT {advanced(f'${21 if told else 13}::text', count)} AS reached FROM taken),\n"  # noqa: S608
    form = _APPEND_ONE if one else _APPEND
    parts = {"take": _TAKE if exists else _TAKE_NEW, "tell": _TELL if told else "", "rows": _ROWS}
    return _Statement(
        form.format(lane="", taken="taken", body=body, **parts),
        form.format(lane=lane, taken="taken, lane", body=marked(body, "lane.reached", f"{count} - {nth}"), **parts),
        one,
    )


_STATEMENTS: Final = {
    (exists, told, one): _append(exists=exists, told=told, one=one)
    for exists in (False, True)
    for told in (False, True)
    for one in (False, True)
}
"""Whether the aggregate exists, whether the answer is kept under a key, and whether there is one event and nothing else."""
