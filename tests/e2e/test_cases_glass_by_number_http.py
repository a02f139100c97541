"""Emergency access by national number over HTTP: what it opens, what it never tells, what it costs, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.e2e.counted import counted, world_on_a_counted_wire

pytestmark = [pytest.mark.connected, pytest.mark.story(19)]

CLEARED: Final = {"lagspill_roles": ["health-nurse", "protected-case-reader"]}
TEXT: Final = "Kom inn bevisstløs etter et fall."


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def emergency(number: str, **changes: Any) -> dict[str, Any]:
    """Return what is asked for in an emergency."""
    asked = {"national_number": number, "reason": "danger-to-life", "text": TEXT, "categories": ["health"], "hours": 2}
    return asked | changes


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def protected(world: World) -> str:
    """Register the child with a protected address; return the case."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    return str(receipt["case"])


async def test_the_nurse_who_knows_only_the_number_opens_looks_and_is_reviewed(world: World) -> None:
    case = await world.opened()
    number = world.child.national_number
    before = len(await world.published())
    [opened] = (await world.must("nurse", "/break-glass", emergency(number)))["items"]
    assert (opened["case"], opened["status"], opened["categories"]) == (case, "awaited", ["health", "identity"])
    searched, happened, *_ = (await world.published())[before:]
    assert (searched["data"]["kind"], searched["data"]["reason"], searched["data"].get("case")) == (
        "search",
        "danger-to-life",
        None,
    )
    assert (searched["data"]["basis"]["code"], searched["data"]["categories"]) == ("danger-to-life", [])
    assert happened["type"] == "no.lagspill.cases.break-glass.opened.v1", "that it is looked for is there before"
    seen = await world.see("nurse", f"/cases/{case}/child")
    assert (seen["basis"], seen["identity"]["national_number"]) == ("danger-to-life", number)
    [owed] = (await world.see("nurse-leader", "/break-glass"))["items"]
    assert owed["glass"] == opened["glass"]
    full = await world.see("nurse-leader", f"/break-glass/{opened['glass']}")
    assert (full["text"], len(full["looks"])) == (TEXT, 1)
    await world.must("nurse-leader", f"/break-glass/{opened['glass']}/review", {"outcome": "justified"})
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    assert number not in str(await world.published())
    assert TEXT not in str(await world.published())


async def test_what_nobody_looked_at_is_reviewed_too(world: World) -> None:
    """To know that there is a case is to know something."""
    await world.opened()
    [opened] = (await world.must("nurse", "/break-glass", emergency(world.child.national_number)))["items"]
    await world.move_to(world.clock.now() + timedelta(days=5))
    assert [one["glass"] for one in (await world.see("privacy-officer", "/break-glass"))["items"]] == [opened["glass"]]


async def test_all_cases_of_the_child_are_opened_each_with_a_review_and_the_same_request_again_opens_none(
    world: World,
) -> None:
    first = await world.opened()
    alone = (await world.must("curious", "/concerns", world.concern()))["case"]
    asked = emergency(world.child.national_number)
    one, again = [await world.post("nurse", "/break-glass", asked, key="fall") for _ in range(2)]
    assert (one.status_code, again.status_code, again.json()) == (201, 201, one.json())
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in one.headers
    assert {item["case"] for item in one.json()["items"]} == {first, alone}
    assert (await world.types()).count("break-glass.opened") == 2
    assert len((await world.see("nurse-leader", "/break-glass"))["items"]) == 2
    other = await world.post("nurse", "/break-glass", {**asked, "hours": 3}, key="fall")
    assert code(other) == (422, "idempotency-key-reused")
    anew = await world.post("nurse", "/break-glass", asked)
    assert (code(anew), anew.json()["cases"]) == ((409, "break-glass-open"), sorted([first, alone]))
    assert (await world.types()).count("break-glass.opened") == 2


async def test_where_one_is_seen_anyway_the_other_is_opened(world: World) -> None:
    own = await world.opened()
    alone = (await world.must("curious", "/concerns", world.concern()))["case"]
    [opened] = (await world.must("teacher", "/break-glass", emergency(world.child.national_number)))["items"]
    assert opened["case"] == alone
    sibling = People(8).child(age=7)
    named = {"name": sibling.name, "national_number": sibling.national_number}
    alone = (await world.must("teacher", "/concerns", world.concern(child=named)))["case"]
    unneeded = await world.post("teacher", "/break-glass", emergency(sibling.national_number))
    assert (code(unneeded), unneeded.json()["cases"]) == ((409, "break-glass-unneeded"), [alone])
    assert own not in unneeded.text


@pytest.mark.parametrize(
    ("who", "change", "refused"),
    [
        ("nurse", {"text": " "}, (422, "input-invalid")),
        ("nurse", {"text": None}, (422, "input-invalid")),
        ("nurse", {"reason": None}, (422, "input-invalid")),
        ("nurse", {"reason": "curiosity"}, (422, "input-invalid")),
        ("nurse", {"categories": []}, (422, "input-invalid")),
        ("nurse", {"hours": 0}, (422, "input-invalid")),
        ("nurse", {"national_number": None}, (422, "input-invalid")),
        ("nurse", {"national_number": "123"}, (422, "input-invalid")),
        ("nurse", {"name": "Sol"}, (422, "input-invalid")),
        ("nurse", {"hours": 25}, (403, "break-glass-not-allowed")),
        ("nurse", {"categories": ["language"]}, (403, "break-glass-not-allowed")),
        ("ppt", {"reason": "child-at-risk"}, (403, "break-glass-not-allowed")),
        ("styrer", {}, (403, "break-glass-not-allowed")),
        ("privacy-officer", {}, (403, "break-glass-not-allowed")),
        ("guardian-a", {}, (403, "break-glass-not-allowed")),
        ("child", {}, (403, "break-glass-not-allowed")),
        ("notify", {}, (403, "break-glass-not-allowed")),
    ],
)
async def test_what_may_not_be_asked_is_refused_before_anybody_looks(
    world: World, who: str, change: dict[str, Any], refused: tuple[int, str]
) -> None:
    await world.opened()
    before = len(await world.published())
    for number in (world.child.national_number, People(77).child(age=6).national_number):
        body = {name: value for name, value in (emergency(number) | change).items() if value is not None}
        answer = await world.post(who, "/break-glass", body)
        assert code(answer) == refused
        assert number not in answer.text
    assert len(await world.published()) == before


async def test_a_hidden_child_and_none_are_told_alike_and_recorded(world: World) -> None:
    """Whatever key comes with the question."""
    case = await protected(world)
    nobody = People(77).child(age=6).national_number
    elsewhere = {"municipality": "0301", "sub": "namesake"}
    answers = [
        await world.post("nurse", "/break-glass", emergency(number), claims=claims, key=key)
        for number, claims in (
            (world.child.national_number, {}),
            (nobody, {}),
            (nobody, CLEARED),
            (world.child.national_number, {**CLEARED, **elsewhere}),
        )
        for key in (None, "the-same")
    ]
    told = [{name: value for name, value in one.json().items() if name != "instance"} for one in answers]
    assert {code(one) for one in answers} == {(404, "not-found")}
    assert all(one == told[0] for one in told)
    assert case not in str(told)
    assert [one for one in await world.types() if one.startswith("break-glass")] == []
    records = await world.access("search")
    assert [one["permitted"] for one in records if one.get("case") is None] == [True] * 8
    denied = [one for one in records if one.get("case") == case]
    assert [one["reason"] for one in denied] == ["address-protected"] * 2 + ["other-municipality"] * 2
    assert {(one["permitted"], one["address_protected"]) for one in denied} == {(False, True)}


async def test_a_protected_child_is_opened_by_the_cleared_alone_and_no_event_says_where(world: World) -> None:
    case = await protected(world)
    made = await world.post("nurse", "/break-glass", emergency(world.child.national_number), claims=CLEARED)
    [opened] = made.json()["items"]
    assert (made.status_code, opened["case"], opened["by"]["unit"]) == (201, case, None)
    for event in await world.published():
        if event["type"].startswith("no.lagspill.cases.break-glass"):
            assert event["municipality"].startswith("prt_")
            assert "unit:" not in str(event)
    leader = {"lagspill_roles": ["leader", "protected-case-reader"]}
    review = f"/break-glass/{opened['glass']}/review"
    assert code(await world.post("nurse-leader", review, {"outcome": "justified"})) == (404, "not-found")
    assert (await world.post("nurse-leader", review, {"outcome": "justified"}, claims=leader)).status_code == 201


async def test_a_key_or_a_version_that_does_not_fit_tells_of_no_child_that_is_not_opened(world: World) -> None:
    """A refusal for one of them would say that there is a case, and leave nothing to review."""
    case = await world.opened()
    number, nobody = world.child.national_number, People(77).child(age=6).national_number
    assert code(await world.post("nurse", "/break-glass", emergency(nobody), key="used")) == (404, "not-found")
    for child in (number, nobody):
        for version in ('"v1"', '"v2"', '"v999"'):
            refused = await world.post("nurse", "/break-glass", emergency(child), if_match=version)
            assert code(refused) == (412, "version-stale")
    opened = await world.post("nurse", "/break-glass", emergency(number), key="used")
    assert [one["case"] for one in opened.json()["items"]] == [case]
    # Used for one child, and now for another: the key is no reason to be told of that one without opening it.
    sibling = People(31).child(age=6)
    named = {"name": sibling.name, "national_number": sibling.national_number}
    second = (await world.must("teacher", "/concerns", world.concern(child=named)))["case"]
    reused = await world.post("nurse", "/break-glass", emergency(sibling.national_number), key="used")
    assert (reused.status_code, [one["case"] for one in reused.json()["items"]]) == (201, [second])


async def test_an_erased_case_is_not_there(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern())
    resolved = {"outcome": "resolved-locally", "local_outcome": "unfounded"}
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", resolved)
    await world.move_to(world.clock.now() + timedelta(days=366 * 30))
    assert (await world.types())[-1] == "case.erased"
    answer = await world.post("nurse", "/break-glass", emergency(world.child.national_number))
    assert code(answer) == (404, "not-found")


async def test_a_hidden_child_costs_what_no_child_costs(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: the same round trips, hashes and openings for nobody, another municipality's and a protected child."""
    async with world_on_a_counted_wire(migrated, issuer, clock) as (world, wire):
        await protected(world)
        nobody, away = People(77).child(age=6), People(31).child(age=6)
        named = {"name": away.name, "national_number": away.national_number}
        there = {"municipality": "3905", "sub": "in-tonsberg"}
        moved = await world.post("teacher", "/concerns", world.concern(child=named), claims=there)
        assert moved.status_code == 201, moved.text
        work: list[tuple[int, int, int]] = []
        for person in (nobody, nobody, world.child, away, nobody):
            before = wire.count
            with counted(monkeypatch) as count:
                answer = await world.post("nurse", "/break-glass", emergency(person.national_number))
            assert code(answer) == (404, "not-found")
            work.append((wire.count - before, count["hashes"], count["openings"]))
        # The first may prepare its statements.
        assert len(set(work[1:])) == 1, work
        assert work[1][1] > 0
        assert work[1][2] == 0
