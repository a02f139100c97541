"""SQL, and nothing else: who is whose kin, by opaque references and dates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

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
    told_under: str | None = None,
    mistaken: bool | None = None,
) -> None:
    """Note from which day and until which day, both included, somebody has parental responsibility.

    `told_under` is the mark of the key under which an event says that they are of the family, `mistaken` that they never were;
    None: each stays as it is.
    """
    await conn.execute(
        "INSERT INTO kin (actor, case_ref, kind, ordinal, since, until, told_under, mistaken)"
        " VALUES ($1, $2, 'guardian', $3, $4, $5, $7, coalesce($8, false))"
        " ON CONFLICT (actor, case_ref, kind) DO UPDATE SET until = excluded.until,"
        " since = CASE WHEN $6 THEN excluded.since ELSE kin.since END,"
        " told_under = coalesce($7, kin.told_under), mistaken = coalesce($8, kin.mistaken)",
        actor,
        case,
        ordinal,
        now if since is None else start_of_day(since),
        None if until is None else start_of_day(until + timedelta(days=1)),
        since is not None,
        told_under,
        mistaken,
    )


async def put_child(conn: Connection, case: CaseRef, actor: ActorId, told_under: str | None = None) -> None:
    """Note who the child is, in place of who it was said to be."""
    await conn.execute(
        "UPDATE kin SET actor = $2, told_under = coalesce($3, told_under) WHERE case_ref = $1 AND kind = 'child'",
        case,
        actor,
        told_under,
    )


async def responsible(conn: Connection, case: CaseRef, now: datetime) -> frozenset[int]:
    """Return which guardians have parental responsibility at `now`, by their ordinals."""
    rows = await conn.fetch(
        "SELECT ordinal FROM kin WHERE case_ref = $1 AND kind = 'guardian' AND since <= $2"
        " AND (until IS NULL OR $2 < until)",
        case,
        now,
    )
    return frozenset(row["ordinal"] for row in rows)


@dataclass(frozen=True, slots=True)
class Member:
    """One of the family: the child, or somebody who has, had or will have parental responsibility."""

    actor: ActorId
    person: Literal["guardian", "child"]
    ordinal: int


async def members(conn: Connection, case: CaseRef) -> list[Member]:
    """Return the family, in a fixed order; not who was recorded as it by mistake."""
    rows = await conn.fetch(
        "SELECT actor, kind, ordinal FROM kin WHERE case_ref = $1 AND NOT mistaken ORDER BY kind, ordinal", case
    )
    return [Member(ActorId(row["actor"]), row["kind"], row["ordinal"]) for row in rows]


async def bring_former(conn: Connection, old: CaseRef, new: CaseRef, until: datetime, told_under: str) -> None:
    """Let who had parental responsibility, and is not noted in `new`, have had it there, until that moment at the latest."""
    await conn.execute(
        "INSERT INTO kin (actor, case_ref, kind, ordinal, since, until, told_under)"
        " SELECT actor, $2, kind, ordinal, since, least(until, $3), $4 FROM kin"
        " WHERE case_ref = $1 AND kind = 'guardian' AND NOT mistaken ON CONFLICT DO NOTHING",
        old,
        new,
        until,
        told_under,
    )


async def told(conn: Connection, case: CaseRef, mark: str) -> None:
    """Note that the events of the case say who is of the family under the key of this mark."""
    await conn.execute("UPDATE kin SET told_under = $2 WHERE case_ref = $1", case, mark)


async def untold(conn: Connection, mark: str, limit: int) -> list[CaseRef]:
    """Return cases whose events do not say it under the key of this mark, in the order of their names."""
    rows = await conn.fetch(
        "SELECT DISTINCT case_ref FROM kin WHERE told_under IS DISTINCT FROM $1 ORDER BY case_ref LIMIT $2", mark, limit
    )
    return [CaseRef(row["case_ref"]) for row in rows]


async def forget(conn: Connection, case: CaseRef) -> None:
    """Delete who is whose kin here: the case is erased."""
    await conn.execute("DELETE FROM kin WHERE case_ref = $1", case)


async def carry_over(conn: Connection, old: CaseRef, new: CaseRef, told_under: str) -> None:
    """Let everybody be to `new` what they are to `old`, and let what was told be remembered there, without where."""
    await conn.execute("UPDATE kin SET case_ref = $2, told_under = $3 WHERE case_ref = $1", old, new, told_under)
    await conn.execute(
        "INSERT INTO disclosures (case_ref, at, way, service, role, categories)"
        " SELECT $2, at, way, service, role, categories FROM disclosures WHERE case_ref = $1 ORDER BY id",
        old,
        new,
    )
