"""Three services and a simulated clock: a school year goes by, from one moment at which something is due to the next.

The real cases, meetings and notify services on databases of their own, with a real mail server and SMS gateway. What each has
published is read by the other two as it comes from the bus, before anything else happens.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import httpx
from pydantic import AnyHttpUrl
from pydantic_core import from_json

from services.meetings.around_child_consumers import AROUND_CHILDREN
from services.notify.mail import digest_of
from shared.clock import SimulatedClock
from shared.contracts import EVENTS
from shared.contracts.base import EventData
from shared.contracts.notify import (
    MessageEvent,
    NotificationBounced,
    NotificationCancelled,
    NotificationCarried,
    NotificationFailed,
    NotificationQueued,
    NotificationRedirected,
    NotificationSent,
    Way,
)
from shared.deadlines import Deadlines
from shared.envelope import number, parse
from shared.inbox import Intake
from shared.lifecycle import Kit, Parts
from shared.refs import MessageRef
from shared.testing.issuer import LocalIssuer
from shared.testing.people import Person
from shared.testing.plugin import Migrated
from tests.e2e import meetings_world
from tests.e2e.cases_world import NO_UNIT
from tests.e2e.year_lines import Line, moment_of, spoken
from tests.everything_read import everything_read
from tests.integration import notify_world
from tests.integration.certificates import certificate
from tests.integration.notify_world import Record
from tests.integration.webhook_receiver import Receiver, receiver

BEGINS: Final = datetime(2026, 8, 3, 6, tzinfo=UTC)
LIA, HAUGEN, TINNES = "unit:lia-barnehage", "unit:haugen-barnehage", "unit:tinnes-skole"
STAFF: Final[Mapping[str, tuple[str, str | None, str, str]]] = {
    "teacher": ("teacher", "barnehage", LIA, "310001015"),
    "colleague": ("teacher", "barnehage", LIA, "310001015"),
    "pedagogical-leader": ("pedagogical-leader", "barnehage", LIA, "310001015"),
    "styrer": ("leader", "barnehage", LIA, "310001015"),
    "haugen-teacher": ("teacher", "barnehage", HAUGEN, "310001090"),
    "haugen-styrer": ("leader", "barnehage", HAUGEN, "310001090"),
    "contact-teacher": ("contact-teacher", "skole", TINNES, "310001023"),
    "rektor": ("leader", "skole", TINNES, "310001023"),
    "nurse": ("health-nurse", "helsestasjon", "unit:helsestasjon", "310001058"),
    "nurse-leader": ("leader", "helsestasjon", "unit:helsestasjon", "310001058"),
    "ppt": ("ppt-adviser", "ppt", "unit:ppt", "310001031"),
    "ppt-leader": ("leader", "ppt", "unit:ppt", "310001031"),
    "bup-leader": ("leader", "bup", "unit:bup", "310001082"),
    "director": ("leader", "ledelse", "unit:kommune", "310001074"),
    "privacy-officer": ("privacy-officer", "ledelse", "unit:kommune", "310001074"),
    "coordinator": ("coordinator", None, "unit:kommune", "310001074"),
}
_PROMISED: Final = "SELECT min(due) FROM deadlines"
_PROMISED_OR_TO_SEND: Final = """
SELECT CASE WHEN EXISTS (SELECT FROM errands WHERE retry_at <= clock_timestamp()) THEN 'epoch'
    ELSE least((SELECT min(due) FROM deadlines), min(not_before)) END
FROM messages WHERE status = 'pending' AND channel IN ('email', 'sms')
"""
_ROUNDS: Final = 20
"""More than anything takes that follows from something else at the same moment."""


def _time_of(each: tuple[datetime, object]) -> datetime:
    return each[0]


class House:
    """One service: what it has published, what it takes in, and what it has promised to do when. It is asked when it has changed."""

    def __init__(self, kit: Kit[Any], parts: Parts, http: httpx.AsyncClient, promised: str = _PROMISED) -> None:
        self.pool = kit.pool
        self.http = http
        held: dict[str, Any] = {"journal": kit.journal, "clock": kit.clock, "ids": kit.ids, "metrics": kit.metrics}
        # What is counted for reports alone tells nobody anything.
        read = [parts.inboxes[0], *(each for each in parts.inboxes if each is AROUND_CHILDREN)]
        self._intakes = [Intake(kit.pool, inbox, **held) for inbox in read]
        self._deadlines = Deadlines(kit.pool, parts.deadlines, **held)
        self._promised = promised
        self._due: datetime | None = None
        self._taken = 0
        self.changed = True
        """Whether it may have published or promised something since it was asked."""

    async def published(self) -> list[Record]:
        """Return what was published since the last time, as it comes from the bus."""
        if not self.changed:
            return []
        rows = await self.pool.fetch("SELECT id, key, topic, body FROM outbox WHERE id > $1 ORDER BY id", self._taken)
        self._taken = rows[-1]["id"] if rows else self._taken
        self._due = await self.pool.fetchval(self._promised)
        self.changed = False
        return [Record(number(r["body"], r["id"]), r["key"].encode(), r["id"], topic=r["topic"]) for r in rows]

    def due(self) -> datetime | None:
        """Return when the next thing is promised, or to be sent."""
        return self._due

    async def take(self, records: Sequence[Record]) -> None:
        """Read what the others have published."""
        for intake in self._intakes:
            await intake.process(records)
        self.changed = True

    async def fire(self, now: datetime) -> bool:
        """Let everything that is due have its effect; return whether anything was."""
        if self._due is None or self._due > now:
            return False
        await self._deadlines.fire_due()
        self.changed = True
        return True


@dataclass
class Arrivals:
    """What the mail server and the gateway were given, and when by the simulated clock."""

    mails: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """By what names the message or the digest: when, and to which address."""
    sms: dict[str, tuple[datetime, str]] = field(default_factory=dict)


@dataclass(repr=False)
class Year:
    """The town, and its year so far."""

    houses: Mapping[str, House]
    notify: notify_world.World
    gateway: Receiver
    issuer: LocalIssuer
    clock: SimulatedClock
    addresses: dict[str, str] = field(default_factory=dict)
    """Who is reached at an address or number."""
    family: dict[str, Person] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    """The script's own notes: references by a name."""
    off: set[str] = field(default_factory=set)
    """The meetings that were called off."""
    to_do: list[tuple[datetime, Callable[[], Awaitable[object]]]] = field(default_factory=list)
    """What somebody does at a time that the script has said before, as to record that a meeting was held."""
    arrived: Arrivals = field(default_factory=Arrivals)
    _keys: itertools.count[int] = field(default_factory=itertools.count)

    # --- people -------------------------------------------------------------------------------------------------------

    def token(self, who: str) -> str:
        """Return an access token of somebody."""
        if who in self.family:
            role = "child" if who == "pupil" else "guardian"
            pid = self.family[who].national_number
            return self.issuer.token({"sub": who, "lagspill_roles": [role], **NO_UNIT, "pid": pid})
        role, service, unit, organisation = STAFF[who]
        works = {"lagspill_service": service, "lagspill_unit": unit, "orgno": organisation}
        return self.issuer.token({"sub": who, "lagspill_roles": [role], **works})

    def receiver(self, who: str) -> dict[str, Any]:
        """Return how a handover names somebody."""
        role, service, unit, organisation = STAFF[who]
        actor = self.notify.actor(who)
        return {"actor": actor, "role": role, "service": service, "unit": unit, "organisation": organisation}

    async def _names(self) -> dict[str, str]:
        names = {str(self.notify.actor(who)): who for who in STAFF}
        for who, person in self.family.items():
            names[str(await self.notify.kit.authenticator.actor_id_of_pid(person.national_number))] = who
        return names

    # --- doing --------------------------------------------------------------------------------------------------------

    async def does(
        self, who: str, house: str, method: str, path: str, body: object = None, *, version: str | None = None
    ) -> dict[str, Any]:
        """Let somebody do something that must work, and let it reach everybody; return what was answered."""
        headers = {"authorization": f"Bearer {self.token(who)}", "idempotency-key": f"key-{next(self._keys)}"}
        if version is not None:
            headers["if-match"] = version
        sent = {} if body is None else body
        answer = await self.houses[house].http.request(method, path, json=sent, headers=headers)
        assert answer.is_success, f"{who} {path}: {answer.status_code} {answer.text}"
        await self._done()
        answered: dict[str, Any] = answer.json()
        return answered

    async def comes_back(self, address: str) -> None:
        """Let the last mail to an address come back: the mail server took it, and could not deliver it."""
        mail = next(each for each in reversed(self.notify.smtp.mails) if each["To"] == address)
        answer = await self.notify.comes_back(mail)
        assert answer.status_code == 200, answer.text
        await self._done()

    async def _done(self) -> None:
        for each in self.houses.values():
            each.changed = True
        await self.settle()

    async def sees(self, who: str, house: str, path: str) -> httpx.Response:
        """Read something that must be shown."""
        answer = await self.houses[house].http.get(path, headers={"authorization": f"Bearer {self.token(who)}"})
        assert answer.status_code == 200, f"{who} {path}: {answer.status_code} {answer.text}"
        return answer

    async def version(self, who: str, case: str) -> str:
        """Return the case's present ETag, as somebody sees it."""
        return (await self.sees(who, "cases", f"/cases/{case}")).headers["etag"]

    # --- time ---------------------------------------------------------------------------------------------------------

    async def at(self, when: str) -> None:
        """Live until that day and time: "Mon 07.09 09:00"."""
        await self.live_until(moment_of(when))

    async def live_until(self, moment: datetime) -> None:
        """Let everything happen that is due by then, and everything be done that was to be, each at its time."""
        while self.to_do and min(self.to_do, key=_time_of)[0] <= moment:
            first = min(self.to_do, key=_time_of)
            self.to_do.remove(first)
            await self._let_happen_until(first[0])
            await first[1]()
        await self._let_happen_until(moment)

    async def _let_happen_until(self, moment: datetime) -> None:
        while (due := self._next()) is not None and due <= moment:
            self.clock.set(due)
            await self.settle()
        self.clock.set(moment)

    async def settle(self) -> None:
        """Let everything reach everybody, fire what is due now, and deliver."""
        await self._carry()
        for _ in range(_ROUNDS):
            fired = [name for name, house in self.houses.items() if await house.fire(self.clock.now())]
            if not fired:
                return
            if "notify" in fired:
                await self._deliver()
            await self._carry()
        raise AssertionError("something that is due does not happen")

    def _next(self) -> datetime | None:
        moments = [house.due() for house in self.houses.values()]
        return min((each for each in moments if each is not None), default=None)

    async def _carry(self) -> None:
        """Let what each has published be read by the others, until nothing is on its way."""
        while any(house.changed for house in self.houses.values()):
            for house in self.houses.values():
                if records := await house.published():
                    for other in self.houses.values():
                        if other is not house:
                            await other.take(records)

    async def _deliver(self) -> None:
        now, seen = self.clock.now(), len(self.gateway.arrived.seen)
        mails = len(self.notify.smtp.mails)
        for mail in (await self.notify.deliver())[mails:]:
            name = str(mail["Message-ID"]).strip("<>").partition("@")[0]
            assert name not in self.arrived.mails, f"{name} came twice"
            self.arrived.mails[name] = now, str(mail["To"])
        for each in self.gateway.arrived.seen[seen:]:
            sms = from_json(each.body)
            assert sms["id"] not in self.arrived.sms, f"{sms['id']} came twice"
            self.arrived.sms[sms["id"]] = now, sms["to"]

    # --- what came of it ----------------------------------------------------------------------------------------------

    async def told(self) -> list[Line]:
        """Return every message of the year so far: from what was published, held against what really came."""
        by_message: dict[MessageRef, list[tuple[datetime, EventData]]] = defaultdict(list)
        for row in await self.notify.pool.fetch("SELECT body FROM outbox ORDER BY id"):
            record = parse(row["body"])
            event = EVENTS[record.envelope.type].model_validate_json(record.data)
            if isinstance(event, MessageEvent):
                by_message[event.message].append((record.envelope.time, event))
        mails = self._mails_of(by_message)
        names = await self._names()
        lines = [self._line(events, mails, names) for events in by_message.values()]
        assert not mails, f"mails that no event tells of: {mails}"
        assert not self.arrived.sms, f"SMS that no event tells of: {self.arrived.sms}"
        return lines

    def _mails_of(
        self, by_message: Mapping[MessageRef, Sequence[tuple[datetime, EventData]]]
    ) -> dict[tuple[MessageRef, datetime], tuple[str, str]]:
        """Return what the mail server took, by message and time: alone or in a digest, and whose the address is."""
        together: dict[tuple[datetime, str], list[MessageRef]] = defaultdict(list)
        for message, events in by_message.items():
            queued = events[0][1]
            assert isinstance(queued, NotificationQueued)
            for moment, event in events:
                if isinstance(event, NotificationSent) and event.channel == "email":
                    together[moment, queued.recipient].append(message)
        digests = {str(digest_of(messages)): messages for messages in together.values()}
        found = {}
        for name, (moment, address) in self.arrived.mails.items():
            for message in digests.get(name, [MessageRef(name)]):
                found[message, moment] = "digest" if name in digests else "e-mail", self.addresses.get(address, address)
        return found

    def _line(
        self,
        events: Sequence[tuple[datetime, EventData]],
        mails: dict[tuple[MessageRef, datetime], tuple[str, str]],
        names: Mapping[str, str],
    ) -> Line:
        when, queued = events[0]
        assert isinstance(queued, NotificationQueued)
        to = names.get(queued.recipient, queued.recipient)
        steps = []
        for moment, event in events:
            match event:
                case NotificationSent(channel="email"):
                    step, whose = mails.pop((queued.message, moment), ("e-mail that never came", to))
                case NotificationCarried(way=Way.SMS):
                    step, whose = self._sms(queued.message, moment)
                case _:
                    step, whose = _said(event), to
            if step:
                addressed = step if whose == to else f"{step} to {whose}"
                steps.append(addressed if moment == when else f"{addressed} {spoken(moment)}")
        return Line(spoken(when), to, queued.template, queued.language.value, ", ".join(steps) or "application")

    def _sms(self, message: MessageRef, moment: datetime) -> tuple[str, str]:
        """Return how the gateway took the message at that moment, and whose the number is."""
        came, number = self.arrived.sms.pop(message, (None, ""))
        return "SMS" if came == moment else "SMS that never came", self.addresses.get(number, number)


def _said(event: EventData) -> str:
    """Return what an event says of the way out of the house; nothing where it says nothing of it."""
    match event:
        case NotificationFailed():
            return _given_up(Way.EMAIL, event.reason)
        case NotificationBounced():
            return _given_up(event.way, event.reason)
        case NotificationRedirected(way=Way.LETTER):
            return "letter due"
        case NotificationCarried():
            return f"{_WORDS[event.way]} posted"
        case NotificationCancelled():
            return "taken back"
        case _:
            return ""


def _given_up(way: Way, reason: str) -> str:
    return f"{_WORDS[way]} {'refused' if reason == 'rejected' else reason}"


_WORDS: Final = {Way.EMAIL: "e-mail", Way.SMS: "SMS", Way.LETTER: "letter", Way.DIGITAL_POST: "digital post"}


@asynccontextmanager
async def year_world(migrated: Migrated, issuer: LocalIssuer, folder: Path) -> AsyncIterator[Year]:
    """Compose the three real services, with a mail server and a gateway, on the first Monday of August."""
    clock = SimulatedClock(BEGINS)
    tls, trusted = certificate(folder)
    async with AsyncExitStack() as stack:
        gateway = await stack.enter_async_context(receiver(tls))
        town = await stack.enter_async_context(meetings_world.town(migrated, issuer, clock))
        url = AnyHttpUrl(f"https://localhost:{gateway.port}/sms")
        notify = await stack.enter_async_context(
            notify_world.notify_world(
                migrated, issuer, clock, cases=town.cases.parts.app, sms_url=url, sms_ca_file=trusted
            )
        )
        houses = {
            "cases": House(town.cases.kit, town.cases.parts, town.cases.http),
            "meetings": House(town.kit, town.parts, town.http),
            "notify": House(notify.kit, notify.parts, notify.http, _PROMISED_OR_TO_SEND),
        }
        for house, topics in (("meetings", ["cases"]), ("notify", ["cases", "meetings"])):
            await _nothing_on_its_way(houses[house], house, topics)
        await _nothing_on_its_way(houses["meetings"], AROUND_CHILDREN.consumer, ["cases"])
        year = Year(houses, notify, gateway, issuer, clock)
        await year.settle()
        yield year


async def _nothing_on_its_way(house: House, consumer: str, sources: Sequence[str]) -> None:
    """Say for the whole run what is seen to at each step: that everything published has been read."""
    read = [(f"lagspill.{source}.v1", f"/services/{source}") for source in sources]
    await everything_read(house.pool, consumer, *read)
