"""Erasing a case on request: the decision, and in the same transaction the end of its key and of all that it is found by."""

from __future__ import annotations

from services.cases.domain import erasure
from services.cases.domain.state import CaseState
from services.cases.handlers.answers import case_for
from services.cases.handlers.desk import CASE, Desk, change, meet
from services.cases.handlers.ending import erase_apart, erase_content
from shared.aggregate import Changed, Context
from shared.db import Connection
from shared.refs import CaseRef


async def erase_case(desk: Desk, ctx: Context, case: CaseRef) -> Changed[CaseState]:
    """Erase an ended case (GDPR art. 17). The events and the log stay; what they refer to is noise from now on."""
    located, acting = await meet(desk, ctx, case)

    async def erase(conn: Connection) -> None:
        await erase_content(desk, conn, located.case)
        await erase_apart(desk, conn, (await desk.journal.load(CASE, located.case, conn=conn)).state)

    return await change(
        desk,
        ctx,
        located.case,
        lambda state: erasure.decide_erase_on_request(state, acting, ctx.now, desk.rules),
        case_for(acting, ctx.now),
        erase,
    )
