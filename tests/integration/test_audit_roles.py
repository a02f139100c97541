"""What each role can do in the audit database: asked of the catalogue for every table there is, and tried.

A table that a later migration brings is covered by itself: unless it is named here as one that changes, nobody may change it.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from deploy.local.databases import AUDIT_LOGIN, AUDIT_PRUNER, Databases, make_databases
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
from services.audit.app import open_pools
from services.audit.domain.note import Signer
from services.audit.keeper import Keeper
from services.audit.signing import Signing
from shared import db
from shared.clock import SimulatedClock
from shared.journal import Journal
from shared.testing.ids import SeededIds
from tests.integration.audit_world import MIGRATIONS, NOON, ORIGIN, SIGNER, Publisher, World

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

WRITER: Final = "lagspill_audit_writer"
READER: Final = "lagspill_audit_reader"
ROLES: Final = (WRITER, READER, AUDIT_LOGIN, AUDIT_PRUNER)

CHANGES: Final = {
    # The kit's: where things stand, and what waits. The history (`events`) is not among them.
    "aggregates": "U", "outbox": "UD", "relay_batch": "UD", "journal_heads": "U", "idempotency_keys": "UD", "inbox": "UD",
    "dead_letters": "UD", "consumer_progress": "UD", "source_watermarks": "UD", "deadlines": "UD", "data_keys": "UD",
    "vault_records": "UD", "lookups": "UD",
    # The log's own: its head, how far each partition was taken, which numbers it holds.
    "logs": "U", "positions": "U", "journals": "U", "subjects": "U", "lanes": "U", "id_checks": "U", "column_checks": "U",
    # Where witnesses, patterns and pages stand: computed from what is only added to, or of a passing nature.
    "witness_states": "U", "witnessed_logs": "U", "pattern_cursors": "U", "pattern_findings": "U", "pattern_states": "UD",
    "page_sessions": "UD",
}  # fmt: skip
"""Tables that the writer may UPDATE (U) or DELETE from (D). All others are only added to, or not even that."""
NOT_ADDED_TO: Final = {
    "schema_migrations", "retention_policies", "retention_rules", "prunings", "pruned_entries", "legal_hold_releases",
}  # fmt: skip
"""Tables that only the owner, a function of the owner's, or the pruner adds to."""
PRUNER_ADDS: Final = {
    "aggregates": "IU",
    "events": "I",
    "outbox": "I",
    "idempotency_keys": "I",
    "legal_hold_releases": "I",
}
"""So that a pruning is published in its own transaction; and whoever writes the log lets go of no hold."""
FUNCTIONS: Final = {
    "make_entries_partition": {WRITER, AUDIT_LOGIN},
    "count_stray_entries": {WRITER, AUDIT_LOGIN},
    "prunable_bundles": {AUDIT_PRUNER},
    "prune_entries": {AUDIT_PRUNER},
}
"""Functions that act with the owner's rights, and who may call them."""


@dataclass(frozen=True)
class Installed:
    """A server as `lagspill up` installs it."""

    databases: Databases
    admin: str

    @property
    def owner(self) -> str:
        """The audit database's owner."""
        return self.databases.owners["audit"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installed]:
    """A server of its own: roles belong to the whole of it. Migrated by an owner that is no superuser and makes no roles."""
    folder = tmp_path_factory.mktemp("roles")
    server = Postgres(folder / "postgres", free_port(), log=folder / "log", durable=False)
    server.start()
    try:
        databases = asyncio.run(make_databases(server.url(), folder / "keys"))
        asyncio.run(db.migrate(databases.owners["audit"], "audit", MIGRATIONS))
        asyncio.run(_fill(databases))
        yield Installed(databases, server.url().rpartition("/")[0] + "/lagspill_audit")
    finally:
        server.stop()


async def _fill(databases: Databases) -> None:
    """Let the service take a batch in, with the login that it has."""
    login = databases.services["audit"]
    pool = await db.create_pool(login, min_size=1, max_size=2, application_name="audit")
    pools = await open_pools(login, pool)
    clock, ids = SimulatedClock(NOON), SeededIds(7)
    journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
    keeper = Keeper(pools.writer, signing=Signing.held(SIGNER), origin=ORIGIN, journal=journal, clock=clock, ids=ids)
    cases = Publisher()
    await World(login, pools.writer, keeper).take(*cases.reads(300), cases.seal(), b"unparsable", b"long" * 20_000)
    assert await keeper.compare_seals() == 1
    assert await keeper.announce() == 1
    assert await pools.reader.fetchval("SELECT count(*) FROM entries") == 303
    await pools.stop()
    await pool.close()


@pytest_asyncio.fixture
async def admin(installed: Installed) -> AsyncIterator[asyncpg.Connection[asyncpg.Record]]:
    """A superuser's connection: to ask the catalogue."""
    connection = await asyncpg.connect(installed.admin)
    yield connection
    await connection.close()


async def tables(connection: asyncpg.Connection[asyncpg.Record]) -> dict[str, bool]:
    """Every table there is, and whether it is a partition."""
    rows = await connection.fetch(
        "SELECT relname, relispartition FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
        " WHERE relkind IN ('r', 'p', 'v', 'm', 'f') AND nspname !~ '^pg_|^information_schema$'"
    )
    return {row["relname"]: row["relispartition"] for row in rows}


async def test_every_right_on_every_table_is_known(admin: asyncpg.Connection[asyncpg.Record]) -> None:
    """The catalogue's answer is exactly what is written above, also for columns; nobody may TRUNCATE, TRIGGER or REFERENCE."""
    found = await tables(admin)
    assert found.keys() >= CHANGES.keys() | NOT_ADDED_TO, "a table named here is gone"
    for table, partition in found.items():
        for role in ROLES:
            rights = "".join(
                [
                    right[0]
                    for right in ("INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER", "MAINTAIN")
                    if await admin.fetchval("SELECT has_table_privilege($1, $2, $3)", role, table, right)
                    or (
                        right in ("INSERT", "UPDATE", "REFERENCES")
                        and await admin.fetchval("SELECT has_any_column_privilege($1, $2, $3)", role, table, right)
                    )
                ]
            )
            if partition or role == READER:
                expected = ""
            elif role == AUDIT_PRUNER:
                expected = PRUNER_ADDS.get(table, "")
            else:
                expected = ("" if table in NOT_ADDED_TO else "I") + CHANGES.get(table, "")
            assert rights == expected, (role, table)


async def test_the_past_cannot_be_changed_by_any_statement(
    installed: Installed, admin: asyncpg.Connection[asyncpg.Record]
) -> None:
    """Tried, on each table and each partition, as each role, and as the owner, whom a trigger stops."""
    found = await tables(admin)
    fixed = [table for table in found if table not in CHANGES and table != "schema_migrations"]
    assert {"entries", "entries_default", "entries_2026_09", "tiles", "checkpoints", "signing_keys", "events"} <= set(
        fixed
    )
    columns = {
        table: await admin.fetchval(
            "SELECT attname FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND attidentity = '' LIMIT 1",
            table,
        )
        for table in fixed
    }
    for role, address in (
        (WRITER, installed.databases.services["audit"]),
        (READER, installed.databases.services["audit"]),
        (None, installed.databases.services["audit"]),
        (None, installed.databases.pruner),
        (None, installed.owner),
    ):
        connection = await asyncpg.connect(address)
        try:
            if role is not None:
                await connection.execute(f"SET ROLE {role}")
            for table, column in columns.items():
                kept_by_trigger = address == installed.owner
                if kept_by_trigger and table == "events":
                    continue  # the kit's history: its owner is only kept from it by not being who runs
                for statement in (
                    f'UPDATE {table} SET "{column}" = "{column}"',
                    f"DELETE FROM {table}",
                    f"TRUNCATE {table} CASCADE",
                    f"MERGE INTO {table} USING (SELECT) AS s ON true WHEN MATCHED THEN DELETE",
                ):
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        await connection.execute(statement)
                if kept_by_trigger:
                    continue
                for statement in (
                    f"DROP TABLE {table}",
                    f"ALTER TABLE {table} DISABLE TRIGGER ALL",
                    f"ALTER TABLE {table} OWNER TO current_user",
                    f"CREATE RULE nothing AS ON INSERT TO {table} DO INSTEAD NOTHING",
                    f"CREATE TRIGGER nothing BEFORE INSERT ON {table} EXECUTE FUNCTION refuse_change()",
                    f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE",
                ):
                    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidGrantOperationError)):
                        await connection.execute(f"BEGIN; {statement}; COMMIT")
                    await connection.execute("ROLLBACK")
        finally:
            await connection.close()


async def test_own_acts_are_not_for_others(installed: Installed) -> None:
    """What the schema's functions say when they remove something opens nothing to a role that says it too."""
    for address in (installed.databases.services["audit"], installed.databases.pruner):
        connection = await asyncpg.connect(address)
        try:
            for table in ("entries", "entries_default", "oversize"):
                async with connection.transaction():
                    await connection.execute(
                        f"SELECT set_config('lagspill.own_act', '{table}'::regclass::oid::text, true)"
                    )
                    with pytest.raises(asyncpg.InsufficientPrivilegeError):
                        async with connection.transaction():
                            await connection.execute(f"DELETE FROM {table}")
            for statement in (
                "SET session_replication_role = replica",
                "ALTER FUNCTION refuse_change() RENAME TO accept_change",
                "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
                "CREATE TABLE public.mine (a int)",
                "CREATE SCHEMA mine",
                "ALTER TABLE entries DETACH PARTITION entries_default",
                "SET ROLE lagspill_audit",
                "SET SESSION AUTHORIZATION lagspill_audit",
                "SELECT close_partition('entries_default')",
                "SELECT retention_now('4005')",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        finally:
            await connection.close()


async def test_no_role_is_more_than_it_seems(admin: asyncpg.Connection[asyncpg.Record]) -> None:
    """No attribute, no membership, no ownership, no function with the owner's rights beside those named."""
    for role in (*ROLES, "lagspill_audit"):
        about = await admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
        assert about is not None
        assert not any(
            about[f"rol{what}"] for what in ("super", "createrole", "createdb", "replication", "bypassrls")
        ), role
    memberships = await admin.fetch(
        "SELECT m.rolname AS member, g.rolname AS granted, admin_option FROM pg_auth_members"
        " JOIN pg_roles m ON m.oid = member JOIN pg_roles g ON g.oid = roleid WHERE m.rolname LIKE 'lagspill_audit%'"
    )
    assert {(row["member"], row["granted"], row["admin_option"]) for row in memberships} == {
        (AUDIT_LOGIN, WRITER, False),
        (AUDIT_LOGIN, READER, False),
    }
    for catalogue, owner in (
        ("pg_class", "relowner"),
        ("pg_proc", "proowner"),
        ("pg_namespace", "nspowner"),
        ("pg_type", "typowner"),
    ):
        owned = await admin.fetchval(
            f"SELECT count(*) FROM {catalogue} WHERE {owner}::regrole::text = ANY ($1)",
            list(ROLES),
        )
        assert owned == 0, catalogue
    definers = await admin.fetch(
        "SELECT oid::regprocedure::text AS signature, proname, proconfig FROM pg_proc"
        " WHERE prosecdef AND pronamespace = 'public'::regnamespace"
    )
    assert {row["proname"] for row in definers} == FUNCTIONS.keys()
    for row in definers:
        assert any(setting.startswith("search_path=") for setting in row["proconfig"]), row["proname"]
        may = {
            role
            for role in (*ROLES, "public")
            if await admin.fetchval("SELECT has_function_privilege($1, $2, 'EXECUTE')", role, row["signature"])
        }
        assert may == FUNCTIONS[row["proname"]], row["proname"]


async def test_what_the_owner_makes_later_cannot_be_truncated(installed: Installed) -> None:
    """Default privileges: a new table can be read and added to by the service; the pruner gets nothing."""
    owner = await asyncpg.connect(installed.owner)
    try:
        async with _undone(owner):
            await owner.execute("CREATE TABLE made_later (a int)")
            for role, right, may in (
                (READER, "SELECT", True),
                (READER, "INSERT", False),
                (READER, "UPDATE", False),
                (WRITER, "INSERT", True),
                (WRITER, "TRUNCATE", False),
                (WRITER, "TRIGGER", False),
                (AUDIT_PRUNER, "SELECT", False),
                (AUDIT_PRUNER, "INSERT", False),
            ):
                assert await owner.fetchval("SELECT has_table_privilege($1, 'made_later', $2)", role, right) is may
    finally:
        await owner.close()


class _undone:  # noqa: N801 - used like a function
    """A transaction that is always rolled back."""

    def __init__(self, connection: asyncpg.Connection[asyncpg.Record]) -> None:
        self._transaction = connection.transaction()

    async def __aenter__(self) -> None:
        await self._transaction.start()

    async def __aexit__(self, *_: object) -> None:
        await self._transaction.rollback()


async def test_the_signing_key_is_nowhere_in_the_database(
    installed: Installed, admin: asyncpg.Connection[asyncpg.Record], tmp_path: Path
) -> None:
    """Not in a row, not in what a session says of itself, and no role reads a file of the server or runs a program."""
    seed = SIGNER.skey().rpartition("+")[2]
    raw = base64.b64decode(seed)[1:]
    for table in await tables(admin):
        for needle in (seed, raw.hex(), "PRIVATE+KEY"):
            hit = f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text LIKE '%' || $1 || '%')"
            assert not await admin.fetchval(hit, needle), table
    file = tmp_path / "audit.key"
    file.write_text(Signer("lagspill.no/logs", bytes(32)).skey())
    file.chmod(0o644)
    for address in (installed.databases.services["audit"], installed.databases.pruner, installed.owner):
        connection = await asyncpg.connect(address)
        try:
            await connection.execute("CREATE TEMP TABLE stolen (a text)" if address == installed.owner else "SELECT 1")
            for statement in (
                f"SELECT pg_read_file('{file}')",
                f"SELECT pg_read_binary_file('{file}')",
                f"SELECT lo_import('{file}')",
                f"SELECT pg_ls_dir('{tmp_path}')",
                f"COPY findings FROM '{file}'",
                f"COPY findings FROM PROGRAM 'cat {file}'",
                f"COPY (SELECT 1) TO '{tmp_path}/x'",
                "CREATE EXTENSION plpython3u",
                "CREATE EXTENSION file_fdw",
                "LOAD 'plpython3'",
            ):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.FeatureNotSupportedError)):
                    await connection.execute(statement)
        finally:
            await connection.close()
