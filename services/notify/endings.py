"""Who hears of forms and of the end of a case: that something waits, never what about whom (seed rules 13, 14, 101)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from services.notify import form_facts, store
from services.notify.domain import policy
from services.notify.handlers import Teller, responsible, telling
from services.notify.store import Telling
from shared.arrivals import Handler, Tx
from shared.contracts import cases, endings, transition_forms
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.envelope import Envelope
from shared.inbox import caused_by

GUARDIANS = frozenset({Role.GUARDIAN})


class Endings:
    """The handlers of a transition form's times, and of the end of a case."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            cases.TransitionFormDrafted: self.on_form_written,
            cases.TransitionFormApproved: self.on_form_approved,
            cases.TransitionFormSent: self.on_form_sent,
            transition_forms.TransitionFormApprovalWaits: self.on_approval_waits,
            transition_forms.TransitionFormDue: self.on_form_due,
            transition_forms.TransitionFormOverdue: self.on_form_overdue,
            endings.AdulthoodApproaching: self.on_adulthood_approaching,
            endings.AdulthoodReached: self.on_adulthood_reached,
            endings.AdulthoodOverdue: self.on_adulthood_overdue,
        }

    async def on_form_written(self, tx: Tx, event: cases.TransitionFormDrafted, envelope: Envelope) -> None:
        """The guardians are asked to read and approve this version, and none before it any more (seed rule 14)."""
        await form_facts.written(tx.conn, event.form, event.version)
        for version in range(1, event.version):
            await self._quiet(tx, envelope, f"{event.form}/{version}/")
        told = _about(tx, event, envelope, f"{event.form}/{event.version}")
        await store.add_errand(tx.conn, told.saying(policy.FORM_REQUEST), GUARDIANS)

    async def on_form_approved(self, tx: Tx, event: cases.TransitionFormApproved, envelope: Envelope) -> None:
        """One guardian has approved it, and is asked no more; when all have who must, nobody is (seed rule 14)."""
        ordinal = form_facts.EVERYBODY if event.complete else event.ordinal
        await form_facts.answered(tx.conn, event.form, event.version, ordinal)
        step = f"{event.form}/{event.version}/"
        await self._quiet(tx, envelope, step, ordinal=None if event.complete else event.ordinal)

    async def on_form_sent(self, tx: Tx, event: cases.TransitionFormSent, envelope: Envelope) -> None:
        """It has gone: nobody is asked or reminded of it any more."""
        await form_facts.answered(tx.conn, event.form, event.version, form_facts.EVERYBODY)
        await self._quiet(tx, envelope, f"{event.form}/")

    async def _quiet(self, tx: Tx, envelope: Envelope, step: str, *, ordinal: int | None = None) -> None:
        """Take back what is on its way in steps that begin so: all of it, or what is for one guardian."""
        if ordinal is None:
            await store.drop_errands_of(tx.conn, step)
        _, pending = await store.told_about(tx.conn, step, ordinal=ordinal)
        await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")

    async def on_approval_waits(
        self, tx: Tx, event: transition_forms.TransitionFormApprovalWaits, envelope: Envelope
    ) -> None:
        """Not all have approved it: one reminder, to those who have not (seed rule 14)."""
        told = _about(tx, event, envelope, f"{event.form}/{event.version}")
        await store.add_errand(tx.conn, told.saying(policy.FORM_REMINDER), GUARDIANS, ordinals=event.ordinals)

    async def on_form_due(self, tx: Tx, event: transition_forms.TransitionFormDue, envelope: Envelope) -> None:
        """The time to send it has begun (seed rule 13)."""
        told = _about(tx, event, envelope, f"{event.form}", event.due)
        await self._teller.tell_responsible(tx, responsible(event.holder), told.saying(policy.FORM_DUE))

    async def on_form_overdue(self, tx: Tx, event: transition_forms.TransitionFormOverdue, envelope: Envelope) -> None:
        """It was not sent in time: the holder is told, and the leader of the unit."""
        told = _about(tx, event, envelope, f"{event.form}", envelope.time)
        await self._teller.tell_with_leaders(tx, responsible(event.holder), told, policy.FORM_OVERDUE)

    async def on_adulthood_approaching(self, tx: Tx, event: endings.AdulthoodApproaching, envelope: Envelope) -> None:
        """Within four months the case is to end or go on with somebody else."""
        told = _about(tx, event, envelope, f"{event.case}")
        await self._teller.tell_responsible(tx, responsible(event.holder), told.saying(policy.ADULT_SOON))

    async def on_adulthood_reached(self, tx: Tx, event: endings.AdulthoodReached, envelope: Envelope) -> None:
        """From now on the grown-up decides, and the case has a last day."""
        if event.holder is None:
            return
        told = _about(tx, event, envelope, f"{event.case}", event.end_by)
        await self._teller.tell_responsible(tx, responsible(event.holder), told.saying(policy.ADULT))

    async def on_adulthood_overdue(self, tx: Tx, event: endings.AdulthoodOverdue, envelope: Envelope) -> None:
        """It is still open: the holder is told, and the leader of the unit."""
        told = _about(tx, event, envelope, f"{event.case}", envelope.time)
        await self._teller.tell_with_leaders(tx, responsible(event.holder), told, policy.ADULT_OVERDUE)


def _about(tx: Tx, event: cases.CaseEvent, envelope: Envelope, step: str, due: datetime | None = None) -> Telling:
    """Return what is told about one event: it may come again, of a birth date that was corrected or a form that came back."""
    return telling(caused_by(envelope, tx.now), f"{step}/{envelope.id}", case=event.case, due=due)
