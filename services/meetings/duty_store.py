"""SQL of the reports that municipalities owe: where they are found."""

from __future__ import annotations

from dataclasses import dataclass

from services.meetings.domain.report_duty import Owed
from shared.db import Connection
from shared.refs import LogScope, ReportDutyRef


@dataclass(frozen=True, slots=True)
class Expected:
    """A report that is waited for."""

    duty: ReportDutyRef
    owed: Owed


async def duty_ref(conn: Connection, municipality: LogScope, owed: Owed, new: ReportDutyRef) -> ReportDutyRef:
    """Return the reference of what is owed: `new` when it has none yet."""
    await conn.execute(
        "INSERT INTO report_duties (duty, municipality, report, due) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        new,
        municipality,
        owed.report,
        owed.due,
    )
    return await find(conn, municipality, owed) or new


async def find(conn: Connection, municipality: LogScope, owed: Owed) -> ReportDutyRef | None:
    """Return the reference of what is owed; None when it is not."""
    found: str | None = await conn.fetchval(
        "SELECT duty FROM report_duties WHERE municipality = $1 AND report = $2 AND due = $3",
        municipality,
        owed.report,
        owed.due,
    )
    return None if found is None else ReportDutyRef(found)


async def expected(conn: Connection, municipality: LogScope) -> list[Expected]:
    """Return what the municipality owes and has not delivered, the first due first."""
    rows = await conn.fetch(
        "SELECT d.duty, d.report, d.due FROM report_duties d JOIN aggregates a ON a.id = d.duty"
        " WHERE d.municipality = $1 AND a.state ->> 'status' = 'expected' ORDER BY d.due, d.report",
        municipality,
    )
    return [Expected(ReportDutyRef(row["duty"]), Owed(row["report"], row["due"])) for row in rows]
