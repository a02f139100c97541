"""The database and the broker stopped and started again under the intake, and a disk that fills."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.local.kafka import Kafka
from deploy.local.postgres import Postgres
from deploy.local.process import free_port
from services.audit.consumers import Consumption
from shared.db import migrate
from shared.testing.plugin import Migrated
from shared.testing.signals import Probe
from tests.integration.audit_world import MIGRATIONS, Publisher, open_world
from tests.integration.test_audit_consumption import send
from tests.integration.test_audit_keeper import check_log

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.story(24)]

WITHIN = 120.0


async def test_database_and_broker_are_stopped_and_started(tmp_path: Path) -> None:
    """While they are away nothing is taken and nothing is lost; it goes on by itself, whichever comes back."""
    postgres = Postgres(tmp_path / "postgres", free_port(), log=tmp_path / "postgres.log", durable=False)
    kafka = Kafka(tmp_path / "kafka", free_port(), free_port(), log=tmp_path / "kafka.log")
    try:
        await asyncio.gather(asyncio.to_thread(postgres.start), asyncio.to_thread(kafka.start))
        dsn, broker = postgres.url(), kafka.bootstrap_servers
        await migrate(dsn, "audit", MIGRATIONS)
        admin = AIOKafkaAdminClient(bootstrap_servers=broker)
        await admin.start()
        await admin.create_topics([NewTopic("t", 2, 1)])
        await admin.close()
        records = Publisher().reads(80)

        async def publish(first: int, end: int) -> None:
            producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
            await producer.start()
            await send(producer, "t", [*records[first:end]], partition=0)
            await producer.stop()

        async with open_world(dsn) as world:
            probe: Probe[int] = Probe()
            member = Consumption(broker, world.keeper, topics=["t"], group="g", stall_seconds=5.0, taken=probe)
            await member.start()
            try:
                await publish(0, 20)
                await probe.until(lambda seen: sum(seen) == 20, within=WITHIN)
                await asyncio.to_thread(postgres.stop)
                await publish(20, 40)
                await asyncio.to_thread(postgres.start)
                await probe.until(lambda seen: sum(seen) == 40, within=WITHIN)
                await asyncio.to_thread(kafka.stop)
                await asyncio.to_thread(kafka.start)
                await publish(40, 60)
                await probe.until(lambda seen: sum(seen) == 60, within=WITHIN)
                await asyncio.to_thread(kafka.stop)
                await asyncio.to_thread(postgres.stop)
                await asyncio.to_thread(kafka.start)
                await publish(60, 80)
                await asyncio.to_thread(postgres.start)
                await probe.until(lambda seen: sum(seen) == 80, within=WITHIN)
                assert member.trouble is None
                assert not member.stalled
            finally:
                await member.stop()
            await check_log(world, records)
    finally:
        await asyncio.to_thread(kafka.stop)
        await asyncio.to_thread(postgres.stop)


def mount(*arguments: str) -> None:
    """Run mount(8)."""
    subprocess.run(["mount", *arguments], check=True, capture_output=True)


@contextmanager
def small_disk(place: Path, data: Path) -> Iterator[Path]:
    """Give a disk of two megabytes, which only root may make, to whom the database's folder belongs."""
    if not data.exists():
        pytest.skip("the database runs on another machine")
    owner, group = data.stat().st_uid, data.stat().st_gid
    place.mkdir()
    try:
        mount("-t", "tmpfs", "-o", f"size=2m,uid={owner},gid={group},mode=700", "tmpfs", str(place))
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no small disk can be mounted here: that takes root, and a kernel that lets it")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        place.rmdir()


async def test_a_full_disk_takes_nothing_in_halves(
    migrated: Migrated, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The batch that does not fit is not in, and no checkpoint speaks of it; with room again it goes in as it was."""
    dsn = await migrated("audit", MIGRATIONS)
    owner = await asyncpg.connect(dsn)
    data = Path(await owner.fetchval("SHOW data_directory"))
    mounts = Path("/tmp") / f"lagspill-disk-{os.getpid()}"  # where the database's user may go, too
    with small_disk(mounts, data) as disk:
        name = f"small_{os.getpid()}"
        await owner.execute(f"CREATE TABLESPACE {name} LOCATION '{disk}'")
        try:
            async with open_world(dsn) as world:
                records = Publisher().reads(4000)
                taken = 500
                await world.take(*records[:taken])
                await owner.execute(f"ALTER TABLE entries_2026_09 SET TABLESPACE {name}")
                full = False
                while not full:
                    try:
                        await world.take(*records[taken : taken + 500])
                        taken += 500
                    except asyncpg.DiskFullError:
                        full = True
                assert 500 <= taken < 3500
                await check_log(world, records[:taken])
                await asyncio.to_thread(mount, "-o", "remount,size=64m", str(disk))
                await world.take(*records[taken:])
                await check_log(world, records)
            await owner.execute("ALTER TABLE entries_2026_09 SET TABLESPACE pg_default")
        finally:
            await owner.execute(f"DROP TABLESPACE {name}")
            await owner.close()
