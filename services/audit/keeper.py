"""How a log grows: one batch, one transaction, at most one checkpoint for each log in it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import groupby
from time import monotonic
from typing import Final

import structlog

from services.audit import claims, columns, growth, store
from services.audit.batch import Batch, Group, Indexed, group_of, index
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.intake import sort_out
from services.audit.domain.keys import Announcement, Turn, announce_key, take_turn
from services.audit.domain.log import (
    LANE,
    LOG,
    Finding,
    FindingKind,
    LogState,
    announce_findings,
    decide_announcement,
    holes,
)
from services.audit.domain.tiles import edges_needed
from services.audit.errors import FencedError, HeadDamagedError
from services.audit.extension import additions, extended
from services.audit.growth import Event, Growth, StoredLog
from services.audit.naming import NEUTRAL, Naming
from services.audit.partitions import Partitions
from services.audit.signing import Signing
from services.audit.stranded import connected
from shared.clock import Clock
from shared.contracts.base import EventData
from shared.db import Connection, Pool
from shared.journal import Context, Journal
from shared.merkle import EMPTY
from shared.refs import Ids, LogScope

log = structlog.get_logger(__name__)


Counts = tuple[LogName, str, str | None]
"""What counts without a gap in a log: a source, or a subject of it, or a lane (`lane:` and its name)."""
Hole = tuple[LogName, str, str | None, int, int]
"""The same, and the first and the last number that are missing."""


def _order(hole: Hole) -> tuple[str, str, str, int, int]:
    name, source, subject, first, last = hole
    return name, source, subject or "", first, last


def _kind_of_gap(subject: str | None) -> FindingKind:
    if subject is None:
        return FindingKind.GAP
    return FindingKind.LANE_GAP if subject.startswith(LANE) else FindingKind.SUBJECT_GAP


class Keeper:
    """Keeps the logs: takes batches in, signs, and compares what the services say of themselves with what it holds."""

    def __init__(
        self,
        pool: Pool,
        *,
        signing: Signing,
        origin: str,
        protected_origin: str = NEUTRAL,
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
            protected_origin: the same of the logs of address-protected cases.
            journal: the audit service's own journal.
            clock: the rules' clock.
            ids: identifiers of what is published.
            grace: seconds (of the machine's time) that a hole may last before it is a finding: events of one service reach
                the log over several partitions, so a short one is normal.
        """
        self._pool = pool
        self._signing = signing
        self._naming = Naming(origin, protected_origin)
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._grace = grace
        self.partitions: Final = Partitions(pool)
        self._signed: dict[LogName, Checkpoint] = {}
        self._missing_since: dict[Hole, float] = {}
        self._told: set[Hole] = set()

    def origin(self, name: LogName) -> str:
        """Return the name in its checkpoints of a log that begins now."""
        return self._naming.new(name)

    async def prepare_partitions(self) -> None:
        """Make the partitions of this month and the next ones, as the rules' clock has it."""
        await self.partitions.prepare(self._clock.now(), monotonic())

    async def positions(self, partitions: Iterable[store.Partition]) -> dict[store.Partition, int]:
        """Return where each partition is to be taken from."""
        async with connected(self._pool) as connection:
            return await store.read_positions(connection, partitions)

    async def take(self, batches: Mapping[store.Partition, Batch]) -> int:
        """Take the batches into the logs, all or nothing, and return how many entries were new; as `index` and `add` do."""
        return await self.add(await index(batches))

    async def add(self, indexed: Indexed) -> int:
        """Add what is new of a batch to the logs, all or nothing, and return how many entries that were.

        Raises:
            FencedError: a partition's position is not where it was expected: another instance has taken these records.
            HeadDamagedError: the stored head of a log is not what was signed for it last.
            asyncpg.LockNotAvailableError: another instance has the logs and does not let go; if it has stopped, its
                transaction is ended now, and the next attempt gets through.
        """
        await self.prepare_partitions()
        try:
            async with connected(self._pool) as connection, connection.transaction():
                if not await growth.advance(connection, indexed.steps):
                    raise FencedError
                grown = await self._grow(connection, indexed) if indexed.groups else []
        except HeadDamagedError as damaged:
            await self._report_damage(damaged)
            raise
        self._signed |= {each.log: each.checkpoint for each in grown}
        if grown:
            self._journal.nudge()
        return sum(each.group.count for each in grown)

    async def _grow(self, conn: Connection, indexed: Indexed) -> list[Growth]:
        """Add what is new of each log's entries, and sign its checkpoint; return what was added to which."""
        now = self._clock.now()
        groups = indexed.groups
        # Before the heads: a subject's events come over one partition, so no other instance waits for these, and while another has
        # the heads this one is ready when it gets them.
        subjects = await claims.claim_sequences(conn, indexed.asked.sequences)
        stored = await growth.lock_logs(conn, {name: self.origin(name) for name in groups})
        for name in groups:
            self._examine(name, stored[name])
        held = await claims.claim(conn, indexed.asked, subjects)
        fresh, findings = await self._sort_out(conn, groups, stored, held)
        if not fresh:
            return []
        edges = await self._edges(conn, stored, fresh)
        turns = {name: await self._take_turn(conn, name, stored[name].keys, now) for name in fresh}
        adding = asyncio.create_task(growth.add_entries(conn, additions(stored, fresh), now))
        try:  # all that follows from them while the entries are on their way
            grown = await extended(stored, fresh, edges)
            notes = await asyncio.gather(
                *(
                    self._signing.sign(each.checkpoint.origin, each.checkpoint.text(), turns[each.log].active)
                    for each in grown
                )
            )
            seals = growth.seals_in(grown)
            lanes = claims.lanes_in({each.log: each.group.noted for each in grown})
        finally:
            await adding
        await growth.add_tiles(conn, grown)
        await growth.save_heads(conn, grown)
        await growth.add_checkpoints(conn, grown, notes, now)
        late = grown if indexed.asked.journals.keys() - held.journals else []
        await claims.add_numbers(
            conn,
            [n for each in late for n in claims.numbers_of(each.log, each.group.noted) if n[:2] not in held.journals],
        )
        late = grown if indexed.asked.subjects.keys() - held.subjects else []
        await claims.add_sequences(
            conn,
            [n for each in late for n in claims.sequences_of(each.log, each.group.noted) if n[:3] not in held.subjects],
        )
        await growth.add_seals(conn, seals)
        await claims.add_lanes(conn, lanes)
        for each in grown:
            await self._report(conn, each.log, findings.get(each.log, ()))
        return grown

    async def _sort_out(
        self,
        conn: Connection,
        groups: Mapping[LogName, Group],
        stored: Mapping[LogName, StoredLog],
        held: claims.Held,
    ) -> tuple[dict[LogName, Group], dict[LogName, Sequence[Finding]]]:
        """Return what of each log's entries it does not have, and what in them contradicts it, where anything does.

        The same bytes have the same number, so only what has a number that the log has, or none, can be a duplicate. An id
        used again under a new number is looked for afterwards.
        """
        disputed = {each.log for each in held.numbers} | {each.log for each in held.sequences}
        doubtful = {name: each.entries() for name, each in groups.items() if not each.agree or name in disputed}
        again = [
            Event(name, e.source, e.event_id)
            for name, entries in doubtful.items()
            for e in entries
            if e.source is not None
            and e.event_id is not None
            and (e.number is None or (held.numbers and (name, e.source, e.number) in held.numbers))
        ]
        known = await growth.known_events(conn, again)
        if again:
            # What was pruned is known by its number: delivered again, it must not come in a second time.
            unknown = set(again) - known.keys()
            known |= await growth.pruned_events(
                conn,
                {
                    event: (e.number, e.hash)
                    for name, entries in doubtful.items()
                    for e in entries
                    if e.source is not None and e.event_id is not None and e.number is not None
                    if (event := Event(name, e.source, e.event_id)) in unknown
                },
            )
        fresh = dict(groups)
        findings: dict[LogName, Sequence[Finding]] = {}
        for name, entries in doubtful.items():
            found = sort_out(
                entries,
                stored[name].head.frontier.size,
                {(event.source, event.id): hashes for event, hashes in known.items() if event.log == name},
                {(each.source, each.number) for each in held.numbers if each.log == name},
                {(each.source, each.subject, each.number) for each in held.sequences if each.log == name},
            )
            findings[name] = found.findings
            if len(found.entries) != len(entries):
                fresh[name] = group_of(found.entries)
        return {name: group for name, group in fresh.items() if group.count}, findings

    async def _edges(
        self, conn: Connection, stored: Mapping[LogName, StoredLog], groups: Mapping[LogName, Group]
    ) -> dict[LogName, list[tuple[bytes, ...]]]:
        """Return what each log has of the upper tiles that its new entries fill."""
        sizes = {name: stored[name].head.frontier.size for name in groups}
        wanted = [
            (name, level, part)
            for name, group in groups.items()
            for level, part in enumerate(edges_needed(sizes[name], sizes[name] + group.count), start=1)
        ]
        edges: dict[LogName, list[tuple[bytes, ...]]] = {name: [] for name in groups}
        for (name, _, _), roots in zip(wanted, await growth.tile_roots(conn, wanted), strict=True):
            edges[name].append(roots)
        return edges

    async def _take_turn(self, conn: Connection, name: LogName, known: Sequence[Announcement], now: datetime) -> Turn:
        """Return which keys sign now; a new one is written down, and published where it follows another."""
        origin = await self._naming.of(conn, name)
        turn = take_turn(known, self._signing.verifiers(origin), now, self._signing.overlap)
        if turn.announce is not None:
            await growth.add_key(conn, name, len(known) + 1, turn.announce)
            if known and name != UNPARSABLE:
                announced = announce_key(origin, turn.announce, known[-1].vkey)
                await self._publish(conn, LogScope(name), lambda _: [announced])
            log.info("signing key announced", scope=name, kind=turn.announce.vkey)
        return turn

    def _examine(self, name: LogName, stored: StoredLog) -> None:
        """Refuse to sign on from a head that is not the one signed last, as the table and this process remember it."""
        frontier = stored.head.frontier
        if frontier.size and stored.signed_root != frontier.root():
            raise HeadDamagedError(name, frontier.size, "the head is not the tree that was signed")
        if stored.signed_size > frontier.size:
            raise HeadDamagedError(
                name, frontier.size, f"it has gone back behind size {stored.signed_size}, which was signed"
            )
        last = self._signed.get(name)
        if last is not None and (
            frontier.size < last.size or (frontier.size == last.size and frontier.root() != last.root)
        ):
            raise HeadDamagedError(name, frontier.size, f"it has gone back behind size {last.size}, which was signed")

    async def _report_damage(self, damaged: HeadDamagedError) -> None:
        """Report, once, that a log cannot grow; the batch itself was rolled back."""
        found = Finding(kind=FindingKind.TREE_DAMAGED, source="", position=damaged.size)
        async with self._pool.acquire() as connection, connection.transaction():
            await self._report(connection, LogName(damaged.log), [found])
        self._journal.nudge()

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
            events = announce_findings(await self._naming.of(conn, name), fresh)
            await self._publish(conn, LogScope(name), lambda _: events)
        return bool(fresh)

    async def _publish(
        self, conn: Connection, scope: LogScope, decide: Callable[[LogState], Sequence[EventData]]
    ) -> bool:
        context = Context(actor=None, scope=scope, now=self._clock.now(), correlation=self._ids.event_id())
        origin = await self._naming.of(conn, LogName(scope))
        changed = await self._journal.change(LOG, origin, context, decide, conn=conn)
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
        """Report the holes in the services' numbers, in their subjects' and their lanes', that have lasted longer than the grace.

        Args:
            moment: the machine's monotonic time in seconds; a hole's age is counted from the first call that saw it.
        """
        async with self._pool.acquire() as connection:
            held: dict[Counts, list[tuple[int, int]]] = {
                (name, source, None): ranges
                for (name, source), ranges in (await store.seen_numbers(connection)).items()
            }
            for (name, source, subject), ranges in (await store.broken_subjects(connection)).items():
                held[name, source, subject] = ranges
            missing = {(*counts, *hole) for counts, ranges in held.items() for hole in holes(ranges)}
            for (name, source, lane), (ranges, until) in (await store.broken_lanes(connection)).items():
                missing |= {(name, source, LANE + lane, *hole) for hole in holes(ranges, until)}
            self._missing_since = {hole: self._missing_since.get(hole, moment) for hole in missing}
            self._told &= missing
            lasting = {hole for hole in missing - self._told if moment - self._missing_since[hole] >= self._grace}
            for name, holes_of in groupby(sorted(lasting, key=_order), key=lambda hole: hole[0]):
                found = [
                    Finding(
                        kind=_kind_of_gap(subject),
                        source=source,
                        first=first,
                        last=last,
                        subject=subject,
                    )
                    for _, source, subject, first, last in holes_of
                ]
                async with connection.transaction():
                    await self._report(connection, name, found)
            self._told |= lasting
        self._journal.nudge()

    async def find_reused_ids(self) -> None:
        """Report events whose id an earlier entry of the log has, under another number."""
        async with self._pool.acquire() as connection:
            for name, first, end in await store.unchecked_ids(connection):
                async with connection.transaction():
                    reused = await store.reused_ids(connection, name, first, end)
                    found = [
                        Finding(kind=FindingKind.ID_REUSED, source=source, first=number, last=number, position=position)
                        for source, number, position in reused
                    ]
                    await self._report(connection, name, found)
                    await store.save_id_check(connection, name, end)
        self._journal.nudge()

    async def compare_columns(self) -> int:
        """Compare some entries' columns with what their leaves say, and report what differs; return how many were gone over."""
        async with self._pool.acquire() as connection, connection.transaction():
            compared = await columns.compare_next(connection, self._clock.now())
            if compared is not None:
                await self._report(connection, compared.log, compared.findings)
        self._journal.nudge()
        return 0 if compared is None else compared.positions

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
