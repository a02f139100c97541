"""What waits is judged again when it goes out: nobody is asked what was answered, or invited to what is not.

Something waits for the morning, for a digest, for a mail server, for a letter to be due, or for the cases service to say where a
guardian is reached. What has happened meanwhile is known by the facts that events have left here. What an event takes back at once
is taken back there; here is what holds for everything else, whatever was forgotten.
"""

from __future__ import annotations

from services.notify import facts, family_facts, form_facts
from services.notify.domain import policy
from services.notify.domain.deadline import DEADLINE, OPEN
from services.notify.store import Telling
from shared.arrivals import Tx
from shared.contracts.codes import Role
from shared.refs import FormRef

AROUND_THE_CHILD = frozenset({Role.GUARDIAN, Role.CHILD})


async def still_said(tx: Tx, told: Telling, role: Role, ordinal: int | None) -> bool:
    """Return whether this is still to be said to somebody in that role, who is the `ordinal`th guardian where it is one."""
    if told.template in policy.OF_OPEN_CASES and told.case is not None and await facts.is_closed(tx.conn, told.case):
        return False
    if told.template in {policy.FORM_REQUEST, policy.FORM_REMINDER}:
        form, version, *_ = told.step.split("/")
        return await form_facts.waits_for(tx.conn, FormRef(form), int(version), ordinal or 1)
    if told.template in policy.ASKS and role in AROUND_THE_CHILD:
        return await _still_asked(tx, told, role, ordinal)
    if told.appointment is not None:
        return await _still_so(tx, told)
    return True


async def _still_asked(tx: Tx, told: Telling, role: Role, ordinal: int | None) -> bool:
    """A question about a consent, to somebody who has not answered it, while answers are waited for."""
    if told.deadline is not None:
        waited = await tx.journal.load(DEADLINE, told.deadline, conn=tx.conn)
        if waited.state.status not in OPEN:
            return False
    if told.consent is None:
        return True
    return (role.value, ordinal or 1) not in await facts.answers_to(tx.conn, told.consent)


async def _still_so(tx: Tx, told: Telling) -> bool:
    """A meeting at the time that it has, which has not begun; or one that is off, for whom it is."""
    appointment = told.appointment
    if appointment is None:
        return True
    current = await facts.appointment_of(tx.conn, appointment.meeting)
    if current is None or appointment.cancelled:
        return True
    if current.cancelled or current.starts_at != appointment.starts_at or tx.now >= current.starts_at:
        return False
    if told.template not in policy.OF_FAMILIES or told.case is None:
        return True
    return await family_facts.invited(tx.conn, appointment.meeting, told.case)
