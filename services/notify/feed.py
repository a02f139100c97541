"""The feed: every event that a subscriber can get, in one order, as it came from the bus. Subscriptions are delivered from it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from services.notify.domain.subscription import TOPICS, Passing
from shared.arrivals import Tx
from shared.contracts import EVENTS
from shared.db import Connection, Pool
from shared.envelope import Envelope
from shared.inbox import Inbox
from shared.kafka import RawRecord
from shared.refs import LogScope, UnitId, is_protected

CONSUMER: Final = "notify-subscribers"
"""The inbox's name, and the consumer group: of its own, so that what waits here holds nothing else up."""
_UNIT: Final = re.compile(r"unit:[a-z0-9-]{1,60}")
_FORGET: Final = 1000
"""Rows that are forgotten at a time."""
_IN_ORDER: Final = 442863213
"""The lock under which the table gives its positions."""


@dataclass(frozen=True)
class Fed:
    """One event of the feed."""

    position: int
    event_id: UUID
    passing: Passing
    body: bytes


OnPassing = Callable[[Tx, RawRecord, Envelope, Passing], Awaitable[None]]
"""Is told of each event, in the transaction that takes it in."""


def inbox(told: OnPassing) -> Inbox:
    """Return what fills the feed; `told` hears of each event."""
    events = [event for event in EVENTS.values() if event.TOPIC in TOPICS]
    return Inbox(CONSUMER, dict.fromkeys(events, partial(on_record, told)), as_they_came=True)


async def on_record(told: OnPassing, tx: Tx, record: RawRecord, envelope: Envelope) -> None:
    """Take an event in: the very bytes, which are what the confidentiality log holds."""
    body, scope = record.value or b"", envelope.municipality
    units = frozenset() if is_protected(scope) else units_in(from_json(body)["data"])
    tx.insert("feed", event_id=envelope.id, type=envelope.type, scope=scope, units=sorted(units), body=body)
    await told(tx, record, envelope, Passing(type=envelope.type, scope=scope, units=units))


async def hold(conn: Connection) -> None:
    """Let nothing come into the feed until the transaction ends but what it brings itself; what had come is there to be seen."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _IN_ORDER)


def units_in(data: JsonValue) -> frozenset[UnitId]:
    """Return the units that an event's data name, wherever they stand in it."""
    match data:
        case dict():
            return frozenset().union(*map(units_in, data.values()))
        case list():
            return frozenset().union(*map(units_in, data))
        case str() if _UNIT.fullmatch(data):
            return frozenset({UnitId(data)})
    return frozenset()


async def read_on(conn: Connection, after: int, limit: int) -> Sequence[Fed]:
    """Return what follows a position, at most `limit`, in order."""
    rows = await conn.fetch(
        "SELECT position, event_id, type, scope, units, body FROM feed WHERE position > $1 ORDER BY position LIMIT $2",
        after,
        limit,
    )
    return [
        Fed(
            row["position"],
            row["event_id"],
            Passing(type=row["type"], scope=LogScope(row["scope"]), units=frozenset(map(UnitId, row["units"]))),
            row["body"],
        )
        for row in rows
    ]


async def newest(conn: Connection) -> int:
    """Return the last position that was given; where it is forgotten, that it was."""
    found = await conn.fetchval(
        "SELECT greatest((SELECT max(position) FROM feed), (SELECT position FROM feed_forgotten))"
    )
    return int(found)


async def forgotten(conn: Connection) -> int:
    """Return the last position of which the event is kept no longer; it cannot change before the transaction ends."""
    return int(await conn.fetchval("SELECT position FROM feed_forgotten FOR SHARE"))


async def forget(pool: Pool, days: float) -> int:
    """Forget events and attempts that are older than so many days, and return how many events that was.

    What an active subscription has not got yet is kept, however old it is.
    """
    total = 0
    while True:
        async with pool.acquire() as conn, conn.transaction():
            await conn.execute("SELECT FROM feed_forgotten FOR UPDATE")
            rows = await conn.fetch(
                "DELETE FROM feed WHERE position IN (SELECT position FROM feed"
                " WHERE recorded_at < clock_timestamp() - make_interval(secs => $1)"
                " AND position <= coalesce((SELECT min(position) FROM subscriptions WHERE active), position)"
                " ORDER BY position LIMIT $2) RETURNING position",
                days * 86_400,
                _FORGET,
            )
            if rows:
                last = max(row["position"] for row in rows)
                await conn.execute("UPDATE feed_forgotten SET position = greatest(position, $1)", last)
        total += len(rows)
        if len(rows) < _FORGET:
            break
    await pool.execute(
        "DELETE FROM deliveries WHERE tried_at < clock_timestamp() - make_interval(secs => $1)", days * 86_400
    )
    return total
