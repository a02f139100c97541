"""The work around the child over HTTP: team, coordinator, plan, contributions, the child's voice, languages; and every refusal."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected

NAMED = {
    "service": "ppt",
    "reason": "assessment",
    "text": "Kan dere kartlegge språket?",
    "categories": ["language"],
    "purpose": "assessment",
}
ANONYMOUS = {
    "service": "ppt",
    "reason": "competence-missing",
    "text": "Hvordan får vi et barn med få ord inn i leken?",
    "anonymous": True,
}
OWN_MEASURE = {
    "code": "sprakgruppe",
    "owner": "ppt",
    "goal": "Snakker i leken.",
    "indicator": "seen",
    "evaluate_by": "2026-11-01T11:00:00Z",
}
REPORT = {
    "ground": "maltreatment-or-neglect",
    "text": "Kommer uten mat og varme klær.",
    "guardians_informed": False,
    "not_informed_because": "danger-to-child",
    "child": {"method": "conversation", "text": "Vil ikke hjem.", "trusted_person": True},
}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def refused(world: World, who: str, path: str, body: object = None) -> tuple[int, str]:
    """Try what is refused; nothing is published by it but the record of a denial."""
    before = await world.types()
    answered = code(await world.post(who, path, body))
    assert await world.types() == before
    return answered


def measure(world: World, **changes: Any) -> dict[str, Any]:
    """Return a measure of the educational-psychological service as it is sent."""
    return {
        "code": "sprakgruppe",
        "owner": "ppt",
        "owner_unit": "unit:ppt",
        "goal": "Snakker i hele setninger.",
        "indicator": "words-in-play",
        "evaluate_by": (world.clock.now() + timedelta(weeks=8)).isoformat(),
        **changes,
    }


# --- members and goal -------------------------------------------------------------------------------------------------


@pytest.mark.rule(25, 26, 87, 153)
async def test_the_holder_asks_a_service_in_inside_the_consent_and_lets_it_go(world: World) -> None:
    case = await world.opened()
    members = f"/cases/{case}/team-members"
    asked = await world.post("teacher", members, {"service": "helsestasjon"})
    assert code(asked) == (409, "consent-missing")
    assert asked.json()["grantors"] == {"guardian": 2}
    await world.consented(case)
    team = await world.must("teacher", members, {"service": "helsestasjon", "role": "health-nurse"})
    assert [one["service"] for one in team["members"]] == ["helsestasjon"]
    assert team["holder"] == "barnehage"
    usual = {one["service"]: one["covered"] for one in team["usual"]}
    assert "helsestasjon" not in usual
    assert (usual["ppt"], usual["fastlege"]) == (True, False)
    assert await refused(world, "teacher", members, {"service": "helsestasjon"}) == (409, "already-member")
    assert await refused(world, "teacher", members, {"service": "barnehage"}) == (409, "already-member")
    assert await refused(world, "teacher", members, {"service": "bup"}) == (409, "consent-missing")
    assert await refused(world, "curious", members, {"service": "ppt"}) == (404, "not-found")
    assert await refused(world, "nurse", members, {"service": "ppt"}) == (403, "not-permitted")
    assert await refused(world, "guardian-a", members, {"service": "ppt"}) == (403, "not-permitted")
    leave = {"reason": "no-longer-needed"}
    assert await refused(world, "teacher", f"{members}/ppt/departure", leave) == (409, "not-a-member")
    left = await world.must("teacher", f"{members}/helsestasjon/departure", leave)
    assert left["members"] == []
    [removed] = await world.published("team-member-removed.v1")
    assert (removed["data"]["reason"], removed["data"]["released"]) == ("replaced", "no-longer-needed")


@pytest.mark.rule(26)
async def test_membership_follows_measures_and_who_was_asked_in_stays(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    measure = {
        "code": "art",
        "owner": "ppt",
        "goal": "Ord i leken.",
        "indicator": "words",
        "evaluate_by": "2026-12-01T11:00:00Z",
    }
    planned = await world.must("teacher", f"/cases/{case}/measures", measure)
    departure = f"/cases/{case}/team-members/ppt/departure"
    assert await refused(world, "teacher", departure, {"reason": "other-service"}) == (409, "member-has-measure")
    done = {"effect": "reached", "outcome": "stop"}
    await world.must("teacher", f"/measures/{planned['measure']}/evaluations", done)
    assert (await world.see("teacher", f"/cases/{case}/team"))["members"] == []
    await world.must("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    again = await world.must("teacher", f"/cases/{case}/measures", measure)
    await world.must("teacher", f"/measures/{again['measure']}/evaluations", done)
    assert [one["service"] for one in (await world.see("teacher", f"/cases/{case}/team"))["members"]] == ["ppt"]


@pytest.mark.rule(87, 99)
async def test_the_common_goal_is_words_in_the_vault_and_a_reference_on_the_bus(world: World) -> None:
    case = await world.opened()
    await world.consented(case, categories=("development", "language", "plan"))
    await world.must("teacher", f"/cases/{case}/team-goal", {"text": "Har noen å leke med."})
    second = await world.must("teacher", f"/cases/{case}/team-goal", {"text": "Har noen å leke med hver dag."})
    assert second["goal"]["version"] == 2
    for event in await world.published():
        assert "leke med" not in str(event)
    read = await world.see("nurse", f"/cases/{case}/child")
    assert "Har noen å leke med hver dag." in {one["text"] for one in read["records"]}
    assert await refused(world, "nurse", f"/cases/{case}/team-goal", {"text": "Noe annet."}) == (403, "not-permitted")


@pytest.mark.rule(33, 34, 35)
async def test_any_guardian_changes_the_contact_person_and_it_is_no_gate(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    for service in ("ppt", "helsestasjon"):
        await world.must("teacher", f"/cases/{case}/team-members", {"service": service})
    chosen = {"service": "ppt", "role": "ppt-adviser"}
    await world.must("guardian-a", f"/cases/{case}/contact-person", chosen)
    changed = {"service": "helsestasjon", "role": "health-nurse"}
    view = await world.must("guardian-b", f"/cases/{case}/contact-person", changed)
    assert view["contact_person"] == changed
    team = await world.see("guardian-a", f"/cases/{case}/team")
    # Everybody in the team is shown to them beside the contact person: they may turn to anyone.
    assert {one["service"] for one in team["members"]} == {"ppt", "helsestasjon"}
    assert (await world.get("ppt", f"/cases/{case}")).status_code == 200


@pytest.mark.rule(4, 26, 31, 88, 106)
async def test_a_consent_without_measures_shows_a_service_its_own_and_no_other(world: World) -> None:
    """What is done for a child tells what the matter is: who may know that stands in the consent."""
    case = await world.opened()
    own = (await world.consented(case), (await world.must("teacher", f"/cases/{case}/measures", measure(world))))[1]
    training = measure(world, code="ekstratimer", owner="barnehage", owner_unit="unit:lia-barnehage")
    other = await world.must("teacher", f"/cases/{case}/measures", training)

    async def seen(who: str) -> tuple[set[str], int, set[str], set[str | None]]:
        view, team = await world.see(who, f"/cases/{case}"), await world.see(who, f"/cases/{case}/team")
        carried = {ref for one in team["members"] for ref in one["measures"]}
        because = {one["because_of"] for one in view["team"]}
        return {one["measure"] for one in view["measures"]}, len(view["overlaps"]), carried, because

    everything = ({own["measure"], other["measure"]}, 1, {own["measure"]}, {own["measure"]})
    assert await seen("teacher") == everything
    assert await seen("guardian-a") == everything
    # In the team: its own, and that somebody does the same, which it must find out about.
    assert await seen("ppt") == ({own["measure"]}, 1, {own["measure"]}, {own["measure"]})
    # In the scope only: nothing.
    assert await seen("nurse") == (set(), 0, set(), {None})
    await world.consented(case, services=("helsestasjon",), categories=("measures",))
    assert await seen("nurse") == everything


# --- coordinator ------------------------------------------------------------------------------------------------------


@pytest.mark.rule(23, 37, 122)
async def test_a_role_in_the_token_does_not_make_a_coordinator_an_appointment_does(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    as_coordinator = {"lagspill_roles": ["coordinator", "health-nurse"]}
    assert (await world.get("nurse", f"/cases/{case}", **as_coordinator)).json()["relations"] == ["service-in-scope"]
    appointment = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    path = f"/cases/{case}/coordinator"
    unfit = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("ppt")}
    assert await refused(world, "teacher", path, unfit) == (422, "coordinator-unfit")
    assert await refused(world, "nurse", path, appointment) == (403, "not-permitted")
    around = await world.must("teacher", path, appointment)
    assert around["coordinators"] == [
        {"kind": "ansvarsgruppe", "service": "helsestasjon", "role": "health-nurse", "by_rule": False}
    ]
    by_whom = (await world.see("teacher", f"/cases/{case}/team"))["coordinated_by"]
    assert by_whom == {"kind": "ansvarsgruppe", "service": "helsestasjon", "role": "health-nurse"}
    assert (await world.see("nurse", f"/cases/{case}"))["relations"] == ["coordinator", "service-in-scope"]
    assert (await world.see("second-nurse", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    ended = await world.must("teacher", f"/cases/{case}/coordinator-end", {"kind": "ansvarsgruppe"})
    assert ended["coordinators"] == []
    by_whom = (await world.see("teacher", f"/cases/{case}/team"))["coordinated_by"]
    assert by_whom == {"kind": None, "service": "barnehage", "role": "teacher"}, "never nobody"
    # In the service's own case there is no consent to be found by: whoever coordinates has it in the list all the same.
    other = People(77).child(age=7)
    child = {"name": other.name, "national_number": other.national_number}
    mine = await world.must("nurse", "/concerns", world.concern(child=child))
    await world.must("nurse", f"/concerns/{mine['concern']}/resolution", {"outcome": "lifted"})
    second = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("second-nurse")}
    await world.must("nurse", f"/cases/{mine['case']}/coordinator", second)
    listed = {one["case"]: one["relations"] for one in (await world.see("second-nurse", "/cases"))["items"]}
    assert listed[mine["case"]] == ["coordinator"]
    gone = await refused(world, "teacher", f"/cases/{case}/coordinator-end", {"kind": "ansvarsgruppe"})
    assert gone == (409, "no-coordinator")


@pytest.mark.rule(23, 37, 97, 107)
async def test_the_coordination_is_handed_over_inside_the_consent_and_the_baton_stays(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    path = f"/cases/{case}/coordinator-handovers"
    nurse, second = await world.receiver("nurse"), await world.receiver("second-nurse")
    offer = {"kind": "ansvarsgruppe", "receiver": second}
    assert await refused(world, "nurse", path, offer) == (403, "not-permitted")
    await world.must("teacher", f"/cases/{case}/coordinator", {"kind": "ansvarsgruppe", "coordinator": nurse})
    assert await refused(world, "teacher", path, offer) == (403, "not-permitted")
    assert await refused(world, "curious", path, offer) == (404, "not-found")
    assert await refused(world, "guardian-a", path, offer) == (403, "not-permitted")
    assert await refused(world, "nurse", path, offer | {"kind": "barnekoordinator"}) == (403, "not-permitted")
    assert await refused(world, "nurse", path, offer | {"kind": "baton"}) == (422, "input-invalid")
    assert await refused(world, "nurse", path, offer | {"receiver": nurse}) == (422, "receiver-is-sender")
    assert await refused(world, "nurse", path, offer | {"receiver": await world.receiver("ppt")}) == (
        422,
        "coordinator-unfit",
    )
    past = {"respond_by": "2020-01-01T00:00:00Z"}
    assert (await refused(world, "nurse", path, offer | past))[1] == "respond-by-out-of-range"
    sent = await world.must("nurse", path, offer)
    assert (sent["kind"], sent["coordination"], sent["status"]) == ("coordinator", "ansvarsgruppe", "sent")
    assert await refused(world, "nurse", path, offer) == (409, "handover-open")
    at = f"/handovers/{sent['handover']}"
    assert (await world.see("nurse", at))["status"] == "sent"
    assert code(await world.get("curious", at)) == (404, "not-found")
    assert (await refused(world, "nurse", f"{at}/acceptance"))[1] == "sender-cannot-accept"
    assert await refused(world, "ppt", f"{at}/acceptance") == (403, "not-permitted")
    assert await refused(world, "teacher", f"{at}/withdrawal") == (403, "not-permitted")
    assert (await world.see("second-nurse", at))["status"] == "received"
    await world.must("second-nurse", f"{at}/acceptance")
    assert (await world.types())[-2:] == ["case.coordinator-appointed", "handover.coordination-accepted"]
    assert (await world.see("second-nurse", f"/cases/{case}"))["relations"] == ["coordinator", "service-in-scope"]
    assert (await world.see("nurse", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    assert (await world.see("teacher", f"/cases/{case}"))["relations"] == ["holder"]
    assert await refused(world, "second-nurse", f"{at}/acceptance") == (409, "handover-not-open")
    # The other way: a no; then on behalf; and the consent ends while one waits.
    back = {"kind": "ansvarsgruppe", "receiver": nurse}
    again = (await world.must("second-nurse", path, back))["handover"]
    await world.must("nurse", f"/handovers/{again}/rejection", {"reason": "capacity"})
    third = (await world.must("second-nurse", path, back))["handover"]
    await world.must("second-nurse", f"/handovers/{third}/withdrawal")
    fourth = (await world.must("second-nurse", path, back))["handover"]
    await world.must("nurse-leader", f"/handovers/{fourth}/acceptance")
    assert (await world.published("coordinator-appointed.v1"))[-1]["data"]["coordinator"]["actor"] == nurse["actor"]
    # The baton's own handover is not the coordinator's to see; while it waits, no other does.
    baton = {"kind": "baton", "receiver": await world.receiver("colleague")}
    waits = (await world.must("teacher", f"/cases/{case}/handovers", baton))["handover"]
    assert code(await world.get("nurse", f"/handovers/{waits}")) == (404, "not-found")
    assert await refused(world, "nurse", path, offer) == (409, "handover-open")
    await world.must("teacher", f"/handovers/{waits}/withdrawal")
    await world.must("nurse", path, offer)
    await world.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    assert (await world.published("handover.cancelled.v1"))[-1]["data"]["reason"] == "basis-lapsed"


@pytest.mark.rule(97)
async def test_a_child_coordinator_is_wished_for_appointed_changed_and_ended_by_the_family(world: World) -> None:
    case = await world.opened()
    path, wish = f"/cases/{case}/coordinator", f"/cases/{case}/coordinator-request"
    appointment = {"kind": "barnekoordinator", "coordinator": await world.receiver("nurse")}
    assert await refused(world, "teacher", path, appointment) == (409, "coordinator-not-requested")
    assert await refused(world, "teacher", wish) == (422, "evidence-missing")
    assert await refused(world, "stranger", wish) == (404, "not-found")
    await world.must("guardian-b", wish)
    await world.must("guardian-a", wish)
    assert len(await world.published("coordinator-requested.v1")) == 1
    assert await refused(world, "teacher", path, appointment) == (409, "consent-missing")
    consent = await world.consented(case)
    await world.must("teacher", path, appointment)
    other = {"kind": "barnekoordinator", "coordinator": await world.receiver("second-nurse")}
    around = await world.must("teacher", path, other)
    assert len(around["coordinators"]) == 1
    assert (await world.see("nurse", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    await world.must("guardian-a", f"/cases/{case}/coordinator-end", {"kind": "barnekoordinator"})
    assert (await world.published("coordinator-ended.v1"))[-1]["data"]["reason"] == "guardians-wish"
    # Appointed again after another wish; then nothing covers the service any more, and the coordination ends with the consent.
    await world.must("guardian-a", wish)
    await world.must("teacher", path, appointment)
    await world.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    assert (await world.published("coordinator-ended.v1"))[-1]["data"]["reason"] == "basis-lapsed"
    assert (await world.get("nurse", f"/cases/{case}")).status_code == 404
    # What the family wants, it still wants: with a new consent nobody has to ask once more.
    assert (await world.see("teacher", f"/cases/{case}"))["around"]["coordinator_wanted"] == ["barnekoordinator"]
    await world.consented(case, services=("helsestasjon",))
    await world.must("teacher", path, appointment)


@pytest.mark.rule(97)
async def test_a_child_coordination_ends_on_the_eighteenth_birthday(world: World) -> None:
    case = await world.opened()
    await world.must("guardian-a", f"/cases/{case}/coordinator-request")
    await heard(world, case, "consent")
    asked = {
        "services": ["helsestasjon"],
        "categories": ["development"],
        "purposes": ["coordination"],
        "valid_to": "2050-01-01",
    }
    consent = (await world.must("teacher", f"/cases/{case}/consents", asked))["consent"]
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/consents/{consent}/grants")
    appointment = {"kind": "barnekoordinator", "coordinator": await world.receiver("nurse")}
    await world.must("teacher", f"/cases/{case}/coordinator", appointment)
    async with world.pool.acquire() as conn:
        due = await conn.fetchval("SELECT due FROM deadlines WHERE kind = 'coordinator-age'")
    # The birthday stands nowhere in the clear: what is due is tomorrow.
    assert due == datetime(2026, 9, 7, 22, tzinfo=UTC)
    born = world.child.born
    birthday = datetime(born.year + 18, born.month, born.day, 10, tzinfo=UTC)
    await world.move_to(birthday - timedelta(days=1))
    assert await world.published("coordinator-ended.v1") == []
    await world.move_to(birthday)
    [ended] = await world.published("coordinator-ended.v1")
    assert ended["data"]["reason"] == "adult"
    again = await world.post("teacher", f"/cases/{case}/coordinator", appointment)
    assert code(again) == (409, "coordinator-not-requested")
    # The guardians' part ended the same day; who is of age asks alone, and there is no such coordination any more.
    assert code(await world.post("guardian-a", f"/cases/{case}/coordinator-request")) == (404, "not-found")
    await world.must("child", f"/cases/{case}/coordinator-request")
    assert await refused(world, "teacher", f"/cases/{case}/coordinator", appointment) == (409, "child-of-age")


# --- contributions ----------------------------------------------------------------------------------------------------


@pytest.mark.rule(82, 96, 98, 106, 116)
async def test_a_service_is_asked_by_name_inside_the_consent_and_takes_part(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/contributions"
    assert await refused(world, "teacher", path, NAMED) == (409, "consent-missing")
    await world.consented(case)
    wider = {**NAMED, "categories": ["language", "health"]}
    assert await refused(world, "teacher", path, wider) == (409, "consent-missing")
    asked = await world.must("teacher", path, NAMED)
    assert asked["respond_by"] == "2026-09-14T08:00:00Z"
    assert await refused(world, "teacher", path, NAMED) == (409, "contribution-open")
    [listed] = (await world.see("ppt", "/contributions"))["items"]
    assert (listed["contribution"], listed["case"]) == (asked["contribution"], case)
    read = await world.see("ppt", f"/contributions/{asked['contribution']}")
    assert read["text"] == NAMED["text"]
    record = (await world.access("read"))[-1]
    assert (record["basis"]["code"], record["categories"], record["purpose"]) == ("consent", ["language"], "assessment")
    accepted = await world.must("ppt", f"/contributions/{asked['contribution']}/acceptance")
    assert accepted["status"] == "accepted"
    again = await refused(world, "ppt", f"/contributions/{asked['contribution']}/acceptance")
    assert again == (409, "contribution-not-open")
    given = await world.must("teacher", f"/contributions/{asked['contribution']}/ending", {"reason": "given"})
    assert given["status"] == "ended"
    assert (await world.see("ppt", "/contributions"))["items"] == []
    assert (await world.types())[-3:] == ["contribution.requested", "contribution.accepted", "contribution.ended"]


@pytest.mark.rule(2, 82, 116)
async def test_an_anonymous_request_needs_no_consent_and_leads_to_no_case(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/contributions"
    telling = [
        f"Hva gjør vi for {world.child.given_name}?",
        f"Er {world.child.given_name}s ordforråd som venta?",
        f"Familien {world.guardian_a.name.split()[-1].upper()} trenger råd.",
        "Barnet 159121 56831 trenger råd.",
        f"Se {case}.",
    ]
    for text in telling:
        response = await world.post("teacher", path, {**ANONYMOUS, "text": text})
        assert code(response) == (422, "not-anonymous")
        assert world.child.given_name not in response.text
    asked = await world.must("teacher", path, ANONYMOUS)
    read = await world.get("ppt", f"/contributions/{asked['contribution']}")
    assert read.json()["text"] == ANONYMOUS["text"]
    assert case not in read.text
    # Who is only asked is told of the request and of nothing else, as if there were no such case.
    assert code(await world.get("ppt", f"/cases/{case}")) == (404, "not-found")
    assert code(await world.get("ppt", f"/cases/{case}/child")) == (404, "not-found")
    assert code(await world.get("ppt", f"/cases/{case}/contributions")) == (404, "not-found")
    assert code(await world.get("nurse", f"/contributions/{asked['contribution']}")) == (404, "not-found")
    accepted = await world.post("ppt", f"/contributions/{asked['contribution']}/acceptance")
    assert accepted.status_code == 201
    assert case not in accepted.text
    [sent] = (await world.see("teacher", path))["items"]
    assert (sent["status"], sent["anonymous"]) == ("accepted", True)


@pytest.mark.rule(2, 82, 116)
async def test_the_tag_of_an_anonymous_request_is_no_cases_version(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    asked = (await world.must("teacher", f"/cases/{case}/contributions", ANONYMOUS))["contribution"]
    path = f"/contributions/{asked}"
    # The adviser sees this very case too, by consent: nothing may say that the request comes from it.
    versions = [await world.version(who, case) for who in ("teacher", "ppt")]
    first = (await world.get("ppt", path)).headers["etag"]
    assert first not in versions
    await world.must("teacher", f"/cases/{case}/team-goal", {"text": "Snakker i leken."})
    assert (await world.get("ppt", path)).headers["etag"] == first, "what happens in the case moves it nowhere"
    for version in (*versions, await world.version("teacher", case)):
        guessed = await world.post("ppt", f"{path}/acceptance", if_match=version)
        assert code(guessed) == (412, "version-stale")
    accepted = await world.post("ppt", f"{path}/acceptance", if_match=first)
    assert accepted.status_code == 201, accepted.text
    assert accepted.headers["etag"] == (await world.get("ppt", path)).headers["etag"] != first
    assert accepted.headers["etag"] != await world.version("teacher", case)


@pytest.mark.rule(2, 82, 106, 116)
async def test_by_no_tag_and_no_answer_a_member_learns_what_it_is_not_told_of(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    paths = [f"/cases/{case}{part}" for part in ("", "/child", "/team")]

    async def seen() -> list[tuple[int, str | None, str]]:
        looks = [await world.get("ppt", path) for path in (*paths, f"/cases/{case}/contributions", "/cases")]
        return [
            (one.status_code, one.headers.get("etag"), one.text if one.is_success else code(one)[1]) for one in looks
        ]

    before, holder = await seen(), await world.version("teacher", case)
    assert len({etag for status, etag, _ in before[:3]}) == 1, "one case, one tag, by whatever is looked at"
    assert before[0][1] != holder
    # The service is asked anonymously, accepts; child welfare is told: nothing of it leads to this case.
    asked = (await world.must("teacher", f"/cases/{case}/contributions", ANONYMOUS))["contribution"]
    assert await seen() == before
    await world.must("ppt", f"/contributions/{asked}/acceptance")
    assert await seen() == before
    await world.must("teacher", f"/cases/{case}/concern-reports", REPORT)
    assert await seen() == before
    await world.must("teacher", f"/cases/{case}/records", {"category": "health", "text": "Bruker briller."})
    assert await seen() == before, "nor what is recorded beside the consent"
    assert await world.version("teacher", case) != holder
    # What it is shown moves it.
    await world.must("teacher", f"/cases/{case}/team-goal", {"text": "Snakker i leken."})
    after = await seen()
    assert after[0][1] != before[0][1]


@pytest.mark.rule(82, 106)
async def test_if_match_of_a_member_is_held_against_what_it_is_shown(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    made = await world.must("teacher", f"/cases/{case}/measures", OWN_MEASURE)
    tag = await world.version("ppt", case)
    await world.must("teacher", f"/cases/{case}/records", {"category": "health", "text": "Bruker briller."})
    path, done = f"/measures/{made['measure']}/evaluations", {"effect": "reached", "outcome": "stop"}
    for other in (await world.version("teacher", case), '"v1"'):
        assert code(await world.post("ppt", path, done, if_match=other)) == (412, "version-stale")
    answered = await world.post("ppt", path, done, if_match=tag)
    assert answered.status_code == 201, answered.text
    assert answered.headers["etag"] == await world.version("ppt", case) != tag


@pytest.mark.rule(71, 72, 82)
async def test_only_the_services_leader_declines_and_with_a_reason(world: World) -> None:
    case = await world.opened()
    asked = await world.must("teacher", f"/cases/{case}/contributions", ANONYMOUS)
    path = f"/contributions/{asked['contribution']}/declination"
    why = {"reason": "wrong-service", "text": "Dette er helsestasjonens."}
    assert await refused(world, "ppt", path, why) == (403, "leader-must-decline")
    assert (await world.access("deny"))[-1]["reason"] == "leader-must-decline"
    assert (await world.post("ppt-leader", path, {"reason": "wrong-service"})).status_code == 422
    assert await refused(world, "nurse-leader", path, why) == (404, "not-found")
    declined = await world.must("ppt-leader", path, why)
    assert declined["status"] == "declined"
    [event] = await world.published("contribution.declined.v1")
    assert (event["data"]["by"]["role"], event["data"]["reason"]) == ("leader", "wrong-service")
    assert "helsestasjonens" not in str(await world.published())
    assert await refused(world, "ppt", f"/contributions/{asked['contribution']}/acceptance") == (404, "not-found")


@pytest.mark.rule(82, 95, 102)
async def test_silence_is_overdue_and_then_the_leaders(world: World) -> None:
    case = await world.opened()
    asked = await world.must("teacher", f"/cases/{case}/contributions", ANONYMOUS)
    due = datetime.fromisoformat(asked["respond_by"])
    await world.move_to(due - timedelta(minutes=1))
    assert await world.published("contribution.overdue.v1") == []
    await world.move_to(due)
    [overdue] = await world.published("contribution.overdue.v1")
    assert overdue["data"]["service"] == "ppt"
    await world.move_to(due + timedelta(days=2))
    [escalated] = await world.published("contribution.escalated.v1")
    assert escalated["authtype"] == "system"
    late = await world.must("ppt-leader", f"/contributions/{asked['contribution']}/acceptance")
    assert late["status"] == "accepted"
    assert (await world.published("contribution.accepted.v1"))[0]["data"]["late"] is True
    async with world.pool.acquire() as conn:
        assert await conn.fetchval("SELECT count(*) FROM deadlines WHERE kind LIKE 'contribution%'") == 0


async def test_what_is_asked_for_is_refused_where_it_cannot_be(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/contributions"
    assert await refused(world, "teacher", path, {**ANONYMOUS, "service": "skole"}) == (422, "unit-missing")
    assert await refused(
        world, "teacher", path, {**ANONYMOUS, "service": "barnehage", "unit": "unit:lia-barnehage"}
    ) == (422, "asks-itself")
    past = {**ANONYMOUS, "respond_by": "2026-09-01T08:00:00Z"}
    assert await refused(world, "teacher", path, past) == (422, "respond-by-out-of-range")
    far = {**ANONYMOUS, "respond_by": "2026-12-01T08:00:00Z"}
    assert await refused(world, "teacher", path, far) == (422, "respond-by-out-of-range")
    assert await refused(world, "curious", path, ANONYMOUS) == (404, "not-found")
    assert await refused(world, "guardian-a", path, ANONYMOUS) == (403, "not-permitted")
    shares = {**ANONYMOUS, "categories": ["language"]}
    assert await refused(world, "teacher", path, shares) == (422, "input-invalid")
    nothing = {key: value for key, value in NAMED.items() if key != "purpose"}
    assert await refused(world, "teacher", path, nothing) == (422, "input-invalid")
    nobody = "ctb_" + "b" * 26
    assert code(await world.get("ppt", f"/contributions/{nobody}")) == (404, "not-found")
    assert await refused(world, "teacher", f"/contributions/{nobody}/ending", {"reason": "given"}) == (404, "not-found")
    assert code(await world.get("guardian-a", "/contributions")) == (403, "not-staff")


async def test_a_request_by_name_ends_with_the_consent_it_rested_on(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    asked = await world.must("teacher", f"/cases/{case}/contributions", NAMED)
    await world.must("guardian-a", f"/consents/{consent}/withdrawals", {"categories": ["language"]})
    [ended] = await world.published("contribution.ended.v1")
    assert (ended["data"]["contribution"], ended["data"]["reason"]) == (asked["contribution"], "basis-lapsed")
    assert code(await world.get("ppt", f"/contributions/{asked['contribution']}")) == (403, "not-permitted")
    assert (await world.see("ppt", "/contributions"))["items"] == []


@pytest.mark.rule(102)
async def test_how_quickly_services_answer_is_shown_for_terms_that_are_over_and_without_small_counts(
    world: World,
) -> None:
    """Two windows of one's own choosing would tell of one request by what they differ by: a term is all that can be asked for."""
    case, path = await world.opened(), "/contribution-figures?period=2026-autumn"

    async def ask(*, answered: bool) -> None:
        asked = await world.must("teacher", f"/cases/{case}/contributions", ANONYMOUS)
        world.clock.set(world.clock.now() + timedelta(days=2))
        if answered:
            await world.must("ppt", f"/contributions/{asked['contribution']}/acceptance")
            await world.must("teacher", f"/contributions/{asked['contribution']}/ending", {"reason": "given"})

    for _ in range(5):
        await ask(answered=True)
    assert code(await world.get("styrer", path)) == (409, "period-not-over")
    world.clock.set(datetime(2026, 12, 30, 8, tzinfo=UTC))
    await ask(answered=False)
    world.clock.set(datetime(2027, 1, 2, 8, tzinfo=UTC))
    seen = await world.see("styrer", path)
    # Six were asked for and five answered: "five" would tell of the one that was not.
    parts = {"in-time": None, "late": None, "unanswered": None}
    figure = {"service": "ppt", "asked": {"total": 6, "parts": parts}, "median_days": 2.0}
    assert seen == {"period": "2026-autumn", "figures": [figure]}
    # An answer after the term is none of the term, whose figures stay as they are; and of the few in the next none is shown.
    waits = (await world.see("ppt", "/contributions"))["items"]
    await world.must("ppt", f"/contributions/{waits[0]['contribution']}/acceptance")
    await world.must("teacher", f"/contributions/{waits[0]['contribution']}/ending", {"reason": "given"})
    assert await world.see("styrer", path) == seen
    for _ in range(4):
        await ask(answered=True)
    world.clock.set(datetime(2027, 8, 1, 8, tzinfo=UTC))
    assert (await world.see("styrer", "/contribution-figures?period=2027-spring"))["figures"] == []
    window = "?since=2026-01-01T00:00:00Z&until=2027-01-01T00:00:00Z"
    assert code(await world.get("styrer", f"/contribution-figures{window}")) == (422, "input-invalid")
    assert code(await world.get("styrer", "/contribution-figures?period=1999-autumn")) == (422, "period-unknown")
    assert code(await world.get("teacher", path)) == (403, "leaders-only")


# --- the individual plan ----------------------------------------------------------------------------------------------


async def heard(world: World, case: str, before: str = "plan", who: str = "teacher") -> None:
    """Hear the child."""
    said = {"method": "conversation", "before": before, "text": "Vil ha noen å leke med."}
    await world.must(who, f"/cases/{case}/child-views", said)


@pytest.mark.rule(23, 36, 37, 189)
async def test_a_plan_is_wished_for_coordinated_by_the_nurse_and_imposed_on_nobody(world: World) -> None:
    case = await world.opened()
    await world.consented(case, categories=("development", "language", "plan"))
    goals = {"goals": ["Sier hva hun vil.", "Har noen å leke med."]}
    plan = f"/cases/{case}/plan"
    # An employee alone cannot begin one: neither the holder, nor whoever would coordinate it.
    assert await refused(world, "teacher", plan, goals) == (403, "not-permitted")
    assert await refused(world, "nurse", plan, goals) == (403, "not-permitted")
    assert await refused(world, "teacher", f"{plan}-request") == (422, "evidence-missing")
    assert await refused(world, "nurse", f"{plan}-request", {"note": "De vil."}) == (403, "not-permitted")
    around = await world.must("guardian-a", f"{plan}-request")
    assert around["plan"]["status"] == "requested"
    assert around["coordinators"][0] == {
        "kind": "ansvarsgruppe",
        "service": "helsestasjon",
        "role": "health-nurse",
        "by_rule": True,
    }
    view = await world.see("teacher", f"/cases/{case}")
    assert (view["level"], view["meeting_by"]) == (2, "2026-09-21T08:00:00Z")
    assert await refused(world, "guardian-b", f"{plan}-request") == (409, "plan-exists")
    response = await world.post("nurse", plan, goals)
    assert code(response) == (409, "child-view-missing")
    assert (response.json()["before"], response.json()["reasons"]) == (
        "plan",
        ["does-not-wish", "not-able", "too-young"],
    )
    await heard(world, case, who="nurse")
    started = await world.must("nurse", plan, goals)
    assert (started["status"], started["version"], len(started["goals"])) == ("started", 1, 2)
    assert await refused(world, "nurse", plan, goals) == (409, "plan-exists")
    read = await world.see("guardian-b", plan)
    assert [one["text"] for one in read["words"]] == goals["goals"]
    # The coordinator is who began it; another nurse is in the scope, and not the coordinator.
    assert (await world.see("second-nurse", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    assert code(await world.get("second-nurse", plan)) == (403, "not-permitted")
    for event in await world.published():
        assert "leke med" not in str(event)
    assert await refused(world, "ppt", f"{plan}-closure", {"reason": "goals-reached"}) == (403, "not-permitted")
    closed = await world.must("guardian-a", f"{plan}-closure", {"reason": "goals-reached"})
    assert closed["status"] == "closed"
    assert (await world.published("plan.closed.v1"))[0]["data"]["reason"] == "no-longer-wanted"
    assert await refused(world, "guardian-a", f"{plan}-closure", {"reason": "goals-reached"}) == (409, "plan-not-open")


@pytest.mark.rule(36)
async def test_a_wish_recorded_for_the_family_keeps_its_note_in_the_vault(world: World) -> None:
    case = await world.opened()
    said = {"grantor": "guardian", "evidence": "oral-minuted", "note": "Far ba om det på telefon."}
    await world.must("teacher", f"/cases/{case}/plan-request", said)
    [event] = await world.published("plan.requested.v1")
    assert (event["data"]["evidence"], event["data"]["requested_by"]) == ("oral-minuted", "guardian")
    assert "telefon" not in str(await world.published())
    assert code(await world.get("nurse", f"/cases/{case}/plan")) == (404, "not-found")
    # Which of the guardians it was is not asked, so it is in nobody's copy; what one of them noted signed in is in that one's.
    wanted = f"/cases/{case}/coordinator-request"
    await world.must("guardian-b", wanted, {"note": "Vi vil ha en koordinator."})
    chosen = {"service": "barnehage", "role": "teacher"}
    await world.must("guardian-a", f"/cases/{case}/contact-person", {**chosen, "note": "Helst henne."})
    await world.must(
        "teacher", f"/cases/{case}/contact-person", {**chosen, "evidence": "oral-minuted", "note": "Far vil det."}
    )
    for who, own in (("guardian-a", ["Helst henne."]), ("guardian-b", ["Vi vil ha en koordinator."])):
        made = await world.get(who, f"/cases/{case}/copy")
        with zipfile.ZipFile(io.BytesIO(made.content)) as file:
            copy = file.read("copy.json").decode()
        assert json.loads(copy)["noted"] == own
        assert not any(words in copy for words in ("telefon", "Far vil det."))


# --- the child's voice ------------------------------------------------------------------------------------------------


@pytest.mark.rule(73, 99, 189)
async def test_a_measure_for_another_service_wants_the_child_heard_within_the_year(world: World) -> None:
    case = await world.opened()
    await world.consented(case, valid_to="2029-07-31")
    path = f"/cases/{case}/measures"
    body: dict[str, Any] = {
        "code": "art",
        "owner": "ppt",
        "goal": "Ord.",
        "indicator": "words",
        "evaluate_by": "2027-12-01T11:00:00Z",
    }
    world.clock.set(datetime(2027, 9, 7, 8, tzinfo=UTC))
    await world.must("teacher", path, body)
    # Longer ago than a year, while the consent still lasts.
    world.clock.set(datetime(2027, 9, 7, 8, 0, 1, tzinfo=UTC))
    version, before = await world.version("teacher", case), await world.types()
    response = await world.post("teacher", path, body)
    assert code(response) == (409, "child-view-missing")
    problem = response.json()
    assert (problem["before"], problem["counts"], problem["reasons"]) == (
        "measure",
        ["consent", "measure", "plan"],
        ["does-not-wish", "not-able", "too-young"],
    )
    assert (await world.types(), await world.version("teacher", case)) == (before, version)
    own = {**body, "owner": "barnehage", "code": "observasjon"}
    await world.must("teacher", path, own)
    exceptions = f"/cases/{case}/child-view-exceptions"
    danger = {"before": "measure", "reason": "danger"}
    assert await refused(world, "teacher", exceptions, danger) == (422, "not-heard-reason")
    assert await refused(world, "teacher", path, body) == (409, "child-view-missing")
    # A reason that counts is as good as a conversation, also one noted before a consent; for the consent itself it counts once.
    reason = {"before": "consent", "reason": "does-not-wish"}
    assert await world.must("teacher", exceptions, reason) == reason
    asked = {
        "services": ["ppt"],
        "categories": ["language"],
        "purposes": ["assessment"],
        "valid_to": "2028-06-01",
    }
    await world.must("teacher", f"/cases/{case}/consents", asked)
    assert await refused(world, "teacher", f"/cases/{case}/consents", asked) == (409, "child-view-missing")
    await world.must("teacher", path, body)


@pytest.mark.rule(73, 99, 189)
async def test_out_of_the_unit_nothing_is_handed_over_before_the_child_was_heard_within_the_year(world: World) -> None:
    """The consent lasts longer than the conversation before it does; within the unit the list asks for none."""
    case = await world.opened()
    await world.consented(case, services=("ppt",), purposes=("transition",), valid_to="2029-07-31")
    path = f"/cases/{case}/handovers"
    offer = {"kind": "unit", "receiver": await world.receiver("ppt"), "categories": ["language"]}
    world.clock.set(datetime(2027, 9, 7, 8, tzinfo=UTC))
    allowed = (await world.must("teacher", path, offer))["handover"]
    await world.must("teacher", f"/handovers/{allowed}/withdrawal")
    drafted = (await world.must("teacher", path, {**offer, "draft": True}))["handover"]
    # A second more than the year of the list.
    world.clock.set(datetime(2027, 9, 7, 8, 0, 1, tzinfo=UTC))
    version = await world.version("teacher", case)
    for at, body in ((path, offer), (f"/handovers/{drafted}/sending", None)):
        before = await world.types()
        response = await world.post("teacher", at, body)
        assert code(response) == (409, "child-view-missing")
        problem = response.json()
        assert (problem["before"], problem["counts"], problem["reasons"]) == (
            "handover",
            ["consent", "handover", "plan"],
            ["does-not-wish", "not-able", "too-young"],
        )
        assert await world.types() == before
    assert await world.version("teacher", case) == version
    assert (await world.see("teacher", f"/handovers/{drafted}"))["status"] == "proposed"
    assert (await world.see("ppt", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    # That it was heard before something else, or was not for a reason that does not count, is no answer.
    await heard(world, case, before="measure")
    danger = {"before": "handover", "reason": "danger"}
    exceptions = f"/cases/{case}/child-view-exceptions"
    assert await refused(world, "teacher", exceptions, danger) == (422, "not-heard-reason")
    assert await refused(world, "teacher", path, offer) == (409, "child-view-missing")
    within = {"kind": "baton", "receiver": await world.receiver("colleague")}
    baton = (await world.must("teacher", path, within))["handover"]
    await world.must("teacher", f"/handovers/{baton}/withdrawal")
    await heard(world, case, before="handover")
    assert (await world.must("teacher", f"/handovers/{drafted}/sending"))["status"] == "sent"
    await world.must("ppt", f"/handovers/{drafted}/acceptance")
    assert (await world.see("ppt", f"/cases/{case}"))["holder"]["service"] == "ppt"


@pytest.mark.rule(99)
async def test_a_child_that_is_old_enough_is_not_too_young(world: World) -> None:
    case = await world.opened()
    young = {"before": "plan", "reason": "too-young"}
    assert (await world.must("teacher", f"/cases/{case}/child-view-exceptions", young))["reason"] == "too-young"
    world.clock.set(datetime(2029, 9, 1, tzinfo=UTC))
    response = await world.post("teacher", f"/cases/{case}/child-view-exceptions", young)
    assert code(response) == (422, "not-heard-reason")
    assert response.json()["reasons"] == ["does-not-wish", "not-able"]
    assert await refused(world, "guardian-a", f"/cases/{case}/child-view-exceptions", young) == (403, "not-permitted")


# --- languages --------------------------------------------------------------------------------------------------------


@pytest.mark.rule(101, 146)
async def test_who_needs_an_interpreter_is_a_code_on_the_bus_and_the_rest_in_the_vault(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/language-needs"
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken", "written_material": True}
    await world.must("teacher", path, need)
    own = {"person": "guardian", "ordinal": 1, "language": "nsi", "interpreter": "sign"}
    await world.must("guardian-a", path, own)
    assert await refused(world, "guardian-a", path, need) == (403, "not-permitted")
    assert await refused(world, "teacher", path, {**need, "ordinal": 3}) == (409, "not-a-grantor")
    assert await refused(world, "curious", path, need) == (404, "not-found")
    events = [one["data"] for one in await world.published("language-need-recorded.v1")]
    assert [(one["ordinal"], one["language"], one["interpreter"]) for one in events] == [
        (2, "ti", True),
        (1, "nsi", True),
    ]
    assert all("sign" not in str(one) for one in events)
    for who in ("teacher", "notify"):
        needs = {one["ordinal"]: one for one in (await world.see(who, path))["needs"]}
        assert (needs[1]["interpreter"], needs[2]["written_material"]) == ("sign", True)
    # How the other guardian is spoken with is the other's.
    for who, ordinal in (("guardian-a", 1), ("guardian-b", 2)):
        assert [one["ordinal"] for one in (await world.see(who, path))["needs"]] == [ordinal]
    assert (await world.see("teacher", f"/cases/{case}"))["around"]["interpreter"] is True
    assert code(await world.get("curious", path)) == (404, "not-found")
    await world.must("teacher", path, {"person": "child", "ordinal": 1, "language": "nb", "interpreter": "none"})
    world.clock.set(datetime(world.child.born.year + 13, 9, 7, 8, tzinfo=UTC))
    assert [one["person"] for one in (await world.see("child", path))["needs"]] == ["child"]


@pytest.mark.rule(4, 146)
async def test_who_coordinates_reads_how_the_family_is_spoken_with_and_that_is_recorded(world: World) -> None:
    """Whatever the consent covers: it is read for the own task, and every look is recorded before it is answered."""
    case = await world.opened()
    await world.consented(case)
    nurse = await world.receiver("nurse")
    await world.must("teacher", f"/cases/{case}/coordinator", {"kind": "ansvarsgruppe", "coordinator": nurse})
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken"}
    await world.must("teacher", f"/cases/{case}/language-needs", need)
    assert len((await world.see("nurse", f"/cases/{case}/language-needs"))["needs"]) == 1
    looks = [one for one in await world.access("read") if one["actor"]["id"] == nurse["actor"] and one["categories"]]
    assert [(one["categories"], one["basis"]["code"]) for one in looks] == [(["contact"], "own-task")]


@pytest.mark.rule(146)
async def test_a_language_need_that_holds_already_is_no_event_and_what_only_the_vault_has_is_kept(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/language-needs"
    need = {"person": "guardian", "ordinal": 2, "language": "ti", "interpreter": "spoken", "written_material": True}
    other = {"person": "guardian", "ordinal": 1, "language": "ti", "interpreter": "spoken", "written_material": True}
    first = await world.must("teacher", path, need)
    version = await world.version("teacher", case)
    looks = len(await world.access("read"))
    assert await world.must("teacher", path, need) == first
    assert await world.must("guardian-b", path, need) == first
    assert len(await world.published("language-need-recorded.v1")) == 1
    assert await world.version("teacher", case) == version
    # That it is so already was a look.
    assert len(await world.access("read")) > looks
    for changed in (
        other,
        {**need, "written_material": False},
        {**need, "interpreter": "sign"},
        {**need, "language": "so"},
        {**need, "interpreter": "none"},
        need,
    ):
        before = len(await world.published("language-need-recorded.v1"))
        await world.must("teacher", path, changed)
        assert len(await world.published("language-need-recorded.v1")) == before + 1
        [kept] = [one for one in (await world.see("teacher", path))["needs"] if one["ordinal"] == changed["ordinal"]]
        assert kept == changed
    await world.must("teacher", path, other)
    assert len(await world.published("language-need-recorded.v1")) == before + 1
    assert await refused(world, "curious", path, need) == (404, "not-found")


@pytest.mark.rule(146)
async def test_of_an_address_protected_case_no_language_is_published(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    need = {"person": "guardian", "ordinal": 1, "language": "ti", "interpreter": "spoken"}
    await world.must("teacher", f"/cases/{receipt['case']}/language-needs", need)
    [event] = await world.published("language-need-recorded.v1")
    assert "language" not in event["data"]
    assert event["data"]["interpreter"] is True
