"""Invitations answered: for a service's or unit's seat, and by a child's family."""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from services.meetings import answer_store, store
from services.meetings.configuration import profile_of
from services.meetings.domain.answering import Given, decide_answer, decide_family_answer, family_item, own_seat
from services.meetings.domain.meeting import MEETING, MeetingState
from services.meetings.errors import AnswerUnclearError, UnknownError
from services.meetings.handlers.desk import Desk, Looked, acting, find, record, rules_of
from services.meetings.views import family_answer_view, seat_answer_view
from shared.aggregate import Answer, Changed, Context, Decision
from shared.contracts.access import AccessKind
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.db import Connection
from shared.refs import CaseRef, MeetingRef
from shared.web import answer

_KIN: Final = {"guardian": Role.GUARDIAN, "child": Role.CHILD}


async def answer_invitation(
    desk: Desk, ctx: Context, meeting: MeetingRef, given: Given, case: CaseRef | None, authorization: str
) -> Changed[MeetingState]:
    """Accept or decline: for the seat of the actor's service or unit, or as a guardian or child (seed rules 12, 54, 71-73).

    Raises:
        UnknownError: there is no meeting that the actor may know of.
        NoSeatError: the actor may know of it, but has no seat in it.
        AnswerUnclearError: a case is named for a seat, or none by the family.
        KinUnknownError: whether the actor is of the family is not known now.
        MeetingsError: see `domain.answering`.
    """
    kin = _KIN.get(acting(ctx).kind)
    if kin is not None:
        if case is None:
            raise AnswerUnclearError
        return await _answer_for_family(desk, ctx, meeting, given, case, authorization)
    if case is not None:
        raise AnswerUnclearError
    return await _answer_for_seat(desk, ctx, meeting, given)


async def _answer_for_seat(desk: Desk, ctx: Context, meeting: MeetingRef, given: Given) -> Changed[MeetingState]:
    actor, found = acting(ctx), await find(desk, ctx, meeting)
    seat = own_seat(found.state, actor.service, actor.unit)
    role = actor.access_actor().role

    def decide(state: MeetingState) -> list[EventData]:
        return decide_answer(state, found.profile, found.rules, seat, role, given, ctx.now)

    def told(state: MeetingState, version: int) -> Answer:
        return answer(seat_answer_view(state, seat, given.answer), version=version)

    async def work(conn: Connection) -> Changed[MeetingState]:
        changed = await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn)
        if not changed.replayed:
            await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
        return changed

    return await desk.change(work)


async def _answer_for_family(
    desk: Desk, ctx: Context, meeting: MeetingRef, given: Given, case: CaseRef, authorization: str
) -> Changed[MeetingState]:
    """Answer as one of the family of the child whose `case` it is, which the meeting has on its agenda by name.

    What is answered tells that the child is spoken of, and when: a look like any other, recorded with it. It says nothing of what
    others have answered, and has no version: that moves when they do.
    """
    actor = acting(ctx)
    role = await desk.kin.role_of(actor.id, case, authorization, ctx.correlation)
    loaded = await desk.journal.load(MEETING, meeting)
    if loaded.state.meeting is None or loaded.scope != actor.municipality:
        raise UnknownError
    rules = rules_of(profile_of(desk.profiles, actor.municipality), loaded.state.arena_type)
    # Before anything is written: nothing is kept of somebody for whom there is nothing here.
    family_item(loaded.state, rules, case, role)
    voice = hmac.digest(desk.voice_key, f"{meeting}\0{case}\0{actor.id}".encode(), hashlib.sha256)

    async def work(conn: Connection) -> Changed[MeetingState]:
        ordinal = await answer_store.ordinal(conn, meeting, case, voice)

        def decide(state: MeetingState) -> Decision:
            item = family_item(state, rules, case, role)
            events = decide_family_answer(state, item.item, role, ordinal, given, ctx.now)
            looked = Looked(AccessKind.READ, case, meeting=meeting, item=item.item, purpose=item.purpose)
            return Decision(events, [record(actor, looked)])

        def told(state: MeetingState, _: int) -> Answer:
            return answer(family_answer_view(state, role, given.answer))

        return await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn)

    return await desk.change(work)
