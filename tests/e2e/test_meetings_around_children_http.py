"""Meetings that are due around children over HTTP: who is told of which child, and what is told of all of them together."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from services.meetings.around_child_consumers import AROUND_CHILDREN
from shared.clock import SimulatedClock
from shared.contracts.cases import CoordinatorKind, Party
from shared.contracts.codes import Role, Service
from shared.contracts.safekeeping import CaseErased, ErasureReason
from shared.contracts.team import CoordinatorAppointed
from shared.deadlines import Deadlines
from shared.refs import PROTECTED_LOG, ActorId, CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.e2e.test_cases_forms_http import FIELDS
from tests.integration.audit_world import Publisher

pytestmark = pytest.mark.connected

GROUP, TRANSITION = "ansvarsgruppe", "overgang-barnehage-skole"
MEETS = datetime(2026, 10, 20, 11, 0, tzinfo=UTC)


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def with_a_group(lia: Town) -> str:
    """Let there be a group around a child, which the nurse coordinates; return the case."""
    case = await lia.cases.opened()
    await lia.cases.consented(case, purposes=("assessment", "transition"))
    appointment = {"kind": GROUP, "coordinator": await lia.cases.receiver("nurse")}
    await lia.cases.must("teacher", f"/cases/{case}/coordinator", appointment)
    await lia.carry()
    return case


async def due(lia: Town, who: str, arena_type: str = GROUP) -> list[tuple[str, str, str]]:
    lines = (await lia.see(who, "/due-meetings"))["items"]
    return [(each["case"], each["period"], each["standing"]) for each in lines if each["arena_type"] == arena_type]


async def conforms(lia: Town, arena_type: str = GROUP) -> dict[str, bool]:
    rows = (await lia.see("coordinator", "/conformity?limit=200"))["items"]
    mine = [each for each in rows if each["arena_type"] == arena_type]
    assert {each["unit"] for each in mine} == {None}
    assert {each["told"] for each in mine} == {None}
    return {each["period"]: each["conforms"] for each in mine}


async def missing(lia: Town, arena_type: str = GROUP) -> list[dict[str, Any]]:
    found = (await lia.see("coordinator", "/deviations?limit=200"))["items"]
    return [each for each in found if each["arena_type"] == arena_type]


async def called(lia: Town, case: str) -> tuple[str, str]:
    """Let the nurse call the group, and the teacher bring the child; return meeting and item."""
    body = {
        "arena": await lia.arena(GROUP),
        "starts_at": MEETS.isoformat(),
        "units": ["unit:lia-barnehage"],
        "services": ["barnehage", "ppt"],
    }
    meeting = str((await lia.must("nurse", "/meetings", body))["meeting"])
    return meeting, str((await lia.add("teacher", meeting, lia.named(case)))["item"])


@pytest.mark.rule(23, 29, 95)
@pytest.mark.story(1)
async def test_a_group_that_has_not_met_is_told_of_to_who_knows_of_the_child(lia: Town) -> None:
    assert await conforms(lia) == {"autumn": True, "spring": True}
    assert await missing(lia) == []
    case = await with_a_group(lia)
    both = [(case, "autumn", "missing"), (case, "spring", "missing")]
    for who in ("nurse", "teacher", "styrer"):
        assert await due(lia, who) == both
    # Who calls all meetings of the municipality, or sits in the group's, knows of no case by that.
    for who in ("coordinator", "ppt", "barnevern", "curious", "haugen-styrer"):
        assert await due(lia, who) == []
    own = {"pid": lia.cases.guardian_a.national_number}
    assert (await lia.get("styrer", "/due-meetings", **own)).json()["items"] == [], (
        "a leader's own child is none of theirs"
    )
    listed = await lia.access("list")
    assert {(each["kind"], "case" in each) for each in listed} == {("list", False)}
    assert await conforms(lia) == {"autumn": False, "spring": False}
    lacking = await missing(lia)
    assert [(each["kind"], each["period"], each["day"], each["rule"]) for each in lacking] == [
        ("too-few-planned", "autumn", "2026-12-31", 29),
        ("too-few-planned", "spring", "2027-07-31", 29),
    ]
    assert {(each["unit"], each["meeting"], each["due"], each["found"]) for each in lacking} == {(None,) * 4}
    assert (
        "Minst ett barn har ikke fått møtet sitt planlagt ennå."
        in (await lia.get("coordinator", "/year-wheel/page?language=nb")).text
    )
    meeting, item = await called(lia, case)
    assert await due(lia, "nurse") == [(case, "autumn", "called"), both[1]]
    assert await conforms(lia) == {"autumn": True, "spring": False}
    lia.clock.set(MEETS + timedelta(hours=2))
    seats = (("barnehage", "teacher"), ("ppt", "ppt-adviser"), ("helsestasjon", "health-nurse"))
    held = lia.held(
        [{"item": item}],
        started_at=MEETS.isoformat(),
        ended_at=(MEETS + timedelta(hours=1)).isoformat(),
        chair="health-nurse",
        attendance=[{"service": service, "role": role, "present": True} for service, role in seats],
        guardians_present=2,
    )
    await lia.must("nurse", f"/meetings/{meeting}/holding", held)
    assert await due(lia, "nurse") == [(case, "autumn", "held"), both[1]]
    version = await lia.cases.version("teacher", case)
    await lia.cases.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    await lia.carry()
    assert await due(lia, "nurse") == []
    assert await conforms(lia) == {"autumn": True, "spring": True}
    await lia.stale()
    assert (await lia.get("nurse", "/due-meetings")).status_code == 503


async def with_a_plan(lia: Town) -> tuple[str, str]:
    """Let the nurse, who coordinates the group, begin the plan of its child; return case and consent."""
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case, categories=("development", "language", "plan"))
    appointment = {"kind": GROUP, "coordinator": await lia.cases.receiver("nurse")}
    await lia.cases.must("teacher", f"/cases/{case}/coordinator", appointment)
    await lia.cases.must("guardian-a", f"/cases/{case}/plan-request")
    heard = {"method": "conversation", "before": "plan", "text": "Vil ha noen å leke med."}
    await lia.cases.must("nurse", f"/cases/{case}/child-views", heard)
    await lia.cases.must("nurse", f"/cases/{case}/plan", {"goals": ["Har noen å leke med."]})
    await lia.carry()
    assert await due(lia, "nurse") == [(case, "autumn", "missing"), (case, "spring", "missing")]
    return case, consent


@pytest.mark.rule(23, 37)
@pytest.mark.story(16, 17)
async def test_whose_service_is_withdrawn_is_told_nothing_more_though_they_began_the_plan(lia: Town) -> None:
    case, consent = await with_a_plan(lia)
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    assert (await lia.cases.get("nurse", f"/cases/{case}")).status_code == 404
    await lia.carry()
    assert await due(lia, "nurse") == []
    assert await due(lia, "teacher") == [(case, "autumn", "missing"), (case, "spring", "missing")]
    # Nor is the meeting theirs to call: it lies with whoever has the case.
    await looked(lia, datetime(2026, 11, 16, 7, 0, tzinfo=UTC))
    [missing] = [each["data"] for each in await lia.published("child-meeting.missing.v1")]
    assert "coordinator" not in missing


@pytest.mark.rule(23, 37)
@pytest.mark.story(16)
async def test_who_handed_the_coordination_over_or_works_elsewhere_now_is_told_nothing_more(lia: Town) -> None:
    case, _ = await with_a_plan(lia)
    elsewhere = {"lagspill_unit": "unit:another-helsestasjon"}
    assert (await lia.get("nurse", "/due-meetings", **elsewhere)).json()["items"] == []
    away = {"lagspill_unit": "unit:haugen-barnehage"}
    assert (await lia.get("teacher", "/due-meetings", **away)).json()["items"] == []
    second = await lia.cases.receiver("second-nurse")
    offer = {"kind": GROUP, "receiver": second}
    sent = await lia.cases.must("nurse", f"/cases/{case}/coordinator-handovers", offer)
    await lia.cases.must("second-nurse", f"/handovers/{sent['handover']}/acceptance")
    await lia.carry()
    assert await due(lia, "nurse") == []
    theirs = (await lia.get("nurse", "/due-meetings", sub="second-nurse")).json()["items"]
    assert [each["case"] for each in theirs] == [case, case]


@pytest.mark.rule(10, 11, 13)
async def test_a_child_with_a_transition_form_is_to_have_its_meeting_before_it_starts_school(lia: Town) -> None:
    case = await with_a_group(lia)
    assert await due(lia, "teacher", TRANSITION) == []
    body = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    await lia.cases.must("teacher", f"/cases/{case}/transition-forms", body)
    await lia.carry()
    assert await due(lia, "teacher", TRANSITION) == [(case, "year", "missing")]
    assert await conforms(lia, TRANSITION) == {"year": False}
    [lacking] = await missing(lia, TRANSITION)
    assert (lacking["kind"], lacking["day"], lacking["rule"]) == ("too-few-planned", "2026-11-30", 10)


async def looked(lia: Town, monday: datetime) -> None:
    """Let it be that Monday, and the look of it done."""
    kit = lia.kit
    lia.clock.set(monday)
    await Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()


@pytest.mark.rule(23, 29)
async def test_who_is_to_call_the_group_hears_once_that_there_are_six_weeks_left(lia: Town) -> None:
    case = await with_a_group(lia)
    for monday in (datetime(2026, 11, 2, 7, 0, tzinfo=UTC), datetime(2026, 11, 9, 7, 0, tzinfo=UTC)):
        assert await lia.published("child-meeting.missing.v1") == []
        await looked(lia, monday)
    await looked(lia, datetime(2026, 11, 16, 7, 0, tzinfo=UTC))
    [missing] = [each["data"] for each in await lia.published("child-meeting.missing.v1")]
    assert missing == {
        "deviation": missing["deviation"],
        "case": case,
        "arena_type": GROUP,
        "day": "2026-12-31",
        "rule": 29,
        "coordinator": (await lia.cases.receiver("nurse"))["actor"],
    }


@pytest.mark.rule(29, 95)
async def test_that_a_group_has_not_met_is_published_once_without_the_child_and_without_a_number(lia: Town) -> None:
    case = await with_a_group(lia)
    for monday in (datetime(2027, 1, 11, 7, 0, tzinfo=UTC), datetime(2027, 1, 18, 7, 0, tzinfo=UTC)):
        await looked(lia, monday)
    found = [each for each in await lia.published("deviation.found.v1") if each["data"]["arena_type"] == GROUP]
    [told] = [each["data"] for each in found]
    assert told == {
        "deviation": told["deviation"],
        "kind": "too-few-held",
        "arena_type": GROUP,
        "day": "2026-12-31",
        "rule": 29,
        "led_by": ["unit:kommune"],
        "absent": [],
    } | {key: told[key] for key in ("municipality",) if key in told}
    assert case not in str(found)
    rows = (await lia.see("coordinator", "/conformity?limit=200"))["items"]
    [autumn] = [each for each in rows if (each["arena_type"], each["period"]) == (GROUP, "autumn")]
    assert (autumn["conforms"], autumn["told"]) == (False, {"children": None, "held": None, "missing": None})


@pytest.mark.rule(29, 95)
async def test_nothing_is_said_of_children_and_nothing_told_for_good_before_all_is_known_of_them(lia: Town) -> None:
    await with_a_group(lia)
    told = "SELECT count(*) FROM told_around_children"
    await lia.stale()
    await looked(lia, datetime(2027, 1, 11, 7, 0, tzinfo=UTC))
    assert await lia.published("child-meeting.missing.v1") == []
    found = {each["data"]["arena_type"] for each in await lia.published("deviation.found.v1")}
    assert GROUP not in found
    assert found, "what has nothing to do with children by name does not wait"
    assert await lia.pool.fetchval(told) == 0
    for path in ("/conformity", "/deviations", "/year-wheel/page", "/due-meetings"):
        assert (await lia.get("styrer", path)).status_code == 503, path
    assert (await lia.get("styrer", "/year-wheel")).status_code == 200
    assert (await lia.get("teacher", "/year-wheel/page")).status_code == 200, "it shows them no deviations"
    await lia.fresh()
    await looked(lia, datetime(2027, 1, 11, 7, 10, tzinfo=UTC))
    assert GROUP in {each["data"]["arena_type"] for each in await lia.published("deviation.found.v1")}
    assert await lia.pool.fetchval(told) > 0


@pytest.mark.rule(23, 29)
async def test_of_an_erased_case_and_of_one_with_a_protected_address_nothing_is_kept(lia: Town) -> None:
    says = Publisher("/services/cases", seed=29)
    says.moment = lia.clock.now()
    nurse = Party(actor=ActorId("act_nurse-in-notodden"), role=Role.HEALTH_NURSE, service=Service.HELSESTASJON)

    async def kept() -> list[str]:
        return [row["case_ref"] for row in await lia.pool.fetch("SELECT DISTINCT case_ref FROM child_facts")]

    def appointed(case: CaseRef, scope: str) -> bytes:
        event = CoordinatorAppointed(case=case, kind=CoordinatorKind.ANSVARSGRUPPE, coordinator=nurse)
        return says.publish(event, scope, sequence=4)

    ours, protected = CaseRef(lia.kit.ids.ref("cas")), CaseRef(lia.kit.ids.ref("cas"))
    told = [appointed(ours, "4005"), appointed(protected, f"{PROTECTED_LOG}_{'b' * 26}")]
    reading = lia.intake(AROUND_CHILDREN)
    await reading.process([lia.record(body) for body in (*told, told[0])])
    assert await kept() == [ours]
    assert await conforms(lia) == {"autumn": False, "spring": False}
    erased = says.publish(CaseErased(case=ours, reason=ErasureReason.RETENTION), "4005", sequence=5)
    await reading.process([lia.record(erased)])
    assert await kept() == []
    assert await conforms(lia) == {"autumn": True, "spring": True}


@pytest.mark.rule(29)
async def test_who_does_not_work_for_the_municipality_is_told_nothing(lia: Town) -> None:
    outside = {"lagspill_roles": ["auditor"], "lagspill_service": None, "lagspill_unit": None}
    refused = await lia.get("teacher", "/due-meetings", **outside)
    assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden")
    assert (await lia.http.get("/due-meetings")).status_code == 401
