"""SQL, and nothing else: where a case is found, receipts, and who has been told what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.cases.domain.acting import Acting
from services.cases.domain.search import Candidate
from services.cases.domain.state import CaseState, ConsentStatus
from shared.contracts.cases import CoordinatorKind
from shared.contracts.codes import InformationCategory, Role, Service
from shared.db import Connection
from shared.refs import ActorId, CaseRef, ConsentRef, LogScope, OrganisationNumber, UnitId

Way = Literal["read", "handover", "meeting"]


@dataclass(frozen=True, slots=True)
class Located:
    """A case that exists, and whose employees may meet it."""

    case: CaseRef
    municipality: LogScope
    receiver_municipality: LogScope | None = None
    """Where a handover waits for an answer, when that is another municipality."""


@dataclass(frozen=True, slots=True)
class Disclosure:
    """Somebody outside the holding unit was told something."""

    at: datetime
    way: Way
    service: Service
    role: Role | None
    organisation: OrganisationNumber | None
    categories: frozenset[InformationCategory]
    consent: ConsentRef | None
    consent_version: int | None


@dataclass(frozen=True, slots=True)
class Receipt:
    """A service has acted on a change of consent."""

    version: int
    consumer: str
    received_at: datetime


_OF_INTEREST: Final = (
    "(case_ref IN (SELECT k.case_ref FROM kin k WHERE k.actor = $1"
    "     AND k.since <= $2 AND (k.until IS NULL OR $2 < k.until))"
    "   OR (municipality = $3 AND (holder = $1 OR receiver = $1 OR holder_unit = $4 OR receiver_unit = $4"
    "     OR services @> ARRAY[$5] OR coordinators @> ARRAY[$1]))"
    "   OR (receiver_municipality = $3 AND (receiver = $1 OR receiver_unit = $4)))"
)
"""What an `Interest` finds in `case_index`."""


@dataclass(frozen=True, slots=True)
class Interest:
    """By what an actor's cases are found."""

    actor: ActorId
    municipality: LogScope
    leads: UnitId | None
    service: Service | None
    now: datetime


async def locate(conn: Connection, ref: str) -> Located | None:
    """Return the case that `ref` is, or is a part of."""
    row = await conn.fetchrow(
        "SELECT i.case_ref, i.municipality, i.receiver_municipality FROM case_index i"
        " WHERE i.case_ref = coalesce((SELECT p.case_ref FROM part_index p WHERE p.part = $1), $1)",
        ref,
    )
    if row is None:
        return None
    return Located(CaseRef(row["case_ref"]), LogScope(row["municipality"]), row["receiver_municipality"])


async def add_kin(
    conn: Connection,
    case: CaseRef,
    since: datetime,
    *,
    child: ActorId,
    guardians: Sequence[ActorId],
    told_under: str,
) -> None:
    """Note who the child is and who has parental responsibility, in their order, as the case's first event says under a key."""
    await conn.execute(
        "INSERT INTO kin (actor, case_ref, kind, ordinal, since, told_under)"
        " SELECT actor, $2, kind, ordinal, $5, $6"
        " FROM unnest($1::text[], $3::text[], $4::int[]) AS t (actor, kind, ordinal)",
        [child, *guardians],
        case,
        ["child", *["guardian"] * len(guardians)],
        [1, *range(1, len(guardians) + 1)],
        since,
        told_under,
    )


async def kin(conn: Connection, case: CaseRef, actor: ActorId, now: datetime) -> tuple[int | None, bool]:
    """Return which of the guardians the actor is at `now`, if one, and whether it is the child."""
    rows = await conn.fetch(
        "SELECT kind, ordinal FROM kin WHERE actor = $1 AND case_ref = $2 AND since <= $3"
        " AND (until IS NULL OR $3 < until)",
        actor,
        case,
        now,
    )
    ordinal = next((row["ordinal"] for row in rows if row["kind"] == "guardian"), None)
    return ordinal, any(row["kind"] == "child" for row in rows)


async def of_family(conn: Connection, case: CaseRef, actor: ActorId) -> bool:
    """Return whether the actor is the child, or has, had or will have parental responsibility; not who was said to by mistake."""
    return bool(
        await conn.fetchval(
            "SELECT exists (SELECT FROM kin WHERE case_ref = $1 AND actor = $2 AND NOT mistaken)", case, actor
        )
    )


async def family(conn: Connection, case: CaseRef) -> list[ActorId]:
    """Return the child and everybody who has, had or will have parental responsibility, in a fixed order."""
    rows = await conn.fetch("SELECT DISTINCT actor FROM kin WHERE case_ref = $1 ORDER BY actor", case)
    return [ActorId(row["actor"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Fitting:
    """A case whose child fits a search, with what the actor is to the family."""

    state: CaseState
    version: int
    scope: LogScope
    municipality: LogScope
    guardian: int | None
    child: bool
    family: bool

    def seen_by(self, stranger: Acting, municipality: LogScope) -> Candidate:
        """Return it as the rules see the actor in it."""
        private = stranger.kind in {"guardian", "child"}
        known = {"guardian": self.guardian, "child": self.child} if private else {"own_family": self.family}
        return Candidate(
            state=self.state,
            version=self.version,
            scope=self.scope,
            acting=stranger.model_copy(update=known),
            same_municipality=stranger.kind != "user" or self.municipality == municipality,
        )


async def nearest(conn: Connection, cases: Sequence[CaseRef], interest: Interest, limit: int) -> list[CaseRef]:
    """Return at most `limit` of these cases, first those that the actor may have a part in; one query, however many they are.

    Whoever works with a child finds it by a name that many have, whichever others there are.
    """
    rows = await conn.fetch(
        "SELECT case_ref FROM case_index WHERE case_ref = ANY($7::text[]) ORDER BY "  # noqa: S608 -- a constant
        + _OF_INTEREST
        + " IS TRUE DESC, case_ref LIMIT $6",
        interest.actor,
        interest.now,
        interest.municipality,
        interest.leads,
        interest.service,
        limit,
        list(cases),
    )
    return [CaseRef(row["case_ref"]) for row in rows]


async def candidates(conn: Connection, cases: Sequence[CaseRef], actor: ActorId, now: datetime) -> list[Fitting]:
    """Return these cases as they stand, held against writers; one query, however many they are."""
    rows = await conn.fetch(
        "SELECT a.state, a.version, a.scope, i.municipality,"
        " (SELECT k.ordinal FROM kin k WHERE k.case_ref = a.id AND k.actor = $2 AND k.kind = 'guardian'"
        "   AND k.since <= $3 AND (k.until IS NULL OR $3 < k.until)) AS guardian,"
        " EXISTS (SELECT FROM kin k WHERE k.case_ref = a.id AND k.actor = $2 AND k.kind = 'child'"
        "   AND k.since <= $3 AND (k.until IS NULL OR $3 < k.until)) AS child,"
        " EXISTS (SELECT FROM kin k WHERE k.case_ref = a.id AND k.actor = $2 AND NOT k.mistaken) AS family"
        " FROM aggregates a JOIN case_index i ON i.case_ref = a.id"
        " WHERE a.id = ANY($1::text[]) AND a.kind = 'case' ORDER BY i.registered_at DESC, a.id DESC FOR SHARE OF a",
        list(cases),
        actor,
        now,
    )
    return [
        Fitting(
            CaseState.model_validate_json(row["state"]),
            row["version"],
            LogScope(row["scope"]),
            LogScope(row["municipality"]),
            row["guardian"],
            row["child"],
            row["family"],
        )
        for row in rows
    ]


async def await_writers(conn: Connection, case: CaseRef) -> None:
    """Let nobody change the case until this transaction ends: what is shown was allowed when its record was committed."""
    await conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR SHARE", case)


async def register(conn: Connection, case: CaseRef, municipality: LogScope, at: datetime) -> None:
    """Make a new case findable."""
    await conn.execute(
        "INSERT INTO case_index (case_ref, municipality, registered_at) VALUES ($1, $2, $3)", case, municipality, at
    )


async def index(conn: Connection, case: CaseRef, state: CaseState, parts: Sequence[str]) -> None:
    """Bring the index up to `state`; `parts` are references that are new."""
    holder, handover = state.holding, state.open_handover
    receiver = None if handover is None else handover.receiver
    services: set[Service] = set()
    for consent in state.consents.values():
        if consent.status is ConsentStatus.ACTIVE:
            services |= consent.scope.services
    for override in state.overrides.values():
        if not override.ended:
            services |= override.scope.services
    coordinators = [one.actor for kind in CoordinatorKind if (one := state.around.coordinator_of(kind)) is not None]
    await conn.execute(
        "UPDATE case_index SET holder = $2, holder_unit = $3, receiver = $4, receiver_unit = $5, services = $6,"
        " receiver_municipality = $7, coordinators = $8 WHERE case_ref = $1",
        case,
        None if holder is None else holder.party.actor,
        None if holder is None else holder.party.unit,
        None if receiver is None else receiver.actor,
        None if receiver is None else receiver.unit,
        sorted(services),
        None if handover is None else handover.to_municipality,
        sorted({*coordinators}),
    )
    if parts:
        await conn.execute(
            "INSERT INTO part_index (part, case_ref) SELECT part, $2 FROM unnest($1::text[]) AS t (part)"
            " ON CONFLICT (part) DO NOTHING",
            list(parts),
            case,
        )


async def cases_of(
    conn: Connection, interest: Interest, *, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[CaseRef, datetime]]:
    """Return cases that the actor may have a part in, newest first, after the one with that moment and reference."""
    rows = await conn.fetch(
        "SELECT case_ref, registered_at FROM case_index WHERE "  # noqa: S608 -- a constant
        + _OF_INTEREST
        + " AND ($6::timestamptz IS NULL OR (registered_at, case_ref) < ($6, $7))"
        " ORDER BY registered_at DESC, case_ref DESC LIMIT $8",
        interest.actor,
        interest.now,
        interest.municipality,
        interest.leads,
        interest.service,
        None if after is None else after[0],
        None if after is None else after[1],
        limit,
    )
    return [(CaseRef(row["case_ref"]), row["registered_at"]) for row in rows]


async def receipt(
    conn: Connection, consent: ConsentRef, version: int, consumer: str, at: datetime, event_id: UUID
) -> None:
    """Note that `consumer` has acted on that version; the first receipt counts."""
    await conn.execute(
        "INSERT INTO consent_receipts (consent, version, consumer, received_at, event_id)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
        consent,
        version,
        consumer,
        at,
        event_id,
    )


async def receipts(conn: Connection, consent: ConsentRef) -> list[Receipt]:
    """Return who has said that it acted on which version, oldest first."""
    rows = await conn.fetch(
        "SELECT version, consumer, received_at FROM consent_receipts WHERE consent = $1 ORDER BY version, consumer",
        consent,
    )
    return [Receipt(row["version"], row["consumer"], row["received_at"]) for row in rows]


async def disclosed(conn: Connection, case: CaseRef, told: Sequence[Disclosure]) -> None:
    """Remember who was told what."""
    for one in told:
        await conn.execute(
            "INSERT INTO disclosures (case_ref, at, way, service, role, organisation, categories, consent,"
            " consent_version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            case,
            one.at,
            one.way,
            one.service,
            one.role,
            one.organisation,
            sorted(one.categories),
            one.consent,
            one.consent_version,
        )


async def disclosures(conn: Connection, case: CaseRef) -> list[Disclosure]:
    """Return who has been told what, oldest first."""
    rows = await conn.fetch(
        "SELECT at, way, service, role, organisation, categories, consent, consent_version"
        " FROM disclosures WHERE case_ref = $1 ORDER BY id",
        case,
    )
    return [
        Disclosure(
            at=row["at"],
            way=row["way"],
            service=Service(row["service"]),
            role=None if row["role"] is None else Role(row["role"]),
            organisation=row["organisation"],
            categories=frozenset(InformationCategory(one) for one in row["categories"]),
            consent=row["consent"],
            consent_version=row["consent_version"],
        )
        for row in rows
    ]
