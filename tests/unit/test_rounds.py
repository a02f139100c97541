"""A round that fails is told of once, the next one comes, and the last is finished."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from shared.rounds import Rounds, side_by_side
from shared.testing.signals import Probe


async def test_it_goes_on_after_failures_and_tells_of_each_row_of_them_once() -> None:
    outcomes = iter(["bad", "bad", "good", "bad"])
    done: Probe[str] = Probe()
    told: list[Exception] = []

    async def work() -> None:
        outcome = next(outcomes, "good")
        done(outcome)
        if outcome == "bad":
            raise RuntimeError

    rounds = Rounds(work, name="test", every=0.001, interrupted=told.append)
    await rounds.start()
    await done.until(lambda seen: len(seen) > 5)
    await rounds.stop()
    assert [type(error) for error in told] == [RuntimeError, RuntimeError]
    assert rounds.stopping


async def test_stopping_wakes_it_and_waits_for_the_round_in_hand() -> None:
    begun, go, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await go.wait()
        finished.set()

    rounds = Rounds(work, name="test", every=3600, interrupted=lambda _: None)
    await rounds.stop()
    await rounds.start()
    await begun.wait()
    stopping = asyncio.create_task(rounds.stop())
    go.set()
    await stopping
    assert finished.is_set()


async def test_what_is_in_hand_is_finished_before_a_failure_is_told() -> None:
    go: asyncio.Event = asyncio.Event()
    begun: Probe[int] = Probe()
    finished: list[int] = []

    async def piece(number: int) -> int:
        begun(number)
        await go.wait()
        finished.append(number)
        return 1

    given = iter(range(3))

    async def take() -> Coroutine[Any, Any, int] | None:
        number = next(given, None)
        if number is not None:
            return piece(number)
        await begun.take(3)
        go.set()
        raise OSError

    with pytest.raises(OSError):
        await side_by_side(take, at_once=4, look_every=0.001, stopping=lambda: False, name="test")
    assert sorted(finished) == [0, 1, 2]


async def test_no_more_than_allowed_and_who_is_interrupted_leaves_nothing_running() -> None:
    begun: Probe[int] = Probe()
    ended: Probe[int] = Probe()

    async def piece(number: int) -> int:
        begun(number)
        try:
            await asyncio.Event().wait()
        finally:
            ended(number)
        return 1

    given = iter(range(100))

    async def take() -> Coroutine[Any, Any, int] | None:
        return piece(next(given))

    work = asyncio.create_task(side_by_side(take, at_once=3, look_every=0.001, stopping=lambda: False, name="test"))
    await begun.take(3)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert sorted(await ended.take(3)) == begun.seen == [0, 1, 2]
