"""Dead letters: records that a consumer could not handle, kept with their exact bytes until a person settles them.

A key with an open letter is blocked for that consumer: its later events are parked behind it, in order. A consent's
withdrawal that cannot be read must not be overtaken by what came after it, and a decision about that key is refused
meanwhile (`shared.freshness.require_fresh`), so that a parked withdrawal can delay but never permit.

Nothing here shows or logs content: a letter is described by where it came from, its size, its hash and a reason code.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING
from uuid import UUID

from shared.errors import ConflictError, NotFoundError
from shared.kafka import RawRecord

if TYPE_CHECKING:
    from asyncpg import Record

    from shared.db import Connection
    from shared.envelope import Envelope


class Reason(StrEnum):
    """Why a record was parked."""

    NO_VALUE = "no-value"
    TOO_LARGE = "too-large"
    MALFORMED = "malformed"
    """Not JSON, or not a CloudEvent of ours."""
    WRONG_KEY = "wrong-key"
    """Its Kafka key is not its `partitionkey`: its place in the order cannot be trusted."""
    WRONG_TOPIC = "wrong-topic"
    """Published where its type is not published."""
    WRONG_SOURCE = "wrong-source"
    """Its source is not the service that its type belongs to."""
    WRONG_SCHEMA = "wrong-schema"
    HANDLER_FAILED = "handler-failed"
    BEHIND_PARKED = "behind-parked"
    """Nothing is wrong with it; an earlier record of its key is parked."""


class Status(StrEnum):
    """What has become of a letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"


@dataclass(frozen=True)
class StoredRecord:
    """A record as it was parked; what a replay is given."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True)
class DeadLetter:
    """A description of one letter, without its content."""

    id: int
    consumer: str
    topic: str
    partition: int
    offset: int
    reason: Reason
    detail: str
    """Where and as what it failed: names of fields, exception types and code places, never values."""
    event_type: str | None
    event_id: UUID | None
    source: str | None
    size: int
    """Bytes of the value."""
    sha256: str
    attempts: int
    status: Status
    parked_at: datetime
    settled_at: datetime | None
    settled_reason: str | None


class DeadLetterNotFoundError(NotFoundError):
    """There is no such dead letter."""

    code = "dead-letter-not-found"


class DeadLetterSettledError(ConflictError):
    """The dead letter has been settled already."""

    code = "dead-letter-settled"


_COLUMNS = """id, consumer, topic, partition, record_offset, reason, detail, event_type, event_id, source,
    coalesce(octet_length(value), 0) AS size, encode(digest, 'hex') AS sha256, attempts, status, parked_at, settled_at,
    settled_reason"""

_PARK = """
INSERT INTO dead_letters (consumer, topic, partition, record_offset, key, value, header_names, header_values, digest,
                          source, event_id, event_type, claimed, reason, detail, attempts)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
ON CONFLICT DO NOTHING
RETURNING id
"""


async def park(
    conn: Connection,
    consumer: str,
    record: RawRecord,
    *,
    reason: Reason,
    detail: str,
    envelope: Envelope | None,
    claimed: bool,
    attempts: int = 0,
) -> bool:
    """Keep `record` for a person, in the caller's transaction; return False when that very record was parked before.

    Args:
        conn: In the transaction that also holds the event's inbox row.
        consumer: The inbox that could not handle it.
        record: What arrived.
        reason: Why it is parked.
        detail: Field names, exception types and code places; never a value.
        envelope: Its attributes, when they could be read.
        claimed: Whether the inbox row of the event was written with it.
        attempts: How often a handler tried.
    """
    return (
        await conn.fetchval(
            _PARK,
            consumer,
            record.topic,
            record.partition,
            record.offset,
            record.key,
            record.value,
            [name.encode("utf-8", "surrogateescape") for name, _ in record.headers],
            [value or b"" for _, value in record.headers],
            sha256(record.value or b"").digest(),
            None if envelope is None else envelope.source,
            None if envelope is None else envelope.id,
            None if envelope is None else envelope.type,
            claimed,
            reason.value,
            detail[:500],
            attempts,
        )
        is not None
    )


async def blocked_keys(conn: Connection, consumer: str, keys: Iterable[bytes]) -> set[bytes]:
    """Return those of `keys` that have an open letter. A statement of its own, so that it sees what a claim waited for."""
    wanted = list(set(keys))
    rows = await conn.fetch(
        "SELECT DISTINCT key FROM dead_letters WHERE consumer = $1 AND status = 'open' AND key = ANY($2::bytea[])",
        consumer,
        wanted,
    )
    return {row["key"] for row in rows}


async def lock_key(conn: Connection, consumer: str, key: bytes) -> None:
    """Hold the key's letters until the transaction ends: a replay and an arrival never pass each other unseen."""
    await conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || ' ' || encode($2::bytea, 'hex'), 0))", consumer, key
    )


async def count_open(conn: Connection, consumer: str) -> int:
    """Return how many letters of `consumer` wait for a person."""
    return int(
        await conn.fetchval("SELECT count(*) FROM dead_letters WHERE consumer = $1 AND status = 'open'", consumer)
    )


async def list_dead_letters(
    conn: Connection, *, consumer: str | None = None, settled: bool = False, after: int = 0, limit: int = 100
) -> list[DeadLetter]:
    """Return letters, oldest first.

    Args:
        conn: The service's database.
        consumer: Only this inbox's.
        settled: Those that were replayed or discarded too.
        after: Only letters with a greater id: the last one of the page before.
        limit: At most this many.
    """
    rows = await conn.fetch(
        f"SELECT {_COLUMNS} FROM dead_letters WHERE id > $1 AND ($2::text IS NULL OR consumer = $2)"  # noqa: S608
        " AND ($3 OR status = 'open') ORDER BY id LIMIT $4",
        after,
        consumer,
        settled,
        limit,
    )
    return [_letter(row) for row in rows]


async def dead_letter(conn: Connection, letter: int) -> DeadLetter:
    """Return one letter's description.

    Raises:
        DeadLetterNotFoundError: there is none with that id.
    """
    row = await conn.fetchrow(f"SELECT {_COLUMNS} FROM dead_letters WHERE id = $1", letter)  # noqa: S608
    if row is None:
        raise DeadLetterNotFoundError
    return _letter(row)


async def take_letter(conn: Connection, letter: int) -> tuple[StoredRecord, bool]:
    """Return what a letter holds and whether it holds the event's inbox row; the letter is locked.

    Raises:
        DeadLetterNotFoundError: there is none with that id.
        DeadLetterSettledError: it was replayed or discarded.
    """
    row = await conn.fetchrow(
        "SELECT topic, partition, record_offset, key, value, header_names, header_values, claimed, status"
        " FROM dead_letters WHERE id = $1 FOR UPDATE",
        letter,
    )
    if row is None:
        raise DeadLetterNotFoundError
    if row["status"] != Status.OPEN:
        raise DeadLetterSettledError
    names = (name.decode("utf-8", "surrogateescape") for name in row["header_names"])
    headers = tuple(zip(names, row["header_values"], strict=True))
    stored = StoredRecord(row["topic"], row["partition"], row["record_offset"], row["key"], row["value"], headers)
    return stored, bool(row["claimed"])


async def next_of_key(conn: Connection, asked: int, *, whole_key: bool, first: bool) -> int | None:
    """Return which letter to replay next when `asked` is to be, and hold its key until the transaction ends.

    Args:
        conn: In a transaction.
        asked: The letter that a person named.
        whole_key: Whether the letters of its key go with it, the oldest first.
        first: Whether nothing was replayed yet; then `asked` must be open.

    Raises:
        DeadLetterNotFoundError: there is no such letter.
        DeadLetterSettledError: it was replayed or discarded.
    """
    row = await conn.fetchrow("SELECT consumer, key FROM dead_letters WHERE id = $1", asked)
    if row is None:
        raise DeadLetterNotFoundError
    if row["key"] is not None:
        await lock_key(conn, row["consumer"], row["key"])
    # After the lock, so that it is read as the one who held it left it.
    status = await conn.fetchval("SELECT status FROM dead_letters WHERE id = $1", asked)
    if first and status != Status.OPEN:
        raise DeadLetterSettledError
    if not whole_key or row["key"] is None:
        return asked if status == Status.OPEN else None
    found = await conn.fetchval(
        "SELECT min(id) FROM dead_letters WHERE consumer = $1 AND key = $2 AND status = 'open'",
        row["consumer"],
        row["key"],
    )
    return None if found is None else int(found)


async def settle(conn: Connection, letter: int, status: Status, reason: str) -> None:
    """Mark a letter as replayed or discarded, in the transaction that does it."""
    await conn.execute(
        "UPDATE dead_letters SET status = $2, settled_at = clock_timestamp(), settled_reason = $3 WHERE id = $1",
        letter,
        status.value,
        reason,
    )


async def discard_dead_letter(conn: Connection, letter: int, reason: str) -> DeadLetter:
    """Give up on a letter for good, which frees its key; what it would have done is never done.

    Args:
        conn: The service's database, outside a transaction.
        letter: Its id.
        reason: A code, not a text: `[a-z0-9-]`, 2 to 60 characters.

    Raises:
        ValueError: `reason` is not a code.
        DeadLetterNotFoundError: there is none with that id.
        DeadLetterSettledError: it was replayed or discarded.
    """
    if not (2 <= len(reason) <= 60 and all(sign.islower() or sign.isdigit() or sign == "-" for sign in reason)):
        raise ValueError("a reason is a code of 2 to 60 small letters, digits and hyphens")
    async with conn.transaction():
        await next_of_key(conn, letter, whole_key=False, first=True)
        await settle(conn, letter, Status.DISCARDED, reason)
    return await dead_letter(conn, letter)


def _letter(row: Record) -> DeadLetter:
    return DeadLetter(
        id=row["id"],
        consumer=row["consumer"],
        topic=row["topic"],
        partition=row["partition"],
        offset=row["record_offset"],
        reason=Reason(row["reason"]),
        detail=row["detail"],
        event_type=row["event_type"],
        event_id=row["event_id"],
        source=row["source"],
        size=row["size"],
        sha256=row["sha256"],
        attempts=row["attempts"],
        status=Status(row["status"]),
        parked_at=row["parked_at"],
        settled_at=row["settled_at"],
        settled_reason=row["settled_reason"],
    )
