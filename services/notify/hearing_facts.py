"""SQL of the hearings that wait for answers: who asked, by when, and which bodies have not answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from shared.contracts.notify import Responsible
from shared.db import Connection
from shared.refs import ConsultationRef, UnitId


@dataclass(frozen=True)
class Asked:
    """A hearing that is not closed."""

    consultation: ConsultationRef
    opened_by: Responsible
    answer_by: datetime
    waiting: tuple[UnitId, ...]
    """Those that have not answered."""


async def add(conn: Connection, asked: Asked) -> None:
    """Remember it."""
    await conn.execute(
        "INSERT INTO hearings (consultation, opened_by, answer_by, waiting) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        asked.consultation,
        asked.opened_by.model_dump_json(exclude_none=True),
        asked.answer_by,
        list(asked.waiting),
    )


async def asked(conn: Connection, consultation: ConsultationRef) -> Asked | None:
    """Return it; None when it is closed."""
    row = await conn.fetchrow("SELECT * FROM hearings WHERE consultation = $1", consultation)
    if row is None:
        return None
    return Asked(
        consultation=ConsultationRef(row["consultation"]),
        opened_by=Responsible.model_validate_json(row["opened_by"]),
        answer_by=row["answer_by"],
        waiting=tuple(UnitId(unit) for unit in row["waiting"]),
    )


async def answered(conn: Connection, consultation: ConsultationRef, unit: UnitId) -> None:
    """Wait for this body no more."""
    await conn.execute(
        "UPDATE hearings SET waiting = array_remove(waiting, $2) WHERE consultation = $1", consultation, unit
    )


async def forget(conn: Connection, consultation: ConsultationRef) -> None:
    """Forget it: it is closed."""
    await conn.execute("DELETE FROM hearings WHERE consultation = $1", consultation)
