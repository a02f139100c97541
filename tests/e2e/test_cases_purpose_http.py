"""What a look is for, over HTTP: named or implied, inside the consent or refused, and recorded as what it was."""

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


@pytest.mark.rule(4, 106)
async def test_a_purpose_outside_the_consent_is_refused_with_what_is_missing_and_the_record_says_what_a_look_was_for(
    world: World,
) -> None:
    case = await world.opened()
    await world.consented(case, purposes=("transition",), categories=("language",))
    await world.consented(case, purposes=("assessment",), categories=("development",))
    child = f"/cases/{case}/child"

    refused = await world.get("nurse", f"{child}?purpose=follow-up")
    assert (refused.status_code, refused.json()["code"]) == (403, "purpose-not-covered")
    missing = {key: refused.json()[key] for key in ("services", "purposes", "covered", "grantors")}
    assert missing == {
        "services": ["helsestasjon"],
        "purposes": ["follow-up"],
        "covered": ["assessment", "transition"],
        "grantors": {"guardian": 2},
    }
    assert world.child.name not in refused.text
    [denied] = await world.access("deny")
    assert (denied["reason"], denied["case"], denied["permitted"]) == ("purpose-not-covered", case, False)
    assert await world.access("read") == []

    named = await world.see("nurse", f"{child}?purpose=transition")
    assert {one["category"] for one in named["records"]} == {"language"}
    implied = await world.see("nurse", child)
    assert {one["category"] for one in implied["records"]} == {"development"}
    own_task = await world.see("teacher", f"{child}?purpose=coordination")
    own_child = await world.see("guardian-a", child)
    purposes = ["transition", "assessment", "coordination", None]
    assert [one["purpose"] for one in (named, implied, own_task, own_child)] == purposes
    assert [one.get("purpose") for one in await world.access("read")] == purposes

    for wrong in ("oversight", "notification"):
        refused = await world.get("teacher", f"{child}?purpose={wrong}")
        assert (refused.status_code, refused.json()["code"]) == (403, "purpose-not-covered")
    unknown = await world.get("nurse", f"{child}?purpose=curiosity")
    assert unknown.status_code == 422
    # Who is nothing to the case is not told about purposes either.
    assert (await world.get("curious", f"{child}?purpose=transition")).json()["code"] == "not-found"
