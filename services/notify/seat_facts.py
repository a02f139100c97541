"""SQL of the seats with a duty to attend a meeting that is to come, and whether they have answered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from shared.contracts.codes import Service
from shared.contracts.meetings import Seat
from shared.db import Connection
from shared.refs import MeetingRef, UnitId


@dataclass(frozen=True)
class Awaited:
    """A seat with a duty to attend."""

    meeting: MeetingRef
    service: Service
    unit: UnitId | None
    starts_at: datetime


async def ask(conn: Connection, meeting: MeetingRef, seats: Iterable[Seat], starts_at: datetime) -> None:
    """Wait for these seats' answers, and for no others'."""
    await forget(conn, meeting)
    await conn.executemany(
        "INSERT INTO awaited_seats (meeting, service, unit, starts_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        [(meeting, seat.service, seat.unit or "", starts_at) for seat in seats],
    )


async def ask_anew(conn: Connection, meeting: MeetingRef, starts_at: datetime) -> None:
    """Wait for all of them again."""
    await conn.execute(
        "UPDATE awaited_seats SET answered = false, starts_at = $2 WHERE meeting = $1", meeting, starts_at
    )


async def answer(conn: Connection, meeting: MeetingRef, seat: Seat) -> Awaited | None:
    """Wait for this one no longer; None when it has no duty."""
    row = await conn.fetchrow(
        "UPDATE awaited_seats SET answered = true WHERE meeting = $1 AND service = $2 AND unit = $3 RETURNING *",
        meeting,
        seat.service,
        seat.unit or "",
    )
    return None if row is None else _awaited(row)


async def unanswered(conn: Connection, meeting: MeetingRef) -> list[Awaited]:
    """Return the seats that have not answered."""
    rows = await conn.fetch(
        "SELECT * FROM awaited_seats WHERE meeting = $1 AND NOT answered ORDER BY service, unit", meeting
    )
    return [_awaited(row) for row in rows]


async def forget(conn: Connection, meeting: MeetingRef) -> None:
    """Wait for nobody."""
    await conn.execute("DELETE FROM awaited_seats WHERE meeting = $1", meeting)


def _awaited(row: asyncpg.Record) -> Awaited:
    return Awaited(
        meeting=MeetingRef(row["meeting"]),
        service=Service(row["service"]),
        unit=UnitId(row["unit"]) if row["unit"] else None,
        starts_at=row["starts_at"],
    )
