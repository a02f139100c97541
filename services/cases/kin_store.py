"""SQL, and nothing else: who is whose kin, by opaque references and dates."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from shared.calendar import start_of_day
from shared.db import Connection
from shared.refs import ActorId, CaseRef


async def put_guardian(
    conn: Connection,
    case: CaseRef,
    actor: ActorId,
    ordinal: int,
    *,
    since: date | None,
    until: date | None,
    now: datetime,
) -> None:
    """Note from which day and until which day, both included, somebody has parental responsibility."""
    await conn.execute(
        "INSERT INTO kin (actor, case_ref, kind, ordinal, since, until) VALUES ($1, $2, 'guardian', $3, $4, $5)"
        " ON CONFLICT (actor, case_ref, kind) DO UPDATE SET until = excluded.until,"
        " since = CASE WHEN $6 THEN excluded.since ELSE kin.since END",
        actor,
        case,
        ordinal,
        now if since is None else start_of_day(since),
        None if until is None else start_of_day(until + timedelta(days=1)),
        since is not None,
    )


async def put_child(conn: Connection, case: CaseRef, actor: ActorId) -> None:
    """Note who the child is, in place of who it was said to be."""
    await conn.execute("UPDATE kin SET actor = $2 WHERE case_ref = $1 AND kind = 'child'", case, actor)


async def responsible(conn: Connection, case: CaseRef, now: datetime) -> frozenset[int]:
    """Return which guardians have parental responsibility at `now`, by their ordinals."""
    rows = await conn.fetch(
        "SELECT ordinal FROM kin WHERE case_ref = $1 AND kind = 'guardian' AND since <= $2"
        " AND (until IS NULL OR $2 < until)",
        case,
        now,
    )
    return frozenset(row["ordinal"] for row in rows)


async def forget(conn: Connection, case: CaseRef) -> None:
    """Delete who is whose kin here: the case is erased."""
    await conn.execute("DELETE FROM kin WHERE case_ref = $1", case)


async def carry_over(conn: Connection, old: CaseRef, new: CaseRef) -> None:
    """Let everybody be to `new` what they are to `old`, and let what was told be remembered there, without where."""
    await conn.execute("UPDATE kin SET case_ref = $2 WHERE case_ref = $1", old, new)
    await conn.execute(
        "INSERT INTO disclosures (case_ref, at, way, service, role, categories)"
        " SELECT $2, at, way, service, role, categories FROM disclosures WHERE case_ref = $1 ORDER BY id",
        old,
        new,
    )
