"""What units record of themselves over HTTP: competence and its gaps, guidance by age, hours; with every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock, oslo_day
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town

pytestmark = pytest.mark.connected

BARNEHAGE = "unit:tynset-barnehage"


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


@pytest.mark.rule(112, 113, 115, 116, 117, 118)
async def test_competence_is_counted_by_leaders_and_gaps_are_shown(lia: Town) -> None:
    count = {"competence": "participation", "staff": 14, "having": 5}
    assert await lia.refused("tynset-teacher", "/competence", count) == (403, "register-forbidden")
    assert await lia.refused("tynset-coordinator", "/competence", count) == (403, "register-forbidden")
    today = oslo_day(lia.clock.now())
    for changes, code in (
        ({"competence": "knitting"}, "not-yours-to-record"),
        ({"having": 15}, "competence-count-wrong"),
        ({"on": (today + timedelta(days=1)).isoformat()}, "recorded-day-wrong"),
        ({"staff": 0}, "input-invalid"),
    ):
        assert await lia.refused("tynset-styrer", "/competence", {**count, **changes}) == (422, code)
    recorded = await lia.must("tynset-styrer", "/competence", count)
    assert recorded == {"unit": BARNEHAGE, "code": "participation", "on": today.isoformat()}
    # It was counted the day before: what was dated too late is said again, with the day that it was.
    earlier = {**count, "on": (today - timedelta(days=1)).isoformat()}
    for _ in range(2):
        assert (await lia.must("tynset-styrer", "/competence", earlier))["on"] == earlier["on"]
    days = [each["data"]["on"] for each in await lia.published("competence.recorded.v1")]
    assert days == [today.isoformat(), earlier["on"]], "and what was said first stays known"
    own = {line["competence"]: line for line in (await lia.see("tynset-styrer", "/competence"))["items"]}
    participation = own["participation"]
    assert [participation[each] for each in ("standing", "gap", "having", "on")] == ["some", False, 5, earlier["on"]]
    assert own["leading-meetings"]["standing"] == "not-recorded"
    assert {line["unit"] for line in (await lia.see("tynset-styrer", "/competence"))["items"]} == {BARNEHAGE}
    everybody = (await lia.see("tynset-coordinator", "/competence?limit=200"))["items"]
    assert len({line["unit"] for line in everybody}) > 5
    first = await lia.see("tynset-coordinator", "/competence?limit=3")
    assert first["items"] == everybody[:3]
    second = await lia.see("tynset-coordinator", f"/competence?limit=3&cursor={first['next']}")
    assert second["items"] == everybody[3:6]
    # Another leader sees where it can be got, and nothing else of the unit.
    overview = {each["competence"]: each for each in (await lia.see("kvikne-styrer", "/competence-overview"))["items"]}
    assert overview["participation"]["held_by"] == [BARNEHAGE]
    assert overview["participation"]["arena"] == "kompetansesamling"
    assert BARNEHAGE in overview["leading-meetings"]["gaps"]
    for path in ("/competence", "/competence-overview"):
        assert (await lia.get("tynset-teacher", path)).json()["code"] == "register-forbidden"
        assert (await lia.get("styrer", path, municipality="0301")).json()["code"] == "arena-retired"
        assert (await lia.http.get(path)).status_code == 401
    assert (await lia.see("coordinator", "/competence"))["items"] == []
    page = await lia.get("tynset-styrer", "/year-wheel/page?language=nn")
    assert ">Kompetanse som manglar</h2>" in page.text
    missing = "<strong>Å snakke med barn og unge, Tynset barnehage</strong>: Det er ikkje talt kven som har han."
    assert missing in page.text
    assert "Brukarmedverknad som er reell, Tynset barnehage" not in page.text
    assert "Kvikne barnehage</strong>" not in page.text
    assert "Kompetanse som mangler" not in (await lia.get("tynset-teacher", "/year-wheel/page")).text


@pytest.mark.rule(108, 109)
async def test_who_guides_all_parents_at_which_age_and_whether_it_was_done(lia: Town) -> None:
    plan = (await lia.see("tynset-teacher", "/parent-guidance?limit=200"))["items"]
    assert [line["step"] for line in plan] == sorted(
        (line["step"] for line in plan), key=["newborn", "barnehage", "school-start", "primary", "youth"].index
    )
    assert all(line["given_on"] is None for line in plan)
    assert await lia.refused("tynset-teacher", "/parent-guidance", {"step": "newborn"}) == (422, "not-yours-to-record")
    late = (oslo_day(lia.clock.now()) + timedelta(days=2)).isoformat()
    assert await lia.refused("tynset-teacher", "/parent-guidance", {"step": "barnehage", "on": late}) == (
        422,
        "recorded-day-wrong",
    )
    elsewhere = await lia.post(
        "tynset-teacher", "/parent-guidance", {"step": "barnehage"}, lagspill_unit="unit:lia-barnehage"
    )
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "register-forbidden")
    await lia.must("tynset-teacher", "/parent-guidance", {"step": "barnehage"})
    shown = (await lia.see("tynset-nurse", "/parent-guidance?limit=200"))["items"]
    [given] = [line for line in shown if line["given_on"] is not None]
    assert (given["step"], given["unit"], given["themes"][0]["nn"]) == ("barnehage", BARNEHAGE, "Språk og leik")
    page = await lia.get("tynset-teacher", "/year-wheel/page?language=en")
    assert ">Guidance of all parents</h2>" in page.text
    day = oslo_day(lia.clock.now())
    assert (
        f'<th scope="row">1–5 years</th><td>Language and play, Limits and routines</td><td>Tynset barnehage</td><td>{day.day}. '
        in (page.text)
    )
    before = (await lia.see("tynset-nurse", "/parent-guidance?school_year=2025&limit=200"))["items"]
    assert {line["given_on"] for line in before} == {None}
    # By mistake: another took it down for a day on which it was not given, and takes it back.
    earlier = (day - timedelta(days=7)).isoformat()
    wrong, back = {"step": "barnehage", "on": day.isoformat()}, "/parent-guidance/withdrawals"
    await lia.must("tynset-styrer", "/parent-guidance", {"step": "barnehage", "on": earlier})
    for who, body, refusal in (
        ("tynset-teacher", {**wrong, "on": late, "reason": "wrong-day"}, (409, "guidance-not-recorded")),
        ("tynset-nurse", {**wrong, "reason": "wrong-day"}, (409, "guidance-not-recorded")),
        ("tynset-teacher", wrong, (422, "input-invalid")),
    ):
        assert await lia.refused(who, back, body) == refusal
    taken = await lia.must("tynset-styrer", back, {**wrong, "reason": "wrong-day"})
    assert taken == {"unit": BARNEHAGE, "code": "barnehage", "on": day.isoformat()}
    shown = (await lia.see("tynset-nurse", "/parent-guidance?limit=200"))["items"]
    assert [line["given_on"] for line in shown if line["given_on"] is not None] == [earlier]
    assert await lia.refused("tynset-styrer", back, {**wrong, "reason": "not-given"}) == (409, "guidance-not-recorded")
    told = [
        each for each in await lia.published() if each["data"].get("step") and each["data"]["on"] == day.isoformat()
    ]
    assert [each["type"].split(".")[-2] for each in told] == ["given", "withdrawn"], "and what was recorded stays known"
    refused = await lia.get("tynset-nurse", "/parent-guidance", lagspill_roles=["auditor"])
    assert (refused.status_code, refused.json()["code"]) == (403, "register-forbidden")


@pytest.mark.rule(163)
async def test_hours_of_guidance_are_recorded_by_the_week_and_added_up_by_the_term(lia: Town) -> None:
    week = oslo_day(lia.clock.now()) - timedelta(days=7)
    hours = {"code": "cos", "week": week.isoformat(), "minutes": 90}
    for who in ("vikevag-teacher", "mosteroy-styrer"):
        await lia.must(who, "/guidance-hours", hours)
    await lia.must("vikevag-styrer", "/guidance-hours", {**hours, "minutes": 120})
    assert await lia.refused("rennesoy-ppt", "/guidance-hours", hours) == (422, "not-yours-to-record")
    assert await lia.refused("fagsenter", "/guidance-hours", hours) == (422, "not-yours-to-record")
    ahead = {**hours, "week": (week + timedelta(days=21)).isoformat()}
    assert await lia.refused("vikevag-styrer", "/guidance-hours", ahead) == (422, "recorded-day-wrong")
    assert await lia.refused("vikevag-styrer", "/guidance-hours", {**hours, "minutes": 2401}) == (422, "input-invalid")
    lines = (await lia.see("fagsenter", "/guidance-hours?limit=200"))["items"]
    autumn = {line["unit"]: line for line in lines if line["term"] == "autumn"}
    assert (autumn["unit:vikevag-barnehage"]["minutes"], autumn["unit:mosteroy-barnehage"]["minutes"]) == (120, 90)
    assert (autumn[None]["minutes"], autumn[None]["recorded"]) == (210, 2)
    assert autumn[None]["due_minutes"] == 4 * autumn["unit:vikevag-barnehage"]["due_minutes"] > 0
    assert {line["unit"] for line in (await lia.see("vikevag-styrer", "/guidance-hours"))["items"]} == {
        "unit:vikevag-barnehage"
    }
    page = await lia.get("fagsenter", "/year-wheel/page?language=en")
    assert '<tr><th scope="row">All the units</th><td>Family guidance (COS)</td>' in page.text
    assert "Family guidance (COS)" not in (await lia.get("vikevag-teacher", "/year-wheel/page?language=en")).text
    for path, status, code in (
        ("/guidance-hours", 403, "register-forbidden"),
        ("/guidance-hours?school_year=1999", 422, "input-invalid"),
    ):
        refused = await lia.get("vikevag-teacher", path)
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    unknown = await lia.get("fagsenter", "/guidance-hours?school_year=2035")
    assert (unknown.status_code, unknown.json()["code"]) == (422, "holidays-unknown")
