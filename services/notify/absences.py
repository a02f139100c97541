"""Who is away or has left is not told what another must act on (seed rules 95, 107).

A leader who is away is told nothing: whoever their work falls to is. Of others only who has left: their cases have another holder
by then, and what is still said to them is said to whom those fell. What stands in somebody's calendar is theirs also while they
are away: they may be back by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from services.notify import absence_facts
from shared.arrivals import Handler, Tx
from shared.clock import oslo_day
from shared.contracts import cases
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.notify import Responsible
from shared.envelope import Envelope

HOPS: Final = 3
"""As often somebody who stands in may be away too."""


class Absences:
    """The handlers of absences."""

    def handlers(self) -> Mapping[type[EventData], Handler]:
        """Return the handler of each event type."""
        return {
            cases.AbsenceRegistered: self.on_registered,
            cases.AbsenceWithdrawn: self.on_withdrawn,
        }

    async def on_registered(self, tx: Tx, event: cases.AbsenceRegistered, envelope: Envelope) -> None:
        """From the day after the last one others are told."""
        _ = envelope
        back = event.back_on if event.reason is cases.AbsenceReason.AWAY else None
        party = event.falls_to
        falls_to = Responsible(actor=party.actor, role=party.role, service=party.service, unit=party.unit)
        await absence_facts.add(tx.conn, event.absence, event.person, event.unit, event.last_day, back, falls_to)

    async def on_withdrawn(self, tx: Tx, event: cases.AbsenceWithdrawn, envelope: Envelope) -> None:
        """They stay."""
        _ = envelope
        await absence_facts.remove(tx.conn, event.absence)


async def has_left(tx: Tx, to: Responsible) -> bool:
    """Return whether they do not come back."""
    away = None if to.actor is None else await absence_facts.away(tx.conn, to.actor, to.unit, oslo_day(tx.now))
    return away is not None and away.left


async def present(tx: Tx, to: Responsible) -> Responsible:
    """Return who is told in place of `to`: themselves, unless they are away and lead, or have left.

    Whoever stands in does so in that unit; what they are away from in another is nothing here.
    """
    found, today = to, oslo_day(tx.now)
    for _ in range(HOPS):
        if found.actor is None:
            return found
        away = await absence_facts.away(tx.conn, found.actor, to.unit, today)
        if away is None or not (away.left or found.role is Role.LEADER) or away.falls_to.actor is None:
            return found
        found = away.falls_to
    return found
