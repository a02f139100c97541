"""Replaying the history gives the state: with the smallest aggregate against PostgreSQL, and what every aggregate must keep."""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import services
from shared.aggregate import Aggregate
from shared.contracts.base import EventData, Model
from shared.db import create_pool
from shared.envelope import numeral
from tests.tally import NO_MIGRATIONS, RANDOM, TALLY, Added, Cleared, Tally, context, journal_on

Migrated = Callable[[str, Path], Awaitable[str]]
Blueprint = Callable[[str], EventData]

# UTC, as everywhere in the code: a time in Europe/Oslo that summer time skips equals no time in another zone (PEP 495).
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
NOTES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def added(amount: int, note: str) -> Blueprint:
    return lambda tally: Added(tally=tally, amount=amount, note=note)


def cleared(at: datetime) -> Blueprint:
    return lambda tally: Cleared(tally=tally, at=at)


EVENTS = st.one_of(st.builds(added, st.integers(-(2**70), 2**70), NOTES), st.builds(cleared, MOMENTS))
COMMANDS = st.lists(st.lists(EVENTS, min_size=1, max_size=3), min_size=1, max_size=6)


def deciding(events: Sequence[EventData]) -> Callable[[Tally], Sequence[EventData]]:
    return lambda _: events


@pytest_asyncio.fixture
async def dsn(migrated: Migrated) -> str:
    """A database with the kit's tables."""
    return await migrated("cases", NO_MIGRATIONS)


@pytest.mark.connected
def test_what_was_stored_is_what_the_history_gives(dsn: str) -> None:
    """Whatever was decided, however the events were grouped into commands: state, history and sequence agree."""
    with asyncio.Runner() as runner:
        pool = runner.run(create_pool(dsn, application_name="test"))
        journal = journal_on(pool)

        async def play(commands: Sequence[Sequence[Blueprint]]) -> None:
            tally = RANDOM.ref("cas")
            events: list[EventData] = []
            for command in commands:
                decided = [make(tally) for make in command]
                events += decided
                changed = await journal.change(TALLY, tally, context(), deciding(decided))
            loaded = await journal.load(TALLY, tally)
            history = await journal.history(TALLY, tally)
            assert [event for _, event in history] == events
            assert [envelope.sequence for envelope, _ in history] == [numeral(n) for n in range(1, len(events) + 1)]
            assert TALLY.replay(event for _, event in history) == loaded.state == changed.state
            assert loaded.version == len(events)

        @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(COMMANDS)
        def holds(commands: list[list[Blueprint]]) -> None:
            runner.run(play(commands))

        try:
            holds()
        finally:
            runner.run(pool.close())


def registered() -> Iterator[Aggregate[Model]]:
    """Every aggregate that a service's modules name, once."""
    seen: set[int] = set()
    for module in pkgutil.walk_packages(services.__path__, "services."):
        if module.name.endswith("__main__"):
            continue
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, Aggregate) and id(value) not in seen:
                seen.add(id(value))
                yield value


@pytest.mark.parametrize("aggregate", list(registered()), ids=lambda aggregate: aggregate.kind)
def test_an_aggregates_state_survives_being_stored(aggregate: Aggregate[Model]) -> None:
    assert isinstance(aggregate.initial, aggregate.state_type)
    assert aggregate.state_type.model_validate_json(aggregate.initial.model_dump_json()) == aggregate.initial
    assert aggregate.replay([]) == aggregate.initial
    assert aggregate.state_type.model_config.get("frozen"), "a state that can be changed in place is not a fold"


def test_no_two_aggregates_share_a_kind() -> None:
    kinds = [aggregate.kind for aggregate in registered()]
    assert len(kinds) == len(set(kinds))
