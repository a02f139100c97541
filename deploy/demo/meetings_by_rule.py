"""Rows 5, 6, 9 and 10: the ressursteam, anonymously and by name; what it decides becomes true without being typed twice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from deploy.demo.meet import Sat, arena_of, called, held
from deploy.demo.people import CHILD_WELFARE, GOAL_TEXT, GUARDIAN_B, LEADER, NURSE, PPT, TEACHER
from deploy.demo.stage import Person, Seen, Stage
from shared.clock import OSLO

ATTENDANCE: Final = (
    Sat("barnehage", "leader", "310001015"),
    Sat("ppt", "ppt-adviser", "310001031"),
    Sat("helsestasjon", "health-nurse", "310001058"),
    Sat("barnevern", "child-welfare-officer", "310001066"),
)


async def row_5(stage: Stage) -> None:
    """22 September: ressursteam with a general item (seed rule 7), and the case anonymously (seed rule 2)."""
    await stage.at(9, 15)
    arena = await ressursteam_of(stage)
    meeting = await call(stage, arena, datetime(2026, 9, 22, 12, 0, tzinfo=OSLO), extra=False)
    await stage.at(9, 22, 8)
    items = f"/meetings/{meeting}/agenda-items"
    await stage.does(
        TEACHER,
        "brings a general item: the language environment of the youngest",
        "POST",
        "meetings",
        items,
        {"kind": "general", "mode": "no-child", "text": "Hvordan bygger vi et godt språkmiljø for de yngste?"},
        status=201,
    )
    refused = await stage.must_not(
        TEACHER,
        "writes the child's first name in an anonymous item:",
        "POST",
        "meetings",
        items,
        {"kind": "case", "mode": "anonymous", "text": "Vi er urolige for Solstråle, som sier lite i lek."},
        code="text-not-anonymous",
        status=422,
    )
    stage.check("Solstråle" in str(refused.at("found")), "the refusal names the word")
    since = len(stage.bus.events)
    brought = await stage.does(
        TEACHER,
        "brings the case anonymously instead",
        "POST",
        "meetings",
        items,
        {
            "kind": "case",
            "mode": "anonymous",
            "text": "Et barn sier lite i lek, og vi lurer på hva vi kan gjøre i hverdagen.",
        },
        status=201,
    )
    item = brought.text("item")
    await stage.at(9, 22, 14)
    await _hold(stage, meeting, datetime(2026, 9, 22, 12, 0, tzinfo=OSLO), [item])
    discussed = await stage.bus.wait("meetings.case-discussed", lambda e: e.data["item"] == item)
    await leads_nowhere(stage, TEACHER, [e for e in stage.bus.events[since:] if item in str(e.data)])
    stage.check(discussed.data["mode"] == "anonymous", "discussed anonymously")
    stage.narrator.happened(
        "case-discussed, anonymously: no case, no actor, a correlation of its own; nothing leads to the child"
    )
    stage.facts["meeting"] = meeting


async def row_6(stage: Stage) -> None:
    """The same day the teacher asks to discuss it by name: there is no consent (seed rules 4, 106)."""
    arena = await ressursteam_of(stage)
    starts = datetime(2026, 9, 22, 16, 0, tzinfo=OSLO)
    meeting = await call(stage, arena, starts, extra=True, quietly=True)
    refused = await stage.must_not(
        TEACHER,
        "asks to discuss the case by name:",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        by_name(stage),
        code="consent-missing",
        status=409,
    )
    lacking, needed = refused.at("missing"), refused.at("needed_from", "guardian")
    stage.check(
        isinstance(lacking, list) and len(lacking) == 3, "the refusal says which services lack consent, and for what"
    )
    stage.check(needed == 2, "and from whom: both guardians")
    stage.narrator.happened(
        f"the answer says what it would take: consent from {needed} guardians, for {_services(lacking)}"
    )
    await stage.does(LEADER, "", "POST", "meetings", f"/meetings/{meeting}/cancellation", {"reason": "no-items"})


async def row_9(stage: Stage) -> None:
    """1 October: an extra ressursteam, by name (seed rule 9); who is outside the scope leaves the item."""
    await stage.at(9, 29)
    arena = await ressursteam_of(stage)
    starts = datetime(2026, 10, 1, 12, 0, tzinfo=OSLO)
    meeting = await call(stage, arena, starts, extra=True)
    await stage.at(10, 1, 8)
    brought = await stage.does(
        TEACHER,
        "brings the case by name; there is a consent now",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        by_name(stage),
        status=201,
        not_yet="consent-missing",
    )
    item = brought.text("item")
    stage.check(brought.at("leaves") == ["barnevern"], "barnevern is outside the scope and must leave the item")
    if brought.at("status") != "accepted":
        await stage.does(
            LEADER,
            "takes it on the agenda",
            "POST",
            "meetings",
            f"/meetings/{meeting}/agenda-items/{item}/acceptance",
            {},
        )
    for person, sees in ((PPT, True), (NURSE, True), (CHILD_WELFARE, False)):
        agenda = await stage.does(person, "", "GET", "meetings", f"/meetings/{meeting}/agenda-items")
        stage.check(
            (item in agenda.content.decode()) is sees, f"{person.called} {'sees' if sees else 'does not see'} the item"
        )
        stage.check(
            (stage.facts["case"] in agenda.content.decode()) is sees,
            f"{person.called}: the case is shown only inside the scope",
        )
    stage.narrator.happened("PPT and helsestasjon see the item; barnevern is shown neither item nor case")
    stage.facts |= {"named-meeting": meeting, "named-item": item}


async def row_10(stage: Stage) -> None:
    """The ressursteam decides a measure; it is planned, and PPT is in the team, by the event alone (seed rules 26, 88, 141)."""
    meeting, item, case = stage.facts["named-meeting"], stage.facts["named-item"], stage.facts["case"]
    await stage.at(10, 1, 14)
    await _hold(stage, meeting, datetime(2026, 10, 1, 12, 0, tzinfo=OSLO), [item])
    discussed = await stage.bus.wait("meetings.case-discussed", lambda e: e.data["item"] == item)
    attended = discussed.data["attended_by"]
    stage.check(isinstance(attended, list) and "barnevern" not in attended, "barnevern has left the item")
    await stage.does(
        LEADER,
        "records the outcome: a language group led by PPT, evaluated by 1 December",
        "POST",
        "meetings",
        f"/meetings/{meeting}/outcomes",
        {
            "item": item,
            "decision": "measure-planned",
            "text": GOAL_TEXT,
            "measures": [
                {
                    "code": "sprakgruppe",
                    "owner": "ppt",
                    "owner_unit": "unit:ppt",
                    "indicator": "ord-i-lek",
                    "evaluate_by": "2026-12-01T12:00:00+01:00",
                }
            ],
            "join_team": ["ppt"],
        },
        status=201,
    )
    await stage.bus.wait("cases.measure.planned", lambda e: e.data["case"] == case)
    await stage.bus.wait(
        "cases.case.team-member-added", lambda e: e.data["case"] == case and e.data["service"] == "ppt"
    )
    stage.narrator.happened("measure.planned and team-member-added: nobody typed anything twice")
    await stage.does(
        GUARDIAN_B,
        "chooses the PPT adviser as contact person",
        "POST",
        "cases",
        f"/cases/{case}/contact-person",
        {"service": "ppt", "role": "ppt-adviser"},
        status=201,
    )
    await stage.bus.wait("cases.case.contact-person-chosen", lambda e: e.data["case"] == case)


async def ressursteam_of(stage: Stage) -> str:
    """Return the ressursteam of Lia barnehage."""
    if "ressursteam" not in stage.facts:
        stage.facts["ressursteam"] = await arena_of(stage, LEADER, "ressursteam", "unit:lia-barnehage")
    return stage.facts["ressursteam"]


async def call(stage: Stage, arena: str, starts: datetime, *, extra: bool, quietly: bool = False) -> str:
    """Call a meeting and return its reference."""
    what = "asks for an extra ressursteam" if extra else "calls the ressursteam of the autumn"
    told = "" if quietly else f"{what}, {starts:%-d %B}"
    return await called(stage, LEADER, told, arena, starts, {"extra": extra})


async def _hold(stage: Stage, meeting: str, starts: datetime, items: Sequence[str]) -> None:
    await stage.does(
        LEADER,
        "records that the meeting was held",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(starts, ATTENDANCE, items, minutes=90),
    )


async def leads_nowhere(stage: Stage, bringer: Person, events: Sequence[Seen]) -> None:
    """Insist that nothing which was published about the anonymous item leads to the case or to who brought it."""
    me = await stage.does(bringer, "", "GET", "cases", "/me")
    case = stage.facts["case"]
    correlations = {e.envelope.correlationid for e in stage.bus.events if e.envelope.partitionkey == case}
    stage.check(bool(events), "the anonymous item has events")
    for event in events:
        about = event.envelope.type
        stage.check(case.encode() not in event.raw, f"{about}: no case in key, headers or value")
        stage.check(event.envelope.authid is None or event.envelope.type.endswith("held.v1"), f"{about}: nobody named")
        stage.check(me.text("actor").encode() not in event.raw, f"{about}: not who brought it")
        stage.check(event.envelope.correlationid not in correlations, f"{about}: a correlation of its own")


def by_name(stage: Stage, purpose: str = "discussion") -> JsonValue:
    """Return the case as an item by name."""
    return {
        "kind": "case",
        "mode": "named",
        "text": "Vi ønsker råd om språkgruppe og kartlegging.",
        "case": stage.facts["case"],
        "categories": ["development", "language"],
        "purpose": purpose,
    }


def _services(lacking: JsonValue) -> str:
    found = lacking if isinstance(lacking, list) else []
    return ", ".join(str(one["service"]) for one in found if isinstance(one, dict))
