"""SQL of who is away or has left, and to whom it falls (seed rule 107)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.contracts.notify import Responsible
from shared.db import Connection
from shared.refs import AbsenceRef, ActorId, UnitId


@dataclass(frozen=True)
class Away:
    """Somebody who is not at work on a day."""

    left: bool
    """Whether they do not come back."""
    falls_to: Responsible


async def add(
    conn: Connection,
    absence: AbsenceRef,
    person: ActorId,
    unit: UnitId,
    last_day: date,
    back_on: date | None,
    falls_to: Responsible,
) -> None:
    """Remember an absence; the same again changes nothing."""
    await conn.execute(
        "INSERT INTO absences (absence, person, unit, last_day, back_on, falls_to) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT DO NOTHING",
        absence,
        person,
        unit,
        last_day,
        back_on,
        falls_to.model_dump_json(exclude_none=True),
    )


async def remove(conn: Connection, absence: AbsenceRef) -> None:
    """Forget one: the employee stays after all."""
    await conn.execute("DELETE FROM absences WHERE absence = $1", absence)


async def came_back(conn: Connection, person: ActorId) -> None:
    """Forget that somebody has left: they have signed in, and said how they want to be reached."""
    await conn.execute("DELETE FROM absences WHERE person = $1 AND back_on IS NULL", person)


async def away(conn: Connection, person: ActorId, unit: UnitId | None, on: date) -> Away | None:
    """Return that somebody is not at work in `unit` on that day, in Norway; None when nothing is known of it.

    Who has left one unit may work in another. Where no unit is said any absence counts.
    """
    row = await conn.fetchrow(
        "SELECT back_on IS NULL AS left, falls_to FROM absences WHERE person = $1 AND last_day < $2"
        " AND (back_on IS NULL OR back_on > $2) AND ($3::text IS NULL OR unit = $3) ORDER BY back_on DESC NULLS FIRST LIMIT 1",
        person,
        on,
        unit,
    )
    return None if row is None else Away(row["left"], Responsible.model_validate_json(row["falls_to"]))
