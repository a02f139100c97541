"""A day's digest whose sender is killed at every step: one mail to whoever reads it, and told of once, whatever was under way."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.contracts import cases
from shared.contracts.notify import NotificationCarried, NotificationQueued, NotificationSent
from shared.refs import HandoverRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.chaos.digest_process import STEPS
from tests.integration.notify_world import KEY, VAULT_KEY, World, notify_world
from tests.integration.test_notify_flow import CASE, handover

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.rule(101)]

WITHIN: Final = 60.0
STYRER: Final = "styrer@lia.example"
DUE: Final = datetime(2026, 9, 21, 8, tzinfo=UTC)
EIGHT: Final = datetime(2026, 9, 8, 6, tzinfo=UTC)
UNANSWERED: Final = "unanswered"
"""The mail server has all of it, and has not answered."""
HAS_IT: Final = frozenset({UNANSWERED, "answered", "settled", "done"})
"""The steps after which the mail server may have taken it."""


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service, a leader who is mailed once a day, and three things in the day's mail; it is eight."""
    async with notify_world(migrated, issuer, clock) as made:
        chosen = {"language": "nb", "email": STYRER, "digest": True}
        assert (await made.write("styrer", "PUT", "/preferences", chosen)).status_code == 200
        asked = handover(made, "styrer", DUE)
        await made.take(*(asked.model_copy(update={"handover": HandoverRef("hdo_" + x * 26)}) for x in "bcd"))
        assert await made.deliver() == []
        made.clock.set(EIGHT)
        yield made


async def begin(world: World, step: str) -> Process:
    """Let a process deliver what is due."""
    settings = world.kit.settings
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.chaos.digest_process", step),
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": settings.database_url.get_secret_value(),
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "OIDC_ISSUER": world.issuer.issuer,
            "PID_KEY": KEY,
            "LOOKUP_KEY": "l" * 32,
            "VAULT_KEY": VAULT_KEY,
            "SMTP_HOST": "127.0.0.1",
            "SMTP_PORT": str(world.smtp.port),
            "APP_URL": str(settings.app_url),
            "LAGSPILL_DEVELOPMENT": "1",
            "LAGSPILL_CLOCK": "simulated",
            "LAGSPILL_CLOCK_START": world.clock.now().isoformat(),
        },
        stdout=asyncio.subprocess.DEVNULL,
    )


async def killed_at(world: World, step: str) -> None:
    """Let a process deliver, and be killed there."""
    if step == UNANSWERED:
        world.smtp.silent.add(STYRER)
    process = await begin(world, "-" if step == UNANSWERED else step)
    async with asyncio.timeout(WITHIN):
        if step == UNANSWERED:
            await world.smtp.arrived.take(1)
            process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        world.smtp.let_go()
        await world.smtp.arrived.take(step in HAS_IT)


@pytest.mark.parametrize("step", [*STEPS, UNANSWERED])
async def test_killed_at(world: World, step: str) -> None:
    """Before the mail server has it: one mail. After the commit: one. Between the two nobody can know: the same mail again."""
    await killed_at(world, step)
    came = len(world.smtp.mails)
    assert came == (step in HAS_IT)
    assert len(await world.deliver()) == came, "what the dead one had in hand is nobody's yet"
    await world.let_time_pass()
    mails = await world.deliver()
    assert len(mails) == came + (step != "done")
    assert len({mail["Message-ID"] for mail in mails}) == 1
    assert len({mail.as_bytes() for mail in mails}) == 1
    await world.let_time_pass()
    assert len(await world.deliver()) == len(mails)
    await told_once(world, 3)


async def test_what_is_left_of_a_digest_that_may_have_gone_is_the_same_digest(world: World) -> None:
    """One of the three is taken back while nobody knows; to whoever has had it with all three it is no new mail."""
    await killed_at(world, "answered")
    await world.take(cases.HandoverWithdrawn(case=CASE, handover=HandoverRef("hdo_" + "b" * 26)))
    await world.let_time_pass()
    first, second = await world.deliver()
    assert first["Message-ID"] == second["Message-ID"]
    await told_once(world, 2)


async def told_once(world: World, messages: int) -> None:
    """Each was written once, sent once, and its one try is noted under one name."""
    published = await world.published()
    written = {each.message for each in published if isinstance(each, NotificationQueued)}
    sent = Counter(each.message for each in published if isinstance(each, NotificationSent | NotificationCarried))
    assert len(written) == 3
    assert (len(sent), set(sent.values())) == (messages, {1})
    tries = await world.pool.fetch("SELECT message, outcome, mail FROM tries")
    assert {row["message"] for row in tries} == set(sent)
    assert len(tries) == messages
    assert {row["outcome"] for row in tries} == {"sent"}
    assert {row["mail"] for row in tries} == {world.smtp.mails[0]["Message-ID"].strip("<>").partition("@")[0]}
