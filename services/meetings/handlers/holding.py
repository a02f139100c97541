"""A meeting held, its outcomes and its minutes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from services.meetings import lifted_store, own_family_store, store
from services.meetings.domain.agenda import Outcome, check_text, decide_outcome
from services.meetings.domain.holding import (
    Discussion,
    Holding,
    decide_discussed_anonymously,
    decide_discussed_later,
    decide_hold,
    since_when,
)
from services.meetings.domain.lifting import decide_discussed_before
from services.meetings.domain.meeting import MEETING, Item, ItemStatus, MeetingState, decide_approve_minutes
from services.meetings.domain.own_family import family_seats, leaving_services
from services.meetings.domain.projection import present
from services.meetings.errors import MayNotAcceptError, UnknownError, UnknownItemError
from services.meetings.handlers import lifting
from services.meetings.handlers.agenda import keeper, refuse_own_family, see, was_there
from services.meetings.handlers.desk import (
    Desk,
    Looked,
    acting,
    anonymous,
    consents_now,
    families_of,
    find,
    record,
)
from services.meetings.handlers.surveys import ask_family_too, open_surveys
from services.meetings.views import (
    MinutesView,
    OutcomeTextView,
    held_view,
    meeting_view,
    outcome_view,
    there,
)
from shared.aggregate import Answer, Changed, Context, Decision
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded, Recipient
from shared.contracts.base import EventData
from shared.contracts.meetings import CaseDiscussed, ItemMode
from shared.db import Connection
from shared.refs import DocumentRef, ItemRef, MeetingRef
from shared.web import answer

OUTCOME: Final = "outcome"
MINUTES: Final = "minutes"


async def hold_meeting(desk: Desk, ctx: Context, meeting: MeetingRef, holding: Holding) -> Changed[MeetingState]:
    """Record that the meeting was held, and what was discussed with whom (seed rules 4, 12, 20, 54, 61).

    What was told by word of mouth is a disclosure like any other: each named item leaves its access record.

    Raises:
        MeetingsError: see `domain.holding`; `UnknownError`.
        UnknownItemError: an item is none of the meeting's, or names the actor's own child: somebody else records it.
        UnavailableError: an item was named, and what is known of its consent is not fresh.
    """
    found = await find(desk, ctx, meeting)
    actor = acting(ctx)
    items = [found.state.item(each.item) for each in holding.discussed]
    case_refs = [item.case for item in items if item.case is not None]
    unnamed = [item.item for item in items if item.mode is ItemMode.ANONYMOUS]
    for item in items:
        await refuse_own_family(desk, ctx, meeting, found.state, item.item)

    async def hold(conn: Connection) -> Changed[MeetingState]:
        await lifting.promise_if_lifted(conn, found.profile, there(found.state.arena), ctx.now)
        histories = await consents_now(desk, conn, case_refs)
        cases = await store.hold_cases(conn, [item.case for item in found.state.items if item.case is not None])
        families, takers = await families_of(desk, conn, case_refs), await own_family_store.takers(conn, meeting)
        since = since_when(
            [(told.time, event) for told, event in await desk.journal.history(MEETING, meeting, conn=conn)]
        )

        def decide(state: MeetingState) -> Decision:
            left = {
                item.item: leaving_services(item, family_seats(state, item, takers, families))
                for item in items
                if item.case is not None
            }
            events = decide_hold(
                state,
                found.profile,
                found.rules,
                holding,
                ctx.now,
                histories=histories,
                cases=cases,
                basis=desk.consent_basis.at(ctx.now),
                left=left,
                since=since,
            )
            told = [event for event in events if isinstance(event, CaseDiscussed)]
            return Decision(events, [_told(actor, meeting, event) for event in told])

        def given(state: MeetingState, version: int) -> Answer:
            return answer(held_view(state, [item.item for item in items]), version=version + len(unnamed))

        changed = await desk.journal.change(MEETING, meeting, ctx, decide, given, conn=conn)
        if changed.replayed:
            return changed
        if unnamed:
            # Apart from what carries a name: no actor, no common correlation, no common key.
            await desk.journal.change(
                MEETING,
                meeting,
                _without_key(anonymous(desk, ctx)),
                lambda state: decide_discussed_anonymously(state, unnamed),
                conn=conn,
            )
        await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
        await lifted_store.settle(conn, [item.item for item in items])
        await lifted_store.wait_again_after(conn, meeting)
        await open_surveys(desk, ctx, conn, found.profile, changed.state, holding.guardians_present)
        return changed

    return await desk.change(hold)


async def record_discussion(
    desk: Desk, ctx: Context, meeting: MeetingRef, discussion: Discussion
) -> Changed[MeetingState]:
    """Record that an item by name was discussed in a meeting that was recorded as held without it (seed rules 4, 12, 54).

    Raises:
        MeetingsError: see `domain.holding.decide_discussed_later`; `UnknownError`.
        UnknownItemError: the item is none of the meeting's, or names the actor's own child: somebody else records it.
        UnavailableError: what is known of its consent is not fresh.
    """
    found = await find(desk, ctx, meeting)
    actor, item = acting(ctx), found.state.item(discussion.item)
    await refuse_own_family(desk, ctx, meeting, found.state, item.item)
    case_refs = [] if item.case is None else [item.case]

    async def work(conn: Connection) -> Changed[MeetingState]:
        histories = await consents_now(desk, conn, case_refs)
        cases = await store.hold_cases(conn, case_refs)
        families, takers = await families_of(desk, conn, case_refs), await own_family_store.takers(conn, meeting)
        since = since_when(
            [(told.time, event) for told, event in await desk.journal.history(MEETING, meeting, conn=conn)]
        )

        def decide(state: MeetingState) -> Decision:
            events = decide_discussed_later(
                state,
                found.rules,
                discussion,
                histories=histories,
                cases=cases,
                basis=desk.consent_basis.at(ctx.now),
                left={item.item: leaving_services(item, family_seats(state, item, takers, families))},
                since=since,
            )
            told = [event for event in events if isinstance(event, CaseDiscussed)]
            return Decision(events, [_told(actor, meeting, event) for event in told])

        def given(state: MeetingState, version: int) -> Answer:
            return answer(held_view(state, [item.item]), status=201, version=version)

        changed = await desk.journal.change(MEETING, meeting, ctx, decide, given, conn=conn)
        if not changed.replayed:
            await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
            await ask_family_too(desk, ctx, conn, changed.state)
            for later, same in await lifted_store.settle_later(conn, item.item):
                off = partial(decide_discussed_before, item=same)
                await desk.journal.change(MEETING, later, _without_key(ctx), off, conn=conn)
        return changed

    return await desk.change(work)


def _told(actor: Actor, meeting: MeetingRef, event: CaseDiscussed) -> AccessRecorded:
    return record(
        actor,
        Looked(
            kind=AccessKind.DISCLOSE,
            case=there(event.case),
            meeting=meeting,
            item=event.item,
            categories=event.categories,
            purpose=event.purpose,
            basis=event.basis,
            consent=event.consent,
            consent_version=event.consent_version,
            recipients=tuple(Recipient(service=service) for service in sorted(event.attended_by)),
        ),
    )


def _without_key(ctx: Context) -> Context:
    return Context(actor=ctx.actor, scope=ctx.scope, now=ctx.now, correlation=ctx.correlation, anonymous=ctx.anonymous)


# --- outcomes -----------------------------------------------------------------------------------------------------------


async def record_outcome(desk: Desk, ctx: Context, meeting: MeetingRef, outcome: Outcome) -> Changed[MeetingState]:
    """Record what was decided on an item (seed rules 26, 62, 68, 71, 72, 88).

    Raises:
        UnknownItemError: the item is none that the actor was there for.
        MeetingsError: see `domain.agenda.decide_outcome`; `UnknownError`.
        UnavailableError: the item is named, and what is known of its consent is not fresh.
    """
    found = await find(desk, ctx, meeting)
    item = found.state.item(outcome.item)
    if not was_there(found, item, acting(ctx)):
        raise UnknownItemError
    await refuse_own_family(desk, ctx, meeting, found.state, item.item)
    if item.mode is ItemMode.ANONYMOUS:
        ctx = anonymous(desk, ctx)
    case_refs = [] if item.case is None else [item.case]

    async def work(conn: Connection) -> Changed[MeetingState]:
        histories = await consents_now(desk, conn, case_refs)
        cases = await store.hold_cases(conn, case_refs)
        known = None if item.case is None else cases.get(item.case)
        if item.case is not None and (known is None or known.elsewhere):
            raise UnknownItemError
        at = present(histories, ctx.now)
        above = await lifting.above(conn, found, ctx.now) if outcome.lift else None
        if above is not None:
            await lifting.promise(conn, above.arena, ctx.now)

        def decide(state: MeetingState) -> list[EventData]:
            return decide_outcome(
                state, outcome, histories, at, known=known, authority=found.rules.authority, above=above
            )

        async def keep(inner: Connection) -> None:
            await desk.vault.put(
                inner,
                owner=keeper(meeting, item),
                record=outcome_record(item.item),
                category=OUTCOME,
                content=outcome.text.encode(),
            )
            if above is not None:
                await lifted_store.add(inner, item.item, meeting, above.arena, item.case)

        return await desk.journal.change(MEETING, meeting, ctx, decide, _recorded(item.item), conn=conn, also=keep)

    return await desk.change(work)


def _recorded(item: ItemRef) -> Callable[[MeetingState, int], Answer]:
    def given(state: MeetingState, version: int) -> Answer:
        return answer(outcome_view(state, state.item(item)), status=201, version=version)

    return given


def outcome_record(item: ItemRef) -> str:
    """Return under which name the vault keeps the words of what was decided on an item."""
    return f"outcome/{item}"


# --- minutes ------------------------------------------------------------------------------------------------------------


async def approve_minutes(desk: Desk, ctx: Context, meeting: MeetingRef, text: str) -> Changed[MeetingState]:
    """Approve the minutes' general part. It names nobody; what was said of a child stands in the outcome of its item.

    Raises:
        MayNotAcceptError: others do.
        NotAnonymousError: the text could lead to a person.
        MeetingsError: the meeting has not come so far; `UnknownError`.
    """
    found = await find(desk, ctx, meeting)
    if not found.decides:
        raise MayNotAcceptError
    check_text(text)
    document = DocumentRef(desk.ids.ref("doc"))

    async def work(conn: Connection) -> Changed[MeetingState]:
        async def keep(inner: Connection) -> None:
            await desk.vault.put(
                inner, owner=meeting, record=_minutes_text(document), category=MINUTES, content=text.encode()
            )

        changed = await desk.journal.change(
            MEETING,
            meeting,
            ctx,
            lambda state: decide_approve_minutes(state, document),
            lambda state, version: answer(meeting_view(state), status=201, version=version),
            conn=conn,
            also=keep,
        )
        if not changed.replayed:
            await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
        return changed

    return await desk.change(work)


async def show_minutes(desk: Desk, ctx: Context, meeting: MeetingRef) -> tuple[MinutesView, int]:
    """Return the minutes with the outcomes that the actor may see now; the meeting's version beside it.

    Raises:
        UnknownError: there are none, or no meeting that the actor may know of.
        UnavailableError: see `agenda.see`.
    """
    shown = await see(desk, ctx, meeting)
    state = shown.found.state
    if state.minutes_document is None:
        raise UnknownError
    async with desk.pool.acquire() as conn:
        text = await desk.vault.get(conn, owner=meeting, record=_minutes_text(state.minutes_document))
        outcomes = [
            await _outcome(desk, conn, state, meeting, item)
            for item in shown.items
            if item.status is ItemStatus.OUTCOME_RECORDED
        ]
    view = MinutesView(
        meeting=meeting,
        version=state.minutes_version,
        document=state.minutes_document,
        text=text.decode(),
        outcomes=tuple(outcomes),
    )
    return view, shown.found.version


async def _outcome(
    desk: Desk, conn: Connection, state: MeetingState, meeting: MeetingRef, item: Item
) -> OutcomeTextView:
    text = await desk.vault.get(conn, owner=keeper(meeting, item), record=outcome_record(item.item))
    decided = outcome_view(state, item)
    return OutcomeTextView(**{name: getattr(decided, name) for name in type(decided).model_fields}, text=text.decode())


def _minutes_text(document: DocumentRef) -> str:
    return f"minutes/{document}"
