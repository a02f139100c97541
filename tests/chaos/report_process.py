"""The cases service's deadlines in a process of their own, which kills itself on the way of a concern report to child welfare.

`python -m tests.chaos.report_process <step>`, with the service's settings in the environment; `-` lets it come to its end.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import Final

from services.cases.app import SERVICE
from services.cases.channel import HttpChannel, Receipt, ReportDocument
from services.cases.handlers.around import REPORT_DELIVERY
from services.cases.settings import CasesSettings
from shared.arrivals import Tx
from shared.deadlines import Deadline, DeadlineHandler, Deadlines, Errand, Settle
from shared.lifecycle import Service

STEPS: Final = ("decided", "intended", "asked", "settled", "done")
"""Before the intention is committed; after it; when the channel has it; before the outcome is committed; after it."""


def reached(step: str, doomed: str) -> None:
    """Die, if it is here."""
    if step == doomed:
        os.kill(os.getpid(), signal.SIGKILL)


def doomed_at(doomed: str, handler: DeadlineHandler) -> DeadlineHandler:
    """Return the handler, whose three steps end where they should."""

    async def handle(tx: Tx, deadline: Deadline) -> Errand | None:
        errand = await handler(tx, deadline)
        reached("decided", doomed)
        if errand is None:
            return None
        ask = errand

        async def doomed_errand() -> Settle:
            reached("intended", doomed)
            settle = await ask()

            async def doomed_settle(tx: Tx) -> None:
                await settle(tx)
                reached("settled", doomed)

            return doomed_settle

        return doomed_errand

    return handle


class DoomedChannel(HttpChannel):
    """The channel, after whose answer the process may end."""

    doomed = "-"

    async def deliver(self, document: ReportDocument) -> Receipt:
        """Deliver it; see `HttpChannel`."""
        receipt = await super().deliver(document)
        reached("asked", self.doomed)
        return receipt


async def main(doomed: str) -> None:
    """Fire what is due once."""
    service = Service(SERVICE, CasesSettings())
    DoomedChannel.doomed = doomed
    # Where the composition root finds it: nothing else knows which channel it is.
    SERVICE.compose.__globals__["HttpChannel"] = DoomedChannel
    kit, parts = await service.composed()
    handlers = {**parts.deadlines, REPORT_DELIVERY: doomed_at(doomed, parts.deadlines[REPORT_DELIVERY])}
    runner = Deadlines(kit.pool, handlers, journal=kit.journal, clock=kit.clock, ids=kit.ids, metrics=kit.metrics)
    await runner.fire_due()
    reached("done", doomed)
    await service.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
