"""Invitations over HTTP: who accepts and declines for which seat, what each is shown of it, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import icalendar
import pytest
import pytest_asyncio

from shared.clock import SimulatedClock
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import START, Town, town

pytestmark = pytest.mark.connected

YES, NO = {"answer": "accepted"}, {"answer": "declined"}
TYNSET: dict[str, Any] = {"municipality": "3427"}
BEGINS = datetime.fromisoformat(START)
TRANSITION = "2026-10-28T12:00:00+01:00"


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def seats(lia: Town, who: str, meeting: str) -> dict[str, Any]:
    """Return how each seat's invitation stands, as somebody is shown it."""
    return {each["service"]: each for each in (await lia.see(who, f"/meetings/{meeting}"))["answers"]}


def partstat(calendar: httpx.Response) -> list[str | None]:
    """Return whether the reader comes to each meeting of their calendar."""
    events = icalendar.Calendar.from_ical(calendar.content).walk("VEVENT")
    return [str(event["attendee"].params["PARTSTAT"]) if "attendee" in event else None for event in events]


async def family(lia: Town, who: str, meeting: str, case: str, said: str = "accepted") -> httpx.Response:
    """Answer as somebody of the child's family."""
    headers = {"authorization": f"Bearer {lia.cases.token(who)}", "idempotency-key": RandomIds().ref("key")}
    body = {"answer": said, "case": case}
    return await lia.http.post(f"/meetings/{meeting}/answers", json=body, headers=headers)


async def invitation(lia: Town, who: str, meeting: str, case: str) -> httpx.Response:
    """Read the invitation as somebody of the child's family."""
    headers = {"authorization": f"Bearer {lia.cases.token(who)}"}
    return await lia.http.get(f"/meetings/{meeting}/invitation", params={"case": case}, headers=headers)


async def transition(lia: Town) -> tuple[str, str, str]:
    """Return a transition meeting with a named item about the story's child, the item and the case."""
    case = await lia.cases.opened()
    await lia.cases.consented(case, services=("skole", "ppt"), purposes=("transition",))
    await lia.carry()
    units = ["unit:lia-barnehage", "unit:tinnes-skole"]
    body = {"arena": await lia.arena("overgang-barnehage-skole"), "starts_at": TRANSITION, "units": units}
    meeting = str((await lia.must("styrer", "/meetings", body))["meeting"])
    item = str((await lia.add("teacher", meeting, lia.named(case, purpose="transition")))["item"])
    return meeting, item, case


@pytest.mark.rule(6)
async def test_a_seat_answers_changes_its_answer_and_is_asked_anew_when_the_meeting_is_moved(lia: Town) -> None:
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/answers"
    assert {each["standing"] for each in (await seats(lia, "nurse", meeting)).values()} == {"asked"}
    answered = await lia.must("ppt", path, YES)
    assert (answered["meeting"], answered["answer"], answered["seat"]) == (
        meeting,
        "accepted",
        {"service": "ppt", "unit": None},
    )
    await lia.must("teacher", path, {"answer": "declined", "reason": "ill"})
    # The same again, under a key of its own, is no news; nor is the same key again.
    await lia.must("ppt", path, YES)
    once = {"idempotency-key": "once-and-again"}
    for _ in range(2):
        assert (await lia.post("styrer", path, NO, headers=once)).status_code == 200
    said = [each["data"] for each in await lia.published("invitation.answered.v1")]
    assert [(each["answer"], each["seat"]["service"], each["seat"].get("unit")) for each in said] == [
        ("accepted", "ppt", None),
        ("declined", "barnehage", "unit:lia-barnehage"),
        ("declined", "barnehage", "unit:lia-barnehage"),
    ]
    assert (said[1]["reason"], said[1]["role"], said[2].get("reason")) == ("ill", "teacher", None)
    for who in ("ppt", "nurse", "styrer", "coordinator"):
        shown = await seats(lia, who, meeting)
        assert {service: each["standing"] for service, each in shown.items()} == {
            "barnehage": "declined",
            "barnevern": "asked",
            "helsestasjon": "asked",
            "ppt": "accepted",
        }
    # Each is told in their own calendar and list how it stands with their own seat.
    for who, stands in (("ppt", "accepted"), ("teacher", "declined"), ("nurse", "asked"), ("coordinator", None)):
        [line] = (await lia.see(who, "/meetings"))["items"]
        assert line["standing"] == stands
        status = {"asked": "NEEDS-ACTION", None: None}.get(stands, str(stands).upper())
        calendar = await lia.get(who, "/calendar")
        assert partstat(calendar) == [status]
        assert b"METHOD" not in calendar.content
    page = await lia.get("ppt", "/year-wheel/page?language=nb&school_year=2026")
    assert page.text.count("<td>Vi kommer</td>") == 1
    await lia.must("ppt", "/calendar/address", {})
    open_to_all = await lia.http.get((await lia.see("ppt", "/calendar/address"))["path"])
    assert partstat(open_to_all) == [None]
    await lia.must("styrer", f"/meetings/{meeting}/rescheduling", {"starts_at": "2026-10-27T12:00:00+01:00"})
    assert {each["standing"] for each in (await seats(lia, "ppt", meeting)).values()} == {"asked"}
    assert partstat(await lia.get("ppt", "/calendar")) == ["NEEDS-ACTION"]


async def test_who_does_not_answer_and_when(lia: Town) -> None:
    meeting = await lia.ressursteam()
    path = f"/meetings/{meeting}/answers"
    for who in ("curious", "rektor", "bup"):
        assert await lia.refused(who, path, YES) == (404, "not-found")
    assert await lia.refused("coordinator", path, YES) == (403, "no-seat")
    assert await lia.refused("ppt", f"/meetings/mtg_{'b' * 26}/answers", YES) == (404, "not-found")
    wrong = [
        ({"answer": "perhaps"}, "input-invalid"),
        ({**YES, "reason": "ill"}, "answer-unclear"),
        ({**YES, "case": f"cas_{'b' * 26}"}, "answer-unclear"),
        ({**NO, "deputy": {"role": "guardian"}}, "deputy-wrong"),
        ({**NO, "deputy": {"role": "ppt-adviser", "unit": "unit:tinnes-skole"}}, "deputy-wrong"),
        ({**NO, "deputy": {"role": "ppt-adviser", "name": "Kari"}}, "input-invalid"),
    ]
    for body, code in wrong:
        assert await lia.refused("ppt", path, body) == (422, code)
    for claims in ({"lagspill_roles": ["auditor"]}, {"lagspill_roles": ["service-account"], "client_id": "x"}):
        assert (await lia.post("ppt", path, YES, **claims)).status_code == 404
    assert await lia.published("invitation.answered.v1") == []
    extra = await lia.ressursteam(extra=True)
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", {"reason": "not-enough-members"})
    refused = await lia.post("ppt", path, YES)
    assert (refused.status_code, refused.json()["code"], refused.json()["state"]) == (
        409,
        "meeting-state-forbids",
        "cancelled",
    )
    lia.clock.set(BEGINS)
    assert await lia.refused("ppt", f"/meetings/{extra}/answers", YES) == (409, "meeting-has-begun")


@pytest.mark.rule(54, 71, 72)
async def test_who_has_a_duty_to_attend_says_who_comes_instead_or_why_nobody_does(lia: Town) -> None:
    styrer: dict[str, Any] = {**TYNSET, "lagspill_unit": "unit:tynset-barnehage"}
    arenas = (await lia.get("styrer", "/arenas?limit=100", **styrer)).json()["items"]
    [arena] = [
        each["arena"] for each in arenas if each["unit"] == "unit:tynset-barnehage" and each["arena_type"] == "tst"
    ]
    called = await lia.post("styrer", "/meetings", {"arena": arena, "starts_at": START}, **styrer)
    assert called.status_code == 201
    meeting = called.json()["meeting"]
    assert {each["service"]: each["duty"] for each in called.json()["answers"]} == {
        "barnehage": True,
        "barnevern": True,
        "helsestasjon": True,
        "ppt": True,
    }
    [event] = await lia.published("meeting.called.v1")
    assert [each["service"] for each in event["data"]["with_duty"]] == ["barnehage", "barnevern", "helsestasjon", "ppt"]
    path = f"/meetings/{meeting}/answers"
    ppt: dict[str, Any] = {**TYNSET, "lagspill_unit": "unit:ppt-nord-osterdal"}
    refused = await lia.post("ppt", path, NO, **ppt)
    assert (refused.status_code, refused.json()["code"]) == (422, "deputy-or-reason-missing")
    deputy = {"role": "ppt-adviser", "unit": "unit:ppt-nord-osterdal"}
    assert (await lia.post("ppt", path, {**NO, "deputy": deputy}, **ppt)).status_code == 200
    [told] = await lia.published("invitation.answered.v1")
    assert (told["data"]["duty"], told["data"]["deputy"]["role"]) == (True, "ppt-adviser")
    shown = (await lia.get("styrer", f"/meetings/{meeting}", **styrer)).json()["answers"]
    assert [each["deputy"] for each in shown if each["service"] == "ppt"] == [deputy]


@pytest.mark.rule(12, 73)
async def test_the_family_answers_for_its_own_child_and_only_who_may_hear_of_the_child_sees_it(lia: Town) -> None:
    meeting, item, case = await transition(lia)
    answered = await family(lia, "guardian-a", meeting, case)
    assert answered.status_code == 200, answered.text
    assert answered.json() == {
        "meeting": meeting,
        "starts_at": "2026-10-28T11:00:00Z",
        "minutes": 60,
        "seat": None,
        "role": "guardian",
        "answer": "accepted",
    }
    # No number that moves when the other one answers.
    assert "etag" not in answered.headers
    [look] = await lia.access("read")
    assert (look["case"], look["item"], look["actor"]["role"]) == (case, item, "guardian")
    for said in ("declined", "declined", "accepted"):
        await family(lia, "guardian-b", meeting, case, said)
    # As whom the family is invited stands in the item's event, and nobody's name.
    [added] = await lia.published("agenda-item.added.v1")
    assert added["data"]["family"] == ["guardian"]
    events = [each["data"] for each in await lia.published("invitation.answered.v1")]
    assert [(each["role"], each["ordinal"], each["answer"]) for each in events] == [
        ("guardian", 1, "accepted"),
        ("guardian", 2, "declined"),
        ("guardian", 2, "accepted"),
    ]
    assert all(each["item"] == item and "case" not in each and "seat" not in each for each in events)
    both = [{"role": "guardian", "ordinal": ordinal, "answer": "accepted"} for ordinal in (1, 2)]
    for who in ("teacher", "ppt", "rektor"):
        [shown] = (await lia.see(who, f"/meetings/{meeting}/agenda-items"))["items"]
        assert shown["family"] == both
    # The coordinator knows of the meeting, and not whom it is about: the seats are shown, and nothing of a family.
    told = await lia.get("coordinator", f"/meetings/{meeting}")
    assert {each["service"] for each in told.json()["answers"]} == {"barnehage", "ppt", "skole"}
    assert "guardian" not in told.text
    # Who they are is in no row: the actor stands in the journal's own envelopes, as with everything that anybody does.
    me = (await lia.cases.see("guardian-a", "/me"))["actor"]
    kept = await lia.pool.fetch("SELECT v::text AS row FROM family_voices AS v")
    assert len(kept) == 2
    assert not [row for row in kept if me in row["row"]]
    assert me not in str([row["state"] for row in await lia.pool.fetch("SELECT state FROM aggregates")])


@pytest.mark.rule(12, 73, 146)
async def test_the_family_reads_when_and_where_it_is_and_its_own_answer_and_nothing_else(lia: Town) -> None:
    meeting, item, case = await transition(lia)
    shown = await invitation(lia, "guardian-a", meeting, case)
    assert shown.status_code == 200, shown.text
    expected = {
        "meeting": meeting,
        "starts_at": "2026-10-28T11:00:00Z",
        "minutes": 60,
        "status": "called",
        "place": "at-the-unit",
        "where": "Tinnes skole",
        "invited": ["barnehage", "ppt", "skole"],
        "interpreters": [],
        "standing": "asked",
    }
    assert shown.json() == expected
    [look] = await lia.access("read")
    assert (look["case"], look["item"], look["actor"]["role"], look["permitted"]) == (case, item, "guardian", True)
    await family(lia, "guardian-b", meeting, case)
    for who, standing in (("guardian-a", "asked"), ("guardian-b", "accepted")):
        assert (await invitation(lia, who, meeting, case)).json() == {**expected, "standing": standing}
    for who in ("stranger", "child"):
        refused = await invitation(lia, who, meeting, case)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    for who in ("styrer", "coordinator"):
        staff = await lia.get(who, f"/meetings/{meeting}/invitation?case={case}")
        assert (staff.status_code, staff.json()["code"]) == (404, "not-found")
    team = await lia.ressursteam()
    for at, about in ((team, case), (meeting, f"cas_{'b' * 26}")):
        assert (await invitation(lia, "guardian-a", at, about)).status_code == 404
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", {"reason": "other"})
    assert (await invitation(lia, "guardian-a", meeting, case)).json()["status"] == "cancelled"


async def next_meeting(lia: Town, who: str, case: str) -> tuple[object, str]:
    """Return the next meeting that the family's view of the case tells of, and how it says so in words, once all has been read."""
    await lia.carry_back()
    shown = await lia.cases.see(who, f"/cases/{case}/overview?language=en")
    [standing] = [part for part in shown["text"]["sections"] if part["heading"] == "How things stand"]
    said = " ".join(sentence for sentence in standing["sentences"] if "meeting" in sentence)
    return shown["overview"]["next_meeting"], said


@pytest.mark.rule(12, 73, 101)
async def test_the_familys_view_of_the_case_tells_of_the_next_meeting_that_it_is_invited_to(lia: Town) -> None:
    meeting, item, case = await transition(lia)
    expected = {"meeting": meeting, "starts_at": "2026-10-28T11:00:00Z"}
    for who in ("guardian-a", "guardian-b"):
        told = await next_meeting(lia, who, case)
        assert told == (expected, "The next meeting about the child is on 28 October 2026 at 12:00. You are invited.")
    # The ressursteam takes no family in: earlier, and not told here.
    await lia.add("styrer", await lia.ressursteam(), lia.named(case, categories=["language"], purpose="transition"))
    assert (await next_meeting(lia, "guardian-a", case))[0] == expected
    moved = {"starts_at": "2026-11-04T08:30:00+01:00"}
    await lia.must("styrer", f"/meetings/{meeting}/rescheduling", moved)
    assert (await next_meeting(lia, "guardian-a", case))[1].endswith("on 4 November 2026 at 08:30. You are invited.")
    # Taken off, it is none of the family's.
    await lia.must("styrer", f"/meetings/{meeting}/agenda-items/{item}/removal")
    assert await next_meeting(lia, "guardian-a", case) == (None, "")
    again = (await lia.add("styrer", meeting, lia.named(case, purpose="transition")))["item"]
    assert again != item
    assert (await next_meeting(lia, "guardian-a", case))[0] is not None
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", {"reason": "other"})
    assert await next_meeting(lia, "guardian-a", case) == (None, "")
    kept = await lia.cases.pool.fetchval("SELECT count(*) FROM meetings_to_come WHERE meeting = $1", meeting)
    assert kept == 0


@pytest.mark.rule(12)
async def test_nobody_answers_for_anothers_child_nor_where_no_family_is_invited(lia: Town) -> None:
    meeting, _, case = await transition(lia)
    for who in ("stranger", "child"):
        refused = await family(lia, who, meeting, case)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    team = await lia.ressursteam()
    for at, about in ((team, case), (meeting, f"cas_{'b' * 26}"), (f"mtg_{'b' * 26}", case)):
        refused = await family(lia, "guardian-a", at, about)
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    # Without the case nobody can tell whether it is theirs.
    headers = {"authorization": f"Bearer {lia.cases.token('guardian-a')}", "idempotency-key": "no-case"}
    unclear = await lia.http.post(f"/meetings/{meeting}/answers", json=YES, headers=headers)
    assert (unclear.status_code, unclear.json()["code"]) == (422, "answer-unclear")
    assert await lia.published("invitation.answered.v1") == []
    assert await lia.access("read") == []
    # That a stranger tried is in the case's log.
    denied = await lia.cases.access("deny")
    assert case in {each["case"] for each in denied}
    lia.clock.set(datetime(2026, 10, 28, 11, tzinfo=UTC))
    begun = await family(lia, "guardian-a", meeting, case)
    assert (begun.status_code, begun.json()["code"]) == (409, "meeting-has-begun")


async def test_the_family_takes_a_copy_of_what_meetings_have_written_of_its_child(lia: Town) -> None:
    """GDPR art. 15, 20: the words of the agenda and of what was decided are sealed under the child's key, and are its family's too."""
    meeting, item, case = await transition(lia)
    await lia.add("teacher", meeting, {"kind": "general", "mode": "no-child", "text": "Hvordan går overgangene i år?"})

    async def copy(who: str, about: str = case, **claims: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {lia.cases.token(who, **claims)}"}
        return await lia.http.get(f"/cases/{about}/copy", headers=headers)

    await lia.must("styrer", f"/meetings/{meeting}/agenda-items/{item}/removal", {})
    again = (await lia.add("teacher", meeting, lia.named(case, purpose="transition")))["item"]
    taken = await copy("guardian-a")
    assert taken.status_code == 200, taken.text
    whole = taken.json()
    assert (whole["case"], whole["left_out"]) == (case, [])
    assert {(one["item"], one["status"]) for one in whole["items"]} == {(item, "removed"), (again, "accepted")}
    assert {one["text"] for one in whole["items"]} == {"Språk og lek: hva ser dere?"}
    assert {(one["meeting"], one["starts_at"], one["outcome"]) for one in whole["items"]} == {
        (meeting, "2026-10-28T11:00:00Z", None)
    }
    [export] = await lia.access("export")
    assert (export["case"], export["actor"]["role"], export["permitted"]) == (case, "guardian", True)
    assert sorted(export["categories"]) == ["development", "language"]
    lia.cases.clock.set(datetime(2026, 10, 28, 13, 0, tzinfo=UTC))
    held = {
        "started_at": TRANSITION,
        "ended_at": "2026-10-28T13:00:00+01:00",
        "chair": "leader",
        "guardians_present": 2,
        "attendance": [
            {"service": service, "role": role, "present": True}
            for service, role in (("barnehage", "leader"), ("skole", "contact-teacher"), ("ppt", "ppt-adviser"))
        ],
        "discussed": [{"item": again, "child": "represented"}],
    }
    await lia.must("styrer", f"/meetings/{meeting}/holding", held)
    await lia.must(
        "teacher", f"/meetings/{meeting}/outcomes", {"item": again, "decision": "follow-up", "text": "Besøksdag i mai."}
    )
    [discussed] = [one for one in (await copy("guardian-b")).json()["items"] if one["item"] == again]
    assert (discussed["decision"], discussed["outcome"]) == ("follow-up", "Besøksdag i mai.")
    assert (discussed["guardians_present"], discussed["child"]) == (2, "represented")
    # Of what stands on no agenda there is nothing; and nobody else is told more than that there is nothing here.
    bare = await lia.cases.opened()
    assert (await copy("guardian-a", bare)).json()["items"] == []
    for refused in (await copy("stranger"), await copy("child"), await copy("guardian-a", f"cas_{'b' * 26}")):
        assert (refused.status_code, refused.json()["code"]) == (404, "not-found")
    at_work = await lia.get("teacher", f"/cases/{case}/copy")
    assert (at_work.status_code, at_work.json()["code"]) == (404, "not-found")
    assert len(await lia.access("export")) == 3
