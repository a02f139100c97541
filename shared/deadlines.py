"""Durable deadlines: a row says what must happen when, and it goes in the very transaction in which it happens.

So a deadline fires once: after a crash it is still there, and of two instances one gets the row. The time is the rules'
clock; a simulated one wakes the runner when it is moved. A deadline whose handler fails is tried again, a few times and
with growing pauses, and then parked for a person, while the others go on.

What takes somebody else's answer is done in three steps. The handler commits what is intended, and with it the promise to look
again; then the errand asks, with no transaction open and no row held; then what came of it is committed. Whoever dies in between
has lost nothing: the promise is still there, and asks again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

import structlog

from shared.arrivals import Tx
from shared.clock import Clock, SimulatedClock
from shared.db import is_surroundings
from shared.errors import LagspillError
from shared.observability import describe_exception

if TYPE_CHECKING:
    from shared.db import Connection, Pool
    from shared.journal import Journal
    from shared.observability import Metrics
    from shared.refs import Ids

MOST_ERRANDS: Final = 8
"""How many errands one instance has out at once."""
ATTEMPTS: Final = 5
"""How often a handler may fail on one deadline before it is parked."""
POLL: Final = 0.5
"""Seconds of the machine's time between two looks, when nothing wakes the runner."""
_FIRST_PAUSE: Final = timedelta(seconds=1)
_DOUBLINGS: Final = 8
_LONGEST_PAUSE: Final = _FIRST_PAUSE * 2**_DOUBLINGS

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Deadline:
    """A promise to act."""

    kind: str
    key: str
    due: datetime
    payload: str
    """JSON, the handler's own; references and codes, no personal data."""


@dataclass(frozen=True)
class ParkedDeadline:
    """A deadline whose handler failed too often."""

    deadline: Deadline
    attempts: int
    detail: str
    """Type and place of the last failure."""


class DeadlineNotParkedError(LagspillError):
    """There is no such parked deadline."""

    code = "deadline-not-parked"
    status = 404


Settle = Callable[[Tx], Awaitable[None]]
"""Writes what came of an errand, in a transaction of its own."""
Errand = Callable[[], Awaitable[Settle]]
"""What is done outside, after the handler's transaction has committed; it may be done again, even at the same time."""
DeadlineHandler = Callable[[Tx, Deadline], Awaitable[Errand | None]]
"""`async def on_decide_case_due(tx: Tx, deadline: Deadline) -> None`: runs in the transaction that removes the row.

One that returns an errand has promised, in that transaction, to look again: nothing else brings an errand back that was lost.
"""

_TAKE: Final = """
DELETE FROM deadlines
WHERE (kind, key) = (
    SELECT kind, key FROM deadlines
    WHERE kind = ANY($1::text[]) AND due <= $2 AND NOT parked AND (retry_at IS NULL OR retry_at <= clock_timestamp()
        -- Further ahead than any pause: the database's clock was set back since, and nothing waits that out.
        OR retry_at > clock_timestamp() + $3::interval)
    ORDER BY due, kind, key
    LIMIT 1
    FOR UPDATE SKIP LOCKED
)
RETURNING kind, key, due, payload
"""


async def set_deadline(conn: Connection, *, kind: str, key: str, due: datetime, payload: str = "{}") -> None:
    """Promise to act at `due`, in the caller's transaction; a deadline of that kind and key is replaced.

    Args:
        conn: In the transaction that gives the reason for it.
        kind: Which handler; small letters, digits and hyphens.
        key: Whose: a reference.
        due: Aware.
        payload: JSON for the handler; references and codes, no personal data.

    Raises:
        ValueError: `due` has no zone.
    """
    if due.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    await conn.execute(
        "INSERT INTO deadlines (kind, key, due, payload) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, key) DO UPDATE SET"
        " due = excluded.due, payload = excluded.payload, set_at = clock_timestamp(), attempts = 0, retry_at = NULL,"
        " parked = false, detail = ''",
        kind,
        key,
        due,
        payload,
    )


async def set_once(conn: Connection, *, kind: str, key: str, due: datetime, payload: str = "{}") -> None:
    """Promise as `set_deadline` does, unless something of that kind and key is promised already.

    Raises:
        ValueError: `due` has no zone.
    """
    if due.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    await conn.execute(
        "INSERT INTO deadlines (kind, key, due, payload) VALUES ($1, $2, $3, $4) ON CONFLICT (kind, key) DO NOTHING",
        kind,
        key,
        due,
        payload,
    )


async def cancel(conn: Connection, *, kind: str, key: str) -> bool:
    """Take the promise back, in the caller's transaction; return whether there was one."""
    return bool(await conn.fetchval("DELETE FROM deadlines WHERE kind = $1 AND key = $2 RETURNING true", kind, key))


async def still_promised(conn: Connection, deadline: Deadline) -> bool:
    """Return whether `deadline` still is as it was set, and hold it until the transaction ends."""
    return bool(
        await conn.fetchval(
            "SELECT true FROM deadlines WHERE kind = $1 AND key = $2 AND due = $3 AND payload = $4 FOR UPDATE",
            deadline.kind,
            deadline.key,
            deadline.due,
            deadline.payload,
        )
    )


async def list_parked_deadlines(conn: Connection) -> list[ParkedDeadline]:
    """Return the deadlines whose handlers failed too often, the oldest due first."""
    rows = await conn.fetch(
        "SELECT kind, key, due, payload, attempts, detail FROM deadlines WHERE parked ORDER BY due, kind, key"
    )
    return [
        ParkedDeadline(Deadline(row["kind"], row["key"], row["due"], row["payload"]), row["attempts"], row["detail"])
        for row in rows
    ]


async def retry_deadline(conn: Connection, *, kind: str, key: str) -> None:
    """Let a parked deadline be tried again.

    Raises:
        DeadlineNotParkedError: there is none of that kind and key.
    """
    freed = await conn.fetchval(
        "UPDATE deadlines SET parked = false, attempts = 0, retry_at = NULL, detail = ''"
        " WHERE kind = $1 AND key = $2 AND parked RETURNING true",
        kind,
        key,
    )
    if freed is None:
        raise DeadlineNotParkedError


class Deadlines:
    """Fires what is due, for as long as it runs."""

    def __init__(
        self,
        pool: Pool,
        handlers: Mapping[str, DeadlineHandler],
        *,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        metrics: Metrics,
        poll: float = POLL,
    ) -> None:
        """Fire deadlines of the kinds in `handlers`; those of other kinds are left to the version that knows them."""
        self._pool = pool
        self._handlers = dict(handlers)
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._metrics = metrics
        self._poll = poll
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None
        self._errands: set[asyncio.Task[None]] = set()
        if isinstance(clock, SimulatedClock):
            clock.on_change(self.wake)

    def wake(self) -> None:
        """Look at once: the clock was moved, or a deadline that is already due was set."""
        self._wake.set()

    async def start(self) -> None:
        """Begin to fire what is due."""
        self._stopping = False
        self._task = asyncio.create_task(self._run(), name="deadlines")

    async def stop(self) -> None:
        """Finish the deadline in hand, and the errands that are out. May be called before `start`."""
        self._stopping = True
        self.wake()
        if self._task is not None:
            await self._task
            self._task = None
        await asyncio.gather(*self._errands)

    async def fire_due(self) -> int:
        """Fire everything that is due now, see its errands through, and return how many had their effect.

        The runner itself waits for no errand: what is due meanwhile fires meanwhile.

        Raises:
            OSError, PostgresError, InterfaceError: the database does not answer; nothing was lost.
        """
        fired = await self._fire_all()
        while self._errands:
            await asyncio.gather(*self._errands)
            fired += await self._fire_all()
        return fired

    async def _fire_all(self) -> int:
        fired = 0
        async with self._pool.acquire() as conn:
            while not self._stopping:
                found = await self._fire_one(conn)
                if found is None:
                    break
                fired += found
            await self._count(conn)
        if fired:
            self._journal.nudge()
        return fired

    async def _fire_one(self, conn: Connection) -> bool | None:
        """Fire the oldest due deadline: whether it had its effect, or None when none is due."""
        if len(self._errands) >= MOST_ERRANDS:
            await asyncio.wait(self._errands, return_when=asyncio.FIRST_COMPLETED)
        deadline: Deadline | None = None
        try:
            async with conn.transaction():
                now = self._clock.now()
                row = await conn.fetchrow(_TAKE, list(self._handlers), now, _LONGEST_PAUSE)
                if row is None:
                    return None
                deadline = Deadline(row["kind"], row["key"], row["due"], row["payload"])
                tx = Tx(conn, self._journal, now, self._ids)
                errand = await self._handlers[deadline.kind](tx, deadline)
                await tx.flush()
        except Exception as error:
            if deadline is None or conn.is_closed():
                raise
            await self._failed(conn, deadline, error)
            return False
        self._metrics.deadlines.labels(deadline.kind, "fired").inc()
        self._metrics.deadline_delay_seconds.labels(deadline.kind).observe((now - deadline.due).total_seconds())
        if errand is not None:
            task = asyncio.create_task(self._run_errand(deadline.kind, errand), name="errand")
            self._errands.add(task)
            task.add_done_callback(self._errands.discard)
        return True

    async def _run_errand(self, kind: str, errand: Errand) -> None:
        """Ask outside, then commit what came of it. What fails is brought back by the promise that it was made with."""
        try:
            settle = await errand()
            async with self._pool.acquire() as conn, conn.transaction():
                tx = Tx(conn, self._journal, self._clock.now(), self._ids)
                await settle(tx)
                await tx.flush()
        except Exception as error:  # noqa: BLE001 - whatever it is, the promise stands
            self._metrics.deadlines.labels(kind, "failed").inc()
            log.warning("errand_failed", deadline=kind, **describe_exception(error))
        else:
            self._journal.nudge()

    async def _failed(self, conn: Connection, deadline: Deadline, error: Exception) -> None:
        """Put the deadline off, or park it. What is only unavailable is never parked."""
        told = describe_exception(error)
        places = told["where"]
        row = await conn.fetchrow(
            "UPDATE deadlines SET attempts = attempts + 1, detail = $4, parked = attempts + 1 >= $5 AND NOT $6,"
            " retry_at = clock_timestamp() + $7::interval * power(2, least(attempts, $8))"
            " WHERE kind = $1 AND key = $2 AND due = $3 RETURNING attempts, parked",
            deadline.kind,
            deadline.key,
            deadline.due,
            f"{told['error']} at {places[-1] if places else 'an unknown place'}"[:500],
            ATTEMPTS,
            is_surroundings(error),
            _FIRST_PAUSE,
            _DOUBLINGS,
        )
        self._metrics.deadlines.labels(deadline.kind, "failed").inc()
        if row is not None:
            log.warning(
                "deadline_failed", deadline=deadline.kind, attempt=row["attempts"], parked=row["parked"], **told
            )

    async def _count(self, conn: Connection) -> None:
        row = await conn.fetchrow(
            "SELECT count(*) FILTER (WHERE parked) AS parked, count(*) FILTER (WHERE NOT parked) AS overdue"
            " FROM deadlines WHERE parked OR due <= $1",
            self._clock.now(),
        )
        if row is not None:
            self._metrics.deadlines_parked.set(row["parked"])
            self._metrics.deadlines_overdue.set(row["overdue"])

    async def _run(self) -> None:
        failing = False
        while not self._stopping:
            self._wake.clear()
            try:
                await self._fire_all()
            except Exception:
                # Whatever it was, most likely the database: deadlines that nobody watches are worse than a repeated error.
                if not failing:
                    log.exception("deadlines_wait")
                failing = True
            else:
                failing = False
            if not self._stopping:
                await self._pause()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._poll):
                await self._wake.wait()
        except TimeoutError:
            return
