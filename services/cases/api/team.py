"""The team around the child: members, goal, coordinators, the individual plan, the child's voice, languages."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import Response

from services.cases.api import team_bodies as bodies
from services.cases.api.at_desk import AtDesk
from services.cases.handlers import coordination, team
from services.cases.handlers.team import Need, Wished
from services.cases.team_contents import LanguageNeeds, PlanContent
from services.cases.views import HandoverView
from services.cases.views_team import AroundView, NeedView, NotHeardView, PlanView, TeamView
from shared.contracts.codes import Service
from shared.refs import CaseRefField
from shared.web import Command, Reading, represent, respond

router = APIRouter(tags=["team"])


@router.get("/cases/{case}/team", response_model=TeamView, summary="The team around the child")
async def read_team(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return who is around the child and answers for what, and who usually is and is not yet."""
    view, version = await team.read_team(desk, ctx, case)
    return represent(view, version=version)


@router.post(
    "/cases/{case}/team-members", status_code=201, response_model=TeamView, summary="Let a service join the team"
)
async def ask_in(case: CaseRefField, body: bodies.TeamMemberBody, ctx: Command, desk: AtDesk) -> Response:
    """Let a service join without a measure; a consent must cover it."""
    return respond(await team.ask_in(desk, ctx, case, service=body.service, role=body.role))


@router.post(
    "/cases/{case}/team-members/{service}/departure",
    status_code=201,
    response_model=TeamView,
    summary="Let a service leave the team",
)
async def release(
    case: CaseRefField, service: Service, body: bodies.ReleaseBody, ctx: Command, desk: AtDesk
) -> Response:
    """Let a service leave; one that carries out a measure stays as long as that runs."""
    return respond(await team.release(desk, ctx, case, service, body.reason))


@router.post("/cases/{case}/team-goal", status_code=201, response_model=AroundView, summary="Set the common goal")
async def set_goal(case: CaseRefField, body: bodies.TeamGoalBody, ctx: Command, desk: AtDesk) -> Response:
    """Say what all in the team work for, or word it anew."""
    return respond(await team.set_goal(desk, ctx, case, body.text))


@router.post(
    "/cases/{case}/coordinator-request",
    status_code=201,
    response_model=AroundView,
    summary="Wish for a child coordinator",
)
async def request_coordinator(case: CaseRefField, body: bodies.WishBody, ctx: Command, desk: AtDesk) -> Response:
    """Wish for a child coordinator (barnekoordinator): a guardian or the child, or recorded for one of them."""
    given = Wished(grantor=body.grantor, evidence=body.evidence, note=body.note)
    return respond(await team.request_coordinator(desk, ctx, case, given))


@router.post("/cases/{case}/coordinator", status_code=201, response_model=AroundView, summary="Appoint a coordinator")
async def appoint(case: CaseRefField, body: bodies.CoordinatorBody, ctx: Command, desk: AtDesk) -> Response:
    """Appoint whoever coordinates the group, or the child coordinator that the family wished for."""
    party = body.coordinator.party()
    return respond(await team.appoint(desk, ctx, case, kind=body.kind, coordinator=party))


@router.post(
    "/cases/{case}/coordinator-handovers",
    status_code=201,
    response_model=HandoverView,
    summary="Offer the coordination",
)
async def offer_coordination(
    case: CaseRefField, body: bodies.CoordinatorHandoverBody, ctx: Command, desk: AtDesk
) -> Response:
    """Offer your coordination to a named receiver. You coordinate until it is accepted, at `/handovers/{id}/acceptance`."""
    receiver = body.receiver.party()
    return respond(
        await coordination.offer(desk, ctx, case, kind=body.kind, receiver=receiver, respond_by=body.respond_by)
    )


@router.post("/cases/{case}/coordinator-end", status_code=201, response_model=AroundView, summary="End a coordination")
async def end_coordination(case: CaseRefField, body: bodies.CoordinatorEndBody, ctx: Command, desk: AtDesk) -> Response:
    """End it: the holder, or the family that no longer wants it."""
    return respond(await team.end_coordination(desk, ctx, case, body.kind))


@router.get("/cases/{case}/plan", response_model=PlanContent, summary="The individual plan")
async def read_plan(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return the plan with the words of its goals, as far as your basis reaches."""
    view, version = await team.read_plan(desk, ctx, case)
    return represent(view, version=version)


@router.post(
    "/cases/{case}/plan-request", status_code=201, response_model=AroundView, summary="Wish for an individual plan"
)
async def request_plan(case: CaseRefField, body: bodies.WishBody, ctx: Command, desk: AtDesk) -> Response:
    """Wish for an individual plan; nobody else can begin one."""
    given = Wished(grantor=body.grantor, evidence=body.evidence, note=body.note)
    return respond(await team.request_plan(desk, ctx, case, given))


@router.post("/cases/{case}/plan", status_code=201, response_model=PlanView, summary="Begin the individual plan")
async def start_plan(case: CaseRefField, body: bodies.PlanStartBody, ctx: Command, desk: AtDesk) -> Response:
    """Begin the plan, as whoever coordinates; its next versions are the approved minutes of the group's meetings."""
    return respond(await team.start_plan(desk, ctx, case, body.goals))


@router.post("/cases/{case}/plan-closure", status_code=201, response_model=PlanView, summary="End the individual plan")
async def close_plan(case: CaseRefField, body: bodies.PlanClosureBody, ctx: Command, desk: AtDesk) -> Response:
    """End the plan: the coordinator, or the family that no longer wants it."""
    return respond(await team.close_plan(desk, ctx, case, body.reason))


@router.post(
    "/cases/{case}/child-view-exceptions",
    status_code=201,
    response_model=NotHeardView,
    summary="Say why the child is not heard",
)
async def note_not_heard(case: CaseRefField, body: bodies.NotHeardBody, ctx: Command, desk: AtDesk) -> Response:
    """Note a reason that counts for not hearing the child before a decision."""
    return respond(await team.note_not_heard(desk, ctx, case, before=body.before, reason=body.reason))


@router.post("/cases/{case}/language-needs", status_code=201, response_model=NeedView, summary="Record a language need")
async def record_need(case: CaseRefField, body: bodies.LanguageNeedBody, ctx: Command, desk: AtDesk) -> Response:
    """Record how a guardian or the child is spoken with: language, interpreter, written material."""
    need = Need(
        person=body.person,
        ordinal=body.ordinal,
        language=body.language,
        interpreter=body.interpreter,
        written_material=body.written_material,
    )
    return respond(await team.record_need(desk, ctx, case, need))


@router.get("/cases/{case}/language-needs", response_model=LanguageNeeds, summary="How the family is spoken with")
async def read_needs(case: CaseRefField, ctx: Reading, desk: AtDesk) -> Response:
    """Return languages and interpreters needed, to whoever meets or writes to the family."""
    view, version = await team.read_needs(desk, ctx, case)
    return represent(view, version=version)
