"""Retention: installing the policy, and removing what it lets go. What is true is decided by the database's own functions.

Three roles, none of which can do another's part: the database's owner installs a policy, the service's writer places legal holds,
and `lagspill_audit_pruner` releases them and prunes: it can read no entry, and its one function judges each entry anew.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.holds import StandingHold, decide_tell
from services.audit.domain.log import LOG, LogState
from services.audit.domain.retention import Policy, Span, merge, spans
from services.audit.domain.tiles import WIDTH
from services.audit.errors import HoldRefusedError, NoPolicyError, PolicyRefusedError
from shared.aggregate import Context
from shared.contracts.audit import EntriesPruned, LogEvent, PrunedNumbers
from shared.db import Connection, Pool
from shared.journal import Journal
from shared.refs import CaseRef, Ids, LogScope

PRUNER: Final = "lagspill_audit_pruner"
WINDOW: Final = 1024
"""Bundles looked at in one question."""
RANGES: Final = 400
"""Ranges of numbers in one event: it must not be larger than 64 KiB."""


async def install(conn: Connection, policy: Policy, now: datetime, *, simulated: bool = False) -> bool:
    """Put the policy in force, as the owner of the database; False when it is in force already.

    Args:
        conn: a connection as the owner.
        policy: what is to hold from now on.
        now: the moment.
        simulated: trying out with a simulated clock: believe the log's own time, though the server's clock has not come to it.

    Raises:
        PolicyRefusedError: it was in force once and was replaced: give it another version.
    """
    async with conn.transaction():
        await conn.execute("LOCK TABLE retention_policies IN EXCLUSIVE MODE")
        if policy.digest == await conn.fetchval("SELECT policy FROM retention_policies ORDER BY number DESC LIMIT 1"):
            return False
        if await conn.fetchval("SELECT EXISTS (SELECT FROM retention_policies WHERE policy = $1)", policy.digest):
            raise PolicyRefusedError("this policy was in force once and was replaced: give it another version")
        await conn.execute(
            "INSERT INTO retention_policies (policy, body, simulated, installed_at) VALUES ($1, $2, $3, $4)",
            policy.digest,
            policy.canonical(),
            simulated,
            now,
        )
        await conn.executemany(
            "INSERT INTO retention_rules (policy, ordinal, rule, logs, kinds, types, bases, about_case, keep_months, after_case)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            [
                (
                    policy.digest,
                    ordinal,
                    rule.name,
                    rule.logs,
                    rule.kinds,
                    rule.type_patterns,
                    rule.bases,
                    rule.about_case,
                    None if rule.keep == "for-ever" else rule.keep.total_months,
                    rule.keep != "for-ever" and rule.keep.after == "case-ended",
                )
                for ordinal, rule in enumerate(policy.rules, start=1)
            ],
        )
    return True


async def hold(conn: Connection, name: str, log: LogName, case: str | None, now: datetime) -> None:
    """Keep everything in the log, or about one case, from being pruned until it is released.

    Raises:
        HoldRefusedError: there is a hold of this name, or was.
    """
    placed = await conn.fetchval(
        "INSERT INTO legal_holds (hold, log, case_ref, placed_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING RETURNING true",
        name,
        log,
        case,
        now,
    )
    if not placed:
        raise HoldRefusedError(f"there is a hold {name} already, or was: choose another name")


async def release(conn: Connection, name: str, now: datetime) -> LogName:
    """Let a hold go, and return in which log it was.

    Raises:
        HoldRefusedError: there is no such hold, or it was released.
    """
    released = await conn.fetchval(
        "INSERT INTO legal_hold_releases (hold, released_at) SELECT hold, $2 FROM legal_holds WHERE hold = $1"
        " ON CONFLICT DO NOTHING RETURNING true",
        name,
        now,
    )
    if not released:
        raise HoldRefusedError(f"there is no hold {name} to release")
    return LogName(await conn.fetchval("SELECT log FROM legal_holds WHERE hold = $1", name))


@dataclass(frozen=True, slots=True)
class Hold:
    """Something that must not be pruned, since when, and until when."""

    name: str
    log: LogName
    case: CaseRef | None
    placed_at: datetime
    released_at: datetime | None


async def holds(conn: Connection) -> list[Hold]:
    """Return every hold there ever was, the oldest first."""
    rows = await conn.fetch(
        "SELECT hold, log, case_ref, placed_at, released_at FROM legal_holds LEFT JOIN legal_hold_releases USING (hold)"
        " ORDER BY placed_at, hold"
    )
    return [Hold(*row.values()) for row in rows]


async def standing_holds(conn: Connection, log: LogName) -> list[StandingHold]:
    """Return every hold that there is or was in one log, the oldest first."""
    return [
        StandingHold(each.name, each.case, each.placed_at, each.released_at)
        for each in await holds(conn)
        if each.log == log
    ]


@dataclass
class Pruned:
    """What was removed from one log, or would be."""

    log: LogName
    spans: list[Span] = field(default_factory=list)

    @property
    def entries(self) -> int:
        """Return how many entries."""
        return sum(span.entries for span in self.spans)


class Pruner:
    """Removes what the policy in force lets go, and publishes each removal with it."""

    def __init__(self, pool: Pool, journal: Journal, *, ids: Ids) -> None:
        """Work over `pool`, whose connections are the pruner's, as is the journal's."""
        self._pool = pool
        self._journal = journal
        self._ids = ids

    async def prune(self, now: datetime, *, only: LogName | None = None, dry_run: bool = False) -> list[Pruned]:
        """Go through the logs, or only one, and return what was removed; with `dry_run`, what would be.

        `unparsable` is never pruned: it is no municipality's, so no entry of its own could tell an outsider that something went.

        Raises:
            NoPolicyError: no policy is installed.
        """
        policy = await self._pool.fetchval("SELECT policy FROM retention_policies ORDER BY number DESC LIMIT 1")
        if policy is None:
            raise NoPolicyError
        rows = await self._pool.fetch(
            "SELECT log, origin, size FROM logs WHERE log <> $2 AND ($1::text IS NULL OR log = $1) ORDER BY log",
            only,
            UNPARSABLE,
        )
        outcome = []
        for row in rows:
            done = Pruned(LogName(row["log"]))
            for first in range(0, row["size"] // WIDTH, WINDOW):
                while found := await self._prunable(done.log, first, first + WINDOW - 1):
                    done.spans += found
                    if dry_run:
                        break
                    for span in found:
                        await self._remove(done.log, row["origin"], span, policy, now)
            outcome.append(done)
        return outcome

    async def _prunable(self, log: LogName, first: int, last: int) -> list[Span]:
        rows = await self._pool.fetch("SELECT bundle, rule FROM prunable_bundles($1, $2, $3)", log, first, last)
        return list(spans((row["bundle"], row["rule"]) for row in rows))

    async def _remove(self, log: LogName, origin: str, span: Span, policy: str, now: datetime) -> None:
        async with self._pool.acquire() as connection, connection.transaction():
            told = await connection.fetchval(
                "SELECT prune_entries($1, $2, $3, $4, $5)", log, span.first, span.last, policy, span.rule
            )
            gone = [(span.first, span.last)]
            if told:  # what entries that have now gone themselves said is said anew, in fewer words
                rows = await connection.fetch("SELECT first, last FROM prunings WHERE log = $1 ORDER BY first", log)
                gone = merge((row["first"], row["last"]) for row in rows)
            pieces = [
                (first, last, numbers)
                for first, last in gone
                for numbers in await _numbers(connection, log, first, last)
            ]
            standing = await standing_holds(connection, log)

            def decide(state: LogState) -> list[LogEvent]:
                told = decide_tell(state, origin, standing)
                kept = LOG.fold(state, told).holds
                pruned = [
                    EntriesPruned(
                        log=origin, first=first, last=last, policy=policy, rule=span.rule, numbers=numbers, holds=kept
                    )
                    for first, last, numbers in pieces
                ]
                return [*told, *pruned]

            context = Context(actor=None, scope=LogScope(log), now=now, correlation=self._ids.event_id())
            await self._journal.change(LOG, origin, context, decide, conn=connection)
        self._journal.nudge()


async def _numbers(conn: Connection, log: LogName, first: int, last: int) -> list[tuple[PrunedNumbers, ...]]:
    """Return which numbers of which services were at these positions, in as many pieces as there must be events for them."""
    rows = await conn.fetch(
        "SELECT source, lower(held) AS first, upper(held) - 1 AS last FROM ("
        " SELECT source, range_agg(int8range(number, number, '[]')) AS numbers FROM pruned_entries"
        " WHERE log = $1 AND position BETWEEN $2 AND $3 AND number IS NOT NULL GROUP BY source"
        ") s CROSS JOIN LATERAL unnest(numbers) AS held ORDER BY source, first",
        log,
        first,
        last,
    )
    numbers = [PrunedNumbers(source=row["source"], first=row["first"], last=row["last"]) for row in rows]
    return [tuple(numbers[at : at + RANGES]) for at in range(0, len(numbers), RANGES)] or [()]
