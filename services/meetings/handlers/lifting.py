"""What an arena lifts comes before the next meeting of the arena above it: once, whenever that is called (seed rules 62, 68, 69).

An agenda gets it in nobody's name, from a durable deadline of the arena that is due at once: when something is lifted, when a
meeting is called, cancelled, or held without it, and when what a consent says has changed. So it waits as long as there is no
meeting, or nobody who may hear it, and is lost with no process.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Final

from services.meetings import lifted_store, store
from services.meetings.configuration import profile_of
from services.meetings.domain.agenda import Above, NewItem, check_item, decide_add_item, matter_of
from services.meetings.domain.answering import invited_family
from services.meetings.domain.arena import ARENA
from services.meetings.domain.arena_rules import ArenaRules
from services.meetings.domain.calling import may_call
from services.meetings.domain.lifting import decide_withdraw, way_up
from services.meetings.domain.meeting import MEETING, Item, ItemStatus, MeetingState
from services.meetings.domain.modes import judge_named
from services.meetings.domain.profile import Profile
from services.meetings.domain.projection import present
from services.meetings.errors import CaseElsewhereError, MeetingsError, UnknownItemError
from services.meetings.handlers.agenda import ITEM_TEXT, keeper, refuse_own_family, text_record, was_there
from services.meetings.handlers.desk import Desk, Found, acting, anonymous, consents_now, find
from services.meetings.lifted_store import Lifted
from services.meetings.views import LiftedLine, outcome_view, there
from shared.aggregate import Answer, Changed, Context
from shared.arrivals import Tx
from shared.clock import oslo_day
from shared.contracts.base import EventData
from shared.contracts.meetings import ItemMode, LiftWithdrawal
from shared.db import Connection
from shared.deadlines import Deadline, DeadlineHandler, set_deadline
from shared.refs import ArenaRef, CaseRef, ItemRef, MeetingRef
from shared.web import answer

PLACE: Final = "lifted-items"
"""The kind of the durable deadline, of an arena."""


async def above(conn: Connection, found: Found, now: datetime) -> Above | None:
    """Return the arena to which this meeting's lifts; None: it lifts to none."""
    profile, today = found.profile, oslo_day(now)
    way = way_up(profile, found.rules, found.state.unit, today)
    arena = None if way is None else await store.known_arena(conn, profile.scope, way.rules.type, way.unit)
    if way is None or arena is None:
        return None
    rules = way.rules
    return Above(arena, rules.type, rules.mode.policy, rules.called_by.roles, way.led_by)


async def promise(conn: Connection, arena: ArenaRef, now: datetime) -> None:
    """Let it be seen to at once what waits for the arena's next meeting.

    First of all in a transaction: whoever sees to it holds this row, and then asks for the meetings.
    """
    await set_deadline(conn, kind=PLACE, key=arena, due=now)


async def promise_if_lifted(conn: Connection, profile: Profile, arena: ArenaRef, now: datetime) -> None:
    """Do so where the profile lets anything be lifted."""
    if any(rules.lifts_to is not None for rules in profile.arenas):
        await promise(conn, arena, now)


async def promise_case(conn: Connection, case: CaseRef, now: datetime) -> None:
    """Do so for every arena to which something of the case was lifted."""
    for arena in await lifted_store.arenas_for(conn, case):
        await promise(conn, arena, now)


def deadlines(desk: Desk) -> Mapping[str, DeadlineHandler]:
    """Return what happens then."""

    async def on_place(tx: Tx, deadline: Deadline) -> None:
        await place(desk, tx, ArenaRef(deadline.key))

    return {PLACE: on_place}


async def place(desk: Desk, tx: Tx, arena: ArenaRef) -> None:
    """Put what waits for the arena on the agenda of its next meeting.

    Raises:
        UnavailableError: something is by name, and it is not known whether what is known of its consent is fresh.
    """
    waiting = await lifted_store.waiting(tx.conn, arena)
    meeting = await lifted_store.next_called(tx.conn, arena, tx.now) if waiting else None
    if meeting is None:
        return
    loaded = await desk.journal.load(MEETING, meeting, conn=tx.conn)
    scope = there(loaded.scope)
    profile = desk.profiles.get(scope)
    rules = None if profile is None else profile.arena(loaded.state.arena_type)
    if rules is None:
        return
    # In nobody's name: that somebody calls a meeting says nothing of what others have lifted to it.
    ctx = Context(actor=None, scope=scope, now=tx.now, correlation=tx.ids.event_id())
    agenda = _Agenda(desk, tx, ctx, meeting, rules)
    for each in waiting:
        try:
            await agenda.put(each)
        except CaseElsewhereError as error:
            await lifted_store.drop(tx.conn, each.item, error.code)
        except MeetingsError as error:
            await lifted_store.held_back(tx.conn, each.item, error.code)


@dataclass(frozen=True, slots=True)
class _Agenda:
    """The agenda on which it is put."""

    desk: Desk
    tx: Tx
    ctx: Context
    meeting: MeetingRef
    rules: ArenaRules

    async def put(self, lifted: Lifted) -> None:
        """Put it there.

        Raises:
            CaseElsewhereError: it is by name, and the unit that brought it has the case no more, open (seed rule 5).
            MeetingsError: it may not stand there now, see `domain.modes`.
        """
        desk, conn = self.desk, self.tx.conn
        before = (await desk.journal.load(MEETING, lifted.meeting, conn=conn)).state.item(lifted.item)
        text = await desk.vault.get(conn, owner=keeper(lifted.meeting, before), record=text_record(before.item))
        new = NewItem(
            item=ItemRef(self.tx.ids.ref("itm")),
            kind=before.kind,
            mode=before.mode,
            text=text.decode(),
            case=before.case,
            categories=before.categories,
            purpose=before.purpose,
        )
        check_item(self.rules.mode.policy, new)
        if new.case is not None:
            await self._put_named(lifted, before, new, new.case)
            return
        ctx = anonymous(desk, self.ctx) if new.mode is ItemMode.ANONYMOUS else self.ctx
        decide = partial(decide_add_item, new=new, decides_agenda=False, lifted=True)
        await desk.journal.change(MEETING, self.meeting, ctx, decide, conn=conn, also=partial(self._keep, new))
        await lifted_store.placed(conn, lifted.item, self.meeting, new.item)

    async def _put_named(self, lifted: Lifted, before: Item, new: NewItem, case: CaseRef) -> None:
        desk, conn = self.desk, self.tx.conn
        histories = await consents_now(desk, conn, [case])
        known = (await store.hold_cases(conn, [case])).get(case)
        if known is None or not known.open or known.municipality != self.ctx.scope:
            raise CaseElsewhereError
        if not known.is_with(before.held_by_unit):
            raise CaseElsewhereError
        interpreters = await store.interpreters(conn, case)
        at = present(histories, self.tx.now)
        there_already: list[ItemRef] = []

        def decide(state: MeetingState) -> list[EventData]:
            there_already[:] = [item.item for item in state.items if _is_the_same(item, before)]
            if there_already:
                return []
            matter = matter_of(state, new, before.held_by, before.held_by_unit)
            return decide_add_item(
                state,
                new,
                decides_agenda=False,
                matter=matter,
                named=judge_named(matter, state.invited, histories, at, guardians=known.guardians),
                basis=desk.consent_basis.at(self.tx.now),
                interpreters=interpreters,
                family=invited_family(self.rules),
                lifted=True,
            )

        changed = await desk.journal.change(MEETING, self.meeting, self.ctx, decide, conn=conn)
        if not changed.events:
            await lifted_store.placed(conn, lifted.item, self.meeting, there_already[0])
            return
        await self._keep(new, conn)
        await store.save_named_item(conn, new.item, self.meeting, case)
        await lifted_store.placed(conn, lifted.item, self.meeting, new.item)

    async def _keep(self, new: NewItem, conn: Connection) -> None:
        await self.desk.vault.put(
            conn,
            owner=keeper(self.meeting, new),
            record=text_record(new.item),
            category=ITEM_TEXT,
            content=new.text.encode(),
        )


async def withdraw_lift(
    desk: Desk, ctx: Context, meeting: MeetingRef, item: ItemRef, reason: LiftWithdrawal
) -> Changed[MeetingState]:
    """Take back what a meeting has lifted, while it waits: for those who may say what comes of it there (seed rules 62, 68, 69).

    Raises:
        UnknownItemError: the item is none that the actor was there for, or of their own child, or its case is nobody's here.
        MeetingsError: see `domain.lifting.decide_withdraw`; `UnknownError`.
    """
    found = await find(desk, ctx, meeting)
    known = found.state.item(item)
    if not was_there(found, known, acting(ctx)):
        raise UnknownItemError
    await refuse_own_family(desk, ctx, meeting, found.state, item)
    if known.mode is ItemMode.ANONYMOUS:
        ctx = anonymous(desk, ctx)

    async def work(conn: Connection) -> Changed[MeetingState]:
        lifted = await lifted_store.hold(conn, item)
        if known.case is not None:
            case = (await store.hold_cases(conn, [known.case])).get(known.case)
            if case is None or case.elsewhere:
                raise UnknownItemError

        def decide(state: MeetingState) -> list[EventData]:
            return decide_withdraw(state, item, None if lifted is None else lifted.standing, reason)

        def told(state: MeetingState, version: int) -> Answer:
            return answer(outcome_view(state, state.item(item)), version=version)

        changed = await desk.journal.change(MEETING, meeting, ctx, decide, told, conn=conn)
        if not changed.replayed:
            await lifted_store.withdraw(conn, item)
        return changed

    return await desk.change(work)


def _is_the_same(item: Item, before: Item) -> bool:
    """Return whether the unit has brought the same itself: it is not put there twice."""
    waits = item.status in {ItemStatus.PROPOSED, ItemStatus.ACCEPTED}
    same = (item.case, item.held_by_unit, item.purpose) == (before.case, before.held_by_unit, before.purpose)
    return waits and same and item.categories >= before.categories


async def list_lifted(desk: Desk, ctx: Context, after: tuple[int, ...] | None, limit: int) -> Sequence[LiftedLine]:
    """Return what was lifted to arenas whose meetings the actor calls, and is not settled, the first lifted first.

    Raises:
        ArenaRetiredError: the municipality has no profile here.
    """
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    lines: list[LiftedLine] = []
    async with desk.pool.acquire() as conn:
        for lifted in await lifted_store.open_in(conn, profile.scope, after=after):
            if len(lines) == limit:
                break
            defined = there((await desk.journal.load(ARENA, lifted.arena, conn=conn)).state.defined)
            rules = profile.arena(defined.arena_type)
            units = frozenset() if defined.unit is None else frozenset({defined.unit})
            if rules is None or not actor.staff:
                continue
            if not may_call(rules, units, actor.roles, actor.service, actor.unit):
                continue
            state = (await desk.journal.load(MEETING, lifted.meeting, conn=conn)).state
            item = state.item(lifted.item)
            lines.append(
                LiftedLine(
                    nth=lifted.nth,
                    arena=lifted.arena,
                    arena_type=rules.type,
                    lifted_from=state.arena_type,
                    unit=None if item.mode is ItemMode.ANONYMOUS else item.held_by_unit or state.unit,
                    kind=item.kind,
                    mode=item.mode,
                    standing=lifted.standing,
                    meeting=lifted.placed_in,
                    held_back=lifted.held_back,
                )
            )
    return lines
