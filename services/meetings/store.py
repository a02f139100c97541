"""SQL, and nothing else: where arenas and meetings are found, and what has been read from the cases service."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from asyncpg import Record
from pydantic import TypeAdapter

from services.meetings import answer_store
from services.meetings.domain.conformity import HeldFacts, KnownMeeting, facts_of
from services.meetings.domain.invitation import SeatAnswer
from services.meetings.domain.meeting import MeetingState, Status
from services.meetings.domain.projection import ConsentHistory, KnownCase, Stay, merge
from shared.clock import OSLO
from shared.contracts.codes import Role, Service
from shared.contracts.safekeeping import GuardiansChanged
from shared.contracts.team import LanguageNeedRecorded
from shared.db import Connection
from shared.refs import ArenaRef, CaseRef, ItemRef, LogScope, MeetingRef, UnitId

UNDETERMINED: Final = "und"
"""The language that is not published: of an address-protected case (BCP 47)."""
_KNOWN_CASES: Final = "SELECT case_ref, municipality, unit, guardians, open, elsewhere, stays FROM cases"
_STAYS: Final = TypeAdapter(tuple[Stay, ...])
_DEFINE_LOCK: Final = 0x1A65_A4E4
"""The advisory lock under which instances that start together define the arenas, one after the other."""


# --- arenas -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownArena:
    """An arena that has its reference."""

    arena: ArenaRef
    arena_type: str
    unit: UnitId | None


async def lock_definitions(conn: Connection) -> None:
    """Let nobody else define arenas until this transaction ends."""
    await conn.execute("SELECT pg_advisory_xact_lock($1)", _DEFINE_LOCK)


async def arena_ref(
    conn: Connection, municipality: LogScope, arena_type: str, unit: UnitId | None, new: ArenaRef
) -> ArenaRef:
    """Return the arena's reference: `new` when it has none yet."""
    await conn.execute(
        "INSERT INTO arenas (arena, municipality, arena_type, unit) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        new,
        municipality,
        arena_type,
        unit,
    )
    found: str = await conn.fetchval(
        "SELECT arena FROM arenas WHERE municipality = $1 AND arena_type = $2 AND unit IS NOT DISTINCT FROM $3",
        municipality,
        arena_type,
        unit,
    )
    return ArenaRef(found)


async def known_arena(
    conn: Connection, municipality: LogScope, arena_type: str, unit: UnitId | None
) -> ArenaRef | None:
    """Return the arena's reference; None when it has none yet."""
    found: str | None = await conn.fetchval(
        "SELECT arena FROM arenas WHERE municipality = $1 AND arena_type = $2 AND unit IS NOT DISTINCT FROM $3",
        municipality,
        arena_type,
        unit,
    )
    return None if found is None else ArenaRef(found)


async def arenas(
    conn: Connection, municipality: LogScope, types: Sequence[str], *, after: tuple[str, str] | None, limit: int
) -> list[KnownArena]:
    """Return the municipality's arenas of these types by type and reference, after that one."""
    rows = await conn.fetch(
        "SELECT arena, arena_type, unit FROM arenas WHERE municipality = $1"
        " AND ($2::text IS NULL OR (arena_type, arena) > ($2, $3)) AND arena_type = ANY($5::text[])"
        " ORDER BY arena_type, arena LIMIT $4",
        municipality,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
        list(types),
    )
    return [KnownArena(ArenaRef(row["arena"]), row["arena_type"], row["unit"]) for row in rows]


async def lock_arena(conn: Connection, arena: ArenaRef) -> None:
    """Let nobody else call a meeting of this arena until this transaction ends: the term's meetings are being counted."""
    await conn.execute("SELECT 1 FROM arenas WHERE arena = $1 FOR NO KEY UPDATE", arena)


# --- meetings ---------------------------------------------------------------------------------------------------------


async def ordinary_meetings(conn: Connection, arena: ArenaRef, first: date, last: date, *, beside: MeetingRef) -> int:
    """Return how many ordinary meetings `beside` that one the arena has from `first` to `last`, days in Norway.

    Those that are cancelled, or planned only, are not counted.
    """
    count: int = await conn.fetchval(
        "SELECT count(*) FROM meetings WHERE arena = $1 AND starts_at >= $2 AND starts_at < $3"
        " AND NOT extra AND status NOT IN ('planned', 'cancelled') AND meeting <> $4",
        arena,
        datetime.combine(first, time.min, OSLO),
        datetime.combine(last + timedelta(days=1), time.min, OSLO),
        beside,
    )
    return count


async def save_meeting(conn: Connection, municipality: LogScope, state: MeetingState, now: datetime) -> None:
    """Bring the meeting's row up to `state`; what calendars show of it has changed `now` when it has."""
    await conn.execute(
        "INSERT INTO meetings (meeting, municipality, arena, arena_type, units, invited, starts_at, status, extra, held,"
        " minutes, changes, changed_at, answers) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
        " ON CONFLICT (meeting) DO UPDATE SET units = excluded.units, invited = excluded.invited,"
        " starts_at = excluded.starts_at, status = excluded.status, extra = excluded.extra, held = excluded.held,"
        " minutes = excluded.minutes, answers = excluded.answers, changes = excluded.changes, changed_at ="
        " CASE WHEN meetings.changes = excluded.changes THEN meetings.changed_at ELSE excluded.changed_at END",
        state.meeting,
        municipality,
        state.arena,
        state.arena_type,
        sorted(state.units),
        sorted(state.invited),
        state.starts_at,
        state.status.value,
        state.extra,
        None if (facts := facts_of(state)) is None else facts.model_dump_json(),
        state.minutes,
        state.changes,
        now,
        answer_store.written(state.answers.seats),
    )


async def known_meetings(
    conn: Connection, municipalities: Sequence[LogScope], first: date, last: date
) -> dict[LogScope, list[KnownMeeting]]:
    """Return the municipalities' meetings from `first` to `last`, days in Norway, by time."""
    rows = await conn.fetch(
        "SELECT m.municipality, m.meeting, m.arena_type, m.units, a.unit, m.starts_at, m.status, m.extra, m.held, m.minutes"
        " FROM meetings m JOIN arenas a USING (arena)"
        " WHERE m.municipality = ANY($1::text[]) AND m.starts_at >= $2 AND m.starts_at < $3"
        " ORDER BY m.starts_at, m.meeting",
        list(municipalities),
        datetime.combine(first, time.min, OSLO),
        datetime.combine(last + timedelta(days=1), time.min, OSLO),
    )
    found: dict[LogScope, list[KnownMeeting]] = {scope: [] for scope in municipalities}
    for row in rows:
        found[LogScope(row["municipality"])].append(
            KnownMeeting(
                meeting=MeetingRef(row["meeting"]),
                arena_type=row["arena_type"],
                unit=row["unit"],
                starts_at=row["starts_at"],
                status=Status(row["status"]),
                extra=row["extra"],
                held=None if row["held"] is None else HeldFacts.model_validate_json(row["held"]),
                minutes=row["minutes"],
                units=frozenset(UnitId(unit) for unit in row["units"]),
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class Viewer:
    """As whom meetings are listed."""

    municipality: LogScope
    service: Service | None
    unit: UnitId | None
    of_unit: bool
    """Whether the service is one of many units, so that a seat is the unit's."""
    all_meetings: bool
    """A coordinator sees when every meeting is."""
    roles: frozenset[Role]
    closed: tuple[str, ...]
    """Arenas in which none of the roles has a part (`seating.closed_arenas`)."""


@dataclass(frozen=True, slots=True)
class Listed:
    """One meeting in a list."""

    meeting: MeetingRef
    arena: ArenaRef
    arena_type: str
    units: tuple[UnitId, ...]
    starts_at: datetime
    status: Status
    extra: bool
    invited: frozenset[Service]
    answers: tuple[SeatAnswer, ...]


async def meetings(conn: Connection, viewer: Viewer, *, after: tuple[datetime, str] | None, limit: int) -> list[Listed]:
    """Return the meetings in which the viewer has a part, by time, after that one."""
    rows = await conn.fetch(
        "SELECT meeting, arena, arena_type, units, starts_at, status, extra, invited, answers FROM meetings"
        " WHERE municipality = $1 AND ($2 OR (invited @> ARRAY[$3::text] AND arena_type <> ALL($9::text[])"
        "   AND (NOT $4 OR units = '{}' OR units @> ARRAY[$5::text]))"
        # As `seating.sent_as_deputy`.
        "   OR EXISTS (SELECT FROM jsonb_array_elements(answers) AS given"
        "     CROSS JOIN LATERAL (SELECT given -> 'deputy' ->> 'role' AS role, given -> 'seat' ->> 'service' AS service,"
        "       coalesce(given -> 'deputy' ->> 'unit', given -> 'seat' ->> 'unit') AS unit) AS sent"
        "     WHERE sent.role = ANY($10::text[]) AND sent.service = $3 AND (sent.unit IS NULL OR sent.unit = $5)))"
        " AND ($6::timestamptz IS NULL OR (starts_at, meeting) > ($6, $7)) ORDER BY starts_at, meeting LIMIT $8",
        viewer.municipality,
        viewer.all_meetings,
        viewer.service,
        viewer.of_unit,
        viewer.unit,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
        list(viewer.closed),
        sorted(viewer.roles),
    )
    return [
        Listed(
            meeting=MeetingRef(row["meeting"]),
            arena=ArenaRef(row["arena"]),
            arena_type=row["arena_type"],
            units=tuple(UnitId(unit) for unit in row["units"]),
            starts_at=row["starts_at"],
            status=Status(row["status"]),
            extra=row["extra"],
            invited=frozenset(Service(service) for service in row["invited"]),
            answers=answer_store.read(row["answers"]),
        )
        for row in rows
    ]


async def save_named_item(conn: Connection, item: ItemRef, meeting: MeetingRef, case: CaseRef) -> None:
    """Let the item be found by its case."""
    await conn.execute("INSERT INTO named_items (item, meeting, case_ref) VALUES ($1, $2, $3)", item, meeting, case)


async def named_items(conn: Connection, case: CaseRef) -> list[tuple[MeetingRef, ItemRef]]:
    """Return every item that has named the case, with its meeting, the earliest meeting first."""
    rows = await conn.fetch(
        "SELECT n.meeting, n.item FROM named_items n JOIN meetings m USING (meeting) WHERE n.case_ref = $1"
        " ORDER BY m.starts_at, n.meeting, n.item",
        case,
    )
    return [(MeetingRef(row["meeting"]), ItemRef(row["item"])) for row in rows]


async def called_meetings_about(conn: Connection, case: CaseRef) -> list[MeetingRef]:
    """Return the meetings still to be held that have a named item about the case, in the order of their names."""
    rows = await conn.fetch(
        "SELECT DISTINCT m.meeting FROM named_items n JOIN meetings m USING (meeting)"
        " WHERE n.case_ref = $1 AND m.status = 'called' ORDER BY m.meeting",
        case,
    )
    return [MeetingRef(row["meeting"]) for row in rows]


# --- what was read from the cases service -----------------------------------------------------------------------------


async def learn(conn: Connection, municipality: LogScope, news: ConsentHistory) -> None:
    """Add `news` to what is known of its consent. Waits for every decision that is just being made on it."""
    await conn.execute(
        "INSERT INTO consents (consent, case_ref, municipality, history) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        news.consent,
        news.case,
        municipality,
        ConsentHistory(consent=news.consent, case=news.case).model_dump_json(),
    )
    known = await conn.fetchval("SELECT history FROM consents WHERE consent = $1 FOR UPDATE", news.consent)
    history = merge(ConsentHistory.model_validate_json(known), news)
    await conn.execute("UPDATE consents SET history = $2 WHERE consent = $1", news.consent, history.model_dump_json())


async def hold_consents(conn: Connection, cases: Sequence[CaseRef]) -> list[ConsentHistory]:
    """Return what is known of these cases' consents; nothing changes in it until this transaction ends.

    A withdrawal that is being read waits for the decision, and then finds what it decided; or the decision waits, and sees it.
    """
    rows = await conn.fetch(
        "SELECT history FROM consents WHERE case_ref = ANY($1::text[]) ORDER BY consent FOR SHARE", list(cases)
    )
    return [ConsentHistory.model_validate_json(row["history"]) for row in rows]


async def need_interpreter(conn: Connection, event: LanguageNeedRecorded) -> None:
    """Note in which language somebody in a case's family is spoken with through an interpreter, or that none is needed."""
    await conn.execute(
        "DELETE FROM interpreters WHERE case_ref = $1 AND person = $2 AND ordinal = $3",
        event.case,
        event.person,
        event.ordinal,
    )
    if event.interpreter:
        await conn.execute(
            "INSERT INTO interpreters (case_ref, person, ordinal, language) VALUES ($1, $2, $3, $4)",
            event.case,
            event.person,
            event.ordinal,
            event.language or UNDETERMINED,
        )


async def speak_with(conn: Connection, event: GuardiansChanged) -> None:
    """Note which guardians have parental responsibility now: the others are not met, and may have it again (seed rule 146)."""
    await conn.execute(
        "UPDATE interpreters SET met = ordinal = ANY($2::integer[]) WHERE case_ref = $1 AND person = 'guardian'",
        event.case,
        list(event.ordinals),
    )


async def forget_interpreters(conn: Connection, case_ref: CaseRef) -> None:
    """Forget how a case's family is spoken with."""
    await conn.execute("DELETE FROM interpreters WHERE case_ref = $1", case_ref)


async def interpreters(conn: Connection, case_ref: CaseRef) -> frozenset[str]:
    """Return the languages in which a case's family is spoken with through an interpreter."""
    rows = await conn.fetch("SELECT language FROM interpreters WHERE case_ref = $1 AND met", case_ref)
    return frozenset(row["language"] for row in rows)


async def case(conn: Connection, case_ref: CaseRef) -> KnownCase | None:
    """Return the case; None when nothing was read about it."""
    row = await conn.fetchrow(f"{_KNOWN_CASES} WHERE case_ref = $1", case_ref)
    return None if row is None else _case(row)


async def hold_cases(conn: Connection, case_refs: Iterable[CaseRef]) -> dict[CaseRef, KnownCase]:
    """Return what is known of these cases; nothing changes in it until this transaction ends (see `hold_consents`)."""
    rows = await conn.fetch(
        f"{_KNOWN_CASES} WHERE case_ref = ANY($1::text[]) ORDER BY case_ref FOR SHARE", sorted(set(case_refs))
    )
    return {CaseRef(row["case_ref"]): _case(row) for row in rows}


def _case(row: Record) -> KnownCase:
    return KnownCase(
        CaseRef(row["case_ref"]),
        LogScope(row["municipality"]),
        row["unit"],
        row["guardians"],
        row["open"],
        row["elsewhere"],
        _STAYS.validate_json(row["stays"]),
    )


async def case_registered(
    conn: Connection, case_ref: CaseRef, municipality: LogScope, unit: UnitId | None, guardians: int, sequence: int
) -> None:
    """Note a case's beginning; what later events said of it stands."""
    await conn.execute(
        "INSERT INTO cases (case_ref, municipality, unit, guardians, open, sequence) VALUES ($1, $2, $3, $4, true, $5)"
        " ON CONFLICT (case_ref) DO UPDATE SET guardians = excluded.guardians",
        case_ref,
        municipality,
        unit,
        guardians,
        sequence,
    )


async def case_held(
    conn: Connection, case_ref: CaseRef, municipality: LogScope, unit: UnitId | None, sequence: int, since: datetime
) -> None:
    """Note which unit has the case from then on, open; an older event than the last one noted changes nothing."""
    await conn.execute(
        "INSERT INTO cases (case_ref, municipality, unit, guardians, open, sequence, stays)"
        " VALUES ($1, $2, $3, 0, true, $4, $5)"
        " ON CONFLICT (case_ref) DO UPDATE SET unit = excluded.unit, open = true, elsewhere = false,"
        " sequence = excluded.sequence, stays = cases.stays || excluded.stays WHERE cases.sequence < excluded.sequence",
        case_ref,
        municipality,
        unit,
        sequence,
        _stay(since, unit),
    )


async def case_closed(
    conn: Connection,
    case_ref: CaseRef,
    municipality: LogScope,
    sequence: int,
    since: datetime,
    *,
    elsewhere: bool,
) -> None:
    """Note that the case is closed, and whether it goes on elsewhere; also before anything else of it was read."""
    await conn.execute(
        "INSERT INTO cases (case_ref, municipality, guardians, open, sequence, stays, elsewhere)"
        " VALUES ($1, $2, 0, false, $3, $4, $5)"
        " ON CONFLICT (case_ref) DO UPDATE SET open = false, sequence = excluded.sequence,"
        " stays = cases.stays || excluded.stays, elsewhere = cases.elsewhere OR excluded.elsewhere"
        " WHERE cases.sequence < excluded.sequence",
        case_ref,
        municipality,
        sequence,
        _stay(since, None),
        elsewhere,
    )


def _stay(since: datetime, unit: UnitId | None) -> str:
    return _STAYS.dump_json((Stay(since=since, unit=unit),)).decode()
