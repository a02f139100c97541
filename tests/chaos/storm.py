"""What happens to the whole system while people work with it, and what is there when it is quiet again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from deploy.local.process import free_port
from deploy.local.system import Addresses, LocalSystem
from services.meetings.consumers import INBOX
from services.notify.consumers import inbox as notify_inbox
from services.notify.handlers import Teller
from services.notify.texts import Texts
from shared.contracts import EVENTS, TOPICS
from shared.contracts.base import EventData
from shared.contracts.codes import Language
from shared.contracts.meetings import ConsentReceiptRecorded as MeetingsReceipt
from shared.contracts.notify import ConsentReceiptRecorded as NotifyReceipt
from shared.envelope import Envelope, parse
from shared.testing.signals import Record, TopicReader, Watch
from tests.chaos.town import Town
from tests.published import Committed, committed

QUIET: Final = 120.0
"""Seconds until the system must be quiet. A message in hand of a killed process is let go after one minute."""
SERVICES: Final = ("cases", "meetings", "notify", "audit")
LOG: Final = "4005"

HANDLED: Final[Mapping[str, frozenset[str]]] = {
    "cases": frozenset({MeetingsReceipt.TYPE, NotifyReceipt.TYPE}),
    "meetings": frozenset(event.TYPE for event in INBOX.handlers),
    "notify": frozenset(
        event.TYPE for event in notify_inbox(Teller(Texts(), default=Language.NB, mails=False)).handlers
    ),
}
"""Which types each consumer has an effect for; the meetings of this storm are never held."""

_UNTAKEN: Final = """
SELECT count(*) FROM unnest($1::uuid[]) AS event (id)
WHERE NOT EXISTS (SELECT FROM inbox WHERE consumer = $2 AND event_id = event.id)
"""
_CAUGHT_UP: Final = "SELECT min(caught_up_at) > $2 FROM consumer_progress WHERE consumer = $1"
_UNPUBLISHED: Final = "SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM relay_batch)"
_UNTOLD: Final = """
SELECT (SELECT count(*) FROM errands WHERE retry_at < clock_timestamp() + interval '2 hours')
     + (SELECT count(*) FROM messages WHERE status = 'pending')
"""
"""What waits for leaders whom nobody knows is tried once a day, and is nothing that the storm has left."""
_DUE: Final = "SELECT count(*) FROM deadlines WHERE due <= $1 AND NOT parked"
_HELD: Final = "SELECT count(*) FROM entries WHERE log = $1 AND source = $2 AND number <= $3"

Course = Callable[[], Awaitable[object]]


@dataclass(frozen=True)
class Fact:
    """One event of a service's history."""

    envelope: Envelope
    data: EventData


@dataclass(frozen=True)
class Entry:
    """One entry of the log."""

    position: int
    leaf: bytes
    envelope: Envelope


@dataclass(frozen=True)
class Evidence:
    """What everybody holds when it is quiet."""

    owed: Mapping[str, Sequence[Committed]]
    """What each service has committed: its history."""
    history: Mapping[str, Sequence[Fact]]
    """The same, read; each aggregate's in order."""
    log: Sequence[Entry]
    """In the log's own order."""
    bus: Sequence[Record]
    """Everything on the topics; in order within a partition."""

    def of_type(self, name: str) -> list[Fact]:
        """Return what happened of one type, named without prefix and version: `cases.consent.granted`."""
        wanted = f"no.lagspill.{name}.v1"
        return [fact for fact in self.history[name.partition(".")[0]] if fact.envelope.type == wanted]


@dataclass
class Storm:
    """The running system, and the people in it."""

    system: LocalSystem
    addresses: Addresses
    town: Town
    now: datetime
    databases: dict[str, asyncpg.Connection] = field(default_factory=dict)
    watches: dict[str, Watch] = field(default_factory=dict)

    # --- faults -------------------------------------------------------------------------------------------------------

    async def amid(self, fault: Callable[[], Awaitable[None]], courses: Iterable[Course], answers: int = 6) -> None:
        """Let `courses` be under way all at once, strike when so many commands are answered, and let each come to its end."""
        async with asyncio.TaskGroup() as group:
            for course in courses:
                group.create_task(_done(course()))
            await self._more(answers)
            await fault()

    async def kill_and_restart(self, name: str, *, times: int = 1, wait: bool = False) -> None:
        """SIGKILL, and start again at once; `times`, each time after some more commands were answered."""
        for nth in range(times):
            if nth:
                await self._more(8)
            self.kill(name)
            await self.restart(name, wait=wait)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self.system.part(name).kill()

    async def restart(self, name: str, *, wait: bool = False) -> None:
        """Start it again; what it needs may itself be away."""
        part = self.system.part(name)
        part.prepare()
        part.launch()
        if wait:
            await asyncio.to_thread(part.wait_ready)
        self.town.signs(f"{name} is back")

    async def freeze(self, name: str, timeouts: int) -> None:
        """SIGSTOP until so many requests were given up, then SIGCONT: it answers them all, long after nobody waits."""
        given_up = self.town.troubles.seen.count("ReadTimeout")
        self.system.part(name).pause()
        await self.town.troubles.until(lambda seen: seen.count("ReadTimeout") >= given_up + timeouts)
        self.system.part(name).resume()
        self.town.signs(f"{name} goes on")

    async def two_instances(self) -> None:
        """Two of the cases service on one database: the leader of the relay dies, then the other one leaves."""
        first, town = self.system.part("cases"), self.town
        second = self.system.add_instance("cases", free_port())
        second.launch()
        await asyncio.to_thread(second.wait_ready)
        town.urls["cases"].append(second.url)

        async def one_dies() -> None:
            first.kill()

        async def one_leaves() -> None:
            await asyncio.to_thread(second.stop)
            assert second.exit_code == 0

        await self.amid(one_dies, [town.withdrawn, town.withdrawn, town.granted, town.discussed])
        await self.restart("cases", wait=True)
        await self.amid(one_leaves, [town.withdrawn, town.withdrawn, town.granted, town.discussed])
        town.urls["cases"].remove(second.url)

    async def sent_and_not_settled(self, service: str, courses: Iterable[Course]) -> None:
        """Let the relay publish all that `courses` led to, and lose its connection before that is written down.

        It must publish the very same again. The first loss makes it begin anew, so that all of it is one batch.
        """
        async with AsyncExitStack() as taking:
            await taking.enter_async_context(self._no_batch_taken(service))
            async with self._locked(service, "journal_heads"):
                await self.amid(_nothing, courses)
                await self._cut_off_relay(service)
                await taking.aclose()
                waiting = await self.databases[service].fetchval("SELECT count(*) FROM outbox WHERE scope = $1", LOG)
                await self._logged(service, await self._published(service) + waiting)
                await self._cut_off_relay(service)

    async def offsets_lost(self, *services: str) -> None:
        """Let services stop in order, the broker forget how far they had come, and let them start: all is delivered again."""
        for service in services:
            await asyncio.to_thread(self.system.part(service).stop)
            assert self.system.part(service).exit_code == 0, service
            await _rewind(self.addresses.kafka_bootstrap_servers, service)
            await self.restart(service)

    async def all_ready(self) -> None:
        """Wait until every part says that it is ready."""
        names = ("postgres", "kafka", "identity", *SERVICES)
        await asyncio.gather(*(asyncio.to_thread(self.system.part(name).wait_ready) for name in names))

    async def set_clock(self, moment: datetime, services: Sequence[str] = SERVICES) -> None:
        """Move the services' clocks."""
        self.now = moment
        for service in services:
            answer = await self.town.http.put(
                f"{self.addresses.services[service]}/development/clock", json={"now": moment.isoformat()}
            )
            assert answer.status_code == 200, answer.text

    async def days_later(self, days: int) -> None:
        """Let days pass for every service."""
        await self.set_clock(self.now + timedelta(days=days))

    async def _more(self, answers: int) -> None:
        """Wait until so many more commands are answered."""
        wanted = len(self.town.answered.seen) + answers
        await self.town.answered.until(lambda seen: len(seen) >= wanted, QUIET)

    # --- quiet --------------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Look into the databases, and be told of each change."""
        tables = {
            "cases": ("outbox", "relay_batch", "inbox", "consumer_progress", "deadlines"),
            "meetings": ("outbox", "relay_batch", "inbox", "consumer_progress"),
            "notify": (
                "outbox",
                "relay_batch",
                "inbox",
                "consumer_progress",
                "deadlines",
                "errands",
                "messages",
                "aggregates",
            ),
            "audit": ("outbox", "relay_batch", "logs"),
        }
        async with AsyncExitStack() as stack:
            for service, names in tables.items():
                dsn = self.addresses.owner(service)
                self.watches[service] = await stack.enter_async_context(Watch(dsn, *names))
                self.databases[service] = await asyncpg.connect(dsn)
                stack.push_async_callback(self.databases[service].close)
            yield

    async def quiet(self) -> None:
        """Wait until every event had every effect, everything is published, and the log holds all of it."""
        await self.all_ready()
        for consumer in HANDLED:
            now = await self.databases[consumer].fetchval("SELECT clock_timestamp()")
            await self.watches[consumer].until(_CAUGHT_UP, consumer, now, within=QUIET)
        while True:
            known = {service: await self._events(service) for service in SERVICES}
            for service in SERVICES:
                await self.watches[service].until(_UNPUBLISHED, gives=0, within=QUIET)
            for consumer, types in HANDLED.items():
                for_it = [event for events in known.values() for event, kind in events.items() if kind in types]
                await self.watches[consumer].until(_UNTAKEN, for_it, consumer, gives=0, within=QUIET)
            for service in ("cases", "notify"):
                await self.watches[service].until(_DUE, self.now, gives=0, within=QUIET)
            await self.watches["notify"].until(_UNTOLD, gives=0, within=QUIET)
            if known == {service: await self._events(service) for service in SERVICES}:
                break
        for service in SERVICES:
            await self._logged(service, await self._published(service))

    async def evidence(self) -> Evidence:
        """Return what everybody holds."""
        owed = {service: await committed(self.addresses.owner(service)) for service in SERVICES}
        rows = await self.databases["audit"].fetch(
            "SELECT position, leaf FROM entries WHERE log = $1 ORDER BY position", LOG
        )
        async with TopicReader(self.addresses.kafka_bootstrap_servers, *TOPICS) as reader:
            bus = await reader.rest()
        return Evidence(
            owed=owed,
            history={service: [_fact(one.body) for one in events] for service, events in owed.items()},
            log=[Entry(row["position"], row["leaf"], parse(row["leaf"]).envelope) for row in rows],
            bus=bus,
        )

    async def _logged(self, service: str, numbers: int) -> None:
        """Wait until the log holds so many records of the service."""
        await self.watches["audit"].until(_HELD, LOG, f"/services/{service}", numbers, gives=numbers, within=QUIET)

    @asynccontextmanager
    async def _no_batch_taken(self, service: str) -> AsyncIterator[None]:
        """Let the relay take no batch, from a moment on at which it has none in hand."""
        while True:
            await self.watches[service].until("SELECT count(*) FROM relay_batch", gives=0, within=QUIET)
            async with self._locked(service, "relay_batch") as connection:
                if await connection.fetchval("SELECT count(*) FROM relay_batch") == 0:
                    yield
                    return

    @asynccontextmanager
    async def _locked(self, service: str, table: str) -> AsyncIterator[asyncpg.Connection]:
        """Let nobody write to a table; reading goes on."""
        connection = await asyncpg.connect(self.addresses.owner(service))
        try:
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN EXCLUSIVE MODE")
                yield connection
        finally:
            await connection.close()

    async def _cut_off_relay(self, service: str) -> None:
        """End the session of the relay that leads; one that has just given up by itself begins anew as well."""
        await self.databases[service].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1",
            f"relay of /services/{service}",
        )

    async def _events(self, service: str) -> dict[UUID, str]:
        rows = await self.databases[service].fetch(
            "SELECT event_id, convert_from(body, 'UTF8')::json ->> 'type' AS type FROM events"
        )
        return {row["event_id"]: row["type"] for row in rows}

    async def _published(self, service: str) -> int:
        answer = await self.town.http.get(f"{self.addresses.services[service]}/journal/head")
        head = next(one for one in answer.raise_for_status().json()["heads"] if one["scope"] == LOG)
        return int(head["last_number"])


async def _nothing() -> None:
    """No fault."""


async def _rewind(broker: str, group: str) -> None:
    """Set back to the beginning what a consumer group, that nobody is in, has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    consumer = AIOKafkaConsumer(bootstrap_servers=broker, group_id=group, enable_auto_commit=False)
    try:
        await admin.start()
        committed_to = await admin.list_consumer_group_offsets(group)
        await consumer.start()
        consumer.assign(list(committed_to))
        await consumer.commit(dict.fromkeys(committed_to, 0))
    finally:
        await consumer.stop()
        await admin.close()


async def _done(course: Awaitable[object]) -> None:
    await course


def _fact(body: bytes) -> Fact:
    record = parse(body)
    return Fact(record.envelope, EVENTS[record.envelope.type].model_validate_json(record.data))
