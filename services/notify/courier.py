"""The courier: delivers the feed to whoever subscribes, one event after the other, for as long as it runs.

Each subscription is in one hand at a time, and its place moves only by whoever has it in hand. Who dies after the receiver has
answered delivers that event again, and no later one before it: at least once, and the first of each in order. A receiver that does
not answer as it should is tried again after growing pauses; nothing is skipped. After a time it is stopped, and its owner is told.
"""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import structlog

from services.notify import acknowledgement_store, feed, subscription_store
from services.notify.acknowledgements import release
from services.notify.domain.policy import SUBSCRIPTION_BARRED, SUBSCRIPTION_STOPPED
from services.notify.domain.subscription import (
    SUBSCRIPTION,
    Allowed,
    SubscriptionState,
    decide_bar,
    decide_end,
    decide_stop,
    gets,
)
from services.notify.feed import Fed
from services.notify.handlers import Teller, telling
from services.notify.owners import tell_owner
from services.notify.signatures import headers
from services.notify.subscribers import BEFORE, PRESENT
from services.notify.subscription_store import Stored
from services.notify.webhooks import Answer, Outcome, Webhooks
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import Clock
from shared.db import Connection, Pool
from shared.envelope import CONTENT_TYPE
from shared.errors import NotFoundError
from shared.journal import Journal
from shared.refs import Ids, LogScope
from shared.rounds import Rounds, side_by_side
from shared.vault import Vault

POLL: Final = 0.3
"""Seconds of the machine's time between two looks."""
LEASE: Final = 60.0
"""Seconds for which what was taken in hand is nobody else's: longer than any attempt takes."""
PAGE: Final = 50
"""Events that are delivered to one subscriber before others have their turn."""
AT_ONCE: Final = 8
"""Subscriptions that one process delivers to at the same time: a slow one holds up no more than its own."""
LONGEST_PAUSE: Final = 3600.0
FORGET_EVERY: Final = 3600.0
LOOK_EVERY: Final = 60.0
"""Seconds between two looks whether the database's clock was set back."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Pace:
    """How long receivers are tried, and events kept."""

    first_pause: float
    """Seconds before the second attempt; each further pause is twice as long, up to an hour."""
    hours: float
    """Hours of failing after which a subscription is stopped."""
    days: float
    """Days for which events are kept to be delivered or sent again, and receipts after they were settled."""


class _OutrunError(Exception):
    """Somebody was faster: what was decided rests on nothing any more."""


class Courier:
    """Delivers what subscriptions have not got yet."""

    def __init__(
        self,
        pool: Pool,
        *,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        teller: Teller,
        vault: Vault,
        webhooks: Webhooks,
        allowed: Callable[[str], Allowed],
        clients: frozenset[str],
        pace: Pace,
        poll: float = POLL,
        wall: Callable[[], float] = time.time,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """Deliver with `webhooks` to the subscriptions of `clients`, each of which may have what `allowed` says.

        `wall` is the time that signatures name, in seconds since 1970; `chance` (0 to 1) spreads the pauses.
        """
        self._pool = pool
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._teller = teller
        self._vault = vault
        self._webhooks = webhooks
        self._allowed = allowed
        self._clients = sorted(clients)
        self._pace = pace
        self._poll = poll
        self._wall = wall
        self._chance = chance
        # What is in hand when a round is interrupted comes back when its lease is over.
        self._rounds = Rounds(
            self._round,
            name="courier",
            every=poll,
            interrupted=lambda error: log.error("courier_interrupted", exc_info=error),
        )
        self._forget_at = self._look_at = 0.0
        self._barred = False

    async def start(self) -> None:
        """Begin to deliver."""
        await self._rounds.start()

    async def stop(self) -> None:
        """Finish what is in hand. May be called before `start`."""
        await self._rounds.stop()
        await self._webhooks.close()

    async def deliver_due(self) -> int:
        """Deliver to every subscription whose time has come; return how many attempts that took.

        Raises:
            OSError, asyncpg.PostgresError, asyncpg.InterfaceError: the database does not answer; nothing was lost.
        """
        # Whatever comes up for others meanwhile does not wait for a slow one.
        return await side_by_side(
            self._take, at_once=AT_ONCE, look_every=self._poll, stopping=lambda: self._rounds.stopping, name="webhooks"
        )

    async def _take(self) -> Coroutine[None, None, int] | None:
        async with self._pool.acquire() as conn:
            held = await subscription_store.take(conn, self._clients, lease=LEASE)
        return None if held is None else self._serve(held)

    # --- one subscription -------------------------------------------------------------------------------------------------

    async def _serve(self, held: Stored) -> int:
        """Deliver a page of events; return how many attempts that took."""
        async with self._pool.acquire() as conn:
            found = await self._journal.load(SUBSCRIPTION, held.subscription, conn=conn)
            page = await feed.read_on(conn, held.position, PAGE)
            try:
                keys = await self._keys(conn, found.state)
            except NotFoundError:
                return 0  # it has ended since it was taken in hand, and its secret with it
        assert found.scope is not None, "a subscription that is delivered was opened"
        allowed, attempts, reached = self._allowed(held.client), 0, held.position
        for fed in page:
            if self._rounds.stopping:
                break
            if gets(found.state.wanted, allowed, found.scope, fed.passing):
                attempts += 1
                signed = headers(keys, str(fed.event_id), int(self._wall()), fed.body)
                sent = {"content-type": CONTENT_TYPE, "lagspill-position": str(fed.position), **signed}
                answer = await self._webhooks.post(held.target, fed.body, sent)
                if not await self._settle(held, found.scope, fed, answer):
                    return attempts
                held = replace(held, attempts=0)
            reached = fed.position
        async with self._pool.acquire() as conn:
            await subscription_store.put_down(conn, held, reached)
        return attempts

    async def _keys(self, conn: Connection, state: SubscriptionState) -> list[bytes]:
        """Return the secrets to sign with, the newest first."""
        keys = [await self._vault.get(conn, owner=str(state.ref), record=PRESENT)]
        if state.both_until is not None and self._clock.now() < state.both_until:
            with contextlib.suppress(NotFoundError):
                keys.append(await self._vault.get(conn, owner=str(state.ref), record=BEFORE))
        return keys

    async def _settle(self, held: Stored, scope: LogScope, fed: Fed, answer: Answer) -> bool:
        """Note what became of an attempt; return whether the next event may follow."""
        if answer.outcome is Outcome.DELIVERED:
            async with self._pool.acquire() as conn:
                return await subscription_store.advance(conn, held, fed.position, fed.event_id, answer, lease=LEASE)
        if answer.outcome is Outcome.GONE:
            await self._end(held, scope)
            return False
        pause = max(self._pause_after(held.attempts + 1), answer.retry_after or 0.0)
        async with self._pool.acquire() as conn:
            failed = await subscription_store.fail(
                conn, held, fed.position, fed.event_id, answer, pause=pause, hours=self._pace.hours
            )
        log.warning(
            "webhook_failed", subject=held.subscription, reason=answer.outcome, status=answer.status, retry_in=pause
        )
        if failed is not None and failed.too_long:
            await self._give_up(held, scope, failed.since)
        return False

    async def _give_up(self, held: Stored, scope: LogScope, since: datetime) -> None:
        """Stop a subscription whose receiver has failed too long, and tell its owner, in one transaction."""
        ctx = self._context(scope)
        with contextlib.suppress(_OutrunError):
            async with self._pool.acquire() as conn, conn.transaction():
                await self._journal.change(
                    SUBSCRIPTION, held.subscription, ctx, lambda state: decide_stop(state, since), conn=conn
                )
                if not await subscription_store.stop(conn, held.subscription, since):
                    raise _OutrunError
                tx = Tx(conn, self._journal, ctx.now, self._ids)
                told = telling(ctx, f"{held.subscription}/{since.timestamp():.6f}", due=since)
                await tell_owner(tx, self._teller, held, told.saying(SUBSCRIPTION_STOPPED))
            self._journal.nudge()

    async def _end(self, held: Stored, scope: LogScope) -> None:
        """End a subscription whose receiver says that it is gone."""
        with contextlib.suppress(_OutrunError):
            async with self._pool.acquire() as conn, conn.transaction():
                ctx = self._context(scope)
                await self._journal.change(
                    SUBSCRIPTION, held.subscription, ctx, lambda state: decide_end(state, "gone"), conn=conn
                )
                present = await subscription_store.find(conn, held.subscription)
                if present is None or present.taken != held.taken:
                    raise _OutrunError  # its owner has moved it meanwhile: what is gone is the receiver of before
                await release(conn, self._journal, self._ids, ctx, held.subscription, "ended")
                await subscription_store.remove(conn, held.subscription, held.owner)
                await self._vault.shred(conn, owner=held.subscription)
            self._journal.nudge()
            log.warning("subscriber_gone", subject=held.subscription)

    async def bar(self) -> int:
        """Stop, once after the start, the subscriptions of clients that may have none, and return how many that were.

        What they have not got is kept for nobody. Who may is a setting, and so changes with a start; not at every round, that an
        instance that has still to be started anew stops nothing of a client that has just been let in.
        """
        if self._barred:
            return 0
        async with self._pool.acquire() as conn, conn.transaction():
            strangers = await subscription_store.of_others(conn, self._clients)
            for stored in strangers:
                scope = (await self._journal.load(SUBSCRIPTION, stored.subscription, conn=conn)).scope
                assert scope is not None, "a subscription that is stopped was opened"
                ctx = self._context(scope)
                await self._journal.change(SUBSCRIPTION, stored.subscription, ctx, decide_bar, conn=conn)
                await subscription_store.bar(conn, stored.subscription)
                tx = Tx(conn, self._journal, ctx.now, self._ids)
                told = telling(ctx, f"{stored.subscription}/{ctx.correlation}")
                await tell_owner(tx, self._teller, stored, told.saying(SUBSCRIPTION_BARRED))
        self._barred = True
        if strangers:
            self._journal.nudge()
            log.warning("subscribers_barred", count=len(strangers))
        return len(strangers)

    async def after_set_back(self) -> int:
        """Take up what waits for a time that only a clock could have written that was set back since; return how much did."""
        async with self._pool.acquire() as conn:
            moved = await subscription_store.after_set_back(conn, LONGEST_PAUSE + LEASE)
        if moved:
            log.warning("clock_set_back", count=moved)
        return moved

    def _context(self, scope: LogScope) -> Context:
        return Context(actor=None, scope=scope, now=self._clock.now(), correlation=self._ids.event_id())

    def _pause_after(self, attempts: int) -> float:
        """Return how many seconds to wait after so many attempts: doubled each time, and spread over its upper half."""
        longest = min(self._pace.first_pause * 2.0 ** min(attempts - 1, 20), LONGEST_PAUSE)
        return longest * (0.5 + 0.5 * self._chance())

    # --- life ---------------------------------------------------------------------------------------------------------

    async def _round(self) -> None:
        await self.bar()
        if time.monotonic() >= self._look_at:
            await self.after_set_back()
            self._look_at = time.monotonic() + LOOK_EVERY
        await self.deliver_due()
        await self._forget()

    async def _forget(self) -> None:
        if time.monotonic() >= self._forget_at:
            await feed.forget(self._pool, self._pace.days)
            await acknowledgement_store.forget(self._pool, self._pace.days, self._clock.now())
            self._forget_at = time.monotonic() + FORGET_EVERY
