"""What follows from the events of the vault's keeping, in their transaction: where references belong, and what falls due."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from services.cases.records import Guardian
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.safekeeping import (
    AddressProtectionSet,
    BreakGlassOpened,
    BreakGlassReviewOverdue,
    CaseContinued,
    DocumentAdded,
    GuardianshipRecorded,
    RecordWritten,
)
from shared.db import Connection
from shared.deadlines import set_deadline
from shared.refs import CaseRef

GLASS_REVIEW: Final = "glass-review"
GLASS_ESCALATION: Final = "glass-escalation"
GUARDIANSHIP: Final = "guardianship"
PROTECTION_DUE: Final = "protection-due"
QUIET_CLOSING: Final = "quiet-closing"
CHILD_PROTECTION: Final = "child-protection"


async def promise_guardianships(conn: Connection, case: CaseRef, family: Iterable[Guardian], now: datetime) -> None:
    """Promise, in a case that goes on under a new reference, the days on which parental responsibility begins or ends."""
    today = oslo_day(now)
    for one in family:
        begins, over = one.since, None if one.until is None else one.until + timedelta(days=1)
        for day in (begins, over):
            if day is not None and day >= today:
                await set_deadline(conn, kind=GUARDIANSHIP, key=f"{case}:{day}", due=start_of_day(day))


async def follow_kept(conn: Connection, event: EventData) -> list[str]:
    """Set the deadlines that `event` brings, and return the references that belong to its case from now on."""
    match event:
        case RecordWritten():
            return [event.record]
        case DocumentAdded():
            return [event.document]
        case CaseContinued():
            return [event.concern]
        case BreakGlassOpened():
            await set_deadline(conn, kind=GLASS_REVIEW, key=event.glass, due=event.review_by)
            return [event.glass]
        case BreakGlassReviewOverdue():
            await set_deadline(conn, kind=GLASS_ESCALATION, key=event.glass, due=event.escalates_at)
        case GuardianshipRecorded():
            # It begins with its first day, and ends with the day after its last.
            day = event.effective_on + timedelta(days=event.change == "ends")
            await set_deadline(conn, kind=GUARDIANSHIP, key=f"{event.case}:{day}", due=start_of_day(day))
        case AddressProtectionSet() if event.valid_to is not None:
            due = start_of_day(event.valid_to + timedelta(days=1))
            await set_deadline(conn, kind=PROTECTION_DUE, key=event.case, due=due)
        case _:
            pass
    return []
