"""Invitations answered, for a service's or unit's seat, and read and answered by a child's family."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from services.meetings import answer_store, own_family_store, store
from services.meetings.configuration import profile_of
from services.meetings.domain.answering import (
    Given,
    decide_answer,
    decide_family_answer,
    family_item,
    own_seat,
    place_for_family,
)
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.meeting import MEETING, Item, MeetingState
from services.meetings.errors import AnswerUnclearError, UnknownError
from services.meetings.handlers.desk import Desk, Looked, acting, find, office_of, record, rules_of
from services.meetings.views import InvitationView, family_answer_view, invitation_view, seat_answer_view
from shared.aggregate import Answer, Changed, Context, Decision
from shared.auth import Actor
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.base import EventData
from shared.contracts.codes import Role
from shared.contracts.meetings import InvitationAnswer
from shared.db import Connection
from shared.refs import CaseRef, MeetingRef
from shared.web import answer

KIN: Final = frozenset({"guardian", "child"})
"""As whom one of a child's family signs in."""


async def answer_invitation(
    desk: Desk, ctx: Context, meeting: MeetingRef, given: Given, case: CaseRef | None, authorization: str
) -> Changed[MeetingState]:
    """Accept or decline: for the seat of the actor's service or unit, or as a guardian or child (seed rules 12, 54, 71-73).

    Raises:
        UnknownError: there is no meeting that the actor may know of.
        NoSeatError: the actor may know of it, but answers for no seat in it.
        AnswerUnclearError: a case is named for a seat, or none by the family.
        KinUnknownError: whether the actor is of the family is not known now.
        MeetingsError: see `domain.answering`.
    """
    if acting(ctx).kind in KIN:
        if case is None:
            raise AnswerUnclearError
        return await _answer_for_family(desk, ctx, meeting, given, case, authorization)
    if case is not None:
        raise AnswerUnclearError
    return await _answer_for_seat(desk, ctx, meeting, given)


async def _answer_for_seat(desk: Desk, ctx: Context, meeting: MeetingRef, given: Given) -> Changed[MeetingState]:
    actor, found = acting(ctx), await find(desk, ctx, meeting)
    seat = own_seat(found.profile, found.rules, found.state, office_of(actor))
    role = actor.access_actor().role

    def decide(state: MeetingState) -> list[EventData]:
        return decide_answer(state, found.profile, found.rules, seat, role, given, ctx.now)

    def told(state: MeetingState, version: int) -> Answer:
        return answer(seat_answer_view(state, seat, given.answer), version=version)

    async def work(conn: Connection) -> Changed[MeetingState]:
        changed = await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn)
        if not changed.replayed:
            await store.save_meeting(conn, changed.scope, changed.state, ctx.now)
            accepted = given.answer is InvitationAnswer.ACCEPTED
            await own_family_store.takes(conn, meeting, seat, actor.id if accepted else None)
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
    # Before anything is written: nothing is kept of somebody for whom there is nothing here.
    invited = await _invited(desk, ctx, meeting, case, authorization)

    async def work(conn: Connection) -> Changed[MeetingState]:
        ordinal = await answer_store.ordinal(conn, meeting, case, invited.voice)

        def decide(state: MeetingState) -> Decision:
            item = family_item(state, invited.rules, case, invited.role)
            events = decide_family_answer(state, item.item, invited.role, ordinal, given, ctx.now)
            return Decision(events, [_looked(actor, meeting, case, item)])

        def told(state: MeetingState, _: int) -> Answer:
            return answer(family_answer_view(state, invited.role, given.answer))

        return await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn)

    return await desk.change(work)


async def show_invitation(
    desk: Desk, ctx: Context, meeting: MeetingRef, case: CaseRef, authorization: str
) -> InvitationView:
    """Return what one of the child's family is told of the meeting; the look is recorded first (seed rules 12, 73).

    Raises:
        UnknownError: somebody else asks, or the meeting has nothing of the child on its agenda now.
        KinUnknownError: whether the actor is of the family is not known now.
    """
    actor = acting(ctx)
    invited = await _invited(desk, ctx, meeting, case, authorization)
    async with desk.pool.acquire() as conn:
        ordinal = await answer_store.known_ordinal(conn, meeting, case, invited.voice)
    await desk.journal.record_access(ctx, [_looked(actor, meeting, case, invited.item)])
    return invitation_view(invited.state, invited.rules, invited.place, invited.item, ordinal)


@dataclass(frozen=True, slots=True)
class _Invited:
    """One of a child's family, and the meeting to which they are invited."""

    role: Role
    voice: bytes
    """By which they are told from the others of the family."""
    state: MeetingState
    rules: ArenaRules
    place: str | None
    item: Item


async def _invited(desk: Desk, ctx: Context, meeting: MeetingRef, case: CaseRef, authorization: str) -> _Invited:
    """Return as whom the actor is invited.

    Raises:
        UnknownError: they are not: no such meeting, nothing of the child on its agenda, or not their child.
        KinUnknownError: the cases service does not say whether it is.
    """
    actor = acting(ctx)
    if actor.kind not in KIN:
        raise UnknownError
    role = await desk.kin.role_of(actor.id, case, authorization, ctx.correlation)
    loaded = await desk.journal.load(MEETING, meeting)
    state = loaded.state
    if state.meeting is None or loaded.scope != actor.municipality:
        raise UnknownError
    profile = profile_of(desk.profiles, actor.municipality)
    rules = rules_of(profile, state.arena_type)
    return _Invited(
        role=role,
        voice=hmac.digest(desk.voice_key, f"{meeting}\0{case}\0{actor.id}".encode(), hashlib.sha256),
        state=state,
        rules=rules,
        place=place_for_family(profile, rules, state.units),
        item=family_item(state, rules, case, role),
    )


def _looked(actor: Actor, meeting: MeetingRef, case: CaseRef, item: Item) -> AccessRecorded:
    return record(actor, Looked(AccessKind.READ, case, meeting=meeting, item=item.item, purpose=item.purpose))
