"""Telling of what is owed by a day: whoever owes it, and then the leaders."""

from __future__ import annotations

from services.notify import facts
from services.notify.cause import Cause
from services.notify.domain.owed import AT, Owed, Schedule, Step
from services.notify.facts import CONSUMER
from services.notify.handlers import Teller, telling
from shared.arrivals import Tx
from shared.calendar import at_oslo
from shared.contracts import meetings
from shared.contracts.notify import Responsible
from shared.db import Connection
from shared.deadlines import Deadline, cancel, set_deadline
from shared.envelope import Envelope
from shared.freshness import require_fresh
from shared.inbox import caused_by


async def expect(tx: Tx, schedule: Schedule, key: str, owed: Owed, envelope: Envelope) -> None:
    """Wait for it; the steps whose time was over when it was said are left out."""
    payload = Cause.of(caused_by(envelope, tx.now)).written()
    for step, moment in schedule.moments(owed.due).items():
        if moment > envelope.time:
            await set_deadline(tx.conn, kind=schedule.kind(step), key=key, due=moment, payload=payload)


async def settle(conn: Connection, schedule: Schedule, key: str) -> None:
    """Wait for it no longer."""
    for kind in schedule.kinds:
        await cancel(conn, kind=kind, key=key)


async def tell(teller: Teller, tx: Tx, deadline: Deadline, schedule: Schedule, owed: Owed | None) -> None:
    """Let a step's moment come; nothing when nobody waits any more, or a later step has come too.

    Raises:
        UnavailableError: what is known of it is not fresh enough to say that it did not come.
    """
    step = schedule.step(deadline.kind)
    if owed is None or schedule.last_of(owed.due, tx.now) is not step:
        return
    await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=deadline.key)
    ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
    told = telling(ctx, owed.told_as, due=at_oslo(owed.due, AT))
    owing = await facts.people_in(tx.conn, ctx.scope, owed.by, owed.unit)
    if step is Step.ESCALATE or not owing:
        # Where nobody is known who owes it, the leaders are the first to know.
        await teller.tell_leaders(tx, owed.led_by, told, schedule.says[step])
        return
    for actor in owing:
        to = Responsible(actor=actor, role=owed.by, unit=owed.unit)
        await teller.tell_responsible(tx, to, told.saying(schedule.says[step]))
