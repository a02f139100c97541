"""A change of PID_KEY as an operator makes it: everybody keeps the reference given first, whoever comes when, whatever is killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import httpx
import pytest
import pytest_asyncio

import services.meetings
from services.cases.app import SERVICE
from services.cases.records import Child, Guardian, Records
from shared import db
from shared.actor_names import ActorNames, KnownActors
from shared.auth import Authenticator
from shared.clock import SimulatedClock
from shared.contracts.codes import Language
from shared.keys import LocalKeys
from shared.refs import ALPHABET, CaseRef
from shared.testing.issuer import LocalIssuer
from shared.testing.people import People
from shared.testing.plugin import Migrated
from shared.vault import Vault
from tests.e2e.cases_world import KEY, VAULT_KEY, World, cases_world

pytestmark = pytest.mark.connected

NEW = "n" * 32
OLD_NAMES, NEW_NAMES = ActorNames(KEY.encode()), ActorNames(NEW.encode())


@pytest_asyncio.fixture
async def world(migrated: Migrated, issuer: LocalIssuer, clock: SimulatedClock) -> AsyncIterator[World]:
    """The cases service, with the old key."""
    async with cases_world(migrated, issuer, clock) as made:
        yield made


@asynccontextmanager
async def restarted(world: World, *, key: str, previous: str | None = None) -> AsyncIterator[World]:
    """The same service on the same database, with other keys."""
    known = KnownActors(
        ActorNames(key.encode()), None if previous is None else ActorNames(previous.encode()), world.pool
    )
    await known.load()
    settings = world.kit.settings
    authenticator = Authenticator(
        settings.oidc_issuer, settings.oidc_audience, key.encode(), world.kit.http, known=known
    )
    kit = replace(world.kit, authenticator=authenticator)
    parts = await SERVICE.compose(kit)
    transport = httpx.ASGITransport(app=parts.app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://cases") as client:
        yield replace(world, http=client, kit=kit, parts=parts)


async def run(
    *command: str, dsn: str, key: str = NEW, previous: str | None = KEY, given: bytes = b""
) -> tuple[int, str]:
    """Run an operator's command; return its exit status and what it said."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *command),
        env={
            "PATH": os.environ["PATH"],
            "DATABASE_URL": dsn,
            "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9",
            "OIDC_ISSUER": "http://127.0.0.1:9/nobody",
            "PID_KEY": key,
            "LOOKUP_KEY": "l" * 32,
            "VAULT_KEY": VAULT_KEY,
            **({} if previous is None else {"PID_KEY_PREVIOUS": previous}),
        },
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
    )
    said, complained = await process.communicate(given)
    assert process.returncode is not None
    return process.returncode, said.decode() + complained.decode()


def dsn_of(world: World) -> str:
    """Return the database of the world."""
    return world.kit.settings.database_url.get_secret_value()


async def test_everybody_keeps_their_cases_through_a_change_of_key(world: World) -> None:
    """Before, while both are known, and with the new key alone: whoever came meanwhile, and whoever is in the vault."""
    case = await world.opened()
    mine = (await world.see("teacher", "/me"))["actor"]
    async with restarted(world, key=NEW, previous=KEY) as both:
        assert (await both.see("teacher", "/me"))["actor"] == mine
        assert (await both.see("guardian-a", f"/cases/{case}"))["case"] == case
        # An instance that has not been restarted yet works beside it.
        consent = await both.consented(case)
        assert (await world.see("guardian-b", f"/consents/{consent}"))["status"] == "active"
        newcomer = (await both.see("curious", "/me"))["actor"]
        assert newcomer == (await world.see("curious", "/me"))["actor"]
        later = await both.opened()
    assert await run("services.cases", "rotate-keys", dsn=dsn_of(world)) == (
        0,
        "0 data keys were wrapped anew\n1 people were named under the present PID_KEY\n",
    )
    async with restarted(world, key=NEW) as after:
        assert (await after.see("teacher", "/me"))["actor"] == mine
        assert (await after.see("curious", "/me"))["actor"] == newcomer
        for who in ("teacher", "guardian-a", "guardian-b"):
            for one in (case, later):
                assert (await after.see(who, f"/cases/{one}"))["case"] == one
        # Nobody has come with the old key who did not come while both were known: this one is new, under the new key.
        stranger = (await after.see("ppt", "/me"))["actor"]
        assert stranger == NEW_NAMES.of_subject(world.issuer.issuer, "ppt")
        assert stranger not in str(await world.published())
        assert (await world.pool.fetchval("SELECT count(*) FROM actor_names WHERE actor = $1", stranger)) == 0


async def test_the_child_is_found_that_never_signed_in(world: World) -> None:
    world = replace(world, child=People(seed=16).child(age=16))
    case = await world.opened()
    child = OLD_NAMES.of_pid(world.child.national_number)
    await run("services.cases", "rotate-keys", dsn=dsn_of(world))
    async with restarted(world, key=NEW) as after:
        assert (await after.see("child", "/me"))["actor"] == child
        assert (await after.see("child", f"/cases/{case}"))["case"] == case


async def test_a_second_change_starts_from_the_names_of_the_first(world: World) -> None:
    mine = (await world.see("teacher", "/me"))["actor"]
    third = "t" * 32
    for key, previous in ((NEW, KEY), (third, NEW), (third, None)):
        async with restarted(world, key=key, previous=previous) as now:
            assert (await now.see("teacher", "/me"))["actor"] == mine


async def test_who_is_left_out_of_a_report_is_left_out_whichever_key_the_other_service_has(world: World) -> None:
    case = await world.opened()
    other = OLD_NAMES.of_pid(world.guardian_b.national_number)
    async with restarted(world, key=NEW, previous=KEY) as both:
        right = await both.see("guardian-a", f"/cases/{case}/insight-right")
        for names in (OLD_NAMES, NEW_NAMES):
            assert names.veiled(other, UUID(right["asking"])) in right["left_out"]


@pytest.mark.slow
async def test_killed_in_the_midst_it_goes_on_from_there(migrated: Migrated) -> None:
    """What a batch wrote is kept, what the killed one had begun is not, and in the end everybody is named once."""
    dsn = await migrated("cases", SERVICE.migrations)
    pool = await db.create_pool(dsn, application_name="names-test")
    records = Records(Vault(LocalKeys.parse(VAULT_KEY), b"l" * 32))
    people = People(11)
    now = datetime(2026, 9, 7, tzinfo=UTC)
    cases = [CaseRef("cas_" + "b" * 24 + ALPHABET[n // 20] + ALPHABET[n % 20]) for n in range(130)]
    expected: dict[str, str] = {}
    async with pool.acquire() as conn, conn.transaction():
        for case in cases:
            child, guardian = people.child(age=6), people.guardian()
            actors = [OLD_NAMES.of_pid(one.national_number) for one in (child, guardian)]
            await conn.execute(
                "INSERT INTO aggregates (id, kind, version, scope, state, tail)"
                " VALUES ($1, 'case', 1, '4005', '{}', gen_random_uuid())",
                case,
            )
            await conn.execute(
                "INSERT INTO kin (actor, case_ref, kind, ordinal, since)"
                " VALUES ($1, $3, 'child', 1, $4), ($2, $3, 'guardian', 1, $4)",
                *actors,
                case,
                now,
            )
            whole = Child(name=child.name, national_number=child.national_number, born=child.born)
            theirs = Guardian(
                ordinal=1,
                name=guardian.name,
                national_number=guardian.national_number,
                actor=actors[1],
                language=Language.NB,
                email=None,
                phone=None,
            )
            await records.keep_family(conn, case, whole, [theirs])
            for one, actor in zip((child, guardian), actors, strict=True):
                expected[NEW_NAMES.of_pid(one.national_number)] = actor
    count = "SELECT count(*) FROM actor_names"
    status, _ = await run("tests.chaos.naming_process", "120", dsn=dsn)
    assert (status, await pool.fetchval(count)) == (-signal.SIGKILL, 200)
    status, _ = await run("tests.chaos.naming_process", "20", dsn=dsn)
    assert (status, await pool.fetchval(count)) == (-signal.SIGKILL, 200)
    status, said = await run("tests.chaos.naming_process", "0", dsn=dsn)
    assert (status, said.splitlines()[-1]) == (0, "60 people were named under the present PID_KEY")
    assert {row["alias"]: row["actor"] for row in await pool.fetch("SELECT alias, actor FROM actor_names")} == expected
    assert "people" not in (await run("services.cases", "rotate-keys", dsn=dsn))[1], "there is nothing left to do"
    await pool.close()


async def test_what_one_service_knows_is_taken_to_another(world: World, migrated: Migrated) -> None:
    """Repeated it changes nothing; what was made under another key is refused; a contradiction is told and left."""
    await world.opened()
    await run("services.cases", "rotate-keys", dsn=dsn_of(world))
    status, names = await run("services.cases", "actor-names", "export", dsn=dsn_of(world))
    assert (status, len(names.splitlines())) == (0, 3)
    assert not [one for one in (world.child, world.guardian_a) if one.national_number in names]
    meetings = await migrated("meetings", Path(services.meetings.__file__).with_name("migrations"))
    given = names.encode()
    assert await run("services.meetings", "actor-names", "import", dsn=meetings, given=given) == (
        0,
        "3 names were taken in\n",
    )
    assert await run("services.meetings", "actor-names", "import", dsn=meetings, given=given) == (
        0,
        "0 names were taken in\n",
    )
    pool = await db.create_pool(meetings, application_name="names-test")
    known = KnownActors(NEW_NAMES, None, pool)
    await known.load()
    number = world.guardian_a.national_number
    assert await known.of_pid(number) == OLD_NAMES.of_pid(number)
    assert await KnownActors(NEW_NAMES).of_pid(number) == NEW_NAMES.of_pid(number)
    await pool.execute("UPDATE actor_names SET actor = alias WHERE alias = $1", NEW_NAMES.of_pid(number))
    status, said = await run("services.meetings", "actor-names", "import", dsn=meetings, given=given)
    assert (status, said.splitlines()[0]) == (1, "0 names were taken in")
    assert "1 people are known here as somebody else" in said
    refused = await run("services.meetings", "actor-names", "import", dsn=meetings, key="x" * 32, given=given)
    assert refused[0] == 2
    assert (await run("services.meetings", "actor-names", "import", dsn=meetings, given=b"{}\n"))[0] == 2
    await pool.close()
