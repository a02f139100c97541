"""What a case has, and what rests with somebody, comes page by page: nothing twice, nothing left out, in one order."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any, Final

import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e import test_cases_documents_http as documents
from tests.e2e import test_cases_reports_http as reports
from tests.e2e import test_cases_team_http as team
from tests.e2e.cases_world import World, cases_world

MANY: Final = 5


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


async def walked(world: World, who: str, path: str) -> list[dict[str, Any]]:
    """Return what the pages of two show together, each as full as it can be."""
    shown: list[dict[str, Any]] = []
    page = await world.see(who, f"{path}?limit=2")
    while page["next"] is not None:
        assert len(page["items"]) == 2
        shown += page["items"]
        page = await world.see(who, f"{path}?limit=2&cursor={page['next']}")
    return [*shown, *page["items"]]


async def test_what_a_case_has_comes_page_by_page(world: World) -> None:
    case, other = await world.opened(), await world.opened()
    made: dict[str, list[str]] = {"contributions": [], "concern-reports": [], "documents": []}
    for nth in range(MANY):
        asked = await world.must("teacher", f"/cases/{case}/contributions", team.ANONYMOUS)
        made["contributions"].append(asked["contribution"])
        await world.must("teacher", f"/contributions/{asked['contribution']}/ending", {"reason": "withdrawn"})
        made["concern-reports"].append(await reports.reported(world, case))
        # Every other one is health, which the nurse's consent does not cover: it takes no place on the nurse's pages.
        category = "health" if nth % 2 else "development"
        put = await documents.put(world, "teacher", case, documents.PDF, f"doc-{nth}", category=category)
        made["documents"].append(put.json()["document"])
    await world.consented(case)
    for name, refs in made.items():
        path, field = f"/cases/{case}/{name}", name.removesuffix("s").removeprefix("concern-")
        whole = (await world.see("teacher", path))["items"]
        assert [one[field] for one in whole] == sorted(refs)
        assert await walked(world, "teacher", path) == whole
        cursor = (await world.see("teacher", f"{path}?limit=2"))["next"]
        for where, wrong in ((path, "nonsense"), (f"/cases/{other}/{name}", cursor)):
            refused = await world.get("teacher", f"{where}?cursor={wrong}")
            assert (refused.status_code, refused.json()["code"]) == (400, "cursor-invalid")
    theirs = await walked(world, "nurse", f"/cases/{case}/documents")
    assert [one["document"] for one in theirs] == sorted(made["documents"][::2])
    # What was not on the page was not shown, and the record says so.
    [one] = (await world.see("teacher", f"/cases/{case}/documents?limit=1"))["items"]
    assert (await world.access("read"))[-1]["categories"] == [one["category"]]
    path = f"/cases/{case}/guardians"
    whole = (await world.see("teacher", path))["items"]
    first = await world.see("teacher", f"{path}?limit=1")
    second = await world.see("teacher", f"{path}?limit=1&cursor={first['next']}")
    assert ([*first["items"], *second["items"]], second["next"]) == (whole, None)


async def test_absences_come_page_by_page_the_newest_first(world: World) -> None:
    leader, made = await world.receiver("styrer"), []
    for nth in range(MANY):
        who = "teacher" if nth % 2 else "colleague"
        body = {"reason": "away", "last_day": f"2026-11-1{nth}", "back_on": f"2026-12-1{nth}", "falls_to": leader}
        made.append((await world.must(who, "/absences", body))["absence"])
        world.clock.set(world.clock.now() + timedelta(minutes=1))
    assert [one["absence"] for one in await walked(world, "styrer", "/absences")] == made[::-1]
    assert [one["absence"] for one in await walked(world, "teacher", "/absences")] == made[1::2][::-1]


async def test_what_a_service_is_asked_for_goes_on_after_what_is_none_of_the_readers_business(world: World) -> None:
    """A page that would be empty, because everything on it is passed over, is no end."""
    case, path = await world.opened(), "/cases/{}/contributions"
    for _ in range(MANY):
        ended = (await world.must("teacher", path.format(case), team.ANONYMOUS))["contribution"]
        await world.must("teacher", f"/contributions/{ended}/ending", {"reason": "withdrawn"})
    other = await world.opened()
    runs = (await world.must("teacher", path.format(other), team.ANONYMOUS))["contribution"]
    # Were the index to lag, it would say of all that they run.
    earlier = "asked_at - make_interval(days => (contribution = $1)::int)"
    await world.pool.execute(f"UPDATE contributions SET running = true, asked_at = {earlier}", runs)
    assert [one["contribution"] for one in await walked(world, "ppt", "/contributions")] == [runs]
