"""A witness in a process of its own, which kills itself within a request. `python -m tests.chaos.witness_process '<Orders>'`."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import uvicorn
from pydantic import BaseModel, ConfigDict

from services.audit import witness_store
from services.audit.app import WRITER, address
from services.audit.domain.checkpoint import Checkpoint
from services.audit.domain.note import SignatureLine
from services.audit.domain.witness import OtherSize
from services.audit.witness_api import Witness, create_witness_app
from shared.clock import SystemClock
from shared.db import Connection, create_pool
from shared.observability import Metrics
from shared.refs import RandomIds
from tests.integration.witness_world import OURS, cosigner


class Orders(BaseModel):
    """What the process is told."""

    model_config = ConfigDict(frozen=True)

    dsn: str
    port: int
    dies: str | None = None
    """`written`: before the commit; `committed`: after it, before the answer. None: it lives."""
    at: int = 0
    """At the checkpoint of this size."""


async def main(orders: Orders) -> None:
    """Serve until the end."""
    save = witness_store.save_witnessed

    async def save_and_die(conn: Connection, checkpoint: Checkpoint, note: str, now: object) -> None:
        await save(conn, checkpoint, note, now)  # type: ignore[arg-type]  # a moment, as it came
        if orders.dies == "written" and checkpoint.size == orders.at:
            os.kill(os.getpid(), signal.SIGKILL)

    witness_store.save_witnessed = save_and_die

    class Dying(Witness):
        async def add_checkpoint(self, body: bytes) -> SignatureLine | OtherSize:
            outcome = await super().add_checkpoint(body)
            if orders.dies == "committed" and f"\n{orders.at}\n".encode() in body:
                os.kill(os.getpid(), signal.SIGKILL)
            return outcome

    pool = await create_pool(address(orders.dsn, WRITER), application_name="witness-process")
    metrics = Metrics()
    witness = Dying(pool, cosigner("skien"), [OURS.verifier], clock=SystemClock(), metrics=metrics)
    app = create_witness_app(witness, ids=RandomIds(), metrics=metrics)
    await uvicorn.Server(
        uvicorn.Config(app, host="127.0.0.1", port=orders.port, lifespan="off", access_log=False, log_config=None)
    ).serve()


if __name__ == "__main__":
    asyncio.run(main(Orders.model_validate_json(sys.argv[1])))
