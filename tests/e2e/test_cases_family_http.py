"""What the family reads over HTTP: by the child's age at that moment, whatever ran or did not, and never what is another's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.cases.domain.ending import of_age_at
from services.cases.domain.grantors import birthday
from shared.calendar import start_of_day
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(4)]


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people; the child is seventeen."""
    async with cases_world(migrated, issuer, clock) as made:
        made.child = People(31).child(age=17)
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def documents(world: World, case: str) -> dict[str, str]:
    """Put a document of health and one of language into the vault."""
    put: dict[str, str] = {}
    for category in ("health", "language"):
        headers = {
            "authorization": f"Bearer {world.token('teacher')}",
            "idempotency-key": f"document-{category}",
            "content-type": "application/octet-stream",
            "document-title": f"Om {category}",
        }
        path = f"/cases/{case}/documents?category={category}"
        answer = await world.http.post(path, content=b"%PDF-1.7\n%%EOF\n", headers=headers)
        assert answer.status_code == 201, answer.text
        put[category] = answer.json()["document"]
    return put


def kinds(dossier: dict[str, Any]) -> set[str]:
    return {one["category"] for one in dossier["records"]}


async def test_a_guardian_reads_no_health_of_who_decides_over_it_alone(world: World) -> None:
    case = await world.opened()
    put = await documents(world, case)
    form = await world.must(
        "teacher",
        f"/cases/{case}/transition-forms",
        {
            "form_type": "barnehage-to-school",
            "school_start": 2027,
            "fields": {
                "play-and-friends": "x",
                "language-and-speech": "To ord.",
                "health-to-know": "Bruker høreapparat.",
            },
        },
    )
    for who, health in (("guardian-a", False), ("child", True)):
        dossier = await world.see(who, f"/cases/{case}/child")
        assert ("health" in kinds(dossier), "health" in dossier["categories"]) == (health, health)
        assert "language" in kinds(dossier)
        listed = {one["category"] for one in (await world.see(who, f"/cases/{case}/documents"))["items"]}
        assert listed == {"language", *(["health"] if health else [])}
        assert (await world.get(who, f"/documents/{put['language']}")).status_code == 200
        assert (await world.get(who, f"/documents/{put['health']}")).status_code == (200 if health else 403)
    read = await world.see("guardian-a", f"/transition-forms/{form['form']}")
    assert set(read["fields"]) == {"play-and-friends", "language-and-speech"}
    looks = [one for one in await world.access("read") if one["basis"]["code"] == "parental-responsibility"]
    assert not [one for one in looks if "health" in one["categories"]]


async def test_at_eighteen_nobody_waits_for_a_job(world: World) -> None:
    """No deadline fires here; the birth date in the vault is enough, and without it nobody is let in."""
    case = await world.opened()
    consent = await world.requested(case)
    await world.see("guardian-a", f"/cases/{case}/child")
    day = of_age_at(world.child.born)
    world.clock.set(day - timedelta(seconds=1))
    await world.see("guardian-a", f"/cases/{case}")
    world.clock.set(day)
    for path in (f"/cases/{case}", f"/cases/{case}/child", f"/cases/{case}/copy", f"/consents/{consent}"):
        assert code(await world.get("guardian-a", path)) == (404, "not-found"), path
        assert (await world.access("deny"))[-1]["reason"] == "barred-by-age"
    assert code(await world.post("guardian-a", f"/consents/{consent}/grants")) == (404, "not-found")
    assert (await world.see("guardian-a", "/cases"))["items"] == []
    found = await world.post("guardian-a", "/search", {"national_number": world.child.national_number})
    assert (found.status_code, found.json()["items"]) == (200, [])
    contacts = (await world.see("notify", f"/cases/{case}/contacts"))["contacts"]
    assert [one["role"] for one in contacts] == ["child"]
    await world.see("child", f"/cases/{case}/child")
    assert [one for one in await world.types() if "adulthood" in one] == [], "nothing ran"


async def test_a_birth_date_that_is_not_there_opens_nothing(world: World) -> None:
    case = await world.opened()
    await world.pool.execute("DELETE FROM vault_records WHERE owner = $1 AND record = 'child'", case)
    for path in (f"/cases/{case}", f"/cases/{case}/child", f"/cases/{case}/consents"):
        assert code(await world.get("guardian-a", path)) == (404, "not-found"), path
    assert await world.access("read") == []


async def test_a_child_too_young_to_ask_alone_reads_nothing(world: World) -> None:
    world.child = People(7).child(age=11)
    case = await world.opened()
    day = start_of_day(birthday(world.child.born, 12))
    world.clock.set(day - timedelta(seconds=1))
    for path in (f"/cases/{case}", f"/cases/{case}/child", f"/cases/{case}/documents", f"/cases/{case}/consents"):
        assert code(await world.get("child", path)) == (404, "not-found"), path
        assert (await world.access("deny"))[-1]["reason"] == "barred-by-age"
    assert (await world.see("child", "/cases"))["items"] == []
    world.clock.set(day)
    assert "concern" in kinds(await world.see("child", f"/cases/{case}/child"))
    assert [one["case"] for one in (await world.see("child", "/cases"))["items"]] == [case]


async def test_a_guardian_is_not_told_what_the_other_answered(world: World) -> None:
    """Neither by what is shown, nor by a number that moves."""
    world.child = People(7).child(age=5)
    case = await world.opened()
    consent = await world.requested(case)
    paths = (f"/consents/{consent}", f"/cases/{case}", f"/cases/{case}/consents", f"/cases/{case}/overview?language=nb")

    async def told() -> list[tuple[str, Any]]:
        answers = [await world.get("guardian-a", path) for path in paths]
        return [(one.headers["etag"], one.json()) for one in answers]

    before = await told()
    await world.must("guardian-b", f"/consents/{consent}/refusals")
    assert await told() == before
    view = await world.see("teacher", f"/consents/{consent}")
    assert (view["status"], view["refused"]) == ("refused", {"guardian": 1}), "who asked is told"
    own = await world.see("guardian-b", f"/consents/{consent}")
    assert (own["status"], own["refused"]) == ("refused", {"guardian": 1})
    [tag, *_] = [etag for etag, _ in before]
    given = await world.post("guardian-a", f"/consents/{consent}/grants", if_match=tag)
    assert (given.status_code, given.json()["status"], given.json()["refused"]) == (201, "requested", {})
    assert given.headers["etag"] == (await world.get("guardian-a", f"/consents/{consent}")).headers["etag"] != tag
    stale = await world.post("guardian-a", f"/consents/{consent}/refusals", if_match=tag)
    assert code(stale) == (412, "version-stale")
    await world.must("guardian-b", f"/consents/{consent}/grants")
    assert (await world.see("guardian-a", f"/consents/{consent}"))["status"] == "active"


async def test_a_report_that_a_guardian_may_not_know_of_moves_no_number(world: World) -> None:
    world.child = People(7).child(age=5)
    case = await world.opened()
    paths = [
        f"/cases/{case}{more}"
        for more in ("", "/child", "/consents", "/concern-reports", "/team", "/overview?language=nb")
    ]
    before = [await world.get("guardian-a", path) for path in paths]
    holder = await world.version("teacher", case)
    report = {
        "ground": "maltreatment-or-neglect",
        "text": "Blåmerker.",
        "guardians_informed": False,
        "not_informed_because": "danger-to-child",
        "child": {"method": "conversation", "text": "Vil ikke hjem.", "trusted_person": True},
    }
    await world.must("teacher", f"/cases/{case}/concern-reports", report)
    assert await world.version("teacher", case) != holder
    for path, known in zip(paths, before, strict=True):
        now = await world.get("guardian-a", path)
        assert (now.status_code, now.headers["etag"], now.text) == (200, known.headers["etag"], known.text), path
    contact = {"service": "barnehage", "role": "teacher"}
    chosen = await world.post(
        "guardian-a", f"/cases/{case}/contact-person", contact, if_match=before[0].headers["etag"]
    )
    assert chosen.status_code == 201, chosen.text
    assert chosen.headers["etag"] == await world.version("guardian-a", case) != before[0].headers["etag"]


async def test_what_the_child_alone_decides_is_told_in_no_list(world: World) -> None:
    world.child = People(31).child(age=17)
    case = await world.opened()
    consent = await world.requested(case, services=("bup",), categories=("health",))
    assert (await world.see("child", f"/consents/{consent}"))["needed"] == {"child": 1}
    before = await world.version("guardian-a", case)
    await world.must("child", f"/consents/{consent}/grants")
    assert await world.version("guardian-a", case) == before
    view = await world.see("guardian-a", f"/cases/{case}")
    assert (view["consents"], (await world.see("guardian-a", f"/cases/{case}/consents"))["items"]) == ([], [])
    for path in (f"/consents/{consent}", f"/consents/{consent}/receipts"):
        assert code(await world.get("guardian-a", path)) == (404, "not-found"), path
    assert code(await world.post("guardian-a", f"/consents/{consent}/withdrawals")) == (404, "not-found")
    assert consent in (await world.get("child", f"/cases/{case}/consents")).text
