"""Who hears of hearings (høringer), and of surveys: the leaders of those who are to answer, and whoever asked (seed rules 95, 173).

Nobody is told what the matter is: that is read with the meetings service, by those who may.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from services.notify import hearing_facts, store
from services.notify.cause import Cause
from services.notify.domain import policy
from services.notify.facts import CONSUMER
from services.notify.handlers import Teller, responsible, telling
from shared.aggregate import Context
from shared.arrivals import Handler, Tx
from shared.calendar import add_days
from shared.contracts import consultations, meetings, surveys
from shared.contracts.base import EventData
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by
from shared.refs import ConsultationRef, UnitId

REMINDER: Final = "consultation-reminder"
"""The kind of the durable deadline, four days before the answers are due."""
REMIND_DAYS: Final = 4
"""As for a concern and a decision: somebody has to find the time to write."""


class Hearings:
    """Tells bodies and whoever asked them."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            consultations.ConsultationOpened: self.on_opened,
            consultations.ConsultationAnswered: self.on_answered,
            consultations.ConsultationOverdue: self.on_overdue,
            consultations.ConsultationEscalated: self.on_escalated,
            consultations.ConsultationClosed: self.on_closed,
            surveys.SurveyOpened: self.on_survey_opened,
        }

    async def on_opened(self, tx: Tx, event: consultations.ConsultationOpened, envelope: Envelope) -> None:
        """The leaders of the bodies are asked at once, and reminded four days before the answer is due."""
        ctx = caused_by(envelope, tx.now)
        units = [body.unit for body in event.bodies]
        asked = hearing_facts.Asked(event.consultation, responsible(event.opened_by), event.answer_by, tuple(units))
        await hearing_facts.add(tx.conn, asked)
        await self._tell(tx, ctx, event.consultation, units, event.answer_by, policy.CONSULTATION_REQUEST)
        remind_at = add_days(event.answer_by, -REMIND_DAYS)
        if remind_at > envelope.time:
            payload = Cause.of(ctx).written()
            await set_deadline(tx.conn, kind=REMINDER, key=event.consultation, due=remind_at, payload=payload)

    async def on_reminder(self, tx: Tx, deadline: Deadline) -> None:
        """Four days are left for those who have not answered.

        Raises:
            UnavailableError: what is known of the hearing is not fresh enough to say that somebody has not answered.
        """
        asked = await hearing_facts.asked(tx.conn, ConsultationRef(deadline.key))
        if asked is None or not asked.waiting:
            return
        await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=asked.consultation)
        ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
        await self._tell(tx, ctx, asked.consultation, asked.waiting, asked.answer_by, policy.CONSULTATION_REMINDER)

    async def on_answered(self, tx: Tx, event: consultations.ConsultationAnswered, envelope: Envelope) -> None:
        """The body is asked no more."""
        await hearing_facts.answered(tx.conn, event.consultation, event.unit)
        await store.drop_errands_of(tx.conn, _step(event.consultation, event.unit))
        _, pending = await store.told_about(tx.conn, _step(event.consultation, event.unit))
        await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")

    async def on_overdue(self, tx: Tx, event: consultations.ConsultationOverdue, envelope: Envelope) -> None:
        """The time is out: the leaders of those who have not answered know."""
        units = [body.unit for body in event.bodies]
        ctx = caused_by(envelope, tx.now)
        await self._tell(tx, ctx, event.consultation, units, event.answer_by, policy.CONSULTATION_OVERDUE)

    async def on_escalated(self, tx: Tx, event: consultations.ConsultationEscalated, envelope: Envelope) -> None:
        """A week later whoever asked knows, and the leaders of that unit; they may close it without the answer."""
        asked = await hearing_facts.asked(tx.conn, event.consultation)
        if asked is None:
            return
        told = telling(caused_by(envelope, tx.now), _step(event.consultation), due=event.answer_by)
        await self._teller.tell_with_leaders(tx, asked.opened_by, told, policy.CONSULTATION_ESCALATED)

    async def on_closed(self, tx: Tx, event: consultations.ConsultationClosed, envelope: Envelope) -> None:
        """Nobody is asked any more; the bodies hear that it is closed."""
        ctx = caused_by(envelope, tx.now)
        await cancel(tx.conn, kind=REMINDER, key=event.consultation)
        await store.drop_errands_of(tx.conn, _step(event.consultation))
        _, pending = await store.told_about(tx.conn, _step(event.consultation))
        await self._teller.take_back(tx, ctx, pending, "done")
        await hearing_facts.forget(tx.conn, event.consultation)
        units = sorted(body.unit for body in (*event.answered, *event.unanswered))
        await self._tell(tx, ctx, event.consultation, units, None, policy.CONSULTATION_CLOSED)

    async def on_survey_opened(self, tx: Tx, event: surveys.SurveyOpened, envelope: Envelope) -> None:
        """The leaders of those who were at a meeting are told that each of them may answer, and until when (seed rule 152)."""
        told = telling(caused_by(envelope, tx.now), event.survey, due=event.closes_at)
        there = dict.fromkeys(event.services, event.units)
        await self._teller.tell_services(tx, there, told.saying(policy.SURVEY), everywhere=True)

    async def _tell(
        self,
        tx: Tx,
        ctx: Context,
        consultation: ConsultationRef,
        units: Iterable[UnitId],
        due: datetime | None,
        template: str,
    ) -> None:
        for unit in units:
            told = telling(ctx, _step(consultation, unit), due=due)
            await self._teller.tell_leaders(tx, unit, told, template)


def _step(consultation: ConsultationRef, unit: UnitId | None = None) -> str:
    """Return as a step of what people are told it; a slash at its end, for one unit's name may begin another's."""
    return f"{consultation}/" if unit is None else f"{consultation}/{unit}/"
