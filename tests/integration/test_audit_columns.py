"""What entries are found by, changed by who has the database's password (story row 24): found, and named, however it was changed."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import lagspill_verify
import pytest
import pytest_asyncio

from deploy.demo import tamper
from services.audit import columns, direct
from services.audit.domain.columns import NAMES
from services.audit.domain.entry import UNPARSABLE
from services.audit.queries import Reader, Search
from shared.clock import SimulatedClock
from shared.contracts.audit import IndexDamaged
from shared.db import Connection
from shared.envelope import parse
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, SIGNER, Publisher, World, open_world
from tests.integration.test_audit_rows import records

pytestmark = [pytest.mark.connected, pytest.mark.story(24)]

OTHERS = {
    "happened_at": "'-infinity'", "kind": "'export'", "type": "'no.lagspill.cases.case.closed.v1'", "source": "'/services/notify'",
    "event_id": "gen_random_uuid()", "number": "number + 1000000", "case_ref": "'cas_' || repeat('z', 26)",
    "actor": "'act_somebody-else12'", "organisation": "'999999998'", "unit": "'unit:another'", "basis": "'another'",
    "consent": "'cst_' || repeat('z', 26)", "meeting": "'mtg_' || repeat('z', 26)", "permitted": "NOT permitted",
}  # fmt: skip
"""Each column, and what it is changed to."""


@pytest.fixture
def clock() -> SimulatedClock:
    """The rules' clock."""
    return SimulatedClock(NOON)


@pytest_asyncio.fixture
async def world(migrated: Migrated, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    """Logs that hold every kind of entry, hostile ones among them, gone through in pieces of 250."""
    monkeypatch.setattr(columns, "AT_ONCE", 250)
    async with open_world(await migrated("audit", MIGRATIONS), clock=clock) as opened:
        await opened.take(*records())
        sealing = Publisher(source="/services/meetings", seed=5)
        await opened.take(*sealing.reads(2), sealing.seal())
        yield opened


@pytest_asyncio.fixture
async def attacker(world: World) -> AsyncIterator[Connection]:
    """A superuser whom no trigger stops."""
    connection = await asyncpg.connect(world.dsn)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def gone_through(world: World) -> int:
    """Compare until there is nothing to compare; return how many entries that were."""
    compared = 0
    while entries := await world.keeper.compare_columns():
        assert entries <= columns.AT_ONCE
        compared += entries
    return compared


async def told(world: World) -> list[tuple[int, str]]:
    """The findings, each with its entry and its column; what was published says the same."""
    rows = await world.pool.fetch(
        "SELECT log, position, subject, source FROM findings WHERE kind = 'index-damaged' ORDER BY id"
    )
    found = [(row["position"], row["subject"].removeprefix("column:")) for row in rows]
    bodies = [parse(row["body"]) for row in await world.pool.fetch("SELECT body FROM outbox ORDER BY id")]
    events = [IndexDamaged.model_validate_json(each.data) for each in bodies if each.envelope.type == IndexDamaged.TYPE]
    assert [(event.position, event.column) for event in events] == [
        at for row, at in zip(rows, found, strict=True) if row["log"] != UNPARSABLE
    ]
    return found


async def test_an_honest_log_has_no_finding_and_is_gone_through_every_day(
    world: World, attacker: Connection, clock: SimulatedClock
) -> None:
    """Whatever was received; what comes later is compared when it comes, and what was pruned is not missed."""
    total = await attacker.fetchval("SELECT count(*) FROM entries")
    assert await gone_through(world) == total > 600
    assert await world.take(*Publisher(seed=7).reads(3)) == 3
    assert await gone_through(world) == 3
    clock.set(NOON + timedelta(days=1, seconds=1))
    await attacker.execute("DELETE FROM entries WHERE log = $1 AND position < 256", NOTODDEN)
    assert await gone_through(world) == total + 3
    assert await gone_through(world) == 0
    assert await told(world) == []


async def test_each_column_that_was_changed_is_found_with_its_entry(
    world: World, attacker: Connection, clock: SimulatedClock
) -> None:
    """Also after the log was gone through, also to nothing; each is told once."""
    assert {"log", *OTHERS} == set(NAMES)
    await gone_through(world)
    changed = []
    for at, (column, value) in enumerate(OTHERS.items(), start=240):
        nothing = [] if column in {"happened_at", "kind", "meeting"} else [(at + 40, "NULL")]  # no look has a meeting
        for position, becomes in ((at, value), *nothing):
            await attacker.execute(
                f"UPDATE entries SET {column} = {becomes} WHERE log = $1 AND position = $2",
                NOTODDEN,
                position,
            )
            changed.append((position, column))
    await attacker.execute("UPDATE entries SET case_ref = 'cas_x' WHERE log = $1 AND position = 2", UNPARSABLE)
    assert (await gone_through(world), await told(world)) == (0, [])
    for day in (1, 2):
        clock.set(NOON + timedelta(days=day, minutes=1))
        await gone_through(world)
        assert sorted(await told(world)) == sorted([*changed, (2, "case_ref")])


async def test_many_changes_are_told_by_the_first_of_each_look(world: World, attacker: Connection) -> None:
    """Each that is told becomes an entry."""
    await attacker.execute("UPDATE entries SET actor = NULL WHERE log = $1 AND position < 300", NOTODDEN)
    await gone_through(world)
    assert await told(world) == [(at, "actor") for at in (*range(columns.TOLD), *range(250, 250 + columns.TOLD))]


async def test_the_operators_command_names_the_column_when_it_is_asked(
    world: World, attacker: Connection, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`lagspill verify --database LOG --columns`; without it the log is as it was signed, which it is."""
    monkeypatch.setenv("DATABASE_URL", world.dsn)

    async def verify(*more: str) -> tuple[int, list[str]]:
        arguments = [
            NOTODDEN,
            "--key",
            SIGNER.named(f"lagspill.no/logs/{NOTODDEN}").verifier.vkey,
            "--workers",
            "1",
            *more,
        ]
        status = await asyncio.to_thread(direct.main, arguments)
        return status, [line for line in capsys.readouterr().out.splitlines() if " at entry " in line]

    with monkeypatch.context() as watched:
        watched.setattr(sys.stderr, "isatty", lambda: True)
        watched.setattr(direct, "_ROWS_AT_ONCE", 100)
        await asyncio.to_thread(
            direct.main, [NOTODDEN, "--key", SIGNER.named(f"lagspill.no/logs/{NOTODDEN}").verifier.vkey, "--columns"]
        )
    size = await world.pool.fetchval("SELECT size FROM logs WHERE log = $1", NOTODDEN)
    assert capsys.readouterr().err.count(f"{size} of {size} entries\n") == 2, "the entries, and then the columns"
    honest = await verify("--columns")
    done = await tamper.hide_from_searches(attacker, NOTODDEN, 300)
    assert await verify() == honest
    status, said = await verify("--columns")
    assert (status, set(said) - set(honest[1])) == (
        lagspill_verify.EXIT_NOT_WHAT_WAS_SIGNED,
        {f"{done.kind} at entry {done.position}: the column case_ref is not what the entry says"},
    )


async def test_what_is_shown_comes_from_the_leaf(world: World, attacker: Connection) -> None:
    """An entry whose columns lie is shown as what it is, by itself and in a list."""
    reader = Reader(world.pool)
    honest = await reader.find(NOTODDEN, Search(), before=None, limit=700)
    single = await reader.entry(NOTODDEN, 17)
    for column, value in OTHERS.items():
        if column != "happened_at":  # a moment that no program can read
            await attacker.execute(f"UPDATE entries SET {column} = {value} WHERE log = $1", NOTODDEN)
    await attacker.execute(
        "UPDATE entries SET happened_at = happened_at - interval '1 year' WHERE happened_at < '2100-01-01'"
        " AND happened_at > '1990-01-01' AND happened_at <> logged_at"
    )
    assert await reader.find(NOTODDEN, Search(), before=None, limit=700) == honest
    assert await reader.entry(NOTODDEN, 17) == single
