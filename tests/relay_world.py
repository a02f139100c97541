"""One service's database and topics, and relays on them, for the suites that let a relay live and die."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypedDict, Unpack

from shared.clock import SystemClock
from shared.db import Pool, create_pool
from shared.journal import Journal
from shared.kafka import WATERMARKS_TOPIC
from shared.lanes import Lanes
from shared.observability import Metrics
from shared.publisher import producers
from shared.refs import LogScope
from shared.relay import Observer, Relay, Step
from shared.testing.signals import Probe, TopicReader
from tests.published import Published, committed, examine
from tests.tally import CONTRACTS, NO_MIGRATIONS, NOTODDEN, RANDOM, SOURCE, TALLY, adding, context

Migrated = Callable[[str, Path], Awaitable[str]]
NewTopic = Callable[..., Awaitable[str]]


class Steps(Probe[Step]):
    """Sees every step of a relay."""

    def reached(self, step: Step) -> None:
        """Take note."""
        self(step)

    async def another(self, step: Step) -> None:
        """Wait until `step` is reached once more than it was until now."""
        before = self.seen.count(step)
        await self.until(lambda seen: seen.count(step) > before)


class Options(TypedDict, total=False):
    """What a test may set on a relay."""

    seal_every: float
    heartbeat_every: float
    poll: float
    batch: int
    patience: float
    observer: Observer


@dataclass(repr=False)
class World:
    """One service's database, its topics, and its relays."""

    dsn: str
    broker: str
    pool: Pool
    topics: dict[str, str]
    steps: Steps = field(default_factory=Steps)
    metrics: Metrics = field(default_factory=Metrics)
    lanes: Lanes = field(default_factory=Lanes)

    @property
    def events(self) -> str:
        """The service's topic."""
        return self.topics["lagspill.cases.v1"]

    @asynccontextmanager
    async def relay(self, **options: Unpack[Options]) -> AsyncIterator[Relay]:
        """Run a relay that seals only at its stop and never polls, unless told otherwise."""
        relay = self.make(**options)
        await relay.start()
        yield relay
        await relay.stop(within=30.0)

    def make(self, *, dsn: str | None = None, broker: str | None = None, **options: Unpack[Options]) -> Relay:
        """Return a relay that seals only at its stop and never polls, unless told otherwise."""
        settings: Options = {"seal_every": 3600.0, "poll": 3600.0, "observer": self.steps}
        settings.update(options)
        return Relay(
            dsn or self.dsn,
            producers(broker or self.broker, client="test", batch_bytes=16_384),
            source=SOURCE,
            clock=SystemClock(),
            ids=RANDOM,
            metrics=self.metrics,
            topics=self.topics,
            lanes=self.lanes,
            **settings,
        )

    def journal(self, relay: Relay | None = None) -> Journal:
        """Return a journal that nudges `relay`."""
        return Journal(
            self.pool,
            source=SOURCE,
            clock=SystemClock(),
            ids=RANDOM,
            contracts=CONTRACTS,
            nudge=(lambda: None) if relay is None else relay.nudge,
            lanes=self.lanes,
        )

    async def published(self) -> Published:
        """Return what is on the service's topics, after checking all that must hold of it."""
        async with TopicReader(self.broker, self.events, self.topics["lagspill.access.v1"]) as reader:
            return examine(await reader.rest(), await committed(self.dsn))


@asynccontextmanager
async def new_world(migrated: Migrated, broker: str, new_topic: NewTopic) -> AsyncIterator[World]:
    """Make a migrated database and topics of a test's own."""
    dsn = await migrated("cases", NO_MIGRATIONS)
    topics = {
        "lagspill.cases.v1": await new_topic("cases", partitions=3),
        "lagspill.access.v1": await new_topic("access", partitions=2),
        WATERMARKS_TOPIC: await new_topic("watermarks"),
    }
    pool = await create_pool(dsn, application_name="test")
    yield World(dsn, broker, pool, topics)
    await pool.close()


async def fill(journal: Journal, tallies: Sequence[str], each: int, scope: LogScope = NOTODDEN) -> None:
    """Commit `each` commands of two events for every one of `tallies`, by turns."""
    for _ in range(each):
        for tally in tallies:
            await journal.change(TALLY, tally, context(scope=scope), adding(tally, 1, 2))
