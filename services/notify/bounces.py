"""Mails that come back later: the mail gateway hands them in, and what came back goes on as if it had been refused at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from functools import partial

import structlog

from services.notify import refusals, store
from services.notify.addresses import Addresses
from services.notify.domain.bounce import Bounce, read_bounce
from services.notify.domain.message import MESSAGE, MessageState, decide_returned
from services.notify.errors import BouncedMailUnknownError, BouncesForbiddenError
from services.notify.handlers import Teller
from services.notify.store import StoredMessage
from services.notify.views import BounceTaken
from shared.aggregate import Answer, Changed, Context
from shared.arrivals import Tx
from shared.contracts.notify import Way
from shared.db import Pool
from shared.journal import Journal
from shared.refs import Ids
from shared.web import answer

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class BounceDesk:
    """What a mail that came back is handled with."""

    pool: Pool
    journal: Journal
    ids: Ids
    teller: Teller
    addresses: Callable[[StoredMessage], Awaitable[Addresses]]
    """Where somebody is reached just now."""
    clients: frozenset[str]
    """Whose word it is taken on."""
    domain: str
    """Of the address that mails are sent from."""
    letter_days: int


async def take_bounce(desk: BounceDesk, ctx: Context, content: bytes) -> Changed[MessageState]:
    """Let the message, or all of the digest, that came back go on by the next way. The same again changes nothing.

    Raises:
        BouncesForbiddenError: somebody else than the mail gateway says so.
        BounceUnreadableError: it says of no mail of ours that it was not delivered.
        BouncedMailUnknownError: no such mail was sent.
        ContactsUnavailableError: the cases service does not say where a guardian is reached; nothing was done.
    """
    if ctx.actor is None or ctx.actor.kind != "service_account" or ctx.actor.client not in desk.clients:
        raise BouncesForbiddenError
    bounce = read_bounce(content, domain=desk.domain)
    async with desk.pool.acquire() as conn:
        messages = await store.mailed_as(conn, bounce.mail)
    if not messages:
        raise BouncedMailUnknownError
    can = (await desk.addresses(messages[0])).ways(desk.teller.ways)
    taken = answer(BounceTaken(messages=len(messages)))
    async with desk.pool.acquire() as conn, conn.transaction():
        tx = Tx(conn, desk.journal, ctx.now, desk.ids)
        first, *others = messages
        changed = await _go_on(desk, tx, ctx, first, bounce, can, lambda *_: taken)
        if not changed.replayed:
            by_itself = replace(ctx, idempotency=None, if_match=None)
            for message in others:
                await _go_on(desk, tx, by_itself, message, bounce, can, None)
    desk.journal.nudge()
    log.warning("message_returned", subject=bounce.mail, reason=bounce.reason, kind=Way.EMAIL, count=len(messages))
    return changed


async def _go_on(
    desk: BounceDesk,
    tx: Tx,
    ctx: Context,
    message: StoredMessage,
    bounce: Bounce,
    can: frozenset[Way],
    answered: Callable[[MessageState, int], Answer] | None,
) -> Changed[MessageState]:
    await store.lock_message(tx.conn, message.message)
    told = message.telling
    its_own = replace(ctx, scope=told.scope, correlation=told.correlation, causation=told.causation)
    decide = partial(decide_returned, reason=bounce.reason, can=can)
    changed = await tx.journal.change(MESSAGE, message.message, its_own, decide, answered, conn=tx.conn)
    if changed.events:
        ref = message.message
        await store.add_try(tx.conn, ref, Way.EMAIL, tx.now, bounce.reason, bounce.answered)
        await refusals.follow(tx, desk.teller, message, Way.EMAIL, changed, bounce.reason, letter_days=desk.letter_days)
    return changed
