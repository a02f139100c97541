"""SQL of what is to be delivered: messages, and errands to those around a child."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final
from uuid import UUID

import asyncpg

from services.notify.domain.appointment import Appointment
from services.notify.domain.message import OUTSIDE
from shared.auth import Actor, Clearance
from shared.contracts.codes import Language, Role, Service
from shared.contracts.notify import Responsible, Way
from shared.db import Connection
from shared.refs import (
    PROTECTED_LOG,
    ActorId,
    CaseRef,
    ConsentRef,
    DeadlineRef,
    LogScope,
    MeetingRef,
    MessageRef,
    SubscriptionRef,
    UnitId,
)


@dataclass(frozen=True)
class Telling:
    """What somebody is told, and why: the same for every recipient of one step."""

    step: str
    template: str
    scope: LogScope
    correlation: UUID
    causation: UUID | None
    case: CaseRef | None = None
    consent: ConsentRef | None = None
    deadline: DeadlineRef | None = None
    due: datetime | None = None
    appointment: Appointment | None = None
    """What goes with it into the recipient's calendar."""
    interpreter: bool = False
    """Whether an interpreter is wanted in the meeting that it is about."""
    subscription: SubscriptionRef | None = None
    """Of another system, which it is about: it goes to the contact of that."""

    def saying(self, template: str) -> Telling:
        """Return it with this template, as a step of its own: what was told once in a round is not told again."""
        return replace(self, step=f"{self.step}/{template}", template=template)


@dataclass(frozen=True)
class Led:
    """Whose leaders are to be told."""

    units: frozenset[UnitId] = frozenset()
    services: frozenset[Service] = frozenset()
    places: frozenset[tuple[Service, UnitId]] = frozenset()
    """Barnehager and schools, each told as that service: what ends for the service ends for them."""

    def __bool__(self) -> bool:
        """Whether there is anybody's."""
        return bool(self.units or self.services or self.places)


@dataclass(frozen=True)
class Errand:
    """Some of those around a child are to be told this; or, of an address-protected case, some of the staff."""

    telling: Telling
    case: CaseRef | None
    """Whom or whose duty is asked about; none: neither need be asked."""
    consent: ConsentRef | None
    roles: frozenset[Role]
    attempts: int
    led: Led = Led()
    """Whose leaders; of an address-protected case those of services only, or, of none, whoever has the municipality's duty."""
    ordinals: frozenset[int] = frozenset()
    """Which guardians; none: all."""

    @property
    def to_staff(self) -> bool:
        """Whether it is for people at work."""
        return self.roles <= STAFF


@dataclass(frozen=True)
class Note:
    """What stands below the text of a message."""

    template: str
    version: int


@dataclass(frozen=True)
class StoredMessage:
    """One message and how far its delivery is."""

    message: MessageRef
    recipient: ActorId
    role: Role
    telling: Telling
    template_version: int
    language: Language
    channel: Way
    status: str
    queued_at: datetime
    read_at: datetime | None
    attempts: int
    ordinal: int | None
    """Which guardian."""
    note: Note | None
    given_up: bool
    """Whether the time for attempts is over."""
    expected: datetime | None = None
    """When the recipient would come, as far as they know, to the meeting that it says has another time."""


@dataclass(frozen=True)
class Try:
    """One try to deliver a message."""

    way: Way
    tried_at: datetime
    outcome: str
    answered: int | None
    """The code that the mail server or the gateway answered with."""


WATCH: Final = frozenset({Role.LEADER})
"""The errand's roles when whoever has the duty for an address-protected case is to be told: they stand for its unit's leaders.
Of what is not protected: when leaders are to be told, and nobody is known who is that."""
OFFICERS: Final = frozenset({Role.PRIVACY_OFFICER})
"""When the municipality's privacy officers are."""
STAFF: Final = WATCH | OFFICERS
_MESSAGE: Final = (
    "message, step, recipient, recipient_role, scope, case_ref, consent, deadline, due, template, template_version, language,"
    " channel, status, queued_at, read_at, correlation, causation, attempts, recipient_ordinal,"
    " appointment, note, note_version, expected, subscription"
)

_THEIRS: Final = (
    "channel = 'letter' AND (holder::jsonb ->> 'actor' = $1 OR (holder::jsonb ->> 'unit' = $2::text AND scope = $3))"
)
"""A letter in a case that the actor has, or somebody of the unit. A protected case is in no unit's list: only its holder has it."""
_CASE_OF_DIGEST: Final = "coalesce(CASE WHEN recipient_role IN ('guardian', 'child') THEN case_ref END, '')"
"""Those around a child are reached as the case says: their digests are one for each."""
_IN_HAND: Final = (
    "SELECT FROM messages AS other WHERE other.status = 'pending' AND other.recipient = next.recipient"
    " AND other.channel = next.channel AND other.message <> next.message AND ((other.held AND other.retry_at > clock_timestamp()"
    " AND (other.attempts > 0 OR (other.recorded_at, other.message) < (next.recorded_at, next.message)))"
)
"""Another to the same recipient, by the same way, that somebody tries now or has reserved before. One bracket is left open."""
_LETTER: Final = f"{_THEIRS} AND status = 'pending' AND read_at IS NULL"

# Statements are put together of this module's constants only.

# --- messages ---------------------------------------------------------------------------------------------------------


async def add_message(
    conn: Connection,
    message: MessageRef,
    telling: Telling,
    *,
    recipient: ActorId,
    role: Role,
    service: Service | None,
    template_version: int,
    language: Language,
    way: Way,
    ordinal: int | None,
    not_before: datetime,
    digest: bool,
    note: Note | None,
    expected: datetime | None,
    reserved: float,
    now: datetime,
) -> bool:
    """Add a message unless this recipient was told this step before; return whether it was added.

    For `reserved` seconds it is for whoever asks for this very one.
    """
    added = await conn.fetchval(
        "INSERT INTO messages (message, step, recipient, recipient_role, recipient_service, scope, case_ref, consent,"
        " deadline, due, template, template_version, language, channel, status, queued_at, correlation, causation,"
        " recipient_ordinal, not_before, digest, appointment, note, note_version, expected,"
        " subscription, held, retry_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16,"
        " $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27 > 0,"
        " clock_timestamp() + make_interval(secs => $27))"
        " ON CONFLICT (step, recipient) DO NOTHING RETURNING true",
        message,
        telling.step,
        recipient,
        role,
        service,
        telling.scope,
        telling.case,
        telling.consent,
        telling.deadline,
        telling.due,
        telling.template,
        template_version,
        language,
        way,
        "sent" if way is Way.IN_APP else "pending",
        now,
        telling.correlation,
        telling.causation,
        ordinal,
        not_before,
        digest,
        _written(telling.appointment),
        None if note is None else note.template,
        None if note is None else note.version,
        expected,
        telling.subscription,
        reserved,
    )
    return bool(added)


async def expected_at(conn: Connection, recipient: ActorId, meeting: MeetingRef) -> datetime | None:
    """Return when somebody would come to a meeting, by the last that they were told or have read of it; None when they would not.

    A message counts too whose try has no outcome: it may have left the house before it was taken back.
    """
    found = await conn.fetchval(
        "SELECT appointment FROM messages WHERE recipient = $1 AND appointment::jsonb ->> 'meeting' = $2"
        " AND (status IN ('sent', 'failed') OR read_at IS NOT NULL OR attempts > (SELECT count(*) FROM tries"
        "  WHERE tries.message = messages.message AND tries.channel = messages.channel))"
        " ORDER BY recorded_at DESC LIMIT 1",
        recipient,
        meeting,
    )
    told = _appointment(found)
    return None if told is None or told.cancelled else told.starts_at


async def lock_message(conn: Connection, message: MessageRef) -> StoredMessage | None:
    """Return the message with its row locked, or None when there is none."""
    row = await conn.fetchrow(
        f"SELECT {_MESSAGE}, false AS given_up FROM messages WHERE message = $1 FOR UPDATE",  # noqa: S608
        message,
    )
    return None if row is None else _message(row)


async def take_message(
    conn: Connection,
    now: datetime,
    *,
    lease: float,
    hours: float,
    ways: frozenset[Way],
    message: MessageRef | None = None,
) -> StoredMessage | None:
    """Take a message in hand for `lease` seconds that waits to go by one of `ways`: this one, or the one that waits longest.

    What waits for a digest, or may not leave the house yet, is left; so is what follows another to the same recipient by the
    same way that is in hand, or that nobody has taken yet. This one may be reserved, if nobody has tried it.
    """
    row = await conn.fetchrow(
        "UPDATE messages SET attempts = attempts + 1, retry_at = clock_timestamp() + make_interval(secs => $1), held = true,"  # noqa: S608
        " trying_since = coalesce(trying_since, clock_timestamp())"
        " WHERE message = (SELECT message FROM messages AS next WHERE status = 'pending'"
        "  AND (retry_at <= clock_timestamp() OR (message = $2 AND attempts = 0))"
        "  AND channel = ANY($4::text[]) AND not_before <= $5 AND NOT digest AND ($2::text IS NULL OR message = $2)"
        f"  AND NOT EXISTS ({_IN_HAND} OR (NOT other.digest AND other.retry_at <= clock_timestamp() AND other.not_before <= $5"
        "   AND (other.retry_at, other.message) < (next.retry_at, next.message))))"
        "  ORDER BY retry_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" RETURNING {_MESSAGE}, trying_since + make_interval(secs => $3) <= clock_timestamp() AS given_up",
        lease,
        message,
        hours * 3600,
        sorted(ways),
        now,
    )
    return None if row is None else _message(row)


async def take_digest(
    conn: Connection, now: datetime, *, lease: float, hours: float, ways: frozenset[Way]
) -> tuple[list[StoredMessage], str | None]:
    """Take in hand, for `lease` seconds, all that one person's digest holds; nothing when none is due. In a transaction.

    Who takes them is alone with that person's digests until the transaction ends, so that none is split between two. Beside them
    stands the name of the digest that all of them were in before, if there is one: they are it, or what is left of it.
    """
    found = await conn.fetchrow(
        f"SELECT recipient, channel, {_CASE_OF_DIGEST} AS about FROM messages AS next WHERE status = 'pending' AND digest"  # noqa: S608
        " AND retry_at <= clock_timestamp() AND channel = ANY($1::text[]) AND not_before <= $2"
        f" AND NOT EXISTS ({_IN_HAND})) ORDER BY retry_at LIMIT 1",
        sorted(ways),
        now,
    )
    if found is None:
        return [], None
    alone = await conn.fetchval(
        "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))", f"digest {found['recipient']}"
    )
    if not alone:
        return [], None
    # Those of one round were put off in one statement, and those that somebody has in hand come back much later.
    rows = await conn.fetch(
        "UPDATE messages SET attempts = attempts + 1, retry_at = clock_timestamp() + make_interval(secs => $1), held = true,"  # noqa: S608
        " trying_since = coalesce(trying_since, clock_timestamp())"
        " WHERE status = 'pending' AND digest AND recipient = $2 AND channel = $3 AND not_before <= $4"
        f" AND retry_at <= clock_timestamp() + interval '1 second' AND {_CASE_OF_DIGEST} = $5"
        f" RETURNING {_MESSAGE}, digest_name, trying_since + make_interval(secs => $6) <= clock_timestamp() AS given_up",
        lease,
        found["recipient"],
        found["channel"],
        now,
        found["about"],
        hours * 3600,
    )
    names = {row["digest_name"] for row in rows}
    before = names.pop() if len(names) == 1 else None
    return sorted((_message(row) for row in rows), key=lambda each: each.message), before


async def name_digest(conn: Connection, messages: Sequence[MessageRef], name: str) -> None:
    """Note by which name these go together."""
    await conn.execute("UPDATE messages SET digest_name = $2 WHERE message = ANY($1::text[])", list(messages), name)


async def postpone(conn: Connection, messages: Sequence[MessageRef], moment: datetime) -> None:
    """Let them leave the house not before then: they were taken in hand, and not tried."""
    await conn.execute(
        "UPDATE messages SET not_before = $2, attempts = attempts - 1, retry_at = clock_timestamp(), held = false,"
        " trying_since = CASE WHEN attempts > 1 THEN trying_since END"
        " WHERE message = ANY($1::text[]) AND status = 'pending'",
        list(messages),
        moment,
    )


async def put_off(conn: Connection, messages: Sequence[MessageRef], seconds: float) -> list[MessageRef]:
    """Let the messages be tried again after `seconds`; return those that are still to be delivered."""
    rows = await conn.fetch(
        "UPDATE messages SET retry_at = clock_timestamp() + make_interval(secs => $2), held = false"
        " WHERE message = ANY($1::text[]) AND status = 'pending' RETURNING message",
        list(messages),
        seconds,
    )
    return [MessageRef(row["message"]) for row in rows]


async def after_set_back(conn: Connection, *, messages: float, errands: float) -> int:
    """Let nothing wait for a time that lies further ahead than these seconds, the longest pauses; return how much did.

    It was written before the database's clock was set back, and would wait for as long as that went.
    """
    moved = await conn.fetch(
        "WITH m AS (UPDATE messages SET retry_at = clock_timestamp(), held = false WHERE status = 'pending'"
        "  AND retry_at > clock_timestamp() + make_interval(secs => $1) RETURNING true),"
        " e AS (UPDATE errands SET retry_at = clock_timestamp()"
        "  WHERE retry_at > clock_timestamp() + make_interval(secs => $2) RETURNING true)"
        " SELECT FROM m UNION ALL SELECT FROM e",
        messages,
        errands,
    )
    return len(moved)


async def put_back(conn: Connection, message: MessageRef) -> None:
    """Let anybody send a message that was reserved, and that nobody has tried."""
    await conn.execute(
        "UPDATE messages SET retry_at = clock_timestamp(), held = false"
        " WHERE message = $1 AND status = 'pending' AND attempts = 0",
        message,
    )


async def settle_message(conn: Connection, message: MessageRef, status: str) -> None:
    """Note the outcome of a delivery."""
    await conn.execute("UPDATE messages SET status = $2 WHERE message = $1", message, status)


async def send_by(conn: Connection, message: MessageRef, way: Way) -> None:
    """Let it go by this way from now on, with attempts of its own."""
    await conn.execute(
        "UPDATE messages SET status = 'pending', channel = $2, attempts = 0, trying_since = NULL, retry_at = clock_timestamp(),"
        " held = false, digest = digest AND $2 = ANY($3::text[]) WHERE message = $1",
        message,
        way,
        sorted(OUTSIDE),
    )


async def add_try(
    conn: Connection,
    message: MessageRef,
    way: Way,
    now: datetime,
    outcome: str,
    answered: int | None,
    *,
    mail: str | None = None,
) -> None:
    """Note what came of one try; `mail` is by which name it was mailed, alone or with others."""
    await conn.execute(
        "INSERT INTO tries (message, channel, tried_at, outcome, answered, mail) VALUES ($1, $2, $3, $4, $5, $6)",
        message,
        way,
        now,
        outcome,
        answered,
        mail,
    )


async def mailed_as(conn: Connection, mail: str) -> list[StoredMessage]:
    """Return what was mailed by that name: one message, or all of a digest."""
    rows = await conn.fetch(
        f"SELECT {_MESSAGE}, false AS given_up FROM messages"  # noqa: S608
        " WHERE message IN (SELECT message FROM tries WHERE mail = $1) ORDER BY message",
        mail,
    )
    return [_message(row) for row in rows]


async def letters_seen_by(
    conn: Connection,
    actor: ActorId,
    *,
    unit: UnitId | None,
    scope: LogScope,
    limit: int,
    after: tuple[datetime, str] | None,
) -> list[StoredMessage]:
    """Return the letters to post in the cases that the actor holds, or that anybody of the unit holds, the oldest first."""
    moment, reference = after or (None, None)
    rows = await conn.fetch(
        f"SELECT {_MESSAGE}, false AS given_up FROM messages JOIN holders USING (case_ref) WHERE {_LETTER}"  # noqa: S608
        " AND ($4::timestamptz IS NULL OR (queued_at, message) > ($4, $5)) ORDER BY queued_at, message LIMIT $6",
        actor,
        unit,
        scope,
        moment,
        reference,
        limit,
    )
    return [_message(row) for row in rows]


async def may_post(conn: Connection, message: MessageRef, actor: ActorId, unit: UnitId | None, scope: LogScope) -> bool:
    """Return whether this letter is one for the actor, or the actor's unit, to post, or was one."""
    found = await conn.fetchval(
        f"SELECT true FROM messages JOIN holders USING (case_ref) WHERE {_THEIRS} AND message = $4",  # noqa: S608
        actor,
        unit,
        scope,
        message,
    )
    return bool(found)


async def history_of(
    conn: Connection, recipient: ActorId, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, list[Try]]]:
    """Return what was sent to the recipient, the newest first, with every try."""
    return await _with_tries(conn, await messages_to(conn, recipient, limit=limit, after=after))


async def history_of_unit(
    conn: Connection, scope: LogScope, unit: UnitId, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, list[Try]]]:
    """Return what was sent to the unit's people, and to guardians in the cases that somebody of the unit has, with every try."""
    moment, reference = after or (None, None)
    rows = await conn.fetch(
        f"SELECT {_MESSAGE}, false AS given_up FROM messages WHERE scope = $1 AND status <> 'cancelled' AND (recipient IN"  # noqa: S608
        "  (SELECT duties.recipient FROM duties WHERE scope = $1 AND unit = $2)"
        " OR (recipient_role = 'guardian' AND case_ref IN (SELECT case_ref FROM holders WHERE holder::jsonb ->> 'unit' = $2)))"
        " AND ($3::timestamptz IS NULL OR (queued_at, message) < ($3, $4)) ORDER BY queued_at DESC, message DESC LIMIT $5",
        scope,
        unit,
        moment,
        reference,
        limit,
    )
    return await _with_tries(conn, [_message(row) for row in rows])


async def _with_tries(conn: Connection, found: list[StoredMessage]) -> list[tuple[StoredMessage, list[Try]]]:
    rows = await conn.fetch(
        "SELECT message, channel, tried_at, outcome, answered FROM tries WHERE message = ANY($1::text[]) ORDER BY id",
        [each.message for each in found],
    )
    tries: dict[str, list[Try]] = {each.message: [] for each in found}
    for row in rows:
        tries[row["message"]].append(Try(Way(row["channel"]), row["tried_at"], row["outcome"], row["answered"]))
    return [(each, tries[each.message]) for each in found]


async def mark_read(conn: Connection, message: MessageRef, now: datetime) -> None:
    """Note when it was first read."""
    await conn.execute("UPDATE messages SET read_at = coalesce(read_at, $2) WHERE message = $1", message, now)


async def pending_about(
    conn: Connection,
    *,
    deadline: DeadlineRef | None = None,
    consent: ConsentRef | None = None,
    case: CaseRef | None = None,
    services: frozenset[Service] = frozenset(),
) -> list[MessageRef]:
    """Return, locked, the undelivered messages about a deadline, about a consent, or about a case to people of `services`."""
    rows = await conn.fetch(
        "SELECT message FROM messages WHERE status = 'pending' AND (deadline = $1 OR consent = $2"
        " OR (case_ref = $3 AND recipient_service = ANY($4::text[]))) ORDER BY message FOR UPDATE",
        deadline,
        consent,
        case,
        sorted(services),
    )
    return [MessageRef(row["message"]) for row in rows]


async def pending_asks(conn: Connection, case: CaseRef, templates: frozenset[str]) -> list[MessageRef]:
    """Return, locked, what is not delivered yet of these kinds in a case: letters, too."""
    rows = await conn.fetch(
        "SELECT message FROM messages WHERE status = 'pending' AND case_ref = $1 AND template = ANY($2::text[])"
        " ORDER BY message FOR UPDATE",
        case,
        sorted(templates),
    )
    return [MessageRef(row["message"]) for row in rows]


async def told_about(
    conn: Connection, step: str, *, ordinal: int | None = None
) -> tuple[list[Responsible], list[MessageRef]]:
    """Return, locked, who was told anything whose step begins with `step` (a reference), and which of it is not delivered yet.

    With `ordinal` only that guardian's.
    """
    rows = await conn.fetch(
        "SELECT message, recipient, recipient_role, recipient_service, status FROM messages WHERE step LIKE $1 || '%'"
        " AND ($2::integer IS NULL OR recipient_ordinal = $2) ORDER BY message FOR UPDATE",
        step,
        ordinal,
    )
    people = {
        row["recipient"]: Responsible(
            actor=ActorId(row["recipient"]), role=Role(row["recipient_role"]), service=row["recipient_service"]
        )
        for row in rows
    }
    return list(people.values()), [MessageRef(row["message"]) for row in rows if row["status"] == "pending"]


async def messages_to(
    conn: Connection, recipient: ActorId, *, limit: int, after: tuple[datetime, str] | None
) -> list[StoredMessage]:
    """Return the recipient's messages, the newest first; those that were taken back are left out."""
    moment, reference = after or (None, None)
    rows = await conn.fetch(
        f"SELECT {_MESSAGE}, false AS given_up FROM messages WHERE recipient = $1 AND status <> 'cancelled'"  # noqa: S608
        " AND ($2::timestamptz IS NULL OR (queued_at, message) < ($2, $3)) ORDER BY queued_at DESC, message DESC LIMIT $4",
        recipient,
        moment,
        reference,
        limit,
    )
    return [_message(row) for row in rows]


def _message(row: asyncpg.Record) -> StoredMessage:
    return StoredMessage(
        message=MessageRef(row["message"]),
        recipient=ActorId(row["recipient"]),
        role=Role(row["recipient_role"]),
        telling=_telling(row),
        template_version=row["template_version"],
        language=Language(row["language"]),
        channel=Way(row["channel"]),
        status=row["status"],
        queued_at=row["queued_at"],
        read_at=row["read_at"],
        attempts=row["attempts"],
        ordinal=row["recipient_ordinal"],
        note=None if row["note"] is None else Note(row["note"], row["note_version"]),
        given_up=row["given_up"],
        expected=row["expected"],
    )


def _telling(row: asyncpg.Record) -> Telling:
    return Telling(
        step=row["step"],
        template=row["template"],
        scope=LogScope(row["scope"]),
        correlation=row["correlation"],
        causation=row["causation"],
        case=row["case_ref"],
        consent=row["consent"],
        deadline=row["deadline"],
        due=row["due"],
        appointment=_appointment(row.get("appointment")),
        interpreter=bool(row.get("interpreter")),
        subscription=row.get("subscription"),
    )


def _written(appointment: Appointment | None) -> str | None:
    return None if appointment is None else appointment.model_dump_json()


def _appointment(kept: str | None) -> Appointment | None:
    return None if kept is None else Appointment.model_validate_json(kept)


# --- errands ----------------------------------------------------------------------------------------------------------


async def add_errand(
    conn: Connection,
    telling: Telling,
    roles: frozenset[Role],
    *,
    services: frozenset[Service] = frozenset(),
    ordinals: Collection[int] = (),
    case: CaseRef | None = None,
) -> None:
    """Let those around the child be told, or some of the staff; the same step once. `case`: what is asked about and not told.

    `ordinals` are those of the guardians who are told; without any, all are.
    """
    await conn.execute(
        "INSERT INTO errands (step, scope, case_ref, consent, deadline, due, template, roles, correlation, causation, services,"
        " hides_case, ordinals, appointment, interpreter)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) ON CONFLICT DO NOTHING",
        telling.step,
        telling.scope,
        telling.case or case,
        telling.consent,
        telling.deadline,
        telling.due,
        telling.template,
        sorted(roles),
        telling.correlation,
        telling.causation,
        sorted(services),
        telling.case is None,
        sorted(ordinals),
        _written(telling.appointment),
        telling.interpreter,
    )


async def wait_for(
    conn: Connection,
    telling: Telling,
    roles: frozenset[Role],
    led: Led,
) -> None:
    """Let it wait for somebody who is not known yet: the leaders of these, or of nobody's, those who have the role.

    Of one step all wait together, until the last day that any of it has; without one of any, without one.
    """
    await conn.execute(
        "INSERT INTO errands AS known (step, scope, case_ref, consent, deadline, due, template, roles, correlation, causation,"
        " services, units, places, appointment, interpreter)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)"
        " ON CONFLICT (step) DO UPDATE SET retry_at = clock_timestamp(),"
        " due = CASE WHEN known.due IS NULL OR excluded.due IS NULL THEN NULL ELSE greatest(known.due, excluded.due) END,"
        " units = ARRAY(SELECT unnest(known.units || excluded.units) AS one GROUP BY one ORDER BY one),"
        " places = ARRAY(SELECT unnest(known.places || excluded.places) AS one GROUP BY one ORDER BY one),"
        " services = ARRAY(SELECT unnest(known.services || excluded.services) AS one GROUP BY one ORDER BY one)",
        telling.step,
        telling.scope,
        telling.case,
        telling.consent,
        telling.deadline,
        telling.due,
        telling.template,
        sorted(roles),
        telling.correlation,
        telling.causation,
        sorted(led.services),
        sorted(led.units),
        _places(led),
        _written(telling.appointment),
        telling.interpreter,
    )


async def wait_on(conn: Connection, step: str, led: Led, *, seconds: float) -> None:
    """Let the errand be tried again after `seconds`, for those that are left of it."""
    await conn.execute(
        "UPDATE errands SET units = $2, services = $3, places = $4, retry_at = clock_timestamp() + make_interval(secs => $5)"
        " WHERE step = $1",
        step,
        sorted(led.units),
        sorted(led.services),
        _places(led),
        seconds,
    )


def _places(led: Led) -> list[str]:
    return sorted(f"{service}/{unit}" for service, unit in led.places)


def _led(*rows: asyncpg.Record) -> Led:
    places = [place.split("/", 1) for row in rows for place in row["places"]]
    return Led(
        frozenset(UnitId(unit) for row in rows for unit in row["units"]),
        frozenset(Service(service) for row in rows for service in row["services"]),
        frozenset((Service(service), UnitId(unit)) for service, unit in places),
    )


async def take_waiting(conn: Connection, step: str, template: str) -> Led:
    """Take back what waits for leaders in steps that begin with `step`, in that template; return whose those are."""
    rows = await conn.fetch(
        "DELETE FROM errands WHERE roles = $1::text[] AND step LIKE $2 || '%' AND template = $3"
        " RETURNING units, services, places",
        sorted(WATCH),
        step,
        template,
    )
    return _led(*rows)


async def roles_asked(conn: Connection, step: str) -> frozenset[Role]:
    """Return as what those around the child were told something of this step, or are to be."""
    rows = await conn.fetch(
        "SELECT recipient_role AS role FROM messages WHERE step LIKE $1 || '/%'"
        " UNION SELECT unnest(roles) FROM errands WHERE step LIKE $1 || '/%'",
        step,
    )
    return frozenset(Role(row["role"]) for row in rows)


async def take_errand(conn: Connection, *, lease: float) -> Errand | None:
    """Take the errand that waits longest in hand for `lease` seconds."""
    row = await conn.fetchrow(
        "UPDATE errands SET attempts = attempts + 1, retry_at = clock_timestamp() + make_interval(secs => $1)"
        " WHERE step = (SELECT step FROM errands WHERE retry_at <= clock_timestamp() ORDER BY retry_at LIMIT 1"
        "  FOR UPDATE SKIP LOCKED)"
        " RETURNING step, scope, case_ref, consent, deadline, due, template, roles, correlation, causation, attempts, services,"
        " hides_case, ordinals, appointment, interpreter, units, places",
        lease,
    )
    if row is None:
        return None
    told = _telling(row)
    if row["hides_case"]:
        told = replace(told, case=None)
    return Errand(
        told,
        row["case_ref"],
        row["consent"],
        frozenset(map(Role, row["roles"])),
        row["attempts"],
        _led(row),
        frozenset(row["ordinals"]),
    )


async def put_off_errand(conn: Connection, step: str, seconds: float) -> None:
    """Let the errand be tried again after `seconds`."""
    await conn.execute(
        "UPDATE errands SET retry_at = clock_timestamp() + make_interval(secs => $2) WHERE step = $1", step, seconds
    )


async def hold_errand(conn: Connection, errand: Errand) -> Errand | None:
    """Let nobody take the errand back until this transaction ends; return what is left of it, unless all was taken back."""
    step = errand.telling.step
    row = await conn.fetchrow("SELECT units, services, places FROM errands WHERE step = $1 FOR UPDATE", step)
    return None if row is None else replace(errand, led=_led(row))


async def finish_errand(conn: Connection, step: str) -> bool:
    """Remove the errand; return whether it was still there, and not taken back meanwhile."""
    return bool(await conn.fetchval("DELETE FROM errands WHERE step = $1 RETURNING true", step))


async def drop_errands(conn: Connection, consent: ConsentRef) -> int:
    """Take back what was still to be told about this consent; return how much that was."""
    rows = await conn.fetch("DELETE FROM errands WHERE consent = $1 RETURNING step", consent)
    return len(rows)


async def drop_errands_to(conn: Connection, case: CaseRef, services: frozenset[Service]) -> int:
    """Take back what the leaders of `services` were still to be told of this case; return of how much they are no part any more."""
    rows = await conn.fetch(
        "WITH theirs AS (SELECT step FROM errands WHERE case_ref = $1 AND NOT hides_case AND roles = $2::text[]"
        "  AND (services && $3::text[] OR EXISTS (SELECT FROM unnest(places) AS one WHERE split_part(one, '/', 1) = ANY($3)))"
        "  ORDER BY step FOR UPDATE)"
        " UPDATE errands SET services = ARRAY(SELECT one FROM unnest(services) AS one WHERE NOT one = ANY($3) ORDER BY one),"
        " places = ARRAY(SELECT one FROM unnest(places) AS one WHERE NOT split_part(one, '/', 1) = ANY($3) ORDER BY one)"
        " WHERE step IN (SELECT step FROM theirs) RETURNING step, units, services, places",
        case,
        sorted(WATCH),
        sorted(services),
    )
    # Without anybody's leaders, what is told of a protected case is for whoever has the duty.
    await conn.execute(
        "DELETE FROM errands WHERE step = ANY($1::text[])", [row["step"] for row in rows if not _led(row)]
    )
    return len(rows)


async def drop_errands_of(conn: Connection, step: str) -> None:
    """Take back what was still to be told in steps that begin with `step`."""
    await conn.execute("DELETE FROM errands WHERE step LIKE $1 || '%'", step)


async def drop_staff_errands(conn: Connection, *, deadline: DeadlineRef | None = None, step: str | None = None) -> None:
    """Take back what staff was still to be told about this deadline, or in a step that begins with `step` (a reference)."""
    await conn.execute(
        "DELETE FROM errands WHERE roles <@ $1::text[] AND (deadline = $2 OR step LIKE $3 || '/%')",
        sorted(STAFF),
        deadline,
        step,
    )


async def drop_staff_errands_of_case(conn: Connection, case: CaseRef, *, but: frozenset[str]) -> None:
    """Take back what staff was still to be told of this case, or without being told which it is, except in these templates."""
    await conn.execute(
        "DELETE FROM errands WHERE roles <@ $1::text[] AND case_ref = $2 AND NOT template = ANY($3::text[])",
        sorted(STAFF),
        case,
        sorted(but),
    )


async def lock_waiting(conn: Connection, scope: LogScope, template: str) -> None:
    """Let nobody else change what waits for leaders in this log and template until this transaction ends."""
    await conn.execute(
        "SELECT FROM errands WHERE roles = $1::text[] AND scope = $2 AND template = $3 ORDER BY step FOR UPDATE",
        sorted(WATCH),
        scope,
        template,
    )


async def replace_waiting(conn: Connection, told: Telling) -> None:
    """Let whoever waits for `told` wait for nothing that said the same in an earlier step; what had no last day has none now."""
    rows = await conn.fetch(
        "WITH latest AS (SELECT units, services, places FROM errands WHERE step = $1)"
        " UPDATE errands AS before SET"
        " units = ARRAY(SELECT unnest(before.units) EXCEPT SELECT unnest(latest.units) ORDER BY 1),"
        " services = ARRAY(SELECT unnest(before.services) EXCEPT SELECT unnest(latest.services) ORDER BY 1),"
        " places = ARRAY(SELECT unnest(before.places) EXCEPT SELECT unnest(latest.places) ORDER BY 1)"
        " FROM latest WHERE roles = $2::text[] AND scope = $3 AND template = $4 AND step <> $1 AND (before.units && latest.units"
        "  OR before.services && latest.services OR before.places && latest.places)"
        " RETURNING step, due, before.units, before.services, before.places",
        told.step,
        sorted(WATCH),
        told.scope,
        told.template,
    )
    await conn.execute(
        "DELETE FROM errands WHERE step = ANY($1::text[])", [row["step"] for row in rows if not _led(row)]
    )
    if any(row["due"] is None for row in rows):
        await conn.execute("UPDATE errands SET due = NULL WHERE step = $1", told.step)


async def wake_errands(conn: Connection, actor: Actor) -> None:
    """Try at once what waits for somebody like `actor`, who has become known.

    For leaders of their unit or service, or for privacy officers, in the log of the municipality whose token they have. Whose duty
    an address-protected case is, is not known here: with the clearance it may be theirs.
    """
    await conn.execute(
        "WITH theirs AS (SELECT step FROM errands WHERE roles <@ $1::text[] AND CASE WHEN starts_with(scope, $2) THEN $3"
        "  WHEN scope <> $4 THEN false WHEN roles = $5::text[] THEN $6"
        "  ELSE $7 AND ($8::text = ANY(units) OR $9::text = ANY(services)"
        "   OR EXISTS (SELECT FROM unnest(places) AS one WHERE split_part(one, '/', 2) = $8)) END"
        "  ORDER BY step FOR UPDATE)"
        " UPDATE errands SET retry_at = clock_timestamp() WHERE step IN (SELECT step FROM theirs)",
        sorted(STAFF),
        f"{PROTECTED_LOG}_",
        Clearance.PROTECTED_CASE_READER in actor.clearances,
        actor.municipality,
        sorted(OFFICERS),
        Role.PRIVACY_OFFICER in actor.roles,
        Role.LEADER in actor.roles,
        actor.unit,
        actor.service,
    )
