"""SQL of what this service knows of cases and people: who holds, who has answered, who leads, and what must be done by when."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import asyncpg

from services.notify.addresses import NOWHERE, Addresses
from services.notify.domain.appointment import Appointment
from services.notify.domain.deadline import DeadlineState
from shared.auth import Actor, Clearance
from shared.contracts.codes import GrantorClass, Role, Service
from shared.contracts.notify import Responsible
from shared.db import Connection
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, MeetingRef, UnitId

CONSUMER: Final = "notify"
"""The inbox's name, and the consumer group."""


@dataclass(frozen=True)
class StoredDeadline:
    """One open deadline."""

    state: DeadlineState
    scope: LogScope


# --- facts of the cases -----------------------------------------------------------------------------------------------


async def set_holder(conn: Connection, case: CaseRef, holder: Responsible, nth: int) -> bool:
    """Remember who has the baton by the case's `nth` event; return whether no later one is known that said so."""
    known = await conn.fetchval(
        "INSERT INTO holders (case_ref, holder, sequence) VALUES ($1, $2, $3)"
        " ON CONFLICT (case_ref) DO UPDATE SET holder = excluded.holder, sequence = excluded.sequence"
        " WHERE holders.sequence <= excluded.sequence RETURNING true",
        case,
        holder.model_dump_json(exclude_none=True),
        nth,
    )
    return bool(known)


async def set_decided(conn: Connection, case: CaseRef, nth: int) -> None:
    """Remember that from the case's `nth` event on nobody waits for a decision on what to do."""
    await conn.execute(
        "INSERT INTO decided (case_ref, sequence) VALUES ($1, $2)"
        " ON CONFLICT (case_ref) DO UPDATE SET sequence = greatest(decided.sequence, excluded.sequence)",
        case,
        nth,
    )


async def decided_after(conn: Connection, case: CaseRef, nth: int) -> bool:
    """Return whether an event after the case's `nth` said so."""
    found = await conn.fetchval("SELECT true FROM decided WHERE case_ref = $1 AND sequence > $2", case, nth)
    return bool(found)


async def set_closed(conn: Connection, case: CaseRef, *, closed: bool) -> None:
    """Remember that a case is closed, or is so no longer."""
    if closed:
        await conn.execute("INSERT INTO closed_cases (case_ref) VALUES ($1) ON CONFLICT DO NOTHING", case)
    else:
        await conn.execute("DELETE FROM closed_cases WHERE case_ref = $1", case)


async def is_closed(conn: Connection, case: CaseRef) -> bool:
    """Return whether the case is closed."""
    return bool(await conn.fetchval("SELECT true FROM closed_cases WHERE case_ref = $1", case))


async def holder_of(conn: Connection, case: CaseRef) -> Responsible:
    """Return who has the baton; nobody when that is not known."""
    found = await conn.fetchval("SELECT holder FROM holders WHERE case_ref = $1", case)
    return Responsible() if found is None else Responsible.model_validate_json(found)


async def add_answer(conn: Connection, consent: ConsentRef, grantor: GrantorClass, ordinal: int) -> None:
    """Remember that one of those who were asked has answered."""
    await conn.execute(
        "INSERT INTO consent_answers (consent, role, ordinal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        consent,
        grantor,
        ordinal,
    )


async def forget_answers(conn: Connection, consent: ConsentRef) -> None:
    """Let everybody count as not having answered: they are asked anew."""
    await conn.execute("DELETE FROM consent_answers WHERE consent = $1", consent)


async def answers_to(conn: Connection, consent: ConsentRef) -> frozenset[tuple[str, int]]:
    """Return who has answered, as role and number."""
    rows = await conn.fetch("SELECT role, ordinal FROM consent_answers WHERE consent = $1", consent)
    return frozenset((row["role"], row["ordinal"]) for row in rows)


async def appointment_of(conn: Connection, meeting: MeetingRef) -> Appointment | None:
    """Return the meeting as calendars know it; None when it was called before this service remembered that."""
    found = await conn.fetchval("SELECT appointment FROM appointments WHERE meeting = $1", meeting)
    return None if found is None else Appointment.model_validate_json(found)


async def set_appointment(conn: Connection, appointment: Appointment) -> None:
    """Remember the meeting as calendars know it now."""
    await conn.execute(
        "INSERT INTO appointments (meeting, appointment) VALUES ($1, $2)"
        " ON CONFLICT (meeting) DO UPDATE SET appointment = excluded.appointment",
        appointment.meeting,
        appointment.model_dump_json(),
    )


async def set_interpreter(conn: Connection, case: CaseRef, person: str, ordinal: int, *, needed: bool) -> None:
    """Remember whether somebody in the family is spoken with through an interpreter (seed rule 146)."""
    if needed:
        await conn.execute(
            "INSERT INTO interpreters (case_ref, person, ordinal) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
            case,
            person,
            ordinal,
        )
    else:
        await conn.execute(
            "DELETE FROM interpreters WHERE case_ref = $1 AND person = $2 AND ordinal = $3", case, person, ordinal
        )


async def speak_with(conn: Connection, case: CaseRef, ordinals: Iterable[int]) -> None:
    """Remember which guardians have parental responsibility now: the others are not met, and may have it again."""
    await conn.execute(
        "UPDATE interpreters SET met = ordinal = ANY($2::integer[]) WHERE case_ref = $1 AND person = 'guardian'",
        case,
        list(ordinals),
    )


async def interpreters_of(conn: Connection, case: CaseRef) -> frozenset[tuple[str, int]]:
    """Return who in the case's family needs an interpreter and is met, as role and number."""
    rows = await conn.fetch("SELECT person, ordinal FROM interpreters WHERE case_ref = $1 AND met", case)
    return frozenset((row["person"], row["ordinal"]) for row in rows)


# --- deadlines and recipients, from the aggregates --------------------------------------------------------------------

_OPEN: Final = "kind = 'deadline' AND state ->> 'status' IN ('waiting', 'approaching', 'missed', 'escalated')"

_THEIR_MUNICIPALITY: Final = "coalesce(state -> 'responsible' ->> 'municipality', scope)"
"""Where somebody must act: units are named by each municipality for itself."""


async def open_deadlines_of_case(conn: Connection, case: CaseRef) -> list[DeadlineState]:
    """Return what is still to be done in a case."""
    rows = await conn.fetch(f"SELECT state FROM aggregates WHERE {_OPEN} AND state ->> 'case' = $1 ORDER BY id", case)  # noqa: S608
    return [DeadlineState.model_validate_json(row["state"]) for row in rows]


async def escalated_of_unit(conn: Connection, scope: LogScope, unit: UnitId) -> list[StoredDeadline]:
    """Return what the unit's leader is to know of."""
    rows = await conn.fetch(
        f"SELECT state, scope FROM aggregates WHERE {_OPEN} AND state ->> 'status' = 'escalated'"  # noqa: S608
        f" AND state -> 'responsible' ->> 'unit' = $1 AND {_THEIR_MUNICIPALITY} = $2 ORDER BY id",
        unit,
        scope,
    )
    return [_deadline(row) for row in rows]


async def deadlines_seen_by(
    conn: Connection,
    actor: ActorId,
    *,
    unit: UnitId | None,
    scope: LogScope,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[StoredDeadline]:
    """Return the open deadlines of the actor, and of the unit that the actor leads, the first due first."""
    moment, reference = after or (None, None)
    rows = await conn.fetch(
        f"SELECT state, scope FROM aggregates WHERE {_OPEN} AND (state -> 'responsible' ->> 'actor' = $1"  # noqa: S608
        f" OR (state -> 'responsible' ->> 'unit' = $2 AND {_THEIR_MUNICIPALITY} = $3))"
        " AND ($4::timestamptz IS NULL OR ((state ->> 'due')::timestamptz, id) > ($4, $5))"
        " ORDER BY (state ->> 'due')::timestamptz, id LIMIT $6",
        actor,
        unit,
        scope,
        moment,
        reference,
        limit,
    )
    return [_deadline(row) for row in rows]


def _deadline(row: asyncpg.Record) -> StoredDeadline:
    return StoredDeadline(DeadlineState.model_validate_json(row["state"]), LogScope(row["scope"]))


async def leaders_of(conn: Connection, scope: LogScope, unit: UnitId) -> list[ActorId]:
    """Return the leaders of the unit that are known here."""
    rows = await conn.fetch(
        "SELECT recipient FROM duties WHERE scope = $1 AND unit = $2 AND $3 = ANY(roles) ORDER BY recipient",
        scope,
        unit,
        Role.LEADER.value,
    )
    return [ActorId(row["recipient"]) for row in rows]


async def people_in(conn: Connection, scope: LogScope, role: Role, unit: UnitId | None = None) -> list[ActorId]:
    """Return those known here who have the role in the municipality, in that unit if one is named."""
    rows = await conn.fetch(
        "SELECT DISTINCT recipient FROM duties WHERE scope = $1 AND $2 = ANY(roles)"
        " AND ($3::text IS NULL OR unit = $3) ORDER BY recipient",
        scope,
        role.value,
        unit,
    )
    return [ActorId(row["recipient"]) for row in rows]


async def cleared_people(conn: Connection, scope: LogScope, role: Role, unit: UnitId | None) -> list[ActorId]:
    """Return those known here who have the role in the municipality, in that unit if one is named, and the clearance there."""
    rows = await conn.fetch(
        "SELECT DISTINCT recipient FROM duties WHERE scope = $1 AND cleared"
        " AND $2 = ANY(roles) AND ($3::text IS NULL OR unit = $3) ORDER BY recipient",
        scope,
        role.value,
        unit,
    )
    return [ActorId(row["recipient"]) for row in rows]


async def has_duty(conn: Connection, actor: Actor) -> bool:
    """Return whether it is known what an employee is in the unit and municipality of the token."""
    row = await conn.fetchrow(
        "SELECT service, roles, cleared FROM duties WHERE recipient = $1 AND scope = $2 AND unit = $3",
        actor.id,
        actor.municipality,
        actor.unit or "",
    )
    said = (actor.service, sorted(actor.roles), _cleared(actor))
    return row is not None and (row["service"], row["roles"], row["cleared"]) == said


async def set_duty(conn: Connection, actor: Actor, *, only: bool = False) -> None:
    """Remember what an employee is in the unit and municipality of the token.

    With `only` they are nothing in another unit of the municipality any more.
    """
    unit = actor.unit or ""
    if only:
        await conn.execute(
            "DELETE FROM duties WHERE recipient = $1 AND scope = $2 AND unit <> $3", actor.id, actor.municipality, unit
        )
    await conn.execute(
        "INSERT INTO duties (recipient, scope, unit, service, roles, cleared) VALUES ($1, $2, $3, $4, $5, $6)"
        " ON CONFLICT (recipient, scope, unit) DO UPDATE SET service = excluded.service, roles = excluded.roles,"
        " cleared = excluded.cleared",
        actor.id,
        actor.municipality,
        unit,
        actor.service,
        sorted(actor.roles),
        _cleared(actor),
    )


def _cleared(actor: Actor) -> bool:
    """Return whether the token has the clearance for address-protected cases: each municipality gives its own (seed rule 77)."""
    return Clearance.PROTECTED_CASE_READER in actor.clearances


async def leaders_of_services(
    conn: Connection, scope: LogScope, services: frozenset[Service], units: frozenset[UnitId]
) -> list[Responsible]:
    """Return the known leaders of the services; of barnehager and schools only those of `units`, when units are named."""
    rows = await conn.fetch(
        "SELECT recipient, service, nullif(unit, '') AS unit FROM duties WHERE scope = $1 AND $2 = ANY(roles)"
        " AND service = ANY($3::text[])"
        " AND (cardinality($4::text[]) = 0 OR unit = ANY($4) OR NOT service = ANY($5::text[])) ORDER BY recipient, unit",
        scope,
        Role.LEADER.value,
        sorted(services),
        sorted(units),
        [Service.BARNEHAGE.value, Service.SKOLE.value],
    )
    return [
        Responsible(
            actor=ActorId(row["recipient"]), role=Role.LEADER, service=Service(row["service"]), unit=row["unit"]
        )
        for row in rows
    ]


async def addresses_of(conn: Connection, recipient: ActorId) -> Addresses:
    """Return where an employee asked to be reached."""
    row = await conn.fetchrow("SELECT email, phone FROM addresses WHERE recipient = $1", recipient)
    return NOWHERE if row is None else Addresses(row["email"], row["phone"])


async def set_address(conn: Connection, recipient: ActorId, email: str | None, phone: str | None = None) -> None:
    """Keep or forget where an employee is reached."""
    if email is None and phone is None:
        await conn.execute("DELETE FROM addresses WHERE recipient = $1", recipient)
        return
    await conn.execute(
        "INSERT INTO addresses (recipient, email, phone) VALUES ($1, $2, $3)"
        " ON CONFLICT (recipient) DO UPDATE SET email = excluded.email, phone = excluded.phone",
        recipient,
        email,
        phone,
    )
