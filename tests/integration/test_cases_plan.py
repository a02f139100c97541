"""Approved minutes of a child's group are the next version of its plan; a meeting's measures and members come by its events alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts import meetings
from shared.contracts.codes import Role, Service
from shared.refs import ArenaRef, CaseRef, DocumentRef, ItemRef, MeasureRef, MeetingRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.integration.test_cases_consumers import IDS, take

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def held(world: World, meeting: MeetingRef, arena_type: str = "ansvarsgruppe") -> meetings.MeetingHeld:
    return meetings.MeetingHeld(
        meeting=meeting,
        arena=ArenaRef(IDS.ref("arn")),
        arena_type=arena_type,
        started_at=world.clock.now() - timedelta(hours=1),
        ended_at=world.clock.now(),
        chair=Role.HEALTH_NURSE,
        attendance=(),
        kinds_covered=frozenset(),
        guardians_present=2,
    )


def decided(world: World, meeting: MeetingRef, case: str, *owners: Service) -> meetings.OutcomeRecorded:
    return meetings.OutcomeRecorded(
        meeting=meeting,
        item=ItemRef(IDS.ref("itm")),
        mode=meetings.ItemMode.NAMED,
        decision="measure-planned",
        case=CaseRef(case),
        measures=tuple(
            meetings.PlannedMeasure(
                measure=MeasureRef(IDS.ref("mea")),
                code=code,
                owner=owner,
                owner_unit=UnitId("unit:ppt") if owner is Service.PPT else None,
                indicator="words-in-play",
                evaluate_by=world.clock.now() + timedelta(days=60),
            )
            for owner, code in zip(owners, ("sprakgruppe", "observasjon"), strict=False)
        ),
        join_team=frozenset(owners),
    )


def approved(meeting: MeetingRef, version: int = 1) -> meetings.MinutesApproved:
    return meetings.MinutesApproved(meeting=meeting, version=version, document=DocumentRef(IDS.ref("doc")))


async def planned_case(world: World) -> str:
    """Return a case whose plan has begun, at the family's wish."""
    case = await world.opened()
    await world.consented(case, categories=("development", "language", "plan"))
    await world.must("guardian-a", f"/cases/{case}/plan-request")
    said = {"method": "conversation", "before": "plan", "text": "Vil ha noen å leke med."}
    await world.must("nurse", f"/cases/{case}/child-views", said)
    await world.must("nurse", f"/cases/{case}/plan", {"goals": ["Har noen å leke med."]})
    return case


@pytest.mark.rule(26, 36, 37, 38)
@pytest.mark.story(16)
async def test_the_guardians_ask_for_a_plan_and_approved_minutes_are_its_second_version(world: World) -> None:
    """Row 16: the same case, at level 2; nobody writes the plan a second time."""
    case = await planned_case(world)
    view = await world.see("teacher", f"/cases/{case}")
    assert (view["level"], view["around"]["plan"]["version"]) == (2, 1)
    meeting = MeetingRef(IDS.ref("mtg"))
    outcome = decided(world, meeting, case, Service.PPT)
    minutes = approved(meeting)
    await take(world, held(world, meeting), outcome, minutes, times=3)
    read = await world.see("guardian-b", f"/cases/{case}/plan")
    assert (read["version"], read["meeting"], read["document"]) == (2, meeting, minutes.document)
    # The goal of the first version, and that of the measure which the group decided: its words stand in the minutes.
    assert [one["text"] for one in read["words"]] == ["Har noen å leke med.", None]
    [measure] = (await world.see("teacher", f"/cases/{case}"))["measures"]
    assert read["goals"][1] == measure["goal"]
    assert len(await world.published("plan.updated.v1")) == 1
    # The same minutes once more, in an event of their own: not the inbox but the document says that there is nothing new.
    await take(world, minutes)
    assert len(await world.published("plan.updated.v1")) == 1
    corrected = approved(meeting, 2)
    await take(world, corrected)
    plan = f"/cases/{case}/plan"
    assert (await world.see("guardian-b", plan))["version"] == 3
    # Every version that there was, and of which minutes each is; also of a plan that has ended, beside the next one.
    versions = (await world.see("guardian-b", plan))["versions"]
    assert [(one["version"], one["meeting"], one["document"]) for one in versions] == [
        (1, None, None),
        (2, meeting, minutes.document),
        (3, meeting, corrected.document),
    ]
    assert [one["text"] for one in versions[0]["words"]] == ["Har noen å leke med."]
    await world.must("guardian-a", f"{plan}-closure", {"reason": "no-longer-wanted"})
    await world.must("guardian-a", f"{plan}-request")
    again = await world.see("guardian-b", plan)
    assert (again["status"], again["version"], again["words"], again["versions"]) == ("requested", 0, [], versions)
    assert {one["plan"] for one in versions} != {again["plan"]}


@pytest.mark.rule(4, 38)
async def test_a_goal_that_the_child_alone_consented_to_is_in_no_version_that_a_guardian_reads(world: World) -> None:
    world.child = People(8).child(age=16)
    case = await world.opened()
    consent = await world.requested(
        case, services=("helsestasjon",), purposes=("coordination",), categories=("language", "plan")
    )
    for who in ("guardian-a", "guardian-b", "child"):
        await world.post(who, f"/consents/{consent}/grants")
    assert (await world.see("teacher", f"/consents/{consent}"))["status"] == "active"
    await world.must("guardian-a", f"/cases/{case}/plan-request")
    said = {"method": "conversation", "before": "plan", "text": "Vil sove."}
    await world.must("nurse", f"/cases/{case}/child-views", said)
    await world.must("nurse", f"/cases/{case}/plan", {"goals": ["Har noen å være sammen med."]})
    alone = await world.requested(case, services=("bup",), purposes=("follow-up",), categories=("health",))
    await world.must("child", f"/consents/{alone}/grants")
    meeting = MeetingRef(IDS.ref("mtg"))
    for nth, owners in enumerate(((Service.BUP,), ()), start=1):
        outcome = decided(world, meeting, case, *owners)
        await take(world, held(world, meeting), outcome, approved(meeting, nth))
    for who, goals in (("guardian-a", [1, 1, 1]), ("child", [1, 2, 2])):
        read = await world.see(who, f"/cases/{case}/plan")
        assert [len(one["words"]) for one in read["versions"]] == goals, who
        assert len(read["goals"]) == goals[-1], who


@pytest.mark.rule(38)
async def test_minutes_of_another_arena_or_another_case_write_no_plan(world: World) -> None:
    case = await planned_case(world)
    other = MeetingRef(IDS.ref("mtg"))
    await take(world, held(world, other, "ressursteam"), decided(world, other, case), approved(other))
    foreign = MeetingRef(IDS.ref("mtg"))
    await take(world, held(world, foreign), decided(world, foreign, IDS.ref("cas")), approved(foreign))
    unknown = MeetingRef(IDS.ref("mtg"))
    await take(world, approved(unknown))
    assert (await world.see("guardian-a", f"/cases/{case}/plan"))["version"] == 1
    # A plan that has only been wished for is written by nobody's minutes.
    wished = await world.opened()
    await world.must("guardian-a", f"/cases/{wished}/plan-request")
    meeting = MeetingRef(IDS.ref("mtg"))
    await take(world, held(world, meeting), decided(world, meeting, wished), approved(meeting))
    assert (await world.see("teacher", f"/cases/{wished}"))["around"]["plan"]["status"] == "requested"


@pytest.mark.rule(26, 33, 88, 141)
@pytest.mark.story(10)
async def test_a_measure_brings_its_service_into_the_team_and_the_guardians_choose_whom_they_turn_to(
    world: World,
) -> None:
    """Row 10: measure and member by the event alone, with no second typing; then the contact person."""
    case = await world.opened()
    await world.consented(case)
    meeting = MeetingRef(IDS.ref("mtg"))
    await take(
        world, held(world, meeting, "ressursteam"), decided(world, meeting, case, Service.PPT, Service.BARNEVERN)
    )
    team = await world.see("teacher", f"/cases/{case}/team")
    # Child welfare sits in the arena and is outside the scope: the meeting's word is no basis.
    assert [one["service"] for one in team["members"]] == ["ppt"]
    assert len(team["members"][0]["measures"]) == 1
    [member] = await world.published("team-member-added.v1")
    assert member["data"]["because_of"] == team["members"][0]["measures"][0]
    chosen = {"service": "ppt", "role": "ppt-adviser"}
    await world.must("guardian-b", f"/cases/{case}/contact-person", chosen)
    team = await world.see("guardian-a", f"/cases/{case}/team")
    assert team["contact_person"]["service"] == "ppt"
    refused = await world.post(
        "guardian-a", f"/cases/{case}/contact-person", {"service": "barnevern", "role": "leader"}
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "not-in-team")
