"""What a meeting has of a child when its case is closed, goes on elsewhere, or goes to another unit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.e2e.test_cases_moved_http import ppt_there

pytestmark = [pytest.mark.connected, pytest.mark.rule(4, 5)]

AFTER: Final = datetime(2026, 9, 22, 12, 0, tzinfo=UTC)
MEASURE: Final = {
    "code": "sprakgruppe",
    "owner": "barnehage",
    "owner_unit": "unit:lia-barnehage",
    "indicator": "ordforrad",
    "evaluate_by": "2026-12-01T12:00:00Z",
}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def closed(lia: Town, case: str) -> None:
    version = await lia.cases.version("teacher", case)
    await lia.cases.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    await lia.carry()


async def moved(lia: Town, case: str) -> None:
    """Let the case go on in another municipality."""
    claims, receiver = await ppt_there(lia.cases)
    await lia.cases.consented(case, purposes=("transition",), municipality=receiver["municipality"])
    offer = {"kind": "municipality", "receiver": receiver, "categories": ["language"]}
    handover = (await lia.cases.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    accepted = await lia.cases.post("ppt", f"/handovers/{handover}/acceptance", claims=claims)
    assert accepted.status_code == 201, accepted.text
    await lia.carry()


async def handed_to_ppt(lia: Town, case: str) -> None:
    offer = {"kind": "unit", "receiver": await lia.cases.receiver("ppt"), "categories": ["language"]}
    handover = (await lia.cases.must("teacher", f"/cases/{case}/handovers", offer))["handover"]
    await lia.cases.must("ppt", f"/handovers/{handover}/acceptance")
    await lia.carry()


async def consented(lia: Town, **asked: Any) -> str:
    case = await lia.cases.opened()
    await lia.cases.consented(case, purposes=("assessment", "transition"), **asked)
    await lia.carry()
    return case


async def discussed(lia: Town, case: str) -> tuple[str, str]:
    """Let the case be discussed, with an outcome and minutes; return meeting and item."""
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    lia.clock.set(AFTER)
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": item}]))
    outcome = {"item": item, "decision": "follow-up", "text": "PPT observerer i uke 42."}
    await lia.must("teacher", f"/meetings/{meeting}/outcomes", outcome)
    await lia.must("styrer", f"/meetings/{meeting}/minutes", {"text": "Vi møttes."})
    return meeting, item


async def items(lia: Town, who: str, meeting: str) -> list[str]:
    return [each["item"] for each in (await lia.see(who, f"/meetings/{meeting}/agenda-items"))["items"]]


async def test_a_closed_case_leaves_the_agenda_and_is_not_brought_until_it_is_opened_again(lia: Town) -> None:
    case = await consented(lia)
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    path = f"/meetings/{meeting}/agenda-items"
    await closed(lia, case)
    assert await items(lia, "teacher", meeting) == []
    [removed] = [each["data"] for each in await lia.published("agenda-item.removed.v1")]
    assert (removed["item"], removed["reason"]) == (item, "basis-lapsed")
    assert await lia.refused("teacher", path, lia.named(case)) == (409, "case-closed")
    # Of another's closed case nothing is told, not that it is closed.
    haugen = await lia.arena("ressursteam", "unit:haugen-barnehage")
    theirs = (
        await lia.must("haugen-styrer", "/meetings", {"arena": haugen, "starts_at": "2026-09-23T12:00:00+02:00"})
    )["meeting"]
    assert await lia.refused("curious", f"/meetings/{theirs}/agenda-items", lia.named(case)) == (404, "not-found")
    version = await lia.cases.version("teacher", case)
    await lia.cases.must("teacher", f"/cases/{case}/reopening", if_match=version)
    await lia.carry()
    again = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    assert await items(lia, "ppt", meeting) == [again]


async def test_what_was_discussed_before_the_case_was_closed_is_recorded_and_after_it_refused(lia: Town) -> None:
    case = await consented(lia)
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    lia.cases.clock.set(datetime(2026, 9, 22, 11, 0, tzinfo=UTC))
    await closed(lia, case)
    lia.clock.set(AFTER)
    path = f"/meetings/{meeting}/holding"
    late = lia.held([{"item": item, "at": "2026-09-22T11:00:00Z"}])
    assert await lia.refused("styrer", path, late) == (409, "case-not-with-unit")
    await lia.must("styrer", path, lia.held([{"item": item, "at": "2026-09-22T10:59:59Z"}]))
    [told] = await lia.published("case-discussed.v1")
    assert told["data"]["case"] == case
    # It is written down what came of it; but nothing is planned in a case that is closed.
    outcomes = f"/meetings/{meeting}/outcomes"
    planned = {"item": item, "decision": "measure-planned", "measures": [MEASURE]}
    assert await lia.refused("teacher", outcomes, planned) == (409, "case-closed")
    joined = {"item": item, "decision": "refer", "join_team": ["ppt"]}
    assert await lia.refused("teacher", outcomes, joined) == (409, "case-closed")
    await lia.must("teacher", outcomes, {"item": item, "decision": "no-action", "text": "Saken er avsluttet."})
    assert await items(lia, "teacher", meeting) == [item]
    assert await items(lia, "ppt", meeting) == [item]


@pytest.mark.rule(18)
async def test_of_a_case_that_goes_on_elsewhere_a_meeting_shows_nobody_anything(lia: Town) -> None:
    case = await consented(lia)
    meeting, item = await discussed(lia, case)
    path = f"/meetings/{meeting}"
    assert await items(lia, "ppt", meeting) == [item]
    coming = await lia.ressursteam(extra=True, starts_at="2026-10-20T12:00:00+02:00")
    await lia.add("teacher", coming, lia.named(case))
    await moved(lia, case)
    for who in ("teacher", "styrer", "ppt", "nurse"):
        assert await items(lia, who, meeting) == []
        assert await items(lia, who, coming) == []
        assert (await lia.see(who, f"{path}/minutes"))["outcomes"] == []
        assert (await lia.get(who, f"{path}/agenda-items/{item}")).status_code == 404
    denied = await lia.access("deny")
    assert [(each["case"], each["item"]) for each in denied] == [(case, item)] * 4
    # It is answered as an unknown one, to those whose case it was too.
    assert await lia.refused("teacher", f"/meetings/{coming}/agenda-items", lia.named(case)) == (404, "not-found")


@pytest.mark.rule(18)
async def test_nothing_is_written_of_a_case_that_goes_on_elsewhere(lia: Town) -> None:
    case = await consented(lia)
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    lia.clock.set(AFTER)
    await lia.must("styrer", f"/meetings/{meeting}/holding", lia.held([{"item": item}]))
    await moved(lia, case)
    outcome = {"item": item, "decision": "follow-up", "text": "PPT observerer."}
    assert await lia.refused("teacher", f"/meetings/{meeting}/outcomes", outcome) == (404, "not-found")


async def test_what_a_unit_brought_leaves_the_agenda_with_the_baton_and_is_then_heard_by_consent_only(
    lia: Town,
) -> None:
    case = await consented(lia, services=("ppt",))
    meeting, item = await discussed(lia, case)
    coming = await lia.ressursteam(extra=True, starts_at="2026-10-20T12:00:00+02:00")
    brought = (await lia.add("teacher", coming, lia.named(case)))["item"]
    await handed_to_ppt(lia, case)
    [removed] = [each["data"] for each in await lia.published("agenda-item.removed.v1")]
    assert (removed["item"], removed["reason"]) == (brought, "basis-lapsed")
    assert await items(lia, "ppt", coming) == []
    # The unit heard it because it had the case. Now it is a service like others, and this consent is not for barnehager.
    assert await items(lia, "teacher", meeting) == []
    assert (await lia.get("teacher", f"/meetings/{meeting}/agenda-items/{item}")).status_code == 404
    assert await items(lia, "ppt", meeting) == [item]
    assert await lia.refused("teacher", f"/meetings/{coming}/agenda-items", lia.named(case)) == (404, "not-found")
