"""A case that goes on under protection is a case of its own to meetings and notify: by its own log, in any order, and nothing leads there."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

import pytest
import pytest_asyncio

from services.meetings import store
from services.meetings.domain.projection import permits
from shared.clock import SimulatedClock
from shared.contracts.codes import InformationCategory, Purpose, Service
from shared.refs import CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from tests.e2e import cases_world, meetings_world
from tests.e2e.notify_town import Town, notify_town
from tests.integration.notify_world import Record

pytestmark = pytest.mark.connected

OFFICER: Final = {"lagspill_roles": ["privacy-officer", "protected-case-reader"]}
CONTINUED: Final = b"no.lagspill.cases.case.continued.v1"
REF: Final = re.compile(r"\b[a-z]{3}_[bcdfghjklmnpqrstvwxz]{26}\b")
MOMENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z")
START: Final = datetime(2026, 9, 7, 8, tzinfo=UTC)


@pytest_asyncio.fixture
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Cases and notify, with those known who may be told."""
    async with notify_town(migrated, issuer, clock) as made:
        for who in ("teacher", "colleague", "styrer"):
            await made.prefer(who)
        await made.prefer("privacy-officer", **OFFICER)
        yield made


@pytest_asyncio.fixture
async def lia(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[meetings_world.Town]:
    """Cases and meetings."""
    async with meetings_world.town(migrated, issuer, clock) as made:
        yield made


async def protect(cases: cases_world.World, case: str) -> str:
    """Let a case go on under protection; return as what."""
    version = await cases.version("teacher", case)
    body = {"kind": "strictly-confidential", "valid_to": "2027-09-01"}
    answer = await cases.post("teacher", f"/cases/{case}/address-protection", body, if_match=version)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["case"])


async def old_and_new(cases: cases_world.World) -> tuple[str, str]:
    """Return a case with a consent and a document, and what it goes on as a while later."""
    case = await cases.opened()
    await cases.consented(case)
    headers = {"authorization": f"Bearer {cases.token('teacher')}", "idempotency-key": "d", "document-title": "T"}
    content = b"%PDF-1.7 " + b"x" * 4_321
    made = await cases.http.post(f"/cases/{case}/documents?category=health", content=content, headers=headers)
    assert made.status_code == 201, made.text
    cases.clock.set(START + timedelta(hours=1, seconds=7, microseconds=11))
    return case, await protect(cases, case)


def at(records: Sequence[Record], place: Literal["first", "between", "last"]) -> list[Record]:
    """Return the records with the one that says that the case goes on moved to that place."""
    [continued] = [record for record in records if CONTINUED in record.value]
    others = [record for record in records if record is not continued]
    index = {"first": 0, "between": len(others) // 2, "last": len(others)}[place]
    return [*others[:index], continued, *others[index:]]


async def offer(cases: cases_world.World, case: str) -> str:
    """Hand the baton over to a colleague, who has until 28 September to answer."""
    body = {"kind": "baton", "categories": [], "respond_by": "2026-09-28T08:00:00Z"}
    receiver = await cases.receiver("colleague")
    return str((await cases.must("teacher", f"/cases/{case}/handovers", {**body, "receiver": receiver}))["handover"])


MEASURE: Final = {
    "code": "sprakgruppe",
    "owner": "barnehage",
    "goal": "Ord i leken.",
    "indicator": "words",
    "evaluate_by": "2026-11-02T11:00:00Z",
}


async def about(town: Town, who: str, case: str) -> set[str]:
    """Return which templates somebody was told about that case."""
    items = (await town.get(who, "/messages?limit=100")).json()["items"]
    return {item["template"] for item in items if item["case"] == case}


@pytest.mark.rule(79, 82, 88, 89, 107, 144)
async def test_what_is_open_in_it_is_reminded_of_to_whoever_holds_it(town: Town) -> None:
    _, case = await old_and_new(town.cases)
    await town.bus()
    due = (START + timedelta(days=14, hours=1)).date().isoformat()
    open_now = (await town.get("teacher", "/deadlines")).json()["items"]
    assert [(one["kind"], one["due"][:10]) for one in open_now if one["case"] == case] == [("decide-case", due)]
    await town.move_to(START + timedelta(days=11))
    assert await about(town, "teacher", case) == {"decision-reminder"}
    # What is begun in it: a question about consent, an offer of the baton, a measure.
    await town.cases.requested(case)
    await town.cases.must("teacher", f"/cases/{case}/measures", MEASURE)
    await offer(town.cases, case)
    await town.bus()
    await town.notify.deliver()
    for moment in (datetime(2026, 9, 26, 8, tzinfo=UTC), datetime(2026, 9, 28, 8, tzinfo=UTC)):
        await town.move_to(moment)
    assert await about(town, "colleague", case) == {"handover-request", "handover-reminder", "handover-overdue"}
    assert "consent-request" in await about(town, "guardian-a", case)
    await town.move_to(datetime(2026, 10, 2, 12, tzinfo=UTC))
    assert "consent-unanswered" in await about(town, "teacher", case)
    for moment in (datetime(2026, 10, 26, 12, tzinfo=UTC), datetime(2026, 11, 2, 12, tzinfo=UTC)):
        await town.move_to(moment)
    told = await about(town, "teacher", case)
    assert {"evaluation-reminder", "evaluation-overdue"} <= told
    assert "decision-overdue" not in told, "a measure was a decision"
    await town.move_to(datetime(2026, 11, 9, 12, tzinfo=UTC))
    await town.notify.deliver()
    assert await about(town, "privacy-officer", case) == {"protected-handover", "protected-escalation"}
    assert await about(town, "styrer", case) == set()


@pytest.mark.parametrize("holds", ["teacher", "colleague"])
@pytest.mark.parametrize("place", ["first", "between", "last"])
async def test_notify_knows_the_same_of_it_whenever_it_hears_that_it_goes_on(
    town: Town, place: Literal["first", "between", "last"], holds: str
) -> None:
    _, case = await old_and_new(town.cases)
    await town.cases.must("teacher", f"/cases/{case}/measures", MEASURE)
    if holds == "colleague":
        handover = await offer(town.cases, case)
        await town.cases.must("colleague", f"/handovers/{handover}/acceptance")
    records = at(await town.records(), place)
    for _ in range(2):
        for record in records:
            await town.notify.intake().process([record, record])
    holder = await town.notify.pool.fetchval("SELECT holder FROM holders WHERE case_ref = $1", case)
    assert json.loads(holder)["actor"] == (await town.cases.receiver(holds))["actor"]
    # A measure was a decision, and is evaluated by whoever holds the case now; nobody waits for anything else.
    for who in ("teacher", "colleague"):
        open_now = (await town.get(who, "/deadlines")).json()["items"]
        mine = [one["kind"] for one in open_now if one["case"] == case and one["mine"]]
        assert mine == (["evaluate-measure"] if who == holds else [])
    await town.move_to(datetime(2026, 10, 1, 8, tzinfo=UTC))
    for who in ("teacher", "colleague"):
        assert not {one for one in await about(town, who, case) if one.startswith(("decision", "handover-o"))}


async def test_the_last_day_of_a_protection_is_told_to_whoever_must_find_out(town: Town) -> None:
    _, case = await old_and_new(town.cases)
    await town.bus()
    await town.move_to(datetime(2027, 9, 1, 22, 30, tzinfo=UTC))
    await town.notify.deliver()
    assert "address-protection-due" in await about(town, "teacher", case)
    assert "address-protection-due" in await about(town, "privacy-officer", case)
    assert await about(town, "styrer", case) == set()


async def nothing_leads(events: Sequence[dict[str, Any]], case: str) -> None:
    """No reference, moment, number of bytes or correlation of the one case's log stands in another, but who acts."""
    ours = [event for event in events if event["municipality"].startswith("prt_")]
    theirs = [event for event in events if not event["municipality"].startswith("prt_")]
    assert ours
    assert theirs
    assert case not in json.dumps(theirs)
    assert {event["correlationid"] for event in ours}.isdisjoint(event["correlationid"] for event in theirs)
    people = {one for one in REF.findall(json.dumps(events)) if one.startswith("act_")}
    shared = set(REF.findall(json.dumps(ours))) & set(REF.findall(json.dumps(theirs)))
    assert shared <= people
    said = [set(MOMENT.findall(json.dumps([event["data"] for event in each]))) for each in (ours, theirs)]
    assert said[0].isdisjoint(said[1])
    sizes = [{event["data"].get("size") for event in each} - {None} for each in (ours, theirs)]
    assert (sizes[0], sizes[1]) == ({8192}, {4330})


async def test_nothing_that_is_published_leads_from_the_old_case_to_the_new_one(town: Town) -> None:
    old, case = await old_and_new(town.cases)
    await town.bus()
    await town.move_to(START + timedelta(days=11))
    await town.notify.deliver()
    rows = await town.notify.pool.fetch("SELECT body FROM outbox ORDER BY id")
    published = [json.loads(row["body"]) for row in rows]
    of_people = [event for event in published if event["type"].endswith("preferences.set.v1")]
    await nothing_leads(
        [*await town.cases.published(), *(event for event in published if event not in of_people)], case
    )
    # Nor does a row of this service.
    for table in ("messages", "errands", "holders", "decided", "aggregates", "deadlines"):
        found = [str(row) for row in await town.notify.pool.fetch(f"SELECT * FROM {table}")]
        assert not [row for row in found if old in row and case in row]


@pytest.mark.parametrize("place", ["first", "between", "last"])
async def test_meetings_learn_it_and_its_consents_and_acknowledge_what_ends_in_any_order(
    lia: meetings_world.Town, place: Literal["first", "between", "last"]
) -> None:
    old, case = await old_and_new(lia.cases)
    consent = await lia.cases.consented(case)
    await lia.cases.must("guardian-b", f"/consents/{consent}/withdrawals", {"services": ["helsestasjon"]})
    version = await lia.cases.version("teacher", case)
    closed = await lia.cases.post("teacher", f"/cases/{case}/closure", {"outcome": "goal-reached"}, if_match=version)
    assert closed.status_code == 201, closed.text
    rows = await lia.cases.pool.fetch("SELECT body FROM outbox ORDER BY id")
    made = [lia.record(row["body"]) for row in rows if b"no.lagspill.cases." in row["body"]]
    records = at([Record(one.value or b"", one.key or b"", one.offset, one.topic) for one in made], place)
    for _ in range(2):
        for record in records:
            await lia.intake().process([record, record])
    async with lia.pool.acquire() as conn:
        known = await store.case(conn, CaseRef(case))
        histories = await store.hold_consents(conn, [CaseRef(case)])
    assert known is not None
    assert (known.unit, known.guardians, known.open) == (None, 2, False)
    assert known.municipality.startswith("prt_")
    [history] = histories
    now, wanted = lia.clock.now() + timedelta(hours=1), frozenset({InformationCategory.LANGUAGE})
    # What was consented to in it counts, to the version of the withdrawal; what was withdrawn does not.
    assert permits(history, Service.PPT, wanted, Purpose.ASSESSMENT, now) == 2
    assert permits(history, Service.HELSESTASJON, wanted, Purpose.ASSESSMENT, now) is None
    receipts = [event for event in await lia.published("consent-receipt.recorded.v1") if event["data"]["case"] == case]
    assert [(one["data"]["consent"], one["data"]["consent_version"]) for one in receipts] == [(consent, 2)]
    # By name it is brought by nobody: the meeting's events would say where it is. Reaching for it is recorded in its own log.
    await lia.fresh()
    meeting = await lia.ressursteam()
    refused = await lia.refused("teacher", f"/meetings/{meeting}/agenda-items", lia.named(case))
    assert refused == (404, "not-found")
    denied = [event for event in await lia.published("access.recorded.v1") if event["data"].get("case") == case]
    assert {event["municipality"] for event in denied} == {known.municipality}
    assert "unit:" not in json.dumps(denied)
    await nothing_leads([*await lia.cases.published(), *await lia.published()], case)
    for table in ("cases", "consents", "named_items", "aggregates"):
        found = [str(row) for row in await lia.pool.fetch(f"SELECT * FROM {table}")]
        assert not [row for row in found if old in row and case in row]
