"""A school year of all Norway in one go: every municipality's meetings, with services that several of them share.

Not one of the parts that `make bench` measures: `python -m tests.bench --only norway`. It needs no server.
"""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator, Sequence
from math import ceil
from time import process_time
from typing import Final

from services.meetings.configuration import read_profiles
from services.meetings.domain.organisation import Unit, UnitKind
from services.meetings.domain.planning import NOTHING, OVERBOOKED, cost, plan, staff_of
from services.meetings.domain.profile import Profile
from services.meetings.domain.wheel import wishes
from services.meetings.settings import MeetingsSettings
from shared.contracts.codes import Service
from shared.refs import LogScope, UnitId
from tests.bench.measure import Measure

MUNICIPALITIES: Final = 357
UNITS: Final = 8_000
"""Barnehager and schools, about."""
YEAR: Final = 2026
TEMPLATE: Final = LogScope("3428")
"""Alvdal's: the arenas of Nord-Østerdal, without those that one of the five has for all."""
SHARED: Final = (Service.BARNEVERN, Service.PPT, Service.NAV)
"""Each is one for some municipalities together, and not the same ones as the next."""
TOGETHER: Final = 6
"""So many municipalities share a service at most."""
PER_TEAM: Final = 6
"""For so many barnehager and schools a service can be in one meeting more at the same time."""


def country(municipalities: int = MUNICIPALITIES, units: int = UNITS, seed: int = 1) -> list[Profile]:
    """Return invented municipalities of very different sizes, with about so many barnehager and schools."""
    chance = random.Random(seed)
    template = read_profiles(MeetingsSettings.model_fields["municipalities_folder"].default)[TEMPLATE]
    numbers = [LogScope(f"{1000 + number}") for number in range(municipalities)]
    weights = [chance.paretovariate(1.3) for _ in numbers]
    own = {
        number: list(_own(chance, number, max(2, round(units * weight / sum(weights)))))
        for number, weight in zip(numbers, weights, strict=True)
    }
    together = {number: {number} for number in numbers}
    for service in SHARED:
        for group in _neighbours(chance, numbers):
            served = sum(len(own[number]) for number in group)
            office = _service(service, f"{service}-{group[0]}", served, _centre(group[0]))
            for number in group:
                own[number].append(office)
                together[number].update(group)
    return [
        template.model_copy(
            update={
                "municipality": number,
                "name": number,
                "units": tuple(own[number]),
                "together": frozenset(together[number]),
            }
        )
        for number in numbers
    ]


def measure_norway(municipalities: int = MUNICIPALITIES, units: int = UNITS) -> Measure:
    """Plan the year of them all at once; a meeting that is lost, or comes twice, makes it void."""
    profiles = country(municipalities, units)
    asked = [wish for profile in profiles for wish in wishes(profile, YEAR)]
    staff = staff_of(profiles)
    began = process_time()
    placed = plan(asked, staff)
    seconds = process_time() - began
    clashes = cost(asked, placed, staff, NOTHING) // OVERBOOKED
    many = len({unit.id for profile in profiles for unit in profile.units})
    lost = len(asked) - len(placed) or len({wish.key for wish in asked} ^ placed.keys())
    return Measure(
        f"the year of {len(profiles)} municipalities",
        (len(placed) / seconds,),
        void=f"{lost} meetings are not as they were asked for" if lost else "",
        notes=(
            f"{many:,} units, {len(asked):,} meetings planned together in {seconds:,.0f} s of the processor",
            f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB in all at most",
            f"{clashes:,} minutes for which somebody would be in more meetings than they can",
        ),
    )


def _own(chance: random.Random, number: LogScope, many: int) -> Iterator[Unit]:
    """Yield a municipality's own units: its leadership, its helsestasjon, and its barnehager and schools."""
    centre = _centre(number)
    yield Unit(
        id=UnitId(f"unit:ledelse-{number}"),
        kind=UnitKind.ADMINISTRATION,
        name="Ledelsen",
        service=Service.LEDELSE,
        place=centre,
    )
    yield _service(Service.HELSESTASJON, f"helsestasjon-{number}", many, centre)
    for each in range(many):
        # Two barnehager for each school; a place for about every fourth of them.
        kind = UnitKind.SKOLE if each % 3 == 2 else UnitKind.BARNEHAGE
        yield Unit(
            id=UnitId(f"unit:{kind}-{number}-{each}"),
            kind=kind,
            name=f"{kind} {each}",
            size=chance.choice((15, 30, 60, 90, 150, 300)),
            place=f"{centre} {chance.randrange(1 + many // 4)}",
        )


def _service(service: Service, name: str, served: int, place: str) -> Unit:
    return Unit(
        id=UnitId(f"unit:{name}"),
        kind=UnitKind.SERVICE,
        name=name,
        service=service,
        place=place,
        meetings_at_once=min(50, ceil(served / PER_TEAM)),
    )


def _neighbours(chance: random.Random, numbers: Sequence[LogScope]) -> Iterator[Sequence[LogScope]]:
    """Yield the municipalities in groups that share a service, each beside the next."""
    first = 0
    while first < len(numbers):
        last = first + chance.randint(1, TOGETHER)
        yield numbers[first:last]
        first = last


def _centre(number: LogScope) -> str:
    return f"sentrum {number}"
