"""SQL of what subscriptions acknowledge: which are asked, and how it stands with each receipt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notify.domain.acknowledgement import OUTSTANDING, Awaited, Standing
from shared.db import Connection, Pool
from shared.refs import ConsentRef, ReceiptRef, SubscriptionRef


@dataclass(frozen=True)
class StoredReceipt:
    """One receipt, awaited or received."""

    id: int
    consent: ConsentRef
    consent_version: int
    awaited: Awaited
    received_at: datetime | None


async def asked(conn: Connection) -> list[SubscriptionRef]:
    """Return, held until the transaction ends, the subscriptions that acknowledge."""
    rows = await conn.fetch("SELECT subscription FROM subscriptions WHERE acknowledges ORDER BY 1 FOR KEY SHARE")
    return [SubscriptionRef(row["subscription"]) for row in rows]


async def find(conn: Connection, subscription: SubscriptionRef, consent: ConsentRef) -> ReceiptRef | None:
    """Return the aggregate of what a subscription acknowledges of a consent; None when nothing ever was awaited."""
    found = await conn.fetchval(
        "SELECT receipt FROM acknowledgements WHERE subscription = $1 AND consent = $2 LIMIT 1", subscription, consent
    )
    return None if found is None else ReceiptRef(found)


async def add(
    conn: Connection,
    receipt: ReceiptRef,
    subscription: SubscriptionRef,
    consent: ConsentRef,
    version: int,
    due: datetime,
) -> None:
    """Remember that a receipt is awaited."""
    await conn.execute(
        "INSERT INTO acknowledgements (receipt, subscription, consent, consent_version, due) VALUES ($1, $2, $3, $4, $5)",
        receipt,
        subscription,
        consent,
        version,
        due,
    )


async def received(conn: Connection, receipt: ReceiptRef, version: int, items_removed: int, now: datetime) -> None:
    """Note a receipt, and that it settles those of earlier versions; what was received before stays as it was."""
    await conn.execute(
        "UPDATE acknowledgements SET standing = 'received', received_at = $4,"
        " items_removed = CASE WHEN consent_version = $2 THEN $3::integer END"
        " WHERE receipt = $1 AND (consent_version = $2 AND standing <> 'received'"
        "  OR consent_version < $2 AND standing = ANY($5::text[]))",
        receipt,
        version,
        items_removed,
        now,
        sorted(OUTSTANDING),
    )


async def missing(conn: Connection, receipt: ReceiptRef, version: int) -> None:
    """Note that the time is out."""
    await conn.execute(
        "UPDATE acknowledgements SET standing = 'missing' WHERE receipt = $1 AND consent_version = $2", receipt, version
    )


async def outstanding(conn: Connection, subscription: SubscriptionRef) -> list[ReceiptRef]:
    """Return what a subscription still owes receipts of. Nothing is added to it until the transaction ends."""
    await conn.execute("SELECT FROM subscriptions WHERE subscription = $1 FOR UPDATE", subscription)
    rows = await conn.fetch(
        "SELECT DISTINCT receipt FROM acknowledgements WHERE subscription = $1 AND standing = ANY($2::text[]) ORDER BY 1",
        subscription,
        sorted(OUTSTANDING),
    )
    return [ReceiptRef(row["receipt"]) for row in rows]


async def released(conn: Connection, receipt: ReceiptRef) -> None:
    """Note that nothing more is waited for."""
    await conn.execute(
        "UPDATE acknowledgements SET standing = 'released' WHERE receipt = $1 AND standing = ANY($2::text[])",
        receipt,
        sorted(OUTSTANDING),
    )


async def forget(pool: Pool, days: float, now: datetime) -> int:
    """Forget receipts that were settled more than so many days before `now`, and return of how many consents that was.

    A consent is forgotten whole; what is still to come is kept, however old it is.
    """
    rows = await pool.fetch(
        "DELETE FROM acknowledgements WHERE receipt IN (SELECT receipt FROM acknowledgements GROUP BY receipt"
        " HAVING bool_and(standing <> ALL($1::text[])) AND max(coalesce(received_at, due)) < $2::timestamptz) RETURNING receipt",
        sorted(OUTSTANDING),
        now - timedelta(days=days),
    )
    return len({row["receipt"] for row in rows})


async def of_subscription(
    conn: Connection, subscription: SubscriptionRef, *, limit: int, before: int | None
) -> list[StoredReceipt]:
    """Return the receipts of a subscription, the last that became due first."""
    rows = await conn.fetch(
        "SELECT id, consent, consent_version, due, standing, received_at, items_removed FROM acknowledgements"
        " WHERE subscription = $1 AND ($2::bigint IS NULL OR id < $2) ORDER BY id DESC LIMIT $3",
        subscription,
        before,
        limit,
    )
    return [
        StoredReceipt(
            id=row["id"],
            consent=ConsentRef(row["consent"]),
            consent_version=row["consent_version"],
            awaited=Awaited(due=row["due"], standing=Standing(row["standing"]), items_removed=row["items_removed"]),
            received_at=row["received_at"],
        )
        for row in rows
    ]
