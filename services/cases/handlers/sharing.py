"""Saying what may be shared, why, and what would make it so if not (seed rule 106)."""

from __future__ import annotations

from services.cases.domain import sharing
from services.cases.domain.access_terms import Action
from services.cases.domain.grantors import age_on
from services.cases.domain.sharing import Ask
from services.cases.domain.shown import with_own_overrides
from services.cases.handlers.desk import Desk, glance, meet
from services.cases.handlers.reassess import standing_of
from services.cases.sharing_views import SharingView
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts.codes import GrantorClass, Scope
from shared.refs import CaseRef


async def ask_sharing(desk: Desk, ctx: Context, case: CaseRef, ask: Ask) -> tuple[SharingView, int]:
    """Return what may be shared, recorded as a question; the child's age stays here.

    Raises:
        DeniedError: after the denial was recorded.
        MunicipalityUnknownError: there is no municipality with that number.
    """
    located, acting = await meet(desk, ctx, case)
    if ask.municipality == located.municipality:
        ask = ask.model_copy(update={"municipality": None})
    looked = await glance(desk, ctx, located, acting, Action.ASK_SHARING)
    if ask.municipality is not None:
        desk.rules.require_municipality(ask.municipality, ctx.now)
    day = oslo_day(ctx.now)
    async with desk.pool.acquire() as conn:
        child = await desk.records.child(conn, located.case)
        standing = await standing_of(conn, located.case, looked.state, ctx.now)

    def needed(scope: Scope) -> dict[GrantorClass, int]:
        return desk.rules.consent.needed(born=child.born, day=day, scope=scope, standing=standing)

    known = with_own_overrides(looked.state, acting, ctx.now)
    hears = desk.team.hearing.asks_before_consent(age_on(child.born, day), day)
    judged = sharing.judge(known, ask, ctx.now, needed, hears=hears)
    whose = needed(ask.scope) if sharing.may_be_asked(known, ask) else {}
    return SharingView.of(ask, judged, whose), looked.version
