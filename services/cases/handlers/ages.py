"""Looking at every child's age once a day, and doing what it brings: who may consent is asked anew, the child is of age.

One durable deadline for all cases, due when a day begins in Norway, reads birth dates from the vault in batches. Whom a birthday
concerns has a deadline of its own from then on, due at once, so that one that fails is tried again and parked by itself. A day
that nobody looked, because nothing ran, is looked at with the next.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType
from typing import Final

import structlog
from pydantic import ValidationError

from services.cases import ages_store
from services.cases.ages_store import Since
from services.cases.domain import ending
from services.cases.domain.ages import nothing_to_come, passed
from services.cases.domain.grantors import age_on
from services.cases.domain.moments import CHILD_AGE, CHILD_AGES, CHILD_BORN
from services.cases.handlers.around import tomorrow
from services.cases.handlers.desk import Desk
from services.cases.handlers.ending import adulthood_approaching, adulthood_reached
from services.cases.handlers.reassess import reassess_case
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.db import Connection
from shared.deadlines import Deadline, set_deadline
from shared.errors import NotFoundError
from shared.inbox import Tx
from shared.keys import KeyUnavailableError, TamperedError
from shared.refs import CaseRef
from shared.vault import ShreddedError

BATCH: Final = 200
"""How many are looked at in one transaction."""
AGAIN: Final = timedelta(hours=1)
"""When those that could not be read are tried again."""

log = structlog.get_logger(__name__)


class _Round(Model):
    """How far a day's round has come."""

    after: str = ""
    """The case that was looked at last; empty: none yet."""
    unreadable: int = 0


async def look_at_ages(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """A day has begun: look at the next of the children, and promise the rest of the round, or the next day's."""
    done = _Round.model_validate_json(deadline.payload)
    today = oslo_day(tx.now)
    ages = desk.rules.consent.ages(today)
    batch = await ages_store.to_look_at(tx.conn, today, done.after, BATCH)
    births, shredded = await births_of(desk, tx.conn, [look.case for look in batch])
    for look in batch:
        if look.case in births and passed(births[look.case], look.on, today, ages):
            await ages_store.act_on(tx.conn, look, tx.now)
    over = [case for case, day in births.items() if nothing_to_come(day, today, ages)]
    await ages_store.looked(tx.conn, list(births), today)
    await ages_store.unwatch(tx.conn, [*over, *shredded])
    unreadable = done.unreadable + len(batch) - len(births) - len(shredded)
    if len(batch) == BATCH:
        following = _Round(after=batch[-1].case, unreadable=unreadable).model_dump_json()
        await set_deadline(tx.conn, kind=deadline.kind, key=deadline.key, due=tx.now, payload=following)
        return
    due = tomorrow(tx.now)
    if unreadable:
        # Their last look stays what it was: when they can be read again, nothing is missed.
        log.warning("ages_unreadable", count=unreadable)
        due = min(due, tx.now + AGAIN)
    await set_deadline(tx.conn, kind=deadline.kind, key=deadline.key, due=due)


async def on_birthday(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Since the last look the child has come of an age that matters, or will soon be of age."""
    case = CaseRef(deadline.key)
    try:
        born = (await desk.records.child(tx.conn, case)).born
    except ShreddedError:
        return
    today = oslo_day(tx.now)
    since = Since.model_validate_json(deadline.payload).since
    found = passed(born, since, today, desk.rules.consent.ages(today))
    if found.soon_of_age:
        await adulthood_approaching(desk, tx, case)
    if found.of_age:
        await adulthood_reached(desk, tx, case)
    for reason in found.reasons:
        await reassess_case(desk, tx, case, reason, once=True)


async def on_birth_date(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """The birth date is new here or was corrected, or the case goes on under another reference: what lies behind is acted on."""
    case = CaseRef(deadline.key)
    try:
        born = (await desk.records.child(tx.conn, case)).born
    except ShreddedError:
        return
    today, of_age = oslo_day(tx.now), ending.of_age_at(born)
    if ending.told_at(born) <= tx.now and deadline.due < of_age:
        await adulthood_approaching(desk, tx, case)
    if of_age <= tx.now:
        await adulthood_reached(desk, tx, case)
    reached = [reason for age, reason in desk.rules.consent.ages(today).items() if age <= age_on(born, today)]
    if reached:
        await reassess_case(desk, tx, case, reached[-1], only_changed=True)


async def births_of(
    desk: Desk, conn: Connection, cases: Sequence[CaseRef]
) -> tuple[Mapping[CaseRef, date], Sequence[CaseRef]]:
    """Return when the children of these cases were born, and which are shredded; what cannot be read now is in neither."""
    try:
        found = {case: child.born for case, child in (await desk.records.children(conn, cases)).items()}
    except (TamperedError, KeyUnavailableError, ValidationError):
        # One of them cannot be read, and it holds back no other.
        found = {}
    shredded: list[CaseRef] = []
    for case in cases:
        if case in found:
            continue
        try:
            found[case] = (await desk.records.child(conn, case)).born
        except ShreddedError:
            shredded.append(case)
        except (TamperedError, KeyUnavailableError, NotFoundError, ValidationError):
            continue
    return found, shredded


DEADLINES: Final[Mapping[str, Callable[[Desk, Tx, Deadline], Awaitable[None]]]] = MappingProxyType(
    {CHILD_AGES: look_at_ages, CHILD_AGE: on_birthday, CHILD_BORN: on_birth_date}
)
