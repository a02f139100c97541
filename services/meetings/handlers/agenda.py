"""Items brought, accepted and taken off; the agenda as each may see it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final

from services.meetings import lifted_store, own_family_store, store
from services.meetings.domain.agenda import (
    NewItem,
    check_item,
    decide_accept,
    decide_add_item,
    decide_remove,
    matter_of,
    may_hear,
)
from services.meetings.domain.answering import invited_family
from services.meetings.domain.lifting import LiftedStanding
from services.meetings.domain.meeting import MEETING, Item, ItemStatus, MeetingState, Status, require
from services.meetings.domain.modes import judge_named
from services.meetings.domain.own_family import family_seats, leaving, leaving_services
from services.meetings.domain.projection import KnownCase, present
from services.meetings.errors import (
    CaseClosedError,
    ForeignCaseError,
    MayNotAcceptError,
    UnknownError,
    UnknownItemError,
)
from services.meetings.handlers.desk import (
    Desk,
    Found,
    Looked,
    acting,
    anonymous,
    consents_now,
    families_of,
    find,
    record,
)
from services.meetings.views import (
    AgendaView,
    ItemView,
    LiftedToView,
    added_item_view,
    item_view,
    meeting_view,
    template_view,
    there,
)
from shared.aggregate import Answer, Changed, Context
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.base import EventData
from shared.contracts.codes import NOT_PUBLIC, Service
from shared.contracts.meetings import ItemMode, Seat
from shared.db import Connection
from shared.refs import CaseRef, ItemRef, MeetingRef, is_protected
from shared.web import answer

ITEM_TEXT: Final = "agenda-item"


def keeper(meeting: MeetingRef, item: Item | NewItem) -> str:
    """Return whose key an item's texts are sealed under: the child's when it is named, so that they go when the child's do."""
    return item.case if item.case is not None else meeting


def text_record(item: ItemRef) -> str:
    """Return under which name the vault keeps an item's text."""
    return f"item/{item}"


async def add_item(desk: Desk, ctx: Context, meeting: MeetingRef, new: NewItem) -> Changed[MeetingState]:
    """Bring an item (seed rules 2, 4, 5, 7, 22).

    Raises:
        MeetingsError: see `domain.agenda`; `UnknownError`; for a case that is none of the actor's `ForeignCaseError`, recorded.
        UnavailableError: a named one, and it is not known whether what is known of its consent is fresh.
    """
    found = await find(desk, ctx, meeting)
    check_item(found.rules.mode.policy, new)
    if new.mode is ItemMode.NAMED:
        return await _add_named(desk, ctx, meeting, found, new)
    if new.mode is ItemMode.ANONYMOUS:
        ctx = anonymous(desk, ctx)

    def decide(state: MeetingState) -> list[EventData]:
        return decide_add_item(state, new, decides_agenda=found.decides or _hosts(ctx, state))

    async def keep(conn: Connection) -> None:
        await desk.vault.put(
            conn, owner=meeting, record=text_record(new.item), category=ITEM_TEXT, content=new.text.encode()
        )

    return await desk.journal.change(MEETING, meeting, ctx, decide, _added(new.item), also=keep)


def _hosts(ctx: Context, state: MeetingState) -> bool:
    return ctx.actor is not None and ctx.actor.unit is not None and ctx.actor.unit in state.units


async def _add_named(
    desk: Desk, ctx: Context, meeting: MeetingRef, found: Found, new: NewItem
) -> Changed[MeetingState]:
    actor = acting(ctx)
    matter = matter_of(found.state, new, actor.service, actor.unit)

    async def add(conn: Connection) -> Changed[MeetingState]:
        histories = await consents_now(desk, conn, [matter.case])
        known = (await store.hold_cases(conn, [matter.case])).get(matter.case)
        interpreters = await store.interpreters(conn, matter.case)
        families = await families_of(desk, conn, [matter.case])
        own_family = families.has(matter.case, actor.id)
        takers = await own_family_store.takers(conn, meeting)
        at = present(histories, ctx.now)

        def decide(state: MeetingState) -> list[EventData]:
            require(state, Status.CALLED)
            if (
                known is None
                or known.municipality != actor.municipality
                or not known.is_with(matter.unit)
                or own_family
            ):
                raise ForeignCaseError
            if not known.open:
                raise CaseClosedError
            named = judge_named(matter, state.invited, histories, at, guardians=known.guardians)
            return decide_add_item(
                state,
                new,
                decides_agenda=found.decides or _hosts(ctx, state),
                matter=matter,
                named=named,
                basis=desk.consent_basis.at(ctx.now),
                interpreters=interpreters,
                family=invited_family(found.rules),
            )

        async def keep(inner: Connection) -> None:
            await desk.vault.put(
                inner,
                owner=keeper(meeting, new),
                record=text_record(new.item),
                category=ITEM_TEXT,
                content=new.text.encode(),
            )
            await store.save_named_item(inner, new.item, meeting, matter.case)

        def told(state: MeetingState, version: int) -> Answer:
            item = state.item(new.item)
            seats = family_seats(state, item, takers, families)
            return _added(new.item, leaving_services(item, seats))(state, version)

        return await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn, also=keep)

    try:
        return await desk.change(add)
    except ForeignCaseError:
        await _record_denial(desk, ctx, matter.case)
        raise


async def _record_denial(desk: Desk, ctx: Context, case_ref: CaseRef) -> None:
    """Record that somebody reached for a case that is none of theirs, if it exists.

    The record names no meeting: an anonymous item of that meeting could be the same case.
    """
    async with desk.pool.acquire() as conn:
        known = await store.case(conn, case_ref)
        own_family = (await families_of(desk, conn, [case_ref])).has(case_ref, acting(ctx).id)
    if known is not None:
        looked = Looked(AccessKind.DENY, case_ref, reason="own-family" if own_family else "not-involved")
        denied = record(acting(ctx), looked, address_protected=is_protected(known.municipality))
        await desk.journal.record_access(replace(ctx, scope=known.municipality), [denied])


async def accept_item(desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef) -> Changed[MeetingState]:
    """Take a proposed item on the agenda.

    Raises:
        MayNotAcceptError: others decide the agenda.
        UnknownItemError: there is none such, or it names the actor's own child.
        MeetingsError: the meeting or the item has come too far; `UnknownError`.
    """
    found = await find(desk, ctx, meeting)
    if not found.decides:
        raise MayNotAcceptError
    found.state.item(item)
    await refuse_own_family(desk, ctx, meeting, found.state, item)
    return await desk.journal.change(MEETING, meeting, ctx, lambda state: decide_accept(state, item), _plain)


async def remove_item(desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef) -> Changed[MeetingState]:
    """Take an item off, for those who decide the agenda, or the unit that brought it by name.

    Raises:
        MayNotAcceptError: neither.
        MeetingsError: the meeting or the item has come too far; `UnknownError`.
    """
    state, decides = await _removable(desk, ctx, meeting, item)
    known = state.item(item)
    own = _brought(known, acting(ctx))
    if not own and known.mode is ItemMode.NAMED:
        raise UnknownItemError
    if not own and not decides:
        raise MayNotAcceptError
    await refuse_own_family(desk, ctx, meeting, state, item)
    if known.mode is ItemMode.ANONYMOUS:
        ctx = anonymous(desk, ctx)

    async def settle(conn: Connection) -> None:
        # Whoever takes it off has decided: what was lifted to this meeting does not come to the next one.
        await lifted_store.settle(conn, [item])

    return await desk.journal.change(
        MEETING, meeting, ctx, lambda state: decide_remove(state, item, "by-request"), _plain, also=settle
    )


async def _removable(desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef) -> tuple[MeetingState, bool]:
    """Return the meeting that has the item, and whether the actor decides the agenda.

    What was lifted of a unit's by name it can take back also from a meeting in which it has no seat.
    """
    try:
        found = await find(desk, ctx, meeting)
    except UnknownError:
        loaded, actor = await desk.journal.load(MEETING, meeting), acting(ctx)
        known = next((each for each in loaded.state.items if each.item == item and each.lifted), None)
        if known is None or not _brought(known, actor) or not actor.staff or loaded.scope != actor.municipality:
            raise
        return loaded.state, False
    return found.state, found.decides


def was_there(found: Found, item: Item, actor: Actor) -> bool:
    """Return whether the actor may say what came of the item: by name for those who heard it, and the unit that brought it."""
    if item.mode is not ItemMode.NAMED:
        return True
    return _brought(item, actor) or (found.seated and actor.service in item.attended_by)


def _brought(item: Item, actor: Actor) -> bool:
    """Return whether the actor's unit brought the item by name; whoever is of no public service did not (seed rule 45)."""
    public = actor.service is not None and actor.service not in NOT_PUBLIC
    return public and item.held_by_unit is not None and item.held_by_unit == actor.unit


# --- readings -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a meeting somebody may see now."""

    found: Found
    items: tuple[Item, ...]
    leave: Mapping[ItemRef, tuple[Seat, ...]]
    """Whose seats leave each of them."""
    recorded: bool
    """Whether somebody's case is among them."""


async def see(desk: Desk, ctx: Context, meeting: MeetingRef, *, only: ItemRef | None = None) -> Shown:
    """Return the items that the actor may see now, or the one asked for; the access records are committed on return.

    Raises:
        UnknownError: there is no meeting that the actor may know of.
        UnavailableError: there may be an item for the actor's service, and what is known of its consent is not fresh.
    """
    actor = acting(ctx)

    async def look(conn: Connection) -> Shown:
        found = await find(desk, ctx, meeting, conn=conn)
        candidates = [
            item
            for item in found.state.items
            if only in {None, item.item} and _may_be_for(item, actor, seated=found.seated)
        ]
        # Of an erased case there is nothing left to show, to its own unit neither.
        named = {item.case for item in candidates if item.case is not None}
        gone = await desk.vault.forgotten(conn, owners=named)
        candidates = [item for item in candidates if item.case is None or item.case not in gone]
        known = await store.hold_cases(conn, named)
        candidates = [item for item in candidates if item.case is None or _is_here(known.get(item.case))]
        own = {item.item for item in candidates if item.case is not None and _is_own(item, actor, known)}
        # Whoever only leads, or calls, hears by name what is their own unit's and nothing more.
        candidates = [item for item in candidates if item.case is None or found.seated or item.item in own]
        # The unit that has the case needs no consent to see its own item.
        asked = {item.case for item in candidates if item.case is not None and item.item not in own}
        histories = await consents_now(desk, conn, asked)
        at = present(histories, ctx.now)
        families = await families_of(desk, conn, named)
        items = tuple(
            item
            for item in candidates
            if may_hear(
                item,
                actor.service,
                histories,
                at,
                own=item.item in own,
                own_family=families.has(item.case, actor.id),
            )
        )
        looks = [
            _look(desk, ctx, actor, meeting, item, own=item.item in own) for item in items if item.case is not None
        ]
        await desk.journal.record_access(ctx, looks, conn=conn)
        takers = await own_family_store.takers(conn, meeting) if looks else {}
        seats = {item.item: family_seats(found.state, item, takers, families) for item in items}
        leave = {item.item: leaving(found.state, item, seats[item.item]) for item in items}
        return Shown(found, items, leave, recorded=bool(looks))

    shown = await desk.transaction(look)
    if shown.recorded:
        desk.journal.nudge()
    return shown


def _is_here(known: KnownCase | None) -> bool:
    """Return whether the case is still somebody's here: what goes on elsewhere is not, to its last unit neither."""
    return known is not None and not known.elsewhere


def _is_own(item: Item, actor: Actor, known: Mapping[CaseRef, KnownCase]) -> bool:
    """Return whether the actor's unit brought the item and has its case still: what it sees without consent goes with the baton."""
    case = None if item.case is None else known.get(item.case)
    return case is not None and item.held_by_unit == actor.unit and case.is_with(actor.unit)


def _may_be_for(item: Item, actor: Actor, *, seated: bool) -> bool:
    """Return whether it need be asked at all if the actor may see the item."""
    if item.status is ItemStatus.REMOVED:
        return False
    if item.mode is not ItemMode.NAMED:
        return True
    return _brought(item, actor) or (seated and actor.service in item.covered)


def _look(desk: Desk, ctx: Context, actor: Actor, meeting: MeetingRef, item: Item, *, own: bool) -> AccessRecorded:
    recipients = () if own or actor.service is None else (_recipient(actor),)
    return record(
        actor,
        Looked(
            kind=AccessKind.READ if own else AccessKind.DISCLOSE,
            case=there(item.case),
            meeting=meeting,
            item=item.item,
            categories=item.categories,
            purpose=item.purpose,
            basis=desk.consent_basis.at(ctx.now),
            consent=item.consent,
            consent_version=item.consent_version,
            recipients=recipients,
        ),
    )


def _recipient(actor: Actor) -> Recipient:
    return Recipient(service=there(actor.service), role=actor.access_actor().role, organisation=actor.organisation)


async def show_agenda(desk: Desk, ctx: Context, meeting: MeetingRef) -> tuple[AgendaView, int]:
    """Return the agenda as the actor may see it, and the meeting's version.

    Raises:
        what `see` raises.
    """
    shown = await see(desk, ctx, meeting)
    async with desk.pool.acquire() as conn:
        items = tuple([await _open(desk, conn, shown, meeting, item) for item in shown.items])
    found = shown.found
    template = template_view(found.rules, shown.items)
    return AgendaView(meeting=meeting, status=found.state.status, template=template, items=items), found.version


async def show_item(desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef) -> ItemView:
    """Return one item. A look at a named one that is refused is recorded.

    Raises:
        UnknownError: there is none that the actor may see.
        UnavailableError: what is known of its consent is not fresh.
    """
    try:
        shown = await see(desk, ctx, meeting, only=item)
    except UnknownError:
        await _record_refused_look(desk, ctx, meeting, item, "not-involved")
        raise
    if not shown.items:
        own_family = await _of_own_family(desk, acting(ctx), shown.found.state, item)
        await _record_refused_look(desk, ctx, meeting, item, "own-family" if own_family else "consent-missing")
        raise UnknownItemError
    async with desk.pool.acquire() as conn:
        return await _open(desk, conn, shown, meeting, shown.items[0])


async def _of_own_family(desk: Desk, actor: Actor, state: MeetingState, item: ItemRef) -> bool:
    """Return whether the item names a child whose family the actor is of."""
    case = next((each.case for each in state.items if each.item == item), None)
    if case is None:
        return False
    async with desk.pool.acquire() as conn:
        return (await families_of(desk, conn, [case])).has(case, actor.id)


async def refuse_own_family(desk: Desk, ctx: Context, meeting: MeetingRef, state: MeetingState, item: ItemRef) -> None:
    """Refuse whoever reaches for the item of their own child, as if there were none (forvaltningsloven § 6); it is recorded.

    Raises:
        UnknownItemError: it is theirs.
    """
    if await _of_own_family(desk, acting(ctx), state, item):
        await _record_refused_look(desk, ctx, meeting, item, "own-family")
        raise UnknownItemError


async def _record_refused_look(desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef, reason: str) -> None:
    loaded = await desk.journal.load(MEETING, meeting)
    asked = next((each for each in loaded.state.items if each.item == item), None)
    if asked is None or asked.case is None or loaded.scope is None:
        return
    refused = Looked(AccessKind.DENY, asked.case, meeting=meeting, item=item, reason=reason)
    await desk.journal.record_access(replace(ctx, scope=loaded.scope), [record(acting(ctx), refused)])


async def _open(desk: Desk, conn: Connection, shown: Shown, meeting: MeetingRef, item: Item) -> ItemView:
    text = await desk.vault.get(conn, owner=keeper(meeting, item), record=text_record(item.item))
    went = None if item.lifted_to is None else (await lifted_store.find(conn, [item.item])).get(item.item)
    lifted_to = None if went is None else _went(item, went)
    return item_view(shown.found.state, item, text.decode(), lifted_to, shown.leave[item.item])


def _went(item: Item, went: lifted_store.Lifted) -> LiftedToView:
    return LiftedToView(
        arena_type=there(item.lifted_to),
        standing=went.standing if item.lift_withdrawn is None else LiftedStanding.WITHDRAWN,
        withdrawn_for=item.lift_withdrawn,
        meeting=went.placed_in,
        item=None if went.placed_in is None else went.placed_as,
        held_back=went.held_back,
    )


def _added(item: ItemRef, leave: frozenset[Service] = frozenset()) -> Callable[[MeetingState, int], Answer]:
    def given(state: MeetingState, version: int) -> Answer:
        view = added_item_view(state, state.item(item), leave)
        return answer(view, status=201, version=version, location=f"/meetings/{view.meeting}/agenda-items/{view.item}")

    return given


def _plain(state: MeetingState, version: int) -> Answer:
    return answer(meeting_view(state), version=version)
