"""The story's rows that the meetings service plays, over HTTP, beside the real cases service: what must happen, and every refusal."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.meetings import bodies
from services.meetings.app import SERVICE
from shared.clock import SimulatedClock
from shared.observability import start_tracing, stop_tracing
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import END, START, Town, town

pytestmark = pytest.mark.connected

AFTER = datetime(2026, 9, 22, 12, 0, tzinfo=UTC)
ANONYMOUS = {"kind": "case", "mode": "anonymous", "text": "Et barn strever med språk og lek. Hva kan vi prøve?"}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


@pytest.mark.rule(1, 2, 3, 8, 9, 19, 20, 22, 40, 45)
async def test_the_profile_defines_each_arena_once(lia: Town) -> None:
    arenas = (await lia.see("coordinator", "/arenas?limit=100"))["items"]
    team = [each for each in arenas if each["arena_type"] == "ressursteam"]
    schools = {"unit:tinnes-skole", "unit:notodden-ungdomsskole"}
    assert {each["unit"] for each in team} == {"unit:lia-barnehage", "unit:haugen-barnehage"} | schools
    assert {tuple(each["fixed_services"]) for each in team} == {
        ("barnehage", "barnevern", "helsestasjon", "ppt"),
        ("barnevern", "helsestasjon", "ppt", "skole"),
    }
    assert team[0]["rules"] == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    policies = {each["arena_type"]: each["policy"] for each in arenas}
    assert policies["bup-samarbeid"] == "anonymous-only"
    assert policies["lederforum"] == "system-only"
    defined = await lia.published("arena.defined.v1")
    assert len([each for each in defined if each["municipality"] == "4005"]) == len(arenas)
    # A second start changes nothing.
    await SERVICE.compose(lia.kit)
    assert await lia.published("arena.defined.v1") == defined


async def test_arenas_and_meetings_are_paged_without_holes(lia: Town) -> None:
    everything = [each["arena"] for each in (await lia.see("ppt", "/arenas?limit=100"))["items"]]
    seen: list[str] = []
    cursor = ""
    while True:
        page = await lia.see("ppt", f"/arenas?limit=3{cursor}")
        seen += [each["arena"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == everything


@pytest.mark.rule(6, 8, 9)
async def test_a_term_has_one_ordinary_ressursteam_and_extra_ones_on_request(lia: Town) -> None:
    meeting = await lia.ressursteam()
    called = {"arena": await lia.arena("ressursteam", "unit:lia-barnehage"), "starts_at": "2026-10-20T12:00:00+02:00"}
    assert await lia.refused("styrer", "/meetings", called) == (409, "term-has-meeting")
    extra = await lia.must("styrer", "/meetings", {**called, "extra": True})
    assert extra["extra"]
    spring = await lia.must("coordinator", "/meetings", {**called, "starts_at": "2027-02-09T12:00:00+01:00"})
    assert spring["invited"] == ["barnehage", "barnevern", "helsestasjon", "ppt"]
    assert await lia.refused("teacher", "/meetings", called) == (403, "may-not-call")
    assert await lia.refused("haugen-styrer", "/meetings", {**called, "extra": True}) == (403, "may-not-call")
    # A cancelled one does not count.
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", {"reason": "not-enough-members"})
    await lia.must("styrer", "/meetings", called)
    [cancelled] = await lia.published("meeting.cancelled.v1")
    assert cancelled["data"]["meeting"] == meeting


@pytest.mark.rule(8)
async def test_of_two_ordinary_meetings_called_at_once_one_is_refused(lia: Town) -> None:
    called = {"arena": await lia.arena("ressursteam", "unit:lia-barnehage"), "starts_at": START}
    answers = await asyncio.gather(*(lia.post("styrer", "/meetings", called) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409]


@pytest.mark.rule(10, 15, 16, 20)
async def test_an_arena_meets_in_its_part_of_the_year_with_its_own_members(lia: Town) -> None:
    transition = {
        "arena": await lia.arena("overgang-barnehage-skole"),
        "starts_at": "2026-09-28T12:00:00+02:00",
        "units": ["unit:lia-barnehage", "unit:tinnes-skole"],
    }
    assert await lia.refused("styrer", "/meetings", transition) == (409, "outside-window")
    assert await lia.refused("styrer", "/meetings", {**transition, "units": []}) == (422, "units-wrong")
    october = {**transition, "starts_at": "2026-10-28T12:00:00+01:00"}
    assert (await lia.must("styrer", "/meetings", october))["invited"] == ["barnehage", "ppt", "skole"]
    bup = {"arena": await lia.arena("bup-samarbeid"), "starts_at": "2026-10-06T12:00:00+02:00"}
    assert await lia.refused("coordinator", "/meetings", {**bup, "services": ["skole"]}) == (403, "service-not-member")
    assert await lia.refused("coordinator", "/meetings", {**bup, "starts_at": "2026-12-25T12:00:00+01:00"}) == (
        409,
        "public-holiday",
    )
    for slip, code in (
        ("2026-10-06T22:00:00+02:00", "starts-at-night"),
        ("2026-10-07T03:59:59Z", "starts-at-night"),
        ("2062-10-06T12:00:00+02:00", "holidays-unknown"),
    ):
        assert await lia.refused("coordinator", "/meetings", {**bup, "starts_at": slip}) == (422, code)
    assert await lia.refused("coordinator", "/meetings", {**bup, "starts_at": "2026-09-01T12:00:00+02:00"}) == (
        422,
        "starts-in-the-past",
    )


@pytest.mark.rule(6)
async def test_only_those_with_a_seat_know_of_a_meeting(lia: Town) -> None:
    meeting = await lia.ressursteam()
    for who in ("teacher", "styrer", "ppt", "nurse", "barnevern", "coordinator"):
        assert (await lia.see(who, f"/meetings/{meeting}"))["status"] == "called"
        assert [each["meeting"] for each in (await lia.see(who, "/meetings"))["items"]] == [meeting]
    for who in ("curious", "rektor", "bup"):
        assert (await lia.get(who, f"/meetings/{meeting}")).status_code == 404
        assert (await lia.see(who, "/meetings"))["items"] == []
    elsewhere = await lia.get("ppt", f"/meetings/{meeting}", municipality="3401")
    assert elsewhere.status_code in {404, 409}


async def test_planned_moved_called_and_closed(lia: Town) -> None:
    body = {"arena": await lia.arena("ressursteam", "unit:lia-barnehage"), "starts_at": START, "invite": False}
    planned = await lia.must("styrer", "/meetings", body)
    assert (planned["status"], planned["invited"]) == ("planned", [])
    path = f"/meetings/{planned['meeting']}"
    assert await lia.refused("styrer", f"{path}/agenda-items", ANONYMOUS) == (409, "meeting-state-forbids")
    assert (await lia.get("ppt", path)).status_code == 404
    called = await lia.must("styrer", f"{path}/invitation")
    assert called["status"] == "called"
    moved = await lia.must("styrer", f"{path}/rescheduling", {"starts_at": "2026-09-29T10:00:00Z"})
    assert moved["starts_at"] == "2026-09-29T10:00:00Z"
    assert planned["double_booked"] == called["double_booked"] == moved["double_booked"] == []
    assert await lia.refused("ppt", f"{path}/rescheduling", {"starts_at": "2026-09-30T10:00:00Z"}) == (
        403,
        "may-not-call",
    )
    assert await lia.refused("styrer", f"{path}/closure") == (409, "meeting-state-forbids")
    # What was planned as an extra one, with an interpreter, is called as that: the term has its ordinary one already (seed rule 9).
    extra = await lia.must("styrer", "/meetings", {**body, "extra": True, "interpreters": ["ti"]})
    assert (extra["extra"], extra["interpreters"]) == (True, ["ti"])
    called = await lia.must("styrer", f"/meetings/{extra['meeting']}/invitation")
    assert (called["status"], called["extra"], called["interpreters"]) == ("called", True, ["ti"])
    # Where it is at the same time as the other, whoever moves it is told who would be in both (seed rules 54, 77).
    again = f"/meetings/{extra['meeting']}/rescheduling"
    both = await lia.must("styrer", again, {"starts_at": "2026-09-29T10:30:00Z"})
    assert (both["starts_at"], "unit:lia-barnehage" in both["double_booked"]) == ("2026-09-29T10:30:00Z", True)
    assert (await lia.must("styrer", again, {"starts_at": "2026-09-29T16:00:00Z"}))["double_booked"] == []


@pytest.mark.rule(8, 9)
async def test_a_meeting_that_is_only_planned_does_not_make_room_for_itself_when_it_is_moved(lia: Town) -> None:
    """The term has its ordinary meeting: a planned one is moved within it no more than it is called in it."""
    meeting = await lia.ressursteam(invite=False)
    path = f"/meetings/{meeting}/rescheduling"
    later = {"starts_at": "2026-10-20T12:00:00+02:00"}
    await lia.must("styrer", path, later)
    called = await lia.ressursteam()
    assert await lia.refused("styrer", path, {"starts_at": "2026-10-27T12:00:00+01:00"}) == (409, "term-has-meeting")
    assert await lia.refused("styrer", f"/meetings/{meeting}/invitation") == (409, "term-has-meeting")
    # One that is called may move where it is, and a planned one to the term that has none.
    await lia.must("styrer", f"/meetings/{called}/rescheduling", later)
    await lia.must("styrer", path, {"starts_at": "2027-02-09T12:00:00+01:00"})


# --- row 5: general and anonymous ---------------------------------------------------------------------------------------


@pytest.mark.rule(2, 7)
@pytest.mark.story(5)
async def test_a_text_that_names_the_child_is_refused_with_the_word_and_kept_nowhere(lia: Town) -> None:
    meeting = await lia.ressursteam()
    name = lia.cases.child.given_name
    before = await lia.everything()
    for text in (f"{name} strever med språk.", f"Vi ser at {name} trekker seg unna."):
        response = await lia.post("teacher", f"/meetings/{meeting}/agenda-items", {**ANONYMOUS, "text": text})
        assert (response.status_code, response.json()["code"]) == (422, "text-not-anonymous")
        assert [found["word"] for found in response.json()["found"]] == [name]
    number = lia.cases.child.national_number
    response = await lia.post(
        "teacher", f"/meetings/{meeting}/agenda-items", {**ANONYMOUS, "text": f"Det gjelder {number[:6]} {number[6:]}."}
    )
    assert response.json()["found"][0]["trace"] == "national-number"
    assert await lia.everything() == before


@pytest.mark.rule(2, 7, 22)
async def test_the_words_that_were_found_stand_in_no_log_no_trace_and_no_kept_answer(
    lia: Town, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever words are checked: on the agenda, in an outcome, in the minutes; also sent twice under one key."""
    meeting = await lia.ressursteam()
    hidden = (await lia.add("teacher", meeting, ANONYMOUS))["item"]
    lia.clock.set(AFTER)
    coming = await lia.ressursteam(extra=True, starts_at="2026-10-20T12:00:00+02:00")
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": hidden}]))
    words = ("Zorvald", "91 23 45 67", "Gullbakken 14")
    text = f"Ring {words[0]} på {words[1]}, {words[2]}."
    sent: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("teacher", f"/meetings/{coming}/agenda-items", {**ANONYMOUS, "text": text}),
        ("teacher", f"/meetings/{coming}/agenda-items", {"kind": "general", "mode": "no-child", "text": text}),
        ("teacher", f"/meetings/{meeting}/outcomes", {"item": hidden, "decision": "guidance-given", "text": text}),
        ("styrer", f"/meetings/{meeting}/minutes", {"text": text}),
    )
    before = await lia.everything()
    exporter = InMemorySpanExporter()
    start_tracing("meetings", None, exporter=exporter)
    try:
        for number, (who, path, body) in enumerate(sent):
            for _ in range(2):
                response = await lia.post(who, path, body, headers={"idempotency-key": f"found-{number}"})
                assert (response.status_code, response.json()["code"]) == (422, "text-not-anonymous"), path
                assert {each["word"] for each in response.json()["found"]} >= set(words)
    finally:
        stop_tracing()
    spans = [span.to_json() for span in exporter.get_finished_spans()]
    assert len(spans) >= 2 * len(sent), "it was traced"
    told = capsys.readouterr()
    assert told.out.count("request answered") >= 2 * len(sent), "it was logged"
    for word in words:
        for where in (told.out, told.err, *spans):
            assert word not in where
    assert await lia.everything() == before


@pytest.mark.rule(7)
@pytest.mark.story(5)
async def test_a_general_item_has_no_child_and_everyone_with_a_seat_sees_it(lia: Town) -> None:
    meeting = await lia.ressursteam()
    general = {"kind": "general", "mode": "no-child", "text": "Hvordan bygger vi et godt språkmiljø for de yngste?"}
    added = await lia.add("teacher", meeting, general)
    assert (added["status"], added["covered"]) == ("accepted", [])
    for who in ("ppt", "barnevern"):
        agenda = await lia.see(who, f"/meetings/{meeting}/agenda-items")
        assert [each["text"] for each in agenda["items"]] == [general["text"]]
    [event] = await lia.published("agenda-item.added.v1")
    assert "text" not in event["data"]
    assert general["text"] not in await lia.everything()
    wrong = {**general, "mode": "anonymous"}
    assert await lia.refused("teacher", f"/meetings/{meeting}/agenda-items", wrong) == (422, "item-mode-forbidden")


@pytest.mark.rule(2, 22)
@pytest.mark.story(5)
async def test_nothing_leads_from_an_anonymous_item_to_a_case_or_to_who_brought_it(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.carry()
    meeting = await lia.ressursteam()
    shared_id, trace = "0192f3a4-5b6c-7d8e-9f00-112233445566", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"x-correlation-id": shared_id, "traceparent": trace, "idempotency-key": "the-same-key-everywhere"}
    # The same client does something about the case, and then brings the item, with the same ids on both requests.
    noted = await lia.cases.http.post(
        f"/cases/{case}/child-views",
        json={"method": "conversation", "before": "consent", "text": "Vil leke mer."},
        headers={**headers, "authorization": f"Bearer {lia.cases.token('teacher')}"},
    )
    assert noted.status_code == 201
    response = await lia.post("teacher", f"/meetings/{meeting}/agenda-items", ANONYMOUS, headers=headers)
    assert response.status_code == 201
    item = response.json()["item"]
    events = [event for event in await lia.published() if item in json.dumps(event)]
    assert [event["type"].split(".", 3)[-1] for event in events] == ["agenda-item.added.v1", "agenda-item.accepted.v1"]
    told = {"item", "meeting", "kind", "mode", "lifted"}
    empty = {"covered", "categories", "interpreters", "covered_seats", "family"}
    teacher = (await lia.cases.see("teacher", "/me"))["actor"]
    for event in events:
        assert event["authtype"] == "unknown"
        assert not {"authid", "causationid", "traceparent"} & event.keys()
        assert event["data"].keys() <= told | empty
        assert not any(event["data"].get(each) for each in empty)
        assert event["correlationid"] not in {shared_id, response.headers["x-correlation-id"]}
    assert len({event["correlationid"] for event in events}) == len(events)
    # No row that holds the item, or what came with it, holds the actor, the case, or an id that the client chose.
    everything = await lia.everything()
    for row in everything.splitlines():
        if item in row:
            for trail in (case, teacher, shared_id, trace[3:35], "the-same-key-everywhere"):
                assert trail not in row
    assert "the-same-key-everywhere" not in everything
    assert teacher not in "".join(row for row in everything.splitlines() if row.startswith("idempotency_keys"))
    # The key still does its work.
    again = await lia.post("teacher", f"/meetings/{meeting}/agenda-items", ANONYMOUS, headers=headers)
    assert (again.status_code, again.json()["item"], again.headers["idempotency-replayed"]) == (201, item, "true")
    other = await lia.post(
        "teacher", f"/meetings/{meeting}/agenda-items", {**ANONYMOUS, "text": "Noe annet."}, headers=headers
    )
    assert other.json()["code"] == "idempotency-key-reused"


@pytest.mark.rule(2)
@pytest.mark.story(5)
async def test_an_anonymous_item_takes_no_case_however_it_is_offered(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.carry()
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/agenda-items"
    assert await lia.refused("teacher", path, {**ANONYMOUS, "case": case}) == (422, "anonymous-item-holds-case")
    assert await lia.refused("teacher", path, {**ANONYMOUS, "purpose": "assessment"}) == (
        422,
        "anonymous-item-holds-case",
    )
    response = await lia.post("teacher", path, {**ANONYMOUS, "text": f"se {case}"})
    assert response.json()["found"] == [{"word": case, "trace": "reference"}]
    assert await lia.access("deny") == []


# --- rows 6, 9: by name -------------------------------------------------------------------------------------------------


@pytest.mark.rule(4, 5, 106)
@pytest.mark.story(6)
async def test_without_consent_a_named_item_is_refused_with_what_is_missing_and_from_whom(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.carry()
    meeting = await lia.ressursteam()
    response = await lia.post("teacher", f"/meetings/{meeting}/agenda-items", lia.named(case))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (409, "consent-missing")
    assert problem["missing"] == [
        {"service": service, "categories": ["development", "language"]}
        for service in ("barnevern", "helsestasjon", "ppt")
    ]
    assert (problem["purpose"], problem["needed_from"]) == ("assessment", {"guardian": 2})
    assert (problem["held_by_unit"], problem["requested"]) == ("unit:lia-barnehage", [])
    # Asked for, and granted by one: the other one is what is missing.
    consent = await lia.cases.requested(case)
    await lia.cases.must("guardian-a", f"/consents/{consent}/grants")
    await lia.carry()
    problem = (await lia.post("teacher", f"/meetings/{meeting}/agenda-items", lia.named(case))).json()
    assert (problem["code"], problem["needed_from"], problem["requested"]) == (
        "consent-missing",
        {"guardian": 1},
        [consent],
    )
    assert await lia.published("agenda-item.added.v1") == []


@pytest.mark.rule(4, 5, 9)
@pytest.mark.story(9)
async def test_with_consent_the_covered_see_the_item_and_the_others_not_even_that_it_is_there(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam(extra=True)
    added = await lia.add("styrer", meeting, lia.named(case))
    assert (added["covered"], added["leaves"]) == (["helsestasjon", "ppt"], ["barnevern"])
    item, path = added["item"], f"/meetings/{meeting}/agenda-items"
    hidden = await lia.get("barnevern", path)
    assert hidden.json()["items"] == []
    assert item not in hidden.text
    assert case not in hidden.text
    refused = await lia.get("barnevern", f"{path}/{item}")
    assert refused.status_code == 404
    assert refused.json().keys() == (await lia.get("barnevern", f"{path}/itm_{'b' * 26}")).json().keys()
    [denied] = await lia.access("deny")
    assert (denied["case"], denied["item"], denied["reason"], denied["permitted"]) == (
        case,
        item,
        "consent-missing",
        False,
    )
    for who, service in (("ppt", "ppt"), ("nurse", "helsestasjon")):
        [shown] = (await lia.see(who, path))["items"]
        assert (shown["case"], shown["text"]) == (case, "Språk og lek: hva ser dere?")
        record = (await lia.access("disclose"))[-1]
        assert (record["case"], record["meeting"], record["item"]) == (case, meeting, item)
        assert [each["service"] for each in record["recipients"]] == [service]
        assert sorted(record["categories"]) == ["development", "language"]
        assert (record["basis"]["code"], record["consent_version"]) == ("consent", 1)
    assert (await lia.see("coordinator", path))["items"] == []
    await lia.see("teacher", path)
    assert len(await lia.access("read")) == 1
    assert len(await lia.access("disclose")) == 2
    # Sealed under the child's key, not under the meeting's.
    owners = await lia.pool.fetch("SELECT owner FROM vault_records WHERE record = $1", f"item/{item}")
    assert [row["owner"] for row in owners] == [case]


@pytest.mark.rule(4, 5)
async def test_a_case_of_another_unit_is_answered_as_an_unknown_one_and_recorded(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    arena = await lia.arena("ressursteam", "unit:haugen-barnehage")
    meeting = (await lia.must("haugen-styrer", "/meetings", {"arena": arena, "starts_at": START}))["meeting"]
    foreign = await lia.post("curious", f"/meetings/{meeting}/agenda-items", lia.named(case))
    unknown = await lia.post("curious", f"/meetings/{meeting}/agenda-items", lia.named(f"cas_{'b' * 26}"))
    same = ("status", "code", "detail", "title", "type")
    assert [foreign.json()[part] for part in same] == [unknown.json()[part] for part in same]
    assert foreign.status_code == 404
    [denied] = await lia.access("deny")
    assert (denied["case"], denied["reason"]) == (case, "not-involved")
    # Nothing in it tells in which meeting: an anonymous item there could be the same case.
    assert "meeting" not in denied
    assert "item" not in denied
    # By name an item comes from the barnehage or school that holds the consent.
    lias = await lia.ressursteam()
    assert await lia.refused("ppt", f"/meetings/{lias}/agenda-items", lia.named(case)) == (
        403,
        "only-holder-brings-named",
    )


@pytest.mark.rule(6)
@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "some-system", "lagspill_roles": ["service-account"]},
        {"lagspill_roles": ["guardian"], "pid": "15912156831"},
        {"lagspill_roles": ["auditor"]},
        {"lagspill_roles": []},
    ],
)
async def test_a_seat_is_for_somebody_who_works_in_the_service(lia: Town, claims: dict[str, object]) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    await lia.add("teacher", meeting, lia.named(case))
    path = f"/meetings/{meeting}/agenda-items"
    assert len((await lia.see("ppt", path))["items"]) == 1
    # The token says the service and the unit; what it lacks is a function in them.
    assert (await lia.get("ppt", path, **claims)).status_code == 404
    assert (await lia.get("ppt", f"/meetings/{meeting}", **claims)).status_code == 404
    assert (await lia.get("ppt", "/meetings", **claims)).json()["items"] == []


@pytest.mark.rule(4)
async def test_reaching_for_an_address_protected_case_leaves_no_place_in_its_log(lia: Town) -> None:
    receipt = await lia.cases.must("teacher", "/concerns", lia.cases.concern(address_protected=True))
    await lia.cases.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await lia.carry()
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/agenda-items"
    # Not even its own unit brings it: which unit that is, stands in no event.
    assert await lia.refused("teacher", path, lia.named(receipt["case"])) == (404, "not-found")
    [denied] = [event for event in await lia.published() if event["data"].get("case") == receipt["case"]]
    assert denied["municipality"].startswith("prt_")
    assert denied["data"]["address_protected"]
    assert not {"unit", "organisation"} & denied["data"]["actor"].keys()
    assert "4005" not in json.dumps(denied)


@pytest.mark.rule(20, 22)
@pytest.mark.story(11)
async def test_with_bup_nothing_is_named_whatever_the_consent_says(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case, services=("ppt", "helsestasjon", "bup", "barnevern", "psykiatri"))
    await lia.carry()
    bup = {"arena": await lia.arena("bup-samarbeid"), "starts_at": "2026-10-06T12:00:00+02:00"}
    meeting = (await lia.must("coordinator", "/meetings", bup))["meeting"]
    path = f"/meetings/{meeting}/agenda-items"
    assert await lia.refused("nurse", path, lia.named(case)) == (403, "arena-anonymous-only")
    assert await lia.refused("nurse", path, lia.named(f"cas_{'b' * 26}")) == (403, "arena-anonymous-only")
    assert (await lia.add("nurse", meeting, ANONYMOUS))["status"] == "accepted"
    theme = {"kind": "general", "mode": "no-child", "text": "Søvn hos ungdom som tema i høst."}
    proposed = await lia.add("nurse", meeting, theme)
    assert proposed["status"] == "proposed"
    assert await lia.refused("nurse", f"{path}/{proposed['item']}/acceptance") == (403, "may-not-accept")
    await lia.must("coordinator", f"{path}/{proposed['item']}/acceptance")
    assert [each["status"] for each in (await lia.see("bup", path))["items"]] == ["accepted", "accepted"]
    assert (await lia.get("teacher", path)).status_code == 404


@pytest.mark.rule(4)
async def test_when_it_is_not_known_how_fresh_the_consents_are_nothing_is_named(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    await lia.add("teacher", meeting, lia.named(case))
    await lia.stale()
    path = f"/meetings/{meeting}/agenda-items"
    refused = await lia.post("teacher", path, lia.named(case))
    assert (refused.status_code, refused.json()["code"]) == (503, "projection-stale")
    assert int(refused.headers["retry-after"]) >= 1
    assert (await lia.get("ppt", path)).status_code == 503
    # What needs no consent goes on: the unit's own item, and anonymous ones; barnevern never had a part in it.
    assert len((await lia.see("teacher", path))["items"]) == 1
    await lia.add("teacher", meeting, ANONYMOUS)
    assert len((await lia.see("barnevern", path))["items"]) == 1
    await lia.pool.execute("DELETE FROM consumer_progress")
    assert (await lia.post("teacher", path, lia.named(case))).status_code == 503
    assert await lia.access("disclose") == []


# --- rows 9, 10: held, with its outcome ---------------------------------------------------------------------------------


@pytest.mark.rule(2, 4, 20, 54, 61)
@pytest.mark.story(9)
async def test_a_held_meeting_says_who_was_told_and_nothing_of_who_was_meant(lia: Town) -> None:
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    named = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    hidden = (await lia.add("teacher", meeting, ANONYMOUS))["item"]
    general = (await lia.add("ppt", meeting, {"kind": "general", "mode": "no-child", "text": "Veien videre."}))["item"]
    await lia.must("styrer", f"/meetings/{meeting}/agenda-items/{general}/acceptance")
    path = f"/meetings/{meeting}/holding"
    discussed = [{"item": named}, {"item": hidden}, {"item": general}]
    assert await lia.refused("styrer", path, lia.held(discussed)) == (422, "holding-times-wrong")
    lia.clock.set(AFTER)
    stayed = [{"item": named, "stayed": ["ppt", "barnevern"]}]
    refused = await lia.post("styrer", path, lia.held(stayed))
    assert (refused.json()["code"], refused.json()["services"]) == ("must-leave-item", ["barnevern"])
    stranger = lia.held(discussed)
    stranger["attendance"].append({"service": "skole", "role": "leader", "present": True})
    assert await lia.refused("styrer", path, stranger) == (403, "service-not-member")
    assert await lia.refused("styrer", path, lia.held([], attendance=[])) == (422, "attendance-wrong")
    assert await lia.refused("styrer", path, lia.held([], chair="teacher")) == (422, "chair-missing")
    held = await lia.must("styrer", path, lia.held(discussed))
    assert held["status"] == "held"
    assert {each["item"]: each["attended_by"] for each in held["discussed"]}[named] == ["helsestasjon", "ppt"]
    told, quiet = await lia.published("case-discussed.v1")
    assert (told["data"]["case"], told["data"]["consent"], told["data"]["consent_version"]) == (case, consent, 1)
    assert sorted(told["data"]["attended_by"]) == ["helsestasjon", "ppt"]
    assert quiet["data"] == {
        "meeting": meeting,
        "item": hidden,
        "mode": "anonymous",
        "attended_by": [],
        "categories": [],
    }
    assert quiet["authtype"] == "unknown"
    [event] = await lia.published("meeting.held.v1")
    assert quiet["correlationid"] != event["correlationid"]
    assert hidden not in json.dumps(event)
    assert event["data"]["items"] == [general]
    record = (await lia.access("disclose"))[-1]
    assert [each["service"] for each in record["recipients"]] == ["helsestasjon", "ppt"]
    assert await lia.refused("styrer", path, lia.held([])) == (409, "meeting-state-forbids")
    # The cases service knows from the event alone who has been told.
    await lia.carry_back()
    disclosures = await lia.cases.pool.fetch("SELECT service FROM disclosures WHERE case_ref = $1", case)
    assert sorted(row["service"] for row in disclosures) == ["helsestasjon", "ppt"]


@pytest.mark.rule(26, 62, 71, 88)
@pytest.mark.story(10)
async def test_an_outcome_is_planned_by_the_cases_service_from_the_event_alone(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    hidden = (await lia.add("teacher", meeting, ANONYMOUS))["item"]
    lia.clock.set(AFTER)
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": item}, {"item": hidden}]))
    measure = {
        "code": "sprakgruppe",
        "owner": "barnehage",
        "owner_unit": "unit:lia-barnehage",
        "indicator": "ordforrad",
        "evaluate_by": "2026-12-01T12:00:00Z",
    }
    planned = {"item": item, "decision": "measure-planned", "measures": [measure], "join_team": ["ppt"], "text": "Ok."}
    path = f"/meetings/{meeting}/outcomes"
    assert await lia.refused("teacher", path, {**planned, "join_team": ["barnevern"]}) == (409, "consent-missing")
    assert await lia.refused("teacher", path, {**planned, "measures": []}) == (422, "outcome-incomplete")
    assert await lia.refused("teacher", path, {**planned, "item": hidden}) == (422, "anonymous-outcome")
    assert (await lia.post("barnevern", path, planned)).status_code == 404
    outcome = await lia.must("teacher", path, planned)
    guidance = {"item": hidden, "decision": "guidance-given", "text": "Prøv lek i små grupper."}
    assert await lia.refused("teacher", path, {**guidance, "text": "Ring Zorvald."}) == (422, "text-not-anonymous")
    await lia.must("teacher", path, guidance)
    quiet = (await lia.published("outcome.recorded.v1"))[-1]
    assert quiet["data"]["item"] == hidden
    assert "case" not in quiet["data"]
    assert (quiet["authtype"], "authid" in quiet) == ("unknown", False)
    await lia.carry_back()
    assert [each["measure"] for each in outcome["measures"]] == [
        event["data"]["measure"] for event in await lia.cases.published("measure.planned.v1")
    ]
    [joined] = await lia.cases.published("team-member-added.v1")
    assert joined["data"]["service"] == "ppt"


@pytest.mark.rule(62, 72, 82, 116)
async def test_what_a_meeting_asks_a_service_for_is_asked_by_the_cases_service_from_the_event_alone(lia: Town) -> None:
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    hidden = (await lia.add("teacher", meeting, ANONYMOUS))["item"]
    lia.clock.set(AFTER)
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": item}, {"item": hidden}]))
    path = f"/meetings/{meeting}/outcomes"
    ppt = {"service": "ppt", "reason": "assessment", "respond_by": "2026-10-06T12:00:00+02:00"}
    nurse = {"service": "helsestasjon", "reason": "coordination"}
    asked = {"item": item, "decision": "follow-up", "text": "PPT observerer.", "contributions": [ppt, nurse]}
    lia_itself = {"service": "barnehage", "unit": "unit:lia-barnehage", "reason": "measure"}
    for wrong, answered in (
        ({**asked, "item": hidden}, (422, "anonymous-outcome")),
        ({**asked, "contributions": [{**ppt, "service": "barnevern"}]}, (409, "consent-missing")),
        # Another barnehage hears of the child as any other service would, and this one needs not be asked.
        ({**asked, "contributions": [{**lia_itself, "unit": "unit:haugen-barnehage"}]}, (409, "consent-missing")),
        ({**asked, "contributions": [lia_itself]}, (422, "outcome-incomplete")),
        ({**asked, "contributions": [{**ppt, "respond_by": "2026-09-22T08:00:00Z"}]}, (422, "outcome-incomplete")),
        ({**asked, "contributions": [{**ppt, "service": "skole"}]}, (422, "outcome-incomplete")),
        ({**asked, "contributions": [{**ppt, "unit": "unit:ppt"}]}, (422, "outcome-incomplete")),
    ):
        assert await lia.refused("teacher", path, wrong) == answered, wrong
    outcome = await lia.must("teacher", path, asked)
    # Before the cases service reads it the health station is outside the consent: it is not asked, and the holder is told.
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    for _ in range(2):
        await lia.carry_back()
    [requested] = [each["data"] for each in await lia.cases.published("contribution.requested.v1")]
    assert (requested["contribution"], requested["service"]) == (outcome["contributions"][0]["contribution"], "ppt")
    assert (requested["anonymous"], requested["reason"], requested["meeting"]) == (False, "assessment", meeting)
    assert (requested["asked_by"]["role"], requested["respond_by"]) == ("teacher", "2026-10-06T10:00:00Z")
    assert (requested["consent"], sorted(requested["categories"])) == (consent, ["development", "language"])
    [refused] = [each["data"] for each in await lia.cases.published("case.outcome-refused.v1")]
    assert [(each["service"], each["reason"]) for each in refused["contributions"]] == [
        ("helsestasjon", "consent-missing")
    ]
    # The service finds it as any other request, and where its words are.
    [found] = (await lia.cases.see("ppt", "/contributions"))["items"]
    assert (found["contribution"], found["meeting"]) == (requested["contribution"], meeting)
    seen = await lia.cases.see("ppt", f"/contributions/{requested['contribution']}")
    assert (seen["case"], seen["text"]) == (case, "")
    await lia.cases.must("ppt", f"/contributions/{requested['contribution']}/acceptance")


@pytest.mark.rule(38)
async def test_minutes_have_a_part_for_all_and_outcomes_for_those_who_may_see(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    lia.clock.set(AFTER)
    path = f"/meetings/{meeting}"
    assert (await lia.get("styrer", f"{path}/minutes")).status_code == 404
    await lia.must("styrer", f"{path}/holding", lia.held([{"item": item}]))
    await lia.must(
        "teacher", f"{path}/outcomes", {"item": item, "decision": "follow-up", "text": "PPT observerer i uke 42."}
    )
    assert await lia.refused("styrer", f"{path}/minutes", {"text": "Zorvald var tema."}) == (422, "text-not-anonymous")
    assert await lia.refused("ppt", f"{path}/minutes", {"text": "Vi møtes igjen."}) == (403, "may-not-accept")
    await lia.must("styrer", f"{path}/minutes", {"text": "Vi møttes."})
    approved = await lia.must("styrer", f"{path}/minutes", {"text": "Vi møttes på enheten."})
    assert (approved["status"], approved["minutes_version"]) == ("minutes-approved", 2)
    seen = await lia.see("ppt", f"{path}/minutes")
    assert (seen["text"], seen["outcomes"][0]["text"]) == ("Vi møttes på enheten.", "PPT observerer i uke 42.")
    assert (await lia.see("barnevern", f"{path}/minutes"))["outcomes"] == []
    everything = await lia.everything()
    for text in ("Vi møttes", "observerer", "Språk og lek"):
        assert text not in everything
    assert (await lia.must("styrer", f"{path}/closure"))["status"] == "closed"


@pytest.mark.rule(45)
async def test_who_is_no_public_service_is_shown_no_item_that_names_a_child(lia: Town) -> None:
    """Business takes part in SLT, and there only: also under the name of a unit that has the case it finds no child by name."""
    case = await lia.cases.opened()
    await lia.cases.consented(case, services=("ppt", "helsestasjon", "barnevern"))
    await lia.carry()
    # It is invited nowhere where a child is named, and what it takes part in takes none by name.
    team = {"arena": await lia.arena("ressursteam", "unit:lia-barnehage"), "starts_at": START}
    assert await lia.refused("styrer", "/meetings", {**team, "services": ["naeringsliv"]}) == (
        403,
        "service-not-member",
    )
    slt = {"arena": await lia.arena("slt"), "starts_at": "2026-09-23T12:00:00+02:00", "services": ["naeringsliv"]}
    open_to_all = (await lia.must("coordinator", "/meetings", slt))["meeting"]
    items = f"/meetings/{open_to_all}/agenda-items"
    for who in ("rektor", "teacher", "coordinator"):
        assert (await lia.post(who, items, lia.named(case))).status_code in {403, 404}, who
    theme = {"kind": "general", "mode": "no-child", "text": "Veien videre."}
    general = (await lia.add("coordinator", open_to_all, theme))["item"]
    # A child is named where its barnehage meets; then that is held, with minutes.
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    # Somebody there who was let in to call the meetings, as a coordinator is, or says that they lead the child's unit.
    calls: dict[str, Any] = {
        "lagspill_service": "naeringsliv",
        "lagspill_unit": "unit:lia-barnehage",
        "lagspill_roles": ["coordinator", "leader"],
    }
    assert (await lia.get("styrer", "/due-meetings", **calls)).json()["items"] == []
    removed = await lia.post("styrer", f"/meetings/{meeting}/agenda-items/{item}/removal", **calls)
    assert (removed.status_code, removed.json()["code"]) == (404, "not-found")
    again = await lia.post("styrer", f"/meetings/{meeting}/agenda-items", lia.named(case), **calls)
    assert (again.status_code, again.json()["code"]) == (403, "only-holder-brings-named")
    lia.clock.set(AFTER)
    await lia.fresh()
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": item}]))
    outcome = {"item": item, "decision": "follow-up", "text": "PPT observerer i uke 42."}
    said = await lia.post("styrer", f"/meetings/{meeting}/outcomes", outcome, **calls)
    assert (said.status_code, said.json()["code"]) == (404, "not-found")
    await lia.must("teacher", f"/meetings/{meeting}/outcomes", outcome)
    await lia.must("styrer", f"/meetings/{meeting}/minutes", {"text": "Vi møttes."})
    path = f"/meetings/{meeting}"
    for number, unit in enumerate((None, "unit:handelsstand", "unit:lia-barnehage")):
        business: dict[str, Any] = {
            "lagspill_service": "naeringsliv",
            "lagspill_unit": unit,
            "sub": f"business-{number}",
        }
        for part in ("", "/agenda-items", f"/agenda-items/{item}", "/minutes"):
            assert (await lia.get("styrer", f"{path}{part}", **business)).status_code == 404, (unit, part)
        written = await lia.post("styrer", f"{path}/outcomes", outcome, **business)
        assert (written.status_code, written.json()["code"]) == (404, "not-found")
        listed = (await lia.get("styrer", "/meetings", **business)).json()["items"]
        assert [each["meeting"] for each in listed] == [open_to_all]
        [shown] = (await lia.get("styrer", items, **business)).json()["items"]
        assert (shown["item"], shown["text"], shown["case"]) == (general, theme["text"], None)
        calendar = await lia.get("styrer", "/calendar", **business)
        assert calendar.content.count(b"BEGIN:VEVENT") == 1
        teams = await lia.get("styrer", f"/arenas/{team['arena']}/calendar", **business)
        assert (teams.status_code, teams.json()["code"]) == (403, "calendar-forbidden")
        assert case.encode() not in calendar.content + teams.content
        # And nothing was told to it; that it reached for the child's item is in the child's log.
        assert [each["case"] for each in await lia.access("deny")][number:] == [case]
    # Nor to whoever calls.
    assert (await lia.get("styrer", path, **calls)).status_code == 200
    assert (await lia.get("styrer", f"{path}/agenda-items", **calls)).json()["items"] == []
    assert (await lia.get("styrer", f"{path}/agenda-items/{item}", **calls)).status_code == 404
    assert (await lia.get("styrer", f"{path}/minutes", **calls)).json()["outcomes"] == []
    told = [recipient["service"] for each in await lia.access("disclose") for recipient in each["recipients"]]
    assert "naeringsliv" not in told


@pytest.mark.rule(12)
@pytest.mark.story(12)
async def test_a_transition_meeting_is_not_held_without_the_guardians(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case, services=("skole", "ppt"), purposes=("transition",))
    await lia.carry()
    body = {
        "arena": await lia.arena("overgang-barnehage-skole"),
        "starts_at": "2026-10-28T12:00:00+01:00",
        "units": ["unit:lia-barnehage", "unit:tinnes-skole"],
    }
    meeting = (await lia.must("styrer", "/meetings", body))["meeting"]
    assert await lia.refused("teacher", f"/meetings/{meeting}/agenda-items", ANONYMOUS) == (403, "arena-named-only")
    item = (await lia.add("teacher", meeting, lia.named(case, purpose="transition")))["item"]
    lia.clock.set(datetime(2026, 10, 29, 9, 0, tzinfo=UTC))
    held = {
        "started_at": "2026-10-28T12:00:00+01:00",
        "ended_at": "2026-10-28T13:00:00+01:00",
        "chair": "leader",
        "attendance": [
            {"service": service, "role": "leader", "present": True} for service in ("barnehage", "skole", "ppt")
        ],
        "discussed": [{"item": item}],
    }
    assert await lia.refused("styrer", f"/meetings/{meeting}/holding", held) == (409, "guardians-missing")
    await lia.must("styrer", f"/meetings/{meeting}/holding", {**held, "guardians_present": 2})
    [told] = await lia.published("case-discussed.v1")
    assert sorted(told["data"]["attended_by"]) == ["ppt", "skole"]
    assert told["data"]["guardians_present"] == 2, "there was one child only: they are its guardians"


@pytest.mark.rule(12, 73, 99)
async def test_guardians_are_counted_for_each_child_and_of_the_child_it_is_said_whether_it_was_there(lia: Town) -> None:
    children = []
    for _ in range(2):
        case = await lia.cases.opened()
        await lia.cases.consented(case, services=("skole", "ppt"), purposes=("transition",))
        children.append(case)
    await lia.carry()
    body = {
        "arena": await lia.arena("overgang-barnehage-skole"),
        "starts_at": "2026-10-28T12:00:00+01:00",
        "units": ["unit:lia-barnehage", "unit:tinnes-skole"],
    }
    meeting = (await lia.must("styrer", "/meetings", body))["meeting"]
    first, second = [
        (await lia.add("teacher", meeting, lia.named(case, purpose="transition")))["item"] for case in children
    ]
    lia.clock.set(datetime(2026, 10, 29, 9, 0, tzinfo=UTC))

    def held(*discussed: dict[str, object]) -> dict[str, object]:
        services = ("barnehage", "skole", "ppt")
        return {
            "started_at": "2026-10-28T12:00:00+01:00",
            "ended_at": "2026-10-28T13:00:00+01:00",
            "chair": "leader",
            "attendance": [{"service": service, "role": "leader", "present": True} for service in services],
            "guardians_present": 2,
            "discussed": list(discussed),
        }

    path = f"/meetings/{meeting}/holding"
    for of_second, status, code in (
        ({}, 409, "guardians-missing"),
        ({"guardians_present": 0}, 409, "guardians-missing"),
        ({"guardians_present": 3}, 422, "family-unclear"),
        ({"guardians_present": 1, "child": "not-present"}, 422, "family-unclear"),
        ({"guardians_present": 1, "child": "present", "child_absence": "ill"}, 422, "family-unclear"),
        ({"guardians_present": 1, "child": "Kari"}, 422, "input-invalid"),
    ):
        refused = await lia.post(
            "styrer", path, held({"item": first, "guardians_present": 2}, {"item": second, **of_second})
        )
        assert (refused.status_code, refused.json()["code"]) == (status, code)
        if code == "guardians-missing":
            assert refused.json()["items"] == [second]
    said = {"guardians_present": 1, "child": "not-present", "child_absence": "too-young"}
    answered = await lia.must("styrer", path, held({"item": first, "guardians_present": 2}, {"item": second, **said}))
    shown = {each["item"]: each for each in answered["discussed"]}
    assert said.items() <= shown[second].items()
    assert (shown[first]["guardians_present"], shown[first]["child"]) == (2, None)
    told = {event["data"]["item"]: event["data"] for event in await lia.published("case-discussed.v1")}
    assert said.items() <= told[second].items()
    assert told[first]["guardians_present"] == 2


# --- row 17: withdrawn --------------------------------------------------------------------------------------------------


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_a_withdrawal_ends_the_next_look_clears_the_agenda_and_leaves_a_receipt(lia: Town) -> None:
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    path = f"/meetings/{meeting}/agenda-items"
    assert len((await lia.see("nurse", path))["items"]) == 1
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    await lia.carry()
    assert (await lia.see("nurse", path))["items"] == []
    assert (await lia.get("nurse", f"{path}/{item}")).status_code == 404
    [denied] = await lia.access("deny")
    assert (denied["case"], denied["actor"]["service"], denied["reason"]) == (case, "helsestasjon", "consent-missing")
    [removed] = await lia.published("agenda-item.removed.v1")
    assert (removed["data"]["item"], removed["data"]["reason"]) == (item, "consent-withdrawn")
    [receipt] = await lia.published("consent-receipt.recorded.v1")
    assert receipt["data"] == {"case": case, "consent": consent, "consent_version": 2, "items_removed": 1}
    [narrowed] = await lia.cases.published("consent.narrowed.v1")
    assert (removed["causationid"], receipt["causationid"]) == (narrowed["id"], narrowed["id"])
    # What is left still carries it, for those it is left to.
    again = await lia.add("teacher", meeting, lia.named(case))
    assert (again["covered"], again["consent_version"]) == (["ppt"], 2)
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals")
    await lia.carry()
    assert await lia.refused("teacher", path, lia.named(case)) == (409, "consent-missing")
    await lia.carry_back()
    receipts = await lia.cases.see("teacher", f"/consents/{consent}/receipts")
    assert "meetings" in json.dumps(receipts)


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_a_receipt_comes_even_when_there_was_nothing_to_clear_and_once_per_change(lia: Town) -> None:
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.cases.must("guardian-a", f"/consents/{consent}/withdrawals")
    rows = await lia.cases.pool.fetch("SELECT body FROM outbox ORDER BY id")
    records = [lia.record(row["body"]) for row in rows]
    for _ in range(3):
        await lia.intake().process(records)
    [receipt] = await lia.published("consent-receipt.recorded.v1")
    assert receipt["data"]["items_removed"] == 0


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_what_was_discussed_before_the_withdrawal_is_recorded_and_after_it_refused(lia: Town) -> None:
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    # In the middle of the meeting, at one o'clock, a guardian withdraws.
    lia.cases.clock.set(datetime(2026, 9, 22, 11, 0, tzinfo=UTC))
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals")
    await lia.carry()
    lia.clock.set(AFTER)
    path = f"/meetings/{meeting}/holding"
    late = lia.held([{"item": item, "at": "2026-09-22T11:00:00Z"}])
    assert await lia.refused("styrer", path, late) == (409, "consent-missing")
    assert await lia.refused("styrer", path, lia.held([{"item": item}])) == (409, "consent-missing")
    await lia.must("styrer", path, lia.held([{"item": item, "at": "2026-09-22T10:59:59Z"}]))
    [told] = await lia.published("case-discussed.v1")
    assert told["data"]["consent_version"] == 1
    # But what it led to needs a consent when it is written down.
    outcome = {"item": item, "decision": "refer", "join_team": ["ppt"]}
    assert await lia.refused("teacher", f"/meetings/{meeting}/outcomes", outcome) == (409, "consent-missing")
    await lia.must("teacher", f"/meetings/{meeting}/outcomes", {"item": item, "decision": "no-action"})


async def test_the_interface_describes_itself_with_examples(lia: Town) -> None:
    document = (await lia.http.get("/openapi.json")).json()
    assert "/meetings/{meeting}/agenda-items" in document["paths"]
    for name in ("CallMeeting", "NewAgendaItem", "HeldMeeting", "NewOutcome"):
        model = getattr(bodies, name)
        examples = document["components"]["schemas"][name]["examples"]
        assert [model.model_validate_json(json.dumps(each)) for each in examples]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), f"{method} {path}"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 422),
        ({**ANONYMOUS, "child": "x"}, 422),
        ({**ANONYMOUS, "text": ""}, 422),
        ({**ANONYMOUS, "text": " \n"}, 422),
        ({**ANONYMOUS, "text": "a" * 4001}, 422),
        ({**ANONYMOUS, "mode": "secret"}, 422),
        ({**ANONYMOUS, "case": "cas_x"}, 422),
        ({"kind": "case", "mode": "named", "text": "Uten sak."}, 422),
    ],
)
async def test_a_wrong_item_is_a_clear_refusal_and_changes_nothing(
    lia: Town, body: dict[str, object], status: int
) -> None:
    meeting = await lia.ressursteam()
    before = await lia.everything()
    response = await lia.post("teacher", f"/meetings/{meeting}/agenda-items", body)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert await lia.everything() == before


async def test_a_stale_version_is_refused(lia: Town) -> None:
    meeting = await lia.ressursteam()
    await lia.add("teacher", meeting, ANONYMOUS)
    response = await lia.post(
        "styrer", f"/meetings/{meeting}/cancellation", {"reason": "no-items"}, headers={"if-match": '"v1"'}
    )
    assert (response.status_code, response.json()["code"]) == (412, "version-stale")
    etag = (await lia.get("styrer", f"/meetings/{meeting}")).headers["etag"]
    done = await lia.post(
        "styrer", f"/meetings/{meeting}/cancellation", {"reason": "no-items"}, headers={"if-match": etag}
    )
    assert (done.status_code, done.json()["status"]) == (200, "cancelled")
    assert END > START


@pytest.mark.rule(146)
async def test_a_meeting_says_in_which_languages_it_needs_an_interpreter(lia: Town) -> None:
    """A code from the family's need, on the item that is theirs; and what whoever calls asks for beside it."""
    case = await lia.cases.opened()
    await lia.cases.consented(
        case, services=("ppt", "helsestasjon", "barnevern"), purposes=("assessment", "discussion")
    )
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken"}
    await lia.cases.must("teacher", f"/cases/{case}/language-needs", need)
    await lia.carry()
    meeting = await lia.ressursteam(interpreters=["so"])
    assert (await lia.see("ppt", f"/meetings/{meeting}"))["interpreters"] == ["so"]
    added = await lia.add("teacher", meeting, lia.named(case))
    assert added["interpreters"] == ["ti"]
    [item] = await lia.published("agenda-item.added.v1")
    assert item["data"]["interpreters"] == ["ti"]
    [called] = await lia.published("meeting.called.v1")
    assert called["data"]["interpreters"] == ["so"]
    await lia.cases.must("teacher", f"/cases/{case}/language-needs", {**need, "interpreter": "none"})
    await lia.carry()
    again = await lia.add("teacher", meeting, lia.named(case))
    assert again["interpreters"] == []


@pytest.mark.rule(146)
async def test_no_interpreter_is_planned_for_who_has_lost_parental_responsibility(lia: Town) -> None:
    """They are not invited; what they need is known again with the responsibility."""
    case = await lia.cases.opened()
    await lia.cases.consented(
        case, services=("ppt", "helsestasjon", "barnevern"), purposes=("assessment", "discussion")
    )
    for ordinal, language in ((1, "so"), (2, "ti")):
        need = {"person": "guardian", "ordinal": ordinal, "language": language, "interpreter": "spoken"}
        await lia.cases.must("teacher", f"/cases/{case}/language-needs", need)
    meeting = await lia.ressursteam()

    async def planned() -> list[str]:
        await lia.carry()
        return [*(await lia.add("teacher", meeting, lia.named(case)))["interpreters"]]

    async def changed(path: str, body: dict[str, str]) -> None:
        version = await lia.cases.version("teacher", case)
        await lia.cases.must("teacher", f"/cases/{case}/guardians{path}", body, if_match=version)

    assert await planned() == ["so", "ti"]
    decided = {"ground": "court-decision", "note": "Dom."}
    await changed("/2/ending", {**decided, "last_day": "2026-09-06"})
    assert await planned() == ["so"]
    lost = lia.cases.guardian_b
    person = {"name": lost.name, "national_number": lost.national_number}
    await changed("", {**decided, **person, "since": "2026-09-07"})
    assert await planned() == ["so", "ti"]


@pytest.mark.rule(60, 67)
async def test_the_agenda_is_laid_out_by_the_arenas_template_and_says_what_it_still_lacks(lia: Town) -> None:
    arenas = (await lia.see("tynset-coordinator", "/arenas?limit=200"))["items"]
    [arena] = [
        each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == ("tst", "unit:tynset-barnehage")
    ]
    body = {"arena": arena, "starts_at": "2026-09-29T09:00:00+02:00"}
    meeting = (await lia.must("tynset-styrer", "/meetings", body))["meeting"]
    path = f"/meetings/{meeting}/agenda-items"

    async def template(who: str) -> dict[str, bool]:
        shown = (await lia.see(who, path))["template"]
        assert [each["element"] for each in shown] == ["general", "guidance", "observation"]
        return {each["element"]: each["there"] for each in shown}

    assert not any((await template("tynset-ppt")).values())
    item = {"kind": "general", "mode": "no-child", "text": "Hvordan står det til på avdelingene?"}
    added = await lia.add("tynset-ppt", meeting, item)
    # Proposed is not on the agenda yet: whoever calls the meeting takes it on.
    assert added["status"] == "proposed"
    assert not any((await template("tynset-styrer")).values())
    await lia.must("tynset-styrer", f"{path}/{added['item']}/acceptance")
    assert await template("tynset-ppt") == {"general": True, "guidance": False, "observation": False}
    await lia.must("tynset-styrer", f"{path}/{added['item']}/removal")
    assert not any((await template("tynset-ppt")).values())
    # Where no template is, there is nothing to lack.
    ressursteam = await lia.ressursteam()
    assert (await lia.see("styrer", f"/meetings/{ressursteam}/agenda-items"))["template"] == []


@pytest.mark.rule(4, 54, 71)
async def test_nobody_sits_where_their_own_child_is_discussed_and_nobody_is_told_why(lia: Town) -> None:
    """forvaltningsloven § 6: cases says who is of the family, in marks that lead to nobody; the meeting was called before it."""
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    kin: dict[str, Any] = {"pid": lia.cases.guardian_a.national_number}
    path = f"/meetings/{meeting}"
    accepted = await lia.post("ppt", f"{path}/answers", {"answer": "accepted"}, **kin)
    assert accepted.status_code == 200, accepted.text
    added = await lia.add("styrer", meeting, lia.named(case))
    item, items = added["item"], f"{path}/agenda-items"
    # Whose seat leaves it is told, as of those whom no consent covers, and not why.
    assert added["leaves"] == ["barnevern", "ppt"]
    [shown] = (await lia.see("nurse", items))["items"]
    assert [seat["service"] for seat in shown["leaves"]] == ["barnevern", "ppt"]
    assert (await lia.get("ppt", items, **kin)).json()["items"] == []
    refused = await lia.get("ppt", f"{items}/{item}", **kin)
    assert refused.status_code == 404
    assert refused.json().keys() == (await lia.get("barnevern", f"{items}/{item}")).json().keys()
    denied = await lia.access("deny")
    assert [one["reason"] for one in denied] == ["own-family", "consent-missing"]
    # A colleague of the same service hears it.
    assert [one["item"] for one in (await lia.see("ppt", items))["items"]] == [item]
    # Nor is it theirs to take off, to record or to decide on, whatever their part in the meeting is.
    for who, what in (("styrer", f"agenda-items/{item}/removal"), ("teacher", f"agenda-items/{item}/removal")):
        response = await lia.post(who, f"{path}/{what}", **kin)
        assert (response.status_code, response.json()["code"]) == (404, "not-found")
    brought = await lia.post("teacher", items, lia.named(case), **kin)
    assert (brought.status_code, brought.json()["code"]) == (404, "not-found")
    lia.clock.set(AFTER)
    recorded = await lia.post("styrer", f"{path}/holding", lia.held([{"item": item}]), **kin)
    assert recorded.status_code == 404
    held = await lia.must("styrer", f"{path}/holding", lia.held([{"item": item}]))
    # Unsaid, a service is not taken to have heard it from whom it is hidden; its colleague would be said to have stayed.
    assert held["discussed"][0]["attended_by"] == ["helsestasjon"]
    outcome = {"item": item, "decision": "guidance-given", "text": "Følg opp."}
    response = await lia.post("styrer", f"{path}/outcomes", outcome, **kin)
    assert response.status_code == 404, response.text
    # No reference of the family stands beside a case: neither on the bus nor here.
    actor = (await lia.cases.get("guardian-a", "/me")).json()["actor"]
    bodies = [json.dumps(event) for event in await lia.cases.published() if event["type"].endswith("registered.v1")]
    assert bodies
    assert actor not in "".join(bodies)
    rows = await lia.pool.fetch("SELECT f::text AS shown FROM family_marks f WHERE case_ref = $1", case)
    assert len(rows) == 3
    assert actor not in "".join(row["shown"] for row in rows)


@pytest.mark.rule(4, 5, 54, 60, 143)
async def test_what_whoever_records_a_meeting_is_not_shown_is_recorded_by_somebody_else(lia: Town) -> None:
    """Who records it is of the child's family: what the others said of the child is a disclosure all the same."""
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}"
    item, off = [(await lia.add("styrer", meeting, lia.named(case)))["item"] for _ in range(2)]
    await lia.must("styrer", f"{path}/agenda-items/{off}/removal")
    bare = (await lia.add("styrer", meeting, {"kind": "guidance", "mode": "anonymous", "text": "Et barn leker lite."}))[
        "item"
    ]
    later = f"{path}/discussions"

    async def elements() -> list[str]:
        """Return the kinds of items that the reports hold against the arena's template."""
        return sorted(
            json.loads(await lia.pool.fetchval("SELECT held FROM meetings WHERE meeting = $1", meeting))["kinds"]
        )

    lia.clock.set(AFTER)
    assert await lia.refused("styrer", later, {"item": item}) == (409, "meeting-state-forbids")
    kin: dict[str, Any] = {"pid": lia.cases.guardian_a.national_number}
    held = await lia.post("styrer", f"{path}/holding", lia.held([{"item": bare}]), **kin)
    assert held.status_code == 200, held.text
    [left] = await lia.published("agenda-item.left-open.v1")
    assert left["data"] == {"meeting": meeting, "item": item, "case": case}
    assert await lia.access("disclose") == []
    assert await elements() == ["guidance"]
    before = await lia.published()
    for who, body, claims, refusal in (
        ("styrer", {"item": item}, kin, (404, "not-found")),
        ("curious", {"item": item}, {}, (404, "not-found")),
        ("styrer", {"item": f"itm_{'b' * 26}"}, {}, (404, "not-found")),
        ("styrer", {"item": off}, {}, (409, "item-state-forbids")),
        ("styrer", {"item": bare}, {}, (409, "item-not-named")),
        ("styrer", {"item": item, "stayed": ["barnevern", "ppt"]}, {}, (409, "must-leave-item")),
        ("styrer", {"item": item, "stayed": ["bup"]}, {}, (422, "attendance-wrong")),
        ("styrer", {"item": item, "at": "2026-09-22T11:59:00+02:00"}, {}, (422, "holding-times-wrong")),
        ("styrer", {"item": item, "guardians_present": 1}, {}, (422, "family-unclear")),
    ):
        response = await lia.post(who, later, body, **claims)
        assert (response.status_code, response.json()["code"]) == refusal, response.text
    denials = [one for one in await lia.published() if one not in before]
    assert [one["data"]["reason"] for one in denials] == ["own-family"]
    await lia.must("styrer", f"{path}/minutes", {"text": "Vi møttes."})
    decided = {"item": bare, "decision": "guidance-given", "text": "Lek sammen."}
    assert await lia.refused("styrer", f"{path}/outcomes", decided) == (409, "meeting-state-forbids")
    recorded = await lia.must("styrer", later, {"item": item})
    assert [(one["item"], one["attended_by"]) for one in recorded["discussed"]] == [(item, ["helsestasjon", "ppt"])]
    assert await elements() == ["case", "guidance"]
    [told] = await lia.access("disclose")
    assert (told["case"], told["item"], [one["service"] for one in told["recipients"]]) == (
        case,
        item,
        ["helsestasjon", "ppt"],
    )
    assert await lia.refused("styrer", later, {"item": item}) == (409, "item-state-forbids")
    # What comes of it goes on as for every other, though the minutes are approved, and the family finds it in its copy.
    await lia.must("styrer", f"{path}/outcomes", {"item": item, "decision": "guidance-given", "text": "Følg opp."})
    assert len(await lia.published("case-discussed.v1")) == 2


@pytest.mark.rule(4)
async def test_who_is_of_the_family_may_become_known_late_or_have_been_a_mistake(lia: Town) -> None:
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    items = f"/meetings/{meeting}/agenda-items"
    await lia.add("styrer", meeting, lia.named(case))
    late = {"pid": People(99).guardian().national_number}

    async def seen() -> int:
        return len((await lia.get("nurse", items, **late)).json()["items"])

    async def guardian(path: str, body: dict[str, str]) -> None:
        version = await lia.cases.version("teacher", case)
        await lia.cases.must("teacher", f"/cases/{case}/guardians{path}", body, if_match=version)
        await lia.carry()

    assert await seen() == 1
    new = {
        "name": "Regnbue Påfunnsen",
        "national_number": late["pid"],
        "ground": "court-decision",
        "since": "2026-09-07",
        "note": "Dom.",
    }
    await guardian("", new)
    assert await seen() == 0
    # Who had parental responsibility is a parent still; whoever was recorded by mistake never was.
    await guardian("/3/ending", {"ground": "court-decision", "last_day": "2026-09-08", "note": "Ny dom."})
    assert await seen() == 0
    await guardian("/3/ending", {"ground": "registered-wrong", "last_day": "2026-09-08", "note": "Feil person."})
    assert await seen() == 1
    assert (await lia.cases.get("nurse", f"/cases/{case}/child", **late)).status_code == 200
