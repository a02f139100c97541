"""What meetings, notify and time do to cases: once, from the event alone, and never beyond what the rules allow."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer

from services.cases import coming_store
from services.cases.domain.consent_ending import RECEIPTS_FROM
from shared.clock import SimulatedClock
from shared.contracts import meetings, notify
from shared.contracts.base import EventData
from shared.contracts.codes import InformationCategory, Role, Service
from shared.dead_letters import StoredRecord, list_dead_letters
from shared.envelope import Envelope, describe, number, seal
from shared.inbox import Handler, Tx, subscribe
from shared.kafka import create_broker
from shared.refs import (
    ArenaRef,
    CaseRef,
    ConsentRef,
    ItemRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    RandomIds,
    UnitId,
)
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated, NewTopicName
from shared.testing.signals import Watch
from tests.e2e.cases_world import World, cases_world

pytestmark = pytest.mark.connected

IDS = RandomIds()
CORRELATION = UUID("01890000-0000-7000-8000-000000000001")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def published(world: World, event: EventData, source: str = "/services/meetings") -> bytes:
    """Return `event` as the other service's relay would have published it."""
    envelope = describe(
        event,
        event_id=IDS.event_id(),
        source=source,
        happened=world.clock.now(),
        recorded=world.clock.now(),
        scope=LogScope("4005"),
        correlation=CORRELATION,
        sequence=1,
    )
    return number(seal(event, envelope), 1)


def record(event: EventData, value: bytes, offset: int = 0) -> StoredRecord:
    """Return the record that Kafka would hand over."""
    return StoredRecord(
        topic=event.TOPIC, partition=0, offset=offset, key=event.subject.encode(), value=value, headers=()
    )


async def take(world: World, *events: EventData, source: str = "/services/meetings", times: int = 1) -> None:
    """Let the service take these in, each `times` times."""
    records = [record(event, published(world, event, source), offset) for offset, event in enumerate(events)]
    for _ in range(times):
        await world.intake().process(records)


def outcome(
    world: World, case: str, *, measure: MeasureRef | None = None, join: frozenset[Service] = frozenset()
) -> meetings.OutcomeRecorded:
    """Return what a ressursteam decided on a named item."""
    planned = meetings.PlannedMeasure(
        measure=measure or MeasureRef(IDS.ref("mea")),
        code="sprakgruppe",
        owner=Service.PPT,
        owner_unit=UnitId("unit:ppt"),
        indicator="words-in-play",
        evaluate_by=world.clock.now() + timedelta(days=60),
    )
    return meetings.OutcomeRecorded(
        meeting=MeetingRef(IDS.ref("mtg")),
        item=ItemRef(IDS.ref("itm")),
        mode=meetings.ItemMode.NAMED,
        decision="measure-planned",
        case=CaseRef(case),
        measures=(planned,),
        join_team=join,
    )


@pytest.mark.rule(26, 88, 141)
@pytest.mark.story(10)
async def test_an_outcome_becomes_a_measure_and_a_team_member_by_the_event_alone(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    decided = outcome(world, case, join=frozenset({Service.HELSESTASJON, Service.BARNEVERN}))
    await take(world, decided, times=3)
    view = await world.see("teacher", f"/cases/{case}")
    [measure] = view["measures"]
    assert (measure["measure"], measure["owner"], measure["status"]) == (decided.measures[0].measure, "ppt", "open")
    assert [one["service"] for one in view["team"]] == ["ppt", "helsestasjon"]
    # What no consent covers is not asked in by a meeting's word, and the holder is told so, once.
    [outside] = await world.published("outcome-refused.v1")
    assert (outside["data"]["measures"], outside["data"]["services"]) == ([], ["barnevern"])
    [event] = await world.published("measure.planned.v1")
    assert (event["data"]["meeting"], event["data"]["item"]) == (decided.meeting, decided.item)
    assert (event["authtype"], event["correlationid"]) == ("system", str(CORRELATION))
    assert "authid" not in event
    # It is a measure like any other: found by its reference, evaluated by its owner.
    done = {"effect": "reached", "outcome": "stop"}
    assert (await world.must("ppt", f"/measures/{measure['measure']}/evaluations", done))["status"] == "stopped"


async def test_an_anonymous_or_foreign_outcome_does_nothing(world: World) -> None:
    case = await world.opened()
    before = await world.types()
    anonymous = outcome(world, case).model_copy(
        update={"mode": meetings.ItemMode.ANONYMOUS, "case": None, "measures": ()}
    )
    foreign = outcome(world, IDS.ref("cas"))
    await take(world, anonymous, foreign)
    assert await world.types() == before


@pytest.mark.rule(26, 88, 90, 141)
async def test_what_the_rules_refuse_a_meeting_too_is_told_and_holds_nothing_back(world: World) -> None:
    """A measure that had no effect is not repeated because a meeting says so (seed rule 90); the rest of what it decided happens."""
    case = await world.opened()
    consent = await world.consented(case)
    first = outcome(world, case)
    await take(world, first)
    await world.must(
        "teacher", f"/measures/{first.measures[0].measure}/evaluations", {"effect": "none", "outcome": "stop"}
    )
    again = outcome(world, case, join=frozenset({Service.HELSESTASJON}))
    other = again.measures[0].model_copy(update={"measure": MeasureRef(IDS.ref("mea")), "code": "observasjon"})
    decided = again.model_copy(update={"measures": (*again.measures, other)})
    discussed = meetings.CaseDiscussed(
        meeting=first.meeting,
        item=first.item,
        mode=meetings.ItemMode.NAMED,
        case=CaseRef(case),
        consent=ConsentRef(consent),
        consent_version=1,
        attended_by=frozenset({Service.PPT}),
        categories=frozenset({InformationCategory.LANGUAGE}),
    )
    await take(world, decided, discussed, times=2)
    view = await world.see("teacher", f"/cases/{case}")
    assert {one["measure"] for one in view["measures"]} == {first.measures[0].measure, other.measure}
    assert {one["service"] for one in view["team"]} == {"ppt", "helsestasjon"}
    [refused] = await world.published("outcome-refused.v1")
    assert refused["data"] == {"case": case, **view["refused_outcomes"][0]}
    assert refused["data"]["item"] == decided.item
    assert refused["data"]["measures"] == [
        {
            "measure": again.measures[0].measure,
            "code": "sprakgruppe",
            "owner": "ppt",
            "reason": "measure-had-no-effect",
        }
    ]
    assert (await world.see("styrer", f"/cases/{case}"))["refused_outcomes"] == []
    told = (await world.see("guardian-a", f"/consents/{consent}/receipts"))["already_told"]
    assert [(one["way"], one["service"], one["categories"]) for one in told] == [("meeting", "ppt", ["language"])]
    async with world.pool.acquire() as conn:
        assert await list_dead_letters(conn) == []


@pytest.mark.rule(4)
@pytest.mark.story(17)
async def test_receipts_are_listed_and_a_missing_one_is_an_alarm(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    await world.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    told = meetings.ConsentReceiptRecorded(
        case=CaseRef(case), consent=ConsentRef(consent), consent_version=2, items_removed=1
    )
    await take(world, told, times=2)
    view = await world.see("guardian-b", f"/consents/{consent}/receipts")
    assert [(one["version"], one["consumer"]) for one in view["receipts"]] == [(2, "meetings")]
    assert view["awaited"] == ["notify"]
    await world.move_to(world.clock.now() + timedelta(minutes=9))
    assert await world.published("receipt-missing.v1") == []
    await world.move_to(world.clock.now() + timedelta(minutes=1))
    [alarm] = await world.published("receipt-missing.v1")
    assert (alarm["data"]["consumer"], alarm["data"]["version"]) == ("notify", 2)


async def test_with_every_receipt_there_is_no_alarm(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    await world.must("guardian-a", f"/consents/{consent}/withdrawals")
    for service, module in (("meetings", meetings), ("notify", notify)):
        told = (
            meetings.ConsentReceiptRecorded(
                case=CaseRef(case), consent=ConsentRef(consent), consent_version=2, items_removed=0
            )
            if module is meetings
            else notify.ConsentReceiptRecorded(
                case=CaseRef(case), consent=ConsentRef(consent), consent_version=2, messages_cancelled=0
            )
        )
        await take(world, told, source=f"/services/{service}")
    await world.move_to(world.clock.now() + timedelta(days=1))
    assert await world.published("receipt-missing.v1") == []
    view = await world.see("guardian-a", f"/consents/{consent}/receipts")
    assert {one["consumer"] for one in view["receipts"]} == RECEIPTS_FROM
    assert view["awaited"] == []


@pytest.mark.rule(107)
@pytest.mark.story(13)
async def test_a_handover_that_nobody_answers_is_overdue_once_and_the_leader_answers(world: World) -> None:
    case = await world.opened()
    offered = {
        "kind": "baton",
        "receiver": await world.receiver("pedagogical-leader"),
        "respond_by": "2026-09-12T10:00:00Z",
    }
    handover = (await world.must("teacher", f"/cases/{case}/handovers", offered))["handover"]
    await world.move_to(datetime(2026, 9, 12, 9, 59, tzinfo=UTC))
    assert "handover.overdue" not in await world.types()
    for _ in range(2):
        await world.move_to(world.clock.now() + timedelta(minutes=1))
    assert (await world.types()).count("handover.overdue") == 1
    [escalated] = await world.published("handover.escalated.v1")
    assert (escalated["data"]["handover"], escalated["data"]["unit"]) == (handover, "unit:lia-barnehage")
    answered = await world.must("styrer", f"/handovers/{handover}/acceptance")
    assert answered["status"] == "completed"
    view = await world.see("pedagogical-leader", f"/cases/{case}")
    assert view["holder"]["role"] == "pedagogical-leader"


async def test_an_answered_handover_is_never_overdue(world: World) -> None:
    case = await world.opened()
    offered = {"kind": "baton", "receiver": await world.receiver("colleague")}
    handover = (await world.must("teacher", f"/cases/{case}/handovers", offered))["handover"]
    await world.must("colleague", f"/handovers/{handover}/acceptance")
    await world.move_to(world.clock.now() + timedelta(days=30))
    assert "handover.overdue" not in await world.types()


@pytest.mark.rule(4)
async def test_a_consent_expires_when_its_last_day_in_norway_is_over(world: World) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    await world.move_to(datetime(2027, 7, 31, 21, 59, 59, tzinfo=UTC))
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 200
    await world.move_to(datetime(2027, 7, 31, 22, 0, tzinfo=UTC))
    assert (await world.types())[-2:] == ["consent.expired", "case.anonymised"]
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
    assert (await world.access("deny"))[-1]["reason"] == "consent-expired"
    assert (await world.see("teacher", f"/consents/{consent}"))["status"] == "expired"


def to_come(meeting: MeetingRef, starts_at: datetime, case: CaseRef) -> tuple[EventData, ...]:
    """Return that a meeting is called, and that the case is on its agenda, with its guardians."""
    item = ItemRef(IDS.ref("itm"))
    return (
        meetings.MeetingCalled(
            meeting=meeting,
            arena=ArenaRef(IDS.ref("arn")),
            arena_type="overforingsmote",
            starts_at=starts_at,
            minutes=60,
            invited=frozenset({Service.SKOLE}),
        ),
        meetings.AgendaItemAdded(
            meeting=meeting,
            item=item,
            kind=meetings.ItemKind.CASE,
            mode=meetings.ItemMode.NAMED,
            case=case,
            family=frozenset({Role.GUARDIAN}),
        ),
        meetings.AgendaItemAccepted(meeting=meeting, item=item),
    )


async def fails(tx: Tx, event: EventData, envelope: Envelope) -> None:
    """What a handler does that has a defect."""
    raise ValueError


@pytest.mark.rule(12, 73, 101)
async def test_what_is_parked_of_a_meeting_to_come_holds_back_what_follows_of_it(world: World) -> None:
    """Its events do not stand alone: a replay in another order would tell the family of a time that is no more."""
    case = CaseRef(await world.opened())
    starts_at = world.clock.now() + timedelta(days=10)
    meeting = MeetingRef(IDS.ref("mtg"))
    events = (
        *to_come(meeting, starts_at, case),
        meetings.MeetingRescheduled(meeting=meeting, starts_at=starts_at + timedelta(days=1)),
        meetings.MeetingRescheduled(meeting=meeting, starts_at=starts_at + timedelta(days=2)),
    )
    records = [record(each, published(world, each), offset) for offset, each in enumerate(events)]
    [inbox] = [each for each in world.parts.inboxes if meetings.MeetingCalled in each.handlers]
    broken: dict[type[EventData], Handler] = {meetings.AgendaItemAdded: fails, meetings.MeetingRescheduled: fails}
    defect = dataclasses.replace(inbox, handlers={**inbox.handlers, **broken})
    await world.intake(defect).process(records[:4])
    await world.intake(inbox).process(records[4:])
    async with world.pool.acquire() as conn:
        assert await coming_store.of_case(conn, case) == []
        letters = await list_dead_letters(conn)
    assert [letter.reason for letter in letters] == ["handler-failed", *["behind-parked"] * 3]
    outcomes = await world.intake(inbox).replay(letters[0].id)
    assert [each.outcome for each in outcomes] == ["effect"] * 4
    async with world.pool.acquire() as conn:
        [told] = await coming_store.of_case(conn, case)
    assert (told.meeting, told.starts_at) == (meeting, starts_at + timedelta(days=2))
    # It is off, and nothing of it is left.
    off = meetings.MeetingCancelled(meeting=meeting, reason="other")
    await world.intake(inbox).process([record(off, published(world, off), 5)])
    async with world.pool.acquire() as conn:
        assert await coming_store.of_case(conn, case) == []


@pytest.mark.rule(12, 73, 101)
async def test_a_meeting_that_nobody_says_was_held_or_is_off_is_not_told_of_and_does_not_stay(world: World) -> None:
    """It may still be moved, and is told of again; half a year after its time nothing of it is left."""
    case = CaseRef(await world.opened())
    meeting = MeetingRef(IDS.ref("mtg"))
    starts_at = world.clock.now() + timedelta(days=10)
    [inbox] = [each for each in world.parts.inboxes if meetings.MeetingCalled in each.handlers]

    async def after(*events: EventData) -> object:
        records = [record(each, published(world, each), offset) for offset, each in enumerate(events)]
        await world.intake(inbox).process(records)
        return (await world.see("guardian-a", f"/cases/{case}/overview"))["overview"]["next_meeting"]

    async def kept() -> int:
        rows = await world.pool.fetch("SELECT FROM items_to_come JOIN meetings_to_come USING (meeting)")
        return len(rows)

    assert await after(*to_come(meeting, starts_at, case)) is not None
    world.clock.set(starts_at + timedelta(days=3))
    assert await after() is None
    moved = starts_at + timedelta(days=7)
    assert await after(meetings.MeetingRescheduled(meeting=meeting, starts_at=moved)) is not None
    world.clock.set(moved + coming_store.STILL_RECORDED)
    another, *_ = to_come(MeetingRef(IDS.ref("mtg")), world.clock.now() + timedelta(days=9), case)
    await after(another)
    assert await kept() == 1
    world.clock.set(moved + coming_store.STILL_RECORDED + timedelta(seconds=1))
    other, *_ = to_come(MeetingRef(IDS.ref("mtg")), world.clock.now() + timedelta(days=9), case)
    await after(other)
    assert await kept() == 0
    left = await world.pool.fetch("SELECT meeting FROM meetings_to_come UNION SELECT meeting FROM items_to_come")
    assert {row["meeting"] for row in left} == {another.subject, other.subject}


async def test_from_a_real_broker(world: World, broker: str, new_topic: NewTopicName, group: str) -> None:
    """The registration itself: group, topics, order, offsets; what the events do is tested above."""
    case = await world.opened()
    await world.consented(case)
    topic = await new_topic("meetings", partitions=2)
    inbox, _ = world.parts.inboxes
    on_topic = type("OutcomeRecorded", (meetings.OutcomeRecorded,), {"TOPIC": topic})
    kit = world.kit
    kafka = create_broker(broker, client="cases-test")
    subscription = subscribe(
        kafka,
        kit.pool,
        dataclasses.replace(
            inbox,
            consumer=group,
            handlers={on_topic: inbox.handlers[meetings.OutcomeRecorded]},
            watermarks=await new_topic("watermarks"),
        ),
        journal=kit.journal,
        clock=kit.clock,
        ids=kit.ids,
        metrics=kit.metrics,
    )
    decided = outcome(world, case)
    producer = AIOKafkaProducer(bootstrap_servers=broker)
    await producer.start()
    try:
        value = published(world, decided)
        for _ in range(2):
            await producer.send_and_wait(topic, value, key=decided.subject.encode())
    finally:
        await producer.stop()
    dsn = world.kit.settings.database_url.get_secret_value()
    async with Watch(dsn, "inbox") as watch:
        await subscription.start()
        try:
            await watch.until("SELECT count(*) > 0 FROM inbox WHERE consumer = $1", group)
        finally:
            await subscription.stop()
            await kafka.stop()
    assert (await world.types()).count("measure.planned") == 1
