"""The end of a case over HTTP and through time: of age, kept as long as its class says, erased with its key."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.cases.domain.ending import of_age_at, told_at
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People, Person
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import NO_UNIT, World, cases_world
from tests.e2e.test_cases_reports_http import REPORT
from tests.unit.pdf_as_read import Pdf

pytestmark = pytest.mark.connected


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


async def closed(world: World) -> str:
    case = await world.opened()
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    return case


async def young(world: World) -> tuple[str, Person, date]:
    """Open the case of somebody who is soon of age; return it, the child and its birth date."""
    child = People(31).child(age=17)
    named = {"name": child.name, "national_number": child.national_number}
    receipt = await world.must("teacher", "/concerns", world.concern(child=named))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    return str(receipt["case"]), child, child.born


@pytest.mark.rule(24)
async def test_of_age_the_guardians_are_out_and_the_child_decides(world: World) -> None:
    case, child, born = await young(world)
    grown: dict[str, Any] = {"lagspill_roles": ["child"], **NO_UNIT, "pid": child.national_number, "sub": "grown"}
    # What is missing is said to be whose it is at that age (seed rule 106).
    alone = await world.post("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    assert (code(alone), alone.json()["grantors"]) == ((409, "consent-missing"), {"child": 1, "guardian": 2})
    before = told_at(born)
    if before > world.clock.now():
        await world.move_to(before - timedelta(seconds=1))
        assert "case.adulthood-approaching" not in await world.types()
        await world.move_to(before)
        assert "case.adulthood-approaching" in await world.types()
    day = of_age_at(born)
    # No case ends because of an age that the child does not have; the refusal changes nothing.
    await world.move_to(day - timedelta(hours=1))
    version = await world.version("teacher", case)
    early = await world.post("teacher", f"/cases/{case}/closure", {"outcome": "adult"}, if_match=version)
    assert (code(early), await world.version("teacher", case)) == ((409, "child-not-of-age"), version)
    asked = {"services": ["ppt"], "categories": ["language"], "purposes": ["assessment"]}
    asked["valid_to"] = str(day.date() + timedelta(days=60))  # type: ignore[assignment]
    question = f"/cases/{case}/sharing?service=ppt&category=language&purpose=assessment"
    await world.move_to(day - timedelta(seconds=1))
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 200
    assert code(await world.post("teacher", f"/cases/{case}/consents", asked)) == (409, "child-view-missing")
    [step] = [one for one in (await world.see("teacher", question))["steps"] if one["kind"] == "request"]
    assert step["hear_child"]
    await world.move_to(day)
    alone = await world.post("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    assert (code(alone), alone.json()["grantors"]) == ((409, "consent-missing"), {"child": 1})
    # A group around the child (ansvarsgruppe) is for children from 0 to 18 years.
    group = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    assert code(await world.post("teacher", f"/cases/{case}/coordinator", group)) == (409, "child-of-age")
    # Who is of age gives the consent, and says by that what they think: nobody hears them before it (seed rules 4, 99).
    [step] = [one for one in (await world.see("teacher", question))["steps"] if one["kind"] == "request"]
    assert (step["from_whom"], step["hear_child"]) == ({"child": 1}, False)
    consent = (await world.must("teacher", f"/cases/{case}/consents", asked))["consent"]
    granted = await world.post("child", f"/consents/{consent}/grants", claims=grown)
    assert (granted.status_code, granted.json()["status"]) == (201, "active")
    later = {"valid_to": str(day.date() + timedelta(days=90))}
    await world.must("teacher", f"/consents/{consent}/renewals", later)
    assert code(await world.get("guardian-a", f"/cases/{case}")) == (404, "not-found")
    seen = await world.get("child", f"/cases/{case}", **grown)
    assert (seen.status_code, seen.json()["relations"]) == (200, ["child"])
    [reached] = await world.published("adulthood-reached.v1")
    assert "born" not in str(reached["data"])
    assert str(born) not in str(await world.published())
    view = await world.see("teacher", f"/cases/{case}")
    assert view["stage"] == "open"
    await world.move_to(datetime.fromisoformat(reached["data"]["end_by"]))
    assert (await world.types()).count("case.adulthood-overdue") == 1
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "adult"}, if_match=version)


@pytest.mark.rule(4, 33, 34, 35, 106)
async def test_of_age_one_chooses_whom_to_turn_to_and_sees_what_becomes_of_the_own_case(world: World) -> None:
    """What the guardians could do and see until then is nobody's otherwise: they have no part any more."""
    case, child, born = await young(world)
    grown: dict[str, Any] = {"lagspill_roles": ["child"], **NO_UNIT, "pid": child.national_number, "sub": "grown"}
    consent = await world.requested(case, services=("ppt", "skole"), purposes=("assessment", "transition"))
    for who, claims in (("guardian-a", {}), ("guardian-b", {}), ("child", grown)):
        granted = await world.post(who, f"/consents/{consent}/grants", claims=claims)
        assert granted.status_code == 201, granted.text
    await world.must("teacher", f"/cases/{case}/team-members", {"service": "ppt"})
    # For another purpose it takes whom it takes at that age, and nobody's is told who has no part in the case (seed rule 106).
    other = await world.get("ppt", f"/cases/{case}/child?purpose=follow-up")
    assert (code(other), other.json()["grantors"]) == ((403, "purpose-not-covered"), {"child": 1, "guardian": 2})
    assert child.name not in other.text
    own = await world.get("teacher", f"/cases/{case}/child?purpose=notification")
    assert (code(own), own.json()["grantors"]) == ((403, "purpose-not-covered"), {})
    none = await world.get("curious", f"/cases/{case}/child?purpose=follow-up")
    assert (code(none), "grantors" in none.json()) == ((404, "not-found"), False)
    assert [one["reason"] for one in await world.access("deny")] == ["purpose-not-covered"] * 2 + ["no-relation"]
    path, chosen = f"/cases/{case}/contact-person", {"service": "ppt", "role": "ppt-adviser"}
    await world.move_to(of_age_at(born) - timedelta(seconds=1))
    assert code(await world.post("child", path, chosen, claims=grown)) == (403, "not-permitted")
    # Nothing has fired yet, and no birthday waits for a job.
    world.clock.set(of_age_at(born))
    picked = await world.post("child", path, chosen, claims=grown)
    assert (picked.status_code, picked.json()["contact_person"]) == (201, chosen), picked.text
    [event] = await world.published("contact-person-chosen.v1")
    assert event["data"]["evidence"] == "e-id"
    assert code(await world.post("guardian-a", path, chosen)) == (404, "not-found")
    await world.move_to(of_age_at(born))
    # The young person is asked once, because of the age; that the guardians have no part any more asks nothing more.
    due = [one["data"] for one in await world.published("reassessment-due.v1")]
    assert [(one["consent"], one["reason"], one["needed"]) for one in due] == [(consent, "age-18", {"child": 1})]
    offer = {
        "kind": "unit",
        "receiver": await world.receiver("ppt"),
        "categories": ["language"],
    }
    handover = await world.post("teacher", f"/cases/{case}/handovers", offer)
    assert handover.status_code == 201, handover.text
    shown = await world.get("child", f"/handovers/{handover.json()['handover']}", **grown)
    assert (shown.status_code, shown.json()["receiver"]["service"]) == (200, "ppt"), shown.text
    assert len((await world.get("child", f"/cases/{case}", **grown)).json()["handovers"]) == 1
    withdrawn = await world.post("child", f"/consents/{consent}/withdrawals", claims=grown)
    assert withdrawn.json()["status"] == "withdrawn"
    receipts = await world.get("child", f"/consents/{consent}/receipts", **grown)
    assert (receipts.status_code, receipts.json()["status"]) == (200, "withdrawn"), receipts.text
    assert receipts.json()["awaited"]


@pytest.mark.rule(4, 99)
async def test_a_child_that_was_of_age_on_a_wrong_date_has_its_guardians_again(world: World) -> None:
    """Who had parental responsibility by the vault's dates has it again, and is asked again; who had lost it has not."""
    case, _, born = await young(world)
    ended = {"ground": "agreement", "last_day": "2026-09-07", "note": "Avtale."}
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/guardians/2/ending", ended, if_match=version)
    await world.move_to(of_age_at(born))
    assert code(await world.get("guardian-a", f"/cases/{case}")) == (404, "not-found")
    # A guardian of somebody who is of age has no part: neither has anybody that the vault knows.
    new = {
        "name": "Ny Eksempelsen",
        "national_number": People(98).guardian().national_number,
        "ground": "court-decision",
    }
    dated = {**new, "since": str(of_age_at(born).date()), "note": "Dom."}
    version = await world.version("teacher", case)
    added = await world.must("teacher", f"/cases/{case}/guardians", dated, if_match=version)
    assert added["guardians"] == 0
    right = People(33).child(age=12)
    version = await world.version("teacher", case)
    number = {"national_number": right.national_number}
    await world.must("teacher", f"/cases/{case}/child/corrections", number, if_match=version)
    await world.move_to(world.clock.now())
    changed = [event["data"]["ordinals"] for event in await world.published("case.guardians-changed.v1")]
    assert changed[-2:] == [[], [1, 3]]
    assert (await world.see("guardian-a", f"/cases/{case}"))["relations"] == ["guardian"]
    assert code(await world.get("guardian-b", f"/cases/{case}")) == (404, "not-found")
    await world.requested(case)
    assert (await world.published("consent.requested.v1"))[-1]["data"]["guardians"] == [1, 3]
    # Corrected to another day on which it was of age already, nobody comes back.
    grown = People(34).child(age=21)
    version = await world.version("teacher", case)
    number = {"national_number": grown.national_number}
    await world.must("teacher", f"/cases/{case}/child/corrections", number, if_match=version)
    await world.move_to(world.clock.now())
    assert code(await world.get("guardian-a", f"/cases/{case}")) == (404, "not-found")
    changed = [event["data"]["ordinals"] for event in await world.published("case.guardians-changed.v1")]
    assert changed[-2:] == [[1, 3], []]


async def test_when_the_time_is_over_the_key_is_gone_and_the_log_is_whole(world: World) -> None:
    case = await closed(world)
    before = await world.published()
    [event] = await world.published("case.closed.v1")
    assert event["data"]["retention"] == "ordinary"
    over = datetime(2031, 9, 7, 22, 0, tzinfo=UTC)
    await world.move_to(over - timedelta(seconds=1))
    assert (await world.get("guardian-a", f"/cases/{case}/child")).status_code == 200
    await world.move_to(over)
    [erased] = await world.published("case.erased.v1")
    assert erased["data"] == {"case": case, "reason": "retention"}
    assert (
        await world.pool.fetchval("SELECT count(*) FROM data_keys WHERE owner = $1 AND wrapped IS NOT NULL", case) == 0
    )
    assert await world.pool.fetchval("SELECT count(*) FROM lookups WHERE owner = $1", case) == 0
    assert await world.pool.fetchval("SELECT count(*) FROM kin WHERE case_ref = $1", case) == 0
    assert (await world.get("guardian-a", f"/cases/{case}/child")).status_code == 404
    assert (await world.get("teacher", f"/cases/{case}/child")).status_code in {403, 404}
    after = await world.published()
    assert after[: len(before)] == before, "what was published stays as it was"
    await world.move_to(over + timedelta(days=400))
    assert len(await world.published("case.erased.v1")) == 1


async def test_a_hold_stops_the_time_and_its_release_lets_it_go_on(world: World) -> None:
    case = await closed(world)
    assert code(await world.post("teacher", f"/cases/{case}/legal-holds", {"reason": "archive"})) == (
        403,
        "not-permitted",
    )
    assert code(await world.post("curious", f"/cases/{case}/legal-holds", {"reason": "archive"})) == (404, "not-found")
    assert code(await world.post("styrer", f"/cases/{case}/legal-holds", {"reason": "whim"})) == (422, "input-invalid")
    assert code(await world.post("styrer", f"/cases/{case}/legal-hold-releases")) == (409, "no-legal-hold")
    await world.must("styrer", f"/cases/{case}/legal-holds", {"reason": "archive"})
    await world.move_to(datetime(2032, 1, 1, tzinfo=UTC))
    assert await world.published("case.erased.v1") == []
    assert (await world.get("guardian-a", f"/cases/{case}/child")).status_code == 200
    await world.must("styrer", f"/cases/{case}/legal-hold-releases")
    await world.move_to(world.clock.now())
    assert len(await world.published("case.erased.v1")) == 1


@pytest.mark.rule(93)
async def test_a_report_that_was_never_posted_outlives_the_cases_time_and_goes_with_it_when_it_has_gone(
    world: World,
) -> None:
    """A report to child welfare cannot vanish: neither by a request, nor because the time to keep the case is over."""
    case = await world.opened()
    report = str((await world.must("teacher", f"/cases/{case}/concern-reports", REPORT))["report"])
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    await world.move_to(datetime(2031, 9, 7, 22, 0, tzinfo=UTC))
    assert await world.published("case.erased.v1") == []
    letter = await world.get("teacher", f"/concern-reports/{report}/letter")
    assert REPORT["text"] in Pdf(letter.content).tree().text
    await world.must("teacher", f"/concern-reports/{report}/posting")
    await world.move_to(world.clock.now())
    [erased] = await world.published("case.erased.v1")
    assert erased["data"] == {"case": case, "reason": "retention"}


async def test_a_command_shows_its_leader_no_more_of_the_case_than_a_look_does(world: World) -> None:
    case = await world.opened()
    await world.consented(case)
    seen = await world.see("styrer", f"/cases/{case}")
    assert (seen["relations"], seen["consents"]) == (["leader"], [])
    held = await world.must("styrer", f"/cases/{case}/legal-holds", {"reason": "archive"})
    assert held == seen
    events, looks = len(await world.types()), len(await world.access("read"))
    # Nothing is decided when it is held already: then the answer is a look, and recorded as one.
    assert await world.must("styrer", f"/cases/{case}/legal-holds", {"reason": "archive"}) == seen
    assert len(await world.types()) == events
    [*_, look] = await world.access("read")
    assert len(await world.access("read")) == looks + 1
    assert (look["case"], look["basis"]["code"], look["actor"]["role"]) == (case, "own-task", "leader")
    await world.must("styrer", f"/cases/{case}/legal-hold-releases")
    version = await world.version("teacher", case)
    ended = await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    assert ended == await world.see("teacher", f"/cases/{case}")
    assert (ended["relations"], ended["consents"]) == (["last-holder"], [])
    version = await world.version("styrer", case)
    reopened = await world.must("styrer", f"/cases/{case}/reopening", if_match=version)
    assert reopened == await world.see("styrer", f"/cases/{case}")
    # Whoever reopens it has the baton.
    assert (reopened["stage"], reopened["relations"], len(reopened["consents"])) == ("open", ["holder", "leader"], 1)


async def test_a_reopened_case_has_its_time_anew(world: World) -> None:
    case = await closed(world)
    await world.must("teacher", f"/cases/{case}/reopening", if_match=await world.version("teacher", case))
    await world.move_to(datetime(2032, 1, 1, tzinfo=UTC))
    assert await world.published("case.erased.v1") == []
    version = await world.version("teacher", case)
    await world.must("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    await world.move_to(datetime(2036, 12, 31, tzinfo=UTC))
    assert await world.published("case.erased.v1") == []
    await world.move_to(datetime(2037, 1, 2, tzinfo=UTC))
    assert len(await world.published("case.erased.v1")) == 1


async def test_a_concern_that_was_solved_is_forgotten_after_a_year(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern())
    solved = {"outcome": "resolved-locally", "local_outcome": "guidance-given"}
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", solved)
    await world.move_to(datetime(2027, 9, 7, 21, 59, tzinfo=UTC))
    assert await world.published("case.erased.v1") == []
    await world.move_to(datetime(2027, 9, 7, 22, 0, tzinfo=UTC))
    assert len(await world.published("case.erased.v1")) == 1
