"""Who hears of figures that are to be entered: whoever enters them, and then the leaders (seed rules 150, 151, 155, 164, 190).

Nobody is told which figures these are: that is read with the meetings service, by those who enter them.
"""

from __future__ import annotations

from collections.abc import Mapping

from services.notify import figure_facts, owing, store
from services.notify.domain.owed import FIGURES
from services.notify.figure_facts import AwaitedFigure
from services.notify.handlers import Teller
from shared.arrivals import Handler, Tx
from shared.contracts.base import EventData
from shared.contracts.entered_figures import FigureDropped, FigureEntered, FigureExpected
from shared.deadlines import Deadline
from shared.envelope import Envelope
from shared.inbox import caused_by
from shared.refs import EnteredFigureRef


class FigureDuties:
    """Tells those who enter figures, and their leaders."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            FigureExpected: self.on_expected,
            FigureEntered: self.on_settled,
            FigureDropped: self.on_settled,
        }

    async def on_expected(self, tx: Tx, event: FigureExpected, envelope: Envelope) -> None:
        """It is waited for; the steps whose time was over when it was said are left out."""
        await owing.settle(tx.conn, FIGURES, event.figure)  # said again, it may be for another day
        awaited = AwaitedFigure(
            event.figure, envelope.municipality, event.owed_by, event.owing_unit, event.led_by, event.due
        )
        await figure_facts.add(tx.conn, awaited)
        await owing.expect(tx, FIGURES, event.figure, awaited.owed, envelope)

    async def on_settled(self, tx: Tx, event: FigureEntered | FigureDropped, envelope: Envelope) -> None:
        """Nobody is reminded of it any more; what is on its way is taken back, unless it is about another figure too."""
        awaited = await figure_facts.find(tx.conn, event.figure)
        if awaited is None:
            return
        await owing.settle(tx.conn, FIGURES, event.figure)
        if not await figure_facts.others(tx.conn, awaited):
            await store.drop_staff_errands(tx.conn, step=awaited.owed.told_as)
            _, pending = await store.told_about(tx.conn, awaited.owed.told_as)
            await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")
        await figure_facts.forget(tx.conn, event.figure)

    async def on_step(self, tx: Tx, deadline: Deadline) -> None:
        """Let a step's moment come.

        Raises:
            UnavailableError: what is known of the figures is not fresh enough to say that it was not entered.
        """
        awaited = await figure_facts.find(tx.conn, EnteredFigureRef(deadline.key))
        await owing.tell(self._teller, tx, deadline, FIGURES, None if awaited is None else awaited.owed)
