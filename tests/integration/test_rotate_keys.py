"""`rotate-keys` as an operator runs it: afterwards the old key-encryption key opens nothing and is needed for nothing."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

import services.cases
from shared import db
from shared.contracts.codes import InformationCategory
from shared.keys import KeyUnavailableError, LocalKeys
from shared.testing.plugin import Migrated
from shared.vault import Vault

pytestmark = pytest.mark.connected

MIGRATIONS = Path(services.cases.__file__).with_name("migrations")
LOOKUP_KEY = "a lookup key of thirty-two bytes"
OLD, NEW = os.urandom(32), os.urandom(32)
CASES = [f"cas_{letter * 26}" for letter in "bcdfg"]


async def rotate(dsn: str, keys: str) -> tuple[int, str, str]:
    """Run the command; return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services.cases", "rotate-keys"),
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": dsn,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "OIDC_ISSUER": "http://127.0.0.1:9/nobody",
            "PID_KEY": "a key for people of thirty-two b",
            "LOOKUP_KEY": LOOKUP_KEY,
            "VAULT_KEY": keys,
        },
        stdout=PIPE,
        stderr=PIPE,
    )
    said, complained = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode().strip(), complained.decode()


def written(name: str, key: bytes) -> str:
    """A key as VAULT_KEY has it."""
    return f"{name}:{base64.b64encode(key).decode()}"


async def test_after_the_rotation_the_old_key_can_be_destroyed(migrated: Migrated) -> None:
    """With the old key missing it says so and changes nothing; a second time there is nothing to do."""
    dsn = await migrated("cases", MIGRATIONS)
    before = Vault(LocalKeys({"old": OLD}), LOOKUP_KEY.encode())
    after = Vault(LocalKeys({"new": NEW}), LOOKUP_KEY.encode())
    connection = await db.connect(dsn, application_name="rotate-test")
    try:
        for case in CASES:
            async with connection.transaction():
                await before.put(
                    connection, owner=case, record="child", category=InformationCategory.IDENTITY, content=case.encode()
                )
        status, said, complained = await rotate(dsn, written("new", NEW))
        assert (status, said) == (2, "")
        assert KeyUnavailableError().message in complained
        with pytest.raises(KeyUnavailableError):
            await after.get(connection, owner=CASES[0], record="child")
        both = f"{written('new', NEW)},{written('old', OLD)}"
        assert (await rotate(dsn, both))[:2] == (0, "5 data keys were wrapped anew")
        assert (await rotate(dsn, both))[:2] == (0, "0 data keys were wrapped anew")
        assert [await after.get(connection, owner=case, record="child") for case in CASES] == [
            case.encode() for case in CASES
        ]
        with pytest.raises(KeyUnavailableError):
            await before.get(connection, owner=CASES[0], record="child")
    finally:
        await connection.close()
