"""Figures that people enter, over HTTP: by whom the profile names, once, corrected with everything kept, and read in the report."""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from services.meetings.app import SERVICE, create_desk
from services.meetings.domain.stretch import Every
from services.meetings.domain.undertakings import Owner
from services.meetings.handlers.figure_duties import expect_figures
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.refs import LogScope
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e.meetings_world import Town, town
from tests.e2e.test_meetings_reports_http import fresh

pytestmark = pytest.mark.connected

SKIEN: Final[dict[str, Any]] = {"municipality": "4003", "lagspill_unit": "unit:skien-kommune"}
WELFARE: Final[dict[str, Any]] = {
    "municipality": "4003",
    "lagspill_unit": "unit:skien-barnevern",
    "lagspill_service": "barnevern",
}
PATH: Final = "/entered-figures"
CALLS: Final = {"indicator": "service-centre-calls", "period": "2026-11", "value": 412, "source": "web-statistics"}
LOW: Final = {"indicator": "low-level-measures", "period": "2026", "value": 3, "source": "case-system"}


@pytest_asyncio.fixture
async def skien(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """The service, when the year is over."""
    async with town(migrated, issuer, clock) as made:
        made.clock.set(datetime(2027, 1, 4, 9, 0, tzinfo=UTC))
        yield made


async def rows_of(made: Town) -> int:
    """Return how many numbers are kept."""
    count: int = await made.pool.fetchval("SELECT count(*) FROM entered_numbers")
    return count


@pytest.mark.rule(150, 151, 155)
async def test_a_figure_is_entered_by_whom_the_profile_names_and_what_is_none_changes_nothing(skien: Town) -> None:
    for who, claims, changes, answered in (
        ("coordinator", SKIEN, {"indicator": "satisfaction"}, (422, "indicator-unknown")),
        ("coordinator", SKIEN, {"indicator": "nothing-at-all"}, (422, "indicator-unknown")),
        ("coordinator", SKIEN, LOW, (403, "figure-not-yours")),
        ("styrer", {**SKIEN, "lagspill_unit": "unit:falkum-barnehage"}, {}, (403, "figure-not-yours")),
        ("teacher", {**SKIEN, "lagspill_roles": ["auditor"]}, {}, (403, "figure-not-yours")),
        ("coordinator", SKIEN, {"period": "2026-autumn"}, (422, "figure-period-wrong")),
        ("coordinator", SKIEN, {"period": "2027-01"}, (409, "period-not-over")),
        ("coordinator", SKIEN, {"unit": "unit:falkum-skole"}, (422, "figure-unit-wrong")),
        ("coordinator", SKIEN, {"value": 4.5}, (422, "figure-value-wrong")),
        ("coordinator", SKIEN, {"of": 500}, (422, "figure-value-wrong")),
        ("coordinator", SKIEN, {"value": -1}, (422, "validation-failed")),
        ("coordinator", SKIEN, {"value": "mange"}, (422, "validation-failed")),
        ("coordinator", SKIEN, {"value": None}, (422, "validation-failed")),
        ("coordinator", SKIEN, {"source": "hearsay"}, (422, "validation-failed")),
        ("coordinator", SKIEN, {"period": "2026-13"}, (422, "validation-failed")),
        ("coordinator", {}, {}, (403, "figure-not-yours")),
        ("coordinator", {"municipality": "0301"}, {}, (409, "arena-retired")),
    ):
        refused = await skien.post(who, PATH, {**CALLS, **changes}, **claims)
        assert refused.status_code == answered[0], (changes, refused.text)
        assert refused.json()["code"] in {answered[1], "input-invalid"}, changes
    assert await rows_of(skien) == 0
    assert await skien.published("figure.entered.v1") == []
    entered = await skien.post("coordinator", PATH, CALLS, **SKIEN)
    assert (entered.status_code, entered.headers["etag"]) == (201, '"v1"')
    figure = entered.json()["figure"]
    assert entered.headers["location"] == f"{PATH}/{figure}"
    again = await skien.post("coordinator", PATH, {**CALLS, "value": 500}, **SKIEN)
    assert (again.status_code, again.json()["code"], again.json()["figure"]) == (409, "figure-entered", figure)
    assert (await skien.post("styrer", PATH, LOW, **WELFARE)).status_code == 201
    assert await rows_of(skien) == 2
    [calls, low] = await skien.published("figure.entered.v1")
    assert calls["data"] == {"figure": figure, "indicator": "service-centre-calls", "period": "2026-11"}
    assert low["municipality"] == "4003"
    assert "value" not in str(low["data"]), "no number is on the bus, least of all a small one"


@pytest.mark.rule(151)
async def test_a_correction_keeps_what_was_there_by_whom_and_when_and_nothing_is_taken_away(skien: Town) -> None:
    figure = (await skien.post("coordinator", PATH, CALLS, **SKIEN)).json()["figure"]
    path = f"{PATH}/{figure}"
    corrected = {"value": 421, "source": "web-statistics", "reason": "wrong-number"}
    unguarded = await skien.post("coordinator", f"{path}/corrections", corrected, **SKIEN)
    assert (unguarded.status_code, unguarded.json()["code"]) == (428, "if-match-missing")
    stale = await skien.post("coordinator", f"{path}/corrections", corrected, headers={"if-match": '"v7"'}, **SKIEN)
    assert stale.status_code == 412
    skien.clock.set(datetime(2027, 1, 5, 9, 0, tzinfo=UTC))
    key = {"if-match": '"v1"', "idempotency-key": "the-same"}
    for _ in range(2):
        taken = await skien.post("coordinator", f"{path}/corrections", corrected, headers=key, **SKIEN)
        assert (taken.status_code, taken.json()["entries"]) == (201, 2)
    same = await skien.post("coordinator", f"{path}/corrections", corrected, headers={"if-match": '"v2"'}, **SKIEN)
    assert (same.status_code, same.json()["entries"]) == (201, 2), "the same again changes nothing"
    for wrong, code in ((-1, "validation-failed"), (1.5, "figure-value-wrong")):
        refused = await skien.post(
            "coordinator", f"{path}/corrections", {**corrected, "value": wrong}, headers={"if-match": '"v2"'}, **SKIEN
        )
        assert refused.status_code == 422
        assert refused.json()["code"] in {code, "input-invalid"}
    shown = await skien.get("coordinator", path, **SKIEN)
    assert shown.headers["etag"] == '"v2"'
    first, second = shown.json()["entries"]
    assert (first["value"], first["reason"], first["role"]) == (412.0, None, "coordinator")
    assert first["entered_at"].startswith("2027-01-04")
    assert (second["value"], second["reason"]) == (421.0, "wrong-number")
    assert second["entered_at"].startswith("2027-01-05")
    assert second["entered_by"].startswith("act_")
    [event] = await skien.published("figure.corrected.v1")
    assert (event["data"]["number"], event["data"]["reason"]) == (2, "wrong-number")
    # To others it is none, and nobody, not even with the database, takes an entry away by mistake.
    for who, claims in (("styrer", WELFARE), ("teacher", SKIEN), ("coordinator", {})):
        hidden = await skien.get(who, path, **claims)
        assert (hidden.status_code, hidden.json()["code"]) == (404, "not-found")
        refused = await skien.post(who, f"{path}/corrections", corrected, headers={"if-match": '"v2"'}, **claims)
        assert refused.status_code == 404
    for statement in ("DELETE FROM entered_numbers", "UPDATE entered_numbers SET tenths = 1"):
        with pytest.raises(asyncpg.RaiseError, match="further row"):
            await skien.pool.execute(statement)


@pytest.mark.rule(151)
async def test_of_two_who_enter_or_correct_at_once_one_is_refused(skien: Town) -> None:
    both = await asyncio.gather(*(skien.post("coordinator", PATH, {**CALLS, "value": n}, **SKIEN) for n in (1, 2)))
    assert sorted(each.status_code for each in both) == [201, 409]
    assert await rows_of(skien) == 1
    [figure] = [each.json()["figure"] for each in both if each.status_code == 201]
    corrected = {"source": "other", "reason": "source-changed"}
    both = await asyncio.gather(
        *(
            skien.post(
                "coordinator",
                f"{PATH}/{figure}/corrections",
                {**corrected, "value": n},
                headers={"if-match": '"v1"'},
                **SKIEN,
            )
            for n in (3, 4)
        )
    )
    assert sorted(each.status_code for each in both) == [201, 412]
    assert await rows_of(skien) == 2


@pytest.mark.rule(150, 151, 154, 155)
async def test_who_enters_sees_what_is_missing_and_late(skien: Town) -> None:
    await skien.post("coordinator", PATH, CALLS, **SKIEN)
    first = (await skien.get("coordinator", f"{PATH}?limit=14", **SKIEN)).json()
    rest = (await skien.get("coordinator", f"{PATH}?limit=200&cursor={first['next']}", **SKIEN)).json()
    lines = [*first["items"], *rest["items"]]
    assert {line["indicator"] for line in lines} == {"homepage-visits", "service-centre-calls"}
    calls = {line["period"]: line for line in lines if line["indicator"] == "service-centre-calls"}
    assert (calls["2026-11"]["value"], calls["2026-11"]["entries"]) == (412.0, 1)
    missing = calls["2026-10"]
    assert (missing["figure"], missing["value"], missing["due_by"], missing["overdue"]) == (
        None,
        None,
        "2026-11-14",
        True,
    )
    welfare = (await skien.get("styrer", PATH, **WELFARE)).json()["items"]
    assert {line["indicator"] for line in welfare} == {"low-level-measures", "high-level-measures"}
    advisers = {**SKIEN, "lagspill_service": "ppt", "lagspill_unit": "unit:skien-ppt"}
    ppt = (await skien.get("styrer", PATH, **advisers)).json()["items"]
    assert {line["indicator"] for line in ppt} == {"referrals-to-ppt"}, "what PPT was sent it counts itself"
    for who, claims in (("teacher", SKIEN), ("coordinator", {})):
        refused = await skien.get(who, PATH, **claims)
        assert (refused.status_code, refused.json()["code"]) == (403, "figure-not-yours")
    assert (await skien.http.get(PATH)).status_code == 401


@pytest.mark.rule(151, 155, 164, 190)
async def test_the_report_shows_them_hides_small_ones_of_children_and_says_what_is_missing(skien: Town) -> None:
    await skien.post("coordinator", PATH, CALLS, **SKIEN)
    await skien.post("styrer", PATH, LOW, **WELFARE)
    await skien.post("styrer", PATH, {**LOW, "indicator": "high-level-measures", "value": 17}, **WELFARE)
    await fresh(skien)
    path, period = "/reports/grenland-part-2", "period=2026-autumn"
    told = (await skien.get("coordinator", f"{path}?{period}", **SKIEN)).json()
    entered = {each["indicator"]: each for section in told["sections"] for each in section["entered"]}
    calls = {cell["period"]: (cell["standing"], cell["number"]) for cell in entered["service-centre-calls"]["cells"]}
    assert (calls["2026-11"], calls["2026-12"]) == (("shown", 412.0), ("missing", None))
    assert [cell["number"] for cell in entered["low-level-measures"]["cells"]] == [None, None]
    assert [cell["standing"] for cell in entered["low-level-measures"]["cells"]] == ["missing", "hidden"]
    assert [cell["number"] for cell in entered["high-level-measures"]["cells"]] == [None, 17.0]
    page = (await skien.get("coordinator", f"{path}/page?{period}&language=nb", **SKIEN)).text
    for words in (">412</td>", ">skjult</td>", ">ikke ført</td>", "Kilde: tjenestens fagsystem."):
        assert words in page, words
    file = await skien.get("coordinator", f"{path}/table?{period}&language=nb", **SKIEN)
    rows = {
        (row["figure"], row["row"]): (row["number"], row["shown"])
        for row in csv.DictReader(io.StringIO(file.content.decode("utf-8-sig")))
    }
    assert rows["entered/service-centre-calls", "2026-11"] == ("412", "true")
    assert rows["entered/service-centre-calls", "2026-12"] == ("", "missing")
    assert rows["entered/low-level-measures", "2026"] == ("", "false")
    chart = f"{path}/indicators/low-level-measures/chart?{period}&language=nn"
    picture = await skien.get("coordinator", chart, **SKIEN)
    assert (picture.headers["content-type"], picture.headers["content-language"]) == ("image/svg+xml", "nn")
    assert ">skjult</text>" in picture.text
    unknown = await skien.get("coordinator", f"{path}/indicators/attendance/chart?{period}", **SKIEN)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "figure-unknown")
    refused = await skien.get("teacher", chart, **SKIEN)
    assert (refused.status_code, refused.json()["code"]) == (403, "reports-forbidden")


@pytest.mark.rule(135, 150, 151, 155)
async def test_what_is_entered_stands_beside_what_the_neighbours_enter_hidden_where_they_hide_it(skien: Town) -> None:
    app: Any = skien.parts.app
    desk = app.state.desk
    profile = desk.profiles[LogScope("4003")]
    porsgrunn = profile.model_copy(update={"municipality": LogScope("4001"), "name": "Porsgrunn"})
    # Bamble counts its calls by the year: there is nothing to set beside a month.
    yearly = tuple(
        each.model_copy(update={"entry": each.entry.model_copy(update={"every": Every.YEAR})})
        if each.code == "service-centre-calls" and each.entry is not None
        else each
        for each in profile.indicators
    )
    bamble = profile.model_copy(update={"municipality": LogScope("4012"), "name": "Bamble", "indicators": yearly})
    profiles = {**desk.profiles, LogScope("4001"): porsgrunn, LogScope("4012"): bamble}
    app.state.desk = replace(desk, profiles=profiles)
    there = {**SKIEN, "municipality": "4001"}
    await skien.post("coordinator", PATH, CALLS, **SKIEN)
    assert (await skien.post("coordinator", PATH, {**CALLS, "value": 97}, **there)).status_code == 201
    welfare = {**WELFARE, "municipality": "4001"}
    assert (await skien.post("styrer", PATH, LOW, **welfare)).status_code == 201
    await fresh(skien)
    path = "/reports/grenland-part-2?period=2026-autumn"
    told = (await skien.get("coordinator", path, **SKIEN)).json()
    compared = {each["indicator"]: each for each in told["compared_indicators"]}
    assert compared.keys() == {
        "homepage-visits",
        "service-centre-calls",
        "referrals-to-ppt",
        "low-level-measures",
        "high-level-measures",
    }
    calls = compared["service-centre-calls"]
    november = calls["periods"].index("2026-11")
    assert {each["name"]: each["cells"][november]["number"] for each in calls["municipalities"]} == {
        "Skien": 412.0,
        "Porsgrunn": 97.0,
    }
    low = compared["low-level-measures"]
    assert [(each["name"], each["cells"][-1]["standing"]) for each in low["municipalities"]] == [
        ("Skien", "missing"),
        ("Porsgrunn", "hidden"),
        ("Bamble", "missing"),
    ], "three children are told of no more there than here"
    page = (await skien.get("coordinator", f"{path.replace('?', '/page?')}&language=nb", **SKIEN)).text
    beside = page.partition("Ved siden av andre kommuner</h2>")[2]
    for words in ("Telefoner og henvendelser til Servicesenteret", ">97</td>", ">skjult</td>", ">ikke ført</td>"):
        assert words in beside, words
    # Alone there is nothing to set it beside.
    app.state.desk = desk
    assert (await skien.get("coordinator", path, **SKIEN)).json()["compared_indicators"] == []


@pytest.mark.rule(164, 190)
async def test_a_units_leader_enters_the_own_and_sees_the_own_row_and_a_part_says_of_how_many(skien: Town) -> None:
    skien.clock.set(datetime(2027, 8, 16, 9, 0, tzinfo=UTC))
    special = {"indicator": "special-education-barnehage", "period": "2026-2027", "source": "own-count"}
    own = {**special, "unit": "unit:vikevag-barnehage", "value": 7}
    assert await skien.refused("mosteroy-styrer", PATH, own) == (403, "figure-not-yours")
    assert await skien.refused("vikevag-teacher", PATH, own) == (403, "figure-not-yours")
    assert await skien.refused("fagsenter", PATH, {**own, "unit": None}) == (422, "figure-unit-wrong")
    assert await skien.refused("fagsenter", PATH, {**own, "unit": "unit:vikevag-skole"}) == (422, "figure-unit-wrong")
    await skien.must("vikevag-styrer", PATH, own)
    await skien.must("fagsenter", PATH, {**special, "unit": "unit:mosteroy-barnehage", "value": 2})
    await fresh(skien)
    path = "/reports/to-the-state?period=2027-spring"
    whole = entered_in(await skien.see("fagsenter", path), "special-education-barnehage")
    shown = {(cell["unit"], cell["period"]): (cell["standing"], cell["number"]) for cell in whole["cells"]}
    assert shown["unit:vikevag-barnehage", "2026-2027"] == ("shown", 7.0)
    assert shown["unit:mosteroy-barnehage", "2026-2027"] == ("hidden", None)
    assert shown["unit:vikevag-barnehage", "2025-2026"] == ("missing", None)
    assert whole["totals"] == []
    mine = entered_in(await skien.see("mosteroy-styrer", path), "special-education-barnehage")
    assert mine["units"] == ["unit:mosteroy-barnehage"]
    # Tønsberg's pupils: 76 % of how many.
    completed = {"indicator": "upper-secondary", "period": "2011-2012", "value": 76, "source": "udir"}
    assert await skien.refused("tonsberg-coordinator", PATH, completed) == (422, "figure-value-wrong")
    assert await skien.refused("tonsberg-coordinator", PATH, {**completed, "value": 101, "of": 9}) == (
        422,
        "figure-value-wrong",
    )
    await skien.must("tonsberg-coordinator", PATH, {**completed, "of": 412})
    await skien.must("tonsberg-coordinator", PATH, {**completed, "period": "2026-2027", "value": 81.5, "of": 430})
    told = entered_in(
        await skien.see("tonsberg-coordinator", "/reports/to-steering-group?period=2027-spring"), "upper-secondary"
    )
    assert [(cell["number"], cell["of"]) for cell in told["cells"]] == [(None, None), (81.5, 430)]


def entered_in(told: dict[str, Any], indicator: str) -> dict[str, Any]:
    """Return what a report says of an indicator."""
    [found] = [each for section in told["sections"] for each in section["entered"] if each["indicator"] == indicator]
    shown: dict[str, Any] = found
    return shown


async def days_pass(made: Town, moment: datetime) -> list[dict[str, Any]]:
    """Let it be that time, and look; return what was said in Skien to be waited for or not."""
    made.clock.set(moment)
    kit = made.kit
    await Deadlines(
        kit.pool, made.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
    ).fire_due()
    return [
        {"said": each["type"].split(".")[-2], **each["data"]}
        for each in await made.published(".v1")
        if each["type"].startswith("no.lagspill.meetings.figure.") and each["municipality"] == "4003"
    ]


@pytest.mark.rule(150, 151, 155)
async def test_a_figure_is_waited_for_from_when_its_period_is_over_until_it_is_entered(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    clock.set(datetime(2026, 12, 31, 12, 0, tzinfo=UTC))
    async with town(migrated, issuer, clock) as skien:
        # What was due before is in the list, and nobody's duty: November's had to be there on 14 December.
        assert await days_pass(skien, datetime(2026, 12, 31, 12, 0, tzinfo=UTC)) == []
        # The turn of the day in Norway. Looked for twice, and started anew, it is said once.
        for moment in (datetime(2026, 12, 31, 23, 30, tzinfo=UTC), datetime(2027, 1, 1, 23, 30, tzinfo=UTC)):
            said = await days_pass(skien, moment)
            await SERVICE.compose(skien.kit)
        assert {each["said"] for each in said} == {"expected"}
        assert {(each["indicator"], each["period"], each["due"]) for each in said} == {
            ("homepage-visits", "2026-12", "2027-01-14"),
            ("service-centre-calls", "2026-12", "2027-01-14"),
            ("referrals-to-ppt", "2026", "2027-03-31"),
            ("low-level-measures", "2026", "2027-03-31"),
            ("high-level-measures", "2026", "2027-03-31"),
        }
        [calls] = [each for each in said if each["indicator"] == "service-centre-calls"]
        assert (calls["owed_by"], "owing_unit" in calls, calls["led_by"]) == (
            "coordinator",
            False,
            "unit:skien-kommune",
        )
        [low] = [each for each in said if each["indicator"] == "low-level-measures"]
        assert (low["owed_by"], low["owing_unit"]) == ("leader", "unit:skien-barnevern")
        assert "value" not in str(said)
        # It is none before somebody enters it: neither shown nor corrected.
        path = f"{PATH}/{calls['figure']}"
        assert (await skien.get("coordinator", path, **SKIEN)).status_code == 404
        corrected = {"value": 421, "source": "web-statistics", "reason": "wrong-number"}
        guarded = {"if-match": '"v1"'}
        tried = await skien.post("coordinator", f"{path}/corrections", corrected, headers=guarded, **SKIEN)
        assert tried.status_code == 404
        [line] = [
            each
            for each in (await skien.get("coordinator", f"{PATH}?limit=100", **SKIEN)).json()["items"]
            if (each["indicator"], each["period"]) == ("service-centre-calls", "2026-12")
        ]
        assert (line["figure"], line["value"], line["overdue"]) == (None, None, False)
        entered = await skien.post("coordinator", PATH, {**CALLS, "period": "2026-12"}, **SKIEN)
        assert (entered.status_code, entered.json()["figure"]) == (201, calls["figure"]), entered.text
        again = await skien.post("coordinator", PATH, {**CALLS, "period": "2026-12"}, **SKIEN)
        assert (again.status_code, again.json()["code"]) == (409, "figure-entered")
        later = await days_pass(skien, datetime(2027, 1, 3, 9, 0, tzinfo=UTC))
        assert [each["said"] for each in later if each["indicator"] == "service-centre-calls"] == [
            "expected",
            "entered",
        ]
        # The service did not run when January was over, nor by the day it was due: that is made up for.
        made_up = await days_pass(skien, datetime(2027, 2, 20, 9, 0, tzinfo=UTC))
        assert ("2027-01", "2027-02-14") in {
            (each["period"], each.get("due")) for each in made_up if each["indicator"] == "service-centre-calls"
        }


@pytest.mark.rule(151, 155)
async def test_what_the_profile_asks_of_another_is_said_anew_and_what_it_asks_no_more_is_dropped(skien: Town) -> None:
    said = await days_pass(skien, datetime(2027, 1, 5, 9, 0, tzinfo=UTC))
    assert {each["said"] for each in said} == {"expected"}
    desk = create_desk(skien.kit)
    profile = desk.profiles[LogScope("4003")]
    changed = []
    for indicator in profile.indicators:
        entry = indicator.entry
        if entry is not None and indicator.code == "service-centre-calls":
            entry = entry.model_copy(update={"due_days": None})
        if entry is not None and indicator.code == "low-level-measures":
            entry = entry.model_copy(update={"by": Owner()})
        changed.append(indicator.model_copy(update={"entry": entry}))
    other = profile.model_copy(update={"indicators": tuple(changed)})
    asked = replace(desk, profiles={LogScope("4003"): other})
    for _ in range(2):
        await expect_figures(asked, skien.clock.now())
    news = [
        each
        for each in await skien.published(".v1")
        if each["type"].startswith("no.lagspill.meetings.figure.") and each["municipality"] == "4003"
    ][len(said) :]
    calls = [each for each in said if each["indicator"] == "service-centre-calls"]
    dropped = [each["data"]["figure"] for each in news if each["type"].endswith("dropped.v1")]
    assert sorted(dropped) == sorted(each["figure"] for each in calls), "each once, those that are late too"
    [anew] = [each["data"] for each in news if each["type"].endswith("expected.v1")]
    assert (anew["indicator"], "owing_unit" in anew) == ("low-level-measures", False)


@pytest.mark.rule(164)
async def test_whoever_may_enter_figures_but_none_yet_sees_an_empty_list(skien: Town) -> None:
    app: Any = skien.parts.app
    desk = app.state.desk
    profile = desk.profiles[LogScope("1142")]
    # A barnehage that opened after the last school year was over.
    units = tuple(
        unit.model_copy(update={"first_day": date(2026, 8, 15)}) if unit.id == "unit:vikevag-barnehage" else unit
        for unit in profile.units
    )
    opened = profile.model_copy(update={"units": units})
    app.state.desk = replace(desk, profiles={**desk.profiles, LogScope("1142"): opened})
    listed = await skien.get("vikevag-styrer", PATH)
    assert (listed.status_code, listed.json()["items"]) == (200, [])
    refused = await skien.get("vikevag-teacher", PATH)
    assert (refused.status_code, refused.json()["code"]) == (403, "figure-not-yours")
    assert [each["unit"] for each in (await skien.get("mosteroy-styrer", PATH)).json()["items"]] == [
        "unit:mosteroy-barnehage"
    ]
