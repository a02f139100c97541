"""SQL, and nothing else: what was answered to invitations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from pydantic import TypeAdapter

from services.meetings.domain.invitation import SeatAnswer
from shared.clock import OSLO
from shared.contracts.codes import Service
from shared.db import Connection
from shared.refs import CaseRef, LogScope, MeetingRef, UnitId

_SEATS: Final = TypeAdapter(tuple[SeatAnswer, ...])
_ORDINAL: Final = "SELECT ordinal FROM family_voices WHERE meeting = $1 AND case_ref = $2 AND voice = $3"


def written(answers: Sequence[SeatAnswer]) -> str:
    """Return the answers for seats as a meeting's row keeps them."""
    return _SEATS.dump_json(tuple(answers)).decode()


def read(row: str) -> tuple[SeatAnswer, ...]:
    """Return the answers for seats that a meeting's row keeps."""
    return _SEATS.validate_json(row)


async def ordinal(conn: Connection, meeting: MeetingRef, case: CaseRef, voice: bytes) -> int:
    """Return which of the child's family this one is: the next one when they have not answered before.

    To be called with the meeting's row locked: two who answer for the first time at once wait for each other.
    """
    await conn.execute("SELECT 1 FROM meetings WHERE meeting = $1 FOR NO KEY UPDATE", meeting)
    await conn.execute(
        "INSERT INTO family_voices (meeting, case_ref, voice, ordinal)"
        " SELECT $1, $2, $3, count(*) + 1 FROM family_voices WHERE meeting = $1 AND case_ref = $2"
        " ON CONFLICT (meeting, case_ref, voice) DO NOTHING",
        meeting,
        case,
        voice,
    )
    found: int = await conn.fetchval(_ORDINAL, meeting, case, voice)
    return found


async def known_ordinal(conn: Connection, meeting: MeetingRef, case: CaseRef, voice: bytes) -> int | None:
    """Return which of the child's family this one is; None when they have never answered."""
    found: int | None = await conn.fetchval(_ORDINAL, meeting, case, voice)
    return found


@dataclass(frozen=True, slots=True)
class Called:
    """A called meeting, and whom it asks."""

    arena_type: str
    invited: frozenset[Service]
    units: frozenset[UnitId]
    answers: tuple[SeatAnswer, ...]


async def asked(conn: Connection, municipality: LogScope, first: date, last: date) -> Mapping[MeetingRef, Called]:
    """Return the municipality's called meetings from `first` to `last`, days in Norway."""
    rows = await conn.fetch(
        "SELECT meeting, arena_type, invited, units, answers FROM meetings"
        " WHERE municipality = $1 AND starts_at >= $2 AND starts_at < $3 AND status = 'called'",
        municipality,
        datetime.combine(first, time.min, OSLO),
        datetime.combine(last + timedelta(days=1), time.min, OSLO),
    )
    return {
        MeetingRef(row["meeting"]): Called(
            arena_type=row["arena_type"],
            invited=frozenset(Service(service) for service in row["invited"]),
            units=frozenset(UnitId(unit) for unit in row["units"]),
            answers=read(row["answers"]),
        )
        for row in rows
    }
