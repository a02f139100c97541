"""The pool, and migrations that only go forward."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from shared.db import KIT_MIGRATIONS, MigrationError, connect, create_pool, migrate
from tests.round_trips import RoundTrips

pytestmark = pytest.mark.connected

KIT = [f"kit/{file.name}" for file in sorted(KIT_MIGRATIONS.glob("*.sql"))]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two migrations of a service, the second building on the first."""
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE things (id int PRIMARY KEY);")
    (tmp_path / "0002_second.sql").write_text(
        "ALTER TABLE things ADD COLUMN name text; INSERT INTO things VALUES (1, 'a');"
    )
    return tmp_path


async def value(dsn: str, query: str) -> object:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_the_kit_comes_first_and_nothing_is_applied_twice(database: str, folder: Path) -> None:
    assert await migrate(database, "cases", folder) == [*KIT, "cases/0001_first.sql", "cases/0002_second.sql"]
    assert await migrate(database, "cases", folder) == []
    assert await value(database, "SELECT count(*) FROM things") == 1


async def test_a_later_migration_is_applied_alone(database: str, folder: Path) -> None:
    await migrate(database, "cases", folder)
    (folder / "0003_third.sql").write_text("INSERT INTO things VALUES (2, 'b');")
    assert await migrate(database, "cases", folder) == ["cases/0003_third.sql"]


async def test_instances_that_start_together_migrate_once(database: str, folder: Path) -> None:
    applied = await asyncio.gather(*(migrate(database, "cases", folder) for _ in range(5)))
    assert sorted(map(len, applied)) == [0, 0, 0, 0, len(KIT) + 2]
    assert await value(database, "SELECT count(*) FROM things") == 1


async def test_a_failing_migration_leaves_nothing_of_itself_and_can_be_repaired(database: str, folder: Path) -> None:
    broken = folder / "0003_third.sql"
    broken.write_text("INSERT INTO things VALUES (2, 'b'); INSERT INTO nowhere VALUES (1);")
    with pytest.raises(asyncpg.UndefinedTableError):
        await migrate(database, "cases", folder)
    assert await value(database, "SELECT count(*) FROM things") == 1
    broken.write_text("INSERT INTO things VALUES (2, 'b');")
    assert await migrate(database, "cases", folder) == ["cases/0003_third.sql"]


async def test_an_applied_migration_may_not_change(database: str, folder: Path) -> None:
    await migrate(database, "cases", folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE things (id bigint PRIMARY KEY);")
    with pytest.raises(MigrationError, match=r"cases/0001_first\.sql was changed"):
        await migrate(database, "cases", folder)


async def test_older_code_does_not_touch_a_newer_database(database: str, folder: Path) -> None:
    await migrate(database, "cases", folder)
    (folder / "0002_second.sql").unlink()
    with pytest.raises(MigrationError, match=r"ahead of this code: it has cases/0002_second\.sql"):
        await migrate(database, "cases", folder)


async def test_a_folder_that_is_not_there_is_said(database: str, folder: Path) -> None:
    with pytest.raises(MigrationError, match="no folder"):
        await migrate(database, "cases", folder / "elsewhere")


async def test_a_connection_goes_back_to_the_pool_without_a_round_trip(database: str) -> None:
    async with RoundTrips(database) as wire:
        pool = await create_pool(wire.dsn, min_size=1, max_size=1, application_name="test")
        await pool.fetchval("SELECT 1")
        before = wire.count
        await pool.fetchval("SELECT 1")
        assert wire.count - before == 1
        await pool.close()


async def test_a_transaction_left_open_does_not_reach_the_next_user(database: str) -> None:
    pool = await create_pool(database, min_size=1, max_size=1, application_name="test")
    async with pool.acquire() as connection:
        await connection.execute("CREATE TABLE things (id int)")
        await connection.execute("BEGIN; INSERT INTO things VALUES (1)")
    async with pool.acquire() as connection:
        assert not connection.is_in_transaction()
        assert await connection.fetchval("SELECT count(*) FROM things") == 0
    await pool.close()


async def test_a_connection_that_may_not_be_used_again_is_replaced(database: str) -> None:
    """One that the server has ended, and one that the pool was told to let go while it was in use."""
    pool = await create_pool(database, min_size=1, max_size=1, application_name="test")
    admin = await asyncpg.connect(database)
    async with pool.acquire() as connection:
        ended = await connection.fetchval("SELECT pg_backend_pid()")
        await admin.fetchval("SELECT pg_terminate_backend($1, 10000)", ended)
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)):
            await connection.fetchval("SELECT 1")
    async with pool.acquire() as connection:
        second = await connection.fetchval("SELECT pg_backend_pid()")
        await pool.expire_connections()
    assert await pool.fetchval("SELECT pg_backend_pid()") not in {ended, second}
    await admin.close()
    await pool.close()


async def test_who_is_cancelled_at_any_moment_takes_no_connection_along(database: str) -> None:
    """In the midst of a statement, with a transaction open, and after any number of turns of the loop."""
    pool = await create_pool(database, min_size=1, max_size=2, application_name="test")

    async def use() -> None:
        async with pool.acquire() as connection:
            await connection.execute("BEGIN")
            await connection.execute("SELECT pg_sleep(0.001)")

    for turns in range(60):
        task = asyncio.create_task(use())
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    async with asyncio.timeout(30), pool.acquire() as one, pool.acquire() as other:
        assert (await one.fetchval("SELECT 1"), await other.fetchval("SELECT 2")) == (1, 2)
        assert not one.is_in_transaction()
        assert not other.is_in_transaction()
    await pool.close()


async def test_a_statement_that_takes_too_long_is_given_up(database: str) -> None:
    pool = await create_pool(database, min_size=1, max_size=1, application_name="test", statement_seconds=0.05)
    with pytest.raises(TimeoutError):
        await pool.fetchval("SELECT pg_sleep(60)")
    assert await pool.fetchval("SELECT 1") == 1
    await pool.close()


async def test_connections_say_who_they_are_and_vanished_clients_are_noticed(database: str) -> None:
    connection = await connect(database, application_name="relay of /services/cases")
    assert await connection.fetchval("SHOW application_name") == "relay of /services/cases"
    assert await connection.fetchval("SHOW tcp_keepalives_idle") == "6"
    assert await connection.fetchval("SHOW timezone") == "UTC"
    await connection.close()
