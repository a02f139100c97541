"""SQL of subscriptions: where they are delivered to, how far each has come, and in whose hand it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.notify.webhooks import Answer
from shared.contracts.codes import Language
from shared.db import Connection
from shared.refs import ActorId, SubscriptionRef

_COLUMNS: Final = (
    "subscription, owner, client, language, opened_at, target, active, acknowledges, position, attempts, failing_since,"
    " retry_at, taken, coalesce(contact, (SELECT email FROM addresses WHERE recipient = owner)) AS contact"
)


@dataclass(frozen=True)
class Stored:
    """One subscription, as far as it changes without its owner."""

    subscription: SubscriptionRef
    owner: ActorId
    client: str
    language: Language
    opened_at: datetime
    target: str
    active: bool
    acknowledges: bool
    position: int
    """Up to here everything was delivered, or is not for it."""
    attempts: int
    """Those that failed since the last that did not."""
    failing_since: datetime | None
    retry_at: datetime
    taken: UUID | None
    contact: str | None = field(repr=False)
    """Who is mailed about it; of one that was opened before each had its own, the owner's address, if that is still there."""


@dataclass(frozen=True)
class Failed:
    """How it stands after an attempt that failed."""

    since: datetime
    too_long: bool


@dataclass(frozen=True)
class Tried:
    """One attempt."""

    id: int
    position: int
    event_id: UUID
    tried_at: datetime
    outcome: str
    status: int | None
    milliseconds: int


# Statements are put together of this module's constants only.

_TAKE: Final = f"""
UPDATE subscriptions SET taken = gen_random_uuid(), taken_until = clock_timestamp() + make_interval(secs => $2)
WHERE subscription = (
    SELECT subscription FROM subscriptions
    WHERE active AND client = ANY($1::text[]) AND retry_at <= clock_timestamp() AND taken_until <= clock_timestamp()
      AND position < (SELECT max(position) FROM feed)
    ORDER BY retry_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
RETURNING {_COLUMNS}
"""  # noqa: S608

_NOTE: Final = """
INSERT INTO deliveries (subscription, position, event_id, outcome, status, milliseconds)
SELECT held.subscription, $3, $4, $5, $6, $7 FROM held RETURNING true
"""

_ADVANCE: Final = f"""
WITH held AS (
    UPDATE subscriptions SET position = $3, attempts = 0, failing_since = NULL,
        taken_until = clock_timestamp() + make_interval(secs => $8)
    WHERE subscription = $1 AND taken = $2 RETURNING subscription
) {_NOTE}
"""  # noqa: S608

_FAIL: Final = f"""
WITH held AS (
    UPDATE subscriptions SET attempts = attempts + 1, failing_since = coalesce(failing_since, clock_timestamp()),
        retry_at = clock_timestamp() + make_interval(secs => $8), taken = NULL, taken_until = '-infinity'
    WHERE subscription = $1 AND taken = $2 RETURNING subscription, failing_since
), noted AS ({_NOTE})
SELECT failing_since AS since, failing_since <= clock_timestamp() - make_interval(secs => $9) AS too_long FROM held
"""  # noqa: S608

# --- by its owner -----------------------------------------------------------------------------------------------------


async def add(
    conn: Connection,
    subscription: SubscriptionRef,
    *,
    owner: ActorId,
    client: str,
    language: Language,
    opened_at: datetime,
    target: str,
    acknowledges: bool,
    position: int,
    contact: str,
) -> None:
    """Add a subscription that gets what comes after `position`."""
    await conn.execute(
        "INSERT INTO subscriptions (subscription, owner, client, language, opened_at, target, acknowledges, position, contact)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        subscription,
        owner,
        client,
        language,
        opened_at,
        target,
        acknowledges,
        position,
        contact,
    )


async def change(
    conn: Connection,
    subscription: SubscriptionRef,
    target: str,
    language: Language,
    *,
    acknowledges: bool,
    contact: str | None,
) -> None:
    """Let it be delivered there; whoever has it in hand loses it. Without a `contact` the one that it has stays.

    What the receiver at another address has failed is not its own: it is tried at once, and has the whole time.
    """
    await conn.execute(
        "UPDATE subscriptions SET target = $2, language = $3, acknowledges = $4, contact = coalesce($5, contact), taken = NULL,"
        " taken_until = '-infinity', attempts = CASE target WHEN $2 THEN attempts ELSE 0 END,"
        " failing_since = CASE target WHEN $2 THEN failing_since END,"
        " retry_at = CASE target WHEN $2 THEN retry_at ELSE clock_timestamp() END WHERE subscription = $1",
        subscription,
        target,
        language,
        acknowledges,
        contact,
    )


async def drop_hold(conn: Connection, subscription: SubscriptionRef) -> None:
    """Take it out of whosever hand it is in."""
    await conn.execute(
        "UPDATE subscriptions SET taken = NULL, taken_until = '-infinity' WHERE subscription = $1", subscription
    )


async def go_on(conn: Connection, subscription: SubscriptionRef, after: int | None = None) -> int:
    """Deliver at once, from where it stands or from after that position; return from where."""
    return int(
        await conn.fetchval(
            "UPDATE subscriptions SET position = coalesce($2, position), active = true, attempts = 0, failing_since = NULL,"
            " retry_at = clock_timestamp(), taken = NULL, taken_until = '-infinity' WHERE subscription = $1"
            " RETURNING position",
            subscription,
            after,
        )
    )


async def remove(conn: Connection, subscription: SubscriptionRef, owner: ActorId) -> None:
    """Remove it, and with the owner's last one the address that was said for all of them."""
    await conn.execute("DELETE FROM subscriptions WHERE subscription = $1", subscription)
    await conn.execute(
        "DELETE FROM addresses WHERE recipient = $1 AND NOT EXISTS (SELECT FROM subscriptions WHERE owner = $1)", owner
    )


async def find(conn: Connection, subscription: SubscriptionRef) -> Stored | None:
    """Return it; None when there is none."""
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM subscriptions WHERE subscription = $1", subscription)  # noqa: S608
    return None if row is None else _stored(row)


async def of_owner(conn: Connection, owner: ActorId, *, limit: int, after: tuple[datetime, str] | None) -> list[Stored]:
    """Return the owner's subscriptions, the oldest first."""
    moment, reference = after or (None, None)
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM subscriptions WHERE owner = $1"  # noqa: S608
        " AND ($2::timestamptz IS NULL OR (opened_at, subscription) > ($2, $3)) ORDER BY opened_at, subscription LIMIT $4",
        owner,
        moment,
        reference,
        limit,
    )
    return [_stored(row) for row in rows]


async def attempts(conn: Connection, subscription: SubscriptionRef, *, limit: int, before: int | None) -> list[Tried]:
    """Return the attempts, the newest first."""
    rows = await conn.fetch(
        "SELECT id, position, event_id, tried_at, outcome, status, milliseconds FROM deliveries"
        " WHERE subscription = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        subscription,
        before,
        limit,
    )
    return [Tried(**row) for row in rows]


# --- in hand ----------------------------------------------------------------------------------------------------------


async def take(conn: Connection, clients: Sequence[str], *, lease: float) -> Stored | None:
    """Take the subscription of one of these clients in hand that waits longest for something to deliver.

    It is nobody else's for `lease` seconds, or until its owner changes it.
    """
    row = await conn.fetchrow(
        _TAKE,
        list(clients),
        lease,
    )
    return None if row is None else _stored(row)


async def advance(
    conn: Connection, held: Stored, position: int, event_id: UUID, answer: Answer, *, lease: float
) -> bool:
    """Note that a receiver has the event at `position`, and hold on; return whether it was still in hand."""
    return bool(
        await conn.fetchval(
            _ADVANCE,
            held.subscription,
            held.taken,
            position,
            event_id,
            answer.outcome,
            answer.status,
            answer.milliseconds,
            lease,
        )
    )


async def fail(
    conn: Connection, held: Stored, position: int, event_id: UUID, answer: Answer, *, pause: float, hours: float
) -> Failed | None:
    """Note that an attempt failed, and put it down for `pause` seconds; None when it was no longer in hand.

    It has failed too long when the first of the attempts that failed in a row is `hours` ago.
    """
    row = await conn.fetchrow(
        _FAIL,
        held.subscription,
        held.taken,
        position,
        event_id,
        answer.outcome,
        answer.status,
        answer.milliseconds,
        pause,
        hours * 3600,
    )
    return None if row is None else Failed(row["since"], row["too_long"])


async def after_set_back(conn: Connection, seconds: float) -> int:
    """Let none wait for a time that lies further ahead than this, the longest pause; return how many did.

    It was written before the database's clock was set back, and would wait for as long as that went.
    """
    moved = await conn.fetch(
        "UPDATE subscriptions SET retry_at = least(retry_at, clock_timestamp()), taken = NULL, taken_until = '-infinity'"
        " WHERE greatest(retry_at, taken_until) > clock_timestamp() + make_interval(secs => $1) RETURNING true",
        seconds,
    )
    return len(moved)


async def put_down(conn: Connection, held: Stored, position: int) -> None:
    """Let others have it again; up to `position` there was nothing for it, or it is delivered."""
    await conn.execute(
        "UPDATE subscriptions SET position = greatest(position, $3), retry_at = clock_timestamp(), taken = NULL,"
        " taken_until = '-infinity' WHERE subscription = $1 AND taken = $2",
        held.subscription,
        held.taken,
        position,
    )


async def stop(conn: Connection, subscription: SubscriptionRef, failing_since: datetime) -> bool:
    """Stop it, unless it has recovered or was told to go on; return whether it was stopped."""
    return bool(
        await conn.fetchval(
            "UPDATE subscriptions SET active = false WHERE subscription = $1 AND active AND failing_since = $2 RETURNING true",
            subscription,
            failing_since,
        )
    )


async def of_others(conn: Connection, clients: Sequence[str]) -> list[Stored]:
    """Return the active subscriptions of clients that are none of these, locked."""
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM subscriptions WHERE active AND client <> ALL($1::text[]) ORDER BY subscription"  # noqa: S608
        " FOR UPDATE",
        list(clients),
    )
    return [_stored(row) for row in rows]


async def bar(conn: Connection, subscription: SubscriptionRef) -> None:
    """Stop it, and take it out of whosever hand it is in."""
    await conn.execute(
        "UPDATE subscriptions SET active = false, taken = NULL, taken_until = '-infinity' WHERE subscription = $1",
        subscription,
    )


def _stored(row: asyncpg.Record) -> Stored:
    return Stored(
        subscription=SubscriptionRef(row["subscription"]),
        owner=ActorId(row["owner"]),
        client=row["client"],
        language=Language(row["language"]),
        opened_at=row["opened_at"],
        target=row["target"],
        active=row["active"],
        acknowledges=row["acknowledges"],
        position=row["position"],
        attempts=row["attempts"],
        failing_since=row["failing_since"],
        retry_at=row["retry_at"],
        taken=row["taken"],
        contact=row["contact"],
    )
