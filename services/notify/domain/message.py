"""A message to one recipient: queued, then sent, failed or cancelled; read by whoever signs in.

A way that fails is followed by the next that there is: e-mail and SMS, in the order that the recipient wants; the application,
where it can be read from the beginning; and for what a guardian must know of, at last a letter.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from services.notify.domain.quiet import Habits
from services.notify.errors import LetterNotFoundError, MessageNotFoundError, MessageWithdrawnError
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Language, Role
from shared.contracts.notify import (
    Channel,
    NotificationBounced,
    NotificationCancelled,
    NotificationCarried,
    NotificationFailed,
    NotificationQueued,
    NotificationRead,
    NotificationRedirected,
    NotificationSent,
    Way,
)
from shared.refs import ActorId, MessageRef


class Status(StrEnum):
    """How far it has come."""

    UNKNOWN = "unknown"
    PENDING = "pending"
    SENT = "sent"
    FAILED = "failed"
    CANCELLED = "cancelled"


class MessageState(Model):
    """One message; the fold of its events."""

    ref: MessageRef | None = None
    recipient: ActorId | None = None
    channel: Channel = Channel.IN_APP
    """As it was queued."""
    way: Way | None = None
    """By which it goes now, when that is another."""
    tried: frozenset[Way] = frozenset()
    """What was given up."""
    arrived: bool = False
    """Whether a way out of the house has taken it."""
    took: frozenset[Way] = frozenset()
    """Which have, and have not said since that they could not deliver it."""
    status: Status = Status.UNKNOWN
    read: bool = False

    @property
    def present(self) -> Way:
        """By which way it goes now."""
        return self.way or Way(self.channel.value)

    @property
    def taken_by(self) -> frozenset[Way]:
        """The ways out of the house that have it; of what was kept before this was, the present one."""
        return self.took or (frozenset({self.present}) if self.arrived else frozenset())


PostWay = Literal[Way.LETTER, Way.DIGITAL_POST]
Failure = Literal["rejected", "unreachable", "no-address"]
Returned = Literal["rejected", "unreachable"]
"""Why a mail came back: for good, or because it was not delivered in time."""
OUTSIDE: Final = (Way.EMAIL, Way.SMS)
"""The ways out of the house by which something is sent at once, in the order in which they are tried."""


class Reachable(Model):
    """How somebody can be reached, and what they read."""

    recipient: ActorId
    role: Role
    language: Language
    email: bool
    sms: bool = False
    sms_first: bool = False
    habits: Habits = Habits()

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways out of the house, the dearest first."""
        can = {Way.EMAIL: self.email, Way.SMS: self.sms}
        return tuple(way for way in ordered(sms_first=self.sms_first) if can[way])

    @property
    def first(self) -> Way:
        """The way that is tried first."""
        return next(iter(self.ways), Way.IN_APP)


def ordered(*, sms_first: bool) -> tuple[Way, ...]:
    """Return the ways out of the house in the order in which somebody wants them tried."""
    return tuple(reversed(OUTSIDE)) if sms_first else OUTSIDE


def evolve(state: MessageState, event: EventData) -> MessageState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    if isinstance(event, NotificationQueued):
        return MessageState(ref=event.message, recipient=event.recipient, channel=event.channel, status=Status.PENDING)
    return state.model_copy(update=_changes(state, event))


def _changes(state: MessageState, event: EventData) -> dict[str, object]:
    tried = state.tried | {state.present}
    changes: dict[str, object] = {}
    match event:
        case NotificationSent(channel=Channel.EMAIL):
            changes = {"status": Status.SENT, "arrived": True, "took": state.taken_by | {Way.EMAIL}}
        case NotificationSent():
            changes = {"status": Status.SENT, "arrived": False}
        case NotificationCarried():
            changes = {"status": Status.SENT, "arrived": True, "took": state.taken_by | {event.way}}
        case NotificationFailed():
            changes = _without_email(state)
        case NotificationBounced():
            changes = {"status": Status.SENT if state.arrived else Status.FAILED, "tried": tried}
        case NotificationRedirected():
            changes = {"status": Status.PENDING, "way": event.way}
        case NotificationCancelled():
            changes = {"status": Status.CANCELLED}
        case NotificationRead():
            changes = {"read": True}
    return changes


def _without_email(state: MessageState) -> dict[str, object]:
    """Return what becomes of it when e-mail is given up, at once or later: another way that has it, or is under way, stands."""
    took = state.taken_by - {Way.EMAIL}
    status = Status.SENT if took else Status.FAILED
    if state.status is Status.PENDING and state.present is not Way.EMAIL:
        status = Status.PENDING
    return {"status": status, "arrived": bool(took), "took": took, "tried": state.tried | {Way.EMAIL}}


MESSAGE: Final = Aggregate("message", MessageState, MessageState(), evolve)


def decide_queue(
    state: MessageState, *, ref: MessageRef, to: Reachable, template: str, template_version: int
) -> list[EventData]:
    """Write a message; in the app it has arrived with that, by another way that must still take it."""
    if state.status is not Status.UNKNOWN:
        return []
    channel = Channel.EMAIL if to.first is Way.EMAIL else Channel.IN_APP
    queued = NotificationQueued(
        message=ref,
        template=template,
        template_version=template_version,
        channel=channel,
        recipient=to.recipient,
        recipient_role=to.role,
        language=to.language,
    )
    if channel is Channel.EMAIL:
        return [queued]
    there: list[EventData] = [queued, NotificationSent(message=ref, channel=channel)]
    if to.first is Way.IN_APP:
        return there
    return [*there, NotificationRedirected(message=ref, way=to.first, because="preferred")]


def decide_sent(state: MessageState, *, second: Way | None = None) -> list[EventData]:
    """Note that the way took it, once, however often it was tried; it goes by a `second` one too, where a rule says so."""
    if state.ref is None or state.status is not Status.PENDING:
        return []
    took: EventData
    if state.present is Way.EMAIL:
        took = NotificationSent(message=state.ref, channel=Channel.EMAIL)
    else:
        took = NotificationCarried(message=state.ref, way=state.present)
    if second is None or second is state.present or second in state.tried or state.arrived:
        return [took]
    return [took, NotificationRedirected(message=state.ref, way=second, because="second")]


def decide_failed(state: MessageState, reason: Failure, *, can: frozenset[Way] = frozenset()) -> list[EventData]:
    """Give the way up, and take the next one that the recipient `can` be reached by; the message stays readable all the while.

    What has arrived by another way already is not sent by a third.
    """
    if state.ref is None or state.status is not Status.PENDING:
        return []
    given_up: EventData
    if state.present is Way.EMAIL:
        given_up = NotificationFailed(message=state.ref, channel=Channel.EMAIL, reason=reason)
    else:
        given_up = NotificationBounced(message=state.ref, way=state.present, reason=reason)
    if state.present is Way.DIGITAL_POST:
        return [given_up, NotificationRedirected(message=state.ref, way=Way.LETTER, because=reason)]
    left = [way for way in OUTSIDE if way in can and way is not state.present and way not in state.tried]
    if state.arrived or not left:
        return [given_up]
    return [given_up, NotificationRedirected(message=state.ref, way=left[0], because=reason)]


def decide_returned(state: MessageState, reason: Returned, *, can: frozenset[Way] = frozenset()) -> list[EventData]:
    """The mail server took the e-mail, and it came back: it goes on as if refused, where nothing else has it and nobody read it.

    The same again changes nothing, nor does it of what was taken back meanwhile.
    """
    if state.ref is None or state.status is Status.CANCELLED or Way.EMAIL not in state.taken_by:
        return []
    failed = NotificationFailed(message=state.ref, channel=Channel.EMAIL, reason=reason)
    after = evolve(state, failed)
    left = [way for way in OUTSIDE if way in can and way not in after.tried]
    if after.status is not Status.FAILED or state.read or not left:
        return [failed]
    return [failed, NotificationRedirected(message=state.ref, way=left[0], because=reason)]


def decide_post(state: MessageState, way: PostWay = Way.LETTER) -> list[EventData]:
    """Let it go by post: nobody has read it, and nothing that left the house has arrived."""
    settled = state.status in {Status.SENT, Status.FAILED}
    if state.ref is None or not settled or state.read or state.arrived or way in state.tried:
        return []
    return [NotificationRedirected(message=state.ref, way=way, because="unread")]


def decide_posted(state: MessageState) -> list[EventData]:
    """Note that the letter was posted; again changes nothing.

    Raises:
        LetterNotFoundError: it is not to go by letter.
    """
    if state.ref is None or state.present is not Way.LETTER or state.status is Status.CANCELLED:
        raise LetterNotFoundError
    return decide_sent(state)


def decide_cancel(state: MessageState, reason: Literal["done", "consent-ended"]) -> list[EventData]:
    """Take it back, if the channel does not have it yet."""
    if state.ref is None or state.status is not Status.PENDING:
        return []
    return [NotificationCancelled(message=state.ref, reason=reason)]


def decide_read(state: MessageState, reader: ActorId) -> list[EventData]:
    """Note that its recipient has read it; again changes nothing.

    Raises:
        MessageNotFoundError: it does not exist, or is somebody else's.
        MessageWithdrawnError: it was taken back.
    """
    if state.ref is None or state.recipient != reader:
        raise MessageNotFoundError
    if state.status is Status.CANCELLED:
        raise MessageWithdrawnError
    return [] if state.read else [NotificationRead(message=state.ref)]


NORWEGIAN: Final = frozenset({"nb", "no", "se", "sma", "smj", "fkv"})
"""Languages whose readers are written to in bokmål when we have no text of their own: Norwegian, Sami, Kven (BCP 47)."""


def choose_language(*wanted: str | None, default: Language = Language.NB) -> Language:
    """Return the first of `wanted` (BCP 47, the dearest first) that there are texts in, or what comes nearest.

    Somebody who reads none of our languages is more likely to be helped by English (seed rules 101, 146).
    """
    asked = [tag.lower().partition("-")[0] for tag in wanted if tag]
    for primary in asked:
        if primary in {language.value for language in Language}:
            return Language(primary)
    if not asked:
        return default
    return Language.NB if asked[0] in NORWEGIAN else Language.EN
