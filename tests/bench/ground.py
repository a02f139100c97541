"""What the measurements stand on: the servers, and databases and topics made for one run and dropped after it."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
from shared.db import migrate
from shared.envelope import describe, seal
from shared.refs import RandomIds
from shared.testing.plugin import at
from tests.tally import NO_MIGRATIONS, NOON, NOTODDEN, SOURCE, Added

PARTITIONS = 6


@dataclass(frozen=True)
class Servers:
    """Where PostgreSQL and Kafka are."""

    postgres: str
    kafka: str


@contextmanager
def servers() -> Iterator[Servers]:
    """Give the servers of the environment, else real ones of this run's own, which keep every promise of durability."""
    given = os.environ.get("DATABASE_URL"), os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    with tempfile.TemporaryDirectory(prefix="lagspill-bench-") as place:
        folder = Path(place)
        postgres = kafka = None
        try:
            if not given[0]:
                postgres = Postgres(folder / "postgres", free_port(), log=folder / "postgres.log")
                postgres.start()
            if not given[1]:
                kafka = Kafka(folder / "kafka", free_port(), free_port(), log=folder / "kafka.log", lasting=True)
                kafka.start()
            yield Servers(
                given[0] or (postgres.url() if postgres else ""), given[1] or (kafka.bootstrap_servers if kafka else "")
            )
        finally:
            if kafka is not None:
                kafka.stop()
            if postgres is not None:
                postgres.stop()


@dataclass
class Ground:
    """Makes databases and topics, and remembers them."""

    servers: Servers
    kafka: AIOKafkaAdminClient
    _run: str = field(default_factory=lambda: f"bench{secrets.token_hex(3)}")
    _databases: list[str] = field(default_factory=list)
    _topics: list[str] = field(default_factory=list)

    async def database(self) -> str:
        """Return the address of a new database with the kit's tables."""
        name = f"{self._run}_{len(self._databases)}"
        self._databases.append(name)
        await self._execute(f'CREATE DATABASE "{name}"')
        dsn = at(self.servers.postgres, name)
        await migrate(dsn, "bench", NO_MIGRATIONS)
        return dsn

    async def topic(self, label: str, *, partitions: int = PARTITIONS) -> str:
        """Return the name of a new topic."""
        name = f"{self._run}.{label}.{len(self._topics)}"
        answer = await self.kafka.create_topics([NewTopic(name, partitions, 1)])
        if any(error[1] for error in answer.topic_errors):
            raise RuntimeError(f"the topic {name} could not be made: {answer}")
        self._topics.append(name)
        return name

    async def clear(self) -> None:
        """Drop everything."""
        if self._topics:
            await self.kafka.delete_topics(self._topics)
        for name in self._databases:
            await self._execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.servers.postgres)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


@asynccontextmanager
async def ground(given: Servers) -> AsyncIterator[Ground]:
    """Give new ground, and clear it afterwards."""
    async with AsyncExitStack() as stack:
        admin = AIOKafkaAdminClient(bootstrap_servers=given.kafka)
        await admin.start()
        stack.push_async_callback(admin.close)
        made = Ground(given, admin)
        stack.push_async_callback(made.clear)
        yield made


@dataclass(frozen=True)
class Waiting:
    """One event as it stands in an outbox."""

    id: UUID
    key: str
    body: bytes


def waiting_events(count: int, *, keys: int = 5000) -> list[Waiting]:
    """Return that many events of some 870 bytes, by turns about `keys` cases."""
    ids = RandomIds()
    cases = [ids.ref("cas") for _ in range(keys)]
    note = "n" * 200
    return [_waiting(ids.event_id(), cases[nth % keys], nth, note, nth // keys + 1) for nth in range(count)]


def _waiting(event_id: UUID, case: str, amount: int, note: str, sequence: int) -> Waiting:
    data = Added(tally=case, amount=amount, note=note)
    envelope = describe(
        data,
        event_id=event_id,
        source=SOURCE,
        happened=NOON,
        recorded=NOON,
        scope=NOTODDEN,
        correlation=event_id,
        sequence=sequence,
    )
    return Waiting(event_id, case, seal(data, envelope))


async def fill_outbox(dsn: str, topic: str, events: list[Waiting]) -> None:
    """Put `events` into the outbox, for `topic`."""
    connection = await asyncpg.connect(dsn)
    try:
        await connection.copy_records_to_table(
            "outbox",
            columns=["event_id", "scope", "topic", "key", "body"],
            records=[(event.id, NOTODDEN, topic, event.key, event.body) for event in events],
        )
        await connection.execute("ANALYZE outbox")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()
