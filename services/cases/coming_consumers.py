"""What meetings say of the meetings to come that have a child on their agenda by name: its family is told of the next one.

A consumer of its own: these events do not stand alone, as those of the service's other consumer do, so a parked one holds back the
later ones of its meeting; and it has read everything from the beginning, meetings too that were called before it was there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.cases import coming_store
from shared.contracts import meetings
from shared.contracts.base import EventData
from shared.envelope import Envelope
from shared.inbox import Handler, Inbox, Tx

CONSUMER: Final = "cases-meetings-to-come"


async def on_called(tx: Tx, event: meetings.MeetingCalled | meetings.MeetingRescheduled, envelope: Envelope) -> None:
    """It is to begin then."""
    _ = envelope
    await coming_store.called(tx.conn, event.meeting, event.starts_at, tx.now)


async def on_over(tx: Tx, event: meetings.MeetingCancelled | meetings.MeetingHeld, envelope: Envelope) -> None:
    """It is off, or held."""
    _ = envelope
    await coming_store.over(tx.conn, event.meeting)


async def on_added(tx: Tx, event: meetings.AgendaItemAdded, envelope: Envelope) -> None:
    """A case was brought to it, by name."""
    _ = envelope
    if event.case is not None:
        await coming_store.added(tx.conn, event, event.case)


async def on_accepted(tx: Tx, event: meetings.AgendaItemAccepted, envelope: Envelope) -> None:
    """An item is on its agenda."""
    _ = envelope
    await coming_store.accepted(tx.conn, event.item)


async def on_removed(tx: Tx, event: meetings.AgendaItemRemoved, envelope: Envelope) -> None:
    """An item was taken off."""
    _ = envelope
    await coming_store.removed(tx.conn, event.item)


HANDLERS: Final[Mapping[type[EventData], Handler]] = {
    meetings.MeetingCalled: on_called,
    meetings.MeetingRescheduled: on_called,
    meetings.MeetingCancelled: on_over,
    meetings.MeetingHeld: on_over,
    meetings.AgendaItemAdded: on_added,
    meetings.AgendaItemAccepted: on_accepted,
    meetings.AgendaItemRemoved: on_removed,
}
INBOX: Final = Inbox(CONSUMER, HANDLERS)
