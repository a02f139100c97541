"""Those who call an arena's meetings hear that something was lifted to it (seed rules 68, 69), holders that an item was left open.

Nobody is told what, or of whom: it is read where it stands by those who may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notify import facts
from services.notify.domain import policy
from services.notify.handlers import Teller, telling
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import AgendaItemLeftOpen, AgendaItemLifted
from shared.contracts.notify import Responsible
from shared.envelope import Envelope
from shared.inbox import caused_by

OF_NO_UNIT: Final = frozenset({Role.COORDINATOR})
"""Who calls meetings for the whole municipality."""


class LiftedItems:
    """Tells those who call the meetings."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {AgendaItemLifted: self.on_lifted, AgendaItemLeftOpen: self.on_left_open}

    async def on_left_open(self, tx: Tx, event: AgendaItemLeftOpen, envelope: Envelope) -> None:
        """Whoever has the case says that it was discussed, or brings it again (seed rules 4, 5)."""
        told = telling(caused_by(envelope, tx.now), f"left-open/{event.item}", case=event.case)
        holder = await facts.holder_of(tx.conn, event.case)
        await self._teller.tell_responsible(tx, holder, told.saying(policy.ITEM_LEFT_OPEN))

    async def on_lifted(self, tx: Tx, event: AgendaItemLifted, envelope: Envelope) -> None:
        """Coordinators are told where they call the meetings, and leaders of the unit whose arena it is."""
        ctx = caused_by(envelope, tx.now)
        told = telling(ctx, f"lifted/{event.item}")
        for role in sorted(event.called_by & OF_NO_UNIT):
            for actor in await facts.people_in(tx.conn, ctx.scope, role):
                await self._teller.tell_responsible(
                    tx, Responsible(actor=actor, role=role), told.saying(policy.ITEM_LIFTED)
                )
        if Role.LEADER in event.called_by:
            await self._teller.tell_leaders(tx, event.led_by, told, policy.ITEM_LIFTED)
