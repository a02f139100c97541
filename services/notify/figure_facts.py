"""SQL of the figures that are to be entered and have not been."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from services.notify.domain.owed import Owed
from shared.contracts.codes import Role
from shared.db import Connection
from shared.refs import EnteredFigureRef, LogScope, UnitId


@dataclass(frozen=True)
class AwaitedFigure:
    """A figure that is waited for."""

    figure: EnteredFigureRef
    municipality: LogScope
    owed_by: Role
    owing_unit: UnitId | None
    """Of which unit they are who enter it; None: whoever has the role in the municipality."""
    led_by: UnitId | None
    """Whose leaders are told when nobody enters it."""
    due: date

    @property
    def owed(self) -> Owed:
        """Return what is owed by whom: what the same people are to enter by the same day is one message."""
        told_as = f"figures/{self.municipality}/{self.owed_by}/{self.owing_unit or '-'}/{self.due}/"
        return Owed(self.owed_by, self.owing_unit, self.led_by, self.due, told_as)


async def add(conn: Connection, awaited: AwaitedFigure) -> None:
    """Remember it; said again, it is as it is said now."""
    await conn.execute(
        "INSERT INTO awaited_figures (figure, municipality, owed_by, owing_unit, led_by, due)"
        " VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (figure) DO UPDATE SET owed_by = excluded.owed_by, owing_unit = excluded.owing_unit,"
        " led_by = excluded.led_by, due = excluded.due",
        awaited.figure,
        awaited.municipality,
        awaited.owed_by,
        awaited.owing_unit,
        awaited.led_by,
        awaited.due,
    )


async def find(conn: Connection, figure: EnteredFigureRef) -> AwaitedFigure | None:
    """Return it, if it still is waited for."""
    row = await conn.fetchrow(
        "SELECT municipality, owed_by, owing_unit, led_by, due FROM awaited_figures WHERE figure = $1", figure
    )
    if row is None:
        return None
    return AwaitedFigure(
        figure, LogScope(row["municipality"]), Role(row["owed_by"]), row["owing_unit"], row["led_by"], row["due"]
    )


async def others(conn: Connection, awaited: AwaitedFigure) -> bool:
    """Return whether the same people are to enter another one by the same day."""
    return bool(
        await conn.fetchval(
            "SELECT EXISTS (SELECT FROM awaited_figures WHERE figure <> $1 AND municipality = $2 AND owed_by = $3"
            " AND owing_unit IS NOT DISTINCT FROM $4 AND due = $5)",
            awaited.figure,
            awaited.municipality,
            awaited.owed_by,
            awaited.owing_unit,
            awaited.due,
        )
    )


async def forget(conn: Connection, figure: EnteredFigureRef) -> None:
    """Forget it."""
    await conn.execute("DELETE FROM awaited_figures WHERE figure = $1", figure)
