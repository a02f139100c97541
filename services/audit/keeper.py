"""How a log grows: one batch, one transaction, at most one checkpoint for each log in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Final

import structlog

from services.audit import store
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import UNPARSABLE, Entry, LogName, Received, index_record
from services.audit.domain.intake import sort_out
from services.audit.domain.keys import Announcement, Turn, announce_key, take_turn
from services.audit.domain.log import LOG, Finding, FindingKind, LogState, announce_findings, decide_announcement, holes
from services.audit.domain.tiles import edges_needed, grow
from services.audit.errors import FencedError, HeadDamagedError
from services.audit.partitions import Partitions
from services.audit.signing import Signing
from shared.clock import Clock
from shared.contracts.base import EventData
from shared.db import Connection, Pool
from shared.journal import Context, Journal
from shared.merkle import EMPTY
from shared.refs import Ids, LogScope

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """The records taken from one partition: they begin where the log's position is expected, and end before `then`."""

    expected: int
    then: int
    records: Sequence[Received]


class Keeper:
    """Keeps the logs: takes batches in, signs, and compares what the services say of themselves with what it holds."""

    def __init__(
        self,
        pool: Pool,
        *,
        signing: Signing,
        origin: str,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        grace: float = 30.0,
    ) -> None:
        """Keep the logs called `<origin>/<municipality>`, signed with `signing` under each log's own name.

        Args:
            pool: connections as the role that writes.
            signing: the keys; they sign for each log under the log's origin as the key's name.
            origin: what the logs' names begin with, for example `lagspill.no/logs`.
            journal: the audit service's own journal.
            clock: the rules' clock.
            ids: identifiers of what is published.
            grace: seconds (of the machine's time) that a hole may last before it is a finding: events of one service reach
                the log over several partitions, so a short one is normal.
        """
        self._pool = pool
        self._signing = signing
        self._origin = origin
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._grace = grace
        self.partitions: Final = Partitions(pool)
        self._signed: dict[LogName, Checkpoint] = {}
        self._missing_since: dict[tuple[LogName, str, int, int], float] = {}

    def origin(self, name: LogName) -> str:
        """Return the log's name in its checkpoints."""
        return f"{self._origin}/{name}"

    async def prepare_partitions(self) -> None:
        """Make the partitions of this month and the next ones, as the rules' clock has it."""
        await self.partitions.prepare(self._clock.now(), monotonic())

    async def positions(self, partitions: Iterable[store.Partition]) -> dict[store.Partition, int]:
        """Return where each partition is to be taken from."""
        async with self._pool.acquire() as connection:
            return await store.read_positions(connection, partitions)

    async def take(self, batches: Mapping[store.Partition, Batch]) -> int:
        """Take the batches into the logs, all or nothing, and return how many entries were new.

        Raises:
            FencedError: a partition's position is not where it was expected: another instance has taken these records.
            HeadDamagedError: the stored head of a log is not what was signed for it last.
        """
        await self.prepare_partitions()
        groups: dict[LogName, list[Entry]] = {}
        for _, batch in sorted(batches.items()):
            for record in batch.records:
                entry = index_record(record)
                groups.setdefault(entry.log, []).append(entry)
        signed: dict[LogName, Checkpoint] = {}
        added = 0
        async with self._pool.acquire() as connection, connection.transaction():
            steps = {partition: (batch.expected, batch.then) for partition, batch in batches.items()}
            if not await store.advance(connection, steps):
                raise FencedError
            for name in sorted(groups):
                before, checkpoint = await self._extend(connection, name, groups[name])
                if checkpoint is not None:
                    signed[name] = checkpoint
                    added += checkpoint.size - before
        self._signed |= signed
        if signed:
            self._journal.nudge()
        return added

    async def _extend(self, conn: Connection, name: LogName, entries: list[Entry]) -> tuple[int, Checkpoint | None]:
        """Add what is new of `entries`; return the size before, and the checkpoint signed (None if nothing was new)."""
        now = self._clock.now()
        stored = await store.lock_log(conn, name, self.origin(name))
        self._examine(name, stored)
        size = stored.head.frontier.size
        keys = {(e.source, e.event_id) for e in entries if e.source is not None and e.event_id is not None}
        numbers = {(e.source, e.number) for e in entries if e.source is not None and e.number is not None}
        intake = sort_out(
            entries,
            size,
            await store.known_events(conn, name, list(keys)) if keys else {},
            await store.known_numbers(conn, name, list(numbers)) if numbers else set(),
        )
        if not intake.entries:
            return size, None
        leaves = [entry.hash for entry in intake.entries]
        edges = [
            await store.tile_roots(conn, name, level, part)
            for level, part in enumerate(edges_needed(size, size + len(leaves)), start=1)
        ]
        head, tiles = grow(stored.head, leaves, edges)
        checkpoint = Checkpoint(self.origin(name), head.frontier.size, head.frontier.root())
        await store.add_entries(conn, name, size, intake.entries, now)
        await store.add_tiles(conn, name, tiles)
        await store.save_head(conn, name, head, intake.heard(size, stored.heard))
        turn = await self._take_turn(conn, name, stored.keys, now)
        note = await self._signing.sign(checkpoint.origin, checkpoint.text(), turn.active)
        await store.add_checkpoint(conn, name, checkpoint, note, now)
        await store.add_numbers(
            conn, name, [(e.source, e.number) for e in intake.entries if e.source is not None and e.number is not None]
        )
        seals = [
            (entry.source, position, entry.seal)
            for position, entry in enumerate(intake.entries, start=size)
            if entry.seal is not None and entry.source is not None
        ]
        await store.add_seals(conn, name, seals)
        await self._report(conn, name, intake.findings)
        return size, checkpoint

    async def _take_turn(self, conn: Connection, name: LogName, known: Sequence[Announcement], now: datetime) -> Turn:
        """Return which keys sign now; a new one is written down, and published where it follows another."""
        origin = self.origin(name)
        turn = take_turn(known, self._signing.verifiers(origin), now, self._signing.overlap)
        if turn.announce is not None:
            await store.add_key(conn, name, len(known) + 1, turn.announce)
            if known and name != UNPARSABLE:
                announced = announce_key(origin, turn.announce, known[-1].vkey)
                await self._publish(conn, LogScope(name), lambda _: [announced])
            log.info("signing key announced", scope=name, kind=turn.announce.vkey)
        return turn

    def _examine(self, name: LogName, stored: store.StoredLog) -> None:
        """Refuse to sign on from a head that is not the one signed last, as the table and this process remember it."""
        frontier = stored.head.frontier
        if frontier.size and stored.signed_root != frontier.root():
            raise HeadDamagedError(f"the head of log {name} is not the tree that was signed at size {frontier.size}")
        last = self._signed.get(name)
        if last is not None and (
            frontier.size < last.size or (frontier.size == last.size and frontier.root() != last.root)
        ):
            raise HeadDamagedError(f"log {name} has gone back behind size {last.size}, which was signed")

    async def _report(self, conn: Connection, name: LogName, findings: Sequence[Finding]) -> bool:
        """Write the findings and publish those that are new; True if there was one."""
        fresh = await store.add_findings(conn, name, findings, self._clock.now()) if findings else []
        for found in fresh:
            log.error(
                "finding in the log",
                scope=name,
                kind=found.kind,
                source=found.source,
                first=found.first,
                last=found.last,
            )
        if fresh and name != UNPARSABLE:
            events = announce_findings(self.origin(name), fresh)
            await self._publish(conn, LogScope(name), lambda _: events)
        return bool(fresh)

    async def _publish(
        self, conn: Connection, scope: LogScope, decide: Callable[[LogState], Sequence[EventData]]
    ) -> bool:
        context = Context(actor=None, scope=scope, now=self._clock.now(), correlation=self._ids.event_id())
        changed = await self._journal.change(LOG, self.origin(LogName(scope)), context, decide, conn=conn)
        return bool(changed.events)

    # --- afterwards ---------------------------------------------------------------------------------------------------

    async def compare_seals(self) -> int:
        """Compare every seal that can be compared with what the log holds; return how many were."""
        compared = 0
        async with self._pool.acquire() as connection:
            while pending := await store.next_seals(connection):
                for seal in pending:
                    async with connection.transaction():
                        compared += await self._compare(connection, seal)
        self._journal.nudge()
        return compared

    async def _compare(self, conn: Connection, pending: store.PendingSeal) -> bool:
        last = pending.seal.last_number
        base = pending.checked if pending.checked.size <= last else EMPTY
        leaves = await store.numbered_leaves(conn, pending.log, pending.source, base.size + 1, last)
        tree = base.append(leaves)
        agrees = tree.size == last and tree.root() == pending.seal.root
        written = await store.save_check(conn, pending, tree, self._clock.now(), agrees=agrees)
        if written and not agrees:
            found = Finding(
                kind=FindingKind.SEAL_CONTRADICTED,
                source=pending.source,
                first=1,
                last=last,
                position=pending.position,
            )
            await self._report(conn, pending.log, [found])
        return written

    async def find_gaps(self, moment: float) -> None:
        """Report the holes in the services' numbers that have lasted longer than the grace.

        Args:
            moment: the machine's monotonic time in seconds; a hole's age is counted from the first call that saw it.
        """
        async with self._pool.acquire() as connection:
            seen = await store.seen_numbers(connection)
            missing = {(*key, *hole) for key, ranges in seen.items() for hole in holes(ranges)}
            self._missing_since = {hole: self._missing_since.get(hole, moment) for hole in missing}
            for name, source, first, last in sorted(missing):
                if moment - self._missing_since[name, source, first, last] >= self._grace:
                    found = Finding(kind=FindingKind.GAP, source=source, first=first, last=last)
                    async with connection.transaction():
                        await self._report(connection, name, [found])
        self._journal.nudge()

    async def count_findings(self) -> dict[FindingKind, int]:
        """Return how often each kind of thing was found wrong, in all logs together."""
        async with self._pool.acquire() as connection:
            found = await store.count_findings(connection)
        return {kind: found.get(kind, 0) for kind in FindingKind}

    async def announce(self) -> int:
        """Publish the newest checkpoint of each log that has heard something since the last time; return how many."""
        announced = 0
        async with self._pool.acquire() as connection:
            for each in await store.announceable(connection):
                checkpoint = Checkpoint(each.origin, each.size, each.root)

                def decide(
                    state: LogState, checkpoint: Checkpoint = checkpoint, each: store.Announceable = each
                ) -> Sequence[EventData]:
                    return decide_announcement(state, checkpoint, each.note, each.heard)

                async with connection.transaction():
                    announced += await self._publish(connection, each.log, decide)
        self._journal.nudge()
        return announced
