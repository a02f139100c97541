"""The vault against the real PostgreSQL: what a thief with the database finds, and what survives him."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from shared import db
from shared.contracts.codes import InformationCategory
from shared.db import Connection
from shared.keys import KeyUnavailableError, LocalKeys, TamperedError
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.vault import LookupKind, RecordMissingError, ShreddedError, Vault

pytestmark = pytest.mark.connected

CASE = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
OTHER = "cas_zxwvtsrqpnmlkjhgfdcbzxwvts"
LOOKUP_KEY = b"a lookup key of thirty-two bytes"
OLD, NEW = os.urandom(32), os.urandom(32)
CHILD = People(3).child()
STORY = f"{CHILD.name} ({CHILD.national_number}) sier lite på samling.".encode()


@pytest_asyncio.fixture
async def dsn(migrated: Migrated, tmp_path: Path) -> str:
    return await migrated("vault", tmp_path)


@pytest_asyncio.fixture
async def conn(dsn: str) -> AsyncIterator[Connection]:
    connection = await db.connect(dsn, application_name="vault-test")
    yield connection
    await connection.close()


@pytest.fixture
def vault() -> Vault:
    return Vault(LocalKeys({"old": OLD}), LOOKUP_KEY)


async def put(vault: Vault, conn: Connection, owner: str = CASE, record: str = "child", content: bytes = STORY) -> None:
    async with conn.transaction():
        await vault.put(conn, owner=owner, record=record, category=InformationCategory.IDENTITY, content=content)


async def test_what_is_put_is_got(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await put(vault, conn, record="empty", content=b"")
    assert await vault.get(conn, owner=CASE, record="child") == STORY
    assert await vault.get(conn, owner=CASE, record="empty") == b""


async def test_the_latest_content_counts(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await put(vault, conn, content=b"corrected")
    assert await vault.get(conn, owner=CASE, record="child") == b"corrected"


async def test_what_was_never_put_is_missing(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    with pytest.raises(RecordMissingError):
        await vault.get(conn, owner=CASE, record="another")
    with pytest.raises(RecordMissingError):
        await vault.get(conn, owner=OTHER, record="child")


async def test_only_the_asked_categories_are_opened(vault: Vault, conn: Connection) -> None:
    async with conn.transaction():
        for category in (InformationCategory.LANGUAGE, InformationCategory.HEALTH, InformationCategory.FAMILY):
            content = category.value.encode()
            await vault.put(conn, owner=CASE, record=f"doc-{category}", category=category, content=content)
    entries = await vault.entries(conn, owner=CASE)
    assert [(entry.record, entry.category) for entry in entries] == [
        ("doc-family", "family"),
        ("doc-health", "health"),
        ("doc-language", "language"),
    ]
    asked = {InformationCategory.LANGUAGE, InformationCategory.FAMILY}
    found = await vault.read(conn, owner=CASE, categories=asked)
    assert [(one.category, one.content) for one in found] == [("family", b"family"), ("language", b"language")]
    assert len(await vault.read(conn, owner=CASE)) == 3
    assert await vault.read(conn, owner=CASE, categories=set()) == []


async def everything(conn: Connection) -> bytes:
    """Return all that stands in the vault's tables, as a thief would dump it."""
    found = b""
    for table in ("data_keys", "vault_records", "lookups"):
        for row in await conn.fetch(f"select * from {table}"):
            found += b"|".join(part if isinstance(part, bytes) else str(part).encode() for part in row.values()) + b"\n"
    return found


async def test_nothing_stands_in_clear_in_any_table(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    async with conn.transaction():
        await vault.index(conn, kind=LookupKind.NAME, value=CHILD.name, owner=CASE)
        await vault.index(conn, kind=LookupKind.NATIONAL_NUMBER, value=CHILD.national_number, owner=CASE)
    stolen = await everything(conn)
    assert CASE.encode() in stolen, "the dump is not empty"
    for secret in (STORY, CHILD.name, CHILD.given_name, CHILD.family_name, CHILD.national_number, OLD, LOOKUP_KEY):
        found = secret if isinstance(secret, bytes) else secret.encode()
        assert found not in stolen
        assert found.lower() not in stolen.lower()


async def test_the_same_content_never_looks_the_same(vault: Vault, conn: Connection) -> None:
    await put(vault, conn, record="one")
    await put(vault, conn, record="two")
    await put(vault, conn, owner=OTHER, record="one")
    rows = await conn.fetch("select nonce, ciphertext from vault_records")
    assert len({row["nonce"] for row in rows}) == 3
    assert len({row["ciphertext"] for row in rows}) == 3


# -- moved, changed, taken from elsewhere ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tampering",
    [
        pytest.param(
            "update vault_records r set nonce = s.nonce, ciphertext = s.ciphertext from vault_records s "
            f"where r.owner = '{CASE}' and r.record = 'child' and s.owner = r.owner and s.record = 'other'",
            id="another record's",
        ),
        pytest.param(
            "update vault_records r set nonce = s.nonce, ciphertext = s.ciphertext from vault_records s "
            f"where r.owner = '{CASE}' and r.record = 'child' and s.owner = '{OTHER}' and s.record = 'child'",
            id="another case's",
        ),
        pytest.param(f"update vault_records set category = 'health' where owner = '{CASE}'", id="another category"),
        pytest.param(
            f"update vault_records set ciphertext = set_byte(ciphertext, 3, get_byte(ciphertext, 3) # 1) where owner = '{CASE}'",
            id="a bit of the content",
        ),
        pytest.param(
            f"update vault_records set nonce = set_byte(nonce, 0, get_byte(nonce, 0) # 1) where owner = '{CASE}'",
            id="a bit of the nonce",
        ),
        pytest.param(
            "update data_keys k set wrapped = o.wrapped from data_keys o "
            f"where k.owner = '{CASE}' and o.owner = '{OTHER}'",
            id="another case's key",
        ),
        pytest.param(
            f"update data_keys set wrapped = set_byte(wrapped, 20, get_byte(wrapped, 20) # 1) where owner = '{CASE}'",
            id="a bit of the key",
        ),
        pytest.param(f"update data_keys set wrapped = 'x' where owner = '{CASE}'", id="no key at all"),
    ],
)
async def test_what_was_changed_or_moved_is_refused(vault: Vault, conn: Connection, tampering: str) -> None:
    await put(vault, conn)
    await put(vault, conn, record="other", content=b"something else")
    await put(vault, conn, owner=OTHER)
    assert (await conn.execute(tampering)).split()[-1] != "0"
    with pytest.raises(TamperedError):
        await vault.get(conn, owner=CASE, record="child")
    with pytest.raises(TamperedError):
        await vault.read(conn, owner=CASE)
    assert await vault.get(conn, owner=OTHER, record="child") == STORY


async def test_a_whole_row_moved_with_its_key_is_refused(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await conn.execute("insert into data_keys select $1, version, key_id, wrapped from data_keys", OTHER)
    await conn.execute(
        "insert into vault_records select $1, record, category, key_version, nonce, ciphertext from vault_records",
        OTHER,
    )
    with pytest.raises(TamperedError):
        await vault.get(conn, owner=OTHER, record="child")


# -- forgetting --------------------------------------------------------------------------------------------------------


async def test_a_forgotten_case_cannot_be_read_found_or_begun_again(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await put(vault, conn, owner=OTHER)
    async with conn.transaction():
        await vault.index(conn, kind=LookupKind.NAME, value=CHILD.name, owner=CASE)
        await vault.index(conn, kind=LookupKind.NAME, value=CHILD.name, owner=OTHER)
    before = await conn.fetchrow("select nonce, ciphertext from vault_records where owner = $1", CASE)
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
    with pytest.raises(ShreddedError):
        await vault.get(conn, owner=CASE, record="child")
    with pytest.raises(ShreddedError):
        await vault.get(conn, owner=CASE, record="never-there")
    with pytest.raises(ShreddedError):
        await vault.read(conn, owner=CASE)
    with pytest.raises(ShreddedError):
        await put(vault, conn, record="new")
    with pytest.raises(ShreddedError):
        await vault.index(conn, kind=LookupKind.NAME, value=CHILD.name, owner=CASE)
    assert await vault.find(conn, kind=LookupKind.NAME, value=CHILD.name) == [OTHER]
    assert await vault.get(conn, owner=OTHER, record="child") == STORY, "only the one case was forgotten"

    left = await conn.fetchrow("select nonce, ciphertext from vault_records where owner = $1", CASE)
    assert left == before, "the ciphertext is still there, and useless"
    assert await conn.fetchval("select count(*) from data_keys where owner = $1 and wrapped is not null", CASE) == 0


async def test_with_every_key_there_is_a_forgotten_ciphertext_stays_noise(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await put(vault, conn, owner=OTHER)
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
    # The worst thief: he may write, and puts in every key that is left, under every name.
    for stolen in await conn.fetch("select key_id, wrapped from data_keys where wrapped is not null"):
        await conn.execute(
            "update data_keys set key_id = $2, wrapped = $3, shredded_at = null where owner = $1",
            CASE,
            stolen["key_id"],
            stolen["wrapped"],
        )
        with pytest.raises(TamperedError):
            await vault.get(conn, owner=CASE, record="child")


async def test_forgetting_twice_or_before_anything_is_there(vault: Vault, conn: Connection) -> None:
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
    with pytest.raises(ShreddedError):
        await put(vault, conn)


@pytest.mark.parametrize("first", [True, False], ids=["the first write", "a later write"])
async def test_a_write_under_way_is_forgotten_too(vault: Vault, conn: Connection, dsn: str, first: bool) -> None:
    if not first:
        await put(vault, conn)
    other = await db.connect(dsn, application_name="vault-test")
    observer = await db.connect(dsn, application_name="vault-test")
    writing = conn.transaction()
    await writing.start()
    await vault.put(conn, owner=CASE, record="new", category="identity", content=STORY)
    await vault.index(conn, kind=LookupKind.NAME, value=CHILD.name, owner=CASE)

    async def forget() -> None:
        async with other.transaction():
            await vault.shred(other, owner=CASE)

    forgetting = asyncio.create_task(forget())
    async with asyncio.timeout(30):
        while not await observer.fetchval("select pg_blocking_pids($1)", other.get_server_pid()):
            assert not forgetting.done(), "it has to wait for the write that it cannot see yet"
    await writing.commit()
    await forgetting
    await asyncio.gather(other.close(), observer.close())
    with pytest.raises(ShreddedError):
        await vault.get(conn, owner=CASE, record="new")
    assert await vault.find(conn, kind=LookupKind.NAME, value=CHILD.name) == []


async def test_two_first_writes_at_once_share_one_key(vault: Vault, dsn: str, conn: Connection) -> None:
    pool = await db.create_pool(dsn, min_size=8, max_size=8, application_name="vault-test")

    async def write(number: int) -> None:
        async with pool.acquire() as one, one.transaction():
            await vault.put(one, owner=CASE, record=f"doc-{number}", category="health", content=str(number).encode())

    await asyncio.gather(*(write(number) for number in range(24)))
    await pool.close()
    assert await conn.fetchval("select count(*) from data_keys") == 1
    opened = await vault.read(conn, owner=CASE)
    assert {one.content for one in opened} == {str(number).encode() for number in range(24)}


# -- rotation ----------------------------------------------------------------------------------------------------------


async def test_after_rotation_the_old_key_encryption_key_opens_nothing_and_is_not_needed(
    vault: Vault, conn: Connection
) -> None:
    owners = [f"{CASE[:-1]}{letter}" for letter in "bcdfg"]
    for owner in owners:
        await put(vault, conn, owner=owner)
    sealed = await conn.fetch("select owner, ciphertext from vault_records order by owner")

    both = Vault(LocalKeys({"new": NEW, "old": OLD}), LOOKUP_KEY)
    await put(both, conn, owner=OTHER)
    counts: list[int] = []
    while not counts or counts[-1]:
        async with conn.transaction():
            counts.append(await both.rotate(conn, batch=2))
    assert counts == [2, 2, 1, 0]

    only_new = Vault(LocalKeys({"new": NEW}), LOOKUP_KEY)
    for owner in (*owners, OTHER):
        assert await only_new.get(conn, owner=owner, record="child") == STORY
    with pytest.raises(KeyUnavailableError):
        await vault.get(conn, owner=CASE[:-1] + "b", record="child")
    after = await conn.fetch("select owner, ciphertext from vault_records where owner <> $1 order by owner", OTHER)
    assert after == sealed, "rotation touches keys, never contents"


async def test_rotation_leaves_forgotten_cases_forgotten(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
        assert await Vault(LocalKeys({"new": NEW, "old": OLD}), LOOKUP_KEY).rotate(conn) == 0
    with pytest.raises(ShreddedError):
        await vault.get(conn, owner=CASE, record="child")


async def test_without_the_old_key_nothing_is_rotated_half(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    with pytest.raises(KeyUnavailableError):
        async with conn.transaction():
            await Vault(LocalKeys({"new": NEW}), LOOKUP_KEY).rotate(conn)
    assert await vault.get(conn, owner=CASE, record="child") == STORY


async def test_a_renewed_data_key_seals_everything_again(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    await put(vault, conn, record="other", content=b"other")
    old_key = await conn.fetchrow("select key_id, wrapped from data_keys")
    old_rows = await conn.fetch("select ciphertext from vault_records order by record")
    assert old_key is not None
    async with conn.transaction():
        assert await vault.renew(conn, owner=CASE) == 2
    assert await vault.get(conn, owner=CASE, record="child") == STORY
    assert await vault.get(conn, owner=CASE, record="other") == b"other"
    keys = await conn.fetch("select version, wrapped from data_keys")
    assert [row["version"] for row in keys] == [2]
    assert keys[0]["wrapped"] != old_key["wrapped"]
    rows = await conn.fetch("select ciphertext from vault_records order by record")
    assert not {row["ciphertext"] for row in rows} & {row["ciphertext"] for row in old_rows}
    await put(vault, conn, record="third", content=b"third")
    assert await vault.get(conn, owner=CASE, record="third") == b"third"
    # The leaked key back in its place opens nothing any more.
    await conn.execute(
        "update data_keys set key_id = $1, wrapped = $2 where owner = $3", old_key["key_id"], old_key["wrapped"], CASE
    )
    with pytest.raises(TamperedError):
        await vault.get(conn, owner=CASE, record="child")


async def test_renewing_what_is_not_there_or_forgotten(vault: Vault, conn: Connection) -> None:
    assert await vault.renew(conn, owner=CASE) == 0
    async with conn.transaction():
        await vault.shred(conn, owner=CASE)
    with pytest.raises(ShreddedError):
        await vault.renew(conn, owner=CASE)


# -- lookups -----------------------------------------------------------------------------------------------------------


async def test_a_case_is_found_by_any_spelling_and_by_nothing_else(vault: Vault, conn: Connection) -> None:
    number = CHILD.national_number
    async with conn.transaction():
        await vault.index(conn, kind=LookupKind.NATIONAL_NUMBER, value=number, owner=CASE)
        await vault.index(conn, kind=LookupKind.NAME, value="Bjørk Årstad-Prøvesen", owner=CASE)
        await vault.index(conn, kind=LookupKind.NAME, value="Bjørk Årstad-Prøvesen", owner=CASE)
    found = {"kind": LookupKind.NATIONAL_NUMBER}
    assert await vault.find(conn, value=f"{number[:6]} {number[6:]}", **found) == [CASE]
    assert await vault.find(conn, value=number[:-1], **found) == []
    for spelling in ("bjørk  årstad-prøvesen ", "BJØRK ÅRSTAD-PRØVESEN", "Bjørk A\u030arstad-Prøvesen"):
        assert await vault.find(conn, kind=LookupKind.NAME, value=spelling) == [CASE]
    assert await vault.find(conn, kind=LookupKind.NAME, value="Bjork Arstad-Provesen") == []
    assert await vault.find(conn, kind=LookupKind.NAME, value=number) == []


async def test_another_lookup_key_finds_nothing(vault: Vault, conn: Connection) -> None:
    async with conn.transaction():
        await vault.index(conn, kind=LookupKind.NATIONAL_NUMBER, value=CHILD.national_number, owner=CASE)
    stranger = Vault(LocalKeys({"old": OLD}), LOOKUP_KEY[::-1])
    assert await stranger.find(conn, kind=LookupKind.NATIONAL_NUMBER, value=CHILD.national_number) == []


# -- with a command ----------------------------------------------------------------------------------------------------


async def test_a_command_that_fails_leaves_nothing_in_the_vault(vault: Vault, conn: Connection) -> None:
    class CommandFailedError(Exception):
        """The command was refused after it had written."""

    async def command() -> None:
        async with conn.transaction():
            await vault.put(conn, owner=CASE, record="child", category="identity", content=STORY)
            raise CommandFailedError

    with pytest.raises(CommandFailedError):
        await command()
    assert await everything(conn) == b""


async def test_the_tables_refuse_what_the_vault_never_writes(vault: Vault, conn: Connection) -> None:
    await put(vault, conn)
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("update data_keys set wrapped = null")
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await conn.execute("delete from data_keys")
    with pytest.raises(asyncpg.CheckViolationError):
        await conn.execute("update vault_records set nonce = 'short'")
