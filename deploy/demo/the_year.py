"""Row 1: the year wheel, planned from the profile."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter

from deploy.demo.people import COORDINATOR, TEACHER
from deploy.demo.stage import Person, Stage
from shared.calendar import public_holidays
from shared.clock import OSLO


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
    """17 August: the coordinator plans the year from the profile (seed rules 8, 10, 19, 40)."""
    await stage.at(8, 17)
    proposed = await proposed_to(stage, COORDINATOR)
    _as_the_page_says(stage, proposed)
    await planned(stage, COORDINATOR, proposed)
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
    """Give each proposed meeting its place in the year; what is set aside between two units is called around a child."""
    found = await stage.does(coordinator, "", "GET", "meetings", "/arenas?limit=200", status=200)
    known = TypeAdapter(tuple[Arena, ...]).validate_python(found.at("items"))
    arenas = {(each.arena_type, each.unit): each.arena for each in known}
    own = [each for each in proposed if len(each.units) < 2]
    for each in own:
        body: JsonValue = {
            "arena": arenas[each.arena_type, each.units[0] if each.units else None],
            "starts_at": each.starts_at.isoformat(),
            "invite": False,
        }
        await stage.does(coordinator, "", "POST", "meetings", "/meetings", body, status=201)
    stage.narrator.did(coordinator.called, f"plans {len(own)} meetings as they are proposed; nobody is invited yet")


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
