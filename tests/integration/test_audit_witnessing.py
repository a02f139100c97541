"""A log that asks its witnesses: cosignatures come together, a quorum is served, trouble is waited out, a refusal is an alarm."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import CosignatureKey, message, statement
from services.audit.domain.note import Note, SignatureLine, Signer
from services.audit.domain.witness import AddCheckpoint
from services.audit.domain.witnessing import LONGEST_PAUSE, pause_after
from services.audit.errors import NotWitnessedError
from services.audit.witnessing import MAX_ANSWER
from shared.merkle import EMPTY_ROOT
from shared.testing.plugin import Databases, Migrated
from tests.integration.audit_world import MIGRATIONS, NOTODDEN, Publisher, World, open_world
from tests.integration.witness_world import ORIGIN, OURS, Asking, Town, asking, cosigner, open_witness
from tests.tally_app import served

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]


@pytest.fixture
async def http() -> AsyncIterator[httpx.AsyncClient]:
    """The client's connections."""
    async with httpx.AsyncClient() as client:
        yield client


async def size_of(asked: Asking) -> int:
    """The size of the checkpoint that is served as witnessed; it must satisfy the policy that is served with it."""
    note = await asked.witnesses.checkpoint(NOTODDEN)
    verdict = (await asked.witnesses.policy(NOTODDEN)).evaluate(note.encode())
    assert verdict.met
    return verdict.checkpoint.size


async def test_every_checkpoint_gets_its_cosignature(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """Proofs come from tiles, at the sizes where tiles and bundles begin and end."""
    publisher = Publisher()
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        for count in (1, 1, 3, 250, 1, 1, 1, 400):
            await world.take(*publisher.reads(count))
            assert await asked.ask() == {"skien": None}
        assert await size_of(asked) == 658
        (view,) = await asked.witnesses.standing(NOTODDEN)
        assert (view.name, view.cosigned_size, view.trouble, view.url) == ("skien", 658, None, witness.url)
        assert asked.number("witness_behind_entries", "skien") == 0.0
        assert asked.number("log_unwitnessed_seconds") == 0.0
        answers = witness.metrics.registry
        assert answers.get_sample_value("lagspill_witness_requests_total", {"outcome": "cosigned"}) == 8.0
        assert answers.get_sample_value("lagspill_witness_requests_total", {"outcome": "other-size"}) is None
        # Nothing new: nobody is asked.
        await asked.ask()
        assert answers.get_sample_value("lagspill_witness_requests_total", {"outcome": "cosigned"}) == 8.0


async def test_what_was_forgotten_is_told_by_the_witness(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """409 with a size: the proof is made anew from there, in the same round."""
    publisher = Publisher()
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(*publisher.reads(300))
        await asked.ask()
        await world.pool.execute("UPDATE witness_states SET size = 0")
        await world.take(*publisher.reads(10))
        assert await asked.ask() == {"skien": None}
        assert await size_of(asked) == 310
        assert await asked.refusals() == []


async def test_a_quorum_is_what_the_policy_says(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """Two of three: with one it is not served; with two it is, and the third's line comes with it later."""
    async with (
        open_witness(await migrated("audit", MIGRATIONS), "skien") as skien,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        lines = [
            skien.line(),
            *(f"witness {name} {cosigner(name).key.vkey} http://127.0.0.1:9" for name in ("kragero", "tinn")),
        ]
        rule = "\n".join([*lines, "group two 2 skien kragero tinn", "quorum two"])
        await world.take(*Publisher().reads(5))
        lonely = asking(world, http, rule)
        assert await lonely.ask() == {"skien": None, "kragero": "unavailable", "tinn": "unavailable"}
        with pytest.raises(NotWitnessedError):
            await lonely.witnesses.checkpoint(NOTODDEN)
        assert (lonely.number("log_unwitnessed_seconds") or 0) >= 0
        assert await lonely.refusals() == []
        async with open_witness(await migrated("audit", MIGRATIONS), "tinn") as tinn:
            asked = asking(world, http, rule.replace(lines[2], tinn.line()))
            assert await asked.ask() == {"skien": None, "kragero": "unavailable", "tinn": None}
            assert await size_of(asked) == 5
            note = Note.parse((await asked.witnesses.checkpoint(NOTODDEN)).encode())
            assert {line.name for line in note.lines} == {ORIGIN, "skien.example/witness", "tinn.example/witness"}
            # Another rule for the same checkpoint: what is known counts, and only its own witnesses are shown.
            other = asking(world, http, f"{tinn.line()}\nquorum tinn\n")
            assert await other.ask() == {"tinn": None}
            assert await size_of(other) == 5
            note = Note.parse((await other.witnesses.checkpoint(NOTODDEN)).encode())
            assert {line.name for line in note.lines} == {ORIGIN, "tinn.example/witness"}


async def test_without_witnesses_the_newest_checkpoint_is_served(migrated: Migrated, http: httpx.AsyncClient) -> None:
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        asked = asking(world, http, "quorum none")
        await world.take(*Publisher().reads(5))
        assert await size_of(asked) == 5
        assert (await asked.witnesses.policy(NOTODDEN)).text() == f"log {OURS.verifier.vkey}\nquorum none\n"


async def test_logs_of_protected_cases_are_shown_to_nobody(migrated: Migrated, http: httpx.AsyncClient) -> None:
    publisher = Publisher()
    protected = publisher.ids.ref("prt")
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(*publisher.reads(3), publisher.read(scope=protected))
        await asked.ask()
        assert {row["log"] for row in await world.pool.fetch("SELECT log FROM witness_states")} == {NOTODDEN}
        unknown = witness.metrics.registry.get_sample_value(
            "lagspill_witness_requests_total", {"outcome": "log-not-watched"}
        )
        assert unknown is None


# --- refusals ---------------------------------------------------------------------------------------------------------


@pytest.mark.story(24)
async def test_the_restore_of_an_older_backup_is_found_by_the_witness(
    migrated: Migrated, databases: Databases, http: httpx.AsyncClient
) -> None:
    """A copy of the whole database, as a backup is; the log goes on from it, and no key, tile or checkpoint is wrong in itself."""
    dsn = await migrated("audit", MIGRATIONS)
    publisher = Publisher()
    async with open_witness(await migrated("audit", MIGRATIONS)) as witness:
        rule = f"{witness.line()}\nquorum skien\n"
        async with open_world(dsn) as world:
            await world.take(*publisher.reads(100))
            await asking(world, http, rule).ask()
        backup = await databases.create(dsn.partition("?")[0].rpartition("/")[2])
        async with open_world(dsn) as world:
            await world.take(*publisher.reads(200))
            assert await asking(world, http, rule).ask() == {"skien": None}
        async with open_world(backup) as restored:
            asked = asking(restored, http, rule)
            assert await size_of(asked) == 100
            # What the log lost is not known to it: only the witness does.
            await restored.take(*Publisher(seed=1).reads(50))
            assert await asked.ask() == {"skien": "rolled-back"}
            assert await asked.refusals() == ["rolled-back"]
            assert await size_of(asked) == 100
            # It grows past the size that was cosigned: now the past is another one.
            await restored.take(*Publisher(seed=2).reads(300))
            later = asking(restored, http, rule)
            assert await later.ask() == {"skien": "forked"}
            assert await later.refusals() == ["rolled-back", "forked"]
            assert await size_of(later) == 100
            assert later.number("witness_refusing", "skien") == 1.0
            assert (later.number("log_unwitnessed_seconds") or 0) >= 0


async def test_a_refusal_is_told_once_and_again_after_it_had_ended(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """What is told becomes an entry, and the log grows: were each new checkpoint told of, it would grow for ever."""
    publisher = Publisher()
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        rule = f"{witness.line()}\nquorum skien\n"
        other = Town()
        other.grow(500)
        # Somebody with the log's key has had another past cosigned.
        assert (await witness.add(other.request(0, 500))).status_code == 200
        for _ in range(3):
            await world.take(*publisher.reads(2))
            assert await asking(world, http, rule).ask() == {"skien": "rolled-back"}
        assert await asking(world, http, rule).refusals() == ["rolled-back"]
        async with open_witness(await migrated("audit", MIGRATIONS)) as honest:
            await world.pool.execute("UPDATE witness_states SET size = 0")
            asked = asking(world, http, f"{honest.line()}\nquorum skien\n")
            assert await asked.ask() == {"skien": None}
        await world.take(*publisher.reads(2))
        assert await asking(world, http, rule).ask() == {"skien": "rolled-back"}
        assert await asking(world, http, rule).refusals() == ["rolled-back", "rolled-back"]


async def test_a_refusal_ends_when_the_log_is_put_right_without_growing(
    migrated: Migrated, http: httpx.AsyncClient
) -> None:
    """As after the right backup was found: the witness is asked for the checkpoint that it has cosigned already."""
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        rule = f"{witness.line()}\nquorum skien\n"
        await world.take(*Publisher().reads(10))
        await asking(world, http, rule).ask()
        await world.pool.execute("UPDATE witness_states SET size = 99, trouble = 'rolled-back'")
        assert await asking(world, http, rule).ask() == {"skien": None}


@pytest.mark.parametrize("size", [11, 2**62, 2**63 - 1])
async def test_a_false_size_is_forgotten_once_the_witness_says_another(
    migrated: Migrated, http: httpx.AsyncClient, size: int
) -> None:
    """The alarm is of what the witness says now: one false answer raises it once, and the next true one ends it."""
    answers: list[Callable[[bytes], Response]] = [
        cosigned,
        lambda _: Response("0\n", 409),
        lambda _: Response(f"{size}\n", 409),
    ]
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(10))

        def answer(body: bytes) -> Response:
            return answers.pop()(body)

        async with pretending(answer) as rule:
            assert await asking(world, http, rule).ask() == {"skien": "rolled-back"}
            asked = asking(world, http, rule)
            assert await asked.ask() == {"skien": None}
            assert answers == []
            assert await size_of(asked) == 10
            assert await asked.refusals() == ["rolled-back"]


async def test_a_size_beyond_all_numbers_keeps_no_other_witness_from_being_asked(
    migrated: Migrated, http: httpx.AsyncClient
) -> None:
    async with (
        open_witness(await migrated("audit", MIGRATIONS), "tinn") as tinn,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        await world.take(*Publisher().reads(10))
        async with pretending(lambda _: Response(f"{2**63}\n", 409)) as rule:
            asked = asking(world, http, f"{rule.partition(chr(10))[0]}\n{tinn.line()}\nquorum tinn\n")
            assert await asked.ask() == {"skien": "wrong-answer", "tinn": None}
            assert await size_of(asked) == 10


@pytest.mark.parametrize("remembered", [0, 4, 10])
async def test_a_refusal_of_the_very_size_that_was_cosigned_tells_of_a_fork(
    migrated: Migrated, http: httpx.AsyncClient, remembered: int
) -> None:
    """409 with the size that was sent, which tlog-witness v1.0.0 asks for where the roots differ; now that is 422."""
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(10))
        async with pretending(lambda _: Response("10\n", 409)) as rule:
            (line,) = [part.split()[2] for part in rule.splitlines() if part.startswith("witness")]
            await world.pool.execute(
                "INSERT INTO witness_states (log, vkey, size, since) VALUES ($1, $2, $3, now())",
                NOTODDEN,
                line,
                remembered,
            )
            asked = asking(world, http, rule)
            assert await asked.ask() == {"skien": "forked"}
            assert await asked.refusals() == ["forked"]
            assert asked.number("witness_refusing", "skien") == 1.0
            with pytest.raises(NotWitnessedError):
                await asked.witnesses.checkpoint(NOTODDEN)


async def test_two_deployments_tell_each_other_of_a_fork_at_one_size(
    migrated: Migrated, http: httpx.AsyncClient
) -> None:
    async with (
        open_witness(await migrated("audit", MIGRATIONS)) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        other = Town()
        other.grow(10)
        assert (await witness.add(other.request(0, 10))).status_code == 200
        await world.take(*Publisher().reads(10))
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        assert await asked.ask() == {"skien": "forked"}
        assert await asked.refusals() == ["forked"]
        assert await witness.pool.fetchval("SELECT count(*) FROM witnessed_forks") == 1


async def test_a_log_that_has_grown_meanwhile_is_not_rolled_back(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """Another instance had a newer checkpoint cosigned after this one had looked."""
    publisher = Publisher()
    async with open_world(await migrated("audit", MIGRATIONS)) as world:

        async def answer(_: bytes) -> Response:
            await world.take(*publisher.reads(3))
            return Response("8\n", 409)

        await world.take(*publisher.reads(5))
        async with pretending(answer) as rule:
            asked = asking(world, http, rule)
            assert await asked.ask() == {"skien": None}
            assert await asked.refusals() == []


async def test_a_log_signed_by_another_key_is_refused(migrated: Migrated, http: httpx.AsyncClient) -> None:
    stranger = Signer(ORIGIN, b"\6" * 32)
    async with (
        open_witness(await migrated("audit", MIGRATIONS), watched=[stranger.verifier]) as witness,
        open_world(await migrated("audit", MIGRATIONS)) as world,
    ):
        asked = asking(world, http, f"{witness.line()}\nquorum skien\n")
        await world.take(*Publisher().reads(5))
        assert await asked.ask() == {"skien": "key-untrusted"}
        assert await asked.refusals() == ["key-untrusted"]
        with pytest.raises(NotWitnessedError):
            await asked.witnesses.checkpoint(NOTODDEN)


# --- witnesses that are out of order ----------------------------------------------------------------------------------


@asynccontextmanager
async def pretending(answer: Callable[[bytes], Response | Awaitable[Response]]) -> AsyncIterator[str]:
    """Something that says it is Skien's witness."""

    async def add_checkpoint(request: Request) -> Response:
        given = answer(await request.body())
        return given if isinstance(given, Response) else await given

    app = Starlette(routes=[Route("/add-checkpoint", add_checkpoint, methods=["POST"])])
    async with served(app) as (host, port):
        yield f"witness skien {cosigner('skien').key.vkey} http://{host}:{port}/\nquorum skien\n"


async def told(world: World, http: httpx.AsyncClient, answer: Callable[[bytes], Response]) -> str | None:
    """What becomes of such an answer."""
    async with pretending(answer) as rule:
        asked = asking(world, http, rule)
        trouble = (await asked.ask())["skien"]
        if trouble is not None:
            with pytest.raises(NotWitnessedError):
                await asked.witnesses.checkpoint(NOTODDEN)
        return trouble


def timeless(body: bytes) -> Response:
    """The witness's own signature, but without a time."""
    private = Ed25519PrivateKey.from_private_bytes(b"skienskienskienskienskienskiensk")
    key, text = cosigner("skien").key, AddCheckpoint.parse(body).note.text
    assert private.public_key().public_bytes_raw() == key.public_key
    return Response(SignatureLine(key.name, key.key_id, bytes(8) + private.sign(message(text, 0))).text())


def cosigned(body: bytes, name: str = "skien", text: str | None = None) -> Response:
    """A cosignature over what was asked for, or over something else."""
    asked = AddCheckpoint.parse(body).note.text
    return Response(cosigner(name).cosign(text or asked, 1_800_000_000).text())


async def test_answers_that_no_witness_gives_are_no_cosignatures(migrated: Migrated, http: httpx.AsyncClient) -> None:
    other = Checkpoint(ORIGIN, 9, EMPTY_ROOT).text()
    wrong: list[tuple[Callable[[bytes], Response], str]] = [
        (lambda _: Response(""), "wrong-answer"),
        (lambda _: Response("hello"), "wrong-answer"),
        (lambda _: Response(b"\xff\xfe"), "wrong-answer"),
        (lambda _: Response("x" * (MAX_ANSWER + 1)), "wrong-answer"),
        (lambda body: cosigned(body, "kragero"), "wrong-answer"),
        (timeless, "wrong-answer"),
        (lambda body: cosigned(body, text=other), "wrong-answer"),
        (lambda body: Response(b"more\n\n" + cosigned(body).body), "wrong-answer"),
        (lambda _: Response("", 302, {"Location": "/elsewhere"}), "wrong-answer"),
        (lambda _: Response("twelve\n", 409), "wrong-answer"),
        (lambda _: Response("-1\n", 409), "wrong-answer"),
        (lambda _: Response("9" * 5000, 409), "wrong-answer"),
        (lambda _: Response("0\n", 409), "wrong-answer"),
        (lambda _: Response("", 400), "wrong-answer"),
        (lambda _: Response("", 404), "log-unknown"),
        (lambda _: Response("", 429, {"Retry-After": "1"}), "unavailable"),
        (lambda _: Response("", 500), "unavailable"),
        (lambda _: Response("", 503), "unavailable"),
    ]
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(5))
        for answer, trouble in wrong:
            assert await told(world, http, answer) == trouble
        async with pretending(lambda _: Response()) as rule:
            assert await asking(world, http, rule).refusals() == []
        # The same, with lines of strangers around it: only the known key's counts.
        assert (
            await told(
                world, http, lambda body: Response(bytes(cosigned(body, "tinn").body) + bytes(cosigned(body).body))
            )
            is None
        )


async def test_a_witness_may_sign_with_ml_dsa_44(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """Beside its Ed25519 key, as one does that changes over: the key that the policy names counts, the other is passed by."""
    private = MLDSA44PrivateKey.from_seed_bytes(bytes(32))
    key = CosignatureKey("skien.example/witness", private.public_key().public_bytes_raw())

    def answer(body: bytes) -> Response:
        signature = private.sign(statement(key.name, AddCheckpoint.parse(body).note.text, 1_800_000_000))
        line = SignatureLine(key.name, key.key_id, (1_800_000_000).to_bytes(8, "big") + signature)
        return Response(bytes(cosigned(body).body) + line.text().encode())

    async with open_world(await migrated("audit", MIGRATIONS)) as world, pretending(answer) as rule:
        asked = asking(world, http, rule.replace(cosigner("skien").key.vkey, key.vkey))
        await world.take(*Publisher().reads(3))
        assert await asked.ask() == {"skien": None}
        assert await size_of(asked) == 3


async def test_a_witness_that_names_ever_other_sizes_is_given_up(migrated: Migrated, http: httpx.AsyncClient) -> None:
    sizes = iter(range(1, 100))
    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(50))
        assert await told(world, http, lambda _: Response(f"{next(sizes)}\n", 409)) == "wrong-answer"
        assert next(sizes) == 4


async def test_a_witness_in_trouble_is_left_alone_for_a_while(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """Longer each time, and as long as it has asked for."""
    asked_for = 0

    def answer(_: bytes) -> Response:
        nonlocal asked_for
        asked_for += 1
        return Response("", 503)

    async with open_world(await migrated("audit", MIGRATIONS)) as world:
        await world.take(*Publisher().reads(5))
        async with pretending(answer) as rule:
            asked = asking(world, http, rule)
            await asked.ask()
            await asked.ask()
    assert asked_for == 1
    pauses = [pause_after(failures) for failures in range(1, 12)]
    assert pauses[:3] == [1.0, 2.0, 4.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE
    assert pause_after(1, 120.0) == 120.0
    assert pause_after(1, 1e9) == 10 * LONGEST_PAUSE


async def test_of_two_instances_one_asks(migrated: Migrated, http: httpx.AsyncClient) -> None:
    """And the other takes over when it ends."""
    publisher = Publisher()
    asked_by: list[bytes] = []
    arrived = asyncio.Event()

    def answer(body: bytes) -> Response:
        asked_by.append(body)
        arrived.set()
        return cosigned(body)

    async with open_world(await migrated("audit", MIGRATIONS)) as world, pretending(answer) as rule:
        await world.take(*publisher.reads(5))
        first, second = asking(world, http, rule), asking(world, http, rule)
        await first.runner.start()
        await asyncio.wait_for(arrived.wait(), 10)
        await second.runner.start()
        arrived.clear()
        await world.take(*publisher.reads(5))
        await asyncio.wait_for(arrived.wait(), 10)
        await first.runner.stop()
        assert len(asked_by) == 2
        arrived.clear()
        await world.take(*publisher.reads(5))
        await asyncio.wait_for(arrived.wait(), 10)
        await second.runner.stop()
        assert await size_of(second) == 15
