"""Somebody leaves or is away: the cases are listed, handed on or fall to the leader, and no two ever hold one (seed rule 107)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from shared import db
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.testing.signals import WITHIN
from tests.e2e.cases_world import NO_UNIT, World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(107)]

AFTER = datetime(2026, 11, 13, 23, 0, tzinfo=UTC)
"""The night after the last day."""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def away(world: World, **changes: Any) -> dict[str, Any]:
    return {
        "reason": "away",
        "last_day": "2026-11-13",
        "falls_to": await world.receiver("styrer"),
        **changes,
    }


async def another(world: World, seed: int, **changes: Any) -> str:
    """Register a concern about another child, and return its case."""
    child = People(seed).child(age=4)
    named = {"child": {"name": child.name, "national_number": child.national_number}}
    receipt = await world.must("teacher", "/concerns", world.concern(**{**named, **changes}))
    return str(receipt["case"])


async def holder(world: World, who: str, case: str) -> str:
    return str((await world.see(who, f"/cases/{case}"))["holder"]["actor"])


@pytest.mark.story(13)
async def test_each_case_is_handed_on_or_falls_to_the_leader_and_none_stays_behind(world: World) -> None:
    taken, offered = await world.opened(), await another(world, 21)
    concern, protected = await another(world, 22), await another(world, 23, address_protected=True)
    absence = (await world.must("teacher", "/absences", await away(world)))["absence"]
    for case in (taken, offered):
        to = await world.receiver("colleague" if case == taken else "pedagogical-leader")
        sent = await world.must("teacher", f"/cases/{case}/handovers", {"kind": "staff-leaves", "receiver": to})
        if case == taken:
            await world.must("colleague", f"/handovers/{sent['handover']}/acceptance")
    seen = await world.see("teacher", f"/absences/{absence}")
    assert {one["case"]: one["then"] for one in seen["cases"]} == {
        offered: "offered",
        concern: "falls-to-leader",
        protected: "falls-to-leader",
    }
    assert {one["case"] for one in (await world.see("styrer", f"/absences/{absence}"))["cases"]} == {offered, concern}
    await world.move_to(AFTER)
    leader = (await world.see("styrer", "/me"))["actor"]
    assert await holder(world, "colleague", taken) != leader
    for case in (offered, concern, protected):
        assert await holder(world, "styrer", case) == leader
        assert (await world.get("teacher", f"/cases/{case}/child")).status_code == 404
    begun = await world.see("styrer", f"/absences/{absence}")
    assert (begun["status"], begun["fell"], begun["cancelled"], begun["cases"]) == ("begun", 3, 0, [])
    fallen = [one["data"] for one in await world.published("handover.accepted.v1") if one["data"]["by_rule"]]
    assert {one["case"] for one in fallen} == {offered, concern, protected}
    assert [one["holder"].get("unit") for one in fallen if one["case"] == protected] == [None]
    await world.move_to(AFTER.replace(day=20))
    assert (await world.types()).count("absence.began") == 1


async def test_what_waits_for_somebody_who_is_gone_is_cancelled_and_nothing_more_is_sent_there(world: World) -> None:
    case = await world.opened()
    to = await world.receiver("colleague")
    offer = {"kind": "baton", "receiver": to}
    waits = (await world.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    gone = {
        "person": to["actor"],
        "unit": "unit:lia-barnehage",
        "reason": "disabled",
        "last_day": "2026-09-06",
        "falls_to": await world.receiver("styrer"),
    }
    directory = {"sub": "directory", "client_id": "directory", "lagspill_roles": ["service-account"], **NO_UNIT}
    response = await world.post("notify", "/absences", gone, claims=directory)
    assert response.status_code == 201, response.text
    await world.move_to(world.clock.now())
    assert (await world.see("teacher", f"/handovers/{waits}"))["status"] == "cancelled"
    [event] = await world.published("handover.cancelled.v1")
    assert event["data"]["reason"] == "receiver-gone"
    assert code(await world.post("teacher", f"/cases/{case}/handovers", offer)) == (409, "receiver-away")
    assert code(await world.post("notify", "/absences", gone)) == (403, "absence-of-others")


async def test_the_leader_finds_and_hands_on_the_cases_of_somebody_who_has_left(world: World) -> None:
    case = await world.opened()
    offer = {"kind": "staff-leaves", "receiver": await world.receiver("colleague")}
    assert code(await world.post("styrer", f"/cases/{case}/handovers", offer)) == (409, "holder-not-away")
    teacher = (await world.see("teacher", "/me"))["actor"]
    body = {"person": teacher, "reason": "left", "last_day": "2026-09-10"}
    absence = (await world.must("styrer", "/absences", body))["absence"]
    found = await world.see("styrer", f"/absences/{absence}")
    assert [one["case"] for one in found["cases"]] == [case]
    sent = await world.must("styrer", f"/cases/{case}/handovers", offer)
    assert (sent["on_behalf"], sent["sender"]["actor"]) == (True, teacher)
    back = await world.must("styrer", f"/handovers/{sent['handover']}/withdrawal")
    assert back["status"] == "withdrawn"
    sent = await world.must("styrer", f"/cases/{case}/handovers", offer)
    await world.must("colleague", f"/handovers/{sent['handover']}/acceptance")
    await world.move_to(datetime(2026, 9, 11, 1, 0, tzinfo=UTC))
    assert await holder(world, "colleague", case) == offer["receiver"]["actor"]  # type: ignore[index]


async def test_every_refusal_of_an_absence(world: World) -> None:
    case = await world.opened()
    body = await away(world)
    teacher = (await world.see("teacher", "/me"))["actor"]
    refusals: tuple[tuple[str, dict[str, Any], tuple[int, str]], ...] = (
        ("colleague", {**body, "person": teacher}, (403, "absence-of-others")),
        ("rektor", {**body, "person": teacher, "unit": "unit:lia-barnehage"}, (403, "absence-of-others")),
        ("guardian-a", body, (422, "absence-falls-to")),
        ("teacher", {**body, "falls_to": await world.receiver("rektor")}, (422, "absence-falls-to")),
        ("teacher", {**body, "falls_to": None}, (422, "absence-falls-to")),
        ("teacher", {**body, "last_day": "2026-09-06"}, (422, "absence-period")),
        ("teacher", {**body, "back_on": "2026-11-13"}, (422, "absence-period")),
        ("teacher", {**body, "reason": "ill"}, (422, "input-invalid")),
        ("teacher", {**body, "why": "x"}, (422, "input-invalid")),
    )
    for who, wrong, refused in refusals:
        assert code(await world.post(who, "/absences", wrong)) == refused, wrong
    assert not [one for one in await world.types() if one.startswith("absence")]
    absence = (await world.must("teacher", "/absences", body))["absence"]
    nobody = "abs_" + "b" * 26
    lists = len(await world.access("list"))
    for who in ("colleague", "rektor", "curious", "guardian-a"):
        for ref in (absence, nobody):
            assert code(await world.get(who, f"/absences/{ref}")) == (404, "not-found")
            assert code(await world.post(who, f"/absences/{ref}/withdrawal")) == (404, "not-found")
        assert (await world.see(who, "/absences"))["items"] == []
    elsewhere = {"municipality": "0301"}
    assert code(await world.get("teacher", f"/absences/{absence}", **elsewhere)) == (404, "not-found")
    assert len(await world.access("list")) == lists + 4, "an empty list was looked at too"
    denials = await world.access("deny")
    assert [(one["subject_ref"], one["reason"]) for one in denials] == [
        *[(absence, "no-relation")] * 8,
        (absence, "other-municipality"),
    ]
    assert len({one["actor"]["id"] for one in denials}) == 5
    assert [one["absence"] for one in (await world.see("styrer", "/absences"))["items"]] == [absence]
    withdrawn = await world.must("teacher", f"/absences/{absence}/withdrawal")
    assert withdrawn["status"] == "withdrawn"
    assert code(await world.post("teacher", f"/absences/{absence}/withdrawal")) == (409, "absence-over")
    await world.move_to(AFTER)
    assert await holder(world, "teacher", case) == teacher


async def test_a_leader_who_is_away_too_passes_it_on(world: World) -> None:
    case = await world.opened()
    second = {"sub": "second-leader"}
    leads = await world.receiver("styrer")
    deputy = {**leads, "actor": (await world.get("styrer", "/me", **second)).json()["actor"]}
    await world.must("styrer", "/absences", {"reason": "away", "last_day": "2026-11-12", "falls_to": deputy})
    await world.must("teacher", "/absences", await away(world))
    await world.move_to(AFTER)
    response = await world.get("styrer", f"/cases/{case}", **second)
    assert response.json()["holder"]["actor"] == deputy["actor"]


async def test_two_writers_on_one_case_never_make_two_holders_and_lose_nothing(world: World) -> None:
    """Acceptances, withdrawals and the last day at the same moment: the history says who holds it, and the state says the same."""
    case = await world.opened()
    await world.must("teacher", "/absences", await away(world, last_day="2026-09-07"))
    offer = {"kind": "staff-leaves", "receiver": await world.receiver("colleague")}
    sent = await world.must("teacher", f"/cases/{case}/handovers", offer)
    answers = await asyncio.gather(
        world.post("colleague", f"/handovers/{sent['handover']}/acceptance"),
        world.post("styrer", f"/handovers/{sent['handover']}/acceptance"),
        world.post("teacher", f"/handovers/{sent['handover']}/withdrawal"),
        world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC)),
    )
    assert sum(one is not None and one.status_code == 201 for one in answers) <= 1
    held: list[str] = []
    for event in await world.published():
        if event["type"].endswith(("case.opened.v1", "handover.accepted.v1")):
            held.append(event["data"]["holder"]["actor"])
    rows = await world.pool.fetch("SELECT version FROM events WHERE aggregate = $1 ORDER BY version", case)
    assert [row["version"] for row in rows] == list(range(1, len(rows) + 1))
    stored = await world.pool.fetchval("SELECT state->'holding'->'party'->>'actor' FROM aggregates WHERE id = $1", case)
    indexed = await world.pool.fetchval("SELECT holder FROM case_index WHERE case_ref = $1", case)
    assert stored == indexed == held[-1]
    assert held[-1] != (await world.see("teacher", "/me"))["actor"]


async def test_what_is_accepted_in_the_very_moment_in_which_the_last_day_is_over_falls_too(world: World) -> None:
    case = await world.opened()
    colleague = await world.receiver("colleague")
    first = await world.must("teacher", f"/cases/{case}/handovers", {"kind": "baton", "receiver": colleague})
    await world.must("colleague", f"/handovers/{first['handover']}/acceptance")
    back = {"kind": "baton", "receiver": await world.receiver("teacher")}
    offered = (await world.must("colleague", f"/cases/{case}/handovers", back))["handover"]
    await world.must("teacher", "/absences", await away(world, last_day="2026-09-07"))
    conn = await db.connect(world.kit.settings.database_url.get_secret_value(), application_name="holds-others-up")

    async def waiting(behind: int, before: asyncio.Task[Any]) -> None:
        async with asyncio.timeout(WITHIN):
            while await conn.fetchval(WAITING) < behind:
                assert not before.done(), "it has to wait"

    try:
        async with conn.transaction():
            await conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", case)
            accepted = asyncio.create_task(world.post("teacher", f"/handovers/{offered}/acceptance"))
            await waiting(1, accepted)
            over = asyncio.create_task(world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC)))
            await waiting(2, over)
        assert (await accepted).status_code == 201
        await over
    finally:
        await conn.close()
    assert await holder(world, "styrer", case) == (await world.see("styrer", "/me"))["actor"]


async def test_what_was_offered_as_an_absence_began_is_accepted_for_nobody_who_is_away(world: World) -> None:
    """The offers that waited are cancelled then; one that came in the same instant is not among them."""
    case = await world.opened()
    offer = {"kind": "baton", "receiver": await world.receiver("colleague")}
    handover = (await world.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    await world.must("colleague", "/absences", await away(world, last_day="2026-09-07"))
    # Nothing has fired yet.
    world.clock.set(datetime(2026, 9, 7, 23, 0, tzinfo=UTC))
    assert code(await world.post("styrer", f"/handovers/{handover}/acceptance")) == (409, "receiver-away")
    assert await holder(world, "styrer", case) == (await world.see("teacher", "/me"))["actor"]
    await world.must("styrer", f"/handovers/{handover}/rejection", {"reason": "absent"})


@pytest.mark.rule(107)
@pytest.mark.parametrize("still", [False, True], ids=["begun", "beginning"])
async def test_what_is_sent_while_the_receivers_absence_begins_does_not_wait_for_who_is_away(
    world: World, *, still: bool
) -> None:
    """Whether they are away was read before, and what waits for them is cancelled before it is sent: by nobody it would be found.

    The command's own moment is before midnight, and the absence has begun, or is beginning in a transaction that nobody sees yet.
    """
    case, held = await world.opened(), await world.opened()
    offer = {"kind": "baton", "receiver": await world.receiver("colleague")}
    given = await world.must("teacher", f"/cases/{held}/handovers", offer)
    await world.must("colleague", f"/handovers/{given['handover']}/acceptance")
    await world.must("colleague", "/absences", await away(world, last_day="2026-09-07"))
    dsn = world.kit.settings.database_url.get_secret_value()
    first, second = [await db.connect(dsn, application_name="holds-others-up") for _ in range(2)]

    async def waiting(behind: int, before: asyncio.Task[Any]) -> None:
        async with asyncio.timeout(WITHIN):
            while await first.fetchval(WAITING) < behind:
                assert not before.done(), "it has to wait for the row"

    try:
        async with first.transaction():
            await first.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", case)
            sent = asyncio.create_task(world.post("teacher", f"/cases/{case}/handovers", offer))
            await waiting(1, sent)
            async with second.transaction():
                await second.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", held)
                begins = asyncio.create_task(world.move_to(datetime(2026, 9, 7, 23, 0, tzinfo=UTC)))
                await waiting(2, begins)
                if still:
                    await first.execute("COMMIT")
                    assert code(await sent) == (409, "receiver-away")
                    await first.execute("BEGIN")
            await begins
        assert code(await sent) == (409, "receiver-away")
    finally:
        await first.close()
        await second.close()
    assert [one["data"]["cancelled"] for one in await world.published("absence.began.v1")] == [0]
    assert (await world.types()).count("handover.sent") == 2, "to the colleague, and to the leader by rule"
    assert await holder(world, "styrer", held) == (await world.see("styrer", "/me"))["actor"]


async def test_two_who_stand_in_for_each_other_are_not_away_at_the_same_time(world: World) -> None:
    """What falls to each from the other would rest with nobody who is there."""
    second = {"sub": "second-leader"}
    leads = await world.receiver("styrer")
    deputy = {**leads, "actor": (await world.get("styrer", "/me", **second)).json()["actor"]}
    short = {"reason": "away", "last_day": "2026-12-09", "back_on": "2026-12-20", "falls_to": deputy}
    first = (await world.must("styrer", "/absences", short))["absence"]
    long = {"reason": "away", "last_day": "2026-11-30", "back_on": "2027-01-02", "falls_to": leads}
    assert code(await world.post("styrer", "/absences", long, claims=second)) == (422, "absence-falls-to")
    before = {**long, "back_on": "2026-12-10"}
    assert (await world.post("styrer", "/absences", before, claims=second)).status_code == 201
    await world.must("styrer", f"/absences/{first}/withdrawal")
    after = {**long, "last_day": "2026-12-10"}
    assert (await world.post("styrer", "/absences", after, claims=second)).status_code == 201


@pytest.mark.rule(23, 97, 107)
async def test_nobody_is_appointed_who_has_left(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    left = {"reason": "left", "last_day": "2026-09-06", "falls_to": await world.receiver("nurse-leader")}
    await world.must("nurse", "/absences", left)
    await world.move_to(world.clock.now())
    appointed = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    assert code(await world.post("teacher", f"/cases/{case}/coordinator", appointed)) == (409, "receiver-away")
    appointed["coordinator"] = await world.receiver("second-nurse")
    await world.must("teacher", f"/cases/{case}/coordinator", appointed)


@pytest.mark.rule(23, 97, 107)
async def test_who_coordinates_and_leaves_does_not_coordinate_any_more(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    nurse = await world.receiver("nurse")
    await world.must("teacher", f"/cases/{case}/coordinator", {"kind": "ansvarsgruppe", "coordinator": nurse})
    falls_to = await world.receiver("nurse-leader")
    left = {"reason": "left", "last_day": "2026-11-13", "falls_to": falls_to}
    absence = (await world.must("nurse", "/absences", left))["absence"]
    for who in ("nurse", "nurse-leader"):
        [shown] = (await world.see(who, f"/absences/{absence}"))["cases"]
        assert (shown["case"], shown["then"], shown["holds"]) == (case, "falls-to-leader", False)
        assert shown["coordinates"] == ["ansvarsgruppe"]
    [registered] = await world.published("absence.registered.v1")
    assert registered["data"]["cases"] == 1
    assert (await world.get("nurse-leader", f"/cases/{case}")).status_code == 404
    await world.move_to(AFTER)
    assert (await world.see("nurse", f"/cases/{case}"))["relations"] == ["service-in-scope"]
    assert (await world.see("nurse-leader", f"/cases/{case}"))["relations"] == ["coordinator"]
    begun = await world.see("nurse-leader", f"/absences/{absence}")
    assert (begun["status"], begun["fell"], begun["cases"]) == ("begun", 1, [])
    assert (await world.published("coordinator-appointed.v1"))[-1]["data"]["coordinator"] == falls_to
    offer = {"kind": "ansvarsgruppe", "receiver": await world.receiver("second-nurse")}
    sent = await world.must("nurse-leader", f"/cases/{case}/coordinator-handovers", offer)
    await world.must("second-nurse", f"/handovers/{sent['handover']}/acceptance")
    assert (await world.see("second-nurse", f"/cases/{case}"))["relations"] == ["coordinator", "service-in-scope"]
    assert await world.pool.fetchval("SELECT coordinators FROM case_index WHERE case_ref = $1", case) == [
        (await world.see("second-nurse", "/me"))["actor"]
    ]


@pytest.mark.rule(23, 97, 107)
async def test_a_protected_case_falls_to_the_leader_of_its_unit_also_after_the_coordination_was_handed_over(
    world: World,
) -> None:
    """Of such a case the vault alone says which unit has it: that is where the baton is, and not where it is coordinated."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = str(receipt["case"])
    await world.consented(case)
    nurse = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    await world.must("teacher", f"/cases/{case}/coordinator", nurse)
    offer = {"kind": "ansvarsgruppe", "receiver": await world.receiver("second-nurse")}
    sent = await world.must("nurse", f"/cases/{case}/coordinator-handovers", offer)
    await world.must("second-nurse", f"/handovers/{sent['handover']}/acceptance")
    absence = (await world.must("teacher", "/absences", await away(world)))["absence"]
    assert [one["case"] for one in (await world.see("teacher", f"/absences/{absence}"))["cases"]] == [case]
    await world.move_to(AFTER)
    assert await holder(world, "styrer", case) == (await world.see("styrer", "/me"))["actor"]


HAUGEN: Final = {"lagspill_unit": "unit:haugen-barnehage", "orgno": "310001090"}
"""Where somebody worked before, or works too."""


async def has_left_haugen(world: World, who: str) -> dict[str, Any]:
    """Let somebody have left another unit, where all that rested with them there falls to the leader; return that leader."""
    leads = {**await world.receiver("styrer"), "unit": HAUGEN["lagspill_unit"], "organisation": HAUGEN["orgno"]}
    there = {"sub": "haugen-leader", **HAUGEN}
    leads["actor"] = (await world.get("styrer", "/me", **there)).json()["actor"]
    left = {"reason": "left", "last_day": "2026-09-06", "falls_to": leads}
    registered = await world.post(who, "/absences", left, claims=HAUGEN)
    assert registered.status_code == 201, registered.text
    await world.move_to(world.clock.now())
    return leads


@pytest.mark.parametrize("protected", [False, True], ids=["ordinary", "protected"])
async def test_what_falls_to_a_leader_who_has_left_another_unit_stays_in_this_one(
    world: World, *, protected: bool
) -> None:
    """Who stands in for them there is nobody here: neither would they hold the case, nor would their unit have it."""
    case = await another(world, 31, address_protected=protected)
    elsewhere = await has_left_haugen(world, "styrer")
    await world.must("teacher", "/absences", await away(world))
    await world.move_to(AFTER)
    leader = (await world.see("styrer", "/me"))["actor"]
    assert leader != elsewhere["actor"]
    assert await holder(world, "styrer", case) == leader
    # The unit that recorded it has it still, also where no event says which that is.
    assert (await world.see("styrer", f"/cases/{case}/child"))["records"]
    there = {"sub": "haugen-leader", **HAUGEN}
    assert (await world.get("styrer", f"/cases/{case}", **there)).status_code == 404


async def test_who_has_left_another_unit_is_at_work_in_this_one(world: World) -> None:
    """They are given what anybody else is, and nobody hands on for them what they hold here."""
    await has_left_haugen(world, "colleague")
    case = await world.opened()
    sent = await world.must(
        "teacher", f"/cases/{case}/handovers", {"kind": "baton", "receiver": await world.receiver("colleague")}
    )
    await world.must("colleague", f"/handovers/{sent['handover']}/acceptance")
    offer = {"kind": "staff-leaves", "receiver": await world.receiver("pedagogical-leader")}
    assert code(await world.post("styrer", f"/cases/{case}/handovers", offer)) == (409, "holder-not-away")


@pytest.mark.rule(23, 97, 107)
async def test_who_leaves_another_unit_keeps_the_coordination_and_the_offer_of_a_protected_case(world: World) -> None:
    """No event of such a case says from where it is coordinated, or where an offer of it went; the vault does."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = str(receipt["case"])
    await world.consented(case)
    group = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    await world.must("teacher", f"/cases/{case}/coordinator", group)
    offer = {"kind": "baton", "receiver": await world.receiver("colleague")}
    offered = (await world.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    await has_left_haugen(world, "colleague")
    assert (await world.see("teacher", f"/handovers/{offered}"))["status"] == "sent"
    another_station = {"lagspill_unit": "unit:another-helsestasjon"}
    leads = {**await world.receiver("nurse-leader"), "unit": "unit:another-helsestasjon"}
    left = {"reason": "left", "last_day": "2026-09-06", "falls_to": leads}
    registered = await world.post("nurse", "/absences", left, claims=another_station)
    assert registered.status_code == 201, registered.text
    absence = registered.json()["absence"]
    assert (await world.get("nurse", f"/absences/{absence}", **another_station)).json()["cases"] == []
    await world.move_to(world.clock.now())
    assert (await world.get("nurse", f"/cases/{case}/contributions")).status_code == 200
    assert (await world.see("nurse", f"/absences/{absence}"))["fell"] == 0
