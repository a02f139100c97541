"""SQL of the read side: checkpoints, tiles, bundles, entries, proofs. Nothing here writes, and the role may not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.audit import store
from services.audit.direct import read_stray, read_tile
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.columns import columns_of
from services.audit.domain.entry import LogName
from services.audit.domain.keys import Announcement, KeyPeriod, periods
from services.audit.domain.note import Note
from services.audit.domain.proof import InclusionProof
from services.audit.domain.tiles import WIDTH, Slice, TileAddress, hash_of, holding, write_bundle
from services.audit.errors import EntriesPrunedError, NoSuchEntryError, NoSuchLogError
from services.audit.naming import Naming
from shared.db import Connection, Pool
from shared.merkle import EMPTY, HASH_SIZE, Frontier, Node, consistency_path, fold, inclusion_path, split, subtrees
from shared.refs import LogScope, is_protected


@dataclass(frozen=True, slots=True)
class SignedHead:
    """A log and its newest checkpoint."""

    log: LogName
    origin: str
    checkpoint: Checkpoint
    note: str
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry: the leaf, and what is read out of it, whatever the row has beside it."""

    log: LogName
    position: int
    logged_at: datetime
    happened_at: datetime
    kind: str
    type: str | None
    source: str | None
    event_id: UUID | None
    number: int | None
    case: str | None
    actor: str | None
    organisation: str | None
    unit: str | None
    basis: str | None
    consent: str | None
    meeting: str | None
    permitted: bool | None
    leaf: bytes


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for; a field that is None does not matter. Newest first."""

    case: str | None = None
    actor: str | None = None
    organisation: str | None = None
    unit: str | None = None
    kind: str | None = None
    type: str | None = None
    basis: str | None = None
    consent: str | None = None
    meeting: str | None = None
    permitted: bool | None = None
    since: datetime | None = None
    """Happened then or later."""
    until: datetime | None = None
    """Happened before then."""
    source: str | None = None
    kinds: tuple[str, ...] | None = None
    """Any of these."""
    logged_since: datetime | None = None
    """Came into the log then or later."""
    logged_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class HeldJournal:
    """What a log holds of one service's own journal."""

    source: str
    held: tuple[tuple[int, int], ...]
    """The numbers, as (first, last) ranges."""
    seals_agreeing: int
    seals_contradicting: int
    last_sealed: int | None


_ENTRY: Final = "log, position, logged_at, leaf"
"""The other columns are for finding an entry; what it says is read out of the leaf, which the tree vouches for."""
_EQUAL: Final = (
    *("case", "actor", "organisation", "unit", "kind", "type", "source", "basis", "consent", "meeting", "permitted"),
)
"""Fields of a search that must be equal; a column is named as its field, but for the case."""

_FURTHEST: Final = 2**54
"""No log has a tile of such a number, and the database no positions behind it."""
_WITHIN: Final = (
    ("since", "happened_at >="),
    ("until", "happened_at <"),
    ("logged_since", "logged_at >="),
    ("logged_until", "logged_at <"),
)


def selection(log: LogName, search: Search, first: int, after: int, order: str) -> tuple[str, list[object]]:
    """Return the query for the matches from `first` to before `after` in that order, and its arguments."""
    conditions, arguments = _where(log, search)
    arguments += [first, after]
    # Only names and numbers of this module are put into the text; every value is an argument.
    within = f"position >= ${len(arguments) - 1} AND position < ${len(arguments)}"
    return f"SELECT {_ENTRY} FROM entries WHERE {conditions} AND {within} ORDER BY {order}", arguments  # noqa: S608


def reach_of(log: LogName, search: Search) -> tuple[str, list[object]]:
    """Return the query for the first and the last position of a search's period, and its arguments."""
    conditions, arguments = _where(log, Search(since=search.since, until=search.until))
    # + 0: min and max of the plain column would be looked up in the order of positions, through the whole log.
    return f"SELECT min(position + 0) AS first, max(position + 0) AS last FROM entries WHERE {conditions}", arguments  # noqa: S608


def _where(log: LogName, search: Search) -> tuple[str, list[object]]:
    """Return the conditions of a search, and their arguments."""
    conditions = ["log = $1"]
    arguments: list[object] = [log]
    for name in _EQUAL:
        value = getattr(search, name)
        if isinstance(value, bool):
            # In the text, so that the planner knows the index of refusals.
            conditions.append(f"{name} = {str(value).lower()}")
        elif value is not None:
            arguments.append(value)
            conditions.append(f"{'case_ref' if name == 'case' else name} = ${len(arguments)}")
    for name, comparison in _WITHIN:
        if (moment := getattr(search, name)) is not None:
            arguments.append(moment)
            conditions.append(f"{comparison} ${len(arguments)}")
    if search.kinds is not None:
        arguments.append(list(search.kinds))
        conditions.append(f"kind = ANY (${len(arguments)}::text[])")
    return " AND ".join(conditions), arguments


class Reader:
    """Reads the logs."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def heads(self) -> list[SignedHead]:
        """Return every log that may be listed, with its newest checkpoint.

        An address-protected case has a log of its own. How many there are, and when they grow, would tell too much in a small
        municipality: such a log is found only by who knows its name.
        """
        rows = await self._pool.fetch(f"{_HEADS} ORDER BY logs.log")
        return [head for head in map(_head, rows) if not is_protected(LogScope(head.log))]

    async def name_of(self, log: LogName, naming: Naming) -> str:
        """Return what the log is called, or would be if it began now."""
        return await naming.of(self._pool, log)

    async def head(self, log: LogName) -> SignedHead:
        """Return the log's newest checkpoint.

        Raises:
            NoSuchLogError: there is no such log.
        """
        row = await self._pool.fetchrow(f"{_HEADS} WHERE logs.log = $1", log)
        if row is None:
            raise NoSuchLogError
        return _head(row)

    async def checkpoints(self, log: LogName, before: int | None, limit: int) -> list[SignedHead]:
        """Return the log's checkpoints of sizes under `before`, the largest first."""
        rows = await self._pool.fetch(
            "SELECT c.log, logs.origin, c.size, c.root, c.note, c.signed_at FROM checkpoints c JOIN logs USING (log)"
            " WHERE c.log = $1 AND ($2::bigint IS NULL OR c.size < $2) ORDER BY c.size DESC LIMIT $3",
            log,
            before,
            limit,
        )
        return [_head(row) for row in rows]

    async def keys(self, log: LogName) -> list[KeyPeriod]:
        """Return every key that the log was ever signed with, the oldest first.

        Raises:
            NoSuchLogError: there is no such log.
        """
        rows = await self._pool.fetch(
            "SELECT vkey, since, previous_until FROM signing_keys WHERE log = $1 ORDER BY number", log
        )
        if not rows:
            raise NoSuchLogError
        return periods([Announcement(*row) for row in rows])

    async def tile(self, log: LogName, level: int, part: Slice) -> bytes | None:
        """Return the tile, or its first `part.width` hashes; None if the log does not have so many."""
        if part.number >= _FURTHEST:
            return None
        async with self._pool.acquire() as connection:
            hashes = await _tile(connection, log, TileAddress(level, part.number))
        return b"".join(hashes[: part.width]) if len(hashes) >= part.width else None

    async def bundle(self, log: LogName, part: Slice) -> bytes | None:
        """Return the entries of a bundle that are there, in their order; None if none is.

        Raises:
            EntriesPrunedError: the policy removed them (tlog-tiles § Pruning).
        """
        if part.number >= _FURTHEST:
            return None
        first = part.number * WIDTH
        rows = await self._pool.fetch(
            "SELECT leaf FROM entries WHERE log = $1 AND position >= $2 AND position < $3 ORDER BY position",
            log,
            first,
            min(first + part.width, await self._signed_size(log)),
        )
        if not rows:
            await self._refuse_pruned(log, first)
        return write_bundle(row["leaf"] for row in rows) if rows else None

    async def entry(self, log: LogName, position: int) -> StoredEntry:
        """Return one entry.

        Raises:
            NoSuchEntryError: the log has none there that was signed.
            EntriesPrunedError: the policy removed it.
        """
        if position >= await self._signed_size(log):
            raise NoSuchEntryError
        row = await self._pool.fetchrow(f"SELECT {_ENTRY} FROM entries WHERE log = $1 AND position = $2", log, position)  # noqa: S608
        if row is None:
            await self._refuse_pruned(log, position)
            raise NoSuchEntryError
        return _entry(row)

    async def _refuse_pruned(self, log: LogName, position: int) -> None:
        found = await self._pool.fetchrow(
            "SELECT first, last, policy, rule FROM prunings WHERE log = $1 AND first <= $2 AND last >= $2"
            " ORDER BY first DESC LIMIT 1",
            log,
            position,
        )
        if found is not None:
            raise EntriesPrunedError(extensions=dict(found))

    async def _signed_size(self, log: LogName) -> int:
        """Return the size of the log's newest checkpoint: a row behind it was never signed and is no entry. 0 without a log.

        A batch's rows and its checkpoint are committed together, so that none of them is missed.
        """
        found: int | None = await self._pool.fetchval("SELECT max(size) FROM checkpoints WHERE log = $1", log)
        return found or 0

    async def stray(self, log: LogName) -> int | None:
        """Return the first position behind the log's end at which a row stands, which was never signed; None if none does."""
        async with self._pool.acquire() as connection:
            return await read_stray(connection, log)

    async def find(self, log: LogName, search: Search, *, before: int | None, limit: int) -> list[StoredEntry]:
        """Return entries that match, the newest first, at positions under `before`."""
        first, after = await self.reach(log, search)
        after = after if before is None else min(after, before)
        query, arguments = selection(log, search, first, after, f"position DESC LIMIT {limit:d}")
        return [_entry(row) for row in await self._pool.fetch(query, *arguments)]

    async def walk(self, log: LogName, search: Search, *, first: int, after: int, limit: int) -> list[StoredEntry]:
        """Return the first entries that match at the positions from `first` to before `after`, the oldest first."""
        query, arguments = selection(log, search, first, after, f"position LIMIT {limit:d}")
        return [_entry(row) for row in await self._pool.fetch(query, *arguments)]

    async def reach(self, log: LogName, search: Search) -> tuple[int, int]:
        """Return a first position and one behind the last, between which every match is that was signed.

        It is everything, but for a search that goes by time alone: that would read the log from its end.
        """
        size = await self._signed_size(log)
        if (search.since is None and search.until is None) or search.case is not None or search.actor is not None:
            return 0, size
        query, arguments = reach_of(log, search)
        row = await self._pool.fetchrow(query, *arguments)
        return (0, 0) if row is None or row["first"] is None else (row["first"], min(row["last"] + 1, size))

    async def proof(self, log: LogName, position: int, leaf: bytes, note: str | None = None) -> InclusionProof:
        """Return the proof that the entry is in the log, with the entry in it.

        Args:
            note: the signed checkpoint that it leads to; the newest one if left out.

        Raises:
            NoSuchLogError, NoSuchEntryError: the log, or the entry in it, does not exist.
        """
        signed = (await self.head(log)).note if note is None else note
        size = Checkpoint.parse(Note.parse(signed.encode()).text).size
        if position >= size:
            raise NoSuchEntryError
        hashes = await self._hashes(log, [subtrees(span) for span in inclusion_path(position, size)])
        return InclusionProof(position, hashes, signed, extra=leaf)

    async def consistency(self, log: LogName, old: int, new: int) -> tuple[bytes, ...]:
        """Return the proof that the log's tree of `new` leaves begins with that of `old` (RFC 6962 § 2.1.2).

        Raises:
            ValueError: `old` is not between 0 and `new`.
            NoSuchTileError: the log does not have so many, or a tile is missing.
        """
        return await self._hashes(log, [subtrees(span) for span in consistency_path(old, new)])

    async def _hashes(self, log: LogName, spans: Sequence[Sequence[Node]]) -> tuple[bytes, ...]:
        """Return the root over each span, given as its complete subtrees, left to right."""
        addresses = {holding(node)[0] for nodes in spans for node in nodes}
        async with self._pool.acquire() as connection:
            tiles = {address: await _tile(connection, log, address) for address in sorted(addresses)}
        return tuple(fold([hash_of(node, tiles) for node in nodes]) for nodes in spans)

    async def tiles(self, log: LogName, addresses: Iterable[TileAddress]) -> dict[TileAddress, tuple[bytes, ...]]:
        """Return the hashes of each tile, as many as there are by now."""
        async with self._pool.acquire() as connection:
            return {address: await _tile(connection, log, address) for address in addresses}

    async def signed_at_size(self, log: LogName, size: int) -> SignedHead:
        """Return the log's checkpoint of this size.

        Raises:
            NoSuchLogError: none was signed.
        """
        row = await self._pool.fetchrow(
            "SELECT c.log, logs.origin, c.size, c.root, c.note, c.signed_at FROM checkpoints c JOIN logs USING (log)"
            " WHERE c.log = $1 AND c.size = $2",
            log,
            size,
        )
        if row is None:
            raise NoSuchLogError
        return _head(row)

    async def journals(self, log: LogName) -> list[HeldJournal]:
        """Return what the log holds of each service's journal."""
        async with self._pool.acquire() as connection:
            seen = await store.seen_numbers(connection, log)
            rows = await connection.fetch(
                "SELECT s.source, max(s.last_number) AS last_sealed, count(*) FILTER (WHERE c.agrees) AS agreeing,"
                " count(*) FILTER (WHERE NOT c.agrees) AS contradicting"
                " FROM seals s LEFT JOIN seal_checks c USING (log, position) WHERE s.log = $1 GROUP BY s.source",
                log,
            )
        seals = {row["source"]: row for row in rows}
        return [
            HeldJournal(
                source=source,
                held=tuple(ranges),
                seals_agreeing=seals[source]["agreeing"] if source in seals else 0,
                seals_contradicting=seals[source]["contradicting"] if source in seals else 0,
                last_sealed=seals[source]["last_sealed"] if source in seals else None,
            )
            for (_, source), ranges in seen.items()
        ]

    async def journal_root(self, log: LogName, source: str, last: int) -> bytes | None:
        """Return the root over a service's records 1 to `last` as the log holds them; None if it does not hold them all."""
        async with self._pool.acquire() as connection:
            base = await store.checked_journal(connection, log, source)
            if base.size > last:
                base = EMPTY
            leaves = await store.numbered_leaves(connection, log, source, base.size + 1, last)
        tree: Frontier = base.append(leaves)
        return tree.root() if tree.size == last else None


async def _tile(conn: Connection, log: LogName, address: TileAddress) -> tuple[bytes, ...]:
    """Return the hashes of a tile, as many as there are: a full one as stored, else from the head's edge or the level below."""
    hashes = await read_tile(conn, log, address.level, address.number)
    return split(hashes[: len(hashes) // HASH_SIZE * HASH_SIZE])


_HEADS: Final = """
SELECT logs.log, logs.origin, c.size, c.root, c.note, c.signed_at
FROM logs CROSS JOIN LATERAL (SELECT * FROM checkpoints c WHERE c.log = logs.log ORDER BY c.size DESC LIMIT 1) c
"""


def _head(row: asyncpg.Record) -> SignedHead:
    checkpoint = Checkpoint(row["origin"], row["size"], row["root"])
    return SignedHead(LogName(row["log"]), row["origin"], checkpoint, row["note"], row["signed_at"])


def _entry(row: asyncpg.Record) -> StoredEntry:
    log, logged_at = LogName(row["log"]), row["logged_at"]
    said = columns_of(log, row["leaf"])
    return StoredEntry(
        log=log,
        position=row["position"],
        logged_at=logged_at,
        happened_at=logged_at if said.happened_at is None else said.happened_at,
        kind=said.kind,
        type=said.type,
        source=said.source,
        event_id=None if said.event_id is None else UUID(said.event_id),
        number=said.number,
        case=said.case_ref,
        actor=said.actor,
        organisation=said.organisation,
        unit=said.unit,
        basis=said.basis,
        consent=said.consent,
        meeting=said.meeting,
        permitted=said.permitted,
        leaf=row["leaf"],
    )


def parsed(entry: StoredEntry) -> Mapping[str, object] | None:
    """Return the event in an entry; None for one that is no event."""
    if entry.event_id is None:
        return None
    event = json.loads(entry.leaf)
    return event if isinstance(event, dict) else None
