"""SQL of the write side: positions, the head of a log, and what is added to it. Every function runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import Entry, LogName, Seal
from services.audit.domain.keys import Announcement
from services.audit.domain.log import Finding
from services.audit.domain.tiles import WIDTH, FullTile, Head, Slice
from shared.db import Connection
from shared.merkle import Frontier, split
from shared.refs import LogScope

Partition = tuple[str, int]
"""A topic and the number of one of its partitions."""
Number = tuple[str, int]
"""A source and one of its sourcesequence numbers."""
EventKey = tuple[str, UUID]
"""A source and one of its event ids."""


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log's head as it is stored, and the root of the checkpoint signed for this size (None while the log is empty)."""

    head: Head
    heard: int
    signed_root: bytes | None
    keys: tuple[Announcement, ...]
    """The keys that were announced for it, the oldest first."""


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


async def advance(conn: Connection, steps: Mapping[Partition, tuple[int, int]]) -> bool:
    """Move each partition's position from the first number to the second; False, and nothing moved, if one is not there."""
    ordered = sorted(steps.items())
    topics, numbers = [partition[0] for partition, _ in ordered], [partition[1] for partition, _ in ordered]
    rows = await conn.fetch(
        "SELECT next_offset FROM positions JOIN unnest($1::text[], $2::int[]) AS p (topic, partition)"
        ' USING (topic, partition) ORDER BY topic COLLATE "C", partition FOR UPDATE OF positions',
        topics,
        numbers,
    )
    if [row["next_offset"] for row in rows] != [expected for _, (expected, _) in ordered]:
        return False
    await conn.execute(
        "UPDATE positions SET next_offset = p.next FROM unnest($1::text[], $2::int[], $3::bigint[])"
        " AS p (topic, partition, next) WHERE (positions.topic, positions.partition) = (p.topic, p.partition)",
        topics,
        numbers,
        [then for _, (_, then) in ordered],
    )
    return True


async def lock_log(conn: Connection, log: LogName, origin: str) -> StoredLog:
    """Return the head of the log, locked until the transaction ends; a log that was not there begins empty."""
    row = await conn.fetchrow(_LOCK_LOG, log)
    if row is None:
        await conn.execute("INSERT INTO logs (log, origin) VALUES ($1, $2) ON CONFLICT DO NOTHING", log, origin)
        row = await conn.fetchrow(_LOCK_LOG, log)
    if row is None:
        raise LookupError(f"the log {log} can be neither made nor read")
    head = Head(Frontier.unpack(row["size"], row["frontier"]), split(row["edge"]))
    # A statement of its own: what is joined to a row that had to be waited for is as old as the statement, the row is not.
    signed = await conn.fetchrow(_SIGNED, log, row["size"])
    root, keys = (None, ()) if signed is None else (signed["root"], signed["keys"])
    return StoredLog(head, row["heard"], root, tuple(Announcement(*key) for key in keys))


_SIGNED: Final = """
SELECT (SELECT root FROM checkpoints WHERE log = $1 AND size = $2) AS root,
       array(SELECT (vkey, since, previous_until) FROM signing_keys WHERE log = $1 ORDER BY number) AS keys
"""
_LOCK_LOG: Final = "SELECT size, frontier, edge, heard FROM logs WHERE log = $1 FOR UPDATE"


async def known_events(conn: Connection, log: LogName, keys: Sequence[EventKey]) -> dict[EventKey, set[bytes]]:
    """Return the leaf hashes of the entries that the log has of each of these events."""
    rows = await conn.fetch(
        "SELECT e.source, e.event_id, sha256('\\x00'::bytea || e.leaf) AS hash"
        " FROM unnest($2::text[], $3::uuid[]) AS k (source, event_id)"
        " JOIN entries e ON (e.log, e.source, e.event_id) = ($1, k.source, k.event_id)",
        log,
        [source for source, _ in keys],
        [event_id for _, event_id in keys],
    )
    found: dict[EventKey, set[bytes]] = {}
    for row in rows:
        found.setdefault((row["source"], row["event_id"]), set()).add(row["hash"])
    return found


async def known_numbers(conn: Connection, log: LogName, numbers: Sequence[Number]) -> set[Number]:
    """Return those of the numbers that the log has already."""
    rows = await conn.fetch(
        "SELECT source, number FROM unnest($2::text[], $3::bigint[]) AS n (source, number)"
        " JOIN journals USING (source) WHERE journals.log = $1 AND journals.numbers @> n.number",
        log,
        [source for source, _ in numbers],
        [number for _, number in numbers],
    )
    return {(row["source"], row["number"]) for row in rows}


async def tile_roots(conn: Connection, log: LogName, level: int, part: Slice) -> tuple[bytes, ...]:
    """Return the first `part.width` hashes of a tile of `level` (1 or more): the roots of the full tiles one level below."""
    first = part.number * WIDTH
    rows = await conn.fetch(
        "SELECT root FROM tiles WHERE log = $1 AND level = $2 AND tile >= $3 AND tile < $4 ORDER BY tile",
        log,
        level - 1,
        first,
        first + part.width,
    )
    return tuple(row["root"] for row in rows)


_ENTRY_COLUMNS = (
    "log", "position", "logged_at", "leaf", "topic", "partition", "record_offset", "happened_at", "kind", "type", "source",
    "event_id", "number", "case_ref", "actor", "organisation", "unit", "basis", "consent", "meeting", "permitted",
)  # fmt: skip


async def add_entries(conn: Connection, log: LogName, first: int, entries: Sequence[Entry], now: datetime) -> None:
    """Copy the entries in at the positions from `first` on; what is longer than an entry may be, beside them."""
    await conn.copy_records_to_table(
        "entries",
        columns=_ENTRY_COLUMNS,
        records=[
            (
                log, position, now, entry.leaf, entry.received.topic, entry.received.partition, entry.received.offset,
                entry.happened or now, entry.kind, entry.type, entry.source, entry.event_id, entry.number, entry.case,
                entry.actor, entry.organisation, entry.unit, entry.basis, entry.consent, entry.meeting, entry.permitted,
            )
            for position, entry in enumerate(entries, start=first)
        ],
    )  # fmt: skip
    for body in {entry.oversize for entry in entries if entry.oversize is not None}:
        await conn.execute(
            "INSERT INTO oversize (sha256, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", sha256(body).digest(), body
        )


async def add_tiles(conn: Connection, log: LogName, tiles: Sequence[FullTile]) -> None:
    """Copy the full tiles in."""
    if tiles:
        await conn.copy_records_to_table(
            "tiles",
            columns=("log", "level", "tile", "hashes", "root"),
            records=[(log, tile.address.level, tile.address.number, tile.hashes, tile.root) for tile in tiles],
        )


async def save_head(conn: Connection, log: LogName, head: Head, heard: int) -> None:
    """Write the head of a log that `lock_log` locked."""
    await conn.execute(
        "UPDATE logs SET size = $2, frontier = $3, edge = $4, heard = $5 WHERE log = $1",
        log,
        head.frontier.size,
        head.frontier.pack(),
        b"".join(head.edge),
        heard,
    )


async def add_checkpoint(conn: Connection, log: LogName, checkpoint: Checkpoint, note: str, now: datetime) -> None:
    """Write a checkpoint. A second one for the same size is refused by the table."""
    await conn.execute(
        "INSERT INTO checkpoints (log, size, root, note, signed_at) VALUES ($1, $2, $3, $4, $5)",
        log,
        checkpoint.size,
        checkpoint.root,
        note,
        now,
    )


async def add_key(conn: Connection, log: LogName, number: int, key: Announcement) -> None:
    """Write that a key signs the log from now on: its `number`-th."""
    await conn.execute(
        "INSERT INTO signing_keys (log, number, vkey, since, previous_until) VALUES ($1, $2, $3, $4, $5)",
        log,
        number,
        key.vkey,
        key.since,
        key.previous_until,
    )


async def add_numbers(conn: Connection, log: LogName, numbers: Sequence[Number]) -> None:
    """Remember these sourcesequence numbers as held by the log."""
    if numbers:
        await conn.execute(
            "INSERT INTO journals (log, source, numbers)"
            " SELECT $1, source, range_agg(int8range(number, number, '[]'))"
            " FROM unnest($2::text[], $3::bigint[]) AS n (source, number) GROUP BY source ORDER BY source"
            " ON CONFLICT (log, source) DO UPDATE SET numbers = journals.numbers + excluded.numbers",
            log,
            [source for source, _ in numbers],
            [number for _, number in numbers],
        )


async def add_seals(conn: Connection, log: LogName, seals: Sequence[tuple[str, int, Seal]]) -> None:
    """Remember what the services said of their journals: (source, position of the entry, seal)."""
    await conn.executemany(
        "INSERT INTO seals (log, source, position, last_number, root) VALUES ($1, $2, $3, $4, $5)",
        [(log, source, position, seal.last_number, seal.root) for source, position, seal in seals],
    )


async def add_findings(conn: Connection, log: LogName, findings: Sequence[Finding], now: datetime) -> list[Finding]:
    """Write the findings and return those that were not known."""
    fresh = []
    for found in findings:
        row = await conn.fetchrow(
            "INSERT INTO findings (log, kind, source, first_number, last_number, position, found_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING id",
            log,
            found.kind,
            found.source,
            found.first,
            found.last,
            found.position,
            now,
        )
        if row is not None:
            fresh.append(found)
    return fresh


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
        "SELECT DISTINCT ON (number) sha256('\\x00'::bytea || leaf) AS hash FROM entries"
        " WHERE log = $1 AND source = $2 AND number BETWEEN $3 AND $4 ORDER BY number, position",
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
