"""What runs, whether it is ready, and how far behind each consumer is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from prometheus_client.parser import text_string_to_metric_families
from pydantic import ValidationError
from rich.console import Group
from rich.table import Table

from deploy.local.errors import LocalError
from deploy.local.process import HOST
from deploy.local.settings import LocalSettings
from deploy.local.system import ADDRESSES, Addresses
from shared.bus import Bus

OUTBOX_AGE = "lagspill_outbox_age_seconds"
OUTBOX_ROWS = "lagspill_outbox_rows"
DEAD_LETTERS = "lagspill_dead_letters"
OVERDUE = "lagspill_deadlines_overdue"
PARKED = "lagspill_deadlines_parked"
MESSAGES = "lagspill_messages"
SUBSCRIPTIONS = "lagspill_subscriptions"
RECEIPTS = "lagspill_subscription_receipts"
NOBODY_KNOWN = "lagspill_messages_for_nobody_known"


@dataclass(frozen=True)
class ServiceState:
    """One service, as it answers now."""

    name: str
    url: str
    state: str
    """`ready`, `not ready` with what is missing, or `not running`."""
    outbox_rows: int | None = None
    outbox_age: float | None = None
    """Seconds that the oldest unpublished event has waited."""
    dead_letters: int | None = None
    overdue: int | None = None
    """Deadlines that are due and have not had their effect."""
    parked: int | None = None
    """Deadlines whose handler failed too often."""
    messages: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """By channel and status: those that wait, and those that could not be delivered. Of the notify service."""
    subscriptions: Mapping[str, int] = field(default_factory=dict)
    """Webhooks by state. Of the notify service."""
    receipts: Mapping[str, int] = field(default_factory=dict)
    """What other systems are to acknowledge, by state. Of the notify service."""
    nobody_known: Mapping[str, int] = field(default_factory=dict)
    """What waits for somebody, by the role in which nobody is known. Of the notify service."""

    @property
    def ready(self) -> bool:
        """Whether it takes requests."""
        return self.state == "ready"


@dataclass(frozen=True)
class GroupLag:
    """How many records of one topic a consumer group has not taken yet."""

    group: str
    topic: str
    partitions: int
    committed: int
    end: int

    @property
    def behind(self) -> int:
        """Records published and not taken."""
        return self.end - self.committed


@dataclass(frozen=True)
class Status:
    """Everything that `lagspill status` shows."""

    services: Sequence[ServiceState]
    groups: Sequence[GroupLag]
    kafka: str | None
    """Why Kafka does not answer; None when it does."""

    @property
    def all_ready(self) -> bool:
        """Whether everything runs."""
        return self.kafka is None and all(service.ready for service in self.services)


def noted_addresses(home: Path) -> Addresses | None:
    """Return where everything is, as a running `up` noted it in `home`; None when none runs there.

    Raises:
        LocalError: the note cannot be read.
    """
    note = home / ADDRESSES
    if not note.exists():
        return None
    try:
        return Addresses.model_validate_json(note.read_bytes())
    except (OSError, ValidationError) as error:
        raise LocalError(f"{note} cannot be read: {type(error).__name__}.") from error


def running_home(settings: LocalSettings) -> Path | None:
    """Return the folder in which the set runs: the one of `up`, else the demo's; None when it runs in neither."""
    return next((home for home in (settings.home, settings.home / "demo") if (home / ADDRESSES).exists()), None)


def known_addresses(settings: LocalSettings) -> tuple[Mapping[str, str], str]:
    """Return the services' base addresses and Kafka's bootstrap servers: as `up` noted them, else as the settings say.

    Raises:
        LocalError: the note cannot be read.
    """
    home = running_home(settings)
    noted = noted_addresses(home) if home is not None else None
    if noted is not None:
        return noted.services, noted.kafka_bootstrap_servers
    ports = {
        "cases": settings.cases_port,
        "meetings": settings.meetings_port,
        "notify": settings.notify_port,
        "audit": settings.audit_port,
    }
    services = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
    return services, settings.kafka_bootstrap_servers or f"{HOST}:{settings.kafka_port}"


async def look(services: Mapping[str, str], bus: Bus) -> Status:
    """Ask every service and the broker."""
    async with httpx.AsyncClient(timeout=5) as http:
        states = await asyncio.gather(*(_ask(http, name, url) for name, url in services.items()))
    try:
        return Status(states, await group_lags(bus), None)
    except (KafkaError, OSError) as error:
        return Status(states, [], f"{bus.servers} does not answer ({type(error).__name__})")


async def _ask(http: httpx.AsyncClient, name: str, url: str) -> ServiceState:
    try:
        ready = await http.get(f"{url}/health/ready")
        metrics = await http.get(f"{url}/metrics")
    except httpx.TransportError:
        return ServiceState(name, url, "not running")
    state = "ready" if ready.is_success else f"not ready: {ready.text.strip()[:200]}"
    if not metrics.is_success:
        return ServiceState(name, url, state)
    return state_of(ServiceState(name, url, state), metrics.text)


def state_of(known: ServiceState, exposition: str) -> ServiceState:
    """Return the state with the numbers that the service gives of itself."""
    totals: dict[str, float] = {}
    messages: dict[tuple[str, str], int] = {}
    nobody_known: dict[str, int] = {}
    by_state: dict[str, dict[str, int]] = {SUBSCRIPTIONS: {}, RECEIPTS: {}}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            if sample.name == MESSAGES:
                messages[sample.labels["channel"], sample.labels["status"]] = int(sample.value)
            elif sample.name == NOBODY_KNOWN:
                nobody_known[sample.labels["role"]] = int(sample.value)
            elif sample.name in by_state:
                by_state[sample.name][sample.labels["state"]] = int(sample.value)
            else:
                totals[sample.name] = totals.get(sample.name, 0.0) + sample.value

    def count(name: str) -> int | None:
        return int(totals[name]) if name in totals else None

    return replace(
        known,
        outbox_rows=count(OUTBOX_ROWS),
        outbox_age=totals.get(OUTBOX_AGE),
        dead_letters=count(DEAD_LETTERS),
        overdue=count(OVERDUE),
        parked=count(PARKED),
        messages=messages,
        subscriptions=by_state[SUBSCRIPTIONS],
        receipts=by_state[RECEIPTS],
        nobody_known=nobody_known,
    )


async def group_lags(bus: Bus) -> list[GroupLag]:
    """Return, for every consumer group, how far its committed offsets are from the end of each topic.

    Raises:
        KafkaError, OSError: the broker does not answer.
    """
    async with _admin(bus) as admin, _reader(bus) as reader:
        lags = []
        for group in sorted({name for name, _ in await admin.list_consumer_groups()}):
            committed = await admin.list_consumer_group_offsets(group)
            ends = await reader.end_offsets(list(committed))
            beginnings = await reader.beginning_offsets(list(committed))
            taken = {
                place: offsets.offset if offsets.offset >= 0 else beginnings[place]
                for place, offsets in committed.items()
            }
            lags += [_of_topic(group, topic, taken, ends) for topic in sorted({place.topic for place in committed})]
        return lags


@asynccontextmanager
async def _admin(bus: Bus) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**bus.options())
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


@asynccontextmanager
async def _reader(bus: Bus) -> AsyncIterator[AIOKafkaConsumer]:
    """Give a consumer outside any group, which only asks where topics end."""
    reader = AIOKafkaConsumer(**bus.options(), enable_auto_commit=False)
    try:
        await reader.start()
        yield reader
    finally:
        await reader.stop()


def _of_topic(
    group: str, topic: str, taken: Mapping[TopicPartition, int], ends: Mapping[TopicPartition, int]
) -> GroupLag:
    places = [place for place in taken if place.topic == topic]
    return GroupLag(
        group, topic, len(places), sum(taken[place] for place in places), sum(ends[place] for place in places)
    )


def shown(status: Status) -> Group:
    """Return the status as tables for a person."""
    services = Table(title="services", title_justify="left")
    numbers = ("outbox", "oldest", "dead letters", "overdue", "parked")
    for column in ("service", "address", "state", *numbers):
        services.add_column(column, justify="right" if column in numbers else "left")
    services.columns[1].no_wrap = True
    for one in status.services:
        colour = "green" if one.ready else "red"
        services.add_row(
            one.name,
            one.url,
            f"[{colour}]{one.state}[/{colour}]",
            _number(one.outbox_rows),
            "" if one.outbox_age is None else f"{one.outbox_age:.1f} s",
            *(_number(each) for each in (one.dead_letters, one.overdue, one.parked)),
        )
    parts: list[Table | str] = [services]
    if lines := deliveries(status.services):
        delivering = Table(title="deliveries", title_justify="left")
        for column in ("what", "state", "number"):
            delivering.add_column(column, justify="right" if column == "number" else "left")
        for what, state, number in lines:
            delivering.add_row(what, state, f"[yellow]{number}[/yellow]" if state in TROUBLED else str(number))
        parts.append(delivering)
    if status.kafka is not None:
        return Group(*parts, f"[red]Kafka at {status.kafka}[/red]")
    groups = Table(title="consumers", title_justify="left")
    for column in ("consumer", "topic", "partitions", "taken", "published", "behind"):
        groups.add_column(column, justify="left" if column in {"consumer", "topic"} else "right")
    for lag in status.groups:
        behind = f"[yellow]{lag.behind}[/yellow]" if lag.behind else "0"
        groups.add_row(lag.group, lag.topic, str(lag.partitions), str(lag.committed), str(lag.end), behind)
    return Group(*parts, groups)


TROUBLED: Final = frozenset({"failed", "failing", "stopped", "missing", "nobody known"})
"""States of a delivery that somebody should look at."""


def deliveries(services: Sequence[ServiceState]) -> list[tuple[str, str, int]]:
    """Return what waits to be delivered and what could not be: what it is, how it stands, how many."""
    return [
        *(
            (f"messages by {channel}", state, number)
            for one in services
            for (channel, state), number in sorted(one.messages.items())
        ),
        *(
            (f"messages for {role}", "nobody known", number)
            for one in services
            for role, number in sorted(one.nobody_known.items())
        ),
        *(("subscriptions", state, number) for one in services for state, number in sorted(one.subscriptions.items())),
        *(
            ("receipts of subscribers", state, number)
            for one in services
            for state, number in sorted(one.receipts.items())
        ),
    ]


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
