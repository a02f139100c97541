"""Those in the team around a child keep each other informed of changes in measures, and hear of double work (seed rules 31, 49).

So do the guardians, each in their language. All are told that there is something to read, in a case that they take part in; what
it is, they read where the basis is checked. A service is told through its leader, as for a meeting: who in it works with the child
is the service's own to know.
"""

from __future__ import annotations

from typing import Final

from services.notify import facts, store, team_facts
from services.notify.domain import policy
from services.notify.handlers import Teller, about_event
from services.notify.store import Telling
from shared.arrivals import Tx
from shared.contracts import cases
from shared.contracts.codes import Role, Service
from shared.contracts.notify import Responsible
from shared.envelope import Envelope
from shared.refs import UnitId

GUARDIANS: Final = frozenset({Role.GUARDIAN})


class Team:
    """Tells those around a case of what changes in it."""

    def __init__(self, teller: Teller) -> None:
        """Tell people through `teller`."""
        self._teller = teller

    async def on_joined(self, tx: Tx, event: cases.TeamMemberAdded, envelope: Envelope) -> None:
        """A service joined; from now on it is told."""
        _ = envelope
        await team_facts.add_member(tx.conn, event.case, event.service)

    async def on_left(self, tx: Tx, event: cases.TeamMemberRemoved, envelope: Envelope) -> None:
        """A service left; it is told no more."""
        _ = envelope
        await team_facts.remove_member(tx.conn, event.case, event.service)

    async def on_owned(self, tx: Tx, event: cases.MeasurePlanned | cases.MeasureChanged, envelope: Envelope) -> None:
        """A measure has an owner, or another one, and the others in the team are told (seed rule 31)."""
        await team_facts.set_owner(tx.conn, event.case, event.measure, event.owner, event.owner_unit)
        await self._tell(tx, event, envelope)

    async def on_ended(self, tx: Tx, event: cases.MeasureStopped, envelope: Envelope) -> None:
        """A measure ended, and the team is told (seed rule 31)."""
        await self._tell(tx, event, envelope)
        await team_facts.forget_measure(tx.conn, event.measure)

    async def on_outcome_refused(self, tx: Tx, event: cases.OutcomeRefused, envelope: Envelope) -> None:
        """Something that a meeting decided does not happen: the holder sees to it (seed rules 26, 88, 141)."""
        told = about_event(event.case, envelope, tx.now).saying(policy.OUTCOME_REFUSED)
        await self._teller.tell_responsible(tx, await facts.holder_of(tx.conn, event.case), told)

    async def on_overlap(self, tx: Tx, event: cases.MeasureOverlapSuspected, envelope: Envelope) -> None:
        """Two units seem to do the same: the holder and the leaders of those units are asked (seed rules 49, 161)."""
        told = about_event(event.case, envelope, tx.now).saying(policy.OVERLAP)
        holder = await facts.holder_of(tx.conn, event.case)
        await self._teller.tell_responsible(tx, holder, told)
        owners = await team_facts.owners_of(tx.conn, [event.measure, *event.others])
        member = await team_facts.members_of(tx.conn, event.case)
        # Whoever carries out what was planned just now joins the team by it, and the event that says so comes after this one.
        joining = await team_facts.owners_of(tx.conn, [event.measure])
        inside = member | {holder.service} | set(joining)
        reached = {service: units for service, units in owners.items() if service in inside}
        await self._tell_leaders(tx, told, reached, holder)

    async def on_overlap_elsewhere(
        self, tx: Tx, event: cases.MeasureOverlapElsewhereSuspected, envelope: Envelope
    ) -> None:
        """Another case has much the same: whoever carries this measure out is told, and nobody else (seed rules 49, 161).

        The other case lets this service know, and says nothing of the holder's.
        """
        told = about_event(event.case, envelope, tx.now).saying(policy.OVERLAP_ELSEWHERE)
        holder = await facts.holder_of(tx.conn, event.case)
        owners = await team_facts.owners_of(tx.conn, [event.measure])
        units = owners.get(holder.service) if holder.service is not None else None
        own = units is not None and (not units or holder.unit in units)
        if own:
            await self._teller.tell_responsible(tx, holder, told)
        await self._tell_leaders(tx, told, owners, holder if own else Responsible())

    async def _tell(
        self, tx: Tx, event: cases.MeasurePlanned | cases.MeasureChanged | cases.MeasureStopped, envelope: Envelope
    ) -> None:
        told = about_event(event.case, envelope, tx.now).saying(policy.MEASURES_CHANGED)
        holder = await facts.holder_of(tx.conn, event.case)
        await self._teller.tell_responsible(tx, holder, told)
        units = await team_facts.units_in(tx.conn, event.case)
        members = {
            service: units.get(service, frozenset()) for service in await team_facts.members_of(tx.conn, event.case)
        }
        await self._tell_leaders(tx, told, members, Responsible())
        await tell_guardians(tx, about_event(event.case, envelope, tx.now).saying(policy.GUARDIANS_MEASURES))

    async def _tell_leaders(
        self, tx: Tx, told: Telling, services: dict[Service, frozenset[UnitId]], holder: Responsible
    ) -> None:
        home = frozenset() if holder.unit is None else frozenset({holder.unit})
        named = {service: units | home if holder.service is service else units for service, units in services.items()}
        await self._teller.tell_services(tx, named, told)


async def tell_guardians(tx: Tx, told: Telling) -> None:
    """Let the guardians be told (seed rules 31, 101): whoever has parental responsibility when it is sent.

    It rests on parental responsibility and on no consent: one that ends takes nothing of it back, and acknowledges nothing of it.
    """
    await store.add_errand(tx.conn, told, GUARDIANS)
