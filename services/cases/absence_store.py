"""SQL for absences: who is away on which day, and what cases they have to do with."""

from __future__ import annotations

from datetime import date, datetime
from typing import Final

from services.cases.domain.absence import AbsenceState
from shared.db import Connection
from shared.refs import AbsenceRef, ActorId, CaseRef, LogScope, UnitId

_GIVEN_TO: Final = "hashtextextended('given-to/' || $1, 0)"
"""The lock between what is given to somebody, shared by all who do, and the beginning of that person's absence."""
_AWAY: Final = """
SELECT absence FROM absences
WHERE person = $1 AND municipality = $2 AND standing AND (last_day < $3 OR begun OR $4) AND (back_on IS NULL OR $3 < back_on)
AND ($5::text IS NULL OR unit = $5)
ORDER BY begun OR last_day < $3 DESC, last_day DESC LIMIT 1
"""


async def add(conn: Connection, state: AbsenceState, municipality: LogScope, at: datetime) -> None:
    """Let an absence be found."""
    await conn.execute(
        "INSERT INTO absences (absence, person, municipality, unit, registered_at, last_day, back_on, falls_to)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        state.ref,
        state.person,
        municipality,
        state.unit,
        at,
        state.last_day,
        state.back_on,
        None if state.falls_to is None else state.falls_to.actor,
    )


async def take_back(conn: Connection, absence: AbsenceRef) -> None:
    """Let it stand no more."""
    await conn.execute("UPDATE absences SET standing = false WHERE absence = $1", absence)


async def municipality_of(conn: Connection, absence: AbsenceRef) -> LogScope | None:
    """Return whose employee it is about, if there is such an absence."""
    found = await conn.fetchval("SELECT municipality FROM absences WHERE absence = $1", absence)
    return None if found is None else LogScope(found)


async def registered(conn: Connection, municipality: LogScope, person: ActorId, day: date, unit: UnitId | None) -> bool:
    """Return whether somebody is registered as away from `unit` on `day` or later, so that others may act for them there."""
    return bool(
        await conn.fetchval(
            "SELECT exists (SELECT FROM absences WHERE person = $1 AND municipality = $2 AND standing"
            " AND (back_on IS NULL OR $3 < back_on) AND ($4::text IS NULL OR unit = $4))",
            person,
            municipality,
            day,
            unit,
        )
    )


async def begin(conn: Connection, absence: AbsenceRef, person: ActorId) -> None:
    """Let an absence begin: from here on whoever is about to give `person` something waits for nothing, and gives it to another.

    What was given before is committed, and is found by what comes after this in the transaction.
    """
    await conn.execute(f"SELECT pg_advisory_xact_lock({_GIVEN_TO})", person)
    await conn.execute("UPDATE absences SET begun = true WHERE absence = $1", absence)


async def away_for_good(
    conn: Connection, municipality: LogScope, person: ActorId, day: date, unit: UnitId | None
) -> AbsenceRef | None:
    """Return the absence from `unit` in which somebody is on `day`, or that begins at this moment.

    No other begins before the transaction ends. Nobody waits here: what holds the lock against it is the beginning of an absence,
    and that may wait for a row of the caller's.
    """
    undisturbed = bool(await conn.fetchval(f"SELECT pg_try_advisory_xact_lock_shared({_GIVEN_TO})", person))
    found = await conn.fetchval(_AWAY, person, municipality, day, not undisturbed, unit)
    return None if found is None else AbsenceRef(found)


async def left_to(conn: Connection, municipality: LogScope, leader: ActorId) -> AbsenceRef | None:
    """Return the last absence by which something fell to `leader`, if any."""
    found = await conn.fetchval(
        "SELECT absence FROM absences WHERE falls_to = $1 AND municipality = $2 AND begun"
        " ORDER BY last_day DESC, registered_at DESC LIMIT 1",
        leader,
        municipality,
    )
    return None if found is None else AbsenceRef(found)


async def away(
    conn: Connection, municipality: LogScope, person: ActorId, day: date, unit: UnitId | None
) -> AbsenceRef | None:
    """Return the absence in which somebody is on `day`, if any: from `unit`, as who has left one may work in another.

    Where nobody knows in which unit they would be, any absence counts.
    """
    found = await conn.fetchval(_AWAY, person, municipality, day, False, unit)
    return None if found is None else AbsenceRef(found)


async def falls_back(
    conn: Connection,
    municipality: LogScope,
    unit: UnitId,
    person: ActorId,
    falls_to: ActorId,
    days: tuple[date, date | None],
) -> bool:
    """Return whether `falls_to`, or whom it falls to in that unit, is away from it within these days and leaves things to `person`.

    `days` are the last day there and the day back, if there is one.
    """
    last_day, back_on = days
    return bool(
        await conn.fetchval(
            "WITH RECURSIVE chain AS (SELECT $3::text AS actor UNION SELECT a.falls_to FROM absences a JOIN chain"
            " ON a.person = chain.actor WHERE a.municipality = $1 AND a.unit = $6 AND a.standing"
            " AND coalesce(least(a.back_on, $5::date), 'infinity'::date) > greatest(a.last_day, $4::date) + 1)"
            " SELECT exists (SELECT FROM chain WHERE actor = $2)",
            municipality,
            person,
            falls_to,
            last_day,
            back_on,
            unit,
        )
    )


async def seen_by(
    conn: Connection,
    municipality: LogScope,
    person: ActorId,
    leads: UnitId | None,
    *,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[tuple[datetime, AbsenceRef]]:
    """Return somebody's own absences and those of the unit that they lead, with when each was registered, the newest first."""
    rows = await conn.fetch(
        "SELECT absence, registered_at FROM absences WHERE municipality = $1 AND (person = $2 OR unit = $3)"
        " AND ($4::timestamptz IS NULL OR (registered_at, absence) < ($4, $5))"
        " ORDER BY registered_at DESC, absence DESC LIMIT $6",
        municipality,
        person,
        leads,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [(row["registered_at"], AbsenceRef(row["absence"])) for row in rows]


async def resting_with(conn: Connection, municipality: LogScope, person: ActorId) -> list[CaseRef]:
    """Return the cases whose baton somebody holds, or that somebody coordinates, in the order in which they began."""
    rows = await conn.fetch(
        "SELECT case_ref FROM case_index WHERE (holder = $1 OR coordinators @> ARRAY[$1]) AND municipality = $2"
        " ORDER BY registered_at, case_ref",
        person,
        municipality,
    )
    return [CaseRef(row["case_ref"]) for row in rows]


async def waiting_for(conn: Connection, person: ActorId) -> list[CaseRef]:
    """Return the cases in which a handover waits for somebody's answer."""
    rows = await conn.fetch("SELECT case_ref FROM case_index WHERE receiver = $1 ORDER BY case_ref", person)
    return [CaseRef(row["case_ref"]) for row in rows]
