"""Invariant 8 for the vault: after any history, not one word of it stands in the clear in any table, event or record."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import date, timedelta

import pytest

from services.cases.domain.grantors import birthday
from shared.calendar import start_of_day
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People, Person
from shared.testing.plugin import Migrated
from tests.e2e.cases_world import World, cases_world

pytestmark = [pytest.mark.connected, pytest.mark.rule(2, 4, 45)]

SECRETS = ("Hvalross", "Ildsjel", "Mysterium", "Nordlys", "Orkanøye", "Pergament")
"""Words that stand in what is told, and nowhere else in the world."""


class Told:
    """Plays a history at random, and remembers what must not be found."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.people = [world.child, world.guardian_a, world.guardian_b]
        self.answers: list[int] = []
        self.nth = 0

    def words(self) -> str:
        """Return a text with one of the secrets in it."""
        return f"Det handler om {self.chance.choice(SECRETS)} i dag."

    async def post(self, who: str, path: str, body: object, *, case: str | None = None) -> None:
        """Try something; whether it is allowed is not the question here."""
        version = None if case is None else await self.world.version("teacher", case)
        answer = await self.world.post(who, path, body, if_match=version)
        self.answers.append(answer.status_code)
        assert answer.status_code < 500, answer.text

    async def step(self, case: str) -> None:
        """Do one thing, whichever."""
        self.nth += 1
        person = People(400 + self.nth).guardian()
        match self.chance.randrange(9):
            case 0:
                body = {"category": self.chance.choice(["language", "family", "health"]), "text": self.words()}
                await self.post("teacher", f"/cases/{case}/records", body)
            case 1:
                headers = {
                    "authorization": f"Bearer {self.world.token('teacher')}",
                    "idempotency-key": f"document-{self.nth}",
                    "document-title": self.chance.choice(SECRETS),
                }
                content = f"{self.words()} {self.world.child.name}".encode()
                path = f"/cases/{case}/documents?category=health"
                answer = await self.world.http.post(path, content=content, headers=headers)
                self.answers.append(answer.status_code)
            case 2:
                emergency = {"reason": "danger-to-life", "text": self.words(), "categories": ["health"], "hours": 2}
                await self.post("nurse", f"/cases/{case}/break-glass", emergency)
                by_number = {**emergency, "national_number": self.chance.choice(self.people).national_number}
                await self.post("ppt", "/break-glass", by_number)
            case 3:
                self.people.append(person)
                body = {
                    "name": person.name,
                    "national_number": person.national_number,
                    "email": person.email,
                    "ground": "agreement",
                    "since": "2026-09-01",
                    "note": self.words(),
                }
                await self.post("teacher", f"/cases/{case}/guardians", body, case=case)
            case 4:
                body = {"ground": "agreement", "last_day": "2026-09-20", "note": self.words()}
                await self.post("teacher", f"/cases/{case}/guardians/2/ending", body, case=case)
            case 5:
                name = f"{self.chance.choice(SECRETS)} Eksempelsen"
                await self.post("teacher", f"/cases/{case}/child/corrections", {"name": name}, case=case)
            case 6:
                who = self.chance.choice(["teacher", "curious", "nurse", "guardian-a"])
                sought = self.chance.choice(
                    [{"name": self.world.child.name}, {"national_number": self.world.child.national_number}]
                )
                token = {"authorization": f"Bearer {self.world.token(who)}"}
                self.answers.append((await self.world.http.post("/search", json=sought, headers=token)).status_code)
            case 7:
                answer = await self.world.get("guardian-a", f"/cases/{case}/copy")
                self.answers.append(answer.status_code)
            case _:
                await self.world.get(self.chance.choice(["teacher", "nurse", "guardian-b"]), f"/cases/{case}/child")


def forbidden(people: Sequence[Person]) -> set[str]:
    """Return everything that may stand nowhere in the clear."""
    found = set(SECRETS)
    for person in people:
        found |= {person.given_name, person.family_name, person.national_number, person.email}
        found.add(person.born.isoformat())
    return found - {""}


def days_that_tell(born: date) -> set[str]:
    """Return every birthday on which something will happen, and what was derived from it, in each way that a value is written."""
    days = [birthday(born, age) for age in (12, 15, 16, 18)]
    found = {born.isoformat(), (days[-1] - timedelta(days=91)).isoformat()}
    for day in days:
        moment = start_of_day(day)
        found |= {day.isoformat(), f"{day:%d.%m.%Y}", f"{day:%Y%m%d}", str(int(moment.timestamp()))}
        found |= {f"{moment:%Y-%m-%d %H:%M}", f"{moment:%Y-%m-%dT%H:%M}"}
    return found


async def search_everywhere(world: World, words: set[str]) -> int:
    """Look at every value of every table, also inside JSON and bytes; return how many there were."""
    looked = 0
    for (table,) in await world.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        for row in await world.pool.fetch(f'SELECT * FROM "{table}"'):
            for column, value in row.items():
                text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
                text += json.dumps(text)
                looked += 1
                # A moment is no secret: a birth date is one only where it stands as a date.
                assert not [word for word in words if word in text], f"{table}.{column}"
    return looked


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_word_of_the_vault_stands_anywhere_in_the_clear(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, seed: int
) -> None:
    async with cases_world(migrated, issuer, clock) as world:
        told = Told(world, random.Random(seed))
        case = await world.opened()
        await world.consented(case)
        for _ in range(25):
            await told.step(case)
        assert told.answers.count(201) >= 5, told.answers
        version = await world.version("teacher", case)
        protected = await world.post(
            "teacher", f"/cases/{case}/address-protection", {"kind": "confidential"}, if_match=version
        )
        assert protected.status_code == 201
        for _ in range(6):
            await told.step(protected.json()["case"])
        words = forbidden(told.people) | days_that_tell(world.child.born)
        assert await search_everywhere(world, words) > 1000


async def test_no_birthday_stands_anywhere_in_the_clear(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock
) -> None:
    """Neither when the child was born nor when it will be of any age, also not as the moment of something to come."""
    async with cases_world(migrated, issuer, clock) as world:
        case = await world.opened()
        await world.consented(case)
        right, grown = People(61).child(age=13), People(31).child(age=17)
        version = await world.version("teacher", case)
        body = {"national_number": right.national_number}
        await world.must("teacher", f"/cases/{case}/child/corrections", body, if_match=version)
        named = {"name": grown.name, "national_number": grown.national_number}
        await world.must("teacher", "/concerns", world.concern(child=named))
        words = set.union(*(days_that_tell(one.born) for one in (world.child, right, grown)))
        assert await search_everywhere(world, words) > 500
        for _ in range(2):
            await world.move_to(world.clock.now() + timedelta(days=1))
            assert await search_everywhere(world, words) > 500
        assert await world.pool.fetchval("SELECT count(*) FROM age_looks") == 2
        assert (await world.types()).count("case.adulthood-approaching") == 1
