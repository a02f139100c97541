"""An attacker with the database's password (story row 24): each thing done to a real log is found, and named."""

from __future__ import annotations

import asyncio
import base64
import os
import pickle
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import ClassVar

import asyncpg
import httpx
import lagspill_verify
import pytest
import pytest_asyncio
from lagspill_verify import Report

from deploy.demo import tamper
from deploy.demo.tamper import Tampering
from services.audit.direct import Database, open_database
from services.audit.domain.note import Signer
from services.audit.domain.tiles import WIDTH, Slice
from services.audit.errors import CopyIncompleteError, NoSuchEntryError
from services.audit.export import export
from services.audit.queries import Reader, Search
from shared.contracts.audit import CheckpointSigned
from shared.db import Connection
from shared.merkle import leaf_hash, verify_inclusion
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, SIGNER, Publisher, World, open_world, put_behind
from tests.integration.witness_world import asking, open_witness

pytestmark = [pytest.mark.connected, pytest.mark.story(24)]

ORIGIN = "lagspill.no/logs/4005"
VKEY = SIGNER.named(ORIGIN).verifier.vkey
FORGER = Signer("lagspill.no/logs", sha256(b"a key that nobody has been told to trust").digest())
Attack = Callable[..., Awaitable[Tampering]]


@dataclass(repr=False)
class Scene:
    """A log of 616 entries: two full tiles and a part of a third, with seals and announced checkpoints in it."""

    world: World
    attacker: Connection
    saved: Path
    """Where somebody has kept the checkpoint of size 410."""
    size: int
    folder: Path

    async def verify(self, name: str, *since: Path, vkey: str = VKEY) -> Report:
        """Copy the log as it now is, and verify the copy; straight from the database the same is found."""
        copy, older = self.folder / name, [str(each) for each in since]
        with suppress(CopyIncompleteError):
            await export(Reader(self.world.pool), NOTODDEN, copy)
        report = await asyncio.to_thread(lagspill_verify.verify, str(copy), vkey, since=older)
        direct = await asyncio.to_thread(read_directly, self.world.dsn, vkey, older)
        assert str(direct) == str(report)
        return report


def read_directly(dsn: str, vkey: str, since: list[str], policy: str | None = None) -> Report:
    """Verify a log straight from its database."""
    demands = lagspill_verify.read_demands([vkey], policy, since)
    log = open_database(dsn, NOTODDEN, witnessed=policy is not None)
    try:
        return lagspill_verify.verify_log(log, demands)
    finally:
        log.close()


@pytest_asyncio.fixture
async def scene(migrated: Migrated, tmp_path: Path) -> AsyncIterator[Scene]:
    """Play it."""
    dsn = await migrated("audit", MIGRATIONS)
    async with open_world(dsn) as world:
        cases, own = Publisher(), Publisher(source="/services/audit", seed=9)
        for at in range(6):
            await world.take(*cases.reads(100), cases.seal())
            row = await world.pool.fetchrow("SELECT size, root, note FROM checkpoints ORDER BY size DESC LIMIT 1")
            assert row is not None
            root = base64.b64encode(row["root"]).decode()
            await world.take(own.publish(CheckpointSigned(log=ORIGIN, size=row["size"], root=root, note=row["note"])))
            if at == 3:
                note = await world.pool.fetchval("SELECT note FROM checkpoints ORDER BY size DESC LIMIT 1")
                (tmp_path / "saved").write_text(note)
        await world.take(*cases.reads(4))
        attacker = await asyncpg.connect(dsn)
        yield Scene(world, attacker, tmp_path / "saved", 616, tmp_path)
        await attacker.close()


async def test_an_untouched_log_is_verified(scene: Scene) -> None:
    """And everything in it was compared: the six checkpoints that it holds, and one kept outside."""
    report = await scene.verify("untouched", scene.saved)
    assert (report.exit_status, report.findings) == (0, []), report
    assert (report.size, report.entries, report.anchors) == (scene.size, scene.size, 7)
    assert report.journals == [
        "/services/audit 1 to 6 without a hole, 0 seals, sealed to 0",
        "/services/cases 1 to 610 without a hole, 6 seals, sealed to 605",
    ]


async def test_the_operators_command(scene: Scene) -> None:
    """`lagspill verify --database`: the log's name, the key, and the database in the environment; processes open it themselves."""

    async def run(log: str, **environment: str) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "deploy", "verify", "--database", log, "--key", VKEY,
            env={"PATH": os.environ["PATH"], **environment}, cwd=Path(__file__).parents[2],
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await process.communicate()
        return process.returncode or 0, said.decode()

    status, said = await run(NOTODDEN, DATABASE_URL=scene.world.dsn)
    assert (status, said.splitlines()[-1]) == (0, "VERIFIED"), said
    assert (await run("4003", DATABASE_URL=scene.world.dsn)) == (
        2,
        "lagspill verify --database: there is no log 4003\n",
    )
    assert (await run(NOTODDEN)) == (2, "lagspill verify --database: DATABASE_URL names no database\n")
    status, said = await run(NOTODDEN, DATABASE_URL="postgresql://nobody@127.0.0.1:9/nothing")
    assert (status, said.startswith("lagspill verify --database: the database cannot be read")) == (2, True)

    def in_another_process() -> list[int]:
        log: Database = pickle.loads(pickle.dumps(open_database(scene.world.dsn, NOTODDEN)))
        try:
            return [len(entries or ()) for _, entries, _ in log.many(range(3), scene.size)]
        finally:
            log.close()

    assert await asyncio.to_thread(in_another_process) == [256, 256, 104]


ATTACKS: list[tuple[Attack, tuple[int, ...]]] = [
    *((tamper.change_one_byte, (at,)) for at in (0, 17, 255, 256, 511, 512, 600, 615)),
    *((tamper.delete_a_row, (at,)) for at in (0, 17, 255, 256, 512, 600)),
    *((tamper.delete_and_close_up, (at,)) for at in (0, 17, 255, 256, 600)),
    *((tamper.insert_a_row, (at,)) for at in (0, 17, 255, 256, 600)),
    *((tamper.swap_two, pair) for pair in ((0, 1), (17, 18), (3, 200), (255, 256), (17, 600), (300, 615), (610, 614))),
    *((tamper.cut_the_tail, (at,)) for at in (615, 600, 512, 511, 256, 1)),
]


@pytest.mark.parametrize(("attack", "where"), ATTACKS)
async def test_it_is_found_and_named(scene: Scene, attack: Attack, where: tuple[int, ...]) -> None:
    """The kind, and the first entry concerned."""
    done = await attack(scene.attacker, NOTODDEN, *where)
    report = await scene.verify("tampered")
    assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
    found = report.findings[0]
    assert (found.kind.value, found.position) == (done.kind, done.position), report


@pytest.mark.parametrize("position", [50, 300, 611])
async def test_everything_rewritten(scene: Scene, position: int) -> None:
    """Every hash is right, but no signature is this key's; the checkpoints that the log itself holds bound where it begins."""
    done = await tamper.rewrite_everything(scene.attacker, NOTODDEN, position, FORGER)
    report = await scene.verify("tampered")
    found = report.findings[0]
    assert found.kind.value == done.kind, report
    assert found.position is not None
    assert found.position <= position < found.position + 103, report
    # With the forger's own key it would be a log like any other, which is why the key comes from elsewhere; but even then
    # every seal after the entry contradicts it.
    by_the_forger = await scene.verify("forged", vkey=FORGER.named(ORIGIN).verifier.vkey)
    assert {found.kind.value for found in by_the_forger.findings} == ({"incomplete"} if position < 606 else set())


async def test_everything_rewritten_by_who_has_the_key(scene: Scene) -> None:
    """Found by the checkpoints that were signed before: those in the log, and one that somebody kept."""
    await tamper.rewrite_everything(scene.attacker, NOTODDEN, 300, SIGNER)
    report = await scene.verify("tampered", scene.saved)
    found = report.findings[0]
    assert (found.kind.value, found.position) == ("forked", 203), report


async def test_who_has_the_key_too_is_found_by_what_a_witness_signed(migrated: Migrated, tmp_path: Path) -> None:
    """Every hash and every signature of the log is right; the witness's cosignature is of another tree, or is not there."""
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
        httpx.AsyncClient() as http,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(*Publisher().reads(300))
        assert await asked.ask() == {"skien": None}
        policy = tmp_path / "policy"
        policy.write_text((await asked.witnesses.policy(NOTODDEN)).text())

        async def verify(demanded: str | None) -> list[tuple[str, int | None]]:
            report = await asyncio.to_thread(read_directly, world.dsn, VKEY, [], demanded)
            return [(found.kind.value, found.position) for found in report.findings]

        assert await verify(str(policy)) == []
        attacker = await asyncpg.connect(world.dsn)
        try:
            await tamper.rewrite_everything(attacker, NOTODDEN, 120, SIGNER)
            assert await verify(None) == [], "nothing but the witness contradicts it"
            assert await verify(str(policy)) == [("rewritten", 0), ("unwitnessed", 0)]
            await attacker.execute("SET session_replication_role = replica")
            await attacker.execute("DELETE FROM cosignatures")
            assert await verify(str(policy)) == [("unwitnessed", 0)]
        finally:
            await attacker.close()


async def test_a_restored_backup(scene: Scene) -> None:
    """By itself it is a true, older log; whoever has kept a checkpoint sees that it is not the newest, or a fork of it."""
    done = await tamper.restore_a_backup(scene.attacker, NOTODDEN, 203)
    assert (await scene.verify("alone")).findings == []
    report = await scene.verify("with-checkpoint", scene.saved)
    found = report.findings[0]
    assert (found.kind.value, found.position) == (done.kind, done.position), report
    async with open_world(scene.world.dsn) as world:
        other = Publisher(source="/services/meetings", seed=44)
        await world.take(*other.reads(300), topic="another")
    report = await scene.verify("gone-on", scene.saved)
    assert report.findings[0].kind.value == "forked", report


async def test_a_tile_alone_changed(scene: Scene) -> None:
    """The entries are as signed; a proof made of the tile would be wrong, so it is named."""
    await scene.attacker.execute("SET session_replication_role = replica")
    await scene.attacker.execute(
        "UPDATE tiles SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1) WHERE tile = 1"
    )
    report = await scene.verify("tampered")
    assert [(found.kind.value, found.position) for found in report.findings] == [("changed", WIDTH + 1)]


async def test_an_entry_and_its_tile_changed(scene: Scene) -> None:
    """The level above gives it away, within one tile."""
    await scene.attacker.execute("SET session_replication_role = replica")
    await tamper.change_one_byte(scene.attacker, NOTODDEN, 300)
    await scene.attacker.execute("SET session_replication_role = replica")
    await scene.attacker.execute(
        "UPDATE tiles SET hashes = overlay(hashes placing sha256('\\x00'::bytea || leaf) from 44 * 32 + 1 for 32)"
        " FROM entries WHERE tiles.log = '4005' AND tile = 1 AND position = 300 AND entries.log = '4005'"
    )
    report = await scene.verify("tampered")
    found = report.findings[0]
    assert (found.kind.value, found.position) == ("rewritten", 256), report
    assert "one of 256 to 304" in found.detail, "the next checkpoint in the log is of size 305"


async def test_a_service_that_hides_or_contradicts_itself(scene: Scene) -> None:
    """The log is as it was signed, and incomplete: a number is missing, one is there twice, a seal names another root."""
    hiding = Publisher(source="/services/meetings", seed=5)
    records = hiding.reads(8)
    await scene.world.take(*records[:3], *records[4:], hiding.seal())
    twice = Publisher(source="/services/notify", seed=6)
    other = Publisher(source="/services/notify", seed=7)
    await scene.world.take(twice.read(), other.read(), twice.read())
    await scene.world.take(twice.seal(root=sha256(b"another journal").digest()))
    report = await scene.verify("incomplete")
    assert report.exit_status == lagspill_verify.EXIT_INCOMPLETE
    assert {found.kind.value for found in report.findings} == {"incomplete"}
    assert [found.detail for found in report.findings] == [
        "/services/notify has used its number 1 before",
        "/services/notify sealed its first 2 records with another root than the log has for them",
        "number 4 of /services/meetings is not in the log",
    ]


async def test_put_back_it_verifies_again(scene: Scene) -> None:
    """What the demo does between two attacks."""
    for attack, at in ((tamper.change_one_byte, 17), (tamper.cut_the_tail, 512)):
        async with tamper.undone(scene.attacker):
            await attack(scene.attacker, NOTODDEN, at)
            assert (await scene.verify(f"tampered-{at}")).findings
        assert (await scene.verify(f"healed-{at}")).findings == []


class Overtaken(asyncpg.Connection):
    """A connection on which a batch is committed between asking for a tile and the next statement: by level and number."""

    batches: ClassVar[dict[tuple[object, ...], Callable[[], Awaitable[int]]]] = {}

    async def fetchval(
        self,
        query: str,
        *args: object,
        column: int = 0,
        timeout: float | None = None,  # noqa: ASYNC109 - as asyncpg has it
    ) -> object:
        """Ask, then let the batch come."""
        found = await super().fetchval(query, *args, column=column, timeout=timeout)
        if "FROM tiles" in query and (batch := self.batches.pop(args[1:], None)) is not None:
            await batch()
        return found


async def test_a_log_that_grows_while_it_is_read_has_all_its_tiles(scene: Scene) -> None:
    """A batch fills the last tile just after it was asked for: it is at the edge, or stored, and never neither."""
    publisher = Publisher(source="/services/meetings", seed=5)

    async def batch() -> int:
        return await scene.world.take(*publisher.reads(WIDTH))

    async with asyncpg.create_pool(scene.world.dsn, min_size=1, max_size=2, connection_class=Overtaken) as pool:
        reader = Reader(pool)
        Overtaken.batches[0, 2] = batch
        await export(reader, NOTODDEN, scene.folder / "copy")
        report = await asyncio.to_thread(lagspill_verify.verify, str(scene.folder / "copy"), VKEY)
        assert (report.exit_status, report.size) == (0, scene.size), report
        entry, size = await reader.entry(NOTODDEN, scene.size), scene.size + WIDTH
        Overtaken.batches[0, 3] = batch
        proof = await reader.proof(NOTODDEN, entry.position, entry.leaf)
        root = (await reader.signed_at_size(NOTODDEN, size)).checkpoint.root
        verify_inclusion(leaf_hash(entry.leaf), entry.position, size, proof.hashes, root)
    assert Overtaken.batches == {}
    assert (await Reader(scene.world.pool).head(NOTODDEN)).checkpoint.size == scene.size + 2 * WIDTH


async def test_a_copy_of_a_damaged_log_says_so(scene: Scene) -> None:
    """What is there is written, as evidence; that something is not is no success."""
    await scene.attacker.execute("SET session_replication_role = replica")
    await scene.attacker.execute("DELETE FROM tiles WHERE log = '4005' AND tile = 1")
    await scene.attacker.execute("DELETE FROM entries WHERE log = '4005' AND position >= 512")
    with pytest.raises(CopyIncompleteError, match=r"^6 files were written.* 3 that .* the first is tile/0/001$"):
        await export(Reader(scene.world.pool), NOTODDEN, scene.folder / "copy")
    assert (scene.folder / "copy" / "tile" / "entries" / "001").exists()
    assert (scene.folder / "copy" / "checkpoint").exists()


async def test_rows_that_nobody_signed(scene: Scene) -> None:
    """Put behind the log's end, as who may only add can: read as no entry, and named, while all that was signed verifies.

    What a batch adds meanwhile is none of them.
    """
    case = "cas_bcdfghjklmnpqrstvwxzbcdfgh"
    before = await asyncio.to_thread(open_database, scene.world.dsn, NOTODDEN)
    await scene.world.take(Publisher(source="/services/meetings", seed=5).read())
    demands = lagspill_verify.read_demands([VKEY])
    assert (await asyncio.to_thread(lagspill_verify.verify_log, before, demands)).findings == []
    await asyncio.to_thread(before.close)
    for position in (10**12, scene.size + 1):
        await put_behind(scene.world.pool, position, case, "act_somebody-innocent")
        report = await asyncio.to_thread(read_directly, scene.world.dsn, VKEY, [])
        assert report.exit_status == lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED
        assert [(found.kind.value, found.position) for found in report.findings] == [("inserted", position)]
    reader = Reader(scene.world.pool)
    day = Search(since=NOON - timedelta(days=1), until=NOON + timedelta(days=1))
    assert await reader.find(NOTODDEN, Search(case=case), before=None, limit=9) == []
    assert (await reader.find(NOTODDEN, day, before=None, limit=9))[0].position == scene.size
    for position in (10**12, scene.size + 1):
        with pytest.raises(NoSuchEntryError):
            await reader.entry(NOTODDEN, position)
    assert await reader.bundle(NOTODDEN, Slice(10**12 // WIDTH, WIDTH)) is None
    # Nor does it help to say in the head that the log has them.
    await scene.attacker.execute("SET ROLE lagspill_audit_writer; UPDATE logs SET size = 2 * size WHERE log = '4005'")
    report = await asyncio.to_thread(read_directly, scene.world.dsn, VKEY, [])
    assert ("inserted", scene.size + 1) in [(found.kind.value, found.position) for found in report.findings]


async def test_rights_and_triggers_stop_everybody_but_a_superuser(scene: Scene) -> None:
    """The helpers work only because they set the triggers aside."""
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await scene.attacker.execute("UPDATE entries SET leaf = leaf WHERE position = 1")
    await scene.attacker.execute("SET ROLE lagspill_audit_writer")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await tamper.change_one_byte(scene.attacker, NOTODDEN, 1)
