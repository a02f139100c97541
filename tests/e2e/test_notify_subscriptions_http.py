"""`/subscriptions` over HTTP: whose they are, what is refused and by which code, what an answer holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from services.notify.webhooks import LOOPBACK
from shared.clock import SimulatedClock
from shared.contracts.cases import ConsentWithdrawn
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.notify_world import World, notify_world

pytestmark = pytest.mark.connected

WITHDRAWN = ConsentWithdrawn.TYPE
ASKED: dict[str, Any] = {"target": "https://127.0.0.1/hook", "contact": "drift@school.example"}
CLEARED: dict[str, Any] = {"lagspill_roles": ["service-account", "protected-log-reader"]}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, which lets three systems subscribe; only this machine is a network of its own."""
    async with notify_world(
        migrated,
        issuer,
        clock,
        subscribing_clients=frozenset({"school-system", "statistics", "other-system"}),
        everywhere_clients=frozenset({"statistics"}),
        cleared_clients=frozenset({"statistics"}),
        webhook_networks=LOOPBACK,
    ) as made:
        yield made


async def opened(world: World, who: str = "school-system", **asked: Any) -> str:
    """Open a subscription and return its path."""
    made = await world.write(who, "POST", "/subscriptions", {**ASKED, **asked})
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/subscriptions/{made.json()['subscription']}"
    return str(made.headers["location"])


async def test_a_subscription_from_its_opening_to_its_end(world: World) -> None:
    path = await opened(world, types=["no.lagspill.cases.handover.sent.v1"])
    found = await world.get("school-system", path)
    assert (found.status_code, found.headers["etag"]) == (200, '"v1"')
    view = found.json()
    assert (view["target"], view["municipalities"], view["status"]) == (ASKED["target"], ["4005"], "active")
    assert "secret" not in view
    assert "drift@" not in found.text

    change = {"types": [], "units": ["unit:lia-barnehage"]}
    changed = await world.write("school-system", "PATCH", path, change, version='"v1"')
    assert (changed.status_code, changed.headers["etag"]) == (200, '"v2"')
    view = (await world.get("school-system", path)).json()
    assert (view["types"], view["units"], view["target"]) == ([], ["unit:lia-barnehage"], ASKED["target"])

    ended = await world.write("school-system", "DELETE", path, version='"v2"')
    assert ended.status_code == 200
    gone = await world.get("school-system", path)
    assert (gone.status_code, gone.json()["code"]) == (404, "subscription-not-found")
    assert await world.pool.fetchval("SELECT count(*) FROM data_keys WHERE wrapped IS NOT NULL") == 0
    assert await world.pool.fetchval("SELECT count(*) FROM addresses") == 0


async def test_the_secret_is_in_no_answer_but_that_of_the_request_that_made_it(world: World) -> None:
    made = await world.write("school-system", "POST", "/subscriptions", ASKED, key="once")
    again = await world.write("school-system", "POST", "/subscriptions", ASKED, key="once")
    assert again.headers["idempotency-replayed"] == "true"
    assert again.json() == made.json(), "whoever did not get the answer asks again, and gets it"
    path = made.headers["location"]
    new = await world.write("school-system", "POST", f"{path}/secrets")
    assert (new.json()["number"], new.json()["secret"] != made.json()["secret"]) == (2, True)
    assert (await world.write("school-system", "POST", "/subscriptions", ASKED, key="once")).json() == made.json()
    await world.write("school-system", "POST", f"{path}/secrets")
    late = await world.write("school-system", "POST", "/subscriptions", ASKED, key="once")
    assert (late.status_code, late.json()["secret"]) == (201, None), "two secrets later it is none any more"
    stored = await world.pool.fetch("SELECT body FROM idempotency_keys")
    assert not [row for row in stored if b"whsec_" in row["body"]]


@pytest.mark.parametrize(
    ("who", "asked", "status", "code"),
    [
        ("teacher", {}, 403, "not-a-subscriber"),
        ("privacy-officer", {}, 403, "not-a-subscriber"),
        ("stranger-system", {}, 403, "not-a-subscriber"),
        ("school-system", {"municipalities": ["0301"]}, 403, "other-municipality"),
        ("school-system", {"municipalities": ["4005", "0301"]}, 403, "other-municipality"),
        ("school-system", {"protected": True}, 403, "not-cleared"),
        ("statistics", {"protected": True}, 403, "not-cleared"),
        ("school-system", {"types": ["no.lagspill.access.recorded.v1"]}, 422, "event-type-unknown"),
        ("school-system", {"acknowledges": True, "units": ["unit:lia-barnehage"]}, 422, "endings-not-wanted"),
        ("school-system", {"acknowledges": True, "types": [WITHDRAWN]}, 422, "endings-not-wanted"),
        ("school-system", {"target": "http://127.0.0.1/"}, 422, "target-not-https"),
        ("school-system", {"target": "https://a:b@127.0.0.1/"}, 422, "target-not-https"),
        ("school-system", {"target": "https://10.0.0.1/"}, 422, "target-internal"),
        ("school-system", {"target": "https://169.254.169.254/latest/"}, 422, "target-internal"),
        ("school-system", {"target": "https://no-such-host.invalid/"}, 422, "target-unknown"),
        ("school-system", {"after": 17}, 409, "position-forgotten"),
        ("school-system", {"contact": "nobody"}, 422, "input-invalid"),
        ("school-system", {"contact": "=?utf-8?q?drift?=@school.example"}, 422, "input-invalid"),
        ("school-system", {"units": ["Lia"]}, 422, "input-invalid"),
    ],
)
async def test_what_cannot_be_subscribed_to_is_refused_and_leaves_nothing(
    world: World, who: str, asked: dict[str, Any], status: int, code: str
) -> None:
    """Over HTTP, with a stable code; no row, no event, no key."""
    refused = await world.write(who, "POST", "/subscriptions", {**ASKED, **asked})
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    for table in ("subscriptions", "aggregates", "data_keys", "outbox", "idempotency_keys", "addresses"):
        assert await world.pool.fetchval(f"SELECT count(*) FROM {table}") == 0


async def test_with_both_the_clearance_and_the_installations_word_protected_logs_can_be_had(world: World) -> None:
    made = await world.write("statistics", "POST", "/subscriptions", {**ASKED, "protected": True}, **CLEARED)
    assert made.status_code == 201
    path = made.headers["location"]
    # Every change is judged anew, with the token of that moment.
    refused = await world.write("statistics", "PATCH", path, {"language": "en"}, version='"v1"')
    assert (refused.status_code, refused.json()["code"]) == (403, "not-cleared")
    without = await world.write("statistics", "PATCH", path, {"protected": False}, version='"v1"')
    assert without.status_code == 200


async def test_a_change_is_judged_as_the_opening_is(world: World) -> None:
    path = await opened(world)
    for change, code in (
        ({"target": "https://10.0.0.1/"}, "target-internal"),
        ({"municipalities": ["0301"]}, "other-municipality"),
        ({"types": ["no.lagspill.cases.no-such.thing.v1"]}, "event-type-unknown"),
        ({"protected": True}, "not-cleared"),
    ):
        refused = await world.write("school-system", "PATCH", path, change, version='"v1"')
        assert refused.json()["code"] == code
    stale = await world.write("school-system", "PATCH", path, {"language": "nn"}, version='"v7"')
    assert (stale.status_code, stale.json()["code"]) == (412, "version-stale")
    unnamed = await world.write("school-system", "PATCH", path, {"language": "nn"})
    assert (unnamed.status_code, unnamed.json()["code"]) == (428, "if-match-missing")
    assert (await world.get("school-system", path)).headers["etag"] == '"v1"'


async def test_nobody_sees_or_moves_anothers_subscription(world: World) -> None:
    path = await opened(world)
    for method, end, body in (
        ("GET", "", None),
        ("GET", "/deliveries", None),
        ("GET", "/receipts", None),
        ("POST", "/receipts", {"consent": "cst_" + "b" * 26, "consent_version": 1, "items_removed": 0}),
        ("PATCH", "", {"language": "en"}),
        ("DELETE", "", None),
        ("POST", "/secrets", None),
        ("POST", "/replays", {"after": 0}),
        ("POST", "/resumption", None),
    ):
        if method == "GET":
            refused = await world.get("other-system", f"{path}{end}")
        else:
            refused = await world.write("other-system", method, f"{path}{end}", body, version='"v1"')
        assert (refused.status_code, refused.json()["code"]) == (404, "subscription-not-found"), (method, end)
    assert (await world.get("other-system", "/subscriptions")).json()["items"] == []
    assert (await world.get("teacher", "/subscriptions")).json()["code"] == "not-a-subscriber"
    assert (await world.get("school-system", path)).headers["etag"] == '"v1"'


async def test_the_list_is_paged_and_ones_own(world: World) -> None:
    paths = [await opened(world) for _ in range(3)]
    await opened(world, "other-system")
    first = (await world.get("school-system", "/subscriptions?limit=2")).json()
    rest = (await world.get("school-system", f"/subscriptions?limit=2&cursor={first['next']}")).json()
    found = [f"/subscriptions/{each['subscription']}" for each in (*first["items"], *rest["items"])]
    assert (sorted(found), rest["next"]) == (sorted(paths), None)


async def test_a_client_that_may_have_every_municipality_gets_them_all(world: World) -> None:
    path = await opened(world, "statistics")
    assert (await world.get("statistics", path)).json()["municipalities"] == []
    narrowed = await opened(world, "statistics", municipalities=["0301"])
    assert (await world.get("statistics", narrowed)).json()["municipalities"] == ["0301"]


async def test_every_change_is_an_event_with_who_made_it_and_without_where_to(world: World) -> None:
    path = await opened(world)
    await world.write("school-system", "PATCH", path, {"target": "https://127.0.0.1/other"}, version='"v1"')
    await world.write("school-system", "POST", f"{path}/secrets")
    await world.write("school-system", "DELETE", path, version='"v3"')
    rows = [json.loads(row["body"]) for row in await world.pool.fetch("SELECT body FROM outbox ORDER BY id")]
    assert [row["type"].split(".")[-2] for row in rows] == ["opened", "changed", "secret-changed", "ended"]
    assert {(row["authtype"], row["authid"]) for row in rows} == {("service_account", world.actor("school-system"))}
    assert not [row for row in rows if "127.0.0.1" in json.dumps(row)]
