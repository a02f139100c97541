"""Clients of the whole system: each asks again, under the same Idempotency-Key, until there is a definite answer."""

from __future__ import annotations

import asyncio
import itertools
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

import httpx
from pydantic import JsonValue
from pydantic_core import to_json

from deploy.local.identity import claims_of
from deploy.local.system import Addresses
from shared.clock import OSLO
from shared.testing.people import People
from shared.testing.signals import Probe

PATIENCE: Final = 240.0
"""Seconds until a command without a definite answer is a defect."""
ANSWER_SECONDS: Final = 3.0
"""How long a client waits for one answer before it asks again."""
MOMENT: Final = 0.5
"""How long a client that was turned away waits for a sign that something is back, before it asks again anyway."""

TEACHER, LEADER, NURSE = "teacher", "styrer", "health-nurse"
GUARDIANS: Final = ("guardian-a", "guardian-b")
SCOPE: Final[JsonValue] = {
    "services": ["ppt", "helsestasjon"],
    "categories": ["development", "language"],
    "purposes": ["assessment", "discussion"],
    "valid_to": "2027-06-18",
}


@dataclass(frozen=True)
class Answered:
    """A command that was answered 2xx, once and for all."""

    means: str
    """The type of the event that it must have led to, exactly once: `cases.consent.granted`."""
    correlation: uuid.UUID
    version: int | None
    """Of the aggregate after it, by its ETag; None of a case for its family, whom no number tells what else happens in it."""
    body: dict[str, JsonValue]
    asked: int
    """How often it was asked for."""

    def ref(self, name: str) -> str:
        """Return the reference called `name` in the answer."""
        found = self.body[name]
        assert isinstance(found, str)
        return found


@dataclass
class Fate:
    """What was done about one child."""

    case: str
    concern: str
    consent: str | None = None
    granted: int = 0
    withdrawn: bool = False
    ended: tuple[int, ...] = ()
    """The versions of the consent with which a part of it, or all, ended."""
    acted: bool = False
    """Whether anybody acted on the concern, so that nobody is reminded of it."""
    opened: bool = False
    """Whether it became a case."""


@dataclass(repr=False)
class Town:
    """The people, and what they were answered."""

    addresses: Addresses
    http: httpx.AsyncClient
    urls: dict[str, list[str]]
    """Where each service answers; a client that is turned away at one place asks at the next."""
    tokens: dict[str, str] = field(default_factory=dict)
    answered: Probe[Answered] = field(default_factory=Probe)
    troubles: Probe[str] = field(default_factory=Probe)
    """What kept a client from an answer: the kind of error, or the code of a 503."""
    signs: Probe[str] = field(default_factory=Probe)
    """Something is back."""
    fates: list[Fate] = field(default_factory=list)
    looks: list[uuid.UUID] = field(default_factory=list)
    """The correlation ids of looks at a child, or into the log, that were answered or refused: each must be in the log."""
    named: dict[str, Fate] = field(default_factory=dict)
    """Items that were brought by name."""
    people: People = field(default_factory=People)
    _arena: str = ""
    _places: Iterator[int] = field(default_factory=itertools.count)
    _meetings: Iterator[int] = field(default_factory=itertools.count)

    # --- asking -------------------------------------------------------------------------------------------------------

    async def ask(
        self,
        who: str,
        method: str,
        service: str,
        path: str,
        body: JsonValue = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[httpx.Response, int]:
        """Return the definite answer, and how often it was asked for: again after a lost connection and after 503."""
        sent = {
            "Authorization": f"Bearer {self.tokens[who]}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        content = None if body is None else to_json(body)
        async with asyncio.timeout(PATIENCE):
            for asked in itertools.count(1):
                places = self.urls[service]
                url = places[next(self._places) % len(places)] + path
                seen = len(self.signs.seen)
                try:
                    answer = await self.http.request(method, url, content=content, headers=sent)
                except httpx.TransportError as error:
                    self.troubles(type(error).__name__)
                else:
                    if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        return answer, asked
                    assert "retry-after" in answer.headers, answer.text
                    self.troubles(str(answer.json()["code"]))
                await self._until_better(seen)
        raise AssertionError("unreachable")

    async def _until_better(self, seen: int) -> None:
        try:
            await self.signs.until(lambda signs: len(signs) > seen, within=MOMENT)
        except TimeoutError:
            return

    async def command(self, who: str, means: str, path: str, body: JsonValue, *, until_known: bool = False) -> Answered:
        """Give a command until it is answered 2xx; with `until_known` also while the service has not read of the case yet."""
        service, correlation = means.partition(".")[0], uuid.uuid4()
        headers = {"Idempotency-Key": str(uuid.uuid4()), "X-Correlation-ID": str(correlation)}
        tries = 0
        method = "PUT" if means == "notify.preferences.set" else "POST"
        async with asyncio.timeout(PATIENCE):
            while True:
                answer, asked = await self.ask(who, method, service, path, body, headers)
                tries += asked
                if not until_known or answer.json().get("code") not in {"consent-missing", "not-found"}:
                    break
                await self._until_better(len(self.signs.seen))
        assert answer.status_code in (200, 201), f"{means}: {answer.status_code} {answer.text} after {tries} attempts"
        version = None if service == "cases" and who in GUARDIANS else int(answer.headers["etag"].strip('"v'))
        done = Answered(means, correlation, version, answer.json(), tries)
        self.answered(done)
        return done

    async def look(self, who: str, fate: Fate, status: int) -> None:
        """Look at a child, and be answered or refused with `status`."""
        correlation = uuid.uuid4()
        headers = {"X-Correlation-ID": str(correlation)}
        answer, _ = await self.ask(who, "GET", "cases", f"/cases/{fate.case}/child", headers=headers)
        assert answer.status_code == status, answer.text
        self.looks.append(correlation)

    # --- courses ------------------------------------------------------------------------------------------------------

    async def registered(self) -> Fate:
        """A concern, and nobody acts on it."""
        child = self.people.child(age=4)
        guardians: list[JsonValue] = [
            {
                "name": f"{name} Eksempelsen",
                "national_number": str(claims_of(client)["pid"]),
                "language": "nb",
                "email": f"{client}@guardian.example",
            }
            for name, client in zip(("Fjellblom", "Havbris"), GUARDIANS, strict=True)
        ]
        concern: JsonValue = {
            "area": "learning",
            "for_whom": "child",
            "child": {"name": child.name, "national_number": child.national_number},
            "guardians": guardians,
            "text": "Sier lite, og trekker seg unna.",
            "observations": {"language": "Setninger på to ord."},
        }
        done = await self.command(TEACHER, "cases.concern.registered", "/concerns", concern)
        self.fates.append(Fate(done.ref("case"), done.ref("concern")))
        return self.fates[-1]

    async def settled(self) -> Fate:
        """A concern that those nearest the child act on themselves."""
        fate = await self.registered()
        outcome: JsonValue = {"outcome": "resolved-locally", "local_outcome": "guidance-given"}
        path = f"/concerns/{fate.concern}/resolution"
        await self.command(TEACHER, "cases.concern.resolved-locally", path, outcome)
        fate.acted = True
        return fate

    async def half_granted(self) -> Fate:
        """A case, a consent that is asked for, and one of two who have answered."""
        fate = await self.asked_for()
        await self._grant(fate, GUARDIANS[1])
        return fate

    async def granted(self) -> Fate:
        """A case with a consent; both guardians answer at the same moment, and the nurse looks."""
        fate = await self.asked_for()
        await asyncio.gather(*(self._grant(fate, guardian) for guardian in GUARDIANS))
        await self.look(NURSE, fate, 200)
        return fate

    async def withdrawn(self) -> Fate:
        """A consent that is granted, made smaller and then withdrawn."""
        fate = await self.granted()
        await self._withdraw(fate, GUARDIANS[1], "cases.consent.narrowed", {"services": ["helsestasjon"]})
        await self.look(NURSE, fate, 404)
        await self._withdraw(fate, GUARDIANS[0], "cases.consent.withdrawn", {})
        fate.withdrawn = True
        return fate

    async def discussed(self) -> Fate:
        """A meeting with two anonymous items and one by name, whose consent is withdrawn before it is held."""
        meeting = await self.called()
        fate, _, _ = await asyncio.gather(self.granted(), self._anonymous(meeting), self._anonymous(meeting))
        item = await self.bring(meeting, fate)
        self.named[item.ref("item")] = fate
        await self._withdraw(fate, GUARDIANS[0], "cases.consent.withdrawn", {})
        fate.withdrawn = True
        return fate

    async def called(self) -> str:
        """Call an extra meeting of the ressursteam, and return its reference."""
        if not self._arena:
            answer, _ = await self.ask(LEADER, "GET", "meetings", "/arenas?limit=100")
            self._arena = next(
                arena["arena"]
                for arena in answer.json()["items"]
                if (arena["arena_type"], arena["unit"]) == ("ressursteam", "unit:lia-barnehage")
            )
        starts = datetime(2026, 9, 1, 12, tzinfo=OSLO) + timedelta(days=next(self._meetings))
        done = await self.command(
            LEADER,
            "meetings.meeting.called",
            "/meetings",
            {"arena": self._arena, "starts_at": starts.isoformat(), "extra": True},
        )
        return done.ref("meeting")

    async def audited(self) -> None:
        """The auditor asks the log about the first child: the question is an entry itself."""
        await self.answered.until(lambda seen: any(one.means == "cases.concern.registered" for one in seen))
        correlation = uuid.uuid4()
        headers = {"X-Correlation-ID": str(correlation)}
        answer, _ = await self.ask("auditor", "GET", "audit", f"/entries?case={self.fates[0].case}", headers=headers)
        assert answer.status_code == 200, answer.text
        self.looks.append(correlation)

    async def bring(self, meeting: str, fate: Fate) -> Answered:
        """Bring the case by name, as soon as the meetings service has read of the consent."""
        path, item = f"/meetings/{meeting}/agenda-items", by_name(fate)
        return await self.command(TEACHER, "meetings.agenda-item.added", path, item, until_known=True)

    async def _anonymous(self, meeting: str) -> None:
        item: JsonValue = {
            "kind": "case",
            "mode": "anonymous",
            "text": "Et barn sier lite i lek, og vi lurer på hva vi kan gjøre i hverdagen.",
        }
        await self.command(TEACHER, "meetings.agenda-item.added", f"/meetings/{meeting}/agenda-items", item)

    async def asked_for(self) -> Fate:
        """A case, the child heard twice at the same moment, and a consent that is asked for."""
        fate = await self.registered()
        resolution = f"/concerns/{fate.concern}/resolution"
        await self.command(TEACHER, "cases.case.opened", resolution, {"outcome": "lifted"})
        fate.acted = fate.opened = True
        await asyncio.gather(*(self._heard(fate, before) for before in ("consent", "measure")))
        asked = await self.command(TEACHER, "cases.consent.requested", f"/cases/{fate.case}/consents", SCOPE)
        fate.consent = asked.ref("consent")
        return fate

    async def _heard(self, fate: Fate, before: str) -> None:
        view: JsonValue = {"method": "conversation", "before": before, "text": "Vil ha med seg bamsen."}
        await self.command(TEACHER, "cases.case.view-of-child-recorded", f"/cases/{fate.case}/child-views", view)

    async def _grant(self, fate: Fate, guardian: str) -> None:
        await self.command(guardian, "cases.consent.granted", f"/consents/{fate.consent}/grants", {})
        fate.granted += 1

    async def _withdraw(self, fate: Fate, guardian: str, means: str, part: JsonValue) -> None:
        done = await self.command(guardian, means, f"/consents/{fate.consent}/withdrawals", part)
        version = done.body["version"]
        assert isinstance(version, int)
        fate.ended = (*fate.ended, version)


def by_name(fate: Fate) -> JsonValue:
    """Return an item that brings the case by name."""
    return {
        "kind": "case",
        "mode": "named",
        "text": "Språk og lek: hva ser dere?",
        "case": fate.case,
        "categories": ["development", "language"],
        "purpose": "assessment",
    }


@asynccontextmanager
async def open_town(addresses: Addresses) -> AsyncIterator[Town]:
    """Give the people their tokens, and let the leader say that she wants to be told of meetings."""
    async with httpx.AsyncClient(timeout=ANSWER_SECONDS, limits=httpx.Limits(max_connections=200)) as http:
        town = Town(addresses, http, {service: [url] for service, url in addresses.services.items()})
        for client in (TEACHER, LEADER, NURSE, *GUARDIANS, "auditor"):
            answer = await http.post(
                f"{addresses.oidc_issuer}/token",
                data={"grant_type": "client_credentials", "scope": "lagspill"},
                auth=(client, "not-a-secret"),
            )
            town.tokens[client] = answer.raise_for_status().json()["access_token"]
        await town.command(LEADER, "notify.preferences.set", "/preferences", {"language": "nn", "email": None})
        yield town
