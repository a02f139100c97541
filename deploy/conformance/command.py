"""What `lagspill conformance` does: chooses the trials, runs them, and shows what they have shown."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Final

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.table import Table

from deploy import topics as declaration
from deploy.conformance.faults import SENTENCES, Fault, Held, Report
from deploy.conformance.made import Maker
from deploy.conformance.receipts import listening
from deploy.conformance.topic import Topic
from deploy.conformance.webhook import NotTriedError, Webhook
from deploy.local.errors import LocalError
from services.notify.signatures import PREFIX, key_of
from shared.bus import Bus
from shared.refs import RandomIds

FAULTS_FOUND: Final = 3
"""The exit status: it was tried, and it does something wrong."""
ANSWER_SECONDS: Final = 30.0


def maker() -> Maker:
    """Return what makes this run's events."""
    return Maker(RandomIds(), datetime.now(UTC))


async def try_webhook(
    url: str, secret: str, state_url: str | None, within: float, receipts_at: str | None = None
) -> Report:
    """Try a receiver of webhooks; one that acknowledges sends its receipts to `receipts_at`.

    Raises:
        LocalError: the secret is none, nobody answers, or receipts cannot be taken there.
    """
    try:
        key = key_of(secret)
    except ValueError as error:
        raise LocalError(f"The secret is not one: it is `{PREFIX}` and base64.") from error
    async with (
        httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client,
        listening(receipts_at) as receipts,
    ):
        return await Webhook(client, url, key, maker(), time.time, state_url, within, receipts).run()


async def try_topic(bus: Bus, topic: str, state_url: str, within: float, receipts_at: str | None = None) -> Report:
    """Try a subscriber that reads `topic`, which is nobody else's; one that acknowledges sends its receipts to `receipts_at`.

    Raises:
        LocalError: the topic is not there, or is one of Lagspill's own; nobody answers.
    """
    if topic.startswith("lagspill.") or topic in {each.name for each in declaration.declared()}:
        raise LocalError(f"{topic} is Lagspill's own: what is made for a trial must never stand there. Make another.")
    await _require(bus, topic)
    producer = AIOKafkaProducer(**bus.options(), acks="all")
    try:
        await producer.start()
        async with (
            httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client,
            listening(receipts_at) as receipts,
        ):
            return await Topic(client, producer, topic, state_url, maker(), within, receipts).run()
    except KafkaError as error:
        raise LocalError(f"Kafka at {bus.servers} cannot be used ({type(error).__name__}).") from error
    finally:
        await producer.stop()


async def _require(bus: Bus, topic: str) -> None:
    consumer = AIOKafkaConsumer(**bus.options())
    try:
        await consumer.start()
        if topic not in await consumer.topics():
            raise NotTriedError(f"There is no topic {topic}: make it, and let the subscriber read it.")
    except KafkaError as error:
        raise LocalError(f"Kafka at {bus.servers} cannot be used ({type(error).__name__}).") from error
    finally:
        await consumer.stop()


def show(report: Report, out: Console) -> None:
    """Show what was tried and found, and each fault with what to do."""
    table = Table("tried", "found", title="conformance", title_justify="left")
    for verdict in report.verdicts:
        table.add_row(verdict.trial, f"[{_colour(verdict.found)}]{verdict.found.value}[/]")
    out.print(table)
    for fault in report.faults:
        out.print(f"{fault.value}: {SENTENCES[fault]}", style="red", highlight=False, soft_wrap=True)
    hidden = _count(report, Held.NOT_SHOWN)
    if hidden:
        out.print(
            f"{hidden} could not be judged: the subscriber does not say (--state).", style="yellow", highlight=False
        )
    if not report.faults:
        out.print(
            "Nothing is wrong with it." if not hidden else "Nothing is wrong with what was seen.", style="bold green"
        )


def _count(report: Report, held: Held) -> int:
    return sum(verdict.found is held for verdict in report.verdicts)


def _colour(found: Fault | Held) -> str:
    return "red" if isinstance(found, Fault) else "green" if found is Held.HELD else "yellow"


__all__ = ("FAULTS_FOUND", "show", "try_topic", "try_webhook")
