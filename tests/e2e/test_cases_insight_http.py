"""`/cases/{case}/insight-right`: what the audit service is told, and that every asking is recorded (story row 22)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio

from shared.actor_names import ActorNames
from shared.clock import SimulatedClock
from shared.refs import ActorId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import KEY, World, cases_world

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def veiled(actor: str, right: dict[str, Any]) -> str:
    """What stands for an actor in this answer."""
    return ActorNames(KEY.encode()).veiled(ActorId(actor), UUID(right["asking"]))


@pytest.mark.story(22)
async def test_a_guardian_is_told_what_the_report_may_hold(world: World) -> None:
    case = await world.opened()
    right = await world.see("guardian-b", f"/cases/{case}/insight-right")
    mine = (await world.see("guardian-b", "/me"))["actor"]
    others = {(await world.see(who, "/me"))["actor"] for who in ("guardian-a", "child")}
    assert right == {
        "case": case,
        "actor": mine,
        "relation": "guardian",
        "log": "4005",
        "address_protected": False,
        "asking": right["asking"],
        "left_out": sorted(veiled(other, right) for other in others),
        "withheld": [],
        "basis": {"code": "parental-responsibility", "version": "2018-07-20"},
        "language": "en",
    }
    assert not [other for other in others if other in json.dumps(right)]
    again = await world.see("guardian-b", f"/cases/{case}/insight-right")
    assert not set(again["left_out"]) & set(right["left_out"]), "nothing in two answers stands for the same person"
    look = (await world.access("read"))[-1]
    assert look["actor"]["id"] == mine
    assert (look["case"], look["permitted"], look["categories"]) == (case, True, [])


@pytest.mark.story(22)
async def test_a_small_child_is_not_asked_to_manage_alone_and_a_teacher_is_no_guardian(world: World) -> None:
    case = await world.opened()
    for who, told, reason in (
        ("child", (404, "not-found"), "barred-by-age"),
        ("teacher", (403, "not-permitted"), "not-in-table"),
    ):
        refused = await world.get(who, f"/cases/{case}/insight-right")
        assert (refused.status_code, refused.json()["code"]) == told
        assert (await world.access("deny"))[-1]["reason"] == reason


@pytest.mark.story(22)
async def test_strangers_learn_nothing_and_leave_a_trace(world: World) -> None:
    case = await world.opened()
    for who, municipality, reason in (
        ("stranger", "4005", "no-relation"),
        ("curious", "4005", "no-relation"),
        ("teacher", "4003", "other-municipality"),
    ):
        refused = await world.get(who, f"/cases/{case}/insight-right", municipality=municipality)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
        assert (await world.access("deny"))[-1]["reason"] == reason


@pytest.mark.story(22)
async def test_whose_parental_responsibility_has_ended_is_a_stranger(world: World) -> None:
    case = await world.opened()
    mine = (await world.see("guardian-a", "/me"))["actor"]
    await world.pool.execute("UPDATE kin SET until = $2 WHERE actor = $1", mine, world.clock.now())
    assert (await world.get("guardian-a", f"/cases/{case}/insight-right")).status_code == 404
    right = await world.see("guardian-b", f"/cases/{case}/insight-right")
    assert veiled(mine, right) in right["left_out"]


@pytest.mark.story(22)
async def test_the_child_asks_from_twelve_and_the_guardian_until_eighteen(world: World) -> None:
    case = await world.opened()
    born = world.child.born
    world.clock.set(datetime(born.year + 12, 12, 31, 12, tzinfo=UTC))
    right = await world.see("child", f"/cases/{case}/insight-right")
    assert (right["relation"], right["left_out"], right["language"]) == ("child", [], None)
    world.clock.set(datetime(born.year + 16, 12, 31, 12, tzinfo=UTC))
    assert (await world.see("guardian-a", f"/cases/{case}/insight-right"))["withheld"] == ["health"]
    world.clock.set(datetime(born.year + 18, 12, 31, 12, tzinfo=UTC))
    assert (await world.get("guardian-a", f"/cases/{case}/insight-right")).status_code == 404


async def test_an_address_protected_case_has_its_own_log(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    right = await world.see("guardian-a", f"/cases/{receipt['case']}/insight-right")
    assert right["address_protected"] is True
    assert right["log"].startswith("prt_")
