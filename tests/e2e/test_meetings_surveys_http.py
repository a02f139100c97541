"""Surveys after meetings over HTTP: each who was there answers once, nobody's answer is anywhere, and a term says what it gave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio

from services.meetings.handlers.desk import Desk
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.refs import LogScope
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import STAFF as TOWNSPEOPLE
from tests.e2e.meetings_world import Town, town
from tests.e2e.test_meetings_reports_http import fresh

pytestmark = [pytest.mark.connected, pytest.mark.rule(74, 152, 153)]

STAFF = ("tynset-styrer", "tynset-ppt", "tynset-nurse", "tynset-barnevern")
GOOD = {"answers": {"equal-part": 4, "heard": 5}}
AFTER = datetime(2026, 9, 22, 12, 0, tzinfo=UTC)
OTHER = {"answers": {"equal-part": 2, "heard": 1}}


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services with their people."""
    async with town(migrated, issuer, clock) as made:
        yield made


async def survey(lia: Town, who: str = "tynset-styrer") -> str:
    """Return where the one survey is that somebody may answer."""
    [line] = (await lia.see(who, "/surveys"))["items"]
    return f"/surveys/{line['survey']}"


async def by_guardian(lia: Town, path: str, ticket: str, *, child: bool = False, who: int = 7) -> httpx.Response:
    """Answer as a guardian with a ticket."""
    role = "child" if child else "guardian"
    claims = {
        "sub": role,
        "lagspill_roles": [role],
        "municipality": "3427",
        "pid": People(who).guardian().national_number,
    }
    token = lia.issuer.token(claims)
    headers = {"authorization": f"Bearer {token}", "idempotency-key": f"{ticket[:20]}-{who}"}
    return await lia.http.post(f"{path}/answers", json={**GOOD, "ticket": ticket}, headers=headers)


async def handed_out(lia: Town, path: str) -> dict[str, str]:
    """Return the tickets of the seats, by service, as the styrer hands them out."""
    seats = (await lia.see("tynset-styrer", f"{path}/tickets"))["seats"]
    return {str(seat["service"]): str(seat["ticket"]) for seat in seats}


async def with_ticket(lia: Town, path: str, who: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return an answer with the ticket of somebody's seat."""
    return {**body, "ticket": (await handed_out(lia, path))[str(TOWNSPEOPLE[who][1])]}


async def until(lia: Town, moment: str) -> None:
    """Let it be that moment, and everything be done that was due by then."""
    lia.clock.set(datetime.fromisoformat(moment))
    kit = lia.kit
    await Deadlines(
        kit.pool, lia.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()


@pytest.mark.rule(73)
async def test_each_who_was_there_answers_once_and_the_term_says_what_it_gave(lia: Town) -> None:
    meeting = await lia.tst(guardians=2)
    [opened] = await lia.published("survey.opened.v1")
    assert (opened["data"]["meeting"], opened["data"]["form"]) == (meeting, "equal-parts")
    path = await survey(lia)
    shown = await lia.see("tynset-ppt", path)
    assert [question["question"] for question in shown["questions"]] == ["equal-part", "heard"]
    assert (shown["answered"], shown["closed"]) == (False, False)
    for who in STAFF:
        mine = await with_ticket(lia, path, who, GOOD if who != "tynset-nurse" else OTHER)
        if who == "tynset-ppt":
            # A colleague in the same role was not there, and has no ticket; whose it is nobody is asked, before it is used or after.
            assert await lia.refused("tynset-ppt-colleague", f"{path}/answers", GOOD) == (422, "survey-ticket-missing")
        assert (await lia.post(who, f"{path}/answers", mine)).status_code == 201
        assert await lia.refused(who, f"{path}/answers", mine) == (409, "survey-answered")
        assert [line["answered"] for line in (await lia.see(who, "/surveys"))["items"]] == [True]
    used = await with_ticket(lia, path, "tynset-ppt", GOOD)
    assert await lia.refused("tynset-ppt-colleague", f"{path}/answers", used) == (409, "survey-answered")
    # Who calls the meeting hands out the tickets; they are the same whether or not one was used.
    assert (await lia.get("tynset-ppt", f"{path}/tickets")).json()["code"] == "survey-tickets-forbidden"
    tickets = (await lia.see("tynset-styrer", f"{path}/tickets"))["tickets"]
    assert len(set(tickets)) == 2
    assert (await by_guardian(lia, path, tickets[0])).status_code == 201
    # Once each, whichever tickets they have.
    assert (await by_guardian(lia, path, tickets[1])).json()["code"] == "survey-answered"
    assert (await by_guardian(lia, path, tickets[0], who=8)).json()["code"] == "survey-answered"
    assert (await by_guardian(lia, path, tickets[1], child=True, who=8)).status_code == 201
    assert (await lia.see("tynset-styrer", f"{path}/tickets"))["tickets"] == tickets
    assert await lia.pool.fetchval("SELECT count(*) FROM survey_tickets") == 0
    assert (await lia.see("tynset-coordinator", "/survey-results"))["items"] == []
    await until(lia, "2026-09-22T12:00:00+02:00")
    assert await lia.refused("tynset-styrer", f"{path}/answers", GOOD) == (409, "survey-closed")
    assert (await lia.get("tynset-styrer", f"{path}/tickets")).json()["code"] == "survey-closed"
    assert (await lia.see("tynset-ppt", path))["closed"] is True
    assert (await lia.see("tynset-styrer", "/surveys"))["items"] == []
    await until(lia, "2027-01-17T07:00:00+01:00")
    [result] = (await lia.see("tynset-coordinator", "/survey-results?limit=1"))["items"]
    assert (result["answers"], result["too_few"], result["first"], result["last"]) == (
        6,
        False,
        "2026-08-01",
        "2026-12-31",
    )
    assert result["results"] == [{"question": "equal-part", "mean": 3.7}, {"question": "heard", "mean": 4.3}]
    assert (await lia.see("tynset-styrer", "/survey-results"))["items"] == [result]
    for who in ("tynset-teacher", "tynset-ppt"):
        assert (await lia.get(who, "/survey-results")).json()["code"] == "reports-forbidden"
    assert (await lia.see("coordinator", "/survey-results"))["items"] == []
    for who, there in (("tynset-styrer", True), ("tynset-teacher", False)):
        page = await lia.get(who, "/year-wheel/page?language=en")
        assert ("<td>6</td><td>3.7</td>" in page.text) == there
    await fresh(lia)
    report = await lia.see("tynset-coordinator", "/reports/practice-and-gains?period=2026-autumn")
    [told] = [each for section in report["sections"] for survey in section["surveys"] for each in survey["rounds"]]
    assert (told["answers"], [each["mean"] for each in told["questions"]]) == (6, [3.7, 4.3])
    kinds = [event["type"].split(".", 3)[3] for event in await lia.published() if ".survey" in event["type"]]
    assert kinds == ["survey.opened.v1", "survey.closed.v1", "survey-round.completed.v1"]


async def test_nothing_that_is_left_leads_from_an_answer_to_whoever_gave_it(lia: Town) -> None:
    await lia.tst(guardians=1)
    path = await survey(lia)
    actors = {who: lia.kit.authenticator.names.of_subject(lia.issuer.issuer, who) for who in STAFF}
    before = {row["id"]: row["state"] for row in await lia.pool.fetch("SELECT id, state FROM aggregates")}
    sealed = [len(row["ciphertext"]) for row in await lia.pool.fetch("SELECT ciphertext FROM vault_records")]
    published = len(await lia.published())
    tickets = await handed_out(lia, path)
    for who, service, said in (("tynset-ppt", "ppt", GOOD), ("tynset-nurse", "helsestasjon", OTHER)):
        body = {**said, "ticket": tickets[service]}
        key = {"idempotency-key": f"of-{who}"}
        first = await lia.post(who, f"{path}/answers", body, headers=key)
        again = await lia.post(who, f"{path}/answers", body, headers=key)
        assert (first.status_code, again.status_code, again.headers["idempotency-replayed"]) == (201, 201, "true")
        assert first.json() == {"taken": True}
        changed = {**body, "answers": {"equal-part": 1, "heard": 3}}
        other = await lia.post(who, f"{path}/answers", changed, headers=key)
        assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    # No event, no state, no length tells of an answer; no row holds an actor, the client's key, or a time within the day.
    assert len(await lia.published()) == published
    after = {row["id"]: row["state"] for row in await lia.pool.fetch("SELECT id, state FROM aggregates")}
    assert after == before
    assert [len(row["ciphertext"]) for row in await lia.pool.fetch("SELECT ciphertext FROM vault_records")] == sealed
    rows = await lia.pool.fetch("SELECT * FROM idempotency_keys WHERE actor = 'act_nobody-in-particular'")
    assert len(rows) == 2
    assert {row["created_at"].isoformat() for row in rows} == {"2026-09-07T22:00:00+00:00"}
    assert all(b"srv_" not in row["body"] and "tynset" not in row["key"] for row in rows)
    for table in ("survey_marks", "survey_tickets", "vault_records", "surveys", "survey_rounds"):
        text = str([dict(row) for row in await lia.pool.fetch(f'SELECT * FROM "{table}"')])
        assert not [actor for actor in actors.values() if actor in text]
        assert not [ticket for ticket in tickets.values() if ticket in text]
    # What a ticket left says neither whose seat it was for, nor who used it.
    assert len(await lia.pool.fetch("SELECT * FROM survey_marks")) == 4
    assert {row["service"] for row in await lia.pool.fetch("SELECT service FROM survey_tickets")} == {None}
    times = await lia.pool.fetch(
        "SELECT changed_at AS at FROM aggregates WHERE kind = 'survey' UNION ALL SELECT written_at FROM vault_records"
        " WHERE owner LIKE 'srd_%'"
    )
    assert {row["at"].isoformat() for row in times} == {"2026-09-07T22:00:00+00:00"}
    # When the term is over even what hides them is gone, with the sums: two answers are too few to say anything of.
    await until(lia, "2026-09-22T12:00:00+02:00")
    for table in ("survey_marks", "survey_tickets"):
        assert await lia.pool.fetchval(f'SELECT count(*) FROM "{table}"') == 0
    await until(lia, "2027-01-17T07:00:00+01:00")
    [result] = (await lia.see("tynset-coordinator", "/survey-results"))["items"]
    assert (result["answers"], result["too_few"], result["results"]) == (None, True, [])
    assert (
        await lia.pool.fetchval("SELECT count(*) FROM data_keys WHERE owner LIKE 'srd_%' AND wrapped IS NOT NULL") == 0
    )


async def test_what_is_refused(lia: Town) -> None:
    await lia.tst(guardians=1)
    path = await survey(lia)
    for who in ("tynset-teacher", "kvikne-styrer", "coordinator", "styrer"):
        assert await lia.refused(who, f"{path}/answers", GOOD) == (404, "not-found")
        assert (await lia.get(who, path)).status_code == 404
        assert (await lia.see(who, "/surveys"))["items"] == []
    assert (await lia.see("tynset-coordinator", path))["form"] == "equal-parts"
    assert await lia.refused("tynset-coordinator", f"{path}/answers", GOOD) == (404, "not-found")
    mine = await with_ticket(lia, path, "tynset-styrer", GOOD)
    for answers in ({"heard": 3}, {"heard": 3, "equal-part": 3, "another": 3}):
        wrong = await lia.refused("tynset-styrer", f"{path}/answers", {**mine, "answers": answers})
        assert wrong == (422, "survey-answers-wrong")
    # A seat's ticket is for those who can have sat there: whoever hands it out does not answer with another's.
    for who, service in (("tynset-styrer", "ppt"), ("tynset-ppt", "barnehage"), ("kvikne-styrer", "barnehage")):
        others = {**GOOD, "ticket": (await handed_out(lia, path))[service]}
        assert await lia.refused(who, f"{path}/answers", others) == (404, "not-found")
    assert (await by_guardian(lia, path, mine["ticket"])).json()["code"] == "not-found"
    for answers in ({}, {"heard": 3, "equal-part": 6}, {"heard": 0, "equal-part": 3}):
        assert await lia.refused("tynset-styrer", f"{path}/answers", {"answers": answers}) == (422, "input-invalid")
    [ticket] = (await lia.see("tynset-styrer", f"{path}/tickets"))["tickets"]
    # A family's ticket is for the family: staff have their seats', and a guardian without one does not answer.
    assert await lia.refused("tynset-styrer", f"{path}/answers", {**GOOD, "ticket": ticket}) == (404, "not-found")
    assert (await by_guardian(lia, path, "b" * 64)).json()["code"] == "not-found"
    claims = {
        "sub": "g",
        "lagspill_roles": ["guardian"],
        "municipality": "3427",
        "pid": People(7).guardian().national_number,
    }
    headers = {"authorization": f"Bearer {lia.issuer.token(claims)}", "idempotency-key": "without"}
    assert (await lia.http.post(f"{path}/answers", json=GOOD, headers=headers)).status_code == 404
    assert (await lia.http.get(path, headers=headers)).json()["answered"] is False
    assert (await by_guardian(lia, path, ticket)).status_code == 201
    headers["idempotency-key"] = "again"
    spent = await lia.http.post(f"{path}/answers", json={**GOOD, "ticket": ticket}, headers=headers)
    assert (spent.status_code, spent.json()["code"]) == (409, "survey-answered")
    assert (await lia.http.post(f"{path}/answers", json=GOOD)).status_code == 401
    assert (await lia.get("tynset-styrer", f"/surveys/srv_{'b' * 26}/tickets")).status_code == 404


async def test_the_meetings_of_a_term_are_counted_together(lia: Town) -> None:
    for starts_at in ("2026-09-08T09:00:00+02:00", "2026-10-13T09:00:00+02:00"):
        await lia.tst(starts_at=starts_at)
        path = await survey(lia)
        for who in STAFF[:3]:
            await lia.must(who, f"{path}/answers", await with_ticket(lia, path, who, GOOD))
        await until(lia, (lia.clock.now() + timedelta(days=14)).isoformat())
    assert len({event["data"]["round"] for event in await lia.published("survey.opened.v1")}) == 1
    await until(lia, "2027-01-17T07:00:00+01:00")
    [result] = (await lia.see("tynset-coordinator", "/survey-results"))["items"]
    # Three answers after each of two meetings: neither could be shown, both together can.
    assert (result["answers"], [each["mean"] for each in result["results"]]) == (6, [4.0, 5.0])


@pytest.mark.rule(156)
async def test_a_meeting_counts_in_the_term_in_which_it_was_held_however_late_that_is_recorded(lia: Town) -> None:
    first, second = "2026-12-15T09:00:00+01:00", "2026-12-16T09:00:00+01:00"
    meetings = [await lia.tst_called(starts_at) for starts_at in (first, second)]
    autumn = ("2026-08-01", "2026-12-31")
    # Recorded after New Year, while the autumn's round still counts.
    await lia.tst_held(meetings[0], first, guardians=1, recorded="2027-01-05T09:00:00+01:00")
    path = await survey(lia)
    for who in STAFF:
        await lia.must(who, f"{path}/answers", await with_ticket(lia, path, who, GOOD))
    [ticket] = (await lia.see("tynset-styrer", f"{path}/tickets"))["tickets"]
    assert (await by_guardian(lia, path, ticket)).status_code == 201
    await until(lia, "2027-01-17T07:00:00+01:00")
    assert (await lia.see("tynset-coordinator", "/survey-results"))["items"] == []
    await until(lia, "2027-01-19T10:00:00+01:00")
    [told] = (await lia.see("tynset-coordinator", "/survey-results"))["items"]
    assert (told["first"], told["last"], told["answers"]) == (*autumn, 5)
    # Recorded when that is completed: a round of its own, of the same term, and the spring has nothing of it.
    await lia.tst_held(meetings[1], second, recorded="2027-02-10T09:00:00+01:00")
    path = await survey(lia)
    for who in STAFF:
        await lia.must(who, f"{path}/answers", await with_ticket(lia, path, who, OTHER))
    await until(lia, "2027-02-25T09:00:00+01:00")
    results = (await lia.see("tynset-coordinator", "/survey-results"))["items"]
    assert [(each["first"], each["last"]) for each in results] == [autumn, autumn]
    # What was told stands, and four answers are too few by themselves too.
    assert sorted((each["answers"] or 0, each["too_few"]) for each in results) == [(0, True), (5, False)]
    assert (
        await lia.pool.fetchval("SELECT count(*) FROM data_keys WHERE owner LIKE 'srd_%' AND wrapped IS NOT NULL") == 0
    )


@pytest.mark.rule(73, 189)
async def test_a_child_that_was_there_by_what_is_recorded_afterwards_may_answer_too(lia: Town) -> None:
    """Whoever recorded the meeting was not shown the item: somebody else says that it was discussed, and that the child was there."""
    app = lia.parts.app
    desk: Desk = app.state.desk  # type: ignore[attr-defined]
    [form] = desk.profiles[LogScope("3427")].surveys
    asking = desk.profiles[LogScope("4005")].model_copy(
        update={"surveys": (form.model_copy(update={"after": ("ressursteam",)}),)}
    )
    app.state.desk = replace(desk, profiles={**desk.profiles, LogScope("4005"): asking})  # type: ignore[attr-defined]
    case = await lia.cases.opened()
    await lia.cases.consented(case)
    await lia.carry()
    path = f"/meetings/{await lia.ressursteam()}"
    items = [await lia.must("styrer", f"{path}/agenda-items", lia.named(case)) for _ in range(2)]
    lia.clock.set(AFTER)
    kin: dict[str, Any] = {"pid": lia.cases.guardian_a.national_number}
    held = await lia.post("styrer", f"{path}/holding", lia.held([]), **kin)
    assert held.status_code == 200, held.text
    [line] = (await lia.see("styrer", "/surveys"))["items"]
    tickets = f"/surveys/{line['survey']}/tickets"
    before = await lia.see("styrer", tickets)
    assert before["tickets"] == []
    await lia.must("styrer", f"{path}/discussions", {"item": items[0]["item"], "child": "present"})
    after = await lia.see("styrer", tickets)
    assert (len(after["tickets"]), after["seats"]) == (1, before["seats"])
    # The same child, spoken of twice, has one.
    await lia.must("styrer", f"{path}/discussions", {"item": items[1]["item"], "child": "present"})
    assert await lia.see("styrer", tickets) == after
    body = {**GOOD, "ticket": after["tickets"][0]}
    own: dict[str, Any] = {"lagspill_roles": ["child"], "pid": People(9).guardian().national_number}
    for expected in (201, 409):
        token = lia.issuer.token({"sub": "child", "municipality": "4005", **own})
        headers = {"authorization": f"Bearer {token}", "idempotency-key": f"{after['tickets'][0][:20]}-{expected}"}
        answered = await lia.http.post(f"/surveys/{line['survey']}/answers", json=body, headers=headers)
        assert answered.status_code == expected, answered.text
