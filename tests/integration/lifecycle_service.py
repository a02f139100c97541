"""A small service for the lifecycle's suite, also as a process: `python -m tests.integration.lifecycle_service serve`.

It takes notes in from a topic of the test's own, answers a slow request, and lets a deadline fire. `reached` rows tell the test
how far it is; a row in `gates` lets it go on.
"""

from __future__ import annotations

import sys
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from shared.aggregate import Context
from shared.arrivals import Tx
from shared.clock import real_pause
from shared.db import Connection, Pool
from shared.deadlines import Deadline
from shared.envelope import Envelope
from shared.inbox import Inbox, caused_by
from shared.journal import Journal
from shared.lifecycle import Definition, Kit, Parts, run_service
from shared.refs import LogScope
from shared.settings import ServiceSettings
from shared.web import CurrentActor
from tests.integration.inbox_world import MIGRATIONS, Noted, inbox_of, leave_a_row
from tests.integration.test_inbox import COUNTER, Counting

POISON: Final = 13
SLOW: Final = 99
GATES: Final = """
CREATE TABLE IF NOT EXISTS reached (place text PRIMARY KEY);
CREATE TABLE IF NOT EXISTS gates (place text PRIMARY KEY)
"""


class TinySettings(ServiceSettings):
    """What the suite tells the service."""

    notes_topic: str
    notes_watermarks: str
    notes_group: str
    notes_poison: bool = False


async def wait_at(pool: Pool, place: str) -> None:
    """Say that `place` is reached and go on when the test opens it."""
    await pool.execute("INSERT INTO reached VALUES ($1) ON CONFLICT DO NOTHING", place)
    while not await pool.fetchval("SELECT true FROM gates WHERE place = $1", place):
        await real_pause(0.01)


async def count(journal: Journal, context: Context, thing: str, conn: Connection | None = None) -> None:
    """Let an event of this service happen."""
    await journal.change(COUNTER, thing, context, lambda _: [Counting(thing=thing)], conn=conn)


def inbox(kit: Kit[TinySettings]) -> Inbox:
    """Return what the service takes in."""

    async def on_noted(tx: Tx, event: Noted, envelope: Envelope) -> None:
        if event.n == SLOW:
            await wait_at(kit.pool, "handler")
        if event.n == POISON and kit.settings.notes_poison:
            raise ValueError
        await leave_a_row(tx, event, envelope)
        await count(tx.journal, caused_by(envelope, tx.now), "from-the-inbox", tx.conn)

    settings = kit.settings
    return inbox_of(settings.notes_topic, on_noted, consumer=settings.notes_group, watermarks=settings.notes_watermarks)


async def compose(kit: Kit[TinySettings]) -> Parts:
    """Return the service's parts."""
    await kit.pool.execute(GATES)
    router = APIRouter()

    @router.get("/slow")
    async def slow(actor: CurrentActor) -> Response:
        await wait_at(kit.pool, "request")
        context = Context(actor=actor, scope=LogScope("4005"), now=kit.clock.now(), correlation=kit.ids.event_id())
        await count(kit.journal, context, "from-the-request")
        return Response("done")

    async def on_due(tx: Tx, deadline: Deadline) -> None:
        context = Context(actor=None, scope=LogScope("4005"), now=tx.now, correlation=tx.ids.event_id())
        await count(tx.journal, context, deadline.key, tx.conn)

    app = kit.app(title="Tiny", version="1", routers=[router])
    return Parts(app, inboxes=[inbox(kit)], deadlines={"tiny": on_due})


def definition(*topics: str) -> Definition[TinySettings]:
    """Return the service's declaration; only these topics must be there."""
    return Definition("meetings", TinySettings, MIGRATIONS, compose, topics=topics)


if __name__ == "__main__":
    sys.exit(run_service(definition()))
