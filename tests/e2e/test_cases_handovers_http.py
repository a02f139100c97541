"""The baton goes to another service, and back: offered, accepted, and read no further than the consent (seed rules 4, 107)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(107)]

CONSENTED = ({"development", "identity", "language"}, {"development", "language"})
"""Which kinds of information are shown, and of which something is written down."""


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


async def read(world: World, who: str, case: str) -> tuple[set[str], set[str]]:
    """Return the categories somebody is shown of the child, and those of which there is something written down."""
    child = await world.see(who, f"/cases/{case}/child")
    return set(child["categories"]), {one["category"] for one in child["records"]}


@pytest.mark.rule(4, 106)
@pytest.mark.parametrize(
    ("service", "there", "back", "respond_by"),
    [
        ("barnevern", "to-child-welfare", "from-child-welfare", "2026-09-14T08:00:00Z"),
        ("bup", "to-specialist", "from-specialist", "2026-09-21T08:00:00Z"),
    ],
)
async def test_the_baton_goes_to_a_service_and_comes_back_with_what_was_consented_to(
    world: World, service: str, there: str, back: str, respond_by: str
) -> None:
    case = await world.opened()
    path = f"/cases/{case}/handovers"
    out = {"kind": there, "receiver": await world.receiver(service), "categories": ["language"]}
    assert code(await world.post("teacher", path, out)) == (409, "consent-missing")
    consent = await world.consented(case, services=(service, "barnehage"), purposes=("transition",))
    before = await world.types()
    wrong = await world.post("teacher", path, {**out, "kind": "unit"})
    assert (code(wrong), wrong.json()["kind"]) == ((422, "handover-kind"), there)
    beyond = {**out, "categories": ["health", "language"]}
    assert code(await world.post("teacher", path, beyond)) == (409, "consent-missing")
    assert await world.types() == before
    sent = await world.must("teacher", path, out)
    at = f"/handovers/{sent['handover']}"
    assert (sent["status"], sent["consent"], sent["respond_by"]) == ("sent", consent, respond_by)
    assert (await world.see(service, f"/cases/{case}"))["holder"]["service"] == "barnehage"
    taken = await world.must(service, f"{at}/acceptance")
    assert (taken["status"], taken["categories"]) == ("completed", ["language"])
    assert (await world.see(service, f"/cases/{case}"))["holder"] == out["receiver"]
    # Not of the health, which was written down too.
    assert await read(world, service, case) == CONSENTED
    last = (await world.access("read"))[-1]
    assert (last["actor"]["service"], last["basis"]["code"], last["consent"]) == (service, "consent", consent)
    assert code(await world.get("teacher", f"/cases/{case}/child")) == (404, "not-found")
    said = {"method": "conversation", "before": "handover", "text": "Vil tilbake til barnehagen."}
    await world.must(service, f"/cases/{case}/child-views", said)

    home = {"kind": back, "receiver": await world.receiver("teacher"), "categories": ["language"]}
    before = await world.types()
    wrong = await world.post(service, path, {**home, "kind": "unit"})
    assert (code(wrong), wrong.json()["kind"]) == ((422, "handover-kind"), back)
    more = await world.post(service, path, {**home, "categories": ["development", "language"]})
    assert (code(more), more.json()["categories"]) == ((409, "outside-holding"), ["development"])
    assert code(await world.post("teacher", path, home)) == (404, "not-found")
    assert await world.types() == before
    returned = await world.must(service, path, home)
    assert (returned["respond_by"], returned["consent"]) == (respond_by, consent)
    await world.must("teacher", f"/handovers/{returned['handover']}/acceptance")
    assert (await world.see("teacher", f"/cases/{case}"))["holder"] == home["receiver"]
    # At home again is read what home wrote itself, and not what was said where the baton was meanwhile.
    assert await read(world, "teacher", case) == (CONSENTED[0], CONSENTED[1] | {"child-view", "concern", "health"})
    child = await world.see("teacher", f"/cases/{case}/child")
    assert said["text"] not in {one["text"] for one in child["records"]}
    assert (await world.see(service, f"/cases/{case}"))["relations"] == ["service-in-scope"]
    sent_events = [one["data"] for one in await world.published("handover.sent.v1")]
    assert [(one["kind"], one["route"], one["basis"]["code"]) for one in sent_events] == [
        ("unit", there, "consent"),
        ("unit", back, "consent"),
    ]


async def approved(world: World, who: str, case: str, form_type: str, fields: Mapping[str, str]) -> str:
    """Write a form that all guardians approve; return it."""
    body = {"form_type": form_type, "school_start": 2027, "fields": fields}
    form = str((await world.must(who, f"/cases/{case}/transition-forms", body))["form"])
    for guardian in ("guardian-a", "guardian-b"):
        await world.must(guardian, f"/transition-forms/{form}/approvals", {"version": 1})
    return form


@pytest.mark.rule(4, 13, 14, 16, 18)
async def test_a_school_sends_its_own_form_on_although_the_baton_came_with_less(world: World) -> None:
    """A barnehage writes nothing of learning, and a school must: what it wrote itself came with nobody's baton."""
    case = await world.opened()
    to_school: dict[str, Any] = {"services": ("skole",), "purposes": ("transition",), "valid_to": "2028-07-31"}
    await world.consented(case, **to_school)
    kindergarten = {"play-and-friends": "Leker godt i små grupper.", "language-and-speech": "Setninger på to ord."}
    form = await approved(world, "teacher", case, "barnehage-to-school", kindergarten)
    to = {"receiver": await world.receiver("contact-teacher"), "outside_window": "moved"}
    version = await world.version("teacher", case)
    sent = await world.must("teacher", f"/transition-forms/{form}/sending", to, if_match=version)
    await world.must("contact-teacher", f"/handovers/{sent['handover']}/acceptance")

    world.clock.set(datetime(2027, 3, 1, 8, tzinfo=UTC))
    school = {"learning": "Leser enkle ord.", "what-has-helped": "Små grupper."}
    form = await approved(world, "contact-teacher", case, "school-to-school", school)
    sending, to = f"/transition-forms/{form}/sending", {"receiver": await world.receiver("other-teacher")}
    version, before = await world.version("contact-teacher", case), await world.types()
    missing = await world.post("contact-teacher", sending, to, if_match=version)
    assert code(missing) == (409, "consent-missing"), "not of learning, nor of measures"
    assert await world.types() == before
    said = {"method": "conversation", "before": "consent", "text": "Gleder seg."}
    await world.must("contact-teacher", f"/cases/{case}/child-views", said)
    more = {**to_school, "categories": ["learning", "measures"]}
    consent = (await world.must("contact-teacher", f"/cases/{case}/consents", more))["consent"]
    for guardian in ("guardian-a", "guardian-b"):
        await world.must(guardian, f"/consents/{consent}/grants")
    version = await world.version("contact-teacher", case)
    sent = await world.must("contact-teacher", sending, to, if_match=version)
    offered = (await world.published("handover.sent.v1"))[-1]["data"]
    assert (offered["kind"], offered["route"], offered["consent"]) == ("school-to-school", "school-to-school", consent)
    assert (await world.see("other-teacher", f"/transition-forms/{form}"))["fields"] == school
    taken = await world.must("other-teacher", f"/handovers/{sent['handover']}/acceptance")
    assert (taken["status"], taken["categories"]) == ("completed", ["learning", "measures"])
    assert (await world.see("other-teacher", f"/cases/{case}"))["holder"] == to["receiver"]
    # Of both consents, and not of the health, which was written down too.
    shown, _ = await read(world, "other-teacher", case)
    assert shown == {"development", "identity", "language", "learning", "measures"}
    assert code(await world.get("contact-teacher", f"/transition-forms/{form}")) == (404, "not-found")
