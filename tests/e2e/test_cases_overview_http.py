"""`/cases/{case}/overview`: the case in plain language, for those whose child it is, as JSON and as a page; every refusal."""

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

pytestmark = pytest.mark.connected

GOAL = "Bruker setninger på fire ord."
MEASURE = {
    "code": "sprakgruppe",
    "owner": "ppt",
    "goal": GOAL,
    "indicator": "words",
    "evaluate_by": "2026-11-02T11:00:00Z",
}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


async def page(world: World, who: str, path: str, **headers: str) -> httpx.Response:
    """Read it as a browser does, behind a sign-in."""
    token = {"authorization": f"Bearer {world.token(who)}", "accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"}
    return await world.http.get(path, headers={**token, **headers})


def section(view: dict[str, Any], heading: str) -> dict[str, Any]:
    """Return one part of the document."""
    [found] = [one for one in view["text"]["sections"] if one["heading"] == heading]
    part: dict[str, Any] = found
    return part


@pytest.mark.rule(14, 33, 34, 35, 88, 99, 100, 101)
async def test_guardians_see_who_does_what_and_what_waits_for_them_each_in_their_language(world: World) -> None:
    case = await world.opened()
    consent = await world.requested(case)
    await world.must("guardian-a", f"/consents/{consent}/grants")
    fields = {"play-and-friends": "Har en venn.", "language-and-speech": "Snakker mest i lek."}
    drafted = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": fields}
    form = (await world.must("teacher", f"/cases/{case}/transition-forms", drafted))["form"]
    await world.must("guardian-a", f"/transition-forms/{form}/approvals", {"version": 1})

    first = await world.see("guardian-a", f"/cases/{case}/overview")
    second = await world.see("guardian-b", f"/cases/{case}/overview")
    assert (first["text"]["language"], second["text"]["language"]) == ("nb", "en")
    assert (first["overview"]["to_answer"], len(first["overview"]["waiting"])) == ([], 1)
    assert [one["consent"] for one in second["overview"]["to_answer"]] == [consent]
    assert [one["form"] for one in second["overview"]["to_approve"]] == [form]
    assert first["overview"]["to_approve"] == []
    assert second["text"]["title"] == f"The help for {world.child.name}"
    [asked] = section(second, "This waits for your answer")["items"]
    assert [fact["value"] for fact in asked["facts"]] == [
        "The child health centre and school health service; The educational psychology service (PPT)",
        "development; language",
        "to find out what the child needs",
        "31 July 2027",
    ]

    await world.must("guardian-b", f"/consents/{consent}/grants")
    await world.must("teacher", f"/cases/{case}/measures", MEASURE)
    await world.must("guardian-b", f"/cases/{case}/contact-person", {"service": "ppt", "role": "ppt-adviser"})
    agreed = await world.see("guardian-a", f"/cases/{case}/overview?language=nn")
    assert agreed["text"]["language"] == "nn"
    assert list(agreed["goals"].values()) == [GOAL]
    [measure] = section(agreed, "Mål og tiltak")["items"]
    assert {"term": "Mål", "value": GOAL} in measure["facts"]
    assert {"term": "Blir sett på igjen", "value": "2. november 2026"} in measure["facts"]
    people = section(agreed, "Kven du kan snakke med")["facts"]
    assert people[0] == {"term": "Kontaktperson", "value": "Pedagogisk-psykologisk teneste (PPT), PPT-rådgjevar"}
    # Of the other parent nothing: no name, no reference, no address, in no answer.
    other = world.guardian_b
    for word in (other.name, other.family_name, other.email, other.national_number, "act_"):
        assert word not in str(first) + str(agreed)
    for word in ("unit:", "31000", world.child.national_number, world.child.born.isoformat()):
        assert word not in str(second) + str(agreed)


@pytest.mark.rule(88, 92)
async def test_a_measure_says_what_it_builds_on_and_its_family_and_who_carries_it_out_read_it(world: World) -> None:
    case = await world.opened()
    await world.consented(case, categories=("language", "measures"))
    sings, reads = "Synger med på alle sanger.", "Besteforeldrene leser for henne hver kveld."
    measure = (await world.must("teacher", f"/cases/{case}/measures", {**MEASURE, "strengths": sings}))["measure"]
    for who in ("guardian-a", "ppt", "teacher"):
        records = (await world.see(who, f"/cases/{case}/child"))["records"]
        assert ("measures", sings) in [(one["category"], one["text"]) for one in records], who
    told = await world.see("guardian-a", f"/cases/{case}/overview?language=nb")
    assert [*told["strengths"].values()] == [sings]
    changes = f"/measures/{measure}/changes"
    # A new goal is met with what is there for it; words of no goal are words of nothing.
    alone = await world.post("teacher", changes, {"strengths": reads})
    assert (alone.status_code, alone.json()["code"]) == (422, "input-invalid")
    await world.must("teacher", changes, {"goal": "Forteller hva hun har gjort.", "strengths": reads})
    told = await world.see("guardian-a", f"/cases/{case}/overview?language=nb")
    [shown] = section(told, "Mål og tiltak")["items"]
    assert shown["facts"][:2] == [
        {"term": "Mål", "value": "Forteller hva hun har gjort."},
        {"term": "Bygger på", "value": reads},
    ]
    assert reads in (await page(world, "guardian-a", f"/cases/{case}/overview")).text
    published = str(await world.published())
    assert sings not in published
    assert reads not in published


@pytest.mark.rule(36, 37, 87, 100)
async def test_the_plan_and_the_common_goal_are_told_in_their_words(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    await world.must("teacher", f"/cases/{case}/team-goal", {"text": "Har noen å leke med hver dag."})
    await world.must("guardian-a", f"/cases/{case}/plan-request")
    shown = await world.see("guardian-a", f"/cases/{case}/overview")
    assert shown["overview"]["plan"]["status"] == "requested"
    assert section(shown, "Individuell plan")["sentences"] == [
        "Dere har bedt om en individuell plan. Den er ikke begynt ennå."
    ]
    common = {"term": "Felles mål", "value": "Har noen å leke med hver dag."}
    assert section(shown, "Mål og tiltak")["facts"] == [common]
    [look] = await world.access("read")
    assert sorted(look["categories"]) == ["identity", "plan"]


@pytest.mark.rule(4)
async def test_a_look_is_recorded_before_it_is_answered_with_what_was_shown(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    await world.see("guardian-a", f"/cases/{case}/overview")
    await world.must("teacher", f"/cases/{case}/measures", MEASURE)
    answered = await page(world, "guardian-b", f"/cases/{case}/overview")
    assert answered.status_code == 200
    before, after = await world.access("read")
    assert (before["categories"], sorted(after["categories"])) == (["identity"], ["identity", "measures"])
    for look in (before, after):
        assert (look["case"], look["permitted"], look["basis"]["code"]) == (case, True, "parental-responsibility")
        assert "purpose" not in look


@pytest.mark.rule(101)
async def test_the_page_needs_nothing_from_elsewhere_and_runs_nothing(world: World) -> None:
    case = await world.opened()
    for wanted, language in (({}, "en"), ({"accept-language": "nn"}, "en")):
        # A guardian's own language goes before the browser's.
        shown = await page(world, "guardian-b", f"/cases/{case}/overview", **wanted)
        assert shown.headers["content-language"] == language
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["cache-control"] == "private, no-store"
    policy = shown.headers["content-security-policy"]
    assert policy.startswith(
        "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; style-src 'sha256-"
    )
    assert f"<h1>The help for {world.child.name}</h1>" in shown.text
    assert "<title>Overview of the case</title>" in shown.text, "a browser keeps the title: it names nobody"
    assert "<script" not in shown.text
    plain = await page(world, "guardian-b", f"/cases/{case}/overview?format=json&language=nb")
    assert plain.json()["text"]["language"] == "nb"
    assert plain.headers["etag"] == await world.version("guardian-b", case)


@pytest.mark.rule(73, 99, 189)
async def test_a_child_of_twelve_sees_its_case_in_its_own_words_and_one_of_ten_does_not(world: World) -> None:
    world.child = People(8).child(age=12)
    case = await world.opened()
    await world.consented(case)
    token = {"authorization": f"Bearer {world.token('child')}", "accept-language": "nn-NO, en;q=0.5"}
    shown = (await world.http.get(f"/cases/{case}/overview", headers=token)).json()
    assert shown["overview"]["reader"] == "child"
    assert shown["text"]["title"] == f"Hjelpa til deg, {world.child.name}"
    assert len(shown["overview"]["in_force"]) == 1
    assert [look["basis"]["code"] for look in await world.access("read")] == ["access-by-the-child"]

    world.child = People(9).child(age=10)
    younger = await world.must("teacher", "/concerns", world.concern())
    await world.must("teacher", f"/concerns/{younger['concern']}/resolution", {"outcome": "lifted"})
    refused = await world.get("child", f"/cases/{younger['case']}/overview")
    assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    assert (await world.access("deny"))[-1]["reason"] == "barred-by-age"


async def test_of_age_it_is_the_childs_alone(world: World) -> None:
    world.child = People(8).child(age=16)
    case = await world.opened()
    await world.see("guardian-a", f"/cases/{case}/overview")
    await world.move_to(datetime(2028, 9, 7, 8, 0, tzinfo=UTC))
    refused = await world.get("guardian-a", f"/cases/{case}/overview")
    assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    await world.see("child", f"/cases/{case}/overview")


@pytest.mark.rule(4, 106)
async def test_everybody_else_is_refused_and_it_is_recorded(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern())
    case = receipt["case"]
    # A concern that nobody has spoken with them about is not told by a screen.
    early = await world.get("guardian-a", f"/cases/{case}/overview")
    assert (early.status_code, early.json()["code"]) == (404, "not-found")
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(case)
    for who, status, code in (
        ("teacher", 403, "not-permitted"),
        ("styrer", 403, "not-permitted"),
        ("nurse", 403, "not-permitted"),
        ("notify", 404, "not-found"),
        ("child", 404, "not-found"),
        ("colleague", 404, "not-found"),
        ("barnevern", 404, "not-found"),
        ("stranger", 404, "not-found"),
    ):
        refused = await page(world, who, f"/cases/{case}/overview")
        assert (who, refused.status_code, refused.json()["code"]) == (who, status, code)
        assert refused.headers["content-type"] == "application/problem+json"
        assert world.child.name not in refused.text
    assert len(await world.access("deny")) == 9
    assert await world.access("read") == []
    unknown = await world.get("guardian-a", f"/cases/cas_{'b' * 26}/overview")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    for wrong in ("language=se", "format=pdf"):
        assert (await world.get("guardian-a", f"/cases/{case}/overview?{wrong}")).status_code == 422
    assert (await world.http.get(f"/cases/{case}/overview")).status_code == 401


async def test_where_parental_responsibility_has_ended_the_case_is_not_told(world: World) -> None:
    case = await world.opened()
    mine = (await world.see("guardian-a", "/me"))["actor"]
    await world.see("guardian-a", f"/cases/{case}/overview")
    await world.pool.execute(
        "UPDATE kin SET until = $1 WHERE actor = $2 AND case_ref = $3", datetime(2026, 9, 8, tzinfo=UTC), mine, case
    )
    await world.see("guardian-a", f"/cases/{case}/overview")
    await world.move_to(datetime(2026, 9, 8, 8, 0, tzinfo=UTC))
    refused = await world.get("guardian-a", f"/cases/{case}/overview")
    assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    await world.see("guardian-b", f"/cases/{case}/overview")


async def test_of_an_address_protected_child_no_place_and_no_words_are_shown(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case = receipt["case"]
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(case)
    await world.must("teacher", f"/cases/{case}/measures", MEASURE)
    shown = await world.see("guardian-a", f"/cases/{case}/overview")
    assert shown["goals"] == {}
    assert section(shown, "Mål og tiltak")["sentences"] == [
        "Målene står ikke her, fordi adressen er beskyttet. Spør den som er ansvarlig."
    ]
    for word in (GOAL, "unit:", "310001015", "4005"):
        assert word not in str(shown)
    [look] = await world.access("read")
    assert (look["categories"], look["address_protected"]) == (["identity"], True)
