"""SQL of the report: the entries of one case up to a checkpoint, in order, and that checkpoint."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg
from pydantic import ValidationError

from services.audit.innsyn.domain import Logged
from shared.actor_names import KnownActors
from shared.clock import oslo_day
from shared.contracts.access import AccessRecorded
from shared.db import Pool
from shared.envelope import MalformedEnvelopeError, parse
from shared.refs import CaseRef, LogScope

_PREFETCH: Final = 500


@dataclass(frozen=True, slots=True)
class SignedAt:
    """A log as one checkpoint has it."""

    origin: str
    size: int
    root: bytes
    note: str
    """The signed checkpoint."""
    signed_at: datetime


class CaseEntries:
    """Reads the entries of a case."""

    def __init__(self, pool: Pool, names: KnownActors) -> None:
        """Read with connections of `pool`: they need SELECT only; `names` has the key that the cases service has too."""
        self._pool = pool
        self._names = names

    async def signed(self, log: LogScope, size: int | None = None) -> SignedAt | None:
        """Return the log's checkpoint of `size`, or its newest; None if there is none."""
        row = await self._pool.fetchrow(
            "SELECT l.origin, c.size, c.root, c.note, c.signed_at FROM checkpoints c JOIN logs l USING (log)"
            " WHERE c.log = $1 AND ($2::bigint IS NULL OR c.size = $2) ORDER BY c.size DESC LIMIT 1",
            log,
            size,
        )
        return None if row is None else SignedAt(*row.values())

    async def of(self, log: LogScope, case: CaseRef, size: int, asking: UUID) -> AsyncIterator[Logged | None]:
        """Yield the access records of `case` among the log's first `size` entries; None for one that cannot be read.

        `asking` is the right's, for which those who looked are veiled.
        """
        async with self._pool.acquire() as connection, connection.transaction(readonly=True):
            async for row in connection.cursor(
                "SELECT position, leaf FROM entries WHERE log = $1 AND case_ref = $2 AND position < $3 AND type = $4"
                " ORDER BY position",
                log,
                case,
                size,
                AccessRecorded.TYPE,
                prefetch=_PREFETCH,
            ):
                yield self._logged(row, case, asking)

    def _logged(self, row: asyncpg.Record, case: CaseRef, asking: UUID) -> Logged | None:
        """Return the entry, or None: what anybody put on the bus is an entry, whether or not it says what it should."""
        try:
            record = parse(row["leaf"])
            access = AccessRecorded.model_validate_json(record.data)
            moments = [record.envelope.time, *([] if access.valid_to is None else [access.valid_to])]
            in_calendar = all(1900 <= oslo_day(moment).year <= 9000 for moment in moments)
        except (MalformedEnvelopeError, ValidationError, OverflowError):
            return None
        if not in_calendar or case not in {access.case, access.subject_ref}:
            return None
        return Logged(
            position=row["position"],
            source=record.envelope.source,
            happened=record.envelope.time,
            correlation=record.envelope.correlationid,
            access=access,
            veiled=frozenset(self._names.veils(access.actor.id, asking)),
        )
