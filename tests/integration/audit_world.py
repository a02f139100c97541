"""What the audit suites share: records as the other services publish them, and a keeper on a database of its own."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import services.audit
from services.audit.batch import Batch
from services.audit.domain.entry import LogName, Received
from services.audit.domain.note import Signer
from services.audit.keeper import Keeper
from services.audit.signing import Signing
from shared.clock import Clock, SimulatedClock
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.base import EventData
from shared.contracts.codes import InformationCategory, LegalBasis, Role, Service
from shared.contracts.journal import EVENTS, CasesJournalSealed
from shared.db import Pool, create_pool
from shared.envelope import describe, number, seal
from shared.journal import Journal
from shared.merkle import EMPTY, Frontier, leaf_hash
from shared.refs import CaseRef, ConsentRef, Ids, LogScope, OrganisationNumber, UnitId
from shared.testing.ids import SeededIds

MIGRATIONS = Path(services.audit.__file__).with_name("migrations")
ORIGIN = "lagspill.no/logs"
NOTODDEN = LogName("4005")
SKIEN = LogName("4003")
SIGNER = Signer(ORIGIN, sha256(b"a signing key for tests").digest())
NOON = datetime(2026, 9, 7, 10, 0, tzinfo=UTC)


def as_role(dsn: str, role: str) -> str:
    """The address with which a connection works as `role`."""
    return f"{dsn}{'&' if '?' in dsn else '?'}{urlencode({'role': role})}"


SEALS: Final = {f"/services/{event.TYPE.split('.')[2]}": event for event in EVENTS}
"""The seal of each service."""


@dataclass(repr=False)
class Publisher:
    """One publishing service: numbers its records per municipality, and seals as the relay does."""

    source: str = "/services/cases"
    seed: int = 0
    ids: Ids = field(init=False)
    heads: dict[str, Frontier] = field(default_factory=dict)
    moment: datetime = NOON

    def __post_init__(self) -> None:
        self.ids = SeededIds(self.seed)

    def publish(self, data: EventData, scope: str = NOTODDEN, *, sequence: int | None = None) -> bytes:
        """Return the bytes that the relay would send, numbered; `sequence` counts within the subject."""
        self.moment += timedelta(seconds=1)
        envelope = describe(
            data,
            event_id=self.ids.event_id(),
            source=self.source,
            happened=self.moment,
            recorded=self.moment,
            scope=LogScope(scope),
            correlation=self.ids.event_id(),
            sequence=sequence,
        )
        head = self.heads.get(scope, EMPTY)
        body = number(seal(data, envelope), head.size + 1)
        self.heads[scope] = head.append([leaf_hash(body)])
        return body

    def read(self, case: str | None = None, *, scope: str = NOTODDEN, actor: str = "act_nurse-in-tinnes") -> bytes:
        """Return the access record of one look at a case."""
        return self.publish(self.access(case, actor=actor), scope)

    def access(self, case: str | None = None, *, actor: str = "act_nurse-in-tinnes") -> AccessRecorded:
        """Return one look at a case, not yet published."""
        ref = CaseRef(case or self.ids.ref("cas"))
        return AccessRecorded(
            subject_ref=ref,
            kind=AccessKind.READ,
            actor=AccessActor.model_validate(
                {
                    "id": actor,
                    "role": Role.HEALTH_NURSE,
                    "service": Service.HELSESTASJON,
                    "unit": UnitId("unit:helsestasjon"),
                    "organisation": OrganisationNumber("999999999"),
                }
            ),
            case=ref,
            categories=frozenset({InformationCategory.DEVELOPMENT}),
            basis=LegalBasis(code="consent", version="2026-01-01"),
            consent=ConsentRef(self.ids.ref("cst")),
            consent_version=1,
            permitted=True,
        )

    def reads(self, count: int, *, scope: str = NOTODDEN) -> list[bytes]:
        """Return that many looks."""
        return [self.read(scope=scope) for _ in range(count)]

    def seal(self, scope: str = NOTODDEN, *, root: bytes | None = None, last: int | None = None) -> bytes:
        """Return the seal over what was published so far; or a false one."""
        head = self.heads[scope]
        true = base64.b64encode(root if root is not None else head.root()).decode()
        kind = SEALS.get(self.source, CasesJournalSealed)
        return self.publish(kind(scope=LogScope(scope), last_number=last or head.size, root=true), scope)


@dataclass(repr=False)
class World:
    """A keeper on a database of its own, fed directly."""

    dsn: str
    pool: Pool
    keeper: Keeper
    offsets: dict[tuple[str, int], int] = field(default_factory=dict)

    async def take(self, *values: bytes | None, partition: int = 0, topic: str = "t") -> int:
        """Take these records as the next ones of a partition."""
        place = (topic, partition)
        if place not in self.offsets:
            self.offsets |= await self.keeper.positions([place])
        at = self.offsets[place]
        records = [Received(topic, partition, at + i, value) for i, value in enumerate(values)]
        added = await self.keeper.take({place: Batch(at, at + len(values), records)})
        self.offsets[place] = at + len(values)
        return added


@asynccontextmanager
async def open_world(
    dsn: str, *, clock: Clock | None = None, grace: float = 0.0, pools: int = 4
) -> AsyncIterator[World]:
    """Open a keeper on a migrated database; it works as the role that may only add."""
    async with AsyncExitStack() as stack:
        pool = await create_pool(
            as_role(dsn, "lagspill_audit_writer"), min_size=1, max_size=pools, application_name="audit-test"
        )
        stack.push_async_callback(pool.close)
        clock = clock or SimulatedClock(NOON)
        ids = SeededIds(99)
        journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
        keeper = Keeper(
            pool, signing=Signing.held(SIGNER), origin=ORIGIN, journal=journal, clock=clock, ids=ids, grace=grace
        )
        yield World(dsn, pool, keeper)


async def put_behind(pool: Pool, position: int, case: str, actor: str) -> None:
    """Add a row to Notodden's log as who may only add to the database, about a look that never was."""
    async with pool.acquire() as writer, writer.transaction():
        await writer.execute("SET LOCAL ROLE lagspill_audit_writer")
        await writer.execute(
            "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind, type,"
            " case_ref, actor, permitted) VALUES ($1, $2, $3, 'it never happened', 't', 0, 0, $3, 'read', $4, $5, $6, true)",
            NOTODDEN,
            position,
            NOON,
            AccessRecorded.TYPE,
            case,
            actor,
        )


def batches(parts: Mapping[tuple[str, int], tuple[int, Sequence[bytes | None]]]) -> dict[tuple[str, int], Batch]:
    """Records of several partitions, each from the given offset on."""
    return {
        (topic, partition): Batch(
            at, at + len(values), [Received(topic, partition, at + i, value) for i, value in enumerate(values)]
        )
        for (topic, partition), (at, values) in parts.items()
    }
