"""What a unit's team does not solve comes before the municipality's next meeting, once, and with the guard applied anew (rules 68, 69)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import STAFF, Town, town

pytestmark = pytest.mark.connected

BARNEHAGE: Final = "unit:tynset-barnehage"
TYNSET: Final = {"municipality": "3427", "lagspill_unit": BARNEHAGE}
FIRST: Final = "2026-09-08T09:00:00+02:00"
UPSTAIRS: Final = "2026-10-06T12:00:00+02:00"
LATER: Final = "2026-11-03T12:00:00+01:00"
GENERAL: Final = {"kind": "general", "mode": "no-child", "text": "Hvordan får vi nok veiledning på enheten?"}
ANONYMOUS: Final = {"kind": "case", "mode": "anonymous", "text": "Et barn strever med språk og lek. Hva kan vi prøve?"}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def seen_to(lia: Town) -> int:
    """Let what is due be done; return how much was."""
    kit = lia.kit
    runner = Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    )
    return await runner.fire_due()


async def arena(lia: Town, arena_type: str, unit: str | None = None) -> str:
    """Return an arena of Tynset's."""
    arenas = (await lia.see("tynset-coordinator", "/arenas?limit=200"))["items"]
    [found] = [each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == (arena_type, unit)]
    return str(found)


async def upstairs(lia: Town, starts_at: str = UPSTAIRS, **changes: Any) -> str:
    """Call the municipality's TST; return the meeting."""
    body = {"arena": await arena(lia, "tst-kommune"), "starts_at": starts_at, "units": [BARNEHAGE], **changes}
    return str((await lia.must("tynset-coordinator", "/meetings", body))["meeting"])


async def in_tynset(
    lia: Town, who: str, path: str, body: object = None, *, if_match: str | None = None
) -> dict[str, Any]:
    """Do something with the cases service that must work there."""
    claims = {"municipality": "3427"} if who.startswith("guardian") else TYNSET
    response = await lia.cases.post(who, path, body, claims=claims, if_match=if_match)
    assert response.status_code == 201, f"{path}: {response.text}"
    answered: dict[str, Any] = response.json()
    return answered


async def consented(lia: Town, case: str, *services: str) -> str:
    """Hear the child and let both guardians consent, for these services; return the consent."""
    view = {"method": "conversation", "before": "consent", "text": "Vil ha hjelp."}
    await in_tynset(lia, "teacher", f"/cases/{case}/child-views", view)
    asked = {
        "services": services,
        "categories": ["development", "language"],
        "purposes": ["assessment"],
        "valid_to": "2027-07-31",
    }
    consent = str((await in_tynset(lia, "teacher", f"/cases/{case}/consents", asked))["consent"])
    for who in ("guardian-a", "guardian-b"):
        await in_tynset(lia, who, f"/consents/{consent}/grants")
    return consent


async def team_with(lia: Town, *items: dict[str, Any]) -> tuple[str, list[str]]:
    """Let the barnehage's TST discuss these items; return the meeting and them."""
    called = {"arena": await arena(lia, "tst", BARNEHAGE), "starts_at": FIRST}
    meeting = str((await lia.must("tynset-styrer", "/meetings", called))["meeting"])
    path = f"/meetings/{meeting}/agenda-items"
    brought = [(await lia.must("tynset-styrer", path, item))["item"] for item in items]
    await held(lia, meeting, FIRST, brought)
    return meeting, brought


async def held(lia: Town, meeting: str, starts_at: str, items: list[str], *, above: bool = False) -> None:
    """Let a meeting of the barnehage's, or of the municipality's, be held with everyone there, about these items."""
    begins = datetime.fromisoformat(starts_at)
    lia.clock.set(max(lia.clock.now(), begins + timedelta(hours=3)))
    seats = [
        (STAFF[who][1], STAFF[who][0]) for who in ("tynset-styrer", "tynset-ppt", "tynset-nurse", "tynset-barnevern")
    ]
    if above:
        seats.append(("ledelse", "leader"))
    body = {
        "started_at": starts_at,
        "ended_at": (begins + timedelta(minutes=150)).isoformat(),
        "chair": "leader",
        "attendance": [{"service": service, "role": role, "present": True} for service, role in seats],
        "discussed": [{"item": item} for item in items],
    }
    await lia.must("tynset-coordinator", f"/meetings/{meeting}/holding", body)


async def discussed_by_name(lia: Town, times: int = 1) -> tuple[str, str, list[str]]:
    """Let the barnehage's TST discuss a case by name, with PPT, so often; return the case, the meeting and the items."""
    receipt = await in_tynset(lia, "teacher", "/concerns", lia.cases.concern())
    await in_tynset(lia, "teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case = str(receipt["case"])
    await consented(lia, case, "ppt")
    await lia.carry()
    called = {"arena": await arena(lia, "tst", BARNEHAGE), "starts_at": FIRST}
    meeting = str((await lia.must("tynset-styrer", "/meetings", called))["meeting"])
    items: list[str] = []
    for _ in range(times):
        brought = await lia.must("tynset-teacher", f"/meetings/{meeting}/agenda-items", lia.named(case))
        assert brought["status"] == "accepted"
        items.append(brought["item"])
    begins = datetime.fromisoformat(FIRST)
    lia.clock.set(begins + timedelta(hours=3))
    lia.cases.clock.set(begins + timedelta(hours=3))
    await lia.fresh()
    seats = ("tynset-styrer", "tynset-ppt", "tynset-nurse", "tynset-barnevern")
    body = {
        "started_at": FIRST,
        "ended_at": (begins + timedelta(minutes=150)).isoformat(),
        "chair": "leader",
        "attendance": [{"service": STAFF[who][1], "role": STAFF[who][0], "present": True} for who in seats],
        "guardians_present": 1,
        "discussed": [{"item": item, "guardians_present": 1, "child": "represented"} for item in items],
    }
    await lia.must("tynset-styrer", f"/meetings/{meeting}/holding", body)
    return case, meeting, items


async def lift(lia: Town, meeting: str, item: str, who: str = "tynset-styrer", **changes: Any) -> dict[str, Any]:
    """Record that an item is lifted."""
    outcome = {"item": item, "decision": "follow-up", "text": "Dette løser vi ikke her.", "lift": True, **changes}
    return await lia.must(who, f"/meetings/{meeting}/outcomes", outcome)


async def agenda(lia: Town, meeting: str, who: str = "tynset-ppt") -> list[dict[str, Any]]:
    """Return the agenda as somebody sees it."""
    items: list[dict[str, Any]] = (await lia.see(who, f"/meetings/{meeting}/agenda-items"))["items"]
    return items


@pytest.mark.rule(62, 68, 69)
async def test_what_the_team_lifts_is_on_the_agenda_of_the_municipalitys_next_meeting_once(lia: Town) -> None:
    above = await upstairs(lia)
    await upstairs(lia, LATER)
    meeting, [item] = await team_with(lia, GENERAL)
    path = f"/meetings/{meeting}/outcomes"
    nothing = {"item": item, "decision": "no-action", "lift": True}
    assert await lia.refused("tynset-styrer", path, nothing) == (422, "outcome-incomplete")
    decided = await lift(lia, meeting, item)
    assert decided["lifted_to"] == "tst-kommune"
    [event] = [each["data"] for each in await lia.published("agenda-item.lifted.v1")]
    assert (event["item"], event["to_type"], event["mode"]) == (item, "tst-kommune", "no-child")
    assert (sorted(event["called_by"]), event["led_by"]) == (["coordinator", "leader"], "unit:tynset-kommune")
    for _ in range(2):
        await seen_to(lia)
    [proposed] = await agenda(lia, above)
    assert (proposed["kind"], proposed["text"], proposed["status"]) == ("general", GENERAL["text"], "proposed")
    assert proposed["lifted"]
    [added] = [each for each in await lia.published("agenda-item.added.v1") if each["data"]["meeting"] == above]
    assert "authid" not in added, "nobody brought it"
    # Where it was lifted from it is seen where it went.
    [there] = await agenda(lia, meeting)
    assert there["lifted_to"] == {
        "arena_type": "tst-kommune",
        "standing": "on-agenda",
        "meeting": above,
        "item": proposed["item"],
        "held_back": None,
        "withdrawn_for": None,
    }
    await lia.must("tynset-coordinator", f"/meetings/{above}/agenda-items/{proposed['item']}/acceptance")
    await held(lia, above, UPSTAIRS, [proposed["item"]], above=True)
    await seen_to(lia)
    assert (await agenda(lia, meeting))[0]["lifted_to"]["standing"] == "settled"
    # The municipality's own team lifts to none.
    final = {"item": proposed["item"], "decision": "follow-up", "lift": True}
    assert await lia.refused("tynset-ppt", f"/meetings/{above}/outcomes", final) == (409, "arena-lifts-nowhere")


@pytest.mark.rule(68, 69)
async def test_what_is_lifted_waits_for_a_meeting_and_for_the_next_one_until_it_is_discussed(lia: Town) -> None:
    meeting, [item] = await team_with(lia, GENERAL)
    await lift(lia, meeting, item)
    await seen_to(lia)
    assert (await agenda(lia, meeting))[0]["lifted_to"]["standing"] == "waits"
    [waits] = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert (waits["arena_type"], waits["lifted_from"], waits["unit"]) == ("tst-kommune", "tst", BARNEHAGE)
    assert (waits["standing"], waits["meeting"]) == ("waits", None)
    for who in ("tynset-styrer", "tynset-ppt", "coordinator"):
        assert (await lia.see(who, "/lifted-items"))["items"] == [], who
    # One that is planned only has no agenda yet.
    planned = await upstairs(lia, invite=False)
    assert await seen_to(lia) == 0
    await lia.must("tynset-coordinator", f"/meetings/{planned}/invitation", {"services": ["barnehage"]})
    await seen_to(lia)
    [first] = await agenda(lia, planned)
    # It is off: the next one takes it.
    await lia.must("tynset-coordinator", f"/meetings/{planned}/cancellation", {"reason": "other"})
    await seen_to(lia)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"][0]["standing"] == "waits"
    second = await upstairs(lia)
    await seen_to(lia)
    [again] = await agenda(lia, second)
    assert again["item"] != first["item"]
    assert again["text"] == GENERAL["text"]
    # There was no time for it: it comes to the one after.
    other = await lia.must("tynset-ppt", f"/meetings/{second}/agenda-items", GENERAL)
    await lia.must("tynset-coordinator", f"/meetings/{second}/agenda-items/{other['item']}/acceptance")
    await held(lia, second, UPSTAIRS, [other["item"]], above=True)
    third = await upstairs(lia, LATER)
    await seen_to(lia)
    [last] = await agenda(lia, third)
    # Whoever calls the meeting takes it off: it comes no more.
    await lia.must("tynset-coordinator", f"/meetings/{third}/agenda-items/{last['item']}/removal")
    await upstairs(lia, "2026-12-01T12:00:00+01:00")
    await seen_to(lia)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    assert len([each for each in await lia.published("agenda-item.added.v1") if each["data"].get("lifted")]) == 3


@pytest.mark.rule(2, 62, 68, 69)
async def test_what_waits_is_taken_back_by_those_who_lifted_it_and_comes_no_more(lia: Town) -> None:
    another = {**GENERAL, "text": "Hvordan deler vi det vi lærer?"}
    meeting, [general, anonymous, other] = await team_with(lia, GENERAL, ANONYMOUS, another)
    back = {item: f"/meetings/{meeting}/agenda-items/{item}/lift-withdrawal" for item in (general, anonymous, other)}
    reason = {"reason": "solved-here"}
    assert await lia.refused("tynset-styrer", back[general], reason) == (409, "item-not-lifted")
    for item in (general, anonymous, other):
        await lift(lia, meeting, item)
    for who in ("kvikne-styrer", "styrer"):
        assert await lia.refused(who, back[general], reason) == (404, "not-found"), who
    assert await lia.refused("tynset-styrer", back[general], {"reason": "because"}) == (422, "input-invalid")
    # Two at once: it is taken back once.
    both = await asyncio.gather(*(lia.post(who, back[general], reason) for who in ("tynset-ppt", "tynset-styrer")))
    assert sorted(each.status_code for each in both) == [200, 409]
    [taken] = [each.json() for each in both if each.status_code == 200]
    assert (taken["lifted_to"], taken["lift_withdrawn"]) == ("tst-kommune", "solved-here")
    assert await lia.refused("tynset-styrer", back[general], reason) == (409, "lifted-item-settled")
    # Without a name it is taken back in nobody's, as it was lifted.
    before = len(await lia.published())
    key = {"idempotency-key": "the-same"}
    for replayed in (None, "true"):
        answer = await lia.post("tynset-styrer", back[anonymous], {"reason": "by-mistake"}, headers=key)
        assert (answer.status_code, answer.headers.get("idempotency-replayed")) == (200, replayed)
    [quiet] = (await lia.published())[before:]
    assert quiet["type"].endswith("agenda-item.lift-withdrawn.v1")
    assert "authid" not in quiet
    assert quiet["data"] == {
        "meeting": meeting,
        "item": anonymous,
        "mode": "anonymous",
        "to_type": "tst-kommune",
        "reason": "by-mistake",
    }
    [waits] = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert waits["standing"] == "waits"
    above = await upstairs(lia)
    await seen_to(lia)
    assert [each["text"] for each in await agenda(lia, above)] == [another["text"]]
    assert await lia.refused("tynset-styrer", back[other], reason) == (409, "lifted-item-on-agenda")
    # Off, it waits again, and then it can be.
    await lia.must("tynset-coordinator", f"/meetings/{above}/cancellation", {"reason": "other"})
    await lia.must("tynset-styrer", back[other], {"reason": "no-longer-needed"})
    await upstairs(lia)
    await seen_to(lia)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    went = [each["lifted_to"] for each in await agenda(lia, meeting)]
    assert {each["standing"] for each in went} == {"withdrawn"}
    assert [each["withdrawn_for"] for each in went] == ["solved-here", "by-mistake", "no-longer-needed"]


@pytest.mark.rule(4, 5, 68)
async def test_what_was_lifted_by_name_is_taken_back_by_the_unit_or_whoever_heard_it(lia: Town) -> None:
    case, meeting, [lifted] = await discussed_by_name(lia)
    await lift(lia, meeting, lifted, decision="refer")
    back = f"/meetings/{meeting}/agenda-items/{lifted}/lift-withdrawal"
    # The nurse was at the meeting, and had left for this.
    for who in ("tynset-nurse", "tynset-coordinator"):
        assert await lia.refused(who, back, {"reason": "solved-here"}) == (404, "not-found"), who
    # Nor is it for who could, and is of the child's family (forvaltningsloven § 6): they are told the same.
    kin: dict[str, Any] = {"pid": lia.cases.guardian_a.national_number}
    for who in ("tynset-teacher", "tynset-styrer", "tynset-ppt"):
        refused = await lia.post(who, back, {"reason": "by-mistake"}, **kin)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found"), who
    assert [one["reason"] for one in await lia.access("deny")][-3:] == ["own-family"] * 3
    assert await lia.published("agenda-item.lift-withdrawn.v1") == []
    await lia.must("tynset-teacher", back, {"reason": "taken-up-elsewhere"})
    [event] = await lia.published("agenda-item.lift-withdrawn.v1")
    assert case not in str(event)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    above = await upstairs(lia)
    await seen_to(lia)
    assert await agenda(lia, above) == []


@pytest.mark.rule(2, 68)
async def test_what_is_lifted_without_a_name_comes_without_one_and_leads_to_nobody(lia: Town) -> None:
    above = await upstairs(lia)
    meeting, [item] = await team_with(lia, ANONYMOUS)
    before = len(await lia.published())
    await lift(lia, meeting, item)
    [waits] = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert (waits["mode"], waits["unit"]) == ("anonymous", None), "not even of which unit"
    await seen_to(lia)
    [there] = await agenda(lia, above)
    assert (there["mode"], there["text"], there["status"]) == ("anonymous", ANONYMOUS["text"], "accepted")
    assert (there["case"], there["covered"]) == (None, [])
    quiet = (await lia.published())[before:]
    assert [each["type"].split(".")[3:5] for each in quiet] == [
        ["outcome", "recorded"],
        ["agenda-item", "lifted"],
        ["agenda-item", "added"],
        ["agenda-item", "accepted"],
    ]
    assert not any("authid" in each or "case" in each["data"] for each in quiet)
    assert len({each["correlationid"] for each in quiet[:2]} & {each["correlationid"] for each in quiet[2:]}) == 0


@pytest.mark.rule(4, 5, 68)
async def test_what_is_lifted_by_name_is_judged_anew_for_those_who_are_invited_there(lia: Town) -> None:
    case, meeting, [lifted] = await discussed_by_name(lia)
    above = await upstairs(lia)
    await lift(lia, meeting, lifted, decision="refer")
    # Nothing is put on an agenda on a guess.
    await lia.stale()
    await seen_to(lia)
    assert await agenda(lia, above) == []
    await lia.fresh()
    await lia.pool.execute("UPDATE deadlines SET retry_at = NULL")
    await seen_to(lia)
    [proposed] = await agenda(lia, above)
    assert (proposed["status"], proposed["case"], proposed["covered"]) == ("proposed", case, ["ppt"])
    assert await agenda(lia, above, "tynset-nurse") == await agenda(lia, above, "tynset-barnevern") == []
    [added] = [each for each in await lia.published("agenda-item.added.v1") if each["data"]["meeting"] == above]
    assert (added["data"]["held_by_unit"], added["data"]["family"]) == (BARNEHAGE, ["guardian"])
    # The consent is withdrawn: it is taken off, and waits for one that lets somebody hear it.
    [consent] = [each["data"]["consent"] for each in await lia.cases.published("consent.requested.v1")]
    await in_tynset(lia, "guardian-a", f"/consents/{consent}/withdrawals")
    await lia.carry()
    await seen_to(lia)
    assert await agenda(lia, above) == []
    [waits] = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert (waits["standing"], waits["held_back"], waits["unit"]) == ("waits", "consent-missing", BARNEHAGE)
    assert case not in str(waits)
    # A new one, for the health station too, and it comes by itself.
    await consented(lia, case, "ppt", "helsestasjon")
    await lia.carry()
    for _ in range(2):
        await seen_to(lia)
    [again] = await agenda(lia, above, "tynset-nurse")
    assert again["covered"] == ["helsestasjon", "ppt"]
    # There was no time for it: it comes to the next one, and nobody is asked to say more.
    await lia.must("tynset-styrer", f"/meetings/{above}/agenda-items/{again['item']}/acceptance")
    await held(lia, above, UPSTAIRS, [], above=True)
    assert await lia.published("agenda-item.left-open.v1") == []
    await lia.fresh()
    # The unit, which has no seat in the next one, takes it back: nobody else may.
    elsewhere = await upstairs(lia, LATER, units=[])
    for _ in range(2):
        await seen_to(lia)
    went = (await lia.see("tynset-teacher", f"/meetings/{meeting}/agenda-items/{lifted}"))["lifted_to"]
    assert (went["standing"], went["meeting"]) == ("on-agenda", elsewhere)
    removal = f"/meetings/{elsewhere}/agenda-items/{went['item']}/removal"
    for who in ("kvikne-styrer", "teacher", "tynset-coordinator"):
        assert (await lia.post(who, removal)).status_code == 404, who
    assert (await lia.get("tynset-teacher", f"/meetings/{elsewhere}")).status_code == 404
    await lia.must("tynset-teacher", removal)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []


@pytest.mark.rule(5, 68)
async def test_of_a_case_that_is_closed_nothing_comes_any_more(lia: Town) -> None:
    case, meeting, [item] = await discussed_by_name(lia)
    above = await upstairs(lia)
    await lift(lia, meeting, item, decision="refer")
    await seen_to(lia)
    assert [each["case"] for each in await agenda(lia, above)] == [case]
    # The case is closed: it is taken off, and comes no more.
    version = (await lia.cases.get("teacher", f"/cases/{case}", **TYNSET)).headers["etag"]
    await in_tynset(lia, "teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    await lia.carry()
    await seen_to(lia)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    assert await agenda(lia, above) == []


@pytest.mark.rule(4, 68, 69)
async def test_what_was_discussed_above_and_is_recorded_afterwards_comes_no_more(lia: Town) -> None:
    _, meeting, twice = await discussed_by_name(lia, times=2)
    above = await upstairs(lia)
    for lifted in twice:
        await lift(lia, meeting, lifted, decision="refer")
    for _ in range(2):
        await seen_to(lia)
    # Lifted twice, it stands there once.
    [proposed] = await agenda(lia, above)
    await lia.must("tynset-coordinator", f"/meetings/{above}/agenda-items/{proposed['item']}/acceptance")
    await held(lia, above, UPSTAIRS, [], above=True)
    await lia.fresh()
    await seen_to(lia)
    waits = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert [(each["standing"], each["meeting"]) for each in waits] == [("waits", None)] * 2
    there = await lia.see("tynset-teacher", f"/meetings/{meeting}/agenda-items/{twice[0]}")
    assert (there["lifted_to"]["standing"], there["lifted_to"]["item"]) == ("waits", None)
    body = {"item": proposed["item"], "child": "represented"}
    await lia.must("tynset-coordinator", f"/meetings/{above}/discussions", body)
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    after = await upstairs(lia, LATER)
    await seen_to(lia)
    assert await agenda(lia, after) == []


@pytest.mark.rule(4, 68, 69)
async def test_what_is_recorded_afterwards_is_taken_off_the_agenda_on_which_it_stands_again(lia: Town) -> None:
    """The next meeting is called before anybody says that it was discussed in this one; what was lifted beside it stays."""
    _, meeting, twice = await discussed_by_name(lia, times=2)
    above = await upstairs(lia)
    await lift(lia, meeting, twice[0], decision="refer")
    await seen_to(lia)
    [first] = await agenda(lia, above)
    await lia.must("tynset-coordinator", f"/meetings/{above}/agenda-items/{first['item']}/acceptance")
    await held(lia, above, UPSTAIRS, [], above=True)
    await lia.fresh()
    await seen_to(lia)
    after = await upstairs(lia, LATER)
    await seen_to(lia)
    [again] = await agenda(lia, after)
    assert again["item"] != first["item"]
    body = {"item": first["item"], "child": "represented"}
    await lia.must("tynset-coordinator", f"/meetings/{above}/discussions", body)
    assert await agenda(lia, after) == []
    assert (await lia.see("tynset-coordinator", "/lifted-items"))["items"] == []
    there = await lia.see("tynset-teacher", f"/meetings/{meeting}/agenda-items/{twice[0]}")
    assert there["lifted_to"]["standing"] == "settled"


@pytest.mark.rule(4, 68, 69)
async def test_what_was_lifted_beside_it_stays_on_the_agenda_when_the_other_is_recorded_afterwards(lia: Town) -> None:
    _, meeting, twice = await discussed_by_name(lia, times=2)
    above = await upstairs(lia)
    await lift(lia, meeting, twice[0], decision="refer")
    await seen_to(lia)
    [first] = await agenda(lia, above)
    await lia.must("tynset-coordinator", f"/meetings/{above}/agenda-items/{first['item']}/acceptance")
    await held(lia, above, UPSTAIRS, [], above=True)
    await lia.fresh()
    # Lifted when that meeting was over: it was never on its agenda.
    await lift(lia, meeting, twice[1], decision="refer")
    await seen_to(lia)
    after = await upstairs(lia, LATER)
    await seen_to(lia)
    # Both stand there as one: the unit brings the same child for the same reason.
    [both] = await agenda(lia, after)
    body = {"item": first["item"], "child": "represented"}
    await lia.must("tynset-coordinator", f"/meetings/{above}/discussions", body)
    assert [one["item"] for one in await agenda(lia, after)] == [both["item"]]
    waits = (await lia.see("tynset-coordinator", "/lifted-items"))["items"]
    assert [(each["standing"], each["meeting"]) for each in waits] == [("on-agenda", after)]
