"""The rows that are made before the database is asked are those that the driver itself would have sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from services.audit import growth
from services.audit.batch import Batch, Reading
from services.audit.domain.entry import MAX_NUMBER, UNPARSABLE, Entry, Received, index_record
from services.audit.growth import Addition
from services.audit.reading import Gathering, gathering
from services.audit.rows import COLUMNS
from shared.db import create_pool
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, Publisher
from tests.tally import Added

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

NOW = datetime(2026, 9, 7, 10, 0, 0, 1, tzinfo=UTC)
HELD = (
    "SELECT log, position, logged_at, leaf, topic, partition, record_offset, happened_at, kind, type, source, event_id::text,"
    " number, case_ref, actor, organisation, unit, basis, consent, meeting, permitted FROM entries ORDER BY log, position"
)


def expected(position: int, entry: Entry) -> tuple[object, ...]:
    """The entry's columns, in the order of `HELD`."""
    return (
        entry.log, position, NOW, entry.leaf, *entry.received[:3], entry.happened or NOW, entry.kind, entry.type, entry.source,
        entry.event_id, entry.number, entry.case, entry.actor, entry.organisation, entry.unit, entry.basis, entry.consent,
        entry.meeting, entry.permitted,
    )  # fmt: skip


def records() -> list[bytes | None]:
    """Looks, events, times at both ends of the calendar, great numbers, meetings, refusals, and what is no event."""
    cases = Publisher()
    look = json.loads(cases.read())
    changed = [
        {"time": "0001-01-01T00:00:00Z"},
        {"time": "9999-12-31T23:59:59.999999Z"},
        {"time": "1999-12-31T23:59:59.999999Z"},
        {"time": "9999-12-31T23:59:59-12:00"},  # a moment that UTC does not have
        {"sourcesequence": str(MAX_NUMBER).zfill(20)},
        {"subject": "mtg_" + "b" * 26},
        {"data": {"permitted": False, "actor": {"unit": "unit:å"}}},
        {"data": {"meeting": "mtg_" + "c" * 26}},
        {"data": "æøå"},
    ]
    return [
        *cases.reads(600),
        cases.publish(Added(tally="cas_" + "d" * 26, amount=1, note="blåbær")),
        *(json.dumps(look | change, ensure_ascii=False).encode() for change in changed),
        b"no event", b"", None, b"\xff" * 300, b"\0" * 70_000,
    ]  # fmt: skip


@pytest.mark.parametrize("begin", [gathering, lambda: None], ids=["whatever reads here", "Python"])
async def test_the_rows_are_the_entries(migrated: Migrated, begin: Callable[[], Gathering | None]) -> None:
    """Column by column, of everything that can be received, over more than one message."""
    received = [Received("t", 2**31 - 1, 2**62 + at, value) for at, value in enumerate(records())]
    entries = list(map(index_record, received))
    reading = Reading(begin())
    await reading.read({("t", 2**31 - 1): Batch(2**62, 2**62 + len(received), received)})
    read = await reading.finish()
    assert {entry.happened for entry in entries} >= {None, datetime.min.replace(tzinfo=UTC)}
    assert {entry.permitted for entry in entries} == {None, True, False}
    assert any(entry.meeting for entry in entries)
    groups: dict[str, list[Entry]] = {}
    for entry in entries:
        groups.setdefault(entry.log, []).append(entry)
    assert len(groups[UNPARSABLE]) == 5
    pool = await create_pool(await migrated("audit", MIGRATIONS), application_name="test")
    try:
        additions = [Addition(2**40, group) for group in read.groups.values()]
        async with pool.acquire() as connection, connection.transaction():
            await growth.add_entries(connection, additions, NOW)
        held = [tuple(each) for each in await pool.fetch(HELD)]
        columns = await pool.fetch(
            "SELECT attname FROM pg_attribute WHERE attrelid = 'entries'::regclass AND attnum > 0"
        )
    finally:
        await pool.close()
    assert held == [
        expected(position, entry) for log in sorted(groups) for position, entry in enumerate(groups[log], start=2**40)
    ]
    assert sorted(COLUMNS) == sorted(column["attname"] for column in columns)
