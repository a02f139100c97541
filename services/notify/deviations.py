"""A term's meeting is not called, or something was not as the routines say: who is to see to it hears so (rules 8, 40, 54, 64, 95).

All that one look at a municipality's meetings has found is one message to each, and one more where meetings are still to be called:
what it is, they read with the meetings service.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.notify import facts, store
from services.notify.domain import policy
from services.notify.handlers import Teller, telling
from shared.arrivals import Handler, Tx
from shared.calendar import end_of_day
from shared.contracts.base import EventData
from shared.contracts.deviations import ChildMeetingMissing, DeviationFound, DeviationKind
from shared.contracts.notify import Responsible
from shared.envelope import Envelope
from shared.inbox import caused_by


class Deviations:
    """Tells leaders."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {DeviationFound: self.on_found, ChildMeetingMissing: self.on_missing}

    async def on_missing(self, tx: Tx, event: ChildMeetingMissing, envelope: Envelope) -> None:
        """Whoever coordinates the group around a child, else whoever has the case, is to call its meeting (seed rule 29)."""
        due = end_of_day(event.day)
        told = telling(caused_by(envelope, tx.now), f"child-meeting/{event.deviation}", case=event.case, due=due)
        coordinates = Responsible(actor=event.coordinator)
        responsible = await facts.holder_of(tx.conn, event.case) if event.coordinator is None else coordinates
        await self._teller.tell_responsible(tx, responsible, told.saying(policy.NOT_CALLED))

    async def on_found(self, tx: Tx, event: DeviationFound, envelope: Envelope) -> None:
        """The leaders of the units that it names are told, and those of the services that did not come (seed rules 54, 95).

        Who is not known yet is told of the last look alone: what they read says what there is by then.
        """
        ctx = caused_by(envelope, tx.now)
        template = policy.NOT_CALLED if event.kind in policy.STILL_TO_CALL else policy.ROUTINES
        due = end_of_day(event.day) if event.kind is DeviationKind.TOO_FEW_PLANNED else None
        told = telling(ctx, f"deviations/{ctx.correlation}", due=due)
        await store.lock_waiting(tx.conn, told.scope, template)
        for unit in sorted(event.led_by):
            await self._teller.tell_leaders(tx, unit, told, template)
        own = frozenset() if event.unit is None else frozenset({event.unit})
        await self._teller.tell_services(tx, dict.fromkeys(event.absent, own), told.saying(template))
        await store.replace_waiting(tx.conn, told.saying(template))
