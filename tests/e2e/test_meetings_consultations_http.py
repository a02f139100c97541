"""Hearings over HTTP: opened, answered, corrected, overdue, closed; with every refusal, and nothing of their texts outside the vault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town

pytestmark = [pytest.mark.connected, pytest.mark.rule(173)]

TEXT = "Skal alle barnehager ha språkgrupper to ganger i uka?"
ANSWER = "Vi støtter det, og ber om tid til opplæring."
BETTER = "Vi støtter det, med opplæring i november."
VIKEVAG, MOSTEROY, PPT = "unit:vikevag-barnehage", "unit:mosteroy-barnehage", "unit:rennesoy-ppt"
ASKED = {"kind": "matters-on-children", "text": TEXT, "units": [VIKEVAG, PPT]}
REMARKS = {"position": "supports-with-remarks", "text": ANSWER}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def opened(lia: Town, **changes: Any) -> str:
    """Open a hearing, and return where it is."""
    answered = await lia.post("fagsenter", "/consultations", {**ASKED, **changes})
    assert answered.status_code == 201, answered.text
    return answered.headers["location"]


async def pass_time(lia: Town, days: int) -> None:
    """Let days pass, and everything be done that was due in them."""
    lia.clock.set(lia.clock.now() + timedelta(days=days))
    kit = lia.kit
    await Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()


async def test_from_the_question_to_what_everybody_reads(lia: Town) -> None:
    path = await opened(lia)
    shown = await lia.see("vikevag-teacher", path)
    assert (shown["text"], shown["answers"], shown["status"], shown["answered"]) == (TEXT, [], "open", [])
    assert [body["unit"] for body in shown["bodies"]] == [PPT, VIKEVAG]
    # The leader answers for the barnehage; for PP-tjenesten whoever represents it (seed rule 72).
    assert await lia.refused("vikevag-teacher", f"{path}/answers", REMARKS) == (403, "may-not-answer")
    assert await lia.refused("fagsenter", f"{path}/answers", REMARKS) == (403, "may-not-answer")
    assert await lia.refused("vikevag-styrer", f"{path}/corrections", REMARKS) == (409, "consultation-not-answered")
    empty = {"position": "opposes"}
    assert await lia.refused("vikevag-styrer", f"{path}/answers", empty) == (422, "answer-text-missing")
    named = {"position": "opposes", "text": "Vi tenker på Solveig i avdelingen."}
    assert await lia.refused("vikevag-styrer", f"{path}/answers", named) == (422, "text-not-anonymous")
    assert (await lia.post("vikevag-styrer", f"{path}/answers", REMARKS)).status_code == 201
    assert await lia.refused("vikevag-styrer", f"{path}/answers", REMARKS) == (409, "consultation-answered")
    await lia.must("vikevag-styrer", f"{path}/corrections", {**REMARKS, "text": BETTER})
    # A body reads its own answer, and nobody else's yet; whoever asked reads all.
    assert (await lia.see("rennesoy-ppt", path))["answers"] == []
    [own] = (await lia.see("vikevag-teacher", path))["answers"]
    assert (own["text"], own["version"], own["late"], own["corrected_late"]) == (BETTER, 2, False, False)
    assert (await lia.see("fagsenter", path))["answers"] == [own]
    assert await lia.refused("rennesoy-ppt", f"{path}/closure", {"reason": "completed"}) == (403, "may-not-consult")
    assert await lia.refused("fagsenter", f"{path}/closure", {"reason": "completed"}) == (409, "consultation-open")
    await lia.must("rennesoy-ppt", f"{path}/answers", {"position": "no-remarks"})
    closed = await lia.must("fagsenter", f"{path}/closure", {"reason": "completed"})
    assert (closed["status"], sorted(closed["answered"])) == ("completed", [PPT, VIKEVAG])
    for way in ("answers", "corrections"):
        assert await lia.refused("rennesoy-ppt", f"{path}/{way}", REMARKS) == (409, "consultation-closed")
    assert await lia.refused("fagsenter", f"{path}/closure", {"reason": "withdrawn"}) == (409, "consultation-closed")
    assert [each["unit"] for each in (await lia.see("rennesoy-ppt", path))["answers"]] == [PPT, VIKEVAG]
    kinds = [event["type"].split(".")[4] for event in await lia.published() if "consultation" in event["type"]]
    assert kinds == ["opened", "answered", "answered", "answered", "closed"]
    everything = await lia.everything()
    assert not [text for text in (TEXT, ANSWER, BETTER, "Solveig") if text in everything]


async def test_whoever_has_no_part_finds_nothing(lia: Town) -> None:
    path = await opened(lia)
    for who in ("mosteroy-styrer", "coordinator"):
        assert (await lia.get(who, path)).status_code == 404
        assert await lia.refused(who, f"{path}/answers", REMARKS) == (404, "not-found")
        assert await lia.refused(who, f"{path}/closure", {"reason": "withdrawn"}) == (404, "not-found")
        assert (await lia.see(who, "/consultations"))["items"] == []
    assert (await lia.get("vikevag-styrer", path, lagspill_roles=["auditor"])).status_code == 404
    assert (await lia.get("vikevag-styrer", path, municipality="4005")).status_code == 404
    assert (await lia.http.get(path)).status_code == 401
    lists = [
        [each["consultation"] for each in (await lia.see(who, "/consultations?limit=1"))["items"]]
        for who in ("fagsenter", "vikevag-teacher", "rennesoy-ppt")
    ]
    assert lists == [[path.removeprefix("/consultations/")]] * 3
    # So it is on the year's page.
    for who, there in (("vikevag-teacher", True), ("fagsenter", True), ("mosteroy-styrer", False)):
        page = await lia.get(who, "/year-wheel/page?language=en")
        assert ('<th scope="row">Matters on children</th>' in page.text) == there


async def test_what_is_refused_when_one_is_opened(lia: Town) -> None:
    assert await lia.refused("vikevag-teacher", "/consultations", ASKED) == (403, "may-not-consult")
    for changes, code in (
        ({"kind": "something-else"}, "consultation-kind-unknown"),
        ({"units": ["unit:rennesoy-kommune"]}, "consultation-bodies-wrong"),
        ({"answer_by": (lia.clock.now() + timedelta(days=3)).isoformat()}, "consultation-time-wrong"),
        ({"answer_by": (lia.clock.now() + timedelta(days=300)).isoformat()}, "consultation-time-wrong"),
        ({"text": "Gjelder Solveig Eksempelsen."}, "text-not-anonymous"),
        ({"text": ""}, "input-invalid"),
    ):
        assert await lia.refused("fagsenter", "/consultations", {**ASKED, **changes}) == (422, code)
    # Notodden's page says nothing of hearings, and there is no profile of Oslo.
    assert await lia.refused("coordinator", "/consultations", ASKED) == (422, "consultation-kind-unknown")
    elsewhere = await lia.post("fagsenter", "/consultations", ASKED, municipality="0301")
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "arena-retired")
    assert [event for event in await lia.published() if "consultation" in event["type"]] == []


async def test_when_the_time_is_out_it_is_said_who_has_not_answered_and_a_week_later_again(lia: Town) -> None:
    path = await opened(lia, units=[VIKEVAG, MOSTEROY, PPT])
    await lia.must("rennesoy-ppt", f"{path}/answers", {"position": "supports"})
    await pass_time(lia, 20)
    assert await lia.published("overdue.v1") == []
    await pass_time(lia, 1)
    [overdue] = await lia.published("consultation.overdue.v1")
    assert [body["unit"] for body in overdue["data"]["bodies"]] == [MOSTEROY, VIKEVAG]
    late = await lia.must("mosteroy-styrer", f"{path}/answers", {"position": "supports"})
    assert late["status"] == "overdue"
    [answer] = (await lia.see("mosteroy-styrer", path))["answers"]
    assert (answer["late"], answer["corrected_at"], answer["corrected_late"]) == (True, None, False)
    # PP-tjenesten answered in time, and has done so whatever it says later: that what stands is from afterwards is said beside it.
    corrected = await lia.must("rennesoy-ppt", f"{path}/corrections", REMARKS)
    assert (corrected["late"], corrected["corrected_late"]) == ([MOSTEROY], [PPT])
    [own] = (await lia.see("rennesoy-ppt", path))["answers"]
    assert (own["late"], own["version"], own["corrected_late"]) == (False, 2, True)
    assert own["answered_at"] < overdue["data"]["answer_by"] <= own["corrected_at"]
    last = (await lia.published("consultation.answered.v1"))[-1]["data"]
    assert (last["late"], last["corrected_late"], last["answered_at"]) == (False, True, own["corrected_at"])
    [line] = (await lia.see("fagsenter", "/consultations"))["items"]
    assert (line["late"], line["corrected_late"]) == ([MOSTEROY], [PPT])
    await pass_time(lia, 7)
    [escalated] = await lia.published("consultation.escalated.v1")
    assert [body["unit"] for body in escalated["data"]["bodies"]] == [VIKEVAG]
    await lia.must("fagsenter", f"{path}/closure", {"reason": "completed"})
    [closed] = await lia.published("consultation.closed.v1")
    assert [body["unit"] for body in closed["data"]["unanswered"]] == [VIKEVAG]
    await pass_time(lia, 30)
    assert len(await lia.published("overdue.v1")) == len(await lia.published("escalated.v1")) == 1


async def test_a_repeated_command_is_done_once_and_one_that_is_withdrawn_is_quiet(lia: Town) -> None:
    key = {"idempotency-key": "the-same"}
    first = await lia.post("fagsenter", "/consultations", ASKED, headers=key)
    again = await lia.post("fagsenter", "/consultations", ASKED, headers=key)
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    assert len(await lia.published("consultation.opened.v1")) == 1
    path = first.headers["location"]
    stale = await lia.post("fagsenter", f"{path}/closure", {"reason": "withdrawn"}, headers={"if-match": '"v9"'})
    assert stale.status_code == 412
    await lia.must("fagsenter", f"{path}/closure", {"reason": "withdrawn"})
    await pass_time(lia, 40)
    assert await lia.published("overdue.v1") == []
    assert (await lia.see("vikevag-styrer", path))["status"] == "withdrawn"
