"""Guardians by their dates over HTTP, corrections, and every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from services.cases.handlers import guardians as handlers
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People, Person
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import NO_UNIT, World, cases_world

pytestmark = pytest.mark.connected

STRANGER: Final = People(99).guardian()
"""Who the world's `stranger` is."""
FIELDS: Final = {"play-and-friends": "x", "language-and-speech": "x"}


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people; it is 7 September 2026."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def guardian(person: Person = STRANGER, **changes: Any) -> dict[str, Any]:
    """Return somebody with parental responsibility as it is sent."""
    return {
        "name": person.name,
        "national_number": person.national_number,
        "ground": "court-decision",
        "since": "2026-09-08",
        "note": "Dom fra Hemmelig tingrett.",
        **changes,
    }


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


async def command(world: World, who: str, case: str, path: str, body: dict[str, Any]) -> httpx.Response:
    """Do something that names the case's present version."""
    version = await world.version("teacher", case)
    return await world.post(who, f"/cases/{case}{path}", body, if_match=version)


@pytest.mark.rule(4)
async def test_responsibility_counts_from_its_first_day_and_until_its_last(world: World) -> None:
    """Tomorrow's guardian sees nothing today; yesterday's nothing any more; how many must grant follows."""
    case = await world.opened()
    added = await command(world, "teacher", case, "/guardians", guardian())
    assert (added.status_code, added.json()["ordinal"], added.json()["guardians"]) == (201, 3, 2), added.text
    last_day = {"ground": "agreement", "last_day": "2026-09-07", "note": "Avtale."}
    ended = await command(world, "teacher", case, "/guardians/1/ending", last_day)
    assert (ended.status_code, ended.json()["guardians"]) == (201, 2)
    assert (await world.get("stranger", f"/cases/{case}")).status_code == 404
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 200
    assert (await world.see("stranger", "/cases"))["items"] == []
    await world.move_to(datetime(2026, 9, 7, 21, 59, 59, tzinfo=UTC))
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 200
    await world.move_to(datetime(2026, 9, 7, 22, 0, 0, tzinfo=UTC))
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 404
    assert (await world.see("guardian-a", "/cases"))["items"] == []
    assert (await world.see("stranger", f"/cases/{case}"))["relations"] == ["guardian"]
    changed = [event["data"] for event in await world.published("case.guardians-changed.v1")]
    assert [(one["guardians"], one["ordinals"]) for one in changed][-1] == (2, [2, 3])
    consent = await world.requested(case)
    asked = (await world.published("consent.requested.v1"))[-1]["data"]
    assert asked["needed"] == {"guardian": 2}
    oral = {"ordinal": 1, "evidence": "oral-minuted", "note": "Sa ja."}
    assert code(await world.post("teacher", f"/consents/{consent}/grants", oral)) == (409, "not-a-grantor")
    await world.must("stranger", f"/consents/{consent}/grants")
    granted = await world.must("guardian-b", f"/consents/{consent}/grants")
    assert granted["status"] == "active"
    # Their numbers are not one after the other any more.
    spoken = {"person": "guardian", "language": "ti", "interpreter": "spoken", "written_material": False}
    await world.must("stranger", f"/cases/{case}/language-needs", {**spoken, "ordinal": 3})
    gone = await world.post("teacher", f"/cases/{case}/language-needs", {**spoken, "ordinal": 1})
    assert code(gone) == (409, "not-a-grantor")
    contacts = await world.see("notify", f"/cases/{case}/contacts")
    assert [one["ordinal"] for one in contacts["contacts"]] == [2, 3]
    listed = await world.see("teacher", f"/cases/{case}/guardians")
    assert [(one["ordinal"], one["until"], one["responsible"]) for one in listed["items"]] == [
        (1, "2026-09-07", False),
        (2, None, True),
        (3, None, True),
    ]
    # The same person again is the same guardian.
    again = guardian(world.guardian_a, since="2026-09-08")
    back = await command(world, "teacher", case, "/guardians", again)
    assert (back.status_code, back.json()["ordinal"], back.json()["guardians"]) == (201, 1, 3)
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 200


@pytest.mark.rule(146)
async def test_who_has_no_parental_responsibility_any_more_is_spoken_with_by_nobody(world: World) -> None:
    """An interpreter is planned for who is met; what a guardian needs is known again with the responsibility."""
    case = await world.opened()
    path = f"/cases/{case}/language-needs"
    spoken = {"person": "guardian", "ordinal": 1, "language": "ti", "interpreter": "spoken"}
    await world.must("teacher", path, spoken)
    await world.must("teacher", path, {"person": "child", "ordinal": 1, "language": "nb", "interpreter": "none"})

    async def planned() -> tuple[bool, list[str]]:
        around = (await world.see("teacher", f"/cases/{case}"))["around"]
        needs = (await world.see("notify", path))["needs"]
        assert (await world.see("teacher", path))["needs"] == needs
        return around["interpreter"], sorted(one["person"] for one in needs)

    assert await planned() == (True, ["child", "guardian"])
    last_day = {"ground": "court-decision", "last_day": "2026-09-07", "note": "Dom."}
    assert (await command(world, "teacher", case, "/guardians/1/ending", last_day)).status_code == 201
    assert await planned() == (True, ["child", "guardian"])
    await world.move_to(datetime(2026, 9, 7, 22, 0, 0, tzinfo=UTC))
    assert await planned() == (False, ["child"])
    again = guardian(world.guardian_a, since="2026-09-08")
    assert (await command(world, "teacher", case, "/guardians", again)).status_code == 201
    assert await planned() == (True, ["child", "guardian"])


@pytest.mark.rule(4, 107)
@pytest.mark.parametrize("protected", [False, True], ids=["ordinary", "protected"])
async def test_who_works_in_another_unit_now_says_of_nobody_that_they_are_of_the_family(
    world: World, *, protected: bool
) -> None:
    """Whoever is recorded as a guardian is shown the whole case: that is no longer theirs to open."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=protected))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    case, moved = str(receipt["case"]), {"lagspill_unit": "unit:haugen-barnehage"}
    before = await world.types()
    last_day = {"ground": "court-decision", "last_day": "2026-09-07", "note": "Dom."}
    for path, body in (
        ("/guardians", guardian(since="2026-09-07")),
        ("/guardians/1/ending", last_day),
        ("/guardians/1/corrections", {"email": "another@guardian.example"}),
        ("/child/corrections", {"name": "Et Annet Navn"}),
    ):
        version = await world.version("teacher", case)
        refused = await world.post("teacher", f"/cases/{case}{path}", body, claims=moved, if_match=version)
        assert code(refused) == (403, "not-permitted"), path
        assert (await world.access("deny"))[-1]["reason"] == "works-elsewhere"
    assert await world.types() == before
    assert (await world.get("stranger", f"/cases/{case}")).status_code == 404
    known = (await world.see("teacher", f"/cases/{case}/guardians"))["items"]
    assert [(one["ordinal"], one["until"], one["email"]) for one in known] == [
        (1, None, world.guardian_a.email),
        (2, None, world.guardian_b.email),
    ]
    assert (await command(world, "teacher", case, "/guardians", guardian(since="2026-09-07"))).status_code == 201


async def test_two_who_write_about_guardians_at_once_lose_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A correction moves no version: whatever is kept after it was read keeps it."""
    case = await world.opened()
    version = await world.version("teacher", case)
    read = handlers._family
    between = iter(("+47 40 00 00 01", "+47 40 00 00 02", "+47 40 00 00 03"))

    async def read_and_wait(*arguments: Any) -> Any:
        there = await read(*arguments)
        if (phone := next(between, None)) is not None:
            monkeypatch.setattr(handlers, "_family", read)
            other = await world.post(
                "teacher", f"/cases/{case}/guardians/1/corrections", {"phone": phone}, if_match=version
            )
            assert other.status_code == 201
        return there

    last_day = {"ground": "agreement", "last_day": "2026-09-30", "note": "Avtale."}
    for path, body in (
        ("/guardians/2/corrections", {"language": "en"}),
        ("/guardians", guardian()),
        ("/guardians/1/ending", last_day),
    ):
        monkeypatch.setattr(handlers, "_family", read_and_wait)
        version = await world.version("teacher", case)
        made = await world.post("teacher", f"/cases/{case}{path}", body, if_match=version)
        assert made.status_code == 201, made.text
    monkeypatch.undo()
    first, second, third = (await world.see("teacher", f"/cases/{case}/guardians"))["items"]
    assert (first["phone"], first["until"]) == ("+47 40 00 00 03", "2026-09-30")
    assert (second["language"], third["since"]) == ("en", "2026-09-08")


async def test_who_loses_parental_responsibility_after_the_case_was_closed_sees_it_no_more(world: World) -> None:
    """The closed case is still the guardians' to see: of whoever had it last they are kept in order."""
    case = await world.opened()
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 200
    known = (await world.see("teacher", f"/cases/{case}/guardians"))["items"]
    assert [one["ordinal"] for one in known] == [1, 2]
    last_day = {"ground": "agreement", "last_day": "2026-09-06", "note": "Avtale."}
    ended = await command(world, "teacher", case, "/guardians/1/ending", last_day)
    assert (ended.status_code, ended.json()["guardians"]) == (201, 1), ended.text
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 404
    added = await command(world, "teacher", case, "/guardians", guardian(since="2026-09-07"))
    assert (added.status_code, added.json()["guardians"]) == (201, 2)
    assert (await world.see("stranger", f"/cases/{case}"))["relations"] == ["guardian"]
    order = {"in_force": True, "note": "Vedtak."}
    assert code(await world.post("teacher", f"/cases/{case}/care-orders", order)) == (409, "case-not-open")
    for who, refused in (("colleague", 404), ("styrer", 403), ("guardian-b", 403)):
        assert (await command(world, who, case, "/guardians/2/ending", last_day)).status_code == refused
        assert (await world.get(who, f"/cases/{case}/guardians")).status_code == refused


async def test_whom_a_concern_is_about_is_corrected_before_it_is_lifted(world: World) -> None:
    """A wrong number is somebody else: who may consent, who is told and whose protection counts follow from it at once."""
    receipt = await world.must("teacher", "/concerns", world.concern())
    case, right = receipt["case"], People(56).child(age=9)
    done = await command(world, "teacher", case, "/child/corrections", {"national_number": right.national_number})
    assert done.status_code == 201, done.text
    assert (await world.see("teacher", f"/cases/{case}/child"))["identity"]["born"] == right.born.isoformat()
    await command(world, "teacher", case, "/guardians", guardian(since="2026-09-07"))
    assert (await world.get("stranger", f"/cases/{case}")).status_code == 404, "nobody has spoken with them yet"
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    assert (await world.see("stranger", f"/cases/{case}"))["relations"] == ["guardian"]
    # What was solved on the spot is nobody's to see, and nothing in it is kept in order.
    other = await world.must(
        "teacher",
        "/concerns",
        world.concern(child={"name": "x", "national_number": People(57).child(age=6).national_number}),
    )
    solved = {"outcome": "resolved-locally", "local_outcome": "adapted-everyday"}
    await world.must("teacher", f"/concerns/{other['concern']}/resolution", solved)
    assert code(await world.get("teacher", f"/cases/{other['case']}/guardians")) == (409, "case-not-open")


@pytest.mark.rule(14)
async def test_a_form_must_be_approved_anew_when_somebody_else_has_the_say(world: World) -> None:
    case = await world.opened()
    body = {"form_type": "barnehage-to-school", "school_start": 2027, "fields": FIELDS}
    form = (await world.must("teacher", f"/cases/{case}/transition-forms", body))["form"]
    for who in ("guardian-a", "guardian-b"):
        await world.must(who, f"/transition-forms/{form}/approvals", {"version": 1})
    await command(world, "teacher", case, "/guardians", guardian(since="2026-09-07"))
    shown = await world.see("teacher", f"/transition-forms/{form}")
    assert (shown["status"], shown["approvals_missing"]) == ("drafted", 3)


@pytest.mark.parametrize(
    ("who", "path", "body", "refused"),
    [
        ("curious", "/guardians", guardian(), (404, "not-found")),
        ("styrer", "/guardians", guardian(), (403, "not-permitted")),
        ("guardian-a", "/guardians", guardian(), (403, "not-permitted")),
        ("teacher", "/guardians", guardian(national_number="12345678901"), (422, "national-number-invalid")),
        ("teacher", "/guardians", guardian(ground="death"), (422, "guardian-ground")),
        ("teacher", "/guardians", guardian(ground="whim"), (422, "input-invalid")),
        ("teacher", "/guardians", guardian(note=" "), (422, "input-invalid")),
        (
            "teacher",
            "/guardians/7/ending",
            {"ground": "death", "last_day": "2026-09-07", "note": "x"},
            (404, "not-found"),
        ),
        ("teacher", "/guardians/9/corrections", {"phone": "40000000"}, (404, "not-found")),
        ("nurse", "/child/corrections", {"name": "x"}, (404, "not-found")),
        ("styrer", "/child/corrections", {"name": "x"}, (403, "not-permitted")),
        ("teacher", "/child/corrections", {}, (422, "input-invalid")),
    ],
)
async def test_refusals_change_nothing(
    world: World, who: str, path: str, body: dict[str, Any], refused: tuple[int, str]
) -> None:
    case = await world.opened()
    before = await world.types()
    assert code(await command(world, who, case, path, body)) == refused
    assert await world.types() == before
    assert await world.pool.fetchval("SELECT count(*) FROM kin WHERE case_ref = $1", case) == 3


async def test_refusals_that_depend_on_who_is_known(world: World) -> None:
    case = await world.opened()
    for person, refused in ((world.guardian_a, (409, "guardian-known")), (world.child, (422, "same-person-twice"))):
        assert code(await command(world, "teacher", case, "/guardians", guardian(person))) == refused
    taken = {"national_number": world.guardian_b.national_number}
    assert code(await command(world, "teacher", case, "/child/corrections", taken)) == (422, "same-person-twice")
    await command(world, "teacher", case, "/guardians", guardian(since="2026-09-20"))
    early = {"ground": "agreement", "last_day": "2026-09-10", "note": "x"}
    assert code(await command(world, "teacher", case, "/guardians/3/ending", early)) == (422, "guardian-dates")
    stale = await world.post("teacher", f"/cases/{case}/guardians", guardian(People(5).guardian()), if_match='"v1"')
    assert code(stale) == (412, "version-stale")
    missing = await world.post("teacher", f"/cases/{case}/guardians", guardian(People(5).guardian()))
    assert code(missing) == (428, "if-match-missing")


async def test_corrections_reach_everything_that_finds_or_recognises_the_child(world: World) -> None:
    case = await world.opened()
    right = People(55).child(age=12)
    assert right.national_number != world.child.national_number
    done = await command(
        world,
        "teacher",
        case,
        "/child/corrections",
        {"name": "Riktig Navnesen", "national_number": right.national_number},
    )
    assert done.status_code == 201, done.text
    [event] = await world.published("case.identity-corrected.v1")
    assert "Navnesen" not in str(event)
    assert set(event["data"]["parts"]) >= {"name", "national-number"}
    dossier = await world.see("teacher", f"/cases/{case}/child")
    assert (dossier["identity"]["name"], dossier["identity"]["born"]) == ("Riktig Navnesen", right.born.isoformat())
    for body, found in (
        ({"name": "riktig navn"}, 1),
        ({"national_number": right.national_number}, 1),
        ({"name": world.child.name}, 0),
        ({"national_number": world.child.national_number}, 0),
    ):
        headers = {"authorization": f"Bearer {world.token('teacher')}"}
        answer = await world.http.post("/search", json=body, headers=headers)
        assert len(answer.json()["items"]) == found, body
    claims = {"lagspill_roles": ["child"], **NO_UNIT, "pid": right.national_number}
    token = world.issuer.token({"sub": "child", **claims})
    seen = await world.http.get(f"/cases/{case}", headers={"authorization": f"Bearer {token}"})
    assert seen.json()["relations"] == ["child"]
    assert (await world.get("child", f"/cases/{case}")).status_code == 404
    changed = await command(world, "teacher", case, "/guardians/2/corrections", {"email": "ny@example.no"})
    assert changed.status_code == 201
    [written] = await world.access("write")
    assert (written["categories"], written["case"]) == (["contact"], case)
    contacts = await world.see("notify", f"/cases/{case}/contacts")
    assert contacts["contacts"][1]["email"] == "ny@example.no"
