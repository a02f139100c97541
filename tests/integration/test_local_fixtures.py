"""What the other suites stand on: databases and topics of one's own, a proxy that fails on demand, signals."""

from __future__ import annotations

import asyncio
from urllib.parse import urlsplit

import asyncpg
import httpx
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from shared.testing.ids import SeededIds
from shared.testing.issuer import DISCOVERY, LocalIssuer
from shared.testing.plugin import NewDatabase, NewTopicName, through
from shared.testing.proxy import FaultProxy
from shared.testing.signals import Probe, TopicReader, Watch

pytestmark = pytest.mark.connected


async def test_databases_are_empty_and_apart(new_database: NewDatabase) -> None:
    one, other = await new_database(), await new_database()
    assert urlsplit(one).path != urlsplit(other).path
    connection = await asyncpg.connect(one)
    try:
        assert await connection.fetchval("select count(*) from pg_tables where schemaname = 'public'") == 0
        await connection.execute("create table here (a int)")
        version = connection.get_server_version()
    finally:
        await connection.close()
    assert version.major == 18
    connection = await asyncpg.connect(other)
    try:
        assert await connection.fetchval("select to_regclass('here')") is None
    finally:
        await connection.close()


async def test_a_watch_sees_a_row_that_another_connection_commits(database: str) -> None:
    writer = await asyncpg.connect(database)
    await writer.execute("create table rows (a int)")
    async with Watch(database, "rows") as watch:
        waiting = asyncio.create_task(watch.until("select sum(a) from rows", gives=3))
        await writer.execute("insert into rows values (1)")
        await writer.execute("insert into rows values (2)")
        await waiting
        with pytest.raises(TimeoutError, match="gave 3"):
            await watch.until("select sum(a) from rows", gives=4, within=0.05)
    await writer.close()


async def test_a_reader_gets_every_record_of_its_topic(broker: str, new_topic: NewTopicName) -> None:
    name = await new_topic(partitions=3)
    async with (
        AIOKafkaProducer(bootstrap_servers=broker, enable_idempotence=True) as producer,
        TopicReader(broker, name) as reader,
    ):
        for number in range(20):
            await producer.send_and_wait(name, str(number).encode(), key=str(number).encode())
        assert {record.value for record in await reader.take(20)} == {str(number).encode() for number in range(20)}
    async with TopicReader(broker, name) as reader:
        assert len(await reader.rest()) == 20


async def test_a_probe_wakes_the_waiter() -> None:
    probe: Probe[int] = Probe()
    waiting = asyncio.create_task(probe.take(2))
    probe(1)
    probe(2)
    assert await waiting == [1, 2]


async def test_the_proxy_cuts_refuses_and_resumes(database: str, postgres_proxy: FaultProxy) -> None:
    dsn = through(postgres_proxy, database)
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select 1") == 1
    assert postgres_proxy.cut() == 1
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await connection.fetchval("select 1")
    await postgres_proxy.refuse()
    with pytest.raises(OSError, match="Connect"):
        await asyncpg.connect(dsn)
    await postgres_proxy.resume()
    connection = await asyncpg.connect(dsn)
    assert await connection.fetchval("select 1") == 1
    await connection.close()


async def test_the_proxy_stalls_without_closing(database: str, postgres_proxy: FaultProxy) -> None:
    connection = await asyncpg.connect(through(postgres_proxy, database))
    postgres_proxy.stall()
    answer = asyncio.create_task(connection.fetchval("select 1"))
    done, _ = await asyncio.wait([answer], timeout=0.1)
    assert not done
    await postgres_proxy.resume()
    assert await answer == 1
    await connection.close()


async def test_a_lost_answer_means_done_and_not_told(database: str, postgres_proxy: FaultProxy) -> None:
    direct = await asyncpg.connect(database)
    await direct.execute("create table rows (a int)")
    connection = await asyncpg.connect(through(postgres_proxy, database))
    lost = postgres_proxy.lose_next_answer()
    with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.InterfaceError, OSError)):
        await connection.execute("insert into rows values (1)")
    await lost
    assert await direct.fetchval("select count(*) from rows") == 1
    await direct.close()


async def test_kafka_clients_stay_behind_the_proxy(kafka_proxy: FaultProxy, topic: str, broker: str) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=kafka_proxy.address, request_timeout_ms=2000, metadata_max_age_ms=500)
    await producer.start()
    await producer.send_and_wait(topic, b"before")
    await kafka_proxy.refuse()
    sending = asyncio.create_task(producer.send_and_wait(topic, b"during"))
    done, _ = await asyncio.wait([sending], timeout=0.3)
    assert not done, "the producer went round the proxy"
    await kafka_proxy.resume()
    try:
        await sending
    except KafkaError:
        await producer.send_and_wait(topic, b"during")
    await producer.stop()
    async with TopicReader(broker, topic) as reader:
        assert {record.value for record in await reader.rest()} == {b"before", b"during"}


async def test_an_issuer_signs_what_its_keys_verify(issuer: LocalIssuer) -> None:
    async with httpx.AsyncClient() as http:
        discovery = (await http.get(issuer.issuer + DISCOVERY)).json()
        keys = KeySet.import_key_set((await http.get(discovery["jwks_uri"])).json())
        token = jwt.decode(issuer.token({"sub": "somebody", "lagspill_unit": None}), keys)
        assert token.header["typ"] == "at+jwt"
        assert token.claims["iss"] == issuer.issuer == discovery["issuer"]
        assert token.claims["sub"] == "somebody"
        assert "lagspill_unit" not in token.claims
        issuer.rotate("ES256")
        fresh = KeySet.import_key_set((await http.get(discovery["jwks_uri"])).json())
        with pytest.raises(InvalidKeyIdError):
            jwt.decode(issuer.token(), keys)
        jwt.decode(issuer.token(), fresh, algorithms=["ES256"])
        issuer.fail()
        assert (await http.get(discovery["jwks_uri"])).status_code == 503
    assert issuer.requests["/jwks"] == 3


def test_seeded_ids_repeat_and_grow() -> None:
    one, other = SeededIds(3), SeededIds(3)
    events = [one.event_id() for _ in range(100)]
    assert events == [other.event_id() for _ in range(100)] == sorted(events)
    assert {event.version for event in events} == {7}
    assert one.ref("cas") == other.ref("cas")
