"""SQL of units' registers: where they are found."""

from __future__ import annotations

from services.meetings.domain.unit_register import RegisterState
from shared.db import Connection
from shared.refs import LogScope, UnitId, UnitRegisterRef


async def register_ref(conn: Connection, municipality: LogScope, unit: UnitId, new: UnitRegisterRef) -> UnitRegisterRef:
    """Return the unit's register: `new` when it has none yet."""
    await conn.execute(
        "INSERT INTO unit_registers (register, municipality, unit) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        new,
        municipality,
        unit,
    )
    found: str = await conn.fetchval(
        "SELECT register FROM unit_registers WHERE municipality = $1 AND unit = $2", municipality, unit
    )
    return UnitRegisterRef(found)


async def registers(conn: Connection, municipality: LogScope) -> dict[UnitId, RegisterState]:
    """Return what the municipality's units have recorded."""
    rows = await conn.fetch(
        "SELECT r.unit, a.state FROM unit_registers r JOIN aggregates a ON a.id = r.register WHERE r.municipality = $1",
        municipality,
    )
    return {UnitId(row["unit"]): RegisterState.model_validate_json(row["state"]) for row in rows}
