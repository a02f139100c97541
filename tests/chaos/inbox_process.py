"""A consumer in a process of its own, to be killed: `python -m tests.chaos.inbox_process <dsn> <kafka> <topic> <watermarks> <group> <where>`.

`where` says at which place it stops for good, after saying so on standard output: `handler:<n>` inside the transaction, when
the event `n` has had its effect; `committed` after the transaction and before the offsets; `-` nowhere.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence

from shared.envelope import Envelope
from shared.inbox import Tx
from shared.kafka import BatchConsumer, RawRecord, create_broker
from tests.integration.inbox_world import Noted, inbox_of, leave_a_row, world_on


def say(word: str) -> None:
    """Tell the test."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


async def forever() -> None:
    """Wait to be killed."""
    await asyncio.Event().wait()


async def main(dsn: str, kafka: str, topic: str, watermarks: str, group: str, where: str) -> None:
    """Consume until killed."""

    async def handler(tx: Tx, event: Noted, envelope: Envelope) -> None:
        await leave_a_row(tx, event, envelope)
        if where == f"handler:{event.n}":
            say("there")
            await forever()

    async with world_on(dsn, application_name="killed") as world:
        intake = world.intake(inbox_of(topic, handler, consumer=group, watermarks=watermarks))

        async def process(records: Sequence[RawRecord]) -> None:
            await intake.process(records)
            if where == "committed":
                say("there")
                await forever()

        consumer = BatchConsumer(
            create_broker(kafka, client="killed"),
            group=group,
            topics=intake.inbox.subscribed,
            process=process,
            max_records=20,
            session_timeout=6.0,
        )
        await consumer.start()
        say("started")
        await forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
