"""The story's rows that the cases service plays, over HTTP: what must happen, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


@pytest.mark.rule(78, 79, 103)
@pytest.mark.story(2)
async def test_a_concern_goes_to_the_vault_and_its_receipt_names_no_child(world: World) -> None:
    response = await world.post("teacher", "/concerns", world.concern())
    assert response.status_code == 201
    assert world.child.given_name not in response.text
    assert response.json()["act_by"] == "2026-09-21T08:00:00Z"
    [event] = await world.published("concern.registered.v1")
    assert event["data"]["guardians"] == 2
    assert event["data"]["registered_by"]["unit"] == "unit:lia-barnehage"
    concern = await world.see("teacher", f"/concerns/{response.json()['concern']}")
    assert concern["text"] == "Sier lite og trekker seg unna leken."


@pytest.mark.rule(80, 81, 144)
@pytest.mark.story(4)
async def test_lifting_opens_a_case_at_level_one_held_by_the_teacher(world: World) -> None:
    case = await world.opened()
    view = await world.see("teacher", f"/cases/{case}")
    assert (view["stage"], view["level"], view["mode"]) == ("open", 1, "anonymous")
    assert view["holder"]["actor"] == (await world.see("teacher", "/me"))["actor"]
    assert view["decide_by"] == "2026-09-21T08:00:00Z"
    assert view["relations"] == ["holder"]


@pytest.mark.rule(4, 5, 99)
@pytest.mark.story(7, 8)
async def test_consent_is_active_only_after_both_guardians(world: World) -> None:
    case = await world.opened()
    asked = {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"], "valid_to": "2027-07-31"}
    refused = await world.post("teacher", f"/cases/{case}/consents", asked)
    assert (refused.status_code, refused.json()["code"]) == (409, "child-view-missing")
    consent = await world.requested(case)
    oral = {"ordinal": 1, "evidence": "oral-minuted", "note": "Sa ja på telefon."}
    first = await world.must("teacher", f"/consents/{consent}/grants", oral)
    assert (first["status"], first["outstanding"]) == ("requested", {"guardian": 1})
    second = await world.must("guardian-b", f"/consents/{consent}/grants")
    assert (second["status"], second["version"], second["outstanding"]) == ("active", 1, {})
    assert (await world.types())[-2:] == ["consent.granted", "case.identified"]


@pytest.mark.rule(4, 106)
@pytest.mark.story(17)
async def test_a_partial_withdrawal_ends_the_next_look_at_once(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    shown = await world.see("nurse", f"/cases/{case}/child")
    assert shown["identity"]["name"] == world.child.name
    assert {one["category"] for one in shown["records"]} == {"development", "language"}
    assert shown["guardians"] == []
    await world.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    denied = await world.get("nurse", f"/cases/{case}/child")
    assert (denied.status_code, denied.json()["code"]) == (404, "not-found")
    [record] = await world.access("deny")
    assert (record["reason"], record["case"], record["permitted"]) == ("consent-withdrawn", case, False)
    assert (await world.see("ppt", f"/cases/{case}/child"))["consent_version"] == 2
    receipts = await world.see("guardian-a", f"/consents/{consent}/receipts")
    assert receipts["awaited"] == ["meetings", "notify"]
    assert [one["service"] for one in receipts["already_told"]] == ["helsestasjon", "ppt"]


@pytest.mark.rule(4, 106)
@pytest.mark.story(17)
async def test_who_had_been_told_is_said_for_each_consent_by_itself(world: World) -> None:
    case = await world.opened()
    first = await world.consented(case, services=("ppt",))
    second = await world.consented(case, services=("barnevern",))
    for who in ("ppt", "barnevern"):
        await world.see(who, f"/cases/{case}/child")
    for consent, service in ((first, "ppt"), (second, "barnevern")):
        told = (await world.see("guardian-a", f"/consents/{consent}/receipts"))["already_told"]
        assert [(one["service"], one["consent"]) for one in told] == [(service, consent)]


@pytest.mark.rule(13, 14)
@pytest.mark.story(20, 21)
async def test_a_form_is_sent_only_as_approved_and_the_school_reads_what_was_consented(world: World) -> None:
    case = await world.opened()
    fields = {"play-and-friends": "Leker godt.", "language-and-speech": "To ord."}
    form = (
        await world.must(
            "teacher",
            f"/cases/{case}/transition-forms",
            {"form_type": "barnehage-to-school", "school_start": 2027, "fields": fields},
        )
    )["form"]
    sending = {"receiver": await world.receiver("contact-teacher"), "outside_window": "late-placement"}
    refused = await world.post(
        "teacher", f"/transition-forms/{form}/sending", sending, if_match=await world.version("teacher", case)
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "form-not-approved")
    assert refused.json()["missing"] == {"guardian": 2}
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    refused = await world.post(
        "teacher", f"/transition-forms/{form}/sending", sending, if_match=await world.version("teacher", case)
    )
    assert (refused.status_code, refused.json()["code"]) == (409, "consent-missing")
    await world.consented(case, services=("skole",), purposes=("transition",))
    assert (await world.get("contact-teacher", f"/transition-forms/{form}")).status_code == 404
    sent = await world.must(
        "teacher", f"/transition-forms/{form}/sending", sending, if_match=await world.version("teacher", case)
    )
    read = await world.see("contact-teacher", f"/transition-forms/{form}")
    assert read["fields"] == fields
    assert (await world.get("other-teacher", f"/transition-forms/{form}")).status_code == 404
    accepted = await world.must("contact-teacher", f"/handovers/{sent['handover']}/acceptance")
    assert accepted["status"] == "completed"
    view = await world.see("contact-teacher", f"/cases/{case}")
    assert view["holder"]["unit"] == "unit:tinnes-skole"
    child = await world.see("contact-teacher", f"/cases/{case}/child")
    assert child["categories"] == ["development", "identity", "language"]
    assert (await world.get("teacher", f"/cases/{case}/child")).status_code == 404
    assert (await world.types())[-4:] == [
        "handover.received",
        "transition-form.received",
        "handover.accepted",
        "handover.completed",
    ]
