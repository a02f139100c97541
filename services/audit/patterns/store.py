"""SQL of the findings about behaviour. What changes something runs in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.audit.domain.case_of_finding import FindingState, FindingStatus
from services.audit.domain.entry import LogName
from services.audit.domain.examination import REMEMBERED, Place
from services.audit.domain.observed import TYPES, Observed, observe
from services.audit.domain.patterns import Hit, Mark
from shared.contracts.audit import FindingOutcome, Pattern
from shared.contracts.base import Model
from shared.db import Connection
from shared.refs import ActorId, FindingRef


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a log was examined, and how far its own time had come."""

    position: int
    moment: datetime


# --- what the detectors remember --------------------------------------------------------------------------------------


async def behind(conn: Connection) -> dict[LogName, int]:
    """Return the logs that hold entries which were not examined, and how many."""
    rows = await conn.fetch(
        "SELECT log, size - coalesce(position, 0) AS entries FROM logs LEFT JOIN pattern_cursors USING (log)"
        " WHERE log <> 'unparsable' AND size > coalesce(position, 0) ORDER BY log"
    )
    return {LogName(row["log"]): row["entries"] for row in rows}


async def lock_cursor(conn: Connection, log: LogName) -> Cursor | None:
    """Return how far the log was examined, locked; None while another instance examines it."""
    await conn.execute("INSERT INTO pattern_cursors (log) VALUES ($1) ON CONFLICT DO NOTHING", log)
    row = await conn.fetchrow("SELECT position, moment FROM pattern_cursors WHERE log = $1 FOR UPDATE SKIP LOCKED", log)
    return None if row is None else Cursor(row["position"], row["moment"])


async def size_of(conn: Connection, log: LogName) -> int:
    """Return how many entries of the log are signed; rows behind them are no entries."""
    return int(await conn.fetchval("SELECT coalesce(max(size), 0) FROM checkpoints WHERE log = $1", log))


async def move_cursor(conn: Connection, log: LogName, cursor: Cursor) -> None:
    """Write how far the log was examined."""
    await conn.execute(
        "UPDATE pattern_cursors SET position = $2, moment = $3 WHERE log = $1", log, cursor.position, cursor.moment
    )


async def next_entries(conn: Connection, log: LogName, position: int, size: int, limit: int) -> list[Observed]:
    """Return the next entries from `position` on of the first `size`; bytes only where a pattern is about them.

    Those that the law let go are left out.
    """
    rows = await conn.fetch(
        "SELECT position, logged_at, happened_at, type, source, number, actor,"
        " CASE WHEN type = ANY($4::text[]) THEN leaf END AS leaf"
        " FROM entries WHERE log = $1 AND position >= $2 AND position < $5 ORDER BY position LIMIT $3",
        log,
        position,
        limit,
        list(TYPES),
        size,
    )
    return [
        observe(
            position=row["position"],
            logged_at=row["logged_at"],
            happened_at=row["happened_at"],
            event_type=row["type"],
            source=row["source"],
            number=row["number"],
            actor=row["actor"],
            leaf=row["leaf"],
        )
        for row in rows
    ]


async def read_states(conn: Connection, log: LogName, places: Iterable[Place]) -> dict[Place, Model]:
    """Return what is remembered at these places."""
    wanted = sorted(set(places))
    rows = await conn.fetch(
        "SELECT detector, key, state FROM pattern_states JOIN unnest($2::text[], $3::text[]) AS p (detector, key)"
        " USING (detector, key) WHERE log = $1",
        log,
        [place.detector for place in wanted],
        [place.key for place in wanted],
    )
    return _states(rows)


async def due_states(conn: Connection, log: LogName, moment: datetime) -> dict[Place, Model]:
    """Return what waits for a moment that has come."""
    rows = await conn.fetch("SELECT detector, key, state FROM pattern_states WHERE log = $1 AND due <= $2", log, moment)
    return _states(rows)


def _states(rows: Sequence[asyncpg.Record]) -> dict[Place, Model]:
    return {
        Place(row["detector"], row["key"]): REMEMBERED[row["detector"]].model_validate_json(row["state"])
        for row in rows
    }


async def save_states(conn: Connection, log: LogName, states: Mapping[Place, tuple[Model, datetime | None]]) -> None:
    """Write what is remembered from now on, and until when something in it waits."""
    ordered = sorted(states.items(), key=lambda item: item[0])
    await conn.execute(
        "INSERT INTO pattern_states (log, detector, key, state, due)"
        " SELECT $1, s.* FROM unnest($2::text[], $3::text[], $4::jsonb[], $5::timestamptz[]) AS s"
        " ON CONFLICT (log, detector, key) DO UPDATE SET state = excluded.state, due = excluded.due",
        log,
        [place.detector for place, _ in ordered],
        [place.key for place, _ in ordered],
        [state.model_dump_json(exclude_defaults=True) for _, (state, _) in ordered],
        [due for _, (_, due) in ordered],
    )


async def take_waiting(conn: Connection, now: datetime, again: datetime) -> dict[LogName, int]:
    """Return the fully examined logs in which something waits for a moment that has come, once for each such moment.

    Args:
        conn: in a transaction.
        now: by the rules' clock.
        again: one that was returned for a moment before this is returned again: its entry may not have been published.
    """
    rows = await conn.fetch(
        "UPDATE pattern_cursors c SET asked = $1 FROM ("
        " SELECT s.log, min(s.due) AS due FROM pattern_states s JOIN logs USING (log) JOIN pattern_cursors p USING (log)"
        " WHERE s.due <= $1 AND p.position >= logs.size GROUP BY s.log) w"
        " WHERE c.log = w.log AND (c.asked IS NULL OR c.asked < w.due OR c.asked < $2) RETURNING c.log, c.position",
        now,
        again,
    )
    return {LogName(row["log"]): row["position"] for row in rows}


# --- findings ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PatternFinding:
    """A finding about behaviour, as it stands."""

    finding: FindingRef
    log: LogName
    pattern: Pattern
    subject: str
    actor: ActorId | None
    status: FindingStatus
    outcome: FindingOutcome | None
    raised_at: datetime
    first_position: int
    last_position: int
    first_at: datetime
    last_at: datetime
    entries: int
    cases: int
    explain_by: datetime
    judged_at: datetime | None
    report_by: datetime | None
    overdue: frozenset[str]
    closed_at: datetime | None

    @property
    def due(self) -> datetime | None:
        """Return until when it is to be explained or, judged a breach, reported; None when it is closed."""
        if self.status is not FindingStatus.OPEN:
            return None
        return self.report_by if self.report_by is not None else self.explain_by


COLUMNS: Final = (
    "finding, log, pattern, subject, actor, status, outcome, raised_at, first_position, last_position, first_at, last_at,"
    " entries, cases, explain_by, judged_at, report_by, overdue, closed_at"
)


def found(row: asyncpg.Record) -> PatternFinding:
    """Return the finding in a row of `COLUMNS`."""
    values = {name: row[name] for name in COLUMNS.split(", ")}
    values["pattern"] = Pattern(row["pattern"])
    values["status"] = FindingStatus(row["status"])
    values["outcome"] = None if row["outcome"] is None else FindingOutcome(row["outcome"])
    values["overdue"] = frozenset(row["overdue"])
    return PatternFinding(**values)


async def untold(conn: Connection, log: LogName, hits: Sequence[Hit]) -> tuple[Mark, ...]:
    """Return those entries of hits of one pattern that are in no finding of it yet, in the order of the hits."""
    marks = [mark for hit in hits for mark in hit.marks]
    rows = await conn.fetch(
        "SELECT position FROM pattern_finding_entries WHERE log = $1 AND pattern = $2 AND position = ANY($3::bigint[])",
        log,
        hits[0].pattern,
        [mark.position for mark in marks],
    )
    told = {row["position"] for row in rows}
    return tuple(mark for mark in marks if mark.position not in told)


async def newest_finding(conn: Connection, log: LogName, hit: Hit) -> PatternFinding | None:
    """Return the newest finding that the hit may belong to, closed or not."""
    row = await conn.fetchrow(
        f"SELECT {COLUMNS} FROM pattern_findings WHERE log = $1 AND pattern = $2 AND subject = $3"  # noqa: S608
        " ORDER BY raised_at DESC, first_position DESC LIMIT 1",
        log,
        hit.pattern,
        hit.about,
    )
    return None if row is None else found(row)


async def add_finding(
    conn: Connection, log: LogName, hit: Hit, state: FindingState, raised_at: datetime, marks: Sequence[Mark]
) -> PatternFinding:
    """Write a finding that was just raised, with its entries, and return it."""
    await conn.execute(
        "INSERT INTO pattern_findings (finding, log, pattern, subject, actor, status, raised_at, first_position,"
        " last_position, first_at, last_at, entries, cases, explain_by)"
        " VALUES ($1, $2, $3, $4, $5, 'open', $6, $7, $8, $9, $10, $11, $12, $13) ON CONFLICT DO NOTHING",
        state.finding,
        log,
        hit.pattern,
        hit.about,
        hit.actor,
        raised_at,
        min(mark.position for mark in marks),
        max(mark.position for mark in marks),
        min(mark.at for mark in marks),
        max(mark.at for mark in marks),
        len(marks),
        len({mark.case for mark in marks if mark.case is not None}),
        state.explain_by,
    )
    assert state.finding is not None
    await _add_entries(conn, log, hit.pattern, state.finding, marks)
    await save_state(conn, state)
    row = await conn.fetchrow(f"SELECT {COLUMNS} FROM pattern_findings WHERE finding = $1", state.finding)  # noqa: S608
    if row is None:
        raise LookupError(f"the finding {state.finding} can be neither written nor read")
    return found(row)


async def extend_finding(conn: Connection, finding: PatternFinding, marks: Sequence[Mark]) -> None:
    """Let more entries belong to a finding."""
    await _add_entries(conn, finding.log, finding.pattern, finding.finding, marks)
    await conn.execute(
        "UPDATE pattern_findings f SET last_position = greatest(f.last_position, e.last), first_at = least(f.first_at, e.since),"
        " last_at = greatest(f.last_at, e.until), entries = e.entries, cases = e.cases FROM ("
        " SELECT max(position) AS last, min(happened_at) AS since, max(happened_at) AS until, count(*) AS entries,"
        " count(DISTINCT case_ref) AS cases FROM pattern_finding_entries WHERE finding = $1) e WHERE f.finding = $1",
        finding.finding,
    )


async def _add_entries(
    conn: Connection, log: LogName, pattern: Pattern, finding: FindingRef, marks: Sequence[Mark]
) -> None:
    await conn.execute(
        "INSERT INTO pattern_finding_entries (log, pattern, position, finding, case_ref, happened_at)"
        " SELECT $1, $2, m.position, $3, m.case_ref, m.at"
        " FROM unnest($4::bigint[], $5::text[], $6::timestamptz[]) AS m (position, case_ref, at)",
        log,
        pattern,
        finding,
        [mark.position for mark in marks],
        [mark.case for mark in marks],
        [mark.at for mark in marks],
    )


async def adds_something(conn: Connection, finding: PatternFinding, marks: Sequence[Mark]) -> bool:
    """Return whether one of the entries is about another child, or on another day in Norway, than the finding's so far."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT FROM unnest($2::text[], $3::timestamptz[]) AS m (case_ref, at) WHERE NOT EXISTS ("
            " SELECT FROM pattern_finding_entries e WHERE e.finding = $1 AND e.case_ref IS NOT DISTINCT FROM m.case_ref"
            " AND (e.happened_at AT TIME ZONE 'Europe/Oslo')::date = (m.at AT TIME ZONE 'Europe/Oslo')::date))",
            finding.finding,
            [mark.case for mark in marks],
            [mark.at for mark in marks],
        )
    )


async def save_state(conn: Connection, state: FindingState) -> None:
    """Write how the finding stands, as its aggregate has it."""
    await conn.execute(
        "UPDATE pattern_findings SET status = $2, outcome = $3, judged_at = $4, report_by = $5, overdue = $6, closed_at = $7"
        " WHERE finding = $1",
        state.finding,
        state.status,
        state.outcome,
        state.judged_at,
        state.report_by,
        sorted(state.overdue),
        state.closed_at,
    )


async def count_open(conn: Connection, log: LogName | None = None) -> dict[Pattern, tuple[int, int]]:
    """Return how many findings of each pattern are open, in one log or all, and how many of those have something overdue."""
    rows = await conn.fetch(
        "SELECT pattern, count(*) AS waiting, count(*) FILTER (WHERE overdue <> '{}') AS overdue"
        " FROM pattern_findings WHERE status = 'open' AND ($1::text IS NULL OR log = $1) GROUP BY pattern",
        log,
    )
    counted = {Pattern(row["pattern"]): (row["waiting"], row["overdue"]) for row in rows}
    return {pattern: counted.get(pattern, (0, 0)) for pattern in Pattern}
