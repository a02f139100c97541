"""Emergency access over HTTP: opened with a reason, every look recorded as such, reviewed, escalated, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected

CLEARED: Final = {"lagspill_roles": ["health-nurse", "protected-case-reader"]}
UNKNOWN: Final = "b" * 26


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def emergency(**changes: Any) -> dict[str, Any]:
    """Return what is asked for in an emergency."""
    return {
        "reason": "danger-to-life",
        "text": "Kom inn bevisstløs etter et fall.",
        "categories": ["contact", "health"],
        "hours": 2,
        **changes,
    }


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


@pytest.mark.story(19)
async def test_the_nurse_opens_looks_and_is_reviewed(world: World) -> None:
    case = await world.opened()
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    opened = await world.must("nurse", f"/cases/{case}/break-glass", emergency())
    assert (opened["status"], opened["review_by"], opened["until"]) == (
        "awaited",
        "2026-09-10T08:00:00Z",
        "2026-09-07T10:00:00Z",
    )
    dossier = await world.see("nurse", f"/cases/{case}/child")
    assert dossier["basis"] == "danger-to-life"
    assert dossier["identity"]["name"] == world.child.name
    assert {one["category"] for one in dossier["records"]} == {"health"}
    assert [one["name"] for one in dossier["guardians"]] == [world.guardian_a.name, world.guardian_b.name]
    looks = await world.access("break-glass")
    assert [one["categories"] for one in looks] == [[], ["contact", "health", "identity"]] or [
        sorted(one["categories"]) for one in looks
    ] == [[], ["contact", "health", "identity"]]
    assert {(one["reason"], one["basis"]["code"], one["case"]) for one in looks} == {
        ("danger-to-life", "danger-to-life", case)
    }
    glass = opened["glass"]
    listed = await world.see("nurse-leader", "/break-glass")
    assert [one["glass"] for one in listed["items"]] == [glass]
    assert (await world.see("styrer", "/break-glass"))["items"] == []
    full = await world.see("nurse-leader", f"/break-glass/{glass}")
    assert full["text"] == "Kom inn bevisstløs etter et fall."
    assert [one["categories"] for one in full["looks"]] == [["contact", "health", "identity"]]
    reviewed = await world.must("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
    assert (reviewed["status"], reviewed["outcome"]) == ("reviewed", "justified")
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    again = await world.post("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
    assert code(again) == (409, "break-glass-reviewed")
    assert [kind for kind in await world.types() if kind.startswith("break-glass")] == [
        "break-glass.opened",
        "break-glass.reviewed",
    ]


@pytest.mark.story(19)
@pytest.mark.parametrize(
    ("who", "change", "refused"),
    [
        ("nurse", {"text": None}, (422, "input-invalid")),
        ("nurse", {"text": " "}, (422, "input-invalid")),
        ("nurse", {"reason": None}, (422, "input-invalid")),
        ("nurse", {"reason": "curiosity"}, (422, "input-invalid")),
        ("nurse", {"categories": []}, (422, "input-invalid")),
        ("nurse", {"hours": 0}, (422, "input-invalid")),
        ("nurse", {"hours": 25}, (403, "break-glass-not-allowed")),
        ("nurse", {"categories": ["language"]}, (403, "break-glass-not-allowed")),
        ("ppt", {"reason": "child-at-risk"}, (403, "break-glass-not-allowed")),
        ("styrer", {}, (403, "break-glass-not-allowed")),
        ("guardian-a", {}, (403, "break-glass-not-allowed")),
        ("notify", {}, (403, "break-glass-not-allowed")),
        ("teacher", {}, (409, "break-glass-unneeded")),
    ],
)
async def test_what_is_refused_opens_nothing(
    world: World, who: str, change: dict[str, Any], refused: tuple[int, str]
) -> None:
    case = await world.opened()
    before = await world.types()
    body = {name: value for name, value in emergency(**change).items() if value is not None}
    if refused[1] == "break-glass-not-allowed":
        # The code list is asked first: who may not is told the same whether there is such a case or not.
        assert code(await world.post(who, f"/cases/cas_{UNKNOWN}/break-glass", body)) == refused
    assert code(await world.post(who, f"/cases/{case}/break-glass", body)) == refused
    assert await world.types() == before
    assert await world.access("break-glass") == []


async def test_others_and_unknown_references_answer_alike(world: World) -> None:
    case = await world.opened()
    glass = (await world.must("nurse", f"/cases/{case}/break-glass", emergency()))["glass"]
    assert code(await world.post("nurse", f"/cases/{case}/break-glass", emergency())) == (409, "break-glass-open")
    elsewhere = {"municipality": "0301", "sub": "namesake"}
    refused = await world.post("nurse", f"/cases/{case}/break-glass", emergency(), claims=elsewhere)
    assert code(refused) == (404, "not-found")
    assert code(await world.post("nurse", f"/cases/cas_{UNKNOWN}/break-glass", emergency())) == (404, "not-found")
    for who in ("styrer", "privacy-officer", "curious", "teacher", "guardian-a", "stranger", "notify"):
        for ref in (glass, f"brk_{UNKNOWN}"):
            answers = (
                await world.get(who, f"/break-glass/{ref}"),
                await world.post(who, f"/break-glass/{ref}/review", {"outcome": "justified"}),
            )
            assert {code(one) for one in answers} == {(404, "not-found")}, who
    assert code(await world.post("nurse", f"/break-glass/{glass}/review", {"outcome": "justified"})) == (
        404,
        "not-found",
    )
    assert (await world.see("nurse", f"/break-glass/{glass}"))["glass"] == glass


async def test_a_review_that_nobody_does_is_overdue_and_then_the_privacy_officers(world: World) -> None:
    case = await world.opened()
    opened = await world.must("nurse", f"/cases/{case}/break-glass", emergency())
    glass, due = opened["glass"], datetime.fromisoformat(opened["review_by"])
    await world.move_to(due)
    [overdue] = await world.published("break-glass.review-overdue.v1")
    assert overdue["data"]["by"]["unit"] == "unit:helsestasjon"
    assert (await world.see("privacy-officer", "/break-glass"))["items"] == []
    await world.move_to(due + timedelta(days=2))
    assert len(await world.published("break-glass.review-escalated.v1")) == 1
    [listed] = (await world.see("privacy-officer", "/break-glass"))["items"]
    assert (listed["glass"], listed["status"]) == (glass, "escalated")
    done = await world.must("privacy-officer", f"/break-glass/{glass}/review", {"outcome": "not-justified"})
    assert done["outcome"] == "not-justified"
    await world.move_to(due + timedelta(days=30))
    assert (await world.types()).count("break-glass.review-overdue") == 1


async def test_a_protected_child_is_opened_by_the_cleared_alone_and_no_event_says_where(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = receipt["case"]
    assert code(await world.post("nurse", f"/cases/{case}/break-glass", emergency())) == (404, "not-found")
    [denied] = await world.access("deny")
    assert denied["reason"] == "address-protected"
    made = await world.post("nurse", f"/cases/{case}/break-glass", emergency(), claims=CLEARED)
    assert made.status_code == 201
    glass = made.json()["glass"]
    assert made.json()["by"]["unit"] is None
    shown = await world.get("nurse", f"/cases/{case}/child", **CLEARED)
    assert shown.json()["identity"]["name"] == world.child.name
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    # It was opened at work where the vault says, and is closed to whoever works elsewhere in the service now.
    moved = {**CLEARED, "lagspill_unit": "unit:another-helsestasjon"}
    for path in (f"/cases/{case}", f"/cases/{case}/child", f"/concerns/{receipt['concern']}"):
        assert code(await world.get("nurse", path, **moved)) == (404, "not-found")
    sought = {"national_number": world.child.national_number}
    hits = []
    for claims in (CLEARED, moved):
        headers = {"authorization": f"Bearer {world.token('nurse', **claims)}"}
        hits.append(
            [one["case"] for one in (await world.http.post("/search", json=sought, headers=headers)).json()["items"]]
        )
    assert hits == [[case], []]
    assert code(await world.get("nurse-leader", f"/break-glass/{glass}")) == (404, "not-found")
    leader = {"lagspill_roles": ["leader", "protected-case-reader"]}
    assert (await world.get("nurse-leader", f"/break-glass/{glass}", **leader)).status_code == 200
    reviewed = await world.post("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"}, claims=leader)
    assert reviewed.status_code == 201
    for event in await world.published():
        if event["type"].startswith("no.lagspill.cases.break-glass"):
            assert event["municipality"].startswith("prt_")
            assert "unit:" not in str(event)
