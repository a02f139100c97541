"""Debezium for real: Kafka Connect standalone with the outbox event router, over a PostgreSQL with logical decoding.

Its jars are named in `debezium.lock`, as the other Java servers' are, and fetched by the same verified cache. The clock runs
from the commit of a full outbox until the broker has the last of its events; the worker has drained an outbox of that size
before, so that its JVM is warm.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.local.jars import JarCache, locked
from deploy.local.java import find_java
from deploy.local.postgres import Postgres
from deploy.local.process import HOST, Server, free_port
from shared.clock import real_pause
from shared.envelope import parse
from shared.testing.signals import TopicReader
from tests.bench.ground import PARTITIONS, Ground, Servers, Waiting, ground, waiting_events

EVENTS: Final = 60_000
PATIENCE: Final = 180.0
"""Seconds that draining may take."""
LOCK: Final = Path(__file__).with_name("debezium.lock")
TUNED: Final = {
    "max.batch.size": "20480",
    "max.queue.size": "81920",
    "poll.interval.ms": "5",
    "producer.override.linger.ms": "5",
    "producer.override.batch.size": str(256 * 1024),
    "producer.override.buffer.memory": str(128 * 2**20),
}
"""Larger batches and queue, polled without pause; the producer waits for larger batches."""


_OUTBOX: Final = """
CREATE TABLE their_outbox (
    id uuid PRIMARY KEY, aggregatetype text NOT NULL, aggregateid text NOT NULL, type text NOT NULL, payload bytea NOT NULL
)
"""


class LogicalPostgres(Postgres):
    """A PostgreSQL whose write-ahead log can be decoded."""

    def command(self) -> list[str]:
        """Return the server's command line."""
        return [*super().command(), "-c", "wal_level=logical"]


async def debezium_rate(kafka: str, *, tuned: bool) -> tuple[float, str]:
    """Return how many events a second it passes on, and what was lost or doubled.

    Raises:
        LocalError: a server does not come up, or a jar cannot be had.
    """
    with tempfile.TemporaryDirectory(prefix="lagspill-debezium-") as place:
        folder = Path(place)
        postgres = LogicalPostgres(folder / "postgres", free_port(), log=folder / "postgres.log")
        postgres.start()
        try:
            async with ground(Servers(postgres.url(), kafka)) as own:
                return await _drain(own, folder / "connect", tuned=tuned)
        finally:
            postgres.stop()


async def _drain(own: Ground, folder: Path, *, tuned: bool) -> tuple[float, str]:
    dsn, topic = await own.database(), await own.topic("debezium")
    connection = await asyncpg.connect(dsn)
    await connection.execute(_OUTBOX)
    worker = Connect(folder, kafka=own.servers.kafka, dsn=dsn, topic=topic, tuned=tuned)
    watch = AIOKafkaConsumer(bootstrap_servers=own.servers.kafka)
    await watch.start()
    try:
        worker.start()
        warming, events = waiting_events(EVENTS), waiting_events(EVENTS)
        await _commit(connection, warming)
        await _reach(watch, topic, EVENTS)
        await _commit(connection, events)
        began = time.perf_counter()
        await _reach(watch, topic, EVENTS * 2)
        seconds = time.perf_counter() - began
    except TimeoutError:
        return 0.0, f"Debezium did not pass on {EVENTS} events in {PATIENCE:.0f} seconds"
    finally:
        await watch.stop()
        worker.stop()
        await connection.close()
    return EVENTS / seconds, await _wrong(own, topic, [*warming, *events])


async def _commit(connection: asyncpg.Connection[asyncpg.Record], events: list[Waiting]) -> None:
    await connection.copy_records_to_table(
        "their_outbox",
        columns=["id", "aggregatetype", "aggregateid", "type", "payload"],
        records=[(event.id, "tally", event.key, "added", event.body) for event in events],
    )


async def _reach(watch: AIOKafkaConsumer, topic: str, count: int) -> None:
    """Return when the topic holds that many records; asking the broker costs the one who is measured nothing to speak of."""
    partitions = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    async with asyncio.timeout(PATIENCE):
        while sum((await watch.end_offsets(partitions)).values()) < count:
            await real_pause(0.01)


async def _wrong(own: Ground, topic: str, events: list[Waiting]) -> str:
    async with TopicReader(own.servers.kafka, topic) as reader:
        ids = [parse(record.value or b"").envelope.id for record in await reader.rest(within=120.0)]
    return "" if sorted(ids) == sorted(event.id for event in events) else f"{len(ids)} records for {len(events)} events"


class Connect(Server):
    """One Connect worker with one connector, which drains `outbox` of one database.

    Args:
        folder: its settings, offsets and log.
        kafka: bootstrap servers.
        dsn: the database; its outbox table is Debezium's own layout.
        topic: where the events go.
        tuned: with `TUNED`, else with Debezium's and Connect's defaults.
    """

    stop_within = 30.0

    def __init__(self, folder: Path, *, kafka: str, dsn: str, topic: str, tuned: bool) -> None:
        super().__init__("debezium", log=folder / "debezium.log", patience=90.0)
        self._folder = folder
        self._kafka = kafka
        self._dsn = dsn
        self._topic = topic
        self._tuned = tuned
        self._port = free_port()
        self._jars = JarCache()

    def prepare(self) -> None:
        """Fetch the jars and write the settings.

        Raises:
            LocalError: a jar cannot be had.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._jars.fetch(locked("debezium", LOCK))
        _write(self._folder / "worker.properties", self._worker())
        _write(self._folder / "connector.properties", self._connector())
        (self._folder / "log4j2.properties").write_text(
            "rootLogger.level=warn\nrootLogger.appenderRef.out.ref=out\nappender.out.type=Console\nappender.out.name=out\n"
            "appender.out.layout.type=PatternLayout\nappender.out.layout.pattern=%d %p %c %m%n\n"
        )

    def command(self) -> list[str]:
        """Return the worker's command line."""
        classpath = ":".join(str(jar) for jar in self._jars.fetch(locked("debezium", LOCK)))
        options = ["-Xmx1g", f"-Dlog4j2.configurationFile={self._folder / 'log4j2.properties'}"]
        main = "org.apache.kafka.connect.cli.ConnectStandalone"
        settings = [str(self._folder / name) for name in ("worker.properties", "connector.properties")]
        return [str(find_java()), *options, "-cp", classpath, main, *settings]

    def ready(self) -> bool:
        """Tell whether the connector's task runs."""
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._port}/connectors/outbox/status", timeout=2) as answer:
                return bool(answer.read().count(b'"RUNNING"') == 2)
        except (urllib.error.URLError, OSError):
            return False

    def _worker(self) -> dict[str, str]:
        bytes_as_they_are = "org.apache.kafka.connect.converters.ByteArrayConverter"
        return {
            "bootstrap.servers": self._kafka,
            "listeners": f"http://{HOST}:{self._port}",
            "key.converter": "org.apache.kafka.connect.storage.StringConverter",
            "value.converter": bytes_as_they_are,
            "offset.storage.file.filename": str(self._folder / "offsets"),
            "connector.client.config.override.policy": "All",
            "plugin.discovery": "service_load",
            "plugin.path": "",
        }

    def _connector(self) -> dict[str, str]:
        address = urlsplit(self._dsn)
        return {
            "name": "outbox",
            "connector.class": "io.debezium.connector.postgresql.PostgresConnector",
            "tasks.max": "1",
            "plugin.name": "pgoutput",
            "database.hostname": address.hostname or HOST,
            "database.port": str(address.port),
            "database.user": address.username or "",
            "database.password": address.password or "",
            "database.dbname": address.path.lstrip("/"),
            "topic.prefix": "debezium",
            "table.include.list": "public.their_outbox",
            "publication.autocreate.mode": "filtered",
            "slot.name": address.path.lstrip("/"),
            "slot.drop.on.stop": "true",
            "snapshot.mode": "no_data",
            "tombstones.on.delete": "false",
            "transforms": "outbox",
            "transforms.outbox.type": "io.debezium.transforms.outbox.EventRouter",
            "transforms.outbox.table.field.event.key": "aggregateid",
            "transforms.outbox.route.topic.replacement": self._topic,
            "producer.override.acks": "all",
            **(TUNED if self._tuned else {}),
        }


def _write(file: Path, settings: dict[str, str]) -> None:
    file.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
