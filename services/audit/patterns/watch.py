"""Examines the logs as they grow: entries, what the detectors remember, the findings and the cursor in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import asyncpg
import structlog

from services.audit.domain.case_of_finding import (
    FINDING,
    Missing,
    decide_extend,
    decide_overdue,
    decide_raise,
    finding_ref,
)
from services.audit.domain.entry import LogName
from services.audit.domain.examination import Examination, also_needed, places
from services.audit.domain.log import LOG, LogState
from services.audit.domain.pattern_policy import Policies, Rules
from services.audit.domain.patterns import Hit, Mark
from services.audit.naming import NEUTRAL, Naming
from services.audit.patterns import store
from services.audit.patterns.store import Cursor, PatternFinding
from shared.arrivals import Tx
from shared.clock import Clock
from shared.contracts.audit import FindingRaised, Pattern, PatternsExamined
from shared.contracts.base import EventData
from shared.db import Connection, Pool
from shared.deadlines import Deadline, DeadlineHandler, set_deadline
from shared.errors import UnavailableError
from shared.journal import Context, Journal
from shared.observability import Metrics, describe_exception
from shared.refs import Ids, LogScope

BATCH: Final = 500
"""Entries examined in one transaction at most."""
EVERY_SECONDS: Final = 1.0
ASK_AGAIN: Final = timedelta(minutes=10)
"""After this an examination is published again, where the log has not moved on since the last one."""
_EVERYWHERE: Final = (asyncpg.InterfaceError, asyncpg.PostgresConnectionError, OSError, TimeoutError, UnavailableError)
"""What is wrong with no log, but with the database."""
DUE: Final[Mapping[Missing, str]] = {
    Missing.EXPLANATION: "finding-explanation",
    Missing.REPORTING: "finding-reporting",
}
"""The kinds of deadlines."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Examined:
    """What one batch came to."""

    entries: int
    raised: int


NOTHING: Final = Examined(0, 0)


class Examiner:
    """Examines logs, batch by batch. Any number of instances may: one examines a log at a time."""

    def __init__(
        self,
        pool: Pool,
        journal: Journal,
        policies: Policies,
        *,
        origin: str,
        protected_origin: str = NEUTRAL,
        clock: Clock,
        ids: Ids,
        batch: int = BATCH,
    ) -> None:
        """Write with `pool`; findings are published by `journal`; the origins are what logs' names begin with."""
        self._pool = pool
        self._journal = journal
        self._policies = policies
        self._naming = Naming(origin, protected_origin)
        self._clock = clock
        self._ids = ids
        self._batch = batch

    async def behind(self) -> dict[LogName, int]:
        """Return the logs with entries that were not examined, and how many."""
        async with self._pool.acquire() as conn:
            return await store.behind(conn)

    async def examine(self, name: LogName) -> Examined:
        """Examine the next entries of a log, all or nothing; nothing while another instance does."""
        rules = self._policies.rules(LogScope(name))
        async with self._pool.acquire() as conn, conn.transaction():
            cursor = await store.lock_cursor(conn, name)
            if cursor is None:
                return NOTHING
            size = await store.size_of(conn, name)
            entries = await store.next_entries(conn, name, cursor.position, size, self._batch)
            if not entries:  # all that is left was pruned
                await store.move_cursor(conn, name, Cursor(max(size, cursor.position), cursor.moment))
                return NOTHING
            until = max(cursor.moment, *(seen.logged_at for seen in entries))
            states = await store.due_states(conn, name, until)
            states |= await store.read_states(conn, name, {place for seen in entries for place in places(seen)})
            states |= await store.read_states(conn, name, also_needed(states.values()) - states.keys())
            examination = Examination(rules, states, cursor.moment)
            together: dict[tuple[Pattern, str], list[Hit]] = {}
            for hit in (hit for seen in entries for hit in examination.take(seen)):
                together.setdefault((hit.pattern, hit.about), []).append(hit)
            raised = 0
            for hits in together.values():
                raised += await self._tell(conn, name, rules, hits)
            remembered = {
                place: (state, examination.due(state)) for place, state in sorted(examination.changed.items())
            }
            await store.save_states(conn, name, remembered)
            await store.move_cursor(conn, name, Cursor(entries[-1].position + 1, examination.moment))
        if raised:
            self._journal.nudge()
        return Examined(len(entries), raised)

    async def let_time_pass(self) -> int:
        """Publish an examination of each log in which something waits and its time has come; return how many.

        The log's time is that of its entries. The event becomes an entry, and so moves it on: what is found follows from the
        log alone, and the log shows that it was examined.
        """
        now = self._clock.now()
        async with self._pool.acquire() as conn, conn.transaction():
            waiting = await store.take_waiting(conn, now, now - ASK_AGAIN)
            for name, position in sorted(waiting.items()):
                origin = await self._naming.of(conn, name)
                examined = [PatternsExamined(log=origin, position=position, at=now)]
                await self._journal.change(LOG, origin, self._context(name), partial(_as_decided, examined), conn=conn)
        if waiting:
            self._journal.nudge()
        return len(waiting)

    async def _tell(self, conn: Connection, name: LogName, rules: Rules, hits: Sequence[Hit]) -> bool:
        """Extend the finding that the hits belong to, or raise one; True if one was raised.

        What happened after a finding was closed is a new one; what had happened before belongs to it, though it was heard later.
        """
        fresh = await store.untold(conn, name, hits)
        present = await store.newest_finding(conn, name, hits[0]) if fresh else None
        if present is not None:
            closed = await self._extend(
                conn, name, present, [mark for mark in fresh if _belongs(mark, present.closed_at)]
            )
            # It may have been closed a moment ago, after it was looked up: what happened since is left over too.
            fresh = tuple(mark for mark in fresh if not _belongs(mark, closed))
        if not fresh:
            return False
        # The first hit alone gives the finding its name and its first entries, however large the batch was.
        first = next(hit for hit in hits if any(mark in fresh for mark in hit.marks))
        begin = [mark for mark in first.marks if mark in fresh]
        raised = await self._raise(conn, name, rules, first, begin)
        await self._extend(conn, name, raised, [mark for mark in fresh if mark not in begin])
        return True

    async def _extend(
        self, conn: Connection, name: LogName, present: PatternFinding, marks: Sequence[Mark]
    ) -> datetime | None:
        """Let the entries belong to the finding, those apart that happened after it was closed; return when it was closed."""
        if not marks:
            return present.closed_at
        news = await store.adds_something(conn, present, marks)
        entries, last = present.entries + len(marks), max(present.last_position, *(mark.position for mark in marks))
        changed = await self._journal.change(
            FINDING,
            present.finding,
            self._context(name),
            lambda state: decide_extend(state, entries, last) if news else [],
            conn=conn,
        )
        closed = changed.state.closed_at
        await store.extend_finding(conn, present, [mark for mark in marks if _belongs(mark, closed)])
        return closed

    async def _raise(
        self, conn: Connection, name: LogName, rules: Rules, hit: Hit, marks: Sequence[Mark]
    ) -> PatternFinding:
        positions = [mark.position for mark in marks]
        ctx = self._context(name)
        raised = FindingRaised(
            finding=finding_ref(name, hit.pattern, min(positions)),
            log=await self._naming.of(conn, name),
            pattern=hit.pattern,
            about=hit.actor,
            first_position=min(positions),
            last_position=max(positions),
            entries=len(positions),
            explain_by=rules.explain_by(ctx.now),
        )
        changed = await self._journal.change(
            FINDING, raised.finding, ctx, lambda state: decide_raise(state, raised), conn=conn
        )
        finding = await store.add_finding(conn, name, hit, changed.state, ctx.now, marks)
        await set_deadline(conn, kind=DUE[Missing.EXPLANATION], key=raised.finding, due=raised.explain_by)
        # The opaque reference, and nothing about whom: operators see this line.
        log.warning("finding", subject=raised.finding, kind=hit.pattern.value, count=len(positions))
        return finding

    def _context(self, name: LogName) -> Context:
        return Context(actor=None, scope=LogScope(name), now=self._clock.now(), correlation=self._ids.event_id())


def _belongs(mark: Mark, closed: datetime | None) -> bool:
    """Return whether the entry had happened when a finding was closed, if it was."""
    return closed is None or mark.at <= closed


def _as_decided(events: list[PatternsExamined], _: LogState) -> Sequence[EventData]:
    return events


class Watch:
    """Examines every log once a second, as far as it goes, and tells the metrics what stands open."""

    def __init__(self, examiner: Examiner, pool: Pool, metrics: Metrics, *, every: float = EVERY_SECONDS) -> None:
        """Look every `every` seconds of the machine's time."""
        self._examiner = examiner
        self._pool = pool
        self._every = every
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._behind = metrics.gauge(
            "patterns_behind_entries", "Entries of the logs that were not examined for patterns."
        )
        self._open = metrics.gauge("findings_open", "Findings about behaviour that nobody has answered for.", "pattern")
        self._overdue = metrics.gauge(
            "findings_overdue", "Of those, the ones with a due date that has passed.", "pattern"
        )
        self._raised = metrics.counter("findings_raised", "Findings about behaviour that were raised.")

    async def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name="audit-patterns")

    async def stop(self) -> None:
        """Finish the batch in hand and end; also before `start`."""
        self._stopping.set()
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.look()
            except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError, UnavailableError) as error:
                log.warning("not examined", **describe_exception(error))
            except Exception as error:  # noqa: BLE001  # a control that ended in silence would look like good conduct
                log.error("not examined", **describe_exception(error))  # noqa: TRY400
            try:
                await asyncio.wait_for(self._stopping.wait(), self._every)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Examine what is there."""
        behind = await self._examiner.behind()
        self._behind.set(sum(behind.values()))
        for name in behind:
            try:
                await self._examine(name)
            except _EVERYWHERE:
                raise
            except Exception as error:  # noqa: BLE001  # what is wrong with one log must not hold up the others
                log.error("not examined", scope=name, **describe_exception(error))  # noqa: TRY400
        await self._examiner.let_time_pass()
        self._behind.set(sum((await self._examiner.behind()).values()))
        async with self._pool.acquire() as conn:
            for pattern, (waiting, overdue) in (await store.count_open(conn)).items():
                self._open.labels(pattern.value).set(waiting)
                self._overdue.labels(pattern.value).set(overdue)

    async def _examine(self, name: LogName) -> None:
        while not self._stopping.is_set():
            examined = await self._examiner.examine(name)
            self._raised.inc(examined.raised)
            if not examined.entries:
                return


# --- due dates --------------------------------------------------------------------------------------------------------


async def _on_due(tx: Tx, deadline: Deadline, missing: Missing) -> None:
    async def also(conn: Connection) -> None:
        await store.save_state(conn, (await tx.journal.load(FINDING, deadline.key, conn=conn)).state)

    loaded = await tx.journal.load(FINDING, deadline.key, conn=tx.conn)
    if loaded.scope is None:
        return
    context = Context(actor=None, scope=loaded.scope, now=tx.now, correlation=tx.ids.event_id())
    await tx.journal.change(
        FINDING,
        deadline.key,
        context,
        lambda state: decide_overdue(state, missing, tx.now),
        conn=tx.conn,
        also=also,
    )


async def on_explanation_due(tx: Tx, deadline: Deadline) -> None:
    """Say that a finding was not explained in time, unless it was."""
    await _on_due(tx, deadline, Missing.EXPLANATION)


async def on_reporting_due(tx: Tx, deadline: Deadline) -> None:
    """Say that a breach was not reported within 72 hours, unless it was."""
    await _on_due(tx, deadline, Missing.REPORTING)


DEADLINES: Final[Mapping[str, DeadlineHandler]] = {
    DUE[Missing.EXPLANATION]: on_explanation_due,
    DUE[Missing.REPORTING]: on_reporting_due,
}
