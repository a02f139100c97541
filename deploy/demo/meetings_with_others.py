"""Rows 11 and 12: with BUP no child is named whatever the consent says; without the guardians no child moves on to school."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue, TypeAdapter

from deploy.demo.concern_and_consent import AROUND, consent_for, mailed
from deploy.demo.meet import Sat, arena_of, called, held
from deploy.demo.meetings_by_rule import by_name, leads_nowhere
from deploy.demo.people import BUP, COORDINATOR, GUARDIAN_A, GUARDIAN_B, PARENT_ELSEWHERE, PPT, RECTOR, TEACHER
from deploy.demo.stage import Person, Seen, Stage
from deploy.demo.the_year import Planned
from shared.clock import OSLO
from shared.contracts.notify import Channel, NotificationSent

_WITH_BUP = datetime(2026, 10, 6, 12, 0, tzinfo=OSLO)
_TRANSITION = datetime(2026, 10, 28, 12, 0, tzinfo=OSLO)
_YES: JsonValue = {"answer": "accepted"}


async def row_11(stage: Stage) -> None:
    """6 October: the fixed meeting with BUP, to which no school belongs, and where nobody is named (seed rules 19, 20, 22)."""
    await stage.at(10, 5, 10)
    meeting = await _planned_with_bup(stage)
    await stage.must_not(
        COORDINATOR,
        "would invite the school too:",
        "POST",
        "meetings",
        f"/meetings/{meeting}/invitation",
        {"services": ["skole"]},
        code="service-not-member",
        status=403,
    )
    await stage.does(
        COORDINATOR,
        "calls the meeting with BUP of 6 October, as it stands in the year wheel",
        "POST",
        "meetings",
        f"/meetings/{meeting}/invitation",
        {},
        status=201,
    )
    await answers(stage, BUP, "accepts", meeting, _YES)
    await stage.at(10, 6, 9)
    items = f"/meetings/{meeting}/agenda-items"
    await stage.must_not(
        PPT,
        "is inside the consent, and would speak of the child by name:",
        "POST",
        "meetings",
        items,
        by_name(stage),
        code="arena-anonymous-only",
        status=403,
    )
    since = len(stage.bus.events)
    brought = await stage.does(
        PPT,
        "brings it anonymously instead",
        "POST",
        "meetings",
        items,
        {"kind": "case", "mode": "anonymous", "text": "Et barn sier lite i lek. Hva kan vi prøve?"},
        status=201,
    )
    item = brought.text("item")
    await stage.at(10, 6, 14)
    attended = (
        Sat("bup", "bup-clinician"),
        Sat("helsestasjon", "health-nurse"),
        Sat("ppt", "ppt-adviser"),
        Sat("barnevern", "child-welfare-officer"),
        Sat("psykiatri", "health-nurse"),
    )
    await stage.does(
        COORDINATOR,
        "records that the meeting was held",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(_WITH_BUP, attended, [item]),
    )
    discussed = await stage.bus.wait("meetings.case-discussed", lambda e: e.data["item"] == item)
    stage.check(discussed.data["mode"] == "anonymous", "discussed anonymously")
    await leads_nowhere(stage, PPT, [e for e in stage.bus.events[since:] if item in str(e.data)])
    stage.narrator.happened("case-discussed, anonymously: nothing leads to the child, nor to who brought it")


async def row_12(stage: Stage) -> None:
    """28 October: barnehage, school, PPT and the guardians, around the child by name (seed rules 10, 11, 12)."""
    await stage.at(10, 20)
    case = stage.facts["case"]
    await consent_for(
        stage,
        AROUND,
        "the transition meeting: school and PPT",
        services=["skole", "ppt"],
        purposes=["transition"],
        valid_to="2027-07-31",
    )
    since = len(stage.bus.events)
    meeting = await called(
        stage,
        TEACHER,
        "calls the transition meeting: barnehage, school, PPT and the guardians, 28 October",
        await arena_of(stage, TEACHER, "overgang-barnehage-skole"),
        _TRANSITION,
        {"units": ["unit:lia-barnehage", "unit:tinnes-skole"]},
    )
    brought = await stage.does(
        TEACHER,
        "brings the case by name, as nothing can be anonymous around one child",
        "POST",
        "meetings",
        f"/meetings/{meeting}/agenda-items",
        by_name(stage, "transition"),
        status=201,
        not_yet="consent-missing",
    )
    item = brought.text("item")
    stage.check(brought.at("leaves") == [], "everybody who is invited is inside the consent")
    await answers(stage, RECTOR, "accepts for the school", meeting, _YES)
    if any(_left_as_mail(event) for event in stage.bus.events):  # else there is no mail server
        await mailed(stage, 2, since, "family-invited")
    about_the_child: JsonValue = {"answer": "accepted", "case": case}
    for guardian in (GUARDIAN_A, GUARDIAN_B):
        await answers(stage, guardian, "accepts, signed in", meeting, about_the_child)
    await stage.must_not(
        PARENT_ELSEWHERE,
        "would answer for this child too:",
        "POST",
        "meetings",
        f"/meetings/{meeting}/answers",
        about_the_child,
        code="not-found",
        status=404,
    )
    seen = await stage.does(RECTOR, "sees who comes", "GET", "meetings", f"/meetings/{meeting}/agenda-items/{item}")
    family = seen.at("family")
    stage.check(isinstance(family, list) and len(family) == 2, "both guardians come, and nobody is named")
    await stage.at(10, 28, 14)
    there = (Sat("barnehage", "teacher"), Sat("skole", "leader"), Sat("ppt", "ppt-adviser"))
    await stage.must_not(
        TEACHER,
        "would record it as held without the guardians:",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(_TRANSITION, there, [item]),
        code="guardians-missing",
        status=409,
    )
    await stage.does(
        TEACHER,
        "records that it was held, with both of them",
        "POST",
        "meetings",
        f"/meetings/{meeting}/holding",
        held(_TRANSITION, there, [item], guardians=2),
    )
    told = await stage.bus.wait("meetings.case-discussed", lambda e: e.data["item"] == item)
    heard = told.data["attended_by"]
    stage.check(isinstance(heard, list) and sorted(map(str, heard)) == ["ppt", "skole"], "school and PPT have heard it")
    stage.narrator.happened("case-discussed, by name: with the consent that carried it, and who heard it")


def _left_as_mail(event: Seen) -> bool:
    return event.envelope.type == NotificationSent.TYPE and event.data["channel"] == Channel.EMAIL


async def _planned_with_bup(stage: Stage) -> str:
    """Return the meeting with BUP that the year wheel has on 6 October."""
    wheel = await stage.does(COORDINATOR, "", "GET", "meetings", "/year-wheel?limit=200")
    found = [
        each.meeting
        for each in TypeAdapter(tuple[Planned, ...]).validate_python(wheel.at("items"))
        if each.arena_type == "bup-samarbeid" and each.day == _WITH_BUP.date()
    ]
    stage.check(len(found) == 1 and found[0] is not None, "the year wheel has a meeting with BUP on 6 October")
    return str(found[0])


async def answers(stage: Stage, person: Person, what: str, meeting: str, answer: JsonValue) -> None:
    """Accept an invitation, and see that it was taken."""
    since = len(stage.bus.events)
    await stage.does(person, what, "POST", "meetings", f"/meetings/{meeting}/answers", answer)
    event = await stage.bus.wait("meetings.invitation.answered", lambda e: e.data["meeting"] == meeting, after=since)
    stage.check(event.data["answer"] == "accepted", "invitation.answered: the seat, the role and a yes")
