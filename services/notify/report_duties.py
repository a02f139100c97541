"""Who hears of the reports that a municipality owes: whoever owes them, and then the leaders (seed rules 66, 123, 127, 128, 135).

Nobody is told which report it is: that is read with the meetings service, by those who may.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.notify import duty_facts, owing, store
from services.notify.domain.owed import REPORTS
from services.notify.duty_facts import Awaited
from services.notify.handlers import Teller
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.contracts.report_duties import ReportDelivered, ReportDropped, ReportExpected
from shared.deadlines import Deadline
from shared.envelope import Envelope
from shared.inbox import caused_by
from shared.refs import ReportDutyRef


class ReportDuties:
    """Tells those who owe a report, and their leaders."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            ReportExpected: self.on_expected,
            ReportDelivered: self.on_settled,
            ReportDropped: self.on_settled,
        }

    async def on_expected(self, tx: Tx, event: ReportExpected, envelope: Envelope) -> None:
        """It is waited for; the steps whose time was over when it was said are left out."""
        awaited = Awaited(event.duty, event.owed_by, event.owing_unit, event.unit, event.due)
        await duty_facts.add(tx.conn, awaited)
        await owing.expect(tx, REPORTS, event.duty, awaited.owed, envelope)

    async def on_settled(self, tx: Tx, event: ReportDelivered | ReportDropped, envelope: Envelope) -> None:
        """Nobody is reminded of it any more; what is on its way about it is taken back."""
        await owing.settle(tx.conn, REPORTS, event.duty)
        await duty_facts.forget(tx.conn, event.duty)
        await store.drop_staff_errands(tx.conn, step=event.duty)
        _, pending = await store.told_about(tx.conn, event.duty)
        await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")

    async def on_step(self, tx: Tx, deadline: Deadline) -> None:
        """Let a step's moment come.

        Raises:
            UnavailableError: what is known of the reports is not fresh enough to say that it was not delivered.
        """
        awaited = await duty_facts.find(tx.conn, ReportDutyRef(deadline.key))
        await owing.tell(self._teller, tx, deadline, REPORTS, None if awaited is None else awaited.owed)
