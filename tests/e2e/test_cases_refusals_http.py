"""What the cases service refuses over HTTP: by code, with nothing changed, and recorded where somebody looked in vain."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.cases.handlers.desk import CASE
from shared.clock import SimulatedClock
from shared.refs import CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.people import ordinary_numbers
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected

NOBODY = "_" + "b" * 26
Ask = Callable[[World, str], Awaitable[httpx.Response]]


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json"
    return response.status_code, response.json()["code"]


READS = (
    "/cases/{case}",
    "/cases/{case}/child",
    "/cases/{case}/consents",
    "/cases/{case}/sharing?service=ppt&category=language&purpose=assessment",
    "/concerns/{concern}",
    "/consents/{consent}",
    "/consents/{consent}/receipts",
    "/handovers/{handover}",
    "/transition-forms/{form}",
    "/cases/{case}/contacts",
    "/cases/{case}/watch",
)
RECEIVER = {
    "actor": "act_" + "b" * 26,
    "role": "teacher",
    "service": "barnehage",
    "unit": "unit:lia-barnehage",
}
FIELDS = {"play-and-friends": "x", "language-and-speech": "x"}
WRITES: tuple[tuple[str, Any], ...] = (
    ("/concerns/{concern}/resolution", {"outcome": "lifted"}),
    ("/cases/{case}/child-views", {"method": "conversation", "before": "consent", "text": "x"}),
    ("/cases/{case}/contact-person", {"service": "ppt", "role": "ppt-adviser"}),
    ("/cases/{case}/closure", {"outcome": "moved"}),
    ("/cases/{case}/reopening", None),
    (
        "/cases/{case}/consents",
        {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": "2027-01-01"},
    ),
    ("/consents/{consent}/grants", {}),
    ("/consents/{consent}/refusals", {}),
    ("/consents/{consent}/withdrawals", {}),
    (
        "/cases/{case}/measures",
        {"code": "art", "owner": "ppt", "goal": "x", "indicator": "seen", "evaluate_by": "2027-01-01T11:00:00Z"},
    ),
    ("/measures/{measure}/evaluations", {"effect": "none", "outcome": "stop"}),
    ("/cases/{case}/handovers", {"kind": "baton", "receiver": RECEIVER}),
    ("/handovers/{handover}/acceptance", None),
    ("/handovers/{handover}/rejection", {"reason": "capacity"}),
    ("/handovers/{handover}/withdrawal", None),
    (
        "/cases/{case}/transition-forms",
        {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS},
    ),
    ("/transition-forms/{form}/versions", {"fields": FIELDS}),
    ("/transition-forms/{form}/approvals", {"version": 1}),
    ("/transition-forms/{form}/sending", {"receiver": RECEIVER}),
    ("/cases/{case}/level-changes", {"to_level": 2, "reason": "assessment"}),
    ("/measures/{measure}/start", None),
    ("/measures/{measure}/changes", {"indicator": "seen-often"}),
    ("/measures/{measure}/stop", {"reason": "withdrawn"}),
    ("/measures/{measure}/overlap-explanations", {"explanation": "coordinated"}),
)


async def parts(world: World) -> dict[str, str]:
    """Make a case with one of everything; return their references."""
    receipt = await world.must("teacher", "/concerns", world.concern())
    case = receipt["case"]
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    consent = await world.consented(case)
    measure = await world.must("teacher", f"/cases/{case}/measures", WRITES[9][1])
    form = await world.must("teacher", f"/cases/{case}/transition-forms", WRITES[15][1])
    offered = {"kind": "baton", "receiver": await world.receiver("colleague")}
    handover = await world.must("teacher", f"/cases/{case}/handovers", offered)
    return {
        "case": case,
        "concern": receipt["concern"],
        "consent": consent,
        "measure": measure["measure"],
        "form": form["form"],
        "handover": handover["handover"],
    }


UNKNOWN = {
    "case": "cas" + NOBODY,
    "concern": "con" + NOBODY,
    "consent": "cst" + NOBODY,
    "measure": "mea" + NOBODY,
    "form": "frm" + NOBODY,
    "handover": "hdo" + NOBODY,
}


@pytest.mark.rule(106)
async def test_others_references_answer_as_unknown_ones_do_and_each_denial_is_recorded(world: World) -> None:
    """Every resource, for somebody with no part in the case, for another municipality, and for nothing at all."""
    known = await parts(world)
    version = await world.version("teacher", known["case"])
    before = len(await world.types())
    for who, claims in (("curious", {}), ("teacher", {"municipality": "0301", "sub": "namesake"}), ("stranger", {})):
        for path in READS:
            assert code(await world.get(who, path.format(**known), **claims)) == (404, "not-found"), path
            assert code(await world.get(who, path.format(**UNKNOWN), **claims)) == (404, "not-found"), path
        for path, body in WRITES:
            for refs in (known, UNKNOWN):
                answer = await world.post(who, path.format(**refs), body, if_match=version, claims=claims)
                assert code(answer) == (404, "not-found"), path
    assert len(await world.types()) == before
    denials = await world.access("deny")
    assert len(denials) == 3 * (len(READS) + len(WRITES))
    assert {one["case"] for one in denials} == {known["case"]}
    assert {one["reason"] for one in denials} == {"no-relation", "other-municipality"}
    assert all(one["permitted"] is False and "categories" in one and one["categories"] == [] for one in denials)


async def test_whoever_has_a_part_is_told_that_it_does_not_include_this(world: World) -> None:
    known = await parts(world)
    version = await world.version("teacher", known["case"])
    for who, path in (
        ("styrer", "/cases/{case}/child"),
        ("ppt", "/cases/{case}/consents"),
        ("guardian-a", "/cases/{case}/contacts"),
        ("nurse", "/handovers/{handover}"),
    ):
        assert code(await world.get(who, path.format(**known))) == (403, "not-permitted"), path
    attempts: tuple[tuple[str, str, Any], ...] = (
        ("guardian-a", "/cases/{case}/handovers", {"kind": "baton", "receiver": RECEIVER}),
        ("nurse", "/cases/{case}/closure", {"outcome": "moved"}),
        ("styrer", "/consents/{consent}/grants", {}),
        ("colleague", "/transition-forms/{form}/sending", {"receiver": RECEIVER}),
    )
    for who, path, body in attempts:
        answer = await world.post(who, path.format(**known), body, if_match=version)
        assert code(answer) == (403, "not-permitted"), path
    sender = await world.post("teacher", f"/handovers/{known['handover']}/acceptance")
    assert code(sender) == (403, "sender-cannot-accept")
    assert {one["reason"] for one in await world.access("deny")} == {"not-in-table"}


@pytest.mark.rule(4, 106)
async def test_a_case_shows_nobody_what_is_refused_where_it_is_asked_for(world: World) -> None:
    known = await parts(world)
    alone = {
        "consents": "/cases/{case}/consents",
        "handovers": "/handovers/{handover}",
        "forms": "/transition-forms/{form}",
    }
    for who in ("teacher", "colleague", "styrer", "nurse", "ppt", "guardian-a"):
        view = await world.see(who, f"/cases/{known['case']}")
        for part, path in alone.items():
            asked = await world.get(who, path.format(**known))
            assert asked.status_code == (200 if view[part] else 403), (who, part)
    offered = await world.see("nurse", f"/cases/{known['case']}")
    assert (offered["relations"], offered["consents"], offered["handovers"]) == (["service-in-scope"], [], [])
    # Its consent does not hold information on measures; who carries one out knows of that.
    assert offered["measures"] == []
    assert [one["owner"] for one in (await world.see("ppt", f"/cases/{known['case']}"))["measures"]] == ["ppt"]


async def test_only_a_service_account_of_a_listed_client_learns_where_guardians_are_reached(world: World) -> None:
    case = await world.opened()
    told = await world.see("notify", f"/cases/{case}/contacts")
    assert [one["email"] for one in told["contacts"]] == [world.guardian_a.email, world.guardian_b.email]
    assert "name" not in told["contacts"][0]
    [record] = await world.access("disclose")
    assert (record["purpose"], record["categories"]) == ("notification", ["contact"])
    assert code(await world.get("meetings", f"/cases/{case}/contacts")) == (404, "not-found")


async def test_only_employees_register_concerns(world: World) -> None:
    for who in ("guardian-a", "notify"):
        assert code(await world.post(who, "/concerns", world.concern())) == (403, "not-staff")


@pytest.mark.parametrize(
    ("change", "refused"),
    [
        ({"child": {"name": "x", "national_number": "12345678901"}}, (422, "national-number-invalid")),
        ({"child": {"name": "x", "national_number": "1234"}}, (422, "input-invalid")),
        ({"area": "homework"}, (422, "input-invalid")),
        ({"priority": "high"}, (422, "input-invalid")),
        ({"text": " "}, (422, "input-invalid")),
        ({"observations": {"gossip": "x"}}, (422, "input-invalid")),
        ({"address_protected": "no"}, (422, "input-invalid")),
    ],
)
async def test_bad_input_is_refused_and_never_repeated(
    world: World, change: dict[str, Any], refused: tuple[int, str]
) -> None:
    response = await world.post("teacher", "/concerns", world.concern(**change))
    assert code(response) == refused
    assert "12345678901" not in response.text
    assert "gossip" not in response.text
    assert await world.published() == []


async def test_the_same_person_cannot_be_child_and_guardian(world: World) -> None:
    body = world.concern()
    body["guardians"].append({**body["guardians"][0]})
    response = await world.post("teacher", "/concerns", body)
    assert code(response) == (422, "input-invalid")
    assert response.json()["errors"][0]["code"] == "same-person-twice"


async def test_what_decides_on_the_present_state_names_its_version(world: World) -> None:
    case = await world.opened()
    assert code(await world.post("teacher", f"/cases/{case}/closure", {"outcome": "moved"})) == (
        428,
        "if-match-missing",
    )
    stale = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/child-views", WRITES[1][1])
    refused = await world.post("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=stale)
    assert code(refused) == (412, "version-stale")
    closed = await world.must(
        "teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=await world.version("teacher", case)
    )
    assert (closed["stage"], closed["holder"]) == ("closed", None)
    assert code(await world.post("teacher", f"/cases/{case}/child-views", WRITES[1][1])) == (403, "not-permitted")
    reopened = await world.must("teacher", f"/cases/{case}/reopening", if_match=await world.version("teacher", case))
    assert reopened["stage"] == "open"


async def test_a_repeated_command_has_its_first_answer_and_one_effect(world: World) -> None:
    first = await world.post("teacher", "/concerns", world.concern(), key="one")
    again = await world.post("teacher", "/concerns", world.concern(), key="one")
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    other = await world.post("teacher", "/concerns", world.concern(area="family"), key="one")
    assert code(other) == (422, "idempotency-key-reused")
    assert await world.types() == ["concern.registered"]
    assert await world.pool.fetchval("SELECT count(DISTINCT owner) FROM vault_records") == 1
    bare = await world.http.post(
        "/concerns", json=world.concern(), headers={"authorization": f"Bearer {world.token('teacher')}"}
    )
    assert code(bare) == (400, "idempotency-key-missing")


@pytest.mark.rule(4)
async def test_of_a_handover_and_a_withdrawal_at_the_same_time_nothing_slips_through(world: World) -> None:
    """Two writers on one case: whichever is first, no handover is left open without a basis."""
    case = await world.opened()
    for _ in range(5):
        consent = await world.consented(case, services=("ppt",), purposes=("transition",))
        offered = {"kind": "unit", "receiver": await world.receiver("ppt"), "categories": ["language"]}
        sent, withdrawn = await asyncio.gather(
            world.post("teacher", f"/cases/{case}/handovers", offered),
            world.post("guardian-b", f"/consents/{consent}/withdrawals"),
        )
        assert withdrawn.status_code == 201
        assert sent.status_code == 201 or code(sent) == (409, "consent-missing")
        view = await world.see("teacher", f"/cases/{case}")
        assert {one["status"] for one in view["handovers"]} <= {"cancelled"}
    history = await world.journal.history(CASE, CaseRef(case))
    loaded = await world.journal.load(CASE, case)
    assert CASE.replay(event for _, event in history) == loaded.state
    assert [envelope.sequence for envelope, _ in history] == [f"{n:020}" for n in range(1, loaded.version + 1)]


async def test_both_guardians_at_the_same_time_make_one_active_consent(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    answers = await asyncio.gather(
        *(world.post(who, f"/consents/{consent}/grants") for who in ("guardian-a", "guardian-b", "guardian-a"))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409]
    assert (await world.see("guardian-a", f"/consents/{consent}"))["status"] == "active"
    assert (await world.types()).count("case.identified") == 1


@pytest.mark.rule(2, 45)
async def test_nothing_of_the_vault_leaves_it_but_to_who_may_read_it(world: World) -> None:
    """Invariant 8: not in events, access records, stored answers, indexes, states or deadlines; every table is searched."""
    known = await parts(world)
    await world.must(
        "colleague", f"/handovers/{known['handover']}/rejection", {"reason": "other", "text": "Hemmelig grunn."}
    )
    oral = {"ordinal": 1, "evidence": "oral-minuted", "note": "Fortalt på trappa.", "services": ["helsestasjon"]}
    await world.must("teacher", f"/consents/{known['consent']}/withdrawals", oral)
    await world.see("guardian-a", f"/cases/{known['case']}/child")
    people = (world.child, world.guardian_a, world.guardian_b)
    words = [one.given_name for one in people] + [one.family_name for one in people]
    words += [one.national_number for one in people] + [one.email for one in people]
    words += ["trekker seg", "Setninger", "Vil ha hjelp", "Hemmelig", "trappa", world.child.born.isoformat()]
    tables = await world.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    searched = 0
    for (table,) in tables:
        for row in await world.pool.fetch(f'SELECT * FROM "{table}"'):
            for value in row.values():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                searched += 1
                for word in words:
                    assert word not in text, f"{table} holds {word}"
                assert ordinary_numbers(text) == []
    assert searched > 300
    bodies = json.dumps(await world.published(), ensure_ascii=False)
    # The end of a UUID may be eleven digits and a letter.
    assert (
        re.search(
            r"(?<![0-9a-f])\d{11}(?![0-9a-f])", re.sub(r'"(sourcesequence|sequence|organisation)": "\d+"', "", bodies)
        )
        is None
    )


async def test_an_address_protected_case_has_a_log_of_its_own_and_names_no_place(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = receipt["case"]
    await world.consented(case)
    await world.see("nurse", f"/cases/{case}/child")
    assert (await world.get("curious", f"/cases/{case}")).status_code == 404
    assert (await world.get("styrer", f"/cases/{case}")).status_code == 404
    events = await world.published()
    scopes = {event["municipality"] for event in events}
    assert len(scopes) == 1
    assert scopes.pop().startswith("prt_")
    told = json.dumps(events)
    assert "unit:" not in told
    assert "31000" not in told
    assert "4005" not in told
    assert {record["address_protected"] for record in await world.access("read")} == {True}


@pytest.mark.rule(107)
async def test_where_a_handover_goes_holds_also_when_no_event_says_it(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    path = f"/cases/{receipt['case']}/handovers"
    # Said to be a colleague, so that it needs no consent; works in another barnehage.
    posing = {**await world.receiver("curious"), "unit": "unit:lia-barnehage"}
    sent = await world.must("teacher", path, {"kind": "baton", "receiver": posing})
    assert code(await world.post("curious", f"/handovers/{sent['handover']}/acceptance")) == (409, "receiver-elsewhere")
    await world.must("teacher", f"/handovers/{sent['handover']}/withdrawal")
    sent = await world.must("teacher", path, {"kind": "baton", "receiver": await world.receiver("colleague")})
    await world.must("colleague", f"/handovers/{sent['handover']}/acceptance")
    assert "unit:" not in json.dumps(await world.published())


async def test_lists_show_each_their_own_page_by_page(world: World) -> None:
    cases = [await world.opened() for _ in range(5)]
    await world.consented(cases[0])
    seen: list[str] = []
    cursor = ""
    while True:
        page = await world.see("teacher", f"/cases?limit=2{cursor}")
        seen += [one["case"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert sorted(seen) == sorted(cases)
    assert [one["case"] for one in (await world.see("ppt", "/cases"))["items"]] == [cases[0]]
    assert {one["case"] for one in (await world.see("guardian-b", "/cases"))["items"]} == set(cases)
    assert {one["relations"][0] for one in (await world.see("styrer", "/cases"))["items"]} == {"leader"}
    for nobody in ("curious", "stranger", "barnevern"):
        assert (await world.see(nobody, "/cases"))["items"] == []
    elsewhere = await world.get("teacher", "/cases", municipality="0807")
    assert elsewhere.json()["items"] == []
    assert len(await world.access("list")) == 10
    assert code(await world.get("teacher", "/cases?cursor=nonsense")) == (400, "cursor-invalid")


@pytest.mark.rule(106)
@pytest.mark.story(6)
async def test_sharing_says_what_it_would_take(world: World) -> None:
    case = await world.opened()
    path = f"/cases/{case}/sharing?service=ppt&category=language,development&purpose=assessment"
    asked = await world.see("teacher", path)
    assert (asked["permitted"], asked["missing"], asked["needed"]) == (
        False,
        ["development", "language"],
        {"guardian": 2},
    )
    consent = await world.requested(case)
    assert (await world.see("teacher", path))["waiting"] == {consent: {"guardian": 2}}
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/consents/{consent}/grants")
    granted = await world.see("teacher", path)
    assert (granted["permitted"], granted["basis"], granted["consent"]) == (True, "consent", consent)
    for wrong in ("", "&category=gossip", "&category=language,gossip", "&category=language,"):
        refused = await world.get("teacher", f"/cases/{case}/sharing?service=ppt&purpose=assessment{wrong}")
        assert code(refused) == (422, "input-invalid")


@pytest.mark.rule(107)
@pytest.mark.story(13)
async def test_a_rejection_in_words_is_for_the_sender_only(world: World) -> None:
    known = await parts(world)
    path = f"/handovers/{known['handover']}"
    await world.must("colleague", f"{path}/rejection", {"reason": "capacity", "text": "Er bortreist."})
    assert (await world.see("teacher", path))["rejection"] == "Er bortreist."
    assert (await world.see("guardian-a", path))["rejection"] is None
    assert code(await world.post("colleague", f"{path}/acceptance")) == (404, "not-found")
    # Nor for whoever has the baton next.
    body = {"kind": "baton", "receiver": await world.receiver("pedagogical-leader")}
    sent = await world.must("teacher", f"/cases/{known['case']}/handovers", body)
    await world.must("pedagogical-leader", f"/handovers/{sent['handover']}/acceptance")
    assert (await world.see("pedagogical-leader", path))["rejection"] is None


async def test_the_receivers_first_look_is_the_receipt(world: World) -> None:
    known = await parts(world)
    assert (await world.see("teacher", f"/handovers/{known['handover']}"))["status"] == "sent"
    assert (await world.see("colleague", f"/handovers/{known['handover']}"))["status"] == "received"
    await world.see("colleague", f"/handovers/{known['handover']}")
    assert (await world.types()).count("handover.received") == 1


@pytest.mark.rule(4)
async def test_a_grant_by_somebody_elses_guardian_is_no_grant(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    assert code(await world.post("stranger", f"/consents/{consent}/grants")) == (404, "not-found")
    paper = {"ordinal": 1, "evidence": "oral-minuted"}
    assert code(await world.post("teacher", f"/consents/{consent}/grants", paper)) == (422, "evidence-missing")
    assert code(await world.post("teacher", f"/consents/{consent}/grants", {**paper, "ordinal": 3, "note": "x"})) == (
        409,
        "not-a-grantor",
    )


async def test_the_interface_describes_itself_with_examples_that_fit(world: World) -> None:
    document = (await world.http.get("/openapi.json")).json()
    writes = {path for path, methods in document["paths"].items() if "post" in methods}
    assert {re.sub(r"\{\w+\}", "{}", path) for path, _ in WRITES} | {"/concerns"} <= {
        re.sub(r"\{\w+\}", "{}", path) for path in writes
    }
    example = document["components"]["schemas"]["ConcernBody"]["examples"][0]
    assert (await world.post("teacher", "/concerns", example)).status_code == 201
