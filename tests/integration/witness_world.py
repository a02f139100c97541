"""A witness over real HTTP on a database of its own, and a log that asks witnesses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import httpx

from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.cosignature import Cosigner
from services.audit.domain.entry import LogName
from services.audit.domain.note import Note, Signer, Verifier
from services.audit.domain.policy import Policy
from services.audit.domain.witness import PREFIX, AddCheckpoint
from services.audit.queries import Reader
from services.audit.witness_api import Witness, create_witness_app
from services.audit.witnesses import Witnesses
from services.audit.witnessing import Witnessing
from shared.clock import SimulatedClock
from shared.db import Pool, create_pool
from shared.journal import Journal
from shared.merkle import consistency_path, leaf_hash, root_of
from shared.observability import Metrics
from shared.refs import RandomIds
from shared.testing.ids import SeededIds
from shared.testing.trust import TRUST
from tests.integration.audit_world import NOON, NOTODDEN, SIGNER, World, as_role
from tests.tally_app import served

ORIGIN = "lagspill.no/logs/4005"
OURS = SIGNER.named(ORIGIN)
"""The key of Notodden's log in `audit_world`."""
NAMES = ("skien", "kragero", "tinn")


def cosigner(name: str) -> Cosigner:
    """The key of a witness of that name."""
    return Cosigner(f"{name}.example/witness", (name * 32).encode()[:32])


@dataclass(repr=False)
class Town:
    """A log without a database: leaves that are their own numbers, to be shown to a witness."""

    signer: Signer = field(default_factory=lambda: OURS)
    leaves: list[bytes] = field(default_factory=list)

    def grow(self, size: int, word: str = "entry") -> None:
        """Add leaves until there are so many."""
        self.leaves += [leaf_hash(f"{word} {number}".encode()) for number in range(len(self.leaves), size)]

    def note(self, size: int) -> str:
        """The signed checkpoint of the first `size` leaves."""
        return self.signer.sign(Checkpoint(self.signer.verifier.name, size, root_of(self.leaves[:size])).text())

    def request(self, old: int, size: int) -> bytes:
        """What is sent to have the tree of `size` cosigned after that of `old`."""
        proof = tuple(root_of(self.leaves[start:end]) for start, end in consistency_path(old, size)) if old else ()
        return AddCheckpoint(old, proof, Note.parse(self.note(size).encode())).body()


@dataclass(repr=False)
class Served:
    """A witness that answers over HTTP."""

    name: str
    pool: Pool
    metrics: Metrics
    http: httpx.AsyncClient
    url: str

    async def add(self, body: bytes) -> httpx.Response:
        """Ask it for a cosignature."""
        return await self.http.post(f"{PREFIX}/add-checkpoint", content=body)

    def line(self) -> str:
        """Its line in a policy."""
        return f"witness {self.name} {cosigner(self.name).key.vkey} {self.url}"


@asynccontextmanager
async def open_witness(
    dsn: str, name: str = "skien", watched: Sequence[Verifier] = (OURS.verifier,)
) -> AsyncIterator[Served]:
    """Serve a witness on a migrated database, as the role that may only add."""
    async with AsyncExitStack() as stack:
        pool = await create_pool(as_role(dsn, "lagspill_audit_writer"), application_name="witness-test")
        stack.push_async_callback(pool.close)
        metrics = Metrics()
        witness = Witness(pool, cosigner(name), watched, clock=SimulatedClock(NOON), metrics=metrics)
        host, port = await stack.enter_async_context(
            served(create_witness_app(witness, ids=RandomIds(), metrics=metrics))
        )
        address = f"http://{host}:{port}"
        http = await stack.enter_async_context(httpx.AsyncClient(verify=TRUST, base_url=address, timeout=30))
        yield Served(name, pool, metrics, http, f"{address}{PREFIX}")


@dataclass(repr=False)
class Asking:
    """A log that asks its witnesses."""

    world: World
    policy: Policy
    metrics: Metrics
    runner: Witnessing
    witnesses: Witnesses

    async def ask(self) -> dict[str, str | None]:
        """Let it ask all of them once, and return what is wrong with each."""
        await self.runner.ask_all()
        return {view.name: view.trouble for view in await self.witnesses.standing(NOTODDEN)}

    async def refusals(self) -> list[str]:
        """The kinds of refusals that were published so far."""
        rows = await self.world.pool.fetch(
            "SELECT convert_from(body, 'UTF8')::jsonb -> 'data' ->> 'kind' AS kind FROM outbox"
            " WHERE convert_from(body, 'UTF8')::jsonb ->> 'type' = 'no.lagspill.audit.witness.refused.v1' ORDER BY id"
        )
        return [row["kind"] for row in rows]

    def number(self, name: str, witness: str | None = None, log: LogName = NOTODDEN) -> float | None:
        """A number that an operator sees."""
        labels = {"scope": log} | ({} if witness is None else {"witness": cosigner(witness).key.name})
        return self.metrics.registry.get_sample_value(f"lagspill_{name}", labels)


def asking(world: World, http: httpx.AsyncClient, rule: str) -> Asking:
    """Return what asks the witnesses that `rule` names, for the logs of `world`."""
    policy, metrics, clock = Policy.parse(rule), Metrics(), SimulatedClock(NOON)
    reader = Reader(world.pool)
    runner = Witnessing(
        world.dsn,
        world.pool,
        reader,
        policy,
        journal=Journal(world.pool, source="/services/audit", clock=clock, ids=SeededIds(7)),
        http=http,
        clock=clock,
        ids=SeededIds(8),
        metrics=metrics,
        every=0.05,
    )
    return Asking(world, policy, metrics, runner, Witnesses(world.pool, reader, clock, policy))
