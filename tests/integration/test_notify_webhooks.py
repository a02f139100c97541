"""Webhooks to real receivers that fail in every way: at least once, in order, nothing lost, nothing to whom it is not for."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from pydantic import AnyHttpUrl, SecretStr
from pydantic_core import from_json

from services.notify import feed, subscription_store
from services.notify.courier import Courier
from services.notify.settings import NotifySettings
from services.notify.sms import HttpSms, Sms, SmsUnavailableError
from services.notify.webhooks import LOOPBACK, Answer, Outcome, Targets, Webhooks
from shared.clock import SimulatedClock
from shared.contracts.cases import ConcernRegistered, ConsentExpired, ConsentRefused, ForWhom
from shared.contracts.codes import Area, GrantorClass
from shared.contracts.notify import NotificationQueued
from shared.refs import CaseRef, ConcernRef, ConsentRef, LogScope, MessageRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.signals import Probe
from tests.integration.certificates import certificate
from tests.integration.notify_world import MUNICIPALITY, Record, World, notify_world
from tests.integration.webhook_receiver import (
    ENDLESS,
    HALF,
    HUNG_UP,
    NOTHING,
    RESET,
    TRICKLE,
    Receiver,
    receiver,
    status,
)

pytestmark = pytest.mark.connected

HERE = frozenset({ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")})
PROTECTED = LogScope("prt_" + "b" * 26)


@dataclass(repr=False)
class Place:
    """The service, a receiver, and a subscription to it."""

    world: World
    receiver: Receiver
    subscription: str
    secret: str

    async def feed(self, count: int = 1, scope: LogScope = MUNICIPALITY) -> list[Record]:
        """Let so many events arrive, each of a case of its own."""
        return await self.world.feed(*(concern(self.world) for _ in range(count)), scope=scope)

    async def deliver(self) -> list[str]:
        """Deliver what is due; return the ids of all that has arrived so far."""
        await self.world.courier.deliver_due()
        return self.receiver.ids

    async def again(self) -> list[str]:
        """Deliver after every pause is over."""
        await self.world.let_time_pass()
        return await self.deliver()

    async def look(self) -> dict[str, Any]:
        """Return the subscription as its owner sees it."""
        found = await self.world.get("school-system", f"/subscriptions/{self.subscription}")
        assert found.status_code == 200, found.text
        view: dict[str, Any] = found.json()
        return view

    async def outcomes(self) -> list[str]:
        """Return what became of each attempt, oldest first."""
        page = (await self.world.get("school-system", f"/subscriptions/{self.subscription}/deliveries")).json()
        return [each["outcome"] for each in reversed(page["items"])]


def concern(world: World, case: CaseRef | None = None) -> ConcernRegistered:
    return ConcernRegistered(
        case=case or CaseRef(world.kit.ids.ref("cas")),
        concern=ConcernRef(world.kit.ids.ref("con")),
        area=Area.LEARNING,
        for_whom=ForWhom.CHILD,
        registered_by=world.party("teacher"),
        act_by=world.clock.now() + timedelta(days=14),
        guardians=2,
    )


def ids(records: list[Record]) -> list[str]:
    return [from_json(record.value)["id"] for record in records]


async def opened(world: World, target: str, who: str = "school-system", **asked: Any) -> tuple[str, str]:
    """Open a subscription; return its reference and its secret."""
    claims = asked.pop("claims", {})
    body = {"target": target, "contact": "drift@school.example", "after": 0, **asked}
    answer = await world.write(who, "POST", "/subscriptions", body, **claims)
    assert answer.status_code == 201, answer.text
    return answer.json()["subscription"], answer.json()["secret"]


SETTINGS: dict[str, Any] = {
    "subscribing_clients": frozenset({"school-system", "statistics"}),
    "webhook_networks": HERE,
    "webhook_timeout": 6.0,
}


@pytest_asyncio.fixture
async def place(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tmp_path: Path) -> AsyncIterator[Place]:
    """A receiver with a certificate that is trusted."""
    tls, trusted = certificate(tmp_path)
    async with (
        notify_world(migrated, issuer, clock, webhook_ca_file=trusted, **SETTINGS) as world,
        receiver(tls) as made,
    ):
        subscription, secret = await opened(world, made.url)
        yield Place(world, made, subscription, secret)


# --- delivered --------------------------------------------------------------------------------------------------------


async def test_every_event_arrives_once_in_order_as_the_bytes_that_were_published(place: Place) -> None:
    records = await place.feed(120)
    assert await place.deliver() == ids(records)
    assert [webhook.body for webhook in place.receiver.arrived.seen] == [record.value for record in records]
    assert await place.again() == ids(records), "nothing is left to deliver"
    first = place.receiver.arrived.seen[0]
    assert first.path == "/hook"
    assert first.headers["content-type"] == "application/cloudevents+json; charset=UTF-8"
    assert first.headers["webhook-id"] == first.id
    assert all(webhook.signed_with(place.secret) for webhook in place.receiver.arrived.seen)
    positions = [webhook.position for webhook in place.receiver.arrived.seen]
    assert positions == sorted(set(positions))
    view = await place.look()
    assert (view["position"], view["last_position"], view["status"]) == (positions[-1], positions[-1], "active")
    assert place.receiver.connections < 10, "connections are used again"


@pytest.mark.rule(48)
async def test_a_signal_is_with_its_subscribers_at_once_at_any_hour_and_is_of_nobody(place: Place) -> None:
    """On Christmas night, when no mail leaves: that there is a concern, of which area, and by when somebody acts; and no more."""
    place.world.clock.set(datetime(2026, 12, 25, 2, tzinfo=UTC))
    other, _ = await opened(place.world, place.receiver.url, types=[ConcernRegistered.TYPE])
    case = CaseRef(place.world.kit.ids.ref("cas"))
    records = await place.world.feed(concern(place.world, case))
    await place.world.courier.deliver_due()
    assert place.receiver.ids == ids(records) * 2, "both have it in the first round after it was stored"
    for webhook in place.receiver.arrived.seen:
        data = from_json(webhook.body)["data"]
        known = {
            "case",
            "concern",
            "area",
            "for_whom",
            "registered_by",
            "act_by",
            "guardians",
            "address_protected",
            "family",
        }
        assert data.keys() <= known, "references, codes, a time and counts, and marks that lead to nobody"
        assert data["registered_by"].keys() <= {"actor", "role", "service", "unit", "organisation"}
        assert (data["case"], data["area"]) == (case, "learning")
        assert b"Eksempelsen" not in webhook.body
    assert other != place.subscription


async def test_what_comes_twice_from_the_bus_is_delivered_once(place: Place) -> None:
    records = await place.feed(3)
    await place.world.intake(1).process(records)
    assert await place.deliver() == ids(records)


async def test_a_subscriber_gets_the_types_and_units_that_it_asked_for(place: Place) -> None:
    kind = ConsentRefused.TYPE
    types, _ = await opened(place.world, place.receiver.url, types=[kind])
    units, _ = await opened(place.world, place.receiver.url, units=["unit:tinnes-skole"])
    await place.world.write("school-system", "DELETE", f"/subscriptions/{place.subscription}", version='"v1"')
    refused = ConsentRefused(
        case=CaseRef(place.world.kit.ids.ref("cas")),
        consent=ConsentRef(place.world.kit.ids.ref("cst")),
        version=1,
        grantor=GrantorClass.GUARDIAN,
        ordinal=1,
    )
    school = concern(place.world).model_copy(update={"registered_by": place.world.party("rektor")})
    records = await place.world.feed(concern(place.world), refused, school)
    assert sorted(await place.deliver()) == sorted(ids(records[1:]))
    for each in (types, units):
        found = (await place.world.get("school-system", f"/subscriptions/{each}")).json()
        assert found["position"] == found["last_position"], "what is not for it is passed by"


async def test_another_municipalitys_events_are_not_delivered(place: Place) -> None:
    await place.feed(2, scope=LogScope("0301"))
    own = await place.feed(1)
    assert await place.deliver() == ids(own)


async def test_an_event_of_a_protected_case_goes_to_a_cleared_subscriber_only(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tmp_path: Path
) -> None:
    """The installation and the token must both say so, and the installation at the moment of delivery too."""
    tls, trusted = certificate(tmp_path)
    cleared = {"lagspill_roles": ["service-account", "protected-log-reader"]}
    knobs = {**SETTINGS, "cleared_clients": frozenset({"school-system"}), "webhook_ca_file": trusted}
    async with notify_world(migrated, issuer, clock, **knobs) as world, receiver(tls) as one, receiver(tls) as other:
        await opened(world, one.url, protected=True, claims=cleared)
        await opened(world, other.url)
        await opened(world, other.url, who="statistics")
        [record] = await world.feed(concern(world), scope=PROTECTED)
        await world.courier.deliver_due()
        assert (one.ids, other.ids) == (ids([record]), [])
        # A unit that such an event named all the same would open no way to it.
        assert await world.pool.fetchval("SELECT units FROM feed") == []

        revoked = Courier(**{**vars_of(world), "allowed": lambda _: world_allowed(world, protected=False)})
        await world.feed(concern(world), scope=PROTECTED)
        await revoked.deliver_due()
        assert len(one.ids) == 1


def world_allowed(world: World, **changed: bool) -> Any:
    from services.notify.app import allowed

    return allowed(world.kit.settings, "school-system").model_copy(update=changed)


def vars_of(world: World, **changed: Any) -> dict[str, Any]:
    """Return what another courier beside the world's is made with."""
    made, names = world.courier, ("journal", "clock", "ids", "teller", "vault", "webhooks", "allowed", "pace")
    found = {name: vars(made)[f"_{name}"] for name in names}
    return {"pool": world.pool, "clients": world.kit.settings.subscribing_clients, **found, **changed}


async def test_a_client_that_may_no_longer_subscribe_gets_nothing_more(place: Place) -> None:
    await place.feed(1)
    without = Courier(**vars_of(place.world, clients=frozenset({"statistics"})))
    assert await without.deliver_due() == 0
    assert len(await place.deliver()) == 1


async def test_the_subscriptions_of_a_client_that_was_taken_out_are_stopped_at_the_next_start_and_hold_nothing(
    place: Place,
) -> None:
    """Its owner is mailed once; back in, it asks to go on, and what it has missed for good is told."""
    world = place.world
    records = await place.feed(2)
    await place.deliver()
    place.receiver.answers = [status(500)]
    waiting = await place.feed(1)
    await world.pool.execute("UPDATE feed SET recorded_at = recorded_at - interval '300 days'")
    assert await feed.forget(world.pool, 30) == 2, "what it has not got is kept for it"
    await world.courier._round()
    assert (await place.look())["status"] == "active"
    for _ in range(2):
        await Courier(**vars_of(world, clients=frozenset({"statistics"})))._round()
    assert (await place.look())["status"] == "stopped"
    assert await world.pool.fetchval("SELECT count(*) FROM feed") == 0, "it holds nothing any more"
    stopped = [name for name in await world.types() if name.startswith("subscription")]
    assert stopped == ["subscription.opened", "subscription.barred"]
    [mail] = await world.deliver()
    assert (mail["To"], mail["Subject"]) == ("drift@school.example", "Systemet ditt får ikke lenger hendelser herfra")
    path = f"/subscriptions/{place.subscription}"
    refused = await world.write("school-system", "POST", f"{path}/resumption")
    assert (refused.status_code, refused.json()["code"]) == (409, "position-forgotten")
    first = refused.json()["first"]
    assert (await world.write("school-system", "POST", f"{path}/replays", {"after": first})).status_code == 201
    later = await place.feed(1)
    assert await place.deliver() == ids([*records, *waiting, *later]), "the one between was refused once, and forgotten"


# --- failing ----------------------------------------------------------------------------------------------------------

FAILURES = {
    "an error": (status(500), "refused"),
    "not allowed": (status(403), "refused"),
    "elsewhere": (status(302, "Location: https://localhost:1/"), "redirected"),
    "inside": (status(307, "Location: http://169.254.169.254/"), "redirected"),
    "nothing": (NOTHING, "timeout"),
    "a byte now and then": (TRICKLE, "timeout"),
    "hung up": (HUNG_UP, "malformed-answer"),
    "reset": (RESET, "malformed-answer"),
    "half a head": (HALF, "malformed-answer"),
    "no HTTP": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", "malformed-answer"),
    "a head without end": (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"y" * 200_000, "malformed-answer"),
}


@pytest.mark.parametrize("how", FAILURES)
async def test_after_a_failure_the_same_event_comes_again_and_none_before_it(place: Place, how: str) -> None:
    answer, outcome = FAILURES[how]
    place.receiver.answers = [answer, answer]
    first, second = ids(await place.feed(2))
    assert await place.deliver() == [first]
    assert await place.deliver() == [first], "not before its pause is over"
    view = await place.look()
    assert (view["attempts"], view["failing_since"] is not None, view["retry_at"] is not None) == (1, True, True)
    assert await place.again() == [first, first]
    assert await place.again() == [first, first, first, second]
    assert await place.outcomes() == [outcome, outcome, "delivered", "delivered"]
    assert (await place.look())["attempts"] == 0


async def test_of_an_answer_without_end_only_the_status_counts(place: Place) -> None:
    place.receiver.answers = [ENDLESS]
    records = await place.feed(2)
    assert await place.deliver() == ids(records)
    assert await place.outcomes() == ["delivered", "delivered"]


async def test_a_certificate_that_is_not_trusted_or_of_another_name_gets_nothing(place: Place, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    tls, _ = certificate(tmp_path / "other")
    foreign, trusted = certificate(tmp_path / "other", "school.example")
    async with receiver(tls) as unknown, receiver(foreign) as misnamed, receiver(None) as plain:
        webhooks = Webhooks(place.world.courier._webhooks._targets, seconds=2.0, ca_file=trusted)
        answers = [(await webhooks.post(each.url, b"{}", {})).outcome for each in (unknown, misnamed, plain)]
        assert answers == [Outcome.TLS_FAILED, Outcome.TLS_FAILED, Outcome.TIMEOUT]
        assert [unknown.ids, misnamed.ids, plain.ids] == [[], [], []]
        await webhooks.close()


@pytest.mark.parametrize("what", ["webhook", "sms"])
async def test_to_who_never_answers_in_tls_no_connection_stays_open(what: str) -> None:
    ended: Probe[str] = Probe()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(4096):
            pass
        ended("ended")
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        if what == "webhook":
            webhooks = Webhooks(Targets(LOOPBACK), seconds=0.3)
            assert (await webhooks.post(url, b"{}", {})).outcome is Outcome.TIMEOUT
        else:
            with pytest.raises(SmsUnavailableError):
                await HttpSms(sms_settings(url)).send(Sms(MessageRef("msg_" + "b" * 26), "+4740000000", "Hei"))
        await ended.take(1, within=5.0)


async def test_a_receiver_at_an_ipv6_address_is_named_as_http_writes_it() -> None:
    """RFC 9110 § 7.2 and RFC 3986 § 3.2.2: with brackets, or a receiver answers 400."""
    heads: Probe[bytes] = Probe()

    async def answering(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        writer.close()

    try:
        server = await asyncio.start_server(answering, "::1", 0)
    except OSError:
        pytest.skip("there is no IPv6 on this machine")
    async with server:
        port = server.sockets[0].getsockname()[1]
        webhooks = Webhooks(Targets(LOOPBACK, plain=True), seconds=5.0)
        assert (await webhooks.post(f"http://[::1]:{port}/x", b"{}", {})).outcome is Outcome.DELIVERED
        [head] = await heads.take(1)
        assert f"\r\nhost: [::1]:{port}\r\n".encode() in head.lower()
        await webhooks.close()


def sms_settings(url: str) -> NotifySettings:
    return NotifySettings(
        database_url=SecretStr("postgresql://nobody"),
        kafka_bootstrap_servers="127.0.0.1:9",
        oidc_issuer="http://issuer",
        pid_key=SecretStr("k" * 32),
        sms_url=AnyHttpUrl(url),
        sms_timeout=0.3,
    )


async def test_a_receiver_that_is_not_there_is_waited_for(place: Place) -> None:
    async with receiver(None) as gone:
        pass
    version = '"v1"'
    moved = await place.world.write(
        "school-system", "PATCH", f"/subscriptions/{place.subscription}", {"target": gone.url}, version=version
    )
    assert moved.status_code == 200, moved.text
    records = await place.feed(1)
    assert await place.deliver() == []
    assert await place.outcomes() == ["unreachable"]
    back = {"target": place.receiver.url}
    await place.world.write(
        "school-system", "PATCH", f"/subscriptions/{place.subscription}", back, version=moved.headers["etag"]
    )
    assert await place.again() == ids(records)


async def test_a_name_that_leads_inside_later_leads_nowhere(place: Place) -> None:
    """The address is looked at on connecting, however good it was when it was registered."""
    await place.feed(1)
    inside = Webhooks(place.world.courier._webhooks._targets.__class__(), seconds=2.0)
    await Courier(**vars_of(place.world, webhooks=inside)).deliver_due()
    await inside.close()
    assert await place.outcomes() == ["internal-address"]


async def test_nothing_inside_is_even_connected_to(place: Place) -> None:
    """Without TLS a connection is seen as soon as it is there, whatever comes of it."""
    inside = Webhooks(place.world.courier._webhooks._targets.__class__(), seconds=2.0)
    async with receiver(None) as made:
        assert (await inside.post(made.url, b"{}", {})).outcome is Outcome.INTERNAL
        # Another that may connect is seen, so the first would have been.
        _, writer = await asyncio.open_connection("127.0.0.1", made.port)
        await made.connected.until(lambda seen: len(seen) > 0)
        assert made.connections == 1
        writer.close()
    await inside.close()


async def test_pauses_grow_and_are_spread_and_what_the_receiver_asks_for_counts(place: Place) -> None:
    await place.feed(1)
    place.receiver.answers = [status(503)] * 4 + [status(429, "Retry-After: 600")]
    waits = []
    for chance in (0.0, 1.0, 0.0, 1.0, 0.0):
        await place.world.let_time_pass()
        await Courier(**vars_of(place.world, chance=lambda chance=chance: chance)).deliver_due()
        waits.append(
            await place.world.pool.fetchval(
                "SELECT round(extract(epoch FROM retry_at - clock_timestamp()))::int FROM subscriptions"
            )
        )
    assert [abs(waited - asked) <= 1 for waited, asked in zip(waits, (2.5, 10, 10, 40, 600), strict=True)] == [True] * 5


async def test_a_slow_receiver_holds_up_nobody_else(place: Place) -> None:
    async with receiver(place_tls(place)) as slow:
        await opened(place.world, slow.url)
        slow.answers = [NOTHING]
        records = await place.feed(60)
        delivering = asyncio.create_task(place.world.courier.deliver_due())
        await place.receiver.arrived.until(lambda seen: len(seen) == 60)
        assert not delivering.done()
        await delivering
        assert place.receiver.ids == ids(records)


def place_tls(place: Place) -> Any:
    import ssl

    trusted = place.world.kit.settings.webhook_ca_file
    assert trusted is not None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(trusted, trusted.with_suffix(".key"))
    return context


# --- changed while it is under way ------------------------------------------------------------------------------------


async def test_what_ends_between_being_taken_in_hand_and_served_interrupts_nothing(place: Place) -> None:
    """Its secret is destroyed with it: there is nothing to sign with, and nobody to deliver to."""
    await place.feed(1)
    serving = await place.world.courier._take()
    assert serving is not None
    await place.world.write("school-system", "DELETE", f"/subscriptions/{place.subscription}", version='"v1"')
    assert await serving == 0
    assert place.receiver.connections == 0


async def test_a_receiver_that_takes_over_is_tried_at_once_and_has_the_whole_time(place: Place) -> None:
    """The failures of the one before are none of its own: it would be stopped at its first, and wait out the other's pause."""
    records = await place.feed(1)
    place.receiver.answers = [status(500)]
    await place.deliver()
    await hours_pass(place, 71)
    async with receiver(place_tls(place)) as other:
        other.answers = [status(503), status(503)]
        path = f"/subscriptions/{place.subscription}"
        moved = await place.world.write("school-system", "PATCH", path, {"target": other.url}, version='"v1"')
        assert moved.status_code == 200, moved.text
        await place.deliver()
        assert other.ids == ids(records)
        await hours_pass(place, 2)
        await place.again()
        assert (await place.look())["status"] == "active"
        await place.again()
        assert other.ids == ids(records) * 3


async def hours_pass(place: Place, hours: int) -> None:
    """Let it have failed since so many hours more."""
    await place.world.pool.execute(
        "UPDATE subscriptions SET failing_since = failing_since - make_interval(hours => $1)", hours
    )


@pytest.mark.parametrize("change", ["ended", "filter", "secret", "replay", "contact"])
async def test_a_change_counts_although_a_delivery_hangs_meanwhile(place: Place, change: str) -> None:
    """What was under way may still arrive; what follows is as it was changed, and nothing is skipped or interrupted."""
    earlier = await place.feed(1)
    await place.deliver()
    records = await place.feed(2)
    place.receiver.answers = [NOTHING]
    delivering = asyncio.create_task(place.world.courier.deliver_due())
    await place.receiver.arrived.until(lambda seen: len(seen) == 2)
    path, secret = f"/subscriptions/{place.subscription}", place.secret
    left: list[str] = []
    match change:
        case "ended":
            answer = await place.world.write("school-system", "DELETE", path, version='"v1"')
        case "filter":
            wanted = {"types": [ConsentExpired.TYPE]}
            answer = await place.world.write("school-system", "PATCH", path, wanted, version='"v1"')
        case "secret":
            answer = await place.world.write("school-system", "POST", f"{path}/secrets")
            secret, left = answer.json()["secret"], ids(records)
        case "replay":
            answer = await place.world.write("school-system", "POST", f"{path}/replays", {"after": 0})
            left = ids([*earlier, *records])
        case _:
            answer = await place.world.write(
                "school-system", "PATCH", path, {"contact": "ny@school.example"}, version='"v1"'
            )
            left = ids(records)
    assert answer.status_code in {200, 201}, answer.text
    await delivering
    await place.again()
    begun = [*ids(earlier), ids(records)[0]]
    assert place.receiver.ids == [*begun, *left]
    assert all(webhook.signed_with(secret) for webhook in place.receiver.arrived.seen[len(begun) :])


# --- ending and stopping ----------------------------------------------------------------------------------------------


async def test_a_receiver_that_is_gone_ends_the_subscription(place: Place) -> None:
    place.receiver.answers = [status(410)]
    path, ids = f"/subscriptions/{place.subscription}", place.world.kit.ids
    await place.world.write("school-system", "PATCH", path, {"acknowledges": True}, version='"v1"')
    await place.world.feed(
        ConsentExpired(case=CaseRef(ids.ref("cas")), consent=ConsentRef(ids.ref("cst")), version=2),
        concern(place.world),
    )
    assert len(await place.deliver()) == 1
    assert len(await place.again()) == 1
    assert (await place.world.types("subscription"))[2:] == [
        "subscription.receipt-awaited",
        "subscription.ended",
        "subscription.receipt-released",
    ], "nothing more is awaited of it"
    found = await place.world.get("school-system", f"/subscriptions/{place.subscription}")
    assert (found.status_code, found.json()["code"]) == (404, "subscription-not-found")
    assert (
        await place.world.pool.fetchval(
            "SELECT count(*) FROM vault_records v JOIN data_keys k USING (owner) WHERE wrapped IS NOT NULL"
        )
        == 0
    )
    assert await place.world.pool.fetchval("SELECT count(*) FROM addresses") == 0


async def failing_for(place: Place, hours: float) -> None:
    await place.world.pool.execute(
        "UPDATE subscriptions SET failing_since = failing_since - make_interval(secs => $1)", hours * 3600
    )


async def test_after_three_days_of_failures_it_is_stopped_and_its_owner_is_mailed_what_happened(place: Place) -> None:
    place.receiver.answers = [status(500)] * 3
    records = await place.feed(2)
    await place.deliver()
    await failing_for(place, 71.9)
    await place.again()
    assert (await place.look())["status"] == "active"
    await failing_for(place, 0.2)
    await place.again()
    assert (await place.look())["status"] == "stopped"
    assert len(await place.again()) == 3, "nothing more is tried"
    [mail] = await place.world.deliver()
    assert (mail["To"], mail["Subject"]) == ("drift@school.example", "Abonnementet ditt på hendelser er stoppet")
    queued = [event for event in await place.world.published() if isinstance(event, NotificationQueued)]
    assert [(event.template, event.recipient_role) for event in queued] == [("subscription-stopped", "service-account")]
    assert [name for name in await place.world.types() if name.startswith("subscription")] == [
        "subscription.opened",
        "subscription.stopped",
    ]

    path = f"/subscriptions/{place.subscription}/resumption"
    assert (await place.world.write("school-system", "POST", path)).status_code == 201
    assert (await place.deliver())[3:] == ids(records), "nothing was skipped"
    running = await place.world.write("school-system", "POST", path)
    assert (running.status_code, running.json()["code"]) == (409, "subscription-not-stopped")


async def test_each_subscription_is_told_of_at_its_own_contact_and_an_older_one_at_its_owners(place: Place) -> None:
    """One client has three: of the first, opened before each had its own, the address is the client's."""
    world = place.world
    others = [
        (await opened(world, place.receiver.url, contact=f"{who}@school.example"))[0] for who in ("second", "third")
    ]
    await world.pool.execute("UPDATE subscriptions SET contact = NULL WHERE subscription = $1", place.subscription)
    await world.pool.execute(
        "INSERT INTO addresses (recipient, email) VALUES ($1, 'old@school.example')", world.actor("school-system")
    )
    paths = [f"/subscriptions/{each}" for each in (place.subscription, *others)]
    present = await world.get("school-system", paths[2])
    changed = await world.write(
        "school-system", "PATCH", paths[2], {"contact": "new@school.example"}, version=present.headers["etag"]
    )
    assert changed.status_code == 200

    place.receiver.answers = [status(500)] * 6
    await place.feed(1)
    await place.deliver()
    await failing_for(place, 73)
    await place.again()
    assert sorted(mail["To"] for mail in await world.deliver()) == [
        "new@school.example",
        "old@school.example",
        "second@school.example",
    ]

    for path in paths:
        version = (await world.get("school-system", path)).headers["etag"]
        assert (await world.write("school-system", "DELETE", path, version=version)).status_code == 200
    assert "@school.example" not in await world.dump(), "who is told of nothing any more is not kept"


async def test_one_success_ends_the_time_of_failing(place: Place) -> None:
    place.receiver.answers = [status(500)]
    await place.feed(1)
    await place.deliver()
    await failing_for(place, 71)
    await place.again()
    assert (await place.look())["failing_since"] is None


# --- again ------------------------------------------------------------------------------------------------------------


async def test_what_follows_a_position_is_sent_again(place: Place) -> None:
    records = await place.feed(4)
    await place.deliver()
    second = place.receiver.arrived.seen[1].position
    path = f"/subscriptions/{place.subscription}/replays"
    assert (await place.world.write("school-system", "POST", path, {"after": second})).status_code == 201
    assert await place.deliver() == ids([*records, *records[2:]])


async def test_what_is_forgotten_cannot_be_had_again_and_nothing_is_skipped_unseen(place: Place) -> None:
    await place.feed(3)
    await place.deliver()
    await place.world.pool.execute("UPDATE feed SET recorded_at = recorded_at - interval '31 days'")
    waiting = await place.feed(1)
    assert await feed.forget(place.world.pool, 30) == 3
    last = place.receiver.arrived.seen[-1].position
    path = f"/subscriptions/{place.subscription}/replays"
    refused = await place.world.write("school-system", "POST", path, {"after": last - 1})
    assert (refused.status_code, refused.json()["code"], refused.json()["first"]) == (409, "position-forgotten", last)
    assert (await place.world.write("school-system", "POST", path, {"after": last})).status_code == 201
    future = await place.world.write("school-system", "POST", path, {"after": last + 100})
    assert (future.status_code, future.json()["code"]) == (409, "position-forgotten")
    assert (await place.deliver())[-1:] == ids(waiting)


async def test_what_an_active_subscription_has_not_got_is_kept_however_old_it_is(place: Place) -> None:
    records = await place.feed(2)
    await place.world.pool.execute("UPDATE feed SET recorded_at = recorded_at - interval '300 days'")
    # The first is behind it already, as soon as it is delivered.
    assert await feed.forget(place.world.pool, 30) == 0
    assert await place.deliver() == ids(records)
    assert await feed.forget(place.world.pool, 30) == 2


async def test_a_stopped_subscription_whose_events_are_forgotten_says_so(place: Place) -> None:
    place.receiver.answers = [status(500)]
    await place.feed(2)
    await place.deliver()
    await failing_for(place, 100)
    place.receiver.answers = [status(500)]
    await place.again()
    await place.world.pool.execute("UPDATE feed SET recorded_at = recorded_at - interval '31 days'")
    assert await feed.forget(place.world.pool, 30) == 2
    refused = await place.world.write("school-system", "POST", f"/subscriptions/{place.subscription}/resumption")
    assert (refused.status_code, refused.json()["code"]) == (409, "position-forgotten")
    assert (await place.look())["status"] == "stopped"


# --- secrets ----------------------------------------------------------------------------------------------------------


async def test_while_a_secret_is_changed_both_sign(place: Place) -> None:
    path = f"/subscriptions/{place.subscription}/secrets"
    made = await place.world.write("school-system", "POST", path)
    new = made.json()["secret"]
    assert new not in {None, place.secret}
    await place.feed(1)
    await place.deliver()
    place.world.clock.set(place.world.clock.now() + timedelta(hours=25))
    await place.feed(1)
    await place.deliver()
    before, after = place.receiver.arrived.seen
    assert [before.signed_with(secret) for secret in (place.secret, new)] == [True, True]
    assert [after.signed_with(secret) for secret in (place.secret, new)] == [False, True]


async def test_no_secret_stands_in_the_database_or_on_the_bus(place: Place) -> None:
    made = await place.world.write("school-system", "POST", f"/subscriptions/{place.subscription}/secrets")
    seen = await place.world.dump()
    for secret in (place.secret, made.json()["secret"]):
        assert secret.removeprefix("whsec_") not in seen
    bus = b"".join(row["body"] for row in await place.world.pool.fetch("SELECT body FROM outbox"))
    assert b"localhost" not in bus, "where it is delivered to is nobody's business"
    assert b"drift@" not in bus


# --- a clock that is set back ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("column", ["retry_at", "taken_until"])
async def test_a_database_whose_clock_is_set_back_holds_up_no_subscription(place: Place, column: str) -> None:
    """What was written before lies as far ahead as the clock went back: no pause is as long. A pause that is one stays."""
    records = await place.feed(1)
    for minutes, moved in ((55, 0), (5 * 60, 1)):
        await place.world.pool.execute(
            f"UPDATE subscriptions SET taken = gen_random_uuid(), {column} = clock_timestamp() + make_interval(mins => $1)",
            minutes,
        )
        assert await place.deliver() == []
        assert await place.world.courier.after_set_back() == moved
    assert await place.deliver() == ids(records)


# --- dying ------------------------------------------------------------------------------------------------------------


class DiedError(BaseException):
    """The process ends here."""


def dying_at(module: Any, name: str, *, after: bool) -> Callable[[pytest.MonkeyPatch], None]:
    """Return what lets the process end before or after it calls this."""

    def patch(patched: pytest.MonkeyPatch) -> None:
        real = getattr(module, name)

        async def die(*args: Any, **named: Any) -> Any:
            if after:
                await real(*args, **named)
            raise DiedError

        patched.setattr(module, name, die)

    return patch


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        (subscription_store, "take"),
        (feed, "read_on"),
        (Webhooks, "post"),
        (subscription_store, "advance"),
        (subscription_store, "put_down"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
async def test_whoever_dies_at_any_step_loses_nothing_and_changes_no_order(
    place: Place, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, after: bool
) -> None:
    """The lease of the dead one must be over first. The receiver may see an event twice, never a later one before it."""
    records = await place.feed(3)
    with monkeypatch.context() as patched:
        dying_at(module, name, after=after)(patched)
        with pytest.raises((DiedError, BaseExceptionGroup)):
            await place.world.courier.deliver_due()
    survivor = Courier(**vars_of(place.world))
    await survivor.deliver_due()
    await place.world.pool.execute("UPDATE subscriptions SET taken_until = '-infinity'")
    await place.world.let_time_pass()
    await survivor.deliver_due()
    firsts = list(dict.fromkeys(place.receiver.ids))
    assert firsts == ids(records)
    view = await place.look()
    assert view["position"] == view["last_position"]


async def test_who_is_stopped_in_the_midst_of_a_page_leaves_the_rest_to_others(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = await place.feed(5)
    stopping, real = Courier(**vars_of(place.world)), Webhooks.post

    async def post_and_be_stopped(self: Webhooks, *args: Any) -> Answer:
        answer = await real(self, *args)
        await stopping._rounds.stop()
        return answer

    with monkeypatch.context() as patched:
        patched.setattr(Webhooks, "post", post_and_be_stopped)
        await stopping.deliver_due()
    assert place.receiver.ids == ids(records[:1])
    assert await place.deliver() == ids(records)


async def test_several_couriers_share_the_work_and_keep_the_order(place: Place) -> None:
    others = [await opened(place.world, place.receiver.url) for _ in range(5)]
    records = await place.feed(70)
    couriers = [Courier(**vars_of(place.world)) for _ in range(4)]
    await asyncio.gather(*(each.deliver_due() for each in couriers))
    assert len(place.receiver.ids) == 70 * 6
    for _, secret in [*others, (place.subscription, place.secret)]:
        got = [webhook.id for webhook in place.receiver.arrived.seen if webhook.signed_with(secret)]
        assert got == ids(records)


async def test_who_was_frozen_beyond_its_lease_moves_nothing(place: Place) -> None:
    """Another has delivered meanwhile; the frozen one's word counts no more."""
    first, second = await place.feed(2)
    async with place.world.pool.acquire() as conn:
        frozen = await subscription_store.take(conn, ["school-system"], lease=60)
        assert frozen is not None
        await conn.execute("UPDATE subscriptions SET taken_until = '-infinity'")
    assert await place.deliver() == ids([first, second])
    async with place.world.pool.acquire() as conn:
        page = await feed.read_on(conn, frozen.position, 10)
        late = Answer(Outcome.DELIVERED, 204)
        assert not await subscription_store.advance(conn, frozen, page[0].position, page[0].event_id, late, lease=60)
        assert (
            await subscription_store.fail(
                conn, frozen, page[0].position, page[0].event_id, Answer(Outcome.TIMEOUT), pause=5, hours=72
            )
            is None
        )
        await subscription_store.put_down(conn, frozen, 0)
    view = await place.look()
    assert (view["position"], view["attempts"]) == (view["last_position"], 0)


async def test_positions_are_given_in_the_order_of_the_commits(place: Place) -> None:
    """Whoever has read up to a position has seen every lower one: a second writer waits for the first."""
    put = "INSERT INTO feed (event_id, type, scope, units, body) VALUES (gen_random_uuid(), 't', '4005', '{}', '') RETURNING position"
    told: Probe[str] = Probe()

    async def second() -> int:
        async with place.world.pool.acquire() as conn:
            position = int(await conn.fetchval(put))
        told("second")
        return position

    async with place.world.pool.acquire() as conn, conn.transaction():
        one = await conn.fetchval(put)
        waiting = asyncio.create_task(second())
        watched = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'advisory' AND datname = current_database()"
        async with asyncio.timeout(30):
            while not await conn.fetchval(watched):
                pass
        assert told.seen == []
    assert await waiting > one
