"""Where an address-protected case and its coordination are: what the vault was not told of before it was asked for is settled once.

The journal says who took what over, and the vault where that had been sent. Where somebody was appointed directly neither says, nor
where a case began: that is not guessed. Whoever holds the case appoints again, or hands the baton over within the unit.
"""

from __future__ import annotations

from typing import Final

from services.cases import absence_store, store
from services.cases.domain.around import PlanStatus
from services.cases.domain.state import CaseState, Stage
from services.cases.handlers.absences import ABSENCE
from services.cases.handlers.desk import CASE, Desk
from shared.arrivals import Tx
from shared.contracts.base import EventData
from shared.contracts.cases import HandoverAccepted, HandoverCoordinationAccepted, HandoverSent
from shared.refs import ActorId, CaseRef, HandoverRef, LogScope, UnitId

SETTLE_PLACES: Final = "settle-places"


async def settle_places(desk: Desk, tx: Tx, case: CaseRef) -> None:
    """Keep where the baton of a protected case was handed last, and where whoever took its coordination over works."""
    located = await store.locate(tx.conn, case)
    await store.await_writers(tx.conn, case)
    state = (await tx.journal.load(CASE, case, conn=tx.conn)).state
    if located is None or not state.address_protected or state.stage is Stage.ERASED:
        return
    happened = [event for _, event in await tx.journal.history(CASE, case, conn=tx.conn)]
    sent = {event.handover: event for event in happened if isinstance(event, HandoverSent)}
    batons = [event.handover for event in happened if isinstance(event, HandoverAccepted) and not event.by_rule]
    place = await _destination_of_last(desk, tx, case, batons)
    if place is not None:
        await desk.records.keep_place(tx.conn, case, place)
    for actor in _coordinators(state):
        if await desk.records.coordinates_from(tx.conn, case, actor) is None:
            unit = await _taken_over_in(desk, tx, case, located.municipality, actor, happened, sent)
            if unit is not None:
                await desk.records.keep_coordinates_from(tx.conn, case, actor, unit)


async def _destination_of_last(desk: Desk, tx: Tx, case: CaseRef, handovers: list[HandoverRef]) -> UnitId | None:
    for handover in reversed(handovers):
        unit = await desk.records.destination(tx.conn, case, handover)
        if unit is not None:
            return unit
    return None


def _coordinators(state: CaseState) -> list[ActorId]:
    around = state.around
    parties = [one.party for one in around.coordinators.values()]
    if around.plan is not None and around.plan.coordinator is not None and around.plan.status is not PlanStatus.CLOSED:
        parties.append(around.plan.coordinator)
    return sorted({party.actor for party in parties})


async def _taken_over_in(
    desk: Desk,
    tx: Tx,
    case: CaseRef,
    municipality: LogScope,
    actor: ActorId,
    happened: list[EventData],
    sent: dict[HandoverRef, HandoverSent],
) -> UnitId | None:
    """Return where `actor` took the coordination over last: where it was sent, or to whom it fell by an absence."""
    for event in reversed(happened):
        if not isinstance(event, HandoverCoordinationAccepted):
            continue
        offer = sent.get(event.handover)
        if offer is None or offer.receiver.actor != actor:
            continue
        if not event.by_rule:
            return await desk.records.destination(tx.conn, case, event.handover)
        absence = await absence_store.left_to(tx.conn, municipality, actor)
        fell = None if absence is None else (await tx.journal.load(ABSENCE, absence, conn=tx.conn)).state.falls_to
        return None if fell is None else fell.unit
    return None
