"""Looking at cases. Content leaves only after the record of the look is committed, and only as far as the basis reaches then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from services.cases import store
from services.cases.contents import (
    ChildDossier,
    ConcernContent,
    Contact,
    Contacts,
    GuardianView,
    IdentityView,
    ObservationView,
)
from services.cases.domain import insight
from services.cases.domain.access_table import TABLE
from services.cases.domain.access_terms import Action
from services.cases.domain.grantors import age_on
from services.cases.domain.relations import relations, told_relations
from services.cases.domain.shown import Permit, as_shown
from services.cases.domain.state import ALL_CATEGORIES
from services.cases.errors import DeniedError
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Looked,
    as_seen,
    deny,
    glance,
    interest_of,
    kept_back,
    look,
    meet,
    placed,
    record,
    record_listing,
)
from services.cases.records import CONCERN, OBSERVATION, Guardian, Text
from services.cases.views import CaseSummary, CaseView, ConcernView, InsightRightView
from shared.aggregate import Context
from shared.clock import oslo_day
from shared.contracts.access import AccessKind
from shared.contracts.codes import InformationCategory, Language, Purpose, Role
from shared.db import Connection
from shared.refs import CaseRef, ConcernRef


async def list_cases(desk: Desk, ctx: Context, *, after: tuple[datetime, str] | None, limit: int) -> list[CaseSummary]:
    """Return one more than `limit` of the actor's cases, newest first; one record for the look at the list."""
    interest = interest_of(ctx)
    found: list[CaseSummary] = []
    async with desk.pool.acquire() as conn, conn.transaction():
        while len(found) <= limit:
            candidates = await store.cases_of(conn, interest, after=after, limit=limit + 1)
            if not candidates:
                break
            for case, registered_at in candidates:
                after = (registered_at, case)
                found_at = await store.locate(conn, case)
                home = None if found_at is None else found_at.municipality
                acting = await as_seen(desk, ctx, conn, case, home=home)
                state = (await desk.journal.load(CASE, case, conn=conn)).state
                there = await placed(desk, conn, state, acting)
                held = relations(there, acting, ctx.now)
                if any(Action.SEE_CASE in TABLE[relation] for relation in held) and len(found) <= limit:
                    found.append(CaseSummary.of(state, registered_at, told_relations(there, acting, ctx.now)))
        await record_listing(desk, ctx, conn)
    desk.journal.nudge()
    return found


async def read_case(desk: Desk, ctx: Context, case: CaseRef) -> tuple[CaseView, int]:
    """Return a case without identity."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.SEE_CASE)
    async with desk.pool.acquire() as conn:
        there = await placed(desk, conn, looked.state, acting)
    # By where its parts are, as everything else of it is judged; of what is shown no event says where that is.
    told = told_relations(there, acting, ctx.now)
    return CaseView.of(as_shown(looked.state, acting, ctx.now), told), looked.version


async def read_concern(desk: Desk, ctx: Context, concern: ConcernRef) -> tuple[ConcernContent, int]:
    """Return a concern with its words, to whoever holds it."""
    located, acting = await meet(desk, ctx, concern)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_CONCERN)
            text = ""
            by_category = InformationCategory.CONCERN in looked.permit.categories
            if by_category or concern in looked.permit.own:
                text = await desk.records.concern(conn, located.case, concern)
            shown = frozenset({InformationCategory.CONCERN}) if text else frozenset[InformationCategory]()
            none = frozenset[InformationCategory]()
            await record(
                desk, ctx, conn, looked, shown=shown if by_category else none, own=none if by_category else shown
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return ConcernContent(**dict(ConcernView.of(looked.state, concern)), text=text), looked.version


async def read_child(
    desk: Desk, ctx: Context, case: CaseRef, purpose: Purpose | None = None
) -> tuple[ChildDossier, int]:
    """Return what the vault holds of the child, as far as the basis reaches for `purpose` at this moment (seed rules 4, 106)."""
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_CHILD, purpose)
            allowed = looked.permit.categories
            child = await desk.records.child(conn, located.case) if InformationCategory.IDENTITY in allowed else None
            guardians = (
                await desk.records.guardians_on(conn, located.case, oslo_day(ctx.now))
                if InformationCategory.CONTACT in allowed
                else ()
            )
            kept = await kept_back(desk, ctx, conn, located.case, acting)
            texts = [one for one in await desk.records.texts(conn, located.case, allowed) if one.record not in kept]
            shown = {text.category for text in texts}
            shown |= {InformationCategory.IDENTITY} if child is not None else set()
            shown |= {InformationCategory.CONTACT} if guardians else set()
            own = await own_texts(desk, conn, looked, beside=texts)
            await record(desk, ctx, conn, looked, shown=frozenset(shown), own=frozenset(text.category for text in own))
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    identity = None
    if child is not None:
        identity = IdentityView(name=child.name, national_number=child.national_number, born=child.born)
    records = [ObservationView(record=text.record, category=text.category, text=text.text) for text in [*texts, *own]]
    return _dossier(located.case, looked.permit, identity, guardians, records), looked.version


async def read_contacts(desk: Desk, ctx: Context, case: CaseRef) -> tuple[Contacts, int]:
    """Return where the guardians are reached, to a service account that is entitled to it; recorded as a disclosure."""
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_CONTACTS)
            today = oslo_day(ctx.now)
            child = await desk.records.child(conn, located.case)
            age = age_on(child.born, today)
            # Of a grown-up's case no guardian is told any more, whether the birthday was acted on or not.
            theirs = desk.rules.insight_row(age, today).guardian
            guardians = await desk.records.guardians_on(conn, located.case, today) if theirs else ()
            await record(
                desk,
                ctx,
                conn,
                looked,
                shown=frozenset({InformationCategory.CONTACT}),
                kind=AccessKind.DISCLOSE,
                purpose=Purpose.NOTIFICATION,
            )
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    contacts = tuple(
        Contact(
            recipient=one.actor,
            role=Role.GUARDIAN,
            ordinal=one.ordinal,
            language=one.language,
            email=one.email,
            phone=one.phone,
        )
        for one in guardians
    )
    # From the first of the ages at which it is asked anew who may consent, the child is told itself, where it signs in.
    if age >= min(desk.rules.consent.ages(today), default=0):
        actor = await desk.known.of_pid(child.national_number)
        youth = Contact(recipient=actor, role=Role.CHILD, ordinal=1, language=Language.NB, email=None, phone=None)
        contacts = (*contacts, youth)
    return Contacts(case=located.case, contacts=contacts), looked.version


async def read_insight_right(desk: Desk, ctx: Context, case: CaseRef) -> tuple[InsightRightView, int]:
    """Return what a report on who has seen this case may tell the actor; the audit service asks with the actor's own token."""
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.ASK_INSIGHT)
            child = await desk.records.child(conn, located.case)
            right = insight.decide_right(
                acting,
                looked.permit.relation,
                desk.rules.insight_row(age_on(child.born, oslo_day(ctx.now)), oslo_day(ctx.now)),
                await store.family(conn, located.case),
            )
            guardians = await desk.records.guardians(conn, located.case)
            await record(desk, ctx, conn, looked, shown=frozenset())
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    asking = desk.ids.event_id()
    view = InsightRightView(
        case=located.case,
        actor=acting.actor,
        relation=right.relation,
        log=looked.scope,
        address_protected=looked.state.address_protected,
        asking=asking,
        # In an order that tells nothing either.
        left_out=tuple(sorted(veil for actor in right.left_out for veil in desk.known.veils(actor, asking))),
        withheld=tuple(sorted(right.withheld)),
        basis=desk.rules.basis(looked.permit.basis, ctx.now),
        language=next((one.language for one in guardians if one.actor == acting.actor), None),
    )
    return view, looked.version


async def own_texts(desk: Desk, conn: Connection, looked: Looked, *, beside: Sequence[Text]) -> list[Text]:
    """Return what the actor's unit recorded itself, beside what a consent shows: the baton may have been elsewhere since."""
    own, concern, case = looked.permit.own, looked.state.concern, looked.state.case
    if not own or case is None:
        return []
    known = {text.record for text in beside}
    first = own if concern is None or concern.ref not in own else own | {CONCERN, OBSERVATION}
    return [
        text
        for text in await desk.records.texts(conn, case, ALL_CATEGORIES)
        if text.record not in known and owned(text.record, first)
    ]


def owned(record: str, own: frozenset[str]) -> bool:
    """Return whether a record of the vault is one of `own`: by the reference it ends with, or a concern's with what was seen."""
    whole, part = record, record.rpartition("/")[2]
    return part in own or whole in own or (OBSERVATION in own and whole.startswith(OBSERVATION))


def _dossier(
    case: CaseRef,
    permit: Permit,
    identity: IdentityView | None,
    guardians: Sequence[Guardian],
    records: Sequence[ObservationView],
) -> ChildDossier:
    reachable = tuple(
        GuardianView(
            ordinal=one.ordinal,
            actor=one.actor,
            name=one.name,
            language=one.language,
            email=one.email,
            phone=one.phone,
        )
        for one in guardians
    )
    return ChildDossier(
        case=case,
        basis=permit.basis,
        consent=permit.consent,
        consent_version=permit.consent_version,
        purpose=permit.purpose,
        categories=tuple(sorted(permit.categories)),
        identity=identity,
        guardians=reachable,
        records=tuple(records),
    )
