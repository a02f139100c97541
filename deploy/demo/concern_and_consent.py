"""Rows 2-4, 7 and 8: a concern is registered, may not rest, becomes a case; consent is asked for and given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from pydantic import JsonValue

from deploy.demo.people import (
    CONCERN_TEXT,
    FAMILY,
    GUARDIAN_A,
    GUARDIAN_B,
    TEACHER,
    VIEW_TEXT,
    Family,
    secrets,
)
from deploy.demo.stage import Answer, Person, Seen, Stage
from shared.clock import OSLO


@dataclass(frozen=True)
class Around:
    """Who asks for consent, and who gives it."""

    holder: Person
    guardians: tuple[Person, ...]


AROUND: Final = Around(TEACHER, (GUARDIAN_A, GUARDIAN_B))
"""The child in Notodden."""


async def row_2(stage: Stage) -> None:
    """7 September: a barnehage teacher registers a concern (seed rule 78)."""
    await stage.at(9, 7)
    receipt = await registered(
        stage,
        TEACHER,
        "registers a concern: the child, both guardians, what she saw",
        FAMILY,
        {
            "area": "learning",
            "for_whom": "child",
            "text": CONCERN_TEXT,
            "observations": {
                "language": "Bruker setninger på to ord; leken stopper når det må snakkes.",
                "development": "Motorikken er som ventet.",
            },
        },
    )
    stage.facts["case"] = receipt.text("case")
    stage.facts["concern"] = receipt.text("concern")
    for word in secrets():
        stage.check(word.encode() not in receipt.content, f"the receipt holds nothing of the vault ({word})")
    event = await stage.bus.wait("cases.concern.registered", lambda e: e.data["case"] == stage.facts["case"])
    act_by = datetime.fromisoformat(str(event.data["act_by"]))
    stage.check(
        act_by.astimezone(OSLO).date() == stage.now.astimezone(OSLO).date() + timedelta(days=14), "act_by is in 14 days"
    )
    stage.narrator.happened(
        f"on the bus: concern.registered, act by {act_by.astimezone(OSLO):%-d %B}; names and text stay in the vault"
    )


async def row_3(stage: Stage) -> None:
    """17 September: nobody has acted; four days before the day there is a reminder (seed rule 79)."""
    await stage.at(9, 17, 10)
    event = await stage.bus.wait(
        "notify.deadline.approaching",
        lambda e: e.data.get("case") == stage.facts["case"] and e.data["kind"] == "act-on-concern",
    )
    due = datetime.fromisoformat(str(event.data["due"])).astimezone(OSLO)
    stage.narrator.happened(
        f"deadline.approaching: somebody must act before {due:%-d %B}; the teacher has a message that names no child"
    )
    inbox = await stage.does(TEACHER, "", "GET", "notify", "/messages")
    stage.check(bool(inbox.at("items", 0)), "the teacher has a message")
    for word in secrets():
        stage.check(word.encode() not in inbox.content, f"the message holds nothing of the vault ({word})")


async def row_4(stage: Stage) -> None:
    """18 September: the teacher lifts it; a case is open at level 1 and she holds the baton (seed rules 80, 81)."""
    await stage.at(9, 18)
    await lifted(stage, TEACHER, "lifts the concern to a case", stage.facts["concern"])
    opened = await stage.bus.wait("cases.case.opened", lambda e: e.data["case"] == stage.facts["case"])
    stage.check(opened.data["level"] == 1, "the case is opened at level 1")
    decide_by = datetime.fromisoformat(str(opened.data["decide_by"])).astimezone(OSLO)
    due = stage.now.astimezone(OSLO).date() + timedelta(days=14)
    stage.check(decide_by.date() == due, "what is to be done must be decided within 14 days")
    case = await stage.does(TEACHER, "", "GET", "cases", f"/cases/{stage.facts['case']}")
    stage.check(case.at("holder", "role") == "teacher", "the teacher holds the baton")
    stage.narrator.happened(
        f"case.opened at level 1; she holds the baton, and decides what is to be done by {decide_by:%-d %B}"
    )


async def row_7(stage: Stage) -> None:
    """24 September: consent is asked for, the child heard first (seed rules 99, 101, 106)."""
    await stage.at(9, 24)
    case = stage.facts["case"]
    wanted: JsonValue = {
        "services": ["ppt", "helsestasjon"],
        "categories": ["development", "language"],
        "purposes": ["assessment", "discussion"],
        "valid_to": "2027-06-18",
    }
    await stage.must_not(
        TEACHER,
        "asks for consent before the child is heard:",
        "POST",
        "cases",
        f"/cases/{case}/consents",
        wanted,
        code="child-view-missing",
        status=409,
    )
    await stage.does(
        TEACHER,
        "records the child's view; the words go to the vault",
        "POST",
        "cases",
        f"/cases/{case}/child-views",
        {"method": "conversation", "before": "consent", "text": VIEW_TEXT},
        status=201,
    )
    asked = await stage.does(
        TEACHER,
        "asks for consent: PPT and helsestasjon, development and language, for one school year",
        "POST",
        "cases",
        f"/cases/{case}/consents",
        wanted,
        status=201,
    )
    stage.facts["consent"] = asked.text("consent")
    stage.check(asked.at("needed", "guardian") == 2, "two guardians must grant")
    languages = ("en", "nn")
    for language in languages:
        await stage.bus.wait("notify.notification.queued", partial(_to_guardian, language))
    stage.narrator.happened(
        f"two plain messages, in {' and '.join(languages)}: there is something to answer, and nothing more"
    )


async def row_8(stage: Stage) -> None:
    """25 and 28 September: both guardians grant; the consent is active only then (seed rule 4)."""
    await stage.at(9, 25)
    path = f"/consents/{stage.facts['consent']}/grants"
    first = await stage.does(
        TEACHER,
        "minutes what guardian A said on the telephone: yes",
        "POST",
        "cases",
        path,
        {"ordinal": 1, "evidence": "oral-minuted", "note": "Lest opp igjen for henne, og bekreftet."},
        status=201,
    )
    stage.check(first.at("status") == "requested", "one of two is not enough")
    stage.narrator.happened("not active yet: guardian B has not answered")
    await stage.at(9, 28)
    second = await stage.does(GUARDIAN_B, "grants, signed in", "POST", "cases", path, {}, status=201)
    stage.check(second.at("status") == "active" and second.at("version") == 1, "active, version 1")
    await stage.bus.wait("cases.case.identified", lambda e: e.data["case"] == stage.facts["case"])
    stage.narrator.happened("consent active, version 1: from here the case may be spoken of by name, within its scope")
    mine = await stage.does(
        GUARDIAN_A, "sees the child's case, signed in", "GET", "cases", f"/cases/{stage.facts['case']}"
    )
    stage.check(mine.at("stage") == "open", "the guardian sees the case")


async def registered(stage: Stage, by: Person, what: str, family: Family, seen: dict[str, JsonValue]) -> Answer:
    """Register a concern about a child, and return the receipt."""
    return await stage.does(by, what, "POST", "cases", "/concerns", {**family.body(), **seen}, status=201)


async def lifted(stage: Stage, by: Person, what: str, concern: str) -> None:
    """Lift a concern to a case."""
    await stage.does(by, what, "POST", "cases", f"/concerns/{concern}/resolution", {"outcome": "lifted"}, status=201)


async def stepped_up(stage: Stage, by: Person, to_level: int) -> None:
    """Step the effort around the child up, on the version of the case that is read first."""
    case = f"/cases/{stage.facts['case']}"
    seen = await stage.does(by, "", "GET", "cases", case)
    await stage.does(
        by,
        f"steps the effort up to level {to_level}",
        "POST",
        "cases",
        f"{case}/level-changes",
        {"to_level": to_level, "reason": "assessment"},
        status=201,
        if_match=seen.etag,
    )


async def consent_for(
    stage: Stage,
    around: Around,
    what: str,
    *,
    services: list[JsonValue],
    purposes: list[JsonValue],
    valid_to: str,
    by_mail: bool = False,
) -> None:
    """Hear the child, ask the guardians, and have their consent; `by_mail`: when both have had a message that asks for it."""
    case = stage.facts["case"]
    await stage.does(
        around.holder,
        "",
        "POST",
        "cases",
        f"/cases/{case}/child-views",
        {"method": "conversation", "before": "consent", "text": VIEW_TEXT},
        status=201,
    )
    since = len(stage.bus.events)
    asked = await stage.does(
        around.holder,
        f"asks for consent for {what}",
        "POST",
        "cases",
        f"/cases/{case}/consents",
        {
            "services": services,
            "categories": ["development", "language"],
            "purposes": purposes,
            "valid_to": valid_to,
        },
        status=201,
    )
    if by_mail:
        await mailed(stage, len(around.guardians), since)
        stage.narrator.happened("plain e-mails to the guardians: there is something to answer, and nothing more")
    for guardian in around.guardians:
        await stage.does(
            guardian, "grants, signed in", "POST", "cases", f"/consents/{asked.text('consent')}/grants", {}, status=201
        )


async def mailed(stage: Stage, many: int, since: int, template: str | None = None) -> None:
    """Wait until so many e-mails to guardians (of one template) have left the house: people answer what has reached them."""
    written: list[JsonValue] = []
    while len(written) < many:
        queued = await stage.bus.wait(
            "notify.notification.queued", partial(_another_mail, stage.log.name, template, written), after=since
        )
        written.append(queued.data["message"])
    for message in written:
        await stage.bus.wait("notify.notification.sent", partial(_of_message, message), after=since)


def _another_mail(log: str, template: str | None, written: list[JsonValue], event: Seen) -> bool:
    told, here = event.data, event.envelope.municipality == log
    to_guardian = (told["recipient_role"], told["channel"]) == ("guardian", "email")
    return here and to_guardian and template in {None, told["template"]} and told["message"] not in written


def _of_message(message: JsonValue, event: Seen) -> bool:
    return event.data["message"] == message


def _to_guardian(language: str, event: Seen) -> bool:
    return event.data["recipient_role"] == "guardian" and event.data["language"] == language
