"""`lagspill conformance` by its command line: the ten lines of docs/subscribing.md pass it, behind a topic and behind a webhook."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest

from deploy.conformance.command import try_topic
from deploy.conformance.webhook import NotTriedError
from deploy.local.process import free_port
from services.notify.signatures import new_secret, written
from shared.bus import Bus
from shared.testing.plugin import NewDatabase, NewTopicName
from shared.testing.signals import WITHIN
from tests.e2e.test_docs_client import snippet, table

pytestmark = pytest.mark.connected


@asynccontextmanager
async def running(folder: Path, code: str, command: Sequence[str], given: Mapping[str, str]) -> AsyncIterator[None]:
    """Run a subscriber."""
    (folder / "sharing.py").write_text(code, encoding="utf-8")
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, cwd=folder, env={**os.environ, **given}, stderr=asyncio.subprocess.DEVNULL
    )
    try:
        yield
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def conformance(*arguments: str, secret: str = "") -> tuple[int, str]:
    """Run the command; return its exit status and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy", "conformance", *arguments),
        env={**os.environ, "WEBHOOK_SECRET": secret, "COLUMNS": "120"},
        stdout=PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(2 * WITHIN):
        told, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, told.decode()


def acknowledging(home: str, path: str = "/subscriptions/sub_trial") -> dict[str, str]:
    """Return the variables by which a subscriber acknowledges what its subscription there is to."""
    return {
        "LAGSPILL_SUBSCRIPTION": f"{home}{path}",
        "LAGSPILL_TOKEN_URL": f"{home}/token",
        "LAGSPILL_CLIENT_ID": "school-system",
        "LAGSPILL_CLIENT_SECRET": "x",
    }


@pytest.fixture
def state() -> str:
    """Where the subscriber says what it did."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
async def database(new_database: NewDatabase) -> str:
    """A database with the page's table."""
    dsn = await new_database()
    connection = await asyncpg.connect(dsn)
    await connection.execute(table())
    await connection.close()
    return dsn


async def test_the_page_s_subscriber_reads_a_topic_as_it_should(
    broker: str, new_topic: NewTopicName, database: str, state: str, tmp_path: Path
) -> None:
    topic, receipts = await new_topic("trial", partitions=3), f"127.0.0.1:{free_port()}"
    given = {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "LAGSPILL_TOPICS": f"lagspill.cases.v1={topic}",
        "LAGSPILL_STATE": state,
        **acknowledging(f"http://{receipts}"),
    }
    async with running(tmp_path, snippet(), ["sharing.py"], given):
        arguments = ("--state", f"http://{state}/", "--kafka", broker, "--receipts", receipts)
        status, told = await conformance(topic, *arguments)
    assert (status, "Nothing is wrong with it." in told) == (0, True), told
    with pytest.raises(NotTriedError, match="There is no topic"):
        await try_topic(Bus.at(broker), f"{topic}.none", f"http://{state}/", 0.0)


async def test_the_page_s_subscriber_takes_webhooks_as_it_should_and_without_its_signature_it_does_not(
    database: str, state: str, tmp_path: Path
) -> None:
    secret = written(new_secret())
    code, count = re.subn(r"lagspill\.main\(\)", f"app = lagspill.asgi({secret!r}, show_state=True)", snippet())
    assert count == 1
    command = ["-m", "uvicorn", "sharing:app", "--port", state.rpartition(":")[2], "--log-level", "critical"]
    receipts = f"127.0.0.1:{free_port()}"
    arguments = (f"http://{state}/", "--state", f"http://{state}/", "--receipts", receipts)
    async with running(tmp_path, code, command, {"DATABASE_URL": database, **acknowledging(f"http://{receipts}")}):
        status, told = await conformance(*arguments, secret=secret)
        assert (status, "Nothing is wrong with it." in told) == (0, True), told
        # Another's secret is what it must refuse.
        status, told = await conformance(*arguments, secret=written(new_secret()))
        assert (status, "refused: It refuses an event" in told) == (3, True), told
