"""Address protection during a case's life over HTTP: it goes on elsewhere, and nothing leads from the old to the new."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import pytest
import pytest_asyncio

from services.cases.app import SERVICE
from services.cases.handlers.desk import CASE
from services.cases.records import Records
from shared import db
from shared.clock import SimulatedClock
from shared.refs import CaseRef, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.testing.signals import WITHIN
from shared.vault import Vault
from tests.e2e.cases_world import OVERRIDE, World, cases_world

pytestmark = pytest.mark.connected

MIGRATION: Final = Path(SERVICE.migrations) / "0022_children_in_step.sql"
NOT_HEARD = {"not_heard": "danger"}
KODE_6 = {"kind": "strictly-confidential", "valid_to": "2027-09-01"}
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
REF = re.compile(r"\b[a-z]{3}_[bcdfghjklmnpqrstvwxz]{26}\b")


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service with its people."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


def code(response: httpx.Response) -> tuple[int, str]:
    """Return status and code of a refusal."""
    return response.status_code, response.json()["code"]


async def filled(world: World) -> tuple[str, str]:
    """Return a case with records, a document and a consent, and the document."""
    case = await world.opened()
    await world.consented(case)
    await world.see("nurse", f"/cases/{case}/child")
    await world.must("teacher", f"/cases/{case}/records", {"category": "language", "text": "Sier kopp."})
    headers = {"authorization": f"Bearer {world.token('teacher')}", "idempotency-key": "d", "document-title": "Tittel"}
    made = await world.http.post(f"/cases/{case}/documents?category=health", content=b"%PDF-1.7 x", headers=headers)
    return case, made.json()["document"]


async def protect(world: World, case: str, who: str = "teacher", **body: Any) -> httpx.Response:
    """Set it."""
    version = await world.version("teacher", case)
    return await world.post(who, f"/cases/{case}/address-protection", body or KODE_6, if_match=version)


async def test_the_case_goes_on_and_the_old_reference_leads_nowhere(world: World) -> None:
    case, document = await filled(world)
    before = await world.see("teacher", f"/cases/{case}/child")
    old_events = await world.published()
    answer = await protect(world, case)
    assert answer.status_code == 201, answer.text
    new = answer.json()["case"]
    assert new != case
    assert answer.headers["location"] == f"/cases/{new}"
    # Everything is there, to whoever holds it and to the guardians, under names that are new.
    view = await world.see("teacher", f"/cases/{new}")
    assert (view["relations"], view["address_protected"], view["level"], view["consents"]) == (["holder"], True, 1, [])
    after = await world.see("teacher", f"/cases/{new}/child")
    assert after["identity"] == before["identity"]
    assert sorted(one["text"] for one in after["records"]) == sorted(one["text"] for one in before["records"])
    [kept] = (await world.see("teacher", f"/cases/{new}/documents"))["items"]
    assert (kept["title"], kept["document"] != document) == ("Tittel", True)
    assert (await world.get("teacher", f"/documents/{kept['document']}")).content == b"%PDF-1.7 x"
    listed = {one["case"] for one in (await world.see("guardian-a", "/cases"))["items"]}
    assert listed == {new}
    assert (await world.get("guardian-a", f"/cases/{case}")).status_code == 404
    assert code(await world.get("teacher", f"/documents/{document}")) == (404, "not-found")
    assert code(await world.get("nurse", f"/cases/{new}")) == (404, "not-found")
    # Nothing of the new log names a place, and no reference or correlation of it stands in the old one.
    published = await world.published()
    ours = [event for event in published if event["municipality"].startswith("prt_")]
    theirs = [event for event in published if not event["municipality"].startswith("prt_")]
    assert {event["municipality"] for event in ours} != set()
    text = json.dumps(ours)
    assert "unit:" not in text
    # With its quotation mark: an identifier may have the same digits by chance.
    assert '"4005' not in text
    assert '"31000' not in text
    of_people = {event.get("authid") for event in published} | set(
        REF.findall(json.dumps([event["data"].get("actor") or event["data"].get("holder") for event in ours]))
    )
    shared = set(REF.findall(text)) & set(REF.findall(json.dumps(theirs)))
    assert shared <= of_people, "only who acts is the same"
    assert {event["correlationid"] for event in ours}.isdisjoint(event["correlationid"] for event in theirs)
    new_types = {event["type"] for event in theirs[len(old_events) :]}
    assert new_types == {"no.lagspill.access.recorded.v1"}, "nothing is said of the old case yet"
    for table in ("vault_records", "data_keys", "kin", "disclosures", "part_index", "documents", "lookups"):
        rows = [str(row) for row in await world.pool.fetch(f"SELECT * FROM {table}")]
        assert not [row for row in rows if case in row and new in row]
    # At some moment between half a day and four days later it closes, as a case that moved does.
    due = await world.pool.fetchval("SELECT due FROM deadlines WHERE kind = 'quiet-closing' AND key = $1", case)
    start = datetime(2026, 9, 7, 8, tzinfo=UTC)
    assert start + timedelta(hours=12) <= due <= start + timedelta(hours=96)
    await world.move_to(due)
    [closed] = await world.published("case.closed.v1")
    assert (closed["data"]["case"], closed["data"]["outcome"]) == (case, "moved")
    assert "authid" not in closed
    # What went on elsewhere is not opened here again: its vault is shredded, and the answer is that of every case that moved.
    version = await world.version("teacher", case)
    assert code(await world.post("teacher", f"/cases/{case}/reopening", if_match=version)) == (409, "case-moved")
    assert (await world.types()).count("consent.withdrawn") == 1
    for ref in (case, new):
        history = await world.journal.history(CASE, CaseRef(ref))
        stored = (await world.journal.load(CASE, CaseRef(ref))).state
        assert CASE.replay(event for _, event in history) == stored
    # The last day of the register: somebody must find out, and it holds until then.
    await world.move_to(datetime(2027, 9, 1, 22, 0, tzinfo=UTC))
    assert len(await world.published("case.address-protection-due.v1")) == 1
    assert (await world.see("teacher", f"/cases/{new}"))["address_protected"] is True


async def all_of(world: World, who: str) -> set[str]:
    """Return the cases that somebody has in the list."""
    return {one["case"] for one in (await world.see(who, "/cases"))["items"]}


async def found(world: World, who: str) -> list[str]:
    """Return the child's cases that somebody finds by its name."""
    token = {"authorization": f"Bearer {world.token(who)}"}
    answer = await world.http.post("/search", json={"name": world.child.name}, headers=token)
    return [one["case"] for one in answer.json()["items"]]


async def test_the_childs_other_cases_follow_and_a_new_one_is_protected_from_its_first_event(world: World) -> None:
    """Invariant 8: what is protected is the child, whoever else works with it and whatever they know."""
    case, receipts = await world.opened(), {}
    for who in ("nurse", "curious", "ppt"):
        receipts[who] = await world.must(who, "/concerns", world.concern(text=f"Sett av {who}."))
    for who in ("nurse", "ppt"):
        await world.must(who, f"/concerns/{receipts[who]['concern']}/resolution", {"outcome": "lifted"})
    reported = await world.must(
        "ppt",
        f"/cases/{receipts['ppt']['case']}/concern-reports",
        {"ground": "maltreatment-or-neglect", "text": "Alene om natten.", "guardians_informed": True, **NOT_HEARD},
    )
    before = await world.published()
    assert await found(world, "nurse") == [receipts["nurse"]["case"]]
    new = (await protect(world, case)).json()["case"]
    # From the first event on, though whoever registers it knows of nothing; and nobody is told of another case by it.
    later = await world.must("second-nurse", "/concerns", world.concern(text="Kommer trøtt."))
    assert later["joined"] is False
    await world.move_to(world.clock.now())
    assert await found(world, "nurse") == []
    assert await found(world, "second-nurse") == []
    refs = {who: await all_of(world, who) for who in ("nurse", "curious", "second-nurse")}
    assert refs["second-nurse"] == {later["case"]}
    for who, stage in (("nurse", "open"), ("curious", "concern")):
        [gone_on] = refs[who] - {receipts[who]["case"]}
        seen = await world.see(who, f"/cases/{gone_on}")
        assert (seen["stage"], seen["address_protected"]) == (stage, True)
        dossier = await world.see(who, f"/cases/{gone_on}/child")
        assert f"Sett av {who}." in json.dumps(dossier, ensure_ascii=False)
        assert (await world.get(who, f"/cases/{receipts[who]['case']}/child")).status_code == 404
        refs[who] = {gone_on}
    # Behind a report to child welfare that has not gone the case waits; when it has, it follows.
    assert await found(world, "ppt") == [receipts["ppt"]["case"]]
    await world.must("ppt", f"/concern-reports/{reported['report']}/posting")
    await world.move_to(world.clock.now() + timedelta(minutes=15))
    assert await found(world, "ppt") == []
    happened = (await world.published())[len(before) :]
    ours = [event for event in happened if event["municipality"].startswith("prt_")]
    begun = [one for one in ours if one["type"].split(".")[-2] in {"continued", "registered"}]
    assert len({one["municipality"] for one in begun}) == len({one["correlationid"] for one in begun}) == 5
    assert ("unit:" in json.dumps(ours), '"4005' in json.dumps(ours)) == (False, False)
    assert [one.get("authid") for one in begun].count(None) == 3, "in the others nobody acts"
    # What is left of them closes as what moved does, the concern that nobody had lifted among them.
    await world.move_to(world.clock.now() + timedelta(hours=96))
    closed = {one["data"]["case"]: one["data"]["outcome"] for one in await world.published("case.closed.v1")}
    assert closed == dict.fromkeys([case, *(one["case"] for one in receipts.values())], "moved")
    await world.must(
        "teacher", f"/cases/{new}/address-protection-lifting", if_match=await world.version("teacher", new)
    )
    await world.move_to(world.clock.now())
    assert await found(world, "nurse") == [*refs["nurse"]], "lifted in one, lifted in all"
    ordinary = await world.must("second-nurse", "/concerns", world.concern())
    assert (await world.see("second-nurse", f"/cases/{ordinary['case']}"))["address_protected"] is False


async def test_a_concern_registered_as_protected_protects_the_childs_cases(world: World) -> None:
    case = await world.opened()
    protected = await world.must("nurse", "/concerns", world.concern(address_protected=True))
    assert protected["case"] != case, "what is protected is no part of what is not"
    await world.move_to(world.clock.now())
    assert await found(world, "teacher") == []
    [new] = await all_of(world, "teacher") - {case}
    assert (await world.see("teacher", f"/cases/{new}"))["address_protected"] is True


async def corrected(world: World, who: str, case: str, number: str) -> None:
    """Correct the child's national number."""
    version = await world.version(who, case)
    await world.must(who, f"/cases/{case}/child/corrections", {"national_number": number}, if_match=version)
    await world.move_to(world.clock.now())


async def test_a_number_that_is_corrected_lets_the_case_follow_the_right_child(world: World) -> None:
    """What was registered under a wrong number is about a protected child from the moment that this is known."""
    first, wrong = await world.opened(), await world.opened()
    await protect(world, first)
    await world.move_to(world.clock.now())
    before = await all_of(world, "teacher")
    await corrected(world, "teacher", wrong, world.child.national_number)
    [new] = await all_of(world, "teacher") - before
    assert (await world.see("teacher", f"/cases/{new}"))["address_protected"] is True
    assert (await world.get("teacher", f"/cases/{wrong}/child")).status_code == 404


async def test_a_protected_case_whose_number_was_wrong_protects_the_right_child(world: World) -> None:
    case, wrong = await world.opened(), await world.opened()
    new = (await protect(world, wrong, **{**KODE_6, "kind": "confidential"})).json()["case"]
    await world.move_to(world.clock.now())
    assert await found(world, "teacher") == [case]
    await corrected(world, "teacher", new, world.child.national_number)
    assert await found(world, "teacher") == []
    assert [one["data"]["kind"] for one in await world.published("address-protection-set.v1")] == ["confidential"] * 2


async def test_cases_that_were_out_of_step_before_protection_was_the_childs_follow_once(world: World) -> None:
    """The migration, on a database of before."""
    case = await world.opened()
    receipt = await world.must("nurse", "/concerns", world.concern())
    other = await world.opened()
    await protect(world, case)
    await world.pool.execute("DELETE FROM deadlines WHERE kind = 'child-protection'")
    await world.pool.execute(MIGRATION.read_text())
    promised = "SELECT coalesce(array_agg(key), '{}') FROM deadlines WHERE kind = 'child-protection'"
    assert await world.pool.fetchval(promised) == [receipt["case"]]
    await world.move_to(world.clock.now())
    assert await found(world, "nurse") == []
    assert (await world.see("teacher", f"/cases/{other}"))["address_protected"] is False
    await world.pool.execute(MIGRATION.read_text())
    assert await world.pool.fetchval(promised) == []


@pytest.mark.rule(68)
async def test_a_meeting_that_was_to_be_held_is_still_to_be_held_where_the_case_goes_on(world: World) -> None:
    case = await world.opened()
    for level in (2,):
        stepped = {"to_level": level, "reason": "assessment"}
        version = await world.version("teacher", case)
        await world.must("teacher", f"/cases/{case}/level-changes", stepped, if_match=version)
    before = (await world.see("teacher", f"/cases/{case}"))["meeting_by"]
    world.clock.set(world.clock.now() + timedelta(days=2))
    new = (await protect(world, case)).json()["case"]
    after = await world.see("teacher", f"/cases/{new}")
    assert after["level"] == 2
    # Within the usual time from now: a moment of before would lead back.
    assert datetime.fromisoformat(after["meeting_by"]) - datetime.fromisoformat(before) == timedelta(days=2)


@pytest.mark.rule(93, 192)
async def test_who_reported_to_child_welfare_still_reads_the_report_until_what_is_left_of_the_case_is_erased(
    world: World,
) -> None:
    """It is the reporter's own, whatever becomes of the case: how the guardians are reached is left out, and nobody else reads it."""
    case, _ = await filled(world)
    body = {"ground": "maltreatment-or-neglect", "text": "Alene om natten.", "guardians_informed": True, **NOT_HEARD}
    report = (await world.must("nurse", f"/cases/{case}/concern-reports", body))["report"]
    await world.must("nurse", f"/concern-reports/{report}/posting")
    before = await world.see("nurse", f"/concern-reports/{report}")
    new = (await protect(world, case)).json()["case"]
    for moment in (world.clock.now(), world.clock.now() + timedelta(hours=96)):
        await world.move_to(moment)
        assert await world.see("nurse", f"/concern-reports/{report}") == before
        letter = await world.get("nurse", f"/concern-reports/{report}/letter")
        assert letter.status_code == 200
        for who in ("teacher", "guardian-a", "ppt"):
            assert code(await world.get(who, f"/concern-reports/{report}")) == (404, "not-found")
    assert (await world.access("read"))[-1]["case"] == case
    assert (await world.access("print"))[-1]["address_protected"] is False
    text = json.dumps(await world.published(), ensure_ascii=False)
    assert "Alene om natten" not in text
    assert new not in json.dumps([one for one in await world.published() if report in json.dumps(one)])
    await world.move_to(datetime(2060, 1, 1, tzinfo=UTC))
    assert [one["data"]["case"] for one in await world.published("case.erased.v1")] == [case]
    assert code(await world.get("nurse", f"/concern-reports/{report}"))[0] == 404
    assert (
        await world.pool.fetchval("SELECT count(*) FROM data_keys WHERE owner = $1 AND wrapped IS NOT NULL", report)
        == 0
    )


@pytest.mark.rule(93, 106)
async def test_why_something_was_shared_or_opened_is_read_by_whoever_must_still_judge_it(world: World) -> None:
    """What was decided under the old reference is judged there: its reasons are kept until what is left of the case is erased."""
    case, _ = await filled(world)
    override = (await world.must("teacher", f"/cases/{case}/overrides", OVERRIDE))["override"]
    emergency = {"reason": "danger-to-life", "text": "Kom inn bevisstløs.", "categories": ["health"], "hours": 2}
    judged = (await world.must("second-nurse", f"/cases/{case}/break-glass", emergency))["glass"]
    await world.must("nurse-leader", f"/break-glass/{judged}/review", {"outcome": "justified"})
    glass = (await world.must("second-nurse", f"/cases/{case}/break-glass", emergency))["glass"]
    new = (await protect(world, case)).json()["case"]
    assert (await world.see("nurse-leader", f"/break-glass/{judged}"))["text"] is None, "that has been judged"
    # Also after what is left under the old reference has been closed.
    for moment in (world.clock.now(), world.clock.now() + timedelta(hours=96)):
        await world.move_to(moment)
        assert (await world.see("styrer", f"/overrides/{override}"))["text"] == OVERRIDE["text"]
        assert (await world.see("nurse-leader", f"/break-glass/{glass}"))["text"] == "Kom inn bevisstløs."
        assert code(await world.get("curious", f"/overrides/{override}")) == (404, "not-found")
        assert code(await world.get("styrer", f"/break-glass/{glass}")) == (404, "not-found")
    assert {one["case"] for one in await world.access("read")} == {case}
    await world.must("nurse-leader", f"/break-glass/{glass}/review", {"outcome": "justified"})
    await world.must("styrer", f"/overrides/{override}/review", {"justified": True, "guardians_informed": False})
    text = json.dumps(await world.published(), ensure_ascii=False)
    assert not [words for words in (OVERRIDE["text"], "Kom inn bevisstløs") if words in text]
    for ref in (override, glass):
        assert new not in json.dumps([one for one in await world.published() if ref in json.dumps(one)])
    await world.move_to(datetime(2060, 1, 1, tzinfo=UTC))
    assert code(await world.get("styrer", f"/overrides/{override}"))[0] == 404
    assert (await world.see("nurse-leader", f"/break-glass/{glass}"))["text"] is None
    assert (
        await world.pool.fetch(
            "SELECT owner FROM data_keys WHERE wrapped IS NOT NULL AND owner = ANY($1)", [override, glass]
        )
        == []
    )


async def test_who_may_and_what_is_refused(world: World) -> None:
    case = await world.opened()
    for who, refused in (
        ("curious", (404, "not-found")),
        ("styrer", (403, "not-permitted")),
        ("guardian-a", (403, "not-permitted")),
    ):
        assert code(await protect(world, case, who)) == refused
    assert code(await protect(world, case, kind="kode-8")) == (422, "input-invalid")
    assert code(await world.post("teacher", f"/cases/{case}/address-protection", KODE_6)) == (428, "if-match-missing")
    stale = await world.post("teacher", f"/cases/{case}/address-protection", KODE_6, if_match='"v1"')
    assert code(stale) == (412, "version-stale")
    version = await world.version("teacher", case)
    lifting = f"/cases/{case}/address-protection-lifting"
    assert code(await world.post("teacher", lifting, if_match=version)) == (409, "address-not-protected")
    assert [event for event in await world.published() if event["municipality"].startswith("prt_")] == []
    another = People(12).child(age=4)
    child = {"name": another.name, "national_number": another.national_number}
    concern = await world.must("teacher", "/concerns", world.concern(child=child))
    begun = await protect(world, concern["case"])
    assert begun.status_code == 201, "a concern too, before anybody has lifted it"
    assert (await world.see("teacher", f"/cases/{begun.json()['case']}"))["stage"] == "concern"


async def test_the_same_command_again_has_one_effect_and_lifting_lets_it_be_found(world: World) -> None:
    case, _ = await filled(world)
    version = await world.version("teacher", case)
    path = f"/cases/{case}/address-protection"
    answers = [await world.post("teacher", path, KODE_6, key="once", if_match=version) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert len(await world.published("case.continued.v1")) == 1
    new = answers[0].json()["case"]
    sought, token = {"name": world.child.name}, {"authorization": f"Bearer {world.token('teacher')}"}
    assert (await world.http.post("/search", json=sought, headers=token)).json()["items"] == []
    again = await protect(world, new, kind="confidential")
    assert (again.json()["case"], again.json()["kind"]) == (new, "confidential")
    lifted = await world.post(
        "teacher", f"/cases/{new}/address-protection-lifting", if_match=await world.version("teacher", new)
    )
    assert (lifted.status_code, lifted.json()["protected"]) == (201, False)
    [hit] = (await world.http.post("/search", json=sought, headers=token)).json()["items"]
    assert hit["case"] == new
    assert "unit:" not in json.dumps([e for e in await world.published() if e["municipality"].startswith("prt_")])


async def test_who_works_elsewhere_now_reads_nothing_of_a_protected_case_either(world: World) -> None:
    """Of an ordinary case the event says which unit has it, of a protected one the vault."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case, concern = str(receipt["case"]), receipt["concern"]
    await world.must("teacher", f"/concerns/{concern}/resolution", {"outcome": "lifted"})
    assert (await world.see("teacher", f"/cases/{case}/child"))["records"]
    moved = {"lagspill_unit": "unit:haugen-barnehage"}
    for path in (f"/cases/{case}/child", f"/concerns/{concern}", f"/cases/{case}/consents"):
        assert code(await world.get("teacher", path, **moved)) == (403, "not-permitted"), path
        assert (await world.access("deny"))[-1]["reason"] == "works-elsewhere"
    seen = (await world.get("teacher", f"/cases/{case}", **moved)).json()
    assert (seen["relations"], seen["consents"], seen["measures"]) == (["holder-elsewhere"], [], [])
    cleared = {"lagspill_roles": ["teacher", "protected-case-reader"]}
    for claims, named in ((cleared, world.child.name), ({**cleared, **moved}, None)):
        headers = {"authorization": f"Bearer {world.token('teacher', **claims)}"}
        sought = {"national_number": world.child.national_number}
        [hit] = (await world.http.post("/search", json=sought, headers=headers)).json()["items"]
        assert (hit["identity"] or {"name": None})["name"] == named


async def test_who_coordinates_a_protected_case_and_works_elsewhere_now_coordinates_nothing_there(world: World) -> None:
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case = str(receipt["case"])
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(case)
    moved = {"lagspill_unit": "unit:another-helsestasjon"}
    appointed = {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    await world.must("teacher", f"/cases/{case}/coordinator", appointed)
    path = f"/cases/{case}/contributions"
    assert (await world.get("nurse", path)).status_code == 200
    assert code(await world.get("nurse", path, **moved)) == (403, "not-permitted")
    # So it is when the coordination was offered and taken.
    offered = {"kind": "ansvarsgruppe", "receiver": await world.receiver("second-nurse")}
    handover = (await world.must("nurse", f"/cases/{case}/coordinator-handovers", offered))["handover"]
    await world.must("second-nurse", f"/handovers/{handover}/acceptance")
    assert (await world.get("second-nurse", path)).status_code == 200
    assert code(await world.get("second-nurse", path, **moved)) == (403, "not-permitted")
    assert "unit:" not in json.dumps([e for e in await world.published() if e["municipality"].startswith("prt_")])


async def protected_case(world: World) -> str:
    """Return an open case of a child whose address is protected from the first event, with a consent."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.consented(str(receipt["case"]))
    return str(receipt["case"])


@pytest.mark.rule(93, 107)
async def test_who_works_elsewhere_now_lets_nobody_else_into_the_case_that_they_still_hold(world: World) -> None:
    """They hand it over. What is shared by law, and that a child is to be found again, is said by who is at work in its unit."""
    moved = {"lagspill_unit": "unit:haugen-barnehage"}
    ordinary, case = await world.opened(), await protected_case(world)
    asked = {
        "services": ["ppt"],
        "categories": ["language"],
        "purposes": ["assessment"],
        "valid_to": "2027-06-30",
    }
    measure = {"code": "sprakgruppe", "goal": "Flere ord.", "indicator": "words", "owner": "barnehage"}
    for one in (ordinary, case):
        for path, body in (
            ("overrides", OVERRIDE),
            ("consents", asked),
            ("measures", {**measure, "evaluate_by": "2026-11-01T10:00:00Z"}),
            ("child-views", {"text": "Vil leke.", "before": "measure", "method": "conversation"}),
        ):
            refused = await world.post("teacher", f"/cases/{one}/{path}", body, claims=moved)
            assert code(refused) == (403, "not-permitted"), path
            assert (await world.access("deny"))[-1]["reason"] == "works-elsewhere"
        assert (await world.get("barnevern", f"/cases/{one}/child")).status_code == 404
    version = await world.version("teacher", case)
    lifting = f"/cases/{case}/address-protection-lifting"
    assert code(await world.post("teacher", lifting, claims=moved, if_match=version)) == (403, "not-permitted")
    baton = {"kind": "staff-leaves", "receiver": await world.receiver("colleague")}
    assert (await world.post("teacher", f"/cases/{case}/handovers", baton, claims=moved)).status_code == 201
    await world.must("teacher", f"/cases/{ordinary}/overrides", OVERRIDE)
    await world.must("teacher", lifting, if_match=await world.version("teacher", case))


async def test_who_works_elsewhere_now_writes_nothing_in_a_protected_case_either(world: World) -> None:
    """A command is judged by where the case's parts are as a look is, and what it is refused for tells nothing of the case."""
    case = await protected_case(world)
    await world.must(
        "teacher", f"/cases/{case}/coordinator", {"kind": "ansvarsgruppe", "coordinator": await world.receiver("nurse")}
    )
    before = await world.types()
    elsewhere, other = {"lagspill_unit": "unit:haugen-barnehage"}, {"lagspill_unit": "unit:another-helsestasjon"}
    record = {"category": "language", "text": "Sier tre ord."}
    holder = await world.post("teacher", f"/cases/{case}/records", record, claims=elsewhere)
    assert code(holder) == (403, "not-permitted")
    assert (await world.access("deny"))[-1]["reason"] == "works-elsewhere"
    asked = {
        "service": "ppt",
        "reason": "assessment",
        "text": "Kan dere kartlegge språket?",
        "categories": ["language"],
        "purpose": "assessment",
    }
    offered = {"kind": "ansvarsgruppe", "receiver": await world.receiver("second-nurse")}
    for path, body in (
        ("team-goal", {"text": "Leker med de andre."}),
        ("contributions", asked),
        ("coordinator-handovers", offered),
        (
            "contact-person",
            {"service": "helsestasjon", "role": "health-nurse", "evidence": "oral-minuted", "note": "Sa det."},
        ),
    ):
        denied = await world.post("nurse", f"/cases/{case}/{path}", body, claims=other)
        assert code(denied) == (403, "not-permitted"), path
        assert (await world.access("deny"))[-1]["reason"] == "not-in-table"
    assert await world.types() == before
    # With an offer that waits in the way the answer is the same: who is nothing to it here is not told how the case stands.
    await world.must("nurse", f"/cases/{case}/coordinator-handovers", offered)
    assert code(await world.post("nurse", f"/cases/{case}/coordinator-handovers", offered)) == (409, "handover-open")
    hidden = await world.post("nurse", f"/cases/{case}/coordinator-handovers", offered, claims=other)
    assert code(hidden) == (403, "not-permitted")
    await world.must("nurse", f"/cases/{case}/team-goal", {"text": "Leker med de andre."})


async def test_where_somebody_works_is_judged_when_a_command_is_committed(world: World) -> None:
    """The nurse's command has been decided when the coordination is noted elsewhere; it is judged with the case's row locked."""
    case = await protected_case(world)
    nurse = await world.receiver("nurse")
    await world.must("teacher", f"/cases/{case}/coordinator", {"kind": "ansvarsgruppe", "coordinator": nurse})
    conn = await db.connect(world.kit.settings.database_url.get_secret_value(), application_name="holds-others-up")
    try:
        async with conn.transaction():
            await conn.execute("SELECT 1 FROM aggregates WHERE id = $1 FOR UPDATE", case)
            body = {"text": "Leker med de andre."}
            task = asyncio.create_task(world.post("nurse", f"/cases/{case}/team-goal", body))
            async with asyncio.timeout(WITHIN):
                while not await conn.fetchval(WAITING):
                    assert not task.done(), "it has to wait for the row"
            records = Records(Vault.from_settings(world.kit.settings))
            await records.keep_coordinates_from(
                conn, CaseRef(case), nurse["actor"], UnitId("unit:another-helsestasjon")
            )
        assert code(await task) == (403, "not-permitted")
    finally:
        await conn.close()
    assert "case.team-goal-set" not in " ".join(await world.types())


async def test_a_protected_case_is_reopened_in_its_unit_and_by_nobody_who_works_elsewhere_now(world: World) -> None:
    """No event says which unit that is; whoever opened it from another would have read all of it there."""
    receipt = await world.must("teacher", "/concerns", world.concern(address_protected=True))
    case = str(receipt["case"])
    await world.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
    await world.must(
        "teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=await world.version("teacher", case)
    )
    version = await world.version("teacher", case)
    for moved in (
        {"lagspill_unit": "unit:haugen-barnehage"},
        {"lagspill_unit": "unit:tinnes-skole", "lagspill_service": "skole"},
    ):
        response = await world.post("teacher", f"/cases/{case}/reopening", if_match=version, claims=moved)
        assert (response.status_code, response.json()["code"]) == (403, "not-permitted")
        assert (await world.access("deny"))[-1]["reason"] == "works-elsewhere"
        assert (await world.get("teacher", f"/cases/{case}/child", **moved)).status_code == 403
    await world.must("teacher", f"/cases/{case}/reopening", if_match=version)
    assert (await world.see("teacher", f"/cases/{case}/child"))["records"]
