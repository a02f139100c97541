"""Around which cases there is a group: a consumer of its own, so that it has read everything from the beginning (rules 23, 29)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.meetings import around_child_store
from services.meetings.domain.child_facts import ChildFact, FactKind, Said
from services.meetings.handlers.around_children import READS
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.contracts.cases import (
    CaseClosed,
    CaseEvent,
    CaseOpened,
    CaseReopened,
    CoordinatorKind,
    HandoverAccepted,
    Party,
    TransitionFormDrafted,
)
from shared.contracts.safekeeping import CaseErased
from shared.contracts.team import CoordinatorAppointed, CoordinatorEnded, PlanClosed, PlanStarted
from shared.envelope import Envelope
from shared.inbox import Inbox


async def on_holder(tx: Tx, event: CaseOpened | CaseReopened | HandoverAccepted, envelope: Envelope) -> None:
    """Somebody holds the case, open, from now on."""
    _keep(tx, event, envelope, _of(FactKind.HELD, event.holder))


async def on_closed(tx: Tx, event: CaseClosed, envelope: Envelope) -> None:
    """Nothing more is due around the child."""
    _keep(tx, event, envelope, ChildFact(kind=FactKind.SHUT))


async def on_erased(tx: Tx, event: CaseErased, envelope: Envelope) -> None:
    """Forget the case."""
    _ = envelope
    await around_child_store.forget(tx, event.case)


async def on_appointed(tx: Tx, event: CoordinatorAppointed, envelope: Envelope) -> None:
    """Somebody coordinates the group around the child; a child coordinator alone makes none (seed rules 23, 97)."""
    if event.kind is CoordinatorKind.ANSVARSGRUPPE:
        _keep(tx, event, envelope, _of(FactKind.COORDINATED, event.coordinator))


async def on_ended(tx: Tx, event: CoordinatorEnded, envelope: Envelope) -> None:
    """Nobody coordinates it any more."""
    if event.kind is CoordinatorKind.ANSVARSGRUPPE:
        _keep(tx, event, envelope, ChildFact(kind=FactKind.UNCOORDINATED))


async def on_plan_begun(tx: Tx, event: PlanStarted, envelope: Envelope) -> None:
    """There is a plan, and whoever works by it meets (seed rules 36-38)."""
    _keep(tx, event, envelope, _of(FactKind.PLAN_BEGUN, event.coordinator))


async def on_plan_closed(tx: Tx, event: PlanClosed, envelope: Envelope) -> None:
    """There is none any more."""
    _keep(tx, event, envelope, ChildFact(kind=FactKind.PLAN_ENDED))


async def on_form(tx: Tx, event: TransitionFormDrafted, envelope: Envelope) -> None:
    """The child starts school then (seed rules 10, 13)."""
    if event.form_type == "barnehage-to-school":
        _keep(tx, event, envelope, ChildFact(kind=FactKind.STARTS_SCHOOL, school_start=event.school_start))


def _of(kind: FactKind, party: Party) -> ChildFact:
    return ChildFact(kind=kind, actor=party.actor, service=party.service, unit=party.unit)


def _keep(tx: Tx, event: CaseEvent, envelope: Envelope, fact: ChildFact) -> None:
    # An address-protected case is in no municipality's log: nothing is counted of it, and it is brought to no agenda by name.
    if envelope.municipality.isdecimal():
        said = Said(int(envelope.sequence or "0"), envelope.time, fact)
        around_child_store.keep(tx, envelope.municipality, event.case, said)


HANDLERS: Final[Mapping[type[EventData], Handler]] = {
    CaseOpened: on_holder,
    CaseReopened: on_holder,
    HandoverAccepted: on_holder,
    CaseClosed: on_closed,
    CaseErased: on_erased,
    CoordinatorAppointed: on_appointed,
    CoordinatorEnded: on_ended,
    PlanStarted: on_plan_begun,
    PlanClosed: on_plan_closed,
    TransitionFormDrafted: on_form,
}
AROUND_CHILDREN: Final = Inbox(READS.consumer, HANDLERS)
