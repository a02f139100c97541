"""SQL of one batch: what it locks, what of it the logs have, and what it adds. One statement for all logs in it, not one each.

Every function runs in the batch's transaction. A batch of many small municipalities costs as many round trips as one of a
single large one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final, NamedTuple

from services.audit.batch import Group
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import LogName
from services.audit.domain.keys import Announcement
from services.audit.domain.tiles import WIDTH, FullTile, Head, Slice
from services.audit.rows import COLUMNS, microseconds, stream
from services.audit.store import Partition
from shared.db import Connection
from shared.merkle import Frontier, split


class Event(NamedTuple):
    """An event, by what makes it one."""

    log: LogName
    source: str
    id: str


@dataclass(frozen=True, slots=True)
class StoredLog:
    """A log's head as it is stored, and the root of the checkpoint signed for this size (None where there is none)."""

    origin: str
    """Its name in its checkpoints, for ever."""
    head: Head
    heard: int
    signed_root: bytes | None
    signed_size: int
    """The size of the largest checkpoint that was signed for it."""
    keys: tuple[Announcement, ...]
    """The keys that were announced for it, the oldest first."""


@dataclass(frozen=True, slots=True)
class Growth:
    """What a batch adds to one log."""

    log: LogName
    first: int
    """The position of the first new entry."""
    group: Group
    """The new entries."""
    head: Head
    """After them."""
    heard: int
    tiles: Sequence[FullTile]
    checkpoint: Checkpoint


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


async def lock_logs(conn: Connection, origins: Mapping[LogName, str]) -> dict[LogName, StoredLog]:
    """Return the heads of the logs, locked until the transaction ends; a log that was not there begins empty.

    Always in the order of their names, so that two instances never wait for each other.
    """
    names = sorted(origins)
    rows = await conn.fetch(_LOCK, names)
    if len(rows) != len(names):
        await conn.execute(
            "INSERT INTO logs (log, origin) SELECT * FROM unnest($1::text[], $2::text[]) ON CONFLICT DO NOTHING",
            names,
            [origins[name] for name in names],
        )
        rows = await conn.fetch(_LOCK, names)
    if len(rows) != len(names):
        raise LookupError("a log can be neither made nor read")
    # A statement of its own: what is joined to a row that had to be waited for is as old as the statement, the row is not.
    signed = await conn.fetch(_SIGNED, names, [row["size"] for row in rows])
    return {
        LogName(row["log"]): StoredLog(
            row["origin"],
            Head(Frontier.unpack(row["size"], row["frontier"]), split(row["edge"])),
            row["heard"],
            last["root"],
            last["largest"],
            tuple(Announcement(*key) for key in last["keys"]),
        )
        for row, last in zip(rows, signed, strict=True)
    }


_LOCK: Final = (
    "SELECT log, origin, size, frontier, edge, heard FROM logs"
    ' WHERE log = ANY ($1::text[]) ORDER BY log COLLATE "C" FOR UPDATE'
)
_SIGNED: Final = """
SELECT (SELECT root FROM checkpoints c WHERE (c.log, c.size) = (l.log, l.size)) AS root,
       coalesce((SELECT max(size) FROM checkpoints c WHERE c.log = l.log), 0) AS largest,
       array(SELECT (vkey, since, previous_until) FROM signing_keys k WHERE k.log = l.log ORDER BY number) AS keys
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS l (log, size, nth) ORDER BY nth
"""


async def pruned_events(conn: Connection, records: Mapping[Event, tuple[int, bytes]]) -> dict[Event, set[bytes]]:
    """Return those of the records (by event: number and leaf hash) that the logs had and the retention policy has removed."""
    if not records:
        return {}
    rows = await conn.fetch(
        "SELECT k.nth, p.hash"
        " FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bytea[]) WITH ORDINALITY AS k (log, source, number, hash, nth)"
        " JOIN pruned_entries p ON (p.log, p.source, p.number, p.hash) = (k.log, k.source, k.number, k.hash)",
        [event.log for event in records],
        [event.source for event in records],
        [number for number, _ in records.values()],
        [leaf_hash for _, leaf_hash in records.values()],
    )
    asked = list(records)
    return {asked[row["nth"] - 1]: {row["hash"]} for row in rows}


async def known_events(conn: Connection, events: Collection[Event]) -> dict[Event, set[bytes]]:
    """Return the leaf hashes of the entries that the logs have of these events."""
    if not events:
        return {}
    rows = await conn.fetch(
        "SELECT e.log, e.source, e.event_id::text, sha256('\\x00'::bytea || e.leaf) AS hash"
        " FROM unnest($1::text[], $2::text[], $3::uuid[]) AS k (log, source, event_id)"
        " JOIN entries e ON (e.log, e.source, e.event_id) = (k.log, k.source, k.event_id)",
        [event.log for event in events],
        [event.source for event in events],
        [event.id for event in events],
    )
    found: dict[Event, set[bytes]] = {}
    for row in rows:
        found.setdefault(Event(row["log"], row["source"], row["event_id"]), set()).add(row["hash"])
    return found


async def tile_roots(conn: Connection, wanted: Sequence[tuple[LogName, int, Slice]]) -> list[tuple[bytes, ...]]:
    """Return the hashes that each (log, level, part) of level 1 or more has: the roots of the full tiles one level below."""
    if not any(part.width for _, _, part in wanted):
        return [() for _ in wanted]
    rows = await conn.fetch(
        "SELECT w.nth, t.root FROM unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[])"
        " WITH ORDINALITY AS w (log, level, first, past, nth)"
        " JOIN tiles t ON t.log = w.log AND t.level = w.level AND t.tile >= w.first AND t.tile < w.past"
        " ORDER BY w.nth, t.tile",
        [log for log, _, _ in wanted],
        [level - 1 for _, level, _ in wanted],
        [part.number * WIDTH for _, _, part in wanted],
        [part.number * WIDTH + part.width for _, _, part in wanted],
    )
    roots: list[list[bytes]] = [[] for _ in wanted]
    for row in rows:
        roots[row["nth"] - 1].append(row["root"])
    return [tuple(each) for each in roots]


@dataclass(frozen=True, slots=True)
class Addition:
    """Entries on their way into a log, at the positions from `first` on."""

    first: int
    group: Group


async def add_entries(conn: Connection, additions: Iterable[Addition], now: datetime) -> None:
    """Copy the entries in; what is longer than an entry may be, beside them."""
    added = tuple(additions)
    await conn.copy_to_table("entries", source=stream(_placed(added, now)), columns=COLUMNS, format="binary")
    for body in [body for each in added for body in each.group.noted.oversize]:
        await conn.execute(
            "INSERT INTO oversize (sha256, body) VALUES ($1, $2) ON CONFLICT DO NOTHING", sha256(body).digest(), body
        )


def _placed(additions: Iterable[Addition], now: datetime) -> Iterator[bytes]:
    logged = microseconds(now)
    for each in additions:
        first = each.first
        for rows in each.group.rows:
            yield from rows.placed(first, logged)
            first += len(rows)


async def add_tiles(conn: Connection, growths: Iterable[Growth]) -> None:
    """Copy the full tiles in."""
    rows = [
        (growth.log, tile.address.level, tile.address.number, tile.hashes, tile.root)
        for growth in growths
        for tile in growth.tiles
    ]
    if rows:
        await conn.copy_records_to_table("tiles", columns=("log", "level", "tile", "hashes", "root"), records=rows)


async def save_heads(conn: Connection, growths: Sequence[Growth]) -> None:
    """Write the heads of logs that `lock_logs` locked."""
    await conn.execute(
        "UPDATE logs SET size = g.size, frontier = g.frontier, edge = g.edge, heard = g.heard"
        " FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::bytea[], $5::bigint[])"
        " AS g (log, size, frontier, edge, heard) WHERE logs.log = g.log",
        [growth.log for growth in growths],
        [growth.head.frontier.size for growth in growths],
        [growth.head.frontier.pack() for growth in growths],
        [b"".join(growth.head.edge) for growth in growths],
        [growth.heard for growth in growths],
    )


async def add_checkpoints(conn: Connection, growths: Sequence[Growth], notes: Sequence[str], now: datetime) -> None:
    """Write the checkpoints. A second one for the same size is refused by the table."""
    await conn.execute(
        "INSERT INTO checkpoints (log, size, root, note, signed_at)"
        " SELECT log, size, root, note, $5 FROM unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[])"
        " AS c (log, size, root, note)",
        [growth.log for growth in growths],
        [growth.checkpoint.size for growth in growths],
        [growth.checkpoint.root for growth in growths],
        notes,
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


SealRow = tuple[LogName, str, int, int, bytes]
"""A log, a source, the position of its seal, and what that says: the last number and the root."""


def seals_in(growths: Iterable[Growth]) -> list[SealRow]:
    """Return what the services say of their journals in the new entries."""
    return [
        (growth.log, each.source, growth.first + each.at, each.seal.last_number, each.seal.root)
        for growth in growths
        for each in growth.group.noted.seals
    ]


async def add_seals(conn: Connection, seals: Sequence[SealRow]) -> None:
    """Remember what the services said of their journals."""
    if seals:
        await conn.copy_records_to_table(
            "seals", columns=("log", "source", "position", "last_number", "root"), records=seals
        )
