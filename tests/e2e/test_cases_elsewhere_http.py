"""Two cases about one child, at the barnehage and at the helsestasjon: who is told over HTTP that both do the same, and what is left."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world
from tests.e2e.test_cases_ladder_http import measure, refused

pytestmark = [pytest.mark.connected, pytest.mark.rule(49, 161)]

EVENT = "measure.overlap-elsewhere-suspected.v1"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


async def two_cases(world: World) -> tuple[str, str, str, str]:
    """Return the barnehage's case and measure, and the helsestasjon's, about the same child."""
    barnehage = await world.opened()
    receipt = await world.must("nurse", "/concerns", world.concern())
    await world.must("nurse", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    helsestasjon = str(receipt["case"])
    assert barnehage != helsestasjon
    training = measure(world, code="ekstratimer", owner="barnehage", owner_unit="unit:lia-barnehage")
    first = (await world.must("teacher", f"/cases/{barnehage}/measures", training))["measure"]
    group = measure(world, owner="helsestasjon", owner_unit="unit:helsestasjon")
    second = (await world.must("nurse", f"/cases/{helsestasjon}/measures", group))["measure"]
    await world.move_to(world.clock.now())
    return barnehage, first, helsestasjon, second


async def seen(world: World, who: str, case: str) -> list[dict[str, Any]]:
    """Return what somebody sees that the case and others do twice."""
    overlaps: list[dict[str, Any]] = (await world.see(who, f"/cases/{case}/overlaps-elsewhere"))["overlaps"]
    return overlaps


async def looks_at(world: World, case: str) -> int:
    """Return how many records of looks and refusals the case has."""
    return len([one for one in await world.published("access.recorded.v1") if one["data"].get("case") == case])


async def test_without_a_basis_nobody_at_work_is_told_and_nothing_is_left_of_it(world: World) -> None:
    barnehage, first, helsestasjon, second = await two_cases(world)
    assert await world.published(EVENT) == []
    before = await looks_at(world, helsestasjon)
    assert await seen(world, "teacher", barnehage) == await seen(world, "styrer", barnehage) == []
    assert await looks_at(world, helsestasjon) == before, "a look into one case leaves nothing in the other"
    assert await seen(world, "nurse", helsestasjon) == []
    refused(await world.get("curious", f"/cases/{barnehage}/overlaps-elsewhere"), 404, "not-found")
    refused(await world.get("nurse", f"/cases/{barnehage}/overlaps-elsewhere"), 404, "not-found")
    refused(await world.get("stranger", f"/cases/{barnehage}/overlaps-elsewhere"), 404, "not-found")
    refused(await world.get("privacy-officer", f"/cases/{barnehage}/overlaps-elsewhere"), 404, "not-found")
    refused(await world.get("notify", f"/cases/{barnehage}/overlaps-elsewhere"), 404, "not-found")
    # Whose child it is sees both, and can let the services know of each other.
    [shown] = await seen(world, "guardian-a", barnehage)
    assert shown == {
        "measure": first,
        "overlap": "language",
        "case": helsestasjon,
        "other": second,
        "service": "helsestasjon",
        "unit": "unit:helsestasjon",
    }
    assert await looks_at(world, helsestasjon) > before


async def test_a_consent_lets_one_side_know_and_its_withdrawal_ends_that(world: World) -> None:
    barnehage, first, helsestasjon, second = await two_cases(world)
    consent = await world.consented(barnehage, services=("helsestasjon",), categories=("measures",))
    await world.move_to(world.clock.now())
    [told] = await world.published(EVENT)
    assert told["data"] == {"case": helsestasjon, "measure": second, "overlap": "language"}
    [shown] = await seen(world, "nurse", helsestasjon)
    assert (shown["case"], shown["other"], shown["service"]) == (barnehage, first, "barnehage")
    assert await seen(world, "teacher", barnehage) == []
    # It rests on the barnehage's consent, and is recorded in its log: who, by which consent, what kind of information.
    looks = [one for one in await world.published("access.recorded.v1") if one["data"]["kind"] == "read"]
    [look] = [one for one in looks if one["data"]["case"] == barnehage and one["data"]["categories"]]
    assert (look["data"]["consent"], look["data"]["categories"]) == (consent, ["measures"])
    # No event ties the two cases together, and no correlation does.
    cases_of: dict[str, set[str]] = {}
    for event in await world.published():
        named = {case for case in (barnehage, helsestasjon) if case in json.dumps(event)}
        cases_of[event["correlationid"]] = cases_of.get(event["correlationid"], set()) | named
    assert max(len(named) for named in cases_of.values()) == 1
    await world.must("guardian-b", f"/consents/{consent}/withdrawals")
    assert await seen(world, "nurse", helsestasjon) == []
    # Compared again, and told once.
    await world.must("nurse", f"/measures/{second}/changes", {"indicator": "sentences"})
    await world.move_to(world.clock.now())
    assert len(await world.published(EVENT)) == 1


async def test_a_measure_that_comes_after_the_consent_is_found_too(world: World) -> None:
    barnehage, _, helsestasjon, _ = await two_cases(world)
    await world.consented(barnehage, services=("helsestasjon",), categories=("measures",))
    await world.move_to(world.clock.now())
    guidance = measure(world, code="familieveiledning", owner="helsestasjon", owner_unit="unit:helsestasjon")
    mine = (await world.must("nurse", f"/cases/{helsestasjon}/measures", guidance))["measure"]
    await world.move_to(world.clock.now())
    other = measure(world, code="familiepakke", owner="barnehage", owner_unit="unit:lia-barnehage")
    await world.must("teacher", f"/cases/{barnehage}/measures", other)
    await world.move_to(world.clock.now())
    assert [one["data"]["measure"] for one in await world.published(EVENT)][1:] == [mine]


async def test_a_siblings_case_is_another_childs(world: World) -> None:
    barnehage, _, _, _ = await two_cases(world)
    sibling = await world.opened()
    await world.must(
        "teacher", f"/cases/{sibling}/measures", measure(world, owner="barnehage", owner_unit="unit:lia-barnehage")
    )
    await world.move_to(world.clock.now())
    assert await seen(world, "teacher", sibling) == await seen(world, "teacher", barnehage) == []


async def test_what_the_child_decides_over_alone_is_not_told_to_a_guardian_by_its_other_case(world: World) -> None:
    """From sixteen on: of a measure by the child's own consent about its health, no other case of the child says anything."""
    world.child = People(31).child(age=16)
    barnehage = await world.opened()
    receipt = await world.must("nurse", "/concerns", world.concern())
    await world.must("nurse", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    helsestasjon = str(receipt["case"])
    view = {"method": "conversation", "before": "consent", "text": "Vil snakke med noen."}
    await world.must("nurse", f"/cases/{helsestasjon}/child-views", view)
    asked = {"services": ["bup"], "categories": ["health"], "purposes": ["assessment"], "valid_to": "2027-07-31"}
    consent = await world.must("nurse", f"/cases/{helsestasjon}/consents", asked)
    assert consent["needed"] == {"child": 1}
    await world.must("child", f"/consents/{consent['consent']}/grants")
    own = measure(world, code="ekstratimer", owner="barnehage", owner_unit="unit:lia-barnehage")
    await world.must("teacher", f"/cases/{barnehage}/measures", own)
    heard = {"method": "conversation", "before": "measure", "text": "Det vil jeg."}
    await world.must("nurse", f"/cases/{helsestasjon}/child-views", heard)
    hidden = measure(world, owner="bup", owner_unit="unit:bup")
    ref = (await world.must("nurse", f"/cases/{helsestasjon}/measures", hidden))["measure"]
    await world.move_to(world.clock.now())
    assert [one["other"] for one in await seen(world, "child", barnehage)] == [ref]
    assert (await world.see("guardian-a", f"/cases/{helsestasjon}"))["measures"] == []
    assert await seen(world, "guardian-a", barnehage) == []
    assert await seen(world, "guardian-a", helsestasjon) == []


async def test_a_case_that_went_on_under_another_reference_is_compared_with_nothing(world: World) -> None:
    """What waits to be compared when the child's address becomes protected is no failure that somebody must look at."""
    barnehage, _, _, _ = await two_cases(world)
    await world.consented(barnehage, services=("helsestasjon",), categories=("measures",))
    version = await world.version("teacher", barnehage)
    kind = {"kind": "strictly-confidential"}
    await world.must("teacher", f"/cases/{barnehage}/address-protection", kind, if_match=version)
    await world.move_to(world.clock.now())
    failed = "SELECT kind FROM deadlines WHERE attempts > 0 OR parked"
    assert [row["kind"] for row in await world.pool.fetch(failed)] == []
