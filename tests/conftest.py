"""The servers that the suites run against: those given by the environment, else real ones started by this run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from deploy.local.identity import IdentityServer
from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
from tests.memory import quick_folder

pytest_plugins = ["shared.testing.plugin"]
# How long one example takes is the machine's affair, and that of whatever else it does.
settings.register_profile("explore", deadline=None)
# The same examples each time, so that a red run is what was changed and not what was drawn; others are drawn with
# --hypothesis-profile=explore, as often as one likes.
settings.register_profile("lagspill", deadline=None, derandomize=True)
settings.load_profile("lagspill")


@pytest.fixture(scope="session")
def servers_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where this run's servers keep their data and logs."""
    return tmp_path_factory.mktemp("servers")


@pytest.fixture(scope="session")
def postgres(servers_folder: Path) -> Iterator[str]:
    """The address of a PostgreSQL 18 for a role that may create databases: DATABASE_URL, else one of this run's own."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
        return
    with quick_folder(servers_folder) as folder:
        server = Postgres(folder / "postgres", free_port(), log=servers_folder / "postgres.log", durable=False)
        server.start()
        yield server.url()
        server.stop()


@pytest.fixture(scope="session")
def kafka(servers_folder: Path) -> Iterator[str]:
    """Bootstrap servers of an Apache Kafka: KAFKA_BOOTSTRAP_SERVERS, else one of this run's own."""
    given = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if given:
        yield given
        return
    server = Kafka(servers_folder / "kafka", free_port(), free_port(), log=servers_folder / "kafka.log")
    server.start()
    yield server.bootstrap_servers
    server.stop()


@pytest.fixture(scope="session")
def oidc(servers_folder: Path) -> Iterator[str]:
    """The issuer of an OIDC server that knows the people of the local set: OIDC_ISSUER, else one of this run's own."""
    given = os.environ.get("OIDC_ISSUER")
    if given:
        yield given
        return
    server = IdentityServer(free_port(), log=servers_folder / "identity.log")
    server.start()
    yield server.issuer
    server.stop()
