"""Asking a service to contribute, answering, and how quickly services answer (seed rules 82, 96, 98, 102, 116)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.cases import team_store
from services.cases.domain import contributions
from services.cases.domain.access_table import NARROW
from services.cases.domain.access_terms import Action
from services.cases.domain.figures import median, period_of
from services.cases.domain.relations import is_asked, relations
from services.cases.domain.rules import ANONYMISED, CONSENT, OWN_TASK
from services.cases.domain.shown import Ground
from services.cases.domain.state import CaseState
from services.cases.errors import (
    DeniedError,
    FiguresForLeadersError,
    NotAnonymousError,
    NotInvolvedError,
    NotPermittedError,
    NotStaffError,
    UnknownPartError,
)
from services.cases.handlers.desk import (
    CASE,
    Desk,
    actor_of,
    as_seen,
    change,
    deny,
    following,
    glance,
    look,
    meet,
    permitted,
    record_listing,
)
from services.cases.store import Disclosure, disclosed
from services.cases.tags import asked_version
from services.cases.team_contents import AskedContent
from services.cases.views_team import AskedView, ContributionView, ResponseFigure, ResponseFigures
from shared.aggregate import Answer, Changed, Context
from shared.calendar import start_of_day
from shared.contracts.access import AccessKind, AccessRecorded
from shared.contracts.cases import CaseEvent
from shared.contracts.codes import InformationCategory, Purpose, Role, Service
from shared.contracts.team import ContributionReason
from shared.errors import StaleVersionError
from shared.refs import CaseRef, ContributionRef, LogScope, UnitId
from shared.small_numbers import suppress
from shared.web import answer


@dataclass(frozen=True)
class Asking:
    """A request as it came in."""

    service: Service
    unit: UnitId | None
    reason: ContributionReason
    text: str
    anonymous: bool
    categories: frozenset[InformationCategory]
    purpose: Purpose | None
    respond_by: datetime | None


async def ask(desk: Desk, ctx: Context, case: CaseRef, asking: Asking) -> Changed[CaseState]:
    """Ask a service; the words go to the vault. Anonymously they may lead to nobody (seed rules 82, 106, 116).

    Raises:
        NotAnonymousError: an anonymous text holds a name of the family, a long number or a reference.
    """
    located, acting = await meet(desk, ctx, case)
    contribution = ContributionRef(desk.ids.ref("ctb"))
    command = contributions.AskToContribute(
        by=acting,
        contribution=contribution,
        service=asking.service,
        unit=asking.unit,
        reason=asking.reason,
        anonymous=asking.anonymous,
        categories=asking.categories,
        purpose=asking.purpose,
        respond_by=asking.respond_by,
    )
    rule = desk.team_of(located.municipality).contributions
    found: list[str] = []
    if asking.anonymous:
        await permitted(desk, ctx, located, acting, Action.ASK_CONTRIBUTION)
        async with desk.pool.acquire() as conn:
            names = [(await desk.records.child(conn, located.case)).name]
            names += [one.name for one in await desk.records.guardians(conn, located.case)]
        found = contributions.traces(asking.text, names)

    def decide(state: CaseState) -> list[CaseEvent]:
        decided = contributions.decide_ask(state, command, ctx.now, rule)
        if found:
            raise NotAnonymousError(extensions={"traces": [*found]})
        return decided

    return await change(
        desk,
        ctx,
        located.case,
        decide,
        lambda state, version: answer(
            ContributionView.of(state, contribution),
            status=201,
            version=version,
            location=f"/contributions/{contribution}",
        ),
        lambda conn: desk.team.records.keep_question(conn, located.case, contribution, asking.text),
    )


async def list_of_case(
    desk: Desk, ctx: Context, case: CaseRef, *, after: ContributionRef | None, limit: int
) -> tuple[list[ContributionView], int]:
    """Return one more than `limit` of what services were asked for in a case, to whoever asks, by reference."""
    located, acting = await meet(desk, ctx, case)
    looked = await glance(desk, ctx, located, acting, Action.SEE_CONTRIBUTION)
    if looked.permit.relation in NARROW:
        # Whoever sees the case by something else is refused as if nothing were asked: it may be asked anonymously.
        part = {*relations(looked.state, acting, ctx.now)} - NARROW
        denied = NotPermittedError("not-in-table") if part else NotInvolvedError("only-asked")
        await deny(desk, ctx, located.case, denied)
    refs = following(looked.state.around.contributions, after)[: limit + 1]
    return [ContributionView.of(looked.state, ref) for ref in refs], looked.version


async def list_asked(
    desk: Desk, ctx: Context, *, after: tuple[datetime, str] | None, limit: int
) -> list[tuple[datetime, AskedView]]:
    """Return one more than `limit` of what the actor's service is asked for, newest first; one record for the look."""
    actor = actor_of(ctx)
    if actor.kind != "user" or actor.service is None:
        raise NotStaffError
    found: list[tuple[datetime, AskedView]] = []
    async with desk.pool.acquire() as conn, conn.transaction():
        while len(found) <= limit:
            rows = await team_store.asked_of(
                conn, actor.municipality, actor.service, actor.unit, after=after, limit=limit + 1
            )
            if not rows:
                break
            for row in rows:
                after = (row.asked_at, row.contribution)
                acting = await as_seen(desk, ctx, conn, row.case)
                state = (await desk.journal.load(CASE, row.case, conn=conn)).state
                one = state.around.contributions.get(row.contribution)
                if one is not None and is_asked(one, acting) and len(found) <= limit:
                    found.append((row.asked_at, AskedView.of(state, one)))
        await record_listing(desk, ctx, conn)
    desk.journal.nudge()
    return found


async def read_asked(desk: Desk, ctx: Context, contribution: ContributionRef) -> tuple[AskedContent, int]:
    """Return what is asked, to the service that is asked; the look is recorded first, under the basis it has.

    To that service the version is the request's own: the case's would say which case it comes from.
    """
    located, acting = await meet(desk, ctx, contribution)
    try:
        async with desk.pool.acquire() as conn, conn.transaction():
            looked = await look(desk, ctx, conn, located, acting, Action.SEE_CONTRIBUTION)
            state = looked.state
            if looked.permit.relation in NARROW:
                one = contributions.asked(state, contribution, acting)
            elif contribution in state.around.contributions:
                one = state.around.contributions[contribution]
            else:
                raise UnknownPartError
            text = await desk.team.records.question(conn, located.case, contribution)
            told = looked.permit.relation in NARROW and not one.anonymous
            ground = Ground()
            if told:
                consent = state.consent_covering(ctx.now, one.service, one.categories, one.purpose)
                if consent is None:
                    raise NotInvolvedError("consent-withdrawn")
                ground = Ground(
                    consent=consent.ref, version=consent.version, valid_to=consent.valid_to, categories=one.categories
                )
            actor = actor_of(ctx).access_actor(address_protected=state.address_protected)
            entry = AccessRecorded(
                subject_ref=located.case,
                kind=AccessKind.READ,
                actor=actor,
                case=located.case,
                categories=ground.categories,
                purpose=one.purpose,
                basis=desk.rules.basis(CONSENT if told else ANONYMISED if one.anonymous else OWN_TASK, ctx.now),
                consent=ground.consent,
                consent_version=ground.version,
                permitted=True,
                address_protected=state.address_protected,
                valid_to=None if ground.valid_to is None else start_of_day(ground.valid_to + timedelta(days=1)),
            )
            await desk.journal.record_access(_in_scope(ctx, looked.scope), [entry], conn=conn)
            if told:
                await disclosed(conn, located.case, [_told(ctx, one.service, actor.role, ground)])
    except DeniedError as denied:
        await deny(desk, ctx, located.case, denied)
    desk.journal.nudge()
    view = AskedView.of(state, one)
    version = asked_version(view) if looked.permit.relation in NARROW else looked.version
    return AskedContent(**dict(view), text=text), version


async def answer_contribution(
    desk: Desk,
    ctx: Context,
    contribution: ContributionRef,
    *,
    decline: contributions.DeclineReason | None,
    text: str | None,
) -> Changed[CaseState]:
    """Accept for the service, or decline as its leader, with a reason (seed rules 71, 72, 82)."""
    located, acting = await meet(desk, ctx, contribution)
    command = contributions.AnswerContribution(by=acting, contribution=contribution, decline=decline)
    words = text

    def decide(state: CaseState) -> list[CaseEvent]:
        decided = contributions.decide_answer(state, command, ctx.now)
        if ctx.if_match not in {None, asked_version(AskedView.of(state, state.around.contributions[contribution]))}:
            raise StaleVersionError
        return decided

    def shown(state: CaseState, _: int) -> Answer:
        view = AskedView.of(state, state.around.contributions[contribution])
        return answer(view, status=201, version=asked_version(view))

    return await change(
        desk,
        # Whoever is asked meets the request's version, never the case's.
        replace(ctx, if_match=None),
        located.case,
        decide,
        shown,
        None
        if words is None
        else lambda conn: desk.team.records.keep(
            conn, located.case, f"contribution-answer/{contribution}", InformationCategory.PLAN, words
        ),
    )


async def end_contribution(
    desk: Desk, ctx: Context, contribution: ContributionRef, reason: Literal["given", "withdrawn"]
) -> Changed[CaseState]:
    """Say that it was given, or take it back."""
    located, acting = await meet(desk, ctx, contribution)
    command = contributions.EndContribution(by=acting, contribution=contribution, reason=reason)
    return await change(
        desk,
        ctx,
        located.case,
        lambda state: contributions.decide_end(state, command, ctx.now),
        lambda state, version: answer(ContributionView.of(state, contribution), status=201, version=version),
    )


async def response_figures(desk: Desk, ctx: Context, code: str) -> ResponseFigures:
    """Return how quickly the municipality's services answered in a term that is over, to its leaders (seed rule 102).

    A service with so few requests that their number is not shown is left out: that it is there would say that there was one.

    Raises:
        FiguresForLeadersError: the actor leads nothing.
        PeriodUnknownError, PeriodNotOverError: there are no figures of that period, or not yet.
    """
    actor = actor_of(ctx)
    if actor.kind != "user" or Role.LEADER not in actor.roles:
        raise FiguresForLeadersError
    period = period_of(code, ctx.now)
    async with desk.pool.acquire() as conn:
        rows = await team_store.responses(conn, actor.municipality, period)
    figures = [
        ResponseFigure(
            service=row.service,
            asked=suppress({"in-time": row.in_time, "late": row.late, "unanswered": row.unanswered}),
            median_days=median([*row.days]),
        )
        for row in rows
    ]
    return ResponseFigures(period=period.code, figures=tuple(one for one in figures if one.asked.total is not None))


def _in_scope(ctx: Context, scope: LogScope) -> Context:
    return replace(ctx, scope=scope)


def _told(ctx: Context, service: Service, role: Role | None, ground: Ground) -> Disclosure:
    return Disclosure(
        at=ctx.now,
        way="read",
        service=service,
        role=role,
        organisation=None,
        categories=ground.categories,
        consent=ground.consent,
        consent_version=ground.version,
    )
