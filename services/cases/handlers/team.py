"""The team around the child: members, goal, coordinators, the individual plan, language needs, who was not heard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.cases import absence_store
from services.cases.domain import access, hearing, plan, team
from services.cases.domain.access_terms import Action
from services.cases.domain.acting import Acting
from services.cases.domain.around import LanguageNeed
from services.cases.domain.course import Decisions
from services.cases.domain.grantors import age_on
from services.cases.domain.state import CaseState
from services.cases.domain.told import mine
from services.cases.errors import DeniedError, NotAGrantorError, NotPermittedError, UnknownPartError
from services.cases.handlers.consents import said_by_family
from services.cases.handlers.desk import (
    CASE,
    Desk,
    Keep,
    change,
    deny,
    glance,
    kept_back,
    look,
    meet,
    permitted,
    record,
)
from services.cases.handlers.handovers import given_to
from services.cases.team_contents import LanguageNeeds, NeedContent, PlanContent, PlanGoal, PlanVersionContent
from services.cases.team_records import GOAL, KeptNeed
from services.cases.views_team import AroundView, NeedView, NotHeardView, PlanView, TeamView
from shared.aggregate import Changed, Context
from shared.clock import oslo_day
from shared.contracts.cases import CaseEvent, CoordinatorKind, EvidenceForm, Party
from shared.contracts.codes import GrantorClass, InformationCategory, Role, Service
from shared.contracts.team import LanguageNeedRecorded, PlanStarted, PlanUpdated
from shared.db import Connection
from shared.refs import CaseRef, GoalRef, PlanRef
from shared.web import answer

Family = Literal[GrantorClass.GUARDIAN, GrantorClass.CHILD]


@dataclass(frozen=True)
class Wished:
    """A wish as it came in: nothing but the fact when signed in, otherwise whose, in which form, and a note."""

    grantor: Family
    evidence: EvidenceForm
    note: str | None


@dataclass(frozen=True)
class Need:
    """How one of the family is spoken with."""

    person: Family
    ordinal: int
    language: str
    interpreter: str
    written_material: bool


async def read_team(desk: Desk, ctx: Context, case: CaseRef) -> tuple[TeamView, int]:
    """Return who is around the child and answers for what (seed rules 25, 87, 153)."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.SEE_CASE)
    return TeamView.seen(looked.state, acting, desk.team_of(located.municipality), ctx.now), looked.version


async def ask_in(desk: Desk, ctx: Context, case: CaseRef, *, service: Service, role: Role | None) -> Changed[CaseState]:
    """Let a service join the team, inside the consent (seed rules 25, 87)."""
    located, acting = await meet(desk, ctx, case)
    command = team.AskIn(by=acting, service=service, role=role)
    profile = desk.team_of(located.municipality)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: team.decide_ask_in(state, command, ctx.now),
        lambda state, version: answer(TeamView.seen(state, acting, profile, ctx.now), status=201, version=version),
    )


async def release(
    desk: Desk, ctx: Context, case: CaseRef, service: Service, reason: team.Released
) -> Changed[CaseState]:
    """Let a service leave the team."""
    located, acting = await meet(desk, ctx, case)
    command = team.Release(by=acting, service=service, reason=reason)
    profile = desk.team_of(located.municipality)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: team.decide_release(state, command, ctx.now),
        lambda state, version: answer(TeamView.seen(state, acting, profile, ctx.now), status=201, version=version),
    )


async def set_goal(desk: Desk, ctx: Context, case: CaseRef, text: str) -> Changed[CaseState]:
    """Give the team its goal; the words go to the vault (seed rule 87)."""
    located, acting = await meet(desk, ctx, case)
    goal = GoalRef(desk.ids.ref("goa"))
    command = team.SetGoal(by=acting, goal=goal)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: team.decide_goal(state, command, ctx.now),
        lambda state, version: answer(AroundView.of(state), status=201, version=version),
        lambda conn: desk.team.records.keep_goals(conn, located.case, {goal: text}),
    )


async def request_coordinator(desk: Desk, ctx: Context, case: CaseRef, given: Wished) -> Changed[CaseState]:
    """Note that the family wants a child coordinator (seed rule 97)."""
    located, acting = await meet(desk, ctx, case)
    command = team.Wish(by=acting, grantor=given.grantor, evidence=given.evidence, has_note=bool(given.note))
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: team.decide_request_coordinator(state, command, ctx.now),
        lambda state, version: answer(AroundView.of(state), status=201, version=version),
        _note(desk, ctx, located.case, f"coordinator/{desk.ids.ref('doc')}", acting, given),
        looks=acting,
    )


async def appoint(
    desk: Desk, ctx: Context, case: CaseRef, *, kind: CoordinatorKind, coordinator: Party
) -> Changed[CaseState]:
    """Appoint a coordinator (seed rules 23, 37, 97)."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.APPOINT_COORDINATOR)
    async with desk.pool.acquire() as conn:
        age = await age_of_child(desk, conn, located.case, ctx.now)
        away = await absence_store.away(
            conn, located.municipality, coordinator.actor, oslo_day(ctx.now), coordinator.unit
        )
    command = team.Appoint(by=acting, kind=kind, coordinator=coordinator, age=age, away=away is not None)
    profile, unit, protected = desk.team_of(located.municipality), coordinator.unit, False

    def decide(state: CaseState) -> list[CaseEvent]:
        nonlocal protected
        protected = state.address_protected
        return team.decide_appoint(state, command, ctx.now, profile)

    async def keep(conn: Connection) -> None:
        # No event of an address-protected case says where it is coordinated.
        if protected and unit is not None:
            await desk.records.keep_coordinates_from(conn, located.case, coordinator.actor, unit)

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: answer(AroundView.of(state), status=201, version=version),
        given_to(ctx, located, located.municipality, coordinator.actor, coordinator.unit, keep),
    )


async def end_coordination(desk: Desk, ctx: Context, case: CaseRef, kind: CoordinatorKind) -> Changed[CaseState]:
    """End a coordination: the holder, or the family that no longer wants it."""
    located, acting = await meet(desk, ctx, case)
    command = team.EndCoordination(by=acting, kind=kind)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: team.decide_end_coordination(state, command, ctx.now),
        lambda state, version: answer(AroundView.of(state), status=201, version=version),
    )


# --- the individual plan ----------------------------------------------------------------------------------------------


async def request_plan(desk: Desk, ctx: Context, case: CaseRef, given: Wished) -> Changed[CaseState]:
    """Note that the family wants an individual plan (seed rule 36)."""
    located, acting = await meet(desk, ctx, case)
    ref = PlanRef(desk.ids.ref("pln"))
    command = plan.RequestPlan(
        by=acting, plan=ref, grantor=given.grantor, evidence=given.evidence, has_note=bool(given.note)
    )
    profile = desk.team_of(located.municipality)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: plan.decide_request(state, command, ctx.now, desk.rules, profile),
        lambda state, version: answer(AroundView.of(state), status=201, version=version),
        _note(desk, ctx, located.case, ref, acting, given),
    )


async def start_plan(desk: Desk, ctx: Context, case: CaseRef, goals: tuple[str, ...]) -> Changed[CaseState]:
    """Begin the plan with its first goals; their words go to the vault (seed rule 37)."""
    located, acting = await meet(desk, ctx, case)
    texts = {GoalRef(desk.ids.ref("goa")): text for text in goals}
    command = plan.StartPlan(by=acting, goals=tuple(texts))
    protected = False

    def decide(state: CaseState) -> list[CaseEvent]:
        nonlocal protected
        protected = state.address_protected
        return plan.decide_start(state, command, ctx.now)

    async def keep(conn: Connection) -> None:
        await desk.team.records.keep_goals(conn, located.case, texts)
        # Whoever begins it coordinates it, and no event of an address-protected case says from where.
        if protected and acting.unit is not None:
            await desk.records.keep_coordinates_from(conn, located.case, acting.actor, acting.unit)

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: answer(_plan_view(state), status=201, version=version),
        keep,
    )


async def close_plan(
    desk: Desk, ctx: Context, case: CaseRef, reason: Literal["goals-reached", "no-longer-wanted"]
) -> Changed[CaseState]:
    """End the plan."""
    located, acting = await meet(desk, ctx, case)
    command = plan.ClosePlan(by=acting, reason=reason)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: plan.decide_close(state, command, ctx.now),
        lambda state, version: answer(_plan_view(state), status=201, version=version),
    )


async def read_plan(desk: Desk, ctx: Context, case: CaseRef) -> tuple[PlanContent, int]:
    """Return the plan with the words of its goals, as far as the reader's basis reaches; recorded first (seed rules 36-38)."""
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_PLAN)
            present = looked.state.around.plan
            if present is None:
                raise UnknownPartError
            past = await _versions(desk, ctx, conn, located.case, acting)
            every = tuple({*present.goals, *(goal for _, one in past for goal in one.goals)})
            words = await desk.team.records.goals(conn, located.case, every, looked.permit.categories)
            shown = frozenset({InformationCategory.PLAN}) if words else frozenset[InformationCategory]()
            await record(desk, ctx, conn, looked, shown=shown)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()

    def said(goals: Sequence[GoalRef]) -> tuple[PlanGoal, ...]:
        return tuple(PlanGoal(goal=goal, text=words.get(goal)) for goal in goals)

    versions = tuple(
        PlanVersionContent(
            plan=one.plan,
            version=one.version if isinstance(one, PlanUpdated) else 1,
            since=since,
            words=said(one.goals),
            meeting=one.meeting if isinstance(one, PlanUpdated) else None,
            document=one.document if isinstance(one, PlanUpdated) else None,
        )
        for since, one in past
    )
    content = PlanContent(
        **dict(PlanView.of(present)), basis=looked.permit.basis, words=said(present.goals), versions=versions
    )
    return content, looked.version


async def _versions(
    desk: Desk, ctx: Context, conn: Connection, case: CaseRef, acting: Acting
) -> list[tuple[datetime, PlanStarted | PlanUpdated]]:
    """Return what each version of each plan was, and since when, without the goals that are not this reader's to know of."""
    kept = {name.removeprefix(GOAL) for name in await kept_back(desk, ctx, conn, case, acting)}
    return [
        (envelope.time, event.model_copy(update={"goals": tuple(goal for goal in event.goals if goal not in kept)}))
        for envelope, event in await desk.journal.history(CASE, case, conn=conn)
        if isinstance(event, PlanStarted | PlanUpdated)
    ]


# --- the child's voice, and languages ---------------------------------------------------------------------------------


async def note_not_heard(
    desk: Desk, ctx: Context, case: CaseRef, *, before: Decisions, reason: hearing.NotHeardReason
) -> Changed[CaseState]:
    """Note why the child is not heard before a decision (barnevernsloven § 1-4)."""
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.RECORD_CHILD_VIEW)
    command = hearing.NoteNotHeard(by=acting, before=before, reason=reason, age=await age_now(desk, ctx, located.case))
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: hearing.decide_not_heard(state, command, ctx.now, desk.team.hearing),
        lambda _, version: answer(NotHeardView(before=before, reason=reason), status=201, version=version),
    )


async def record_need(desk: Desk, ctx: Context, case: CaseRef, need: Need) -> Changed[CaseState]:
    """Record how one of the family is spoken with; the words are codes, and the vault has them (seed rule 146).

    What is so already, by the vault and by what was published, is recorded once.
    """
    located, acting = await meet(desk, ctx, case)
    await permitted(desk, ctx, located, acting, Action.RECORD_LANGUAGE)
    async with desk.pool.acquire() as conn:
        told_before = await desk.team.records.needs(conn, located.case)
    kept = KeptNeed(
        person=need.person,
        ordinal=need.ordinal,
        language=need.language,
        interpreter=need.interpreter,
        written_material=need.written_material,
    )

    def decide(state: CaseState) -> list[CaseEvent]:
        access.require(state, Action.RECORD_LANGUAGE, acting, ctx.now)
        if acting.guardian is not None and (need.person, need.ordinal) != (GrantorClass.GUARDIAN, acting.guardian):
            raise NotPermittedError("not-own-language")
        if acting.child and need.person is not GrantorClass.CHILD:
            raise NotPermittedError("not-own-language")
        # Their numbers are not one after the other when somebody has lost parental responsibility, or got it later.
        known = state.responsible if need.person is GrantorClass.GUARDIAN else frozenset({1})
        if need.ordinal not in known:
            raise NotAGrantorError("There is nobody in the family with that number.")
        told = LanguageNeedRecorded(
            case=located.case,
            person=need.person,
            ordinal=need.ordinal,
            interpreter=need.interpreter != "none",
            language=None if state.address_protected else need.language,
        )
        return [] if kept in told_before and LanguageNeed.of(told) in state.around.languages else [told]

    view = NeedView(person=need.person, ordinal=need.ordinal, interpreter=need.interpreter != "none")
    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda _, version: answer(view, status=201, version=version),
        lambda conn: desk.team.records.keep_need(conn, located.case, kept),
        looks=acting,
    )


async def read_needs(desk: Desk, ctx: Context, case: CaseRef) -> tuple[LanguageNeeds, int]:
    """Return how the family is spoken with, to whoever meets or writes to it; recorded first."""
    located, acting = await meet(desk, ctx, case)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.READ_LANGUAGE)
            known = await desk.team.records.needs(conn, located.case)
            kept = [one for one in known if looked.state.speaks_with(one.person, one.ordinal)]
            if acting.guardian is not None or acting.child:
                # How the other guardian is spoken with is the other's, and no more the child's.
                own = mine(acting)
                kept = [one for one in kept if one.person is GrantorClass.CHILD or (one.person, one.ordinal) == own]
            shown = frozenset({InformationCategory.CONTACT}) if kept else frozenset[InformationCategory]()
            await record(desk, ctx, conn, looked, shown=shown)
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    return LanguageNeeds(case=located.case, needs=tuple(NeedContent(**dict(one)) for one in kept)), looked.version


async def age_now(desk: Desk, ctx: Context, case: CaseRef) -> int:
    """Return the child's age today, in whole years; the birth date stays in the vault."""
    async with desk.pool.acquire() as conn:
        return await age_of_child(desk, conn, case, ctx.now)


async def age_of_child(desk: Desk, conn: Connection, case: CaseRef, now: datetime) -> int:
    """Return the same, in a transaction."""
    child = await desk.records.child(conn, case)
    return age_on(child.born, oslo_day(now))


def _plan_view(state: CaseState) -> PlanView:
    present = state.around.plan
    if present is None:
        raise UnknownPartError
    return PlanView.of(present)


def _note(desk: Desk, ctx: Context, case: CaseRef, name: str, acting: Acting, given: Wished) -> Keep | None:
    note = given.note
    if not note:
        return None
    said = said_by_family(acting, given.grantor, ctx.now)
    return lambda conn: desk.records.keep_wish(conn, case, name, note, said)
