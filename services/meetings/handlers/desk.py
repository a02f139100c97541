"""What every handler works with, and the ways in and out that they share."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

import asyncpg

from services.meetings import own_family_store, store
from services.meetings.configuration import ConsentBasis, profile_of
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import may_call
from services.meetings.domain.laid_out import FirstPlans
from services.meetings.domain.meeting import MEETING, MeetingState
from services.meetings.domain.own_family import Families
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import ConsentHistory
from services.meetings.domain.seating import Office, asked_by, fills_seat, speaks_for_seat
from services.meetings.errors import ArenaRetiredError, UnknownError
from services.meetings.kin import Kin
from services.meetings.visits import Visits
from shared.actor_names import KnownActors
from shared.aggregate import Changed, Context, IdempotencyKey
from shared.auth import Actor
from shared.contracts import cases
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.base import Model
from shared.contracts.codes import InformationCategory, LegalBasis, Purpose
from shared.db import Connection, Pool
from shared.freshness import require_fresh
from shared.journal import ContendedError, Journal
from shared.refs import ActorId, CaseRef, ConsentRef, Ids, ItemRef, LogScope, MeetingRef
from shared.vault import Vault

R = TypeVar("R")
S = TypeVar("S", bound=Model)

CONSUMER: Final = "meetings"
"""The inbox that keeps the projection of cases and consents."""
NOBODY: Final = ActorId("act_nobody-in-particular")
"""In whose name the answers to anonymous commands are kept."""
ATTEMPTS: Final = 3


@dataclass(frozen=True, slots=True)
class Reads:
    """Where the projection of cases and consents comes from: what its freshness is asked of."""

    consumer: str = CONSUMER
    topic: str = cases.TOPIC
    source: str = "/services/cases"


@dataclass(frozen=True)
class Desk:
    """The service's means."""

    pool: Pool
    journal: Journal
    vault: Vault
    ids: Ids
    profiles: Mapping[LogScope, Profile]
    consent_basis: ConsentBasis
    blind_key: bytes
    """Hides whose an anonymous command's idempotency key was."""
    calendar_key: bytes
    """Makes the calendars' addresses, so that they need not be kept."""
    voice_key: bytes
    """Hides who of a family has answered an invitation."""
    kin: Kin
    known: KnownActors
    """By which marks people are known in the cases' events."""
    visits: Visits
    reads: Reads = field(default_factory=Reads)
    first_plans: FirstPlans = field(default_factory=FirstPlans)

    async def transaction(self, work: Callable[[Connection], Awaitable[R]]) -> R:
        """Run `work` in a transaction of its own, again when another one was in its way.

        Raises:
            ContendedError: others were in its way three times.
        """
        for _ in range(ATTEMPTS):
            try:
                async with self.pool.acquire() as conn, conn.transaction():
                    return await work(conn)
            except asyncpg.DeadlockDetectedError:
                continue
            except asyncpg.UniqueViolationError as error:
                # The same command at the same time: its answer is stored now.
                if error.constraint_name != "idempotency_keys_pkey":
                    raise
        raise ContendedError

    async def change(self, work: Callable[[Connection], Awaitable[Changed[S]]]) -> Changed[S]:
        """Run a command in a transaction, and wake the relay when something has happened."""
        changed = await self.transaction(work)
        if not changed.replayed:
            self.journal.nudge()
        return changed


@dataclass(frozen=True, slots=True)
class Found:
    """A meeting that the actor may know of, with the rules it follows."""

    state: MeetingState
    version: int
    rules: ArenaRules
    profile: Profile
    seated: bool
    """Whether the actor takes a seat in it."""
    decides: bool
    """Whether the actor calls the meeting and decides its agenda."""


def acting(ctx: Context) -> Actor:
    """Return who acts; a command over HTTP has somebody always.

    Raises:
        UnknownError: nobody does.
    """
    if ctx.actor is None:
        raise UnknownError
    return ctx.actor


def office_of(actor: Actor) -> Office:
    """Return as what the actor takes part."""
    return Office(actor.service, actor.unit, actor.roles, actor.functions)


async def find(desk: Desk, ctx: Context, meeting: MeetingRef, *, conn: Connection | None = None) -> Found:
    """Return the meeting, for somebody who has a seat in it, leads whose seat it is, or calls it (see `domain.seating`).

    Raises:
        UnknownError: there is none, or it is none of the actor's business.
        ArenaRetiredError: the profile no longer has its arena.
    """
    actor = acting(ctx)
    loaded = await desk.journal.load(MEETING, meeting, conn=conn)
    state = loaded.state
    if not actor.staff or loaded.scope is None or loaded.scope != actor.municipality:
        raise UnknownError
    profile = profile_of(desk.profiles, actor.municipality)
    rules = rules_of(profile, state.arena_type)
    asked, office = asked_by(profile, state.invited, state.units, state.answers.seats), office_of(actor)
    seated = fills_seat(rules, asked, office)
    decides = may_call(rules, state.units, actor.roles, actor.service, actor.unit)
    if not seated and not decides and not speaks_for_seat(rules, asked, office):
        raise UnknownError
    return Found(state, loaded.version, rules, profile, seated, decides)


def rules_of(profile: Profile, arena_type: str) -> ArenaRules:
    """Return the rules of an arena.

    Raises:
        ArenaRetiredError: the profile no longer has it.
    """
    rules = profile.arena(arena_type)
    if rules is None:
        raise ArenaRetiredError
    return rules


async def families_of(desk: Desk, conn: Connection, cases: Iterable[CaseRef]) -> Families:
    """Return who is of the families of these cases (forvaltningsloven § 6)."""
    return Families(desk.known, await own_family_store.marks(conn, cases))


async def consents_now(desk: Desk, conn: Connection, case_refs: Iterable[CaseRef]) -> list[ConsentHistory]:
    """Return what the consents of these cases say, held until the transaction ends, and known to be fresh.

    Raises:
        UnavailableError: it is not known how fresh; nothing is decided on a guess (fails closed).
    """
    wanted, reads = sorted(set(case_refs)), desk.reads
    for case_ref in wanted:
        await require_fresh(conn, reads.consumer, reads.topic, reads.source, key=case_ref)
    return await store.hold_consents(conn, wanted)


def anonymous(desk: Desk, ctx: Context) -> Context:
    """Return `ctx` with nothing left in it that leads to who acts, or to anything else that was done (invariant 3).

    The idempotency key still works for whoever sends it again, but is kept under nobody's name and only as a keyed hash: the
    same key on a command about a case would lead from the one to the other.
    """
    key = ctx.idempotency
    if key is not None:
        whose = f"{key.actor}\0{key.key}".encode()
        key = IdempotencyKey(
            actor=NOBODY,
            key=hmac.digest(desk.blind_key, b"key\0" + whose, hashlib.sha256).hex(),
            request_hash=hmac.digest(desk.blind_key, b"request\0" + key.request_hash, hashlib.sha256),
        )
    return replace(
        ctx,
        actor=None,
        anonymous=True,
        correlation=desk.ids.event_id(),
        causation=None,
        traceparent=None,
        idempotency=key,
    )


@dataclass(frozen=True, slots=True)
class Looked:
    """What about a case was shown, refused or told in a meeting."""

    kind: AccessKind
    case: CaseRef
    meeting: MeetingRef | None = None
    item: ItemRef | None = None
    categories: frozenset[InformationCategory] = frozenset()
    purpose: Purpose | None = None
    basis: LegalBasis | None = None
    consent: ConsentRef | None = None
    consent_version: int | None = None
    recipients: tuple[Recipient, ...] = ()
    reason: str | None = None
    """Why it was refused; None: it was not."""


def record(actor: Actor, looked: Looked, *, address_protected: bool = False) -> AccessRecorded:
    """Return the access record of it."""
    return AccessRecorded(
        subject_ref=looked.case,
        kind=looked.kind,
        actor=actor.access_actor(address_protected=address_protected),
        case=looked.case,
        categories=looked.categories,
        purpose=looked.purpose,
        basis=looked.basis,
        consent=looked.consent,
        consent_version=looked.consent_version,
        meeting=looked.meeting,
        item=looked.item,
        recipients=looked.recipients,
        permitted=looked.reason is None,
        reason=looked.reason,
        address_protected=address_protected,
    )
