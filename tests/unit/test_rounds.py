"""A round that fails is told of once, the next one comes, and the last is finished."""

from __future__ import annotations

import asyncio

from shared.rounds import Rounds
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
