"""The notify service with a real database, a real mail server and real tokens; events reach it as the bytes of the bus."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import ssl
import threading
from base64 import b64encode
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from pydantic import AnyHttpUrl, SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from deploy.local.process import free_port
from services.notify.app import SERVICE
from services.notify.courier import Courier
from services.notify.post import Post
from services.notify.settings import NotifySettings
from shared import db
from shared.auth import Authenticator
from shared.clock import SimulatedClock
from shared.contracts.base import EventData
from shared.contracts.cases import TOPIC, Party
from shared.contracts.codes import Role, Service
from shared.deadlines import Deadlines
from shared.envelope import describe, number, parse, seal
from shared.inbox import Intake
from shared.journal import Journal
from shared.kafka import create_broker
from shared.lifecycle import Kit, Parts
from shared.observability import Metrics
from shared.refs import ActorId, LogScope, RandomIds, UnitId
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.testing.signals import Probe
from shared.testing.trust import TRUST
from tests.everything_read import everything_read
from tests.returned_mail import returned
from tests.tally_app import served

KEY: Final = "k" * 32
VAULT_KEY: Final = "test-1:" + "a2" * 21 + "a="
SECRET: Final = "a-client-secret-of-a-test"
MUNICIPALITY: Final = LogScope("4005")
LIA: Final = UnitId("unit:lia-barnehage")

ROLES: Final[Mapping[str, tuple[Role, Service, str]]] = {
    "teacher": (Role.TEACHER, Service.BARNEHAGE, LIA),
    "colleague": (Role.TEACHER, Service.BARNEHAGE, LIA),
    "styrer": (Role.LEADER, Service.BARNEHAGE, LIA),
    "rektor": (Role.LEADER, Service.SKOLE, "unit:tinnes-skole"),
    "nurse": (Role.HEALTH_NURSE, Service.HELSESTASJON, "unit:helsestasjon"),
    "ppt-leader": (Role.LEADER, Service.PPT, "unit:ppt"),
    "health-leader": (Role.LEADER, Service.HELSESTASJON, "unit:helsestasjon"),
    "coordinator": (Role.COORDINATOR, Service.LEDELSE, "unit:kommune"),
    "director": (Role.LEADER, Service.LEDELSE, "unit:kommune"),
    "privacy-officer": (Role.PRIVACY_OFFICER, Service.LEDELSE, "unit:kommune"),
}


SYSTEMS: Final = frozenset({"school-system", "statistics", "other-system", "stranger-system", "mail-gateway"})
"""Other systems, by their clients; the service's settings say which of them may subscribe."""


@dataclass(frozen=True)
class Record:
    """A record as it comes from the broker."""

    value: bytes
    key: bytes
    offset: int
    topic: str = TOPIC
    partition: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class MailServer:
    """A real SMTP server in a thread of its own; what it accepts, the test can wait for and look at."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.arrived: Probe[EmailMessage] = Probe()
        self.answers: list[str] = []
        """Answers to the next mails, in turn, instead of accepting them."""
        self.refusals: list[str] = []
        """The same of the next recipients."""
        self.unknown: set[str] = set()
        """Addresses that there are not."""
        self.hangs: set[str] = set()
        """Addresses whose mails the server takes, and gives no answer to until it is let go."""
        self.hung: Probe[str] = Probe()
        """To whom such a mail came, in turn."""
        self.silent: set[str] = set()
        """Addresses whose mails the server has, and does not say so until it is let go."""
        self._go = threading.Event()
        self._loop = asyncio.get_running_loop()
        self._tls = tls
        self._controller: Controller | None = None
        self.port = free_port()
        self.start()

    @property
    def mails(self) -> list[EmailMessage]:
        """What was accepted so far."""
        return self.arrived.seen

    def start(self) -> None:
        """Listen, on the same port as before."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, tls_context=self._tls, require_starttls=self._tls is not None
        )
        self._controller.start()

    def let_go(self) -> None:
        """Answer what hangs, and let nothing hang any more."""
        self.hangs.clear()
        self.silent.clear()
        self._go.set()

    def stop(self) -> None:
        """Be unreachable."""
        self.let_go()
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """Accept a recipient, or answer what the test said of one."""
        if self.refusals:
            return self.refusals.pop(0)
        if address in self.unknown:
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Accept a mail, or answer what the test said."""
        for address in self.hangs.intersection(envelope.rcpt_tos):
            self._loop.call_soon_threadsafe(self.hung, address)
            await asyncio.to_thread(self._go.wait)
        if self.answers:
            return self.answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        mail = message_from_bytes(content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self._loop.call_soon_threadsafe(self.arrived, mail)
        if self.silent.intersection(envelope.rcpt_tos):
            await asyncio.to_thread(self._go.wait)
        return "250 OK"


class Neighbours:
    """The cases service's contacts and the issuer's token endpoint, over real HTTP."""

    def __init__(self, issuer: LocalIssuer, notify_token: Callable[[], str]) -> None:
        self.contacts: dict[str, list[dict[str, Any]]] = {}
        self.watches: dict[str, dict[str, Any]] = {}
        """Whose duty an address-protected case is."""
        self.requests: Counter[str] = Counter()
        self.failing = False
        neighbours = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
                neighbours.requests[self.path] += 1
                good = form.get("grant_type") == ["client_credentials"] and form.get("client_secret") == [SECRET]
                token = {"access_token": notify_token(), "token_type": "Bearer", "expires_in": 300}
                self._answer(200 if good else 401, token if good else {"error": "invalid_client"})

            def do_GET(self) -> None:
                neighbours.requests[self.path] += 1
                if neighbours.failing:
                    self._answer(503, {"code": "unavailable"})
                elif not self.headers.get("authorization", "").startswith("Bearer "):
                    self._answer(401, {"code": "token-missing"})
                else:
                    _, _, case, part = self.path.split("/")
                    watch, around = neighbours.watches.get(case), neighbours.contacts.get(case)
                    known = watch if part == "watch" else None if around is None else {"contacts": around}
                    self._answer(404 if known is None else 200, {"case": case, **(known or {})})

            def _answer(self, status: int, body: Mapping[str, object]) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(repr=False)
class World:
    """One notify service and those it writes to."""

    http: httpx.AsyncClient
    issuer: LocalIssuer
    clock: SimulatedClock
    pool: db.Pool
    kit: Kit[NotifySettings]
    parts: Parts
    smtp: MailServer
    neighbours: Neighbours
    people: People = field(default_factory=lambda: People(7))
    _keys: itertools.count[int] = field(default_factory=itertools.count)
    _offsets: itertools.count[int] = field(default_factory=itertools.count)

    # --- people -------------------------------------------------------------------------------------------------------

    def claims(self, who: str) -> dict[str, Any]:
        """Return what the token of somebody says."""
        if who.startswith("guardian"):
            return {"sub": who, "lagspill_roles": ["guardian"], "lagspill_service": None, "lagspill_unit": None}
        if who in SYSTEMS:
            none = {"lagspill_service": None, "lagspill_unit": None, "orgno": None}
            return {"sub": who, "client_id": who, "lagspill_roles": ["service-account"], **none}
        role, service, unit = ROLES[who]
        return {"sub": who, "lagspill_roles": [role], "lagspill_service": service, "lagspill_unit": unit}

    def actor(self, who: str) -> ActorId:
        """Return how events name somebody."""
        return self.kit.authenticator.names.of_subject(self.issuer.issuer, who)

    def party(self, who: str) -> Party:
        """Return an employee as the cases' events name them."""
        role, service, unit = ROLES[who]
        return Party(actor=self.actor(who), role=role, service=service, unit=UnitId(unit))

    async def get(self, who: str, path: str, **claims: Any) -> httpx.Response:
        """Read something."""
        token = self.issuer.token({**self.claims(who), **claims})
        return await self.http.get(path, headers={"authorization": f"Bearer {token}"})

    async def write(
        self,
        who: str,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = None,
        version: str | None = None,
        **claims: Any,
    ) -> httpx.Response:
        """Do something; `version` is the ETag that is named."""
        headers = {
            "authorization": f"Bearer {self.issuer.token({**self.claims(who), **claims})}",
            "idempotency-key": key or f"key-{next(self._keys)}",
            **({} if version is None else {"if-match": version}),
        }
        return await self.http.request(method, path, json=body, headers=headers)

    async def prefer(self, who: str, language: str = "nb", email: str | None = None, **claims: Any) -> None:
        """Choose how to be reached."""
        answer = await self.write(who, "PUT", "/preferences", {"language": language, "email": email}, **claims)
        assert answer.status_code == 200, answer.text

    # --- the bus ------------------------------------------------------------------------------------------------------

    def record(
        self,
        event: EventData,
        *,
        event_id: UUID | None = None,
        scope: LogScope = MUNICIPALITY,
        correlation: UUID | None = None,
    ) -> Record:
        """Return `event` as the cases service publishes it now."""
        offset = next(self._offsets)
        now = self.clock.now()
        envelope = describe(
            event,
            event_id=event_id or self.kit.ids.event_id(),
            source=f"/services/{event.TOPIC.split('.')[1]}",
            happened=now,
            recorded=now,
            scope=scope,
            correlation=correlation or uuid4(),
            sequence=1,
        )
        return Record(number(seal(event, envelope), offset + 1), event.subject.encode(), offset, topic=event.TOPIC)

    def intake(self, inbox: int = 0) -> Intake:
        """Return what takes records in: for deadlines and messages, or (1) for subscribers."""
        kit = self.kit
        return Intake(
            kit.pool,
            self.parts.inboxes[inbox],
            journal=kit.journal,
            clock=kit.clock,
            ids=kit.ids,
            metrics=kit.metrics,
        )

    async def take(self, *events: EventData, times: int = 1) -> list[Record]:
        """Let events arrive; each batch as often as said."""
        records = [self.record(event) for event in events]
        for _ in range(times):
            await self.intake().process(records)
        return records

    async def feed(self, *events: EventData, scope: LogScope = MUNICIPALITY) -> list[Record]:
        """Let events arrive for subscribers, as one batch."""
        records = [self.record(event, scope=scope) for event in events]
        await self.intake(1).process(records)
        return records

    async def fresh(self) -> None:
        """Say what the bus says of itself all the time: that nothing is on its way."""
        await everything_read(self.pool, "notify", (TOPIC, "/services/cases"))

    def runner(self) -> Deadlines:
        """Return what fires deadlines."""
        kit = self.kit
        return Deadlines(
            kit.pool, self.parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
        )

    async def move_to(self, moment: datetime) -> int:
        """Set the clock, and let every deadline fire that is due then."""
        self.clock.set(moment)
        await self.fresh()
        return await self.runner().fire_due()

    # --- delivery -----------------------------------------------------------------------------------------------------

    @property
    def post(self) -> Post:
        """What delivers; it does so when the test says so."""
        runner = self.parts.runners[0]
        assert isinstance(runner, Post)
        return runner

    async def other_post(self) -> Post:
        """Return what delivers in a second instance of the service, on the same database."""
        runner = (await SERVICE.compose(replace(self.kit, metrics=Metrics()))).runners[0]
        assert isinstance(runner, Post)
        return runner

    @property
    def courier(self) -> Courier:
        """What delivers to subscribers; it does so when the test says so."""
        runner = self.parts.runners[1]
        assert isinstance(runner, Courier)
        return runner

    async def deliver(self) -> list[EmailMessage]:
        """Deliver everything whose time has come; return the mails that have arrived by then."""
        await self.post.deliver_due()
        # The server told the loop of each mail before it answered the client.
        await asyncio.get_running_loop().run_in_executor(None, lambda: None)
        return list(self.smtp.mails)

    async def comes_back(self, mail: EmailMessage, **said: Any) -> httpx.Response:
        """Let the mail gateway hand in that a mail could not be delivered."""
        content = returned(name=mail["Message-ID"], **said)
        return await self.write("mail-gateway", "POST", "/bounces", {"mail": b64encode(content).decode()})

    async def let_time_pass(self) -> None:
        """Let every pause and lease be over."""
        for table in ("messages", "errands", "subscriptions"):
            await self.pool.execute(f"UPDATE {table} SET retry_at = clock_timestamp()")

    # --- what was committed -------------------------------------------------------------------------------------------

    async def published(self) -> list[EventData]:
        """Return everything that would be published, in order: no relay runs."""
        rows = await self.pool.fetch("SELECT body FROM outbox ORDER BY id")
        return [self._event(row["body"]) for row in rows]

    async def types(self, part: str = "") -> list[str]:
        """Return the types of what was published, without prefix and version."""
        names = [event.TYPE.removeprefix("no.lagspill.notify.").removesuffix(".v1") for event in await self.published()]
        return [name for name in names if part in name]

    def _event(self, body: bytes) -> EventData:
        from shared.contracts import EVENTS

        record = parse(body)
        return EVENTS[record.envelope.type].model_validate_json(record.data)

    async def dump(self) -> str:
        """Return every row of every table as text: what somebody with a copy of the database has."""
        tables = await self.pool.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        found = []
        for table in tables:
            rows = await self.pool.fetch(f'SELECT * FROM "{table["tablename"]}"')
            found += [repr([bytes(v) if isinstance(v, memoryview) else v for v in row.values()]) for row in rows]
        return "\n".join(found)


@asynccontextmanager
async def over_http(world: World, who: str) -> AsyncIterator[str]:
    """Serve it over real HTTP, and beside it, at `/token`, tokens of another system by client credentials."""

    async def token(request: Request) -> JSONResponse:
        asked = parse_qs((await request.body()).decode())
        basic = base64.b64encode(f"{who}:x".encode()).decode()
        if asked != {"grant_type": ["client_credentials"]} or request.headers["authorization"] != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, status_code=401)
        return JSONResponse({"access_token": world.issuer.token(world.claims(who)), "expires_in": 300})

    app = Starlette(routes=[Route("/token", token, methods=["POST"]), Mount("/", world.parts.app)])
    async with served(app) as (host, port):
        yield f"http://{host}:{port}"


@asynccontextmanager
async def notify_world(
    migrated: Migrated,
    issuer: LocalIssuer,
    clock: SimulatedClock,
    *,
    cases: ASGIApp | None = None,
    tls: ssl.SSLContext | None = None,
    **settings: Any,
) -> AsyncIterator[World]:
    """Compose the real service on a database of its own; `cases` is the real cases service's application, if there is one."""
    dsn = await migrated("notify", SERVICE.migrations)
    smtp = MailServer(tls=tls)

    def service_token() -> str:
        claims = {"sub": "notify", "client_id": "notify", "lagspill_roles": ["service-account"]}
        return issuer.token({**claims, "lagspill_service": None, "lagspill_unit": None, "orgno": None})

    neighbours = Neighbours(issuer, service_token)
    knobs: dict[str, Any] = {
        "smtp_host": "localhost" if tls else "127.0.0.1",
        "smtp_port": smtp.port,
        "smtp_timeout": 5.0,
        "cases_url": AnyHttpUrl("http://cases/" if cases else neighbours.url),
        "oidc_token_url": AnyHttpUrl(f"{neighbours.url}/token"),
        "oidc_client_secret": SecretStr(SECRET),
        "app_url": AnyHttpUrl("https://lagspill.example/"),
        "bounce_clients": frozenset({"mail-gateway"}),
        **settings,
    }
    made = NotifySettings(
        database_url=SecretStr(dsn),
        kafka_bootstrap_servers="127.0.0.1:9",
        oidc_issuer=issuer.issuer,
        pid_key=SecretStr(KEY),
        vault_key=SecretStr(VAULT_KEY),
        lookup_key=SecretStr("l" * 32),
        **knobs,
    )
    pool = await db.create_pool(dsn, application_name="notify-test")
    mounts = {"http://cases/": httpx.ASGITransport(app=cases)} if cases else {}
    outgoing = httpx.AsyncClient(verify=TRUST, mounts=mounts)
    ids, metrics = RandomIds(), Metrics()
    authenticator = Authenticator(made.oidc_issuer, made.oidc_audience, KEY.encode(), outgoing, metrics=metrics)

    async def ready() -> list[str]:
        return []

    kit = Kit(
        name="notify",
        settings=made,
        pool=pool,
        journal=Journal(pool, source=SERVICE.source, clock=clock, ids=ids),
        clock=clock,
        ids=ids,
        metrics=metrics,
        http=outgoing,
        authenticator=authenticator,
        broker=create_broker("127.0.0.1:9", client="notify-test"),
        not_ready=ready,
    )
    parts = await SERVICE.compose(kit)
    transport = httpx.ASGITransport(app=parts.app, raise_app_exceptions=False)
    try:
        async with httpx.AsyncClient(transport=transport, base_url="http://notify") as client:
            yield World(
                http=client,
                issuer=issuer,
                clock=clock,
                pool=pool,
                kit=kit,
                parts=parts,
                smtp=smtp,
                neighbours=neighbours,
            )
    finally:
        for runner in parts.runners:
            await runner.stop()
        await outgoing.aclose()
        await pool.close()
        neighbours.close()
        smtp.stop()
