"""What the office of a unit does here: sees what reached whom, and which letters are to be posted, and ticks these off."""

from __future__ import annotations

from datetime import datetime

from services.notify import store
from services.notify.domain.message import MESSAGE, MessageState, decide_posted
from services.notify.errors import HistoryForbiddenError, LetterNotFoundError
from services.notify.people import Desk, leads_unit, person
from services.notify.store import StoredMessage, Try
from services.notify.texts import LETTER, Text
from services.notify.views import LetterPosted
from shared.aggregate import Changed, Context
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.codes import Purpose, Role
from shared.contracts.notify import Way
from shared.db import Connection
from shared.refs import MessageRef
from shared.web import answer


async def letters_for(
    desk: Desk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, Text]]:
    """Return what is to be posted in the actor's cases, and in those of the unit that the actor leads; recorded."""
    actor = person(ctx)
    async with desk.pool.acquire() as conn:
        found = await store.letters_seen_by(
            conn, actor.id, unit=leads_unit(actor), scope=actor.municipality, limit=limit, after=after
        )
    if found:
        await desk.journal.record_access(ctx, [list_seen(actor)])
    version = desk.texts.latest(LETTER)
    return [(each, desk.texts.text(LETTER, version, each.language, link=desk.app_url)) for each in found]


def list_seen(actor: Actor) -> AccessRecorded:
    """Return the record of a look at a list of what others were told."""
    return AccessRecorded(
        subject_ref=actor.id,
        kind=AccessKind.LIST,
        actor=actor.access_actor(Role.LEADER if Role.LEADER in actor.roles else None),
        purpose=Purpose.OVERSIGHT,
        permitted=True,
    )


async def post_letter(desk: Desk, ctx: Context, message: MessageRef) -> Changed[MessageState]:
    """Note that the actor has posted the letter.

    Raises:
        LetterNotFoundError: there is none, or it is none of the actor's to post.
    """
    actor = person(ctx)
    async with desk.pool.acquire() as conn:
        theirs = await store.may_post(conn, message, actor.id, leads_unit(actor), actor.municipality)
    if not theirs:
        raise LetterNotFoundError

    async def also(conn: Connection) -> None:
        await store.settle_message(conn, message, "sent")
        await store.add_try(conn, message, Way.LETTER, ctx.now, "sent", None)

    return await desk.journal.change(
        MESSAGE,
        message,
        ctx,
        decide_posted,
        lambda _, version: answer(LetterPosted(message=message), version=version),
        also=also,
    )


async def own_history(
    desk: Desk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, list[Try]]]:
    """Return how the actor's messages were delivered, the newest first."""
    async with desk.pool.acquire() as conn:
        return await store.history_of(conn, person(ctx).id, limit=limit, after=after)


async def unit_history(
    desk: Desk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[tuple[StoredMessage, list[Try]]]:
    """Return how the messages of the unit that the actor leads were delivered, the newest first; recorded.

    Raises:
        HistoryForbiddenError: the actor leads none.
    """
    actor = person(ctx)
    unit = leads_unit(actor)
    if unit is None:
        raise HistoryForbiddenError
    async with desk.pool.acquire() as conn:
        found = await store.history_of_unit(conn, actor.municipality, unit, limit=limit, after=after)
    await desk.journal.record_access(ctx, [list_seen(actor)])
    return found
