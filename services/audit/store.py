"""SQL of the write side beside the batches: positions, findings, holes, seals. Every function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.audit.domain.entry import LogName, Seal
from services.audit.domain.log import Finding
from shared.db import Connection
from shared.merkle import Frontier
from shared.refs import LogScope

Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""


async def read_positions(conn: Connection, partitions: Iterable[Partition]) -> dict[Partition, int]:
    """Return the next offset to take of each partition; a new partition begins at 0."""
    wanted = sorted(partitions)
    topics, numbers = [topic for topic, _ in wanted], [number for _, number in wanted]
    await conn.execute(
        "INSERT INTO positions (topic, partition, next_offset) SELECT topic, partition, 0"
        " FROM unnest($1::text[], $2::int[]) AS p (topic, partition) ON CONFLICT DO NOTHING",
        topics,
        numbers,
    )
    rows = await conn.fetch(
        "SELECT topic, partition, next_offset FROM positions"
        " JOIN unnest($1::text[], $2::int[]) AS p (topic, partition) USING (topic, partition)",
        topics,
        numbers,
    )
    return {(row["topic"], row["partition"]): row["next_offset"] for row in rows}


async def add_findings(conn: Connection, log: LogName, findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """Write the findings and return those that were not known."""
    rows = await conn.fetch(
        "INSERT INTO findings (log, kind, source, subject, first_number, last_number, position, found_at)"
        " SELECT $1, kind, source, subject, first, last, position, $8"
        " FROM unnest($2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[])"
        "   AS f (kind, source, subject, first, last, position)"
        " ON CONFLICT DO NOTHING RETURNING kind, source, subject, first_number, last_number, position",
        log,
        [found.kind.value for found in findings],
        [found.source for found in findings],
        [found.subject for found in findings],
        [found.first for found in findings],
        [found.last for found in findings],
        [found.position for found in findings],
        now,
    )
    fresh = {tuple(row) for row in rows}
    return [
        found
        for found in findings
        if (found.kind.value, found.source, found.subject, found.first, found.last, found.position) in fresh
    ]


async def count_findings(conn: Connection) -> dict[str, int]:
    """Return how many findings of each kind there are."""
    rows = await conn.fetch("SELECT kind, count(*) AS found FROM findings GROUP BY kind")
    return {row["kind"]: row["found"] for row in rows}


# --- what is looked at afterwards: holes and seals --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Announceable:
    """A log with a checkpoint that could be published as an event."""

    log: LogScope
    origin: str
    size: int
    root: bytes
    note: str
    heard: int


@dataclass(frozen=True, slots=True)
class PendingSeal:
    """A seal that has not been compared, and how far its journal's records have been hashed in the order of their numbers."""

    log: LogName
    source: str
    position: int
    seal: Seal
    checked: Frontier


async def announceable(conn: Connection) -> list[Announceable]:
    """Return every log of a municipality with its newest checkpoint."""
    rows = await conn.fetch(
        "SELECT logs.log, logs.origin, logs.heard, c.size, c.root, c.note FROM logs"
        " JOIN checkpoints c ON (c.log, c.size) = (logs.log, logs.size) WHERE logs.log <> 'unparsable' ORDER BY logs.log"
    )
    return [
        Announceable(LogScope(row["log"]), row["origin"], row["size"], row["root"], row["note"], row["heard"])
        for row in rows
    ]


async def seen_numbers(
    conn: Connection, log: LogName | None = None
) -> dict[tuple[LogName, str], list[tuple[int, int]]]:
    """Return, for each source of one log or of all, the numbers held, as (first, last) ranges in ascending order."""
    rows = await conn.fetch(
        "SELECT log, source, lower(held) AS first, upper(held) - 1 AS last"
        " FROM journals CROSS JOIN LATERAL unnest(numbers) AS held"
        " WHERE $1::text IS NULL OR log = $1 ORDER BY log, source, first",
        log,
    )
    seen: dict[tuple[LogName, str], list[tuple[int, int]]] = {}
    for row in rows:
        seen.setdefault((LogName(row["log"]), row["source"]), []).append((row["first"], row["last"]))
    return seen


async def broken_subjects(conn: Connection) -> dict[tuple[LogName, str, str], list[tuple[int, int]]]:
    """Return, for each subject of which an event is missing, the numbers held, as (first, last) ranges in ascending order."""
    rows = await conn.fetch(
        "SELECT log, source, subject, lower(held) AS first, upper(held) - 1 AS last"
        " FROM subjects CROSS JOIN LATERAL unnest(numbers) AS held WHERE NOT whole ORDER BY log, source, subject, first"
    )
    broken: dict[tuple[LogName, str, str], list[tuple[int, int]]] = {}
    for row in rows:
        key = (LogName(row["log"]), row["source"], row["subject"])
        broken.setdefault(key, []).append((row["first"], row["last"]))
    return broken


async def broken_lanes(conn: Connection) -> dict[tuple[LogName, str, str], tuple[list[tuple[int, int]], int]]:
    """Return, for each lane of which a record is missing, the numbers held, as `broken_subjects` does, and how far it goes."""
    rows = await conn.fetch(
        "SELECT log, source, lane, told, lower(held) AS first, upper(held) - 1 AS last"
        " FROM lanes LEFT JOIN LATERAL unnest(numbers) AS held ON true WHERE NOT whole ORDER BY log, source, lane, first"
    )
    broken: dict[tuple[LogName, str, str], tuple[list[tuple[int, int]], int]] = {}
    for row in rows:
        ranges, _ = broken.setdefault((LogName(row["log"]), row["source"], row["lane"]), ([], row["told"]))
        if row["first"] is not None:
            ranges.append((row["first"], row["last"]))
    return broken


IDS_AT_ONCE: Final = 5000


async def unchecked_ids(conn: Connection) -> list[tuple[LogName, int, int]]:
    """Return, for each log, from which position to which (excluded) its event ids are to be looked at now."""
    rows = await conn.fetch(
        "SELECT logs.log, coalesce(c.size, 0) AS first, least(logs.size, coalesce(c.size, 0) + $1) AS past"
        " FROM logs LEFT JOIN id_checks c USING (log) WHERE logs.size > coalesce(c.size, 0) ORDER BY logs.log",
        IDS_AT_ONCE,
    )
    return [(LogName(row["log"]), row["first"], row["past"]) for row in rows]


async def reused_ids(conn: Connection, log: LogName, first: int, end: int) -> list[tuple[str, int, int]]:
    """Return (source, number, position) of the entries from `first` to `end` whose id an earlier entry has, and no finding yet."""
    rows = await conn.fetch(
        "SELECT e.source, coalesce(e.number, 0) AS number, e.position FROM entries e CROSS JOIN LATERAL ("
        "   SELECT FROM entries b WHERE (b.log, b.source, b.event_id) = (e.log, e.source, e.event_id)"
        "   AND b.position < e.position LIMIT 1) AS before"
        " WHERE e.log = $1 AND e.position >= $2 AND e.position < $3 AND e.event_id IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM findings f WHERE (f.log, f.kind, f.source) = (e.log, 'id-reused', e.source)"
        "   AND f.position <= e.position AND coalesce(e.number, 0) BETWEEN f.first_number AND f.last_number)"
        " ORDER BY e.position",
        log,
        first,
        end,
    )
    return [(row["source"], row["number"], row["position"]) for row in rows]


async def save_id_check(conn: Connection, log: LogName, size: int) -> None:
    """Remember how far a log's event ids were looked at."""
    await conn.execute(
        "INSERT INTO id_checks AS c (log, size) VALUES ($1, $2) ON CONFLICT (log) DO UPDATE SET size = excluded.size"
        " WHERE c.size < excluded.size",
        log,
        size,
    )


async def next_seals(conn: Connection) -> list[PendingSeal]:
    """Return, for each journal, the first seal that can be compared now: the log holds every number that it covers."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (j.log, j.source) j.log, j.source, j.checked_size, j.checked_frontier, s.position, s.last_number,"
        " s.root FROM journals j JOIN seals s USING (log, source)"
        " WHERE j.numbers @> int8range(1, s.last_number, '[]')"
        " AND NOT EXISTS (SELECT FROM seal_checks c WHERE (c.log, c.position) = (s.log, s.position))"
        " ORDER BY j.log, j.source, s.last_number, s.position"
    )
    return [
        PendingSeal(
            log=LogName(row["log"]),
            source=row["source"],
            position=row["position"],
            seal=Seal(row["last_number"], row["root"]),
            checked=Frontier.unpack(row["checked_size"], row["checked_frontier"]),
        )
        for row in rows
    ]


async def numbered_leaves(conn: Connection, log: LogName, source: str, first: int, last: int) -> list[bytes]:
    """Return the leaf hashes of the records with these numbers, in the order of the numbers; of a number used twice, the first."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (number) hash FROM ("
        " SELECT number, position, sha256('\\x00'::bytea || leaf) AS hash FROM entries"
        "  WHERE log = $1 AND source = $2 AND number BETWEEN $3 AND $4"
        " UNION ALL SELECT number, position, hash FROM pruned_entries"
        "  WHERE log = $1 AND source = $2 AND number BETWEEN $3 AND $4"
        ") held ORDER BY number, position",
        log,
        source,
        first,
        last,
    )
    return [row["hash"] for row in rows]


async def checked_journal(conn: Connection, log: LogName, source: str) -> Frontier:
    """Return how far a service's records have been hashed in the order of their numbers."""
    row = await conn.fetchrow(
        "SELECT checked_size, checked_frontier FROM journals WHERE log = $1 AND source = $2", log, source
    )
    return Frontier() if row is None else Frontier.unpack(row["checked_size"], row["checked_frontier"])


async def save_check(conn: Connection, pending: PendingSeal, checked: Frontier, now: datetime, *, agrees: bool) -> bool:
    """Write the outcome of a comparison; False if another instance has written it already."""
    written = await conn.fetchval(
        "INSERT INTO seal_checks (log, position, agrees, checked_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING RETURNING true",
        pending.log,
        pending.position,
        agrees,
        now,
    )
    await conn.execute(
        "UPDATE journals SET checked_size = $3, checked_frontier = $4 WHERE log = $1 AND source = $2 AND checked_size < $3",
        pending.log,
        pending.source,
        checked.size,
        checked.pack(),
    )
    return bool(written)
