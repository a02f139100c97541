"""Who hears of figures that are to be entered: whoever enters them, and then the leaders (seed rules 150, 151, 155, 164, 190).

Nobody is told which figures these are: that is read with the meetings service, by those who enter them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notify import facts, figure_facts, store
from services.notify.cause import Cause
from services.notify.domain.figure_duty import SAYS, Step, last_of, moments
from services.notify.domain.report_duty import AT
from services.notify.facts import CONSUMER
from services.notify.figure_facts import AwaitedFigure
from services.notify.handlers import Teller, telling
from shared.arrivals import Handler, Tx
from shared.calendar import at_oslo
from shared.contracts import meetings
from shared.contracts.base import EventData
from shared.contracts.entered_figures import FigureDropped, FigureEntered, FigureExpected
from shared.contracts.notify import Responsible
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import EnteredFigureRef

STEPS: Final = tuple(map(str, Step))
"""The kinds of the durable deadlines."""


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
        for step in STEPS:
            # Said again, it may be for another day.
            await cancel(tx.conn, kind=step, key=event.figure)
        await figure_facts.add(
            tx.conn,
            AwaitedFigure(
                event.figure, envelope.municipality, event.owed_by, event.owing_unit, event.led_by, event.due
            ),
        )
        payload = Cause.of(caused_by(envelope, tx.now)).written()
        for step, moment in moments(event.due).items():
            if moment > envelope.time:
                await set_deadline(tx.conn, kind=step, key=event.figure, due=moment, payload=payload)

    async def on_settled(self, tx: Tx, event: FigureEntered | FigureDropped, envelope: Envelope) -> None:
        """Nobody is reminded of it any more; what is on its way is taken back, unless it is about another figure too."""
        awaited = await figure_facts.find(tx.conn, event.figure)
        if awaited is None:
            return
        for step in STEPS:
            await cancel(tx.conn, kind=step, key=event.figure)
        if not await figure_facts.others(tx.conn, awaited):
            _, pending = await store.told_about(tx.conn, awaited.step)
            await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")
        await figure_facts.forget(tx.conn, event.figure)

    async def on_step(self, tx: Tx, deadline: Deadline) -> None:
        """Let a step's moment come.

        Raises:
            UnavailableError: what is known of the figures is not fresh enough to say that it was not entered.
        """
        awaited, step = await figure_facts.find(tx.conn, EnteredFigureRef(deadline.key)), Step(deadline.kind)
        if awaited is None or last_of(awaited.due, tx.now) is not step:
            return
        await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=awaited.figure)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        told = telling(ctx, awaited.step, due=at_oslo(awaited.due, AT))
        entering = await facts.people_in(tx.conn, ctx.scope, awaited.owed_by, awaited.owing_unit)
        if step is Step.ESCALATE or not entering:
            # Where nobody is known who enters it, the leaders are the first to know.
            await self._teller.tell_leaders(tx, awaited.led_by, told, SAYS[step])
            return
        for actor in entering:
            to = Responsible(actor=actor, role=awaited.owed_by, unit=awaited.owing_unit)
            await self._teller.tell_responsible(tx, to, told.saying(SAYS[step]))
