"""Consents over time and by law, over HTTP: who is told what, when, and every refusal by its code."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.cases.domain.moments import CONSENT_WARNING
from services.cases.handlers import consents as handlers
from services.cases.handlers import desk
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import OVERRIDE, World, cases_world

pytestmark = pytest.mark.connected

LAST_DAY = "2027-07-31"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def heard(world: World, case: str) -> None:
    body = {"method": "conversation", "before": "consent", "text": "Vil ha hjelp."}
    await world.must("teacher", f"/cases/{case}/child-views", body)


@pytest.mark.rule(4)
async def test_guardians_who_disagree_are_seen_by_the_holder_and_may_agree_later(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    path = f"/consents/{consent}"
    both = await asyncio.gather(
        world.post("guardian-a", f"{path}/grants"), world.post("guardian-b", f"{path}/refusals")
    )
    assert [one.status_code for one in both] == [201, 201], "two who answer at once lose nothing"
    view = await world.see("teacher", path)
    assert (view["status"], view["refused"], view["outstanding"]) == ("disagreed", {"guardian": 1}, {"guardian": 1})
    assert code(await world.post("guardian-b", f"{path}/refusals")) == (409, "already-refused")
    assert code(await world.post("guardian-a", f"{path}/grants")) == (409, "already-granted")
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    await world.must("guardian-b", f"{path}/grants")
    assert (await world.see("teacher", path))["status"] == "active"
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 200


@pytest.mark.rule(4, 101)
@pytest.mark.story(8)
async def test_how_it_was_given_is_in_the_vault_and_the_event_says_where(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    note = {"ordinal": 1, "evidence": "oral-minuted", "note": "Sa ja på telefon, lest opp for henne."}
    await world.must("teacher", f"/consents/{consent}/grants", note)
    await world.must("guardian-b", f"/consents/{consent}/grants")
    first, second = [event["data"] for event in await world.published("consent.granted.v1")]
    assert (first["evidence"], first["evidence_ref"][:4], first["active"]) == ("oral-minuted", "doc_", False)
    assert (second["evidence"], second.get("evidence_ref"), second["active"]) == ("e-id", None, True)
    assert "telefon" not in str(await world.published())


@pytest.mark.rule(4, 99)
async def test_a_consent_is_renewed_with_the_old_one_valid_meanwhile(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    path, body = f"/consents/{consent}/renewals", {"valid_to": "2028-06-16"}
    assert code(await world.post("teacher", path, body)) == (409, "child-view-missing")
    await heard(world, case)
    assert code(await world.post("teacher", path, {"valid_to": LAST_DAY})) == (422, "consent-period-past")
    assert code(await world.post("teacher", path, {"valid_to": "soon"})) == (422, "input-invalid")
    for who, refused in (
        ("curious", (404, "not-found")),
        ("nurse", (403, "not-permitted")),
        ("guardian-a", (403, "not-permitted")),
    ):
        assert code(await world.post(who, path, body)) == refused
    assert code(await world.post("teacher", f"/consents/cst_{'b' * 26}/renewals", body)) == (404, "not-found")
    assert code(await world.post("teacher", path, body, if_match='"1"')) == (412, "version-stale")
    asked = await world.must("teacher", path, body)
    assert (asked["status"], asked["version"], asked["renewal"]["outstanding"]) == ("active", 1, {"guardian": 2})
    assert code(await world.post("teacher", path, body)) == (409, "renewal-open")
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 200
    for who in ("guardian-a", "guardian-b"):
        renewed = await world.must(who, f"/consents/{consent}/grants")
    assert (renewed["version"], renewed["valid_to"], renewed["renewal"]) == (2, "2028-06-16", None)
    [event] = await world.published("consent.renewed.v1")
    assert event["data"]["superseded"] == 1
    await world.must("guardian-a", f"/consents/{consent}/withdrawals")
    await heard(world, case)
    assert code(await world.post("teacher", path, {"valid_to": "2029-06-16"})) == (409, "consent-not-renewable")


@pytest.mark.rule(4)
async def test_time_lapses_a_request_warns_of_a_last_day_and_ends_it(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    unanswered = await world.requested(case, services=("bup",))
    await world.move_to(world.clock.now() + timedelta(days=29))
    assert (await world.see("teacher", f"/consents/{unanswered}"))["status"] == "lapsed"
    assert code(await world.post("guardian-a", f"/consents/{unanswered}/grants")) == (409, "consent-not-open")
    await world.move_to(datetime(2027, 6, 30, 22, 0, tzinfo=UTC))
    [warning] = await world.published("consent.expiring.v1")
    assert (warning["data"]["consent"], warning["data"]["days_left"]) == (consent, 30)
    await world.move_to(datetime(2027, 7, 31, 22, 0, tzinfo=UTC))
    assert (await world.see("teacher", f"/consents/{consent}/receipts"))["awaited"] == ["meetings", "notify"]
    await world.move_to(datetime(2027, 7, 31, 22, 10, tzinfo=UTC))
    alarms = [event["data"] for event in await world.published("receipt-missing.v1")]
    assert {(one["consent"], one["version"]) for one in alarms} == {(consent, 2)}


@pytest.mark.rule(4, 99)
async def test_on_the_fifteenth_birthday_in_norway_the_youth_is_asked_and_without_an_answer_it_is_suspended(
    world: World,
) -> None:
    world.child = People(7).child(age=14)
    case = await world.opened()
    consent = await world.consented(case)
    born = world.child.born
    birthday = datetime(born.year + 15, born.month, born.day, 12, tzinfo=UTC)
    assert world.clock.now() < birthday < world.clock.now() + timedelta(days=367)
    await world.move_to(birthday)
    due = (await world.published("reassessment-due.v1"))[-1]["data"]
    assert (due["reason"], due["needed"]) == ("age-15", {"guardian": 2, "child": 1})
    assert str(born) not in str(await world.published())
    contacts = (await world.see("notify", f"/cases/{case}/contacts"))["contacts"]
    assert [one["role"] for one in contacts] == ["guardian", "guardian", "child"]
    view = await world.see("teacher", f"/consents/{consent}")
    assert (view["status"], view["reassessing"], view["outstanding"]) == ("active", "age-15", {"child": 1})
    await world.move_to(birthday + timedelta(days=29))
    assert (await world.see("teacher", f"/consents/{consent}"))["status"] == "suspended"
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    assert (await world.access("deny"))[-1]["reason"] == "consent-suspended"
    confirmed = await world.must("child", f"/consents/{consent}/grants")
    assert (confirmed["status"], confirmed["version"]) == ("active", 3)
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 200


@pytest.mark.rule(4)
async def test_when_the_child_welfare_service_has_the_care_its_word_counts_and_not_the_guardians(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    order = {"in_force": True, "note": "Vedtak lest i original."}
    assert code(await world.post("barnevern", f"/cases/{case}/care-orders", order)) == (404, "not-found")
    assert code(await world.post("teacher", f"/cases/{case}/care-orders", {"in_force": True})) == (422, "input-invalid")
    await world.must("teacher", f"/cases/{case}/care-orders", order)
    assert code(await world.post("teacher", f"/cases/{case}/care-orders", order)) == (409, "care-order-known")
    await world.move_to(world.clock.now())
    view = await world.see("teacher", f"/consents/{consent}")
    assert (view["status"], view["needed"]) == ("suspended", {"child-welfare": 1})
    assert code(await world.post("guardian-a", f"/consents/{consent}/grants")) == (409, "not-a-grantor")
    assert (await world.must("barnevern", f"/consents/{consent}/grants"))["status"] == "active"
    assert code(await world.get("barnevern", f"/cases/{case}/child")) == (403, "not-permitted")


@pytest.mark.rule(4, 18)
async def test_what_is_shared_by_law_is_no_basis_to_hand_the_case_over(world: World) -> None:
    """The law lets information be given, and moves no task (barnevernsloven §§ 13-2, 13-4; fvl § 13 b)."""
    case = await world.opened()
    offer = {
        "kind": "to-child-welfare",
        "receiver": await world.receiver("barnevern"),
        "categories": ["concern"],
    }
    path = f"/cases/{case}/handovers"
    assert code(await world.post("teacher", path, offer)) == (409, "consent-missing")
    await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    before = await world.types()
    response = await world.post("teacher", path, offer)
    assert code(response) == (409, "override-no-handover")
    problem = response.json()
    assert problem["detail"] == (
        "Sharing by law gives this service information, and not the case: a handover takes a consent for transition."
    )
    assert (problem["services"], problem["purposes"]) == (["barnevern"], ["transition"])
    assert code(await world.post("teacher", path, {**offer, "categories": []})) == (409, "override-no-handover")
    ppt = {**offer, "kind": "unit", "receiver": await world.receiver("ppt")}
    assert code(await world.post("teacher", path, ppt)) == (409, "consent-missing"), "nothing is shared with PPT by law"
    assert await world.types() == before
    consent = await world.consented(case, services=("barnevern",), categories=("concern",), purposes=("transition",))
    sent = await world.must("teacher", path, offer)
    assert (sent["status"], sent["consent"]) == ("sent", consent)


async def told_in_the_copy(world: World, case: str) -> list[str]:
    """Return which services a guardian's copy says were told something."""
    copy = zipfile.ZipFile(io.BytesIO((await world.get("guardian-a", f"/cases/{case}/copy")).content))
    return [one["service"] for one in json.loads(copy.read("copy.json"))["told"]]


@pytest.mark.rule(93, 106, 192)
async def test_that_something_is_shared_by_law_is_no_other_services_to_learn(world: World) -> None:
    """By asking what may be shared with child welfare, whoever is in the consent would learn that there is neglect."""
    case = await world.opened()
    await world.consented(case)
    asked = f"/cases/{case}/sharing?service=barnevern&category=family&purpose=assessment"
    before = {who: await world.see(who, asked) for who in ("ppt", "nurse")}
    made = await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    for who in ("teacher", "barnevern"):
        assert (await world.see(who, asked))["override"] == made["override"]
    for who, told in before.items():
        assert await world.see(who, asked) == told


@pytest.mark.rule(93, 106, 192)
async def test_what_is_shared_by_law_is_shown_beside_what_was_consented_to(world: World) -> None:
    """Each on its own basis in the log: the guardians see the one and, while telling them would endanger the child, not the other."""
    case = await world.opened()
    await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    health = {**OVERRIDE, "categories": ["health"]}
    await world.must("teacher", f"/cases/{case}/overrides", health)
    consent = await world.consented(case, services=("barnevern",), categories=("language",))
    every = ["concern", "family", "health", "identity", "language"]
    read = await world.see("barnevern", f"/cases/{case}/child?purpose=assessment")
    assert (read["categories"], read["basis"], read["consent"]) == (every, "consent", consent)
    assert {one["category"] for one in read["records"]} == {"concern", "health", "language"}
    for category in every:
        asked = f"/cases/{case}/sharing?service=barnevern&category={category}&purpose=assessment"
        assert (await world.see("teacher", asked))["permitted"] is True
    looks = [
        (one["basis"]["code"], one.get("consent"), sorted(one["categories"]), one["not_for_guardians"])
        for one in await world.access("read")
        if one["actor"]["service"] == "barnevern"
    ]
    assert looks == [
        ("consent", consent, ["identity", "language"], False),
        ("bvl-13-2", None, ["concern"], True),
        ("bvl-13-2", None, ["health"], True),
    ]
    own = f"/cases/{case}/sharing?service=barnehage&category=health&purpose=notification"
    assert (await world.see("teacher", own))["permitted"] is False
    refused = await world.get("teacher", f"/cases/{case}/child?purpose=notification")
    assert code(refused) == (403, "purpose-not-covered")


@pytest.mark.rule(93, 106, 192)
async def test_what_is_shared_by_law_is_read_under_that_section_and_judged_by_the_leader(world: World) -> None:
    case = await world.opened()
    assert (await world.get("barnevern", f"/cases/{case}/child")).status_code == 404
    made = await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    path = f"/overrides/{made['override']}"
    read = await world.see("barnevern", f"/cases/{case}/child")
    assert (read["basis"], read["categories"]) == ("bvl-13-2", ["concern", "family", "identity"])
    looked = (await world.access("read"))[-1]
    assert (looked["basis"]["code"], looked["purpose"], looked.get("consent")) == ("bvl-13-2", "assessment", None)
    asked = f"/cases/{case}/sharing?service=barnevern&category=family&purpose=assessment"
    assert (await world.see("teacher", asked))["override"] == made["override"]
    assert looked["not_for_guardians"]
    # It is for neglect: whom it concerns reads nothing of it until somebody has told them.
    to_guardian = await world.see("guardian-a", asked)
    assert (to_guardian["permitted"], to_guardian["override"], to_guardian["basis"]) == (False, None, None)
    assert await told_in_the_copy(world, case) == []
    assert (await world.see("styrer", path))["text"] == OVERRIDE["text"]
    assert [one["override"] for one in (await world.see("styrer", f"/cases/{case}/overrides"))["items"]] == [
        made["override"]
    ]
    assert OVERRIDE["text"] not in str(await world.published())
    for who, refused in (
        ("teacher", (403, "not-permitted")),
        ("rektor", (404, "not-found")),
        ("guardian-a", (403, "not-permitted")),
    ):
        assert code(await world.post(who, f"{path}/review", {"justified": True})) == refused
    assert code(await world.get("guardian-a", path)) == (403, "not-permitted")
    assert code(await world.get("curious", path)) == (404, "not-found")
    await world.move_to(datetime(2026, 9, 14, 10, 0, tzinfo=UTC))
    assert len(await world.published("override-review-overdue.v1")) == 1
    assert (await world.must("styrer", f"{path}/review", {"justified": False, "guardians_informed": True}))[
        "status"
    ] == "ended"
    assert await told_in_the_copy(world, case) == ["barnevern"]
    assert code(await world.post("styrer", f"{path}/review", {"justified": True})) == (409, "override-reviewed")
    assert (await world.get("barnevern", f"/cases/{case}/child")).status_code == 404


@pytest.mark.rule(93, 101, 192)
async def test_guardians_who_are_told_of_sharing_by_law_later_see_it_from_then_on(world: World) -> None:
    """The danger may be over long after a leader judged it: that they were told is noted by itself, whenever it happens."""
    case = await world.opened()
    override = (await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE))["override"]
    asked = f"/cases/{case}/sharing?service=barnevern&category=family&purpose=assessment"
    path = f"/overrides/{override}/guardians-informed"
    await world.see("styrer", f"/overrides/{override}")
    assert (await world.access("read"))[-1]["not_for_guardians"], "that somebody read why is not told to them either"
    await world.see("barnevern", f"/cases/{case}/child")
    await world.must("styrer", f"/overrides/{override}/review", {"justified": True})
    assert (await world.see("guardian-a", asked))["override"] is None
    for who, refused in (
        ("barnevern", (403, "not-permitted")),
        ("guardian-a", (403, "not-permitted")),
        ("curious", (404, "not-found")),
    ):
        assert code(await world.post(who, path)) == refused
    assert code(await world.post("teacher", f"/overrides/ovr_{'b' * 26}/guardians-informed")) == (404, "not-found")
    noted = await world.must("teacher", path)
    assert (noted["guardians_informed"], noted["status"]) == (True, "reviewed")
    assert (await world.must("styrer", path))["guardians_informed"] is True
    [event] = await world.published("override-guardians-informed.v1")
    assert event["data"] == {"case": case, "override": override}
    assert (await world.see("guardian-a", asked))["override"] == override
    assert await told_in_the_copy(world, case) == ["barnevern"]
    await world.see("styrer", f"/overrides/{override}")
    assert not (await world.access("read"))[-1].get("not_for_guardians")
    # What has ended is told too, when they are told of it.
    another = (await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE))["override"]
    await world.must("styrer", f"/overrides/{another}/review", {"justified": False})
    ended = await world.must("teacher", f"/overrides/{another}/guardians-informed")
    assert (ended["guardians_informed"], ended["status"]) == (True, "ended")


@pytest.mark.rule(106)
async def test_what_is_refused_of_sharing_by_law_changes_nothing(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/overrides"
    before = await world.types()
    for changes, refused in (
        ({"section": "own-task"}, (422, "basis-no-override")),
        ({"section": "hpl-33"}, (422, "basis-not-open")),
        ({"services": ["nav"]}, (422, "basis-not-open")),
        ({"valid_to": "2026-12-01"}, (422, "override-period")),
        ({"review_by": "2026-12-01T10:00:00Z"}, (422, "review-by-out-of-range")),
        ({"not_heard": None}, (409, "child-view-missing")),
        ({"services": []}, (422, "input-invalid")),
        ({"text": ""}, (422, "input-invalid")),
    ):
        assert code(await world.post("teacher", path, {**OVERRIDE, **changes})) == refused
    assert code(await world.post("styrer", path, OVERRIDE)) == (403, "not-permitted")
    assert code(await world.post("barnevern", path, OVERRIDE)) == (404, "not-found")
    assert code(await world.post("styrer", f"/overrides/ovr_{'b' * 26}/review", {"justified": True})) == (
        404,
        "not-found",
    )
    await heard(world, case)
    assert code(await world.post("teacher", path, OVERRIDE)) == (422, "child-was-heard")
    assert [kind for kind in await world.types() if kind.startswith("consent.")] == [
        kind for kind in before if kind.startswith("consent.")
    ]


@pytest.mark.rule(106)
@pytest.mark.story(6)
async def test_sharing_names_the_steps_and_an_anonymous_way(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/sharing?service=ppt&category=language&purpose=assessment"
    asked = await world.see("teacher", path)
    assert [(step["kind"], step["hear_child"]) for step in asked["steps"]] == [("request", True), ("anonymise", False)]
    assert (await world.see("teacher", f"{path}&anonymous=true"))["basis"] == "anonymised"
    consent = await world.consented(case)
    outside = (await world.see("teacher", path.replace("language", "health")))["outside"]
    assert [(one["consent"], one["categories"], one["period"]) for one in outside] == [(consent, ["health"], False)]


@pytest.mark.rule(4)
@pytest.mark.parametrize("what", ["request", "renewal"])
async def test_a_guardian_added_while_consent_is_asked_for_is_asked_too(
    world: World, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    """Between reading who must consent and the commit somebody gets the say, and what follows from that has run already."""
    case = await world.opened()
    consent = await world.consented(case) if what == "renewal" else None
    await heard(world, case)
    read = handlers._asked

    async def read_and_wait(*arguments: Any) -> Any:
        there = await read(*arguments)
        monkeypatch.setattr(handlers, "_asked", read)
        third = People(99).guardian()
        new = {"name": third.name, "national_number": third.national_number, "ground": "court-decision"}
        dated = {"since": "2026-09-07", "note": "Dom."}
        version = await world.version("teacher", case)
        await world.must("teacher", f"/cases/{case}/guardians", {**new, **dated}, if_match=version)
        await world.move_to(world.clock.now())
        return there

    monkeypatch.setattr(handlers, "_asked", read_and_wait)
    if consent is None:
        asked = {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": LAST_DAY}
        view = await world.must("teacher", f"/cases/{case}/consents", asked)
        assert view["needed"] == {"guardian": 3}
        consent = view["consent"]
    else:
        view = await world.must("teacher", f"/consents/{consent}/renewals", {"valid_to": "2028-06-16"})
        assert view["renewal"]["needed"] == {"guardian": 3}
    for who in ("guardian-a", "guardian-b"):
        assert (await world.must(who, f"/consents/{consent}/grants"))["version"] == 1
    last = await world.must("stranger", f"/consents/{consent}/grants")
    assert last["status"] == "active"
    assert (last["needed"], last["outstanding"]) == ({"guardian": 3}, {})


@pytest.mark.rule(4)
@pytest.mark.parametrize("gives_way", ["command", "deadline"])
async def test_a_command_and_a_deadline_that_hold_each_others_rows_both_come_through(
    world: World, monkeypatch: pytest.MonkeyPatch, gives_way: str
) -> None:
    """A moment has its row and wants the case's; a command has the case's and wants the moment's. One gives way, and none is lost."""
    case = await world.opened()
    consent = await world.consented(case)
    await world.move_to(datetime(2027, 6, 30, 21, 0, tzinfo=UTC))
    await heard(world, case)
    await world.must("teacher", f"/consents/{consent}/renewals", {"valid_to": "2028-06-16"})
    await world.must("guardian-a", f"/consents/{consent}/grants")
    taken, wanted = asyncio.Event(), asyncio.Event()
    keep_time, on_warning = desk.keep_time, world.parts.deadlines[CONSENT_WARNING]

    async def waits_last(conn: Any) -> None:
        """Who waits last finds out first, and is the one to give way."""
        await conn.execute("SET LOCAL deadlock_timeout = '10ms'")
        while not await world.pool.fetchval(WAITING):
            pass

    async def keep_when_the_other_has_its_row(*arguments: Any) -> Any:
        monkeypatch.setattr(desk, "keep_time", keep_time)
        wanted.set()
        await taken.wait()
        if gives_way == "command":
            await waits_last(arguments[1])
        return await keep_time(*arguments)

    async def warn_when_the_other_has_its_row(tx: Any, deadline: Any) -> Any:
        await wanted.wait()
        taken.set()
        if gives_way == "deadline":
            await waits_last(tx.conn)
        return await on_warning(tx, deadline)

    monkeypatch.setattr(desk, "keep_time", keep_when_the_other_has_its_row)
    monkeypatch.setitem(world.parts.deadlines, CONSENT_WARNING, warn_when_the_other_has_its_row)
    world.clock.set(datetime(2027, 6, 30, 22, 0, tzinfo=UTC))
    granted, _ = await asyncio.gather(
        world.post("guardian-b", f"/consents/{consent}/grants"), world.move_to(world.clock.now())
    )
    assert granted.status_code == 201, granted.text
    assert (granted.json()["version"], granted.json()["valid_to"]) == (2, "2028-06-16")
    waits = await world.pool.fetchrow("SELECT due, parked FROM deadlines WHERE kind = $1", CONSENT_WARNING)
    assert waits is not None
    assert (waits["due"], waits["parked"]) == (datetime(2028, 5, 16, 22, 0, tzinfo=UTC), False)
