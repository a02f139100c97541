"""SQL, and nothing else: who is of a child's family, by the marks in the cases' events, and who has said that they take a seat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from shared.contracts.cases import FamilyMark
from shared.contracts.codes import Service
from shared.contracts.meetings import Seat
from shared.db import Connection
from shared.refs import ActorId, CaseRef, MeetingRef, UnitId


async def put_marks(conn: Connection, case: CaseRef, family: Sequence[FamilyMark]) -> None:
    """Note who is of the family, in place of who was said to be the same guardian or the child."""
    await conn.executemany(
        "INSERT INTO family_marks (case_ref, person, ordinal, marks) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT (case_ref, person, ordinal) DO UPDATE SET marks = excluded.marks",
        [(case, one.person, one.ordinal, list(one.marks)) for one in family],
    )


async def take_mark(conn: Connection, case: CaseRef, ordinal: int) -> None:
    """Forget a guardian who never was one."""
    await conn.execute(
        "DELETE FROM family_marks WHERE case_ref = $1 AND person = 'guardian' AND ordinal = $2", case, ordinal
    )


async def forget(conn: Connection, case: CaseRef) -> None:
    """Forget who is of the family: the case is erased."""
    await conn.execute("DELETE FROM family_marks WHERE case_ref = $1", case)


async def marks(conn: Connection, cases: Iterable[CaseRef]) -> dict[CaseRef, frozenset[str]]:
    """Return by which marks the families of these cases are known; of a case of which nothing was said, none."""
    wanted = sorted(set(cases))
    if not wanted:
        return {}
    rows = await conn.fetch("SELECT case_ref, marks FROM family_marks WHERE case_ref = ANY($1::text[])", wanted)
    found: dict[CaseRef, frozenset[str]] = {}
    for row in rows:
        case = CaseRef(row["case_ref"])
        found[case] = found.get(case, frozenset()) | frozenset(row["marks"])
    return found


async def takes(conn: Connection, meeting: MeetingRef, seat: Seat, actor: ActorId | None) -> None:
    """Note who takes a seat; None: whoever said so does not."""
    await conn.execute(
        "DELETE FROM seat_takers WHERE meeting = $1 AND service = $2 AND unit = $3",
        meeting,
        seat.service,
        seat.unit or "",
    )
    if actor is not None:
        await conn.execute(
            "INSERT INTO seat_takers (meeting, service, unit, actor) VALUES ($1, $2, $3, $4)",
            meeting,
            seat.service,
            seat.unit or "",
            actor,
        )


async def takers(conn: Connection, meeting: MeetingRef) -> dict[Seat, ActorId]:
    """Return who has said that they take which seat."""
    rows = await conn.fetch("SELECT service, unit, actor FROM seat_takers WHERE meeting = $1", meeting)
    return {
        Seat(service=Service(row["service"]), unit=UnitId(row["unit"]) if row["unit"] else None): ActorId(row["actor"])
        for row in rows
    }
