"""Birthdays through time: looked for every day, in batches, each once, also after days on which nothing ran."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from services.cases.app import SERVICE
from services.cases.domain import ending
from services.cases.domain.grantors import birthday
from services.cases.handlers import ages
from shared.calendar import start_of_day
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(4)]

MIGRATION: Final = Path(SERVICE.migrations) / "0018_ages.sql"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people; the child is fourteen."""
    async with cases_world(migrated, issuer, clock) as made:
        made.child = People(7).child(age=14)
        yield made


async def asked_at_fifteen(world: World) -> list[str]:
    """Return whose consent was asked for anew because the child is fifteen."""
    due = [event["data"] for event in await world.published("reassessment-due.v1")]
    return [one["case"] for one in due if one["reason"] == "age-15"]


async def test_an_unreadable_child_holds_back_no_other_and_is_caught_up_with(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ages, "BATCH", 1)
    case = await world.opened()
    await world.consented(case)
    siblings = [await world.opened() for _ in range(3)]
    broken, gone, *_ = siblings
    day = start_of_day(birthday(world.child.born, 15))
    await world.move_to(day - timedelta(seconds=1))
    damage = (
        "UPDATE vault_records SET ciphertext = set_byte(ciphertext, 9, 255 - get_byte(ciphertext, 9)) WHERE owner = $1"
    )
    for owner in (case, broken):
        await world.pool.execute(f"{damage} AND record = 'child'", owner)
    shred = "UPDATE data_keys SET wrapped = NULL, key_id = NULL, shredded_at = now() WHERE owner = $1"
    await world.pool.execute(shred, gone)
    await world.move_to(day + timedelta(days=3))
    looked = {row[0]: row[1] for row in await world.pool.fetch("SELECT case_ref, looked_on FROM age_looks")}
    today = (day + timedelta(days=4)).date()
    assert set(looked) == {case, broken, siblings[2]}, "who is shredded is looked for no more"
    assert (looked[siblings[2]], looked[case] < today, looked[broken] < today) == (today, True, True)
    assert await asked_at_fifteen(world) == []
    await world.pool.execute(f"{damage} AND record = 'child'", case)
    await world.move_to(world.clock.now() + ages.AGAIN)
    assert await asked_at_fifteen(world) == [case], "three days later, and what was missed has happened"
    for _ in range(3):
        await world.move_to(world.clock.now() + timedelta(days=1))
    assert await asked_at_fifteen(world) == [case]
    assert await world.pool.fetchval("SELECT count(*) FROM deadlines WHERE parked") == 0


@pytest.mark.parametrize("back", [timedelta(days=-1), timedelta(0), timedelta(hours=1), timedelta(days=40)])
async def test_that_the_child_comes_of_age_is_told_though_nothing_ran_from_that_month_on(
    world: World, back: timedelta
) -> None:
    """Nothing runs from before the first of that month until the birthday, or around it: it is told late, once, and in order."""
    world.child = People(31).child(age=16)
    case = await world.opened()
    told, of_age = ending.told_at(world.child.born), ending.of_age_at(world.child.born)
    assert world.clock.now() < told
    await world.move_to(told - timedelta(seconds=1))
    assert not [one for one in await world.types() if "adulthood" in one]
    for moment in (of_age + back, max(of_age, of_age + back), of_age + timedelta(days=50)):
        await world.move_to(moment)
    happened = [event for event in await world.published() if "adulthood" in event["type"]]
    assert [event["type"].split(".")[-2] for event in happened] == ["adulthood-approaching", "adulthood-reached"]
    assert {event["subject"] for event in happened} == {case}
    assert happened[0]["data"]["holder"] == happened[1]["data"]["holder"]


async def test_of_a_case_that_began_in_those_months_it_is_told_though_nothing_ran_since(world: World) -> None:
    world.child = People(31).child(age=17)
    told, of_age = ending.told_at(world.child.born), ending.of_age_at(world.child.born)
    world.clock.set(told + timedelta(days=9))
    await world.opened()
    await world.move_to(of_age + timedelta(days=2))
    assert [one for one in await world.types() if "adulthood" in one] == [
        "case.adulthood-approaching",
        "case.adulthood-reached",
    ]


async def test_who_is_of_age_when_a_case_begins_is_not_soon_of_age(world: World) -> None:
    world.child = People(31).child(age=17)
    world.clock.set(ending.of_age_at(world.child.born) + timedelta(days=1))
    await world.opened()
    await world.move_to(world.clock.now())
    assert [one for one in await world.types() if "adulthood" in one] == ["case.adulthood-reached"]


async def test_what_stood_in_the_clear_is_deleted_and_what_was_due_is_caught_up_with(world: World) -> None:
    """The migration, on a database of before."""
    case = await world.opened()
    await world.consented(case)
    of_age = start_of_day(birthday(world.child.born, 18))
    past = start_of_day(birthday(world.child.born, 15))
    await world.move_to(past - timedelta(days=2))
    await world.pool.execute("DROP TABLE age_looks")
    await world.pool.execute("DELETE FROM deadlines WHERE kind = 'child-ages'")
    for kind, key, due in (("child-age", f"{case}:15", past), ("adulthood", case, of_age)):
        await world.pool.execute(
            "INSERT INTO deadlines (kind, key, due, payload) VALUES ($1, $2, $3, '{}')", kind, key, due
        )
    await world.pool.execute(MIGRATION.read_text())
    assert await world.pool.fetchval("SELECT max(due) < $1 FROM deadlines WHERE kind ~ 'age|adult'", past)
    await world.move_to(past + timedelta(days=5))
    assert await asked_at_fifteen(world) == [case]
    await world.move_to(of_age)
    assert [one for one in await world.types() if "adulthood" in one] == [
        "case.adulthood-approaching",
        "case.adulthood-reached",
    ]
    assert await world.pool.fetchval("SELECT count(*) FROM age_looks") == 0
