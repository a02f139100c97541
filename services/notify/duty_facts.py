"""SQL of the reports that municipalities owe and have not delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.notify.domain.owed import Owed
from shared.contracts.codes import Role
from shared.db import Connection
from shared.refs import ReportDutyRef, UnitId


@dataclass(frozen=True)
class Awaited:
    """A report that is waited for."""

    duty: ReportDutyRef
    owed_by: Role
    owing_unit: UnitId | None
    """Of which unit they are who owe it; None: whoever has the role in the municipality."""
    unit: UnitId | None
    """Whose leaders are told when it does not come."""
    due: date

    @property
    def owed(self) -> Owed:
        """Return what is owed by whom: each report is told of by itself."""
        return Owed(self.owed_by, self.owing_unit, self.unit, self.due, self.duty)


async def add(conn: Connection, awaited: Awaited) -> None:
    """Remember it; said again, it is owed by whoever is named now."""
    await conn.execute(
        "INSERT INTO awaited_reports (duty, owed_by, owing_unit, unit, due) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (duty) DO UPDATE SET owed_by = excluded.owed_by, owing_unit = excluded.owing_unit,"
        " unit = excluded.unit",
        awaited.duty,
        awaited.owed_by,
        awaited.owing_unit,
        awaited.unit,
        awaited.due,
    )


async def find(conn: Connection, duty: ReportDutyRef) -> Awaited | None:
    """Return it, if it still is."""
    row = await conn.fetchrow("SELECT owed_by, owing_unit, unit, due FROM awaited_reports WHERE duty = $1", duty)
    if row is None:
        return None
    return Awaited(duty, Role(row["owed_by"]), row["owing_unit"], row["unit"], row["due"])


async def forget(conn: Connection, duty: ReportDutyRef) -> None:
    """Forget it."""
    await conn.execute("DELETE FROM awaited_reports WHERE duty = $1", duty)
