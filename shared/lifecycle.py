"""A service from its first second to its last: it waits for what it needs, works, and lets go in order.

    SERVICE = Definition("meetings", MeetingsSettings, Path(__file__).parent / "migrations", compose)

    async def compose(kit: Kit[MeetingsSettings]) -> Parts:
        return Parts(kit.app(title="Meetings", version="1", routers=[router]), inboxes=[Inbox("meetings", HANDLERS)])

Services start in any order. Each waits, with a growing pause and a line in its log, until its database answers and is
migrated, its topics exist and the token issuer gives its keys; meanwhile `/health/live` answers already. At SIGTERM it is no
longer ready, finishes the batch in hand and the requests under way, publishes and seals what it committed, and closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final, Generic, Protocol, TypeVar

import asyncpg
import httpx
import structlog
import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI
from faststream.kafka import KafkaBroker
from pydantic import ValidationError
from starlette.types import ASGIApp

from shared import db
from shared.actor_desk import advancing, describe_names, exchange_names, known_actors
from shared.actor_names import People, name_anew
from shared.auth import Authenticator
from shared.clock import Clock, SimulatedClock, SystemClock
from shared.contracts import TOPICS
from shared.dead_letter_desk import describe_dead_letters, settle_dead_letters
from shared.dead_letters import count_open
from shared.deadline_desk import describe_deadlines, settle_deadlines
from shared.deadlines import DeadlineHandler, Deadlines
from shared.errors import LagspillError
from shared.forgetting import Forgetting
from shared.gate import Gate
from shared.inbox import Inbox, Intake, Subscription, subscribe
from shared.journal import Journal, public_heads
from shared.kafka import WATERMARKS_TOPIC, create_broker
from shared.lanes import Lanes
from shared.memory import settle
from shared.observability import Metrics, configure_logging, start_tracing, stop_tracing
from shared.publisher import producers
from shared.refs import Ids, RandomIds
from shared.relay import Relay
from shared.settings import ServiceSettings, SettingsFileError
from shared.vault import Reindex, Vault
from shared.waiting import check_migrated, check_topics, until_answers
from shared.web import create_app

T = TypeVar("T", bound=ServiceSettings)

_CLOSE_SECONDS: Final = 10.0
_HEALTH_SECONDS: Final = 2.0
_HTTP_SECONDS: Final = 10

log = structlog.get_logger(__name__)


class PortTakenError(Exception):
    """The service cannot listen where it should."""


class ServerEndedError(Exception):
    """The HTTP server has ended by itself."""

    def __str__(self) -> str:
        """Return the sentence for whoever started the process."""
        return "the HTTP server has ended by itself"


class Runner(Protocol):
    """Something of a service's own that runs beside the rest."""

    async def start(self) -> None:
        """Begin."""

    async def stop(self) -> None:
        """Finish what is in hand and end; also before `start`."""


class Member(Runner, Protocol):
    """A member of a consumer group: what readiness asks of it. `BatchConsumer` is one."""

    @property
    def group(self) -> str:
        """The consumer group."""

    @property
    def assigned(self) -> bool:
        """Whether it has its place in the group."""

    @property
    def waiting(self) -> bool:
        """Whether the last batch failed and is being tried again."""


@dataclass(frozen=True)
class Kit(Generic[T]):
    """What a service is composed with, once its surroundings answer."""

    name: str
    settings: T
    pool: db.Pool
    journal: Journal
    clock: Clock
    ids: Ids
    metrics: Metrics
    http: httpx.AsyncClient
    """For calls to other services; closed with the service."""
    authenticator: Authenticator
    broker: KafkaBroker
    """For a consumer that is no inbox: `BatchConsumer(kit.broker, ...)`, given in `Parts.consumers`."""
    not_ready: Callable[[], Awaitable[Sequence[str]]]

    @property
    def source(self) -> str:
        """The CloudEvents source of what this service publishes."""
        return self.journal.source

    def app(
        self,
        *,
        title: str,
        version: str,
        routers: Sequence[APIRouter],
        description: str = "",
        public: Collection[str] = (),
        streams: Collection[str] = (),
        unlinked: bool = False,
    ) -> FastAPI:
        """Return the HTTP application with this kit in it; see `shared.web.create_app`."""
        return create_app(
            self.settings,
            title=title,
            version=version,
            routers=routers,
            clock=self.clock,
            ids=self.ids,
            authenticator=self.authenticator,
            metrics=self.metrics,
            ready=self.not_ready,
            source=self.source,
            heads=partial(public_heads, self.journal),
            description=description,
            public=public,
            streams=streams,
            unlinked=unlinked,
        )


@dataclass(frozen=True)
class Parts:
    """What a service consists of."""

    app: ASGIApp
    inboxes: Sequence[Inbox] = ()
    deadlines: Mapping[str, DeadlineHandler] = field(default_factory=dict)
    consumers: Sequence[Member] = ()
    """Consumers that keep their own place: the audit service's intake."""
    runners: Sequence[Runner] = ()


@dataclass(frozen=True)
class Definition(Generic[T]):
    """One service, as its `app.py` declares it."""

    name: str
    settings: type[T]
    migrations: Path
    compose: Callable[[Kit[T]], Awaitable[Parts]]
    topics: Sequence[str] = (*TOPICS, WATERMARKS_TOPIC)
    """What must be there before the service begins."""
    reindex: Callable[[T, Vault], Reindex] | None = None
    """Makes what makes an owner's lookups anew; none where the service finds nobody by name or number."""
    people: Callable[[T, Vault], People] | None = None
    """Tells whose national numbers the service has; none where it has nobody's."""

    @property
    def source(self) -> str:
        """The CloudEvents source of what it publishes."""
        return f"/services/{self.name}"


class Service(Generic[T]):
    """One service in this process."""

    def __init__(self, definition: Definition[T], settings: T, *, ids: Ids | None = None) -> None:
        """Prepare; nothing connects or listens before `start`."""
        self.definition: Final = definition
        self.settings: Final = settings
        self.clock: Final = create_clock(settings)
        self.metrics: Final = Metrics()
        self.port = 0
        """Where it listens, once started."""
        self._ids = ids or RandomIds()
        self._stage = "it is not started"
        self._gate = Gate(not_ready=self.not_ready, notes=self._notes)
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None
        self._pool: db.Pool | None = None
        self._http: httpx.AsyncClient | None = None
        self._authenticator: Authenticator | None = None
        self._relay: Relay | None = None
        self._subscriptions: list[Subscription] = []
        self._consumers: list[Member] = []
        self._inward = contextlib.AsyncExitStack()
        """What takes events and deadlines in; ends together with the requests under way."""
        self._beside = contextlib.AsyncExitStack()
        """The service's own runners; requests, events and deadlines may need them until they are done."""

    # --- life ---------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then let go in order.

        Raises:
            PortTakenError: it cannot listen where it should.
            ServerEndedError: its HTTP server has ended by itself.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        starting = asyncio.create_task(self.start(), name=f"start of {self.definition.name}")
        stopped = asyncio.create_task(stop.wait(), name="until a signal")
        try:
            await asyncio.wait({starting, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                assert self._serving is not None
                await asyncio.wait({self._serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not stop.is_set():
                # A service that nobody reaches is none: the process ends, and whoever watches it starts another.
                raise ServerEndedError
        finally:
            for task in (starting, stopped):
                task.cancel()
            await asyncio.gather(starting, stopped, return_exceptions=True)
            await self.stop()

    async def composed(self) -> tuple[Kit[T], Parts]:
        """Compose on the database alone, without listening, consuming or publishing: for an operator's command.

        What a replay commits is published by the service that runs. `stop` it afterwards.
        """
        kit = await self._connect(alone=True)
        return kit, await self.definition.compose(kit)

    async def start(self) -> None:
        """Listen, wait for what is needed, compose, begin; returns when everything runs (and readiness follows).

        Raises:
            PortTakenError: it cannot listen where it should.
        """
        await self._listen()
        kit = await self._connect()
        self._stage = "it is being composed"
        parts = await self.definition.compose(kit)
        self._gate.open(parts.app)
        self._stage = "its consumers are starting"
        await self._begin(kit, parts)
        self._stage = ""
        log.info("started", host=self.settings.http_host, port=self.port)

    async def stop(self) -> None:
        """Let go in order: readiness; consumers, deadlines and requests under way; runners; the relay; connections."""
        self._stage = "it is stopping"
        log.info("stopping")
        if self._server is not None:
            self._server.should_exit = True
        serving = self._serving
        await self._let_go("consumers", self._inward.aclose(), *([] if serving is None else [serving]))
        await self._let_go("runners", self._beside.aclose())
        if self._http is not None:
            await self._let_go("http", self._http.aclose())
        if self._relay is not None:
            await self._let_go("relay", self._relay.stop())
        if self._pool is not None:
            await self._let_go("database", _close(self._pool))
        log.info("stopped")

    @staticmethod
    async def _let_go(part: str, *ends: Awaitable[None]) -> None:
        """Wait until these have ended; what fails on its way out does not keep the next from being let go."""
        for outcome in await asyncio.gather(*ends, return_exceptions=True):
            if isinstance(outcome, BaseException):
                log.error("did_not_end_well", part=part, exc_info=outcome)

    async def not_ready(self) -> list[str]:
        """Return why the service is not ready; empty when it is migrated, connected and has its places in its groups."""
        if self._stage:
            return [self._stage]
        reasons = [
            f"the consumer {consumer.group} has no partitions at the moment"
            for consumer in self._consumers
            if not consumer.assigned
        ]
        assert self._pool is not None, "a started service has a pool"
        try:
            async with asyncio.timeout(_HEALTH_SECONDS):
                await self._pool.fetchval("SELECT 1")
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            reasons.append("the database does not answer")
        return reasons

    async def _notes(self) -> list[str]:
        """Return what a person should look at although the service is ready."""
        assert self._pool is not None, "a started service has a pool"
        notes = [
            f"the consumer {consumer.group} tries a batch again" for consumer in self._consumers if consumer.waiting
        ]
        if self._authenticator is not None and self._authenticator.staff_unnumbered:
            notes.append("employees sign in without a national number: their own child's case is not kept from them")
        async with self._pool.acquire() as conn:
            for subscription in self._subscriptions:
                if letters := await count_open(conn, subscription.consumer.group):
                    notes.append(f"{letters} dead letters of {subscription.consumer.group} wait for a person")
        return notes

    # --- steps --------------------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        host, port = self.settings.http_host, self.settings.http_port
        try:
            listener = socket.create_server((host, port), backlog=2048, reuse_port=False)
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else type(error).__name__
            raise PortTakenError(f"cannot listen on {host}:{port}: {reason}") from None
        self.port = int(listener.getsockname()[1])
        self._server = _Server(
            uvicorn.Config(
                self._gate,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                http="httptools",
                loop="none",
                timeout_keep_alive=30,
                timeout_graceful_shutdown=_HTTP_SECONDS,
            )
        )
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]), name="http server")

    async def _connect(self, *, alone: bool = False) -> Kit[T]:
        settings, name = self.settings, self.definition.name
        dsn = settings.database_url.get_secret_value()
        self._stage = "it waits for its database"
        self._pool = await until_answers("database", lambda: db.create_pool(dsn, application_name=name))
        pool = self._pool
        self._stage = "its database is not migrated"
        await until_answers("migrations", lambda: check_migrated(pool, name, self.definition.migrations))
        topics = {topic: settings.called(topic) for topic in self.definition.topics}
        if not alone:
            self._stage = "it waits for the broker and its topics"
            await until_answers("broker", lambda: check_topics(settings.bus, topics.values()))
        self._http = http = httpx.AsyncClient(timeout=5.0)
        known = known_actors(settings, pool)
        await known.load()
        authenticator = Authenticator(
            settings.oidc_issuer,
            settings.oidc_audience,
            settings.pid_key.get_secret_value().encode(),
            http,
            metrics=self.metrics,
            known=known,
            staff_numbered=settings.staff_national_number == "required",
        )
        self._authenticator = authenticator
        if not alone:
            self._stage = "it waits for the keys of the token issuer"
            await until_answers("issuer", authenticator.load_keys)
        lanes = Lanes()
        self._relay = Relay(
            dsn,
            producers(settings.bus, client=name),
            source=self.definition.source,
            clock=self.clock,
            ids=self._ids,
            metrics=self.metrics,
            seal_every=settings.journal_seal_seconds,
            topics=topics,
            lanes=lanes,
        )
        journal = Journal(
            pool,
            source=self.definition.source,
            clock=self.clock,
            ids=self._ids,
            nudge=self._relay.nudge,
            lanes=lanes,
        )
        return Kit(
            name=name,
            settings=settings,
            pool=pool,
            journal=journal,
            clock=self.clock,
            ids=self._ids,
            metrics=self.metrics,
            http=http,
            authenticator=authenticator,
            broker=create_broker(settings.bus, client=name),
            not_ready=self.not_ready,
        )

    async def _begin(self, kit: Kit[T], parts: Parts) -> None:
        """Start what runs; it stops in the opposite order, the relay after the last request."""
        assert self._relay is not None, "connected"
        await self._relay.start()
        self._inward.push_async_callback(kit.broker.stop)
        for inbox in parts.inboxes:
            subscription = subscribe(
                kit.broker,
                kit.pool,
                inbox,
                journal=kit.journal,
                clock=kit.clock,
                ids=kit.ids,
                metrics=kit.metrics,
            )
            self._subscriptions.append(subscription)
        deadlines = Deadlines(
            kit.pool, parts.deadlines, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics
        )
        self._consumers = [*(each.consumer for each in self._subscriptions), *parts.consumers]
        for runner in parts.runners:
            self._beside.push_async_callback(runner.stop)
            await until_answers("runner", runner.start)
        inward: list[Runner] = [*self._subscriptions, *parts.consumers, Forgetting(kit.journal, kit.clock)]
        if parts.deadlines:
            inward.append(deadlines)
        for runner in inward:
            self._inward.push_async_callback(runner.stop)
            await until_answers("broker", runner.start)


async def _close(pool: db.Pool) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await pool.close()
    except TimeoutError:
        pool.terminate()


def create_clock(settings: ServiceSettings) -> Clock:
    """Return the clock that the settings ask for; a simulated one begins where they say, else now."""
    if settings.lagspill_clock == "simulated":
        return SimulatedClock(settings.lagspill_clock_start or datetime.now(UTC))
    return SystemClock()


def run_service(definition: Definition[T], arguments: Sequence[str] | None = None) -> int:
    """Run `python -m services.<name> <command>`, as `--help` lists them, and return the process's exit status.

    A mistake in the settings, a port in use or a failed migration is one sentence on standard error, and no traceback.
    """
    asked = _parser(definition.name).parse_args(arguments)
    try:
        settings = definition.settings()
    except (ValidationError, SettingsFileError) as error:
        return _refuse(f"the settings cannot be used: {_sentence(error)}")
    configure_logging(definition.name, settings.log_level)
    start_tracing(definition.name, settings.otel_exporter_otlp_endpoint)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_carry_out(definition, settings, asked))
    except (PortTakenError, ServerEndedError, db.MigrationError, LagspillError, ValueError) as error:
        return _refuse(str(error))
    finally:
        stop_tracing()


async def _carry_out(definition: Definition[T], settings: T, asked: argparse.Namespace) -> int:
    if asked.command == "serve":
        settle()
        await Service(definition, settings).run()
        return 0
    if asked.command == "migrate":
        dsn = settings.database_url.get_secret_value()
        applied = await until_answers("database", lambda: db.migrate(dsn, definition.name, definition.migrations))
        sys.stdout.write("".join(f"applied {name}\n" for name in applied) or "nothing to apply\n")
        return 0
    if asked.command == "rotate-keys":
        sys.stdout.write(await _rotate_keys(definition, settings))
        return 0
    if asked.command == "actor-names":
        return await _exchange_names(definition, settings, asked)
    if asked.command == "deadlines":
        return await _settle_deadlines(definition, settings, asked)
    service = Service(definition, settings)
    try:
        kit, parts = await service.composed()
        intakes = [
            Intake(kit.pool, inbox, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics)
            for inbox in parts.inboxes
        ]
        return await settle_dead_letters(kit.pool, intakes, asked, sys.stdout)
    finally:
        await service.stop()


async def _settle_deadlines(definition: Definition[T], settings: T, asked: argparse.Namespace) -> int:
    dsn = settings.database_url.get_secret_value()
    pool = await until_answers("database", lambda: db.create_pool(dsn, application_name=f"{definition.name}-deadlines"))
    try:
        return await settle_deadlines(pool, asked, sys.stdout)
    finally:
        await _close(pool)


async def _exchange_names(definition: Definition[T], settings: T, asked: argparse.Namespace) -> int:
    dsn = settings.database_url.get_secret_value()
    pool = await until_answers("database", lambda: db.create_pool(dsn, application_name=f"{definition.name}-names"))
    try:
        return await exchange_names(pool, known_actors(settings, pool).names, asked, sys.stdin, sys.stdout)
    finally:
        await _close(pool)


async def _rotate_keys(definition: Definition[T], settings: T) -> str:
    """Wrap the service's data keys anew, make its lookups anew, name its people anew, and return what was done."""
    vault = Vault.from_settings(settings)
    dsn = settings.database_url.get_secret_value()
    pool = await until_answers(
        "database", lambda: db.create_pool(dsn, application_name=f"{definition.name}-rotate-keys")
    )
    try:
        done = f"{await vault.rotate_all(pool)} data keys were wrapped anew\n"
        if definition.reindex is not None:
            again = await vault.reindex_all(pool, definition.reindex(settings, vault))
            done += f"{again} owners' lookups were made anew\n" if again else ""
        if definition.people is not None:
            with advancing("named under the present PID_KEY") as progress:
                people = definition.people(settings, vault)
                named = await name_anew(pool, known_actors(settings, pool).names, people, progress)
            done += f"{named} people were named under the present PID_KEY\n" if named else ""
        return done
    finally:
        await _close(pool)


def _parser(service: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("serve", help="run the service until SIGTERM")
    commands.add_parser("migrate", help="bring the database up to date")
    commands.add_parser("rotate-keys", help="wrap every data key of the vault anew under the first key of VAULT_KEY")
    describe_names(commands.add_parser("actor-names", help="by which names people are known, while PID_KEY is changed"))
    describe_dead_letters(commands.add_parser("dead-letters", help="records that could not be handled"))
    describe_deadlines(commands.add_parser("deadlines", help="deadlines whose handlers failed too often"))
    return parser


def _sentence(error: Exception) -> str:
    if isinstance(error, ValidationError):
        parts = [
            f"{'.'.join(str(step) for step in part['loc']).upper() or 'together'}: {part['msg']}"
            for part in error.errors(include_input=False, include_url=False, include_context=False)
        ]
        return "; ".join(parts)
    return str(error)


def _refuse(sentence: str) -> int:
    sys.stderr.write(f"{sentence}\n")
    return 2


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: the service decides when its server ends."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield
