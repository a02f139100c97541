"""A case's and an actor's newest 100 entries among many: how long the database and the reader take, at p50 and p99."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import perf_counter
from typing import Final

from services.audit.app import SERVICE, searching
from services.audit.domain.entry import LogName
from services.audit.queries import Reader, Search
from shared.db import Pool, create_pool, migrate
from tests.bench.ground import Ground
from tests.bench.measure import Latency
from tests.integration.audit_world import Publisher

LOG: Final = LogName("4005")
FIRST_MONTH: Final = datetime(2025, 1, 1, tzinfo=UTC)
DEFAULT_ENTRIES: Final = 10_000_000
"""They take 14 GB while they are measured."""
MONTHS: Final = 24
NEWEST: Final = 100
TARGET: Final = 10.0
"""Milliseconds that the p99 of a case's or an actor's newest entries must be under, in ten million. Fewer are not judged."""
ROUNDS: Final = 2_000
_STEP: Final = 250_000
_BUDGET_SECONDS: Final = 20.0

_FILL: Final = """
INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind, type, source, event_id,
                     number, case_ref, actor, organisation, unit, basis, consent, permitted)
SELECT $1, n, $2::timestamptz + n * $3::interval + interval '2 seconds', convert_to(coalesce(replace(replace(replace($9::text, '<case>', case_ref), '<actor>', actor), '<n>', lpad(to_hex(n), 12, '0')),
                           rpad('{"position":' || n || ',', $8, 'e')), 'UTF8'),
       'lagspill.access.v1', 0, n, $2::timestamptz + n * $3::interval,
       (ARRAY['read', 'read', 'read', 'read', 'write', 'list', 'disclose'])[1 + h % 7], 'no.lagspill.access.recorded.v1',
       '/services/cases', lpad(to_hex(n), 32, '0')::uuid, n + 1, case_ref, actor, '999999999', (ARRAY['unit:ppt', 'unit:helsestasjon', 'unit:skole'])[1 + h % 3],
       'consent', NULL, h % 97 <> 0
FROM (SELECT n, abs(hashint8(n)::bigint) AS h FROM generate_series($4::bigint, $5::bigint) AS n) AS made
CROSS JOIN LATERAL (SELECT 'cas_' || translate(lpad((h % $6)::text, 26, '0'), '0123456789', 'bcdfghjklm') AS case_ref,
                           'act_' || lpad((h / 7 % $7)::text, 8, '0') AS actor) AS about
"""


def case_of(number: int) -> str:
    """Return the reference of the case that is filled in under this number."""
    return "cas_" + f"{number:026d}".translate(str.maketrans("0123456789", "bcdfghjklm"))


def look(*, brief: bool = False) -> str:
    """Return a look at <case> by <actor>, the <n>-th, for `filler`: with everything that it may say, or `brief`."""
    publisher = Publisher()
    case = publisher.ids.ref("cas")
    said = publisher.read(case, actor="act_somebody").decode()
    if brief:
        document = json.loads(said)
        data = {name: document["data"][name] for name in ("subject_ref", "kind", "actor", "categories", "documents")}
        data |= {"actor": {"id": data["actor"]["id"]}, "categories": [], "recipients": [], "permitted": True}
        said = json.dumps(document | {"data": data}, separators=(",", ":"))
    identity = json.loads(said)["id"]
    return said.replace(case, "<case>").replace("act_somebody", "<actor>").replace(identity, identity[:24] + "<n>")


async def filler(
    pool: Pool, *, entries: int, months: int, cases: int, actors: int, bytes_each: int = 700, leaf: str | None = None
) -> None:
    """Fill a log of that many months, each in its partition: with `leaf`, in which <case>, <actor> and <n> are put, or padding."""
    for month in range(months):
        year, number = divmod(FIRST_MONTH.month - 1 + month, 12)
        await pool.execute(
            "SELECT make_entries_partition($1)", datetime(FIRST_MONTH.year + year, number + 1, 1, tzinfo=UTC)
        )
    # Built at the end, sorted: row by row they take most of the time, and the search is by the same indexes.
    indexes = await pool.fetch(
        "SELECT indexrelid::regclass::text AS name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') AS made"
        " FROM pg_index WHERE indrelid = 'entries'::regclass AND NOT indisprimary"
    )
    await pool.execute(f"DROP INDEX {', '.join(index['name'] for index in indexes)}")
    step = timedelta(days=30.4 * months - 1) / entries
    for first in range(0, entries, _STEP):
        last = min(first + _STEP, entries) - 1
        await pool.execute(_FILL, LOG, FIRST_MONTH, step, first, last, cases, actors, bytes_each, leaf, timeout=600)
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for index in indexes:
            await connection.execute(index["made"], timeout=1800)
    # As autovacuum leaves it: the planner knows the table, and pages that are visible to all need not be looked at.
    await pool.execute("VACUUM (ANALYZE) entries", timeout=600)


async def signed_up_to(pool: Pool, log: str, size: int) -> None:
    """Say that the log is signed up to there: what stands behind is not read. No tree is built for it."""
    await pool.execute(
        "INSERT INTO checkpoints (log, size, root, note, signed_at) VALUES ($1, $2, sha256('none'), '', now())",
        log,
        size,
    )


async def measure_query(ground: Ground, entries: int = DEFAULT_ENTRIES, bytes_each: int | None = None) -> list[Latency]:
    """Return how long the newest 100 entries of random cases and actors take, as the reader gives them.

    They are records of some 790 bytes, whose fields are read out of them again; or anything of `bytes_each`.
    """
    dsn = await ground.database()
    await migrate(dsn, "audit", SERVICE.migrations)
    pool = await create_pool(
        searching(dsn), application_name="bench-query", min_size=1, max_size=1, statement_seconds=600
    )
    try:
        cases, actors = max(10, entries // 500), max(10, entries // 2_000)
        leaf = look(brief=True) if bytes_each is None else None
        await filler(
            pool, entries=entries, months=MONTHS, cases=cases, actors=actors, bytes_each=bytes_each or 0, leaf=leaf
        )
        await signed_up_to(pool, LOG, entries)
        reader, chance = Reader(pool), random.Random(4)
        period = FIRST_MONTH + timedelta(days=100)
        searches = {
            "a case's newest 100": lambda: Search(case=case_of(chance.randrange(cases))),
            "an actor's newest 100": lambda: Search(actor=f"act_{chance.randrange(actors):08d}"),
            "an actor's newest 100 of one month": lambda: Search(
                actor=f"act_{chance.randrange(actors):08d}", since=period, until=period + timedelta(days=30)
            ),
        }
        return [
            await _measure(
                reader,
                f"{what} in {entries:,}",
                make,
                100 if "month" not in what else 1,
                TARGET if entries >= DEFAULT_ENTRIES and "month" not in what else None,
            )
            for what, make in searches.items()
        ]
    finally:
        await pool.close()


async def _measure(reader: Reader, what: str, make: Callable[[], Search], least: int, target: float | None) -> Latency:
    taken: list[float] = []
    void = ""
    stop = perf_counter() + _BUDGET_SECONDS
    for turn in range(ROUNDS + 20):
        search = make()
        started = perf_counter()
        found = await reader.find(LOG, search, before=None, limit=NEWEST)
        if turn >= 20:
            taken.append((perf_counter() - started) * 1000)
        positions = [entry.position for entry in found]
        if len(found) < least or positions != sorted(positions, reverse=True):
            void = f"{len(found)} entries, out of order or too few"
        if perf_counter() > stop:
            break
    taken.sort()
    return Latency(what, taken[len(taken) // 2], taken[min(len(taken) - 1, len(taken) * 99 // 100)], void, target)
