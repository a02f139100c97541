"""What the end of a case leaves to be done later, and what is forgotten with it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from services.cases import ages_store, coming_store
from services.cases.domain import ending
from services.cases.domain.rules import Rules
from services.cases.domain.state import CaseState, Stage
from shared.contracts.base import EventData
from shared.contracts.cases import CaseClosed, CaseReopened, ConcernResolvedLocally
from shared.contracts.endings import AdulthoodReached, LegalHoldReleased
from shared.contracts.reports import ConcernReportPosted, ConcernReportReceived
from shared.db import Connection
from shared.deadlines import cancel, set_deadline
from shared.refs import CaseRef

RETENTION: Final = "retention-over"
ADULTHOOD_END: Final = "adulthood-end"


async def follow(
    conn: Connection, case: CaseRef, state: CaseState, events: Sequence[EventData], now: datetime, rules: Rules
) -> None:
    """Set and take back what the events mean for later, in their transaction."""
    for event in events:
        match event:
            case CaseClosed() | ConcernResolvedLocally():
                due = ending.erase_after(state, now, rules)
                await set_deadline(conn, kind=RETENTION, key=case, due=due)
            case CaseReopened():
                await cancel(conn, kind=RETENTION, key=case)
                if event.end_by is not None:
                    await set_deadline(conn, kind=ADULTHOOD_END, key=case, due=event.end_by)
            case LegalHoldReleased() | ConcernReportReceived() | ConcernReportPosted():
                # What should have been erased while it was held, or a report waited to go, is erased now; an open case has no
                # such time.
                if state.stage in {Stage.RESOLVED, Stage.CLOSED} and await conn.fetchval(
                    "SELECT NOT exists (SELECT FROM deadlines WHERE kind = $1 AND key = $2)", RETENTION, case
                ):
                    await set_deadline(conn, kind=RETENTION, key=case, due=now)
            case AdulthoodReached(end_by=end_by) if end_by is not None:
                await set_deadline(conn, kind=ADULTHOOD_END, key=case, due=end_by)
            case _:
                continue


async def end_guardianships(conn: Connection, case: CaseRef, at: datetime) -> None:
    """From `at` on nobody is a guardian in the case."""
    await conn.execute(
        "UPDATE kin SET until = $2 WHERE case_ref = $1 AND kind = 'guardian' AND (until IS NULL OR until > $2)",
        case,
        at,
    )


async def forget(conn: Connection, case: CaseRef) -> None:
    """Let nobody be found by the case any more: who is family, and who had been told what. The log has its entries."""
    await conn.execute("DELETE FROM kin WHERE case_ref = $1", case)
    await conn.execute("DELETE FROM disclosures WHERE case_ref = $1", case)
    for kind in (RETENTION, ADULTHOOD_END):
        await cancel(conn, kind=kind, key=case)
    await ages_store.forget(conn, case)
    await coming_store.forget(conn, case)
