"""The subscriber of the documentation, run as its reader would, against a real broker and what a real relay published."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from datetime import date, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from aiokafka import AIOKafkaProducer
from pydantic_core import from_json

from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.contracts.cases import CaseAnonymised, ConsentGranted, ConsentWithdrawn, EvidenceForm
from shared.contracts.codes import GrantorClass, InformationCategory, Purpose, Scope, Service
from shared.refs import CaseRef, ConsentRef
from shared.relay import Step
from shared.testing.signals import WITHIN, Record, TopicReader
from tests.relay_world import Migrated, NewTopic, Steps, World, new_world
from tests.tally import NOON, RANDOM, context

pytestmark = pytest.mark.connected

SUBSCRIBER = Path(__file__).resolve().parents[2] / "docs" / "examples" / "subscriber.py"
SCOPE = Scope(
    services=frozenset({Service.PPT}),
    categories=frozenset({InformationCategory.LANGUAGE}),
    purposes=frozenset({Purpose.ASSESSMENT}),
)


class Nothing(Model):
    """A state that nothing changes: only the events matter here."""


CASE = Aggregate("case", Nothing, Nothing(), lambda state, _: state)


class DiesOnce(Steps):
    """Fails the relay once, when the broker has a batch and the database does not know it yet."""

    def reached(self, step: Step) -> None:
        """Take note, and fail at the first batch that was sent."""
        first = step is Step.SENT and step not in self.seen
        super().reached(step)
        if first:
            raise RuntimeError


@pytest_asyncio.fixture
async def world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """A migrated database and topics of this test alone."""
    async with new_world(migrated, broker, new_topic) as made:
        yield made


def granted(case: str, consent: str, *, active: bool) -> ConsentGranted:
    """One guardian has granted."""
    return ConsentGranted(
        case=CaseRef(case),
        consent=ConsentRef(consent),
        version=1,
        grantor=GrantorClass.GUARDIAN,
        ordinal=2 if active else 1,
        evidence=EvidenceForm.E_ID,
        active=active,
        scope=SCOPE,
        valid_from=date(2026, 9, 7),
        valid_to=date(2027, 6, 18),
    )


def withdrawn(case: str, consent: str) -> ConsentWithdrawn:
    """The whole consent was withdrawn."""
    return ConsentWithdrawn(
        case=CaseRef(case), consent=ConsentRef(consent), version=1, ended=SCOPE, effective_at=NOON + timedelta(days=9)
    )


def happening(events: Sequence[EventData]) -> Callable[[Nothing], Sequence[EventData]]:
    """The decision that these events happen."""
    return lambda _: events


async def publish(world: World) -> dict[str, bool]:
    """Let three cases live through a consent, the relay failing once on the way; return which consents are in force."""
    journal = world.journal()
    expected = {}
    for ends, complete in ((False, True), (True, True), (False, False)):
        case, consent = RANDOM.ref("cas"), RANDOM.ref("cst")
        histories: list[list[EventData]] = [[granted(case, consent, active=False)]]
        if complete:
            histories.append([granted(case, consent, active=True)])
        if ends:
            histories.append([withdrawn(case, consent), CaseAnonymised(case=CaseRef(case))])
        for events in histories:
            await journal.change(CASE, case, context(), happening(events))
        expected[consent] = complete and not ends
    world.steps = DiesOnce()
    async with world.relay():
        await world.steps.until(lambda seen: Step.DRAINED in seen)
    assert Step.FAILED in world.steps.seen
    return expected


async def records(world: World) -> list[Record]:
    """Everything on the service's topic."""
    async with TopicReader(world.broker, world.events) as reader:
        return await reader.rest()


@asynccontextmanager
async def subscriber(world: World, group: str, file: Path, topic: str) -> AsyncIterator[Process]:
    """Run the file of the documentation, and kill it: it must bear that at any time."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(SUBSCRIBER),
        group,
        str(file),
        topic,
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": world.broker},
        stdout=PIPE,
        stderr=PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def outcomes(process: Process, count: int) -> list[str]:
    """Return the first word of the subscriber's first `count` lines."""
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN):
        return [(await process.stdout.readline()).split()[0].decode() for _ in range(count)]


def consents(file: Path) -> dict[str, bool]:
    """What the subscriber knows."""
    with closing(sqlite3.connect(file)) as db:
        return {consent: bool(in_force) for consent, in_force in db.execute("SELECT consent, in_force FROM consents")}


async def test_every_event_has_its_effect_once_though_the_relay_sent_it_twice(
    world: World, group: str, tmp_path: Path
) -> None:
    """And again after the consumer group has lost its place."""
    expected = await publish(world)
    published = await records(world)
    file = tmp_path / "consents.db"
    async with subscriber(world, group, file, world.events) as process:
        assert Counter(await outcomes(process, len(published))) == {"new": 7, "duplicate": 7, "uncounted": 1}
    assert consents(file) == expected
    async with subscriber(world, f"{group}.anew", file, world.events) as process:
        assert set(await outcomes(process, len(published))) == {"duplicate", "uncounted"}
    assert consents(file) == expected


async def test_a_lost_event_stops_the_subscriber(world: World, group: str, tmp_path: Path, new_topic: NewTopic) -> None:
    """The withdrawal never came; what followed it must not be taken for the truth."""
    await publish(world)
    faulty = await new_topic("faulty")
    published = await records(world)
    lost = next(from_json(record.value) for record in published if b"consent.withdrawn" in record.value)
    async with AIOKafkaProducer(bootstrap_servers=world.broker) as producer:
        for record in published:
            if from_json(record.value)["id"] != lost["id"]:
                await producer.send_and_wait(faulty, record.value, key=record.key)
    file = tmp_path / "consents.db"
    async with subscriber(world, group, file, faulty) as process:
        async with asyncio.timeout(WITHIN):
            _, told = await process.communicate()
        assert (process.returncode, told.decode().strip()) == (1, f"lost: {lost['subject']} 3 to 3")
    assert consents(file)[lost["data"]["consent"]] is True
