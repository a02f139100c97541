"""What people do here: read what they were told, choose how they are reached, and see what must be done by when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from services.notify import absence_facts, facts, store
from services.notify.domain.deadline import DeadlineState
from services.notify.domain.message import MESSAGE, MessageState, decide_read
from services.notify.domain.quiet import Quiet
from services.notify.domain.recipient import RECIPIENT, RecipientState, decide_preferences
from services.notify.errors import AddressKeptElsewhereError, NoPreferencesError, PhoneMissingError
from services.notify.facts import StoredDeadline
from services.notify.handlers import Teller, about
from services.notify.store import StoredMessage
from services.notify.texts import Text, Texts
from services.notify.views import MessageRead, OwnPreferencesView, PreferencesView
from shared.aggregate import Changed, Context
from shared.arrivals import Tx
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.codes import Language, Purpose, Role
from shared.contracts.notify import Channel, PreferencesSet
from shared.db import Connection, Pool
from shared.errors import ForbiddenError
from shared.journal import Journal
from shared.refs import Ids, MessageRef, UnitId
from shared.web import answer


@dataclass(frozen=True)
class Desk:
    """What the handlers of requests work with."""

    pool: Pool
    journal: Journal
    ids: Ids
    texts: Texts
    teller: Teller
    app_url: str
    """Where people sign in."""


def person(ctx: Context) -> Actor:
    """Return who asks.

    Raises:
        ForbiddenError: another system does.
    """
    if ctx.actor is None or ctx.actor.kind == "service_account":
        raise ForbiddenError("Messages are for people.")
    return ctx.actor


# --- messages ---------------------------------------------------------------------------------------------------------


async def messages_to(
    desk: Desk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, Text]]:
    """Return the actor's messages with their texts, the newest first."""
    actor = person(ctx)
    await become_known(desk, ctx, actor)
    async with desk.pool.acquire() as conn:
        found = await store.messages_to(conn, actor.id, limit=limit, after=after)
    return [(message, _text(desk.texts, message)) for message in found]


def _text(texts: Texts, message: StoredMessage) -> Text:
    told, note = message.telling, message.note
    itself = texts.text(
        told.template, message.template_version, message.language, due=told.due, appointment=told.appointment
    )
    if note is None:
        return itself
    below = texts.text(note.template, note.version, message.language)
    return Text(itself.subject, f"{itself.body}\n\n{below.body}")


async def read_message(desk: Desk, ctx: Context, message: MessageRef) -> Changed[MessageState]:
    """Note that the recipient has read it.

    Raises:
        MessageNotFoundError: there is none, or it is somebody else's.
        MessageWithdrawnError: it was taken back.
    """
    reader = person(ctx).id

    async def also(conn: Connection) -> None:
        await store.mark_read(conn, message, ctx.now)

    return await desk.journal.change(
        MESSAGE,
        message,
        ctx,
        partial(decide_read, reader=reader),
        lambda _, version: answer(MessageRead(message=message), version=version),
        also=also,
    )


# --- preferences ------------------------------------------------------------------------------------------------------


async def set_preferences(
    desk: Desk,
    ctx: Context,
    *,
    language: Language,
    email: str | None,
    phone: str | None = None,
    sms_first: bool = False,
    digest: bool = False,
    quiet: Quiet | None = None,
) -> Changed[RecipientState]:
    """Take down how the actor wants to be reached; a leader is told at once what has been escalated already.

    Raises:
        AddressKeptElsewhereError: a guardian's or child's address stands in the case's vault, and nowhere else.
        PhoneMissingError: SMS first, and an employee gives no number.
    """
    actor = person(ctx)
    private = actor.kind in {"guardian", "child"}
    if private and (email is not None or phone is not None):
        raise AddressKeptElsewhereError
    if sms_first and not private and phone is None:
        raise PhoneMissingError
    channel = Channel.EMAIL if private or email is not None else Channel.IN_APP
    chosen = PreferencesSet(
        recipient=actor.id,
        language=language,
        channel=channel,
        roles=actor.roles,
        service=actor.service,
        unit=actor.unit,
        sms_first=sms_first,
        digest=digest,
        quiet_begins=None if quiet is None else quiet.begins.isoformat("minutes"),
        quiet_ends=None if quiet is None else quiet.ends.isoformat("minutes"),
    )

    async def also(conn: Connection) -> None:
        if not private:
            await facts.set_address(conn, actor.id, email, phone)
        await absence_facts.came_back(conn, actor.id)
        if not private:
            await facts.set_duty(conn, actor, only=True)
        await _take_up(desk, ctx, actor, conn)

    return await desk.journal.change(
        RECIPIENT,
        actor.id,
        ctx,
        partial(decide_preferences, chosen=chosen),
        lambda state, version: answer(PreferencesView.of(state), version=version),
        also=also,
    )


async def become_known(desk: Desk, ctx: Context, actor: Actor) -> None:
    """Let an employee be known as what the token says today, though they have chosen nothing, or were something else then.

    So whoever leads a unit is told what its leader is to know, from the first time on that they look (seed rules 41, 95).
    """
    if actor.kind != "user":
        return
    async with desk.pool.acquire() as conn:
        if await facts.has_duty(conn, actor):
            return
        async with conn.transaction():
            await facts.set_duty(conn, actor)
            await _take_up(desk, ctx, actor, conn)
    desk.journal.nudge()


async def _take_up(desk: Desk, ctx: Context, actor: Actor, conn: Connection) -> None:
    """Tell somebody what waits for those who have their duties."""
    await store.wake_errands(conn, actor)
    leads = leads_unit(actor)
    if leads is None:
        return
    tx = Tx(conn, desk.journal, ctx.now, desk.ids)
    for found in await facts.escalated_of_unit(conn, actor.municipality, leads):
        state = found.state
        await desk.teller.tell_leaders_of(tx, state.responsible, about_again(found, ctx), state.policy.escalated)


def about_again(found: StoredDeadline, ctx: Context) -> store.Telling:
    """Return what a leader is told about a deadline that was escalated before the leader was known here."""
    scoped = Context(actor=None, scope=found.scope, now=ctx.now, correlation=ctx.correlation)
    return about(found.state, scoped)


async def preferences_of(desk: Desk, ctx: Context) -> tuple[OwnPreferencesView, int]:
    """Return the actor's choices, with the addresses that are kept here, and the version.

    Raises:
        NoPreferencesError: nothing was chosen yet.
    """
    actor = person(ctx)
    async with desk.pool.acquire() as conn:
        found = await desk.journal.load(RECIPIENT, actor.id, conn=conn)
        kept = await facts.addresses_of(conn, actor.id)
    if not found.version:
        raise NoPreferencesError
    chosen = PreferencesView.of(found.state)
    return OwnPreferencesView(**chosen.model_dump(), email=kept.email, phone=kept.phone), found.version


def leads_unit(actor: Actor) -> UnitId | None:
    """Return the unit whose leader the actor is."""
    return actor.unit if Role.LEADER in actor.roles else None


# --- deadlines --------------------------------------------------------------------------------------------------------


async def deadlines_of(
    desk: Desk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[DeadlineState]:
    """Return what is open: the actor's own, and for a leader the unit's too, which is recorded (seed rule 95)."""
    actor = person(ctx)
    await become_known(desk, ctx, actor)
    async with desk.pool.acquire() as conn:
        found = await facts.deadlines_seen_by(
            conn, actor.id, unit=leads_unit(actor), scope=actor.municipality, limit=limit, after=after
        )
    states = [each.state for each in found]
    if any(state.responsible.actor != actor.id for state in states):
        seen = AccessRecorded(
            subject_ref=actor.id,
            kind=AccessKind.LIST,
            actor=actor.access_actor(Role.LEADER),
            purpose=Purpose.OVERSIGHT,
            permitted=True,
        )
        await desk.journal.record_access(ctx, [seen])
    return states
