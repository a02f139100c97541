"""SQL of whom a change in a case's measures concerns: which services are in the team, and who carries out what."""

from __future__ import annotations

from collections.abc import Sequence

from shared.contracts.codes import Service
from shared.db import Connection
from shared.refs import CaseRef, MeasureRef, UnitId

Units = dict[Service, frozenset[UnitId]]
"""Services, each with those of its units that are known to have a part."""


async def add_member(conn: Connection, case: CaseRef, service: Service) -> None:
    """Remember that a service is in the team."""
    await conn.execute(
        "INSERT INTO team_members (case_ref, service) VALUES ($1, $2) ON CONFLICT DO NOTHING", case, service
    )


async def remove_member(conn: Connection, case: CaseRef, service: Service) -> None:
    """Forget a service that left."""
    await conn.execute("DELETE FROM team_members WHERE case_ref = $1 AND service = $2", case, service)


async def members_of(conn: Connection, case: CaseRef) -> frozenset[Service]:
    """Return the services in the team."""
    rows = await conn.fetch("SELECT service FROM team_members WHERE case_ref = $1", case)
    return frozenset(Service(row["service"]) for row in rows)


async def set_owner(
    conn: Connection, case: CaseRef, measure: MeasureRef, service: Service, unit: UnitId | None
) -> None:
    """Remember who carries out a measure."""
    await conn.execute(
        "INSERT INTO measure_owners (measure, case_ref, service, unit) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (measure) DO UPDATE SET service = excluded.service, unit = excluded.unit",
        measure,
        case,
        service,
        unit,
    )


async def forget_measure(conn: Connection, measure: MeasureRef) -> None:
    """Forget a measure that has ended."""
    await conn.execute("DELETE FROM measure_owners WHERE measure = $1", measure)


async def owners_of(conn: Connection, measures: Sequence[MeasureRef]) -> Units:
    """Return who carries out these measures."""
    rows = await conn.fetch("SELECT service, unit FROM measure_owners WHERE measure = ANY($1::text[])", list(measures))
    owners: Units = {}
    for row in rows:
        service = Service(row["service"])
        unit = frozenset[UnitId]() if row["unit"] is None else frozenset({UnitId(row["unit"])})
        owners[service] = owners.get(service, frozenset()) | unit
    return owners


async def units_in(conn: Connection, case: CaseRef) -> Units:
    """Return the units that carry out something in the case."""
    rows = await conn.fetch("SELECT measure FROM measure_owners WHERE case_ref = $1", case)
    return await owners_of(conn, [MeasureRef(row["measure"]) for row in rows])
