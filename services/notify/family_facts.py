"""SQL of which children's families are invited to which meeting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import asyncpg

from shared.contracts.codes import Role
from shared.db import Connection
from shared.refs import ActorId, CaseRef, ItemRef, MeetingRef


@dataclass(frozen=True)
class Family:
    """A child's family that is invited to a meeting."""

    meeting: MeetingRef
    case: CaseRef
    roles: frozenset[Role]
    """As whom."""
    interpreter: bool


_FAMILY: Final = "meeting, case_ref, roles, interpreter"
_ANOTHER: Final = (
    "SELECT true FROM invited_families WHERE meeting = $1 AND case_ref = $2 AND accepted AND item <> $3 LIMIT 1"
)


async def add(conn: Connection, item: ItemRef, family: Family) -> None:
    """Remember whose family is invited when the item is taken on."""
    await conn.execute(
        "INSERT INTO invited_families (item, meeting, case_ref, roles, interpreter) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT DO NOTHING",
        item,
        family.meeting,
        family.case,
        sorted(family.roles),
        family.interpreter,
    )


async def accept(conn: Connection, item: ItemRef) -> Family | None:
    """Note that the item was taken on; return whose family is invited by that, and was not before."""
    row = await conn.fetchrow(
        f"UPDATE invited_families SET accepted = true WHERE item = $1 RETURNING {_FAMILY}",  # noqa: S608
        item,
    )
    return await _alone(conn, item, row)


async def remove(conn: Connection, item: ItemRef) -> Family | None:
    """Forget the item; return whose family was invited by it, and is no longer."""
    row = await conn.fetchrow(f"DELETE FROM invited_families WHERE item = $1 RETURNING accepted, {_FAMILY}", item)  # noqa: S608
    return await _alone(conn, item, row) if row is not None and row["accepted"] else None


async def of_meeting(conn: Connection, meeting: MeetingRef) -> list[Family]:
    """Return whose families are invited, each once."""
    rows = await conn.fetch(
        f"SELECT DISTINCT ON (case_ref) {_FAMILY} FROM invited_families WHERE meeting = $1 AND accepted"  # noqa: S608
        " ORDER BY case_ref, interpreter DESC",
        meeting,
    )
    return [_family(row) for row in rows]


async def invited(conn: Connection, meeting: MeetingRef, case: CaseRef) -> bool:
    """Return whether the child's family is invited to the meeting."""
    return bool(
        await conn.fetchval(
            "SELECT true FROM invited_families WHERE meeting = $1 AND case_ref = $2 AND accepted LIMIT 1", meeting, case
        )
    )


async def change_own(conn: Connection, family: Family) -> int:
    """Count that the family is invited, or is no longer; return how often that has changed since it was invited first."""
    changes: int = await conn.fetchval(
        "INSERT INTO family_changes (meeting, case_ref) VALUES ($1, $2)"
        " ON CONFLICT (meeting, case_ref) DO UPDATE SET changes = family_changes.changes + 1 RETURNING changes",
        family.meeting,
        family.case,
    )
    return changes


async def own_changes(conn: Connection, family: Family) -> int:
    """Return how often it has changed whether the family is invited, since it was first."""
    changes: int | None = await conn.fetchval(
        "SELECT changes FROM family_changes WHERE meeting = $1 AND case_ref = $2", family.meeting, family.case
    )
    return changes or 0


async def comes_for_another(conn: Connection, recipient: ActorId, meeting: MeetingRef, case: CaseRef) -> bool:
    """Return whether somebody has been told of the meeting for another child too, which it still has on its agenda."""
    return bool(
        await conn.fetchval(
            "SELECT true FROM invited_families f JOIN messages m ON m.step LIKE f.case_ref || '/' || f.meeting || '/%'"
            " WHERE f.meeting = $2 AND f.case_ref <> $3 AND f.accepted AND m.recipient = $1 AND m.status <> 'cancelled' LIMIT 1",
            recipient,
            meeting,
            case,
        )
    )


async def forget(conn: Connection, meeting: MeetingRef) -> None:
    """Forget all of a meeting."""
    await conn.execute("DELETE FROM invited_families WHERE meeting = $1", meeting)
    await conn.execute("DELETE FROM family_changes WHERE meeting = $1", meeting)


async def _alone(conn: Connection, item: ItemRef, row: asyncpg.Record | None) -> Family | None:
    """Return the row's family unless another item of the meeting invites it too."""
    if row is None or await conn.fetchval(_ANOTHER, row["meeting"], row["case_ref"], item):
        return None
    return _family(row)


def _family(row: asyncpg.Record) -> Family:
    return Family(
        meeting=MeetingRef(row["meeting"]),
        case=CaseRef(row["case_ref"]),
        roles=frozenset(Role(role) for role in row["roles"]),
        interpreter=row["interpreter"],
    )
