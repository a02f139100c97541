"""SQL, and nothing else: emergency accesses, and what was looked at under each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.refs import CaseRef, GlassRef, LogScope, UnitId


@dataclass(frozen=True, slots=True)
class Look:
    """A look in an emergency."""

    at: datetime
    categories: frozenset[InformationCategory]


@dataclass(frozen=True, slots=True)
class Found:
    """An emergency access in a list."""

    glass: GlassRef
    case: CaseRef
    opened_at: datetime


async def opened(
    conn: Connection, glass: GlassRef, case: CaseRef, municipality: LogScope, unit: UnitId | None, at: datetime
) -> None:
    """Make a new emergency access findable by whoever reviews it."""
    await conn.execute(
        "INSERT INTO glass (glass, case_ref, municipality, unit, opened_at) VALUES ($1, $2, $3, $4, $5)",
        glass,
        case,
        municipality,
        unit,
        at,
    )


async def reviewed(conn: Connection, glass: GlassRef, at: datetime) -> None:
    """Note that it was reviewed."""
    await conn.execute("UPDATE glass SET reviewed_at = $2 WHERE glass = $1", glass, at)


async def escalated(conn: Connection, glass: GlassRef, at: datetime) -> None:
    """Note that the privacy officer may review it."""
    await conn.execute("UPDATE glass SET escalated_at = $2 WHERE glass = $1", glass, at)


async def looked(conn: Connection, glass: GlassRef, at: datetime, categories: Iterable[InformationCategory]) -> None:
    """Note a look."""
    await conn.execute(
        "INSERT INTO glass_looks (glass, at, categories) VALUES ($1, $2, $3)", glass, at, sorted(categories)
    )


async def looks(conn: Connection, glass: GlassRef) -> list[Look]:
    """Return what was looked at, oldest first."""
    rows = await conn.fetch("SELECT at, categories FROM glass_looks WHERE glass = $1 ORDER BY id", glass)
    return [Look(row["at"], frozenset(map(InformationCategory, row["categories"]))) for row in rows]


async def to_review(
    conn: Connection,
    municipality: LogScope,
    *,
    unit: UnitId | None,
    protected_too: bool,
    escalated_too: bool,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Found]:
    """Return a municipality's emergency accesses of a unit, of protected cases, or those that were escalated, newest first."""
    rows = await conn.fetch(
        "SELECT glass, case_ref, opened_at FROM glass WHERE municipality = $1"
        " AND (unit = $2 OR ($3 AND unit IS NULL) OR ($4 AND escalated_at IS NOT NULL))"
        " AND ($5::timestamptz IS NULL OR (opened_at, glass) < ($5, $6))"
        " ORDER BY opened_at DESC, glass DESC LIMIT $7",
        municipality,
        unit,
        protected_too,
        escalated_too,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [Found(GlassRef(row["glass"]), CaseRef(row["case_ref"]), row["opened_at"]) for row in rows]
