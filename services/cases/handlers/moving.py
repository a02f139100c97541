"""A case goes on in another municipality: a case of its own there, in that municipality's log, sealed under a key of its own.

Everything happens in the transaction in which the handover is accepted, so a child is never without a case, and never has two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.cases import ages_store, kin_store, store
from services.cases.document_store import Writing
from services.cases.domain import moved
from services.cases.domain.acting import Acting
from services.cases.domain.own_family import with_family
from services.cases.domain.state import CaseState, HandoverState
from services.cases.errors import UnknownPartError
from services.cases.handlers.desk import CASE, Desk, Latest, actor_of, follow
from services.cases.handlers.kept import promise_guardianships
from services.cases.handlers.own_family import marked
from services.cases.handlers.reading import owned
from services.cases.handlers.resealing import reseal
from services.cases.records import BROUGHT
from services.cases.store import Located
from shared.aggregate import Context, Decision
from shared.calendar import start_of_day
from shared.clock import oslo_day
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.cases import Party
from shared.contracts.codes import InformationCategory, Purpose
from shared.db import Connection
from shared.refs import CaseRef, ConcernRef, DocumentRef, HandoverRef


@dataclass(frozen=True)
class Successor:
    """The case that goes on elsewhere, and the documents that were sealed for it."""

    case: CaseRef
    documents: Mapping[DocumentRef, DocumentRef]
    """Their new names, by the old ones."""
    written: list[Writing]


async def prepare(desk: Desk, state: CaseState, handover: HandoverState | None) -> Successor:
    """Name the case that will go on, and seal for it what documents go with it; no handover: none do."""
    case = CaseRef(desk.ids.ref("cas"))
    going = frozenset[DocumentRef]() if handover is None else moved.brought_documents(state, handover)
    names = {ref: DocumentRef(desk.ids.ref("doc")) for ref in sorted(going)}
    return Successor(case, names, await reseal(desk, case, names))


async def carry_on(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    located: Located,
    acting: Acting,
    handover: HandoverRef,
    successor: Successor,
) -> None:
    """Begin the successor with what the handover brings; both logs have the disclosure, this one as received.

    Raises:
        UnknownPartError: there is no such handover.
        StaleVersionError: see `moved.decide_received`.
    """
    case = successor.case
    old = (await desk.journal.load(CASE, located.case, conn=conn)).state
    present = old.handovers.get(handover)
    actor = actor_of(ctx)
    if present is None:
        raise UnknownPartError
    own = present.receiver.actor == acting.actor
    holder: Party = acting.party(address_protected=False) if own else present.receiver
    # The old case's log and idempotency are not this one's: a log of its own begins with it.
    here = replace(ctx, scope=actor.municipality, idempotency=None, if_match=None)
    brought = present.package.categories | {InformationCategory.IDENTITY}
    record = AccessRecorded(
        subject_ref=case,
        kind=AccessKind.DISCLOSE,
        actor=actor.access_actor(),
        case=case,
        categories=brought,
        documents=tuple(successor.documents.values()),
        purpose=Purpose.TRANSITION,
        basis=present.basis,
        recipients=()
        if holder.service is None
        else (Recipient(service=holder.service, role=holder.role, organisation=holder.organisation),),
        permitted=True,
    )
    latest = Latest()
    family = marked(desk, case, await kin_store.members(conn, located.case))
    concern = ConcernRef(desk.ids.ref("con"))

    def decide(state: CaseState) -> Decision:
        events = moved.decide_received(old, present, holder, case, concern, successor.documents, ctx.now, desk.rules)
        return Decision(latest.take(state, with_family(events, family)), [record])

    await desk.journal.change(CASE, case, here, decide, conn=conn)
    await store.register(conn, case, actor.municipality, ctx.now)
    await follow(desk, conn, case, latest, ctx.now)
    await _bring(desk, conn, located.case, case, old, present, ctx)
    titles = await desk.records.titles(conn, located.case)
    for before, after in successor.documents.items():
        await desk.records.keep_title(conn, case, after, old.documents[before].category, titles.get(before, ""))
    for writing in successor.written:
        await desk.documents.finish(conn, writing, None)


async def _bring(
    desk: Desk,
    conn: Connection,
    before: CaseRef,
    case: CaseRef,
    old: CaseState,
    handover: HandoverState,
    ctx: Context,
) -> None:
    """Seal what was handed over under the new case's own key: who the child and its guardians are, and the package."""
    brought = moved.brought(old, handover) | {InformationCategory.IDENTITY}
    child = await desk.records.child(conn, before)
    today = oslo_day(ctx.now)
    known = await desk.records.guardians(conn, before)
    # Of somebody who is of age nobody is a guardian any more; whoever will be one has the say from that day on there, too.
    guardians = [] if old.of_age else [one for one in known if one.until is None or today <= one.until]
    if InformationCategory.CONTACT not in brought:
        # Who must be asked is known with the child; how they are reached was not handed over.
        guardians = [one.model_copy(update={"email": None, "phone": None}) for one in guardians]
    await desk.records.keep_family(conn, case, child, guardians)
    mark = desk.known.names.mark
    await store.add_kin(
        conn, case, ctx.now, child=await desk.known.of_pid(child.national_number), guardians=[], told_under=mark
    )
    for one in guardians:
        await kin_store.put_guardian(
            conn, case, one.actor, one.ordinal, since=one.since, until=one.until, now=ctx.now, told_under=mark
        )
    # Who was a guardian is of the family there too, at work, and nothing else of them goes with it.
    await kin_store.bring_former(conn, before, case, start_of_day(today), mark)
    await promise_guardianships(conn, case, guardians, ctx.now)
    # The form, and what the sender's own unit wrote: they are the sender's, in whatever the baton came with.
    form = None if handover.form is None else old.forms.get(handover.form)
    of_form = () if form is None else (f"form/{form.ref}/{form.version}/", f"form-field/{form.ref}/{form.version}/")
    beside = [
        text
        for text in await desk.records.texts(conn, before, handover.package.categories - brought, BROUGHT)
        if text.record.startswith(of_form) or owned(text.record, old.own_records)
    ]
    await desk.records.bring(conn, before, case, brought, beside)
    await ages_store.watch(conn, case, child.born, ctx.now)
