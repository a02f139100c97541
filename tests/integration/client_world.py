"""A subscriber's own database with a table of effects, and events made for it, numbered as the relay would."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta

import asyncpg
from lagspill_client import Connection, Event, Pool, Record, Subscriber, events
from lagspill_client.inbox import DDL

from shared.contracts.base import EventData
from shared.contracts.cases import CaseAnonymised, ConsentWithdrawn
from shared.contracts.codes import InformationCategory, Purpose, Scope, Service
from shared.envelope import number, sealed
from shared.refs import CaseRef, ConsentRef
from shared.testing.ids import SeededIds
from shared.testing.signals import Probe
from tests.tally import NOON, NOTODDEN, SOURCE

CASES = "lagspill.cases.v1"
SCOPE = Scope(
    services=frozenset({Service.PPT}),
    categories=frozenset({InformationCategory.LANGUAGE}),
    purposes=frozenset({Purpose.ASSESSMENT}),
)
TABLES = """
CREATE TABLE effects (consent text);
CREATE TABLE letters (id text, reason text);
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_notify('inbox', ''); RETURN NULL; END $$;
CREATE TRIGGER told AFTER INSERT ON lagspill_inbox FOR EACH STATEMENT EXECUTE FUNCTION tell();
"""


@dataclass
class Maker:
    """Makes events, each with the next numbers."""

    ids: SeededIds = field(default_factory=SeededIds)
    numbers: int = 0
    sequences: Counter[str] = field(default_factory=Counter)
    made: int = 0

    def case(self) -> CaseRef:
        """Return a new case."""
        return CaseRef(self.ids.ref("cas"))

    def withdrawn(self, case: CaseRef, consent: ConsentRef | None = None) -> Record:
        """A consent of the case is withdrawn."""
        found = consent or ConsentRef(self.ids.ref("cst"))
        at = NOON + timedelta(days=9)
        return self.record(ConsentWithdrawn(case=case, consent=found, version=1, ended=SCOPE, effective_at=at))

    def anonymised(self, case: CaseRef) -> Record:
        """Something of which the subscriber has no handler."""
        return self.record(CaseAnonymised(case=case))

    def record(self, data: EventData) -> Record:
        """Return what Kafka would give."""
        self.numbers += 1
        self.sequences[data.subject] += 1
        body = sealed(
            data,
            event_id=self.ids.event_id(),
            source=SOURCE,
            happened=NOON,
            recorded=NOON,
            scope=NOTODDEN,
            correlation=self.ids.event_id(),
            sequence=self.sequences[data.subject],
        )
        return self.placed(Record(number(body, self.numbers), data.subject.encode(), CASES))

    def placed(self, record: Record) -> Record:
        """Return it at the next place of its partition."""
        self.made += 1
        return replace(record, offset=self.made)


@dataclass(repr=False)
class Place:
    """A subscriber and its database."""

    subscriber: Subscriber
    pool: Pool
    told: Probe[object]

    async def until(self, outcomes: dict[str, int]) -> None:
        """Wait until this became of everything."""
        while True:
            before = len(self.told.seen)
            if await self.outcomes() == outcomes:
                return
            await self.told.take(before + 1)

    async def effects(self) -> Counter[str]:
        """Return how many effects each consent's end has had."""
        return Counter(row[0] for row in await self.pool.fetch("SELECT consent FROM effects"))

    async def outcomes(self) -> Counter[str]:
        """Return what became of everything."""
        return Counter(row[0] for row in await self.pool.fetch("SELECT outcome FROM lagspill_inbox"))


def add_handler(subscriber: Subscriber) -> None:
    """Let each withdrawal leave a row, whatever stands there already."""

    @subscriber.on(events.ConsentWithdrawn)
    async def stop_sharing(tx: Connection, event: Event[events.ConsentWithdrawn]) -> int:
        await tx.execute("INSERT INTO effects VALUES ($1)", event.data.consent)
        return 0


@asynccontextmanager
async def subscriber_place(dsn: str, subscriber: Subscriber, tables: str = DDL + TABLES) -> AsyncIterator[Place]:
    """Open the subscriber on a database with these tables, and tell of each statement that took something in."""
    pool = await asyncpg.create_pool(dsn, min_size=1, max_size=4)
    told: Probe[object] = Probe()
    async with pool.acquire() as conn:
        await conn.execute(tables)
    listener = await asyncpg.connect(dsn)
    await listener.add_listener("inbox", lambda *notified: told(notified))
    await subscriber.open(pool)
    try:
        yield Place(subscriber, pool, told)
    finally:
        await listener.close()
        await pool.close()
