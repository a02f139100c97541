"""SQL of the meetings to come that have a child on their agenda by name."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from services.cases.domain.coming import MeetingToCome
from shared.contracts.codes import Role
from shared.contracts.meetings import AgendaItemAdded
from shared.db import Connection
from shared.refs import CaseRef, ConsentRef, ItemRef, MeetingRef

STILL_RECORDED: Final = timedelta(days=183)
"""How long after its time the meetings service takes a meeting as held; until then it may be moved too, and is to come again."""


async def called(conn: Connection, meeting: MeetingRef, starts_at: datetime, now: datetime) -> None:
    """Remember when the meeting begins; it may have been moved. What nobody has said of for too long is forgotten."""
    await conn.execute(
        "WITH gone AS (DELETE FROM meetings_to_come WHERE starts_at < $1 RETURNING meeting)"
        " DELETE FROM items_to_come USING gone WHERE items_to_come.meeting = gone.meeting",
        now - STILL_RECORDED,
    )
    await conn.execute(
        "INSERT INTO meetings_to_come (meeting, starts_at) VALUES ($1, $2)"
        " ON CONFLICT (meeting) DO UPDATE SET starts_at = excluded.starts_at",
        meeting,
        starts_at,
    )


async def over(conn: Connection, meeting: MeetingRef) -> None:
    """Forget the meeting: it is held, or off."""
    await conn.execute("DELETE FROM meetings_to_come WHERE meeting = $1", meeting)
    await conn.execute("DELETE FROM items_to_come WHERE meeting = $1", meeting)


async def added(conn: Connection, event: AgendaItemAdded, case: CaseRef) -> None:
    """Remember that a case of this service's is brought to the meeting by name."""
    await conn.execute(
        "INSERT INTO items_to_come (item, meeting, case_ref, consent, family) SELECT $1, $2, case_ref, $4, $5"
        " FROM case_index WHERE case_ref = $3 ON CONFLICT DO NOTHING",
        event.item,
        event.meeting,
        case,
        event.consent,
        sorted(event.family),
    )


async def accepted(conn: Connection, item: ItemRef) -> None:
    """Remember that it is on the agenda."""
    await conn.execute("UPDATE items_to_come SET accepted = true WHERE item = $1", item)


async def removed(conn: Connection, item: ItemRef) -> None:
    """Forget what was taken off."""
    await conn.execute("DELETE FROM items_to_come WHERE item = $1", item)


async def of_case(conn: Connection, case: CaseRef) -> Sequence[MeetingToCome]:
    """Return the meetings that have the case on their agenda, the first first."""
    rows = await conn.fetch(
        "SELECT meeting, starts_at, consent, family FROM items_to_come JOIN meetings_to_come USING (meeting)"
        " WHERE case_ref = $1 AND accepted ORDER BY starts_at, item",
        case,
    )
    return [
        MeetingToCome(
            meeting=MeetingRef(row["meeting"]),
            starts_at=row["starts_at"],
            consent=None if row["consent"] is None else ConsentRef(row["consent"]),
            family=frozenset(Role(one) for one in row["family"]),
        )
        for row in rows
    ]


async def forget(conn: Connection, case: CaseRef) -> None:
    """Forget them, with the case."""
    await conn.execute("DELETE FROM items_to_come WHERE case_ref = $1", case)
