"""The composition root of the audit service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from services.audit import api
from services.audit.consumers import GROUP, Consumption
from services.audit.domain.witness import PREFIX
from services.audit.exports.api import router as exporting
from services.audit.exports.desk import ExportDesk
from services.audit.handlers import Desk
from services.audit.innsyn.api import Interface
from services.audit.innsyn.api import router as innsyn
from services.audit.innsyn.composition import compose_innsyn
from services.audit.keeper import Keeper
from services.audit.overseer import Overseer
from services.audit.pages import create_site
from services.audit.patterns.api import router as findings
from services.audit.patterns.composition import compose_control
from services.audit.queries import Reader
from services.audit.settings import AuditSettings
from services.audit.witness_api import Witness, create_witness_app
from services.audit.witnesses import Witnesses
from services.audit.witnessing import Witnessing
from shared.contracts import TOPICS
from shared.db import Pool, create_pool
from shared.lifecycle import Definition, Kit, Parts, Runner
from shared.waiting import until_answers

WRITER: Final = "lagspill_audit_writer"
READER: Final = "lagspill_audit_reader"
VERSION: Final = "0.1.0"
IDLE_SECONDS: Final = 10.0
"""After this the database ends a batch's transaction in which nothing happens: a paused instance must not hold up the others."""

log = structlog.get_logger(__name__)


class Pools:
    """The connections of the two roles; they end with the service."""

    def __init__(self, writer: Pool, reader: Pool) -> None:
        self.writer = writer
        self.reader = reader

    async def start(self) -> None:
        """They are open already."""

    async def stop(self) -> None:
        """Close them."""
        await self.reader.close()
        await self.writer.close()


def address(dsn: str, role: str | None, *, idle_seconds: float = IDLE_SECONDS) -> str:
    """Return the address with which connections work as `role`, and wait no longer for a lock than `idle_seconds`."""
    asked = {"lock_timeout": str(int(idle_seconds * 1000))}
    if role is not None:
        asked["role"] = role
    return _with(dsn, asked)


def searching(dsn: str) -> str:
    """Return the address with which connections plan each search for what is asked in it.

    A plan for whatever may be asked takes every range of positions or times for a narrow one, and sorts all that an actor ever
    did to find the newest hundred. Planning costs about a millisecond, once every month of some years is looked at.
    """
    return _with(dsn, {"plan_cache_mode": "force_custom_plan"})


def _with(dsn: str, settings: dict[str, str]) -> str:
    return f"{dsn}{'&' if '?' in dsn else '?'}{urlencode(settings)}"


async def open_pools(dsn: str, pool: Pool) -> Pools:
    """Return connections that work as the role that adds and the role that reads.

    A login that may not become these roles works as what it is: then it should be one that was given their rights.
    """
    addresses = {}
    for role in (WRITER, READER):
        may = await pool.fetchval(
            "SELECT coalesce((SELECT pg_has_role(current_user, oid, 'SET') FROM pg_roles WHERE rolname = $1), false)",
            role,
        )
        if not may:
            log.warning("the login may not become the role that it should work as", kind=role)
        addresses[role] = address(dsn, role if may else None)
    return Pools(
        await create_pool(addresses[WRITER], application_name="audit-writer", idle_seconds=IDLE_SECONDS),
        await create_pool(searching(addresses[READER]), application_name="audit-reader", idle_seconds=IDLE_SECONDS),
    )


async def compose(kit: Kit[AuditSettings]) -> Parts:
    """Return what the audit service consists of."""
    settings = kit.settings
    pools = await open_pools(settings.database_url.get_secret_value(), kit.pool)
    signing = await until_answers("signing", settings.open_signing)
    keeper = Keeper(
        pools.writer,
        signing=signing,
        origin=settings.audit_origin,
        protected_origin=settings.audit_protected_origin,
        journal=kit.journal,
        clock=kit.clock,
        ids=kit.ids,
        grace=settings.audit_gap_seconds,
    )
    reader = Reader(pools.reader)
    consumption = Consumption(
        settings.bus,
        keeper,
        topics=[settings.called(topic) for topic in TOPICS],
        group=settings.called(GROUP),
    )
    overseer = Overseer(keeper, consumption, kit.metrics, announce_seconds=settings.audit_announce_seconds)
    witnesses = Witnesses(pools.reader, reader, kit.clock, settings.witness_policy)
    desk = Desk(
        reader,
        kit.journal,
        origin=settings.audit_origin,
        protected_origin=settings.audit_protected_origin,
        witnesses=witnesses,
    )
    exports = ExportDesk(desk, reader, kit.journal, kit.clock, kit.ids, witnesses)
    control = compose_control(kit, desk, writer=pools.writer, reader=pools.reader)
    app = kit.app(
        title="Lagspill audit",
        version=VERSION,
        description="The confidentiality log: who learned what about which child, on which basis, provably.",
        routers=[api.router, findings, innsyn, exporting],
        public=api.PUBLIC,
    )
    app.state.interface = api.Interface(reader, desk, signing, kit.http, settings.peers, witnesses)
    app.state.findings = control.desk
    app.state.innsyn = Interface(compose_innsyn(kit, reader=pools.reader, witnesses=witnesses))
    app.state.exports = exports
    site = create_site(
        kit, pools.writer, reader, desk, control.desk, exports, witnesses, lambda origin: signing.verifier(origin).vkey
    )
    pages = site.app(app, ids=kit.ids, metrics=kit.metrics)
    return Parts(
        app=beside(pages, witness_apps(kit, pools.writer)),
        consumers=[consumption],
        deadlines=control.deadlines,
        runners=[pools, overseer, signing, control.watch, *witness_runners(kit, pools.writer, reader)],
    )


def witness_apps(kit: Kit[AuditSettings], pool: Pool) -> Mapping[str, ASGIApp]:
    """Return the application that cosigns other logs' checkpoints, by its path; none where there is no key for it."""
    cosigner = kit.settings.cosigner
    if cosigner is None:
        return {}
    witness = Witness(pool, cosigner, kit.settings.watched_logs, clock=kit.clock, metrics=kit.metrics)
    return {PREFIX: create_witness_app(witness, ids=kit.ids, metrics=kit.metrics)}


def witness_runners(kit: Kit[AuditSettings], pool: Pool, reader: Reader) -> Sequence[Runner]:
    """Return what asks the witnesses of this deployment's logs; nothing where it has none."""
    policy = kit.settings.witness_policy
    if not policy.witnesses:
        return ()
    dsn = kit.settings.database_url.get_secret_value()
    return [
        Witnessing(
            dsn,
            pool,
            reader,
            policy,
            journal=kit.journal,
            http=kit.http,
            clock=kit.clock,
            ids=kit.ids,
            metrics=kit.metrics,
        )
    ]


def beside(main: ASGIApp, others: Mapping[str, ASGIApp]) -> ASGIApp:
    """Return `main` with `others` under their paths: applications that speak otherwise, each behind an edge of its own."""
    if not others:
        return main

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        chosen = next((other for prefix, other in others.items() if path.startswith(f"{prefix}/")), main)
        await chosen(scope, receive, send)

    return app


SERVICE: Final = Definition("audit", AuditSettings, Path(__file__).with_name("migrations"), compose)
