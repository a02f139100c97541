"""Where the parts of an address-protected case are: no event says it, and the vault does, also of what began before it was kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from services.cases.app import SERVICE
from services.cases.records import Records
from shared.clock import SimulatedClock
from shared.refs import CaseRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.vault import Vault
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(23, 37, 97, 107)]

MIGRATION: Final = Path(SERVICE.migrations) / "0024_places.sql"
MOVED: Final = {"lagspill_unit": "unit:another-helsestasjon"}
FORGOTTEN: Final = "DELETE FROM vault_records WHERE owner = $1 AND record LIKE 'coordinates-from/%'"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


async def protected_case(world: World) -> str:
    """Return an open case of a child whose address is protected from the first event, with a consent."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(str(receipt["case"]), categories=("development", "language", "plan"))
    return str(receipt["case"])


async def appointed(world: World, case: str, who: str) -> None:
    """Let somebody coordinate."""
    body = {"kind": "ansvarsgruppe", "coordinator": await world.receiver(who)}
    await world.must("teacher", f"/cases/{case}/coordinator", body)


async def handed_over(world: World, case: str, sender: str, receiver: str) -> None:
    """Let the coordination go from one to another."""
    offer = {"kind": "ansvarsgruppe", "receiver": await world.receiver(receiver)}
    handover = (await world.must(sender, f"/cases/{case}/coordinator-handovers", offer))["handover"]
    await world.must(receiver, f"/handovers/{handover}/acceptance")


async def settled(world: World, times: int = 1) -> None:
    """Do what the migration does on a database of before."""
    for _ in range(times):
        await world.pool.execute(MIGRATION.read_text())
        await world.move_to(world.clock.now())


async def test_who_began_the_plan_of_a_protected_case_and_works_elsewhere_now_coordinates_nothing_there(
    world: World,
) -> None:
    case = await protected_case(world)
    await world.must("guardian-a", f"/cases/{case}/plan-request")
    told = {"method": "conversation", "before": "plan", "text": "Vil leke."}
    await world.must("nurse", f"/cases/{case}/child-views", told)
    await world.must("nurse", f"/cases/{case}/plan", {"goals": ["Har noen å leke med."]})
    assert (await world.get("nurse", f"/cases/{case}/contributions")).status_code == 200
    assert code(await world.get("nurse", f"/cases/{case}/contributions", **MOVED)) == (403, "not-permitted")
    ended = await world.post("nurse", f"/cases/{case}/plan-closure", {"reason": "goals-reached"}, claims=MOVED)
    assert code(ended) == (403, "not-permitted")
    await world.must("nurse", f"/cases/{case}/plan-closure", {"reason": "goals-reached"})


async def test_the_leader_to_whom_the_coordination_fell_coordinates_in_the_unit_that_it_fell_in(world: World) -> None:
    case = await protected_case(world)
    await appointed(world, case, "nurse")
    left = {"reason": "left", "last_day": "2026-09-07", "falls_to": await world.receiver("nurse-leader")}
    await world.must("nurse", "/absences", left)
    await world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC))
    path = f"/cases/{case}/contributions"
    assert (await world.get("nurse-leader", path)).status_code == 200
    assert code(await world.get("nurse-leader", path, **MOVED)) == (404, "not-found")
    # What fell to them before the vault was told of it is settled from the absence.
    await world.pool.execute(FORGOTTEN, case)
    assert code(await world.get("nurse-leader", path)) == (403, "coordinator-unplaced")
    await settled(world, times=2)
    assert (await world.get("nurse-leader", path)).status_code == 200
    assert code(await world.get("nurse-leader", path, **MOVED)) == (404, "not-found")


@pytest.mark.rule(49)
async def test_a_further_concern_joins_a_protected_case_from_where_the_actor_has_to_do_with_it_and_nowhere_else(
    world: World,
) -> None:
    """From elsewhere it begins a case of its own, protected from its first event, and neither answer nor log leads to the other."""
    case = await protected_case(world)
    await appointed(world, case, "nurse")
    left = {"reason": "left", "last_day": "2026-09-07", "falls_to": await world.receiver("nurse-leader")}
    await world.must("nurse", "/absences", left)
    await world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC))
    joined = await world.must("nurse-leader", "/concerns", world.concern(text="Sover dårlig."))
    assert (joined["case"], joined["joined"]) == (case, True)
    version, before = await world.version("teacher", case), await world.published()
    denied = len(await world.access("deny"))
    registered = await world.post("nurse-leader", "/concerns", world.concern(text="Er trist."), claims=MOVED)
    alone = registered.json()
    assert (registered.status_code, alone["joined"]) == (201, False)
    assert alone["case"] != case
    new = (await world.published())[len(before) :]
    assert {event["subject"] for event in new} == {alone["case"]}
    assert [event["data"]["address_protected"] for event in new if "registered" in event["type"]] == [True]
    assert case not in str(new)
    assert len(await world.access("deny")) == denied
    assert await world.version("teacher", case) == version
    assert (await world.see("teacher", f"/cases/{case}"))["concerns"] == [joined["concern"]]
    # What was registered elsewhere is found by who did it there, and by nobody of the other case.
    assert (await world.get("nurse-leader", f"/concerns/{alone['concern']}", **MOVED)).status_code == 200
    assert (await world.get("teacher", f"/concerns/{alone['concern']}")).status_code == 404


async def test_a_coordinator_of_whom_nobody_knows_where_coordinates_again_when_appointed_again(world: World) -> None:
    """Neither the journal nor the vault says where somebody was appointed before that was kept: it is not guessed."""
    case = await protected_case(world)
    await appointed(world, case, "nurse")
    await world.pool.execute(FORGOTTEN, case)
    await settled(world)
    path = f"/cases/{case}/contributions"
    refused = await world.get("nurse", path)
    assert code(refused) == (403, "coordinator-unplaced")
    assert "appoint" in refused.json()["detail"]
    assert (await world.access("deny"))[-1]["reason"] == "coordinator-unplaced"
    goal = {"text": "Leker med de andre."}
    assert code(await world.post("nurse", f"/cases/{case}/team-goal", goal)) == (403, "coordinator-unplaced")
    # What the service may see by the consent is as before, and nobody else is told of it.
    assert (await world.see("nurse", f"/cases/{case}/child"))["identity"] is not None
    assert code(await world.get("second-nurse", path)) == (403, "not-permitted")
    await appointed(world, case, "nurse")
    assert (await world.get("nurse", path)).status_code == 200
    await world.must("nurse", f"/cases/{case}/team-goal", goal)


async def test_what_was_kept_of_a_place_before_is_settled_by_what_was_handed_over(world: World) -> None:
    """Taking the coordination over wrote over where the baton is, and what was taken over was not kept as such."""
    case = await protected_case(world)
    colleague = {"kind": "baton", "receiver": await world.receiver("colleague")}
    handover = (await world.must("teacher", f"/cases/{case}/handovers", colleague))["handover"]
    await world.must("colleague", f"/handovers/{handover}/acceptance")
    body: dict[str, Any] = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    await world.must("colleague", f"/cases/{case}/coordinator", body)
    await handed_over(world, case, "nurse", "second-nurse")
    await world.pool.execute(FORGOTTEN, case)
    records = Records(Vault.from_settings(world.kit.settings))
    async with world.pool.acquire() as conn:
        await records.keep_place(conn, CaseRef(case), UnitId("unit:helsestasjon"))
    assert code(await world.get("colleague", f"/cases/{case}/child")) == (403, "not-permitted")
    path = f"/cases/{case}/contributions"
    assert code(await world.get("second-nurse", path)) == (403, "coordinator-unplaced")
    await settled(world, times=2)
    assert (await world.see("colleague", f"/cases/{case}/child"))["records"]
    assert (await world.get("second-nurse", path)).status_code == 200
    assert code(await world.get("second-nurse", path, **MOVED)) == (403, "not-permitted")


async def test_a_baton_that_never_moved_stays_where_the_vault_has_it(world: World) -> None:
    """Where the case began is in no event: it is not taken from where the coordination went."""
    case = await protected_case(world)
    await appointed(world, case, "nurse")
    await handed_over(world, case, "nurse", "second-nurse")
    await settled(world)
    assert (await world.see("teacher", f"/cases/{case}/child"))["records"]
    moved = await world.get("teacher", f"/cases/{case}/child", lagspill_unit="unit:haugen-barnehage")
    assert code(moved) == (403, "not-permitted")
