"""Searching for a child by name or national number. The search is recorded, and so is everything that it shows or refuses."""

from __future__ import annotations

from services.cases import store
from services.cases.contents import IdentityView, SearchHit, SearchResult
from services.cases.domain import search
from services.cases.domain.relations import told_relations
from services.cases.domain.search import Candidate, Judged
from services.cases.errors import UnknownPartError
from services.cases.handlers.desk import (
    Desk,
    Looked,
    actor_of,
    as_seen,
    describe_look,
    fitting_as_seen,
    interest_of,
    note_look,
)
from services.cases.records import Child, Sought
from services.cases.store import Disclosure
from shared.aggregate import Context
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.codes import InformationCategory
from shared.refs import CaseRef, LogScope

IDENTITY = frozenset({InformationCategory.IDENTITY})


async def search_child(desk: Desk, ctx: Context, sought: Sought) -> SearchResult:
    """Return the cases of children with this number or name that the actor may see.

    The same queries and the same number of keyed hashes are made whether there is no such child or one that is hidden; what is
    opened is what is shown, and, of the actor's own family, how old the child is. Nothing is answered before its record is
    committed.
    """
    actor = actor_of(ctx)
    async with desk.pool.acquire() as conn, conn.transaction():
        stranger = await as_seen(desk, ctx, conn, None)
        named_so = await desk.records.find(conn, sought, search.MOST_OF_A_NAME)
        found = await store.nearest(conn, named_so, interest_of(ctx), search.MOST_CANDIDATES)
        fitting = await store.candidates(conn, found, actor.id, ctx.now)
        seen = [await fitting_as_seen(desk, ctx, conn, one, stranger) for one in fitting]
        verdict = search.judge(seen, ctx.now)
        named = [_case(one.candidate) for one in verdict.shown if one.read is not None]
        children = await desk.records.children(conn, named)
        own = AccessRecorded(subject_ref=actor.id, kind=AccessKind.SEARCH, actor=actor.access_actor(), permitted=True)
        records: list[tuple[LogScope, AccessRecorded]] = [(ctx.scope, own)]
        records += [(one.scope, in_vain(ctx, one, _why_not(one))) for one in verdict.refused]
        told: list[tuple[Looked, frozenset[InformationCategory], list[Disclosure]]] = []
        for one in verdict.shown:
            looked, shown = _looked(one, children)
            entries, disclosures = describe_look(desk, ctx, looked, shown=shown, kind=AccessKind.SEARCH)
            records += [(looked.scope, entry) for entry in entries]
            told.append((looked, shown, disclosures))
        await desk.journal.record_each(ctx, records, conn=conn)
        for looked, shown, disclosures in told:
            await note_look(conn, ctx, looked, shown, disclosures)
    desk.journal.nudge()
    return SearchResult(items=tuple(_hit(ctx, one, children) for one in verdict.shown), more=verdict.more)


def _case(candidate: Candidate) -> CaseRef:
    if candidate.state.case is None:
        raise UnknownPartError
    return candidate.state.case


def _looked(one: Judged, children: dict[CaseRef, Child]) -> tuple[Looked, frozenset[InformationCategory]]:
    """Return the look that a hit is, and what it shows: whom the case is about, or only that there is one."""
    candidate = one.candidate
    opened = one.read is not None and _case(candidate) in children
    permit = one.read if opened and one.read is not None else one.see
    looked = Looked(candidate.state, candidate.version, candidate.scope, permit)
    return looked, IDENTITY if opened else frozenset()


def in_vain(ctx: Context, one: Candidate, reason: str) -> AccessRecorded:
    """Return what the log of a case is told of a search that was for it, and did not find it for `reason`."""
    protected = one.state.address_protected
    return AccessRecorded(
        subject_ref=_case(one),
        kind=AccessKind.SEARCH,
        actor=actor_of(ctx).access_actor(address_protected=protected),
        case=_case(one),
        permitted=False,
        reason=reason,
        address_protected=protected,
    )


def _why_not(one: Candidate) -> str:
    return "no-relation" if one.same_municipality else "other-municipality"


def _hit(ctx: Context, one: Judged, children: dict[CaseRef, Child]) -> SearchHit:
    candidate = one.candidate
    child = children.get(_case(candidate)) if one.read is not None else None
    identity = None
    if child is not None:
        identity = IdentityView(name=child.name, national_number=child.national_number, born=child.born)
    return SearchHit(
        case=_case(candidate),
        stage=candidate.state.stage,
        relations=tuple(told_relations(candidate.state, candidate.acting, ctx.now)),
        identity=identity,
    )
