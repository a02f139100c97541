"""Who subscribes and acknowledges: what is awaited when a consent ends, taken when it comes, and an alarm when it does not.

What is awaited stands in the log of the case, and so may be in the log of an address-protected case. What tells whoever runs the
system stands in the subscription's own log, and nothing leads from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final, Literal

from services.notify import acknowledgement_store, feed, subscription_store
from services.notify.cause import Cause
from services.notify.domain.acknowledgement import (
    ACKNOWLEDGEMENT,
    ENDINGS,
    Ended,
    decide_await,
    decide_due,
    decide_release,
)
from services.notify.domain.policy import SUBSCRIPTION_RECEIPT_MISSING
from services.notify.domain.subscription import SUBSCRIPTION, Allowed, Passing, acknowledges
from services.notify.handlers import Teller, telling
from services.notify.owners import tell_owner
from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.db import Connection
from shared.deadlines import Deadline, set_deadline
from shared.envelope import Envelope, parse
from shared.inbox import caused_by
from shared.journal import Journal
from shared.kafka import RawRecord
from shared.refs import Ids, ReceiptRef, SubscriptionRef

DUE: Final = "subscription-receipt"
"""The kind of the durable deadline at which a receipt is missing. One that has come leaves it there: it finds nothing to do."""


class Acknowledgements:
    """Awaits receipts, and raises the alarm."""

    def __init__(self, teller: Teller, *, allowed: Callable[[str], Allowed], within: timedelta) -> None:
        """Await each for that long from subscriptions that may have the event, by `allowed`; tell their owners through `teller`."""
        self._teller = teller
        self._allowed = allowed
        self._within = within

    async def on_passing(self, tx: Tx, record: RawRecord, envelope: Envelope, passing: Passing) -> None:
        """Await a receipt of a consent's end from each subscription that gets it and acknowledges, in the event's transaction."""
        kind = ENDINGS.get(passing.type)
        if kind is None:
            return
        ended = kind.model_validate_json(parse(record.value or b"").data)
        # Whoever opens a subscription is before this event, and is asked, or behind it, and does not get it.
        await feed.hold(tx.conn)
        for subscription in await acknowledgement_store.asked(tx.conn):
            found = await tx.journal.load(SUBSCRIPTION, subscription, conn=tx.conn)
            assert found.scope is not None, "a subscription that is asked was opened"
            if acknowledges(found.state, self._allowed(found.state.client), found.scope, passing):
                await self._await(tx, caused_by(envelope, tx.now), subscription, ended)

    async def _await(self, tx: Tx, ctx: Context, subscription: SubscriptionRef, ended: Ended) -> None:
        known = await acknowledgement_store.find(tx.conn, subscription, ended.consent)
        ref, due = known or ReceiptRef(tx.ids.ref("rct")), tx.now + self._within
        changed = await tx.journal.change(
            ACKNOWLEDGEMENT,
            ref,
            ctx,
            partial(decide_await, ref=ref, subscription=subscription, ended=ended, due=due),
            conn=tx.conn,
        )
        if not changed.events:
            return
        await acknowledgement_store.add(tx.conn, ref, subscription, ended.consent, ended.version, due)
        cause = Cause.of(ctx)
        await set_deadline(tx.conn, kind=DUE, key=f"{ref}:{ended.version}", due=due, payload=cause.written())

    async def on_due(self, tx: Tx, deadline: Deadline) -> None:
        """The time is out: a receipt that has not come is an alarm. Receipts come to this service, so nothing need be fresh."""
        key, _, number = deadline.key.partition(":")
        ref, version = ReceiptRef(key), int(number)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        changed = await tx.journal.change(
            ACKNOWLEDGEMENT, ref, ctx, lambda state: decide_due(state, version, tx.now), conn=tx.conn
        )
        if not changed.events:
            return
        await acknowledgement_store.missing(tx.conn, ref, version)
        if changed.state.subscription is not None:
            await self._tell(tx, changed.state.subscription, deadline)

    async def _tell(self, tx: Tx, subscription: SubscriptionRef, deadline: Deadline) -> None:
        """Mail whoever runs the system, once a day, however many are missing."""
        stored = await subscription_store.find(tx.conn, subscription)
        scope = (await tx.journal.load(SUBSCRIPTION, subscription, conn=tx.conn)).scope
        if stored is None or scope is None:
            return
        ctx = Context(actor=None, scope=scope, now=tx.now, correlation=tx.ids.event_id())
        told = telling(ctx, f"{subscription}/{oslo_day(tx.now)}", due=deadline.due)
        await tell_owner(tx, self._teller, stored, told.saying(SUBSCRIPTION_RECEIPT_MISSING))


async def release(
    conn: Connection,
    journal: Journal,
    ids: Ids,
    ctx: Context,
    subscription: SubscriptionRef,
    reason: Literal["ended", "not-acknowledging"],
) -> None:
    """Await nothing more of a subscription, in the transaction that ends it or lets it no longer acknowledge."""
    for ref in await acknowledgement_store.outstanding(conn, subscription):
        apart = replace(
            ctx, correlation=ids.event_id(), causation=None, idempotency=None, if_match=None, traceparent=None
        )
        await journal.change(ACKNOWLEDGEMENT, ref, apart, partial(decide_release, reason=reason), conn=conn)
        await acknowledgement_store.released(conn, ref)
