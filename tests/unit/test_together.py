"""Several things at once: all or none, and the surrounding task is left as it was."""

from __future__ import annotations

import asyncio

import pytest

from shared.together import together


class BrokenError(Exception):
    """What a part fails with."""


async def _value(of: int) -> int:
    return of


async def _broken(after: asyncio.Event) -> None:
    await after.wait()
    raise BrokenError


async def _never(cancelled: asyncio.Event) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cancelled.set()


async def test_all_of_them() -> None:
    one, two = asyncio.create_task(_value(1)), asyncio.create_task(_value(2))
    await together(one, two)
    assert (one.result(), two.result()) == (1, 2)
    await together()


async def test_one_that_fails_ends_the_others_and_a_later_timeout_is_only_a_timeout() -> None:
    """What the standard library's group gets wrong on Python 3.11.2: its failure would end the task at its next timeout."""
    begun, cancelled = asyncio.Event(), asyncio.Event()
    asyncio.get_running_loop().call_soon(begun.set)
    with pytest.raises(BrokenError):
        await together(asyncio.create_task(_never(cancelled)), asyncio.create_task(_broken(begun)))
    assert cancelled.is_set()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await asyncio.Event().wait()


async def test_who_is_cancelled_cancels_them() -> None:
    cancelled = asyncio.Event()
    part = asyncio.create_task(_never(cancelled))
    whole = asyncio.create_task(together(part))
    await asyncio.wait([asyncio.create_task(_value(0))])
    whole.cancel()
    with pytest.raises(asyncio.CancelledError):
        await whole
    assert cancelled.is_set()
    assert part.cancelled()
