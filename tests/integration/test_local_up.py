"""`lagspill up` as a person uses it: it comes up whole, says where everything is, and leaves no process behind, however it ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest
from axe_playwright_python.async_playwright import Axe

from deploy.local.process import HOST, free_port
from deploy.local.system import ADDRESSES, Addresses
from shared.dead_letters import Reason, park
from tests.e2e.pages_world import chromium, needs_chromium

pytestmark = [pytest.mark.connected, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
GIVEN = ("DATABASE_URL", "KAFKA_BOOTSTRAP_SERVERS", "OIDC_ISSUER", "SMTP_HOST")
PARTS = ("POSTGRES", "KAFKA", "KAFKA_CONTROLLER", "OIDC", "CASES", "MEETINGS", "NOTIFY", "AUDIT", "NEIGHBOUR", "SMTP")


def environment_of(home: Path) -> dict[str, str]:
    """Return an environment in which everything is embedded, in a folder and on ports of its own."""
    inherited = {name: value for name, value in os.environ.items() if name not in GIVEN}
    return {
        **inherited,
        "LAGSPILL_HOME": str(home),
        "COLUMNS": "160",
        **{f"LAGSPILL_{part}_PORT": str(free_port()) for part in PARTS},
    }


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return environment_of(tmp_path / "home")


def lagspill(*arguments: str, environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "deploy.cli", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


class Up:
    """A running `lagspill up`, or another command that brings everything up."""

    def __init__(self, environment: Mapping[str, str], command: str) -> None:
        self.environment = environment
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.cli", command],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []

    def until(self, text: str) -> None:
        """Read its output until a line holds `text`."""
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            if text in line:
                return
        pytest.fail(f"it ended without {text!r}:\n{''.join(self.lines[-60:])}")

    def family(self) -> list[psutil.Process]:
        """Return every process it has started."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end and return the exit code."""
        assert self.process.stdout is not None
        self.lines += self.process.stdout.readlines()
        return self.process.wait(120)

    def addresses(self) -> Addresses:
        return Addresses.model_validate_json((Path(self.environment["LAGSPILL_HOME"]) / ADDRESSES).read_bytes())


@contextmanager
def running(environment: Mapping[str, str], *, command: str = "up", until: str = "Everything is ready") -> Iterator[Up]:
    up = Up(environment, command)
    try:
        up.until(until)
        yield up
    finally:
        if up.process.poll() is None:
            up.end(signal.SIGTERM)
        assert up.process.stdout is not None
        up.process.stdout.close()


def assert_gone(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=60)
    assert alive == []


def assert_ports_free(environment: Mapping[str, str]) -> None:
    for part in PARTS:
        with socket.create_server((HOST, int(environment[f"LAGSPILL_{part}_PORT"])), reuse_port=False):
            pass


@dataclass(frozen=True)
class Poison:
    """A record that nobody can handle."""

    topic: str = "lagspill.cases"
    partition: int = 0
    offset: int = 1_000_000
    key: bytes | None = b"cas_x"
    value: bytes | None = b"{}"
    headers: tuple[tuple[str, bytes], ...] = ()


async def the_operators_page_shows_what_waits_and_lets_it_go(environment: dict[str, str], addresses: Addresses) -> None:
    """`lagspill status --page` beside what runs: a letter is given up by a form in a browser."""
    meetings = await asyncpg.connect(addresses.databases["meetings"])
    await park(
        meetings,
        "lagspill.meetings",
        Poison(),
        reason=Reason.MALFORMED,
        detail="no event",
        envelope=None,
        claimed=False,
    )
    await meetings.execute(
        "INSERT INTO deadlines (kind, key, due, payload, attempts, parked) VALUES ('no-such', 'x', now(), '{}', 5, true)"
    )
    port = free_port()
    command = ("-m", "deploy.cli", "status", "--page", "--port", str(port))
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=ROOT, env=environment, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        address = (await process.stdout.readline()).decode().split()[-1]
        async with chromium() as browser:
            page = await browser.new_page(bypass_csp=True)
            await page.goto(address)
            page.set_default_timeout(120_000)
            assert page.url == f"http://{HOST}:{port}/", "the key is in no address any more"
            assert await page.locator("td.good").count() >= 4
            assert await page.locator("td.bad").count() == 0, "every service is ready"
            assert (await Axe().run(page)).violations_count == 0
            await page.get_by_label("Why letter 1 of meetings is given up, as a code").fill("only-a-test")
            await page.get_by_role("button", name="Give up letter 1 of meetings").click()
            assert "Letter 1 of meetings: done." in await page.inner_text("[role=status]")
            assert await page.get_by_text("None waits.").count() == 1
            assert await page.get_by_role("button", name="Try again no-such of meetings").count() == 1
    finally:
        process.send_signal(signal.SIGINT)
        await process.communicate()
    assert await meetings.fetchval("SELECT settled_reason FROM dead_letters") == "only-a-test"
    await meetings.close()


@needs_chromium
async def test_everything_comes_up_is_shown_keeps_its_data_and_goes_down(environment: dict[str, str]) -> None:
    with running(environment) as up:
        family = up.family()
        assert len(family) >= 8  # PostgreSQL, Kafka, identity, four services, the neighbour's log
        addresses = up.addresses()
        async with httpx.AsyncClient() as http:
            for service, url in addresses.services.items():
                assert (await http.get(f"{url}/health/ready")).status_code == 200, service
        connection = await asyncpg.connect(addresses.databases["cases"])
        await connection.execute("create table kept (a int); insert into kept values (42)")
        await connection.close()

        shown = lagspill("status", environment=environment)
        assert shown.returncode == 0, shown.stdout + shown.stderr
        assert shown.stdout.count("ready") >= 4
        assert {"cases", "meetings", "notify", "audit"} <= set(shown.stdout.split())
        assert lagspill("topics", "--check", environment=environment).stdout.strip() == "Every topic is as declared."
        assert lagspill("dead-letters", "list", "cases", environment=environment).stdout == ""

        await the_operators_page_shows_what_waits_and_lets_it_go(environment, addresses)

        second = lagspill("up", environment=environment)
        assert second.returncode == 1
        assert "runs in" in second.stderr
        assert second.stderr.startswith("lagspill: ")
        assert len(second.stderr.strip().splitlines()) == 1

        assert up.end(signal.SIGINT) == 0
    assert_gone(family)
    assert_ports_free(environment)
    assert not (Path(environment["LAGSPILL_HOME"]) / ADDRESSES).exists()
    stopped = lagspill("status", environment=environment)
    assert stopped.returncode == 1
    assert "not running" in stopped.stdout

    with running(environment) as up:
        family = up.family()
        connection = await asyncpg.connect(up.addresses().databases["cases"])
        assert await connection.fetchval("select a from kept") == 42
        await connection.close()
        assert up.end(signal.SIGTERM) == 0
    assert_gone(family)


def test_ctrl_c_while_it_starts_leaves_nothing(environment: dict[str, str]) -> None:
    with running(environment, until="postgres ready") as up:
        family = up.family()
        assert family
        assert up.end(signal.SIGINT) == 0
    assert_gone(family)
    assert_ports_free(environment)


@pytest.mark.parametrize("moment", ["postgres ready", "(row 4)", "(row 24)"])
def test_ctrl_c_in_the_demo_stops_every_process(environment: dict[str, str], moment: str) -> None:
    """While it starts, while people act, and while the attacker holds the log's tables locked."""
    with running({**environment, "PYTHONUNBUFFERED": "1"}, command="demo", until=moment) as up:
        family = up.family()
        assert family
        status = up.end(signal.SIGINT)
        said = "".join(up.lines)
        assert "Traceback" not in said, said
        assert status == 130, said
    assert_gone(family)
    assert_ports_free(environment)


def test_a_service_that_ends_by_itself_ends_everything_with_a_sentence(environment: dict[str, str]) -> None:
    with running(environment) as up:
        family = up.family()
        notify = next(process for process in family if "services.notify" in process.cmdline())
        notify.kill()
        up.until("notify ended by itself with code -9")
        assert up.ended() == 1
    assert_gone(family)
    assert_ports_free(environment)


def test_killing_it_leaves_nothing(environment: dict[str, str]) -> None:
    with running(environment) as up:
        family = up.family()
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
    assert_gone(family)


@pytest.mark.parametrize("part", ["CASES", "POSTGRES", "KAFKA", "OIDC"])
def test_a_port_in_use_is_one_sentence_and_nothing_is_left(environment: dict[str, str], part: str) -> None:
    with socket.create_server((HOST, int(environment[f"LAGSPILL_{part}_PORT"]))):
        refused = lagspill("up", "--quiet", environment=environment)
    assert refused.returncode == 1
    (sentence,) = refused.stderr.strip().splitlines()
    assert sentence.startswith("lagspill: ")
    assert f"or set LAGSPILL_{part}_PORT to another port" in sentence
    assert "Traceback" not in refused.stdout
    assert_ports_free(environment)


def test_a_given_server_that_cannot_be_reached_is_one_sentence(environment: dict[str, str]) -> None:
    given = {**environment, "DATABASE_URL": f"postgresql://somebody:sesam@{HOST}:{free_port()}/x"}
    refused = lagspill("up", "--quiet", environment=given)
    assert refused.returncode == 1
    (sentence,) = refused.stderr.strip().splitlines()
    assert "check DATABASE_URL" in sentence
    assert "sesam" not in refused.stdout + refused.stderr
    assert not (Path(environment["LAGSPILL_HOME"]) / "postgres").exists()
    assert_ports_free(environment)


@pytest.mark.parametrize(
    "arguments", [(), ("up",), ("demo",), ("serve",), ("migrate",), ("topics",), ("status",), ("keys",)]
)
def test_every_command_says_what_it_does(arguments: tuple[str, ...]) -> None:
    helped = lagspill(*arguments, "--help", environment=os.environ)
    assert helped.returncode == 0
    assert "Usage" in helped.stdout


def test_a_service_that_does_not_exist_is_one_sentence() -> None:
    for command in (
        ["serve", "nothing"],
        ["migrate", "nothing", "--database-url", "x"],
        ["dead-letters", "list", "nothing"],
    ):
        refused = lagspill(*command, environment=os.environ)
        assert refused.returncode == 1
        assert (
            refused.stderr.strip()
            == "lagspill: There is no service 'nothing': it is one of cases, meetings, notify, audit."
        )


def test_a_municipality_without_a_story_is_one_sentence_and_nothing_is_started(environment: dict[str, str]) -> None:
    refused = lagspill("demo", "--municipality", "oslo", environment=environment)
    assert refused.returncode == 1
    known = "notodden, nord-osterdal, skien, tonsberg, rennesoy"
    assert refused.stderr.strip() == f"lagspill: There is no story of 'oslo': it is one of {known}."
    assert not Path(environment["LAGSPILL_HOME"]).joinpath("demo").exists()
