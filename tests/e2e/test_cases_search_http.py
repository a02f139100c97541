"""Search over HTTP: found by those who may see, recorded each time, silent alike about what is hidden and what is not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from services.cases.app import SERVICE
from services.cases.domain import search as domain
from shared.clock import SimulatedClock
from shared.keys import LocalKeys
from shared.refs import CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.vault import LookupKind, Vault
from tests.e2e.cases_world import VAULT_KEY, World, cases_world
from tests.e2e.counted import counted, world_on_a_counted_wire

pytestmark = pytest.mark.connected

CLEARED: Final = {"lagspill_roles": ["teacher", "protected-case-reader"]}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


async def search(world: World, who: str, body: dict[str, Any], **claims: Any) -> httpx.Response:
    """Search."""
    return await world.http.post(
        "/search", json=body, headers={"authorization": f"Bearer {world.token(who, **claims)}"}
    )


async def hits(world: World, who: str, body: dict[str, Any], **claims: Any) -> list[dict[str, Any]]:
    """Search, and return what was found."""
    response = await search(world, who, body, **claims)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["items"]
    return found


@pytest.mark.rule(106)
@pytest.mark.story(18)
async def test_who_has_a_part_finds_and_the_curious_does_not_and_both_are_recorded(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    given, family = world.child.given_name, world.child.family_name
    for body in (
        {"name": world.child.name},
        {"name": f"{family[:4].upper()} {given[:3].lower()}"},
        {"national_number": world.child.national_number},
    ):
        [hit] = await hits(world, "teacher", body)
        assert (hit["case"], hit["relations"], hit["identity"]["name"]) == (case, ["holder"], world.child.name)
        for who in ("curious", "colleague", "barnevern", "notify", "stranger"):
            assert await hits(world, who, body) == [], who
    [led] = await hits(world, "styrer", {"name": world.child.name})
    assert (led["case"], led["identity"]) == (case, None)
    [seen] = await hits(world, "nurse", {"name": world.child.name})
    assert seen["identity"]["name"] == world.child.name
    [own] = await hits(world, "guardian-a", {"national_number": world.child.national_number})
    assert own["relations"] == ["guardian"]
    assert await hits(world, "teacher", {"name": f"{given} Ukjentsen"}) == []
    assert await hits(world, "teacher", {"name": "王"}) == []
    assert await hits(world, "teacher", {"national_number": "15912156831"}) == []
    records = await world.access("search")
    curious = (await world.see("curious", "/me"))["actor"]
    of_the_curious = [one for one in records if one["actor"]["id"] == curious]
    assert [(one["subject_ref"], one["permitted"], one.get("case"), one.get("reason")) for one in of_the_curious] == [
        (curious, True, None, None),
        (case, False, case, "no-relation"),
    ] * 3
    nurse = (await world.see("nurse", "/me"))["actor"]
    [shown] = [one for one in records if one["actor"]["id"] == nurse and one.get("case")]
    assert (shown["categories"], shown["basis"]["code"], shown["consent_version"]) == (["identity"], "consent", 1)
    assert {one["subject_ref"] for one in records if not one.get("case")} >= {curious, nurse}


@pytest.mark.rule(106)
async def test_who_works_with_a_child_finds_it_by_a_name_that_many_have(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many are judged for one search: whichever others have the name, one's own are among them."""
    monkeypatch.setattr(domain, "MOST_CANDIDATES", 2)
    people, name = People(31), world.child.name
    for _ in range(4):
        child = {"name": name, "national_number": people.child(age=6).national_number}
        parent = people.guardian()
        guardians = [{"name": parent.name, "national_number": parent.national_number, "language": "nb"}]
        await world.must("contact-teacher", "/concerns", world.concern(child=child, guardians=guardians))
    mine = await world.opened()
    await world.consented(mine)
    for who in ("teacher", "nurse", "guardian-a", "styrer"):
        assert [one["case"] for one in await hits(world, who, {"name": name})] == [mine], who
    assert await hits(world, "curious", {"name": name}) == []
    assert len(await hits(world, "contact-teacher", {"name": name})) == 2


async def test_a_hidden_child_costs_what_no_child_costs(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted, not timed: the same round trips, hashes and openings for nobody, for another's case and a protected child."""
    async with world_on_a_counted_wire(migrated, issuer, clock) as (world, wire):
        await world.opened()
        hidden, nobody = People(31).child(age=6), People(77).child(age=6)
        child = {"name": hidden.name, "national_number": hidden.national_number}
        concern = world.concern(address_protected=True, child=child)
        receipt = await world.must("contact-teacher", "/concerns", concern)
        work: dict[str, list[tuple[int, int, int]]] = {"name": [], "national_number": []}
        people = (nobody, nobody, world.child, hidden, nobody)
        for claims in ({}, CLEARED):
            for kind, seen in work.items():
                for person in people:
                    before = wire.count
                    with counted(monkeypatch) as count:
                        assert await hits(world, "curious", {kind: getattr(person, kind)}, **claims) == []
                    seen.append((wire.count - before, count["hashes"], count["openings"]))
        for kind, seen in work.items():
            # The first of each kind may prepare its statements.
            assert len(set(seen[1 : len(people)] + seen[len(people) + 1 :])) == 1, (kind, seen)
            assert seen[1][1] > 0
            assert seen[1][2] == 0
        # With the clearance and a part in the case it is found; without the clearance not even by whoever holds it.
        assert await hits(world, "contact-teacher", {"name": hidden.name}) == []
        cleared = {"lagspill_roles": ["contact-teacher", "protected-case-reader"]}
        [found] = await hits(world, "contact-teacher", {"name": hidden.name}, **cleared)
        assert found["case"] == receipt["case"]
        assert (await world.see("contact-teacher", "/cases"))["items"][0]["case"] == receipt["case"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": "x", "national_number": "15912156831"},
        {"name": " "},
        {"national_number": "123"},
        {"name": "x", "municipality": "0301"},
    ],
)
async def test_bad_input_is_refused_and_leaves_no_record(world: World, body: dict[str, Any]) -> None:
    response = await search(world, "teacher", body)
    assert (response.status_code, response.json()["code"]) == (422, "input-invalid")
    assert await world.published() == []


async def test_the_lookup_key_is_changed_while_people_search(world: World) -> None:
    """With both keys known everything is found at every moment; made anew, nothing needs the old one."""
    case = CaseRef(await world.opened())
    old, new = b"l" * 32, b"m" * 32
    keys = LocalKeys.parse(VAULT_KEY)
    both, after = Vault(keys, new, old), Vault(keys, new)
    name, number = world.child.name[:5], world.child.national_number
    async with world.pool.acquire() as conn:
        assert await after.find_named(conn, name=name, limit=9) == []
        assert await both.find_named(conn, name=name, limit=9) == [case]
        assert await both.find(conn, kind=LookupKind.NATIONAL_NUMBER, value=number) == [case]
    assert SERVICE.reindex is not None
    again = SERVICE.reindex(world.kit.settings, both)
    assert await both.reindex_all(world.pool, again) == 1
    assert await both.reindex_all(world.pool, again) == 0
    async with world.pool.acquire() as conn:
        assert await after.find_named(conn, name=name, limit=9) == [case]
        assert await after.find(conn, kind=LookupKind.NATIONAL_NUMBER, value=number) == [case]
        assert await Vault(keys, old).find_named(conn, name=name, limit=9) == []
        rows = await conn.fetchval(
            "SELECT count(*) FROM lookups WHERE owner = $1 AND kind IN ('name-part', 'filler')", case
        )
        assert rows % 32 == 0
        async with conn.transaction():
            await both.shred(conn, owner=case)
        assert await conn.fetchval("SELECT count(*) FROM lookups WHERE owner = $1", case) == 0
