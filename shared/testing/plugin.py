"""The pytest plugin: fixtures on top of `postgres` (an administrator's address) and `kafka` (bootstrap servers)."""

from __future__ import annotations

import hashlib
import itertools
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared import db
from shared.clock import SimulatedClock
from shared.testing.ids import SeededIds
from shared.testing.issuer import LocalIssuer
from shared.testing.proxy import FaultProxy

NewDatabase = Callable[[], Awaitable[str]]
Migrated = Callable[[str, Path], Awaitable[str]]
NewTopicName = Callable[..., Awaitable[str]]

_RUN = f"t{os.getpid()}{secrets.token_hex(3)}"
"""In the name of everything this run makes: runs share servers without meeting."""
_counter = itertools.count(1)


class Databases:
    """Makes databases on one server and drops them again."""

    def __init__(self, admin: str) -> None:
        self.admin = admin
        self._made: list[str] = []

    async def create(self, template: str = "template0") -> str:
        """Return the address of a new database, a copy of `template`."""
        name = f"{_RUN}_{next(_counter)}"
        # Copied as files, since what is written by the log is paid for twice.
        await self._execute(f'create database "{name}" template "{template}" strategy file_copy')
        self._made.append(name)
        return at(self.admin, name)

    async def drop_all(self) -> None:
        """Drop what was made, whoever is still connected."""
        while self._made:
            await self._execute(f'drop database if exists "{self._made.pop()}" with (force)')

    async def _execute(self, statement: str) -> None:
        connection = await asyncpg.connect(self.admin)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def at(dsn: str, database: str) -> str:
    """Return the address of another database on the same server."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


@pytest_asyncio.fixture
async def databases(postgres: str) -> AsyncIterator[Databases]:
    """Databases of this test, dropped after it."""
    made = Databases(postgres)
    yield made
    await made.drop_all()


@pytest.fixture
def new_database(databases: Databases) -> NewDatabase:
    """Make an empty database; any number of them."""
    return databases.create


@pytest_asyncio.fixture
async def database(databases: Databases) -> str:
    """An empty database of this test alone."""
    return await databases.create()


class Templates(Databases):
    """Migrated databases to copy from: migrations run once per run, a copy takes 15 ms."""

    def __init__(self, admin: str) -> None:
        super().__init__(admin)
        self._known: dict[str, str] = {}

    async def name(self, service: str, folder: Path) -> str:
        """Return the name of a database with the kit's and `folder`'s migrations."""
        key = _fingerprint(service, folder)
        if key not in self._known:
            dsn = await self.create()
            await db.migrate(dsn, service, folder)
            self._known[key] = urlsplit(dsn).path.lstrip("/")
        return self._known[key]


def _fingerprint(service: str, folder: Path) -> str:
    files = sorted([*Path(db.__file__).with_name("migrations").glob("*.sql"), *folder.glob("*.sql")])
    return hashlib.sha256(b"\0".join([service.encode(), *(file.read_bytes() for file in files)])).hexdigest()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def templates(postgres: str) -> AsyncIterator[Templates]:
    """Migrated databases of this run."""
    made = Templates(postgres)
    yield made
    await made.drop_all()


@pytest.fixture
def migrated(databases: Databases, templates: Templates) -> Migrated:
    """Make a migrated database of this test: `await migrated("cases", folder)`."""

    async def make(service: str, folder: Path) -> str:
        return await databases.create(await templates.name(service, folder))

    return make


@pytest.fixture
def broker(kafka: str) -> str:
    """Bootstrap servers."""
    return kafka


@pytest_asyncio.fixture
async def new_topic(kafka: str) -> AsyncIterator[NewTopicName]:
    """Make a topic with a name of its own: `await new_topic(partitions=3, config={...})`; deleted after the test."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    made: list[str] = []

    async def make(label: str = "topic", *, partitions: int = 1, config: dict[str, str] | None = None) -> str:
        name = f"{_RUN}.{label}.{next(_counter)}"
        answer = await admin.create_topics([NewTopic(name, partitions, 1, topic_configs=config or {})])
        assert not any(error[1] for error in answer.topic_errors), answer
        made.append(name)
        return name

    yield make
    if made:
        await admin.delete_topics(made)
    await admin.close()


@pytest_asyncio.fixture
async def topic(new_topic: NewTopicName) -> str:
    """A topic of this test alone, with three partitions."""
    return await new_topic(partitions=3)


@pytest.fixture
def group() -> str:
    """A consumer group of this test alone."""
    return f"{_RUN}.group.{next(_counter)}"


@pytest_asyncio.fixture
async def postgres_proxy(postgres: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of PostgreSQL that fails on demand; `through(proxy, dsn)` gives the address that leads through it."""
    address = urlsplit(postgres)
    async with FaultProxy(address.hostname or "127.0.0.1", address.port or 5432) as proxy:
        yield proxy


def through(proxy: FaultProxy, dsn: str) -> str:
    """Return `dsn` with the proxy's host and port."""
    address = urlsplit(dsn)
    login = address.netloc.rpartition("@")[0]
    return urlunsplit(address._replace(netloc=f"{login}@{proxy.address}" if login else proxy.address))


@pytest_asyncio.fixture
async def kafka_proxy(kafka: str) -> AsyncIterator[FaultProxy]:
    """A proxy in front of Kafka that fails on demand; its `address` is the bootstrap server, and clients stay behind it."""
    host, _, port = kafka.partition(",")[0].rpartition(":")
    async with FaultProxy(host, int(port), kafka=True) as proxy:
        yield proxy


@pytest.fixture
def issuer() -> Iterator[LocalIssuer]:
    """An OIDC issuer of this test alone, over real HTTP; `issuer.token({...})` signs."""
    local = LocalIssuer()
    yield local
    local.close()


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that stands at 7 September 2026, 10:00 in Norway, until the test moves it."""
    return SimulatedClock(datetime(2026, 9, 7, 8, 0, tzinfo=UTC))


@pytest.fixture
def ids() -> SeededIds:
    """Identifiers that are the same in every run."""
    return SeededIds()
