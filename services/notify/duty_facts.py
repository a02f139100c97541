"""SQL of the reports that municipalities owe and have not delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from shared.contracts.codes import Role
from shared.db import Connection
from shared.refs import ReportDutyRef, UnitId


@dataclass(frozen=True)
class Awaited:
    """A report that is waited for."""

    duty: ReportDutyRef
    owed_by: Role
    unit: UnitId | None
    """Whose leaders are told when it does not come."""
    due: date


async def add(conn: Connection, awaited: Awaited) -> None:
    """Remember it."""
    await conn.execute(
        "INSERT INTO awaited_reports (duty, owed_by, unit, due) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        awaited.duty,
        awaited.owed_by,
        awaited.unit,
        awaited.due,
    )


async def find(conn: Connection, duty: ReportDutyRef) -> Awaited | None:
    """Return it, if it still is."""
    row = await conn.fetchrow("SELECT owed_by, unit, due FROM awaited_reports WHERE duty = $1", duty)
    if row is None:
        return None
    unit = None if row["unit"] is None else UnitId(row["unit"])
    return Awaited(duty, Role(row["owed_by"]), unit, row["due"])


async def forget(conn: Connection, duty: ReportDutyRef) -> None:
    """Forget it."""
    await conn.execute("DELETE FROM awaited_reports WHERE duty = $1", duty)
