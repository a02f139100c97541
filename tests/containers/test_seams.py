"""Every seam's behaviour suite once more, against PostgreSQL and Kafka in containers from the official images."""

from __future__ import annotations

import asyncio
import functools
import os
import subprocess
import sys
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from typing import Final

import asyncpg
import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import CompositeWaitStrategy, LogMessageWaitStrategy
from testcontainers.core.waiting_utils import WaitStrategy, WaitStrategyTarget

from deploy.local.process import free_port
from tests.containers.conftest import ROOT

pytestmark = [pytest.mark.containers, pytest.mark.slow, pytest.mark.timeout(900)]

SUITES: Final = (
    "tests/integration/test_db.py",
    "tests/integration/test_journal.py",
    "tests/integration/test_relay.py",
    "tests/integration/test_inbox.py",
    "tests/integration/test_consumer.py",
    "tests/integration/test_dead_letters.py",
    "tests/integration/test_deadlines.py",
    "tests/integration/test_vault.py",
    "tests/integration/test_audit_keeper.py",
    "tests/integration/test_audit_consumption.py",
)


@dataclass(frozen=True)
class Server:
    """A server in a container and where this machine reaches it."""

    container: DockerContainer
    address: str

    def condition(self) -> str:
        """Return what the engine says of it and the end of what it printed, to be read when a suite fails."""
        self.container.reload()
        printed = b"".join(self.container.get_logs()).decode(errors="replace")
        return f"\n{self.container.image}: {self.container.status}\n{printed[-2000:]}"


class AnswersFromHere(WaitStrategy):
    """Wait until a handshake made where the tests stand succeeds: what a server says of itself is not yet a connection to it."""

    def __init__(self, handshake: Callable[[], Coroutine[None, None, None]]) -> None:
        super().__init__()
        self._handshake = handshake
        self.with_transient_exceptions(OSError, KafkaConnectionError, asyncpg.CannotConnectNowError)

    def wait_until_ready(self, container: WaitStrategyTarget) -> None:
        if not self._poll(self._succeeds):
            raise TimeoutError(f"no handshake with {container.get_wrapped_container().name}")

    def _succeeds(self) -> bool:
        asyncio.run(self._handshake())
        return True


async def postgres_answers(address: str) -> None:
    """Sign in and leave again.

    Raises:
        OSError, asyncpg.CannotConnectNowError: it does not listen, or is starting.
    """
    connection = await asyncpg.connect(address)
    await connection.close()


async def kafka_answers(bootstrap: str) -> None:
    """Ask for the topics.

    Raises:
        KafkaConnectionError: it does not answer.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        await admin.start()
        await admin.list_topics()
    finally:
        await admin.close()


# Both on this machine's own network: a published port is one more thing between a suite and its server, and a connection that
# it refuses for a moment is no finding about either.
@pytest.fixture(scope="module")
def postgres() -> Iterator[Server]:
    """PostgreSQL in a container, and its administrator's address."""
    port = free_port()
    address = f"postgresql://test:test@127.0.0.1:{port}/test"
    settings = {"POSTGRES_USER": "test", "POSTGRES_PASSWORD": "test", "PGPORT": f"{port}"}
    container = in_container(
        "postgres:18-bookworm", settings, AnswersFromHere(functools.partial(postgres_answers, address))
    )
    with container.with_command("postgres -c listen_addresses=127.0.0.1"):
        yield Server(container, address)


@pytest.fixture(scope="module")
def kafka() -> Iterator[Server]:
    """Kafka in a container, one KRaft node, and its bootstrap servers."""
    bootstrap, controller = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": f"1@{controller}",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": f"PLAINTEXT://{bootstrap},CONTROLLER://{controller}",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{bootstrap}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    ready = CompositeWaitStrategy(
        LogMessageWaitStrategy("Kafka Server started"), AnswersFromHere(functools.partial(kafka_answers, bootstrap))
    )
    with in_container("apache/kafka:4.1.0", settings, ready) as container:
        yield Server(container, bootstrap)


def in_container(image: str, settings: dict[str, str], ready: WaitStrategy) -> DockerContainer:
    """Return a container of `image` on this machine's network, not yet started."""
    container = DockerContainer(image, network_mode="host").waiting_for(ready)
    for name, value in settings.items():
        container.with_env(name, value)
    return container


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_against_containers(postgres: Server, kafka: Server, suite: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres.address, "KAFKA_BOOTSTRAP_SERVERS": kafka.address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:] + postgres.condition() + kafka.condition()
    assert " passed" in run.stdout
