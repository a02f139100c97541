"""The cases service over HTTP with a real database and real tokens: who acts, what was committed, what was recorded."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

import httpx
from pydantic import SecretStr

from services.cases.app import SERVICE
from services.cases.settings import CasesSettings
from shared import db
from shared.auth import Authenticator
from shared.clock import SimulatedClock
from shared.deadlines import Deadlines
from shared.inbox import Inbox, Intake
from shared.journal import Journal
from shared.kafka import create_broker
from shared.lifecycle import Kit, Parts
from shared.observability import Metrics
from shared.refs import RandomIds
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People, Person
from shared.testing.plugin import Migrated
from shared.testing.trust import TRUST

KEY: Final = "k" * 32
VAULT_KEY: Final = "test-1:" + "a2" * 21 + "a="

NO_UNIT: Final = {"lagspill_service": None, "lagspill_unit": None, "orgno": None}

STAFF: Final[Mapping[str, tuple[str, str, str, str]]] = {
    "teacher": ("teacher", "barnehage", "unit:lia-barnehage", "310001015"),
    "colleague": ("teacher", "barnehage", "unit:lia-barnehage", "310001015"),
    "pedagogical-leader": ("pedagogical-leader", "barnehage", "unit:lia-barnehage", "310001015"),
    "styrer": ("leader", "barnehage", "unit:lia-barnehage", "310001015"),
    "curious": ("teacher", "barnehage", "unit:haugen-barnehage", "310001090"),
    "contact-teacher": ("contact-teacher", "skole", "unit:tinnes-skole", "310001023"),
    "other-teacher": ("contact-teacher", "skole", "unit:other-skole", "310001099"),
    "rektor": ("leader", "skole", "unit:tinnes-skole", "310001023"),
    "ppt": ("ppt-adviser", "ppt", "unit:ppt", "310001031"),
    "nurse": ("health-nurse", "helsestasjon", "unit:helsestasjon", "310001058"),
    "nurse-leader": ("leader", "helsestasjon", "unit:helsestasjon", "310001058"),
    "privacy-officer": ("privacy-officer", "ledelse", "unit:radhuset", "310001074"),
    "ppt-leader": ("leader", "ppt", "unit:ppt", "310001031"),
    "second-nurse": ("health-nurse", "helsestasjon", "unit:helsestasjon", "310001058"),
    "coordinator": ("coordinator", "helsestasjon", "unit:helsestasjon", "310001058"),
    "barnevern": ("child-welfare-officer", "barnevern", "unit:barnevern", "310001066"),
    "bup": ("bup-clinician", "bup", "unit:bup", "310001082"),
}


OVERRIDE: Final[Mapping[str, Any]] = {
    "section": "bvl-13-2",
    "reason": "neglect-or-abuse",
    "text": "Kom sulten for tredje uke.",
    "services": ["barnevern"],
    "categories": ["concern", "family"],
    "purposes": ["assessment"],
    "valid_to": "2026-09-20",
    "review_by": "2026-09-14T10:00:00Z",
    "not_heard": "would-endanger-child",
}
"""What is shared by law, as it is sent."""


@dataclass(repr=False)
class World:
    """One cases service, one family, a town full of employees."""

    http: httpx.AsyncClient
    issuer: LocalIssuer
    clock: SimulatedClock
    pool: db.Pool
    journal: Journal
    kit: Kit[CasesSettings]
    parts: Parts
    child: Person
    guardian_a: Person
    guardian_b: Person
    _keys: itertools.count[int] = field(default_factory=itertools.count)
    _opened: itertools.count[int] = field(default_factory=itertools.count)
    _siblings: People = field(default_factory=lambda: People(8))

    # --- asking -------------------------------------------------------------------------------------------------------

    def token(self, who: str, **claims: Any) -> str:
        """Return an access token of somebody in this world."""
        if who in {"guardian-a", "guardian-b", "child", "stranger"}:
            person = {
                "guardian-a": self.guardian_a,
                "guardian-b": self.guardian_b,
                "child": self.child,
                "stranger": People(99).guardian(),
            }[who]
            role = "child" if who == "child" else "guardian"
            return self.issuer.token(
                {"sub": who, "lagspill_roles": [role], **NO_UNIT, "pid": person.national_number, **claims}
            )
        if who in {"notify", "meetings"}:
            roles = ["service-account"]
            return self.issuer.token({"sub": who, "client_id": who, "lagspill_roles": roles, **NO_UNIT, **claims})
        role, service, unit, organisation = STAFF[who]
        works = {"lagspill_service": service, "lagspill_unit": unit, "orgno": organisation}
        return self.issuer.token({"sub": who, "lagspill_roles": [role], **works, **claims})

    async def get(self, who: str, path: str, **claims: Any) -> httpx.Response:
        """Read something."""
        return await self.http.get(path, headers={"authorization": f"Bearer {self.token(who, **claims)}"})

    async def post(
        self,
        who: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        if_match: str | None = None,
        claims: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        """Do something."""
        headers = {
            "authorization": f"Bearer {self.token(who, **(claims or {}))}",
            "idempotency-key": key or f"key-{next(self._keys)}",
        }
        if if_match is not None:
            headers["if-match"] = if_match
        return await self.http.post(path, json={} if body is None else body, headers=headers)

    async def must(self, who: str, path: str, body: object = None, *, if_match: str | None = None) -> dict[str, Any]:
        """Do something that must work, and return what was answered."""
        response = await self.post(who, path, body, if_match=if_match)
        assert response.status_code == 201, f"{path}: {response.status_code} {response.text}"
        answered: dict[str, Any] = response.json()
        return answered

    async def see(self, who: str, path: str) -> dict[str, Any]:
        """Read something that must be shown, and return it."""
        response = await self.get(who, path)
        assert response.status_code == 200, f"{path}: {response.status_code} {response.text}"
        answered: dict[str, Any] = response.json()
        return answered

    async def version(self, who: str, case: str) -> str:
        """Return the case's present ETag."""
        response = await self.get(who, f"/cases/{case}")
        return response.headers["etag"]

    async def receiver(self, who: str) -> dict[str, Any]:
        """Return how a handover names somebody."""
        me = await self.see(who, "/me")
        role, service, unit, organisation = STAFF[who]
        return {"actor": me["actor"], "role": role, "service": service, "unit": unit, "organisation": organisation}

    # --- the story's beginning ----------------------------------------------------------------------------------------

    def concern(self, **changes: Any) -> dict[str, Any]:
        """Return the story's concern as it is sent."""
        return {
            "area": "learning",
            "for_whom": "child",
            "child": {"name": self.child.name, "national_number": self.child.national_number},
            "guardians": [
                {"name": one.name, "national_number": one.national_number, "language": language, "email": one.email}
                for one, language in ((self.guardian_a, "nb"), (self.guardian_b, "en"))
            ],
            "text": "Sier lite og trekker seg unna leken.",
            "observations": {
                "language": "Setninger på to ord.",
                "development": "Leker godt i små grupper.",
                "health": "Hører dårlig.",
            },
            **changes,
        }

    async def opened(self) -> str:
        """Register and lift a concern; return the case. The first is about the child, the next ones about siblings."""
        child = self.child if next(self._opened) == 0 else self._siblings.child(age=7)
        named = {"name": child.name, "national_number": child.national_number}
        receipt = await self.must("teacher", "/concerns", self.concern(child=named))
        await self.must("teacher", f"/concerns/{receipt['concern']}/resolution", {"outcome": "lifted"})
        return str(receipt["case"])

    async def requested(
        self,
        case: str,
        services: tuple[str, ...] = ("ppt", "helsestasjon"),
        purposes: tuple[str, ...] = ("assessment",),
        categories: tuple[str, ...] = ("development", "language"),
        valid_to: str = "2027-07-31",
        municipality: str | None = None,
    ) -> str:
        """Hear the child and ask for consent; return the consent."""
        await self.must(
            "teacher",
            f"/cases/{case}/child-views",
            {"method": "conversation", "before": "consent", "text": "Vil ha hjelp."},
        )
        body: dict[str, Any] = {
            "services": services,
            "categories": categories,
            "purposes": purposes,
            "valid_to": valid_to,
        }
        if municipality is not None:
            body["municipality"] = municipality
        return str((await self.must("teacher", f"/cases/{case}/consents", body))["consent"])

    async def consented(self, case: str, **asked: Any) -> str:
        """Ask both guardians for consent and have it; return the consent."""
        consent = await self.requested(case, **asked)
        for who in ("guardian-a", "guardian-b"):
            await self.must(who, f"/consents/{consent}/grants")
        return consent

    # --- what was committed -------------------------------------------------------------------------------------------

    async def published(self, kind: str | None = None) -> list[dict[str, Any]]:
        """Return everything that would be published, in order: no relay runs, so the outbox holds all of it."""
        rows = await self.pool.fetch("SELECT body FROM outbox ORDER BY id")
        events = [json.loads(row["body"]) for row in rows]
        return [event for event in events if kind is None or event["type"].endswith(kind)]

    async def access(self, kind: str) -> list[dict[str, Any]]:
        """Return the access records of a kind, in order."""
        return [event["data"] for event in await self.published("access.recorded.v1") if event["data"]["kind"] == kind]

    async def types(self) -> list[str]:
        """Return the types of the case events, in order, without prefix and version."""
        return [
            event["type"].removeprefix("no.lagspill.cases.").removesuffix(".v1")
            for event in await self.published()
            if event["type"].startswith("no.lagspill.cases.")
        ]

    # --- time and others ----------------------------------------------------------------------------------------------

    async def move_to(self, moment: datetime) -> None:
        """Set the clock, and let every deadline fire that is due then."""
        self.clock.set(moment)
        runner = Deadlines(
            self.pool,
            self.parts.deadlines,
            journal=self.journal,
            clock=self.clock,
            ids=self.kit.ids,
            metrics=self.kit.metrics,
        )
        await runner.fire_due()

    def intake(self, inbox: Inbox | None = None) -> Intake:
        """Return what takes other services' records in."""
        kit = self.kit
        return Intake(
            kit.pool,
            inbox or self.parts.inboxes[0],
            journal=kit.journal,
            clock=kit.clock,
            ids=kit.ids,
            metrics=kit.metrics,
        )


@asynccontextmanager
async def cases_world(
    migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock, kafka: str = "127.0.0.1:9", **knobs: Any
) -> AsyncIterator[World]:
    """Compose the real service on a database of its own; nothing is mocked, and no relay empties the outbox."""
    dsn = await migrated("cases", SERVICE.migrations)
    settings = CasesSettings(
        database_url=SecretStr(dsn),
        kafka_bootstrap_servers=kafka,
        oidc_issuer=issuer.issuer,
        pid_key=SecretStr(KEY),
        lookup_key=SecretStr("l" * 32),
        vault_key=SecretStr(VAULT_KEY),
        **knobs,
    )
    pool = await db.create_pool(dsn, application_name="cases-test")
    outgoing = httpx.AsyncClient(verify=TRUST)
    ids, metrics = RandomIds(), Metrics()
    journal = Journal(pool, source=SERVICE.source, clock=clock, ids=ids)
    authenticator = Authenticator(settings.oidc_issuer, settings.oidc_audience, KEY.encode(), outgoing, metrics=metrics)

    async def ready() -> list[str]:
        return []

    kit = Kit(
        name="cases",
        settings=settings,
        pool=pool,
        journal=journal,
        clock=clock,
        ids=ids,
        metrics=metrics,
        http=outgoing,
        authenticator=authenticator,
        broker=create_broker(kafka, client="cases-test"),
        not_ready=ready,
    )
    parts = await SERVICE.compose(kit)
    people = People(7)
    transport = httpx.ASGITransport(app=parts.app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://cases") as client:
            yield World(
                http=client,
                issuer=issuer,
                clock=clock,
                pool=pool,
                journal=journal,
                kit=kit,
                parts=parts,
                child=people.child(age=5),
                guardian_a=people.guardian(),
                guardian_b=people.guardian(),
            )
    finally:
        await outgoing.aclose()
        await pool.close()
