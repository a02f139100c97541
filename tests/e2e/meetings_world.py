"""The meetings service over HTTP beside the real cases service: the one's published bytes are the other's records."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
from pydantic import SecretStr

from services.meetings.app import SERVICE
from services.meetings.around_child_consumers import AROUND_CHILDREN
from services.meetings.consumers import INBOX
from services.meetings.settings import MeetingsSettings
from shared import db
from shared.auth import Authenticator
from shared.clock import SimulatedClock
from shared.contracts import cases, meetings
from shared.dead_letters import StoredRecord
from shared.envelope import number
from shared.inbox import Inbox, Intake
from shared.journal import Journal
from shared.kafka import create_broker
from shared.lifecycle import Kit, Parts
from shared.observability import Metrics
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST
from tests.e2e.cases_world import KEY, VAULT_KEY, World, cases_world
from tests.everything_read import everything_read

STAFF: Final[Mapping[str, tuple[str, str | None, str]]] = {
    "teacher": ("teacher", "barnehage", "unit:lia-barnehage"),
    "styrer": ("leader", "barnehage", "unit:lia-barnehage"),
    "curious": ("teacher", "barnehage", "unit:haugen-barnehage"),
    "haugen-styrer": ("leader", "barnehage", "unit:haugen-barnehage"),
    "rektor": ("leader", "skole", "unit:tinnes-skole"),
    "ppt": ("ppt-adviser", "ppt", "unit:ppt"),
    "nurse": ("health-nurse", "helsestasjon", "unit:helsestasjon"),
    "barnevern": ("child-welfare-officer", "barnevern", "unit:barnevern"),
    "bup": ("bup-clinician", "bup", "unit:bup"),
    "coordinator": ("coordinator", None, "unit:kommune"),
    "fagsenter": ("coordinator", None, "unit:rennesoy-kommune"),
    "vikevag-styrer": ("leader", "barnehage", "unit:vikevag-barnehage"),
    "vikevag-teacher": ("teacher", "barnehage", "unit:vikevag-barnehage"),
    "mosteroy-styrer": ("leader", "barnehage", "unit:mosteroy-barnehage"),
    "rennesoy-ppt": ("ppt-adviser", "ppt", "unit:rennesoy-ppt"),
    "tynset-coordinator": ("coordinator", None, "unit:tynset-kommune"),
    "tynset-styrer": ("leader", "barnehage", "unit:tynset-barnehage"),
    "tynset-teacher": ("teacher", "barnehage", "unit:tynset-barnehage"),
    "tynset-ppt": ("ppt-adviser", "ppt", "unit:ppt-nord-osterdal"),
    "tynset-ppt-colleague": ("ppt-adviser", "ppt", "unit:ppt-nord-osterdal"),
    "tynset-nurse": ("health-nurse", "helsestasjon", "unit:tynset-helsestasjon"),
    "tynset-barnevern": ("child-welfare-officer", "barnevern", "unit:barnevern-nord-osterdal"),
    "kvikne-styrer": ("leader", "barnehage", "unit:kvikne-barnehage"),
    "sem-rektor": ("leader", "skole", "unit:sem-skole"),
    "sem-teacher": ("teacher", "skole", "unit:sem-skole"),
    "tonsberg-director": ("leader", "ledelse", "unit:tonsberg-kommune"),
    "tonsberg-coordinator": ("coordinator", None, "unit:tonsberg-kommune"),
}
ELSEWHERE: Final[Mapping[str, str]] = {
    who: municipality
    for municipality, beginnings in (
        ("1142", ("fagsenter", "vikevag", "mosteroy", "rennesoy")),
        ("3427", ("tynset", "kvikne")),
        ("3905", ("sem", "tonsberg")),
    )
    for who in STAFF
    if who.startswith(beginnings)
}
"""Who works for another municipality than Notodden."""
CASES_URL: Final = "http://cases"
START: Final = "2026-09-22T12:00:00+02:00"
END: Final = "2026-09-22T13:30:00+02:00"


@dataclass(repr=False)
class Town:
    """A meetings service, and the cases service it reads from."""

    http: httpx.AsyncClient
    issuer: LocalIssuer
    clock: SimulatedClock
    pool: db.Pool
    kit: Kit[MeetingsSettings]
    parts: Parts
    cases: World
    _keys: itertools.count[int] = field(default_factory=itertools.count)
    _offsets: itertools.count[int] = field(default_factory=itertools.count)
    _taken: int = 0

    # --- asking -------------------------------------------------------------------------------------------------------

    def token(self, who: str, **claims: Any) -> str:
        """Return an access token of somebody in this town."""
        role, service, unit = STAFF[who]
        said = {"lagspill_roles": [role], "lagspill_service": service, "lagspill_unit": unit, "orgno": "310001015"}
        if who in ELSEWHERE:
            said["municipality"] = ELSEWHERE[who]
        return self.issuer.token({"sub": who, **said, **claims})

    async def get(self, who: str, path: str, **claims: Any) -> httpx.Response:
        """Read something."""
        return await self.http.get(path, headers={"authorization": f"Bearer {self.token(who, **claims)}"})

    async def post(
        self, who: str, path: str, body: object = None, *, headers: Mapping[str, str] | None = None, **claims: Any
    ) -> httpx.Response:
        """Do something."""
        said = {
            "authorization": f"Bearer {self.token(who, **claims)}",
            "idempotency-key": f"key-{next(self._keys)}",
            **(headers or {}),
        }
        return await self.http.post(path, json={} if body is None else body, headers=said)

    async def must(self, who: str, path: str, body: object = None) -> dict[str, Any]:
        """Do something that must work, and return what was answered."""
        response = await self.post(who, path, body)
        assert response.status_code in {200, 201}, f"{path}: {response.status_code} {response.text}"
        answered: dict[str, Any] = response.json()
        return answered

    async def refused(self, who: str, path: str, body: object = None) -> tuple[int, str]:
        """Do something that must be refused, and return status and code."""
        response = await self.post(who, path, body)
        return response.status_code, response.json().get("code", "")

    async def see(self, who: str, path: str) -> dict[str, Any]:
        """Read something that must be shown, and return it."""
        response = await self.get(who, path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        answered: dict[str, Any] = response.json()
        return answered

    # --- the story's pieces -------------------------------------------------------------------------------------------

    async def arena(self, arena_type: str, unit: str | None = None) -> str:
        """Return the arena's reference."""
        arenas = (await self.see("coordinator", "/arenas?limit=100"))["items"]
        [found] = [each for each in arenas if each["arena_type"] == arena_type and each["unit"] == unit]
        return str(found["arena"])

    async def ressursteam(self, who: str = "styrer", **changes: Any) -> str:
        """Call Lia barnehage's ressursteam; return the meeting."""
        body = {"arena": await self.arena("ressursteam", "unit:lia-barnehage"), "starts_at": START, **changes}
        return str((await self.must(who, "/meetings", body))["meeting"])

    def named(self, case: str, **changes: Any) -> dict[str, Any]:
        """Return a named item as it is sent."""
        return {
            "kind": "case",
            "mode": "named",
            "text": "Språk og lek: hva ser dere?",
            "case": case,
            "categories": ["development", "language"],
            "purpose": "assessment",
            **changes,
        }

    async def add(self, who: str, meeting: str, item: Mapping[str, Any]) -> dict[str, Any]:
        """Bring an item that must be taken."""
        return await self.must(who, f"/meetings/{meeting}/agenda-items", item)

    def held(self, discussed: Sequence[Mapping[str, Any]], **changes: Any) -> dict[str, Any]:
        """Return a held ressursteam, everyone there, as it is sent."""
        present = (
            ("barnehage", "leader"),
            ("ppt", "ppt-adviser"),
            ("helsestasjon", "health-nurse"),
            ("barnevern", "child-welfare-officer"),
        )
        return {
            "started_at": START,
            "ended_at": END,
            "chair": "leader",
            "attendance": [{"service": service, "role": role, "present": True} for service, role in present],
            "discussed": list(discussed),
            **changes,
        }

    async def tst(self, *, guardians: int = 0, starts_at: str = "2026-09-08T09:00:00+02:00") -> str:
        """Let Tynset barnehage's TST be held, everyone there and some guardians; return the meeting."""
        meeting = await self.tst_called(starts_at)
        await self.tst_held(meeting, starts_at, guardians=guardians)
        return meeting

    async def tst_called(self, starts_at: str) -> str:
        """Call Tynset barnehage's TST; return the meeting."""
        arenas = (await self.see("tynset-coordinator", "/arenas?limit=200"))["items"]
        [arena] = [
            each["arena"] for each in arenas if (each["arena_type"], each["unit"]) == ("tst", "unit:tynset-barnehage")
        ]
        called = await self.must("tynset-styrer", "/meetings", {"arena": arena, "starts_at": starts_at})
        return str(called["meeting"])

    async def tst_held(
        self,
        meeting: str,
        starts_at: str,
        *,
        guardians: int = 0,
        discussed: Sequence[str] = (),
        recorded: str | None = None,
    ) -> None:
        """Record that it was held, everyone there and some guardians; three hours after it began, if nothing else is said."""
        begins = datetime.fromisoformat(starts_at)
        self.clock.set(begins + timedelta(hours=3) if recorded is None else datetime.fromisoformat(recorded))
        seats = ("tynset-styrer", "tynset-ppt", "tynset-nurse", "tynset-barnevern")
        held = {
            "started_at": starts_at,
            "ended_at": (begins + timedelta(minutes=150)).isoformat(),
            "chair": "leader",
            "attendance": [
                {"service": STAFF[who][1], "role": STAFF[who][0], "present": True, "absence_reason": None}
                for who in seats
            ],
            "guardians_present": guardians,
            "discussed": [{"item": item} for item in discussed],
        }
        await self.must("tynset-styrer", f"/meetings/{meeting}/holding", held)

    # --- what goes between the services -------------------------------------------------------------------------------

    def record(self, body: bytes) -> StoredRecord:
        """Return the Kafka record of a sealed event."""
        event = json.loads(body)
        key = event["partitionkey"].encode()
        offset = next(self._offsets)
        topic = cases.TOPIC if event["source"] == "/services/cases" else meetings.TOPIC
        return StoredRecord(topic, 0, offset, key, number(body, offset + 1), ())

    async def carry(self) -> None:
        """Let the meetings service read everything that the cases service has published since the last time."""
        rows = await self.cases.pool.fetch("SELECT body FROM outbox ORDER BY id OFFSET $1", self._taken)
        self._taken += len(rows)
        records = [self.record(row["body"]) for row in rows if b"no.lagspill.cases." in row["body"]]
        await self.intake().process(records)
        await self.intake(AROUND_CHILDREN).process(records)
        await self.fresh()

    async def carry_back(self) -> None:
        """Let the cases service read everything that the meetings service has published."""
        rows = await self.pool.fetch("SELECT body FROM outbox ORDER BY id")
        records = [self.record(row["body"]) for row in rows]
        for inbox in self.cases.parts.inboxes:
            await self.cases.intake(inbox).process(records)

    def intake(self, inbox: Inbox = INBOX) -> Intake:
        """Return what takes the cases service's records in."""
        kit = self.kit
        return Intake(kit.pool, inbox, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics)

    async def fresh(self) -> None:
        """Say, as the consumer and the source's relay do, that everything has been read."""
        for inbox in (INBOX, AROUND_CHILDREN):
            await everything_read(self.pool, inbox.consumer, (cases.TOPIC, "/services/cases"))

    async def stale(self) -> None:
        """Let the last word about the cases service be six seconds old."""
        await self.pool.execute("DELETE FROM source_watermarks")
        await self.pool.execute(
            "INSERT INTO source_watermarks (source, drained_at, received_at)"
            " SELECT '/services/cases', moment, moment FROM (SELECT clock_timestamp() - interval '6 seconds') AS t (moment)"
        )

    # --- what was committed -------------------------------------------------------------------------------------------

    async def published(self, kind: str = "") -> list[dict[str, Any]]:
        """Return everything that would be published, in order."""
        rows = await self.pool.fetch("SELECT body FROM outbox ORDER BY id")
        events = [json.loads(row["body"]) for row in rows]
        return [event for event in events if event["type"].endswith(kind)]

    async def access(self, kind: str) -> list[dict[str, Any]]:
        """Return the access records of a kind, in order."""
        return [event["data"] for event in await self.published("access.recorded.v1") if event["data"]["kind"] == kind]

    async def everything(self) -> str:
        """Return every row of every table that is not sealed, as one text: what an operator could search."""
        tables = await self.pool.fetch(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_migrations'"
        )
        texts = []
        for table in tables:
            name = table["tablename"]
            rows = await self.pool.fetch(f'SELECT t.*, t::text AS shown FROM "{name}" AS t')
            for row in rows:
                bodies = [value.decode("utf-8", "replace") for value in row.values() if isinstance(value, bytes)]
                texts.append(f"{name}: {row['shown']} {' '.join(bodies)}")
        return "\n".join(texts)


@asynccontextmanager
async def town(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[Town]:
    """Compose both real services on databases of their own; nothing is mocked, and no relay empties the outboxes."""
    async with cases_world(migrated, issuer, clock) as world:
        cases_app = httpx.ASGITransport(app=world.parts.app, raise_app_exceptions=False)
        # What the meetings service asks the cases service; everything else goes out as it does in earnest.
        outgoing = httpx.AsyncClient(verify=TRUST, mounts={CASES_URL: cases_app})
        async with outgoing, composed(migrated, issuer, clock, outgoing, world) as made:
            yield made


@asynccontextmanager
async def composed(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, outgoing: httpx.AsyncClient, world: World
) -> AsyncIterator[Town]:
    """Compose the meetings service beside the cases service, which it asks through `outgoing`."""
    dsn = await migrated("meetings", SERVICE.migrations)
    settings = MeetingsSettings(
        database_url=SecretStr(dsn),
        kafka_bootstrap_servers="127.0.0.1:9",
        oidc_issuer=issuer.issuer,
        pid_key=SecretStr(KEY),
        lookup_key=SecretStr("m" * 32),
        vault_key=SecretStr(VAULT_KEY),
        cases_url=CASES_URL,
    )
    pool = await db.create_pool(dsn, application_name="meetings-test")
    ids, metrics = RandomIds(), Metrics()

    async def ready() -> list[str]:
        return []

    kit = Kit(
        name="meetings",
        settings=settings,
        pool=pool,
        journal=Journal(pool, source=SERVICE.source, clock=clock, ids=ids),
        clock=clock,
        ids=ids,
        metrics=metrics,
        http=outgoing,
        authenticator=Authenticator(
            settings.oidc_issuer, settings.oidc_audience, KEY.encode(), outgoing, metrics=metrics
        ),
        broker=create_broker("127.0.0.1:9", client="meetings-test"),
        not_ready=ready,
    )
    parts = await SERVICE.compose(kit)
    transport = httpx.ASGITransport(app=parts.app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://meetings") as client:
            made = Town(client, issuer, clock, pool, kit, parts, world)
            await made.fresh()
            yield made
    finally:
        await pool.close()
