"""An examiner in a process of its own that kills itself at a step of its transaction: `python -m tests.chaos.examiner_process '<Orders>'`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict

from services.audit.app import WRITER, address
from services.audit.patterns import store
from shared.clock import SimulatedClock
from shared.db import create_pool
from tests.integration.patterns_town import MONDAY, examine_all, examiner

P = ParamSpec("P")
R = TypeVar("R")


class Orders(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True)

    dsn: str
    step: str
    """The function of `services.audit.patterns.store` just after which it dies."""
    times: int
    """When it was reached so many times."""
    batch: int


def deadly(orders: Orders, step: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
    """The step, after which the process is no more."""
    left = orders.times

    async def reached(*args: P.args, **kwargs: P.kwargs) -> R:
        nonlocal left
        result = await step(*args, **kwargs)
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return reached


async def main(orders: Orders) -> None:
    """Examine until death, or the log's end."""
    setattr(store, orders.step, deadly(orders, getattr(store, orders.step)))
    pool = await create_pool(address(orders.dsn, WRITER), application_name="audit-examiner")
    await examine_all(examiner(pool, SimulatedClock(MONDAY), batch=orders.batch, seed=os.getpid()))
    await pool.close()


if __name__ == "__main__":
    asyncio.run(main(Orders.model_validate_json(sys.argv[1])))
