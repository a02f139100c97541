"""Calendars over HTTP: one's own, an arena's, and the address for programs that cannot sign in, with every refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import icalendar
import pytest
import pytest_asyncio

from services.meetings.domain.calendar_address import READS_AN_HOUR, WORKS_FOR
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import START, Town, town

pytestmark = pytest.mark.connected

ANONYMOUS = {"kind": "case", "mode": "anonymous", "text": "Et barn strever med språk og lek. Hva kan vi prøve?"}
MOVED = "2026-10-27T12:00:00+01:00"
REASON = {"reason": "not-enough-members"}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


def events(response: httpx.Response) -> list[Any]:
    """Return a calendar's meetings, as a calendar library reads them."""
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/calendar; charset=utf-8"
    calendar = icalendar.Calendar.from_ical(response.content)
    assert not calendar.errors
    return list(calendar.walk("VEVENT"))


async def address(lia: Town, who: str, **body: Any) -> str:
    """Make somebody's address, and return where it is."""
    made = await lia.post(who, "/calendar/address", body)
    assert (made.status_code, made.headers["location"]) == (201, "/calendar/address")
    return str((await lia.see(who, "/calendar/address"))["path"])


@pytest.mark.rule(8, 9)
async def test_a_meeting_is_the_same_in_the_calendar_however_it_is_moved_and_says_when_it_is_cancelled(
    lia: Town,
) -> None:
    meeting = await lia.ressursteam()
    [called] = events(await lia.get("ppt", "/calendar"))
    assert (str(called["summary"]), str(called["location"]), str(called["status"])) == (
        "Møte",
        "Lia barnehage",
        "CONFIRMED",
    )
    assert (called["dtstart"].dt.isoformat(), int(called["sequence"])) == (START, 0)
    # What is on the agenda changes nothing, not even that something has changed.
    before = (await lia.get("ppt", "/calendar")).content
    await lia.add("teacher", meeting, ANONYMOUS)
    assert (await lia.get("ppt", "/calendar")).content == before
    await lia.must("styrer", f"/meetings/{meeting}/rescheduling", {"starts_at": MOVED})
    [moved] = events(await lia.get("ppt", "/calendar"))
    assert (str(moved["uid"]), moved["dtstart"].dt.isoformat(), int(moved["sequence"])) == (called["uid"], MOVED, 1)
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", REASON)
    [cancelled] = events(await lia.get("ppt", "/calendar?language=en"))
    assert (str(cancelled["uid"]), str(cancelled["status"]), int(cancelled["sequence"])) == (
        called["uid"],
        "CANCELLED",
        2,
    )
    assert str(cancelled["summary"]) == "Cancelled: Meeting"


async def test_a_planned_meeting_is_in_nobodys_calendar_but_the_coordinators_until_it_is_called(lia: Town) -> None:
    meeting = await lia.ressursteam(invite=False)
    assert events(await lia.get("ppt", "/calendar")) == []
    [planned] = events(await lia.get("coordinator", "/calendar"))
    assert (str(planned["status"]), int(planned["sequence"])) == ("TENTATIVE", 0)
    await lia.must("styrer", f"/meetings/{meeting}/invitation")
    [called] = events(await lia.get("ppt", "/calendar"))
    assert (str(called["uid"]), str(called["status"]), int(called["sequence"])) == (planned["uid"], "CONFIRMED", 1)


async def test_who_reads_which_calendar(lia: Town) -> None:
    await lia.ressursteam()
    team = f"/arenas/{await lia.arena('ressursteam', 'unit:lia-barnehage')}/calendar"
    around_a_child = f"/arenas/{await lia.arena('overgang-barnehage-skole')}/calendar"
    for who in ("teacher", "styrer", "ppt", "nurse", "barnevern", "coordinator"):
        assert len(events(await lia.get(who, "/calendar"))) == 1
        assert len(events(await lia.get(who, team))) == 1
        refused = await lia.get(who, around_a_child)
        assert (refused.status_code, refused.json()["code"]) == (403, "no-arena-calendar")
    for who in ("curious", "rektor", "bup"):
        assert events(await lia.get(who, "/calendar")) == []
        refused = await lia.get(who, team)
        assert (refused.status_code, refused.json()["code"]) == (403, "calendar-forbidden")
    assert (await lia.get("coordinator", f"/arenas/arn_{'b' * 26}/calendar")).status_code == 404
    assert (await lia.get("coordinator", team, municipality="4003")).status_code == 404
    assert (await lia.http.get("/calendar")).status_code == 401


@pytest.mark.rule(77, 107)
async def test_who_sits_in_a_service_that_municipalities_share_has_one_calendar_of_all_its_meetings(lia: Town) -> None:
    alvdal: dict[str, Any] = {"municipality": "3428", "lagspill_unit": "unit:alvdal-kommune"}
    await lia.tst_called("2026-10-06T09:00:00+02:00")
    arenas = (await lia.get("tynset-coordinator", "/arenas?limit=200", **alvdal)).json()["items"]
    for arena_type, unit, at in (("tst", "unit:alvdal-skole", "07"), ("tst-kommune", None, "09")):
        for arena in (each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == (arena_type, unit)):
            body = {"arena": arena, "starts_at": f"2026-10-{at}T09:00:00+02:00"}
            called = await lia.post("tynset-coordinator", "/meetings", body, **alvdal)
            assert called.status_code == 201, called.text

    async def read(who: str, **claims: Any) -> list[str]:
        signed_in = events(await lia.get(who, "/calendar", **claims))
        by_address = events(await lia.http.get(await address(lia, who)))
        shown = [[str(each["location"]) for each in feed] for feed in (signed_in, by_address)]
        assert {str(each["summary"]) for each in signed_in} == {"Møte"}
        if not claims:
            assert shown[0] == shown[1]
        return shown[0]

    for who in ("tynset-ppt", "tynset-barnevern"):
        assert await read(who) == ["Tynset barnehage", "Alvdal skole", "Alvdal"]
    # It is the service that is shared: a unit of the municipality's own, and its coordinator, have their own municipality's.
    for who in ("tynset-nurse", "tynset-styrer", "tynset-coordinator"):
        assert await read(who) == ["Tynset barnehage"]
    # A coordinator at work in the shared unit coordinates one municipality.
    mixed = await read("tynset-ppt", lagspill_roles=["coordinator", "ppt-adviser"])
    assert mixed == ["Tynset barnehage", "Alvdal skole", "Alvdal"]
    # Whoever has left the service has left it in all of them, wherever that was said.
    path = await address(lia, "tynset-ppt")
    elsewhere = {"municipality": "3426", "lagspill_unit": "unit:ppt-nord-osterdal"}
    leader = {**(await lia.cases.receiver("ppt-leader")), "unit": "unit:ppt-nord-osterdal"}
    left = {"reason": "left", "last_day": "2026-10-30", "falls_to": leader}
    gone = await lia.cases.post("ppt", "/absences", left, claims={**elsewhere, "sub": "tynset-ppt"})
    assert gone.status_code == 201, gone.text
    await lia.carry()
    assert (await lia.http.get(path)).status_code == 200
    await day(lia, datetime(2026, 10, 30, 23, 0, tzinfo=UTC))
    assert (await lia.http.get(path)).status_code == 404


@pytest.mark.parametrize(
    "claims",
    [
        {"client_id": "some-system", "lagspill_roles": ["service-account"]},
        {"lagspill_roles": ["guardian"], "pid": "15912156831"},
        {"lagspill_roles": ["auditor"]},
        {"lagspill_roles": []},
        {"lagspill_service": None},
    ],
)
async def test_a_calendar_is_for_somebody_who_works_in_a_service(lia: Town, claims: dict[str, Any]) -> None:
    for refused in (
        await lia.get("ppt", "/calendar", **claims),
        await lia.post("ppt", "/calendar/address", {}, **claims),
        await lia.get("ppt", f"/arenas/{await lia.arena('bup-samarbeid')}/calendar", **claims),
    ):
        assert (refused.status_code, refused.json()["code"]) == (403, "calendar-forbidden")


async def test_only_what_has_changed_is_sent_again(lia: Town) -> None:
    meeting = await lia.ressursteam()
    path = await address(lia, "ppt")
    first = await lia.http.get(path)
    tag = first.headers["etag"]
    assert first.headers["cache-control"] == "private, no-cache"
    for asked in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        same = await lia.http.get(path, headers={"if-none-match": asked})
        assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", tag)
    await lia.must("styrer", f"/meetings/{meeting}/cancellation", REASON)
    changed = await lia.http.get(path, headers={"if-none-match": tag})
    assert changed.status_code == 200
    assert changed.headers["etag"] != tag


@pytest.mark.rule(22, 172)
async def test_the_name_of_an_arena_without_children_is_for_those_who_are_signed_in(lia: Town) -> None:
    forum = {"arena": await lia.arena("lederforum"), "starts_at": "2026-10-08T12:00:00+02:00"}
    await lia.must("coordinator", "/meetings", forum)
    bup = {"arena": await lia.arena("bup-samarbeid"), "starts_at": "2026-10-06T12:00:00+02:00"}
    await lia.must("coordinator", "/meetings", bup)
    own = events(await lia.get("coordinator", "/calendar"))
    assert [str(each["summary"]) for each in own] == ["Møte", "Lederforum"]
    open_to_all = events(await lia.http.get(await address(lia, "coordinator", language="nn")))
    assert [str(each["summary"]) for each in open_to_all] == ["Møte", "Møte"]
    assert [str(each.get("location")) for each in open_to_all] == ["None", "Notodden"]


async def test_an_address_is_made_shown_to_its_owner_renewed_and_withdrawn(lia: Town) -> None:
    assert (await lia.get("ppt", "/calendar/address")).status_code == 404
    assert await lia.refused("ppt", "/calendar/address/withdrawal") == (404, "not-found")
    await lia.ressursteam()
    first = await address(lia, "ppt")
    assert len(events(await lia.http.get(first))) == 1
    second = await address(lia, "ppt")
    assert first != second
    gone = await lia.http.get(first)
    unknown = await lia.http.get(f"/calendars/{'b' * 64}.ics")
    assert (gone.status_code, gone.json()["code"]) == (404, "not-found")
    assert {**gone.json(), "instance": ""} == {**unknown.json(), "instance": ""}
    assert len(events(await lia.http.get(second))) == 1
    # Another's is another.
    assert await address(lia, "nurse") != second
    assert (await lia.http.get("/calendars/short.ics")).status_code == 404
    withdrawn = await lia.post("ppt", "/calendar/address/withdrawal", headers={"idempotency-key": "once"})
    assert (withdrawn.status_code, withdrawn.json()) == (200, {"until": None})
    again = await lia.post("ppt", "/calendar/address/withdrawal", headers={"idempotency-key": "once"})
    assert (again.status_code, again.headers["idempotency-replayed"]) == (200, "true")
    assert (await lia.http.get(second)).status_code == 404
    assert (await lia.get("ppt", "/calendar/address")).status_code == 404
    assert await lia.refused("ppt", "/calendar/address/withdrawal") == (409, "no-calendar-address")
    third = await address(lia, "ppt")
    assert third not in {first, second}
    # The log has when, and by whom; nobody has the addresses.
    told = [event for event in await lia.published() if ".calendar." in event["type"]]
    ppt = next(event["authid"] for event in told)
    assert [(event["type"].split(".")[-2], event["data"]["number"]) for event in told if event["authid"] == ppt] == [
        ("address-made", 1),
        ("address-made", 2),
        ("address-withdrawn", 2),
        ("address-made", 3),
    ]
    everything = await lia.everything()
    for path in (first, second, third):
        assert path.removeprefix("/calendars/").removesuffix(".ics") not in everything


async def test_the_same_command_twice_makes_one_address(lia: Town) -> None:
    for _ in range(2):
        await lia.post("ppt", "/calendar/address", {}, headers={"idempotency-key": "once"})
    assert len(await lia.published("calendar.address-made.v1")) == 1
    path = (await lia.see("ppt", "/calendar/address"))["path"]
    assert (await lia.http.get(path)).status_code == 200


async def test_an_address_works_for_half_a_year_and_so_many_times_an_hour(lia: Town) -> None:
    path = await address(lia, "ppt")
    for _ in range(READS_AN_HOUR):
        assert (await lia.http.get(path)).status_code == 200
    busy = await lia.http.get(path)
    assert (busy.status_code, busy.json()["code"]) == (429, "calendar-busy")
    assert 1 <= int(busy.headers["retry-after"]) <= 3600
    assert (await lia.http.get(await address(lia, "nurse"))).status_code == 200
    made = lia.clock.now()
    lia.clock.set(made + timedelta(seconds=int(busy.headers["retry-after"])))
    assert (await lia.http.get(path)).status_code == 200
    lia.clock.set(made + WORKS_FOR - timedelta(seconds=1))
    assert (await lia.http.get(path)).status_code == 200
    lia.clock.set(made + WORKS_FOR)
    assert (await lia.http.get(path)).status_code == 404
    assert (await lia.get("ppt", "/calendar/address")).status_code == 404


async def test_whoever_leaves_can_still_withdraw_and_what_they_were_is_not_kept(lia: Town) -> None:
    path = await address(lia, "ppt")
    left = await lia.post("ppt", "/calendar/address/withdrawal", lagspill_roles=[])
    assert left.status_code == 200
    assert (await lia.http.get(path)).status_code == 404
    [row] = await lia.pool.fetch("SELECT token_hash, until, service, unit, coordinator FROM calendars")
    assert tuple(row.values()) == (None, None, None, None, False)


async def day(lia: Town, moment: datetime) -> None:
    """Let it be that time, with what is due then."""
    lia.clock.set(moment)
    kit = lia.kit
    await Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()


@pytest.mark.rule(107)
async def test_the_address_of_whoever_has_left_the_unit_works_no_longer_and_of_whoever_is_away_it_does(
    lia: Town,
) -> None:
    paths = {who: await address(lia, who) for who in ("ppt", "nurse", "teacher")}
    leader = await lia.cases.receiver("ppt-leader")
    left = {"reason": "left", "last_day": "2026-10-30", "falls_to": leader}
    absence = (await lia.cases.must("ppt", "/absences", left))["absence"]
    away = {"reason": "away", "last_day": "2026-10-30", "falls_to": await lia.cases.receiver("nurse-leader")}
    await lia.cases.must("nurse", "/absences", away)
    # Somebody of that name in another unit has left, and is at work here.
    elsewhere = {"lagspill_unit": "unit:haugen-barnehage"}
    styrer = {**(await lia.cases.receiver("styrer")), "unit": "unit:haugen-barnehage"}
    other = {**left, "falls_to": styrer}
    gone = await lia.cases.post("teacher", "/absences", other, claims=elsewhere)
    assert gone.status_code == 201, gone.text
    await lia.carry()
    await day(lia, datetime(2026, 10, 30, 22, 30, tzinfo=UTC))
    assert {who: (await lia.http.get(path)).status_code for who, path in paths.items()} == dict.fromkeys(paths, 200)
    await day(lia, datetime(2026, 10, 30, 23, 0, tzinfo=UTC))
    assert {who: (await lia.http.get(path)).status_code for who, path in paths.items()} == {
        "ppt": 404,
        "nurse": 200,
        "teacher": 200,
    }
    [withdrawn] = await lia.published("address-withdrawn.v1")
    assert "authid" not in withdrawn
    # Who stays after all keeps the next one.
    again = await address(lia, "ppt")
    late = {**left, "last_day": "2026-11-30"}
    lia.cases.clock.set(lia.clock.now())
    absence = (await lia.cases.must("ppt", "/absences", late))["absence"]
    await lia.carry()
    await lia.cases.must("ppt", f"/absences/{absence}/withdrawal")
    await lia.carry()
    await day(lia, datetime(2026, 12, 24, 9, 0, tzinfo=UTC))
    assert (await lia.http.get(again)).status_code == 200


async def test_a_change_of_keys_lets_an_address_work_but_nobody_tell_it(lia: Town) -> None:
    path = await address(lia, "ppt")
    await lia.pool.execute("UPDATE calendars SET token_hash = sha256('another')")
    assert (await lia.see("ppt", "/calendar/address"))["path"] is None
    assert (await lia.http.get(path)).status_code == 404
    assert await address(lia, "ppt") != path


@pytest.mark.rule(2, 22, 172)
async def test_nothing_of_a_child_is_in_any_calendar(lia: Town) -> None:
    """A case by name in a meeting of the team and in one around the child, with everybody's calendars read in every way."""
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    meeting = await lia.ressursteam()
    item = (await lia.add("teacher", meeting, lia.named(case)))["item"]
    transition = {
        "arena": await lia.arena("overgang-barnehage-skole"),
        "starts_at": "2026-10-28T12:00:00+01:00",
        "units": ["unit:lia-barnehage", "unit:tinnes-skole"],
    }
    around = (await lia.must("styrer", "/meetings", transition))["meeting"]
    for who in ("teacher", "styrer", "ppt", "rektor", "nurse", "barnevern", "coordinator"):
        feeds = [await lia.get(who, "/calendar"), await lia.http.get(await address(lia, who))]
        for feed in feeds:
            shown = {str(each["dtstart"].dt): each for each in events(feed)}
            assert ("2026-10-28 12:00:00+01:00" in shown) == (who in {"teacher", "styrer", "ppt", "rektor"})
            assert "LOCATION" not in shown.get("2026-10-28 12:00:00+01:00", ())
            for secret in (case, item, meeting, around, lia.cases.child.name, "Språk", "vergang", "unit:", "arn_"):
                assert secret not in feed.text
    assert await lia.access("read") == []
