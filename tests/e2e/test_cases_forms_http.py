"""The transition form by the municipality's template: asked, approved in exactly that version, sent in May (seed rules 13, 14)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(13, 14)]

MAY = datetime(2027, 5, 10, 8, 0, tzinfo=UTC)
FIELDS = {"play-and-friends": "Leker godt i små grupper.", "language-and-speech": "Setninger på to ord."}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def drafted(world: World, case: str, **changes: Any) -> str:
    body = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS, **changes}
    return str((await world.must("teacher", f"/cases/{case}/transition-forms", body))["form"])


async def send(world: World, case: str, form: str, **changes: Any) -> httpx.Response:
    body = {"receiver": await world.receiver("contact-teacher"), **changes}
    return await world.post(
        "teacher", f"/transition-forms/{form}/sending", body, if_match=await world.version("teacher", case)
    )


@pytest.mark.story(20, 21)
async def test_in_may_the_form_goes_when_it_is_approved_and_the_school_reads_what_was_consented(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("skole",), purposes=("transition",), categories=("development", "language"))
    form = await drafted(world, case)
    await world.move_to(MAY)
    refused = await send(world, case, form)
    assert code(refused) == (409, "form-not-approved")
    assert refused.json()["missing"] == {"guardian": 2}
    await world.must("guardian-a", f"/transition-forms/{form}/approvals", {"version": 1})
    await world.move_to(MAY.replace(day=12))
    await world.must("guardian-b", f"/transition-forms/{form}/approvals", {"version": 1})
    await world.move_to(MAY.replace(day=14))
    assert (await world.get("contact-teacher", f"/transition-forms/{form}")).status_code == 404
    sent = await send(world, case, form)
    assert sent.status_code == 201, sent.text
    [event] = await world.published("transition-form.sent.v1")
    assert "outside_window" not in event["data"]
    handover = sent.json()["handover"]
    receipts = await world.see("teacher", f"/handovers/{handover}/receipts")
    assert (receipts["opened_at"], [one["received_at"] for one in receipts["documents"]]) == (None, [None])
    read = await world.see("contact-teacher", f"/transition-forms/{form}")
    assert read["fields"] == FIELDS
    receipts = await world.see("teacher", f"/handovers/{handover}/receipts")
    assert [one["received_at"] for one in receipts["documents"]] == ["2027-05-14T08:00:00Z"]
    accepted = await world.must("contact-teacher", f"/handovers/{handover}/acceptance")
    assert (accepted["status"], accepted["received"]) == ("completed", accepted["documents"])
    assert (await world.see("contact-teacher", f"/cases/{case}"))["holder"]["unit"] == "unit:tinnes-skole"
    assert (await world.get("teacher", f"/transition-forms/{form}")).status_code == 404


@pytest.mark.rule(4)
@pytest.mark.story(21)
async def test_of_a_form_that_came_with_the_baton_no_more_is_read_than_a_consent_still_covers(world: World) -> None:
    """The school read all three; a guardian takes one of them back, and the next look is without it."""
    case = await world.opened()
    categories = ("development", "health", "language")
    consent = await world.consented(case, services=("skole",), purposes=("transition",), categories=categories)
    answers = {**FIELDS, "health-to-know": "Hører dårlig."}
    form = await drafted(world, case, fields=answers)
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    sent = await send(world, case, form, outside_window="moved")
    await world.must("contact-teacher", f"/handovers/{sent.json()['handover']}/acceptance")
    assert (await world.see("contact-teacher", f"/transition-forms/{form}"))["fields"] == answers
    await world.must("guardian-b", f"/consents/{consent}/withdrawals", {"categories": ["health"]})
    read = await world.see("contact-teacher", f"/transition-forms/{form}")
    assert read["fields"] == FIELDS
    last = (await world.access("read"))[-1]
    assert (sorted(last["categories"]), last["consent_version"]) == (["development", "language"], 2)


async def test_of_a_protected_child_a_form_is_offered_to_whoever_is_at_work_where_it_was_sent(world: World) -> None:
    """No event says where that is; the vault does. Who works elsewhere now reads nothing, and is no receipt."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case = str(receipt["case"])
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(case, services=("skole",), purposes=("transition",))
    form = await drafted(world, case)
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    sent = await send(world, case, form, outside_window="moved")
    assert sent.status_code == 201, sent.text
    moved = await world.get("contact-teacher", f"/transition-forms/{form}", lagspill_unit="unit:other-skole")
    assert (moved.status_code, moved.json()["fields"], moved.json()["content"]) == (200, {}, {})
    receipts = await world.see("teacher", f"/handovers/{sent.json()['handover']}/receipts")
    assert [one["received_at"] for one in receipts["documents"]] == [None]
    assert (await world.see("contact-teacher", f"/transition-forms/{form}"))["fields"] == FIELDS


async def test_outside_may_it_takes_a_reason_and_the_log_says_which(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("skole",), purposes=("transition",))
    form = await drafted(world, case)
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    refused = await send(world, case, form)
    assert code(refused) == (409, "form-outside-window")
    assert (refused.json()["first"], refused.json()["last"]) == ("2027-05-01", "2027-05-31")
    assert code(await send(world, case, form, outside_window="because")) == (422, "input-invalid")
    assert (await send(world, case, form, outside_window="moved")).status_code == 201
    [event] = await world.published("transition-form.sent.v1")
    assert event["data"]["outside_window"] == "moved"


async def test_an_edit_needs_the_approvals_anew_and_an_old_version_cannot_be_approved(world: World) -> None:
    case = await world.opened()
    form = await drafted(world, case)
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    revised = await world.must(
        "teacher",
        f"/transition-forms/{form}/versions",
        {"fields": {**FIELDS, "health-to-know": "Hører dårlig."}},
        if_match=await world.version("teacher", case),
    )
    assert (revised["version"], revised["status"], revised["approvals_missing"]) == (2, "drafted", 2)
    assert revised["categories"] == ["development", "health", "language"]
    stale = await world.post("guardian-a", f"/transition-forms/{form}/approvals", {"version": 1})
    assert code(stale) == (409, "form-version-superseded")
    seen = await world.see("guardian-a", f"/transition-forms/{form}")
    assert seen["fields"]["health-to-know"] == "Hører dårlig."


async def test_the_template_says_what_is_asked_and_what_is_missing(world: World) -> None:
    [kindergarten, school] = (await world.see("teacher", "/transition-form-templates"))["items"]
    assert (kindergarten["type"], school["type"]) == ("barnehage-to-school", "school-to-school")
    assert kindergarten["fields"][0]["text"] == {
        "nb": "Lek og vennskap",
        "nn": "Leik og vennskap",
        "en": "Play and friends",
    }
    case = await world.opened()
    path, body = f"/cases/{case}/transition-forms", {"form_type": "barnehage-to-school", "school_start": 2027}
    missing = await world.post("teacher", path, {**body, "fields": {"play-and-friends": "Godt."}})
    assert code(missing) == (422, "form-field-missing")
    assert missing.json()["fields"] == ["language-and-speech"]
    unknown = await world.post("teacher", path, {**body, "fields": {**FIELDS, "gossip": "x"}})
    assert code(unknown) == (422, "form-field-unknown")
    assert unknown.json()["fields"] == ["gossip"]
    free = await world.post("teacher", path, {**body, "content": {"language": "To ord."}})
    assert code(free) == (409, "form-by-template")
    assert free.json()["fields"][:2] == [*FIELDS]
    # Of a case that is not one's own nobody learns what would be missing in it.
    stranger = await world.post("other-teacher", path, {**body, "fields": {"gossip": "x"}})
    assert code(stranger) == (404, "not-found")
    assert code(await world.post("teacher", path, body)) == (422, "input-invalid")
    assert not [one for one in await world.types() if one.startswith("transition-form")]
    other = {"municipality": "0301", "sub": "elsewhere"}
    assert (await world.get("teacher", "/transition-form-templates", **other)).json()["items"] == []


async def test_guardians_are_reminded_and_in_may_it_is_due_and_then_overdue(world: World) -> None:
    case = await world.opened()
    form = await drafted(world, case)
    await world.must("guardian-a", f"/transition-forms/{form}/approvals", {"version": 1})
    await world.move_to(datetime(2026, 9, 14, 8, 0, tzinfo=UTC))
    [waits] = await world.published("transition-form.approval-waits.v1")
    assert waits["data"]["ordinals"] == [2]
    await world.move_to(datetime(2027, 4, 30, 21, 59, tzinfo=UTC))
    assert await world.published("transition-form.due.v1") == []
    await world.move_to(datetime(2027, 4, 30, 22, 0, tzinfo=UTC))
    [due] = await world.published("transition-form.due.v1")
    assert due["data"]["due"] == "2027-05-31T22:00:00Z"
    await world.move_to(datetime(2027, 5, 31, 22, 0, tzinfo=UTC))
    assert len(await world.published("transition-form.overdue.v1")) == 1


async def test_who_is_done_in_time_hears_nothing(world: World) -> None:
    case = await world.opened()
    await world.consented(case, services=("skole",), purposes=("transition",))
    form = await drafted(world, case)
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    assert (await send(world, case, form, outside_window="school-asks")).status_code == 201
    await world.move_to(datetime(2027, 6, 30, tzinfo=UTC))
    times = {"transition-form.approval-waits", "transition-form.due", "transition-form.overdue"}
    assert not times & set(await world.types())
