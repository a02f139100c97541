"""Letters: what a guardian must know of goes by post when neither e-mail nor SMS has reached them and they have not read it.

The list is for whoever has the case, and for the leader of that unit, whose office posts. It says which guardian of which case, and
never a name: that stands in the case, for those who may read it there.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from services.notify import store
from services.notify.cause import Cause
from services.notify.domain import policy
from services.notify.domain.message import MESSAGE, PostWay, decide_post
from services.notify.facts import CONSUMER
from services.notify.store import Telling
from services.notify.waiting import still_said
from shared.arrivals import Tx
from shared.calendar import add_days
from shared.contracts import cases, meetings
from shared.contracts.codes import Role
from shared.contracts.notify import Way
from shared.deadlines import Deadline, set_deadline
from shared.freshness import require_fresh
from shared.refs import MessageRef

DUE: Final = "letter-due"
"""The kind of the durable deadline after which what nobody has read goes by letter."""
DAYS: Final = 3


async def promise(tx: Tx, message: MessageRef, told: Telling, role: Role, *, days: int = DAYS) -> None:
    """Look in some days whether a letter is due, where it is something that a guardian must know of (seed rules 14, 101)."""
    if role is not Role.GUARDIAN or told.template not in policy.BY_LETTER or told.case is None:
        return
    cause = Cause.of(told)
    due = add_days(tx.now, days)
    await set_deadline(tx.conn, kind=DUE, key=message, due=due, payload=cause.written())


async def on_due(tx: Tx, deadline: Deadline, *, way: PostWay = Way.LETTER) -> None:
    """Let the letter go by post, `way`, unless it has been read, or there is nothing to answer any more.

    Raises:
        UnavailableError: what is known of the case, or of the meeting, is not fresh enough to say so.
    """
    message = MessageRef(deadline.key)
    stored = await store.lock_message(tx.conn, message)
    if stored is None or stored.read_at is not None:
        return
    await require_fresh(tx.conn, CONSUMER, cases.TOPIC, "/services/cases", key=stored.telling.case)
    if stored.telling.appointment is not None:
        meeting = stored.telling.appointment.meeting
        await require_fresh(tx.conn, CONSUMER, meetings.TOPIC, "/services/meetings", key=meeting)
    if not await still_said(tx, stored.telling, stored.role, stored.ordinal):
        return
    ctx = Cause.model_validate_json(deadline.payload).context(tx.now)
    changed = await tx.journal.change(MESSAGE, message, ctx, partial(decide_post, way=way), conn=tx.conn)
    if changed.events:
        await store.send_by(tx.conn, message, changed.state.present)
