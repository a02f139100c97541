"""The composition root of the audit service."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import urlencode

import structlog

from services.audit.api import PUBLIC, create_router
from services.audit.consumers import Consumption
from services.audit.handlers import Desk
from services.audit.keeper import Keeper
from services.audit.overseer import Overseer
from services.audit.patterns.composition import compose_control
from services.audit.queries import Reader
from services.audit.settings import AuditSettings
from shared.contracts import TOPICS
from shared.db import Pool, create_pool
from shared.lifecycle import Definition, Kit, Parts
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
    """Return the address with which connections work as `role`, and give up a transaction in which nothing happens."""
    asked = {"idle_in_transaction_session_timeout": str(int(idle_seconds * 1000))}
    if role is not None:
        asked["role"] = role
    return f"{dsn}{'&' if '?' in dsn else '?'}{urlencode(asked)}"


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
        await create_pool(addresses[WRITER], application_name="audit-writer"),
        await create_pool(addresses[READER], application_name="audit-reader"),
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
        journal=kit.journal,
        clock=kit.clock,
        ids=kit.ids,
        grace=settings.audit_gap_seconds,
    )
    reader = Reader(pools.reader)
    consumption = Consumption(settings.kafka_bootstrap_servers, keeper, topics=TOPICS)
    overseer = Overseer(keeper, consumption, kit.metrics, announce_seconds=settings.audit_announce_seconds)
    desk = Desk(reader, kit.journal, origin=settings.audit_origin)
    control = compose_control(kit, desk, writer=pools.writer, reader=pools.reader)
    return Parts(
        app=kit.app(
            title="Lagspill audit",
            version=VERSION,
            description="The confidentiality log: who learned what about which child, on which basis, provably.",
            routers=[
                create_router(reader, desk, signing=signing, http=kit.http, peers=settings.peers),
                control.router,
            ],
            public=PUBLIC,
        ),
        consumers=[consumption],
        deadlines=control.deadlines,
        runners=[pools, overseer, signing, control.watch],
    )


SERVICE: Final = Definition("audit", AuditSettings, Path(__file__).with_name("migrations"), compose)
