"""HTTP for other systems: parse, hand over, answer. A subscriber sees its own subscriptions, and nobody else's."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from services.notify import subscribers
from services.notify.domain.mail_address import PATTERN as MAIL
from services.notify.subscribers import Acknowledged, Asked, Changes, SubscriberDesk
from services.notify.subscription_views import (
    AcknowledgedView,
    ChangedView,
    DeliveryView,
    ReceiptView,
    SecretView,
    SubscriptionView,
)
from services.notify.webhooks import MAX_TARGET
from shared.contracts.base import Moment
from shared.contracts.codes import Language
from shared.contracts.notify import EventType, Wanted
from shared.refs import ConsentRefField, LogScopeField, SubscriptionRefField, UnitIdField
from shared.web import (
    AskedPage,
    Collection,
    Command,
    GuardedCommand,
    Page,
    Reading,
    RequestModel,
    represent,
    respond,
)

router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

SUBSCRIPTIONS: Final = Collection("subscriptions", tuple[Moment, str])
_MOST_COUNTED: Final = 2_147_483_647
_MOST: Final = 9_007_199_254_740_991
"""The largest number that every reader of JSON takes for itself (RFC 8259 § 6)."""


async def _desk(request: Request) -> SubscriberDesk:
    desk: SubscriberDesk = request.app.state.subscriber_desk
    return desk


AtDesk = Annotated[SubscriberDesk, Depends(_desk)]


class Subscription(RequestModel):
    """Which events, and where to."""

    target: str = Field(min_length=1, max_length=MAX_TARGET, examples=["https://school.example/lagspill"])
    """Where each event is posted: an https address outside this installation's network."""
    types: frozenset[EventType] = Field(
        default=frozenset(), max_length=300, examples=[["no.lagspill.cases.handover.sent.v1"]]
    )
    """Empty: every type."""
    municipalities: frozenset[LogScopeField] = Field(default=frozenset(), max_length=400, examples=[["4005"]])
    """Empty: that of the token; for a client that may have every municipality's, all of them."""
    units: frozenset[UnitIdField] = Field(default=frozenset(), max_length=400, examples=[["unit:lia-barnehage"]])
    """Events that name one of these. Most name none: leave it empty to hear what becomes of a case."""
    protected: bool = False
    """The logs of address-protected cases as well."""
    acknowledges: bool = False
    """Whether it says of each consent that ends, wholly or in part, that it has acted on that (`/receipts`)."""
    contact: str = Field(min_length=3, max_length=254, pattern=MAIL, examples=["drift@school.example"])
    """Who is mailed when the subscription is stopped, or a receipt is missing: of this subscription, another may have another."""
    language: Language = Field(default=Language.NB, examples=["nb"])
    """In which that is said."""
    after: int | None = Field(default=None, ge=0, le=_MOST, examples=[None])
    """Begin after this position, with what is kept; null: with what happens from now on."""


class SubscriptionChange(RequestModel):
    """What is to be another one; what is left out stays."""

    target: str | None = Field(default=None, min_length=1, max_length=MAX_TARGET)
    types: frozenset[EventType] | None = Field(default=None, max_length=300)
    municipalities: frozenset[LogScopeField] | None = Field(default=None, max_length=400)
    units: frozenset[UnitIdField] | None = Field(default=None, max_length=400)
    protected: bool | None = None
    acknowledges: bool | None = None
    contact: str | None = Field(default=None, min_length=3, max_length=254, pattern=MAIL)
    language: Language | None = None

    def of(self, wanted: Wanted) -> Wanted:
        """Return `wanted` with what is to be another one."""
        return Wanted(
            types=wanted.types if self.types is None else self.types,
            municipalities=wanted.municipalities if self.municipalities is None else self.municipalities,
            units=wanted.units if self.units is None else self.units,
            protected=wanted.protected if self.protected is None else self.protected,
        )


class Replay(RequestModel):
    """From where."""

    after: int = Field(ge=0, le=_MOST, examples=[0])
    """The `lagspill-position` of the last event that you have, and are sure of."""


class Receipt(RequestModel):
    """What was acted on."""

    consent: ConsentRefField = Field(examples=["cst_bcdfghjklmnpqrstvwxzbcdfgh"])
    consent_version: int = Field(ge=1, le=_MOST_COUNTED, examples=[2])
    """The `version` of the event by which the consent ended, wholly or in part."""
    items_removed: int = Field(ge=0, le=_MOST_COUNTED, examples=[3])
    """How much was taken back because of it; nothing is a number, too."""


@router.post("", status_code=201, response_model=SecretView, summary="Subscribe by webhook")
async def open_subscription(body: Subscription, ctx: Command, desk: AtDesk) -> Response:
    """Get every event that fits, signed, in order, at least once. The secret is in this answer and in no other."""
    wanted = Wanted(types=body.types, municipalities=body.municipalities, units=body.units, protected=body.protected)
    asked = Asked(body.target, wanted, body.contact, body.language, body.after, body.acknowledges)
    return respond(await subscribers.open_subscription(desk, ctx, asked))


@router.get("", summary="My subscriptions, the oldest first")
async def list_subscriptions(ctx: Reading, page: AskedPage, desk: AtDesk) -> Page[SubscriptionView]:
    """With how far each has come."""
    views = await subscribers.subscriptions_of(desk, ctx, limit=page.limit + 1, after=SUBSCRIPTIONS.after(page.cursor))
    return SUBSCRIPTIONS.page(views, page.limit, lambda view: (view.opened_at, view.subscription))


@router.get("/{subscription}", response_model=SubscriptionView, summary="One of my subscriptions")
async def read_subscription(subscription: SubscriptionRefField, ctx: Reading, desk: AtDesk) -> Response:
    """How far it has come, and whether its receiver answers."""
    view, version = await subscribers.subscription(desk, ctx, subscription)
    return represent(view, version=version)


@router.patch("/{subscription}", response_model=ChangedView, summary="Change a subscription")
async def change_subscription(
    subscription: SubscriptionRefField, body: SubscriptionChange, ctx: GuardedCommand, desk: AtDesk
) -> Response:
    """Other events, another address. What is under way to the old one may still arrive there."""
    changes = Changes(body.target, body.of, body.contact, body.language, body.acknowledges)
    return respond(await subscribers.change_subscription(desk, ctx, subscription, changes))


@router.delete("/{subscription}", response_model=ChangedView, summary="End a subscription")
async def end_subscription(subscription: SubscriptionRefField, ctx: GuardedCommand, desk: AtDesk) -> Response:
    """Nothing more is delivered, and the secret is destroyed."""
    return respond(await subscribers.end_subscription(desk, ctx, subscription))


@router.post("/{subscription}/secrets", status_code=201, response_model=SecretView, summary="Change the secret")
async def change_secret(subscription: SubscriptionRefField, ctx: Command, desk: AtDesk) -> Response:
    """For a time everything is signed with both. The new one is in this answer and in no other."""
    return respond(await subscribers.change_secret(desk, ctx, subscription))


@router.post("/{subscription}/replays", status_code=201, response_model=ChangedView, summary="Have events sent again")
async def replay(subscription: SubscriptionRefField, body: Replay, ctx: Command, desk: AtDesk) -> Response:
    """From a position on, in order. A subscription that was stopped goes on with that."""
    return respond(await subscribers.replay(desk, ctx, subscription, body.after))


@router.post("/{subscription}/resumption", status_code=201, response_model=ChangedView, summary="Go on after a stop")
async def resume(subscription: SubscriptionRefField, ctx: Command, desk: AtDesk) -> Response:
    """Where it was stopped: nothing is skipped."""
    return respond(await subscribers.resume(desk, ctx, subscription))


@router.get("/{subscription}/deliveries", summary="The attempts to deliver, the newest first")
async def list_deliveries(
    subscription: SubscriptionRefField, ctx: Reading, page: AskedPage, desk: AtDesk
) -> Page[DeliveryView]:
    """What became of each; nothing of what was answered but the status."""
    paged = Collection(f"deliveries of {subscription}", int)
    tried = await subscribers.attempts_of(
        desk, ctx, subscription, limit=page.limit + 1, before=paged.after(page.cursor)
    )
    found = paged.page(tried, page.limit, lambda each: each.id)
    return Page[DeliveryView](items=[DeliveryView.of(each) for each in found.items], next=found.next)


@router.post(
    "/{subscription}/receipts", status_code=201, response_model=AcknowledgedView, summary="Say that I have acted"
)
async def acknowledge(subscription: SubscriptionRefField, body: Receipt, ctx: Command, desk: AtDesk) -> Response:
    """On a consent that has ended, wholly or in part. It counts for the earlier versions too; the same again changes nothing."""
    told = Acknowledged(body.consent, body.consent_version, body.items_removed)
    return respond(await subscribers.acknowledge(desk, ctx, subscription, told))


@router.get("/{subscription}/receipts", summary="What I am to acknowledge, and what I have, the newest first")
async def list_receipts(
    subscription: SubscriptionRefField, ctx: Reading, page: AskedPage, desk: AtDesk
) -> Page[ReceiptView]:
    """Of each consent that has ended, wholly or in part, since the subscription acknowledges."""
    paged = Collection(f"receipts of {subscription}", int)
    found = await subscribers.receipts_of(
        desk, ctx, subscription, limit=page.limit + 1, before=paged.after(page.cursor)
    )
    shown = paged.page(found, page.limit, lambda each: each.id)
    return Page[ReceiptView](items=[ReceiptView.of(each) for each in shown.items], next=shown.next)
