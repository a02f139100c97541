"""The whole system as processes of its own, as `lagspill up` runs it: for tests that need the real thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import httpx
from rich.console import Console

from deploy.local.process import free_port
from deploy.local.settings import LocalSettings
from deploy.local.system import Addresses, LocalSystem
from deploy.local.up import StartProgress

PORTS: Final = ("postgres", "kafka", "kafka_controller", "oidc", "cases", "meetings", "notify", "audit", "smtp")


@contextmanager
def whole_system(home: Path, begins: datetime, extra: Mapping[str, str] | None = None) -> Iterator[Addresses]:
    """Run PostgreSQL, Kafka, the OIDC server and the four services on free ports, with `home` for data and logs.

    Args:
        home: an empty folder.
        begins: where the services' simulated clocks stand at first.
        extra: more environment variables for the services.
    """
    settings = LocalSettings(home=home).model_copy(
        update={
            **{f"{part}_port": free_port() for part in PORTS},
            "database_url": None,
            "kafka_bootstrap_servers": None,
            "oidc_issuer": None,
        }
    )
    system = LocalSystem(settings, StartProgress(Console(quiet=True)), clock_start=begins, extra=extra)
    with system.running() as addresses:
        yield addresses


def token_of(addresses: Addresses, client: str) -> str:
    """Return an access token of one of the people in `deploy/local/identities.json`."""
    answer = httpx.post(
        f"{addresses.oidc_issuer}/token",
        data={"grant_type": "client_credentials", "scope": "lagspill"},
        auth=(client, "not-a-secret"),
    )
    return str(answer.raise_for_status().json()["access_token"])


def logged(addresses: Addresses) -> Mapping[str, str]:
    """Return what each service's process has written so far, by service."""
    logs = addresses.noted_in.parent / "logs"
    return {name: (logs / f"{name}.log").read_text() for name in addresses.services}
