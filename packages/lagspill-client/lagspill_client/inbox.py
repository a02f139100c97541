"""The inbox: one table in the subscriber's own database, in which each event stands once, in the transaction of its effect.

It shows loss too. Per source and subject `sequence` has no gap, which is known at once. Per source and municipality
`sourcesequence` has none, over all that a service publishes: a hole that does not close is a loss.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

import asyncpg

from lagspill_client.records import Envelope, Record

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Pool: TypeAlias = asyncpg.Pool[asyncpg.Record]
    Connection: TypeAlias = asyncpg.Connection[asyncpg.Record] | PoolConnectionProxy[asyncpg.Record]
else:
    Pool: TypeAlias = asyncpg.Pool
    Connection: TypeAlias = asyncpg.Connection | asyncpg.pool.PoolConnectionProxy

DDL: Final = """
CREATE TABLE IF NOT EXISTS lagspill_inbox (
    consumer     text        NOT NULL,
    source       text        NOT NULL,
    id           text        NOT NULL,
    type         text,
    subject      text,
    municipality text,
    key          text,
    sequence     bigint,
    number       bigint,
    through      bigint,
    outcome      text        NOT NULL CHECK (outcome IN ('taken', 'passed-by', 'set-aside', 'lost', 'loss-accepted')),
    receipt      jsonb,
    receipt_sent timestamptz,
    stored_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, source, id)
);
ALTER TABLE lagspill_inbox ADD COLUMN IF NOT EXISTS receipt_sent timestamptz;
CREATE INDEX IF NOT EXISTS lagspill_inbox_by_subject ON lagspill_inbox (consumer, source, subject, sequence);
CREATE INDEX IF NOT EXISTS lagspill_inbox_by_number ON lagspill_inbox (consumer, source, municipality, number);
CREATE INDEX IF NOT EXISTS lagspill_inbox_set_aside ON lagspill_inbox (consumer, key) WHERE outcome = 'set-aside';
CREATE INDEX IF NOT EXISTS lagspill_inbox_to_send ON lagspill_inbox (consumer, stored_at)
    WHERE receipt IS NOT NULL AND receipt_sent IS NULL;
"""
"""For your own migrations, if `Subscriber` may not make a table itself. `number` is `sourcesequence`."""

_CLAIM: Final = """
INSERT INTO lagspill_inbox (consumer, source, id, type, subject, municipality, key, sequence, number, outcome)
SELECT $1, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[],
                         $9::bigint[], $10::text[])
ON CONFLICT DO NOTHING
RETURNING source, id
"""
_LAST: Final = """
SELECT wanted.source, wanted.subject, last.sequence
FROM unnest($2::text[], $3::text[]) AS wanted (source, subject)
CROSS JOIN LATERAL (
    SELECT max(i.sequence) AS sequence FROM lagspill_inbox AS i
    WHERE i.consumer = $1 AND i.source = wanted.source AND i.subject = wanted.subject
      AND NOT EXISTS (SELECT FROM unnest($4::text[], $5::text[]) AS new (source, id) WHERE (new.source, new.id) = (i.source, i.id))
) AS last
"""
_HOLES: Final = """
SELECT log.source, log.municipality, run.upto + 1 AS first, run.next - 1 AS last, run.upto
FROM unnest($2::text[], $3::text[], $4::bigint[]) AS log (source, municipality, floor)
CROSS JOIN LATERAL (
    SELECT max(coalesce(have.through, have.number)) OVER rising AS upto, lead(have.number) OVER rising AS next
    FROM (
        SELECT log.floor AS number, NULL::bigint AS through
        UNION ALL
        SELECT i.number, i.through FROM lagspill_inbox AS i
        WHERE i.consumer = $1 AND i.source = log.source AND i.municipality = log.municipality AND i.number > log.floor
    ) AS have
    WINDOW rising AS (ORDER BY have.number)
) AS run
WHERE run.next IS NULL OR run.next > run.upto + 1
ORDER BY log.source, log.municipality, run.upto
"""

Log: TypeAlias = tuple[str, str]
"""A source and a municipality: what `sourcesequence` counts within."""


class Known(NamedTuple):
    """What an event is recognised by."""

    source: str
    id: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Events that were published and have not come: `first` to `last` of a subject (`sequence`), or of a municipality."""

    source: str
    first: int
    last: int
    subject: str | None = None
    municipality: str | None = None

    def __str__(self) -> str:
        """Return what was lost, without a word of what it was about."""
        counted = "sequence" if self.subject is not None else "sourcesequence"
        return f"{self.source} {self.subject or self.municipality}: {counted} {self.first} to {self.last}"


@dataclass(frozen=True, slots=True)
class Place:
    """A row to be: an event, or a record that cannot be read and is known by where it lay."""

    known: Known
    outcome: str
    key: str | None
    envelope: Envelope | None = None


def place_of(record: Record) -> Known:
    """Return what an unreadable record is recognised by."""
    return Known(f"{record.topic}/{record.partition}", str(record.offset))


class Inbox:
    """The rows of one consumer."""

    def __init__(self, consumer: str) -> None:
        self.consumer: Final = consumer
        self._floors: dict[Log, int] = {}

    async def claim(self, tx: Connection, places: Iterable[Place]) -> set[Known]:
        """Return which of `places` nobody has taken; from now on they are this transaction's.

        A second owner of the same events waits here until the first has committed or given up. Sorted, so that two of them
        never wait for each other.
        """
        rows = sorted({place.known: place for place in places}.values(), key=lambda place: place.known)
        if not rows:
            return set()
        envelopes = [row.envelope for row in rows]
        found = await tx.fetch(
            _CLAIM,
            self.consumer,
            [row.known.source for row in rows],
            [row.known.id for row in rows],
            [each and each.type for each in envelopes],
            [each and each.subject for each in envelopes],
            [each and each.municipality for each in envelopes],
            [row.key for row in rows],
            [each and each.count for each in envelopes],
            [each and each.number for each in envelopes],
            [row.outcome for row in rows],
        )
        return {Known(row["source"], row["id"]) for row in found}

    async def lasts(self, tx: Connection, envelopes: Iterable[Envelope], new: Iterable[Known]) -> dict[Log, int]:
        """Return the last `sequence` of each (source, subject) before the events `new`; zero for one that is new."""
        wanted = sorted({(each.source, each.subject) for each in envelopes if each.sequence is not None})
        if not wanted:
            return {}
        fresh = list(new)
        rows = await tx.fetch(
            _LAST,
            self.consumer,
            [source for source, _ in wanted],
            [subject for _, subject in wanted],
            [each.source for each in fresh],
            [each.id for each in fresh],
        )
        return {(row["source"], row["subject"]): row["sequence"] or 0 for row in rows}

    async def blocked(self, tx: Connection, keys: Iterable[str]) -> set[str]:
        """Return those of `keys` of which something is set aside."""
        rows = await tx.fetch(
            "SELECT DISTINCT key FROM lagspill_inbox WHERE consumer = $1 AND outcome = 'set-aside' AND key = ANY($2)",
            self.consumer,
            list(keys),
        )
        return {row["key"] for row in rows}

    async def mark(self, tx: Connection, known: Known, outcome: str) -> None:
        """Say what became of an event."""
        await tx.execute(
            "UPDATE lagspill_inbox SET outcome = $4 WHERE (consumer, source, id) = ($1, $2, $3)",
            self.consumer,
            *known,
            outcome,
        )

    async def keep_receipt(self, tx: Connection, known: Known, receipt: Mapping[str, str | int]) -> None:
        """Keep the receipt of a consent's end with the event that ended it."""
        await tx.execute(
            "UPDATE lagspill_inbox SET receipt = $4::text::jsonb WHERE (consumer, source, id) = ($1, $2, $3)",
            self.consumer,
            *known,
            json.dumps(receipt),
        )

    async def receipts_to_send(self, tx: Connection, limit: int) -> list[tuple[Known, dict[str, str | int]]]:
        """Return receipts that were not sent yet, the oldest first."""
        rows = await tx.fetch(
            "SELECT source, id, receipt #>> '{}' AS receipt FROM lagspill_inbox"
            " WHERE consumer = $1 AND receipt IS NOT NULL AND receipt_sent IS NULL ORDER BY stored_at, id LIMIT $2",
            self.consumer,
            limit,
        )
        return [(Known(row["source"], row["id"]), json.loads(row["receipt"])) for row in rows]

    async def receipt_was_sent(self, tx: Connection, known: Known) -> None:
        """Note that a receipt need not be sent any more."""
        await tx.execute(
            "UPDATE lagspill_inbox SET receipt_sent = now() WHERE (consumer, source, id) = ($1, $2, $3)",
            self.consumer,
            *known,
        )

    async def take_back(self, tx: Connection, known: Known) -> bool:
        """Return whether the event was set aside, and hold it if so: it is to be handled again."""
        found = await tx.fetchval(
            "SELECT true FROM lagspill_inbox WHERE (consumer, source, id) = ($1, $2, $3) AND outcome = 'set-aside' FOR UPDATE",
            self.consumer,
            *known,
        )
        return bool(found)

    # --- loss ---------------------------------------------------------------------------------------------------------

    async def keep_loss(self, tx: Connection, loss: Loss) -> None:
        """Write down what was lost, for whoever looks, whatever becomes of this process."""
        await tx.execute(
            "INSERT INTO lagspill_inbox (consumer, source, id, subject, municipality, outcome)"
            " VALUES ($1, $2, $3, $4, $5, 'lost') ON CONFLICT DO NOTHING",
            self.consumer,
            loss.source,
            _loss_id(loss),
            loss.subject,
            loss.municipality,
        )

    async def accept_loss(self, tx: Connection, loss: Loss) -> None:
        """Count on behind a loss: somebody has looked at it, and decided to live with it."""
        by_subject = loss.subject is not None
        await tx.execute(
            "INSERT INTO lagspill_inbox (consumer, source, id, subject, municipality, sequence, number, through, outcome)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'loss-accepted') ON CONFLICT (consumer, source, id) DO UPDATE"
            " SET outcome = excluded.outcome, sequence = excluded.sequence, number = excluded.number, through = excluded.through",
            self.consumer,
            loss.source,
            _loss_id(loss),
            loss.subject,
            loss.municipality,
            loss.last if by_subject else None,
            None if by_subject else loss.first,
            None if by_subject else loss.last,
        )

    async def know_logs(self, tx: Connection) -> None:
        """Learn which logs the table has events of."""
        for row in await tx.fetch(
            "SELECT DISTINCT source, municipality FROM lagspill_inbox WHERE consumer = $1 AND number IS NOT NULL",
            self.consumer,
        ):
            self._floors.setdefault((row["source"], row["municipality"]), 0)

    def heard(self, envelopes: Iterable[Envelope]) -> None:
        """Take note of whose logs there is something in."""
        for envelope in envelopes:
            self._floors.setdefault((envelope.source, envelope.municipality), 0)

    async def holes(self, tx: Connection) -> list[Loss]:
        """Return the numbers below the highest that have not come; from where none was missing last time."""
        logs = list(self._floors.items())
        rows = await tx.fetch(
            _HOLES,
            self.consumer,
            [source for (source, _), _ in logs],
            [municipality for (_, municipality), _ in logs],
            [floor for _, floor in logs],
        )
        lowest: dict[Log, int] = {}
        for row in rows:
            lowest.setdefault((row["source"], row["municipality"]), row["upto"])
        self._floors.update(lowest)
        return [
            Loss(row["source"], row["first"], row["last"], municipality=row["municipality"])
            for row in rows
            if row["last"] is not None
        ]


def found_loss(envelope: Envelope, last: int) -> Loss | None:
    """Return what is missing between `last` and this event of the same subject."""
    count = envelope.count
    if count is None or count <= last + 1:
        return None
    return Loss(envelope.source, last + 1, count - 1, subject=envelope.subject)


def _loss_id(loss: Loss) -> str:
    return f"lost {loss.subject or loss.municipality} {loss.first}-{loss.last}"


def known_by(envelope: Envelope) -> Known:
    """Return what an event is recognised by."""
    return Known(envelope.source, str(envelope.id))


__all__: Sequence[str] = (
    "DDL",
    "Connection",
    "Inbox",
    "Known",
    "Loss",
    "Place",
    "Pool",
    "found_loss",
    "known_by",
    "place_of",
)
