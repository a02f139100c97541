"""SQL, and nothing else: up to which day the age of each case's child was looked at. A birth date is only in the vault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from services.cases.domain import ending
from services.cases.domain.moments import CHILD_AGE, CHILD_BORN
from shared.clock import oslo_day
from shared.contracts.base import Model
from shared.db import Connection
from shared.deadlines import cancel, set_deadline
from shared.refs import CaseRef


@dataclass(frozen=True, slots=True)
class Look:
    """Whose age was looked at last when."""

    case: CaseRef
    on: date


class Since(Model):
    """What the deadline of a child whose age has brought something knows: never which, nor when."""

    since: date
    """The last look before."""


async def watch(conn: Connection, case: CaseRef, born: date, now: datetime) -> None:
    """Look at the child's age every day from now on; at once, too, when part of what matters lies behind.

    To be called again when the birth date is corrected.
    """
    await conn.execute(
        "INSERT INTO age_looks (case_ref, looked_on) VALUES ($1, $2)"
        " ON CONFLICT (case_ref) DO UPDATE SET looked_on = excluded.looked_on",
        case,
        oslo_day(now),
    )
    if ending.told_at(born) <= now:
        await set_deadline(conn, kind=CHILD_BORN, key=case, due=now)


async def to_look_at(conn: Connection, today: date, after: str, limit: int) -> list[Look]:
    """Return whose age was not looked at today, at most `limit`, in order; nobody else changes them until the transaction ends."""
    rows = await conn.fetch(
        "SELECT case_ref, looked_on FROM age_looks WHERE looked_on < $1 AND case_ref > $2 ORDER BY case_ref LIMIT $3"
        " FOR UPDATE",
        today,
        after,
        limit,
    )
    return [Look(CaseRef(row["case_ref"]), row["looked_on"]) for row in rows]


async def looked(conn: Connection, cases: Sequence[CaseRef], today: date) -> None:
    """Note that the ages of these were looked at."""
    await conn.execute("UPDATE age_looks SET looked_on = $2 WHERE case_ref = ANY($1::text[])", list(cases), today)


async def unwatch(conn: Connection, cases: Sequence[CaseRef]) -> None:
    """Look at these no more."""
    await conn.execute("DELETE FROM age_looks WHERE case_ref = ANY($1::text[])", list(cases))


async def act_on(conn: Connection, look: Look, now: datetime) -> None:
    """Promise to do at once what has come since `look`. A promise that still waits covers more days, and stays."""
    waits = await conn.fetchval(
        "SELECT exists (SELECT FROM deadlines WHERE kind = $1 AND key = $2)", CHILD_AGE, look.case
    )
    if not waits:
        payload = Since(since=look.on).model_dump_json()
        await set_deadline(conn, kind=CHILD_AGE, key=look.case, due=now, payload=payload)


async def forget(conn: Connection, case: CaseRef) -> None:
    """The case is erased: nobody looks, and nothing waits."""
    await unwatch(conn, [case])
    for kind in (CHILD_AGE, CHILD_BORN):
        await cancel(conn, kind=kind, key=case)
