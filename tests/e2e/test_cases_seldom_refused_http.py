"""What the cases service seldom refuses, over HTTP: each code that only somebody unlucky or unruly meets, with nothing changed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import OVERRIDE, World, cases_world

pytestmark = pytest.mark.connected

FIELDS = {"play-and-friends": "Leker godt i små grupper.", "language-and-speech": "Setninger på to ord."}
BOTH = {"lagspill_roles": ["teacher", "leader"]}
"""Somebody who works with the children and leads the unit too."""


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def refused(
    world: World,
    who: str,
    path: str,
    body: object = None,
    *,
    if_match: str | None = None,
    claims: Mapping[str, Any] | None = None,
) -> tuple[int, str]:
    """Try what is refused; nothing is published by it but the record of a denial."""
    before = await world.types()
    answered = code(await world.post(who, path, body, if_match=if_match, claims=claims))
    assert await world.types() == before
    return answered


async def close(world: World, case: str) -> None:
    await world.must(
        "teacher", f"/cases/{case}/closure", {"outcome": "moved"}, if_match=await world.version("teacher", case)
    )


# --- who may, and when ------------------------------------------------------------------------------------------------


@pytest.mark.rule(106)
async def test_whoever_decided_to_share_by_law_is_not_the_one_who_judges_it(world: World) -> None:
    case = await world.opened()
    made = await world.post("teacher", f"/cases/{case}/overrides", OVERRIDE, claims=BOTH)
    assert made.status_code == 201, made.text
    path, verdict = f"/overrides/{made.json()['override']}/review", {"justified": True}
    assert await refused(world, "teacher", path, verdict, claims=BOTH) == (403, "own-override")
    assert (await world.must("styrer", path, verdict))["justified"] is True


async def test_whoever_opened_a_case_in_an_emergency_is_not_the_one_who_judges_it(world: World) -> None:
    case = await world.opened()
    body = {"reason": "danger-to-life", "text": "Kom inn bevisstløs.", "categories": ["health"], "hours": 2}
    glass = (await world.must("nurse", f"/cases/{case}/break-glass", body))["glass"]
    path, verdict = f"/break-glass/{glass}/review", {"outcome": "justified"}
    leads = {"lagspill_roles": ["health-nurse", "leader"]}
    assert await refused(world, "nurse", path, verdict, claims=leads) == (403, "own-review")
    assert (await world.must("nurse-leader", path, verdict))["status"] == "reviewed"


@pytest.mark.rule(4, 5, 106)
async def test_nothing_is_asked_for_or_shared_by_law_before_a_case_is_open_nor_after(world: World) -> None:
    """While it is a concern, its holder is told that it is not open; once closed, nobody has the part that it takes."""
    receipt = await world.must("teacher", "/concerns", world.concern())
    case = receipt["case"]
    wanted = {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": "2027-07-31"}
    for path, body in ((f"/cases/{case}/consents", wanted), (f"/cases/{case}/overrides", OVERRIDE)):
        assert await refused(world, "teacher", path, body) == (409, "case-not-open")
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    consent = await world.consented(case)
    heard = {"method": "conversation", "before": "consent", "text": "Vil fortsette."}
    await world.must("teacher", f"/cases/{case}/child-views", heard)
    override = (await world.must("teacher", f"/cases/{case}/overrides", {**OVERRIDE, "not_heard": None}))["override"]
    await close(world, case)
    later = (
        (f"/consents/{consent}/renewals", {"valid_to": "2028-06-16"}),
        (f"/cases/{case}/consents", wanted),
        (f"/cases/{case}/overrides", OVERRIDE),
    )
    for path, body in later:
        for who, told in (
            ("teacher", (403, "not-permitted")),
            ("styrer", (403, "not-permitted")),
            ("guardian-a", (403, "not-permitted")),
            ("colleague", (404, "not-found")),
            ("nurse", (404, "not-found")),
            ("barnevern", (404, "not-found")),
        ):
            assert await refused(world, who, path, body) == told, (who, path)
    assert code(await world.get("barnevern", f"/cases/{case}/child")) == (404, "not-found")
    # What was shared is judged all the same.
    await world.must("styrer", f"/overrides/{override}/review", {"justified": True})


async def test_an_open_case_is_not_reopened(world: World) -> None:
    case = await world.opened()
    version = await world.version("teacher", case)
    for who in ("teacher", "styrer"):
        assert await refused(world, who, f"/cases/{case}/reopening", if_match=version) == (409, "case-not-closed")


@pytest.mark.rule(4)
async def test_before_the_first_of_the_dated_lists_nobody_can_say_who_consents(
    migrated: Migrated, issuer: LocalIssuer
) -> None:
    """The lists begin on 20 July 2018 (personopplysningsloven): what they do not say is not guessed."""
    async with cases_world(migrated, issuer, SimulatedClock(datetime(2018, 7, 1, 10, 0, tzinfo=UTC))) as world:
        case = await world.opened()
        heard = {"method": "conversation", "before": "consent", "text": "Vil."}
        await world.must("teacher", f"/cases/{case}/child-views", heard)
        body = {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": "2019-07-31"}
        assert await refused(world, "teacher", f"/cases/{case}/consents", body) == (503, "code-list-row-missing")


# --- the team ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(33, 34)
async def test_the_contact_person_is_somebody_of_the_team(world: World) -> None:
    case = await world.opened()
    path, nurse = f"/cases/{case}/contact-person", {"service": "helsestasjon", "role": "health-nurse"}
    said = {"evidence": "oral-minuted", "note": "Sa det på telefonen, lest opp for henne."}
    for who in ("teacher", "guardian-a"):
        assert await refused(world, who, path, nurse | said) == (409, "not-in-team")
    own = {"service": "barnehage", "role": "teacher"}
    assert await refused(world, "teacher", path, own) == (422, "evidence-missing")
    assert await refused(world, "teacher", path, own | said | {"evidence": "e-id"}) == (422, "evidence-missing")
    await world.must("teacher", path, own | said)
    await world.must("guardian-a", path, own)
    chosen = [event["data"] for event in await world.published("contact-person-chosen.v1")]
    assert [one["evidence"] for one in chosen] == ["oral-minuted", "e-id"]
    assert "telefonen" not in str(chosen)


@pytest.mark.rule(36)
async def test_a_coordinator_begins_no_plan_that_nobody_asked_for(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    coordinator = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    await world.must("teacher", f"/cases/{case}/coordinator", coordinator)
    plan = {"goals": ["Sier hva hun vil."]}
    assert await refused(world, "nurse", f"/cases/{case}/plan", plan) == (409, "plan-not-requested")


@pytest.mark.rule(82)
async def test_of_a_protected_child_no_barnehage_or_school_is_asked(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    asked = {
        "service": "skole",
        "unit": "unit:tinnes-skole",
        "reason": "competence-missing",
        "text": "Hvordan får vi et barn med få ord inn i leken?",
        "anonymous": True,
    }
    path = f"/cases/{receipt['case']}/contributions"
    assert await refused(world, "teacher", path, asked) == (409, "unit-untellable")


# --- consents, guardians and records ----------------------------------------------------------------------------------


@pytest.mark.rule(4)
async def test_one_kind_of_thing_is_withdrawn_at_a_time_and_only_what_there_is(world: World) -> None:
    case = await world.opened()
    path = f"/consents/{await world.consented(case)}/withdrawals"
    two_kinds = {"services": ["ppt"], "categories": ["language"]}
    assert await refused(world, "guardian-a", path, two_kinds) == (422, "withdrawal-one-kind")
    assert await refused(world, "guardian-a", path, {"services": ["bup"]}) == (409, "nothing-to-withdraw")
    assert await refused(world, "guardian-a", path, {"purposes": ["transition"]}) == (409, "nothing-to-withdraw")
    assert (await world.see("guardian-a", path.removesuffix("/withdrawals")))["status"] == "active"


async def test_a_ninth_guardian_is_one_too_many(world: World) -> None:
    case, people = await world.opened(), People(51)
    for number in range(3, 10):
        new = people.guardian()
        body = {
            "name": new.name,
            "national_number": new.national_number,
            "language": "nb",
            "ground": "agreement",
            "since": "2026-09-08",
            "note": "Avtale.",
        }
        version = await world.version("teacher", case)
        if number < 9:
            added = await world.post("teacher", f"/cases/{case}/guardians", body, if_match=version)
            assert (added.status_code, added.json()["ordinal"]) == (201, number)
        else:
            path = f"/cases/{case}/guardians"
            assert await refused(world, "teacher", path, body, if_match=version) == (409, "guardians-too-many")


@pytest.mark.rule(4, 106)
async def test_who_is_in_the_team_writes_inside_the_consent_only(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    await world.must("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    path = f"/cases/{case}/records"
    outside = await world.post("ppt", path, {"category": "health", "text": "Hører dårlig."})
    assert code(outside) == (403, "category-outside-reach")
    assert outside.json()["categories"] == ["development", "language"]
    await world.must("ppt", path, {"category": "language", "text": "Setninger på tre ord."})


# --- measures and levels ----------------------------------------------------------------------------------------------


@pytest.mark.rule(88, 89, 181)
async def test_a_measure_is_evaluated_ahead_and_above_the_highest_level_there_is_none(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("ppt", "bup"))
    path = f"/cases/{case}/measures"
    planned = {
        "code": "sprakgruppe",
        "owner": "ppt",
        "owner_unit": "unit:ppt",
        "goal": "Snakker i hele setninger med vennene.",
        "indicator": "words-in-play",
        "evaluate_by": (world.clock.now() + timedelta(weeks=8)).isoformat(),
    }
    now = {**planned, "evaluate_by": world.clock.now().isoformat()}
    assert await refused(world, "teacher", path, now) == (422, "evaluate-by-past")
    measure = (await world.must("teacher", path, planned))["measure"]
    evaluation = f"/measures/{measure}/evaluations"
    goes_on = {"effect": "some", "outcome": "continue"}
    assert await refused(world, "teacher", evaluation, goes_on) == (422, "evaluate-by-past")
    for step in (
        {"to_level": 2, "reason": "assessment"},
        {"to_level": 3, "reason": "assessment", "with_service": "bup"},
    ):
        version = await world.version("teacher", case)
        await world.must("teacher", f"/cases/{case}/level-changes", step, if_match=version)
    stepped = {"effect": "none", "outcome": "escalate", "with_service": "bup"}
    assert await refused(world, "teacher", evaluation, stepped) == (409, "level-highest")
    await world.must("teacher", f"/measures/{measure}/stop", {"reason": "withdrawn"})
    for path, body in ((f"/measures/{measure}/stop", {"reason": "withdrawn"}), (evaluation, goes_on)):
        assert await refused(world, "teacher", path, body) == (409, "measure-stopped")


# --- handovers and forms ----------------------------------------------------------------------------------------------


@pytest.mark.rule(13, 14, 107)
async def test_a_handover_that_takes_another_way_is_refused(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("ppt", "skole", "bup"), purposes=("transition",))
    path = f"/cases/{case}/handovers"
    for kind in ("barnehage-to-school", "unit"):
        school = {"kind": kind, "receiver": await world.receiver("contact-teacher"), "categories": ["language"]}
        assert await refused(world, "teacher", path, school) == (409, "handover-needs-form")
    clinician = {**await world.receiver("ppt"), "role": "bup-clinician", "service": "bup", "unit": "unit:bup"}
    specialist = {"kind": "to-specialist", "receiver": {**clinician, "organisation": None}, "categories": ["language"]}
    assert await refused(world, "teacher", path, specialist) == (422, "organisation-missing")
    draft = {"kind": "baton", "receiver": await world.receiver("colleague"), "draft": True}
    handover = (await world.must("teacher", path, draft))["handover"]
    await world.must("teacher", f"/handovers/{handover}/sending")
    assert await refused(world, "teacher", f"/handovers/{handover}/sending") == (409, "handover-not-proposed")


@pytest.mark.rule(107)
async def test_nobody_hands_on_more_than_came_with_the_baton(world: World) -> None:
    case = await world.opened()
    await world.consented(
        case, services=("ppt", "helsestasjon"), purposes=("transition",), categories=("development", "language")
    )
    path = f"/cases/{case}/handovers"
    offered = {"kind": "unit", "receiver": await world.receiver("ppt"), "categories": ["language"]}
    handover = (await world.must("teacher", path, offered))["handover"]
    await world.must("ppt", f"/handovers/{handover}/acceptance")
    more = {"kind": "unit", "receiver": await world.receiver("nurse"), "categories": ["development", "language"]}
    before = await world.types()
    answer = await world.post("ppt", path, more)
    assert code(answer) == (409, "outside-holding")
    assert answer.json()["categories"] == ["development"]
    assert await world.types() == before
    await world.must("ppt", path, {**more, "categories": ["language"]})


@pytest.mark.rule(13, 14)
async def test_a_form_that_has_gone_is_neither_changed_approved_nor_sent_again(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("skole",), purposes=("transition",))
    drafted = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    form = (await world.must("teacher", f"/cases/{case}/transition-forms", drafted))["form"]
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    goes = {"receiver": await world.receiver("contact-teacher"), "outside_window": "moved"}
    version = await world.version("teacher", case)
    await world.must("teacher", f"/transition-forms/{form}/sending", goes, if_match=version)
    version = await world.version("teacher", case)
    path = f"/transition-forms/{form}"
    assert await refused(world, "teacher", f"{path}/versions", {"fields": FIELDS}, if_match=version) == (
        409,
        "form-sent",
    )
    assert await refused(world, "guardian-a", f"{path}/approvals", {"version": 1}) == (409, "form-sent")
    assert await refused(world, "teacher", f"{path}/sending", goes, if_match=version) == (409, "form-sent")


@pytest.mark.rule(13)
async def test_where_the_municipality_has_no_template_there_are_no_fields_to_fill_in(world: World) -> None:
    there = {"municipality": "3905", "sub": "in-tonsberg"}
    receipt = (await world.post("teacher", "/concerns", world.concern(), claims=there)).json()
    lifted = {"outcome": "lifted"}
    resolved = await world.post("teacher", f"/concerns/{receipt['concern']}/resolution", lifted, claims=there)
    assert resolved.status_code == 201, resolved.text
    path = f"/cases/{receipt['case']}/transition-forms"
    drafted = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    assert await refused(world, "teacher", path, drafted, claims=there) == (409, "form-template-missing")
    free = {"form_type": "barnehage-to-school", "school_start": 2027, "content": {"language": "To ord."}}
    assert (await world.post("teacher", path, free, claims=there)).status_code == 201


# --- a letter ---------------------------------------------------------------------------------------------------------


@pytest.mark.rule(93)
async def test_a_letter_that_cannot_be_set_is_refused_and_tells_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The process that sets it dies. That it was to be printed is recorded before, as always; later it is printed after all."""
    case = await world.opened()
    report = {
        "ground": "maltreatment-or-neglect",
        "text": "Kommer uten mat og varme klær.",
        "guardians_informed": True,
        "child": {"method": "conversation", "text": "Vil ikke hjem.", "trusted_person": True},
    }
    sent = (await world.must("teacher", f"/cases/{case}/concern-reports", report))["report"]
    (tmp_path / "typst.py").write_text("raise SystemExit(70)\n", encoding="utf-8")
    with monkeypatch.context() as broken:
        broken.setenv("PYTHONPATH", str(tmp_path))
        answer = await world.get("teacher", f"/concern-reports/{sent}/letter")
        assert code(answer) == (503, "letter-unavailable")
        assert "varme" not in answer.text
    assert len(await world.access("print")) == 1
    assert (await world.get("teacher", f"/concern-reports/{sent}/letter")).status_code == 200
    assert len(await world.access("print")) == 2
