"""Emergency access by the child's national number: who is in an emergency knows a number, and no reference.

To be told that there is a case is to be told something of the child. So a number finds nothing without opening it: each case that
it leads to is opened, and owes its review. Where nothing is opened, the answer and the work for it are the same, whether there is
no such child or one that is hidden.
"""

from __future__ import annotations

from dataclasses import replace

from services.cases import store
from services.cases.domain import glass as glasses
from services.cases.domain import search
from services.cases.domain.acting import Acting
from services.cases.domain.search import Candidate
from services.cases.domain.state import CaseState
from services.cases.errors import CaseError, GlassOpenError, GlassUnneededError, NotInvolvedError, UnknownPartError
from services.cases.handlers.desk import Desk, actor_of
from services.cases.handlers.glass import Emergency, check, open_case
from services.cases.handlers.searching import in_vain
from services.cases.records import Sought
from services.cases.store import Located
from services.cases.views import GlassView
from shared.aggregate import Changed, Context
from shared.contracts.access import AccessKind, AccessRecorded
from shared.errors import StaleVersionError
from shared.refs import CaseRef, LogScope
from shared.web import Page, answer


async def break_glass_by_number(
    desk: Desk, ctx: Context, national_number: str, emergency: Emergency
) -> Changed[CaseState]:
    """Open the cases of the child with this number in the actor's municipality, and answer with all that was opened.

    Each is a change of its own, under a key of its own that follows from the client's: whoever repeats the request after it was
    broken off gets the same, and what is left.

    Raises:
        GlassNotAllowedError: see `glass.check_request`; nothing is looked for.
        StaleVersionError: a version is named; nothing is looked for either.
        UnknownPartError: there is no such child, or none whose case may be opened.
        GlassOpenError, GlassUnneededError: nothing was opened, because the actor sees it already; the error says which cases.
    """
    stranger = await check(desk, ctx, emergency)
    if ctx.if_match is not None:
        # No version is named by a number. Refused for a case that there is, it would tell of that one, and open nothing.
        raise StaleVersionError
    there = await _find(desk, ctx, stranger, national_number, emergency)
    opened: list[Changed[CaseState]] = []
    refused: dict[CaseRef, CaseError] = {}
    for case, candidate in sorted(there.items()):
        try:
            opened.append(await _open(desk, ctx, case, candidate, emergency))
        except (GlassOpenError, GlassUnneededError) as error:
            refused[case] = error
        except NotInvolvedError:
            # It was hidden or erased since it was found. The denial is recorded.
            continue
    if opened:
        views = [GlassView.model_validate_json(one.answer.body) for one in opened if one.answer is not None]
        told = answer(Page[GlassView](items=views), status=201)
        return opened[-1]._replace(answer=told, replayed=all(one.replayed for one in opened))
    if refused:
        raise type(next(iter(refused.values())))(extensions={"cases": [*refused]})
    raise UnknownPartError


async def _open(
    desk: Desk, ctx: Context, case: CaseRef, candidate: Candidate, emergency: Emergency
) -> Changed[CaseState]:
    key = ctx.idempotency
    if key is not None:
        # Under the client's key alone, one used before would be refused where there is a child, and nowhere else: it would tell.
        ctx = replace(ctx, idempotency=replace(key, key=f"{key.key}/{case}"))
    located = Located(case, actor_of(ctx).municipality)
    return await open_case(desk, ctx, located, candidate.acting, emergency)


async def _find(
    desk: Desk, ctx: Context, stranger: Acting, national_number: str, emergency: Emergency
) -> dict[CaseRef, Candidate]:
    """Return the cases that may be opened. That somebody looked is committed before anything comes of it (fail closed)."""
    actor = actor_of(ctx)
    sought = AccessRecorded(
        subject_ref=actor.id,
        kind=AccessKind.SEARCH,
        actor=actor.access_actor(),
        basis=desk.rules.basis(desk.glass.basis(emergency.reason), ctx.now),
        permitted=True,
        reason=emergency.reason,
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        cases = await desk.records.find(conn, Sought(national_number=national_number), search.MOST_CANDIDATES)
        fitting = await store.candidates(conn, cases, actor.id, ctx.now)
        found = glasses.sort_out([one.seen_by(stranger, actor.municipality) for one in fitting])
        records: list[tuple[LogScope, AccessRecorded]] = [(ctx.scope, sought)]
        records += [(one.candidate.scope, in_vain(ctx, one.candidate, one.reason)) for one in found.hidden]
        await desk.journal.record_each(ctx, records, conn=conn)
    desk.journal.nudge()
    return {one.state.case: one for one in found.there if one.state.case is not None}
