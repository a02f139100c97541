"""SQL of the figures that people enter: where they are found, and every number that was entered of each."""

from __future__ import annotations

import asyncpg

from services.meetings.domain.entered_figure import FigureSource, FigureState, Kept, Number, Place, Version
from shared.contracts.codes import Role
from shared.contracts.entered_figures import FigureCorrection
from shared.db import Connection
from shared.refs import ActorId, EnteredFigureRef, LogScope, UnitId


async def figure_ref(conn: Connection, municipality: LogScope, place: Place, new: EnteredFigureRef) -> EnteredFigureRef:
    """Return the figure's reference: `new` when nobody has entered it yet."""
    named = (municipality, place.indicator, place.period, place.unit or "")
    await conn.execute(
        "INSERT INTO entered_figures (figure, municipality, indicator, period, unit) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        new,
        *named,
    )
    found: str = await conn.fetchval(
        "SELECT figure FROM entered_figures WHERE municipality = $1 AND indicator = $2 AND period = $3 AND unit = $4",
        *named,
    )
    return EnteredFigureRef(found)


async def expected(conn: Connection, municipality: LogScope) -> list[FigureState]:
    """Return the figures that are waited for, as they stand."""
    rows = await conn.fetch(
        "SELECT a.state FROM entered_figures f JOIN aggregates a ON a.id = f.figure"
        " WHERE f.municipality = $1 AND a.state ->> 'due' IS NOT NULL ORDER BY f.figure",
        municipality,
    )
    return [FigureState.model_validate_json(row["state"]) for row in rows]


async def add(conn: Connection, figure: EnteredFigureRef, entry: Version) -> None:
    """Keep a further entry."""
    await conn.execute(
        "INSERT INTO entered_numbers (figure, number, tenths, of_all, source, reason, actor, role, entered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        figure,
        entry.number,
        entry.content.tenths,
        entry.content.of,
        entry.content.source,
        entry.reason,
        entry.actor,
        entry.role,
        entry.at,
    )


async def entries(conn: Connection, figure: EnteredFigureRef) -> list[Version]:
    """Return everything that was entered of the figure, the first entry first."""
    rows = await conn.fetch(
        "SELECT number, tenths, of_all, source, reason, actor, role, entered_at FROM entered_numbers"
        " WHERE figure = $1 ORDER BY number",
        figure,
    )
    return [
        Version(
            number=row["number"],
            content=_number(row),
            reason=None if row["reason"] is None else FigureCorrection(row["reason"]),
            actor=ActorId(row["actor"]),
            role=Role(row["role"]),
            at=row["entered_at"],
        )
        for row in rows
    ]


async def kept(conn: Connection, municipality: LogScope) -> Kept:
    """Return the municipality's figures, each with what stands there now."""
    rows = await conn.fetch(
        "SELECT DISTINCT ON (figure) figure, indicator, period, unit, number, tenths, of_all, source"
        " FROM entered_figures JOIN entered_numbers USING (figure)"
        " WHERE municipality = $1 ORDER BY figure, number DESC",
        municipality,
    )
    return {
        _place(row): (
            EnteredFigureRef(row["figure"]),
            _number(row),
            row["number"],
        )
        for row in rows
    }


def _place(row: asyncpg.Record) -> Place:
    return Place(row["indicator"], row["period"], UnitId(row["unit"]) if row["unit"] else None)


def _number(row: asyncpg.Record) -> Number:
    return Number(tenths=row["tenths"], of=row["of_all"], source=FigureSource(row["source"]))
