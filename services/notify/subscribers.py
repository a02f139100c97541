"""What another system does here: subscribe by webhook, look how it goes, have events again, change its secret, end it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from services.notify import acknowledgement_store, feed, subscription_store
from services.notify.acknowledgement_store import StoredReceipt
from services.notify.acknowledgements import release
from services.notify.domain.acknowledgement import ACKNOWLEDGEMENT, AcknowledgementState, decide_receipt
from services.notify.domain.subscription import (
    SUBSCRIPTION,
    Allowed,
    SubscriptionState,
    decide_change,
    decide_end,
    decide_new_secret,
    decide_open,
    decide_replay,
    decide_resume,
    narrowed,
    owned,
)
from services.notify.errors import (
    PositionForgottenError,
    ReceiptNotAwaitedError,
    SubscriberUnknownError,
    SubscriptionNotFoundError,
)
from services.notify.signatures import new_secret, written
from services.notify.subscription_store import Stored, Tried
from services.notify.subscription_views import AcknowledgedView, ChangedView, SecretView, SubscriptionView
from services.notify.webhooks import Targets
from shared.aggregate import Changed, Context
from shared.auth import Actor, Clearance
from shared.contracts.base import EventData
from shared.contracts.codes import Language
from shared.contracts.notify import Wanted
from shared.db import Connection, Pool
from shared.errors import NotFoundError
from shared.journal import Also, Journal
from shared.refs import ConsentRef, Ids, SubscriptionRef
from shared.vault import RecordMissingError, Vault
from shared.web import answer

PRESENT: Final = "present"
BEFORE: Final = "before"
"""What a subscription's secrets are called in the vault."""
_CATEGORY: Final = "webhook-secret"


@dataclass(frozen=True)
class SubscriberDesk:
    """What the handlers of subscribers' requests work with."""

    pool: Pool
    journal: Journal
    ids: Ids
    vault: Vault
    targets: Targets
    allowed: Callable[[str], Allowed]
    """What the installation lets a client have."""
    both_for: timedelta
    """How long a secret that was changed is used beside the new one."""


@dataclass(frozen=True)
class Asked:
    """What a subscription is opened with."""

    target: str
    wanted: Wanted
    contact: str
    language: Language
    after: int | None
    """Where it begins; none: with what happens from now on."""
    acknowledges: bool = False


@dataclass(frozen=True)
class Changes:
    """What is to be another one; None leaves it as it is."""

    target: str | None = None
    wanted: Callable[[Wanted], Wanted] = lambda wanted: wanted
    contact: str | None = None
    language: Language | None = None
    acknowledges: bool | None = None


def _subscriber(desk: SubscriberDesk, ctx: Context) -> tuple[Actor, Allowed]:
    """Return who asks, and what it may have.

    Raises:
        SubscriberUnknownError: not a system that may subscribe.
    """
    actor = ctx.actor
    if actor is None or actor.kind != "service_account":
        raise SubscriberUnknownError
    allowed = desk.allowed(actor.client)
    if not allowed.subscribes:
        raise SubscriberUnknownError
    return actor, allowed


def _wanted(wanted: Wanted, actor: Actor, allowed: Allowed) -> Wanted:
    cleared = Clearance.PROTECTED_LOG_READER in actor.clearances
    return narrowed(wanted, allowed, actor.municipality, cleared=cleared)


# --- opening ----------------------------------------------------------------------------------------------------------


async def open_subscription(desk: SubscriberDesk, ctx: Context, asked: Asked) -> Changed[SubscriptionState]:
    """Open a subscription. Its secret is in this answer, and in no other.

    Raises:
        SubscriberUnknownError, EventTypeUnknownError, OtherMunicipalityError, NotClearedError: it may not have that.
        EndingsNotWantedError: it is to acknowledge what it does not get.
        TargetRefusedError, TargetUnknownError, TargetInternalError: nothing is delivered to such an address.
        PositionForgottenError: what comes after that position is kept no longer.
    """
    actor, allowed = _subscriber(desk, ctx)
    wanted = _wanted(asked.wanted, actor, allowed)
    await desk.targets.check(asked.target)
    ref, secret = SubscriptionRef(desk.ids.ref("sub")), new_secret()

    async def also(conn: Connection) -> None:
        if asked.acknowledges:
            await feed.hold(conn)  # so that every consent that ends behind its position is awaited
        if asked.after is not None:
            await _require_kept(conn, asked.after)
        position = await feed.newest(conn) if asked.after is None else asked.after
        await subscription_store.add(
            conn,
            ref,
            owner=actor.id,
            client=actor.client,
            language=asked.language,
            opened_at=ctx.now,
            target=asked.target,
            acknowledges=asked.acknowledges,
            position=position,
            contact=asked.contact,
        )
        await desk.vault.put(conn, owner=ref, record=PRESENT, category=_CATEGORY, content=secret)

    changed = await desk.journal.change(
        SUBSCRIPTION,
        ref,
        ctx,
        partial(
            decide_open,
            ref=ref,
            owner=actor.id,
            client=actor.client,
            wanted=wanted,
            acknowledges=asked.acknowledges,
        ),
        lambda state, version: answer(
            SecretView(subscription=ref, number=state.secrets, secret=None),
            status=201,
            version=version,
            location=f"/subscriptions/{ref}",
        ),
        also=also,
    )
    return await _with_secret(desk, changed)


async def _with_secret(desk: SubscriberDesk, changed: Changed[SubscriptionState]) -> Changed[SubscriptionState]:
    """Return the outcome with the secret in its answer: what is stored under the idempotency key has none."""
    if changed.answer is None:
        return changed
    view = SecretView.model_validate_json(changed.answer.body)
    async with desk.pool.acquire() as conn:
        # Of a request that is repeated, the answer is about what was made the first time.
        present = (await desk.journal.load(SUBSCRIPTION, view.subscription, conn=conn)).state
        record = {0: PRESENT, 1: BEFORE}.get(present.secrets - view.number)
        if record is None:
            return changed
        try:
            secret = await desk.vault.get(conn, owner=view.subscription, record=record)
        except NotFoundError:
            return changed  # it has ended meanwhile
    told = view.model_copy(update={"secret": written(secret)})
    return changed._replace(answer=replace(changed.answer, body=told.model_dump_json().encode()))


async def _require_kept(conn: Connection, after: int) -> None:
    """Refuse to begin where something would be skipped unseen, or after what there is not yet."""
    first = await feed.forgotten(conn)
    last = await feed.newest(conn)
    if not first <= after <= last:
        raise PositionForgottenError(extensions={"first": first, "last": last})


# --- looking ----------------------------------------------------------------------------------------------------------


async def subscriptions_of(
    desk: SubscriberDesk, ctx: Context, *, limit: int, after: tuple[datetime, str] | None
) -> list[SubscriptionView]:
    """Return the subscriber's own subscriptions, the oldest first."""
    actor, _ = _subscriber(desk, ctx)
    async with desk.pool.acquire() as conn:
        last = await feed.newest(conn)
        found = await subscription_store.of_owner(conn, actor.id, limit=limit, after=after)
        loaded = [await desk.journal.load(SUBSCRIPTION, each.subscription, conn=conn) for each in found]
    return [SubscriptionView.of(each, state.state, last) for each, state in zip(found, loaded, strict=True)]


async def subscription(desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef) -> tuple[SubscriptionView, int]:
    """Return one of the subscriber's own, and its version.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
    """
    actor, _ = _subscriber(desk, ctx)
    async with desk.pool.acquire() as conn:
        found = await desk.journal.load(SUBSCRIPTION, ref, conn=conn)
        owned(found.state, actor.id)
        view = SubscriptionView.of(await _stored(conn, ref), found.state, await feed.newest(conn))
    return view, found.version


async def attempts_of(
    desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef, *, limit: int, before: int | None
) -> list[Tried]:
    """Return the attempts to deliver one of the subscriber's own, the newest first.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
    """
    actor, _ = _subscriber(desk, ctx)
    async with desk.pool.acquire() as conn:
        owned((await desk.journal.load(SUBSCRIPTION, ref, conn=conn)).state, actor.id)
        return await subscription_store.attempts(conn, ref, limit=limit, before=before)


async def receipts_of(
    desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef, *, limit: int, before: int | None
) -> list[StoredReceipt]:
    """Return what one of the subscriber's own is to acknowledge, and what it has, the newest first.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
    """
    actor, _ = _subscriber(desk, ctx)
    async with desk.pool.acquire() as conn:
        owned((await desk.journal.load(SUBSCRIPTION, ref, conn=conn)).state, actor.id)
        return await acknowledgement_store.of_subscription(conn, ref, limit=limit, before=before)


async def _stored(conn: Connection, ref: SubscriptionRef) -> Stored:
    found = await subscription_store.find(conn, ref)
    if found is None:
        raise SubscriptionNotFoundError
    return found


# --- changing ---------------------------------------------------------------------------------------------------------


async def change_subscription(
    desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef, changes: Changes
) -> Changed[SubscriptionState]:
    """Let it get other events, or at another address, or acknowledge. What is under way to the old one may still arrive there.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
        SubscriberUnknownError, EventTypeUnknownError, OtherMunicipalityError, NotClearedError, EndingsNotWantedError,
        TargetRefusedError, TargetUnknownError, TargetInternalError: as `open_subscription`.
    """
    actor, allowed = _subscriber(desk, ctx)
    if changes.target is not None:
        await desk.targets.check(changes.target)

    def decide(state: SubscriptionState) -> list[EventData]:
        owned(state, actor.id)
        wanted = _wanted(changes.wanted(state.wanted), actor, allowed)
        return decide_change(
            state, actor.id, wanted, moved=changes.target is not None, acknowledges=changes.acknowledges
        )

    async def also(conn: Connection) -> None:
        stored = await _stored(conn, ref)
        says = stored.acknowledges if changes.acknowledges is None else changes.acknowledges
        if stored.acknowledges and not says:
            await release(conn, desk.journal, desk.ids, ctx, ref, "not-acknowledging")
        await subscription_store.change(
            conn,
            ref,
            changes.target or stored.target,
            changes.language or stored.language,
            acknowledges=says,
            contact=changes.contact,
        )

    return await desk.journal.change(
        SUBSCRIPTION,
        ref,
        ctx,
        decide,
        lambda _, version: answer(ChangedView(subscription=ref), version=version),
        also=also,
    )


async def change_secret(desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef) -> Changed[SubscriptionState]:
    """Make a new secret; for a time everything is signed with both. It is in this answer, and in no other.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
    """
    actor, _ = _subscriber(desk, ctx)
    secret, both_until = new_secret(), ctx.now + desk.both_for

    async def also(conn: Connection) -> None:
        try:
            before = await desk.vault.get(conn, owner=ref, record=PRESENT)
        except RecordMissingError:
            raise SubscriptionNotFoundError from None
        for record, content in ((BEFORE, before), (PRESENT, secret)):
            await desk.vault.put(conn, owner=ref, record=record, category=_CATEGORY, content=content)
        await subscription_store.drop_hold(conn, ref)

    changed = await desk.journal.change(
        SUBSCRIPTION,
        ref,
        ctx,
        lambda state: decide_new_secret(state, actor.id, both_until),
        lambda state, version: answer(
            SecretView(subscription=ref, number=state.secrets, secret=None, both_until=state.both_until),
            status=201,
            version=version,
        ),
        also=also,
    )
    return await _with_secret(desk, changed)


async def replay(desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef, after: int) -> Changed[SubscriptionState]:
    """Send again what comes after a position.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
        PositionForgottenError: what comes after that position is kept no longer.
    """
    actor, _ = _subscriber(desk, ctx)

    async def also(conn: Connection) -> None:
        await _require_kept(conn, after)
        await subscription_store.go_on(conn, ref, after)

    return await _going_on(desk, ctx, ref, lambda state: decide_replay(state, actor.id, after), also)


async def resume(desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef) -> Changed[SubscriptionState]:
    """Go on where it was stopped.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
        SubscriptionRunsError: it was not stopped.
        PositionForgottenError: what it has missed is kept no longer.
    """
    actor, _ = _subscriber(desk, ctx)

    async def also(conn: Connection) -> None:
        await _require_kept(conn, await subscription_store.go_on(conn, ref))

    return await _going_on(desk, ctx, ref, lambda state: decide_resume(state, actor.id), also)


async def _going_on(
    desk: SubscriberDesk,
    ctx: Context,
    ref: SubscriptionRef,
    decide: Callable[[SubscriptionState], list[EventData]],
    also: Also,
) -> Changed[SubscriptionState]:
    return await desk.journal.change(
        SUBSCRIPTION,
        ref,
        ctx,
        decide,
        lambda _, version: answer(ChangedView(subscription=ref), status=201, version=version),
        also=also,
    )


async def end_subscription(desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef) -> Changed[SubscriptionState]:
    """End it; its secret is destroyed.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
    """
    actor, _ = _subscriber(desk, ctx)

    def decide(state: SubscriptionState) -> list[EventData]:
        owned(state, actor.id)
        return decide_end(state, "ended")

    async def also(conn: Connection) -> None:
        await release(conn, desk.journal, desk.ids, ctx, ref, "ended")
        await subscription_store.remove(conn, ref, actor.id)
        await desk.vault.shred(conn, owner=ref)

    return await desk.journal.change(
        SUBSCRIPTION,
        ref,
        ctx,
        decide,
        lambda _, version: answer(ChangedView(subscription=ref), version=version),
        also=also,
    )


# --- acknowledging ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Acknowledged:
    """What a subscriber says that it has acted on."""

    consent: ConsentRef
    version: int
    items_removed: int


async def acknowledge(
    desk: SubscriberDesk, ctx: Context, ref: SubscriptionRef, told: Acknowledged
) -> Changed[AcknowledgementState]:
    """Take a receipt; it settles those of earlier versions too. The same again changes nothing.

    Raises:
        SubscriptionNotFoundError: it has no such subscription.
        ReceiptNotAwaitedError: no receipt of that was ever awaited from it.
        ReceiptDiffersError: it was received before, with another number.
    """
    actor, _ = _subscriber(desk, ctx)
    async with desk.pool.acquire() as conn:
        owned((await desk.journal.load(SUBSCRIPTION, ref, conn=conn)).state, actor.id)
        receipt = await acknowledgement_store.find(conn, ref, told.consent)
    if receipt is None:
        raise ReceiptNotAwaitedError

    async def also(conn: Connection) -> None:
        await acknowledgement_store.received(conn, receipt, told.version, told.items_removed, ctx.now)

    return await desk.journal.change(
        ACKNOWLEDGEMENT,
        receipt,
        ctx,
        lambda state: decide_receipt(state, told.version, told.items_removed),
        lambda _, version: answer(
            AcknowledgedView(consent=told.consent, consent_version=told.version, items_removed=told.items_removed),
            status=201,
            version=version,
        ),
        also=also,
    )
