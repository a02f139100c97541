"""Whom the guardians chose to turn to is told, and they themselves that they may turn to anybody (seed rules 33-35).

An event says the service and the role, never who. Somebody who is known in the case, its holder or who coordinates, is told;
otherwise the leaders of the service, as for a meeting: they know who works with the child.
"""

from __future__ import annotations

from services.notify import asked_facts, contact_facts, facts, team_facts
from services.notify.contact_facts import Chosen
from services.notify.domain import policy
from services.notify.handlers import Teller, about_event
from services.notify.store import Telling
from services.notify.team import tell_guardians
from shared.arrivals import Tx
from shared.contracts import cases
from shared.envelope import Envelope
from shared.refs import CaseRef


class ContactPersons:
    """Tells those whom the guardians chose."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    async def on_chosen(self, tx: Tx, event: cases.ContactPersonChosen, envelope: Envelope) -> None:
        """Whoever was chosen is told, whoever was before too, and the guardians (seed rules 33-35); the same again is no change."""
        chosen = Chosen(event.service, event.role)
        before = await contact_facts.choose(tx.conn, event.case, chosen)
        if before == chosen:
            return
        told = about_event(event.case, envelope, tx.now)
        if before is not None:
            await self._tell(tx, event.case, before, told.saying(policy.CONTACT_ENDED))
        await self._tell(tx, event.case, chosen, told.saying(policy.CONTACT_CHOSEN))
        await tell_guardians(tx, told.saying(policy.GUARDIANS_CONTACT))

    async def on_service_gone(
        self, tx: Tx, event: cases.TeamMemberRemoved | cases.HandoverAccepted | cases.CaseReopened, envelope: Envelope
    ) -> None:
        """Whose service neither is in the team nor has the baton is the contact person no more: the holder asks for another."""
        chosen, holder = await contact_facts.chosen_in(tx.conn, event.case), await facts.holder_of(tx.conn, event.case)
        around = await team_facts.members_of(tx.conn, event.case) | {holder.service}
        if chosen is None or chosen.service in around:
            return
        await contact_facts.forget(tx.conn, event.case)
        told = about_event(event.case, envelope, tx.now)
        await self._teller.tell_responsible(tx, holder, told.saying(policy.CONTACT_MISSING))

    async def _tell(self, tx: Tx, case: CaseRef, chosen: Chosen, told: Telling) -> None:
        holder = await facts.holder_of(tx.conn, case)
        known = [holder, *await asked_facts.coordinators_of(tx.conn, case)]
        them = {each.actor: each for each in known if (each.service, each.role) == (chosen.service, chosen.role)}
        if them:
            for each in them.values():
                await self._teller.tell_responsible(tx, each, told)
            return
        units = (await team_facts.units_in(tx.conn, case)).get(chosen.service, frozenset())
        if holder.service is chosen.service and holder.unit is not None:
            units |= {holder.unit}
        await self._teller.tell_services(tx, {chosen.service: units}, told)
