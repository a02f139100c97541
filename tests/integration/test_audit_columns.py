"""What entries are found by, changed by who has the database's password (story row 24): found, and named, however it was changed."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio

from services.audit.queries import Reader, Search
from shared.db import Connection
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, Publisher, World, open_world
from tests.integration.test_audit_rows import records

pytestmark = [pytest.mark.connected, pytest.mark.story(24)]

OTHERS = {
    "happened_at": "'-infinity'", "kind": "'export'", "type": "'no.lagspill.cases.case.closed.v1'", "source": "'/services/notify'",
    "event_id": "gen_random_uuid()", "number": "number + 1000000", "case_ref": "'cas_' || repeat('z', 26)",
    "actor": "'act_somebody-else12'", "organisation": "'999999998'", "unit": "'unit:another'", "basis": "'another'",
    "consent": "'cst_' || repeat('z', 26)", "meeting": "'mtg_' || repeat('z', 26)", "permitted": "NOT permitted",
}  # fmt: skip
"""Each column, and what it is changed to."""


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """Logs that hold every kind of entry, hostile ones among them."""
    async with open_world(await migrated("audit", MIGRATIONS)) as opened:
        await opened.take(*records())
        sealing = Publisher(source="/services/meetings", seed=5)
        await opened.take(*sealing.reads(2), sealing.seal())
        yield opened


@pytest_asyncio.fixture
async def attacker(world: World) -> AsyncIterator[Connection]:
    """A superuser whom no trigger stops."""
    connection = await asyncpg.connect(world.dsn)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def test_what_is_shown_comes_from_the_leaf(world: World, attacker: Connection) -> None:
    """An entry whose columns lie is shown as what it is, by itself and in a list."""
    reader = Reader(world.pool)
    honest = await reader.find(NOTODDEN, Search(), before=None, limit=700)
    single = await reader.entry(NOTODDEN, 17)
    for column, value in OTHERS.items():
        if column != "happened_at":  # a moment that no program can read
            await attacker.execute(f"UPDATE entries SET {column} = {value} WHERE log = $1", NOTODDEN)
    await attacker.execute(
        "UPDATE entries SET happened_at = happened_at - interval '1 year' WHERE happened_at < '2100-01-01'"
        " AND happened_at > '1990-01-01' AND happened_at <> logged_at"
    )
    assert await reader.find(NOTODDEN, Search(), before=None, limit=700) == honest
    assert await reader.entry(NOTODDEN, 17) == single
