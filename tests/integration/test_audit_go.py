"""Our log, verified by the Go project's own packages for transparency logs and signed notes: a second program, not ours."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import lagspill_verify
import pytest
import pytest_asyncio
from lagspill_verify import Kind

from services.audit.domain.note import Signer
from services.audit.export import export
from services.audit.queries import Reader
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, Publisher, open_world
from tests.integration.witness_world import asking, cosigner, open_witness

SOURCE = Path(__file__).parents[1] / "go"
VKEY = SIGNER.named("lagspill.no/logs/4005").verifier.vkey
SKIEN = cosigner("skien").key.vkey

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


async def ask(verifier: Path, source: Path | str, *options: Path | str, vkey: str = VKEY) -> tuple[int, str]:
    """Let the program verify a log or a proof, and return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        verifier, *options, source, vkey, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode or 0, said.decode()


@contextmanager
def plainly_served(folder: Path) -> Iterator[str]:
    """Serve a folder with a web server that knows nothing of logs."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700])
async def test_go_verifies_every_entry(migrated: Migrated, tmp_path: Path, verifier: Path, size: int) -> None:
    """Every inclusion proof and every consistency proof that its packages can make of our tiles."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        records = Publisher().reads(size)
        for at in range(0, size, 300):
            await world.take(*records[at : at + 300])
        await export(Reader(world.pool), NOTODDEN, tmp_path)
    assert await ask(verifier, tmp_path) == (0, f"verified {size} entries\n")


async def test_go_verifies_a_tile_of_tiles(migrated: Migrated, tmp_path: Path, verifier: Path) -> None:
    """One entry before the first tile of the second level is full, as it fills, and one after: Go, and ours.

    Go makes the root of all entries, and the proofs of every 251st.
    """
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        publisher, reader, size = Publisher(), Reader(world.pool), 0
        for until in (65_535, 65_536, 65_537):
            while size < until:
                size += await world.take(*publisher.reads(min(8_000, until - size)))
            await export(reader, NOTODDEN, tmp_path)
            assert await ask(verifier, tmp_path, "-step", "251") == (0, f"verified {size} entries\n")
            report = await asyncio.to_thread(lagspill_verify.verify, str(tmp_path), VKEY)
            assert (report.findings, report.size) == ([], size), report


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
    assert (await ask(verifier, tmp_path, vkey=other))[0] == 1
    assert (await ask(verifier, tmp_path))[0] == 0


@dataclass
class Witnessed:
    """A log that a witness cosigns, and copies of it as it was at 300 entries and is at 700; one more is not witnessed yet."""

    older: Path
    newer: Path
    policy: Path
    proof: Path


@pytest_asyncio.fixture
async def witnessed(migrated: Migrated, tmp_path: Path) -> AsyncIterator[Witnessed]:
    """Play it, with a real witness over HTTP."""
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
        httpx.AsyncClient() as http,
    ):
        asked, publisher, reader = (
            asking(world, http, f"{witness.line()}\nquorum skien\n"),
            Publisher(),
            Reader(world.pool),
        )
        for count, name in ((299, "older"), (399, "newer")):
            await world.take(*publisher.reads(count), publisher.seal())
            assert await asked.ask() == {"skien": None}
            await export(reader, NOTODDEN, tmp_path / name, asked.witnesses)
        proof = await reader.proof(NOTODDEN, 255, (await reader.entry(NOTODDEN, 255)).leaf)
        (tmp_path / "entry.tlog-proof").write_text(
            proof.text().partition("\n\n")[0] + "\n\n" + await asked.witnesses.checkpoint(NOTODDEN)
        )
        await world.take(publisher.read())
        await export(reader, NOTODDEN, tmp_path / "newer", asked.witnesses)
        yield Witnessed(
            tmp_path / "older", tmp_path / "newer", tmp_path / "newer" / "policy", tmp_path / "entry.tlog-proof"
        )


async def test_a_witnessed_log_from_any_web_server(witnessed: Witnessed, verifier: Path, tmp_path: Path) -> None:
    """Folder and HTTP, cosignatures, two checkpoints, the proof of one entry: Go, and ours, say the same."""
    verified = (0, "verified 700 entries\n")
    with plainly_served(witnessed.newer) as address:
        for source in (witnessed.newer, address):
            since = ("-since", witnessed.older / "checkpoint")
            assert await ask(verifier, source, "-witness", SKIEN, *since) == verified
            report = await asyncio.to_thread(
                lagspill_verify.verify,
                str(source),
                (witnessed.newer / "keys").read_text().split(),
                policy=str(witnessed.policy),
                since=[str(witnessed.older / "checkpoint")],
            )
            assert (report.findings, report.size, report.anchors, len(report.witnesses)) == ([], 700, 1, 1), report
    assert await ask(verifier, witnessed.proof, "-witness", SKIEN, "-proof") == (0, "verified entry 255\n")
    proved = await asyncio.to_thread(lagspill_verify.verify, str(witnessed.proof), VKEY, policy=str(witnessed.policy))
    assert (proved.findings, len(proved.witnesses)) == ([], 1)


async def test_what_a_witness_did_not_sign_is_refused(witnessed: Witnessed, verifier: Path, tmp_path: Path) -> None:
    """Another witness, a cosignature of another checkpoint, an older log, another proof: Go, and ours."""
    kragero = cosigner("kragero").key.vkey
    assert (await ask(verifier, witnessed.newer, "-witness", kragero))[0] == 1
    newer = (witnessed.newer / "checkpoint").read_text()
    line = (witnessed.older / "checkpoint").read_text().splitlines(keepends=True)[-1]
    (witnessed.newer / "checkpoint").write_text("".join([*newer.splitlines(keepends=True)[:-1], line]))
    assert (await ask(verifier, witnessed.newer))[0] == 0, "the log's own signature is there"
    assert (await ask(verifier, witnessed.newer, "-witness", SKIEN))[0] == 1
    report = await asyncio.to_thread(lagspill_verify.verify, str(witnessed.newer), VKEY, policy=str(witnessed.policy))
    assert [found.kind for found in report.findings] == [Kind.REWRITTEN, Kind.UNWITNESSED]
    (tmp_path / "newer-checkpoint").write_text(newer)
    status, said = await ask(verifier, witnessed.older, "-since", tmp_path / "newer-checkpoint")
    assert (status, said.partition(":")[0]) == (1, "rolled back")
    proof = witnessed.proof.read_text()
    for false in (
        proof.replace("index 255", "index 254"),
        proof.replace("\n700\n", "\n701\n"),
        proof.replace("extra e", "extra f"),
    ):
        assert false != proof
        witnessed.proof.write_text(false)
        assert (await ask(verifier, witnessed.proof, "-proof"))[0] == 1
        try:
            report = await asyncio.to_thread(lagspill_verify.verify, str(witnessed.proof), VKEY)
        except lagspill_verify.UnreadableError:
            continue
        assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
