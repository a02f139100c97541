"""What the meetings of every story have in common: an arena is found, a meeting called, an item brought, and it is held."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import JsonValue, TypeAdapter

from deploy.demo.stage import Answer, Person, Stage
from deploy.demo.the_year import Arena


class Sat(NamedTuple):
    """A seat at a meeting, and whether it was taken."""

    service: str
    role: str
    organisation: str | None = None
    present: bool = True
    reason: str | None = None
    """Why it was not taken."""

    def body(self) -> JsonValue:
        """Return it as it is sent."""
        return {
            "service": self.service,
            "role": self.role,
            "organisation": self.organisation,
            "present": self.present,
            "absence_reason": self.reason,
        }


async def arena_of(stage: Stage, person: Person, arena_type: str, unit: str | None = None) -> str:
    """Return the arena of that type, of the municipality or of a unit."""
    found = await stage.does(person, "", "GET", "meetings", "/arenas?limit=200")
    [arena] = [
        each.arena
        for each in TypeAdapter(tuple[Arena, ...]).validate_python(found.at("items"))
        if (each.arena_type, each.unit) == (arena_type, unit)
    ]
    return arena


async def called(
    stage: Stage, person: Person, what: str, arena: str, starts: datetime, more: dict[str, JsonValue] | None = None
) -> str:
    """Call a meeting and return its reference."""
    body: dict[str, JsonValue] = {"arena": arena, "starts_at": starts.isoformat(), **(more or {})}
    answer = await stage.does(person, what, "POST", "meetings", "/meetings", body, status=201)
    return answer.text("meeting")


async def brought(
    stage: Stage, person: Person, what: str, meeting: str, item: JsonValue, *, not_yet: str | None = None
) -> Answer:
    """Bring an item to a meeting."""
    path = f"/meetings/{meeting}/agenda-items"
    return await stage.does(person, what, "POST", "meetings", path, item, status=201, not_yet=not_yet)


async def taken_on(stage: Stage, person: Person, meeting: str, item: Answer) -> str:
    """Let who decides the agenda take a brought item on it, where it is not there already; return its reference."""
    ref = item.text("item")
    if item.at("status") != "accepted":
        await stage.does(person, "", "POST", "meetings", f"/meetings/{meeting}/agenda-items/{ref}/acceptance", {})
    return ref


def held(
    starts: datetime,
    seats: Sequence[Sat],
    items: Sequence[str] = (),
    *,
    minutes: int = 60,
    chair: str | None = None,
    guardians: int = 0,
    child: str | None = None,
) -> dict[str, JsonValue]:
    """Return a meeting that was held, as it is sent; whoever has the first seat leads it if nobody else does.

    `child` is its part in it.
    """
    return {
        "started_at": starts.isoformat(),
        "ended_at": (starts + timedelta(minutes=minutes)).isoformat(),
        "chair": chair or seats[0].role,
        "attendance": [seat.body() for seat in seats],
        "guardians_present": guardians,
        "discussed": [{"item": item, **({} if child is None else {"child": child})} for item in items],
    }
