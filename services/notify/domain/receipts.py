"""What this service has acknowledged of one case's consents: a receipt for each change, with what it meant here."""

from __future__ import annotations

from typing import Final

from pydantic import Field

from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.codes import Scope, Service
from shared.contracts.notify import ConsentReceiptRecorded
from shared.refs import CaseRef, ConsentRef


class ReceiptsState(Model):
    """The last acknowledged version of each consent; the fold of the receipts."""

    versions: dict[ConsentRef, int] = Field(default_factory=dict)


def evolve(state: ReceiptsState, event: EventData) -> ReceiptsState:
    """Return `state` after `event`; an event of another aggregate changes nothing."""
    if isinstance(event, ConsentReceiptRecorded):
        return ReceiptsState(versions={**state.versions, event.consent: event.consent_version})
    return state


RECEIPTS: Final = Aggregate("receipts", ReceiptsState, ReceiptsState(), evolve)


def decide_receipt(
    state: ReceiptsState, *, case: CaseRef, consent: ConsentRef, version: int, cancelled: int
) -> list[EventData]:
    """Acknowledge a change of consent, also when nothing was pending; once for each version."""
    if state.versions.get(consent, 0) >= version:
        return []
    return [ConsentReceiptRecorded(case=case, consent=consent, consent_version=version, messages_cancelled=cancelled)]


def ended_services(ended: Scope, left: Scope | None) -> frozenset[Service]:
    """Return the services that may no longer be told anything: those that ended, unless something is left for them.

    When only categories or purposes ended, `ended` names every service of the scope, and all of them stay. Services of another
    municipality are told nothing from here, whatever ends.
    """
    if ended.municipality is not None:
        return frozenset()
    return ended.services - (left.services if left is not None else frozenset())
