"""What `/journal/head` tells anybody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from shared import db
from shared.clock import SimulatedClock
from shared.journal import Journal, public_heads
from shared.refs import Ids
from tests.tally import NO_MIGRATIONS, SOURCE

pytestmark = pytest.mark.connected


async def test_the_heads_of_protected_cases_are_not_told(
    migrated: Callable[..., Awaitable[str]], clock: SimulatedClock, ids: Ids
) -> None:
    dsn = await migrated("cases", NO_MIGRATIONS)
    pool = await db.create_pool(dsn, application_name="test")
    async with pool:
        for scope in ("4005", ids.ref("prt")):
            await pool.execute("INSERT INTO journal_heads VALUES ($1, 0, '', 0)", scope)
        journal = Journal(pool, source=SOURCE, clock=clock, ids=ids)
        assert len(await journal.heads()) == 2
        assert [head.scope for head in await public_heads(journal)] == ["4005"]
