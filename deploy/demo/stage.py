"""The stage: real tokens, real HTTP, a listener on the real topics, a simulated clock. The story's rows play on it.

Whatever the story says must happen is checked here and now: a row that does not hold raises `StoryError`, so that the demo
and the end-to-end test are the same thing.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from urllib.parse import urlsplit

import httpx
from aiokafka import AIOKafkaConsumer
from pydantic import BaseModel, ConfigDict, JsonValue
from pydantic_core import from_json, to_json
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.clock import OSLO
from shared.contracts import TOPICS
from shared.envelope import Envelope, MalformedEnvelopeError, parse

PATIENCE: Final = 30.0
"""Seconds (of the machine's time) that something may take to happen before the story is called broken."""

SERVICES: Final = ("cases", "meetings", "notify", "audit")


class StoryError(AssertionError):
    """Something that the story says must happen did not."""


class StageSettings(BaseSettings):
    """Where the running system is."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore")

    cases_url: str = "http://127.0.0.1:8001"
    meetings_url: str = "http://127.0.0.1:8002"
    notify_url: str = "http://127.0.0.1:8003"
    audit_url: str = "http://127.0.0.1:8004"
    neighbour_url: str | None = None
    """The next municipality's audit service, where there is one."""
    oidc_issuer: str = "http://127.0.0.1:8080/lagspill"
    kafka_bootstrap_servers: str = "127.0.0.1:29092"

    def url(self, service: str) -> str:
        """Return the base address of `service`."""
        if service == "neighbour" and self.neighbour_url is not None:
            return self.neighbour_url
        return {
            "cases": self.cases_url,
            "meetings": self.meetings_url,
            "notify": self.notify_url,
            "audit": self.audit_url,
        }[service]


class Narrator(Protocol):
    """Who tells the audience what happens."""

    def row(self, number: int, day: datetime, title: str) -> None:
        """A new row of the story begins."""

    def did(self, who: str, what: str) -> None:
        """Somebody did something, and it worked."""

    def refused(self, who: str, what: str, code: str, sentence: str) -> None:
        """Somebody was refused, as the story says they must be."""

    def found(self, what: str, kind: str, sentence: str) -> None:
        """Something wrong was done, and the verification named it."""

    def happened(self, what: str) -> None:
        """The system did something by itself."""


class Silent:
    """Tells nobody: for tests."""

    def row(self, number: int, day: datetime, title: str) -> None:
        """Say nothing."""

    def did(self, who: str, what: str) -> None:
        """Say nothing."""

    def refused(self, who: str, what: str, code: str, sentence: str) -> None:
        """Say nothing."""

    def found(self, what: str, kind: str, sentence: str) -> None:
        """Say nothing."""

    def happened(self, what: str) -> None:
        """Say nothing."""


class Seen(BaseModel):
    """One event as it stood on the bus."""

    model_config = ConfigDict(frozen=True)

    envelope: Envelope
    data: dict[str, JsonValue]
    raw: bytes
    """Key, headers and value, as anyone who can read the topic sees them."""


class Bus:
    """Listens on every topic from the moment the story begins."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._arrived = asyncio.Condition()
        self.events: list[Seen] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Bus]:
        """Listen while the block runs."""
        consumer = AIOKafkaConsumer(
            *TOPICS, bootstrap_servers=self._bootstrap, auto_offset_reset="latest", enable_auto_commit=False
        )
        await consumer.start()
        for partition in consumer.assignment():
            await consumer.position(partition)
        task = asyncio.create_task(self._listen(consumer))
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await consumer.stop()

    async def _listen(self, consumer: AIOKafkaConsumer) -> None:
        async for message in consumer:
            raw = b"\n".join(
                [
                    message.key or b"",
                    *(name.encode() + b":" + value for name, value in message.headers),
                    message.value or b"",
                ]
            )
            try:
                record = parse(message.value or b"")
            except MalformedEnvelopeError:
                continue
            seen = Seen.model_validate({"envelope": record.envelope, "data": _json(record.data), "raw": raw})
            async with self._arrived:
                self.events.append(seen)
                self._arrived.notify_all()

    async def wait(self, event_type: str, where: Callable[[Seen], bool] = lambda _: True, *, after: int = 0) -> Seen:
        """Return the first event of `event_type` (without prefix and version) that `where` accepts, at or after index `after`.

        Raises:
            StoryError: it did not come in time.
        """
        full = f"no.lagspill.{event_type}.v1"

        def found() -> Seen | None:
            return next((e for e in self.events[after:] if e.envelope.type == full and where(e)), None)

        async with self._arrived:
            try:
                await asyncio.wait_for(self._arrived.wait_for(lambda: found() is not None), PATIENCE)
            except TimeoutError:
                raise StoryError(f"no event {event_type} came within {PATIENCE:.0f} s") from None
            seen = found()
        if seen is None:
            raise StoryError(f"no event {event_type}")
        return seen


def _json(data: bytes) -> JsonValue:
    value: JsonValue = from_json(data)
    return value


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, read."""

    status: int
    body: JsonValue
    etag: str | None
    headers: Mapping[str, str]
    content: bytes

    def text(self, *path: str | int) -> str:
        """Return the string at `path` in the body.

        Raises:
            StoryError: there is none.
        """
        found = self.at(*path)
        if not isinstance(found, str):
            raise StoryError(f"no text at {'.'.join(map(str, path))} in an answer {self.status}: {self.body!r}")
        return found

    def rows(self) -> list[dict[str, JsonValue]]:
        """Return the items of a list."""
        items = self.at("items")
        return [each for each in items if isinstance(each, dict)] if isinstance(items, list) else []

    def at(self, *path: str | int) -> JsonValue:
        """Return what is at `path` in the body, or None."""
        here = self.body
        for part in path:
            if isinstance(here, dict) and isinstance(part, str):
                here = here.get(part)
            elif isinstance(here, list) and isinstance(part, int) and -len(here) <= part < len(here):
                here = here[part]
            else:
                return None
        return here


MESSAGES: Final = "/messages?limit=200"
"""Where the notify service has somebody's messages."""


def told(template: str, *, more_than: int = 0) -> Callable[[Answer], bool]:
    """Return whether an answer lists more messages of that template than so many."""
    return lambda answer: how_many(answer, template) > more_than


def how_many(answer: Answer, template: str) -> int:
    """Return how many messages of that template an answer lists."""
    items = answer.at("items")
    return sum(isinstance(one, dict) and one["template"] == template for one in items) if isinstance(items, list) else 0


@dataclass(frozen=True)
class Person:
    """Somebody in the story: how they are called in it, and the client under which the identity server knows them."""

    client: str
    called: str


@dataclass(frozen=True)
class Log:
    """A municipality's log, and who asks it."""

    name: str
    """The municipality's number."""
    called: str
    """The municipality's name."""
    auditor: Person
    outsider: Person
    """Somebody whom the log is not for."""
    witnessed: bool = True
    """Whether the next municipality's audit service, where there is one, is its witness."""


@dataclass
class Clock:
    """Where every service's clock stands; several stages on one system have one."""

    now: datetime


@dataclass
class Stage:
    """Everything a row needs."""

    settings: StageSettings
    http: httpx.AsyncClient
    bus: Bus
    narrator: Narrator
    hands: Clock
    log: Log
    school_year: int = 2026
    """The year in which it begins."""
    attackers_database: str | None = None
    """The log's database, as somebody sees it who has the superuser's password."""
    facts: dict[str, str] = field(default_factory=dict)
    """What earlier rows left for later ones: references, by name."""
    _tokens: dict[str, tuple[str, float]] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """Return where the clocks stand."""
        return self.hands.now

    @property
    def witnessed(self) -> bool:
        """Return whether somebody witnesses the log here."""
        return self.log.witnessed and self.settings.neighbour_url is not None

    async def token(self, person: Person) -> str:
        """Return an access token for `person` from the identity server."""
        kept = self._tokens.get(person.client)
        loop = asyncio.get_running_loop()
        if kept and kept[1] > loop.time():
            return kept[0]
        issuer = self.settings.oidc_issuer
        answer = await self.http.post(
            f"{issuer}/token",
            data={"grant_type": "client_credentials", "scope": "lagspill"},
            auth=(person.client, "not-a-secret"),
            headers={"Host": urlsplit(issuer).netloc},
        )
        answer.raise_for_status()
        token = str(answer.json()["access_token"])
        self._tokens[person.client] = (token, loop.time() + 300)
        return token

    async def call(
        self,
        person: Person | None,
        method: str,
        service: str,
        path: str,
        body: JsonValue = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return the answer, whatever it is."""
        sent = dict(headers or {})
        if person is not None:
            sent["Authorization"] = f"Bearer {await self.token(person)}"
        if method != "GET":
            sent.setdefault("Idempotency-Key", str(uuid.uuid4()))
        content = None
        if body is not None:
            content = to_json(body)
            sent["Content-Type"] = "application/json"
        answer = await self.http.request(method, self.settings.url(service) + path, content=content, headers=sent)
        kind = answer.headers.get("content-type", "")
        return Answer(
            status=answer.status_code,
            body=_json(answer.content) if "json" in kind and answer.content else None,
            etag=answer.headers.get("etag"),
            headers=dict(answer.headers),
            content=answer.content,
        )

    async def does(
        self,
        person: Person,
        what: str,
        method: str,
        service: str,
        path: str,
        body: JsonValue = None,
        *,
        status: int | None = None,
        if_match: str | None = None,
        not_yet: str | None = None,
    ) -> Answer:
        """Somebody does something, and it must work.

        A 503 with `Retry-After` is asked again, as the answer says: a projection may be a moment behind. So is a refusal with the
        code `not_yet`, for what another service has told the bus, and this one may not have heard.

        Raises:
            StoryError: it was refused.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        headers = (
            _conditions(if_match)
            if method == "GET"
            else {"Idempotency-Key": str(uuid.uuid4()), **_conditions(if_match)}
        )
        while True:
            answer = await self.call(person, method, service, path, body, headers=headers)
            waits = answer.status == 503 or (not_yet is not None and answer.at("code") == not_yet)
            if not waits or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(min(float(answer.headers.get("retry-after", "0.2")), 1.0))
        expected = (status,) if status else (200, 201, 202, 204)
        if answer.status not in expected:
            raise StoryError(f"{person.called}: {what}: {method} {path} answered {answer.status}: {answer.body!r}")
        if what:
            self.narrator.did(person.called, what)
        return answer

    async def must_not(
        self,
        person: Person,
        what: str,
        method: str,
        service: str,
        path: str,
        body: JsonValue = None,
        *,
        code: str,
        status: int,
        if_match: str | None = None,
    ) -> Answer:
        """Somebody tries something, and must be refused with `code` and `status`; a 503 is asked again, as in `does`.

        Raises:
            StoryError: it was allowed, or refused for another reason.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            answer = await self.call(person, method, service, path, body, headers=_conditions(if_match))
            if answer.status != 503 or status == 503 or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(min(float(answer.headers.get("retry-after", "0.2")), 1.0))
        if answer.status != status or answer.at("code") != code:
            raise StoryError(f"{person.called}: {what}: expected {status} {code}, got {answer.status}: {answer.body!r}")
        self.narrator.refused(person.called, what, code, str(answer.at("detail") or answer.at("title") or ""))
        return answer

    async def until(
        self, person: Person, service: str, path: str, holds: Callable[[Answer], bool], what: str
    ) -> Answer:
        """Ask until the answer is as it must become; for what no event announces.

        Raises:
            StoryError: it did not become so in time.
        """
        deadline = asyncio.get_running_loop().time() + PATIENCE
        while True:
            answer = await self.does(person, "", "GET", service, path)
            if holds(answer):
                return answer
            if asyncio.get_running_loop().time() > deadline:
                raise StoryError(f"not within {PATIENCE:.0f} s: {what}; the last answer: {answer.body!r}")
            await asyncio.sleep(0.1)

    def check(self, holds: bool, what: str) -> None:
        """Insist that something holds.

        Raises:
            StoryError: it does not.
        """
        if not holds:
            raise StoryError(f"does not hold: {what}")

    def moment(self, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
        """Return that moment of the school year, in Norway."""
        return moment_of(self.school_year, month, day, hour, minute)

    async def at(self, month: int, day: int, hour: int = 9, minute: int = 0) -> None:
        """Move every service's clock to that moment of the school year, in Norway."""
        await self.clock(self.moment(month, day, hour, minute).astimezone(UTC))

    async def clock(self, moment: datetime) -> None:
        """Move every service's clock to `moment`, unless it is there already."""
        if moment <= self.now:
            return
        self.hands.now = moment
        for service in (*SERVICES, *(["neighbour"] if self.settings.neighbour_url is not None else [])):
            answer = await self.call(None, "PUT", service, "/development/clock", {"now": moment.isoformat()})
            if answer.status not in (200, 204):
                raise StoryError(f"the clock of {service} cannot be set: {answer.status} {answer.body!r}")

    async def minutes_later(self, minutes: int) -> None:
        """Move every service's clock on."""
        await self.clock(self.now + timedelta(minutes=minutes))


def moment_of(school_year: int, month: int, day: int, hour: int = 9, minute: int = 0) -> datetime:
    """Return that moment of the school year that begins in August of `school_year`, in Norway."""
    return datetime(school_year + (month < 8), month, day, hour, minute, tzinfo=OSLO)


def _conditions(if_match: str | None) -> dict[str, str]:
    return {} if if_match is None else {"If-Match": if_match}
