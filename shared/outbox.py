"""The relay's side of PostgreSQL: what waits to be published, the batch in hand, and how far each log has come.

Everything here runs on the one connection that holds the leader's lock, each method in a transaction of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

import asyncpg

from shared.contracts.journal import LaneEnd
from shared.envelope import number
from shared.lanes import advanced as lane_advanced
from shared.lanes import marked, setting_of
from shared.merkle import EMPTY, Frontier
from shared.refs import LogScope

LOCK: Final = 0x1A65_9112
"""The session advisory lock that makes the leader, in the service's own database."""
_COUNT_LIMIT: Final = 100_000
"""Counting the outbox stops here: beyond it the number says nothing more, and costs."""


class OutboxError(Exception):
    """The relay's own tables contradict each other."""


class Row(NamedTuple):
    """One outbox row."""

    id: int
    scope: str
    topic: str
    key: bytes
    body: bytes
    counted: bool
    """False for a seal."""


@dataclass(frozen=True, slots=True)
class Picked:
    """The oldest rows. When they are `all`, everything that was committed before `at` (database clock) is among them."""

    rows: Sequence[Row]
    at: datetime
    oldest: datetime | None
    all: bool


@dataclass(frozen=True, slots=True)
class Head:
    """How far one log has been published."""

    frontier: Frontier = EMPTY
    unsealed: int = 0
    """Published records, seals apart, since the last seal."""

    def sealed(self) -> Head:
        """Return this head with nothing left to seal."""
        return Head(self.frontier)


Heads = dict[str, Head]


class Numbered(NamedTuple):
    """One row as it is published: `value` has its `sourcesequence`."""

    id: int
    scope: str
    topic: str
    key: bytes
    value: bytes
    number: int
    counted: bool


@dataclass(frozen=True, slots=True)
class Batch:
    """What is being sent."""

    records: Sequence[Numbered]
    ids: Sequence[int]
    """The outbox rows, in the order in which they were numbered."""
    seals: int
    """How many of them are seals."""

    def firsts(self) -> dict[str, int]:
        """Return the first number given in each log."""
        firsts: dict[str, int] = {}
        for record in self.records:
            if record.scope not in firsts:
                firsts[record.scope] = record.number
        return firsts


@dataclass(frozen=True, slots=True)
class Seal:
    """One seal for the outbox."""

    event_id: UUID
    scope: LogScope
    topic: str
    key: str
    body: bytes
    ends: tuple[LaneEnd, ...] = ()
    """The lanes that it names."""


def numbered(rows: Iterable[Row], firsts: Mapping[str, int]) -> Batch:
    """Return `rows` with consecutive numbers per log, the first of each as given."""
    following = dict(firsts)
    records = []
    for row_id, scope, topic, key, body, counted in rows:
        nth = following[scope]
        following[scope] = nth + 1
        records.append(Numbered(row_id, scope, topic, key, number(body, nth), nth, counted))
    return Batch(records, [record.id for record in records], sum(not record.counted for record in records))


def following_numbers(heads: Heads, scopes: Iterable[str]) -> dict[str, int]:
    """Return the next number of each log."""
    return {scope: heads.get(scope, Head()).frontier.size + 1 for scope in scopes}


class Outbox:
    """The relay's tables, by the leader's connection."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        """Use `connection` for everything."""
        self._connection = connection

    async def lead(self) -> bool:
        """Try to become the leader; it lasts as long as the connection."""
        return bool(await self._connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK))

    async def heads(self) -> Heads:
        """Return how far every log has been published."""
        rows = await self._connection.fetch("SELECT scope, size, frontier, unsealed FROM journal_heads")
        return {
            row["scope"]: Head(Frontier.unpack(row["size"], row["frontier"]), unsealed=row["unsealed"]) for row in rows
        }

    async def unfinished(self) -> Batch | None:
        """Return the batch that somebody was sending, with the numbers it was given.

        Raises:
            OutboxError: its rows are not in the outbox.
        """
        found = await self._connection.fetchrow("SELECT ids, scopes, firsts FROM relay_batch")
        if found is None:
            return None
        rows = [Row(*row) for row in await self._connection.fetch(_NAMED, found["ids"])]
        if [row.id for row in rows] != found["ids"]:
            raise OutboxError("the batch that was being sent names rows that are not in the outbox")
        return numbered(rows, dict(zip(found["scopes"], found["firsts"], strict=True)))

    async def pick(self, limit: int, beside: Sequence[int] = ()) -> Picked:
        """Return the oldest `limit` rows, those in `beside` apart."""
        found = await self._connection.fetch(_PICK, limit, beside)
        rows = [Row(*row[2:]) for row in found if row[2] is not None]
        return Picked(rows, at=found[0][0], oldest=found[0][1], all=len(rows) < limit)

    async def take(self, batch: Batch) -> None:
        """Transaction 1: write down what is about to be sent, with its numbers."""
        firsts = batch.firsts()
        await self._connection.execute(_TAKE, batch.ids, list(firsts), list(firsts.values()))

    async def settle(self, batch: Batch, heads: Heads, following: Batch | None) -> None:
        """Transaction 2: `batch` is published, `heads` are its logs' new heads. And transaction 1 of what is `following`."""
        advanced = (
            batch.ids,
            list(heads),
            [head.frontier.size for head in heads.values()],
            [head.frontier.pack() for head in heads.values()],
            [head.unsealed for head in heads.values()],
        )
        if following is None:
            await self._connection.execute(_SETTLE_LAST, *advanced)
        else:
            firsts = following.firsts()
            await self._connection.execute(
                _SETTLE_AND_TAKE, *advanced, following.ids, list(firsts), list(firsts.values())
            )

    async def queue_seals(self, seals: Sequence[Seal], *, leading: bool = True) -> list[tuple[LogScope, str]]:
        """Put seals into the outbox, and return how far their lanes have come; who leads begins to count anew for their logs."""
        rows = await self._connection.fetch(
            _LEADERS_SEALS if leading else _OTHERS_SEALS,
            [seal.event_id for seal in seals],
            [seal.scope for seal in seals],
            [seal.topic for seal in seals],
            [seal.key for seal in seals],
            [seal.body for seal in seals],
            [setting_of(seal.scope) for seal in seals],
        )
        return [(LogScope(row["scope"]), row["reached"]) for row in rows]

    async def count(self) -> int:
        """Return how many rows wait; a hundred thousand stands for any larger number."""
        return int(await self._connection.fetchval(_COUNT, _COUNT_LIMIT))


def advanced(heads: Heads, batch: Batch, leaves: Sequence[bytes]) -> Heads:
    """Return the new heads of the batch's logs, given each record's leaf hash.

    Raises:
        OutboxError: the batch's numbers do not follow the heads.
    """
    firsts = batch.firsts()
    added: dict[str, list[bytes]] = {scope: [] for scope in firsts}
    for record, leaf in zip(batch.records, leaves, strict=True):
        added[record.scope].append(leaf)
    seals = Counter(record.scope for record in batch.records if not record.counted) if batch.seals else {}
    after: Heads = {}
    for scope, first in firsts.items():
        head = heads.get(scope, Head())
        if first != head.frontier.size + 1:
            raise OutboxError(f"number {first} does not follow {head.frontier.size}")
        unsealed = head.unsealed + len(added[scope]) - seals.get(scope, 0)
        after[scope] = Head(head.frontier.append(added[scope]), unsealed=unsealed)
    return after


# At least one row comes back, so that the moment does too: it was taken before the statement's snapshot.
_PICK: Final = """
SELECT statement_timestamp(), min(recorded_at) OVER (), o.id, o.scope, o.topic,
       convert_to(o.key, 'UTF8'), o.body, o.counted
FROM (VALUES (1)) AS one
LEFT JOIN LATERAL (
    SELECT * FROM outbox WHERE id <> ALL ($2::bigint[]) ORDER BY id LIMIT $1
) AS o ON true
ORDER BY o.id
"""

_NAMED: Final = """
SELECT o.id, o.scope, o.topic, convert_to(o.key, 'UTF8'), o.body, o.counted
FROM unnest($1::bigint[]) WITH ORDINALITY AS named (id, nth) JOIN outbox o USING (id)
ORDER BY named.nth
"""

_TAKE: Final = "INSERT INTO relay_batch (ids, scopes, firsts) VALUES ($1, $2, $3)"

_SETTLE: Final = """
WITH published AS (DELETE FROM outbox WHERE id = ANY ($1::bigint[])),
advanced AS (
    INSERT INTO journal_heads (scope, size, frontier, unsealed)
    SELECT * FROM unnest($2::text[], $3::bigint[], $4::bytea[], $5::bigint[])
    ON CONFLICT (scope) DO UPDATE
    SET size = excluded.size, frontier = excluded.frontier, unsealed = excluded.unsealed
)
{batch}
"""

_SETTLE_LAST: Final = _SETTLE.format(batch="DELETE FROM relay_batch")
_SETTLE_AND_TAKE: Final = _SETTLE.format(batch="UPDATE relay_batch SET ids = $6, scopes = $7, firsts = $8")

_OTHERS_SEALS: Final = f"""
WITH laned AS (
    SELECT s.*, {lane_advanced("s.setting", "1")} AS reached
    FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::bytea[], $6::text[])
         AS s (event_id, scope, topic, key, body, setting)
),
queued AS (
    INSERT INTO outbox (event_id, scope, topic, key, counted, body)
    SELECT event_id, scope, topic, key, false, {marked("body", "reached")} FROM laned
)
SELECT scope, reached FROM laned
"""  # noqa: S608
_LEADERS_SEALS: Final = _OTHERS_SEALS.replace(
    "WITH", "WITH sealed AS (UPDATE journal_heads SET unsealed = 0 WHERE scope = ANY ($2::text[])),", 1
)

_COUNT: Final = "SELECT count(*) FROM (SELECT 1 FROM outbox LIMIT $1) AS waiting"
