"""A seat is taken in the role that the profile names: seen, answered and counted over HTTP (seed rules 15-18, 71, 72, 183)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

import pytest

from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People, Person
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town

STARTS: Final = "2026-10-14T12:00:00+02:00"
ENDS: Final = "2026-10-14T14:00:00+02:00"
NO: Final = {"answer": "declined", "deputy": {"role": "teacher"}}


@pytest.fixture
async def sem(migrated: Migrated, issuer: LocalIssuer) -> AsyncIterator[Town]:
    async with town(migrated, issuer, SimulatedClock(datetime.fromisoformat("2026-09-21T08:00:00+02:00"))) as made:
        yield made


async def rektormote(sem: Town) -> str:
    """Call Tønsberg's meeting of the schools' leaders; return it."""
    arenas = (await sem.see("tonsberg-coordinator", "/arenas?limit=200"))["items"]
    [arena] = [each["arena"] for each in arenas if each["arena_type"] == "rektormote"]
    meeting = await sem.must("tonsberg-director", "/meetings", {"arena": arena, "starts_at": STARTS})
    return str(meeting["meeting"])


def held(*came: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Return how it was held, as it is sent."""
    director = {"service": "ledelse", "role": "leader", "present": True}
    return {
        "started_at": STARTS,
        "ended_at": ENDS,
        "chair": "leader",
        "attendance": [director, *({"service": "skole", "present": True, **each} for each in came)],
        **changes,
    }


@pytest.mark.rule(183)
async def test_a_teacher_knows_nothing_of_the_meeting_of_the_schools_leaders(sem: Town) -> None:
    meeting = await rektormote(sem)
    path = f"/meetings/{meeting}"
    shown = await sem.see("sem-rektor", path)
    assert (shown["status"], shown["place"], shown["minutes"]) == ("called", "municipality", 120)
    assert [each["standing"] for each in (await sem.see("sem-rektor", "/meetings"))["items"]] == ["asked"]
    assert b"BEGIN:VEVENT" in (await sem.get("sem-rektor", "/calendar")).content
    for part in ("", "/agenda-items", "/minutes"):
        assert (await sem.get("sem-teacher", f"{path}{part}")).status_code == 404
    assert await sem.refused("sem-teacher", f"{path}/answers", {"answer": "accepted"}) == (404, "not-found")
    assert await sem.refused("sem-teacher", f"{path}/holding", held()) == (404, "not-found")
    assert (await sem.see("sem-teacher", "/meetings"))["items"] == []
    assert b"BEGIN:VEVENT" not in (await sem.get("sem-teacher", "/calendar")).content
    arena = (await sem.see("sem-rektor", path))["arena"]
    assert (await sem.get("sem-teacher", f"/arenas/{arena}/calendar")).status_code == 403
    # Nor at an address that was made in the teacher's name.
    await sem.must("sem-teacher", "/calendar/address", {"language": "nb"})
    address = (await sem.see("sem-teacher", "/calendar/address"))["path"]
    assert b"BEGIN:VEVENT" not in (await sem.http.get(address)).content
    await sem.must("sem-rektor", "/calendar/address", {"language": "nb"})
    address = (await sem.see("sem-rektor", "/calendar/address"))["path"]
    assert b"BEGIN:VEVENT" in (await sem.http.get(address)).content
    # One school's leader does not call it off for them all.
    assert await sem.refused("sem-rektor", f"{path}/cancellation", {"reason": "other"}) == (403, "may-not-call")


@pytest.mark.rule(54, 71, 72, 183)
async def test_the_deputy_whom_the_leader_sends_is_let_in_and_counted(sem: Town) -> None:
    meeting = await rektormote(sem)
    path = f"/meetings/{meeting}"
    await sem.must("sem-rektor", f"{path}/answers", NO)
    assert (await sem.see("sem-teacher", path))["status"] == "called"
    [listed] = (await sem.see("sem-teacher", "/meetings"))["items"]
    assert (listed["meeting"], listed["standing"]) == (meeting, None)
    assert b"BEGIN:VEVENT" in (await sem.get("sem-teacher", "/calendar")).content
    assert await sem.refused("sem-teacher", f"{path}/answers", {"answer": "accepted"}) == (403, "no-seat")
    sem.clock.set(datetime.fromisoformat(ENDS))
    for wrong in ({"role": "contact-teacher"}, {"role": "contact-teacher", "unit": "unit:sem-skole"}):
        assert await sem.refused("tonsberg-director", f"{path}/holding", held(wrong)) == (422, "seat-role-wrong")
    unit = {"role": "leader", "unit": "unit:sem-skole"}
    twice = held(unit, {**unit, "present": False})
    assert await sem.refused("tonsberg-director", f"{path}/holding", twice) == (422, "seat-twice")
    deputy = {"role": "contact-teacher", "unit": "unit:sem-skole", "deputy": True}
    await sem.must("tonsberg-director", f"{path}/holding", held(deputy))
    [event] = await sem.published("meeting.held.v1")
    [school] = [each for each in event["data"]["attendance"] if each["service"] == "skole"]
    assert (school["role"], school["unit"], school["deputy"]) == ("contact-teacher", "unit:sem-skole", True)


@pytest.mark.rule(16)
async def test_who_leads_the_school_calls_the_contact_teachers_together_and_knows_of_it(sem: Town) -> None:
    sem.clock.set(datetime.fromisoformat("2027-01-11T08:00:00+01:00"))
    arena = await sem.arena("overgang-skole-skole-kontaktlaerer")
    body = {"arena": arena, "starts_at": "2027-03-02T12:00:00+01:00", "units": ["unit:tinnes-skole"]}
    meeting = (await sem.must("rektor", "/meetings", body))["meeting"]
    assert [each["standing"] for each in (await sem.see("rektor", "/meetings"))["items"]] == ["asked"]
    contact = {"lagspill_roles": ["contact-teacher"]}
    assert (await sem.get("rektor", f"/meetings/{meeting}", **contact)).status_code == 200
    other = {"lagspill_roles": ["teacher"]}
    assert (await sem.get("rektor", f"/meetings/{meeting}", **other)).status_code == 404
    answered = await sem.must("rektor", f"/meetings/{meeting}/answers", {"answer": "accepted"})
    assert answered["seat"] == {"service": "skole", "unit": "unit:tinnes-skole"}


@pytest.mark.rule(15)
async def test_the_special_education_coordinator_comes_for_the_school_that_receives(sem: Town) -> None:
    """A function beside the role, as the token says it: seen, answered, read at an address, and counted as what it is."""
    tinnes, receiving = "unit:tinnes-skole", "unit:notodden-ungdomsskole"
    ask: dict[str, Any] = {"arena": await sem.arena("overgang-skole-skole-koordinator"), "units": [tinnes, receiving]}
    meeting = str((await sem.must("coordinator", "/meetings", {**ask, "starts_at": STARTS}))["meeting"])
    path = f"/meetings/{meeting}"

    def claims(unit: str, *roles: str) -> dict[str, Any]:
        return {"lagspill_roles": list(roles), "lagspill_service": "skole", "lagspill_unit": unit}

    coordinator = claims(receiving, "teacher", "special-education-coordinator")
    teacher = claims(tinnes, "contact-teacher")
    for who, said, status in (
        ("coordinator-there", coordinator, 200),
        ("teacher-here", teacher, 200),
        ("coordinator-here", claims(tinnes, "teacher", "special-education-coordinator"), 404),
        ("teacher-there", claims(receiving, "teacher"), 404),
    ):
        assert (await sem.get("rektor", path, sub=who, **said)).status_code == status, who
        assert (
            await sem.post("rektor", f"{path}/answers", {"answer": "accepted"}, sub=who, **said)
        ).status_code == status
    await sem.post("rektor", "/calendar/address", {"language": "nb"}, sub="coordinator-there", **coordinator)
    address = (await sem.get("rektor", "/calendar/address", sub="coordinator-there", **coordinator)).json()["path"]
    assert b"BEGIN:VEVENT" in (await sem.http.get(address)).content
    sem.clock.set(datetime.fromisoformat("2026-10-14T15:00:00+02:00"))
    seats = [
        {"service": "skole", "unit": tinnes, "role": "contact-teacher", "present": True},
        {"service": "skole", "unit": receiving, "role": "teacher", "present": True},
    ]
    body = {
        "started_at": STARTS,
        "ended_at": "2026-10-14T13:00:00+02:00",
        "chair": "contact-teacher",
        "attendance": seats,
    }
    refused = await sem.post("coordinator", f"{path}/holding", body)
    assert (refused.status_code, refused.json()["code"]) == (422, "seat-role-wrong")
    assert refused.json()["role"] == "special-education-coordinator"
    seats[1]["function"] = "special-education-coordinator"
    await sem.must("coordinator", f"{path}/holding", body)
    [event] = await sem.published("meeting.held.v1")
    assert [(each["role"], each.get("function")) for each in event["data"]["attendance"]] == [
        ("contact-teacher", None),
        ("teacher", "special-education-coordinator"),
    ]


async def pupil_of_tinnes(sem: Town, child: Person) -> str:
    """Let Tinnes skole lift a concern for a pupil; return the case."""
    who, cases = "contact-teacher", sem.cases
    named = {"name": child.name, "national_number": child.national_number}
    receipt = await cases.must(who, "/concerns", cases.concern(child=named))
    await cases.must(who, f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    return str(receipt["case"])


async def consented_by_tinnes(sem: Town, case: str, *services: str) -> str:
    """Hear the pupil, and let the guardians consent to a transition that these services hear of; return the consent."""
    view = {"method": "conversation", "before": "consent", "text": "Gruer seg til ny skole."}
    await sem.cases.must("contact-teacher", f"/cases/{case}/child-views", view)
    scope = {"categories": ["development", "language"], "purposes": ["transition"], "valid_to": "2027-07-31"}
    asked = await sem.cases.must("contact-teacher", f"/cases/{case}/consents", {"services": services, **scope})
    for guardian in ("guardian-a", "guardian-b"):
        await sem.cases.must(guardian, f"/consents/{asked['consent']}/grants")
    await sem.carry()
    return str(asked["consent"])


@pytest.mark.rule(16, 17, 18)
async def test_each_pupil_of_the_list_goes_to_the_receiving_school_on_a_basis_of_its_own(sem: Town) -> None:
    """The parents are not there: what is said of a pupil rests on a consent that the receiving school is inside of."""
    tinnes, receiving = "unit:tinnes-skole", "unit:notodden-ungdomsskole"
    people = People(18)
    first, second = [await pupil_of_tinnes(sem, people.child(age=12)) for _ in range(2)]
    await sem.carry()
    sem.clock.set(datetime.fromisoformat("2027-01-11T08:00:00+01:00"))
    await sem.fresh()
    arena = await sem.arena("overgang-skole-skole-kontaktlaerer")
    body = {"arena": arena, "starts_at": "2027-03-02T12:00:00+01:00", "units": [tinnes, receiving]}
    meeting = str((await sem.must("rektor", "/meetings", body))["meeting"])
    path = f"/meetings/{meeting}/agenda-items"

    def claims(who: str, unit: str, *, organisation: str, role: str = "contact-teacher") -> dict[str, Any]:
        works = {"lagspill_service": "skole", "lagspill_unit": unit, "orgno": organisation}
        return {"sub": who, "lagspill_roles": [role], **works}

    here = claims("contact-teacher", tinnes, organisation="310001023")
    there = claims("receiving", receiving, organisation="310001099")

    async def brought(case: str) -> dict[str, Any]:
        response = await sem.post("rektor", path, sem.named(case, purpose="transition"), **here)
        answered: dict[str, Any] = response.json()
        return answered

    # Without a basis, and with one that the school which receives is not inside of: refused, and it says what is missing.
    for services in ((), ("ppt",)):
        if services:
            await consented_by_tinnes(sem, first, *services)
        refused = await brought(first)
        assert (refused["status"], refused["code"]) == (409, "consent-missing"), services
        assert [each["service"] for each in refused["missing"]] == ["skole"]
    assert await sem.access("disclose") == []
    # With one it is taken: that pupil, and no other of the list.
    consent = await consented_by_tinnes(sem, first, "skole")
    item = (await brought(first))["item"]
    assert (await brought(second))["code"] == "consent-missing"
    theme = {"kind": "general", "mode": "no-child", "text": "Læringsmiljøet på trinnet."}
    assert (await sem.post("rektor", path, theme, **here)).status_code == 201
    # Whoever receives is shown it, which is an exchange and recorded with what it rests on; another teacher there knows of nothing.
    assert (await sem.get("rektor", f"{path}/{item}", **there)).json()["case"] == first
    other = claims("other", receiving, organisation="310001099", role="teacher")
    assert (await sem.get("rektor", f"{path}/{item}", **other)).status_code == 404
    [shown] = await sem.access("disclose")
    assert (shown["case"], shown["consent"], shown["consent_version"]) == (first, consent, 1)
    assert shown["basis"]["code"] == "consent"
    [recipient] = shown["recipients"]
    assert (recipient["service"], recipient["role"], recipient["organisation"]) == (
        "skole",
        "contact-teacher",
        "310001099",
    )
    # So is what was said of it when they met.
    sem.clock.set(datetime.fromisoformat("2027-03-02T14:00:00+01:00"))
    await sem.fresh()
    seats = [
        {"service": "skole", "unit": unit, "role": "contact-teacher", "present": True} for unit in (tinnes, receiving)
    ]
    met = {
        "started_at": "2027-03-02T12:00:00+01:00",
        "ended_at": "2027-03-02T13:30:00+01:00",
        "chair": "contact-teacher",
    }
    held = {**met, "attendance": seats, "discussed": [{"item": item}]}
    response = await sem.post("rektor", f"/meetings/{meeting}/holding", held, **here)
    assert response.status_code == 200, response.text
    told = (await sem.access("disclose"))[-1]
    assert (told["case"], told["consent"], told["basis"], told["purpose"]) == (
        first,
        consent,
        shown["basis"],
        "transition",
    )
    assert [each["service"] for each in told["recipients"]] == ["skole"]
    assert {each["case"] for each in await sem.access("disclose")} == {first}
