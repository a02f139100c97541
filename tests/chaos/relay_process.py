"""A relay in a process of its own, which kills or pauses itself at a given step: `python -m tests.chaos.relay_process '<Orders>'`.

SIGKILL lets nothing be tidied up: no rollback is sent, no producer flushed, no lock given back.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from pydantic import BaseModel, ConfigDict

from shared.clock import SystemClock
from shared.observability import Metrics
from shared.publisher import producers
from shared.refs import RandomIds
from shared.relay import Relay, Step
from tests.tally import SOURCE


class Orders(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True)

    dsn: str
    broker: str
    topics: dict[str, str]
    die_at: Step
    die_after: int = 1
    """It dies when it has reached the step so many times."""
    pause: bool = False
    """Pause instead of dying."""
    patience: float = 30.0
    batch: int = 20
    batch_bytes: int = 4096
    """So small that one batch needs several requests per partition."""


class Executioner:
    """Ends or pauses the process at its step."""

    def __init__(self, orders: Orders) -> None:
        self._step = orders.die_at
        self._left = orders.die_after
        self._signal = signal.SIGSTOP if orders.pause else signal.SIGKILL

    def reached(self, step: Step) -> None:
        """Count down."""
        if step is self._step:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), self._signal)


async def main(orders: Orders) -> None:
    """Publish, seal often, and die; or be killed."""
    relay = Relay(
        orders.dsn,
        producers(orders.broker, client="doomed", batch_bytes=orders.batch_bytes),
        source=SOURCE,
        clock=SystemClock(),
        ids=RandomIds(),
        metrics=Metrics(),
        seal_every=0.02,
        poll=0.01,
        patience=orders.patience,
        batch=orders.batch,
        observer=Executioner(orders),
        topics=orders.topics,
    )
    await relay.start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(Orders.model_validate_json(sys.argv[1])))
