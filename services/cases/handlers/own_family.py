"""Who is of a child's family, as other services are told: at work nobody has to do with their own child's case."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Final

from services.cases import kin_store
from services.cases.domain.own_family import decide_mark_anew
from services.cases.handlers.desk import Desk
from services.cases.handlers.unattended import change_by_time
from services.cases.kin_store import Member
from shared.contracts.cases import FamilyMark
from shared.db import Connection
from shared.deadlines import Deadline, set_deadline
from shared.inbox import Tx
from shared.refs import ActorId, CaseRef

FAMILY_MARKS: Final = "family-marks"
"""The kind of the one deadline, for all cases."""
BATCH: Final = 50
"""How many cases are told of anew in one transaction."""


def family_of(child: ActorId, guardians: Iterable[ActorId]) -> list[Member]:
    """Return a family as it is registered: guardians in their order."""
    return [
        Member(child, "child", 1),
        *(Member(actor, "guardian", ordinal) for ordinal, actor in enumerate(guardians, start=1)),
    ]


def marked(desk: Desk, case: CaseRef, family: Iterable[Member]) -> tuple[FamilyMark, ...]:
    """Return what the events of `case` say of these."""
    return tuple(
        FamilyMark(person=one.person, ordinal=one.ordinal, marks=desk.known.family_marks(case, one.actor))
        for one in family
    )


async def promise_marks(desk: Desk, now: datetime) -> None:
    """Let it be said anew who is of the family, where a case's events do not say it, or not under the present key."""
    async with desk.pool.acquire() as conn:
        if await kin_store.untold(conn, desk.known.names.mark, 1):
            await _promise(conn, now)


async def mark_anew(desk: Desk, tx: Tx, deadline: Deadline) -> None:
    """Say it for the next cases, and promise the rest."""
    _ = deadline
    mark = desk.known.names.mark
    cases = await kin_store.untold(tx.conn, mark, BATCH)
    for case in cases:
        family = marked(desk, case, await kin_store.members(tx.conn, case))
        await change_by_time(desk, tx, case, partial(decide_mark_anew, family=family))
        await kin_store.told(tx.conn, case, mark)
    if len(cases) == BATCH:
        await _promise(tx.conn, tx.now)


async def _promise(conn: Connection, now: datetime) -> None:
    await set_deadline(conn, kind=FAMILY_MARKS, key="all", due=now)
