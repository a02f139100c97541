"""Every seam's behaviour suite once more, against PostgreSQL and Kafka in containers from the official images."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Final

import pytest
from testcontainers.community.postgres import PostgresContainer
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

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


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """PostgreSQL in a container: the administrator's address."""
    with PostgresContainer("postgres:18-bookworm", driver=None) as container:
        yield container.get_connection_url()


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    """Kafka in a container, one KRaft node: its bootstrap servers."""
    port = free_port()
    settings = {
        "KAFKA_NODE_ID": "1",
        "KAFKA_PROCESS_ROLES": "broker,controller",
        "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
        "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
        "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
        "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{port}",
        "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "KAFKA_INTER_BROKER_LISTENER_NAME": "PLAINTEXT",
        "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
        "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
        "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
    }
    container = DockerContainer("apache/kafka:4.1.0").with_bind_ports(9092, port)
    for name, value in settings.items():
        container.with_env(name, value)
    with container.waiting_for(LogMessageWaitStrategy("Kafka Server started")):
        yield f"127.0.0.1:{port}"


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_against_containers(postgres: str, kafka: str, suite: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": postgres, "KAFKA_BOOTSTRAP_SERVERS": kafka},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
