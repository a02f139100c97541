"""Tønsberg: the meeting places of its leaders, the ladder of offers, and how long it takes from concern to action."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import Final

from pydantic import JsonValue

from deploy.demo import for_everybody
from deploy.demo.concern_and_consent import lifted, registered, stepped_up
from deploy.demo.people import CONCERN_TEXT, GOAL_TEXT, invented
from deploy.demo.script import Row, Story
from deploy.demo.stage import Log, Person, Seen, Stage
from deploy.demo.the_log import asked_and_verified, row_24
from deploy.demo.the_year import proposed_to

COORDINATOR: Final = Person("coordinator-tonsberg", "The coordinator")
TEACHER: Final = Person("teacher-tonsberg", "The barnehage teacher")
AUDITOR: Final = Person("auditor-tonsberg", "Tønsberg's auditor")

CHILDREN: Final = tuple(invented(60 + number) for number in range(6))
_BURDENS: Final = ("child", "guardians", "unit", "unit", "unit", "unit")
"""Whose burden raised each concern: more often that of the unit than the child's (seed rule 180)."""


async def meeting_places(stage: Stage) -> None:
    """Weekly, monthly, and at least four times a year (seed rule 183)."""
    proposed = await proposed_to(stage, COORDINATOR)
    times = Counter(each.arena_type for each in proposed)
    weekdays = {kind: {each.day.weekday() for each in proposed if each.arena_type == kind} for kind in times}
    stage.check(weekdays["ledermote"] == {0} and weekdays["ledermote-bou"] == {1}, "on Mondays and on Tuesdays")
    for weekly in ("ledermote", "ledermote-bou"):
        weeks = {each.day.isocalendar()[:2] for each in proposed if each.arena_type == weekly}
        stage.check(len(weeks) == times[weekly] > 30, f"{weekly} once in each week of school")
    for monthly in ("rektormote", "virksomhetsledermote-barnehager"):
        months = {(each.day.year, each.day.month) for each in proposed if each.arena_type == monthly}
        stage.check(len(months) == times[monthly] >= 10, f"{monthly} once a month")
    due = await stage.does(COORDINATOR, "", "GET", "meetings", "/conformity?limit=200")
    found = {str(each["arena_type"]): each["due"] for each in due.rows()}
    stage.check(found["oppvekstledersamling"] == times["oppvekstledersamling"] == 4, "at least four a year")
    stage.narrator.happened(
        f"{times['ledermote']} and {times['ledermote-bou']} weekly meetings, {times['rektormote']} and "
        f"{times['virksomhetsledermote-barnehager']} monthly ones, 4 gatherings of the leaders"
    )


async def the_ladder(stage: Stage) -> None:
    """Levels 0 to 3, from what everybody is offered to the most intensive (seed rules 181, 182, 188)."""
    answer = await stage.does(TEACHER, "looks at the ladder of offers", "GET", "cases", "/measure-types")
    offers = answer.at("measure_types")
    by_level: dict[int, list[str]] = {}
    for each in offers if isinstance(offers, list) else []:
        if isinstance(each, dict) and isinstance(each["level"], int):
            by_level.setdefault(each["level"], []).append(str(each["code"]))
    stage.check(by_level.keys() == {0, 1, 2, 3} and all(by_level.values()), "offers at every level from 0 to 3")
    for level, codes in sorted(by_level.items()):
        stage.narrator.happened(f"level {level}: {', '.join(codes)}")


async def concerned(stage: Stage) -> None:
    """Six concerns: for whom each was raised is recorded (seed rules 78, 180)."""
    for number, (family, burden) in enumerate(zip(CHILDREN, _BURDENS, strict=True)):
        seen: dict[str, JsonValue] = {"area": "learning", "for_whom": burden, "text": CONCERN_TEXT}
        receipt = await registered(stage, TEACHER, "", family, seen)
        stage.facts[f"concern-{number}"] = receipt.text("concern")
        case = receipt.text("case")
        stage.facts.setdefault("case", case)
        event = await stage.bus.wait("cases.concern.registered", partial(_about, case))
        stage.check(event.data["for_whom"] == burden, "on whose burden")
    stage.narrator.did(TEACHER.called, f"registers six concerns, on the burden of {', '.join(_BURDENS)}")


async def acted_on(stage: Stage) -> None:
    """Three days later all six are lifted; a measure is put in on the step where the child is (seed rules 80, 81, 181)."""
    for number in range(len(CHILDREN)):
        await lifted(stage, TEACHER, "", stage.facts[f"concern-{number}"])
    stage.narrator.did(TEACHER.called, "lifts all six: they are cases at level 1")
    case = stage.facts["case"]
    path, higher = f"/cases/{case}/measures", _measure(stage, "ettermiddagsavlastning")
    await stage.must_not(
        TEACHER,
        "would put in an offer of level 2:",
        "POST",
        "cases",
        path,
        higher,
        code="offer-above-level",
        status=409,
    )
    await stage.does(
        TEACHER, "puts in one of level 1", "POST", "cases", path, _measure(stage, "trygghetsnett"), status=201
    )
    await stepped_up(stage, TEACHER, 2)
    await stage.does(TEACHER, "puts in the offer of level 2 now", "POST", "cases", path, higher, status=201)


async def how_long_it_took(stage: Stage) -> None:
    """From the first concern to the first action, and on whose burden; nothing by which a child is known (seed rules 179, 180)."""
    period = f"{stage.school_year}-autumn"
    figures = await stage.does(
        COORDINATOR, "reads the figures of the autumn", "GET", "cases", f"/figures?period={period}"
    )
    stage.check(figures.at("median_days_to_action") == 3.0, "three days from concern to action")
    stage.check(figures.at("to_action", "total") == figures.at("for_whom", "total") == 6, "six concerns")
    parts = figures.at("for_whom", "parts")
    stage.check(isinstance(parts, dict) and set(parts.values()) == {None}, "one and one and four: each is hidden")
    stage.narrator.happened(
        "three days from concern to action, in the middle; on whose burden is hidden: too few of each"
    )
    await stage.must_not(
        TEACHER,
        "asks the same:",
        "GET",
        "cases",
        f"/figures?period={period}",
        code="figures-forbidden",
        status=403,
    )


async def of_those_who_began(stage: Stage) -> None:
    """How many complete upper secondary school is read elsewhere, and entered, of how many (seed rule 190)."""
    period = f"{stage.school_year - 1}-{stage.school_year}"
    figure: dict[str, JsonValue] = {"indicator": "upper-secondary", "period": period, "value": 76, "source": "udir"}
    await stage.must_not(
        COORDINATOR,
        "would enter 76 %, without saying of how many:",
        "POST",
        "meetings",
        for_everybody.FIGURES,
        figure,
        code="figure-value-wrong",
        status=422,
    )
    await for_everybody.entered(stage, COORDINATOR, "enters 76 % of 412 pupils", {**figure, "of": 412})
    line = await for_everybody.line_of(stage, COORDINATOR, "upper-secondary", period)
    stage.check((line["value"], line["overdue"]) == (76.0, False), "it is entered, and nobody is reminded")


def _about(case: str, event: Seen) -> bool:
    return event.data["case"] == case


def _measure(stage: Stage, code: str) -> JsonValue:
    return {
        "code": code,
        "owner": "barnehage",
        "owner_unit": "unit:sem-barnehage",
        "goal": GOAL_TEXT,
        "indicator": "ord-i-lek",
        "evaluate_by": stage.moment(11, 2, 12).isoformat(),
    }


STORY: Final = Story(
    "tonsberg",
    "Tønsberg",
    Log("3905", "Tønsberg", AUDITOR, TEACHER),
    (
        Row(1, 8, 17, "Meeting places: weekly, monthly, four a year", meeting_places, 9),
        Row(2, 8, 31, "The ladder of offers", the_ladder, 9),
        Row(3, 9, 7, "Six concerns, and on whose burden", concerned, 9),
        Row(4, 9, 10, "Acted on: on the step where the child is", acted_on, 9),
        Row(5, 9, 14, "How many complete upper secondary school", of_those_who_began, 9),
        Row(6, 1, 11, "From concern to action", how_long_it_took, 9),
        Row(7, 6, 20, "The auditor asks, and verifies", asked_and_verified, 9),
        Row(8, 6, 20, "An attacker with the database password", row_24, 9),
    ),
    (*(word for family in CHILDREN for word in family.secrets()), "trekker seg"),
    writes_home=False,
)
