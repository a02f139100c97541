"""Who has seen our child: the cases service says who may ask, the audit service's log says who looked. Both real, over HTTP."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI, Request

from services.audit.domain.note import open_note
from shared.clock import SimulatedClock
from shared.envelope import number
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.audit_served import audit_service
from tests.e2e.cases_world import KEY, cases_world
from tests.e2e.innsyn_town import Town, running
from tests.integration.audit_world import SIGNER
from tests.tally_app import served
from tests.unit.pdf_as_read import Pdf

pytestmark = [pytest.mark.connected, pytest.mark.story(22)]


@pytest_asyncio.fixture
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Both services."""
    async with running(migrated, issuer, clock) as made:
        yield made


async def _nothing(case: str) -> dict[str, str]:
    """Answer as no cases service does."""
    return {"case": case}


def recipients(report: dict[str, Any]) -> list[tuple[str | None, str | None, str | None, int]]:
    """Service, role, organisation and looks of each row."""
    return [
        (
            row["recipient"]["service"],
            row["recipient"]["role"],
            row["recipient"]["organisation"],
            row["looks"],
        )
        for row in report["rows"]
    ]


async def test_a_guardian_sees_real_readings_and_no_denied_attempt(town: Town) -> None:
    case = await town.looked_at()
    report = await town.report("guardian-a", case)
    assert sorted(recipients(report)) == [
        ("barnehage", "teacher", "310001015", 1),
        ("helsestasjon", "health-nurse", "310001058", 2),
        ("ppt", "ppt-adviser", "310001031", 1),
    ]
    assert report["looks"] == 4
    ppt = next(row for row in report["rows"] if row["recipient"]["service"] == "ppt")
    assert (ppt["basis"]["code"], ppt["shared_until"], ppt["categories"]) == (
        "consent",
        "2027-07-31",
        ["development", "identity", "language"],
    )
    for word in ("deny", "haugen", "310001090", "barnevern", "act_", town.cases.child.given_name):
        assert word not in json.dumps(report)


async def test_the_report_carries_the_checkpoint_it_was_made_from_and_never_changes(town: Town) -> None:
    case = await town.looked_at()
    report = await town.report("guardian-a", case)
    note = open_note(report["note"].encode(), [SIGNER.named(report["log"]).verifier])
    assert note.splitlines()[:2] == [report["log"], str(report["size"])]
    positions = sorted(position for row in report["rows"] for position in row["positions"])
    assert positions[-1] < report["size"]
    for position in positions:
        entry = await town.audit.see(f"/entries/{position}")
        assert (entry["case"], entry["kind"], entry["permitted"]) == (case, "read", True)
    await town.cases.see("nurse", f"/cases/{case}/child")
    await town.log()
    again = (await town.read("guardian-a", report["report"])).json()
    assert {key: again[key] for key in report} == report
    assert (await town.report("guardian-a", case))["looks"] == 5


async def test_making_and_each_reading_are_committed_as_entries_first(town: Town) -> None:
    case = await town.looked_at()
    made = await town.ask("guardian-a", case, key="same")
    assert made.headers["location"] == f"/innsyn-reports/{made.json()['report']}"
    replayed = await town.ask("guardian-a", case, key="same")
    assert (replayed.json(), replayed.headers["idempotency-replayed"]) == (made.json(), "true")
    events = [json.loads(row["body"]) for row in await town.audit.pool.fetch("SELECT body FROM outbox ORDER BY id")]
    [event] = [one for one in events if one["type"] == "no.lagspill.audit.innsyn-report.made.v1"]
    assert event["municipality"] == "4005"
    assert (event["data"]["case"], event["data"]["looks"]) == (case, 4)
    looks = await town.audit.recorded()
    assert [(one["kind"], one["actor"]["role"], one["basis"]["code"]) for one in looks] == [
        ("log-read", "guardian", "parental-responsibility")
    ]
    for accept in ("application/json", "text/html", "application/pdf"):
        assert (await town.read("guardian-a", made.json()["report"], accept)).status_code == 200
    assert [one["kind"] for one in await town.audit.recorded()] == ["log-read"] * 4
    row = await town.audit.pool.fetchrow("SELECT scope, state::text FROM aggregates WHERE kind = 'innsyn-report'")
    assert row is not None
    assert row["scope"] == "4005"
    assert "310001058" not in row["state"], "what was read is in the log, and kept nowhere else"


@pytest.mark.parametrize(
    ("who", "claims", "status", "code", "reason"),
    [
        ("stranger", {}, 404, "not-found", "no-relation"),
        ("stranger", {"municipality": "4003"}, 404, "not-found", "no-relation"),
        ("curious", {}, 404, "not-found", "no-relation"),
        ("teacher", {"municipality": "4003"}, 404, "not-found", "other-municipality"),
        ("teacher", {}, 403, "insight-not-permitted", "not-in-table"),
        ("nurse", {}, 403, "insight-not-permitted", "not-in-table"),
        ("child", {}, 404, "not-found", "barred-by-age"),
    ],
)
async def test_nobody_else_is_told_and_the_asking_is_recorded(
    town: Town, who: str, claims: dict[str, str], status: int, code: str, reason: str
) -> None:
    case = await town.looked_at()
    refused = await town.ask(who, case, **claims)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert (await town.cases.access("deny"))[-1]["reason"] == reason
    assert await town.audit.recorded() == []


async def test_a_report_is_its_askers_and_only_while_the_right_lasts(town: Town) -> None:
    case = await town.looked_at()
    made = (await town.ask("guardian-a", case)).json()["report"]
    for who in ("guardian-b", "teacher", "stranger"):
        assert (await town.read(who, made)).json()["code"] == "not-found"
        assert (await town.audit.recorded())[-1]["reason"] == "not-your-report"
    unknown = await town.read("guardian-a", "inn_" + "b" * 26)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "not-found")
    mine = (await town.cases.see("guardian-a", "/me"))["actor"]
    await town.cases.pool.execute("UPDATE kin SET until = $2 WHERE actor = $1", mine, town.cases.clock.now())
    assert (await town.read("guardian-a", made)).status_code == 404


async def test_the_other_parent_s_and_the_child_s_own_looks_are_left_out(town: Town) -> None:
    case = await town.looked_at()
    assert all(row["recipient"]["kind"] == "employee" for row in (await town.report("guardian-a", case))["rows"])
    mine = [row for row in (await town.report("guardian-b", case))["rows"] if row["recipient"]["kind"] == "you"]
    assert [row["looks"] for row in mine] == [1]
    town.cases.clock.set(datetime(town.cases.child.born.year + 13, 6, 1, 12, tzinfo=UTC))
    of_child = await town.report("child", case)
    assert sorted({row["recipient"]["kind"] for row in of_child["rows"]}) == ["employee", "guardian"]


async def test_from_sixteen_health_is_the_child_s_own(town: Town) -> None:
    case = await town.looked_at()
    town.cases.clock.set(datetime(town.cases.child.born.year + 16, 12, 31, 12, tzinfo=UTC))
    teachers = [
        next(row for row in (await town.report(who, case))["rows"] if row["recipient"]["service"] == "barnehage")
        for who in ("guardian-a", "child")
    ]
    assert ["health" in row["categories"] for row in teachers] == [False, True]


async def test_an_address_protected_case_s_report_is_from_its_own_log_and_tells_no_place(town: Town) -> None:
    receipt = await town.cases.must("teacher", "/concerns", town.cases.concern(address_protected=True))
    case = receipt["case"]
    await town.cases.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await town.cases.see("teacher", f"/cases/{case}/child")
    await town.log()
    made = (await town.ask("guardian-a", case)).json()
    assert "/prt_" in made["log"]
    pages = [
        (await town.read("guardian-a", made["report"], accept)).text for accept in ("application/json", "text/html")
    ]
    for text in pages:
        for place in ("310001015", "lia-barnehage", "4005", "Notodden"):
            assert place not in text
    assert json.loads(pages[0])["rows"][0]["recipient"]["place_hidden"] is True
    recorded = (await town.audit.recorded())[-1]
    assert (recorded["address_protected"], recorded["actor"].get("unit")) == (True, None)


@pytest.mark.parametrize("cases_url", [None, "http://127.0.0.1:9", "wrong"])
async def test_no_answer_from_the_cases_service_is_a_no(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, cases_url: str | None
) -> None:
    """No address, nobody there, or something that answers otherwise: 503, and nothing is made or told."""
    async with AsyncExitStack() as stack:
        cases = await stack.enter_async_context(cases_world(migrated, issuer, clock))
        if cases_url == "wrong":
            another = FastAPI()
            another.get("/cases/{case}/insight-right")(_nothing)
            host, port = await stack.enter_async_context(served(another))
            cases_url = f"http://{host}:{port}"
        audit = await stack.enter_async_context(
            audit_service(migrated, issuer, clock, pid_key=KEY, told={"cases_url": cases_url})
        )
        town = Town(cases, audit)
        refused = await town.ask("guardian-a", await town.looked_at())
        assert (refused.status_code, refused.json()["code"]) == (503, "insight-right-unknown")
        assert "retry-after" in refused.headers
        assert await audit.recorded() == []


async def test_services_with_different_keys_for_people_tell_nobody_anything(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    async with running(migrated, issuer, clock) as town:
        case = await town.looked_at()
        async with (
            served(town.cases.parts.app) as (address, at),
            audit_service(migrated, issuer, clock, told={"cases_url": f"http://{address}:{at}"}) as other,
        ):
            alone = Town(town.cases, other)
            await alone.log()
            assert (await alone.ask("guardian-a", case)).json()["code"] == "insight-right-unknown"


async def test_a_log_that_has_nothing_of_the_case_yet_is_waited_for(town: Town) -> None:
    case = await town.cases.opened()
    early = await town.ask("guardian-a", case)
    assert (early.status_code, early.json()["code"]) == (503, "log-behind")


async def test_forms_and_languages(town: Town) -> None:
    case = await town.looked_at()
    made = (await town.ask("guardian-b", case)).json()["report"]
    page = await town.read("guardian-b", made, "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-language"] == "en", "the language that the vault has for this guardian"
    assert page.headers["cache-control"] == "private, no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    pdf = await town.read("guardian-b", made, "application/pdf", language="nn", large="true")
    assert (pdf.headers["content-type"], pdf.headers["content-language"]) == ("application/pdf", "nn")
    assert f'filename="innsyn-{made}.pdf"' in pdf.headers["content-disposition"]
    assert "Kven har sett opplysningane om barnet" in Pdf(pdf.content).tree().text
    data = await town.read("guardian-b", made, "text/html", format="json")
    assert data.headers["content-type"] == "application/json"
    assert data.headers["etag"] == '"v1"'
    assert (await town.read("guardian-b", made, language="da")).status_code == 422


async def test_what_is_put_on_the_bus_by_anybody_cannot_break_the_report(town: Town) -> None:
    """Records of the case that are no proper access records are counted; those of far-away years too."""
    case = await town.looked_at()
    [body] = [
        bytes(row["body"]) for row in await town.cases.pool.fetch("SELECT body FROM outbox ORDER BY id DESC LIMIT 1")
    ]
    broken = []
    for nth, change in enumerate(({"kind": "devour"}, {"valid_to": "0001-01-01T00:00:00Z"}, {"categories": "health"})):
        event = json.loads(number(body, 900 + nth))
        event["id"] = f"019a9c3e-5d2e-7c40-9c55-0000000000{nth:02}"
        event["data"] |= {"kind": "read", "permitted": True, **change}
        broken.append(json.dumps(event).encode())
    await town.audit.world.take(*broken)
    report = await town.report("guardian-a", case)
    assert (report["looks"], report["unreadable"]) == (4, 3)


async def test_names_come_from_the_municipality_s_own_directory(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    """Only of health services (pasientjournalloven § 22 a), only where a directory is opened, and only what it answers."""
    directory, asked = FastAPI(), []

    @directory.post("/names")
    async def names(request: Request) -> dict[str, dict[str, str]]:
        asked.append((request.headers.get("authorization"), (await request.json())["actors"]))
        return {"names": {asked[-1][1][0]: "Helga <b>Eksempelsen</b>", "act_somebody-else": "Nobody"}}

    async with (
        served(directory) as (host, port),
        running(migrated, issuer, clock, innsyn_names_url=f"http://{host}:{port}/names") as town,
    ):
        case = await town.looked_at()
        made = (await town.ask("guardian-a", case)).json()["report"]
        page = (await town.read("guardian-a", made, "text/html")).text
        nurse = (await town.cases.see("nurse", "/me"))["actor"]
    assert asked == [(None, [nurse])]
    assert "Navn: Helga &lt;b&gt;Eksempelsen&lt;/b&gt;" in page
    assert "Nobody" not in page
