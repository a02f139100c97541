"""SQL of the findings' read side: both those about behaviour and those about the log itself. Nothing here writes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from services.audit.domain.case_of_finding import FindingStatus
from services.audit.domain.entry import LogName
from services.audit.errors import NoSuchFindingError
from services.audit.patterns.store import COLUMNS, PatternFinding, count_open, found
from shared.contracts.audit import Pattern
from shared.db import Pool
from shared.refs import ActorId, CaseRef, FindingRef


class Group(StrEnum):
    """What a finding is about."""

    BEHAVIOUR = "behaviour"
    INTEGRITY = "integrity"


@dataclass(frozen=True, slots=True)
class FindingSearch:
    """What is looked for; a field that is None does not matter."""

    group: Group | None = None
    pattern: str | None = None
    """A pattern, or the kind of a finding about the log."""
    status: FindingStatus | None = None
    actor: ActorId | None = None
    case: CaseRef | None = None
    overdue: bool | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def integrity_too(self) -> bool:
        """Return whether findings about the log can match: they have no status, actor, case or due date."""
        return self.group is not Group.BEHAVIOUR and (self.status, self.actor, self.case, self.overdue) == (None,) * 4


@dataclass(frozen=True, slots=True)
class LogFinding:
    """A finding about the log itself: evidence that stands by itself."""

    id: str
    log: LogName
    kind: str
    source: str
    first_number: int
    last_number: int
    position: int | None
    found_at: datetime


@dataclass(frozen=True, slots=True)
class FindingEntry:
    """An entry that a finding rests on."""

    position: int
    happened_at: datetime
    kind: str
    case: CaseRef | None
    permitted: bool | None


LOG_FINDING: Final = re.compile(r"log-([1-9][0-9]{0,17})")
"""The id of a finding about the log."""
_LOG_COLUMNS: Final = "'log-' || id AS id, log, kind, source, first_number, last_number, position, found_at"


class FindingReader:
    """Reads findings; nothing here writes. Who may see them was decided before."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def find(
        self, log: LogName, search: FindingSearch, *, before: tuple[datetime, str] | None, limit: int
    ) -> list[PatternFinding | LogFinding]:
        """Return findings of one log that match, the newest first; of both kinds."""
        both: list[PatternFinding | LogFinding] = []
        if search.group is not Group.INTEGRITY:
            both += await self._behaviour(log, search, before, limit)
        if search.integrity_too:
            both += await self._integrity(log, search, before, limit)
        return sorted(both, key=key_of, reverse=True)[:limit]

    async def one(self, finding: FindingRef) -> PatternFinding:
        """Return a finding about behaviour.

        Raises:
            NoSuchFindingError: there is none.
        """
        row = await self._pool.fetchrow(f"SELECT {COLUMNS} FROM pattern_findings WHERE finding = $1", finding)  # noqa: S608
        if row is None:
            raise NoSuchFindingError
        return found(row)

    async def about_log(self, number: int) -> LogFinding:
        """Return a finding about the log itself.

        Raises:
            NoSuchFindingError: there is none.
        """
        row = await self._pool.fetchrow(f"SELECT {_LOG_COLUMNS} FROM findings WHERE id = $1", number)  # noqa: S608
        if row is None:
            raise NoSuchFindingError
        return LogFinding(*row.values())

    async def entries(self, finding: FindingRef, *, before: int | None, limit: int) -> list[FindingEntry]:
        """Return the entries that a finding rests on, at positions under `before`, the newest first."""
        rows = await self._pool.fetch(
            "SELECT f.position, f.happened_at, coalesce(e.kind, 'pruned') AS kind, f.case_ref, e.permitted"
            " FROM pattern_finding_entries f LEFT JOIN entries e ON (e.log, e.position) = (f.log, f.position)"
            " WHERE f.finding = $1 AND ($2::bigint IS NULL OR f.position < $2) ORDER BY f.position DESC LIMIT $3",
            finding,
            before,
            limit,
        )
        return [FindingEntry(*row.values()) for row in rows]

    async def count_open(self, log: LogName) -> dict[Pattern, tuple[int, int]]:
        """Return how many findings of each pattern are open in the log, and how many of those have something overdue."""
        async with self._pool.acquire() as conn:
            return await count_open(conn, log)

    async def _behaviour(
        self, log: LogName, search: FindingSearch, before: tuple[datetime, str] | None, limit: int
    ) -> list[PatternFinding]:
        rows = await self._pool.fetch(
            f"SELECT {COLUMNS} FROM pattern_findings f WHERE log = $1"  # noqa: S608
            " AND ($2::text IS NULL OR pattern = $2) AND ($3::text IS NULL OR status = $3) AND ($4::text IS NULL OR actor = $4)"
            " AND ($5::text IS NULL OR EXISTS (SELECT FROM pattern_finding_entries e"
            " WHERE e.case_ref = $5 AND e.finding = f.finding))"
            " AND ($6::boolean IS NULL OR (status = 'open' AND overdue <> '{}') = $6)"
            " AND ($7::timestamptz IS NULL OR raised_at >= $7) AND ($8::timestamptz IS NULL OR raised_at < $8)"
            ' AND ($9::timestamptz IS NULL OR (raised_at, finding COLLATE "C") < ($9, $10))'
            ' ORDER BY raised_at DESC, finding COLLATE "C" DESC LIMIT $11',
            log,
            search.pattern,
            search.status,
            search.actor,
            search.case,
            search.overdue,
            search.since,
            search.until,
            None if before is None else before[0],
            None if before is None else before[1],
            limit,
        )
        return [found(row) for row in rows]

    async def _integrity(
        self, log: LogName, search: FindingSearch, before: tuple[datetime, str] | None, limit: int
    ) -> list[LogFinding]:
        rows = await self._pool.fetch(
            f"SELECT {_LOG_COLUMNS} FROM findings WHERE log = $1 AND ($2::text IS NULL OR kind = $2)"  # noqa: S608
            " AND ($3::timestamptz IS NULL OR found_at >= $3) AND ($4::timestamptz IS NULL OR found_at < $4)"
            " AND ($5::timestamptz IS NULL OR (found_at, ('log-' || id) COLLATE \"C\") < ($5, $6))"
            " ORDER BY found_at DESC, ('log-' || id) COLLATE \"C\" DESC LIMIT $7",
            log,
            search.pattern,
            search.since,
            search.until,
            None if before is None else before[0],
            None if before is None else before[1],
            limit,
        )
        return [LogFinding(*row.values()) for row in rows]


def key_of(finding: PatternFinding | LogFinding) -> tuple[datetime, str]:
    """Return what findings of both kinds are ordered by."""
    if isinstance(finding, LogFinding):
        return finding.found_at, finding.id
    return finding.raised_at, finding.finding
