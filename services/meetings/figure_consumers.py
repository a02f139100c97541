"""What reports are counted from: a consumer of its own, so that it has read everything from the beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.meetings import figure_store
from services.meetings.domain.figure_facts import READ, Happened, fact_of, moment_of
from services.meetings.handlers.reports import CONSUMER
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.envelope import Envelope
from shared.inbox import Inbox


async def on_counted(tx: Tx, event: EventData, envelope: Envelope) -> None:
    """Keep what is counted of the event. Of an address-protected case nothing is: its log is no municipality's."""
    fact = fact_of(event)
    if fact is None or not envelope.municipality.isdecimal():
        return
    happened = Happened(event.subject, int(envelope.sequence or "0"), moment_of(event, envelope.time), fact)
    figure_store.keep(tx, envelope.municipality, happened)


HANDLERS: Final[Mapping[type[EventData], Handler]] = dict.fromkeys(READ, on_counted)
FIGURES: Final = Inbox(CONSUMER, HANDLERS)
