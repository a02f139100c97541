"""Reports over HTTP: counted from the events of both services, in every form, for whom they are, and never half read."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
import pytest_asyncio

from services.meetings.app import create_desk
from services.meetings.domain.figures import COUNTED
from services.meetings.domain.undertakings import Owner
from services.meetings.handlers.desk import Desk
from services.meetings.handlers.report_duties import expect_reports
from services.meetings.handlers.reports import CONSUMER, SOURCES
from shared.clock import SimulatedClock
from shared.contracts import cases, meetings
from shared.contracts.base import EventData
from shared.contracts.cases import ForWhom, Party
from shared.contracts.codes import Area, Role, Service
from shared.deadlines import Deadlines
from shared.inbox import Intake
from shared.refs import (
    ActorId,
    ArenaRef,
    CaseRef,
    ConcernRef,
    GoalRef,
    LogScope,
    MeasureRef,
    MeetingRef,
    UnitId,
)
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.everything_read import everything_read
from tests.integration.audit_world import Publisher

pytestmark = pytest.mark.connected

TYNSET: Final[dict[str, Any]] = {"municipality": "3427", "lagspill_unit": "unit:tynset-barnehage"}
SCHOOL: Final[dict[str, Any]] = {"municipality": "3427", "lagspill_unit": "unit:tynset-barneskole"}
AUTUMN: Final = "period=2026-autumn"
GAINS: Final = "/reports/practice-and-gains"
FORMS: Final = (GAINS, f"{GAINS}/page", f"{GAINS}/table", f"{GAINS}/charts/time-to-act")


@pytest_asyncio.fixture
async def tynset(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """The service, a term later, with everything read that its events say."""
    async with town(migrated, issuer, clock) as made:
        await read(
            made, [*term(made, 12, "unit:tynset-barnehage", late=3), *term(made, 6, "unit:tynset-barneskole", late=0)]
        )
        made.clock.set(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
        await fresh(made)
        yield made


def term(made: Town, count: int, unit: str, *, late: int) -> list[bytes]:
    """Return so many concerns of a unit as the cases service publishes them, lifted, opened, with a measure with PPT; and a meeting."""
    says, holds = Publisher("/services/cases", seed=count), Publisher("/services/meetings", seed=count)
    says.moment = holds.moment = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
    party = Party(actor=ActorId("act_somebody-in-tynset"), role=Role.TEACHER, unit=UnitId(unit))
    bodies = []
    for number in range(count):
        ref = made.kit.ids
        case, concern = CaseRef(ref.ref("cas")), ConcernRef(ref.ref("con"))
        measure = MeasureRef(ref.ref("mea"))
        begins = datetime(2026, 9, 1 + number, 8, 0, tzinfo=UTC)
        happened: list[tuple[datetime, EventData]] = [
            (
                begins,
                cases.ConcernRegistered(
                    case=case,
                    concern=concern,
                    area=Area.LEARNING,
                    for_whom=ForWhom.CHILD,
                    registered_by=party,
                    act_by=begins + timedelta(days=14),
                    guardians=2,
                ),
            ),
            (
                begins + timedelta(days=20 if number < late else 2),
                cases.ConcernEscalated(case=case, concern=concern, next_level=1),
            ),
            (
                begins + timedelta(days=21),
                cases.CaseOpened(
                    case=case, level=1, mode=cases.Mode.ANONYMOUS, holder=party, decide_by=begins + timedelta(days=30)
                ),
            ),
            (
                begins + timedelta(days=22),
                cases.MeasurePlanned(
                    case=case,
                    measure=measure,
                    code="sprakopplaering",
                    level=1,
                    owner=Service.PPT,
                    goal=GoalRef(ref.ref("goa")),
                    indicator="ordforrad",
                    evaluate_by=begins + timedelta(days=60),
                ),
            ),
        ]
        for sequence, (at, event) in enumerate(happened, start=1):
            says.moment = at
            bodies.append(says.publish(event, "3427", sequence=sequence))
    seats = [
        meetings.Attendance(service=service, role=Role.LEADER, present=service is not Service.BUP)
        for service in (Service.BARNEHAGE, Service.PPT, Service.BUP)
    ]
    held = meetings.MeetingHeld(
        meeting=MeetingRef(made.kit.ids.ref("mtg")),
        arena=ArenaRef(made.kit.ids.ref("arn")),
        arena_type="tst",
        started_at=holds.moment,
        ended_at=holds.moment + timedelta(hours=3),
        chair=Role.LEADER,
        attendance=tuple(seats * 4),
        kinds_covered=frozenset(),
    )
    return [*bodies, holds.publish(held, "3427", sequence=3)]


async def read(made: Town, bodies: list[bytes]) -> None:
    """Let the consumer of the figures read them."""
    kit = made.kit
    [inbox] = [each for each in made.parts.inboxes if each.consumer == CONSUMER]
    intake = Intake(kit.pool, inbox, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics)
    await intake.process([made.record(body) for body in bodies])


async def fresh(made: Town) -> None:
    """Say, as the consumer and both relays do, that everything has been read."""
    await everything_read(made.pool, CONSUMER, *SOURCES)


def table(answered: dict[str, Any], code: str) -> dict[str, Any]:
    """Return a figure's table."""
    found = [each for section in answered["sections"] for each in section["figures"] if each["code"] == code]
    shown: dict[str, Any] = found[0]["table"]
    return shown


@pytest.mark.rule(89, 102, 128, 154, 156, 179)
async def test_a_report_is_counted_from_the_events_and_hides_what_is_small_in_every_form(tynset: Town) -> None:
    response = await tynset.get("coordinator", f"{GAINS}?{AUTUMN}", **TYNSET)
    assert response.status_code == 200, response.text
    told = response.json()
    concerns = table(told, "concerns-by-unit")
    found = dict(zip(concerns["rows"], (row[0] for row in concerns["cells"]), strict=True))
    # The unit that would be left over gives nothing away: the smallest one that could be shown is hidden with those without.
    assert found["unit:tynset-barnehage"] == 12
    assert {found[unit] for unit in found if unit != "unit:tynset-barnehage"} == {None}
    assert concerns["total"] == 18
    waited = table(told, "time-to-act")
    assert waited["total"] == 18
    assert [row[0] for row in waited["cells"]] == [None, None, None], "fifteen and three: the one would tell the other"
    with_ppt = table(told, "measures-with-ppt")
    assert (with_ppt["total"], [row[0] for row in with_ppt["cells"]]) == (18, [None, None])
    steering = (await tynset.get("coordinator", f"/reports/to-steering-group?{AUTUMN}", **TYNSET)).json()
    seats = table(steering, "attendance")
    assert seats["cells"][seats["rows"].index("tst")] == [16, 8]
    roles = table(steering, "attendance-by-role")
    assert (roles["column_totals"], roles["total"]) == ([16, 8], 24), "the same seats by role"
    assert dict(zip(roles["rows"], roles["cells"], strict=True))["leader"] == [None, None], "or all others were nought"
    meetings_held = table(steering, "meetings")
    assert meetings_held["columns"] == ["due", "held", "not-held", "cancelled"]
    # Read again, or twice: the same bytes.
    await read(tynset, [])
    again = await tynset.get("coordinator", f"{GAINS}?{AUTUMN}", **TYNSET)
    assert again.content == response.content
    # The same as a page, a file and pictures, in the language asked for.
    page = await tynset.get("coordinator", f"{GAINS}/page?{AUTUMN}&language=nn", **TYNSET)
    assert page.status_code == 200
    assert page.headers["content-language"] == "nn"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert page.headers["cache-control"] == "private, no-store"
    assert "Tid frå uro til første handling" in page.text
    assert "skjult" in page.text
    file = await tynset.get("coordinator", f"{GAINS}/table?{AUTUMN}&language=en", **TYNSET)
    assert file.headers["content-disposition"] == 'attachment; filename="practice-and-gains-3427-2026-autumn.csv"'
    rows = list(csv.DictReader(io.StringIO(file.content.decode("utf-8-sig"))))
    assert {"row": "total", "number": "18", "shown": "true"}.items() <= [
        row for row in rows if row["figure"] == "time-to-act"
    ][-1].items()
    picture = await tynset.get("coordinator", f"{GAINS}/charts/concerns-by-unit?{AUTUMN}", **TYNSET)
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.text.startswith("<svg")
    missing = await tynset.get("coordinator", f"{GAINS}/charts/meetings?{AUTUMN}", **TYNSET)
    assert (missing.status_code, missing.json()["code"]) == (404, "figure-unknown")


@pytest.mark.rule(95, 123)
async def test_reports_are_for_leaders_and_the_coordinator_and_of_what_is_over(tynset: Town) -> None:
    used = (await tynset.get("coordinator", "/reports?limit=3", **TYNSET)).json()
    assert [each["report"] for each in used["items"]] == ["frequency-evaluated", "practice-and-gains", "structures"]
    rest = (await tynset.get("styrer", f"/reports?limit=3&cursor={used['next']}", **TYNSET)).json()
    assert [(each["report"], each["due"]) for each in rest["items"]] == [("to-steering-group", "2027-06-30")]
    assert rest["next"] is None
    mine = (await tynset.get("styrer", f"{GAINS}?{AUTUMN}", **TYNSET)).json()
    assert mine["unit"] == "unit:tynset-barnehage"
    shown = table(mine, "concerns-by-unit")
    assert (shown["rows"], shown["cells"]) == (["unit:tynset-barnehage"], [[12]])
    theirs = table((await tynset.get("rektor", f"{GAINS}?{AUTUMN}", **SCHOOL)).json(), "concerns-by-unit")
    assert (theirs["rows"], theirs["cells"]) == (["unit:tynset-barneskole"], [[None]])
    for path in ("/reports", *(f"{each}?{AUTUMN}" for each in FORMS)):
        for who in ("teacher", "ppt", "nurse"):
            refused = await tynset.get(who, path, **TYNSET)
            assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden"), path
        auditor = await tynset.get("teacher", path, **TYNSET, lagspill_roles=["auditor"], lagspill_service=None)
        assert auditor.status_code == 403
        assert (await tynset.http.get(path)).status_code == 401
    other = await tynset.get("coordinator", f"{GAINS}?{AUTUMN}")
    assert (other.status_code, other.json()["code"]) == (404, "report-unknown"), "Notodden uses none"
    # What cannot be told.
    for path in FORMS:
        for period, status, code in (
            ("2027-spring", 409, "period-not-over"),
            ("1999-autumn", 422, "period-unknown"),
            ("2026-winter", 422, "validation-failed"),
        ):
            refused = await tynset.get("coordinator", f"{path}?period={period}", **TYNSET)
            assert refused.status_code == status, refused.text
            assert code in {refused.json()["code"], "validation-failed"}
        assert (await tynset.get("coordinator", path, **TYNSET)).status_code == 422
    early = await tynset.get("coordinator", "/reports/frequency-evaluated?period=2035-autumn", **TYNSET)
    assert early.json()["code"] == "period-not-over"
    tynset.clock.set(datetime(2036, 1, 4, 9, 0, tzinfo=UTC))
    unknown = await tynset.get("coordinator", "/reports/frequency-evaluated?period=2035-autumn", **TYNSET)
    assert (unknown.status_code, unknown.json()["code"]) == (422, "holidays-unknown")


@pytest.mark.rule(179)
async def test_nothing_is_told_before_everything_is_read_and_nobody_is_kept(tynset: Town) -> None:
    """A report that lacked an event would tell of one child when the next one has it."""
    path = f"{GAINS}?{AUTUMN}"
    poison = made_unreadable(term(tynset, 1, "unit:tynset-barnehage", late=0)[0])
    await read(tynset, [poison])
    await fresh(tynset)
    parked = await tynset.get("coordinator", path, **TYNSET)
    assert (parked.status_code, parked.json()["code"]) == (503, "projection-blocked")
    await tynset.pool.execute("UPDATE dead_letters SET status = 'discarded', settled_at = now()")
    assert (await tynset.get("coordinator", path, **TYNSET)).status_code == 200
    await tynset.pool.execute("DELETE FROM source_watermarks WHERE source = '/services/cases'")
    stale = await tynset.get("coordinator", path, **TYNSET)
    assert (stale.status_code, stale.json()["code"]) == (503, "projection-stale")
    assert "retry-after" in stale.headers
    # Of an address-protected case nothing is counted, and of the others only codes are kept.
    before = await tynset.pool.fetchval("SELECT count(*) FROM figure_facts")
    [body, *_] = term(tynset, 1, "unit:tynset-barnehage", late=0)
    await read(tynset, [body.replace(b'"municipality":"3427"', b'"municipality":"prt_bcdfghjklmnpqrstvwxzbcdfgh"')])
    assert await tynset.pool.fetchval("SELECT count(*) FROM figure_facts") == before
    kept = "".join(row["fact"] for row in await tynset.pool.fetch("SELECT fact::text FROM figure_facts"))
    assert "somebody" not in kept
    assert kept.count("leader") == kept.count('"attended"') == 2, "of seats only"
    assert kept.count("concern-came") == 18


@pytest.mark.rule(95, 157, 179)
async def test_what_was_told_of_a_term_stands_when_the_profile_changes(tynset: Town) -> None:
    """The same term with another row is one more sum to subtract from."""
    app = tynset.parts.app
    desk: Desk = app.state.desk  # type: ignore[attr-defined]
    first = await tynset.get("coordinator", f"{GAINS}?{AUTUMN}", **TYNSET)
    assert first.status_code == 200, first.text
    profile = desk.profiles[LogScope("3427")]
    others = tuple(unit for unit in profile.units if unit.id != "unit:tynset-barneskole")
    offers = {"offers": [{"code": "nytt", "text": {"nb": "Nytt", "nn": "Nytt", "en": "New"}}]}
    changed = profile.model_copy(update={"units": others, "cases": offers})
    app.state.desk = replace(desk, profiles={**desk.profiles, LogScope("3427"): changed})  # type: ignore[attr-defined]
    again = await tynset.get("coordinator", f"{GAINS}?{AUTUMN}", **TYNSET)
    for code in ("concerns-by-unit", "time-to-act", "measures-with-ppt"):
        assert table(again.json(), code) == table(first.json(), code)
    page = await tynset.get("coordinator", f"{GAINS}/page?{AUTUMN}&language=en", **TYNSET)
    assert page.status_code == 200
    assert "unit:tynset-barneskole" in page.text, "a unit that is no more stands under its reference"
    kept = await tynset.pool.fetch("SELECT code, figure::text AS figure FROM published_figures")
    assert {row["code"] for row in kept} == COUNTED
    # Nothing that is hidden is kept: of the eighteen only that they are so many.
    [waited] = [row["figure"] for row in kept if row["code"] == "time-to-act"]
    assert '"cells": [[null], [null], [null]]' in waited
    # Of a term that nobody was shown nothing is published.
    assert await tynset.pool.fetchval("SELECT count(DISTINCT period) FROM published_figures") == 1


def made_unreadable(body: bytes) -> bytes:
    """Return the event with a field that is none."""
    return body.replace(b'"for_whom":"child"', b'"for_whom":"nobody"')


# --- what is owed -------------------------------------------------------------------------------------------------------


async def awaited(made: Town) -> dict[str, list[str]]:
    """Return by which days each report is owed, as the coordinator is shown it."""
    used = (await made.get("coordinator", "/reports", **TYNSET)).json()["items"]
    return {each["report"]: each["awaited"] for each in used if each["awaited"]}


async def another_owes_it(made: Town) -> None:
    """Let the profile name the PPT's advisers as who owe the report to the steering group (seed rule 123)."""
    desk: Desk = made.parts.app.state.desk  # type: ignore[attr-defined]
    profile = desk.profiles[LogScope("3427")]
    owner = Owner(role=Role.PPT_ADVISER, unit=UnitId("unit:ppt-nord-osterdal"))
    reports = tuple(
        each.model_copy(update={"owner": owner}) if each.code == "to-steering-group" else each
        for each in profile.reports
    )
    other = replace(desk, profiles={LogScope("3427"): profile.model_copy(update={"reports": reports})})
    assert await expect_reports(other, made.kit.clock.now()) == 1
    assert await expect_reports(other, made.kit.clock.now()) == 0
    said = (await made.published("report.expected.v1"))[-1]["data"]
    assert (said["report"], said["due"], said["owed_by"]) == ("to-steering-group", "2028-06-30", "ppt-adviser")
    here = {**TYNSET, "lagspill_unit": "unit:ppt-nord-osterdal"}
    path, body = "/reports/to-steering-group", {"due": "2028-06-30"}
    refused = await made.get("ppt", f"{path}?{AUTUMN}", **here)
    assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden"), "who owes none reads none"
    await fresh(made)
    made.parts.app.state.desk = other  # type: ignore[attr-defined]
    try:
        listed = (await made.get("ppt", "/reports", **here)).json()["items"]
        assert [(each["report"], each["owner"]["role"]) for each in listed] == [("to-steering-group", "ppt-adviser")]
        # Whoever owes it sees all of it, and of no other anything.
        seen, whole = [
            await made.get(who, f"{path}?{AUTUMN}", **claims)
            for who, claims in (("ppt", here), ("coordinator", TYNSET))
        ]
        assert (seen.status_code, seen.content) == (200, whole.content)
        elsewhere = await made.get("ppt", f"{GAINS}?{AUTUMN}", **here)
        assert (elsewhere.status_code, elsewhere.json()["code"]) == (403, "reports-forbidden")
        refused = await made.post("coordinator", f"{path}/deliveries", body, **TYNSET)
        assert (refused.status_code, refused.json()["code"]) == (403, "report-not-yours")
    finally:
        made.parts.app.state.desk = desk  # type: ignore[attr-defined]
    assert await expect_reports(desk, made.kit.clock.now()) == 1, "the coordinator again"


@pytest.mark.rule(66, 123, 127, 128, 135)
async def test_a_report_is_owed_until_it_is_said_to_be_delivered_and_then_the_next_one_is(tynset: Town) -> None:
    both = {"frequency-evaluated": ["2027-06-30"], "to-steering-group": ["2027-06-30"]}
    assert await awaited(tynset) == both
    expected = [each["data"] for each in await tynset.published("report.expected.v1") if "tynset" in str(each)]
    assert {(each["report"], each["due"], each["owed_by"], each["unit"]) for each in expected} == {
        (report, "2027-06-30", "coordinator", "unit:tynset-kommune") for report in both
    }
    path, body = "/reports/to-steering-group/deliveries", {"due": "2027-06-30"}
    for who, claims, said, answered in (
        ("teacher", TYNSET, body, (403, "reports-forbidden")),
        ("styrer", TYNSET, body, (403, "report-not-yours")),
        ("coordinator", {}, body, (404, "report-unknown")),
        ("coordinator", TYNSET, {"due": "2027-06-29"}, (409, "report-not-expected")),
        ("coordinator", TYNSET, {**body, "delivered_on": "2027-01-05"}, (422, "recorded-day-wrong")),
    ):
        refused = await tynset.post(who, path, said, **claims)
        assert (refused.status_code, refused.json()["code"]) == answered
    for _ in range(2):
        taken = await tynset.post("coordinator", path, body, **TYNSET)
        assert (taken.status_code, taken.json()["delivered_on"]) == (201, "2027-01-04")
    other = await tynset.post("coordinator", path, {**body, "delivered_on": "2027-01-03"}, **TYNSET)
    assert (other.status_code, other.json()["code"]) == (409, "report-delivered")
    assert len(await tynset.published("report.delivered.v1")) == 1
    assert await awaited(tynset) == {"frequency-evaluated": ["2027-06-30"]}
    # When the day is over the next year's is owed, and one that was not delivered still is.
    tynset.clock.set(datetime(2027, 6, 30, 22, 0, tzinfo=UTC))
    kit = tynset.kit
    await Deadlines(
        kit.pool, tynset.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()
    assert await awaited(tynset) == {
        "frequency-evaluated": ["2027-06-30", "2028-06-30"],
        "to-steering-group": ["2028-06-30"],
    }
    administration = {**TYNSET, "lagspill_unit": "unit:tynset-kommune", "lagspill_service": "ledelse"}
    late = await tynset.post("styrer", "/reports/frequency-evaluated/deliveries", body, **administration)
    assert late.status_code == 201
    await another_owes_it(tynset)
    # A profile that asks for it no more is not waited for.
    desk = create_desk(kit)
    asked = desk.profiles[LogScope("3427")].model_copy(update={"reports": ()})
    gone = replace(desk, profiles={LogScope("3427"): asked})
    assert await expect_reports(gone, kit.clock.now()) == 2
    assert await expect_reports(gone, kit.clock.now()) == 0
    assert await awaited(tynset) == {}
