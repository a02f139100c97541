"""The compose file as it stands: built, started, health-gated, and the first rows of the story played against it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from deploy.demo.story import BEGINS
from tests.containers.conftest import ROOT

pytestmark = [pytest.mark.containers, pytest.mark.slow, pytest.mark.timeout(900)]

# A project of its own: nobody's running set is touched.
SETTINGS: Final = {
    "COMPOSE_PROJECT_NAME": "lagspill-test",
    "COMPOSE_PROFILES": "story",
    "LAGSPILL_DEVELOPMENT": "1",
    "LAGSPILL_CLOCK": "simulated",
    "LAGSPILL_CLOCK_START": BEGINS.isoformat(),
}
SERVICES: Final = ("cases", "meetings", "notify", "audit", "neighbour")


def compose(*arguments: str) -> str:
    """Run `docker compose` and return what it printed."""
    run = subprocess.run(
        ["docker", "compose", *arguments],
        cwd=ROOT,
        env={**os.environ, **SETTINGS},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, f"docker compose {' '.join(arguments)}: {run.stdout[-2000:]}{run.stderr[-4000:]}"
    return run.stdout


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    """Everything built and up, until the module ends."""
    compose("build", "keys")
    try:
        compose("up", "--detach", "--wait", "--wait-timeout", "240", *SERVICES)
        yield
    finally:
        compose("down", "--volumes", "--timeout", "30")


def inspect(service: str, path: str) -> object:
    """Return what the engine says of a service's container."""
    container = compose("ps", "--all", "--quiet", service).strip()
    run = subprocess.run(
        ["docker", "inspect", "--format", f"{{{{json {path}}}}}", container], capture_output=True, text=True, check=True
    )
    answer: object = json.loads(run.stdout)
    return answer


def test_every_service_is_healthy() -> None:
    assert {service: inspect(service, ".State.Health.Status") for service in SERVICES} == dict.fromkeys(
        SERVICES, "healthy"
    )


def test_no_service_runs_as_root_or_may_write_its_image() -> None:
    for service in SERVICES:
        assert compose("exec", "--no-TTY", service, "id", "-u").strip() == "10001"
        assert inspect(service, ".HostConfig.ReadonlyRootfs") is True
        assert inspect(service, ".HostConfig.CapDrop") == ["ALL"]


def test_the_jobs_may_run_again() -> None:
    for job in (
        "keys",
        "topics",
        "migrate-cases",
        "migrate-meetings",
        "migrate-notify",
        "migrate-audit",
        "migrate-neighbour",
    ):
        compose("run", "--rm", "--no-deps", job)


@pytest.mark.story(2, 3, 4, 5, 6, 7, 8, 23)
def test_the_story_s_first_rows_hold_and_the_two_deployments_witness_each_other() -> None:
    """The log verifies with public keys alone and a policy that asks for the neighbour's cosignature; the neighbour's has ours."""
    told = " ".join(compose("run", "--rm", "--no-deps", "story").split())
    assert "The rows hold: 8" in told
    assert "root recomputed, signature and the neighbour's cosignature good" in told
    assert "Notodden's witness has cosigned the neighbour's log" in told


def test_the_auditor_signs_in_to_the_pages() -> None:
    """As a browser on this machine does it: the issuer's name is its own, and the service asks the issuer under the same."""
    with httpx.Client(timeout=30) as browser:
        page = browser.get("http://127.0.0.1:8004/pages/sign-in/begin")
        seen = []
        while page.is_redirect:
            there = urlsplit(str(page.next_request.url if page.next_request else ""))
            seen.append(there.hostname)
            address = there._replace(netloc=there.netloc.replace("identity.localhost", "127.0.0.1")).geturl()
            page = browser.get(address, headers={"Host": there.netloc})
    assert "identity.localhost" in seen
    assert page.status_code == 200
    assert page.url.path.startswith("/pages/")
    assert page.url.path != "/pages/sign-in"


def test_a_service_stops_gracefully_and_comes_back() -> None:
    compose("stop", "cases")
    assert inspect("cases", ".State.ExitCode") == 0
    compose("up", "--detach", "--wait", "--wait-timeout", "120", "--no-deps", "cases")
