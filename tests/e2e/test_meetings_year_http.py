"""The year wheel, conformity and deviations over HTTP: the whole year called as it is proposed, and who is refused."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import START, Town, town

pytestmark = pytest.mark.connected

TYNSET: Final[dict[str, Any]] = {"municipality": "3427", "lagspill_unit": "unit:tynset-barnehage"}
NEXT_YEAR: Final = "school_year=2027"


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def everything(lia: Town, who: str, path: str, *, limit: int = 200, **claims: Any) -> list[dict[str, Any]]:
    """Return all of a collection, page by page."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        response = await lia.get(who, f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}", **claims)
        assert response.status_code == 200, response.text
        page = response.json()
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


@pytest.mark.rule(8, 10, 15, 16, 19, 29, 40)
@pytest.mark.story(1)
async def test_a_year_called_as_it_is_proposed_has_no_deviation(lia: Town) -> None:
    proposed = await everything(lia, "coordinator", f"/year-wheel?{NEXT_YEAR}")
    assert {each["status"] for each in proposed} == {None}
    lacking = await everything(lia, "coordinator", f"/deviations?{NEXT_YEAR}")
    assert {each["kind"] for each in lacking} == {"too-few-planned"}
    for each in proposed:
        of_unit = each["units"] if len(each["units"]) == 1 else [None]
        arena = await lia.arena(each["arena_type"], of_unit[0])
        body = {"arena": arena, "starts_at": each["starts_at"], "units": each["units"], "invite": False}
        await lia.must("coordinator", "/meetings", body)
    assert await everything(lia, "coordinator", f"/deviations?{NEXT_YEAR}") == []
    rows = await everything(lia, "coordinator", f"/conformity?{NEXT_YEAR}")
    # Of children there is no number: there are none with a group, and so none that lacks a meeting.
    around = {(row["arena_type"], row["period"]) for row in rows if "due" not in row}
    assert around == {("ansvarsgruppe", "autumn"), ("ansvarsgruppe", "spring"), ("overgang-barnehage-skole", "year")}
    assert all(row["conforms"] and row.get("ahead") == row.get("due") for row in rows)
    stands = await everything(lia, "coordinator", f"/year-wheel?{NEXT_YEAR}")
    assert not any(each["double_booked"] for each in stands)
    assert [each["starts_at"] for each in stands] == [each["starts_at"] for each in proposed]
    # What is set aside for children who start school is around a child once it is called, and stays a proposal here.
    assert {each["arena_type"] for each in stands if each["status"] is None} == {"overgang-barnehage-skole"}
    between = {row["arena_type"]: row for row in rows if row["arena_type"].startswith("overgang-skole-skole")}
    assert {(row["unit"], row["due"], row["first"], row["last"]) for row in between.values()} == {
        ("unit:notodden-ungdomsskole", 1, "2027-10-01", "2027-10-31"),
        ("unit:notodden-ungdomsskole", 1, "2028-02-01", "2028-04-30"),
    }
    assert all((each["meeting"] is None) == (each["status"] is None) for each in stands)


@pytest.mark.rule(8, 64)
async def test_a_meeting_that_was_moved_by_word_of_mouth_counts_where_it_was_held(lia: Town) -> None:
    meeting = await lia.ressursteam()
    lia.clock.set(datetime(2027, 8, 2, 12, tzinfo=UTC))
    path = f"/meetings/{meeting}/holding"
    far_off = lia.held([], started_at="2027-07-20T12:00:00+02:00", ended_at="2027-07-20T13:30:00+02:00")
    refused = await lia.post("styrer", path, far_off)
    assert (refused.status_code, refused.json()["code"]) == (422, "held-far-off")
    assert datetime.fromisoformat(refused.json()["called_for"]) == datetime.fromisoformat(START)
    before = lia.held([], started_at="2026-06-09T12:00:00+02:00", ended_at="2026-06-09T13:30:00+02:00")
    assert await lia.refused("styrer", path, before) == (422, "holding-times-wrong"), "nobody had called it"
    moved = {"started_at": "2027-01-12T12:00:00+01:00", "ended_at": "2027-01-12T13:30:00+01:00"}
    await lia.must("styrer", path, lia.held([], **moved))
    assert (await lia.see("styrer", f"/meetings/{meeting}"))["starts_at"] == "2027-01-12T11:00:00Z"
    rows = await everything(lia, "styrer", "/conformity?school_year=2026")
    assert {row["period"]: row["held"] for row in rows if row["arena_type"] == "ressursteam"} == {
        "autumn": 0,
        "spring": 1,
    }
    assert "20270112T120000" in (await lia.get("styrer", "/calendar")).text


@pytest.mark.rule(59)
async def test_a_meeting_is_called_for_as_long_as_its_members_set_aside_at_least(lia: Town) -> None:
    arenas = (await lia.see("tynset-styrer", "/arenas?limit=200"))["items"]
    [arena] = [
        each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == ("tst", "unit:tynset-barnehage")
    ]
    body = {"arena": arena, "starts_at": "2026-10-06T09:00:00+02:00"}
    refused = await lia.post("tynset-styrer", "/meetings", {**body, "minutes": 149})
    assert (refused.status_code, refused.json()["code"], refused.json()["shortest"]) == (422, "called-too-short", 150)
    assert (await lia.must("tynset-styrer", "/meetings", {**body, "minutes": 180}))["minutes"] == 180


async def test_the_collections_are_paged_without_holes(lia: Town) -> None:
    # Of an arena that the profile has no more nothing is shown, and nothing behind it is lost.
    await lia.pool.execute(
        "INSERT INTO arenas (arena, municipality, arena_type) VALUES ($1, '4005', 'bup-of-before')", "arn_" + "b" * 26
    )
    for path in ("/arenas", "/year-wheel", "/conformity", "/deviations"):
        whole = await everything(lia, "coordinator", path)
        assert len(whole) > 7
        assert "bup-of-before" not in str(whole)
        assert await everything(lia, "coordinator", path, limit=1 if path == "/arenas" else 7) == whole
        assert await lia.get("coordinator", f"{path}?cursor=xxxx") is not None
        assert (await lia.get("coordinator", f"{path}?cursor=xxxx")).json()["code"] == "cursor-invalid"


@pytest.mark.rule(95)
async def test_reports_are_for_leaders_and_the_coordinator(lia: Town) -> None:
    units = {row["unit"] for row in await everything(lia, "coordinator", "/conformity")}
    schools = {"unit:tinnes-skole", "unit:notodden-ungdomsskole"}
    assert units == {None, "unit:lia-barnehage", "unit:haugen-barnehage"} | schools
    mine = await everything(lia, "styrer", "/conformity")
    # The unit's own, lederforum, in which every unit's leader has a seat, and of children whether any lacks a meeting.
    assert {(row["arena_type"], row["unit"]) for row in mine} == {
        ("ressursteam", "unit:lia-barnehage"),
        ("lederforum", None),
        ("ansvarsgruppe", None),
        ("overgang-barnehage-skole", None),
    }
    assert {each["unit"] for each in await everything(lia, "styrer", "/deviations")} == {None, "unit:lia-barnehage"}
    for who in ("teacher", "ppt", "nurse", "barnevern", "bup"):
        for path in ("/conformity", "/deviations"):
            refused = await lia.get(who, path)
            assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden")
        assert (await lia.get(who, "/year-wheel")).status_code == 200
    for path in ("/conformity", "/deviations", "/year-wheel", "/year-wheel/page"):
        refused = await lia.get("teacher", path, lagspill_roles=["auditor"], lagspill_service=None, lagspill_unit=None)
        assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden")
        assert (await lia.http.get(path)).status_code == 401


@pytest.mark.rule(77)
async def test_another_municipality_sees_its_own_year(lia: Town) -> None:
    ours = await everything(lia, "coordinator", "/conformity", municipality="3427", lagspill_unit="unit:tynset-kommune")
    assert {row["arena_type"] for row in ours} == {"tst", "kompetansesamling", "foreldreveiledning"}
    wheel = await everything(lia, "coordinator", "/year-wheel", municipality="3427")
    assert "ressursteam" not in {each["arena_type"] for each in wheel}
    unknown = await lia.get("coordinator", "/year-wheel", municipality="0301")
    assert (unknown.status_code, unknown.json()["code"]) == (409, "arena-retired")


async def test_a_year_that_cannot_be_planned_is_refused(lia: Town) -> None:
    for path in ("/conformity", "/deviations", "/year-wheel", "/year-wheel/page"):
        refused = await lia.get("coordinator", f"{path}?school_year=2035")
        assert (refused.status_code, refused.json()["code"]) == (422, "holidays-unknown")
        assert (await lia.get("coordinator", f"{path}?school_year=1999")).status_code == 422


@pytest.mark.rule(53, 54, 59, 60, 61)
async def test_a_short_tst_without_everybody_is_held_and_reported(lia: Town) -> None:
    arenas = await everything(lia, "styrer", "/arenas", **TYNSET)
    [arena] = [
        each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == ("tst", "unit:tynset-barnehage")
    ]
    starts = "2026-09-08T09:00:00+02:00"
    called = await lia.post("styrer", "/meetings", {"arena": arena, "starts_at": starts}, **TYNSET)
    path = f"/meetings/{called.json()['meeting']}"
    item = {"kind": "general", "mode": "no-child", "text": "Hvordan står det til på avdelingene?"}
    added = await lia.post("styrer", f"{path}/agenda-items", item, **TYNSET)
    assert added.status_code == 201, added.text
    lia.clock.set(datetime(2026, 9, 8, 12, 0, tzinfo=UTC))
    seats = [
        {"service": "barnehage", "role": "leader", "present": True},
        {"service": "helsestasjon", "role": "health-nurse", "present": True},
        {"service": "barnevern", "role": "child-welfare-officer", "present": True},
    ]
    absent = {"service": "ppt", "role": "ppt-adviser", "present": False}
    held = {
        "started_at": starts,
        "ended_at": "2026-09-08T10:30:00+02:00",
        "chair": "leader",
        "attendance": [*seats, absent],
        "discussed": [{"item": added.json()["item"]}],
    }
    refused = await lia.post("styrer", f"{path}/holding", held, **TYNSET)
    assert refused.json()["code"] == "absence-without-reason"
    held["attendance"] = [*seats, {**absent, "absence_reason": "ill"}]
    response = await lia.post("styrer", f"{path}/holding", held, **TYNSET)
    assert response.status_code == 200, response.text
    found = {
        each["kind"]: each
        for each in await everything(lia, "styrer", "/deviations", **TYNSET)
        if each["meeting"] == called.json()["meeting"]
    }
    assert found.keys() == {"duty-breached", "too-short", "element-missing"}
    assert found["duty-breached"]["absent"] == [{"service": "ppt", "unit": None, "reason": "ill"}]
    assert (found["too-short"]["found"], found["too-short"]["due"]) == (90, 150)
    assert found["element-missing"]["missing"] == ["guidance", "observation"]
    assert {each["rule"] for each in found.values()} == {54, 59, 60}
    page = await lia.get("styrer", "/year-wheel/page?language=nn", **TYNSET)
    assert "Desse hadde møteplikt og kom ikkje: PPT." in page.text


async def test_the_page_comes_in_the_language_asked_for_and_shows_deviations_to_whom_they_are_for(lia: Town) -> None:
    for header, language, heading in (("nn, en;q=0.5", "nn", "Avvik"), ("en", "en", "Deviations"), ("", "nb", "Avvik")):
        token = lia.token("coordinator")
        page = await lia.http.get(
            "/year-wheel/page", headers={"authorization": f"Bearer {token}", "accept-language": header}
        )
        assert page.status_code == 200
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["content-language"] == language
        assert page.headers["cache-control"] == "private, no-store"
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert f">{heading}</h2>" in page.text
    teacher = await lia.get("teacher", "/year-wheel/page?language=en")
    assert ">Deviations</h2>" not in teacher.text
    assert ">Coming meetings</h2>" in teacher.text
