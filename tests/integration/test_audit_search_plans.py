"""How the database finds entries: by an index that begins where the newest match is, in every month, whatever is asked."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from services.audit.app import SERVICE, searching
from services.audit.direct import STRAY
from services.audit.queries import Reader, Search, reach_of, selection
from shared.db import Pool, create_pool
from shared.testing.plugin import Databases, Templates
from tests.bench.query import FIRST_MONTH, case_of, filler, signed_up_to
from tests.integration.audit_world import NOTODDEN, SKIEN

pytestmark = pytest.mark.connected

ENTRIES: Final = 60_000
MONTHS: Final = 3
CASES: Final = 300


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def filled(postgres: str, templates: Templates) -> AsyncIterator[str]:
    """The database of a log of three months, about many cases and few actors."""
    made = Databases(postgres)
    dsn = await made.create(await templates.name("audit", SERVICE.migrations))
    pool = await create_pool(dsn, application_name="audit-plans-fill", statement_seconds=120)
    await filler(pool, entries=ENTRIES, months=MONTHS, cases=CASES, actors=40)
    for log in (NOTODDEN, SKIEN):
        await signed_up_to(pool, log, ENTRIES + 1)
    await pool.close()
    yield dsn
    await made.drop_all()


@pytest_asyncio.fixture
async def pool(filled: str) -> AsyncIterator[Pool]:
    """A connection as those that search."""
    made = await create_pool(searching(filled), application_name="audit-plans", min_size=1, max_size=1)
    yield made
    await made.close()


async def plan(pool: Pool, search: Search, first: int = 0, after: int = ENTRIES) -> tuple[str, int]:
    """How the newest 100 matches are found, and how many rows and blocks of entries are touched for it."""
    query, arguments = selection(NOTODDEN, search, first, after, "position DESC LIMIT 100")
    rows = await pool.fetch(f"EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) {query}", *arguments)
    text = "\n".join(row[0] for row in rows)
    blocks = sum(int(each) for each in re.findall(r"shared hit=(\d+)|read=(\d+)", text.splitlines()[1])[0] if each)
    return text, blocks


@pytest.mark.parametrize(
    ("search", "index"),
    [
        (Search(case=case_of(7)), "case_ref"),
        (Search(actor="act_00000007"), "actor"),
        (Search(case=case_of(7), since=FIRST_MONTH, until=FIRST_MONTH + timedelta(days=20)), "case_ref|happened"),
        (Search(actor="act_00000007", since=FIRST_MONTH, until=FIRST_MONTH + timedelta(days=20)), "actor|happened"),
        (Search(actor="act_00000007", kind="read"), "actor"),
        (Search(case=case_of(7), permitted=True), "case_ref"),
    ],
)
async def test_a_cases_or_an_actors_newest_are_found_by_their_index(pool: Pool, search: Search, index: str) -> None:
    """In the order of positions, without a sort; a period is judged in the index, so that other months' entries are not read."""
    text, blocks = await plan(pool, search)
    scans = re.findall(r"(\w+ Scan(?: Backward)?) using (\S+)", text)
    assert scans, text
    assert all(kind.startswith("Index Scan") and re.search(index, name) for kind, name in scans), text
    assert "Seq Scan" not in text
    assert blocks < 250, text
    assert not re.search(r"Filter: .*happened_at", text), text
    if search.since is None:
        assert "Sort Method" not in text


async def test_a_period_alone_reads_its_part_of_the_log(pool: Pool) -> None:
    """First where the period begins and ends, from an index alone; then from its end backwards."""
    reader = Reader(pool)
    search = Search(since=FIRST_MONTH + timedelta(days=40), until=FIRST_MONTH + timedelta(days=41))
    first, after = await reader.reach(NOTODDEN, search)
    assert 0 < after - first < ENTRIES // 20
    query, arguments = reach_of(NOTODDEN, search)
    rows = await pool.fetch(f"EXPLAIN (COSTS OFF) {query}", *arguments)
    text = "\n".join(row[0] for row in rows)
    assert "Seq Scan" not in text
    assert "pkey" not in text, text
    text, blocks = await plan(pool, search, first, after)
    assert "Seq Scan" not in text
    assert blocks < 400, text
    refused, _ = await plan(pool, Search(permitted=False, since=search.since, until=search.until), first, after)
    assert "Seq Scan" not in refused


async def test_rows_behind_the_end_are_looked_for_by_index(pool: Pool) -> None:
    """Whoever verifies asks for the first of them: nothing of the log is read for it."""
    text = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN (COSTS OFF) {STRAY}", NOTODDEN))
    assert set(re.findall(r"(\w+(?: \w+)? Scan).* on entries", text)) == {"Index Only Scan"}, text
    assert "->  Sort" not in text, text


async def test_what_the_indexes_find_is_what_reading_everything_finds(pool: Pool) -> None:
    """The same entries in the same order, page by page, by a naive filter over all of them."""
    everything = await pool.fetch("SELECT * FROM entries WHERE log = $1 ORDER BY position DESC", NOTODDEN)
    since = FIRST_MONTH + timedelta(days=10)
    until = since + timedelta(days=25)

    def naive(row: asyncpg.Record, wanted: Mapping[str, object]) -> bool:
        return since <= row["happened_at"] < until and all(row[name] == value for name, value in wanted.items())

    reader = Reader(pool)
    searches: list[tuple[Search, Mapping[str, object]]] = [
        (Search(case=case_of(9), since=since, until=until), {"case_ref": case_of(9)}),
        (
            Search(actor="act_00000003", since=since, until=until, kind="write"),
            {"actor": "act_00000003", "kind": "write"},
        ),
        (Search(permitted=False, since=since, until=until), {"permitted": False}),
        (Search(kinds=("read",), unit="unit:ppt", since=since, until=until), {"kind": "read", "unit": "unit:ppt"}),
    ]
    for search, wanted in searches:
        expected = [row["position"] for row in everything if naive(row, wanted)]
        found: list[int] = []
        before: int | None = None
        while page := await reader.find(NOTODDEN, search, before=before, limit=170):
            found += [entry.position for entry in page]
            before = page[-1].position
        assert found == expected
        assert found
        first, after = await reader.reach(NOTODDEN, search)
        walked = []
        while chunk := await reader.walk(NOTODDEN, search, first=first, after=after, limit=256):
            walked += [entry.position for entry in chunk]
            first = chunk[-1].position + 1
        assert walked == expected[::-1]


async def test_an_entry_that_came_late_is_found_by_when_it_happened(pool: Pool) -> None:
    """Logged months afterwards, or by a clock that was wrong: the period asks when it happened, wherever it stands."""
    late = datetime(2024, 1, 5, tzinfo=UTC)
    await pool.execute(
        "INSERT INTO entries (log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind)"
        " VALUES ($1, $2, $3, 'x', 't', 0, 0, $4, 'event')",
        SKIEN,
        ENTRIES,
        FIRST_MONTH + timedelta(days=80),
        late,
    )
    search = Search(since=late, until=late + timedelta(days=1))
    found = await Reader(pool).find(SKIEN, search, before=None, limit=10)
    assert [entry.position for entry in found] == [ENTRIES]


async def test_the_hundredth_search_is_planned_as_the_first(pool: Pool) -> None:
    """PostgreSQL would take a plan for whatever may be asked after five times, and sort all that an actor ever did."""
    reader = Reader(pool)
    for turn in range(10):
        await reader.find(NOTODDEN, Search(actor=f"act_{turn:08d}"), before=None, limit=100)
    rows = await pool.fetch(
        "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT log, position%'"
    )
    assert [(row["generic_plans"], row["custom_plans"]) for row in rows] == [(0, 10)]
