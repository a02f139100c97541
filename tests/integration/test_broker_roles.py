"""The declared access rules on a real Kafka with TLS, logins and an authoriser: each service can do its work and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAuthorizationFailedError

from deploy import broker_roles, topics
from deploy.broker_roles import Operation, Resource
from services.cases import consumers as cases
from services.cases.coming_consumers import INBOX as COMING
from services.cases.handlers.desk import Desk
from services.meetings.around_child_consumers import AROUND_CHILDREN
from services.meetings.consumers import INBOX as MEETINGS
from services.meetings.figure_consumers import FIGURES
from services.notify import consumers as notify
from services.notify import feed
from services.notify.handlers import Teller
from services.notify.texts import Texts
from shared.bus import Bus, Tls
from shared.contracts import TOPICS
from shared.contracts.codes import Language
from shared.kafka import WATERMARKS_TOPIC, BatchConsumer, RawRecord, create_broker, missing_topics
from shared.publisher import Outgoing, Publisher, producers
from shared.testing.signals import Probe
from tests.integration.secure_kafka import ADMIN, SecureKafka, make_authority

SERVICES = ("cases", "meetings", "notify", "audit")
LOGINS = {name: f"a-password-of-{name}" for name in (*SERVICES, "subscriber", ADMIN)}


def allowed(role: str, operation: Operation, resource: Resource) -> set[str]:
    """Return what the declaration lets a role do."""
    return {
        rule.name
        for rule in broker_roles.declared("")
        if (rule.principal, rule.operation, rule.resource) == (role, operation, resource)
    }


async def nothing_more(*_: object) -> None:
    """What the feed tells beside: nothing is handled here."""


@pytest.mark.parametrize("service", SERVICES)
def test_the_declaration_is_what_the_services_do(service: str) -> None:
    read: dict[str, Callable[[], Sequence[str]]] = {
        "cases": lambda: (*cases.inbox(cast("Desk", None)).subscribed, *COMING.subscribed),  # nothing is handled here
        "meetings": lambda: (*MEETINGS.subscribed, *FIGURES.subscribed, *AROUND_CHILDREN.subscribed),
        "notify": lambda: (
            *notify.inbox(Teller(Texts(), default=Language.NB, mails=False)).subscribed,
            *feed.inbox(nothing_more).subscribed,
        ),
        "audit": lambda: TOPICS,
    }
    assert allowed(service, Operation.READ, Resource.TOPIC) == set(read[service]())
    groups = {
        "cases": {"cases", COMING.consumer},
        "notify": {"notify", feed.CONSUMER},
        "meetings": {"meetings", FIGURES.consumer, AROUND_CHILDREN.consumer},
    }
    assert allowed(service, Operation.READ, Resource.GROUP) == groups.get(service, {service})
    assert allowed(service, Operation.WRITE, Resource.TOPIC) == {
        f"lagspill.{service}.v1",
        "lagspill.access.v1",
        WATERMARKS_TOPIC,
    }


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    """The broker, with the declared topics and rules."""
    server = SecureKafka(tmp_path_factory.mktemp("secure"), LOGINS)
    server.start()

    async def prepare() -> None:
        async with admin_of(server) as admin:
            await topics.create_missing(admin, topics.declared("local"))
            await broker_roles.apply(admin, broker_roles.declared())

    asyncio.run(prepare())
    yield server
    server.stop()


@asynccontextmanager
async def admin_of(server: SecureKafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(**server.bus(ADMIN).options())
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


@pytest.mark.connected
@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_publishes_as_itself_and_as_nobody_else(secure: SecureKafka, service: str) -> None:
    for topic in (*TOPICS, WATERMARKS_TOPIC):
        publisher = Publisher(producers(secure.bus(service), client=service), seconds=30.0)
        await publisher.start()
        try:
            if topic in allowed(service, Operation.WRITE, Resource.TOPIC):
                await publisher.publish([Outgoing(topic, b"key", b"{}")])
            else:
                with pytest.raises(TopicAuthorizationFailedError):
                    await publisher.publish([Outgoing(topic, b"key", b"{}")])
        finally:
            await publisher.close()


@pytest.mark.connected
@pytest.mark.parametrize("login", [*SERVICES, "subscriber"])
async def test_who_may_read_reads_and_nobody_else(secure: SecureKafka, login: str) -> None:
    every = frozenset((*TOPICS, WATERMARKS_TOPIC))
    reads, writes = (allowed(login, each, Resource.TOPIC) for each in (Operation.READ, Operation.WRITE))
    assert await missing_topics(secure.bus(login), every) == every - reads - writes, "the others are not there for it"
    for topic in reads | writes:
        async with AIOKafkaConsumer(**secure.bus(login).options(), enable_auto_commit=False) as reader:
            reader.assign([TopicPartition(topic, 0)])
            await reader.seek_to_beginning()
            if topic in reads:
                await reader.getmany(timeout_ms=50)
            else:
                with pytest.raises(TopicAuthorizationFailedError):
                    await reader.getone()


@pytest.mark.connected
async def test_a_batch_consumer_with_a_login_takes_what_is_published(secure: SecureKafka) -> None:
    taken = Probe[bytes | None]()

    async def process(records: Sequence[RawRecord]) -> None:
        for record in records:
            taken(record.value)

    broker = create_broker(secure.bus("meetings"), client="meetings")
    consumer = BatchConsumer(broker, group="meetings", topics=["lagspill.cases.v1"], process=process)
    await consumer.start()
    publisher = Publisher(producers(secure.bus("cases"), client="cases"), seconds=30.0)
    await publisher.start()
    await publisher.publish([Outgoing("lagspill.cases.v1", b"key", b"over TLS")])
    await taken.until(lambda seen: b"over TLS" in seen)
    await publisher.close()
    await consumer.stop()
    await broker.stop()


@pytest.mark.connected
async def test_topics_are_seen_by_who_may_use_them(secure: SecureKafka) -> None:
    wanted = allowed("notify", Operation.READ, Resource.TOPIC) | allowed("notify", Operation.WRITE, Resource.TOPIC)
    assert await missing_topics(secure.bus("notify"), wanted) == frozenset()


@pytest.mark.connected
@pytest.mark.parametrize("what", ["another password", "another authority", "no login"])
async def test_a_stranger_is_not_let_in(secure: SecureKafka, what: str) -> None:
    stranger = {
        "another password": secure.bus("cases", password="guessed"),
        "another authority": secure.bus("cases", ca=make_authority().ca),
        "no login": Bus(secure.bootstrap_servers, Tls(secure.authority.ca)),
    }[what]
    with pytest.raises((KafkaConnectionError, KafkaError)):
        await missing_topics(stranger, ["lagspill.cases.v1"])


@pytest.mark.connected
async def test_the_command_line_uses_the_login(secure: SecureKafka, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(secure.authority.ca)
    told = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "KAFKA_BOOTSTRAP_SERVERS": secure.bootstrap_servers,
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_CA_FILE": str(ca),
        "KAFKA_SASL_USERNAME": ADMIN,
        "KAFKA_SASL_PASSWORD": LOGINS[ADMIN],
    }

    async def run(*arguments: str, **other: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "deploy", *arguments),
            env=told | other,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        return process.returncode or 0, output.decode(), errors.decode()

    assert (await run("topics", "--check"))[0] == 0
    code, shown, _ = await run("broker-roles")
    assert code == 0
    assert "--add --allow-principal User:audit --operation Read --topic lagspill.access.v1" in shown.splitlines()
    code, shown, _ = await run("broker-roles", "--apply", "--prefix", "User:lagspill-")
    assert (code, shown.strip()) == (0, f"{len(broker_roles.declared())} rules stand")
    code, _, errors = await run(
        "broker-roles", "--apply", KAFKA_SASL_USERNAME="cases", KAFKA_SASL_PASSWORD=LOGINS["cases"]
    )
    assert code == 1
    assert "does not take the rules" in errors
    code, _, errors = await run("topics", "--check", KAFKA_SECURITY_PROTOCOL="PLAINTEXT")
    assert code == 1
    assert "belong" in errors
    assert LOGINS[ADMIN] not in json.dumps([shown, errors])
