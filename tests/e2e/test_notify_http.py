"""The notify service over HTTP, beside the real cases service: its events, its contacts, its people."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts.notify import ConsentReceiptRecorded, NotificationQueued
from shared.testing.issuer import LocalIssuer
from shared.testing.people import ordinary_numbers
from shared.testing.plugin import Migrated
from tests.e2e.notify_town import Town, notify_town

pytestmark = pytest.mark.connected


USUAL = {"sms_first": False, "digest": False, "quiet": {"begins": "21:00", "ends": "07:00"}}


@pytest_asyncio.fixture
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services, composed as they are in production, on databases of their own."""
    async with notify_town(migrated, issuer, clock) as made:
        yield made


@pytest.mark.rule(4, 78, 79, 101, 146)
@pytest.mark.story(2, 3, 4, 7, 8)
async def test_from_a_concern_to_a_granted_consent_everybody_is_told_once_and_nothing(town: Town) -> None:
    """Nothing of what the vault holds is in an event, a mail, an answer or a row of this service."""
    await town.write("teacher", "PUT", "/preferences", {"language": "nn", "email": "teacher@lia.example"})
    receipt = await town.cases.must("teacher", "/concerns", town.cases.concern())
    await town.move_to(datetime(2026, 9, 17, 8, tzinfo=UTC))
    assert await town.told("teacher") == ["concern-reminder"]
    assert len(await town.notify.deliver()) == 1
    await town.cases.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await town.bus()
    deadlines = (await town.get("teacher", "/deadlines")).json()["items"]
    assert [(item["kind"], item["status"]) for item in deadlines] == [("decide-case", "waiting")]

    consent = await town.cases.requested(receipt["case"])
    await town.bus()
    mails = await town.notify.deliver()
    assert {(mail["To"], mail["Content-Language"]) for mail in mails} == {
        ("teacher@lia.example", "nn"),
        (town.cases.guardian_a.email, "nb"),
        (town.cases.guardian_b.email, "en"),
    }
    assert await town.told("guardian-a") == ["consent-request"]
    disclosed = await town.cases.access("disclose")
    assert [(look["purpose"], look["actor"]["client"]) for look in disclosed] == [("notification", "notify")]

    await town.cases.must("guardian-a", f"/consents/{consent}/grants")
    await town.cases.must("guardian-b", f"/consents/{consent}/grants")
    await town.move_to(datetime(2026, 10, 1, 8, tzinfo=UTC))
    assert await town.told("guardian-b") == ["consent-request"]

    people = (town.cases.child, town.cases.guardian_a, town.cases.guardian_b)
    vault = {part for person in people for part in (*person.name.split(), person.national_number, person.email)}
    concern = town.cases.concern()
    vault |= {concern["text"], *concern["observations"].values()}
    seen = await town.notify.dump()
    answers = [(await town.get(who, "/messages")).text for who in ("teacher", "guardian-a", "guardian-b")]
    sent = [f"{mail['Subject']} {mail['From']} {mail['Message-ID']} {mail.get_content()}" for mail in mails]
    for place in (seen, *answers, *sent):
        assert not [word for word in vault if word in place]
        assert not ordinary_numbers(place)


@pytest.mark.rule(95, 107)
@pytest.mark.story(13)
async def test_a_handover_that_nobody_answers_reaches_a_leader_who_comes_later(town: Town) -> None:
    case = await town.cases.opened()
    await town.cases.must(
        "teacher",
        f"/cases/{case}/handovers",
        {
            "kind": "baton",
            "receiver": await town.cases.receiver("pedagogical-leader"),
            "categories": [],
            "respond_by": "2026-09-14T08:00:00Z",
        },
    )
    await town.bus()
    for day in (12, 14):
        await town.move_to(datetime(2026, 9, day, 8, tzinfo=UTC))
    assert await town.told("pedagogical-leader") == ["handover-request", "handover-reminder", "handover-overdue"]
    assert await town.told("styrer") == ["handover-escalated"], "who looks is known, and nobody need choose anything"
    await town.write("styrer", "PUT", "/preferences", {"language": "nb"})
    await town.write("styrer", "PUT", "/preferences", {"language": "en"}, key="key-2")
    assert await town.told("styrer") == ["handover-escalated"]
    seen = (await town.get("styrer", "/deadlines")).json()["items"]
    assert ("answer-handover", "escalated", False) in {(item["kind"], item["status"], item["mine"]) for item in seen}
    assert (await town.get("curious", "/deadlines")).json()["items"] == []


@pytest.mark.story(17)
async def test_a_withdrawal_is_acknowledged(town: Town) -> None:
    case = await town.cases.opened()
    consent = await town.cases.consented(case)
    await town.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    await town.bus()
    receipts = [event for event in await town.notify.published() if isinstance(event, ConsentReceiptRecorded)]
    assert [(event.consent, event.consent_version, event.messages_cancelled) for event in receipts] == [(consent, 2, 0)]
    # The guardians are told that something was taken back, and nobody else by mail.
    await town.notify.deliver()
    queued = [event for event in await town.notify.published() if isinstance(event, NotificationQueued)]
    assert {(event.template, event.recipient_role) for event in queued if event.channel == "email"} == {
        ("consent-withdrawn", "guardian")
    }


# --- the interface ----------------------------------------------------------------------------------------------------


async def test_preferences_are_ones_own_and_versioned(town: Town) -> None:
    assert (await town.get("teacher", "/preferences")).json()["code"] == "preferences-not-set"
    chosen = await town.write("teacher", "PUT", "/preferences", {"language": "nn", "email": "teacher@lia.example"})
    assert (chosen.status_code, chosen.headers["etag"]) == (200, '"v1"')
    assert chosen.json() == {"language": "nn", "channel": "email", "leads": None, **USUAL}
    again = await town.write("teacher", "PUT", "/preferences", {"language": "nn", "email": "teacher@lia.example"})
    assert again.headers["idempotency-replayed"] == "true"
    other = await town.write("teacher", "PUT", "/preferences", {"language": "en"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    own = (await town.get("teacher", "/preferences")).json()
    assert own == {**chosen.json(), "email": "teacher@lia.example", "phone": None}
    kept = await town.notify.pool.fetch("SELECT body FROM idempotency_keys UNION ALL SELECT body FROM outbox")
    assert not [row for row in kept if b"teacher@lia.example" in row["body"]]
    await town.write("teacher", "PUT", "/preferences", {"language": "nn"}, key="key-2")
    assert (await town.get("teacher", "/preferences")).json()["email"] is None


async def test_a_guardians_address_is_not_kept_here(town: Town) -> None:
    refused = await town.write("guardian-a", "PUT", "/preferences", {"language": "en", "email": "a@home.example"})
    assert (refused.status_code, refused.json()["code"]) == (403, "address-kept-elsewhere")
    chosen = await town.write("guardian-a", "PUT", "/preferences", {"language": "nn"}, key="key-2")
    assert chosen.json()["channel"] == "email"
    case = await town.cases.opened()
    await town.cases.requested(case)
    await town.bus()
    assert {(mail["To"], mail["Content-Language"]) for mail in await town.notify.deliver()} == {
        (town.cases.guardian_a.email, "nn"),
        (town.cases.guardian_b.email, "en"),
    }


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"language": "de"},
        {"language": "nb", "phone": "1"},
        {"language": "nb", "phone": "0047 1234"},
        {"language": "nb", "phone": "40000000", "sms_first": "yes"},
        {"language": "nb", "quiet": {"begins": "24:00", "ends": "07:00"}},
        {"language": "nb", "quiet": {"begins": "21:00"}},
        {"language": "nb", "email": "no address"},
        {"language": "nb", "email": "a@b\r\nBcc: c@d"},
        {"language": "nb", "email": "a@b.example\n"},
        {"language": "nb", "email": ["a@b.example"]},
        {"language": "nb", "email": f"{'a' * 65}@b.example"},
    ],
)
async def test_bad_preferences_change_nothing(town: Town, body: dict[str, Any]) -> None:
    refused = await town.write("teacher", "PUT", "/preferences", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "input-invalid")
    assert await town.notify.types() == []


async def test_messages_are_paged_read_and_nobody_elses(town: Town) -> None:
    for day in range(3):
        await town.cases.must("teacher", "/concerns", town.cases.concern())
        await town.bus()
        town.notify.clock.set(town.notify.clock.now() + timedelta(hours=day + 1))
    await town.move_to(datetime(2026, 9, 30, tzinfo=UTC))
    first = (await town.get("teacher", "/messages?limit=2")).json()
    rest = (await town.get("teacher", f"/messages?limit=2&cursor={first['next']}")).json()
    every = [item["message"] for item in (*first["items"], *rest["items"])]
    assert len(every) == len(set(every)) == 3
    assert rest["next"] is None

    message = every[0]
    read = await town.write("teacher", "POST", f"/messages/{message}/reading", {})
    assert (read.status_code, read.json()) == (200, {"message": message})
    await town.write("teacher", "POST", f"/messages/{message}/reading", {}, key="key-2")
    assert (await town.notify.types("read")) == ["notification.read"]
    shown = (await town.get("teacher", "/messages?limit=1")).json()["items"][0]
    assert shown["read_at"] == "2026-09-30T00:00:00Z"
    others = await town.write("colleague", "POST", f"/messages/{message}/reading", {})
    unknown = await town.write("teacher", "POST", f"/messages/msg_{'b' * 26}/reading", {}, key="key-3")
    assert {(answer.status_code, answer.json()["code"]) for answer in (others, unknown)} == {(404, "message-not-found")}
    assert (await town.get("colleague", "/messages")).json() == {"items": [], "next": None}
    due = (await town.get("teacher", "/deadlines?limit=1")).json()
    assert len(due["items"]) == 1
    assert len((await town.get("teacher", f"/deadlines?cursor={due['next']}")).json()["items"]) == 2


@pytest.mark.parametrize("path", ["/messages", "/preferences", "/deadlines", "/letters", "/history", "/unit-history"])
async def test_nothing_is_told_to_who_is_nobody(town: Town, path: str) -> None:
    assert (await town.notify.http.get(path)).status_code == 401
    machine = await town.get("meetings", path)
    assert (machine.status_code, machine.json()["code"]) == (403, "forbidden")


async def test_the_interface_is_described_with_examples(town: Town) -> None:
    document = (await town.notify.http.get("/openapi.json")).json()
    routes = {
        (method, path)
        for path, item in document["paths"].items()
        for method in item
        if not re.match(r"/(health|metrics|journal|openapi)", path)
    }
    assert routes == {
        ("get", "/messages"),
        ("post", "/messages/{message}/reading"),
        ("put", "/preferences"),
        ("get", "/preferences"),
        ("get", "/deadlines"),
        ("get", "/letters"),
        ("get", "/history"),
        ("get", "/unit-history"),
        ("post", "/letters/{message}/posting"),
        ("post", "/bounces"),
        ("post", "/subscriptions"),
        ("get", "/subscriptions"),
        ("get", "/subscriptions/{subscription}"),
        ("patch", "/subscriptions/{subscription}"),
        ("delete", "/subscriptions/{subscription}"),
        ("post", "/subscriptions/{subscription}/secrets"),
        ("post", "/subscriptions/{subscription}/replays"),
        ("post", "/subscriptions/{subscription}/resumption"),
        ("get", "/subscriptions/{subscription}/deliveries"),
        ("get", "/subscriptions/{subscription}/receipts"),
        ("post", "/subscriptions/{subscription}/receipts"),
    }
    for name in ("MessageView", "DeadlineView", "Preferences", "OwnPreferencesView"):
        assert any("examples" in field for field in document["components"]["schemas"][name]["properties"].values()), (
            name
        )
