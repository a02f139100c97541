"""Work that is done again and again beside everything else, until the service stops."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine


class Rounds:
    """Does one piece of work, pauses, and does it again. Whatever a round fails with, the next one comes."""

    def __init__(
        self,
        work: Callable[[], Awaitable[object]],
        *,
        name: str,
        every: float,
        interrupted: Callable[[Exception], None],
    ) -> None:
        """Do `work`, with `every` seconds of the machine's time between two rounds.

        `interrupted` tells of a round that failed; of several that fail one after the other, once.
        """
        self._work = work
        self._name = name
        self._every = every
        self._interrupted = interrupted
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def stopping(self) -> bool:
        """Whether the round in hand is the last."""
        return self._stopping.is_set()

    async def start(self) -> None:
        """Begin."""
        self._stopping.clear()
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """Finish the round in hand and end. Also before `start`."""
        self._stopping.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    async def _run(self) -> None:
        failing = False
        while not self.stopping:
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - it is told of, and what ended in silence would look like nothing to do
                if not failing:
                    self._interrupted(error)
                failing = True
            else:
                failing = False
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._every):
                    await self._stopping.wait()


async def side_by_side(
    take: Callable[[], Awaitable[Coroutine[None, None, int] | None]],
    *,
    at_once: int,
    look_every: float,
    stopping: Callable[[], bool],
    name: str,
) -> int:
    """Do what `take` gives, at most `at_once` pieces at a time, until it gives none and all are done; return the sum of them.

    While a slow one is in hand it is looked for more every `look_every` seconds. When something fails, or it is `stopping`,
    nothing more is begun and what is in hand is finished; whoever interrupts this interrupts that too.

    Raises:
        BaseException: the first failure, of `take` or of a piece.
    """
    hands: set[asyncio.Task[int]] = set()
    failed: list[BaseException] = []
    total = 0
    try:
        while True:
            piece = None
            if not stopping() and not failed and len(hands) < at_once:
                try:
                    piece = await take()
                except Exception as error:  # noqa: BLE001 - raised below, when nothing is in hand any more
                    failed.append(error)
            if piece is not None:
                hands.add(asyncio.create_task(piece, name=name))
            elif not hands:
                break
            else:
                done, hands = await asyncio.wait(hands, timeout=look_every, return_when=asyncio.FIRST_COMPLETED)
                failed += [failure for each in done if (failure := each.exception()) is not None]
                total += sum(each.result() for each in done if each.exception() is None)
    finally:
        for hand in hands:
            hand.cancel()
    if failed:
        raise failed[0]
    return total
