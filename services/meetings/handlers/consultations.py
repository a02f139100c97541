"""Hearings opened, answered, corrected, closed and read; and what time makes of them (seed rule 173).

What is asked and answered is sealed under the hearing. It is about matters, not about children: a text that could lead to a person
is refused, so a look leaves no access record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from services.meetings import consultation_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.agenda import check_text
from services.meetings.domain.consultation import (
    CONSULTATION,
    OPENERS,
    ConsultationState,
    NewConsultation,
    Part,
    bodies_of,
    check_answerer,
    check_opener,
    decide_answer,
    decide_close,
    decide_correct,
    decide_escalate,
    decide_open,
    decide_overdue,
    escalate_at,
    hearing_of,
    may_read_answer,
    parts_of,
)
from services.meetings.errors import MayNotConsultError, UnknownError
from services.meetings.handlers.desk import Desk, acting
from services.meetings.views import AnswerView, ConsultationLine, ConsultationTextView, ConsultationView, there
from shared.aggregate import Answer, Changed, Context
from shared.arrivals import Tx
from shared.auth import Actor
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.cases import Party
from shared.contracts.codes import Role
from shared.contracts.consultations import Position
from shared.db import Connection
from shared.deadlines import Deadline, DeadlineHandler, cancel, set_deadline
from shared.refs import ConsultationRef, LogScope, UnitId
from shared.web import answer

QUESTION: Final = "consultation"
ANSWER: Final = "consultation-answer"
DUE: Final = "consultation-due"
ESCALATE: Final = "consultation-escalate"
"""The kinds of the durable deadlines."""


class _Cause(Model):
    """What a deadline remembers of the command that set it."""

    scope: LogScope
    correlation: UUID


async def open_consultation(
    desk: Desk,
    ctx: Context,
    *,
    kind: str,
    text: str,
    units: frozenset[UnitId],
    answer_by: datetime | None,
) -> Changed[ConsultationState]:
    """Let bodies be heard in a matter.

    Raises:
        MayNotConsultError, ConsultationKindError, ConsultationBodiesError, ConsultationTimeError: see `domain.consultation`.
        NotAnonymousError: the text could lead to a person.
        ArenaRetiredError: the municipality has no profile here.
    """
    actor = acting(ctx)
    profile = profile_of(desk.profiles, actor.municipality)
    check_opener(profile, actor)
    hearing = hearing_of(profile, kind)
    bodies = bodies_of(profile, hearing, units, oslo_day(ctx.now))
    check_text(text)
    consultation = ConsultationRef(desk.ids.ref("hrg"))
    new = NewConsultation(consultation, kind, _party(actor), units, answer_by)

    async def work(conn: Connection) -> Changed[ConsultationState]:
        async def keep(inner: Connection) -> None:
            await desk.vault.put(inner, owner=consultation, record=QUESTION, category=QUESTION, content=text.encode())

        changed = await desk.journal.change(
            CONSULTATION,
            consultation,
            ctx,
            lambda state: decide_open(state, new, hearing, bodies, ctx.now),
            _opened,
            conn=conn,
            also=keep,
        )
        if not changed.replayed:
            await store.save(conn, changed.scope, changed.state)
            await _promise(conn, DUE, consultation, there(changed.state.answer_by), changed.scope, ctx.correlation)
        return changed

    return await desk.change(work)


def _party(actor: Actor) -> Party:
    role = Role.LEADER if Role.LEADER in actor.roles else Role.COORDINATOR
    return Party(actor=actor.id, role=role, service=actor.service, unit=actor.unit, organisation=actor.organisation)


async def give_answer(
    desk: Desk, ctx: Context, consultation: ConsultationRef, position: Position, text: str
) -> Changed[ConsultationState]:
    """Answer for a body.

    Raises:
        UnknownError: there is no such hearing that the actor may know of.
        MayNotAnswerError, ConsultationClosedError, AlreadyAnsweredError, AnswerTextMissingError: see `domain.consultation`.
        NotAnonymousError: the text could lead to a person.
    """
    actor = acting(ctx)
    body = check_answerer((await _find(desk, actor, consultation))[0], actor)
    words = bool(text.strip())

    def decide(state: ConsultationState) -> list[EventData]:
        return decide_answer(state, body, position, ctx.now, words=words)

    return await _answered(desk, ctx, consultation, body.unit, text, decide, 201)


async def correct_answer(
    desk: Desk, ctx: Context, consultation: ConsultationRef, position: Position, text: str
) -> Changed[ConsultationState]:
    """Put another answer in the place of the one that the body gave; what it said before is kept no longer.

    Raises:
        NotAnsweredError: there is nothing to correct; otherwise as `give_answer`.
    """
    actor = acting(ctx)
    body = check_answerer((await _find(desk, actor, consultation))[0], actor)
    words = bool(text.strip())

    def decide(state: ConsultationState) -> list[EventData]:
        return decide_correct(state, body, position, ctx.now, words=words)

    return await _answered(desk, ctx, consultation, body.unit, text, decide, 200)


async def _answered(
    desk: Desk,
    ctx: Context,
    consultation: ConsultationRef,
    unit: UnitId,
    text: str,
    decide: Callable[[ConsultationState], list[EventData]],
    status: Literal[200, 201],
) -> Changed[ConsultationState]:
    check_text(text)

    async def keep(conn: Connection) -> None:
        await desk.vault.put(
            conn, owner=consultation, record=_answer_text(unit), category=ANSWER, content=text.encode()
        )

    def given(state: ConsultationState, version: int) -> Answer:
        return answer(_view(state), status=status, version=version)

    return await desk.journal.change(CONSULTATION, consultation, ctx, decide, given, also=keep)


async def close_consultation(
    desk: Desk, ctx: Context, consultation: ConsultationRef, reason: Literal["completed", "withdrawn"]
) -> Changed[ConsultationState]:
    """Close the hearing: the bodies read each other's answers when it is completed.

    Raises:
        UnknownError: there is no such hearing that the actor may know of.
        MayNotConsultError: somebody else opened it.
        ConsultationClosedError, ConsultationOpenError: see `domain.consultation.decide_close`.
    """
    state, _ = await _find(desk, acting(ctx), consultation)
    if Part.OPENER not in parts_of(state, acting(ctx)):
        raise MayNotConsultError

    async def work(conn: Connection) -> Changed[ConsultationState]:
        changed = await desk.journal.change(
            CONSULTATION,
            consultation,
            ctx,
            lambda state: decide_close(state, reason, ctx.now),
            lambda state, version: answer(_view(state), version=version),
            conn=conn,
        )
        if not changed.replayed:
            for kind in (DUE, ESCALATE):
                await cancel(conn, kind=kind, key=consultation)
        return changed

    return await desk.change(work)


# --- reading ------------------------------------------------------------------------------------------------------------


async def show_consultation(
    desk: Desk, ctx: Context, consultation: ConsultationRef
) -> tuple[ConsultationTextView, int]:
    """Return the hearing with its texts, as far as the actor reads them.

    Raises:
        UnknownError: there is none that the actor may know of.
    """
    actor = acting(ctx)
    state, version = await _find(desk, actor, consultation)
    readable = [each for each in state.answers if may_read_answer(state, each.unit, actor)]
    async with desk.pool.acquire() as conn:
        question = await desk.vault.get(conn, owner=consultation, record=QUESTION)
        answers = tuple(
            [
                AnswerView(
                    unit=each.unit,
                    position=each.position,
                    version=each.version,
                    late=each.late,
                    answered_at=each.answered_at,
                    corrected_at=each.corrected_at,
                    corrected_late=each.corrected_late,
                    text=(await desk.vault.get(conn, owner=consultation, record=_answer_text(each.unit))).decode(),
                )
                for each in sorted(readable, key=lambda each: each.unit)
            ]
        )
    shown = _view(state)
    view = ConsultationTextView(
        **{name: getattr(shown, name) for name in type(shown).model_fields}, text=question.decode(), answers=answers
    )
    return view, version


async def list_consultations(
    desk: Desk, ctx: Context, after: tuple[datetime, str] | None, limit: int
) -> list[ConsultationLine]:
    """Return the hearings that the actor opened, or in which the actor's unit is heard, the first due first."""
    actor = acting(ctx)
    if not actor.staff:
        return []
    async with desk.pool.acquire() as conn:
        found = await store.listed(
            conn,
            actor.municipality,
            actor.id,
            actor.unit,
            leads=bool(actor.roles & OPENERS),
            after=after,
            limit=limit,
        )
    return [
        ConsultationLine(
            consultation=each.consultation,
            kind=each.kind,
            answer_by=each.answer_by,
            status=each.status,
            bodies=tuple(body.unit for body in each.bodies),
            answered=each.answered,
            late=each.late,
            corrected_late=each.corrected_late,
        )
        for each in found
    ]


async def _find(desk: Desk, actor: Actor, consultation: ConsultationRef) -> tuple[ConsultationState, int]:
    loaded = await desk.journal.load(CONSULTATION, consultation)
    if loaded.scope != actor.municipality or not parts_of(loaded.state, actor):
        raise UnknownError
    return loaded.state, loaded.version


# --- when time passes ---------------------------------------------------------------------------------------------------


def deadlines() -> Mapping[str, DeadlineHandler]:
    """Return what happens when the time to answer is out, and a week later."""
    return {DUE: _on_due, ESCALATE: _on_escalate}


async def _on_due(tx: Tx, deadline: Deadline) -> None:
    """The time is out: who has not answered is said."""
    cause, consultation = _Cause.model_validate_json(deadline.payload), ConsultationRef(deadline.key)
    changed = await tx.journal.change(
        CONSULTATION, consultation, _by_itself(tx, cause), lambda state: decide_overdue(state, tx.now), conn=tx.conn
    )
    if changed.events:
        moment = escalate_at(there(changed.state.answer_by))
        await _promise(tx.conn, ESCALATE, consultation, moment, cause.scope, cause.correlation)


async def _on_escalate(tx: Tx, deadline: Deadline) -> None:
    """A week later it is whoever opened it who must know."""
    cause, consultation = _Cause.model_validate_json(deadline.payload), ConsultationRef(deadline.key)
    await tx.journal.change(
        CONSULTATION, consultation, _by_itself(tx, cause), lambda state: decide_escalate(state, tx.now), conn=tx.conn
    )


def _by_itself(tx: Tx, cause: _Cause) -> Context:
    return Context(actor=None, scope=cause.scope, now=tx.now, correlation=cause.correlation)


async def _promise(
    conn: Connection, kind: str, consultation: ConsultationRef, due: datetime, scope: LogScope, correlation: UUID
) -> None:
    cause = _Cause(scope=scope, correlation=correlation)
    await set_deadline(conn, kind=kind, key=consultation, due=due, payload=cause.model_dump_json())


def _answer_text(unit: UnitId) -> str:
    return f"answer/{unit}"


def _opened(state: ConsultationState, version: int) -> Answer:
    view = _view(state)
    return answer(view, status=201, version=version, location=f"/consultations/{view.consultation}")


def _view(state: ConsultationState) -> ConsultationView:
    return ConsultationView(
        consultation=there(state.consultation),
        kind=state.kind,
        arena_type=state.arena_type,
        opened_by=there(state.opened_by).unit,
        answer_by=there(state.answer_by),
        status=state.status,
        bodies=state.bodies,
        answered=tuple(body.unit for body in state.answered),
        late=state.late,
        corrected_late=state.corrected_late,
    )
