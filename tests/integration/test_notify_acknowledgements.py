"""What another system acknowledges when a consent ends: awaited in the event's transaction, taken once, an alarm when it does not come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import httpx
import pytest
import pytest_asyncio
from lagspill_client import Acknowledging, ClientCredentials, Connection, Event, Record, Subscriber, events
from pydantic_core import from_json

from services.notify import acknowledgement_store
from services.notify.counts import Counts
from services.notify.webhooks import LOOPBACK
from shared.clock import SimulatedClock
from shared.contracts.cases import ConsentExpired, ConsentRefused
from shared.contracts.codes import GrantorClass
from shared.observability import Metrics
from shared.refs import CaseRef, ConsentRef, LogScope
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.integration.client_world import subscriber_place
from tests.integration.notify_world import MUNICIPALITY, World, notify_world, over_http

pytestmark = pytest.mark.connected

PROTECTED = LogScope("prt_" + "b" * 26)
CLEARED: dict[str, Any] = {"lagspill_roles": ["service-account", "protected-log-reader"]}
HOUR = timedelta(hours=1)


@dataclass(repr=False)
class Place:
    """The service, and what subscribers do there."""

    world: World

    async def opened(self, who: str = "school-system", **asked: Any) -> str:
        """Open a subscription that acknowledges; return its path."""
        claims = asked.pop("claims", {})
        body = {"target": "https://127.0.0.1/", "contact": "drift@school.example", "acknowledges": True, **asked}
        made = await self.world.write(who, "POST", "/subscriptions", body, **claims)
        assert made.status_code == 201, made.text
        return str(made.headers["location"])

    def ended(self, version: int = 2, consent: str | None = None) -> ConsentExpired:
        """A consent of a case of its own has ended."""
        ids = self.world.kit.ids
        return ConsentExpired(
            case=CaseRef(ids.ref("cas")), consent=ConsentRef(consent or ids.ref("cst")), version=version
        )

    async def receipt(
        self, path: str, ended: ConsentExpired, items: int = 0, who: str = "school-system"
    ) -> httpx.Response:
        """Acknowledge."""
        body = {"consent": ended.consent, "consent_version": ended.version, "items_removed": items}
        return await self.world.write(who, "POST", f"{path}/receipts", body)

    async def standings(self, path: str, who: str = "school-system") -> dict[tuple[str, int], str]:
        """Return how it stands with each receipt."""
        page = (await self.world.get(who, f"{path}/receipts")).json()
        return {(each["consent"], each["consent_version"]): each["standing"] for each in page["items"]}

    async def said(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Return what was published of receipts: in which log, what, with the whole record."""
        rows = await self.world.pool.fetch("SELECT scope, body FROM outbox ORDER BY id")
        found = [(row["scope"], from_json(row["body"])) for row in rows]
        return [(scope, each["type"].split(".")[-2], each) for scope, each in found if ".receipt-" in each["type"]]

    async def after(self, wait: timedelta) -> None:
        """Let time pass, and what is due happen."""
        await self.world.move_to(self.world.clock.now() + wait)

    async def gauges(self) -> dict[str, float | None]:
        """Return what operators see."""
        metrics = Metrics()
        await Counts(self.world.pool, metrics, clients=self.world.kit.settings.subscribing_clients).count()
        name = "lagspill_subscription_receipts"
        return {each: metrics.registry.get_sample_value(name, {"state": each}) for each in ("awaited", "missing")}


@pytest_asyncio.fixture
async def place(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Place]:
    """The service, which lets two systems subscribe."""
    async with notify_world(
        migrated,
        issuer,
        clock,
        subscribing_clients=frozenset({"school-system", "statistics"}),
        everywhere_clients=frozenset({"statistics"}),
        cleared_clients=frozenset({"statistics"}),
        webhook_networks=LOOPBACK,
    ) as world:
        yield Place(world)


async def test_a_receipt_is_awaited_once_of_who_acknowledges_and_settled_by_one_that_comes_in_time(
    place: Place,
) -> None:
    path = await place.opened()
    assert (await place.world.get("school-system", path)).json()["acknowledges"] is True
    silent = await place.opened(acknowledges=False)
    elsewhere = await place.opened(types=[ConsentRefused.TYPE], acknowledges=False)
    ended = place.ended()
    refused = ConsentRefused(
        case=ended.case, consent=ended.consent, version=1, grantor=GrantorClass.GUARDIAN, ordinal=1
    )
    records = await place.world.feed(refused, ended)
    await place.world.intake(1).process(records)
    await place.world.feed(ended)  # the same end in another event
    [(scope, what, record)] = await place.said()
    assert (scope, what, record["causationid"]) == ("4005", "receipt-awaited", from_json(records[1].value)["id"])
    assert record["data"]["case"] == ended.case, "so that it is found with the case"
    assert await place.standings(path) == {(ended.consent, 2): "awaited"}
    assert await place.standings(silent) == await place.standings(elsewhere) == {}

    taken = await place.receipt(path, ended, 3)
    assert (taken.status_code, taken.json()["items_removed"]) == (201, 3)
    assert (await place.receipt(path, ended, 3)).status_code == 201, "the same again"
    for wrong, status, code in (
        (place.receipt(path, ended, 4), 409, "receipt-differs"),
        (place.receipt(path, ended.model_copy(update={"version": 3}), 3), 404, "receipt-not-awaited"),
        (place.receipt(path, place.ended()), 404, "receipt-not-awaited"),
        (place.receipt(silent, ended), 404, "receipt-not-awaited"),
        (place.receipt(path, ended, 3, "statistics"), 404, "subscription-not-found"),
        (place.receipt(path, ended, -1), 422, "input-invalid"),
        (place.receipt(path, ended, 3, "teacher"), 403, "not-a-subscriber"),
    ):
        refusal = await wrong
        assert (refusal.status_code, refusal.json()["code"]) == (status, code)
    await place.after(2 * HOUR)
    [_, (scope, what, record)] = await place.said()
    assert (scope, what, record["authid"]) == ("4005", "receipt-recorded", place.world.actor("school-system"))
    assert await place.standings(path) == {(ended.consent, 2): "received"}
    assert await place.world.deliver() == []


async def test_what_is_missing_is_an_alarm_and_one_mail_a_day_until_it_comes(place: Place) -> None:
    path = await place.opened(language="en")
    first, second = place.ended(), place.ended()
    later = place.ended(5, first.consent)
    await place.world.feed(first, second)
    assert await place.gauges() == {"awaited": 2, "missing": None}
    await place.after(HOUR - timedelta(seconds=1))
    assert await place.world.deliver() == []
    await place.after(timedelta(seconds=1))
    assert sorted((await place.standings(path)).values()) == ["missing", "missing"]
    assert [what for _, what, _ in await place.said()] == ["receipt-awaited"] * 2 + ["receipt-missing"] * 2
    assert await place.gauges() == {"awaited": None, "missing": 2}
    [mail] = await place.world.deliver()
    assert (mail["To"], mail["Subject"]) == (
        "drift@school.example",
        "Your system has not confirmed that it follows a consent",
    )
    assert "cst_" not in mail.as_string()

    await place.world.feed(later)
    assert (await place.receipt(path, later)).status_code == 201
    assert await place.standings(path) == {
        (first.consent, 2): "received",
        (second.consent, 2): "missing",
        (later.consent, 5): "received",
    }
    page = (await place.world.get("school-system", f"{path}/receipts?limit=2")).json()
    rest = (await place.world.get("school-system", f"{path}/receipts?limit=2&cursor={page['next']}")).json()
    assert [each["items_removed"] for each in (*page["items"], *rest["items"])] == [0, None, None]
    assert (await place.receipt(path, second, 1)).status_code == 201, "late is better than never"
    assert await place.gauges() == {"awaited": None, "missing": None}
    await place.after(30 * HOUR)
    assert len(await place.world.deliver()) == 1


async def test_of_a_protected_case_all_of_it_is_in_its_own_log_and_nothing_leads_from_there_to_a_municipality(
    place: Place,
) -> None:
    cleared = await place.opened("statistics", protected=True, claims=CLEARED)
    other = await place.opened()
    ended = place.ended()
    await place.world.feed(ended, scope=PROTECTED)
    assert await place.standings(other) == {}
    await place.after(HOUR)
    assert len(await place.world.deliver()) == 1
    assert (await place.receipt(cleared, ended, 0, "statistics")).status_code == 201
    await place.world.feed(place.ended(), scope=PROTECTED)
    version = (await place.world.get("statistics", cleared)).headers["etag"]
    assert (await place.world.write("statistics", "DELETE", cleared, version=version)).status_code == 200
    said = await place.said()
    assert {scope for scope, _, _ in said} == {PROTECTED}
    assert [what for _, what, _ in said] == [
        *("receipt-awaited", "receipt-missing", "receipt-recorded"),
        *("receipt-awaited", "receipt-released"),
    ]
    rows = await place.world.pool.fetch("SELECT body FROM outbox WHERE scope = $1", MUNICIPALITY)
    open_ = [from_json(row["body"]) for row in rows]
    assert "queued" in {each["type"].split(".")[-2] for each in open_}
    assert not {each["correlationid"] for each in open_} & {each["correlationid"] for _, _, each in said}
    assert ended.consent not in str(open_)


async def test_a_receipt_that_was_settled_is_kept_as_long_as_its_event_can_be_sent_again_and_one_that_is_missing_longer(
    place: Place,
) -> None:
    """A consent is forgotten whole: of one whose later version is awaited, the earlier ones stay."""
    path = await place.opened()
    settled, missing, again = place.ended(), place.ended(), place.ended()
    await place.world.feed(settled, missing, again)
    for each in (settled, again):
        assert (await place.receipt(path, each, 1)).status_code == 201
    await place.after(timedelta(days=20))
    later = again.model_copy(update={"version": 3})
    await place.world.feed(later)
    forget = partial(acknowledgement_store.forget, place.world.pool, 30)
    assert await forget(place.world.clock.now() + timedelta(days=9)) == 0
    assert await forget(place.world.clock.now() + timedelta(days=11)) == 1
    assert await place.standings(path) == {
        (missing.consent, 2): "missing",
        (again.consent, 2): "received",
        (again.consent, 3): "awaited",
    }
    late = await place.receipt(path, settled, 1)
    assert (late.status_code, late.json()["code"]) == (404, "receipt-not-awaited"), "which a client need not repeat"
    assert (await place.receipt(path, missing)).status_code == 201, "however late"


async def test_nothing_is_awaited_of_who_ends_the_subscription_or_acknowledges_no_longer(place: Place) -> None:
    path, other = await place.opened(), await place.opened()
    await place.world.feed(place.ended())
    patched = await place.world.write("school-system", "PATCH", path, {"acknowledges": False}, version='"v1"')
    assert patched.status_code == 200
    assert list((await place.standings(path)).values()) == ["released"]
    assert (await place.world.write("school-system", "DELETE", other, version='"v1"')).status_code == 200
    await place.world.feed(place.ended())
    await place.after(9 * HOUR)
    reasons = [each["data"].get("reason") for _, what, each in await place.said() if what != "receipt-awaited"]
    assert reasons == ["not-acknowledging", "ended"]
    assert await place.world.deliver() == []
    assert await place.gauges() == {"awaited": None, "missing": None}


async def test_the_python_package_sends_what_the_service_takes_and_bears_what_it_refuses(
    place: Place, database: str
) -> None:
    """A real subscriber: of an end from before it acknowledged there is nothing to be sent again."""
    path = await place.opened(acknowledges=False)
    before, ended = place.ended(), place.ended()
    records = await place.world.feed(before)
    await place.world.write("school-system", "PATCH", path, {"acknowledges": True}, version='"v1"')
    records += await place.world.feed(ended)
    async with over_http(place.world, "school-system") as home:
        to = Acknowledging(f"{home}{path}", ClientCredentials(f"{home}/token", "school-system", "x"))
        subscriber = Subscriber("school", acknowledging=to)

        @subscriber.on(events.ConsentExpired)
        async def stop_sharing(tx: Connection, event: Event[events.ConsentExpired]) -> int:
            return 4

        async with subscriber_place(database, subscriber):
            await subscriber.take([Record(each.value, each.key) for each in records])
            assert await subscriber.send_receipts() == 2
            assert await subscriber.send_receipts() == 0
    [receipt] = (await place.world.get("school-system", f"{path}/receipts")).json()["items"]
    assert (receipt["consent"], receipt["standing"], receipt["items_removed"]) == (ended.consent, "received", 4)


async def test_whatever_happens_at_the_same_time_what_came_is_not_missing_and_what_is_delivered_is_awaited(
    place: Place,
) -> None:
    path = await place.opened()
    for _ in range(4):
        ended = place.ended()
        await place.world.feed(ended)
        await asyncio.gather(place.after(HOUR), *(place.receipt(path, ended, 1) for _ in range(3)))
        assert (await place.standings(path))[ended.consent, 2] == "received"
        opened, _ = await asyncio.gather(place.opened(), place.world.feed(place.ended()))
        view = (await place.world.get("school-system", opened)).json()
        assert len(await place.standings(opened)) == view["last_position"] - view["position"]
    recorded = [each["data"]["consent"] for _, what, each in await place.said() if what == "receipt-recorded"]
    assert len(recorded) == len(set(recorded)) == 4
