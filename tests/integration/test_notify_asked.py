"""Who hears of requests to contribute, of plans and coordinators, and of concern reports; the family hears of no report."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Literal

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts import cases, reports, team
from shared.contracts.codes import GrantorClass, InformationCategory, LegalBasis, Purpose, Role, Scope, Service
from shared.contracts.notify import ConsentReceiptRecorded
from shared.refs import (
    CaseRef,
    ConcernReportRef,
    ConsentRef,
    ContributionRef,
    GoalRef,
    HandoverRef,
    MeasureRef,
    MeetingRef,
    PlanRef,
)
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import World, notify_world

pytestmark = pytest.mark.connected

CASE = CaseRef("cas_" + "b" * 25 + "d")
ASKED = ContributionRef("ctb_" + "b" * 26)
PLAN = PlanRef("pln_" + "b" * 26)
REPORT = ConcernReportRef("rpt_" + "b" * 26)


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, and those who may be told."""
    async with notify_world(migrated, issuer, clock) as made:
        for who in ("teacher", "styrer", "rektor", "nurse", "ppt-leader", "health-leader"):
            await made.prefer(who)
        yield made


def requested(world: World) -> team.ContributionRequested:
    return team.ContributionRequested(
        case=CASE,
        contribution=ASKED,
        service=Service.PPT,
        anonymous=True,
        reason=team.ContributionReason.COMPETENCE_MISSING,
        asked_by=world.party("teacher"),
        respond_by=world.clock.now() + timedelta(days=7),
    )


async def told(world: World, who: str) -> list[str]:
    """Return the templates of somebody's messages, oldest first."""
    items = (await world.get(who, "/messages")).json()["items"]
    return [item["template"] for item in reversed(items)]


@pytest.mark.rule(82, 95, 102)
async def test_the_asked_services_leader_is_told_reminded_and_escalated_to(world: World) -> None:
    asked = requested(world)
    await world.take(asked, times=2)
    assert await told(world, "ppt-leader") == ["contribution-request"]
    await world.move_to(asked.respond_by - timedelta(days=2))
    assert (await told(world, "ppt-leader"))[-1] == "contribution-reminder"
    await world.move_to(asked.respond_by)
    await world.take(team.ContributionOverdue(case=CASE, contribution=ASKED, service=Service.PPT))
    assert (await told(world, "ppt-leader"))[-1] == "contribution-overdue"
    assert await told(world, "teacher") == ["contribution-overdue"]
    await world.move_to(asked.respond_by + timedelta(days=2))
    await world.take(team.ContributionEscalated(case=CASE, contribution=ASKED, service=Service.PPT))
    assert (await told(world, "ppt-leader"))[-1] == "escalation"
    await world.move_to(asked.respond_by + timedelta(days=3))
    await world.take(
        team.ContributionDeclined(case=CASE, contribution=ASKED, by=world.party("ppt-leader"), reason="wrong-service")
    )
    assert (await told(world, "teacher"))[-1] == "contribution-answered"
    assert await told(world, "health-leader") == []
    # An anonymous request leads to no case, in a message neither.
    assert await world.pool.fetchval("SELECT count(*) FROM messages WHERE case_ref IS NOT NULL") == 0


@pytest.mark.rule(82)
async def test_what_is_answered_is_not_reminded_of(world: World) -> None:
    asked = requested(world)
    await world.take(asked, team.ContributionAccepted(case=CASE, contribution=ASKED, by=world.party("ppt-leader")))
    await world.move_to(asked.respond_by + timedelta(days=1))
    assert await told(world, "ppt-leader") == ["contribution-request"]
    assert await told(world, "teacher") == ["contribution-answered"]


def opened(world: World) -> cases.CaseOpened:
    return cases.CaseOpened(
        case=CASE,
        level=1,
        mode=cases.Mode.IDENTIFIED,
        holder=world.party("teacher"),
        decide_by=world.clock.now() + timedelta(days=14),
    )


@pytest.mark.rule(31, 36, 37, 38, 97)
async def test_the_team_hears_of_the_plan_and_the_coordinator_of_the_appointment(world: World) -> None:
    await world.take(
        opened(world),
        cases.TeamMemberAdded(case=CASE, service=Service.PPT),
        team.PlanRequested(
            case=CASE,
            plan=PLAN,
            requested_by=GrantorClass.GUARDIAN,
            evidence=cases.EvidenceForm.E_ID,
            coordinated_by=Service.HELSESTASJON,
            coordinator_role=Role.HEALTH_NURSE,
        ),
    )
    assert await told(world, "health-leader") == ["plan-wished"]
    await world.take(
        team.CoordinatorAppointed(
            case=CASE, kind=cases.CoordinatorKind.ANSVARSGRUPPE, coordinator=world.party("nurse")
        ),
        team.PlanUpdated(
            case=CASE, plan=PLAN, version=2, goals=(GoalRef("goa_" + "b" * 26),), meeting=MeetingRef("mtg_" + "b" * 26)
        ),
    )
    assert await told(world, "nurse") == ["coordinator-appointed"]
    assert await told(world, "ppt-leader") == ["plan-changed"]
    assert "plan-changed" in await told(world, "teacher")
    assert await told(world, "rektor") == []


@pytest.mark.rule(4, 30, 31, 101)
async def test_guardians_hear_of_the_plan_and_of_measures_whatever_becomes_of_a_consent(world: World) -> None:
    """Once each, in their language, and nothing of what it is; what ends with a consent is acknowledged without it."""
    emails = {"guardian-a": "a@guardian.example", "guardian-b": "b@guardian.example"}
    world.neighbours.contacts[CASE] = [
        {
            "recipient": world.actor(who),
            "role": "guardian",
            "ordinal": ordinal,
            "language": language,
            "email": emails[who],
        }
        for ordinal, (who, language) in enumerate((("guardian-a", "nn"), ("guardian-b", "en")), start=1)
    ]
    world.neighbours.contacts[CASE].append(
        {"recipient": world.actor("teacher"), "role": "child", "language": "nb", "email": "child@guardian.example"}
    )
    goals, measure = (GoalRef("goa_" + "b" * 26),), MeasureRef("mea_" + "b" * 26)
    consent = ConsentRef("cst_" + "b" * 26)
    asked = Scope(
        services=frozenset({Service.PPT}),
        categories=frozenset({InformationCategory.LANGUAGE}),
        purposes=frozenset({Purpose.FOLLOW_UP}),
    )
    now = world.clock.now()
    await world.take(
        team.PlanStarted(case=CASE, plan=PLAN, coordinator=world.party("nurse"), goals=goals),
        team.PlanUpdated(case=CASE, plan=PLAN, version=2, goals=goals, meeting=MeetingRef("mtg_" + "b" * 26)),
        team.PlanClosed(case=CASE, plan=PLAN, reason="goals-reached"),
        cases.MeasurePlanned(
            case=CASE,
            measure=measure,
            code="sprakgruppe",
            level=1,
            owner=Service.PPT,
            goal=goals[0],
            indicator="words",
            evaluate_by=now + timedelta(days=60),
        ),
        cases.MeasureStopped(case=CASE, measure=measure, reason="goal-reached"),
        times=2,
    )
    waiting = "SELECT count(*) FROM errands WHERE template LIKE 'guardians-%' AND roles = ARRAY['guardian']"
    assert await world.pool.fetchval(waiting) == 5
    await world.take(
        cases.ConsentWithdrawn(case=CASE, consent=consent, version=2, ended=asked, effective_at=now), times=2
    )
    assert await world.pool.fetchval(waiting) == 5
    receipts = [event for event in await world.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [(one.consent_version, one.messages_cancelled) for one in receipts] == [(2, 0)]
    mails = await world.deliver()
    assert {mail["To"] for mail in mails} >= set(emails.values())
    wrote = [
        (row["recipient"], row["template"], row["language"])
        for row in await world.pool.fetch(
            "SELECT recipient, template, language FROM messages ORDER BY queued_at, message"
        )
        if row["template"].startswith("guardians-")
    ]
    for who, language in (("guardian-a", "nn"), ("guardian-b", "en")):
        own = sorted((template, said) for actor, template, said in wrote if actor == world.actor(who))
        assert own == [("guardians-measures", language)] * 2 + [("guardians-plan", language)] * 3
    assert len(wrote) == 10
    for mail in mails:
        # Without the message's reference: among its random letters any word may stand.
        said = re.sub(r"\bmsg_[a-z]+", "", f"{mail['Subject']} {mail.get_content()}".lower())
        for secret in ("sprakgruppe", "words", "plan", "ppt", measure, goals[0], CASE):
            assert secret not in said


@pytest.mark.rule(23, 97, 107)
async def test_who_is_offered_the_coordination_is_told_which_and_reminded_until_it_is_answered(world: World) -> None:
    handover, due = HandoverRef("hdo_" + "b" * 26), world.clock.now() + timedelta(days=7)
    sent = cases.HandoverSent(
        case=CASE,
        handover=handover,
        kind=cases.HandoverKind.COORDINATOR,
        sender=world.party("ppt-leader"),
        receiver=world.party("nurse"),
        basis=LegalBasis(code="consent", version="2023-01-01"),
        package=cases.Package(),
        respond_by=due,
        route=cases.HandoverRoute.COORDINATOR,
        coordination=cases.CoordinatorKind.ANSVARSGRUPPE,
    )
    await world.take(sent, times=2)
    assert await told(world, "nurse") == ["coordination-request"]
    await world.take(
        cases.HandoverCoordinationAccepted(
            case=CASE, handover=handover, coordination=cases.CoordinatorKind.ANSVARSGRUPPE
        ),
        times=2,
    )
    await world.move_to(due + timedelta(days=1))
    assert await told(world, "nurse") == ["coordination-request"]
    assert await told(world, "health-leader") == []
    # Another one that nobody answers: every step speaks of the coordination, to whoever comes later too.
    later = world.clock.now() + timedelta(days=7)
    again = {"handover": HandoverRef("hdo_" + "c" * 26), "respond_by": later}
    await world.take(sent.model_copy(update=again), times=2)
    for moment in (later - timedelta(days=2), later):
        await world.move_to(moment)
    steps = ["coordination-request", "coordination-request", "coordination-reminder", "coordination-overdue"]
    assert await told(world, "nurse") == steps
    assert await told(world, "health-leader") == ["coordination-escalated"]
    newcomer = {"sub": "second-health-leader"}
    await world.write("health-leader", "PUT", "/preferences", {"language": "nb"}, **newcomer)
    items = (await world.get("health-leader", "/messages", **newcomer)).json()["items"]
    assert [item["template"] for item in items] == ["coordination-escalated"]


@pytest.mark.rule(23, 97, 107)
async def test_who_offered_the_coordination_hears_of_the_no_and_that_it_fell_away_in_its_own_words(
    world: World,
) -> None:
    """Whoever coordinates, that is, and not who has the baton."""
    sent = cases.HandoverSent(
        case=CASE,
        handover=HandoverRef("hdo_" + "b" * 26),
        kind=cases.HandoverKind.COORDINATOR,
        sender=world.party("ppt-leader"),
        receiver=world.party("nurse"),
        basis=LegalBasis(code="consent", version="2023-01-01"),
        package=cases.Package(),
        respond_by=world.clock.now() + timedelta(days=7),
        route=cases.HandoverRoute.COORDINATOR,
        coordination=cases.CoordinatorKind.ANSVARSGRUPPE,
    )
    again = sent.model_copy(update={"handover": HandoverRef("hdo_" + "c" * 26)})
    await world.take(
        opened(world),
        sent,
        cases.HandoverRejected(case=CASE, handover=sent.handover, reason="capacity"),
        again,
        cases.HandoverCancelled(case=CASE, handover=again.handover, reason="receiver-gone"),
        times=2,
    )
    assert sorted(await told(world, "ppt-leader")) == ["coordination-rejected", "coordination-void"]
    assert await told(world, "teacher") == []


@pytest.mark.rule(23, 97)
@pytest.mark.parametrize(
    ("reason", "holder_hears"),
    [
        ("guardians-wish", True),
        ("adult", True),
        ("basis-lapsed", True),
        ("no-longer-needed", False),
        ("case-closed", False),
    ],
)
async def test_who_coordinates_no_more_hears_of_it_and_the_holder_unless_it_was_the_holder_s_doing(
    world: World,
    reason: Literal["guardians-wish", "no-longer-needed", "adult", "basis-lapsed", "case-closed"],
    *,
    holder_hears: bool,
) -> None:
    kinds = list(cases.CoordinatorKind)
    first = [team.CoordinatorAppointed(case=CASE, kind=kind, coordinator=world.party("nurse")) for kind in kinds]
    await world.take(
        opened(world),
        *first,
        first[0].model_copy(update={"coordinator": world.party("ppt-leader")}),
        times=2,
    )
    # Somebody else coordinates the one thing from here on; the other is as it was.
    assert (await told(world, "nurse")).count("coordinator-ended") == 1
    await world.take(team.CoordinatorEnded(case=CASE, kind=kinds[0], reason=reason), times=2)
    assert (await told(world, "nurse")).count("coordinator-ended") == 1
    assert sorted(await told(world, "ppt-leader")) == ["coordinator-appointed", "coordinator-ended"]
    assert await told(world, "teacher") == (["coordinator-missing"] if holder_hears else [])


@pytest.mark.rule(93, 95, 192)
async def test_a_report_is_the_reporters_and_its_leaders_business_and_nobody_elses(world: World) -> None:
    now = world.clock.now()
    sent = reports.ConcernReportSent(
        case=CASE,
        report=REPORT,
        reporter=world.party("teacher"),
        basis=LegalBasis(code="bvl-13-2", version="2023-01-01"),
        channel="digital",
        deliver_by=now + timedelta(days=1),
        feedback_by=now + timedelta(days=21),
        guardians_informed=False,
        sent_at=now,
    )
    await world.take(sent)
    assert await told(world, "teacher") == []
    await world.take(reports.ConcernReportFailed(case=CASE, report=REPORT, reason="unreachable", attempts=9))
    assert await told(world, "teacher") == ["report-by-letter"]
    await world.move_to(sent.feedback_by)
    await world.take(reports.ConcernReportUnanswered(case=CASE, report=REPORT, reporter=world.party("teacher")))
    assert await told(world, "styrer") == ["report-by-letter", "report-unanswered"]
    assert await told(world, "teacher") == ["report-by-letter", "report-unanswered"]
    assert await world.pool.fetchval("SELECT count(*) FROM errands") == 0
    roles = await world.pool.fetch("SELECT DISTINCT recipient_role FROM messages ORDER BY recipient_role")
    assert [row["recipient_role"] for row in roles] == ["leader", "teacher"], (
        "each as who they are, and nobody of the family"
    )
