"""SQL of hearings: where they are found. Their texts are in the vault."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from services.meetings.domain.consultation import ConsultationState, Status
from shared.contracts.consultations import Body
from shared.db import Connection
from shared.refs import ActorId, ConsultationRef, LogScope, UnitId


@dataclass(frozen=True, slots=True)
class Listed:
    """A hearing in a list."""

    consultation: ConsultationRef
    kind: str
    bodies: tuple[Body, ...]
    answered: tuple[UnitId, ...]
    late: tuple[UnitId, ...]
    corrected_late: tuple[UnitId, ...]
    answer_by: datetime
    status: Status


async def save(conn: Connection, municipality: LogScope, state: ConsultationState) -> None:
    """Bring the hearing's row up to `state`."""
    opened_by = state.opened_by
    await conn.execute(
        "INSERT INTO consultations (consultation, municipality, opener, opener_unit, units, answer_by)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (consultation) DO NOTHING",
        state.consultation,
        municipality,
        None if opened_by is None else opened_by.actor,
        None if opened_by is None else opened_by.unit,
        [body.unit for body in state.bodies],
        state.answer_by,
    )


async def listed(
    conn: Connection,
    municipality: LogScope,
    actor: ActorId,
    unit: UnitId | None,
    *,
    leads: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Listed]:
    """Return the hearings that the actor opened, or in which the unit is heard, by the time they are to be answered."""
    rows = await conn.fetch(
        "SELECT a.state FROM consultations c JOIN aggregates a ON a.id = c.consultation WHERE c.municipality = $1"
        " AND (c.opener = $2 OR (c.opener_unit = $3 AND $4) OR c.units @> ARRAY[$3::text])"
        " AND ($5::timestamptz IS NULL OR (c.answer_by, c.consultation) > ($5, $6))"
        " ORDER BY c.answer_by, c.consultation LIMIT $7",
        municipality,
        actor,
        unit,
        leads,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [_listed(ConsultationState.model_validate_json(row["state"])) for row in rows]


def _listed(state: ConsultationState) -> Listed:
    assert state.consultation is not None
    assert state.answer_by is not None
    return Listed(
        consultation=state.consultation,
        kind=state.kind,
        bodies=state.bodies,
        answered=tuple(body.unit for body in state.answered),
        late=state.late,
        corrected_late=state.corrected_late,
        answer_by=state.answer_by,
        status=state.status,
    )
