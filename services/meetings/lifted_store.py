"""SQL of what arenas have lifted: where it waits, and on which agenda it stands (seed rules 68, 69)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from asyncpg import Record

from services.meetings.domain.lifting import LiftedStanding
from shared.db import Connection
from shared.refs import ArenaRef, CaseRef, ItemRef, LogScope, MeetingRef

_LIFTED: Final = (
    "SELECT l.nth, l.item, l.meeting, l.arena, l.case_ref, l.placed_in, l.placed_as, l.held_back, l.settled"
    " FROM lifted_items l"
)


@dataclass(frozen=True, slots=True)
class Lifted:
    """An item that an arena has lifted."""

    nth: int
    """Which of those that were lifted."""
    item: ItemRef
    """As it stood where it was lifted from."""
    meeting: MeetingRef
    arena: ArenaRef
    """To which it was lifted."""
    case: CaseRef | None
    placed_in: MeetingRef | None
    """None: it waits."""
    placed_as: ItemRef | None
    """Where it waits: as which item it stood on the agenda before, if it did."""
    held_back: str | None
    """The code of what kept it from the agenda that was last tried."""
    settled: bool

    @property
    def standing(self) -> LiftedStanding:
        """Return how it stands."""
        if self.settled:
            return LiftedStanding.SETTLED
        return LiftedStanding.WAITS if self.placed_in is None else LiftedStanding.ON_AGENDA


async def add(conn: Connection, item: ItemRef, meeting: MeetingRef, arena: ArenaRef, case: CaseRef | None) -> None:
    """Let it wait."""
    await conn.execute(
        "INSERT INTO lifted_items (item, meeting, arena, case_ref) VALUES ($1, $2, $3, $4)", item, meeting, arena, case
    )


async def find(conn: Connection, items: Collection[ItemRef]) -> dict[ItemRef, Lifted]:
    """Return those of the items that were lifted."""
    rows = await conn.fetch(f"{_LIFTED} WHERE l.item = ANY($1::text[])", list(items))
    return {ItemRef(row["item"]): _lifted(row) for row in rows}


async def waiting(conn: Connection, arena: ArenaRef) -> list[Lifted]:
    """Return what waits for a meeting of the arena, the first lifted first; nobody else places it until this transaction ends."""
    rows = await conn.fetch(
        f"{_LIFTED} WHERE l.arena = $1 AND l.placed_in IS NULL AND NOT l.settled ORDER BY l.nth FOR UPDATE", arena
    )
    return [_lifted(row) for row in rows]


async def open_in(conn: Connection, municipality: LogScope, *, after: tuple[int, ...] | None) -> list[Lifted]:
    """Return what was lifted in the municipality after that one and is not settled, the first lifted first."""
    rows = await conn.fetch(
        f"{_LIFTED} JOIN arenas a USING (arena) WHERE a.municipality = $1 AND NOT l.settled AND l.nth > $2 ORDER BY l.nth",
        municipality,
        -1 if after is None else after[0],
    )
    return [_lifted(row) for row in rows]


async def next_called(conn: Connection, arena: ArenaRef, now: datetime) -> MeetingRef | None:
    """Return the arena's next meeting that is called and has not begun; None when there is none."""
    found: str | None = await conn.fetchval(
        "SELECT meeting FROM meetings WHERE arena = $1 AND status = 'called' AND starts_at > $2"
        " ORDER BY starts_at, meeting LIMIT 1",
        arena,
        now,
    )
    return None if found is None else MeetingRef(found)


async def placed(conn: Connection, item: ItemRef, meeting: MeetingRef, new: ItemRef) -> None:
    """Note on which agenda it stands, and as which item; as which it stood on another before is kept."""
    await conn.execute(
        "UPDATE lifted_items SET placed_in = $2, placed_as = $3, held_back = NULL, stood_as = CASE WHEN placed_as <> $3"
        " THEN array_append(stood_as, placed_as) ELSE stood_as END WHERE item = $1",
        item,
        meeting,
        new,
    )


async def held_back(conn: Connection, item: ItemRef, code: str) -> None:
    """Note what kept it from an agenda; it waits."""
    await conn.execute("UPDATE lifted_items SET held_back = $2 WHERE item = $1", item, code)


async def settle(conn: Connection, items: Collection[ItemRef]) -> None:
    """Let nothing wait any more that stands, or stood last, on an agenda as one of these items.

    It was discussed, or somebody took it off.
    """
    await conn.execute(
        "UPDATE lifted_items SET settled = true WHERE placed_as = ANY($1::text[]) AND NOT settled", list(items)
    )


async def settle_later(conn: Connection, item: ItemRef) -> list[tuple[MeetingRef, ItemRef]]:
    """Let nothing wait any more that stands, or ever stood, on an agenda as this item, which was discussed.

    Returns:
        The agendas on which it stands again by now, and as which item: where nothing else that was lifted stands as the same one.
    """
    rows = await conn.fetch(
        "WITH over AS (UPDATE lifted_items SET settled = true WHERE NOT settled AND (placed_as = $1 OR $1 = ANY(stood_as))"
        " RETURNING item, placed_in, placed_as)"
        " SELECT DISTINCT placed_in, placed_as FROM over WHERE placed_in IS NOT NULL AND placed_as <> $1 AND NOT EXISTS"
        " (SELECT FROM lifted_items o WHERE o.placed_as = over.placed_as AND NOT o.settled"
        " AND o.item NOT IN (SELECT item FROM over)) ORDER BY placed_in, placed_as",
        item,
    )
    return [(MeetingRef(row["placed_in"]), ItemRef(row["placed_as"])) for row in rows]


async def drop(conn: Connection, item: ItemRef, code: str) -> None:
    """Let an item wait no more that nobody may bring."""
    await conn.execute("UPDATE lifted_items SET settled = true, held_back = $2 WHERE item = $1", item, code)


async def hold(conn: Connection, item: ItemRef) -> Lifted | None:
    """Return how it stands with what was lifted, held until this transaction ends; None: it was not lifted."""
    row = await conn.fetchrow(f"{_LIFTED} WHERE l.item = $1 FOR UPDATE", item)
    return None if row is None else _lifted(row)


async def withdraw(conn: Connection, item: ItemRef) -> None:
    """Let an item wait no more that was taken back."""
    await conn.execute("UPDATE lifted_items SET settled = true, held_back = NULL WHERE item = $1", item)


async def wait_again(conn: Connection, items: Collection[ItemRef]) -> None:
    """Let it wait again that stood on an agenda as one of these items and was not discussed."""
    await conn.execute(
        "UPDATE lifted_items SET placed_in = NULL WHERE placed_as = ANY($1::text[]) AND NOT settled", list(items)
    )


async def wait_again_after(conn: Connection, meeting: MeetingRef) -> None:
    """Let everything wait again that stood on this meeting's agenda and was not settled."""
    await conn.execute("UPDATE lifted_items SET placed_in = NULL WHERE placed_in = $1 AND NOT settled", meeting)


async def arenas_for(conn: Connection, case: CaseRef) -> Sequence[ArenaRef]:
    """Return to which arenas something of the case was lifted that is not settled, in the order of their names."""
    rows = await conn.fetch(
        "SELECT DISTINCT arena FROM lifted_items WHERE case_ref = $1 AND NOT settled ORDER BY arena", case
    )
    return [ArenaRef(row["arena"]) for row in rows]


async def forget(conn: Connection, case: CaseRef) -> None:
    """Forget what was lifted of the case."""
    await conn.execute("DELETE FROM lifted_items WHERE case_ref = $1", case)


def _lifted(row: Record) -> Lifted:
    return Lifted(
        nth=row["nth"],
        item=ItemRef(row["item"]),
        meeting=MeetingRef(row["meeting"]),
        arena=ArenaRef(row["arena"]),
        case=None if row["case_ref"] is None else CaseRef(row["case_ref"]),
        placed_in=None if row["placed_in"] is None else MeetingRef(row["placed_in"]),
        placed_as=None if row["placed_as"] is None else ItemRef(row["placed_as"]),
        held_back=row["held_back"],
        settled=row["settled"],
    )
