"""The ten lines of docs/subscribing.md, taken from the page and run as their reader would, behind a real relay."""

from __future__ import annotations

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from lagspill_client import DDL
from pydantic_core import from_json

from shared.testing.plugin import NewDatabase
from shared.testing.signals import WITHIN, Probe
from tests.e2e.test_docs_examples import publish, records
from tests.relay_world import Migrated, NewTopic, new_world

pytestmark = pytest.mark.connected

PAGE = Path(__file__).resolve().parents[2] / "docs" / "subscribing.md"
TOLD = """
CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_notify('inbox', ''); RETURN NULL; END $$;
CREATE TRIGGER told AFTER INSERT ON lagspill_inbox FOR EACH STATEMENT EXECUTE FUNCTION tell();
"""


def snippet() -> str:
    """Return the subscriber that the page shows."""
    [found] = re.findall(r"^```python\n(from lagspill_client .*?)^```$", PAGE.read_text(encoding="utf-8"), re.M | re.S)
    return str(found)


def table() -> str:
    """Return the statement that makes its table."""
    [found] = re.findall(r"`(CREATE TABLE shares \(.*?\))`", PAGE.read_text(encoding="utf-8"))
    return str(found)


@asynccontextmanager
async def sharing(folder: Path, dsn: str, broker: str, topic: str) -> AsyncIterator[Process]:
    """Run the page's subscriber, in a group of its own."""
    (folder / "sharing.py").write_text(snippet(), encoding="utf-8")
    environment = {
        **os.environ,
        "DATABASE_URL": dsn,
        "KAFKA_BOOTSTRAP_SERVERS": broker,
        "LAGSPILL_TOPICS": f"lagspill.cases.v1={topic}",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "sharing.py", cwd=folder, env=environment, stderr=PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def test_it_is_ten_lines() -> None:
    assert len([line for line in snippet().splitlines() if line]) <= 10


async def test_what_the_page_shows_stops_what_was_shared_and_a_loss_stops_it(
    migrated: Migrated, broker: str, new_topic: NewTopic, new_database: NewDatabase, tmp_path: Path
) -> None:
    async with new_world(migrated, broker, new_topic) as world:
        consents = list(await publish(world))  # the second is withdrawn
        dsn = await new_database()
        database = await asyncpg.connect(dsn)
        await database.execute(f"{DDL}; {table()}; {TOLD}")
        await database.executemany("INSERT INTO shares VALUES ($1, $2)", [("doc", consent) for consent in consents])
        told: Probe[object] = Probe()
        await database.add_listener("inbox", lambda *notified: told(notified))
        async with sharing(tmp_path, dsn, broker, world.events) as process:
            before = 0
            while await database.fetchval("SELECT count(*) FROM lagspill_inbox") < 8:
                before = len(await told.take(before + 1))
            left = {row[0] for row in await database.fetch("SELECT consent FROM shares")}
            assert left == {consents[0], consents[2]}
            [receipt] = await database.fetch("SELECT receipt #>> '{}' FROM lagspill_inbox WHERE receipt IS NOT NULL")
            assert from_json(receipt[0]) == {"consent": consents[1], "consent_version": 1, "items_removed": 1}
            process.terminate()  # it finishes, and leaves its group to the next
            async with asyncio.timeout(WITHIN):
                assert await process.wait() == 0
        # The same, but that the withdrawal never came.
        faulty, published = await new_topic("faulty"), await records(world)
        lost = next(from_json(each.value) for each in published if b"consent.withdrawn" in each.value)
        async with AIOKafkaProducer(bootstrap_servers=broker) as producer:
            for record in published:
                if from_json(record.value)["id"] != lost["id"]:
                    await producer.send_and_wait(faulty, record.value, key=record.key)
        await database.execute("TRUNCATE lagspill_inbox")
        async with sharing(tmp_path, dsn, broker, faulty) as process, asyncio.timeout(WITHIN):
            _, said = await process.communicate()
        assert process.returncode == 1
        assert f"lost: /services/cases {lost['subject']}: sequence 3 to 3" in said.decode()
        await database.close()
