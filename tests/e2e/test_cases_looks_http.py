"""A look against a withdrawal, both under way: whichever is first, nothing is shown after the withdrawal is committed (invariant 4).

Who is behind whom is made with locks of a connection of the test's own, and read from what the database says of who waits.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from shared import db
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.signals import WITHIN
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(4), pytest.mark.story(17)]

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


@pytest_asyncio.fixture
async def holder(world: World) -> AsyncIterator[db.Connection]:
    """A connection that holds others up."""
    conn = await db.connect(world.kit.settings.database_url.get_secret_value(), application_name="holds-others-up")
    yield conn
    await conn.close()


async def waiting(holder: db.Connection, *, behind: int, before: asyncio.Task[object]) -> None:
    """Return when so many statements wait for a lock.

    Raises:
        AssertionError: `before` was done without waiting.
    """
    async with asyncio.timeout(WITHIN):
        while await holder.fetchval(WAITING) < behind:
            assert not before.done(), "it has to wait for the other"


async def order(world: World) -> list[str]:
    """Return what was committed of looks and of the consent's end, in order."""
    named = {"no.lagspill.cases.consent.narrowed.v1": "withdrawn"}
    told = []
    for event in await world.published():
        if event["type"].endswith("access.recorded.v1") and event["data"]["kind"] in {"read", "deny"}:
            told.append(event["data"]["kind"])
        elif event["type"] in named:
            told.append(named[event["type"]])
    return told


async def test_a_look_behind_a_withdrawal_waits_for_it_and_shows_nothing(world: World, holder: db.Connection) -> None:
    case = await world.opened()
    consent = await world.consented(case)
    before = await order(world)
    async with holder.transaction():
        await holder.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", case)
        path, body = f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]}
        withdrawal = asyncio.create_task(world.post("guardian-b", path, body))
        await waiting(holder, behind=1, before=withdrawal)
        look = asyncio.create_task(world.get("nurse", f"/cases/{case}/child"))
        await waiting(holder, behind=2, before=look)
    withdrawn, seen = await asyncio.gather(withdrawal, look)
    assert (withdrawn.status_code, seen.status_code) == (201, 404)
    assert world.child.name not in seen.text
    assert (await order(world))[len(before) :] == ["withdrawn", "deny"]
    [denied] = await world.access("deny")
    assert (denied["case"], denied["reason"], denied["permitted"]) == (case, "consent-withdrawn", False)


async def test_a_withdrawal_behind_a_look_waits_until_its_record_is_committed(
    world: World, holder: db.Connection
) -> None:
    """The look was allowed and has read nothing of the vault yet; were the consent over by now, it would show what it may not."""
    case = await world.opened()
    consent = await world.consented(case)
    before = await order(world)
    async with holder.transaction():
        await holder.execute("LOCK TABLE vault_records IN ACCESS EXCLUSIVE MODE")
        look = asyncio.create_task(world.get("nurse", f"/cases/{case}/child"))
        await waiting(holder, behind=1, before=look)
        path, body = f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]}
        withdrawal = asyncio.create_task(world.post("guardian-b", path, body))
        await waiting(holder, behind=2, before=withdrawal)
    seen, withdrawn = await asyncio.gather(look, withdrawal)
    assert (seen.status_code, withdrawn.status_code) == (200, 201)
    assert (await order(world))[len(before) :] == ["read", "withdrawn"]
    [shown] = [one for one in await world.access("read") if one.get("consent") == consent]
    assert (shown["consent_version"], shown["permitted"]) == (1, True)
    # Who had been told says so, and the next look shows nothing.
    told = (await world.see("guardian-a", f"/consents/{consent}/receipts"))["already_told"]
    assert [one["service"] for one in told] == ["helsestasjon"]
    assert (await world.get("nurse", f"/cases/{case}/child")).status_code == 404
