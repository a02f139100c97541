"""From Kafka to signed, queryable entries, beside a bare COPY of the same rows; and from a commit to its entry."""

from __future__ import annotations

import asyncio
import json
import secrets
import signal
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Literal

import asyncpg

from services.audit.consumers import MAX_RECORDS
from shared.aggregate import Context
from shared.clock import SystemClock
from shared.db import create_pool, migrate
from shared.envelope import describe, number, seal
from shared.journal import Journal
from shared.kafka import WATERMARKS_TOPIC
from shared.observability import Metrics
from shared.publisher import Outgoing, Publisher, producers
from shared.refs import LogScope, RandomIds
from shared.relay import Relay
from shared.testing.signals import Probe
from tests.bench.command_app import SUM
from tests.bench.ground import Ground
from tests.bench.log_process import Orders, Seen
from tests.bench.measure import Latency, Measure
from tests.integration.audit_world import MIGRATIONS
from tests.integration.audit_world import Publisher as Source
from tests.tally import CONTRACTS, NOON, NOTODDEN, SOURCE, Added

RECORDS = 120_000
ROUNDS = 3
CASES = 5000
PER_SECOND = 500
SECONDS = 8
WITHIN = 120.0
MUNICIPALITIES = [LogScope(f"{4001 + nth}") for nth in range(20)]


@dataclass
class Member:
    """A process that was started, and what it has said."""

    process: asyncio.subprocess.Process
    heard: Probe[int]
    """Of all members together: how many records each batch had."""
    seen: list[Seen] = field(default_factory=list)

    async def ready(self) -> None:
        """Wait until it is."""
        line = await self._line()
        if line != "ready":
            raise RuntimeError(f"the process said {line!r}")

    async def _line(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode().strip()

    def go(self) -> None:
        """Let it begin."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"go\n")

    async def listen(self) -> None:
        """Take in what it says, until it says nothing more."""
        while (line := await self._line()).startswith("{"):
            self.seen.append(Seen.model_validate_json(line))
            self.heard(self.seen[-1].count)


@asynccontextmanager
async def members(orders: Sequence[Orders]) -> AsyncIterator[list[Member]]:
    """Start a process for each order, and end them; they are ready."""
    async with AsyncExitStack() as stack:
        heard: Probe[int] = Probe()
        started = []
        for each in orders:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "tests.bench.log_process", each.model_dump_json(),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=16 * 1024 * 1024,
            )  # fmt: skip
            stack.push_async_callback(_end, process)
            started.append(Member(process, heard))
        for member in started:
            await member.ready()
        yield started


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    await process.wait()


@dataclass(frozen=True)
class Run:
    """One round: records a second, in how many transactions, how many µs of the instances' processors each took."""

    rate: float
    batches: int
    cpu: float
    void: str


async def measure_log(ground: Ground) -> list[Measure | Latency]:
    """Return what the log reaches of a bare COPY: one instance and two, one municipality and twenty; and the latency.

    The target is 0.6 of a bare COPY. Two instances stand also beside two COPYs at the same time, which tells how far they share
    the work (docs/decisions/0022), and beside those what only fetches and COPYs: on the same machine no log reaches more.
    """
    results: list[Measure | Latency] = []
    for name, instances, scopes in (
        ("log: one instance, one municipality", 1, MUNICIPALITIES[:1]),
        ("log: one instance, 20 municipalities", 1, MUNICIPALITIES),
        ("log: two instances, 20 municipalities", 2, MUNICIPALITIES),
    ):
        topic = await ground.topic("log")
        await _publish(ground, topic, _records(scopes))
        ours, floors = [], []
        raw: dict[int, list[Run]] = {connections: [] for connections in sorted({1, instances})}
        for _ in range(ROUNDS):
            ours.append(await _take_in(ground, topic, instances))
            batch = min(-(-RECORDS // ours[-1].batches), MAX_RECORDS)
            for connections, runs in raw.items():
                runs.append(await _copy(ground, topic, connections, batch=batch))
            floors.append(await _copy(ground, topic, instances, batch=batch, role="floor"))
        middle = sorted(ours, key=lambda run: run.rate)[len(ours) // 2]
        notes: tuple[str, ...] = (
            f"{RECORDS} records in {middle.batches} transactions, {middle.cpu:.0f} µs of its processor each",
        )
        for connections, runs in raw.items():
            beside = "bare COPY of the same rows" + (f", {connections} connections" if connections > 1 else "")
            target = 0.6 if connections == 1 else None
            results.append(_beside(name, ours, beside, runs, target=target, notes=notes))
            notes = ()
        results.append(_beside(f"only fetching and COPYing, {instances} at once", floors, beside, raw[instances]))
    results.append(await _latency(ground))
    return results


def _beside(
    what: str,
    runs: Sequence[Run],
    beside: str,
    base: Sequence[Run],
    *,
    target: float | None = None,
    notes: tuple[str, ...] = (),
) -> Measure:
    return Measure(
        what,
        tuple(run.rate for run in runs),
        beside,
        tuple(run.rate for run in base),
        target=target,
        void=next((run.void for run in (*runs, *base) if run.void), ""),
        notes=notes,
    )


def _records(scopes: Sequence[LogScope]) -> list[tuple[str, bytes]]:
    """Return records with their keys: of three, two are looks at a case and one is an event of the case."""
    source = Source()
    cases = [source.ids.ref("cas") for _ in range(CASES)]
    events = dict.fromkeys(cases, 0)
    last = dict.fromkeys(scopes, 0)
    records = []
    for nth in range(RECORDS):
        case = cases[nth % CASES]
        scope = scopes[nth % CASES % len(scopes)]
        event = nth // CASES % 3 == 0
        events[case] += event
        event_id = source.ids.event_id()
        data = Added(tally=case, amount=nth, note="n" * 100) if event else source.access(case)
        sequence = events[case] if event else None
        envelope = describe(
            data, event_id=event_id, source=SOURCE, happened=NOON, recorded=NOON, scope=scope, correlation=event_id,
            sequence=sequence,
        )  # fmt: skip
        last[scope] += 1
        records.append((case, number(seal(data, envelope), last[scope])))
    return records


async def _publish(ground: Ground, topic: str, records: Sequence[tuple[str, bytes]]) -> None:
    publisher = Publisher(producers(ground.servers.kafka, client="bench"), seconds=60.0)
    await publisher.start()
    await publisher.publish(Outgoing(topic, key.encode(), value) for key, value in records)
    await publisher.close()


async def _database(ground: Ground) -> str:
    dsn = await ground.database()
    await migrate(dsn, "audit", MIGRATIONS)
    connection = await asyncpg.connect(dsn)
    await connection.execute("SELECT make_entries_partition(now())")
    await connection.execute("CHECKPOINT")
    await connection.close()
    return dsn


async def _take_in(ground: Ground, topic: str, instances: int) -> Run:
    dsn = await _database(ground)
    group = secrets.token_hex(6)
    orders = [
        Orders(role="log", dsn=dsn, kafka=ground.servers.kafka, topic=topic, group=group, share=(part, instances))
        for part in range(instances)
    ]
    async with members(orders) as started:
        began = time.monotonic()
        listening = [asyncio.create_task(member.listen()) for member in started]
        for member in started:
            member.go()
        void = await _until_taken(started[0], RECORDS)
        for task in listening:
            task.cancel()
        await asyncio.gather(*listening, return_exceptions=True)
    seen = [each for member in started for each in member.seen]
    seconds = max((each.at for each in seen), default=began) - began
    cpu = sum(member.seen[-1].cpu - member.seen[0].cpu for member in started if member.seen)
    taken = sum(each.count for each in seen[instances:])
    return Run(RECORDS / seconds, len(seen), cpu / max(1, taken) * 1e6, void or await _wrong(dsn))


async def _until_taken(member: Member, count: int) -> str:
    try:
        await member.heard.until(lambda seen: sum(seen) >= count, within=WITHIN)
    except TimeoutError:
        return f"not everything was taken in {WITHIN:.0f} s"
    return ""


async def _copy(
    ground: Ground, topic: str, connections: int, *, batch: int, role: Literal["copy", "floor"] = "copy"
) -> Run:
    dsn = await _database(ground)
    orders = [
        Orders(
            role=role, dsn=dsn, kafka=ground.servers.kafka, topic=topic, group="", share=(part, connections), batch=batch,
        )
        for part in range(connections)
    ]  # fmt: skip
    async with members(orders) as started:
        began = time.monotonic()
        for member in started:
            member.go()
        await asyncio.gather(*(member.listen() for member in started))
    seconds = max(each.at for member in started for each in member.seen) - began
    connection = await asyncpg.connect(dsn)
    count = await connection.fetchval("SELECT count(*) FROM entries")
    await connection.close()
    return Run(RECORDS / seconds, 0, 0.0, "" if count == RECORDS else f"COPY made {count} rows of {RECORDS}")


async def _wrong(dsn: str, expected: int = RECORDS) -> str:
    """Return what is not as it must be: every record an entry, once, under a signed checkpoint, no number missing."""
    connection = await asyncpg.connect(dsn)
    try:
        entries = await connection.fetchval("SELECT count(*) FROM entries")
        signed = await connection.fetchval("SELECT sum(size) FROM logs JOIN checkpoints USING (log, size)")
        whole = await connection.fetchval(
            "SELECT bool_and(numbers = int8multirange(int8range(1, upper(numbers)))) FROM journals"
        )
        findings = await connection.fetchval("SELECT count(*) FROM findings")
    finally:
        await connection.close()
    if (entries, signed) != (expected, expected):
        return f"{entries} entries, {signed} of them signed, of {expected} records"
    return "" if whole and not findings else f"{findings} findings in the log"


async def _latency(ground: Ground) -> Latency:
    """Return the time from the commit's return in one process to the entry's commit in another, at a steady rate."""
    what = f"commit to signed entry, {PER_SECOND} a second"
    dsn, topic = await ground.database(), await ground.topic("log-latency")
    held = await _database(ground)
    ids, clock = RandomIds(), SystemClock()
    pool = await create_pool(dsn, application_name="bench latency")
    relay = Relay(
        dsn,
        producers(ground.servers.kafka, client="bench"),
        source=SOURCE,
        clock=clock,
        ids=ids,
        metrics=Metrics(),
        topics={Added.TOPIC: topic, WATERMARKS_TOPIC: await ground.topic("watermarks", partitions=1)},
    )
    journal = Journal(pool, source=SOURCE, clock=clock, ids=ids, contracts=CONTRACTS, nudge=relay.nudge)
    committed: dict[int, float] = {}
    count = PER_SECOND * SECONDS
    cases = [ids.ref("cas") for _ in range(100)]

    async def commit(nth: int) -> None:
        case = cases[nth % len(cases)]
        ctx = Context(actor=None, scope=NOTODDEN, now=clock.now(), correlation=ids.event_id())
        await journal.change(SUM, case, ctx, lambda _: [Added(tally=case, amount=nth)])
        committed[nth] = time.monotonic()

    orders = Orders(role="log", dsn=held, kafka=ground.servers.kafka, topic=topic, group=secrets.token_hex(6))
    async with members([orders]) as (member,):
        listening = asyncio.create_task(member.listen())
        member.go()
        await relay.start()
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for nth in range(count):
                await asyncio.sleep(max(0.0, began + nth / PER_SECOND - time.monotonic()))
                group.create_task(commit(nth))
        void = await _until_taken(member, count)
        await relay.stop()
        await pool.close()
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    if void:
        return Latency(what, 0, 0, void=void)
    taken = {
        (partition, offset): each.at
        for each in member.seen
        for partition, first, past in each.steps
        for offset in range(first, past)
    }
    waits = [
        (taken[record] - committed[nth]) * 1000
        for record, nth in (await _amounts(held)).items()
        if record in taken and nth in committed
    ]
    spread = quantiles(waits, n=100)
    return Latency(what, spread[49], spread[98], void="" if len(waits) == count else f"{len(waits)} of {count} entries")


async def _amounts(dsn: str) -> dict[tuple[int, int], int]:
    """Return the number of the command that each record is of."""
    connection = await asyncpg.connect(dsn)
    try:
        rows = await connection.fetch("SELECT partition, record_offset, leaf FROM entries WHERE type = $1", Added.TYPE)
    finally:
        await connection.close()
    return {(row["partition"], row["record_offset"]): int(json.loads(row["leaf"])["data"]["amount"]) for row in rows}
