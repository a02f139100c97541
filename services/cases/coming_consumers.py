"""What meetings say of the meetings to come that have a child on their agenda by name: its family is told of the next one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.cases import coming_store
from shared.contracts import meetings
from shared.contracts.base import EventData
from shared.envelope import Envelope
from shared.inbox import Handler, Tx


async def on_called(tx: Tx, event: meetings.MeetingCalled | meetings.MeetingRescheduled, envelope: Envelope) -> None:
    """It is to begin then."""
    _ = envelope
    await coming_store.called(tx.conn, event.meeting, event.starts_at)


async def on_cancelled(tx: Tx, event: meetings.MeetingCancelled, envelope: Envelope) -> None:
    """It is off."""
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
    meetings.MeetingCancelled: on_cancelled,
    meetings.AgendaItemAdded: on_added,
    meetings.AgendaItemAccepted: on_accepted,
    meetings.AgendaItemRemoved: on_removed,
}
