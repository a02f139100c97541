"""SQL, and nothing else: the meetings that calendars show, and whose calendar is read at which address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from services.meetings import answer_store
from services.meetings.domain.calendar import KnownDate, Reader
from services.meetings.domain.meeting import Status
from shared.contracts.codes import Function, Language, Role, Service
from shared.db import Connection
from shared.refs import ActorId, ArenaRef, CalendarRef, LogScope, MeetingRef, UnitId


async def dates(
    conn: Connection, municipality: LogScope, reader: Reader, first: datetime, last: datetime, arena: ArenaRef | None
) -> Sequence[KnownDate]:
    """Return the municipality's meetings from `first` to `last` to which the reader's service is invited, or all for a coordinator.

    With an `arena`, its meetings only.
    """
    rows = await conn.fetch(
        "SELECT meeting, arena_type, units, invited, starts_at, minutes, status, changes, changed_at, answers FROM meetings"
        " WHERE municipality = $1 AND starts_at BETWEEN $2 AND $3"
        " AND ($4 OR invited @> ARRAY[$5::text]) AND ($6::text IS NULL OR arena = $6)",
        municipality,
        first,
        last,
        reader.coordinator,
        reader.service,
        arena,
    )
    return [
        KnownDate(
            meeting=MeetingRef(row["meeting"]),
            arena_type=row["arena_type"],
            units=frozenset(UnitId(unit) for unit in row["units"]),
            invited=frozenset(Service(service) for service in row["invited"]),
            starts_at=row["starts_at"],
            minutes=row["minutes"],
            status=Status(row["status"]),
            changes=row["changes"],
            changed_at=row["changed_at"],
            answers=answer_store.read(row["answers"]),
        )
        for row in rows
    ]


async def calendar_ref(conn: Connection, actor: ActorId, municipality: LogScope, new: CalendarRef) -> CalendarRef:
    """Return the reference of somebody's calendar in the municipality: `new` when it has none yet."""
    await conn.execute(
        "INSERT INTO calendars (calendar, actor, municipality) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        new,
        actor,
        municipality,
    )
    found: str = await conn.fetchval(
        "SELECT calendar FROM calendars WHERE actor = $1 AND municipality = $2", actor, municipality
    )
    return CalendarRef(found)


@dataclass(frozen=True, slots=True)
class OwnAddress:
    """What is kept of somebody's address."""

    calendar: CalendarRef
    token_hash: bytes | None
    until: datetime | None


async def own_address(conn: Connection, actor: ActorId, municipality: LogScope) -> OwnAddress | None:
    """Return what is kept of the actor's address; None when there never was one."""
    row = await conn.fetchrow(
        "SELECT calendar, token_hash, until FROM calendars WHERE actor = $1 AND municipality = $2",
        actor,
        municipality,
    )
    if row is None:
        return None
    return OwnAddress(CalendarRef(row["calendar"]), row["token_hash"], row["until"])


async def addresses_in(conn: Connection, actor: ActorId, unit: UnitId) -> list[tuple[CalendarRef, LogScope]]:
    """Return the actor's addresses that were made at work in that unit, each with its municipality, in order."""
    rows = await conn.fetch(
        "SELECT calendar, municipality FROM calendars WHERE actor = $1 AND unit = $2 AND token_hash IS NOT NULL"
        " ORDER BY municipality",
        actor,
        unit,
    )
    return [(CalendarRef(row["calendar"]), LogScope(row["municipality"])) for row in rows]


async def save_address(
    conn: Connection, calendar: CalendarRef, token_hash: bytes, until: datetime, reader: Reader, language: Language
) -> None:
    """Let the calendar be read at the address with that token, as `reader`, and at no other."""
    await conn.execute(
        "UPDATE calendars SET token_hash = $2, until = $3, service = $4, unit = $5, coordinator = $6, language = $7, roles = $8,"
        " functions = $9, reads_since = NULL, reads = 0 WHERE calendar = $1",
        calendar,
        token_hash,
        until,
        reader.service,
        reader.unit,
        reader.coordinator,
        language,
        sorted(reader.roles),
        sorted(reader.functions),
    )


async def forget_address(conn: Connection, calendar: CalendarRef) -> None:
    """Let the calendar be read at no address; nothing of whom it was read as is kept."""
    await conn.execute(
        "UPDATE calendars SET token_hash = NULL, until = NULL, service = NULL, unit = NULL, coordinator = false, roles = '{}',"
        " functions = '{}', reads_since = NULL, reads = 0 WHERE calendar = $1",
        calendar,
    )


@dataclass(frozen=True, slots=True)
class ReadAddress:
    """Whose calendar is read at an address."""

    municipality: LogScope
    reader: Reader
    language: Language
    reads: int
    """In this hour, this one among them."""


async def read_address(conn: Connection, token_hash: bytes, now: datetime, hour: datetime) -> ReadAddress | None:
    """Count a read in the hour that begins at `hour`, and return whose calendar it is of; None: no such address works `now`."""
    row = await conn.fetchrow(
        "UPDATE calendars SET reads = CASE WHEN reads_since = $3 THEN reads + 1 ELSE 1 END, reads_since = $3"
        " WHERE token_hash = $1 AND until > $2"
        " RETURNING municipality, service, unit, coordinator, roles, functions, language, reads",
        token_hash,
        now,
        hour,
    )
    if row is None:
        return None
    return ReadAddress(
        municipality=LogScope(row["municipality"]),
        reader=Reader(
            service=None if row["service"] is None else Service(row["service"]),
            unit=row["unit"],
            coordinator=row["coordinator"],
            roles=frozenset(Role(role) for role in row["roles"]),
            functions=frozenset(Function(function) for function in row["functions"]),
        ),
        language=Language(row["language"]),
        reads=row["reads"],
    )
