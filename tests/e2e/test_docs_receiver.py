"""The receiver of docs/subscribing.md, run as its reader would, behind the real service: from nothing to the first event."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sqlite3
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from deploy.local.process import free_port
from services.notify.signatures import headers, new_secret, written
from shared.clock import SimulatedClock
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated
from shared.testing.signals import WITHIN
from tests.e2e.test_conformance import conformance
from tests.integration.notify_world import World, notify_world
from tests.integration.test_notify_webhooks import concern

pytestmark = pytest.mark.connected

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "subscribing.md"


def asked() -> dict[str, object]:
    """Return the body that the page posts, as it stands there."""
    [body] = re.findall(r"^ +-d '(\{.*?\})'$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found: dict[str, object] = json.loads(body)
    return found


@asynccontextmanager
async def receiving(secret: str, port: int, file: Path) -> AsyncIterator[Process]:
    """Start the receiver by the page's own command, with these values in it."""
    [line] = re.findall(
        r"^WEBHOOK_SECRET=\S+ python (docs/examples/receiver\.py) 9000 events\.db$", PAGE.read_text(), re.MULTILINE
    )
    environment = {**os.environ, "WEBHOOK_SECRET": secret}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / line), str(port), str(file), stdout=PIPE, env=environment
    )
    try:
        assert await said(process) == "listening"
        yield process
    finally:
        process.kill()
        await process.wait()


async def said(process: Process) -> str:
    """Return the next line that the receiver prints."""
    assert process.stdout is not None
    async with asyncio.timeout(WITHIN):
        return (await process.stdout.readline()).decode().strip()


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The service as it is for development: this machine may be reached, without TLS."""
    async with notify_world(
        migrated, issuer, clock, subscribing_clients=frozenset({"school-system"}), lagspill_development=True
    ) as made:
        yield made


async def test_from_nothing_to_the_first_event(world: World, tmp_path: Path) -> None:
    port, file = free_port(), tmp_path / "events.db"
    body = asked()
    assert body["target"] == "http://127.0.0.1:9000/"
    made = await world.write("school-system", "POST", "/subscriptions", {**body, "target": f"http://127.0.0.1:{port}/"})
    assert made.status_code == 201, made.text
    path = made.headers["location"]
    async with receiving(made.json()["secret"], port, file) as process:
        await world.feed(concern(world))
        await world.courier.deliver_due()
        assert await said(process) == "new no.lagspill.cases.concern.registered.v1"
        # Sent again, it has no second effect.
        assert (await world.write("school-system", "POST", f"{path}/replays", {"after": 0})).status_code == 201
        await world.courier.deliver_due()
        assert await said(process) == "duplicate no.lagspill.cases.concern.registered.v1"
    with closing(sqlite3.connect(file)) as db:
        assert db.execute("SELECT count(*) FROM events").fetchone() == (1,)
    attempts = (await world.get("school-system", f"{path}/deliveries")).json()["items"]
    assert [each["outcome"] for each in attempts] == ["delivered", "delivered"]


async def test_the_receiver_is_right_in_everything_that_the_page_asks_of_one(tmp_path: Path) -> None:
    """By the page's own command, with the state at the same address; consents it has none, so receipts are not judged."""
    secret, address = written(new_secret()), f"http://127.0.0.1:{free_port()}/"
    port = int(address.rstrip("/").rpartition(":")[2])
    async with receiving(secret, port, tmp_path / "events.db"):
        status, told = await conformance(address, "--state", address, secret=secret)
    assert status == 0, told


async def test_the_receiver_believes_nothing_that_is_not_signed_just_now(tmp_path: Path) -> None:
    import time

    secret, port, now = new_secret(), free_port(), int(time.time())
    event = {"source": "/services/cases", "id": "1", "type": "t", "subject": "s"}
    body = json.dumps(event).encode()
    good = headers([secret], "1", now, body)
    wrong = [
        {},
        headers([new_secret()], "1", now, body),
        headers([secret], "1", now - 301, body),
        headers([secret], "1", now + 400, body),
        headers([secret], "1", now, body + b" "),
        {**good, "webhook-id": "2"},
        {**good, "webhook-timestamp": "soon"},
        {**good, "webhook-signature": good["webhook-signature"].replace("v1,", "v2,")},
    ]
    async with receiving(written(secret), port, tmp_path / "events.db") as process, httpx.AsyncClient() as client:
        for each in wrong:
            refused = await client.post(f"http://127.0.0.1:{port}/", content=body, headers=each)
            assert refused.status_code == 401, each
        both = headers([new_secret(), secret], "1", now, body)
        assert (await client.post(f"http://127.0.0.1:{port}/", content=body, headers=both)).status_code == 204
        assert await said(process) == "new t"


async def test_a_connection_that_is_kept_open_holds_up_no_other(tmp_path: Path) -> None:
    """The service keeps one between two events; another instance of it, or `lagspill conformance`, comes by its own."""
    import time

    secret, port, body = (
        new_secret(),
        free_port(),
        b'{"source": "/services/cases", "id": "%d", "type": "t", "subject": "s"}',
    )
    async with (
        receiving(written(secret), port, tmp_path / "events.db"),
        httpx.AsyncClient() as first,
        httpx.AsyncClient(timeout=WITHIN) as second,
    ):
        for number, client in enumerate((first, second, first)):
            sent, now = body % number, int(time.time())
            signed = headers([secret], str(number), now, sent)
            answer = await client.post(f"http://127.0.0.1:{port}/", content=sent, headers=signed)
            assert answer.status_code == 204
