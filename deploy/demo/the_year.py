"""Row 1: the year wheel, planned from the profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from deploy.demo.people import COORDINATOR, TEACHER
from deploy.demo.stage import Person, Stage
from shared.calendar import public_holidays
from shared.clock import OSLO

_AROUND_A_CHILD: Final = "overgang-barnehage-skole"
"""What is set aside in its window is called around a child, with its guardians."""


class Planned(BaseModel):
    """A meeting of the year wheel."""

    model_config = ConfigDict(frozen=True)

    arena_type: str
    units: tuple[str, ...]
    starts_at: datetime
    meeting: str | None

    @property
    def day(self) -> date:
        """Return its day in Norway."""
        return self.starts_at.astimezone(OSLO).date()


class Arena(BaseModel):
    """An arena with its reference."""

    model_config = ConfigDict(frozen=True)

    arena: str
    arena_type: str
    unit: str | None


async def row_1(stage: Stage) -> None:
    """17 August: the coordinator plans the year from the profile (seed rules 8, 10, 15, 16, 19, 29, 40)."""
    await stage.at(8, 17)
    proposed = await proposed_to(stage, COORDINATOR)
    _as_the_page_says(stage, proposed)
    await planned(stage, COORDINATOR, [each for each in proposed if each.arena_type != _AROUND_A_CHILD])
    await _as_often_as_the_rules_say(stage)
    deviations = await stage.does(
        COORDINATOR, "asks what is not as the rules say", "GET", "meetings", "/deviations", status=200
    )
    stage.check(deviations.at("items") == [], "the report has no deviation")
    await stage.must_not(
        TEACHER,
        "asks the same:",
        "GET",
        "meetings",
        "/deviations",
        code="reports-forbidden",
        status=403,
    )


async def proposed_to(stage: Stage, coordinator: Person) -> Sequence[Planned]:
    """Return the year wheel that the profile asks for."""
    wheel = await stage.does(
        coordinator,
        "looks at the year wheel that the profile asks for",
        "GET",
        "meetings",
        "/year-wheel?limit=200",
        status=200,
    )
    return TypeAdapter(tuple[Planned, ...]).validate_python(wheel.at("items"))


async def planned(stage: Stage, coordinator: Person, proposed: Sequence[Planned]) -> None:
    """Give each proposed meeting its place in the year; between two units it is one meeting of both."""
    found = await stage.does(coordinator, "", "GET", "meetings", "/arenas?limit=200", status=200)
    known = TypeAdapter(tuple[Arena, ...]).validate_python(found.at("items"))
    arenas = {(each.arena_type, each.unit): each.arena for each in known}
    for each in proposed:
        pair = len(each.units) > 1
        body: JsonValue = {
            "arena": arenas[each.arena_type, each.units[0] if each.units and not pair else None],
            "starts_at": each.starts_at.isoformat(),
            "invite": False,
            "units": list(each.units) if pair else [],
        }
        await stage.does(coordinator, "", "POST", "meetings", "/meetings", body, status=201)
    stage.narrator.did(
        coordinator.called, f"plans {len(proposed)} meetings as they are proposed; nobody is invited yet"
    )


async def _as_often_as_the_rules_say(stage: Stage) -> None:
    """What was planned is what the rules ask for, and around children nothing is missing: there is no group yet."""
    asked = await stage.does(COORDINATOR, "", "GET", "meetings", "/conformity?limit=200", status=200)
    rows = asked.rows()
    stage.check(all(row["conforms"] is True for row in rows), "every arena meets as often as its rule says")
    counted = [row for row in rows if "due" in row]
    stage.check(
        all(row["ahead"] == row["due"] for row in counted), "each meeting that is due has its place in the year"
    )
    windows = {row["rule"]: (row["first"], row["last"]) for row in rows if row["rule"] in {10, 15, 16}}
    stage.check(
        windows
        == {10: ("2026-10-01", "2026-11-30"), 15: ("2026-10-01", "2026-10-31"), 16: ("2027-02-01", "2027-04-30")},
        "the three kinds of transition meetings are due in their windows",
    )
    groups = [(row["period"], row["rule"]) for row in rows if row["arena_type"] == "ansvarsgruppe"]
    stage.check(
        groups == [("autumn", 29), ("spring", 29)], "each ansvarsgruppe is to meet twice, in autumn and in spring"
    )
    stage.check(
        not any("due" in row for row in rows if row["rule"] in {10, 29}), "and how many groups there are nobody is told"
    )


def _as_the_page_says(stage: Stage, proposed: Sequence[Planned]) -> None:
    days = {
        kind: [each.day for each in proposed if each.arena_type == kind]
        for kind in {each.arena_type for each in proposed}
    }
    teams = Counter((each.units, each.day.year) for each in proposed if each.arena_type == "ressursteam")
    stage.check(len(teams) == 8 and set(teams.values()) == {1}, "ressursteam once in each term at each of four units")
    october = {(day.year, day.month) for day in days["overgang-skole-skole-koordinator"]}
    stage.check(october == {(2026, 10)}, "coordinator and contact teacher meet in October")
    spring = {day.month for day in days["overgang-skole-skole-kontaktlaerer"]}
    stage.check(spring <= {2, 3, 4}, "contact teachers of the 7th and 8th step meet from February to April")
    bup = days["bup-samarbeid"]
    stage.check(len(bup) == 8 and {day.weekday() for day in bup} == {1}, "BUP on a Tuesday every sixth week")
    forum = days["lederforum"]
    stage.check({day.weekday() for day in forum} == {3}, "lederforum on a Thursday")
    stage.check(len({(day.year, day.month) for day in forum}) == len(forum) == 11, "once a month, but in July")
    stage.check(
        all(date(2026, 10, 1) <= day <= date(2026, 11, 30) for day in days["overgang-barnehage-skole"]),
        "transitions to school in October or November of the year before",
    )
    stage.check(
        not any(each.day in public_holidays(each.day.year) or each.day.weekday() > 4 for each in proposed),
        "nothing on a public holiday",
    )
