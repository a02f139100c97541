"""A service's life against the real PostgreSQL and Kafka: it waits, is ready, and lets go in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import structlog
from aiokafka.admin import AIOKafkaAdminClient
from pydantic_core import from_json
from structlog.typing import EventDict, WrappedLogger

from deploy.topics import create_missing, declared
from shared import db
from shared.deadlines import set_deadline
from shared.kafka import WATERMARKS_TOPIC
from shared.lifecycle import PortTakenError, Service
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated, NewDatabase, NewTopicName, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import Probe, TopicReader, Watch
from tests.integration.inbox_world import MIGRATIONS, NOON, Bus, Notes, producing, publish, world_on
from tests.integration.lifecycle_service import POISON, SLOW, TinySettings, definition

pytestmark = pytest.mark.connected

FOLDER = Path(__file__).parents[2]
MODULE = "tests.integration.lifecycle_service"


@pytest.fixture
def lines() -> Iterator[Probe[EventDict]]:
    """The log's lines, as they are written."""
    seen = Probe[EventDict]()

    def report(logger: WrappedLogger, method: str, line: EventDict) -> EventDict:
        seen(line)
        raise structlog.DropEvent

    structlog.configure(processors=[report])
    yield seen
    structlog.reset_defaults()


@pytest.fixture
async def bus(broker: str, new_topic: NewTopicName, group: str) -> AsyncIterator[Bus]:
    """Topics of this test, and those that every relay publishes on."""
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    await create_missing(admin, declared("local"))
    await admin.close()
    topic = await new_topic(partitions=3)
    watermarks = await new_topic("watermarks")
    async with producing(broker) as producer:
        yield Bus(broker, topic, watermarks, group, producer, Notes(topic))


@pytest.fixture
async def dsn(migrated: Migrated) -> str:
    """A migrated database."""
    return await migrated("meetings", MIGRATIONS)


def environment(dsn: str, bus: Bus, issuer: LocalIssuer, **more: str) -> dict[str, str]:
    """Return what the service is told."""
    return {
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": bus.bootstrap,
        "OIDC_ISSUER": issuer.issuer,
        "PID_KEY": "a key of a test, thirty-two characters",
        "HTTP_PORT": "0",
        "NOTES_TOPIC": bus.topic,
        "NOTES_WATERMARKS": bus.watermarks,
        "NOTES_GROUP": bus.group,
        **more,
    }


def settings(dsn: str, bus: Bus, issuer: LocalIssuer, **more: str) -> TinySettings:
    """Return the same as settings."""
    told = {name.lower(): value for name, value in environment(dsn, bus, issuer, **more).items()}
    return TinySettings.model_validate(told)


@asynccontextmanager
async def started(told: TinySettings, *topics: str) -> AsyncIterator[Service[TinySettings]]:
    """Run the service in this process, up to the end of its start."""
    service = Service(definition(*topics), told)
    try:
        await service.start()
        yield service
    finally:
        await service.stop()


async def health(service: Service[TinySettings]) -> tuple[int, dict[str, object]]:
    """Ask whether the service is ready."""
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as client:
        answer = await client.get("/health/ready")
        return answer.status_code, answer.json()


async def test_it_starts_in_any_order_and_tells_what_it_waits_for(
    new_database: NewDatabase,
    bus: Bus,
    issuer: LocalIssuer,
    postgres_proxy: FaultProxy,
    kafka_proxy: FaultProxy,
    new_topic: NewTopicName,
    lines: Probe[EventDict],
) -> None:
    """Nothing is there at first; each part comes, and the service is ready when the last one has come."""
    dsn = await new_database()
    await postgres_proxy.refuse()
    await kafka_proxy.refuse()
    issuer.fail()
    told = settings(through(postgres_proxy, dsn), bus, issuer, KAFKA_BOOTSTRAP_SERVERS=kafka_proxy.address)
    service = Service(definition(bus.topic, bus.watermarks, WATERMARKS_TOPIC), told)
    starting = asyncio.create_task(service.start())

    try:
        await lines.until(lambda seen: any(line["event"] == "waiting" for line in seen))
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as client:
            assert (await client.get("/health/live")).json()["status"] == "live"
            answer = await client.get("/slow")
            assert (answer.status_code, answer.json()["code"]) == (503, "service-not-ready")
            assert "retry-after" in answer.headers
            assert answer.headers["content-type"] == "application/problem+json"

        assert (await health(service))[1]["reasons"] == ["it waits for its database"]
        await postgres_proxy.resume()
        await _until_waiting(lines, "migrations")
        assert (await health(service))[1]["reasons"] == ["its database is not migrated"]
        await db.migrate(dsn, "meetings", MIGRATIONS)
        await _until_waiting(lines, "broker")
        assert (await health(service))[1]["reasons"] == ["it waits for the broker and its topics"]
        await kafka_proxy.resume()
        await _until_waiting(lines, "issuer")
        assert (await health(service))[1]["reasons"] == ["it waits for the keys of the token issuer"]
        assert not starting.done()
        issuer.fail(False)
        await starting
        assert await health(service) == (200, {"status": "ready", "reasons": [], "notes": []})
        assert {line["part"] for line in lines.seen if line["event"] == "answers"} >= {"database", "migrations"}
    finally:
        starting.cancel()
        await asyncio.gather(starting, return_exceptions=True)
        await service.stop()


async def test_it_waits_for_a_topic_that_is_not_there(
    dsn: str, bus: Bus, issuer: LocalIssuer, lines: Probe[EventDict]
) -> None:
    service = Service(definition(f"{bus.topic}-not-made"), settings(dsn, bus, issuer))
    starting = asyncio.create_task(service.start())
    await _until_waiting(lines, "broker")
    assert (await health(service))[0] == 503
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await service.stop()


async def test_ready_follows_the_database(dsn: str, bus: Bus, issuer: LocalIssuer, postgres_proxy: FaultProxy) -> None:
    async with started(settings(through(postgres_proxy, dsn), bus, issuer)) as service:
        assert (await health(service))[0] == 200
        await postgres_proxy.refuse()
        status, told = await health(service)
        assert (status, told["reasons"]) == (503, ["the database does not answer"])
        await postgres_proxy.resume()
        assert (await health(service))[0] == 200


async def test_dead_letters_are_a_note_and_do_not_make_it_unready(dsn: str, bus: Bus, issuer: LocalIssuer) -> None:
    async with started(settings(dsn, bus, issuer)) as service, Watch(dsn, "dead_letters") as watch:
        await publish(bus.producer, [bus.notes.record(b"garbage")])
        await watch.until("SELECT count(*) FROM dead_letters", gives=1)
        assert await health(service) == (
            200,
            {"status": "ready", "reasons": [], "notes": [f"1 dead letters of {bus.group} wait for a person"]},
        )


@pytest.mark.parametrize("wanted", ["wanted", "required"])
async def test_employees_without_a_national_number_are_a_note_or_refused(
    dsn: str, bus: Bus, issuer: LocalIssuer, wanted: str
) -> None:
    """By nothing else is it known that a case is their own child's; it is not passed over in silence (forvaltningsloven § 6)."""
    told = settings(dsn, bus, issuer, STAFF_NATIONAL_NUMBER=wanted)
    async with started(told) as service, httpx.AsyncClient(base_url=f"http://127.0.0.1:{service.port}") as client:
        pool = await db.create_pool(dsn, application_name="lifecycle-test")
        try:
            await pool.execute("INSERT INTO gates VALUES ('request')")
        finally:
            await pool.close()
        answer = await client.get("/slow", headers={"authorization": f"Bearer {issuer.token()}"})
        assert answer.status_code == (200 if wanted == "wanted" else 401)
        notes = (await health(service))[1]["notes"]
        said = "employees sign in without a national number: their own child's case is not kept from them"
        assert notes == ([said] if wanted == "wanted" else [])


async def test_events_deadlines_and_the_relay_work_together(dsn: str, bus: Bus, issuer: LocalIssuer) -> None:
    async with (
        started(settings(dsn, bus, issuer)),
        TopicReader(bus.bootstrap, "lagspill.meetings.v1") as reader,
        world_on(dsn) as world,
        Watch(dsn, "aggregates") as watch,
    ):
        await publish(bus.producer, [bus.notes.noted(1)])
        async with world.pool.acquire() as conn:
            await set_deadline(conn, kind="tiny", key=f"due-{bus.group}", due=NOON)
        await watch.until("SELECT count(*) FROM aggregates", gives=2)
        await reader.until(lambda records: any(f"due-{bus.group}".encode() in (one.value or b"") for one in records))


async def test_a_port_in_use_is_one_sentence(dsn: str, bus: Bus, issuer: LocalIssuer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTakenError, match=f"cannot listen on 127.0.0.1:{port}"):
            async with started(settings(dsn, bus, issuer, HTTP_PORT=str(port))):
                pass
        status, _, said = await run(environment(dsn, bus, issuer, HTTP_PORT=str(port)), "serve")
    assert status == 2
    assert said.splitlines()[-1] == f"cannot listen on 127.0.0.1:{port}: Address already in use"
    assert "Traceback" not in said


async def test_settings_that_cannot_be_used_are_named_without_their_values(
    dsn: str, bus: Bus, issuer: LocalIssuer
) -> None:
    wrong = environment(dsn, bus, issuer, PID_KEY="short-and-secret", HTTP_PORT="eighty")
    del wrong["NOTES_TOPIC"]
    status, _, said = await run(wrong, "serve")
    assert status == 2
    assert all(name in said for name in ("PID_KEY", "HTTP_PORT", "NOTES_TOPIC"))
    assert "short-and-secret" not in said
    assert "eighty" not in said
    assert "Traceback" not in said


async def test_migrate_applies_once(new_database: NewDatabase, bus: Bus, issuer: LocalIssuer) -> None:
    told = environment(await new_database(), bus, issuer)
    status, said, _ = await run(told, "migrate")
    assert (status, said.splitlines()[0]) == (0, "applied kit/0001_kit.sql")
    assert "applied meetings/0001_effects.sql" in said
    assert (await run(told, "migrate"))[:2] == (0, "nothing to apply\n")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_lets_it_finish_what_is_in_hand_and_seal(
    dsn: str, bus: Bus, issuer: LocalIssuer, number: signal.Signals
) -> None:
    """A batch is in its transaction and a request under way: both are done, published and sealed before it ends."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = environment(dsn, bus, issuer, HTTP_PORT=str(port))
    await publish(bus.producer, [bus.notes.noted(1), bus.notes.noted(SLOW), bus.notes.noted(2)])
    async with (
        world_on(dsn) as world,
        serving(told) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60) as client,
    ):
        await _until_table(world.pool, "reached")
        async with Watch(dsn, "reached", "effects") as watch:
            await watch.until("SELECT count(*) FROM reached WHERE place = 'handler'", gives=1)
            headers = {"authorization": f"Bearer {issuer.token()}"}
            request = asyncio.create_task(client.get("/slow", headers=headers))
            await watch.until("SELECT count(*) FROM reached WHERE place = 'request'", gives=1)
            process.send_signal(number)
            await _until_refused(port)
            assert process.returncode is None
            assert await world.effects() == []
            await world.pool.execute("INSERT INTO gates VALUES ('handler'), ('request')")
            assert (await request).text == "done"
            assert await process.wait() == 0
        assert await world.effects() == [1, SLOW, 2]
        # Everything that it committed is published, and the seal covers it.
        assert await world.pool.fetchval("SELECT count(*) FROM outbox") == 0
        size = await world.pool.fetchval("SELECT size FROM journal_heads WHERE scope = '4005' AND unsealed = 0")
    async with TopicReader(bus.bootstrap, "lagspill.meetings.v1") as reader:
        published = [from_json(record.value or b"{}") for record in await reader.rest()]
    ours = {row["event_id"] for row in await _events(dsn)}
    assert ours <= {one["id"] for one in published}
    assert len(ours) == 4
    sealed = [one["data"]["last_number"] for one in published if one["type"].endswith("journal.sealed.v1")]
    assert size - 1 in sealed


@pytest.mark.slow
async def test_a_signal_while_it_waits_ends_it_at_once(
    dsn: str, bus: Bus, issuer: LocalIssuer, kafka_proxy: FaultProxy
) -> None:
    await kafka_proxy.refuse()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = environment(dsn, bus, issuer, HTTP_PORT=str(port), KAFKA_BOOTSTRAP_SERVERS=kafka_proxy.address)
    async with serving(told) as process:
        assert process.stderr is not None
        async for line in process.stderr:
            if b'"waiting"' in line:
                break
        process.terminate()
        assert await process.wait() == 0


async def test_an_operator_settles_dead_letters_on_the_command_line(dsn: str, bus: Bus, issuer: LocalIssuer) -> None:
    """Also when the broker and the issuer are away: the letters are in the database."""
    told = environment(dsn, bus, issuer, NOTES_POISON="1")
    async with started(settings(dsn, bus, issuer, NOTES_POISON="1")), Watch(dsn, "dead_letters") as watch:
        await publish(bus.producer, [bus.notes.noted(POISON), bus.notes.noted(14)])
        await watch.until("SELECT count(*) FROM dead_letters", gives=2)
    issuer.fail()
    told["KAFKA_BOOTSTRAP_SERVERS"] = "127.0.0.1:1"
    status, said, _ = await run(told, "dead-letters", "list")
    letters = [json.loads(line) for line in said.splitlines()]
    assert (status, [letter["reason"] for letter in letters]) == (0, ["handler-failed", "behind-parked"])
    assert (await run(told, "dead-letters", "replay", str(letters[0]["id"])))[0] == 1
    mended = {name: value for name, value in told.items() if name != "NOTES_POISON"}
    status, said, _ = await run(mended, "dead-letters", "replay", str(letters[0]["id"]))
    assert (status, [json.loads(line)["outcome"] for line in said.splitlines()]) == (0, ["effect", "effect"])
    async with world_on(dsn) as world:
        assert await world.effects() == [POISON, 14]
    status, _, said = await run(mended, "dead-letters", "replay", str(letters[0]["id"]))
    assert (status, said.splitlines()[-1]) == (2, "The dead letter has been settled already.")


# --- processes and waits ----------------------------------------------------------------------------------------------


@asynccontextmanager
async def serving(told: dict[str, str], *words: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run the service as a process; killed at the end if it still runs."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", MODULE, *(words or ("serve",))),
        env={"PATH": os.environ["PATH"], **told},
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def run(told: dict[str, str], *words: str) -> tuple[int | None, str, str]:
    """Give the service's command line `words`; return its exit status and what it said on both streams."""
    async with serving(told, *words) as process:
        output, errors = await process.communicate()
        return process.returncode, output.decode(), errors.decode()


async def _until_waiting(lines: Probe[EventDict], part: str) -> None:
    await lines.until(lambda seen: any(line["event"] == "waiting" and line["part"] == part for line in seen))


async def _until_table(pool: db.Pool, table: str) -> None:
    async with asyncio.timeout(60):
        while await pool.fetchval("SELECT to_regclass($1) IS NULL", table):
            pass


async def _until_refused(port: int) -> None:
    """Return when nobody listens there any more."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:  # refused, or reset while the listener was being closed
                return
            writer.close()


async def _events(dsn: str) -> list[dict[str, str]]:
    async with world_on(dsn) as world:
        rows = await world.pool.fetch("SELECT event_id::text FROM events")
        return [{"event_id": row["event_id"]} for row in rows]
