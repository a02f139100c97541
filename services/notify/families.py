"""Which families hear of a meeting: where the arena takes guardians or the child in, and the child is on the agenda by name.

They are told that they are invited, when, and how to answer; where it is and who else is invited they read with the meetings
service. Who they are and how they are reached, the cases service says at the moment of sending (seed rules 12, 32, 73, 101).
"""

from __future__ import annotations

from dataclasses import replace

from services.notify import facts, family_facts, store
from services.notify.domain import policy
from services.notify.domain.appointment import Appointment, for_one, for_them
from services.notify.family_facts import Family
from services.notify.handlers import Teller, telling
from services.notify.waiting import AROUND_THE_CHILD
from shared.arrivals import Tx
from shared.contracts import meetings
from shared.envelope import Envelope
from shared.inbox import caused_by
from shared.refs import MeetingRef


class Families:
    """Tells the families of the children that a meeting has on its agenda."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    async def on_item_added(self, tx: Tx, event: meetings.AgendaItemAdded, envelope: Envelope) -> None:
        """A child may be spoken of by name; the family is invited when whoever calls the meeting has taken that on."""
        _ = envelope
        roles = event.family & AROUND_THE_CHILD
        if event.case is not None and roles:
            family = Family(event.meeting, event.case, roles, interpreter=bool(event.interpreters))
            await family_facts.add(tx.conn, event.item, family)

    async def on_item_accepted(self, tx: Tx, event: meetings.AgendaItemAccepted, envelope: Envelope) -> None:
        """The child will be spoken of: the family is invited (seed rules 12, 32, 73)."""
        family = await family_facts.accept(tx.conn, event.item)
        appointment = await facts.appointment_of(tx.conn, event.meeting)
        if family is not None and appointment is not None:
            own = await family_facts.change_own(tx.conn, family)
            theirs = for_one(appointment, envelope.time, own, invited=True)
            await self._tell(tx, envelope, family, theirs, policy.FAMILY_INVITED)

    async def on_item_removed(self, tx: Tx, event: meetings.AgendaItemRemoved, envelope: Envelope) -> None:
        """The child will not be spoken of: for the family there is no meeting any more."""
        family = await family_facts.remove(tx.conn, event.item)
        appointment = await facts.appointment_of(tx.conn, event.meeting)
        if family is not None and appointment is not None:
            own = await family_facts.change_own(tx.conn, family)
            await self._call_off(tx, envelope, family, for_one(appointment, envelope.time, own, invited=False))

    async def on_moved(self, tx: Tx, envelope: Envelope, appointment: Appointment) -> None:
        """The meeting has another time, and asks anew; whoever had not been told of it yet is invited to that."""
        for family in await family_facts.of_meeting(tx.conn, appointment.meeting):
            known = await self._take_back(tx, envelope, family)
            template = policy.FAMILY_MOVED if known else policy.FAMILY_INVITED
            theirs = for_them(appointment, await family_facts.own_changes(tx.conn, family))
            await self._tell(tx, envelope, family, theirs, template)

    async def on_cancelled(self, tx: Tx, envelope: Envelope, appointment: Appointment) -> None:
        """The meeting will not be held."""
        for family in await family_facts.of_meeting(tx.conn, appointment.meeting):
            theirs = for_them(appointment, await family_facts.own_changes(tx.conn, family))
            await self._call_off(tx, envelope, family, theirs)
        await family_facts.forget(tx.conn, appointment.meeting)

    async def on_held(self, tx: Tx, envelope: Envelope, meeting: MeetingRef) -> None:
        """Nobody is invited to it any more, nor by a letter that is still to be posted."""
        for family in await family_facts.of_meeting(tx.conn, meeting):
            await self._take_back(tx, envelope, family)
        await family_facts.forget(tx.conn, meeting)

    async def _call_off(self, tx: Tx, envelope: Envelope, family: Family, appointment: Appointment) -> None:
        """Tell those who had been told; whoever had not never hears of the meeting."""
        if await self._take_back(tx, envelope, family):
            await self._tell(tx, envelope, family, appointment, policy.FAMILY_CANCELLED)

    async def _tell(self, tx: Tx, envelope: Envelope, family: Family, appointment: Appointment, template: str) -> None:
        due = None if appointment.cancelled else appointment.starts_at
        told = telling(caused_by(envelope, tx.now), f"{_step(family)}{envelope.id}", case=family.case, due=due)
        told = replace(told, appointment=appointment, interpreter=family.interpreter)
        await store.add_errand(tx.conn, told.saying(template), family.roles)

    async def _take_back(self, tx: Tx, envelope: Envelope, family: Family) -> bool:
        """Take back what they have not been sent yet, which is wrong by now; return whether they were told anything."""
        step = _step(family)
        await store.drop_errands_of(tx.conn, step)
        people, pending = await store.told_about(tx.conn, step)
        await self._teller.take_back(tx, caused_by(envelope, tx.now), pending, "done")
        return bool(people)


def _step(family: Family) -> str:
    """Return with what the steps of everything begin that this family is told of the meeting.

    Not with the meeting: what is told to staff begins so.
    """
    return f"{family.case}/{family.meeting}/"
