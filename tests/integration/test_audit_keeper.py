"""The batch transaction against a real PostgreSQL, working as the role that may only add."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import asyncpg
import pytest
import pytest_asyncio

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import UNPARSABLE, LogName, oversize_leaf
from services.audit.domain.note import open_note
from services.audit.domain.tiles import WIDTH
from services.audit.errors import FencedError, HeadDamagedError
from services.audit.keeper import Keeper
from shared.contracts.audit import ChainBroken, CheckpointSigned, GapFound, IrregularityFound
from shared.contracts.base import EventData
from shared.envelope import parse
from shared.merkle import leaf_hash, root_of, split
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, SIGNER, SKIEN, Publisher, World, batches, open_world

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A keeper on an empty log."""
    async with open_world(await migrated("audit", MIGRATIONS)) as opened:
        yield opened


@pytest.fixture
def cases() -> Publisher:
    """The cases service."""
    return Publisher()


async def leaves(world: World, log: LogName = NOTODDEN) -> list[bytes]:
    """The log's entries, after checking that their positions have no gap."""
    rows = await world.pool.fetch("SELECT position, leaf FROM entries WHERE log = $1 ORDER BY position", log)
    assert [row["position"] for row in rows] == list(range(len(rows)))
    return [row["leaf"] for row in rows]


async def checkpoints(world: World, log: LogName = NOTODDEN) -> list[Checkpoint]:
    """Every checkpoint of the log, each one's signature checked."""
    rows = await world.pool.fetch("SELECT note FROM checkpoints WHERE log = $1 ORDER BY size", log)
    verifier = SIGNER.named(world.keeper.origin(log)).verifier
    return [Checkpoint.parse(open_note(row["note"].encode(), [verifier])) for row in rows]


async def check_log(world: World, expected: list[bytes], log: LogName = NOTODDEN) -> None:
    """The log holds exactly these leaves, every checkpoint is a prefix of them, and the full tiles are right."""
    held = await leaves(world, log)
    assert held == expected
    hashes = [leaf_hash(leaf) for leaf in held]
    signed = await checkpoints(world, log)
    assert signed[-1].size == len(held)
    for checkpoint in signed:
        assert checkpoint.origin == f"lagspill.no/logs/{log}"
        assert checkpoint.root == root_of(hashes[: checkpoint.size])
    rows = await world.pool.fetch(
        "SELECT tile, hashes, root FROM tiles WHERE log = $1 AND level = 0 ORDER BY tile", log
    )
    assert [row["tile"] for row in rows] == list(range(len(held) // WIDTH))
    for row in rows:
        part = hashes[row["tile"] * WIDTH : (row["tile"] + 1) * WIDTH]
        assert split(row["hashes"]) == tuple(part)
        assert row["root"] == root_of(part)


async def published(world: World) -> list[EventData]:
    """What the audit service has put into its outbox, in order."""
    types = {event.TYPE: event for event in (ChainBroken, CheckpointSigned, GapFound, IrregularityFound)}
    rows = await world.pool.fetch("SELECT body FROM outbox ORDER BY id")
    records = [parse(row["body"]) for row in rows]
    return [types[record.envelope.type].model_validate_json(record.data) for record in records]


async def test_leaves_are_the_exact_bytes_and_one_checkpoint_is_signed(world: World, cases: Publisher) -> None:
    """Whatever is in them, whoever sent them, in the order received."""
    records = [*cases.reads(5), cases.seal()]
    assert await world.take(*records) == 6
    await check_log(world, records)
    assert len(await checkpoints(world)) == 1


@pytest.mark.parametrize("step", [1, 85, 255, 256, 257, 600])
async def test_sizes_around_a_tile(world: World, cases: Publisher, step: int) -> None:
    """255, 256, 257 and beyond, however they are batched."""
    records = cases.reads(600 if step > 1 else 258)
    for at in range(0, len(records), step):
        await world.take(*records[at : at + step])
    await check_log(world, records)


async def test_each_municipality_has_its_log(world: World, cases: Publisher) -> None:
    """One batch, two logs, one checkpoint each; and nothing of the one in the other."""
    here, there = cases.reads(3), cases.reads(2, scope=SKIEN)
    await world.take(here[0], there[0], here[1], there[1], here[2])
    await check_log(world, here)
    await check_log(world, there, SKIEN)


async def test_a_duplicate_is_dropped(world: World, cases: Publisher) -> None:
    """Within a batch, across batches, and from another partition; nothing is signed when nothing is new."""
    records = cases.reads(4)
    assert await world.take(records[0], records[1], records[0], records[1]) == 2
    assert await world.take(records[1], records[2]) == 1
    assert await world.take(*records[:3], partition=1) == 0
    assert await world.take(records[3], partition=1) == 1
    await check_log(world, records)
    assert [checkpoint.size for checkpoint in await checkpoints(world)] == [2, 3, 4]
    assert await published(world) == []


async def test_a_duplicate_with_other_content_is_evidence(world: World, cases: Publisher) -> None:
    """It becomes an entry and a finding; delivered again it is a duplicate of itself."""
    record = cases.read()
    forged = record.replace(b"act_nurse-in-tinnes", b"act_somebody-else12")
    assert await world.take(record, forged) == 2
    assert await world.take(forged, record) == 0
    await check_log(world, [record, forged])
    assert await published(world) == [
        ChainBroken(log="lagspill.no/logs/4005", kind=kind, source="/services/cases", position=1)
        for kind in ("id-reused", "number-reused")
    ]


async def test_a_number_used_twice_is_a_finding(world: World) -> None:
    """A service that was restored from a backup gives its numbers again."""
    one, other = Publisher(seed=1), Publisher(seed=2)
    await world.take(*one.reads(9))
    again = other.reads(9)
    await world.take(*again[:4], *again[6:])
    assert await published(world) == [
        ChainBroken(log="lagspill.no/logs/4005", kind="number-reused", source="/services/cases", position=position)
        for position in (9, 13)
    ]
    rows = await world.pool.fetch("SELECT first_number, last_number FROM findings ORDER BY id")
    assert [tuple(row) for row in rows] == [(1, 4), (7, 9)]


async def test_bad_input_is_an_entry_of_its_own_log(world: World, cases: Publisher) -> None:
    """Not JSON, NUL bytes, no value, no envelope, lone surrogates, 2 MB: none is lost, none stands in the way."""
    good = cases.reads(2)
    long = b"\0" * (2 * 1024 * 1024)
    bad = [
        b"not JSON",
        b"\0\0\0",
        None,
        b"",
        b"{}",
        b"[]",
        b'{"id":"\\ud800"}',
        b"\xff\xfe",
        b"not JSON",
        good[0].replace(b'"specversion":"1.0"', b'"specversion":"2.0"'),
        good[0].replace(b"/services/cases", b"/services/\\u0000ab"),
        good[0][:-1],
        b"[" * 10_000,
        b'{"id":' + b"9" * 20_000 + b"}",
    ]
    assert await world.take(good[0], *bad, long, good[1]) == len(bad) + 3
    await check_log(world, good)
    await check_log(world, [*(value or b"" for value in bad), oversize_leaf(long)], UNPARSABLE)
    row = await world.pool.fetchrow("SELECT body FROM oversize WHERE sha256 = $1", sha256(long).digest())
    assert row is not None
    assert row["body"] == long


async def test_strange_but_parsable_values_are_logged_whole(world: World, cases: Publisher) -> None:
    """Numbers beyond the database's, days beyond the calendar, NUL in a text: not indexed, but logged in its own log."""
    records = [
        cases.read().replace(b'"sourcesequence":"0', b'"sourcesequence":"9'),
        cases.read().replace(b'"time":"2026', b'"time":"9999'),
        cases.read().replace(b'"time":"2026-09-07T10:00:03Z"', b'"time":"0001-01-01T00:00:00+14:00"'),
        cases.read().replace(b'"time":"2026-09-07T10:00:04Z"', b'"time":"9999-12-31T23:59:59-14:00"'),
        cases.read().replace(b"unit:helsestasjon", b"unit:\\u0000"),
        cases.read().replace(b'"data":{', b'"data":[],"before":{'),
    ]
    await world.take(*records)
    await check_log(world, records)
    assert await leaves(world, UNPARSABLE) == []


async def test_entries_can_be_found_by_what_they_say(world: World, cases: Publisher) -> None:
    """The columns are those of the record."""
    record = cases.read()
    await world.take(record, b"no event")
    row = await world.pool.fetchrow("SELECT * FROM entries WHERE log = '4005'")
    assert row is not None
    envelope = parse(record).envelope
    assert (row["kind"], row["type"], row["source"]) == ("read", "no.lagspill.access.recorded.v1", "/services/cases")
    assert (row["event_id"], row["number"], row["happened_at"]) == (envelope.id, 1, envelope.time)
    assert (row["case_ref"], row["actor"]) == (envelope.subject, "act_nurse-in-tinnes")
    assert (row["organisation"], row["unit"], row["basis"]) == ("999999999", "unit:helsestasjon", "consent")
    assert row["consent"].startswith("cst_")
    assert row["permitted"] is True
    other = await world.pool.fetchrow("SELECT * FROM entries WHERE log = 'unparsable'")
    assert other is not None
    assert (other["kind"], other["type"], other["event_id"], other["case_ref"]) == ("unparsable", None, None, None)
    assert (other["topic"], other["partition"], other["record_offset"]) == ("t", 0, 1)


async def test_a_second_writer_is_fenced(world: World, cases: Publisher) -> None:
    """Whoever takes records that are taken already changes nothing, in no log and no partition of the batch."""
    records = cases.reads(4)
    await world.take(*records[:2])
    await world.keeper.positions([("t", 1)])
    with pytest.raises(FencedError):
        await world.keeper.take(batches({("t", 0): (0, records[:2]), ("t", 1): (0, [records[2]])}))
    await check_log(world, records[:2])
    assert await world.keeper.positions([("t", 0), ("t", 1)]) == {("t", 0): 2, ("t", 1): 0}


async def test_two_instances_never_fork_a_log(migrated: Migrated) -> None:
    """Two keepers write to the same logs from different partitions at the same time, one of them twice started."""
    dsn = await migrated("audit", MIGRATIONS)
    publishers = [Publisher(source=f"/services/s{letter}", seed=ord(letter)) for letter in "ab"]
    async with open_world(dsn) as one, open_world(dsn) as two, open_world(dsn) as again:
        records = [[p.read(scope=(NOTODDEN, SKIEN)[i % 2]) for i in range(120)] for p in publishers]

        async def feed(keeper: Keeper, partition: int, values: list[bytes]) -> None:
            for at in range(0, len(values), 7):
                try:
                    await keeper.take(batches({("t", partition): (at, values[at : at + 7])}))
                except FencedError:
                    return

        await one.keeper.positions([("t", 0), ("t", 1)])
        await asyncio.gather(
            feed(one.keeper, 0, records[0]), feed(two.keeper, 1, records[1]), feed(again.keeper, 1, records[1])
        )
        # Of the two on partition 1 one gave up at its first collision; what is missing is taken by whoever reads on.
        position = (await one.keeper.positions([("t", 1)]))["t", 1]
        await one.keeper.take(batches({("t", 1): (position, records[1][position:])}))
        for log, parity in ((NOTODDEN, 0), (SKIEN, 1)):
            held = await leaves(one, log)
            assert len(held) == 120
            for part in records:
                assert [leaf for leaf in held if leaf in set(part)] == part[parity::2]
            await check_log(one, held, log)


async def test_nobody_changes_the_past(world: World, cases: Publisher, migrated: Migrated) -> None:
    """The writing role has no right to; the reading role has none at all; the owner is stopped by a trigger."""
    await world.take(*cases.reads(WIDTH), cases.seal(), b"x" * 70_000)
    tables = ("entries", "entries_default", "tiles", "checkpoints", "oversize", "seals", "seal_checks", "findings")
    statements = [
        f"UPDATE {table} SET {column} = {column}"
        for table, column in zip(
            tables, ("leaf", "leaf", "hashes", "note", "body", "root", "agrees", "kind"), strict=True
        )
    ]
    statements += [f"DELETE FROM {table}" for table in tables] + [f"TRUNCATE {table}" for table in tables]
    owner = await asyncpg.connect(world.dsn)
    try:
        for role in ("lagspill_audit_writer", "lagspill_audit_reader", "none"):
            await owner.execute(f"SET ROLE {role}")
            for statement in statements:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await owner.execute(statement)
        await owner.execute("SET ROLE lagspill_audit_reader")
        for table in ("entries", "logs", "positions", "outbox", "journals"):
            await owner.fetch(f"SELECT * FROM {table}")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(f"INSERT INTO {table} DEFAULT VALUES")
        for statement in (
            "DELETE FROM logs",
            "DELETE FROM positions",
            "UPDATE logs SET size = 0",
            "DROP TABLE entries",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await owner.execute(statement)
    finally:
        await owner.close()


async def test_nothing_is_signed_on_a_damaged_head(world: World, cases: Publisher) -> None:
    """A head that is not what was signed last, or a log gone back behind it: it refuses, and takes nothing."""
    records = cases.reads(6)
    await world.take(*records[:2])
    saved = await world.pool.fetchrow("SELECT size, frontier, edge FROM logs WHERE log = '4005'")
    assert saved is not None
    await world.take(*records[2:4])
    true = await world.pool.fetchrow("SELECT size, frontier, edge FROM logs WHERE log = '4005'")
    assert true is not None
    update = "UPDATE logs SET size = $1, frontier = $2, edge = $3 WHERE log = '4005'"
    false = bytes(32) + true["frontier"][32:]
    for head in ((4, false, true["edge"]), tuple(saved)):
        await world.pool.execute(update, *head)
        for _ in range(2):
            with pytest.raises(HeadDamagedError):
                await world.take(*records[4:])
    assert await published(world) == [
        ChainBroken(log="lagspill.no/logs/4005", kind="tree-damaged", position=position) for position in (4, 2)
    ]
    await world.pool.execute(update, *true)
    await world.take(*records[4:])
    await check_log(world, records)


async def test_true_seals_agree_and_a_false_one_is_a_finding(world: World, cases: Publisher) -> None:
    """Compared once each, also when records arrived in another order than they were numbered."""
    first, second, third = cases.reads(3)
    sealed = cases.seal()
    fourth = cases.read()
    again = cases.seal()
    await world.take(second, sealed, first)
    assert await world.keeper.compare_seals() == 0
    await world.take(third, again, fourth)
    assert await world.keeper.compare_seals() == 2
    assert await world.keeper.compare_seals() == 0
    assert await published(world) == []
    false = cases.seal(root=sha256(b"a journal rewritten").digest())
    await world.take(false)
    assert await world.keeper.compare_seals() == 1
    old_and_false = cases.seal(root=sha256(b"rewritten long ago").digest(), last=2)
    await world.take(old_and_false, cases.seal())
    assert await world.keeper.compare_seals() == 2
    assert await published(world) == [
        ChainBroken(log="lagspill.no/logs/4005", kind="seal-contradicted", source="/services/cases", position=position)
        for position in (6, 7)
    ]


async def test_a_hole_that_lasts_is_a_finding_once(migrated: Migrated, cases: Publisher) -> None:
    """A short one is not: events of one service come over several partitions."""
    async with open_world(await migrated("audit", MIGRATIONS), grace=30.0) as world:
        records = cases.reads(9)
        await world.take(records[0], *records[3:6], records[8])
        await world.keeper.find_gaps(100.0)
        await world.take(records[2])
        await world.keeper.find_gaps(120.0)
        await world.keeper.find_gaps(129.9)
        assert await published(world) == []
        await world.keeper.find_gaps(130.0)
        await world.keeper.find_gaps(200.0)
        origin = "lagspill.no/logs/4005"
        gap = GapFound(log=origin, source="/services/cases", first_missing=7, last_missing=8)
        late = GapFound(log=origin, source="/services/cases", first_missing=2, last_missing=2)
        assert await published(world) == [gap, late]
        await world.take(records[1], records[6], records[7])
        await world.keeper.find_gaps(300.0)
        assert await published(world) == [gap, late]


async def test_an_event_taken_out_of_a_subjects_history_is_a_finding(migrated: Migrated, cases: Publisher) -> None:
    """It was deleted from the outbox before the relay numbered it, so the service's numbers show nothing; its subject's do."""
    async with open_world(await migrated("audit", MIGRATIONS), grace=30.0) as world:
        case, other = cases.ids.ref("cas"), cases.ids.ref("cas")

        def event(nth: int, of: str = case) -> bytes:
            """The `nth` event of a case, as the next thing that the service publishes."""
            return cases.publish(cases.access(of), sequence=nth)

        await world.take(event(1), event(1, other), event(3), event(2, other))
        late, sixth = event(2), event(6)
        await world.keeper.find_gaps(100.0)
        await world.take(late, sixth)
        await world.keeper.find_gaps(140.0)
        await world.keeper.find_gaps(150.0)
        assert await published(world) == []
        await world.keeper.find_gaps(170.0)
        await world.keeper.find_gaps(200.0)
        gap = IrregularityFound(
            log="lagspill.no/logs/4005", kind="subject-gap", source=cases.source, subject_ref=case, first=4, last=5
        )
        assert await published(world) == [gap]
        again = event(3)
        await world.take(event(4), event(5), again)
        await world.keeper.find_gaps(300.0)
        reused = gap.model_copy(update={"kind": "subject-reused", "first": 3, "last": 3, "position": 8})
        assert await published(world) == [gap, reused]
        await world.take(again, late)
        assert await published(world) == [gap, reused]


async def test_an_id_used_again_under_another_number_is_found_afterwards(world: World, cases: Publisher) -> None:
    """It is no duplicate, so it is an entry at once; the look at the ids finds it, once."""
    first, second, third = cases.reads(3)
    await world.take(first)
    await world.keeper.find_reused_ids()
    forged = second.replace(second[29:65], first[29:65])
    assert forged != second
    await world.take(forged, third)
    await world.keeper.find_reused_ids()
    await world.keeper.find_reused_ids()
    assert await published(world) == [
        ChainBroken(log="lagspill.no/logs/4005", kind="id-reused", source="/services/cases", position=1)
    ]
    await check_log(world, [first, forged, third])


async def test_records_without_a_number_are_kept_found_and_not_doubled(world: World, cases: Publisher) -> None:
    """Delivered again, the same bytes are dropped by their id."""
    bare = cases.read().replace(b',"sourcesequence":"', b',"other":"')
    assert await world.take(bare) == 1
    assert await world.take(bare) == 0
    assert await published(world) == [
        IrregularityFound(log="lagspill.no/logs/4005", kind="unnumbered", source=cases.source, position=0)
    ]


async def test_a_record_on_a_topic_of_another_service_is_found(world: World, cases: Publisher) -> None:
    """It is kept where its municipality's log is."""
    record = cases.read()
    await world.take(record, topic="lagspill.audit.v1")
    assert await published(world) == [
        IrregularityFound(
            log="lagspill.no/logs/4005", kind="foreign-source", source=cases.source, first=1, last=1, position=0
        )
    ]
    await check_log(world, [record])


async def test_checkpoints_are_announced_when_others_were_heard(world: World, cases: Publisher) -> None:
    """The announcement becomes an entry itself; that alone is no reason for another one."""
    await world.take(*cases.reads(3), b"unparsable")
    assert await world.keeper.announce() == 1
    assert await world.keeper.announce() == 0
    (event,) = await published(world)
    assert isinstance(event, CheckpointSigned)
    assert (event.log, event.size) == ("lagspill.no/logs/4005", 3)
    assert open_note(event.note.encode(), [SIGNER.named(event.log).verifier]) == (await checkpoints(world))[0].text()
    own = Publisher(source="/services/audit", seed=5)
    await world.take(own.publish(event))
    assert await world.keeper.announce() == 0
    await world.take(cases.read())
    assert await world.keeper.announce() == 1
