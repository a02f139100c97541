"""Around which cases there is a group: a consumer of its own, so that it has read everything from the beginning (rules 23, 29)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.meetings import around_child_store
from services.meetings.domain.child_facts import Said, fact_of
from services.meetings.handlers.around_children import READS
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.contracts.cases import (
    CaseClosed,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    HandoverAccepted,
    TransitionFormDrafted,
)
from shared.contracts.safekeeping import CaseErased
from shared.contracts.team import CoordinatorAppointed, CoordinatorEnded, PlanClosed, PlanStarted
from shared.envelope import Envelope
from shared.inbox import Inbox


async def on_said(tx: Tx, event: CaseEvent, envelope: Envelope) -> None:
    """Keep what it says of the case."""
    fact = fact_of(event)
    # An address-protected case is in no municipality's log: nothing is counted of it, and it is brought to no agenda by name.
    if fact is not None and envelope.municipality.isdecimal():
        said = Said(int(envelope.sequence or "0"), envelope.time, fact)
        around_child_store.keep(tx, envelope.municipality, event.case, said)


async def on_erased(tx: Tx, event: CaseErased, envelope: Envelope) -> None:
    """Forget the case."""
    _ = envelope
    await around_child_store.forget(tx, event.case)


HANDLERS: Final[Mapping[type[EventData], Handler]] = {
    CaseOpened: on_said,
    CaseReopened: on_said,
    HandoverAccepted: on_said,
    CaseClosed: on_said,
    CaseErased: on_erased,
    CoordinatorAppointed: on_said,
    CoordinatorEnded: on_said,
    PlanStarted: on_said,
    PlanClosed: on_said,
    TransitionFormDrafted: on_said,
}
AROUND_CHILDREN: Final = Inbox(READS.consumer, HANDLERS)
