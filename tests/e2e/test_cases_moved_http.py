"""A case that moves to another municipality: consented, held by the sender until accepted, then a case of its own there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.e2e.test_cases_documents_http import PDF, put
from tests.e2e.test_cases_handovers_http import approved

pytestmark = [pytest.mark.connected, pytest.mark.rule(18)]

THERE: dict[str, Any] = {"municipality": "0301"}
TO_OSLO: dict[str, Any] = {"purposes": ("transition",), **THERE}
"""A consent to services there, for the transition."""


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def ppt_there(world: World, sub: str = "ppt-there") -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the claims of an adviser in the other municipality, whose unit has the same name as one here, and the receiver."""
    claims = {**THERE, "sub": sub}
    actor = (await world.get("ppt", "/me", **claims)).json()["actor"]
    receiver = {
        "actor": actor,
        "role": "ppt-adviser",
        "service": "ppt",
        "unit": "unit:ppt",
        "organisation": "310009991",
        "municipality": "0301",
    }
    return claims, receiver


async def offered(world: World, case: str, receiver: dict[str, Any], **changes: Any) -> httpx.Response:
    body = {"kind": "municipality", "receiver": receiver, "categories": ["language"], **changes}
    return await world.post("teacher", f"/cases/{case}/handovers", body)


async def test_a_moved_case_goes_on_there_and_is_nobodys_here(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    # A consent is for the services of one municipality: one to PPT here moves no case to PPT there.
    await world.consented(case, services=("ppt",), purposes=("transition",))
    missing = await offered(world, case, receiver)
    assert (code(missing), missing.json()["municipality"]) == ((409, "consent-missing"), "0301")
    await world.consented(case, services=("ppt",), **TO_OSLO)
    assert code(await offered(world, case, receiver, kind="unit")) == (422, "handover-kind")
    assert code(await offered(world, case, {**receiver, "municipality": "x"})) == (422, "input-invalid")
    # One that does not exist could never answer, also not a draft (seed rule 107).
    for draft in (False, True):
        nowhere = await offered(world, case, {**receiver, "municipality": "9999"}, draft=draft)
        assert (code(nowhere), nowhere.json()["municipality"]) == ((422, "municipality-unknown"), "9999")
    # Who has left there is no receiver, though nobody is away here.
    gone, left = await ppt_there(world, "gone-there")
    leader = {"actor": receiver["actor"], "role": "leader", "service": "ppt", "unit": "unit:ppt"}
    leaving = {"reason": "left", "last_day": "2026-09-04", "falls_to": leader}
    assert (await world.post("ppt", "/absences", leaving, claims=gone)).status_code == 201
    assert code(await offered(world, case, left)) == (409, "receiver-away")
    sent = await offered(world, case, receiver)
    assert sent.status_code == 201, sent.text
    handover = sent.json()["handover"]
    # Until it is accepted: the sender holds it, the receiver sees what is offered, others there see nothing.
    assert (await world.see("teacher", f"/cases/{case}"))["holder"]["role"] == "teacher"
    stranger, _ = await ppt_there(world, "other-there")
    assert code(await world.get("ppt", f"/handovers/{handover}", **stranger)) == (404, "not-found")
    assert (await world.get("ppt", f"/handovers/{handover}")).status_code in {403, 404}
    listed = (await world.get("ppt", "/cases", **claims)).json()["items"]
    assert [(one["case"], one["relations"]) for one in listed] == [(case, ["receiver"])]
    assert (await world.get("ppt", f"/cases/{case}/child", **claims)).status_code == 403
    response = await world.post("ppt", f"/handovers/{handover}/acceptance", claims=claims)
    assert response.status_code == 201, response.text
    new = response.json()["carried_on_as"]
    # There: a case of its own, with what was handed over and nothing else.
    there = (await world.get("ppt", f"/cases/{new}", **claims)).json()
    assert (there["stage"], there["mode"], there["holder"]["actor"]) == ("open", "anonymous", receiver["actor"])
    child = (await world.get("ppt", f"/cases/{new}/child", **claims)).json()
    assert child["identity"]["name"] == world.child.name
    assert [(one["category"], one["text"]) for one in child["records"]] == [("language", "Setninger på to ord.")]
    assert {one["email"] for one in child["guardians"]} == {None}
    assert (await world.get("guardian-a", f"/cases/{new}")).json()["relations"] == ["guardian"]
    # Here: closed, and nobody's but the guardians'.
    for who in ("teacher", "styrer", "ppt", "colleague"):
        assert code(await world.get(who, f"/cases/{case}")) == (404, "not-found")
        assert code(await world.get(who, f"/cases/{new}")) == (404, "not-found")
    assert code(await world.get("ppt", f"/cases/{case}", **claims)) == (404, "not-found")
    version = (await world.get("guardian-a", f"/cases/{case}")).headers["etag"]
    reopened = await world.post("teacher", f"/cases/{case}/reopening", if_match=version)
    assert code(reopened) == (404, "not-found")
    assert (await world.see("guardian-a", f"/cases/{case}"))["outcome"] == "moved"
    await logs(world, case, new, handover)


@pytest.mark.rule(2, 4, 106)
async def test_a_consent_to_services_there_tells_nobody_here_anything(world: World) -> None:
    case = await world.opened()
    asked = {"services": ["ppt"], "categories": ["language"], "valid_to": "2027-07-31", **THERE}
    path = f"/cases/{case}/consents"
    for purposes in (["transition", "follow-up"], ["assessment"]):
        refused = await world.post("teacher", path, {**asked, "purposes": purposes})
        assert code(refused) == (422, "consent-elsewhere")
    nowhere = await world.post("teacher", path, {**asked, "purposes": ["transition"], "municipality": "9999"})
    assert (code(nowhere), nowhere.json()["municipality"]) == ((422, "municipality-unknown"), "9999")
    question = f"/cases/{case}/sharing?service=ppt&category=language&purpose=transition"
    consent = await world.requested(case, services=("ppt",), categories=("language",), **TO_OSLO)
    waiting = (await world.see("guardian-a", f"/cases/{case}/overview?language=en"))["text"]["sections"][0]["items"]
    assert waiting[0]["facts"][0]["value"].endswith("(PPT), in the municipality with number 0301")
    assert (await world.see("teacher", question))["waiting"] == {}
    assert (await world.see("teacher", question + "&municipality=0301"))["waiting"] == {consent: {"guardian": 2}}
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/consents/{consent}/grants")
    # Nobody of that service here sees that there is a case, and here it is not spoken of by name.
    for look in ("", "/child", "/child?purpose=transition", "/team"):
        assert (await world.get("ppt", f"/cases/{case}{look}")).status_code == 404, look
    assert (await world.see("ppt", "/cases"))["items"] == []
    assert (await world.see("teacher", f"/cases/{case}"))["mode"] == "anonymous"
    assert "case.identified" not in await world.types()
    member = await world.post("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    assert code(member) == (409, "consent-missing")
    here = await world.see("teacher", question)
    assert (here["permitted"], here["outside"], here["municipality"]) == (False, [], None)
    there = await world.see("teacher", question + "&municipality=0301")
    assert (there["permitted"], there["consent"], there["municipality"]) == (True, consent, "0301")
    # What asking would refuse is not offered, and nothing else is said of a municipality that does not exist.
    never = await world.see(
        "teacher", f"/cases/{case}/sharing?service=ppt&category=language&purpose=assessment&municipality=0301"
    )
    assert ([step["kind"] for step in never["steps"]], never["needed"]) == (["anonymise"], {})
    nowhere = await world.get("teacher", question + "&municipality=9999")
    assert (code(nowhere), nowhere.json()["municipality"]) == ((422, "municipality-unknown"), "9999")
    assert code(await world.get("curious", question + "&municipality=9999")) == (404, "not-found")
    # With its own number it is here.
    own = await world.see("teacher", question + "&municipality=4005")
    assert (own["permitted"], own["municipality"]) == (False, None)
    # Narrowed it is still there, and a consent to services here that ends leaves the case unnamed here.
    here_too = await world.consented(case, services=("helsestasjon",))
    assert (await world.see("teacher", f"/cases/{case}"))["mode"] == "identified"
    await world.must("guardian-a", f"/consents/{here_too}/withdrawals")
    assert (await world.see("teacher", f"/cases/{case}"))["mode"] == "anonymous"
    assert (await world.see("guardian-a", f"/consents/{consent}"))["scope"]["municipality"] == "0301"


@pytest.mark.rule(13, 14)
async def test_a_school_sends_its_form_to_a_school_there_although_the_baton_came_with_less(world: World) -> None:
    """What it wrote goes, and what it got; not what the barnehage had kept back (seed rule 18)."""
    case = await world.opened()
    kept = {"category": "learning", "text": "Kan telle til hundre."}
    await world.must("teacher", f"/cases/{case}/records", kept)
    to_school: dict[str, Any] = {"services": ("skole",), "purposes": ("transition",), "valid_to": "2028-07-31"}
    await world.consented(case, **to_school)
    kindergarten = {"play-and-friends": "Leker godt i små grupper.", "language-and-speech": "Setninger på to ord."}
    form = await approved(world, "teacher", case, "barnehage-to-school", kindergarten)
    to = {"receiver": await world.receiver("contact-teacher"), "outside_window": "moved"}
    version = await world.version("teacher", case)
    sent = await world.must("teacher", f"/transition-forms/{form}/sending", to, if_match=version)
    await world.must("contact-teacher", f"/handovers/{sent['handover']}/acceptance")
    world.clock.set(datetime(2027, 3, 1, 8, tzinfo=UTC))
    school = {"learning": "Leser enkle ord.", "what-has-helped": "Små grupper."}
    form = await approved(world, "contact-teacher", case, "school-to-school", school)
    said = {"method": "conversation", "before": "consent", "text": "Gleder seg."}
    await world.must("contact-teacher", f"/cases/{case}/child-views", said)
    there = {**to_school, "categories": ["learning", "measures"], **THERE}
    consent = (await world.must("contact-teacher", f"/cases/{case}/consents", there))["consent"]
    for guardian in ("guardian-a", "guardian-b"):
        await world.must(guardian, f"/consents/{consent}/grants")
    claims = {**THERE, "sub": "teacher-there"}
    actor = (await world.get("contact-teacher", "/me", **claims)).json()["actor"]
    receiver = {**(await world.receiver("contact-teacher")), "actor": actor, "municipality": "0301"}
    sending, version = f"/transition-forms/{form}/sending", await world.version("contact-teacher", case)
    sent = await world.must("contact-teacher", sending, {"receiver": receiver}, if_match=version)
    offered_form = await world.get("contact-teacher", f"/transition-forms/{form}", **claims)
    assert offered_form.json()["fields"] == school
    # It was recorded before it was answered: who read it there, by the consent for there and by no other (seed rule 4).
    [seen] = [one for one in await world.access("read") if one["actor"]["id"] == actor and one["categories"]]
    assert (seen["case"], seen["consent"], seen["basis"]["code"]) == (case, consent, "consent")
    assert (sorted(seen["categories"]), seen["purpose"]) == (["learning", "measures"], "transition")
    assert seen["actor"]["organisation"] == receiver["organisation"]
    [logged] = [one for one in await world.published("access.recorded.v1") if one["data"] == seen]
    assert logged["municipality"] == "4005", "in the log of the case that was read"
    receipts = await world.pool.fetch("SELECT way, service FROM disclosures WHERE consent = $1 ORDER BY at", consent)
    assert ("read", "skole") in [tuple(row) for row in receipts]
    accepted = await world.post("contact-teacher", f"/handovers/{sent['handover']}/acceptance", claims=claims)
    assert accepted.status_code == 201, accepted.text
    new = accepted.json()["carried_on_as"]
    dossier = (await world.get("contact-teacher", f"/cases/{new}/child", **claims)).json()
    assert {(one["category"], one["text"]) for one in dossier["records"]} == {
        ("learning", "Leser enkle ord."),
        ("measures", "Små grupper."),
    }
    assert code(await world.get("contact-teacher", f"/cases/{case}")) == (404, "not-found")


async def logs(world: World, case: str, new: str, handover: str) -> None:
    """Each municipality's log has its own case's events, both have the disclosure, and only the handover is in both."""
    events = [event for event in await world.published() if "case" in event["data"]]
    here = [event for event in events if event["data"]["case"] == case]
    there = [event for event in events if event["data"]["case"] == new]
    assert {event["municipality"] for event in there} == {"0301"}
    assert {event["municipality"] for event in here} <= {"4005"}
    for log in (here, there):
        shared = [one["data"] for one in log if one["type"].endswith("access.recorded.v1")]
        assert ["language"] in [
            sorted(set(one["categories"]) - {"identity"}) for one in shared if one["kind"] == "disclose"
        ]
    told_here, told_there = str(here), str(there)
    assert new not in told_here
    assert case not in told_there
    assert handover in told_here
    assert handover in told_there
    types = [event["type"].removeprefix("no.lagspill.cases.") for event in here]
    assert types[types.index("handover.transferred.v1") :][:2] == ["handover.transferred.v1", "case.closed.v1"]
    [closed] = [event["data"] for event in here if event["type"].endswith("case.closed.v1")]
    assert (closed["outcome"], closed["retention"]) == ("moved", "moved")
    keys = await world.pool.fetchval("SELECT count(DISTINCT owner) FROM data_keys WHERE owner = ANY($1)", [case, new])
    assert keys == 2


@pytest.mark.rule(79)
async def test_when_a_child_comes_back_that_had_moved_a_new_concern_begins_a_new_case(world: World) -> None:
    """Closed by hand as moved, it is reopened no more than any other that is: the refusal tells of none why (docs/cases.md)."""
    first = await world.opened()
    version = await world.version("teacher", first)
    await world.must("teacher", f"/cases/{first}/closure", {"outcome": "moved"}, if_match=version)
    version = await world.version("teacher", first)
    for who in ("teacher", "styrer"):
        assert code(await world.post(who, f"/cases/{first}/reopening", if_match=version)) == (409, "case-moved")
    again = await world.must("teacher", "/concerns", world.concern())
    assert again["case"] != first
    await world.must("teacher", f"/concerns/{again['concern']}/resolution", {"outcome": "lifted"})
    there = await world.see("guardian-a", f"/cases/{again['case']}")
    assert (there["stage"], there["relations"]) == ("open", ["guardian"])
    assert (await world.see("guardian-a", f"/cases/{first}"))["outcome"] == "moved"
    listed = {one["case"] for one in (await world.see("guardian-a", "/cases"))["items"]}
    assert {first, again["case"]} <= listed


async def test_the_documents_of_the_package_go_along_under_the_new_cases_key(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    await world.consented(case, services=("ppt",), **TO_OSLO)
    going, staying = [
        (await put(world, "teacher", case, PDF, key=category, category=category)).json()["document"]
        for category in ("language", "health")
    ]
    handover = (await offered(world, case, receiver)).json()["handover"]
    # Put in while it waits: in the same category, and so the receiver's too, as every text.
    later = (await put(world, "teacher", case, b"%PDF-1.7\nsenere", key="later", category="language")).json()[
        "document"
    ]
    accept = f"/handovers/{handover}/acceptance"
    new = (await world.post("ppt", accept, claims=claims)).json()["carried_on_as"]
    items = (await world.get("ppt", f"/cases/{new}/documents", **claims)).json()["items"]
    assert [(one["category"], one["title"], one["media"]) for one in items] == [
        ("language", "Utredning for Tittelsen", "pdf")
    ] * 2
    contents = {(await world.get("ppt", f"/documents/{one['document']}", **claims)).content for one in items}
    assert contents == {PDF, b"%PDF-1.7\nsenere"}
    assert not {one["document"] for one in items} & {going, staying, later}
    for document in (going, staying, later):
        assert (await world.get("ppt", f"/documents/{document}", **claims)).status_code == 404
    there = str([event for event in await world.published() if event["data"].get("case") == new])
    assert not any(one in there for one in (case, going, staying, later))
    owners = await world.pool.fetch("SELECT owner, ready FROM documents ORDER BY owner")
    assert sorted((row["owner"], row["ready"]) for row in owners) == sorted([(case, True)] * 3 + [(new, True)] * 2)


async def dated(world: World, case: str) -> None:
    """The first guardian has parental responsibility until the end of the month, and somebody new from the day after."""
    version = await world.version("teacher", case)
    ending = {"ground": "court-decision", "last_day": "2026-09-30", "note": "Dom."}
    await world.must("teacher", f"/cases/{case}/guardians/1/ending", ending, if_match=version)
    stranger = People(99).guardian()
    new = {"name": stranger.name, "national_number": stranger.national_number, "ground": "court-decision"}
    version = await world.version("teacher", case)
    await world.must(
        "teacher", f"/cases/{case}/guardians", {**new, "since": "2026-10-01", "note": "Dom."}, if_match=version
    )


async def changes_on_the_day(world: World, new: str) -> None:
    """Nobody has it longer than the court said, or shorter, wherever the case is by then."""
    assert (await world.get("guardian-a", f"/cases/{new}")).status_code == 200
    assert (await world.get("stranger", f"/cases/{new}")).status_code == 404
    await world.move_to(datetime(2026, 9, 30, 22, 0, tzinfo=UTC))
    assert (await world.get("guardian-a", f"/cases/{new}")).status_code == 404
    assert (await world.get("stranger", f"/cases/{new}")).json()["relations"] == ["guardian"]
    changed = [one["data"] for one in await world.published("case.guardians-changed.v1") if one["data"]["case"] == new]
    assert [one["ordinals"] for one in changed][-1] == [2, 3]


@pytest.mark.rule(4)
async def test_the_dates_of_parental_responsibility_go_along(world: World) -> None:
    case = await world.opened()
    await dated(world, case)
    claims, receiver = await ppt_there(world)
    await world.consented(case, services=("ppt",), **TO_OSLO)
    handover = (await offered(world, case, receiver)).json()["handover"]
    accepted = await world.post("ppt", f"/handovers/{handover}/acceptance", claims=claims)
    await changes_on_the_day(world, accepted.json()["carried_on_as"])


@pytest.mark.rule(4)
async def test_the_dates_go_along_too_where_a_case_becomes_protected(world: World) -> None:
    case = await world.opened()
    await dated(world, case)
    version = await world.version("teacher", case)
    protected = {"kind": "strictly-confidential", "valid_to": "2027-09-01"}
    new = await world.must("teacher", f"/cases/{case}/address-protection", protected, if_match=version)
    await changes_on_the_day(world, new["case"])


async def test_for_a_refused_acceptance_nothing_is_sealed_anew(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    consent = await world.consented(case, services=("ppt",), **TO_OSLO)
    await put(world, "teacher", case, PDF, category="language")
    handover = (await offered(world, case, receiver)).json()["handover"]
    stranger, _ = await ppt_there(world, "other-there")
    accept = f"/handovers/{handover}/acceptance"
    assert (await world.post("ppt", accept, claims=stranger)).status_code == 404
    await world.must("guardian-b", f"/consents/{consent}/withdrawals")
    assert (await world.post("ppt", accept, claims=claims)).status_code == 404
    assert await world.pool.fetchval("SELECT count(*) FROM documents") == 1


async def test_a_draft_to_another_municipality_is_sent_as_what_it_is(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    drafted = await offered(world, case, receiver, draft=True)
    assert drafted.json()["status"] == "proposed"
    sending = f"/handovers/{drafted.json()['handover']}/sending"
    # Nobody there knows of it yet, and everything is judged when it is sent.
    assert (await world.get("ppt", "/cases", **claims)).json()["items"] == []
    assert code(await world.post("teacher", sending)) == (409, "consent-missing")
    await world.consented(case, services=("ppt",), **TO_OSLO)
    assert (await world.must("teacher", sending))["kind"] == "municipality"
    [sent] = await world.published("handover.sent.v1")
    assert sent["data"]["to_municipality"] == "0301"
    accepted = await world.post("ppt", sending.replace("sending", "acceptance"), claims=claims)
    assert (await world.get("ppt", f"/cases/{accepted.json()['carried_on_as']}", **claims)).status_code == 200


async def test_what_was_sent_there_and_refused_stays_here(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    await world.consented(case, services=("ppt",), **TO_OSLO)
    handover = (await offered(world, case, receiver)).json()["handover"]
    refused = await world.post("ppt", f"/handovers/{handover}/rejection", {"reason": "wrong-unit"}, claims=claims)
    assert refused.json()["status"] == "rejected"
    assert (await world.see("teacher", f"/cases/{case}"))["stage"] == "open"
    assert code(await world.get("ppt", f"/cases/{case}", **claims)) == (404, "not-found")
    assert await world.pool.fetchval("SELECT count(*) FROM case_index") == 1


async def test_a_consent_withdrawn_on_the_way_leaves_the_case_where_it_is(world: World) -> None:
    case = await world.opened()
    claims, receiver = await ppt_there(world)
    consent = await world.consented(case, services=("ppt",), **TO_OSLO)
    handover = (await offered(world, case, receiver)).json()["handover"]
    await world.must("guardian-b", f"/consents/{consent}/withdrawals")
    late = await world.post("ppt", f"/handovers/{handover}/acceptance", claims=claims)
    assert late.status_code == 404
    assert (await world.see("teacher", f"/cases/{case}"))["holder"]["role"] == "teacher"


async def test_a_protected_child_is_not_moved_in_this_way(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case = receipt["case"]
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    asked = {"services": ["ppt"], "categories": ["language"], "valid_to": "2027-07-31"}
    where = await world.post("teacher", f"/cases/{case}/consents", {**asked, "purposes": ["transition"], **THERE})
    assert code(where) == (409, "move-protected")
    _, receiver = await ppt_there(world)
    for draft in (True, False):
        assert code(await offered(world, case, receiver, draft=draft)) == (409, "move-protected")
    for told in ("handover.proposed.v1", "consent.requested.v1"):
        assert "0301" not in str(await world.published(told))
