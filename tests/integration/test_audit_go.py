"""Our log, verified by the Go project's own packages for transparency logs and signed notes: a second program, not ours."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from services.audit.domain.note import Signer
from services.audit.export import export
from services.audit.queries import Reader
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, Publisher, open_world

SOURCE = Path(__file__).parents[1] / "go"
VKEY = SIGNER.named("lagspill.no/logs/4005").verifier.vkey

pytestmark = [
    pytest.mark.connected,
    pytest.mark.story(23),
    pytest.mark.skipif(shutil.which("go") is None, reason="Go is not installed: no second verifier to ask"),
]


@pytest.fixture(scope="session")
def verifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program, built."""
    program = tmp_path_factory.mktemp("go") / "verify"
    environment = {**os.environ, "GOFLAGS": "-buildvcs=false", "GOTOOLCHAIN": "local"}
    subprocess.run(["go", "build", "-o", program, "."], cwd=SOURCE, env=environment, check=True)
    return program


async def ask(verifier: Path, folder: Path, vkey: str = VKEY) -> tuple[int, str]:
    """Let the program verify a copy of a log, and return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        verifier, folder, vkey, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
async def test_go_verifies_every_entry(migrated: Migrated, tmp_path: Path, verifier: Path, size: int) -> None:
    """Every inclusion proof and every consistency proof that its packages can make of our tiles."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        records = Publisher().reads(size)
        for at in range(0, size, 300):
            await world.take(*records[at : at + 300])
        await export(Reader(world.pool), NOTODDEN, tmp_path)
    assert await ask(verifier, tmp_path) == (0, f"verified {size} entries\n")


async def test_go_refuses_what_was_changed(migrated: Migrated, tmp_path: Path, verifier: Path) -> None:
    """An entry, a tile, the checkpoint, another key: so its word above is worth something."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(300))
        await export(Reader(world.pool), NOTODDEN, tmp_path)
    for path in ("tile/entries/000", "tile/0/000", "tile/0/001.p/44", "checkpoint"):
        file = tmp_path / path
        true = file.read_bytes()
        file.write_bytes(true[:40] + bytes([true[40] ^ 1]) + true[41:])
        status, _ = await ask(verifier, tmp_path)
        assert status == 1, path
        file.write_bytes(true)
    other = Signer("lagspill.no/logs/4005", bytes(32)).verifier.vkey
    assert (await ask(verifier, tmp_path, other))[0] == 1
    assert (await ask(verifier, tmp_path))[0] == 0
