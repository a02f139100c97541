"""Surveys after meetings: opened with the meeting, answered by those who were there, counted by the term (seed rules 74, 152, 153).

An answer leaves no event, no actor and no row of its own. What a repeated command is recognised by is kept under nobody's name and
under the round's own secret, which goes when the round is completed.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Final
from uuid import UUID

from services.meetings import survey_store as store
from services.meetings.configuration import profile_of
from services.meetings.domain.calling import CHILDRENS
from services.meetings.domain.conformity import decide_view
from services.meetings.domain.meeting import MEETING, MeetingState
from services.meetings.domain.profile import Profile
from services.meetings.domain.survey import (
    ROUND,
    SECRET_BYTES,
    SURVEY,
    SurveyState,
    Tally,
    Term,
    check_answers,
    completed_at,
    counted,
    decide_close,
    decide_complete,
    decide_open,
    empty_tally,
    family_there,
    family_ticket,
    hash_of,
    mark_of,
    mark_of_ticket,
    seat_ticket,
    seats_of,
    seats_taken,
    surveys_after,
    term_of,
    units_there,
    unpacked,
    was_there,
)
from services.meetings.domain.undertakings import LEAST_SHOWN, Survey
from services.meetings.errors import (
    MeetingsError,
    SurveyAnsweredError,
    SurveyTicketMissingError,
    TicketsForbiddenError,
    UnknownError,
)
from services.meetings.handlers.desk import NOBODY, Desk, acting, find
from services.meetings.views import (
    AnsweredView,
    QuestionResultView,
    QuestionView,
    SeatTicketView,
    SurveyLine,
    SurveyResultView,
    SurveyView,
    TicketsView,
    there,
)
from shared.aggregate import Answer, Changed, Context, IdempotencyKey
from shared.arrivals import Tx
from shared.auth import Actor
from shared.calendar import at_oslo
from shared.clock import oslo_day
from shared.contracts.base import EventData, Model
from shared.contracts.surveys import SurveyRoundCompleted
from shared.db import Connection
from shared.deadlines import Deadline, DeadlineHandler, set_deadline
from shared.refs import LogScope, SurveyRef, SurveyRoundRef
from shared.vault import Vault
from shared.web import answer

TALLY: Final = "survey-tally"
CLOSE: Final = "survey-close"
COMPLETE: Final = "survey-round"
"""The kinds of the durable deadlines."""
_KIN: Final = frozenset({"guardian", "child"})


class _Cause(Model):
    """What a deadline remembers of the command that set it."""

    scope: LogScope
    correlation: UUID


# --- opening, with the meeting ------------------------------------------------------------------------------------------


async def open_surveys(
    desk: Desk, ctx: Context, conn: Connection, profile: Profile, state: MeetingState, guardians_present: int
) -> None:
    """Open every survey that the profile has after this meeting, in the transaction in which it was held."""
    for form in surveys_after(profile, state.arena_type):
        await _open(desk, ctx, conn, profile, state, form, guardians_present)


async def _open(
    desk: Desk,
    ctx: Context,
    conn: Connection,
    profile: Profile,
    state: MeetingState,
    form: Survey,
    guardians_present: int,
) -> None:
    # The term in which it was held, whenever that is recorded.
    term = term_of(profile.calendar, oslo_day(there(state.started_at)))
    questions = [question.code for question in form.questions]
    new = SurveyRoundRef(desk.ids.ref("srd"))
    round_ = await _hold_counting(conn, profile.scope, form.code, questions, term, new)
    if round_ == new:
        tally = empty_tally(secrets.token_bytes(SECRET_BYTES), len(questions))
        await _keep(desk.vault, conn, round_, tally)
    else:
        tally = await _tally(desk.vault, conn, round_)
    survey = SurveyRef(desk.ids.ref("srv"))
    by_itself = Context(actor=None, scope=profile.scope, now=ctx.now, correlation=ctx.correlation)
    meeting, present, units = there(state.meeting), state.present, units_there(state.units, state.attendance)
    changed = await desk.journal.change(
        SURVEY,
        survey,
        by_itself,
        lambda known: decide_open(known, survey, meeting, form, round_, present, units, ctx.now),
        conn=conn,
    )
    there_too = family_there(state.items, guardians_present)
    family = [hash_of(family_ticket(tally, survey, number)) for number in range(there_too)]
    await store.add(conn, profile.scope, changed.state, seats_taken(state.attendance), family)
    payload = _Cause(scope=profile.scope, correlation=ctx.correlation).model_dump_json()
    closes_at = there(changed.state.closes_at)
    await set_deadline(conn, kind=CLOSE, key=survey, due=closes_at, payload=payload)
    # Of a term that is long over: when this survey can be answered no more.
    complete_at = max(completed_at(term, form.days), closes_at)
    await set_deadline(conn, kind=COMPLETE, key=round_, due=complete_at, payload=payload)


async def ask_family_too(desk: Desk, ctx: Context, conn: Connection, state: MeetingState) -> None:
    """Give a ticket to each child that was there by what was recorded afterwards, where the survey is still open (73, 74, 189).

    How many guardians came was said with the meeting, of all children together.
    """
    for survey in await store.open_after(conn, there(state.meeting), ctx.now):
        known = there(await store.known(conn, survey))
        held = await store.hold_round(conn, known.round)
        if held is None or held.completed:
            continue
        tally = await _tally(desk.vault, conn, known.round)
        numbers = range(known.family, family_there(state.items, state.guardians_present or 0))
        await store.add_family(conn, survey, [hash_of(family_ticket(tally, survey, number)) for number in numbers])


async def _hold_counting(
    conn: Connection, scope: LogScope, form: str, questions: Sequence[str], term: Term, new: SurveyRoundRef
) -> SurveyRoundRef:
    """Return the term's round that still counts; nobody else counts in it, or completes it, until this transaction ends."""
    while True:
        round_ = await store.round_of(conn, scope, form, questions, term, new)
        held = None if round_ is None else await store.hold_round(conn, round_)
        if held is not None and not held.completed:
            return held.round
        # It was completed in that moment: then there is another one for what is recorded late.


async def _tally(vault: Vault, conn: Connection, round_: SurveyRoundRef) -> Tally:
    return unpacked(await vault.get(conn, owner=round_, record=TALLY))


async def _keep(vault: Vault, conn: Connection, round_: SurveyRoundRef, tally: Tally) -> None:
    await vault.put(conn, owner=round_, record=TALLY, category=TALLY, content=tally.packed())


# --- answering ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Found:
    """A survey, with who may answer it."""

    state: SurveyState
    known: store.KnownSurvey


async def _find(desk: Desk, conn: Connection, actor: Actor, survey: SurveyRef) -> _Found:
    known = await store.known(conn, survey)
    if known is None or known.municipality != actor.municipality:
        raise UnknownError
    return _Found((await desk.journal.load(SURVEY, survey, conn=conn)).state, known)


async def give_answers(
    desk: Desk, ctx: Context, survey: SurveyRef, answers: Mapping[str, int], ticket: str | None
) -> Changed[SurveyState]:
    """Answer, with the ticket that was handed out to whoever was there.

    Raises:
        UnknownError: there is no such survey, no seat of the actor's was taken, or the ticket is none of this survey, or not for
            somebody like the actor.
        SurveyTicketMissingError: somebody sat in a seat like the actor's, and the actor does not show that they did.
        SurveyAnsweredError: the actor has answered, or the ticket was used.
        SurveyClosedError, AnswersWrongError: see `domain.survey.check_answers`.
    """
    actor = acting(ctx)

    async def work(conn: Connection) -> Changed[SurveyState]:
        found = await _find(desk, conn, actor, survey)
        if not await store.hold_round(conn, found.known.round):
            raise UnknownError
        tally = await _open_tally(desk, conn, found)
        if ticket is None:
            seated = was_there(found.known.seats, found.known.units, actor)
            raise SurveyTicketMissingError if seated else UnknownError
        await _check_ticket(desk, conn, found, tally, ticket, actor)
        checked: list[int] = []
        hidden = _nobodys(tally, ctx)

        def decide(state: SurveyState) -> list[EventData]:
            checked[:] = check_answers(state, answers, ctx.now)
            return []

        async def also(inner: Connection) -> None:
            if not await _take(inner, survey, tally, ticket, actor):
                raise SurveyAnsweredError
            await _keep(desk.vault, inner, found.known.round, counted(tally, checked))
            key = None if hidden.idempotency is None else hidden.idempotency.key
            day = at_oslo(oslo_day(ctx.now), time.min)
            await store.keep_no_time(inner, survey, found.known.round, key, day)

        return await desk.journal.change(SURVEY, survey, hidden, decide, _thanks, conn=conn, also=also)

    return await desk.change(work)


async def _open_tally(desk: Desk, conn: Connection, found: _Found) -> Tally:
    """Return the sums; a survey whose round is completed has none, and is closed."""
    if found.state.closed:
        check_answers(found.state, {}, there(found.state.closes_at))
    return await _tally(desk.vault, conn, found.known.round)


async def _check_ticket(desk: Desk, conn: Connection, found: _Found, tally: Tally, ticket: str, actor: Actor) -> None:
    """Refuse a ticket that is none of this survey's, or not for somebody like the actor.

    Raises:
        UnknownError: it is; which of the two is not told.
    """
    survey = there(found.state.survey)
    if actor.kind in _KIN:
        if hash_of(ticket) not in {hash_of(family_ticket(tally, survey, each)) for each in range(found.known.family)}:
            raise UnknownError
        return
    held = (await desk.journal.load(MEETING, found.known.meeting, conn=conn)).state
    sat = {hash_of(seat_ticket(tally, survey, at)): each for at, each in enumerate(seats_taken(held.attendance))}
    mine = sat.get(hash_of(ticket))
    if mine is None or not mine.may_be(actor):
        raise UnknownError


async def _take(conn: Connection, survey: SurveyRef, tally: Tally, ticket: str, actor: Actor) -> bool:
    """Note that the actor has answered, and that the ticket is used; return whether neither was so before."""
    if not await store.mark(conn, survey, mark_of(tally, survey, actor.id)):
        return False
    if actor.kind in _KIN:
        return await store.take_ticket(conn, survey, hash_of(ticket))
    return await store.mark(conn, survey, mark_of_ticket(tally, survey, ticket))


def _nobodys(tally: Tally, ctx: Context) -> Context:
    """Return `ctx` without who acts; a repeated command is recognised by what only the round's secret can make."""
    key = ctx.idempotency
    if key is not None:
        whose = f"key\0{key.actor}\0{key.key}".encode()
        key = IdempotencyKey(
            actor=NOBODY,
            key=hmac.digest(tally.secret, whose, hashlib.sha256).hex(),
            request_hash=hmac.digest(tally.secret, b"request\0" + key.request_hash, hashlib.sha256),
        )
    return replace(ctx, actor=None, anonymous=True, causation=None, traceparent=None, idempotency=key)


def _thanks(_: SurveyState, version: int) -> Answer:
    return answer(AnsweredView(taken=True), status=201, version=version)


# --- reading ------------------------------------------------------------------------------------------------------------


async def show_survey(desk: Desk, ctx: Context, survey: SurveyRef) -> tuple[SurveyView, int]:
    """Return the questions, for whoever was at the meeting, and for guardians and children who were told of the survey.

    Raises:
        UnknownError: there is none that the actor may know of.
    """
    actor = acting(ctx)
    async with desk.pool.acquire() as conn:
        found = await _find(desk, conn, actor, survey)
        if actor.kind not in _KIN and not was_there(found.known.seats, found.known.units, actor):
            await _for_callers(desk, ctx, found, UnknownError())
        answered = await _has_answered(desk, conn, found, survey, actor)
    profile, state = profile_of(desk.profiles, actor.municipality), found.state
    form = next((each for each in profile.surveys if each.code == state.form), None)
    if form is None:
        raise UnknownError
    view = SurveyView(
        survey=survey,
        form=form.code,
        text=form.text,
        questions=tuple(
            QuestionView(question=question.code, text=question.text)
            for question in form.questions
            if question.code in state.questions
        ),
        closes_at=there(state.closes_at),
        closed=state.closed or ctx.now >= there(state.closes_at),
        answered=answered,
    )
    return view, 1


async def _has_answered(desk: Desk, conn: Connection, found: _Found, survey: SurveyRef, actor: Actor) -> bool:
    if found.state.closed:
        return False
    tally = await _tally(desk.vault, conn, found.known.round)
    return await store.marked(conn, survey, mark_of(tally, survey, actor.id))


async def _for_callers(desk: Desk, ctx: Context, found: _Found, otherwise: MeetingsError) -> None:
    """Refuse whoever does not call the meeting."""
    if not (await find(desk, ctx, found.known.meeting)).decides:
        raise otherwise


async def show_tickets(desk: Desk, ctx: Context, survey: SurveyRef) -> TicketsView:
    """Return the tickets of all who were there, used or not, for whoever calls the meeting to hand out.

    Raises:
        UnknownError: there is no such survey, or no such meeting, that the actor may know of.
        TicketsForbiddenError: somebody else hands them out.
        SurveyClosedError: the time to answer is out.
    """
    actor = acting(ctx)
    async with desk.pool.acquire() as conn:
        found = await _find(desk, conn, actor, survey)
        await _for_callers(desk, ctx, found, TicketsForbiddenError())
        tally = await _open_tally(desk, conn, found)
        held = (await desk.journal.load(MEETING, found.known.meeting, conn=conn)).state
    return TicketsView(
        survey=survey,
        tickets=tuple(family_ticket(tally, survey, number) for number in range(found.known.family)),
        seats=tuple(
            SeatTicketView(
                service=each.service, role=each.role, unit=each.unit, ticket=seat_ticket(tally, survey, number)
            )
            for number, each in enumerate(seats_taken(held.attendance))
        ),
    )


async def list_surveys(desk: Desk, ctx: Context, after: tuple[datetime, str] | None, limit: int) -> list[SurveyLine]:
    """Return the surveys that the actor may answer, the first to close first."""
    actor = acting(ctx)
    if not actor.staff or actor.service is None:
        return []
    async with desk.pool.acquire() as conn:
        found = await store.open_for(
            conn,
            actor.municipality,
            seats_of(actor),
            actor.unit,
            of_unit=actor.service in CHILDRENS,
            now=ctx.now,
            after=after,
            limit=limit,
        )
        return [
            SurveyLine(
                survey=each.survey,
                meeting=each.meeting,
                form=each.form,
                closes_at=each.closes_at,
                answered=await store.marked(
                    conn,
                    each.survey,
                    mark_of(await _tally(desk.vault, conn, each.round), each.survey, actor.id),
                ),
            )
            for each in found
        ]


async def list_results(
    desk: Desk, ctx: Context, after: tuple[date, str] | None, limit: int
) -> Sequence[SurveyResultView]:
    """Return what the municipality's surveys gave, term by term.

    Raises:
        ReportsForbiddenError: the actor neither leads a unit nor is the municipality's coordinator.
        ArenaRetiredError: the municipality has no profile here.
    """
    actor = acting(ctx)
    decide_view(staff=actor.staff, roles=actor.roles, service=actor.service, unit=actor.unit)
    profile_of(desk.profiles, actor.municipality)
    async with desk.pool.acquire() as conn:
        found = await store.results(conn, actor.municipality, after=after, limit=limit)
    return [_result(each) for each in found]


def _result(completed: SurveyRoundCompleted) -> SurveyResultView:
    return SurveyResultView(
        round=completed.round,
        form=completed.form,
        first=completed.first,
        last=completed.last,
        too_few=completed.answers is None,
        answers=completed.answers,
        results=tuple(
            QuestionResultView(question=each.question, mean=each.mean_tenths / 10) for each in completed.results
        ),
    )


# --- when time passes ---------------------------------------------------------------------------------------------------


def deadlines(vault: Vault, profiles: Mapping[LogScope, Profile]) -> Mapping[str, DeadlineHandler]:
    """Return what happens when a survey's time is out, and when a term is over."""

    async def on_complete(tx: Tx, deadline: Deadline) -> None:
        await _on_complete(tx, deadline, vault, profiles)

    return {CLOSE: _on_close, COMPLETE: on_complete}


async def _on_close(tx: Tx, deadline: Deadline) -> None:
    """Nobody answers any more, and nothing is kept of who has."""
    cause, survey = _Cause.model_validate_json(deadline.payload), SurveyRef(deadline.key)
    ctx = Context(actor=None, scope=cause.scope, now=tx.now, correlation=cause.correlation)
    await tx.journal.change(SURVEY, survey, ctx, lambda state: decide_close(state, tx.now), conn=tx.conn)
    await store.close(tx.conn, survey)


async def _on_complete(tx: Tx, deadline: Deadline, vault: Vault, profiles: Mapping[LogScope, Profile]) -> None:
    """The term is over: what it gave is said, and its sums, with all that could lead to an answer, are forgotten."""
    cause, round_ = _Cause.model_validate_json(deadline.payload), SurveyRoundRef(deadline.key)
    known = await store.hold_round(tx.conn, round_)
    if known is None or known.completed:
        return
    still = await store.last_open(tx.conn, round_)
    if still is not None:
        await set_deadline(tx.conn, kind=COMPLETE, key=round_, due=max(still, tx.now), payload=deadline.payload)
        return
    tally = await _tally(vault, tx.conn, round_)
    profile = profiles.get(known.municipality)
    forms = () if profile is None else profile.surveys
    least = next((form.least for form in forms if form.code == known.form), LEAST_SHOWN)
    ctx = Context(actor=None, scope=cause.scope, now=tx.now, correlation=cause.correlation)
    await tx.journal.change(
        ROUND,
        round_,
        ctx,
        lambda state: decide_complete(state, round_, known.form, known.term, known.questions, tally, least),
        conn=tx.conn,
    )
    await store.complete_round(tx.conn, round_)
    await vault.shred(tx.conn, owner=round_)
