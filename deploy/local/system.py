"""The whole set: started in order, ready together, stopped in order, nothing left behind."""

from __future__ import annotations

import asyncio
import fcntl
import importlib.util
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, Protocol

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from pydantic import BaseModel, ConfigDict

from deploy import topics
from deploy.local import neighbour
from deploy.local.databases import SERVICES, Databases, make_databases
from deploy.local.errors import LocalError, plain_errors
from deploy.local.identity import IdentityServer
from deploy.local.jars import JarCache, locked
from deploy.local.kafka import Kafka
from deploy.local.keys import SETTINGS as KEY_SETTINGS
from deploy.local.keys import keep_secret, make_keys
from deploy.local.postgres import Postgres
from deploy.local.process import HOST, LineSink, Server, require_free_port
from deploy.local.services import ServiceProcess
from deploy.local.settings import LocalSettings
from shared import db

if TYPE_CHECKING:
    from deploy.local.mail import MailCatcher

STOP_ORDER: Final = (("cases", "meetings", "notify"), ("audit", "neighbour"), ("identity",), ("kafka",), ("postgres",))
"""Together within a group. Audit after the others, so that the log holds what they sealed at their end."""
ADDRESSES: Final = "addresses.json"


class Stopped(KeyboardInterrupt):
    """Somebody asked the set to stop. Everything that lets Ctrl-C through lets this through, event loops too."""


class Addresses(BaseModel):
    """Where everything is, for `lagspill status` and whoever develops against it."""

    model_config = ConfigDict(frozen=True)

    pid: int
    noted_in: Path
    """The file that this is noted in, for its owner alone: it holds the databases' passwords."""
    kafka_bootstrap_servers: str
    oidc_issuer: str
    services: Mapping[str, str]
    databases: Mapping[str, str]
    administrator: str
    """A superuser's address on the same server: what the demo's attacker uses."""
    audit_owner: str
    """The audit database's owner's address: it migrates, and installs a retention policy."""
    audit_pruner: str
    """The address of who prunes the log."""

    def owner(self, service: str) -> str:
        """Return the address of a service's database as its owner."""
        return self.audit_owner if service == "audit" else self.databases[service]


class Reporter(Protocol):
    """Is told how the start goes."""

    def waiting(self, part: str, why: str) -> None:
        """`part` is doing something that takes time."""

    def downloading(self, total: int) -> None:
        """So many bytes will be downloaded."""

    def downloaded(self, size: int) -> None:
        """So many more have come."""

    def ready(self, part: str, seconds: float) -> None:
        """`part` answers, so long after it began."""


class LocalSystem:
    """PostgreSQL, Kafka and the OIDC server, unless they are given, and the four services.

    Args:
        settings: ports, folder, given addresses.
        reporter: is told how the start goes.
        sink: is given every line that any process writes.
        clock_start: where a simulated clock begins; None for the machine's clock.
        extra: more environment variables for the services.
        fresh: begin with an empty folder: whatever an earlier run left there is removed.
        neighbour: start the next municipality's audit service too; the two are each other's witness.
    """

    def __init__(
        self,
        settings: LocalSettings,
        reporter: Reporter,
        *,
        sink: LineSink | None = None,
        clock_start: datetime | None = None,
        extra: Mapping[str, str] | None = None,
        fresh: bool = False,
        neighbour: bool = False,
    ) -> None:
        self._neighbour = neighbour
        self._fresh = fresh
        self._settings = settings
        self._home = settings.home.absolute()
        self._reporter = reporter
        self._sink = sink
        self._clock_start = clock_start
        self._extra = dict(extra or {})
        self._mail: MailCatcher | None = None
        self._jars = JarCache()
        self._servers: list[Server] = []
        self._stopping = threading.Event()
        self._lock: IO[str] | None = None

    @property
    def stopping(self) -> bool:
        """Whether it is on its way down, or was never up."""
        return self._stopping.is_set()

    @contextmanager
    def running(self) -> Iterator[Addresses]:
        """Start everything, give where it is, stop everything at the end, however that comes.

        Raises:
            LocalError: a part cannot start; the sentence says which and why.
        """
        try:
            yield self.start()
        finally:
            self.stop()

    def start(self) -> Addresses:
        """Start everything; to be called on the main thread.

        Raises:
            LocalError: a part cannot start; `stop` then stops what has.
        """
        self._claim_folder()
        if self._fresh:
            self._empty_folder()
        make_keys(self._home / "keys")
        witnessing = self._introduce() if self._neighbour else {}
        postgres, kafka, identity = self._embedded()
        embedded = [part for part in (postgres, kafka, identity) if part is not None]
        for name in (*SERVICES, *witnessing.keys() - {"audit"}):  # now, not after everything else has started
            require_free_port(f"The service {name}", self._port(name), f"LAGSPILL_{name.upper()}_PORT")
        self._announce_downloads(kafka, identity)
        self._bring_up(embedded)
        bootstrap = self._settings.kafka_bootstrap_servers or (kafka.bootstrap_servers if kafka else "")
        issuer = self._settings.oidc_issuer or (identity.issuer if identity else "")
        admin = (
            self._settings.database_url.get_secret_value()
            if self._settings.database_url
            else (postgres.url() if postgres else "")
        )
        databases = asyncio.run(self._furnish(admin, bootstrap))
        self._catch_mail()
        services = [
            ServiceProcess(
                name,
                self._port(name),
                {**self._environment(databases.services[name], bootstrap, issuer), **witnessing.get(name, {})},
                log=self._log(name),
                sink=self._sink,
            )
            for name in SERVICES
        ]
        if databases.neighbour is not None:
            services.append(
                ServiceProcess(
                    neighbour.NAME,
                    self._port(neighbour.NAME),
                    {**self._environment(databases.neighbour, bootstrap, issuer), **witnessing[neighbour.NAME]},
                    log=self._log(neighbour.NAME),
                    sink=self._sink,
                    service="audit",
                )
            )
        self._bring_up(services)
        file = self._home / ADDRESSES
        addresses = Addresses(
            pid=os.getpid(),
            noted_in=file,
            kafka_bootstrap_servers=bootstrap,
            oidc_issuer=issuer,
            services={service.name: service.url for service in services},
            databases=databases.services,
            administrator=admin,
            audit_owner=databases.owners["audit"],
            audit_pruner=databases.pruner,
        )
        file.unlink(missing_ok=True)
        keep_secret(file, addresses.model_dump_json(indent=2))
        return addresses

    def stop(self) -> None:
        """Stop everything in order; safe at any moment, and twice."""
        self._stopping.set()
        for group in STOP_ORDER:
            members = [server for server in self._servers if server.name in group]
            for server in members:
                server.ask_to_stop()
            for server in members:
                server.stop()
        self._servers.clear()
        if self._mail is not None:
            self._mail.stop()
            self._mail = None
        (self._home / ADDRESSES).unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def kill(self) -> None:
        """End everything at once, without waiting for anybody to finish."""
        for server in self._servers:
            server.kill()

    @property
    def parts(self) -> Sequence[Server]:
        """Every process that it has started and not stopped."""
        return tuple(self._servers)

    def part(self, name: str) -> Server:
        """Return the running part of that name, to kill it, freeze it and start it again: for tests of what survives.

        Raises:
            KeyError: nothing of that name runs.
        """
        for server in self._servers:
            if server.name == name:
                return server
        raise KeyError(name)

    def add_instance(self, service: str, port: int) -> ServiceProcess:
        """Return one more instance of a service, on the same database, not started yet; `stop` stops it with the others.

        Raises:
            KeyError: the service does not run.
        """
        first = self.part(service)
        if not isinstance(first, ServiceProcess):
            raise KeyError(service)
        added = first.beside(port, log=self._log(f"{service}-{port}"))
        self._servers.append(added)
        return added

    def ended(self) -> Server | None:
        """Return a process that has ended by itself, if there is one."""
        return next((server for server in self._servers if server.exit_code is not None), None)

    def _catch_mail(self) -> None:
        """Stand in for a mail server, unless one is given."""
        if "SMTP_HOST" not in os.environ:
            from deploy.local.mail import MailCatcher  # its library is not in the image

            self._mail = MailCatcher(self._home / "mail", self._settings.smtp_port)
            self._mail.start()
            self._extra |= {"SMTP_HOST": HOST, "SMTP_PORT": str(self._settings.smtp_port)}

    def _claim_folder(self) -> None:
        with plain_errors(self._home):
            self._home.mkdir(parents=True, exist_ok=True)
            self._lock = (self._home / "lock").open("a")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            self._lock = None
            raise LocalError(
                f"Lagspill runs in {self._home} already: stop it first, or set LAGSPILL_HOME to another folder."
            ) from error

    def _empty_folder(self) -> None:
        with plain_errors(self._home):
            for left in self._home.iterdir():
                if left.is_dir():
                    shutil.rmtree(left)
                elif left.name != "lock":
                    left.unlink()

    def _embedded(self) -> tuple[Postgres | None, Kafka | None, IdentityServer | None]:
        given, home = self._settings, self._home
        postgres = kafka = identity = None
        if given.database_url is None:
            postgres = Postgres(home / "postgres", given.postgres_port, log=self._log("postgres"), sink=self._sink)
        if given.kafka_bootstrap_servers is None:
            ports = given.kafka_port, given.kafka_controller_port
            kafka = Kafka(
                home / "kafka", *ports, log=self._log("kafka"), sink=self._sink, jars=self._jars, progress=self._arrived
            )
        if given.oidc_issuer is None:
            identity = IdentityServer(
                given.oidc_port, log=self._log("identity"), sink=self._sink, jars=self._jars, progress=self._arrived
            )
        return postgres, kafka, identity

    def _announce_downloads(self, kafka: Kafka | None, identity: IdentityServer | None) -> None:
        wanted = (locked("kafka") if kafka else []) + (locked("identity") if identity else [])
        size = sum(jar.size for jar in self._jars.missing(wanted))
        if size:
            self._reporter.downloading(size)

    def _arrived(self, size: int) -> None:
        if self._stopping.is_set():
            raise LocalError("The download was stopped; it goes on from here the next time.")
        self._reporter.downloaded(size)

    def _bring_up(self, servers: Sequence[Server]) -> None:
        """Prepare together, launch one after the other on this thread, wait together."""
        began = time.monotonic()
        for server in servers:
            self._reporter.waiting(server.name, "preparing")
        self._together([server.prepare for server in servers])
        self._servers += servers
        for server in servers:
            server.launch()
            self._reporter.waiting(server.name, "starting")

        def until_ready(server: Server) -> None:
            server.wait_ready()
            self._reporter.ready(server.name, time.monotonic() - began)

        self._together([partial(until_ready, server) for server in servers])

    def _together(self, jobs: Sequence[Callable[[], None]]) -> None:
        if not jobs:
            return
        pool = ThreadPoolExecutor(len(jobs))
        try:
            futures: list[Future[None]] = [pool.submit(job) for job in jobs]
            for future in futures:
                future.result()
        except BaseException:
            self._stopping.set()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    async def _furnish(self, admin: str, bootstrap: str) -> Databases:
        """Make topics, databases and roles, and migrate."""
        self._reporter.waiting("topics and databases", "making")
        began = time.monotonic()
        databases, _ = await asyncio.gather(self._databases(admin), self._topics(bootstrap))
        self._reporter.ready("topics and databases", time.monotonic() - began)
        return databases

    async def _databases(self, admin: str) -> Databases:
        databases = await make_databases(admin, self._home / "keys", neighbour=self._neighbour)
        beside = [] if databases.neighbour is None else [("audit", databases.neighbour)]
        for service, dsn in [*databases.owners.items(), *beside]:
            try:
                await db.migrate(dsn, service, migrations_of(service))
            except db.MigrationError as error:
                raise LocalError(f"The database of {service} cannot be migrated: {error}.") from error
        return databases

    async def _topics(self, bootstrap: str) -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
        try:
            await admin.start()
            declared = topics.declared(await topics.fitting_profile(admin))
            await topics.create_missing(admin, declared)
            if self._neighbour:
                await topics.create_missing(admin, neighbour.topics_of(declared))
        except (KafkaError, OSError) as error:
            raise LocalError(
                f"Kafka at {bootstrap} cannot be used ({error}): check KAFKA_BOOTSTRAP_SERVERS."
            ) from error
        finally:
            await admin.close()

    def _introduce(self) -> dict[str, dict[str, str]]:
        """Let the two audit services know each other, and return the settings of both."""
        urls = {name: f"http://{HOST}:{self._port(name)}" for name in ("audit", neighbour.NAME)}
        return neighbour.introduce(self._home / "keys", urls)

    def _environment(self, database: str, bootstrap: str, issuer: str) -> dict[str, str]:
        clock = {"LAGSPILL_CLOCK": "system"}
        if self._clock_start is not None:
            clock = {"LAGSPILL_CLOCK": "simulated", "LAGSPILL_CLOCK_START": self._clock_start.isoformat()}
        return {
            **service_settings(self._home, database, bootstrap, issuer),
            **clock,
            **{f"{other.upper()}_URL": f"http://{HOST}:{self._port(other)}" for other in SERVICES},
            "APP_URL": f"http://{HOST}:{self._port('notify')}/",
            **self._pages(),
            **self._extra,
        }

    def _pages(self) -> dict[str, str]:
        """Return what signs the auditor in to Notodden's audit pages; an issuer of one's own has clients of its own."""
        if self._settings.oidc_issuer is not None:
            return {}
        return {"PAGES_CLIENT_ID": "audit-pages", "PAGES_URL": f"http://{HOST}:{self._port('audit')}"}

    def _port(self, service: str) -> int:
        ports = {
            "cases": self._settings.cases_port,
            "meetings": self._settings.meetings_port,
            "notify": self._settings.notify_port,
            "audit": self._settings.audit_port,
            neighbour.NAME: self._settings.neighbour_port,
        }
        return ports[service]

    def _log(self, name: str) -> Path:
        return self._home / "logs" / f"{name}.log"


def service_settings(home: Path, database: str, bootstrap: str, issuer: str) -> dict[str, str]:
    """Return the environment variables that every command of a service needs here."""
    return {
        "DATABASE_URL": database,
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap,
        "OIDC_ISSUER": issuer,
        "LAGSPILL_DEVELOPMENT": "1",
        **{setting: str(home.absolute() / "keys" / file) for setting, file in KEY_SETTINGS.items()},
    }


def migrations_of(service: str) -> Path:
    """Return the folder of a service's migrations, without importing the service.

    Raises:
        LocalError: there is no such service.
    """
    found = importlib.util.find_spec(f"services.{service}") if service in SERVICES else None
    if found is None or found.origin is None:
        raise LocalError(f"There is no service {service!r}: it is one of {', '.join(SERVICES)}.")
    return Path(found.origin).with_name("migrations")
