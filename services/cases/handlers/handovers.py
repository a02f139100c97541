"""Handing the baton over, and answering."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.cases import absence_store, store
from services.cases.contents import HandoverContent
from services.cases.document_store import abandon, abandoned_on_failure
from services.cases.domain import handover as handovers
from services.cases.domain.access_terms import Action, Relation
from services.cases.domain.shown import sees_handover
from services.cases.domain.state import CaseState
from services.cases.errors import CaseError, DeniedError, OwnFamilyError, ReceiverAwayError, UnknownPartError
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Keep,
    Latest,
    Looked,
    change,
    deny,
    follow,
    glance,
    look,
    meet,
    record,
)
from services.cases.handlers.moving import carry_on, prepare
from services.cases.store import Located
from services.cases.views import DocumentReceiptView, HandoverReceiptsView, HandoverView
from shared.aggregate import Answer, Changed, Context, Decision
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, HandoverReceived, HandoverRoute, Package, Party
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.refs import ActorId, CaseRef, DocumentRef, HandoverRef, LogScope, UnitId
from shared.web import answer


@dataclass(frozen=True)
class NewHandover:
    """What somebody offers, to whom."""

    kind: HandoverRoute
    receiver: Party
    categories: frozenset[InformationCategory]
    respond_by: datetime | None
    draft: bool = False
    to_municipality: LogScope | None = None


async def send_handover(
    desk: Desk,
    ctx: Context,
    case: CaseRef,
    new: NewHandover,
) -> Changed[CaseState]:
    """Offer the baton to a named receiver, or only draft the offer (seed rule 107)."""
    located, acting = await meet(desk, ctx, case)
    handover = HandoverRef(desk.ids.ref("hdo"))
    holder_away, receiver_away = await attendance(desk, ctx, located, new.receiver, new.to_municipality)
    command = handovers.SendHandover(
        by=acting,
        handover=handover,
        kind=new.kind,
        receiver=new.receiver,
        package=Package(categories=new.categories),
        respond_by=new.respond_by,
        holder_away=holder_away,
        receiver_away=receiver_away,
        to_municipality=None if new.to_municipality == located.municipality else new.to_municipality,
        held_in=await _held_in(desk, located),
    )

    kept, there = destined(desk, located.case, handover, new.receiver), new.to_municipality or located.municipality

    def decide(state: CaseState) -> list[CaseEvent]:
        if new.draft:
            return handovers.decide_propose(state, command, ctx.now, desk.rules)
        return handovers.decide_send(state, command, ctx.now, desk.rules)

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: answer(
            HandoverView.of(state, handover), status=201, version=version, location=f"/handovers/{handover}"
        ),
        kept if new.draft else given_to(ctx, located, there, new.receiver.actor, new.receiver.unit, kept),
    )


async def attendance(
    desk: Desk, ctx: Context, located: Located, receiver: Party, there: LogScope | None
) -> tuple[bool, bool]:
    """Return whether the holder is registered as away, and whether the receiver is away today, here or `there` (seed rule 107).

    Each from where they work with this case: who has left another unit is no less at work in this one.
    """
    today, municipality = oslo_day(ctx.now), located.municipality
    async with desk.pool.acquire() as conn:
        holder = (await desk.journal.load(CASE, located.case, conn=conn)).state.holder
        holder_away = holder is not None and (
            await absence_store.registered(
                conn, municipality, holder.actor, today, holder.unit or await desk.records.place(conn, located.case)
            )
            # Who turns out to be of the family may not even hand it over.
            or await store.of_family(conn, located.case, holder.actor)
        )
        away = await absence_store.away(conn, there or municipality, receiver.actor, today, receiver.unit)
    return holder_away, away is not None


async def _held_in(desk: Desk, located: Located) -> UnitId | None:
    """Return the unit that has the case, if the vault must say it: the holder of an address-protected one may have moved since."""
    async with desk.pool.acquire() as conn:
        state = (await desk.journal.load(CASE, located.case, conn=conn)).state
        hidden = state.address_protected and state.holder is not None
        return await desk.records.place(conn, located.case) if hidden else None


async def send_proposed(desk: Desk, ctx: Context, handover: HandoverRef) -> Changed[CaseState]:
    """Send what was drafted; everything is judged now."""
    located, acting = await meet(desk, ctx, handover)
    async with desk.pool.acquire() as conn:
        draft = (await desk.journal.load(CASE, located.case, conn=conn)).state.handovers.get(handover)
        unit = await desk.records.destination(conn, located.case, handover)
    if draft is None:
        raise UnknownPartError
    # Of an address-protected case the vault knows the unit, and the draft does not.
    receiver = draft.receiver.model_copy(update={"unit": draft.receiver.unit or unit})
    _, receiver_away = await attendance(desk, ctx, located, receiver, draft.to_municipality)
    command = handovers.SendHandover(
        by=acting,
        handover=handover,
        kind=draft.way,
        receiver=receiver,
        package=draft.package,
        respond_by=draft.respond_by,
        receiver_away=receiver_away,
        to_municipality=draft.to_municipality,
        held_in=await _held_in(desk, located),
    )
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: handovers.decide_send_proposed(state, command, ctx.now, desk.rules),
        lambda state, version: answer(HandoverView.of(state, handover), status=201, version=version),
        given_to(ctx, located, draft.to_municipality or located.municipality, receiver.actor, receiver.unit),
    )


def given_to(
    ctx: Context, located: Located, there: LogScope, receiver: ActorId, unit: UnitId | None, keep: Keep | None = None
) -> Keep:
    """Return what refuses, in the command's own transaction, when the receiver is away from `unit` by now, and then does `keep`.

    What the decision knew was read before, and whatever is sent after the absence began is found by nobody (seed rule 107).

    Raises:
        ReceiverAwayError: the receiver is away, or has left.
        OwnFamilyError: the receiver is of the child's family.
    """

    async def kept(conn: Connection) -> None:
        if await absence_store.away_for_good(conn, there, receiver, oslo_day(ctx.now), unit) is not None:
            raise ReceiverAwayError
        if await store.of_family(conn, located.case, receiver):
            raise OwnFamilyError
        if keep is not None:
            await keep(conn)

    return kept


def destined(desk: Desk, case: CaseRef, handover: HandoverRef, receiver: Party) -> Keep | None:
    """Return what keeps the unit a handover goes to, for the acceptance: in an address-protected case no event says it."""
    unit = receiver.unit
    return None if unit is None else lambda conn: desk.records.keep_destination(conn, case, handover, unit)


async def answer_handover(
    desk: Desk, ctx: Context, handover: HandoverRef, reject: handovers.RejectReason | None, text: str | None
) -> Changed[CaseState]:
    """Accept, or reject with a reason; on behalf of the receiver when its leader answers (seed rule 107)."""
    located, acting = await meet(desk, ctx, handover)
    async with desk.pool.acquire() as conn:
        sent_to = await desk.records.destination(conn, located.case, handover)
        before = (await desk.journal.load(CASE, located.case, conn=conn)).state
        present = before.handovers.get(handover)
        there = located.municipality if present is None else present.to_municipality or located.municipality
        works = None if present is None else present.receiver.unit or sent_to
        receiver_away = present is not None and bool(
            await absence_store.away(conn, there, present.receiver.actor, oslo_day(ctx.now), works)
        )
    protected = before.address_protected
    moves = reject is None and present is not None and present.way is HandoverRoute.MUNICIPALITY
    command = handovers.AnswerHandover(
        by=acting, handover=handover, reject=reject, sent_to=sent_to, receiver_away=receiver_away
    )
    receiver = None if present is None or reject is not None else present.receiver.actor
    goes = moves and _would_answer(before, command, ctx.now)
    successor = await prepare(desk, before, present if goes else None)

    async def keep(conn: Connection) -> None:
        if text is not None:
            await desk.records.keep_rejection(conn, located.case, handover, text)
        # The case is where the baton is, whoever coordinates it from where.
        baton = present is not None and present.coordination is None
        if reject is None and sent_to is not None and protected and baton:
            await desk.records.keep_place(conn, located.case, sent_to)
        if reject is None and sent_to is not None and protected and present is not None and not baton:
            await desk.records.keep_coordinates_from(conn, located.case, present.receiver.actor, sent_to)
        if moves:
            await carry_on(desk, ctx, conn, located, acting, handover, successor)

    def view(state: CaseState, version: int) -> Answer:
        shown = HandoverView.of(state, handover)
        return answer(
            shown.model_copy(update={"carried_on_as": successor.case}) if moves else shown, status=201, version=version
        )

    async with abandoned_on_failure(successor.written):
        changed = await change(
            desk,
            ctx,
            located.case,
            lambda state: handovers.decide_answer(state, command, ctx.now),
            view,
            keep if receiver in {None, acting.actor} else given_to(ctx, located, there, receiver, works, keep),
        )
    if changed.replayed:
        await abandon(successor.written)
    return changed


def _would_answer(state: CaseState, command: handovers.AnswerHandover, now: datetime) -> bool:
    """Return whether the answer is allowed as the case stands: for a refused one no document is sealed anew."""
    try:
        handovers.decide_answer(state, command, now)
    except CaseError:
        return False
    return True


async def withdraw_handover(desk: Desk, ctx: Context, handover: HandoverRef) -> Changed[CaseState]:
    """Take the offer back."""
    located, acting = await meet(desk, ctx, handover)
    command = handovers.WithdrawHandover(by=acting, handover=handover)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: handovers.decide_withdraw(state, command, ctx.now),
        lambda state, version: answer(HandoverView.of(state, handover), status=201, version=version),
    )


async def read_handover(desk: Desk, ctx: Context, handover: HandoverRef) -> tuple[HandoverContent, int]:
    """Return a handover. The receiver's first look is the receipt: the sender sees that it has arrived."""
    located, acting = await meet(desk, ctx, handover)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            await note_receipt(desk, ctx, conn, located.case, handover)
            looked = await look(desk, ctx, conn, located, acting, Action.SEE_HANDOVER)
            view = _seen(looked, handover)
            rejection = None
            # The words are for whoever sent it, and holds on: not for the next who has the baton.
            if looked.permit.relation is Relation.HOLDER and view.sender.actor == acting.actor:
                rejection = await desk.records.rejection(conn, located.case, handover)
            shown = frozenset() if rejection is None else frozenset({InformationCategory.PLAN})
            await record(desk, ctx, conn, looked, shown=shown, purpose=None)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return HandoverContent(**dict(view), rejection=rejection), looked.version


async def read_receipts(desk: Desk, ctx: Context, handover: HandoverRef) -> tuple[HandoverReceiptsView, int]:
    """Return which documents of a handover have been opened, and when: a receipt for each."""
    located, acting = await meet(desk, ctx, handover)
    looked = await glance(desk, ctx, located, acting, Action.SEE_HANDOVER)
    present = _seen(looked, handover)
    opened_at: datetime | None = None
    received_at: dict[DocumentRef, datetime] = {}
    for envelope, event in await desk.journal.history(CASE, located.case):
        if isinstance(event, HandoverReceived) and event.handover == handover:
            opened_at = opened_at or envelope.time
            for document in event.documents:
                received_at.setdefault(document, envelope.time)
    documents = tuple(DocumentReceiptView(document=one, received_at=received_at.get(one)) for one in present.documents)
    view = HandoverReceiptsView(handover=handover, status=present.status, opened_at=opened_at, documents=documents)
    return view, looked.version


def _seen(looked: Looked, handover: HandoverRef) -> HandoverView:
    """Return the handover, if it is one of those that the reader is shown."""
    view = HandoverView.of(looked.state, handover)
    if not sees_handover(looked.state.handovers[handover], [looked.permit.relation]):
        raise UnknownPartError
    return view


async def note_receipt(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    case: CaseRef,
    handover: HandoverRef,
    documents: tuple[DocumentRef, ...] = (),
) -> None:
    """Note what the receiver opens, if it is the receiver and the first time; in the look's transaction."""
    actor = ctx.actor
    if actor is not None:
        await _note(desk, ctx, conn, case, lambda state: handovers.decide_receive(state, handover, actor.id, documents))


async def note_opened(desk: Desk, ctx: Context, conn: Connection, case: CaseRef, document: DocumentRef) -> None:
    """Note that a document of a package is opened, if it is by the receiver and the first time; in the look's transaction."""
    actor = ctx.actor
    if actor is not None:
        await _note(desk, ctx, conn, case, lambda state: handovers.decide_open(state, document, actor.id))


async def _note(
    desk: Desk, ctx: Context, conn: Connection, case: CaseRef, decide: Callable[[CaseState], list[CaseEvent]]
) -> None:
    if not decide((await desk.journal.load(CASE, case, conn=conn)).state):
        return
    latest = Latest()
    await desk.journal.change(CASE, case, ctx, lambda state: Decision(latest.take(state, decide(state))), conn=conn)
    await follow(desk, conn, case, latest, ctx.now)
