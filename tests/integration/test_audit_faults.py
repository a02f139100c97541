"""A log whose surroundings go wrong: a head set back, a clock set back, records in any order and number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha256
from random import Random

import pytest
import pytest_asyncio

from services.audit.errors import HeadDamagedError
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, Publisher, World, open_world
from tests.integration.test_audit_keeper import check_log, checkpoints, leaves, published

pytestmark = [pytest.mark.connected, pytest.mark.story(23, 24)]


@pytest_asyncio.fixture
async def world(migrated: Migrated) -> AsyncIterator[World]:
    """A keeper on an empty log."""
    async with open_world(await migrated("audit", MIGRATIONS)) as opened:
        yield opened


@pytest.fixture
def cases() -> Publisher:
    """The cases service."""
    return Publisher()


class Wrong:
    """A clock that says what it is told to."""

    def __init__(self) -> None:
        self.moment = NOON

    def now(self) -> datetime:
        """Return the wrong time."""
        return self.moment


def tree_hash(entries: list[bytes]) -> bytes:
    """MTH(D[n]) of RFC 6962 § 2.1, as its definition has it, and sharing nothing with the code."""
    if len(entries) < 2:
        return sha256(b"".join(b"\x00" + entry for entry in entries)).digest()
    split_at = 1 << ((len(entries) - 1).bit_length() - 1)
    return sha256(b"\x01" + tree_hash(entries[:split_at]) + tree_hash(entries[split_at:])).digest()


async def test_a_log_set_back_is_not_signed_on_by_an_instance_that_remembers_nothing(
    world: World, cases: Publisher
) -> None:
    """The head of yesterday with its own true checkpoint, but larger ones were signed since: going on would fork the log."""
    records = cases.reads(6)
    await world.take(*records[:2])
    saved = await world.pool.fetchrow("SELECT size, frontier, edge FROM logs WHERE log = '4005'")
    assert saved is not None
    await world.take(*records[2:4])
    await world.pool.execute("UPDATE logs SET size = $1, frontier = $2, edge = $3 WHERE log = '4005'", *saved)
    async with open_world(world.dsn) as restarted:
        with pytest.raises(HeadDamagedError, match="size 4, which was signed"):
            await restarted.take(*records[4:])
    assert [checkpoint.size for checkpoint in await checkpoints(world)] == [2, 4]


async def test_sizes_around_a_tile_of_tiles(world: World) -> None:
    """65,535, 65,536 and 65,537 entries: the root is RFC 6962's, and the first tile of the second level fills."""
    records: list[bytes] = [b"%d" % at for at in range(65_537)]
    for first, end in ((0, 40_000), (40_000, 65_535), (65_535, 65_536), (65_536, 65_537)):
        await world.take(*records[first:end])
    rows = await world.pool.fetch("SELECT size, root FROM checkpoints WHERE log = 'unparsable' ORDER BY size")
    assert [row["size"] for row in rows] == [40_000, 65_535, 65_536, 65_537]
    for row in rows[1:]:
        assert row["root"] == tree_hash(records[: row["size"]])
    tiles = await world.pool.fetch("SELECT level, count(*) FROM tiles GROUP BY level ORDER BY level")
    assert [tuple(row) for row in tiles] == [(0, 256), (1, 1)]
    assert await world.pool.fetchval("SELECT root FROM tiles WHERE level = 1") == tree_hash(records[:65_536])


async def test_a_clock_set_back_changes_nothing_but_the_times(migrated: Migrated, cases: Publisher) -> None:
    """Positions and checkpoints go on, whatever month an entry is kept in."""
    clock = Wrong()
    records = cases.reads(6)
    async with open_world(await migrated("audit", MIGRATIONS), clock=clock) as world:
        for at, moment in enumerate((NOON, NOON - timedelta(days=400), NOON - timedelta(days=40))):
            clock.moment = moment
            await world.take(*records[at * 2 : at * 2 + 2], records[0])
        await check_log(world, records)


async def test_late_reordered_and_doubled_records_are_each_an_entry_once(world: World, cases: Publisher) -> None:
    """However they are mixed, over however many partitions: everything once, the seals agree, and nothing is found."""
    chance = Random(6962)
    records = cases.reads(120)
    records += [cases.seal(), *cases.reads(3), cases.seal()]
    delivered = [(record, chance.randrange(3)) for record in records for _ in range(chance.randint(1, 3))]
    chance.shuffle(delivered)
    while delivered:
        batch, delivered = delivered[:17], delivered[17:]
        for partition in range(3):
            if values := [record for record, of in batch if of == partition]:
                await world.take(*values, partition=partition)
    held = await leaves(world)
    assert sorted(held) == sorted(records)
    await check_log(world, held)
    assert await world.keeper.compare_seals() == 2
    await world.keeper.find_gaps(0.0)
    await world.keeper.find_reused_ids()
    assert await published(world) == []
