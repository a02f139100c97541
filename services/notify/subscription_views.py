"""What a subscriber is answered about its subscriptions; a secret stands in two of these answers, once each."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from services.notify.acknowledgement_store import StoredReceipt
from services.notify.domain.acknowledgement import Standing
from services.notify.domain.subscription import Status, SubscriptionState
from services.notify.subscription_store import Stored, Tried
from services.notify.views import View
from services.notify.webhooks import Outcome
from shared.contracts.codes import Language
from shared.contracts.notify import EventType
from shared.refs import ConsentRef, LogScopeField, SubscriptionRef, UnitIdField


class SubscriptionView(View):
    """One subscription, and how its delivery goes."""

    subscription: SubscriptionRef = Field(examples=["sub_bcdfghjklmnpqrstvwxzbcdfgh"])
    target: str = Field(examples=["https://school.example/lagspill"])
    types: frozenset[EventType]
    municipalities: frozenset[LogScopeField]
    units: frozenset[UnitIdField]
    protected: bool
    acknowledges: bool
    """Whether it says that it has acted when a consent ends."""
    language: Language
    opened_at: datetime
    status: Status
    position: int
    """Up to here everything was delivered, or is not for this subscription."""
    last_position: int
    """The last that there is now."""
    failing_since: datetime | None
    """When the first of the attempts was made that have failed in a row."""
    attempts: int
    """How many those are."""
    retry_at: datetime | None
    """When it is tried again."""
    both_until: datetime | None
    """Until when everything is signed with the secret before the present one as well."""

    @classmethod
    def of(cls, stored: Stored, state: SubscriptionState, last: int) -> SubscriptionView:
        """Return a subscription; `last` is the last position of the feed."""
        wanted = state.wanted
        return cls(
            subscription=stored.subscription,
            target=stored.target,
            types=wanted.types,
            municipalities=wanted.municipalities,
            units=wanted.units,
            protected=wanted.protected,
            acknowledges=state.acknowledges,
            language=stored.language,
            opened_at=stored.opened_at,
            status=state.status,
            position=stored.position,
            last_position=last,
            failing_since=stored.failing_since,
            attempts=stored.attempts,
            retry_at=stored.retry_at if stored.attempts and stored.active else None,
            both_until=state.both_until,
        )


class ChangedView(View):
    """A subscription was changed, or goes on."""

    subscription: SubscriptionRef = Field(examples=["sub_bcdfghjklmnpqrstvwxzbcdfgh"])


class SecretView(ChangedView):
    """A subscription has a secret."""

    number: int
    """Which one it is, from 1."""
    secret: str | None = Field(examples=["whsec_" + "A" * 43 + "="])
    """What everything is signed with (Standard Webhooks). No other answer has it; the same request under the same Idempotency-Key
    gets it again, until two later ones were made: then null."""
    both_until: datetime | None = None
    """Until when everything is signed with the one before as well."""


class DeliveryView(View):
    """One attempt to deliver an event."""

    position: int
    event: UUID
    """The event's `id`, and the `webhook-id`."""
    tried_at: datetime
    outcome: Outcome
    status: int | None
    """The HTTP status; null when there was no answer."""
    milliseconds: int

    @classmethod
    def of(cls, tried: Tried) -> DeliveryView:
        """Return one attempt."""
        return cls(
            position=tried.position,
            event=tried.event_id,
            tried_at=tried.tried_at,
            outcome=Outcome(tried.outcome),
            status=tried.status,
            milliseconds=tried.milliseconds,
        )


class AcknowledgedView(View):
    """A receipt was taken."""

    consent: ConsentRef = Field(examples=["cst_bcdfghjklmnpqrstvwxzbcdfgh"])
    consent_version: int
    items_removed: int


class ReceiptView(View):
    """What a subscription is to acknowledge, or has."""

    consent: ConsentRef = Field(examples=["cst_bcdfghjklmnpqrstvwxzbcdfgh"])
    consent_version: int
    standing: Standing
    due: datetime
    """By when it is to be here: after that it is missing, until it comes."""
    received_at: datetime | None
    items_removed: int | None
    """As it was told; null as long as nothing was, and where a later version's receipt settled it."""

    @classmethod
    def of(cls, stored: StoredReceipt) -> ReceiptView:
        """Return one receipt."""
        return cls(
            consent=stored.consent,
            consent_version=stored.consent_version,
            standing=stored.awaited.standing,
            due=stored.awaited.due,
            received_at=stored.received_at,
            items_removed=stored.awaited.items_removed,
        )
