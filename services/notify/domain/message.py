"""A message to one recipient: queued, then sent, failed or cancelled; read by whoever signs in."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from services.notify.errors import MessageNotFoundError, MessageWithdrawnError
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Language, Role
from shared.contracts.notify import (
    Channel,
    NotificationCancelled,
    NotificationFailed,
    NotificationQueued,
    NotificationRead,
    NotificationSent,
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
    status: Status = Status.UNKNOWN
    read: bool = False


class Reachable(Model):
    """How somebody can be reached, and what they read."""

    recipient: ActorId
    role: Role
    language: Language
    email: bool


def evolve(state: MessageState, event: EventData) -> MessageState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    match event:
        case NotificationQueued():
            return MessageState(
                ref=event.message, recipient=event.recipient, channel=event.channel, status=Status.PENDING
            )
        case NotificationSent():
            return state.model_copy(update={"status": Status.SENT})
        case NotificationFailed():
            return state.model_copy(update={"status": Status.FAILED})
        case NotificationCancelled():
            return state.model_copy(update={"status": Status.CANCELLED})
        case NotificationRead():
            return state.model_copy(update={"read": True})
    return state


MESSAGE: Final = Aggregate("message", MessageState, MessageState(), evolve)


def decide_queue(
    state: MessageState, *, ref: MessageRef, to: Reachable, template: str, template_version: int
) -> list[EventData]:
    """Write a message; in the app it has arrived with that, by e-mail the channel must still take it."""
    if state.status is not Status.UNKNOWN:
        return []
    channel = Channel.EMAIL if to.email else Channel.IN_APP
    queued = NotificationQueued(
        message=ref,
        template=template,
        template_version=template_version,
        channel=channel,
        recipient=to.recipient,
        recipient_role=to.role,
        language=to.language,
    )
    return [queued] if to.email else [queued, NotificationSent(message=ref, channel=channel)]


def decide_sent(state: MessageState) -> list[EventData]:
    """Note that the channel took it; once, however often it was tried."""
    if state.ref is None or state.status is not Status.PENDING:
        return []
    return [NotificationSent(message=state.ref, channel=state.channel)]


def decide_failed(state: MessageState, reason: Literal["rejected", "unreachable", "no-address"]) -> list[EventData]:
    """Give it up; it stays readable for whoever signs in."""
    if state.ref is None or state.status is not Status.PENDING:
        return []
    return [NotificationFailed(message=state.ref, channel=state.channel, reason=reason)]


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
