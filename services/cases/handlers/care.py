"""Recording who has the care of the child."""

from __future__ import annotations

from services.cases.domain.care import RecordCareOrder, decide_care_order
from services.cases.domain.state import CaseState
from services.cases.handlers.desk import Desk, change, meet
from services.cases.sharing_views import CareView
from shared.aggregate import Changed, Context
from shared.refs import CaseRef, DocumentRef
from shared.web import answer


async def record_care_order(
    desk: Desk, ctx: Context, case: CaseRef, *, in_force: bool, note: str
) -> Changed[CaseState]:
    """Record that the child welfare service has taken over care, or given it back; consents are judged anew at once."""
    located, acting = await meet(desk, ctx, case)
    decision = DocumentRef(desk.ids.ref("doc"))
    command = RecordCareOrder(by=acting, in_force=in_force, decision=decision)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: decide_care_order(state, command, ctx.now),
        lambda state, version: answer(
            CareView(case=located.case, in_force=state.care_order, decision=decision), status=201, version=version
        ),
        lambda conn: desk.records.keep_decision(conn, located.case, f"care-{decision}", note),
    )
