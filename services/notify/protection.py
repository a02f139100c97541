"""What address protection during a case's life means here: the case that goes on is one of its own, which leads back to nothing.

Whoever holds it must decide anew what is to be done, as in a case that was opened. What is asked for, handed over and planned in it
from now on comes by its own events, as in every case.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.notify import facts
from services.notify.domain import policy
from services.notify.handlers import Teller, about_event, responsible
from shared.arrivals import Handler, Tx
from shared.contracts import safekeeping
from shared.contracts.base import EventData
from shared.envelope import Envelope


class Protection:
    """The handlers of address protection."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            safekeeping.CaseContinued: self.on_continued,
            safekeeping.AddressProtectionDue: self.on_due,
        }

    async def on_continued(self, tx: Tx, event: safekeeping.CaseContinued, envelope: Envelope) -> None:
        """There is a case, with a holder, who must decide what is to be done, and meet if it was to (seed rules 68, 79, 144)."""
        holder = responsible(event.holder)
        await self._teller.reassign_case(tx, envelope, event.case, holder)
        if event.decide_by is not None:
            await self._teller.decide_by(tx, envelope, event.case, holder, event.decide_by)
        if event.meeting_by is not None:
            await self._teller.meet_by(tx, envelope, event.case, event.meeting_by)

    async def on_due(self, tx: Tx, event: safekeeping.AddressProtectionDue, envelope: Envelope) -> None:
        """The register's last day is over: the holder, and whoever has the duty, must find out."""
        told = about_event(event.case, envelope, tx.now)
        holder = await facts.holder_of(tx.conn, event.case)
        await self._teller.tell_with_leaders(tx, holder, told, policy.PROTECTION_DUE)
