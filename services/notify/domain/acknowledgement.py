"""What one subscription acknowledges of one consent: awaited when a part of it ends, received, or missing when the time is out.

Events of a case come in order: whoever has acted on one version has acted on those before it. So a receipt settles those, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, Literal

from pydantic import AwareDatetime, Field

from services.notify.errors import ReceiptDiffersError, ReceiptNotAwaitedError
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.cases import ConsentExpired, ConsentNarrowed, ConsentSuspended, ConsentWithdrawn
from shared.contracts.notify import (
    SubscriptionReceiptAwaited,
    SubscriptionReceiptEvent,
    SubscriptionReceiptMissing,
    SubscriptionReceiptRecorded,
    SubscriptionReceiptReleased,
)
from shared.machines import Deadline, Guard, Lifecycle, steps
from shared.refs import CaseRef, ConsentRef, ReceiptRef, SubscriptionRef

Ended = ConsentNarrowed | ConsentWithdrawn | ConsentExpired | ConsentSuspended
ENDINGS: Final[Mapping[str, type[Ended]]] = MappingProxyType(
    {event.TYPE: event for event in (ConsentNarrowed, ConsentWithdrawn, ConsentExpired, ConsentSuspended)}
)
"""What takes a consent, or a part of one, away: the very events of which the services themselves owe a receipt."""


class Standing(StrEnum):
    """How it stands with one version."""

    AWAITED = "awaited"
    MISSING = "missing"
    """The time is out. It may still come."""
    RECEIVED = "received"
    RELEASED = "released"
    """Nobody waits for it any more."""


OUTSTANDING: Final = frozenset({Standing.AWAITED, Standing.MISSING})
RECEIPT: Final = Lifecycle(
    name="receipt",
    title="A subscriber's receipt (kvittering)",
    about="A consent has ended, wholly or in part, and another system is to say that it has acted on that. Each version of a "
    "consent has one; that of a later version settles those before it.",
    statuses=Standing,
    steps=(
        *steps((None,), SubscriptionReceiptAwaited, Standing.AWAITED),
        *steps((Standing.AWAITED,), SubscriptionReceiptMissing, Standing.MISSING),
        *steps(
            (Standing.AWAITED, Standing.MISSING, Standing.RELEASED),
            SubscriptionReceiptRecorded,
            Standing.RECEIVED,
            guards=(Guard("it was awaited", ReceiptNotAwaitedError),),
        ),
        *steps((Standing.AWAITED, Standing.MISSING), SubscriptionReceiptReleased, Standing.RELEASED),
    ),
    terminal=frozenset({Standing.RECEIVED}),
    deadlines=(Deadline((Standing.AWAITED,), "an hour (`WEBHOOK_RECEIPT_WITHIN`)", then=SubscriptionReceiptMissing),),
)


class Awaited(Model):
    """The receipt of one version."""

    due: AwareDatetime
    standing: Standing = Standing.AWAITED
    items_removed: int | None = None
    """As it was told; none where a later version's receipt settled it."""


class AcknowledgementState(Model):
    """What one subscription acknowledges of one consent; the fold of its events."""

    ref: ReceiptRef | None = None
    subscription: SubscriptionRef | None = None
    case: CaseRef | None = None
    consent: ConsentRef | None = None
    versions: dict[int, Awaited] = Field(default_factory=dict)

    def outstanding(self) -> list[int]:
        """Return the versions whose receipt is still to come, the lowest first."""
        return sorted(version for version, each in self.versions.items() if each.standing in OUTSTANDING)


def evolve(state: AcknowledgementState, event: EventData) -> AcknowledgementState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    match event:
        case SubscriptionReceiptAwaited():
            return AcknowledgementState(
                ref=event.receipt,
                subscription=event.subscription,
                case=event.case,
                consent=event.consent,
                versions={event.consent_version: Awaited(due=event.due), **state.versions},
            )
        case SubscriptionReceiptRecorded():
            settled = {each: _moved(state, each, event) for each in state.outstanding() if each < event.consent_version}
            told = {"items_removed": event.items_removed}
            return _with(state, {**settled, event.consent_version: _moved(state, event.consent_version, event, told)})
        case SubscriptionReceiptMissing() | SubscriptionReceiptReleased():
            return _with(state, {event.consent_version: _moved(state, event.consent_version, event)})
    return state


def _moved(
    state: AcknowledgementState, version: int, event: EventData, told: Mapping[str, int] = MappingProxyType({})
) -> Awaited:
    """Return how it stands with a version after `event`; what the table does not allow changes nothing."""
    present = state.versions[version]
    standing = RECEIPT.after(present.standing, event)
    return present if standing is None else present.model_copy(update={"standing": standing, **told})


def _with(state: AcknowledgementState, changed: Mapping[int, Awaited]) -> AcknowledgementState:
    return state.model_copy(update={"versions": {**state.versions, **changed}})


ACKNOWLEDGEMENT: Final = Aggregate("acknowledgement", AcknowledgementState, AcknowledgementState(), evolve)


def decide_await(
    state: AcknowledgementState, *, ref: ReceiptRef, subscription: SubscriptionRef, ended: Ended, due: datetime
) -> list[EventData]:
    """Await the receipt of one version; nothing where it was awaited before, or a later one's has come."""
    received = [version for version, each in state.versions.items() if each.standing is Standing.RECEIVED]
    if ended.version in state.versions or ended.version < max(received, default=0):
        return []
    return [
        SubscriptionReceiptAwaited(
            receipt=ref,
            subscription=subscription,
            case=ended.case,
            consent=ended.consent,
            consent_version=ended.version,
            due=due,
        )
    ]


def decide_receipt(state: AcknowledgementState, version: int, items_removed: int) -> list[EventData]:
    """Take a receipt, in time or late, also of a version that nobody waits for any more; the same again changes nothing.

    Raises:
        ReceiptNotAwaitedError: that version's was never awaited.
        ReceiptDiffersError: it was received before, with another number.
    """
    found = state.versions.get(version)
    if found is None:
        raise ReceiptNotAwaitedError
    if RECEIPT.allows(found.standing, SubscriptionReceiptRecorded):
        return [_about(state, SubscriptionReceiptRecorded, version, items_removed=items_removed)]
    if found.items_removed not in {None, items_removed}:
        raise ReceiptDiffersError
    return []


def decide_due(state: AcknowledgementState, version: int, now: datetime) -> list[EventData]:
    """Raise the alarm when the time is out; nothing where the receipt has come, or nobody waits for it any more."""
    found = state.versions.get(version)
    if found is None or not RECEIPT.allows(found.standing, SubscriptionReceiptMissing) or now < found.due:
        return []
    return [_about(state, SubscriptionReceiptMissing, version)]


def decide_release(state: AcknowledgementState, reason: Literal["ended", "not-acknowledging"]) -> list[EventData]:
    """Wait for nothing more."""
    return [_about(state, SubscriptionReceiptReleased, each, reason=reason) for each in state.outstanding()]


def _about(
    state: AcknowledgementState, event: type[SubscriptionReceiptEvent], version: int, **more: int | str
) -> SubscriptionReceiptEvent:
    known = {"receipt": state.ref, "subscription": state.subscription, "case": state.case, "consent": state.consent}
    return event.model_validate({**known, "consent_version": version, **more})
