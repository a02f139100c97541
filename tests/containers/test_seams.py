"""Every seam's behaviour suite once more, against PostgreSQL and Kafka in containers from the official images."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from testcontainers.kafka import KafkaContainer
from testcontainers.postgres import PostgresContainer

from tests.containers.conftest import ROOT

pytestmark = [pytest.mark.containers, pytest.mark.slow, pytest.mark.timeout(1200)]

SUITES = (
    "tests/integration/test_db.py",
    "tests/integration/test_journal.py",
    "tests/integration/test_relay.py",
    "tests/integration/test_inbox.py",
    "tests/integration/test_deadlines.py",
    "tests/integration/test_vault.py",
)


@pytest.fixture(scope="module")
def servers() -> Iterator[dict[str, str]]:
    """PostgreSQL and Kafka in containers, as the environment that points the suites at them."""
    with (
        PostgresContainer("postgres:18-bookworm", driver=None) as postgres,
        KafkaContainer().with_kraft() as kafka,
    ):
        yield {
            "DATABASE_URL": postgres.get_connection_url(),
            "KAFKA_BOOTSTRAP_SERVERS": kafka.get_bootstrap_server(),
        }


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes_against_containers(servers: dict[str, str], suite: str) -> None:
    assert (ROOT / suite).exists()
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", suite],
        cwd=ROOT,
        env={**os.environ, **servers},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout[-4000:] + run.stderr[-2000:]
    assert " passed" in run.stdout
