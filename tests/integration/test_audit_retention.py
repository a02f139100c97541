"""Retention against a real PostgreSQL: what goes, what stays, who may, and that the log still proves everything."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random

import asyncpg
import pytest

from services.audit import retention, store
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.entry import UNPARSABLE, LogName
from services.audit.domain.note import open_note
from services.audit.domain.retention import Policy, Span, read_policy
from services.audit.domain.tiles import WIDTH, Slice
from services.audit.errors import EntriesPrunedError, HoldRefusedError, NoPolicyError, PolicyRefusedError
from services.audit.export import pieces
from services.audit.queries import Reader
from services.audit.retention import PRUNER, Pruner
from shared.clock import SimulatedClock
from shared.contracts.audit import EntriesPruned, PrunedNumbers
from shared.contracts.cases import CaseClosed, CaseReopened, Party
from shared.contracts.codes import Role
from shared.db import Connection, Pool, create_pool
from shared.envelope import parse
from shared.journal import Journal
from shared.merkle import leaf_hash, root_of, split
from shared.refs import ActorId, CaseRef, UnitId
from shared.testing.ids import SeededIds
from shared.testing.plugin import Migrated
from tests.integration.audit_world import MIGRATIONS, NOON, NOTODDEN, SIGNER, Publisher, World, as_role, open_world

pytestmark = [pytest.mark.connected, pytest.mark.story(23)]

BUNDLE = WIDTH
YEAR = timedelta(days=366)
SHORT = """
version: "1"
rules:
  - {name: held-in-archive, legal_basis: "arkivlova, for this test", kinds: [break-glass], keep: for-ever}
  - {name: about-a-child, legal_basis: "pasientjournalloven § 25", about_case: true, keep: {years: 5, after: case-ended}}
  - {name: the-rest, legal_basis: "personvernforordningen art. 5", keep: {years: 2}}
"""


@dataclass(repr=False)
class Kept:
    """A log with a policy, its clock, and who prunes it."""

    world: World
    clock: SimulatedClock
    cases: Publisher
    owner: asyncpg.Connection[asyncpg.Record]
    world_writer: Connection
    pool: Pool
    everything: Pool
    pruner: Pruner

    async def prune(self, *, dry_run: bool = False) -> list[Span]:
        """Prune Notodden's log at the clock's time, after something was logged at it."""
        [done] = await self.pruner.prune(self.clock.now(), only=NOTODDEN, dry_run=dry_run)
        return done.spans

    async def later(self, years: float) -> None:
        """Let time pass; the log hears of it by an entry."""
        self.clock.set(self.clock.now() + years * YEAR)
        await self.world.take(self.cases.seal())

    async def remove(self, span: Span, *, policy: str | None = None, log: str = NOTODDEN) -> None:
        """Ask the function for it, as the pruner may."""
        await self.pool.fetch(
            "SELECT * FROM prune_entries($1, $2, $3, $4, $5)",
            log, span.first, span.last, policy or read_policy(SHORT).digest, span.rule,
        )  # fmt: skip

    def reopened(self, case: CaseRef) -> bytes:
        """A case comes to life."""
        holder = Party(actor=ActorId("act_nurse-in-tinnes"), role=Role.HEALTH_NURSE, unit=UnitId("unit:helsestasjon"))
        return self.cases.publish(CaseReopened(subject_ref=case, case=case, holder=holder))

    async def positions(self) -> list[int]:
        """Whose content is there."""
        rows = await self.owner.fetch("SELECT position FROM entries WHERE log = $1 ORDER BY position", NOTODDEN)
        return [row[0] for row in rows]

    async def events(self) -> list[EntriesPruned]:
        """What was published of prunings."""
        bodies = [parse(row[0]) for row in await self.owner.fetch("SELECT body FROM outbox ORDER BY id")]
        return [
            EntriesPruned.model_validate_json(body.data) for body in bodies if body.envelope.type == EntriesPruned.TYPE
        ]

    async def verify(self, leaves: Sequence[bytes]) -> None:
        """Every checkpoint is signed over a prefix of the leaves that the log once held, and the tiles give its root."""
        hashes = [leaf_hash(leaf) for leaf in leaves]
        rows = await self.owner.fetch("SELECT note FROM checkpoints WHERE log = $1 ORDER BY size", NOTODDEN)
        verifier = SIGNER.named(self.world.keeper.origin(NOTODDEN)).verifier
        signed = [Checkpoint.parse(open_note(row[0].encode(), [verifier])) for row in rows]
        assert signed[-1].size == len(hashes)
        for checkpoint in signed:
            assert checkpoint.root == root_of(hashes[: checkpoint.size])
        reader = Reader(self.everything)
        for number in range(len(hashes) // WIDTH):
            tile = await reader.tile(NOTODDEN, 0, Slice(number, WIDTH))
            assert tile is not None
            assert split(tile) == tuple(hashes[number * WIDTH : (number + 1) * WIDTH])


@asynccontextmanager
async def kept(migrated: Migrated, policy: str | None = SHORT, *, simulated: bool = True) -> AsyncIterator[Kept]:
    """Open one; with a policy that believes the simulated clock."""
    dsn = await migrated("audit", MIGRATIONS)
    clock = SimulatedClock(NOON)
    async with open_world(dsn, clock=clock) as world:
        owner = await asyncpg.connect(dsn)
        everything = await create_pool(dsn, min_size=1, max_size=1, application_name="owner")
        pool = await create_pool(as_role(dsn, PRUNER), min_size=1, max_size=2, application_name="pruner")
        try:
            if policy is not None:
                await retention.install(owner, read_policy(policy), clock.now(), simulated=simulated)
            ids = SeededIds(5)
            pruner = Pruner(pool, Journal(pool, source="/services/audit", clock=clock, ids=ids), ids=ids)
            async with world.pool.acquire() as writer:
                yield Kept(world, clock, Publisher(), owner, writer, pool, everything, pruner)
        finally:
            await pool.close()
            await everything.close()
            await owner.close()


async def test_content_goes_and_proof_stays(migrated: Migrated) -> None:
    """Two years on, whole bundles of technical entries are gone; every checkpoint still verifies, and the event says so."""
    async with kept(migrated) as log:
        records = [log.cases.seal() if number else log.cases.read() for number in range(600)]
        case = parse(records[0]).envelope.subject
        await log.world.take(*records)
        await log.later(1.9)
        assert await log.prune() == []
        await log.later(0.2)
        # The first bundle holds a look at a child's case: that it was never closed is not known of a case never opened here.
        assert await log.prune(dry_run=True) == [Span(256, 511, "the-rest")]
        assert await log.positions() == list(range(602))
        leaves = [row[0] for row in await log.owner.fetch("SELECT leaf FROM entries ORDER BY position")]
        assert await log.prune() == [Span(256, 511, "the-rest")]
        assert await log.positions() == [*range(256), *range(512, 602)]
        digest = read_policy(SHORT).digest
        assert await log.events() == [
            EntriesPruned(
                log="lagspill.no/logs/4005",
                first=256,
                last=511,
                policy=digest,
                rule="the-rest",
                numbers=(PrunedNumbers(source="/services/cases", first=257, last=512),),
            )
        ]
        await log.verify(leaves)
        assert await log.prune() == []
        await log.later(3.1)
        assert await log.prune() == [Span(0, 255, "about-a-child")]
        leaves += [row[0] for row in await log.owner.fetch("SELECT leaf FROM entries WHERE position >= 602")]
        await log.verify(leaves)
        # Nothing is left that says whose case it was.
        for table in ("entries", "pruned_entries", "prunings"):
            assert not await log.owner.fetchval(
                f"SELECT EXISTS (SELECT FROM {table} t WHERE t::text LIKE '%' || $1 || '%')", case
            )


async def test_pruned_entries_answer_gone(migrated: Migrated) -> None:
    """Their bundle and each of them; their tile is served, and a proof of inclusion can still be made."""
    async with kept(migrated) as log:
        records = [log.cases.seal() if number else log.cases.read() for number in range(300)]
        await log.world.take(*records[1:], records[0])
        await log.later(2.1)
        await log.prune()
        reader = Reader(log.everything)
        with pytest.raises(EntriesPrunedError) as refused:
            await reader.bundle(NOTODDEN, Slice(0, WIDTH))
        assert refused.value.status == 410
        assert refused.value.code == "entries-pruned"
        assert refused.value.extensions["rule"] == "the-rest"
        with pytest.raises(EntriesPrunedError):
            await reader.entry(NOTODDEN, 17)
        assert (await reader.entry(NOTODDEN, 256)).position == 256
        files = [path async for path, _ in pieces(reader, NOTODDEN, 301)]
        assert "tile/0/000" in files
        assert "tile/entries/000" not in files
        assert "tile/entries/001.p/45" in files
        proof = await reader.proof(NOTODDEN, 17, records[18])
        assert proof.index == 17


async def test_a_case_is_kept_until_it_has_ended(migrated: Migrated) -> None:
    """Five years after its last entry, once it is closed; that it was closed is known until what came before has gone."""
    async with kept(migrated) as log:
        case = CaseRef(log.cases.ids.ref("cas"))
        await log.world.take(log.reopened(case), *[log.cases.read(case) for _ in range(BUNDLE - 1)])
        await log.later(6)  # position 256
        assert await log.prune() == []  # it is open
        closed = log.cases.publish(CaseClosed(subject_ref=case, case=case, outcome="adult"))
        await log.world.take(closed, *[log.cases.read(case) for _ in range(BUNDLE - 1)])  # the last one at 512
        await log.later(4.9)
        assert await log.prune() == []
        await log.later(0.2)
        first, second = Span(0, 255, "about-a-child"), Span(256, 511, "about-a-child")
        assert await log.prune(dry_run=True) == [first]
        assert await log.prune() == [first, second]
        await log.world.take(log.reopened(case), *[log.cases.read(case) for _ in range(BUNDLE)])
        await log.later(9)
        assert await log.prune() == []  # it was opened again


async def test_nothing_goes_under_a_hold(migrated: Migrated) -> None:
    """Neither of the whole log nor of one case in it; a hold is released once, and its name is not used again."""
    async with kept(migrated) as log, log.pool.acquire() as pruner:
        mine, other = (CaseRef(log.cases.ids.ref("cas")) for _ in range(2))
        await log.world.take(
            *[log.cases.read(mine) for _ in range(BUNDLE)], *[log.cases.read(other) for _ in range(BUNDLE)]
        )
        await log.later(5.1)
        now = log.clock.now()
        whole, one = Span(0, 511, "about-a-child"), Span(256, 511, "about-a-child")
        assert await log.prune(dry_run=True) == [whole]
        await retention.hold(log.world_writer, "complaint-of-the-guardian", NOTODDEN, mine, now)
        await retention.hold(log.world_writer, "supervision-2031", LogName("4003"), None, now)
        assert await log.prune(dry_run=True) == [one]
        await retention.hold(log.world_writer, "supervision-2032", NOTODDEN, None, now)
        assert await log.prune() == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.remove(one)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await retention.release(log.world_writer, "supervision-2032", now)
        await retention.release(pruner, "supervision-2032", now)
        assert await log.prune() == [one]
        for name in ("supervision-2032", "unheard-of"):
            with pytest.raises(HoldRefusedError):
                await retention.release(pruner, name, now)
        with pytest.raises(HoldRefusedError):
            await retention.hold(log.world_writer, "supervision-2032", NOTODDEN, None, now)


async def test_the_function_judges_for_itself(migrated: Migrated) -> None:
    """Whatever the pruning role asks: another rule or policy, half a bundle, too early, another log; nothing is removed."""
    async with kept(migrated) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(2.1)
        good = Span(256, 511, "the-rest")
        digest = read_policy(SHORT).digest
        assert await log.prune(dry_run=True) == [good]
        for span in (
            Span(0, 255, "the-rest"),
            Span(0, 255, "about-a-child"),
            Span(0, 511, "the-rest"),
            Span(256, 511, "about-a-child"),
            Span(257, 511, "the-rest"),
            Span(256, 500, "the-rest"),
            Span(256, 767, "the-rest"),
            Span(256, -1, "the-rest"),
            Span(512, 767, "the-rest"),
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await log.remove(span)
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.remove(good, policy=sha256(b"another").hexdigest())
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.remove(good, log="4003")
        stricter = read_policy(SHORT.replace("years: 2", "years: 3"))
        assert await retention.install(log.owner, stricter, log.clock.now(), simulated=True)
        assert not await retention.install(log.owner, stricter, log.clock.now(), simulated=True)
        with pytest.raises(PolicyRefusedError):
            await retention.install(log.owner, read_policy(SHORT), log.clock.now(), simulated=True)
        for policy in (digest, stricter.digest):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await log.remove(good, policy=policy)
        assert await log.positions() == list(range(514))
        assert await log.events() == []


async def test_evidence_is_never_removed(migrated: Migrated) -> None:
    """An entry that is not what the tree holds of it stays, and with it the whole span."""
    async with kept(migrated) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(2.1)
        await log.owner.execute("SET session_replication_role = replica")
        await log.owner.execute("UPDATE entries SET leaf = leaf || '!' WHERE position = 300")
        await log.owner.execute("SET session_replication_role = origin")
        with pytest.raises(asyncpg.DataCorruptedError):
            await log.prune()
        assert await log.positions() == list(range(514))
        assert await log.owner.fetchval("SELECT count(*) FROM pruned_entries") == 0


async def test_one_clock_that_runs_ahead_removes_nothing(migrated: Migrated) -> None:
    """In earnest the server's clock must have come to it too; and a log that stands still does not age."""
    async with kept(migrated, simulated=False) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(5)
        assert log.clock.now() > datetime.now(UTC)
        assert await log.prune(dry_run=True) == []
    async with kept(migrated) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        log.clock.set(log.clock.now() + 50 * YEAR)
        assert await log.prune(dry_run=True) == []


async def test_without_a_policy_nothing_is_pruned(migrated: Migrated) -> None:
    """A log must not be pruned without a policy for when it is permitted (tlog-tiles § Retention Policies)."""
    async with kept(migrated, None) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(60)
        with pytest.raises(NoPolicyError):
            await log.prune()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.remove(Span(256, 511, "the-rest"))


async def test_seals_agree_with_what_was_pruned(migrated: Migrated) -> None:
    """The numbers and leaf hashes are still there, so a service's journal is still compared with the log."""
    async with kept(migrated) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(2.1)
        await log.prune()
        leaves = await store.numbered_leaves(log.owner, NOTODDEN, "/services/cases", 1, 514)
        assert root_of(leaves) == log.cases.heads[NOTODDEN].root()
        await log.world.take(log.cases.seal())
        compared = await log.world.keeper.compare_seals()
        assert compared == 2 * BUNDLE + 2
        assert not await log.owner.fetchval("SELECT EXISTS (SELECT FROM findings)")


async def test_what_was_pruned_does_not_come_in_again(migrated: Migrated) -> None:
    """A record that is delivered a second time, years later, is known by its number and hash; another one under it is a finding."""
    async with kept(migrated) as log:
        records = [log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE)]]
        await log.world.take(*records)
        await log.later(2.1)
        await log.prune()
        assert await log.world.take(*records) == 0
        other = log.cases.seal()
        assert parse(other).envelope.number == 515
        forged = other.replace(b"515", b"300")
        assert parse(forged).envelope.number == 300
        assert await log.world.take(forged) == 1
        found = await log.owner.fetch(
            "SELECT kind FROM findings WHERE source = '/services/cases' AND first_number = 300"
        )
        assert [row[0] for row in found] == ["number-reused"]


async def test_what_is_no_event_is_never_pruned(migrated: Migrated) -> None:
    """No entry of that log could tell an outsider that something lawfully went; neither the code nor the database lets it go."""
    async with kept(migrated) as log:
        long = b"a" * 70_000
        await log.world.take(long, *[b"filler %d" % number for number in range(2 * BUNDLE)])
        log.clock.set(log.clock.now() + 2.1 * YEAR)
        await log.world.take(b"time has passed")
        assert await log.pruner.prune(log.clock.now(), only=UNPARSABLE) == []
        assert await log.pool.fetch("SELECT * FROM prunable_bundles($1, 0, 10)", UNPARSABLE) == []
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await log.remove(Span(0, 255, "the-rest"), log=UNPARSABLE)
        assert [row[0] for row in await log.owner.fetch("SELECT body FROM oversize")] == [long]


async def test_an_old_date_makes_no_entry_old(migrated: Migrated) -> None:
    """Records that are put in with a date of years ago are as old as the first checkpoint that has them."""
    async with kept(migrated) as log:
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(BUNDLE - 1)])
        await log.later(1)
        await log.world.take(*[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(1.9)
        await log.owner.execute("SET session_replication_role = replica")
        await log.owner.execute(
            "UPDATE entries SET logged_at = $1 WHERE position BETWEEN 256 AND 767", NOON - 16 * YEAR
        )
        await log.owner.execute("SET session_replication_role = origin")
        assert await log.prune(dry_run=True) == []
        await log.owner.execute("SET session_replication_role = replica")
        await log.owner.execute("UPDATE checkpoints SET signed_at = $1 WHERE size = 769", NOON - 16 * YEAR)
        await log.owner.execute("SET session_replication_role = origin")
        assert await log.prune(dry_run=True) == []
        await log.later(0.2)
        assert await log.prune(dry_run=True) == [Span(256, 767, "the-rest")]


async def test_only_the_cases_service_closes_a_case(migrated: Migrated) -> None:
    """What another says of it lets nothing go."""
    async with kept(migrated) as log:
        case = CaseRef(log.cases.ids.ref("cas"))
        closed = CaseClosed(subject_ref=case, case=case, outcome="adult")
        await log.world.take(log.reopened(case), *[log.cases.read(case) for _ in range(BUNDLE - 1)])
        await log.world.take(Publisher(source="/services/notify", seed=4).publish(closed))
        await log.later(9)
        assert await log.prune(dry_run=True) == []
        await log.world.take(log.cases.publish(closed))
        await log.later(5.1)
        assert await log.prune(dry_run=True) == [Span(0, 255, "about-a-child")]


async def test_prunings_are_told_again_when_they_go_themselves(migrated: Migrated) -> None:
    """An entry that tells of a pruning is content too; what it said is said anew, in fewer words, before it goes."""
    async with kept(migrated) as log:
        own = Publisher(source="/services/audit", seed=3)
        await log.world.take(log.cases.read(), *[log.cases.seal() for _ in range(2 * BUNDLE - 1)])
        await log.later(2.1)
        assert await log.prune() == [Span(256, 511, "the-rest")]
        [told] = await log.events()
        await log.world.take(own.publish(told), *[log.cases.seal() for _ in range(2 * BUNDLE)])
        await log.later(2.1)
        assert await log.prune() == [Span(512, 1023, "the-rest")]
        assert [(event.first, event.last) for event in await log.events()] == [(256, 511), (256, 1023)]
        assert (await log.events())[1].numbers == (
            PrunedNumbers(source="/services/audit", first=1, last=1),
            PrunedNumbers(source="/services/cases", first=257, last=1023),
        )


async def test_however_scattered_the_numbers_are_all_are_told(migrated: Migrated) -> None:
    """In several events where one would be larger than an event may be."""
    async with kept(migrated) as log:
        pairs = [(log.cases.read(), log.cases.seal()) for _ in range(4 * BUNDLE)]
        await log.world.take(*[seal for _, seal in pairs], *[read for read, _ in pairs])
        await log.later(2.1)
        assert await log.prune() == [Span(0, 1023, "the-rest")]
        events = await log.events()
        assert [(event.first, event.last, len(event.numbers)) for event in events] == [
            (0, 1023, retention.RANGES),
            (0, 1023, retention.RANGES),
            (0, 1023, 1024 - 2 * retention.RANGES),
        ]
        told = [number for event in events for part in event.numbers for number in range(part.first, part.last + 1)]
        assert told == list(range(2, 2050, 2))


async def test_rules_are_applied_as_they_are_written(migrated: Migrated) -> None:
    """Against a naive reading of the policy in Python, over many small histories."""
    kinds = ("read", "deny", "break-glass", "seal", "event")
    types = (
        "no.lagspill.access.recorded.v1",
        "no.lagspill.cases.case.closed.v1",
        "no.lagspill.cases.case.opened.v1",
        None,
    )
    policy = read_policy("""
version: "2"
rules:
  - {name: archive, legal_basis: "arkivlova, for this test", bases: [own-task], keep: for-ever}
  - {name: emergencies, legal_basis: "pasientjournalloven § 16", kinds: [break-glass], keep: {years: 4, after: case-ended}}
  - {name: facts, legal_basis: "pasientjournalloven § 25", types: ["no.lagspill.cases.*"], keep: {years: 3, after: case-ended}}
  - {name: children, legal_basis: "pasientjournalloven § 25", about_case: true, keep: {years: 1, months: 6}}
  - {name: rest, legal_basis: "personvernforordningen art. 5", keep: {months: 7}}
""")
    async with kept(migrated, None) as log:
        await retention.install(log.owner, policy, NOON, simulated=True)
        random = Random(20261101)
        seen: Counter[bool] = Counter()
        for history in range(40):
            name = f"{5000 + history}"
            present = NOON + timedelta(days=random.randrange(200, 3000))
            cases = [f"cas_{letter * 26}" for letter in "abc"[: random.randrange(1, 4)]]
            lively = random.choice((0.0, 0.002, 0.01))
            made = [
                Made(
                    position,
                    NOON + timedelta(days=random.randrange(0, 400)),
                    random.choices(kinds, (8, 2, 1, 3, 3))[0],
                    random.choices(types, (1, lively, lively, 1))[0],
                    "own-task" if random.random() < 0.0005 else None,
                    random.choice(cases) if random.random() < 0.5 else None,
                    random.choices(("/services/cases", "/services/notify"), (3, 1))[0],
                )
                for position in range(3 * BUNDLE + 9)
            ]
            sizes = sorted(random.sample(range(1, len(made) - 10), random.randrange(1, 30)))
            signed = [(size, NOON + timedelta(days=random.randrange(0, 400))) for size in sizes]
            signed.append((len(made) - random.choice((0, 9, 10)), present))
            await log.owner.executemany(
                "INSERT INTO checkpoints (log, size, root, note, signed_at) VALUES ($1, $2, sha256(''), '', $3)",
                [(name, size, at) for size, at in signed],
            )
            await log.owner.copy_records_to_table(
                "entries",
                columns=("log", "position", "logged_at", "kind", "type", "basis", "case_ref", "source", "leaf", "topic", "partition",
                         "record_offset", "happened_at"),
                records=[
                    (name, e.position, e.logged, e.kind, e.type, e.basis, e.case, e.source, b"x", "t", 0, e.position, e.logged)
                    for e in made
                ],
            )  # fmt: skip
            found = await log.owner.fetch("SELECT bundle, rule FROM prunable_bundles($1, 0, 10)", name)
            expected = naive(policy, made, signed, present)
            assert [(row[0], row[1]) for row in found] == expected, history
            seen[bool(expected)] += 1
        assert min(seen[True], seen[False]) > 5


@dataclass(frozen=True)
class Made:
    """An entry as far as retention looks at it."""

    position: int
    logged: datetime
    kind: str
    type: str | None
    basis: str | None
    case: str | None
    source: str

    @property
    def by_cases(self) -> bool:
        """Whether the service whose events say how a case lives says it."""
        return self.source == "/services/cases"


def naive(
    policy: Policy, entries: Sequence[Made], signed: Sequence[tuple[int, datetime]], present: datetime
) -> list[tuple[int, str]]:
    """The bundles that may go, straight from what the policy file says."""
    far = datetime.max.replace(tzinfo=UTC)
    outcome = []
    for bundle in range(len(entries) // BUNDLE):
        mine = entries[bundle * BUNDLE : (bundle + 1) * BUNDLE]
        ends: list[tuple[datetime, int, str]] = []
        for entry in mine:
            for rule in policy.rules:
                fits = (
                    (rule.kinds is None or entry.kind in rule.kinds)
                    and (rule.bases is None or entry.basis in rule.bases)
                    and (rule.about_case is None or rule.about_case == (entry.case is not None))
                    and (rule.types is None or any((entry.type or "").startswith(each[:-1]) for each in rule.types))
                )
                if fits:
                    break
            covering = next((size for size, _ in signed if size > entry.position), None)
            if covering is None:
                ends.append((far, -1, ""))
                continue
            age = since = max([entry.logged, *(at for size, at in signed if size <= covering)])
            if rule.keep != "for-ever" and rule.keep.after == "case-ended" and entry.case is not None:
                about = [each for each in entries if each.case == entry.case]
                life = [
                    each.type for each in about if each.type is not None and ".case." in each.type and each.by_cases
                ]
                ended = far if life and life[-1].endswith("opened.v1") else max(each.logged for each in about)
                since = max(age, ended)
            ends.append(
                (
                    far if rule.keep == "for-ever" or since == far else months_after(since, rule.keep.total_months),
                    policy.rules.index(rule),
                    rule.name,
                )
            )
        waits = any(
            entry.type == "no.lagspill.cases.case.closed.v1"
            and entry.by_cases
            and any(other.case == entry.case and other.position < bundle * BUNDLE for other in entries if other.case)
            for entry in mine
        )
        longest = max(end for end, _, _ in ends)
        if longest <= present and not waits:
            outcome.append((bundle, min((number, name) for end, number, name in ends if end == longest)[1]))
    return outcome


def months_after(moment: datetime, months: int) -> datetime:
    """The same day so many months later, or the last one of that month."""
    number = moment.year * 12 + moment.month - 1 + months
    year, month = number // 12, number % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, monthrange(year, month)[1]))
