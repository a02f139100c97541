"""An employee has nothing to do at work with the case of their own child, or with their own (forvaltningsloven § 6)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from services.cases.app import SERVICE
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

LATER: Final = People(99).guardian().national_number
"""Whom nobody knows to be of the family at first."""

pytestmark = [pytest.mark.connected, pytest.mark.rule(4, 107)]


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


async def named(world: World, who: str, pid: str) -> dict[str, Any]:
    """Return how a handover names an employee who signs in with a national number."""
    actor = (await world.get(who, "/me", pid=pid)).json()["actor"]
    return {**await world.receiver(who), "actor": actor}


@pytest.mark.parametrize("kin", ["guardian", "former", "child"])
async def test_at_work_nobody_is_shown_their_own_childs_case_and_at_home_it_is_theirs(world: World, kin: str) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    pid = (world.child if kin == "child" else world.guardian_a).national_number
    if kin == "former":
        version = await world.version("teacher", case)
        last = {"ground": "court-decision", "last_day": "2026-09-06", "note": "Dom."}
        await world.must("teacher", f"/cases/{case}/guardians/1/ending", last, if_match=version)
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 200
    for path in ("", "/child", "/team", "/sharing?service=ppt&category=language&purpose=assessment"):
        assert code(await world.get("nurse", f"/cases/{case}{path}", pid=pid)) == (404, "not-found")
        assert (await world.access("deny"))[-1]["reason"] == "own-family"
    assert (await world.get("nurse", "/cases", pid=pid)).json()["items"] == []
    headers = {"authorization": f"Bearer {world.token('nurse', pid=pid)}"}
    found = await world.http.post("/search", json={"name": world.child.name}, headers=headers)
    assert found.json()["items"] == []
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == (404 if kin == "former" else 200)
    assert (await world.see("teacher", f"/consents/{consent}"))["status"] == "active"
    # What cannot wait for another they may open, as anybody may, and it is judged afterwards (forvaltningsloven § 7).
    emergency = {"reason": "danger-to-life", "text": "Kom inn bevisstløs.", "categories": ["health"], "hours": 2}
    opened = await world.post("nurse", f"/cases/{case}/break-glass", emergency, claims={"pid": pid})
    assert opened.status_code == 201, opened.text
    assert (await world.get("nurse", f"/cases/{case}/child", pid=pid)).json()["identity"] is not None


async def test_nobody_registers_a_concern_about_their_own_child_at_work_nor_is_given_its_case(world: World) -> None:
    pid = world.guardian_a.national_number
    before = await world.types()
    refused = await world.post("teacher", "/concerns", world.concern(), claims={"pid": pid})
    assert code(refused) == (409, "own-family")
    assert "colleague" in refused.json()["detail"]
    own = {"pid": world.child.national_number}
    assert code(await world.post("teacher", "/concerns", world.concern(), claims=own)) == (409, "own-family")
    assert await world.types() == before
    case = await world.opened()
    await world.consented(case, services=("ppt", "helsestasjon"), purposes=("assessment", "transition"))
    offer = {"kind": "baton", "receiver": await named(world, "colleague", pid)}
    assert code(await world.post("teacher", f"/cases/{case}/handovers", offer)) == (409, "own-family")
    group = {"kind": "ansvarsgruppe", "coordinator": await named(world, "nurse", pid)}
    assert code(await world.post("teacher", f"/cases/{case}/coordinator", group)) == (409, "own-family")


async def test_who_turns_out_to_be_of_the_family_is_relieved_by_the_leader(world: World) -> None:
    """A holder who is recorded as a guardian holds the case on, and may only hand it on; the leader does for them."""
    case = await world.opened()
    offer = {"kind": "baton", "receiver": await named(world, "colleague", LATER)}
    sent = await world.must("teacher", f"/cases/{case}/handovers", offer)
    holds = {"pid": LATER}
    accepted = await world.post("colleague", f"/handovers/{sent['handover']}/acceptance", claims=holds)
    assert accepted.status_code == 201, accepted.text
    version = (await world.get("colleague", f"/cases/{case}", **holds)).headers["etag"]
    new = {
        "name": "Regnbue Påfunnsen",
        "national_number": LATER,
        "ground": "court-decision",
        "since": "2026-09-07",
        "note": "Dom.",
    }
    recorded = await world.post("colleague", f"/cases/{case}/guardians", new, claims=holds, if_match=version)
    assert recorded.status_code == 201, recorded.text
    assert code(await world.get("colleague", f"/cases/{case}", **holds)) == (403, "not-permitted")
    taken = {"kind": "staff-leaves", "receiver": await world.receiver("teacher")}
    handover = (await world.must("styrer", f"/cases/{case}/handovers", taken))["handover"]
    await world.must("teacher", f"/handovers/{handover}/acceptance")
    assert (await world.see("teacher", f"/cases/{case}/child"))["identity"] is not None


async def test_what_falls_to_a_leader_of_the_family_is_handed_on_by_them_and_nothing_else(world: World) -> None:
    """In a small municipality the leader's own child goes to the leader's barnehage: the case is not left with nobody."""
    case, own = await world.opened(), {"pid": world.guardian_a.national_number}
    leads = await named(world, "styrer", world.guardian_a.national_number)
    await world.must("teacher", "/absences", {"reason": "left", "last_day": "2026-09-07", "falls_to": leads})
    await world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC))
    [listed] = (await world.get("styrer", "/cases", **own)).json()["items"]
    assert (listed["case"], listed["relations"]) == (case, ["holder"])
    for path in ("", "/child", "/consents", "/contributions", "/documents"):
        assert code(await world.get("styrer", f"/cases/{case}{path}", **own)) == (403, "not-permitted")
    assert (await world.access("deny"))[-1]["reason"] == "own-family"
    closing = {"outcome": "moved"}
    refused = await world.post("styrer", f"/cases/{case}/closure", closing, claims=own, if_match='"1"')
    assert refused.status_code in {403, 412}
    offer = {"kind": "baton", "receiver": await world.receiver("colleague")}
    sent = await world.post("styrer", f"/cases/{case}/handovers", offer, claims=own)
    assert sent.status_code == 201, sent.text
    back = await world.post("styrer", f"/handovers/{sent.json()['handover']}/withdrawal", claims=own)
    assert back.status_code == 201, back.text
    sent = await world.post("styrer", f"/cases/{case}/handovers", offer, claims=own)
    await world.must("colleague", f"/handovers/{sent.json()['handover']}/acceptance")
    assert (await world.see("colleague", f"/cases/{case}/child"))["records"]
    assert code(await world.get("styrer", f"/cases/{case}", **own)) == (404, "not-found")


async def test_who_was_recorded_as_a_guardian_by_mistake_is_not_of_the_family(world: World) -> None:
    """What ends because it was recorded wrongly never was: a colleague of the same name is not kept from the case for ever."""
    case = await world.opened()
    await world.consented(case)
    assert (await world.get("nurse", f"/cases/{case}/child", pid=LATER)).status_code == 200
    new = {
        "name": "Regnbue Påfunnsen",
        "national_number": LATER,
        "ground": "court-decision",
        "since": "2026-09-07",
        "note": "Dom.",
    }
    ending = {"ground": "registered-wrong", "last_day": "2026-09-07", "note": "Feil person."}
    for path, body, status in (("", new, 404), ("/3/ending", ending, 200)):
        version = await world.version("teacher", case)
        await world.must("teacher", f"/cases/{case}/guardians{path}", body, if_match=version)
        assert (await world.get("nurse", f"/cases/{case}/child", pid=LATER)).status_code == status
    said = [event["data"].get("family") for event in await world.published("guardianship-recorded.v1")]
    assert [len(family) for family in said] == [1, 0]


async def test_the_family_of_a_case_from_before_is_told_when_the_service_starts_and_once(world: World) -> None:
    """So is every case's when the key of names was changed: the marks of before are known by nobody any more."""
    case = await world.opened()
    [registered] = await world.published("concern.registered.v1")
    told = registered["data"]["family"]
    assert [(one["person"], one["ordinal"], len(one["marks"])) for one in told] == [
        ("child", 1, 1),
        ("guardian", 1, 1),
        ("guardian", 2, 1),
    ]
    await world.pool.execute("UPDATE kin SET told_under = NULL")
    for _ in range(2):
        await SERVICE.compose(world.kit)
        await world.move_to(world.clock.now())
    [anew] = await world.published("family-marked.v1")
    assert (anew["data"]["case"], anew["data"]["family"]) == (case, told)
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = 'family-marks'") == 0
