"""Who hears of the reports that a municipality owes: whoever owes them, and then the leaders (seed rules 66, 123, 127, 128, 135).

Nobody is told which report it is: that is read with the meetings service, by those who may.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notify import duty_facts, facts, store
from services.notify.cause import Cause
from services.notify.domain.report_duty import AT, SAYS, Step, last_of, moments
from services.notify.duty_facts import Awaited
from services.notify.facts import CONSUMER
from services.notify.handlers import Teller, telling
from shared.arrivals import Handler, Tx
from shared.calendar import at_oslo
from shared.contracts import meetings
from shared.contracts.base import EventData
from shared.contracts.notify import Responsible
from shared.contracts.report_duties import ReportDelivered, ReportDropped, ReportExpected
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import ReportDutyRef

STEPS: Final = tuple(map(str, Step))
"""The kinds of the durable deadlines."""


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
        ctx = caused_by(envelope, tx.now)
        await duty_facts.add(tx.conn, Awaited(event.duty, event.owed_by, event.owing_unit, event.unit, event.due))
        payload = Cause.of(ctx).written()
        for step, moment in moments(event.due).items():
            if moment > envelope.time:
                await set_deadline(tx.conn, kind=step, key=event.duty, due=moment, payload=payload)

    async def on_settled(self, tx: Tx, event: ReportDelivered | ReportDropped, envelope: Envelope) -> None:
        """Nobody is reminded of it any more; what is on its way about it is taken back."""
        for step in STEPS:
            await cancel(tx.conn, kind=step, key=event.duty)
        await duty_facts.forget(tx.conn, event.duty)
        _, pending = await store.told_about(tx.conn, event.duty)
        await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")

    async def on_step(self, tx: Tx, deadline: Deadline) -> None:
        """Let a step's moment come.

        Raises:
            UnavailableError: what is known of the reports is not fresh enough to say that it was not delivered.
        """
        awaited, step = await duty_facts.find(tx.conn, ReportDutyRef(deadline.key)), Step(deadline.kind)
        if awaited is None or last_of(awaited.due, tx.now) is not step:
            return
        await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=awaited.duty)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        told = telling(ctx, awaited.duty, due=at_oslo(awaited.due, AT))
        owing = await facts.people_in(tx.conn, ctx.scope, awaited.owed_by, awaited.owing_unit)
        if step is Step.ESCALATE or not owing:
            # Where nobody is known who owes it, the leaders are the first to know.
            await self._teller.tell_leaders(tx, awaited.unit, told, SAYS[step])
            return
        for actor in owing:
            await self._teller.tell_responsible(
                tx, Responsible(actor=actor, role=awaited.owed_by, unit=awaited.owing_unit), told.saying(SAYS[step])
            )
