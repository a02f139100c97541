"""What entries are found by, compared with their leaves: SQL of the subsequent control, which every log goes through every day.

`services.audit.domain.columns` says what is compared, and what cannot be. How far each log was compared stands in the database, as
the entries do; whoever changes these can change that too, so it is believed for a day at most, and
`lagspill verify --database --columns` asks nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from services.audit.domain.columns import Columns, columns_of, differing
from services.audit.domain.entry import LogName
from services.audit.domain.log import COLUMN, Finding, FindingKind
from shared.db import Connection

AGAIN: Final = timedelta(days=1)
"""How long after it began a log is gone through again, by the rules' clock."""
AT_ONCE: Final = 1000
"""Entries of one look, of which there is one a second: ten million take three hours, and a fortieth of a core."""
TOLD: Final = 20
"""Findings of one look that are told, the first ones: each becomes an entry, and whoever has changed more is known by these."""
_BETWEEN: Final = 100
"""Entries between which others have their turn."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as it is stored: what it is found by, and its leaf."""

    position: int
    leaf: bytes
    columns: Columns
    as_logged: bool
    """Whether `happened_at` is the moment at which it was logged."""

    def differing(self) -> list[str]:
        """Return the names of the columns that are not what the leaf says."""
        return differing(self.columns, self.leaf, as_logged=self.as_logged)


@dataclass(frozen=True, slots=True)
class Compared:
    """What one look has come to."""

    log: LogName
    positions: int
    """How many were gone over; what the policy has pruned is not there to be compared."""
    findings: Sequence[Finding]


async def compare_next(conn: Connection, now: datetime) -> Compared | None:
    """Compare the next entries of the log whose turn it is, and remember how far that is; None if nothing is to be compared now.

    To be called in a transaction of the caller's, which writes down the findings. Two instances may compare the same, and find it.
    """
    due = await conn.fetchrow(_DUE, now, now - AGAIN)
    if due is None:
        return None
    log, size, anew = LogName(due["log"]), due["size"], due["anew"]
    first = 0 if anew else due["position"]
    # The pieces have the same ends each time, so that the same entries are told.
    end = min((first // AT_ONCE + 1) * AT_ONCE, size)
    # Before anything is read: whoever holds the table holds this up, and what is read is as it is afterwards.
    await conn.execute(_LOOKED, log, end, now, anew, end == size)
    rows = await read_rows(conn, log, first, end)
    found: list[Finding] = []
    for at in range(0, len(rows), _BETWEEN):
        found += _findings(rows[at : at + _BETWEEN])
        await asyncio.sleep(0)
    return Compared(log, end - first, found[:TOLD])


async def read_rows(conn: Connection, log: LogName, first: int, end: int) -> list[Row]:
    """Return the entries at the positions from `first` to before `end`, in their order; those that are there."""
    return [
        Row(position, leaf, Columns(*columns), as_logged)
        for position, leaf, as_logged, *columns in await conn.fetch(_ROWS, log, first, end)
    ]


def _findings(rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        for name in row.differing():
            said = columns_of(row.columns.log, row.leaf)
            number = said.number or 0
            yield Finding(
                kind=FindingKind.INDEX_DAMAGED,
                source=said.source or "",
                first=number,
                last=number,
                position=row.position,
                subject=COLUMN + name,
            )


_DUE: Final = """
SELECT log, size, position, anew
FROM (
    SELECT logs.log, logs.size, coalesce(c.position, 0) AS position, c.looked_at,
           c.log IS NULL OR ((c.whole OR c.position >= logs.size) AND c.begun_at NOT BETWEEN $2 AND $1) AS anew
    FROM logs LEFT JOIN column_checks c USING (log) WHERE logs.size > 0
) AS each
WHERE anew OR position < size
ORDER BY looked_at NULLS FIRST, log LIMIT 1
"""
_LOOKED: Final = """
INSERT INTO column_checks AS c (log, position, begun_at, whole, looked_at) VALUES ($1, $2, $3, $5, clock_timestamp())
ON CONFLICT (log) DO UPDATE SET position = $2, begun_at = CASE WHEN $4 THEN $3 ELSE c.begun_at END,
    whole = $5 OR (c.whole AND NOT $4), looked_at = clock_timestamp()
"""
"""Whose turn it is goes by the server's time: the rules' clock may stand still."""
_ROWS: Final = """
SELECT position, leaf, happened_at = logged_at AS as_logged, log,
       CASE WHEN happened_at BETWEEN '0001-01-01 00:00:00+00' AND '9999-12-31 23:59:59.999999+00' THEN happened_at END,
       kind, type, source, event_id::text, number, case_ref, actor, organisation, unit, basis, consent, meeting, permitted
FROM entries WHERE log = $1 AND position >= $2 AND position < $3 ORDER BY position
"""
