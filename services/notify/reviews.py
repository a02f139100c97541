"""A reminder to whoever must review something by a day, and has not: an emergency access, what was shared by law (seed rule 95)."""

from __future__ import annotations

from datetime import datetime

from pydantic import AwareDatetime

from services.notify.cause import Cause
from services.notify.facts import CONSUMER
from services.notify.handlers import Teller, telling
from services.notify.store import Telling
from shared.arrivals import Tx
from shared.calendar import add_days
from shared.contracts import cases
from shared.deadlines import Deadline, set_deadline
from shared.freshness import require_fresh
from shared.refs import CaseRef, UnitId


class Review(Cause):
    """What is to be reviewed: the payload of its durable deadline, whose key is the reference."""

    case: CaseRef
    unit: UnitId | None = None
    """Whose leaders review it."""
    due: AwareDatetime


async def remind(
    tx: Tx,
    kind: str,
    key: str,
    told: Telling,
    *,
    case: CaseRef,
    unit: UnitId | None,
    due: datetime,
    days: int,
    since: datetime,
) -> None:
    """Promise to remind so many days before it is due; not when it was already that late at `since`, when it was asked for."""
    remind_at = add_days(due, -days)
    if remind_at > since:
        review = Review(**Cause.of(told).model_dump(), case=case, unit=unit, due=due)
        await set_deadline(tx.conn, kind=kind, key=key, due=remind_at, payload=review.written())


async def on_reminder(teller: Teller, tx: Tx, deadline: Deadline, template: str) -> None:
    """Remind of what nobody has reviewed; when the time is out already, being told that follows at once.

    Raises:
        UnavailableError: what is known of the cases is not fresh enough to say that nobody has.
    """
    review = Review.model_validate_json(deadline.payload)
    if tx.now >= review.due:
        return
    await require_fresh(tx.conn, CONSUMER, cases.TOPIC, "/services/cases", key=review.case)
    told = telling(review.context(tx.now), deadline.key, case=review.case, due=review.due)
    await teller.tell_leaders(tx, review.unit, told, template)
