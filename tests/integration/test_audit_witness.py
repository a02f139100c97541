"""The witness over HTTP, answer by answer as C2SP tlog-witness has them; and that it never cosigns two pasts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import sha256

import asyncpg
import httpx
import pytest

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import Note, Signer
from services.audit.domain.policy import Policy
from services.audit.domain.witness import AddCheckpoint
from services.audit.witness_api import AT_ONCE
from shared.merkle import root_of
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON
from tests.integration.witness_world import ORIGIN, OURS, Served, Town, cosigner, open_witness

pytestmark = pytest.mark.connected

WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
POLICY = Policy.parse(f"log {OURS.verifier.vkey}\nwitness skien {cosigner('skien').key.vkey}\nquorum skien\n")


@pytest.fixture
async def witness(migrated: Migrated) -> AsyncIterator[Served]:
    """A witness that has cosigned nothing."""
    async with open_witness(await migrated("audit", MIGRATIONS)) as witness:
        yield witness


@pytest.fixture
def town() -> Town:
    """A log of 300 entries."""
    town = Town()
    town.grow(300)
    return town


async def last(witness: Served) -> tuple[int, bytes] | None:
    """What the witness remembers."""
    row = await witness.pool.fetchrow("SELECT size, root FROM witnessed_logs WHERE origin = $1", ORIGIN)
    return None if row is None else (row["size"], row["root"])


def refused(answer: httpx.Response, status: int, code: str) -> None:
    """It was refused, with a problem document."""
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


async def test_it_cosigns_what_begins_with_the_last_one(witness: Served, town: Town) -> None:
    old = 0
    for size in (1, 2, 3, 7, 8, 9, 255, 256, 257, 300):
        answer = await witness.add(town.request(old, size))
        assert answer.status_code == 200, answer.text
        verdict = POLICY.evaluate((town.note(size) + answer.text).encode())
        assert verdict.met
        assert verdict.cosigned == {"skien": int(NOON.timestamp())}
        assert await last(witness) == (size, root_of(town.leaves[:size]))
        old = size
    again = await witness.add(town.request(300, 300))
    assert again.status_code == 200


async def test_another_old_size_is_answered_with_the_right_one(witness: Served, town: Town) -> None:
    first = await witness.add(town.request(5, 10))
    assert (first.status_code, first.text, first.headers["content-type"]) == (409, "0\n", "text/x.tlog.size")
    assert (await witness.add(town.request(0, 200))).status_code == 200
    for old, size in ((0, 200), (0, 300), (100, 100), (100, 300), (199, 300)):
        answer = await witness.add(town.request(old, size))
        assert (answer.status_code, answer.content) == (409, b"200\n")
        assert answer.headers["content-type"] == "text/x.tlog.size"
    assert await last(witness) == (200, root_of(town.leaves[:200]))


async def test_a_rollback_and_a_fork_are_refused_and_the_fork_is_kept_as_evidence(witness: Served, town: Town) -> None:
    assert (await witness.add(town.request(0, 200))).status_code == 200
    refused(
        await witness.add(AddCheckpoint(200, (), Note.parse(town.note(150).encode())).body()),
        400,
        "checkpoint-malformed",
    )
    other = Town()
    other.grow(100)
    other.grow(300, "another past")
    refused(await witness.add(other.request(200, 200)), 422, "checkpoint-inconsistent")
    refused(await witness.add(other.request(200, 200)), 422, "checkpoint-inconsistent")
    refused(await witness.add(other.request(200, 300)), 422, "checkpoint-inconsistent")
    (kept,) = await witness.pool.fetch("SELECT * FROM witnessed_forks")
    assert (kept["origin"], kept["size"]) == (ORIGIN, 200)
    # Whoever has both notes has the proof: two roots for one size, both signed by the log.
    pasts = {POLICY.evaluate(kept[note].encode()).checkpoint for note in ("cosigned", "refused")}
    assert {past.size for past in pasts} == {200}
    assert len({past.root for past in pasts}) == 2
    assert witness.metrics.registry.get_sample_value("lagspill_witness_forks_total") == 1.0
    assert await last(witness) == (200, root_of(town.leaves[:200]))
    assert (await witness.add(town.request(200, 300))).status_code == 200


async def test_who_signs_and_what_is_watched(witness: Served, town: Town) -> None:
    thief = Town(Signer(ORIGIN, b"\5" * 32), town.leaves)
    refused(await witness.add(thief.request(0, 10)), 403, "checkpoint-untrusted")
    unknown = Town(Signer("other.example/log", b"\5" * 32), town.leaves)
    refused(await witness.add(unknown.request(0, 10)), 404, "log-not-watched")
    spoilt = town.request(0, 10).replace(b"\n10\n", b"\n11\n")
    refused(await witness.add(spoilt), 403, "checkpoint-untrusted")
    assert await last(witness) is None


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"old 0\n", 400),
        (b"{}", 400),
        (b"\xff\xfe\x00", 400),
        (b"old 0\n\n" + b"x" * 2000, 400),
        (b"old 0\n\n" + b"x" * (128 * 1024), 413),
    ],
)
async def test_what_is_no_request_is_refused(witness: Served, body: bytes, status: int) -> None:
    answer = await witness.add(body)
    assert answer.status_code == status
    assert "x" * 100 not in answer.text
    assert await last(witness) is None


async def test_a_wrong_proof_and_a_false_empty_tree_are_refused(witness: Served, town: Town) -> None:
    assert (await witness.add(town.request(0, 100))).status_code == 200
    wrong = town.request(100, 300).split(b"\n")
    wrong[1], wrong[2] = wrong[2], wrong[1]
    refused(await witness.add(b"\n".join(wrong)), 422, "checkpoint-inconsistent")
    without = AddCheckpoint(100, (), Note.parse(town.note(300).encode())).body()
    refused(await witness.add(without), 422, "checkpoint-inconsistent")


async def test_the_empty_tree(witness: Served, town: Town) -> None:
    false = OURS.sign(Checkpoint(ORIGIN, 0, b"\0" * 32).text())
    refused(await witness.add(AddCheckpoint(0, (), Note.parse(false.encode())).body()), 422, "checkpoint-inconsistent")
    assert (await witness.add(town.request(0, 0))).status_code == 200
    assert (await witness.add(town.request(0, 10))).status_code == 200


async def test_the_last_one_cosigned_is_there_for_everybody(witness: Served, town: Town) -> None:
    """The monitor retrieval mechanism: with the log's signature and the witness's, the unknown ones left out."""
    place = f"/witness/{sha256(ORIGIN.encode()).hexdigest()}/checkpoint"
    refused(await witness.http.get(place), 404, "log-not-watched")
    stranger = cosigner("stranger").cosign(Note.parse(town.note(7).encode()).text, 5).text()
    assert (await witness.add(town.request(0, 7) + stranger.encode())).status_code == 200
    shown = await witness.http.get(place)
    assert POLICY.evaluate(shown.content).met
    assert [line.name for line in Note.parse(shown.content).lines] == [ORIGIN, cosigner("skien").key.name]
    refused(await witness.http.get(f"/witness/{'0' * 64}/checkpoint"), 404, "log-not-watched")


async def test_other_methods_and_paths(witness: Served) -> None:
    answer = await witness.http.get("/witness/add-checkpoint")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert (await witness.http.post("/witness/sign-subtree", content=b"x")).status_code == 404
    assert (await witness.http.post("/witness/add-checkpoint/", content=b"x")).status_code == 404


async def test_of_two_pasts_asked_for_at_once_one_is_cosigned(migrated: Migrated) -> None:
    """Two instances of the witness on one database, many requests at once: for every size at most one root."""
    dsn = await migrated("audit", MIGRATIONS)
    async with open_witness(dsn) as one, open_witness(dsn) as two:
        true, other = Town(), Town()
        for town, word in ((true, "true"), (other, "another")):
            town.grow(20)
            town.grow(80, word)
        assert (await one.add(true.request(0, 20))).status_code == 200
        bodies = [town.request(20, size) for size in range(21, 41) for town in (true, other)]
        answers = await asyncio.gather(*((one, two)[number % 2].add(body) for number, body in enumerate(bodies[:24])))
        assert sum(answer.status_code == 200 for answer in answers) == 1
        assert all(answer.status_code in (200, 409, 422, 429) for answer in answers)
        size, root = await last(one) or (0, b"")
        assert root in (root_of(true.leaves[:size]), root_of(other.leaves[:size]))


async def test_of_two_requests_that_wait_for_the_same_log_one_is_cosigned(migrated: Migrated) -> None:
    """Both arrive before either is decided: the second is decided on what the first has left."""
    true, other = Town(), Town()
    for town, word in ((true, "true"), (other, "another")):
        town.grow(20)
        town.grow(40, word)
    dsn = await migrated("audit", MIGRATIONS)
    async with open_witness(dsn) as one, open_witness(dsn) as two, one.pool.acquire() as holder:
        assert (await one.add(true.request(0, 20))).status_code == 200
        async with holder.transaction():
            await holder.execute("SELECT FROM witnessed_logs FOR UPDATE")
            watching = await asyncpg.connect(dsn)  # as the server's owner: others are not shown who waits
            asked = [
                asyncio.create_task(one.add(true.request(20, 30))),
                asyncio.create_task(two.add(other.request(20, 31))),
            ]
            async with asyncio.timeout(30):
                while await watching.fetchval(WAITING) < 2:
                    pass
        await watching.close()
        answers = await asyncio.gather(*asked)
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_more_at_once_than_it_decides_on_are_asked_to_come_again(migrated: Migrated, town: Town) -> None:
    """Nobody keeps the database's connections busy through the witness."""
    async with open_witness(await migrated("audit", MIGRATIONS)) as witness, witness.pool.acquire() as holder:
        assert (await witness.add(town.request(0, 10))).status_code == 200
        async with holder.transaction():
            await holder.execute("SELECT FROM witnessed_logs FOR UPDATE")
            waiting = {asyncio.create_task(witness.add(town.request(10, 20))) for _ in range(AT_ONCE + 8)}
            turned_away: set[asyncio.Task[httpx.Response]] = set()
            while len(turned_away) < 8:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                turned_away |= done
        answers = await asyncio.gather(*waiting)
    assert {(task.result().status_code, task.result().headers["retry-after"]) for task in turned_away} == {(429, "1")}
    assert sorted(answer.status_code for answer in answers) == [200, *[409] * (AT_ONCE - 1)]


async def test_not_even_the_database_lets_it_forget(witness: Served, town: Town) -> None:
    """The writing role may not delete; and nobody takes it back by mistake."""
    assert (await witness.add(town.request(0, 100))).status_code == 200
    for statement in (
        "UPDATE witnessed_logs SET size = 99",
        "UPDATE witnessed_logs SET root = decode(repeat('00', 32), 'hex')",
        "UPDATE witnessed_logs SET origin = 'other'",
        "DELETE FROM witnessed_logs",
        "TRUNCATE witnessed_logs",
        "DELETE FROM witnessed_forks",
        "UPDATE cosignatures SET line = ''",
        "DELETE FROM witnessed_checkpoints",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await witness.pool.execute(statement)
    assert await last(witness) == (100, root_of(town.leaves[:100]))
