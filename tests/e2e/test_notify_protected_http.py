"""Of an address-protected case no event says whose leader to tell: whoever has the municipality's duty is told, and may act on it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient

from deploy.topics import create_missing, declared
from shared.clock import SimulatedClock
from shared.contracts.cases import TOPIC
from shared.inbox import subscribe
from shared.kafka import create_broker
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Watch
from tests.e2e.cases_world import OVERRIDE
from tests.e2e.notify_town import Town, notify_town
from tests.integration.inbox_world import producing

pytestmark = [pytest.mark.connected, pytest.mark.rule(95)]

NOTODDEN: Final = Path(__file__).parents[2] / "deploy" / "municipalities" / "notodden.yaml"
OFFICER: Final = {"lagspill_roles": ["privacy-officer", "protected-case-reader"]}
CLEARED_LEADER: Final = {"lagspill_roles": ["leader", "protected-case-reader"]}
STAFF: Final = ("teacher", "colleague", "styrer", "nurse-leader", "ppt-leader", "rektor")


@pytest_asyncio.fixture
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services, with everybody known who could be told."""
    async with notify_town(migrated, issuer, clock) as made:
        await known(made)
        yield made


async def known(town: Town) -> None:
    for who in STAFF:
        await town.prefer(who)
    await town.prefer("privacy-officer", **OFFICER)


async def opened(town: Town) -> str:
    """Register and lift a concern about a child whose address is protected; return the case."""
    receipt = await town.cases.must("teacher", "/concerns", town.cases.concern(address_protected=True))
    await town.cases.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    return str(receipt["case"])


async def overridden(town: Town) -> tuple[str, str]:
    """Return a case with something shared by law, and which."""
    case = await opened(town)
    made = await town.cases.must("teacher", f"/cases/{case}/overrides", OVERRIDE)
    return case, str(made["override"])


async def pass_on(town: Town, moment: datetime | None = None) -> None:
    """Let time pass until `moment`, if there is one, and everything be told."""
    if moment is not None:
        await town.move_to(moment)
    await town.bus()
    await town.notify.deliver()


async def nothing_locates_it(town: Town) -> None:
    """Nothing of the case's log, by either service, names a unit, an organisation or the municipality."""
    rows = await town.notify.pool.fetch("SELECT body FROM outbox ORDER BY id")
    published = [*await town.cases.published(), *(json.loads(row["body"]) for row in rows)]
    ours = [event for event in published if event["municipality"].startswith("prt_")]
    assert {event["source"] for event in ours} == {"/services/cases", "/services/notify"}
    for event in ours:
        text = json.dumps(event)
        assert "unit:" not in text, text
        assert '"4005"' not in text, text
        assert "31000" not in text, text
    # What is in the municipality's log says nothing of the case, by any of its names.
    names = {event["subject"] for event in ours} | {event["municipality"] for event in ours}
    names -= {event["data"]["actor"]["id"] for event in ours if event["type"].endswith("access.recorded.v1")}
    theirs = json.dumps([event for event in published if not event["municipality"].startswith("prt_")])
    assert not [name for name in names if name in theirs]


async def test_the_review_of_an_override_is_asked_for_late_and_done(town: Town) -> None:
    case, override = await overridden(town)
    await pass_on(town)
    assert await town.told("privacy-officer") == ["protected-override-review"]
    [message] = (await town.get("privacy-officer", "/messages")).json()["items"]
    assert message["case"] == case
    await pass_on(town, datetime(2026, 9, 14, 10, tzinfo=UTC))
    assert await town.told("privacy-officer") == ["protected-override-review", "protected-override-overdue"]
    # Nobody else heard of it; and what is told can be done, with the clearance and by nobody without.
    assert all([await town.told(who) == [] for who in ("styrer", "nurse-leader", "ppt-leader", "rektor")])
    for who, claims in (("styrer", {}), ("privacy-officer", {}), ("styrer", CLEARED_LEADER)):
        refused = await town.cases.post(who, f"/overrides/{override}/review", {"justified": True}, claims=claims)
        assert refused.status_code == 404, refused.text
    read = await town.cases.get("privacy-officer", f"/overrides/{override}", **OFFICER)
    assert read.json()["text"] == OVERRIDE["text"]
    [made] = await town.cases.published("consent.overridden.v1")
    assert made["data"]["reviewer"] == "privacy-officer"
    assert (await town.cases.get("privacy-officer", f"/cases/{case}/child", **OFFICER)).status_code == 403
    judged = await town.cases.post(
        "privacy-officer", f"/overrides/{override}/review", {"justified": True}, claims=OFFICER
    )
    assert judged.status_code == 201, judged.text
    [event] = await town.cases.published("override-reviewed.v1")
    assert event["data"]["reviewer"] == "privacy-officer"
    await nothing_locates_it(town)


@pytest.mark.rule(82, 107)
async def test_a_handover_that_nobody_answers_is_answered_on_behalf(town: Town) -> None:
    case = await opened(town)
    offer = {
        "kind": "baton",
        "receiver": await town.cases.receiver("colleague"),
        "categories": [],
        "respond_by": "2026-09-14T08:00:00Z",
    }
    handover = (await town.cases.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    await pass_on(town)
    await pass_on(town, datetime(2026, 9, 12, 8, tzinfo=UTC))
    assert await town.told("privacy-officer") == []
    await pass_on(town, datetime(2026, 9, 14, 8, tzinfo=UTC))
    assert await town.told("colleague") == ["handover-request", "handover-reminder", "handover-overdue"]
    assert await town.told("privacy-officer") == ["protected-handover"]
    assert await town.told("styrer") == []
    path = f"/handovers/{handover}/acceptance"
    assert (await town.cases.post("privacy-officer", path)).status_code == 404
    assert (await town.cases.post("privacy-officer", path, claims=OFFICER)).status_code == 201
    assert (await town.cases.see("colleague", f"/cases/{case}"))["relations"] == ["holder"]
    await nothing_locates_it(town)


@pytest.mark.rule(107)
async def test_who_sent_a_handover_hears_of_the_no(town: Town) -> None:
    case = await opened(town)
    offer = {"kind": "baton", "receiver": await town.cases.receiver("colleague"), "categories": []}
    handover = (await town.cases.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    await town.cases.must("colleague", f"/handovers/{handover}/rejection", {"reason": "capacity"})
    await pass_on(town)
    assert await town.told("teacher") == ["handover-rejected"]
    assert await town.told("privacy-officer") == []
    await nothing_locates_it(town)


@pytest.mark.rule(88, 89, 31)
async def test_a_measure_that_is_not_evaluated_and_a_service_that_does_not_answer_reach_somebody(town: Town) -> None:
    case = await opened(town)
    await town.cases.consented(case, services=("ppt",), purposes=("follow-up", "assessment"))
    measure = {
        "code": "sprakgruppe",
        "owner": "ppt",
        "goal": "Ord i leken.",
        "indicator": "words",
        "evaluate_by": "2026-11-02T11:00:00Z",
    }
    await town.cases.must("teacher", f"/cases/{case}/measures", measure)
    asked = {
        "service": "ppt",
        "reason": "competence-missing",
        "text": "Hvordan får vi et barn med få ord inn i leken?",
        "anonymous": True,
    }
    await town.cases.must("teacher", f"/cases/{case}/contributions", asked)
    await pass_on(town)
    # A service that every municipality has one of is told, and of an anonymous request not in which case.
    items = (await town.get("ppt-leader", "/messages")).json()["items"]
    assert [(item["template"], item["case"]) for item in items] == [("contribution-request", None)]
    await pass_on(town, datetime(2026, 11, 2, 11, tzinfo=UTC))
    assert "evaluation-overdue" in await town.told("teacher")
    assert await town.told("privacy-officer") == []
    await pass_on(town, datetime(2026, 11, 9, 11, tzinfo=UTC))
    assert await town.told("privacy-officer") == ["protected-escalation"]
    assert await town.told("styrer") == []
    await nothing_locates_it(town)


async def test_an_emergency_access_is_reviewed_by_whoever_has_the_duty(town: Town) -> None:
    case = await opened(town)
    body = {"reason": "danger-to-life", "text": "Bevisstløs.", "categories": ["health"], "hours": 2}
    nurse = {"lagspill_roles": ["health-nurse", "protected-case-reader"]}
    made = await town.cases.post("nurse", f"/cases/{case}/break-glass", body, claims=nurse)
    glass = made.json()["glass"]
    await pass_on(town)
    assert await town.told("privacy-officer") == ["protected-emergency-review"]
    for days in (3, 5):
        await pass_on(town, datetime(2026, 9, 7, 8, tzinfo=UTC) + timedelta(days=days))
    told = ["protected-emergency-review", "protected-emergency-overdue", "emergency-escalated"]
    assert await town.told("privacy-officer") == told
    assert await town.told("nurse-leader") == []
    listed = (await town.cases.get("privacy-officer", "/break-glass", **OFFICER)).json()["items"]
    assert [one["glass"] for one in listed] == [glass]
    review = await town.cases.post(
        "privacy-officer", f"/break-glass/{glass}/review", {"outcome": "justified"}, claims=OFFICER
    )
    assert review.status_code == 201, review.text
    await nothing_locates_it(town)


async def test_what_nobody_could_be_told_waits_until_somebody_can_or_it_is_done(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    async with notify_town(migrated, issuer, clock) as town:
        # An officer without the clearance could do nothing about it, and is told nothing.
        await town.prefer("privacy-officer")
        first, second = await overridden(town), await overridden(town)
        await pass_on(town)
        assert await town.told("privacy-officer") == []
        claims: dict[str, Any] = {**OFFICER, "sub": "another-officer"}
        body = {"justified": True}
        judged = await town.cases.post("privacy-officer", f"/overrides/{first[1]}/review", body, claims=claims)
        assert judged.status_code == 201, judged.text
        await pass_on(town)
        await town.prefer("privacy-officer", **OFFICER)
        await pass_on(town)
        items = (await town.get("privacy-officer", "/messages")).json()["items"]
        assert [(item["template"], item["case"]) for item in items] == [("protected-override-review", second[0])]
        assert await town.notify.pool.fetchval("SELECT count(*) FROM errands") == 0
        # Who loses the clearance hears of the next one no more.
        await town.prefer("privacy-officer")
        await overridden(town)
        await pass_on(town)
        assert len(await town.told("privacy-officer")) == 1


async def test_a_municipality_may_give_the_duty_to_the_leaders_of_a_unit_of_its_own(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, tmp_path: Path
) -> None:
    profile = NOTODDEN.read_text() + "\n  protected: {role: leader, unit: 'unit:barnevern', rule: 95}\n"
    (tmp_path / "notodden.yaml").write_text(profile)
    async with notify_town(migrated, issuer, clock, municipalities_folder=tmp_path) as town:
        await known(town)
        head = {**CLEARED_LEADER, "sub": "head-of-barnevern"}
        await town.prefer("barnevern", **head)
        _, override = await overridden(town)
        await pass_on(town)
        token = town.cases.token("barnevern", **head)
        answer = await town.notify.http.get("/messages", headers={"authorization": f"Bearer {token}"})
        assert [item["template"] for item in answer.json()["items"]] == ["protected-override-review"]
        assert await town.told("privacy-officer") == []
        path, body = f"/overrides/{override}/review", {"justified": False}
        refused = await town.cases.post("privacy-officer", path, body, claims=OFFICER)
        assert refused.status_code == 404
        assert (await town.cases.post("barnevern", path, body, claims=head)).status_code == 201
        reviewed = await town.cases.published("override-reviewed.v1")
        assert [event["data"]["reviewer"] for event in reviewed] == ["leader"]
        await nothing_locates_it(town)


async def test_only_who_tells_people_learns_whose_duty_a_case_is_and_it_is_recorded(town: Town) -> None:
    case = await opened(town)
    seen = await town.cases.see("notify", f"/cases/{case}/watch")
    assert seen == {"case": case, "municipality": "4005", "role": "privacy-officer", "unit": None}
    [record] = await town.cases.access("read")
    assert (record["actor"]["client"], record["categories"], record["address_protected"]) == ("notify", [], True)
    assert (await town.cases.get("meetings", f"/cases/{case}/watch")).status_code == 404
    assert (await town.cases.get("teacher", f"/cases/{case}/watch")).status_code == 403
    another = People(12).child(age=4)
    about = {"name": another.name, "national_number": another.national_number}
    ordinary = (await town.cases.must("teacher", "/concerns", town.cases.concern(child=about)))["case"]
    refused = await town.cases.get("notify", f"/cases/{ordinary}/watch")
    assert (refused.status_code, refused.json()["code"]) == (409, "address-not-protected")


async def test_through_kafka_the_late_review_of_an_override_reaches_somebody(
    town: Town, broker: str, new_topic: NewTopicName, group: str
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await create_missing(admin, declared("local"))
    await admin.close()
    # The real topic, which others' records may be in too; a group and watermarks of this test's own.
    watermarks = await new_topic("watermarks")
    kit = town.notify.kit
    inbox = replace(town.notify.parts.inboxes[0], consumer=group, topics=(TOPIC,), watermarks=watermarks)
    kafka = create_broker(broker, client="protected-suite")
    subscription = subscribe(
        kafka, kit.pool, inbox, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    )
    case, _ = await overridden(town)
    await town.cases.move_to(datetime(2026, 9, 14, 10, tzinfo=UTC))
    dsn = kit.settings.database_url.get_secret_value()
    async with producing(broker) as producer, Watch(dsn, "errands") as watch:
        await subscription.start()
        try:
            for record in await town.records():
                # At least once: each comes twice.
                for _ in range(2):
                    await producer.send_and_wait(TOPIC, record.value, key=record.key)
            await watch.until("SELECT count(*) FROM errands WHERE case_ref = $1", case, gives=2)
        finally:
            await subscription.stop()
            await kafka.stop()
    await town.notify.deliver()
    assert set(await town.told("privacy-officer")) == {"protected-override-review", "protected-override-overdue"}
    await nothing_locates_it(town)
