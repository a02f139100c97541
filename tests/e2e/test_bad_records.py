"""Bad records on the bus, to the four services as they run: parked or recorded, never in the way, never lost.

Every bad record is followed by a good one in the same partition. When that has had its effect everywhere, the bad one must be
where an operator finds it, byte by byte.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer

from deploy.demo.story import BEGINS
from deploy.local.system import Addresses
from services.notify.domain.deadline import deadline_of
from shared.contracts import cases, meetings, notify
from shared.contracts.access import TOPIC as ACCESS
from shared.contracts.access import AccessActor, AccessKind, AccessRecorded
from shared.contracts.audit import TOPIC as AUDIT
from shared.contracts.codes import Area, Purpose, Role, Service
from shared.dead_letters import Reason
from shared.kafka import WATERMARKS_TOPIC
from shared.refs import ActorId, ArenaRef, CaseRef, ConcernRef, ConsentRef, MeetingRef, UnitId
from shared.testing.signals import Watch
from tests.e2e.bad_records import IDS, BadRecord, Record, good_record, sealed, send, unfit, unreadable
from tests.e2e.bad_requests import CANARY
from tests.e2e.system_world import logged, token_of, whole_system

pytestmark = [pytest.mark.connected, pytest.mark.slow]

PARTITION: Final = 0
LIA: Final = UnitId("unit:lia-barnehage")
WATCHED: Final[Mapping[str, tuple[str, ...]]] = {
    "cases": ("consent_receipts", "meetings_to_come"),
    "meetings": ("cases",),
    "notify": ("aggregates", "messages", "inbox"),
    "audit": ("entries",),
}


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Addresses]:
    """The four services as processes; the leader of Lia barnehage wants to be told of meetings."""
    with whole_system(tmp_path_factory.mktemp("lagspill"), BEGINS) as addresses:
        headers = {"authorization": f"Bearer {token_of(addresses, 'styrer')}", "idempotency-key": "once"}
        url = f"{addresses.services['notify']}/preferences"
        httpx.put(url, json={"language": "nb"}, headers=headers).raise_for_status()
        yield addresses


# --- good events, and what they do ----------------------------------------------------------------------------------------

Effects = Mapping[str, tuple[str, str]]
"""For each service, a query that gives one when the event has had its effect, and what it asks for."""


@dataclass(frozen=True)
class Good:
    """An event that does something in every service that reads it."""

    make: Callable[[], Any]
    effects: Callable[[Any], Effects]
    handled_by: frozenset[str]


def concern() -> cases.ConcernRegistered:
    """Return a concern nobody has heard of."""
    return cases.ConcernRegistered(
        case=CaseRef(IDS.ref("cas")),
        concern=ConcernRef(IDS.ref("con")),
        area=Area.LEARNING,
        for_whom=cases.ForWhom.CHILD,
        registered_by=cases.Party(
            actor=ActorId(IDS.ref("act")), role=Role.TEACHER, service=Service.BARNEHAGE, unit=LIA
        ),
        act_by=BEGINS + timedelta(days=14),
        guardians=2,
    )


def called() -> meetings.MeetingCalled:
    """Return the call of a meeting that the leader of Lia barnehage is told of."""
    return meetings.MeetingCalled(
        meeting=MeetingRef(IDS.ref("mtg")),
        arena=ArenaRef(IDS.ref("arn")),
        arena_type="ressursteam",
        unit=LIA,
        starts_at=BEGINS + timedelta(days=20),
        minutes=90,
        invited=frozenset({Service.BARNEHAGE}),
    )


def receipt_of_meetings() -> meetings.ConsentReceiptRecorded:
    """Return a receipt for a consent."""
    return meetings.ConsentReceiptRecorded(
        case=CaseRef(IDS.ref("cas")), consent=ConsentRef(IDS.ref("cst")), consent_version=2, items_removed=0
    )


def receipt_of_notify() -> notify.ConsentReceiptRecorded:
    """Return a receipt for a consent."""
    return notify.ConsentReceiptRecorded(
        case=CaseRef(IDS.ref("cas")), consent=ConsentRef(IDS.ref("cst")), consent_version=2, messages_cancelled=0
    )


def look() -> AccessRecorded:
    """Return a record of somebody's look."""
    return AccessRecorded(
        subject_ref=IDS.ref("cas"),
        kind=AccessKind.READ,
        actor=AccessActor(id=ActorId(IDS.ref("act"))),
        purpose=Purpose.OVERSIGHT,
        permitted=True,
    )


DEADLINE: Final = "SELECT count(*) FROM aggregates WHERE id = $1"
CASE: Final = "SELECT count(*) FROM cases WHERE case_ref = $1"
MESSAGE: Final = "SELECT count(*) FROM messages WHERE step LIKE $1 || '/%'"
RECEIPT: Final = "SELECT count(*) FROM consent_receipts WHERE consent = $1"
COMING: Final = "SELECT count(*) FROM meetings_to_come WHERE meeting = $1"
TO_COME: Final = "cases-meetings-to-come"
SERVICE_OF: Final = {TO_COME: "cases"}
"""Whose a consumer is that is not called as its service is."""

ON: Final[Mapping[str, tuple[Good, ...]]] = {
    cases.TOPIC: (
        Good(
            concern,
            lambda one: {"notify": (DEADLINE, deadline_of(one.concern)), "meetings": (CASE, one.case)},
            frozenset({"notify", "meetings"}),
        ),
    ),
    meetings.TOPIC: (
        Good(receipt_of_meetings, lambda one: {"cases": (RECEIPT, one.consent)}, frozenset({"cases"})),
        Good(
            called,
            lambda one: {"notify": (MESSAGE, one.meeting), TO_COME: (COMING, one.meeting)},
            frozenset({TO_COME, "notify"}),
        ),
    ),
    notify.TOPIC: (Good(receipt_of_notify, lambda one: {"cases": (RECEIPT, one.consent)}, frozenset({"cases"})),),
    ACCESS: (Good(look, lambda _: {}, frozenset()),),
    AUDIT: (Good(look, lambda _: {}, frozenset()),),
}
CONSUMERS: Final = {topic: frozenset[str]().union(*(one.handled_by for one in events)) for topic, events in ON.items()}


# --- the bus --------------------------------------------------------------------------------------------------------------


@dataclass
class Town:
    """The bus, and a look into every service's database."""

    producer: AIOKafkaProducer
    watches: Mapping[str, Watch]
    databases: Mapping[str, asyncpg.Connection]

    async def send(self, topic: str, record: Record) -> int:
        """Send a record to the partition that everything goes to here; return its offset."""
        return await send(self.producer, topic, record, partition=PARTITION)

    async def goes_on(self, topic: str) -> None:
        """Send good events, and wait until each has had its effect everywhere."""
        for good in ON[topic]:
            event = good.make()
            offset = await self.send(topic, good_record(event))
            for consumer, (query, asked) in good.effects(event).items():
                await self.watches[SERVICE_OF.get(consumer, consumer)].until(query, asked, gives=1)
            await self.watches["audit"].until(
                "SELECT count(*) FROM entries WHERE (topic, partition, record_offset) = ($1, $2, $3)",
                topic,
                PARTITION,
                offset,
                gives=1,
            )

    async def recorded(self, topic: str, offset: int) -> tuple[bytes, str]:
        """Return the bytes that the log holds of a record, and the kind of the entry."""
        row = await self.databases["audit"].fetchrow(
            "SELECT leaf, body, kind FROM entries LEFT JOIN oversize ON position(encode(sha256, 'base64') IN encode(leaf, 'escape')) > 0"
            " WHERE (topic, partition, record_offset) = ($1, $2, $3)",
            topic,
            PARTITION,
            offset,
        )
        assert row is not None, "the log does not hold it"
        return bytes(row["body"] or row["leaf"]), row["kind"]

    async def parked(self, consumer: str, topic: str, offset: int) -> asyncpg.Record | None:
        """Return the letter of a record, from a service's own inbox: the feed of notify's subscribers judges for itself."""
        return await self.databases[SERVICE_OF.get(consumer, consumer)].fetchrow(
            "SELECT id, reason, key, value, header_names, header_values, detail FROM dead_letters"
            " WHERE (topic, partition, record_offset, consumer) = ($1, $2, $3, $4)",
            topic,
            PARTITION,
            offset,
            consumer,
        )


@asynccontextmanager
async def bus(system: Addresses) -> AsyncIterator[Town]:
    """Connect to everything."""
    async with AsyncExitStack() as stack:
        producer = AIOKafkaProducer(
            bootstrap_servers=system.kafka_bootstrap_servers, max_request_size=5_000_000, max_batch_size=5_000_000
        )
        await producer.start()
        stack.push_async_callback(producer.stop)
        watches, databases = {}, {}
        for service, tables in WATCHED.items():
            watches[service] = await stack.enter_async_context(Watch(system.owner(service), *tables))
            databases[service] = await asyncpg.connect(system.owner(service))
            stack.push_async_callback(databases[service].close)
        yield Town(producer, watches, databases)


async def all_are_kept(town: Town, topic: str, bad_ones: Iterable[BadRecord], handled_by: frozenset[str]) -> None:
    """Send each, see that what follows is handled, and find it."""
    for bad in bad_ones:
        offset = await town.send(topic, bad.record)
        await town.goes_on(topic)
        kind = "unparsable" if bad.reason in {Reason.MALFORMED, Reason.NO_VALUE, Reason.TOO_LARGE} else "event"
        assert await town.recorded(topic, offset) == (bad.record.value or b"", kind), bad.what
        for consumer in sorted(CONSUMERS[topic]):
            letter = await town.parked(consumer, topic, offset)
            if bad.reason is None or not (bad.by_all or consumer in handled_by):
                assert letter is None, f"{consumer} parked {bad.what}"
                continue
            assert letter is not None, f"{consumer} did not park {bad.what}"
            assert (letter["reason"], letter["value"], letter["key"]) == (bad.reason, bad.record.value, bad.record.key)
            kept = list(zip(letter["header_names"], letter["header_values"], strict=True))
            assert kept[: len(bad.record.headers)] == [
                (name.encode(), value or b"") for name, value in bad.record.headers
            ]
            assert CANARY not in letter["detail"]


@pytest.mark.parametrize("topic", ON)
async def test_what_nobody_can_read_is_kept_and_in_nobodys_way(system: Addresses, topic: str) -> None:
    async with bus(system) as town:
        await town.goes_on(topic)
        await all_are_kept(town, topic, unreadable(ON[topic][0].make), frozenset())


@pytest.mark.parametrize("topic", [cases.TOPIC, meetings.TOPIC, notify.TOPIC])
async def test_what_claims_to_be_an_event_is_kept_by_those_who_would_handle_it(system: Addresses, topic: str) -> None:
    async with bus(system) as town:
        for good in ON[topic]:
            await all_are_kept(town, topic, unfit(good.make), good.handled_by)


async def test_an_event_on_a_topic_that_is_not_its_own_is_not_believed(system: Addresses) -> None:
    async with bus(system) as town:
        event = concern()
        offset = await town.send(meetings.TOPIC, good_record(event))
        await town.goes_on(meetings.TOPIC)
        letter = await town.parked("notify", meetings.TOPIC, offset)
        assert letter is not None
        assert letter["reason"] == "wrong-topic"
        assert await town.parked("cases", meetings.TOPIC, offset) is None, "it does not handle the type"
        # The event itself, when it comes, passes for no duplicate: it waits behind the one that somebody must look at.
        real = await town.send(cases.TOPIC, good_record(event))
        await town.goes_on(cases.TOPIC)
        letter = await town.parked("notify", cases.TOPIC, real)
        assert letter is not None
        assert letter["reason"] == "behind-parked"
        assert await town.databases["meetings"].fetchval(CASE, event.case) == 1


async def test_a_real_event_again_does_nothing_and_one_that_was_changed_is_found(system: Addresses) -> None:
    async with bus(system) as town:
        event, event_id = concern(), IDS.event_id()
        key = event.case.encode()
        first = Record(sealed(event, event_id=event_id), key)
        changed = Record(sealed(event.model_copy(update={"guardians": 1}), event_id=event_id), key)
        offsets = [await town.send(cases.TOPIC, record) for record in (first, first, changed, first)]
        await town.goes_on(cases.TOPIC)
        for service in ("meetings", "notify"):
            assert [await town.parked(service, cases.TOPIC, offset) for offset in offsets] == [None] * 4
        assert (
            await town.databases["meetings"].fetchval("SELECT guardians FROM cases WHERE case_ref = $1", event.case)
            == 2
        )
        version = "SELECT version FROM aggregates WHERE id = $1"
        assert await town.databases["notify"].fetchval(version, deadline_of(event.concern)) == 1
        leaves = await town.databases["audit"].fetch(
            "SELECT leaf, position FROM entries WHERE event_id = $1 ORDER BY position", event_id
        )
        assert [row["leaf"] for row in leaves] == [first.value, changed.value]
        found = await town.databases["audit"].fetch(
            "SELECT kind, source FROM findings WHERE position = $1 ORDER BY kind", leaves[1]["position"]
        )
        kinds = ["id-reused", "unnumbered"]
        assert [tuple(row) for row in found] == [(kind, "/services/cases") for kind in kinds]


async def test_what_relays_say_of_themselves_can_be_wrong_too(system: Addresses) -> None:
    source = b"/services/cases"
    far = {"source": source.decode(), "drained_at": "9999-12-31T23:59:59-23:59"}
    async with bus(system) as town:
        for value in (
            b"",
            CANARY.encode(),
            b"{}",
            json.dumps(far).encode(),
            json.dumps({**far, "drained_at": "0001-01-01T00:00:00+23:59"}).encode(),
        ):
            await send(town.producer, WATERMARKS_TOPIC, Record(value, source), partition=0)
        await send(town.producer, WATERMARKS_TOPIC, Record(None, source), partition=0)
        for topic in ON:
            await town.goes_on(topic)
        # Those that did take it in go on hearing from the others.
        for service in ("meetings", "notify", "cases"):
            async with Watch(system.owner(service), "source_watermarks") as watch:
                now = await town.databases[service].fetchval("SELECT clock_timestamp()")
                await watch.until("SELECT max(received_at) > $1 FROM source_watermarks", now, gives=True)


# --- the operator ---------------------------------------------------------------------------------------------------------


def operate(system: Addresses, *arguments: str) -> tuple[int, list[dict[str, Any]]]:
    """Run `lagspill dead-letters`; return its status and the lines it printed."""
    without = {
        name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS"}
    }
    done = subprocess.run(
        [sys.executable, "-m", "deploy.cli", "dead-letters", *arguments],
        env={**without, "LAGSPILL_HOME": str(system.noted_in.parent)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert CANARY not in done.stdout + done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


async def test_an_operator_looks_discards_and_replays(system: Addresses) -> None:
    """A case whose record cannot be read waits for a person; what came behind it has its effect then, once."""
    async with bus(system) as town:
        event = concern()
        key = event.case.encode()
        bad = await town.send(cases.TOPIC, Record(CANARY.encode(), key))
        behind = await town.send(cases.TOPIC, good_record(event))
        await town.goes_on(cases.TOPIC)
        letters = [await town.parked("notify", cases.TOPIC, offset) for offset in (bad, behind)]
        assert [letter and letter["reason"] for letter in letters] == ["malformed", "behind-parked"]
        poison, waiting = (str(letter["id"]) for letter in letters if letter is not None)
        status, listed = operate(system, "list", "notify")
        assert status == 0
        shown = {str(one["id"]): one for one in listed}
        assert (shown[poison]["reason"], shown[poison]["size"], shown[poison]["status"]) == (
            "malformed",
            len(CANARY),
            "open",
        )
        assert shown[waiting]["event_type"] == event.TYPE
        # The key's letters go in their order, so the one that cannot be read is in the way of the other.
        assert operate(system, "replay", "notify", waiting) == (
            1,
            [{"letter": int(poison), "outcome": "failed", "detail": "malformed: the record is not JSON"}],
        )
        assert await town.databases["notify"].fetchval(DEADLINE, deadline_of(event.concern)) == 0
        status, [settled] = operate(system, "discard", "notify", poison, "--reason", "not-an-event")
        assert (status, settled["status"], settled["settled_reason"]) == (0, "discarded", "not-an-event")
        assert operate(system, "replay", "notify", waiting) == (
            0,
            [{"letter": int(waiting), "outcome": "effect", "detail": ""}],
        )
        assert await town.databases["notify"].fetchval(DEADLINE, deadline_of(event.concern)) == 1
        assert operate(system, "replay", "notify", waiting)[0] == 2, "once"
        status, listed = operate(system, "list", "notify")
        assert not {poison, waiting} & {str(one["id"]) for one in listed}


async def test_afterwards_everything_works_and_no_log_holds_a_word_of_it(system: Addresses) -> None:
    """A concern that is registered over HTTP reaches every service; the processes' logs are searched."""
    secret = {"x-correlation-id": CANARY, "authorization": f"Bearer {CANARY}", "idempotency-key": CANARY}
    async with bus(system) as town, httpx.AsyncClient() as http:
        for url in system.services.values():
            assert (await http.get(f"{url}/health/ready")).status_code == 200
            for path in (f"/{CANARY}", f"/cases/{CANARY}?{CANARY}={CANARY}", "/concerns", f"/entries?case={CANARY}"):
                for method in ("GET", "POST", CANARY):
                    refused = await http.request(method, url + path, content=f'{{"{CANARY}":', headers=secret)
                    assert 400 <= refused.status_code < 500
                    assert CANARY not in refused.text + str(refused.headers)
        url = system.services["cases"]
        document = (await http.get(f"{url}/openapi.json")).json()
        body = document["components"]["schemas"]["ConcernBody"]["examples"][0]
        headers = {"authorization": f"Bearer {token_of(system, 'teacher')}", "idempotency-key": "a-new-one"}
        registered = (await http.post(f"{url}/concerns", json=body, headers=headers)).raise_for_status().json()
        case, deadline = registered["case"], deadline_of(ConcernRef(registered["concern"]))
        await town.watches["meetings"].until(CASE, case, gives=1)
        await town.watches["notify"].until(DEADLINE, deadline, gives=1)
        await town.watches["audit"].until("SELECT count(*) > 0 FROM entries WHERE case_ref = $1", case, gives=True)
    for name, text in logged(system).items():
        assert "record_parked" in text or name == "audit"
        assert CANARY not in text, name
