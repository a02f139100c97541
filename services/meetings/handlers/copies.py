"""What meetings have written of a child by name, for its family to have and to keep (GDPR art. 15, 20)."""

from __future__ import annotations

from dataclasses import replace

from services.meetings import store
from services.meetings.domain.meeting import MEETING, ItemStatus
from services.meetings.errors import UnknownError
from services.meetings.handlers.agenda import keeper, text_record
from services.meetings.handlers.answers import KIN
from services.meetings.handlers.desk import Desk, Looked, acting, record
from services.meetings.handlers.holding import outcome_record
from services.meetings.views import CopiedItemView, CopyView, copied_item_view
from shared.aggregate import Context
from shared.contracts.access import AccessKind
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.refs import CaseRef, ItemRef, MeetingRef


async def take_copy(desk: Desk, ctx: Context, case: CaseRef, authorization: str) -> CopyView:
    """Return every item by name about the child, with its words and what was decided; the export is recorded before it.

    What the child decides over alone is left out for a guardian: an item is left out whole, for its words are not parted by kind.

    Raises:
        UnknownError: the case is nothing to whoever asks, as one of the child's family.
        KinUnknownError: the cases service does not say whether it is.
    """
    actor = acting(ctx)
    if actor.kind not in KIN:
        raise UnknownError
    right = await desk.kin.right_of(actor.id, case, authorization, ctx.correlation)
    async with desk.pool.acquire() as conn, conn.transaction():
        known = await store.case(conn, case)
        found = [await _copied(desk, conn, meeting, item) for meeting, item in await store.named_items(conn, case)]
        items = tuple(one for one in found if right.withheld.isdisjoint(one.categories))
        looked = Looked(
            AccessKind.EXPORT,
            case,
            categories=frozenset[InformationCategory]().union(*(one.categories for one in items)),
            basis=right.basis,
        )
        scope = ctx.scope if known is None else known.municipality
        await desk.journal.record_access(replace(ctx, scope=scope), [record(actor, looked)], conn=conn)
    desk.journal.nudge()
    return CopyView(case=case, made_at=ctx.now, left_out=tuple(sorted(right.withheld)), items=items)


async def _copied(desk: Desk, conn: Connection, meeting: MeetingRef, ref: ItemRef) -> CopiedItemView:
    state = (await desk.journal.load(MEETING, meeting, conn=conn)).state
    item = state.item(ref)
    owner = keeper(meeting, item)
    text = await desk.vault.get(conn, owner=owner, record=text_record(ref))
    decided = None
    if item.status is ItemStatus.OUTCOME_RECORDED:
        decided = (await desk.vault.get(conn, owner=owner, record=outcome_record(ref))).decode()
    return copied_item_view(state, item, text.decode(), decided)
