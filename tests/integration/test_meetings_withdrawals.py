"""A withdrawal against everything that happens at the same moment, and through the real Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from pydantic_core import to_json

from deploy.topics import create_missing, declared
from services.meetings.consumers import INBOX
from services.meetings.domain.arena import ARENA
from services.meetings.domain.entered_figure import FIGURE
from services.meetings.domain.meeting import MEETING
from services.meetings.domain.receipts import RECEIPTS
from services.meetings.domain.report_duty import DUTY
from services.meetings.handlers.desk import Desk, Reads
from shared.aggregate import Aggregate
from shared.clock import SimulatedClock
from shared.contracts import cases
from shared.contracts.base import Model
from shared.inbox import subscribe
from shared.kafka import create_broker
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Watch
from shared.vault import ShreddedError
from tests.e2e.meetings_world import Town, town
from tests.integration.inbox_world import producing

pytestmark = pytest.mark.connected

S = TypeVar("S", bound=Model)
ROUNDS = 12


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def open_items(lia: Town, meeting: str) -> list[str]:
    loaded = await lia.kit.journal.load(MEETING, meeting)
    return [item.item for item in loaded.state.items if item.case is not None and item.status.value != "removed"]


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_no_item_slips_onto_the_agenda_while_its_consent_is_being_withdrawn(lia: Town) -> None:
    meeting = await lia.ressursteam()
    for _ in range(ROUNDS):
        case = await lia.cases.opened()
        consent = await lia.cases.consented(case)
        await lia.carry()
        await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals")
        path = f"/meetings/{meeting}/agenda-items"
        answers = await asyncio.gather(*(lia.post("teacher", path, lia.named(case)) for _ in range(2)), lia.carry())
        codes = {answer.status_code for answer in answers if answer is not None}
        assert codes <= {201, 409}
        # Whoever came first: nothing is left on the agenda, and every item that was taken was taken off again.
        assert await open_items(lia, meeting) == []
    added = len(await lia.published("agenda-item.added.v1"))
    assert added == len(await lia.published("agenda-item.removed.v1"))
    receipts = await lia.published("consent-receipt.recorded.v1")
    assert sum(each["data"]["items_removed"] for each in receipts) == added
    assert len(receipts) == ROUNDS


@pytest.mark.rule(4, 5)
async def test_no_item_slips_onto_the_agenda_while_its_case_is_being_closed(lia: Town) -> None:
    meeting = await lia.ressursteam()
    for _ in range(ROUNDS // 2):
        case = await lia.cases.opened()
        await lia.cases.consented(case)
        await lia.carry()
        version = await lia.cases.version("teacher", case)
        await lia.cases.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
        path = f"/meetings/{meeting}/agenda-items"
        answers = await asyncio.gather(*(lia.post("teacher", path, lia.named(case)) for _ in range(2)), lia.carry())
        assert {answer.status_code for answer in answers if answer is not None} <= {201, 409}
        assert await open_items(lia, meeting) == []


@pytest.mark.rule(4)
async def test_a_meeting_is_held_by_the_consent_or_after_its_withdrawal_never_in_between(lia: Town) -> None:
    for round_ in range(4):
        meeting = await lia.ressursteam(extra=True, starts_at=f"2026-09-{22 + round_}T12:00:00+02:00")
        case = await lia.cases.opened()
        consent = await lia.cases.consented(case)
        await lia.carry()
        item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
        lia.cases.clock.set(datetime(2026, 9, 22 + round_, 10, 30, tzinfo=UTC))
        await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals")
        lia.clock.set(datetime(2026, 9, 22 + round_, 12, 0, tzinfo=UTC))
        held = lia.held(
            [{"item": item}],
            started_at=f"2026-09-{22 + round_}T12:00:00+02:00",
            ended_at=f"2026-09-{22 + round_}T13:00:00+02:00",
        )
        answer, _ = await asyncio.gather(lia.post("styrer", f"/meetings/{meeting}/holding", held), lia.carry())
        told = [event for event in await lia.published("case-discussed.v1") if event["data"]["item"] == item]
        assert (answer.status_code, len(told)) in {(200, 1), (409, 0)}
        # What is shown afterwards is nothing, in either case.
        assert (await lia.see("ppt", f"/meetings/{meeting}/agenda-items"))["items"] == []


async def test_what_a_meeting_wrote_of_a_child_goes_when_its_case_is_erased(lia: Town) -> None:
    """GDPR art. 17: the words that are sealed under the case here go with those of the cases service."""
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/agenda-items"
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    general = {"kind": "general", "mode": "no-child", "text": "Hvordan bygger vi et godt språkmiljø?"}
    kept = (await lia.add("teacher", meeting, general))["item"]
    for who, what, body in (("teacher", "closure", {"outcome": "goal-reached"}), ("styrer", "erasure", None)):
        version = await lia.cases.version("styrer", case)
        await lia.cases.must(who, f"/cases/{case}/{what}", body, if_match=version)
    await lia.carry()
    desk: Desk = lia.parts.app.state.desk  # type: ignore[attr-defined]
    async with lia.pool.acquire() as conn:
        with pytest.raises(ShreddedError):
            await desk.vault.get(conn, owner=case, record=f"item/{item}")
    assert [each["item"] for each in (await lia.see("teacher", path))["items"]] == [kept]
    [removed] = [each["data"] for each in await lia.published("agenda-item.removed.v1")]
    assert (removed["item"], removed["reason"]) == (item, "basis-lapsed")


@pytest.mark.rule(4)
async def test_replaying_every_history_gives_the_stored_states(lia: Town) -> None:
    """Invariant 5."""
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    await lia.add("teacher", meeting, lia.named(case))
    await lia.add("teacher", meeting, {"kind": "case", "mode": "anonymous", "text": "Et barn strever med språk."})
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    await lia.carry()
    rows = await lia.pool.fetch("SELECT id, kind FROM aggregates")
    assert {row["kind"] for row in rows} == {"arena", "meeting", "consent-receipts", "report-duty", "entered-figure"}
    for row in rows:
        match row["kind"]:
            case "arena":
                await replayed(lia, ARENA, row["id"])
            case "meeting":
                await replayed(lia, MEETING, row["id"])
            case "report-duty":
                await replayed(lia, DUTY, row["id"])
            case "entered-figure":
                await replayed(lia, FIGURE, row["id"])
            case _:
                await replayed(lia, RECEIPTS, row["id"])


async def replayed(lia: Town, aggregate: Aggregate[S], ref: str) -> None:
    history = [event for _, event in await lia.kit.journal.history(aggregate, ref)]
    stored = await lia.kit.journal.load(aggregate, ref)
    assert aggregate.replay(history) == stored.state
    assert stored.version == len(history)


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_through_kafka_a_withdrawal_ends_the_next_look(
    lia: Town, broker: str, new_topic: NewTopicName, group: str
) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await create_missing(admin, declared("local"))
    await admin.close()
    # The real topic, which others' records may be in too; a group and watermarks of this test's own, and nothing said before.
    await lia.pool.execute("DELETE FROM source_watermarks")
    watermarks = await new_topic("watermarks")
    desk: Desk = lia.parts.app.state.desk  # type: ignore[attr-defined]
    lia.parts.app.state.desk = replace(desk, reads=Reads(group, cases.TOPIC, "/services/cases"))  # type: ignore[attr-defined]
    inbox = replace(INBOX, consumer=group, watermarks=watermarks)
    case = await lia.cases.opened()
    consent = await lia.cases.consented(case)
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/agenda-items"
    # Nothing has been read yet, so nothing is known, and nothing is decided.
    assert await lia.refused("teacher", path, lia.named(case)) == (503, "projection-stale")
    kafka = create_broker(broker, client="meetings-suite")
    kit = lia.kit
    subscription = subscribe(
        kafka, kit.pool, inbox, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    )
    dsn = lia.kit.settings.database_url.get_secret_value()
    async with producing(broker) as producer, Watch(dsn, "consents", "source_watermarks", "consumer_progress") as watch:
        await subscription.start()
        try:
            sent = await publish_all(lia, producer, watermarks, 0)
            fresh = (
                "SELECT max(drained_at) <= (SELECT min(caught_up_at) FROM consumer_progress WHERE consumer = $1)"
                " FROM source_watermarks"
            )
            await watch.until("SELECT history -> 'grants' <> '[]' FROM consents WHERE consent = $1", consent)
            await drained(lia, producer, watermarks)
            await watch.until(fresh, group)
            item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
            assert [each["item"] for each in (await lia.see("nurse", path))["items"]] == [item]
            await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
            await publish_all(lia, producer, watermarks, sent)
            await watch.until("SELECT history -> 'cuts' <> '[]' FROM consents WHERE consent = $1", consent)
            await drained(lia, producer, watermarks)
            assert (await lia.get("nurse", f"{path}/{item}")).status_code == 404
            [removed] = await lia.published("agenda-item.removed.v1")
            assert removed["data"]["item"] == item
        finally:
            await subscription.stop()
            await kafka.stop()


async def publish_all(lia: Town, producer: AIOKafkaProducer, watermarks: str, done: int) -> int:
    """Publish what the cases service committed since, as its relay does, and return how much that is by now."""
    rows = await lia.cases.pool.fetch("SELECT body FROM outbox ORDER BY id OFFSET $1", done)
    for row in rows:
        if b"no.lagspill.cases." in row["body"]:
            record = lia.record(row["body"])
            await producer.send_and_wait(cases.TOPIC, record.value, key=record.key)
    await drained(lia, producer, watermarks)
    return done + len(rows)


async def drained(lia: Town, producer: AIOKafkaProducer, watermarks: str) -> None:
    """Say, as the relay of the cases service does, that its outbox is empty now."""
    now = await lia.cases.pool.fetchval("SELECT clock_timestamp()")
    body = to_json({"source": "/services/cases", "drained_at": now})
    await producer.send_and_wait(watermarks, body, key=b"/services/cases")
