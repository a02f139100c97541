"""Overriding confidentiality by law, and judging that afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from services.cases.domain import override as overrides
from services.cases.domain.access_terms import Action
from services.cases.domain.state import CaseState
from services.cases.errors import DeniedError
from services.cases.handlers.desk import Desk, change, deny, glance, look, meet, record
from services.cases.sharing_views import OverrideContent, OverrideView
from shared.aggregate import Changed, Context
from shared.contracts.access import AccessKind
from shared.contracts.cases import NotHeardReason, OverrideReason
from shared.contracts.codes import InformationCategory, Purpose, Scope
from shared.refs import CaseRef, OverrideRef
from shared.web import answer


@dataclass(frozen=True)
class NewOverride:
    """An override as it comes in; the words of its reason go to the vault."""

    section: str
    reason: OverrideReason
    text: str
    scope: Scope
    valid_to: date
    review_by: datetime
    not_heard: NotHeardReason | None
    guardians_informed: bool


async def override_confidentiality(desk: Desk, ctx: Context, case: CaseRef, new: NewOverride) -> Changed[CaseState]:
    """Share by law, without consent, for a time; a leader judges it afterwards."""
    located, acting = await meet(desk, ctx, case)
    ref = OverrideRef(desk.ids.ref("ovr"))
    command = overrides.OverrideConfidentiality(
        by=acting,
        override=ref,
        section=new.section,
        reason=new.reason,
        scope=new.scope,
        valid_to=new.valid_to,
        review_by=new.review_by,
        not_heard=new.not_heard,
        guardians_informed=new.guardians_informed,
        watch=desk.watch_of(located.municipality).role,
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: overrides.decide_override(state, command, ctx.now, desk.rules),
        lambda state, version: answer(
            OverrideView.of(state, overrides.override_of(state, ref)),
            status=201,
            version=version,
            location=f"/overrides/{ref}",
        ),
        lambda conn: desk.records.keep_override(conn, located.case, ref, new.text),
    )


async def review_override(
    desk: Desk, ctx: Context, ref: OverrideRef, *, justified: bool, guardians_informed: bool
) -> Changed[CaseState]:
    """Judge it, as the leader of the unit; what was not justified ends at once."""
    located, acting = await meet(desk, ctx, ref)
    command = overrides.ReviewOverride(
        by=acting, override=ref, justified=justified, guardians_informed=guardians_informed
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: overrides.decide_review(state, command, ctx.now),
        lambda state, version: answer(
            OverrideView.of(state, overrides.override_of(state, ref)), status=201, version=version
        ),
    )


async def note_guardians_informed(desk: Desk, ctx: Context, ref: OverrideRef) -> Changed[CaseState]:
    """Note that the guardians have been told of it; known already, the answer is a look like any other."""
    located, acting = await meet(desk, ctx, ref)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: overrides.decide_informed(state, acting, ref, ctx.now),
        lambda state, version: answer(
            OverrideView.of(state, overrides.override_of(state, ref)), status=201, version=version
        ),
        looks=acting,
    )


async def list_overrides(desk: Desk, ctx: Context, case: CaseRef) -> tuple[list[OverrideView], int]:
    """Return the case's overrides, without the words; recorded as a look at them."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.READ_OVERRIDE)
    return [OverrideView.of(looked.state, one) for one in looked.state.overrides.values()], looked.version


async def read_override(desk: Desk, ctx: Context, ref: OverrideRef) -> tuple[OverrideContent, int]:
    """Return an override with the words of its reason; the look is recorded before they leave."""
    located, acting = await meet(desk, ctx, ref)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_OVERRIDE)
            present = overrides.override_of(looked.state, ref)
            text = await desk.records.override(conn, located.case, ref)
            shown = frozenset({InformationCategory.CONCERN})
            await record(
                desk,
                ctx,
                conn,
                looked,
                shown=shown,
                kind=AccessKind.READ,
                purpose=Purpose.OVERSIGHT,
                not_for_guardians=present.not_for_guardians,
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return OverrideContent(**dict(OverrideView.of(looked.state, present)), text=text), looked.version
