"""An instance of the audit service's intake in a process of its own, which kills or pauses itself within a batch.

`python -m tests.chaos.audit_process '<Orders>'`. SIGKILL lets nothing be tidied up; after SIGSTOP it goes on when it is told to.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Final, ParamSpec, TypeVar

from pydantic import BaseModel, ConfigDict

from services.audit import claims, growth, rows
from services.audit.app import WRITER, address
from services.audit.consumers import Consumption
from services.audit.keeper import Keeper
from services.audit.signing import Signing
from shared.clock import SystemClock
from shared.db import create_pool
from shared.journal import Journal
from shared.refs import RandomIds
from tests.integration.audit_world import ORIGIN, SIGNER

SENT: Final = rows.stream.__name__
"""What `growth` calls it by."""
SIGN: Final = Signing.sign.__name__

P = ParamSpec("P")
R = TypeVar("R")


class Orders(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True)

    dsn: str
    broker: str
    topics: list[str]
    group: str
    step: str | None = None
    """The function of `services.audit.growth` or `.claims` at which it happens, `sign` (a checkpoint's signature), `taken` (after
    the commit) or `copying` (when the server waits for rows, or has had some of them)."""
    before: bool = True
    """Just before the step, or just after."""
    times: int = 1
    """It happens when the step was reached so many times."""
    pause: bool = False
    """Pause instead of dying."""
    batch: int = 20


class Executioner:
    """Ends or pauses the process at its step."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._left = orders.times

    def reached(self) -> None:
        """Count down."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP if self._orders.pause else signal.SIGKILL)

    def around(self, step: Callable[P, Awaitable[R]]) -> Callable[P, Awaitable[R]]:
        """Return the step, at which it happens."""

        async def stepped(*args: P.args, **kwargs: P.kwargs) -> R:
            if self._orders.before:
                self.reached()
            result = await step(*args, **kwargs)
            if not self._orders.before:
                self.reached()
            return result

        return stepped

    def within(
        self, pieces: Callable[[Iterable[bytes]], AsyncIterator[bytes]]
    ) -> Callable[[Iterable[bytes]], AsyncIterator[bytes]]:
        """Return what COPY is sent, at whose beginning it happens, or when rows were sent and the end was not."""

        async def sent(each: Iterable[bytes]) -> AsyncIterator[bytes]:
            if self._orders.before:
                self.reached()
            count = 0
            async for piece in pieces(each):
                yield piece
                count += 1
                if count == 2 and not self._orders.before:
                    self.reached()

        return sent


async def main(orders: Orders) -> None:
    """Take records until the end."""
    executioner = Executioner(orders)
    if orders.step == "copying":
        setattr(growth, SENT, executioner.within(rows.stream))
    elif orders.step == SIGN:
        setattr(Signing, SIGN, executioner.around(Signing.sign))
    elif orders.step not in (None, "taken"):
        module = growth if hasattr(growth, orders.step) else claims
        setattr(module, orders.step, executioner.around(getattr(module, orders.step)))
    pool = await create_pool(
        address(orders.dsn, WRITER, idle_seconds=1.0),
        min_size=1,
        max_size=2,
        application_name="audit-chaos",
        idle_seconds=1.0,
    )
    clock, ids = SystemClock(), RandomIds()
    journal = Journal(pool, source="/services/audit", clock=clock, ids=ids)
    keeper = Keeper(pool, signing=Signing.held(SIGNER), origin=ORIGIN, journal=journal, clock=clock, ids=ids)
    consumption = Consumption(
        orders.broker,
        keeper,
        topics=orders.topics,
        group=orders.group,
        max_records=orders.batch,
        taken=lambda _: executioner.reached() if orders.step == "taken" else None,
    )
    await consumption.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Orders.model_validate_json(sys.argv[1])))
