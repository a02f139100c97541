"""The receipts for changes of a case's consents: this service has read them, and its agendas are cleared (invariant 4)."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.meetings import ConsentReceiptRecorded
from shared.refs import CaseRef, ConsentRef


class ReceiptsState(Model):
    """The latest version acted on, of each consent of one case."""

    versions: dict[ConsentRef, int] = Field(default_factory=dict)


def evolve(state: ReceiptsState, event: EventData) -> ReceiptsState:
    """Return `state` after `event`."""
    if not isinstance(event, ConsentReceiptRecorded):
        return state
    latest = max(event.consent_version, state.versions.get(event.consent, 0))
    return ReceiptsState(versions={**state.versions, event.consent: latest})


RECEIPTS: Final = Aggregate("consent-receipts", ReceiptsState, ReceiptsState(), evolve)


def decide_receipt(
    _: ReceiptsState, case: CaseRef, consent: ConsentRef, version: int, items_removed: int
) -> list[EventData]:
    """Say that the change was acted on; each change has its own receipt, in whatever order they were read."""
    return [ConsentReceiptRecorded(case=case, consent=consent, consent_version=version, items_removed=items_removed)]
