"""A concern report whose sender is killed at every step on its way to child welfare: it is there once, and told of once."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import datetime

import pytest
import pytest_asyncio
from pydantic import AnyHttpUrl

from services.cases.handlers.reports import ANSWER_WITHIN
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.chaos.report_process import STEPS
from tests.e2e.cases_world import KEY, VAULT_KEY, World, cases_world
from tests.e2e.child_welfare import ChildWelfare
from tests.e2e.test_cases_reports_http import REPORT, SAID, TEXT, status

pytestmark = pytest.mark.connected

WITHIN = 60.0
ASKED = {"decided": 1, "intended": 1, "asked": 2, "settled": 2, "done": 1}
"""How often the channel is asked in all."""


@pytest.fixture
def channel() -> Iterator[ChildWelfare]:
    """Child welfare's digital channel."""
    made = ChildWelfare()
    yield made
    made.close()


@pytest_asyncio.fixture
async def world(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, channel: ChildWelfare
) -> AsyncIterator[World]:
    """The cases service with a digital channel; its deadlines are fired by processes that may be killed."""
    async with cases_world(migrated, issuer, clock, concern_report_url=AnyHttpUrl(channel.url)) as made:
        yield made


async def run(world: World, channel: ChildWelfare, step: str, now: datetime) -> int:
    """Let a process fire what is due at `now`; return how it ended."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.report_process", step),
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": world.kit.settings.database_url.get_secret_value(),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "OIDC_ISSUER": world.issuer.issuer,
            "PID_KEY": KEY,
            "LOOKUP_KEY": "l" * 32,
            "VAULT_KEY": VAULT_KEY,
            "CONCERN_REPORT_URL": channel.url,
            "LAGSPILL_DEVELOPMENT": "1",
            "LAGSPILL_CLOCK": "simulated",
            "LAGSPILL_CLOCK_START": now.isoformat(),
        },
        stdout=asyncio.subprocess.DEVNULL,
    )
    async with asyncio.timeout(WITHIN):
        return await process.wait()


@pytest.mark.slow
@pytest.mark.rule(93)
@pytest.mark.parametrize("step", STEPS)
async def test_killed_at(world: World, channel: ChildWelfare, step: str) -> None:
    case = await world.opened()
    report = (await world.must("teacher", f"/cases/{case}/concern-reports", REPORT))["report"]
    now = world.clock.now()
    assert await run(world, channel, step, now) == -signal.SIGKILL
    assert len(channel.taken) == (step not in {"decided", "intended"})
    # At once there may be nothing to do; when the time for the first attempt's answer is over, there is.
    assert await run(world, channel, "-", now) == 0
    assert await run(world, channel, "-", now + ANSWER_WITHIN) == 0
    assert await status(world, case) == ["received"]
    assert (channel.asked, list(channel.taken)) == ([report] * ASKED[step], [report])
    kinds = [kind for kind in await world.types() if kind.startswith("concern-report")]
    assert kinds == ["concern-report.sent", "concern-report.received"]
    assert len(await world.access("disclose")) == 1
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE kind = 'report-delivery'") == 0
    everything = str(await world.published())
    assert not [secret for secret in (TEXT, SAID, "maltreatment", world.child.national_number) if secret in everything]
