"""What the notify service publishes: that somebody was told, never what about whom."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, StringConstraints

from shared.contracts.base import EventData, Model, Moment
from shared.contracts.cases import CoordinatorKind
from shared.contracts.codes import Language, Role, Service
from shared.refs import (
    ActorIdField,
    CaseRefField,
    ConsentRefField,
    DeadlineRefField,
    LogScopeField,
    MessageRefField,
    MunicipalityField,
    ReceiptRefField,
    SubscriptionRefField,
    UnitIdField,
)

TOPIC = "lagspill.notify.v1"


TimeOfDay = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Hours and minutes on the clocks in Norway."""


class Channel(StrEnum):
    """How a message reaches somebody."""

    EMAIL = "email"
    IN_APP = "in-app"


class Way(StrEnum):
    """Every way by which somebody can be told; `Channel` has those of the first version, and is not widened."""

    EMAIL = "email"
    SMS = "sms"
    IN_APP = "in-app"
    DIGITAL_POST = "digital-post"
    """A secure mailbox of the recipient's own, in place of a letter."""
    LETTER = "letter"
    """On the list of what the unit's office puts in the post."""


class MessageEvent(EventData):
    """An event of one message to one recipient."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "message"

    message: MessageRefField


class NotificationQueued(MessageEvent):
    """A message was written; its text says that there is something to read, and nothing more (seed rule 101)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.queued.v1"

    template: str = Field(pattern=r"^[a-z0-9-]{2,60}$")
    template_version: int = Field(ge=1)
    channel: Channel
    recipient: ActorIdField
    recipient_role: Role
    language: Language


class NotificationSent(MessageEvent):
    """The channel took the message."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.sent.v1"

    channel: Channel


class NotificationFailed(MessageEvent):
    """The channel refused the message for good."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.failed.v1"

    channel: Channel
    reason: Literal["rejected", "unreachable", "no-address"]


class NotificationCancelled(MessageEvent):
    """The message was taken back before the channel had it: what it was about is done, or may no longer be told."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.cancelled.v1"

    reason: Literal["done", "consent-ended"]


class NotificationRead(MessageEvent):
    """The recipient, signed in, has read it."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.read.v1"


class NotificationRedirected(MessageEvent):
    """It goes by another way from now on; in the application it can be read all the while."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.redirected.v1"

    way: Way
    because: Literal["preferred", "second", "rejected", "unreachable", "no-address", "unread"]
    """Chosen by the recipient; by rule beside the first; because the way before failed; or because nobody has read it."""


class NotificationCarried(MessageEvent):
    """Another way than e-mail took the message; a letter was posted by whoever `authid` is."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.carried.v1"

    way: Way


class NotificationBounced(MessageEvent):
    """Another way than e-mail refused the message for good."""

    TYPE: ClassVar[str] = "no.lagspill.notify.notification.bounced.v1"

    way: Way
    reason: Literal["rejected", "unreachable", "no-address"]


# --- who is reached how -----------------------------------------------------------------------------------------------


class PreferencesSet(EventData):
    """Somebody chose how to be reached. An address is not told; a leader becomes the one that the unit's escalations reach."""

    TYPE: ClassVar[str] = "no.lagspill.notify.preferences.set.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "recipient"

    recipient: ActorIdField
    language: Language
    channel: Channel
    roles: frozenset[Role] = frozenset()
    """As the token said at that moment."""
    service: Service | None = None
    unit: UnitIdField | None = None
    sms_first: bool = False
    """Whether SMS is tried before e-mail, where both are known."""
    digest: bool = False
    """Whether e-mail and SMS come once a day, all together."""
    quiet_begins: TimeOfDay | None = None
    quiet_ends: TimeOfDay | None = None
    """Norway's time between which nothing is sent; absent: as usual."""


# --- deadlines --------------------------------------------------------------------------------------------------------


class DeadlineKind(StrEnum):
    """What must be done in time (seed rules 79, 88, 107)."""

    ACT_ON_CONCERN = "act-on-concern"
    DECIDE_CASE = "decide-case"
    EVALUATE_MEASURE = "evaluate-measure"
    ANSWER_HANDOVER = "answer-handover"
    ANSWER_CONSENT = "answer-consent"


class DeadlineEvent(EventData):
    """An event of one deadline."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "deadline"

    deadline: DeadlineRefField
    kind: DeadlineKind
    case: CaseRefField | None = None
    due: Moment


class Responsible(Model):
    """Who must act: an opaque actor in a role, or a unit alone. Without unit for an address-protected case."""

    actor: ActorIdField | None = None
    role: Role | None = None
    service: Service | None = None
    unit: UnitIdField | None = None
    municipality: MunicipalityField | None = None
    """Where they work, when that is another municipality than the one whose log this is in: units are named by each for itself."""


class DeadlineSet(DeadlineEvent):
    """Something must be done by then. Set again, it is a new round: the next evaluation of the same measure (seed rule 89)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.set.v1"

    responsible: Responsible
    remind_at: Moment | None = None
    """When the responsible is reminded; absent when there is no time for it."""
    matter: Literal["meeting"] | None = None
    """What its kind does not say: a case is decided on in a meeting that its step up called for (seed rule 68)."""
    coordination: CoordinatorKind | None = None
    """What of the coordination is to be taken over, when a handover is of that and not of the baton (seed rules 23, 37, 97)."""
    escalate_at: Moment | None = None
    """When the unit's leader is told; absent where that is nobody's business (a guardian may leave a question unanswered)."""


class DeadlineReassigned(DeadlineEvent):
    """Somebody else must act now: the baton moved (seed rule 107)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.reassigned.v1"

    responsible: Responsible


class DeadlineClosed(DeadlineEvent):
    """Nothing more is waited for: it was done, or it is no longer to be done."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.closed.v1"

    reason: Literal["done", "cancelled"]


class DeadlineApproaching(DeadlineEvent):
    """There is still time, but not much (seed rule 79)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.approaching.v1"


class DeadlineMissed(DeadlineEvent):
    """The time has passed."""

    TYPE: ClassVar[str] = "no.lagspill.notify.deadline.missed.v1"


class EscalationRaised(DeadlineEvent):
    """The unit's leader was told (seed rule 95); of an address-protected case, whoever has the municipality's duty for it."""

    TYPE: ClassVar[str] = "no.lagspill.notify.escalation.raised.v1"

    unit: UnitIdField | None = None
    municipality: MunicipalityField | None = None
    """Whose unit that is, when it is another municipality's than the one whose log this is in."""


class ConsentReceiptRecorded(EventData):
    """This service has acted on a change of consent: what was pending for the ended services will not be sent."""

    TYPE: ClassVar[str] = "no.lagspill.notify.consent-receipt.recorded.v1"
    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "case"

    case: CaseRefField
    consent: ConsentRefField
    consent_version: int = Field(ge=1)
    messages_cancelled: int = Field(ge=0)


# --- subscriptions ----------------------------------------------------------------------------------------------------

EventType = Annotated[str, StringConstraints(pattern=r"^no\.lagspill(\.[a-z][a-z0-9-]{0,60}){2,4}\.v[0-9]{1,3}$")]


class Wanted(Model):
    """Which events a subscription gets. What is empty narrows nothing."""

    types: frozenset[EventType] = frozenset()
    municipalities: frozenset[LogScopeField] = frozenset()
    """Whose logs; empty only for a client that may read them all."""
    units: frozenset[UnitIdField] = frozenset()
    """Events that name one of these units, and no others."""
    protected: bool = False
    """The logs of address-protected cases too: of every municipality, for the log does not say whose it is."""


class SubscriptionEvent(EventData):
    """An event of one subscription by webhook. Neither its address nor its secret is told."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "subscription"

    subscription: SubscriptionRefField


class SubscriptionOpened(SubscriptionEvent):
    """Another system gets events from now on; `authid` is whose it is."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.opened.v1"

    owner: ActorIdField
    client: str = Field(pattern=r"^[ -~]{1,100}$", examples=["school-system"])
    """The client at the token issuer."""
    wanted: Wanted
    acknowledges: bool = False
    """Whether it says of each consent that ends, wholly or in part, that it has acted on that."""


class SubscriptionChanged(SubscriptionEvent):
    """It gets other events, or gets them at another address."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.changed.v1"

    wanted: Wanted
    moved: bool
    """Whether the address is another one."""
    acknowledges: bool = False
    """Whether it acknowledges from now on."""


class SubscriptionSecretChanged(SubscriptionEvent):
    """It has a new secret; until then, what is sent is signed with the one before as well."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.secret-changed.v1"

    both_until: Moment


class SubscriptionReplayed(SubscriptionEvent):
    """What comes after that position is sent again."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.replayed.v1"

    after: int = Field(ge=0)


class SubscriptionStopped(SubscriptionEvent):
    """The receiver has failed for too long: nothing more is tried until its owner asks for it. Nothing is skipped."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.stopped.v1"

    failing_since: Moment


class SubscriptionBarred(SubscriptionEvent):
    """The installation no longer lets its client subscribe: it is stopped, and what it has not got is kept for it no longer."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.barred.v1"


class SubscriptionResumed(SubscriptionEvent):
    """It goes on where it was stopped."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.resumed.v1"


class SubscriptionEnded(SubscriptionEvent):
    """It is no more: its owner ended it, or the receiver said that it is gone (HTTP 410)."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.ended.v1"

    reason: Literal["ended", "gone"]


class SubscriptionReceiptEvent(EventData):
    """An event of what one subscription acknowledges of one consent. It stands in the log of the case."""

    TOPIC: ClassVar[str] = TOPIC
    SUBJECT: ClassVar[str] = "receipt"

    receipt: ReceiptRefField
    subscription: SubscriptionRefField
    case: CaseRefField
    consent: ConsentRefField
    consent_version: int = Field(ge=1)


class SubscriptionReceiptAwaited(SubscriptionReceiptEvent):
    """A consent has ended, wholly or in part: another system is to say by then that it has acted on that."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-awaited.v1"

    due: Moment


class SubscriptionReceiptRecorded(SubscriptionReceiptEvent):
    """Another system says that it has acted on a change of consent, and on those before it; `authid` is whose system it is."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-recorded.v1"

    items_removed: int = Field(ge=0)


class SubscriptionReceiptMissing(SubscriptionReceiptEvent):
    """Another system has not said in time that it has acted: an alarm."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-missing.v1"


class SubscriptionReceiptReleased(SubscriptionReceiptEvent):
    """Nothing more is awaited: the subscription is no more, or acknowledges no longer. It never said that it has acted."""

    TYPE: ClassVar[str] = "no.lagspill.notify.subscription.receipt-released.v1"

    reason: Literal["ended", "not-acknowledging"]


EVENTS: tuple[type[EventData], ...] = (
    NotificationQueued,
    NotificationSent,
    NotificationFailed,
    NotificationCancelled,
    NotificationRead,
    NotificationRedirected,
    NotificationCarried,
    NotificationBounced,
    PreferencesSet,
    DeadlineSet,
    DeadlineReassigned,
    DeadlineClosed,
    DeadlineApproaching,
    DeadlineMissed,
    EscalationRaised,
    ConsentReceiptRecorded,
    SubscriptionOpened,
    SubscriptionChanged,
    SubscriptionSecretChanged,
    SubscriptionReplayed,
    SubscriptionStopped,
    SubscriptionBarred,
    SubscriptionResumed,
    SubscriptionEnded,
    SubscriptionReceiptAwaited,
    SubscriptionReceiptRecorded,
    SubscriptionReceiptMissing,
    SubscriptionReceiptReleased,
)
