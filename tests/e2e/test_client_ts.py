"""The TypeScript package: its own tests, and the receiver of docs/subscribing.md, compiled and run behind the real service."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import lagspill_client
import pytest
import pytest_asyncio

from deploy.conformance.webhook import NotTriedError, until_answers
from deploy.local.process import free_port
from services.notify.signatures import new_secret, written
from shared.clock import SimulatedClock
from shared.refs import CaseRef, ConsentRef
from shared.testing.issuer import LocalIssuer
from shared.testing.plugin import Migrated, NewDatabase
from shared.testing.signals import WITHIN
from tests.e2e.test_conformance import acknowledging, conformance
from tests.e2e.test_docs_client import PAGE, table
from tests.e2e.test_docs_examples import withdrawn
from tests.integration.notify_world import World, notify_world, over_http
from tests.integration.test_notify_webhooks import concern

PACKAGE = Path(__file__).resolve().parents[2] / "packages" / "lagspill-client-ts"
NODE, NPM = shutil.which("node"), shutil.which("npm")

pytestmark = [
    pytest.mark.connected,
    pytest.mark.skipif(
        NODE is None or NPM is None, reason="node and npm are not installed: nothing here runs TypeScript"
    ),
]


def ran(*command: str | Path, folder: Path = PACKAGE, **environment: str) -> str:
    """Run a command that must succeed; return what it printed."""
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built() -> Path:
    """The package, built from its lock file."""
    assert NPM is not None
    lock, installed = PACKAGE / "package-lock.json", PACKAGE / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        ran(NPM, "ci", "--silent", "--no-audit", "--no-fund")
    ran(NPM, "run", "--silent", "build")
    return PACKAGE


@pytest.fixture
def receiver(built: Path, tmp_path: Path) -> tuple[Path, str]:
    """The page's receiver, compiled as its reader would, and where it listens."""
    assert NPM is not None
    page = PAGE.read_text(encoding="utf-8")
    [code] = re.findall(r"^```ts\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    port = free_port()
    code, count = re.subn(r"listen\(9000\)", f'listen({port}, "127.0.0.1")', code)
    assert count == 1
    (tmp_path / "sharing.ts").write_text(code, encoding="utf-8")
    [setting] = re.findall(r"^npm init -y && npm (pkg set \S+)$", page, re.MULTILINE)
    ran(NPM, "init", "-y", folder=tmp_path)
    ran(NPM, *setting.split(), folder=tmp_path)
    # What the page installs, from where this package has it: no registry is asked.
    [(packages, tools)] = re.findall(
        r"^npm install \./lagspill/packages/lagspill-client-ts (.*) && npm install --save-dev (.*)$", page, re.MULTILINE
    )
    installed = tmp_path / "node_modules"
    (installed / "@types").mkdir(parents=True)
    (installed / "lagspill-client").symlink_to(built)
    for name in [*packages.split(), *tools.split()]:
        (installed / name).symlink_to(built / "node_modules" / name)
    [compiling] = re.findall(r"^npx tsc (.*)$", page, re.MULTILINE)
    ran(installed / "typescript" / "bin" / "tsc", *compiling.split(), folder=tmp_path)
    return tmp_path / "sharing.js", f"http://127.0.0.1:{port}/"


@pytest_asyncio.fixture
async def database(new_database: NewDatabase) -> AsyncIterator[tuple[str, asyncpg.Connection[asyncpg.Record]]]:
    """A database with the page's table."""
    dsn = await new_database()
    connection = await asyncpg.connect(dsn)
    await connection.execute(table())
    yield dsn, connection
    await connection.close()


@asynccontextmanager
async def receiving(file: Path, dsn: str, secret: str, acknowledging: Mapping[str, str]) -> AsyncIterator[None]:
    """Run the receiver."""
    assert NODE is not None
    environment = {**os.environ, "DATABASE_URL": dsn, "WEBHOOK_SECRET": secret, **acknowledging}
    process = await asyncio.create_subprocess_exec(NODE, str(file), env=environment)
    try:
        yield
    finally:
        process.kill()
        await process.wait()


def test_the_package_s_own_tests_hold(built: Path, postgres: str) -> None:
    """Run where their table is nobody else's."""
    name = f"ts_{os.getpid()}"

    async def on_server(statement: str) -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(on_server(f"CREATE DATABASE {name}"))
    assert NPM is not None
    told = ran(NPM, "test", DATABASE_URL=f"{postgres.rpartition('/')[0]}/{name}")
    assert re.search(r"fail 0$", told, re.MULTILINE), told
    assert re.search(r"skipped 0$", told, re.MULTILINE), told
    asyncio.run(on_server(f"DROP DATABASE {name} WITH (FORCE)"))


def test_both_packages_have_the_same_table() -> None:
    """So that a subscriber may change its language, and its operator need not."""
    assert f"`{lagspill_client.DDL}`" in (PACKAGE / "src" / "store.ts").read_text(encoding="utf-8")


async def test_the_page_s_receiver_conforms(
    receiver: tuple[Path, str],
    database: tuple[str, asyncpg.Connection[asyncpg.Record]],
) -> None:
    """By its answers; and by its table each event was taken once."""
    file, url = receiver
    secret = written(new_secret())
    receipts = f"127.0.0.1:{free_port()}"
    async with receiving(file, database[0], secret, acknowledging(f"http://{receipts}")):
        status, told = await conformance(url, "--receipts", receipts, secret=secret)
    assert (status, "Nothing is wrong with what was seen." in told) == (0, True), told
    # Taken: 2 of the plain trial's (one passed by), 2 duplicates', 1 behind the unknown type, 1 grown, 6 in another order,
    # 3 about the gap, the one with two signatures, the receipt's, and those of three other ends. No forged one.
    rows = await database[1].fetch("SELECT outcome, count(*) FROM lagspill_inbox GROUP BY 1")
    assert {row[0]: row[1] for row in rows} == {"taken": 19, "passed-by": 2}


async def test_what_the_service_posts_has_its_effect_once(
    receiver: tuple[Path, str],
    database: tuple[str, asyncpg.Connection[asyncpg.Record]],
    migrated: Migrated,
    issuer: LocalIssuer,
    clock: SimulatedClock,
) -> None:
    file, url = receiver
    dsn, connection = database
    async with notify_world(
        migrated, issuer, clock, subscribing_clients=frozenset({"school-system"}), lagspill_development=True
    ) as world:
        body = {"target": url, "contact": "drift@school.example", "after": 0, "acknowledges": True}
        made = await world.write("school-system", "POST", "/subscriptions", body)
        assert made.status_code == 201, made.text
        case, consent = CaseRef(world.kit.ids.ref("cas")), ConsentRef(world.kit.ids.ref("cst"))
        await connection.executemany("INSERT INTO shares VALUES ('doc', $1)", [(consent,), ("another",)])
        path = made.headers["location"]
        async with (
            over_http(world, "school-system") as home,
            receiving(file, dsn, made.json()["secret"], acknowledging(home, path)),
        ):
            await world.feed(concern(world, case), withdrawn(case, consent))
            await until_there(url)
            await world.courier.deliver_due()
            taken = await connection.fetch("SELECT type, outcome FROM lagspill_inbox ORDER BY number")
            assert [tuple(row) for row in taken] == [
                ("no.lagspill.cases.concern.registered.v1", "passed-by"),
                ("no.lagspill.cases.consent.withdrawn.v1", "taken"),
            ]
            assert [row[0] for row in await connection.fetch("SELECT consent FROM shares")] == ["another"]
            await until_received(world, path)
            # Sent again, it has no second effect.
            await connection.execute("INSERT INTO shares VALUES ('doc', $1)", consent)
            assert (await world.write("school-system", "POST", f"{path}/replays", {"after": 0})).status_code == 201
            await world.courier.deliver_due()
        attempts = (await world.get("school-system", f"{path}/deliveries")).json()["items"]
        assert [each["outcome"] for each in attempts] == ["delivered"] * 4
        assert await connection.fetchval("SELECT count(*) FROM shares WHERE consent = $1", consent) == 1


async def until_received(world: World, path: str) -> None:
    """Return when the service has the receipt of what was taken back."""

    async def ask() -> None:
        [receipt] = (await world.get("school-system", f"{path}/receipts")).json()["items"]
        if (receipt["standing"], receipt["items_removed"]) != ("received", 1):
            raise NotTriedError

    await until_answers(ask, WITHIN)


async def until_there(url: str) -> None:
    """Return when the receiver answers, be it that it refuses."""
    async with httpx.AsyncClient(trust_env=False) as client:

        async def ask() -> None:
            try:
                await client.get(url)
            except httpx.HTTPError as error:
                raise NotTriedError from error

        await until_answers(ask, WITHIN)
